/* WatchRuleset: listeners hear what changes in the ruleset, and what they missed. */
#include "unit/control/fixture.h"

#include "control/rule_hub.h"

static struct fixture f;

/* A connection that listens. */
struct ear {
	struct control_session *session;
	enum control_state state;
	unsigned wakes;
	struct text lines;
	uint64_t skipped;
	char error[128];
};

static void wake(void *arg)
{
	((struct ear *)arg)->wakes++;
}

static void hear(struct ear *e, const char *reply)
{
	json_t *message = json_loads(reply, 0, NULL), *params;
	const char *lines, *error;

	assert_non_null(message);
	params = json_object_get(message, "parameters");
	error = json_string_value(json_object_get(message, "error"));
	lines = json_string_value(json_object_get(params, "lines"));
	snprintf(e->error, sizeof(e->error), "%s", error ? error : "");
	text_puts(&e->lines, lines ? lines : "");
	e->skipped += (uint64_t)json_integer_value(json_object_get(params, "skipped"));
	json_decref(message);
}

/* Run as long as it has something to say. */
static void run(struct ear *e)
{
	do {
		struct text out = TEXT_INIT;

		e->state = control_session_run(e->session, &out);
		for (size_t at = 0; at < out.len; at += strlen(out.s + at) + 1)
			hear(e, out.s + at);
		text_fini(&out);
	} while (e->state == CONTROL_WRITE);
}

static void listen_to(struct ear *e, const char *params)
{
	char message[512];
	size_t len = (size_t)snprintf(message, sizeof(message),
				      "{\"method\":\"org.ctfw.WatchRuleset\",\"more\":true,"
				      "\"parameters\":%s}",
				      params) + 1;

	*e = (struct ear){ .lines = TEXT_INIT };
	e->session = control_session_new(&f.ctx, false, wake, e);
	assert_int_equal(control_session_input(e->session, message, len), len);
	run(e);
}

static void stop(struct ear *e)
{
	control_session_free(e->session);
	text_fini(&e->lines);
}

static void apply(const char *text)
{
	struct ruleset_input input = { .name = "t", .text = text, .len = strlen(text) };
	struct text out = TEXT_INIT;
	struct diag d = DIAG_INIT;

	rcu_online();
	assert_int_equal(generation_apply(f.generation, &input, NULL, &d, &out), 0);
	rcu_offline();
	text_fini(&out);
	diag_fini(&d);
}

static void assert_heard(struct ear *e, const char *want)
{
	run(e);
	assert_string_equal(text_str(&e->lines), want);
	text_fini(&e->lines);
	e->lines = (struct text)TEXT_INIT;
}

static void every_listener_hears_what_it_asked_for(void **state)
{
	struct ear all, chains, numbers;

	(void)state;
	listen_to(&all, "{}");
	listen_to(&chains, "{\"objects\":[\"chains\"],\"kinds\":[\"destroy\"]}");
	listen_to(&numbers, "{\"objects\":[\"tables\"],\"print\":[\"handle\"]}");
	assert_int_equal(all.state, CONTROL_PAUSE);
	apply("add table ip t; add chain ip t c");
	assert_int_equal(all.wakes, 1);
	assert_int_equal(chains.wakes, 0);
	assert_heard(&all, "add table ip t\nadd chain ip t c\n");
	assert_heard(&numbers, "add table ip t # handle 1\n");
	assert_int_equal(all.state, CONTROL_PAUSE);
	apply("delete chain ip t c");
	apply("delete table ip t");
	assert_heard(&all, "delete chain ip t c\ndelete table ip t\n");
	assert_heard(&chains, "delete chain ip t c\n");
	stop(&all);
	stop(&chains);
	stop(&numbers);
	apply("add table ip t; delete table ip t");
}

static void generations_are_told_to_who_wants_them(void **state)
{
	char want[64];
	struct ear e;

	(void)state;
	listen_to(&e, "{\"generations\":true}");
	apply("add table ip g");
	snprintf(want, sizeof(want), "add table ip g\n# new generation %llu\n",
		 (unsigned long long)generation_serial(f.generation));
	assert_heard(&e, want);
	apply("delete table ip g");
	stop(&e);
}

