/* connlimit.h - lists of flows that are counted: `ct count` (nf_conncount).
 *
 * A statement counts the flows whose packets reached it and that live still.  A flow counts
 * from the packet on that began it; when it is dropped before it entered the table, it is
 * forgotten at once.  TCP flows that are closed count no longer.
 *
 * The list is in the arena: a head, which is the statement's slot, and records of seven flows
 * each.  Flows are named by index and id, and found dead when somebody looks: with each new
 * flow a few are looked at, and as many as needed where the count is above the limit.  All of
 * that is bounded; the longest list is not walked through for a packet.
 *
 * Elements of sets that packets add have lists as well: each its own, whose number is in a word
 * of the element's record.  It is made with the first packet, by a worker; when it has no flow
 * any more it is closed, and its element goes (nft_rhash_gc).
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

enum connlimit_outcome {
	CONNLIMIT_WITHIN = 1,
	CONNLIMIT_OVER,	     /* there are more flows than the limit now */
	CONNLIMIT_NO_MEMORY, /* the packet is dropped (as in nft_connlimit_do_eval) */
	CONNLIMIT_CLOSED,    /* the element is over */
};

/* Count the packet's flow unless it is counted already. */
enum connlimit_outcome connlimit_count(struct states *s, uint32_t slot, struct eval *e,
				       uint32_t limit);
/* The flow of a packet that counted it is known: f in the table, or NULL where it did not get
 * there. */
void connlimit_settle(struct states *s, struct eval *e, const struct flow *f);
/* How many it has, for tests: rules see only whether they are too many. */
uint32_t connlimit_flows(const struct states *s, uint32_t slot);

/* ---- lists of elements; word: where an element has the number of its list ---- */

/* The same in the element's list, which is made when there is none.  owner: the check of the
 * element's record. */
enum connlimit_outcome connlimit_count_element(struct states *s, _Atomic uint64_t *word,
					       uint32_t owner, struct eval *e, uint32_t limit);
/* The rest is for the ruleset's thread.  Close a list that has no flow: whether it is. */
bool connlimit_close(struct states *s, _Atomic uint64_t *word, uint64_t mono);
/* The list of a former process, if it was that element's; else the element has none yet. */
void connlimit_take_up(struct states *s, _Atomic uint64_t *word, uint32_t owner);
/* Nobody looks at the element any more. */
void connlimit_give_up(struct states *s, _Atomic uint64_t *word);

#endif
