/* translate.c - one end of a packet rewritten (nf_nat_proto.c).
 *
 * One function for all protocols: a row of the table says where in a transport header the port
 * or its like lies and which checksum covers it.  What follows from the IP header is the same
 * for all.
 *
 * Nothing is written before it is known that all of it can be: a packet that must be dropped
 * is left as it was. */
#include "ctfw/translate.h"

#include <netinet/in.h>

#include "packet/sums.h"

#define IPV4_HEADER 20
#define IPV4_CHECKSUM 10
#define ICMP_HEADER 8
#define ICMP_CHECKSUM 2
#define ICMP_REDIRECT 5
#define ICMPV6_ECHO 128
#define ICMPV6_ECHO_REPLY 129
#define GRE_VERSION_MASK 7

/* What a checksum covers, and how it is written. */
enum sum_kind {
	SUM_PSEUDO = 1 << 0,  /* addresses, too */
	SUM_NONZERO = 1 << 1, /* 0 would mean that there is none */
	SUM_MAY_LACK = 1 << 2, /* 0 is legal, and stays */
	SUM_CRC = 1 << 3,
};

/* Whether a header has what may be changed there. */
enum id_use {
	ID_USED = 0,
	ID_UNUSED, /* this message has none, or not on this side */
	ID_UNKNOWN, /* nobody knows: the packet must be dropped */
};

struct layout {
	uint8_t needed;   /* bytes that must be there; 0: nothing in here is changed */
	uint8_t whole;    /* bytes that must be there for the checksum to be changed */
	uint8_t sum;      /* enum sum_kind, where there is one */
	uint8_t sum_off;  /* 0: there is none */
	uint8_t id_off[2]; /* by side */
	/* NULL: ID_USED */
	enum id_use (*id_use)(const uint8_t *l4, enum translate_side side);
};

static enum id_use icmp_id_use(const uint8_t *l4, enum translate_side side)
{
	(void)side;
	switch (l4[0]) {
	case 0: case 8:   /* echo */
	case 13: case 14: /* timestamp */
	case 15: case 16: /* information */
	case 17: case 18: /* address mask */
		return ID_USED;
	default:
		return ID_UNUSED;
	}
}

static enum id_use icmpv6_id_use(const uint8_t *l4, enum translate_side side)
{
	(void)side;
	return l4[0] == ICMPV6_ECHO || l4[0] == ICMPV6_ECHO_REPLY ? ID_USED : ID_UNUSED;
}

/* Version 1 is PPTP's, and says whose call it is by the id that the receiver chose. */
static enum id_use gre_id_use(const uint8_t *l4, enum translate_side side)
{
	if (side == TRANSLATE_SRC)
		return ID_UNUSED;
	switch (l4[1] & GRE_VERSION_MASK) {
	case 0:
		return ID_UNUSED;
	case 1:
		return ID_USED;
	default:
		return ID_UNKNOWN;
	}
}

/* Eight bytes are what an ICMP error must quote (RFC 792), and what the kernel wants of all. */
static const struct layout layouts[256] = {
	[IPPROTO_TCP] = { 8, 20, SUM_PSEUDO, 16, { 0, 2 }, NULL },
	[IPPROTO_UDP] = { 8, 8, SUM_PSEUDO | SUM_NONZERO | SUM_MAY_LACK, 6, { 0, 2 }, NULL },
	[IPPROTO_UDPLITE] = { 8, 8, SUM_PSEUDO | SUM_NONZERO, 6, { 0, 2 }, NULL },
	[IPPROTO_SCTP] = { 8, 12, SUM_CRC, 8, { 0, 2 }, NULL },
	[IPPROTO_ICMP] = { 8, 8, 0, 2, { 4, 4 }, icmp_id_use },
	[IPPROTO_ICMPV6] = { 8, 8, SUM_PSEUDO, 2, { 4, 4 }, icmpv6_id_use },
	[IPPROTO_GRE] = { 8, 8, 0, 0, { 6, 6 }, gre_id_use },
};

/* Twelve bytes of an IPv4 address are zero, and so add nothing. */
static uint64_t address_change(const union addr *from, const union addr *to)
{
	uint64_t change = 0;

	for (unsigned i = 0; i < 4; i++)
		change += (uint64_t)(uint32_t)~from->w[i] + to->w[i];
	return change;
}

