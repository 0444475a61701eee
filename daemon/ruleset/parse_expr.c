/* parse_expr.c - expressions: what is matched, and against what.
 *
 *     operations   or-chain of xor-chains of and-chains of shifts of primaries
 *     constant     operations, lo-hi or value/length; several joined by dots
 *     right        constant, a,b,c, @name or { items } (parse_items.c)
 *     value        what is set: operations, joined by dots, and maps of these */
#include "ruleset/parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- primaries ---- */

/* As it is written in decimal; what is returned is in text. */
#define DECIMAL_MAX 20
static const char *decimal(uint64_t number, char text[DECIMAL_MAX], size_t *ret_len)
{
	char *end = text + DECIMAL_MAX, *s = end;

	do
		*--s = (char)('0' + number % 10);
	while (number /= 10);
	*ret_len = (size_t)(end - s);
	return s;
}

static struct expr *symbol_expr(struct parser *p)
{
	char number[DECIMAL_MAX];
	const char *s = p->t.s;
	size_t len = p->t.len;
	struct expr *e;

	if (!parse_is_text(s, len)) {
		diag_error(p->d, &p->t.span, "a string is text in UTF-8");
		return NULL;
	}
	if (p->t.kind == TOKEN_NUMBER)
		s = decimal(p->t.number, number, &len);
	e = expr_new(EXPR_SYMBOL, p->t.span);
	if (!e || !expr_set_symbol(e, s, len)) {
		free(e);
		return parse_oom(p);
	}
	parse_advance(p);
	return e;
}

static struct expr *parenthesised(struct parser *p, enum parse_side side)
{
	struct expr *e;

	if (!parse_enter(p))
		return NULL;
	parse_advance(p);
	e = parse_operations(p, side);
	parse_leave(p);
	if (e && !parse_expect(p, ')', "\")\"")) {
		expr_free(e);
		return NULL;
	}
	return e;
}

static struct expr *primary(struct parser *p, enum parse_side side)
{
	switch (p->t.kind) {
	case TOKEN_WORD:
		if (side != PARSE_RIGHT && parse_at_selector(p))
			return parse_selector(p);
		/* Statements have been looked for already, left of a match. */
		if (side != PARSE_LEFT && parse_at_statement(p) &&
		    !token_is_word(&p->t, "reset"))
			break;
		return symbol_expr(p);
	case TOKEN_NUMBER:
	case TOKEN_STRING:
	case TOKEN_GLOB:
	case TOKEN_ADDR4:
	case TOKEN_ADDR6:
	case TOKEN_MAC:
		return symbol_expr(p);
	case TOKEN_PUNCT:
		if (token_is(&p->t, '('))
			return parenthesised(p, side);
		if (token_is(&p->t, '$'))
			return parse_variable(p);
		if (token_is(&p->t, '@') && side != PARSE_RIGHT)
			return parse_selector(p);
		break;
	default:
		break;
	}
	parse_expected(p, side == PARSE_LEFT ? "a match or statement" : "a value");
	return NULL;
}

/* ---- operations ---- */

static const struct operator {
	enum expr_kind kind;
	int punct;
	const char *word;
	unsigned level; /* of precedence: 0 binds least */
} operators[] = {
	{ EXPR_OR, '|', "or", 0 },
	{ EXPR_XOR, '^', "xor", 1 },
	{ EXPR_AND, '&', "and", 2 },
	{ EXPR_LSHIFT, PUNCT_LSHIFT, "lshift", 3 },
	{ EXPR_RSHIFT, PUNCT_RSHIFT, "rshift", 3 },
};

/* NULL: none is next. */
static const struct operator *at_operator(const struct parser *p)
{
	if (p->t.kind != TOKEN_PUNCT && p->t.kind != TOKEN_WORD)
		return NULL;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (token_is(&p->t, operators[i].punct) ||
		    token_is_word(&p->t, operators[i].word))
			return &operators[i];
	}
	return NULL;
}

/* A chain of operations is a tree as deep as it is long, and trees are walked by recursion. */
#define MAX_OPERATIONS 32

