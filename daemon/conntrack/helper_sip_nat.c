/* helper_sip_nat.c - SIP under NAT (nf_nat_sip.c, conntrack.md 8.6-7).
 *
 * A message names its ends many times: the request's URI, Via, Contact, From, To, and in a
 * session description its owner and where media go.  Each that is one of the flow's own ends,
 * as this side knows it, becomes what the other side knows.
 *
 * Wherever text is replaced the message may move: places in it are found anew. */
#include "conntrack/helper_sip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "conntrack/private.h"
#include "ctfw/translate.h"

#define TRIES_MAX 128 /* pairs of ports, from the one that was wanted upward */
#define PLACE_TEXT (ADDR_TEXT + sizeof("[]:65535"))

/* ---- text ---- */

static bool replace(struct message *m, const uint8_t *from, const uint8_t *to, const char *text)
{
	struct help_packet *h = m->h;
	size_t start = (size_t)(m->text.p - h->payload.p), message_len = cursor_left(&m->text);
	size_t old_len = (size_t)(to - from), len = strlen(text);

	if (!help_rewrite(h, (size_t)(from - h->payload.p), old_len, text, len))
		return false;
	m->text = cursor_of(h->payload.p + start, message_len + len - old_len);
	m->grown += (int32_t)len - (int32_t)old_len;
	return true;
}

static void print_addr(char buf[PLACE_TEXT], uint8_t family, const union addr *addr,
		       bool brackets)
{
	char text[ADDR_TEXT];

	brackets = brackets && family == L3_IPV6;
	snprintf(buf, PLACE_TEXT, "%s%s%s", brackets ? "[" : "",
		 addr_print(family, addr, text), brackets ? "]" : "");
}

static bool replace_addr(struct message *m, const uint8_t *from, const uint8_t *to,
			 const union addr *addr, bool brackets)
{
	char buf[PLACE_TEXT];

	print_addr(buf, help_mine(m->h)->l3, addr, brackets);
	return replace(m, from, to, buf);
}

static bool replace_number(struct message *m, const uint8_t *from, const uint8_t *to,
			   unsigned number)
{
	char buf[sizeof("4294967295")];

	snprintf(buf, sizeof(buf), "%u", number);
	return replace(m, from, to, buf);
}

/* port: network byte order. */
static bool replace_uri(struct message *m, const struct sip_uri *uri, const union addr *addr,
			uint16_t port)
{
	char buf[PLACE_TEXT], place[2 * PLACE_TEXT];

	print_addr(buf, help_mine(m->h)->l3, addr, true);
	snprintf(place, sizeof(place), "%s:%u", buf, ntohs(port));
	return replace(m, uri->from, uri->to, place);
}

/* ---- ends ---- */

static uint16_t forced_port(const struct message *m)
{
	const struct sip_notes *notes = m->h->notes;
	uint16_t port;

	help_lock(m->h);
	port = notes->forced_port;
	help_unlock(m->h);
	return port;
}

static bool is_source(const struct message *m, const struct sip_uri *uri)
{
	const struct tuple *mine = help_mine(m->h);

	return addr_equal(&uri->addr, &mine->src) && htons(uri->port) == mine->sport;
}

static bool is_destination(const struct message *m, const struct sip_uri *uri)
{
	const struct tuple *mine = help_mine(m->h);

	return addr_equal(&uri->addr, &mine->dst) && htons(uri->port) == mine->dport;
}

/* One of the flow's ends becomes what the other side knows (map_addr); others stay. */
static bool map_uri(struct message *m, const struct sip_uri *uri)
{
	const struct tuple *theirs = help_theirs(m->h);
	const union addr *addr;
	uint16_t port;

	if (is_source(m, uri)) {
		addr = &theirs->dst;
		port = theirs->dport;
	} else if (is_destination(m, uri)) {
		addr = &theirs->src;
		port = forced_port(m);
		if (!port)
			port = theirs->sport;
	} else {
		return true;
	}
	if (addr_equal(addr, &uri->addr) && port == htons(uri->port))
		return true;
	return replace_uri(m, uri, addr, port);
}

static bool map_header(struct message *m, enum sip_header header)
{
	struct sip_uri uri;

	return !sip_header_uri(m->text, header, help_mine(m->h)->l3, &uri) || map_uri(m, &uri);
}

/* ---- headers ---- */

static bool find_via(const struct message *m, struct sip_uri *ret_uri)
{
	const struct tuple *mine = help_mine(m->h);

	return sip_via(m->text, mine->l4 == IPPROTO_TCP ? "TCP " : "UDP ", mine->l3, ret_uri);
}

