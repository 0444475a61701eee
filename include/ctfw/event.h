/* event.h - what happens to flows, told to whoever listens (nf_conntrack_ecache.c,
 * conntrack.md 7.4).
 *
 * What a packet changes gathers on its flow and is told when the packet reaches
 * conntrack_confirm(), as one event: a change made by a packet that the rules drop comes with
 * the flow's next packet that gets through.  An end is told at once, and what waits then is
 * not told any more; but whoever ends a flow whose beginning is not told yet tells that first.
 * (The kernel, in that instant, tells the end alone, or the beginning behind it.)
 *
 * Each worker, and the control side, writes into a ring of its own and never waits: when the
 * ring is full the event is skipped, and counted.  One thread, the reader, takes the events of
 * all rings in the order in which they were noted.  While nobody listens a packet pays for
 * one load. */
#ifndef CTFW_EVENT_H
#define CTFW_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "ctfw/arena.h"
#include "ctfw/clock.h"
#include "ctfw/flow.h"

struct conntrack;

/* The kernel's enum ip_conntrack_events, as bits. */
enum ct_event_bit {
	CT_EVENT_NEW = 1 << 0,
	CT_EVENT_RELATED = 1 << 1, /* new, and expected by another */
	CT_EVENT_DESTROY = 1 << 2,
	CT_EVENT_REPLY = 1 << 3,
	CT_EVENT_ASSURED = 1 << 4,
	CT_EVENT_PROTOINFO = 1 << 5,
	CT_EVENT_HELPER = 1 << 6,
	CT_EVENT_MARK = 1 << 7,
	CT_EVENT_LABEL = 1 << 10,
};
/* What may happen between a flow's beginning and its end. */
#define CT_EVENT_UPDATES                                                                      \
	(CT_EVENT_REPLY | CT_EVENT_ASSURED | CT_EVENT_PROTOINFO | CT_EVENT_HELPER |           \
	 CT_EVENT_MARK | CT_EVENT_LABEL)

enum ct_event_kind {
	CT_EVENT_NONE = 0,
	CT_EVENT_FLOW,
	CT_EVENT_EXPECTATION,
	CT_EVENT_SKIPPED, /* made by the reader for those who read from it */
};

struct ct_event {
	uint64_t ticket; /* ascending by one from event to event */
	struct instant time; /* of the packet, or of whatever it was */
	uint32_t kind; /* enum ct_event_kind */
	uint32_t bits; /* enum ct_event_bit */
	uint64_t skipped;  /* SKIPPED: how many */
	uint64_t label[2]; /* FLOW: its labels */
	union {
		struct flow flow; /* a copy of that instant */
		uint8_t expect[ARENA_EXPECT_SIZE];
	};
};

/* ---- the reader's side: one thread ---- */

/* Called by whoever notes an event while the reader rests, by any thread and soon; and by
 * conntrack_listen().  To be set before the first listener. */
void conntrack_set_event_wake(struct conntrack *ct, void (*wake)(void *arg), void *arg);

/* One listener more; with the first, events begin.  0 or -ENOMEM.  One fewer. */
int conntrack_listen(struct conntrack *ct);
void conntrack_unlisten(struct conntrack *ct);

/* The next event; false when there is none. */
bool conntrack_event(struct conntrack *ct, struct ct_event *ret_event);
/* How many were skipped since the last call. */
uint64_t conntrack_events_skipped(struct conntrack *ct);
/* From now on wake() is called, once; false: there is another event already. */
bool conntrack_events_rest(struct conntrack *ct);

#endif
