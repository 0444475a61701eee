/* expect.h - the table of expectations.
 *
 *    heads                      next (one a record)           masters (one a flow)
 *    +------+                   +--------------+              +------+
 *    |    --+--index + 1------->| in a bucket  |              |    --+--index + 1---> sibling
 *    +------+                   +--------------+              +------+
 *
 * A bucket is that of a destination, which an expectation knows exactly.  A flow's expectations
 * are a list of their own, the latest first.  All this is private memory, rebuilt by a scan;
 * the records are the arena's.
 *
 * Life-cycle of a record: unused, taken, live, dead (whoever makes it so removes it from both
 * lists), retired, and unused again after a grace period.
 *
 * Locking: walks of a bucket take no lock, under QSBR.  The top bit of a head is its lock, in
 * both arrays; a master's is taken before a bucket's, and never two of a kind. */
#ifndef CTFW_CONNTRACK_EXPECT_H
#define CTFW_CONNTRACK_EXPECT_H

#include <stdalign.h>

#include "conntrack/table.h"
#include "ctfw/expect.h"

#define EXPECT_NONE UINT32_MAX
#define EXPECT_TIMER_MAX (UINT32_MAX * NSEC_PER_SEC)
/* What one flow's first packet may expect before it is confirmed: so many by rules, and two for
 * each of SIP's media. */
#define EXPECT_PENDING_RULES 2
#define EXPECT_PENDING_MAX (EXPECT_PENDING_RULES + 6)
/* What one flow may make in a grace period while records run out, so that its changes of mind do
 * not use up the spare ones of all.  Far more than sessions need: a call of SIP's makes six. */
#define EXPECT_PERIOD_MAX 64

struct expects {
	struct expect *records;
	uint32_t n_records;
	uint32_t mask; /* buckets - 1 */
	_Atomic uint32_t *heads;
	_Atomic uint32_t *next;
	_Atomic uint32_t *masters;
	uint32_t *sibling;         /* under the master's lock, as the next one */
	uint32_t *made;            /* by a flow in this period: period << 8 | number */
	_Atomic uint32_t period;   /* counted by housekeeping, a grace period each */
	_Atomic uint64_t *unused;  /* a bit a record */
	_Atomic uint32_t n_unused; /* bits in it */
	_Atomic uint64_t *retired; /* the same */
	uint64_t *waiting;         /* the same: housekeeping's, for their grace period */
	struct siphash_key key;
	_Atomic uint32_t next_id;
	alignas(CACHE_LINE) _Atomic uint32_t count; /* that live */
};

struct conntrack;
struct ct_worker;

/* 0 or -ENOMEM. */
int expects_init(struct expects *x, const struct arena *arena, const struct siphash_key *key);
void expects_fini(struct expects *x);

static inline bool expects_any(const struct expects *x)
{
	return atomic_load_explicit(&x->count, memory_order_relaxed) != 0;
}

/* What goes with an expectation that is to be made. */
struct expect_terms {
	uint64_t now; /* monotonic ns: what has expired does not stand in the way */
	uint8_t class_max; /* of so many of its class the oldest goes; 0: no limit */
	/* An equal one of another master is EALREADY rather than EBUSY. */
	bool any_master;
};

/* Add a copy of `want`, whose identity, flags and expires are set but for check, id and
 * master: it is the flow's of this index.  0; -EALREADY: there is an equal one, of another
 * class or master; -EBUSY: some packet would fit it and another; -EMFILE: too many, of all or
 * of this flow in this period; -ESHUTDOWN: the flow is ending. */
int expect_insert(struct conntrack *ct, struct ct_worker *w, uint32_t master,
		  const struct expect *want, const struct expect_terms *terms);

/* Whether what a flow without expectations wants could be added now: 0, -EBUSY, -EALREADY or
 * -EMFILE as above. */
int expect_stands_alone(struct conntrack *ct, const struct expect *want, uint64_t mono);

/* A packet that belongs to no flow: the expectation that it fulfils is used up unless it is
 * permanent.  True and a copy; the master was alive. */
bool expect_take(struct conntrack *ct, struct ct_worker *w, const struct tuple *tuple,
		 uint64_t mono, struct expect *ret_copy);
/* Which flow expects such a packet; FLOW_NONE: none.  Nothing is used up. */
uint32_t expect_master(const struct conntrack *ct, const struct tuple *tuple, uint64_t mono);
/* Whether a flow other than `master`, with the same helper over the same protocol, expects this
 * in that class. */
bool expect_is_known(struct conntrack *ct, const struct tuple *tuple, uint32_t master,
		     const struct expect *like, uint64_t mono);

/* Call each living one of a flow, until it returns false.  remove: those for which the
 * function says so.  Under the master's lock. */
enum expect_step { EXPECT_GO_ON = 1, EXPECT_STOP, EXPECT_REMOVE };
void expect_each_of(struct conntrack *ct, struct ct_worker *w, uint32_t master,
		    enum expect_step (*each)(void *arg, struct expect *e), void *arg);
/* All of a flow that ends. */
void expect_orphan(struct conntrack *ct, struct ct_worker *w, uint32_t master);

/* Remove what has expired, and begin another period.  Then gather the retired, which are there
 * when it says true, and give them back after a grace period. */
void expects_expire(struct conntrack *ct, struct ct_worker *w, uint64_t mono);
bool expects_retired(struct expects *x);
void expects_reuse(struct expects *x);

/* The checksum of an expectation's identity; never 0. */
uint32_t expect_checksum(const struct siphash_key *key, const struct expect *e);
/* Take back what a former process left, once the flows are there. */
void expects_recover(struct conntrack *ct, struct instant now);

#endif
