/* inner.c - where what a transport header carries begins (nft_payload_inner_offset). */
#include <netinet/in.h>

#include "packet/sums.h"

#define UDP_HEADER 8
#define TCP_HEADER 20
#define GRE_HEADER 4

/* RFC 2784 2.1, RFC 2890 2; of what RFC 1701 had beside, routing is not read. */
#define GRE_CSUM    0x80
#define GRE_ROUTING 0x40
#define GRE_KEY	    0x20
#define GRE_SEQ	    0x10
#define GRE_VERSION 0x07

static bool gre_len(const struct packet *p, uint32_t *ret_len)
{
	const uint8_t *gre = p->data + p->l4_off;
	uint32_t n;

	if (p->l4_len < GRE_HEADER || gre[1] & GRE_VERSION || gre[0] & GRE_ROUTING)
		return false;
	n = !!(gre[0] & GRE_CSUM) + !!(gre[0] & GRE_KEY) + !!(gre[0] & GRE_SEQ);
	*ret_len = GRE_HEADER + 4 * n;
	return true;
}

bool packet_inner(const struct packet *p, uint32_t *ret_off)
{
	uint32_t len = 0;

	if (!has_transport(p))
		return false;
	switch (p->l4_proto) {
	case IPPROTO_UDP:
		len = UDP_HEADER;
		break;
	case IPPROTO_TCP:
		if (p->l4_len < TCP_HEADER)
			return false;
		len = (uint32_t)(p->data[p->l4_off + 12] >> 4) * 4;
		break;
	case IPPROTO_GRE:
		if (!gre_len(p, &len))
			return false;
		break;
	case IPPROTO_IPIP:
		break;
	default:
		return false;
	}
	*ret_off = p->l4_off + len;
	return true;
}
