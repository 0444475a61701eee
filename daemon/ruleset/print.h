/* print.h - a ruleset as text, for the listing commands. */
#ifndef CTFW_RULESET_PRINT_H
#define CTFW_RULESET_PRINT_H

#include "ruleset/shown.h"

/* Beside enum print_flag. */
enum {
	PRINT_IMPLIED = 1 << 16, /* what listings leave out as well */
	PRINT_RESET = 1 << 17,	 /* counters and quotas are set to zero as they are shown */
	/* What is counted shows what it began with; blocks of rules are chains. */
	PRINT_SAVED = 1 << 18,
	PRINT_ONE_LINE = 1 << 19, /* blocks of rules, too */
};

/* What goes on lines of its own, without the line's indentation and end. */
void print_rule(const struct rule *r, unsigned flags, struct text *out);
/* The name of the priority with what is added to it, or the number. */
#define PRIORITY_FLOWTABLE HOOK_COUNT /* in the place of a hook: flowtables know filter only */
void print_priority(unsigned hook, int32_t priority, unsigned flags, struct text *out);
const char *chain_type_name(enum chain_type type);
/* Whole blocks. */
void print_object(const struct object *o, unsigned flags, struct text *out);
void print_flowtable_lines(const struct flowtable *f, unsigned flags, const char *indent,
			   const char *end, struct text *out);
void print_flowtable(const struct flowtable *f, unsigned flags, struct text *out);
void print_table(const struct table *t, unsigned flags, uint64_t mono, struct text *out);
void print_chain(const struct chain *c, unsigned flags, struct text *out);
/* The declaration alone, as far as `list chains` shows it. */
void print_chain_head(const struct chain *c, unsigned flags, struct text *out);

/* Priorities that have names.  False: there is none of that name for the hook. */
bool priority_find(const char *name, unsigned hook, int32_t *ret_priority);
/* Names that priorities can have, NULL at the end. */
extern const char *const priority_names[];

/* print_object.c: what stands behind its name in one line. */
void print_object_line(const struct object *o, unsigned flags, struct text *out);

/* print_field.c: a selector with its arguments. */
void print_field(const struct expr *e, unsigned flags, struct text *out);

/* print_set.c.  mono: by which elements expire. */
void print_set(const struct table *t, const struct set *s, unsigned flags, uint64_t mono,
	       struct text *out);
/* A timeout: with -T in seconds. */
void print_set_timeout(uint64_t ms, unsigned flags, struct text *out);
/* Some elements of it alone. */
void print_set_part(const struct table *t, const struct set *s,
		    const struct shown_element *part, size_t n, unsigned flags, uint64_t mono,
		    struct text *out);
void print_set_line(const struct set *s, unsigned flags, struct text *out);
void print_element(const struct table *t, const struct set *s, const struct set_element *el,
		   unsigned flags, uint64_t mono, struct text *out);
/* The data of an element as an expression: names of objects are symbols.  NULL when out of
 * memory, or when it has none. */
struct expr *set_element_data(const struct table *t, const struct set *s,
			      const struct set_element *el);

/* stmt_stateful.c: statements, and the line that an object has beside its comment; false: it
 * has none. */
void print_stateful(const struct rule *r, const struct stmt *s, unsigned flags,
		    struct text *out);
bool print_stateful_object(const struct object *o, unsigned flags, struct text *out);
/* What is shown of it: what it counted, so many bytes used, or so many ms ago; false: never. */
struct counter shown_counter(struct counters *c, const struct stateful *s, unsigned flags);
uint64_t shown_used(const struct counters *c, const struct stateful *s, unsigned flags);
bool shown_last(const struct counters *c, const struct stateful *s, unsigned flags,
		uint64_t *ret_ms);
/* In kbytes or mbytes where it is a whole number of them; the unit. */
const char *shown_bytes(uint64_t *bytes);
const char *shown_time(uint32_t seconds);
/* A statement of an element, which has its state in the slot. */
void print_state(const struct stmt *s, struct counters *counters, uint32_t slot,
		 unsigned flags, struct text *out);

/* print_line.c: the same as commands, a line each.  verb: "add" and its like; flags of a table
 * are those that it was asked for. */
void line_table(const char *verb, const struct table *t, unsigned table_flags, unsigned flags,
		struct text *out);
void line_chain(const char *verb, const struct table *t, const struct chain *c, unsigned flags,
		struct text *out);
void line_object(const char *verb, const struct table *t, const struct object *o,
		 unsigned flags, struct text *out);
void line_set(const char *verb, const struct table *t, const struct set *s, unsigned flags,
	      struct text *out);
void line_flowtable(const char *verb, const struct table *t, const struct flowtable *f,
		    unsigned flags, struct text *out);
void line_rule(const char *verb, const struct table *t, const struct chain *c, size_t at,
	       unsigned flags, struct text *out);
/* what: "chain", "ct helper" ... */
void line_delete(const char *what, const struct table *t, const char *name, struct text *out);
void line_delete_rule(const struct table *t, const struct chain *c, uint64_t handle,
		      struct text *out);

/* print_stmt.c */
void print_expr(const struct expr *e, unsigned flags, struct text *out);
void print_verdict(enum rule_verdict verdict, const char *chain, struct text *out);
/* stmt_dynset.c; and whether the statements of elements are shown */
bool dynset_shows_stmts(const struct stmt *s, unsigned flags);
void print_dynset(const struct rule *r, const struct stmt *s, unsigned flags, struct text *out);
void print_stmt(const struct rule *r, const struct stmt *s, unsigned flags, struct text *out);

#endif
