/* conntrack.h - connection tracking: which flow a packet belongs to, and in what state.
 *
 * What nf_conntrack does (conntrack.md sections 1 to 7), for many workers at once.
 *
 * A packet's way: conntrack_in() finds its flow or begins one, lets the protocol judge
 * it and says the state that rules will see.  A flow that begins is the worker's own
 * scratch until conntrack_confirm() puts it into the table, after every chain has
 * accepted its packet; nothing must be undone for a packet that was dropped.
 *
 * Threads: a worker number belongs to one thread.  Look-ups take no lock; every thread
 * that calls a function here with a worker number must be registered with liburcu's QSBR
 * flavour and announces quiescent states itself, never between conntrack_in() and the end
 * of its use of the flow.  Housekeeping (one thread) expires flows and reclaims records.
 *
 * The worker number `workers` (one more than the last) is housekeeping's own, for
 * deletion and expiry by the control side. */
#ifndef CTFW_CONNTRACK_H
#define CTFW_CONNTRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "ctfw/arena.h"
#include "ctfw/clock.h"
#include "ctfw/flow.h"
#include "ctfw/packet.h"
#include "ctfw/siphash.h"

enum ct_timeout {
	TIMEOUT_NONE = 0,
#define TIMEOUT(id, option, seconds, help) TIMEOUT_##id,
#include "ctfw/timeout.def"
#undef TIMEOUT
	TIMEOUT_COUNT
};

enum tcp_loose {
	TCP_LOOSE_NO = 1, /* a mid-stream segment of no flow is invalid */
	TCP_LOOSE_YES = 2, /* it begins one (nf_conntrack_tcp_loose = 1) */
	TCP_LOOSE_COLD = 3, /* it begins one for a while after a start without flows */
};

/* Which flows a part of the table is kept for: those that have the address on either side, and
 * the protocol and the port of who is called; what is zero does not matter. */
struct ct_reserve_rule {
	struct prefix prefix; /* family 0: any */
	bool has_proto;
	uint8_t proto;
	uint16_t port, port_last; /* host byte order; port_last 0: any */
};
#define CT_RESERVE_MAX 16
#define CT_RESERVE_TEXT 96
/* "10.8.0.1", "tcp/22", "udp/5000-5010", "icmp" or "tcp/22@10.8.0.0/24".  0 or -EINVAL. */
int ct_reserve_parse(const char *text, struct ct_reserve_rule *ret_rule);

struct ct_reserve {
	uint32_t n;
	struct ct_reserve_rule rule[CT_RESERVE_MAX];
};

/* A number of flows, or a percentage of max_flows. */
struct ct_share {
	uint32_t n;
	uint32_t percent; /* boolean, without padding behind it */
};

struct conntrack_options {
	bool import; /* for the daemon: begin with the kernel's entries */
	bool acct, timestamp; /* show counters, and ages, in conntrack's lines */
	uint32_t max_flows; /* 1..16777216, as the arena was made for */
	enum tcp_loose tcp_loose;
	uint32_t tcp_loose_cold;     /* seconds, 1..86400: how long TCP_LOOSE_COLD picks up */
	bool tcp_be_liberal;         /* sequence numbers out of bounds are accepted */
	bool tcp_ignore_invalid_rst; /* a RST below what was acknowledged, too */
	uint32_t tcp_max_retrans;    /* 0..255: as often may a segment be repeated */
	bool checksum; /* a wrong transport checksum is invalid */
	struct ct_share reserve; /* of the table, at most half, for what reserve_for says */
	struct ct_reserve reserve_for;
	uint32_t helpers;    /* HELPER_BIT()s: given to flows to the usual ports */
	uint32_t expect_max; /* expectations, 1..65536, as the arena was made for */
	uint32_t timeout[TIMEOUT_COUNT]; /* seconds, 0..CT_TIMEOUT_MAX */
};

/* The defaults: 262144 flows, tcp-loose no (cold: 300 s), strict TCP, 3 repetitions,
 * checksum yes, 5% reserved for nothing, timeout.def. */
