/* The engine: one packet's way through ports, hooks, conntrack and back. */
#include "unit/engine/bench.h"

static void the_port_says_which_hook(void **state)
{
	struct bench *b = *state;

	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "198.51.100.1").hook, HOOK_FORWARD);
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "10.8.0.1").hook, HOOK_INPUT);
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "203.0.113.1").hook, HOOK_INPUT);
	assert_int_equal(send_udp(b, &b->out, "198.51.100.1", "10.8.0.2").hook, HOOK_FORWARD);
	assert_int_equal(send_udp(b, &b->out, "10.8.0.1", "10.8.0.2").hook, HOOK_OUTPUT);
	assert_int_equal(send_udp(b, &b->in, "fd08::2", "fd08::1").hook, HOOK_INPUT);
	assert_int_equal(send_udp(b, &b->out, "fd08::1", "fd08::2").hook, HOOK_OUTPUT);
	assert_int_equal(send_udp(b, &b->both, "10.8.0.1", "10.8.0.2").hook, HOOK_OUTPUT);
	assert_int_equal(send_udp(b, &b->both, "10.8.0.2", "10.8.0.1").hook, HOOK_INPUT);
	assert_int_equal(send_udp(b, &b->both, "10.8.0.2", "198.51.100.1").hook, HOOK_FORWARD);
}

static void what_a_return_port_gives_back_is_counted_as_that(void **state)
{
	struct bench *b = *state;
	struct engine_port back = { .role = PORT_RETURN, .ifindex = ETH0, .ifname = "eth0",
				    .hooks = ENGINE_ALL_HOOKS };
	struct engine_stats stats;
	struct conntrack_stats ct;

	rules(b, "table ip t { chain c {\n"
		 "type filter hook input priority 0; policy drop;\n}\n}\n");
	assert_int_equal(send_udp(b, &back, "198.51.100.1", "203.0.113.1").verdict,
			 VERDICT_ACCEPT);
	assert_int_equal(send_udp(b, &back, "203.0.113.1", "203.0.113.1").reason,
			 REASON_OWN_SOURCE);
	engine_stats(b->engine, &stats);
	assert_int_equal(stats.given_back, 1);
	assert_int_equal(stats.packets_out, 1);
	assert_int_equal(stats.hook_packets[HOOK_INPUT], 0);
	conntrack_stats(b->ct, &ct);
	assert_int_equal(ct.created, 0);
	assert_int_equal(ct.invalid, 0);
	/* Not the host's own: judged like what others forward. */
	assert_int_equal(send_udp(b, &back, "198.51.100.1", "10.8.0.2").hook, HOOK_FORWARD);
	engine_stats(b->engine, &stats);
	assert_int_equal(stats.given_back, 1);
	assert_int_equal(stats.hook_packets[HOOK_FORWARD], 1);
}

static void sources_that_nobody_behind_the_interface_may_have_are_dropped(void **state)
{
	static const struct {
		const char *src, *dst;
		enum reason reason;
	} rows[] = {
		{ "10.8.0.1", "198.51.100.1", REASON_OWN_SOURCE },
		{ "203.0.113.1", "10.8.0.1", REASON_OWN_SOURCE },
		{ "fd08::1", "fd51::1", REASON_OWN_SOURCE },
		{ "192.0.2.7", "198.51.100.1", REASON_SPOOFED },
		{ "fd99::1", "fd51::1", REASON_SPOOFED },
		{ "::", "ff02::16", REASON_LINK_LOCAL },
		{ "10.8.0.2", "224.0.0.22", REASON_LINK_LOCAL },
		{ "127.0.0.1", "198.51.100.1", REASON_MARTIAN },
		{ "224.0.0.1", "198.51.100.1", REASON_MARTIAN },
		{ "0.0.0.0", "198.51.100.1", REASON_MARTIAN },
		{ "255.255.255.255", "198.51.100.1", REASON_MARTIAN },
		{ "10.8.0.2", "127.0.0.1", REASON_MARTIAN },
		{ "10.8.0.2", "0.0.0.0", REASON_MARTIAN },
	};
	struct bench *b = *state;
	struct conntrack_stats stats;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct engine_trace t = send_udp(b, &b->in, rows[i].src, rows[i].dst);

		assert_int_equal(t.verdict, VERDICT_DROP);
		assert_int_equal(t.by, BY_REASON);
		assert_int_equal(t.reason, rows[i].reason);
		assert_false(t.has_flow);
	}
	conntrack_stats(b->ct, &stats);
	assert_int_equal(stats.flows, 0);
	b->in.spoof_check = false;
	assert_int_equal(send_udp(b, &b->in, "192.0.2.7", "198.51.100.1").verdict,
			 VERDICT_ACCEPT);
	assert_int_equal(send_udp(b, &b->in, "0.0.0.1", "198.51.100.1").verdict,
			 VERDICT_ACCEPT);
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "0.0.0.1").verdict, VERDICT_ACCEPT);
	assert_int_equal(send_udp(b, &b->in, "0.0.0.0", "255.255.255.255").verdict,
			 VERDICT_ACCEPT);
}

