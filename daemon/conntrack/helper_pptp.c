/* helper_pptp.c - PPTP (RFC 2637; nf_conntrack_pptp.c, nf_nat_pptp.c, conntrack.md 8.7).
 *
 * A client (PNS) and a server (PAC) agree over TCP on a call, and then speak GRE.  Each has
 * chosen an id for it, which the other one writes into what it sends:
 *
 *     PNS                                           PAC
 *      |  out-call request, id 3000                  |
 *      |-------------------------------------------->|
 *      |          out-call reply, id 77, yours 3000  |
 *      |<--------------------------------------------|
 *      |  GRE, id 77                                 |
 *      |-------------------------------------------->|
 *      |                               GRE, id 3000  |
 *      |<--------------------------------------------|
 *
 * Both directions are one flow, which either may begin: two expectations, of which the first
 * packet takes one and removes the other, and two entries in the keymap.  All of it ends with
 * the call, and with the control connection.
 *
 * Under NAT clients that share an address could have chosen one id.  So to the server the id is
 * the connection's source port, which is unique there.  The kernel does that for calls that the
 * client begins, and spoils those that the server begins; here both work.
 *
 * One message is read of a segment, as it stands at its start. */
#include <netinet/in.h>
#include <string.h>

#include "conntrack/helper.h"
#include "conntrack/private.h"
#include "conntrack/record.h"

#define CONTROL_MESSAGE 1
#define MAGIC_COOKIE 0x1a2b3c4d
#define HEAD_BYTES 12 /* of each: length, kind, cookie, type, reserved */
#define RESULT_OK 1   /* of all that have a result */

enum session {
	SESSION_NONE = 0,
	SESSION_ERROR,
	SESSION_STOPPING,
	SESSION_ASKED,
	SESSION_UP,
};

enum call {
	CALL_NONE = 0,
	CALL_OUT_ASKED,
	CALL_OUT_UP,
	CALL_IN_ASKED,
	CALL_IN_ANSWERED,
	CALL_IN_UP,
	CALL_CLEARING,
};

/* The helper's notes; ids in network byte order. */
struct pptp_notes {
	uint16_t pns, pac; /* as the server knows them */
	uint16_t own_pns;  /* as the client has said it */
	uint8_t session, call;
	uint8_t mapped; /* bits: by direction, what is in the keymap */
	uint8_t reserved[3];
	struct keymap_keys keys[2];
};
_Static_assert(sizeof(struct pptp_notes) <= sizeof(((struct flow_ext *)0)->helper), "");

/* What a message is. */
enum outcome {
	OUT_OF_PLACE = 0, /* it passes as it is */
	HEARD,
	CALL_BEGINS,
	CALL_ENDS,
};

/* ---- messages: what each changes, under the flow's lock ---- */

static uint16_t id_at(const uint8_t *body, unsigned off)
{
	uint16_t id;

	memcpy(&id, body + off, sizeof(id));
	return id;
}

/* The id that the client has chosen, and what it becomes. */
static void learn_pns(struct help_packet *h, struct pptp_notes *n, uint16_t id)
{
	n->own_pns = id;
	n->pns = help_is_translated(h) ? h->flow->tuple[DIR_REPLY].dport : id;
}

static enum outcome start_request(struct help_packet *h, struct pptp_notes *n,
				  const uint8_t *body)
{
	(void)h;
	(void)body;
	if (n->session != SESSION_NONE)
		return OUT_OF_PLACE;
	n->session = SESSION_ASKED;
	return HEARD;
}

static enum outcome start_reply(struct help_packet *h, struct pptp_notes *n,
				const uint8_t *body)
{
	(void)h;
	if (n->session < SESSION_ASKED)
		return OUT_OF_PLACE;
	n->session = body[2] == RESULT_OK ? SESSION_UP : SESSION_ERROR;
	return HEARD;
}

static enum outcome stop_request(struct help_packet *h, struct pptp_notes *n,
				 const uint8_t *body)
{
	(void)h;
	(void)body;
	n->session = SESSION_STOPPING;
	return HEARD;
}

