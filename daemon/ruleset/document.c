/* document.c - a JSON text to nodes; see document.h. */
#include "ruleset/document.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define BLOCK_SIZE 65536
/* No longer paths are shown. */
#define PATH_SHOWN 120

struct reader {
	struct document *doc;
	struct diag *d;
	const char *p, *end;
	unsigned depth;
	bool oom;
};

/* ---- memory ---- */

char *document_string(struct document *doc, size_t len)
{
	struct document_block *b = doc->blocks;
	size_t size = len + 1 > BLOCK_SIZE ? len + 1 : BLOCK_SIZE;
	char *s;

	if (!b || b->size - b->used < len + 1) {
		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		*b = (struct document_block){ .next = doc->blocks, .size = size };
		doc->blocks = b;
	}
	s = b->bytes + b->used;
	b->used += len + 1;
	s[len] = '\0';
	return s;
}

void document_fini(struct document *doc)
{
	while (doc->blocks) {
		struct document_block *b = doc->blocks;

		doc->blocks = b->next;
		free(b);
	}
	free(doc->nodes);
	*doc = (struct document){ 0 };
}

/* An index: the array moves as it grows. */
static bool new_node(struct reader *r, enum node_kind kind, size_t *ret_at)
{
	struct document *doc = r->doc;

	if (doc->n == doc->cap) {
		size_t cap = doc->cap ? doc->cap * 2 : 64;
		struct node *grown = realloc(doc->nodes, cap * sizeof(*grown));

		if (!grown) {
			r->oom = true;
			return false;
		}
		doc->nodes = grown;
		doc->cap = cap;
	}
	doc->nodes[doc->n] = (struct node){
		.kind = kind, .size = 1, .off = (uint32_t)(r->p - doc->source->text),
	};
	*ret_at = doc->n++;
	return true;
}

/* ---- errors ---- */

static uint32_t offset(const struct reader *r)
{
	return (uint32_t)(r->p - r->doc->source->text);
}

static bool wrong(struct reader *r, const char *what)
{
	struct span at = { r->doc->source, offset(r), r->p < r->end };

	diag_error(r->d, &at, "this is not JSON: %s", what);
	return false;
}

static void skip_blank(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' ||
				 *r->p == '\r'))
		r->p++;
}