static void rules_see_the_real_interfaces(void **state)
{
	struct bench *b = *state;
	struct engine_trace t;

	rules(b, "table inet t {\n"
		 " chain f { type filter hook forward priority 0; policy drop;\n"
		 "  iifname wg0 oifname eth0 accept\n"
		 "  iifname eth0 oifname wg0 accept\n }\n"
		 " chain i { type filter hook input priority 0; policy drop;\n"
		 "  iifname wg0 accept\n }\n"
		 " chain o { type filter hook output priority 0; policy drop;\n"
		 "  oifname wg0 accept\n }\n"
		 "}\n");
	t = send_udp(b, &b->in, "10.8.0.2", "198.51.100.1");
	assert_int_equal(t.verdict, VERDICT_ACCEPT);
	t = send_udp(b, &b->out, "198.51.100.9", "10.8.0.2");
	assert_int_equal(t.verdict, VERDICT_ACCEPT);
	/* A client to another client: neither rule fits. */
	t = send_udp(b, &b->in, "10.8.0.2", "10.8.0.3");
	assert_int_equal(t.by, BY_POLICY);
	assert_int_equal(t.verdict, VERDICT_DROP);
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "10.8.0.1").verdict, VERDICT_ACCEPT);
	assert_int_equal(send_udp(b, &b->out, "10.8.0.1", "10.8.0.7").verdict, VERDICT_ACCEPT);
	/* By addresses alone it is the same. */
	assert_int_equal(send_udp(b, &b->both, "10.8.0.4", "198.51.100.1").verdict,
			 VERDICT_ACCEPT);
	assert_int_equal(send_udp(b, &b->both, "198.51.100.8", "10.8.0.4").verdict,
			 VERDICT_ACCEPT);
	assert_int_equal(send_udp(b, &b->both, "10.8.0.4", "10.8.0.5").verdict, VERDICT_DROP);
}

static void a_route_is_asked_anew_when_the_host_changed(void **state)
{
	struct bench *b = *state;
	const struct hostview_link links[] = {
		{ .index = 9, .mtu = 1500, .name = "ppp0" },
		{ .index = WG0, .mtu = 1420, .name = "wg0" },
	};
	const struct hostview_route routes[] = {
		{ .prefix = prefix_of("10.8.0.0/24"), .ifindex = WG0 },
		{ .prefix = prefix_of("0.0.0.0/0"), .ifindex = 9 },
	};

	rules(b, "table ip t { chain f { type filter hook forward priority 0; policy drop;\n"
		 " oifname eth0 accept; }; }\n");
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "198.51.100.1").verdict,
			 VERDICT_ACCEPT);
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "198.51.100.1").verdict,
			 VERDICT_ACCEPT);
	engine_set_hostview(b->engine, hostview_new(links, 2, NULL, 0, routes, 2));
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "198.51.100.1").verdict, VERDICT_DROP);
}

