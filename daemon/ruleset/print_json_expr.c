/* print_json_expr.c - expressions as JSON.
 *
 * Selectors and constants are what their text is, taken apart: so whatever has a name in
 * listings has the same here. */
#include <stdlib.h>
#include <string.h>

#include "ruleset/datatype.h"
#include "ruleset/print.h"
#include "ruleset/print_json.h"

/* ---- constants ---- */

/* A whole number in decimal or hexadecimal of up to 64 bits, and nothing else. */
static bool is_number(const char *s, uint64_t *ret_number)
{
	bool hex = s[0] == '0' && s[1] == 'x';
	size_t len = strlen(s);

	if (!len || strspn(s + 2 * hex, hex ? "0123456789abcdef" : "0123456789") !=
			    len - 2 * hex || len > (hex ? 18 : 20))
		return false;
	*ret_number = strtoull(s, NULL, 0);
	return true;
}

static void print_constant(const char *s, size_t len, struct text *out)
{
	uint64_t number;

	if (is_number(s, &number))
		out_number(out, number);
	else if (len >= 2 && *s == '"')
		out_stringn(out, s + 1, len - 2);
	else
		out_stringn(out, s, len);
}

void print_json_value(const struct datatype *dt, const struct value *v, unsigned flags,
		      struct text *out)
{
	struct text t = TEXT_IN(out->locale);

	if (dt == &datatype_time) {
		out_number(out, v->num / 1000);
		return;
	}
	if (dt == &datatype_boolean) {
		out_bool(out, v->num);
		return;
	}
	value_print_whole(&t, dt, v, flags);
	/* nft takes a realm for a name even where it has none. */
	if (dt == &datatype_realm && *text_str(&t) != '"')
		out_stringn(out, text_str(&t), t.len);
	else
		print_constant(text_str(&t), t.len, out);
	text_fini(&t);
}

/* Flag n alone: what value_print_whole() makes of ct labels is the flag's number or name. */
static void print_flag(const struct datatype *dt, unsigned n, unsigned flags, struct text *out)
{
	struct value v = value_flag(dt, n);

	print_json_value(dt, &v, flags, out);
}

void print_json_flags(const struct expr *e, bool list, unsigned flags, struct text *out)
{
	unsigned set[128], n = 0;

	for (unsigned bit = 0; bit < e->type->bits; bit++) {
		if (value_has_flag(e->type, &e->value, bit))
			set[n++] = bit;
	}
	if (!n) {
		out_number(out, 0);
		return;
	}
	if (list && n > 1)
		out_open(out, '[');
	for (unsigned i = 1; i < n && !list; i++) {
		out_open(out, '{');
		out_key(out, "|");
		out_open(out, '[');
	}
	for (unsigned i = 0; i < n; i++) {
		print_flag(e->type, set[i], flags, out);
		if (!list && i)
			text_puts(out, "]}");
	}
	if (list && n > 1)
		out_close(out, ']');
}

/* ---- selectors ---- */

#define MAX_WORDS 64
struct words {
	char *v[MAX_WORDS];
	size_t n;
};

