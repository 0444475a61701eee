/* parse_field.c - selectors that are more than a name: options and extension headers, raw
 * payload, routes, hashes and numbers. */
#include <stdio.h>
#include <string.h>

#include "ruleset/datatype.h"
#include "ruleset/exthdr.h"
#include "ruleset/field.h"
#include "ruleset/parse.h"

static struct expr *selector_new(struct parser *p, enum selector_id id, struct span at)
{
	struct expr *e = expr_new(EXPR_SELECTOR, span_join(at, p->last));

	if (!e)
		return parse_oom(p);
	e->selector = id;
	e->type = selectors[id].type;
	return e;
}

/* ---- headers that are found by their number ---- */

static const enum selector_id class_selectors[] = {
	[EXTHDR_IP6] = SELECTOR_IP6_EXTHDR,
	[EXTHDR_IP] = SELECTOR_IP_OPTION,
	[EXTHDR_TCP] = SELECTOR_TCP_OPTION,
	[EXTHDR_SCTP] = SELECTOR_SCTP_CHUNK,
};

static struct expr *exthdr_new(struct parser *p, const struct exthdr *h, struct span at)
{
	struct expr *e;

	/* Several names have one number: listings know the first. */
	if (h->class == EXTHDR_TCP)
		h = h->field ? exthdr_at(h->class, h->number, h->off, h->len)
			     : exthdr_number(h->class, h->number);
	e = selector_new(p, class_selectors[h->class], at);
	if (!e)
		return NULL;
	e->type = h->type;
	e->arg.a = (uint32_t)(h - exthdrs);
	return e;
}

/* Names of a class, or the fields of one header, for messages. */
static size_t exthdr_names(enum exthdr_class class, const char *name, const char **names,
			   size_t max)
{
	size_t n = 0;

	for (const struct exthdr *h = exthdrs; h->class && n < max; h++) {
		if (h->class == class &&
		    (name ? h->field && !strcmp(h->name, name) : !h->field))
			names[n++] = name ? h->field : h->name;
	}
	names[n] = NULL;
	return n;
}

/* False: there is no such word. */
static bool copy_word(const struct parser *p, char word[32])
{
	if (p->t.kind != TOKEN_WORD || p->t.len >= 32)
		return false;
	memcpy(word, p->t.s, p->t.len);
	word[p->t.len] = '\0';
	return true;
}

static struct expr *unknown_exthdr(struct parser *p, enum exthdr_class class, const char *name,
				   const char *what)
{
	const char *names[64];
	const char *near;

	exthdr_names(class, name, names, 63);
	if (p->t.kind != TOKEN_WORD) {
		struct text expected = TEXT_INIT;

		text_printf(&expected, "%s: %s ...", what, names[0]);
		parse_expected(p, text_str(&expected));
		text_fini(&expected);
		return NULL;
	}
	if (name)
		diag_error(p->d, &p->t.span, "%s has no field \"%.*s\"", name, (int)p->t.len,
			   p->t.s);
	else
		diag_error(p->d, &p->t.span, "there is no %s \"%.*s\"", what, (int)p->t.len,
			   p->t.s);
	near = suggest(p->t.s, p->t.len, names);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	return NULL;
}

/* addr[1]: behind the bracket.  False with an error said. */
static bool parse_index(struct parser *p, char word[32])
{
	size_t len = strlen(word);
	uint64_t index;

	if (!parse_accept(p, '['))
		return true;
	if (!parse_number(p, "the number of an address", 127, &index) ||
	    !parse_expect(p, ']', "\"]\""))
		return false;
	snprintf(word + len, 32 - len, "[%u]", (unsigned)index);
	return true;
}

/* A field of the header, at the next token. */
static struct expr *parse_exthdr_field(struct parser *p, enum exthdr_class class,
				       const char *name, const char *what, struct span at)
{
	const struct exthdr *h = NULL;
	struct token first = p->t;
	char word[32];

	if (!copy_word(p, word))
		return unknown_exthdr(p, class, name, what);
	parse_advance(p);
	if (!parse_index(p, word))
		return NULL;
	h = exthdr_find(class, name, word);
	if (h)
		return exthdr_new(p, h, at);
	p->t = first;
	return unknown_exthdr(p, class, name, what);
}

/* At what a header is compared with, and not at one of its fields. */
static bool at_existence(const struct parser *p)
{
	static const char *const words[] = { "exists", "missing", "map", "vmap", "eq", "ne",
					     "and",    "or",	  "xor", "lt",	 "gt", "le",
					     "ge" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (token_is_word(&p->t, words[i]))
			return true;
	}
	return false;
}

