/* test_eval_field.c - what OP_FIELD loads, in rules as text: fields at any bit, headers that
 * are found by their number, the host's and the moment's, and numbers that are made.
 *
 * Each row has a packet with a known value.  It is cut shorter byte by byte: as long as the
 * field is there, == or != matches, and never both; then neither does. */
#include <stdio.h>
#include <stdlib.h>

#include "ctfw/hostview.h"
#include "ruleset/program.h"
#include "unit/packets.h"
#include "unit/ruleset/fields.h"
#include "unit/ruleset/language.h"
#include "unit/test.h"

#define HERE4  "10.1.2.3"
#define THERE4 "192.0.2.77"
#define HERE6  "2001:db8::1:3"
#define THERE6 "2001:db8:9::77"

static struct hostview *host;

/* ---- packets ---- */

enum {
	TCP,
	OPTIONS6,
	UDP,
	LITE,
	SCTP,
	DCCP,
	AH,
	ESP,
	COMP,
	ECHO,
	TOOBIG4,
	REDIRECT,
	IGMP,
	ECHO6,
	TOOBIG6,
	PROBLEM6,
	QUERY6,
	ROUTED4,
	CHAIN6,
	MOBILE6,
	ALERT4,
	PACKETS
};

/* SYN: maxseg 1360, sack-perm, timestamp, nop, window 7, md5sig-like 19, mptcp 30, eol. */
static const uint8_t tcp_bytes[] = {
	0x9c, 0x41, 0x01, 0xbb, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
	0xf5, 0x02, 0x12, 0x34, 0xab, 0xcd, 0x00, 0x63, 2,    4,    0x05, 0x50,
	4,    2,    8,	  10,	0,    0,    1,	  2,	0,    0,    3,	  4,
	1,    3,    3,	  7,	5,    10,   0,	  0,	0,    9,    0,	  0,
	0,    11,   30,	  4,	0x21, 0x99, 34,	  2,	0,    0,    0,	  0,
};
static const uint8_t sctp_bytes[] = {
	0x00, 0x17, 0x00, 0x18, 0,   0, 0x02, 0x9a, 0xde, 0xad, 0xbe, 0xef, /* header */
	4,    0,    0,	  7,	1,   2, 3,    0,			 /* heartbeat, padded */
	0,    3,    0,	  17,	0,   0, 0,    9,    0,	  5,	0,    6, /* data */
	0,    0,    0,	  8,	'x', 0, 0,    0,
};
static const uint8_t chain_bytes[] = {
	60,   0,    1,	  4,	0, 0,	 0,    0,    /* hop-by-hop */
	43,   0,    1,	  4,	0, 0,	 0,    0,    /* destination options */
	44,   4,    4,	  1,	1, 0x42, 0x12, 0x34, /* routing, two addresses */
	0xfd, 0,    0,	  0,	0, 0,	 0,    0,    0, 0, 0, 0,  0,	0,
	0,    1,    0xfd, 0,	0, 0,	 0,    0,    0, 0, 0, 0,  0,	0,
	0,    0,    0,	  2,	6, 0x55, 0,    5,    0, 0, 0, 77, /* fragment: the first, more
								     follow */
	0x9c, 0x41, 0x01, 0xbb, 0, 0,	 0,    0,    0, 0, 0, 0,  0x50, 2,
	0,    0,    0,	  0,	0, 0,
};

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
static void make(struct raw *r, int packet)
{
	static const uint8_t options[] = {1, 7, 7, 4, 1, 2, 3, 4, 148, 4, 0, 0};

	switch (packet) {
	case TCP:
		raw_ip(r, HERE4, THERE4, 6, tcp_bytes, sizeof(tcp_bytes));
		r->b[1] = 0x2d; /* code point 0x0b, ect1 */
		raw_put16(r->b + 4, 0x3039);
		raw_fix_ipv4(r);
		break;
	case OPTIONS6:
		raw_ip(r, HERE6, THERE6, 6, tcp_bytes, sizeof(tcp_bytes));
		memcpy(r->b, "\x62\xe5\x43\x21", 4);
		break;
	case UDP:
		raw_ip(r, HERE4, THERE4, 17,
		       BYTES(0x14, 0xe9, 0, 53, 0, 12, 0xbe, 0xef, 1, 2, 3, 4));
		break;
	case LITE:
		raw_ip(r, HERE6, THERE6, 136, BYTES(0, 80, 0, 81, 0, 8, 0x1a, 0x0a, 1));
		break;
	case SCTP:
		raw_ip(r, HERE4, THERE4, 132, sctp_bytes, sizeof(sctp_bytes));
		break;
	case DCCP:
		raw_ip(r, HERE4, THERE4, 33,
		       BYTES(0, 23, 0, 24, 4, 0, 0, 0, 0x0f, 0, 0, 0, 0, 0, 0, 1));
		break;
	case AH:
		raw_ip(r, HERE4, THERE4, 51,
		       BYTES(17, 4, 0, 22, 0, 0, 0, 111, 0, 0, 0, 123, 0, 0, 0, 0, 0, 0, 0, 0,
			     0, 0, 0, 0));
		break;
	case ESP:
		raw_ip(r, HERE6, THERE6, 50, BYTES(0, 0, 0, 100, 0, 0, 0, 22));
		break;
	case COMP:
		raw_ip(r, HERE4, THERE4, 108, BYTES(6, 0x23, 0, 22));
		break;
	case ECHO:
		raw_ip(r, HERE4, THERE4, 1, BYTES(8, 0, 0x30, 0x39, 0, 22, 0, 33));
		break;
	case TOOBIG4:
		raw_ip(r, HERE4, THERE4, 1, BYTES(3, 4, 0, 1, 0, 0, 5, 0xdc));
		break;
	case REDIRECT:
		raw_ip(r, HERE4, THERE4, 1, BYTES(5, 1, 0, 1, 0, 0, 1, 5));
		break;
	case IGMP:
		raw_ip(r, HERE4, "224.0.0.22", 2, BYTES(0x16, 10, 0x30, 0x39, 0, 0, 0, 99));
		break;
	case ECHO6:
		raw_ip(r, HERE6, THERE6, 58, BYTES(129, 0, 0x08, 0xae, 0, 22, 0, 33));
		break;
	case TOOBIG6:
		raw_ip(r, HERE6, THERE6, 58, BYTES(2, 0, 0, 1, 0, 0, 5, 0));
		break;
	case PROBLEM6:
		raw_ip(r, HERE6, THERE6, 58, BYTES(4, 1, 0, 1, 0, 0, 0, 40));
		break;
	case QUERY6:
		raw_ip(r, HERE6, THERE6, 58, BYTES(130, 0, 0, 1, 0, 33, 0, 0));
		break;
	case ROUTED4: /* nop, record route, router alert */
	case ALERT4:
		raw_ip(r, HERE4, THERE4, 17, BYTES(0, 1, 0, 2, 0, 8, 0, 0));
		memmove(r->b + 32, r->b + 20, r->len - 20);
		memcpy(r->b + 20, options, sizeof(options));
		r->len += 12;
		r->b[0] = 0x48;
		raw_put16(r->b + 2, (uint16_t)r->len);
		raw_fix_ipv4(r);
		break;
	case CHAIN6:
		raw_ip(r, HERE6, THERE6, 0, chain_bytes, sizeof(chain_bytes));
		break;
	default:
		raw_ip(r, HERE6, THERE6, 135, BYTES(59, 0, 5, 9, 0x12, 0x34, 0, 0));
		break;
	}
}

