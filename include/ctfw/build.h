/* build.h - packets that we make ourselves: what the sender of a refused packet is told.
 *
 * An answer goes to the sender of the packet that was refused.  It carries TTL 64, no
 * DF where the kernel sets none, complete checksums, and no virtio-net offload. */
#ifndef CTFW_BUILD_H
#define CTFW_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "ctfw/packet.h"

/* An answer is never longer: RFC 4443 2.4 (c), the IPv6 minimum MTU.  IPv4 errors quote
 * less, to 576 bytes in all (RFC 1812 4.3.2.3). */
#define BUILD_MAX 1280

/* A TCP RST for p (nf_reject_ip_tcphdr_put: RFC 9293 3.5.2), p's TCP header being whole.
 * For a super-packet the acknowledged length is that of all its data.  Writes at most
 * BUILD_MAX bytes to buf.  Length, or -EINVAL when there must be no answer: not TCP, a
 * RST itself, a fragment, a wrong checksum, an address that is not one host's. */
int build_tcp_reset(const struct packet *p, uint8_t *buf);

/* An ICMP or ICMPv6 destination-unreachable (or other) error that quotes p; family as
 * p's.  info: the header's second word, in host byte order, such as the MTU of a packet that is
 * too big.  from: the address that speaks.  Length, or -EINVAL when there must be no answer
 * (RFC 1122 3.2.2, RFC 4443 2.4 (e)): p is an ICMP error, a later fragment, has a wrong
 * checksum, or its source or destination is not one host's (a network's own broadcast
 * address looks like one: that is the caller's to know).  A quoted super-packet shows the
 * length and checksums that it came with. */
int build_icmp_error(const struct packet *p, uint8_t type, uint8_t code, uint32_t info,
		     const union addr *from, uint8_t *buf);

#endif
