/* nat.c - NAT at its four hooks (nf_nat_inet_fn, conntrack.md 9.1 and 9.6): rules are asked
 * once a flow for its destination, in prerouting or output, and once for its source, in input
 * or postrouting; every packet is rewritten by what they said. */
#include <string.h>

#include "engine/private.h"

static const union addr loopback4 = { .b = { 127, 0, 0, 1 } };
static const union addr loopback6 = { .b = { [15] = 1 } };

#define FORGET_SLICE 65536 /* records: a few milliseconds */

static enum nat_manip manip_at(enum hook hook)
{
	return hook == HOOK_PREROUTING || hook == HOOK_OUTPUT ? NAT_MANIP_DST : NAT_MANIP_SRC;
}

static void take(struct nat_range *range, const union addr *addr)
{
	range->flags |= NAT_RANGE_ADDR;
	range->min_addr = range->max_addr = *addr;
}

/* The address that speaks for the way out (nf_nat_masquerade_ipv4, _ipv6): to the next hop, of
 * IPv6 to whom it is for. */
static bool masquerade(struct way *way, struct nat_range *range)
{
	const struct packet *p = way->packet;
	union addr addr, to;

	if (p->family == L3_IPV4 && addr_is_zero(&p->saddr)) {
		range->flags = 0;
		return true;
	}
	if (!way->hostview || !way->eval.oif)
		return false;
	to = origin_next_hop(way, &p->daddr);
	if (!hostview_source(way->hostview, p->family, way->eval.oif, &to, &addr))
		return false;
	take(range, &addr);
	conntrack_nat_masquerade(&way->ct, way->eval.oif);
	return true;
}

/* The address of the interface that it came in by (nf_nat_redirect). */
static bool redirect(struct way *way, enum hook hook, struct nat_range *range)
{
	uint8_t family = way->packet->family;
	union addr addr;

	if (hook == HOOK_OUTPUT)
		addr = family == L3_IPV4 ? loopback4 : loopback6;
	else if (!way->hostview || !way->eval.iif ||
		 !hostview_source(way->hostview, family, way->eval.iif, NULL, &addr) ||
		 hostview_local_index(way->hostview, family, &addr) != way->eval.iif)
		return false; /* it has none */
	take(range, &addr);
	return true;
}

bool nat_choose(struct eval *e, enum hook hook, const struct nat_request *request)
{
	struct way *way = e->arg;
	struct nat_range range = request->range;

	if (!way->ct.unconfirmed)
		return true;
	if (request->type == NAT_MASQUERADE && !masquerade(way, &range))
		return false;
	if (request->type == NAT_REDIRECT && !redirect(way, hook, &range))
		return false;
	conntrack_nat_setup(way->engine->ct, e->worker, &way->ct, manip_at(hook), &range);
	return true;
}

/* A packet that begins a flow, or repeats what began one that has no answer yet. */
static bool asks(const struct way *way)
{
	return way->ct.dir == DIR_ORIGINAL &&
	       (way->ct.state == CT_STATE_NEW ||
		(way->ct.state == CT_STATE_RELATED &&
		 !conntrack_nat_is_error(&way->ct, way->packet)));
}

/* What rules say of it; where they say nothing, a port that is taken is changed all the same
 * (the null binding). */
static enum reason ask(struct way *way, enum hook hook, enum nat_manip manip)
{
	static const struct nat_range as_it_is = { .flags = 0 };
	enum reason reason = REASON_NONE;

	if (!(way->hooked & PROGRAM_NAT))
		return REASON_NONE;
	if (way->hooked & PROGRAM_HOOK(hook, STAGE_NAT))
		reason = evaluate(way, hook, STAGE_NAT);
	if (reason == REASON_NONE)
		conntrack_nat_setup(way->engine->ct, way->eval.worker, &way->ct, manip,
				    &as_it_is);
	return reason;
}

/* It spoke as an interface that its packets do not leave by any more: whoever has begun it must
 * begin anew (nf_nat_oif_changed). */
static bool leaves_elsewhere(const struct way *way, enum hook hook)
{
	uint32_t ifindex = nat_masqueraded(way->ct.flow);

	return hook == HOOK_POSTROUTING && ifindex && way->eval.oif &&
	       way->ct.dir == DIR_ORIGINAL && way->ct.state != CT_STATE_RELATED &&
	       ifindex != way->eval.oif;
}

enum reason nat(struct way *way, enum hook hook)
{
	enum nat_manip manip = manip_at(hook);
	union addr to = way->packet->daddr;
	enum reason reason = REASON_NONE;

	if (asks(way) && !nat_is_done(way->ct.flow, manip))
		reason = ask(way, hook, manip);
	if (reason != REASON_NONE)
		return reason;
	if (leaves_elsewhere(way, hook)) {
		conntrack_nat_end(way->engine->ct, way->eval.worker, &way->ct);
		way->ct.flow = NULL;
		return REASON_NAT;
	}
	if (!conntrack_nat_packet(&way->ct, manip, way->packet))
		return REASON_NAT;
	if (!nat_rewrites(way->ct.flow))
		return REASON_NONE;
	way->rewritten = true;
	if (addr_equal(&to, &way->packet->daddr))
		return REASON_NONE;
	origin_again(way);
	if (way->hooked & PROGRAM_INTERFACES)
		origin_interfaces(way);
	return REASON_NONE;
}

static bool speaks_still(void *arg, uint32_t ifindex, uint8_t family, const union addr *addr)
{
	const struct hostview *hv = arg;
	const struct hostview_link *link = hostview_link(hv, ifindex);

	return link && !link->down && hostview_local(hv, family, addr) == HOSTVIEW_LOCAL;
}

void nat_forget(struct engine *e, struct instant now)
{
	struct hostview *hv = atomic_load_explicit(&e->hostview, memory_order_relaxed);

	if (e->moved && !e->forgetting) {
		e->moved = false;
		e->forgetting = hv != NULL;
		e->forget_at = 0;
	}
	if (e->forgetting)
		e->forgetting = !conntrack_nat_forget(e->ct, &e->forget_at, FORGET_SLICE,
						      speaks_still, hv, now);
}

void nat_undo(struct way *way)
{
	if (way->rewritten && way->ct.flow)
		conntrack_nat_undo(&way->ct, way->packet);
}
