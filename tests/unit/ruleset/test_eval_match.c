/* Every selector with every operator and every kind of value: what matches and what does
 * not.  A selector has a packet that carries a known value, and packets that lack the field
 * altogether, for which nothing may match, not even !=. */
#include <stdio.h>

#include "ruleset/datatype.h"
#include "unit/packets.h"
#include "unit/ruleset/fields.h"
#include "unit/ruleset/models.h"
#include "unit/test.h"

enum carrier {
	TCP4,
	TCP6,
	UDP4,
	UDP6,
	ICMP4,
	ICMP6,
	ICMP6_OVER_IP4,
	ICMP4_OVER_IP6,
	ESP4,
	LATER4,
	SHORT_TCP4,
	NONE6,
	CARRIERS
};
static struct raw raws[CARRIERS];
static struct packet packets[CARRIERS];
/* Of IPv4 and IPv6 packets.  The reply's tuple is another one than the original's answer, so
 * that the two are told apart. */
static struct flow flows[2];
static struct flow_ext ext = { .label = { 1 << 5 | 1 << 9, UINT64_C(1) << 63 } };
static const char helper[16] = "ftp";

static void flow_make(struct flow *f, uint8_t l3, const char *const addr[4])
{
	*f = (struct flow){
		.id = 0x1234567,
		.status = FLOW_SEEN_REPLY | FLOW_ASSURED | FLOW_CONFIRMED,
		.expires = 77001 * NSEC_PER_MSEC,
		.acct = { { 5, 1003 }, { 4, 900 } },
	};
	for (int d = 0; d < 2; d++) {
		struct tuple *t = &f->tuple[d];

		assert_int_equal(addr_parse(addr[2 * d], &t->l3, &t->src), 0);
		assert_int_equal(addr_parse(addr[2 * d + 1], &t->l3, &t->dst), 0);
		assert_int_equal(t->l3, l3);
		t->l4 = IPPROTO_TCP;
		t->sport = htons(d ? 444 : 40001);
		t->dport = htons(d ? 40002 : 443);
		t->zone = d ? 9 : 7;
	}
}

static int carriers_make(void **state)
{
	struct raw *r = raws;

	(void)state;
	raw_tcp(&r[TCP4], "10.1.2.3", 40001, "192.0.2.77", 443, TCP_SYN | TCP_ECE, 1, 0, 60);
	raw_tcp(&r[TCP6], "2001:db8::1:3", 40001, "2001:db8:9::77", 443, TCP_SYN | TCP_ECE, 1,
		0, 60);
	raw_udp(&r[UDP4], "10.1.2.3", 5353, "192.0.2.77", 53, 30);
	raw_udp(&r[UDP6], "2001:db8::1:3", 5353, "2001:db8:9::77", 53, 30);
	raw_icmp(&r[ICMP4], "10.1.2.3", "192.0.2.77", 13, 5, 7, 1, NULL, 40);
	raw_icmp(&r[ICMP6], "2001:db8::1:3", "2001:db8:9::77", 129, 6, 7, 1, NULL, 40);
	raw_ip(&r[ICMP6_OVER_IP4], "10.1.2.3", "192.0.2.77", IPPROTO_ICMPV6,
	       "\x81\x06\0\0\0\0\0", 8);
	raw_ip(&r[ICMP4_OVER_IP6], "2001:db8::1:3", "2001:db8:9::77", IPPROTO_ICMP,
	       "\x0d\x05\0\0\0\0\0", 8);
	raw_ip(&r[ESP4], "10.1.2.3", "192.0.2.77", IPPROTO_ESP, "\x14\xe9\x00\x35", 4);
	r[LATER4] = r[TCP4];
	raw_put16(r[LATER4].b + 6, 100);
	raw_fix_ipv4(&r[LATER4]);
	raw_ip(&r[SHORT_TCP4], "10.1.2.3", "192.0.2.77", IPPROTO_TCP, "\x9c\x41\x01", 3);
	raw_ip(&r[NONE6], "2001:db8::1:3", "2001:db8:9::77", IPPROTO_NONE, NULL, 0);
	for (int i = 0; i < CARRIERS; i++)
		assert_int_equal(packet_parse(r[i].b, r[i].len, NULL, &packets[i]),
				 REASON_NONE);
	flow_make(&flows[0], L3_IPV4,
		  (const char *const[]){ "10.1.2.3", "192.0.2.77", "10.9.2.3", "192.9.2.77" });
	flow_make(&flows[1], L3_IPV6,
		  (const char *const[]){ "2001:db8::1:3", "2001:db8:9::77", "2001:dc8::1:3",
					 "2001:dc8:9::77" });
	return 0;
}

static struct eval eval_of(enum carrier c)
{
	return (struct eval){
		.packet = &packets[c],
		.flow = &flows[packets[c].family == L3_IPV6],
		.ext = &ext,
		.helper = helper,
		.ct_state = CT_STATE_ESTABLISHED,
		.ct_dir = DIR_REPLY,
		.ct_mark = 0x1234,
		.mark = 0xcafe0042,
		.iifname = "wg12",
		.oifname = "eth0",
	};
}

/* Whether `match accept` accepts it, in a table of this family. */
static bool matches(enum family family, struct stmt match, struct eval e)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, family, "t");
	struct chain *c = add_base(rs, t, "c", HOOK_FORWARD, 0, true);
	struct eval_result result;
	struct program *p;

	RULE(c, 1, match, verdict(RULE_ACCEPT));
	p = program_compile(rs);
	assert_non_null(p);
	program_eval(p, HOOK_FORWARD, false, &e, &result);
	program_free(p);
	return result.by == BY_RULE;
}