void conntrack_options_default(struct conntrack_options *ret_options);

/* Records to make an arena with, for so many flows: spare ones for those that wait for
 * their grace period. */
uint32_t conntrack_records(uint32_t max_flows);
/* The most flows that an arena with so many records is for; 0: it is for none. */
uint32_t conntrack_max_flows(uint32_t records);

struct conntrack;

/* Borrows the arena; scans it and takes back every flow in it (after arena_format() there
 * is none).  workers: 1..ARENA_MAX_WORKERS.  NULL with errno: ENOMEM, EINVAL,
 * or why extensions have no memory where options want helpers. */
struct conntrack *conntrack_new(const struct arena *arena,
				const struct conntrack_options *options, unsigned workers,
				struct instant now);
void conntrack_free(struct conntrack *ct);
/* Where the time is not known before the first packet, as of a capture: this is when it
 * started, and not what conntrack_new() was told.  Control side only. */
void conntrack_set_start(struct conntrack *ct, struct instant now);

/* What conntrack_new() found in the arena. */
struct conntrack_recovery {
	uint32_t kept;     /* flows that go on, torn ones included */
	uint32_t torn;     /* of these: left half-written in their mutable part; their TCP
			    * windows are learnt anew */
	uint32_t damaged;  /* dropped: identity's checksum or an enum is wrong, or a twin */
	uint32_t expired;
	uint32_t expectations; /* that go on */
};
/* How many of n records of an arena, from the first on, say that there is a flow in them. */
uint32_t conntrack_count_records(const uint8_t *first, uint32_t n);
struct conntrack_recovery conntrack_recovery(const struct conntrack *ct);
/* Packets of these flows may have passed while nobody looked: the windows of TCP connections
 * that are past their handshake are learnt anew.  Before any worker runs. */
void conntrack_relearn_windows(struct conntrack *ct);

/* Change the options of a running one; max_flows may only shrink or grow within the
 * arena's records (else -EINVAL, nothing changed), and helpers need memory for extensions
 * (conntrack_reserve_extensions(), whose error it is).  Present flows keep their expiry until
 * their next packet.  Control side only. */
int conntrack_set_options(struct conntrack *ct, const struct conntrack_options *options);
/* Of the options: whether lists of flows show counters, and ages. */
bool conntrack_shows_acct(const struct conntrack *ct);
bool conntrack_shows_timestamp(const struct conntrack *ct);

/* The packet's relation to a flow (the kernel's ctinfo). */
struct ct_ref {
	struct flow *flow; /* NULL: invalid or untracked */
	uint8_t state;     /* enum ct_state */
	uint8_t dir;       /* enum flow_dir; of use when flow is set */
	bool unconfirmed;  /* flow is the worker's scratch */
	bool helped;       /* conntrack_help() has seen the packet */
};

/* Which zone a packet belongs to, by direction: flows that are alike in all but this are
 * different ones (nf_conntrack_zone, conntrack.md 1.9).  A zone of one direction only leaves
 * the other 0. */
struct ct_zone {
	uint16_t original, reply;
};

/* The key of the table's hash, from which others may derive theirs. */
struct siphash_key conntrack_key(const struct conntrack *ct);

/* Compute the packet's hash and fetch its bucket.  Optional, for batches.  conntrack_in()
 * believes that hash: the zone must be the same in both. */
void conntrack_prefetch(struct conntrack *ct, struct packet *p, struct ct_zone zone);
/* The two steps behind it, each for packets whose former step had time to arrive: the link in
 * the bucket, and the flow itself.  Optional too. */
void conntrack_prefetch_link(struct conntrack *ct, const struct packet *p);
void conntrack_prefetch_flow(struct conntrack *ct, const struct packet *p);

/* Step 5 of a packet's way (nf_conntrack_in).  Its flow is looked for with the zone of either
 * direction, and begins with both.  A packet whose transport checksum is wrong is
 * invalid, unless it is the host's own (PACKET_OWN) or options say otherwise.  REASON_NONE, or
 * REASON_TABLE_FULL when the packet would begin a flow and there is no room: it must be
 * dropped. */
