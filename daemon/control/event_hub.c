/* event_hub.c - events on their way from conntrack to its listeners.  See event_hub.h. */
#include "control/event_hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct event_hub {
	struct conntrack *ct;
	struct listener *listeners;
	struct ct_event *log; /* NULL while nobody listens */
	uint64_t next;        /* number of the next event */
};

struct event_hub *event_hub_new(struct conntrack *ct)
{
	struct event_hub *hub = calloc(1, sizeof(*hub));

	if (hub)
		hub->ct = ct;
	return hub;
}

void event_hub_free(struct event_hub *hub)
{
	if (!hub)
		return;
	free(hub->log);
	free(hub);
}

/* Without listeners there is none. */
static void drop_log(struct event_hub *hub)
{
	if (hub->listeners)
		return;
	free(hub->log);
	hub->log = NULL;
}

int hub_listen(struct event_hub *hub, struct listener *l, void (*wake)(void *arg), void *arg)
{
	int err;

	if (!hub->log)
		hub->log = calloc(HUB_EVENTS, sizeof(*hub->log));
	if (!hub->log)
		return -ENOMEM;
	err = conntrack_listen(hub->ct);
	if (err) {
		drop_log(hub);
		return err;
	}
	*l = (struct listener){ .next = hub->listeners, .place = hub->next, .wake = wake,
				.arg = arg };
	hub->listeners = l;
	return 0;
}

void hub_unlisten(struct event_hub *hub, struct listener *l)
{
	struct listener **link = &hub->listeners;

	while (*link && *link != l)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = l->next;
	conntrack_unlisten(hub->ct);
	drop_log(hub);
}

const struct ct_event *hub_read(struct event_hub *hub, struct listener *l)
{
	uint64_t oldest = hub->next > HUB_EVENTS ? hub->next - HUB_EVENTS : 0;

	if (l->place < oldest) {
		l->missed += oldest - l->place;
		l->place = oldest;
	}
	if (l->place == hub->next) {
		l->waits = true;
		return NULL;
	}
	return &hub->log[l->place++ & (HUB_EVENTS - 1)];
}

static void tell(struct event_hub *hub)
{
	struct listener *l, *next;

	for (l = hub->listeners; l; l = next) {
		next = l->next;
		if (!l->waits)
			continue;
		l->waits = false;
		l->wake(l->arg);
	}
}

static void put_skipped(struct event_hub *hub, uint64_t skipped)
{
	hub->log[hub->next++ & (HUB_EVENTS - 1)] =
		(struct ct_event){ .kind = CT_EVENT_SKIPPED, .skipped = skipped };
}

bool event_hub_collect(struct event_hub *hub)
{
	unsigned taken = 0;
	uint64_t skipped;

	if (!hub->log)
		return false;
	/* No more than the log holds, so that others get their turn. */
	while (taken < HUB_EVENTS / 4 &&
	       conntrack_event(hub->ct, &hub->log[hub->next & (HUB_EVENTS - 1)])) {
		hub->next++;
		taken++;
	}
	skipped = conntrack_events_skipped(hub->ct);
	if (skipped)
		put_skipped(hub, skipped);
	if (taken || skipped) {
		tell(hub);
		return true;
	}
	return !conntrack_events_rest(hub->ct);
}