#define CHECK(expected, family, m, e)                                                          \
	do {                                                                                   \
		if (matches((family), (m), (e)) != (expected))                                 \
			fail_msg("%s: expected %d: %s", text, expected, #m);                   \
	} while (0)

struct row {
	enum selector_id id;
	enum carrier carrier;
	uint64_t value; /* what that packet carries */
	unsigned lacks; /* 1 << carrier: these do not have the field */
	bool needs_flow;
};
#define TRANSPORT_LACKS (1u << LATER4 | 1u << NONE6)
#define ALL_BUT(x)	(~(x) & ((1u << CARRIERS) - 1))
#define V4                                                                                     \
	(1u << TCP4 | 1u << UDP4 | 1u << ICMP4 | 1u << ICMP6_OVER_IP4 | 1u << ESP4 |           \
	 1u << LATER4 | 1u << SHORT_TCP4)
static const struct row numbers[] = {
	{ SELECTOR_META_L4PROTO, UDP6, 17, 0, false },
	{ SELECTOR_META_NFPROTO, TCP4, 2, 0, false },
	{ SELECTOR_META_NFPROTO, TCP6, 10, 0, false },
	{ SELECTOR_META_PROTOCOL, TCP4, 0x0800, 0, false },
	{ SELECTOR_META_PROTOCOL, UDP6, 0x86dd, 0, false },
	{ SELECTOR_META_LENGTH, TCP4, 100, 0, false },
	{ SELECTOR_META_MARK, UDP4, 0xcafe0042, 0, false },
	{ SELECTOR_META_NFTRACE, UDP4, 0, 0, false },
	{ SELECTOR_CT_STATE, UDP4, CT_STATE_ESTABLISHED, 0, false },
	{ SELECTOR_CT_DIRECTION, UDP4, DIR_REPLY, 0, true },
	{ SELECTOR_CT_STATUS, UDP4, FLOW_SEEN_REPLY | FLOW_ASSURED | FLOW_CONFIRMED, 0, true },
	{ SELECTOR_CT_MARK, UDP4, 0x1234, 0, true },
	{ SELECTOR_CT_EXPIRATION, UDP4, 77001, 0, true },
	{ SELECTOR_CT_ID, UDP4, 0x1234567, 0, true },
	{ SELECTOR_CT_L3PROTO, UDP4, 2, 0, true },
	{ SELECTOR_CT_L3PROTO, UDP6, 10, 0, true },
	{ SELECTOR_CT_PROTOCOL, UDP4, 6, 0, true },
	{ SELECTOR_CT_ORIGINAL_PROTO_SRC, UDP4, 40001, 0, true },
	{ SELECTOR_CT_ORIGINAL_PROTO_DST, UDP6, 443, 0, true },
	{ SELECTOR_CT_REPLY_PROTO_SRC, UDP4, 444, 0, true },
	{ SELECTOR_CT_REPLY_PROTO_DST, UDP4, 40002, 0, true },
	{ SELECTOR_CT_BYTES, UDP4, 1903, 0, true },
	{ SELECTOR_CT_PACKETS, UDP4, 9, 0, true },
	{ SELECTOR_CT_AVGPKT, UDP4, 211, 0, true },
	{ SELECTOR_CT_ZONE, UDP4, 7, 0, true },
	{ SELECTOR_CT_ORIGINAL_BYTES, UDP4, 1003, 0, true },
	{ SELECTOR_CT_ORIGINAL_PACKETS, UDP6, 5, 0, true },
	{ SELECTOR_CT_ORIGINAL_AVGPKT, UDP4, 200, 0, true },
	{ SELECTOR_CT_ORIGINAL_ZONE, UDP4, 7, 0, true },
	{ SELECTOR_CT_REPLY_BYTES, UDP4, 900, 0, true },
	{ SELECTOR_CT_REPLY_PACKETS, UDP4, 4, 0, true },
	{ SELECTOR_CT_REPLY_AVGPKT, UDP4, 225, 0, true },
	{ SELECTOR_CT_REPLY_ZONE, UDP4, 9, 0, true },
	{ SELECTOR_IP_PROTOCOL, UDP4, 17, ALL_BUT(V4), false },
	{ SELECTOR_IP_TTL, UDP4, 64, ALL_BUT(V4), false },
	{ SELECTOR_IP_LENGTH, TCP4, 100, ALL_BUT(V4), false },
	{ SELECTOR_IP6_NEXTHDR, TCP6, 6, V4, false },
	{ SELECTOR_IP6_HOPLIMIT, TCP6, 64, V4, false },
	{ SELECTOR_IP6_LENGTH, TCP6, 80, V4, false },
	{ SELECTOR_TCP_SPORT, TCP4, 40001,
	  ALL_BUT(1u << TCP4 | 1u << TCP6 | 1u << SHORT_TCP4), false },
	{ SELECTOR_TCP_SPORT, SHORT_TCP4, 40001, 0, false },
	{ SELECTOR_TCP_DPORT, TCP6, 443, ALL_BUT(1u << TCP4 | 1u << TCP6), false },
	{ SELECTOR_TCP_FLAGS, TCP4, TCP_SYN | TCP_ECE, ALL_BUT(1u << TCP4 | 1u << TCP6),
	  false },
	{ SELECTOR_UDP_SPORT, UDP4, 5353, ALL_BUT(1u << UDP4 | 1u << UDP6), false },
	{ SELECTOR_UDP_DPORT, UDP6, 53, ALL_BUT(1u << UDP4 | 1u << UDP6), false },
	{ SELECTOR_TH_SPORT, ESP4, 5353, TRANSPORT_LACKS, false },
	{ SELECTOR_TH_DPORT, ESP4, 53, TRANSPORT_LACKS | 1u << SHORT_TCP4, false },
	{ SELECTOR_TH_DPORT, UDP6, 53, TRANSPORT_LACKS | 1u << SHORT_TCP4, false },
	{ SELECTOR_ICMP_TYPE, ICMP4, 13, ALL_BUT(1u << ICMP4), false },
	{ SELECTOR_ICMP_CODE, ICMP4, 5, ALL_BUT(1u << ICMP4), false },
	{ SELECTOR_ICMPV6_TYPE, ICMP6, 129, ALL_BUT(1u << ICMP6), false },
	{ SELECTOR_ICMPV6_CODE, ICMP6, 6, ALL_BUT(1u << ICMP6), false },
};

static uint64_t max_of(enum selector_id id)
{
	return UINT64_MAX >> (64 - selectors[id].type->bits);
}

/* Forty other numbers, and x too when `with`. */
static struct expr *many(enum selector_id id, uint64_t x, bool with)
{
	struct expr *item[41];
	size_t n = 0;

	for (uint64_t i = 0; i < 40; i++) {
		uint64_t other = (i * 6 + 1) & max_of(id);

		if (other != x)
			item[n++] = number(other);
	}
	if (with)
		item[n++] = number(x);
	return set_of(n, item);
}

static void orders_numbers(const struct row *r, enum family f, const char *text)
{
	struct eval e = eval_of(r->carrier);
	enum selector_id s = r->id;
	uint64_t v = r->value, max = max_of(s);

	CHECK(false, f, match(s, MATCH_LT, number(v)), e);
	CHECK(true, f, match(s, MATCH_LE, number(v)), e);
	CHECK(false, f, match(s, MATCH_GT, number(v)), e);
	CHECK(true, f, match(s, MATCH_GE, number(v)), e);
	CHECK(false, f, match(s, MATCH_LT, number(0)), e);
	CHECK(true, f, match(s, MATCH_GE, number(0)), e);
	CHECK(false, f, match(s, MATCH_GT, number(max)), e);
	CHECK(true, f, match(s, MATCH_LE, number(max)), e);
	CHECK(true, f, match(s, MATCH_EQ, range(number(v), number(v))), e);
	CHECK(true, f, match(s, MATCH_EQ, range(number(0), number(v))), e);
	CHECK(true, f, match(s, MATCH_EQ, range(number(v), number(max))), e);
	CHECK(false, f, match(s, MATCH_NE, range(number(0), number(v))), e);
	if (v > 0) {
		CHECK(false, f, match(s, MATCH_LE, number(v - 1)), e);
		CHECK(true, f, match(s, MATCH_GT, number(v - 1)), e);
		CHECK(false, f, match(s, MATCH_EQ, range(number(0), number(v - 1))), e);
		CHECK(true, f, match(s, MATCH_NE, range(number(0), number(v - 1))), e);
	}
	if (v < max) {
		CHECK(true, f, match(s, MATCH_LT, number(v + 1)), e);
		CHECK(false, f, match(s, MATCH_GE, number(v + 1)), e);
		CHECK(false, f, match(s, MATCH_EQ, range(number(v + 1), number(max))), e);
		CHECK(true, f, match(s, MATCH_NE, range(number(v + 1), number(max))), e);
	}
}

static void equals_and_sets(const struct row *r, enum family f, const char *text)
{
	struct eval e = eval_of(r->carrier);
	enum selector_id s = r->id;
	uint64_t v = r->value, max = max_of(s);
	uint8_t bits = selectors[s].type->bits;

	CHECK(true, f, match(s, MATCH_EQ, number(v)), e);
	CHECK(false, f, match(s, MATCH_EQ, number(v ^ 1)), e);
	CHECK(false, f, match(s, MATCH_NE, number(v)), e);
	CHECK(true, f, match(s, MATCH_NE, number(v ^ 1)), e);
	CHECK(true, f, match(s, MATCH_EQ, prefix(number(v), bits)), e);
	CHECK(true, f, match(s, MATCH_EQ, prefix(number(v & ~1ull), bits - 1)), e);
	CHECK(false, f, match(s, MATCH_NE, prefix(number(v & ~1ull), bits - 1)), e);
	CHECK(false, f, match(s, MATCH_EQ, prefix(number((v ^ 2) & ~1ull), bits - 1)), e);
	CHECK(true, f, match(s, MATCH_NE, prefix(number((v ^ 2) & ~1ull), bits - 1)), e);
	CHECK(true, f, match(s, MATCH_EQ, prefix(number(0), 0)), e);
	CHECK(true, f, match(s, MATCH_EQ, SET(number(v))), e);
	CHECK(false, f, match(s, MATCH_NE, SET(number(v))), e);
	CHECK(false, f, match(s, MATCH_EQ, SET(number(v ^ 1))), e);
	CHECK(true, f, match(s, MATCH_EQ, SET(number(v ^ 1), number(v))), e);
	CHECK(false, f, match(s, MATCH_EQ, SET(number(v ^ 1), number(v ^ 2))), e);
	CHECK(true, f, match(s, MATCH_NE, SET(number(v ^ 1), number(v ^ 2))), e);
	CHECK(false, f, match(s, MATCH_NE, SET(number(v ^ 2), number(v))), e);
	CHECK(true, f, match(s, MATCH_EQ, SET(range(number(v), number(max)), number(0))), e);
	CHECK(true, f, match(s, MATCH_EQ, SET(number(0), prefix(number(v & ~1ull), bits - 1))),
	      e);
	CHECK(true, f, match(s, MATCH_EQ, many(s, v, true)), e);
	CHECK(false, f, match(s, MATCH_EQ, many(s, v, false)), e);
	CHECK(true, f, match(s, MATCH_NE, many(s, v, false)), e);
	CHECK(false, f, match(s, MATCH_NE, many(s, v, true)), e);
}

static void masks_and_flags(const struct row *r, enum family f, const char *text)
{
	struct eval e = eval_of(r->carrier);
	enum selector_id s = r->id;
	uint64_t v = r->value, max = max_of(s);
#define WITH(o, n) op(o, selector(s), number(n))

	CHECK(true, f, match_expr(WITH(EXPR_AND, 3), MATCH_EQ, number(v & 3)), e);
	CHECK(false, f, match_expr(WITH(EXPR_AND, 3), MATCH_EQ, number((v & 3) ^ 1)), e);
	CHECK(true, f, match_expr(WITH(EXPR_AND, 3), MATCH_NE, number((v & 3) ^ 1)), e);
	CHECK(false, f, match_expr(WITH(EXPR_AND, 3), MATCH_EQ, number(4)), e);
	CHECK(true, f, match_expr(WITH(EXPR_AND, 3), MATCH_LT, number((v & 3) + 1)), e);
	CHECK(false, f, match_expr(WITH(EXPR_AND, 3), MATCH_GT, number(v & 3)), e);
	CHECK(true, f, match_expr(WITH(EXPR_AND, 3), MATCH_EQ, range(number(0), number(v & 3))),
	      e);
	CHECK(false, f, match_expr(WITH(EXPR_AND, 3), MATCH_NE, range(number(0), number(3))),
	      e);
	CHECK(true, f, match_expr(WITH(EXPR_OR, 1), MATCH_EQ, number(v | 1)), e);
	CHECK(false, f, match_expr(WITH(EXPR_OR, 1), MATCH_EQ, number(v & ~1ull)), e);
	CHECK(true, f, match_expr(WITH(EXPR_XOR, max), MATCH_EQ, number(v ^ max)), e);
	CHECK(false, f, match_expr(WITH(EXPR_XOR, max), MATCH_EQ, number(v)), e);
	CHECK(true, f,
	      match_expr(op(EXPR_OR, op(EXPR_XOR, WITH(EXPR_AND, 6), number(3)), number(1)),
			 MATCH_EQ, number(((v & 6) ^ 3) | 1)),
	      e);
	CHECK(true, f,
	      match_expr(WITH(EXPR_XOR, 1), MATCH_EQ, SET(number(v ^ 1), number(v ^ 2))), e);
	CHECK(false, f, match_expr(WITH(EXPR_XOR, 1), MATCH_EQ, SET(number(v), number(v ^ 2))),
	      e);
	if (!selectors[s].type->bitmask)
		return;
	CHECK(true, f, match(s, MATCH_IMPLICIT, number(v)), e);
	CHECK(true, f, match(s, MATCH_IMPLICIT, number(max)), e);
	CHECK(false, f, match(s, MATCH_IMPLICIT, number(v ^ max)), e);
	CHECK(false, f, match(s, MATCH_IMPLICIT, number(0)), e);
	CHECK(false, f, match(s, MATCH_NOT, number(v)), e);
	CHECK(false, f, match(s, MATCH_NOT, number(max)), e);
	CHECK(true, f, match(s, MATCH_NOT, number(v ^ max)), e);
#undef WITH
}

/* Not even the negations match where the field is not there. */
static void matches_nothing(const struct row *r, enum family f, struct eval e, const char *text)
{
	enum selector_id s = r->id;
	uint64_t max = max_of(s);

	CHECK(false, f, match(s, MATCH_EQ, prefix(number(0), 0)), e);
	CHECK(false, f, match(s, MATCH_NE, number(max - 3)), e);
	CHECK(false, f, match(s, MATCH_LE, number(max)), e);
	CHECK(false, f, match(s, MATCH_EQ, range(number(0), number(max))), e);
	CHECK(false, f, match(s, MATCH_NE, range(number(max - 4), number(max - 3))), e);
	CHECK(false, f, match(s, MATCH_NE, SET(number(max - 3), number(max - 5))), e);
	if (selectors[s].type->bitmask) {
		CHECK(false, f, match(s, MATCH_IMPLICIT, number(max)), e);
		CHECK(false, f, match(s, MATCH_NOT, number(0)), e);
	}
}

static void each_number_matches_what_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct row *r = &numbers[i];
		enum family own = V4 >> r->carrier & 1 ? FAMILY_IP : FAMILY_IP6;
		const char *text = selectors[r->id].text;

		orders_numbers(r, FAMILY_INET, text);
		equals_and_sets(r, FAMILY_INET, text);
		masks_and_flags(r, FAMILY_INET, text);
		orders_numbers(r, own, text);
		equals_and_sets(r, own, text);
		masks_and_flags(r, own, text);
		models_free(NULL);
	}
}

