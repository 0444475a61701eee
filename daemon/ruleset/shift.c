/* shift.c - operations that go over to what is compared, and which shifts there are.
 *
 * For nft `field << 1 == 2` is `field == 1`, and `field ^ 1 == 2` is `field == 3`
 * (binop_transfer): the outermost operation, and it alone, goes over to the constants.  So it
 * is here where the rule goes on to mean what is written: shifts to the left before single
 * values, maps, and whatever one byte is compared with; ^ before single values.
 *
 * Others stay where nft takes them over as well: ^ before intervals and orders, which are
 * others then, and shifts to the right, which nft 1.0.6 neither compares nor lists as written.
 */
#include <stdlib.h>
#include <string.h>

#include "ruleset/check.h"

static bool is_integer(const struct datatype *dt)
{
	return !strcmp(dt->name, "integer");
}

/* The key of an item, as key_of(). */
static struct expr *key_in(struct expr *item)
{
	if (item->kind == EXPR_MAPPING)
		item = item->mapping.key;
	return item->kind == EXPR_ELEMENT ? item->element.key : item;
}

/* ---- what is compared ---- */

/* Whether there is nothing but single values; ranges: or ranges of them. */
static bool are_values(const struct expr *right, bool ranges)
{
	if (right->kind != EXPR_SET)
		return right->kind == EXPR_VALUE || (ranges && right->kind == EXPR_RANGE);
	for (size_t i = 0; i < right->list.n; i++) {
		const struct expr *key = key_of(right->list.item[i]);

		if (key->kind != EXPR_VALUE && !(ranges && key->kind == EXPR_RANGE))
			return false;
	}
	return true;
}

/* False: no value becomes this one by the operation. */
static bool undo_value(const struct datatype *dt, const struct expr *op, struct value *v)
{
	enum expr_kind undo = op->kind == EXPR_LSHIFT ? EXPR_RSHIFT : op->kind;
	struct value was = value_op(dt, undo, v, &op->op.right->value);
	struct value again = value_op(dt, op->kind, &was, &op->op.right->value);

	if (value_cmp(dt, &again, v))
		return false;
	*v = was;
	return true;
}

static bool undo(const struct datatype *dt, const struct expr *op, struct expr *right)
{
	switch (right->kind) {
	case EXPR_VALUE:
		return undo_value(dt, op, &right->value);
	case EXPR_RANGE:
		return undo(dt, op, right->range.lo) && undo(dt, op, right->range.hi);
	case EXPR_SET:
		for (size_t i = 0; i < right->list.n; i++) {
			if (!undo(dt, op, key_in(right->list.item[i])))
				return false;
		}
		return true;
	default:
		return true;
	}
}

static int by_key(const void *a, const void *b)
{
	const struct expr *x = key_of(*(struct expr *const *)a),
			  *y = key_of(*(struct expr *const *)b);

	return value_cmp(x->type, &x->value, &y->value);
}

/* `field << 1 ^ 1 == 4` is `field << 1 == 5` to nft, which it does not load again: nothing that is
 * shifted can be equal to that. */
static bool is_odd_below(const struct expr *op, const struct expr *right)
{
	const struct datatype *dt = expr_type(op);
	struct expr *below = expr_clone(op->op.left), *trial = expr_clone(right);
	bool odd;

	below = below ? normal_form(below) : NULL;
	odd = !below || !trial ||
	      (below->kind == EXPR_LSHIFT && undo(dt, op, trial) && !undo(dt, below, trial));
	expr_free(below);
	expr_free(trial);
	return odd;
}

static bool never_true(struct checker *ck, const struct expr *right)
{
	diag_error(ck->d, &right->span,
		   "this can never be true: the lowest bits are zero there");
	return false;
}

/* Take the outermost operation over. */
static bool move(struct checker *ck, struct expr **left, struct expr *right)
{
	struct expr *op = *left;

	if (is_odd_below(op, right))
		return true;
	if (!undo(expr_type(op), op, right))
		return never_true(ck, right);
	/* A shift leaves the order as it is. */
	if (right->kind == EXPR_SET && op->kind == EXPR_XOR)
		qsort(right->list.item, right->list.n, sizeof(right->list.item[0]), by_key);
	*left = op->op.left;
	op->op.left = NULL;
	expr_free(op);
	return true;
}