static bool split(struct words *w, char *text)
{
	char *save = NULL;

	w->n = 0;
	for (char *s = strtok_r(text, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
		if (w->n == MAX_WORDS)
			return false;
		w->v[w->n++] = s;
	}
	return w->n > 0;
}

static bool is_word(const struct words *w, size_t at, const char *word)
{
	return at < w->n && !strcmp(w->v[at], word);
}

/* Words from one place to another, with blanks between, as one member. */
static void print_rest(const struct words *w, size_t from, const char *key, struct text *out)
{
	struct text t = TEXT_INIT;

	for (size_t i = from; i < w->n; i++)
		text_printf(&t, "%s%s", i > from ? " " : "", w->v[i]);
	out_member(out, key, text_str(&t));
	text_fini(&t);
}

/* NUMBER behind a word that may be missing. */
static void print_numbered(const struct words *w, const char *word, struct text *out)
{
	for (size_t i = 0; i + 1 < w->n; i++) {
		if (!strcmp(w->v[i], word))
			out_member_number(out, word, strtoull(w->v[i + 1], NULL, 0));
	}
}

/* BASE,OFFSET,LENGTH behind an at sign. */
static void print_raw(const char *s, struct text *out)
{
	size_t len = strcspn(s, ",");
	char *end;

	out_key(out, "base");
	if (*s >= '0' && *s <= '9')
		out_number(out, strtoull(s, NULL, 10));
	else
		out_stringn(out, s, len);
	s += len + (s[len] == ',');
	out_member_number(out, "offset", strtoull(s, &end, 10));
	out_member_number(out, "len", strtoull(end + (*end == ','), NULL, 10));
}

static void print_meta(const struct words *w, struct text *out)
{
	print_rest(w, is_word(w, 0, "meta"), "key", out);
}

static void print_ct(const struct words *w, struct text *out)
{
	bool dir = is_word(w, 1, "original") || is_word(w, 1, "reply");

	print_rest(w, 1 + dir, "key", out);
	if (dir)
		out_member(out, "dir", w->v[1]);
}

/* tcp option NAME FIELD, and a kind without a name as the first byte of it. */
static void print_option(const struct words *w, struct text *out)
{
	const char *name = w->n > 2 ? w->v[2] : "";

	if (*name == '@') {
		print_raw(name + 1, out);
	} else if (*name >= '0' && *name <= '9' && w->n == 3) {
		out_member_number(out, "base", strtoull(name, NULL, 10));
		out_member_number(out, "offset", 0);
		out_member_number(out, "len", 8);
	} else {
		out_member(out, "name", name);
		if (w->n > 3)
			print_rest(w, 3, "field", out);
	}
}

static void print_dccp_option(const struct words *w, struct text *out)
{
	out_member_number(out, "type", w->n > 2 ? strtoull(w->v[2], NULL, 10) : 0);
}

static void print_exthdr(const struct words *w, struct text *out)
{
	bool bare = is_word(w, 0, "exthdr");

	out_member(out, "name", w->v[bare && w->n > 1]);
	if (!bare)
		print_rest(w, 1, "field", out);
}

static void print_rt(const struct words *w, struct text *out)
{
	bool family = w->n > 2;

	print_rest(w, 1 + family, "key", out);
	if (family)
		out_member(out, "family", w->v[1]);
}

static void print_fib(const struct words *w, struct text *out)
{
	out_member(out, "result", w->v[w->n - 1]);
	out_key(out, "flags");
	out_open(out, '[');
	for (size_t i = 1; i + 1 < w->n; i++) {
		if (strcmp(w->v[i], ".") != 0)
			out_string(out, w->v[i]);
	}
	out_close(out, ']');
}

static void print_numgen(const struct words *w, struct text *out)
{
	bool offset = false;

	out_member(out, "mode", w->n > 1 ? w->v[1] : "");
	print_numbered(w, "mod", out);
	print_numbered(w, "offset", out);
	for (size_t i = 0; i < w->n; i++)
		offset = offset || is_word(w, i, "offset");
	if (!offset)
		out_member_number(out, "offset", 0);
}

static void print_symhash(const struct words *w, struct text *out)
{
	print_numbered(w, "mod", out);
	print_numbered(w, "offset", out);
}

static void print_payload(const struct words *w, struct text *out)
{
	if (*w->v[0] == '@') {
		print_raw(w->v[0] + 1, out);
		return;
	}
	out_member(out, "protocol", w->v[0]);
	print_rest(w, 1, "field", out);
}

/* By the words that a selector begins with; rt is a header for some fields. */
static const struct {
	const char *first, *second; /* NULL: any */
	const char *key;
	void (*print)(const struct words *w, struct text *out);
} forms[] = {
	{ "meta", NULL, "meta", print_meta },
	{ "ct", NULL, "ct", print_ct },
	{ "tcp", "option", "tcp option", print_option },
	{ "ip", "option", "ip option", print_option },
	{ "sctp", "chunk", "sctp chunk", print_option },
	{ "dccp", "option", "dccp option", print_dccp_option },
	{ "exthdr", NULL, "exthdr", print_exthdr },
	{ "hbh", NULL, "exthdr", print_exthdr },
	{ "frag", NULL, "exthdr", print_exthdr },
	{ "dst", NULL, "exthdr", print_exthdr },
	{ "mh", NULL, "exthdr", print_exthdr },
	{ "srh", NULL, "exthdr", print_exthdr },
	{ "rt0", NULL, "exthdr", print_exthdr },
	{ "rt2", NULL, "exthdr", print_exthdr },
	{ "rt", "nexthdr", "exthdr", print_exthdr },
	{ "rt", "hdrlength", "exthdr", print_exthdr },
	{ "rt", "type", "exthdr", print_exthdr },
	{ "rt", "seg-left", "exthdr", print_exthdr },
	{ "rt", NULL, "rt", print_rt },
	{ "fib", NULL, "fib", print_fib },
	{ "numgen", NULL, "numgen", print_numgen },
	{ "symhash", NULL, "symhash", print_symhash },
};

static void print_words(struct words *w, struct text *out)
{
	const char *key = w->n == 1 && *w->v[0] != '@' ? "meta" : "payload";
	void (*print)(const struct words *w, struct text *out) =
		*key == 'm' ? print_meta : print_payload;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (w->n > 1 && is_word(w, 0, forms[i].first) &&
		    (!forms[i].second || is_word(w, 1, forms[i].second))) {
			key = forms[i].key;
			print = forms[i].print;
			break;
		}
	}
	out_open_object(out, key);
	print(w, out);
	out_close_object(out);
}

