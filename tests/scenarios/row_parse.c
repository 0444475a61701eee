/* row_parse.c - the words of a packet row. */
#include "row.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int wrong(char error[ROW_ERROR], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int wrong(char error[ROW_ERROR], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, ROW_ERROR, fmt, ap);
	va_end(ap);
	return -1;
}

static int copy_word(char *to, size_t size, const char *word)
{
	size_t len = strlen(word);

	if (len >= size)
		return -1;
	memcpy(to, word, len + 1);
	return 0;
}

static int parse_number(const char *text, int64_t *ret_number)
{
	char *end;
	long long n = strtoll(text, &end, 0);

	if (end == text || *end)
		return -1;
	*ret_number = n;
	return 0;
}

static unsigned hex_digit(char c)
{
	return (unsigned)(isdigit((unsigned char)c) ? c - '0' : tolower(c) - 'a' + 10);
}

int row_parse_hex(const char *text, size_t max, uint8_t *ret_bytes, size_t *ret_len)
{
	size_t digits = 0;
	uint8_t value = 0;

	for (; *text; text++) {
		if (!isxdigit((unsigned char)*text) || digits / 2 >= max)
			return -1;
		value = (uint8_t)(value << 4 | hex_digit(*text));
		if (++digits % 2 == 0)
			ret_bytes[digits / 2 - 1] = value;
	}
	*ret_len = digits / 2;
	return digits % 2 ? -1 : 0;
}

static int parse_hex_arg(const char *text, struct row_hex *ret_hex)
{
	ret_hex->set = true;
	return row_parse_hex(text, ROW_HEX, ret_hex->b, &ret_hex->len);
}

/* "OFFSET:HEX" */
static int parse_patch(const char *text, struct row_patch *patches, size_t *n)
{
	char *end;
	unsigned long off = strtoul(text, &end, 0);

	if (end == text || *end != ':' || *n == ROW_PATCHES)
		return -1;
	patches[*n].off = off;
	return parse_hex_arg(end + 1, &patches[(*n)++].bytes);
}

/* ---- hosts ---- */

const struct row_host *row_find_host(const struct row_context *c, const char *name)
{
	for (size_t i = 0; i < c->n_hosts; i++)
		if (strcmp(c->hosts[i].name, name) == 0)
			return &c->hosts[i];
	return NULL;
}

int row_set_host(struct row_context *c, const struct row_host *host)
{
	for (size_t i = 0; i < c->n_hosts; i++) {
		if (strcmp(c->hosts[i].name, host->name) == 0) {
			c->hosts[i] = *host;
			return 0;
		}
	}
	if (c->n_hosts == ROW_HOSTS)
		return -1;
	c->hosts[c->n_hosts++] = *host;
	return 0;
}

int row_host(struct row_context *c, char **words, size_t n, char error[ROW_ERROR])
{
	struct row_host h = { 0 };
	char text[ROW_WORD];
	char *port = NULL, *addr = text;

	if (n != 2 || copy_word(h.name, sizeof(h.name), words[0]) < 0 ||
	    copy_word(text, sizeof(text), words[1]) < 0)
		return wrong(error, "host NAME ADDRESS[:PORT] is what is wanted");
	if (row_find_host(c, h.name))
		return wrong(error, "host %s is there already", h.name);
	if (c->n_hosts == ROW_HOSTS)
		return wrong(error, "more than %d hosts", ROW_HOSTS);
	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end)
			return wrong(error, "\"%s\" has no ]", words[1]);
		*end = '\0';
		addr = text + 1;
		port = end[1] == ':' ? end + 2 : NULL;
	} else if (strchr(text, '.')) {
		port = strchr(text, ':');
		if (port)
			*port++ = '\0';
	}
	h.family = inet_pton(AF_INET, addr, h.addr) == 1 ? 4 :
		   inet_pton(AF_INET6, addr, h.addr) == 1 ? 6 : 0;
	if (!h.family)
		return wrong(error, "\"%s\" is not an address", addr);
	if (port)
		h.port = (uint16_t)atoi(port);
	c->hosts[c->n_hosts++] = h;
	return 0;
}

