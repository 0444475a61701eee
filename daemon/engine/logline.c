/* logline.c - what `log` says of a packet, as the kernel's nf_log_syslog says it.
 *
 *     new: IN=wg0 OUT=eth0 SRC=10.8.0.2 DST=192.0.2.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64
 *     ID=4660 DF PROTO=TCP SPT=1234 DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0
 *
 * Word for word, so that what reads the kernel's log reads this one too.  There is no
 * MAC=, since a TUN has no Ethernet header, and no UID=, since a packet has no socket
 * here.
 *
 * Every byte of the packet is a stranger's: all of them are printed as numbers.  A prefix
 * and the interfaces' names may hold anything too, and show a control character as `?'.
 * Only off the ordinary way of a packet, and only as often as the log's limit lets it. */
#include "ctfw/engine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP_HEADER 20
#define UDP_HEADER 8
#define ICMP_HEADER 8

/* The kernel's longest line, too (S_SIZE): what IPv6 headers could fill pages with ends
 * there. */
#define LINE_SIZE 1020

struct line {
	char buf[LINE_SIZE];
	size_t len; /* below LINE_SIZE */
	uint8_t hop; /* of the packet itself, not of what it quotes: engine_log's */
};

/* TTL or hop limit as the kernel would show it. */
static unsigned hops(struct line *l, uint8_t field)
{
	uint8_t shown = (uint8_t)(field - l->hop);

	l->hop = 0;
	return shown;
}

static bool is_full(const struct line *l)
{
	return l->len == LINE_SIZE - 1;
}

static void __attribute__((format(printf, 2, 3))) add(struct line *l, const char *fmt, ...)
{
	size_t room = LINE_SIZE - l->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_name(struct line *l, const char *text)
{
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;

		add(l, "%c", c < ' ' || c == 0x7f ? '?' : c);
	}
}

/* The bytes of one IP packet that are left: a whole one, or one that is quoted. */
struct bytes {
	const uint8_t *b;
	uint32_t len;
};

static struct bytes behind(struct bytes p, uint32_t off)
{
	return off < p.len ? (struct bytes){ p.b + off, p.len - off } :
			     (struct bytes){ p.b + p.len, 0 };
}

static unsigned be16(const uint8_t *b)
{
	return (unsigned)b[0] << 8 | b[1];
}

static uint32_t be32(const uint8_t *b)
{
	return (uint32_t)be16(b) << 16 | be16(b + 2);
}

static void add_hex(struct line *l, const uint8_t *b, uint32_t len)
{
	add(l, "OPT (");
	for (uint32_t i = 0; i < len; i++)
		add(l, "%02X", b[i]);
	add(l, ") ");
}

/* Whether `need` bytes are there; says so in the line when they are not. */
static bool complete(struct line *l, struct bytes p, uint32_t need)
{
	if (p.len >= need)
		return true;
	add(l, "INCOMPLETE [%u bytes] ", p.len);
	return false;
}

static void add_tcp(struct line *l, struct bytes p, unsigned flags)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} bits[] = {
		{ TCP_CWR, "CWR " }, { TCP_ECE, "ECE " }, { TCP_URG, "URG " },
		{ TCP_ACK, "ACK " }, { TCP_PSH, "PSH " }, { TCP_RST, "RST " },
		{ TCP_SYN, "SYN " }, { TCP_FIN, "FIN " },
	};
	uint32_t hlen;

	if (!complete(l, p, TCP_HEADER))
		return;
	add(l, "SPT=%u DPT=%u ", be16(p.b), be16(p.b + 2));
	if (flags & LOG_TCP_SEQUENCE)
		add(l, "SEQ=%u ACK=%u ", be32(p.b + 4), be32(p.b + 8));
	add(l, "WINDOW=%u RES=0x%02x ", be16(p.b + 14), (p.b[12] & 0x0fu) << 2);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		if (p.b[13] & bits[i].bit)
			add(l, "%s", bits[i].name);
	}
	add(l, "URGP=%u ", be16(p.b + 18));
	hlen = (uint32_t)(p.b[12] >> 4) * 4;
	if (flags & LOG_TCP_OPTIONS && hlen > TCP_HEADER && hlen <= p.len)
		add_hex(l, p.b + TCP_HEADER, hlen - TCP_HEADER);
}

/* What both families have: true when the protocol was one of these. */
static bool add_l4(struct line *l, struct bytes p, uint8_t proto, bool later_fragment,
		   unsigned flags)
{
	switch (proto) {
	case IPPROTO_TCP:
		add(l, "PROTO=TCP ");
		if (!later_fragment)
			add_tcp(l, p, flags);
		return true;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		add(l, proto == IPPROTO_UDP ? "PROTO=UDP " : "PROTO=UDPLITE ");
		if (!later_fragment && complete(l, p, UDP_HEADER))
			add(l, "SPT=%u DPT=%u LEN=%u ", be16(p.b), be16(p.b + 2),
			    be16(p.b + 4));
		return true;
	default:
		return false;
	}
}

