/* event.h - private to conntrack/: noting what happens to flows.  See ctfw/event.h.
 *
 *     flow->events    bits that wait for the flow's next packet at confirm; changed under the
 *                     flow's word, but for marks and labels, which anybody sets
 *     event_ring      one producer (a worker, or the control side), one consumer (the reader)
 *     ticket          the order of all events.  It is taken when there is room in the ring,
 *                     with the flow's word held: a flow's events stand in the order in which
 *                     they happened.  Whoever has one puts it into its ring without delay. */
#ifndef CTFW_CONNTRACK_EVENT_H
#define CTFW_CONNTRACK_EVENT_H

#include <stdalign.h>
#include <stdatomic.h>

#include "ctfw/event.h"

struct ct_worker;
struct event_ring;

struct events {
	_Atomic bool wanted; /* somebody listens */
	_Atomic(struct event_ring *) rings; /* one a worker, the last the control side's */
	unsigned listeners;
	void (*wake)(void *arg);
	void *wake_arg;

	/* The reader's. */
	uint64_t expected; /* the next ticket */
	unsigned last;     /* the ring that had the last one */

	alignas(64) _Atomic uint64_t ticket; /* of the next event */
	alignas(64) _Atomic bool resting;    /* the reader must be woken */
};

/* rings: workers, and one. */
void events_fini(struct events *e, unsigned rings);

static inline bool event_wanted(const struct events *e)
{
	return atomic_load_explicit(&e->wanted, memory_order_relaxed);
}

/* Tell this with the flow's next packet that gets through.  The caller holds the flow's word,
 * or the flow is unconfirmed. */
static inline void event_note(const struct events *e, struct flow *f, uint32_t bits)
{
	if (bits && event_wanted(e))
		atomic_fetch_or_explicit(&f->events, (uint16_t)bits, memory_order_relaxed);
}

/* A packet of the flow has got through: tell what has gathered, if anybody listens. */
void event_deliver(struct conntrack *ct, struct ct_worker *w, struct flow *f);
static inline void event_confirm(struct conntrack *ct, struct ct_worker *w, struct flow *f)
{
	if (atomic_load_explicit(&f->events, memory_order_relaxed))
		event_deliver(ct, w, f);
}

/* The flow is dying.  Whoever ends it may have come between its creator's insertion and
 * telling: then its beginning is told now, so that no end is heard without. */
void event_catch_up(struct conntrack *ct, struct ct_worker *w, struct flow *f);

/* The flow ends; the caller holds its word.  What is written is told by event_commit(), which
 * may wake the reader, once the word is free: the ring, or NULL. */
struct event_ring *event_destroy(struct conntrack *ct, struct ct_worker *w,
				 const struct flow *f);
void event_commit(struct conntrack *ct, struct event_ring *ring);

/* An expectation came (NEW) or went (DESTROY): its record, ARENA_EXPECT_SIZE bytes. */
void event_expect(struct conntrack *ct, struct ct_worker *w, const void *expectation,
		  enum ct_event_bit bit);

#endif