static enum outcome stop_reply(struct help_packet *h, struct pptp_notes *n,
			       const uint8_t *body)
{
	(void)h;
	if (n->session > SESSION_STOPPING)
		return OUT_OF_PLACE;
	n->session = body[0] == RESULT_OK ? SESSION_NONE : SESSION_ERROR;
	return HEARD;
}

static enum outcome out_request(struct help_packet *h, struct pptp_notes *n,
				const uint8_t *body)
{
	if (n->session != SESSION_UP)
		return OUT_OF_PLACE;
	n->call = CALL_OUT_ASKED;
	learn_pns(h, n, id_at(body, 0));
	return HEARD;
}

static enum outcome out_reply(struct help_packet *h, struct pptp_notes *n, const uint8_t *body)
{
	(void)h;
	if (n->session != SESSION_UP ||
	    (n->call != CALL_OUT_ASKED && n->call != CALL_OUT_UP) || id_at(body, 2) != n->pns)
		return OUT_OF_PLACE;
	if (body[4] != RESULT_OK) {
		n->call = CALL_NONE;
		return HEARD;
	}
	n->call = CALL_OUT_UP;
	n->pac = id_at(body, 0);
	return CALL_BEGINS;
}

static enum outcome in_request(struct help_packet *h, struct pptp_notes *n,
			       const uint8_t *body)
{
	(void)h;
	if (n->session != SESSION_UP)
		return OUT_OF_PLACE;
	n->call = CALL_IN_ASKED;
	n->pac = id_at(body, 0);
	return HEARD;
}

static enum outcome in_reply(struct help_packet *h, struct pptp_notes *n, const uint8_t *body)
{
	if ((n->call != CALL_IN_ASKED && n->call != CALL_IN_ANSWERED) ||
	    id_at(body, 2) != n->pac)
		return OUT_OF_PLACE;
	if (body[4] != RESULT_OK) {
		n->call = CALL_NONE;
		return HEARD;
	}
	n->call = CALL_IN_ANSWERED;
	learn_pns(h, n, id_at(body, 0));
	return HEARD;
}

static enum outcome in_connected(struct help_packet *h, struct pptp_notes *n,
				 const uint8_t *body)
{
	(void)h;
	if (n->session != SESSION_UP ||
	    (n->call != CALL_IN_ANSWERED && n->call != CALL_IN_UP) || id_at(body, 0) != n->pns)
		return OUT_OF_PLACE;
	n->call = CALL_IN_UP;
	return CALL_BEGINS;
}

static enum outcome clear_request(struct help_packet *h, struct pptp_notes *n,
				  const uint8_t *body)
{
	(void)h;
	(void)body;
	if (n->session != SESSION_UP)
		return OUT_OF_PLACE;
	n->call = CALL_CLEARING;
	return HEARD;
}

static enum outcome disconnected(struct help_packet *h, struct pptp_notes *n,
				 const uint8_t *body)
{
	(void)h;
	(void)body;
	n->call = CALL_NONE;
	return CALL_ENDS;
}

static enum outcome of_a_call(struct help_packet *h, struct pptp_notes *n, const uint8_t *body)
{
	(void)h;
	(void)n;
	(void)body;
	return HEARD;
}

static const struct message {
	uint8_t least; /* bytes behind its head; fewer are no message */
	bool names_pns; /* the client's id stands there */
	uint8_t pns_off;
	/* By direction; NULL: nothing is learnt from it. */
	enum outcome (*step[2])(struct help_packet *h, struct pptp_notes *n,
				const uint8_t *body);
} messages[] = {
	[1] = { 144, false, 0, { start_request, NULL } },
	[2] = { 144, false, 0, { NULL, start_reply } },
	[3] = { 4, false, 0, { stop_request, NULL } },
	[4] = { 4, false, 0, { NULL, stop_reply } },
	[7] = { 156, true, 0, { out_request, NULL } },
	[8] = { 20, true, 2, { NULL, out_reply } },
	[9] = { 208, false, 0, { NULL, in_request } },
	[10] = { 12, true, 0, { in_reply, NULL } },
	[11] = { 16, true, 0, { NULL, in_connected } },
	[12] = { 4, true, 0, { clear_request, NULL } },
	[13] = { 136, true, 0, { NULL, disconnected } },
	[14] = { 28, true, 0, { NULL, of_a_call } }, /* errors of the line */
	[15] = { 12, true, 0, { NULL, of_a_call } }, /* its settings */
};
#define MESSAGES (sizeof(messages) / sizeof(messages[0]))

