/* eval_exthdr.c - headers that are found by their number: extension headers, options, chunks
 * (nft_exthdr_*_eval()).
 *
 * A walk of each steps over at least one byte, and stops where the packet says nonsense, at the
 * same place as the kernel's. */
#include <netinet/in.h>
#include <string.h>

#include "ruleset/eval_field.h"

struct place {
	uint32_t off, len; /* from the packet's first byte; what of it there is */
};

static uint32_t be16_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* ---- IPv6 ---- */

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_AH || next == IPPROTO_DSTOPTS;
}

static uint32_t extension_len(uint8_t header, const uint8_t *h)
{
	if (header == IPPROTO_FRAGMENT)
		return 8;
	if (header == IPPROTO_AH)
		return (h[1] + 2u) * 4;
	return (h[1] + 1u) * 8;
}

/* ipv6_find_hdr(). */
static bool find_ip6(const struct packet *pk, uint8_t wanted, struct place *ret)
{
	uint32_t off = 40;
	uint8_t header = pk->data[6];

	for (;;) {
		const uint8_t *h = pk->data + off;

		if (!is_extension(header)) {
			if (header != wanted)
				return false;
			break;
		}
		if (off + 2 > pk->len || (header == IPPROTO_ROUTING && off + 4 > pk->len) ||
		    (header == IPPROTO_FRAGMENT && off + 4 > pk->len))
			return false;
		if (header == wanted)
			break;
		/* Behind the first fragment there are no headers. */
		if (header == IPPROTO_FRAGMENT && be16_at(h + 2) & 0xfff8)
			return false;
		off += extension_len(header, h);
		header = h[0];
		if (off > pk->len)
			return false;
	}
	*ret = (struct place){off, pk->len - off};
	return true;
}

/* ---- IPv4 ---- */

#define IPOPT_EOL_  0
#define IPOPT_NOP_  1
#define IPOPT_RR_   7
#define IPOPT_TIME  68
#define IPOPT_LSRR_ 131
#define IPOPT_ALERT 148
#define IPOPT_SSRR_ 137

/* What a host checks of an option that it knows (RFC 791 3.1, __ip_options_compile()). */
static bool is_valid_route(const uint8_t *o, uint8_t len)
{
	return len >= 7 && o[2] == 4 && (len - 3) % 4 == 0;
}

static bool is_valid_record(const uint8_t *o, uint8_t len)
{
	return len >= 3 && o[2] >= 4 && (o[2] > len || o[2] + 3 <= len);
}

static bool is_valid_time(const uint8_t *o, uint8_t len)
{
	unsigned kind;

	if (len < 4 || o[2] < 5)
		return false;
	kind = o[3] & 0xfu;
	if (o[2] > len)
		return kind == 3 || o[3] >> 4 != 15;
	if (o[2] + 3 > len)
		return false;
	return (kind != 1 && kind != 3) || o[2] + 7 <= len;
}

/* Each of these may be there once. */
struct ip_options {
	uint8_t route, record, time; /* where, from the options' first byte, plus one */
};

static bool is_valid_option(struct ip_options *seen, const uint8_t *all, uint32_t at,
			    uint8_t len)
{
	const uint8_t *o = all + at;
	uint8_t *where, here = (uint8_t)(at + 1);

	switch (*o) {
	case IPOPT_LSRR_:
	case IPOPT_SSRR_:
		where = &seen->route;
		if (!is_valid_route(o, len))
			return false;
		break;
	case IPOPT_RR_:
		where = &seen->record;
		if (!is_valid_record(o, len))
			return false;
		break;
	case IPOPT_TIME:
		where = &seen->time;
		if (!is_valid_time(o, len))
			return false;
		break;
	case IPOPT_ALERT:
		return len >= 4;
	default:
		return true;
	}
	if (*where)
		return false;
	*where = here;
	return true;
}

/* One wrong option, and there are none (ipv4_find_option()).  A rule may have written another
 * header length since the packet was parsed. */
