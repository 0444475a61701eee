/* steer_tc.c - filters on a captured interface's ingress, which redirect to its TUN.
 *
 * u32 and mirred, since every kernel that has tc has them.  Ours are known by their node
 * numbers, which we choose (NODE_PASS and above); the handles' other part is the kernel's.
 * They take four preferences in a row that nobody else has, 1 to 4 on a host of its own.
 *
 * Others may have a clsact (or ingress) qdisc there before: then only our filters go again,
 * and if theirs come first and end a packet's way through tc, the backstop rules drop it.
 *
 * Ours are taken out and put in anew at each start: a filter redirects to an interface
 * index, and the TUNs are new.  What comes between meets the backstop. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netinet/in.h>
#include <netlink/route/act/mirred.h>
#include <netlink/route/action.h>
#include <netlink/route/classifier.h>
#include <netlink/route/cls/u32.h>
#include <netlink/route/tc.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_private.h"

#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
#define QDISC_HANDLE TC_H_MAKE(TC_H_CLSACT, 0)
#define NODE(handle) ((handle) & 0xfff)
#define NODE_PASS 0xc70
#define NODE_REDIRECT 0xc7f
#define PREFS 4

/* ---- what is there ---- */

struct filter {
	uint32_t handle;
	uint32_t info; /* preference and protocol, as in tcm_info */
	bool u32;
};

struct filters {
	struct filter *v;
	size_t n;
	bool failed;
	uint32_t index, parent; /* being dumped */
};

static bool is_ours(const struct filter *f)
{
	return f->u32 && NODE(f->handle) >= NODE_PASS && NODE(f->handle) <= NODE_REDIRECT;
}

static void keep_filter(void *arg, const struct nlmsghdr *msg)
{
	struct filters *list = arg;
	const struct tcmsg *tcm = nlmsg_data(msg);
	struct nlattr *kind;
	struct filter f, *v;

	if (msg->nlmsg_type != RTM_NEWTFILTER || (uint32_t)tcm->tcm_ifindex != list->index)
		return;
	kind = nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(*tcm), TCA_KIND);
	f.handle = tcm->tcm_handle;
	f.info = tcm->tcm_info;
	f.u32 = kind && !nla_strcmp(kind, "u32");
	/* u32 lists its hash tables too: 800: without a node. */
	if (f.u32 && !NODE(f.handle))
		return;
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v) {
		list->failed = true;
		return;
	}
	list->v = v;
	list->v[list->n++] = f;
}

static int read_filters(struct steer *s, uint32_t index, uint32_t parent,
			struct filters *ret_list)
{
	struct tcmsg hdr = { .tcm_ifindex = (int)index, .tcm_parent = parent };
	struct filters list = { .v = NULL };
	int err, tries = 5;

	do {
		free(list.v);
		list = (struct filters){ .index = index, .parent = parent };
		err = netlink_dump(&s->nl,
				   netlink_message(RTM_GETTFILTER, 0, &hdr, sizeof(hdr)),
				   keep_filter, &list);
	} while (err == -EAGAIN && --tries);
	if (!err && list.failed)
		err = -ENOMEM;
	if (err)
		free(list.v);
	else
		*ret_list = list;
	return err;
}

static size_t count_foreign(const struct filters *list)
{
	size_t i, n = 0;

	for (i = 0; i < list->n; i++)
		n += !is_ours(&list->v[i]);
	return n;
}

/* The first of PREFS preferences in a row that others leave free. */
static unsigned free_prefs(const struct filters *list)
{
	unsigned first = 1;
	size_t i;

again:
	for (i = 0; i < list->n; i++) {
		unsigned pref = TC_H_MAJ(list->v[i].info) >> 16;

		if (!is_ours(&list->v[i]) && pref >= first && pref < first + PREFS) {
			first = pref + 1;
			goto again;
		}
	}
	return first;
}

/* ---- qdisc ---- */

static struct nl_msg *clsact(uint32_t index, int type)
{
	struct tcmsg hdr = { .tcm_ifindex = (int)index,
			     .tcm_parent = TC_H_CLSACT,
			     .tcm_handle = QDISC_HANDLE };
	int flags = type == RTM_NEWQDISC ? NLM_F_CREATE | NLM_F_EXCL : 0;
	struct nl_msg *msg = netlink_message(type, flags, &hdr, sizeof(hdr));

