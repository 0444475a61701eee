/* helper_sip.c - SIP over UDP and TCP (RFC 3261, RFC 4566; nf_conntrack_sip.c, conntrack.md
 * 8.6).
 *
 * Who registers wants to be called, and who is called tells where its sound and pictures go:
 *
 *    REGISTER              expect signalling from the registrar to the Contact, not yet
 *    its 2xx               from now on, as long as the registrar says
 *    INVITE, its answers   expect what the session description names: RTP on an even port
 *       and the like       and RTCP on the next
 *    BYE, a refusal        no more
 *
 * Each end speaks for itself only: an address that is not the sender's own is passed over.
 * What is expected comes from the other end of the same flow (the kernel's
 * sip_direct_signalling and sip_direct_media). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "conntrack/helper_sip.h"
#include "conntrack/private.h"

#define SIP_TIMEOUT 3600 /* seconds that any packet with text keeps the flow */
#define SHORTEST (sizeof("SIP/2.0 200") - 1)
#define VERSION "SIP/2.0 "
#define MESSAGES_MAX 16 /* that are read of one segment; others are not known of */
#define MEDIA_MAX 3 /* that are read of one description */
#define MEDIA_PORT_MIN 1024
#define MEDIA_PORT_MAX 65535

static void note(const struct message *m, uint32_t *at)
{
	help_lock(m->h);
	*at = m->cseq;
	help_unlock(m->h);
}

static bool is_noted(const struct message *m, const uint32_t *at)
{
	uint32_t cseq;

	help_lock(m->h);
	cseq = *at;
	help_unlock(m->h);
	return cseq == m->cseq;
}

static bool is_success(const struct message *m)
{
	return m->code >= 200 && m->code <= 299;
}

static bool is_provisional(const struct message *m)
{
	return m->code >= 100 && m->code <= 199;
}

/* ---- the flow's expectations ---- */

static void each_expectation(struct help_packet *h,
			     enum expect_step (*each)(void *arg, struct expect *e), void *arg)
{
	/* Before the flow is confirmed it has none but those of this very packet. */
	if (!h->unconfirmed)
		expect_each_of(h->ct, h->worker, help_index(h), each, arg);
}

static enum expect_step flush_one(void *arg, struct expect *e)
{
	const bool *media = arg;

	return (e->class != CLASS_SIGNALLING) == *media ? EXPECT_REMOVE : EXPECT_GO_ON;
}

static void flush(struct help_packet *h, bool media)
{
	each_expectation(h, flush_one, &media);
}

struct activation {
	const struct sip_uri *uri;
	uint8_t l4;
	uint64_t expires;
	bool done;
};

static enum expect_step activate_one(void *arg, struct expect *e)
{
	struct activation *a = arg;

	if (e->class != CLASS_SIGNALLING || e->tuple.l4 != a->l4 ||
	    e->tuple.dport != htons(a->uri->port) || !addr_equal(&e->tuple.dst, &a->uri->addr))
		return EXPECT_GO_ON;
	atomic_store_explicit(&e->expires, a->expires, memory_order_relaxed);
	atomic_fetch_and_explicit(&e->flags, ~(uint32_t)EXPECT_INACTIVE, memory_order_release);
	a->done = true;
	return EXPECT_STOP;
}

/* What the registrar has confirmed; false: nobody had registered that. */
static bool activate(struct help_packet *h, const struct sip_uri *uri, uint32_t seconds)
{
	struct activation a = {
		.uri = uri,
		.l4 = help_mine(h)->l4,
		.expires = h->now.mono + seconds * NSEC_PER_SEC,
	};

	each_expectation(h, activate_one, &a);
	return a.done;
}

/* ---- registration ---- */

/* Whether the Contact is to be reached over the flow's own protocol, as it is unless said. */
static bool same_transport(const struct help_packet *h, struct cursor contact)
{
	struct cursor value;

	if (!sip_param(contact, "transport=", &value))
		return true;
	return scan_word(&value, help_mine(h)->l4 == IPPROTO_TCP ? "TCP" : "UDP");
}

/* The Contact's own word on how long it lasts; WRONG: no number. */
static enum sip_read read_expires(struct cursor contact, uint32_t *expires)
{
	struct cursor value;

	if (!sip_param(contact, "expires=", &value))
		return SIP_ABSENT;
	return scan_number(&value, expires) ? SIP_READ : SIP_WRONG;
}

