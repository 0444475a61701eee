/* check_expr.c - types and constants: symbols become values, sets are sorted. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/check.h"

/* ---- symbols ---- */

static void symbol_error(struct checker *ck, const struct datatype *dt, const struct expr *e,
			 int err, const char *why)
{
	const char *near;

	switch (err) {
	case -ENOENT:
		if (!dt->symbols) {
			diag_error(ck->d, &e->span, "\"%s\" is not a %s", e->symbol, dt->what);
			break;
		}
		diag_error(ck->d, &e->span, "unknown %s \"%s\"", dt->what, e->symbol);
		near = symbol_suggest(dt->symbols, e->symbol);
		if (near)
			diag_hint(ck->d, "did you mean \"%s\"?", near);
		break;
	case -ERANGE:
		if (dt->class == VALUE_STRING)
			diag_error(ck->d, &e->span, "\"%s\" is longer than 15 characters",
				   e->symbol);
		else
			diag_error(ck->d, &e->span,
				   "%s is out of range: the highest %s is %" PRIu64, e->symbol,
				   dt->what,
				   dt->bits >= 64 ? UINT64_MAX : (UINT64_C(1) << dt->bits) - 1);
		break;
	default:
		diag_error(ck->d, &e->span, "\"%s\" %s", e->symbol, why);
	}
}

static bool check_symbol(struct checker *ck, const struct datatype *dt, struct expr *e)
{
	const char *why = "";
	struct value v;
	int err = value_parse(dt, ck->locale, e->symbol, &v, &why);

	if (err) {
		symbol_error(ck, dt, e, err, why);
		return false;
	}
	expr_drop_symbol(e);
	e->kind = EXPR_VALUE;
	e->value = v;
	e->type = dt;
	return true;
}

/* ---- what is made of values ---- */

bool check_single(struct checker *ck, const struct datatype *dt, struct expr **e)
{
	if (!check_constant(ck, dt, e))
		return false;
	if ((*e)->kind == EXPR_VALUE)
		return true;
	diag_error(ck->d, &(*e)->span, "a single value is needed here");
	return false;
}

static bool check_operation(struct checker *ck, const struct datatype *dt, struct expr **e)
{
	struct expr *op = *e;
	struct value v;

	if (dt->class == VALUE_STRING) {
		diag_error(ck->d, &op->span, "there are no bit operations on %ss", dt->what);
		return false;
	}
	if (!check_single(ck, dt, &op->op.left))
		return false;
	if ((op->kind == EXPR_LSHIFT || op->kind == EXPR_RSHIFT)) {
		if (dt->class != VALUE_NUMBER || dt->bitmask) {
			diag_error(ck->d, &op->span, "a %s cannot be shifted", dt->what);
			return false;
		}
		if (!check_single(ck, &datatype_integer8, &op->op.right))
			return false;
	} else if (!check_single(ck, dt, &op->op.right)) {
		return false;
	}
	v = value_op(dt, op->kind, &op->op.left->value, &op->op.right->value);
	expr_free(op->op.left);
	expr_free(op->op.right);
	op->kind = EXPR_VALUE;
	op->value = v;
	op->type = dt;
	return true;
}

bool check_forward(struct checker *ck, const struct datatype *dt, const struct expr *range)
{
	if (value_cmp(dt, &range->range.lo->value, &range->range.hi->value) <= 0)
		return true;
	diag_error(ck->d, &range->span, "this range ends before it begins");
	if (dt == &datatype_hour)
		diag_hint(ck->d, "in a set no range goes beyond midnight, UTC: write two");
	return false;
}

static bool check_range(struct checker *ck, const struct datatype *dt, struct expr *e,
			bool turns)
{
	if (dt->class == VALUE_STRING || dt == &datatype_ct_label) {
		diag_error(ck->d, &e->span, "there are no ranges of %ss", dt->what);
		return false;
	}
	if (!check_single(ck, dt, &e->range.lo) || !check_single(ck, dt, &e->range.hi))
		return false;
	/* Hours go beyond midnight. */
	if (!(turns && dt == &datatype_hour) && !check_forward(ck, dt, e))
		return false;
	e->type = dt;
	return true;
}