static void a_flow_begins_only_when_its_first_packet_was_accepted(void **state)
{
	struct bench *b = *state;
	struct conntrack_stats stats;
	struct engine_trace t;

	rules(b, "table ip t { chain f { type filter hook forward priority 0;\n"
		 " ct state established accept\n udp dport 53 ip daddr 198.51.100.1 accept\n"
		 " drop\n }; }\n");
	t = send_udp(b, &b->in, "10.8.0.2", "198.51.100.2");
	assert_int_equal(t.ct_state, CT_STATE_NEW);
	assert_int_equal(t.verdict, VERDICT_DROP);
	assert_false(t.has_flow);
	t = send_udp(b, &b->in, "10.8.0.2", "198.51.100.1");
	assert_int_equal(t.verdict, VERDICT_ACCEPT);
	assert_true(t.has_flow);
	conntrack_stats(b->ct, &stats);
	assert_int_equal(stats.flows, 1);
}

static void the_decision_that_is_told_is_a_rules_of_the_packets_own_hook(void **state)
{
	struct bench *b = *state;
	struct engine_trace t;

	rules(b, "table ip t {\n"
		 " chain pre { type filter hook prerouting priority 0; udp dport 53 accept; }\n"
		 " chain f { type filter hook forward priority 0; udp sport 1000 accept; }\n"
		 " chain late { type filter hook forward priority 10; policy accept; }\n"
		 " chain post { type filter hook postrouting priority 0; accept; }\n"
		 "}\n");
	t = send_udp(b, &b->in, "10.8.0.2", "198.51.100.1");
	assert_int_equal(t.by, BY_RULE);
	assert_string_equal(t.chain, "f");
	assert_string_equal(t.table, "t");
	assert_string_equal(t.family, "ip");
	rules(b, "table ip t { chain post { type filter hook postrouting priority 0;\n"
		 " udp dport 53 drop; }\n chain f { type filter hook forward priority 0; "
		 "accept; }; }");
	t = send_udp(b, &b->in, "10.8.0.2", "198.51.100.1");
	assert_int_equal(t.verdict, VERDICT_DROP);
	assert_string_equal(t.chain, "post");
	assert_int_equal(t.hook, HOOK_POSTROUTING);
	/* An IPv6 packet meets no chain at all. */
	t = send_udp(b, &b->in, "fd08::2", "fd51::1");
	assert_int_equal(t.verdict, VERDICT_ACCEPT);
	assert_int_equal(t.by, BY_POLICY);
	assert_null(t.chain);
}

static void the_output_hook_takes_the_place_of_prerouting(void **state)
{
	struct bench *b = *state;

	rules(b, "table ip t { chain pre { type filter hook prerouting priority -300; drop; }\n"
		 " chain o { type filter hook output priority -300; ct state invalid accept; "
		 "drop; }; }");
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "10.8.0.1").verdict, VERDICT_DROP);
	/* Before conntrack every packet is invalid to a rule. */
	assert_int_equal(send_udp(b, &b->out, "10.8.0.1", "10.8.0.2").verdict, VERDICT_ACCEPT);
}

static void hooks_that_are_not_asked_for_are_tracked_and_let_through(void **state)
{
	struct bench *b = *state;
	struct engine_trace t;

	rules(b, "table inet t { chain i { type filter hook input priority 0; policy drop; }\n"
		 " chain p { type filter hook prerouting priority -300; policy drop; }; }\n");
	b->in.hooks = 1u << HOOK_FORWARD;
	t = send_udp(b, &b->in, "10.8.0.2", "10.8.0.1");
	assert_int_equal(t.verdict, VERDICT_ACCEPT);
	assert_true(t.has_flow);
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "198.51.100.1").verdict, VERDICT_DROP);
}

static void a_mark_set_by_a_rule_stays_with_the_flow(void **state)
{
	struct bench *b = *state;
	struct engine_trace t;

	rules(b, "table ip t { chain f { type filter hook forward priority 0; policy drop;\n"
		 " ct state new ct mark set 0x2a\n ct mark 42 accept\n }; }\n");
	t = send_udp(b, &b->in, "10.8.0.2", "198.51.100.1");
	assert_int_equal(t.verdict, VERDICT_ACCEPT);
	assert_int_equal(t.flow.mark, 42);
	rules(b, "table ip t { chain f { type filter hook forward priority 0; policy drop;\n"
		 " ct mark 42 accept\n }; }\n");
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "198.51.100.1").verdict,
			 VERDICT_ACCEPT);
}

