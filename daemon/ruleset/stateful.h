/* stateful.h - statements and objects that remember something: what they say, and their slots.
 *
 * A slot is one of counters or of states (state.h).  It is given when a transaction succeeds,
 * kept through restarts by its number (save.c), and given back with the last reference to the
 * rule or object.  Elements of sets that have state can use the same calls. */
#ifndef CTFW_RULESET_STATEFUL_H
#define CTFW_RULESET_STATEFUL_H

#include <stdbool.h>
#include <stdint.h>

#include "ctfw/counter.h"

enum state_kind {
	STATE_KIND_NONE = 0,
	STATE_COUNTER,
	STATE_LIMIT,
	STATE_QUOTA,
	STATE_LAST,
	STATE_CONNLIMIT,
};

/* limit rate [over] 10/second burst 5 packets */
struct limit_spec {
	uint64_t rate;	 /* packets or bytes in a unit */
	uint32_t burst;
	uint32_t unit;	 /* seconds */
	bool bytes, over;
};
#define LIMIT_BURST_DEFAULT 5 /* packets; of bytes 0 */

/* quota [over] 25 mbytes used 1 mbytes */
struct quota_spec {
	uint64_t bytes, used;
	bool over;
};

/* last used 1h */
struct last_spec {
	uint64_t ago; /* ms */
	bool used;    /* ever */
};

/* ct count [over] 20 */
struct connlimit_spec {
	uint32_t flows;
	bool over;
};

struct stateful {
	uint32_t slot; /* STATE_NONE: it has none (yet) */
	union {
		struct counter initial;
		struct limit_spec limit;
		struct quota_spec quota;
		struct last_spec last;
		struct connlimit_spec connlimit;
	};
};
_Static_assert(COUNTER_NONE == STATE_NONE, "one number says that there is no slot");

/* A slot that begins as the spec says.  False when there is none left, or no memory for it: the
 * file system is full. */
bool stateful_give(struct counters *c, enum state_kind kind, struct stateful *s);
/* That of a former process, with what it holds.  0, -EINVAL, -ENOMEM. */
int stateful_claim(struct counters *c, enum state_kind kind, uint32_t slot);
void stateful_release(struct counters *c, enum state_kind kind, uint32_t slot);

/* The bucket of a limit, in nanoseconds: what it holds, and what a packet takes out (of bytes
 * see limit_cost()).  False: no bucket can be as large. */
bool limit_bucket(const struct limit_spec *l, uint64_t *ret_size, uint64_t *ret_packet);
static inline uint64_t limit_cost(uint64_t rate, uint64_t unit_ns, uint64_t bytes)
{
	return (uint64_t)((unsigned __int128)unit_ns * bytes / rate);
}

/* What a quota shows as used: no more than there is. */
uint64_t quota_used(const struct counters *c, const struct stateful *s, bool reset);

#endif
