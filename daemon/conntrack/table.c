/* table.c - the flow table.  See table.h for its structure, life-cycle and locking. */
#include "conntrack/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "conntrack/record.h"

/* nf_conntrack's limit for a chain is drawn from [50, 79]. */
#define CHAIN_MIN 50
#define CHAIN_SPREAD 30

#define HUGE_PAGE ((size_t)2 << 20)

/* Zeroed memory that is read all over.  What is large lies on huge pages where the system has
 * them, so that a look-up does not wait for the page tables as well; and all of it is there
 * from the beginning, so that no packet waits for a page to be made. */
static void *alloc_index(size_t bytes)
{
	size_t align = bytes < HUGE_PAGE ? CACHE_LINE : HUGE_PAGE;
	void *p;

	bytes = (bytes + align - 1) & ~(align - 1);
	p = aligned_alloc(align, bytes);
	if (!p)
		return NULL;
	if (align == HUGE_PAGE)
		madvise(p, bytes, MADV_HUGEPAGE); /* a wish: without, it is only slower */
	return memset(p, 0, bytes);
}

int table_init(struct table *t, const struct arena *arena, uint32_t capacity)
{
	uint32_t buckets = 64;

	/* Two links a flow, and a bucket for each of them when the table is full. */
	while (buckets < 2 * capacity)
		buckets *= 2;
	t->n_records = arena->header->flow_records;
	t->records = (struct flow *)arena->flows;
	t->fresh = &arena->header->flows_fresh;
	t->mask = buckets - 1;
	t->heads = alloc_index(buckets * sizeof(*t->heads));
	t->links = alloc_index(2 * (size_t)t->n_records * sizeof(*t->links));
	t->next = calloc(t->n_records, sizeof(*t->next));
	if (!t->heads || !t->links || !t->next) {
		table_fini(t);
		return -ENOMEM;
	}
	atomic_init(&t->unused, 0);
	atomic_init(&t->retired, 0);
	return 0;
}

void table_fini(struct table *t)
{
	free(t->heads);
	free(t->links);
	free(t->next);
	t->heads = NULL;
	t->links = NULL;
	t->next = NULL;
}

/* ---- unused and retired records ---- */

static uint64_t tagged(uint64_t before, uint32_t top)
{
	return ((before >> 32) + 1) << 32 | top;
}

/* Where the unused ones begin is read from the arena: a record behind may be anything, and be
 * locked for ever. */
static void open_fresh(struct flow *f)
{
	uint32_t word = atomic_load_explicit(&f->word, memory_order_relaxed);

	if (word & 1)
		atomic_store_explicit(&f->word, word + 1, memory_order_relaxed);
}

uint32_t table_take(struct table *t)
{
	uint64_t top = atomic_load_explicit(&t->unused, memory_order_acquire);
	uint32_t fresh;

	while ((uint32_t)top) {
		uint32_t index = (uint32_t)top - 1;
		uint32_t next = atomic_load_explicit(&t->next[index], memory_order_relaxed);

		if (atomic_compare_exchange_weak_explicit(&t->unused, &top, tagged(top, next),
							  memory_order_acquire,
							  memory_order_acquire))
			return index;
	}
	fresh = atomic_load_explicit(t->fresh, memory_order_relaxed);
	while (fresh < t->n_records) {
		if (atomic_compare_exchange_weak_explicit(t->fresh, &fresh, fresh + 1,
							  memory_order_relaxed,
							  memory_order_relaxed)) {
			open_fresh(&t->records[fresh]);
			return fresh;
		}
	}
	return FLOW_NONE;
}

/* Put a chain of records back, from first to last. */
static void put_unused(struct table *t, uint32_t first, uint32_t last)
{
	uint64_t top = atomic_load_explicit(&t->unused, memory_order_relaxed), want;

	do {
		atomic_store_explicit(&t->next[last], (uint32_t)top, memory_order_relaxed);
		want = tagged(top, first + 1);
	} while (!atomic_compare_exchange_weak_explicit(&t->unused, &top, want,
							memory_order_release,
							memory_order_relaxed));
}

void table_give_back(struct table *t, uint32_t index)
{
	put_unused(t, index, index);
}

void table_retire(struct table *t, uint32_t index)
{
	uint32_t top = atomic_load_explicit(&t->retired, memory_order_relaxed);

	do {
		atomic_store_explicit(&t->next[index], top, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&t->retired, &top, index + 1,
							memory_order_release,
							memory_order_relaxed));
}

uint32_t table_retired(struct table *t)
{
	if (atomic_load_explicit(&t->retired, memory_order_relaxed) == 0)
		return 0;
	return atomic_exchange_explicit(&t->retired, 0, memory_order_acquire);
}

void table_reuse(struct table *t, uint32_t chain)
{
	uint32_t last = chain, next;

	if (!chain)
		return;
	while ((next = atomic_load_explicit(&t->next[last - 1], memory_order_relaxed)) != 0)
		last = next;
	put_unused(t, chain - 1, last - 1);
}