/* ---- arguments ---- */

struct number_arg {
	const char *name;
	size_t at;
	int64_t max;
};
#define NUMBER(name, member, max) { name, offsetof(struct row, member), max }

static const struct number_arg number_args[] = {
	NUMBER("ttl", ttl, 255), NUMBER("tos", tos, 255), NUMBER("id", id, UINT32_MAX),
	NUMBER("offset", offset, 65535 * 8), NUMBER("version", version, 15),
	NUMBER("ihl", ihl, 15), NUMBER("dport", dport, 65535), NUMBER("seq", seq, UINT32_MAX),
	NUMBER("ack", ack, UINT32_MAX), NUMBER("win", win, 65535), NUMBER("doff", doff, 15),
	NUMBER("reserved", reserved, 15), NUMBER("mss", mss, 65535),
	NUMBER("wscale", wscale, 255), NUMBER("ulen", ulen, 65535),
	NUMBER("cover", cover, 65535), NUMBER("pseudo", pseudo, 255),
	NUMBER("vtag", vtag, UINT32_MAX), NUMBER("itag", itag, UINT32_MAX),
	NUMBER("gre-proto", gre_proto, 65535), NUMBER("key", key, 65535),
	NUMBER("len", len, 65000), NUMBER("l4cut", l4cut, 65535),
	NUMBER("icmp-seq", icmp_seq, 65535), NUMBER("icmp-id", icmp_id, 65535),
	NUMBER("quote", quote, 1500), NUMBER("cut", cut, 65535), NUMBER("pad", pad, 1000),
	NUMBER("gso", gso, 65535),
};

static const struct {
	const char *name;
	size_t at;
} flag_args[] = {
	{ "df", offsetof(struct row, df) },
	{ "mf", offsetof(struct row, mf) },
	{ "last", offsetof(struct row, last) },
	{ "sackok", offsetof(struct row, sackok) },
};

static const struct {
	const char *name;
	size_t at;
} hex_args[] = {
	{ "ipopt", offsetof(struct row, ipopt) },
	{ "opt", offsetof(struct row, opt) },
	{ "data", offsetof(struct row, data) },
	{ "vnet", offsetof(struct row, vnet) },
};

/* What the functions below return: 1 for a word that they know, 0 for another's, -1 for a
 * wrong value. */
static int known(int err)
{
	return err < 0 ? -1 : 1;
}

static int simple_arg(struct row *r, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(number_args) / sizeof(number_args[0]); i++) {
		const struct number_arg *a = &number_args[i];
		int64_t *at = (int64_t *)((char *)r + a->at);

		if (value && strcmp(name, a->name) == 0)
			return parse_number(value, at) < 0 || *at < 0 || *at > a->max ? -1 : 1;
	}
	for (size_t i = 0; i < sizeof(flag_args) / sizeof(flag_args[0]); i++) {
		if (!value && strcmp(name, flag_args[i].name) == 0) {
			*(bool *)((char *)r + flag_args[i].at) = true;
			return 1;
		}
	}
	for (size_t i = 0; i < sizeof(hex_args) / sizeof(hex_args[0]); i++) {
		struct row_hex *at = (struct row_hex *)((char *)r + hex_args[i].at);

		if (value && strcmp(name, hex_args[i].name) == 0)
			return known(parse_hex_arg(value, at));
	}
	return 0;
}

static int port_range(struct row *r, const char *value)
{
	char text[ROW_WORD], *dash;

	if (copy_word(text, sizeof(text), value) < 0)
		return -1;
	dash = strchr(text, '-');
	if (dash)
		*dash++ = '\0';
	if (parse_number(text, &r->sport) < 0 ||
	    (dash && parse_number(dash, &r->sport_last) < 0))
		return -1;
	return r->sport < 0 || r->sport > 65535 || r->sport_last > 65535 ? -1 : 0;
}

