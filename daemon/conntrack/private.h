/* private.h - what the files of conntrack share: the whole of it, and a worker's part.
 *
 * Locks, in the order in which they may be held together: the buckets' (table.h), the lower
 * one first; a master's, then that of a bucket of expectations (expect.h).  A flow's word
 * (record.h), then that of a bucket of calls (keymap.h).  The lock of a bucket of sources
 * (nat_source.h) is held alone. */
#ifndef CTFW_CONNTRACK_PRIVATE_H
#define CTFW_CONNTRACK_PRIVATE_H

#include <netinet/in.h>

#include "conntrack/event.h"
#include "conntrack/expect.h"
#include "conntrack/keymap.h"
#include "conntrack/nat_source.h"
#include "conntrack/table.h"
#include "conntrack/track.h"

/* Counted by each worker for itself, and summed when read: conntrack_stats' fields. */
enum tally {
	TALLY_FOUND,
	TALLY_INVALID,
	TALLY_INSERT,
	TALLY_INSERT_FAILED,
	TALLY_DROP,
	TALLY_EARLY_DROP,
	TALLY_ERROR,
	TALLY_CLASH_RESOLVE,
	TALLY_CHAIN_LONG,
	TALLY_EXPIRED,
	TALLY_CREATED,
	TALLY_RESERVE_USED,
	TALLY_EXPECT_NEW,
	TALLY_EXPECT_CREATE,
	TALLY_EXPECT_DELETE,
	TALLY_COUNT,
};

/* For whom housekeeping must make room. */
enum pressed {
	PRESSED_NOT = 0,
	PRESSED,         /* a flow like any other */
	PRESSED_RESERVE, /* one that the reserved part of the table is for */
};

struct ct_worker {
	/* The flow that this worker's present packet begins, until it is confirmed. */
	alignas(CACHE_LINE) struct flow begun;
	uint64_t begun_timeout; /* ns: its timer starts when it is confirmed */
	uint32_t begun_hash;    /* of its original tuple */
	struct flow_ext begun_ext; /* of use when begun is extended */
	uint64_t nat_draws;     /* of ports, so far */

	/* Where a packet is that a helper makes longer: an IP header on 16 bytes, and room for
	 * a virtio-net header before it and for the longest packet. */
	uint8_t *scratch;

	/* The present packet's time, or that of what else is done. */
	_Atomic uint64_t mono, real;

	/* What it expects once it is confirmed. */
	struct pending {
		struct expect expect;
		struct expect_terms terms;
	} pending[EXPECT_PENDING_MAX];
	unsigned n_pending;

	_Atomic uint64_t tally[TALLY_COUNT];
	/* Flows that came minus flows that went by this worker's hands, modulo 2^32: only
	 * the sum of all workers is a number of flows. */
	_Atomic uint32_t kinds[CT_KIND_COUNT];
	_Atomic uint32_t tcp_states[TCPS_COUNT];
	_Atomic uint32_t sctp_states[SCTPS_COUNT];
};

struct conntrack {
	struct arena arena;
	struct table table;
	struct sources sources; /* of the flows with FLOW_SNAT */
	struct expects expects;
	struct keymap keymap;
	struct settings settings;
	_Atomic uint32_t *next_id;         /* in the arena */
	struct siphash_key key;
	struct ct_worker *worker; /* workers, and one for the control side */
	uint8_t *scratch;         /* all of theirs */
	unsigned workers;
	struct conntrack_recovery recovery;
	uint32_t cursor; /* housekeeping's: the next record to look at */
	struct events events;
	_Atomic bool extensions; /* have memory */
	/* Timeout policies: those defined, a bit each; may recovered flows have others? */
	struct policy policy[CT_POLICY_MAX + 1];
	uint64_t policies[CT_POLICY_WORDS];
	bool policies_recovered;
	uint64_t started, cold; /* monotonic ns; ns for which a start without flows is cold */

	alignas(CACHE_LINE) _Atomic uint32_t flows; /* in the table */
	_Atomic uint32_t peak;
	/* A flow found no room: housekeeping drops what can be spared (early drop's last
	 * resort, conntrack.md 7.1-5). */
	_Atomic uint8_t pressed; /* enum pressed */
};

