/* test_outcome.c - a packet's outcome as a line. */
#include <arpa/inet.h>
#include <jansson.h>
#include <string.h>

#include "ctl/outcome.h"
#include "unit/test.h"

static const struct outcome_place first = {
	.number = 1,
	.time = 1700000000000100999ull,
	.mono = 1700000000000100999ull,
};

static struct flow flow_of(uint8_t l4)
{
	struct flow f = {
		.id = 7,
		.status = FLOW_CONFIRMED,
		.expires = first.mono + 120 * NSEC_PER_SEC,
	};

	f.tuple[0].l4 = f.tuple[1].l4 = l4;
	f.proto.tcp.state = TCPS_SYN_SENT;
	return f;
}

static struct replay_outcome accepted(void)
{
	struct replay_outcome o = {
		.trace = {
			.hook = HOOK_FORWARD,
			.ct_state = CT_STATE_NEW,
			.ct_has_dir = true,
			.ct_dir = DIR_ORIGINAL,
			.verdict = VERDICT_ACCEPT,
			.by = BY_RULE,
			.family = "ip",
			.table = "filter",
			.chain = "forward",
			.handle = 4,
			.has_flow = true,
		},
	};

	o.trace.flow = flow_of(6);
	return o;
}

static void assert_json(const struct replay_outcome *o, const char *want)
{
	struct text t = TEXT_INIT;
	json_t *json;

	outcome_json(o, &first, &t);
	assert_string_equal(text_str(&t), want);
	json = json_loads(text_str(&t), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	json_decref(json);
	text_fini(&t);
}

static void an_accepted_packet_has_every_key_in_order(void **state)
{
	struct replay_outcome o = accepted();

	(void)state;
	assert_json(&o, "{\"packet\":1,\"time\":1700000000.000100,\"hook\":\"forward\","
			"\"ct\":{\"state\":\"new\",\"direction\":\"original\"},"
			"\"verdict\":\"accept\",\"by\":\"rule\",\"family\":\"ip\","
			"\"table\":\"filter\",\"chain\":\"forward\",\"handle\":4,"
			"\"flow\":{\"id\":7,\"protonum\":6,\"tcp_state\":\"SYN_SENT\","
			"\"timeout\":120,\"status\":[\"confirmed\"]}}");
}

static void only_tcp_has_a_state(void **state)
{
	struct replay_outcome o = accepted();

	(void)state;
	o.trace.flow = flow_of(17);
	o.trace.flow.status = FLOW_SEEN_REPLY | FLOW_ASSURED | FLOW_CONFIRMED | FLOW_SNAT_DONE;
	o.trace.flow.expires = first.mono + 30 * NSEC_PER_SEC - 1;
	o.trace.by = BY_POLICY;
	o.trace.ct_dir = DIR_REPLY;
	o.trace.ct_state = CT_STATE_ESTABLISHED;
	assert_json(&o, "{\"packet\":1,\"time\":1700000000.000100,\"hook\":\"forward\","
			"\"ct\":{\"state\":\"established\",\"direction\":\"reply\"},"
			"\"verdict\":\"accept\",\"by\":\"policy\",\"family\":\"ip\","
			"\"table\":\"filter\",\"chain\":\"forward\","
			"\"flow\":{\"id\":7,\"protonum\":17,\"timeout\":29,"
			"\"status\":[\"seen-reply\",\"assured\",\"confirmed\"]}}");
}

static void without_any_chain_there_is_none_to_name(void **state)
{
	struct replay_outcome o = accepted();

	(void)state;
	o.trace.by = BY_POLICY;
	o.trace.family = o.trace.table = o.trace.chain = NULL;
	o.trace.ct_state = CT_STATE_UNTRACKED;
	o.trace.ct_has_dir = o.trace.has_flow = false;
	assert_json(&o, "{\"packet\":1,\"time\":1700000000.000100,\"hook\":\"forward\","
			"\"ct\":{\"state\":\"untracked\"},"
			"\"verdict\":\"accept\",\"by\":\"policy\"}");
}

static void a_malformed_packet_ends_by_its_reason(void **state)
{
	struct replay_outcome o = {
		.trace = { .verdict = VERDICT_DROP, .by = BY_REASON, .reason = REASON_VERSION },
	};

	(void)state;
	assert_json(&o, "{\"packet\":1,\"time\":1700000000.000100,\"hook\":\"none\","
			"\"ct\":{\"state\":\"invalid\"},"
			"\"verdict\":\"drop\",\"by\":\"bad-version\"}");
}

static void names_are_escaped(void **state)
{
	struct replay_outcome o = accepted();

	(void)state;
	o.trace.has_flow = false;
	o.trace.chain = "a\\b\"c\n";
	assert_json(&o, "{\"packet\":1,\"time\":1700000000.000100,\"hook\":\"forward\","
			"\"ct\":{\"state\":\"new\",\"direction\":\"original\"},"
			"\"verdict\":\"accept\",\"by\":\"rule\",\"family\":\"ip\","
			"\"table\":\"filter\",\"chain\":\"a\\\\b\\\"c\\u000a\",\"handle\":4}");
}

static void times_are_cut_and_not_rounded(void **state)
{
	static const struct {
		uint64_t time;
		const char *text;
	} rows[] = {
		{ 0, "0.000000" },
		{ 999, "0.000000" },
		{ 1000, "0.000001" },
		{ 1699999999999999999ull, "1699999999.999999" },
		{ 4294967295999999000ull, "4294967295.999999" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text t = TEXT_INIT;

		outcome_time(rows[i].time, &t);
		assert_string_equal(text_str(&t), rows[i].text);
		text_fini(&t);
	}
}

static void people_get_one_line_with_columns(void **state)
{
	struct replay_outcome o = accepted();
	struct text t = TEXT_INIT;
	size_t width = 30;
	uint8_t family;

	(void)state;
	o.packet.family = L3_IPV4;
	o.packet.l4_proto = 6;
	o.packet.flags = PACKET_PORTS | PACKET_L4_HEADER;
	o.packet.tcp_flags = TCP_SYN | TCP_ACK;
	o.packet.sport = htons(1000);
	o.packet.dport = htons(80);
	assert_int_equal(addr_parse("10.0.1.2", &family, &o.packet.saddr), 0);
	assert_int_equal(addr_parse("10.0.2.2", &family, &o.packet.daddr), 0);
	outcome_text(&o, &first, &width, &t);
	assert_string_equal(text_str(&t),
			    "     1  1700000000.000100  tcp 10.0.1.2:1000 > 10.0.2.2:80 SA "
			    "forward     new/original         accept  "
			    "rule ip filter forward handle 4");
	text_fini(&t);
}

static void a_longer_packet_widens_the_column(void **state)
{
	struct replay_outcome o = accepted();
	struct text t = TEXT_INIT;
	size_t width = 3, at;

	(void)state;
	o.packet.family = L3_IPV6;
	o.packet.l4_proto = 50;
	outcome_text(&o, &first, &width, &t);
	assert_int_equal(width, strlen("proto 50 :: > ::"));
	at = (size_t)(strstr(text_str(&t), "forward ") - text_str(&t));
	text_clear(&t);
	o.packet.family = L3_NONE;
	outcome_text(&o, &first, &width, &t);
	assert_int_equal(strstr(text_str(&t), "forward ") - text_str(&t), at);
	text_fini(&t);
}

static void people_see_what_could_not_be_parsed(void **state)
{
	struct replay_outcome o = {
		.packet = { .len = 3 },
		.trace = { .verdict = VERDICT_DROP, .by = BY_REASON, .reason = REASON_VERSION },
	};
	struct text t = TEXT_INIT;
	size_t width = OUTCOME_WIDTH;

	(void)state;
	outcome_text(&o, &first, &width, &t);
	assert_non_null(strstr(text_str(&t), "  3 bytes  "));
	assert_non_null(strstr(text_str(&t), " -           invalid "));
	assert_non_null(strstr(text_str(&t), " drop    bad-version"));
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_accepted_packet_has_every_key_in_order),
		cmocka_unit_test(only_tcp_has_a_state),
		cmocka_unit_test(without_any_chain_there_is_none_to_name),
		cmocka_unit_test(a_malformed_packet_ends_by_its_reason),
		cmocka_unit_test(names_are_escaped),
		cmocka_unit_test(times_are_cut_and_not_rounded),
		cmocka_unit_test(people_get_one_line_with_columns),
		cmocka_unit_test(a_longer_packet_widens_the_column),
		cmocka_unit_test(people_see_what_could_not_be_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