static void a_rejected_packet_is_answered_by_who_the_kernel_would_have_speak(void **state)
{
	static const struct {
		const char *src, *dst;
		bool out;
		const char *speaker;
	} rows[] = {
		{ "10.8.0.2", "198.51.100.1", false, "10.8.0.1" },
		{ "10.8.0.2", "203.0.113.1", false, "203.0.113.1" },
		{ "198.51.100.1", "10.8.0.2", true, "203.0.113.1" },
	};
	struct bench *b = *state;

	rules(b, "table ip t { chain f { type filter hook forward priority 0; reject; }\n"
		 " chain i { type filter hook input priority 0; reject; }; }\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct engine_result result;
		struct engine_trace t;
		struct packet p;
		char text[ADDR_TEXT];
		struct raw r;

		b->now.mono += NSEC_PER_SEC;
		raw_udp(&r, rows[i].src, 1000, rows[i].dst, 53, 10);
		t = send_raw(b, rows[i].out ? &b->out : &b->in, &r, &result);
		assert_int_equal(t.verdict, VERDICT_REJECT);
		assert_int_equal(result.action, ENGINE_REPLY);
		assert_int_equal(packet_parse(reply, result.reply_len, NULL, &p), REASON_NONE);
		assert_int_equal(p.icmp_type, 3);
		assert_int_equal(p.icmp_code, 3);
		assert_string_equal(addr_print(L3_IPV4, &p.saddr, text), rows[i].speaker);
		assert_string_equal(addr_print(L3_IPV4, &p.daddr, text), rows[i].src);
	}
}

static void answers_and_log_lines_are_bounded_and_what_was_not_sent_is_counted(void **state)
{
	struct bench *b = *state;
	unsigned answered = 0;
	struct engine_stats stats;

	rules(b, "table ip t { chain f { type filter hook forward priority 0;\n"
		 " log prefix \"no: \" reject; }; }\n");
	for (int i = 0; i < 100; i++) {
		struct engine_result result;
		struct raw r;

		raw_udp(&r, "10.8.0.2", 1000, "198.51.100.1", 53, 10);
		send_raw(b, &b->in, &r, &result);
		answered += result.action == ENGINE_REPLY;
	}
	engine_stats(b->engine, &stats);
	assert_int_equal(answered, 2);
	assert_int_equal(stats.replies, 2);
	assert_int_equal(stats.dropped[REASON_REJECT], 2);
	assert_int_equal(stats.dropped[REASON_REPLY_LIMIT], 98);
	assert_int_equal(b->logged, 3);
	assert_int_equal(stats.log_suppressed, 97);
	assert_non_null(strstr(b->log, "no: IN=wg0 OUT=eth0 SRC=10.8.0.2 DST=198.51.100.1"));
	/* A second later there is room again. */
	b->now.mono += NSEC_PER_SEC;
	send_udp(b, &b->in, "10.8.0.2", "198.51.100.1");
	assert_int_equal(b->logged, 4);
}

static void a_reset_closes_the_flow_that_it_answers(void **state)
{
	struct bench *b = *state;
	struct engine_result result;
	struct engine_trace t;
	struct raw r;

	raw_tcp(&r, "10.8.0.2", 1000, "198.51.100.1", 80, TCP_SYN, 100, 0, 0);
	send_raw(b, &b->in, &r, NULL);
	raw_tcp(&r, "198.51.100.1", 80, "10.8.0.2", 1000, TCP_SYN | TCP_ACK, 500, 101, 0);
	send_raw(b, &b->out, &r, NULL);
	rules(b, "table ip t { chain f { type filter hook forward priority 0;\n"
		 " tcp dport 80 reject with tcp reset; }; }\n");
	raw_tcp(&r, "10.8.0.2", 1000, "198.51.100.1", 80, TCP_ACK, 101, 501, 0);
	t = send_raw(b, &b->in, &r, &result);
	assert_int_equal(t.ct_state, CT_STATE_ESTABLISHED);
	assert_int_equal(result.action, ENGINE_REPLY);
	assert_true(t.has_flow);
	assert_int_equal(t.flow.proto.tcp.state, TCPS_CLOSE);
	assert_int_equal(flow_remaining(&t.flow, b->now.mono), 10 * NSEC_PER_SEC);
}

