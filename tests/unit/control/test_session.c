/* Sessions: what goes in, what comes out, and what nobody can make them do. */
#include "unit/control/fixture.h"

static struct fixture f;
static struct control_session *session;
static bool may_change;
static unsigned wakes;
static struct text answer; /* what the session said, whole */
static enum control_state state;
static uint64_t serial;

static void wake(void *arg)
{
	(void)arg;
	wakes++;
}

static void begin(void)
{
	control_session_free(session);
	session = control_session_new(&f.ctx, may_change, wake, NULL);
	assert_non_null(session);
	text_clear(&answer);
	state = CONTROL_READ;
}

/* Run until it waits for something. */
static void run(void)
{
	for (int i = 0; i < 100000; i++) {
		struct text out = TEXT_INIT;

		state = control_session_run(session, &out);
		text_append(&answer, text_str(&out), out.len);
		text_fini(&out);
		if (state != CONTROL_WRITE)
			return;
	}
	fail_msg("the session never comes to an end");
}

/* Feed bytes as a socket would, in pieces. */
static void feed(const char *bytes, size_t len, size_t piece)
{
	size_t done = 0;

	while (done < len && state == CONTROL_READ) {
		size_t n = len - done < piece ? len - done : piece;
		size_t taken = control_session_input(session, bytes + done, n);

		assert_true(taken <= n);
		done += taken;
		run();
	}
}

/* The next reply, or NULL. */
static json_t *next(void)
{
	size_t len = text_str(&answer)[0] ? strlen(answer.s) : 0;
	json_t *reply;

	if (len == 0)
		return NULL;
	reply = json_loadb(answer.s, len, 0, NULL);
	assert_non_null(reply);
	assert_true(len < answer.len); /* the NUL is there */
	memmove(answer.s, answer.s + len + 1, answer.len - len - 1);
	answer.len -= len + 1;
	answer.s[answer.len] = '\0';
	return reply;
}

static void say(const char *message)
{
	feed(message, strlen(message) + 1, SIZE_MAX);
}

static json_t *call(const char *message)
{
	say(message);
	return next();
}

/* Changes of the ruleset since the test began. */
static unsigned changes(void)
{
	return (unsigned)(generation_serial(f.generation) - serial);
}

static void expect_error(const char *message, const char *name, const char *member,
			 const char *value)
{
	json_t *reply = call(message);
	const json_t *params = json_object_get(reply, "parameters");

	assert_non_null(reply);
	assert_string_equal(json_string_value(json_object_get(reply, "error")), name);
	assert_true(json_is_object(params));
	if (member)
		assert_string_equal(json_string_value(json_object_get(params, member)), value);
	json_decref(reply);
	assert_int_equal(state, CONTROL_READ);
}

static const json_t *params_of(const json_t *reply)
{
	assert_non_null(reply);
	assert_null(json_object_get(reply, "error"));
	return json_object_get(reply, "parameters");
}

/* ---- the standard's methods ---- */

static void get_info_names_product_version_and_interfaces(void **unused)
{
	json_t *reply = call("{\"method\":\"org.varlink.service.GetInfo\"}");
	const json_t *p = params_of(reply);

	(void)unused;
	assert_string_equal(json_string_value(json_object_get(p, "product")), "ctfwd");
	assert_string_equal(json_string_value(json_object_get(p, "version")), CTFW_VERSION);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(p, "interfaces"), 0)),
		"org.varlink.service");
	assert_string_equal(json_string_value(
				    json_array_get(json_object_get(p, "interfaces"), 1)),
			    "org.ctfw");
	assert_true(json_is_string(json_object_get(p, "vendor")));
	assert_true(json_is_string(json_object_get(p, "url")));
	json_decref(reply);
}

static void the_description_is_the_installed_file(void **unused)
{
	json_t *reply = call("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
			     "\"parameters\":{\"interface\":\"org.ctfw\"}}");
	const char *text = json_string_value(json_object_get(params_of(reply), "description"));
	FILE *file = fopen(TESTS_DIR "/../daemon/control/org.ctfw.varlink", "r");
	char *installed = NULL;
	size_t size = 0;

	(void)unused;
	assert_non_null(file);
	assert_true(getdelim(&installed, &size, '\0', file) > 0);
	assert_string_equal(text, installed);
	free(installed);
	fclose(file);
	json_decref(reply);

	reply = call("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		     "\"parameters\":{\"interface\":\"org.varlink.service\"}}");
	text = json_string_value(json_object_get(params_of(reply), "description"));
	assert_non_null(strstr(text, "interface org.varlink.service"));
	json_decref(reply);
	expect_error("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		     "\"parameters\":{\"interface\":\"com.example\"}}",
		     "org.varlink.service.InterfaceNotFound", "interface", "com.example");
}

