/* parse_selector.c - what is matched: the left side's fields and keys.
 *
 * Words that nft knows and this version does not are refused by name, so that nobody takes
 * them for a mistake of spelling. */
#include <string.h>

#include "ruleset/parse.h"

/* What nft has and we have not; second NULL: the word alone. */
static const struct {
	const char *first, *second, *why;
} unsupported[] = {
#define UNSUPPORTED(first, second, why) { first, second, why },
#include "ruleset/unsupported.def"
#undef UNSUPPORTED
};

static const char *why_unsupported(const struct token *first, const struct token *second)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
		if (token_is_word(first, unsupported[i].first) &&
		    (second ? unsupported[i].second &&
				      token_is_word(second, unsupported[i].second)
			    : !unsupported[i].second))
			return unsupported[i].why;
	}
	return NULL;
}

static bool refuse_unsupported(struct parser *p, const struct token *first,
			       const struct token *second)
{
	const char *why = why_unsupported(first, second);
	struct span span = second ? span_join(first->span, second->span) : first->span;

	if (!why)
		return false;
	diag_error(p->d, &span, "\"%.*s%s%.*s\" %s", (int)first->len, first->s,
		   second ? " " : "", second ? (int)second->len : 0, second ? second->s : "",
		   why);
	return true;
}

/* What may stand without `meta`. */
static bool is_meta_alone(const struct token *word)
{
	static const char *const words[] = {
		"mark", "iif", "iifname", "iiftype", "iifgroup", "oif", "oifname", "oiftype",
		"oifgroup", "pkttype", "cpu", "rtclassid", "ipsec", "nftrace", "time", "day",
		"hour",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (token_is_word(word, words[i]))
			return true;
	}
	return false;
}

/* Whether a selector's text is "FIRST SECOND", where the second may be NULL. */
static bool is_selector(const char *text, const struct token *first, const struct token *second)
{
	if (*text != *first->s || strncmp(text, first->s, first->len))
		return false;
	text += first->len;
	if (!second)
		return !*text;
	return *text == ' ' && !strncmp(text + 1, second->s, second->len) &&
	       !text[1 + second->len];
}

/* From a row on. */
static enum selector_id find_selector(enum selector_id from, const struct token *first,
				      const struct token *second)
{
	/* So nft writes it, and lists it by the other name. */
	if (second && token_is_word(first, "icmpv6") && token_is_word(second, "param-problem"))
		return SELECTOR_ICMPV6_PPTR;
	for (unsigned id = from; id < SELECTOR_COUNT; id++) {
		if (is_selector(selectors[id].text, first, second))
			return id;
	}
	return SELECTOR_NONE;
}

enum selector_id parse_find_selector(struct parser *p, const struct token *first,
				     const struct token *second)
{
	enum selector_id from = parse_word(p, first)->header;

	return from ? find_selector(from, first, second) : SELECTOR_NONE;
}

/* The first selector whose text begins with the word. */
static enum selector_id find_header(const struct token *word)
{
	for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
		const char *text = selectors[id].text;

		if (*text == *word->s && !strncmp(text, word->s, word->len) &&
		    text[word->len] == ' ')
			return id;
	}
	return SELECTOR_NONE;
}

/* nft lists iifname and oifname without `meta` and marks with it; it reads both forms. */
static enum selector_id find_meta(const struct token *key)
{
	static const struct token meta = { .kind = TOKEN_WORD, .s = "meta", .len = 4 };
	enum selector_id id = find_selector(1, &meta, key);

	if (token_is_word(key, "secpath")) /* its former name */
		return SELECTOR_META_IPSEC;
	return id ? id : find_selector(1, key, NULL);
}

void parse_learn_selector(const struct token *t, struct word *w)
{
	parse_learn_field(t, w);
	w->header = find_header(t);
	w->meta = find_meta(t);
	w->alone = is_meta_alone(t);
	w->selector = w->selector || w->header || w->alone || why_unsupported(t, NULL);
}

