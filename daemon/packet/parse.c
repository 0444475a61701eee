/* parse.c - bytes to a view: what is in a packet, and where.
 *
 * One pass over the headers, in the kernel's order, so that a packet with two faults is
 * dropped for the same one: ip_rcv_core() and ip6_rcv_core(), then the transport header
 * as ipv4_get_l4proto() and ipv6_skip_exthdr() find it, then the virtio-net header against
 * what was found.  Everything behind parse may use the offsets without further checks.
 *
 * Bytes are loaded by memcpy: a buffer of packets need not be aligned. */
#include "ctfw/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "ctfw/checksum.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP_HEADER 20
#define UDP_HEADER 8
#define ICMP_HEADER 8
#define SCTP_HEADER 12
#define SCTP_CRC_OFF 8

#define IPV4_MORE 0x2000
#define IPV4_OFFSET 0x1fff
#define IPV6_MORE 0x0001
#define IPV6_OFFSET 0xfff8

/* Hop-by-hop options (RFC 8200 4.2 and IANA's list). */
enum {
	OPTION_PAD1 = 0x00,
	OPTION_PADN = 0x01,
	OPTION_ROUTER_ALERT = 0x05,
	OPTION_CALIPSO = 0x07,
	OPTION_IOAM = 0x31,
	OPTION_JUMBO = 0xc2,
	OPTION_ACTION = 0xc0, /* what to do with an unknown one: 0 skip, else drop */
};
#define HOP_OPTIONS_MAX 8 /* net.ipv6.max_hbh_opts_number */
#define HOP_PADDING_MAX 7 /* RFC 4942 2.1.9.5 */