	if (msg && nla_put_string(msg, TCA_KIND, "clsact") < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* ---- one filter ---- */

struct match {
	uint16_t protocol; /* ETH_P_... */
	uint32_t value, mask;
	int offset; /* of 32 bits from the network header's start */
	uint32_t value2, mask2;
	int offset2;
	unsigned pref; /* counted from the first */
	bool arp_only;
};

/* Link-local and multicast stay with the kernel.  So does, where addresses are resolved,
 * neighbour discovery: IPv6 by next header 58, types 133 to 137 (RFC 4861). */
static const struct match passes[] = {
	{ .protocol = ETH_P_IPV6, .value = 0xfe800000, .mask = 0xffc00000, .offset = 24 },
	{ .protocol = ETH_P_IPV6, .value = 0xff000000, .mask = 0xff000000, .offset = 24 },
#define NEIGHBOUR(type)                                                                   \
	{ .protocol = ETH_P_IPV6, .value = 58 << 8, .mask = 0xff00, .offset = 4,          \
	  .value2 = (uint32_t)(type) << 24, .mask2 = 0xff000000, .offset2 = 40,           \
	  .arp_only = true }
	NEIGHBOUR(133),
	NEIGHBOUR(134),
	NEIGHBOUR(135),
	NEIGHBOUR(136),
	NEIGHBOUR(137),
#undef NEIGHBOUR
	{ .protocol = ETH_P_IP, .value = 0xe0000000, .mask = 0xf0000000, .offset = 16,
	  .pref = 1 },
};
/* A mask of zero matches all. */
static const struct match redirects[] = {
	{ .protocol = ETH_P_IP, .pref = 2 },
	{ .protocol = ETH_P_IPV6, .pref = 3 },
};
_Static_assert(sizeof(passes) / sizeof(passes[0]) <= NODE_REDIRECT - NODE_PASS, "node numbers");

static struct rtnl_act *redirect_to(uint32_t index)
{
	struct rtnl_act *act = rtnl_act_alloc();

	if (!act)
		return NULL;
	if (rtnl_tc_set_kind(TC_CAST(act), "mirred") < 0 ||
	    rtnl_mirred_set_action(act, TCA_EGRESS_REDIR) < 0 ||
	    rtnl_mirred_set_policy(act, TC_ACT_STOLEN) < 0 ||
	    rtnl_mirred_set_ifindex(act, index) < 0) {
		rtnl_act_put(act);
		return NULL;
	}
	return act;
}

/* to: index of the interface to redirect to; 0: let pass. */
static struct nl_msg *encode(const struct steer_capture *c, const struct match *m, int node,
			     uint32_t to)
{
	struct rtnl_cls *cls = rtnl_cls_alloc();
	struct rtnl_act *act = NULL;
	struct nl_msg *msg = NULL;
	int err;

	if (!cls)
		return NULL;
	rtnl_tc_set_ifindex(TC_CAST(cls), (int)c->link.index);
	rtnl_tc_set_parent(TC_CAST(cls), INGRESS);
	rtnl_cls_set_prio(cls, (uint16_t)(c->first_pref + m->pref));
	rtnl_cls_set_protocol(cls, m->protocol);
	err = rtnl_tc_set_kind(TC_CAST(cls), "u32");
	if (!err)
		err = rtnl_u32_add_key(cls, htonl(m->value), htonl(m->mask), m->offset, 0);
	if (!err && m->mask2)
		err = rtnl_u32_add_key(cls, htonl(m->value2), htonl(m->mask2), m->offset2, 0);
	rtnl_u32_set_handle(cls, 0, 0, node);
	if (!err)
		err = rtnl_u32_set_classid(cls, TC_H_MAKE(1 << 16, 1));
	if (!err)
		err = rtnl_u32_set_cls_terminal(cls);
	if (!err && to) {
		act = redirect_to(to);
		err = act ? rtnl_u32_add_action(cls, act) : -ENOMEM;
	}
	if (!err)
		rtnl_cls_build_add_request(cls, NLM_F_CREATE | NLM_F_EXCL, &msg);
	rtnl_act_put(act);
	rtnl_cls_put(cls);
	return msg;
}

static int add(struct steer *s, struct steer_capture *c, const struct match *m, int node,
	       uint32_t to)
{
	int err;

	if (m->arp_only && !c->speaks_arp)
		return 0;
	err = netlink_call(&s->nl, encode(c, m, node, to));
	if (err)
		steer_fail(s, err, "cannot redirect what enters %s", c->config.ifname);
	if (err == -ENOENT)
		diag_hint(s->d, "the kernel needs its modules cls_u32 and act_mirred");
	return err;
}

/* A preference with filters of ours alone goes as a whole (a handle of 0), since it would
 * stay behind without them. */
static uint32_t handle_to_delete(const struct filters *list, const struct filter *f)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (list->v[i].info == f->info && !is_ours(&list->v[i]))
			return f->handle;
	}
	return 0;
}

