/* test_normal.c - rules in the form in which they are kept, as far as a listing does not show
 * it; what it shows is in tests/ruleset. */
#include <stdio.h>

#include "ruleset/model.h"
#include "unit/ruleset/language.h"

static struct ruleset *rs;

/* The rule that a line becomes in a table of that family. */
static const struct rule *rule_of(const char *family, const char *line)
{
	char text[512];
	const struct chain *c;

	snprintf(text, sizeof(text),
		 "flush ruleset; add table %s t; add chain %s t c; add rule %s t c %s", family,
		 family, family, line);
	if (!rs)
		rs = ruleset_new(NULL);
	assert_int_equal(apply(&rs, text), 0);
	c = rs->tables[0]->chains[0];
	assert_int_equal(c->n_rules, 1);
	return c->rules[0];
}

static int teardown(void **state)
{
	(void)state;
	ruleset_unref(rs);
	rs = NULL;
	return 0;
}

static void a_field_brings_the_match_on_its_protocol(void **state)
{
	const struct rule *r = rule_of("inet", "icmp type echo-request");

	(void)state;
	assert_int_equal(r->n_stmts, 3);
	assert_int_equal(r->stmts[0].match.left->selector, SELECTOR_META_NFPROTO);
	assert_int_equal(r->stmts[1].match.left->selector, SELECTOR_META_L4PROTO);
	assert_true(r->stmts[0].match.implied && r->stmts[1].match.implied);
	assert_false(r->stmts[2].match.implied);
}

/* nft lists the field alone: then packets without a flow would match, too. */
static void a_flows_family_is_not_implied_by_a_field(void **state)
{
	const struct rule *r = rule_of("inet", "ct l3proto ipv6 ip6 length != 68");

	(void)state;
	assert_int_equal(r->n_stmts, 2);
	assert_int_equal(r->stmts[0].match.left->selector, SELECTOR_CT_L3PROTO);
	assert_false(r->stmts[0].match.implied);
	assert_false(r->stmts[1].match.implied);
}

static void a_reset_is_for_tcp_from_the_rules_start(void **state)
{
	const struct rule *r = rule_of("ip", "counter reject with tcp reset");

	(void)state;
	assert_int_equal(r->n_stmts, 3);
	assert_int_equal(r->stmts[0].match.left->selector, SELECTOR_META_L4PROTO);
	/* The counter stands between: a listing must say it. */
	assert_false(r->stmts[0].match.implied);
	assert_int_equal(r->stmts[1].kind, STMT_COUNTER);
}

static void reject_alone_is_what_the_packets_family_has(void **state)
{
	(void)state;
	assert_int_equal(rule_of("ip", "reject")->stmts[0].reject.with, REJECT_ICMP);
	assert_int_equal(rule_of("ip", "reject")->stmts[0].reject.code, 3);
	assert_int_equal(rule_of("ip6", "reject")->stmts[0].reject.with, REJECT_ICMPV6);
	assert_int_equal(rule_of("ip6", "reject")->stmts[0].reject.code, 4);
	assert_int_equal(rule_of("inet", "reject")->stmts[0].reject.with, REJECT_ICMPX);
	assert_int_equal(rule_of("inet", "ip ttl 1 reject")->stmts[2].reject.with, REJECT_ICMP);
}

static void any_chain_of_bit_operations_is_one_of_each_at_most(void **state)
{
	/* ((m & f0) | 11) ^ 22 = (m & c0 ...) */
	const struct rule *r = rule_of("ip", "meta mark set meta mark & 0xf0 | 0x11 ^ 0x20");
	const struct expr *e = r->stmts[0].set.value;

	(void)state;
	assert_int_equal(e->kind, EXPR_OR);
	assert_int_equal(e->op.right->value.num, 0x31);
	assert_int_equal(e->op.left->kind, EXPR_AND);
	assert_int_equal(e->op.left->op.right->value.num, 0xf1);
	assert_int_equal(e->op.left->op.left->kind, EXPR_SELECTOR);
}

static void a_mask_that_can_never_be_true_is_no_prefix(void **state)
{
	const struct stmt *s = &rule_of("ip", "ip saddr & 255.0.0.0 == 10.1.0.0")->stmts[0];

	(void)state;
	assert_int_equal(s->match.left->kind, EXPR_AND);
	assert_int_equal(s->match.right->kind, EXPR_VALUE);
	s = &rule_of("ip", "ip saddr & 255.0.0.0 == 10.0.0.0")->stmts[0];
	assert_int_equal(s->match.right->kind, EXPR_PREFIX);
	assert_int_equal(s->match.right->prefix.len, 8);
}

static void flags_are_compared_in_the_shortest_form(void **state)
{
	const struct stmt *s = &rule_of("ip", "ct state & (new | related) != 0")->stmts[0];

	(void)state;
	assert_int_equal(s->match.op, MATCH_IMPLICIT);
	assert_int_equal(s->match.right->value.num, 0xc);
	s = &rule_of("ip", "ct state & new == 0")->stmts[0];
	assert_int_equal(s->match.op, MATCH_NOT);
	s = &rule_of("ip", "tcp flags 0xff")->stmts[1];
	assert_int_equal(s->match.op, MATCH_NE);
	assert_int_equal(s->match.right->value.num, 0);
}

static void intervals_of_a_set_are_disjoint_and_sorted(void **state)
{
	const struct expr *set =
		rule_of("ip", "ip saddr { 10.0.0.9, 10.0.0.0/30, 10.0.0.3-10.0.0.5, 1.1.1.1 }")
			->stmts[0]
			.match.right;

	(void)state;
	assert_int_equal(set->kind, EXPR_SET);
	assert_int_equal(set->list.n, 3);
	assert_int_equal(set->list.item[0]->kind, EXPR_VALUE);
	assert_int_equal(set->list.item[1]->kind, EXPR_RANGE);
	assert_int_equal(set->list.item[1]->range.hi->value.addr.b[3], 5);
	assert_int_equal(set->list.item[2]->kind, EXPR_VALUE);
}

static void no_place_of_the_text_is_kept(void **state)
{
	const struct rule *r = rule_of("ip", "tcp flags & (syn | ack) == { syn, ack } counter");

	(void)state;
	for (size_t i = 0; i < r->n_stmts; i++) {
		assert_null(r->stmts[i].span.source);
		if (r->stmts[i].kind == STMT_MATCH) {
			assert_null(r->stmts[i].match.left->span.source);
			assert_null(r->stmts[i].match.right->span.source);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_brings_the_match_on_its_protocol),
		cmocka_unit_test(a_flows_family_is_not_implied_by_a_field),
		cmocka_unit_test(a_reset_is_for_tcp_from_the_rules_start),
		cmocka_unit_test(reject_alone_is_what_the_packets_family_has),
		cmocka_unit_test(any_chain_of_bit_operations_is_one_of_each_at_most),
		cmocka_unit_test(a_mask_that_can_never_be_true_is_no_prefix),
		cmocka_unit_test(flags_are_compared_in_the_shortest_form),
		cmocka_unit_test(intervals_of_a_set_are_disjoint_and_sorted),
		cmocka_unit_test(no_place_of_the_text_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
