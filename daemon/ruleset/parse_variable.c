/* parse_variable.c - define, redefine, undefine, and what $name stands for.
 *
 * A variable belongs to the block that it is defined in and hides those of the blocks around
 * it. */
#include "ruleset/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t variable_bucket(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return (h ^ h >> 16) % PARSE_BUCKETS;
}

/* The innermost one: newest first is innermost first. */
struct variable *parse_find_variable(struct parser *p, const char *name, size_t len)
{
	struct variable *v = p->variables[variable_bucket(name, len)];

	while (v && (strncmp(v->name, name, len) || v->name[len]))
		v = v->next;
	return v;
}

static void variable_free(struct variable *v)
{
	if (!v)
		return;
	free(v->name);
	expr_free(v->value);
	free(v);
}

void parse_drop_variables(struct parser *p, unsigned scope)
{
	for (size_t i = 0; i < PARSE_BUCKETS; i++) {
		while (p->variables[i] && p->variables[i]->scope >= scope) {
			struct variable *v = p->variables[i];

			p->variables[i] = v->next;
			variable_free(v);
		}
	}
}

void parse_open_scope(struct parser *p)
{
	p->scope++;
}

void parse_close_scope(struct parser *p)
{
	parse_drop_variables(p, p->scope);
	p->scope--;
}

/* Takes value over. */
static bool variable_set(struct parser *p, const struct token *name, struct expr *value)
{
	struct variable *v = calloc(1, sizeof(*v));
	struct variable **bucket = &p->variables[variable_bucket(name->s, name->len)];

	if (v)
		v->name = strndup(name->s, name->len);
	if (!v || !v->name) {
		free(v);
		expr_free(value);
		parse_oom(p);
		return false;
	}
	v->value = value;
	v->scope = p->scope;
	v->next = *bucket;
	*bucket = v;
	return true;
}

static unsigned expr_depth(const struct expr *e, unsigned max);

/* That of the deeper of two. */
static unsigned pair_depth(const struct expr *a, const struct expr *b, unsigned max)
{
	unsigned x = expr_depth(a, max), y = expr_depth(b, max);

	return x > y ? x : y;
}

/* Levels, counted no further than max. */
static unsigned expr_depth(const struct expr *e, unsigned max)
{
	unsigned deepest = 0, d;

	if (!max)
		return 1;
	switch (e->kind) {
	case EXPR_LIST:
	case EXPR_SET:
	case EXPR_CONCAT:
		for (size_t i = 0; i < e->list.n; i++) {
			d = expr_depth(e->list.item[i], max - 1);
			deepest = d > deepest ? d : deepest;
		}
		break;
	case EXPR_RANGE:
		deepest = pair_depth(e->range.lo, e->range.hi, max - 1);
		break;
	case EXPR_PREFIX:
		deepest = expr_depth(e->prefix.of, max - 1);
		break;
	case EXPR_MAPPING:
		deepest = pair_depth(e->mapping.key, e->mapping.data, max - 1);
		break;
	case EXPR_ELEMENT:
		deepest = expr_depth(e->element.key, max - 1);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		deepest = pair_depth(e->op.left, e->op.right, max - 1);
		break;
	default:
		break;
	}
	return deepest + 1;
}

static void count_expr(void *arg, struct expr *e)
{
	(void)e;
	++*(size_t *)arg;
}

static size_t expr_size(const struct expr *e)
{
	size_t size = 0;

	expr_walk((struct expr *)e, count_expr, &size);
	return size;
}

static void suggest_variable(struct parser *p, const struct token *name)
{
	enum { MOST = 256 };
	const char *names[MOST + 1];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < PARSE_BUCKETS; i++) {
		for (struct variable *v = p->variables[i]; v && n < MOST; v = v->next)
			names[n++] = v->name;
	}
	names[n] = NULL;
	near = suggest(name->s, name->len, names);
	if (near)
		diag_hint(p->d, "did you mean \"$%s\"?", near);
}

struct expr *parse_variable(struct parser *p)
{
	struct span span = p->t.span;
	const struct variable *v;
	struct token name;
	struct expr *e;

	parse_advance(p); /* $ */
	name = p->t;
	if (name.kind != TOKEN_WORD) {
		parse_expected(p, "the name of a variable");
		return NULL;
	}
	span = span_join(span, name.span);
	v = parse_find_variable(p, name.s, name.len);
	if (!v) {
		diag_error(p->d, &span, "no variable \"%.*s\" is defined", (int)name.len,
			   name.s);
		suggest_variable(p, &name);
		return NULL;
	}
	parse_advance(p);
	p->expanded += expr_size(v->value);
	if (p->expanded > PARSE_MAX_EXPANDED) {
		diag_error(p->d, &span, "the variables of this text expand to too much");
		return NULL;
	}
	e = expr_clone(v->value);
	if (!e)
		return parse_oom(p);
	e->span = span;
	return e;
}

/* What stands behind `define x =`: anything that may stand right of a selector. */
static struct expr *initializer(struct parser *p)
{
	struct span at = p->t.span;
	char number[24];
	struct expr *e;
	int len;

	if (!token_is(&p->t, '-'))
		return parse_right(p);
	parse_advance(p);
	if (p->t.kind != TOKEN_NUMBER) {
		parse_expected(p, "a number");
		return NULL;
	}
	len = snprintf(number, sizeof(number), "-%" PRIu64, p->t.number);
	e = expr_new(EXPR_SYMBOL, span_join(at, p->t.span));
	if (!e || !expr_set_symbol(e, number, (size_t)len)) {
		free(e);
		return parse_oom(p);
	}
	parse_advance(p);
	return e;
}

bool parse_define(struct parser *p, bool again)
{
	const struct variable *old;
	struct token name;
	struct expr *value;

	if (!parse_name(p, "the name of a variable", &name))
		return false;
	old = parse_find_variable(p, name.s, name.len);
	if (!again && old) {
		diag_error(p->d, &name.span, "\"%.*s\" is defined already: use redefine",
			   (int)name.len, name.s);
		return false;
	}
	if (!parse_expect(p, '=', "\"=\""))
		return false;
	value = initializer(p);
	if (!value)
		return false;
	if (expr_depth(value, PARSE_VARIABLE_DEPTH) > PARSE_VARIABLE_DEPTH) {
		diag_error(p->d, &name.span,
			   "this variable is made of too many within each other");
		expr_free(value);
		return false;
	}
	if (!parse_at_separator(p)) {
		parse_expected(p, "the end of the definition");
		expr_free(value);
		return false;
	}
	return variable_set(p, &name, value);
}

bool parse_undefine(struct parser *p)
{
	struct variable **v;
	struct token name;

	if (!parse_name(p, "the name of a variable", &name))
		return false;
	v = &p->variables[variable_bucket(name.s, name.len)];
	while (*v) {
		struct variable *here = *v;

		if (here->scope == p->scope && !strncmp(here->name, name.s, name.len) &&
		    !here->name[name.len]) {
			*v = here->next;
			variable_free(here);
		} else {
			v = &here->next;
		}
	}
	return true;
}
