/* stmt_nat.c - snat, dnat, masquerade and redirect: parsed, checked and listed as nft does. */
#include <string.h>

#include "ruleset/stmt.h"

static const struct {
	const char *word;
	bool addr; /* it says to which addresses */
} types[] = {
	[NAT_SNAT] = { "snat", true },
	[NAT_DNAT] = { "dnat", true },
	[NAT_MASQUERADE] = { "masquerade", false },
	[NAT_REDIRECT] = { "redirect", false },
};

/* In the order in which they are listed. */
static const struct {
	enum nat_flag flag;
	const char *word;
} flag_words[] = {
	{ NAT_RANDOM, "random" },
	{ NAT_FULLY_RANDOM, "fully-random" },
	{ NAT_PERSISTENT, "persistent" },
};
#define N_FLAGS (sizeof(flag_words) / sizeof(flag_words[0]))

const char *nat_word(enum nat_type type)
{
	return types[type].word;
}

const char *nat_flag_word(unsigned flags, unsigned n)
{
	return n < N_FLAGS ? (flags & flag_words[n].flag ? flag_words[n].word : "") : NULL;
}

/* ---- parse ---- */

static bool accept_flag(struct parser *p, uint8_t *flags)
{
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (parse_accept_word(p, flag_words[i].word)) {
			*flags |= flag_words[i].flag;
			return true;
		}
	}
	return false;
}

/* A list of them, or nothing; many: or lists, one behind the other, of which the last counts. */
static bool parse_flags(struct parser *p, uint8_t *ret_flags, bool many)
{
	uint8_t flags = 0;

	while (accept_flag(p, &flags)) {
		while (parse_accept(p, ',')) {
			if (accept_flag(p, &flags))
				continue;
			parse_expected(p, "random, fully-random or persistent");
			return false;
		}
		*ret_flags = flags;
		flags = 0;
		if (!many)
			break;
	}
	return true;
}

/* [ADDRESS], from which a port is told. */
static struct expr *parse_bracketed(struct parser *p)
{
	struct expr *e;

	if (!parse_expect(p, '[', "\"[\""))
		return NULL;
	e = parse_operations(p, PARSE_SET_VALUE);
	if (e && !parse_expect(p, ']', "\"]\"")) {
		expr_free(e);
		return NULL;
	}
	return e;
}

/* A value, lo-hi, value/length or a map. */
static struct expr *parse_to(struct parser *p)
{
	struct expr *lo, *e;

	if (!token_is(&p->t, '['))
		return parse_value(p);
	lo = parse_bracketed(p);
	if (lo && parse_accept(p, '/'))
		return parse_prefix(p, lo);
	if (!lo || !parse_accept(p, '-'))
		return lo;
	e = expr_new(EXPR_RANGE, lo->span);
	if (!e) {
		expr_free(lo);
		return parse_oom(p);
	}
	e->range.lo = lo;
	e->range.hi = parse_bracketed(p);
	if (!e->range.hi) {
		expr_free(e);
		return NULL;
	}
	e->span = span_join(lo->span, e->range.hi->span);
	return e;
}

/* ip and ip6 begin fields as well: only before `to` and its like they are the family. */
static void parse_nat_family(struct parser *p, struct stmt *s)
{
	struct span at = p->t.span;
	bool v4 = token_is_word(&p->t, "ip");
	struct token next;

	if (!v4 && !token_is_word(&p->t, "ip6"))
		return;
	/* `snat ip saddr map { ... }` has no `to`. */
	next = parse_peek(p);
	if (next.kind == TOKEN_WORD && !token_is_word(&next, "to") &&
	    !token_is_word(&next, "prefix"))
		return;
	parse_advance(p);
	s->nat.l3 = v4 ? L3_IPV4 : L3_IPV6;
	s->span = span_join(s->span, at);
}

static bool parse_addr(struct parser *p, struct stmt *s)
{
	parse_nat_family(p, s);
	if (parse_accept_word(p, "prefix"))
		s->nat.flags |= NAT_PREFIX;
	if (!parse_accept_word(p, "to") && (s->nat.l3 || s->nat.flags)) {
		parse_expected(p, "\"to\"");
		return false;
	}
	if (token_is(&p->t, ':'))
		return true;
	s->nat.addr = parse_to(p);
	return s->nat.addr != NULL;
}

