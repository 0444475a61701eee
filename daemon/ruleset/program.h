/* program.h - a ruleset compiled: what compile.c makes and eval.c runs.
 *
 * A program is one array of instructions, 16 bytes each.  Everything is compiled twice,
 * for IPv4 and for IPv6 packets, so that no packet is asked for its family: what a rule
 * says about it is decided here, and a rule that can never match is not there at all.
 *
 * A rule is a run of instructions.  Most load a value and compare it at once; when that
 * fails, evaluation goes on at `next`, the first instruction of the next rule.  A chain
 * ends with a RETURN.
 *
 *     ct state established,related accept  ->  STATE_NE   state & 6 != 0, else next
 *                                              ACCEPT     rule 0
 *     tcp dport 22 ct state new accept     ->  PORT_EQ    TCP, dport == 22
 *                                              STATE_NE   state & 8 != 0
 *                                              ACCEPT     rule 1
 *
 * Immutable once compiled (but for what numgen has counted), read by every worker.  It holds a
 * reference to its ruleset, whose strings, log statements and counter slots it uses. */
#ifndef CTFW_RULESET_PROGRAM_H
#define CTFW_RULESET_PROGRAM_H

#include "ctfw/mangle.h"
#include "ruleset/lookup.h"
#include "ruleset/model.h"

#define PROGRAM_JUMPS 16 /* NFT_JUMP_STACK_SIZE */
#define PROGRAM_NO_RULE UINT32_MAX

/* What a value is taken from. */
enum load {
	LOAD_NONE = 0,
#define LOAD(id, there, value) LOAD_##id,
#define WIDE(id, there, value)
#include "ruleset/load.def"
#undef LOAD
#undef WIDE
	LOAD_WIDE_ACC, /* from here on 128 bits */
#define LOAD(id, there, value)
#define WIDE(id, there, value) LOAD_##id,
#include "ruleset/load.def"
#undef LOAD
#undef WIDE
	LOAD_COUNT
};

/* What is done with it.  32 bits: a and b are numbers; 128 bits: a is the index of a pair. */
enum test {
	TEST_EQ,  /* value & b == a */
	TEST_NE,  /* value & b != a */
	TEST_IN,  /* a <= value <= a + b; wide: first <= value <= second */
	TEST_OUT, /* not that */
	TEST_GET, /* keep it in the accumulator of its width */
	TEST_COUNT
};

#define OP_TEST(load, test) ((load) * TEST_COUNT + (test))
enum op {
	OP_NONE = 0,
	/* Below OP_BITS: OP_TEST(). */
	OP_BITS = OP_TEST(LOAD_COUNT, 0), /* acc = (acc & a) ^ b */
	OP_WIDE_BITS,   /* the same with pair a */
	OP_SHIFT,       /* acc <<= a; k: acc >>= a */
	OP_WIDE_SHIFT,  /* the wide one, of off bits: likewise (eval_wide_shift()) */
	OP_TURN,        /* the last k bytes of acc, the last one first */
	OP_NARROW,      /* acc = the wide one without its last a bits */
	OP_VALUE,       /* acc = a */
	OP_WIDE_VALUE,  /* the wide one = the first of pair a */
	OP_LOOKUP,      /* acc is (k: is not) in lookup a */
	OP_WIDE_LOOKUP,
	OP_COUNT,       /* slot a */
	OP_LOG,         /* log a */
	OP_CT,          /* acc, or the wide one: field k of the flow, direction off, if there */
	OP_FIELD,       /* acc and the wide one: field k (eval_field()), if there */
	OP_STATE,       /* state a: a limit and its like; b: this rule, which may drop by it */
	OP_ACT,         /* action a; k: its value is acc; b: this rule, which may drop by it */
	OP_WRITE,       /* acc (k: the wide one) at mangle a; b: the rule, which may drop by it */
	OP_SET_OPTION,  /* of TCP, number b: k bytes from off on = acc; a: the rule, likewise */
	OP_RESET_OPTION, /* of TCP, number b; a: this rule, which it may have drop */
	OP_SET_MARK,    /* meta mark = acc */
	OP_SET_PRIORITY,
	OP_SET_CT_MARK,
	OP_HASH,        /* acc = the hash that made a describes, of the key's bytes from off on */
	OP_KEY,         /* k bytes of acc are the key's from off on, padded to four or more */
	OP_WIDE_KEY,    /* the same from the wide one */
	OP_TURN_KEY,    /* k bytes of the key from off on, the last one first */
	OP_DYNSET,      /* dynset a with the key, and the data behind it */
	OP_SET,         /* the key is (k: is not) in set a */
	OP_MAP,         /* acc and wide = what map a has for the key, k bytes */
	OP_VMAP,        /* the verdict that map a has for the key: at one of the next three, and
			 * behind these it goes on; b: this rule */
	OP_SET_TRACE,    /* meta nftrace = acc */
	OP_MAP_BYTES,   /* what map a has for the key, k bytes, is the key's from off on */
	OP_NAT,         /* nat a; at one of the next two: it is mapped, or dropped */
	OP_OBJECT,      /* the object that map a has for the key; b: this rule, which may drop
			 * by it; k: some are ct helpers */
	OP_JUMP,        /* to a, coming back to the next instruction; b: this rule */
	OP_GOTO,        /* to a */
	OP_RETURN,
	OP_ACCEPT,      /* verdicts: rule a */
	OP_DROP,
	OP_REJECT,      /* k: with tcp reset; off: ICMP type << 8 | code */
	OP_END
};
_Static_assert(OP_END <= 256, "an op is a byte");

