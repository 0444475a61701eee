/* mangle.h - changes to a packet's bytes, and to the checksums that cover them.
 *
 * What nft_payload_set_eval() and nft_exthdr's writers do.  A checksum is changed by what
 * was changed (RFC 1624), never computed anew: one that was wrong stays wrong.  UDP's 0,
 * which means none, stays 0.  Of a checksum that is yet to be filled in (NEEDS_CSUM), as
 * super-packets have it, only the pseudo-header's sum is changed.
 *
 * The packet's view follows at once, as far as it holds what headers say: addresses, ports,
 * flags of TCP, ICMP's type.  Where headers lie it keeps until packet_follow(), since the
 * kernel looks for them once a base chain; PACKET_MOVED says that this is due. */
#ifndef CTFW_MANGLE_H
#define CTFW_MANGLE_H

#include "ctfw/packet.h"

enum mangle_base {
	MANGLE_NONE = 0,
	MANGLE_NETWORK,   /* the IP header */
	MANGLE_TRANSPORT, /* the transport header */
	MANGLE_INNER,     /* what is behind the transport header */
};

/* The checksums that cover what is written. */
enum mangle_sum {
	MANGLE_SUM_HEADER = 1 << 0, /* one of 16 bits in the same header, at sum_off */
	MANGLE_SUM_PSEUDO = 1 << 1, /* the transport header's, by its pseudo-header */
	MANGLE_SUM_CRC = 1 << 2,    /* SCTP's, over all of the transport part */
};

/* What is written where; all but the value. */
struct mangle {
	uint8_t base;    /* enum mangle_base */
	uint8_t sums;    /* enum mangle_sum */
	uint8_t sum_off; /* bytes from the header's start */
	uint8_t bits;    /* 1..MANGLE_BITS */
	uint16_t bit;    /* where it begins in the header; bit 0 is the first byte's highest */
};
#define MANGLE_BITS 128

enum mangled {
	MANGLED = 1,
	MANGLED_BREAK, /* it is not there: nothing was changed, and the rule does not match */
	MANGLED_DROP,  /* TCP options that cannot be read: the kernel drops the packet */
};

/* value: the lowest m->bits of this number, whose first byte is the highest. */
enum mangled packet_mangle(struct packet *p, const struct mangle *m,
			   const uint8_t value[MANGLE_BITS / 8]);

/* Where the headers are now.  A checksum that was left to be filled in behind a header that
 * has moved is filled in. */
void packet_follow(struct packet *p);

/* Bytes of the first TCP option of that kind: len of them, 2 or 4, off bytes behind its
 * kind.  Without that option nothing happens; a segment size is never made larger. */
enum mangled packet_set_tcp_option(struct packet *p, uint8_t kind, uint8_t off, uint8_t len,
				   const uint8_t *bytes);
/* Overwrite the first option of that kind with padding. */
enum mangled packet_reset_tcp_option(struct packet *p, uint8_t kind);

/* Another number at off bytes into a whole TCP header, be it among its options.  Its checksum
 * follows; unlike above 0 may come out as 0 (inet_proto_csum_replace4). */
void packet_set_tcp_number(struct packet *p, uint32_t off, uint32_t number);

/* Replace old_len bytes at off of what a TCP or UDP packet carries by len others; what is
 * behind them moves (nf_nat_mangle_tcp_packet, nf_nat_mangle_udp_packet).  room: so many bytes
 * from p->data on may be the packet's.  Lengths follow, and so do checksums: the transport's is
 * computed anew, as the kernel does here, but for UDP's 0 and for the pseudo-header's sum where
 * the rest is yet to be filled in.  A super-packet's gso_size and header stay as they are.
 *
 * False, and nothing was changed: it would not fit into room or into an IP packet, these bytes
 * are not there, it is a fragment or of another protocol, or a super-packet of datagrams (USO)
 * that would no longer be of one length.  bytes may not lie in the packet. */
bool packet_splice(struct packet *p, uint32_t off, uint32_t old_len, const void *bytes,
		   uint32_t len, uint32_t room);

#endif
