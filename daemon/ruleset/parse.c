/* parse.c - the parser's state: tokens, errors, names and strings. */
#include "ruleset/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/parse_json.h"

/* The longest name of a table or chain (NFT_NAME_MAXLEN with its NUL). */
#define NAME_MAX_LEN 255
/* A comment's bytes (NFTNL_UDATA_COMMENT_MAXLEN). */
#define COMMENT_MAX_LEN 128

/* ---- tokens ---- */

void parse_advance(struct parser *p)
{
	p->last = p->t.span;
	p->t = p->peeked ? p->ahead : lex_next(&p->lx);
	p->peeked = false;
	if (token_is(&p->t, '{'))
		p->braces++;
	else if (token_is(&p->t, '}') && p->braces)
		p->braces--;
}

struct token parse_peek(struct parser *p)
{
	if (!p->peeked)
		p->ahead = lex_next(&p->lx);
	p->peeked = true;
	return p->ahead;
}

bool parse_accept(struct parser *p, int punct)
{
	if (!token_is(&p->t, punct))
		return false;
	parse_advance(p);
	return true;
}

bool parse_accept_word(struct parser *p, const char *word)
{
	if (!token_is_word(&p->t, word))
		return false;
	parse_advance(p);
	return true;
}

bool parse_expect(struct parser *p, int punct, const char *what)
{
	if (parse_accept(p, punct))
		return true;
	parse_expected(p, what);
	return false;
}

void parse_expected(struct parser *p, const char *what)
{
	const struct token *t = &p->t;

	switch (t->kind) {
	case TOKEN_END:
		diag_error(p->d, &t->span, "expected %s, found the end", what);
		break;
	case TOKEN_NEWLINE:
		diag_error(p->d, &t->span, "expected %s, found %s", what,
			   t->punct == ';' ? "\";\"" : "the end of the line");
		break;
	case TOKEN_BAD:
		if (*t->span.source->text && t->s > t->span.source->text && t->s[-1] == '"')
			diag_error(p->d, &t->span, "a string without its closing quote");
		else
			diag_error(p->d, &t->span, "expected %s, found a stray character",
				   what);
		break;
	default:
		diag_error(p->d, &t->span, "expected %s, found \"%.*s\"", what,
			   (int)(t->len > 64 ? 64 : t->len), t->s);
	}
}

void *parse_oom(struct parser *p)
{
	p->oom = true;
	return NULL;
}

bool parse_at_separator(const struct parser *p)
{
	return p->t.kind == TOKEN_NEWLINE || p->t.kind == TOKEN_END;
}

void parse_skip_newlines(struct parser *p)
{
	while (p->t.kind == TOKEN_NEWLINE)
		parse_advance(p);
}

bool parse_enter(struct parser *p)
{
	if (p->depth >= PARSE_DEPTH) {
		diag_error(p->d, &p->t.span, "more than %u levels of braces or parentheses",
			   PARSE_DEPTH);
		return false;
	}
	p->depth++;
	return true;
}

void parse_leave(struct parser *p)
{
	p->depth--;
}

/* ---- names, numbers, strings ---- */

/* nft's scanner knows these as keywords wherever a name may stand. */
static const char *const keywords[] = {
#define KEYWORD(word) word,
#include "ruleset/keyword.def"
#undef KEYWORD
};

static int compare_words(const void *key, const void *member)
{
	const struct token *t = key;
	const char *word = *(const char *const *)member;
	int order = strncmp(t->s, word, t->len);

	return order ? order : -(word[t->len] != '\0');
}

static bool is_keyword(const struct token *t)
{
	return bsearch(t, keywords, sizeof(keywords) / sizeof(keywords[0]), sizeof(keywords[0]),
		       compare_words) != NULL;
}

bool parse_at_keyword(const struct parser *p)
{
	return p->t.kind == TOKEN_WORD && is_keyword(&p->t);
}

bool parse_name(struct parser *p, const char *what, struct token *ret_name)
{
	if (p->t.kind == TOKEN_STRING) {
		diag_error(p->d, &p->t.span, "expected %s, without quotes", what);
		return false;
	}
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, what);
		if (p->t.kind == TOKEN_NUMBER)
			diag_hint(p->d, "names begin with a letter or \"_\"");
		return false;
	}
	if (is_keyword(&p->t)) {
		diag_error(p->d, &p->t.span,
			   "expected %s: \"%.*s\" is a keyword and cannot be a name", what,
			   (int)p->t.len, p->t.s);
		return false;
	}
	if (p->t.len > NAME_MAX_LEN) {
		diag_error(p->d, &p->t.span, "a name has at most %u characters", NAME_MAX_LEN);
		return false;
	}
	*ret_name = p->t;
	parse_advance(p);
	return true;
}

