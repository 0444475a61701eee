/* nat_range.h - what a NAT statement asks for. */
#ifndef CTFW_NAT_RANGE_H
#define CTFW_NAT_RANGE_H

#include "ctfw/addr.h"

enum nat_type { NAT_NONE = 0, NAT_SNAT, NAT_DNAT, NAT_MASQUERADE, NAT_REDIRECT };

enum nat_range_flag {
	NAT_RANGE_ADDR = 1 << 0,       /* addresses are given; else it stays */
	NAT_RANGE_PORT = 1 << 1,       /* ports are given, or ids of ICMP */
	NAT_RANGE_RANDOM = 1 << 2,     /* a new port also where the old one is free: both of
					* `random` and `fully-random`, which the kernel treats
					* alike since 5.0 */
	NAT_RANGE_PERSISTENT = 1 << 3, /* a client gets one address for all destinations */
	NAT_RANGE_PREFIX = 1 << 4,     /* the bits in which both addresses differ stay */
};

/* What is allowed (nf_nat_range2). */
struct nat_range {
	uint8_t flags; /* enum nat_range_flag */
	uint16_t min_port, max_port;   /* host byte order; either may be the lower one */
	union addr min_addr, max_addr; /* network byte order, compared as numbers */
};

/* A statement, with all that was looked up for this packet.  Of MASQUERADE and REDIRECT the
 * address is the host's, which whoever evaluates knows. */
struct nat_request {
	enum nat_type type;
	struct nat_range range;
};

#endif
