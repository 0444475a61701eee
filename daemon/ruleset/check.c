/* check.c - statements, one after the other. */
#include "ruleset/stmt.h"

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

/* In the tables of one family there is nothing to ask. */
static bool may_ask_family(struct checker *ck, const struct expr *left)
{
	if (expr_selector(left) != SELECTOR_META_NFPROTO || ck->proto.family == FAMILY_INET)
		return true;
	diag_error(ck->d, &left->span,
		   "\"meta nfproto\" is of use in the inet family only: "
		   "all packets of this table are %s",
		   ck->proto.family == FAMILY_IP ? "ipv4" : "ipv6");
	return false;
}

/* A left side, as far as nothing stands on the right. */
static bool check_left_side(struct checker *ck, struct expr *left)
{
	if (!is_matched(ck, expr_selector(left), &left->span) || !protocols_settle(ck, left))
		return false;
	if (!ck->verbatim)
		protocols_name(&ck->proto, left);
	return check_left(ck, left);
}

bool check_field(struct checker *ck, struct expr **left)
{
	return protocols_written(ck, *left) && check_left_side(ck, *left) &&
	       may_ask_family(ck, *left) &&
	       protocols_need(ck, expr_bottom(*left), &(*left)->span) && normal_left(ck, left);
}

static bool check_set_match(struct checker *ck, struct stmt *s)
{
	if (s->match.right->kind != EXPR_SET && s->match.right->kind != EXPR_SETREF) {
		diag_error(ck->d, &s->match.right->span,
			   "concatenations are looked up in sets: write { ... }");
		return false;
	}
	if (s->match.op == MATCH_IMPLICIT)
		s->match.op = MATCH_EQ;
	if (s->match.op != MATCH_EQ && s->match.op != MATCH_NE) {
		diag_error(ck->d, &s->span, "sets are compared with == and != only");
		return false;
	}
	return check_key(ck, &s->match.left) &&
	       check_look_up(ck, s->match.left, DATA_NONE, NULL, &s->match.right);
}

/* `fib saddr oif exists` asks for another value than `fib saddr oif "eth0"`. */
static void ask_existence(struct stmt *s)
{
	struct expr *left = s->match.left;
	const struct expr *right = s->match.right;

	if (left->kind != EXPR_SELECTOR || right->kind != EXPR_SYMBOL ||
	    !symbol_find(datatype_boolean.symbols, right->symbol))
		return;
	if (left->selector == SELECTOR_FIB_OIF) {
		left->arg.a |= FIB_PRESENT;
		left->type = &datatype_boolean;
	} else if (left->selector == SELECTOR_TCP_OPTION_RAW && !left->arg.c &&
		   left->arg.d == 8) {
		/* An option's number is there when it is: JSON says it so. */
		left->arg.d = 0;
		left->type = &datatype_boolean;
	}
}

/* Hours that go beyond midnight are those that are not between the other two. */
static void turn_hours(struct stmt *s)
{
	struct expr *right = s->match.right, *lo;

	if (right->kind != EXPR_RANGE || right->type != &datatype_hour ||
	    value_cmp(right->type, &right->range.lo->value, &right->range.hi->value) <= 0)
		return;
	lo = right->range.lo;
	right->range.lo = right->range.hi;
	right->range.hi = lo;
	s->match.op = s->match.op == MATCH_NE ? MATCH_EQ : MATCH_NE;
}

bool check_named(struct checker *ck, struct stmt *s)
{
	if (!protocols_need(ck, expr_bottom(s->match.left), &s->match.left->span) ||
	    !normal_match(ck, s))
		return false;
	protocols_learn(&ck->proto, s);
	return true;
}

static bool check_match(struct checker *ck, struct stmt *s)
{
	const struct datatype *dt;

	if (stmt_is_look_up(s))
		return check_set_match(ck, s);
	ask_existence(s);
	/* Bits that turn out to be flags are compared as the number that was written. */
	if (s->match.op == MATCH_IMPLICIT && expr_selector(s->match.left) == SELECTOR_RAW)
		s->match.op = MATCH_EQ;
	if (!check_left_side(ck, s->match.left))
		return false;
	dt = expr_type(s->match.left);
	if (!shift_is_number(ck, s->match.left) || !check_constant(ck, dt, &s->match.right) ||
	    !check_op(ck, s, dt) || !shift_move(ck, s) || !may_ask_family(ck, s->match.left))
		return false;
	turn_hours(s);
	return raw_name(ck, s) && check_named(ck, s);
}