/* ---- buckets ---- */

static void lock_both(struct table *t, const uint32_t hash[2])
{
	uint32_t a = hash[0] & t->mask, b = hash[1] & t->mask;

	bucket_lock(&t->heads[a < b ? a : b]);
	if (a != b)
		bucket_lock(&t->heads[a < b ? b : a]);
}

static void unlock_both(struct table *t, const uint32_t hash[2])
{
	uint32_t a = hash[0] & t->mask, b = hash[1] & t->mask;

	bucket_unlock(&t->heads[a]);
	if (a != b)
		bucket_unlock(&t->heads[b]);
}

/* Whether a flow that is in the table counts no more; one that has expired is marked dying
 * and becomes the caller's to unlink. */
static bool is_gone(struct flow *f, uint64_t mono, bool *ret_mine)
{
	*ret_mine = false;
	if (atomic_load_explicit(&f->status, memory_order_acquire) & FLOW_DYING)
		return true;
	if (atomic_load_explicit(&f->expires, memory_order_relaxed) > mono)
		return false;
	*ret_mine = !(atomic_fetch_or_explicit(&f->status, FLOW_DYING, memory_order_acq_rel) &
		      FLOW_DYING);
	return true;
}

/* Look for the tuple of one direction in its locked bucket. */
static enum table_insert check_chain(struct table *t, const struct tuple *tuple, uint32_t hash,
				     uint64_t mono, uint32_t *ret_clash, uint32_t *ret_expired)
{
	unsigned length = 0, limit = CHAIN_MIN + (hash >> 8) % CHAIN_SPREAD;

	for (uint32_t ref = table_first(t, hash); ref; ref = table_next(t, ref)) {
		struct flow *f = table_flow(t, ref);
		bool mine;

		if (++length > limit)
			return TABLE_CHAIN_LONG;
		if (t->links[ref - 1].hash != hash ||
		    !tuple_equal(&f->tuple[table_dir(ref)], tuple))
			continue;
		if (!is_gone(f, mono, &mine)) {
			*ret_clash = ref;
			return TABLE_CLASH;
		}
		if (mine)
			*ret_expired = table_index(ref);
	}
	return TABLE_INSERTED;
}

static void push(struct table *t, uint32_t ref)
{
	struct link *link = &t->links[ref - 1];
	_Atomic uint32_t *head = &t->heads[link->hash & t->mask];

	atomic_store_explicit(&link->next,
			      atomic_load_explicit(head, memory_order_relaxed) & ~TABLE_LOCK,
			      memory_order_relaxed);
	atomic_store_explicit(head, ref | TABLE_LOCK, memory_order_release);
}

enum table_insert table_insert(struct table *t, uint32_t index, const uint32_t hash[2],
			       uint64_t mono, uint32_t *ret_clash, uint32_t ret_expired[2])
{
	struct flow *f = &t->records[index];
	enum table_insert result = TABLE_INSERTED;

	ret_expired[0] = ret_expired[1] = FLOW_NONE;
	lock_both(t, hash);
	for (int dir = 0; dir < 2 && result == TABLE_INSERTED; dir++)
		result = check_chain(t, &f->tuple[dir], hash[dir], mono, ret_clash,
				     &ret_expired[dir]);
	if (result == TABLE_INSERTED) {
		/* Whoever finds the flow by its first link may remove it at once, and then
		 * must know which two buckets to lock. */
		t->links[2 * (size_t)index].hash = hash[DIR_ORIGINAL];
		t->links[2 * (size_t)index + 1].hash = hash[DIR_REPLY];
		/* The reply's last: where both tuples are equal, it is found first, as in
		 * the kernel. */
		push(t, table_ref(index, DIR_ORIGINAL));
		push(t, table_ref(index, DIR_REPLY));
		atomic_fetch_or_explicit(&f->status, FLOW_CONFIRMED, memory_order_release);
	}
	unlock_both(t, hash);
	return result;
}

static void remove_link(struct table *t, uint32_t ref)
{
	_Atomic uint32_t *head = &t->heads[t->links[ref - 1].hash & t->mask];
	uint32_t next = table_next(t, ref);
	uint32_t at = atomic_load_explicit(head, memory_order_relaxed) & ~TABLE_LOCK;

	if (at == ref) {
		atomic_store_explicit(head, next | TABLE_LOCK, memory_order_release);
		return;
	}
	while (table_next(t, at) != ref)
		at = table_next(t, at);
	atomic_store_explicit(&t->links[at - 1].next, next, memory_order_release);
}

void table_unlink(struct table *t, uint32_t index)
{
	const struct link *link = &t->links[2 * (size_t)index];
	const uint32_t hash[2] = { link[0].hash, link[1].hash };

	lock_both(t, hash);
	remove_link(t, table_ref(index, DIR_ORIGINAL));
	remove_link(t, table_ref(index, DIR_REPLY));
	unlock_both(t, hash);
}
