/* counter.c - packets and bytes, a column a worker.
 *
 *   slot    base     worker 0  worker 1  ...
 *   0       p, b     p, b      p, b
 *   1       p, b     p, b      p, b
 *
 * Stored column after column, so that workers share no cache line.  A worker's numbers
 * are read while it adds: each is one aligned 64-bit load, and a sum may lack what is
 * being counted at this instant, never more.
 *
 * A page of slots gets its memory in all columns before the first of them is used: where the
 * file system is full, a worker that counts, or whoever reads, would be killed. */
#include "ctfw/counter.h"

#include <errno.h>
#include <stdlib.h>

#include "base/arena_private.h"

#define PAGE_SLOTS 256u /* 4096 bytes */
#define PAGES	   (ARENA_COUNTERS / PAGE_SLOTS)

struct counters {
	struct counter *column[1 + ARENA_MAX_WORKERS]; /* [0] is the base */
	struct states *states;
	unsigned workers; /* columns in use: to read others would give them memory */
	uint32_t hint;   /* no slot below this one is free */
	uint64_t used[ARENA_COUNTERS / 64];
	bool reserved[PAGES];
	struct set_elements *elements; /* lent */
};

_Static_assert(ARENA_COUNTERS % 64 == 0, "a bit a slot");
_Static_assert(sizeof(struct counter) == 16, "as arena.h says");
_Static_assert(ARENA_COUNTERS % PAGE_SLOTS == 0, "whole pages");

struct counters *counters_new(const struct arena *arena)
{
	struct counters *c = calloc(1, sizeof(*c));
	struct counter *column = (struct counter *)arena->counters;

	if (!c)
		return NULL;
	c->states = states_new(arena);
	if (!c->states) {
		free(c);
		return NULL;
	}
	c->workers = arena->header->workers_used;
	if (!c->workers || c->workers > arena->header->workers)
		c->workers = arena->header->workers;
	for (unsigned i = 0; i <= c->workers; i++, column += ARENA_COUNTERS)
		c->column[i] = column;
	return c;
}

void counters_free(struct counters *c)
{
	if (c)
		states_free(c->states);
	free(c);
}

struct states *counters_states(const struct counters *c)
{
	return c->states;
}

static void load(const struct counter *at, struct counter *ret)
{
	ret->packets = __atomic_load_n(&at->packets, __ATOMIC_RELAXED);
	ret->bytes = __atomic_load_n(&at->bytes, __ATOMIC_RELAXED);
}

static void store(struct counter *at, uint64_t packets, uint64_t bytes)
{
	__atomic_store_n(&at->packets, packets, __ATOMIC_RELAXED);
	__atomic_store_n(&at->bytes, bytes, __ATOMIC_RELAXED);
}

/* What the workers counted since the arena was made. */
static struct counter sum(const struct counters *c, uint32_t slot)
{
	struct counter total = { 0 }, one;

	for (unsigned i = 1; i <= c->workers; i++) {
		load(&c->column[i][slot], &one);
		total.packets += one.packets;
		total.bytes += one.bytes;
	}
	return total;
}

/* Make sure that a slot has memory. */
static bool reserve(struct counters *c, uint32_t slot)
{
	uint32_t page = slot / PAGE_SLOTS;

	for (unsigned i = 0; !c->reserved[page] && i <= c->workers; i++) {
		if (arena_reserve(&c->column[i][page * PAGE_SLOTS],
				  PAGE_SLOTS * sizeof(struct counter)))
			return false;
	}
	c->reserved[page] = true;
	return true;
}

uint32_t counter_alloc(struct counters *c, struct counter initial)
{
	for (uint32_t w = c->hint / 64; w < ARENA_COUNTERS / 64; w++) {
		uint32_t slot;
		struct counter s;

		if (c->used[w] == UINT64_MAX)
			continue;
		slot = w * 64 + (uint32_t)__builtin_ctzll(~c->used[w]);
		if (!reserve(c, slot))
			return COUNTER_NONE;
		c->used[w] |= 1ULL << (slot % 64);
		c->hint = slot + 1;
		s = sum(c, slot);
		store(&c->column[0][slot], initial.packets - s.packets,
		      initial.bytes - s.bytes);
		return slot;
	}
	return COUNTER_NONE;
}

int counter_claim(struct counters *c, uint32_t slot)
{
	if (slot >= ARENA_COUNTERS || c->used[slot / 64] & 1ULL << (slot % 64))
		return -EINVAL;
	if (!reserve(c, slot))
		return -ENOMEM;
	c->used[slot / 64] |= 1ULL << (slot % 64);
	return 0;
}

void counter_release(struct counters *c, uint32_t slot)
{
	if (slot >= ARENA_COUNTERS)
		return;
	c->used[slot / 64] &= ~(1ULL << (slot % 64));
	if (slot < c->hint)
		c->hint = slot;
}

struct counter counter_read(const struct counters *c, uint32_t slot)
{
	struct counter s = sum(c, slot), base;

	load(&c->column[0][slot], &base);
	return (struct counter){ base.packets + s.packets, base.bytes + s.bytes };
}

struct counter counter_reset(struct counters *c, uint32_t slot)
{
	struct counter s = sum(c, slot), base;

	load(&c->column[0][slot], &base);
	store(&c->column[0][slot], -s.packets, -s.bytes);
	return (struct counter){ base.packets + s.packets, base.bytes + s.bytes };
}

struct counter *counter_column(struct counters *c, unsigned worker)
{
	return c->column[1 + worker];
}

void counters_lend(struct counters *c, struct set_elements *elements)
{
	c->elements = elements;
}

struct set_elements *counters_elements(const struct counters *c)
{
	return c->elements;
}
