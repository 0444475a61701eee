/* translate.h - one end of a packet rewritten, as NAT does (nf_nat_proto.c; conntrack.md 9.8
 * and 5.4).
 *
 * An address, and what tells flows between the same addresses apart: a port, an ICMP id, a
 * GRE call id.  Checksums follow by increments (RFC 1624), so that one that was wrong stays
 * wrong; UDP's 0, which means none, stays 0; SCTP's CRC is computed anew.  Of a checksum that
 * is yet to be filled in (NEEDS_CSUM), as super-packets have it, only the pseudo-header's sum
 * is changed, and the virtio-net header stays true.  The pseudo-header has the address that
 * stands in the IP header, also where IPv4 options or an IPv6 routing header name a later
 * destination: so the kernel has it.  Of a later fragment, and where no transport header was
 * found, the address alone is changed.
 *
 * The packet's view follows: addresses, ports, ICMP id; its hash is forgotten. */
#ifndef CTFW_TRANSLATE_H
#define CTFW_TRANSLATE_H

#include "ctfw/packet.h"

/* Which end (enum nf_nat_manip_type). */
enum translate_side {
	TRANSLATE_SRC = 0,
	TRANSLATE_DST = 1,
};

/* What it becomes.  id, in network byte order: the port of TCP, UDP, UDPLite and SCTP; the id
 * of ICMP queries and ICMPv6 echoes, which is the same for both sides; the call id of GRE
 * version 1, which is the destination's, so that TRANSLATE_SRC leaves it.  For other protocols
 * it does not matter. */
struct translation {
	union addr addr; /* of the packet's family */
	uint16_t id;
};

/* nf_nat_manip_pkt.  False: the packet must be dropped, and is unchanged, since its transport
 * header is cut short or GRE of a version that nobody knows. */
bool packet_translate(struct packet *p, enum translate_side side, const struct translation *to);

/* nf_nat_icmp_reply_translation, nf_nat_icmpv6_reply_translation: an ICMP error about a packet
 * of a translated flow.  What it quotes went the other way, and gets its other side: address,
 * id, and its own checksums as far as they are there.  The error itself gets its address at
 * `side`; both become to->addr.  Its checksum is computed anew.
 *
 * False: the packet must be dropped, and is unchanged: it is no error, a redirect, its
 * checksum is wrong (whatever options say), or what it quotes is cut shorter than 8 bytes of
 * transport header. */
bool packet_translate_error(struct packet *p, enum translate_side side,
			    const struct translation *to);

#endif
