/* flow_filter.c - which flows a dump or a deletion means: conntrack(8)'s filters. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "ctfw/conntrack.h"

static bool prefix_matches(const struct prefix *p, const struct tuple *t, const union addr *a)
{
	return p->family == L3_NONE || prefix_contains(p, t->l3, a);
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP;
}

static bool tuples_match(const struct flow *f, const struct flow_filter *filter)
{
	const struct tuple *o = &f->tuple[DIR_ORIGINAL], *r = &f->tuple[DIR_REPLY];

	if (filter->family && filter->family != o->l3)
		return false;
	if (filter->has_proto && filter->proto != o->l4)
		return false;
	if ((filter->has_sport || filter->has_dport) && !has_ports(o->l4))
		return false;
	if (filter->has_sport && filter->sport != ntohs(o->sport))
		return false;
	if (filter->has_dport && filter->dport != ntohs(o->dport))
		return false;
	if (filter->has_zone && filter->zone != o->zone)
		return false;
	return prefix_matches(&filter->src, o, &o->src) &&
	       prefix_matches(&filter->dst, o, &o->dst) &&
	       prefix_matches(&filter->reply_src, r, &r->src) &&
	       prefix_matches(&filter->reply_dst, r, &r->dst);
}

bool flow_matches(const struct flow *f, const struct flow_filter *filter)
{
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);
	uint32_t mark = atomic_load_explicit(&f->mark, memory_order_relaxed);

	if (filter->id && filter->id != f->id)
		return false;
	if ((status & filter->status) != filter->status || status & filter->status_clear)
		return false;
	if (filter->has_mark && (mark & filter->mark_mask) != filter->mark)
		return false;
	if (filter->has_state && (f->tuple[DIR_ORIGINAL].l4 != IPPROTO_TCP ||
				  f->proto.tcp.state != filter->tcp_state))
		return false;
	return tuples_match(f, filter);
}