/* Filters that are ours, of whichever start. */
static int remove_ours(struct steer *s, const struct steer_capture *c,
		       const struct filters *list)
{
	size_t i;
	int err, first_err = 0;

	for (i = 0; i < list->n; i++) {
		const struct filter *f = &list->v[i];
		struct tcmsg hdr = { .tcm_ifindex = (int)c->link.index,
				     .tcm_parent = INGRESS,
				     .tcm_handle = handle_to_delete(list, f),
				     .tcm_info = f->info };
		struct nl_msg *msg;

		if (!is_ours(f))
			continue;
		msg = netlink_message(RTM_DELTFILTER, 0, &hdr, sizeof(hdr));
		if (msg && nla_put_string(msg, TCA_KIND, "u32") < 0) {
			nlmsg_free(msg);
			msg = NULL;
		}
		err = netlink_call(&s->nl, msg);
		/* Gone with its preference, a moment ago. */
		if (err && err != -ENOENT && !first_err)
			first_err = err;
	}
	return first_err;
}

/* Whether others have a filter on the interface, in either direction. */
static bool is_shared(struct steer *s, const struct steer_capture *c,
		      const struct filters *ingress)
{
	struct filters egress = { .v = NULL };
	bool shared = count_foreign(ingress) > 0;

	if (!read_filters(s, c->link.index, EGRESS, &egress)) {
		shared |= egress.n > 0;
		free(egress.v);
	}
	return shared;
}

int steer_tc_up(struct steer *s, struct steer_capture *c)
{
	struct filters before = { .v = NULL };
	size_t i;
	int err;

	err = netlink_call(&s->nl, clsact(c->link.index, RTM_NEWQDISC));
	c->own_qdisc = !err;
	if (err && err != -EEXIST) {
		steer_fail(s, err, "cannot redirect what enters %s", c->config.ifname);
		if (err == -ENOENT)
			diag_hint(s->d, "the kernel needs its module sch_ingress");
		return err;
	}
	err = read_filters(s, c->link.index, INGRESS, &before);
	if (!err) {
		/* With nothing in it but ours, it was made by a daemon that was killed. */
		if (before.n && !is_shared(s, c, &before))
			c->own_qdisc = true;
		c->first_pref = free_prefs(&before);
		err = remove_ours(s, c, &before);
	}
	if (err)
		steer_fail(s, err, "cannot take over the filters of %s", c->config.ifname);
	for (i = 0; !err && i < sizeof(passes) / sizeof(passes[0]); i++)
		err = add(s, c, &passes[i], NODE_PASS + (int)i, 0);
	for (i = 0; !err && i < sizeof(redirects) / sizeof(redirects[0]); i++)
		err = add(s, c, &redirects[i], NODE_REDIRECT, c->in_index);
	free(before.v);
	return err;
}

void steer_tc_down(struct steer *s, struct steer_capture *c)
{
	struct filters list = { .v = NULL };

	if (read_filters(s, c->link.index, INGRESS, &list))
		return;
	if (c->own_qdisc && !is_shared(s, c, &list))
		netlink_call(&s->nl, clsact(c->link.index, RTM_DELQDISC));
	else
		remove_ours(s, c, &list);
	free(list.v);
}

/* ---- what a former configuration left ---- */

struct sweep {
	uint32_t *index;
	size_t n;
	bool failed;
};

static void keep_index(void *arg, const struct nlmsghdr *msg)
{
	struct sweep *w = arg;
	struct netlink_link link;
	uint32_t *index;

	if (!netlink_parse_link(msg, &link))
		return;
	index = reallocarray(w->index, w->n + 1, sizeof(*index));
	if (!index) {
		w->failed = true;
		return;
	}
	w->index = index;
	w->index[w->n++] = link.index;
}

static bool is_captured(const struct steer *s, uint32_t index)
{
	size_t i;

	for (i = 0; i < s->n_captures; i++) {
		if (s->captures[i].link.index == index)
			return true;
	}
	return false;
}

/* An interface that is captured no more would stay shut. */
static void release(struct steer *s, uint32_t index)
{
	struct steer_capture former = { .link = { .index = index } };
	struct filters list = { .v = NULL };

	if (read_filters(s, index, INGRESS, &list))
		return;
	if (list.n > count_foreign(&list)) {
		if (is_shared(s, &former, &list))
			remove_ours(s, &former, &list);
		else
			netlink_call(&s->nl, clsact(index, RTM_DELQDISC));
	}
	free(list.v);
}

int steer_tc_sweep(struct steer *s)
{
	struct ifinfomsg hdr = { .ifi_family = AF_UNSPEC };
	struct sweep w = { .index = NULL };
	size_t i;
	int err, tries = 5;

	do {
		free(w.index);
		w = (struct sweep){ .index = NULL };
		err = netlink_dump(&s->nl, netlink_message(RTM_GETLINK, 0, &hdr, sizeof(hdr)),
				   keep_index, &w);
	} while (err == -EAGAIN && --tries);
	if (!err && w.failed)
		err = -ENOMEM;
	if (err)
		steer_fail(s, err, "cannot list interfaces");
	for (i = 0; !err && i < w.n; i++) {
		if (!is_captured(s, w.index[i]))
			release(s, w.index[i]);
	}
	free(w.index);
	return err;
}
