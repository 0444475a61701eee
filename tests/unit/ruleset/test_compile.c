/* What a program is made of: that rules which cannot match are left out, that tests cost one
 * instruction, and what is noted of each rule. */
#include <netinet/in.h>

#include "ruleset/program.h"
#include "unit/ruleset/models.h"
#include "unit/test.h"

static struct ruleset *rs;
static struct chain *c;

static int one_chain(void **state)
{
	(void)state;
	rs = model_ruleset(NULL);
	c = add_base(rs, add_table(rs, FAMILY_INET, "t"), "c", HOOK_FORWARD, 0, false);
	return 0;
}

/* Instructions of all chains for one family, the RETURN at each end not counted. */
static uint32_t instructions(const struct program *p, uint8_t family)
{
	const struct program_slot *s = &p->slot[program_slot(family, HOOK_FORWARD, false)];
	const struct insn *i = p->code + p->bases[s->first].start;
	uint32_t n = 0;

	while (i[n].op != OP_RETURN)
		n++;
	return n;
}

static void a_test_and_its_protocol_are_one_instruction(void **state)
{
	const struct stmt tests[] = {
		match(SELECTOR_CT_STATE, MATCH_IMPLICIT, number(6)),
		match(SELECTOR_TCP_DPORT, MATCH_EQ, number(22)),
		match(SELECTOR_UDP_SPORT, MATCH_NE, range(number(1), number(1023))),
		match(SELECTOR_TCP_FLAGS, MATCH_NOT, number(2)),
		match(SELECTOR_META_IIFNAME, MATCH_EQ, name("wg*")),
		match(SELECTOR_META_LENGTH, MATCH_LT, number(100)),
		match_expr(op(EXPR_AND, selector(SELECTOR_CT_MARK), number(0xff)), MATCH_EQ,
			   number(1)),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct program *p;

		one_chain(NULL);
		RULE(c, 1, tests[i], verdict(RULE_DROP));
		p = program_compile(rs);
		assert_int_equal(instructions(p, L3_IPV4), 2);
		assert_int_equal(instructions(p, L3_IPV6), 2);
		program_free(p);
	}
}

static void what_the_family_decides_costs_nothing(void **state)
{
	struct program *p;

	(void)state;
	RULE(c, 1, match(SELECTOR_META_NFPROTO, MATCH_EQ, number(FAMILY_IP)),
	     match(SELECTOR_IP_TTL, MATCH_EQ, number(1)), verdict(RULE_DROP));
	RULE(c, 2, match(SELECTOR_IP6_SADDR, MATCH_EQ, address("::1")), verdict(RULE_DROP));
	RULE(c, 3, match(SELECTOR_META_PROTOCOL, MATCH_NE, number(0x0800)), verdict(RULE_DROP));
	p = program_compile(rs);
	assert_int_equal(instructions(p, L3_IPV4), 2);
	assert_int_equal(instructions(p, L3_IPV6), 2 + 1);
	program_free(p);
}

/* What stands before the test that fails has its effect. */
static void a_rule_that_cannot_match_still_counts_before_it_ends(void **state)
{
	struct stmt log = { .kind = STMT_LOG, .log = { .level = 4 } };
	struct program *p;

	(void)state;
	RULE(c, 1, log, match(SELECTOR_IP6_SADDR, MATCH_EQ, address("::1")),
	     verdict(RULE_DROP));
	p = program_compile(rs);
	assert_int_equal(instructions(p, L3_IPV4), 1);
	assert_int_equal(instructions(p, L3_IPV6), 3);
	program_free(p);
}

static void a_rule_knows_the_strongest_thing_it_depends_on(void **state)
{
	struct stmt log = { .kind = STMT_LOG, .log = { .level = 4 } };
	struct stmt dport = match(SELECTOR_TCP_DPORT, MATCH_EQ, number(22));
	struct stmt ct = match(SELECTOR_CT_STATE, MATCH_IMPLICIT, number(8));
	struct stmt length = match(SELECTOR_META_LENGTH, MATCH_LT, number(100));
	static const struct {
		uint8_t depends;
		bool effects;
	} rows[] = {
		{ DEPENDS_FLOW, false },   { DEPENDS_FLOW, false }, { DEPENDS_STATE, false },
		{ DEPENDS_PACKET, false }, { DEPENDS_FLOW, true },  { DEPENDS_STATE, true },
		{ DEPENDS_FLOW, true },
	};
	struct program *p;

	(void)state;
	RULE(c, 1, verdict(RULE_ACCEPT));
	RULE(c, 2, dport, verdict(RULE_ACCEPT));
	RULE(c, 3, ct, dport, verdict(RULE_ACCEPT));
	RULE(c, 4, length, ct, verdict(RULE_ACCEPT));
	RULE(c, 5, dport, log);
	RULE(c, 6, set_to(SELECTOR_META_MARK, selector(SELECTOR_CT_MARK)));
	RULE(c, 7, count_in(COUNTER_NONE));
	p = program_compile(rs);
	assert_int_equal(p->n_rules, 2 * 7); /* for each family */
	for (uint32_t i = 0; i < p->n_rules; i++) {
		assert_int_equal(p->rules[i].handle, i % 7 + 1);
		assert_int_equal(p->rules[i].depends, rows[i % 7].depends);
		assert_int_equal(p->rules[i].effects, rows[i % 7].effects);
	}
	program_free(p);
}

static void each_test_leads_to_the_next_rule(void **state)
{
	struct program *p;

	(void)state;
	for (int i = 0; i < 20; i++)
		RULE(c, i + 1, match(SELECTOR_TCP_DPORT, MATCH_EQ, number(i)),
		     match(SELECTOR_META_LENGTH, MATCH_EQ, SET(number(1), number(2))),
		     verdict(RULE_ACCEPT));
	p = program_compile(rs);
	for (uint32_t r = 0; r < p->n_rules; r++) {
		uint32_t end = p->rules[r].start + 4; /* port, length, look-up, accept */

		for (uint32_t i = p->rules[r].start; i < end; i++)
			assert_int_equal(p->code[i].next, end);
		assert_int_equal(p->code[end - 1].op, OP_ACCEPT);
		assert_int_equal(p->code[end - 1].a, r);
	}
	program_free(p);
}

#define T(test) cmocka_unit_test_setup_teardown(test, one_chain, models_free)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_test_and_its_protocol_are_one_instruction),
		T(what_the_family_decides_costs_nothing),
		T(a_rule_that_cannot_match_still_counts_before_it_ends),
		T(a_rule_knows_the_strongest_thing_it_depends_on),
		T(each_test_leads_to_the_next_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
