/* packet.h - a packet: its bytes, and where things lie in them.
 *
 * packet_parse() checks a buffer once, in the kernel's order (ip_rcv_core,
 * ip6_rcv_core), and leaves offsets that may be used without further checks.  The
 * view borrows the bytes.
 *
 * A super-packet (TSO, USO) is one packet here: up to 64 KB with the virtio-net header
 * that says how it will be cut.  Nobody may judge it by an MTU. */
#ifndef CTFW_PACKET_H
#define CTFW_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_net.h>

#include "ctfw/addr.h"
#include "ctfw/reason.h"

/* Newer than Debian 12's headers: UDP segmentation offload. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define PACKET_MAX 65535 /* longest IP packet; IPv6 jumbograms are not accepted */

enum packet_flag {
	/* The transport header could not be found (conntrack.md 2.1): IPv6 chain cut short
	 * or ending in "no next header"; l4_proto is then 0 and l4_off == len.  Not when the
	 * last header merely says that it ends behind the packet: l4_len is 0 then. */
	PACKET_NO_L4 = 1 << 0,
	/* A fragment: more follow, or offset above 0. */
	PACKET_FRAGMENT = 1 << 1,
	/* A fragment behind the first: there is no transport header in it.  l4_proto is the
	 * fragmented protocol, l4_off where the data starts. */
	PACKET_LATER_FRAGMENT = 1 << 2,
	/* sport and dport are valid: TCP, UDP, UDPLite, SCTP, DCCP with 4 bytes or more. */
	PACKET_PORTS = 1 << 3,
	/* The fixed transport header is there whole: TCP 20 bytes and a data offset of 5 or
	 * more within the packet, UDP and UDPLite 8, ICMP(v6) 8, SCTP 12. */
	PACKET_L4_HEADER = 1 << 4,
	/* The host's own.  Set by the engine, not by packet_parse(). */
	PACKET_OWN = 1 << 5,
	/* IPv6: there is a fragment header, be it an atomic fragment's (RFC 6946), which is no
	 * fragment otherwise, or one that is cut short. */
	PACKET_FRAGMENT_HEADER = 1 << 6,
	/* A header that says where others lie was changed: packet_follow() is due (mangle.h). */
	PACKET_MOVED = 1 << 7,
	/* IPv6: there is an authentication header in the chain, behind which l4_off looks. */
	PACKET_AUTH = 1 << 8,
};

struct packet {
	uint8_t *data; /* first byte of the IP header */
	uint32_t len;  /* the IP packet's own length; bytes behind it were cut off */
	uint32_t l4_len; /* bytes from l4_off to the end */
	uint16_t l4_off; /* from data */
	uint8_t family; /* enum l3 */
	uint8_t l4_proto; /* IPv4 protocol, or the last next header of the IPv6 chain */
	uint16_t flags; /* enum packet_flag */
	uint8_t tcp_flags; /* byte 13 of the TCP header when PACKET_L4_HEADER, else 0 */
	uint8_t icmp_type, icmp_code; /* when PACKET_L4_HEADER and ICMP or ICMPv6, else 0 */
	uint16_t sport, dport; /* network byte order, when PACKET_PORTS, else 0; sport also
				* where the packet ends behind it */
	uint16_t icmp_id; /* network byte order: bytes 4 and 5, when ICMP(v6) is whole */
	struct virtio_net_hdr vnet; /* as read; all zero where there was none */
	union addr saddr, daddr;
	uint64_t hash; /* for the flow table; set by conntrack_prefetch(), else 0 */
};

/* TCP flags, byte 13 (RFC 9293 3.1). */
enum {
	TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08,
	TCP_ACK = 0x10, TCP_URG = 0x20, TCP_ECE = 0x40, TCP_CWR = 0x80,
};

/* Parse len bytes at data.  vnet: the header read with them, or NULL.  REASON_NONE, or
 * why the packet must be dropped; *ret_packet is filled as far as it got (data, len and
 * vnet always), so that a trace can name it. */
enum reason packet_parse(uint8_t *data, size_t len, const struct virtio_net_hdr *vnet,
			 struct packet *ret_packet);

/* For mangle.c, when bytes of the packet were changed.  What the view has of addresses and of
 * the transport header, which stays where it is: */
void packet_reread(struct packet *p);
/* All of the view, as packet_parse() would have it that refused nothing: how long the packet
 * is stays, and so does its family.  False when the virtio-net header does not fit any more. */
bool packet_review(struct packet *p);

/* The packet that an ICMP error quotes, which starts at off bytes into outer.  Looser, as
 * nf_conntrack_inet_error: neither its checksum, its version, nor whether its lengths make
 * sense is checked, and it is usually cut short (len is what is there).  0, or -EINVAL when
 * its transport header cannot be found (conntrack.md 5.3); that of IPv4 may lie within what
 * would be the IP header. */
int packet_parse_quoted(const struct packet *outer, uint32_t off, struct packet *ret_packet);

/* The 8-byte ICMP error types whose body quotes a packet: IPv4 3, 4, 5, 11, 12;
 * IPv6 every type below 128 (conntrack.md 5.1, 5.2; redirects apart). */
bool packet_is_icmp_error(const struct packet *p);

/* Where what a transport header carries begins, which may be behind the packet's end
 * (nft_payload_inner_offset): of TCP, UDP, GRE's version 0, and IPv4 in IP, which has no header
 * of its own.  False when nothing does. */
bool packet_inner(const struct packet *p, uint32_t *ret_off);

/* Whether the checksum of TCP, UDP, UDPLite, ICMP or ICMPv6 is right (nf_checksum: over all
 * bytes behind the IP header, whatever UDP's own length says; UDPLite's over what it covers, by
 * a pseudo-header of UDP as the kernel has it), and SCTP's CRC.  But for that one the kernel
 * adds up an IPv4 header with them, so that none is right behind one whose own checksum a rule
 * broke.  True where there is none to check: UDP's 0, another protocol, a later fragment, a
 * transport header that is not whole, and what the virtio-net header says is valid or yet to be
 * filled in.  That of a first fragment is over what is there, and so is wrong.  Walks the
 * payload. */
bool packet_checksum_ok(const struct packet *p);

/* Whether TCP's or UDP's checksum field holds nothing but the pseudo-header's sum, as a
 * sender leaves it that has its network card do the rest: so a capture on that host sees
 * its own packets.  True with *ret_vnet saying so (NEEDS_CSUM).  For captures only: what
 * comes from a TUN brings a header that tells. */
bool packet_checksum_is_partial(const struct packet *p, struct virtio_net_hdr *ret_vnet);

#endif
