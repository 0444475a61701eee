/* logring.h - what log statements wrote, on its way from a worker to stderr.
 *
 * A ring for each worker, which writes, and the main thread, which reads: no lock, and a
 * worker never waits.  A full ring drops the line and counts it. */
#ifndef CTFW_HOST_LOGRING_H
#define CTFW_HOST_LOGRING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LOGRING_SLOTS 128 /* a power of two */
#define LOGRING_LINE 480

struct logring_slot {
	uint8_t level; /* syslog's */
	uint16_t len;
	char line[LOGRING_LINE];
};

struct logring {
	_Atomic uint32_t head; /* written by the worker */
	_Atomic uint32_t dropped;
	_Alignas(64) _Atomic uint32_t tail; /* written by the reader */
	struct logring_slot slot[LOGRING_SLOTS];
};

/* The slot to fill, or NULL when the ring is full. */
static inline struct logring_slot *logring_begin(struct logring *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) == LOGRING_SLOTS) {
		atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
		return NULL;
	}
	return &r->slot[head % LOGRING_SLOTS];
}

/* Hand it over; true when the ring was empty, so that the reader must be woken. */
static inline bool logring_commit(struct logring *r)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	atomic_store_explicit(&r->head, head + 1, memory_order_seq_cst);
	return atomic_load_explicit(&r->tail, memory_order_seq_cst) == head;
}

/* The oldest line, or NULL; logring_done() gives its slot back. */
static inline const struct logring_slot *logring_peek(struct logring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (atomic_load_explicit(&r->head, memory_order_seq_cst) == tail)
		return NULL;
	return &r->slot[tail % LOGRING_SLOTS];
}

static inline void logring_done(struct logring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + 1, memory_order_seq_cst);
}

/* Lines dropped since the last call. */
static inline uint32_t logring_dropped(struct logring *r)
{
	return atomic_exchange_explicit(&r->dropped, 0, memory_order_relaxed);
}

#endif