/* What it is of has operations of its own. */
static void print_jhash(const struct expr *e, unsigned flags, struct text *out)
{
	out_open_object(out, "jhash");
	out_member_number(out, "mod", e->arg.a);
	if (e->arg.d)
		out_member_number(out, "seed", e->arg.c);
	if (e->arg.b)
		out_member_number(out, "offset", e->arg.b);
	out_key(out, "expr");
	print_json_expr(e->arg.of, flags, out);
	out_close_object(out);
}

static void print_selector(const struct expr *e, unsigned flags, struct text *out)
{
	struct text t = TEXT_IN(out->locale);
	struct words w;
	char *text;

	if (e->selector == SELECTOR_JHASH) {
		print_jhash(e, flags, out);
		return;
	}
	print_expr(e, flags, &t);
	text = text_steal(&t);
	if (text && split(&w, text))
		print_words(&w, out);
	else
		out_null(out);
	free(text);
}

/* ---- all of them ---- */

static const char *operator_key(enum expr_kind kind)
{
	static const char *const keys[] = {
		[EXPR_AND] = "&",     [EXPR_OR] = "|",	   [EXPR_XOR] = "^",
		[EXPR_LSHIFT] = "<<", [EXPR_RSHIFT] = ">>",
	};

	return keys[kind];
}

static void print_operation(const struct expr *e, unsigned flags, struct text *out)
{
	out_open(out, '{');
	out_key(out, operator_key(e->kind));
	out_open(out, '[');
	print_json_expr(e->op.left, flags, out);
	if (e->kind == EXPR_LSHIFT || e->kind == EXPR_RSHIFT)
		out_number(out, e->op.right->value.num);
	else
		print_json_expr(e->op.right, flags, out);
	text_puts(out, "]}");
}

static void print_json_items(const struct expr *e, unsigned flags, struct text *out)
{
	out_open(out, '{');
	out_key(out, "set");
	out_open(out, '[');
	for (size_t i = 0; i < e->list.n; i++)
		print_json_expr(e->list.item[i], flags, out);
	text_puts(out, "]}");
}

static void print_joined(const struct expr *e, unsigned flags, struct text *out)
{
	out_open(out, '{');
	out_key(out, "concat");
	out_open(out, '[');
	for (size_t i = 0; i < e->list.n; i++)
		print_json_expr(e->list.item[i], flags, out);
	text_puts(out, "]}");
}

