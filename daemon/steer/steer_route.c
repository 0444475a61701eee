/* steer_route.c - the routing tables that are the daemon's own.
 *
 * Routes into a TUN vanish with it.  What then catches the traffic are the unreachable
 * routes behind them, so a killed daemon leaves these and nothing else; the default alone
 * would not do with several captures, since wg0's networks would then go to wg1-out by its
 * default.
 *
 * A capture may have a table of its own besides, for what enters its interface: there the
 * host's own addresses on that interface are found, while it is led into its TUN.  And it has
 * one for the kernel's look at its clients' sources.
 *
 * The tables hold nothing else: were the first one somebody's, our unreachable default would
 * cut them off, and were another, what they have in it would lead around us.  The former is
 * refused, and so is a capture's own when it is needed; one for sources is done without. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_private.h"

/* Where what it leads to is: beyond, on the link, in this host.  What closes leads beyond, so
 * that it is passed over when the kernel looks for a gateway, on the link at least: others add
 * routes by clients while the interface is not led (OpenVPN's `route`). */
static uint8_t scope_of(const struct plan_route *r)
{
	if (r->metric == STEER_LAST_METRIC)
		return RT_SCOPE_UNIVERSE;
	if (r->type == RTN_LOCAL)
		return RT_SCOPE_HOST;
	return RT_SCOPE_LINK;
}

static struct nl_msg *encode(const struct plan_route *r, uint8_t l3, uint32_t oif, int type)
{
	struct rtmsg hdr = {
		.rtm_family = (uint8_t)netlink_family(l3),
		.rtm_dst_len = r->to.len,
		.rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
		.rtm_protocol = r->protocol,
		/* One to delete may have another: any will do. */
		.rtm_scope = type == RTM_NEWROUTE ? scope_of(r) : RT_SCOPE_NOWHERE,
		.rtm_type = r->type,
	};
	struct rtnexthop hops[] = {
		{ .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = (int)oif },
		{ .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = (int)r->with },
	};
	/* One of that metric may lead to a TUN that closes in a moment. */
	int how = r->type == RTN_UNICAST ? NLM_F_REPLACE : NLM_F_EXCL;
	int flags = type == RTM_NEWROUTE ? NLM_F_CREATE | how : 0;
	struct nl_msg *msg = netlink_message(type, flags, &hdr, sizeof(hdr));
	int err;

	if (!msg)
		return NULL;
	err = nla_put_u32(msg, RTA_TABLE, r->table);
	err |= netlink_put_addr(msg, RTA_DST, l3, &r->to.addr);
	if (r->metric)
		err |= nla_put_u32(msg, RTA_PRIORITY, r->metric);
	if (r->with)
		err |= nla_put(msg, RTA_MULTIPATH, sizeof(hops), hops);
	else if (oif)
		err |= nla_put_u32(msg, RTA_OIF, oif);
	if (!addr_is_zero(&r->source))
		err |= netlink_put_addr(msg, RTA_PREFSRC, l3, &r->source);
	if (err) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* ---- what the table holds ---- */

/* Of ours, some have two. */
static void decode_hops(const struct nlattr *all, struct view_route *r)
{
	const struct rtnexthop *hop = nla_data(all);
	int left = nla_len(all);

	if (!RTNH_OK(hop, left))
		return;
	r->oif = (uint32_t)hop->rtnh_ifindex;
	left -= (int)RTNH_ALIGN(hop->rtnh_len);
	hop = RTNH_NEXT(hop);
	if (RTNH_OK(hop, left))
		r->route.with = (uint32_t)hop->rtnh_ifindex;
}

static void decode(void *arg, const struct nlmsghdr *msg)
{
	struct view_routes *list = arg;
	const struct rtmsg *hdr = nlmsg_data(msg);
	struct view_route r = { .l3 = netlink_l3(hdr->rtm_family) }, *v;
	struct nlattr *tb[RTA_MAX + 1];

	if (msg->nlmsg_type != RTM_NEWROUTE || r.l3 == L3_NONE ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, RTA_MAX, NULL) < 0)
		return;
	r.route.table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : hdr->rtm_table;
	if (r.route.table != list->table || hdr->rtm_flags & RTM_F_CLONED)
		return;
	r.route.to.family = r.l3;
	r.route.to.len = hdr->rtm_dst_len;
	r.route.to.addr = netlink_get_addr(tb[RTA_DST]);
	r.route.type = hdr->rtm_type;
	r.route.protocol = hdr->rtm_protocol;
	r.route.metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	r.route.source = netlink_get_addr(tb[RTA_PREFSRC]);
	r.scope = hdr->rtm_scope;
	/* IPv6 tells of an unreachable route that it leads to lo. */
	if (r.route.type != RTN_UNREACHABLE && tb[RTA_OIF])
		r.oif = nla_get_u32(tb[RTA_OIF]);
	if (tb[RTA_MULTIPATH])
		decode_hops(tb[RTA_MULTIPATH], &r);
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v) {
		list->failed = true;
		return;
	}
	list->v = v;
	list->v[list->n++] = r;
}

