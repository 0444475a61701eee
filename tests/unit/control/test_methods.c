/* What sessions are asked for: rulesets, reloads, flows. */
#include "unit/control/talk.h"

/* ---- Apply ---- */

static void commands_are_applied_and_listed(void **unused)
{
	json_t *reply = call("{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":"
			     "{\"name\":\"<cmdline>\",\"text\":\"add table ip t\"}}}");

	(void)unused;
	assert_string_equal(json_string_value(json_object_get(params_of(reply), "output")), "");
	json_decref(reply);
	assert_int_equal(changes(), 1);
	reply = call("{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":"
		     "{\"name\":\"<cmdline>\",\"text\":\"list ruleset\"},"
		     "\"print\":[\"handle\",\"stateless\"],\"includes\":null}}");
	assert_non_null(strstr(json_string_value(json_object_get(params_of(reply), "output")),
			       "table ip t {"));
	json_decref(reply);
	assert_int_equal(changes(), 1);
}

static void a_wrong_ruleset_is_explained_and_changes_nothing(void **unused)
{
	json_t *reply =
		call("{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":{\"name\":"
		     "\"<cmdline>\",\"text\":\"add table ip t; foo bar\"}}}");
	const char *message = json_string_value(
		json_object_get(json_object_get(reply, "parameters"), "message"));

	(void)unused;
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "org.ctfw.RulesetError");
	assert_non_null(message);
	assert_non_null(strstr(message, "foo"));
	assert_int_equal(changes(), 0);
	json_decref(reply);
}

static void a_missing_include_is_asked_for_and_then_taken_from_the_call(void **unused)
{
	json_t *reply =
		call("{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":{\"name\":"
		     "\"a.nft\",\"text\":\"add table ip t\\ninclude \\\"b.nft\\\"\\n\"}}}");
	json_t *need = json_array_get(
		json_object_get(json_object_get(reply, "parameters"), "includes"), 0);

	(void)unused;
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "org.ctfw.IncludeNeeded");
	assert_string_equal(json_string_value(json_object_get(need, "pattern")), "b.nft");
	assert_string_equal(json_string_value(json_object_get(need, "from")), "a.nft");
	json_decref(reply);
	assert_int_equal(changes(), 0);

	reply = call("{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":{\"name\":"
		     "\"a.nft\",\"text\":\"add table ip t\\ninclude \\\"b.nft\\\"\\n\"},"
		     "\"includes\":[{\"pattern\":\"b.nft\",\"files\":["
		     "{\"name\":\"/x/b.nft\",\"text\":\"add table ip u\\n\"}]}]}}");
	params_of(reply);
	json_decref(reply);
	assert_int_equal(changes(), 1);

	/* It was looked for and is not there: an error of the ruleset, not a question. */
	reply = call("{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":{\"name\":"
		     "\"a.nft\",\"text\":\"include \\\"b.nft\\\"\\n\"},"
		     "\"includes\":[{\"pattern\":\"b.nft\",\"files\":[]}]}}");
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "org.ctfw.RulesetError");
	json_decref(reply);
	/* Of a pattern there may be none. */
	reply = call("{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":{\"name\":"
		     "\"a.nft\",\"text\":\"include \\\"d/*.nft\\\"\\n\"},"
		     "\"includes\":[{\"pattern\":\"d/*.nft\",\"files\":[]}]}}");
	params_of(reply);
	json_decref(reply);
}

static void wrong_parameters_of_apply_are_named(void **unused)
{
	static const char *const wrong[][2] = {
		{ "\"source\":{\"name\":\"x\"}", "source" },
		{ "\"source\":{\"name\":1,\"text\":\"\"}", "source" },
		{ "\"source\":\"add table ip t\"", "source" },
		{ "\"source\":null", "source" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"print\":[\"bogus\"]", "print" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"print\":[1]", "print" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"print\":\"handle\"", "print" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"check\":\"yes\"", "check" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"echo\":1", "echo" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"defines\":[{\"name\":\"a\"}]",
		  "defines" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"includes\":[1]", "includes" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"zone\":{}", "zone" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"zone\":{\"now\":93600,"
		  "\"before\":0,\"changes\":[],\"offsets\":[]}", "zone" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"zone\":{\"now\":0,"
		  "\"before\":0,\"changes\":[5,5],\"offsets\":[1,2]}", "zone" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"zone\":{\"now\":0,"
		  "\"before\":0,\"changes\":[5,6],\"offsets\":[1]}", "zone" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"labels\":[1]", "labels" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"labels\":[{\"label\":128,"
		  "\"name\":\"x\"}]", "labels" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"labels\":[{\"label\":-1,"
		  "\"name\":\"x\"}]", "labels" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"labels\":[{\"label\":1,"
		  "\"name\":\"a b\"}]", "labels" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"labels\":[{\"label\":1,"
		  "\"name\":\"\"}]", "labels" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},\"includes\":[{\"pattern\":\"x\"}"
		  "]",
		  "includes" },
		{ "\"source\":{\"name\":\"x\",\"text\":\"\"},"
		  "\"includes\":[{\"pattern\":\"x\",\"files\":[{\"name\":\"x\"}]}]",
		  "includes" },
	};
	char message[512];

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(message, sizeof(message),
			 "{\"method\":\"org.ctfw.Apply\",\"parameters\":{%s}}", wrong[i][0]);
		expect_error(message, "org.varlink.service.InvalidParameter", "parameter",
			     wrong[i][1]);
	}
	assert_int_equal(changes(), 0);
}

