/* flow_filter.c - which flows a dump or a deletion means: conntrack(8)'s filters. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "ctfw/conntrack.h"

static bool prefix_matches(const struct prefix *p, const struct tuple *t, const union addr *a)
{
	return p->family == L3_NONE || prefix_contains(p, t->l3, a);
}

/* conntrack(8) calls GRE's keys so as well. */
static bool has_ports(uint8_t l4)
{
	return l4_has_ports(l4) || l4 == IPPROTO_GRE;
}

static bool ports_match(const struct tuple *o, const struct tuple *r,
			const struct flow_filter *filter)
{
	if (!filter->has_sport && !filter->has_dport && !filter->has_reply_sport &&
	    !filter->has_reply_dport)
		return true;
	return has_ports(o->l4) && (!filter->has_sport || filter->sport == ntohs(o->sport)) &&
	       (!filter->has_dport || filter->dport == ntohs(o->dport)) &&
	       (!filter->has_reply_sport || filter->reply_sport == ntohs(r->sport)) &&
	       (!filter->has_reply_dport || filter->reply_dport == ntohs(r->dport));
}

static bool icmp_matches(const struct tuple *o, const struct flow_filter *filter)
{
	const uint8_t *icmp = (const uint8_t *)&o->dport;

	if (!filter->has_icmp_type && !filter->has_icmp_code && !filter->has_icmp_id)
		return true;
	return (o->l4 == IPPROTO_ICMP || o->l4 == IPPROTO_ICMPV6) &&
	       (!filter->has_icmp_type || filter->icmp_type == icmp[0]) &&
	       (!filter->has_icmp_code || filter->icmp_code == icmp[1]) &&
	       (!filter->has_icmp_id || filter->icmp_id == ntohs(o->sport));
}

static bool zones_match(const struct tuple *o, const struct tuple *r,
			const struct flow_filter *filter)
{
	return (!filter->has_zone || (filter->zone == o->zone && filter->zone == r->zone)) &&
	       (!filter->has_orig_zone || filter->orig_zone == o->zone) &&
	       (!filter->has_reply_zone || filter->reply_zone == r->zone);
}

/* What a mapping of the source put in shows as the reply's destination, and the other way. */
static bool snat_matches(const struct flow *f, const struct flow_filter *filter)
{
	const struct tuple *o = &f->tuple[DIR_ORIGINAL], *r = &f->tuple[DIR_REPLY];

	return prefix_matches(&filter->snat_addr, r, &r->dst) &&
	       (!filter->has_snat_port ||
		(has_ports(r->l4) && filter->snat_port == ntohs(r->dport) &&
		 r->dport != o->sport));
}

static bool dnat_matches(const struct flow *f, const struct flow_filter *filter)
{
	const struct tuple *o = &f->tuple[DIR_ORIGINAL], *r = &f->tuple[DIR_REPLY];

	return prefix_matches(&filter->dnat_addr, r, &r->src) &&
	       (!filter->has_dnat_port ||
		(has_ports(r->l4) && filter->dnat_port == ntohs(r->sport) &&
		 r->sport != o->dport));
}

static bool nat_matches(const struct flow *f, uint32_t status, const struct flow_filter *filter)
{
	uint32_t match = 0;

	if (!(filter->nat | filter->nat_all))
		return true;
	if (status & FLOW_SNAT && snat_matches(f, filter))
		match |= FLOW_SNAT;
	if (status & FLOW_DNAT && dnat_matches(f, filter))
		match |= FLOW_DNAT;
	return (!filter->nat || match & filter->nat) && !(filter->nat_all & ~match);
}

static bool tuples_match(const struct flow *f, const struct flow_filter *filter)
{
	const struct tuple *o = &f->tuple[DIR_ORIGINAL], *r = &f->tuple[DIR_REPLY];

	if (filter->family && filter->family != o->l3)
		return false;
	if (filter->has_proto && filter->proto != o->l4)
		return false;
	if (!ports_match(o, r, filter) || !icmp_matches(o, filter) ||
	    !zones_match(o, r, filter))
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
	if (!nat_matches(f, status, filter))
		return false;
	if ((status & filter->status) != filter->status || status & filter->status_clear)
		return false;
	if (filter->has_mark && (mark & filter->mark_mask) != filter->mark)
		return false;
	if (filter->has_state && (f->tuple[DIR_ORIGINAL].l4 != IPPROTO_TCP ||
				  f->proto.tcp.state != filter->tcp_state))
		return false;
	if (filter->has_sctp_state && (f->tuple[DIR_ORIGINAL].l4 != IPPROTO_SCTP ||
				       f->proto.sctp.state != filter->sctp_state))
		return false;
	return tuples_match(f, filter);
}
