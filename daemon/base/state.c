/* state.c - records of the arena for what statements and objects remember.
 *
 * Which slots are taken is in private memory, a bit each: atomic, since workers take and give
 * back records of lists.  Whoever looks for a free one begins where it was successful last. */
#include "ctfw/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena_private.h"
#include "ctfw/clock.h"

#define WORDS (ARENA_STATES / 64)
#define PAGE  4096u

_Static_assert(ARENA_STATES % 64 == 0, "a bit a slot");
_Static_assert(PAGE == 64 * sizeof(struct state), "a word's slots are a page");

struct states {
	struct arena arena;
	struct state *records;
	uint64_t now;
	bool reserved;
	/* The word to begin with, of each worker and of the ruleset's thread. */
	struct {
		_Alignas(64) uint32_t word;
	} from[ARENA_MAX_WORKERS + 1];
	_Atomic uint64_t used[WORDS];
};

struct states *states_new(const struct arena *arena)
{
	struct states *s = aligned_alloc(64, sizeof(*s));

	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->arena = *arena;
	s->records = (struct state *)arena->states;
	for (unsigned i = 0; i < ARENA_MAX_WORKERS; i++)
		s->from[i].word = (i + 1) * (WORDS / (ARENA_MAX_WORKERS + 1));
	return s;
}

void states_free(struct states *s)
{
	free(s);
}

const struct arena *states_arena(const struct states *s)
{
	return &s->arena;
}

void states_set_now(struct states *s, uint64_t mono)
{
	s->now = mono;
}

uint64_t states_now(const struct states *s)
{
	return s->now;
}

/* ---- slots ---- */

static void clear(struct state *st)
{
	for (unsigned i = 0; i < 8; i++)
		atomic_store_explicit(&st->word[i], 0, memory_order_relaxed);
}

/* A free slot of a word; STATE_NONE when all are taken. */
static uint32_t take_bit(struct states *s, uint32_t word)
{
	uint64_t used = atomic_load_explicit(&s->used[word], memory_order_relaxed);
	unsigned bit;

	do {
		if (used == UINT64_MAX)
			return STATE_NONE;
		bit = (unsigned)__builtin_ctzll(~used);
	} while (!atomic_compare_exchange_weak_explicit(&s->used[word], &used,
							used | UINT64_C(1) << bit,
							memory_order_acquire,
							memory_order_relaxed));
	return word * 64 + bit;
}

/* Wherever it is; *from is where to look first. */
static uint32_t take(struct states *s, uint32_t *from)
{
	for (uint32_t i = 0, first = *from; i < WORDS; i++) {
		uint32_t slot = take_bit(s, (first + i) % WORDS);

		if (slot == STATE_NONE)
			continue;
		*from = slot / 64;
		return slot;
	}
	return STATE_NONE;
}

/* A write where the file system is full would kill the process.  Where another slot of its page
 * is in use it has memory. */
static int reserve(const struct states *s, uint32_t slot)
{
	uint64_t others = atomic_load_explicit(&s->used[slot / 64], memory_order_relaxed) &
			  ~(UINT64_C(1) << slot % 64);

	return s->reserved || others ? 0 : arena_reserve(&s->records[slot & ~63u], PAGE);
}

uint32_t state_new(struct states *s)
{
	uint32_t slot = take(s, &s->from[ARENA_MAX_WORKERS].word);

	if (slot == STATE_NONE)
		return STATE_NONE;
	if (reserve(s, slot)) {
		state_free(s, slot);
		return STATE_NONE;
	}
	clear(&s->records[slot]);
	return slot;
}

int states_reserve(struct states *s)
{
	int err;

	if (s->reserved)
		return 0;
	err = arena_reserve(s->records, sizeof(struct state) * ARENA_STATES);
	s->reserved = !err;
	return err;
}

