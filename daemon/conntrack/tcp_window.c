/* tcp_window.c - sequence numbers and windows as seen from the middle (tcp_in_window() of
 * nf_conntrack_proto_tcp.c; Guido van Rooij, "Real Stateful TCP Packet Filtering in IP
 * Filter"; conntrack.md 3.9).
 *
 * Of each side is known, as soon as it has spoken (td_maxwin is not 0):
 *
 *                       td_end - peer's td_maxwin      td_end          td_maxend
 *    ------------------------------|---------------------|------------------|----->
 *       what the peer has long had |  what may come      | what may         | what the
 *       and acknowledged           |  once more          | come next        | peer has
 *                                  |                     |                  | no room for
 *
 *    td_end      behind the highest number that it sent
 *    td_maxend   behind the highest number that it may send: the peer's ack + window
 *    td_maxwin   the largest window that it offered
 *    td_maxack   the highest number that it acknowledged
 *
 * A segment is judged in steps:
 *
 *    1  acknowledged  by the ack field and, if the receiver speaks of it, by SACK; without
 *                     what a helper has added to the stream
 *    2  first words   a side that has not spoken is believed; a SYN with a higher number
 *                     takes the place of the one before
 *    3  amends        fields of a RST that stacks leave empty
 *    4  bounds        the four of the kernel, I to IV
 *    5  learning      what the segment says for the next one's bounds
 *
 * Locking: the flow is the caller's, locked. */
#include "conntrack/tcp.h"

/* How old an acknowledgement may be: the largest window without scaling, and something. */
#define MAX_ACK_WINDOW 66000

/* The segment's numbers as they are judged. */
struct numbers {
	uint32_t seq, end;
	uint32_t ack, sack; /* sack: the highest that is acknowledged, never before ack */
};

static uint32_t not_zero(uint32_t window)
{
	return window ? window : 1;
}

/* ---- step 2: first words ---- */

static void meet_syn(struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s)
{
	struct flow_tcp_side *sender = &tcp->side[dir], *receiver = &tcp->side[!dir];

	sender->td_end = sender->td_maxend = s->end;
	sender->td_maxwin = not_zero(s->win);
	tcp_options_read(s, sender);
	/* RFC 7323 2.2: windows are scaled only if both said so. */
	if (dir == DIR_REPLY && !(sender->flags & receiver->flags & SIDE_WINDOW_SCALE))
		sender->td_scale = receiver->td_scale = 0;
}

static void meet_midway(struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s,
			uint32_t sack)
{
	struct flow_tcp_side *sender = &tcp->side[dir], *receiver = &tcp->side[!dir];

	sender->td_end = s->end;
	sender->td_maxwin = not_zero((uint32_t)s->win << sender->td_scale);
	sender->td_maxend = s->end + sender->td_maxwin;
	if (receiver->td_maxwin == 0) /* of which this is all that is known */
		receiver->td_end = receiver->td_maxend = sack;
	else if (sack == receiver->td_end + 1) /* an answer to a keep-alive */
		receiver->td_end++;
}

/* A SYN takes the place of the one before only with a higher number; whether one with a lower
 * number does, the answer will tell. */
static bool begins_again(const struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s)
{
	return seq_after(s->end, tcp->side[dir].td_end) &&
	       (tcp->state == TCPS_SYN_SENT || tcp->state == TCPS_SYN_RECV);
}

/* False: nothing is left to be judged. */
static bool meet(struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s,
		 uint32_t sack)
{
	if (tcp->side[dir].td_maxwin != 0) {
		if (!(s->flags & TCP_SYN) || !begins_again(tcp, dir, s))
			return true;
		meet_syn(tcp, dir, s);
		return dir == DIR_ORIGINAL || s->flags & TCP_ACK;
	}
	if (!(s->flags & TCP_SYN)) {
		meet_midway(tcp, dir, s, sack);
		return true;
	}
	meet_syn(tcp, dir, s);
	return s->flags & TCP_ACK; /* else both open at once */
}