/* An address in a parameter of Via: if it is `is` it becomes `becomes`. */
static bool map_param_addr(struct message *m, size_t via, const char *name, bool brackets,
			   const union addr *is, const union addr *becomes)
{
	struct cursor c = { m->text.p + via, m->text.end, false }, value;
	union addr addr;

	if (addr_equal(is, becomes) || !sip_param(c, name, &value))
		return true;
	c = value;
	if (!sip_addr(&c, help_mine(m->h)->l3, !brackets, &addr) || !addr_equal(&addr, is))
		return true;
	return replace_addr(m, value.p, c.p, becomes, brackets);
}

static bool map_param_port(struct message *m, size_t via, const char *name, uint16_t is,
			   uint16_t becomes)
{
	struct cursor c = { m->text.p + via, m->text.end, false }, value;
	uint32_t port;

	if (is == becomes || !sip_param(c, name, &value))
		return true;
	c = value;
	if (!scan_number(&c, &port) || port != ntohs(is))
		return true;
	return replace_number(m, value.p, c.p, ntohs(becomes));
}

/* By what way answers go: the sender's own address, and where its requests were seen to come
 * from (RFC 3261 18.2, RFC 3581 4). */
static bool map_via(struct message *m, bool request)
{
	const struct tuple *mine = help_mine(m->h), *theirs = help_theirs(m->h);
	struct sip_uri uri;
	size_t via;

	if (!find_via(m, &uri) || !(request ? is_source(m, &uri) : is_destination(m, &uri)))
		return true;
	via = (size_t)(uri.from - m->text.p);
	if (!map_uri(m, &uri))
		return false;
	return map_param_addr(m, via, "maddr=", true, &mine->src, &theirs->dst) &&
	       map_param_addr(m, via, "received=", false, &mine->dst, &theirs->src) &&
	       map_param_port(m, via, "rport=", mine->dport, theirs->sport);
}

static bool map_contacts(struct message *m)
{
	struct sip_contacts walk = { .at = m->text, .family = help_mine(m->h)->l3 };
	struct sip_uri uri;

	while (sip_contact(&walk, &uri)) {
		const uint8_t *text = m->text.p;
		size_t behind = (size_t)(uri.to - text);
		int32_t grown = m->grown;

		if (!map_uri(m, &uri))
			return false;
		if (m->text.p == text && m->grown == grown)
			continue; /* nothing has moved */
		behind += (size_t)(m->grown - grown);
		walk.at = (struct cursor){ m->text.p + behind, m->text.end, false };
		walk.user_end = NULL;
	}
	return true;
}

/* A phone that sends from a high port, but awaits answers where its Via says. */
static bool answer_elsewhere(struct message *m)
{
	struct packet *p = m->h->packet;
	const struct translation to = { .addr = p->daddr, .id = forced_port(m) };

	if (m->h->dir != DIR_REPLY || !to.id)
		return true;
	return packet_translate(p, TRANSLATE_DST, &to);
}

enum help sip_nat_message(struct message *m)
{
	struct cursor line = m->text;
	bool request = !scan_word(&line, "SIP/2.0");
	struct sip_uri uri;

	if (request && sip_request_uri(m->text, help_mine(m->h)->l3, &uri) && !map_uri(m, &uri))
		return HELP_DROP;
	return map_via(m, request) && map_contacts(m) && map_header(m, SIP_FROM) &&
	       map_header(m, SIP_TO) && answer_elsewhere(m) ? HELP_ACCEPT : HELP_DROP;
}

void sip_nat_note_port(struct message *m)
{
	const struct tuple *mine = help_mine(m->h);
	struct sip_notes *notes = m->h->notes;
	struct sip_uri uri;

	if (!help_is_translated(m->h) || mine->l4 != IPPROTO_UDP || !find_via(m, &uri) ||
	    !addr_equal(&uri.addr, &mine->src) || htons(uri.port) == mine->sport)
		return;
	help_lock(m->h);
	notes->forced_port = htons(uri.port);
	help_unlock(m->h);
}

/* ---- session descriptions ---- */

/* The body's length as it is now. */
static bool put_length(struct message *m)
{
	struct cursor body = m->text, behind;
	const uint8_t *from;
	uint32_t length;

	if (!sdp_line(&body, "v=", NULL) ||
	    sip_number(m->text, SIP_CONTENT_LENGTH, &length, &behind) == SIP_ABSENT)
		return false;
	for (from = behind.p; from > m->text.p && scan_is_digit(from[-1]);)
		from--;
	return replace_number(m, from, behind.p,
			      (unsigned)(cursor_left(&body) + sizeof("v=") - 1));
}

bool sip_nat_medium_addr(struct message *m, size_t *behind, const union addr *addr)
{
	struct cursor c = { m->text.p + *behind, m->text.end, false };
	struct sdp_addr own;
	int32_t grown;

	if (!sdp_addr(c, "c=", help_mine(m->h)->l3, &own) ||
	    !replace_addr(m, own.from, own.to, addr, false))
		return false;
	grown = m->grown;
	if (!put_length(m))
		return false;
	*behind += (size_t)(m->grown - grown);
	return true;
}

