/* sip_text.c - parts of SIP messages and SDP bodies.  As lax and as strict as
 * nf_conntrack_sip.c, which decides what a rule's `related` means. */
#include "conntrack/sip_text.h"

#include <string.h>

#define SIP_PORT 5060
#define PORT_MIN 1024
#define PORT_MAX 65535

static const struct {
	const char *name, *compact;
} headers[SIP_HEADERS] = {
	[SIP_CSEQ] = { "CSeq", NULL },
	[SIP_EXPIRES] = { "Expires", NULL },
	[SIP_CONTACT] = { "Contact", "m" },
	[SIP_CONTENT_LENGTH] = { "Content-Length", "l" },
	[SIP_VIA] = { "Via", "v" },
	[SIP_FROM] = { "From", "f" },
	[SIP_TO] = { "To", "t" },
};

static bool is_line_end(int ch)
{
	return ch == '\r' || ch == '\n';
}

static bool is_blank(int ch)
{
	return ch == ' ' || ch == '\t';
}

/* Over a line's end, on which the cursor stands. */
static void pass_line_end(struct cursor *c)
{
	if (*c->p++ == '\r')
		scan_byte(c, '\n');
}

/* To where the next line begins, from anywhere in a line; false at the end.  Whoever has looked
 * at a line's beginning goes on behind its first byte, whatever that is: so does the kernel,
 * and finds no line behind two bare LFs. */
static bool next_line(struct cursor *c)
{
	while (c->p < c->end && !is_line_end(*c->p))
		c->p++;
	if (c->p == c->end)
		return false;
	pass_line_end(c);
	return c->p < c->end;
}

static void skip_blanks(struct cursor *c)
{
	while (is_blank(scan_peek(c)))
		c->p++;
}

/* From a line's end into the continuation line behind it; false when there is none. */
static bool follow(struct cursor *c)
{
	pass_line_end(c);
	if (!is_blank(scan_peek(c)))
		return false;
	skip_blanks(c);
	return true;
}

/* Blanks, and into a continuation line; false: nothing is left of the header. */
static bool skip_space(struct cursor *c)
{
	skip_blanks(c);
	if (c->p == c->end)
		return false;
	return !is_line_end(*c->p) || (follow(c) && c->p < c->end);
}

/* To where the text begins within the header; false: it is not there, or nothing is behind. */
static bool search(struct cursor *c, const char *text)
{
	struct cursor at = *c;

	while (at.p < at.end) {
		struct cursor here = at;

		if (is_line_end(*at.p)) {
			if (!follow(&at))
				return false;
			continue;
		}
		if (scan_word(&here, text)) {
			if (here.p == here.end)
				return false;
			*c = at;
			return true;
		}
		at.p++;
	}
	return false;
}

static bool take_name(struct cursor *c, enum sip_header header)
{
	const char *compact = headers[header].compact;
	struct cursor at = *c;

	if (scan_word(c, headers[header].name))
		return true;
	/* A longer name that begins with the letter is another. */
	if (!compact || !scan_word(&at, compact) || at.p == at.end ||
	    scan_is_letter(scan_peek(&at)))
		return false;
	*c = at;
	return true;
}

/* To the value of the next header of that name; false: there is none.  A longer name that
 * begins with it ends the search. */
static bool find_header(struct cursor *c, enum sip_header header)
{
	while (next_line(c)) {
		if (!is_blank(*c->p) && take_name(c, header))
			return skip_space(c) && scan_byte(c, ':') && skip_space(c);
		c->p++;
	}
	return false;
}

enum sip_read sip_number(struct cursor message, enum sip_header header, uint32_t *ret_value,
			 struct cursor *ret_behind)
{
	struct cursor c = message;
	int first;

	if (!find_header(&c, header))
		return SIP_ABSENT;
	first = scan_peek(&c);
	if (!scan_number(&c, ret_value))
		return SIP_ABSENT;
	*ret_behind = c;
	return *ret_value == 0 && first != '0' ? SIP_WRONG : SIP_READ;
}

/* ---- URIs ---- */

bool sip_addr(struct cursor *c, uint8_t family, bool bare, union addr *ret_addr)
{
	struct cursor at = *c;

	if (family == L3_IPV4)
		return scan_ipv4(c, ret_addr);
	if (!scan_byte(&at, '[') && !bare)
		return false;
	if (!scan_ipv6(&at, ']', ret_addr) || (!scan_byte(&at, ']') && !bare))
		return false;
	*c = at;
	return true;
}

/* Past a user's name, if there is an '@' in the line, even another URI's.  All URIs before it
 * have the same: it is looked for once, or a line of many would be read as many times. */
