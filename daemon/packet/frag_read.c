/* frag_read.c - what one fragment says.
 *
 * ip_defrag()'s and nf_ct_frag6_gather()'s first steps.  The packet was parsed, its headers
 * are only as whole as that says.  No state, no locking. */
#include <netinet/in.h>
#include <string.h>

#include "packet/frag_private.h"

static enum frag_verdict read_ipv4(const struct packet *p, struct frag *f)
{
	const uint8_t *h = p->data;
	uint32_t hlen = (uint32_t)(h[0] & 0x0f) * 4;
	uint16_t bits = frag_be16(h + 6);

	f->key.id = frag_be16(h + 4);
	f->key.proto = h[9];
	f->offset = (bits & IPV4_OFFSET) * 8u;
	f->end = f->offset + p->len - hlen;
	f->more = bits & IPV4_MORE;
	f->df = bits & IPV4_DF;
	f->ecn = (uint8_t)(1u << (h[1] & 3));
	/* Others begin at a multiple of 8: what is over is lost, and leaves a hole. */
	if (f->more)
		f->end &= ~7u;
	f->len = f->end - f->offset;
	f->head = h;
	f->head_len = hlen;
	f->data = h + hlen;
	f->size = hlen + f->len;
	return FRAG_HELD;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_AH || next == IPPROTO_FRAGMENT || next == IPPROTO_NONE;
}

/* The extension header at off, of which two bytes are there. */
static uint32_t extension_len(uint8_t kind, const uint8_t *header)
{
	switch (kind) {
	case IPPROTO_FRAGMENT:
		return FRAGMENT_HEADER;
	case IPPROTO_AH:
		return ((uint32_t)header[1] + 2) * 4;
	default:
		return ((uint32_t)header[1] + 1) * 8;
	}
}

/* Where the first fragment header is, and who says so; 0 when it is not to be found. */
static uint32_t find_fragment_header(const struct packet *p, uint16_t *ret_next_at)
{
	const uint8_t *h = p->data;
	uint32_t off = IPV6_HEADER, at = 6;

	while (h[at] != IPPROTO_FRAGMENT) {
		uint8_t kind = h[at];

		if (!is_extension(kind) || kind == IPPROTO_NONE || off + 2 > p->len)
			return 0;
		at = off;
		off += extension_len(kind, h + off);
	}
	*ret_next_at = (uint16_t)at;
	return off <= p->len ? off : 0;
}

/* A first fragment whose transport header is in another (RFC 8200 4.5, RFC 7112). */
static bool is_truncated(const struct packet *p, uint32_t off)
{
	const uint8_t *h = p->data;
	uint8_t kind = IPPROTO_FRAGMENT;

	while (is_extension(kind)) {
		const uint8_t *header = h + off;

		if (kind == IPPROTO_NONE || off + 2 > p->len)
			return false;
		if (kind == IPPROTO_FRAGMENT &&
		    (off + 4 > p->len || frag_be16(header + 2) & IPV6_OFFSET))
			return false;
		off += extension_len(kind, header);
		kind = header[0];
	}
	switch (kind) {
	case IPPROTO_TCP:
		return off + 20 > p->len;
	case IPPROTO_UDP:
	case IPPROTO_ICMPV6:
		return off + 8 > p->len;
	default:
		return off + 1 > p->len;
	}
}

static enum frag_verdict read_ipv6(const struct packet *p, struct frag *f,
				   enum reason *ret_reason)
{
	const uint8_t *h = p->data, *header;
	uint32_t off = find_fragment_header(p, &f->next_at);
	uint16_t bits;

	/* A payload of 0 says that the length is elsewhere (RFC 2675). */
	if (off == 0 || frag_be16(h + 4) == 0 || is_truncated(p, off))
		return FRAG_AS_IS;
	if (off + FRAGMENT_HEADER > p->len) {
		*ret_reason = REASON_FRAGMENT_HEADER;
		return FRAG_ENDED;
	}
	header = h + off;
	bits = frag_be16(header + 2);
	memcpy(&f->key.id, header + 4, 4);
	f->next = header[0];
	f->offset = bits & IPV6_OFFSET;
	f->more = bits & IPV6_MORE;
	f->ecn = (uint8_t)(1u << (h[1] >> 4 & 3));
	f->len = p->len - off - FRAGMENT_HEADER;
	f->end = f->offset + f->len;
	f->head = h;
	f->head_len = off;
	f->data = header + FRAGMENT_HEADER;
	f->size = p->len;
	return FRAG_HELD;
}

enum frag_verdict frag_read(const struct packet *p, struct frag *f, enum reason *ret_reason)
{
	*f = (struct frag){
		.key = { .src = p->saddr, .dst = p->daddr, .family = p->family },
		.sum_valid = p->vnet.flags & VIRTIO_NET_HDR_F_DATA_VALID,
	};
	return p->family == L3_IPV4 ? read_ipv4(p, f) : read_ipv6(p, f, ret_reason);
}
