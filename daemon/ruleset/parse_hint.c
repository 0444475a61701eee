/* parse_hint.c - what somebody may have meant who wrote what is no statement of a rule.
 *
 * The error itself was said; each kind of mistake known here adds one line to it.  The kinds
 * are asked in order, the surest first, and the first that knows it has the word. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "ruleset/parse.h"

/* Blanks and what may stand close to a value. */
static bool parts(char c)
{
	return !c || isspace((unsigned char)c) || strchr("{}()[],;\"'=!<>|&", c);
}

/* 10.0.0.1.1 is an address and something behind it. */
static bool hint_glued(struct parser *p, const struct hint_place *place)
{
	const struct span *last = &place->last, *first = &place->first.span;
	size_t start = last->off, end = (size_t)first->off + first->len;

	if (!last->source || last->source != first->source || !first->len ||
	    last->off + last->len != first->off)
		return false;
	while (start > 0 && !parts(first->source->text[start - 1]))
		start--;
	while (end < first->source->len && !parts(first->source->text[end]))
		end++;
	if (parts(first->source->text[first->off]) ||
	    parts(first->source->text[first->off - 1]))
		return false;
	diag_hint(p->d, "\"%.*s\" is no value: it is read as \"%.*s\" and \"%.*s\"",
		  (int)(end - start), first->source->text + start, (int)(first->off - start),
		  first->source->text + start, (int)(end - first->off),
		  first->source->text + first->off);
	return true;
}

/* `tcp dport 22 or tcp dport 80`: the word joins bits. */
static bool hint_or(struct parser *p, const struct hint_place *place)
{
	const struct expr *right;

	if (!place->before || place->before->kind != STMT_MATCH)
		return false;
	right = place->before->match.right;
	if (right->kind != EXPR_OR && right->kind != EXPR_AND && right->kind != EXPR_XOR)
		return false;
	diag_hint(p->d,
		  "these operators join bits, not matches: all matches of a rule must hold, "
		  "several values stand in braces, { 22, 80 }");
	return true;
}

/* `tcp dport vmp { ... }`, `snat too 10.0.0.1`: the word was taken for the value. */
static bool hint_value(struct parser *p, const struct hint_place *place)
{
	static const char *const of_matches[] = {"vmap", "set", NULL};
	static const char *const of_nat[] = {"to", NULL};
	const struct stmt *before = place->before;
	const struct expr *value = NULL;
	const char *near;

	if (before && before->kind == STMT_MATCH)
		value = before->match.right;
	else if (before && before->kind == STMT_NAT)
		value = before->nat.addr;
	if (!value || value->kind != EXPR_SYMBOL)
		return false;
	near = suggest(value->symbol, strlen(value->symbol),
		       before->kind == STMT_NAT ? of_nat : of_matches);
	if (near)
		diag_hint(p->d, "\"%s\" before it is taken for a value: did you mean \"%s\"?",
			  value->symbol, near);
	return near != NULL;
}

/* What may stand behind a statement and belongs to it. */
static bool hint_option(struct parser *p, const struct hint_place *place)
{
	enum { MOST = 8 };
	static const struct {
		enum stmt_kind kind;
		const char *words[MOST];
	} options[] = {
		{STMT_COUNTER, {"packets", "bytes", "name"}},
		{STMT_LIMIT, {"burst"}},
		{STMT_QUOTA, {"used"}},
		{STMT_LAST, {"used"}},
		{STMT_REJECT, {"with"}},
		{STMT_NAT, {"to", "random", "fully-random", "persistent", "prefix"}},
		{STMT_LOG, {"prefix", "level", "group", "snaplen", "queue-threshold", "flags"}},
	};
	const char *near;

	if (!place->before || place->first.kind != TOKEN_WORD)
		return false;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].kind != place->before->kind)
			continue;
		near = suggest(place->first.s, place->first.len, options[i].words);
		if (near)
			diag_hint(p->d, "did you mean \"%s\"?", near);
		return near != NULL;
	}
	return false;
}

/* log prefix drop it: */
static bool hint_prefix(struct parser *p, const struct hint_place *place)
{
	const struct span *last = &place->last;

	if (!place->before || place->before->kind != STMT_LOG || !place->before->log.prefix ||
	    !last->source || last->source->text[last->off] == '"' ||
	    last->len != strlen(place->before->log.prefix))
		return false;
	diag_hint(p->d, "a prefix of several words stands in quotes");
	return true;
}