static bool nat_parse(struct parser *p, struct stmt *s, enum nat_type type)
{
	bool to = types[type].addr, bare = false;

	s->kind = STMT_NAT;
	s->nat.type = (uint8_t)type;
	if (to && !parse_addr(p, s))
		return false;
	if (!to && token_is(&p->t, ':')) {
		parse_expected(p, "\"to\" before the port");
		return false;
	}
	if (!to && parse_accept_word(p, "to")) {
		to = true;
		/* `redirect to 8080` is known as well, but `masquerade to 8080` is not. */
		bare = type == NAT_REDIRECT && !token_is(&p->t, ':');
		if (!bare && !token_is(&p->t, ':')) {
			parse_expected(p, "\":\" and a port");
			return false;
		}
	}
	if (to && (bare || parse_accept(p, ':'))) {
		s->nat.port = parse_to(p);
		if (!s->nat.port)
			return false;
	}
	return parse_flags(p, &s->nat.flags, types[type].addr);
}

bool nat_parse_snat(struct parser *p, struct stmt *s)
{
	return nat_parse(p, s, NAT_SNAT);
}

bool nat_parse_dnat(struct parser *p, struct stmt *s)
{
	return nat_parse(p, s, NAT_DNAT);
}

bool nat_parse_masquerade(struct parser *p, struct stmt *s)
{
	return nat_parse(p, s, NAT_MASQUERADE);
}

bool nat_parse_redirect(struct parser *p, struct stmt *s)
{
	return nat_parse(p, s, NAT_REDIRECT);
}

/* ---- check ---- */

static const char *l3_name(int l3)
{
	return l3 == L3_IPV4 ? "ip" : "ip6";
}

/* The family of the addresses, as it was written or as the rule has it. */
static bool settle_family(struct checker *ck, struct stmt *s)
{
	int known = ck->proto.l3_many ? PROTOCOLS_NONE : ck->proto.l3;

	if (s->nat.l3 && known != PROTOCOLS_NONE && known != s->nat.l3) {
		diag_error(ck->d, &s->span,
			   "conflicting protocols: this is for %s, the rule is for %s",
			   l3_name(s->nat.l3), known ? l3_name(known) : "another protocol");
		return false;
	}
	if (s->nat.l3 || !s->nat.addr)
		return true;
	if (known != L3_IPV4 && known != L3_IPV6) {
		diag_error(ck->d, &s->span,
			   "addresses of which family?  Write \"%s ip to\" or \"%s ip6 to\"",
			   types[s->nat.type].word, types[s->nat.type].word);
		return false;
	}
	s->nat.l3 = (uint8_t)known;
	return true;
}

/* A range that is a prefix is listed as one. */
static void range_to_prefix(struct expr *e)
{
	const struct datatype *dt = e->type;
	struct value all, mask, lo, base;
	int len;

	if (e->kind != EXPR_RANGE)
		return; /* a map has no type of its own */
	all = value_ones(dt);
	lo = e->range.lo->value;
	mask = value_op(dt, EXPR_XOR, &lo, &e->range.hi->value);
	mask = value_op(dt, EXPR_XOR, &mask, &all);
	len = value_mask_len(dt, &mask);
	base = value_op(dt, EXPR_AND, &lo, &mask);
	if (len < 0 || value_cmp(dt, &base, &lo))
		return;
	expr_free(e->range.lo);
	expr_free(e->range.hi);
	e->kind = EXPR_PREFIX;
	e->prefix.value = lo;
	e->prefix.len = (uint8_t)len;
	e->prefix.of = NULL;
}

/* Whether a map has addresses with ports: address . port. */
static bool gives_ports(const struct checker *ck, const struct expr *set)
{
	const struct expr *item;
	size_t at;

	if (set->kind == EXPR_SETREF) {
		at = ck->table ? set_find_named(ck->table, set->symbol) : MODEL_NONE;
		return at != MODEL_NONE && ck->table->sets[at]->data.n == 2;
	}
	item = set->list.n ? set->list.item[0] : set;
	return item->kind == EXPR_MAPPING && item->mapping.data->kind == EXPR_CONCAT;
}

