/* mangle.c - changes to a packet's bytes, and to the checksums that cover them.
 *
 * Everything lies within the packet at an even distance from its first byte, but for what is
 * written itself: a byte at an odd place is the lower one of its word.  The kernel adds it as
 * the higher one where nft asks it to, so that there `@th,8,16 set` would break a checksum. */
#include "ctfw/mangle.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "packet/sums.h"

#define TCP_HEADER 20
#define TCP_CHECKSUM 16
#define TCP_OPTION_NOP 1
#define TCP_OPTION_MAXSEG 2
#define TCP_HEADER_MAX 60
#define UDP_HEADER 8
#define UDP_CHECKSUM 6
#define ICMPV6_CHECKSUM 2
#define SCTP_HEADER 12

/* ---- checksums ---- */

/* A change of bytes: at is their place in the packet. */
struct change {
	const uint8_t *from, *to;
	uint32_t at, len;
};

/* What it adds to a sum. */
static uint64_t difference(const struct change *c)
{
	uint16_t from = checksum_fold(checksum_add(0, c->from, c->len));
	uint16_t to = checksum_fold(checksum_add(0, c->to, c->len));
	uint64_t sum = UINT16_MAX + sum_change16(from, to);

	return c->at & 1 ? __builtin_bswap16(checksum_fold(sum)) : sum;
}

/* Where the checksum lies that has a pseudo-header, or NULL; false when it ends behind the
 * packet (nft_payload_l4csum_offset). */
static bool find_pseudo(const struct packet *p, uint8_t **ret_field)
{
	uint8_t *l4 = p->data + p->l4_off;
	uint32_t off;

	*ret_field = NULL;
	if (!has_transport(p))
		return true;
	switch (p->l4_proto) {
	case IPPROTO_TCP:
		off = TCP_CHECKSUM;
		break;
	case IPPROTO_UDP:
		/* Not even a whole header, or no checksum. */
		if (p->l4_len < UDP_HEADER || load16(l4 + UDP_CHECKSUM) == 0)
			return true;
		off = UDP_CHECKSUM;
		break;
	case IPPROTO_UDPLITE:
		off = UDP_CHECKSUM;
		break;
	case IPPROTO_ICMPV6:
		off = ICMPV6_CHECKSUM;
		break;
	default:
		return true;
	}
	if (off + 2 > p->l4_len)
		return false;
	*ret_field = l4 + off;
	return true;
}

/* The header's own, or NULL; false when it ends behind the packet. */
static bool find_own(const struct packet *p, const struct mangle *m, uint8_t **ret_field)
{
	uint32_t start = m->base == MANGLE_NETWORK ? 0 : p->l4_off;
	uint8_t *field = p->data + start + m->sum_off;

	*ret_field = NULL;
	if (m->base != MANGLE_NETWORK && sum_is_partial(p))
		return true; /* the payload is not in it yet */
	if (start + m->sum_off + 2 > p->len)
		return false;
	if (m->base == MANGLE_TRANSPORT && p->l4_proto == IPPROTO_UDP && load16(field) == 0)
		return true;
	*ret_field = field;
	return true;
}

/* nft_payload_l4csum_update() */
static void replace_pseudo(const struct packet *p, uint8_t *field, const struct change *c)
{
	if (sum_is_partial(p))
		sum_adjust_partial(field, difference(c));
	else
		sum_adjust_nonzero(field, difference(c));
}

/* skb_checksum_help() */
static void fill_in(struct packet *p)
{
	uint8_t *from = p->data + p->vnet.csum_start, *field = from + p->vnet.csum_offset;
	uint16_t sum = (uint16_t)~checksum_fold(
		checksum_add(0, from, p->len - p->vnet.csum_start));

	store16(field, sum ? sum : UINT16_MAX);
	p->vnet.flags &= (uint8_t)~VIRTIO_NET_HDR_F_NEEDS_CSUM;
	p->vnet.csum_start = p->vnet.csum_offset = 0;
}

/* ---- bytes ---- */

static bool find_header(const struct packet *p, enum mangle_base base, uint32_t *ret_off)
{
	if (base == MANGLE_NETWORK) {
		*ret_off = 0;
		return true;
	}
	if (!has_transport(p))
		return false;
	*ret_off = p->l4_off;
	return base == MANGLE_TRANSPORT || packet_inner(p, ret_off);
}

/* The bits' bytes as they will be: bit counts from their first one. */
static void put_bits(uint8_t *bytes, unsigned bit, unsigned bits, const uint8_t *value)
{
	if (bit % 8 == 0 && bits % 8 == 0) {
		memcpy(bytes + bit / 8, value + (MANGLE_BITS - bits) / 8, bits / 8);
		return;
	}
	for (unsigned i = 0; i < bits; i++) {
		unsigned from = MANGLE_BITS - bits + i, to = bit + i;
		uint8_t mask = (uint8_t)(0x80 >> to % 8);

		if (value[from / 8] & 0x80 >> from % 8)
			bytes[to / 8] |= mask;
		else
			bytes[to / 8] &= (uint8_t)~mask;
	}
}

/* Bytes that say where the headers behind them are. */
static bool says_where(const struct packet *p, const struct change *c)
{
	static const uint8_t ipv4[] = { 0, 6, 7, 9 };
	/* Rules see it as the transport header; others look behind it. */
	bool auth = p->family == L3_IPV6 && p->l4_proto == IPPROTO_AH;

	if (c->at >= p->l4_off && !auth)
		return false;
	if (p->family == L3_IPV6)
		return (c->at <= 6 && c->at + c->len > 6) || c->at + c->len > 40;
	for (unsigned i = 0; i < sizeof(ipv4); i++) {
		if (c->at <= ipv4[i] && c->at + c->len > ipv4[i])
			return true;
	}
	return false;
}