void print_json_map(const char *word, const struct expr *key, const struct expr *set,
		    unsigned flags, struct text *out)
{
	out_open_object(out, word);
	out_key(out, "key");
	print_json_expr(key, flags, out);
	out_key(out, "data");
	print_json_expr(set, flags, out);
	out_close_object(out);
}

static void print_reference(const struct expr *e, struct text *out)
{
	struct text name = TEXT_INIT;

	text_printf(&name, "@%s", e->symbol);
	out_string(out, text_str(&name));
	text_fini(&name);
}

static void print_mapping(const struct expr *e, unsigned flags, struct text *out)
{
	out_open(out, '[');
	print_json_expr(e->mapping.key, flags, out);
	print_json_expr(e->mapping.data, flags, out);
	out_close(out, ']');
}

static void print_item(const struct expr *e, unsigned flags, struct text *out)
{
	out_open_object(out, "elem");
	out_key(out, "val");
	print_json_expr(e->element.key, flags, out);
	if (e->element.extra->comment)
		out_member(out, "comment", e->element.extra->comment);
	out_close_object(out);
}

void print_json_verdict(enum rule_verdict verdict, const char *chain, struct text *out)
{
	static const char *const names[] = {
		[RULE_NONE] = "",	  [RULE_ACCEPT] = "accept",
		[RULE_DROP] = "drop",	  [RULE_CONTINUE] = "continue",
		[RULE_RETURN] = "return", [RULE_JUMP] = "jump",
		[RULE_GOTO] = "goto",
	};

	if (!chain) {
		out_word(out, names[verdict]);
		return;
	}
	out_open_object(out, names[verdict]);
	out_member(out, "target", chain);
	out_close_object(out);
}

static void print_prefix(const struct expr *e, unsigned flags, struct text *out)
{
	out_open_object(out, "prefix");
	out_key(out, "addr");
	print_json_value(e->type, &e->prefix.value, flags, out);
	out_member_number(out, "len", e->prefix.len);
	out_close_object(out);
}

static void print_range(const struct expr *e, unsigned flags, struct text *out)
{
	out_open(out, '{');
	out_key(out, "range");
	out_open(out, '[');
	/* Ends are never shown by the names that come from registries. */
	flags = (flags | PRINT_NUMERIC_PROTO) & ~(unsigned)PRINT_SERVICE;
	print_json_value(e->type, &e->range.lo->value, flags, out);
	print_json_value(e->type, &e->range.hi->value, flags, out);
	text_puts(out, "]}");
}

void print_json_expr(const struct expr *e, unsigned flags, struct text *out)
{
	switch (e->kind) {
	case EXPR_SELECTOR:
		print_selector(e, flags, out);
		break;
	case EXPR_VALUE:
		if (e->type->bitmask)
			print_json_flags(e, false, flags, out);
		else
			print_json_value(e->type, &e->value, flags, out);
		break;
	case EXPR_RANGE:
		print_range(e, flags, out);
		break;
	case EXPR_PREFIX:
		print_prefix(e, flags, out);
		break;
	case EXPR_SET:
		print_json_items(e, flags, out);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		print_operation(e, flags, out);
		break;
	case EXPR_CONCAT:
		print_joined(e, flags, out);
		break;
	case EXPR_SETREF:
		print_reference(e, out);
		break;
	case EXPR_MAP:
		print_json_map("map", e->map.key, e->map.set, flags, out);
		break;
	case EXPR_MAPPING:
		print_mapping(e, flags, out);
		break;
	case EXPR_VERDICT:
		print_json_verdict(e->verdict.verdict, e->verdict.chain, out);
		break;
	case EXPR_ELEMENT:
		print_item(e, flags, out);
		break;
	case EXPR_ALL:
		out_string(out, "*");
		break;
	case EXPR_NONE:
	case EXPR_SYMBOL: /* an object, in a map */
		out_string(out, e->symbol);
		break;
	case EXPR_LIST:
		break;
	}
}