/* ---- step 3: amends ---- */

static void amend(const struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s,
		  struct numbers *n)
{
	/* Without ACK it acknowledges nothing wrong; nor does a RST whose sender only forgot
	 * to write what. */
	if (!(s->flags & TCP_ACK) || (s->flags & TCP_RST && n->ack == 0))
		n->ack = n->sack = tcp->side[!dir].td_end;
	/* The answer to a SYN: its sender has no numbers of its own. */
	if (s->flags & TCP_RST && s->seq == 0 && tcp->state == TCPS_SYN_SENT)
		n->seq = n->end = tcp->side[dir].td_end;
}

/* ---- step 4: bounds ---- */

static bool ends_in_window(const struct flow_tcp_side *sender,
			   const struct flow_tcp_side *receiver, const struct numbers *n)
{
	return !seq_before(n->end, sender->td_end - receiver->td_maxwin);
}

static bool is_too_old(const struct flow_tcp_side *sender, const struct flow_tcp_side *receiver,
		       const struct numbers *n)
{
	uint32_t window = sender->td_maxwin > MAX_ACK_WINDOW ? sender->td_maxwin :
							       MAX_ACK_WINDOW;

	return seq_before(n->sack, receiver->td_end - window);
}

/* The sender goes beyond the window, by less than another window.  The receiver may take it
 * nonetheless; if it does, its acknowledgement must not be out of bounds. */
static enum track_verdict overshoot(struct flow_tcp_side *sender,
				    const struct flow_tcp_side *receiver,
				    const struct numbers *n)
{
	if (receiver->td_maxwin == 0 || !ends_in_window(sender, receiver, n) ||
	    n->end - sender->td_maxend + 1 > receiver->td_maxwin ||
	    seq_after(n->sack, receiver->td_end) || is_too_old(sender, receiver, n))
		return TRACK_INVALID;
	sender->td_end = n->end;
	sender->flags |= SIDE_DATA_UNACKNOWLEDGED;
	return TRACK_IGNORE;
}

static enum track_verdict bound(struct flow_tcp_side *sender,
				const struct flow_tcp_side *receiver, const struct numbers *n)
{
	if (seq_after(n->seq, sender->td_maxend)) /* I */
		return overshoot(sender, receiver, n);
	if (seq_after(n->sack, receiver->td_end)) /* II: acknowledges what was never sent */
		return TRACK_INVALID;
	if (receiver->td_maxwin != 0 && !ends_in_window(sender, receiver, n)) /* III */
		return TRACK_IGNORE;
	if (is_too_old(sender, receiver, n)) /* IV */
		return TRACK_IGNORE;
	return TRACK_ACCEPT;
}

/* ---- step 5: learning ---- */

static void learn_sender(struct flow_tcp_side *sender, const struct segment *s,
			 const struct numbers *n, uint32_t win)
{
	/* What it has out of order lies within the window that it offers. */
	win += n->sack - n->ack;
	if (sender->td_maxwin < win)
		sender->td_maxwin = win;
	if (seq_after(n->end, sender->td_end)) {
		sender->td_end = n->end;
		sender->flags |= SIDE_DATA_UNACKNOWLEDGED;
	}
	if (s->flags & TCP_ACK &&
	    (!(sender->flags & SIDE_MAXACK_SET) || seq_after(n->ack, sender->td_maxack))) {
		sender->td_maxack = n->ack;
		sender->flags |= SIDE_MAXACK_SET;
	}
}

static void learn_receiver(const struct flow_tcp_side *sender, struct flow_tcp_side *receiver,
			   const struct numbers *n, uint32_t win)
{
	/* It gets more than it was known to allow. */
	if (receiver->td_maxwin != 0 && seq_after(n->end, sender->td_maxend))
		receiver->td_maxwin += n->end - sender->td_maxend;
	/* A window of nothing may be probed with one byte (RFC 9293 3.8.6.1). */
	if (!seq_before(n->sack + win, receiver->td_maxend))
		receiver->td_maxend = n->sack + not_zero(win);
	if (n->ack == receiver->td_end)
		receiver->flags &= (uint8_t)~SIDE_DATA_UNACKNOWLEDGED;
}

