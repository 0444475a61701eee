/* set_elements.h - the records of all dynamic sets, their hash table, and the lists of those
 * that are not in use: what set_elements.c and set_dynamic.c share.
 *
 *    heads            links (one a record)        records (the arena)
 *    +------+         +------------------+        +------------------------------+
 *    |    --+-------->| i: next, hash    |........| i: expires, set, key, data   |
 *    +------+         +------------------+        +------------------------------+
 *
 * A ref is an index plus one; 0 ends a chain.  Heads, links, and the lists of unused and of
 * retired records are private memory; the hash is keyed with the arena's key.
 *
 * Life-cycle of a record: unused, taken and written, linked, then its `expires` set; in the
 * end `expires` is moved to GONE, and whoever did that unlinks and retires it.  Housekeeping
 * hands it out again once every thread has been quiescent.
 *
 * Locking: walks take no lock, under QSBR.  A bucket's lock is the top bit of its head, held
 * to link and to unlink.  A link that was taken out keeps its `next`. */
#ifndef CTFW_RULESET_SET_ELEMENTS_H
#define CTFW_RULESET_SET_ELEMENTS_H

#include <string.h>

#include "ctfw/set_dynamic.h"
#include "ctfw/siphash.h"
#include "ctfw/spin.h"

#define BUCKET_LOCK	    0x80000000u
#define NO_RECORD   UINT32_MAX
#define NUMBER_SETS (SET_DYNAMIC_SETS - 1)
#define CACHE_LINE  64
/* No timeout is longer: what nft can write, some hundred years. */
#define TIMEOUT_MAX (UINT64_MAX / 4)

_Static_assert((SET_DYNAMIC_SETS & NUMBER_SETS) == 0, "a number's lower bits say where");

struct element_link {
	_Atomic uint32_t next;
	uint32_t hash;
};

struct tally {
	_Alignas(CACHE_LINE) _Atomic uint64_t added;
	_Atomic uint64_t expired, set_full, no_room;
};

/* Who has the number whose lower bits say this place: a set, or one of a former process that
 * was not claimed yet. */
struct seat {
	struct set_dynamic *set;
	uint32_t number; /* 0: none yet */
	uint32_t count;	 /* found in the arena, as long as nobody claimed it */
	uint8_t key_bytes, data_bytes;
};

struct set_dynamic {
	unsigned refs;
	struct set_elements *e;
	uint32_t number;
	uint8_t key_bytes, data_bytes;
	_Atomic uint32_t size;
	_Alignas(CACHE_LINE) _Atomic uint32_t count;
};

struct set_elements {
	struct arena arena;
	struct states *states;
	bool reserved;
	struct siphash_key key;
	struct set_record *records;
	uint32_t n_records;
	_Atomic uint32_t *fresh; /* in the arena's header: from here on none was ever used */
	_Atomic uint32_t *heads;
	uint32_t mask;
	struct element_link *links;
	_Atomic uint32_t *next; /* of each record, on the free list or among the retired */
	unsigned workers;
	struct tally *tally;		  /* of each worker, and of the ruleset's thread */
	struct set_elements_stats former; /* what the last process left */
	uint32_t cursor;		  /* of housekeeping */
	uint32_t next_number;
	struct seat seat[SET_DYNAMIC_SETS];
	/* A stack of unused records: a tag that changes with every change above, index + 1
	 * below; and one of the retired. */
	_Alignas(CACHE_LINE) _Atomic uint64_t unused;
	_Alignas(CACHE_LINE) _Atomic uint32_t retired;
	_Alignas(CACHE_LINE) _Atomic uint32_t used;
};

static inline uint64_t record_expires(const struct set_record *r)
{
	return atomic_load_explicit(&r->expires, memory_order_acquire);
}

static inline bool record_is_alive(const struct set_record *r, uint64_t mono)
{
	return record_expires(r) > mono;
}

static inline void tally_count(_Atomic uint64_t *what)
{
	/* This thread's own. */
	atomic_store_explicit(what, atomic_load_explicit(what, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* ---- keys ---- */

static inline size_t padded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

/* key: zeroes behind it, up to whole words. */
static inline uint32_t elements_hash(const struct set_elements *e, uint32_t number,
				     const uint8_t *key, size_t key_bytes)
{
	uint64_t words[9] = {number};

	memcpy(words + 1, key, key_bytes);
	return (uint32_t)siphash_words(&e->key, words, 1 + padded(key_bytes) / 8);
}

/* ---- buckets ---- */

static inline _Atomic uint32_t *elements_bucket(const struct set_elements *e, uint32_t hash)
{
	return &e->heads[hash & e->mask];
}

static inline void bucket_lock(_Atomic uint32_t *head)
{
	uint32_t value = atomic_load_explicit(head, memory_order_relaxed) & ~BUCKET_LOCK;
	unsigned rounds = 0;

	while (!atomic_compare_exchange_weak_explicit(head, &value, value | BUCKET_LOCK,
						      memory_order_acquire,
						      memory_order_relaxed)) {
		if (value & BUCKET_LOCK)
			spin(&rounds);
		value &= ~BUCKET_LOCK;
	}
}

static inline void bucket_unlock(_Atomic uint32_t *head)
{
	uint32_t value = atomic_load_explicit(head, memory_order_relaxed);

	atomic_store_explicit(head, value & ~BUCKET_LOCK, memory_order_release);
}

static inline uint32_t first_ref(_Atomic uint32_t *head)
{
	return atomic_load_explicit(head, memory_order_acquire) & ~BUCKET_LOCK;
}

static inline uint32_t next_ref(const struct set_elements *e, uint32_t ref)
{
	return atomic_load_explicit(&e->links[ref - 1].next, memory_order_acquire);
}

static inline uint32_t elements_index(const struct set_elements *e, const struct set_record *r)
{
	return (uint32_t)(r - e->records);
}

static inline struct set_record *elements_seek(const struct set_dynamic *s, const uint8_t *key,
					       uint32_t hash, uint64_t mono)
{
	const struct set_elements *e = s->e;

	for (uint32_t ref = first_ref(elements_bucket(e, hash)); ref; ref = next_ref(e, ref)) {
		struct set_record *r = &e->records[ref - 1];

		if (e->links[ref - 1].hash == hash && r->set == s->number &&
		    record_is_alive(r, mono) && !memcmp(r->key, key, s->key_bytes))
			return r;
	}
	return NULL;
}

/* ---- set_elements.c ---- */

/* A record to be written and linked, or NO_RECORD. */
uint32_t elements_take(struct set_elements *e);
/* Its bucket is locked, and its hash is in its link. */
void elements_link(struct set_elements *e, uint32_t index, uint32_t hash);
/* Whether this thread is the one that ended it; it then removes it, once. */
bool record_end_now(struct set_record *r);
/* s: its set, or NULL when nobody has claimed that. */
void elements_remove(struct set_elements *e, struct set_dynamic *s, struct set_record *r);
/* What has expired in a locked bucket makes room for others. */
void elements_sweep_bucket(struct set_dynamic *s, unsigned worker, uint32_t hash,
			   uint64_t mono);

#endif
