/* The interface file is the contract: what comes over the socket has its shape, and every
 * method and error in it exists. */
#include "unit/control/fixture.h"

#include <ctype.h>

static struct fixture f;

/* ---- the file, as far as these tests need it: a cursor over its words ---- */

struct words {
	const char *p;
	char word[64];
};

/* The next name or punctuation; false at the end.  Comments are skipped. */
static bool word_next(struct words *w)
{
	size_t n = 0;

	for (;;) {
		while (isspace((unsigned char)*w->p))
			w->p++;
		if (*w->p != '#')
			break;
		w->p += strcspn(w->p, "\n");
	}
	if (!*w->p)
		return false;
	if (isalnum((unsigned char)*w->p)) {
		while ((isalnum((unsigned char)w->p[n]) || strchr("_.", w->p[n])) && n < 63)
			n++;
	} else {
		n = strncmp(w->p, "->", 2) == 0 ? 2 : strncmp(w->p, "[string]", 8) == 0 ? 8 :
		    strncmp(w->p, "[]", 2) == 0 ? 2 : 1;
	}
	memcpy(w->word, w->p, n);
	w->word[n] = '\0';
	w->p += n;
	return true;
}

static bool is(const struct words *w, const char *word)
{
	return strcmp(w->word, word) == 0;
}

/* Where the struct of `type NAME (`, `error NAME (`, or of a method's parameters begins. */
static struct words find(const char *keyword, const char *name)
{
	struct words w = { control_interface_text, "" };

	while (word_next(&w))
		if (is(&w, keyword) && word_next(&w) && is(&w, name))
			return w;
	fail_msg("the interface file has no %s %s", keyword, name);
	return w;
}

static struct words find_result(const char *method)
{
	struct words w = find("method", method);

	while (word_next(&w) && !is(&w, "->"))
		;
	return w;
}

/* ---- values against types ---- */

static void check_struct(struct words *w, const json_t *value, const char *where);

/* value NULL: walk over the type only. */
static void check_type(struct words *w, const json_t *value, const char *where)
{
	bool optional = false;

	assert_true(word_next(w));
	if (is(w, "?")) {
		optional = true;
		assert_true(word_next(w));
	}
	if (optional && json_is_null(value))
		value = NULL;
	if (is(w, "[]")) {
		struct words element = *w;
		json_t *item;
		size_t i;

		if (value && !json_is_array(value))
			fail_msg("%s is no list", where);
		check_type(w, NULL, where);
		json_array_foreach (value, i, item) {
			struct words again = element;

			check_type(&again, item, where);
		}
	} else if (is(w, "[string]")) {
		struct words element = *w;
		const char *name;
		json_t *item;

		if (value && !json_is_object(value))
			fail_msg("%s is no map", where);
		check_type(w, NULL, where);
		json_object_foreach ((json_t *)value, name, item) {
			struct words again = element;

			check_type(&again, item, name);
		}
	} else if (is(w, "(")) {
		w->p--;
		check_struct(w, value, where);
	} else if (!value) {
		return;
	} else if (is(w, "string")) {
		if (!json_is_string(value))
			fail_msg("%s is no string", where);
	} else if (is(w, "int")) {
		if (!json_is_integer(value))
			fail_msg("%s is no integer", where);
	} else if (is(w, "float")) {
		if (!json_is_number(value))
			fail_msg("%s is no number", where);
	} else if (is(w, "bool")) {
		if (!json_is_boolean(value))
			fail_msg("%s is no boolean", where);
	} else {
		struct words type = find("type", w->word);

		check_struct(&type, value, where);
	}
}

static bool type_is_optional(const struct words *w)
{
	struct words again = *w;

	return word_next(&again) && is(&again, "?");
}

