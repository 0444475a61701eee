/* Sessions: what goes in, what comes out, and what nobody can make them do. */
#include "unit/control/talk.h"

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

/* It would be gigabytes, made while nobody else is served. */
static void who_may_only_look_does_not_list_everything_a_thousand_times(void **unused)
{
	struct text chains = TEXT_INIT, lists = TEXT_INIT;
	static const char head[] = "{\"method\":\"org.ctfw.Apply\",\"parameters\":"
				   "{\"source\":{\"name\":\"x\",\"text\":\"";
	const char *message;
	json_t *reply;

	(void)unused;
	text_printf(&chains, "%sadd table ip t", head);
	for (int i = 0; i < 100; i++)
		text_printf(&chains, "\\nadd chain ip t chain_number_%d", i);
	text_puts(&chains, "\"}}}");
	json_decref(call(text_str(&chains)));
	text_puts(&lists, head);
	for (int i = 0; i < 4000; i++)
		text_puts(&lists, "list ruleset\\n");
	text_puts(&lists, "\"}}}");

	may_change = false;
	begin();
	reply = call(text_str(&lists));
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "org.ctfw.Failed");
	message = json_string_value(
		json_object_get(json_object_get(reply, "parameters"), "message"));
	assert_non_null(strstr(message, "this is too much to be listed at once"));
	json_decref(reply);

	may_change = true;
	begin();
	reply = call(text_str(&lists));
	assert_true(json_string_length(json_object_get(params_of(reply), "output")) >
		    CONTROL_LISTED_MAX_READER);
	json_decref(reply);
	text_fini(&chains);
	text_fini(&lists);
}

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
		TEST(who_may_only_look_does_not_list_everything_a_thousand_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
