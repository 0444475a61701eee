/* steer_route.c - the routing table that is the daemon's own.
 *
 * Routes into a TUN vanish with it.  What then catches the traffic are the unreachable
 * routes behind them, so a killed daemon leaves these and nothing else; the default alone
 * would not do with several captures, since wg0's networks would then go to wg1-out by its
 * default.
 *
 * The table holds nothing else: were it somebody's, our unreachable default would cut them
 * off, so that is refused. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_private.h"

struct route {
	struct prefix to;
	uint8_t type; /* RTN_UNREACHABLE or RTN_UNICAST */
	uint32_t oif;
	uint32_t metric;
	union addr source; /* zero: none */
};

static struct nl_msg *encode(const struct steer *s, const struct route *r, int type)
{
	struct rtmsg hdr = {
		.rtm_family = (uint8_t)netlink_family(r->to.family),
		.rtm_dst_len = r->to.len,
		.rtm_table = s->config.table < 256 ? (uint8_t)s->config.table : RT_TABLE_UNSPEC,
		.rtm_protocol = (uint8_t)s->config.protocol,
		.rtm_scope = r->type == RTN_UNICAST ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = r->type,
	};
	int flags = type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nl_msg *msg = netlink_message(type, flags, &hdr, sizeof(hdr));
	int err;

	if (!msg)
		return NULL;
	err = nla_put_u32(msg, RTA_TABLE, s->config.table);
	err |= netlink_put_addr(msg, RTA_DST, r->to.family, &r->to.addr);
	if (r->metric)
		err |= nla_put_u32(msg, RTA_PRIORITY, r->metric);
	if (r->oif)
		err |= nla_put_u32(msg, RTA_OIF, r->oif);
	if (!addr_is_zero(&r->source))
		err |= netlink_put_addr(msg, RTA_PREFSRC, r->to.family, &r->source);
	if (err) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* ---- what the table holds ---- */

struct table {
	const struct steer *steer;
	uint8_t l3;
	struct route *last; /* ours, unreachable */
	size_t n;
	bool failed;
	struct prefix foreign; /* one route of others; family 0: none */
};

static bool is_port(const struct steer *s, uint32_t index)
{
	size_t i;

	for (i = 0; i < s->n_captures; i++) {
		if (index == s->captures[i].in_index || index == s->captures[i].out_index)
			return true;
	}
	return false;
}

static void decode(void *arg, const struct nlmsghdr *msg)
{
	struct table *t = arg;
	const struct rtmsg *hdr = nlmsg_data(msg);
	struct nlattr *tb[RTA_MAX + 1];
	struct route r = { .type = 0 }, *v;
	uint32_t table;

	if (msg->nlmsg_type != RTM_NEWROUTE || netlink_l3(hdr->rtm_family) != t->l3 ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, RTA_MAX, NULL) < 0)
		return;
	table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : hdr->rtm_table;
	if (table != t->steer->config.table || hdr->rtm_flags & RTM_F_CLONED)
		return;
	r.to.family = t->l3;
	r.to.len = hdr->rtm_dst_len;
	r.to.addr = netlink_get_addr(tb[RTA_DST]);
	r.type = hdr->rtm_type;
	r.metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	if (r.type == RTN_UNICAST && tb[RTA_OIF] && is_port(t->steer, nla_get_u32(tb[RTA_OIF])))
		return;
	if (r.type != RTN_UNREACHABLE || r.metric != STEER_LAST_METRIC ||
	    hdr->rtm_protocol != t->steer->config.protocol) {
		t->foreign = r.to;
		return;
	}
	v = reallocarray(t->last, t->n + 1, sizeof(*v));
	if (!v) {
		t->failed = true;
		return;
	}
	t->last = v;
	t->last[t->n++] = r;
}

static int read_table(struct steer *s, uint8_t l3, struct table *ret_table)
{
	struct rtmsg hdr = { .rtm_family = (uint8_t)netlink_family(l3) };
	int err, tries = 5;

	do {
		struct nl_msg *msg = netlink_message(RTM_GETROUTE, 0, &hdr, sizeof(hdr));

		/* The kernel picks the table's routes, where it can. */
		if (msg && nla_put_u32(msg, RTA_TABLE, s->config.table) < 0) {
			nlmsg_free(msg);
			msg = NULL;
		}
		free(ret_table->last);
		*ret_table = (struct table){ .steer = s, .l3 = l3 };
		err = netlink_dump(&s->nl, msg, decode, ret_table);
	} while (err == -EAGAIN && --tries);
	/* No such table yet. */
	if (err == -ENOENT)
		err = 0;
	if (!err && ret_table->failed)
		err = -ENOMEM;
	return err ? steer_fail(s, err, "cannot list routing table %u", s->config.table) : 0;
}

/* ---- closed ---- */

/* One that is there already is fine: a network may be behind two captures. */
static int add(struct steer *s, const struct route *r)
{
	char buf[PREFIX_TEXT];
	int err = netlink_call(&s->nl, encode(s, r, RTM_NEWROUTE));

	if (err == -EEXIST)
		return 0;
	if (err)
		steer_fail(s, err, "cannot add a route to %s in table %u",
			   prefix_print(&r->to, buf), s->config.table);
	return err;
}

static bool holds(const struct table *t, const struct prefix *to)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (t->last[i].to.len == to->len && addr_equal(&t->last[i].to.addr, &to->addr))
			return true;
	}
	return false;
}

static int close_one(struct steer *s, const struct table *t, struct prefix to)
{
	struct route r = { .to = to, .type = RTN_UNREACHABLE, .metric = STEER_LAST_METRIC };

	return holds(t, &to) ? 0 : add(s, &r);
}

