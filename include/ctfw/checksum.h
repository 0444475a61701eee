/* checksum.h - the Internet checksum (RFC 1071), whole and by increments (RFC 1624), and
 * SCTP's CRC.
 *
 * Sums are kept unfolded in 64 bits over 16-bit words in memory order, so that a folded
 * result can be stored as it is on any machine. */
#ifndef CTFW_CHECKSUM_H
#define CTFW_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "ctfw/addr.h"

/* Add len bytes to a sum; an odd last byte is padded with zero. */
uint64_t checksum_add(uint64_t sum, const void *bytes, size_t len);
/* Fold to 16 bits, not inverted. */
uint16_t checksum_fold(uint64_t sum);
/* Sum of the pseudo-header: addresses, length of the transport part, protocol. */
uint64_t checksum_pseudo(uint8_t family, const union addr *src, const union addr *dst,
			 uint8_t proto, uint32_t l4_len);
/* The checksum field of an IPv4 header of hlen bytes, as it should stand; the present
 * field counts as zero. */
uint16_t checksum_ipv4(const uint8_t *header, size_t hlen);

/* The checksum field of an SCTP packet of len bytes, 12 or more, as it should stand in memory
 * (RFC 9260 6.8); the present field counts as zero. */
uint32_t checksum_sctp(const uint8_t *sctp, size_t len);

/* CRC32c, not inverted: begin with ~0 and invert what comes out (RFC 3720 B.4). */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
