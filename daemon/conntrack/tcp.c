/* tcp.c - TCP's state machine as seen from the middle (nf_conntrack_proto_tcp.c; RFC 9293,
 * RFC 5961; conntrack.md section 3).
 *
 * A packet is judged in steps:
 *
 *    1  flags       a combination that no stack sends is invalid
 *    2  beginning   which first packet may begin a flow
 *    3  table       by direction, kind of packet and present state
 *    4  exceptions  what the table cannot say: reopening, simultaneous open, challenge ACKs,
 *                   resets, and packets let through because we may be the one who is wrong
 *    5  window      sequence numbers (tcp_window.c)
 *    6  result      new state, timeout, ASSURED, death
 *
 * Locking: the flow is the caller's, locked. */
#include "conntrack/tcp.h"

/* What must be left of an established flow's time for it to be cut short (120 * HZ). */
#define SHORT_ENOUGH (120 * NSEC_PER_SEC)

_Static_assert((int)TIMEOUT_TCP_SYN_SENT == TCPS_SYN_SENT &&
		       (int)TIMEOUT_TCP_SYN_SENT2 == TCPS_SYN_SENT2,
	       "timeouts are in the order of states");

/* ---- step 1: flags ---- */

/* FIN, SYN, RST, ACK, URG in five bits: PSH, ECE and CWR may stand beside any of these. */
#define KIND(flags) (((flags) & 7) | ((flags) & (TCP_ACK | TCP_URG)) >> 1)

/* What a combination is.  The 23 that are not here are sent by no stack. */
static const struct kind {
	bool valid;
	uint8_t index;   /* enum tcp_index */
	uint8_t numbers; /* sequence numbers that the flags themselves take */
} kinds[32] = {
	[KIND(TCP_SYN)] = { true, TCPI_SYN, 1 },
	[KIND(TCP_SYN | TCP_URG)] = { true, TCPI_SYN, 1 },
	[KIND(TCP_SYN | TCP_ACK)] = { true, TCPI_SYNACK, 1 },
	[KIND(TCP_FIN | TCP_ACK)] = { true, TCPI_FIN, 1 },
	[KIND(TCP_FIN | TCP_ACK | TCP_URG)] = { true, TCPI_FIN, 1 },
	[KIND(TCP_ACK)] = { true, TCPI_ACK, 0 },
	[KIND(TCP_ACK | TCP_URG)] = { true, TCPI_ACK, 0 },
	[KIND(TCP_RST)] = { true, TCPI_RST, 0 },
	[KIND(TCP_RST | TCP_ACK)] = { true, TCPI_RST, 0 },
};

static void read_segment(const struct track *t, const struct kind *kind,
			 struct segment *ret_segment)
{
	const struct packet *p = t->packet;
	const uint8_t *h = p->data + p->l4_off;
	uint32_t header = (uint32_t)(h[12] >> 4) * 4, seq = tcp_read32(h + 4);

	*ret_segment = (struct segment){
		.seq = seq,
		.ack = tcp_read32(h + 8),
		/* All of a super-packet's data. */
		.end = seq + p->l4_len - header + kind->numbers,
		.shift = t->ack_shift,
		.win = (uint16_t)(h[14] << 8 | h[15]),
		.flags = p->tcp_flags,
		.index = kind->index,
		.from = t->flow->proto.tcp.state,
		.n_options = (uint8_t)(header - TCP_HEADER),
		.options = h + TCP_HEADER,
	};
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

/* Its dimensions are powers of two, so that a cell is found without multiplying. */
static const uint8_t table[2][8][16] = {
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

static bool picks_up(const struct track *t)
{
	const struct settings *s = t->settings;

	switch (atomic_load_explicit(&s->tcp_loose, memory_order_relaxed)) {
	case TCP_LOOSE_YES:
		return true;
	case TCP_LOOSE_COLD:
		return t->now < atomic_load_explicit(&s->cold_until, memory_order_relaxed);
	default:
		return false;
	}
}

static bool may_begin(struct track *t, const struct segment *s)
{
	if (s->to == IV || (s->index != TCPI_SYN && !picks_up(t)))
		return false;
	tcp_window_begin(&t->flow->proto.tcp, s);
	return true;
}

/* ---- step 4: exceptions ---- */

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
	    tcp->last_dir == t->dir || s->ack != tcp->last_end)
		return false;
	tcp_window_resync(tcp, t->dir);
	s->from = TCPS_SYN_SENT;
	s->to = TCPS_SYN_RECV;
	return true;
}