static bool check_prefix(struct checker *ck, const struct datatype *dt, struct expr *e)
{
	struct value mask;

	if (dt->class == VALUE_STRING || dt->bitmask) {
		diag_error(ck->d, &e->span, "there are no prefixes of %ss", dt->what);
		return false;
	}
	if (!check_single(ck, dt, &e->prefix.of))
		return false;
	if (e->prefix.len > dt->bits) {
		diag_error(ck->d, &e->span, "a prefix length is at most %u here", dt->bits);
		return false;
	}
	mask = value_mask(dt, e->prefix.len);
	e->prefix.value = value_op(dt, EXPR_AND, &e->prefix.of->value, &mask);
	expr_free(e->prefix.of);
	e->prefix.of = NULL;
	e->type = dt;
	return true;
}

static bool check_list(struct checker *ck, const struct datatype *dt, struct expr *e)
{
	struct value all = { 0 };

	if (!dt->bitmask) {
		diag_error(ck->d, &e->span, "a list is for flags: write a set, { ... }");
		return false;
	}
	for (size_t i = 0; i < e->list.n; i++) {
		if (!check_single(ck, dt, &e->list.item[i]))
			return false;
		all = value_op(dt, EXPR_OR, &all, &e->list.item[i]->value);
	}
	for (size_t i = 0; i < e->list.n; i++)
		expr_free(e->list.item[i]);
	free(e->list.item);
	e->kind = EXPR_VALUE;
	e->value = all;
	e->type = dt;
	return true;
}

/* ---- sets ---- */

/* An element while the set is made. */
struct element {
	struct value lo, hi;
	size_t seq;
};

struct elements {
	const struct datatype *dt;
	struct element *v;
	size_t n, cap;
	bool intervals; /* some were not single values */
	bool verbatim;
};

static bool elements_add(struct elements *els, const struct value *lo, const struct value *hi)
{
	if (els->n == els->cap) {
		size_t cap = els->cap ? els->cap * 2 : 8;
		struct element *grown = realloc(els->v, cap * sizeof(*grown));

		if (!grown)
			return false;
		els->v = grown;
		els->cap = cap;
	}
	els->v[els->n] = (struct element){ *lo, *hi, els->n };
	els->n++;
	return true;
}

/* One checked item; sets within sets are spread out. */
static bool elements_collect(struct elements *els, const struct expr *e)
{
	struct value last;

	switch (e->kind) {
	case EXPR_VALUE:
		if (els->dt->class == VALUE_STRING && e->value.str.wildcard)
			els->intervals = true;
		return elements_add(els, &e->value, &e->value);
	case EXPR_RANGE:
		els->intervals = true;
		return elements_add(els, &e->range.lo->value, &e->range.hi->value);
	case EXPR_PREFIX: {
		struct value all = value_ones(els->dt),
			     mask = value_mask(els->dt, e->prefix.len);

		els->intervals = true;
		mask = value_op(els->dt, EXPR_XOR, &mask, &all);
		last = value_op(els->dt, EXPR_OR, &e->prefix.value, &mask);
		return elements_add(els, &e->prefix.value, &last);
	}
	case EXPR_SET:
		for (size_t i = 0; i < e->list.n; i++) {
			if (!elements_collect(els, e->list.item[i]))
				return false;
		}
		return true;
	default:
		return true;
	}
}

/* Names in the order in which nft's listing has them: as numbers of the host's byte order, or,
 * where wildcards make intervals of them, as strings. */
static int name_order(const struct elements *els, const struct value *a, const struct value *b)
{
	if (els->intervals) {
		int order = value_cmp(els->dt, a, b);

		return order ? order : (int)b->str.wildcard - (int)a->str.wildcard;
	}
	for (size_t i = sizeof(a->str.s); i-- > 0;) {
		if (a->str.s[i] != b->str.s[i])
			return (uint8_t)a->str.s[i] < (uint8_t)b->str.s[i] ? -1 : 1;
	}
	return 0;
}

static int element_order(const void *va, const void *vb, void *arg)
{
	const struct element *a = va, *b = vb;
	const struct elements *els = arg;

	if (els->dt->class == VALUE_STRING)
		return name_order(els, &a->lo, &b->lo);
	return value_cmp(els->dt, &a->lo, &b->lo);
}