/* id: what is added by it; pseudo: by the address. */
static void adjust_sum(struct packet *p, const struct layout *l, uint64_t id, uint64_t pseudo)
{
	uint8_t *field = p->data + p->l4_off + l->sum_off;

	if (!(l->sum & SUM_PSEUDO))
		pseudo = 0;
	if (sum_is_partial(p)) {
		/* Only the pseudo-header is in it yet, and nothing in a CRC. */
		if (l->sum & SUM_PSEUDO)
			sum_adjust_partial(field, pseudo);
	} else if (l->sum & SUM_CRC) {
		sum_put_sctp(p);
	} else if (!(l->sum & SUM_NONZERO)) {
		sum_adjust(field, id + pseudo);
	} else if (!(l->sum & SUM_MAY_LACK) || load16(field)) {
		sum_adjust_nonzero(field, id + pseudo);
	}
}

static void put_id(struct packet *p, uint8_t *field, enum translate_side side, uint16_t id)
{
	store16(field, id);
	if (p->flags & PACKET_PORTS)
		*(side == TRANSLATE_SRC ? &p->sport : &p->dport) = id;
	else if (p->l4_proto != IPPROTO_GRE)
		p->icmp_id = id;
}

/* l4proto_manip_pkt().  pseudo: what the new address adds to a pseudo-header's sum. */
static bool translate_transport(struct packet *p, enum translate_side side, uint16_t to,
				uint64_t pseudo)
{
	const struct layout *l = &layouts[p->l4_proto];
	uint8_t *l4 = p->data + p->l4_off, *field = l4 + l->id_off[side];
	enum id_use use = ID_USED;
	uint64_t change = 0;

	if (!l->needed)
		return true;
	if (p->l4_len < l->needed)
		return false;
	if (l->id_use)
		use = l->id_use(l4, side);
	if (use == ID_UNKNOWN)
		return false;
	if (use == ID_USED) {
		change = sum_change16(load16(field), to);
		put_id(p, field, side, to);
	}
	if (l->sum_off && p->l4_len >= l->whole)
		adjust_sum(p, l, change, pseudo);
	return true;
}

/* nf_nat_ipv4_manip_pkt(), nf_nat_ipv6_manip_pkt() */
bool packet_translate(struct packet *p, enum translate_side side, const struct translation *to)
{
	union addr *addr = side == TRANSLATE_SRC ? &p->saddr : &p->daddr;
	uint64_t change = address_change(addr, &to->addr);

	if (has_transport(p) && !translate_transport(p, side, to->id, change))
		return false;
	if (p->family == L3_IPV4) {
		sum_adjust(p->data + IPV4_CHECKSUM, change);
		memcpy(p->data + (side == TRANSLATE_SRC ? 12 : 16), &to->addr, 4);
	} else {
		memcpy(p->data + (side == TRANSLATE_SRC ? 8 : 24), &to->addr, 16);
	}
	*addr = to->addr;
	p->hash = 0;
	return true;
}

/* ---- ICMP errors ---- */

/* An error whose body quotes a packet that may be rewritten.  A redirect is not among them: it
 * is about a router that the one behind NAT does not know. */
static bool is_error(const struct packet *p)
{
	if (!packet_is_icmp_error(p))
		return false;
	return p->family != L3_IPV4 || p->icmp_type != ICMP_REDIRECT;
}

static void put_icmp_checksum(struct packet *p)
{
	uint8_t *l4 = p->data + p->l4_off;
	uint64_t sum = 0;

	if (p->family == L3_IPV6)
		sum = checksum_pseudo(p->family, &p->saddr, &p->daddr, p->l4_proto, p->l4_len);
	store16(l4 + ICMP_CHECKSUM, 0);
	store16(l4 + ICMP_CHECKSUM, (uint16_t)~checksum_fold(checksum_add(sum, l4, p->l4_len)));
}

bool packet_translate_error(struct packet *p, enum translate_side side,
			    const struct translation *to)
{
	enum translate_side other = side == TRANSLATE_SRC ? TRANSLATE_DST : TRANSLATE_SRC;
	struct packet quoted;

	if (!is_error(p) || !packet_checksum_ok(p) ||
	    packet_parse_quoted(p, p->l4_off + ICMP_HEADER, &quoted) < 0)
		return false;
	/* A transport header within the IP header: nobody sent that. */
	if (quoted.family == L3_IPV4 && quoted.l4_off < IPV4_HEADER)
		return false;
	if (!packet_translate(&quoted, other, to))
		return false;
	if (!sum_is_partial(p))
		put_icmp_checksum(p);
	return packet_translate(p, side, to);
}