/* ---- whether a rule matches ---- */

static struct program *compiled(const char *family, const char *rule)
{
	struct ruleset *rs = ruleset_new(NULL);
	struct program *p;
	char text[512], *errors = NULL;
	struct ruleset_input input = {.text = text};

	snprintf(text, sizeof(text),
		 "table %s t { chain c { type filter hook forward priority 0; policy drop; %s "
		 "accept; }; }\n",
		 family, rule);
	if (apply_input(&rs, &input, &errors))
		fail_msg("%s", errors);
	free(errors);
	p = program_compile(rs);
	assert_non_null(p);
	ruleset_unref(rs);
	return p;
}

static struct eval eval_of(struct packet *pk)
{
	static uint64_t numbers = 1;

	return (struct eval){
		.packet = pk,
		.ct_state = CT_STATE_NEW,
		.priority = 0x10002,
		.host = host,
		.random = &numbers,
		.iif = 7,
		.oif = 2,
		.iifname = "wg0",
		.oifname = "eth0",
		.worker = 3,
		/* Saturday, 2026-11-28 17:05:30 */
		.now = {.real = UINT64_C(1795885530) * NSEC_PER_SEC},
	};
}

/* Selectors of rules that were matched, and of rules that were not. */
static bool met[SELECTOR_COUNT], missed[SELECTOR_COUNT];

/* What is last misses: before it stands what it needs, which the packets of this file have. */
static void note(const struct rule *r, bool matched)
{
	enum selector_id last = SELECTOR_NONE;

	for (size_t i = 0; i < r->n_stmts; i++) {
		if (r->stmts[i].kind != STMT_MATCH)
			continue;
		last = expr_selector(r->stmts[i].match.left);
		met[last] = met[last] || matched;
	}
	missed[last] = missed[last] || !matched;
}

static bool runs(const struct program *p, struct eval e)
{
	struct eval_result result;
	bool matched = program_eval(p, HOOK_FORWARD, false, &e, &result) == VERDICT_ACCEPT;

	note(p->ruleset->tables[0]->chains[0]->rules[0], matched);
	return matched;
}

static bool is_matched(const char *rule, struct eval e)
{
	struct program *p = compiled("inet", rule);
	bool matched = runs(p, e);

	program_free(p);
	return matched;
}

