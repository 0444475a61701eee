/* check_socket.c - sockets that are bound to a captured interface.
 *
 * Asked of the kernel by sock_diag, which names a socket by its inode; whose it is, the
 * descriptors in /proc say.  Sockets at link-local and multicast addresses are left out:
 * their packets do not go through a TUN.  Packet sockets, of tcpdump and DHCP servers, are
 * told of on their own: they see what comes in before tc does. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/check.h"

#define SOCKETS_MAX 64
#define DESCRIPTORS_MAX 100000 /* of one process */

struct bound {
	const char *protocol;
	uint8_t l3;
	uint32_t ifindex, inode;
	uint16_t port;
	union addr addr;
	long pid; /* 0: not found */
	char name[20];
};

struct search {
	struct checker *checker;
	const char *protocol;
	struct bound found[SOCKETS_MAX];
	size_t n, before; /* of the dumps before this one */
	bool more;
	const char *not_told; /* a kind of which the kernel does not tell, or NULL */
};

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "TCP", IPPROTO_TCP },
	{ "UDP", IPPROTO_UDP },
	{ "UDPLite", IPPROTO_UDPLITE },
	{ "raw", IPPROTO_RAW },
};

static void begin(void *arg)
{
	struct search *s = arg;

	s->n = s->before;
}

static void keep(void *arg, const struct nlmsghdr *msg)
{
	struct search *s = arg;
	const struct inet_diag_msg *m = nlmsg_data(msg);
	struct bound b = { .protocol = s->protocol };

	if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || !m->id.idiag_if ||
	    !netlink_l3(m->idiag_family) ||
	    !check_capture(s->checker, check_link_name(s->checker, m->id.idiag_if)))
		return;
	b.l3 = netlink_l3(m->idiag_family);
	memcpy(&b.addr, m->id.idiag_src, netlink_addr_len(b.l3));
	if (check_stays_with_kernel(b.l3, &b.addr))
		return;
	if (s->n == SOCKETS_MAX) {
		s->more = true;
		return;
	}
	b.ifindex = m->id.idiag_if;
	b.inode = m->idiag_inode;
	b.port = ntohs(m->id.idiag_sport);
	s->found[s->n++] = b;
}

static void keep_packet(void *arg, const struct nlmsghdr *msg)
{
	struct search *s = arg;
	const struct packet_diag_msg *m = nlmsg_data(msg);
	const struct packet_diag_info *info;
	struct nlattr *attr;

	if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || m->pdiag_family != AF_PACKET)
		return;
	attr = nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(*m), PACKET_DIAG_INFO);
	if (!attr || nla_len(attr) < (int)sizeof(*info))
		return;
	info = nla_data(attr);
	if (!info->pdi_index ||
	    !check_capture(s->checker, check_link_name(s->checker, info->pdi_index)))
		return;
	if (s->n == SOCKETS_MAX) {
		s->more = true;
		return;
	}
	s->found[s->n++] = (struct bound){ .protocol = "packet",
					   .ifindex = info->pdi_index,
					   .inode = m->pdiag_ino };
}

static int ask_packet(struct netlink *nl, struct search *s)
{
	struct packet_diag_req req = { .sdiag_family = AF_PACKET,
				       .pdiag_show = PACKET_SHOW_INFO };
	int err = check_dump(nl, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), begin, keep_packet, s);

	if (err == -ENOENT || err == -EINVAL) {
		s->not_told = "packet";
		err = 0;
	}
	return err;
}

static int ask(struct netlink *nl, struct search *s)
{
	static const int families[] = { AF_INET, AF_INET6 };
	size_t i, f;
	int err = 0;

	for (i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		for (f = 0; !err && f < 2; f++) {
			struct inet_diag_req_v2 req = {
				.sdiag_family = (uint8_t)families[f],
				.sdiag_protocol = protocols[i].number,
				/* Those have no owner, and hear nothing any more. */
				.idiag_states = UINT32_MAX & ~(1u << TCP_TIME_WAIT),
			};

			s->protocol = protocols[i].name;
			s->before = s->n;
			err = check_dump(nl, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), begin,
					 keep, s);
			/* A kernel without that protocol, or the module that tells of it. */
			if (err == -ENOENT && protocols[i].number == IPPROTO_RAW)
				s->not_told = "raw";
			if (err == -ENOENT || err == -EOPNOTSUPP || err == -EAFNOSUPPORT)
				err = 0;
		}
	}
	return err;
}

