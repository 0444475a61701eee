/* Every statement in a rule: what it does to the packets that the rule is for, and that it does
 * nothing to others.
 *
 * A row is the rest of a rule behind `th dport 53`, and of its chain.  First comes a packet to
 * port 54, then one to port 53 and another of another flow; what the statement has done is
 * told by later rules, or looked up.  At the end nothing that the language has may be without
 * a row. */
#include "unit/engine/bench.h"

#include <stdio.h>

#include "ruleset/stmt.h"
#include "unit/ruleset/language.h"

#define CLIENT "10.8.0.2"
#define SERVER "198.51.100.1"

/* A packet, and what became of it. */
struct sent {
	struct raw raw;
	struct engine_trace trace;
	struct engine_result result;
};

enum what { UDP, TCP, UDP6 };

static void send_one(struct bench *b, enum what what, uint16_t sport, uint16_t dport,
		     struct sent *ret)
{
	static const uint8_t mss[] = { 2, 4, 0x05, 0xb4 };
	struct raw *r = &ret->raw;

	switch (what) {
	case UDP:
		raw_udp(r, CLIENT, sport, SERVER, dport, 10);
		break;
	case UDP6:
		raw_udp(r, "fd08::2", sport, "2001:db8::1", dport, 10);
		break;
	case TCP:
		raw_tcp(r, CLIENT, sport, SERVER, dport, TCP_SYN, 1, 0, sizeof(mss));
		r->b[32] = 6 << 4;
		memcpy(r->b + 40, mss, sizeof(mss));
		raw_fix_l4(r);
		break;
	}
	b->logged = 0;
	ret->trace = send_raw(b, &b->in, r, &ret->result);
}

/* ---- what statements leave behind ---- */

static bool is_from(const struct sent *s, const char *text)
{
	struct prefix p = prefix_of(text);

	return memcmp(s->raw.b + 12, p.addr.b, 4) == 0;
}

static bool is_to(const struct sent *s, const char *text)
{
	struct prefix p = prefix_of(text);

	return memcmp(s->raw.b + 16, p.addr.b, 4) == 0;
}

static bool lists(const struct bench *b, const char *what)
{
	struct text t = TEXT_INIT;
	bool found;

	ruleset_print(generation_ruleset(b->generation), 0, &t);
	found = strstr(text_str(&t), what);
	text_fini(&t);
	return found;
}

static bool is_error(const struct sent *s, uint8_t proto, uint8_t type, uint8_t code)
{
	bool v4 = reply[0] >> 4 == 4;
	const uint8_t *l4 = reply + (v4 ? 20 : 40);

	return s->result.action == ENGINE_REPLY && reply[v4 ? 9 : 6] == proto &&
	       l4[0] == type && l4[1] == code;
}

#define SHOWS(name, condition)                                                                 \
	static bool name(const struct bench *b, const struct sent *s)                          \
	{                                                                                      \
		(void)b;                                                                       \
		(void)s;                                                                       \
		return condition;                                                              \
	}
SHOWS(port_unreachable, is_error(s, IPPROTO_ICMP, 3, 3))
SHOWS(host_unreachable, is_error(s, IPPROTO_ICMP, 3, 1))
SHOWS(prohibited, is_error(s, IPPROTO_ICMP, 3, 13))
SHOWS(prohibited6, is_error(s, IPPROTO_ICMPV6, 1, 1))
SHOWS(reset, s->result.action == ENGINE_REPLY && reply[9] == IPPROTO_TCP && reply[33] & TCP_RST)
SHOWS(counted, lists(b, "counter packets 1 bytes 38"))
SHOWS(counted_by_name, lists(b, "packets 1 bytes 38"))
SHOWS(last_used, lists(b, "last used 0s"))
SHOWS(logged, b->logged == 1)
SHOWS(without_events, s->trace.flow.events_off != 0)
SHOWS(in_zone, s->trace.flow.tuple[0].zone == 7 && s->trace.flow.tuple[1].zone == 7)
SHOWS(original_in_zone, s->trace.flow.tuple[0].zone == 7 && s->trace.flow.tuple[1].zone == 0)
SHOWS(reply_in_zone, s->trace.flow.tuple[0].zone == 0 && s->trace.flow.tuple[1].zone == 7)
SHOWS(has_helper, s->trace.flow.helper != 0)
SHOWS(has_policy, s->trace.flow.policy != 0)
SHOWS(untracked, s->trace.ct_state == CT_STATE_UNTRACKED && !s->trace.has_flow)
SHOWS(mapped_source, is_from(s, "203.0.113.9"))
SHOWS(masqueraded, is_from(s, "203.0.113.1"))
SHOWS(mapped_target, is_to(s, "198.51.100.9"))
SHOWS(redirected, is_to(s, "10.8.0.1"))

