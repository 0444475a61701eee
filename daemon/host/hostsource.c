/* hostsource.c - hostviews of this host; see hostsource.h.
 *
 * Two sockets: one is told that something has changed, and what it says is thrown away; the
 * other asks for everything again.  Reading all is simpler than following each change, is
 * right after an overrun too, and costs a millisecond on most hosts. */
#include "host/hostsource.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ctfw/hostclock.h"
#include "ctfw/netlink.h"
#include "ctfw/steer.h"

#define QUIET_MS 50 /* between the first change and the dump */
#define SHARE 10    /* a dump may take one part of so many of the time */
#define DUMP_TRIES 5

/* Preference among tables, above the metric. */
enum route_class {
	CLASS_MAIN = 0,
	CLASS_DEFAULT,
	CLASS_OTHER,
	CLASS_PORT,
};
#define CLASS_SHIFT 30
#define CLASS_METRIC_MAX ((1u << CLASS_SHIFT) - 1)

/* What one hostview is made of. */
struct rows {
	struct hostview_link *links;
	struct hostview_addr *addrs;
	struct hostview_route *routes;
	size_t n_links, n_addrs, n_routes;
	size_t cap_links, cap_addrs, cap_routes;
	bool failed;
};

struct hostsource {
	struct netlink nl;
	struct nl_sock *watch;
	struct event *readable, *due;
	uint32_t table;
	char (*ports)[IFNAMSIZ];
	uint32_t *port_indices; /* of those that there are; n_seen of n_ports */
	size_t n_ports, n_seen;
	struct rows rows; /* of the last hostview */
	struct rows next; /* being dumped */
	unsigned wait_ms;
	hostsource_changed *changed;
	void *arg;
};

/* ---- rows ---- */

static void rows_fini(struct rows *r)
{
	free(r->links);
	free(r->addrs);
	free(r->routes);
	memset(r, 0, sizeof(*r));
}

