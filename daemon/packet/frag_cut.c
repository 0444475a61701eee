/* frag_cut.c - a datagram into fragments again.
 *
 * ip_do_fragment() and ip6_fragment(): first the quick way, at the boundaries that came in;
 * the slow one, as many bytes as the longest fragment had, when the datagram has become
 * another since, or when the first fragment's IP options make the longest longer.
 *
 * One difference: an IPv6 fragment header goes where it was.  The kernel puts it behind
 * destination options that were in the fragments' data. */
#include <netinet/in.h>
#include <string.h>

#include "ctfw/checksum.h"
#include "packet/frag_private.h"

#define IPV6_MIN_MTU 1280
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_COPIED 0x80

static uint32_t head_len(const struct frag_shape *shape, const struct packet *p)
{
	uint32_t hlen = (uint32_t)(p->data[0] & 0x0f) * 4;

	if (p->family != L3_IPV4)
		return shape->head;
	/* A rule may have written nonsense there. */
	return hlen < IPV4_HEADER || hlen > p->len ? IPV4_HEADER : hlen;
}

bool frag_is_cut(const struct frag_shape *shape, const struct packet *p)
{
	return p->family == L3_IPV4 || p->len > shape->max_size;
}

void frag_cut_begin(const struct frag_shape *shape, const struct packet *p, uint32_t id,
		    struct frag_cut *ret_cut)
{
	uint32_t head = head_len(shape, p), max = shape->max_size;

	if (p->family == L3_IPV6) {
		if (max < IPV6_MIN_MTU)
			max = IPV6_MIN_MTU;
		head += FRAGMENT_HEADER;
	}
	/* At least one block, should the datagram have grown around an atomic fragment. */
	max = max < head + 8 ? 8 : max - head;
	*ret_cut = (struct frag_cut){ .id = id };
	if (p->len - head_len(shape, p) != shape->len || shape->max_data > max) {
		ret_cut->step = max;
		ret_cut->df = shape->df;
	}
}

/* Bytes of data of the fragment that begins at cut->at. */
static uint32_t next_len(const struct frag_shape *shape, const struct frag_cut *cut,
			 uint32_t left)
{
	uint32_t block = cut->at / 8 + 1;

	if (cut->step)
		return left <= cut->step ? left : cut->step & ~7u;
	for (uint64_t bits; block < FRAG_BLOCKS; block = (block / 64 + 1) * 64) {
		bits = shape->starts[block / 64] >> block % 64;
		if (bits)
			return (block + (uint32_t)__builtin_ctzll(bits)) * 8 - cut->at;
	}
	return left;
}

/* Options that only the first fragment carries (RFC 791 3.1) are gone from the others. */
static void blank_options(uint8_t *h, uint32_t hlen)
{
	uint32_t at = IPV4_HEADER, len;

	for (; at < hlen && h[at] != OPTION_END; at += len) {
		len = 1;
		if (h[at] == OPTION_NOP)
			continue;
		if (at + 2 > hlen || h[at + 1] < 2 || h[at + 1] > hlen - at)
			return;
		len = h[at + 1];
		if (!(h[at] & OPTION_COPIED))
			memset(h + at, OPTION_NOP, len);
	}
}

static uint32_t put_ipv4_head(const struct frag_shape *shape, const struct packet *p,
			      const struct frag_cut *cut, uint32_t len, bool more, uint8_t *buf)
{
	uint32_t hlen = head_len(shape, p);
	uint16_t check;

	memcpy(buf, p->data, hlen);
	if (cut->at)
		blank_options(buf, hlen);
	frag_put16(buf + 2, hlen + len);
	frag_put16(buf + 6, cut->at / 8 | (more ? IPV4_MORE : 0) |
				    (cut->df ? IPV4_DF : 0));
	check = checksum_ipv4(buf, hlen);
	memcpy(buf + 10, &check, 2);
	return hlen;
}

static uint32_t put_ipv6_head(const struct frag_shape *shape, const struct packet *p,
			      const struct frag_cut *cut, uint32_t len, bool more, uint8_t *buf)
{
	uint8_t *header = buf + shape->head;

	memcpy(buf, p->data, shape->head);
	header[0] = buf[shape->next_at];
	header[1] = 0;
	frag_put16(header + 2, cut->at | (more ? IPV6_MORE : 0));
	memcpy(header + 4, &cut->id, 4);
	buf[shape->next_at] = IPPROTO_FRAGMENT;
	frag_put16(buf + 4, shape->head - IPV6_HEADER + FRAGMENT_HEADER + len);
	return shape->head + FRAGMENT_HEADER;
}

bool frag_cut_next(const struct frag_shape *shape, const struct packet *p, struct frag_cut *cut,
		   uint8_t *buf, size_t *ret_len)
{
	uint32_t head = head_len(shape, p), data = p->len - head, left = data - cut->at, len, n;
	bool more;

	if (left == 0)
		return false;
	len = next_len(shape, cut, left);
	more = len < left;
	n = p->family == L3_IPV4 ? put_ipv4_head(shape, p, cut, len, more, buf) :
				   put_ipv6_head(shape, p, cut, len, more, buf);
	memcpy(buf + n, p->data + head + cut->at, len);
	cut->at += len;
	*ret_len = n + len;
	return true;
}