static uint16_t load_be16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static uint16_t load_raw16(const uint8_t *b)
{
	uint16_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

/* Headers without options are nearly all there ever are: five words, added at once.  A sum
 * that folds to 0xffff is a multiple of it, and no header sums up to 0. */
static inline bool ipv4_checksum_ok(const uint8_t *h, uint32_t hlen)
{
	uint64_t a, b;
	uint32_t c;

	if (hlen != IPV4_HEADER)
		return checksum_fold(checksum_add(0, h, hlen)) == 0xffff;
	memcpy(&a, h, 8);
	memcpy(&b, h + 8, 8);
	memcpy(&c, h + 16, 4);
	return ((a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32) + c) % 0xffff == 0;
}

static void no_l4(struct packet *p)
{
	p->flags |= PACKET_NO_L4;
	p->l4_proto = 0;
	p->l4_off = (uint16_t)p->len;
	p->l4_len = 0;
}

/* ---- the transport header ---- */

static inline void tcp_view(struct packet *p, const uint8_t *l4)
{
	uint32_t hlen;

	if (p->l4_len < TCP_HEADER)
		return;
	hlen = (uint32_t)(l4[12] >> 4) * 4;
	if (hlen < TCP_HEADER || hlen > p->l4_len)
		return;
	p->flags |= PACKET_L4_HEADER;
	p->tcp_flags = l4[13];
}

static void icmp_view(struct packet *p, const uint8_t *l4)
{
	if (p->l4_len < ICMP_HEADER)
		return;
	p->flags |= PACKET_L4_HEADER;
	p->icmp_type = l4[0];
	p->icmp_code = l4[1];
	p->icmp_id = load_raw16(l4 + 4);
}

/* What the first bytes of the transport header say; l4_off and l4_len stand. */
static inline void l4_view(struct packet *p)
{
	const uint8_t *l4 = p->data + p->l4_off;

	switch (p->l4_proto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		icmp_view(p, l4);
		return;
	case IPPROTO_TCP:
		tcp_view(p, l4);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		if (p->l4_len >= UDP_HEADER)
			p->flags |= PACKET_L4_HEADER;
		break;
	case IPPROTO_SCTP:
		if (p->l4_len >= SCTP_HEADER)
			p->flags |= PACKET_L4_HEADER;
		break;
	case IPPROTO_DCCP:
		break;
	default:
		return;
	}
	if (p->l4_len < 4) {
		if (p->l4_len >= 2)
			p->sport = load_raw16(l4);
		return;
	}
	p->flags |= PACKET_PORTS;
	p->sport = load_raw16(l4);
	p->dport = load_raw16(l4 + 2);
}

/* ---- IPv4 ---- */

/* Protocol, fragment and addresses of a header of hlen bytes, which are there. */
static inline void ipv4_view(struct packet *p, uint32_t hlen)
{
	const uint8_t *h = p->data;
	uint16_t frag = load_be16(h + 6);

	p->l4_proto = h[9];
	p->l4_off = (uint16_t)hlen;
	p->l4_len = p->len - hlen;
	if (frag & (IPV4_MORE | IPV4_OFFSET)) {
		p->flags |= PACKET_FRAGMENT;
		if (frag & IPV4_OFFSET) {
			p->flags |= PACKET_LATER_FRAGMENT;
			return;
		}
	}
	l4_view(p);
}

/* An IPv4 address, all sixteen bytes in one store: it is soon read as a whole, and would
 * otherwise have to wait until several stores have reached the cache. */
static inline void put_ipv4(union addr *ret_addr, const uint8_t *bytes)
{
	typedef uint32_t words __attribute__((vector_size(16)));
	words w = { 0 };

	memcpy(&w, bytes, 4);
	memcpy(ret_addr, &w, sizeof(w));
}

/* ip_rcv_core() (conntrack.md 11, IPv4 rows 2 to 6). */
static enum reason ipv4_parse(struct packet *p)
{
	const uint8_t *h = p->data;
	uint32_t hlen, total;

	p->family = L3_IPV4;
	if (p->len < IPV4_HEADER)
		return REASON_SHORT_HEADER;
	put_ipv4(&p->saddr, h + 12);
	put_ipv4(&p->daddr, h + 16);
	hlen = (uint32_t)(h[0] & 0x0f) * 4;
	if (hlen < IPV4_HEADER || hlen > p->len)
		return REASON_HEADER_LENGTH;
	if (!ipv4_checksum_ok(h, hlen))
		return REASON_HEADER_CHECKSUM;
	total = load_be16(h + 2);
	if (total < hlen || total > p->len)
		return REASON_TOTAL_LENGTH;
	p->len = total;
	ipv4_view(p, hlen);
	return REASON_NONE;
}

/* ---- IPv6 ---- */

/* Follow the extension headers to the transport header (ipv6_skip_exthdr, conntrack.md
 * 2.1). */
static void ipv6_view(struct packet *p)
{
	const uint8_t *h = p->data;
	uint8_t next = h[6];
	uint32_t off = IPV6_HEADER;

	for (;;) {
		uint32_t hlen = 8;
		uint16_t frag;

		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			if (off + 2 > p->len)
				return no_l4(p);
			hlen = ((uint32_t)h[off + 1] + 1) * 8;
			break;
		case IPPROTO_AH:
			p->flags |= PACKET_AUTH;
			if (off + 2 > p->len)
				return no_l4(p);
			hlen = ((uint32_t)h[off + 1] + 2) * 4;
			break;
		case IPPROTO_FRAGMENT:
			p->flags |= PACKET_FRAGMENT_HEADER;
			if (off + 4 > p->len)
				return no_l4(p);
			frag = load_be16(h + off + 2);
			if (frag & (IPV6_MORE | IPV6_OFFSET))
				p->flags |= PACKET_FRAGMENT;
			if (frag & IPV6_OFFSET) {
				if (off + 8 > p->len)
					return no_l4(p);
				p->flags |= PACKET_LATER_FRAGMENT;
				p->l4_proto = h[off];
				p->l4_off = (uint16_t)(off + 8);
				p->l4_len = p->len - off - 8;
				return;
			}
			break;
		case IPPROTO_NONE:
			return no_l4(p);
		default:
			/* Whether so much of it is there is for its protocol to say. */
			if (off > p->len)
				off = p->len;
			p->l4_proto = next;
			p->l4_off = (uint16_t)off;
			p->l4_len = p->len - off;
			return l4_view(p);
		}
		next = h[off];
		off += hlen;
	}
}

/* Whether an option other than padding, at off from the IPv6 header, lets the packet go on
 * (ipv6_hop_ra and its siblings, ip6_tlvopt_unknown). */
static bool hop_option_ok(const uint8_t *option, uint32_t off)
{
	switch (option[0]) {
	case OPTION_ROUTER_ALERT:
		return option[1] == 2;
	case OPTION_IOAM:
		return off % 4 == 0;
	case OPTION_CALIPSO:
		return option[1] >= 8 && option[6] * 4 + 8 <= option[1];
	case OPTION_JUMBO:
		return false; /* no packet here is long enough to need it */
	default:
		return (option[0] & OPTION_ACTION) == 0;
	}
}

