/* event.c - events, from the flows through the rings to their reader.
 *
 * See event.h for the rings and the order.  The rings are made with the first listener and
 * stay: a worker may be writing into one when the last listener leaves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/private.h"
#include "conntrack/record.h"

/* Slots, powers of two.  The control side's own may have to take a whole slice of
 * housekeeping before it is read. */
#define WORKER_SLOTS 4096
#define CONTROL_SLOTS 32768

struct event_ring {
	alignas(CACHE_LINE) _Atomic uint32_t head; /* the producer's */
	_Atomic uint32_t skipped;
	uint32_t slots;
	struct ct_event *slot;
	alignas(CACHE_LINE) _Atomic uint32_t tail; /* the reader's */
};

/* ---- producers ---- */

static struct event_ring *ring_of(struct conntrack *ct, const struct ct_worker *w)
{
	struct event_ring *rings =
		atomic_load_explicit(&ct->events.rings, memory_order_acquire);

	return rings ? &rings[w - ct->worker] : NULL;
}

/* A slot to fill, with its ticket and time; NULL when there is none. */
static struct ct_event *ring_begin(struct conntrack *ct, const struct ct_worker *w,
				   struct event_ring *ring)
{
	uint32_t head;
	struct ct_event *event;

	if (!ring)
		return NULL;
	head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == ring->slots) {
		atomic_fetch_add_explicit(&ring->skipped, 1, memory_order_relaxed);
		return NULL;
	}
	event = &ring->slot[head & (ring->slots - 1)];
	event->ticket = atomic_fetch_add_explicit(&ct->events.ticket, 1, memory_order_relaxed);
	event->time = worker_now(w);
	event->skipped = 0;
	event->label[0] = event->label[1] = 0;
	return event;
}

static void ring_commit(struct conntrack *ct, struct event_ring *ring)
{
	struct events *e = &ct->events;
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	atomic_store_explicit(&ring->head, head + 1, memory_order_seq_cst);
	if (atomic_load_explicit(&e->resting, memory_order_seq_cst) &&
	    atomic_exchange_explicit(&e->resting, false, memory_order_seq_cst) && e->wake)
		e->wake(e->wake_arg);
}

static void tell_flow(const struct conntrack *ct, const struct flow *f, uint32_t bits,
		      struct ct_event *event)
{
	event->kind = CT_EVENT_FLOW;
	event->bits = bits;
	record_copy(f, &event->flow);
	conntrack_labels(ct, (uint32_t)(f - ct->table.records), &event->flow, event->label);
}

/* A rule's `ct event set` may want nothing of this; else all of it is told (the kernel's
 * ctmask). */
static bool is_reported(const struct flow *f, uint32_t bits)
{
	return bits & ~(uint32_t)atomic_load_explicit(&f->events_off, memory_order_relaxed);
}

/* Write this of the flow, whose word is held: the ring that event_commit() tells it by, or
 * NULL. */
static struct event_ring *write_flow(struct conntrack *ct, struct ct_worker *w,
				     const struct flow *f, uint32_t bits)
{
	struct event_ring *ring = NULL;
	struct ct_event *event;

	if (is_reported(f, bits) && event_wanted(&ct->events))
		ring = ring_of(ct, w);
	event = ring_begin(ct, w, ring);
	if (!event)
		return NULL;
	tell_flow(ct, f, bits, event);
	return ring;
}

/* What gathered while nobody listened is forgotten. */
static struct event_ring *write_gathered(struct conntrack *ct, struct ct_worker *w,
					 struct flow *f)
{
	return write_flow(ct, w, f,
			  atomic_exchange_explicit(&f->events, 0, memory_order_relaxed));
}

void event_deliver(struct conntrack *ct, struct ct_worker *w, struct flow *f)
{
	struct event_ring *ring = NULL;
	uint32_t status;

	record_lock(f);
	status = atomic_load_explicit(&f->status, memory_order_relaxed);
	/* What is found before it is confirmed tells nothing, and keeps what it has for its
	 * creator to tell; the dying tell nothing, and keep it for event_catch_up(). */
	if ((status & (FLOW_CONFIRMED | FLOW_DYING)) == FLOW_CONFIRMED)
		ring = write_gathered(ct, w, f);
	record_unlock(f);
	event_commit(ct, ring);
}

void event_catch_up(struct conntrack *ct, struct ct_worker *w, struct flow *f)
{
	struct event_ring *ring;

	if (!(atomic_load_explicit(&f->events, memory_order_relaxed) &
	      (CT_EVENT_NEW | CT_EVENT_RELATED)))
		return;
	/* Its creator may be telling it right now: then nothing is left. */
	record_lock(f);
	ring = write_gathered(ct, w, f);
	record_unlock(f);
	event_commit(ct, ring);
}