/* Every member is there and has its type, and there is no other. */
static void check_struct(struct words *w, const json_t *value, const char *where)
{
	size_t members = 0;

	if (value && !json_is_object(value))
		fail_msg("%s is no object", where);
	assert_true(word_next(w) && is(w, "("));
	while (word_next(w) && !is(w, ")")) {
		char name[64];
		const json_t *member;

		if (is(w, ","))
			continue;
		strcpy(name, w->word);
		assert_true(word_next(w) && is(w, ":"));
		member = json_object_get(value, name);
		if (value && !member && !type_is_optional(w))
			fail_msg("%s has no member %s", where, name);
		members += member != NULL;
		check_type(w, member, name);
	}
	if (value && members != json_object_size(value))
		fail_msg("%s has members that the interface file does not know", where);
}

/* ---- calls ---- */

/* The first reply to a call; more asks for a stream. */
static json_t *call(const char *method, const char *params, bool more)
{
	struct control_session *s = control_session_new(&f.ctx, true, NULL, NULL);
	struct text out = TEXT_INIT, message = TEXT_INIT;
	json_t *reply;

	text_printf(&message, "{\"method\":\"%s\",\"parameters\":%s,\"more\":%s}", method,
		    params, more ? "true" : "false");
	assert_int_equal(control_session_input(s, text_str(&message), message.len + 1),
			 message.len + 1);
	while (control_session_run(s, &out) == CONTROL_WRITE)
		;
	reply = json_loads(text_str(&out), 0, NULL);
	assert_non_null(reply);
	text_fini(&out);
	text_fini(&message);
	control_session_free(s);
	return reply;
}

static void status_has_the_shape_that_the_interface_file_says(void **unused)
{
	struct words result = find_result("Status");
	json_t *reply;

	(void)unused;
	fixture_flows(&f, 10);
	reply = call("org.ctfw.Status", "{}", false);
	check_struct(&result, json_object_get(reply, "parameters"), "Status");
	json_decref(reply);
}

static void status_names_every_reason_state_and_protocol(void **unused)
{
	json_t *reply = call("org.ctfw.Status", "{}", false);
	const json_t *p = json_object_get(reply, "parameters");
	const json_t *flows = json_object_get(p, "flows");

	(void)unused;
	for (int r = 1; r < REASON_COUNT; r++)
		assert_non_null(json_object_get(json_object_get(p, "drops"), reason_name(r)));
	for (int t = 1; t < TCPS_COUNT; t++)
		assert_non_null(json_object_get(json_object_get(flows, "tcp_states"),
						tcp_state_name((unsigned)t)));
	for (int t = 1; t < SCTPS_COUNT; t++)
		assert_non_null(json_object_get(json_object_get(flows, "sctp_states"),
						sctp_state_name((unsigned)t)));
	for (int k = 1; k < CT_KIND_COUNT; k++)
		assert_non_null(json_object_get(json_object_get(flows, "protocols"),
						ct_kind_name(k)));
	assert_non_null(json_object_get(json_object_get(p, "hooks"), "input"));
	assert_non_null(json_object_get(json_object_get(p, "hooks"), "forward"));
	assert_non_null(json_object_get(json_object_get(p, "hooks"), "output"));
	json_decref(reply);
}

static void status_counts_what_passed(void **unused)
{
	json_t *reply;
	const json_t *p;

	(void)unused;
	fixture_flows(&f, 10);
	reply = call("org.ctfw.Status", "{}", false);
	p = json_object_get(reply, "parameters");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(p, "in"), "packets")), 10);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(p, "in"), "bytes")),
			 320);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(p, "flows"), "now")), 10);
	assert_int_equal(json_integer_value(json_object_get(p, "drops_total")), 0);
	json_decref(reply);
}

static void flows_have_the_shape_that_the_interface_file_says(void **unused)
{
	struct words list = find_result("ListFlows"), count = find_result("CountFlows");
	struct words deleted = find_result("DeleteFlows");
	json_t *reply;

	(void)unused;
	fixture_flows(&f, 3);
	reply = call("org.ctfw.ListFlows", "{}", true);
	check_struct(&list, json_object_get(reply, "parameters"), "ListFlows");
	json_decref(reply);
	reply = call("org.ctfw.CountFlows", "{\"filter\":{\"protonum\":17}}", false);
	check_struct(&count, json_object_get(reply, "parameters"), "CountFlows");
	json_decref(reply);
	reply = call("org.ctfw.DeleteFlows", "{}", true);
	check_struct(&deleted, json_object_get(reply, "parameters"), "DeleteFlows");
	json_decref(reply);
}