/* The packet cut to n bytes, in memory of just that size; false: it is none any more. */
static bool cut(const struct raw *r, size_t n, uint8_t **ret, struct packet *pk)
{
	uint8_t *b = malloc(n);

	memcpy(b, r->b, n);
	if (b[0] >> 4 == 6) {
		raw_put16(b + 4, (uint16_t)(n - 40));
	} else {
		struct raw whole = *r;

		raw_put16(whole.b + 2, (uint16_t)n);
		raw_fix_ipv4(&whole);
		memcpy(b, whole.b, n);
	}
	*ret = b;
	return packet_parse(b, n, NULL, pk) == REASON_NONE;
}

/* ---- fields of packets ---- */

static const struct {
	int packet;
	const char *field, *value, *other;
	bool always; /* a packet cannot lack it */
} rows[] = {
	{TCP, "ip version", "4", "5", true},
	{TCP, "ip hdrlength", "5", "6", true},
	{ROUTED4, "ip hdrlength", "8", "5", true},
	{TCP, "ip dscp", "0x0b", "cs1", true},
	{TCP, "ip ecn", "ect1", "ce", true},
	{TCP, "ip id", "12345", "12344", true},
	{TCP, "ip frag-off", "0x4000", "0", true},
	{OPTIONS6, "ip6 version", "6", "4", true},
	{OPTIONS6, "ip6 dscp", "0x0b", "0x3b", true},
	{OPTIONS6, "ip6 dscp & 0x0f", "0x0b", "0x0a", true},
	{OPTIONS6, "ip6 ecn", "ect0", "ect1", true},
	{OPTIONS6, "ip6 flowlabel", "0x54321", "0x44321", true},
	{OPTIONS6, "ip6 flowlabel", "0x54320-0x54322", "0-0x54320", true},
	{ECHO, "icmp checksum", "12345", "1", false},
	{ECHO, "icmp id", "22", "33", false},
	{ECHO, "icmp sequence", "33", "22", false},
	{TOOBIG4, "icmp mtu", "1500", "1280", false},
	{REDIRECT, "icmp gateway", "261", "0", false},
	{ECHO6, "icmpv6 checksum", "2222", "1", false},
	{ECHO6, "icmpv6 id", "22", "33", false},
	{ECHO6, "icmpv6 sequence", "33", "22", false},
	{TOOBIG6, "icmpv6 mtu", "1280", "1500", false},
	{PROBLEM6, "icmpv6 parameter-problem", "40", "41", false},
	{QUERY6, "icmpv6 max-delay", "33", "34", false},
	{IGMP, "igmp type", "membership-report-v2", "leave-group", false},
	{IGMP, "igmp mrt", "10", "11", false},
	{IGMP, "igmp checksum", "12345", "1", false},
	{IGMP, "igmp group", "99", "98", false},
	{TCP, "tcp sequence", "0x01020304", "0", false},
	{TCP, "tcp ackseq", "0x05060708", "0", false},
	{TCP, "tcp doff", "15", "5", false},
	{TCP, "tcp reserved", "5", "0", false},
	{TCP, "tcp window", "0x1234", "0", false},
	{TCP, "tcp checksum", "0xabcd", "0", false},
	{TCP, "tcp urgptr", "99", "98", false},
	{UDP, "udp length", "12", "8", false},
	{UDP, "udp checksum", "0xbeef", "0", false},
	{LITE, "udplite sport", "80", "81", false},
	{LITE, "udplite dport", "81", "80", false},
	{LITE, "udplite csumcov", "8", "0", false},
	{LITE, "udplite checksum", "6666", "0", false},
	{SCTP, "sctp sport", "23", "24", false},
	{SCTP, "sctp dport", "24", "23", false},
	{SCTP, "sctp vtag", "666", "0", false},
	{SCTP, "sctp checksum", "0xdeadbeef", "0", false},
	{DCCP, "dccp sport", "23", "24", false},
	{DCCP, "dccp dport", "24", "23", false},
	{DCCP, "dccp type", "reset", "request", false},
	{AH, "ah nexthdr", "udp", "tcp", false},
	{AH, "ah hdrlength", "4", "5", false},
	{AH, "ah reserved", "22", "23", false},
	{AH, "ah spi", "111", "112", false},
	{AH, "ah sequence", "123", "122", false},
	{ESP, "esp spi", "100", "101", false},
	{ESP, "esp sequence", "22", "23", false},
	{COMP, "comp nexthdr", "tcp", "udp", false},
	{COMP, "comp flags", "0x23", "0x22", false},
	{COMP, "comp cpi", "22", "23", false},
	/* At any bit, of up to 128. */
	{TCP, "@nh,8,8", "0x2d", "0", true},
	{TCP, "@nh,11,7", "0x34", "0x35", true},
	{TCP, "@nh,320,32", "0x02040550", "0", false},
	{TCP, "@th,100,12", "0x502", "0", false},
	{UDP, "@ih,0,16", "0x0102", "0", false},
	{UDP, "@ih,3,15", "0x408", "0", false},
	{TCP, "@th,0,128", "0x9c4101bb0102030405060708f5021234", "0", false},
	/* Extension headers. */
	{CHAIN6, "hbh nexthdr", "60", "61", true},
	{CHAIN6, "dst hdrlength", "0", "1", false},
	{CHAIN6, "rt type", "4", "0", false},
	{CHAIN6, "rt seg-left", "1", "0", false},
	{CHAIN6, "srh last-entry", "1", "0", false},
	{CHAIN6, "srh flags", "0x42", "0", false},
	{CHAIN6, "srh tag", "0x1234", "0", false},
	{CHAIN6, "srh sid[1]", "fd00::1", "fd00::2", false},
	{CHAIN6, "srh sid[2]", "fd00::2", "fd00::1", false},
	{CHAIN6, "frag nexthdr", "tcp", "udp", false},
	{CHAIN6, "frag reserved", "0x55", "0", false},
	{CHAIN6, "frag frag-off", "0", "1", false},
	{CHAIN6, "frag reserved2", "2", "0", false},
	{CHAIN6, "frag more-fragments", "1", "0", false},
	{CHAIN6, "frag id", "77", "78", false},
	{MOBILE6, "mh nexthdr", "59", "58", false},
	{MOBILE6, "mh type", "binding-update", "binding-error", false},
	{MOBILE6, "mh reserved", "9", "0", false},
	{MOBILE6, "mh checksum", "0x1234", "0", false},
	/* Options. */
	{ROUTED4, "ip option rr type", "7", "8", true},
	{ROUTED4, "ip option rr length", "7", "8", true},
	{ROUTED4, "ip option rr ptr", "4", "8", true},
	{ROUTED4, "ip option rr addr", "0x01020304", "0", true},
	{ALERT4, "ip option ra value", "0", "1", true},
	{TCP, "tcp option maxseg size", "1360", "1361", false},
	{OPTIONS6, "tcp option maxseg length", "4", "5", false},
	{TCP, "tcp option window count", "7", "8", false},
	{TCP, "tcp option timestamp tsval", "258", "772", false},
	{TCP, "tcp option timestamp tsecr", "772", "258", false},
	{TCP, "tcp option sack left", "9", "11", false},
	{TCP, "tcp option sack right", "11", "9", false},
	{TCP, "tcp option mptcp subtype", "2", "1", false},
	{TCP, "tcp option @30,18,10", "0x219", "0", false},
	{SCTP, "sctp chunk heartbeat length", "7", "8", false},
	{SCTP, "sctp chunk data flags", "3", "0", false},
	{SCTP, "sctp chunk data tsn", "9", "8", false},
	{SCTP, "sctp chunk data stream", "5", "6", false},
	{SCTP, "sctp chunk data ssn", "6", "5", false},
	{SCTP, "sctp chunk data ppid", "8", "9", false},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static struct program *row_program(size_t i, const char *op, const char *operand)
{
	char rule[200];

	snprintf(rule, sizeof(rule), "%s %s %s", rows[i].field, op, operand);
	return compiled("inet", rule);
}

static void a_field_is_compared_as_long_as_it_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		struct program *is = row_program(i, "==", rows[i].value),
			       *is_not = row_program(i, "!=", rows[i].value),
			       *other = row_program(i, "==", rows[i].other),
			       *not_other = row_program(i, "!=", rows[i].other);
		bool there = true;
		struct raw r;

		make(&r, rows[i].packet);
		for (size_t n = r.len; n >= (size_t)(r.b[0] >> 4 == 6 ? 40 : 20); n--) {
			struct packet pk;
			uint8_t *b;

			if (cut(&r, n, &b, &pk)) {
				struct eval e = eval_of(&pk);
				bool matched = runs(is, e), unmatched = runs(is_not, e);

				if (n == r.len && (!matched || unmatched || runs(other, e) ||
						   !runs(not_other, e)))
					fail_msg("%s %s: %d %d", rows[i].field, rows[i].value,
						 matched, unmatched);
				if (matched && unmatched)
					fail_msg("%s: both at %zu", rows[i].field, n);
				there = there && (matched || unmatched);
				if (!there && (matched || unmatched))
					fail_msg("%s: back at %zu", rows[i].field, n);
			}
			free(b);
		}
		if (there != rows[i].always)
			fail_msg("%s: %s", rows[i].field, there ? "always there" : "lost");
		program_free(is);
		program_free(is_not);
		program_free(other);
		program_free(not_other);
	}
}