/* Room for one more, zeroed; NULL when out of memory. */
static void *grow(struct rows *r, void **v, size_t *n, size_t *cap, size_t size)
{
	void *item;

	if (*n == *cap) {
		size_t more = *cap ? 2 * *cap : 16;
		void *bigger = reallocarray(*v, more, size);

		if (!bigger) {
			r->failed = true;
			return NULL;
		}
		*v = bigger;
		*cap = more;
	}
	item = (char *)*v + (*n)++ * size;
	return memset(item, 0, size);
}
#define ROW(r, what) \
	grow(r, (void **)&(r)->what, &(r)->n_##what, &(r)->cap_##what, sizeof(*(r)->what))

static bool same_rows(const void *a, size_t n_a, const void *b, size_t n_b, size_t size)
{
	return n_a == n_b && (!n_a || !memcmp(a, b, n_a * size));
}

/* Rows are zeroed before they are filled in, so padding compares too. */
static bool rows_equal(const struct rows *a, const struct rows *b)
{
	return same_rows(a->links, a->n_links, b->links, b->n_links, sizeof(*a->links)) &&
	       same_rows(a->addrs, a->n_addrs, b->addrs, b->n_addrs, sizeof(*a->addrs)) &&
	       same_rows(a->routes, a->n_routes, b->routes, b->n_routes, sizeof(*a->routes));
}

/* ---- from messages to rows ---- */

static void take_link(void *arg, const struct nlmsghdr *msg)
{
	struct hostsource *s = arg;
	struct hostview_link *row;
	struct netlink_link link;
	size_t i;

	if (!netlink_parse_link(msg, &link))
		return;
	for (i = 0; i < s->n_ports && s->n_seen < s->n_ports; i++) {
		if (!strncmp(link.name, s->ports[i], IFNAMSIZ))
			s->port_indices[s->n_seen++] = link.index;
	}
	row = ROW(&s->next, links);
	if (!row)
		return;
	row->index = link.index;
	row->mtu = link.mtu;
	memcpy(row->name, link.name, sizeof(row->name));
	row->type = link.type;
	row->group = link.group;
	row->down = !(link.flags & IFF_UP);
	memcpy(row->kind, link.kind, sizeof(row->kind));
}

/* An address may speak for its interface, as inet_select_addr() and RFC 6724 have it. */
static void take_addr(void *arg, const struct nlmsghdr *msg)
{
	struct hostsource *s = arg;
	const struct ifaddrmsg *hdr = nlmsg_data(msg);
	struct nlattr *tb[IFA_MAX + 1];
	uint8_t l3 = netlink_l3(hdr->ifa_family);
	struct hostview_addr *row;
	uint32_t flags;

	if (msg->nlmsg_type != RTM_NEWADDR || l3 == L3_NONE ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, IFA_MAX, NULL) < 0)
		return;
	flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : hdr->ifa_flags;
	/* One that is not yet, or will never be, the host's. */
	if (flags & (IFA_F_DADFAILED | IFA_F_TENTATIVE) && !(flags & IFA_F_OPTIMISTIC))
		return;
	row = ROW(&s->next, addrs);
	if (!row)
		return;
	row->prefix.family = l3;
	row->prefix.len = (uint8_t)addr_bits(l3);
	/* IFA_ADDRESS is the peer's on a point-to-point link. */
	row->prefix.addr = netlink_get_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]);
	row->ifindex = hdr->ifa_index;
	row->kind = HOSTVIEW_LOCAL;
	/* IPv4 goes on to speak by a deprecated one; IFA_F_TEMPORARY of IPv6 is the same bit as
	 * IFA_F_SECONDARY. */
	row->primary = hdr->ifa_scope == RT_SCOPE_UNIVERSE && !(flags & IFA_F_SECONDARY) &&
		       (l3 == L3_IPV4 || !(flags & IFA_F_DEPRECATED));
	row->subnet.family = l3;
	row->subnet.len = hdr->ifa_prefixlen;
	row->subnet.addr = netlink_get_addr(tb[IFA_ADDRESS] ? tb[IFA_ADDRESS] : tb[IFA_LOCAL]);
}

static enum hostview_kind local_kind(uint8_t type)
{
	switch (type) {
	case RTN_LOCAL:
		return HOSTVIEW_LOCAL;
	case RTN_BROADCAST:
		return HOSTVIEW_BROADCAST;
	case RTN_ANYCAST:
		return HOSTVIEW_ANYCAST;
	default:
		return HOSTVIEW_NONE;
	}
}

/* The way out; of several, the first that is alive.  0 and true: to nowhere.  False: not a
 * way at all (throw, multicast, a dead link). */
static bool way_out(const struct rtmsg *hdr, struct nlattr *const *tb, uint32_t *ret_ifindex,
		    union addr *ret_gateway)
{
	const struct rtnexthop *hop;
	int left;

	if (hdr->rtm_type == RTN_UNREACHABLE || hdr->rtm_type == RTN_BLACKHOLE ||
	    hdr->rtm_type == RTN_PROHIBIT) {
		*ret_ifindex = 0;
		return true;
	}
	if (hdr->rtm_type != RTN_UNICAST || hdr->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD))
		return false;
	if (tb[RTA_OIF]) {
		*ret_ifindex = nla_get_u32(tb[RTA_OIF]);
		*ret_gateway = netlink_get_addr(tb[RTA_GATEWAY]);
		return true;
	}
	if (!tb[RTA_MULTIPATH])
		return false;
	hop = nla_data(tb[RTA_MULTIPATH]);
	left = nla_len(tb[RTA_MULTIPATH]);
	while (RTNH_OK(hop, left)) {
		if (!(hop->rtnh_flags & RTNH_F_DEAD)) {
			*ret_ifindex = (uint32_t)hop->rtnh_ifindex;
			*ret_gateway = netlink_get_addr(
				nla_find((const struct nlattr *)RTNH_DATA(hop),
					 hop->rtnh_len - (int)sizeof(*hop), RTA_GATEWAY));
			return true;
		}
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return false;
}