/* `maxseg size`, or `maxseg` before a value. */
static struct expr *parse_option(struct parser *p, enum exthdr_class class, const char *what,
				 struct span at)
{
	const struct exthdr *h;
	char word[32], field[64];

	if (!copy_word(p, word) || !(h = exthdr_find(class, word, NULL)))
		return unknown_exthdr(p, class, NULL, what);
	parse_advance(p);
	if (p->t.kind != TOKEN_WORD || at_existence(p))
		return exthdr_new(p, h, at);
	snprintf(field, sizeof(field), "field of %s", word);
	return parse_exthdr_field(p, class, word, field, at);
}

/* tcp option @kind,off,len and tcp option kind. */
static struct expr *parse_numbered_option(struct parser *p, struct span at)
{
	uint64_t kind, off = 0, len = 0;
	bool raw = parse_accept(p, '@');
	const struct exthdr *h;
	struct expr *e;

	if (!parse_number(p, "the number of a TCP option", UINT8_MAX, &kind))
		return NULL;
	if (raw && (!parse_expect(p, ',', "\",\"") ||
		    !parse_number(p, "an offset in bits", 255 * 8, &off) ||
		    !parse_expect(p, ',', "\",\"") ||
		    !parse_number(p, "a number of bits", DATATYPE_MAX_BITS, &len)))
		return NULL;
	if (raw && !len) {
		diag_error(p->d, &p->last, "a field of no bits has no value");
		return NULL;
	}
	if (!raw && p->t.kind == TOKEN_WORD && !at_existence(p)) {
		h = exthdr_number(EXTHDR_TCP, (uint8_t)kind);
		if (h)
			return parse_exthdr_field(p, EXTHDR_TCP, h->name,
						  "field of this option", at);
	}
	h = raw ? exthdr_at(EXTHDR_TCP, (uint8_t)kind, (unsigned)off, (unsigned)len)
		: exthdr_number(EXTHDR_TCP, (uint8_t)kind);
	if (h)
		return exthdr_new(p, h, at);
	e = selector_new(p, SELECTOR_TCP_OPTION_RAW, at);
	if (!e)
		return NULL;
	if (raw)
		e->type = datatype_integer((unsigned)len);
	e->arg.b = (uint32_t)kind;
	e->arg.c = (uint32_t)off;
	e->arg.d = (uint32_t)len;
	return e;
}

static struct expr *parse_tcp_option(struct parser *p, struct span at)
{
	if (p->t.kind == TOKEN_NUMBER || token_is(&p->t, '@'))
		return parse_numbered_option(p, at);
	return parse_option(p, EXTHDR_TCP, "TCP option", at);
}

static struct expr *parse_exthdr(struct parser *p, struct span at)
{
	const struct exthdr *h;
	char word[32];

	if (!copy_word(p, word) || !(h = exthdr_find(EXTHDR_IP6, word, NULL)))
		return unknown_exthdr(p, EXTHDR_IP6, NULL, "extension header");
	parse_advance(p);
	return exthdr_new(p, h, at);
}

/* ---- raw payload ---- */

static struct expr *parse_raw(struct parser *p, struct span at)
{
	static const struct {
		const char *word;
		enum base base;
	} bases[] = {
		{"nh", BASE_NETWORK},
		{"th", BASE_TRANSPORT},
		{"ih", BASE_INNER},
	};
	struct token word = p->t, comma = parse_peek(p);
	struct span span;
	uint64_t off, len;
	struct expr *e;

	if (token_is_word(&word, "ll")) {
		diag_error(p->d, &word.span,
			   "\"@ll\" cannot be matched: the packets of a TUN "
			   "have no link-layer header");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		if (!token_is_word(&word, bases[i].word))
			continue;
		parse_advance(p);
		if (!parse_expect(p, ',', "\",\"") ||
		    !parse_number(p, "an offset in bits", PACKET_MAX * 8, &off) ||
		    !parse_expect(p, ',', "\",\"") ||
		    !parse_number(p, "a number of bits", DATATYPE_MAX_BITS, &len))
			return NULL;
		if (!len) {
			diag_error(p->d, &p->last, "a field of no bits has no value");
			return NULL;
		}
		e = selector_new(p, SELECTOR_RAW, at);
		if (!e)
			return NULL;
		e->type = &datatype_xintegers[len];
		e->arg.a = bases[i].base;
		e->arg.b = (uint32_t)off;
		e->arg.c = (uint32_t)len;
		return e;
	}
	if (word.kind == TOKEN_WORD && !token_is(&comma, ',')) {
		span = span_join(at, word.span);
		diag_error(p->d, &span,
			   "a set or map is no value of its own: a map is asked with "
			   "a key, as in tcp dport map @%.*s",
			   (int)word.len, word.s);
		return NULL;
	}
	parse_expected(p, "nh, th or ih");
	return NULL;
}

