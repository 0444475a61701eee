/* udp.c - UDP (nf_conntrack_proto_udp.c, conntrack.md 4.1).
 *
 * A flow with answers becomes a stream once it is older than two seconds: a longer timeout,
 * and no early drop.  One question and its answer never do. */
#include <netinet/in.h>

#include "conntrack/track.h"

#define UDP_HEADER 8
#define STREAM_AFTER (2 * NSEC_PER_SEC)

static bool is_valid(const struct packet *p)
{
	const uint8_t *udp = p->data + p->l4_off;
	uint32_t len;

	if (p->l4_len < UDP_HEADER)
		return false;
	len = (uint32_t)(udp[4] << 8 | udp[5]);
	return len >= UDP_HEADER && len <= p->l4_len;
}

enum track_verdict udp_track(struct track *t)
{
	struct flow_udp *udp = &t->flow->proto.udp;
	enum ct_timeout which = TIMEOUT_UDP;

	if (!is_valid(t->packet))
		return TRACK_INVALID;
	if (t->begins)
		udp->stream_at = t->now + STREAM_AFTER;
	if (t->status & FLOW_SEEN_REPLY && t->now > udp->stream_at) {
		which = TIMEOUT_UDP_STREAM;
		t->set_status = FLOW_ASSURED;
	}
	t->timeout = track_timeout(t, which);
	return TRACK_ACCEPT;
}
