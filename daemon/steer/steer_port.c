/* steer_port.c - our TUNs as interfaces of the host, and the addresses of the host.
 *
 * What ctfwd writes back arrives on a port as if from outside.  Its source may be routed
 * elsewhere (rp_filter) or be the host's own (accept_local), and the kernel must let both
 * be: the engine looks at sources instead.  A link-local address on a port would make
 * packets to fe80::... turn in circles, so there is none from the first moment on.
 *
 * The settings travel by netlink: writing below /proc/sys wants more than CAP_NET_ADMIN. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet.h>
#include <netlink/route/link/inet6.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_private.h"

/* Below that, the kernel takes IPv6 away from an interface (RFC 8200, 5). */
#define IPV6_MTU_MIN 1280

/* The kernel takes any number, and a larger one for 2. */
static void keep_rp_filter(void *arg, const struct nlmsghdr *msg)
{
	int *keep = arg;
	struct nlattr *value = nlmsg_find_attr((struct nlmsghdr *)msg,
					       NLMSG_ALIGN(sizeof(struct netconfmsg)),
					       NETCONFA_RP_FILTER);

	if (msg->nlmsg_type == RTM_NEWNETCONF && value)
		*keep = (int)nla_get_u32(value);
	if (*keep > STEER_LOOSE)
		*keep = STEER_LOOSE;
}

int steer_port_read_all(struct steer *s, int *ret_rp_filter)
{
	struct netconfmsg hdr = { .ncm_family = AF_INET };
	struct nl_msg *msg = netlink_message(RTM_GETNETCONF, 0, &hdr, sizeof(hdr));
	int err;

	if (msg && nla_put_s32(msg, NETCONFA_IFINDEX, NETCONFA_IFINDEX_ALL) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = netlink_ask(&s->nl, msg, keep_rp_filter, ret_rp_filter);
	return err ? steer_fail(s, err, "cannot read net.ipv4.conf.all.rp_filter") : 0;
}

/* rp_filter of "all": the larger of it and a device's counts. */
int steer_port_check_host(struct steer *s)
{
	if (s->view.rp_filter != STEER_STRICT)
		return 0;
	diag_error(s->d, NULL,
		   "net.ipv4.conf.all.rp_filter is 1: the kernel would drop what comes back "
		   "from the TUNs");
	diag_hint(s->d,
		  "set it to 0 or 2, and rp_filter=1 for each interface that wants it: "
		  "sysctl net.ipv4.conf.all.rp_filter=0, and for the next boot in a file of "
		  "/etc/sysctl.d that comes behind the one that sets it");
	return -ENOTRECOVERABLE;
}

/* ---- what is there ---- */

static uint32_t conf(const struct nlattr *all, unsigned which)
{
	uint32_t value = 0;

	if (all && nla_len(all) >= (int)(which * sizeof(value)))
		memcpy(&value, (const char *)nla_data(all) + (which - 1) * sizeof(value),
		       sizeof(value));
	return value;
}

static void keep_settings(struct view_link *l, const struct nlattr *af_spec)
{
	struct nlattr *family[AF_INET6 + 1], *inet[IFLA_INET_MAX + 1],
		*inet6[IFLA_INET6_MAX + 1];

	if (nla_parse_nested(family, AF_INET6, (struct nlattr *)af_spec, NULL) < 0)
		return;
	if (family[AF_INET] &&
	    nla_parse_nested(inet, IFLA_INET_MAX, family[AF_INET], NULL) == 0) {
		l->rp_filter = conf(inet[IFLA_INET_CONF], IPV4_DEVCONF_RP_FILTER) != 0;
		l->accept_local = conf(inet[IFLA_INET_CONF], IPV4_DEVCONF_ACCEPT_LOCAL) != 0;
	}
	if (family[AF_INET6] &&
	    nla_parse_nested(inet6, IFLA_INET6_MAX, family[AF_INET6], NULL) == 0 &&
	    inet6[IFLA_INET6_ADDR_GEN_MODE])
		l->link_local = nla_get_u8(inet6[IFLA_INET6_ADDR_GEN_MODE]) !=
				IN6_ADDR_GEN_MODE_NONE;
}

static void keep(void *arg, const struct nlmsghdr *msg)
{
	struct view_link *l = arg;
	struct nlattr *tb[IFLA_MAX + 1];

	if (!netlink_parse_link(msg, &l->link) ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(struct ifinfomsg), tb, IFLA_MAX,
			NULL) < 0)
		return;
	l->found = true;
	if (tb[IFLA_TXQLEN])
		l->txqueuelen = nla_get_u32(tb[IFLA_TXQLEN]);
	if (tb[IFLA_GROUP])
		l->group = nla_get_u32(tb[IFLA_GROUP]);
	if (tb[IFLA_AF_SPEC])
		keep_settings(l, tb[IFLA_AF_SPEC]);
}

