/* state.h - what statements and objects of rules remember, beside counters.
 *
 * A slot is a record of 64 bytes of the arena, so that no two share a cache line.  What is in
 * it is words that all workers read and write as atomics; no lock is needed but for lists of
 * flows (ruleset/connlimit.h).
 *
 *     limit    the time at which its bucket was empty
 *     quota    the bytes that were counted
 *     last     the time of the last packet
 *
 * Whatever a record holds, nothing worse comes of it than a wrong number: a time that cannot
 * be is taken for none.
 *
 * Slots of statements and objects are handed out by the one thread that owns the ruleset, those
 * that make lists of flows longer by workers. */
#ifndef CTFW_STATE_H
#define CTFW_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctfw/arena.h"

#define STATE_NONE UINT32_MAX

struct state {
	_Atomic uint64_t word[8];
};
_Static_assert(sizeof(struct state) == ARENA_STATE_SIZE, "a record of the arena");

struct states;

/* Borrows the arena.  NULL when out of memory. */
struct states *states_new(const struct arena *arena);
void states_free(struct states *s);
const struct arena *states_arena(const struct states *s);
/* The time, monotonic ns, that the ruleset's thread last said: for what it lists and sets. */
void states_set_now(struct states *s, uint64_t mono);
uint64_t states_now(const struct states *s);

/* For the ruleset's thread: a free slot, all zero, or STATE_NONE when there is none left or the
 * file system is full; one that a former process used, with what it holds, 0, -EINVAL, or
 * -ENOMEM when the file system is full; and give one back. */
uint32_t state_new(struct states *s);
int state_claim(struct states *s, uint32_t slot);
void state_free(struct states *s, uint32_t slot);
/* The same for a worker, when states_reserve() has made sure that all slots have memory: 0, or
 * a negative errno.  That is for the ruleset's thread as well. */
int states_reserve(struct states *s);
uint32_t state_take(struct states *s, unsigned worker);
void state_give(struct states *s, uint32_t slot);
/* Its record: NULL when there is no such slot. */
struct state *state_at(const struct states *s, uint32_t slot);

/* ---- limit (nft_limit_eval) ----
 *
 * A bucket of tokens, of which one nanosecond brings one.  Times are monotonic ns.
 *
 * From here on all have one word: the first of a record, or one that an element of a set has
 * (set_dynamic.h). */

#define STATE_LIMIT_MAX ((uint64_t)INT64_MAX) /* size of a bucket */

/* Take cost tokens out of a bucket that holds size of them; false when there are not as many.
 * A new bucket is full.  What workers ask for at the same time they get as if one after the
 * other. */
bool state_limit(_Atomic uint64_t *word, uint64_t size, uint64_t cost, uint64_t now);

/* ---- quota (nft_overquota) ---- */

/* Count bytes; returns what it came to. */
uint64_t state_quota_add(_Atomic uint64_t *word, uint64_t bytes);
void state_quota_set(_Atomic uint64_t *word, uint64_t bytes);
uint64_t state_quota_read(const _Atomic uint64_t *word);
/* Set to zero; returns what it was at that instant. */
uint64_t state_quota_reset(_Atomic uint64_t *word);

/* ---- last (nft_last_eval) ---- */

/* To the millisecond, so that workers do not fight over it. */
void state_last_set(_Atomic uint64_t *word, uint64_t now);
/* How long ago, ns; false: never. */
bool state_last_ago(const _Atomic uint64_t *word, uint64_t now, uint64_t *ret_ago);

#endif
