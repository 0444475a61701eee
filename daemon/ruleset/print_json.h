/* print_json.h - a ruleset as JSON after libnftables-json(5), byte for byte as nft 1.0.6
 * writes it, for the listing commands.
 *
 * Where nft's loses something that its text has, such as comments of tables and chains, it is
 * there all the same, under the name that later versions of nft have for it.
 *
 * Files: print_json.c tables, chains, rules and documents; print_json_expr.c expressions;
 * print_json_stmt.c statements; print_json_object.c named objects; print_json_set.c sets and
 * maps; print_json_stateful.c statements and objects that remember something. */
#ifndef CTFW_RULESET_PRINT_JSON_H
#define CTFW_RULESET_PRINT_JSON_H

#include "ruleset/json_out.h"
#include "ruleset/model.h"

/* { "nftables": [ { "metainfo": ... }, and its end with a newline. */
void print_json_begin(struct text *out);
void print_json_end(struct text *out);

/* Elements of the document: { "table": ... } and so on. */
void print_json_table(const struct table *t, struct text *out);
void print_json_chain(const struct table *t, const struct chain *c, struct text *out);
/* All of a table that have names. */
void print_json_chains(const struct table *t, struct text *out);
void print_json_rule(const struct table *t, const struct chain *c, const struct rule *r,
		     unsigned flags, struct text *out);
void print_json_object(const struct table *t, const struct object *o, unsigned flags,
		       struct text *out);
void print_json_flowtable(const struct table *t, const struct flowtable *f, struct text *out);
/* mono: by which elements expire. */
void print_json_set(const struct table *t, const struct set *s, unsigned flags, uint64_t mono,
		    struct text *out);
void print_json_element(const struct table *t, const struct set *s,
			const struct set_element *el, unsigned flags, uint64_t mono,
			struct text *out);
/* A table with everything in it; a chain and its rules. */
void print_json_whole(const struct table *t, unsigned flags, uint64_t mono, struct text *out);
void print_json_rules(const struct table *t, const struct chain *c, unsigned flags,
		      struct text *out);

/* ---- between the files ---- */

void print_json_expr(const struct expr *e, unsigned flags, struct text *out);
void print_json_map(const char *word, const struct expr *key, const struct expr *set,
		    unsigned flags, struct text *out);
void print_json_verdict(enum rule_verdict verdict, const char *chain, struct text *out);
/* Several flags: as a list, or as operations. */
void print_json_flags(const struct expr *e, bool list, unsigned flags, struct text *out);
void print_json_value(const struct datatype *dt, const struct value *v, unsigned flags,
		      struct text *out);
void print_json_stmt(const struct rule *r, const struct stmt *s, unsigned flags,
		     struct text *out);
void print_json_stateful(const struct rule *r, const struct stmt *s, unsigned flags,
			 struct text *out);
/* Its members. */
void print_json_stateful_object(const struct object *o, unsigned flags, struct text *out);

#endif