/* ---- whose they are ---- */

static void name_owner(struct search *s, long pid, uint32_t inode)
{
	struct check_file comm;
	size_t i;

	for (i = 0; i < s->n; i++) {
		struct bound *b = &s->found[i];

		if (b->inode != inode || b->pid)
			continue;
		b->pid = pid;
		if (check_read(s->checker, &comm, "/proc/%ld/comm", pid)) {
			snprintf(b->name, sizeof(b->name), "%.*s", (int)strcspn(comm.text, "\n"),
				 comm.text);
			check_file_fini(&comm);
		}
	}
}

static bool look_at_process(struct checker *c, long pid, void *arg)
{
	struct search *s = arg;
	char path[PATH_MAX], target[64];
	struct dirent *e;
	unsigned n = 0, inode;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%ld/fd", c->root, pid);
	dir = opendir(path);
	if (!dir)
		return true;
	while ((e = readdir(dir)) && n++ < DESCRIPTORS_MAX) {
		ssize_t len = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (len <= 0)
			continue;
		target[len] = '\0';
		if (sscanf(target, "socket:[%u]", &inode) == 1)
			name_owner(s, pid, inode);
	}
	closedir(dir);
	return true;
}

static const char *owner_of(const struct bound *b, char buf[64])
{
	if (!b->pid)
		return geteuid() ? "a process that only root may know" :
				   "a process not to be found";
	snprintf(buf, 64, "%s (process %ld)", b->name, b->pid);
	return buf;
}

static void tell(struct checker *c, const struct bound *b)
{
	const char *dev = check_link_name(c, b->ifindex);
	const struct check_address *own = check_next_address(c, b->ifindex, NULL);
	bool raw = !strcmp(b->protocol, "raw");
	char addr[ADDR_TEXT], owner[64];

	if (!b->l3) {
		check_found(c, "%s has a packet socket at %s", owner_of(b, owner), dev);
		return;
	}
	if (addr_is_zero(&b->addr))
		strcpy(addr, "any address");
	else
		addr_print(b->l3, &b->addr, addr);
	while (own && own->family != b->l3)
		own = check_next_address(c, b->ifindex, own);
	check_found(c, "%s has a %s socket of %s bound to %s: %s, %s %u", owner_of(b, owner),
		    b->protocol, b->l3 == L3_IPV4 ? "IPv4" : "IPv6", dev, addr,
		    raw ? "protocol" : "port", b->port);
	check_todo(c, "# have it listen at %s%s instead of at the device %s",
		   own ? "" : "the host's address",
		   own ? addr_print(own->family, &own->addr, addr) : "", dev);
}

static void look(struct checker *c, int (*questions)(struct netlink *nl, struct search *s))
{
	struct search *s;
	struct netlink nl = { .sk = NULL };
	size_t i;
	int err;

	if (!c->config->n_captures)
		return;
	s = calloc(1, sizeof(*s));
	nl.sk = nl_socket_alloc();
	if (!s || !nl.sk) {
		c->failed = true;
		goto out;
	}
	s->checker = c;
	err = nl_connect(nl.sk, NETLINK_SOCK_DIAG) < 0 ? -EPROTONOSUPPORT : questions(&nl, s);
	if (err)
		check_blind(c, "sockets: %s", strerror(-err));
	if (s->not_told)
		check_blind(c, "%s sockets, of which this kernel does not tell", s->not_told);
	if (s->n)
		check_each_process(c, look_at_process, s);
	for (i = 0; i < s->n; i++)
		tell(c, &s->found[i]);
	if (s->more)
		check_blind(c, "more sockets than the first %u", SOCKETS_MAX);
out:
	netlink_close(&nl);
	free(s);
}

void check_bound(struct checker *c)
{
	look(c, ask);
}

void check_packet(struct checker *c)
{
	look(c, ask_packet);
}