static void wrong_calls_get_the_standards_errors(void **unused)
{
	(void)unused;
	expect_error("{\"method\":\"org.ctfw.Nope\"}", "org.varlink.service.MethodNotFound",
		     "method", "org.ctfw.Nope");
	expect_error("{\"method\":\"com.example.Ping\"}",
		     "org.varlink.service.InterfaceNotFound", "interface", "com.example");
	expect_error("{\"method\":\"\"}", "org.varlink.service.InterfaceNotFound", "interface",
		     "");
	expect_error("{\"method\":\"org.varlink.service.GetInterfaceDescription\"}",
		     "org.varlink.service.InvalidParameter", "parameter", "interface");
	expect_error("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		     "\"parameters\":{\"interface\":7}}",
		     "org.varlink.service.InvalidParameter", "parameter", "interface");
	expect_error("{\"method\":\"org.ctfw.Status\",\"parameters\":{\"verbose\":true}}",
		     "org.varlink.service.InvalidParameter", "parameter", "verbose");
	expect_error("{\"method\":\"org.ctfw.ListFlows\"}", "org.varlink.service.ExpectedMore",
		     NULL, NULL);
	expect_error("{\"method\":\"org.ctfw.Status\",\"upgrade\":true}",
		     "org.varlink.service.MethodNotImplemented", "method", "org.ctfw.Status");
}

static void a_oneway_call_is_done_and_not_answered(void **unused)
{
	(void)unused;
	assert_null(call("{\"method\":\"org.ctfw.Reload\",\"oneway\":true}"));
	assert_int_equal(f.reloads, 1);
	assert_null(call("{\"method\":\"org.ctfw.Nope\",\"oneway\":true}"));
	assert_null(call("{\"method\":\"org.ctfw.ListFlows\",\"oneway\":true}"));
	json_decref(call("{\"method\":\"org.varlink.service.GetInfo\"}"));
	assert_int_equal(state, CONTROL_READ);
}

static void calls_are_answered_in_order_however_they_are_cut(void **unused)
{
	static const char two[] = "{\"method\":\"org.varlink.service.GetInfo\"}\0"
				  "{\"method\":\"org.ctfw.CountFlows\",\"parameters\":null}";

	(void)unused;
	for (size_t piece = 1; piece <= sizeof(two); piece++) {
		json_t *first, *second;

		begin();
		feed(two, sizeof(two), piece);
		first = next();
		second = next();
		assert_non_null(json_object_get(params_of(first), "vendor"));
		assert_int_equal(json_integer_value(
					 json_object_get(params_of(second), "count")),
				 0);
		json_decref(first);
		json_decref(second);
	}
}

/* ---- strangers ---- */

static void what_is_no_message_ends_the_connection(void **unused)
{
	static const char *const strangers[] = {
		"",
		"GET / HTTP/1.0\r\n\r\n",
		"{",
		"{\"method\":",
		"[]",
		"7",
		"null",
		"\"org.ctfw.Status\"",
		"{}",
		"{\"method\":7}",
		"{\"method\":null}",
		"{\"method\":\"org.ctfw.Status\",\"parameters\":[]}",
		"{\"method\":\"org.ctfw.Status\",\"parameters\":7}",
		"{\"method\":\"org.ctfw.Status\",\"more\":1}",
		"{\"method\":\"org.ctfw.Status\",\"oneway\":\"yes\"}",
		"{\"method\":\"org.ctfw.Status\",\"method\":\"org.ctfw.Reload\"}",
		"{\"method\":\"org.ctfw.Status\"} trailing",
		"{\"method\":\"org.ctfw.\xff\"}",
		"{\"method\":\"org.ctfw.\xc0\xaf\"}",
		"{\"method\":\"org.ctfw.\\ud800\"}",
		"{\"method\":\"org.ctfw.\\u0000\"}",
		"{\"method\":\"org.ctfw.CountFlows\",\"parameters\":{\"filter\":{\"mark\":"
		"1e999}}}",
		"{\"method\":\"org.ctfw.CountFlows\","
		"\"parameters\":{\"filter\":{\"mark\":99999999999999999999}}}",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		begin();
		assert_null(call(strangers[i]));
		assert_int_equal(state, CONTROL_CLOSE);
		assert_int_equal(control_session_input(session, "x", 1), 0);
	}
}

static void deep_nesting_is_refused(void **unused)
{
	struct text t = TEXT_INIT;

	(void)unused;
	text_puts(&t, "{\"method\":\"org.ctfw.Status\",\"parameters\":");
	for (int i = 0; i < 60000; i++)
		text_puts(&t, "[");
	feed(text_str(&t), t.len + 1, 4096);
	assert_int_equal(state, CONTROL_CLOSE);
	text_fini(&t);
}

static void a_half_message_waits_and_costs_its_own_bytes(void **unused)
{
	(void)unused;
	feed("{\"method\":", 10, SIZE_MAX);
	assert_int_equal(state, CONTROL_READ);
	assert_int_equal(control_session_partial(session), 10);
	assert_null(next());
}

static void a_message_of_a_reader_is_bounded(void **unused)
{
	char *big = malloc(CONTROL_MESSAGE_MAX_READER + 1);
	json_t *reply;

	(void)unused;
	memset(big, ' ', CONTROL_MESSAGE_MAX_READER + 1);
	may_change = false;
	begin();
	feed(big, CONTROL_MESSAGE_MAX_READER, 1000);
	assert_int_equal(state, CONTROL_READ);
	feed(big, 1, 1);
	assert_int_equal(state, CONTROL_CLOSE);
	assert_int_equal(control_session_partial(session), 0);
	reply = next();
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "org.ctfw.MessageTooLong");
	json_decref(reply);
	free(big);
}