/* The parameters of a call's reply are such a struct, with a trial in it if it should. */
static void check_reply(const char *method, const char *params, bool trial)
{
	struct words result = find_result(method);
	const json_t *shown;
	char name[80];
	json_t *reply;

	snprintf(name, sizeof(name), "org.ctfw.%s", method);
	reply = call(name, params, false);
	shown = json_object_get(reply, "parameters");
	check_struct(&result, shown, method);
	assert_true(json_is_object(json_object_get(shown, "trial")) == trial);
	json_decref(reply);
}

static void trials_have_the_shape_that_the_interface_file_says(void **unused)
{
	(void)unused;
	check_reply("Apply", "{\"source\":{\"name\":\"x\",\"text\":\"add table ip t\"},"
			     "\"confirm\":60}", true);
	check_reply("Status", "{}", true);
	check_reply("Reload", "{\"confirm\":60}", true);
	check_reply("Confirm", "{}", false);
	check_reply("Apply", "{\"source\":{\"name\":\"x\",\"text\":\"add table ip u\"},"
			     "\"confirm\":1}", true);
	check_reply("Rollback", "{}", false);
	check_reply("Apply", "{\"source\":{\"name\":\"x\",\"text\":\"add table ip v\"}}", false);
	check_reply("Rulesets", "{}", false);
	check_reply("Rollback", "{\"number\":1,\"confirm\":1}", true);
	check_reply("Rollback", "{}", false);
	check_reply("Status", "{}", false);
}

static void errors_have_the_shape_that_the_interface_file_says(void **unused)
{
	static const char *const calls[][3] = {
		{ "RulesetError", "org.ctfw.Apply",
		  "{\"source\":{\"name\":\"x\",\"text\":\"foo bar\"}}" },
		{ "IncludeNeeded", "org.ctfw.Apply",
		  "{\"source\":{\"name\":\"x\",\"text\":\"include \\\"y\\\"\\n\"}}" },
		{ "ReloadFailed", "org.ctfw.Reload", "{}" },
		{ "NothingOnTrial", "org.ctfw.Confirm", "{}" },
		{ "NoFormerRuleset", "org.ctfw.Rollback", "{\"number\":9}" },
	};

	(void)unused;
	f.reload_err = -22;
	f.reload_message = "no";
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct words error = find("error", calls[i][0]);
		json_t *reply = call(calls[i][1], calls[i][2], false);
		const char *name = json_string_value(json_object_get(reply, "error"));

		assert_non_null(name);
		assert_string_equal(name + strlen("org.ctfw."), calls[i][0]);
		check_struct(&error, json_object_get(reply, "parameters"), calls[i][0]);
		json_decref(reply);
	}
}

static void every_method_of_the_interface_file_exists(void **unused)
{
	struct words w = { control_interface_text, "" };
	unsigned methods = 0;

	(void)unused;
	while (word_next(&w)) {
		char name[80];
		json_t *reply;
		const char *error;

		if (!is(&w, "method"))
			continue;
		assert_true(word_next(&w));
		snprintf(name, sizeof(name), "org.ctfw.%s", w.word);
		reply = call(name, "{\"bogus\":1}", true);
		error = json_string_value(json_object_get(reply, "error"));
		assert_string_equal(error, "org.varlink.service.InvalidParameter");
		json_decref(reply);
		methods++;
	}
	assert_int_equal(methods, 19);
}

