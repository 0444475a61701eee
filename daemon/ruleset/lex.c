/* lex.c - ruleset text to tokens; see lex.h. */
#include "ruleset/lex.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void lex_init(struct lex *lx)
{
	memset(lx, 0, sizeof(*lx));
}

void lex_fini(struct lex *lx)
{
	for (size_t i = 0; i < lx->n_sources; i++) {
		free(lx->sources[i]->name);
		free(lx->sources[i]->text);
		free(lx->sources[i]);
	}
	free(lx->sources);
	free(lx->stack);
	lex_init(lx);
}

/* Room for one more of an array. */
static bool grow(void *array, size_t n, size_t *cap, size_t size)
{
	void **v = array;
	size_t more = *cap ? *cap * 2 : 4;
	void *grown;

	if (n < *cap)
		return true;
	grown = realloc(*v, more * size);
	if (!grown)
		return false;
	*v = grown;
	*cap = more;
	return true;
}

/* The level of a source is the number of those that include it, not the stack's depth: a file
 * that includes itself in its last line is off the stack by then. */
static unsigned source_level(const struct source *src)
{
	unsigned level = 0;

	while ((src = src->parent))
		level++;
	return level;
}

static int push_source(struct lex *lx, struct source *src, const struct span *from)
{
	if (from) {
		src->parent = from->source;
		src->parent_off = from->off;
	}
	if (source_level(src) > LEX_DEPTH)
		return -ELOOP;
	if (lx->bytes > LEX_MAX_BYTES || src->len > LEX_MAX_BYTES - lx->bytes)
		return -E2BIG;
	if (!grow(&lx->sources, lx->n_sources, &lx->cap_sources, sizeof(*lx->sources)) ||
	    !grow(&lx->stack, lx->depth, &lx->cap, sizeof(*lx->stack)))
		return -ENOMEM;
	lx->sources[lx->n_sources++] = src;
	/* An empty file costs something, too. */
	lx->bytes += src->len < 64 ? 64 : src->len;
	lx->stack[lx->depth++] = (struct lex_frame){ .source = src };
	return 0;
}

int lex_push_owned(struct lex *lx, char *name, char *text, size_t len, const struct span *from)
{
	struct source *src = calloc(1, sizeof(*src));
	int err;

	if (!src || !name || !text) {
		err = -ENOMEM;
		goto out;
	}
	*src = (struct source){ .name = name, .text = text, .len = len };
	err = push_source(lx, src, from);
out:
	if (err) {
		free(src);
		free(name);
		free(text);
	}
	return err;
}

int lex_push(struct lex *lx, const char *name, const char *text, size_t len,
	     const struct span *from)
{
	char *copy = malloc(len + 1);

	if (copy) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	return lex_push_owned(lx, strdup(name), copy, len, from);
}

/* ---- characters ---- */

enum {
	CHAR_DIGIT = 1,
	CHAR_HEX = 2,	 /* a letter that is a hexadecimal digit as well */
	CHAR_START = 4, /* what words begin with */
	CHAR_WORD = 8,	 /* what they go on with, and these */
	CHAR_PUNCT = 16,
};

#define DIGIT  (CHAR_DIGIT | CHAR_WORD)
#define HEX    (CHAR_HEX | CHAR_START | CHAR_WORD)
#define LETTER (CHAR_START | CHAR_WORD)

static const uint8_t chars[256] = {
	['0'] = DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT,
	['A'] = HEX, HEX, HEX, HEX, HEX, HEX,
	['G'] = LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER,
		LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER,
	['a'] = HEX, HEX, HEX, HEX, HEX, HEX,
	['g'] = LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER,
		LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER, LETTER,
	['_'] = LETTER,
	['.'] = LETTER | CHAR_PUNCT, ['-'] = CHAR_WORD | CHAR_PUNCT,
	['/'] = CHAR_WORD | CHAR_PUNCT,
	['{'] = CHAR_PUNCT, ['}'] = CHAR_PUNCT, ['('] = CHAR_PUNCT, [')'] = CHAR_PUNCT,
	['['] = CHAR_PUNCT, [']'] = CHAR_PUNCT, [','] = CHAR_PUNCT, ['+'] = CHAR_PUNCT,
	[':'] = CHAR_PUNCT, ['='] = CHAR_PUNCT, ['<'] = CHAR_PUNCT, ['>'] = CHAR_PUNCT,
	['&'] = CHAR_PUNCT, ['|'] = CHAR_PUNCT, ['^'] = CHAR_PUNCT, ['!'] = CHAR_PUNCT,
	['$'] = CHAR_PUNCT, ['*'] = CHAR_PUNCT, ['@'] = CHAR_PUNCT,
};