/* Where the parts of a key go: it itself, the data of an element that is made with it, and what
 * is hashed for one of them, where hashes among that have what they hash behind it. */
enum {
	KEY_DATA = SET_KEY_MAX,
	KEY_HASHED = KEY_DATA + SET_DATA_MAX,
	KEY_BYTES = KEY_HASHED + (HASHES_DEEP_MAX + 1) * SET_KEY_MAX,
};

/* Where the verdicts of OP_VMAP are, from it. */
enum { VMAP_ACCEPT = 1, VMAP_DROP, VMAP_RETURN, VMAP_END };
/* Likewise of OP_NAT. */
enum { NAT_ACCEPT = 1, NAT_DROP };

struct insn {
	uint8_t op;
	uint8_t k;     /* see op and load.def */
	uint16_t off;
	uint32_t next; /* where evaluation goes on when this does not match */
	uint32_t a, b;
};
_Static_assert(sizeof(struct insn) == 16, "four to a cache line");

struct wide_pair {
	struct wide first, second; /* value and mask, or both ends */
};

/* Statements of elements: n of the program's states from first on.  What they remember is with
 * each element. */
struct program_states {
	uint32_t first, n;
};

/* The statements of each variant of a set's elements (model.h): n of the program's from first
 * on. */
struct program_variants {
	uint32_t first, n;
};

/* A set or map that is looked up by bytes. */
struct program_set {
	struct set_content *content; /* a reference */
	struct set_dynamic *dynamic; /* of the ruleset; NULL: packets add nothing to it */
	const struct set *named;     /* NULL: within a rule */
	uint32_t first_target, n_targets; /* of verdict maps: the chains that they may name */
	uint32_t first_object, n_objects; /* of maps of objects: those that they may name */
	struct program_variants variants;
};

/* A statement that adds, renews or deletes an element. */
struct program_dynset {
	struct set_dynamic *set; /* of the ruleset */
	struct set_content *content;
	enum dynset_op op;
	bool has_data;
	uint64_t timeout; /* ns */
	struct program_variants variants;
	uint16_t variant; /* as in the records of those that it adds, and lists */
	uint8_t lists;
};

/* snat and its like. */
struct program_nat {
	enum nat_type type;
	struct nat_range range; /* all that is constant */
	/* Where in the key's bytes the rest is, or NAT_CONSTANT. */
	uint8_t min_addr, max_addr, min_port, max_port;
};
#define NAT_CONSTANT 0xff
/* False: the packet is dropped. */
bool eval_nat(const struct program_nat *nat, struct eval *e, enum hook hook,
	      const uint8_t *key);

