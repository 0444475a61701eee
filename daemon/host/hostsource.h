/* hostsource.h - hostviews of this host, from rtnetlink.
 *
 * Dumps links, addresses and routes, makes a hostview of them and watches for changes: a
 * burst of them gives one new hostview, 50 ms after its first.  A dump that takes long, as
 * with the Internet's routes, is repeated less often.  Needs no privileges, and opens its
 * sockets when it is made.
 *
 * Routes are those of all tables but the daemon's own, known by their metrics too.  Rules are
 * not followed: where tables differ about the same prefix, main wins, then default, then the
 * others.  Our TUNs are ways to the captured interfaces, never where something comes from or
 * goes to, so their routes count least of all.
 *
 * Belongs to the thread of its event base. */
#ifndef CTFW_HOST_HOSTSOURCE_H
#define CTFW_HOST_HOSTSOURCE_H

#include <event2/event.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/hostview.h"

struct hostsource;

struct hostsource_options {
	uint32_t table;                /* [steer] table; 0: none is ours */
	const char (*ports)[IFNAMSIZ]; /* names of our TUNs; copied */
	size_t n_ports;
};

/* Owns hv from then on. */
typedef void hostsource_changed(void *arg, struct hostview *hv);

/* Calls back once before it returns, then from the event loop.  base may be NULL: then there
 * are no changes, only the first view.  0, or a negative errno. */
int hostsource_new(struct event_base *base, const struct hostsource_options *options,
		   hostsource_changed *changed, void *arg, struct hostsource **ret_source);
void hostsource_free(struct hostsource *s);

#endif
