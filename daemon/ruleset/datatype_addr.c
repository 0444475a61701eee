/* datatype_addr.c - addresses of both families. */
#include "ruleset/datatype_rows.h"

#include <arpa/inet.h>
#include <errno.h>

static int parse_addr4(const struct datatype *dt, const char *text, struct value *ret,
		       const char **ret_why)
{
	union addr addr = {0};
	struct in6_addr six;
	uint64_t number;

	(void)dt;
	if (datatype_number(text, &number)) {
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

static int parse_addr6(const struct datatype *dt, const char *text, struct value *ret,
		       const char **ret_why)
{
	union addr addr = {0};
	struct in_addr four;

	(void)dt;
	if (inet_pton(AF_INET6, text, addr.b) != 1) {
		*ret_why = inet_pton(AF_INET, text, &four) == 1
				   ? "is an IPv4 address, an IPv6 address is needed here"
				   : "is not an IPv6 address (names of hosts are not resolved)";
		return -EINVAL;
	}
	ret->addr = addr;
	return 0;
}

static void print_addr(struct text *out, const struct datatype *dt, const struct value *v,
		       unsigned flags)
{
	char buf[ADDR_TEXT];

	(void)flags;
	text_puts(out, addr_print(dt->bits == 32 ? L3_IPV4 : L3_IPV6, &v->addr, buf));
}

const struct datatype datatype_ipv4_addr = {
	.name = "ipv4_addr",
	.desc = "IPv4 address",
	.what = "IPv4 address",
	.class = VALUE_ADDR,
	.bits = 32,
	.prefix = true,
	.parse = parse_addr4,
	.print = print_addr,
};
const struct datatype datatype_ipv6_addr = {
	.name = "ipv6_addr",
	.desc = "IPv6 address",
	.what = "IPv6 address",
	.class = VALUE_ADDR,
	.bits = 128,
	.prefix = true,
	.parse = parse_addr6,
	.print = print_addr,
};
