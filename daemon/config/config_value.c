/* config_value.c - how the values of ctfwd.conf are written, read, compared and copied.
 *
 * A type is a row of `types`.  A parser gets one value, or for lists one word of it, and a
 * span that lies on it; it leaves a diagnostic that says what would be right. */
#include "config/config_value.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/config.h"
#include "ctfw/helper.h"

struct word {
	const char *s; /* NUL-terminated */
	const struct span *at;
	struct config_range range;
	struct diag *d;
	void *member;
};

struct type {
	size_t size;
	bool list;
	int (*parse)(const struct word *w);
	const char *range; /* what is right, for people; %u %u are min and max */
};

static int parse_path(const struct word *w)
{
	if (w->s[0] != '/') {
		diag_error(w->d, w->at, "\"%s\" is not an absolute path", w->s);
		return -EINVAL;
	}
	if (strlen(w->s) >= CONFIG_PATH_MAX) {
		diag_error(w->d, w->at, "this path is longer than %d bytes",
			   CONFIG_PATH_MAX - 1);
		return -EINVAL;
	}
	strcpy(w->member, w->s);
	return 0;
}

static int parse_user(const struct word *w)
{
	if (strlen(w->s) >= CONFIG_NAME_MAX || strpbrk(w->s, " \t/:")) {
		diag_error(w->d, w->at, "\"%s\" is not a name of a user or a group", w->s);
		return -EINVAL;
	}
	strcpy(w->member, w->s);
	return 0;
}

/* dev_valid_name() of the kernel. */
static int parse_iface(const struct word *w)
{
	if (strlen(w->s) >= IFNAMSIZ) {
		diag_error(w->d, w->at,
			   "the interface name \"%s\" is longer than %d characters", w->s,
			   IFNAMSIZ - 1);
		return -EINVAL;
	}
	if (!w->s[0] || !strcmp(w->s, ".") || !strcmp(w->s, "..") ||
	    strpbrk(w->s, "/: \t%\"")) {
		diag_error(w->d, w->at, "\"%s\" is not a name for an interface", w->s);
		return -EINVAL;
	}
	memset(w->member, 0, IFNAMSIZ);
	memcpy(w->member, w->s, strlen(w->s));
	return 0;
}

static int out_of_range(const struct word *w, enum config_type type)
{
	char range[128];

	config_value_range(type, w->range, range);
	diag_error(w->d, w->at, "\"%s\" is out of range: expected %s", w->s, range);
	return -EINVAL;
}

/* Decimal digits and nothing else. */
static bool number(const char *s, uint32_t *ret_value)
{
	uint64_t value = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		value = value * 10 + (uint64_t)(*s - '0');
		if (value > UINT32_MAX)
			return false;
	}
	*ret_value = (uint32_t)value;
	return true;
}

static int number_in_range(const struct word *w, enum config_type type)
{
	uint32_t value;

	if (!number(w->s, &value) || value < w->range.min || value > w->range.max)
		return out_of_range(w, type);
	*(uint32_t *)w->member = value;
	return 0;
}

static int parse_number(const struct word *w)
{
	return number_in_range(w, TYPE_NUMBER);
}

static int number_or_auto(const struct word *w, enum config_type type)
{
	if (strcmp(w->s, "auto") != 0)
		return number_in_range(w, type);
	*(uint32_t *)w->member = 0;
	return 0;
}

static int parse_workers(const struct word *w)
{
	return number_or_auto(w, TYPE_WORKERS);
}

static int parse_mtu(const struct word *w)
{
	return number_or_auto(w, TYPE_MTU);
}

/* 253 to 255 are default, main and local. */
static int parse_table(const struct word *w)
{
	uint32_t value;

	if (number(w->s, &value) && value >= RT_TABLE_DEFAULT && value <= RT_TABLE_LOCAL) {
		diag_error(w->d, w->at, "table %s is one of the kernel's own", w->s);
		return -EINVAL;
	}
	return number_in_range(w, TYPE_TABLE);
}

