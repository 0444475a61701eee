/* addr.c - addresses and prefixes: text and tests. */
#include "ctfw/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int addr_parse(const char *text, uint8_t *ret_family, union addr *ret_addr)
{
	union addr a = { 0 };

	if (inet_pton(AF_INET, text, &a) == 1)
		*ret_family = L3_IPV4;
	else if (inet_pton(AF_INET6, text, &a) == 1)
		*ret_family = L3_IPV6;
	else
		return -EINVAL;
	*ret_addr = a;
	return 0;
}

char *addr_print(uint8_t family, const union addr *addr, char *buf)
{
	if (!inet_ntop(family == L3_IPV4 ? AF_INET : AF_INET6, addr, buf, ADDR_TEXT))
		buf[0] = '\0';
	return buf;
}

bool addr_is_zero(const union addr *addr)
{
	return (addr->d[0] | addr->d[1]) == 0;
}

bool addr_is_multicast(uint8_t family, const union addr *addr)
{
	return family == L3_IPV4 ? (addr->b[0] & 0xf0) == 0xe0 : addr->b[0] == 0xff;
}

bool addr_is_loopback(uint8_t family, const union addr *addr)
{
	static const union addr loopback6 = { .b = { [15] = 1 } };

	return family == L3_IPV4 ? addr->b[0] == 127 : addr_equal(addr, &loopback6);
}

/* Whether all bits from len on are zero. */
static bool zero_behind(const union addr *addr, unsigned len, unsigned bits)
{
	for (unsigned i = len; i < bits; i++) {
		if (addr->b[i / 8] & (0x80 >> (i % 8)))
			return false;
	}
	return true;
}

int prefix_parse(const char *text, struct prefix *ret_prefix)
{
	char addr[PREFIX_TEXT];
	struct prefix p = { 0 };
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);

	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (addr_parse(addr, &p.family, &p.addr) < 0)
		return -EINVAL;
	p.len = (uint8_t)addr_bits(p.family);
	if (slash) {
		char *end;
		long n;

		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		n = strtol(slash + 1, &end, 10);
		if (*end || n > p.len)
			return -EINVAL;
		p.len = (uint8_t)n;
	}
	if (!zero_behind(&p.addr, p.len, addr_bits(p.family)))
		return -EINVAL;
	*ret_prefix = p;
	return 0;
}

char *prefix_print(const struct prefix *p, char *buf)
{
	char addr[ADDR_TEXT];

	addr_print(p->family, &p->addr, addr);
	if (p->len == addr_bits(p->family))
		snprintf(buf, PREFIX_TEXT, "%s", addr);
	else
		snprintf(buf, PREFIX_TEXT, "%s/%u", addr, p->len);
	return buf;
}

bool prefix_contains(const struct prefix *p, uint8_t family, const union addr *addr)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (p->family != family || memcmp(p->addr.b, addr->b, whole) != 0)
		return false;
	return rest == 0 ||
	       ((p->addr.b[whole] ^ addr->b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool prefix_covers(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len && prefix_contains(a, b->family, &b->addr);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_covers(a, b) || prefix_covers(b, a);
}