static bool has_ports(struct checker *ck, const struct span *at)
{
	if (ck->proto.l4 != PROTOCOLS_NONE)
		return true;
	diag_error(ck->d, at,
		   "ports need a protocol: match it before, as in \"meta l4proto { tcp, "
		   "udp }\"");
	return false;
}

/* A constant, a range of them, a field or a map. */
static bool check_target(struct checker *ck, const struct datatype *dt, struct expr **e)
{
	enum selector_id from = expr_selector(*e);
	struct key_type to = { .n = 0 };

	if ((*e)->kind == EXPR_MAP) {
		key_type_add(&to, dt, true);
		if (gives_ports(ck, (*e)->map.set))
			key_type_add(&to, &datatype_inet_service, true);
		/* The map's key may be what says the protocol. */
		return check_map(ck, &to, true, *e) &&
		       (to.n == 1 || has_ports(ck, &(*e)->span));
	}
	if (!from)
		return check_constant(ck, dt, e);
	return protocols_need(ck, expr_bottom(*e), &(*e)->span) &&
	       check_value(ck, dt, e);
}

static bool check_port(struct checker *ck, struct stmt *s)
{
	return has_ports(ck, &s->nat.port->span) &&
	       check_target(ck, &datatype_inet_service, &s->nat.port);
}

static bool says_family(const struct checker *ck, const struct expr *e)
{
	const struct expr *set;
	size_t at;

	if (e->kind != EXPR_MAP)
		return false;
	set = e->map.set;
	if (set->kind == EXPR_SETREF) {
		at = ck->table ? set_find_named(ck->table, set->symbol) : MODEL_NONE;
		return at != MODEL_NONE && (ck->table->sets[at]->data.n == 2 ||
					    ck->table->sets[at]->data_interval);
	}
	for (size_t i = 0; i < set->list.n; i++) {
		const struct expr *data = set->list.item[i]->mapping.data;

		if (data->kind == EXPR_CONCAT || key_is_interval(data))
			return true;
	}
	return false;
}

bool nat_check(struct checker *ck, struct stmt *s)
{
	if (!settle_family(ck, s))
		return false;
	if (s->nat.addr) {
		if (!check_target(ck, s->nat.l3 == L3_IPV4 ? &datatype_ipv4_addr :
							     &datatype_ipv6_addr,
				  &s->nat.addr))
			return false;
		range_to_prefix(s->nat.addr);
		if (says_family(ck, s->nat.addr))
			s->nat.flags |= NAT_FAMILY;
	}
	return !s->nat.port || check_port(ck, s);
}

/* ---- print ---- */

/* Ends of a range; an IPv6 address in front of a port is in brackets. */
static void print_addr(const struct expr *e, bool brackets, unsigned flags, struct text *out)
{
	if (e->kind == EXPR_RANGE) {
		print_addr(e->range.lo, brackets, flags, out);
		text_putc(out, '-');
		print_addr(e->range.hi, brackets, flags, out);
		return;
	}
	brackets = brackets && e->kind == EXPR_VALUE;
	text_puts(out, brackets ? "[" : "");
	print_expr(e, flags, out);
	text_puts(out, brackets ? "]" : "");
}

void nat_print(const struct rule *r, const struct stmt *s, unsigned flags, struct text *out)
{
	bool first = true;

	text_puts(out, types[s->nat.type].word);
	if (s->nat.addr && (r->family == FAMILY_INET || s->nat.flags & NAT_FAMILY))
		text_printf(out, " %s", l3_name(s->nat.l3));
	text_puts(out, s->nat.flags & NAT_PREFIX ? " prefix" : "");
	text_puts(out, s->nat.addr || s->nat.port ? " to " : "");
	if (s->nat.addr)
		print_addr(s->nat.addr, s->nat.port && s->nat.l3 == L3_IPV6, flags, out);
	if (s->nat.port) {
		text_putc(out, ':');
		print_expr(s->nat.port, flags, out);
	}
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (!(s->nat.flags & flag_words[i].flag))
			continue;
		text_printf(out, "%s%s", first ? " " : ",", flag_words[i].word);
		first = false;
	}
}
