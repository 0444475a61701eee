/* sctp.c - SCTP's state machine as seen from the middle (nf_conntrack_proto_sctp.c; RFC 9260;
 * conntrack.md 4.6).
 *
 * A packet is a header with a verification tag, which the receiver chose, and chunks:
 *
 *    1  chunks      which of them may be together in a packet
 *    2  beginning   which chunks may begin an association
 *    3  the tag     of a packet whose chunks have no rules of their own about it
 *    4  each chunk  its tag, the table by direction, chunk and present state, the tags that it
 *                   announces
 *    5  result      timeout by the state after the last chunk, ASSURED
 *
 * A chunk that is refused makes the packet invalid; what the chunks before it have changed
 * stays changed, as in the kernel.
 *
 * Locking: the flow is the caller's, locked. */
#include <string.h>

#include "conntrack/track.h"

#define SCTP_HEADER 12
#define CHUNK_HEADER 4
#define INIT_HEADER 16 /* tag, window, streams out and in, TSN */
#define VTAG_OFF 4
#define CHUNK_T 0x01 /* the tag is the receiver's own, for want of the sender's */

enum chunk_type {
	DATA = 0,
	INIT = 1,
	INIT_ACK = 2,
	HEARTBEAT = 4,
	HEARTBEAT_ACK = 5,
	ABORT = 6,
	SHUTDOWN = 7,
	SHUTDOWN_ACK = 8,
	ERROR = 9,
	COOKIE_ECHO = 10,
	COOKIE_ACK = 11,
	SHUTDOWN_COMPLETE = 14,
	CHUNK_TYPES = 15,
};

#define BIT(type) (1u << (type))

/* The others (DATA, SACK, extensions) move no state. */
#define MOVING                                                                                \
	(BIT(INIT) | BIT(INIT_ACK) | BIT(HEARTBEAT) | BIT(HEARTBEAT_ACK) | BIT(ABORT) |       \
	 BIT(SHUTDOWN) | BIT(SHUTDOWN_ACK) | BIT(ERROR) | BIT(COOKIE_ECHO) | BIT(COOKIE_ACK) | \
	 BIT(SHUTDOWN_COMPLETE))
/* Nobody begins with these (RFC 9260 8.4). */
#define NEVER_FIRST (BIT(ABORT) | BIT(SHUTDOWN_COMPLETE) | BIT(COOKIE_ACK))
/* With one of these the packet's tag is judged by chunk (RFC 9260 8.5.1). */
#define OWN_TAG_RULE                                                                          \
	(BIT(INIT) | BIT(SHUTDOWN_COMPLETE) | BIT(COOKIE_ECHO) | BIT(ABORT) |                 \
	 BIT(SHUTDOWN_ACK) | BIT(HEARTBEAT) | BIT(HEARTBEAT_ACK))

_Static_assert((int)TIMEOUT_SCTP_HEARTBEAT_SENT - (int)TIMEOUT_SCTP_CLOSED ==
	       SCTPS_HEARTBEAT_SENT - SCTPS_CLOSED, "timeouts are in the order of states");

/* ---- the table ---- */

enum {
	NO = SCTPS_NONE,
	CL = SCTPS_CLOSED,
	CW = SCTPS_COOKIE_WAIT,
	CE = SCTPS_COOKIE_ECHOED,
	ES = SCTPS_ESTABLISHED,
	SS = SCTPS_SHUTDOWN_SENT,
	SR = SCTPS_SHUTDOWN_RECD,
	SA = SCTPS_SHUTDOWN_ACK_SENT,
	HS = SCTPS_HEARTBEAT_SENT,
	IV = SCTPS_COUNT,
};