/* Remember of an ignored packet what its answer will be compared with. */
static void note(struct track *t, const struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;

	tcp->last_index = s->index;
	tcp->last_dir = t->dir;
	tcp->last_seq = s->seq;
	tcp->last_end = s->end;
	tcp->last_win = s->win;
	if (s->index == TCPI_SYN && t->dir == DIR_ORIGINAL) {
		struct flow_tcp_side said = { 0 };

		tcp_options_read(s, &said);
		tcp->last_wscale = said.td_scale;
		tcp->last_flags = said.flags;
		if (s->from == TCPS_LAST_ACK)
			tcp->last_flags |= LAST_EXPECT_CHALLENGE;
	}
	if (s->index == TCPI_ACK && t->dir == DIR_REPLY && s->from == TCPS_SYN_SENT)
		tcp->last_ack = s->ack;
}

/* RFC 5961 4.2: the answer to a SYN in LAST_ACK acknowledges no FIN. */
static bool is_challenge(struct track *t, const struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;

	if (s->from != TCPS_LAST_ACK || s->index != TCPI_ACK || tcp->last_dir == t->dir ||
	    tcp->last_index != TCPI_SYN || !(tcp->last_flags & LAST_EXPECT_CHALLENGE))
		return false;
	tcp->last_flags &= (uint8_t)~LAST_EXPECT_CHALLENGE;
	return true;
}

/* The end of data that has just been sent: a sender that closes with data unread. */
static bool ends_its_data(const struct track *t, const struct segment *s)
{
	const struct flow_tcp *tcp = &t->flow->proto.tcp;

	return tcp->last_index == TCPI_ACK && tcp->last_dir == t->dir &&
	       s->seq == tcp->last_end;
}

/* RFC 5961 3.2: only the very next number resets, whoever guesses one within the window is
 * answered by a challenge. */
static enum track_verdict compare_reset(struct track *t, struct segment *s, uint32_t expected)
{
	bool established = s->from == TCPS_ESTABLISHED && t->status & FLOW_ASSURED;

	if (s->seq == 0 && !established) /* an answer to a SYN has no number */
		return TRACK_ACCEPT;
	if (seq_before(s->seq, expected) &&
	    !atomic_load_explicit(&t->settings->ignore_invalid_rst, memory_order_relaxed))
		return TRACK_INVALID;
	if (established && s->seq != expected && !ends_its_data(t, s))
		s->to = s->from; /* a challenge may follow */
	return TRACK_ACCEPT;
}

/* The answer to something that was let through: a SYN, an ACK behind an unanswered SYN. */
static bool answers_what_was_ignored(const struct track *t, const struct segment *s)
{
	const struct flow_tcp *tcp = &t->flow->proto.tcp;

	if (s->ack == tcp->last_end &&
	    ((t->status & FLOW_SEEN_REPLY && tcp->last_index == TCPI_SYN &&
	      tcp->last_dir != t->dir) ||
	     (!(t->status & FLOW_ASSURED) && tcp->last_index == TCPI_ACK)))
		return true;
	return s->from == TCPS_SYN_SENT && tcp->last_index == TCPI_ACK &&
	       tcp->last_dir == DIR_REPLY && s->seq == tcp->last_ack;
}

static enum track_verdict judge_reset(struct track *t, struct segment *s)
{
	const struct flow_tcp *tcp = &t->flow->proto.tcp;
	const struct flow_tcp_side *peer = &tcp->side[!t->dir];

	/* A connection that ends: its numbers may be those of the one before. */
	if (s->from >= TCPS_FIN_WAIT && s->from <= TCPS_CLOSE) {
		s->believed = true;
		return TRACK_ACCEPT;
	}
	/* What the peer acknowledged may be of another connection once a SYN came by. */
	if (peer->flags & SIDE_MAXACK_SET && tcp->last_index != TCPI_SYN)
		return compare_reset(t, s, peer->td_maxack);
	s->believed = answers_what_was_ignored(t, s);
	return TRACK_ACCEPT;
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
	case CL:
		if (s->index == TCPI_RST)
			return judge_reset(t, s);
		break;
	}
	return TRACK_ACCEPT;
}

