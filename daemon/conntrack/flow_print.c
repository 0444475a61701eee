/* flow_print.c - a flow as a line of conntrack -L (conntrack-tools 1.4.7; conntrack.md 7.5). */
#include <arpa/inet.h>
#include <inttypes.h>
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

static void print_counters(const struct flow *f, enum flow_dir dir, const struct flow_line *how,
			   struct text *out)
{
	if (how->flags & FLOW_LINE_COUNTERS)
		text_printf(out, "packets=%" PRIu64 " bytes=%" PRIu64 " ",
			    f->acct[dir].packets, f->acct[dir].bytes);
}

/* A zone of both directions stands behind the mark, others behind their tuples. */
static void print_zone(const struct flow *f, enum flow_dir dir, struct text *out)
{
	uint16_t zone = f->tuple[dir].zone;

	if (zone && zone != f->tuple[!dir].zone)
		text_printf(out, "zone-%s=%u ", dir == DIR_ORIGINAL ? "orig" : "reply", zone);
}

static void print_head(const struct flow *f, const struct flow_line *how, struct text *t)
{
	const struct tuple *original = &f->tuple[DIR_ORIGINAL];
	unsigned seconds = (unsigned)(flow_remaining(f, how->mono) / NSEC_PER_SEC);

	if (how->flags & FLOW_LINE_EXTENDED)
		text_printf(t, "%-8s %u ", original->l3 == L3_IPV4 ? "ipv4" : "ipv6",
			    original->l3);
	text_printf(t, "%-8s %u ", l4proto_name(original->l4), original->l4);
	if (seconds || !(how->flags & FLOW_LINE_EXPIRED))
		text_printf(t, "%u ", seconds);
	if ((how->flags & (FLOW_LINE_EVENT | FLOW_LINE_STATE)) == FLOW_LINE_EVENT)
		return;
	if (original->l4 == IPPROTO_TCP)
		text_printf(t, "%s ", tcp_state_name(f->proto.tcp.state));
	else if (original->l4 == IPPROTO_SCTP)
		text_printf(t, "%s ", sctp_state_name(f->proto.sctp.state));
}

static void print_tail(const struct flow *f, const struct flow_line *how, struct text *t)
{
	uint32_t mark = atomic_load_explicit(&f->mark, memory_order_relaxed);
	bool event = how->flags & FLOW_LINE_EVENT;

	if (!event || mark || how->flags & FLOW_LINE_MARK)
		text_printf(t, "mark=%u ", mark);
	if (f->tuple[DIR_ORIGINAL].zone &&
	    f->tuple[DIR_ORIGINAL].zone == f->tuple[DIR_REPLY].zone)
		text_printf(t, "zone=%u ", f->tuple[DIR_ORIGINAL].zone);
	text_puts(t, how->times ? how->times : "");
	text_puts(t, how->helper ? how->helper : "");
	if (!event)
		text_puts(t, "use=1 ");
	if (how->flags & FLOW_LINE_ID)
		text_printf(t, "id=%u ", f->id);
	text_puts(t, how->labels ? how->labels : "");
}

void flow_print_line(const struct flow *f, const struct flow_line *how, struct text *t)
{
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);

	print_head(f, how, t);
	print_tuple(&f->tuple[DIR_ORIGINAL], t);
	print_zone(f, DIR_ORIGINAL, t);
	print_counters(f, DIR_ORIGINAL, how, t);
	if (!(status & FLOW_SEEN_REPLY))
		text_puts(t, "[UNREPLIED] ");
	print_tuple(&f->tuple[DIR_REPLY], t);
	print_zone(f, DIR_REPLY, t);
	print_counters(f, DIR_REPLY, how, t);
	if (status & FLOW_ASSURED)
		text_puts(t, "[ASSURED] ");
	print_tail(f, how, t);
	if (t->len && t->s[t->len - 1] == ' ')
		t->s[--t->len] = '\0';
}

void flow_print(const struct flow *f, uint64_t mono, bool extended, bool with_id,
		struct text *t)
{
	const struct flow_line how = {
		.flags = (extended ? FLOW_LINE_EXTENDED : 0) | (with_id ? FLOW_LINE_ID : 0),
		.mono = mono,
	};

	flow_print_line(f, &how, t);
}
