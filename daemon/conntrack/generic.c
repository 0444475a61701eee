/* generic.c - every protocol without a tracker of its own (nf_conntrack_proto_generic.c,
 * conntrack.md 4.5): two addresses and a timer; never assured. */
#include "conntrack/track.h"

enum track_verdict generic_track(struct track *t)
{
	t->timeout = track_timeout(t, TIMEOUT_GENERIC);
	return TRACK_ACCEPT;
}
