/* limits.c - step 10: what the host's own stack would refuse behind us, where NAT hides whom it
 * must tell.
 *
 * Whatever is not for the host itself is forwarded once more when it was written back.  Of a
 * packet that nobody rewrote the kernel says itself that its time is exceeded or that it is too
 * long.  Of a rewritten one it would tell the wrong one: an address of the host, or one that the
 * sender has never heard of, quoting a packet that nobody sent.  Asked for as ip_forward() and
 * ip6_forward() do, before the flow is confirmed: what ends here leaves nothing behind.
 *
 * The MTU is that of the interface that the packet leaves by; one of a single route is not
 * known. */
#include <netinet/in.h>

#include "engine/private.h"

#define IPV4_DF 0x40 /* of byte 6 */
#define UDP_HEADER 8

static uint8_t hops_left(const struct packet *p)
{
	return p->data[p->family == L3_IPV4 ? 8 : 7];
}

uint32_t limits_mtu(struct way *way)
{
	const struct hostview_link *out;

	if (!way->hostview)
		return 0;
	if (!(way->hooked & PROGRAM_INTERFACES))
		origin_interfaces(way); /* nobody has asked yet */
	out = hostview_link(way->hostview, way->eval.oif);
	return out ? out->mtu : 0;
}

/* What a super-packet will be cut into (skb_gso_network_seglen). */
static uint32_t segment_len(const struct packet *p)
{
	uint32_t header = UDP_HEADER;

	if (p->l4_proto == IPPROTO_TCP)
		header = (uint32_t)(p->data[p->l4_off + 12] >> 4) * 4;
	return p->l4_off + header + p->vnet.gso_size;
}

/* ip_exceeds_mtu(), ip6_pkt_too_big(). */
static bool is_too_long(const struct way *way, uint32_t mtu)
{
	const struct packet *p = way->packet;
	bool v4 = p->family == L3_IPV4;

	if (mtu == 0 || p->len <= mtu)
		return false;
	if (way->together) {
		const struct frag_shape *shape = &way->worker->fragments->whole.shape;

		return (!v4 || shape->df) && shape->max_size > mtu;
	}
	if (v4 && !(p->data[6] & IPV4_DF))
		return false;
	if (p->vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE && p->flags & PACKET_L4_HEADER)
		return segment_len(p) > mtu;
	return true;
}

enum reason limits(struct way *way)
{
	if (way->hook == HOOK_INPUT)
		return REASON_NONE;
	if (hops_left(way->packet) <= 1)
		return REASON_TTL;
	return is_too_long(way, limits_mtu(way)) ? REASON_TOO_BIG : REASON_NONE;
}