/* ---- the keymap: under the flow's lock ---- */

static uint32_t index_of(const struct conntrack *ct, const struct flow *f)
{
	return (uint32_t)(f - ct->table.records);
}

/* One call at a time: false, if there is another. */
static bool map(struct conntrack *ct, const struct flow *f, struct pptp_notes *n,
		enum flow_dir dir, struct keymap_keys keys)
{
	if (n->mapped & 1 << dir && n->keys[dir].dst != keys.dst)
		return false;
	if (!(n->mapped & 1 << dir))
		n->keys[dir] = keys;
	n->mapped |= (uint8_t)(1 << dir);
	keymap_add(ct, index_of(ct, f), dir, n->keys[dir]);
	return true;
}

static void unmap(struct conntrack *ct, const struct flow *f, struct pptp_notes *n)
{
	for (enum flow_dir dir = DIR_ORIGINAL; dir <= DIR_REPLY; dir++) {
		if (n->mapped & 1 << dir)
			keymap_remove(ct, index_of(ct, f), dir, n->keys[dir]);
	}
	n->mapped = 0;
}

static bool map_call(struct help_packet *h, const struct expect *to_pac,
		     const struct expect *to_pns)
{
	struct pptp_notes *n = h->notes;

	/* Nobody would remove them. */
	if (atomic_load_explicit(&h->flow->status, memory_order_relaxed) & FLOW_DYING)
		return false;
	if (!map(h->ct, h->flow, n, DIR_ORIGINAL,
		 (struct keymap_keys){ to_pac->tuple.sport, to_pac->tuple.dport }))
		return false;
	if (map(h->ct, h->flow, n, DIR_REPLY,
		(struct keymap_keys){ to_pns->tuple.sport, to_pns->tuple.dport }))
		return true;
	unmap(h->ct, h->flow, n);
	return false;
}

/* ---- a call begins, and ends ---- */

/* GRE from the end that sends packets of this direction.  It is the other one that listens. */
static struct expect expect_gre(const struct help_packet *h, enum flow_dir dir,
				uint16_t src_key, uint16_t dst_key)
{
	const struct tuple *t = &h->flow->tuple[dir];
	struct expect e = help_expectation(h, 0, IPPROTO_GRE, &t->src, &t->dst, dst_key);

	e.tuple.sport = src_key;
	e.sport_mask = UINT16_MAX;
	e.dir = !dir;
	return e;
}

static void begin_call(struct help_packet *h, const struct pptp_notes *n)
{
	struct expect to_pac = expect_gre(h, DIR_ORIGINAL, n->own_pns, n->pac);
	struct expect to_pns = expect_gre(h, DIR_REPLY, n->pac, n->pns);
	bool mapped;

	if (help_is_translated(h)) {
		to_pac.nat_addr = h->flow->tuple[DIR_REPLY].src;
		to_pac.nat_port = n->pns;
		to_pns.nat_addr = h->flow->tuple[DIR_ORIGINAL].src;
		to_pns.nat_port = n->own_pns;
	}
	if (help_expect(h, &to_pac, false))
		return;
	if (help_expect(h, &to_pns, false)) {
		help_unexpect(h, &to_pac);
		return;
	}
	help_lock(h);
	mapped = map_call(h, &to_pac, &to_pns);
	help_unlock(h);
	if (mapped)
		return;
	help_unexpect(h, &to_pac);
	help_unexpect(h, &to_pns);
}

static void kill_gre(struct conntrack *ct, struct ct_worker *w, const struct tuple *control,
		     struct keymap_keys keys)
{
	struct tuple t = *control;
	struct flow *gre;
	enum flow_dir dir;

	t.l4 = IPPROTO_GRE;
	t.sport = keys.src;
	t.dport = keys.dst;
	gre = life_find(ct, w, &t, (uint32_t)tuple_hash(&ct->key, &t), worker_now(w).mono,
			&dir);
	if (gre)
		life_kill(ct, w, gre);
}