static struct sip_contacts contacts_of(const struct message *m)
{
	return (struct sip_contacts){ .at = m->text, .family = help_mine(m->h)->l3 };
}

static uint32_t expires_of(const struct message *m)
{
	struct cursor behind;
	uint32_t expires = 0;

	if (sip_number(m->text, SIP_EXPIRES, &expires, &behind) == SIP_ABSENT)
		return 0;
	return expires;
}

static enum help expect_signalling(struct message *m, const struct sip_uri *uri)
{
	struct help_packet *h = m->h;
	struct expect e = help_expectation(h, CLASS_SIGNALLING, help_mine(h)->l4,
					   &help_theirs(h)->src, &uri->addr, htons(uri->port));

	e.flags = EXPECT_PERMANENT | EXPECT_INACTIVE;
	e.assign = HELPER_SIP;
	if (help_is_translated(h))
		return sip_nat_register(m, uri, &e);
	return help_expect(h, &e, false) ? HELP_DROP : HELP_ACCEPT;
}

static enum help register_request(struct message *m)
{
	struct sip_contacts contacts = contacts_of(m);
	struct sip_notes *notes = m->h->notes;
	uint32_t expires = expires_of(m);
	struct sip_uri uri;

	/* Who was called by a registrar cannot register with it. */
	if (atomic_load_explicit(&m->h->flow->status, memory_order_relaxed) & FLOW_EXPECTED)
		return HELP_ACCEPT;
	if (!sip_contact(&contacts, &uri) ||
	    !addr_equal(&uri.addr, &help_mine(m->h)->src) ||
	    !same_transport(m->h, contacts.at))
		return HELP_ACCEPT;
	if (read_expires(contacts.at, &expires) == SIP_WRONG)
		return HELP_DROP;
	/* Zero: to be called no more.  What the registrar answers counts. */
	if (expires != 0 && expect_signalling(m, &uri) == HELP_DROP)
		return HELP_DROP;
	note(m, &notes->register_cseq);
	return HELP_ACCEPT;
}

/* The registrar's list of all that may be called: is this client in it? */
static enum help registered(struct message *m)
{
	struct sip_contacts contacts = contacts_of(m);
	const uint32_t all = expires_of(m);
	struct sip_uri uri;

	while (sip_contact(&contacts, &uri)) {
		uint32_t expires = all;

		if (!addr_equal(&uri.addr, &help_mine(m->h)->dst) ||
		    !same_transport(m->h, contacts.at))
			continue;
		if (read_expires(contacts.at, &expires) == SIP_WRONG)
			return HELP_DROP;
		if (expires == 0)
			break;
		if (activate(m->h, &uri, expires))
			return HELP_ACCEPT;
	}
	flush(m->h, false);
	return HELP_ACCEPT;
}

static enum help register_response(struct message *m)
{
	const struct sip_notes *notes = m->h->notes;

	/* A late answer to a former request says nothing of the last one. */
	if (!is_noted(m, &notes->register_cseq) || is_provisional(m))
		return HELP_ACCEPT;
	if (is_success(m))
		return registered(m);
	flush(m->h, false);
	return HELP_ACCEPT;
}

/* ---- media ---- */

/* RTP and RTCP, both or none.  *addr becomes what the other side is told; *behind as in
 * sip_nat_media(). */
static enum help expect_media(struct message *m, const struct medium *medium, union addr *addr,
			      size_t *behind)
{
	struct help_packet *h = m->h;
	const struct tuple *theirs = help_theirs(h);
	const uint16_t port = (uint16_t)medium->port;
	struct expect rtp = help_expectation(h, medium->class, IPPROTO_UDP, &theirs->src, addr,
					     htons(port & 0xfffe));
	struct expect rtcp = help_expectation(h, medium->class, IPPROTO_UDP, &theirs->src, addr,
					      htons(port | 1));
	struct tuple told = rtp.tuple;
	int err, other;

	if (!addr_equal(addr, &help_mine(h)->src))
		return HELP_ACCEPT;
	if (help_is_translated(h)) {
		*addr = theirs->dst;
		return sip_nat_media(m, medium, &rtp, &rtcp, behind);
	}
	/* A call that is seen on several flows has its media once. */
	told.dport = htons(port);
	if (expect_is_known(h->ct, &told, h->unconfirmed ? FLOW_NONE : help_index(h), &rtp,
			    h->now.mono))
		return HELP_ACCEPT;
	err = help_expect(h, &rtp, true);
	if (err && err != -EALREADY)
		return HELP_DROP;
	other = help_expect(h, &rtcp, true);
	if (!other || other == -EALREADY)
		return HELP_ACCEPT;
	if (!err)
		help_unexpect(h, &rtp);
	return HELP_DROP;
}

