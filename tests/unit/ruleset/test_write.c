/* Tests of statements that change packets: from the rule's text to the packet's bytes, with
 * every checksum computed anew. */
#include <stdio.h>
#include <stdlib.h>

#include "ctfw/hostview.h"
#include "unit/ruleset/language.h"

#include "unit/packets.h"

static struct raw raw;
static struct hostview *host; /* what rules know of it, or NULL */

enum kind { TCP4, UDP4, ICMP4, TCP6, UDP6, ICMP6, SCTP4 };

static void make(enum kind kind)
{
	static const uint8_t sctp[16] = { 4, 0, 0, 80 };

	switch (kind) {
	case TCP4:
		raw_tcp(&raw, "10.1.2.3", 1024, "192.0.2.77", 80, 0x10, 1, 2, 33);
		break;
	case UDP4:
		raw_udp(&raw, "10.1.2.3", 1024, "192.0.2.77", 53, 33);
		break;
	case ICMP4:
		raw_icmp(&raw, "10.1.2.3", "192.0.2.77", 8, 0, 7, 1, NULL, 0);
		break;
	case TCP6:
		raw_tcp(&raw, "fd08::2", 1024, "2001:db8::77", 80, 0x10, 1, 2, 33);
		break;
	case UDP6:
		raw_udp(&raw, "fd08::2", 1024, "2001:db8::77", 53, 33);
		break;
	case ICMP6:
		raw_icmp(&raw, "fd08::2", "2001:db8::77", 128, 0, 7, 1, NULL, 0);
		break;
	case SCTP4:
		raw_ip(&raw, "10.1.2.3", "192.0.2.77", IPPROTO_SCTP, sctp, sizeof(sctp));
		break;
	}
}

/* Run the only chain, which is in forward, over what raw holds. */
static enum verdict run(const char *family, const char *rules, struct packet *p, uint8_t hop)
{
	struct ruleset *rs = ruleset_new(NULL);
	struct eval e = { .packet = p, .ct_state = CT_STATE_NEW, .hop = hop, .host = host };
	struct eval_result result = { 0 };
	struct program *program;
	char text[2000];

	snprintf(text, sizeof(text),
		 "table %s t { chain c { type filter hook forward priority 0; policy drop;\n"
		 "%s\n}\n}\n", family, rules);
	assert_int_equal(apply(&rs, text), 0);
	program = program_compile(rs);
	assert_non_null(program);
	if (p->family == 0)
		assert_int_equal(packet_parse(raw.b, raw.len, NULL, p), REASON_NONE);
	program_eval(program, HOOK_FORWARD, false, &e, &result);
	program_free(program);
	ruleset_unref(rs);
	return result.verdict;
}

static void expect_sums(const struct packet *p)
{
	if (p->family == L3_IPV4)
		assert_int_equal(raw_sum(0, raw.b, raw_l4(&raw)), 0xffff);
	if (p->l4_proto != IPPROTO_SCTP)
		assert_int_equal(raw_l4_checksum(&raw, p->l4_proto,
						 p->l4_proto != IPPROTO_ICMP), 0);
	else
		assert_true(packet_checksum_ok(p));
}

static void each_field_is_written_where_it_lies(void **state)
{
	static const struct {
		enum kind kind;
		const char *rule;
		unsigned off, len;
		uint8_t bytes[16];
	} rows[] = {
		{ TCP4, "ip saddr set 10.9.8.7", 12, 4, { 10, 9, 8, 7 } },
		{ UDP4, "ip daddr set 255.255.255.255", 16, 4, { 255, 255, 255, 255 } },
		{ ICMP4, "ip daddr set 1.2.3.4", 16, 4, { 1, 2, 3, 4 } },
		{ TCP4, "ip saddr set ip daddr", 12, 4, { 192, 0, 2, 77 } },
		{ UDP4, "ip saddr set ip daddr & 255.255.0.0 | 0.0.0.9", 12, 4, { 192, 0, 0, 9 } },
		{ TCP4, "ip ttl set 23", 8, 1, { 23 } },
		{ TCP6, "ip6 saddr set fd00::1:2", 8, 16,
		  { 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2 } },
		{ ICMP6, "ip6 daddr set ip6 saddr", 24, 16,
		  { 0xfd, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2 } },
		{ UDP6, "ip6 daddr set ip6 daddr & ffff:ffff:: | ::5", 24, 16,
		  { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5 } },
		{ UDP6, "ip6 daddr set ip6 daddr ^ ffff::1", 24, 16,
		  { 0xdf, 0xfe, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x76 } },
		{ UDP6, "ip6 hoplimit set 1", 7, 1, { 1 } },
		{ TCP4, "tcp dport set 8080", 22, 2, { 0x1f, 0x90 } },
		{ TCP6, "tcp dport set tcp sport", 42, 2, { 4, 0 } },
		{ TCP4, "tcp flags set syn,ack", 33, 1, { 0x12 } },
		{ TCP4, "tcp flags set fin | psh", 33, 1, { 0x09 } },
		{ UDP4, "udp sport set 65535", 20, 2, { 0xff, 0xff } },
		{ UDP6, "udp sport set 1", 40, 2, { 0, 1 } },
		{ ICMP4, "icmp type set 13", 20, 1, { 13 } },
		{ ICMP4, "icmp code set 5", 21, 1, { 5 } },
		{ ICMP6, "icmpv6 type set 129", 40, 1, { 129 } },
	};
	const char *families[] = { "", "inet" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		families[0] = rows[i].kind == TCP6 || rows[i].kind == UDP6 ||
			      rows[i].kind == ICMP6 ? "ip6" : "ip";
		for (unsigned f = 0; f < 2; f++) {
			struct packet p = { 0 };
			char rule[200];

			make(rows[i].kind);
			snprintf(rule, sizeof(rule), "%s accept", rows[i].rule);
			assert_int_equal(run(families[f], rule, &p, 0), VERDICT_ACCEPT);
			assert_memory_equal(raw.b + rows[i].off, rows[i].bytes, rows[i].len);
			expect_sums(&p);
		}
	}
}