bool parse_number(struct parser *p, const char *what, uint64_t max, uint64_t *ret_number)
{
	if (p->t.kind != TOKEN_NUMBER) {
		parse_expected(p, what);
		return false;
	}
	if (p->t.number > max) {
		diag_error(p->d, &p->t.span, "%s is at most %" PRIu64, what, max);
		return false;
	}
	*ret_number = p->t.number;
	parse_advance(p);
	return true;
}

/* Text with $name replaced by what strings they stand for; an unknown one stays. */
static void interpolate(struct parser *p, const char *s, size_t len, struct text *out)
{
	for (size_t i = 0; i < len;) {
		const struct variable *v;
		size_t n = 0;

		if (s[i] != '$') {
			text_putc(out, s[i++]);
			continue;
		}
		while (i + 1 + n < len && (s[i + 1 + n] == '_' || s[i + 1 + n] == '-' ||
					   (s[i + 1 + n] >= '0' && s[i + 1 + n] <= '9') ||
					   isalpha((unsigned char)s[i + 1 + n])))
			n++;
		v = n ? parse_find_variable(p, s + i + 1, n) : NULL;
		if (v && v->value->kind == EXPR_SYMBOL)
			text_puts(out, v->value->symbol);
		else
			text_append(out, s + i, n + 1);
		i += n + 1;
	}
}

bool parse_is_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)s[i++];
		unsigned more = c < 0x80 ? 0 : c < 0xc2 ? 9 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		uint32_t code = more ? c & (0x3fu >> more) : c;

		if (!c || c > 0xf4 || more > len - i)
			return false;
		for (unsigned j = more; j > 0; j--, i++) {
			if ((s[i] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (s[i] & 0x3f);
		}
		/* Longer than it needs to be, half of a pair, or beyond the last. */
		if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) ||
		    (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
			return false;
	}
	return true;
}

/* variables: whether they are replaced. */
static char *parse_text(struct parser *p, const char *what, size_t max, bool variables)
{
	struct token t = p->t;
	struct text out = TEXT_INIT;
	char *s;

	if (t.kind != TOKEN_STRING && t.kind != TOKEN_WORD && t.kind != TOKEN_GLOB) {
		parse_expected(p, what);
		return NULL;
	}
	if (t.kind == TOKEN_WORD && is_keyword(&t)) {
		parse_expected(p, what);
		diag_hint(p->d, "text that is a keyword as well stands in quotes");
		return NULL;
	}
	parse_advance(p);
	if (variables)
		interpolate(p, t.s, t.len, &out);
	else
		text_append(&out, t.s, t.len);
	if (out.len > max) {
		diag_error(p->d, &t.span, "%s has at most %zu bytes, this one has %zu", what,
			   max, out.len);
		text_fini(&out);
		return NULL;
	}
	if (!parse_is_text(text_str(&out), out.len)) {
		diag_error(p->d, &t.span, "%s is text in UTF-8", what);
		text_fini(&out);
		return NULL;
	}
	s = text_steal(&out);
	return s ? s : parse_oom(p);
}

char *parse_string(struct parser *p, const char *what, size_t max)
{
	return parse_text(p, what, max, true);
}

bool parse_comment(struct parser *p, char **comment)
{
	if (*comment) {
		diag_error(p->d, &p->last, "there is a comment already");
		return false;
	}
	*comment = parse_text(p, "a comment", COMMENT_MAX_LEN, false);
	return *comment != NULL;
}

/* ---- life-cycle ---- */

/* -D name=value, as if the text began with `define name = value`. */
static int predefine(struct parser *p, const struct ruleset_define *def)
{
	struct text line = TEXT_INIT;
	int err;

	text_printf(&line, "define %s = %s\n", def->name, def->value);
	if (text_failed(&line))
		return -ENOMEM;
	err = lex_push(&p->lx, "<define>", text_str(&line), line.len, NULL);
	text_fini(&line);
	return err;
}

int parse_init(struct parser *p, const struct ruleset_input *input, struct diag *d)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->d = d;
	p->reader = input->reader;
	lex_init(&p->lx);
	err = lex_push(&p->lx, input->name, input->text, input->len, NULL);
	if (err == -E2BIG) {
		diag_error(d, NULL, "%s is larger than %u MB", input->name,
			   LEX_MAX_BYTES >> 20);
		return -EINVAL;
	}
	if (!err && input->json && json_feed_is(input->text, input->len))
		p->json = json_feed_new(&p->lx, d, &err);
	for (const struct ruleset_define *def = input->defines; !err && def && def->name; def++)
		err = predefine(p, def);
	if (!err)
		parse_advance(p);
	return err;
}

void parse_fini(struct parser *p)
{
	parse_drop_variables(p, 0);
	stmts_fini(&p->spare);
	json_feed_free(p->json);
	lex_fini(&p->lx);
}
