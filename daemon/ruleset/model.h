/* model.h - the ruleset as data: what parse makes, check completes, print writes and
 * compile reads.
 *
 * Rules are immutable once checked and reference-counted: a transaction copies tables and
 * chains (arrays of pointers) and shares the rules.  A rule's counters own their slots and
 * give them back when the last reference goes, which is after the last program that might
 * still count in them was freed.
 *
 * Strings are malloc'ed and owned by the object that holds them. */
#ifndef CTFW_RULESET_MODEL_H
#define CTFW_RULESET_MODEL_H

#include "ctfw/diag.h"
#include "ctfw/ruleset.h"
#include "ctfw/set_dynamic.h"
#include "ruleset/name_index.h"
#include "ruleset/set.h"
#include "ruleset/stateful.h"

enum family { /* NFPROTO_* */
	FAMILY_NONE = 0,
	FAMILY_INET = 1,
	FAMILY_IP = 2,
	FAMILY_IP6 = 10,
};
const char *family_name(enum family f); /* "ip", "ip6", "inet" */

/* Kinds of objects that tables have beside chains.  Each kind has names of its own. */
enum object_kind {
	KIND_NONE = 0,
#define OBJECT(id, text, word, plural) KIND_##id,
#include "ruleset/object.def"
#undef OBJECT
	KIND_COUNT
};
const char *object_kind_name(enum object_kind kind); /* "ct helper" */
const char *object_l4_name(uint8_t l4);              /* "tcp", "udp" */

/* The states of timeout policies. */
struct policy_row {
	const char *name;
	uint8_t l4;
	uint32_t seconds; /* nft's default */
};
extern const struct policy_row policy_states[POLICY_COUNT];

/* ---- expressions ---- */

/* What a value depends on: later a verdict may be remembered with its flow as long as
 * nothing but FLOW was looked at. */
enum depends {
	DEPENDS_FLOW = 1,   /* the tuple, the direction, protocols: the same for all packets of
			     * one direction of a flow */
	DEPENDS_STATE,      /* the flow's state, mark or status */
	DEPENDS_PACKET,     /* this packet alone */
	DEPENDS_OBJECT,     /* something that changes by itself */
};

enum value_class {
	VALUE_NONE = 0,
	VALUE_NUMBER, /* up to 64 bits, host order */
	VALUE_ADDR,   /* union addr */
	VALUE_STRING, /* interface name; may end in a wildcard */
};

struct datatype;
struct value;

struct symbol {
	const char *name;
	uint64_t value;
};

/* A type of values: how its constants are named, parsed and printed.  Rows in
 * datatype.c. */
struct datatype {
	const char *name; /* as nft's errors and `describe` name it: "inet_service" */
	const char *desc; /* "internet network service" */
	const char *what; /* in messages: unknown <what> "foo" */
	enum value_class class;
	uint8_t bits;
	uint8_t hex;  /* numbers print as 0x and that many digits; 0: in decimal */
	bool bitmask; /* values are sets of flags: a,b,c means any of them */
	bool prefix;  /* a mask of upper bits prints as /length */
	bool quoted;  /* names print in quotes */
	const struct symbol *symbols; /* ends with name NULL; NULL when it has none */
	/* value_parse() and value_print_whole(), where numbers and names are not all. */
	int (*parse)(const struct datatype *dt, const char *text, struct value *ret,
		     const char **ret_why);
	void (*print)(struct text *out, const struct datatype *dt, const struct value *v,
		      unsigned flags);
	/* Flag n alone, where it has a name that no symbol tells. */
	void (*print_flag)(struct text *out, unsigned n);
	/* Instead of parse, of what is not the same in every locale. */
	int (*parse_local)(const struct locale *locale, const char *text, struct value *ret,
			   const char **ret_why);
};

/* The types of what is joined by dots; n is 1 where nothing is. */
struct key_type {
	const struct datatype *part[SET_PARTS_MAX];
	bool network[SET_PARTS_MAX]; /* a number of a packet's header, kept in network order */
	unsigned n;
};

