/* datatype.c - the types of values: their constants as text.
 *
 * Names are nftables' own, or those of IANA's registries (protocol.def, service.def): what a
 * host's /etc says is not asked, so that a ruleset means the same everywhere. */
#include "ruleset/datatype.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- constants ---- */

static const struct symbol protocols[] = {
#define PROTOCOL(number, name, alias) { name, number },
#include "ruleset/protocol.def"
#undef PROTOCOL
#define PROTOCOL(number, name, alias) { alias, number },
#include "ruleset/protocol.def"
#undef PROTOCOL
	{ NULL, 0 },
};

static const struct symbol services[] = {
#define SERVICE(name, port) { name, port },
#define ALIAS(name, port)   { name, port },
#include "ruleset/service.def"
#undef SERVICE
#undef ALIAS
	{ NULL, 0 },
};

static const struct symbol nf_protos[] = {
	{ "ipv4", 2 },
	{ "ipv6", 10 },
	{ NULL, 0 },
};

static const struct symbol ether_types[] = {
	{ "ip", 0x0800 },     { "arp", 0x0806 },  { "ip6", 0x86dd }, { "8021q", 0x8100 },
	{ "8021ad", 0x88a8 }, { "vlan", 0x8100 }, { NULL, 0 },
};

static const struct symbol ct_states[] = {
	{ "invalid", CT_STATE_INVALID },	 { "new", CT_STATE_NEW },
	{ "established", CT_STATE_ESTABLISHED }, { "related", CT_STATE_RELATED },
	{ "untracked", CT_STATE_UNTRACKED },	 { NULL, 0 },
};

static const struct symbol ct_dirs[] = {
	{ "original", DIR_ORIGINAL },
	{ "reply", DIR_REPLY },
	{ NULL, 0 },
};

static const struct symbol ct_statuses[] = {
	{ "expected", FLOW_EXPECTED }, { "seen-reply", FLOW_SEEN_REPLY },
	{ "assured", FLOW_ASSURED },   { "confirmed", FLOW_CONFIRMED },
	{ "snat", FLOW_SNAT },	       { "dnat", FLOW_DNAT },
	{ "dying", FLOW_DYING },       { NULL, 0 },
};

/* enum ip_conntrack_events */
static const struct symbol ct_events[] = {
	{ "new", 1 << 0 },	  { "related", 1 << 1 }, { "destroy", 1 << 2 },
	{ "reply", 1 << 3 },	  { "assured", 1 << 4 }, { "protoinfo", 1 << 5 },
	{ "helper", 1 << 6 },	  { "mark", 1 << 7 },	 { "seqadj", 1 << 8 },
	{ "secmark", 1 << 9 },	  { "label", 1 << 10 },	 { NULL, 0 },
};

static const struct symbol tcp_flags[] = {
	{ "fin", 0x01 }, { "syn", 0x02 }, { "rst", 0x04 }, { "psh", 0x08 }, { "ack", 0x10 },
	{ "urg", 0x20 }, { "ecn", 0x40 }, { "cwr", 0x80 }, { NULL, 0 },
};

static const struct symbol icmp_types[] = {
	{ "echo-reply", 0 },	       { "destination-unreachable", 3 },
	{ "source-quench", 4 },	       { "redirect", 5 },
	{ "echo-request", 8 },	       { "router-advertisement", 9 },
	{ "router-solicitation", 10 }, { "time-exceeded", 11 },
	{ "parameter-problem", 12 },   { "timestamp-request", 13 },
	{ "timestamp-reply", 14 },     { "info-request", 15 },
	{ "info-reply", 16 },	       { "address-mask-request", 17 },
	{ "address-mask-reply", 18 },  { NULL, 0 },
};

static const struct symbol icmp_codes[] = {
	{ "net-unreachable", 0 },   { "host-unreachable", 1 }, { "prot-unreachable", 2 },
	{ "port-unreachable", 3 },  { "net-prohibited", 9 },   { "host-prohibited", 10 },
	{ "admin-prohibited", 13 }, { "frag-needed", 4 },      { NULL, 0 },
};

static const struct symbol icmpv6_types[] = {
	{ "destination-unreachable", 1 }, { "packet-too-big", 2 },
	{ "time-exceeded", 3 },		  { "parameter-problem", 4 },
	{ "echo-request", 128 },	  { "echo-reply", 129 },
	{ "mld-listener-query", 130 },	  { "mld-listener-report", 131 },
	{ "mld-listener-done", 132 },	  { "mld-listener-reduction", 132 },
	{ "nd-router-solicit", 133 },	  { "nd-router-advert", 134 },
	{ "nd-neighbor-solicit", 135 },	  { "nd-neighbor-advert", 136 },
	{ "nd-redirect", 137 },		  { "router-renumbering", 138 },
	{ "ind-neighbor-solicit", 141 },  { "ind-neighbor-advert", 142 },
	{ "mld2-listener-report", 143 },  { NULL, 0 },
};

