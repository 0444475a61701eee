/* checksum.c - the Internet checksum (RFC 1071).
 *
 * A sum of 16-bit words modulo 65535 does not care how wide the words are that are added,
 * as long as no carry is lost (RFC 1071 2 (C)), nor which end of a word comes first (2
 * (B)): so words are added in the machine's own order, 32 bits at a time into 64, where
 * 2^32 of them fit before anything overflows. */
#include "ctfw/checksum.h"

#include <string.h>

static uint64_t load32(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* A sum that has been carried around into 33 bits, so that others may be added to it. */
static uint64_t carry_around(uint64_t sum)
{
	return (sum & 0xffffffff) + (sum >> 32);
}

uint64_t checksum_add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t a = carry_around(sum), b = 0, c = 0, d = 0;
	uint32_t tail = 0;

	/* Four sums that do not wait for each other. */
	for (; len >= 16; p += 16, len -= 16) {
		a += load32(p);
		b += load32(p + 4);
		c += load32(p + 8);
		d += load32(p + 12);
	}
	for (; len >= 4; p += 4, len -= 4)
		a += load32(p);
	memcpy(&tail, p, len);
	return a + b + c + d + tail;
}

uint16_t checksum_fold(uint64_t sum)
{
	sum = carry_around(carry_around(sum));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

uint64_t checksum_pseudo(uint8_t family, const union addr *src, const union addr *dst,
			 uint8_t proto, uint32_t l4_len)
{
	size_t size = addr_bits(family) / 8;
	/* IPv6's layout (RFC 8200 8.1); IPv4's sums up to the same. */
	uint8_t rest[8] = {
		(uint8_t)(l4_len >> 24), (uint8_t)(l4_len >> 16),
		(uint8_t)(l4_len >> 8), (uint8_t)l4_len, 0, 0, 0, proto,
	};

	return checksum_add(checksum_add(checksum_add(0, src, size), dst, size), rest, 8);
}

uint16_t checksum_ipv4(const uint8_t *header, size_t hlen)
{
	uint64_t sum = checksum_add(checksum_add(0, header, 10), header + 12, hlen - 12);

	return (uint16_t)~checksum_fold(sum);
}