static bool is_port(const struct hostsource *s, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < s->n_seen; i++) {
		if (s->port_indices[i] == ifindex)
			return true;
	}
	return false;
}

static uint32_t preference(const struct hostsource *s, uint32_t table, uint32_t ifindex,
			   uint32_t metric)
{
	enum route_class c = CLASS_OTHER;

	if (is_port(s, ifindex))
		c = CLASS_PORT;
	else if (table == RT_TABLE_MAIN)
		c = CLASS_MAIN;
	else if (table == RT_TABLE_DEFAULT)
		c = CLASS_DEFAULT;
	return (uint32_t)c << CLASS_SHIFT |
	       (metric < CLASS_METRIC_MAX ? metric : CLASS_METRIC_MAX);
}

static void take_local(struct hostsource *s, const struct prefix *to, uint32_t ifindex,
		       enum hostview_kind kind)
{
	struct hostview_addr *row = ROW(&s->next, addrs);

	if (!row)
		return;
	row->prefix = *to;
	row->ifindex = ifindex;
	row->kind = (uint8_t)kind;
}

static void take_route(void *arg, const struct nlmsghdr *msg)
{
	struct hostsource *s = arg;
	const struct rtmsg *hdr = nlmsg_data(msg);
	struct nlattr *tb[RTA_MAX + 1];
	struct prefix to = { .family = netlink_l3(hdr->rtm_family), .len = hdr->rtm_dst_len };
	struct hostview_route *row;
	union addr gateway = { 0 };
	uint32_t table, metric, ifindex;

	/* A route for certain sources or a type of service says nothing of the rest. */
	if (msg->nlmsg_type != RTM_NEWROUTE || to.family == L3_NONE || hdr->rtm_src_len ||
	    hdr->rtm_tos ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, RTA_MAX, NULL) < 0)
		return;
	to.addr = netlink_get_addr(tb[RTA_DST]);
	table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : hdr->rtm_table;
	metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	/* Of a captured interface's own table. */
	if (metric == STEER_OWN_METRIC || metric == STEER_LAST_METRIC)
		return;
	if (local_kind(hdr->rtm_type) != HOSTVIEW_NONE) {
		take_local(s, &to, tb[RTA_OIF] ? nla_get_u32(tb[RTA_OIF]) : 0,
			   local_kind(hdr->rtm_type));
		return;
	}
	if (table == s->table || !way_out(hdr, tb, &ifindex, &gateway))
		return;
	row = ROW(&s->next, routes);
	if (!row)
		return;
	row->prefix = to;
	row->ifindex = ifindex;
	row->gateway = gateway;
	row->metric = preference(s, table, ifindex, metric);
}

/* ---- dumps ---- */

static int dump_all(struct hostsource *s)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct ifaddrmsg addr = { .ifa_family = AF_UNSPEC };
	struct rtmsg route = { .rtm_family = AF_INET };
	int err;

	s->next.n_links = s->next.n_addrs = s->next.n_routes = 0;
	s->next.failed = false;
	s->n_seen = 0;
	err = netlink_dump(&s->nl, netlink_message(RTM_GETLINK, 0, &link, sizeof(link)),
			   take_link, s);
	if (!err)
		err = netlink_dump(&s->nl, netlink_message(RTM_GETADDR, 0, &addr, sizeof(addr)),
				   take_addr, s);
	if (!err)
		err = netlink_dump(&s->nl,
				   netlink_message(RTM_GETROUTE, 0, &route, sizeof(route)),
				   take_route, s);
	route.rtm_family = AF_INET6;
	if (!err)
		err = netlink_dump(&s->nl,
				   netlink_message(RTM_GETROUTE, 0, &route, sizeof(route)),
				   take_route, s);
	if (!err && s->next.failed)
		err = -ENOMEM;
	return err;
}