struct event_ring *event_destroy(struct conntrack *ct, struct ct_worker *w,
				 const struct flow *f)
{
	return write_flow(ct, w, f, CT_EVENT_DESTROY);
}

void event_commit(struct conntrack *ct, struct event_ring *ring)
{
	if (ring)
		ring_commit(ct, ring);
}

void event_expect(struct conntrack *ct, struct ct_worker *w, const void *expectation,
		  enum ct_event_bit bit)
{
	struct event_ring *ring = event_wanted(&ct->events) ? ring_of(ct, w) : NULL;
	struct ct_event *event = ring_begin(ct, w, ring);

	if (!event)
		return;
	event->kind = CT_EVENT_EXPECTATION;
	event->bits = bit;
	memcpy(event->expect, expectation, sizeof(event->expect));
	ring_commit(ct, ring);
}

/* ---- the reader ---- */

void conntrack_set_event_wake(struct conntrack *ct, void (*wake)(void *arg), void *arg)
{
	ct->events.wake = wake;
	ct->events.wake_arg = arg;
}

static void rings_free(struct event_ring *rings, unsigned n)
{
	for (unsigned i = 0; rings && i < n; i++)
		free(rings[i].slot);
	free(rings);
}

void events_fini(struct events *e, unsigned rings)
{
	rings_free(atomic_load_explicit(&e->rings, memory_order_relaxed), rings);
}

static struct event_ring *rings_new(unsigned n)
{
	struct event_ring *rings = aligned_alloc(CACHE_LINE, n * sizeof(*rings));

	if (!rings)
		return NULL;
	memset((void *)rings, 0, n * sizeof(*rings));
	for (unsigned i = 0; i < n; i++) {
		rings[i].slots = i + 1 < n ? WORKER_SLOTS : CONTROL_SLOTS;
		rings[i].slot = calloc(rings[i].slots, sizeof(*rings[i].slot));
		if (!rings[i].slot) {
			rings_free(rings, n);
			return NULL;
		}
	}
	return rings;
}

int conntrack_listen(struct conntrack *ct)
{
	struct events *e = &ct->events;
	struct event_ring *rings = atomic_load_explicit(&e->rings, memory_order_relaxed);
	struct ct_event stale;

	if (!rings) {
		rings = rings_new(ct->workers + 1);
		if (!rings)
			return -ENOMEM;
		atomic_store_explicit(&e->rings, rings, memory_order_release);
	}
	if (e->listeners++)
		return 0;
	while (conntrack_event(ct, &stale))
		; /* nobody's any more */
	conntrack_events_skipped(ct);
	atomic_store_explicit(&e->wanted, true, memory_order_relaxed);
	/* Nobody may have told the reader of what comes from now on: it must look once. */
	if (e->wake)
		e->wake(e->wake_arg);
	return 0;
}

void conntrack_unlisten(struct conntrack *ct)
{
	if (--ct->events.listeners == 0)
		atomic_store_explicit(&ct->events.wanted, false, memory_order_relaxed);
}

/* The ring whose oldest event is the next of all; NULL: it is not there yet. */
static struct event_ring *ring_next(struct conntrack *ct)
{
	struct events *e = &ct->events;
	struct event_ring *rings = atomic_load_explicit(&e->rings, memory_order_relaxed);

	for (unsigned i = 0; rings && i <= ct->workers; i++) {
		unsigned at = (e->last + i) % (ct->workers + 1);
		struct event_ring *ring = &rings[at];
		uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

		if (atomic_load_explicit(&ring->head, memory_order_seq_cst) == tail ||
		    ring->slot[tail & (ring->slots - 1)].ticket != e->expected)
			continue;
		e->last = at;
		return ring;
	}
	return NULL;
}

bool conntrack_event(struct conntrack *ct, struct ct_event *ret_event)
{
	struct event_ring *ring = ring_next(ct);
	uint32_t tail;

	if (!ring)
		return false;
	tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	memcpy((void *)ret_event, (const void *)&ring->slot[tail & (ring->slots - 1)],
	       sizeof(*ret_event));
	ct->events.expected++;
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return true;
}

uint64_t conntrack_events_skipped(struct conntrack *ct)
{
	struct event_ring *rings =
		atomic_load_explicit(&ct->events.rings, memory_order_relaxed);
	uint64_t skipped = 0;

	for (unsigned i = 0; rings && i <= ct->workers; i++)
		skipped += atomic_exchange_explicit(&rings[i].skipped, 0,
						    memory_order_relaxed);
	return skipped;
}

bool conntrack_events_rest(struct conntrack *ct)
{
	atomic_store_explicit(&ct->events.resting, true, memory_order_seq_cst);
	if (!ring_next(ct))
		return true;
	atomic_store_explicit(&ct->events.resting, false, memory_order_seq_cst);
	return false;
}
