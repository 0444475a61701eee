/* check_facts.c - the host's links, addresses, routes and rules, as the kernel lists them.
 *
 * A host may have a million routes: only those that a check could ask about are kept, and no
 * more than ROUTES_MAX. */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/check.h"

#define ROUTES_MAX 10000
#define TRIES 5 /* at a dump that is not of one moment */

/* Room for one more of an array; NULL: out of memory, and said so. */
#define GROW(c, array, n)                                                                     \
	__extension__({                                                                       \
		__typeof__(array) grown_ = reallocarray(array, (n) + 1, sizeof(*(array)));    \
		if (grown_)                                                                   \
			(array) = grown_;                                                     \
		else                                                                          \
			(c)->failed = true;                                                   \
		grown_ ? &(array)[(n)++] : NULL;                                              \
	})

const struct check_link *check_link_named(const struct checker *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->host.n_links; i++) {
		if (!strcmp(c->host.links[i].link.name, name))
			return &c->host.links[i];
	}
	return NULL;
}

const struct check_link *check_link_at(const struct checker *c, uint32_t index)
{
	size_t i;

	for (i = 0; index && i < c->host.n_links; i++) {
		if (c->host.links[i].link.index == index)
			return &c->host.links[i];
	}
	return NULL;
}

const char *check_link_name(const struct checker *c, uint32_t index)
{
	const struct check_link *l = check_link_at(c, index);

	return l ? l->link.name : "none";
}

bool check_stays_with_kernel(uint8_t l3, const union addr *a)
{
	static const struct prefix link_local = { L3_IPV6, 10, { { 0xfe, 0x80 } } };

	return addr_is_multicast(l3, a) || prefix_contains(&link_local, l3, a);
}

const struct check_address *check_next_address(const struct checker *c, uint32_t index,
					       const struct check_address *before)
{
	const struct check_address *a = before ? before + 1 : c->host.addresses;

	for (; c->host.n_addresses && a < c->host.addresses + c->host.n_addresses; a++) {
		if (a->index == index && !check_stays_with_kernel(a->family, &a->addr))
			return a;
	}
	return NULL;
}

const char *check_port(const struct config *config, size_t i)
{
	if (i < 2 * config->n_captures)
		return i % 2 ? config->captures[i / 2].out_name : config->captures[i / 2].in_name;
	i -= 2 * config->n_captures;
	return i < config->n_tuns ? config->tuns[i].ifname : NULL;
}

bool check_is_port(const struct checker *c, const char *name)
{
	const char *port;
	size_t i;

	for (i = 0; (port = check_port(c->config, i)); i++) {
		if (!strcmp(port, name))
			return true;
	}
	return false;
}

const struct config_capture *check_capture(const struct checker *c, const char *ifname)
{
	size_t i;

	for (i = 0; i < c->config->n_captures; i++) {
		if (!strcmp(c->config->captures[i].ifname, ifname))
			return &c->config->captures[i];
	}
	return NULL;
}

/* ---- dumps ---- */

int check_dump(struct netlink *nl, int type, const void *header, size_t len,
	       void (*begin)(void *arg), netlink_each *each, void *arg)
{
	int err, tries = TRIES;

	do {
		begin(arg);
		err = netlink_dump(nl, netlink_message(type, 0, header, len), each, arg);
	} while (err == -EAGAIN && --tries);
	return err;
}

int check_dump_filters(struct checker *c, uint32_t index, void (*begin)(void *arg),
		       netlink_each *each, void *arg)
{
	struct tcmsg hdr = {
		.tcm_ifindex = (int)index,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	};
	int err = check_dump(&c->nl, RTM_GETTFILTER, &hdr, sizeof(hdr), begin, each, arg);

	/* Without a qdisc, or without the interface, there are none. */
	return err == -EINVAL || err == -ENOENT || err == -ENODEV ? 0 : err;
}

/* ---- one message of each ---- */

static bool runs_program(struct nlattr *xdp)
{
	struct nlattr *attached;

	if (!xdp)
		return false;
	attached = nla_find(nla_data(xdp), nla_len(xdp), IFLA_XDP_ATTACHED);
	return attached && nla_get_u8(attached) != XDP_ATTACHED_NONE;
}

