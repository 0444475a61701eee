/* eval_host.c - what rules ask of the host and of the moment: interfaces, routes, times
 * (nft_meta_get_eval(), nft_fib*_eval(), nft_rt_get_eval()).
 *
 * Packets of a TUN come from a host whose routes a snapshot shows (hostview.h). */
#include <endian.h>
#include <string.h>

#include "ctfw/hostview.h"
#include "ruleset/eval_field.h"
#include "ruleset/field.h"

static struct wide narrow(uint64_t x)
{
	return (struct wide){0, x};
}

/* Sixteen bytes in network order. */
static struct wide from_bytes(const void *p)
{
	uint64_t d[2];

	memcpy(d, p, sizeof(d));
	return (struct wide){be64toh(d[0]), be64toh(d[1])};
}

/* ---- interfaces ---- */

static bool link_field(const struct eval *e, uint32_t ifindex, enum field_kind kind,
		       struct wide *ret)
{
	const struct hostview_link *link =
		e->host && ifindex ? hostview_link(e->host, ifindex) : NULL;

	if (!link)
		return false;
	switch (kind) {
	case FIELD_IIFTYPE:
	case FIELD_OIFTYPE:
		*ret = narrow(link->type);
		return true;
	case FIELD_IIFGROUP:
	case FIELD_OIFGROUP:
		*ret = narrow(link->group);
		return true;
	default:
		if (!link->kind[0])
			return false;
		*ret = from_bytes(link->kind);
		return true;
	}
}

/* ---- routes ---- */

/* 0.0.0.0/8 and 255.255.255.255. */
static bool is_everybody(const union addr *a)
{
	return a->b[0] == 0 || a->w[0] == UINT32_MAX;
}

/* RTN_* */
enum {
	RTN_UNICAST_ = 1,
	RTN_LOCAL_,
	RTN_BROADCAST_,
	RTN_ANYCAST_,
	RTN_MULTICAST_,
	RTN_UNREACHABLE_ = 7
};

static unsigned local_type(const struct eval *e, uint8_t family, const union addr *a,
			   uint32_t ifindex)
{
	enum hostview_kind kind = hostview_local(e->host, family, a);

	if (ifindex && kind && hostview_local_index(e->host, family, a) != ifindex)
		return 0;
	switch (kind) {
	case HOSTVIEW_LOCAL:
		return RTN_LOCAL_;
	case HOSTVIEW_BROADCAST:
		return RTN_BROADCAST_;
	case HOSTVIEW_ANYCAST:
		return RTN_ANYCAST_;
	default:
		return 0;
	}
}

/* The kernel asks for IPv4 in its table of local addresses alone, and knows no unreachable
 * ones there. */
static unsigned address_type(const struct eval *e, uint8_t family, const union addr *a,
			     uint32_t ifindex)
{
	unsigned type;

	if (family == L3_IPV4 && is_everybody(a))
		return RTN_BROADCAST_;
	if (addr_is_multicast(family, a))
		return RTN_MULTICAST_;
	type = local_type(e, family, a, ifindex);
	if (type || family == L3_IPV4)
		return type ? type : RTN_UNICAST_;
	return hostview_local(e->host, family, a) || hostview_route(e->host, family, a)
		       ? RTN_UNICAST_
		       : RTN_UNREACHABLE_;
}

/* The interface behind which the address lies, and that a rule lets it lie behind. */
static uint32_t way_to(const struct eval *e, uint8_t family, const union addr *a,
		       bool through_one, uint32_t ifindex)
{
	uint32_t found;

	if (hostview_local(e->host, family, a) || addr_is_multicast(family, a))
		return 0;
	found = hostview_route(e->host, family, a);
	return through_one && found != ifindex ? 0 : found;
}

