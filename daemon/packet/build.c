/* build.c - answers to refused packets: TCP resets and ICMP errors.
 *
 * Bytes as the kernel's nf_reject_ipv4 and nf_reject_ipv6 put them together (observed):
 * a reset has DF and no identification, an IPv4 error has no DF and the precedence of
 * internetwork control (RFC 1812 4.3.2.5), hop limits are 64.  Neither answers what has a
 * wrong checksum: its sender may not be who it says.
 *
 * Two differences.  The kernel checks the payload of every protocol as if it had a
 * checksum when no device did it before, and so leaves most packets of unknown protocols
 * unanswered; here they are answered, as the kernel does when a device vouches for them.
 * It echoes IP options into its errors; here there are none. */
#include "ctfw/build.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "ctfw/checksum.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP_HEADER 20
#define ICMP_HEADER 8
#define IPV4_ERROR_MAX 576 /* RFC 1812 4.3.2.3 */
#define IPV6_ERROR_MAX BUILD_MAX
#define HOP_LIMIT 64
#define IPV4_DF 0x4000
#define ICMPV6_INFORMATION 128 /* types from here on are no errors */
#define ICMPV6_REDIRECT 137

static uint32_t load_be32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void store_be16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void store_be32(uint8_t *b, uint32_t v)
{
	store_be16(b, v >> 16);
	store_be16(b + 2, v);
}

/* Whether an address may stand for one host (RFC 1122 3.2.2, RFC 4443 2.4 (e)). */
static bool is_single_host(uint8_t family, const union addr *a)
{
	if (family == L3_IPV6)
		return !addr_is_zero(a) && !addr_is_multicast(family, a);
	return a->b[0] != 0 && !addr_is_loopback(family, a) && !addr_is_multicast(family, a) &&
	       a->w[0] != UINT32_MAX;
}

static bool may_be_answered(const struct packet *p)
{
	return !(p->flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT)) &&
	       is_single_host(p->family, &p->saddr) && is_single_host(p->family, &p->daddr) &&
	       packet_checksum_ok(p);
}

/* An IP header to `to`, and the checksum of what follows at checksum_off of it.  l4_len
 * bytes of that are there, the checksum zero.  Length of the whole. */
static int ip_header_put(uint8_t *buf, const struct packet *p, const union addr *from,
			 uint8_t proto, uint32_t l4_len, uint32_t checksum_off)
{
	const union addr *to = &p->saddr;
	bool v4 = p->family == L3_IPV4;
	uint32_t hlen = v4 ? IPV4_HEADER : IPV6_HEADER;
	uint8_t *l4 = buf + hlen;
	uint64_t sum = 0;
	uint16_t check;

	memset(buf, 0, hlen);
	if (v4) {
		buf[0] = 0x45;
		store_be16(buf + 2, hlen + l4_len);
		buf[8] = HOP_LIMIT;
		buf[9] = proto;
		memcpy(buf + 12, from, 4);
		memcpy(buf + 16, to, 4);
	} else {
		buf[0] = 0x60;
		store_be16(buf + 4, l4_len);
		buf[6] = proto;
		buf[7] = HOP_LIMIT;
		memcpy(buf + 8, from, 16);
		memcpy(buf + 24, to, 16);
	}
	if (proto != IPPROTO_ICMP)
		sum = checksum_pseudo(p->family, from, to, proto, l4_len);
	check = (uint16_t)~checksum_fold(checksum_add(sum, l4, l4_len));
	memcpy(l4 + checksum_off, &check, sizeof(check));
	return (int)(hlen + l4_len);
}

/* Last of all, when nothing changes any more. */
static void ipv4_header_seal(uint8_t *buf)
{
	uint16_t check = checksum_ipv4(buf, IPV4_HEADER);

	memcpy(buf + 10, &check, sizeof(check));
}

int build_tcp_reset(const struct packet *p, uint8_t *buf)
{
	const uint8_t *tcp = p->data + p->l4_off;
	uint8_t *rst = buf + (p->family == L3_IPV4 ? IPV4_HEADER : IPV6_HEADER);
	int len;

	if (p->l4_proto != IPPROTO_TCP || !(p->flags & PACKET_L4_HEADER) ||
	    p->flags & PACKET_FRAGMENT || p->tcp_flags & TCP_RST || !may_be_answered(p))
		return -EINVAL;
	memset(rst, 0, TCP_HEADER);
	memcpy(rst, tcp + 2, 2);
	memcpy(rst + 2, tcp, 2);
	rst[12] = TCP_HEADER / 4 << 4;
	if (p->tcp_flags & TCP_ACK) {
		memcpy(rst + 4, tcp + 8, 4);
		rst[13] = TCP_RST;
	} else {
		uint32_t data = p->l4_len - (uint32_t)(tcp[12] >> 4) * 4;

		store_be32(rst + 8, load_be32(tcp + 4) + data + !!(p->tcp_flags & TCP_SYN) +
					    !!(p->tcp_flags & TCP_FIN));
		rst[13] = TCP_RST | TCP_ACK;
	}
	len = ip_header_put(buf, p, &p->daddr, IPPROTO_TCP, TCP_HEADER, 16);
	if (p->family == L3_IPV4) {
		store_be16(buf + 6, IPV4_DF);
		ipv4_header_seal(buf);
	}
	return len;
}

/* Whether p is an ICMP message that must not be answered by another: an error, or one
 * that is too short or too new to tell. */
static bool is_silent_icmp(const struct packet *p)
{
	if (p->family == L3_IPV4 && p->l4_proto == IPPROTO_ICMP)
		return !(p->flags & PACKET_L4_HEADER) || packet_is_icmp_error(p) ||
		       p->icmp_type > 18; /* NR_ICMP_TYPES */
	if (p->family == L3_IPV6 && p->l4_proto == IPPROTO_ICMPV6)
		return !(p->flags & PACKET_L4_HEADER) || p->icmp_type < ICMPV6_INFORMATION ||
		       p->icmp_type == ICMPV6_REDIRECT;
	return false;
}

int build_icmp_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info,
		     const union addr *from, uint8_t *buf)
{
	bool v4 = p->family == L3_IPV4;
	uint32_t hlen = v4 ? IPV4_HEADER : IPV6_HEADER;
	uint32_t quoted = (v4 ? IPV4_ERROR_MAX : IPV6_ERROR_MAX) - hlen - ICMP_HEADER;
	uint8_t *icmp = buf + hlen;
	int len;

	if (!may_be_answered(p) || is_silent_icmp(p))
		return -EINVAL;
	if (quoted > p->len)
		quoted = p->len;
	icmp[0] = type;
	icmp[1] = code;
	store_be16(icmp + 2, 0);
	store_be32(icmp + 4, info);
	memcpy(icmp + ICMP_HEADER, p->data, quoted);
	len = ip_header_put(buf, p, from, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
			    ICMP_HEADER + quoted, 2);
	if (v4) {
		/* The sender's delay class, and internetwork control's precedence. */
		buf[1] = (p->data[1] & 0x1e) | 0xc0;
		/* As unique as the identification of the packet that is quoted. */
		memcpy(buf + 4, p->data + 4, 2);
		ipv4_header_seal(buf);
	}
	return len;
}