static const struct symbol icmpv6_codes[] = {
	{ "no-route", 0 },
	{ "admin-prohibited", 1 },
	{ "addr-unreachable", 3 },
	{ "port-unreachable", 4 },
	{ "policy-fail", 5 },
	{ "reject-route", 6 },
	{ NULL, 0 },
};

static const struct symbol icmpx_codes[] = {
	{ "port-unreachable", 1 },
	{ "admin-prohibited", 3 },
	{ "no-route", 0 },
	{ "host-unreachable", 2 },
	{ NULL, 0 },
};

/* ---- types ---- */

#define NUMBER(id, bits_, desc_, what_, ...)                                                   \
	const struct datatype datatype_##id = { .name = #id,                                   \
						.desc = desc_,                                 \
						.what = what_,                                 \
						.class = VALUE_NUMBER,                         \
						.bits = bits_,                                 \
						__VA_ARGS__ }

NUMBER(inet_proto, 8, "Internet protocol", "protocol", .symbols = protocols);
NUMBER(nf_proto, 8, "netfilter protocol", "network protocol", .symbols = nf_protos);
NUMBER(ether_type, 16, "Ethernet protocol", "Ethernet protocol", .symbols = ether_types,
       .hex = 4);
NUMBER(inet_service, 16, "internet network service", "service", .symbols = services);
NUMBER(mark, 32, "packet mark", "mark", .hex = 8, .prefix = true);
NUMBER(ct_state, 32, "conntrack state", "ct state", .symbols = ct_states, .bitmask = true,
       .hex = 1);
NUMBER(ct_dir, 8, "conntrack direction", "ct direction", .symbols = ct_dirs);
NUMBER(ct_status, 32, "conntrack status", "ct status", .symbols = ct_statuses, .bitmask = true,
       .hex = 1);
NUMBER(ct_event, 32, "conntrack event bits", "ct event", .symbols = ct_events, .bitmask = true,
       .hex = 1);
NUMBER(tcp_flag, 8, "TCP flag", "TCP flag", .symbols = tcp_flags, .bitmask = true, .hex = 1);
NUMBER(icmp_type, 8, "ICMP type", "ICMP type", .symbols = icmp_types);
NUMBER(icmp_code, 8, "icmp code", "ICMP code", .symbols = icmp_codes);
NUMBER(icmpv6_type, 8, "ICMPv6 type", "ICMPv6 type", .symbols = icmpv6_types);
NUMBER(icmpv6_code, 8, "icmpv6 code", "ICMPv6 code", .symbols = icmpv6_codes);
NUMBER(icmpx_code, 8, "icmpx code", "ICMPX code", .symbols = icmpx_codes);
NUMBER(time, 32, "relative time", "time"); /* milliseconds */

const struct datatype datatype_ifname = {
	.name = "ifname",
	.desc = "network interface name",
	.what = "interface name",
	.class = VALUE_STRING,
	.bits = 128,
};
const struct datatype datatype_helper = {
	.name = "string",
	.desc = "string",
	.what = "helper name",
	.class = VALUE_STRING,
	.bits = 128,
};
/* 128 flags as a number of that width, the first byte counting most; written as bit numbers. */
const struct datatype datatype_ct_label = {
	.name = "ct_label",
	.desc = "conntrack label",
	.what = "ct label",
	.class = VALUE_ADDR,
	.bits = 128,
	.bitmask = true,
};
const struct datatype datatype_ipv4_addr = {
	.name = "ipv4_addr",
	.desc = "IPv4 address",
	.what = "IPv4 address",
	.class = VALUE_ADDR,
	.bits = 32,
	.prefix = true,
};
const struct datatype datatype_ipv6_addr = {
	.name = "ipv6_addr",
	.desc = "IPv6 address",
	.what = "IPv6 address",
	.class = VALUE_ADDR,
	.bits = 128,
	.prefix = true,
};

/* ---- parsing ---- */

const struct symbol *symbol_find(const struct symbol *symbols, const char *word)
{
	for (const struct symbol *s = symbols; s && s->name; s++) {
		if (!strcmp(s->name, word))
			return s;
	}
	return NULL;
}

const char *symbol_suggest(const struct symbol *symbols, const char *word)
{
	enum { MOST = 512 };
	const char *names[MOST + 1];
	size_t n = 0;

	for (const struct symbol *s = symbols; s && s->name && n < MOST; s++)
		names[n++] = s->name;
	names[n] = NULL;
	return suggest(word, strlen(word), names);
}

