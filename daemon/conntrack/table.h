/* table.h - the flow table: chains of links over the arena's records.
 *
 *    heads                links (a pair a record)          records (the arena)
 *    +------+             +--------------------------+     +-----------------+
 *    |    --+--ref------->| [2i]   original: next,hash |...>| i               |
 *    +------+             | [2i+1] reply:    next,hash |...>|                 |
 *    |      |             +--------------------------+     +-----------------+
 *
 * A ref is 2 * index + direction + 1; 0 ends a chain.  A link repeats the 32 bits of the hash
 * that name its bucket and more, so that a walk touches a record only when it is very
 * likely the right one.  The link and the record of a ref are known together: one does not
 * wait for the other's cache line.
 *
 * Heads, links and the lists of unused records are private memory; the records are the arena's.
 *
 * Life-cycle of a record: unused (fresh or on the free list), taken, inserted, unlinked,
 * retired, and unused again once every thread has been quiescent.
 *
 * Locking: walks take no lock, under QSBR.  A bucket's lock is the top bit of its head;
 * insertion and removal hold those of both buckets of the flow, the lower one taken
 * first.  An unlinked link keeps its `next`, so that a walk that stands on it goes on. */
#ifndef CTFW_CONNTRACK_TABLE_H
#define CTFW_CONNTRACK_TABLE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "conntrack/record.h"
#include "ctfw/arena.h"
#include "ctfw/flow.h"

#define CACHE_LINE 64

struct link {
	_Atomic uint32_t next;
	uint32_t hash;
};

struct table {
	_Atomic uint32_t *heads;
	struct link *links;
	struct flow *records;
	uint32_t mask; /* buckets - 1 */
	uint32_t n_records;
	_Atomic uint32_t *next; /* of each record, on the free list or among the retired */
	/* Records from here on were never taken.  In the arena: who starts again need not look
	 * at these, which is most of a large table that is not full. */
	_Atomic uint32_t *fresh;

	/* A stack of unused records: a tag that changes with every change above, index + 1
	 * below. */
	alignas(CACHE_LINE) _Atomic uint64_t unused;
	alignas(CACHE_LINE) _Atomic uint32_t retired; /* a stack: index + 1 */
};

#define TABLE_LOCK 0x80000000u

static inline void bucket_lock(_Atomic uint32_t *head)
{
	uint32_t value = atomic_load_explicit(head, memory_order_relaxed) & ~TABLE_LOCK;
	unsigned rounds = 0;

	while (!atomic_compare_exchange_weak_explicit(head, &value, value | TABLE_LOCK,
						      memory_order_acquire,
						      memory_order_relaxed)) {
		if (value & TABLE_LOCK)
			spin(&rounds);
		value &= ~TABLE_LOCK;
	}
}

static inline void bucket_unlock(_Atomic uint32_t *head)
{
	uint32_t value = atomic_load_explicit(head, memory_order_relaxed);

	atomic_store_explicit(head, value & ~TABLE_LOCK, memory_order_release);
}

/* 0 or -ENOMEM.  capacity: flows that the buckets are made for. */
int table_init(struct table *t, const struct arena *arena, uint32_t capacity);
void table_fini(struct table *t);

static inline uint32_t table_ref(uint32_t index, enum flow_dir dir)
{
	return 2 * index + dir + 1;
}

static inline uint32_t table_index(uint32_t ref)
{
	return (ref - 1) >> 1;
}

static inline enum flow_dir table_dir(uint32_t ref)
{
	return (ref - 1) & 1;
}

static inline struct flow *table_flow(const struct table *t, uint32_t ref)
{
	return &t->records[table_index(ref)];
}

static inline uint32_t table_first(const struct table *t, uint32_t hash)
{
	return atomic_load_explicit(&t->heads[hash & t->mask], memory_order_acquire) &
	       ~TABLE_LOCK;
}

static inline uint32_t table_next(const struct table *t, uint32_t ref)
{
	return atomic_load_explicit(&t->links[ref - 1].next, memory_order_acquire);
}

/* The first at or behind ref that has this tuple; 0 when there is none. */
static inline uint32_t table_seek(const struct table *t, uint32_t ref,
				  const struct tuple *tuple, uint32_t hash)
{
	for (; ref; ref = table_next(t, ref)) {
		if (t->links[ref - 1].hash != hash)
			continue;
		if (tuple_equal(&table_flow(t, ref)->tuple[table_dir(ref)], tuple))
			break;
	}
	return ref;
}

/* An unused record's index, or FLOW_NONE.  table_give_back(): it was never inserted. */
uint32_t table_take(struct table *t);
void table_give_back(struct table *t, uint32_t index);

enum table_insert {
	TABLE_INSERTED = 1,
	TABLE_CLASH,      /* *ret_clash: the ref that has one of the tuples already */
	TABLE_CHAIN_LONG,
};
/* Link a flow whose record is written, and set CONFIRMED.  Flows that are dying or expired
 * at `mono` do not stand in the way: expired ones are marked dying here and their indices
 * left in ret_expired (FLOW_NONE: none) for the caller to unlink. */
enum table_insert table_insert(struct table *t, uint32_t index, const uint32_t hash[2],
			       uint64_t mono, uint32_t *ret_clash, uint32_t ret_expired[2]);
/* Remove both links of a flow that this thread has marked dying. */
void table_unlink(struct table *t, uint32_t index);

/* The record may still be looked at by others: it waits for a grace period. */
void table_retire(struct table *t, uint32_t index);
/* Those retired so far, as a chain through t->next (index + 1; 0 ends it); and that chain
 * back to the unused ones, after a grace period. */
uint32_t table_retired(struct table *t);
void table_reuse(struct table *t, uint32_t chain);

#endif