/* The hop-by-hop header behind the IPv6 header (ipv6_parse_hopopts). */
static bool hop_options_ok(const struct packet *p)
{
	const uint8_t *h = p->data;
	uint32_t off = IPV6_HEADER + 2, end, padding = 0;
	unsigned options = 0;

	if (p->len < IPV6_HEADER + 8)
		return false;
	end = IPV6_HEADER + ((uint32_t)h[IPV6_HEADER + 1] + 1) * 8;
	if (end > p->len)
		return false;
	while (off < end) {
		uint32_t len;

		if (h[off] == OPTION_PAD1) {
			if (++padding > HOP_PADDING_MAX)
				return false;
			off++;
			continue;
		}
		if (off + 2 > end)
			return false;
		len = (uint32_t)h[off + 1] + 2;
		if (len > end - off)
			return false;
		if (h[off] == OPTION_PADN) {
			padding += len;
			if (padding > HOP_PADDING_MAX)
				return false;
			for (uint32_t i = 2; i < len; i++) {
				if (h[off + i])
					return false;
			}
		} else {
			if (++options > HOP_OPTIONS_MAX || !hop_option_ok(h + off, off))
				return false;
			padding = 0;
		}
		off += len;
	}
	return true;
}

/* Addresses that no packet on a wire may have (RFC 4291 2.5.3, 2.7 and errata 3480). */
static bool ipv6_is_martian(const struct packet *p)
{
	const uint8_t *dst = p->daddr.b;

	if (p->saddr.b[0] == 0xff)
		return true;
	if (dst[0] == 0xff)
		return (dst[1] & 0x0f) <= 1; /* reserved scope 0, interface-local 1 */
	return (p->saddr.b[0] == 0 && addr_is_loopback(L3_IPV6, &p->saddr)) ||
	       (dst[0] == 0 && addr_is_loopback(L3_IPV6, &p->daddr));
}

/* ip6_rcv_core() (conntrack.md 11, IPv6 rows 1 to 7). */
static enum reason ipv6_parse(struct packet *p)
{
	const uint8_t *h = p->data;
	uint32_t total;

	p->family = L3_IPV6;
	if (p->len < IPV6_HEADER)
		return REASON_SHORT_HEADER;
	memcpy(&p->saddr, h + 8, 16);
	memcpy(&p->daddr, h + 24, 16);
	if (ipv6_is_martian(p))
		return REASON_MARTIAN;
	total = IPV6_HEADER + (uint32_t)load_be16(h + 4);
	/* A jumbogram says 0 and hop-by-hop; the kernel then looks for its option. */
	if (total == IPV6_HEADER && h[6] == IPPROTO_HOPOPTS)
		total = p->len;
	if (total > p->len || total > PACKET_MAX)
		return REASON_TOTAL_LENGTH;
	p->len = total;
	if (h[6] == IPPROTO_HOPOPTS && !hop_options_ok(p))
		return REASON_HOP_OPTIONS;
	ipv6_view(p);
	return REASON_NONE;
}

/* ---- the virtio-net header ---- */

/* The offset of the checksum in the transport header, where it can be left to others. */
static unsigned checksum_field(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 0;
}

/* Whether it is cut into segments as its headers say. */
static bool gso_fits(const struct packet *p)
{
	const struct virtio_net_hdr *v = &p->vnet;
	uint8_t family = p->family, proto;

	switch (v->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		family = L3_IPV4;
		proto = IPPROTO_TCP;
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		family = L3_IPV6;
		proto = IPPROTO_TCP;
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		proto = IPPROTO_UDP;
		break;
	default: /* UDP by IP fragments is never asked for; others do not exist */
		return false;
	}
	if (v->gso_type & VIRTIO_NET_HDR_GSO_ECN && proto != IPPROTO_TCP)
		return false;
	if (v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && v->csum_start != p->l4_off)
		return false;
	return p->family == family && p->l4_proto == proto && p->flags & PACKET_L4_HEADER &&
	       !(p->flags & PACKET_FRAGMENT) && v->gso_size != 0 && v->hdr_len <= p->len;
}