static bool char_is(char c, unsigned class)
{
	return chars[(unsigned char)c] & class;
}

static bool is_digit(char c)
{
	return char_is(c, CHAR_DIGIT);
}

static bool is_hex(char c)
{
	return char_is(c, CHAR_DIGIT | CHAR_HEX);
}

/* ---- lengths of what may begin at s, 0 when it does not; end is the text's end ---- */

/* The two names of nft's that begin with a digit. */
static size_t match_vlan(const char *s, const char *end)
{
	static const char *const names[] = { "8021q", "8021ad" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if ((size_t)(end - s) >= len && !memcmp(s, names[i], len))
			return len;
	}
	return 0;
}

static size_t match_word(const char *s, const char *end)
{
	const char *p = s;

	if (match_vlan(s, end))
		return match_vlan(s, end);
	if (p == end || !char_is(*p, CHAR_START) ||
	    (*p == '.' && (p + 1 == end || !char_is(p[1], CHAR_WORD))))
		return 0;
	while (p < end && char_is(*p, CHAR_WORD))
		p++;
	return (size_t)(p - s);
}

/* A word followed by * or \*, or \* alone. */
static size_t match_glob(const char *s, const char *end)
{
	const char *p = s + match_word(s, end);

	if (p < end && *p == '\\' && p + 1 < end && p[1] == '*')
		return (size_t)(p + 2 - s) + match_word(p + 2, end);
	if (p > s && p < end && *p == '*')
		return (size_t)(p + 1 - s);
	return 0;
}

static size_t match_number(const char *s, const char *end)
{
	const char *p = s;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X') &&
	    is_hex(p[2])) {
		p += 2;
		while (p < end && is_hex(*p))
			p++;
		return (size_t)(p - s);
	}
	while (p < end && is_digit(*p))
		p++;
	return (size_t)(p - s);
}

/* 1d2h3m4s5ms: any of these, in this order. */
static size_t match_time(const char *s, const char *end)
{
	static const char *const units[] = { "d", "h", "m", "s", "ms" };
	const char *p = s;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i]);
		const char *q = p;

		while (q < end && is_digit(*q))
			q++;
		if (q == p || (size_t)(end - q) < len || memcmp(q, units[i], len))
			continue;
		/* 5ms are no five minutes. */
		if (*units[i] == 'm' && len == 1 && q + 1 < end && q[1] == 's')
			continue;
		p = q + len;
	}
	return (size_t)(p - s);
}

static size_t match_addr4(const char *s, const char *end)
{
	const char *p = s;

	for (unsigned i = 0; i < 4; i++) {
		unsigned digits = 0;

		if (i && (p == end || *p++ != '.'))
			return 0;
		while (p < end && is_digit(*p) && digits < 3) {
			p++;
			digits++;
		}
		if (!digits)
			return 0;
	}
	return (size_t)(p - s);
}

/* The longest beginning that inet_pton() takes for an IPv6 address. */
static size_t match_addr6(const char *s, const char *end)
{
	char buf[INET6_ADDRSTRLEN + 1];
	unsigned colons = 0;
	size_t len = 0;
	struct in6_addr a;

	while (s + len < end && len < INET6_ADDRSTRLEN &&
	       (is_hex(s[len]) || s[len] == ':' || s[len] == '.')) {
		colons += s[len] == ':';
		len++;
	}
	if (colons < 2)
		return 0;
	memcpy(buf, s, len);
	for (; len >= 2; len--) {
		buf[len] = '\0';
		if (inet_pton(AF_INET6, buf, &a) == 1)
			return len;
	}
	return 0;
}

