/* parse_packed.c - the addresses of a saved set, from its text into a batch.
 *
 * A million of them are twenty megabytes of text.  As expressions they are ten times as much
 * memory, which a process that has just begun must be given first, while packets wait.  So
 * those that are one address, a prefix or a range, with nothing behind, are read as they are
 * met and make no tokens and no expressions; set_fill() puts them into the set.
 *
 * Only what was saved is read so, which we have written ourselves: what looks a little
 * different is left to parse_items(), and so is what is wrong. */
#include <arpa/inet.h>
#include <string.h>

#include "ctfw/addr.h"
#include "ruleset/key.h"
#include "ruleset/parse.h"

/* Text that is read. */
struct reader {
	const char *p, *end;
};

static bool accept_char(struct reader *in, char c)
{
	if (in->p == in->end || *in->p != c)
		return false;
	in->p++;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* In decimal, without zeroes before it. */
static bool read_number(struct reader *in, unsigned most, unsigned *ret)
{
	const char *from = in->p;
	unsigned n = 0;

	while (in->p < in->end && is_digit(*in->p) && n <= most)
		n = n * 10 + (unsigned)(*in->p++ - '0');
	*ret = n;
	return in->p > from && n <= most && (*from != '0' || in->p == from + 1);
}

static bool read_addr4(struct reader *in, uint8_t addr[4])
{
	unsigned n;

	for (unsigned i = 0; i < 4; i++) {
		if ((i && !accept_char(in, '.')) || !read_number(in, 255, &n))
			return false;
		addr[i] = (uint8_t)n;
	}
	return true;
}

static bool read_addr6(struct reader *in, uint8_t addr[16])
{
	static const char digits[] = "0123456789abcdef:.";
	char text[INET6_ADDRSTRLEN];
	size_t len = 0;

	while (in->p < in->end && len + 1 < sizeof(text) && *in->p && strchr(digits, *in->p))
		text[len++] = *in->p++;
	text[len] = '\0';
	return inet_pton(AF_INET6, text, addr) == 1;
}

static bool read_addr(struct reader *in, unsigned bytes, uint8_t *addr)
{
	return bytes == 4 ? read_addr4(in, addr) : read_addr6(in, addr);
}

/* From key to end: what has those first bits of key. */
static void spread(unsigned len, unsigned bytes, uint8_t *key, uint8_t *end)
{
	for (unsigned i = 0; i < bytes; i++) {
		unsigned bits = len >= 8 * (i + 1) ? 8 : len <= 8 * i ? 0 : len - 8 * i;
		uint8_t mask = (uint8_t)(0xff00u >> bits);

		key[i] &= mask;
		end[i] = (uint8_t)(key[i] | (uint8_t)~mask);
	}
}

static bool read_key(struct reader *in, const struct packed *to, struct set_element *el)
{
	unsigned len;

	if (!read_addr(in, to->bytes, el->key))
		return false;
	memcpy(el->end, el->key, sizeof(union addr));
	if (!to->interval)
		return true;
	if (accept_char(in, '/')) {
		if (!read_number(in, 8 * to->bytes, &len))
			return false;
		spread(len, to->bytes, el->key, el->end);
		return true;
	}
	return !accept_char(in, '-') ||
	       (read_addr(in, to->bytes, el->end) && memcmp(el->key, el->end, to->bytes) <= 0);
}

static void skip_blank(struct reader *in)
{
	while (in->p < in->end && (*in->p == ' ' || *in->p == '\t' || *in->p == '\n'))
		in->p++;
}

/* One, and the comma behind it; in is behind these, or where it was. */
static bool read_item(struct reader *in, const struct packed *to, struct set_element *el)
{
	struct reader at = *in;

	if (!read_key(&at, to, el))
		return false;
	skip_blank(&at);
	if (accept_char(&at, ','))
		skip_blank(&at);
	else if (at.p == at.end || *at.p != '}')
		return false;
	if (at.p < at.end && *at.p == ',')
		return false;
	*in = at;
	return true;
}

bool parse_packed(struct parser *p)
{
	const struct packed *to = &p->packed;
	const struct source *source = p->t.span.source;
	struct set_element el = { .comment = NULL };
	struct reader in;
	const char *from;

	if (!to->batch || p->peeked || (p->t.kind != TOKEN_ADDR4 && p->t.kind != TOKEN_ADDR6))
		return true;
	from = source->text + p->t.span.off;
	in = (struct reader){ from, source->text + source->len };
	while (read_item(&in, to, &el)) {
		if (set_batch_put(to->batch, &el)) {
			parse_oom(p);
			return false;
		}
	}
	if (in.p == from)
		return true;
	lex_seek(&p->lx, (size_t)(in.p - source->text));
	parse_advance(p);
	parse_skip_newlines(p);
	return true;
}

/* The type of its keys, where it is known already. */
static const struct datatype *type_of(const struct set *s)
{
	if (s->key_typeof)
		return s->key_typeof->kind == EXPR_SELECTOR ? s->key_typeof->type : NULL;
	return s->key.n == 1 ? s->key.part[0] : NULL;
}

bool parse_packed_begin(struct parser *p, const struct set_spec *spec)
{
	const struct set *s = spec->set;
	const struct datatype *type = type_of(s);
	struct key_type key = { .n = 0 };
	struct set_shape shape;

	p->packed = (struct packed){ .batch = NULL };
	if (!p->saved || p->json || spec->map || s->stmts.n || s->timeout ||
	    (type != &datatype_ipv4_addr && type != &datatype_ipv6_addr))
		return true;
	key_type_add(&key, type, true);
	shape = key_shape(&key);
	shape.interval = (s->flags & SET_INTERVAL) != 0;
	p->packed = (struct packed){
		.batch = set_batch_new(&shape, SET_ADD),
		.bytes = type->bits / 8,
		.interval = shape.interval,
	};
	if (!p->packed.batch)
		parse_oom(p);
	return p->packed.batch;
}