/* Whether the header may be believed, by us and by the kernel that gets it back.  A
 * checksum that is to be filled in may lie deeper than the transport header: in what a
 * tunnel carries. */
static bool vnet_fits(const struct packet *p)
{
	const struct virtio_net_hdr *v = &p->vnet;

	if (v->flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID))
		return false;
	if (v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		unsigned field = checksum_field(p->l4_proto);

		/* Before anything is cut its checksum is filled in. */
		if (p->flags & (PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER))
			return false;
		if (v->csum_start < p->l4_off ||
		    (uint32_t)v->csum_start + v->csum_offset + 2 > p->len)
			return false;
		if (field && v->csum_start == p->l4_off && v->csum_offset != field)
			return false;
	}
	return v->gso_type == VIRTIO_NET_HDR_GSO_NONE || gso_fits(p);
}

/* Every member by itself: one assignment would be a loop over all the bytes, which costs as
 * much as all the rest here. */
static inline void begin(struct packet *p, uint8_t *data, uint32_t len,
			 const struct virtio_net_hdr *vnet)
{
	p->data = data;
	p->len = len;
	p->l4_len = 0;
	p->l4_off = 0;
	p->family = p->l4_proto = 0;
	p->flags = 0;
	p->tcp_flags = p->icmp_type = p->icmp_code = 0;
	p->sport = p->dport = p->icmp_id = 0;
	p->vnet = vnet ? *vnet : (struct virtio_net_hdr){ 0 };
	p->saddr = p->daddr = (union addr){ 0 };
	p->hash = 0;
}

/* ---- what others call ---- */

enum reason packet_parse(uint8_t *data, size_t len, const struct virtio_net_hdr *vnet,
			 struct packet *ret_packet)
{
	struct packet *p = ret_packet;
	enum reason reason;

	begin(p, data, (uint32_t)len, vnet);
	if (len == 0)
		return REASON_VERSION;
	switch (data[0] >> 4) {
	case 4:
		reason = ipv4_parse(p);
		break;
	case 6:
		reason = ipv6_parse(p);
		break;
	default:
		return REASON_VERSION;
	}
	if (reason != REASON_NONE)
		return reason;
	if ((p->vnet.flags | p->vnet.gso_type) && !vnet_fits(p))
		return REASON_VNET_HEADER;
	return REASON_NONE;
}

static void read_addresses(struct packet *p)
{
	if (p->family == L3_IPV4) {
		put_ipv4(&p->saddr, p->data + 12);
		put_ipv4(&p->daddr, p->data + 16);
	} else {
		memcpy(&p->saddr, p->data + 8, 16);
		memcpy(&p->daddr, p->data + 24, 16);
	}
}

static void forget_l4(struct packet *p)
{
	p->flags &= (uint16_t)~(PACKET_PORTS | PACKET_L4_HEADER);
	p->tcp_flags = p->icmp_type = p->icmp_code = 0;
	p->sport = p->dport = p->icmp_id = 0;
	p->hash = 0;
}

void packet_reread(struct packet *p)
{
	read_addresses(p);
	forget_l4(p);
	if (!(p->flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT)))
		l4_view(p);
}

bool packet_review(struct packet *p)
{
	uint32_t hlen = (uint32_t)(p->data[0] & 0x0f) * 4;

	read_addresses(p);
	forget_l4(p);
	p->flags &= PACKET_OWN;
	if (p->family == L3_IPV6)
		ipv6_view(p);
	else if (hlen < IPV4_HEADER || hlen > p->len)
		no_l4(p);
	else
		ipv4_view(p, hlen);
	return !(p->vnet.flags | p->vnet.gso_type) || vnet_fits(p);
}

int packet_parse_quoted(const struct packet *outer, uint32_t off, struct packet *ret_packet)
{
	uint32_t hlen;
	struct packet p;

	if (off > outer->len)
		return -EINVAL;
	p = (struct packet){
		.data = outer->data + off,
		.len = outer->len - off,
		.family = outer->family,
	};
	if (p.family == L3_IPV4) {
		if (p.len < IPV4_HEADER)
			return -EINVAL;
		/* Below 20 too, as the kernel: the transport part then begins in the header. */
		hlen = (uint32_t)(p.data[0] & 0x0f) * 4;
		if (hlen > p.len)
			return -EINVAL;
		memcpy(&p.saddr, p.data + 12, 4);
		memcpy(&p.daddr, p.data + 16, 4);
		ipv4_view(&p, hlen);
	} else {
		if (p.len < IPV6_HEADER)
			return -EINVAL;
		memcpy(&p.saddr, p.data + 8, 16);
		memcpy(&p.daddr, p.data + 24, 16);
		ipv6_view(&p);
	}
	if (p.flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT))
		return -EINVAL;
	*ret_packet = p;
	return 0;
}

