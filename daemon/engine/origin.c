/* origin.c - where a packet comes from and where it goes (step 3).
 *
 * The port says it.  What an `in` port carries entered the captured interface, so it is
 * for the host or forwarded; what an `out` port carries goes to the networks behind it, so
 * it is the host's own or forwarded.  Only on a port of role both do addresses have to
 * tell, which anyone can forge.
 *
 * Sources are checked on `in` since the kernel no longer does it for us: with rp_filter
 * off and accept_local on it would take a packet with the host's own address as source for
 * the host's own.  So they are on `return`, where others than those that NAT waits for go on to
 * the host at once: a later fragment too, unless its datagram's first was one of these. */
#include <string.h>

#include "engine/private.h"

static const union addr everyone = { .b = { 255, 255, 255, 255 } }; /* of any network */

/* What ip_route_input_slow calls martian (conntrack.md 11, row 8); IPv6's are refused when
 * the packet is parsed. */
static bool martian(const struct packet *p)
{
	const union addr *src = &p->saddr, *dst = &p->daddr;

	if (p->family != L3_IPV4)
		return false;
	if (addr_is_multicast(L3_IPV4, src) || addr_is_loopback(L3_IPV4, src) ||
	    addr_is_loopback(L3_IPV4, dst) || src->w[0] == everyone.w[0])
		return true;
	/* Of 0.0.0.0/8 only the first address is special since Linux 5.3. */
	if (src->w[0] == 0 && dst->w[0] != everyone.w[0])
		return true;
	return dst->w[0] == 0;
}

/* 224.0.0.0/24 or ff02::/16: never leaves its link.  Those of the captured interface do not
 * come here; these are the kernel's own, such as the MLD reports of a TUN that comes up. */
static bool link_local_multicast(const struct packet *p)
{
	const uint8_t *dst = p->daddr.b;

	if (p->family == L3_IPV4)
		return dst[0] == 224 && dst[1] == 0 && dst[2] == 0;
	return dst[0] == 0xff && (dst[1] & 0x0f) == 2;
}

static bool local(const struct way *way, const union addr *addr)
{
	return way->hostview && hostview_local(way->hostview, way->packet->family, addr);
}

/* What the kernel delivers to the host itself: its own addresses and its networks' broadcast
 * addresses, the broadcast of any network, and groups, which it does not forward. */
static bool for_host(const struct way *way)
{
	const struct packet *p = way->packet;

	return local(way, &p->daddr) || addr_is_multicast(p->family, &p->daddr) ||
	       (p->family == L3_IPV4 && addr_equal(&p->daddr, &everyone));
}

/* Would an answer leave by the interface that the packet came from? */
static bool routed_back(const struct way *way)
{
	const struct engine_port *port = way->port;
	const struct packet *p = way->packet;

	for (size_t i = 0; i < port->n_networks; i++) {
		if (prefix_contains(&port->networks[i], p->family, &p->saddr))
			return true;
	}
	return way->hostview && port->ifindex &&
	       hostview_route(way->hostview, p->family, &p->saddr) == port->ifindex;
}

static enum hook by_destination(const struct way *way)
{
	return for_host(way) ? HOOK_INPUT : HOOK_FORWARD;
}

void origin_again(struct way *way)
{
	way->redirected = true;
	if (way->hook != HOOK_OUTPUT)
		way->hook = by_destination(way);
}

union addr origin_next_hop(const struct way *way, const union addr *to)
{
	uint8_t family = way->packet->family;
	union addr gateway = { 0 };

	if (family == L3_IPV4)
		gateway = hostview_gateway(way->hostview, family, to);
	return addr_is_zero(&gateway) ? *to : gateway;
}

bool origin_is_hosts_own(struct way *way)
{
	struct engine *e = way->engine;

	if (way->hook != HOOK_INPUT)
		return false;
	if (way->packet->flags & PACKET_LATER_FRAGMENT)
		return !frag_is_awaited(e->fragments, way->packet);
	return !conntrack_nat_awaits(e->ct, way->eval.worker, way->packet, way->now);
}

enum reason origin(struct way *way)
{
	const struct packet *p = way->packet;

