/* steer_tc.c - filters on a captured interface's ingress, which redirect to its TUN.
 *
 * u32 and mirred, since every kernel that has tc has them.  Ours are known by their node
 * numbers, which we choose (NODE_PASS and above); the handles' other part is the kernel's.
 * They take six preferences in a row that nobody else has, 1 to 6 on a host of its own.
 *
 * Others may have a clsact (or ingress) qdisc there before: then only our filters go again,
 * and if theirs come first and end a packet's way through tc, the backstop rules drop it.
 *
 * A filter redirects to an interface index: to one that is no more, when the TUN or the
 * interface was made anew.  Such a one goes, and what comes until the next is there meets
 * the backstop. */
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
#define PREFS 6

/* Link-local and multicast stay with the kernel.  So does, where addresses are resolved,
 * neighbour discovery: IPv6 by next header 58, types 133 to 137 (RFC 4861).  A mask of zero
 * matches all.
 *
 * A frame with a VLAN tag is of the tag's protocol for tc, but if the tag is of priority alone
 * (VLAN 0) the kernel takes the packet in it like any other, for the host that answers ARP
 * there too.  u32 does not see the tag: all of them go to the TUN, which hands them over with
 * the tag amid the addresses.  Whatever that makes of them is judged as any packet is. */
#define NEIGHBOUR(type)                                                                   \
	{ .protocol = ETH_P_IPV6, .value = 58 << 8, .mask = 0xff00, .offset = 4,          \
	  .value2 = (uint32_t)(type) << 24, .mask2 = 0xff000000, .offset2 = 40,           \
	  .node = NODE_PASS + (type) - 131, .arp_only = true,                             \
	  .words = "neighbour discovery (ICMPv6 type " #type ")" }
const struct steer_match steer_matches[STEER_MATCHES] = {
	{ .protocol = ETH_P_IPV6, .value = 0xfe800000, .mask = 0xffc00000, .offset = 24,
	  .node = NODE_PASS, .words = "what is for link-local addresses" },
	{ .protocol = ETH_P_IPV6, .value = 0xff000000, .mask = 0xff000000, .offset = 24,
	  .node = NODE_PASS + 1, .words = "multicast (IPv6)" },
	NEIGHBOUR(133),
	NEIGHBOUR(134),
	NEIGHBOUR(135),
	NEIGHBOUR(136),
	NEIGHBOUR(137),
	{ .protocol = ETH_P_IP, .value = 0xe0000000, .mask = 0xf0000000, .offset = 16,
	  .node = NODE_PASS + 7, .pref = 1, .words = "multicast (IPv4)" },
	{ .protocol = ETH_P_IP, .node = NODE_REDIRECT, .pref = 2, .redirects = true,
	  .words = "IPv4" },
	{ .protocol = ETH_P_IPV6, .node = NODE_REDIRECT, .pref = 3, .redirects = true,
	  .words = "IPv6" },
	{ .protocol = ETH_P_8021Q, .node = NODE_REDIRECT, .pref = 4, .redirects = true,
	  .arp_only = true, .words = "frames with a VLAN tag (802.1Q)" },
	{ .protocol = ETH_P_8021AD, .node = NODE_REDIRECT, .pref = 5, .redirects = true,
	  .arp_only = true, .words = "frames with a VLAN tag (802.1ad)" },
};
#undef NEIGHBOUR

/* ---- what is there ---- */

/* The row that a filter's keys are those of; -1: none. */
static int match_of(const struct view_filter *f, const struct tc_u32_sel *sel, size_t len)
{
	unsigned i;

	if (len < sizeof(*sel) || len < sizeof(*sel) + sel->nkeys * sizeof(sel->keys[0]))
		return -1;
	for (i = 0; i < STEER_MATCHES; i++) {
		const struct steer_match *m = &steer_matches[i];
		const struct tc_u32_key *k = sel->keys;

		if ((int)NODE(f->handle) == m->node &&
		    ntohs((uint16_t)TC_H_MIN(f->info)) == m->protocol &&
		    sel->nkeys == (m->mask2 ? 2 : 1) && k[0].val == htonl(m->value) &&
		    k[0].mask == htonl(m->mask) && k[0].off == m->offset &&
		    (!m->mask2 || (k[1].val == htonl(m->value2) &&
				   k[1].mask == htonl(m->mask2) && k[1].off == m->offset2)))
			return (int)i;
	}
	return -1;
}

/* Where the first action redirects to; 0: nowhere. */
static uint32_t target_of(const struct nlattr *acts)
{
	struct nlattr *tb[TCA_ACT_MAX_PRIO + 1], *act[TCA_ACT_MAX + 1],
		*mirred[TCA_MIRRED_MAX + 1];
	struct tc_mirred parms;

	if (!acts ||
	    nla_parse_nested(tb, TCA_ACT_MAX_PRIO, (struct nlattr *)acts, NULL) < 0 ||
	    !tb[1] || nla_parse_nested(act, TCA_ACT_MAX, tb[1], NULL) < 0 ||
	    !act[TCA_ACT_OPTIONS] ||
	    nla_parse_nested(mirred, TCA_MIRRED_MAX, act[TCA_ACT_OPTIONS], NULL) < 0 ||
	    !mirred[TCA_MIRRED_PARMS] ||
	    nla_len(mirred[TCA_MIRRED_PARMS]) < (int)sizeof(parms))
		return 0;
	memcpy(&parms, nla_data(mirred[TCA_MIRRED_PARMS]), sizeof(parms));
	return parms.eaction == TCA_EGRESS_REDIR ? parms.ifindex : 0;
}

static bool is_ours(const struct view_filter *f)
{
	return f->u32 && NODE(f->handle) >= NODE_PASS && NODE(f->handle) <= NODE_REDIRECT;
}

static void keep_filter(void *arg, const struct nlmsghdr *msg)
{
	struct view_filters *list = arg;
	const struct tcmsg *tcm = nlmsg_data(msg);
	struct nlattr *tb[TCA_MAX + 1], *u32[TCA_U32_MAX + 1];
	struct view_filter f = { .match = -1 }, *v;

	if (msg->nlmsg_type != RTM_NEWTFILTER || (uint32_t)tcm->tcm_ifindex != list->index ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*tcm), tb, TCA_MAX, NULL) < 0)
		return;
	f.handle = tcm->tcm_handle;
	f.info = tcm->tcm_info;
	f.u32 = tb[TCA_KIND] && !nla_strcmp(tb[TCA_KIND], "u32");
	/* u32 lists its hash tables too: 800: without a node. */
	if (f.u32 && !NODE(f.handle))
		return;
	if (is_ours(&f) && tb[TCA_OPTIONS] &&
	    nla_parse_nested(u32, TCA_U32_MAX, tb[TCA_OPTIONS], NULL) == 0 &&
	    u32[TCA_U32_SEL]) {
		f.match = match_of(&f, nla_data(u32[TCA_U32_SEL]),
				   (size_t)nla_len(u32[TCA_U32_SEL]));
		f.to_index = target_of(u32[TCA_U32_ACT]);
	}
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v) {
		list->failed = true;
		return;
	}
	list->v = v;
	list->v[list->n++] = f;
}