/* A whole number and nothing else. */
static bool parse_number(const char *text, uint64_t *ret_number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_number = strtoull(text, &end, 0);
	return !errno && !*end;
}

static int parse_addr4(const char *text, struct value *ret, const char **ret_why)
{
	union addr addr = { 0 };
	struct in6_addr six;
	uint64_t number;

	if (parse_number(text, &number)) {
		if (number > UINT32_MAX)
			return -ERANGE;
		addr.w[0] = htonl((uint32_t)number);
	} else if (inet_pton(AF_INET, text, addr.b) != 1) {
		if (inet_pton(AF_INET6, text, &six) == 1) {
			*ret_why = "is an IPv6 address, an IPv4 address is needed here";
			return -EINVAL;
		}
		*ret_why = "is not an IPv4 address (names of hosts are not resolved)";
		return -EINVAL;
	}
	ret->addr = addr;
	return 0;
}

static int parse_addr6(const char *text, struct value *ret, const char **ret_why)
{
	union addr addr = { 0 };
	struct in_addr four;

	if (inet_pton(AF_INET6, text, addr.b) != 1) {
		*ret_why = inet_pton(AF_INET, text, &four) == 1
				   ? "is an IPv4 address, an IPv6 address is needed here"
				   : "is not an IPv6 address (names of hosts are not resolved)";
		return -EINVAL;
	}
	ret->addr = addr;
	return 0;
}

static int parse_label(const char *text, struct value *ret, const char **ret_why)
{
	uint64_t number;

	if (!parse_number(text, &number)) {
		*ret_why = "is no ct label: they are numbers here, 0 to 127";
		return -EINVAL;
	}
	if (number >= datatype_ct_label.bits) {
		*ret_why = "is out of range: the highest ct label is 127";
		return -EINVAL;
	}
	*ret = value_flag(&datatype_ct_label, (unsigned)number);
	return 0;
}

static const struct {
	const char *unit;
	uint64_t ms;
} time_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
#define N_TIME_UNITS (sizeof(time_units) / sizeof(time_units[0]))

int time_parse(const char *text, uint64_t *ret_ms)
{
	uint64_t ms = 0, number;
	size_t unit = 0;
	char *end;

	if (parse_number(text, &number)) {
		ms = number;
		if (ms > UINT32_MAX / 1000)
			return -ERANGE;
		*ret_ms = ms * 1000;
		return 0;
	}
	do {
		size_t len;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		errno = 0;
		number = strtoull(text, &end, 10);
		len = strspn(end, "dhms");
		if (len > 1 && memcmp(end, "ms", 2))
			len = 1;
		while (unit < N_TIME_UNITS && (strlen(time_units[unit].unit) != len ||
					       memcmp(time_units[unit].unit, end, len)))
			unit++;
		if (unit == N_TIME_UNITS)
			return -EINVAL;
		if (errno || number > UINT32_MAX ||
		    ms + number * time_units[unit].ms > UINT32_MAX)
			return -ERANGE;
		ms += number * time_units[unit++].ms;
		text = end + len;
	} while (*text);
	*ret_ms = ms;
	return 0;
}

static int parse_time(const char *text, struct value *ret, const char **ret_why)
{
	uint64_t ms;
	int err = time_parse(text, &ms);

	if (err) {
		*ret_why = err == -ERANGE ? "is too long: at most 49 days" :
					    "is no time, such as 30s or 1h30m";
		return -EINVAL;
	}
	*ret = (struct value){ .num = ms };
	return 0;
}

/* IFNAMSIZ with its NUL counts the asterisk of a wildcard too; \* is a plain one. */
static int parse_ifname(const struct datatype *dt, const char *text, struct value *ret,
			const char **ret_why)
{
	bool is_helper = dt == &datatype_helper;
	size_t len = strlen(text);
	struct value v = { .str = { .s = "" } };

	if (!len) {
		*ret_why = is_helper ? "is not the name of a helper" :
				       "is not an interface name";
		return -EINVAL;
	}
	if (!strcmp(text, "*")) {
		*ret_why = is_helper ? "matches every helper: name them" :
				       "matches every interface: leave the match out";
		return -EINVAL;
	}
	if (text[len - 1] == '*') {
		len--;
		if (len && text[len - 1] == '\\')
			len--;
		else
			v.str.wildcard = true;
	}
	if (strlen(text) > 15)
		return -ERANGE;
	memcpy(v.str.s, text, len);
	if (!v.str.wildcard && text[len])
		v.str.s[len] = '*';
	*ret = v;
	return 0;
}

