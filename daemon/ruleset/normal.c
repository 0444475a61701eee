/* normal.c - the normal form of matches and of what is set.
 *
 * nftables has one bit operation, (field & mask) ^ xor, and so any chain of and, or and xor
 * between shifts is one: it comes back as at most one of each.  Comparisons of flags come back
 * as the shortest of the forms that nft has for them. */
#include <string.h>

#include "ruleset/check.h"
#include "ruleset/field.h"

/* ---- bit operations ---- */

struct bits {
	struct value mask, xor;
};

static struct bits bits_none(const struct datatype *dt)
{
	return (struct bits){ .mask = value_ones(dt) };
}

static void bits_apply(const struct datatype *dt, struct bits *b, enum expr_kind kind,
		       const struct value *v)
{
	struct value all = value_ones(dt), not = value_op(dt, EXPR_XOR, v, &all);

	switch (kind) {
	case EXPR_AND:
		b->mask = value_op(dt, EXPR_AND, &b->mask, v);
		b->xor = value_op(dt, EXPR_AND, &b->xor, v);
		break;
	case EXPR_OR:
		b->mask = value_op(dt, EXPR_AND, &b->mask, &not );
		b->xor = value_op(dt, EXPR_OR, &b->xor, v);
		break;
	case EXPR_XOR:
		b->xor = value_op(dt, EXPR_XOR, &b->xor, v);
		break;
	default:
		break;
	}
}

/* Put an operation around e, which is taken over. */
static struct expr *wrap(struct expr *e, enum expr_kind kind, const struct datatype *dt,
			 const struct value *v)
{
	struct expr *right = e ? expr_new(EXPR_VALUE, e->span) : NULL;

	if (right) {
		right->type =
			kind == EXPR_LSHIFT || kind == EXPR_RSHIFT ? &datatype_integer8 : dt;
		right->value = *v;
	}
	e = expr_op(kind, e, right);
	if (e)
		e->type = dt;
	return e;
}

/* (e & mask) ^ xor as and, xor and or: bits that are cleared and then set are or'ed. */
static struct expr *bits_wrap(struct expr *e, const struct datatype *dt, const struct bits *b)
{
	struct value or = value_op(dt, EXPR_AND, &b->mask, &b->xor), and, xor;

	or = value_op(dt, EXPR_XOR, & or, &b->xor);
	xor = value_op(dt, EXPR_AND, &b->xor, &b->mask);
	and = value_op(dt, EXPR_OR, &b->mask, & or);
	if (!value_is_ones(dt, &and))
		e = wrap(e, EXPR_AND, dt, &and);
	if (!value_is_zero(dt, &xor))
		e = wrap(e, EXPR_XOR, dt, &xor);
	if (!value_is_zero(dt, & or))
		e = wrap(e, EXPR_OR, dt, & or);
	return e;
}

/* Take the innermost operand out of a chain and free the rest. */
static struct expr *unwrap(struct expr *e)
{
	while (e->kind >= EXPR_AND) {
		struct expr *left = e->op.left;

		e->op.left = NULL;
		expr_free(e);
		e = left;
	}
	return e;
}

/* Anew from the inside: what lies between shifts is one operation. */
static struct expr *rebuild(const struct datatype *dt, struct expr *from, struct bits *b)
{
	struct expr *e;

	if (from->kind < EXPR_AND)
		return expr_clone(from);
	e = rebuild(dt, from->op.left, b);
	if (!e)
		return NULL;
	if (!expr_is_shift(from)) {
		bits_apply(dt, b, from->kind, &from->op.right->value);
		return e;
	}
	e = bits_wrap(e, dt, b);
	*b = bits_none(dt);
	return e ? wrap(e, from->kind, dt, &from->op.right->value) : NULL;
}

struct expr *normal_form(struct expr *e)
{
	const struct datatype *dt = expr_type(e);
	struct bits b = bits_none(dt);
	struct expr *built = rebuild(dt, e, &b);

	expr_free(e);
	return built ? bits_wrap(built, dt, &b) : NULL;
}

/* ---- matches ---- */

bool normal_left(struct checker *ck, struct expr **left)
{
	if ((*left)->kind == EXPR_SELECTOR)
		return true;
	if (!shift_is_some(ck, *left))
		return false;
	*left = normal_form(*left);
	return *left || check_oom(ck);
}

/* The mask of `field & mask`; false when left is something else. */
static bool mask_alone(const struct expr *left, struct value *ret_mask)
{
	if (left->kind != EXPR_AND || left->op.left->kind != EXPR_SELECTOR)
		return false;
	*ret_mask = left->op.right->value;
	return true;
}

/* field/len: of types that have prefixes it stays one, else it is field & mask. */
static bool normal_prefix(struct checker *ck, const struct datatype *dt, struct stmt *s)
{
	struct expr *right = s->match.right;
	struct value mask, value;

	if (right->kind != EXPR_PREFIX)
		return true;
	value = right->prefix.value;
	if (right->prefix.len == dt->bits) {
		right->kind = EXPR_VALUE;
		right->value = value;
		return true;
	}
	if (dt->prefix ||
	    (s->match.left->kind != EXPR_SELECTOR && !expr_is_shift(s->match.left)))
		return true;
	mask = value_mask(dt, right->prefix.len);
	right->kind = EXPR_VALUE;
	right->value = value;
	s->match.left = wrap(s->match.left, EXPR_AND, dt, &mask);
	return s->match.left || check_oom(ck);
}

