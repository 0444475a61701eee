/* compile_expr.c - matches and values to instructions.
 *
 * What nft's netlink_linearize.c makes of an expression is the measure:
 *
 *   - a field that needs a protocol asks for it first, unless the rule has done so;
 *   - `ct state new,established`, a list of flags without an operator, asks for any of
 *     them; with == or !=, behind a mask, and in a set the value as a whole counts;
 *   - a set of one is that one;
 *   - numbers compare as numbers, addresses as numbers whose first byte counts most, names
 *     as strings. */
#include <endian.h>
#include <stddef.h>
#include <stdlib.h>
#include <netinet/in.h>

#include "ruleset/compile.h"
#include "ruleset/key.h"

/* Where a selector's value is, when it is not found by its place alone. */
struct origin {
	uint8_t load; /* enum load */
	uint8_t k; /* protocol */
	uint16_t off, off6; /* off6: of LOAD_CONST for IPv6 packets */
	uint8_t ct;         /* enum ct_field, which OP_CT loads first, */
	uint8_t dir;        /* in this direction */
	struct insn field;  /* or OP_FIELD */
};
#define CT(field, direction) \
	{ .load = LOAD_ACC, .ct = CT_FIELD_##field, .dir = (direction) }
#define CT_WIDE(field, direction) \
	{ .load = LOAD_WIDE_ACC, .ct = CT_FIELD_##field, .dir = (direction) }

#define FIELD_IN(type, member) offsetof(struct type, member)
static const struct origin origins[SELECTOR_COUNT] = {
	[SELECTOR_META_L4PROTO] = { LOAD_PROTO, 0, 0, 0 },
	[SELECTOR_META_NFPROTO] = { LOAD_CONST, 0, FAMILY_IP, FAMILY_IP6 },
	[SELECTOR_META_PROTOCOL] = { LOAD_CONST, 0, 0x0800, 0x86dd }, /* EtherTypes */
	[SELECTOR_META_LENGTH] = { LOAD_LENGTH, 0, 0, 0 },
	[SELECTOR_META_IIF] = { LOAD_WIDE_EVAL, 0, FIELD_IN(eval, iifname), 0 },
	[SELECTOR_META_OIF] = { LOAD_WIDE_EVAL, 0, FIELD_IN(eval, oifname), 0 },
	[SELECTOR_META_IIFNAME] = { LOAD_WIDE_EVAL, 0, FIELD_IN(eval, iifname), 0 },
	[SELECTOR_META_OIFNAME] = { LOAD_WIDE_EVAL, 0, FIELD_IN(eval, oifname), 0 },
	[SELECTOR_META_MARK] = { LOAD_MARK, 0, 0, 0 },
	[SELECTOR_META_NFTRACE] = { LOAD_NFTRACE, 0, 0, 0 },
	[SELECTOR_CT_STATE] = { LOAD_STATE, 0, 0, 0 },
	[SELECTOR_CT_DIRECTION] = { LOAD_CT_DIRECTION, 0, 0, 0 },
	[SELECTOR_CT_STATUS] = { LOAD_CT_STATUS, 0, 0, 0 },
	[SELECTOR_CT_MARK] = { LOAD_CT_MARK, 0, 0, 0 },
	[SELECTOR_CT_EXPIRATION] = CT(EXPIRATION, CT_DIR_BOTH),
	[SELECTOR_CT_HELPER] = CT_WIDE(HELPER, CT_DIR_BOTH),
	[SELECTOR_CT_LABEL] = CT_WIDE(LABEL, CT_DIR_BOTH),
	[SELECTOR_CT_ID] = CT(ID, CT_DIR_BOTH),
	[SELECTOR_CT_L3PROTO] = CT(L3PROTO, CT_DIR_BOTH),
	[SELECTOR_CT_PROTOCOL] = CT(PROTOCOL, CT_DIR_BOTH),
	[SELECTOR_CT_BYTES] = CT_WIDE(BYTES, CT_DIR_BOTH),
	[SELECTOR_CT_PACKETS] = CT_WIDE(PACKETS, CT_DIR_BOTH),
	[SELECTOR_CT_AVGPKT] = CT_WIDE(AVGPKT, CT_DIR_BOTH),
	[SELECTOR_CT_ZONE] = CT(ZONE, CT_DIR_BOTH),
#define CT_DIRECTION(DIR)                                                                      \
	[SELECTOR_CT_##DIR##_IP_SADDR] = CT(SADDR4, DIR_##DIR),                                \
	[SELECTOR_CT_##DIR##_IP_DADDR] = CT(DADDR4, DIR_##DIR),                                \
	[SELECTOR_CT_##DIR##_IP6_SADDR] = CT_WIDE(SADDR6, DIR_##DIR),                          \
	[SELECTOR_CT_##DIR##_IP6_DADDR] = CT_WIDE(DADDR6, DIR_##DIR),                          \
	[SELECTOR_CT_##DIR##_PROTO_SRC] = CT(PROTO_SRC, DIR_##DIR),                            \
	[SELECTOR_CT_##DIR##_PROTO_DST] = CT(PROTO_DST, DIR_##DIR),                            \
	[SELECTOR_CT_##DIR##_BYTES] = CT_WIDE(BYTES, DIR_##DIR),                               \
	[SELECTOR_CT_##DIR##_PACKETS] = CT_WIDE(PACKETS, DIR_##DIR),                           \
	[SELECTOR_CT_##DIR##_AVGPKT] = CT_WIDE(AVGPKT, DIR_##DIR),                             \
	[SELECTOR_CT_##DIR##_ZONE] = CT(ZONE, DIR_##DIR)
	CT_DIRECTION(ORIGINAL),
	CT_DIRECTION(REPLY),
#undef CT_DIRECTION
	/* RFC 791 3.1 */
	[SELECTOR_IP_SADDR] = { LOAD_NET32, 0, 12, 0 },
	[SELECTOR_IP_DADDR] = { LOAD_NET32, 0, 16, 0 },
	[SELECTOR_IP_PROTOCOL] = { LOAD_NET8, 0, 9, 0 },
	[SELECTOR_IP_TTL] = { LOAD_HOPS, 0, 8, 0 },
	[SELECTOR_IP_LENGTH] = { LOAD_NET16, 0, 2, 0 },
	/* RFC 8200 3 */
	[SELECTOR_IP6_SADDR] = { LOAD_WIDE_NET, 0, 8, 0 },
	[SELECTOR_IP6_DADDR] = { LOAD_WIDE_NET, 0, 24, 0 },
	[SELECTOR_IP6_NEXTHDR] = { LOAD_NET8, 0, 6, 0 },
	[SELECTOR_IP6_HOPLIMIT] = { LOAD_HOPS, 0, 7, 0 },
	[SELECTOR_IP6_LENGTH] = { LOAD_NET16, 0, 4, 0 },
	[SELECTOR_TCP_SPORT] = { LOAD_PORT, IPPROTO_TCP, FIELD_IN(packet, sport), 0 },
	[SELECTOR_TCP_DPORT] = { LOAD_PORT, IPPROTO_TCP, FIELD_IN(packet, dport), 0 },
	[SELECTOR_TCP_FLAGS] = { LOAD_TRANSPORT8, IPPROTO_TCP, 13, 0 },
	[SELECTOR_UDP_SPORT] = { LOAD_PORT, IPPROTO_UDP, FIELD_IN(packet, sport), 0 },
	[SELECTOR_UDP_DPORT] = { LOAD_PORT, IPPROTO_UDP, FIELD_IN(packet, dport), 0 },
	[SELECTOR_TH_SPORT] = { LOAD_TRANSPORT16, 0, 0, 0 },
	[SELECTOR_TH_DPORT] = { LOAD_TRANSPORT16, 0, 2, 0 },
	[SELECTOR_ICMP_TYPE] = { LOAD_TRANSPORT8, IPPROTO_ICMP, 0, 0 },
	[SELECTOR_ICMP_CODE] = { LOAD_TRANSPORT8, IPPROTO_ICMP, 1, 0 },
	[SELECTOR_ICMPV6_TYPE] = { LOAD_TRANSPORT8, IPPROTO_ICMPV6, 0, 0 },
	[SELECTOR_ICMPV6_CODE] = { LOAD_TRANSPORT8, IPPROTO_ICMPV6, 1, 0 },
};

/* The left side: a field, and then (value & mask) ^ flip, or operations with shifts. */
struct left {
	enum selector_id selector;
	const struct datatype *type;
	struct origin field;
	bool is_wide;
	unsigned bits; /* 32 or 128: the width in which it is compared */
	bool changed;  /* mask and flip are not 1...1 and 0 */
	struct wide mask, flip;
	const struct expr *shifted; /* all of the operations; NULL: there are no shifts */
	bool whole; /* with what was shifted out of the field's bytes, but not of the register
		     */
};

static const struct wide wide_zero = { 0, 0 };
static const struct wide wide_ones = { UINT64_MAX, UINT64_MAX };

static struct wide wide_and(struct wide x, struct wide y)
{
	return (struct wide){ x.hi & y.hi, x.lo & y.lo };
}

static struct wide wide_or(struct wide x, struct wide y)
{
	return (struct wide){ x.hi | y.hi, x.lo | y.lo };
}

static struct wide wide_xor(struct wide x, struct wide y)
{
	return (struct wide){ x.hi ^ y.hi, x.lo ^ y.lo };
}

static bool wide_equal(struct wide x, struct wide y)
{
	return x.hi == y.hi && x.lo == y.lo;
}

/* The last n of 128 bits set. */
static struct wide wide_low(unsigned n)
{
	if (n >= 128)
		return wide_ones;
	if (n >= 64)
		return (struct wide){ n == 64 ? 0 : UINT64_MAX >> (128 - n), UINT64_MAX };
	return (struct wide){ 0, ((uint64_t)1 << n) - 1 };
}

static struct wide from_value(const struct value *v, const struct datatype *type)
{
	uint64_t d[2];

	switch (type->class) {
	case VALUE_ADDR:
		if (type->bits == 32)
			return (struct wide){ 0, be32toh(v->addr.w[0]) };
		return (struct wide){ be64toh(v->addr.d[0]), be64toh(v->addr.d[1]) };
	case VALUE_STRING:
		for (int i = 0; i < 2; i++) {
			d[i] = 0;
			for (int j = 0; j < 8; j++)
				d[i] = d[i] << 8 | (uint8_t)v->str.s[i * 8 + j];
		}
		return (struct wide){ d[0], d[1] };
	default:
		return (struct wide){ 0, v->num };
	}
}

/* Of an EXPR_VALUE: check has folded everything that is constant. */
static struct wide from_const(const struct expr *e)
{
	return from_value(&e->value, e->type);
}

/* What a value, range, prefix or wildcard spans; width is that of the field in bits. */
static struct wide_range from_range(const struct expr *e, unsigned width)
{
	struct wide_range r;
	struct wide behind;
	size_t len = 0;

	switch (e->kind) {
	case EXPR_RANGE:
		r.first = from_const(e->range.lo);
		r.last = from_const(e->range.hi);
		return r;
	case EXPR_PREFIX:
		behind = wide_low(width - e->prefix.len);
		r.first = from_value(&e->prefix.value, e->type);
		break;
	case EXPR_VALUE:
		if (e->type->class != VALUE_STRING || !e->value.str.wildcard)
			goto single;
		while (len < sizeof(e->value.str.s) && e->value.str.s[len])
			len++;
		behind = wide_low(128 - 8 * (unsigned)len);
		r.first = from_value(&e->value, e->type);
		break;
	default:
	single:
		r.first = r.last = from_const(e);
		return r;
	}
	r.last = wide_or(r.first, behind);
	r.first = wide_and(r.first, wide_xor(behind, wide_ones));
	return r;
}

/* Bits of a value of this type: 32 and 128 for addresses, 128 for names. */
static unsigned type_bits(const struct datatype *type)
{
	return type->class == VALUE_STRING ? 128 : type->bits;
}

/* ---- the left side ---- */

static void left_resolve(struct builder *b, const struct expr *e, struct left *l)
{
	struct wide c;
	bool wide = false;

	if (e->kind == EXPR_SELECTOR) {
		*l = (struct left){
			.selector = e->selector,
			.type = e->type,
			.field = origins[e->selector],
			.mask = wide_ones,
		};
		if (!l->field.load && compile_op_field(b, e, &l->field.field, &wide))
			l->field.load = wide ? LOAD_WIDE_ACC : LOAD_ACC;
		l->is_wide = l->field.load >= LOAD_WIDE_ACC;
		l->bits = l->is_wide ? 128 : 32;
		return;
	}
	left_resolve(b, e->op.left, l);
	if (l->shifted || expr_is_shift(e)) {
		l->shifted = e;
		return;
	}
	c = from_const(e->op.right);
	switch (e->kind) {
	case EXPR_AND:
		l->mask = wide_and(l->mask, c);
		l->flip = wide_and(l->flip, c);
		break;
	case EXPR_OR:
		l->mask = wide_and(l->mask, wide_xor(c, wide_ones));
		l->flip = wide_or(l->flip, c);
		break;
	default:
		l->flip = wide_xor(l->flip, c);
		break;
	}
	l->changed = true;
}

/* The protocols that the field needs, as far as the program's family decides them.
 * Transport protocols are asked for by the load itself. */
static enum outcome left_depend(struct builder *b, struct left *l)
{
	const struct selector *s = &selectors[l->selector];
	struct program_rule *r = &b->program->rules[b->rule];
	uint8_t l3 = s->l3;

	if (s->depends > r->depends)
		r->depends = (uint8_t)s->depends;
	/* In an inet table `icmp` means ICMP over IPv4, unless the rule has said what it is
	 * over, or that it is ICMP. */
	if (b->table->family == FAMILY_INET && !b->known_l3 && !b->known_l4) {
		if (s->l4 == IPPROTO_ICMP)
			l3 = L3_IPV4;
		else if (s->l4 == IPPROTO_ICMPV6)
			l3 = L3_IPV6;
	}
	if (l3) {
		b->known_l3 = true;
		if (l3 != b->l3)
			return OUTCOME_NEVER;
	}
	if (s->l4)
		b->known_l4 = true;
	if (l->field.load == LOAD_CONST && b->l3 == L3_IPV6)
		l->field.off = l->field.off6;
	if (l->field.ct)
		compile_emit(b, (struct insn){
					.op = OP_CT, .k = l->field.ct, .off = l->field.dir });
	if (l->field.field.op)
		compile_emit(b, l->field.field);
	return OUTCOME_GOES_ON;
}

/* The rule holds for one protocol from here on: so nft asks for it no second time. */
static void left_known(struct builder *b, enum selector_id selector)
{
	switch (selector) {
	case SELECTOR_META_NFPROTO:
	case SELECTOR_META_PROTOCOL:
	case SELECTOR_CT_L3PROTO:
		b->known_l3 = true;
		break;
	case SELECTOR_META_L4PROTO:
	case SELECTOR_CT_PROTOCOL:
	case SELECTOR_IP_PROTOCOL:
	case SELECTOR_IP6_NEXTHDR:
		b->known_l4 = true;
		break;
	default:
		break;
	}
}

/* acc op constant, in 32 bits; all but shifts leave those of the field, `all`. */
static void emit_op(struct builder *b, enum expr_kind kind, uint32_t c, uint32_t all)
{
	struct insn insn = {.op = OP_BITS, .a = all};

	switch (kind) {
	case EXPR_AND:
		insn.a = c;
		break;
	case EXPR_OR:
		insn.a = all & ~c;
		insn.b = c;
		break;
	case EXPR_XOR:
		insn.b = c;
		break;
	default:
		insn.op = OP_SHIFT;
		insn.k = kind == EXPR_RSHIFT;
		insn.a = c;
		break;
	}
	compile_emit(b, insn);
}

/* The same of 128 bits; width: those of the register that is shifted. */
static void emit_wide_op(struct builder *b, enum expr_kind kind, struct wide c, unsigned width)
{
	struct wide mask = wide_ones, flip = wide_zero;

	if (kind == EXPR_LSHIFT || kind == EXPR_RSHIFT) {
		compile_emit(b, (struct insn){.op = OP_WIDE_SHIFT,
					      .k = kind == EXPR_RSHIFT,
					      .off = (uint16_t)width,
					      .a = (uint32_t)c.lo});
		return;
	}
	if (kind != EXPR_XOR)
		mask = kind == EXPR_AND ? c : wide_xor(c, wide_ones);
	if (kind != EXPR_AND)
		flip = c;
	compile_emit(b, (struct insn){
				.op = OP_WIDE_BITS,
				.a = compile_pair(b, mask, flip),
			});
}

static void emit_chain(struct builder *b, const struct left *l, const struct expr *e)
{
	struct wide c;

	if (e->kind == EXPR_SELECTOR)
		return;
	emit_chain(b, l, e->op.left);
	c = from_const(e->op.right);
	if (l->is_wide)
		emit_wide_op(b, e->kind, c, l->type->bits);
	else
		emit_op(b, e->kind, (uint32_t)c.lo, (uint32_t)wide_low(l->type->bits).lo);
}

/* Operations are on registers of 32 bits, or of several; of the result the field's bytes
 * count. */
static void emit_shifted(struct builder *b, const struct left *l)
{
	unsigned bits = (l->type->bits + 7u) & ~7u;

	emit_chain(b, l, l->shifted);
	if (l->is_wide && bits % 64)
		emit_wide_op(b, EXPR_AND, wide_low(bits), bits);
	else if (bits < 32 && !l->whole)
		emit_op(b, EXPR_AND, (UINT32_C(1) << bits) - 1, UINT32_MAX);
}

/* Bring the value into the accumulator and apply mask and flip. */
static void left_get(struct builder *b, const struct left *l)
{
	compile_emit(b, (struct insn){
				.op = OP_TEST(l->field.load, TEST_GET),
				.k = l->field.k,
				.off = l->field.off,
			});
	if (l->shifted)
		emit_shifted(b, l);
	if (l->shifted || !l->changed)
		return;
	if (l->is_wide)
		compile_emit(b, (struct insn){
					.op = OP_WIDE_BITS,
					.a = compile_pair(b, l->mask, l->flip),
				});
	else
		compile_emit(b, (struct insn){
					.op = OP_BITS,
					.a = (uint32_t)l->mask.lo,
					.b = (uint32_t)l->flip.lo,
				});
}

/* ---- tests ---- */

/* What the family decides is decided now. */
static enum outcome test_const(const struct origin *f, enum test test, uint32_t a, uint32_t b)
{
	uint32_t x = f->off;
	bool match;

	switch (test) {
	case TEST_EQ:
		match = (x & b) == a;
		break;
	case TEST_NE:
		match = (x & b) != a;
		break;
	case TEST_IN:
		match = x - a <= b;
		break;
	default:
		match = x - a > b;
		break;
	}
	return match ? OUTCOME_GOES_ON : OUTCOME_NEVER;
}

static enum outcome emit_test(struct builder *b, const struct origin *f, enum test test,
			      struct wide first, struct wide second)
{
	struct insn insn = {
		.op = (uint8_t)OP_TEST(f->load, test),
		.k = f->k,
		.off = f->off,
		.a = (uint32_t)first.lo,
		.b = (uint32_t)second.lo,
	};

	if (f->load == LOAD_CONST)
		return test_const(f, test, insn.a, insn.b);
	if (f->load >= LOAD_WIDE_ACC)
		insn.a = compile_pair(b, first, second);
	compile_emit(b, insn);
	return OUTCOME_GOES_ON;
}

/* value & mask == wanted, or not. */
static enum outcome test_masked(struct builder *b, const struct left *l, bool negate,
				struct wide mask, struct wide wanted)
{
	return emit_test(b, &l->field, negate ? TEST_NE : TEST_EQ, wanted, mask);
}

/* What shifts have made is tested as a field of its own. */
static void left_shift(struct builder *b, struct left *l)
{
	if (!l->shifted)
		return;
	left_get(b, l);
	l->field = (struct origin){.load = l->is_wide ? LOAD_WIDE_ACC : LOAD_ACC};
	l->mask = wide_ones;
	l->flip = wide_zero;
	l->shifted = NULL;
	l->changed = false;
}

/* Within the range, or not. */
static enum outcome test_range(struct builder *b, const struct left *l, bool negate,
			       struct wide_range r)
{
	static const struct origin acc = { .load = LOAD_ACC },
				  wide_acc = { .load = LOAD_WIDE_ACC };
	const struct origin *f = &l->field;
	enum test test = negate ? TEST_OUT : TEST_IN;

	if (wide_equal(r.first, r.last))
		return test_masked(b, l, negate, l->mask, wide_xor(r.first, l->flip));
	if (l->changed) {
		left_get(b, l);
		f = l->is_wide ? &wide_acc : &acc;
	}
	if (l->is_wide)
		return emit_test(b, f, test, r.first, r.last);
	return emit_test(b, f, test, r.first, (struct wide){ 0, r.last.lo - r.first.lo });
}

/* <, >, <= and >= as ranges. */
static enum outcome test_order(struct builder *b, const struct left *l, enum match_op op,
			       struct wide x)
{
	struct wide_range r = { wide_zero, wide_low(l->bits) };
	bool none = false;

	switch (op) {
	case MATCH_LT:
		none = wide_equal(x, wide_zero);
		r.last = (struct wide){ x.hi - !x.lo, x.lo - 1 };
		break;
	case MATCH_LE:
		r.last = x;
		break;
	case MATCH_GT:
		none = wide_equal(x, r.last);
		x.lo++;
		x.hi += !x.lo;
		r.first = x;
		break;
	default:
		r.first = x;
		break;
	}
	return none ? OUTCOME_NEVER : test_range(b, l, false, r);
}

static enum outcome test_set(struct builder *b, const struct left *l, bool negate,
			     const struct expr *set)
{
	unsigned width = type_bits(l->type);
	struct wide_range *ranges = calloc(set->list.n + 1, sizeof(*ranges));

	if (!ranges) {
		b->failed = true;
		return OUTCOME_GOES_ON;
	}
	for (size_t i = 0; i < set->list.n; i++)
		ranges[i] = from_range(set->list.item[i], width);
	left_get(b, l);
	compile_emit(b, (struct insn){
				.op = l->is_wide ? OP_WIDE_LOOKUP : OP_LOOKUP,
				.k = negate,
				.a = compile_lookup(b, ranges, set->list.n, width),
			});
	free(ranges);
	return OUTCOME_GOES_ON;
}

/* Flags without an operator: any of them.  Not behind a mask: there it is ==. */
static bool is_any_of(const struct left *l, enum match_op op, const struct expr *right)
{
	return op == MATCH_IMPLICIT && l->type->bitmask && !l->changed &&
	       right->kind == EXPR_VALUE;
}

static enum outcome get(struct builder *b, const struct expr *left, bool whole, bool *ret_wide)
{
	enum outcome outcome;
	struct left l;

	left_resolve(b, left, &l);
	l.whole = whole;
	outcome = left_depend(b, &l);
	left_get(b, &l);
	*ret_wide = l.is_wide;
	return outcome;
}

enum outcome compile_field(struct builder *b, const struct expr *left, bool *ret_wide)
{
	return get(b, left, false, ret_wide);
}

enum outcome compile_whole(struct builder *b, const struct expr *left, bool *ret_wide)
{
	return get(b, left, true, ret_wide);
}

void compile_constant(struct builder *b, const struct expr *e)
{
	struct wide x = from_const(e);

	if (type_bits(e->type) > 32)
		compile_emit(b, (struct insn){
					.op = OP_WIDE_VALUE,
					.a = compile_pair(b, x, wide_zero),
				});
	else
		compile_emit(b, (struct insn){.op = OP_VALUE, .a = (uint32_t)x.lo});
}

enum outcome compile_match(struct builder *b, const struct stmt *s)
{
	const struct expr *right = s->match.right;
	enum match_op op = s->match.op;
	bool negate = op == MATCH_NE;
	enum outcome outcome;
	struct wide_range r;
	struct left l;

	if (stmt_is_look_up(s))
		return compile_look_up(b, s);
	left_resolve(b, s->match.left, &l);
	outcome = left_depend(b, &l);
	if (outcome == OUTCOME_NEVER)
		return outcome;
	left_shift(b, &l);
	if (right->kind == EXPR_SET && right->list.n == 1)
		right = right->list.item[0];
	if (right->kind == EXPR_SET)
		return test_set(b, &l, negate, right);
	if (op == MATCH_LT || op == MATCH_GT || op == MATCH_LE || op == MATCH_GE)
		return test_order(b, &l, op, from_const(right));
	r = from_range(right, type_bits(l.type));
	if (op == MATCH_NOT || is_any_of(&l, op, right)) /* none of these flags, or not none */
		return test_masked(b, &l, op != MATCH_NOT, wide_and(l.mask, r.first),
				   wide_and(l.flip, r.first));
	outcome = test_range(b, &l, negate, r);
	if (!negate && !l.changed && wide_equal(r.first, r.last))
		left_known(b, l.selector);
	return outcome;
}