static int read_filters(struct steer *s, uint32_t index, uint32_t parent,
			struct view_filters *ret_list)
{
	struct tcmsg hdr = { .tcm_ifindex = (int)index, .tcm_parent = parent };
	struct view_filters list = { .v = NULL };
	int err, tries = 5;

	do {
		free(list.v);
		list = (struct view_filters){ .index = index, .parent = parent };
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

static size_t count_foreign(const struct view_filters *list)
{
	size_t i, n = 0;

	for (i = 0; i < list->n; i++)
		n += !is_ours(&list->v[i]);
	return n;
}

static unsigned pref_of(const struct view_filter *f)
{
	return TC_H_MAJ(f->info) >> 16;
}

/* The first preference of PREFS from there that others leave free. */
static unsigned next_free(const struct view_filters *list, unsigned first)
{
	size_t i;
again:
	for (i = 0; i < list->n; i++) {
		unsigned pref = pref_of(&list->v[i]);

		if (!is_ours(&list->v[i]) && pref >= first && pref < first + PREFS) {
			first = pref + 1;
			goto again;
		}
	}
	return first;
}

/* Where ours are, if there are any; a former daemon may have taken fewer. */
static unsigned choose_prefs(const struct view_filters *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct view_filter *f = &list->v[i];

		if (f->match >= 0 && pref_of(f) > steer_matches[f->match].pref)
			return next_free(list, pref_of(f) - steer_matches[f->match].pref);
	}
	return next_free(list, 1);
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

static void keep_qdisc(void *arg, const struct nlmsghdr *msg)
{
	struct view *v = arg;
	const struct tcmsg *tcm = nlmsg_data(msg);
	size_t i;

	if (msg->nlmsg_type != RTM_NEWQDISC || tcm->tcm_parent != TC_H_CLSACT)
		return;
	for (i = 0; i < v->n_captures; i++)
		v->captures[i].qdisc |=
			(uint32_t)tcm->tcm_ifindex == v->captures[i].real.link.index;
}

static int read_ingress(struct steer *s, struct view_capture *c)
{
	int err;

	c->first_pref = 1;
	if (!c->qdisc)
		return 0;
	err = read_filters(s, c->real.link.index, INGRESS, &c->ingress);
	/* The interface has gone meanwhile. */
	if (err == -ENODEV)
		return 0;
	if (err)
		return steer_fail(s, err, "cannot list the filters of %s", c->real.link.name);
	c->first_pref = choose_prefs(&c->ingress);
	return 0;
}

/* The kernel does not answer for one interface alone when that has none. */
int steer_tc_read(struct steer *s)
{
	struct view *v = &s->view;
	struct tcmsg hdr = { .tcm_family = AF_UNSPEC };
	int err, tries = 5;
	size_t i;

	do {
		for (i = 0; i < v->n_captures; i++)
			v->captures[i].qdisc = false;
		err = netlink_dump(&s->nl, netlink_message(RTM_GETQDISC, 0, &hdr, sizeof(hdr)),
				   keep_qdisc, v);
	} while (err == -EAGAIN && --tries);
	if (err)
		return steer_fail(s, err, "cannot list qdiscs");
	for (i = 0; !err && i < v->n_captures; i++)
		err = read_ingress(s, &v->captures[i]);
	return err;
}

static size_t find_own(const struct steer *s, uint32_t index)
{
	size_t i;

	for (i = 0; i < s->n_own && s->own[i] != index; i++)
		;
	return i;
}

int steer_qdisc_put(struct steer *s, const struct plan_item *item)
{
	int err = netlink_call(&s->nl, clsact(item->index, RTM_NEWQDISC));

	if (err == -EEXIST)
		return 0;
	if (err) {
		steer_fail(s, err, "cannot redirect what enters %s", item->dev);
		if (err == -ENOENT && s->d)
			diag_hint(s->d, "the kernel needs its module sch_ingress");
		return err;
	}
	if (find_own(s, item->index) == s->n_own && s->n_own < CONFIG_PORTS_MAX)
		s->own[s->n_own++] = item->index;
	return 0;
}

/* ---- one filter ---- */

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

static struct nl_msg *encode(const struct plan_item *item)
{
	const struct steer_match *m = &steer_matches[item->filter.match];
	struct rtnl_cls *cls = rtnl_cls_alloc();
	struct rtnl_act *act = NULL;
	struct nl_msg *msg = NULL;
	int err;

	if (!cls)
		return NULL;
	rtnl_tc_set_ifindex(TC_CAST(cls), (int)item->index);
	rtnl_tc_set_parent(TC_CAST(cls), INGRESS);
	rtnl_cls_set_prio(cls, (uint16_t)item->filter.pref);
	rtnl_cls_set_protocol(cls, m->protocol);
	err = rtnl_tc_set_kind(TC_CAST(cls), "u32");
	if (!err)
		err = rtnl_u32_add_key(cls, htonl(m->value), htonl(m->mask), m->offset, 0);
	if (!err && m->mask2)
		err = rtnl_u32_add_key(cls, htonl(m->value2), htonl(m->mask2), m->offset2, 0);
	rtnl_u32_set_handle(cls, 0, 0, m->node);
	if (!err)
		err = rtnl_u32_set_classid(cls, TC_H_MAKE(1 << 16, 1));
	if (!err)
		err = rtnl_u32_set_cls_terminal(cls);
	if (!err && m->redirects) {
		act = redirect_to(item->filter.to_index);
		err = act ? rtnl_u32_add_action(cls, act) : -ENOMEM;
	}
	if (!err)
		rtnl_cls_build_add_request(cls, NLM_F_CREATE | NLM_F_EXCL, &msg);
	rtnl_act_put(act);
	rtnl_cls_put(cls);
	return msg;
}

/* One that redirects to a TUN that is gone drops what it gets. */
static bool same(const struct view_filter *have, const struct plan_item *item)
{
	if (item->filter.to[0] && !item->filter.to_index)
		return false;
	return have->match == (int)item->filter.match && pref_of(have) == item->filter.pref &&
	       have->to_index == item->filter.to_index;
}

bool steer_filter_find(const struct view_capture *c, const struct plan_item *item)
{
	size_t i;

	for (i = 0; i < c->ingress.n; i++) {
		if (same(&c->ingress.v[i], item))
			return true;
	}
	return false;
}

int steer_filter_put(struct steer *s, const struct plan_item *item)
{
	int err = netlink_call(&s->nl, encode(item));

	if (err)
		steer_fail(s, err, "cannot redirect what enters %s", item->dev);
	if (err == -ENOENT && s->d)
		diag_hint(s->d, "the kernel needs its modules cls_u32 and act_mirred");
	return err;
}

/* ---- the way out ---- */

/* A preference with filters to go alone goes as a whole (a handle of 0), since it would stay
 * behind without them. */
static uint32_t handle_to_delete(const struct view_filters *list, const bool *stays, size_t i)
{
	size_t k;

	for (k = 0; k < list->n; k++) {
		if (list->v[k].info == list->v[i].info && stays[k])
			return list->v[i].handle;
	}
	return 0;
}

/* All that does not stay. */
static int remove_filters(struct steer *s, const struct view_filters *list, const bool *stays)
{
	int err, first_err = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		struct tcmsg hdr = { .tcm_ifindex = (int)list->index,
				     .tcm_parent = INGRESS,
				     .tcm_handle = handle_to_delete(list, stays, i),
				     .tcm_info = list->v[i].info };
		struct nl_msg *msg;

		if (stays[i])
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

static bool is_wanted(const struct plan *p, uint32_t index, const struct view_filter *f)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].kind == PLAN_FILTER && p->v[i].index == index && same(f, &p->v[i]))
			return true;
	}
	return false;
}

