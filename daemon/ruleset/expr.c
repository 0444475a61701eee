/* expr.c - expressions of rules: made, copied, freed.  Each belongs to what it stands in. */
#include "ruleset/model.h"

#include <stdlib.h>
#include <string.h>

struct expr *expr_new(enum expr_kind kind, struct span span)
{
	struct expr *e = calloc(1, sizeof(*e));

	if (e) {
		e->kind = kind;
		e->span = span;
	}
	return e;
}

void expr_free(struct expr *e)
{
	if (!e)
		return;
	switch (e->kind) {
	case EXPR_SYMBOL:
		free(e->symbol);
		break;
	case EXPR_RANGE:
		expr_free(e->range.lo);
		expr_free(e->range.hi);
		break;
	case EXPR_PREFIX:
		expr_free(e->prefix.of);
		break;
	case EXPR_LIST:
	case EXPR_SET:
		for (size_t i = 0; i < e->list.n; i++)
			expr_free(e->list.item[i]);
		free(e->list.item);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		expr_free(e->op.left);
		expr_free(e->op.right);
		break;
	case EXPR_SELECTOR:
		expr_free(e->arg.of);
		break;
	case EXPR_NONE:
	case EXPR_VALUE:
		break;
	}
	free(e);
}

/* The parts of e in c, which has none yet. */
static bool clone_parts(struct expr *c, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_SYMBOL:
		return (c->symbol = strdup(e->symbol)) != NULL;
	case EXPR_RANGE:
		return (c->range.lo = expr_clone(e->range.lo)) &&
		       (c->range.hi = expr_clone(e->range.hi));
	case EXPR_PREFIX:
		c->prefix.len = e->prefix.len;
		c->prefix.value = e->prefix.value;
		return !e->prefix.of || (c->prefix.of = expr_clone(e->prefix.of));
	case EXPR_LIST:
	case EXPR_SET:
		for (size_t i = 0; i < e->list.n; i++) {
			if (!expr_add(c, expr_clone(e->list.item[i])))
				return false;
		}
		return true;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		return (c->op.left = expr_clone(e->op.left)) &&
		       (c->op.right = expr_clone(e->op.right));
	case EXPR_SELECTOR:
		c->selector = e->selector;
		c->arg = e->arg;
		c->arg.of = NULL;
		return !e->arg.of || (c->arg.of = expr_clone(e->arg.of));
	case EXPR_VALUE:
		c->value = e->value;
		return true;
	case EXPR_NONE:
		break;
	}
	return true;
}

struct expr *expr_clone(const struct expr *e)
{
	struct expr *c = expr_new(e->kind, e->span);

	if (!c)
		return NULL;
	c->type = e->type;
	if (!clone_parts(c, e)) {
		expr_free(c);
		return NULL;
	}
	return c;
}

struct expr *expr_op(enum expr_kind kind, struct expr *left, struct expr *right)
{
	struct expr *e = NULL;

	if (left && right)
		e = expr_new(kind, span_join(left->span, right->span));
	if (!e) {
		expr_free(left);
		expr_free(right);
		return NULL;
	}
	e->op.left = left;
	e->op.right = right;
	return e;
}

bool expr_add(struct expr *list, struct expr *item)
{
	/* A power of two of items is full: what there is needs no capacity beside it. */
	size_t n = list->list.n;

	if (!item)
		return false;
	if (!(n & (n - 1))) {
		struct expr **grown =
			realloc(list->list.item, (n ? n * 2 : 1) * sizeof(struct expr *));

		if (!grown) {
			expr_free(item);
			return false;
		}
		list->list.item = grown;
	}
	list->list.item[list->list.n++] = item;
	return true;
}

const struct expr *expr_bottom(const struct expr *left)
{
	while (left->kind >= EXPR_AND)
		left = left->op.left;
	return left;
}

enum selector_id expr_selector(const struct expr *left)
{
	left = expr_bottom(left);
	return left->kind == EXPR_SELECTOR ? left->selector : SELECTOR_NONE;
}

bool expr_same(const struct expr *a, const struct expr *b)
{
	const struct selector_arg *x = &a->arg, *y = &b->arg;

	if (a->kind != EXPR_SELECTOR || b->kind != EXPR_SELECTOR || a->selector != b->selector ||
	    x->a != y->a || x->b != y->b || x->c != y->c || x->d != y->d)
		return false;
	return x->of && y->of ? expr_same(x->of, y->of) : x->of == y->of;
}