static void what_is_too_much_is_skipped_whole_and_told(void **state)
{
	struct text big = TEXT_INIT;
	struct ear e;

	(void)state;
	listen_to(&e, "{}");
	text_puts(&big, "add table ip t; add chain ip t c; flush chain ip t c\n");
	for (unsigned i = 0; i < 4000; i++)
		text_printf(&big, "add rule ip t c log prefix \"%0100u\"\n", i);
	for (unsigned bytes = 0; bytes <= RULE_HUB_PENDING; bytes += 4000 * 120)
		apply(text_str(&big));
	text_fini(&big);
	run(&e);
	assert_in_range(e.skipped, 1, RULE_HUB_PENDING / (4000 * 120));
	assert_in_range(e.lines.len, RULE_HUB_PENDING / 2, RULE_HUB_PENDING);
	assert_int_equal(e.state, CONTROL_PAUSE);
	text_fini(&e.lines);
	e.lines = (struct text)TEXT_INIT;
	apply("add table ip after");
	assert_heard(&e, "add table ip after\n");
	apply("flush ruleset");
	stop(&e);
}

/* Two hundred of them would hold everybody up. */
static void a_large_change_is_written_for_some_and_skipped_for_the_rest(void **state)
{
	enum { EARS = 100 };
	struct text big = TEXT_INIT;
	struct ear ear[EARS];
	unsigned heard = 0;

	(void)state;
	for (unsigned i = 0; i < EARS; i++)
		listen_to(&ear[i], "{}");
	text_puts(&big, "add table ip t; add chain ip t c\n");
	for (unsigned i = 0; i < 4000; i++)
		text_printf(&big, "add rule ip t c log prefix \"%0100u\"\n", i);
	apply(text_str(&big));
	for (unsigned i = 0; i < EARS; i++) {
		run(&ear[i]);
		assert_int_equal(ear[i].skipped, ear[i].lines.len ? 0 : 1);
		heard += ear[i].lines.len > 0;
	}
	assert_in_range(heard, 1, EARS - 1);
	apply("delete table ip t");
	for (unsigned i = 0; i < EARS; i++) {
		text_clear(&ear[i].lines);
		run(&ear[i]);
		assert_non_null(strstr(text_str(&ear[i].lines), "delete table ip t\n"));
		stop(&ear[i]);
	}
	text_fini(&big);
}

static void a_file_in_the_place_of_all_is_told_as_such(void **state)
{
	static const char text[] = "add table ip t";
	struct ruleset_input input = { .name = "t", .text = text, .len = strlen(text) };
	struct diag d = DIAG_INIT;
	struct ear e;

	(void)state;
	apply("add table ip t");
	listen_to(&e, "{}");
	rcu_online();
	assert_int_equal(generation_replace(f.generation, &input, NULL, &d), 0);
	rcu_offline();
	assert_heard(&e, "delete table ip t\nadd table ip t\n");
	stop(&e);
	diag_fini(&d);
}

static void what_is_no_such_thing_is_refused(void **state)
{
	static const char *const wrong[] = { "{\"objects\":[\"trees\"]}", "{\"kinds\":[1]}",
					     "{\"kinds\":[]}", "{\"objects\":[]}",
					     "{\"print\":[\"nicely\"]}" };
	struct ear e;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		listen_to(&e, wrong[i]);
		assert_string_equal(e.error, "org.varlink.service.InvalidParameter");
		stop(&e);
	}
}

static int setup(void **state)
{
	(void)state;
	fixture_init(&f, 10000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_fini(&f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_listener_hears_what_it_asked_for),
		cmocka_unit_test(generations_are_told_to_who_wants_them),
		cmocka_unit_test(what_is_too_much_is_skipped_whole_and_told),
		cmocka_unit_test(a_large_change_is_written_for_some_and_skipped_for_the_rest),
		cmocka_unit_test(a_file_in_the_place_of_all_is_told_as_such),
		cmocka_unit_test(what_is_no_such_thing_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
