/* flow_print.c - a flow as a line of conntrack -L (conntrack-tools 1.4.7; conntrack.md 7.5). */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "ctfw/conntrack.h"
#include "ctfw/text.h"

const char *l4proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_GRE:
		return "gre";
	case IPPROTO_UDPLITE:
		return "udplite";
	case IPPROTO_DCCP:
		return "dccp";
	default:
		return "unknown";
	}
}

static void print_tuple(const struct tuple *t, struct text *out)
{
	char src[ADDR_TEXT], dst[ADDR_TEXT];
	unsigned sport = ntohs(t->sport), dport = ntohs(t->dport);

	text_printf(out, "src=%s dst=%s ", addr_print(t->l3, &t->src, src),
		    addr_print(t->l3, &t->dst, dst));
	switch (t->l4) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP: /* has none here, and conntrack(8) prints them */
		text_printf(out, "sport=%u dport=%u ", sport, dport);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		text_printf(out, "type=%u code=%u id=%u ", dport >> 8, dport & 0xff, sport);
		break;
	case IPPROTO_GRE:
		text_printf(out, "srckey=0x%x dstkey=0x%x ", sport, dport);
		break;
	}
}

void flow_print(const struct flow *f, uint64_t mono, bool extended, bool with_id,
		struct text *t)
{
	const struct tuple *original = &f->tuple[DIR_ORIGINAL], *reply = &f->tuple[DIR_REPLY];
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);

	if (extended)
		text_printf(t, "%-8s %u ", original->l3 == L3_IPV4 ? "ipv4" : "ipv6",
			    original->l3);
	text_printf(t, "%-8s %u ", l4proto_name(original->l4), original->l4);
	text_printf(t, "%u ", (unsigned)(flow_remaining(f, mono) / NSEC_PER_SEC));
	if (original->l4 == IPPROTO_TCP)
		text_printf(t, "%s ", tcp_state_name(f->proto.tcp.state));
	else if (original->l4 == IPPROTO_SCTP)
		text_printf(t, "%s ", sctp_state_name(f->proto.sctp.state));
	print_tuple(original, t);
	if (original->zone != reply->zone && original->zone)
		text_printf(t, "zone-orig=%u ", original->zone);
	if (!(status & FLOW_SEEN_REPLY))
		text_puts(t, "[UNREPLIED] ");
	print_tuple(reply, t);
	if (original->zone != reply->zone && reply->zone)
		text_printf(t, "zone-reply=%u ", reply->zone);
	if (status & FLOW_ASSURED)
		text_puts(t, "[ASSURED] ");
	text_printf(t, "mark=%u ", atomic_load_explicit(&f->mark, memory_order_relaxed));
	if (original->zone && original->zone == reply->zone)
		text_printf(t, "zone=%u ", original->zone);
	text_puts(t, "use=1");
	if (with_id)
		text_printf(t, " id=%u", f->id);
}