/* A name among others, each with its value. */
struct name {
	const char *name;
	uint32_t value;
};

#define NAMES_MAX 8

static int parse_name(const struct word *w, const struct name *names, uint32_t *ret_value)
{
	const char *candidates[NAMES_MAX + 1] = { NULL };
	struct text expected = TEXT_INIT;
	const char *near;
	size_t i;

	for (i = 0; names[i].name; i++) {
		if (!strcmp(names[i].name, w->s)) {
			text_fini(&expected);
			*ret_value = names[i].value;
			return 0;
		}
		candidates[i] = names[i].name;
		text_printf(&expected, "%s%s", i ? (names[i + 1].name ? ", " : " or ") : "",
			    names[i].name);
	}
	diag_error(w->d, w->at, "\"%s\" is not known here: expected %s", w->s,
		   text_str(&expected));
	text_fini(&expected);
	near = suggest(w->s, strlen(w->s), candidates);
	if (near)
		diag_hint(w->d, "did you mean \"%s\"?", near);
	return -EINVAL;
}

static int parse_protocol(const struct word *w)
{
	static const struct name names[] = {
		{ "kernel", RTPROT_KERNEL },
		{ "boot", RTPROT_BOOT },
		{ "static", RTPROT_STATIC },
		{ NULL, 0 },
	};

	if (w->s[0] >= '0' && w->s[0] <= '9')
		return number_in_range(w, TYPE_PROTOCOL);
	return parse_name(w, names, w->member);
}

static int parse_bool(const struct word *w)
{
	static const struct name names[] = { { "yes", 1 }, { "no", 0 }, { NULL, 0 } };
	uint32_t value;
	int err;

	err = parse_name(w, names, &value);
	if (!err)
		*(bool *)w->member = value;
	return err;
}

static int parse_loose(const struct word *w)
{
	static const struct name names[] = {
		{ "no", TCP_LOOSE_NO }, { "yes", TCP_LOOSE_YES }, { "cold", TCP_LOOSE_COLD },
		{ NULL, 0 },
	};
	uint32_t value;
	int err;

	err = parse_name(w, names, &value);
	if (!err)
		*(enum tcp_loose *)w->member = (enum tcp_loose)value;
	return err;
}

static int parse_helper(const struct word *w)
{
	static const struct name names[] = {
		{ "off", 0 },
#define HELPER(id, symbol, name) { name, HELPER_BIT(HELPER_##id) },
#include "ctfw/helper.def"
#undef HELPER
		{ NULL, 0 },
	};
	uint32_t value;
	int err;

	_Static_assert(sizeof(names) / sizeof(names[0]) <= NAMES_MAX + 1, "");
	err = parse_name(w, names, &value);
	if (!err)
		*(uint32_t *)w->member |= value;
	return err;
}

static int parse_role(const struct word *w)
{
	static const struct name names[] = {
		{ "in", PORT_IN }, { "out", PORT_OUT }, { "both", PORT_BOTH },
		{ "return", PORT_RETURN }, { NULL, 0 },
	};

	return parse_name(w, names, w->member);
}

static int parse_hook(const struct word *w)
{
	static const struct name names[] = {
		{ "input", 1u << HOOK_INPUT }, { "forward", 1u << HOOK_FORWARD },
		{ "output", 1u << HOOK_OUTPUT }, { NULL, 0 },
	};
	uint32_t value;
	int err;

	err = parse_name(w, names, &value);
	if (!err)
		*(uint32_t *)w->member |= value;
	return err;
}