static bool check_vmap(struct checker *ck, struct stmt *s)
{
	return check_key(ck, &s->vmap.key) &&
	       check_look_up(ck, s->vmap.key, DATA_VERDICTS, NULL, &s->vmap.set) &&
	       shift_move_key(ck, &s->vmap.key, s->vmap.set);
}

/* A value that a map gives; to is what it is for. */
bool check_map(struct checker *ck, const struct key_type *to, bool ranges, struct expr *map)
{
	const struct expr *set;

	if (!check_key(ck, &map->map.key) ||
	    !check_look_up(ck, map->map.key, DATA_VALUES, to, &map->map.set) ||
	    !shift_move_key(ck, &map->map.key, map->map.set))
		return false;
	set = map->map.set;
	for (size_t i = 0; !ranges && set->kind == EXPR_SET && i < set->list.n; i++) {
		const struct expr *data = set->list.item[i]->mapping.data;

		if (!key_is_interval(data))
			continue;
		diag_error(ck->d, &data->span, "one value is needed here, not several");
		return false;
	}
	return true;
}

bool check_value(struct checker *ck, const struct datatype *dt, struct expr **value)
{
	struct key_type to = { .n = 0 };

	if ((*value)->kind != EXPR_MAP)
		return normal_value(ck, dt, value);
	key_type_add(&to, dt, false);
	return check_map(ck, &to, false, *value);
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

/* The kernel has no room for labels that are made; through maps nft sets them, and does not tell
 * through which. */
static bool is_settable(struct checker *ck, const struct stmt *s)
{
	if (s->set.target != SELECTOR_CT_LABEL ||
	    (s->set.value->kind != EXPR_MAP && !expr_selector(s->set.value)))
		return true;
	diag_error(ck->d, &s->set.value->span, "\"%s\" can be set to constants only",
		   selectors[s->set.target].text);
	return false;
}

static bool check_set(struct checker *ck, struct stmt *s)
{
	struct expr **value = &s->set.value;

	return is_settable(ck, s) &&
	       (!expr_selector(*value) ||
		protocols_need(ck, expr_bottom(*value), &(*value)->span)) &&
	       check_value(ck, selectors[s->set.target].type, value);
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
	case STMT_VMAP:
		return check_vmap(ck, s);
	case STMT_LIMIT:
	case STMT_QUOTA:
		return stateful_check(ck->d, &s->span, stmt_state_kind(s), &s->state);
	case STMT_DYNSET:
		return check_dynset(ck, s);
	case STMT_OBJECT:
		return !s->object.set || (check_key(ck, &s->object.key) &&
					  check_object_map(ck, s->object.key, s->object.kind,
							   &s->object.set) &&
					  shift_move_key(ck, &s->object.key,
							 s->object.set));
	case STMT_NAT:
		return nat_check(ck, s);
	case STMT_WRITE:
		return write_check(ck, s);
	case STMT_VERDICT:
	case STMT_COUNTER:
	case STMT_LAST:
	case STMT_CONNLIMIT:
	case STMT_LOG:
	case STMT_NOTRACK:
	case STMT_RESET_OPTION:
	case STMT_NONE:
		break;
	}
	return true;
}

static bool is_terminal(const struct stmt *s)
{
	return s->kind == STMT_REJECT || s->kind == STMT_NAT ||
	       (s->kind == STMT_VERDICT && s->verdict.verdict != RULE_CONTINUE);
}

/* ---- the rule ---- */

/* Sources go away with the parser. */
static void forget_span(void *arg, struct expr *e)
{
	(void)arg;
	e->span = (struct span){ 0 };
}

static void forget_spans(struct stmts *stmts)
{
	for (size_t i = 0; i < stmts->n; i++) {
		stmts->v[i].span = (struct span){ 0 };
		stmt_walk(&stmts->v[i], forget_span, NULL);
	}
}

static bool check_statements(struct checker *ck, struct stmts *in)
{
	/* Others may be implied. */
	const size_t most = in->n + (ck->verbatim ? 0 : 2);
	bool ended = false;

	if (!stmts_reserve(&ck->out, most))
		return check_oom(ck);
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

int rule_check(enum family family, const struct table *table, const struct locale *locale,
	       bool verbatim, struct rule_spec *spec, struct diag *d, struct rule **ret_rule)
{
	struct checker ck = { .d = d, .table = table, .locale = locale, .verbatim = verbatim };
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
	/* No more memory than it needs: there may be many.  The next takes what this one had. */
	stmts_fini(&spec->stmts);
	stmts_fit(&ck.out);
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
