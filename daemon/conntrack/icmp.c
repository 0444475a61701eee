/* icmp.c - ICMP and ICMPv6 (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c;
 * conntrack.md 4.3 and 5).
 *
 * Requests and answers are flows of their own, keyed by the id.  Errors begin no flow: they
 * belong to that of the packet that they quote.  Neighbour discovery and multicast listener
 * messages are not tracked at all. */
#include <netinet/in.h>
#include <string.h>

#include "conntrack/keymap.h"
#include "conntrack/track.h"

#define ICMP_HEADER 8
#define ICMP_TYPE_MAX 18 /* NR_ICMP_TYPES */

#define IPV6_HOP_LIMIT_OFF 7
#define ND_REDIRECT 137
#define ND_REDIRECT_BYTES 40 /* header, target, destination */
#define ND_OPTION_REDIRECTED 4
#define ND_OPTION_HEADER 8 /* of that option */

/* ---- ordinary messages ---- */

static uint8_t original_type(const struct flow *f)
{
	return (uint8_t)(ntohs(f->tuple[DIR_ORIGINAL].dport) >> 8);
}

enum track_verdict icmp_track(struct track *t)
{
	if (t->packet->family != L3_IPV4)
		return TRACK_INVALID;
	/* Only requests begin a flow. */
	switch (original_type(t->flow)) {
	case 8:  /* echo */
	case 13: /* timestamp */
	case 15: /* information */
	case 17: /* address mask */
		break;
	default:
		return TRACK_INVALID;
	}
	t->timeout = track_timeout(t, TIMEOUT_ICMP);
	return TRACK_ACCEPT;
}

enum track_verdict icmpv6_track(struct track *t)
{
	uint8_t type = original_type(t->flow);

	if (t->packet->family != L3_IPV6)
		return TRACK_INVALID;
	/* Requests: echo, node information. */
	if (type != 128 && type != 139)
		return TRACK_INVALID;
	t->timeout = track_timeout(t, TIMEOUT_ICMPV6);
	return TRACK_ACCEPT;
}

/* ---- errors ---- */

/* nf_conntrack_inet_error: what is quoted is what a flow sent, so the flow is known by the
 * tuple of the answer. */
static enum icmp_class classify_error(const struct conntrack *ct, const struct packet *p,
				      uint32_t quoted_at, uint16_t zone,
				      struct tuple *ret_sought)
{
	struct packet quoted;
	struct tuple sent;

	if (packet_parse_quoted(p, quoted_at, &quoted) < 0 ||
	    keymap_tuple(ct, &quoted, zone, &sent) < 0 || tuple_invert(&sent, ret_sought) < 0)
		return ICMP_CLASS_INVALID;
	return ICMP_CLASS_ERROR;
}

/* RFC 4861 8.1.  Of the ones that are wrong, some are called so here; others go on as ordinary
 * messages, and are refused because nobody answers a redirect. */
static enum icmp_class classify_redirect(const struct conntrack *ct, const struct packet *p,
					 uint16_t zone, struct tuple *ret_sought)
{
	const uint8_t *option = p->data + p->l4_off + ND_REDIRECT_BYTES;
	bool link_local = p->saddr.b[0] == 0xfe && (p->saddr.b[1] & 0xc0) == 0x80;

	if (p->l4_len < ND_REDIRECT_BYTES)
		return ICMP_CLASS_INVALID;
	if (p->icmp_code != 0)
		return ICMP_CLASS_ORDINARY;
	if (!link_local || p->data[IPV6_HOP_LIMIT_OFF] != 255 ||
	    p->l4_len < ND_REDIRECT_BYTES + 2 || option[1] == 0)
		return ICMP_CLASS_INVALID;
	if (option[0] != ND_OPTION_REDIRECTED)
		return ICMP_CLASS_ORDINARY;
	return classify_error(ct, p, p->l4_off + ND_REDIRECT_BYTES + ND_OPTION_HEADER, zone,
			      ret_sought);
}

static enum icmp_class classify_v4(const struct conntrack *ct, const struct packet *p,
				   uint16_t zone, struct tuple *ret_sought)
{
	if (p->icmp_type > ICMP_TYPE_MAX)
		return ICMP_CLASS_INVALID;
	if (!packet_is_icmp_error(p))
		return ICMP_CLASS_ORDINARY;
	return classify_error(ct, p, p->l4_off + ICMP_HEADER, zone, ret_sought);
}

static enum icmp_class classify_v6(const struct conntrack *ct, const struct packet *p,
				   uint16_t zone, struct tuple *ret_sought)
{
	switch (p->icmp_type) {
	case 130: case 131: case 132: case 143: /* multicast listeners */
	case 133: case 134: case 135: case 136: /* neighbour discovery */
	case 151: case 152: /* multicast routers */
		return ICMP_CLASS_UNTRACKED;
	case ND_REDIRECT:
		return classify_redirect(ct, p, zone, ret_sought);
	}
	if (!packet_is_icmp_error(p))
		return ICMP_CLASS_ORDINARY;
	return classify_error(ct, p, p->l4_off + ICMP_HEADER, zone, ret_sought);
}

enum icmp_class icmp_classify(const struct conntrack *ct, const struct packet *p, uint16_t zone,
			      struct tuple *ret_sought)
{
	if (!(p->flags & PACKET_L4_HEADER))
		return ICMP_CLASS_INVALID;
	return p->family == L3_IPV4 ? classify_v4(ct, p, zone, ret_sought) :
				      classify_v6(ct, p, zone, ret_sought);
}
