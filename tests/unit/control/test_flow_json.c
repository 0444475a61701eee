/* Flows as JSON and back; text of any origin as JSON. */
#include "unit/control/fixture.h"

#include <errno.h>
#include <netinet/in.h>

static struct flow make_flow(uint8_t l3, uint8_t l4)
{
	struct flow f = {
		.id = 4000000000u,
		.start = 1700000000123456000,
		.master = FLOW_NONE,
		.status = FLOW_CONFIRMED | FLOW_SEEN_REPLY | FLOW_ASSURED,
		.expires = 431999 * NSEC_PER_SEC,
		.mark = 0xffffffff,
		.acct = { { 10, 1000 }, { 20, 20000000000ull } },
	};

	for (int d = 0; d < 2; d++) {
		struct tuple *t = &f.tuple[d];
		uint8_t family;

		t->l3 = l3;
		t->l4 = l4;
		t->zone = 7;
		addr_parse(l3 == L3_IPV4 ? (d ? "192.0.2.1" : "10.0.0.2") :
					   (d ? "2001:db8::1" : "fd08::2"),
			   &family, &t->src);
		addr_parse(l3 == L3_IPV4 ? (d ? "10.0.0.2" : "192.0.2.1") :
					   (d ? "fd08::2" : "2001:db8::1"),
			   &family, &t->dst);
	}
	if (l4 == IPPROTO_TCP || l4 == IPPROTO_UDP || l4 == IPPROTO_SCTP || l4 == IPPROTO_GRE) {
		f.tuple[0].sport = f.tuple[1].dport = htons(40000);
		f.tuple[0].dport = f.tuple[1].sport = htons(443);
	}
	if (l4 == IPPROTO_TCP)
		f.proto.tcp.state = TCPS_ESTABLISHED;
	if (l4 == IPPROTO_SCTP) {
		f.proto.sctp.state = SCTPS_SHUTDOWN_ACK_SENT;
		f.proto.sctp.vtag[DIR_ORIGINAL] = htonl(0xfffffffe);
		f.proto.sctp.vtag[DIR_REPLY] = htonl(1);
	}
	if (l4 == IPPROTO_ICMP) {
		f.tuple[0].sport = f.tuple[1].sport = htons(77);
		f.tuple[0].dport = htons(8 << 8);
	}
	return f;
}

static json_t *encode(const struct flow *f, uint64_t mono)
{
	struct text t = TEXT_INIT;
	json_t *object;

	control_flow_encode(f, NULL, mono, &t);
	object = json_loads(text_str(&t), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	text_fini(&t);
	return object;
}

static void a_flow_comes_back_as_it_was(void **state)
{
	static const uint8_t kinds[][2] = {
		{ L3_IPV4, IPPROTO_TCP }, { L3_IPV6, IPPROTO_TCP },  { L3_IPV4, IPPROTO_UDP },
		{ L3_IPV4, IPPROTO_ICMP }, { L3_IPV4, IPPROTO_GRE }, { L3_IPV6, 50 },
		{ L3_IPV4, IPPROTO_SCTP }, { L3_IPV6, IPPROTO_UDPLITE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct flow f = make_flow(kinds[i][0], kinds[i][1]), back;
		json_t *object = encode(&f, 0);

		assert_int_equal(control_flow_decode(object, &back), 0);
		assert_memory_equal(f.tuple, back.tuple, sizeof(f.tuple));
		assert_memory_equal(f.acct, back.acct, sizeof(f.acct));
		assert_int_equal(f.id, back.id);
		assert_int_equal(f.status, back.status);
		assert_int_equal(f.mark, back.mark);
		assert_true(f.expires == back.expires);
		assert_true(f.start - back.start < 1000000);
		if (kinds[i][1] == IPPROTO_TCP)
			assert_int_equal(back.proto.tcp.state, TCPS_ESTABLISHED);
		if (kinds[i][1] == IPPROTO_SCTP) {
			assert_int_equal(back.proto.sctp.state, SCTPS_SHUTDOWN_ACK_SENT);
			assert_memory_equal(back.proto.sctp.vtag, f.proto.sctp.vtag,
					    sizeof(f.proto.sctp.vtag));
		}
		json_decref(object);
	}
}

static void both_ends_print_the_same_line(void **state)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_SCTP, IPPROTO_GRE };

	(void)state;
	for (size_t i = 0; i < sizeof(protocols); i++) {
		struct flow f = make_flow(L3_IPV4, protocols[i]), back;
		struct text here = TEXT_INIT, there = TEXT_INIT;
		json_t *object = encode(&f, 0);

		assert_int_equal(control_flow_decode(object, &back), 0);
		flow_print(&f, 0, true, true, &here);
		flow_print(&back, 0, true, true, &there);
		assert_string_equal(text_str(&here), text_str(&there));
		text_fini(&here);
		text_fini(&there);
		json_decref(object);
	}
}

static void time_left_counts_from_now(void **state)
{
	struct flow f = make_flow(L3_IPV4, IPPROTO_UDP);
	json_t *object = encode(&f, 431900 * NSEC_PER_SEC);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(object, "timeout")), 99);
	json_decref(object);
	object = encode(&f, 500000 * NSEC_PER_SEC);
	assert_int_equal(json_integer_value(json_object_get(object, "timeout")), 0);
	json_decref(object);
}

static void a_flow_with_a_wrong_or_missing_member_is_refused(void **state)
{
	struct flow f = make_flow(L3_IPV4, IPPROTO_TCP), back;
	json_t *object = encode(&f, 0), *member;
	const char *name;

	(void)state;
	json_object_foreach (object, name, member) {
		json_t *copy = json_deep_copy(object);

		json_object_set_new(copy, name, json_string("nonsense"));
		assert_int_equal(control_flow_decode(copy, &back), -EINVAL);
		json_object_del(copy, name);
		assert_int_equal(control_flow_decode(copy, &back), -EINVAL);
		json_decref(copy);
	}
	json_decref(object);
	assert_int_equal(control_flow_decode(NULL, &back), -EINVAL);
}

static void text_that_is_not_utf8_becomes_json_all_the_same(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "gr\xfc\xdf", "gr\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe2\x82\xac \xff", "\xe2\x82\xac \xef\xbf\xbd" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf4\x90\x80\x80x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx" },
		{ "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *s = control_json_text(cases[i].in, strlen(cases[i].in));

		assert_string_equal(json_string_value(s), cases[i].out);
		json_decref(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_comes_back_as_it_was),
		cmocka_unit_test(both_ends_print_the_same_line),
		cmocka_unit_test(time_left_counts_from_now),
		cmocka_unit_test(a_flow_with_a_wrong_or_missing_member_is_refused),
		cmocka_unit_test(text_that_is_not_utf8_becomes_json_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
