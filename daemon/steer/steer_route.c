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

static struct nl_msg *encode(const struct plan_route *r, uint8_t l3, uint32_t oif, int type)
{
	struct rtmsg hdr = {
		.rtm_family = (uint8_t)netlink_family(l3),
		.rtm_dst_len = r->to.len,
		.rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
		.rtm_protocol = r->protocol,
		.rtm_scope = r->type == RTN_UNICAST ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = r->type,
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
	if (oif)
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
	/* IPv6 tells of an unreachable route that it leads to lo. */
	if (r.route.type == RTN_UNICAST && tb[RTA_OIF])
		r.oif = nla_get_u32(tb[RTA_OIF]);
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

int steer_route_read(struct steer *s, struct view_routes *ret_routes)
{
	struct view_routes list = { .v = NULL };
	int err, tries = 5;

	do {
		free(list.v);
		list = (struct view_routes){ .table = s->config->steer.table };
		err = read_family(s, L3_IPV4, &list);
		if (!err && s->view.has_ipv6)
			err = read_family(s, L3_IPV6, &list);
	} while (err == -EAGAIN && --tries);
	if (!err && list.failed)
		err = -ENOMEM;
	if (err) {
		free(list.v);
		return steer_fail(s, err, "cannot list routing table %u",
				  s->config->steer.table);
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

/* Nobody else has that metric, and [steer] may have had another protocol. */
static bool is_ours(const struct steer *s, const struct view_route *r)
{
	if (r->route.type == RTN_UNICAST)
		return leads_to_port(&s->view, r);
	return r->route.type == RTN_UNREACHABLE && r->route.metric == STEER_LAST_METRIC;
}

int steer_route_check(struct steer *s)
{
	const struct view_routes *list = &s->view.routes;
	char buf[PREFIX_TEXT];
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (is_ours(s, &list->v[i]))
			continue;
		diag_error(s->d, NULL, "routing table %u is in use: it has a route to %s",
			   s->config->steer.table, prefix_print(&list->v[i].route.to, buf));
		diag_hint(s->d, "set \"table\" in [steer] to a table that nobody uses");
		return -ENOTRECOVERABLE;
	}
	return 0;
}

/* ---- the way there ---- */

static bool same(const struct view_route *have, const struct plan_item *item)
{
	const struct plan_route *a = &have->route, *b = &item->route;

	return have->l3 == item->l3 && a->type == b->type && a->to.len == b->to.len &&
	       addr_equal(&a->to.addr, &b->to.addr) && a->metric == b->metric &&
	       addr_equal(&a->source, &b->source) && have->oif == item->index;
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

/* One that is there already is fine: a network may be behind two captures. */
int steer_route_put(struct steer *s, const struct plan_item *item)
{
	char buf[PREFIX_TEXT];
	int err = netlink_call(&s->nl,
			       encode(&item->route, item->l3, item->index, RTM_NEWROUTE));

	if (err == -EEXIST)
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
int steer_route_drop(struct steer *s, const struct plan *p, uint8_t type)
{
	const struct view_routes *list = &s->view.routes;
	int err, first_err = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct view_route *r = &list->v[i];

		if (r->route.type != type || !is_ours(s, r) || is_wanted(p, r))
			continue;
		err = netlink_call(&s->nl, encode(&r->route, r->l3, r->oif, RTM_DELROUTE));
		if (err && err != -ESRCH && !first_err)
			first_err = err;
	}
	return first_err;
}
