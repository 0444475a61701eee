/* transaction.h - commands to a new ruleset, all or none.
 *
 * The ruleset that is worked on shares everything with the old one and copies what it changes,
 * so that a failed attempt is simply dropped.
 *
 * Files: transaction.c the attempt as a whole; change.c commands that change something,
 * change_chain.c, change_set.c, change_object.c and change_flowtable.c those of what tables
 * have beside chains; list.c commands that show something, list_hooks.c one of them; echo.c
 * what -e shows; graph.c which chains lead to which, at the end. */
#ifndef CTFW_RULESET_TRANSACTION_H
#define CTFW_RULESET_TRANSACTION_H

#include "ruleset/check.h"
#include "ruleset/print.h"

/* A statement added that is judged by the whole at the end: a jump or a reject. */
struct mention {
	struct span span;
	enum family family;
	struct token table, chain;
	char *target; /* of a jump; else NULL */
	unsigned site; /* enum site_id */
};

enum echo_kind {
	ECHO_TABLE,
	ECHO_CHAIN,
	ECHO_OBJECT,
	ECHO_FLOWTABLE,
	ECHO_RULE,
	ECHO_SET,
	ECHO_ELEMENT
};
/* Something added, to be shown when all is well. */
struct echo {
	enum echo_kind kind;
	enum command_op op;
	uint64_t table, handle; /* handles: names may change meanwhile */
	uint64_t chain;		/* of a rule */
	unsigned flags;		/* of a table, as it was asked for */
	size_t command;		/* of a JSON document: its place there, from 1; else 0 */
	char *text;		/* of an element: as it is printed; owned */
};

/* How often names are mentioned in a table; see uses.c. */
struct uses {
	uint64_t table; /* its handle; 0: nothing is counted */
	struct use {
		uint32_t hash;
		bool there;
		int n;
	} *v; /* open addressing */
	size_t size, n;
	bool failed; /* out of memory: nothing is known */
};

struct json_feed;
struct transaction {
	const struct ruleset_input *input;
	const struct json_feed *json; /* of a document; NULL: commands are in words */
	struct diag *d;
	const struct ruleset *old; /* as it was */
	struct ruleset *rs;
	struct text out; /* of listings */
	bool changed;
	bool rules; /* more than elements was changed */
	bool whole; /* more was changed than step says */
	struct text step; /* commands that make the changes of elements again */
	size_t step_items; /* of the last of them */
	bool verbatim; /* what was saved: see rule_check() */
	struct mention *mentions;
	size_t n_mentions, cap_mentions;
	struct echo *echoes;
	size_t n_echoes, cap_echoes;
	struct later {	     /* what is done to dynamic sets when all is well */
		struct set_dynamic *set; /* a reference */
		uint8_t key[SET_KEY_MAX];
		bool flush;
	} *later;
	size_t n_later, cap_later;
	struct uses uses;
	struct rule **fresh; /* rules that have no slots yet; references */
	size_t n_fresh, cap_fresh;
	struct object **fresh_objects;
	size_t n_fresh_objects, cap_fresh_objects;
};

/* ruleset_apply(), and for what was saved. */
int transaction_apply(struct ruleset *old, const struct ruleset_input *input, bool verbatim,
		      struct diag *d, struct text *out, struct ruleset **ret_new);

/* 0; -EINVAL with an error said; -ENOMEM. */
int change_apply(struct transaction *tx, struct command *c);
/* step.c: tell what becomes of a set's elements; and hand it to the new ruleset. */
void step_begin(struct transaction *tx, const struct table *t, const struct set *s,
		enum command_op op);
void step_element(struct transaction *tx, const struct table *t, const struct set *s,
		  enum command_op op, const struct set_element *el);
void step_end(struct transaction *tx);
void step_take(struct transaction *tx);
/* uses.c: false when no rule and no element of the table names a chain, set or object so.  What
 * changes from then on is to be told: rules that come and go, and chains that are renamed; of
 * elements that name something, that all is to be counted again. */
bool uses_may_name(struct transaction *tx, const struct table *t, const char *name);
void uses_add_rule(struct transaction *tx, const struct table *t, const struct rule *r);
void uses_remove_rule(struct transaction *tx, const struct table *t, const struct rule *r);
void uses_rename(struct transaction *tx, const struct table *t, const char *old,
		 const char *name);
void uses_forget(struct transaction *tx);
/* change.c: put a rule into a chain. */
int rule_add_to(struct transaction *tx, const struct command *c, struct table *t, size_t at,
		struct rule_spec *spec);
/* change_block.c: make the block that a rule has, if any, before the rule is made. */
int block_add(struct transaction *tx, const struct command *c, struct table *t,
	      struct rule_spec *spec);
/* A rule goes from the table, and its block with it. */
void rule_leaves(struct transaction *tx, struct table *t, const struct rule *r);
/* Once chains have become others: rules have them as blocks. */
int blocks_relink(struct table *t);
/* change_chain.c, for change.c: the same of chains. */
int chain_add(struct transaction *tx, struct table *t, struct chain_spec *spec,
	      enum command_op op);