static void keep_link(void *arg, const struct nlmsghdr *msg)
{
	struct checker *c = arg;
	struct nlattr *tb[IFLA_MAX + 1];
	struct netlink_link link;
	struct check_link *l;

	if (!netlink_parse_link(msg, &link) ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(struct ifinfomsg), tb, IFLA_MAX,
			NULL) < 0)
		return;
	l = GROW(c, c->host.links, c->host.n_links);
	if (!l)
		return;
	*l = (struct check_link){
		.link = link,
		.master = tb[IFLA_MASTER] ? nla_get_u32(tb[IFLA_MASTER]) : 0,
		.xdp = runs_program(tb[IFLA_XDP]),
	};
	/* An index of another namespace says nothing here. */
	if (tb[IFLA_LINK] && !tb[IFLA_LINK_NETNSID])
		l->lower = nla_get_u32(tb[IFLA_LINK]);
}

static void keep_address(void *arg, const struct nlmsghdr *msg)
{
	struct checker *c = arg;
	const struct ifaddrmsg *hdr = nlmsg_data(msg);
	struct nlattr *tb[IFA_MAX + 1];
	struct check_address *a;

	if (msg->nlmsg_type != RTM_NEWADDR || netlink_l3(hdr->ifa_family) != c->host.loading ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, IFA_MAX, NULL) < 0)
		return;
	a = GROW(c, c->host.addresses, c->host.n_addresses);
	if (!a)
		return;
	*a = (struct check_address){
		.index = hdr->ifa_index,
		.family = netlink_l3(hdr->ifa_family),
		.len = hdr->ifa_prefixlen,
		.addr = netlink_get_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]),
	};
}

static bool is_of_interest(const struct checker *c, const struct check_route *r)
{
	size_t i, k;

	if (check_capture(c, check_link_name(c, r->oif)))
		return true;
	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];

		for (k = 0; k < cap->networks.n; k++) {
			if (prefix_overlaps(&cap->networks.p[k], &r->to))
				return true;
		}
	}
	return false;
}

static void keep_way(struct checker *c, const struct check_route *r)
{
	struct check_route *kept;

	if (!is_of_interest(c, r))
		return;
	if (c->host.n_routes == ROUTES_MAX) {
		c->host.cut = true;
		return;
	}
	kept = GROW(c, c->host.routes, c->host.n_routes);
	if (kept)
		*kept = *r;
}

/* A route with several ways. */
static void keep_ways(struct checker *c, struct check_route *r, struct nlattr *ways)
{
	const struct rtnexthop *way = nla_data(ways);
	int left = nla_len(ways), step;

	for (; left >= (int)sizeof(*way) && RTNH_OK(way, left); left -= step) {
		r->oif = (uint32_t)way->rtnh_ifindex;
		keep_way(c, r);
		step = (int)RTNH_ALIGN(way->rtnh_len);
		way = RTNH_NEXT(way);
	}
}

static void keep_route(void *arg, const struct nlmsghdr *msg)
{
	struct checker *c = arg;
	const struct rtmsg *hdr = nlmsg_data(msg);
	struct nlattr *tb[RTA_MAX + 1];
	struct check_route r;

	if (msg->nlmsg_type != RTM_NEWROUTE || netlink_l3(hdr->rtm_family) != c->host.loading ||
	    hdr->rtm_flags & RTM_F_CLONED ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, RTA_MAX, NULL) < 0)
		return;
	r = (struct check_route){
		.to = { netlink_l3(hdr->rtm_family), hdr->rtm_dst_len,
			netlink_get_addr(tb[RTA_DST]) },
		.table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : hdr->rtm_table,
		.oif = tb[RTA_OIF] ? nla_get_u32(tb[RTA_OIF]) : 0,
		.type = hdr->rtm_type,
		.protocol = hdr->rtm_protocol,
	};
	if (r.table == RT_TABLE_LOCAL)
		return;
	if (tb[RTA_MULTIPATH])
		keep_ways(c, &r, tb[RTA_MULTIPATH]);
	else
		keep_way(c, &r);
}

/* Selects fewer packets than all those that come in there and go to that place. */
static bool is_limited(const struct fib_rule_hdr *hdr, struct nlattr *const *tb)
{
	static const int attributes[] = { FRA_FWMARK,	FRA_OIFNAME,	 FRA_L3MDEV,
					  FRA_UID_RANGE, FRA_IP_PROTO,	 FRA_TUN_ID,
					  FRA_SPORT_RANGE, FRA_DPORT_RANGE };
	size_t i;

	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (tb[attributes[i]])
			return true;
	}
	return hdr->src_len || hdr->tos || hdr->flags & FIB_RULE_INVERT;
}

