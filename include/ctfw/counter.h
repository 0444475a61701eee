/* counter.h - packets and bytes, counted by each worker for itself.
 *
 * A slot is a row of the arena's counters: a base and a column a worker.  A worker
 * adds to its own column without atomics that others wait for; a reader sums.  What
 * is shown is base + sum, modulo 2^64; a reset lowers the base and touches no column,
 * so that it loses nothing that is counted meanwhile.
 *
 * Slots are handed out by the one thread that owns the ruleset. */
#ifndef CTFW_COUNTER_H
#define CTFW_COUNTER_H

#include <stdint.h>

#include "ctfw/arena.h"
#include "ctfw/state.h"

#define COUNTER_NONE UINT32_MAX

struct counter {
	uint64_t packets, bytes;
};

struct counters;

/* Borrows the arena.  NULL when out of memory. */
struct counters *counters_new(const struct arena *arena);
void counters_free(struct counters *c);
/* What statements and objects keep beside counters, in the same arena. */
struct states *counters_states(const struct counters *c);
/* Where the elements of dynamic sets live, for the rulesets that count here: borrowed; NULL,
 * as at first: no set is dynamic, what packets would add they do not. */
struct set_elements;
void counters_lend(struct counters *c, struct set_elements *elements);
struct set_elements *counters_elements(const struct counters *c);

/* A free slot that shows the given value, or COUNTER_NONE when there is none left or the file
 * system is full. */
uint32_t counter_alloc(struct counters *c, struct counter initial);
/* Claim a slot that a former process used, with the value it has.  0, -EINVAL, or
 * -ENOMEM when the file system is full. */
int counter_claim(struct counters *c, uint32_t slot);
void counter_release(struct counters *c, uint32_t slot);

struct counter counter_read(const struct counters *c, uint32_t slot);
/* Set to zero; returns what it showed at that instant. */
struct counter counter_reset(struct counters *c, uint32_t slot);
/* A worker's own column, of which [slot] is what it has counted.  Any thread, but one worker
 * number a thread at a time. */
struct counter *counter_column(struct counters *c, unsigned worker);
static inline void counter_add(struct counter *own, uint64_t packets, uint64_t bytes)
{
	/* Others read it meanwhile; nobody else writes it. */
	__atomic_store_n(&own->packets, own->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&own->bytes, own->bytes + bytes, __ATOMIC_RELAXED);
}

#endif
