/* helper_ftp.c - FTP (RFC 959, RFC 2428; nf_conntrack_ftp.c, conntrack.md 8.3).
 *
 * One end tells the other where it listens for the data connection: the client by PORT or
 * EPRT, the server by its answers 227 or 229.  Only text at the start of a line counts, and a
 * line is known to start where the segment before it ended in a newline: so a file's name,
 * an error that quotes what was sent, or the second half of a command do not open a port.
 * What might be the first part of such a text is dropped, to be sent again as a whole. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "conntrack/helper.h"
#include "conntrack/scan.h"

#define LINE_STARTS 2
/* What stands before the port in EPRT's argument, and in 229's: "|1|", "|||". */
#define EXTENDED_HEAD 3

/* The helper's notes: for each direction, sequence numbers that stand behind a newline. */
struct ftp_notes {
	uint32_t start[2][LINE_STARTS];
	uint8_t n[2];
};
_Static_assert(sizeof(struct ftp_notes) <= sizeof(((struct flow_ext *)0)->helper), "");

#define PLACE_TEXT 64

/* Where an end listens, and the text that says so. */
struct place {
	uint8_t family; /* enum l3 */
	union addr addr;
	uint16_t port;
	const uint8_t *from, *to;
	int (*print)(char buf[PLACE_TEXT], const struct place *place);
};

/* ---- lines ---- */

static bool starts_line(const struct ftp_notes *notes, unsigned dir, uint32_t seq)
{
	/* Notes come out of the arena, whose state may be anything. */
	for (unsigned i = 0; i < notes->n[dir] && i < LINE_STARTS; i++) {
		if (notes->start[dir][i] == seq)
			return true;
	}
	return false;
}

/* Behind a newline that comes again, in a retransmission, nothing new begins. */
static void note_line(struct ftp_notes *notes, unsigned dir, uint32_t seq)
{
	uint32_t *start = notes->start[dir];
	unsigned oldest;

	if (starts_line(notes, dir, seq))
		return;
	if (notes->n[dir] < LINE_STARTS) {
		start[notes->n[dir]++] = seq;
		return;
	}
	oldest = (int32_t)(start[0] - start[1]) < 0 ? 0 : 1;
	if ((int32_t)(seq - start[oldest]) > 0)
		start[oldest] = seq;
}

/* ---- places ---- */

/* Numbers between separators; some may be empty.  Up to the first other byte, which is left:
 * it must be there, and the last number reached. */
static bool take_numbers(struct cursor *c, uint32_t *numbers, unsigned n, char separator)
{
	unsigned i = 0;

	memset(numbers, 0, n * sizeof(*numbers));
	for (; c->p < c->end; c->p++) {
		int ch = scan_peek(c);

		if (scan_is_digit(ch))
			numbers[i] = numbers[i] * 10 + (uint32_t)(ch - '0');
		else if (ch != (uint8_t)separator)
			return i == n - 1;
		else if (++i == n)
			return false;
	}
	return false;
}

static uint32_t quad(const uint32_t n[4])
{
	return htonl(n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3]);
}

/* h1,h2,h3,h4,p1,p2 */
static bool take_six(struct cursor *c, struct place *place)
{
	uint32_t n[6];

	place->from = c->p;
	if (!take_numbers(c, n, 6, ','))
		return false;
	/* Over IPv6 too it is these four bytes that are told, and so a wrong address. */
	place->addr.w[0] = quad(n);
	place->port = (uint16_t)(n[4] << 8 | n[5]);
	place->to = c->p;
	return true;
}

static bool take_port_command(struct cursor *c, struct place *place)
{
	return take_six(c, place) && scan_byte(c, '\r');
}

static bool take_227(struct cursor *c, struct place *place)
{
	while (c->p < c->end && !scan_is_digit(scan_peek(c)))
		c->p++;
	return take_six(c, place);
}

/* A port and the delimiter behind it. */
static bool take_port(struct cursor *c, char delimiter, struct place *place)
{
	uint32_t value = 0;

	scan_number(c, &value);
	place->port = (uint16_t)value;
	if (!scan_byte(c, delimiter))
		return false;
	place->to = c->p;
	return place->port != 0;
}

/* The delimiter that stands before and behind everything; false: it cannot be one. */
static bool take_head(struct cursor *c, char *ret_delimiter, char *ret_family)
{
	const uint8_t *head;

	if (cursor_left(c) <= EXTENDED_HEAD)
		return false;
	head = cursor_take(c, EXTENDED_HEAD);
	*ret_delimiter = (char)head[0];
	*ret_family = (char)head[1];
	return head[0] == head[2] && head[0] >= 33 && head[0] <= 126 && !scan_is_digit(head[0]);
}

/* |1|132.235.1.2|6275| */
static bool take_eprt(struct cursor *c, struct place *place)
{
	char delimiter, family;
	uint32_t n[4];

	place->from = c->p;
	if (!take_head(c, &delimiter, &family) ||
	    family != (place->family == L3_IPV4 ? '1' : '2'))
		return false;
	if (place->family == L3_IPV6) {
		if (!scan_ipv6(c, delimiter, &place->addr))
			return false;
	} else {
		if (!take_numbers(c, n, 4, '.'))
			return false;
		place->addr.w[0] = quad(n);
	}
	return scan_byte(c, delimiter) && take_port(c, delimiter, place);
}

/* |||6446| */
static bool take_229(struct cursor *c, struct place *place)
{
	char delimiter, family;

	place->from = c->p;
	return take_head(c, &delimiter, &family) && family == delimiter &&
	       take_port(c, delimiter, place);
}

/* ---- and the other way round, as nf_nat_ftp writes them ---- */