/* The left side of a match: rows in selector.def.  SELECTOR_<ID>. */
enum selector_id {
	SELECTOR_NONE = 0,
#define SELECTOR(id, ...) SELECTOR_##id,
#define PAYLOAD(id, ...)  SELECTOR_##id,
#include "ruleset/selector.def"
#undef SELECTOR
#undef PAYLOAD
	SELECTOR_COUNT
};
struct selector {
	const char *text; /* "tcp dport" */
	const struct datatype *type;
	uint8_t l3;       /* enum l3 that it needs, 0 any */
	uint8_t l4;       /* protocol number that it needs, 0 any */
	enum depends depends;
};
extern const struct selector selectors[SELECTOR_COUNT];

/* What a selector is asked for beside its name; each says what these are for it. */
struct expr;
struct selector_arg {
	uint32_t a, b, c, d;
	struct expr *of;
};

/* Most concatenations that are hashed within one another. */
#define HASHES_DEEP_MAX 4

struct value {
	union {
		uint64_t num;
		union addr addr;
		struct {
			char s[16];    /* padded with zeroes */
			bool wildcard; /* "wg*": s is what it must begin with */
		} str;
	};
};

enum rule_verdict {
	RULE_NONE = 0,
	RULE_ACCEPT, RULE_DROP, RULE_CONTINUE, RULE_RETURN, RULE_JUMP, RULE_GOTO,
};

enum expr_kind {
	EXPR_NONE = 0,
	EXPR_SYMBOL,   /* a word not looked up yet; gone after check */
	EXPR_SELECTOR,
	EXPR_VALUE,
	EXPR_RANGE,    /* lo-hi, both included */
	EXPR_PREFIX,   /* value/len: the upper len bits count */
	EXPR_LIST,     /* a,b,c of flags; after check one EXPR_VALUE, all of them or'ed */
	EXPR_SET,      /* { a, b-c, d/8 }: anonymous, disjoint items sorted as nft lists them */
	EXPR_CONCAT,   /* a . b: list of its parts */
	EXPR_SETREF,   /* @name: a set or map of the table; symbol is its name */
	EXPR_MAP,      /* key map { a : b }, key map @name: a value */
	EXPR_MAPPING,  /* a : b, an item of a map's set */
	EXPR_VERDICT,  /* accept, jump x: what a verdict map leads to */
	EXPR_ALL,      /* *: an item for all that no other item is */
	EXPR_ELEMENT,  /* an item with more to it: a comment, a timeout, statements */
	EXPR_AND, EXPR_OR, EXPR_XOR, /* left op right; after check right is an EXPR_VALUE */
	EXPR_LSHIFT, EXPR_RSHIFT,    /* left by so many bits; after check 1 to 31 */
};

struct expr {
	enum expr_kind kind;
	struct span span;
	const struct datatype *type; /* set by check; of selectors by parse */
	union {
		struct {
			char *symbol; /* expr_set_symbol() */
			char short_symbol[32]; /* where most have room */
		};
		struct {
			enum selector_id selector;
			struct selector_arg arg;
		};
		struct value value;
		struct { struct expr *lo, *hi; } range;      /* EXPR_VALUE each */
		struct {
			struct value value;
			uint8_t len;
			struct expr *of; /* what value is made from; gone after check */
		} prefix;
		struct { struct expr **item; size_t n; } list; /* LIST, SET and CONCAT */
		struct { struct expr *key, *set; } map;
		struct { struct expr *key, *data; } mapping;
		struct { enum rule_verdict verdict; char *chain; } verdict;
		struct { struct expr *key; struct element_extra *extra; } element;
		struct { struct expr *left, *right; } op;
	};
};

