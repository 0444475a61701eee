/* parse_items.c - what stands in the braces of sets and maps.
 *
 *     item      { items }, or key attributes, or key attributes : data
 *     key       constant or *
 *     data      constant or verdict
 */
#include "ruleset/parse.h"

#include <stdio.h>
#include <stdlib.h>

/* A hundred years, in ms: what was saved says when, counted from the machine's start. */
#define TIMEOUT_MOST (UINT64_C(36500) * 24 * 3600 * 1000)

/* ---- attributes ---- */

bool parse_time(struct parser *p, uint64_t *ret_ms)
{
	struct span at = p->t.span;
	char text[32];

	if (p->t.kind != TOKEN_WORD && p->t.kind != TOKEN_NUMBER) {
		parse_expected(p, "a time, such as 2m");
		return false;
	}
	snprintf(text, sizeof(text), "%.*s", (int)p->t.len, p->t.s);
	if (p->t.len >= sizeof(text) || time_parse(text, TIMEOUT_MOST, ret_ms)) {
		diag_error(p->d, &at,
			   "this is no time, such as 2m or 1h30m, of at most 100 years");
		return false;
	}
	parse_advance(p);
	return true;
}

bool parse_at_stateful(const struct parser *p)
{
	static const char *const words[] = { "counter", "limit", "quota", "last", "ct" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (token_is_word(&p->t, words[i]))
			return true;
	}
	return false;
}

static bool parse_attribute(struct parser *p, struct element_extra *extra)
{
	struct stmt s;

	if (parse_accept_word(p, "timeout"))
		return parse_time(p, &extra->timeout);
	if (parse_accept_word(p, "expires"))
		return parse_time(p, &extra->expires);
	if (parse_accept_word(p, "comment"))
		return parse_comment(p, &extra->comment);
	if (!parse_statement(p, &s)) {
		stmt_fini(&s);
		return false;
	}
	return stmts_add(&extra->stmts, &s) || parse_oom(p);
}

static bool at_attribute(const struct parser *p)
{
	return token_is_word(&p->t, "timeout") || token_is_word(&p->t, "expires") ||
	       token_is_word(&p->t, "comment") || parse_at_stateful(p);
}

/* What stands behind the key, which is taken over. */
static struct expr *attributes(struct parser *p, struct expr *key)
{
	struct expr *e;

	if (!key || !at_attribute(p))
		return key;
	e = expr_new(EXPR_ELEMENT, key->span);
	if (!e) {
		expr_free(key);
		return parse_oom(p);
	}
	e->element.key = key;
	e->element.extra = calloc(1, sizeof(*e->element.extra));
	if (!e->element.extra) {
		expr_free(e);
		return parse_oom(p);
	}
	while (at_attribute(p)) {
		if (!parse_attribute(p, e->element.extra)) {
			expr_free(e);
			return NULL;
		}
	}
	return e;
}

/* ---- data ---- */

static struct expr *parse_data(struct parser *p)
{
	enum rule_verdict verdict;
	struct span at = p->t.span;
	struct expr *e;

	if (!parse_accept_verdict(p, &verdict))
		return parse_constant(p);
	e = expr_new(EXPR_VERDICT, at);
	if (!e)
		return parse_oom(p);
	e->verdict.verdict = verdict;
	if ((verdict == RULE_JUMP || verdict == RULE_GOTO) &&
	    !(e->verdict.chain = parse_target(p))) {
		expr_free(e);
		return NULL;
	}
	e->span = span_join(at, p->last);
	return e;
}

/* Behind the colon; takes key over. */
static struct expr *mapping(struct parser *p, struct expr *key)
{
	struct expr *data = parse_data(p), *e;

	e = data ? expr_new(EXPR_MAPPING, span_join(key->span, data->span)) : NULL;
	if (!e) {
		expr_free(key);
		expr_free(data);
		return data ? parse_oom(p) : NULL;
	}
	e->mapping.key = key;
	e->mapping.data = data;
	return e;
}

/* ---- items ---- */

static struct expr *parse_key(struct parser *p)
{
	struct expr *e;

	if (!token_is(&p->t, '*'))
		return parse_constant(p);
	e = expr_new(EXPR_ALL, p->t.span);
	if (!e)
		return parse_oom(p);
	parse_advance(p);
	return e;
}

static struct expr *parse_item(struct parser *p)
{
	struct expr *e;

	if (token_is(&p->t, '{'))
		return parse_items(p);
	e = attributes(p, parse_key(p));
	return e && parse_accept(p, ':') ? mapping(p, e) : e;
}

struct expr *parse_items(struct parser *p)
{
	struct span at = p->t.span;
	struct expr *e = NULL;

	if (!parse_enter(p))
		return NULL;
	parse_advance(p); /* { */
	parse_skip_newlines(p);
	if (token_is(&p->t, '}')) {
		/* An error to nft as well, but only where it is used. */
		e = expr_new(EXPR_SET, at);
		if (!e)
			parse_oom(p);
	}
	if (p->packed.batch && !e) {
		/* Perhaps all of them are packed. */
		e = expr_new(EXPR_SET, at);
		if (!e)
			parse_oom(p);
	}
	while (!token_is(&p->t, '}')) {
		if (!parse_packed(p)) {
			expr_free(e);
			e = NULL;
			break;
		}
		if (token_is(&p->t, '}'))
			break;
		e = parse_add_item(p, EXPR_SET, e, parse_item(p));
		if (!e)
			break;
		parse_skip_newlines(p);
		if (!parse_accept(p, ','))
			break;
		/* Nothing between two commas is nothing, to nft as well. */
		do
			parse_skip_newlines(p);
		while (parse_accept(p, ','));
	}
	parse_leave(p);
	if (!e)
		return NULL;
	if (!token_is(&p->t, '}') && parse_at_verdict(p)) {
		parse_expected(p, "\":\" before a verdict");
		expr_free(e);
		return NULL;
	}
	if (!parse_expect(p, '}', "\",\" or \"}\"")) {
		expr_free(e);
		return NULL;
	}
	e->span = span_join(at, p->last);
	return e;
}