enum reason conntrack_in(struct conntrack *ct, unsigned worker, struct packet *p,
			 struct ct_zone zone, struct instant now, struct ct_ref *ret_ref);

/* Step 9, its first half: the flow's helper reads the packet, and may rewrite it in memory of
 * its own, which may make it longer; sequence numbers follow what was rewritten before.
 * REASON_NONE, REASON_HELPER or REASON_SEQ_ADJUST. */
enum reason conntrack_help(struct conntrack *ct, unsigned worker, struct packet *p,
			   struct instant now, struct ct_ref *ref);
/* Step 9 (nf_confirm): the first half, unless it was done, and an unconfirmed flow is put into
 * the table.  ref->flow becomes the record in the arena.  As above, or REASON_CLASH,
 * REASON_CHAIN_LONG or REASON_TABLE_FULL.  A clash of protocols that allow it is resolved as
 * the kernel does (conntrack.md 1.5). */
enum reason conntrack_confirm(struct conntrack *ct, unsigned worker, struct packet *p,
			      struct instant now, struct ct_ref *ref);

/* ---- what rules do to a packet's flow (conntrack.md 1.7) ---- */

/* `ct mark set`. */
void flow_set_mark(struct flow *f, uint32_t mark);
/* `ct event set`: only these events (bits as in the kernel's enum ip_conntrack_events) are
 * reported from now on. */
void flow_set_events(struct flow *f, uint16_t mask);
/* `ct id`: a flow has its number from its confirmation on; where rules ask for it, before. */
void conntrack_need_id(struct conntrack *ct, const struct ct_ref *ref);
/* `ct label set`: these bits are set, none is cleared.  Nothing happens before
 * conntrack_reserve_extensions(). */
void conntrack_set_label(struct conntrack *ct, unsigned worker, const struct ct_ref *ref,
			 const uint64_t label[2]);
/* `ct timeout set`: a flow that begins gets the policy of that number, and its first value as
 * timeout (nft_ct_timeout_obj_eval); a flow of the table does not. */
void conntrack_set_policy(struct conntrack *ct, unsigned worker, const struct ct_ref *ref,
			  uint16_t number);

/* ---- extensions: struct flow_ext ---- */

/* Memory for them, before the first is written.  0, or a negative errno.  Control side only;
 * the second time does nothing. */
int conntrack_reserve_extensions(struct conntrack *ct);
/* The extension of a packet's flow; NULL: nobody has written to it, all of it is zero. */
const struct flow_ext *conntrack_ext(const struct conntrack *ct, unsigned worker,
				     const struct ct_ref *ref);
/* The same to be written; NULL where there is no memory for extensions. */
struct flow_ext *conntrack_ext_own(struct conntrack *ct, unsigned worker,
				   const struct ct_ref *ref);
/* The labels of a flow as seen by conntrack_each(). */
void conntrack_labels(const struct conntrack *ct, uint32_t index, const struct flow *copy,
		      uint64_t ret_label[2]);

/* ---- named timeout policies (nft's `ct timeout`, conntrack.md 4.8) ---- */

#define CT_POLICY_MAX 2046
struct ct_policy {
	uint8_t l4;                      /* protocol of the flows that may have it */
	uint32_t timeout[TIMEOUT_COUNT]; /* seconds; CT_POLICY_UNSAID: as without it */
	uint32_t first;                  /* seconds: what a flow has that begins */
};
#define CT_POLICY_UNSAID UINT32_MAX

/* What the policy of this number (1..CT_POLICY_MAX) says from now on.  Control side only. */
void conntrack_define_policy(struct conntrack *ct, uint16_t number,
			     const struct ct_policy *policy);
/* Forget every policy whose bit is not set in numbers[]; flows that have one of these go back
 * to the options' timeouts.  Control side only, and no worker gives one to a flow any more. */
#define CT_POLICY_WORDS ((CT_POLICY_MAX + 64) / 64)
void conntrack_keep_policies(struct conntrack *ct, const uint64_t numbers[CT_POLICY_WORDS]);

