/* tun.c - TUN devices: IFF_TUN with a virtio-net header, several queues and offload.
 *
 * Documentation/networking/tuntap.rst and drivers/net/tun.c of the kernel.  IFF_TUN_EXCL
 * makes sure that the device is ours alone: one that exists is never attached to. */
#include "host/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define TUN_PATH "/dev/net/tun"
/* Debian 12's headers do not know them. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* A daemon that was killed just now is still closing its TUNs. */
#define BUSY_TRIES 20
#define BUSY_WAIT_NS 50000000

static const struct {
	const char *name;
	unsigned flag;
} offloads[TUN_OFFLOAD_BITS] = {
	{ "csum", TUN_F_CSUM }, { "tso4", TUN_F_TSO4 }, { "tso6", TUN_F_TSO6 },
	{ "tso-ecn", TUN_F_TSO_ECN }, { "uso4", TUN_F_USO4 }, { "uso6", TUN_F_USO6 },
};

#define BASIC (TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO4 | TUN_OFFLOAD_TSO6 | TUN_OFFLOAD_TSO_ECN)
#define USO (TUN_OFFLOAD_USO4 | TUN_OFFLOAD_USO6)

const char *tun_offload_name(unsigned i)
{
	return offloads[i].name;
}

static unsigned kernel_flags(unsigned offload)
{
	unsigned i, flags = 0;

	for (i = 0; i < TUN_OFFLOAD_BITS; i++)
		flags |= offload & 1u << i ? offloads[i].flag : 0;
	return flags;
}

/* Offload is the device's, not the queue's; a kernel without USO refuses the whole. */
static unsigned set_offload(int fd)
{
	static const unsigned tries[] = { BASIC | USO, BASIC, TUN_OFFLOAD_CSUM };
	size_t i;

	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		if (ioctl(fd, TUNSETOFFLOAD, kernel_flags(tries[i])) == 0)
			return tries[i];
	}
	return 0;
}

static void explain(const char *name, int err, struct diag *d)
{
	static const struct span nowhere = { NULL, 0, 0 };

	switch (err) {
	case EPERM:
		diag_error(d, &nowhere,
			   "no permission to make the TUN %s: start ctfwd as root or with "
			   "CAP_NET_ADMIN",
			   name);
		break;
	case EBUSY:
	case EINVAL:
		diag_error(d, &nowhere, "the name %s is in use by another interface", name);
		break;
	default:
		diag_error(d, &nowhere, "cannot make the TUN %s: %s", name, strerror(err));
	}
}

static int open_device(struct diag *d)
{
	static const struct span nowhere = { NULL, 0, 0 };
	int fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int err = errno;

	if (fd >= 0)
		return fd;
	if (err == ENOENT || err == ENODEV || err == ENXIO)
		diag_error(d, &nowhere, TUN_PATH ": %s; load the kernel's module: modprobe tun",
			   strerror(err));
	else if (err == EACCES || err == EPERM)
		diag_error(d, &nowhere,
			   TUN_PATH ": %s; start ctfwd as root, or let its user open it",
			   strerror(err));
	else
		diag_error(d, &nowhere, TUN_PATH ": %s", strerror(err));
	return -err;
}

static int attach(int fd, const char *name, bool first)
{
	struct ifreq r = { 0 };
	int size = sizeof(struct virtio_net_hdr);

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
	if (first)
		r.ifr_flags |= IFF_TUN_EXCL;
	if (ioctl(fd, TUNSETIFF, &r) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return -errno;
	return 0;
}

static int open_queue(const char *name, bool first, int *ret_fd, struct diag *d)
{
	const struct timespec wait = { 0, BUSY_WAIT_NS };
	int fd, err, tries = 0;

	fd = open_device(d);
	if (fd < 0)
		return fd;
	do {
		err = attach(fd, name, first);
		if (err == -EBUSY && first)
			nanosleep(&wait, NULL);
	} while (err == -EBUSY && first && ++tries < BUSY_TRIES);
	if (err < 0) {
		explain(name, -err, d);
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int tun_open(const char *name, unsigned queues, struct tun *ret_tun, struct diag *d)
{
	struct tun t = { 0 };
	int err;

	strncpy(t.name, name, IFNAMSIZ - 1);
	while (t.n_queues < queues) {
		err = open_queue(name, t.n_queues == 0, &t.queue[t.n_queues], d);
		if (err < 0) {
			tun_close(&t);
			return err;
		}
		t.n_queues++;
	}
	t.offload = set_offload(t.queue[0]);
	*ret_tun = t;
	return 0;
}

void tun_close(struct tun *t)
{
	while (t->n_queues)
		close(t->queue[--t->n_queues]);
}