/* Call back, unless nothing that we know of has changed. */
static int renew(struct hostsource *s)
{
	const struct rows *r = &s->next;
	struct rows former = s->rows;
	uint64_t start = hostclock_mono();
	struct hostview *hv;
	unsigned took;
	int err, tries = DUMP_TRIES;

	do {
		err = dump_all(s);
	} while (err == -EAGAIN && --tries);
	took = (unsigned)((hostclock_mono() - start) / NSEC_PER_MSEC);
	s->wait_ms = took * SHARE > QUIET_MS ? took * SHARE : QUIET_MS;
	if (err || (former.links && rows_equal(&former, r)))
		return err;
	hv = hostview_new(r->links, r->n_links, r->addrs, r->n_addrs, r->routes, r->n_routes);
	if (!hv)
		return -ENOMEM;
	s->rows = s->next;
	s->next = former;
	s->changed(s->arg, hv);
	return 0;
}

/* ---- changes ---- */

static void arm(struct hostsource *s)
{
	struct timeval tv = { .tv_sec = s->wait_ms / 1000,
			      .tv_usec = (suseconds_t)(s->wait_ms % 1000) * 1000 };

	if (!evtimer_pending(s->due, NULL))
		evtimer_add(s->due, &tv);
}

/* An error (no memory, routes in motion) is not the end: the last view holds meanwhile. */
static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct hostsource *s = arg;

	(void)fd;
	(void)what;
	if (renew(s))
		arm(s);
}

/* ENOBUFS: more was said than fits.  That is a change too. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct hostsource *s = arg;
	char said[8192];
	ssize_t n;

	(void)what;
	do {
		n = recv(fd, said, sizeof(said), MSG_DONTWAIT | MSG_TRUNC);
	} while (n > 0 || (n < 0 && (errno == ENOBUFS || errno == EINTR)));
	arm(s);
}

static int watch(struct hostsource *s, struct event_base *base)
{
	int err;

	s->watch = nl_socket_alloc();
	if (!s->watch)
		return -ENOMEM;
	nl_socket_disable_seq_check(s->watch);
	err = nl_connect(s->watch, NETLINK_ROUTE);
	if (!err)
		err = nl_socket_set_nonblocking(s->watch);
	if (!err)
		err = nl_socket_add_memberships(s->watch, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
						RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
						RTNLGRP_IPV6_ROUTE, RTNLGRP_NONE);
	if (err)
		return -EIO;
	s->readable = event_new(base, nl_socket_get_fd(s->watch), EV_READ | EV_PERSIST,
				on_readable, s);
	s->due = evtimer_new(base, on_due, s);
	if (!s->readable || !s->due || event_add(s->readable, NULL))
		return -ENOMEM;
	return 0;
}

int hostsource_new(struct event_base *base, const struct hostsource_options *options,
		   hostsource_changed *changed, void *arg, struct hostsource **ret_source)
{
	struct hostsource *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->table = options->table;
	s->changed = changed;
	s->arg = arg;
	s->n_ports = options->n_ports;
	s->ports = calloc(s->n_ports + 1, sizeof(*s->ports));
	s->port_indices = calloc(s->n_ports + 1, sizeof(*s->port_indices));
	if (!s->ports || !s->port_indices) {
		err = -ENOMEM;
		goto out;
	}
	if (s->n_ports)
		memcpy(s->ports, options->ports, s->n_ports * sizeof(*s->ports));
	err = netlink_open(&s->nl);
	/* Watch first: what changes during the first dump is not missed. */
	if (!err && base)
		err = watch(s, base);
	if (!err)
		err = renew(s);
out:
	if (err)
		hostsource_free(s);
	else
		*ret_source = s;
	return err;
}

void hostsource_free(struct hostsource *s)
{
	if (!s)
		return;
	if (s->readable)
		event_free(s->readable);
	if (s->due)
		event_free(s->due);
	nl_socket_free(s->watch);
	netlink_close(&s->nl);
	rows_fini(&s->rows);
	rows_fini(&s->next);
	free(s->port_indices);
	free(s->ports);
	free(s);
}