/* Sets of flags are listed in an order of their own. */
static bool xor_moves(const struct expr *left, const struct expr *right)
{
	return left->kind == EXPR_XOR && are_values(right, false) &&
	       (right->kind == EXPR_VALUE || !expr_type(left)->bitmask);
}

/* Whether a shift to the left goes over, were it the outermost. */
static bool lshift_moves(const struct stmt *s)
{
	const struct expr *right = s->match.right;

	return (s->match.op <= MATCH_NE && are_values(right, false)) ||
	       (expr_type(s->match.left)->bits <= 8 && are_values(right, true));
}

/* `field << 1 ^ 0 == 3` is listed as `field << 1 == 3`, which is not loaded again. */
static bool can_be_listed(struct checker *ck, const struct stmt *s)
{
	struct expr *listed = expr_clone(s->match.left), *trial = expr_clone(s->match.right);
	bool made, possible;

	listed = listed ? normal_form(listed) : NULL;
	made = listed && trial;
	possible = made && (listed->kind != EXPR_LSHIFT ||
			    undo(expr_type(listed), listed, trial));
	expr_free(listed);
	expr_free(trial);
	if (!made)
		return check_oom(ck);
	return possible || never_true(ck, s->match.right);
}

bool shift_move(struct checker *ck, struct stmt *s)
{
	const struct expr *left = s->match.left, *right = s->match.right;

	if (ck->verbatim)
		return true;
	if (left->kind != EXPR_LSHIFT && expr_has_shift(left) && lshift_moves(s) &&
	    !can_be_listed(ck, s))
		return false;
	if ((s->match.op <= MATCH_NE && xor_moves(left, right)) ||
	    (left->kind == EXPR_LSHIFT && lshift_moves(s)))
		return move(ck, &s->match.left, s->match.right);
	return true;
}

bool shift_move_key(struct checker *ck, struct expr **key, struct expr *set)
{
	if (set->kind != EXPR_SET || (*key)->kind == EXPR_CONCAT)
		return true;
	if (!shift_is_number(ck, *key))
		return false;
	if (ck->verbatim)
		return true;
	if (xor_moves(*key, set) || ((*key)->kind == EXPR_LSHIFT && are_values(set, true)))
		return move(ck, key, set);
	return true;
}

/* ---- which there are ---- */

bool shift_is_number(struct checker *ck, const struct expr *left)
{
	if (!expr_has_shift(left) || is_integer(expr_type(left)))
		return true;
	diag_error(
		ck->d, &left->span,
		"what is shifted is a plain number, and no %s: look it up in a set with a name",
		expr_type(left)->what);
	return false;
}

bool shift_check(struct checker *ck, const struct datatype *dt, struct expr *op)
{
	unsigned most = dt->bits > SHIFT_MOST ? SHIFT_MOST : dt->bits - 1u, bits;

	if (dt->class == VALUE_STRING || dt == &datatype_ct_label || !most) {
		diag_error(ck->d, &op->span, "a %s cannot be shifted", dt->what);
		return false;
	}
	if (!check_single(ck, &datatype_integer8, &op->op.right))
		return false;
	bits = (unsigned)op->op.right->value.num;
	if (bits <= most)
		return true;
	diag_error(ck->d, &op->op.right->span, "a %s is shifted by 1 to %u bits", dt->what,
		   most);
	return false;
}

/* `<< 0` is nothing, and is no more when it went over to what is compared. */
bool shift_is_some(struct checker *ck, const struct expr *left)
{
	for (; left->kind >= EXPR_AND; left = left->op.left) {
		if (!expr_is_shift(left) || left->op.right->value.num)
			continue;
		diag_error(ck->d, &left->op.right->span, "a shift by 0 bits changes nothing");
		return false;
	}
	return true;
}

bool shift_operand(struct checker *ck, const struct datatype *dt, struct expr *op)
{
	const struct expr *right = op->op.right;
	const struct datatype *as = dt;

	/* A number of 128 bits is kept as an address is. */
	if (dt == &datatype_ipv6_addr && expr_has_shift(op->op.left) &&
	    right->kind == EXPR_SYMBOL && !strchr(right->symbol, ':'))
		as = datatype_integer(128);
	if (!check_single(ck, as, &op->op.right))
		return false;
	op->op.right->type = dt;
	return true;
}
