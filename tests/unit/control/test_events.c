/* WatchFlows: listeners hear what they asked for, in order, and what they missed. */
#include "unit/control/ear.h"

#include "control/event_hub.h"

static void watch(struct ear *e, const char *params)
{
	listen_to(e, "WatchFlows", params);
}

static const json_t *event_of(const struct ear *e, size_t i)
{
	const json_t *params = json_object_get(e->last, "parameters");

	return json_array_get(json_object_get(params, "events"), i);
}

static const char *kind_of(const struct ear *e, size_t i)
{
	return json_string_value(json_object_get(event_of(e, i), "kind"));
}

static void delete_all(void)
{
	struct control_session *s = control_session_new(&f.ctx, true, NULL, NULL);
	static const char message[] = "{\"method\":\"org.ctfw.DeleteFlows\"}";
	struct text out = TEXT_INIT;

	control_session_input(s, message, sizeof(message));
	while (control_session_run(s, &out) == CONTROL_WRITE)
		;
	text_fini(&out);
	control_session_free(s);
	rcu_online();
	conntrack_housekeep(f.ct, 0, f.now);
	rcu_offline();
}

static void a_listener_hears_of_beginnings_and_ends(void **state)
{
	struct ear e;

	(void)state;
	watch(&e, "{}");
	assert_int_equal(e.state, CONTROL_PAUSE);
	assert_int_equal(e.events, 0);
	fixture_flows(&f, 2);
	assert_true(event_hub_collect(f.events));
	assert_int_equal(e.wakes, 1);
	run(&e);
	assert_int_equal(e.events, 2);
	assert_string_equal(kind_of(&e, 0), "new");
	assert_int_equal(e.state, CONTROL_PAUSE);
	delete_all();
	while (event_hub_collect(f.events))
		;
	run(&e);
	assert_int_equal(e.events, 4);
	assert_int_equal(e.skipped, 0);
	assert_string_equal(kind_of(&e, 1), "destroy");
	stop(&e);
}

static void nobody_is_woken_while_there_is_nothing_to_hear(void **state)
{
	struct ear e;

	(void)state;
	watch(&e, "{}");
	assert_false(event_hub_collect(f.events));
	run(&e);
	assert_int_equal(e.wakes, 0);
	assert_int_equal(e.state, CONTROL_PAUSE);
	stop(&e);
}

static void kinds_and_filters_choose(void **state)
{
	struct ear ends, one;

	(void)state;
	watch(&ends, "{\"kinds\":[\"destroy\",\"update\"]}");
	watch(&one, "{\"filter\":{\"src\":\"10.0.0.2\"}}");
	fixture_flows(&f, 3);
	delete_all();
	while (event_hub_collect(f.events))
		;
	run(&ends);
	run(&one);
	assert_int_equal(ends.events, 3);
	assert_int_equal(one.events, 2);
	stop(&ends);
	stop(&one);
}

static void what_is_no_kind_and_no_filter_is_refused(void **state)
{
	struct ear e;

	(void)state;
	watch(&e, "{\"kinds\":[\"bogus\"]}");
	assert_string_equal(error_of(&e), "org.varlink.service.InvalidParameter");
	stop(&e);
	watch(&e, "{\"kinds\":[]}");
	assert_string_equal(error_of(&e), "org.varlink.service.InvalidParameter");
	stop(&e);
	watch(&e, "{\"filter\":{\"src\":\"x\"}}");
	assert_string_equal(error_of(&e), "org.varlink.service.InvalidParameter");
	stop(&e);
}

/* One sleeps while more happens than the hub keeps: the other hears all of it. */
static void who_sleeps_is_told_how_much_he_missed(void **state)
{
	const unsigned rounds = 40, flows = 500;
	struct ear awake, asleep;

	(void)state;
	watch(&awake, "{}");
	watch(&asleep, "{}");
	for (unsigned i = 0; i < rounds; i++) {
		fixture_flows(&f, flows);
		delete_all();
		while (event_hub_collect(f.events))
			run(&awake);
		run(&awake);
	}
	assert_int_equal(awake.events, 2 * rounds * flows);
	assert_int_equal(awake.skipped, 0);
	run(&asleep);
	assert_int_equal(asleep.events, HUB_EVENTS);
	assert_int_equal(asleep.skipped, 2 * rounds * flows - HUB_EVENTS);
	stop(&awake);
	stop(&asleep);
}

/* More than a worker's ring holds, before anybody came to collect. */
static void what_was_lost_on_the_way_is_told_to_all(void **state)
{
	struct ear e[2];

	(void)state;
	watch(&e[0], "{}");
	watch(&e[1], "{\"kinds\":[\"destroy\"]}");
	fixture_flows(&f, 5000);
	while (event_hub_collect(f.events))
		;
	run(&e[0]);
	run(&e[1]);
	assert_int_equal(e[0].events + e[0].skipped, 5000);
	assert_true(e[0].skipped > 0);
	assert_int_equal(e[1].skipped, e[0].skipped);
	stop(&e[0]);
	stop(&e[1]);
	delete_all();
}

static void a_call_one_way_listens_to_nothing(void **state)
{
	static const char message[] =
		"{\"method\":\"org.ctfw.WatchFlows\",\"more\":true,\"oneway\":true}";
	struct ear e;

	(void)state;
	say(&e, message);
	assert_int_equal(e.state, CONTROL_READ);
	stop(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_hears_of_beginnings_and_ends),
		cmocka_unit_test(nobody_is_woken_while_there_is_nothing_to_hear),
		cmocka_unit_test(kinds_and_filters_choose),
		cmocka_unit_test(what_is_no_kind_and_no_filter_is_refused),
		cmocka_unit_test(who_sleeps_is_told_how_much_he_missed),
		cmocka_unit_test(what_was_lost_on_the_way_is_told_to_all),
		cmocka_unit_test(a_call_one_way_listens_to_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