static bool expects_another(const struct bench *b, const struct sent *s)
{
	struct conntrack_stats stats;

	(void)s;
	conntrack_stats(b->ct, &stats);
	return stats.expectations == 1;
}

/* ---- the rows ---- */

#define RAW  "type filter hook prerouting priority raw"
#define DNAT "type nat hook prerouting priority dstnat"
#define SNAT "type nat hook postrouting priority srcnat"
enum { ACCEPT = VERDICT_ACCEPT, DROP = VERDICT_DROP, REJECT = VERDICT_REJECT };

static const struct row {
	enum what packet;
	const char *hook; /* NULL: a filter of what is forwarded */
	const char *rest; /* of the rule */
	const char *then; /* the rest of the chain, whose policy accepts */
	uint8_t unmet, met, again; /* enum verdict */
	bool (*shown)(const struct bench *b, const struct sent *s); /* when met */
} rows[] = {
	{ UDP, NULL, "accept", "drop", DROP, ACCEPT, ACCEPT, NULL },
	{ UDP, NULL, "drop", "accept", ACCEPT, DROP, DROP, NULL },
	{ UDP, NULL, "continue", "th dport 53 drop", ACCEPT, DROP, DROP, NULL },
	{ UDP, NULL, "return", "drop", DROP, ACCEPT, ACCEPT, NULL },
	{ UDP, NULL, "jump other", "drop", DROP, ACCEPT, ACCEPT, NULL },
	{ UDP, NULL, "goto other", "drop", DROP, ACCEPT, ACCEPT, NULL },
	{ UDP, NULL, "ip saddr vmap { 10.8.0.2 : accept }", "drop", DROP, ACCEPT, ACCEPT,
	  NULL },
	{ UDP, NULL, "reject", "", ACCEPT, REJECT, REJECT, port_unreachable },
	{ UDP, NULL, "reject with icmp host-unreachable", "", ACCEPT, REJECT, REJECT,
	  host_unreachable },
	{ UDP, NULL, "reject with icmpx admin-prohibited", "", ACCEPT, REJECT, REJECT,
	  prohibited },
	{ UDP6, NULL, "reject with icmpv6 admin-prohibited", "", ACCEPT, REJECT, REJECT,
	  prohibited6 },
	{ TCP, NULL, "reject with tcp reset", "", ACCEPT, REJECT, REJECT, reset },
	{ UDP, NULL, "counter", "", ACCEPT, ACCEPT, ACCEPT, counted },
	{ UDP, NULL, "log prefix \"x\"", "", ACCEPT, ACCEPT, ACCEPT, logged },
	{ UDP, NULL, "last", "", ACCEPT, ACCEPT, ACCEPT, last_used },
	{ UDP, NULL, "limit rate 1/hour burst 1 packets accept", "drop", DROP, ACCEPT, DROP,
	  NULL },
	{ UDP, NULL, "limit rate over 1/hour burst 1 packets drop", "", ACCEPT, ACCEPT, DROP,
	  NULL },
	{ UDP, NULL, "quota 50 bytes accept", "drop", DROP, ACCEPT, DROP, NULL },
	{ UDP, NULL, "ct count 1 accept", "drop", DROP, ACCEPT, DROP, NULL },
	{ UDP, NULL, "ct count over 1 drop", "", ACCEPT, ACCEPT, DROP, NULL },
	/* What later rules see. */
	{ UDP, NULL, "meta mark set 7", "meta mark 7 drop", ACCEPT, DROP, DROP, NULL },
	{ UDP, NULL, "meta priority set 1:2", "meta priority 1:2 drop", ACCEPT, DROP, DROP,
	  NULL },
	{ UDP, NULL, "meta nftrace set 1", "meta nftrace 1 drop", ACCEPT, DROP, DROP, NULL },
	{ UDP, NULL, "ct mark set 7", "ct mark 7 drop", ACCEPT, DROP, DROP, NULL },
	{ UDP, NULL, "ct label set 5", "ct label 5 drop", ACCEPT, DROP, DROP, NULL },
	{ UDP, NULL, "ip dscp set cs1", "ip dscp cs1 drop", ACCEPT, DROP, DROP, NULL },
	{ UDP6, NULL, "ip6 dscp set cs1", "ip6 dscp cs1 drop", ACCEPT, DROP, DROP, NULL },
	{ TCP, NULL, "tcp dport set 55", "tcp dport 55 drop", ACCEPT, DROP, DROP, NULL },
	{ TCP, NULL, "tcp option maxseg size set 500", "tcp option maxseg size 500 drop",
	  ACCEPT, DROP, DROP, NULL },
	{ TCP, NULL, "reset tcp option maxseg", "tcp option maxseg missing drop", ACCEPT, DROP,
	  DROP, NULL },
	{ UDP, NULL, "add @s { ip saddr }", "ip saddr @s drop", ACCEPT, DROP, DROP, NULL },
	{ UDP, NULL, "update @s { ip saddr }", "ip saddr @s drop", ACCEPT, DROP, DROP, NULL },
	{ UDP, NULL, "delete @s { ip saddr }",
	  "th dport 53 ip saddr @s drop\nadd @s { ip saddr }", ACCEPT, ACCEPT, ACCEPT, NULL },
	/* What becomes of the flow. */
	{ UDP, NULL, "ct event set new", "", ACCEPT, ACCEPT, ACCEPT, without_events },
	{ UDP, RAW, "ct zone set 7", "", ACCEPT, ACCEPT, ACCEPT, in_zone },
	{ UDP, RAW, "ct original zone set 7", "", ACCEPT, ACCEPT, ACCEPT, original_in_zone },
	{ UDP, RAW, "ct reply zone set 7", "", ACCEPT, ACCEPT, ACCEPT, reply_in_zone },
	{ UDP, RAW, "notrack", "", ACCEPT, ACCEPT, ACCEPT, untracked },
	{ UDP, NULL, "ct helper set \"tftp\"", "", ACCEPT, ACCEPT, ACCEPT, has_helper },
	{ UDP, NULL, "ct timeout set \"short\"", "", ACCEPT, ACCEPT, ACCEPT, has_policy },
	{ UDP, NULL, "ct expectation set \"next\"", "", ACCEPT, ACCEPT, DROP,
	  expects_another },
	{ UDP, NULL, "counter name \"c\"", "", ACCEPT, ACCEPT, ACCEPT, counted_by_name },
	{ UDP, NULL, "quota name \"q\" accept", "drop", DROP, ACCEPT, DROP, NULL },
	{ UDP, NULL, "limit name \"l\" accept", "drop", DROP, ACCEPT, DROP, NULL },
	{ UDP, SNAT, "snat ip to 203.0.113.9", "", ACCEPT, ACCEPT, ACCEPT, mapped_source },
	{ UDP, SNAT, "masquerade", "", ACCEPT, ACCEPT, ACCEPT, masqueraded },
	{ UDP, DNAT, "dnat ip to 198.51.100.9", "", ACCEPT, ACCEPT, ACCEPT, mapped_target },
	{ UDP, DNAT, "meta l4proto udp redirect to :5353", "", ACCEPT, ACCEPT, ACCEPT, redirected },
};

