/* tuple.h - one direction of a flow, as a key (nf_conntrack_tuple).
 *
 *   0       16       32  34  36   38  39  40
 *   +--------+--------+---+---+----+---+---+
 *   | src    | dst    |sp |dp |zone|l3 |l4 |
 *   +--------+--------+---+---+----+---+---+
 *
 * 40 bytes, no padding: compared and hashed as five 64-bit words.  sp and dp are ports
 * for TCP, UDP, UDPLite and SCTP; for ICMP sp is the id and dp type and code; for GRE
 * version 1 dp is the call id; else 0. */
#ifndef CTFW_TUPLE_H
#define CTFW_TUPLE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctfw/addr.h"
#include "ctfw/packet.h"
#include "ctfw/siphash.h"

struct tuple {
	union addr src, dst;
	uint16_t sport; /* network byte order */
	uint16_t dport; /* network byte order; ICMP: type in the first byte, code behind it */
	uint16_t zone;  /* host byte order */
	uint8_t l3;     /* enum l3 */
	uint8_t l4;     /* IP protocol number */
};
_Static_assert(sizeof(struct tuple) == 40, "a tuple is five words without padding");

/* Protocols whose headers begin with ports. */
static inline bool l4_has_ports(uint8_t l4)
{
	return l4 == IPPROTO_TCP || l4 == IPPROTO_UDP || l4 == IPPROTO_UDPLITE ||
	       l4 == IPPROTO_SCTP;
}

/* From a packet (nf_ct_get_tuple, conntrack.md 2.1 and 2.2).  0, or -EINVAL when none can
 * be had: the packet is invalid. */
int tuple_from_packet(const struct packet *p, uint16_t zone, struct tuple *ret_tuple);
/* The answer's tuple (nf_ct_invert_tuple, conntrack.md 2.3).  0, or -EINVAL: an ICMP type
 * that has no answer. */
int tuple_invert(const struct tuple *t, struct tuple *ret_tuple);
/* Whether a flow's two may look like this: of one family and protocol, and IPv4 addresses in
 * their first word alone.  For what a stranger made. */
bool tuples_are_sane(const struct tuple t[2]);
static inline bool tuple_equal(const struct tuple *a, const struct tuple *b)
{
	const uint64_t *x = (const uint64_t *)a, *y = (const uint64_t *)b;

	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) |
		(x[4] ^ y[4])) == 0;
}
/* IPv4 tuples are hashed in two words, others in five. */
uint64_t tuple_hash(const struct siphash_key *key, const struct tuple *t);

#endif
