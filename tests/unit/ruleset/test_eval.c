/* Verdicts: how they end rules, chains and hooks, and what is said about them. */
#include "ctfw/arena.h"
#include "unit/packets.h"
#include "unit/ruleset/models.h"
#include "unit/test.h"

#define WORKERS 3

static struct raw raw_syn, raw_syn6, raw_ping;
static struct packet syn, syn6, ping;
static void *arena_memory;
static struct counters *counters;

static int setup(void **state)
{
	static const uint8_t zero[16];
	struct arena_geometry g = { .flow_records = 16,
				    .workers = WORKERS,
				    .text_bytes = 4096 };
	static struct arena arena;

	(void)state;
	arena_memory = aligned_alloc(4096, (arena_size(&g) + 4095) & ~4095ul);
	memset(arena_memory, 0, arena_size(&g));
	arena_format(arena_memory, &g, zero, zero, &arena);
	counters = counters_new(&arena);
	raw_tcp(&raw_syn, "10.1.2.3", 40001, "192.0.2.77", 22, TCP_SYN, 1, 0, 0);
	raw_tcp(&raw_syn6, "2001:db8::3", 40001, "2001:db8::77", 22, TCP_SYN, 1, 0, 0);
	raw_icmp(&raw_ping, "10.1.2.3", "192.0.2.77", 8, 0, 1, 1, NULL, 56);
	assert_int_equal(packet_parse(raw_syn.b, raw_syn.len, NULL, &syn), REASON_NONE);
	assert_int_equal(packet_parse(raw_syn6.b, raw_syn6.len, NULL, &syn6), REASON_NONE);
	assert_int_equal(packet_parse(raw_ping.b, raw_ping.len, NULL, &ping), REASON_NONE);
	return counters ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	counters_free(counters);
	free(arena_memory);
	return 0;
}

static struct stmt all(void)
{
	return match(SELECTOR_META_LENGTH, MATCH_GE, number(0));
}

/* How it ended, and by whom; strings belong to the ruleset. */
struct judged {
	enum verdict verdict;
	enum verdict_by by;
	const char *family, *table, *chain;
	uint64_t handle;
	struct reject_spec reject;
};

/* Evaluate one hook of rs for a packet. */
static enum verdict judge_early(struct ruleset *rs, struct packet *packet, enum hook hook,
				bool early, struct judged *ret_judged)
{
	struct eval e = { .packet = packet, .ct_state = CT_STATE_NEW };
	struct program *p = program_compile(rs);
	struct eval_result result = { 0 };
	struct decider who = { 0 };
	enum verdict v;

	assert_non_null(p);
	v = program_eval(p, hook, early, &e, &result);
	if (v != VERDICT_NONE)
		who = program_decider(p, &result);
	*ret_judged = (struct judged){
		.verdict = result.verdict,
		.by = result.by,
		.family = who.family,
		.table = who.table,
		.chain = who.chain,
		.handle = who.handle,
		.reject = result.reject,
	};
	program_free(p);
	return v;
}

static enum verdict judge(struct ruleset *rs, struct packet *packet, enum hook hook,
			  struct judged *ret_judged)
{
	return judge_early(rs, packet, hook, false, ret_judged);
}

/* The handle of the rule that decided on a SYN in forward, 0 for the policy. */
static uint64_t decider(struct ruleset *rs)
{
	struct judged r;

	judge(rs, &syn, HOOK_FORWARD, &r);
	return r.by == BY_RULE ? r.handle : 0;
}

/* ---- within a base chain ---- */

static void without_a_chain_there_is_no_verdict(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct eval_result r = { .at = 77 };
	struct eval e = { .packet = &syn };
	struct program *p;

	(void)state;
	add_chain(add_table(rs, FAMILY_IP, "t"), "regular");
	p = program_compile(rs);
	assert_int_equal(program_eval(p, HOOK_INPUT, false, &e, &r), VERDICT_NONE);
	assert_int_equal(r.at, 77);
	assert_int_equal(program_hooks(p, L3_IPV4), 0);
	program_free(p);
}