/* ---- trials ---- */

#define APPLY(text, more)                                                                      \
	"{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":{\"name\":\"x\",\"text\":"       \
	"\"" text "\"}" more "}}"

/* The reply's own, or its member trial or undone. */
static json_int_t undone_in(json_t *reply)
{
	const json_t *params = params_of(reply), *trial = json_object_get(params, "trial");
	json_int_t left;

	if (!trial)
		trial = json_object_get(params, "undone");
	left = json_integer_value(
		json_object_get(trial ? trial : params, "undone_in"));

	json_decref(reply);
	return left;
}

static void a_change_is_on_trial_until_it_is_confirmed_or_undone(void **unused)
{
	(void)unused;
	expect_error("{\"method\":\"org.ctfw.Confirm\"}", "org.ctfw.NothingOnTrial", NULL, NULL);
	expect_error("{\"method\":\"org.ctfw.Rollback\"}", "org.ctfw.NoFormerRuleset", NULL, NULL);
	assert_int_equal(undone_in(call(APPLY("add table ip t", ",\"confirm\":60"))), 60);
	assert_non_null(strstr(f.logged, "on trial: undone in 60 seconds"));
	f.now.mono += 20 * NSEC_PER_SEC + 1;
	/* Whoever changes something meanwhile is told. */
	assert_int_equal(undone_in(call(APPLY("add table ip u", ""))), 40);
	assert_int_equal(undone_in(call(APPLY("list ruleset", ""))), 0);
	may_change = false;
	begin();
	expect_error("{\"method\":\"org.ctfw.Confirm\"}",
		     "org.varlink.service.PermissionDenied", NULL, NULL);
	expect_error("{\"method\":\"org.ctfw.Rollback\"}",
		     "org.varlink.service.PermissionDenied", NULL, NULL);
	may_change = true;
	begin();
	assert_int_equal(undone_in(call("{\"method\":\"org.ctfw.Rollback\"}")), 40);
	assert_int_equal(ruleset_size(generation_ruleset(f.generation)).tables, 0);
	assert_non_null(strstr(f.logged, "undone, as a client asked"));
	assert_int_equal(undone_in(call(APPLY("add table ip t", ",\"confirm\":86400"))), 86400);
	assert_int_equal(undone_in(call("{\"method\":\"org.ctfw.Confirm\"}")), 86400);
	assert_non_null(strstr(f.logged, "confirmed"));
	expect_error("{\"method\":\"org.ctfw.Rollback\"}", "org.ctfw.NoFormerRuleset", NULL, NULL);
	assert_int_equal(ruleset_size(generation_ruleset(f.generation)).tables, 1);
}

static const char *of_ruleset(const json_t *rulesets, size_t number, const char *name)
{
	return json_string_value(json_object_get(json_array_get(rulesets, number), name));
}

static void rulesets_that_were_in_force_are_told_of_and_come_back(void **unused)
{
	static const char back[] = "{\"method\":\"org.ctfw.Rollback\"}";
	const json_t *rulesets;
	json_t *reply;

	(void)unused;
	json_decref(call(APPLY("add table ip t", "")));
	json_decref(call("{\"method\":\"org.ctfw.Apply\",\"parameters\":{\"source\":{"
			 "\"name\":\"<cmdline>\",\"text\":\"add chain ip t c\\n"
			 "add rule ip t c counter\\n\"}}}"));
	may_change = false;
	begin();
	reply = call("{\"method\":\"org.ctfw.Rulesets\"}");
	rulesets = json_object_get(params_of(reply), "rulesets");
	assert_int_equal(json_array_size(rulesets), 2);
	assert_string_equal(of_ruleset(rulesets, 0, "what"), "add chain ip t c");
	assert_string_equal(of_ruleset(rulesets, 0, "cause"), "command");
	assert_string_equal(of_ruleset(rulesets, 1, "what"), "x");
	assert_string_equal(of_ruleset(rulesets, 1, "cause"), "file");
	json_decref(reply);
	may_change = true;
	begin();
	reply = call(back);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(params_of(reply), "ruleset"), "number")),
			 1);
	json_decref(reply);
	assert_non_null(strstr(f.logged, "back to the ruleset before, number 1 (file: x)"));
	assert_int_equal(ruleset_size(generation_ruleset(f.generation)).chains, 0);
	assert_int_equal(undone_in(call("{\"method\":\"org.ctfw.Rollback\",\"parameters\":"
					"{\"confirm\":30}}")),
			 30);
	assert_int_equal(ruleset_size(generation_ruleset(f.generation)).rules, 1);
	assert_int_equal(undone_in(call(back)), 30);
	assert_int_equal(ruleset_size(generation_ruleset(f.generation)).rules, 0);
	for (int number = -1; number < 12; number += 6) {
		char call_text[96];

		snprintf(call_text, sizeof(call_text),
			 "{\"method\":\"org.ctfw.Rollback\",\"parameters\":{\"number\":%d}}",
			 number);
		expect_error(call_text, "org.ctfw.NoFormerRuleset", NULL, NULL);
	}
}