/* ---- statements ----
 *
 * A checked match is in normal form:
 *   left   EXPR_SELECTOR, or bit operations on one: between shifts at most one each of AND,
 *          XOR and OR, in this order from the inside; or EXPR_CONCAT of these
 *   op     IMPLICIT and NOT with an EXPR_VALUE of a bitmask type only
 *   right  EXPR_VALUE, EXPR_RANGE, EXPR_PREFIX, EXPR_SET of these or EXPR_SETREF
 * With EXPR_CONCAT on the left each item of the set is an EXPR_CONCAT of values, ranges and
 * prefixes.  The key of a map or of a verdict map is like a left side, its set is an
 * EXPR_SETREF or an EXPR_SET of EXPR_MAPPINGs.
 * What is set is an EXPR_VALUE or a selector (marks, lengths) with bit operations and
 * shifts. */

enum match_op {
	MATCH_NONE = 0,
	MATCH_IMPLICIT, /* no operator: == for plain types and sets, "any of these bits" for
			 * bitmasks */
	MATCH_EQ, MATCH_NE, MATCH_LT, MATCH_GT, MATCH_LE, MATCH_GE,
	MATCH_NOT, /* "!": none of these bits */
};

enum reject_with {
	REJECT_NONE = 0,
	REJECT_DEFAULT,   /* no `with`: port unreachable of the packet's family */
	REJECT_TCP_RESET,
	REJECT_ICMP, REJECT_ICMPV6, /* code is that of the family's unreachable message */
	REJECT_ICMPX,     /* code is an abstract one (NFT_REJECT_ICMPX_*) */
};

enum nat_flag {
	NAT_RANDOM = 1 << 0,
	NAT_FULLY_RANDOM = 1 << 1,
	NAT_PERSISTENT = 1 << 2,
	NAT_PREFIX = 1 << 3, /* only the upper bits become others */
	NAT_FAMILY = 1 << 4, /* a map of ranges, or with ports: listings say whose addresses */
};

enum stmt_kind {
	STMT_NONE = 0,
	STMT_MATCH, STMT_VERDICT, STMT_REJECT, STMT_COUNTER, STMT_LOG,
	STMT_SET_META, /* meta mark set */
	STMT_SET_CT,   /* ct mark set, ct zone set, ... */
	STMT_OBJECT,   /* ct helper set and its like: an object of the table by name */
	STMT_NOTRACK,
	STMT_VMAP, /* key vmap { a : accept } */
	STMT_LIMIT,
	STMT_QUOTA,
	STMT_LAST,
	STMT_CONNLIMIT, /* ct count */
	STMT_DYNSET, /* add @set { key } and its like */
	STMT_NAT,
	STMT_RESET_OPTION,
	STMT_WRITE, /* ip dscp set, tcp dport set, ...: a field of a header */
};

enum dynset_op { DYNSET_NONE = 0, DYNSET_ADD, DYNSET_UPDATE, DYNSET_DELETE };

struct stmts {
	struct stmt *v;
	size_t n, cap;
};

struct stmt {
	enum stmt_kind kind;
	struct span span;
	union {
		struct {
			struct expr *left; /* SELECTOR, or AND of SELECTOR and a mask */
			enum match_op op;
			struct expr *right;
			/* Print leaves it out, as nft's listing drops protocol
			 * dependencies: a later statement implies it.  It is evaluated
			 * all the same: `reject with icmp ...` implies its family only
			 * in the listing. */
			bool implied;
		} match;
		struct {
			enum rule_verdict verdict;
			char *chain;
			struct chain *block; /* the chain, when it is a block of this rule */
		} verdict;
		struct { enum reject_with with; uint8_t code; } reject;
		struct stateful counter, state; /* of all that remember something */
		struct log_spec log; /* prefix is owned here */
		struct { enum selector_id target; struct expr *value; } set;
		struct {
			enum object_kind kind;
			char *name;             /* NULL: what a map has for a key */
			struct expr *key, *set; /* as of vmap */
		} object;
		struct { struct expr *key, *set; } vmap;
		struct {
			enum dynset_op op;
			bool meter;         /* which makes the set as well, of that size */
			uint32_t size;
			uint64_t timeout;   /* ms; 0: that of the set */
			struct expr *set;   /* EXPR_SETREF */
			struct expr *key, *data; /* data: of a map, else NULL */
			struct stmts stmts; /* that each element gets; none: the set's */
			bool declared;      /* the set declares statements */
		} dynset;
		struct { struct expr *target, *value; } write;
		uint8_t option; /* of TCP, that is reset */
		struct {
			uint8_t type, flags; /* enum nat_type, enum nat_flag */
			uint8_t l3; /* of the addresses; L3_NONE: there are none */
			struct expr *addr, *port; /* NULL: not said */
		} nat;
	};
};

