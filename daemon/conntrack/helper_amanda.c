/* helper_amanda.c - Amanda, backups over the network (nf_conntrack_amanda.c, nf_nat_amanda.c,
 * conntrack.md 8.8).
 *
 *     Amanda 2.6 REP HANDLE 000-00000000 SEQ 1
 *     CONNECT DATA 50000 MESG 50001 INDEX 50002
 *
 * The one that is asked, by UDP, answers on which ports it listens: whoever has asked is to
 * connect to them.  The answer may take long, and so the flow lives on. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "conntrack/helper.h"
#include "conntrack/scan.h"

#define ANSWER_SECONDS 300
#define PORT_DIGITS 5 /* what is behind them is no part of it */

/* Its first of each counts, in this order. */
static const char *const streams[] = { "DATA ", "MESG ", "INDEX ", "STATE " };
#define STREAMS (sizeof(streams) / sizeof(streams[0]))

/* Bytes of the payload. */
struct span {
	size_t from, to;
};

/* Behind this text, in the part of the payload that is given. */
static bool find_behind(const struct help_packet *h, const struct span *in, const char *text,
			size_t *ret_at)
{
	const uint8_t *start = h->payload.p, *found;

	found = memmem(start + in->from, in->to - in->from, text, strlen(text));
	if (!found)
		return false;
	*ret_at = (size_t)(found - start) + strlen(text);
	return true;
}

/* What the line says, which must end in this datagram. */
static bool find_line(const struct help_packet *h, struct span *ret_line)
{
	struct span line = { 0, cursor_left(&h->payload) };
	size_t end;

	if (line.to == 0 || !find_behind(h, &line, "CONNECT ", &line.from) ||
	    !find_behind(h, &line, "\n", &end))
		return false;
	line.to = end - 1;
	*ret_line = line;
	return true;
}

/* Digits, and where they are. */
static uint16_t take_port(const struct help_packet *h, const struct span *line, size_t at,
			  struct span *ret_digits)
{
	size_t left = line->to - at;
	struct cursor c = cursor_of(h->payload.p + at, left < PORT_DIGITS ? left : PORT_DIGITS);
	uint32_t port = 0;

	scan_number(&c, &port);
	*ret_digits = (struct span){ at, (size_t)(c.p - h->payload.p) };
	return (uint16_t)port;
}

/* Which port is asked under NAT, in the text's place (nf_nat_amanda).  The line's end moves. */
static bool translate(struct help_packet *h, struct span *line, const struct span *digits,
		      struct expect *e)
{
	char buf[sizeof("65535")];
	int len;

	help_translate(h, e);
	if (!help_expect_any_port(h, e))
		return false;
	len = snprintf(buf, sizeof(buf), "%u", ntohs(e->tuple.dport));
	if (!help_tell(h, e, digits->from, digits->to - digits->from, buf, (size_t)len))
		return false;
	line->to += (size_t)len - (digits->to - digits->from);
	return true;
}

static enum help read_amanda(struct help_packet *h)
{
	enum help help = HELP_ACCEPT;
	struct span line, digits;
	struct expect e;
	size_t at;

	if (h->dir != DIR_REPLY)
		return HELP_ACCEPT;
	help_refresh(h, ANSWER_SECONDS);
	if (!find_line(h, &line))
		return HELP_ACCEPT;
	for (unsigned i = 0; i < STREAMS; i++) {
		uint16_t port;

		if (!find_behind(h, &line, streams[i], &at))
			continue;
		port = take_port(h, &line, at, &digits);
		if (port == 0)
			break;
		e = help_expectation(h, 0, IPPROTO_TCP, &help_theirs(h)->src,
				     &help_theirs(h)->dst, htons(port));
		if (help_is_translated(h) ? !translate(h, &line, &digits, &e) :
					    help_expect(h, &e, false) != 0)
			help = HELP_DROP;
	}
	return help;
}

const struct helper helper_amanda = {
	.port = 10080,
	.l4 = HELPER_UDP,
	.l3 = HELPER_IPV4 | HELPER_IPV6,
	.classes = { { .max = 4, .timeout = 180 } },
	.read = read_amanda,
};