static void what_was_written_is_what_later_rules_see(void **state)
{
	struct packet p = { 0 };

	(void)state;
	make(TCP4);
	assert_int_equal(run("ip", "tcp dport set 81 ip saddr set 1.1.1.1\n"
				   "tcp dport 80 drop\n"
				   "tcp dport 81 ip saddr 1.1.1.1 tcp flags set syn\n"
				   "tcp flags != syn drop\naccept", &p, 0), VERDICT_ACCEPT);
	/* Where the transport header lies is found anew in the next base chain. */
	p = (struct packet){ 0 };
	make(UDP4);
	assert_int_equal(run("ip", "ip protocol set 6\nmeta l4proto 17 udp dport 53 accept\n}\n"
				   "chain d { type filter hook forward priority 1\n"
				   "meta l4proto 17 drop\nmeta l4proto 6 tcp dport 53 accept",
			     &p, 0), VERDICT_ACCEPT);
	assert_int_equal(p.l4_proto, IPPROTO_TCP);
}

/* Rules see an authentication header as the transport, and conntrack what is behind it. */
static void what_is_behind_an_authentication_header_is_found_anew(void **state)
{
	static const uint8_t ah[40] = { IPPROTO_UDP, 4, [24] = 1, 2, 3, 4, 0, 16 };
	struct packet p = { 0 };

	(void)state;
	raw_ip(&raw, "fd08::2", "2001:db8::77", IPPROTO_AH, ah, sizeof(ah));
	assert_int_equal(run("ip6", "ah hdrlength set 6 accept", &p, 0), VERDICT_ACCEPT);
	assert_int_equal(raw.b[41], 6);
	assert_int_equal(p.l4_proto, IPPROTO_UDP);
	assert_int_equal(p.l4_off, 72);
	p = (struct packet){ 0 };
	raw_ip(&raw, "fd08::2", "2001:db8::77", IPPROTO_AH, ah, sizeof(ah));
	assert_int_equal(run("ip6", "ah nexthdr set 132 accept", &p, 0), VERDICT_ACCEPT);
	assert_int_equal(p.l4_proto, IPPROTO_SCTP);
	assert_int_equal(p.l4_off, 64);
}

static void rules_of_the_other_family_and_protocol_write_nothing(void **state)
{
	static uint8_t before[2000];
	struct packet p;

	(void)state;
	for (unsigned kind = TCP4; kind <= SCTP4; kind++) {
		p = (struct packet){ 0 };
		make(kind);
		memcpy(before, raw.b, raw.len);
		assert_int_equal(run("inet",
				     kind == TCP4 || kind == TCP6 ?
					     "udp dport set 5 drop\nmeta l4proto icmp icmp code set 5 drop\naccept" :
					     "tcp dport set 5 drop\naccept",
				     &p, 0), VERDICT_ACCEPT);
		assert_memory_equal(raw.b, before, raw.len);
		p = (struct packet){ 0 };
		assert_int_equal(run("inet",
				     kind == TCP6 || kind == UDP6 || kind == ICMP6 ?
					     "ip saddr set 1.2.3.4 drop\naccept" :
					     "ip6 saddr set ::5 drop\naccept",
				     &p, 0), VERDICT_ACCEPT);
		assert_memory_equal(raw.b, before, raw.len);
	}
}