/* What an element of a set has beside its key.  Times: milliseconds, 0 for none, which means
 * the set's. */
struct element_extra {
	char *comment;
	uint64_t timeout, expires;
	struct stmts stmts;
};

/* ---- objects ----
 *
 * Tables and chains are shared between rulesets as rules are; a transaction copies those
 * that it changes (table_own(), chain_own()) before it does. */

struct rule {
	unsigned refs;
	enum family family;        /* of its table */
	struct counters *counters; /* where its slots are given back; NULL: it has none */
	struct rule *origin;       /* whose slots these are, of a copy; NULL: its own */
	uint64_t handle;
	char *comment; /* NULL: none */
	struct stmt *stmts;
	size_t n_stmts;
};

enum chain_type { CHAIN_REGULAR = 0, CHAIN_FILTER, CHAIN_NAT, CHAIN_ROUTE };

struct chain {
	unsigned refs;
	char *name;
	uint64_t handle;
	enum chain_type type;
	enum hook hook;      /* of a base chain */
	int32_t priority;
	bool drop;           /* policy drop */
	bool policy_shown;
	bool bound;          /* the block of a rule, which comes and goes with it */
	uint64_t registered; /* among equal priorities the latest runs first */
	char *comment;
	struct rule **rules;
	size_t n_rules, cap_rules;
};

/* An object of a table that rules name.  Immutable once it is in a table, but for the number of
 * a policy, which it gets once (ruleset_number()). */
struct object {
	unsigned refs;
	enum object_kind kind;
	char *name;
	uint64_t handle;
	char *comment;
	enum family l3; /* of the flows that it is for: inet is both */
	struct ct_object ct;
	struct stateful state;	   /* of counters, limits, quotas */
	struct counters *counters; /* where its slot is given back; NULL: it has none */
	struct object *origin;	   /* whose slot it is, of another quota; NULL: its own */
};
enum state_kind object_state_kind(enum object_kind kind);

/* A flowtable.  Immutable once it is in a table. */
#define FLOWTABLE_DEVICE_LEN  15  /* IFNAMSIZ without its NUL */
#define FLOWTABLE_MAX_DEVICES 256 /* NFT_NETDEVICE_MAX */
struct flowtable {
	unsigned refs;
	char *name;
	uint64_t handle;
	int32_t priority;
	bool offload, counter;
	char (*devices)[FLOWTABLE_DEVICE_LEN + 1];
	size_t n_devices;
};

enum set_flag {
	SET_CONSTANT = 1 << 0,
	SET_INTERVAL = 1 << 1,
	SET_TIMEOUT = 1 << 2,
	SET_DYNAMIC = 1 << 3,
};

/* What the elements of a set map to. */
enum data_kind {
	DATA_NONE = 0,
	DATA_VALUES,
	DATA_VERDICTS, /* struct set_verdict */
	DATA_OBJECTS,  /* the object's handle, in the host's byte order */
};

/* The data of a verdict map's element. */
struct set_verdict {
	uint32_t verdict; /* enum rule_verdict */
	uint32_t zero;
	uint64_t chain; /* handle of the chain that it leads to; 0: none */
};

