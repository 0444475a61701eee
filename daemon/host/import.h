/* import.h - the kernel's own conntrack entries, for a daemon that starts in front of
 * connections that are open already.
 *
 * The keeper, which may, asks the kernel (ctnetlink, through libnl-nf-3) before it forks the
 * first filter, and leaves what it heard in a memfd.  The filter takes it if it found no flows
 * of a former process, before its workers run; it checks each record as if a stranger had
 * written it.
 *
 * Which packets of a connection the daemon will see depends on which end is behind a captured
 * interface, since the kernel's NAT stands between us and the other end:
 *
 *      who began it is there       packets as the kernel's original direction has them,
 *                                  before its NAT; and answers to these
 *      who answers is there        answers as the kernel's reply direction has them, behind
 *                                  its NAT; and what these answer
 *
 * So a connection becomes a flow without NAT, or two where both ends are there. */
#ifndef CTFW_HOST_IMPORT_H
#define CTFW_HOST_IMPORT_H

#include "ctfw/config.h"
#include "ctfw/conntrack.h"

/* What the kernel knows of one connection. */
struct import_entry {
	struct tuple tuple[2];
	uint32_t status; /* the kernel's bits */
	uint32_t timeout, mark;
	uint8_t tcp_state;
};

/* The flows that it is for us: 0, 1 or 2. */
unsigned import_flows(const struct config *c, const struct import_entry *entry,
		      struct flow_spec ret_spec[2]);

/* Ask the kernel.  0 with a descriptor of a file of struct flow_spec (no more than max-flows),
 * or a negative errno. */
int import_read(const struct config *c, int *ret_fd);

struct import_result {
	uint32_t taken, refused; /* refused: what is no flow, a twin, or no room */
};
/* Make flows of them.  The calling thread is online.  0 or a negative errno. */
int import_load(int fd, struct conntrack *ct, struct instant now,
		struct import_result *ret_result);

#endif
