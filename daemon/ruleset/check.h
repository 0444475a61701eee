/* check.h - a rule as written to a rule as it is kept.
 *
 * Files: check.c statements and the rule as a whole; check_expr.c types, constants and sets;
 * normal.c the normal form of matches; protocol.c which protocols a rule has asked for, and
 * the matches that it needs for that; imply.c which of these a listing leaves out.
 *
 * nft checks a rule, sends it to the kernel as plain loads and comparisons, and lists what it
 * can read back from these.  What that does to a rule is done here in one step. */
#ifndef CTFW_RULESET_CHECK_H
#define CTFW_RULESET_CHECK_H

#include "ruleset/command.h"
#include "ruleset/datatype.h"
#include "ruleset/field.h"
#include "ruleset/key.h"

/* Protocols that a rule's matches have settled so far.  -1: none yet. */
struct protocols {
	enum family family;
	int l3;		       /* enum l3, or 0: another one */
	int l4;		       /* number, or PROTOCOLS_OTHER */
	int message;	       /* ICMP's type, of a set the last one */
	bool l3_many, l4_many; /* one of several: nothing of one of them may be matched */
	bool l4_of_flow;       /* `ct protocol` says so: a packet's own comes in its place */
};
#define PROTOCOLS_NONE	(-1)
#define PROTOCOLS_OTHER 256 /* one that nft has no headers of */

struct checker {
	struct diag *d;
	const struct table *table; /* whose sets the rule may name; NULL: not known */
	struct protocols proto;
	struct stmts out;
	const struct locale *locale; /* that it is written in */
	bool verbatim;
	bool hashed; /* what is looked at is hashed, alone */
	unsigned hashes; /* so many concatenations that are hashed are around it */
	bool apart; /* what needs different protocols may stand side by side */
	bool oom;
};

/* Check what was written for a table of that family, in that locale.  Takes the statements and
 * the comment out of spec.  verbatim: what was saved is in normal form already, and stays as it
 * is even where another listing would come of it when it were loaded anew.  0; -EINVAL with
 * errors said; -ENOMEM. */
int rule_check(enum family family, const struct table *table, const struct locale *locale,
	       bool verbatim, struct rule_spec *spec, struct diag *d, struct rule **ret_rule);

/* ---- between the files; false: an error was said, or memory is out ---- */

bool check_oom(struct checker *ck);
/* The right side: symbols to values of that type. */
bool check_constant(struct checker *ck, const struct datatype *dt, struct expr **e);
/* A checked range ends where it begins, or behind. */
bool check_forward(struct checker *ck, const struct datatype *dt, const struct expr *range);
/* Likewise, one value of it. */
bool check_single(struct checker *ck, const struct datatype *dt, struct expr **e);
/* A match's left side: a selector, or operations with constants on one. */
bool check_left(struct checker *ck, struct expr *left);
/* What a selector is of, as far as it is (jhash): a field, or a CONCAT of some. */
bool check_hashed(struct checker *ck, struct expr *selector);
/* The type of the selector at the bottom of a left side. */
const struct datatype *expr_type(const struct expr *left);
/* A field that is looked at: a left side, the protocols that it needs, its normal form. */
bool check_field(struct checker *ck, struct expr **left);
/* check_set.c: a key that is looked up in a set: a field, or a CONCAT of some. */
bool check_key(struct checker *ck, struct expr **key);
/* The set that a checked key is looked up in: an EXPR_SET, whose items are checked and sorted,
 * or an EXPR_SETREF.  data: what it maps to. */
/* A constant of these types. */
bool check_typed(struct checker *ck, const struct key_type *type, struct expr **e);
/* Says that there is no such set; false. */
bool check_no_set(struct checker *ck, const struct expr *ref);
/* stmt_dynset.c */
bool check_dynset(struct checker *ck, struct stmt *s);
/* A map that gives values of these types, or where ranges says so ranges of them. */
bool check_map(struct checker *ck, const struct key_type *to, bool ranges, struct expr *map);
/* Items of a set, one after the other: those of sets within sets are among them.  They point
 * into the set's expression. */
