/* crc32c.c - the checksum of SCTP (RFC 9260 appendix A; Castagnoli's polynomial, RFC 3720 B.4).
 *
 * Eight bytes a step: table k says what a byte has become k bytes later.  A CRC is linear, so
 * that of a byte is the sum of those of its bits, and eight numbers make a table. */
#include <endian.h>

#include "ctfw/checksum.h"

#define SCTP_HEADER 12
#define SCTP_CHECKSUM 8

#define BIT(b, i, value) ((b) >> (i) & 1 ? (value) : 0)
#define ENTRY(b, v0, v1, v2, v3, v4, v5, v6, v7) \
	(BIT(b, 0, v0) ^ BIT(b, 1, v1) ^ BIT(b, 2, v2) ^ BIT(b, 3, v3) ^ \
	 BIT(b, 4, v4) ^ BIT(b, 5, v5) ^ BIT(b, 6, v6) ^ BIT(b, 7, v7))
#define FOUR(entry, b) entry(b), entry((b) + 1), entry((b) + 2), entry((b) + 3)
#define SIXTEEN(entry, b) \
	FOUR(entry, b), FOUR(entry, (b) + 4), FOUR(entry, (b) + 8), FOUR(entry, (b) + 12)
#define ALL(entry) \
	SIXTEEN(entry, 0x00), SIXTEEN(entry, 0x10), SIXTEEN(entry, 0x20), \
	SIXTEEN(entry, 0x30), SIXTEEN(entry, 0x40), SIXTEEN(entry, 0x50), \
	SIXTEEN(entry, 0x60), SIXTEEN(entry, 0x70), SIXTEEN(entry, 0x80), \
	SIXTEEN(entry, 0x90), SIXTEEN(entry, 0xa0), SIXTEEN(entry, 0xb0), \
	SIXTEEN(entry, 0xc0), SIXTEEN(entry, 0xd0), SIXTEEN(entry, 0xe0), \
	SIXTEEN(entry, 0xf0)

/* The CRC of each of a byte's bits, 0 to 7, with so many bytes of zero behind it. */
#define ADVANCE_0(b) \
	ENTRY(b, 0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu, 0x20bd8edeu, \
	      0x417b1dbcu, 0x82f63b78u)
#define ADVANCE_1(b) \
	ENTRY(b, 0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u, 0x7f8be302u, \
	      0xff17c604u, 0xfbc3faf9u)
#define ADVANCE_2(b) \
	ENTRY(b, 0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au, 0xe144fb14u, \
	      0xc76580d9u, 0x8b277743u)
#define ADVANCE_3(b) \
	ENTRY(b, 0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du, 0xd725148bu, \
	      0xaba65fe7u, 0x52a0c93fu)
#define ADVANCE_4(b) \
	ENTRY(b, 0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u, 0x1ba8b557u, \
	      0x37516aaeu, 0x6ea2d55cu)
#define ADVANCE_5(b) \
	ENTRY(b, 0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu, 0x85f4168du, \
	      0x0e045bebu, 0x1c08b7d6u)
#define ADVANCE_6(b) \
	ENTRY(b, 0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u, 0x3d5b83bdu, \
	      0x7ab7077au, 0xf56e0ef4u)
#define ADVANCE_7(b) \
	ENTRY(b, 0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u, 0x0d006599u, \
	      0x1a00cb32u, 0x34019664u)

static const uint32_t table[8][256] = {
	{ ALL(ADVANCE_0) }, { ALL(ADVANCE_1) }, { ALL(ADVANCE_2) }, { ALL(ADVANCE_3) },
	{ ALL(ADVANCE_4) }, { ALL(ADVANCE_5) }, { ALL(ADVANCE_6) }, { ALL(ADVANCE_7) },
};

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (; len >= 8; p += 8, len -= 8)
		crc = table[7][(crc ^ p[0]) & 0xff] ^ table[6][(crc >> 8 ^ p[1]) & 0xff] ^
		      table[5][(crc >> 16 ^ p[2]) & 0xff] ^ table[4][crc >> 24 ^ p[3]] ^
		      table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	for (; len; len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
	return crc;
}

/* In the field with its lowest byte first. */
uint32_t checksum_sctp(const uint8_t *sctp, size_t len)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32c(UINT32_MAX, sctp, SCTP_CHECKSUM);

	crc = crc32c(crc, zero, sizeof(zero));
	return htole32(~crc32c(crc, sctp + SCTP_HEADER, len - SCTP_HEADER));
}
