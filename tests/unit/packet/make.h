/* make.h - packets for tests, byte by byte.
 *
 * A struct bytes grows by what is put into it; seal functions then fill in lengths and
 * checksums, so that a test may break one thing of a packet that is right otherwise. */
#ifndef TESTS_PACKET_MAKE_H
#define TESTS_PACKET_MAKE_H

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "ctfw/checksum.h"
#include "ctfw/packet.h"

struct bytes {
	uint32_t len;
	uint8_t b[70000];
};

static inline void put(struct bytes *m, const void *bytes, size_t len)
{
	memcpy(m->b + m->len, bytes, len);
	m->len += (uint32_t)len;
}

/* A run of bytes given as numbers. */
#define PUT(m, ...)                                                                            \
	put(m, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static inline void put_zeroes(struct bytes *m, size_t len)
{
	memset(m->b + m->len, 0, len);
	m->len += (uint32_t)len;
}

static inline void set16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline void ip4_checksum(struct bytes *m)
{
	uint16_t check = checksum_ipv4(m->b, (size_t)(m->b[0] & 15) * 4);

	memcpy(m->b + 10, &check, 2);
}

/* 10.8.0.2 to 192.0.2.1, total length and checksum by ip4_seal(). */
static inline void ip4_begin(struct bytes *m, uint8_t proto)
{
	m->len = 0;
	PUT(m, 0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, proto, 0, 0, 10, 8, 0, 2, 192, 0, 2, 1);
}

static inline void ip4_seal(struct bytes *m)
{
	set16(m->b + 2, m->len);
	ip4_checksum(m);
}

/* fd08::2 to 2001:db8::1, payload length by ip6_seal(). */
static inline void ip6_begin(struct bytes *m, uint8_t next)
{
	m->len = 0;
	PUT(m, 0x60, 0, 0, 0, 0, 0, next, 64);
	PUT(m, 0xfd, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
	PUT(m, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
}

static inline void ip6_seal(struct bytes *m)
{
	set16(m->b + 4, m->len - 40);
}

/* 1234 to 80, sequence number 0x01020304, acknowledged 0x05060708. */
static inline void put_tcp(struct bytes *m, uint8_t flags)
{
	PUT(m, 0x04, 0xd2, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, flags, 0x10, 0, 0, 0, 0, 0);
}

static inline void put_udp(struct bytes *m, unsigned payload)
{
	PUT(m, 0x04, 0xd2, 0, 53, 0, 0, 0, 0);
	set16(m->b + m->len - 4, 8 + payload);
	put_zeroes(m, payload);
}

static inline void put_icmp(struct bytes *m, uint8_t type, uint8_t code)
{
	PUT(m, type, code, 0, 0, 0xab, 0xcd, 0, 1);
}

/* The sum over a transport part that starts at off, its pseudo-header included unless it
 * is ICMP: 0xffff when its checksum is right. */
static inline uint16_t l4_sum(const uint8_t *b, uint32_t len, uint32_t off, uint8_t proto)
{
	union addr src = { 0 }, dst = { 0 };
	uint8_t family = b[0] >> 4 == 4 ? L3_IPV4 : L3_IPV6;
	size_t size = addr_bits(family) / 8, at = family == L3_IPV4 ? 12 : 8;
	uint64_t sum = 0;

	memcpy(&src, b + at, size);
	memcpy(&dst, b + at + size, size);
	if (proto != IPPROTO_ICMP)
		sum = checksum_pseudo(family, &src, &dst, proto, len - off);
	return checksum_fold(checksum_add(sum, b + off, len - off));
}

/* Fill in the checksum of a transport part that starts at off. */
static inline void l4_seal(struct bytes *m, uint32_t off, uint8_t proto)
{
	uint32_t at = off + (proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2);
	uint16_t check;

	memset(m->b + at, 0, 2);
	check = (uint16_t)~l4_sum(m->b, m->len, off, proto);
	memcpy(m->b + at, &check, 2);
}

static inline void tcp4(struct bytes *m, uint8_t flags, unsigned payload)
{
	ip4_begin(m, IPPROTO_TCP);
	put_tcp(m, flags);
	put_zeroes(m, payload);
	ip4_seal(m);
	l4_seal(m, 20, IPPROTO_TCP);
}

static inline void tcp6(struct bytes *m, uint8_t flags, unsigned payload)
{
	ip6_begin(m, IPPROTO_TCP);
	put_tcp(m, flags);
	put_zeroes(m, payload);
	ip6_seal(m);
	l4_seal(m, 40, IPPROTO_TCP);
}

static inline void udp4(struct bytes *m, unsigned payload)
{
	ip4_begin(m, IPPROTO_UDP);
	put_udp(m, payload);
	ip4_seal(m);
	l4_seal(m, 20, IPPROTO_UDP);
}

static inline void udp6(struct bytes *m, unsigned payload)
{
	ip6_begin(m, IPPROTO_UDP);
	put_udp(m, payload);
	ip6_seal(m);
	l4_seal(m, 40, IPPROTO_UDP);
}

/* What a TUN says of a TCP super-packet whose header lies at off. */
static inline struct virtio_net_hdr tso_header(uint8_t gso_type, uint16_t off, uint16_t mss)
{
	return (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = gso_type,
		.hdr_len = (uint16_t)(off + 20),
		.gso_size = mss,
		.csum_start = off,
		.csum_offset = 16,
	};
}

#endif
