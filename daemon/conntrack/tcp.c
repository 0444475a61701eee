/* tcp.c - TCP's state machine as seen from the middle (nf_conntrack_proto_tcp.c; RFC 9293,
 * RFC 5961; conntrack.md section 3).
 *
 * A packet is judged in steps:
 *
 *    1  flags       a combination that no stack sends is invalid
 *    2  beginning   which first packet may begin a flow
 *    3  table       by direction, kind of packet and present state
 *    4  exceptions  what the table cannot say: reopening, simultaneous open, challenge ACKs,
 *                   and packets let through because we may be the one who is wrong
 *    5  result      new state, timeout, ASSURED, death
 *
 * Sequence numbers and windows (tcp_in_window) will be judged between 4 and 5; by now every
 * sequence number is within the window, and flow_tcp_side's td_ fields stay 0, which means
 * that they have not been learnt.
 *
 * Locking: the flow is the caller's, locked. */
#include "conntrack/track.h"

/* What counts of a packet, by the kernel's numbers (get_conntrack_index). */
enum tcp_index {
	TCPI_SYN = 0,
	TCPI_SYNACK = 1,
	TCPI_FIN = 2,
	TCPI_ACK = 3,
	TCPI_RST = 4,
	TCPI_COUNT = 5,
};

/* flow_tcp_side.flags: the kernel's IP_CT_TCP_FLAG_*. */
enum side_flag {
	SIDE_SACK_PERM = 0x02,
	SIDE_CLOSE_INIT = 0x04, /* its FIN was the first */
	SIDE_BE_LIBERAL = 0x08,
};

/* flow_tcp.last_flags: side flags of an ignored SYN, and these. */
enum last_flag {
	LAST_EXPECT_CHALLENGE = 0x40,  /* a SYN in LAST_ACK may be answered by an ACK */
	LAST_SIMULTANEOUS_OPEN = 0x80, /* both sides sent a SYN */
};

/* It has no sysctl of its own, and keeps the kernel's default. */
#define SYN_SENT2_TIMEOUT (120 * NSEC_PER_SEC)

_Static_assert((int)TIMEOUT_TCP_SYN_SENT == TCPS_SYN_SENT &&
	       (int)TIMEOUT_TCP_CLOSE == TCPS_CLOSE, "timeouts are in the order of states");

struct segment {
	const uint8_t *header;
	enum tcp_index index;
	uint8_t from; /* enum tcp_state */
	uint8_t to; /* enum tcp_state, or IG */
};

/* ---- step 1: flags ---- */

#define FLAGS_BIT(flags) (1u << (((flags) & 7) | ((flags) & (TCP_ACK | TCP_URG)) >> 1))

static bool flags_are_valid(uint8_t flags)
{
	/* PSH, ECE and CWR may stand beside any of these. */
	static const uint32_t valid =
		FLAGS_BIT(TCP_SYN) | FLAGS_BIT(TCP_SYN | TCP_URG) |
		FLAGS_BIT(TCP_SYN | TCP_ACK) | FLAGS_BIT(TCP_RST) |
		FLAGS_BIT(TCP_RST | TCP_ACK) | FLAGS_BIT(TCP_FIN | TCP_ACK) |
		FLAGS_BIT(TCP_FIN | TCP_ACK | TCP_URG) | FLAGS_BIT(TCP_ACK) |
		FLAGS_BIT(TCP_ACK | TCP_URG);

	return valid & FLAGS_BIT(flags);
}

static enum tcp_index index_of(uint8_t flags)
{
	if (flags & TCP_RST)
		return TCPI_RST;
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? TCPI_SYNACK : TCPI_SYN;
	return flags & TCP_FIN ? TCPI_FIN : TCPI_ACK;
}

/* ---- step 3: the table ---- */

/* Short names, so that a row is a line.  IV refuses; IG lets the packet pass and changes
 * nothing, since the hosts may know better than we do. */
enum {
	IV = TCPS_NONE,
	SS = TCPS_SYN_SENT,
	SR = TCPS_SYN_RECV,
	ES = TCPS_ESTABLISHED,
	FW = TCPS_FIN_WAIT,
	CW = TCPS_CLOSE_WAIT,
	LA = TCPS_LAST_ACK,
	TW = TCPS_TIME_WAIT,
	CL = TCPS_CLOSE,
	S2 = TCPS_SYN_SENT2,
	IG = TCPS_COUNT,
};