static void the_policy_decides_where_no_rule_does(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "filter");
	struct chain *in = add_base(rs, t, "in", HOOK_INPUT, 0, true);
	struct chain *fw = add_base(rs, t, "fw", HOOK_FORWARD, 0, false);
	struct judged r;

	(void)state;
	RULE(in, 3, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(23)), verdict(RULE_ACCEPT));
	RULE(fw, 4, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(23)), verdict(RULE_DROP));
	assert_int_equal(judge(rs, &syn, HOOK_INPUT, &r), VERDICT_DROP);
	assert_int_equal(r.verdict, VERDICT_DROP);
	assert_int_equal(r.by, BY_POLICY);
	assert_string_equal(r.family, "ip");
	assert_string_equal(r.table, "filter");
	assert_string_equal(r.chain, "in");
	assert_int_equal(r.handle, 0);
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_ACCEPT);
	assert_int_equal(r.by, BY_POLICY);
	assert_string_equal(r.chain, "fw");
}

static void the_first_rule_that_says_something_decides(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_INET, "filter");
	struct chain *c = add_base(rs, t, "fw", HOOK_FORWARD, 0, true);
	struct judged r;

	(void)state;
	RULE(c, 2, match(SELECTOR_UDP_DPORT, MATCH_EQ, number(22)), verdict(RULE_DROP));
	RULE(c, 3, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(22)));
	RULE(c, 4, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(22)), verdict(RULE_CONTINUE));
	RULE(c, 5, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(22)),
	     match(SELECTOR_IP_SADDR, MATCH_EQ, prefix(address("10.0.0.0"), 8)),
	     verdict(RULE_ACCEPT));
	RULE(c, 6, verdict(RULE_DROP));
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_ACCEPT);
	assert_int_equal(r.by, BY_RULE);
	assert_string_equal(r.family, "inet");
	assert_string_equal(r.table, "filter");
	assert_string_equal(r.chain, "fw");
	assert_int_equal(r.handle, 5);
	assert_int_equal(judge(rs, &syn6, HOOK_FORWARD, &r), VERDICT_DROP);
	assert_int_equal(r.by, BY_RULE);
	assert_int_equal(r.handle, 6);
}

static void a_table_sees_only_its_family(void **state)
{
	static const struct {
		enum family family;
		bool v4, v6;
	} rows[] = {
		{ FAMILY_IP, true, false },
		{ FAMILY_IP6, false, true },
		{ FAMILY_INET, true, true },
	};
	const unsigned forward = PROGRAM_HOOK(HOOK_FORWARD, STAGE_MAIN);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct ruleset *rs = model_ruleset(NULL);
		struct judged r;
		struct program *p;

		add_base(rs, add_table(rs, rows[i].family, "t"), "c", HOOK_FORWARD, 0, true);
		p = program_compile(rs);
		assert_int_equal(program_hooks(p, L3_IPV4), rows[i].v4 ? forward : 0);
		assert_int_equal(program_hooks(p, L3_IPV6), rows[i].v6 ? forward : 0);
		assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r),
				 rows[i].v4 ? VERDICT_DROP : VERDICT_NONE);
		assert_int_equal(judge(rs, &syn6, HOOK_FORWARD, &r),
				 rows[i].v6 ? VERDICT_DROP : VERDICT_NONE);
		program_free(p);
	}
}

static void a_dormant_table_is_not_hooked(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct judged r;

	(void)state;
	add_base(rs, t, "c", HOOK_FORWARD, 0, true);
	t->flags = TABLE_DORMANT;
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_NONE);
	t->flags = 0;
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_DROP);
}

/* ---- several base chains ---- */

static void accept_ends_its_base_chain_only(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *first = add_base(rs, t, "first", HOOK_FORWARD, -10, false);
	struct chain *second = add_base(rs, t, "second", HOOK_FORWARD, 10, false);
	struct judged r;

	(void)state;
	RULE(first, 5, verdict(RULE_ACCEPT));
	RULE(second, 6, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(22)), verdict(RULE_DROP));
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_DROP);
	assert_int_equal(r.handle, 6);
	/* The last rule that accepted is told, not a policy behind it. */
	assert_int_equal(judge(rs, &ping, HOOK_FORWARD, &r), VERDICT_ACCEPT);
	assert_int_equal(r.by, BY_RULE);
	assert_int_equal(r.handle, 5);
	RULE(second, 7, verdict(RULE_ACCEPT));
	judge(rs, &ping, HOOK_FORWARD, &r);
	assert_int_equal(r.handle, 7);
	assert_string_equal(r.chain, "second");
}

