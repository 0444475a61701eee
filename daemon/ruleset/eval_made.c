/* eval_made.c - numbers that rules make: numgen, jhash, symhash, random.
 *
 * All spread over 0 to modulus - 1 by multiplication, as the kernel's reciprocal_scale(): the
 * high bits of a 32-bit number choose. */
#include <string.h>

#include "ruleset/eval_field.h"

static uint32_t scale(uint32_t x, uint32_t modulus)
{
	return (uint32_t)((uint64_t)x * modulus >> 32);
}

/* ---- random numbers ---- */

/* Of the worker's own sequence (SplitMix64, Steele and others 2014); where there is none, of
 * the time and the packet. */
uint32_t eval_random(const struct eval *e)
{
	uint64_t x = (uint64_t)e->now.mono ^ e->packet->hash ^ (uintptr_t)e->packet;

	if (e->random)
		x = *e->random += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((x ^ x >> 31) >> 32);
}

/* ---- hashes ---- */

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

/* Bob Jenkins' lookup3, hashlittle() with one seed, as the kernel's jhash().  Words are read in
 * the host's order, as there. */
static uint32_t jenkins(const uint8_t *key, uint32_t len, uint32_t seed)
{
	uint32_t s[3], w[3];

	s[0] = s[1] = s[2] = 0xdeadbeef + len + seed;
	while (len > 12) {
		static const uint8_t turns[6] = {4, 6, 8, 16, 19, 4};

		memcpy(w, key, 12);
		for (unsigned i = 0; i < 3; i++)
			s[i] += w[i];
		for (unsigned i = 0; i < 6; i++) {
			uint32_t *x = &s[i % 3], *y = &s[(i + 1) % 3], z = s[(i + 2) % 3];

			*x = (*x - z) ^ rotate(z, turns[i]);
			s[(i + 2) % 3] = z + *y;
		}
		key += 12;
		len -= 12;
	}
	if (!len)
		return s[2];
	memset(w, 0, sizeof(w));
	memcpy(w, key, len);
	for (unsigned i = 0; i < 3; i++)
		s[i] += w[i];
	for (unsigned i = 0; i < 7; i++) {
		static const uint8_t turns[7] = {14, 11, 25, 16, 4, 14, 24};
		uint32_t *x = &s[(i + 2) % 3], y = s[(i + 1) % 3];

		*x = (*x ^ y) - rotate(y, turns[i]);
	}
	return s[2];
}

uint32_t eval_hash(const struct program_made *m, const uint8_t *bytes)
{
	return scale(jenkins(bytes, m->len, m->seed), m->modulus) + m->offset;
}

/* Of a flow, the same both ways. */
static uint32_t symmetric(const struct packet *pk)
{
	struct {
		union addr a, b;
		uint16_t p, q;
		uint32_t proto;
	} key;
	bool swap = memcmp(&pk->saddr, &pk->daddr, sizeof(pk->saddr)) > 0;
	bool swap_ports = pk->sport > pk->dport;

	memset(&key, 0, sizeof(key));
	key.a = swap ? pk->daddr : pk->saddr;
	key.b = swap ? pk->saddr : pk->daddr;
	key.p = swap_ports ? pk->dport : pk->sport;
	key.q = swap_ports ? pk->sport : pk->dport;
	key.proto = pk->l4_proto;
	return jenkins((const uint8_t *)&key, sizeof(key), 0);
}

/* ---- one after the other ---- */

/* Shared by all workers: nft_ng_inc_gen(). */
static uint32_t count_on(struct program_made *m)
{
	uint32_t old = atomic_load_explicit(&m->next, memory_order_relaxed), next;

	do
		next = old + 1 < m->modulus ? old + 1 : 0;
	while (!atomic_compare_exchange_weak_explicit(
		&m->next, &old, next, memory_order_relaxed, memory_order_relaxed));
	return old;
}

bool eval_made(const struct eval *e, struct program_made *m, enum field_kind kind,
	       struct wide *ret)
{
	uint32_t x;

	switch (kind) {
	case FIELD_NUMGEN_INC:
		x = count_on(m);
		break;
	case FIELD_NUMGEN_RANDOM:
		x = scale(eval_random(e), m->modulus);
		break;
	default:
		x = scale(symmetric(e->packet), m->modulus);
		break;
	}
	*ret = (struct wide){0, x + m->offset};
	return true;
}