static void a_message_of_the_greatest_length_is_still_a_message(void **unused)
{
	static const char method[] = "{\"method\":\"org.varlink.service.GetInfo\"}";
	char *big = malloc(CONTROL_MESSAGE_MAX_READER + 1);
	json_t *reply;

	(void)unused;
	memset(big, ' ', CONTROL_MESSAGE_MAX_READER);
	memcpy(big + CONTROL_MESSAGE_MAX_READER - strlen(method), method, strlen(method));
	big[CONTROL_MESSAGE_MAX_READER] = '\0';
	may_change = false;
	begin();
	feed(big, CONTROL_MESSAGE_MAX_READER + 1, 5000);
	reply = next();
	assert_non_null(json_object_get(params_of(reply), "product"));
	json_decref(reply);
	free(big);
}

static void no_input_is_taken_while_a_call_is_worked_on(void **unused)
{
	(void)unused;
	f.reload_waits = true;
	assert_null(call("{\"method\":\"org.ctfw.Reload\"}"));
	assert_int_equal(state, CONTROL_WAIT);
	assert_int_equal(control_session_input(session, "{", 1), 0);
	f.reload_done(f.reload_arg, 0, NULL);
	run();
	json_decref(next());
	assert_int_equal(state, CONTROL_READ);
	assert_int_equal(control_session_input(session, "{", 1), 1);
}

/* ---- rights ---- */

static void who_may_only_look_changes_nothing(void **unused)
{
	static const char *const denied[] = {
		"{\"method\":\"org.ctfw.Reload\"}",
		"{\"method\":\"org.ctfw.DeleteFlows\"}",
		"{\"method\":\"org.ctfw.DeleteFlows\",\"more\":true}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"add table ip t\"}}}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"flush ruleset\"},\"check\":true}}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"list ruleset; add table ip t\"}}}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"list ruleset\\nadd table ip t\"}}}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"list \\\\\\n ruleset\"}}}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"list ruleset }; add table ip t\"}}}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"listen\"}}}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"include \\\"x\\\"\"}}}",
		"{\"method\":\"org.ctfw.Apply\",\"parameters\":"
		"{\"source\":{\"name\":\"x\",\"text\":\"reset rules\"}}}",
	};

	(void)unused;
	may_change = false;
	fixture_flows(&f, 3);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		begin();
		expect_error(denied[i], "org.varlink.service.PermissionDenied", NULL, NULL);
	}
	assert_int_equal(f.reloads, 0);
	assert_int_equal(fixture_count(&f), 3);
	assert_int_equal(changes(), 0);
}

static void who_may_only_look_may_list(void **unused)
{
	static const char *const texts[] = {
		"list ruleset",		  " list ruleset;",
		"list ruleset\\n",	  "list tables; list ruleset",
		"\\n\\tlist ruleset ; ;", "",
	};
	char message[256];
	json_t *reply;

	(void)unused;
	may_change = false;
	begin();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(message, sizeof(message),
			 "{\"method\":\"org.ctfw.Apply\",\"parameters\":"
			 "{\"source\":{\"name\":\"x\",\"text\":\"%s\"}}}",
			 texts[i]);
		reply = call(message);
		assert_true(json_is_string(json_object_get(params_of(reply), "output")));
		json_decref(reply);
	}
	reply = call("{\"method\":\"org.ctfw.Status\"}");
	assert_true(json_is_true(json_object_get(params_of(reply), "filtering")));
	json_decref(reply);
}

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

static int setup(void **unused)
{
	(void)unused;
	fixture_init(&f, 5000);
	serial = generation_serial(f.generation);
	may_change = true;
	wakes = 0;
	begin();
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	control_session_free(session);
	session = NULL;
	text_fini(&answer);
	fixture_fini(&f);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(get_info_names_product_version_and_interfaces),
		TEST(the_description_is_the_installed_file),
		TEST(wrong_calls_get_the_standards_errors),
		TEST(a_oneway_call_is_done_and_not_answered),
		TEST(calls_are_answered_in_order_however_they_are_cut),
		TEST(what_is_no_message_ends_the_connection),
		TEST(deep_nesting_is_refused),
		TEST(a_half_message_waits_and_costs_its_own_bytes),
		TEST(a_message_of_a_reader_is_bounded),
		TEST(a_message_of_the_greatest_length_is_still_a_message),
		TEST(no_input_is_taken_while_a_call_is_worked_on),
		TEST(who_may_only_look_changes_nothing),
		TEST(who_may_only_look_may_list),
		TEST(commands_are_applied_and_listed),
		TEST(a_wrong_ruleset_is_explained_and_changes_nothing),
		TEST(a_missing_include_is_asked_for_and_then_taken_from_the_call),
		TEST(wrong_parameters_of_apply_are_named),
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