static size_t match_mac(const char *s, const char *end)
{
	for (size_t i = 0; i < 17; i++) {
		if (s + i >= end)
			return 0;
		if (i % 3 == 2 ? s[i] != ':' : !is_hex(s[i]))
			return 0;
	}
	return 17;
}

/* Two numbers of up to four hexadecimal digits, 17:00 or cafe:beef, with nothing behind that
 * could belong to them. */
static size_t match_pair(const char *s, const char *end)
{
	const char *p = s;

	for (unsigned i = 0; i < 2; i++) {
		unsigned digits = 0;

		if (i && (p == end || *p++ != ':'))
			return 0;
		while (p < end && is_hex(*p) && digits < 4) {
			p++;
			digits++;
		}
		if (!digits)
			return 0;
	}
	return p == end || strchr(" \t\n:-},", *p) ? (size_t)(p - s) : 0;
}

/* ---- tokens ---- */

static const struct {
	char s[3];
	int punct;
} pairs[] = {
	{ "==", PUNCT_EQ }, { "!=", PUNCT_NE },	    { "<=", PUNCT_LE },
	{ ">=", PUNCT_GE }, { "<<", PUNCT_LSHIFT }, { ">>", PUNCT_RSHIFT },
};

static void lex_punct(struct token *t, const char *s, const char *end)
{
	t->kind = TOKEN_PUNCT;
	t->len = 1;
	t->punct = *s;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (end - s >= 2 && !memcmp(s, pairs[i].s, 2)) {
			t->len = 2;
			t->punct = pairs[i].punct;
			return;
		}
	}
	if (!char_is(*s, CHAR_PUNCT))
		t->kind = TOKEN_BAD;
}

/* strtoull() with base 0, as nft does; what does not fit is a word to it. */
static void lex_number(struct token *t)
{
	char buf[32];

	if (*t->s != '0' && t->len <= 19) {
		t->number = 0;
		for (size_t i = 0; i < t->len; i++)
			t->number = t->number * 10 + (uint64_t)(t->s[i] - '0');
		return;
	}
	t->kind = TOKEN_WORD;
	if (t->len >= sizeof(buf))
		return;
	memcpy(buf, t->s, t->len);
	buf[t->len] = '\0';
	errno = 0;
	t->number = strtoull(buf, NULL, 0);
	if (!errno)
		t->kind = TOKEN_NUMBER;
}

/* A number, or an IPv4 address: what has neither a letter nor a colon behind its digits can be
 * nothing else. */
static bool lex_digits(struct token *t, const char *s, const char *end)
{
	const char *p = s;

	while (p < end && is_digit(*p))
		p++;
	if (p < end && *p != '.' && (char_is(*p, CHAR_START) || *p == ':'))
		return false;
	t->kind = TOKEN_ADDR4;
	t->len = p < end && *p == '.' ? match_addr4(s, end) : 0;
	if (t->len)
		return true;
	t->kind = TOKEN_NUMBER;
	t->len = (size_t)(p - s);
	lex_number(t);
	return true;
}

/* A word: so is what has no colon behind its hexadecimal digits, which addresses and times of
 * day would have, and no asterisk at its end. */
static bool lex_letters(struct token *t, const char *s, const char *end)
{
	const char *p = s;

	while (p < end && is_hex(*p))
		p++;
	if (p < end && *p == ':')
		return false;
	t->len = match_word(s, end);
	p = s + t->len;
	t->kind = TOKEN_WORD;
	return t->len && !(p < end && (*p == '*' || *p == '\\'));
}

/* Most tokens, which tell by their first characters what they are.  False: it takes a look at
 * each form to know. */
static bool lex_plain(struct token *t, const char *s, const char *end)
{
	if (is_digit(*s))
		return lex_digits(t, s, end);
	if (char_is(*s, CHAR_START))
		return lex_letters(t, s, end);
	if (*s == ':' || *s == '\\')
		return false;
	lex_punct(t, s, end);
	return true;
}