static void what_changes_nothing_is_on_no_trial(void **unused)
{
	static const char *const calls[] = {
		APPLY("list ruleset", ",\"confirm\":60"),
		APPLY("add table ip t", ",\"confirm\":60,\"check\":true"),
		APPLY("add tabel ip t", ",\"confirm\":60"),
		APPLY("add table ip t", ",\"confirm\":null"),
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		json_decref(call(calls[i]));
		expect_error("{\"method\":\"org.ctfw.Confirm\"}", "org.ctfw.NothingOnTrial",
			     NULL, NULL);
	}
	assert_string_equal(f.logged, "");
}

static void a_trial_has_a_length_that_an_operator_may_wait(void **unused)
{
	static const char *const wrong[] = { "0", "-1", "86401", "9223372036854775807", "\"60\"",
					     "1.5", "true" };
	char message[200];

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(message, sizeof(message), APPLY("add table ip t", ",\"confirm\":%s"),
			 wrong[i]);
		expect_error(message, "org.varlink.service.InvalidParameter", "parameter",
			     "confirm");
		snprintf(message, sizeof(message),
			 "{\"method\":\"org.ctfw.Reload\",\"parameters\":{\"confirm\":%s}}",
			 wrong[i]);
		expect_error(message, "org.varlink.service.InvalidParameter", "parameter",
			     "confirm");
	}
	assert_int_equal(changes(), 0);
	assert_int_equal(f.reloads, 0);
}

static void a_reload_may_be_on_trial(void **unused)
{
	(void)unused;
	assert_int_equal(undone_in(call("{\"method\":\"org.ctfw.Reload\"}")), 0);
	assert_int_equal(f.reload_until, 0);
	/* Nothing is on trial here: the daemon that reloads is not the real one. */
	assert_int_equal(undone_in(call("{\"method\":\"org.ctfw.Reload\","
					"\"parameters\":{\"confirm\":30}}")),
			 0);
	assert_int_equal(f.reload_until, f.now.mono + 30 * NSEC_PER_SEC);
	assert_int_equal(f.reloads, 2);
}

static json_t *unreadable(const json_t *reply)
{
	return json_object_get(json_object_get(reply, "parameters"), "unreadable");
}

static void that_the_file_was_saved_is_noted(void **unused)
{
	json_t *reply = call("{\"method\":\"org.ctfw.NoteSaved\",\"parameters\":"
			     "{\"generation\":1,\"hash\":\"00000000fedcba9f\"}}");

	(void)unused;
	assert_true(json_is_null(unreadable(reply)));
	json_decref(reply);
	assert_non_null(strstr(f.logged, "saved what runs"));
	assert_int_equal(f.saved, 1);
	assert_int_equal(generation_file(f.generation).hash, 0xfedcba9f);
	assert_int_equal(generation_file(f.generation).includes, 0);
	expect_error("{\"method\":\"org.ctfw.NoteSaved\",\"parameters\":"
		     "{\"generation\":1,\"hash\":\"-000000fedcba9f1\"}}",
		     "org.varlink.service.InvalidParameter", "parameter", "hash");
	/* Of somebody who does not know it: the next start reads the file. */
	f.shut = true;
	reply = call("{\"method\":\"org.ctfw.NoteSaved\",\"parameters\":{\"generation\":1}}");
	assert_string_equal(json_string_value(unreadable(reply)),
			    "/r.nft: Permission denied\n");
	json_decref(reply);
	assert_non_null(strstr(f.logged, "Permission denied"));
	assert_int_equal(generation_file(f.generation).hash, 0);
	f.shut = false;
	may_change = false;
	begin();
	expect_error("{\"method\":\"org.ctfw.NoteSaved\",\"parameters\":{\"generation\":1}}",
		     "org.varlink.service.PermissionDenied", NULL, NULL);
}