/* a: enum fib_flag. */
static bool eval_fib(const struct eval *e, const struct insn *i, struct wide *ret)
{
	const struct packet *pk = e->packet;
	const union addr *a = i->a & FIB_SADDR ? &pk->saddr : &pk->daddr;
	uint32_t ifindex = i->a & FIB_OIF ? e->oif : i->a & FIB_IIF ? e->iif : 0;
	const struct hostview_link *link;
	uint32_t found;

	if (!e->host)
		return false;
	if (i->k == FIELD_FIB_TYPE) {
		*ret = narrow(address_type(e, pk->family, a, ifindex));
		return true;
	}
	found = way_to(e, pk->family, a, i->a & (FIB_OIF | FIB_IIF), ifindex);
	if (i->a & FIB_PRESENT) {
		*ret = narrow(found != 0);
		return true;
	}
	link = found ? hostview_link(e->host, found) : NULL;
	*ret = link ? from_bytes(link->name) : narrow(0);
	return true;
}

static bool nexthop(const struct eval *e, uint8_t family, struct wide *ret)
{
	const struct packet *pk = e->packet;
	union addr hop;

	if (pk->family != family || !e->host ||
	    (!hostview_local(e->host, family, &pk->daddr) &&
	     !hostview_route(e->host, family, &pk->daddr)))
		return false;
	hop = hostview_gateway(e->host, family, &pk->daddr);
	if (addr_is_zero(&hop))
		hop = pk->daddr;
	*ret = family == L3_IPV4 ? narrow(be32toh(hop.w[0])) : from_bytes(hop.b);
	return true;
}

static uint32_t mtu_to(const struct eval *e, const union addr *to)
{
	uint32_t ifindex = hostview_route(e->host, e->packet->family, to);
	const struct hostview_link *link = ifindex ? hostview_link(e->host, ifindex) : NULL;

	return link && link->mtu ? link->mtu : UINT32_MAX;
}

/* The longest TCP segment that both ways carry (get_tcpmss()). */
#define MSS_DEFAULT 536
static bool segment_size(const struct eval *e, struct wide *ret)
{
	uint32_t headers = e->packet->family == L3_IPV4 ? 20 + 20 : 40 + 20, mtu, back;

	if (!e->host)
		return false;
	mtu = mtu_to(e, &e->packet->daddr);
	back = mtu_to(e, &e->packet->saddr);
	if (back < mtu)
		mtu = back;
	*ret = narrow(mtu <= headers || mtu > UINT16_MAX ? MSS_DEFAULT : mtu - headers);
	return true;
}

/* ---- time ---- */

#define DAY_SECONDS 86400

static struct wide day_of_week(uint64_t real)
{
	/* 1970-01-01 was a Thursday. */
	return narrow((real / NSEC_PER_SEC / DAY_SECONDS + 4) % 7);
}

bool eval_host(const struct eval *e, const struct insn *i, struct wide *ret)
{
	uint64_t real = (uint64_t)e->now.real;

	switch ((enum field_kind)i->k) {
	case FIELD_PRIORITY:
		*ret = narrow(e->priority);
		return true;
	case FIELD_ZERO:
		*ret = narrow(0);
		return true;
	case FIELD_CPU:
		*ret = narrow(e->worker);
		return true;
	case FIELD_RANDOM:
		*ret = narrow(eval_random(e));
		return true;
	case FIELD_TIME:
		*ret = narrow(real);
		return true;
	case FIELD_DAY:
		*ret = day_of_week(real);
		return true;
	case FIELD_HOUR:
		*ret = narrow(real / NSEC_PER_SEC % DAY_SECONDS);
		return true;
	case FIELD_IIFTYPE:
	case FIELD_IIFGROUP:
	case FIELD_IIFKIND:
		return link_field(e, e->iif, i->k, ret);
	case FIELD_OIFTYPE:
	case FIELD_OIFGROUP:
	case FIELD_OIFKIND:
		return link_field(e, e->oif, i->k, ret);
	case FIELD_NEXTHOP4:
		return nexthop(e, L3_IPV4, ret);
	case FIELD_NEXTHOP6:
		return nexthop(e, L3_IPV6, ret);
	case FIELD_MTU:
		return segment_size(e, ret);
	default:
		return eval_fib(e, i, ret);
	}
}