/* Those that bind as much as level, or more. */
static struct expr *operations(struct parser *p, enum parse_side side, unsigned level)
{
	struct expr *e = primary(p, side), *right;
	const struct operator *op, *before = NULL;
	unsigned n = 0;

	while (e && (op = at_operator(p)) && op->level >= level) {
		parse_advance(p);
		n = before && op->level == before->level ? n + 1 : 1;
		before = op;
		if (n > MAX_OPERATIONS) {
			diag_error(p->d, &p->t.span, "more than %u bit operations in a row",
				   MAX_OPERATIONS);
			expr_free(e);
			return NULL;
		}
		right = operations(p, side, op->level + 1);
		if (!right) {
			expr_free(e);
			return NULL;
		}
		e = expr_op(op->kind, e, right);
		if (!e)
			return parse_oom(p);
	}
	return e;
}

struct expr *parse_operations(struct parser *p, enum parse_side side)
{
	return operations(p, side, 0);
}

/* ---- the right side ---- */

struct expr *parse_add_item(struct parser *p, enum expr_kind kind, struct expr *list,
			    struct expr *item)
{
	if (!item)
		goto failed;
	if (!list)
		list = expr_new(kind, item->span);
	if (!list) {
		expr_free(item);
		return parse_oom(p);
	}
	list->span = span_join(list->span, item->span);
	if (expr_add(list, item))
		return list;
	parse_oom(p);
failed:
	expr_free(list);
	return NULL;
}

/* The rest of a,b,c behind the first. */
static struct expr *flag_list(struct parser *p, struct expr *first)
{
	struct expr *list;

	if (!first || !token_is(&p->t, ','))
		return first;
	list = parse_add_item(p, EXPR_LIST, NULL, first);
	while (list && parse_accept(p, ','))
		list = parse_add_item(p, EXPR_LIST, list, parse_operations(p, PARSE_RIGHT));
	return list;
}

static struct expr *range(struct parser *p, struct expr *lo)
{
	struct expr *hi, *e;

	parse_advance(p); /* - */
	hi = parse_operations(p, PARSE_RIGHT);
	if (!hi) {
		expr_free(lo);
		return NULL;
	}
	e = expr_new(EXPR_RANGE, span_join(lo->span, hi->span));
	if (!e) {
		expr_free(lo);
		expr_free(hi);
		return parse_oom(p);
	}
	e->range.lo = lo;
	e->range.hi = hi;
	return e;
}

/* Takes of over; number is the length's token. */
static struct expr *prefix(struct parser *p, struct expr *of, const struct token *number)
{
	struct expr *e;

	if (number->number > 128) {
		diag_error(p->d, &number->span, "a prefix length is at most 128");
		expr_free(of);
		return NULL;
	}
	e = expr_new(EXPR_PREFIX, span_join(of->span, number->span));
	if (!e) {
		expr_free(of);
		return parse_oom(p);
	}
	e->prefix.of = of;
	e->prefix.len = (uint8_t)number->number;
	return e;
}

struct expr *parse_prefix(struct parser *p, struct expr *of)
{
	struct token number = p->t;

	if (number.kind != TOKEN_NUMBER) {
		parse_expected(p, "a prefix length");
		expr_free(of);
		return NULL;
	}
	parse_advance(p);
	return prefix(p, of, &number);
}

/* A value, range or prefix. */
static struct expr *single(struct parser *p)
{
	struct expr *e = parse_operations(p, PARSE_RIGHT);

	if (!e)
		return NULL;
	if (token_is(&p->t, '-'))
		return range(p, e);
	if (parse_accept(p, '/'))
		return parse_prefix(p, e);
	return e;
}

/* ---- concatenations ---- */

static struct expr *concat_left(struct parser *p)
{
	return parse_operations(p, PARSE_LEFT);
}

/* The rest of a . b . c behind the first, which is taken over. */
static struct expr *concat(struct parser *p, struct expr *first,
			   struct expr *(*part)(struct parser *p))
{
	struct expr *list;