static void where_only_policies_accepted_the_last_is_told(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct judged r;

	(void)state;
	add_base(rs, t, "late", HOOK_FORWARD, 10, false);
	add_base(rs, t, "soon", HOOK_FORWARD, -10, false);
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_ACCEPT);
	assert_int_equal(r.by, BY_POLICY);
	assert_string_equal(r.chain, "late");
}

static void drop_ends_everything(void **state)
{
	struct ruleset *rs = model_ruleset(counters);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *first = add_base(rs, t, "first", HOOK_FORWARD, 0, false);
	struct chain *second = add_base(rs, t, "second", HOOK_FORWARD, 1, false);
	uint32_t slot = counter_alloc(counters, (struct counter){ 0 });
	struct judged r;

	(void)state;
	RULE(first, 5, verdict(RULE_DROP));
	RULE(second, 6, count_in(slot), verdict(RULE_ACCEPT));
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_DROP);
	assert_int_equal(counter_read(counters, slot).packets, 0);
	counter_release(counters, slot);
}

static void base_chains_run_by_priority_then_the_latest_first(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *a = add_table(rs, FAMILY_IP, "a"), *b = add_table(rs, FAMILY_INET, "b");
	struct chain *c[6];

	(void)state;
	c[0] = add_base(rs, b, "c0", HOOK_FORWARD, 5, false);
	c[1] = add_base(rs, a, "c1", HOOK_FORWARD, 0, false);
	c[2] = add_base(rs, b, "c2", HOOK_FORWARD, 0, false);
	c[3] = add_base(rs, a, "c3", HOOK_FORWARD, -2000000000, false);
	c[4] = add_base(rs, a, "c4", HOOK_FORWARD, 2000000000, false);
	c[5] = add_base(rs, a, "c5", HOOK_FORWARD, 0, false);
	for (int i = 0; i < 6; i++)
		RULE(c[i], 10 + i, verdict(RULE_DROP));
	/* Which drops first? Take its rule away, and see the next. */
	for (int i = 0; i < 6; i++) {
		static const uint64_t order[] = { 13, 15, 12, 11, 10, 14 };

		assert_int_equal(decider(rs), order[i]);
		c[order[i] - 10]->n_rules = 0;
	}
}

static void raw_chains_are_early_where_conntrack_is_not_yet(void **state)
{
	static const struct {
		enum hook hook;
		int32_t priority;
		bool early;
	} rows[] = {
		{ HOOK_PREROUTING, -201, true },   { HOOK_PREROUTING, -200, false },
		{ HOOK_OUTPUT, -300, true },	   { HOOK_OUTPUT, 0, false },
		{ HOOK_FORWARD, -300, false },	   { HOOK_INPUT, -300, false },
		{ HOOK_POSTROUTING, -300, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ruleset *rs = model_ruleset(NULL);
		struct judged r;

		add_base(rs, add_table(rs, FAMILY_IP, "t"), "c", rows[i].hook, rows[i].priority,
			 true);
		assert_int_equal(judge_early(rs, &syn, rows[i].hook, rows[i].early, &r),
				 VERDICT_DROP);
		assert_int_equal(judge_early(rs, &syn, rows[i].hook, !rows[i].early, &r),
				 VERDICT_NONE);
	}
}

/* ---- jump, goto, return ---- */

static void jump_comes_back_behind_the_jumping_rule(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *base = add_base(rs, t, "base", HOOK_FORWARD, 0, true);
	struct chain *sub = add_chain(t, "sub");

	(void)state;
	RULE(base, 2, jump(RULE_JUMP, "sub"));
	RULE(base, 3, verdict(RULE_ACCEPT));
	RULE(sub, 4, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(80)), verdict(RULE_ACCEPT));
	assert_int_equal(decider(rs), 3); /* by the end of sub */
	RULE(sub, 5, verdict(RULE_RETURN));
	RULE(sub, 6, verdict(RULE_DROP));
	assert_int_equal(decider(rs), 3); /* by return */
}