static int parse_prefix(const struct word *w)
{
	struct config_networks *list = w->member;
	struct prefix *grown, prefix;

	if (prefix_parse(w->s, &prefix) < 0) {
		diag_error(w->d, w->at,
			   "\"%s\" is not a network such as 10.8.0.0/24 or fd08::/64", w->s);
		diag_hint(w->d, "no bit behind the prefix length may be set");
		return -EINVAL;
	}
	grown = reallocarray(list->p, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[list->n++] = prefix;
	list->p = grown;
	return 0;
}

static bool address_of(const char *s, struct config_address *ret_address)
{
	struct config_address a = { 0 };
	const char *slash = strchr(s, '/');
	char text[ADDR_TEXT];
	uint32_t len;

	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return false;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	if (addr_parse(text, &a.family, &a.addr) < 0 || !number(slash + 1, &len) ||
	    len > addr_bits(a.family))
		return false;
	a.len = (uint8_t)len;
	*ret_address = a;
	return true;
}

static int parse_address(const struct word *w)
{
	struct config_addresses *list = w->member;
	struct config_address *grown, address;

	if (!address_of(w->s, &address)) {
		diag_error(
			w->d, w->at,
			"\"%s\" is not an address with its prefix length, such as 10.9.0.1/24",
			w->s);
		return -EINVAL;
	}
	grown = reallocarray(list->p, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[list->n++] = address;
	list->p = grown;
	return 0;
}

static int parse_share(const struct word *w)
{
	size_t len = strlen(w->s);
	struct ct_share *share = w->member;
	char digits[16];
	uint32_t value;

	if (len == 0 || w->s[len - 1] != '%') {
		if (!number(w->s, &value) || value < w->range.min || value > w->range.max)
			return out_of_range(w, TYPE_SHARE);
		*share = (struct ct_share){ .n = value };
		return 0;
	}
	if (len > sizeof(digits))
		return out_of_range(w, TYPE_SHARE);
	memcpy(digits, w->s, len - 1);
	digits[len - 1] = '\0';
	if (!number(digits, &value) || value > 50)
		return out_of_range(w, TYPE_SHARE);
	*share = (struct ct_share){ .n = value, .percent = true };
	return 0;
}

static int parse_reserve(const struct word *w)
{
	struct ct_reserve *list = w->member;

	if (list->n == CT_RESERVE_MAX) {
		diag_error(w->d, w->at, "more than %d are not possible", CT_RESERVE_MAX);
		return -EINVAL;
	}
	if (ct_reserve_parse(w->s, &list->rule[list->n]) < 0) {
		diag_error(w->d, w->at,
			   "\"%s\" is not an address, a protocol, or both, such as 10.8.0.1, "
			   "tcp/22 or tcp/22@10.8.0.0/24", w->s);
		return -EINVAL;
	}
	list->n++;
	return 0;
}

static const struct type types[TYPE_COUNT] = {
	[TYPE_PATH] = { CONFIG_PATH_MAX, false, parse_path, "an absolute path" },
	[TYPE_USER] = { CONFIG_NAME_MAX, false, parse_user, "a name" },
	[TYPE_IFACE] = { IFNAMSIZ, false, parse_iface, "a name of at most 15 characters" },
	[TYPE_NUMBER] = { sizeof(uint32_t), false, parse_number, "%u..%u" },
	[TYPE_WORKERS] = { sizeof(uint32_t), false, parse_workers, "%u..%u or auto" },
	[TYPE_MTU] = { sizeof(uint32_t), false, parse_mtu, "%u..%u or auto" },
	[TYPE_TABLE] = { sizeof(uint32_t), false, parse_table, "%u..%u but 253 to 255" },
	[TYPE_PROTOCOL] = { sizeof(uint32_t), false, parse_protocol,
			    "kernel, boot, static or %u..%u" },
	[TYPE_BOOL] = { sizeof(bool), false, parse_bool, "yes or no" },
	[TYPE_LOOSE] = { sizeof(enum tcp_loose), false, parse_loose, "yes, no or cold" },
	[TYPE_HELPERS] = { sizeof(uint32_t), true, parse_helper, "off, or some of"
#define HELPER(id, symbol, name) " " name
#include "ctfw/helper.def"
#undef HELPER
	},
	[TYPE_ROLE] = { sizeof(uint32_t), false, parse_role, "in, out, both or return" },
	[TYPE_HOOKS] = { sizeof(uint32_t), true, parse_hook, "some of input, forward, output" },
	[TYPE_PREFIXES] = { sizeof(struct config_networks), true, parse_prefix,
			    "networks, as 10.8.0.0/24 fd08::/64" },
	[TYPE_SHARE] = { sizeof(struct ct_share), false, parse_share, "%u..%u or 0%%..50%%" },
	[TYPE_RESERVE] = { sizeof(struct ct_reserve), true, parse_reserve,
			   "up to 16 of them, as 10.8.0.1 tcp/22 tcp/22@10.8.0.0/24" },
	[TYPE_ADDRESSES] = { sizeof(struct config_addresses), true, parse_address,
			     "addresses, as 10.9.0.1/24 fd09::1/64" },
};

/* A list is written anew: what the default put there goes. */
static void list_clear(enum config_type type, void *member)
{
	config_value_fini(type, member);
	memset(member, 0, types[type].size);
}

static int parse_list(enum config_type type, const struct word *whole)
{
	char *copy = strdup(whole->s), *word, *rest;
	struct span at = *whole->at;
	struct word w = *whole;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	w.at = &at;
	for (word = strtok_r(copy, " \t,", &rest); word && !err;
	     word = strtok_r(NULL, " \t,", &rest)) {
		w.s = word;
		at.off = whole->at->off + (uint32_t)(word - copy);
		at.len = (uint32_t)strlen(word);
		err = types[type].parse(&w);
	}
	free(copy);
	return err;
}

int config_value_parse(enum config_type type, struct config_range range, const char *text,
		       const struct span *at, bool more, void *member, struct diag *d)
{
	struct word w = { text, at, range, d, member };
	char expected[128];

	if (!text[0] || !text[strspn(text, " \t,")]) {
		config_value_range(type, range, expected);
		diag_error(d, at, "there is no value: expected %s", expected);
		return -EINVAL;
	}
	if (!types[type].list)
		return types[type].parse(&w);
	if (!more)
		list_clear(type, member);
	return parse_list(type, &w);
}

static bool networks_equal(const struct config_networks *a, const struct config_networks *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++) {
		if (a->p[i].family != b->p[i].family || a->p[i].len != b->p[i].len ||
		    !addr_equal(&a->p[i].addr, &b->p[i].addr))
			return false;
	}
	return a->n == b->n;
}

static bool addresses_equal(const struct config_addresses *a, const struct config_addresses *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++) {
		if (a->p[i].family != b->p[i].family || a->p[i].len != b->p[i].len ||
		    !addr_equal(&a->p[i].addr, &b->p[i].addr))
			return false;
	}
	return a->n == b->n;
}

bool config_value_equal(enum config_type type, const void *a, const void *b)
{
	switch (type) {
	case TYPE_PATH:
	case TYPE_USER:
	case TYPE_IFACE:
		return !strcmp(a, b);
	case TYPE_PREFIXES:
		return networks_equal(a, b);
	case TYPE_ADDRESSES:
		return addresses_equal(a, b);
	default:
		return !memcmp(a, b, types[type].size);
	}
}

void config_value_copy(enum config_type type, void *to, const void *from)
{
	memcpy(to, from, types[type].size);
}

void config_value_fini(enum config_type type, void *member)
{
	if (type == TYPE_PREFIXES)
		free(((struct config_networks *)member)->p);
	else if (type == TYPE_ADDRESSES)
		free(((struct config_addresses *)member)->p);
}

bool config_value_is_list(enum config_type type)
{
	return types[type].list;
}

void config_value_range(enum config_type type, struct config_range range, char buf[128])
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(buf, 128, types[type].range, range.min, range.max);
#pragma GCC diagnostic pop
}
