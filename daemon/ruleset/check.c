/* check.c - statements, one after the other. */
#include "ruleset/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool check_oom(struct checker *ck)
{
	ck->oom = true;
	return false;
}

/* ---- matches ---- */

static bool only_values_are_ordered(struct checker *ck, const struct stmt *s,
				    const struct datatype *dt)
{
	if (dt->class == VALUE_STRING || dt == &datatype_ct_label) {
		diag_error(ck->d, &s->span, "%ss are compared with == and != only", dt->what);
		return false;
	}
	if (s->match.right->kind != EXPR_VALUE) {
		diag_error(ck->d, &s->match.right->span,
			   "less and greater compare with one value, not with a %s",
			   s->match.right->kind == EXPR_RANGE	 ? "range"
			   : s->match.right->kind == EXPR_PREFIX ? "prefix"
								 : "set");
		return false;
	}
	return true;
}

static bool check_op(struct checker *ck, const struct stmt *s, const struct datatype *dt)
{
	switch (s->match.op) {
	case MATCH_NOT:
		if (dt->bitmask && s->match.left->kind == EXPR_SELECTOR &&
		    s->match.right->kind == EXPR_VALUE)
			return true;
		diag_error(ck->d, &s->span, "\"!\" is for flags alone; else write \"!=\"");
		return false;
	case MATCH_LT:
	case MATCH_GT:
	case MATCH_LE:
	case MATCH_GE:
		return only_values_are_ordered(ck, s, dt);
	default:
		return true;
	}
}

/* What can only be set. */
static bool is_matched(struct checker *ck, enum selector_id selector, const struct span *at)
{
	if (selector != SELECTOR_CT_EVENT && selector != SELECTOR_CT_TIMEOUT &&
	    selector != SELECTOR_CT_EXPECTATION)
		return true;
	diag_error(ck->d, at, "\"%s\" cannot be matched, only set", selectors[selector].text);
	return false;
}

static bool check_match(struct checker *ck, struct stmt *s)
{
	const struct datatype *dt;
	enum selector_id selector;

	selector = expr_selector(s->match.left);
	if (!is_matched(ck, selector, &s->match.left->span) ||
	    !protocols_settle(ck, s->match.left) || !check_left(ck, s->match.left))
		return false;
	selector = expr_selector(s->match.left);
	dt = expr_bottom(s->match.left)->type;
	if (!check_constant(ck, dt, &s->match.right) || !check_op(ck, s, dt))
		return false;
	if (selector == SELECTOR_META_NFPROTO && ck->proto.family != FAMILY_INET) {
		diag_error(ck->d, &s->match.left->span,
			   "\"meta nfproto\" is of use in the inet family only: "
			   "all packets of this table are %s",
			   ck->proto.family == FAMILY_IP ? "ipv4" : "ipv6");
		return false;
	}
	if (!protocols_need(ck, selector, &s->match.left->span) || !normal_match(ck, s))
		return false;
	protocols_learn(&ck->proto, s);
	return true;
}

/* ---- reject ---- */

/* nft lists the default, and what it means there, as `reject` alone. */
#define ICMP_PORT_UNREACHABLE	3
#define ICMPV6_PORT_UNREACHABLE 4
#define ICMPX_PORT_UNREACHABLE	1

static void reject_default(struct checker *ck, struct stmt *s)
{
	switch (ck->proto.l3) {
	case L3_IPV4:
		s->reject.with = REJECT_ICMP;
		s->reject.code = ICMP_PORT_UNREACHABLE;
		break;
	case L3_IPV6:
		s->reject.with = REJECT_ICMPV6;
		s->reject.code = ICMPV6_PORT_UNREACHABLE;
		break;
	default:
		s->reject.with = REJECT_ICMPX;
		s->reject.code = ICMPX_PORT_UNREACHABLE;
	}
}

static bool check_reject(struct checker *ck, struct stmt *s)
{
	enum l3 l3 = s->reject.with == REJECT_ICMP ? L3_IPV4 : L3_IPV6;

	switch (s->reject.with) {
	case REJECT_TCP_RESET:
		return protocols_need_tcp(ck, &s->span);
	case REJECT_DEFAULT:
		reject_default(ck, s);
		return true;
	case REJECT_ICMPX:
		if (ck->proto.family == FAMILY_INET)
			return true;
		diag_error(ck->d, &s->span, "icmpx is for tables of family inet: write %s here",
			   ck->proto.family == FAMILY_IP ? "icmp" : "icmpv6");
		return false;
	default:
		return protocols_need_l3(ck, l3, &s->span);
	}
}

