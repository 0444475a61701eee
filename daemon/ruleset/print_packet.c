/* print_packet.c - a packet's headers in the words of rules, as nft's monitor shows them. */
#include <endian.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "ruleset/datatype.h"
#include "ruleset/print.h"

/* What nft keeps of a transport header. */
#define TRANSPORT_BYTES 20

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void print_value(struct text *out, const char *what, const struct datatype *dt,
			uint64_t number, unsigned flags)
{
	const struct value v = { .num = number };

	text_printf(out, "%s ", what);
	value_print_whole(out, dt, &v, flags);
	text_putc(out, ' ');
}

static void print_addr(struct text *out, const char *what, uint8_t l3, const uint8_t *bytes)
{
	union addr addr;
	char buf[ADDR_TEXT];

	memset(&addr, 0, sizeof(addr));
	memcpy(&addr, bytes, l3 == L3_IPV6 ? 16 : 4);
	addr_print(l3, &addr, buf);
	text_printf(out, "%s %s ", what, buf);
}

static void print_dscp(struct text *out, const char *header, uint8_t tos)
{
	static const char *const classes[64] = {
		[0] = "cs0",   [1] = "lephb", [8] = "cs1",   [10] = "af11", [12] = "af12",
		[14] = "af13", [16] = "cs2",  [18] = "af21", [20] = "af22", [22] = "af23",
		[24] = "cs3",  [26] = "af31", [28] = "af32", [30] = "af33", [32] = "cs4",
		[34] = "af41", [36] = "af42", [38] = "af43", [40] = "cs5",  [46] = "ef",
		[48] = "cs6",  [56] = "cs7",
	};
	static const char *const ecn[] = { "not-ect", "ect1", "ect0", "ce" };

	if (classes[tos >> 2])
		text_printf(out, "%s dscp %s ", header, classes[tos >> 2]);
	else
		text_printf(out, "%s dscp 0x%02x ", header, tos >> 2);
	text_printf(out, "%s ecn %s ", header, ecn[tos & 3]);
}

/* Bytes of the transport header from `from` on that no field names. */
static void print_rest(struct text *out, const uint8_t *h, size_t len, size_t from)
{
	size_t at = from;

	len = len < TRANSPORT_BYTES ? len : TRANSPORT_BYTES;
	if (len <= from)
		return;
	text_printf(out, "@th,%zu,%zu 0x", from * 8, (len - from) * 8);
	while (at + 1 < len && !h[at])
		at++;
	text_printf(out, "%x", h[at]);
	while (++at < len)
		text_printf(out, "%02x", h[at]);
	text_putc(out, ' ');
}

static void print_tcp(struct text *out, const uint8_t *h, unsigned flags)
{
	const uint8_t bits = h[13];

	print_value(out, "tcp sport", &datatype_inet_service, be16(h), flags);
	print_value(out, "tcp dport", &datatype_inet_service, be16(h + 2), flags);
	if (bits && !(bits & (bits - 1)))
		print_value(out, "tcp flags ==", &datatype_tcp_flag, bits, flags);
	else
		text_printf(out, "tcp flags == 0x%x ", bits);
	text_printf(out, "tcp window %u ", be16(h + 14));
}

static void print_transport(struct text *out, uint8_t l4, const uint8_t *h, size_t len,
			    unsigned flags)
{
	if (l4 == IPPROTO_TCP && len >= 20) {
		print_tcp(out, h, flags);
	} else if (l4 == IPPROTO_UDP && len >= 8) {
		print_value(out, "udp sport", &datatype_inet_service, be16(h), flags);
		print_value(out, "udp dport", &datatype_inet_service, be16(h + 2), flags);
		text_printf(out, "udp length %u ", be16(h + 4));
		print_rest(out, h, len, 8);
	} else if (l4 == IPPROTO_ICMP && len >= 8) {
		print_value(out, "icmp type", &datatype_icmp_type, h[0], flags);
		print_value(out, "icmp code", &datatype_icmp_code, h[1], flags);
		text_printf(out, "icmp id %u icmp sequence %u ", be16(h + 4), be16(h + 6));
		print_rest(out, h, len, 8);
	} else if (l4 == IPPROTO_ICMPV6 && len >= 8) {
		print_value(out, "icmpv6 type", &datatype_icmpv6_type, h[0], flags);
		print_value(out, "icmpv6 code", &datatype_icmpv6_code, h[1], flags);
		text_printf(out, "icmpv6 parameter-problem %" PRIu32 " ", be32(h + 4));
		print_rest(out, h, len, 8);
	} else {
		print_rest(out, h, len, 0);
	}
}

static void print_ipv4(struct text *out, const uint8_t *h, size_t len, unsigned flags)
{
	size_t own = (h[0] & 15u) * 4;

	print_addr(out, "ip saddr", L3_IPV4, h + 12);
	print_addr(out, "ip daddr", L3_IPV4, h + 16);
	print_dscp(out, "ip", h[1]);
	text_printf(out, "ip ttl %u ip id %u ", h[8], be16(h + 4));
	print_value(out, "ip protocol", &datatype_inet_proto, h[9], flags);
	text_printf(out, "ip length %u ", be16(h + 2));
	if (own <= len && !(be16(h + 6) & 0x1fff))
		print_transport(out, h[9], h + own, len - own, flags);
}

static void print_ipv6(struct text *out, const uint8_t *h, size_t len, unsigned flags)
{
	print_addr(out, "ip6 saddr", L3_IPV6, h + 8);
	print_addr(out, "ip6 daddr", L3_IPV6, h + 24);
	print_dscp(out, "ip6", (uint8_t)(be16(h) >> 4));
	text_printf(out, "ip6 hoplimit %u ip6 flowlabel %" PRIu32 " ", h[7],
		    be32(h) & 0xfffff);
	print_value(out, "ip6 nexthdr", &datatype_inet_proto, h[6], flags);
	text_printf(out, "ip6 length %u ", be16(h + 4));
	print_transport(out, h[6], h + 40, len - 40, flags);
}

void ruleset_print_packet(const uint8_t *bytes, size_t len, unsigned flags, struct text *out)
{
	if (len >= 20 && bytes[0] >> 4 == 4)
		print_ipv4(out, bytes, len, flags);
	else if (len >= 40 && bytes[0] >> 4 == 6)
		print_ipv6(out, bytes, len, flags);
}

bool ruleset_print_rule(const struct ruleset *rs, const char *family, const char *table,
			const char *chain, uint64_t handle, unsigned flags, struct text *out)
{
	for (size_t i = 0; i < rs->n_tables; i++) {
		const struct table *t = rs->tables[i];
		size_t c, r;

		if (strcmp(family_name(t->family), family) || strcmp(t->name, table))
			continue;
		c = chain_find(t, chain);
		r = c == MODEL_NONE ? c : chain_find_rule(t->chains[c], handle);
		if (r == MODEL_NONE)
			return false;
		print_rule(t->chains[c]->rules[r], flags | PRINT_ONE_LINE, out);
		return true;
	}
	return false;
}