/* ---- step 5: window ---- */

/* Both sides end a connection by numbers that we do not believe: it is over, or we do not know
 * it any more.  Either way it need not wait for days (nf_tcp_handle_invalid). */
static void shorten(struct track *t, const struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;
	uint64_t left, unacknowledged;

	if (!(t->status & FLOW_ASSURED) || t->status & FLOW_FIXED_TIMEOUT ||
	    (s->index != TCPI_RST && s->index != TCPI_FIN))
		return;
	if (tcp->last_dir == t->dir ||
	    (tcp->last_index != TCPI_FIN && tcp->last_index != TCPI_RST)) {
		tcp->last_index = s->index;
		tcp->last_dir = t->dir;
		return;
	}
	left = flow_remaining(t->flow, t->now);
	unacknowledged = track_timeout(t, TIMEOUT_TCP_UNACKNOWLEDGED);
	if (left >= SHORT_ENOUGH && left > unacknowledged)
		t->timeout = unacknowledged;
}

static enum track_verdict look_at_window(struct track *t, const struct segment *s)
{
	enum track_verdict verdict;

	if (s->believed)
		return TRACK_ACCEPT;
	verdict = tcp_window(&t->flow->proto.tcp, t->dir, s,
			     atomic_load_explicit(&t->settings->be_liberal,
						  memory_order_relaxed));
	if (verdict == TRACK_INVALID)
		shorten(t, s);
	return verdict;
}

/* ---- step 6: result ---- */

/* What the connection waits for may take less than its state's own time (conntrack.md 3.10). */
static uint64_t timeout_in_state(const struct track *t, const struct segment *s)
{
	const struct flow_tcp *tcp = &t->flow->proto.tcp;
	uint64_t own = track_timeout(t, (enum ct_timeout)s->to), limit;

	if (tcp->retrans >= atomic_load_explicit(&t->settings->max_retrans,
						 memory_order_relaxed) &&
	    own > (limit = track_timeout(t, TIMEOUT_TCP_MAX_RETRANS)))
		return limit;
	if (s->index == TCPI_RST)
		return track_timeout(t, TIMEOUT_TCP_CLOSE);
	if ((tcp->side[0].flags | tcp->side[1].flags) & SIDE_DATA_UNACKNOWLEDGED &&
	    own > (limit = track_timeout(t, TIMEOUT_TCP_UNACKNOWLEDGED)))
		return limit;
	if (tcp->last_win == 0 && own > (limit = track_timeout(t, TIMEOUT_TCP_MAX_RETRANS)))
		return limit;
	return own;
}

static enum track_verdict conclude(struct track *t, const struct segment *s)
{
	struct flow_tcp *tcp = &t->flow->proto.tcp;

	tcp->last_index = s->index;
	tcp->last_dir = t->dir;
	if (s->to == FW)
		tcp->side[t->dir].flags |= SIDE_CLOSE_INIT;
	tcp->state = s->to;
	t->timeout = timeout_in_state(t, s);

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
	} else if (s->to == ES && (s->from == ES || s->from == SR)) {
		t->set_status = FLOW_ASSURED;
	}
	return TRACK_ACCEPT;
}

enum track_verdict tcp_track(struct track *t)
{
	const struct packet *p = t->packet;
	enum track_verdict verdict;
	const struct kind *kind = &kinds[KIND(p->tcp_flags)];
	struct segment s;

	if (!(p->flags & PACKET_L4_HEADER) || !kind->valid)
		return TRACK_INVALID;
	read_segment(t, kind, &s);
	s.to = table[t->dir][s.index][s.from];
	if (t->begins && !may_begin(t, &s))
		return TRACK_INVALID;
	verdict = except(t, &s);
	if (verdict == TRACK_ACCEPT)
		verdict = look_at_window(t, &s);
	if (verdict != TRACK_ACCEPT)
		return verdict;
	return conclude(t, &s);
}
