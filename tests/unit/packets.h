/* packets.h - raw packets for tests, with right lengths and checksums.
 *
 * Addresses are text and say the family.  Everything is built into a struct raw, whose bytes a
 * test may then damage.  The checksum is computed here and not by checksum.c, so that each
 * can prove the other wrong. */
#ifndef TESTS_PACKETS_H
#define TESTS_PACKETS_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RAW_MAX 65536

struct raw {
	uint8_t b[RAW_MAX];
	size_t len;
};

static inline bool raw_is_ipv6(const char *addr)
{
	return strchr(addr, ':') != NULL;
}

static inline void raw_put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void raw_put32(uint8_t *at, uint32_t v)
{
	raw_put16(at, (uint16_t)(v >> 16));
	raw_put16(at + 2, (uint16_t)v);
}

static inline uint32_t raw_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Start of the transport part of a packet that raw_ip() made. */
static inline size_t raw_l4(const struct raw *r)
{
	return r->b[0] >> 4 == 4 ? (size_t)(r->b[0] & 15) * 4 : 40;
}

static inline void raw_fix_ipv4(struct raw *r)
{
	raw_put16(r->b + 10, 0);
	raw_put16(r->b + 10, (uint16_t)~raw_sum(0, r->b, raw_l4(r)));
}

/* The checksum of the transport part as it should stand where the field is zero now. */
static inline uint16_t raw_l4_checksum(const struct raw *r, uint8_t proto, bool pseudo)
{
	size_t off = raw_l4(r), len = r->len - off;
	uint32_t sum = 0;

	if (pseudo) {
		sum = r->b[0] >> 4 == 4 ? raw_sum(0, r->b + 12, 8) :
					  raw_sum(0, r->b + 8, 32);
		sum += proto;
		sum += (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff);
	}
	return (uint16_t)~raw_sum(sum, r->b + off, len);
}

/* An IP packet around len bytes of transport part (NULL: zeroes). */
static inline void raw_ip(struct raw *r, const char *src, const char *dst, uint8_t proto,
			  const void *l4, size_t len)
{
	size_t off = raw_is_ipv6(src) ? 40 : 20;

	assert(off + len <= RAW_MAX);
	memset(r->b, 0, off);
	if (off == 40) {
		r->b[0] = 0x60;
		raw_put16(r->b + 4, (uint16_t)len);
		r->b[6] = proto;
		r->b[7] = 64;
		inet_pton(AF_INET6, src, r->b + 8);
		inet_pton(AF_INET6, dst, r->b + 24);
	} else {
		r->b[0] = 0x45;
		raw_put16(r->b + 2, (uint16_t)(off + len));
		raw_put16(r->b + 6, 0x4000); /* DF */
		r->b[8] = 64;
		r->b[9] = proto;
		inet_pton(AF_INET, src, r->b + 12);
		inet_pton(AF_INET, dst, r->b + 16);
		raw_fix_ipv4(r);
	}
	if (l4)
		memcpy(r->b + off, l4, len);
	else
		memset(r->b + off, 0, len);
	r->len = off + len;
}

/* Compute the transport checksum anew, after a test has changed something. */
static inline void raw_fix_l4(struct raw *r)
{
	bool ipv4 = r->b[0] >> 4 == 4;
	uint8_t proto = ipv4 ? r->b[9] : r->b[6];
	size_t field = proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2;
	uint8_t *at = r->b + raw_l4(r) + field;
	uint16_t sum;

	raw_put16(at, 0);
	sum = raw_l4_checksum(r, proto, proto != IPPROTO_ICMP);
	if (proto == IPPROTO_UDP && sum == 0)
		sum = 0xffff;
	raw_put16(at, sum);
}

/* flags: TH_* values of byte 13. */
static inline void raw_tcp(struct raw *r, const char *src, uint16_t sport, const char *dst,
			   uint16_t dport, uint8_t flags, uint32_t seq, uint32_t ack,
			   size_t payload)
{
	uint8_t *tcp;

	raw_ip(r, src, dst, IPPROTO_TCP, NULL, 20 + payload);
	tcp = r->b + raw_l4(r);
	raw_put16(tcp, sport);
	raw_put16(tcp + 2, dport);
	raw_put32(tcp + 4, seq);
	raw_put32(tcp + 8, ack);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	raw_put16(tcp + 14, 8192);
	raw_fix_l4(r);
}

static inline void raw_udp(struct raw *r, const char *src, uint16_t sport, const char *dst,
			   uint16_t dport, size_t payload)
{
	uint8_t *udp;

	raw_ip(r, src, dst, IPPROTO_UDP, NULL, 8 + payload);
	udp = r->b + raw_l4(r);
	raw_put16(udp, sport);
	raw_put16(udp + 2, dport);
	raw_put16(udp + 4, (uint16_t)(8 + payload));
	raw_fix_l4(r);
}

/* ICMP or ICMPv6 by the addresses' family: 8 bytes of header, then a body. */
static inline void raw_icmp(struct raw *r, const char *src, const char *dst, uint8_t type,
			    uint8_t code, uint16_t id, uint16_t seq, const void *body,
			    size_t len)
{
	uint8_t *icmp;

	raw_ip(r, src, dst, raw_is_ipv6(src) ? IPPROTO_ICMPV6 : IPPROTO_ICMP, NULL, 8 + len);
	icmp = r->b + raw_l4(r);
	icmp[0] = type;
	icmp[1] = code;
	raw_put16(icmp + 4, id);
	raw_put16(icmp + 6, seq);
	if (body)
		memcpy(icmp + 8, body, len);
	raw_fix_l4(r);
}

/* An error that quotes the first `quoted` bytes of another packet. */
static inline void raw_icmp_error(struct raw *r, const char *src, const char *dst,
				  uint8_t type, uint8_t code, const struct raw *inner,
				  size_t quoted)
{
	assert(quoted <= inner->len);
	raw_icmp(r, src, dst, type, code, 0, 0, inner->b, quoted);
}

/* Bytes from..to of the data of a packet that raw_ip() made, as a fragment.  IPv4: DF goes. */
static inline void raw_fragment(struct raw *r, const struct raw *whole, uint32_t id,
				size_t from, size_t to)
{
	size_t off = raw_l4(whole), head = off == 40 ? 48 : off;
	bool more = to < whole->len - off;

	assert(from % 8 == 0 && from < to && to <= whole->len - off);
	memcpy(r->b, whole->b, off);
	memcpy(r->b + head, whole->b + off + from, to - from);
	r->len = head + to - from;
	if (off == 40) {
		r->b[40] = whole->b[6];
		r->b[41] = 0;
		raw_put16(r->b + 42, (uint16_t)(from | more));
		raw_put32(r->b + 44, id);
		r->b[6] = IPPROTO_FRAGMENT;
		raw_put16(r->b + 4, (uint16_t)(r->len - 40));
	} else {
		raw_put16(r->b + 2, (uint16_t)r->len);
		raw_put16(r->b + 4, (uint16_t)id);
		raw_put16(r->b + 6, (uint16_t)(from / 8 | (more ? 0x2000 : 0)));
		raw_fix_ipv4(r);
	}
}

#endif
