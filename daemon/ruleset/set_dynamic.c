/* set_dynamic.c - elements of dynamic sets: one hash table over the arena's records.
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
#include "ctfw/set_dynamic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/rcu.h"
#include "ctfw/siphash.h"
#include "ctfw/spin.h"

#define LOCK	    0x80000000u
#define NO_RECORD   UINT32_MAX
#define NUMBER_SETS (SET_DYNAMIC_SETS - 1)
#define CACHE_LINE  64
/* No timeout is longer: what nft can write, some hundred years. */
#define TIMEOUT_MAX (UINT64_MAX / 4)

_Static_assert((SET_DYNAMIC_SETS & NUMBER_SETS) == 0, "a number's lower bits say where");

struct link {
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
	bool reserved;
	struct siphash_key key;
	struct set_record *records;
	uint32_t n_records;
	_Atomic uint32_t *fresh; /* in the arena's header: from here on none was ever used */
	_Atomic uint32_t *heads;
	uint32_t mask;
	struct link *links;
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

static uint64_t expires_of(const struct set_record *r)
{
	return atomic_load_explicit(&r->expires, memory_order_acquire);
}

static bool is_alive(const struct set_record *r, uint64_t mono)
{
	return expires_of(r) > mono;
}

static void count(_Atomic uint64_t *what)
{
	/* This thread's own. */
	atomic_store_explicit(what, atomic_load_explicit(what, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* ---- keys ---- */

static size_t padded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

/* key: zeroes behind it, up to whole words. */
static uint32_t hash_of(const struct set_elements *e, uint32_t number, const uint8_t *key,
			size_t key_bytes)
{
	uint64_t words[9] = {number};

	memcpy(words + 1, key, key_bytes);
	return (uint32_t)siphash_words(&e->key, words, 1 + padded(key_bytes) / 8);
}

uint32_t set_record_check(const struct siphash_key *key, const struct set_record *r)
{
	uint64_t words[17] = {(uint64_t)r->set << 32 | r->key_bytes << 8 | r->data_bytes};
	uint32_t check;

	memcpy(words + 1, r->key, sizeof(r->key));
	memcpy(words + 9, r->data, sizeof(r->data));
	check = (uint32_t)siphash_words(key, words, 17);
	return check ? check : 1;
}

/* ---- unused and retired records ---- */

static uint64_t tagged(uint64_t before, uint32_t top)
{
	return ((before >> 32) + 1) << 32 | top;
}

static uint32_t take(struct set_elements *e)
{
	uint64_t top = atomic_load_explicit(&e->unused, memory_order_acquire);
	uint32_t fresh;

	while ((uint32_t)top) {
		uint32_t index = (uint32_t)top - 1;
		uint32_t next = atomic_load_explicit(&e->next[index], memory_order_relaxed);

		if (atomic_compare_exchange_weak_explicit(&e->unused, &top, tagged(top, next),
							  memory_order_acquire,
							  memory_order_acquire))
			return index;
	}
	fresh = atomic_load_explicit(e->fresh, memory_order_relaxed);
	while (fresh < e->n_records) {
		if (atomic_compare_exchange_weak_explicit(e->fresh, &fresh, fresh + 1,
							  memory_order_relaxed,
							  memory_order_relaxed))
			return fresh;
	}
	return NO_RECORD;
}

/* Put a chain of records back, from first to last. */
static void put_unused(struct set_elements *e, uint32_t first, uint32_t last)
{
	uint64_t top = atomic_load_explicit(&e->unused, memory_order_relaxed), want;

	do {
		atomic_store_explicit(&e->next[last], (uint32_t)top, memory_order_relaxed);
		want = tagged(top, first + 1);
	} while (!atomic_compare_exchange_weak_explicit(
		&e->unused, &top, want, memory_order_release, memory_order_relaxed));
}

static void retire(struct set_elements *e, uint32_t index)
{
	uint32_t top = atomic_load_explicit(&e->retired, memory_order_relaxed);

	do {
		atomic_store_explicit(&e->next[index], top, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(
		&e->retired, &top, index + 1, memory_order_release, memory_order_relaxed));
	atomic_fetch_sub_explicit(&e->used, 1, memory_order_relaxed);
}

/* Nobody looks at these any more: mark them free in the arena, and hand them out again. */
static void reuse(struct set_elements *e, uint32_t chain)
{
	uint32_t last = chain;

	for (uint32_t at = chain; at;
	     at = atomic_load_explicit(&e->next[at - 1], memory_order_relaxed)) {
		e->records[at - 1].check = 0;
		last = at;
	}
	put_unused(e, chain - 1, last - 1);
}

/* ---- buckets ---- */

static _Atomic uint32_t *bucket_of(const struct set_elements *e, uint32_t hash)
{
	return &e->heads[hash & e->mask];
}

static void bucket_lock(_Atomic uint32_t *head)
{
	uint32_t value = atomic_load_explicit(head, memory_order_relaxed) & ~LOCK;
	unsigned rounds = 0;

	while (!atomic_compare_exchange_weak_explicit(
		head, &value, value | LOCK, memory_order_acquire, memory_order_relaxed)) {
		if (value & LOCK)
			spin(&rounds);
		value &= ~LOCK;
	}
}

static void bucket_unlock(_Atomic uint32_t *head)
{
	uint32_t value = atomic_load_explicit(head, memory_order_relaxed);

	atomic_store_explicit(head, value & ~LOCK, memory_order_release);
}

static uint32_t first_ref(_Atomic uint32_t *head)
{
	return atomic_load_explicit(head, memory_order_acquire) & ~LOCK;
}

static uint32_t next_ref(const struct set_elements *e, uint32_t ref)
{
	return atomic_load_explicit(&e->links[ref - 1].next, memory_order_acquire);
}

/* Its bucket is locked, and its hash is in its link. */
static void link_record(struct set_elements *e, uint32_t index, uint32_t hash)
{
	_Atomic uint32_t *head = bucket_of(e, hash);

	atomic_store_explicit(&e->links[index].next,
			      atomic_load_explicit(head, memory_order_relaxed) & ~LOCK,
			      memory_order_relaxed);
	atomic_store_explicit(head, (index + 1) | LOCK, memory_order_release);
}

/* Its bucket is locked. */
static void unlink_record(struct set_elements *e, uint32_t index)
{
	_Atomic uint32_t *head = bucket_of(e, e->links[index].hash);
	uint32_t next = next_ref(e, index + 1), at = first_ref(head);

	if (at == index + 1) {
		atomic_store_explicit(head, next | LOCK, memory_order_release);
		return;
	}
	while (next_ref(e, at) != index + 1)
		at = next_ref(e, at);
	atomic_store_explicit(&e->links[at - 1].next, next, memory_order_release);
}

static uint32_t index_of(const struct set_elements *e, const struct set_record *r)
{
	return (uint32_t)(r - e->records);
}

static struct set_record *seek(const struct set_dynamic *s, const uint8_t *key, uint32_t hash,
			       uint64_t mono)
{
	const struct set_elements *e = s->e;

	for (uint32_t ref = first_ref(bucket_of(e, hash)); ref; ref = next_ref(e, ref)) {
		struct set_record *r = &e->records[ref - 1];

		if (e->links[ref - 1].hash == hash && r->set == s->number &&
		    is_alive(r, mono) && !memcmp(r->key, key, s->key_bytes))
			return r;
	}
	return NULL;
}

/* ---- ends ---- */

/* Take an element out that this thread has moved to GONE; its bucket is locked. */
static void bury(struct set_elements *e, struct set_dynamic *s, struct set_record *r)
{
	unlink_record(e, index_of(e, r));
	retire(e, index_of(e, r));
	if (s)
		atomic_fetch_sub_explicit(&s->count, 1, memory_order_relaxed);
}

/* Whether this thread is the one that ended it. */
static bool end(struct set_record *r, uint64_t was)
{
	return was != SET_RECORD_GONE && atomic_compare_exchange_strong_explicit(
						 &r->expires, &was, SET_RECORD_GONE,
						 memory_order_acq_rel, memory_order_relaxed);
}

static bool end_now(struct set_record *r)
{
	uint64_t was;

	while ((was = expires_of(r)) != SET_RECORD_GONE) {
		if (end(r, was))
			return true;
	}
	return false;
}

static void end_locked(struct set_elements *e, struct set_dynamic *s, struct set_record *r)
{
	_Atomic uint32_t *head = bucket_of(e, e->links[index_of(e, r)].hash);

	bucket_lock(head);
	bury(e, s, r);
	bucket_unlock(head);
}

/* What has expired in a locked bucket makes room for others. */
static void sweep_bucket(struct set_dynamic *s, unsigned worker, uint32_t hash, uint64_t mono)
{
	struct set_elements *e = s->e;
	uint32_t ref = first_ref(bucket_of(e, hash));

	while (ref) {
		struct set_record *r = &e->records[ref - 1];
		uint64_t expires = expires_of(r);

		ref = next_ref(e, ref);
		if (r->set != s->number || expires > mono || !end(r, expires))
			continue;
		bury(e, s, r);
		count(&e->tally[worker].expired);
	}
}

/* ---- elements ---- */

struct set_record *set_dynamic_find(const struct set_dynamic *s, const uint8_t *key,
				    uint64_t mono)
{
	return seek(s, key, hash_of(s->e, s->number, key, s->key_bytes), mono);
}

static void fill(const struct set_dynamic *s, const struct set_value *v, uint64_t mono,
		 struct set_record *r)
{
	uint64_t in = v->expires_in ? v->expires_in : v->timeout;

	r->set = s->number;
	r->key_bytes = s->key_bytes;
	r->data_bytes = s->data_bytes;
	r->stateful = v->stateful;
	memset(r->unused, 0, sizeof(r->unused));
	memset(r->key, 0, sizeof(r->key));
	memset(r->data, 0, sizeof(r->data));
	memcpy(r->key, v->key, s->key_bytes);
	if (v->data)
		memcpy(r->data, v->data, s->data_bytes);
	for (int i = 0; i < SET_RECORD_STATE; i++)
		atomic_store_explicit(&r->state[i], v->state ? v->state[i] : 0,
				      memory_order_relaxed);
	atomic_store_explicit(&r->timeout, v->timeout, memory_order_relaxed);
	r->check = set_record_check(&s->e->key, r);
	atomic_store_explicit(&r->expires, in ? mono + in : SET_RECORD_NEVER,
			      memory_order_release);
}

static bool count_one(struct set_dynamic *s)
{
	uint32_t size = atomic_load_explicit(&s->size, memory_order_relaxed);

	if (atomic_fetch_add_explicit(&s->count, 1, memory_order_relaxed) < size)
		return true;
	atomic_fetch_sub_explicit(&s->count, 1, memory_order_relaxed);
	return false;
}

/* Its bucket is locked, and it is not there. */
static enum set_outcome add_locked(struct set_dynamic *s, unsigned worker,
				   const struct set_value *v, uint32_t hash, uint64_t mono,
				   struct set_record **ret_record)
{
	struct set_elements *e = s->e;
	uint32_t index;

	if (!count_one(s)) {
		count(&e->tally[worker].set_full);
		return SET_NO_SIZE;
	}
	index = take(e);
	if (index == NO_RECORD) {
		atomic_fetch_sub_explicit(&s->count, 1, memory_order_relaxed);
		count(&e->tally[worker].no_room);
		return SET_NO_RECORD;
	}
	atomic_fetch_add_explicit(&e->used, 1, memory_order_relaxed);
	/* Who finds it expired already must know whose lock to wait for. */
	e->links[index].hash = hash;
	fill(s, v, mono, &e->records[index]);
	link_record(e, index, hash);
	count(&e->tally[worker].added);
	*ret_record = &e->records[index];
	return SET_ADDED;
}

enum set_outcome set_dynamic_add(struct set_dynamic *s, unsigned worker,
				 const struct set_value *v, uint64_t mono,
				 struct set_record **ret_record)
{
	uint32_t hash = hash_of(s->e, s->number, v->key, s->key_bytes);
	struct set_record *r = seek(s, v->key, hash, mono);
	_Atomic uint32_t *head = bucket_of(s->e, hash);
	enum set_outcome outcome = SET_FOUND;

	if (!r) {
		bucket_lock(head);
		sweep_bucket(s, worker, hash, mono);
		r = seek(s, v->key, hash, mono);
		if (!r)
			outcome = add_locked(s, worker, v, hash, mono, &r);
		bucket_unlock(head);
	}
	if (r)
		*ret_record = r;
	return outcome;
}

/* The timeout begins anew, unless the element's end came first. */
static bool renew(struct set_record *r, uint64_t timeout, uint64_t expires)
{
	uint64_t was = expires_of(r);

	do {
		if (was == SET_RECORD_GONE)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&r->expires, &was, expires, memory_order_acq_rel, memory_order_acquire));
	atomic_store_explicit(&r->timeout, timeout, memory_order_relaxed);
	return true;
}

enum set_outcome set_dynamic_update(struct set_dynamic *s, unsigned worker,
				    const struct set_value *v, uint64_t mono,
				    struct set_record **ret_record)
{
	uint64_t in = v->expires_in ? v->expires_in : v->timeout;
	struct set_record *r = NULL;
	enum set_outcome outcome;

	do {
		r = NULL; /* not one that ended in between */
		outcome = set_dynamic_add(s, worker, v, mono, &r);
	} while (outcome == SET_FOUND &&
		 !renew(r, v->timeout, in ? mono + in : SET_RECORD_NEVER));
	if (r)
		*ret_record = r;
	return outcome;
}

bool set_dynamic_delete(struct set_dynamic *s, const uint8_t *key, uint64_t mono)
{
	struct set_record *r;

	while ((r = set_dynamic_find(s, key, mono)) != NULL) {
		if (!end_now(r))
			continue;
		end_locked(s->e, s, r);
		return true;
	}
	return false;
}

/* ---- sets ---- */

static bool spec_is_possible(const struct set_dynamic_spec *spec)
{
	return spec->key_bytes && spec->key_bytes <= 64 && spec->data_bytes <= 64;
}

static struct set_dynamic *set_new(struct set_elements *e, uint32_t number,
				   const struct set_dynamic_spec *spec)
{
	size_t bytes =
		(sizeof(struct set_dynamic) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	struct set_dynamic *s = aligned_alloc(CACHE_LINE, bytes);

	if (!s)
		return NULL;
	memset(s, 0, bytes);
	s->refs = 1;
	s->e = e;
	s->number = number;
	s->key_bytes = spec->key_bytes;
	s->data_bytes = spec->data_bytes;
	set_dynamic_resize(s, spec->size);
	return s;
}

/* Seats are taken in turn: what a set leaves is long swept away when its seat is again. */
int set_dynamic_new(struct set_elements *e, const struct set_dynamic_spec *spec,
		    struct set_dynamic **ret_set)
{
	struct set_dynamic *s;
	uint32_t number = 0;

	if (!spec_is_possible(spec))
		return -E2BIG;
	for (unsigned i = 0; i < SET_DYNAMIC_SETS && !number; i++) {
		number = e->next_number++;
		/* They wrap; and the first lot is no number. */
		if (number < SET_DYNAMIC_SETS || e->seat[number & NUMBER_SETS].number)
			number = 0;
	}
	if (!number)
		return -EMFILE;
	s = set_new(e, number, spec);
	if (!s)
		return -ENOMEM;
	e->seat[number & NUMBER_SETS] = (struct seat){.set = s, .number = number};
	*ret_set = s;
	return 0;
}

int set_dynamic_claim(struct set_elements *e, uint32_t number,
		      const struct set_dynamic_spec *spec, struct set_dynamic **ret_set)
{
	struct seat *seat = &e->seat[number & NUMBER_SETS];
	struct set_dynamic *s;

	if (!spec_is_possible(spec))
		return -E2BIG;
	if (number < SET_DYNAMIC_SETS || seat->set)
		return -EINVAL;
	if (seat->number && (seat->number != number || seat->key_bytes != spec->key_bytes ||
			     seat->data_bytes != spec->data_bytes))
		return -EINVAL;
	s = set_new(e, number, spec);
	if (!s)
		return -ENOMEM;
	atomic_store_explicit(&s->count, seat->count, memory_order_relaxed);
	*seat = (struct seat){.set = s, .number = number};
	if (number >= e->next_number)
		e->next_number = number + 1;
	*ret_set = s;
	return 0;
}

void set_elements_settle(struct set_elements *e)
{
	for (unsigned i = 0; i < SET_DYNAMIC_SETS; i++) {
		if (!e->seat[i].set)
			e->seat[i] = (struct seat){0};
	}
}

struct set_dynamic *set_dynamic_ref(struct set_dynamic *s)
{
	s->refs++;
	return s;
}

void set_dynamic_unref(struct set_dynamic *s)
{
	if (!s || --s->refs)
		return;
	s->e->seat[s->number & NUMBER_SETS] = (struct seat){0};
	free(s);
}

uint32_t set_dynamic_number(const struct set_dynamic *s)
{
	return s->number;
}

uint32_t set_dynamic_count(const struct set_dynamic *s)
{
	return atomic_load_explicit(&s->count, memory_order_relaxed);
}

void set_dynamic_resize(struct set_dynamic *s, uint32_t size)
{
	atomic_store_explicit(&s->size, size ? size : UINT32_MAX, memory_order_relaxed);
}

struct set_record *set_dynamic_next(const struct set_dynamic *s, uint32_t *cursor,
				    uint64_t mono)
{
	const struct set_elements *e = s->e;
	uint32_t end_at = atomic_load_explicit(e->fresh, memory_order_relaxed);

	while (*cursor < end_at) {
		struct set_record *r = &e->records[(*cursor)++];

		if (is_alive(r, mono) && r->set == s->number)
			return r;
	}
	return NULL;
}

struct set_record *set_dynamic_record(const struct set_dynamic *s, uint32_t number)
{
	return &s->e->records[number];
}

void set_dynamic_flush(struct set_dynamic *s)
{
	uint32_t cursor = 0;
	struct set_record *r;

	while ((r = set_dynamic_next(s, &cursor, 0)) != NULL) {
		if (end_now(r))
			end_locked(s->e, s, r);
	}
}

/* ---- housekeeping ---- */

/* What is not of a set, nor may be claimed, is over too. */
static void sweep(struct set_elements *e, struct set_record *r, uint64_t mono)
{
	uint64_t expires = expires_of(r);
	struct seat *seat;
	bool owned;

	if (expires == SET_RECORD_GONE)
		return;
	seat = &e->seat[r->set & NUMBER_SETS];
	owned = seat->number == r->set;
	if ((owned && expires > mono) || !end(r, expires))
		return;
	end_locked(e, owned ? seat->set : NULL, r);
	if (!owned)
		return;
	count(&e->tally[e->workers].expired);
	if (!seat->set)
		seat->count--;
}

void set_elements_housekeep(struct set_elements *e, uint32_t records, uint64_t mono)
{
	uint32_t end_at = atomic_load_explicit(e->fresh, memory_order_relaxed), chain;

	if (records == 0 || records > end_at)
		records = end_at;
	for (; records; records--) {
		if (e->cursor >= end_at)
			e->cursor = 0;
		sweep(e, &e->records[e->cursor++], mono);
	}
	if (!atomic_load_explicit(&e->retired, memory_order_relaxed))
		return;
	chain = atomic_exchange_explicit(&e->retired, 0, memory_order_acquire);
	rcu_wait();
	reuse(e, chain);
}

void set_elements_stats(const struct set_elements *e, struct set_elements_stats *ret_stats)
{
	*ret_stats = e->former;
	ret_stats->records = e->n_records;
	ret_stats->used = atomic_load_explicit(&e->used, memory_order_relaxed);
	for (unsigned i = 0; i <= e->workers; i++) {
		const struct tally *t = &e->tally[i];

		ret_stats->added += atomic_load_explicit(&t->added, memory_order_relaxed);
		ret_stats->expired += atomic_load_explicit(&t->expired, memory_order_relaxed);
		ret_stats->set_full += atomic_load_explicit(&t->set_full, memory_order_relaxed);
		ret_stats->no_room += atomic_load_explicit(&t->no_room, memory_order_relaxed);
	}
}

/* ---- what a former process left ---- */

static bool is_sane(const struct set_elements *e, const struct set_record *r, uint64_t mono)
{
	uint64_t expires = expires_of(r);

	return r->check == set_record_check(&e->key, r) && r->key_bytes &&
	       r->key_bytes <= sizeof(r->key) && r->data_bytes <= sizeof(r->data) &&
	       r->set >= SET_DYNAMIC_SETS &&
	       atomic_load_explicit(&r->timeout, memory_order_relaxed) <= TIMEOUT_MAX &&
	       (expires == SET_RECORD_NEVER || expires <= mono ||
		expires - mono <= TIMEOUT_MAX);
}

/* Whether it is an element of the set that has this number, and none that is there twice. */
static bool take_up(struct set_elements *e, struct set_record *r)
{
	struct seat *seat = &e->seat[r->set & NUMBER_SETS];
	const struct set_dynamic shape = {.e = e, .number = r->set, .key_bytes = r->key_bytes};
	uint32_t hash = hash_of(e, r->set, r->key, r->key_bytes);

	if (seat->number && (seat->number != r->set || seat->key_bytes != r->key_bytes ||
			     seat->data_bytes != r->data_bytes))
		return false;
	if (seek(&shape, r->key, hash, 0))
		return false;
	*seat = (struct seat){NULL, r->set, seat->count + 1, r->key_bytes, r->data_bytes};
	if (r->set >= e->next_number)
		e->next_number = r->set + 1;
	bucket_lock(bucket_of(e, hash));
	e->links[index_of(e, r)].hash = hash;
	link_record(e, index_of(e, r), hash);
	bucket_unlock(bucket_of(e, hash));
	return true;
}

static bool recover_one(struct set_elements *e, struct set_record *r, uint64_t mono)
{
	uint64_t expires = expires_of(r);

	if (expires == SET_RECORD_GONE)
		return false;
	if (!is_sane(e, r, mono)) {
		e->former.damaged++;
		return false;
	}
	if (expires <= mono) {
		e->former.lapsed++;
		return false;
	}
	if (!take_up(e, r)) {
		e->former.damaged++;
		return false;
	}
	e->former.kept++;
	return true;
}

static void recover(struct set_elements *e, uint64_t mono)
{
	uint32_t fresh = atomic_load_explicit(e->fresh, memory_order_relaxed), used = 0;

	if (fresh > e->n_records)
		fresh = e->n_records;
	for (uint32_t i = 0; i < fresh; i++) {
		struct set_record *r = &e->records[i];

		if (recover_one(e, r, mono)) {
			used = i + 1;
			continue;
		}
		atomic_store_explicit(&r->expires, SET_RECORD_GONE, memory_order_relaxed);
		r->check = 0;
	}
	/* The lowest index is taken first. */
	for (uint32_t i = used; i-- > 0;) {
		if (expires_of(&e->records[i]) == SET_RECORD_GONE)
			put_unused(e, i, i);
	}
	atomic_store_explicit(e->fresh, used, memory_order_relaxed);
	atomic_store_explicit(&e->used, e->former.kept, memory_order_relaxed);
}

struct set_elements *set_elements_new(const struct arena *arena, unsigned workers,
				      uint64_t mono)
{
	size_t bytes =
		(sizeof(struct set_elements) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	struct set_elements *e = aligned_alloc(CACHE_LINE, bytes);
	uint32_t n = arena->header->element_records, buckets = 64;

	if (!e)
		return NULL;
	memset(e, 0, bytes);
	while (buckets < n)
		buckets *= 2;
	e->arena = *arena;
	e->key = (struct siphash_key){arena->header->key[0], arena->header->key[1]};
	e->records = (struct set_record *)(void *)arena->elements;
	e->n_records = n;
	e->fresh = &arena->header->elements_fresh;
	e->mask = buckets - 1;
	e->workers = workers;
	e->next_number = SET_DYNAMIC_SETS;
	e->heads = calloc(buckets, sizeof(*e->heads));
	e->links = calloc(n + 1u, sizeof(*e->links));
	e->next = calloc(n + 1u, sizeof(*e->next));
	e->tally = aligned_alloc(CACHE_LINE, (workers + 1) * sizeof(*e->tally));
	if (!e->heads || !e->links || !e->next || !e->tally) {
		set_elements_free(e);
		return NULL;
	}
	memset(e->tally, 0, (workers + 1) * sizeof(*e->tally));
	recover(e, mono);
	return e;
}

void set_elements_free(struct set_elements *e)
{
	if (!e)
		return;
	free(e->heads);
	free(e->links);
	free(e->next);
	free(e->tally);
	free(e);
}

int set_elements_reserve(struct set_elements *e)
{
	int err = e->reserved ? 0 : arena_reserve_elements(&e->arena);

	e->reserved = !err;
	return err;
}
