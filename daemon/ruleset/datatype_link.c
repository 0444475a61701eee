/* datatype_link.c - the types of what the kernel notes beside a packet: interfaces, marks. */
#include "ruleset/datatype_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

/* IFNAMSIZ with its NUL counts the asterisk of a wildcard too; \* is a plain one. */
static int parse_ifname(const struct datatype *dt, const char *text, struct value *ret,
			const char **ret_why)
{
	bool is_helper = dt == &datatype_helper;
	size_t len = strlen(text);
	struct value v = {.str = {.s = ""}};

	if (!len) {
		*ret_why =
			is_helper ? "is not the name of a helper" : "is not an interface name";
		return -EINVAL;
	}
	if (!strcmp(text, "*")) {
		*ret_why = is_helper ? "matches every helper: name them"
				     : "matches every interface: leave the match out";
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

static void print_ifname(struct text *out, const struct datatype *dt, const struct value *v,
			 unsigned flags)
{
	size_t len = strnlen(v->str.s, sizeof(v->str.s));
	bool plain_star = !v->str.wildcard && len && v->str.s[len - 1] == '*';

	(void)dt;
	(void)flags;
	text_putc(out, '"');
	text_append(out, v->str.s, plain_star ? len - 1 : len);
	text_puts(out, plain_star ? "\\*\"" : v->str.wildcard ? "*\"" : "\"");
}

const struct datatype datatype_ifname = {
	.name = "ifname",
	.desc = "network interface name",
	.what = "interface name",
	.class = VALUE_STRING,
	.bits = 128,
	.parse = parse_ifname,
	.print = print_ifname,
};
const struct datatype datatype_helper = {
	.name = "string",
	.desc = "string",
	.what = "helper name",
	.class = VALUE_STRING,
	.bits = 128,
	.parse = parse_ifname,
	.print = print_ifname,
};

/* ---- marks ---- */

NUMBER(mark, 32, "packet mark", "mark", .hex = 8, .prefix = true);

/* ---- interfaces ---- */

/* An interface by its name: an index means nothing to who writes rules, and another interface
 * after a restart.  0 is none. */
static int parse_index(const struct datatype *dt, const char *text, struct value *ret,
		       const char **ret_why)
{
	uint64_t number;
	int err;

	if (datatype_number(text, &number)) {
		if (number) {
			*ret_why = "is no name of an interface: its number may change";
			return -EINVAL;
		}
		*ret = (struct value){.num = 0};
		return 0;
	}
	err = parse_ifname(dt, text, ret, ret_why);
	if (!err && ret->str.wildcard) {
		*ret_why = "names several interfaces: match iifname or oifname";
		return -EINVAL;
	}
	return err;
}

static void print_index(struct text *out, const struct datatype *dt, const struct value *v,
			unsigned flags)
{
	if (v->str.s[0])
		print_ifname(out, dt, v, flags);
	else
		text_putc(out, '0');
}

const struct datatype datatype_iface_index = {
	.name = "iface_index",
	.desc = "network interface index",
	.what = "interface",
	.class = VALUE_STRING,
	.bits = 32,
	.parse = parse_index,
	.print = print_index,
};

/* ARPHRD_* */
static const struct symbol iface_types[] = {
	{"ether", 1},	   {"ppp", 512}, {"ipip", 768},	 {"ipip6", 769},
	{"loopback", 772}, {"sit", 776}, {"ipgre", 778}, {NULL, 0},
};

/* Those that every host has. */
static const struct symbol devgroups[] = {{"default", 0}, {NULL, 0}};
static const struct symbol realms[] = {{"cosmos", 0}, {NULL, 0}};

static const struct symbol pkt_types[] = {
	{"host", 0},	  {"unicast", 0}, {"broadcast", 1},
	{"multicast", 2}, {"other", 3},	  {NULL, 0},
};

/* RTN_* */
static const struct symbol fib_types[] = {
	{"unspec", 0},	 {"unicast", 1},   {"local", 2},     {"broadcast", 3},
	{"anycast", 4},	 {"multicast", 5}, {"blackhole", 6}, {"unreachable", 7},
	{"prohibit", 8}, {NULL, 0},
};

NUMBER(iface_type, 16, "network interface type", "interface type", .symbols = iface_types);
NUMBER(devgroup, 32, "devgroup name", "group of interfaces", .symbols = devgroups,
       .quoted = true);
NUMBER(realm, 32, "routing realm", "realm", .symbols = realms, .quoted = true);
NUMBER(pkt_type, 8, "packet type", "packet type", .symbols = pkt_types);
NUMBER(fib_addrtype, 32, "fib address type", "type of address", .symbols = fib_types);

/* ---- priorities ---- */

#define CLASSID_ROOT 0xffffffff

/* major:minor in hexadecimal, or a number. */
static int parse_classid(const struct datatype *dt, const char *text, struct value *ret,
			 const char **ret_why)
{
	uint64_t number;
	unsigned long major, minor;
	char *end;

	(void)dt;
	*ret_why = "is no priority, such as 1:2, root or none";
	if (!strcmp(text, "root")) {
		number = CLASSID_ROOT;
	} else if (!strcmp(text, "none")) {
		number = 0;
	} else if (!datatype_number(text, &number)) {
		major = strtoul(text, &end, 16);
		if (end == text || *end != ':' || major > UINT16_MAX)
			return -EINVAL;
		text = end + 1;
		minor = strtoul(text, &end, 16);
		if (end == text || *end || minor > UINT16_MAX)
			return -EINVAL;
		number = major << 16 | minor;
	}
	if (number > UINT32_MAX)
		return -ERANGE;
	*ret = (struct value){.num = number};
	return 0;
}

static void print_classid(struct text *out, const struct datatype *dt, const struct value *v,
			  unsigned flags)
{
	(void)dt;
	(void)flags;
	if (v->num == CLASSID_ROOT || !v->num)
		text_puts(out, v->num ? "root" : "none");
	else
		text_printf(out, "%" PRIx64 ":%" PRIx64, v->num >> 16, v->num & 0xffff);
}

NUMBER(classid, 32, "TC classid", "priority", .parse = parse_classid, .print = print_classid);