static void accept_in_a_regular_chain_names_that_chain(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *base = add_base(rs, t, "base", HOOK_FORWARD, 0, true);
	struct chain *sub = add_chain(t, "sub");
	struct judged r;

	(void)state;
	RULE(base, 2, jump(RULE_JUMP, "sub"));
	RULE(sub, 9, verdict(RULE_ACCEPT));
	RULE(base, 3, verdict(RULE_DROP));
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_ACCEPT);
	assert_string_equal(r.chain, "sub");
	assert_int_equal(r.handle, 9);
}

static void goto_from_a_base_chain_comes_back_to_the_policy(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *base = add_base(rs, t, "base", HOOK_FORWARD, 0, true);
	struct chain *sub = add_chain(t, "sub");
	struct judged r;

	(void)state;
	RULE(base, 2, jump(RULE_GOTO, "sub"));
	RULE(base, 3, verdict(RULE_ACCEPT));
	RULE(sub, 4, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(80)), verdict(RULE_ACCEPT));
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_DROP);
	assert_int_equal(r.by, BY_POLICY);
	assert_string_equal(r.chain, "base");
}

static void goto_comes_back_to_the_caller_of_the_chain_that_went(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *base = add_base(rs, t, "base", HOOK_FORWARD, 0, true);
	struct chain *one = add_chain(t, "one"), *two = add_chain(t, "two");

	(void)state;
	RULE(base, 2, jump(RULE_JUMP, "one"));
	RULE(base, 3, verdict(RULE_ACCEPT));
	RULE(one, 4, jump(RULE_GOTO, "two"));
	RULE(one, 5, verdict(RULE_DROP));
	RULE(two, 6, verdict(RULE_RETURN));
	assert_int_equal(decider(rs), 3);
}

static void return_from_a_base_chain_is_its_policy(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *base = add_base(rs, t, "base", HOOK_FORWARD, 0, true);
	struct judged r;

	(void)state;
	RULE(base, 2, verdict(RULE_RETURN));
	RULE(base, 3, verdict(RULE_ACCEPT));
	assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_DROP);
	assert_int_equal(r.by, BY_POLICY);
}

/* A chain of n regular chains; the last accepts. */
static struct ruleset *nested(int n)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *c = add_base(rs, t, "base", HOOK_FORWARD, 0, true);

	for (int i = 0; i < n; i++) {
		char text[8] = { 'c', (char)('a' + i) };

		RULE(c, 100 + i, jump(RULE_JUMP, text));
		c = add_chain(t, text);
	}
	RULE(c, 1, verdict(RULE_ACCEPT));
	return rs;
}

static void sixteen_jumps_deep_is_the_end(void **state)
{
	struct judged r;

	(void)state;
	assert_int_equal(decider(nested(16)), 1);
	assert_int_equal(judge(nested(17), &syn, HOOK_FORWARD, &r), VERDICT_DROP);
	assert_int_equal(r.handle, 116);
}

static void chains_of_one_name_in_two_tables_are_two(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *a = add_table(rs, FAMILY_IP, "a"), *b = add_table(rs, FAMILY_IP, "b");
	struct chain *base = add_base(rs, b, "base", HOOK_FORWARD, 0, true);

	(void)state;
	RULE(add_chain(a, "sub"), 7, verdict(RULE_DROP));
	RULE(add_chain(b, "sub"), 8, verdict(RULE_ACCEPT));
	RULE(base, 2, jump(RULE_JUMP, "sub"));
	assert_int_equal(decider(rs), 8);
}

/* ---- reject ---- */

