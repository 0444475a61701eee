/* siphash.h - keyed hash of short inputs (SipHash-1-3, Aumasson and Bernstein 2012).
 *
 * Keyed, so that nobody outside can choose packets that share a bucket.  One
 * compression round and three at the end is what the authors and the kernel's
 * hsiphash use for tables in memory. */
#ifndef CTFW_SIPHASH_H
#define CTFW_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

/* n 64-bit words; the length in bytes (8 * n) is part of the hash. */
uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, size_t n);
/* The same for bytes; equal to siphash_words() on little-endian words. */
uint64_t siphash_bytes(const struct siphash_key *key, const void *bytes, size_t len);

#endif
