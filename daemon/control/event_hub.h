/* event_hub.h - private to control/: events on their way from conntrack to its listeners.
 *
 * The hub takes events out of conntrack's rings into one log, from which each listener reads
 * at its own pace, under numbers that ascend without end.  The log is as long as it is: who
 * falls behind by more than that finds his place overwritten and is told how much he missed.
 * So a listener costs nothing but its place, and none can hold up another.
 *
 *        oldest = next - HUB_EVENTS                   next
 *        v                                            v
 *     ---+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
 *              ^ a listener's place          ^ another's
 *
 * One thread, the control side's. */
#ifndef CTFW_CONTROL_EVENT_HUB_H
#define CTFW_CONTROL_EVENT_HUB_H

#include "ctfw/control.h"
#include "ctfw/event.h"

#define HUB_EVENTS 32768 /* a power of two */

struct event_hub;

struct listener {
	struct listener *next;
	uint64_t place; /* number of the next event to read */
	uint64_t missed; /* and not yet told */
	void (*wake)(void *arg); /* there is something to read again */
	void *arg;
	bool waits;
};

/* From now on.  0 or -ENOMEM. */
int hub_listen(struct event_hub *hub, struct listener *l, void (*wake)(void *arg), void *arg);
void hub_unlisten(struct event_hub *hub, struct listener *l);
/* The next event for this listener, valid until the hub takes others; NULL when there is
 * none, and then it is woken by the next.  What it missed is added to l->missed. */
const struct ct_event *hub_read(struct event_hub *hub, struct listener *l);

#endif