/* ---- what is there or is missing ---- */

static void headers_and_options_exist_or_are_missing(void **state)
{
	static const struct {
		int packet;
		const char *what;
		bool there;
	} present[] = {
		{CHAIN6, "exthdr hbh", true},	      {CHAIN6, "exthdr frag", true},
		{CHAIN6, "exthdr mh", false},	      {MOBILE6, "exthdr mh", true},
		{OPTIONS6, "exthdr dst", false},      {ROUTED4, "ip option rr", true},
		{ROUTED4, "ip option ra", true},      {ROUTED4, "ip option lsrr", false},
		{TCP, "ip option rr", false},	      {TCP, "tcp option maxseg", true},
		{TCP, "tcp option nop", true},	      {TCP, "tcp option md5sig", false},
		{TCP, "tcp option 34", true},	      {TCP, "tcp option 35", false},
		{UDP, "tcp option maxseg", false},    {SCTP, "sctp chunk data", true},
		{SCTP, "sctp chunk init", false},     {UDP, "sctp chunk data", false},
		{SCTP, "sctp chunk heartbeat", true}, {TCP, "tcp option fastopen", true},
	};
	struct packet pk;
	struct raw r;
	char rule[100];

	(void)state;
	for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++) {
		make(&r, present[i].packet);
		assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
		snprintf(rule, sizeof(rule), "%s exists", present[i].what);
		if (is_matched(rule, eval_of(&pk)) != present[i].there)
			fail_msg("%s", rule);
		snprintf(rule, sizeof(rule), "%s missing", present[i].what);
		if (is_matched(rule, eval_of(&pk)) == present[i].there &&
		    (pk.family == L3_IPV6 || present[i].what[0] != 'e'))
			fail_msg("%s", rule);
	}
}

