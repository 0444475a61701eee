/* A flow by itself: its line (conntrack.md 7.5), the filters, its names. */
#include "tracking.h"

static struct flow flow(uint8_t proto, const char *src, uint16_t sport, const char *dst,
			uint16_t dport)
{
	struct flow f = { .id = 77, .status = FLOW_CONFIRMED };
	struct tuple *t = &f.tuple[DIR_ORIGINAL];

	assert_int_equal(addr_parse(src, &t->l3, &t->src), 0);
	assert_int_equal(addr_parse(dst, &t->l3, &t->dst), 0);
	t->sport = htons(sport);
	t->dport = htons(dport);
	t->l4 = proto;
	assert_int_equal(tuple_invert(t, &f.tuple[DIR_REPLY]), 0);
	return f;
}

static void expect_line(struct flow *f, bool extended, bool with_id, const char *wanted)
{
	struct text line = TEXT_INIT;

	flow_print(f, 5 * NSEC_PER_SEC, extended, with_id, &line);
	assert_string_equal(text_str(&line), wanted);
	text_fini(&line);
}

/* Seconds that are left at the clock of expect_line(); a listing cuts the fraction off. */
static void expire_in(struct flow *f, uint64_t seconds)
{
	f->expires = (5 + seconds + 1) * NSEC_PER_SEC - 1;
}