bool packet_is_icmp_error(const struct packet *p)
{
	if (!(p->flags & PACKET_L4_HEADER))
		return false;
	if (p->family == L3_IPV6)
		return p->l4_proto == IPPROTO_ICMPV6 && p->icmp_type < 128;
	if (p->l4_proto != IPPROTO_ICMP)
		return false;
	switch (p->icmp_type) {
	case 3:  /* destination unreachable */
	case 4:  /* source quench */
	case 5:  /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return true;
	default:
		return false;
	}
}

/* How many bytes UDPLite's checksum covers (RFC 3828 3.1); 0 when the header says nonsense or
 * has no checksum, which its tracker refuses. */
static uint32_t udplite_coverage(const struct packet *p)
{
	const uint8_t *l4 = p->data + p->l4_off;
	uint32_t covered = load_be16(l4 + 4);

	if (covered == 0)
		covered = p->l4_len;
	if (covered < UDP_HEADER || covered > p->l4_len || load_raw16(l4 + 6) == 0)
		return 0;
	return covered;
}

bool packet_checksum_ok(const struct packet *p)
{
	const uint8_t *l4 = p->data + p->l4_off;
	uint32_t covered = p->l4_len, crc;
	uint64_t sum = 0;

	if (p->vnet.gso_type || p->flags & PACKET_LATER_FRAGMENT ||
	    !(p->flags & PACKET_L4_HEADER) ||
	    p->vnet.flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID))
		return true;
	switch (p->l4_proto) {
	case IPPROTO_UDP:
		if (load_raw16(l4 + 6) == 0)
			return true;
		sum = checksum_pseudo(p->family, &p->saddr, &p->daddr, IPPROTO_UDP, p->l4_len);
		break;
	case IPPROTO_UDPLITE:
		covered = udplite_coverage(p);
		if (covered == 0)
			return true;
		/* The kernel says UDP here, and so refuses what RFC 3828 means; of an IPv4
		 * packet's length it takes the last byte alone (nf_ip_checksum_partial). */
		sum = checksum_pseudo(p->family, &p->saddr, &p->daddr, IPPROTO_UDP,
				      p->family == L3_IPV4 ? p->l4_len & 0xff : p->l4_len);
		break;
	case IPPROTO_TCP:
	case IPPROTO_ICMPV6:
		sum = checksum_pseudo(p->family, &p->saddr, &p->daddr, p->l4_proto, p->l4_len);
		break;
	case IPPROTO_ICMP:
		break;
	case IPPROTO_SCTP:
		crc = checksum_sctp(l4, p->l4_len);
		return memcmp(l4 + SCTP_CRC_OFF, &crc, sizeof(crc)) == 0;
	default:
		return true;
	}
	/* One of IPv4 adds up to nothing, unless a rule has broken its checksum. */
	if (p->family == L3_IPV4)
		sum = checksum_add(sum, p->data, p->l4_off);
	return checksum_fold(checksum_add(sum, l4, covered)) == 0xffff;
}

bool packet_checksum_is_partial(const struct packet *p, struct virtio_net_hdr *ret_vnet)
{
	uint16_t offset = p->l4_proto == IPPROTO_TCP ? 16 : 6;
	uint16_t partial;

	if (p->flags & (PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER) ||
	    !(p->flags & PACKET_L4_HEADER) ||
	    (p->l4_proto != IPPROTO_TCP && p->l4_proto != IPPROTO_UDP))
		return false;
	partial = checksum_fold(checksum_pseudo(p->family, &p->saddr, &p->daddr, p->l4_proto,
						p->l4_len));
	if (load_raw16(p->data + p->l4_off + offset) != partial)
		return false;
	*ret_vnet = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = p->l4_off,
		.csum_offset = offset,
	};
	return true;
}