uint32_t state_take(struct states *s, unsigned worker)
{
	uint32_t slot = take(s, &s->from[worker].word);

	if (slot != STATE_NONE)
		clear(&s->records[slot]);
	return slot;
}

int state_claim(struct states *s, uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << slot % 64;

	if (slot >= ARENA_STATES)
		return -EINVAL;
	/* It may be a hole, where a former process never wrote anything but zeros. */
	if (reserve(s, slot))
		return -ENOMEM;
	return atomic_fetch_or_explicit(&s->used[slot / 64], bit, memory_order_relaxed) & bit ?
		       -EINVAL :
		       0;
}

void state_give(struct states *s, uint32_t slot)
{
	if (slot < ARENA_STATES)
		atomic_fetch_and_explicit(&s->used[slot / 64], ~(UINT64_C(1) << slot % 64),
					  memory_order_release);
}

void state_free(struct states *s, uint32_t slot)
{
	uint32_t *from = &s->from[ARENA_MAX_WORKERS].word;

	state_give(s, slot);
	/* What has memory already is used first. */
	if (slot < ARENA_STATES && slot / 64 < *from)
		*from = slot / 64;
}

struct state *state_at(const struct states *s, uint32_t slot)
{
	return slot < ARENA_STATES ? &s->records[slot] : NULL;
}

/* ---- limit ----
 *
 * Kept is one number, when the bucket was empty: the tokens are the time since then, as many as
 * it holds at most.  Taking some moves that time on; what is refused changes nothing.  That is
 * the kernel's bucket, without its lock.
 *
 *     tokens(now) = min(now - empty, size)
 *
 * 0 is a bucket that was never used, which is full. */

/* Clocks of workers are read once a batch: one may be behind the other by this much. */
#define SKEW ((int64_t)NSEC_PER_SEC)
/* Each failure to exchange is a success of somebody else. */
#define ATTEMPTS 4096

bool state_limit(_Atomic uint64_t *word, uint64_t size, uint64_t cost, uint64_t now)
{
	uint64_t was = atomic_load_explicit(word, memory_order_relaxed);
	const int64_t full = (int64_t)now - (int64_t)size;

	if (!cost)
		return true;
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		int64_t empty = (int64_t)was;

		/* It was never used, or holds what no clock has shown. */
		if (!was || empty < full || empty > (int64_t)now + SKEW)
			empty = full;
		if (empty > (int64_t)now || (uint64_t)((int64_t)now - empty) < cost)
			return false;
		empty += (int64_t)cost;
		if (atomic_compare_exchange_weak_explicit(word, &was,
							  empty ? (uint64_t)empty : 1,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	}
	return false;
}

/* ---- quota ---- */

uint64_t state_quota_add(_Atomic uint64_t *word, uint64_t bytes)
{
	return atomic_fetch_add_explicit(word, bytes, memory_order_relaxed) + bytes;
}

void state_quota_set(_Atomic uint64_t *word, uint64_t bytes)
{
	atomic_store_explicit(word, bytes, memory_order_relaxed);
}

uint64_t state_quota_read(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

uint64_t state_quota_reset(_Atomic uint64_t *word)
{
	return atomic_exchange_explicit(word, 0, memory_order_relaxed);
}

/* ---- last ---- */

void state_last_set(_Atomic uint64_t *word, uint64_t now)
{
	uint64_t at = now / NSEC_PER_MSEC + 1;

	if (atomic_load_explicit(word, memory_order_relaxed) != at)
		atomic_store_explicit(word, at, memory_order_relaxed);
}

bool state_last_ago(const _Atomic uint64_t *word, uint64_t now, uint64_t *ret_ago)
{
	uint64_t at = atomic_load_explicit(word, memory_order_relaxed);

	if (!at)
		return false;
	at = at - 1 < UINT64_MAX / NSEC_PER_MSEC ? (at - 1) * NSEC_PER_MSEC : UINT64_MAX;
	*ret_ago = at < now ? now - at : 0;
	return true;
}
