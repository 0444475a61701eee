/* field.h - where the fields of headers lie: payload.def as data. */
#ifndef CTFW_RULESET_FIELD_H
#define CTFW_RULESET_FIELD_H

#include "ruleset/model.h"

/* The header that an offset counts from. */
enum base { BASE_NONE = 0, BASE_LINK, BASE_NETWORK, BASE_TRANSPORT, BASE_INNER, BASE_COUNT };

struct field {
	enum base base; /* BASE_NONE: no field of a header */
	uint32_t off;	/* bits */
	uint16_t len;
	bool key; /* says which header follows, or what the rest of this one is */
};

/* What `fib` looks up: its selectors' argument a. */
enum fib_flag {
	FIB_SADDR = 1 << 0,
	FIB_DADDR = 1 << 1,
	FIB_MARK = 1 << 2,
	FIB_IIF = 1 << 3,
	FIB_OIF = 1 << 4,
	FIB_PRESENT = 1 << 5, /* of SELECTOR_FIB_OIF: whether there is one */
};

/* Of an EXPR_SELECTOR.  Raw payload says it in its arguments: base, bit offset, bits. */
struct field expr_field(const struct expr *selector);

/* Whether nf_tables' registers have it as a number of the host, and not as packets have it. */
bool expr_in_host_order(const struct expr *left);

struct field selector_field(enum selector_id selector);

#endif