static int read_family(struct steer *s, uint8_t l3, struct view_routes *list)
{
	struct rtmsg hdr = { .rtm_family = (uint8_t)netlink_family(l3) };
	struct nl_msg *msg = netlink_message(RTM_GETROUTE, 0, &hdr, sizeof(hdr));
	int err;

	/* The kernel picks the table's routes, where it can. */
	if (msg && nla_put_u32(msg, RTA_TABLE, list->table) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = netlink_dump(&s->nl, msg, decode, list);
	/* No such table yet. */
	return err == -ENOENT ? 0 : err;
}

static int read_table(struct steer *s, uint32_t table, struct view_routes *list)
{
	int err;

	list->table = table;
	err = read_family(s, L3_IPV4, list);
	if (!err && s->view.has_ipv6)
		err = read_family(s, L3_IPV6, list);
	return err;
}

/* A former configuration may have had more captures. */
static bool may_be_used(const struct steer *s, size_t n, uint32_t table)
{
	const struct view_rules *rules = &s->view.rules;
	size_t i;

	if (n < s->config->n_captures)
		return true;
	for (i = 0; i < rules->n; i++) {
		if (rules->v[i].rule.table == table && steer_rule_is_ours(s, &rules->v[i]))
			return true;
	}
	return false;
}

/* The n-th capture's. */
static int read_captures(struct steer *s, size_t n, struct view_routes *list)
{
	const uint32_t tables[] = { plan_own_table(&s->config->steer, n),
				    plan_source_table(&s->config->steer, n) };
	size_t i;
	int err = 0;

	for (i = 0; !err && i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (may_be_used(s, n, tables[i]))
			err = read_table(s, tables[i], list);
	}
	return err;
}

int steer_route_read(struct steer *s, struct view_routes *ret_routes)
{
	const struct config_steer *c = &s->config->steer;
	struct view_routes list = { .v = NULL };
	int err, tries = 5;
	size_t n;

	do {
		free(list.v);
		list = (struct view_routes){ .v = NULL };
		err = read_table(s, c->table, &list);
		for (n = 0; !err && n < STEER_CAPTURES_MAX; n++)
			err = read_captures(s, n, &list);
	} while (err == -EAGAIN && --tries);
	if (!err && list.failed)
		err = -ENOMEM;
	if (err) {
		free(list.v);
		return steer_fail(s, err, "cannot list routing table %u", list.table);
	}
	*ret_routes = list;
	return 0;
}

static bool leads_to_port(const struct view *v, const struct view_route *r)
{
	size_t i;

	for (i = 0; r->oif && i < v->n_captures; i++) {
		if (r->oif == v->captures[i].in.link.index ||
		    r->oif == v->captures[i].out.link.index)
			return true;
	}
	return false;
}

/* Nobody else has these metrics, and [steer] may have had another protocol.  A way into a TUN
 * of a former configuration is still there until that TUN closes. */
static bool is_ours(const struct steer *s, const struct view_route *r)
{
	switch (r->route.type) {
	case RTN_UNICAST:
		return r->route.metric == STEER_OWN_METRIC || leads_to_port(&s->view, r);
	case RTN_UNREACHABLE:
		return r->route.metric == STEER_LAST_METRIC;
	case RTN_MULTICAST:
		return r->route.metric == STEER_LAST_METRIC ||
		       r->route.metric == STEER_OWN_METRIC;
	case RTN_LOCAL:
		return r->route.metric == STEER_OWN_METRIC;
	default:
		return false;
	}
}

static const struct view_route *find_foreign(const struct steer *s, uint32_t table)
{
	const struct view_routes *list = &s->view.routes;
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (list->v[i].route.table == table && !is_ours(s, &list->v[i]))
			return &list->v[i];
	}
	return NULL;
}

