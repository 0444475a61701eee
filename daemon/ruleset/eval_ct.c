/* eval_ct.c - fields of flows that rules ask for now and then (nft_ct_get_eval,
 * conntrack.md 1.7).
 *
 * What every packet's rules ask for is in load.def. */
#include <endian.h>
#include <string.h>

#include "ruleset/program.h"

static struct wide narrow(uint64_t x)
{
	return (struct wide){ 0, x };
}

/* Sixteen bytes in network order. */
static struct wide from_bytes(const void *p)
{
	uint64_t d[2];

	memcpy(d, p, sizeof(d));
	return (struct wide){ be64toh(d[0]), be64toh(d[1]) };
}

/* A flow that is not confirmed has no timer yet: the kernel's subtraction yields 0. */
static uint64_t expiration(const struct eval *e)
{
	uint32_t status = atomic_load_explicit(&e->flow->status, memory_order_relaxed);
	uint64_t left = flow_remaining(e->flow, e->now.mono) / NSEC_PER_MSEC;

	return !(status & FLOW_CONFIRMED) ? 0 : left < UINT32_MAX ? left : UINT32_MAX;
}

/* Packets and bytes of a direction, or of both. */
static void account(const struct flow *f, unsigned dir, uint64_t *ret_packets,
		    uint64_t *ret_bytes)
{
	*ret_packets = *ret_bytes = 0;
	for (unsigned d = DIR_ORIGINAL; d <= DIR_REPLY; d++) {
		if (dir != CT_DIR_BOTH && dir != d)
			continue;
		/* Another worker may be counting. */
		*ret_packets += __atomic_load_n(&f->acct[d].packets, __ATOMIC_RELAXED);
		*ret_bytes += __atomic_load_n(&f->acct[d].bytes, __ATOMIC_RELAXED);
	}
}

static struct wide accounted(const struct flow *f, enum ct_field field, unsigned dir)
{
	uint64_t packets, bytes;

	account(f, dir, &packets, &bytes);
	if (field == CT_FIELD_BYTES)
		return narrow(bytes);
	if (field == CT_FIELD_PACKETS)
		return narrow(packets);
	return narrow(packets ? bytes / packets : 0);
}

static bool address(const struct tuple *t, enum ct_field field, struct wide *ret)
{
	bool v4 = field == CT_FIELD_SADDR4 || field == CT_FIELD_DADDR4;
	const union addr *a =
		field == CT_FIELD_SADDR4 || field == CT_FIELD_SADDR6 ? &t->src : &t->dst;

	if (t->l3 != (v4 ? L3_IPV4 : L3_IPV6))
		return false;
	*ret = v4 ? narrow(be32toh(a->w[0])) : from_bytes(a->b);
	return true;
}

/* The zone that holds in a direction, or in both; 0 where it holds in the other alone. */
static uint64_t zone(const struct flow *f, unsigned dir)
{
	if (dir != CT_DIR_BOTH)
		return f->tuple[dir].zone;
	return f->tuple[DIR_ORIGINAL].zone ? f->tuple[DIR_ORIGINAL].zone :
					     f->tuple[DIR_REPLY].zone;
}

bool eval_ct(const struct eval *e, enum ct_field field, unsigned dir, struct wide *ret)
{
	const struct flow *f = e->flow;
	const struct tuple *t;

	if (!f)
		return false;
	t = &f->tuple[dir == DIR_REPLY ? DIR_REPLY : DIR_ORIGINAL];
	switch (field) {
	case CT_FIELD_EXPIRATION:
		*ret = narrow(expiration(e));
		return true;
	case CT_FIELD_ID:
		*ret = narrow(f->id);
		return true;
	case CT_FIELD_L3PROTO:
		*ret = narrow(t->l3);
		return true;
	case CT_FIELD_PROTOCOL:
		*ret = narrow(t->l4);
		return true;
	case CT_FIELD_SADDR4:
	case CT_FIELD_DADDR4:
	case CT_FIELD_SADDR6:
	case CT_FIELD_DADDR6:
		return address(t, field, ret);
	case CT_FIELD_PROTO_SRC:
		*ret = narrow(be16toh(t->sport));
		return true;
	case CT_FIELD_PROTO_DST:
		*ret = narrow(be16toh(t->dport));
		return true;
	case CT_FIELD_ZONE:
		*ret = narrow(zone(f, dir));
		return true;
	case CT_FIELD_HELPER:
		if (!e->helper)
			return false;
		*ret = from_bytes(e->helper);
		return true;
	case CT_FIELD_LABEL:
		ret->lo = e->ext ? atomic_load_explicit(&e->ext->label[0],
							memory_order_relaxed) : 0;
		ret->hi = e->ext ? atomic_load_explicit(&e->ext->label[1],
							memory_order_relaxed) : 0;
		return true;
	case CT_FIELD_BYTES:
	case CT_FIELD_PACKETS:
	case CT_FIELD_AVGPKT:
		*ret = accounted(f, field, dir);
		return true;
	case CT_FIELD_NONE:
		break;
	}
	return false;
}
