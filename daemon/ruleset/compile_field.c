/* compile_field.c - selectors that OP_FIELD loads. */
#include "ruleset/compile.h"
#include "ruleset/datatype.h"
#include "ruleset/exthdr.h"
#include "ruleset/field.h"
#include "ruleset/key.h"

/* ---- of headers ---- */

static void load_payload(const struct field *f, struct insn *insn)
{
	static const uint8_t kinds[BASE_COUNT] = {
		[BASE_NETWORK] = FIELD_NETWORK,
		[BASE_TRANSPORT] = FIELD_TRANSPORT,
		[BASE_INNER] = FIELD_INNER,
	};

	insn->k = kinds[f->base];
	insn->a = f->off;
	insn->b = f->len;
}

static void load_exthdr(const struct exthdr *h, struct insn *insn)
{
	static const uint8_t kinds[] = {
		[EXTHDR_IP6] = FIELD_IP6,
		[EXTHDR_IP] = FIELD_IP,
		[EXTHDR_TCP] = FIELD_TCP,
		[EXTHDR_SCTP] = FIELD_SCTP,
	};

	insn->k = kinds[h->class];
	insn->off = h->number;
	insn->a = h->off;
	insn->b = h->field ? h->len : 0;
}

/* ---- numbers that are made ---- */

/* Where a rule names no seed: one of its own, the same whenever it is loaded. */
static uint32_t own_seed(const struct builder *b)
{
	uint64_t x = (b->table->handle << 32 ^ b->program->rules[b->rule].handle) + 1;

	return (uint32_t)((x * 0x9e3779b97f4a7c15) >> 32);
}

bool compile_is_turned(const struct expr *left)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && expr_in_host_order(left);
}

void compile_turn(struct builder *b, unsigned at, unsigned n)
{
	compile_emit(b, (struct insn){.op = OP_TURN_KEY, .k = (uint8_t)n, .off = (uint16_t)at});
}

/* The bytes that are hashed, to `at`; as many as there are. */
static uint8_t load_hashed(struct builder *b, const struct expr *of, unsigned at)
{
	const struct key_type type = key_type_of(of);
	const struct set_shape shape = key_shape(&type);

	/* Hashes among other fields must leave these alone. */
	b->hashes += of->kind == EXPR_CONCAT;
	compile_key_at(b, of, NULL, at);
	b->hashes -= of->kind == EXPR_CONCAT;
	for (unsigned i = 0; i < type.n; i++) {
		if (compile_is_turned(of->kind == EXPR_CONCAT ? of->list.item[i] : of))
			compile_turn(b, at + (unsigned)set_key_offset(&shape, i),
				     shape.part[i].bytes);
	}
	/* nft hashes the padding of a concatenation as well. */
	return of->kind == EXPR_CONCAT ? (uint8_t)key_len(&type) : shape.part[0].bytes;
}

static bool load_made(struct builder *b, const struct expr *e, struct insn *insn)
{
	static const uint8_t kinds[SELECTOR_COUNT] = {
		[SELECTOR_NUMGEN_INC] = FIELD_NUMGEN_INC,
		[SELECTOR_NUMGEN_RANDOM] = FIELD_NUMGEN_RANDOM,
		[SELECTOR_SYMHASH] = FIELD_SYMHASH,
	};
	struct program_made made = {.modulus = e->arg.a, .offset = e->arg.b, .seed = e->arg.c};

	if (e->selector == SELECTOR_JHASH) {
		insn->op = OP_HASH;
		if (!e->arg.d)
			made.seed = own_seed(b);
		insn->off = (uint16_t)(KEY_HASHED + b->hashes * SET_KEY_MAX);
		made.len = load_hashed(b, e->arg.of, insn->off);
	} else if (!kinds[e->selector]) {
		return false;
	}
	if (e->selector == SELECTOR_NUMGEN_INC)
		made.expr = e;
	insn->k = kinds[e->selector];
	insn->a = compile_made(b, &made);
	return true;
}

/* ---- the others ---- */

static const uint8_t plain[SELECTOR_COUNT] = {
	[SELECTOR_META_PRIORITY] = FIELD_PRIORITY,
	[SELECTOR_META_IIFTYPE] = FIELD_IIFTYPE,
	[SELECTOR_META_OIFTYPE] = FIELD_OIFTYPE,
	[SELECTOR_META_IIFGROUP] = FIELD_IIFGROUP,
	[SELECTOR_META_OIFGROUP] = FIELD_OIFGROUP,
	[SELECTOR_META_IIFKIND] = FIELD_IIFKIND,
	[SELECTOR_META_OIFKIND] = FIELD_OIFKIND,
	[SELECTOR_META_CPU] = FIELD_CPU,
	[SELECTOR_META_RANDOM] = FIELD_RANDOM,
	[SELECTOR_META_TIME] = FIELD_TIME,
	[SELECTOR_META_DAY] = FIELD_DAY,
	[SELECTOR_META_HOUR] = FIELD_HOUR,
	/* A TUN's packets are for whoever reads them (PACKET_HOST), have no realm, and were
	 * decrypted, if they were, before they came here. */
	[SELECTOR_META_PKTTYPE] = FIELD_ZERO,
	[SELECTOR_META_RTCLASSID] = FIELD_ZERO,
	[SELECTOR_META_IPSEC] = FIELD_ZERO,
	[SELECTOR_RT_CLASSID] = FIELD_ZERO,
	[SELECTOR_RT_IPSEC] = FIELD_ZERO,
	[SELECTOR_RT_IP_NEXTHOP] = FIELD_NEXTHOP4,
	[SELECTOR_RT_IP6_NEXTHOP] = FIELD_NEXTHOP6,
	[SELECTOR_RT_MTU] = FIELD_MTU,
	[SELECTOR_FIB_OIF] = FIELD_FIB_OIF,
	[SELECTOR_FIB_OIFNAME] = FIELD_FIB_OIF,
	[SELECTOR_FIB_TYPE] = FIELD_FIB_TYPE,
};

bool compile_op_field(struct builder *b, const struct expr *e, struct insn *ret_insn,
		      bool *ret_wide)
{
	struct insn insn = {.op = OP_FIELD, .a = e->arg.a};
	struct field f = expr_field(e);
	struct exthdr h;

	if (f.base)
		load_payload(&f, &insn);
	else if (expr_exthdr(e, &h))
		load_exthdr(&h, &insn);
	else if (plain[e->selector])
		insn.k = plain[e->selector];
	else if (!load_made(b, e, &insn))
		return false;
	*ret_insn = insn;
	*ret_wide = e->type->class == VALUE_STRING || e->type->bits > 32;
	return true;
}
