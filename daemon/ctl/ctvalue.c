/* ctvalue.c - values on the command line of ctfwctl conntrack.  See ctvalue.h. */
#include "ctl/ctvalue.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A whole number in decimal, hexadecimal or octal, as conntrack(8) reads them. */
bool ctvalue_number(const char *text, uint64_t max, uint64_t *ret_value)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno || value > max)
		return false;
	*ret_value = value;
	return true;
}

static void cut(struct prefix *p)
{
	for (unsigned bit = p->len; bit < addr_bits(p->family); bit++)
		p->addr.b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
}

/* A prefix of which bits behind its length may be set: they do not count. */
bool ctvalue_prefix(const char *text, struct prefix *ret_prefix)
{
	char addr[ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix p = { 0 };
	uint64_t bits;

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (addr_parse(addr, &p.family, &p.addr))
		return false;
	bits = addr_bits(p.family);
	if (slash && !ctvalue_number(slash + 1, addr_bits(p.family), &bits))
		return false;
	p.len = (uint8_t)bits;
	cut(&p);
	*ret_prefix = p;
	return true;
}

enum ctvalue_wrong ctvalue_end(const char *text, struct prefix *ret_prefix, uint16_t *ret_port,
			       bool *ret_has_port, const char **ret_port_text)
{
	bool bracketed = text[0] == '[';
	const char *colon = bracketed ? strstr(text, "]:") : strchr(text, ':');
	char addr[PREFIX_TEXT];
	size_t len;
	uint64_t port;

	/* Without brackets several colons are an address of IPv6. */
	if (colon && !bracketed && strchr(colon + 1, ':'))
		colon = NULL;
	len = colon ? (size_t)(colon - text) - bracketed : strlen(text);
	if (len >= sizeof(addr))
		return CTVALUE_ADDR;
	memcpy(addr, text + (colon && bracketed), len);
	addr[len] = '\0';
	if (!ctvalue_prefix(addr, ret_prefix))
		return CTVALUE_ADDR;
	if (!colon)
		return CTVALUE_RIGHT;
	*ret_port_text = colon + 1 + bracketed;
	if (!ctvalue_number(*ret_port_text, 65535, &port))
		return CTVALUE_PORT;
	*ret_port = (uint16_t)port;
	*ret_has_port = true;
	return CTVALUE_RIGHT;
}

/* 255.255.0.0 and the like, for an address that was given before it. */
bool ctvalue_mask(const char *text, struct prefix *p)
{
	union addr mask;
	uint8_t family;
	unsigned len = 0;

	if (addr_parse(text, &family, &mask) || family != p->family)
		return false;
	while (len < addr_bits(family) && mask.b[len / 8] >> (7 - len % 8) & 1)
		len++;
	for (unsigned bit = len; bit < addr_bits(family); bit++)
		if (mask.b[bit / 8] >> (7 - bit % 8) & 1)
			return false;
	p->len = (uint8_t)len;
	cut(p);
	return true;
}

bool ctvalue_proto(const char *text, uint8_t *ret_proto)
{
	const struct protoent *entry;
	uint64_t number;

	/* conntrack's own names first: they are there without /etc/protocols. */
	for (unsigned proto = 0; proto < 256; proto++)
		if (strcmp(l4proto_name((uint8_t)proto), text) == 0 &&
		    strcmp(text, "unknown") != 0) {
			*ret_proto = (uint8_t)proto;
			return true;
		}
	if (ctvalue_number(text, 255, &number)) {
		*ret_proto = (uint8_t)number;
		return true;
	}
	entry = getprotobyname(text);
	if (entry)
		*ret_proto = (uint8_t)entry->p_proto;
	return entry != NULL;
}

bool ctvalue_mark(const char *text, struct flow_filter *f)
{
	char value[24];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t mark, mask = UINT32_MAX;

	if (len >= sizeof(value))
		return false;
	memcpy(value, text, len);
	value[len] = '\0';
	if (!ctvalue_number(value, UINT32_MAX, &mark) ||
	    (slash && !ctvalue_number(slash + 1, UINT32_MAX, &mask)))
		return false;
	f->has_mark = true;
	f->mark = (uint32_t)mark;
	f->mark_mask = (uint32_t)mask;
	return true;
}

/* Words with commas between them; each is looked up by `row`. */
bool ctvalue_list(const char *text, bool (*row)(const char *word, size_t len, void *arg),
		       void *arg)
{
	for (const char *p = text;;) {
		size_t len = strcspn(p, ",");

		if (!row(p, len, arg))
			return false;
		if (!p[len])
			return true;
		p += len + 1;
	}
}

bool ctvalue_is_word(const char *name, const char *word, size_t len)
{
	return len && strncasecmp(name, word, len) == 0;
}

bool ctvalue_zone(const char *text, uint16_t *ret_zone, bool *ret_has)
{
	uint64_t zone;

	if (!ctvalue_number(text, 65535, &zone))
		return false;
	*ret_zone = (uint16_t)zone;
	return *ret_has = true;
}