static void reject_speaks_the_packets_family(void **state)
{
	static const struct {
		enum reject_with with;
		uint8_t code;
		struct reject_spec v4, v6;
	} rows[] = {
		{ REJECT_DEFAULT, 0, { false, 3, 3 }, { false, 1, 4 } },
		{ REJECT_ICMPX, 0, { false, 3, 0 }, { false, 1, 0 } },
		{ REJECT_ICMPX, 1, { false, 3, 3 }, { false, 1, 4 } },
		{ REJECT_ICMPX, 2, { false, 3, 1 }, { false, 1, 3 } },
		{ REJECT_ICMPX, 3, { false, 3, 13 }, { false, 1, 1 } },
		{ REJECT_TCP_RESET, 0, { true, 0, 0 }, { true, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ruleset *rs = model_ruleset(NULL);
		struct table *t = add_table(rs, FAMILY_INET, "t");
		struct judged r;

		RULE(add_base(rs, t, "c", HOOK_FORWARD, 0, false), 4,
		     reject(rows[i].with, rows[i].code));
		assert_int_equal(judge(rs, &syn, HOOK_FORWARD, &r), VERDICT_REJECT);
		assert_int_equal(r.by, BY_RULE);
		assert_int_equal(r.handle, 4);
		assert_memory_equal(&r.reject, &rows[i].v4, sizeof(r.reject));
		assert_int_equal(judge(rs, &syn6, HOOK_FORWARD, &r), VERDICT_REJECT);
		assert_memory_equal(&r.reject, &rows[i].v6, sizeof(r.reject));
	}
}

static void reject_with_one_familys_code_is_for_that_family(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_INET, "t");
	struct chain *c = add_base(rs, t, "c", HOOK_FORWARD, 0, false);
	struct judged r;

	(void)state;
	RULE(c, 4, reject(REJECT_ICMP, 10));
	RULE(c, 5, reject(REJECT_ICMPV6, 5));
	judge(rs, &syn, HOOK_FORWARD, &r);
	assert_int_equal(r.handle, 4);
	assert_int_equal(r.reject.icmp_type, 3);
	assert_int_equal(r.reject.icmp_code, 10);
	judge(rs, &syn6, HOOK_FORWARD, &r);
	assert_int_equal(r.handle, 5);
	assert_int_equal(r.reject.icmp_type, 1);
	assert_int_equal(r.reject.icmp_code, 5);
}

static void tcp_reset_is_for_tcp_only(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *c = add_base(rs, t, "c", HOOK_FORWARD, 0, false);
	struct judged r;

	(void)state;
	RULE(c, 4, reject(REJECT_TCP_RESET, 0));
	RULE(c, 5, reject(REJECT_DEFAULT, 0));
	judge(rs, &syn, HOOK_FORWARD, &r);
	assert_int_equal(r.handle, 4);
	judge(rs, &ping, HOOK_FORWARD, &r);
	assert_int_equal(r.handle, 5);
}

/* ---- what rules do besides ---- */

static void a_counter_counts_what_reaches_it(void **state)
{
	struct ruleset *rs = model_ruleset(counters);
	struct table *t = add_table(rs, FAMILY_INET, "t");
	struct chain *c = add_base(rs, t, "c", HOOK_FORWARD, 0, false);
	uint32_t before = counter_alloc(counters, (struct counter){ 10, 1000 });
	uint32_t behind = counter_alloc(counters, (struct counter){ 0 });
	struct eval e = { .packet = &syn, .worker = 2 };
	struct eval_result r;
	struct program *p;

	(void)state;
	RULE(c, 4, count_in(before), match(SELECTOR_IP_SADDR, MATCH_EQ, address("10.1.2.3")),
	     match(SELECTOR_TCP_DPORT, MATCH_EQ, number(22)), count_in(behind),
	     verdict(RULE_ACCEPT));
	p = program_compile(rs);
	program_eval(p, HOOK_FORWARD, false, &e, &r);
	e.worker = 0;
	program_eval(p, HOOK_FORWARD, false, &e, &r);
	e.packet = &syn6;
	program_eval(p, HOOK_FORWARD, false, &e, &r);
	assert_int_equal(counter_read(counters, before).packets, 13);
	assert_int_equal(counter_read(counters, before).bytes, 1000 + 2 * syn.len + syn6.len);
	assert_int_equal(counter_read(counters, behind).packets, 2);
	assert_int_equal(counter_read(counters, behind).bytes, 2 * syn.len);
	program_free(p);
	counter_release(counters, before);
	counter_release(counters, behind);
}

static void without_counters_rules_decide_all_the_same(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");

	(void)state;
	RULE(add_base(rs, t, "c", HOOK_FORWARD, 0, true), 4, count_in(COUNTER_NONE),
	     verdict(RULE_ACCEPT));
	assert_int_equal(decider(rs), 4);
}

static void note_log(struct eval *e, enum hook hook, const struct log_spec *spec)
{
	const struct log_spec **seen = e->arg;

	assert_int_equal(hook, HOOK_OUTPUT);
	*seen = spec;
}

static void log_is_called_and_the_rule_goes_on(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct stmt log = { .kind = STMT_LOG, .log = { .prefix = "hello ", .level = 4 } };
	const struct log_spec *seen = NULL;
	struct eval e = { .packet = &syn, .log = note_log, .arg = &seen };
	struct eval_result r;
	struct program *p;

	(void)state;
	RULE(add_base(rs, t, "c", HOOK_OUTPUT, 0, false), 4, log, verdict(RULE_DROP));
	p = program_compile(rs);
	assert_int_equal(program_eval(p, HOOK_OUTPUT, false, &e, &r), VERDICT_DROP);
	assert_string_equal(seen->prefix, "hello ");
	e.log = NULL;
	assert_int_equal(program_eval(p, HOOK_OUTPUT, false, &e, &r), VERDICT_DROP);
	program_free(p);
}

/* What the marks are behind one rule with this statement. */
static struct eval after(struct stmt s, struct eval e, bool *ret_went_on)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct eval_result r;
	struct program *p;

	RULE(add_base(rs, t, "c", HOOK_FORWARD, 0, true), 4, s, verdict(RULE_ACCEPT));
	p = program_compile(rs);
	program_eval(p, HOOK_FORWARD, false, &e, &r);
	*ret_went_on = r.by == BY_RULE;
	program_free(p);
	return e;
}