int chain_delete(struct transaction *tx, const struct command *c, size_t table);
int chain_flush(struct transaction *tx, struct table *t, size_t at);
int chain_rename(struct transaction *tx, const struct command *c);
int list_hooks(struct transaction *tx, enum family wanted);
int describe_apply(struct transaction *tx, const struct command *c);
/* What lists of sets show; the set that one names, MODEL_NONE with an error said. */
bool set_of_class(const struct set *s, enum set_class which);
size_t set_of_command(struct transaction *tx, const struct table *t, const struct command *c);
/* list_json.c: the same as JSON. */
int list_json(struct transaction *tx, const struct command *c, unsigned flags);
int list_apply(struct transaction *tx, struct command *c);
int graph_check(struct transaction *tx);
void echo_print(const struct transaction *tx, struct text *out);
/* echo_json.c, for echo.c. */
void echo_json_table(const struct echo *e, const struct table *t, struct text *out);
void echo_json_chain(const struct echo *e, const struct table *t, const struct chain *c,
		     struct text *out);
void echo_json_flowtable(const struct echo *e, const struct table *t,
			 const struct flowtable *f, struct text *out);
void echo_json_object(const struct transaction *tx, const struct echo *e, const struct table *t,
		      const struct object *o, struct text *out);
void echo_json_rule(const struct transaction *tx, const struct echo *e, const struct table *t,
		    const struct chain *c, const struct rule *r, struct text *out);
void echo_json_set(const struct transaction *tx, const struct echo *e, const struct table *t,
		   const struct set *s, struct text *out);
void echo_json_document(const struct transaction *tx, const struct json_feed *f,
			struct text *out);

/* Takes target over, also on failure. */
bool transaction_mention(struct transaction *tx, const struct mention *m);
bool transaction_echo(struct transaction *tx, const struct echo *echo);
bool transaction_fresh(struct transaction *tx, struct rule *r);
/* Note an element that is added: to be shown, and where its verdict leads.  0; -EINVAL with an
 * error said; -ENOMEM. */
int transaction_element(struct transaction *tx, const struct table *t, const struct set *s,
			const struct set_element *el);
bool transaction_fresh_object(struct transaction *tx, struct object *o);

/* What was written as a priority at the hook, as a number. */
int transaction_priority(struct transaction *tx, const struct priority_spec *spec,
			 unsigned hook, int32_t *ret);

/* Delete an element that packets have added, or with key NULL all of them, once everything has
 * gone well.  0 or -ENOMEM. */
int transaction_later(struct transaction *tx, struct set_dynamic *set, const uint8_t *key,
		      size_t len);

/* Where what a command names is; MODEL_NONE with an error said. */
size_t transaction_table(struct transaction *tx, enum family family, const struct token *name);
size_t transaction_chain(struct transaction *tx, const struct table *t,
			 const struct token *name);
size_t transaction_object(struct transaction *tx, const struct table *t, enum object_kind kind,
			  const char *name, const struct span *span);
size_t transaction_rule(struct transaction *tx, const struct chain *c, uint64_t handle,
			const struct span *at);
/* change_flowtable.c and change_object.c, for change.c: add what was written (op says whether
 * it may exist), delete what the command names, by name or handle. */
int flowtable_add(struct transaction *tx, struct table *t, struct flowtable_spec *spec,
		  enum command_op op);
int flowtable_delete(struct transaction *tx, const struct command *c, size_t table);
size_t flowtable_named(struct transaction *tx, const struct table *t, const struct command *c);
int object_add(struct transaction *tx, struct table *t, struct object_spec *spec,
	       enum command_op op);
int object_delete(struct transaction *tx, const struct command *c, size_t table);
/* change_set.c: add a set as it was written, but for its elements, which come when all that
 * they may name is there; elements of a set, added or deleted. */
/* Make the sets that a rule changes places for what packets add. */
int set_wake(struct transaction *tx, struct table *t, const struct rule *r);
/* The sets that a rule's packets change. */
int dynsets_prepare(struct transaction *tx, struct table *t, const struct rule_spec *spec);
/* The sets of a rule's meters; and without those that no rule names any more. */
int meters_add(struct transaction *tx, struct table *t, struct rule_spec *spec);
int meters_sweep(struct transaction *tx);
/* change_dynset.c: the number of these among the statements of the set's elements; the sets
 * know those of all rules that add to them. */
int variant_of(struct transaction *tx, const struct set *s, const struct stmts *stmts,
	       const struct span *at, uint32_t *ret_number);
int dynsets_settle(struct transaction *tx);
int set_add(struct transaction *tx, struct table *t, struct set_spec *spec, enum command_op op);
int set_fill(struct transaction *tx, struct table *t, struct set_spec *spec);
/* Said at the span; -EINVAL. */
int set_error(struct transaction *tx, const struct span *span, const char *why);
bool set_may_change(struct transaction *tx, const struct table *t, size_t at,
		    const struct span *span);
/* change_element.c */
/* What parse_packed() has read; uses the batch up. */
int element_add_packed(struct transaction *tx, struct table *t, size_t at,
		       const struct span *span, struct set_batch *batch);
int element_change(struct transaction *tx, struct table *t, size_t at, enum command_op op,
		   struct expr *elements);
int element_get(struct transaction *tx, struct command *c, size_t table);
int set_delete(struct transaction *tx, const struct command *c, size_t table);
int set_flush(struct transaction *tx, const struct command *c, size_t table);
/* Where the set that a command names is; MODEL_NONE with an error said. */
size_t set_named(struct transaction *tx, const struct table *t, const struct command *c);
/* Where the object that a command names is; MODEL_NONE with an error said. */
size_t object_named(struct transaction *tx, const struct table *t, const struct command *c);
/* ip where none is named. */
static inline enum family command_family(const struct command *c)
{
	return c->family == FAMILY_NONE ? FAMILY_IP : c->family;
}

#endif