static void a_packet_that_gets_no_reset_does_not_close_its_flow(void **state)
{
	struct bench *b = *state;
	struct engine_result result;
	struct engine_trace t;
	struct raw r;

	raw_tcp(&r, "10.8.0.2", 1000, "239.1.1.1", 80, TCP_SYN, 100, 0, 0);
	send_raw(b, &b->in, &r, NULL);
	raw_tcp(&r, "239.1.1.1", 80, "10.8.0.2", 1000, TCP_SYN | TCP_ACK, 500, 101, 0);
	send_raw(b, &b->out, &r, NULL);
	rules(b, "table ip t { chain f { type filter hook input priority 0;\n"
		 " tcp dport 80 reject with tcp reset; }; }\n");
	/* Nobody answers in the name of a group. */
	raw_tcp(&r, "10.8.0.2", 1000, "239.1.1.1", 80, TCP_ACK, 101, 501, 8);
	t = send_raw(b, &b->in, &r, &result);
	assert_int_equal(t.verdict, VERDICT_REJECT);
	assert_int_equal(result.action, ENGINE_DROP);
	assert_int_equal(t.flow.proto.tcp.state, TCPS_ESTABLISHED);
}

static void what_went_to_many_is_the_hosts_and_goes_unanswered(void **state)
{
	static const char *const many[] = { "10.8.0.255", "255.255.255.255", "239.1.1.1" };
	struct bench *b = *state;
	struct engine_port both = b->both;

	both.ifindex = WG0;
	rules(b, "table ip t { chain i { type filter hook input priority 0; reject; }; }\n");
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++) {
		struct engine_result result;
		struct engine_trace t;
		struct raw r;

		raw_udp(&r, "10.8.0.2", 1000, many[i], 53, 10);
		t = send_raw(b, i & 1 ? &both : &b->in, &r, &result);
		assert_int_equal(t.hook, HOOK_INPUT);
		assert_int_equal(t.verdict, VERDICT_REJECT);
		assert_int_equal(result.action, ENGINE_DROP);
		t = send_raw(b, i & 1 ? &b->in : &both, &r, &result);
		assert_int_equal(t.hook, HOOK_INPUT);
		assert_int_equal(result.action, ENGINE_DROP);
	}
}

static void a_wrong_checksum_is_invalid_unless_the_host_made_it(void **state)
{
	struct bench *b = *state;
	struct engine_trace t;
	struct raw r;

	raw_udp(&r, "10.8.0.2", 1000, "198.51.100.1", 53, 10);
	r.b[r.len - 1] ^= 1;
	t = send_raw(b, &b->in, &r, NULL);
	assert_int_equal(t.ct_state, CT_STATE_INVALID);
	assert_false(t.has_flow);
	raw_udp(&r, "10.8.0.1", 1000, "10.8.0.2", 53, 10);
	r.b[r.len - 1] ^= 1;
	t = send_raw(b, &b->out, &r, NULL);
	assert_int_equal(t.hook, HOOK_OUTPUT);
	assert_int_equal(t.ct_state, CT_STATE_NEW);
	assert_true(t.has_flow);
}