static const uint8_t table[2][TCPI_COUNT][TCPS_COUNT] = {
	[DIR_ORIGINAL] = {
		/*	 none	SS  SR	ES  FW	CW  LA	TW  CL	S2 */
		/* A SYN opens, again and again until it is answered.  In a flow that lives it
		 * may be the sign that we missed its end: the answer will tell.  When the flow
		 * is over it begins another (reopen). */
		[TCPI_SYN] =	{ SS,	SS, IG, IG, IG, IG, IG, SS, SS, S2 },
		/* The opener sends a SYN+ACK only when both opened at once. */
		[TCPI_SYNACK] = { IV,	IV, SR, IV, IV, IV, IV, IV, IV, SR },
		/* No FIN before the handshake's answer; the second FIN waits for the last
		 * ACK, and so does the first one when it is repeated. */
		[TCPI_FIN] =	{ IV,	IV, FW, FW, LA, LA, LA, TW, CL, IV },
		/* An ACK of no flow is a pick-up (tcp-loose).  There is nothing to
		 * acknowledge before an answer. */
		[TCPI_ACK] =	{ ES,	IV, ES, ES, CW, CW, TW, TW, CL, IV },
		[TCPI_RST] =	{ IV,	CL, CL, CL, CL, CL, CL, CL, CL, CL },
	},
	[DIR_REPLY] = {
		/*	 none	SS  SR	ES  FW	CW  LA	TW  CL	S2 */
		/* A SYN from the other side is a simultaneous open, or a new flow the other
		 * way round in TIME_WAIT; a server that answers does not open. */
		[TCPI_SYN] =	{ IV,	S2, IV, IV, IV, IV, IV, SS, IV, S2 },
		/* The answer; later ones are late, or answer a SYN that we ignored. */
		[TCPI_SYNACK] = { IV,	SR, IG, IG, IG, IG, IG, IG, IG, SR },
		[TCPI_FIN] =	{ IV,	IV, FW, FW, LA, LA, LA, TW, CL, IV },
		/* A SYN may be answered by the ACK of a connection that we do not know: the
		 * client will reset it. */
		[TCPI_ACK] =	{ IV,	IG, SR, ES, CW, CW, TW, TW, CL, IG },
		[TCPI_RST] =	{ IV,	CL, CL, CL, CL, CL, CL, CL, CL, CL },
	},
};

/* ---- step 2: beginning ---- */

static bool may_begin(struct track *t, const struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;

	if (s->to == IV)
		return false;
	if (s->index == TCPI_SYN)
		return true;
	if (atomic_load_explicit(&t->settings->tcp_loose, memory_order_relaxed) !=
	    TCP_LOOSE_YES)
		return false;
	/* Picked up: the options of its handshake are unknown. */
	tcp->side[0].flags = tcp->side[1].flags = SIDE_SACK_PERM | SIDE_BE_LIBERAL;
	return true;
}

/* ---- step 4: exceptions ---- */

static uint32_t read32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The sequence number behind the segment. */
static uint32_t segment_end(const struct packet *p, const uint8_t *header)
{
	uint32_t payload = p->l4_len - (uint32_t)(header[12] >> 4) * 4;

	return read32(header + 4) + payload + !!(p->tcp_flags & TCP_SYN) +
	       !!(p->tcp_flags & TCP_FIN);
}

/* A SYN in a flow that is over: delete it and begin another, if the flow was closed in
 * order or if the sender of the SYN had reset it. */
static bool reopens(const struct track *t)
{
	const struct flow_tcp *tcp = &t->flow->proto.tcp;

	return (tcp->side[0].flags | tcp->side[1].flags) & SIDE_CLOSE_INIT ||
	       (tcp->last_dir == t->dir && tcp->last_index == TCPI_RST);
}

/* A SYN+ACK that acknowledges a SYN which we ignored: the hosts began a new connection, and
 * we were wrong. */
static bool resyncs(struct track *t, struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;

	if (s->index != TCPI_SYNACK || tcp->last_index != TCPI_SYN ||
	    tcp->last_dir == t->dir || read32(s->header + 8) != tcp->last_end)
		return false;
	tcp->last_flags &= (uint8_t)~LAST_EXPECT_CHALLENGE;
	tcp->side[tcp->last_dir].flags = tcp->last_flags;
	tcp->side[t->dir].flags &= SIDE_BE_LIBERAL;
	s->from = TCPS_SYN_SENT;
	s->to = TCPS_SYN_RECV;
	return true;
}