/* An object that maps may name. */
struct program_object {
	uint64_t handle;
	bool acts;   /* on the flow */
	uint32_t at; /* its action, or state */
};

/* Where a chain begins, by handle. */
struct program_target {
	uint64_t handle;
	uint32_t start;
};

struct program_chain {
	const char *family, *table, *name; /* the ruleset's strings */
	uint32_t start; /* first instruction */
};

struct program_rule {
	uint64_t handle;
	uint32_t chain;
	uint32_t start;  /* first instruction */
	uint32_t end;    /* the one behind the last */
	bool never;      /* no packet gets to its end */
	uint8_t depends; /* enum depends: the strongest of all that it looks at */
	bool effects;    /* it counts, logs or sets something: it must see every packet */
};

/* Fields of flows that are asked for rarely (eval_ct.c). */
enum ct_field {
	CT_FIELD_NONE = 0,
	CT_FIELD_EXPIRATION,
	CT_FIELD_ID,
	CT_FIELD_L3PROTO,
	CT_FIELD_PROTOCOL,
	CT_FIELD_SADDR4,
	CT_FIELD_DADDR4,
	CT_FIELD_PROTO_SRC,
	CT_FIELD_PROTO_DST,
	CT_FIELD_ZONE,
	CT_FIELD_HELPER, /* from here on 128 bits */
	CT_FIELD_LABEL,
	CT_FIELD_SADDR6,
	CT_FIELD_DADDR6,
	CT_FIELD_BYTES,
	CT_FIELD_PACKETS,
	CT_FIELD_AVGPKT,
};
#define CT_DIR_BOTH 2 /* the sum, or the same both ways */
/* Find an element, and let it count.  False: it is not there, or its statements say no. */
bool eval_find(const struct program *p, const struct program_set *s, struct eval *e,
	       const uint8_t *key, struct set_hit *ret_hit);
/* The object that a map has for a key; NULL: it has none, or is said no to. */
const struct program_object *eval_object(const struct program *p, const struct program_set *s,
					 struct eval *e, const uint8_t *key);
/* Whether there is none. */
bool eval_lacks(const struct program_set *s, const struct eval *e, const uint8_t *key);
enum ct_acted eval_dynset(const struct program *p, const struct program_dynset *d,
			  struct eval *e, const uint8_t *key, const uint8_t *data);
/* False: the flow has none. */
bool eval_ct(const struct eval *e, enum ct_field field, unsigned dir, struct wide *ret);

/* What is asked for rarely (eval_field.c), with what its instruction says beside. */
enum field_kind {
	FIELD_NONE = 0,
	/* b bits of a header from bit a on. */
	FIELD_NETWORK,
	FIELD_TRANSPORT,
	FIELD_INNER,
	/* The same of the header with number off; b is 0: whether it is there. */
	FIELD_IP6,
	FIELD_IP,
	FIELD_TCP,
	FIELD_SCTP,
	/* Of the host and of the moment. */
	FIELD_ZERO,
	FIELD_PRIORITY,
	FIELD_CPU,
	FIELD_RANDOM,
	FIELD_TIME,
	FIELD_DAY,
	FIELD_HOUR,
	FIELD_IIFTYPE,
	FIELD_OIFTYPE,
	FIELD_IIFGROUP,
	FIELD_OIFGROUP,
	FIELD_IIFKIND,
	FIELD_OIFKIND,
	FIELD_NEXTHOP4,
	FIELD_NEXTHOP6,
	FIELD_MTU,
	/* a: enum fib_flag. */
	FIELD_FIB_OIF,
	FIELD_FIB_TYPE,
	/* a: which of the program's. */
	FIELD_NUMGEN_INC,
	FIELD_NUMGEN_RANDOM,
	FIELD_SYMHASH,
};