/* ---- the others ---- */

/* A rejected TCP flow that is in the table is closing (nf_ct_set_closing). */
void conntrack_set_closing(struct conntrack *ct, unsigned worker, struct flow *f,
			   struct instant now);
void flow_set_route(struct flow *f, enum flow_dir dir, uint64_t route);

/* Which flows a dump or a deletion means (conntrack(8)'s filters).  Zero: no condition. */
struct flow_filter {
	uint8_t family; /* enum l3 */
	uint8_t proto;
	bool has_proto, has_sport, has_dport, has_mark, has_state, has_zone;
	bool has_reply_sport, has_reply_dport, has_icmp_type, has_icmp_code, has_icmp_id;
	bool has_orig_zone, has_reply_zone, has_sctp_state;
	struct prefix src, dst; /* of the original tuple; family 0: any */
	struct prefix reply_src, reply_dst;
	uint16_t sport, dport;  /* host byte order, of the original tuple; GRE: keys */
	uint16_t reply_sport, reply_dport;
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id;
	uint8_t tcp_state, sctp_state;
	uint16_t zone;          /* of both directions */
	uint16_t orig_zone, reply_zone;
	/* Of FLOW_SNAT, FLOW_DNAT: one of `nat` is a mapping of the flow, and all of nat_all
	 * are, each with its address and its port as below.  A port must have been changed. */
	uint32_t nat, nat_all;
	struct prefix snat_addr, dnat_addr; /* family 0: any */
	bool has_snat_port, has_dnat_port;
	uint16_t snat_port, dnat_port;
	uint32_t mark, mark_mask;
	uint32_t id;            /* 0: any */
	uint32_t status;        /* all these bits are set */
	uint32_t status_clear;  /* none of these bits is set */
	uint64_t label[2];      /* all these are set: for labels_match() alone */
};
bool flow_matches(const struct flow *f, const struct flow_filter *filter);
/* Labels are not in the flow: conntrack_labels(). */
static inline bool labels_match(const uint64_t label[2], const struct flow_filter *filter)
{
	return !(filter->label[0] & ~label[0]) && !(filter->label[1] & ~label[1]);
}

/* Walk the flows that are alive, from record *cursor on (start with 0), at most `records`
 * records (0: all that are left).  Each is called with a copy of one instant, and stops
 * the walk by returning false; *cursor is then where to go on.  True when the end was
 * reached.  Any one thread, registered with QSBR; expired flows are left out. */
bool conntrack_each(struct conntrack *ct, uint32_t *cursor, uint32_t records,
		    struct instant now,
		    bool (*each)(void *arg, uint32_t index, const struct flow *copy),
		    void *arg);

/* Delete a flow by index and id, as seen by conntrack_each(); false when it is gone. */
bool conntrack_delete(struct conntrack *ct, uint32_t index, uint32_t id);

/* A flow made by words (conntrack -I). */
struct flow_spec {
	struct tuple tuple[2]; /* by direction */
	uint32_t status;       /* of SEEN_REPLY, ASSURED, FIXED_TIMEOUT */
	uint32_t timeout;      /* seconds, 0..CT_TIMEOUT_MAX */
	uint32_t mark;
	uint8_t state;         /* of TCP or SCTP: 1 and above; else 0 */
	uint32_t vtag[2];      /* of SCTP, as in struct flow_sctp; 0: to be learnt */
	uint64_t label[2];
};
/* 0, -EINVAL for what no flow can be, -EEXIST when one has either tuple, -ENOSPC. */
int conntrack_create(struct conntrack *ct, const struct flow_spec *spec, struct instant now);

/* What is to change of a flow (conntrack -U). */
struct flow_change {
	bool has_mark, has_timeout;
	uint32_t mark_keep, mark_flip; /* mark = (mark & keep) ^ flip */
	uint32_t timeout;    /* seconds from now */
	uint32_t set_status; /* of SEEN_REPLY, ASSURED, FIXED_TIMEOUT; none can be taken away */
	uint8_t tcp_state, sctp_state; /* 0: as it is; of no effect for other protocols */
	bool has_vtag[2];              /* by direction, likewise */
	uint32_t vtag[2];              /* as in struct flow_sctp */
	uint64_t label_keep[2], label_set[2]; /* labels = (labels & keep) | set */
};
/* By index and id, as seen by conntrack_each().  0 with a copy of the flow as it is then,
 * -ENOENT when it is gone, -EINVAL. */