int value_parse(const struct datatype *dt, const char *text, struct value *ret_value,
		const char **ret_why)
{
	const struct symbol *symbol;
	uint64_t number;

	if (dt == &datatype_ipv4_addr)
		return parse_addr4(text, ret_value, ret_why);
	if (dt == &datatype_ipv6_addr)
		return parse_addr6(text, ret_value, ret_why);
	if (dt->class == VALUE_STRING)
		return parse_ifname(dt, text, ret_value, ret_why);
	if (dt == &datatype_ct_label)
		return parse_label(text, ret_value, ret_why);
	if (dt == &datatype_time)
		return parse_time(text, ret_value, ret_why);
	if (!parse_number(text, &number)) {
		symbol = symbol_find(dt->symbols, text);
		if (!symbol)
			return -ENOENT;
		number = symbol->value;
	}
	if (dt->bits < 64 && number >> dt->bits)
		return -ERANGE;
	*ret_value = (struct value){ .num = number };
	return 0;
}

/* ---- printing ---- */

static bool printed_by_name(const struct datatype *dt, unsigned flags)
{
	if (dt == &datatype_inet_service)
		return flags & PRINT_SERVICE;
	if (dt == &datatype_inet_proto)
		return !(flags & (PRINT_NUMERIC_PROTO | PRINT_NUMERIC));
	return !(flags & PRINT_NUMERIC);
}

static void print_number(struct text *out, const struct datatype *dt, uint64_t v,
			 unsigned flags)
{
	const char *quote = dt == &datatype_inet_service ? "\"" : "";

	if (printed_by_name(dt, flags)) {
		for (const struct symbol *s = dt->symbols; s && s->name; s++) {
			if (s->value == v) {
				text_printf(out, "%s%s%s", quote, s->name, quote);
				return;
			}
		}
	}
	if (dt->hex)
		text_printf(out, "0x%0*" PRIx64, dt->hex, v);
	else
		text_printf(out, "%" PRIu64, v);
}

static void print_flags(struct text *out, const struct datatype *dt, const struct value *v,
			unsigned flags, const char *between)
{
	const char *sep = "";

	if (value_is_zero(dt, v))
		print_number(out, dt, 0, flags);
	for (unsigned n = 0; n < dt->bits; n++) {
		if (!value_has_flag(dt, v, n))
			continue;
		text_puts(out, sep);
		print_number(out, dt, dt->class == VALUE_NUMBER ? UINT64_C(1) << n : n, flags);
		sep = between;
	}
}

void value_print_flags(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags)
{
	print_flags(out, dt, v, flags, ",");
}

void time_print(struct text *out, uint64_t ms)
{
	if (!ms)
		text_puts(out, "0s");
	for (size_t i = 0; i < N_TIME_UNITS; i++) {
		if (ms >= time_units[i].ms)
			text_printf(out, "%" PRIu64 "%s", ms / time_units[i].ms,
				    time_units[i].unit);
		ms %= time_units[i].ms;
	}
}

static void print_time(struct text *out, uint64_t ms, unsigned flags)
{
	if (flags & (PRINT_NUMERIC | PRINT_NUMERIC_TIME))
		text_printf(out, "%" PRIu64 "s", ms / 1000);
	else
		time_print(out, ms);
}

static void print_ifname(struct text *out, const struct value *v)
{
	size_t len = strnlen(v->str.s, sizeof(v->str.s));
	bool plain_star = !v->str.wildcard && len && v->str.s[len - 1] == '*';

	text_putc(out, '"');
	text_append(out, v->str.s, plain_star ? len - 1 : len);
	text_puts(out, plain_star ? "\\*\"" : v->str.wildcard ? "*\"" : "\"");
}

void value_print_whole(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags)
{
	char buf[ADDR_TEXT];

	switch (dt->class) {
	case VALUE_NUMBER:
		if (dt == &datatype_time)
			print_time(out, v->num, flags);
		else
			print_number(out, dt, v->num, flags);
		break;
	case VALUE_ADDR:
		if (dt->bitmask)
			print_flags(out, dt, v, flags, " | ");
		else
			text_puts(out, addr_print(dt->bits == 32 ? L3_IPV4 : L3_IPV6, &v->addr,
						  buf));
		break;
	case VALUE_STRING:
		print_ifname(out, v);
		break;
	case VALUE_NONE:
		break;
	}
}

void value_print(struct text *out, const struct datatype *dt, const struct value *v,
		 unsigned flags)
{
	if (dt->bitmask)
		print_flags(out, dt, v, flags, " | ");
	else
		value_print_whole(out, dt, v, flags);
}