static void a_header_that_is_not_there_ends_the_rule(void **state)
{
	struct packet p = { 0 };

	(void)state;
	raw_ip(&raw, "10.1.2.3", "192.0.2.77", IPPROTO_TCP, "\1\2\3\4", 4);
	assert_int_equal(run("ip", "tcp dport set 5 accept\ndrop", &p, 0), VERDICT_DROP);
	assert_int_equal(run("ip", "th dport set 5 accept\ndrop", &p, 0), VERDICT_ACCEPT);
	assert_int_equal(raw.b[23], 5);
}

static void with_options(const uint8_t options[8])
{
	make(TCP4);
	raw.b[32] = 7 << 4;
	memcpy(raw.b + 40, options, 8);
	raw_fix_l4(&raw);
}

static void an_option_of_tcp_is_reset(void **state)
{
	struct packet p = { 0 };

	(void)state;
	with_options((const uint8_t[]){ 1, 30, 4, 9, 9, 4, 2, 0 });
	assert_int_equal(run("inet", "reset tcp option mptcp accept", &p, 0), VERDICT_ACCEPT);
	assert_memory_equal(raw.b + 40, ((const uint8_t[]){ 1, 1, 1, 1, 1, 4, 2, 0 }), 8);
	expect_sums(&p);
	/* One that is not there is no reason to stop. */
	assert_int_equal(run("ip", "reset tcp option 99 accept", &p, 0), VERDICT_ACCEPT);
	/* What cannot be read is dropped, and other protocols are not meant. */
	with_options((const uint8_t[]){ 1, 1, 30, 99, 0, 0, 0, 0 });
	p = (struct packet){ 0 };
	assert_int_equal(run("ip", "reset tcp option 30 accept\naccept", &p, 0), VERDICT_DROP);
	make(UDP6);
	p = (struct packet){ 0 };
	assert_int_equal(run("ip6", "reset tcp option 30 drop\naccept", &p, 0),
			 VERDICT_ACCEPT);
}

static void a_segment_size_is_made_smaller_and_never_larger(void **state)
{
	static const uint8_t mss[8] = { 2, 4, 0x05, 0xb4, 1, 1, 1, 1 };
	const uint8_t smaller[] = { 2, 4, 0x04, 0xb0 };
	struct packet p = { 0 };

	(void)state;
	with_options(mss);
	assert_int_equal(run("inet", "tcp option maxseg size set 1200 accept", &p, 0),
			 VERDICT_ACCEPT);
	assert_memory_equal(raw.b + 40, smaller, sizeof(smaller));
	expect_sums(&p);
	p = (struct packet){ 0 };
	with_options(mss);
	assert_int_equal(run("ip", "tcp option maxseg size set 9000 accept", &p, 0),
			 VERDICT_ACCEPT);
	assert_memory_equal(raw.b + 40, mss, sizeof(mss));
	/* A packet without the option stays as it is, and the rule goes on. */
	p = (struct packet){ 0 };
	with_options((const uint8_t[]){ 1, 1, 1, 1, 1, 1, 1, 1 });
	assert_int_equal(run("ip", "tcp option maxseg size set 500 accept", &p, 0),
			 VERDICT_ACCEPT);
	expect_sums(&p);
}

/* A way that narrows: 1300 bytes to the client, 1280 to everybody else. */
static struct hostview *narrow_host(void)
{
	static const char *const ways[] = { "10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::/0" };
	static const struct hostview_link links[] = {
		{ .index = 2, .mtu = 1280, .name = "eth0" },
		{ .index = 7, .mtu = 1300, .name = "wg0" },
	};
	struct hostview_route routes[4] = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(prefix_parse(ways[i], &routes[i].prefix), 0);
		routes[i].ifindex = i % 2 ? 2 : 7;
	}
	return hostview_new(links, 2, NULL, 0, routes, 4);
}

/* One that the host splits up later: 20 KB whose checksum is yet to be filled in. */
static void make_super(bool v4, struct packet *p)
{
	const uint8_t mss[] = { 2, 4, 0x05, 0xb4, 1, 1, 1, 0 };
	size_t at = v4 ? 20 : 40;
	uint8_t *l4 = raw.b + at;
	uint32_t sum;

	if (v4)
		raw_tcp(&raw, "10.1.2.3", 1024, "192.0.2.77", 80, 0x10, 1, 2, 20000);
	else
		raw_tcp(&raw, "fd08::2", 1024, "2001:db8::77", 80, 0x10, 1, 2, 20000);
	l4[12] = 7 << 4;
	memcpy(l4 + 20, mss, sizeof(mss));
	/* What is left of the whole sum without the bytes that are to be added yet. */
	raw_put16(l4 + 16, 0);
	sum = (uint16_t)~raw_l4_checksum(&raw, IPPROTO_TCP, true);
	sum += (uint16_t)~raw_sum(0, l4, raw.len - at);
	raw_put16(l4 + 16, (uint16_t)raw_sum(sum, NULL, 0));
	assert_int_equal(packet_parse(raw.b, raw.len,
				      &(struct virtio_net_hdr){
					      .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					      .gso_type = v4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
							       VIRTIO_NET_HDR_GSO_TCPV6,
					      .hdr_len = (uint16_t)(at + 28),
					      .gso_size = 1400,
					      .csum_start = (uint16_t)at,
					      .csum_offset = 16 }, p), REASON_NONE);
}