static void a_field_that_is_not_there_matches_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct row *r = &numbers[i];
		const char *text = selectors[r->id].text;
		struct eval e;

		for (int c = 0; c < CARRIERS; c++) {
			if (r->lacks >> c & 1)
				matches_nothing(r, FAMILY_INET, eval_of(c), text);
		}
		e = eval_of(r->carrier);
		e.flow = NULL;
		if (r->needs_flow)
			matches_nothing(r, FAMILY_INET, e, text);
		models_free(NULL);
	}
}

static void every_selector_is_tested_here(void **state)
{
	bool seen[SELECTOR_COUNT] = {
		/* by the tests below */
		[SELECTOR_META_IIFNAME] = true, [SELECTOR_META_OIFNAME] = true,
		[SELECTOR_IP_SADDR] = true,	[SELECTOR_IP_DADDR] = true,
		[SELECTOR_IP6_SADDR] = true,	[SELECTOR_IP6_DADDR] = true,
		[SELECTOR_CT_ORIGINAL_IP_SADDR] = true,
		[SELECTOR_CT_ORIGINAL_IP_DADDR] = true,
		[SELECTOR_CT_REPLY_IP_SADDR] = true,
		[SELECTOR_CT_REPLY_IP_DADDR] = true,
		[SELECTOR_CT_ORIGINAL_IP6_SADDR] = true,
		[SELECTOR_CT_ORIGINAL_IP6_DADDR] = true,
		[SELECTOR_CT_REPLY_IP6_SADDR] = true,
		[SELECTOR_CT_REPLY_IP6_DADDR] = true,
		[SELECTOR_CT_HELPER] = true,
		[SELECTOR_CT_LABEL] = true,
		/* gone after check */
		[SELECTOR_CT_ORIGINAL_SADDR] = true,
		[SELECTOR_CT_ORIGINAL_DADDR] = true,
		[SELECTOR_CT_REPLY_SADDR] = true,
		[SELECTOR_CT_REPLY_DADDR] = true,
		/* set only */
		[SELECTOR_CT_EVENT] = true,
		[SELECTOR_CT_TIMEOUT] = true,
		[SELECTOR_CT_EXPECTATION] = true,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		seen[numbers[i].id] = true;
	for (int s = 1; s < SELECTOR_COUNT; s++) {
		if (!seen[s] && !is_tested_as_text((enum selector_id)s))
			fail_msg("no test for %s", selectors[s].text);
	}
}

/* ---- addresses ---- */

struct address_row {
	enum selector_id id;
	enum carrier carrier, other;	   /* other: of the other family */
	const char *value, *below, *above; /* one apart */
	uint8_t bits;
	const char *net; /* of length net_len */
	uint8_t net_len;
	const char *other_net, *mask;
};
static const struct address_row addresses[] = {
	{ SELECTOR_IP_SADDR, TCP4, TCP6, "10.1.2.3", "10.1.2.2", "10.1.2.4", 32, "10.1.0.0", 16,
	  "10.2.0.0", "255.255.0.0" },
	{ SELECTOR_IP_DADDR, UDP4, UDP6, "192.0.2.77", "192.0.2.76", "192.0.2.78", 32,
	  "192.0.2.64", 26, "192.0.2.0", "255.255.255.192" },
	{ SELECTOR_IP6_SADDR, TCP6, TCP4, "2001:db8::1:3", "2001:db8::1:2", "2001:db8::1:4",
	  128, "2001:db8::", 32, "2001:db9::", "ffff:ffff::" },
	{ SELECTOR_IP6_DADDR, UDP6, UDP4, "2001:db8:9::77", "2001:db8:9::76", "2001:db8:9::78",
	  128, "2001:db8:9::40", 122,
	  "2001:db8:9::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffc0" },
	{ SELECTOR_CT_ORIGINAL_IP_SADDR, TCP4, TCP6, "10.1.2.3", "10.1.2.2", "10.1.2.4", 32,
	  "10.1.0.0", 16, "10.2.0.0", "255.255.0.0" },
	{ SELECTOR_CT_ORIGINAL_IP_DADDR, UDP4, UDP6, "192.0.2.77", "192.0.2.76", "192.0.2.78",
	  32, "192.0.2.64", 26, "192.0.2.0", "255.255.255.192" },
	{ SELECTOR_CT_REPLY_IP_SADDR, TCP4, TCP6, "10.9.2.3", "10.9.2.2", "10.9.2.4", 32,
	  "10.9.0.0", 16, "10.8.0.0", "255.255.0.0" },
	{ SELECTOR_CT_REPLY_IP_DADDR, UDP4, UDP6, "192.9.2.77", "192.9.2.76", "192.9.2.78", 32,
	  "192.9.2.64", 26, "192.9.2.0", "255.255.255.192" },
	{ SELECTOR_CT_ORIGINAL_IP6_SADDR, TCP6, TCP4, "2001:db8::1:3", "2001:db8::1:2",
	  "2001:db8::1:4", 128, "2001:db8::", 32, "2001:db9::", "ffff:ffff::" },
	{ SELECTOR_CT_ORIGINAL_IP6_DADDR, UDP6, UDP4, "2001:db8:9::77", "2001:db8:9::76",
	  "2001:db8:9::78", 128, "2001:db8:9::40", 122, "2001:db8:9::",
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffc0" },
	{ SELECTOR_CT_REPLY_IP6_SADDR, TCP6, TCP4, "2001:dc8::1:3", "2001:dc8::1:2",
	  "2001:dc8::1:4", 128, "2001:dc8::", 32, "2001:dc9::", "ffff:ffff::" },
	{ SELECTOR_CT_REPLY_IP6_DADDR, UDP6, UDP4, "2001:dc8:9::77", "2001:dc8:9::76",
	  "2001:dc8:9::78", 128, "2001:dc8:9::40", 122, "2001:dc8:9::",
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffc0" },
};

/* Two hundred addresses of other networks, and those of the row when `with`. */
static struct expr *many_addresses(const struct address_row *r, bool with)
{
	struct expr *item[201];
	size_t n = 0;

	for (int i = 0; i < 200; i++) {
		char text[64];

		snprintf(text, sizeof(text), r->bits == 32 ? "%d.7.7.7" : "%d::7", i + 1);
		item[n++] = i % 2 ? address(text) : prefix(address(text), r->bits - 1);
	}
	if (with)
		item[n++] = prefix(address(r->net), r->net_len);
	return set_of(n, item);
}

static void check_addresses(const struct address_row *r, enum family f)
{
	struct eval e = eval_of(r->carrier);
	enum selector_id s = r->id;
	const char *text = selectors[s].text;

	CHECK(true, f, match(s, MATCH_EQ, address(r->value)), e);
	CHECK(false, f, match(s, MATCH_NE, address(r->value)), e);
	CHECK(false, f, match(s, MATCH_EQ, address(r->above)), e);
	CHECK(true, f, match(s, MATCH_NE, address(r->above)), e);
	CHECK(true, f, match(s, MATCH_LT, address(r->above)), e);
	CHECK(false, f, match(s, MATCH_LT, address(r->value)), e);
	CHECK(true, f, match(s, MATCH_GT, address(r->below)), e);
	CHECK(false, f, match(s, MATCH_GT, address(r->value)), e);
	CHECK(true, f, match(s, MATCH_GE, address(r->value)), e);
	CHECK(false, f, match(s, MATCH_GE, address(r->above)), e);
	CHECK(true, f, match(s, MATCH_LE, address(r->value)), e);
	CHECK(false, f, match(s, MATCH_LE, address(r->below)), e);
	CHECK(true, f, match(s, MATCH_EQ, range(address(r->below), address(r->above))), e);
	CHECK(true, f, match(s, MATCH_EQ, range(address(r->value), address(r->value))), e);
	CHECK(false, f, match(s, MATCH_NE, range(address(r->below), address(r->value))), e);
	CHECK(true, f, match(s, MATCH_NE, range(address(r->net), address(r->below))), e);
	CHECK(true, f, match(s, MATCH_EQ, prefix(address(r->net), r->net_len)), e);
	CHECK(false, f, match(s, MATCH_NE, prefix(address(r->net), r->net_len)), e);
	CHECK(false, f, match(s, MATCH_EQ, prefix(address(r->other_net), r->net_len)), e);
	CHECK(true, f, match(s, MATCH_EQ, prefix(address(r->other_net), 0)), e);
	CHECK(true, f, match(s, MATCH_EQ, SET(address(r->above), address(r->value))), e);
	CHECK(false, f, match(s, MATCH_EQ, SET(address(r->above), address(r->below))), e);
	CHECK(true, f, match(s, MATCH_NE, SET(address(r->above), address(r->below))), e);
	CHECK(true, f, match(s, MATCH_EQ, many_addresses(r, true)), e);
	CHECK(false, f, match(s, MATCH_EQ, many_addresses(r, false)), e);
#define MASKED op(EXPR_AND, selector(s), address(r->mask))
	CHECK(true, f, match_expr(MASKED, MATCH_EQ, address(r->net)), e);
	CHECK(false, f, match_expr(MASKED, MATCH_EQ, address(r->value)), e);
	CHECK(true, f, match_expr(MASKED, MATCH_NE, address(r->other_net)), e);
	CHECK(true, f, match_expr(MASKED, MATCH_LT, address(r->value)), e);
	CHECK(true, f, match_expr(MASKED, MATCH_EQ, SET(address(r->net), address(r->value))),
	      e);
#undef MASKED
}

static void each_address_matches_what_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const struct address_row *r = &addresses[i];
		const char *text = selectors[r->id].text;

		check_addresses(r, FAMILY_INET);
		check_addresses(r, r->bits == 32 ? FAMILY_IP : FAMILY_IP6);
		CHECK(false, FAMILY_INET, match(r->id, MATCH_NE, address(r->above)),
		      eval_of(r->other));
		CHECK(false, FAMILY_INET, match(r->id, MATCH_EQ, prefix(address(r->net), 0)),
		      eval_of(r->other));
		models_free(NULL);
	}
}

/* ---- interface names ---- */

static void interface_names_match_whole_or_by_wildcard(void **state)
{
	static const struct {
		enum selector_id id;
		const char *value, *wild, *longer, *other_wild;
	} rows[] = {
		{ SELECTOR_META_IIFNAME, "wg12", "wg*", "wg123", "wh*" },
		{ SELECTOR_META_OIFNAME, "eth0", "e*", "eth00", "eth1*" },
		{ SELECTOR_CT_HELPER, "ftp", "f*", "ftps", "t*" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum selector_id s = rows[i].id;
		const char *text = selectors[s].text;
		enum family f = FAMILY_IP;
		struct eval e = eval_of(TCP4);

		CHECK(true, f, match(s, MATCH_EQ, name(rows[i].value)), e);
		CHECK(false, f, match(s, MATCH_NE, name(rows[i].value)), e);
		CHECK(false, f, match(s, MATCH_EQ, name(rows[i].longer)), e);
		CHECK(true, f, match(s, MATCH_NE, name(rows[i].longer)), e);
		CHECK(true, f, match(s, MATCH_EQ, name(rows[i].wild)), e);
		CHECK(false, f, match(s, MATCH_NE, name(rows[i].wild)), e);
		CHECK(false, f, match(s, MATCH_EQ, name(rows[i].other_wild)), e);
		CHECK(true, f, match(s, MATCH_NE, name(rows[i].other_wild)), e);
		CHECK(true, f, match(s, MATCH_EQ, SET(name("lo"), name(rows[i].value))), e);
		CHECK(false, f, match(s, MATCH_EQ, SET(name("lo"), name(rows[i].longer))), e);
		CHECK(true, f, match(s, MATCH_EQ, SET(name("lo"), name(rows[i].wild))), e);
		CHECK(false, f, match(s, MATCH_NE, SET(name("lo"), name(rows[i].wild))), e);
		CHECK(true, f, match(s, MATCH_LT, name(rows[i].longer)), e);
		CHECK(true, f, match(s, MATCH_GT, name("a")), e);
	}
}

static void a_missing_interface_has_an_empty_name(void **state)
{
	const char *text = "oifname";
	struct eval e = eval_of(TCP4);

	(void)state;
	memset(e.oifname, 0, sizeof(e.oifname));
	CHECK(true, FAMILY_IP, match(SELECTOR_META_OIFNAME, MATCH_NE, name("eth0")), e);
	CHECK(false, FAMILY_IP, match(SELECTOR_META_OIFNAME, MATCH_EQ, name("eth0")), e);
	CHECK(true, FAMILY_IP, match(SELECTOR_META_OIFNAME, MATCH_NE, name("e*")), e);
}

/* ---- labels and helpers ---- */

static struct expr *labels(unsigned a, unsigned b)
{
	struct value x = value_flag(&datatype_ct_label, a),
		     y = value_flag(&datatype_ct_label, b);
	struct expr *e = number(0);

	e->type = &datatype_ct_label;
	e->value = value_op(&datatype_ct_label, EXPR_OR, &x, &y);
	return e;
}

static void labels_match_any_or_none_or_all(void **state)
{
	const enum selector_id s = SELECTOR_CT_LABEL;
	const char *text = "ct label";
	struct eval e = eval_of(TCP4);

	(void)state;
	CHECK(true, FAMILY_IP, match(s, MATCH_IMPLICIT, labels(5, 5)), e);
	CHECK(true, FAMILY_IP, match(s, MATCH_IMPLICIT, labels(127, 127)), e);
	CHECK(true, FAMILY_IP, match(s, MATCH_IMPLICIT, labels(4, 9)), e);
	CHECK(false, FAMILY_IP, match(s, MATCH_IMPLICIT, labels(4, 126)), e);
	CHECK(false, FAMILY_IP, match(s, MATCH_IMPLICIT, labels(0, 64)), e);
	CHECK(true, FAMILY_IP, match(s, MATCH_NOT, labels(4, 126)), e);
	CHECK(false, FAMILY_IP, match(s, MATCH_NOT, labels(4, 127)), e);
	CHECK(false, FAMILY_IP, match(s, MATCH_EQ, labels(5, 9)), e);
	CHECK(true, FAMILY_IP, match(s, MATCH_NE, labels(5, 9)), e);
	ext.label[1] = 0;
	CHECK(true, FAMILY_IP, match(s, MATCH_EQ, labels(5, 9)), e);
	ext.label[1] = UINT64_C(1) << 63;
	/* A flow without any has none set; no flow has no labels at all. */
	e.ext = NULL;
	CHECK(false, FAMILY_IP, match(s, MATCH_IMPLICIT, labels(5, 5)), e);
	CHECK(true, FAMILY_IP, match(s, MATCH_NOT, labels(5, 5)), e);
	e.flow = NULL;
	CHECK(false, FAMILY_IP, match(s, MATCH_NOT, labels(5, 5)), e);
}

static void a_flow_that_nobody_expected_has_no_helper(void **state)
{
	const char *text = "ct helper";
	struct eval e = eval_of(TCP4);

	(void)state;
	e.helper = NULL;
	CHECK(false, FAMILY_IP, match(SELECTOR_CT_HELPER, MATCH_NE, name("ftp")), e);
	CHECK(false, FAMILY_IP, match(SELECTOR_CT_HELPER, MATCH_EQ, name("f*")), e);
}

static void a_flow_that_is_not_confirmed_does_not_expire(void **state)
{
	const char *text = "ct expiration";
	struct eval e = eval_of(TCP4);
	struct flow fresh = flows[0];

	(void)state;
	fresh.status = 0;
	e.flow = &fresh;
	CHECK(true, FAMILY_IP, match(SELECTOR_CT_EXPIRATION, MATCH_EQ, number(0)), e);
	/* What has run out has nothing left either. */
	fresh.status = FLOW_CONFIRMED;
	e.now.mono = 77002 * NSEC_PER_MSEC;
	CHECK(true, FAMILY_IP, match(SELECTOR_CT_EXPIRATION, MATCH_EQ, number(0)), e);
}

static void a_flow_without_packets_has_no_average(void **state)
{
	const char *text = "ct avgpkt";
	struct eval e = eval_of(TCP4);
	struct flow fresh = { 0 };

	(void)state;
	e.flow = &fresh;
	CHECK(true, FAMILY_IP, match(SELECTOR_CT_AVGPKT, MATCH_EQ, number(0)), e);
}

static void a_zone_of_one_direction_is_the_flows_zone(void **state)
{
	const char *text = "ct zone";
	struct eval e = eval_of(TCP4);
	struct flow one = flows[0];

	(void)state;
	one.tuple[DIR_ORIGINAL].zone = 0;
	e.flow = &one;
	CHECK(true, FAMILY_IP, match(SELECTOR_CT_ZONE, MATCH_EQ, number(9)), e);
	CHECK(true, FAMILY_IP, match(SELECTOR_CT_ORIGINAL_ZONE, MATCH_EQ, number(0)), e);
	CHECK(true, FAMILY_IP, match(SELECTOR_CT_REPLY_ZONE, MATCH_EQ, number(9)), e);
}

/* ---- what only some keys do ---- */

static void before_conntrack_the_state_is_invalid(void **state)
{
	const char *text = "ct state";
	struct eval e = eval_of(TCP4);

	(void)state;
	e.flow = NULL;
	e.ct_state = CT_STATE_NONE;
	CHECK(true, FAMILY_IP,
	      match(SELECTOR_CT_STATE, MATCH_IMPLICIT, number(CT_STATE_INVALID)), e);
	CHECK(true, FAMILY_IP, match(SELECTOR_CT_STATE, MATCH_EQ, number(CT_STATE_INVALID)), e);
	CHECK(false, FAMILY_IP, match(SELECTOR_CT_STATE, MATCH_IMPLICIT, number(CT_STATE_NEW)),
	      e);
}

static void an_unconfirmed_flow_has_no_status(void **state)
{
	const char *text = "ct status";
	struct eval e = eval_of(TCP4);
	struct flow fresh = { 0 };

	(void)state;
	e.flow = &fresh;
	CHECK(false, FAMILY_IP,
	      match(SELECTOR_CT_STATUS, MATCH_IMPLICIT, number(FLOW_CONFIRMED)), e);
	CHECK(true, FAMILY_IP, match(SELECTOR_CT_STATUS, MATCH_EQ, number(0)), e);
}

static void icmp_in_an_inet_table_means_over_ipv4_unless_said_otherwise(void **state)
{
	struct stmt type = match(SELECTOR_ICMP_TYPE, MATCH_EQ, number(13));
	struct stmt type6 = match(SELECTOR_ICMPV6_TYPE, MATCH_EQ, number(129));
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_INET, "t");
	struct chain *c = add_base(rs, t, "c", HOOK_FORWARD, 0, true);
	struct eval v4 = eval_of(ICMP6_OVER_IP4), v6 = eval_of(ICMP4_OVER_IP6);
	struct eval_result result;
	struct program *p;
	const char *text = "icmp type";

	(void)state;
	CHECK(false, FAMILY_INET, type, v6);
	CHECK(true, FAMILY_IP6, type, v6);
	CHECK(false, FAMILY_INET, type6, v4);
	CHECK(true, FAMILY_IP, type6, v4);
	RULE(c, 1, match(SELECTOR_META_NFPROTO, MATCH_EQ, number(FAMILY_IP6)), type,
	     verdict(RULE_ACCEPT));
	RULE(c, 2, match(SELECTOR_META_L4PROTO, MATCH_EQ, number(IPPROTO_ICMPV6)), type6,
	     verdict(RULE_ACCEPT));
	p = program_compile(rs);
	program_eval(p, HOOK_FORWARD, false, &v6, &result);
	assert_int_equal(program_decider(p, &result).handle, 1);
	program_eval(p, HOOK_FORWARD, false, &v4, &result);
	assert_int_equal(program_decider(p, &result).handle, 2);
	program_free(p);
}

/* ipv6_find_hdr() calls "no next header" the protocol; a chain cut short has none. */
static void no_next_header_is_a_protocol_for_rules(void **state)
{
	const char *text = "meta l4proto";
	struct raw r;
	struct packet p;
	struct eval e = eval_of(NONE6);

	(void)state;
	CHECK(true, FAMILY_INET, match(SELECTOR_META_L4PROTO, MATCH_EQ, number(59)), e);
	CHECK(true, FAMILY_INET, match(SELECTOR_META_L4PROTO, MATCH_NE, number(6)), e);
	raw_ip(&r, "2001:db8::1:3", "2001:db8:9::77", IPPROTO_DSTOPTS, NULL, 1);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &p), REASON_NONE);
	e.packet = &p;
	CHECK(false, FAMILY_INET, match(SELECTOR_META_L4PROTO, MATCH_NE, number(6)), e);
}