/* Most different lists of statements among the elements of one set. */
#define SET_VARIANTS_MAX 1024
#define VARIANT_NONE	 UINT32_MAX

/* What the copies of a set have in common: where the slots of its elements go back, and the
 * statements that elements have.
 *
 * Variant 0 is what the set declares, be it nothing.  Others come from elements that state
 * their own and from rules that add elements; their numbers are in the elements' slots, in the
 * records of those that packets added, and saved with the ruleset, and so stay what they are as
 * long as anybody has them. */
struct slot_home {
	struct set_slots slots;
	struct counters *counters; /* NULL: a check that loads nothing */
	unsigned refs;             /* of sets whose contents may have slots */
	struct variant {
		struct stmts stmts;
		uint32_t held; /* slots of so many elements name it */
		bool unused;   /* its number is free */
	} *variants;
	uint32_t n_variants;
};
/* An element's slots: the number of its variant, and a slot for each statement. */
#define SLOTS_VARIANT 0
#define SLOTS_FIRST   1

/* A named set or map.  Immutable once it is in a table, but for its content, which is a
 * snapshot of its own: a transaction that changes elements copies the rest (set_own()). */
struct set {
	unsigned refs;
	char *name;
	uint64_t handle;
	char *comment;
	enum data_kind kind;
	enum object_kind objects; /* of DATA_OBJECTS */
	struct key_type key, data;
	/* How the types were written, when with `typeof`; else NULL. */
	struct expr *key_typeof, *data_typeof;
	unsigned flags; /* enum set_flag */
	bool auto_merge, meter, data_interval;
	bool has_size, memory; /* policy memory */
	uint32_t size;
	uint64_t timeout, gc_interval; /* ms; 0 none */
	struct stmts stmts;            /* that every element gets */
	struct slot_home *slots;       /* shared by copies */
	struct set_content *content;   /* what transactions added */
	struct set_dynamic *dynamic;   /* what packets added; NULL: they add nothing here */
};

enum table_flag { TABLE_DORMANT = 1 << 0 };

struct table {
	unsigned refs;
	enum family family;
	char *name;
	uint64_t handle;
	uint64_t last_handle; /* of this table's chains and rules: one series, as nft's */
	unsigned flags;
	char *comment;
	struct object **objects; /* in the order in which they were added */
	size_t n_objects, cap_objects;
	struct flowtable **flowtables;
	size_t n_flowtables, cap_flowtables;
	struct set **sets; /* likewise */
	size_t n_sets, cap_sets;
	struct chain **chains; /* likewise */
	size_t n_chains, cap_chains;
	struct name_index chain_index, set_index, object_index;
};

struct ruleset {
	unsigned refs;
	struct counters *counters;
	uint64_t last_table_handle;
	uint64_t last_registered;
	uint64_t mono; /* monotonic ns, of the last attempt to change it */
	char *step;    /* see ruleset_step(); NULL: none */
	size_t step_len;
	bool elements_alone; /* see ruleset_elements_alone() */
	bool renumbered;     /* see ruleset_renumbered() */
	struct table **tables; /* in the order in which nft lists them */
	size_t n_tables, cap_tables;
};

/* Places are indexes into tables, chains and rules; MODEL_NONE: there is none. */
#define MODEL_NONE SIZE_MAX
size_t table_find(const struct ruleset *rs, enum family family, const char *name);
size_t chain_find(const struct table *t, const char *name);
size_t flowtable_find(const struct table *t, const char *name);
size_t object_find(const struct table *t, enum object_kind kind, const char *name);
size_t set_find_named(const struct table *t, const char *name);
size_t set_find_handle(const struct table *t, uint64_t handle);
/* The chains, by handle, that elements of a verdict map lead to. */
void set_each_target(const struct set *s, void (*each)(void *arg, uint64_t chain), void *arg);
size_t chain_find_handle(const struct table *t, uint64_t handle);
size_t object_find_handle(const struct table *t, enum object_kind kind, uint64_t handle);