static void counters_and_handles_outlive_the_process(void **state)
{
	struct bench *b = *state;
	struct generation *again;
	struct text text = TEXT_INIT;
	struct diag d = DIAG_INIT;
	bool restored = false;

	rules(b, "table ip t { chain f { type filter hook forward priority 0;\n"
		 " udp dport 53 counter accept; }; }\n");
	send_udp(b, &b->in, "10.8.0.2", "198.51.100.1");
	generation_free(b->generation);
	engine_free(b->engine);
	counters_free(b->counters);
	/* Another process over the same arena. */
	b->counters = counters_new(&b->arena);
	b->engine = engine_new(b->ct, b->counters,
			       &(struct engine_options){ .workers = 1, .log_rate = 3,
							 .reply_rate = 2, .log = log_line,
							 .log_arg = b });
	again = generation_read(b->counters, &b->arena, &d);
	assert_non_null(again);
	assert_int_equal(generation_start(again, b->engine, &d, &restored), 0);
	assert_true(restored);
	b->generation = again;
	ruleset_print(generation_ruleset(again), PRINT_HANDLE, &text);
	assert_non_null(strstr(text_str(&text),
			       "udp dport 53 counter packets 1 bytes 38 accept # handle 2"));
	text_fini(&text);
	diag_fini(&d);
}

static void a_wrong_ruleset_changes_nothing(void **state)
{
	struct bench *b = *state;
	const char *bad =
		"table ip t { chain f { type filter hook forward priority 0; acept; }; }\n";
	struct ruleset_input input = { .name = "bad", .text = bad, .len = strlen(bad) };
	struct diag d = DIAG_INIT;
	uint64_t serial;

	rules(b, "table ip t { chain f { type filter hook forward priority 0; drop; }; }\n");
	serial = generation_serial(b->generation);
	assert_true(generation_replace(b->generation, &input, NULL, &d) < 0);
	assert_non_null(strstr(text_str(&d.text), "bad:1:61:"));
	assert_int_equal(generation_serial(b->generation), serial);
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "198.51.100.1").verdict, VERDICT_DROP);
	diag_fini(&d);
}

static void what_expires_goes_without_a_change(void **state)
{
	struct bench *b = *state;
	const struct ruleset *before;
	uint64_t serial;

	rules(b, "table ip t { set s { type ipv4_addr; flags interval,timeout; timeout 5s;\n"
		 "elements = { 10.8.0.0/16 } }\n"
		 "chain f { type filter hook forward priority 0; ip saddr @s accept; drop; }; }\n");
	before = generation_ruleset(b->generation);
	serial = generation_serial(b->generation);
	generation_expire(b->generation, NSEC_PER_SEC);
	assert_ptr_equal(generation_ruleset(b->generation), before);
	generation_expire(b->generation, 3600 * NSEC_PER_SEC);
	assert_ptr_not_equal(generation_ruleset(b->generation), before);
	assert_int_equal(generation_serial(b->generation), serial);
	assert_int_equal(send_udp(b, &b->in, "10.8.0.2", "198.51.100.1").verdict, VERDICT_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		engine_test(the_port_says_which_hook),
		engine_test(what_a_return_port_gives_back_is_counted_as_that),
		engine_test(sources_that_nobody_behind_the_interface_may_have_are_dropped),
		engine_test(rules_see_the_real_interfaces),
		engine_test(a_route_is_asked_anew_when_the_host_changed),
		engine_test(a_flow_begins_only_when_its_first_packet_was_accepted),
		engine_test(the_decision_that_is_told_is_a_rules_of_the_packets_own_hook),
		engine_test(the_output_hook_takes_the_place_of_prerouting),
		engine_test(hooks_that_are_not_asked_for_are_tracked_and_let_through),
		engine_test(a_mark_set_by_a_rule_stays_with_the_flow),
		engine_test(a_rejected_packet_is_answered_by_who_the_kernel_would_have_speak),
		engine_test(answers_and_log_lines_are_bounded_and_what_was_not_sent_is_counted),
		engine_test(a_reset_closes_the_flow_that_it_answers),
		engine_test(a_packet_that_gets_no_reset_does_not_close_its_flow),
		engine_test(what_went_to_many_is_the_hosts_and_goes_unanswered),
		engine_test(a_wrong_checksum_is_invalid_unless_the_host_made_it),
		engine_test(counters_and_handles_outlive_the_process),
		engine_test(a_wrong_ruleset_changes_nothing),
		engine_test(what_expires_goes_without_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