/* Remember of an ignored packet what its answer will be compared with. */
static void note(struct track *t, const struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;
	const uint8_t *h = s->header;

	tcp->last_index = s->index;
	tcp->last_dir = t->dir;
	tcp->last_seq = read32(h + 4);
	tcp->last_end = segment_end(t->packet, h);
	tcp->last_win = (uint16_t)(h[14] << 8 | h[15]);
	if (s->index == TCPI_SYN && t->dir == DIR_ORIGINAL) {
		tcp->last_wscale = 0;
		tcp->last_flags = s->from == TCPS_LAST_ACK ? LAST_EXPECT_CHALLENGE : 0;
	}
	if (s->index == TCPI_ACK && t->dir == DIR_REPLY && s->from == TCPS_SYN_SENT)
		tcp->last_ack = read32(h + 8);
}

/* RFC 5961 4.2: the answer to a SYN in LAST_ACK acknowledges no FIN. */
static bool is_challenge(struct track *t, const struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;

	if (s->to != TW || s->from != TCPS_LAST_ACK || s->index != TCPI_ACK ||
	    tcp->last_dir == t->dir || tcp->last_index != TCPI_SYN ||
	    !(tcp->last_flags & LAST_EXPECT_CHALLENGE))
		return false;
	tcp->last_flags &= (uint8_t)~LAST_EXPECT_CHALLENGE;
	return true;
}

static enum track_verdict except(struct track *t, struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;

	switch (s->to) {
	case IV:
		return TRACK_INVALID;
	case SS:
		if (s->from != TW && s->from != CL)
			break;
		if (reopens(t))
			return TRACK_AGAIN;
		/* Nobody knows whether it is over. */
		__attribute__((fallthrough));
	case IG:
		if (resyncs(t, s))
			break;
		note(t, s);
		return TRACK_IGNORE;
	case TW:
		if (is_challenge(t, s))
			return TRACK_IGNORE;
		break;
	case S2:
		tcp->last_flags |= LAST_SIMULTANEOUS_OPEN;
		break;
	case SR:
		/* The last ACK of a simultaneous open may come from the replying side too. */
		if (s->index == TCPI_ACK && tcp->last_flags & LAST_SIMULTANEOUS_OPEN)
			s->to = ES;
		break;
	}
	return TRACK_ACCEPT;
}

/* ---- step 5: result ---- */

static uint64_t state_timeout(const struct track *t, const struct segment *s)
{
	if (s->index == TCPI_RST)
		return track_timeout(t, TIMEOUT_TCP_CLOSE);
	if (s->to == TCPS_SYN_SENT2)
		return track_policy(t, CT_POLICY_TCP_SYN_SENT2, SYN_SENT2_TIMEOUT);
	return track_timeout(t, (enum ct_timeout)s->to);
}

static enum track_verdict conclude(struct track *t, const struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;

	tcp->last_index = s->index;
	tcp->last_dir = t->dir;
	if (s->to == FW)
		tcp->side[t->dir].flags |= SIDE_CLOSE_INIT;
	tcp->state = s->to;
	t->timeout = state_timeout(t, s);

	if (!(t->status & FLOW_SEEN_REPLY)) {
		uint64_t unacknowledged;

		/* Nobody listens: the flow has never been one. */
		if (s->index == TCPI_RST)
			return TRACK_KILL;
		/* A client that knocks for ever does not keep its flow for ever. */
		if (s->index == TCPI_SYN && s->from == SS)
			return TRACK_IGNORE;
		unacknowledged = track_timeout(t, TIMEOUT_TCP_UNACKNOWLEDGED);
		if (s->to == ES && t->timeout > unacknowledged)
			t->timeout = unacknowledged;
	} else if (s->to == ES) {
		t->set_status = FLOW_ASSURED;
	}
	return TRACK_ACCEPT;
}

enum track_verdict tcp_track(struct track *t)
{
	const struct packet *p = t->packet;
	struct segment s = {
		.header = p->data + p->l4_off,
		.index = index_of(p->tcp_flags),
		.from = t->flow->proto.tcp.state,
	};
	enum track_verdict verdict;

	if (!(p->flags & PACKET_L4_HEADER) || !flags_are_valid(p->tcp_flags))
		return TRACK_INVALID;
	s.to = table[t->dir][s.index][s.from];
	if (t->begins && !may_begin(t, &s))
		return TRACK_INVALID;
	verdict = except(t, &s);
	if (verdict != TRACK_ACCEPT)
		return verdict;
	return conclude(t, &s);
}
