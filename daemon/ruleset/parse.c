/* parse.c - the parser's state: tokens, errors, names, variables and includes. */
#include "ruleset/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest name of a table or chain (NFT_NAME_MAXLEN with its NUL). */
#define NAME_MAX_LEN 255
/* A comment's bytes (NFTNL_UDATA_COMMENT_MAXLEN). */
#define COMMENT_MAX_LEN 128

/* ---- tokens ---- */

void parse_advance(struct parser *p)
{
	p->last = p->t.span;
	p->t = lex_next(&p->lx);
	if (token_is(&p->t, '{'))
		p->braces++;
	else if (token_is(&p->t, '}') && p->braces)
		p->braces--;
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

bool parse_name(struct parser *p, const char *what, struct token *ret_name)
{
	if (p->t.kind == TOKEN_STRING) {
		diag_error(p->d, &p->t.span, "expected %s, without quotes", what);
		return false;
	}
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, what);
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

static struct variable *variable_find(struct parser *p, const char *name, size_t len);

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
		v = n ? variable_find(p, s + i + 1, n) : NULL;
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

char *parse_comment(struct parser *p)
{
	return parse_text(p, "a comment", COMMENT_MAX_LEN, false);
}

/* ---- variables ---- */

static size_t variable_bucket(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return (h ^ h >> 16) % PARSE_BUCKETS;
}

/* The innermost one: newest first is innermost first. */
static struct variable *variable_find(struct parser *p, const char *name, size_t len)
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

static void drop_variables(struct parser *p, unsigned scope)
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
	drop_variables(p, p->scope);
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

/* Levels, counted no further than max. */
static unsigned expr_depth(const struct expr *e, unsigned max)
{
	unsigned deepest = 0, d;

	if (!max)
		return 1;
	switch (e->kind) {
	case EXPR_LIST:
	case EXPR_SET:
		for (size_t i = 0; i < e->list.n; i++) {
			d = expr_depth(e->list.item[i], max - 1);
			deepest = d > deepest ? d : deepest;
		}
		break;
	case EXPR_RANGE:
		deepest = expr_depth(e->range.lo, max - 1);
		d = expr_depth(e->range.hi, max - 1);
		deepest = d > deepest ? d : deepest;
		break;
	case EXPR_PREFIX:
		deepest = expr_depth(e->prefix.of, max - 1);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		deepest = expr_depth(e->op.left, max - 1);
		d = expr_depth(e->op.right, max - 1);
		deepest = d > deepest ? d : deepest;
		break;
	default:
		break;
	}
	return deepest + 1;
}

static size_t expr_size(const struct expr *e)
{
	size_t size = 1;

	switch (e->kind) {
	case EXPR_LIST:
	case EXPR_SET:
		for (size_t i = 0; i < e->list.n; i++)
			size += expr_size(e->list.item[i]);
		break;
	case EXPR_RANGE:
		size += expr_size(e->range.lo) + expr_size(e->range.hi);
		break;
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_XOR:
	case EXPR_LSHIFT:
	case EXPR_RSHIFT:
		size += expr_size(e->op.left) + expr_size(e->op.right);
		break;
	default:
		break;
	}
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
	v = variable_find(p, name.s, name.len);
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
	struct expr *e;

	if (!token_is(&p->t, '-'))
		return parse_right(p);
	parse_advance(p);
	if (p->t.kind != TOKEN_NUMBER) {
		parse_expected(p, "a number");
		return NULL;
	}
	e = expr_new(EXPR_SYMBOL, span_join(at, p->t.span));
	if (!e || asprintf(&e->symbol, "-%" PRIu64, p->t.number) < 0) {
		free(e);
		return parse_oom(p);
	}
	parse_advance(p);
	return e;
}

static bool define(struct parser *p, bool again)
{
	const struct variable *old;
	struct token name;
	struct expr *value;

	if (!parse_name(p, "the name of a variable", &name))
		return false;
	old = variable_find(p, name.s, name.len);
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

static bool undefine(struct parser *p)
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

/* ---- includes ---- */

struct found {
	struct file {
		char *name, *text;
		size_t len;
	} * files;
	size_t n;
	bool oom;
};

static void add_found(void *arg, char *name, char *text, size_t len)
{
	struct found *f = arg;
	struct file *grown = realloc(f->files, (f->n + 1) * sizeof(*grown));

	if (!grown) {
		free(name);
		free(text);
		f->oom = true;
		return;
	}
	f->files = grown;
	f->files[f->n++] = (struct file){ name, text, len };
}

static void include_failed(struct parser *p, const struct span *at, const char *pattern,
			   int err)
{
	switch (err) {
	case -ENOMEM:
		parse_oom(p);
		break;
	case -ENOENT:
		diag_error(p->d, at, "there is no file \"%s\" to include", pattern);
		break;
	case -ELOOP:
		diag_error(p->d, at, "includes are nested deeper than %u levels", LEX_DEPTH);
		break;
	case -E2BIG:
		diag_error(p->d, at, "the included files are larger than %u MB together",
			   LEX_MAX_BYTES >> 20);
		break;
	default:
		diag_error(p->d, at, "cannot include \"%s\": %s", pattern, strerror(-err));
	}
}

/* The lexer reads the last pushed first. */
static int push_files(struct parser *p, struct found *f, const struct span *at)
{
	int err = 0;

	for (size_t i = f->n; i-- > 0;) {
		if (!err) {
			err = lex_push_owned(&p->lx, f->files[i].name, f->files[i].text,
					     f->files[i].len, at);
		} else {
			free(f->files[i].name);
			free(f->files[i].text);
		}
	}
	free(f->files);
	return err;
}

/* All at one level: each is read to its end, one after the other, so that many files of one
 * pattern are not many levels. */
static bool include(struct parser *p)
{
	struct found found = { 0 };
	struct token t = p->t;
	char *pattern;
	int err;

	if (t.kind != TOKEN_STRING) {
		parse_expected(p, "the name of a file in quotes");
		return false;
	}
	if (!p->reader) {
		diag_error(p->d, &t.span, "include is not possible here");
		return false;
	}
	pattern = strndup(t.s, t.len);
	if (!pattern) {
		parse_oom(p);
		return false;
	}
	parse_advance(p);
	if (!parse_at_separator(p)) {
		parse_expected(p, "the end of the include");
		free(pattern);
		return false;
	}
	err = p->reader->include(p->reader->arg, pattern, t.span.source->name, add_found,
				 &found);
	if (!err && found.oom)
		err = -ENOMEM;
	if (!err) {
		err = push_files(p, &found, &t.span);
	} else {
		for (size_t i = 0; i < found.n; i++) {
			free(found.files[i].name);
			free(found.files[i].text);
		}
		free(found.files);
	}
	if (err)
		include_failed(p, &t.span, pattern, err);
	free(pattern);
	return !err;
}

bool parse_common(struct parser *p, bool *ret_ok)
{
	if (parse_accept_word(p, "include"))
		*ret_ok = include(p);
	else if (parse_accept_word(p, "define"))
		*ret_ok = define(p, false);
	else if (parse_accept_word(p, "redefine"))
		*ret_ok = define(p, true);
	else if (parse_accept_word(p, "undefine"))
		*ret_ok = undefine(p);
	else
		return false;
	return true;
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
	for (const struct ruleset_define *def = input->defines; !err && def && def->name; def++)
		err = predefine(p, def);
	if (!err)
		parse_advance(p);
	return err;
}

void parse_fini(struct parser *p)
{
	drop_variables(p, 0);
	lex_fini(&p->lx);
}
