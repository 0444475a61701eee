/* set_dynamic.c - dynamic sets: elements found, added, renewed and deleted by any thread, and
 * the sets that have them.  Where they lie, and who may touch what: set_elements.h. */
#include "ruleset/set_elements.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- elements ---- */

struct set_record *set_dynamic_find(const struct set_dynamic *s, const uint8_t *key,
				    uint64_t mono)
{
	return elements_seek(s, key, elements_hash(s->e, s->number, key, s->key_bytes), mono);
}

static void fill(const struct set_dynamic *s, const struct set_value *v, uint64_t mono,
		 struct set_record *r)
{
	uint64_t in = v->expires_in ? v->expires_in : v->timeout;

	r->set = s->number;
	r->key_bytes = s->key_bytes;
	r->data_bytes = s->data_bytes;
	r->lists = v->lists;
	r->unused = 0;
	r->variant = v->variant;
	r->zero = 0;
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
		tally_count(&e->tally[worker].set_full);
		return SET_NO_SIZE;
	}
	index = elements_take(e);
	if (index == NO_RECORD) {
		atomic_fetch_sub_explicit(&s->count, 1, memory_order_relaxed);
		tally_count(&e->tally[worker].no_room);
		return SET_NO_RECORD;
	}
	atomic_fetch_add_explicit(&e->used, 1, memory_order_relaxed);
	/* Who finds it expired already must know whose lock to wait for. */
	e->links[index].hash = hash;
	fill(s, v, mono, &e->records[index]);
	elements_link(e, index, hash);
	tally_count(&e->tally[worker].added);
	*ret_record = &e->records[index];
	return SET_ADDED;
}

enum set_outcome set_dynamic_add(struct set_dynamic *s, unsigned worker,
				 const struct set_value *v, uint64_t mono,
				 struct set_record **ret_record)
{
	uint32_t hash = elements_hash(s->e, s->number, v->key, s->key_bytes);
	struct set_record *r = elements_seek(s, v->key, hash, mono);
	_Atomic uint32_t *head = elements_bucket(s->e, hash);
	enum set_outcome outcome = SET_FOUND;

	if (!r) {
		bucket_lock(head);
		elements_sweep_bucket(s, worker, hash, mono);
		r = elements_seek(s, v->key, hash, mono);
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
	uint64_t was = record_expires(r);

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

void set_dynamic_end(struct set_dynamic *s, struct set_record *r)
{
	if (record_end_now(r))
		elements_remove(s->e, s, r);
}

bool set_dynamic_delete(struct set_dynamic *s, const uint8_t *key, uint64_t mono)
{
	struct set_record *r;

	while ((r = set_dynamic_find(s, key, mono)) != NULL) {
		if (!record_end_now(r))
			continue;
		elements_remove(s->e, s, r);
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

		if (record_is_alive(r, mono) && r->set == s->number)
			return r;
	}
	return NULL;
}

void set_dynamic_flush(struct set_dynamic *s)
{
	uint32_t cursor = 0;
	struct set_record *r;

	while ((r = set_dynamic_next(s, &cursor, 0)) != NULL)
		set_dynamic_end(s, r);
}