static bool is_wanted(const struct steer *s, const struct prefix *to)
{
	size_t i, k;

	for (i = 0; to->len && i < s->n_captures; i++) {
		const struct config_networks *n = &s->captures[i].config.networks;

		for (k = 0; k < n->n; k++) {
			if (n->p[k].family == to->family && n->p[k].len == to->len &&
			    addr_equal(&n->p[k].addr, &to->addr))
				return true;
		}
	}
	return !to->len;
}

/* What a former configuration named would cut a hole into a larger network of this one. */
static void remove_stale(struct steer *s, const struct table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (!is_wanted(s, &t->last[i].to))
			netlink_call(&s->nl, encode(s, &t->last[i], RTM_DELROUTE));
	}
}

static int close_family(struct steer *s, uint8_t l3)
{
	struct table t = { .last = NULL };
	struct prefix all = { .family = l3 };
	char buf[PREFIX_TEXT];
	size_t i, k;
	int err;

	err = read_table(s, l3, &t);
	if (!err && t.foreign.family) {
		err = steer_fail(s, -EEXIST, "routing table %u is in use: it has a route to %s",
				 s->config.table, prefix_print(&t.foreign, buf));
		diag_hint(s->d, "set \"table\" in [steer] to a table that nobody uses");
	}
	if (!err)
		err = close_one(s, &t, all);
	for (i = 0; i < s->n_captures; i++) {
		const struct config_networks *n = &s->captures[i].config.networks;

		for (k = 0; !err && k < n->n; k++) {
			if (n->p[k].family == l3 && n->p[k].len)
				err = close_one(s, &t, n->p[k]);
		}
	}
	if (!err)
		remove_stale(s, &t);
	free(t.last);
	return err;
}

int steer_route_close(struct steer *s)
{
	int err = close_family(s, L3_IPV4);

	if (!err && s->has_ipv6)
		err = close_family(s, L3_IPV6);
	return err;
}

/* ---- open ---- */

/* The host's address to speak with to a network: one within it, else one of the captured
 * interface's own (a network routed behind it). */
struct speaker {
	const struct steer_capture *capture;
	const struct prefix *network;
	union addr addr;
	unsigned rank; /* 0: none found */
};

static void consider(void *arg, const struct nlmsghdr *msg)
{
	struct speaker *s = arg;
	const struct ifaddrmsg *hdr = nlmsg_data(msg);
	struct nlattr *tb[IFA_MAX + 1];
	uint8_t l3 = s->network->family;
	union addr addr;
	unsigned rank = 0;
	uint32_t flags;

	if (msg->nlmsg_type != RTM_NEWADDR || netlink_l3(hdr->ifa_family) != l3 ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, IFA_MAX, NULL) < 0)
		return;
	flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : hdr->ifa_flags;
	if (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) || hdr->ifa_scope > RT_SCOPE_SITE)
		return;
	addr = netlink_get_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]);
	if (hdr->ifa_index == s->capture->link.index)
		rank = 1;
	if (prefix_contains(s->network, l3, &addr))
		rank += 2;
	if (rank > s->rank) {
		s->rank = rank;
		s->addr = addr;
	}
}

static int find_source(struct steer *s, const struct steer_capture *c,
		       const struct prefix *network, union addr *ret_addr)
{
	struct ifaddrmsg hdr = { .ifa_family = (uint8_t)netlink_family(network->family) };
	struct speaker speaker = { .capture = c, .network = network };
	int err, tries = 5;

	do {
		err = netlink_dump(&s->nl, netlink_message(RTM_GETADDR, 0, &hdr, sizeof(hdr)),
				   consider, &speaker);
	} while (err == -EAGAIN && --tries);
	if (err)
		return steer_fail(s, err, "cannot list addresses");
	*ret_addr = speaker.addr;
	return 0;
}

/* The n-th capture's.  Defaults of several stand behind each other; none is ever used for a
 * captured network, which has its own routes.  0 is no metric in IPv6. */
static int open_family(struct steer *s, const struct steer_capture *c, uint32_t n, uint8_t l3)
{
	struct route r = { .to = { .family = l3 },
			   .type = RTN_UNICAST,
			   .oif = c->out_index,
			   .metric = n + 1 };
	size_t i;
	int err;

	if (!steer_capture_has(c, l3))
		return 0;
	err = add(s, &r);
	for (i = 0; !err && i < c->config.networks.n; i++) {
		r.to = c->config.networks.p[i];
		if (r.to.family != l3 || !r.to.len)
			continue;
		err = find_source(s, c, &r.to, &r.source);
		if (!err)
			err = add(s, &r);
	}
	return err;
}

int steer_route_open(struct steer *s)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < s->n_captures; i++) {
		err = open_family(s, &s->captures[i], (uint32_t)i, L3_IPV4);
		if (!err)
			err = open_family(s, &s->captures[i], (uint32_t)i, L3_IPV6);
	}
	return err;
}

/* Those into the TUNs go with them, a moment later. */
void steer_route_down(struct steer *s)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };
	struct table t;
	size_t f, i;

	for (f = 0; f < sizeof(families); f++) {
		t = (struct table){ .last = NULL };
		if (!steer_has_family(s, families[f]))
			continue;
		if (!read_table(s, families[f], &t)) {
			for (i = 0; i < t.n; i++)
				netlink_call(&s->nl, encode(s, &t.last[i], RTM_DELROUTE));
		}
		free(t.last);
	}
}
