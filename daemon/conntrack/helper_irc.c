/* helper_irc.c - IRC's direct connections (DCC; nf_conntrack_irc.c, conntrack.md 8.5).
 *
 *     PRIVMSG bob :\1DCC SEND holiday.png 167772418 2571 48213\1\n
 *
 * A client offers another one a file or a talk: that one is to connect to this address, written
 * as one number, and port.  The server passes it on, so that whoever comes may come from
 * anywhere. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "conntrack/helper.h"
#include "conntrack/scan.h"

#define SEARCH_MAX 4095 /* bytes of a segment */
/* What must be left from the command on, from the message on, and behind the word that follows
 * the kind of the offer: the shortest that there could be. */
#define COMMAND_LEAST 10 /* "PRIVMSG x " */
#define MESSAGE_LEAST 26 /* " :\1DCC SEND t 16777216 1\1\n" */
#define PLACE_LEAST 12   /* "16777216 1\1\n" */

#define PLACE_TEXT sizeof("4294967295 65535")

static const char *const offers[] = { "SEND ", "CHAT ", "MOVE ", "TSEND ", "SCHAT " };
#define OFFERS (sizeof(offers) / sizeof(offers[0]))

/* Where a client listens, and the text that says so. */
struct place {
	union addr addr;
	uint16_t port;
	const uint8_t *from, *to;
};

/* ---- text ---- */

static bool is_blank(int ch)
{
	return ch == ' ' || ch == '\r' || ch == '\n';
}

static bool take_command(struct cursor *c)
{
	while (cursor_left(c) > COMMAND_LEAST && is_blank(scan_peek(c)))
		c->p++;
	return cursor_left(c) > COMMAND_LEAST && scan_word(c, "PRIVMSG ");
}

/* Up to where a message begins, if enough of it is left. */
static bool take_message(struct cursor *c)
{
	for (; cursor_left(c) > MESSAGE_LEAST; c->p++) {
		if (scan_text(c, " :"))
			return true;
	}
	return false;
}

static bool take_word(struct cursor *c)
{
	for (; !scan_byte(c, ' '); c->p++) {
		if (cursor_left(c) <= PLACE_LEAST)
			return false;
	}
	return true;
}

/* A file's name, or another word, and then the place; its line must end in this segment. */
static bool take_place(struct cursor c, struct place *place)
{
	uint32_t addr = 0, port = 0;

	if (!take_word(&c) || !cursor_left(&c) || !memchr(c.p, '\n', cursor_left(&c)))
		return false;
	place->from = c.p;
	scan_number(&c, &addr);
	while (scan_byte(&c, ' '))
		;
	scan_number(&c, &port);
	place->to = c.p;
	place->addr = (union addr){ .w = { htonl(addr) } };
	place->port = (uint16_t)port;
	return true;
}

/* Nobody may open a port of somebody else; but a client may know by which address it speaks. */
static bool is_own(const struct help_packet *h, const struct place *place)
{
	return place->port != 0 && (addr_equal(&place->addr, &help_mine(h)->src) ||
				    addr_equal(&place->addr, &help_theirs(h)->dst));
}

static bool take_offer(struct cursor *c)
{
	for (unsigned i = 0; i < OFFERS; i++) {
		if (scan_text(c, offers[i]))
			return true;
	}
	return false;
}

/* What else there is behind an offer that cannot be read, or is forged, does not count. */
static bool find_place(const struct help_packet *h, struct place *place)
{
	struct cursor c = h->payload;

	if (cursor_left(&c) > SEARCH_MAX)
		c.end = c.p + SEARCH_MAX;
	if (!take_command(&c))
		return false;
	while (take_message(&c)) {
		if (!scan_text(&c, "\1DCC "))
			return false;
		if (take_offer(&c))
			return take_place(c, place) && is_own(h, place);
	}
	return false;
}

/* ---- packets ---- */

/* Where whoever comes is to connect to under NAT, in the text's place (nf_nat_irc). */
static enum help translate(struct help_packet *h, const struct place *place, struct expect *e)
{
	size_t off = (size_t)(place->from - h->payload.p);
	size_t old_len = (size_t)(place->to - place->from);
	char buf[PLACE_TEXT];
	int len;

	help_translate(h, e);
	if (!help_expect_any_port(h, e))
		return HELP_DROP;
	len = snprintf(buf, sizeof(buf), "%u %u", ntohl(e->tuple.dst.w[0]),
		       ntohs(e->tuple.dport));
	return help_tell(h, e, off, old_len, buf, (size_t)len) ? HELP_ACCEPT : HELP_DROP;
}

static enum help read_irc(struct help_packet *h)
{
	struct place place = { 0 };
	struct expect e;

	if (h->dir != DIR_ORIGINAL || h->state != CT_STATE_ESTABLISHED ||
	    !find_place(h, &place))
		return HELP_ACCEPT;
	e = help_expectation(h, 0, IPPROTO_TCP, NULL, &help_theirs(h)->dst, htons(place.port));
	if (help_is_translated(h))
		return translate(h, &place, &e);
	return help_expect(h, &e, false) ? HELP_DROP : HELP_ACCEPT;
}

const struct helper helper_irc = {
	.port = 6667,
	.l4 = HELPER_TCP,
	.l3 = HELPER_IPV4,
	.classes = { { .max = 8, .timeout = 300 } },
	.read = read_irc,
};