static void pass_user(struct sip_contacts *walk)
{
	struct cursor at = walk->at;

	if (walk->user_end && walk->user_end >= at.p)
		at.p = walk->user_end;
	while (at.p < at.end && *at.p != '@' && !is_line_end(*at.p))
		at.p++;
	walk->user_end = at.p;
	if (scan_byte(&at, '@'))
		walk->at = at;
}

/* An address and perhaps a port; false: there is no address of that family, or a port that
 * cannot be, or nothing behind them, where more of both might have been cut off. */
static bool take_place(struct cursor *c, uint8_t family, struct sip_uri *ret_uri)
{
	struct sip_uri uri = { .port = SIP_PORT, .from = c->p };
	uint32_t port = 0;

	if (!sip_addr(c, family, false, &uri.addr))
		return false;
	if (scan_byte(c, ':')) {
		scan_number(c, &port);
		if (port < PORT_MIN || port > PORT_MAX)
			return false;
		uri.port = (uint16_t)port;
	}
	uri.to = c->p;
	if (c->p == c->end)
		return false;
	*ret_uri = uri;
	return true;
}

/* At "sip:". */
static bool take_uri(struct sip_contacts *walk, struct sip_uri *ret_uri)
{
	scan_word(&walk->at, "sip:");
	pass_user(walk);
	return take_place(&walk->at, walk->family, ret_uri);
}

bool sip_contact(struct sip_contacts *walk, struct sip_uri *ret_uri)
{
	struct cursor at = walk->at;

	while (walk->in_header && search(&at, ",") && search(&at, "sip:")) {
		walk->at = at;
		if (take_uri(walk, ret_uri))
			return true;
		at = walk->at;
	}
	while (find_header(&walk->at, SIP_CONTACT)) {
		/* Of a header whose first is of no use none is. */
		if (search(&walk->at, "sip:") && take_uri(walk, ret_uri)) {
			walk->in_header = true;
			return true;
		}
	}
	return false;
}

bool sip_header_uri(struct cursor message, enum sip_header header, uint8_t family,
		    struct sip_uri *ret_uri)
{
	struct sip_contacts walk = { .at = message, .family = family };

	while (find_header(&walk.at, header)) {
		if (search(&walk.at, "sip:") && take_uri(&walk, ret_uri))
			return true;
	}
	return false;
}

bool sip_via(struct cursor message, const char *transport, uint8_t family,
	     struct sip_uri *ret_uri)
{
	while (find_header(&message, SIP_VIA)) {
		if (search(&message, transport) && scan_word(&message, transport) &&
		    take_place(&message, family, ret_uri))
			return true;
	}
	return false;
}

bool sip_request_uri(struct cursor message, uint8_t family, struct sip_uri *ret_uri)
{
	struct sip_contacts walk = { .at = message, .family = family };
	const uint8_t *start = message.p;

	while (scan_is_letter(scan_peek(&walk.at)))
		walk.at.p++;
	if (walk.at.p == start || !cursor_take(&walk.at, 1))
		return false;
	for (; walk.at.p < walk.at.end && !is_line_end(*walk.at.p); walk.at.p++) {
		struct cursor word = walk.at;

		if (scan_word(&word, "sip:"))
			return take_uri(&walk, ret_uri);
	}
	return false;
}

bool sip_param(struct cursor contact, const char *name, struct cursor *ret_value)
{
	struct cursor end = contact;

	if (search(&end, ","))
		contact.end = end.p;
	if (!search(&contact, name) || !scan_word(&contact, name))
		return false;
	*ret_value = contact;
	return true;
}

/* ---- SDP ---- */

bool sdp_line(struct cursor *c, const char *name, const char *stop)
{
	while (next_line(c)) {
		struct cursor at = *c;

		if (stop && scan_word(&at, stop))
			return false;
		if (scan_word(c, name))
			return true;
		c->p++;
	}
	return false;
}

static bool search_line(struct cursor *c, const char *text)
{
	struct cursor at = *c;

	for (; at.p < at.end && !is_line_end(*at.p); at.p++) {
		struct cursor here = at;

		if (scan_word(&here, text)) {
			*c = here;
			return true;
		}
	}
	return false;
}

bool sdp_addr(struct cursor c, const char *name, uint8_t family, struct sdp_addr *ret_addr)
{
	struct sdp_addr a;

	if (!sdp_line(&c, name, "m=") ||
	    !search_line(&c, family == L3_IPV4 ? "IN IP4 " : "IN IP6 "))
		return false;
	a.from = c.p;
	if (!(family == L3_IPV4 ? scan_ipv4(&c, &a.addr) : scan_ipv6(&c, '\0', &a.addr)))
		return false;
	a.to = c.p;
	*ret_addr = a;
	return true;
}