static void a_super_packet_is_clamped_and_stays_one(void **state)
{
	static const struct {
		const char *size;
		uint16_t mss4, mss6;
	} rows[] = { { "1200", 1200, 1200 }, { "rt mtu", 1240, 1220 }, { "1500", 1460, 1460 } };

	(void)state;
	host = narrow_host();
	for (unsigned n = 0; n < 2 * sizeof(rows) / sizeof(rows[0]); n++) {
		bool v4 = n & 1;
		uint16_t mss = v4 ? rows[n / 2].mss4 : rows[n / 2].mss6;
		struct virtio_net_hdr vnet;
		struct packet p;
		uint8_t partial[2], *l4;
		char rule[100];

		make_super(v4, &p);
		vnet = p.vnet;
		l4 = raw.b + p.l4_off;
		memcpy(partial, l4 + 16, 2);
		snprintf(rule, sizeof(rule), "tcp option maxseg size set %s accept",
			 rows[n / 2].size);
		assert_int_equal(run(v4 ? "ip" : "inet", rule, &p, 0), VERDICT_ACCEPT);
		assert_int_equal(l4[22] << 8 | l4[23], mss);
		assert_memory_equal(&p.vnet, &vnet, sizeof(vnet));
		assert_memory_equal(l4 + 16, partial, 2);
		/* Filled in at last, it is right. */
		raw_put16(l4 + 16, (uint16_t)~raw_sum(0, l4, raw.len - p.l4_off));
		expect_sums(&p);
	}
	hostview_free(host);
	host = NULL;
}

/* What a rule has written into a header is read as a stranger's is. */
static void options_end_with_the_packet_whatever_was_written(void **state)
{
	static const char *const rules[] = {
		"ip hdrlength set 15 ip option rr exists accept",
		"ip hdrlength set 1 ip option ra exists accept",
		"ip hdrlength set 0 ip option lsrr ptr >= 0 accept",
		"tcp doff set 15 tcp option maxseg exists accept",
		"tcp doff set 15 tcp option maxseg size set 5 accept",
		"tcp doff set 15 reset tcp option mptcp accept",
		"tcp doff set 15 @ih,0,32 >= 0 accept",
		"tcp doff set 1 tcp option timestamp tsval >= 0 accept",
	};
	struct packet p;
	uint8_t *exact;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		raw_tcp(&raw, "10.1.2.3", 1024, "192.0.2.77", 80, 0x10, 1, 2, 0);
		exact = malloc(raw.len);
		assert_non_null(exact);
		memcpy(exact, raw.b, raw.len);
		assert_int_equal(packet_parse(exact, raw.len, NULL, &p), REASON_NONE);
		assert_int_equal(run("ip", rules[i], &p, 0), VERDICT_DROP);
		free(exact);
	}
}

/* The host that forwards counts itself behind us. */
static void a_ttl_is_as_the_rule_says_behind_the_host(void **state)
{
	struct packet p = { 0 };

	(void)state;
	make(TCP4);
	assert_int_equal(run("ip", "ip ttl set 5\nip ttl 5 accept", &p, 1), VERDICT_ACCEPT);
	assert_int_equal(raw.b[8], 6);
	expect_sums(&p);
	assert_int_equal(run("ip", "ip ttl set 255 accept", &p, 1), VERDICT_ACCEPT);
	assert_int_equal(raw.b[8], 255);
	p = (struct packet){ 0 };
	make(UDP6);
	assert_int_equal(run("ip6", "ip6 hoplimit set 5\nip6 hoplimit 5 accept", &p, 1),
			 VERDICT_ACCEPT);
	assert_int_equal(raw.b[7], 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_written_where_it_lies),
		cmocka_unit_test(what_was_written_is_what_later_rules_see),
		cmocka_unit_test(what_is_behind_an_authentication_header_is_found_anew),
		cmocka_unit_test(rules_of_the_other_family_and_protocol_write_nothing),
		cmocka_unit_test(a_header_that_is_not_there_ends_the_rule),
		cmocka_unit_test(an_option_of_tcp_is_reset),
		cmocka_unit_test(a_segment_size_is_made_smaller_and_never_larger),
		cmocka_unit_test(a_super_packet_is_clamped_and_stays_one),
		cmocka_unit_test(options_end_with_the_packet_whatever_was_written),
		cmocka_unit_test(a_ttl_is_as_the_rule_says_behind_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
