/* compile.h - what the two halves of the compiler share: compile.c lays out tables, chains
 * and statements, compile_expr.c turns matches and values into instructions. */
#ifndef CTFW_RULESET_COMPILE_H
#define CTFW_RULESET_COMPILE_H

#include "ruleset/program.h"

/* A program that grows.  Out of memory is sticky. */
struct builder {
	struct program *program;
	uint32_t cap_code, cap_bases, cap_chains, cap_rules, cap_pairs, cap_lookups, cap_logs,
		cap_actions, cap_sets, cap_targets, cap_states, cap_dynsets, cap_made,
		cap_objects, cap_mangles, cap_nats, cap_variants;
	bool failed;
	/* When NAT was hooked up, for each family: among chains.  0: it is not. */
	uint64_t nat_registered[2];
	/* What is being compiled. */
	uint8_t l3; /* enum l3: for packets of this family */
	const struct table *table;
	uint32_t first_chain; /* number of the table's first one */
	uint32_t first_target;
	uint32_t first_object, n_objects;
	uint32_t rule;
	unsigned hashes; /* that are around what is compiled, of concatenations */
	/* What the rule has made sure of so far, as nft keeps its protocol context. */
	bool known_l3;
	bool known_l4;
};

/* What compiling a statement came to. */
enum outcome {
	OUTCOME_NONE = 0,
	OUTCOME_GOES_ON,
	OUTCOME_NEVER, /* no packet of this family gets beyond it: the rule ends here */
};

/* Append an instruction. */
void compile_emit(struct builder *b, struct insn insn);
/* compile_state.c: a limit or its like, which then must let the rule go on; those of elements;
 * and what one says. */
void compile_state(struct builder *b, enum state_kind kind, const struct stateful *s);
struct program_variants compile_variants(struct builder *b, const struct set *set);
struct program_state compile_state_of(enum state_kind kind, const struct stateful *s);
/* Index of a new pair, of a new look-up (ranges are sorted in place). */
uint32_t compile_pair(struct builder *b, struct wide first, struct wide second);
/* A generator of numbers. */
uint32_t compile_made(struct builder *b, const struct program_made *made);
uint32_t compile_lookup(struct builder *b, struct wide_range *ranges, size_t n, unsigned bits);

/* Index of a new place to write to. */
uint32_t compile_mangle(struct builder *b, const struct mangle *m);

enum outcome compile_match(struct builder *b, const struct stmt *s);
/* compile_set.c: what is looked up in sets and maps. */
enum outcome compile_look_up(struct builder *b, const struct stmt *s);
enum outcome compile_vmap(struct builder *b, const struct stmt *s);
enum outcome compile_map(struct builder *b, const struct expr *map, const struct key_type *to);
/* The same as bytes, from at on behind the key; interval: with ends. */
enum outcome compile_map_bytes(struct builder *b, const struct expr *map,
			       const struct key_type *to, bool interval, unsigned at);
/* compile_nat.c */
enum outcome compile_nat(struct builder *b, const struct stmt *s);
enum outcome compile_dynset(struct builder *b, const struct stmt *s);
enum outcome compile_object_map(struct builder *b, const struct stmt *s);
/* The parts of a key into its bytes, from at on; of: the keys of the named set that they are
 * looked up in by single values, else NULL. */
enum outcome compile_key_at(struct builder *b, const struct expr *key,
			    const struct key_type *of, unsigned at);
/* Remember the table's chains for these. */
void compile_targets(struct builder *b);
/* compile.c: room for one more; false when out of memory. */
bool compile_room_set(struct builder *b);
bool compile_room_nat(struct builder *b);
bool compile_room_dynset(struct builder *b);
bool compile_room_state(struct builder *b);
bool compile_room_variant(struct builder *b);
bool compile_room_target(struct builder *b);
/* A field into the accumulator of its width, acc or the wide one. */
enum outcome compile_field(struct builder *b, const struct expr *left, bool *ret_wide);
/* The same with all that its operations leave in a register. */
enum outcome compile_whole(struct builder *b, const struct expr *left, bool *ret_wide);
void compile_constant(struct builder *b, const struct expr *e);
/* compile_value.c: a value of that type into the accumulator, for the statements that set
 * something. */
enum value_for {
	VALUE_FOR_HOST, /* marks and their like */
	VALUE_FOR_HEADER,
	VALUE_FOR_NAT,
};
enum outcome compile_value(struct builder *b, const struct datatype *dt, enum value_for what,
			   const struct expr *e);
/* compile_field.c: whether a number lies in nf_tables' registers in the host's byte order, and
 * here in the other one. */
bool compile_is_turned(const struct expr *left);
/* n bytes of the key from at on, the last one first: as such a register has them. */
void compile_turn(struct builder *b, unsigned at, unsigned n);
/* compile_field.c: what OP_FIELD or its like loads for a selector, and whether that is more
 * than 32 bits; what it is of (jhash) is loaded first.  False: it loads nothing so. */
bool compile_op_field(struct builder *b, const struct expr *selector, struct insn *ret_insn,
		      bool *ret_wide);

#endif