struct items {
	struct checker *ck;
	struct element_type type;
	const struct set *set; /* one that has a name; NULL: within a rule */
	bool deleting;	       /* data may be left out */
	struct item {
		struct expr *e, *key, *data;
		struct element_extra *extra;
	} *v;
	size_t n, cap;
};
/* Elements of a named set, to be added, or to be deleted or looked for; the caller frees v. */
bool check_elements(struct items *items, const struct set *s, bool deleting,
		    struct expr *elements);
bool check_look_up(struct checker *ck, const struct expr *key, enum data_kind kind,
		   const struct key_type *data, struct expr **set);
/* Likewise a map of objects of that kind. */
bool check_object_map(struct checker *ck, const struct expr *key, enum object_kind kind,
		      struct expr **set);
/* shift.c: the outermost operation on what is compared goes over to the constants, where it
 * does. */
bool shift_move(struct checker *ck, struct stmt *s);
/* The same of a key and what it is looked up in, when that is an EXPR_SET. */
bool shift_move_key(struct checker *ck, struct expr **key, struct expr *set);
/* False with an error: shifts of what is compared with values that are no plain numbers. */
bool shift_is_number(struct checker *ck, const struct expr *left);
/* The number of bits of a shift, and whether the type has such. */
#define SHIFT_MOST 31 /* nft_bitwise_init_shift() */
bool shift_check(struct checker *ck, const struct datatype *dt, struct expr *op);
/* The constant of another operation on a field of that type: behind a shift a number. */
bool shift_operand(struct checker *ck, const struct datatype *dt, struct expr *op);
/* The shifts that are left at last are by one bit or more. */
bool shift_is_some(struct checker *ck, const struct expr *left);
/* A left side, which is taken over, in its shortest form; NULL: out of memory. */
struct expr *normal_form(struct expr *e);
/* A left side, checked, to normal form. */
bool normal_left(struct checker *ck, struct expr **left);
/* To normal form, both sides checked. */
bool normal_match(struct checker *ck, struct stmt *s);
/* What is set: a map, or */
bool check_value(struct checker *ck, const struct datatype *dt, struct expr **value);
/* What is set: fold constants, order the operations. */
bool normal_value(struct checker *ck, const struct datatype *dt, struct expr **e);

/* What a limit or a quota says is possible; in stmt_stateful.c, for objects as well. */
bool stateful_check(struct diag *d, const struct span *at, enum state_kind kind,
		    const struct stateful *s);
/* Statements that elements of sets are to have. */
bool check_element_stmts(struct diag *d, const struct stmts *stmts, unsigned set_flags);
/* Likewise, of an element or a rule that states its own: as many as the set declares, of the
 * same kinds, where it declares any. */
bool check_own_stmts(struct diag *d, const struct stmts *stmts, const struct set *set);

void protocols_init(struct protocols *proto, enum family family);
/* What the selector needs is matched before, or is impossible. */
bool protocols_need(struct checker *ck, const struct expr *selector, const struct span *at);
/* The type of ICMP's message that alone has the field; false: others have it, too. */
bool protocols_message(enum selector_id selector, uint8_t *ret_type);
/* Raw payload becomes the field of a header that is known to lie there. */
void protocols_name(const struct protocols *proto, struct expr *left);
/* The field of a known header that begins where f does and is no longer, or an address. */
enum selector_id protocols_begins(const struct protocols *proto, const struct field *f);
/* raw.c: in the place of a match of raw payload those of the fields that it is; all but the
 * last go before it. */
bool raw_name(struct checker *ck, struct stmt *s);
/* What remains to be done of a match whose right side is checked. */
bool check_named(struct checker *ck, struct stmt *s);
/* The same for a reject statement; its matches go to the rule's start. */
bool protocols_need_tcp(struct checker *ck, const struct span *at);
bool protocols_need_l3(struct checker *ck, enum l3 l3, const struct span *at);
/* A field of a flow whose type the rule's protocols decide: `ct original saddr` becomes that of
 * ip or ip6. */
bool protocols_settle(struct checker *ck, struct expr *left);
/* In a key of a set or map the rule must say it itself: nft does not guess there. */
bool protocols_written(struct checker *ck, const struct expr *e);
/* Learn from a match. */
void protocols_learn(struct protocols *proto, const struct stmt *match);

/* Join matches of adjacent fields, as nft does, and mark those that a listing leaves out. */
bool imply_order(enum family family, struct stmts *stmts);
void imply_mark(enum family family, struct stmts *stmts);

#endif