bool steer_route_foreign(const struct steer *s, uint32_t table)
{
	return find_foreign(s, table) != NULL;
}

static int check_table(struct steer *s, uint32_t table, const char *hint)
{
	const struct view_route *r = find_foreign(s, table);
	char buf[PREFIX_TEXT];

	if (!r)
		return 0;
	if (s->d) {
		diag_error(s->d, NULL, "routing table %u is in use: it has a route to %s",
			   table, prefix_print(&r->route.to, buf));
		diag_hint(s->d, "%s", hint);
	}
	return -ENOTRECOVERABLE;
}

int steer_route_check(struct steer *s)
{
	return check_table(s, s->config->steer.table,
			   "set \"table\" in [steer] to a table that nobody uses");
}

int steer_route_check_own(struct steer *s)
{
	int err = 0;
	size_t n;

	for (n = 0; !err && n < s->config->n_captures; n++) {
		if (plan_needs_own_table(s, n, L3_IPV4))
			err = check_table(s, plan_own_table(&s->config->steer, n),
					  "set \"table\" in [steer] to a table that nobody "
					  "uses, nor those behind it: each captured interface "
					  "that speaks ARP has one, and where "
					  "net.ipv4.conf.all.rp_filter is 2 each of them");
	}
	return err;
}

/* ---- the way there ---- */

static bool same(const struct view_route *have, const struct plan_item *item)
{
	const struct plan_route *a = &have->route, *b = &item->route;

	return have->l3 == item->l3 && a->table == b->table && a->type == b->type &&
	       a->with == b->with && a->to.len == b->to.len &&
	       addr_equal(&a->to.addr, &b->to.addr) && a->metric == b->metric &&
	       addr_equal(&a->source, &b->source) && have->oif == item->index &&
	       (have->l3 != L3_IPV4 || have->scope == scope_of(b));
}

bool steer_route_find(const struct view *v, const struct plan_item *item)
{
	size_t i;

	for (i = 0; i < v->routes.n; i++) {
		if (same(&v->routes.v[i], item))
			return true;
	}
	return false;
}

/* One that is there already is fine: a network may be behind two captures.  Where it differs
 * in its scope alone, as one of a former version, it goes out, and the next look puts ours in. */
int steer_route_put(struct steer *s, const struct plan_item *item)
{
	char buf[PREFIX_TEXT];
	int err = netlink_call(&s->nl,
			       encode(&item->route, item->l3, item->index, RTM_NEWROUTE));

	if (err == -EEXIST)
		return 0;
	/* What closes for sources waits for lo. */
	if (err == -ENETDOWN && item->closing)
		return 0;
	if (err)
		steer_fail(s, err, "cannot add a route to %s in table %u",
			   prefix_print(&item->route.to, buf), item->route.table);
	return err;
}

int steer_route_take(struct steer *s, const struct plan_item *item)
{
	return netlink_call(&s->nl,
			    encode(&item->route, item->l3, item->index, RTM_DELROUTE));
}

static bool is_wanted(const struct plan *p, const struct view_route *r)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].kind == PLAN_ROUTE && same(r, &p->v[i]))
			return true;
	}
	return false;
}

/* What a former configuration named would cut a hole into a larger network of this one. */
int steer_route_drop(struct steer *s, const struct plan *p, bool closing)
{
	const struct view_routes *list = &s->view.routes;
	int err, first_err = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct view_route *r = &list->v[i];

		if ((r->route.metric == STEER_LAST_METRIC) != closing || !is_ours(s, r) ||
		    is_wanted(p, r))
			continue;
		err = netlink_call(&s->nl, encode(&r->route, r->l3, r->oif, RTM_DELROUTE));
		if (err && err != -ESRCH && !first_err)
			first_err = err;
	}
	return first_err;
}