	if (way->port->role != PORT_BOTH && link_local_multicast(p))
		return REASON_LINK_LOCAL;
	switch (way->port->role) {
	case PORT_IN:
		if (martian(p))
			return REASON_MARTIAN;
		if (local(way, &p->saddr))
			return REASON_OWN_SOURCE;
		if (way->port->spoof_check && !routed_back(way))
			return REASON_SPOOFED;
		way->hook = by_destination(way);
		break;
	case PORT_RETURN:
		if (martian(p))
			return REASON_MARTIAN;
		if (local(way, &p->saddr))
			return REASON_OWN_SOURCE;
		way->hook = by_destination(way);
		break;
	case PORT_OUT:
		way->hook = local(way, &p->saddr) ? HOOK_OUTPUT : HOOK_FORWARD;
		break;
	default:
		if (martian(p))
			return REASON_MARTIAN;
		if (local(way, &p->saddr))
			way->hook = HOOK_OUTPUT;
		else
			way->hook = by_destination(way);
	}
	if (way->hook == HOOK_OUTPUT)
		way->packet->flags |= PACKET_OWN;
	return REASON_NONE;
}

/* The interface behind which an end of the flow lies: asked once a flow and direction, and
 * again when the host's routes changed. */
static uint32_t behind(struct way *way, enum flow_dir end, const union addr *addr)
{
	struct flow *flow = way->ct.flow;
	uint32_t serial, ifindex;

	if (!way->hostview)
		return 0;
	serial = hostview_serial(way->hostview);
	/* An ICMP error comes from anywhere, not from an end of its flow. */
	if (way->ct.state == CT_STATE_RELATED)
		flow = NULL;
	if (flow) {
		uint64_t known = atomic_load_explicit(&flow->route[end], memory_order_relaxed);

		if (known >> 32 == serial)
			return (uint32_t)known;
	}
	/* Of a flow what it says, which the packet says before NAT or behind it. */
	if (flow)
		addr = &flow->tuple[end].src;
	ifindex = hostview_route(way->hostview, way->packet->family, addr);
	if (flow)
		flow_set_route(flow, end, (uint64_t)serial << 32 | ifindex);
	return ifindex;
}

static void set_interface(const struct way *way, uint32_t ifindex, uint32_t *ret_index,
			  char *ret_name)
{
	const struct hostview_link *link = NULL;

	if (ifindex && way->hostview)
		link = hostview_link(way->hostview, ifindex);
	*ret_index = link ? ifindex : 0;
	if (link)
		memcpy(ret_name, link->name, IFNAMSIZ);
	else
		memset(ret_name, 0, IFNAMSIZ);
}

static void set_port(const struct way *way, uint32_t *ret_index, char *ret_name)
{
	*ret_index = way->port->ifindex;
	memcpy(ret_name, way->port->ifname, IFNAMSIZ);
}

/* Where no route tells, a port of role both shows the interface that it stands for. */
static void set_routed(const struct way *way, uint32_t ifindex, uint32_t *ret_index,
		       char *ret_name)
{
	if (ifindex == 0 && way->port->role == PORT_BOTH)
		set_port(way, ret_index, ret_name);
	else
		set_interface(way, ifindex, ret_index, ret_name);
}

void origin_interfaces(struct way *way)
{
	const struct packet *p = way->packet;
	struct eval *e = &way->eval;
	enum flow_dir here = way->ct.flow ? way->ct.dir : DIR_ORIGINAL;
	enum flow_dir there = here == DIR_ORIGINAL ? DIR_REPLY : DIR_ORIGINAL;

	if (way->hook == HOOK_OUTPUT)
		set_interface(way, 0, &e->iif, e->iifname);
	else if (way->port->role == PORT_IN || way->port->role == PORT_RETURN)
		set_port(way, &e->iif, e->iifname);
	else
		set_routed(way, behind(way, here, &p->saddr), &e->iif, e->iifname);

	if (way->hook == HOOK_INPUT)
		set_interface(way, 0, &e->oif, e->oifname);
	else if (way->port->role == PORT_OUT && !way->redirected)
		set_port(way, &e->oif, e->oifname);
	else
		set_routed(way, behind(way, there, &p->daddr), &e->oif, e->oifname);
}
