/* command.h - what parse makes of a text: one command after another.
 *
 * Names and strings are tokens: they point into the sources, which live as long as the
 * parser.  Expressions are as written, symbols not looked up yet; check does that. */
#ifndef CTFW_RULESET_COMMAND_H
#define CTFW_RULESET_COMMAND_H

#include "ruleset/lex.h"
#include "ruleset/model.h"

enum command_op {
	COMMAND_NONE = 0, /* the text is at its end */
	COMMAND_ADD,
	COMMAND_CREATE,
	COMMAND_INSERT,
	COMMAND_REPLACE,
	COMMAND_DELETE,
	COMMAND_DESTROY, /* delete, but what is not there is no error */
	COMMAND_LIST,
	COMMAND_FLUSH,
	COMMAND_RENAME,
	COMMAND_RESET,
	COMMAND_GET,
	COMMAND_DESCRIBE,
};

enum command_object {
	OBJECT_NONE = 0,
	OBJECT_TABLE,
	OBJECT_CHAIN,
	OBJECT_RULE,
	OBJECT_RULESET,
	OBJECT_TABLES,
	OBJECT_CHAINS,
	OBJECT_NAMED,  /* one of a kind: ct helper ... */
	OBJECT_KIND,   /* all of a kind: ct helpers ... */
	OBJECT_FLOWTABLE,
	OBJECT_FLOWTABLES,
	OBJECT_HOOKS,
	OBJECT_SET,
	OBJECT_SETS, /* all sets, maps or meters */
	OBJECT_ELEMENT,
	OBJECT_OTHERS, /* sets, counters ...: lists of what no table has yet */
};

/* Where among others something is hooked: a number, or a name with what is added to it. */
struct priority_spec {
	struct span span;
	char name[16]; /* "": the number alone */
	int32_t number;
};

/* A chain's declaration. */
struct chain_spec {
	struct token name;
	struct span span;
	bool base, has_policy, drop;
	enum chain_type type;
	enum hook hook;
	struct span hook_span, policy_span;
	struct priority_spec priority;
	char *comment;
};

/* A rule as written. */
struct rule_spec {
	struct token chain;
	struct span span;
	struct stmts stmts;
	char *comment;
	/* jump { rule; ... }: what is in the braces. */
	bool has_block, within; /* within: it is in one */
	struct rule_spec *block;
	size_t n_block, cap_block;
};

/* A named object as written; what it says is in the object already, as far as it needs neither
 * the table nor its own protocol. */
#define OBJECT_NAME_MAX_LEN 255
#define OBJECT_MAX_VALUES 32
struct policy_value {
	struct token state;
	uint32_t seconds;
};
struct object_spec {
	struct token name;
	struct object *object;
	struct span l3_span, l4_span, type_span; /* source NULL: not written */
	struct policy_value values[OBJECT_MAX_VALUES];
	size_t n_values;
};

/* A flowtable as written: its hook and its devices. */
struct flowtable_spec {
	struct token name;
	bool has_hook;
	struct priority_spec priority;
	struct span hook_span;
	struct flowtable *flowtable; /* what is known of it */
};

/* A named set or map as written: its elements are not in the set yet. */
struct set_spec {
	struct token name;
	struct span type_span; /* source NULL: it has no type */
	struct set *set;
	bool map;
	struct expr *elements; /* EXPR_SET, or NULL */
	struct set_batch *packed; /* elements that are not in there (parse_packed.c), or NULL */
	/* Of what was saved: the variants of its elements, the numbers ascending. */
	struct variant_spec {
		uint32_t number;
		struct stmts stmts;
	} *variants;
	size_t n_variants, cap_variants;
};

/* What lists tell apart. */
enum set_class { SETS, MAPS, METERS };

enum place_kind { PLACE_NONE = 0, PLACE_HANDLE, PLACE_INDEX };

struct command {
	enum command_op op;
	enum command_object object;
	struct span span, word; /* all of it; its first word */
	enum family family;	/* FAMILY_NONE: none named, which means ip, or all in lists */
	enum object_kind kind;	/* of a named object */
	struct token table, chain, new_name; /* kind TOKEN_END: not named */
	struct token name;		     /* of an object or a flowtable */
	enum place_kind place;		     /* by handle, or for rules by index */
	uint64_t place_number;
	struct span place_span;
	struct expr *describes; /* describe: that, or */
	const struct datatype *type;
	unsigned table_flags;
	bool has_table_flags;
	char *table_comment;
	/* add table, add chain: chains are added before any rule, as nft does. */
	struct chain_spec *chains;
	size_t n_chains, cap_chains;
	struct object_spec *objects; /* behind the chains, before the rules */
	size_t n_objects, cap_objects;
	struct flowtable_spec *flowtables;
	size_t n_flowtables, cap_flowtables;
	struct set_spec *sets; /* likewise */
	size_t n_sets, cap_sets;
	struct expr *elements; /* of the element commands: EXPR_SET */
	enum set_class which; /* of OBJECT_SETS */
	struct rule_spec *rules; /* of chains with a block; of the rule commands one */
	size_t n_rules, cap_rules;
};

void command_fini(struct command *c);

#endif
