/* siphash.c - SipHash-1-3, after the authors' description (Aumasson, Bernstein: "SipHash:
 * a fast short-input PRF", 2012). */
#include "ctfw/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline struct state start(const struct siphash_key *key)
{
	return (struct state){
		key->k0 ^ 0x736f6d6570736575ULL,
		key->k1 ^ 0x646f72616e646f6dULL,
		key->k0 ^ 0x6c7967656e657261ULL,
		key->k1 ^ 0x7465646279746573ULL,
	};
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

static inline uint64_t finish(struct state *s)
{
	s->v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, size_t n)
{
	struct state s = start(key);

	for (size_t i = 0; i < n; i++)
		absorb(&s, words[i]);
	absorb(&s, (uint64_t)(8 * n) << 56);
	return finish(&s);
}

uint64_t siphash_bytes(const struct siphash_key *key, const void *bytes, size_t len)
{
	struct state s = start(key);
	const uint8_t *p = bytes;
	size_t left = len;
	uint64_t last = 0;

	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		absorb(&s, le64toh(word));
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	absorb(&s, (uint64_t)len << 56 | last);
	return finish(&s);
}