static bool find_ip(const struct packet *pk, uint8_t wanted, struct place *ret)
{
	uint32_t hlen = pk->data[0] % 16u * 4, len, at = 0, found = 0;
	const uint8_t *all = pk->data + 20;
	struct ip_options seen = {0};
	bool is_found = false;

	if (hlen < 20 || hlen > pk->len)
		return false;
	len = hlen - 20;
	while (at < len && all[at] != IPOPT_EOL_) {
		uint8_t n;

		if (all[at] == IPOPT_NOP_) {
			at++;
			continue;
		}
		if (len - at < 2)
			return false;
		n = all[at + 1];
		if (n < 2 || n > len - at || !is_valid_option(&seen, all, at, n))
			return false;
		if (all[at] == wanted &&
		    (wanted != IPOPT_ALERT || (!all[at + 2] && !all[at + 3]))) {
			is_found = true;
			found = at;
		}
		at += n;
	}
	if (!is_found)
		return false;
	*ret = (struct place){20 + found, pk->len - 20 - found};
	return true;
}

/* ---- TCP ---- */

/* nft_exthdr_tcp_eval().  An option that ends behind the header is one that is not there, and
 * so is one without the whole field. */
static bool find_tcp(const struct packet *pk, uint8_t wanted, uint32_t need, struct place *ret)
{
	const uint8_t *h = pk->data + pk->l4_off;
	uint32_t len;

	if (pk->l4_proto != IPPROTO_TCP || !field_has_transport(pk) || pk->l4_len < 20)
		return false;
	len = h[12] / 16u * 4;
	if (len < 20 || len > pk->l4_len)
		return false;
	for (uint32_t at = 20; at + 1 < len;) {
		uint32_t n = h[at] <= 1 || !h[at + 1] ? 1 : h[at + 1];

		if (h[at] == wanted) {
			if (at + n > len || need > n)
				return false;
			*ret = (struct place){pk->l4_off + at, n};
			return true;
		}
		at += n;
	}
	return false;
}

/* ---- SCTP ---- */

/* nft_exthdr_sctp_eval(). */
static bool find_sctp(const struct packet *pk, uint8_t wanted, bool whole, struct place *ret)
{
	uint32_t off = pk->l4_off + 12u, len;

	if (pk->l4_proto != IPPROTO_SCTP || !field_has_transport(pk))
		return false;
	for (; off + 4 <= pk->len; off += (len + 3) & ~3u) {
		len = be16_at(pk->data + off + 2);
		if (!len)
			return false;
		if (pk->data[off] != wanted)
			continue;
		*ret = (struct place){off, len};
		return !whole || len <= pk->len - off;
	}
	return false;
}

/* ---- a field of one of them ---- */

/* off: its number; a: bit offset; b: bits, 0 when only its being there is asked for. */
bool eval_exthdr(const struct eval *e, const struct insn *i, struct wide *ret)
{
	const struct packet *pk = e->packet;
	uint8_t wanted = (uint8_t)i->off, bytes[FIELD_MAX_BYTES];
	uint32_t first = i->a / 8, skip = i->a % 8, n = (skip + i->b + 7) / 8;
	struct place at;
	bool found;

	switch ((enum field_kind)i->k) {
	case FIELD_IP6:
		found = find_ip6(pk, wanted, &at);
		break;
	case FIELD_IP:
		found = find_ip(pk, wanted, &at);
		break;
	case FIELD_TCP:
		/* Being there means a first byte. */
		found = find_tcp(pk, wanted, i->b ? first + n : 1, &at);
		break;
	default:
		found = find_sctp(pk, wanted, i->b, &at);
		break;
	}
	if (!i->b) {
		*ret = (struct wide){0, found};
		return true;
	}
	if (!found || first > at.len || n > at.len - first)
		return false;
	memcpy(bytes, pk->data + at.off + first, n);
	*ret = field_bits(bytes, skip, i->b);
	return true;
}
