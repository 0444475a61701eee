/* shift.c - shifts of what is compared.
 *
 * `field << 1 == 2` is `field == 1` for nft (binop_transfer), and so for its sets of single
 * values, its maps, and whatever one byte is compared with.  All other shifts stay, and so do
 * those to the right, which nft 1.0.6 takes over as well, but then neither compares nor lists
 * what was written. */
#include <string.h>

#include "ruleset/check.h"

static bool is_integer(const struct datatype *dt)
{
	return dt->class == VALUE_NUMBER && !strcmp(dt->name, "integer");
}

/* The key of an item, as key_of(). */
static struct expr *key_in(struct expr *item)
{
	if (item->kind == EXPR_MAPPING)
		item = item->mapping.key;
	return item->kind == EXPR_ELEMENT ? item->element.key : item;
}

/* Whether a constant can come of a shift to the left by so many bits; then what was shifted. */
static bool shift_back(struct expr *e, unsigned bits)
{
	switch (e->kind) {
	case EXPR_VALUE:
		if (e->value.num & ((UINT64_C(1) << bits) - 1))
			return false;
		e->value.num >>= bits;
		return true;
	case EXPR_RANGE:
		return shift_back(e->range.lo, bits) && shift_back(e->range.hi, bits);
	case EXPR_SET:
		for (size_t i = 0; i < e->list.n; i++) {
			if (!shift_back(key_in(e->list.item[i]), bits))
				return false;
		}
		return true;
	default:
		return true;
	}
}

static bool are_values(const struct expr *right)
{
	for (size_t i = 0; right->kind == EXPR_SET && i < right->list.n; i++) {
		if (right->list.item[i]->kind != EXPR_VALUE)
			return false;
	}
	return right->kind == EXPR_VALUE || right->kind == EXPR_SET;
}

static bool is_prefix(const struct expr *right)
{
	for (size_t i = 0; right->kind == EXPR_SET && i < right->list.n; i++) {
		if (key_of(right->list.item[i])->kind == EXPR_PREFIX)
			return true;
	}
	return right->kind == EXPR_PREFIX;
}

static bool move(struct checker *ck, struct expr **left, struct expr *right)
{
	struct expr *shift = *left;

	if (!shift_back(right, (unsigned)shift->op.right->value.num)) {
		diag_error(ck->d, &right->span,
			   "this can never be true: the lowest bits are zero there");
		return false;
	}
	*left = shift->op.left;
	shift->op.left = NULL;
	expr_free(shift);
	return true;
}

bool shift_move(struct checker *ck, struct stmt *s)
{
	const struct expr *right = s->match.right;
	bool moves = (are_values(right) && s->match.op <= MATCH_NE) ||
		     (expr_type(s->match.left)->bits <= 8 && !is_prefix(right));

	while (moves && !ck->verbatim && s->match.left->kind == EXPR_LSHIFT) {
		if (!move(ck, &s->match.left, s->match.right))
			return false;
	}
	return true;
}

bool shift_move_key(struct checker *ck, struct expr **key, struct expr *set)
{
	if (set->kind != EXPR_SET || (*key)->kind == EXPR_CONCAT)
		return true;
	if (!shift_is_number(ck, *key))
		return false;
	while (!ck->verbatim && (*key)->kind == EXPR_LSHIFT && !is_prefix(set)) {
		if (!move(ck, key, set))
			return false;
	}
	return true;
}

bool shift_is_number(struct checker *ck, const struct expr *left)
{
	if (!expr_has_shift(left) || is_integer(expr_type(left)))
		return true;
	diag_error(ck->d, &left->span,
		   "what is shifted is a plain number, and no %s: look it up in a set with a name",
		   expr_type(left)->what);
	return false;
}

bool shift_is_narrow(struct checker *ck, const struct expr *left)
{
	if (!expr_has_shift(left) || expr_type(left)->bits <= 32)
		return true;
	diag_error(ck->d, &left->span,
		   "numbers of more than 32 bits are shifted to the left only, and compared with "
		   "single values");
	return false;
}
