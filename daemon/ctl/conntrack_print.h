/* conntrack_print.h - flows and events as conntrack(8) prints them: lines, XML, commands. */
#ifndef CTFW_CTL_CONNTRACK_PRINT_H
#define CTFW_CTL_CONNTRACK_PRINT_H

#include <jansson.h>

#include "ctl/conntrack_args.h"

struct conntrack_printer {
	struct ctl *ctl;
	unsigned output;      /* enum conntrack_output */
	bool acct, timestamp; /* as the daemon's configuration wants it */
	const char *root;     /* XML: the element around all, once it is open */
	json_int_t shown;
	json_int_t skipped; /* events, and not yet said */
	long said;	    /* the second in which that was said last */
};

/* What the reply says of how lines should look. */
void conntrack_print_show(struct conntrack_printer *p, const json_t *show);
/* One flow as JSON.  0, or 1 with the reason on ctl->err. */
int conntrack_print_flow(struct conntrack_printer *p, const json_t *flow);
/* One event as JSON, likewise. */
int conntrack_print_event(struct conntrack_printer *p, const json_t *event);
/* One expectation; and what happens to one, as JSON. */
struct expect;
void conntrack_print_expect(struct conntrack_printer *p, const struct expect *e);
int conntrack_print_expect_event(struct conntrack_printer *p, const json_t *event);
/* What stands behind all of it. */
void conntrack_print_end(struct conntrack_printer *p);

#endif
