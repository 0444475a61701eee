/* eval_write.c - statements that change the packet. */
#include "ruleset/program.h"

#define TTL_OFF	     8
#define HOPLIMIT_OFF 7

/* A host that forwards behind us takes from the TTL what rules see as taken already: that
 * comes on top of a new one.  255 has no room for it. */
static void add_hop(const struct eval *e, const struct mangle *m, uint8_t *value)
{
	unsigned off = e->packet->family == L3_IPV4 ? TTL_OFF : HOPLIMIT_OFF;
	unsigned end = (m->bit + m->bits) / 8u;
	uint8_t *ttl;

	if (m->base != MANGLE_NETWORK || m->bit % 8 || m->bits % 8 || m->bit / 8u > off ||
	    end <= off)
		return;
	ttl = value + MANGLE_BITS / 8 - (end - off);
	if (*ttl <= UINT8_MAX - e->hop)
		*ttl = (uint8_t)(*ttl + e->hop);
}

enum mangled eval_set_option(struct eval *e, const struct insn *i, uint32_t value)
{
	uint8_t bytes[4];

	for (unsigned n = 0; n < i->k; n++)
		bytes[n] = (uint8_t)(value >> 8 * (i->k - 1 - n));
	return packet_set_tcp_option(e->packet, (uint8_t)i->b, (uint8_t)i->off, i->k, bytes);
}

enum mangled eval_write(struct eval *e, const struct mangle *m, struct wide x)
{
	uint8_t value[MANGLE_BITS / 8];

	for (unsigned i = 0; i < 8; i++) {
		value[i] = (uint8_t)(x.hi >> (56 - 8 * i));
		value[8 + i] = (uint8_t)(x.lo >> (56 - 8 * i));
	}
	if (e->hop)
		add_hop(e, m, value);
	return packet_mangle(e->packet, m, value);
}