/* `addr & 255.0.0.0 == 10.0.0.0` is `addr 10.0.0.0/8`; not when it can never be true. */
static void mask_to_prefix(const struct datatype *dt, struct stmt *s)
{
	struct expr *right = s->match.right;
	struct value mask, covered;
	int len;

	if (!dt->prefix || right->kind != EXPR_VALUE || !mask_alone(s->match.left, &mask) ||
	    (s->match.op != MATCH_EQ && s->match.op != MATCH_NE))
		return;
	len = value_mask_len(dt, &mask);
	covered = value_op(dt, EXPR_AND, &right->value, &mask);
	if (len < 0 || value_cmp(dt, &covered, &right->value))
		return;
	right->kind = EXPR_PREFIX;
	right->prefix.value = covered;
	right->prefix.len = (uint8_t)len;
	right->prefix.of = NULL;
	s->match.left = unwrap(s->match.left);
}

/* Flags: `flags & a != 0` is `flags a`, `flags & a == 0` is `flags ! a`, and any of all flags
 * is `flags != 0`. */
static void normal_flags(const struct datatype *dt, struct stmt *s)
{
	struct expr *right = s->match.right;
	struct value mask;

	if (!dt->bitmask || right->kind != EXPR_VALUE)
		return;
	if (s->match.op == MATCH_IMPLICIT && value_is_ones(dt, &right->value)) {
		s->match.op = MATCH_NE;
		right->value = (struct value){ 0 };
	} else if (mask_alone(s->match.left, &mask) && value_is_zero(dt, &right->value) &&
		   (s->match.op == MATCH_EQ || s->match.op == MATCH_NE)) {
		s->match.op = s->match.op == MATCH_NE ? MATCH_IMPLICIT : MATCH_NOT;
		right->value = mask;
		s->match.left = unwrap(s->match.left);
	}
}

bool normal_match(struct checker *ck, struct stmt *s)
{
	const struct datatype *dt = expr_bottom(s->match.left)->type;

	if (s->match.op == MATCH_IMPLICIT &&
	    (!dt->bitmask || s->match.left->kind != EXPR_SELECTOR ||
	     s->match.right->kind != EXPR_VALUE))
		s->match.op = MATCH_EQ;
	if (!normal_left(ck, &s->match.left) || !normal_prefix(ck, dt, s))
		return false;
	mask_to_prefix(dt, s);
	normal_flags(dt, s);
	return true;
}

/* ---- what is set ---- */

static bool value_mismatch(struct checker *ck, const struct expr *e, const struct datatype *dt)
{
	diag_error(ck->d, &e->span, "a %s cannot be set to \"%s\", which is of type %s",
		   dt->what, selectors[e->selector].text, e->type->desc);
	return false;
}

/* Whether what has that type can be set: to the same type, and to numbers.  Whole bytes of a
 * header as they are must be as many besides. */
static bool may_be_set(const struct expr *e, const struct datatype *dt)
{
	const struct datatype *from = expr_bottom(e)->type;
	struct field f;

	if (from == dt)
		return true;
	if (strcmp(from->name, "integer") != 0 || (dt->bits > 32 && from->bits < dt->bits))
		return false;
	if (e->kind != EXPR_SELECTOR || from->bits == dt->bits)
		return true;
	f = expr_field(e);
	return !f.base || f.off % 8 || f.len % 8;
}

/* Check the operands of a chain on a selector. */
static bool check_chain(struct checker *ck, const struct datatype *dt, struct expr *e)
{
	const struct datatype *from = expr_bottom(e)->type;

	if (!may_be_set(e, dt))
		return value_mismatch(ck, expr_bottom(e), dt);
	for (; e->kind >= EXPR_AND; e = e->op.left) {
		e->type = from;
		if (expr_is_shift(e) ? !shift_check(ck, from, e) : !shift_operand(ck, from, e))
			return false;
	}
	return check_hashed(ck, e);
}

bool normal_value(struct checker *ck, const struct datatype *dt, struct expr **e)
{
	const struct datatype *from = expr_type(*e);
	struct value all;

	if (!expr_selector(*e)) {
		if (!check_constant(ck, dt, e))
			return false;
		if ((*e)->kind == EXPR_VALUE)
			return true;
		diag_error(ck->d, &(*e)->span, "one value is set");
		return false;
	}
	if (!check_chain(ck, dt, *e) || !shift_is_some(ck, *e))
		return false;
	/* Operands are listed as the field's values: jhash ... | 1, meta mark | 0x00000001. */
	*e = normal_form(*e);
	/* Where `ip id & 0xffff` can be set and `ip id` cannot, a listing must say it. */
	if (*e && !may_be_set(*e, dt)) {
		all = value_ones(from);
		*e = wrap(*e, EXPR_AND, from, &all);
	}
	return *e || check_oom(ck);
}
