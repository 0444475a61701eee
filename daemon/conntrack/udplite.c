/* udplite.c - UDPLite (RFC 3828; nf_conntrack_proto_udp.c, conntrack.md 4.2).
 *
 * UDP whose checksum covers as much as the sender likes, the header at least, and is mandatory.
 * A flow with answers is a stream at once.  The timeouts are UDP's. */
#include "conntrack/track.h"

#define UDPLITE_HEADER 8

static bool is_valid(const struct packet *p)
{
	const uint8_t *udplite = p->data + p->l4_off;
	uint32_t covered;

	if (p->l4_len < UDPLITE_HEADER)
		return false;
	covered = (uint32_t)(udplite[4] << 8 | udplite[5]);
	if (covered != 0 && (covered < UDPLITE_HEADER || covered > p->l4_len))
		return false;
	return (udplite[6] | udplite[7]) != 0;
}

enum track_verdict udplite_track(struct track *t)
{
	enum ct_timeout which = TIMEOUT_UDP;

	if (!is_valid(t->packet))
		return TRACK_INVALID;
	if (t->status & FLOW_SEEN_REPLY) {
		which = TIMEOUT_UDP_STREAM;
		t->set_status = FLOW_ASSURED;
	}
	t->timeout = track_timeout(t, which);
	return TRACK_ACCEPT;
}