/* ---- routes ---- */

static bool token_is_one_of(const struct token *t, const char *const *words)
{
	while (*words && !token_is_word(t, *words))
		words++;
	return *words != NULL;
}

static struct expr *parse_rt(struct parser *p, struct span at)
{
	static const struct {
		const char *word;
		enum selector_id id;
	} keys[] = {
		{"classid", SELECTOR_RT_CLASSID},
		{"nexthop", SELECTOR_RT_NEXTHOP},
		{"mtu", SELECTOR_RT_MTU},
		{"ipsec", SELECTOR_RT_IPSEC},
	};
	enum { RT_FIELDS_MAX = 16 };
	const char *words[sizeof(keys) / sizeof(keys[0]) + RT_FIELDS_MAX + 1];
	enum selector_id id = SELECTOR_NONE;

	if (token_is_word(&p->t, "ip") || token_is_word(&p->t, "ip6")) {
		id = token_is_word(&p->t, "ip") ? SELECTOR_RT_IP_NEXTHOP
						: SELECTOR_RT_IP6_NEXTHOP;
		parse_advance(p);
		if (!parse_accept_word(p, "nexthop")) {
			parse_expected(p, "nexthop");
			return NULL;
		}
		return selector_new(p, id, at);
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (parse_accept_word(p, keys[i].word))
			return selector_new(p, keys[i].id, at);
		words[i] = keys[i].word;
	}
	/* The routing header has the same name. */
	exthdr_names(EXTHDR_IP6, "rt", words + sizeof(keys) / sizeof(keys[0]), RT_FIELDS_MAX);
	if (p->t.kind == TOKEN_WORD && !token_is_one_of(&p->t, words)) {
		parse_unknown(p, "a key of rt, such as nexthop or mtu", words);
		return NULL;
	}
	return parse_exthdr_field(p, EXTHDR_IP6, "rt", "key of rt", at);
}

/* ---- look-ups of routes ---- */

static struct expr *parse_fib(struct parser *p, struct span at)
{
	static const struct {
		const char *word;
		uint32_t flag;
	} keys[] = {
		{"saddr", FIB_SADDR}, {"daddr", FIB_DADDR}, {"mark", FIB_MARK},
		{"iif", FIB_IIF},     {"oif", FIB_OIF},
	};
	static const struct {
		const char *word;
		enum selector_id id;
	} results[] = {
		{"oif", SELECTOR_FIB_OIF},
		{"oifname", SELECTOR_FIB_OIFNAME},
		{"type", SELECTOR_FIB_TYPE},
	};
	uint32_t flags = 0, before;
	struct expr *e;

	do {
		before = flags;
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (!parse_accept_word(p, keys[i].word))
				continue;
			flags |= keys[i].flag;
			before = ~flags;
			break;
		}
		if (before == flags) {
			parse_expected(p, "saddr, daddr, mark, iif or oif");
			return NULL;
		}
	} while (parse_accept(p, '.'));
	if (!(flags & (FIB_SADDR | FIB_DADDR)) || !(~flags & (FIB_SADDR | FIB_DADDR)) ||
	    !(~flags & (FIB_IIF | FIB_OIF))) {
		at = span_join(at, p->last);
		diag_error(p->d, &at, "fib looks up one address, saddr or daddr, %s",
			   "with at most one interface, iif or oif");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		if (!parse_accept_word(p, results[i].word))
			continue;
		if (flags & FIB_OIF && results[i].id != SELECTOR_FIB_TYPE) {
			at = span_join(at, p->last);
			diag_error(p->d, &at, "oif is what is looked up: it cannot be given");
			return NULL;
		}
		e = selector_new(p, results[i].id, at);
		if (e)
			e->arg.a = flags;
		return e;
	}
	parse_expected(p, "oif, oifname or type");
	return NULL;
}

/* ---- numbers that are made ---- */

/* mod N, and offset N behind it. */
static bool parse_modulus(struct parser *p, struct selector_arg *arg)
{
	uint64_t number;

	if (!parse_accept_word(p, "mod")) {
		parse_expected(p, "mod");
		return false;
	}
	if (!parse_number(p, "a number", UINT32_MAX, &number))
		return false;
	if (!number) {
		diag_error(p->d, &p->last, "there is nothing to choose from 0 numbers");
		return false;
	}
	arg->a = (uint32_t)number;
	return true;
}