int steer_port_read(struct steer *s, const char *name, struct view_link *ret_link)
{
	struct ifinfomsg hdr = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = netlink_message(RTM_GETLINK, 0, &hdr, sizeof(hdr));
	struct view_link l = { .found = false };
	int err;

	if (msg && nla_put_string(msg, IFLA_IFNAME, name) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = netlink_ask(&s->nl, msg, keep, &l);
	if (err && err != -ENODEV)
		return steer_fail(s, err, "cannot look at %s", name);
	*ret_link = l;
	return 0;
}

bool steer_port_find(const struct view *v, const struct view_link *l,
		     const struct plan_link *want)
{
	return view_is_up(l) && !l->rp_filter && l->accept_local &&
	       !(l->link_local && v->has_ipv6) && (!want->mtu || want->mtu == l->link.mtu) &&
	       want->txqueuelen == l->txqueuelen && (!want->group || want->group == l->group);
}

/* ---- what is wanted ---- */

static struct nl_msg *setup(uint32_t index, const struct plan_link *want, bool has_ipv6)
{
	struct rtnl_link *orig = rtnl_link_alloc(), *change = rtnl_link_alloc();
	struct nl_msg *msg = NULL;
	int err;

	if (!orig || !change)
		goto out;
	rtnl_link_set_ifindex(orig, (int)index);
	err = rtnl_link_inet_set_conf(change, IPV4_DEVCONF_RP_FILTER, 0);
	if (!err)
		err = rtnl_link_inet_set_conf(change, IPV4_DEVCONF_ACCEPT_LOCAL, 1);
	if (!err && has_ipv6 && (!want->mtu || want->mtu >= IPV6_MTU_MIN))
		err = rtnl_link_inet6_set_addr_gen_mode(change, IN6_ADDR_GEN_MODE_NONE);
	if (want->mtu)
		rtnl_link_set_mtu(change, want->mtu);
	rtnl_link_set_txqlen(change, want->txqueuelen);
	if (want->group)
		rtnl_link_set_group(change, want->group);
	if (!err)
		rtnl_link_build_change_request(orig, change, 0, &msg);
out:
	rtnl_link_put(orig);
	rtnl_link_put(change);
	return msg;
}

static struct nl_msg *turn(uint32_t index, unsigned up)
{
	struct ifinfomsg hdr = { .ifi_index = (int)index,
				 .ifi_flags = up,
				 .ifi_change = IFF_UP };

	return netlink_message(RTM_NEWLINK, 0, &hdr, sizeof(hdr));
}

static struct nl_msg *resize(uint32_t index, uint32_t mtu)
{
	struct ifinfomsg hdr = { .ifi_index = (int)index };
	struct nl_msg *msg = netlink_message(RTM_NEWLINK, 0, &hdr, sizeof(hdr));

	if (msg && nla_put_u32(msg, IFLA_MTU, mtu) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* Where the MTU was too small for IPv6, that comes back with it, and has settings only then:
 * what is up would have a link-local address at once. */
static int give_ipv6_back(struct steer *s, const struct plan_item *item)
{
	uint32_t mtu = item->link.mtu;
	struct view_link now;
	int err = steer_port_read(s, item->dev, &now);

	if (err || !s->view.has_ipv6 || now.link.mtu >= IPV6_MTU_MIN || mtu < IPV6_MTU_MIN)
		return err;
	err = netlink_call(&s->nl, turn(item->index, 0));
	if (!err)
		err = netlink_call(&s->nl, resize(item->index, mtu));
	return err ? steer_fail(s, err, "cannot set the MTU of the TUN %s", item->dev) : 0;
}

int steer_port_put(struct steer *s, const struct plan_item *item)
{
	int err = item->index ? 0 : -ENODEV;

	if (err)
		return steer_fail(s, err, "cannot find the TUN %s", item->dev);
	err = give_ipv6_back(s, item);
	if (err)
		return err;
	err = netlink_call(&s->nl, setup(item->index, &item->link, s->view.has_ipv6));
	if (err)
		return steer_fail(s, err, "cannot set up the TUN %s", item->dev);
	err = netlink_call(&s->nl, turn(item->index, IFF_UP));
	return err ? steer_fail(s, err, "cannot bring the TUN %s up", item->dev) : 0;
}

/* ---- addresses ---- */

static void keep_address(void *arg, const struct nlmsghdr *msg)
{
	struct view_addresses *list = arg;
	const struct ifaddrmsg *hdr = nlmsg_data(msg);
	struct nlattr *tb[IFA_MAX + 1];
	struct view_address a = { .l3 = netlink_l3(hdr->ifa_family) }, *v;
	uint32_t flags;

	if (msg->nlmsg_type != RTM_NEWADDR || a.l3 == L3_NONE ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, IFA_MAX, NULL) < 0)
		return;
	flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : hdr->ifa_flags;
	a.len = hdr->ifa_prefixlen;
	a.addr = netlink_get_addr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]);
	a.index = hdr->ifa_index;
	a.speaks = !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) &&
		   hdr->ifa_scope <= RT_SCOPE_SITE;
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v) {
		list->failed = true;
		return;
	}
	list->v = v;
	list->v[list->n++] = a;
}