/* The rest is for who builds rulesets.  What returns a pointer or a bool fails only when
 * out of memory. */

/* Room for one more of an array of pointers. */
bool model_grow(void *array, size_t n, size_t *cap);

struct expr *expr_new(enum expr_kind kind, struct span span);
void expr_free(struct expr *e);
struct expr *expr_clone(const struct expr *e);
/* Of a SYMBOL or SETREF, which has none yet; s needs no NUL.  Before it becomes something else it
 * is dropped. */
bool expr_set_symbol(struct expr *e, const char *s, size_t len);
void expr_drop_symbol(struct expr *e);
/* left op right; takes both over, also on failure and when one of them is NULL. */
struct expr *expr_op(enum expr_kind kind, struct expr *left, struct expr *right);
/* The selector at the bottom of a left side, or what else is there. */
const struct expr *expr_bottom(const struct expr *left);
bool expr_is_shift(const struct expr *e);
/* Whether something on the way to the bottom is shifted. */
bool expr_has_shift(const struct expr *left);
/* Its name; SELECTOR_NONE when it is no selector. */
enum selector_id expr_selector(const struct expr *left);
/* Whether two selectors ask for the same. */
bool expr_same(const struct expr *a, const struct expr *b);
/* Call visit with e and all that it is made of, itself first; e may be NULL. */
void expr_walk(struct expr *e, void (*visit)(void *arg, struct expr *e), void *arg);
/* To a LIST, SET or CONCAT; takes item over, also on failure. */
bool expr_add(struct expr *list, struct expr *item);

/* To an array of statements; the statement is moved into it or finished. */
bool stmts_add(struct stmts *s, const struct stmt *stmt);
/* Room for n in all; and no more than there are, where there may be many such. */
bool stmts_reserve(struct stmts *s, size_t n);
void stmts_fit(struct stmts *s);
/* The same, where more come that will need as much room: it goes to *spare, if none is there. */
void stmts_settle(struct stmts *s, struct stmts *spare);
/* Of a match: whether its right side is looked up by the bytes of the key. */
bool stmt_is_look_up(const struct stmt *s);
bool stmts_insert(struct stmts *s, size_t at, const struct stmt *stmt);
/* Copies of n statements; false: nothing is left of them. */
bool stmts_clone(struct stmts *to, const struct stmt *v, size_t n);
void stmts_fini(struct stmts *s);
/* Call visit with every expression of the statement, each before what it is made of. */
void stmt_walk(struct stmt *s, void (*visit)(void *arg, struct expr *e), void *arg);
void stmt_fini(struct stmt *s);
/* Whether two statements that remember something say the same, what they remember aside. */
bool stmt_same_state(const struct stmt *a, const struct stmt *b);
bool stmts_same_state(const struct stmts *a, const struct stmts *b);
/* Whether elements with these need lists of flows, which workers make. */
bool stmts_count_flows(const struct stmts *stmts);
/* STATE_KIND_NONE: it remembers nothing. */
enum state_kind stmt_state_kind(const struct stmt *s);

struct rule *rule_new(void);
struct rule *rule_ref(struct rule *r);
void rule_unref(struct rule *r);
/* A copy that leads to the chain name where r leads to old; it counts where r counts. */
struct rule *rule_renamed(struct rule *r, const char *old, const char *name);
/* The chains that it may lead to. */
void stmt_each_target(const struct stmt *s, void (*each)(void *arg, const char *chain),
		      void *arg);
/* The sets that it holds without a name: each takes a handle, as in the kernel. */
unsigned rule_anonymous_sets(const struct rule *r);

/* A copy whose blocks are what the table's chains of their names are by now. */
struct rule *rule_relinked(struct rule *r, const struct table *t);
/* The block of a rule, or NULL. */
struct chain *rule_block(const struct rule *r);