/* A generator of numbers: 0 to modulus - 1, and offset added. */
struct program_made {
	uint32_t modulus, offset, seed;
	uint8_t len; /* jhash: how many bytes */
	const struct expr *expr; /* whose it is, of numgen inc: both families count together */
	/* numgen inc: the next one.  The only thing in a program that changes. */
	_Atomic uint32_t next;
};

/* In *ret what was loaded before.  False: it is not there, and the rule does not match
 * (NFT_BREAK). */
uint32_t eval_hash(const struct program_made *m, const uint8_t *bytes);
bool eval_field(const struct eval *e, const struct program *prog, const struct insn *i,
		struct wide *ret);

/* eval_made.c: as the kernel shifts what is longer than 32 bits. */
struct wide eval_wide_shift(struct wide x, const struct insn *i);

/* eval_view.c: a packet of IPv6 whose chain conntrack follows elsewhere than rules do
 * (PACKET_NO_L4 or PACKET_AUTH), as rules see it. */
void eval_view(const struct packet *packet, struct packet *ret_seen);
/* eval_write.c */
enum mangled eval_set_option(struct eval *e, const struct insn *i, uint32_t value);
enum mangled eval_write(struct eval *e, const struct mangle *m, struct wide x);

/* A statement that remembers something (eval_state.c). */
struct program_state {
	enum state_kind kind;
	bool over;
	uint32_t slot;
	uint32_t flows;	     /* ct count */
	_Atomic uint64_t *word; /* what it remembers; of elements NULL */
	uint64_t size;	     /* what the limit's bucket holds, or the quota */
	uint64_t cost;	     /* of a packet; of a limit of bytes see limit_cost() */
	uint64_t rate, unit_ns;
};
enum ct_acted eval_state(const struct program *p, const struct program_state *ps,
			 struct eval *e);
/* ct count of an element that packets added; its list is in that word. */
enum ct_acted eval_element_flows(const struct program *p, const struct program_state *ps,
				 struct eval *e, struct set_record *r, unsigned word);

/* A base chain where it is hooked. */
struct program_base {
	uint32_t chain;
	uint32_t start;
	bool drop; /* policy */
	/* What orders them; used by compile only. */
	uint8_t slot;
	int32_t priority;
	uint64_t registered;
};

/* Base chains of a family, hook and stage: n of them from first on. */
struct program_slot {
	uint32_t first, n;
};
#define PROGRAM_SLOTS (2 * HOOK_COUNT * STAGE_COUNT)

static inline unsigned program_slot(uint8_t family, enum hook hook, enum stage stage)
{
	return ((family == L3_IPV6) * HOOK_COUNT + hook) * STAGE_COUNT + stage;
}

struct program {
	struct ruleset *ruleset;
	struct counters *counters; /* of the ruleset; may be NULL */
	struct insn *code;
	struct program_slot slot[PROGRAM_SLOTS];
	unsigned hooks[2]; /* what program_hooks() says of IPv4 and IPv6 */
	struct program_base *bases;
	struct program_chain *chains;
	struct program_rule *rules;
	struct wide_pair *pairs;
	struct lookup **lookups;
	const struct log_spec **logs;
	struct ct_action *actions;
	struct program_set *sets;
	struct program_dynset *dynsets;
	uint32_t n_dynsets;
	struct program_target *targets; /* of each table the chains, sorted by handle */
	struct program_object *objects; /* likewise the objects */
	uint32_t n_sets, n_targets, n_objects;
	struct program_state *states;
	uint32_t n_states;
	struct program_states *variants;
	uint32_t n_variants;
	struct program_nat *nats;
	uint32_t n_nats;
	struct mangle *mangles;
	uint32_t n_mangles;
	uint32_t n_actions;
	struct program_made *made;
	uint32_t n_made;
	uint32_t n_code, n_bases, n_chains, n_rules, n_pairs, n_lookups, n_logs;
};

static inline void eval_count(const struct program *prog, uint32_t slot, const struct eval *e)
{
	counter_add(counter_column(prog->counters, e->worker) + slot, 1, e->packet->len);
}

#endif