int steer_address_read(struct steer *s, struct view_addresses *ret_addresses)
{
	struct ifaddrmsg hdr = { .ifa_family = AF_UNSPEC };
	struct view_addresses list = { .v = NULL };
	int err, tries = 5;

	do {
		free(list.v);
		list = (struct view_addresses){ .v = NULL };
		err = netlink_dump(&s->nl, netlink_message(RTM_GETADDR, 0, &hdr, sizeof(hdr)),
				   keep_address, &list);
	} while (err == -EAGAIN && --tries);
	if (!err && list.failed)
		err = -ENOMEM;
	if (err) {
		free(list.v);
		return steer_fail(s, err, "cannot list addresses");
	}
	*ret_addresses = list;
	return 0;
}

bool steer_address_find(const struct view *v, const struct plan_item *item)
{
	size_t i;

	for (i = 0; i < v->addresses.n; i++) {
		const struct view_address *a = &v->addresses.v[i];

		if (a->index == item->index && a->l3 == item->l3 &&
		    a->len == item->address.len && addr_equal(&a->addr, &item->address.addr))
			return true;
	}
	return false;
}

int steer_address_put(struct steer *s, const struct plan_item *item)
{
	const struct plan_address *a = &item->address;
	struct ifaddrmsg hdr = { .ifa_family = (uint8_t)netlink_family(item->l3),
				 .ifa_prefixlen = a->len,
				 .ifa_flags = IFA_F_NODAD,
				 .ifa_scope = a->silent ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
				 .ifa_index = item->index };
	struct nl_msg *msg = netlink_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &hdr,
					     sizeof(hdr));
	char buf[ADDR_TEXT];
	int err;

	if (msg && (netlink_put_addr(msg, IFA_LOCAL, item->l3, &a->addr) < 0 ||
		    netlink_put_addr(msg, IFA_ADDRESS, item->l3, &a->addr) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = netlink_call(&s->nl, msg);
	if (err)
		steer_fail(s, err, "cannot put the address %s on the TUN %s",
			   addr_print(item->l3, &a->addr, buf), item->dev);
	return err;
}

/* One within the network, else one of the captured interface's own (a network routed behind
 * it). */
union addr steer_address_source(const struct view *v, const struct prefix *network,
				uint32_t captured)
{
	union addr best = { 0 };
	unsigned rank, best_rank = 0;
	size_t i;

	for (i = 0; i < v->addresses.n; i++) {
		const struct view_address *a = &v->addresses.v[i];

		if (a->l3 != network->family || !a->speaks)
			continue;
		rank = (a->index == captured ? 1 : 0) +
		       (prefix_contains(network, a->l3, &a->addr) ? 2 : 0);
		if (rank > best_rank) {
			best_rank = rank;
			best = a->addr;
		}
	}
	return best;
}