/* Sets of flags are listed by the lowest flag of each; what has the same, the last first. */
static int flags_order(const void *va, const void *vb, void *arg)
{
	const struct element *a = va, *b = vb;
	const struct elements *els = arg;
	uint64_t x = a->lo.num & -a->lo.num, y = b->lo.num & -b->lo.num;

	if (x != y)
		return x < y ? -1 : 1;
	return (a->seq < b->seq) == els->verbatim ? -1 : 1;
}

/* Sorted ones: drop those that are there already. */
static void elements_unique(struct elements *els)
{
	size_t n = 0;

	for (size_t i = 0; i < els->n; i++) {
		if (!n || element_order(&els->v[n - 1], &els->v[i], els))
			els->v[n++] = els->v[i];
	}
	els->n = n;
}

/* Whether one begins within the one before, or just behind it, which nft joins; what was saved
 * is joined as far as it is listed so. */
static bool is_next_to(const struct elements *els, const struct element *last,
		       const struct element *el)
{
	struct value behind = last->hi;

	return (!els->verbatim && !value_next(els->dt, &last->hi, &behind)) ||
	       value_cmp(els->dt, &el->lo, &behind) <= 0;
}

/* Sorted intervals: join those that overlap or touch. */
static void elements_join(struct elements *els)
{
	size_t n = 0;

	for (size_t i = 0; i < els->n; i++) {
		struct element *last = n ? &els->v[n - 1] : NULL;

		if (last && is_next_to(els, last, &els->v[i])) {
			if (value_cmp(els->dt, &els->v[i].hi, &last->hi) > 0)
				last->hi = els->v[i].hi;
		} else {
			els->v[n++] = els->v[i];
		}
	}
	els->n = n;
}

/* Sorted names: drop those that a wildcard before them covers. */
static void names_join(struct elements *els)
{
	size_t n = 0;

	for (size_t i = 0; i < els->n; i++) {
		if (!n || !value_str_covers(&els->v[n - 1].lo, &els->v[i].lo))
			els->v[n++] = els->v[i];
	}
	els->n = n;
}

static void elements_normal(struct elements *els)
{
	qsort_r(els->v, els->n, sizeof(*els->v), element_order, els);
	if (!els->intervals)
		elements_unique(els);
	else if (els->dt->class == VALUE_STRING)
		names_join(els);
	else
		elements_join(els);
	if (els->dt->bitmask)
		qsort_r(els->v, els->n, sizeof(*els->v), flags_order, els);
}

static struct expr *value_expr(const struct datatype *dt, const struct value *v)
{
	struct expr *e = expr_new(EXPR_VALUE, (struct span){ 0 });

	if (e) {
		e->type = dt;
		e->value = *v;
	}
	return e;
}

/* An interval as nft lists it: a prefix where it is one, of types that have them. */
static struct expr *element_expr(const struct datatype *dt, const struct element *el)
{
	struct value all = value_ones(dt), mask = value_op(dt, EXPR_XOR, &el->lo, &el->hi);
	struct expr *e;
	int len;

	if (dt->class == VALUE_STRING || !value_cmp(dt, &el->lo, &el->hi))
		return value_expr(dt, &el->lo);
	mask = value_op(dt, EXPR_XOR, &mask, &all);
	len = dt->prefix ? value_mask_len(dt, &mask) : -1;
	if (len >= 0) {
		struct value base = value_op(dt, EXPR_AND, &el->lo, &mask);

		if (value_cmp(dt, &base, &el->lo))
			len = -1;
	}
	e = expr_new(len >= 0 ? EXPR_PREFIX : EXPR_RANGE, (struct span){ 0 });
	if (!e)
		return NULL;
	e->type = dt;
	if (len >= 0) {
		e->prefix.value = el->lo;
		e->prefix.len = (uint8_t)len;
		return e;
	}
	e->range.lo = value_expr(dt, &el->lo);
	e->range.hi = value_expr(dt, &el->hi);
	if (!e->range.lo || !e->range.hi) {
		expr_free(e);
		return NULL;
	}
	return e;
}

/* The set itself, from sorted elements. */
static struct expr *elements_expr(const struct elements *els, struct span span)
{
	struct expr *set = expr_new(EXPR_SET, span);

	if (!set)
		return NULL;
	set->type = els->dt;
	for (size_t i = 0; i < els->n; i++) {
		if (!expr_add(set, element_expr(els->dt, &els->v[i]))) {
			expr_free(set);
			return NULL;
		}
	}
	return set;
}

