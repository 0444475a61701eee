/* flow.h - a flow, as whoever may only look at it sees it.
 *
 * A record of the arena (nf_conn): identity first, which never changes once the flow is
 * confirmed and is checksummed; then what packets change, under the flow's own word.
 *
 * Locking: `word` is lock and sequence number in one.  Even: nobody writes.  A writer
 * makes it odd by compare-and-swap, changes the mutable part, and adds one again.  A
 * reader that wants several fields of one instant reads the word before and after
 * (flow_snapshot()); single fields may be read without.  Memory of a flow is not reused
 * before every worker has passed a quiescent state, so a pointer found by a look-up is
 * good until the end of the worker's callback. */
#ifndef CTFW_FLOW_H
#define CTFW_FLOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/tuple.h"

#define FLOW_NONE UINT32_MAX
#define CT_TIMEOUT_MAX 2147483 /* seconds; the kernel's jiffies allow no more */

enum flow_dir {
	DIR_ORIGINAL = 0,
	DIR_REPLY = 1,
};

/* ct state as a rule sees it; the values are nft's bits (conntrack.md 1.6). */
enum ct_state {
	CT_STATE_NONE = 0, /* not looked up yet: rules see it as invalid */
	CT_STATE_INVALID = 0x1,
	CT_STATE_ESTABLISHED = 0x2,
	CT_STATE_RELATED = 0x4,
	CT_STATE_NEW = 0x8,
	CT_STATE_UNTRACKED = 0x40,
};

/* Status bits: the kernel's enum ip_conntrack_status, bit for bit. */
enum flow_status {
	FLOW_EXPECTED = 1 << 0,
	FLOW_SEEN_REPLY = 1 << 1,
	FLOW_ASSURED = 1 << 2,
	FLOW_CONFIRMED = 1 << 3,
	FLOW_SNAT = 1 << 4,
	FLOW_DNAT = 1 << 5,
	FLOW_SEQ_ADJ = 1 << 6,
	FLOW_SNAT_DONE = 1 << 7,
	FLOW_DNAT_DONE = 1 << 8,
	FLOW_DYING = 1 << 9,
	FLOW_FIXED_TIMEOUT = 1 << 10,
	FLOW_HELPER = 1 << 13,
};

/* The kernel's numbers (enum tcp_conntrack); other prefix, since netinet/tcp.h has
 * states of its own. */
enum tcp_state {
	TCPS_NONE = 0,
	TCPS_SYN_SENT = 1,
	TCPS_SYN_RECV = 2,
	TCPS_ESTABLISHED = 3,
	TCPS_FIN_WAIT = 4,
	TCPS_CLOSE_WAIT = 5,
	TCPS_LAST_ACK = 6,
	TCPS_TIME_WAIT = 7,
	TCPS_CLOSE = 8,
	TCPS_SYN_SENT2 = 9,
	TCPS_COUNT = 10,
};

/* The kernel's numbers (enum sctp_conntrack). */
enum sctp_state {
	SCTPS_NONE = 0,
	SCTPS_CLOSED = 1,
	SCTPS_COOKIE_WAIT = 2,
	SCTPS_COOKIE_ECHOED = 3,
	SCTPS_ESTABLISHED = 4,
	SCTPS_SHUTDOWN_SENT = 5,
	SCTPS_SHUTDOWN_RECD = 6,
	SCTPS_SHUTDOWN_ACK_SENT = 7,
	SCTPS_HEARTBEAT_SENT = 8,
	SCTPS_COUNT = 9,
};

/* One side's window record (struct ip_ct_tcp_state); sequence numbers in host order. */
struct flow_tcp_side {
	uint32_t td_end, td_maxend, td_maxwin, td_maxack;
	uint8_t td_scale;
	uint8_t flags;
	uint8_t reserved[2];
};

struct flow_tcp {
	struct flow_tcp_side side[2]; /* by the sender's direction */
	uint8_t state; /* enum tcp_state */
	uint8_t last_dir, last_index, retrans;
	uint32_t last_seq, last_ack, last_end;
	uint16_t last_win;
	uint8_t last_wscale, last_flags;
};

struct flow_udp {
	uint64_t stream_at; /* monotonic ns: a stream when it goes on behind this */
};

/* struct ip_ct_sctp. */
struct flow_sctp {
	uint32_t vtag[2]; /* of packets of this direction, network byte order; 0: unknown */
	uint8_t state;    /* enum sctp_state */
	uint8_t init[2];  /* an INIT came from there, and no COOKIE ACK since */
	/* The direction of a HEARTBEAT that had another tag; whether its answer is awaited. */
	uint8_t heartbeat_dir, heartbeat_failed;
	/* Made of words, not of packets: the tag comes with the first packet from there. */
	uint8_t untagged[2];
};