static int print_six(char buf[PLACE_TEXT], const struct place *place)
{
	const uint8_t *b = place->addr.b;

	return snprintf(buf, PLACE_TEXT, "%u,%u,%u,%u,%u,%u", b[0], b[1], b[2], b[3],
			place->port >> 8, place->port & 0xff);
}

static int print_eprt(char buf[PLACE_TEXT], const struct place *place)
{
	const uint8_t *b = place->addr.b;
	char addr[ADDR_TEXT];

	if (place->family == L3_IPV4)
		return snprintf(buf, PLACE_TEXT, "|1|%s|%u|",
				addr_print(L3_IPV4, &place->addr, addr), place->port);
	/* All digits of it. */
	return snprintf(buf, PLACE_TEXT,
			"|2|%02x%02x:%02x%02x:%02x%02x:%02x%02x:"
			"%02x%02x:%02x%02x:%02x%02x:%02x%02x|%u|",
			b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
			b[11], b[12], b[13], b[14], b[15], place->port);
}

static int print_229(char buf[PLACE_TEXT], const struct place *place)
{
	return snprintf(buf, PLACE_TEXT, "|||%u|", place->port);
}

/* ---- texts ---- */

struct pattern {
	const char *word;
	char skip; /* up to that one, which is taken too; '\0': nothing is skipped */
	bool (*take)(struct cursor *c, struct place *place);
	int (*print)(char buf[PLACE_TEXT], const struct place *place);
};

#define PATTERNS 2
static const struct pattern patterns[2][PATTERNS] = {
	[DIR_ORIGINAL] = {
		{ "PORT", ' ', take_port_command, print_six },
		{ "EPRT", ' ', take_eprt, print_eprt },
	},
	[DIR_REPLY] = {
		{ "227 ", '\0', take_227, print_six },
		{ "229 ", '(', take_229, print_229 },
	},
};

enum found {
	FOUND_NOTHING = 1,
	FOUND_PARTIAL, /* its rest may come, or never */
	FOUND_PLACE,
};

static enum found match(struct cursor c, const struct pattern *pattern, struct place *place)
{
	if (cursor_left(&c) <= strlen(pattern->word))
		return scan_may_be(&c, pattern->word) ? FOUND_PARTIAL : FOUND_NOTHING;
	if (!scan_word(&c, pattern->word))
		return FOUND_NOTHING;
	if (pattern->skip && (!scan_past(&c, pattern->skip) || !cursor_left(&c)))
		return FOUND_PARTIAL;
	return pattern->take(&c, place) ? FOUND_PLACE : FOUND_PARTIAL;
}

static enum found find_place(const struct help_packet *h, struct place *ret_place)
{
	enum found found = FOUND_NOTHING;

	for (int i = 0; i < PATTERNS && found == FOUND_NOTHING; i++) {
		/* What the text leaves out is the sender's own. */
		*ret_place = (struct place){ .family = help_mine(h)->l3,
					     .addr = help_mine(h)->src,
					     .print = patterns[h->dir][i].print };
		found = match(h->payload, &patterns[h->dir][i], ret_place);
	}
	return found;
}

/* ---- packets ---- */

/* What the segment says, in the light of those before; notes where a line starts behind it.
 * The flow's lock is held. */
static enum found inspect(struct help_packet *h, struct place *ret_place)
{
	struct ftp_notes *notes = h->notes;
	size_t len = cursor_left(&h->payload);
	uint32_t seq = help_sequence(h);
	enum found found = FOUND_NOTHING;

	if (starts_line(notes, h->dir, seq))
		found = find_place(h, ret_place);
	if (found != FOUND_PARTIAL && h->payload.p[len - 1] == '\n')
		note_line(notes, h->dir, seq + (uint32_t)len);
	return found;
}

/* Where the other end is to connect to under NAT, in the text's place (nf_nat_ftp). */
static enum help translate(struct help_packet *h, struct place *place, struct expect *e)
{
	const uint8_t *text = h->payload.p;
	size_t off = (size_t)(place->from - text), old_len = (size_t)(place->to - place->from);
	char buf[PLACE_TEXT];
	int len;

	help_translate(h, e);
	if (!help_expect_any_port(h, e))
		return HELP_DROP;
	place->addr = e->tuple.dst;
	place->port = ntohs(e->tuple.dport);
	len = place->print(buf, place);
	return help_tell(h, e, off, old_len, buf, (size_t)len) ? HELP_ACCEPT : HELP_DROP;
}

static enum help read_ftp(struct help_packet *h)
{
	struct place place;
	struct expect e;
	enum found found;

	if (h->state != CT_STATE_ESTABLISHED || !cursor_left(&h->payload))
		return HELP_ACCEPT;
	help_lock(h);
	found = inspect(h, &place);
	help_unlock(h);
	if (found != FOUND_PLACE)
		return found == FOUND_PARTIAL ? HELP_DROP : HELP_ACCEPT;

	/* Nobody may open a port of somebody else (nf_conntrack_ftp's loose = 0). */
	if (!addr_equal(&place.addr, &help_mine(h)->src))
		return HELP_ACCEPT;
	e = help_expectation(h, 0, IPPROTO_TCP, &help_theirs(h)->src, &help_theirs(h)->dst,
			     htons(place.port));
	if (help_is_translated(h))
		return translate(h, &place, &e);
	return help_expect(h, &e, false) ? HELP_DROP : HELP_ACCEPT;
}

const struct helper helper_ftp = {
	.port = 21,
	.l4 = HELPER_TCP,
	.l3 = HELPER_IPV4 | HELPER_IPV6,
	.classes = { { .max = 1, .timeout = 300 } },
	.read = read_ftp,
};