static int drop_of(struct steer *s, const struct plan *p, const struct view_filters *list)
{
	bool *stays = calloc(list->n + 1, sizeof(*stays));
	size_t i;
	int err;

	if (!stays)
		return -ENOMEM;
	for (i = 0; i < list->n; i++)
		stays[i] = !is_ours(&list->v[i]) || is_wanted(p, list->index, &list->v[i]);
	err = remove_filters(s, list, stays);
	free(stays);
	return err;
}

int steer_filter_drop(struct steer *s, const struct plan *p)
{
	int err = 0, one;
	size_t i;

	for (i = 0; i < s->view.n_captures; i++) {
		one = drop_of(s, p, &s->view.captures[i].ingress);
		if (one && one != -ENODEV && !err)
			err = one;
	}
	return err ? steer_fail(s, err, "cannot take over filters") : 0;
}

/* Whether others have a filter on the interface, in either direction. */
static bool is_shared(struct steer *s, const struct view_filters *ingress)
{
	struct view_filters egress = { .v = NULL };
	bool shared = count_foreign(ingress) > 0;

	if (!read_filters(s, ingress->index, EGRESS, &egress)) {
		shared |= egress.n > 0;
		free(egress.v);
	}
	return shared;
}

/* With nothing in it but ours, it was made by a daemon that was killed. */
void steer_tc_release(struct steer *s, uint32_t index)
{
	static const struct plan none = { .v = NULL };
	struct view_filters list = { .v = NULL };
	size_t own = find_own(s, index);
	bool ours = own < s->n_own;

	if (ours)
		s->own[own] = s->own[--s->n_own];
	if (read_filters(s, index, INGRESS, &list))
		return;
	ours |= list.n > count_foreign(&list);
	if (ours && (is_shared(s, &list) ||
		     netlink_call(&s->nl, clsact(index, RTM_DELQDISC)) != 0))
		drop_of(s, &none, &list);
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

	for (i = 0; i < s->view.n_captures; i++) {
		if (s->view.captures[i].real.link.index == index)
			return true;
	}
	return false;
}

/* An interface that is captured no more would stay shut. */
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
			steer_tc_release(s, w.index[i]);
	}
	free(w.index);
	return err;
}