static const struct {
	const char *word;
	enum sip_class class;
} media_kinds[] = {
	{ "audio ", CLASS_AUDIO },
	{ "video ", CLASS_VIDEO },
	{ "image ", CLASS_IMAGE },
};

/* Behind m=: a word, a blank and a port; the cursor is then behind them.  False: it is not
 * like that. */
static bool take_media(struct cursor *c, struct medium *ret_medium)
{
	const struct cursor start = *c;
	struct medium medium = { .class = CLASS_AUDIO };
	uint32_t port = 0;

	while (scan_is_letter(scan_peek(c)))
		c->p++;
	if (!scan_byte(c, ' '))
		return false;
	medium.from = c->p;
	scan_number(c, &port);
	medium.to = c->p;
	for (size_t i = 0; i < sizeof(media_kinds) / sizeof(media_kinds[0]); i++) {
		const char *word = media_kinds[i].word;

		/* In SDP's own letters. */
		if (cursor_left(&start) >= strlen(word) &&
		    memcmp(start.p, word, strlen(word)) == 0) {
			medium.class = media_kinds[i].class;
			medium.port = port;
		}
	}
	*ret_medium = medium;
	return true;
}

/* What it is to be sent to: its own address comes before that of the session.  False: there is
 * none, or it cannot be had.  *addr is then what the other side is told; *c behind the
 * medium. */
static bool read_medium(struct message *m, const struct medium *medium,
			const struct sdp_addr *session, struct cursor *c, union addr *addr)
{
	const uint8_t family = help_mine(m->h)->l3;
	size_t behind = (size_t)(c->p - m->text.p);
	struct sdp_addr own;
	bool has_own = sdp_addr(*c, "c=", family, &own);

	if (!has_own && !session)
		return false;
	*addr = has_own ? own.addr : session->addr;
	if (expect_media(m, medium, addr, &behind) == HELP_DROP)
		return false;
	if (has_own && help_is_translated(m->h) && !sip_nat_medium_addr(m, &behind, addr))
		return false;
	*c = (struct cursor){ m->text.p + behind, m->text.end, false };
	return true;
}

static enum help read_sdp(struct message *m)
{
	struct cursor c = m->text;
	struct sdp_addr session;
	struct medium medium;
	union addr addr;
	bool has_session;
	unsigned n = 0;

	if (!sdp_line(&c, "v=", NULL) || !scan_is_digit(scan_peek(&c)))
		return HELP_ACCEPT;
	has_session = sdp_addr(c, "c=", help_mine(m->h)->l3, &session);
	while (n < MEDIA_MAX && sdp_line(&c, "m=", NULL)) {
		if (!take_media(&c, &medium))
			break;
		if (medium.port == 0)
			continue;
		if (medium.port < MEDIA_PORT_MIN || medium.port > MEDIA_PORT_MAX ||
		    !read_medium(m, &medium, has_session ? &session : NULL, &c, &addr))
			return HELP_DROP;
		n++;
	}
	if (!help_is_translated(m->h) || (!n && !has_session))
		return HELP_ACCEPT;
	return sip_nat_session(m, n ? &addr : &session.addr) ? HELP_ACCEPT : HELP_DROP;
}

static enum help invite_request(struct message *m)
{
	struct sip_notes *notes = m->h->notes;
	enum help help;

	flush(m->h, true);
	help = read_sdp(m);
	if (help == HELP_ACCEPT)
		note(m, &notes->invite_cseq);
	return help;
}

static enum help media_response(struct message *m)
{
	const struct sip_notes *notes = m->h->notes;

	if (is_provisional(m) || is_success(m))
		return read_sdp(m);
	if (is_noted(m, &notes->invite_cseq))
		flush(m->h, true);
	return HELP_ACCEPT;
}

static enum help bye_request(struct message *m)
{
	flush(m->h, true);
	return HELP_ACCEPT;
}

/* ---- messages ---- */

static const struct {
	const char *method;
	enum help (*request)(struct message *m);
	enum help (*response)(struct message *m);
} methods[] = {
	{ "INVITE", invite_request, media_response },
	{ "UPDATE", read_sdp, media_response },
	{ "ACK", read_sdp, NULL },
	{ "PRACK", read_sdp, media_response },
	{ "BYE", bye_request, NULL },
	{ "REGISTER", register_request, register_response },
};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

