/* exthdr.h - headers that are found by their number: exthdr.def as data.
 *
 * A selector of them is one of four, by class; its arguments say which row it is:
 *
 *     a  index of the row
 *     b  of SELECTOR_TCP_OPTION_RAW: the option's number; c, d: bit offset and bits */
#ifndef CTFW_RULESET_EXTHDR_H
#define CTFW_RULESET_EXTHDR_H

#include "ruleset/model.h"

enum exthdr_class { EXTHDR_NONE = 0, EXTHDR_IP6, EXTHDR_IP, EXTHDR_TCP, EXTHDR_SCTP };

struct exthdr {
	enum exthdr_class class;
	const char *name;  /* "maxseg" */
	const char *field; /* NULL: whether the header is there */
	const struct datatype *type;
	uint8_t number;
	uint16_t off, len; /* bits, from the header's first byte */
};
/* Ends with class EXTHDR_NONE. */
extern const struct exthdr exthdrs[];

/* By name; field NULL: the header itself.  NULL when there is none. */
const struct exthdr *exthdr_find(enum exthdr_class class, const char *name, const char *field);
/* The first that has this place. */
const struct exthdr *exthdr_at(enum exthdr_class class, uint8_t number, unsigned off,
			       unsigned len);
/* The first row of the header; NULL: it has no name. */
const struct exthdr *exthdr_number(enum exthdr_class class, uint8_t number);

/* Of an EXPR_SELECTOR.  False when it is no such thing. */
bool expr_exthdr(const struct expr *selector, struct exthdr *ret);

#endif