static void lines_are_those_of_conntrack(void **state)
{
	struct flow f;

	(void)state;
	f = flow(IPPROTO_TCP, "10.0.1.2", 1000, "10.0.2.2", 80);
	f.status |= FLOW_SEEN_REPLY | FLOW_ASSURED;
	f.proto.tcp.state = TCPS_ESTABLISHED;
	expire_in(&f, 431999);
	expect_line(&f, false, false,
		    "tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=1000 "
		    "dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 [ASSURED] mark=0 "
		    "use=1");
	f.mark = 4294967295;
	f.tuple[0].zone = f.tuple[1].zone = 5;
	expect_line(&f, true, true,
		    "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 "
		    "sport=1000 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 "
		    "[ASSURED] mark=4294967295 zone=5 use=1 id=77");
	f.tuple[1].zone = 0;
	expect_line(&f, false, false,
		    "tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=1000 "
		    "dport=80 zone-orig=5 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 "
		    "[ASSURED] mark=4294967295 use=1");
	f.tuple[0].zone = 0;
	f.tuple[1].zone = 6;
	expect_line(&f, false, false,
		    "tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=1000 "
		    "dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 zone-reply=6 "
		    "[ASSURED] mark=4294967295 use=1");

	f = flow(IPPROTO_UDP, "10.0.1.2", 1000, "10.0.2.2", 53);
	addr_parse("10.0.2.1", &f.tuple[1].l3, &f.tuple[1].dst);
	expire_in(&f, 29);
	expect_line(&f, false, false,
		    "udp      17 29 src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=53 [UNREPLIED] "
		    "src=10.0.2.2 dst=10.0.2.1 sport=53 dport=1000 mark=0 use=1");

	f = flow(IPPROTO_ICMP, "10.0.1.2", 7, "10.0.2.2", 8 << 8);
	expire_in(&f, 29);
	expect_line(&f, false, false,
		    "icmp     1 29 src=10.0.1.2 dst=10.0.2.2 type=8 code=0 id=7 [UNREPLIED] "
		    "src=10.0.2.2 dst=10.0.1.2 type=0 code=0 id=7 mark=0 use=1");

	f = flow(IPPROTO_ICMPV6, "fd00:1::2", 0, "fd00:2::2", 128 << 8);
	expire_in(&f, 29);
	expect_line(&f, false, false,
		    "icmpv6   58 29 src=fd00:1::2 dst=fd00:2::2 type=128 code=0 id=0 "
		    "[UNREPLIED] src=fd00:2::2 dst=fd00:1::2 type=129 code=0 id=0 mark=0 "
		    "use=1");
	expect_line(&f, true, false,
		    "ipv6     10 icmpv6   58 29 src=fd00:1::2 dst=fd00:2::2 type=128 code=0 "
		    "id=0 [UNREPLIED] src=fd00:2::2 dst=fd00:1::2 type=129 code=0 id=0 mark=0 "
		    "use=1");

	f = flow(IPPROTO_GRE, "10.0.1.2", 0, "10.0.2.2", 0x1f);
	f.status |= FLOW_SEEN_REPLY | FLOW_ASSURED;
	expire_in(&f, 179);
	expect_line(&f, false, false,
		    "gre      47 179 src=10.0.1.2 dst=10.0.2.2 srckey=0x0 dstkey=0x1f "
		    "src=10.0.2.2 dst=10.0.1.2 srckey=0x1f dstkey=0x0 [ASSURED] mark=0 use=1");

	f = flow(50, "10.0.1.2", 0, "10.0.2.2", 0);
	expire_in(&f, 599);
	expect_line(&f, false, false,
		    "unknown  50 599 src=10.0.1.2 dst=10.0.2.2 [UNREPLIED] src=10.0.2.2 "
		    "dst=10.0.1.2 mark=0 use=1");

	f = flow(IPPROTO_DCCP, "10.0.1.2", 0, "10.0.2.2", 0);
	expire_in(&f, 599);
	expect_line(&f, false, false,
		    "dccp     33 599 src=10.0.1.2 dst=10.0.2.2 sport=0 dport=0 [UNREPLIED] "
		    "src=10.0.2.2 dst=10.0.1.2 sport=0 dport=0 mark=0 use=1");
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static void each_filter_condition_matches_and_refuses(void **state)
{
	struct flow f = flow(IPPROTO_TCP, "10.0.1.2", 1000, "10.0.2.2", 80);
	struct flow icmp = flow(IPPROTO_ICMP, "10.0.1.2", 1000, "10.0.2.2", 8 << 8);

	(void)state;
	f.status |= FLOW_SEEN_REPLY;
	f.proto.tcp.state = TCPS_FIN_WAIT;
	f.mark = 0x105;
	f.tuple[0].zone = f.tuple[1].zone = 3;

#define MATCHES(...) assert_true(flow_matches(&f, &(struct flow_filter){ __VA_ARGS__ }))
#define REFUSES(...) assert_false(flow_matches(&f, &(struct flow_filter){ __VA_ARGS__ }))
	MATCHES(0);
	MATCHES(.family = L3_IPV4);
	REFUSES(.family = L3_IPV6);
	MATCHES(.has_proto = true, .proto = 6);
	REFUSES(.has_proto = true, .proto = 0);
	MATCHES(.has_sport = true, .sport = 1000);
	REFUSES(.has_sport = true, .sport = 80);
	MATCHES(.has_dport = true, .dport = 80);
	REFUSES(.has_dport = true, .dport = 1000);
	MATCHES(.src = prefix("10.0.1.0/24"));
	REFUSES(.src = prefix("10.0.2.0/24"));
	REFUSES(.src = prefix("::/0"));
	MATCHES(.dst = prefix("10.0.2.2"));
	REFUSES(.dst = prefix("10.0.1.2"));
	MATCHES(.reply_src = prefix("10.0.2.2"));
	REFUSES(.reply_src = prefix("10.0.1.2"));
	MATCHES(.reply_dst = prefix("10.0.1.2"));
	REFUSES(.reply_dst = prefix("10.0.2.2"));
	MATCHES(.has_state = true, .tcp_state = TCPS_FIN_WAIT);
	REFUSES(.has_state = true, .tcp_state = TCPS_ESTABLISHED);
	MATCHES(.has_zone = true, .zone = 3);
	REFUSES(.has_zone = true, .zone = 0);
	MATCHES(.has_mark = true, .mark = 5, .mark_mask = 0xff);
	REFUSES(.has_mark = true, .mark = 5, .mark_mask = 0xffff);
	REFUSES(.has_mark = true, .mark = 0, .mark_mask = 0xffff);
	MATCHES(.id = 77);
	REFUSES(.id = 78);
	MATCHES(.status = FLOW_SEEN_REPLY | FLOW_CONFIRMED);
	REFUSES(.status = FLOW_SEEN_REPLY | FLOW_ASSURED);
	MATCHES(.status_clear = FLOW_ASSURED);
	REFUSES(.status_clear = FLOW_ASSURED | FLOW_SEEN_REPLY);

	/* Only what has ports has ports, and only TCP a state. */
	f = icmp;
	REFUSES(.has_sport = true, .sport = 1000);
	f.proto.tcp.state = TCPS_FIN_WAIT;
	REFUSES(.has_state = true, .tcp_state = TCPS_FIN_WAIT);
}

static void filters_of_nat_want_the_mapping_its_address_and_a_changed_port(void **state)
{
	struct flow f = flow(IPPROTO_TCP, "10.0.1.2", 1000, "10.0.2.2", 80);
	const struct prefix given = prefix("192.0.2.1"), other = prefix("192.0.2.2");

	(void)state;
	REFUSES(.nat = FLOW_SNAT | FLOW_DNAT);
	/* Its source is 192.0.2.1:1000 now. */
	f.status |= FLOW_SNAT;
	f.tuple[DIR_REPLY].dst = given.addr;
	MATCHES(.nat = FLOW_SNAT | FLOW_DNAT);
	MATCHES(.nat_all = FLOW_SNAT);
	REFUSES(.nat_all = FLOW_DNAT);
	REFUSES(.nat_all = FLOW_SNAT | FLOW_DNAT);
	MATCHES(.nat_all = FLOW_SNAT, .snat_addr = given);
	REFUSES(.nat_all = FLOW_SNAT, .snat_addr = other);
	REFUSES(.nat_all = FLOW_SNAT, .has_snat_port = true, .snat_port = 1000);
	f.tuple[DIR_REPLY].dport = htons(5000);
	MATCHES(.nat_all = FLOW_SNAT, .has_snat_port = true, .snat_port = 5000);
	REFUSES(.nat_all = FLOW_SNAT, .has_snat_port = true, .snat_port = 1000);
	MATCHES(.nat = FLOW_SNAT | FLOW_DNAT, .snat_addr = given, .dnat_addr = given);
	/* And its destination 192.0.2.2:8080. */
	f.status |= FLOW_DNAT;
	f.tuple[DIR_REPLY].src = other.addr;
	f.tuple[DIR_REPLY].sport = htons(8080);
	MATCHES(.nat_all = FLOW_SNAT | FLOW_DNAT);
	MATCHES(.nat_all = FLOW_SNAT | FLOW_DNAT, .snat_addr = given, .dnat_addr = other,
		.has_dnat_port = true, .dnat_port = 8080);
	REFUSES(.nat_all = FLOW_SNAT | FLOW_DNAT, .snat_addr = given, .dnat_addr = given);
	REFUSES(.nat_all = FLOW_DNAT, .has_dnat_port = true, .dnat_port = 80);
	MATCHES(.nat = FLOW_SNAT | FLOW_DNAT, .snat_addr = other, .dnat_addr = other);
}

static void names_of_states_and_bits(void **state)
{
	static const char *const tcp[] = { "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED",
					   "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",
					   "CLOSE", "SYN_SENT2" };
	static const char *const sctp[] = { "NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED",
					    "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD",
					    "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT" };

	(void)state;
	for (unsigned i = 0; i < TCPS_COUNT; i++)
		assert_string_equal(tcp_state_name(i), tcp[i]);
	assert_string_equal(tcp_state_name(200), "NONE");
	for (unsigned i = 0; i < SCTPS_COUNT; i++)
		assert_string_equal(sctp_state_name(i), sctp[i]);
	assert_string_equal(sctp_state_name(200), "NONE");
	assert_string_equal(ct_state_name(CT_STATE_NEW), "new");
	assert_string_equal(ct_state_name(CT_STATE_ESTABLISHED), "established");
	assert_string_equal(ct_state_name(CT_STATE_RELATED), "related");
	assert_string_equal(ct_state_name(CT_STATE_INVALID), "invalid");
	assert_string_equal(ct_state_name(CT_STATE_UNTRACKED), "untracked");
	assert_string_equal(ct_state_name(CT_STATE_NONE), "none");
	assert_string_equal(flow_status_name(FLOW_SEEN_REPLY), "seen-reply");
	assert_string_equal(flow_status_name(FLOW_ASSURED), "assured");
	assert_string_equal(flow_status_name(FLOW_FIXED_TIMEOUT), "fixed-timeout");
	assert_null(flow_status_name(FLOW_SNAT_DONE));
	for (unsigned kind = CT_TCP; kind < CT_KIND_COUNT; kind++)
		assert_string_not_equal(ct_kind_name(kind), "none");
}

static void options_have_their_defaults(void **state)
{
	struct conntrack_options o;

	(void)state;
	conntrack_options_default(&o);
	assert_int_equal(o.max_flows, 262144);
	assert_int_equal(o.tcp_loose, TCP_LOOSE_NO);
	assert_int_equal(o.timeout[TIMEOUT_TCP_ESTABLISHED], 432000);
	assert_int_equal(o.timeout[TIMEOUT_UDP_STREAM], 120);
	assert_int_equal(o.timeout[TIMEOUT_GENERIC], 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_those_of_conntrack),
		cmocka_unit_test(each_filter_condition_matches_and_refuses),
		cmocka_unit_test(filters_of_nat_want_the_mapping_its_address_and_a_changed_port),
		cmocka_unit_test(names_of_states_and_bits),
		cmocka_unit_test(options_have_their_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
