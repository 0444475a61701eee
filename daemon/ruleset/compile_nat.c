/* compile_nat.c - snat, dnat, masquerade and redirect: what is constant goes into the program,
 * what is looked up lies behind the key while the rule is evaluated. */
#include <endian.h>
#include <string.h>

#include "ruleset/check.h"
#include "ruleset/compile.h"
#include "ruleset/key.h"

/* Where what is looked up lies: first of the addresses, then of the ports. */
#define ADDR_AT KEY_DATA
#define PORT_AT (KEY_DATA + 48)
_Static_assert(2 * (16 + 4) <= PORT_AT - ADDR_AT && PORT_AT + 8 <= KEY_HASHED,
	       "room");

/* What the elements of a map have, which may be more than its name says. */
static void data_of(const struct builder *b, const struct expr *set, struct key_type *type,
		    bool *interval)
{
	size_t at;

	if (set->kind == EXPR_SETREF) {
		at = set_find_named(b->table, set->symbol);
		if (at != MODEL_NONE) {
			*type = b->table->sets[at]->data;
			*interval = b->table->sets[at]->data_interval;
		}
		return;
	}
	for (size_t i = 0; i < set->list.n; i++) {
		const struct expr *data = set->list.item[i]->mapping.data;

		if (data->kind == EXPR_CONCAT && type->n == 1)
			key_type_add(type, &datatype_inet_service, true);
		*interval = *interval || key_is_interval(data);
	}
}

/* A map of addresses, or of addresses and ports, or of ports. */
static enum outcome from_map(struct builder *b, const struct expr *map,
			     const struct datatype *dt, unsigned at, struct program_nat *nat)
{
	bool ports = dt == &datatype_inet_service, interval = false;
	struct key_type type = { .n = 0 };
	struct set_shape shape;
	unsigned end = at;

	key_type_add(&type, dt, true);
	data_of(b, map->map.set, &type, &interval);
	if (compile_map_bytes(b, map, &type, interval, at) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	shape = key_shape(&type);
	if (interval)
		end += (unsigned)key_len(&type);
	if (!ports) {
		nat->min_addr = (uint8_t)at;
		nat->max_addr = (uint8_t)end;
	}
	if (ports || type.n == 2) {
		unsigned off = (unsigned)set_key_offset(&shape, ports ? 0 : 1);

		nat->range.flags |= NAT_RANGE_PORT;
		nat->min_port = (uint8_t)(at + off);
		nat->max_port = (uint8_t)(end + off);
	}
	return OUTCOME_GOES_ON;
}

static bool is_constant(const struct expr *e)
{
	return e->kind == EXPR_VALUE || e->kind == EXPR_RANGE || e->kind == EXPR_PREFIX;
}

static void constant(const struct expr *e, const struct datatype *dt, void *min, void *max,
		     size_t bytes)
{
	struct key_type type = { .n = 0 };
	struct set_element el = { .comment = NULL };

	key_type_add(&type, dt, true);
	key_bounds(&type, e, &el);
	memcpy(min, el.key, bytes);
	memcpy(max, el.end, bytes);
}

static enum outcome from_field(struct builder *b, const struct expr *e,
			       const struct datatype *dt, unsigned at)
{
	bool wide = dt->bits > 32;

	if (compile_value(b, dt, VALUE_FOR_NAT, e) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	compile_emit(b, (struct insn){
				.op = wide ? OP_WIDE_KEY : OP_KEY,
				.k = (uint8_t)(dt->bits / 8),
				.off = (uint16_t)at,
			});
	return OUTCOME_GOES_ON;
}

static enum outcome compile_addr(struct builder *b, const struct expr *e,
				 struct program_nat *nat)
{
	const struct datatype *dt = b->l3 == L3_IPV4 ? &datatype_ipv4_addr :
						       &datatype_ipv6_addr;

	nat->range.flags |= NAT_RANGE_ADDR;
	if (e->kind == EXPR_MAP)
		return from_map(b, e, dt, ADDR_AT, nat);
	if (is_constant(e)) {
		constant(e, dt, &nat->range.min_addr, &nat->range.max_addr, dt->bits / 8);
		return OUTCOME_GOES_ON;
	}
	nat->min_addr = nat->max_addr = ADDR_AT;
	return from_field(b, e, dt, ADDR_AT);
}

static enum outcome compile_port(struct builder *b, const struct expr *e,
				 struct program_nat *nat)
{
	const struct datatype *dt = &datatype_inet_service;
	uint16_t min, max;

	nat->range.flags |= NAT_RANGE_PORT;
	if (e->kind == EXPR_MAP)
		return from_map(b, e, dt, PORT_AT, nat);
	if (is_constant(e)) {
		constant(e, dt, &min, &max, sizeof(min));
		nat->range.min_port = be16toh(min);
		nat->range.max_port = be16toh(max);
		return OUTCOME_GOES_ON;
	}
	nat->min_port = nat->max_port = PORT_AT;
	return from_field(b, e, dt, PORT_AT);
}

static uint8_t flags_of(unsigned flags)
{
	return (flags & (NAT_RANDOM | NAT_FULLY_RANDOM) ? NAT_RANGE_RANDOM : 0) |
	       (flags & NAT_PERSISTENT ? NAT_RANGE_PERSISTENT : 0) |
	       (flags & NAT_PREFIX ? NAT_RANGE_PREFIX : 0);
}

enum outcome compile_nat(struct builder *b, const struct stmt *s)
{
	struct program_nat nat = {
		.type = (enum nat_type)s->nat.type,
		.range = { .flags = flags_of(s->nat.flags) },
		.min_addr = NAT_CONSTANT,
		.max_addr = NAT_CONSTANT,
		.min_port = NAT_CONSTANT,
		.max_port = NAT_CONSTANT,
	};

	/* Packets of the other family go on, as nft_nat_inet_eval() has it. */
	if (s->nat.l3 && s->nat.l3 != b->l3)
		return OUTCOME_GOES_ON;
	if (s->nat.addr && compile_addr(b, s->nat.addr, &nat) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	if (s->nat.port && compile_port(b, s->nat.port, &nat) == OUTCOME_NEVER)
		return OUTCOME_NEVER;
	if (!compile_room_nat(b))
		return OUTCOME_GOES_ON;
	b->program->nats[b->program->n_nats] = nat;
	compile_emit(b, (struct insn){ .op = OP_NAT, .a = b->program->n_nats++ });
	compile_emit(b, (struct insn){ .op = OP_ACCEPT, .a = b->rule });
	compile_emit(b, (struct insn){ .op = OP_DROP, .a = b->rule });
	return OUTCOME_GOES_ON;
}