struct chain *chain_new(const char *name, size_t len);
struct chain *chain_ref(struct chain *c);
void chain_unref(struct chain *c);
bool chain_insert_rule(struct chain *c, size_t at, struct rule *r); /* takes a reference */
void chain_remove_rule(struct chain *c, size_t at);
/* Where the rule with this handle is. */
size_t chain_find_rule(const struct chain *c, uint64_t handle);

struct object *object_new(enum object_kind kind, const char *name, size_t len);
struct object *object_ref(struct object *o);
void object_unref(struct object *o);

struct flowtable *flowtable_new(const char *name, size_t len);
struct flowtable *flowtable_copy(const struct flowtable *f);
void flowtable_unref(struct flowtable *f);
bool flowtable_add_device(struct flowtable *f, const char *name, size_t len);
/* declared: variant 0. */
struct slot_home *slot_home_new(struct counters *counters, const struct stmts *declared);
/* The set has its numbers in that home from here on; its contents must have none of another. */
void set_share_slots(struct set *s, struct slot_home *home);
/* Slots that are to be an element's as well, or not after all. */
void slot_home_hold(struct slot_home *h, const uint32_t *slots);
struct set *set_new(const char *name, size_t len);
void set_unref(struct set *s);
/* variant.c: of a number that there is not, no statements; h may be NULL. */
const struct stmts *variant_stmts(const struct slot_home *h, uint32_t number);
uint32_t variant_find(const struct slot_home *h,
		      const struct stmts *stmts); /* or VARIANT_NONE */
/* 0; -ENOSPC: there are too many; -ENOMEM. */
int variant_add(struct slot_home *h, const struct stmts *stmts, uint32_t *ret_number);
int variant_put(struct slot_home *h, uint32_t number, const struct stmts *stmts);
/* Those of `from` in h as well; ret_numbers: by their number in `from` that in h.  False: what is
 * declared differs, or there is no room. */
bool variants_merge(struct slot_home *h, const struct slot_home *from,
		    uint32_t ret_numbers[SET_VARIANTS_MAX]);
bool variants_count_flows(const struct slot_home *h);
/* That of an element, ms; extra may be NULL. */
uint64_t element_timeout(const struct set *s, const struct element_extra *extra);
/* Whether packets may add elements to it. */
bool set_is_dynamic(const struct set *s);
/* Make its place for what packets add, or take up that of a former process (number: from 1;
 * 0: a new one).  0 also when there is nothing lent for that; -EMFILE, -EINVAL, -ENOMEM. */
int set_make_dynamic(struct set *s, struct counters *counters, uint32_t number);

struct table *table_new(enum family family, const char *name, size_t len);
void table_unref(struct table *t);
bool table_add_chain(struct table *t, struct chain *c); /* takes c over, also on failure */
bool table_add_object(struct table *t, struct object *o); /* takes o over, also on failure */
void table_remove_object(struct table *t, size_t at);
bool table_add_flowtable(struct table *t,
			 struct flowtable *f); /* takes f over, also on failure */
void table_remove_flowtable(struct table *t, size_t at);
bool table_add_set(struct table *t, struct set *s); /* takes s over, also on failure */
void table_remove_set(struct table *t, size_t at);
void table_remove_chain(struct table *t, size_t at);
bool table_rename_chain(struct table *t, size_t at, const char *name, size_t len);
/* Once handles have become others: whoever is added has one, and is found by it. */
bool table_reindex(struct table *t);

/* A copy that shares every table. */
struct ruleset *ruleset_copy(const struct ruleset *rs);
bool ruleset_add_table(struct ruleset *rs, struct table *t); /* takes t over */
void ruleset_remove_table(struct ruleset *rs, size_t at);
/* The table or chain itself when nobody shares it, else a copy put in its place. */
struct table *table_own(struct ruleset *rs, size_t at);
struct chain *chain_own(struct table *t, size_t at);
struct set *set_own(struct table *t, size_t at);

#endif
