/* expr.c - expressions of rules: made, copied, freed.  Each belongs to what it stands in. */
#include "ruleset/model.h"

#include <stdlib.h>
#include <string.h>

struct expr *expr_new(enum expr_kind kind, struct span span)
{
	/* There are many: what was freed last comes sooner from malloc() than from calloc(). */
	struct expr *e = malloc(sizeof(*e));

	if (e) {
		memset(e, 0, sizeof(*e));
		e->kind = kind;
		e->span = span;
	}
	return e;
}

static void element_free(struct element_extra *extra)
{
	if (!extra)
		return;
	free(extra->comment);
	stmts_fini(&extra->stmts);
	free(extra);
}

static struct element_extra *element_clone(const struct element_extra *extra)
{
	struct element_extra *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->timeout = extra->timeout;
	c->expires = extra->expires;
	if ((extra->comment && !(c->comment = strdup(extra->comment))) ||
	    !stmts_clone(&c->stmts, extra->stmts.v, extra->stmts.n)) {
		element_free(c);
		return NULL;
	}
	return c;
}

bool expr_set_symbol(struct expr *e, const char *s, size_t len)
{
	char *to = len < sizeof(e->short_symbol) ? e->short_symbol : malloc(len + 1);

	if (!to)
		return false;
	memcpy(to, s, len);
	to[len] = '\0';
	e->symbol = to;
	return true;
}

void expr_drop_symbol(struct expr *e)
{
	if (e->symbol != e->short_symbol)
		free(e->symbol);
	e->symbol = NULL;
}

void expr_free(struct expr *e)
{
	if (!e)
		return;
	switch (e->kind) {
	case EXPR_SYMBOL:
	case EXPR_SETREF:
		expr_drop_symbol(e);
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
	case EXPR_CONCAT:
		for (size_t i = 0; i < e->list.n; i++)
			expr_free(e->list.item[i]);
		free(e->list.item);
		break;
	case EXPR_MAP:
		expr_free(e->map.key);
		expr_free(e->map.set);
		break;
	case EXPR_MAPPING:
		expr_free(e->mapping.key);
		expr_free(e->mapping.data);
		break;
	case EXPR_VERDICT:
		free(e->verdict.chain);
		break;
	case EXPR_ELEMENT:
		expr_free(e->element.key);
		element_free(e->element.extra);
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
	case EXPR_ALL:
		break;
	}
	free(e);
}

/* The parts of e in c, which has none yet. */
static bool clone_parts(struct expr *c, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_SYMBOL:
	case EXPR_SETREF:
		return expr_set_symbol(c, e->symbol, strlen(e->symbol));
	case EXPR_RANGE:
		return (c->range.lo = expr_clone(e->range.lo)) &&
		       (c->range.hi = expr_clone(e->range.hi));
	case EXPR_PREFIX:
		c->prefix.len = e->prefix.len;
		c->prefix.value = e->prefix.value;
		return !e->prefix.of || (c->prefix.of = expr_clone(e->prefix.of));
	case EXPR_LIST:
	case EXPR_SET:
	case EXPR_CONCAT:
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
	case EXPR_MAP:
		return (c->map.key = expr_clone(e->map.key)) &&
		       (c->map.set = expr_clone(e->map.set));
	case EXPR_MAPPING:
		return (c->mapping.key = expr_clone(e->mapping.key)) &&
		       (c->mapping.data = expr_clone(e->mapping.data));
	case EXPR_VERDICT:
		c->verdict.verdict = e->verdict.verdict;
		return !e->verdict.chain || (c->verdict.chain = strdup(e->verdict.chain));
	case EXPR_ELEMENT:
		return (c->element.key = expr_clone(e->element.key)) &&
		       (c->element.extra = element_clone(e->element.extra));
	case EXPR_ALL:
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

	if (a->kind != EXPR_SELECTOR || b->kind != EXPR_SELECTOR ||
	    a->selector != b->selector || x->a != y->a || x->b != y->b || x->c != y->c ||
	    x->d != y->d)
		return false;
	return x->of && y->of ? expr_same(x->of, y->of) : x->of == y->of;
}

void expr_walk(struct expr *e, void (*visit)(void *arg, struct expr *e), void *arg)
{
	if (!e)
		return;
	visit(arg, e);
	switch (e->kind) {
	case EXPR_RANGE:
		expr_walk(e->range.lo, visit, arg);
		expr_walk(e->range.hi, visit, arg);
		break;
	case EXPR_PREFIX:
		expr_walk(e->prefix.of, visit, arg);
		break;
	case EXPR_LIST:
	case EXPR_SET:
	case EXPR_CONCAT:
		for (size_t i = 0; i < e->list.n; i++)
			expr_walk(e->list.item[i], visit, arg);
		break;
	case EXPR_MAP:
		expr_walk(e->map.key, visit, arg);
		expr_walk(e->map.set, visit, arg);
		break;
	case EXPR_MAPPING:
		expr_walk(e->mapping.key, visit, arg);
		expr_walk(e->mapping.data, visit, arg);
		break;
	case EXPR_ELEMENT:
		expr_walk(e->element.key, visit, arg);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		expr_walk(e->op.left, visit, arg);
		expr_walk(e->op.right, visit, arg);
		break;
	case EXPR_SELECTOR:
		expr_walk(e->arg.of, visit, arg);
		break;
	default:
		break;
	}
}

bool expr_is_shift(const struct expr *e)
{
	return e->kind == EXPR_LSHIFT || e->kind == EXPR_RSHIFT;
}

bool expr_has_shift(const struct expr *left)
{
	while (left->kind >= EXPR_AND && !expr_is_shift(left))
		left = left->op.left;
	return expr_is_shift(left);
}