static inline void worker_set_now(struct ct_worker *w, struct instant now)
{
	atomic_store_explicit(&w->mono, now.mono, memory_order_relaxed);
	atomic_store_explicit(&w->real, now.real, memory_order_relaxed);
}

static inline struct instant worker_now(const struct ct_worker *w)
{
	return (struct instant){
		.mono = atomic_load_explicit(&w->mono, memory_order_relaxed),
		.real = atomic_load_explicit(&w->real, memory_order_relaxed),
	};
}

/* A counter that one thread writes and any thread reads. */
static inline void tally(struct ct_worker *w, enum tally which)
{
	uint64_t n = atomic_load_explicit(&w->tally[which], memory_order_relaxed);

	atomic_store_explicit(&w->tally[which], n + 1, memory_order_relaxed);
}

static inline void tally_add32(_Atomic uint32_t *counter, uint32_t n)
{
	uint32_t before = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, before + n, memory_order_relaxed);
}

/* ---- confirm.c ---- */

/* Whether two that begin the same flow become one (nf_conntrack_l4proto's allow_clash). */
static inline bool clash_is_allowed(uint8_t l4)
{
	return l4 != IPPROTO_TCP && l4 != IPPROTO_SCTP && l4 != IPPROTO_ICMP &&
	       l4 != IPPROTO_ICMPV6;
}

/* Put the flow that w has begun into the table: ref->flow becomes its record. */
enum reason confirm_begun(struct conntrack *ct, struct ct_worker *w, struct instant now,
			  struct ct_ref *ref);

/* ---- stats.c ---- */

enum ct_kind stats_kind(uint8_t proto);
/* Where flows in this one's state are counted; NULL: its protocol has no states.  The caller
 * holds the flow's lock, and knows the protocol: the tuple that tells it may be far away. */
static inline _Atomic uint32_t *stats_state(struct ct_worker *w, const struct flow *f,
					    uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return &w->tcp_states[f->proto.tcp.state];
	case IPPROTO_SCTP:
		return &w->sctp_states[f->proto.sctp.state];
	default:
		return NULL;
	}
}
/* A flow's state has changed if these differ; true then. */
static inline bool stats_move(_Atomic uint32_t *from, _Atomic uint32_t *to)
{
	if (from == to)
		return false;
	tally_add32(from, -1u);
	tally_add32(to, 1);
	return true;
}
/* A flow enters (1) or leaves (-1) the numbers by kind and state. */
void stats_count_flow(struct ct_worker *w, const struct flow *f, int n);

/* ---- life.c ---- */

/* The flow that has this tuple; NULL when there is none.  Of those that it meets, what has
 * expired is removed. */
struct flow *life_find(struct conntrack *ct, struct ct_worker *w, const struct tuple *tuple,
		       uint32_t hash, uint64_t mono, enum flow_dir *ret_dir);
/* Remove a flow from the table; false when somebody else does. */
bool life_kill(struct conntrack *ct, struct ct_worker *w, struct flow *f);
/* The same for one that this thread has marked dying. */
void life_bury(struct conntrack *ct, struct ct_worker *w, struct flow *f);
/* Make room by removing flows that are not assured, near this hash; false when there are
 * none.  favoured: for one that the reserved part of the table is for, and which alone may
 * take the place of another such. */
bool life_early_drop(struct conntrack *ct, struct ct_worker *w, uint32_t hash, bool favoured,
		     uint64_t mono);

/* ---- reserve.c ---- */

void reserve_store(struct settings *s, const struct conntrack_options *o);
/* Whether the reserved part is for a flow with this original tuple. */
bool reserve_is_for(const struct settings *s, const struct tuple *original);

/* A number for a flow; never 0. */
uint32_t life_new_id(struct conntrack *ct);

/* ---- ext.c, policy.c ---- */

/* A flow that begins has an extension: it is the record's from now on. */
void ext_confirm(struct conntrack *ct, const struct ct_worker *w, uint32_t index);
void policy_init(struct conntrack *ct);

/* ---- recover.c ---- */

/* Take back what a former process left in the arena. */
void recover_flows(struct conntrack *ct, struct instant now);

/* Add a packet to the flow's counters; the caller holds its lock, or it is unconfirmed. */
static inline void account(struct flow *f, enum flow_dir dir, const struct packet *p)
{
	f->acct[dir].packets++;
	f->acct[dir].bytes += p->len;
}

#endif