bool parse_selector_known(const struct token *word)
{
	struct word w = { 0 };

	if (word->kind != TOKEN_WORD)
		return token_is(word, '@');
	parse_learn_selector(word, &w);
	return w.selector;
}

bool parse_at_selector(struct parser *p)
{
	return token_is(&p->t, '@') || parse_word(p, &p->t)->selector;
}

/* As many as a line takes. */
static void hint_keys(struct parser *p, const struct token *header, const char *const *keys)
{
	struct text list = TEXT_INIT;

	for (; *keys && list.len < 64; keys++) {
		/* Those are asked for by a name of their own. */
		if (strcmp(*keys, "option") != 0)
			text_printf(&list, "%s%s", list.len ? ", " : "", *keys);
	}
	diag_hint(p->d, "%.*s has %s%s", (int)header->len, header->s, text_str(&list),
		  *keys ? ", ..." : "");
	text_fini(&list);
}

/* What is near, or what other programs call a field by. */
static const char *suggest_key(const struct parser *p, const char *const *keys)
{
	static const struct {
		const char *word, *key;
	} others[] = {
		{"src", "saddr"},  {"dst", "daddr"},	     {"source", "saddr"},
		{"port", "dport"}, {"destination", "daddr"}, {"proto", "protocol"},
		{"tos", "dscp"},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!token_is_word(&p->t, others[i].word))
			continue;
		for (size_t k = 0; keys[k]; k++) {
			if (!strcmp(keys[k], others[i].key))
				return others[i].key;
		}
	}
	return suggest(p->t.s, p->t.len, keys);
}

static void unknown_key(struct parser *p, const struct token *header)
{
	const char *keys[SELECTOR_COUNT + 1];
	struct text what = TEXT_INIT;
	const char *near;
	size_t n = 0;

	for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
		const char *text = selectors[id].text;

		if (!strncmp(text, header->s, header->len) && text[header->len] == ' ')
			keys[n++] = text + header->len + 1;
		else if (token_is_word(header, "meta") && !strchr(text, ' '))
			keys[n++] = text;
	}
	keys[n] = NULL;
	if (p->t.kind != TOKEN_WORD) {
		text_printf(&what, "a field of %.*s", (int)header->len, header->s);
		parse_expected(p, text_str(&what));
		text_fini(&what);
		hint_keys(p, header, keys);
		return;
	}
	diag_error(p->d, &p->t.span, "\"%.*s\" has no \"%.*s\"", (int)header->len, header->s,
		   (int)p->t.len, p->t.s);
	near = suggest_key(p, keys);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	else
		hint_keys(p, header, keys);
}

static enum selector_id parse_named(struct parser *p, const struct token *first)
{
	const struct word *w = parse_word(p, first);
	enum selector_id id;

	if (token_is_word(first, "ct"))
		return parse_ct_selector(p);
	if (token_is_word(first, "ipsec") &&
	    (token_is_word(&p->t, "in") || token_is_word(&p->t, "out"))) {
		refuse_unsupported(p, first, &p->t);
		return SELECTOR_NONE;
	}
	if (w->alone)
		return w->meta;
	if (!w->header) {
		refuse_unsupported(p, first, NULL);
		return SELECTOR_NONE;
	}
	id = SELECTOR_NONE;
	if (p->t.kind == TOKEN_WORD)
		id = token_is_word(first, "meta") ? parse_word(p, &p->t)->meta
						   : parse_find_selector(p, first, &p->t);
	if (id)
		parse_advance(p);
	else if (p->t.kind != TOKEN_WORD || !refuse_unsupported(p, first, &p->t))
		unknown_key(p, first);
	return id;
}

struct expr *parse_selector(struct parser *p)
{
	struct token first = p->t;
	enum selector_id id;
	struct expr *e;

	parse_advance(p);
	if (parse_field(p, &first, &e))
		return e;
	id = parse_named(p, &first);
	if (!id)
		return NULL;
	e = expr_new(EXPR_SELECTOR, span_join(first.span, p->last));
	if (!e)
		return parse_oom(p);
	e->selector = id;
	e->type = selectors[id].type;
	return e;
}