static void load_row(struct bench *b, const struct row *row)
{
	struct text t = TEXT_INIT;

	text_printf(&t,
		    "flush ruleset\ntable inet t {\n"
		    "counter c { }\n"
		    "quota q { 50 bytes }\n"
		    "limit l { rate 1/hour burst 1 packets }\n"
		    "ct helper tftp { type \"tftp\" protocol udp; }\n"
		    "ct timeout short { protocol udp; policy = { unreplied : 5 }; }\n"
		    "ct expectation next { protocol udp; dport 5353; "
		    "timeout 1m; size 2; l3proto ip; }\n"
		    "set s { type ipv4_addr; flags dynamic; }\n"
		    "chain other { accept; }\n"
		    "chain c {\n%s; policy accept;\nth dport 53 %s\n%s\n}\n}\n",
		    row->hook ? row->hook : "type filter hook forward priority filter",
		    row->rest, row->then);
	rules(b, text_str(&t));
	text_fini(&t);
}

/* ---- what there is ---- */

/* The most of any kind of statement. */
#define SUBKINDS SELECTOR_COUNT
static bool tested[STMT_WRITE + 1][SUBKINDS];

/* What it is more than its kind. */
static unsigned subkind(const struct stmt *s)
{
	switch (s->kind) {
	case STMT_VERDICT:
		return s->verdict.verdict;
	case STMT_REJECT:
		return s->reject.with;
	case STMT_SET_META:
	case STMT_SET_CT:
		return s->set.target;
	case STMT_OBJECT:
		return s->object.kind;
	case STMT_DYNSET:
		return s->dynset.op;
	case STMT_NAT:
		return s->nat.type;
	default:
		return 0;
	}
}

