/* stmt_write.c - fields of headers that are set: `ip dscp set cs1`, `tcp dport set 80`.
 *
 * What nft makes of one (stmt_evaluate_payload): which checksums cover the field, and whether
 * it can be written as it is or only among the bytes around it, which it can but with a
 * constant.
 *
 * And of options of TCP, above all `tcp option maxseg size set rt mtu`; packets without the
 * option stay as they are, and a segment size never grows (nft_exthdr_tcp_set_eval). */
#include <netinet/in.h>

#include "ruleset/exthdr.h"
#include "ruleset/stmt.h"

static bool is_option(const struct expr *target, struct exthdr *ret)
{
	return expr_exthdr(target, ret) && ret->class == EXTHDR_TCP && ret->field;
}

bool write_is_target(const struct expr *target)
{
	enum base base = expr_field(target).base;
	struct exthdr option;

	return (base != BASE_NONE && base != BASE_LINK) || is_option(target, &option);
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

/* Of options two or four whole bytes are written. */
static bool check_option(struct checker *ck, const struct expr *target,
			 const struct exthdr *option)
{
	if ((option->len == 16 || option->len == 32) && option->off % 8 == 0)
		return true;
	diag_error(ck->d, &target->span,
		   "only fields of 16 or 32 bits can be set in options of TCP");
	return false;
}

bool write_check(struct checker *ck, struct stmt *s)
{
	struct expr *target = s->write.target, **value = &s->write.value;
	enum selector_id from = expr_selector(*value);
	struct exthdr option;
	struct mangle m;

	if (!protocols_need(ck, target, &target->span))
		return false;
	if (is_option(target, &option))
		return check_option(ck, target, &option) &&
		       (!from || protocols_need(ck, expr_bottom(*value), &(*value)->span)) &&
		       check_value(ck, target->type, value);
	m = mangle_of(target);
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
	struct exthdr option;
	struct mangle m;

	if (is_option(s->write.target, &option)) {
		if (compile_value(b, s->write.target->type, VALUE_FOR_HEADER, s->write.value) ==
		    OUTCOME_NEVER)
			return OUTCOME_NEVER;
		compile_emit(b, (struct insn){ .op = OP_SET_OPTION,
					       .k = (uint8_t)(option.len / 8),
					       .off = option.off / 8,
					       .a = b->rule,
					       .b = option.number });
		return OUTCOME_GOES_ON;
	}
	m = mangle_of(s->write.target);
	if (compile_value(b, s->write.target->type, VALUE_FOR_HEADER, s->write.value) ==
	    OUTCOME_NEVER)
		return OUTCOME_NEVER;
	compile_emit(b, (struct insn){ .op = OP_WRITE,
				       .k = m.bits > 32,
				       .a = compile_mangle(b, &m),
				       .b = b->rule });
	return OUTCOME_GOES_ON;
}
