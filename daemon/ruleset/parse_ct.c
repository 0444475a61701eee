/* parse_ct.c - what begins with ct: selectors, some with a direction, and what is given to
 * flows. */
#include "ruleset/parse.h"

#include <stdio.h>
#include <string.h>

/* ---- selectors ---- */

/* What nft has and we have not. */
static const struct {
	const char *word, *why;
} refused[] = {
	{ "secmark", "there are no security marks here: packets belong to no process" },
};

static enum selector_id find(const char *dir, const char *l3, const struct token *key)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "ct %s%s%s%s%.*s", dir, *dir ? " " : "", l3,
			   *l3 ? " " : "", (int)(key->len < 32 ? key->len : 32), key->s);

	for (unsigned id = 1; id < SELECTOR_COUNT && len < (int)sizeof(text); id++) {
		if (!strcmp(selectors[id].text, text))
			return id;
	}
	return SELECTOR_NONE;
}

/* Words that may stand behind `ct`, DIRECTION and FAMILY. */
static void suggest_key(struct parser *p, const char *dir, const char *l3)
{
	const char *keys[SELECTOR_COUNT + 1];
	const char *near;
	char before[32];
	size_t n = 0, len = (size_t)snprintf(before, sizeof(before), "ct %s%s%s%s", dir,
					     *dir ? " " : "", l3, *l3 ? " " : "");

	for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
		const char *text = selectors[id].text;

		if (!strncmp(text, before, len) && !strchr(text + len, ' '))
			keys[n++] = text + len;
	}
	keys[n] = NULL;
	near = suggest(p->t.s, p->t.len, keys);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
}

static enum selector_id unknown_key(struct parser *p, const char *dir, const char *l3)
{
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, *l3 ? "\"saddr\" or \"daddr\"" :
			       *dir   ? "a key such as saddr, proto-dst or bytes" :
					"a key such as state or mark");
	} else if (!*dir && (token_is_word(&p->t, "ip") || token_is_word(&p->t, "ip6") ||
			     find("original", "", &p->t))) {
		diag_error(p->d, &p->t.span,
			   "\"ct %.*s\" needs a direction: \"ct original %.*s\" or \"ct reply "
			   "%.*s\"",
			   (int)p->t.len, p->t.s, (int)p->t.len, p->t.s, (int)p->t.len, p->t.s);
	} else if (*dir && !*l3 && find("", "", &p->t)) {
		diag_error(p->d, &p->t.span,
			   "\"ct %.*s\" is the same in both directions: name none",
			   (int)p->t.len, p->t.s);
	} else {
		diag_error(p->d, &p->t.span, "\"ct%s%s%s%s\" has no \"%.*s\"", *dir ? " " : "",
			   dir, *l3 ? " " : "", l3, (int)p->t.len, p->t.s);
		suggest_key(p, dir, l3);
	}
	return SELECTOR_NONE;
}

static bool is_refused(struct parser *p)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (token_is_word(&p->t, refused[i].word)) {
			diag_error(p->d, &p->t.span, "%s", refused[i].why);
			return true;
		}
	}
	return false;
}

enum selector_id parse_ct_selector(struct parser *p)
{
	static const struct token ct = { .kind = TOKEN_WORD, .s = "ct", .len = 2 };
	const char *dir = "", *l3 = "";
	enum selector_id id = SELECTOR_NONE;

	if (parse_accept_word(p, "original"))
		dir = "original";
	else if (parse_accept_word(p, "reply"))
		dir = "reply";
	if (*dir && parse_accept_word(p, "ip"))
		l3 = "ip";
	else if (*dir && parse_accept_word(p, "ip6"))
		l3 = "ip6";
	if (is_refused(p))
		return SELECTOR_NONE;
	if (p->t.kind == TOKEN_WORD) {
		id = *dir ? find(dir, l3, &p->t) : parse_find_selector(p, &ct, &p->t);
		/* nft takes a direction where it makes no difference, and lists it without. */
		if (!id && *dir && !*l3 &&
		    (token_is_word(&p->t, "l3proto") || token_is_word(&p->t, "protocol")))
			id = find("", "", &p->t);
	}
	if (!id)
		return unknown_key(p, dir, l3);
	parse_advance(p);
	return id;
}

/* ---- what rules give to flows ---- */

static const struct {
	enum selector_id target;
	enum object_kind kind;
} given[] = {
	{ SELECTOR_CT_HELPER, KIND_CT_HELPER },
	{ SELECTOR_CT_TIMEOUT, KIND_CT_TIMEOUT },
	{ SELECTOR_CT_EXPECTATION, KIND_CT_EXPECTATION },
};

char *parse_given_name(struct parser *p)
{
	static const char what[] = "the name of an object";
	struct span span = p->t.span;
	struct expr *value;
	char *name = NULL;

	if (!token_is(&p->t, '$'))
		return parse_string(p, what, OBJECT_NAME_MAX_LEN);
	value = parse_variable(p);
	if (!value)
		return NULL;
	span = span_join(span, p->last);
	if (value->kind != EXPR_SYMBOL || strlen(value->symbol) > OBJECT_NAME_MAX_LEN) {
		diag_error(p->d, &span, "the value of this variable is not %s", what);
	} else {
		name = strdup(value->symbol);
		if (!name)
			parse_oom(p);
	}
	expr_free(value);
	return name;
}

/* key map { ... } */
static bool parse_given_map(struct parser *p, struct stmt *s)
{
	struct expr *e = parse_value(p);

	if (!e)
		return false;
	if (e->kind == EXPR_SYMBOL && strlen(e->symbol) <= OBJECT_NAME_MAX_LEN) {
		s->object.name = strdup(e->symbol);
		if (!s->object.name)
			parse_oom(p);
	} else if (e->kind == EXPR_MAP) {
		s->object.key = e->map.key;
		s->object.set = e->map.set;
		e->map.key = e->map.set = NULL;
	} else {
		diag_error(p->d, &e->span,
			   "this is neither the name of an object nor a map of objects");
	}
	expr_free(e);
	return s->object.name || s->object.set;
}

bool parse_given(struct parser *p, enum object_kind kind, struct stmt *s)
{
	s->kind = STMT_OBJECT;
	s->object.kind = kind;
	s->object.name = NULL;
	s->object.key = s->object.set = NULL;
	/* A word may begin either. */
	if (p->t.kind == TOKEN_WORD)
		return parse_given_map(p, s);
	s->object.name = parse_given_name(p);
	return s->object.name != NULL;
}

bool parse_ct_given(struct parser *p, enum selector_id target, struct stmt *s)
{
	enum object_kind kind = KIND_NONE;
	struct span first = s->span;

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		if (given[i].target == target)
			kind = given[i].kind;
	}
	if (!kind)
		return false;
	parse_given(p, kind, s);
	s->span = span_join(first, p->last);
	return true;
}