static void add_spi(struct line *l, struct bytes p, uint32_t header, uint32_t off)
{
	if (complete(l, p, header))
		add(l, "SPI=0x%x ", be32(p.b + off));
}

static void add_ipv4(struct line *l, struct bytes p, unsigned flags, bool quoted);
static void add_ipv6(struct line *l, struct bytes p, unsigned flags, bool quoted);

static void add_addr4(struct line *l, const char *what, const uint8_t *b)
{
	add(l, "%s=%u.%u.%u.%u ", what, b[0], b[1], b[2], b[3]);
}

static void add_icmp(struct line *l, struct bytes p, unsigned flags, bool quoted)
{
	/* Whole length of each type's message. */
	static const uint8_t required[] = {
		[0] = 8, [3] = 28, [4] = 28, [5] = 28, [8] = 8, [11] = 28, [12] = 28, [13] = 20,
		[14] = 20,
	};
	uint8_t type;

	if (!complete(l, p, ICMP_HEADER))
		return;
	type = p.b[0];
	add(l, "TYPE=%u CODE=%u ", type, p.b[1]);
	if (type >= sizeof(required) || !complete(l, p, required[type]))
		return;
	switch (type) {
	case 0: /* echo */
	case 8:
		add(l, "ID=%u SEQ=%u ", be16(p.b + 4), be16(p.b + 6));
		return;
	case 12: /* parameter problem */
		add(l, "PARAMETER=%u ", p.b[4]);
		return;
	case 5: /* redirect */
		add_addr4(l, "GATEWAY", p.b + 4);
		break;
	case 3:  /* unreachable */
	case 4:  /* source quench */
	case 11: /* time exceeded */
		break;
	default:
		return;
	}
	if (!quoted) {
		add(l, "[");
		add_ipv4(l, behind(p, ICMP_HEADER), flags, true);
		add(l, "] ");
	}
	if (type == 3 && p.b[1] == 4)
		add(l, "MTU=%u ", be16(p.b + 6));
}

static void add_ipv4(struct line *l, struct bytes p, unsigned flags, bool quoted)
{
	const uint8_t *h = p.b;
	uint32_t hlen;
	unsigned frag;
	struct bytes l4;
	bool later;

	if (p.len < IPV4_HEADER) {
		add(l, "TRUNCATED");
		return;
	}
	hlen = (uint32_t)(h[0] & 0x0f) * 4;
	frag = be16(h + 6);
	later = (frag & 0x1fff) != 0;
	l4 = behind(p, hlen);
	add_addr4(l, "SRC", h + 12);
	add_addr4(l, "DST", h + 16);
	add(l, "LEN=%u TOS=0x%02X PREC=0x%02X TTL=%u ID=%u ", be16(h + 2), h[1] & 0x1e,
	    h[1] & 0xe0, hops(l, h[8]), be16(h + 4));
	add(l, "%s%s%s", frag & 0x8000 ? "CE " : "", frag & 0x4000 ? "DF " : "",
	    frag & 0x2000 ? "MF " : "");
	if (later)
		add(l, "FRAG:%u ", frag & 0x1fff);
	if (flags & LOG_IP_OPTIONS && hlen > IPV4_HEADER && hlen <= p.len)
		add_hex(l, h + IPV4_HEADER, hlen - IPV4_HEADER);
	if (add_l4(l, l4, h[9], later, flags))
		return;
	switch (h[9]) {
	case IPPROTO_ICMP:
		add(l, "PROTO=ICMP ");
		if (!later)
			add_icmp(l, l4, flags, quoted);
		return;
	case IPPROTO_AH:
		add(l, "PROTO=AH ");
		if (!later)
			add_spi(l, l4, 12, 4);
		return;
	case IPPROTO_ESP:
		add(l, "PROTO=ESP ");
		if (!later)
			add_spi(l, l4, 8, 0);
		return;
	default:
		add(l, "PROTO=%u ", h[9]);
	}
}

static void add_icmpv6(struct line *l, struct bytes p, unsigned flags, bool quoted)
{
	uint8_t type;

	if (!complete(l, p, ICMP_HEADER))
		return;
	type = p.b[0];
	add(l, "TYPE=%u CODE=%u ", type, p.b[1]);
	switch (type) {
	case 128: /* echo */
	case 129:
		add(l, "ID=%u SEQ=%u ", be16(p.b + 4), be16(p.b + 6));
		return;
	case 4: /* parameter problem */
		add(l, "POINTER=%08x ", be32(p.b + 4));
		break;
	case 1: /* unreachable */
	case 2: /* packet too big */
	case 3: /* time exceeded */
		break;
	default:
		return;
	}
	if (!quoted) {
		add(l, "[");
		add_ipv6(l, behind(p, ICMP_HEADER), flags, true);
		add(l, "] ");
	}
	if (type == 2)
		add(l, "MTU=%u ", be32(p.b + 4));
}

