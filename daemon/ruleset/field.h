/* field.h - where the fields of headers lie: payload.def as data. */
#ifndef CTFW_RULESET_FIELD_H
#define CTFW_RULESET_FIELD_H

#include "ruleset/model.h"

/* The header that an offset counts from. */
enum base { BASE_NONE = 0, BASE_LINK, BASE_NETWORK, BASE_TRANSPORT, BASE_INNER, BASE_COUNT };

struct field {
	enum base base;	   /* BASE_NONE: no field of a header */
	uint16_t off, len; /* bits */
	bool key;	   /* says which header follows, or what the rest of this one is */
};

/* Of an EXPR_SELECTOR. */
struct field expr_field(const struct expr *selector);

#endif
