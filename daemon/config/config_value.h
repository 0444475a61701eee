/* config_value.h - how the values of ctfwd.conf are written: one row a type. */
#ifndef CTFW_HOST_CONFIG_VALUE_H
#define CTFW_HOST_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "ctfw/diag.h"
#include "ctfw/text.h"

enum config_type {
	TYPE_NONE = 0,
	TYPE_PATH,      /* char[CONFIG_PATH_MAX], absolute */
	TYPE_USER,      /* char[CONFIG_NAME_MAX] */
	TYPE_IFACE,     /* char[IFNAMSIZ] */
	TYPE_NUMBER,    /* uint32_t within the row's range */
	TYPE_WORKERS,   /* the same, or auto: 0 */
	TYPE_MTU,       /* the same, or auto: 0 */
	TYPE_TABLE,     /* the same, but for the kernel's own tables */
	TYPE_PROTOCOL,  /* the same, or a name */
	TYPE_BOOL,      /* bool */
	TYPE_LOOSE,     /* enum tcp_loose */
	TYPE_HELPERS,   /* uint32_t, HELPER_BIT()s */
	TYPE_ROLE,      /* uint32_t, enum port_role */
	TYPE_HOOKS,     /* uint32_t, a bit a hook */
	TYPE_PREFIXES,  /* struct config_networks */
	TYPE_ADDRESSES, /* struct config_addresses */
	TYPE_SHARE,     /* struct ct_share: a number within the range, or up to 50% */
	TYPE_RESERVE,   /* struct ct_reserve */
	TYPE_COUNT
};

struct config_range {
	uint32_t min, max;
};

/* Parse a value of at->len bytes at text into member.  more: a further line of a list.
 * 0, -EINVAL with a diagnostic at (a part of) `at`, or -ENOMEM. */
int config_value_parse(enum config_type type, struct config_range range, const char *text,
		       const struct span *at, bool more, void *member, struct diag *d);
/* Whether two members are the same. */
bool config_value_equal(enum config_type type, const void *a, const void *b);
/* Copy; only for types that own no memory. */
void config_value_copy(enum config_type type, void *to, const void *from);
void config_value_fini(enum config_type type, void *member);
/* More than one word, and so more than one line, may be given. */
bool config_value_is_list(enum config_type type);
/* "1..64 or auto", what would be right, for people. */
void config_value_range(enum config_type type, struct config_range range, char buf[128]);

#endif
