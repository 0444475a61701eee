/* addr.h - IPv4 and IPv6 addresses and prefixes. */
#ifndef CTFW_ADDR_H
#define CTFW_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Families carry the numbers of NFPROTO_*, as conntrack and nft print them. */
enum l3 {
	L3_NONE = 0,
	L3_IPV4 = 2,
	L3_IPV6 = 10,
};

/* An address in network byte order.  IPv4 lies in the first four bytes, and the
 * other twelve are zero: two addresses are equal when all sixteen bytes are. */
union addr {
	uint8_t b[16];
	uint32_t w[4]; /* big endian */
	uint64_t d[2]; /* big endian */
};

struct prefix {
	uint8_t family; /* enum l3 */
	uint8_t len;    /* bits, 0..32 or 0..128 */
	union addr addr; /* bits behind len are zero */
};

#define ADDR_TEXT 46   /* longest text of an address, NUL included */
#define PREFIX_TEXT 50 /* the same of a prefix */

/* Parse a numeric address of either family.  0, or -EINVAL. */
int addr_parse(const char *text, uint8_t *ret_family, union addr *ret_addr);
/* Print into buf (ADDR_TEXT bytes) as inet_ntop(3) does; returns buf. */
char *addr_print(uint8_t family, const union addr *addr, char *buf);
static inline bool addr_equal(const union addr *a, const union addr *b)
{
	return ((a->d[0] ^ b->d[0]) | (a->d[1] ^ b->d[1])) == 0;
}
bool addr_is_zero(const union addr *addr);
/* 224.0.0.0/4 or ff00::/8. */
bool addr_is_multicast(uint8_t family, const union addr *addr);
/* 127.0.0.0/8 or ::1. */
bool addr_is_loopback(uint8_t family, const union addr *addr);
/* Bits of an address of that family: 32 or 128. */
static inline unsigned addr_bits(uint8_t family)
{
	return family == L3_IPV4 ? 32 : 128;
}

/* "10.8.0.0/24", or an address alone.  -EINVAL when it is neither, or when bits
 * behind the length are set. */
int prefix_parse(const char *text, struct prefix *ret_prefix);
char *prefix_print(const struct prefix *p, char *buf);
bool prefix_contains(const struct prefix *p, uint8_t family, const union addr *addr);
/* Whether a contains all of b. */
bool prefix_covers(const struct prefix *a, const struct prefix *b);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);

#endif
