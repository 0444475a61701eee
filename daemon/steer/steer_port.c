/* steer_port.c - our TUNs as interfaces of the host.
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
#include <linux/rtnetlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/netconf.h>

#include "steer/steer_private.h"

/* rp_filter of "all": the larger of it and a device's counts.  Loose (2) is no better than
 * strict: the way back to a source is asked for as if from the interface behind, and that is
 * what the backstops make unreachable. */
int steer_port_check_host(struct steer *s)
{
	struct nl_cache *cache = NULL;
	struct rtnl_netconf *all;
	int value = 0;

	if (rtnl_netconf_alloc_cache(s->nl.sk, &cache) < 0)
		return steer_fail(s, -EIO, "cannot read net.ipv4.conf.all.rp_filter");
	all = rtnl_netconf_get_all(cache, AF_INET);
	if (all) {
		rtnl_netconf_get_rp_filter(all, &value);
		rtnl_netconf_put(all);
	}
	nl_cache_free(cache);
	if (value != 0) {
		diag_error(s->d, NULL,
			   "net.ipv4.conf.all.rp_filter is %d: the kernel would drop what "
			   "comes back from the TUNs",
			   value);
		diag_hint(s->d,
			  "set it to 0, and rp_filter=%d for each interface that wants it: "
			  "sysctl net.ipv4.conf.all.rp_filter=0",
			  value);
		return -EPERM;
	}
	return 0;
}

static struct nl_msg *setup(uint32_t index, uint32_t mtu, uint32_t txqueuelen, bool has_ipv6)
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
	if (!err && has_ipv6)
		err = rtnl_link_inet6_set_addr_gen_mode(change, IN6_ADDR_GEN_MODE_NONE);
	if (mtu)
		rtnl_link_set_mtu(change, mtu);
	rtnl_link_set_txqlen(change, txqueuelen);
	if (!err)
		rtnl_link_build_change_request(orig, change, 0, &msg);
out:
	rtnl_link_put(orig);
	rtnl_link_put(change);
	return msg;
}

static struct nl_msg *up(uint32_t index)
{
	struct ifinfomsg hdr = { .ifi_index = (int)index,
				 .ifi_flags = IFF_UP,
				 .ifi_change = IFF_UP };

	return netlink_message(RTM_NEWLINK, 0, &hdr, sizeof(hdr));
}

static struct nl_msg *address(uint32_t index, const struct config_address *a)
{
	struct ifaddrmsg hdr = { .ifa_family = (uint8_t)netlink_family(a->family),
				 .ifa_prefixlen = a->len,
				 .ifa_flags = IFA_F_NODAD,
				 .ifa_scope = RT_SCOPE_UNIVERSE,
				 .ifa_index = index };
	struct nl_msg *msg = netlink_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &hdr,
					     sizeof(hdr));

	if (msg && (netlink_put_addr(msg, IFA_LOCAL, a->family, &a->addr) < 0 ||
		    netlink_put_addr(msg, IFA_ADDRESS, a->family, &a->addr) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int steer_port_up(struct steer *s, const char *name, uint32_t mtu, uint32_t txqueuelen,
		  const struct config_addresses *addresses, uint32_t *ret_index)
{
	struct netlink_link link;
	char buf[ADDR_TEXT];
	size_t i;
	int err;

	err = netlink_find_link(&s->nl, name, &link);
	if (err)
		return steer_fail(s, err, "cannot find the TUN %s", name);
	err = netlink_call(&s->nl, setup(link.index, mtu, txqueuelen, s->has_ipv6));
	if (err)
		return steer_fail(s, err, "cannot set up the TUN %s", name);
	err = netlink_call(&s->nl, up(link.index));
	if (err)
		return steer_fail(s, err, "cannot bring the TUN %s up", name);
	for (i = 0; i < addresses->n; i++) {
		const struct config_address *a = &addresses->p[i];

		err = netlink_call(&s->nl, address(link.index, a));
		if (err)
			return steer_fail(s, err, "cannot put the address %s on the TUN %s",
					  addr_print(a->family, &a->addr, buf), name);
	}
	*ret_index = link.index;
	return 0;
}