/* One wrong option of IPv4, and the kernel says that there are none. */
static void a_wrong_option_hides_the_others(void **state)
{
	struct packet pk;
	struct raw r;

	(void)state;
	make(&r, ROUTED4);
	r.b[20 + 9] = 3; /* the router alert's length */
	raw_fix_ipv4(&r);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	assert_false(is_matched("ip option rr exists", eval_of(&pk)));
	r.b[20 + 9] = 5; /* beyond the header */
	raw_fix_ipv4(&r);
	assert_false(is_matched("ip option rr exists", eval_of(&pk)));
	make(&r, TCP);
	r.b[20 + 21] = 0; /* maxseg of no length: one byte, and too short for its field */
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	assert_true(is_matched("tcp option maxseg exists", eval_of(&pk)));
	assert_false(is_matched("tcp option maxseg size != 0", eval_of(&pk)));
	make(&r, SCTP);
	raw_put16(r.b + 20 + 14, 0); /* a chunk of no length ends the walk */
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	assert_false(is_matched("sctp chunk data exists", eval_of(&pk)));
}

static void a_later_fragment_has_no_transport_header(void **state)
{
	struct packet pk;
	struct raw r;

	(void)state;
	make(&r, UDP);
	raw_put16(r.b + 6, 100);
	raw_fix_ipv4(&r);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	assert_false(is_matched("@th,0,8 != 1", eval_of(&pk)));
	assert_false(is_matched("@ih,0,8 != 1", eval_of(&pk)));
	assert_false(is_matched("udp length != 1", eval_of(&pk)));
	assert_true(is_matched("ip frag-off & 0x1fff != 0", eval_of(&pk)));
}

/* nft makes one comparison of both, and lists it as such. */
static void flags_beside_another_field_are_those_and_no_others(void **state)
{
	struct packet pk;
	struct raw r;

	(void)state;
	raw_tcp(&r, HERE4, 1, THERE4, 2, 0x12, 1, 0, 0);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	assert_true(is_matched("tcp flags syn", eval_of(&pk)));
	assert_true(is_matched("tcp flags syn tcp window { 8192, 1 }", eval_of(&pk)));
	assert_false(is_matched("tcp flags syn tcp window 8192", eval_of(&pk)));
	assert_false(is_matched("tcp window 8192 tcp flags syn", eval_of(&pk)));
	assert_true(is_matched("tcp flags syn,ack tcp window 8192", eval_of(&pk)));
	/* What is not alike stays two. */
	assert_true(is_matched("tcp flags syn tcp window != 5", eval_of(&pk)));
}

/* Behind the host's routing, as the kernel shows it to the forward hook. */
static void a_forwarded_packet_has_lost_a_hop_and_its_checksum_says_so(void **state)
{
	struct packet pk;
	struct eval e;
	struct raw r;
	char rule[64];

	(void)state;
	make(&r, UDP);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	e = eval_of(&pk);
	snprintf(rule, sizeof(rule), "ip checksum %u", (unsigned)(r.b[10] << 8 | r.b[11]));
	assert_true(is_matched(rule, e));
	e.hop = 1;
	assert_false(is_matched(rule, e));
	assert_true(is_matched("@nh,64,16 0x3f11", e));
	r.b[8]--;
	raw_fix_ipv4(&r);
	snprintf(rule, sizeof(rule), "ip checksum %u", (unsigned)(r.b[10] << 8 | r.b[11]));
	r.b[8]++;
	raw_fix_ipv4(&r);
	assert_true(is_matched(rule, e));
}

/* ---- the host and the moment ---- */