static void add_addr6(struct line *l, const char *what, const uint8_t *b)
{
	add(l, "%s=", what);
	for (unsigned i = 0; i < 16; i += 2)
		add(l, "%04x%c", be16(b + i), i < 14 ? ':' : ' ');
}

/* Where an IPv6 packet's chain of headers stands. */
struct chain {
	struct bytes rest;
	uint8_t next;
	bool later_fragment;
};

/* Step over one extension header, saying what there is to say.  False: no further. */
static bool add_extension(struct line *l, struct chain *c, unsigned flags)
{
	bool options = flags & LOG_IP_OPTIONS;
	struct bytes p = c->rest;
	uint32_t hlen;

	if (p.len < 2) {
		add(l, "TRUNCATED");
		return false;
	}
	if (options)
		add(l, "OPT ( ");
	switch (c->next) {
	case IPPROTO_FRAGMENT:
		add(l, "FRAG:");
		if (!complete(l, p, 8))
			return false;
		add(l, "%u %sID:%08x ", be16(p.b + 2) & 0xfff8,
		    be16(p.b + 2) & 1 ? "INCOMPLETE " : "", be32(p.b + 4));
		if (be16(p.b + 2) & 0xfff8)
			c->later_fragment = true;
		hlen = 8;
		break;
	case IPPROTO_AH:
		if (options) {
			add(l, "AH ");
			if (!c->later_fragment)
				add_spi(l, p, 12, 4);
		}
		hlen = ((uint32_t)p.b[1] + 2) * 4;
		break;
	case IPPROTO_ESP:
		if (options) {
			add(l, "ESP ");
			if (!c->later_fragment)
				add_spi(l, p, 8, 0);
			add(l, ") ");
		}
		return false;
	default:
		hlen = ((uint32_t)p.b[1] + 1) * 8;
		break;
	}
	if (options)
		add(l, ") ");
	if (c->later_fragment && c->next != IPPROTO_FRAGMENT)
		return false;
	c->next = p.b[0];
	c->rest = behind(p, hlen);
	return true;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_ESP || next == IPPROTO_AH || next == IPPROTO_DSTOPTS;
}

static void add_ipv6(struct line *l, struct bytes p, unsigned flags, bool quoted)
{
	const uint8_t *h = p.b;
	struct chain c;

	if (p.len < IPV6_HEADER) {
		add(l, "TRUNCATED");
		return;
	}
	add_addr6(l, "SRC", h + 8);
	add_addr6(l, "DST", h + 24);
	add(l, "LEN=%u TC=%u HOPLIMIT=%u FLOWLBL=%u ", be16(h + 4) + IPV6_HEADER,
	    (be32(h) & 0x0ff00000) >> 20, hops(l, h[7]), be32(h) & 0x000fffff);
	c = (struct chain){ behind(p, IPV6_HEADER), h[6], false };
	while (is_extension(c.next) && !is_full(l)) {
		if (!add_extension(l, &c, flags))
			return;
	}
	if (add_l4(l, c.rest, c.next, c.later_fragment, flags))
		return;
	if (c.next == IPPROTO_ICMPV6) {
		add(l, "PROTO=ICMPv6 ");
		if (!c.later_fragment)
			add_icmpv6(l, c.rest, flags, quoted);
		return;
	}
	add(l, "PROTO=%u ", c.next);
}

int logline_format(const struct engine_log *record, char *buf, size_t size)
{
	const struct packet *p = record->packet;
	unsigned flags = record->spec ? record->spec->flags : 0;
	struct bytes whole = { p->data, p->len };
	struct line l;

	l.len = 0;
	l.hop = record->hop;
	if (record->spec)
		add_name(&l, record->spec->prefix);
	add(&l, "IN=");
	add_name(&l, record->iifname);
	add(&l, " OUT=");
	add_name(&l, record->oifname);
	add(&l, " ");
	if (p->family == L3_IPV4)
		add_ipv4(&l, whole, flags, false);
	else
		add_ipv6(&l, whole, flags, false);
	if (record->mark)
		add(&l, "MARK=0x%x ", record->mark);
	/* Every word brings its space; the last one needs none. */
	while (l.buf[l.len - 1] == ' ')
		l.len--;
	l.buf[l.len] = '\0';
	if (size) {
		size_t shown = l.len < size ? l.len : size - 1;

		memcpy(buf, l.buf, shown);
		buf[shown] = '\0';
	}
	return (int)l.len;
}
