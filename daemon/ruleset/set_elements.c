/* set_elements.c - records of dynamic sets: taken and given back, linked and unlinked, swept,
 * and taken up from a former process.  See set_elements.h. */
#include "ruleset/set_elements.h"

#include <errno.h>
#include <stdlib.h>

#include "ctfw/rcu.h"
#include "ruleset/connlimit.h"

uint32_t set_record_check(const struct siphash_key *key, const struct set_record *r)
{
	uint64_t words[18] = {(uint64_t)r->set << 32 | r->lists << 16 | r->key_bytes << 8 |
				      r->data_bytes,
			      r->variant};
	uint32_t check;

	memcpy(words + 2, r->key, sizeof(r->key));
	memcpy(words + 10, r->data, sizeof(r->data));
	check = (uint32_t)siphash_words(key, words, 18);
	return check ? check : 1;
}

/* ---- unused and retired records ---- */

static uint64_t tagged(uint64_t before, uint32_t top)
{
	return ((before >> 32) + 1) << 32 | top;
}

uint32_t elements_take(struct set_elements *e)
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

/* ---- lists of flows ---- */

static bool is_list(const struct set_elements *e, const struct set_record *r, unsigned i)
{
	return e->states && set_record_has_list(r, i);
}

static void take_up_lists(struct set_elements *e, struct set_record *r)
{
	for (unsigned i = 0; i < SET_RECORD_STATE; i++) {
		if (is_list(e, r, i))
			connlimit_take_up(e->states, &r->state[i], r->check);
	}
}

static void give_up_lists(struct set_elements *e, struct set_record *r)
{
	for (unsigned i = 0; i < SET_RECORD_STATE; i++) {
		if (is_list(e, r, i))
			connlimit_give_up(e->states, &r->state[i]);
	}
}

/* An element that counts flows goes when it has none. */
static bool has_no_flow(struct set_elements *e, struct set_record *r, uint64_t mono)
{
	for (unsigned i = 0; i < SET_RECORD_STATE; i++) {
		if (is_list(e, r, i) && connlimit_close(e->states, &r->state[i], mono))
			return true;
	}
	return false;
}

/* ---- unused and retired records ---- */

/* Nobody looks at these any more: mark them free in the arena, and hand them out again. */
static void reuse(struct set_elements *e, uint32_t chain)
{
	uint32_t last = chain;

	for (uint32_t at = chain; at;
	     at = atomic_load_explicit(&e->next[at - 1], memory_order_relaxed)) {
		give_up_lists(e, &e->records[at - 1]);
		e->records[at - 1].check = 0;
		last = at;
	}
	put_unused(e, chain - 1, last - 1);
}

/* ---- links ---- */

void elements_link(struct set_elements *e, uint32_t index, uint32_t hash)
{
	_Atomic uint32_t *head = elements_bucket(e, hash);

	atomic_store_explicit(&e->links[index].next,
			      atomic_load_explicit(head, memory_order_relaxed) & ~BUCKET_LOCK,
			      memory_order_relaxed);
	atomic_store_explicit(head, (index + 1) | BUCKET_LOCK, memory_order_release);
}

/* Its bucket is locked. */
static void unlink_record(struct set_elements *e, uint32_t index)
{
	_Atomic uint32_t *head = elements_bucket(e, e->links[index].hash);
	uint32_t next = next_ref(e, index + 1), at = first_ref(head);

	if (at == index + 1) {
		atomic_store_explicit(head, next | BUCKET_LOCK, memory_order_release);
		return;
	}
	while (next_ref(e, at) != index + 1)
		at = next_ref(e, at);
	atomic_store_explicit(&e->links[at - 1].next, next, memory_order_release);
}

/* ---- ends ---- */

/* Take an element out that this thread has moved to GONE; its bucket is locked. */
static void bury(struct set_elements *e, struct set_dynamic *s, struct set_record *r)
{
	unlink_record(e, elements_index(e, r));
	retire(e, elements_index(e, r));
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

bool record_end_now(struct set_record *r)
{
	uint64_t was;

	while ((was = record_expires(r)) != SET_RECORD_GONE) {
		if (end(r, was))
			return true;
	}
	return false;
}

void elements_remove(struct set_elements *e, struct set_dynamic *s, struct set_record *r)
{
	_Atomic uint32_t *head = elements_bucket(e, e->links[elements_index(e, r)].hash);

	bucket_lock(head);
	bury(e, s, r);
	bucket_unlock(head);
}

void elements_sweep_bucket(struct set_dynamic *s, unsigned worker, uint32_t hash, uint64_t mono)
{
	struct set_elements *e = s->e;
	uint32_t ref = first_ref(elements_bucket(e, hash));

	while (ref) {
		struct set_record *r = &e->records[ref - 1];
		uint64_t expires = record_expires(r);

		ref = next_ref(e, ref);
		if (r->set != s->number || expires > mono || !end(r, expires))
			continue;
		bury(e, s, r);
		tally_count(&e->tally[worker].expired);
	}
}

/* ---- housekeeping ---- */

/* What is not of a set, nor may be claimed, is over too. */
static void sweep(struct set_elements *e, struct set_record *r, uint64_t mono)
{
	uint64_t expires = record_expires(r);
	struct seat *seat;
	bool owned;

	if (expires == SET_RECORD_GONE)
		return;
	seat = &e->seat[r->set & NUMBER_SETS];
	owned = seat->number == r->set;
	if ((owned && expires > mono && !has_no_flow(e, r, mono)) || !end(r, expires))
		return;
	elements_remove(e, owned ? seat->set : NULL, r);
	if (!owned)
		return;
	tally_count(&e->tally[e->workers].expired);
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
	uint64_t expires = record_expires(r);

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
	uint32_t hash = elements_hash(e, r->set, r->key, r->key_bytes);

	if (seat->number && (seat->number != r->set || seat->key_bytes != r->key_bytes ||
			     seat->data_bytes != r->data_bytes))
		return false;
	if (elements_seek(&shape, r->key, hash, 0))
		return false;
	*seat = (struct seat){NULL, r->set, seat->count + 1, r->key_bytes, r->data_bytes};
	if (r->set >= e->next_number)
		e->next_number = r->set + 1;
	bucket_lock(elements_bucket(e, hash));
	e->links[elements_index(e, r)].hash = hash;
	elements_link(e, elements_index(e, r), hash);
	bucket_unlock(elements_bucket(e, hash));
	take_up_lists(e, r);
	return true;
}

static bool recover_one(struct set_elements *e, struct set_record *r, uint64_t mono)
{
	uint64_t expires = record_expires(r);

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
		if (record_expires(&e->records[i]) == SET_RECORD_GONE)
			put_unused(e, i, i);
	}
	atomic_store_explicit(e->fresh, used, memory_order_relaxed);
	atomic_store_explicit(&e->used, e->former.kept, memory_order_relaxed);
}

struct set_elements *set_elements_new(const struct arena *arena, struct states *states,
				      unsigned workers, uint64_t mono)
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
	e->states = states;
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
