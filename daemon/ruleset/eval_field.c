/* eval_field.c - fields that rules ask for now and then: bits of headers at any place
 * (nft_payload_eval).
 *
 * What every packet's rules ask for is in load.def.  eval_exthdr.c, eval_host.c and eval_made.c
 * have the rest.  Nothing that a packet says of itself is
 * believed: every place is compared with the packet's end. */
#include <netinet/in.h>
#include <string.h>

#include "ruleset/eval_field.h"

/* n bytes at off into ret.  A host that forwards has counted itself in the TTL, and with it in
 * the header's checksum, before rules see the packet. */
static bool network_bytes(const struct eval *e, uint32_t off, uint32_t n, uint8_t *ret)
{
	const struct packet *pk = e->packet;
	bool v4 = pk->family == L3_IPV4;
	uint32_t ttl = v4 ? 8 : 7, sum;
	uint8_t sums[2];

	if (off > pk->len || n > pk->len - off)
		return false;
	memcpy(ret, pk->data + off, n);
	if (!e->hop)
		return true;
	if (ttl >= off && ttl < off + n)
		ret[ttl - off] = (uint8_t)(ret[ttl - off] - e->hop);
	if (!v4)
		return true;
	/* RFC 1624, as ip_decrease_ttl() does it. */
	sum = ((uint32_t)pk->data[10] << 8 | pk->data[11]) + ((uint32_t)e->hop << 8);
	sum += sum >= 0xffff;
	sums[0] = (uint8_t)(sum >> 8);
	sums[1] = (uint8_t)sum;
	for (uint32_t i = 0; i < 2; i++) {
		if (10 + i >= off && 10 + i < off + n)
			ret[10 + i - off] = sums[i];
	}
	return true;
}

bool field_has_transport(const struct packet *pk)
{
	return !(pk->flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT));
}

static bool payload_bytes(const struct eval *e, enum field_kind kind, uint32_t off, uint32_t n,
			  uint8_t *ret)
{
	const struct packet *pk = e->packet;
	uint32_t base = 0;

	if (kind == FIELD_NETWORK)
		return network_bytes(e, off, n, ret);
	if (kind == FIELD_TRANSPORT)
		base = pk->l4_off;
	if (kind == FIELD_TRANSPORT ? !field_has_transport(pk) : !packet_inner(pk, &base))
		return false;
	if (base > pk->len || off > pk->len - base || n > pk->len - base - off)
		return false;
	memcpy(ret, pk->data + base + off, n);
	return true;
}

struct wide field_bits(const uint8_t *bytes, unsigned skip, unsigned bits)
{
	unsigned n = (skip + bits + 7) / 8, behind = n * 8 - skip - bits;
	struct wide w = {0, 0};
	uint8_t carry = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t byte = bytes[i];

		/* The last byte's rest falls off on the right. */
		w.hi = w.hi << 8 | w.lo >> 56;
		w.lo = w.lo << 8 | (uint8_t)(carry << (8 - behind) | byte >> behind);
		carry = byte;
	}
	if (bits < 64)
		return (struct wide){0, w.lo & ((UINT64_C(1) << bits) - 1)};
	if (bits < 128)
		w.hi &= (UINT64_C(1) << (bits - 64)) - 1;
	return w;
}

static bool payload(const struct eval *e, const struct insn *i, struct wide *ret)
{
	unsigned skip = i->a % 8;
	uint8_t bytes[FIELD_MAX_BYTES];

	if (!payload_bytes(e, i->k, i->a / 8, (skip + i->b + 7) / 8, bytes))
		return false;
	*ret = field_bits(bytes, skip, i->b);
	return true;
}

bool eval_field(const struct eval *e, const struct program *prog, const struct insn *i,
		struct wide *ret)
{
	switch ((enum field_kind)i->k) {
	case FIELD_NETWORK:
	case FIELD_TRANSPORT:
	case FIELD_INNER:
		return payload(e, i, ret);
	case FIELD_IP6:
	case FIELD_IP:
	case FIELD_TCP:
	case FIELD_SCTP:
		return eval_exthdr(e, i, ret);
	case FIELD_NUMGEN_INC:
	case FIELD_NUMGEN_RANDOM:
	case FIELD_SYMHASH:
		return eval_made(e, &prog->made[i->a], i->k, ret);
	default:
		return eval_host(e, i, ret);
	}
}