static bool accept(struct reader *r, char c)
{
	skip_blank(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* ---- strings ---- */

/* Length of the well-formed UTF-8 sequence at s (RFC 3629 4), or 0. */
static size_t sequence(const char *text, const char *end)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
		   s[0] < 0xf5 ? 4 : 0;

	if (!n || n > (size_t)(end - text))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool hex4(struct reader *r, uint32_t *ret_code)
{
	uint32_t code = 0;

	for (unsigned i = 0; i < 4; i++, r->p++) {
		char c = r->p < r->end ? *r->p : '\0';
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') :
				 c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 :
				 c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10 :
							16;

		if (digit == 16)
			return wrong(r, "four hexadecimal digits follow \\u");
		code = code << 4 | digit;
	}
	*ret_code = code;
	return true;
}

/* Behind \u; two of them for what lies beyond 16 bits. */
static bool escaped_code(struct reader *r, char **out)
{
	uint32_t code, low;
	char *s = *out;

	if (!hex4(r, &code))
		return false;
	if (code >= 0xd800 && code < 0xdc00 && r->end - r->p >= 2 && r->p[0] == '\\' &&
	    r->p[1] == 'u') {
		r->p += 2;
		if (!hex4(r, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return wrong(r, "half of a surrogate pair");
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	if (!code || (code >= 0xd800 && code < 0xe000))
		return wrong(r, code ? "half of a surrogate pair" : "a NUL in a string");
	if (code < 0x80) {
		*s++ = (char)code;
	} else if (code < 0x800) {
		*s++ = (char)(0xc0 | code >> 6);
		*s++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*s++ = (char)(0xe0 | code >> 12);
		*s++ = (char)(0x80 | (code >> 6 & 0x3f));
		*s++ = (char)(0x80 | (code & 0x3f));
	} else {
		*s++ = (char)(0xf0 | code >> 18);
		*s++ = (char)(0x80 | (code >> 12 & 0x3f));
		*s++ = (char)(0x80 | (code >> 6 & 0x3f));
		*s++ = (char)(0x80 | (code & 0x3f));
	}
	*out = s;
	return true;
}

static bool escaped(struct reader *r, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *which;

	r->p++; /* the backslash */
	if (r->p < r->end && *r->p == 'u') {
		r->p++;
		return escaped_code(r, out);
	}
	which = r->p < r->end && *r->p ? strchr(from, *r->p) : NULL;
	if (!which)
		return wrong(r, "no such escape");
	*(*out)++ = to[which - from];
	r->p++;
	return true;
}

/* The closing quote, without a look at what is inside; NULL when there is none. */
static const char *closing_quote(const struct reader *r)
{
	const char *p = r->p;

	while (p < r->end && *p != '"')
		p += *p == '\\' ? 2 : 1;
	return p < r->end ? p : NULL;
}

/* At the opening quote.  What is unescaped is never longer than what is written. */
static bool read_string(struct reader *r, const char **ret_s, uint32_t *ret_off,
			uint32_t *ret_len)
{
	const char *close;
	char *s, *out;

	r->p++;
	close = closing_quote(r);
	if (!close) {
		r->p--;
		return wrong(r, "a string without its closing quote");
	}
	s = out = document_string(r->doc, (size_t)(close - r->p));
	if (!s) {
		r->oom = true;
		return false;
	}
	*ret_off = offset(r);
	while (r->p < close) {
		size_t n;

		if (*r->p == '\\') {
			if (!escaped(r, &out))
				return false;
			continue;
		}
		n = (unsigned char)*r->p < 0x20 ? 0 : sequence(r->p, close);
		if (!n)
			return wrong(r, (unsigned char)*r->p < 0x20 ?
						"a control character in a string" :
						"a string that is not UTF-8");
		memcpy(out, r->p, n);
		out += n;
		r->p += n;
	}
	*out = '\0';
	*ret_len = offset(r) - *ret_off;
	*ret_s = s;
	r->p++;
	return true;
}

/* ---- numbers and words ---- */

static bool digits(struct reader *r)
{
	const char *start = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > start || wrong(r, "a digit is missing");
}

static bool read_number(struct reader *r, size_t at)
{
	struct node *n = &r->doc->nodes[at];
	const char *start;
	uint64_t value = 0;
	bool real = false, large = false;

	n->negative = *r->p == '-';
	r->p += n->negative;
	start = r->p;
	if (!digits(r))
		return false;
	if (*start == '0' && r->p - start > 1) {
		r->p = start;
		return wrong(r, "a number with a leading zero");
	}
	for (const char *p = start; p < r->p && !large; p++) {
		large = __builtin_mul_overflow(value, UINT64_C(10), &value) ||
			__builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
	}
	if (r->p < r->end && *r->p == '.') {
		real = true;
		r->p++;
		if (!digits(r))
			return false;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		real = true;
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!digits(r))
			return false;
	}
	/* Most readers of JSON have no larger ones, and what came is echoed as it came. */
	if (!real && (large || value > (uint64_t)INT64_MAX + n->negative)) {
		r->p = start;
		return wrong(r, "a number of more than 64 bits, sign included");
	}
	n->kind = real ? NODE_REAL : NODE_INTEGER;
	n->number = value;
	return true;
}

static bool read_word(struct reader *r, size_t at)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} words[] = {
		{ "true", NODE_TRUE }, { "false", NODE_FALSE }, { "null", NODE_NULL },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].word);

		if ((size_t)(r->end - r->p) < len || memcmp(r->p, words[i].word, len))
			continue;
		r->doc->nodes[at].kind = words[i].kind;
		r->p += len;
		return true;
	}
	return wrong(r, "a value is expected here");
}

/* ---- values ---- */

static bool read_value(struct reader *r, size_t *ret_at);

/* The key and colon of a member, then its value. */
static bool read_member(struct reader *r)
{
	uint32_t off, len;
	const char *key;
	size_t at;

	skip_blank(r);
	if (r->p == r->end || *r->p != '"')
		return wrong(r, "the name of a member, in quotes, is expected here");
	if (!read_string(r, &key, &off, &len))
		return false;
	if (!accept(r, ':'))
		return wrong(r, "\":\" is expected here");
	if (!read_value(r, &at))
		return false;
	r->doc->nodes[at].key = key;
	r->doc->nodes[at].key_off = off;
	r->doc->nodes[at].key_len = len;
	return true;
}

static bool read_children(struct reader *r, bool object)
{
	char close = object ? '}' : ']';
	size_t at;

	r->p++;
	if (accept(r, close))
		return true;
	do {
		if (object ? !read_member(r) : !read_value(r, &at))
			return false;
	} while (accept(r, ','));
	if (accept(r, close))
		return true;
	return wrong(r, object ? "\",\" or \"}\" is expected here" :
				 "\",\" or \"]\" is expected here");
}