/* The last chain has one rule of the row. */
static void note_row(const struct bench *b)
{
	const struct table *t = generation_ruleset(b->generation)->tables[0];
	const struct rule *r = t->chains[t->n_chains - 1]->rules[0];

	for (size_t i = 0; i < r->n_stmts; i++)
		tested[r->stmts[i].kind][subkind(&r->stmts[i])] = true;
}

static unsigned n_wrong;

/* All rows are tried. */
static void check(bool right, const struct row *row, const char *what)
{
	if (right)
		return;
	print_error("%s: %s\n", row->rest, what);
	n_wrong++;
}

static void try_row(struct bench *b, const struct row *row)
{
	static struct sent s;

	send_one(b, row->packet, 1000, 54, &s);
	check(s.trace.verdict == row->unmet, row, "verdict on a packet that it is not for");
	check(!row->shown || !row->shown(b, &s), row, "done to a packet that it is not for");
	send_one(b, row->packet, 1000, 53, &s);
	check(s.trace.verdict == row->met, row, "verdict");
	check(!row->shown || row->shown(b, &s), row, "not done");
	send_one(b, row->packet, 1001, 53, &s);
	check(s.trace.verdict == row->again, row, "verdict on another flow");
}

static void every_statement_acts_on_what_its_rule_is_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		void *b;

		set_up(&b);
		load_row(b, &rows[i]);
		note_row(b);
		try_row(b, &rows[i]);
		tear_down(&b);
	}
	assert_int_equal(n_wrong, 0);
}

static void settable_is_tested(const char *target, const char *value)
{
	struct ruleset *rs = ruleset_new(NULL);
	char text[300], *said;
	struct ruleset_input input = { .text = text };

	snprintf(text, sizeof(text), "table inet t { chain c { " RAW "; %s set %s; }; }",
		 target, value);
	if (!apply_input(&rs, &input, &said)) {
		const struct rule *r = rs->tables[0]->chains[0]->rules[0];
		const struct stmt *s = &r->stmts[r->n_stmts - 1];

		if (!tested[s->kind][subkind(s)])
			fail_msg("no row for %s set", target);
	}
	free(said);
	ruleset_unref(rs);
}

static void nothing_that_the_language_has_is_without_a_row(void **state)
{
	static const struct {
		enum stmt_kind kind;
		unsigned first, last;
	} subkinds[] = {
		{ STMT_VERDICT, RULE_ACCEPT, RULE_GOTO },
		/* What is said without `with` is one of these after check. */
		{ STMT_REJECT, REJECT_TCP_RESET, REJECT_ICMPX },
		{ STMT_OBJECT, KIND_NONE + 1, KIND_COUNT - 1 },
		{ STMT_DYNSET, DYNSET_ADD, DYNSET_DELETE },
		{ STMT_NAT, NAT_SNAT, NAT_REDIRECT },
	};

	(void)state;
	for (int k = STMT_NONE + 1; k <= STMT_WRITE; k++) {
		bool any = false;

		for (unsigned i = 0; i < SUBKINDS; i++)
			any = any || tested[k][i];
		if (!any)
			fail_msg("no row for statements of kind %d", k);
	}
	for (size_t i = 0; i < sizeof(subkinds) / sizeof(subkinds[0]); i++) {
		for (unsigned n = subkinds[i].first; n <= subkinds[i].last; n++) {
			if (!tested[subkinds[i].kind][n])
				fail_msg("no row for statements of kind %d, %u",
					 subkinds[i].kind, n);
		}
	}
	/* Whatever can be set. */
	for (int s = 1; s < SELECTOR_COUNT; s++) {
		settable_is_tested(selectors[s].text, "1");
		settable_is_tested(selectors[s].text, "new");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_acts_on_what_its_rule_is_for),
		cmocka_unit_test(nothing_that_the_language_has_is_without_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