int conntrack_update(struct conntrack *ct, uint32_t index, uint32_t id,
		     const struct flow_change *change, struct instant now,
		     struct flow *ret_copy);
/* Read the counters into a copy and begin them anew, as one step.  False: it is gone. */
bool conntrack_zero(struct conntrack *ct, uint32_t index, uint32_t id, struct flow *copy);

/* Expire and reclaim: looks at `records` records more, round and round (0: at all of
 * them), then gives back what has passed its grace period.  May wait for the workers'
 * next quiescent state.  The calling thread is registered and must hold no flow. */
void conntrack_housekeep(struct conntrack *ct, uint32_t records, struct instant now);

/* Kinds of flows that are counted apart. */
enum ct_kind {
	CT_KIND_NONE = 0,
	CT_TCP,
	CT_UDP,
	CT_ICMP,
	CT_ICMPV6,
	CT_SCTP,
	CT_OTHER,
	CT_KIND_COUNT
};
/* "tcp", "udp", "icmp", "icmpv6", "sctp", "other" */
const char *ct_kind_name(enum ct_kind kind);

struct conntrack_stats {
	uint32_t flows, peak, max;
	uint32_t reserved;     /* of max, for what reserve_for says */
	uint64_t reserve_used; /* flows that came in by that */
	uint32_t by_kind[CT_KIND_COUNT];
	uint32_t by_tcp_state[TCPS_COUNT];
	uint32_t by_sctp_state[SCTPS_COUNT];
	/* conntrack -S's columns (conntrack.md 7.3) */
	uint64_t found, invalid, insert, insert_failed, drop, early_drop, error, clash_resolve,
		chaintoolong;
	uint64_t expired, created;
	uint64_t expect_new, expect_create, expect_delete;
	uint32_t expectations, expect_max;
};
void conntrack_stats(const struct conntrack *ct, struct conntrack_stats *ret_stats);
unsigned conntrack_workers(const struct conntrack *ct);
/* What one worker counted (0..conntrack_workers(), the last being the control side), as
 * the kernel's per CPU: the counters only, since only sums are numbers of flows. */
void conntrack_worker_stats(const struct conntrack *ct, unsigned worker,
			    struct conntrack_stats *ret_stats);

/* One line as conntrack(8) prints it (conntrack.md 7.5), without the newline. */
enum flow_line_flag {
	FLOW_LINE_EXTENDED = 1 << 0, /* -o extended */
	FLOW_LINE_ID = 1 << 1,	     /* -o id */
	FLOW_LINE_COUNTERS = 1 << 2, /* of both directions */
	FLOW_LINE_EVENT = 1 << 3,    /* of -E: without use=, and see below */
	FLOW_LINE_STATE = 1 << 4,    /* an event with the state of the protocol */
	FLOW_LINE_MARK = 1 << 5,     /* an event with the mark though that is 0 */
	FLOW_LINE_EXPIRED = 1 << 6,  /* an event without the seconds when those are 0 */
};
struct flow_line {
	unsigned flags; /* enum flow_line_flag */
	uint64_t mono;  /* now */
	/* Words with a space behind each, or NULL: "delta-time=3 ", "helper=ftp ", */
	const char *times, *helper;
	const char *labels; /* "labels=a,b" without it */
};
struct text;
/* Appends to t. */
void flow_print_line(const struct flow *f, const struct flow_line *how, struct text *t);
/* As `conntrack -L` prints it; extended: as -o extended. */
void flow_print(const struct flow *f, uint64_t mono, bool extended, bool with_id,
		struct text *t);
/* "tcp", "udp", ..., or "unknown" as conntrack(8) names protocols. */
const char *l4proto_name(uint8_t proto);

#endif