static enum help read_response(struct message *m, struct cursor line)
{
	struct cursor method;

	if (!scan_number(&line, &m->code) || m->code == 0 ||
	    sip_number(m->text, SIP_CSEQ, &m->cseq, &method) != SIP_READ)
		return HELP_DROP;
	/* One byte, whatever it is, stands between number and method. */
	if (!cursor_take(&method, 1))
		return HELP_ACCEPT;
	for (size_t i = 0; i < METHODS; i++) {
		struct cursor word = method;

		if (methods[i].response && scan_word(&word, methods[i].method))
			return methods[i].response(m);
	}
	return HELP_ACCEPT;
}

static enum help read_request(struct message *m)
{
	struct cursor behind;

	sip_nat_note_port(m);
	for (size_t i = 0; i < METHODS; i++) {
		struct cursor line = m->text;

		if (!scan_word(&line, methods[i].method) || !scan_byte(&line, ' ') ||
		    !scan_is_letter(scan_peek(&line)))
			continue;
		if (sip_number(m->text, SIP_CSEQ, &m->cseq, &behind) != SIP_READ)
			return HELP_DROP;
		return methods[i].request(m);
	}
	return HELP_ACCEPT;
}

/* *grown: by so many bytes is it longer then. */
static enum help read_message(struct help_packet *h, struct cursor text, int32_t *grown)
{
	struct message m = { .h = h, .text = text };
	struct cursor line = text;
	enum help help;

	help = scan_word(&line, VERSION) ? read_response(&m, line) : read_request(&m);
	if (help == HELP_ACCEPT && help_is_translated(h))
		help = sip_nat_message(&m);
	*grown = m.grown;
	return help;
}

/* How long the first message of a stream is: up to its empty line, and what Content-Length
 * says behind it.  0: no more can be told. */
static size_t message_length(struct cursor text)
{
	struct cursor at, start = text;
	uint32_t body;

	if (sip_number(text, SIP_CONTENT_LENGTH, &body, &at) == SIP_ABSENT)
		return 0;
	for (; cursor_left(&at) >= 4; at.p++) {
		size_t head = (size_t)(at.p - start.p) + 4;

		if (at.p[0] == '\r' && at.p[1] == '\n' && at.p[2] == '\r' && at.p[3] == '\n')
			return head + body <= cursor_left(&start) ? head + body : 0;
	}
	return 0;
}

static enum help read_stream(struct help_packet *h)
{
	size_t at = 0, len;
	int32_t grown, all = 0;

	for (unsigned n = 0; n < MESSAGES_MAX; n++) {
		struct cursor rest = { h->payload.p + at, h->payload.end, false };
		struct cursor message = rest;

		len = message_length(rest);
		if (len == 0)
			break;
		message.end = message.p + len;
		if (read_message(h, message, &grown) == HELP_DROP)
			return HELP_DROP;
		all += grown;
		at += len + (size_t)grown;
	}
	help_shift(h, all);
	return HELP_ACCEPT;
}

/* Of datagrams that came as one super-packet (USO) the first is read, and nothing is expected
 * of the others. */
static enum help read_sip(struct help_packet *h)
{
	bool stream = help_mine(h)->l4 == IPPROTO_TCP;
	int32_t grown;

	if (!cursor_left(&h->payload) || (stream && h->state != CT_STATE_ESTABLISHED))
		return HELP_ACCEPT;
	help_refresh(h, SIP_TIMEOUT);
	if (cursor_left(&h->payload) < SHORTEST)
		return HELP_ACCEPT;
	return stream ? read_stream(h) : read_message(h, h->payload, &grown);
}

/* To a helper of UDP what it quotes is text as any; one of TCP reads what is established. */
static void see_error(struct help_packet *h)
{
	if (help_mine(h)->l4 == IPPROTO_UDP)
		help_refresh(h, SIP_TIMEOUT);
}

const struct helper helper_sip = {
	.port = 5060,
	.l4 = HELPER_TCP | HELPER_UDP,
	.l3 = HELPER_IPV4 | HELPER_IPV6,
	.classes = {
		[CLASS_SIGNALLING] = { "signalling", 1, 180 },
		[CLASS_AUDIO] = { "audio", 4, 180 },
		[CLASS_VIDEO] = { "video", 4, 180 },
		[CLASS_IMAGE] = { "image", 2, 180 },
	},
	.read = read_sip,
	.error = see_error,
	.follow = sip_nat_follow,
};