static bool parse_offset(struct parser *p, struct selector_arg *arg)
{
	uint64_t number;

	if (!parse_accept_word(p, "offset"))
		return true;
	if (!parse_number(p, "a number", UINT32_MAX, &number))
		return false;
	if (number + arg->a - 1 > UINT32_MAX) {
		diag_error(p->d, &p->last, "with this offset the numbers do not fit 32 bits");
		return false;
	}
	arg->b = (uint32_t)number;
	return true;
}

static struct expr *parse_numgen(struct parser *p, struct span at)
{
	enum selector_id id = SELECTOR_NONE;
	struct selector_arg arg = {0};
	struct expr *e;

	if (parse_accept_word(p, "inc"))
		id = SELECTOR_NUMGEN_INC;
	else if (parse_accept_word(p, "random"))
		id = SELECTOR_NUMGEN_RANDOM;
	if (!id) {
		parse_expected(p, "inc or random");
		return NULL;
	}
	if (!parse_modulus(p, &arg) || !parse_offset(p, &arg))
		return NULL;
	e = selector_new(p, id, at);
	if (e)
		e->arg = arg;
	return e;
}

static struct expr *parse_symhash(struct parser *p, struct span at)
{
	struct selector_arg arg = {0};
	struct expr *e;

	if (!parse_modulus(p, &arg) || !parse_offset(p, &arg))
		return NULL;
	e = selector_new(p, SELECTOR_SYMHASH, at);
	if (e)
		e->arg = arg;
	return e;
}

static struct expr *parse_jhash(struct parser *p, struct span at)
{
	struct selector_arg arg = {0};
	struct expr *of, *e;
	uint64_t number;

	if (!parse_enter(p))
		return NULL;
	of = parse_left(p);
	parse_leave(p);
	if (!of)
		return NULL;
	if (!parse_modulus(p, &arg))
		goto failed;
	if (parse_accept_word(p, "seed")) {
		if (!parse_number(p, "a number", UINT32_MAX, &number))
			goto failed;
		arg.c = (uint32_t)number;
		arg.d = true;
	}
	if (!parse_offset(p, &arg))
		goto failed;
	e = selector_new(p, SELECTOR_JHASH, at);
	if (!e)
		goto failed;
	e->arg = arg;
	e->arg.of = of;
	return e;
failed:
	expr_free(of);
	return NULL;
}

/* ---- which is it ---- */

static const struct {
	const char *first, *second; /* second NULL: the first word alone */
	struct expr *(*parse)(struct parser *p, struct span at);
} forms[] = {
	{"tcp", "option", parse_tcp_option},
	{"exthdr", NULL, parse_exthdr},
	{"rt", NULL, parse_rt},
	{"fib", NULL, parse_fib},
	{"numgen", NULL, parse_numgen},
	{"jhash", NULL, parse_jhash},
	{"symhash", NULL, parse_symhash},
};
#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

static bool is_ip6_header(const struct token *word)
{
	for (const struct exthdr *h = exthdrs; h->class; h++) {
		if (h->class == EXTHDR_IP6 && token_is_word(word, h->name))
			return true;
	}
	return false;
}

void parse_learn_field(const struct token *t, struct word *w)
{
	w->ip6_header = is_ip6_header(t);
	w->field = w->ip6_header;
	for (size_t i = 0; i < N_FORMS; i++)
		w->field = w->field || token_is_word(t, forms[i].first);
	w->selector = w->field;
	/* Before other words they are headers. */
	w->field = w->field || token_is_word(t, "ip") || token_is_word(t, "sctp");
}

bool parse_field(struct parser *p, const struct token *first, struct expr **ret)
{
	const struct word *w = parse_word(p, first);
	struct span at = first->span;
	char name[32];

	if (token_is(first, '@')) {
		*ret = parse_raw(p, at);
		return true;
	}
	if (!w->field)
		return false;
	for (size_t i = 0; i < N_FORMS; i++) {
		if (!token_is_word(first, forms[i].first) ||
		    (forms[i].second && !parse_accept_word(p, forms[i].second)))
			continue;
		*ret = forms[i].parse(p, at);
		return true;
	}
	if (token_is_word(first, "ip") && parse_accept_word(p, "option")) {
		*ret = parse_option(p, EXTHDR_IP, "IP option", at);
	} else if (token_is_word(first, "sctp") && parse_accept_word(p, "chunk")) {
		*ret = parse_option(p, EXTHDR_SCTP, "SCTP chunk", at);
	} else if (w->ip6_header) {
		snprintf(name, sizeof(name), "%.*s", (int)first->len, first->s);
		*ret = parse_exthdr_field(p, EXTHDR_IP6, name, "field of this header", at);
	} else {
		return false;
	}
	return true;
}