static void write_change(struct packet *p, const struct change *c)
{
	if (says_where(p, c) && memcmp(c->from, c->to, c->len) != 0)
		p->flags |= PACKET_MOVED;
	memcpy(p->data + c->at, c->to, c->len);
	packet_reread(p);
}

enum mangled packet_mangle(struct packet *p, const struct mangle *m,
			   const uint8_t value[MANGLE_BITS / 8])
{
	uint8_t from[MANGLE_BITS / 8 + 1], to[sizeof(from)], *own = NULL, *pseudo = NULL;
	unsigned first = m->bit % 8, len = (first + m->bits + 7u) / 8;
	struct change c = { .from = from, .to = to, .len = len };

	if (!find_header(p, m->base, &c.at))
		return MANGLED_BREAK;
	c.at += m->bit / 8;
	if (c.at + len > p->len)
		return MANGLED_BREAK;
	memcpy(from, p->data + c.at, len);
	memcpy(to, from, len);
	put_bits(to, first, m->bits, value);
	if (m->sums & MANGLE_SUM_HEADER && !find_own(p, m, &own))
		return MANGLED_BREAK;
	if (m->sums & MANGLE_SUM_PSEUDO && (m->base == MANGLE_NETWORK || !sum_is_partial(p)) &&
	    !find_pseudo(p, &pseudo))
		return MANGLED_BREAK;
	if (own)
		sum_adjust_nonzero(own, difference(&c)); /* nft_csum_replace() */
	if (pseudo)
		replace_pseudo(p, pseudo, &c);
	write_change(p, &c);
	if (m->sums & MANGLE_SUM_CRC && p->l4_proto == IPPROTO_SCTP) {
		if (p->l4_len < SCTP_HEADER)
			return MANGLED_BREAK;
		sum_put_sctp(p);
	}
	return MANGLED;
}

void packet_follow(struct packet *p)
{
	if (packet_review(p))
		return;
	/* What it says does not fit any more. */
	if (p->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && !p->vnet.gso_type)
		fill_in(p);
}

/* ---- TCP options ---- */

/* A TCP header with all its options, and how long it is (nft_tcp_header_pointer). */
static uint8_t *find_tcp(const struct packet *p, uint32_t *ret_len)
{
	uint8_t *tcp = p->data + p->l4_off;

	if (!has_transport(p) || p->l4_proto != IPPROTO_TCP || !(p->flags & PACKET_L4_HEADER))
		return NULL;
	*ret_len = (uint32_t)(tcp[12] >> 4) * 4;
	return tcp;
}

/* The first option of that kind and its length; false when there is none.  It may end behind
 * the header. */
static bool find_option(const uint8_t *tcp, uint32_t hlen, uint8_t kind, uint32_t *ret_at,
			uint32_t *ret_len)
{
	uint32_t at = TCP_HEADER, len;

	for (; at + 1 < hlen; at += len) {
		len = tcp[at] <= TCP_OPTION_NOP || tcp[at + 1] == 0 ? 1 : tcp[at + 1];
		if (tcp[at] == kind) {
			*ret_at = at;
			*ret_len = len;
			return true;
		}
	}
	return false;
}

static void write_tcp(struct packet *p, uint32_t at, const uint8_t *to, uint32_t len)
{
	uint8_t from[TCP_HEADER_MAX], *field = p->data + p->l4_off + TCP_CHECKSUM;
	struct change c = { .from = from, .to = to, .at = p->l4_off + at, .len = len };

	memcpy(from, p->data + c.at, len);
	/* Here 0 may be 0. */
	if (!sum_is_partial(p))
		sum_adjust(field, difference(&c));
	memcpy(p->data + c.at, to, len);
}

void packet_set_tcp_number(struct packet *p, uint32_t off, uint32_t number)
{
	const uint32_t bytes = htonl(number);

	write_tcp(p, off, (const uint8_t *)&bytes, sizeof(bytes));
}

enum mangled packet_set_tcp_option(struct packet *p, uint8_t kind, uint8_t off, uint8_t len,
				   const uint8_t *bytes)
{
	uint32_t hlen, at, option_len;
	uint8_t *tcp = find_tcp(p, &hlen);

	if (!tcp)
		return MANGLED_BREAK;
	if (!find_option(tcp, hlen, kind, &at, &option_len))
		return MANGLED;
	if (at + option_len > hlen || (uint32_t)off + len > option_len)
		return MANGLED_BREAK;
	at += off;
	/* A larger one could be more than some link on the way can carry. */
	if (kind == TCP_OPTION_MAXSEG && len == 2 && memcmp(tcp + at, bytes, 2) <= 0)
		return MANGLED;
	if (memcmp(tcp + at, bytes, len) != 0)
		write_tcp(p, at, bytes, len);
	return MANGLED;
}

enum mangled packet_reset_tcp_option(struct packet *p, uint8_t kind)
{
	uint8_t padding[TCP_HEADER_MAX];
	uint32_t hlen, at, len;
	uint8_t *tcp = find_tcp(p, &hlen);

	if (!tcp)
		return MANGLED_BREAK;
	if (!find_option(tcp, hlen, kind, &at, &len))
		return MANGLED;
	if (at + len > hlen)
		return MANGLED_DROP;
	memset(padding, TCP_OPTION_NOP, len);
	write_tcp(p, at, padding, len);
	return MANGLED;
}
