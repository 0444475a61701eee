/* site.h - where statements may stand. */
#ifndef CTFW_RULESET_SITE_H
#define CTFW_RULESET_SITE_H

#include "ruleset/model.h"

/* A base chain's type and hook as one bit. */
#define SITE_BIT(type, hook) (1u << ((type) * HOOK_COUNT + (hook)))

/* Statements and selectors with the same rows below. */
enum site_id {
	SITE_NONE = 0, /* anywhere */
	SITE_REJECT,
	SITE_SNAT,
	SITE_DNAT, /* and redirect */
	SITE_MASQUERADE,
	SITE_FIB_ROUTE, /* fib ... oif and oifname */
	SITE_FIB_IIF,	/* fib ... . iif type */
	SITE_FIB_OIF,
	SITE_MTU,	/* rt mtu */
	SITE_COUNT
};

struct site {
	unsigned allowed; /* SITE_BIT()s of the base chains that may lead there */
	const char *why;  /* what is said of others */
};
extern const struct site sites[SITE_COUNT];

/* Why there can be no such base chain; NULL: there can. */
const char *chain_misplaced(enum chain_type type, enum hook hook, int32_t priority);

enum site_id stmt_site(const struct stmt *s);
/* Of an expression alone, without what is within it. */
enum site_id expr_site(const struct expr *e);

#endif