static const uint8_t table[2][CHUNK_TYPES][SCTPS_COUNT] = {
	[DIR_ORIGINAL] = {
		/*			none CL  CW  CE  ES  SS  SR  SA  HS */
		/* An INIT opens, or restarts an association whose end we missed: the answer
		 * will tell. */
		[INIT] =		{ CL, CL, CW, CE, ES, CL, CL, SA, CW },
		[INIT_ACK] =		{ CL, CL, CW, CE, ES, SS, SR, SA, CL },
		/* Checked against the tag, so believed in every state. */
		[ABORT] =		{ CL, CL, CL, CL, CL, CL, CL, CL, CL },
		[SHUTDOWN] =		{ CL, CL, CW, CE, SS, SS, SR, SA, CL },
		/* Of an association that we know nothing of: its answer ends both. */
		[SHUTDOWN_ACK] =	{ SA, CL, CW, CE, ES, SA, SA, SA, SA },
		[ERROR] =		{ CL, CL, CW, CE, ES, SS, SR, SA, CL },
		/* The opener returns the cookie... */
		[COOKIE_ECHO] =		{ CL, CL, CE, CE, ES, SS, SR, SA, CL },
		/* ...and acknowledges one only when both opened at once. */
		[COOKIE_ACK] =		{ CL, CL, CW, ES, ES, SS, SR, SA, CL },
		[SHUTDOWN_COMPLETE] =	{ CL, CL, CW, CE, ES, SS, SR, CL, CL },
		/* Another path of an association that is established elsewhere. */
		[HEARTBEAT] =		{ HS, CL, CW, CE, ES, SS, SR, SA, HS },
		[HEARTBEAT_ACK] =	{ CL, CL, CW, CE, ES, SS, SR, SA, HS },
	},
	[DIR_REPLY] = {
		/*			none CL  CW  CE  ES  SS  SR  SA  HS */
		/* Of a path that only a heartbeat was sent along nothing else is believed
		 * before that is answered. */
		[INIT] =		{ IV, CL, CW, CE, ES, SS, SR, SA, IV },
		[INIT_ACK] =		{ IV, CW, CW, CE, ES, SS, SR, SA, IV },
		[ABORT] =		{ IV, CL, CL, CL, CL, CL, CL, CL, IV },
		[SHUTDOWN] =		{ IV, CL, CW, CE, SR, SS, SR, SA, IV },
		[SHUTDOWN_ACK] =	{ IV, CL, CW, CE, ES, SA, SA, SA, IV },
		/* A stale cookie. */
		[ERROR] =		{ IV, CL, CW, CL, ES, SS, SR, SA, IV },
		[COOKIE_ECHO] =		{ IV, CL, CE, CE, ES, SS, SR, SA, IV },
		[COOKIE_ACK] =		{ IV, CL, CW, ES, ES, SS, SR, SA, IV },
		[SHUTDOWN_COMPLETE] =	{ IV, CL, CW, CE, ES, SS, SR, CL, IV },
		[HEARTBEAT] =		{ IV, CL, CW, CE, ES, SS, SR, SA, HS },
		[HEARTBEAT_ACK] =	{ IV, CL, CW, CE, ES, SS, SR, SA, ES },
	},
};

static uint8_t next_state(uint8_t dir, uint8_t state, uint8_t type)
{
	return type < CHUNK_TYPES && MOVING & BIT(type) ? table[dir][type][state] : state;
}

/* ---- step 1: chunks ---- */

/* Begin with next = SCTP_HEADER and the rest zero. */
struct walk {
	uint32_t next; /* where the next chunk begins, from the SCTP header */
	unsigned n;    /* chunks so far */
	uint16_t length; /* as the present one says; it may reach behind the packet */
	uint8_t type, flags;
	const uint8_t *body;
	uint32_t left; /* bytes of the packet from body on */
};

static bool walk_on(struct walk *w, const struct packet *p)
{
	const uint8_t *chunk = p->data + p->l4_off + w->next;

	if (w->next + CHUNK_HEADER > p->l4_len)
		return false;
	w->type = chunk[0];
	w->flags = chunk[1];
	w->length = (uint16_t)(chunk[2] << 8 | chunk[3]);
	w->body = chunk + CHUNK_HEADER;
	w->left = p->l4_len - w->next - CHUNK_HEADER;
	w->next += w->length ? (w->length + 3u) & ~3u : CHUNK_HEADER;
	w->n++;
	return true;
}

/* The types that are in the packet, BIT() of each; 0: there are none, or they do not go
 * together (RFC 9260 6.10, 5.1).  DATA's bit counts, others of 32 and more do not matter. */
