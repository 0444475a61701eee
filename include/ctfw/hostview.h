/* hostview.h - what the engine must know of the host: an immutable snapshot.
 *
 * Addresses, links and routes as they were at one instant.  The daemon makes a new one
 * from rtnetlink when something changed and swaps a pointer; replay makes one from its
 * options.  Built once, then only read; freed after a grace period. */
#ifndef CTFW_HOSTVIEW_H
#define CTFW_HOSTVIEW_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/addr.h"

struct hostview_link {
	uint32_t index;      /* the kernel's, above 0 */
	uint32_t mtu;        /* bytes; 0 unknown */
	char name[IFNAMSIZ]; /* padded with zeroes: compared as 16 bytes */
	uint16_t type;       /* ARPHRD_* */
	uint32_t group;
	bool down;           /* set so by the operator */
	char kind[IFNAMSIZ]; /* "tun", "wireguard"; padded with zeroes, which alone are none */
};

enum hostview_kind {
	HOSTVIEW_NONE = 0,
	HOSTVIEW_LOCAL, /* the host's own, a whole prefix such as 127.0.0.0/8 too */
	HOSTVIEW_BROADCAST,
	HOSTVIEW_ANYCAST,
};

/* A row of the kernel's local table, or an address of an interface. */
struct hostview_addr {
	struct prefix prefix;
	uint32_t ifindex; /* 0: none in particular */
	uint8_t kind;     /* enum hostview_kind */
	bool primary;     /* may speak for its interface: global scope, not deprecated */
	struct prefix subnet; /* that it is in, or of its peer; family 0: not known */
};

struct hostview_route {
	struct prefix prefix;
	uint32_t ifindex; /* 0: unreachable, blackhole, prohibit */
	uint32_t metric;  /* the lower one wins among equal prefixes */
	union addr gateway; /* zero: none */
};

struct hostview;

/* Copies what it is given.  NULL when out of memory. */
struct hostview *hostview_new(const struct hostview_link *links, size_t n_links,
			      const struct hostview_addr *addrs, size_t n_addrs,
			      const struct hostview_route *routes, size_t n_routes);
void hostview_free(struct hostview *hv);

/* A number that no other hostview of this process has; never 0. */
uint32_t hostview_serial(const struct hostview *hv);
/* Delivered to this host: HOSTVIEW_LOCAL, _BROADCAST or _ANYCAST, else HOSTVIEW_NONE. */
enum hostview_kind hostview_local(const struct hostview *hv, uint8_t family,
				  const union addr *addr);
/* The interface that the local address belongs to; 0: none in particular, or not local. */
uint32_t hostview_local_index(const struct hostview *hv, uint8_t family,
			      const union addr *addr);
/* The interface of the longest matching route; 0: none. */
uint32_t hostview_route(const struct hostview *hv, uint8_t family, const union addr *to);
/* The gateway of that route; zero: none. */
union addr hostview_gateway(const struct hostview *hv, uint8_t family, const union addr *to);
/* NULL when there is none. */
const struct hostview_link *hostview_link(const struct hostview *hv, uint32_t ifindex);
const struct hostview_link *hostview_link_by_name(const struct hostview *hv, const char *name);
/* The address that speaks for an interface to somebody (NULL: to anybody), else any of the
 * host's: false when the host has none of that family.  IPv4: of several the first in whose
 * subnet the next hop is, else the first (inet_select_addr).  IPv6: the one of the same kind, and
 * most like it (RFC 6724 5, rules 6 and 8: ipv6_dev_get_saddr). */
bool hostview_source(const struct hostview *hv, uint8_t family, uint32_t ifindex,
		     const union addr *to, union addr *ret_addr);

#endif
