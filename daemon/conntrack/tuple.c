/* tuple.c - keys of flows: from packets, inverted, compared, hashed.
 *
 * Facts: conntrack.md section 2; nf_ct_get_tuple(), nf_ct_invert_tuple() and the trackers'
 * *_pkt_to_tuple().  DCCP has no ports here: the kernel has treated it as any other protocol
 * since 6.16.
 *
 * No state, no locking. */
#include "ctfw/tuple.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define ICMP_PAIR(a, b) [a] = (b) + 1, [b] = (a) + 1

/* Type of the answer plus one; 0: nobody answers that. */
static const uint8_t icmp_answer[256] = {
	ICMP_PAIR(8, 0),   /* echo */
	ICMP_PAIR(13, 14), /* timestamp */
	ICMP_PAIR(15, 16), /* information */
	ICMP_PAIR(17, 18), /* address mask */
};
static const uint8_t icmpv6_answer[256] = {
	ICMP_PAIR(128, 129), /* echo */
	ICMP_PAIR(139, 140), /* node information */
};

#define GRE_VERSION_MASK 0x0007
#define GRE_PPP 0x880b

/* GRE version 1 is PPTP's: the call id in bytes 6 and 7 is the destination's key, and what is
 * not PPP has no tuple at all.  The source's key is in no packet: only who has read the control
 * connection knows it.  Other versions have no key (gre_pkt_to_tuple). */
static int gre_key(const struct packet *p, uint16_t *ret_key)
{
	const uint8_t *gre = p->data + p->l4_off;

	*ret_key = 0;
	if (p->l4_len < 8 || (gre[1] & GRE_VERSION_MASK) != 1)
		return 0;
	if ((gre[2] << 8 | gre[3]) != GRE_PPP)
		return -EINVAL;
	memcpy(ret_key, gre + 6, sizeof(*ret_key));
	return 0;
}

/* The last word at once: read as a word soon after five small stores, it would have to wait
 * until they all have reached the cache. */
static inline void put_tail(struct tuple *t, uint64_t sport, uint64_t dport, uint64_t zone,
			    uint64_t l3, uint64_t l4)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t tail = sport | dport << 16 | zone << 32 | l3 << 48 | l4 << 56;
#else
	uint64_t tail = sport << 48 | dport << 32 | zone << 16 | l3 << 8 | l4;
#endif
	memcpy(&t->sport, &tail, sizeof(tail));
}

int tuple_from_packet(const struct packet *p, uint16_t zone, struct tuple *ret_tuple)
{
	uint16_t sport = 0, dport = 0;

	if (p->flags & (PACKET_NO_L4 | PACKET_LATER_FRAGMENT))
		return -EINVAL;
	switch (p->l4_proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
		if (!(p->flags & PACKET_PORTS))
			return -EINVAL;
		sport = p->sport;
		dport = p->dport;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (!(p->flags & PACKET_L4_HEADER))
			return -EINVAL;
		sport = p->icmp_id;
		dport = htons((uint16_t)(p->icmp_type << 8 | p->icmp_code));
		break;
	case IPPROTO_GRE:
		if (gre_key(p, &dport) < 0)
			return -EINVAL;
		break;
	}
	ret_tuple->src = p->saddr;
	ret_tuple->dst = p->daddr;
	put_tail(ret_tuple, sport, dport, zone, p->family, p->l4_proto);
	return 0;
}

int tuple_invert(const struct tuple *t, struct tuple *ret_tuple)
{
	struct tuple r = {
		.src = t->dst,
		.dst = t->src,
		.sport = t->dport,
		.dport = t->sport,
		.zone = t->zone,
		.l3 = t->l3,
		.l4 = t->l4,
	};

	if (t->l4 == IPPROTO_ICMP || t->l4 == IPPROTO_ICMPV6) {
		const uint8_t *answer = t->l4 == IPPROTO_ICMP ? icmp_answer : icmpv6_answer;
		uint16_t type_code = ntohs(t->dport);
		uint8_t type = answer[type_code >> 8];

		if (type == 0)
			return -EINVAL;
		/* The id and the code are the same both ways. */
		r.sport = t->sport;
		r.dport = htons((uint16_t)((type - 1) << 8 | (type_code & 0xff)));
	}
	*ret_tuple = r;
	return 0;
}

uint64_t tuple_hash(const struct siphash_key *key, const struct tuple *t)
{
	uint64_t words[5];

	memcpy(words, t, sizeof(words));
	/* Twelve bytes of an IPv4 address are zero: two words say all. */
	if (t->l3 == L3_IPV4)
		return siphash_pair(key, (uint64_t)t->src.w[0] << 32 | t->dst.w[0], words[4]);
	return siphash_words(key, words, 5);
}

static bool is_sane(const struct tuple *t)
{
	const union addr *a = &t->src, *b = &t->dst;

	return t->l3 == L3_IPV6 || (t->l3 == L3_IPV4 && (a->w[1] | a->w[2] | a->w[3] | b->w[1] |
							 b->w[2] | b->w[3]) == 0);
}

bool tuples_are_sane(const struct tuple t[2])
{
	return is_sane(&t[0]) && is_sane(&t[1]) && t[0].l3 == t[1].l3 && t[0].l4 == t[1].l4;
}