/* What was of the call, and not some tunnel between the same hosts. */
static void end_call(struct conntrack *ct, struct ct_worker *w, struct flow *f, void *notes)
{
	struct pptp_notes *n = notes, call;

	record_lock(f);
	call = *n;
	unmap(ct, f, n);
	record_unlock(f);
	for (enum flow_dir dir = DIR_ORIGINAL; dir <= DIR_REPLY; dir++) {
		if (call.mapped & 1 << dir)
			kill_gre(ct, w, &f->tuple[dir], call.keys[dir]);
	}
}

static void recover(struct conntrack *ct, struct flow *f, const void *notes)
{
	const struct pptp_notes *n = notes;

	for (enum flow_dir dir = DIR_ORIGINAL; dir <= DIR_REPLY; dir++) {
		if (n->mapped & 1 << dir)
			keymap_add(ct, index_of(ct, f), dir, n->keys[dir]);
	}
}

/* ---- packets ---- */

/* The message at the segment's start; *ret_body is what lies behind its head. */
static const struct message *find_message(struct cursor c, const uint8_t **ret_body)
{
	uint16_t kind, type;
	uint32_t cookie;

	cursor_be16(&c); /* the length that it says is nobody's concern */
	kind = cursor_be16(&c);
	cookie = cursor_be32(&c);
	type = cursor_be16(&c);
	cursor_be16(&c);
	if (c.failed || kind != CONTROL_MESSAGE || cookie != MAGIC_COOKIE || type >= MESSAGES ||
	    cursor_left(&c) < messages[type].least)
		return NULL;
	*ret_body = c.p;
	return &messages[type];
}

/* The server reads the id that it is to use, the client the one that it chose. */
static bool rewrite_pns(struct help_packet *h, const struct message *m,
			const struct pptp_notes *n)
{
	const uint16_t *id = h->dir == DIR_ORIGINAL ? &n->pns : &n->own_pns;

	return help_rewrite(h, HEAD_BYTES + m->pns_off, sizeof(*id), (const char *)id,
			    sizeof(*id));
}

static enum help read_pptp(struct help_packet *h)
{
	enum outcome outcome;
	const struct message *m;
	struct pptp_notes now;
	const uint8_t *body;

	if (h->state != CT_STATE_ESTABLISHED)
		return HELP_ACCEPT;
	m = find_message(h->payload, &body);
	if (!m || !m->step[h->dir])
		return HELP_ACCEPT;
	help_lock(h);
	outcome = m->step[h->dir](h, h->notes, body);
	now = *(struct pptp_notes *)h->notes;
	help_unlock(h);
	if (outcome == OUT_OF_PLACE)
		return HELP_ACCEPT;
	if (outcome == CALL_BEGINS) {
		begin_call(h, &now);
	} else if (outcome == CALL_ENDS) {
		end_call(h->ct, h->worker, h->flow, h->notes);
		expect_orphan(h->ct, h->worker, help_index(h));
	}
	return m->names_pns && help_is_translated(h) && !rewrite_pns(h, m, &now) ? HELP_DROP :
										  HELP_ACCEPT;
}

/* ---- GRE comes ---- */

static enum expect_step remove_opposite(void *arg, struct expect *e)
{
	const uint8_t *taken = arg;

	return e->dir != *taken ? EXPECT_REMOVE : EXPECT_GO_ON;
}

/* The answer needs no expectation: it is this flow's. */
static void arrive(struct help_follow *f)
{
	uint8_t taken = f->expect->dir;

	expect_each_of(f->ct, f->worker, f->expect->master, remove_opposite, &taken);
}

/* Each end speaks as what the other one knows; the ids are those of who receives. */
static void follow(struct help_follow *f)
{
	const struct expect *e = f->expect;
	bool from_pns = e->dir == DIR_REPLY;

	help_map(f, NAT_MANIP_SRC, &f->master->tuple[e->dir].dst, from_pns ? e->nat_port : 0);
	help_map(f, NAT_MANIP_DST, &e->nat_addr, from_pns ? 0 : e->nat_port);
}

const struct helper helper_pptp = {
	.port = 1723,
	.l4 = HELPER_TCP,
	.l3 = HELPER_IPV4,
	.classes = { { .max = 2, .timeout = 300 } },
	.read = read_pptp,
	.arrive = arrive,
	.follow = follow,
	.end = end_call,
	.recover = recover,
};
