/* jhash.h - Bob Jenkins' lookup3 as the kernel has it: what rules call jhash, and what chooses
 * addresses for NAT.  Not keyed: whoever sends packets knows what comes out. */
#ifndef CTFW_JHASH_H
#define CTFW_JHASH_H

#include <stdint.h>

/* Of len bytes, which are read as words in the host's order (jhash(), and jhash2() of len / 4
 * words). */
uint32_t jhash(const uint8_t *key, uint32_t len, uint32_t seed);
/* A number below n, by the high bits (reciprocal_scale()). */
static inline uint32_t jhash_scale(uint32_t x, uint32_t n)
{
	return (uint32_t)((uint64_t)x * n >> 32);
}

#endif