struct flow_gre {
	uint64_t timeout, stream_timeout; /* ns, as they were when it began */
};

struct flow {
	/* Identity: written before the flow enters the table, then never again. */
	uint32_t check; /* over the rest of the identity; 0 in a free record */
	uint32_t id;    /* unique while the arena lives; never 0 */
	uint64_t start; /* real ns, when it was confirmed */
	uint32_t master; /* index of the flow that expected this one, or FLOW_NONE */
	uint32_t master_id;
	struct tuple tuple[2]; /* by direction; the reply's is post-NAT */

	/* Asked once a flow: [d] is the interface behind which tuple[d].src lies, as
	 * serial of the hostview that said so << 32 | ifindex.  0, or another serial than
	 * that of the hostview in force: ask again. */
	_Atomic uint64_t route[2];
	/* The interface whose address a masquerade gave to it, once it is confirmed never
	 * changed; 0: none. */
	_Atomic uint32_t masquerade;
	/* The first and the last port that a rule gave its source to choose from, likewise, in
	 * host byte order; 0: none. */
	_Atomic uint16_t source_ports[2];

	/* What packets change. */
	_Atomic uint32_t word;   /* lock and sequence number */
	_Atomic uint32_t status; /* enum flow_status */
	_Atomic uint64_t expires; /* monotonic ns */
	_Atomic uint32_t mark;
	_Atomic uint16_t policy; /* named timeout policy; 0: the options' timeouts */
	_Atomic uint8_t helper;  /* which helper reads its packets; 0: none */
	_Atomic uint8_t extended; /* its extension was written: see struct flow_ext */
	struct {
		uint64_t packets, bytes; /* IP header included (conntrack.md 7.2) */
	} acct[2];
	union {
		struct flow_tcp tcp;
		struct flow_udp udp;
		struct flow_gre gre;
		struct flow_sctp sctp;
		uint8_t bytes[64];
	} proto;
	/* What listeners are to be told with its next packet (enum ct_event_bit). */
	_Atomic uint16_t events;
	_Atomic uint16_t events_off; /* events that are not reported: bits of `ct event set` */
	/* The helper of the flow that expected this one, which may be gone: `ct helper`. */
	_Atomic uint8_t master_helper;
	uint8_t reserved3[3];
};
_Static_assert(sizeof(struct flow_tcp) == 60, "");
_Static_assert(sizeof(struct flow) == 256, "a record of the arena");
/* Four cache lines, of which a packet needs three: that of its direction's tuple, and both of
 * what it changes. */
_Static_assert(offsetof(struct flow, tuple[1]) == 64 && offsetof(struct flow, word) == 128, "");

/* How far a helper has shifted what one end sends (struct nf_ct_seqadj), by making its data
 * longer or shorter; host byte order, as this end counts. */
struct flow_seqadj {
	uint32_t correction_pos; /* where the segment begins that was changed last */
	/* Added to the numbers up to there, and behind; modulo 2^32. */
	uint32_t offset_before, offset_after;
};

/* What few flows need, in the extension record that has the flow's index.  Whoever writes to it
 * first clears it and sets `extended`: before, it may hold what another flow left. */
struct flow_ext {
	_Atomic uint64_t label[2]; /* ct label: bit n is bit n % 64 of word n / 64 */
	uint8_t helper[24];        /* a helper's notes; under the flow's word */
	struct flow_seqadj seqadj[2]; /* by the sender's direction; under the flow's word */
};
_Static_assert(sizeof(struct flow_ext) == 64, "an extension record of the arena");

/* "NONE", "SYN_SENT", ...; never NULL. */
const char *tcp_state_name(unsigned state);
/* "NONE", "CLOSED", "COOKIE_WAIT", ...; never NULL. */
const char *sctp_state_name(unsigned state);
/* "invalid", "established", ...; "none" for others. */
const char *ct_state_name(enum ct_state s);
/* Names of the status bits as replay and rules print them: "expected", "seen-reply",
 * "assured", "confirmed", "snat", "dnat", "seq-adj", "dying", "fixed-timeout",
 * "helper"; NULL for a bit without a name. */
const char *flow_status_name(unsigned bit);
/* What is left until it expires, ns; 0 when it has. */
uint64_t flow_remaining(const struct flow *f, uint64_t mono);
/* A copy of one instant.  False when the record is not that of a live flow. */
bool flow_snapshot(const struct flow *f, struct flow *ret_copy);

#endif
