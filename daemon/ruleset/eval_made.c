/* eval_made.c - numbers that rules make: numgen, jhash, symhash, random, and shifts of long
 * ones.
 *
 * All spread over 0 to modulus - 1 by multiplication, as the kernel's reciprocal_jhash_scale():
 * the high bits of a 32-bit number choose. */
#include <string.h>

#include "ctfw/jhash.h"
#include "ruleset/eval_field.h"

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

uint32_t eval_hash(const struct program_made *m, const uint8_t *bytes)
{
	return jhash_scale(jhash(bytes, m->len, m->seed), m->modulus) + m->offset;
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
	return jhash((const uint8_t *)&key, sizeof(key), 0);
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
		x = jhash_scale(eval_random(e), m->modulus);
		break;
	default:
		x = jhash_scale(symmetric(e->packet), m->modulus);
		break;
	}
	*ret = (struct wide){0, x + m->offset};
	return true;
}

/* ---- shifts of more than 32 bits ---- */

static uint64_t swap_words(uint64_t x)
{
	return x << 32 | x >> 32;
}

/* The kernel goes from one word of 32 bits to the next as if the first counted most, which on a
 * host of little-endian order is the other one of 64 bits (nft_bitwise_eval_lshift()). */
static uint64_t shift_64(uint64_t x, const struct insn *i)
{
	const bool swapped = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	x = swapped ? swap_words(x) : x;
	x = i->k ? x >> i->a : x << i->a;
	return swapped ? swap_words(x) : x;
}

struct wide eval_wide_shift(struct wide x, const struct insn *i)
{
	if (i->off == 64)
		return (struct wide){0, shift_64(x.lo, i)};
	/* Others it cannot turn around (nft_byteorder_eval()): what is written. */
	if (i->k)
		return (struct wide){x.hi >> i->a, x.lo >> i->a | x.hi << (64 - i->a)};
	return (struct wide){x.hi << i->a | x.lo >> (64 - i->a), x.lo << i->a};
}