static void marks_are_set_from_values_and_from_each_other(void **state)
{
	struct flow flow = { 0 };
	struct eval e = {
		.packet = &syn, .flow = &flow, .mark = 0xf0f0f0f0, .ct_mark = 0x12345678
	};
	struct expr *ct = selector(SELECTOR_CT_MARK);
	struct expr *meta = selector(SELECTOR_META_MARK);
	const struct {
		enum selector_id target;
		struct expr *value;
		uint32_t mark, ct_mark;
	} rows[] = {
		{ SELECTOR_META_MARK, number(5), 5, 0x12345678 },
		{ SELECTOR_CT_MARK, number(5), 0xf0f0f0f0, 5 },
		{ SELECTOR_META_MARK, ct, 0x12345678, 0x12345678 },
		{ SELECTOR_CT_MARK, meta, 0xf0f0f0f0, 0xf0f0f0f0 },
		{ SELECTOR_CT_MARK, op(EXPR_OR, ct, number(0xf)), 0xf0f0f0f0, 0x1234567f },
		{ SELECTOR_CT_MARK, op(EXPR_AND, ct, number(0xff)), 0xf0f0f0f0, 0x78 },
		{ SELECTOR_CT_MARK, op(EXPR_XOR, ct, number(0xff)), 0xf0f0f0f0, 0x12345687 },
		{ SELECTOR_CT_MARK,
		  op(EXPR_OR, op(EXPR_AND, meta, number(0xff)), number(0x100)), 0xf0f0f0f0,
		  0x1f0 },
		{ SELECTOR_META_MARK, op(EXPR_LSHIFT, ct, number(8)), 0x34567800, 0x12345678 },
		{ SELECTOR_META_MARK, op(EXPR_RSHIFT, ct, number(8)), 0x123456, 0x12345678 },
		{ SELECTOR_META_MARK,
		  op(EXPR_LSHIFT, op(EXPR_AND, ct, number(0xff)), number(16)), 0x780000,
		  0x12345678 },
		{ SELECTOR_META_MARK, selector(SELECTOR_META_LENGTH), 40, 0x12345678 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool went_on;
		struct eval got = after(set_to(rows[i].target, rows[i].value), e, &went_on);

		assert_true(went_on);
		assert_int_equal(got.mark, rows[i].mark);
		assert_int_equal(got.ct_mark, rows[i].ct_mark);
		assert_int_equal(got.ct_mark_set, rows[i].target == SELECTOR_CT_MARK);
	}
}

static void without_a_flow_ct_mark_cannot_be_had(void **state)
{
	struct eval e = { .packet = &syn, .mark = 7 };
	struct eval got;
	bool went_on;

	(void)state;
	/* To set it does nothing. */
	got = after(set_to(SELECTOR_CT_MARK, number(5)), e, &went_on);
	assert_true(went_on);
	assert_false(got.ct_mark_set);
	/* To read it ends the rule. */
	got = after(set_to(SELECTOR_META_MARK, selector(SELECTOR_CT_MARK)), e, &went_on);
	assert_false(went_on);
	assert_int_equal(got.mark, 7);
}

static void a_later_rule_sees_the_mark_that_was_set(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_IP, "t");
	struct chain *first = add_base(rs, t, "first", HOOK_FORWARD, -1, false);
	struct chain *second = add_base(rs, t, "second", HOOK_FORWARD, 0, false);

	(void)state;
	RULE(first, 2, set_to(SELECTOR_META_MARK, number(9)));
	RULE(second, 3, match(SELECTOR_META_MARK, MATCH_EQ, number(9)), verdict(RULE_DROP));
	assert_int_equal(decider(rs), 3);
}

