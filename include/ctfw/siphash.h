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

struct siphash_state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void siphash_round(struct siphash_state *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotl(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotl(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotl(s->v2, 32);
}

static inline struct siphash_state siphash_start(const struct siphash_key *key)
{
	return (struct siphash_state){
		key->k0 ^ 0x736f6d6570736575ULL,
		key->k1 ^ 0x646f72616e646f6dULL,
		key->k0 ^ 0x6c7967656e657261ULL,
		key->k1 ^ 0x7465646279746573ULL,
	};
}

static inline void siphash_absorb(struct siphash_state *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

static inline uint64_t siphash_finish(struct siphash_state *s)
{
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* siphash_words() of two words, inline: an IPv4 flow's key, once a packet. */
__attribute__((always_inline)) static inline uint64_t
siphash_pair(const struct siphash_key *key, uint64_t a, uint64_t b)
{
	struct siphash_state s = siphash_start(key);

	siphash_absorb(&s, a);
	siphash_absorb(&s, b);
	siphash_absorb(&s, (uint64_t)16 << 56);
	return siphash_finish(&s);
}

/* n 64-bit words; the length in bytes (8 * n) is part of the hash. */
uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, size_t n);
/* The same for bytes; equal to siphash_words() on little-endian words. */
uint64_t siphash_bytes(const struct siphash_key *key, const void *bytes, size_t len);

#endif
