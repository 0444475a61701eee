/* WatchRuleset: listeners hear what changes in the ruleset, and what they missed. */
#include "unit/control/ear.h"

#include "control/rule_hub.h"

static void watch(struct ear *e, const char *params)
{
	listen_to(e, "WatchRuleset", params);
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
	watch(&all, "{}");
	watch(&chains, "{\"objects\":[\"chains\"],\"kinds\":[\"destroy\"]}");
	watch(&numbers, "{\"objects\":[\"tables\"],\"print\":[\"handle\"]}");
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
	watch(&e, "{\"generations\":true}");
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
	watch(&e, "{}");
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
		watch(&ear[i], "{}");
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
	watch(&e, "{}");
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
		watch(&e, wrong[i]);
		assert_string_equal(error_of(&e), "org.varlink.service.InvalidParameter");
		stop(&e);
	}
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