	if (!first || !token_is(&p->t, '.'))
		return first;
	list = parse_add_item(p, EXPR_CONCAT, NULL, first);
	while (list && parse_accept(p, '.'))
		list = parse_add_item(p, EXPR_CONCAT, list, part(p));
	return list;
}

struct expr *parse_left(struct parser *p)
{
	return concat(p, parse_operations(p, PARSE_LEFT), concat_left);
}

struct expr *parse_constant(struct parser *p)
{
	return concat(p, single(p), single);
}

/* ---- what is set ---- */

struct expr *parse_set_reference(struct parser *p)
{
	struct expr *e;
	struct token name;
	struct span at = p->t.span;

	parse_advance(p); /* @ */
	if (!parse_name(p, "the name of a set", &name))
		return NULL;
	e = expr_new(EXPR_SETREF, span_join(at, name.span));
	if (e && expr_set_symbol(e, name.s, name.len))
		return e;
	free(e);
	return parse_oom(p);
}

struct expr *parse_map_set(struct parser *p)
{
	struct expr *e;

	if (token_is(&p->t, '@'))
		return parse_set_reference(p);
	if (token_is(&p->t, '{'))
		return parse_items(p);
	if (!token_is(&p->t, '$')) {
		parse_expected(p, "\"@\" and the name of a map, or \"{\"");
		return NULL;
	}
	e = parse_variable(p);
	if (!e || e->kind == EXPR_SET || e->kind == EXPR_SETREF)
		return e;
	diag_error(p->d, &e->span, "this variable is neither a set nor the name of one");
	expr_free(e);
	return NULL;
}

/* Behind the word map; takes key over. */
static struct expr *map(struct parser *p, struct expr *key)
{
	struct expr *set = parse_map_set(p), *e;

	e = set ? expr_new(EXPR_MAP, span_join(key->span, set->span)) : NULL;
	if (!e) {
		expr_free(key);
		expr_free(set);
		return set ? parse_oom(p) : NULL;
	}
	e->map.key = key;
	e->map.set = set;
	return e;
}

static struct expr *value_part(struct parser *p)
{
	struct expr *e = parse_operations(p, PARSE_SET_VALUE);

	if (e && token_is(&p->t, '-'))
		return range(p, e);
	if (e && parse_accept(p, '/'))
		return parse_prefix(p, e);
	return e;
}

struct expr *parse_value(struct parser *p)
{
	struct expr *e = concat(p, value_part(p), value_part);

	return e && parse_accept_word(p, "map") ? map(p, e) : e;
}

/* ---- the right side of a match ---- */

struct expr *parse_flag_list(struct parser *p)
{
	return flag_list(p, parse_operations(p, PARSE_RIGHT));
}

struct expr *parse_right(struct parser *p)
{
	if (token_is(&p->t, '{'))
		return parse_items(p);
	if (token_is(&p->t, '@'))
		return parse_set_reference(p);
	return flag_list(p, parse_constant(p));
}

struct expr *parse_right_masked(struct parser *p, struct expr **ret_mask)
{
	struct expr *e, *mask;
	struct token behind;

	*ret_mask = NULL;
	if (token_is(&p->t, '{'))
		return parse_items(p);
	if (token_is(&p->t, '@'))
		return parse_set_reference(p);
	e = parse_operations(p, PARSE_RIGHT);
	if (e && token_is(&p->t, '-'))
		e = range(p, e);
	e = concat(p, flag_list(p, e), single);
	if (!e || !parse_accept(p, '/'))
		return e;
	behind = p->t;
	mask = flag_list(p, parse_operations(p, PARSE_RIGHT));
	if (!mask) {
		expr_free(e);
		return NULL;
	}
	/* 10.0.0.0/8 or syn,ack / syn,ack: a number alone is a length. */
	if (e->kind != EXPR_LIST && behind.kind == TOKEN_NUMBER && mask->kind == EXPR_SYMBOL) {
		expr_free(mask);
		return prefix(p, e, &behind);
	}
	*ret_mask = mask;
	return e;
}