/* Words of other firewalls, and of people. */
static bool hint_other_word(struct parser *p, const struct hint_place *place)
{
	static const struct {
		const char *word, *hint;
	} words[] = {
		{"allow", "did you mean \"accept\"?"},
		{"permit", "did you mean \"accept\"?"},
		{"pass", "did you mean \"accept\"?"},
		{"deny", "did you mean \"drop\"?"},
		{"block", "did you mean \"drop\"?"},
		{"discard", "did you mean \"drop\"?"},
		{"saddr", "an address belongs to a header: ip saddr or ip6 saddr"},
		{"daddr", "an address belongs to a header: ip daddr or ip6 daddr"},
		{"sport", "a port belongs to a header: tcp sport, udp sport or th sport"},
		{"dport", "a port belongs to a header: tcp dport, udp dport or th dport"},
		{"port", "a port belongs to a header: tcp dport, udp dport or th dport"},
		{"state", "the state of a flow is ct state"},
		{"ctstate", "the state of a flow is ct state"},
		{"not", "\"!=\" stands behind the field: tcp dport != 22"},
		{"comment", "a comment stands at the end of the rule"},
	};
	const struct token *t = &place->first;

	if (token_is(t, '-')) {
		diag_hint(p->d,
			  "options like these are iptables': iptables-translate says the rule "
			  "in nft's words");
		return true;
	}
	for (size_t i = 0; t->kind == TOKEN_WORD && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) != t->len || strncasecmp(words[i].word, t->s, t->len))
			continue;
		diag_hint(p->d, "%s", words[i].hint);
		return true;
	}
	return false;
}

/* The first words of selectors and statements. */
static bool hint_word(struct parser *p, const struct hint_place *place)
{
	/* What chains have beside rules. */
	static const char *const of_chains[] = {"type", "policy"};
	enum { N_OF_CHAINS = sizeof(of_chains) / sizeof(of_chains[0]) };
	const char *words[PARSE_STATEMENTS_MAX + N_OF_CHAINS + SELECTOR_COUNT + 2];
	char headers[SELECTOR_COUNT][12];
	const char *near;
	size_t n;

	if (place->first.kind != TOKEN_WORD)
		return false;
	n = parse_statement_words(words);
	words[n++] = "comment";
	for (size_t i = 0; p->depth && !place->before && i < N_OF_CHAINS; i++)
		words[n++] = of_chains[i];
	for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
		size_t len = strcspn(selectors[id].text, " ");

		if (len >= sizeof(headers[id]))
			len = sizeof(headers[id]) - 1;
		memcpy(headers[id], selectors[id].text, len);
		headers[id][len] = '\0';
		words[n++] = headers[id];
	}
	words[n] = NULL;
	near = suggest(place->first.s, place->first.len, words);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	return near != NULL;
}

/* `tcp dport 22 80`, `tcp dport tcp sport` */
static bool hint_several(struct parser *p, const struct hint_place *place)
{
	enum token_kind kind = place->first.kind;
	const struct expr *right;

	if (!place->before || place->before->kind != STMT_MATCH ||
	    (kind != TOKEN_WORD && kind != TOKEN_NUMBER && kind != TOKEN_STRING))
		return false;
	right = place->before->match.right;
	if (right->kind == EXPR_SYMBOL) {
		const struct token t = {
			.kind = TOKEN_WORD, .s = right->symbol, .len = strlen(right->symbol)};

		if (parse_selector_known(&t)) {
			diag_hint(p->d, "fields are compared with constants, not with fields");
			return true;
		}
	}
	diag_hint(p->d, "several values stand in braces: { ..., %.*s }", (int)place->first.len,
		  place->first.s);
	return true;
}

void parse_hint(struct parser *p, const struct hint_place *place)
{
	static bool (*const hints[])(struct parser * p, const struct hint_place *place) = {
		hint_glued,	 hint_or,   hint_value,	  hint_option,
		hint_other_word, hint_word, hint_prefix, hint_several,
	};

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (hints[i](p, place))
			return;
	}
}