static void a_filter_takes_every_member_of_the_interface_file_and_gives_it_back(void **unused)
{
	static const char text[] =
		"{\"id\":5,\"protonum\":6,\"sport\":1,\"dport\":2,\"zone\":3,\"mark\":4,"
		"\"mark_mask\":255,\"family\":\"ipv4\",\"src\":\"10.0.0.0/"
		"8\",\"dst\":\"10.1.0.0/16\","
		"\"reply_src\":\"10.2.0.0/16\",\"reply_dst\":\"10.3.0.1\","
		"\"tcp_state\":\"TIME_WAIT\",\"status\":[\"seen-reply\",\"assured\"],"
		"\"status_clear\":[\"dying\"],\"reply_sport\":7,\"reply_dport\":8,"
		"\"icmp_type\":8,\"icmp_code\":0,\"icmp_id\":9,\"orig_zone\":10,"
		"\"reply_zone\":11,\"nat\":[\"snat\"],\"nat_all\":[\"snat\",\"dnat\"],"
		"\"snat_addr\":\"10.4.0.0/16\",\"snat_port\":12,"
		"\"dnat_addr\":\"10.5.0.0/16\",\"dnat_port\":13,"
		"\"sctp_state\":\"CLOSED\",\"labels\":[1,127]}";
	struct words type = find("type", "FlowFilter"), counting = type;
	json_t *object = json_loads(text, 0, NULL), *again;
	struct flow_filter filter;
	const char *member;
	unsigned members = 0;

	(void)unused;
	check_struct(&type, object, "FlowFilter");
	while (word_next(&counting) && !is(&counting, ")"))
		members += is(&counting, ":");
	assert_int_equal(members, json_object_size(object));
	assert_int_equal(control_filter_decode(object, &filter, &member), 0);
	again = control_filter_encode(&filter);
	if (!json_equal(object, again))
		fail_msg("%s", json_dumps(again, 0));
	json_decref(object);
	json_decref(again);
}

static void expect_members(const char *table, const char *of, const json_t *object)
{
	const char *name;
	json_t *value;
	char word[80];

	json_object_foreach ((json_t *)object, name, value) {
		snprintf(word, sizeof(word), "\n.It %s.%s ", of, name);
		if (!strstr(table, word))
			fail_msg("ctfwctl(8) does not tell of %s.%s", of, name);
	}
}

static void the_man_page_names_every_member_of_status(void **unused)
{
	FILE *file = fopen(TESTS_DIR "/../man/ctfwctl.8", "r");
	json_t *reply = call("org.ctfw.Status", "{}", false), *value;
	const json_t *p = json_object_get(reply, "parameters");
	char *page = NULL, *table, word[80];
	const char *name;
	size_t size = 0;

	(void)unused;
	assert_non_null(file);
	assert_true(getdelim(&page, &size, '\0', file) > 0);
	fclose(file);
	table = strstr(page, ".Sh STATUS AS JSON");
	assert_non_null(table);
	json_object_foreach ((json_t *)p, name, value) {
		if (strcmp(name, "flows") == 0 || strcmp(name, "expectations") == 0 ||
		    strcmp(name, "elements") == 0 || strcmp(name, "fragments") == 0) {
			expect_members(table, name, value);
			continue;
		}
		if (strcmp(name, "out") == 0)
			continue; /* "in, out" is one row */
		snprintf(word, sizeof(word), "\n.It %s%s", name,
			 strcmp(name, "in") == 0 ? "," : " ");
		if (!strstr(table, word))
			fail_msg("ctfwctl(8) does not tell of %s", name);
	}
	free(page);
	json_decref(reply);
}

static int setup(void **unused)
{
	(void)unused;
	fixture_init(&f, 1000);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	fixture_fini(&f);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_has_the_shape_that_the_interface_file_says),
		TEST(status_names_every_reason_state_and_protocol),
		TEST(status_counts_what_passed),
		TEST(flows_have_the_shape_that_the_interface_file_says),
		TEST(trials_have_the_shape_that_the_interface_file_says),
		TEST(errors_have_the_shape_that_the_interface_file_says),
		TEST(every_method_of_the_interface_file_exists),
		TEST(a_filter_takes_every_member_of_the_interface_file_and_gives_it_back),
		TEST(the_man_page_names_every_member_of_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