static void lex_longest(struct token *t, const char *s, const char *end)
{
	static const struct {
		enum token_kind kind;
		size_t (*match)(const char *s, const char *end);
	} forms[] = {
		{ TOKEN_NUMBER, match_number }, { TOKEN_MAC, match_mac },
		{ TOKEN_ADDR4, match_addr4 },	{ TOKEN_ADDR6, match_addr6 },
		{ TOKEN_GLOB, match_glob },	{ TOKEN_WORD, match_word },
		{ TOKEN_WORD, match_time },	{ TOKEN_WORD, match_pair },
	};

	if (lex_plain(t, s, end))
		return;
	t->len = 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t len = forms[i].match(s, end);

		if (len > t->len) {
			t->len = len;
			t->kind = forms[i].kind;
		}
	}
	if (!t->len)
		lex_punct(t, s, end);
	else if (t->kind == TOKEN_NUMBER)
		lex_number(t);
}

/* Skip blanks, comments and line ends behind a backslash. */
static const char *skip_blank(const char *p, const char *end)
{
	while (p < end) {
		if (*p == ' ' || *p == '\t' || *p == '\r') {
			p++;
		} else if (*p == '\\' && p + 1 < end && p[1] == '\n') {
			p += 2;
		} else if (*p == '\\' && p + 2 < end && p[1] == '\r' && p[2] == '\n') {
			p += 3;
		} else if (*p == '#') {
			while (p < end && *p != '\n')
				p++;
		} else {
			break;
		}
	}
	return p;
}

static void lex_string(struct token *t, const char *s, const char *end)
{
	const char *close = memchr(s + 1, '"', (size_t)(end - s) - 1);

	t->s = s + 1;
	if (!close) {
		t->kind = TOKEN_BAD;
		t->len = 1;
		return;
	}
	t->kind = TOKEN_STRING;
	t->len = (size_t)(close - s) - 1;
}

struct source *lex_feed(struct lex *lx, struct lex_feed *feed)
{
	struct lex_frame *f = &lx->stack[lx->depth - 1];

	f->feed = feed;
	return f->source;
}

void lex_seek(struct lex *lx, size_t off)
{
	lx->stack[lx->depth - 1].pos = off;
}

struct token lex_one(const char *text, size_t len)
{
	struct token t = { .kind = TOKEN_BAD, .s = text, .len = len };

	if (len)
		lex_longest(&t, text, text + len);
	if (t.len != len)
		t.kind = TOKEN_BAD;
	return t;
}

/* The end of a source. */
static struct token lex_end(struct lex *lx)
{
	struct lex_frame *f = &lx->stack[lx->depth - 1];
	struct token t = { .s = f->source->text + f->source->len };

	t.span = (struct span){ f->source, (uint32_t)f->source->len, 0 };
	f->pos = f->source->len;
	if (lx->depth > 1) {
		/* An included text ends its last statement. */
		lx->depth--;
		t.kind = TOKEN_NEWLINE;
		t.punct = '\n';
	}
	return t;
}

struct token lex_next(struct lex *lx)
{
	struct lex_frame *f = &lx->stack[lx->depth - 1];
	const char *text = f->source->text, *end = text + f->source->len, *p;
	struct token t = { .len = 1 };

	if (f->feed)
		return f->feed->next(f->feed, &t) ? t : lex_end(lx);
	p = skip_blank(text + f->pos, end);
	if (p == end)
		return lex_end(lx);
	t.s = p;
	t.span = (struct span){ f->source, (uint32_t)(p - text), 1 };
	if (*p == '\n' || *p == ';') {
		t.kind = TOKEN_NEWLINE;
		t.punct = *p;
	} else if (*p == '"') {
		lex_string(&t, p, end);
		t.span.len = (uint32_t)(t.kind == TOKEN_STRING ? t.len + 2 : 1);
	} else {
		lex_longest(&t, p, end);
		t.span.len = (uint32_t)t.len;
	}
	f->pos = (size_t)(p - text) + t.span.len;
	return t;
}