/* ipv6_find_hdr() stops there where it is asked for the last header; conntrack walks on. */
static void an_authentication_header_is_the_transport_for_rules(void **state)
{
	static const uint8_t bytes[] = {
		IPPROTO_UDP, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, [24] = 0x14, 0xe9, 0, 53, 0, 8, 0, 0,
	};
	const char *text = "behind an authentication header";
	struct raw r;
	struct packet p;
	struct eval e = eval_of(UDP6);

	(void)state;
	raw_ip(&r, "2001:db8::1:3", "2001:db8:9::77", IPPROTO_AH, bytes, sizeof(bytes));
	assert_int_equal(packet_parse(r.b, r.len, NULL, &p), REASON_NONE);
	assert_int_equal(p.l4_proto, IPPROTO_UDP);
	e.packet = &p;
	CHECK(true, FAMILY_INET, match(SELECTOR_META_L4PROTO, MATCH_EQ, number(51)), e);
	CHECK(false, FAMILY_INET, match(SELECTOR_UDP_DPORT, MATCH_EQ, number(53)), e);
	CHECK(true, FAMILY_INET, match(SELECTOR_TH_SPORT, MATCH_EQ, number(0x1104)), e);
	assert_ptr_equal(e.packet, &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_number_matches_what_it_should, models_free),
		cmocka_unit_test_teardown(a_field_that_is_not_there_matches_nothing,
					  models_free),
		cmocka_unit_test(every_selector_is_tested_here),
		cmocka_unit_test_teardown(each_address_matches_what_it_should, models_free),
		cmocka_unit_test_teardown(interface_names_match_whole_or_by_wildcard,
					  models_free),
		cmocka_unit_test_teardown(a_missing_interface_has_an_empty_name, models_free),
		cmocka_unit_test_teardown(labels_match_any_or_none_or_all, models_free),
		cmocka_unit_test_teardown(a_flow_that_nobody_expected_has_no_helper,
					  models_free),
		cmocka_unit_test_teardown(a_flow_that_is_not_confirmed_does_not_expire,
					  models_free),
		cmocka_unit_test_teardown(a_flow_without_packets_has_no_average, models_free),
		cmocka_unit_test_teardown(a_zone_of_one_direction_is_the_flows_zone,
					  models_free),
		cmocka_unit_test_teardown(before_conntrack_the_state_is_invalid, models_free),
		cmocka_unit_test_teardown(an_unconfirmed_flow_has_no_status, models_free),
		cmocka_unit_test_teardown(
			icmp_in_an_inet_table_means_over_ipv4_unless_said_otherwise,
			models_free),
		cmocka_unit_test_teardown(no_next_header_is_a_protocol_for_rules, models_free),
		cmocka_unit_test_teardown(an_authentication_header_is_the_transport_for_rules,
					  models_free),
	};

	return cmocka_run_group_tests(tests, carriers_make, NULL);
}
