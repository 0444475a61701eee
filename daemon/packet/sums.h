/* sums.h - how checksums follow a change of what they cover (RFC 1624), for the files here
 * that change packets.
 *
 * A change is known by what it adds to a sum: the complement of what was there, and what is
 * there now.  Multiples of 0xffff count as nothing in that, but keep a sum from being 0, so
 * that one that comes out as a multiple of it is written as 0, as the kernel does. */
#ifndef CTFW_PACKET_SUMS_H
#define CTFW_PACKET_SUMS_H

#include <string.h>

#include "ctfw/checksum.h"
#include "ctfw/packet.h"

static inline uint16_t load16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static inline void store16(uint8_t *at, uint16_t v)
{
	memcpy(at, &v, sizeof(v));
}

static inline uint64_t sum_change16(uint16_t from, uint16_t to)
{
	return (uint64_t)(uint16_t)~from + to;
}

/* inet_proto_csum_replace() */
static inline void sum_adjust(uint8_t *field, uint64_t change)
{
	store16(field, (uint16_t)~checksum_fold((uint16_t)~load16(field) + change));
}

/* The same where 0 would mean that there is no checksum: the other zero is written. */
static inline void sum_adjust_nonzero(uint8_t *field, uint64_t change)
{
	uint16_t sum = (uint16_t)~checksum_fold((uint16_t)~load16(field) + change);

	store16(field, sum ? sum : UINT16_MAX);
}

/* A field that holds the pseudo-header's sum alone, which is not inverted. */
static inline void sum_adjust_partial(uint8_t *field, uint64_t change)
{
	store16(field, checksum_fold(load16(field) + change));
}

/* Whether the transport checksum is yet to be filled in: its field holds such a sum.  What is
 * to be filled in may also lie deeper, in what a tunnel carries. */
static inline bool sum_is_partial(const struct packet *p)
{
	return p->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && p->vnet.csum_start == p->l4_off;
}

static inline bool has_transport(const struct packet *p)
{
	return !(p->flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT));
}

/* SCTP's CRC anew; the common header of 12 bytes is there. */
static inline void sum_put_sctp(struct packet *p)
{
	uint8_t *l4 = p->data + p->l4_off;
	uint32_t crc = checksum_sctp(l4, p->l4_len);

	memcpy(l4 + 8, &crc, sizeof(crc));
}

#endif
