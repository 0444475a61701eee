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

#include "conntrack/helper.h"
#include "conntrack/private.h"
#include "conntrack/sip_text.h"

#define SIP_TIMEOUT 3600 /* seconds that any packet with text keeps the flow */
#define SHORTEST (sizeof("SIP/2.0 200") - 1)
#define VERSION "SIP/2.0 "
#define MESSAGES_MAX 16 /* that are read of one segment; others are not known of */
#define MEDIA_MAX 3 /* that are read of one description */
#define MEDIA_PORT_MIN 1024
#define MEDIA_PORT_MAX 65535

enum sip_class {
	CLASS_SIGNALLING = 0,
	CLASS_AUDIO,
	CLASS_VIDEO,
	CLASS_IMAGE,
};

/* The helper's notes: of the last request of its kind. */
struct sip_notes {
	uint32_t register_cseq, invite_cseq;
};
_Static_assert(sizeof(struct sip_notes) <= sizeof(((struct flow_ext *)0)->helper), "");

/* One message, and what its CSeq says. */
struct message {
	struct help_packet *h;
	struct cursor text;
	uint32_t cseq;
	uint32_t code; /* of a response */
};

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

static uint32_t index_of(const struct help_packet *h)
{
	return (uint32_t)(h->flow - h->ct->table.records);
}

static void each_expectation(struct help_packet *h,
			     enum expect_step (*each)(void *arg, struct expect *e), void *arg)
{
	/* Before the flow is confirmed it has none but those of this very packet. */
	if (!h->unconfirmed)
		expect_each_of(h->ct, h->worker, index_of(h), each, arg);
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

static enum help expect_signalling(struct help_packet *h, const struct sip_uri *uri)
{
	struct expect e = help_expectation(h, CLASS_SIGNALLING, help_mine(h)->l4,
					   &help_theirs(h)->src, &uri->addr, htons(uri->port));

	e.flags = EXPECT_PERMANENT | EXPECT_INACTIVE;
	e.assign = HELPER_SIP;
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
	if (expires != 0 && expect_signalling(m->h, &uri) == HELP_DROP)
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

static enum expect_step forget_one(void *arg, struct expect *e)
{
	const struct expect *wanted = arg;

	return tuple_equal(&e->tuple, &wanted->tuple) ? EXPECT_REMOVE : EXPECT_GO_ON;
}

/* RTP and RTCP, both or none. */
static enum help expect_media(struct help_packet *h, enum sip_class class,
			      const union addr *addr, uint16_t port)
{
	const struct tuple *theirs = help_theirs(h);
	struct expect rtp = help_expectation(h, class, IPPROTO_UDP, &theirs->src, addr,
					     htons(port & 0xfffe));
	struct expect rtcp = help_expectation(h, class, IPPROTO_UDP, &theirs->src, addr,
					      htons(port | 1));
	struct tuple told = rtp.tuple;
	int err, other;

	if (!addr_equal(addr, &help_mine(h)->src))
		return HELP_ACCEPT;
	/* A call that is seen on several flows has its media once. */
	told.dport = htons(port);
	if (expect_is_known(h->ct, &told, h->unconfirmed ? FLOW_NONE : index_of(h), &rtp,
			    h->now.mono))
		return HELP_ACCEPT;
	err = help_expect(h, &rtp, true);
	if (err && err != -EALREADY)
		return HELP_DROP;
	other = help_expect(h, &rtcp, true);
	if (!other || other == -EALREADY)
		return HELP_ACCEPT;
	if (!err)
		each_expectation(h, forget_one, &rtp);
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
 * like that.  *ret_port is 0 for kinds that we do not know, and for what is not in use. */
static bool take_media(struct cursor *c, enum sip_class *ret_class, uint32_t *ret_port)
{
	const struct cursor start = *c;
	uint32_t port = 0;

	*ret_port = 0;
	while (scan_is_letter(scan_peek(c)))
		c->p++;
	if (!scan_byte(c, ' '))
		return false;
	scan_number(c, &port);
	for (size_t i = 0; i < sizeof(media_kinds) / sizeof(media_kinds[0]); i++) {
		const char *word = media_kinds[i].word;

		/* In SDP's own letters. */
		if (cursor_left(&start) >= strlen(word) &&
		    memcmp(start.p, word, strlen(word)) == 0) {
			*ret_class = media_kinds[i].class;
			*ret_port = port;
		}
	}
	return true;
}

static enum help read_sdp(struct message *m)
{
	const uint8_t family = help_mine(m->h)->l3;
	union addr session, addr;
	struct cursor c = m->text;
	bool has_session;
	unsigned n = 0;

	if (!sdp_line(&c, "v=", NULL) || !scan_is_digit(scan_peek(&c)))
		return HELP_ACCEPT;
	has_session = sdp_connection(c, family, &session);
	while (n < MEDIA_MAX && sdp_line(&c, "m=", NULL)) {
		enum sip_class class = CLASS_AUDIO;
		uint32_t port;

		if (!take_media(&c, &class, &port))
			break;
		if (port == 0)
			continue;
		if (port < MEDIA_PORT_MIN || port > MEDIA_PORT_MAX)
			return HELP_DROP;
		/* A medium's own address comes before that of the session. */
		if (!sdp_connection(c, family, &addr)) {
			if (!has_session)
				return HELP_DROP;
			addr = session;
		}
		if (expect_media(m->h, class, &addr, (uint16_t)port) == HELP_DROP)
			return HELP_DROP;
		n++;
	}
	return HELP_ACCEPT;
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

static enum help read_message(struct help_packet *h, struct cursor text)
{
	struct message m = { .h = h, .text = text };
	struct cursor line = text;

	return scan_word(&line, VERSION) ? read_response(&m, line) : read_request(&m);
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
	struct cursor text = h->payload;
	size_t len;

	for (unsigned n = 0; n < MESSAGES_MAX && (len = message_length(text)) != 0; n++) {
		struct cursor message = { text.p, text.p + len, false };

		if (read_message(h, message) == HELP_DROP)
			return HELP_DROP;
		text.p += len;
	}
	return HELP_ACCEPT;
}

/* Of datagrams that came as one super-packet (USO) the first is read, and nothing is expected of
 * the others. */
static enum help read_sip(struct help_packet *h)
{
	bool stream = help_mine(h)->l4 == IPPROTO_TCP;

	if (!cursor_left(&h->payload) || (stream && h->state != CT_STATE_ESTABLISHED))
		return HELP_ACCEPT;
	help_refresh(h, SIP_TIMEOUT);
	if (cursor_left(&h->payload) < SHORTEST)
		return HELP_ACCEPT;
	return stream ? read_stream(h) : read_message(h, h->payload);
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
};
