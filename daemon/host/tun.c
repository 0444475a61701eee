/* tun.c - TUN devices: IFF_TUN with a virtio-net header, several queues and offload.
 *
 * Documentation/networking/tuntap.rst and drivers/net/tun.c of the kernel.  IFF_TUN_EXCL
 * makes sure that the device is ours alone: one that exists is never attached to. */
#include "host/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define TUN_PATH "/dev/net/tun"
/* Documentation/admin-guide/devices.txt */
#define TUN_MAJOR 10
#define TUN_MINOR 200
#define TYPE (IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE)
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
	switch (err) {
	case EPERM:
		diag_error(d, NULL,
			   "no permission to make the TUN %s: start ctfwd as root or with "
			   "CAP_NET_ADMIN",
			   name);
		break;
	case EBUSY:
	case EINVAL:
		diag_error(d, NULL, "the name %s is in use by another interface", name);
		break;
	default:
		diag_error(d, NULL, "cannot make the TUN %s: %s", name, strerror(err));
	}
}

/* ---- stock ---- */

static int stock[TUN_STOCK_MAX];
static unsigned n_stock;
static bool had_stock;

void tun_stock(void)
{
	while (n_stock < TUN_STOCK_MAX) {
		int fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);

		if (fd < 0)
			return;
		stock[n_stock++] = fd;
		had_stock = true;
	}
}

void tun_stock_close(void)
{
	while (n_stock)
		close(stock[--n_stock]);
}

bool tun_may_open(void)
{
	return access(TUN_PATH, R_OK | W_OK) == 0;
}

/* ---- devices ---- */

static int open_device(struct diag *d)
{
	int fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int err = errno;

	if (fd >= 0)
		return fd;
	if ((err == EACCES || err == EPERM) && n_stock)
		return stock[--n_stock];
	if (err == ENOENT || err == ENODEV || err == ENXIO)
		diag_error(d, NULL, TUN_PATH ": %s; load the kernel's module: modprobe tun",
			   strerror(err));
	else if ((err == EACCES || err == EPERM) && had_stock)
		diag_error(d, NULL,
			   TUN_PATH ": %s, and the %u descriptors that were opened at the "
			   "start are used up: restart ctfwd, or let its user open it",
			   strerror(err), TUN_STOCK_MAX);
	else if (err == EACCES || err == EPERM)
		diag_error(d, NULL,
			   TUN_PATH ": %s; start ctfwd as root, or let its user open it",
			   strerror(err));
	else
		diag_error(d, NULL, TUN_PATH ": %s", strerror(err));
	return -err;
}

static int attach(int fd, const char *name, bool first)
{
	struct ifreq r = { 0 };
	int size = sizeof(struct virtio_net_hdr);

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	r.ifr_flags = TYPE;
	if (first)
		r.ifr_flags |= IFF_TUN_EXCL;
	if (ioctl(fd, TUNSETIFF, &r) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return -errno;
	return 0;
}

/* Whether an interface of that name exists which is none of the TUN driver's: a TUN will be
 * gone with its process. */
static bool is_of_other_kind(const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = { .ifr_data = (char *)&info };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool other = false;

	if (fd < 0)
		return false;
	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCETHTOOL, &r) == 0)
		other = strcmp(info.driver, "tun") != 0;
	else
		other = errno == EOPNOTSUPP;
	close(fd);
	return other;
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
		return err == -EBUSY && is_of_other_kind(name) ? -ENOTRECOVERABLE : err;
	}
	*ret_fd = fd;
	return 0;
}

/* Of another namespace's TUN the name says nothing.  Kernels before 5.5 cannot tell. */
static int check_namespace(int fd)
{
	struct stat of_tun, ours;
	int err = 0, ns = ioctl(fd, TUNGETDEVNETNS);

	if (ns < 0)
		return errno == ENOTTY || errno == EINVAL ? 0 : -errno;
	if (fstat(ns, &of_tun) < 0 || stat("/proc/self/ns/net", &ours) < 0)
		err = -errno;
	else if (of_tun.st_dev != ours.st_dev || of_tun.st_ino != ours.st_ino)
		err = -EXDEV;
	close(ns);
	return err;
}

int tun_check(int fd, const char *name)
{
	struct ifreq r = { 0 };
	struct stat st;
	int size;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(TUN_MAJOR, TUN_MINOR))
		return -ENOTTY;
	/* EBADFD: the device is gone. */
	if (ioctl(fd, TUNGETIFF, &r) < 0 || ioctl(fd, TUNGETVNETHDRSZ, &size) < 0)
		return -errno;
	if (strncmp(r.ifr_name, name, IFNAMSIZ) != 0)
		return -ENODEV;
	if ((r.ifr_flags & TYPE) != TYPE || size != sizeof(struct virtio_net_hdr) ||
	    r.ifr_flags & IFF_DETACH_QUEUE)
		return -EINVAL;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return check_namespace(fd);
}

int tun_open(const char *name, unsigned queues, const int *kept, struct tun *ret_tun,
	     struct diag *d)
{
	struct tun t = { 0 };
	bool exists = false;
	unsigned i;
	int err = 0;

	strncpy(t.name, name, IFNAMSIZ - 1);
	for (t.n_queues = 0; t.n_queues < queues; t.n_queues++) {
		t.queue[t.n_queues] = kept ? kept[t.n_queues] : -1;
		exists = exists || t.queue[t.n_queues] >= 0;
	}
	for (i = 0; !err && i < queues; i++) {
		if (t.queue[i] >= 0)
			t.kept |= (uint64_t)1 << i;
		else
			err = open_queue(name, !exists, &t.queue[i], d);
		exists = true;
	}
	if (err < 0) {
		tun_close(&t);
		return err;
	}
	t.offload = set_offload(t.queue[0]);
	*ret_tun = t;
	return 0;
}

void tun_close(struct tun *t)
{
	while (t->n_queues) {
		if (t->queue[--t->n_queues] >= 0)
			close(t->queue[t->n_queues]);
	}
}
