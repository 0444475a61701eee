/* connlimit.h - lists of flows that are counted: `ct count` (nf_conncount).
 *
 * A statement counts the flows whose packets reached it and that live still.  A flow counts from
 * the packet on that began it; when it is dropped before it entered the table, it is forgotten
 * at once.  TCP flows that are closed count no longer.
 *
 * The list is in the arena: a head, which is the statement's slot, and records of seven flows
 * each.  Flows are named by index and id, and found dead when somebody looks: with each new flow
 * a few are looked at, and as many as needed where the count is above the limit.  All of that is
 * bounded; the longest list is not walked through for a packet.
 *
 * Locking: a word in the head, held for as long as that takes.  Only those wait for each other
 * whose packets reach the same statement. */
#ifndef CTFW_RULESET_CONNLIMIT_H
#define CTFW_RULESET_CONNLIMIT_H

#include "ctfw/ruleset.h"
#include "ctfw/state.h"

/* An empty list; one that a former process left, put in order; and give it back with all its
 * records.  Only the ruleset's thread. */
uint32_t connlimit_new(struct states *s);
bool connlimit_claim(struct states *s, uint32_t slot);
void connlimit_free(struct states *s, uint32_t slot);

/* Count the packet's flow unless it is counted already.  *ret_over: there are more than limit
 * now.  False: there is no memory, and the packet is dropped (as in nft_connlimit_do_eval). */
bool connlimit_count(struct states *s, uint32_t slot, struct eval *e, uint32_t limit,
		     bool *ret_over);
/* The flow of a packet that counted it is known: f in the table, or NULL, it did not get there. */
void connlimit_settle(struct states *s, struct eval *e, const struct flow *f);
/* How many it has, for tests. */
uint32_t connlimit_flows(const struct states *s, uint32_t slot);

#endif
