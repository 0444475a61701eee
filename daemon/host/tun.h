/* tun.h - TUN devices: made, and their queues opened.
 *
 * A device lives as long as one of its queues is open.  Everything else about it (MTU,
 * addresses, up) is netlink's, see steer.h. */
#ifndef CTFW_HOST_TUN_H
#define CTFW_HOST_TUN_H

#include <stdint.h>

#include "ctfw/config.h"
#include "ctfw/diag.h"
#include "ctfw/text.h"

/* What TUNSETOFFLOAD took, as bits; newer kernels have more. */
enum tun_offload {
	TUN_OFFLOAD_CSUM = 1 << 0,
	TUN_OFFLOAD_TSO4 = 1 << 1,
	TUN_OFFLOAD_TSO6 = 1 << 2,
	TUN_OFFLOAD_TSO_ECN = 1 << 3,
	TUN_OFFLOAD_USO4 = 1 << 4,
	TUN_OFFLOAD_USO6 = 1 << 5,
};
#define TUN_OFFLOAD_BITS 6
/* "csum", "tso4", ... of bit number i. */
const char *tun_offload_name(unsigned i);

struct tun {
	char name[IFNAMSIZ];
	unsigned offload; /* enum tun_offload */
	unsigned n_queues;
	int queue[ARENA_MAX_WORKERS]; /* non-blocking, close-on-exec */
	uint64_t kept; /* bit i: queue i was a former daemon's, and packets may wait in it */
};

/* Make a TUN that nobody has, with so many queues: packets come and go behind a
 * virtio_net_hdr of ten bytes.  kept is NULL, or for each queue a descriptor that tun_check()
 * found right, or -1: with any of them the device is there, and gets the queues that it
 * lacks.  They are the TUN's from now on, and closed at a failure.  0, or a negative errno
 * with one line in d: -ENOTRECOVERABLE when an interface of another kind has the name. */
int tun_open(const char *name, unsigned queues, const int *kept, struct tun *ret_tun,
	     struct diag *d);
/* Whether a descriptor from elsewhere is a queue of the TUN of this name as tun_open() makes
 * them, in our network namespace.  0, or a negative errno. */
int tun_check(int fd, const char *name);
void tun_close(struct tun *t);

/* Descriptors of the device that belong to no TUN yet, for a process that will not be allowed
 * to open it: tun_open() takes them then.  Of a process, not of a thread. */
#define TUN_STOCK_MAX 128
void tun_stock(void);
void tun_stock_close(void);
bool tun_may_open(void);

#endif
