/* eval_view.c - where rules see the transport header of a packet that conntrack sees otherwise.
 *
 * nf_tables ends its walk of an IPv6 chain at an authentication header, and finds "no next
 * header" to be a protocol (ipv6_find_hdr with target -1 and IP6_FH_F_AUTH); conntrack walks
 * on, and finds none (ipv6_skip_exthdr). */
#include <netinet/in.h>

#include "ruleset/program.h"

#define IPV6_HEADER 40
#define FRAGMENT_OFFSET 0xfff8

/* The chain is cut short: p keeps saying so, or rules have no transport header. */
static void seen_none(struct packet *p)
{
	p->flags |= PACKET_NO_L4;
	p->flags &= (uint16_t)~(PACKET_PORTS | PACKET_L4_HEADER);
}

static void seen_at(struct packet *p, uint8_t proto, uint32_t off)
{
	p->flags &= (uint16_t)~(PACKET_NO_L4 | PACKET_PORTS | PACKET_L4_HEADER);
	p->l4_proto = proto;
	p->l4_off = (uint16_t)(off < p->len ? off : p->len);
	p->l4_len = p->len - p->l4_off;
}

void eval_view(const struct packet *packet, struct packet *ret_seen)
{
	struct packet *p = ret_seen;
	uint32_t off = IPV6_HEADER;
	uint8_t next = packet->data[6];

	*p = *packet;
	for (;;) {
		const uint8_t *h = p->data + off;

		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			if (off + 2 > p->len)
				return seen_none(p);
			off += (h[1] + 1u) * 8;
			break;
		case IPPROTO_FRAGMENT:
			if (off + 4 > p->len || ((uint32_t)h[2] << 8 | h[3]) & FRAGMENT_OFFSET)
				return seen_none(p);
			off += 8;
			break;
		default:
			return seen_at(p, next, off);
		}
		next = h[0];
	}
}