static int host_make(void **state)
{
	static const char *const texts[] = {"10.0.0.0/8", "0.0.0.0/0", "2001:db8::/48",
					    "2001:db8:9::/48"};
	struct hostview_link links[] = {
		{.index = 2, .mtu = 1500, .name = "eth0", .type = 1, .group = 5},
		{.index = 7, .mtu = 1420, .name = "wg0", .type = 65534, .kind = "wireguard"},
	};
	struct hostview_route routes[4];
	struct hostview_addr addr = {.ifindex = 2, .kind = HOSTVIEW_LOCAL};

	(void)state;
	memset(routes, 0, sizeof(routes));
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(prefix_parse(texts[i], &routes[i].prefix), 0);
		routes[i].ifindex = i % 2 ? 2 : 7;
	}
	assert_int_equal(addr_parse("192.0.2.1", &(uint8_t){0}, &routes[1].gateway), 0);
	assert_int_equal(prefix_parse("192.0.2.9/32", &addr.prefix), 0);
	host = hostview_new(links, 2, &addr, 1, routes, 4);
	return host ? 0 : -1;
}

static int host_free(void **state)
{
	(void)state;
	hostview_free(host);
	return 0;
}

static void the_host_and_the_moment_are_matched(void **state)
{
	static const struct {
		int packet;
		const char *rule;
		bool matches;
	} asked[] = {
		{TCP, "meta priority 1:2", true},
		{TCP, "meta priority none", false},
		{TCP, "iif \"wg0\" oif \"eth0\"", true},
		{TCP, "iif \"eth0\"", false},
		{TCP, "oif \"wg0\"", false},
		{TCP, "meta iiftype 65534 meta oiftype ether", true},
		{TCP, "meta iiftype ether", false},
		{TCP, "meta oiftype 65534", false},
		{TCP, "iifgroup default oifgroup 5", true},
		{TCP, "oifgroup default", false},
		{TCP, "meta iifkind \"wireguard\"", true},
		{TCP, "meta iifkind \"wire*\"", true},
		{TCP, "meta oifkind != \"wireguard\"", false}, /* it has none */
		{TCP, "meta pkttype host", true},
		{TCP, "meta pkttype { broadcast, multicast }", false},
		{TCP, "meta cpu 3", true},
		{TCP, "meta cpu != 3", false},
		{TCP, "meta random > 0", true},
		{TCP, "meta random 0", false},
		{TCP, "meta rtclassid cosmos rt classid 0", true},
		{TCP, "meta rtclassid 1", false},
		{TCP, "rt classid 1", false},
		{TCP, "meta ipsec missing rt ipsec missing", true},
		{TCP, "meta ipsec exists", false},
		{TCP, "rt ipsec exists", false},
		{TCP, "meta time \"2026-11-28 17:05:30\"", true},
		{TCP, "meta time < \"2026-11-28 17:05:30\"", false},
		{TCP, "meta time \"2026-11-28 17:05\"-\"2026-11-28 17:06\"", true},
		{TCP, "meta day Saturday", true},
		{TCP, "meta day { Sunday, Monday }", false},
		{TCP, "meta hour \"17:00\"-\"17:10\"", true},
		{TCP, "meta hour \"22:00\"-\"17:05\"", false},
		{TCP, "meta hour \"17:05\"-\"06:00\"", true},
		{TCP, "fib saddr oif wg0", true},
		{TCP, "fib saddr oif eth0", false},
		{TCP, "fib saddr . iif oif exists", true},
		{TCP, "fib daddr . iif oif exists", false},
		{TCP, "fib daddr . iif oif missing", true},
		{TCP, "fib daddr . oif type unicast", true},
		{TCP, "fib daddr . oif type local", false},
		{TCP, "fib daddr oifname \"eth*\"", true},
		{TCP, "fib daddr oifname \"wg*\"", false},
		{TCP, "fib daddr type unicast", true},
		{IGMP, "fib daddr type multicast", true},
		{OPTIONS6, "fib saddr oifname \"wg0\"", true},
		{TCP, "rt ip nexthop 192.0.2.1", true},
		{TCP, "rt ip nexthop != 192.0.2.1", false},
		{OPTIONS6, "rt ip nexthop != 192.0.2.1", false},
		{OPTIONS6, "rt ip6 nexthop 2001:db8:9::77", true},
		{OPTIONS6, "rt ip6 nexthop 2001:db8:9::78", false},
		{TCP, "rt mtu 1380", true},
		{OPTIONS6, "rt mtu 1360", true},
	};
	struct packet pk;
	struct raw r;

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		make(&r, asked[i].packet);
		assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
		if (is_matched(asked[i].rule, eval_of(&pk)) != asked[i].matches)
			fail_msg("%s", asked[i].rule);
	}
}