/* ---- Reload ---- */

static void a_reload_tells_how_it_went(void **unused)
{
	json_t *reply = call("{\"method\":\"org.ctfw.Reload\"}");

	(void)unused;
	params_of(reply);
	json_decref(reply);
	f.reload_message = "workers: takes effect at the next start";
	reply = call("{\"method\":\"org.ctfw.Reload\"}");
	assert_string_equal(json_string_value(json_object_get(params_of(reply), "message")),
			    f.reload_message);
	json_decref(reply);
	f.reload_err = -22;
	f.reload_message = "ctfwd.conf:3: unknown key";
	expect_error("{\"method\":\"org.ctfw.Reload\"}", "org.ctfw.ReloadFailed", "message",
		     f.reload_message);
	f.reload_err = -EAGAIN;
	reply = call("{\"method\":\"org.ctfw.Reload\"}");
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "org.ctfw.TryAgain");
	json_decref(reply);
}

static void a_reload_that_takes_time_wakes_the_owner(void **unused)
{
	json_t *reply;

	(void)unused;
	f.reload_waits = true;
	assert_null(call("{\"method\":\"org.ctfw.Reload\"}"));
	assert_int_equal(state, CONTROL_WAIT);
	assert_int_equal(wakes, 0);
	f.reload_done(f.reload_arg, 0, NULL);
	assert_int_equal(wakes, 1);
	run();
	reply = next();
	params_of(reply);
	json_decref(reply);
}

static void a_reload_outlives_who_asked_for_it(void **unused)
{
	(void)unused;
	f.reload_waits = true;
	assert_null(call("{\"method\":\"org.ctfw.Reload\"}"));
	control_session_free(session);
	session = NULL;
	f.reload_done(f.reload_arg, 0, NULL);
	assert_int_equal(wakes, 0);
}

/* ---- flows ---- */

static void flows_are_streamed_in_chunks_and_counted_at_the_end(void **unused)
{
	unsigned flows = 0, replies = 0;
	json_t *reply;
	bool more = true;

	(void)unused;
	fixture_flows(&f, 1000);
	say("{\"method\":\"org.ctfw.ListFlows\",\"more\":true}");
	while (more) {
		const json_t *p;

		reply = next();
		p = params_of(reply);
		more = json_is_true(json_object_get(reply, "continues"));
		flows += (unsigned)json_array_size(json_object_get(p, "flows"));
		assert_true(json_array_size(json_object_get(p, "flows")) <=
			    CONTROL_CHUNK_FLOWS);
		if (more)
			assert_null(json_object_get(p, "count"));
		else
			assert_int_equal(json_integer_value(json_object_get(p, "count")), 1000);
		json_decref(reply);
		replies++;
	}
	assert_int_equal(flows, 1000);
	assert_true(replies >= 5);
	assert_null(next());
	assert_int_equal(state, CONTROL_READ);
}

static void an_unread_stream_is_not_made(void **unused)
{
	struct text out = TEXT_INIT;
	static const char message[] = "{\"method\":\"org.ctfw.ListFlows\",\"more\":true}";

	(void)unused;
	fixture_flows(&f, 3000);
	control_session_input(session, message, sizeof(message));
	assert_int_equal(control_session_run(session, &out), CONTROL_WRITE);
	assert_int_equal(control_session_run(session, &out), CONTROL_WRITE);
	assert_true(out.len < 3 * CONTROL_CHUNK_FLOWS * 600); /* a chunk, no more */
	text_fini(&out);
	/* and the session can go in the middle of it: teardown frees it */
}