static bool chunks_are_valid(const struct packet *p, uint32_t *ret_seen)
{
	static const uint32_t alone = BIT(INIT) | BIT(INIT_ACK) | BIT(SHUTDOWN_COMPLETE);
	static const uint32_t first = BIT(COOKIE_ECHO) | BIT(COOKIE_ACK);
	struct walk w = { .next = SCTP_HEADER };
	uint32_t seen = 0;

	while (walk_on(&w, p)) {
		uint32_t bit = w.type < 32 ? BIT(w.type) : 0;

		seen |= bit;
		if (w.length == 0 || (w.n > 1 && (seen & alone || bit & first)))
			return false;
	}
	*ret_seen = seen;
	return w.n > 0;
}

/* The tag that an INIT or INIT ACK announces; false when it is cut short. */
static bool announced_tag(const struct walk *w, uint32_t *ret_tag)
{
	if (w->left < INIT_HEADER)
		return false;
	memcpy(ret_tag, w->body, sizeof(*ret_tag));
	return true;
}

/* ---- step 2: beginning ---- */

static bool may_begin(struct flow_sctp *s, const struct packet *p, uint32_t seen, uint32_t vtag)
{
	struct walk w = { .next = SCTP_HEADER };

	if (seen & NEVER_FIRST)
		return false;
	while (walk_on(&w, p)) {
		if (next_state(DIR_ORIGINAL, SCTPS_NONE, w.type) == SCTPS_NONE)
			return false;
		switch (w.type) {
		case INIT:
			if (vtag != 0 || !announced_tag(&w, &s->vtag[DIR_REPLY]))
				return false;
			break;
		case HEARTBEAT:
			s->vtag[DIR_ORIGINAL] = vtag;
			break;
		case SHUTDOWN_ACK: /* out of the blue: what answers it returns the tag */
			s->vtag[DIR_REPLY] = vtag;
			break;
		default:
			break;
		}
	}
	return true;
}

/* ---- step 4: each chunk ---- */

enum step {
	STEP_ON = 1,
	STEP_SKIP,   /* let through, and nothing more is made of this chunk */
	STEP_REFUSE,
};

struct judgement {
	const struct track *t;
	struct flow_sctp *s;
	uint32_t vtag, seen;
	bool ignore;
};

/* A HEARTBEAT with another tag may be that of an association which began anew behind our back:
 * its answer will tell. */
static enum step check_heartbeat(struct judgement *j)
{
	struct flow_sctp *s = j->s;
	uint8_t dir = j->t->dir;

	if (s->vtag[dir] == 0) {
		s->vtag[dir] = j->vtag;
	} else if (j->vtag != s->vtag[dir]) {
		if (j->seen & BIT(DATA) || j->ignore)
			return STEP_REFUSE;
		s->heartbeat_failed = true;
		s->heartbeat_dir = dir;
		j->ignore = true;
		return STEP_SKIP;
	} else {
		s->heartbeat_failed = false;
	}
	return STEP_ON;
}

static enum step check_heartbeat_ack(struct judgement *j)
{
	struct flow_sctp *s = j->s;
	uint8_t dir = j->t->dir;

	if (s->vtag[dir] == 0) {
		s->vtag[dir] = j->vtag;
	} else if (j->vtag != s->vtag[dir]) {
		if (j->seen & BIT(DATA) || j->ignore || !s->heartbeat_failed ||
		    s->heartbeat_dir == dir)
			return STEP_REFUSE;
		s->heartbeat_failed = false;
		s->vtag[dir] = j->vtag;
		s->vtag[!dir] = 0;
	} else {
		s->heartbeat_failed = false;
	}
	return STEP_ON;
}

static enum step check_tag(struct judgement *j, const struct walk *w)
{
	struct flow_sctp *s = j->s;
	uint8_t dir = j->t->dir;