/* "TEXT" with \r \n \t \" \\ and \xHH; behind what there is already. */
static int parse_text(const char *text, struct row_hex *hex)
{
	static const char escapes[][2] = {
		{ 'r', '\r' }, { 'n', '\n' }, { 't', '\t' }, { '"', '"' }, { '\\', '\\' },
	};
	size_t len = strlen(text), one;

	if (len < 2 || *text != '"' || text[len - 1] != '"')
		return -1;
	hex->set = true;
	for (const char *end = text++ + len - 1; text < end; text++) {
		uint8_t byte = (uint8_t)*text;
		size_t i = 0;

		if (hex->len == ROW_HEX)
			return -1;
		if (byte == '\\' && *++text == 'x') {
			char digits[3] = { text[1], text[1] ? text[2] : '\0', '\0' };

			if (row_parse_hex(digits, 1, &byte, &one) < 0 || one != 1)
				return -1;
			text += 2;
		} else if (byte == '\\') {
			while (i < sizeof(escapes) / 2 && escapes[i][0] != *text)
				i++;
			if (i == sizeof(escapes) / 2)
				return -1;
			byte = (uint8_t)escapes[i][1];
		}
		hex->b[hex->len++] = byte;
	}
	return 0;
}

/* "LEFT-RIGHT,LEFT-RIGHT,..." */
static int sack_blocks(struct row *r, const char *value)
{
	char *end = (char *)value;

	r->sack.set = true;
	do {
		uint8_t *at = r->sack.b + r->sack.len;
		char separator = r->sack.len / 4 % 2 ? ',' : '-';
		unsigned long edge = strtoul(value, &end, 10);

		if (end == value || (*end && *end != separator) || r->sack.len == 32)
			return -1;
		for (int i = 0; i < 4; i++)
			at[i] = (uint8_t)(edge >> (24 - 8 * i));
		r->sack.len += 4;
		value = end + 1;
	} while (*end);
	return r->sack.len % 8 ? -1 : 0;
}

static int special_arg(struct row *r, const char *name, const char *value)
{
	bool relative;

	if (!value)
		return 0;
	if (strcmp(name, "text") == 0)
		return known(parse_text(value, &r->data));
	if (strcmp(name, "sport") == 0)
		return known(port_range(r, value));
	if (strcmp(name, "totlen") == 0) {
		relative = *value == '+' || *value == '-';
		return known(parse_number(value, relative ? &r->totlen_add : &r->totlen));
	}
	if (strcmp(name, "sum") == 0) {
		r->sum_bad = strcmp(value, "bad") == 0;
		return r->sum_bad ? 1 : known(parse_number(value, &r->sum));
	}
	if (strcmp(name, "sack") == 0)
		return known(sack_blocks(r, value));
	if (strcmp(name, "ipsum") == 0) {
		r->ipsum_bad = strcmp(value, "bad") == 0;
		return r->ipsum_bad ? 1 : -1;
	}
	if (strcmp(name, "ext") == 0)
		return known(copy_word(r->ext, sizeof(r->ext), value));
	if (strcmp(name, "about") == 0)
		return known(copy_word(r->about, sizeof(r->about), value));
	if (strcmp(name, "set") == 0)
		return known(parse_patch(value, r->patch, &r->n_patches));
	if (strcmp(name, "quote-set") == 0)
		return known(parse_patch(value, r->quote_patch, &r->n_quote_patches));
	return 0;
}

