/* print.h - a ruleset as text, for the listing commands. */
#ifndef CTFW_RULESET_PRINT_H
#define CTFW_RULESET_PRINT_H

#include "ruleset/model.h"

/* Beside enum print_flag. */
enum {
	PRINT_IMPLIED = 1 << 16, /* what listings leave out as well */
	PRINT_RESET = 1 << 17,	 /* counters are set to zero as they are shown */
	PRINT_SAVED = 1 << 18,	 /* counters show what they began with */
};

/* What goes on lines of its own, without the line's indentation and end. */
void print_rule(const struct rule *r, unsigned flags, struct text *out);
/* The name of the priority with what is added to it, or the number. */
#define PRIORITY_FLOWTABLE HOOK_COUNT /* in the place of a hook: flowtables know filter only */
void print_priority(unsigned hook, int32_t priority, unsigned flags, struct text *out);
/* Whole blocks. */
void print_object(const struct object *o, unsigned flags, struct text *out);
void print_flowtable(const struct flowtable *f, unsigned flags, struct text *out);
void print_table(const struct table *t, unsigned flags, struct text *out);
void print_chain(const struct chain *c, unsigned flags, struct text *out);
/* The declaration alone, as far as `list chains` shows it. */
void print_chain_head(const struct chain *c, unsigned flags, struct text *out);

/* Priorities that have names.  False: there is none of that name for the hook. */
bool priority_find(const char *name, unsigned hook, int32_t *ret_priority);
/* Names that priorities can have, NULL at the end. */
extern const char *const priority_names[];

/* print_object.c: what stands behind its name in one line. */
void print_object_line(const struct object *o, unsigned flags, struct text *out);

/* print_stmt.c */
void print_expr(const struct expr *e, unsigned flags, struct text *out);
/* What a counter shows, and resets where that is asked for. */
struct counter print_counter_now(const struct rule *r, const struct stmt *s, unsigned flags);
void print_stmt(const struct rule *r, const struct stmt *s, unsigned flags, struct text *out);

#endif