static void filters_choose_flows(void **unused)
{
	static const struct {
		const char *filter;
		int count;
	} cases[] = {
		{ "{}", 300 },
		{ "{\"protonum\":17}", 300 },
		{ "{\"protonum\":6}", 0 },
		{ "{\"src\":\"10.0.0.7\"}", 1 },
		{ "{\"src\":\"10.0.0.0/24\"}", 255 },
		{ "{\"src\":\"10.0.0.0/24\",\"dst\":\"192.0.2.2\"}", 0 },
		{ "{\"reply_src\":\"192.0.2.1\",\"reply_dst\":\"10.0.0.7\"}", 1 },
		{ "{\"dport\":53,\"sport\":1000}", 300 },
		{ "{\"dport\":54}", 0 },
		{ "{\"family\":\"ipv6\"}", 0 },
		{ "{\"mark\":0}", 300 },
		{ "{\"mark\":1,\"mark_mask\":1}", 0 },
		{ "{\"zone\":0}", 300 },
		{ "{\"status\":[\"confirmed\"],\"status_clear\":[\"seen-reply\"]}", 300 },
		{ "{\"status\":[\"assured\"]}", 0 },
		{ "{\"tcp_state\":\"ESTABLISHED\"}", 0 },
		{ "{\"sport\":null}", 300 },
	};
	char message[256];

	(void)unused;
	fixture_flows(&f, 300);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *reply;

		snprintf(message, sizeof(message),
			 "{\"method\":\"org.ctfw.CountFlows\",\"parameters\":{\"filter\":%s}}",
			 cases[i].filter);
		reply = call(message);
		if (json_integer_value(json_object_get(params_of(reply), "count")) !=
		    cases[i].count)
			fail_msg("%s: %d", cases[i].filter,
				 (int)json_integer_value(
					 json_object_get(params_of(reply), "count")));
		json_decref(reply);
	}
}

static void wrong_filters_are_refused(void **unused)
{
	static const char *const wrong[] = {
		"{\"bogus\":1}",        "{\"src\":\"nonsense\"}", "{\"src\":7}",
		"{\"protonum\":256}",   "{\"protonum\":-1}",      "{\"protonum\":\"tcp\"}",
		"{\"sport\":65536}",    "{\"family\":\"ipx\"}",   "{\"status\":[\"bogus\"]}",
		"{\"status\":[1]}",     "{\"mark\":4294967296}",  "{\"tcp_state\":\"BOGUS\"}",
		"{\"mark\":1.5}",       "{\"zone\":true}",        "{\"id\":0}",
		"{\"src\":\"10.0.0.1/8\"}",
	};
	char message[256];

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(message, sizeof(message),
			 "{\"method\":\"org.ctfw.CountFlows\",\"parameters\":{\"filter\":%s}}",
			 wrong[i]);
		expect_error(message, "org.varlink.service.InvalidParameter", "parameter",
			     "filter");
	}
}

static void deleted_flows_are_gone_and_streamed_to_who_wants_them(void **unused)
{
	unsigned flows = 0;
	json_t *reply;

	(void)unused;
	fixture_flows(&f, 600);
	reply = call("{\"method\":\"org.ctfw.DeleteFlows\","
		     "\"parameters\":{\"filter\":{\"src\":\"10.0.0.0/24\"}}}");
	assert_int_equal(json_integer_value(json_object_get(params_of(reply), "count")), 255);
	assert_int_equal(json_array_size(json_object_get(params_of(reply), "flows")), 0);
	json_decref(reply);
	assert_int_equal(fixture_count(&f), 345);

	say("{\"method\":\"org.ctfw.DeleteFlows\",\"more\":true}");
	while ((reply = next())) {
		flows += (unsigned)json_array_size(json_object_get(params_of(reply), "flows"));
		json_decref(reply);
	}
	assert_int_equal(flows, 345);
	assert_int_equal(fixture_count(&f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commands_are_applied_and_listed),
		TEST(a_wrong_ruleset_is_explained_and_changes_nothing),
		TEST(a_missing_include_is_asked_for_and_then_taken_from_the_call),
		TEST(wrong_parameters_of_apply_are_named),
		TEST(a_change_is_on_trial_until_it_is_confirmed_or_undone),
		TEST(rulesets_that_were_in_force_are_told_of_and_come_back),
		TEST(what_changes_nothing_is_on_no_trial),
		TEST(a_trial_has_a_length_that_an_operator_may_wait),
		TEST(a_reload_may_be_on_trial),
		TEST(that_the_file_was_saved_is_noted),
		TEST(a_reload_tells_how_it_went),
		TEST(a_reload_that_takes_time_wakes_the_owner),
		TEST(a_reload_outlives_who_asked_for_it),
		TEST(flows_are_streamed_in_chunks_and_counted_at_the_end),
		TEST(an_unread_stream_is_not_made),
		TEST(filters_choose_flows),
		TEST(wrong_filters_are_refused),
		TEST(deleted_flows_are_gone_and_streamed_to_who_wants_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
