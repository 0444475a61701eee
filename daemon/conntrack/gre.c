/* gre.c - GRE (nf_conntrack_proto_gre.c, conntrack.md 4.4; RFC 2784, RFC 2637).
 *
 * Most of it has no key (tuple.c): one flow for a pair of addresses, both ways.  Version 1,
 * which PPTP uses, has the receiver's call id alone: without the sender's, the two directions
 * are two flows that nobody answers.
 *
 * A flow keeps the timeouts that it began with. */
#include "conntrack/track.h"

enum track_verdict gre_track(struct track *t)
{
	struct flow_gre *gre = &t->flow->proto.gre;

	if (t->begins) {
		gre->timeout = settings_timeout(t->settings, TIMEOUT_GRE);
		gre->stream_timeout = settings_timeout(t->settings, TIMEOUT_GRE_STREAM);
	}
	t->timeout = gre->timeout;
	if (t->status & FLOW_SEEN_REPLY) {
		t->timeout = gre->stream_timeout;
		t->set_status = FLOW_ASSURED;
	}
	return TRACK_ACCEPT;
}