static bool check_set_expr(struct checker *ck, const struct datatype *dt, struct expr **e)
{
	struct elements els = { .dt = dt, .verbatim = ck->verbatim };
	struct expr *in = *e, *set = NULL;

	/* nft takes one, and cannot list it. */
	if (dt == &datatype_ct_label) {
		diag_error(ck->d, &in->span,
			   "there are no sets of ct labels: write a list, a,b");
		return false;
	}
	for (size_t i = 0; i < in->list.n; i++) {
		if (in->list.item[i]->kind == EXPR_RANGE ?
			    !check_range(ck, dt, in->list.item[i], false) :
			    !check_constant(ck, dt, &in->list.item[i]))
			return false;
	}
	/* { 22 } is 22. */
	if (!ck->verbatim && in->list.n == 1 && in->list.item[0]->kind != EXPR_SET) {
		*e = in->list.item[0];
		in->list.n = 0;
		expr_free(in);
		return true;
	}
	if (elements_collect(&els, in)) {
		if (!els.n) {
			diag_error(ck->d, &in->span, "this set is empty");
			free(els.v);
			return false;
		}
		elements_normal(&els);
		set = elements_expr(&els, in->span);
	}
	free(els.v);
	if (!set)
		return check_oom(ck);
	expr_free(in);
	*e = set;
	return true;
}

/* ---- both sides of a match ---- */

bool check_constant(struct checker *ck, const struct datatype *dt, struct expr **e)
{
	switch ((*e)->kind) {
	case EXPR_SYMBOL:
		return check_symbol(ck, dt, *e);
	case EXPR_RANGE:
		return check_range(ck, dt, *e, true);
	case EXPR_PREFIX:
		return check_prefix(ck, dt, *e);
	case EXPR_LIST:
		return check_list(ck, dt, *e);
	case EXPR_SET:
		return check_set_expr(ck, dt, e);
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		return check_operation(ck, dt, e);
	case EXPR_SELECTOR:
		diag_error(ck->d, &(*e)->span, "a constant value is needed here, not \"%s\"",
			   selectors[(*e)->selector].text);
		return false;
	case EXPR_CONCAT:
		diag_error(ck->d, &(*e)->span, "this is for sets of concatenations: one %s is "
			   "needed here", dt->what);
		return false;
	case EXPR_SETREF:
	case EXPR_MAP:
	case EXPR_MAPPING:
	case EXPR_VERDICT:
	case EXPR_ALL:
	case EXPR_ELEMENT:
		diag_error(ck->d, &(*e)->span, "a constant %s is needed here", dt->what);
		return false;
	case EXPR_VALUE:
	case EXPR_NONE:
		break;
	}
	return true;
}

const struct datatype *expr_type(const struct expr *left)
{
	return expr_bottom(left)->type;
}

bool check_hashed(struct checker *ck, struct expr *selector)
{
	const struct expr *of = selector->arg.of;
	bool several = of && of->kind == EXPR_CONCAT, ok;

	if (!of)
		return true;
	if (several && ck->hashes == HASHES_DEEP_MAX) {
		diag_error(ck->d, &of->span,
			   "at most %d concatenations are hashed within one another",
			   HASHES_DEEP_MAX);
		return false;
	}
	/* The bytes alone matter: a flow's port needs no protocol, as in nft. */
	ck->hashed = !several;
	ck->hashes += several;
	ok = check_key(ck, &selector->arg.of);
	ck->hashes -= several;
	ck->hashed = false;
	return ok;
}

bool check_left(struct checker *ck, struct expr *left)
{
	const struct datatype *dt;
	enum selector_id selector = expr_selector(left);

	if (!selector) {
		diag_error(ck->d, &left->span, "this compares constants: no field is matched");
		return false;
	}
	dt = expr_bottom(left)->type;
	for (; left->kind != EXPR_SELECTOR; left = left->op.left) {
		if (dt->class == VALUE_STRING) {
			diag_error(ck->d, &left->span, "there are no bit operations on %ss",
				   dt->what);
			return false;
		}
		left->type = dt;
		if (expr_is_shift(left) ? !shift_check(ck, dt, left)
					: !shift_operand(ck, dt, left))
			return false;
	}
	return check_hashed(ck, left);
}