static void keep_rule(void *arg, const struct nlmsghdr *msg)
{
	struct checker *c = arg;
	const struct fib_rule_hdr *hdr = nlmsg_data(msg);
	struct nlattr *tb[FRA_MAX + 1];
	struct check_rule *r;

	/* A kernel without IPv6 answers with its IPv4 rules. */
	if (msg->nlmsg_type != RTM_NEWRULE || netlink_l3(hdr->family) != c->host.loading ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, FRA_MAX, NULL) < 0)
		return;
	r = GROW(c, c->host.rules, c->host.n_rules);
	if (!r)
		return;
	*r = (struct check_rule){
		.l3 = netlink_l3(hdr->family),
		.action = hdr->action,
		.protocol = tb[FRA_PROTOCOL] ? nla_get_u8(tb[FRA_PROTOCOL]) : 0,
		.pref = tb[FRA_PRIORITY] ? nla_get_u32(tb[FRA_PRIORITY]) : 0,
		.table = tb[FRA_TABLE] ? nla_get_u32(tb[FRA_TABLE]) : hdr->table,
		.target = tb[FRA_GOTO] ? nla_get_u32(tb[FRA_GOTO]) : 0,
		.suppress = -1,
		.to = { netlink_l3(hdr->family), hdr->dst_len, netlink_get_addr(tb[FRA_DST]) },
		.limited = is_limited(hdr, tb),
		.place = c->host.n_rules,
	};
	if (tb[FRA_SUPPRESS_PREFIXLEN])
		r->suppress = (int32_t)nla_get_u32(tb[FRA_SUPPRESS_PREFIXLEN]);
	/* `not` turns all of a rule's selectors around. */
	if (hdr->flags & FIB_RULE_INVERT)
		r->to.len = 0;
	else if (tb[FRA_IIFNAME])
		nla_strlcpy(r->iif, tb[FRA_IIFNAME], sizeof(r->iif));
}

/* ---- all of them ---- */

union header {
	struct ifinfomsg link;
	struct ifaddrmsg address;
	struct rtmsg route;
	struct fib_rule_hdr rule;
};

static const struct {
	int type;
	size_t header;
	size_t family; /* where it stands in the header */
	netlink_each *keep;
} kinds[] = {
	{ RTM_GETLINK, sizeof(struct ifinfomsg), offsetof(struct ifinfomsg, ifi_family),
	  keep_link },
	{ RTM_GETADDR, sizeof(struct ifaddrmsg), offsetof(struct ifaddrmsg, ifa_family),
	  keep_address },
	{ RTM_GETROUTE, sizeof(struct rtmsg), offsetof(struct rtmsg, rtm_family), keep_route },
	{ RTM_GETRULE, sizeof(struct fib_rule_hdr), offsetof(struct fib_rule_hdr, family),
	  keep_rule },
};

/* -EAGAIN: something changed meanwhile. */
static int load(struct checker *c)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };
	bool unsteady = false;
	size_t i, f;
	int err = 0;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (f = 0; !err && f < sizeof(families); f++) {
			union header header = { 0 };
			uint8_t *bytes = (uint8_t *)&header;
			struct nl_msg *msg;

			c->host.loading = families[f];
			bytes[kinds[i].family] = (uint8_t)netlink_family(families[f]);
			/* Links are of no family. */
			if (kinds[i].type == RTM_GETLINK)
				bytes[kinds[i].family] = AF_UNSPEC;
			if (kinds[i].type == RTM_GETLINK && f)
				continue;
			msg = netlink_message(kinds[i].type, 0, &header, kinds[i].header);
			err = netlink_dump(&c->nl, msg, kinds[i].keep, c);
			if (err == -EAGAIN)
				unsteady = true;
			if (err == -EAGAIN || err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
				err = 0;
		}
	}
	return err ? err : c->failed ? -ENOMEM : unsteady ? -EAGAIN : 0;
}

int check_host_load(struct checker *c)
{
	int err, tries = TRIES;

	do {
		check_host_fini(&c->host);
		err = load(c);
	} while (err == -EAGAIN && --tries);
	/* What was heard of at the last try is most of it, and better than nothing. */
	c->host.unsteady = err == -EAGAIN;
	return err == -EAGAIN ? 0 : err;
}

void check_host_fini(struct check_host *h)
{
	free(h->links);
	free(h->addresses);
	free(h->routes);
	free(h->rules);
	memset(h, 0, sizeof(*h));
}
