/* stmt_write.c - fields of headers that are set: `ip dscp set cs1`, `tcp dport set 80`.
 *
 * What nft makes of one (stmt_evaluate_payload): which checksums cover the field, and whether
 * it can be written as it is or only among the bytes around it, which it can but with a
 * constant. */
#include <netinet/in.h>

#include "ruleset/stmt.h"

bool write_is_target(const struct expr *target)
{
	enum base base = expr_field(target).base;

	return base != BASE_NONE && base != BASE_LINK;
}

bool write_parse(struct parser *p, struct expr *target, struct stmt *s)
{
	bool flags = target->type->bitmask && !parse_at_selector(p);

	*s = (struct stmt){ .kind = STMT_WRITE, .span = target->span };
	s->write.target = target;
	if (token_is(&p->t, '{')) {
		diag_error(p->d, &p->t.span, "one value is set, not a set of them");
		return false;
	}
	s->write.value = flags ? parse_flag_list(p) : parse_value(p);
	s->span = span_join(s->span, p->last);
	return s->write.value != NULL;
}

/* ---- which checksums cover a field ---- */

/* Places in the IP header that the transport's pseudo-header shows (RFC 9293 3.1, RFC 8200
 * 8.1), in bits. */
static bool is_pseudo(const struct field *f, uint8_t l3)
{
	static const uint16_t ipv4[] = { 16, 72, 96, 128 }, ipv6[] = { 32, 48, 64, 192 };
	const uint16_t *places = l3 == L3_IPV4 ? ipv4 : ipv6;

	for (unsigned i = 0; i < 4; i++) {
		if (f->off == places[i])
			return true;
	}
	return false;
}

/* Headers whose checksum nft has changed, and how. */
static const struct {
	uint8_t l4, sum, off;
} own_sums[] = {
	{ IPPROTO_TCP, MANGLE_SUM_HEADER, 16 },	  { IPPROTO_UDP, MANGLE_SUM_HEADER, 6 },
	{ IPPROTO_ICMP, MANGLE_SUM_HEADER, 2 },	  { IPPROTO_IGMP, MANGLE_SUM_HEADER, 2 },
	{ IPPROTO_ICMPV6, MANGLE_SUM_HEADER, 2 }, { IPPROTO_SCTP, MANGLE_SUM_CRC, 8 },
};

/* Fields without a name (@th, th dport) have nobody to say whose they are: only they are
 * written. */
static struct mangle mangle_of(const struct expr *target)
{
	static const uint8_t bases[BASE_COUNT] = {
		[BASE_NETWORK] = MANGLE_NETWORK,
		[BASE_TRANSPORT] = MANGLE_TRANSPORT,
		[BASE_INNER] = MANGLE_INNER,
	};
	const struct selector *s = &selectors[target->selector];
	struct field f = expr_field(target);
	struct mangle m = { .base = bases[f.base], .bit = f.off, .bits = (uint8_t)f.len };

	if (f.base == BASE_INNER || (s->l3 && f.base == BASE_NETWORK && is_pseudo(&f, s->l3)))
		m.sums |= MANGLE_SUM_PSEUDO;
	if (f.base == BASE_NETWORK && s->l3 == L3_IPV4) {
		m.sums |= MANGLE_SUM_HEADER;
		m.sum_off = 10;
	}
	for (size_t i = 0; i < sizeof(own_sums) / sizeof(own_sums[0]); i++) {
		if (f.base != BASE_TRANSPORT || own_sums[i].l4 != s->l4)
			continue;
		m.sums |= own_sums[i].sum;
		m.sum_off = own_sums[i].off;
	}
	return m;
}

/* Whether it is written together with bits beside it. */
static bool is_among_others(const struct mangle *m)
{
	return m->bit % 8 || m->bits % 8 ||
	       (m->sums & (MANGLE_SUM_HEADER | MANGLE_SUM_PSEUDO) && m->bits % 16 &&
		(m->base != MANGLE_NETWORK || m->sums & MANGLE_SUM_HEADER));
}

/* ---- check ---- */

bool write_check(struct checker *ck, struct stmt *s)
{
	struct expr *target = s->write.target, **value = &s->write.value;
	enum selector_id from = expr_selector(*value);
	struct mangle m = mangle_of(target);

	if (!protocols_need(ck, target, &target->span))
		return false;
	if ((from || (*value)->kind == EXPR_MAP) && is_among_others(&m)) {
		diag_error(ck->d, &(*value)->span, "\"%s\" can be set to constants only",
			   selectors[target->selector].text);
		return false;
	}
	return (!from || protocols_need(ck, expr_bottom(*value), &(*value)->span)) &&
	       check_value(ck, target->type, value);
}

/* ---- print ---- */

void write_print(const struct stmt *s, unsigned flags, struct text *out)
{
	print_expr(s->write.target, flags, out);
	text_puts(out, " set ");
	print_expr(s->write.value, flags, out);
}

/* ---- compile ---- */

enum outcome write_compile(struct builder *b, const struct stmt *s)
{
	struct mangle m = mangle_of(s->write.target);

	if (compile_value(b, s->write.target->type, s->write.value) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	compile_emit(b, (struct insn){ .op = OP_WRITE,
				       .k = m.bits > 32,
				       .a = compile_mangle(b, &m),
				       .b = b->rule });
	return OUTCOME_GOES_ON;
}