static int parse_arg(struct row *r, const char *word, char error[ROW_ERROR])
{
	char name[ROW_HEX];
	char *value;
	int found;

	if (copy_word(name, sizeof(name), word) < 0)
		return wrong(error, "\"%.40s...\" is too long", word);
	value = strchr(name, '=');
	if (value)
		*value++ = '\0';
	found = simple_arg(r, name, value);
	if (found == 0)
		found = special_arg(r, name, value);
	if (found < 0)
		return wrong(error, "%s: \"%s\" is not a value for it", name, value);
	if (found == 0)
		return wrong(error, "\"%s\" is nothing that a packet can have", word);
	return 0;
}

/* ---- protocols ---- */

static int tcp_flags(struct row *r, const char *word)
{
	static const char letters[] = "FSRPAUEC";

	r->tcp_flags = 0;
	if (strcmp(word, "-") == 0)
		return 0;
	for (; *word; word++) {
		const char *at = strchr(letters, *word);

		if (!at)
			return -1;
		r->tcp_flags |= (uint8_t)(1u << (at - letters));
	}
	return 0;
}

static const struct {
	const char *name;
	uint8_t proto, type, code;
} icmp_names[] = {
	{ "echo", 1, 8, 0 }, { "echo-reply", 1, 0, 0 }, { "echo", 58, 128, 0 },
	{ "echo-reply", 58, 129, 0 },
};

/* "echo", "3/1" */
static int icmp_type(struct row *r, const char *word)
{
	unsigned type, code;
	char rest;

	for (size_t i = 0; i < sizeof(icmp_names) / sizeof(icmp_names[0]); i++) {
		if (icmp_names[i].proto == r->proto && strcmp(icmp_names[i].name, word) == 0) {
			r->icmp_type = icmp_names[i].type;
			r->icmp_code = icmp_names[i].code;
			return 0;
		}
	}
	if (sscanf(word, "%u/%u%c", &type, &code, &rest) != 2 || type > 255 || code > 255)
		return -1;
	r->icmp_type = type;
	r->icmp_code = code;
	return 0;
}

static int gre_version(struct row *r, const char *word)
{
	return parse_number(word, &r->gre_version) < 0 || r->gre_version < 0 ||
			       r->gre_version > 7 ? -1 : 0;
}

static int sctp_chunks(struct row *r, const char *word)
{
	return copy_word(r->chunks, sizeof(r->chunks), word);
}

/* Protocols whose name is followed by a word of their own. */
static const struct {
	uint8_t proto;
	int (*parse)(struct row *r, const char *word);
	const char *wants;
} proto_words[] = {
	{ 6, tcp_flags, "flags, of FSRPAUEC" },
	{ 1, icmp_type, "TYPE/CODE, echo or echo-reply" },
	{ 58, icmp_type, "TYPE/CODE, echo or echo-reply" },
	{ 132, sctp_chunks, "chunks: CHUNK[/t][:LENGTH],... or -" },
	{ 47, gre_version, "a version, 0 to 7" },
};

static int parse_proto_word(struct row *r, char **words, size_t n, char error[ROW_ERROR])
{
	for (size_t i = 0; i < sizeof(proto_words) / sizeof(proto_words[0]); i++) {
		if (proto_words[i].proto != r->proto)
			continue;
		if (n < 2 || proto_words[i].parse(r, words[1]) < 0)
			return wrong(error, "%s wants %s", words[0], proto_words[i].wants);
		return 2;
	}
	return 1;
}

/* "0-1480", "1480-": bytes behind the IP header. */
static int part_range(struct row *r, const char *word)
{
	char text[ROW_WORD], *dash;

	if (copy_word(text, sizeof(text), word) < 0)
		return -1;
	dash = strchr(text, '-');
	if (!dash)
		return -1;
	*dash++ = '\0';
	return parse_number(text, &r->part_from) < 0 ||
			       (*dash && parse_number(dash, &r->part_to) < 0) ?
		       -1 : 0;
}

