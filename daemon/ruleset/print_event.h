/* print_event.h - one change of a ruleset as nft's `monitor` tells it: a line, which is a
 * command or, with json, an object of libnftables-json(5). */
#ifndef CTFW_RULESET_PRINT_EVENT_H
#define CTFW_RULESET_PRINT_EVENT_H

#include "ruleset/model.h"

struct event_printer {
	unsigned flags; /* enum print_flag */
	bool json;
	uint64_t mono; /* by which elements expire */
	struct text *out;
};

enum event_verb {
	EVENT_ADD = 1,
	EVENT_INSERT,
	EVENT_DELETE,
};

void print_event_table(const struct event_printer *p, enum event_verb verb,
		       const struct table *t);
void print_event_chain(const struct event_printer *p, enum event_verb verb,
		       const struct table *t, const struct chain *c);
void print_event_object(const struct event_printer *p, enum event_verb verb,
			const struct table *t, const struct object *o);
void print_event_flowtable(const struct event_printer *p, enum event_verb verb,
			   const struct table *t, const struct flowtable *f);
/* Without its elements. */
void print_event_set(const struct event_printer *p, enum event_verb verb, const struct table *t,
	       const struct set *s);
/* Without what its statements have counted. */
void print_event_element(const struct event_printer *p, enum event_verb verb,
			 const struct table *t, const struct set *s,
			 const struct set_element *el);
/* at: its place in the chain. */
void print_event_rule(const struct event_printer *p, enum event_verb verb,
		      const struct table *t, const struct chain *c, size_t at);
/* One that is gone. */
void print_event_rule_gone(const struct event_printer *p, const struct table *t,
		     const struct chain *c, const struct rule *r);

#endif