	switch (w->type) {
	case INIT:
		return j->vtag == 0 ? STEP_ON : STEP_REFUSE;
	case ABORT:
	case SHUTDOWN_COMPLETE:
		return j->vtag == s->vtag[w->flags & CHUNK_T ? !dir : dir] ? STEP_ON :
									     STEP_REFUSE;
	case COOKIE_ECHO:
		return j->vtag == s->vtag[dir] ? STEP_ON : STEP_REFUSE;
	case COOKIE_ACK:
		s->init[DIR_ORIGINAL] = s->init[DIR_REPLY] = false;
		return STEP_ON;
	case HEARTBEAT:
		return check_heartbeat(j);
	case HEARTBEAT_ACK:
		return check_heartbeat_ack(j);
	default:
		return STEP_ON;
	}
}

/* The first packet brings the tag of its direction, unless it is one that has none, or that
 * would end the association with any. */
static void learn_first_tag(const struct judgement *j)
{
	struct flow_sctp *s = j->s;
	uint8_t dir = j->t->dir;

	if (!s->untagged[dir] || j->seen & (BIT(INIT) | BIT(ABORT) | BIT(SHUTDOWN_COMPLETE)))
		return;
	s->vtag[dir] = j->vtag;
	s->untagged[dir] = false;
}

/* The sender of an INIT or INIT ACK says which tag it wants to see.  What an INIT says is
 * believed; its answer must go with what we know, unless it answers one that we saw. */
static bool learn_tag(struct judgement *j, const struct walk *w)
{
	struct flow_sctp *s = j->s;
	uint8_t dir = j->t->dir;
	uint32_t tag, known = s->vtag[!dir];

	if (w->type != INIT && w->type != INIT_ACK)
		return true;
	if (!announced_tag(w, &tag))
		return false;
	if (w->type == INIT) {
		/* The same again: nothing collides with it. */
		if (tag == known && !j->t->begins)
			return true;
		if (s->init[dir] && s->init[!dir])
			s->init[!dir] = false;
		s->init[dir] = true;
	} else if (tag != known &&
		   ((!s->init[!dir] && known) || (s->init[dir] && s->init[!dir]))) {
		return false;
	}
	s->vtag[!dir] = tag;
	s->untagged[!dir] = false;
	return true;
}

static bool judge_chunk(struct judgement *j, const struct walk *w, uint32_t *set_status)
{
	struct flow_sctp *s = j->s;
	uint8_t before = s->state, after;

	switch (check_tag(j, w)) {
	case STEP_ON:
		break;
	case STEP_SKIP:
		return true;
	default:
		return false;
	}
	after = next_state(j->t->dir, before, w->type);
	if (after == IV || !learn_tag(j, w))
		return false;
	/* An INIT that is repeated keeps nothing alive: the port may be another's by now. */
	if (w->type == INIT && before == SCTPS_CLOSED && after == SCTPS_CLOSED && !j->t->begins)
		j->ignore = true;
	s->state = after;
	if (after != before && after == SCTPS_ESTABLISHED)
		*set_status |= FLOW_ASSURED;
	return true;
}

/* ---- the whole ---- */

enum track_verdict sctp_track(struct track *t)
{
	const struct packet *p = t->packet;
	struct judgement j = { .t = t, .s = &t->flow->proto.sctp };
	struct walk w = { .next = SCTP_HEADER };
	uint32_t set_status = 0;

	if (p->l4_len < SCTP_HEADER || !chunks_are_valid(p, &j.seen))
		return TRACK_INVALID;
	memcpy(&j.vtag, p->data + p->l4_off + VTAG_OFF, sizeof(j.vtag));
	if (t->begins && !may_begin(j.s, p, j.seen, j.vtag))
		return TRACK_INVALID;
	learn_first_tag(&j);
	if (!(j.seen & OWN_TAG_RULE) && j.vtag != j.s->vtag[t->dir])
		return TRACK_INVALID;
	while (walk_on(&w, p)) {
		if (!judge_chunk(&j, &w, &set_status))
			return TRACK_INVALID;
	}
	if (j.ignore)
		return TRACK_IGNORE;
	t->set_status = set_status;
	t->timeout = track_timeout(t, (enum ct_timeout)(TIMEOUT_SCTP_CLOSED - 1 + j.s->state));
	return TRACK_ACCEPT;
}