static bool replace_session(struct message *m, const char *name, const union addr *addr,
			    bool must)
{
	struct cursor c = m->text;
	struct sdp_addr a;

	if (!sdp_line(&c, "v=", NULL) || !sdp_addr(c, name, help_mine(m->h)->l3, &a))
		return !must;
	return replace_addr(m, a.from, a.to, addr, false);
}

bool sip_nat_session(struct message *m, const union addr *addr)
{
	return replace_session(m, "o=", addr, true) &&
	       replace_session(m, "c=", addr, false) && put_length(m);
}

/* ---- expectations ---- */

enum help sip_nat_register(struct message *m, const struct sip_uri *contact, struct expect *e)
{
	const struct tuple *mine = help_mine(m->h), *theirs = help_theirs(m->h);
	uint16_t own = forced_port(m);

	if (!own)
		own = mine->sport;
	help_translate(m->h, e);
	/* Who is called where it speaks from is known there by the port that it has got. */
	if (e->tuple.dport == own)
		e->tuple.dport = theirs->dport;
	if (!help_expect_any_port(m->h, e))
		return HELP_DROP;
	if (addr_equal(&e->tuple.dst, &e->nat_addr) && e->tuple.dport == e->nat_port)
		return HELP_ACCEPT;
	if (replace_uri(m, contact, &e->tuple.dst, e->tuple.dport))
		return HELP_ACCEPT;
	help_unexpect(m->h, e);
	return HELP_DROP;
}

/* An even port that has a next one, within these; 0: there is none. */
static uint16_t fit_pair(uint16_t port, uint16_t first, uint16_t last)
{
	if (port < first || port >= last)
		port = (first + 1) & 0xfffe;
	return port < last ? port : 0;
}

/* On an even port and the next, both free. */
static bool expect_pair(struct help_packet *h, struct expect *rtp, struct expect *rtcp)
{
	uint16_t port = ntohs(rtp->tuple.dport), first = port, last = UINT16_MAX;

	if (help_source_ports(h, &first, &last) && (port < first || port >= last))
		port = help_any_port(h, first, last) & 0xfffe;
	for (unsigned n = 0; n < TRIES_MAX && (port = fit_pair(port, first, last)); n++) {
		int err = help_expect_port(h, rtp, port);

		if (!err) {
			err = help_expect_port(h, rtcp, port + 1);
			if (!err)
				return true;
			help_unexpect(h, rtp);
		}
		if (err != -EBUSY)
			return false;
		port += 2;
	}
	return false;
}

enum help sip_nat_media(struct message *m, const struct medium *medium, struct expect *rtp,
			struct expect *rtcp, size_t *behind)
{
	int32_t grown = m->grown;

	help_translate(m->h, rtp);
	help_translate(m->h, rtcp);
	if (!expect_pair(m->h, rtp, rtcp))
		return HELP_DROP;
	if (rtp->tuple.dport == rtp->nat_port)
		return HELP_ACCEPT;
	if (!replace_number(m, medium->from, medium->to, ntohs(rtp->tuple.dport)) ||
	    !put_length(m)) {
		help_unexpect(m->h, rtcp);
		help_unexpect(m->h, rtp);
		return HELP_DROP;
	}
	*behind += (size_t)(m->grown - grown);
	return HELP_ACCEPT;
}

/* ---- what was expected comes ---- */

/* Media of the same call that come from there. */
struct pair {
	const struct tuple *begun;
	union addr addr;
	uint16_t port;
	bool found;
};

static enum expect_step look_for_pair(void *arg, struct expect *e)
{
	struct pair *pair = arg;

	if (e->tuple.l3 != pair->begun->l3 || e->tuple.l4 != pair->begun->l4 ||
	    e->nat_port != pair->begun->sport || !addr_equal(&e->nat_addr, &pair->begun->src))
		return EXPECT_GO_ON;
	pair->addr = e->tuple.dst;
	pair->port = e->tuple.dport;
	pair->found = true;
	return EXPECT_STOP;
}

void sip_nat_follow(struct help_follow *f)
{
	const struct expect *e = f->expect;
	const struct tuple *begun = &f->worker->begun.tuple[DIR_ORIGINAL];
	struct pair pair = { .begun = begun };

	help_map(f, NAT_MANIP_DST, &e->nat_addr, e->nat_port);
	if (e->class != CLASS_SIGNALLING)
		expect_each_of(f->ct, f->worker, e->master, look_for_pair, &pair);
	/* It speaks as who its peer was told to send to. */
	if (pair.found)
		help_map(f, NAT_MANIP_SRC, &pair.addr, pair.port);
	else if (addr_equal(&begun->src, &f->master->tuple[!e->dir].src))
		help_map_source(f);
}