static void an_interface_has_the_kind_of_its_link(void **state)
{
	struct packet pk;
	struct eval e;
	struct raw r;

	(void)state;
	make(&r, TCP);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	e = eval_of(&pk);
	e.oif = e.iif; /* back through the tunnel */
	assert_true(is_matched("meta oifkind \"wireguard\"", e));
	assert_false(is_matched("meta oifkind \"veth\"", e));
	assert_true(is_matched("meta oifkind != \"veth\"", e));
}

static void a_host_that_nobody_knows_matches_nothing(void **state)
{
	static const char *const rules[] = {
		"fib saddr oif 0",
		"fib saddr oif != 0",
		"fib daddr type != local",
		"rt ip nexthop != 1.2.3.4",
		"rt mtu != 1",
		"meta iiftype != ether",
		"iifgroup != 9",
		"meta iifkind != \"tun\"",
	};
	struct packet pk;
	struct raw r;
	struct eval e;

	(void)state;
	make(&r, TCP);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	e = eval_of(&pk);
	e.host = NULL;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (is_matched(rules[i], e))
			fail_msg("%s", rules[i]);
	}
}

/* ---- numbers that are made ---- */

static void numgen_counts_from_the_offset_and_begins_anew(void **state)
{
	struct program *p = compiled("inet", "numgen inc mod 3 offset 10 11");
	struct packet pk;
	struct raw r;

	(void)state;
	make(&r, TCP);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	for (int i = 0; i < 7; i++)
		assert_int_equal(runs(p, eval_of(&pk)), i % 3 == 1);
	program_free(p);
}

static void random_numbers_spread_over_all(void **state)
{
	struct program *p = compiled("inet", "numgen random mod 4 offset 1 2");
	unsigned hits = 0;
	struct packet pk;
	struct raw r;

	(void)state;
	make(&r, TCP);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	for (int i = 0; i < 4000; i++)
		hits += runs(p, eval_of(&pk));
	assert_in_range(hits, 850, 1150);
	program_free(p);
}

/* The values are the kernel's. */
static void jhash_is_the_kernels(void **state)
{
	struct packet pk;
	struct eval e;
	struct raw r;

	(void)state;
	make(&r, TCP);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	e = eval_of(&pk);
	e.mark = 0x12345;
	assert_true(is_matched("jhash ip saddr mod 1000000 seed 0x5 9589", e));
	assert_true(is_matched("jhash tcp dport mod 1000000 seed 0x5 88131", e));
	assert_true(is_matched("jhash meta mark mod 1000000 seed 0x7 833839", e));
	assert_true(is_matched("jhash iifname mod 1 offset 7 7", e));
	/* Of several fields with their padding; numbers lie as they do in its registers. */
	assert_true(is_matched("jhash ip saddr . tcp dport mod 1000000 seed 0x5 654800", e));
	assert_true(is_matched("jhash meta mark . ip daddr . tcp sport . ip saddr mod 1000000 "
			       "seed 0x5 651072", e));
	assert_true(is_matched("jhash iifname . meta protocol . meta l4proto mod 1000000 "
			       "seed 0x9 435117", e));
	assert_true(is_matched("jhash ip saddr & 255.0.0.0 . tcp sport & 0xff mod 1000000 "
			       "seed 0x9 265250", e));
	assert_true(is_matched("jhash numgen inc mod 1 offset 258 . ip saddr mod 1000000 "
			       "seed 0xa 693545", e));
	assert_false(is_matched("jhash ip saddr . tcp sport mod 1000000 seed 0x5 654800", e));
	/* A hash of a hash, and of that. */
	assert_true(is_matched("jhash jhash ip saddr mod 1000000 seed 0x5 mod 1000000 seed 0x6 "
			       "542781", e));
	assert_true(is_matched("jhash jhash jhash ip saddr mod 1000000 seed 0x5 mod 1000000 "
			       "seed 0x6 mod 1000 seed 0x7 783", e));
	/* Hashes among other fields, and within these. */
	assert_true(is_matched("jhash ip saddr . jhash tcp dport mod 1000000 seed 0x5 "
			       "mod 1000000 seed 0x6 455974", e));
	assert_true(is_matched("jhash jhash tcp dport mod 1000000 seed 0x5 . ip saddr "
			       "mod 1000000 seed 0x6 29275", e));
	assert_true(is_matched("jhash ip saddr . jhash tcp dport . ip saddr mod 1000000 seed 0x5 "
			       ". meta mark mod 1000000 seed 0x6 775374", e));
	assert_true(is_matched("jhash ip saddr . jhash tcp dport . jhash ip saddr mod 100000 "
			       "seed 0x4 mod 100000 seed 0x5 mod 1000000 seed 0x6 814665", e));
	/* Within a key, what is hashed has bytes of its own. */
	assert_true(is_matched("ip saddr . jhash ip saddr . tcp dport mod 1000000 seed 0x5 . "
			       "tcp dport { 10.1.2.3 . 654800 . 443 }", e));
	assert_true(is_matched("meta mark set jhash ip saddr & 255.0.0.0 . tcp sport & 0xff "
			       "mod 1000000 seed 0x9 meta mark 265250", e));
}