/* ---- the others ---- */

/* nft sets these to other fields only through maps. */
static bool is_constant(struct checker *ck, const struct stmt *s)
{
	if (s->set.target == SELECTOR_META_MARK || s->set.target == SELECTOR_CT_MARK ||
	    !expr_selector(s->set.value))
		return true;
	diag_error(ck->d, &s->set.value->span, "\"%s\" can be set to constants only",
		   selectors[s->set.target].text);
	return false;
}

static bool check_set(struct checker *ck, struct stmt *s)
{
	return is_constant(ck, s) &&
	       normal_value(ck, selectors[s->set.target].type, &s->set.value);
}

static bool check_statement(struct checker *ck, struct stmt *s)
{
	switch (s->kind) {
	case STMT_MATCH:
		return check_match(ck, s);
	case STMT_REJECT:
		return check_reject(ck, s);
	case STMT_SET_META:
	case STMT_SET_CT:
		return check_set(ck, s);
	case STMT_VERDICT:
	case STMT_COUNTER:
	case STMT_LOG:
	case STMT_OBJECT:
	case STMT_NOTRACK:
	case STMT_NONE:
		break;
	}
	return true;
}

static bool is_terminal(const struct stmt *s)
{
	return s->kind == STMT_REJECT ||
	       (s->kind == STMT_VERDICT && s->verdict.verdict != RULE_CONTINUE);
}

/* ---- the rule ---- */

/* Sources go away with the parser. */
static void forget_span(struct expr *e)
{
	if (!e)
		return;
	e->span = (struct span){ 0 };
	switch (e->kind) {
	case EXPR_RANGE:
		forget_span(e->range.lo);
		forget_span(e->range.hi);
		break;
	case EXPR_SET:
		for (size_t i = 0; i < e->list.n; i++)
			forget_span(e->list.item[i]);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		forget_span(e->op.left);
		forget_span(e->op.right);
		break;
	default:
		break;
	}
}

static void forget_spans(struct stmts *stmts)
{
	for (size_t i = 0; i < stmts->n; i++) {
		struct stmt *s = &stmts->v[i];

		s->span = (struct span){ 0 };
		if (s->kind == STMT_MATCH) {
			forget_span(s->match.left);
			forget_span(s->match.right);
		} else if (s->kind == STMT_SET_META || s->kind == STMT_SET_CT) {
			forget_span(s->set.value);
		}
	}
}

static bool check_statements(struct checker *ck, struct stmts *in)
{
	bool ended = false;

	for (size_t i = 0; i < in->n; i++) {
		struct stmt *s = &in->v[i];

		if (ended) {
			diag_error(
				ck->d, &s->span,
				"this is never reached: the statement before it ends the rule");
			return false;
		}
		if (!check_statement(ck, s))
			return false;
		ended = is_terminal(s);
		if (!stmts_add(&ck->out, s)) {
			s->kind = STMT_NONE;
			return check_oom(ck);
		}
		s->kind = STMT_NONE;
	}
	return true;
}

int rule_check(enum family family, bool verbatim, struct rule_spec *spec, struct diag *d,
	       struct rule **ret_rule)
{
	struct checker ck = { .d = d, .verbatim = verbatim };
	struct rule *r = NULL;
	int err = -EINVAL;

	protocols_init(&ck.proto, family);
	if (!check_statements(&ck, &spec->stmts))
		goto out;
	if (!verbatim && !imply_order(family, &ck.out)) {
		ck.oom = true;
		goto out;
	}
	imply_mark(family, &ck.out);
	forget_spans(&ck.out);
	r = rule_new();
	if (!r) {
		ck.oom = true;
		goto out;
	}
	r->family = family;
	/* No more memory than it needs: there may be many. */
	r->stmts = realloc(ck.out.v, ck.out.n * sizeof(*r->stmts));
	if (!r->stmts)
		r->stmts = ck.out.v;
	r->n_stmts = ck.out.n;
	r->comment = spec->comment;
	spec->comment = NULL;
	ck.out = (struct stmts){ 0 };
	*ret_rule = r;
	err = 0;
out:
	stmts_fini(&ck.out);
	return ck.oom ? -ENOMEM : err;
}
