/* parse_chain.c - where a chain is hooked: type, hook, priority and policy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/parse.h"

static const char *const chain_types[] = { "filter", "nat", "route", NULL };
static const char *const hook_names[] = { "prerouting", "input",       "forward",
					  "output",	"postrouting", NULL };

bool parse_unknown(struct parser *p, const char *what, const char *const *words)
{
	const char *near;

	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, what);
		return false;
	}
	diag_error(p->d, &p->t.span, "expected %s, found \"%.*s\"", what, (int)p->t.len,
		   p->t.s);
	near = suggest(p->t.s, p->t.len, words);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	return false;
}

static bool parse_chain_type(struct parser *p, struct chain_spec *spec)
{
	static const enum chain_type types[] = { CHAIN_FILTER, CHAIN_NAT, CHAIN_ROUTE };

	for (size_t i = 0; chain_types[i]; i++) {
		if (!token_is_word(&p->t, chain_types[i]))
			continue;
		spec->type = types[i];
		parse_advance(p);
		return true;
	}
	return parse_unknown(p, "a chain type: filter, nat or route", chain_types);
}

static bool parse_hook(struct parser *p, struct chain_spec *spec)
{
	static const char *const hook_word[] = {"hook", NULL};

	if (!parse_accept_word(p, "hook"))
		return parse_unknown(p, "\"hook\"", hook_word);
	spec->hook_span = p->t.span;
	if (token_is_word(&p->t, "ingress") || token_is_word(&p->t, "egress")) {
		diag_error(p->d, &p->t.span,
			   "the hook %.*s is not supported: there are no devices to hook",
			   (int)p->t.len, p->t.s);
		return false;
	}
	for (unsigned h = HOOK_PREROUTING; h < HOOK_COUNT; h++) {
		if (parse_accept_word(p, hook_names[h - 1])) {
			spec->hook = h;
			return true;
		}
	}
	return parse_unknown(p, "a hook: prerouting, input, forward, output or postrouting",
			     hook_names);
}

static bool priority_number(struct parser *p, bool negative, struct priority_spec *spec)
{
	struct span at = p->t.span;
	uint64_t n;

	if (!parse_number(p, "a priority", (uint64_t)INT32_MAX + negative, &n))
		return false;
	spec->number = (int32_t)(negative ? -(int64_t)n : (int64_t)n);
	spec->span = span_join(spec->span, at);
	return true;
}

static bool priority_name(struct parser *p, struct priority_spec *spec, const char *s,
			  size_t len)
{
	if (len >= sizeof(spec->name)) {
		diag_error(p->d, &spec->span, "unknown priority \"%.*s\"", (int)len,
			   s);
		return false;
	}
	memcpy(spec->name, s, len);
	spec->name[len] = '\0';
	return true;
}

/* A variable holds a number or a name, nothing to calculate with. */
static bool priority_variable(struct parser *p, struct priority_spec *spec)
{
	struct expr *e = parse_variable(p);
	char *end;
	long n;
	bool ok = false;

	if (!e)
		return false;
	spec->span = e->span;
	if (e->kind != EXPR_SYMBOL) {
		diag_error(p->d, &e->span, "this variable is not a priority");
	} else {
		errno = 0;
		n = strtol(e->symbol, &end, 0);
		if (end == e->symbol || *end) {
			ok = priority_name(p, spec, e->symbol, strlen(e->symbol));
		} else if (errno || n > INT32_MAX || n < INT32_MIN) {
			diag_error(p->d, &e->span, "a priority is a number of 32 bits");
		} else {
			spec->number = (int32_t)n;
			ok = true;
		}
	}
	expr_free(e);
	return ok;
}

bool parse_priority(struct parser *p, struct priority_spec *spec)
{
	static const char *const words[] = {"priority", NULL};

	if (!parse_accept_word(p, "priority")) {
		if (token_is_word(&p->t, "device") || token_is_word(&p->t, "devices"))
			diag_error(p->d, &p->t.span,
				   "chains of this type are not bound to devices");
		else
			parse_unknown(p, "\"priority\" and a number or name", words);
		return false;
	}
	spec->span = p->t.span;
	if (token_is(&p->t, '$'))
		return priority_variable(p, spec);
	if (parse_accept(p, '-'))
		return priority_number(p, true, spec);
	if (p->t.kind == TOKEN_NUMBER)
		return priority_number(p, false, spec);
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "a priority: a number or a name such as filter");
		return false;
	}
	if (!priority_name(p, spec, p->t.s, p->t.len))
		return false;
	parse_advance(p);
	if (parse_accept(p, '+'))
		return priority_number(p, false, spec);
	if (parse_accept(p, '-'))
		return priority_number(p, true, spec);
	return true;
}

bool parse_chain_hook(struct parser *p, struct chain_spec *spec)
{
	spec->base = true;
	return parse_chain_type(p, spec) && parse_hook(p, spec) &&
	       parse_priority(p, &spec->priority);
}

bool parse_chain_policy(struct parser *p, struct chain_spec *spec)
{
	static const char *const policies[] = { "accept", "drop", NULL };
	bool ok = false;

	if (spec->has_policy) {
		diag_error(p->d, &p->last, "the chain has a policy already");
		return false;
	}
	spec->policy_span = p->t.span;
	spec->has_policy = true;
	if (token_is(&p->t, '$')) {
		struct expr *e = parse_variable(p);

		if (!e)
			return false;
		spec->drop = e->kind == EXPR_SYMBOL && !strcmp(e->symbol, "drop");
		ok = spec->drop || (e->kind == EXPR_SYMBOL && !strcmp(e->symbol, "accept"));
		if (!ok)
			diag_error(p->d, &e->span,
				   "this variable is no policy: accept or drop");
		expr_free(e);
		return ok;
	}
	if (parse_accept_word(p, "accept"))
		return true;
	if (parse_accept_word(p, "drop"))
		return spec->drop = true;
	return parse_unknown(p, "a policy: accept or drop", policies);
}
