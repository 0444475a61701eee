/* set_dynamic.h - elements that come and go by themselves: sets and maps to which packets add,
 * and plain ones whose elements expire.
 *
 * The elements of all these sets are records of the arena, in one hash table (set_dynamic.c).
 * Workers find them without a lock, under RCU (rcu.h): what was found is good until the
 * thread is quiescent.  They add without an allocation: a set has a size, and the arena so
 * many records; when either is used up the packet's statement fails, which is counted, as the
 * kernel does (NFT_BREAK).
 *
 * An element is there as long as its `expires` lies ahead: that word alone says so.  Whoever
 * moves it to SET_RECORD_GONE, by an expiry or a deletion, takes the element out.
 *
 * Sets are made, claimed and given up by the ruleset's thread.  Their numbers are kept in the
 * saved ruleset: after a restart the elements are there at once, and go to the sets that claim
 * them. */
#ifndef CTFW_SET_DYNAMIC_H
#define CTFW_SET_DYNAMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/arena.h"
#include "ctfw/siphash.h"
#include "ctfw/state.h"

#define SET_RECORD_GONE	 0
#define SET_RECORD_NEVER UINT64_MAX
#define SET_RECORD_STATE 4
#define SET_DYNAMIC_SIZE 65535 /* nft's, of a dynamic set for which none is given */
#define SET_DYNAMIC_SETS 4096  /* most at a time */

struct set_record {
	_Atomic uint64_t expires; /* monotonic ns, GONE or NEVER */
	_Atomic uint64_t timeout; /* ns; 0: none */
	uint32_t check;		  /* of what never changes: set, lengths, lists, variant, key and
				   * data */
	uint32_t set;		  /* its number */
	uint8_t key_bytes, data_bytes;
	uint8_t lists; /* a bit for each word that names a list of flows */
	uint8_t unused;
	uint16_t variant; /* which statements of its set it has */
	uint16_t zero;
	uint8_t key[64];			  /* as in ruleset/set.h, zeroes behind it */
	uint8_t data[64];			  /* of a map */
	_Atomic uint64_t state[SET_RECORD_STATE]; /* of counters (two each), quotas, limits and
						   * so on, in the order of its variant's
						   * statements */
};
_Static_assert(sizeof(struct set_record) == ARENA_ELEMENT_SIZE, "as arena.h says");

static inline bool set_record_has_list(const struct set_record *r, unsigned word)
{
	return r->lists >> word & 1;
}

/* The check of a record; never 0. */
uint32_t set_record_check(const struct siphash_key *key, const struct set_record *r);

struct set_elements; /* of all sets */

/* Takes up what a former process left in the arena, of which what is damaged is dropped.
 * states: where lists of flows are, NULL when no element has any; workers: threads that add; NULL
 * when out of memory.  Borrows the arena and the states. */
struct set_elements *set_elements_new(const struct arena *arena, struct states *states,
				      unsigned workers, uint64_t mono);
void set_elements_free(struct set_elements *e);

/* Make sure that the records have memory, before the first set is made; see
 * arena_reserve_elements(). */
int set_elements_reserve(struct set_elements *e);
/* Look at the next records (0: all) for what has expired, counts flows and has none, or belongs
 * to no set, and hand out again what went.  The calling thread may wait for a grace period. */
void set_elements_housekeep(struct set_elements *e, uint32_t records, uint64_t mono);

struct set_elements_stats {
	uint32_t records, used; /* used: those of the expired not yet swept away too */
	uint64_t added, expired;
	uint64_t set_full; /* not added: the set had its size */
	uint64_t no_room;  /* not added: there was no record */
	/* of a former process */
	uint32_t kept, lapsed, damaged; /* lapsed: expired meanwhile */
};
void set_elements_stats(const struct set_elements *e, struct set_elements_stats *ret_stats);

/* ---- sets ---- */

struct set_dynamic; /* reference-counted, by the ruleset's thread */

struct set_dynamic_spec {
	uint8_t key_bytes, data_bytes; /* 1..64, 0..64 */
	uint32_t size;		       /* most elements; 0: as many as there are records */
};

/* A set without elements.  0; -EMFILE: there are too many; -E2BIG; -ENOMEM. */
int set_dynamic_new(struct set_elements *e, const struct set_dynamic_spec *spec,
		    struct set_dynamic **ret_set);
/* The set that had this number in a former process, with its elements.  Likewise; -EINVAL: no
 * set can have had it, or another one has it. */
int set_dynamic_claim(struct set_elements *e, uint32_t number,
		      const struct set_dynamic_spec *spec, struct set_dynamic **ret_set);
/* No more sets will be claimed: what belongs to none may go. */
void set_elements_settle(struct set_elements *e);

struct set_dynamic *set_dynamic_ref(struct set_dynamic *s);
/* With the last reference the set goes, and housekeeping takes its elements out.  No thread
 * looks things up in it any more. */
void set_dynamic_unref(struct set_dynamic *s);
uint32_t set_dynamic_number(const struct set_dynamic *s);
uint32_t set_dynamic_count(const struct set_dynamic *s);
/* Another size or the like of the same set; elements that are there stay. */
void set_dynamic_resize(struct set_dynamic *s, uint32_t size);

/* ---- elements, by any thread ---- */

struct set_value {
	const uint8_t *key;
	const uint8_t *data;   /* of a map, else NULL */
	uint64_t timeout;      /* ns; 0: it does not expire */
	uint64_t expires_in;   /* ns; 0: as long as timeout */
	uint16_t variant;      /* as in its record, and lists */
	uint8_t lists;
	const uint64_t *state; /* SET_RECORD_STATE words to begin with; NULL: zeroes */
};

enum set_outcome {
	SET_ADDED = 1,
	SET_FOUND,   /* it was there */
	SET_NO_SIZE, /* the set has as many as it may */
	SET_NO_RECORD,
};

/* NULL: it is not there. */
struct set_record *set_dynamic_find(const struct set_dynamic *s, const uint8_t *key,
				    uint64_t mono);
/* Add what is not there.  `add @set`: what is there stays as it is; `update @set`: its
 * timeout begins anew.  worker: below `workers`, or that number for the ruleset's thread.  The
 * record in *ret_record, with ADDED and FOUND. */
enum set_outcome set_dynamic_add(struct set_dynamic *s, unsigned worker,
				 const struct set_value *value, uint64_t mono,
				 struct set_record **ret_record);
enum set_outcome set_dynamic_update(struct set_dynamic *s, unsigned worker,
				    const struct set_value *value, uint64_t mono,
				    struct set_record **ret_record);
/* It is over, if it is not already. */
void set_dynamic_end(struct set_dynamic *s, struct set_record *r);
/* Whether it was there. */
bool set_dynamic_delete(struct set_dynamic *s, const uint8_t *key, uint64_t mono);

/* ---- by the ruleset's thread ---- */

/* Without elements; they are given back by housekeeping. */
void set_dynamic_flush(struct set_dynamic *s);
/* The next element at or behind record *cursor, in no order; NULL at the end.  Begin with 0. */
struct set_record *set_dynamic_next(const struct set_dynamic *s, uint32_t *cursor,
				    uint64_t mono);

#endif
