/* siphash.c - SipHash-1-3, after the authors' description (Aumasson, Bernstein: "SipHash:
 * a fast short-input PRF", 2012). */
#include "ctfw/siphash.h"

#include <endian.h>
#include <string.h>

uint64_t siphash_words(const struct siphash_key *key, const uint64_t *words, size_t n)
{
	struct siphash_state s = siphash_start(key);

	for (size_t i = 0; i < n; i++)
		siphash_absorb(&s, words[i]);
	siphash_absorb(&s, (uint64_t)(8 * n) << 56);
	return siphash_finish(&s);
}

uint64_t siphash_bytes(const struct siphash_key *key, const void *bytes, size_t len)
{
	struct siphash_state s = siphash_start(key);
	const uint8_t *p = bytes;
	size_t left = len;
	uint64_t last = 0;

	for (; left >= 8; left -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		siphash_absorb(&s, le64toh(word));
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	siphash_absorb(&s, (uint64_t)len << 56 | last);
	return siphash_finish(&s);
}
