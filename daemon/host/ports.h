/* ports.h - all TUNs of a configuration, in the order of its sections.
 *
 * A capture has two, in and out; a [tun] section is one.  The keeper opens them; the filter
 * tells the engine about them (struct ports_view). */
#ifndef CTFW_HOST_PORTS_H
#define CTFW_HOST_PORTS_H

#include "ctfw/config.h"
#include "ctfw/diag.h"
#include "ctfw/engine.h"
#include "host/fdstore.h"
#include "host/tun.h"

struct port {
	struct tun tun;
	enum port_role role;
	char interface[IFNAMSIZ]; /* the real one; zero-padded */
	uint32_t ifindex;         /* of that one; 0 when it is not there */
	uint32_t mtu;             /* of the TUN; 0 unknown */
	uint32_t room;            /* packets that may wait in each queue */
	/* Whose port it is: one of both. */
	const struct config_capture *capture;
	const struct config_tun *section;
};

struct ports {
	struct port port[CONFIG_PORTS_MAX];
	size_t n;
};

/* Open every TUN, with a queue for each worker.  Queues that a former daemon left are taken
 * over when interface, role and number are the same; the others close, and new ones are put
 * into the store.  kept is NULL or settled afterwards.  c must live as long as the ports, and
 * changes only by config_adopt().  0, or a negative errno with one line in d. */
int ports_open(const struct config *c, unsigned workers, struct fdstore *kept,
	       struct ports *ret_ports, struct diag *d);
/* The ports of another configuration: those that there are keep their queues, also for
 * another role, and those whose device is gone are made anew.  from stays as it is and in
 * use: end it by ports_take_over(), or what was made by ports_close_others().  As above. */
int ports_change(const struct ports *from, const struct config *c, unsigned workers,
		 struct ports *ret_ports, struct diag *d);
/* Close, and have the store forget, what kept has not. */
void ports_close_others(struct ports *p, const struct ports *kept);
/* p becomes wanted, and what that has not closes. */
void ports_take_over(struct ports *p, struct ports *wanted);
/* The store keeps them for the next daemon. */
void ports_close(struct ports *p);

/* Take indexes and MTUs from a view of the host; true when one that the engine sees has
 * changed. */
bool ports_follow(struct ports *p, const struct hostview *hv);

/* What the engine needs of them, as an immutable whole: replaced at a reload. */
struct ports_view {
	size_t n;
	struct engine_port port[];
};
/* NULL when out of memory; free(3) it. */
struct ports_view *ports_view_new(const struct ports *p);
/* Write it again; of use before anybody else has it. */
void ports_view_fill(const struct ports *p, struct ports_view *view);

#endif