/* The protocol and the word that belongs to it; how many words these are, or -1. */
static int parse_proto(struct row *r, char **words, size_t n, char error[ROW_ERROR])
{
	static const struct { const char *name; uint8_t proto; } names[] = {
		{ "tcp", 6 }, { "udp", 17 }, { "icmp", 1 }, { "icmpv6", 58 },
		{ "gre", 47 }, { "udplite", 136 }, { "sctp", 132 },
	};
	int64_t number;

	if (n == 0)
		return wrong(error, "a protocol is missing");
	if (strcmp(words[0], "part") == 0) {
		if (n < 3 || copy_word(r->part, sizeof(r->part), words[1]) < 0 ||
		    part_range(r, words[2]) < 0)
			return wrong(error, "part wants a label and FROM-TO in bytes");
		return 3;
	}
	if (strcmp(words[0], "proto") == 0) {
		if (n < 2 || parse_number(words[1], &number) < 0 || number < 0 || number > 255)
			return wrong(error, "proto wants a number up to 255");
		r->proto = (uint8_t)number;
		return 2;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(words[0], names[i].name) == 0)
			r->proto = names[i].proto;
	if (r->proto == 0)
		return wrong(error, "\"%s\" is not a protocol, nor proto N", words[0]);
	return parse_proto_word(r, words, n, error);
}

/* raw HEX HEX... */
static int parse_raw(struct row *r, char **words, size_t n, char error[ROW_ERROR])
{
	r->raw = malloc(ROW_BYTES);
	for (size_t i = 0; i < n && r->raw; i++) {
		size_t len;

		if (row_parse_hex(words[i], ROW_BYTES - r->raw_len, r->raw + r->raw_len,
				  &len) < 0)
			return wrong(error, "\"%s\" is not hexadecimal", words[i]);
		r->raw_len += len;
	}
	return r->raw ? 0 : wrong(error, "out of memory");
}

static void unset_all(struct row *r)
{
	static const size_t others[] = {
		offsetof(struct row, totlen), offsetof(struct row, totlen_add),
		offsetof(struct row, sport), offsetof(struct row, sport_last),
		offsetof(struct row, sum), offsetof(struct row, icmp_type),
		offsetof(struct row, icmp_code), offsetof(struct row, gre_version),
		offsetof(struct row, part_from), offsetof(struct row, part_to),
	};

	for (size_t i = 0; i < sizeof(number_args) / sizeof(number_args[0]); i++)
		*(int64_t *)((char *)r + number_args[i].at) = ROW_UNSET;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		*(int64_t *)((char *)r + others[i]) = ROW_UNSET;
}

int row_parse(const struct row_context *c, char **words, size_t n, char error[ROW_ERROR],
	      struct row *r)
{
	size_t i = 0;
	int used;

	memset(r, 0, sizeof(*r));
	unset_all(r);
	if (n && words[0][strlen(words[0]) - 1] == ':') {
		if (copy_word(r->label, sizeof(r->label), words[0]) < 0)
			return wrong(error, "\"%s\" is too long for a label", words[0]);
		r->label[strlen(r->label) - 1] = '\0';
		i++;
	}
	if (i < n && strcmp(words[i], "raw") == 0)
		return parse_raw(r, words + i + 1, n - i - 1, error);
	if (n - i < 4 || strcmp(words[i + 1], ">") != 0)
		return wrong(error, "FROM > TO PROTOCOL ... is what is wanted");
	r->from = row_find_host(c, words[i]);
	r->to = row_find_host(c, words[i + 2]);
	if (!r->from || !r->to)
		return wrong(error, "no host is called %s", r->from ? words[i + 2] : words[i]);
	if (r->from->family != r->to->family)
		return wrong(error, "one host is IPv4, the other IPv6");
	i += 3;
	used = parse_proto(r, words + i, n - i, error);
	if (used < 0)
		return -1;
	for (i += (size_t)used; i < n; i++)
		if (parse_arg(r, words[i], error) < 0)
			return -1;
	return 0;
}

void row_fini(struct row *r)
{
	free(r->raw);
	r->raw = NULL;
}