static void raw_payload_that_has_a_name_is_matched(void **state)
{
	static const struct {
		const char *text;
		bool match;
	} raws[] = {
		{ "@nh,64,16 0x4006", true },		{ "@nh,64,16 0x3f06", false },
		{ "@nh,64,16 0x4011", false },		{ "@nh,64,16 != 0x4006", false },
		{ "@nh,64,16 != 0x4011", true },	{ "@nh,64,16 & 0xff00 == 0x4000", true },
		{ "@nh,64,16 & 0x00ff == 0x0006", true }, { "@nh,64,16 & 0x00ff == 0x0011", false },
		{ "@nh,64,16 & 0x00ff != 0x0011", true }, { "@nh,96,16 0x0a01", true },
		{ "@nh,96,16 0x0a02", false },		{ "@nh,96,16 != 0x0a02", true },
		{ "@nh,96,12 0x0a0", true },		{ "@nh,96,12 0x0a1", false },
		{ "@nh,0,16 0x452d", true },		{ "@nh,0,16 0x452c", false },
		{ "@nh,0,8 0x45", true },		{ "@nh,8,8 & 3 == 1", true },
		{ "@nh,8,8 & 3 == 2", false },		{ "@nh,8,8 & 0xfc == 0x2c", true },
		{ "@nh,64,24 & 0xffff00 == 0x400600", true },
		{ "@nh,64,24 & 0xff00ff == 0x400006", false },
		{ "meta l4proto tcp @th,0,32 & 0xffff == 443", true },
		{ "meta l4proto tcp @th,0,32 & 0xffff == 444", false },
	};
	struct packet pk;
	struct eval e;
	struct raw r;

	(void)state;
	make(&r, TCP);
	assert_int_equal(packet_parse(r.b, r.len, NULL, &pk), REASON_NONE);
	e = eval_of(&pk);
	for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++) {
		char named[128];

		snprintf(named, sizeof(named), "meta nfproto ipv4 %s", raws[i].text);
		if (is_matched(named, e) != raws[i].match ||
		    is_matched(raws[i].text, e) != raws[i].match)
			fail_msg("%s", raws[i].text);
	}
}

static void symhash_is_the_same_both_ways(void **state)
{
	struct program *p = compiled("inet", "meta mark set symhash mod 65536");
	struct packet there, back;
	struct eval_result result;
	struct eval e, f;
	struct raw a, b;

	(void)state;
	raw_udp(&a, HERE4, 1000, THERE4, 53, 4);
	raw_udp(&b, THERE4, 53, HERE4, 1000, 4);
	assert_int_equal(packet_parse(a.b, a.len, NULL, &there), REASON_NONE);
	assert_int_equal(packet_parse(b.b, b.len, NULL, &back), REASON_NONE);
	e = eval_of(&there);
	f = eval_of(&back);
	program_eval(p, HOOK_FORWARD, false, &e, &result);
	program_eval(p, HOOK_FORWARD, false, &f, &result);
	assert_int_equal(e.mark, f.mark);
	assert_in_range(e.mark, 1, 65535);
	assert_true(is_matched("symhash mod 1 offset 7 7", e));
	assert_false(is_matched("symhash mod 1 offset 7 8", e));
	program_free(p);
}

/* Behind all the others. */
static void each_field_of_the_list_was_matched_and_missed(void **state)
{
	(void)state;
	for (int s = 1; s < SELECTOR_COUNT; s++) {
		if (is_tested_as_text((enum selector_id)s) && s != SELECTOR_RT_NEXTHOP &&
		    !(met[s] && missed[s]))
			fail_msg("no rule that %s %s", met[s] ? "misses" : "matches",
				 selectors[s].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_is_compared_as_long_as_it_is_there),
		cmocka_unit_test(headers_and_options_exist_or_are_missing),
		cmocka_unit_test(a_wrong_option_hides_the_others),
		cmocka_unit_test(a_later_fragment_has_no_transport_header),
		cmocka_unit_test(flags_beside_another_field_are_those_and_no_others),
		cmocka_unit_test(a_forwarded_packet_has_lost_a_hop_and_its_checksum_says_so),
		cmocka_unit_test(the_host_and_the_moment_are_matched),
		cmocka_unit_test(an_interface_has_the_kind_of_its_link),
		cmocka_unit_test(a_host_that_nobody_knows_matches_nothing),
		cmocka_unit_test(numgen_counts_from_the_offset_and_begins_anew),
		cmocka_unit_test(random_numbers_spread_over_all),
		cmocka_unit_test(jhash_is_the_kernels),
		cmocka_unit_test(raw_payload_that_has_a_name_is_matched),
		cmocka_unit_test(symhash_is_the_same_both_ways),
		cmocka_unit_test(each_field_of_the_list_was_matched_and_missed),
	};

	return cmocka_run_group_tests(tests, host_make, host_free);
}