/* Whence the last segment came no processor can guess: hence no branch. */
static void count_repetitions(struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s,
			      const struct numbers *n)
{
	uint32_t differs = (tcp->last_dir ^ (uint32_t)dir) | (tcp->last_seq ^ n->seq) |
			   (tcp->last_ack ^ n->ack) | (tcp->last_end ^ n->end) |
			   (tcp->last_win ^ (uint32_t)s->win);

	tcp->retrans = (uint8_t)((tcp->retrans + 1) * !differs);
	tcp->last_dir = (uint8_t)dir;
	tcp->last_seq = n->seq;
	tcp->last_ack = n->ack;
	tcp->last_end = n->end;
	tcp->last_win = s->win;
}

static void learn(struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s,
		  const struct numbers *n)
{
	struct flow_tcp_side *sender = &tcp->side[dir], *receiver = &tcp->side[!dir];
	uint32_t win = s->win;

	if (!(s->flags & TCP_SYN)) /* RFC 7323 2.2: a SYN's window is never scaled */
		win <<= sender->td_scale;
	learn_sender(sender, s, n, win);
	learn_receiver(sender, receiver, n, win);
	if (s->index == TCPI_ACK)
		count_repetitions(tcp, dir, s, n);
}

/* ---- the whole ---- */

enum track_verdict tcp_window(struct flow_tcp *tcp, enum flow_dir dir, const struct segment *s,
			      bool liberal)
{
	struct flow_tcp_side *sender = &tcp->side[dir], *receiver = &tcp->side[!dir];
	struct numbers n = { s->seq, s->end, s->ack - s->shift, s->ack - s->shift };
	enum track_verdict verdict;

	if (receiver->flags & SIDE_SACK_PERM && s->n_options)
		n.sack = tcp_sack_edge(s) - s->shift;
	if (!meet(tcp, dir, s, n.sack))
		return TRACK_ACCEPT;
	if ((s->flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
		amend(tcp, dir, s, &n);
	verdict = bound(sender, receiver, &n);
	if (verdict == TRACK_ACCEPT)
		learn(tcp, dir, s, &n);
	else if (liberal || sender->flags & SIDE_BE_LIBERAL)
		verdict = TRACK_ACCEPT; /* and nothing is learnt from it */
	return verdict;
}

void tcp_window_begin(struct flow_tcp *tcp, const struct segment *s)
{
	if (!(s->flags & TCP_SYN)) {
		tcp_window_forget(tcp);
		tcp->side[DIR_ORIGINAL].td_end = s->end;
		tcp->side[DIR_ORIGINAL].td_maxwin = not_zero(s->win);
		tcp->side[DIR_ORIGINAL].td_maxend = s->end + not_zero(s->win);
		return;
	}
	meet_syn(tcp, DIR_ORIGINAL, s);
}

void tcp_window_forget(struct flow_tcp *tcp)
{
	for (int i = 0; i < 2; i++)
		tcp->side[i] = (struct flow_tcp_side){
			.flags = (tcp->side[i].flags & SIDE_CLOSE_INIT) | SIDE_SACK_PERM |
				 SIDE_BE_LIBERAL,
		};
	tcp->last_wscale = 0;
}

void tcp_window_resync(struct flow_tcp *tcp, enum flow_dir dir)
{
	struct flow_tcp_side *answers = &tcp->side[dir], *asked = &tcp->side[!dir];

	tcp->last_flags &= (uint8_t)~LAST_EXPECT_CHALLENGE;
	asked->td_end = asked->td_maxend = tcp->last_end;
	asked->td_maxwin = not_zero(tcp->last_win);
	asked->td_scale = tcp->last_wscale;
	asked->flags = tcp->last_flags;
	*answers = (struct flow_tcp_side){ .flags = answers->flags & SIDE_BE_LIBERAL };
}