static void a_program_outlives_its_callers_ruleset(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct program *p;

	(void)state;
	p = program_compile(rs);
	assert_int_equal(rs->refs, 2);
	program_free(p);
	assert_int_equal(rs->refs, 1);
	program_free(NULL);
}

/* Two thousand rules, of which the last one matches. */
static void a_long_chain_is_searched_to_its_end(void **state)
{
	struct ruleset *rs = model_ruleset(NULL);
	struct table *t = add_table(rs, FAMILY_INET, "t");
	struct chain *c = add_base(rs, t, "c", HOOK_FORWARD, 0, true);

	(void)state;
	for (int i = 0; i < 2000; i++)
		RULE(c, 1000 + i, all(), match(SELECTOR_TCP_DPORT, MATCH_EQ, number(30000 + i)),
		     verdict(RULE_ACCEPT));
	RULE(c, 7, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(22)), verdict(RULE_ACCEPT));
	assert_int_equal(decider(rs), 7);
}

#define T(test) cmocka_unit_test_teardown(test, models_free)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_a_chain_there_is_no_verdict),
		T(the_policy_decides_where_no_rule_does),
		T(the_first_rule_that_says_something_decides),
		T(a_table_sees_only_its_family),
		T(a_dormant_table_is_not_hooked),
		T(accept_ends_its_base_chain_only),
		T(where_only_policies_accepted_the_last_is_told),
		T(drop_ends_everything),
		T(base_chains_run_by_priority_then_the_latest_first),
		T(raw_chains_are_early_where_conntrack_is_not_yet),
		T(jump_comes_back_behind_the_jumping_rule),
		T(accept_in_a_regular_chain_names_that_chain),
		T(goto_from_a_base_chain_comes_back_to_the_policy),
		T(goto_comes_back_to_the_caller_of_the_chain_that_went),
		T(return_from_a_base_chain_is_its_policy),
		T(sixteen_jumps_deep_is_the_end),
		T(chains_of_one_name_in_two_tables_are_two),
		T(reject_speaks_the_packets_family),
		T(reject_with_one_familys_code_is_for_that_family),
		T(tcp_reset_is_for_tcp_only),
		T(a_counter_counts_what_reaches_it),
		T(without_counters_rules_decide_all_the_same),
		T(log_is_called_and_the_rule_goes_on),
		T(marks_are_set_from_values_and_from_each_other),
		T(without_a_flow_ct_mark_cannot_be_had),
		T(a_later_rule_sees_the_mark_that_was_set),
		T(a_program_outlives_its_callers_ruleset),
		T(a_long_chain_is_searched_to_its_end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