static bool read_value(struct reader *r, size_t *ret_at)
{
	bool object, ok;
	size_t at;
	char c;

	skip_blank(r);
	c = r->p < r->end ? *r->p : '\0';
	if (!new_node(r, NODE_NONE, &at))
		return false;
	*ret_at = at;
	if (c == '{' || c == '[') {
		object = c == '{';
		if (r->depth == DOCUMENT_DEPTH)
			return wrong(r, "more than 128 levels within each other");
		r->doc->nodes[at].kind = object ? NODE_OBJECT : NODE_ARRAY;
		r->depth++;
		ok = read_children(r, object);
		r->depth--;
	} else if (c == '"') {
		struct node n = r->doc->nodes[at];

		n.kind = NODE_STRING;
		ok = read_string(r, &n.s, &n.off, &n.len);
		r->doc->nodes[at] = n;
		return ok;
	} else {
		ok = c == '-' || (c >= '0' && c <= '9') ? read_number(r, at) : read_word(r, at);
	}
	r->doc->nodes[at].len = offset(r) - r->doc->nodes[at].off;
	r->doc->nodes[at].size = (uint32_t)(r->doc->n - at);
	return ok;
}

int document_read(struct document *doc, const struct source *source, struct diag *d)
{
	struct reader r = { .doc = doc, .d = d, .p = source->text,
			    .end = source->text + source->len };
	size_t at;
	bool ok;

	*doc = (struct document){ .source = source };
	ok = read_value(&r, &at);
	if (ok) {
		skip_blank(&r);
		ok = r.p == r.end || wrong(&r, "there is more behind its end");
	}
	if (!ok)
		document_fini(doc);
	return ok ? 0 : r.oom ? -ENOMEM : -EINVAL;
}

/* ---- looking at nodes ---- */

const struct node *node_get(const struct node *n, const char *key)
{
	const struct node *found = NULL;

	if (!n || n->kind != NODE_OBJECT)
		return NULL;
	NODE_EACH(child, n) {
		if (!strcmp(child->key, key))
			found = child;
	}
	return found;
}

size_t node_count(const struct node *n)
{
	size_t count = 0;

	if (n->kind == NODE_OBJECT || n->kind == NODE_ARRAY) {
		NODE_EACH(child, n)
			count++;
	}
	return count;
}

struct span node_span(const struct document *doc, const struct node *n)
{
	return (struct span){ doc->source, n->off, n->len };
}

struct span node_key_span(const struct document *doc, const struct node *n)
{
	if (!n->key)
		return node_span(doc, n);
	return (struct span){ doc->source, n->key_off, n->key_len };
}

const char *node_kind_name(enum node_kind kind)
{
	static const char *const names[] = {
		[NODE_NONE] = "nothing",       [NODE_OBJECT] = "an object",
		[NODE_ARRAY] = "an array",     [NODE_STRING] = "a string",
		[NODE_INTEGER] = "a number",   [NODE_REAL] = "a number with a fraction",
		[NODE_TRUE] = "true",	       [NODE_FALSE] = "false",
		[NODE_NULL] = "null",
	};

	return names[kind];
}

/* ---- paths ---- */

/* The text is read once more, as far as the place: what is no JSON has paths, too. */
void document_path(const struct source *source, uint32_t off, struct text *out)
{
	struct {
		uint32_t key, len; /* of the present member */
		size_t index;
		bool object;
	} level[DOCUMENT_DEPTH] = { 0 };
	const char *text = source->text;
	uint32_t end = off < source->len ? off : (uint32_t)source->len, string = 0, len = 0;
	size_t depth = 0;

	for (uint32_t i = 0; i <= end && i < source->len; i++) {
		switch (text[i]) {
		case '"':
			string = ++i;
			while (i < source->len && text[i] != '"')
				i += text[i] == '\\' ? 2 : 1;
			i = i < source->len ? i : (uint32_t)source->len;
			len = i - string;
			/* Within a key: it is that member's place already. */
			if (i >= end && depth && level[depth - 1].object &&
			    !level[depth - 1].len) {
				level[depth - 1].key = string;
				level[depth - 1].len = len;
			}
			break;
		case ':':
			if (depth) {
				level[depth - 1].key = string;
				level[depth - 1].len = len;
			}
			break;
		case ',':
			if (depth && i < end) {
				level[depth - 1].index++;
				level[depth - 1].len = 0;
			}
			break;
		case '{':
		case '[':
			if (depth == DOCUMENT_DEPTH || i == end)
				break;
			level[depth].object = text[i] == '{';
			level[depth].index = 0;
			level[depth++].len = 0;
			break;
		case '}':
		case ']':
			depth -= depth > 0 && i < end;
			break;
		}
	}
	for (size_t i = 0; i < depth; i++) {
		if (out->len > PATH_SHOWN) {
			text_puts(out, "...");
			break;
		}
		if (!level[i].object)
			text_printf(out, "[%zu]", level[i].index);
		else if (level[i].len)
			text_printf(out, "%s%.*s", i ? "." : "",
				    (int)(level[i].len < 64 ? level[i].len : 64),
				    text + level[i].key);
	}
}
