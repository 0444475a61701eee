/* ruleset.h - the rules: text in, text out, and what packets are judged by.
 *
 * A *ruleset* is the model of everything that was loaded: tables, chains, rules, with
 * their handles.  It is changed by transactions only: ruleset_apply() leaves the old one
 * as it is and returns another, or says what is wrong.  A *program* is a ruleset compiled
 * for evaluation, immutable; workers read it through a pointer that the engine swaps.
 *
 * Phases, a file each: lex, parse (text to commands), check (names, types, ranges),
 * transaction (commands to a new ruleset), print (ruleset to text), compile (ruleset to
 * program), eval (packet and flow to verdict).
 *
 * Everything but program_eval() belongs to one thread. */
#ifndef CTFW_RULESET_H
#define CTFW_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/clock.h"
#include "ctfw/counter.h"
#include "ctfw/diag.h"
#include "ctfw/flow.h"
#include "ctfw/hook.h"
#include "ctfw/locale.h"
#include "ctfw/nat_range.h"
#include "ctfw/packet.h"
#include "ctfw/text.h"

/* ---- model and transactions ---- */

struct ruleset; /* reference-counted */

/* An empty one.  counters: where its rules' counters live; borrowed, and may be NULL for
 * a check that loads nothing.  NULL when out of memory. */
struct ruleset *ruleset_new(struct counters *counters);
struct ruleset *ruleset_ref(struct ruleset *rs);
void ruleset_unref(struct ruleset *rs);

/* Files that an `include` names.  pattern is as it stands in the text; from is the name of
 * the including source.  The callee calls found() once for each file, in order; it hands
 * over malloc'ed name and text.  0; -ENOENT when there is none and the pattern has no
 * wildcard; another negative errno. */
struct ruleset_reader {
	int (*include)(void *arg, const char *pattern, const char *from,
		       void (*found)(void *found_arg, char *name, char *text, size_t len),
		       void *found_arg);
	void *arg;
};

/* How a ruleset is printed: nft's options. */
enum print_flag {
	PRINT_HANDLE = 1 << 0,       /* -a */
	PRINT_STATELESS = 1 << 1,    /* -s */
	PRINT_NUMERIC = 1 << 2,      /* -n: all of -y -p -T and ct states etc. */
	PRINT_NUMERIC_PRIO = 1 << 3, /* -y */
	PRINT_NUMERIC_PROTO = 1 << 4, /* -p */
	PRINT_NUMERIC_TIME = 1 << 5, /* -T */
	PRINT_SERVICE = 1 << 6,      /* -S: port names */
	PRINT_TERSE = 1 << 7,        /* -t: no set elements */
	PRINT_GUID = 1 << 8,         /* -u */
	/* What can be loaded, and means the same then: without elements whose statements no
	 * text can say, and with what rules give in the place of what their set declares. */
	PRINT_LOADABLE = 1 << 9,
};

struct ruleset_input {
	const char *name; /* of the source: a path or "<cmdline>" */
	const char *text;
	size_t len;
	const struct ruleset_reader *reader; /* NULL: include is an error */
	const struct ruleset_define {
		const char *name, *value;
	} *defines; /* -D; name NULL ends */
	const struct locale *locale; /* of whoever writes it and reads what it lists */
	/* What may be in force again, so that its rules must stay possible; NULL: nothing. */
	const struct ruleset *former;
	struct instant now; /* what elements of sets expire by, and `last` counts from */
	size_t listed_max; /* bytes after which no further command lists; 0: no limit */
	unsigned print; /* enum print_flag, for list and echo */
	bool echo;      /* -e: print what was added, as nft does */
	bool check;     /* -c: everything but the change */
	bool json;      /* -j: lists and echo as libnftables-json(5) has them; and a text that
			 * begins with a brace is such a document */
};

/* Apply commands to old: all or none.  Listings go to out.  Returns 0 and in *ret_new the
 * ruleset after the commands (a reference of the caller's; old itself, referenced once
 * more, when nothing changed or input->check); or -EINVAL with diagnostics in d and
 * *ret_new untouched; -EFBIG, likewise, over listed_max; or -ENOMEM. */
int ruleset_apply(struct ruleset *old, const struct ruleset_input *input, struct diag *d,
		  struct text *out, struct ruleset **ret_new);

/* Drop elements of sets that have expired, a bounded number at a time.  0 and in *ret_new the
 * ruleset without them (old itself, referenced once more, when there are none), or -ENOMEM. */
int ruleset_expire(struct ruleset *old, uint64_t mono, struct ruleset **ret_new);

/* Print as `nft list ruleset` with these flags would. */
void ruleset_print(const struct ruleset *rs, unsigned flags, struct text *out);

/* What made one ruleset of another, as commands, a line each: nft's `monitor`. */
enum ruleset_watch_object {
	RULESET_WATCH_TABLES = 1 << 0,
	RULESET_WATCH_CHAINS = 1 << 1,
	RULESET_WATCH_RULES = 1 << 2,
	RULESET_WATCH_SETS = 1 << 3,
	RULESET_WATCH_ELEMENTS = 1 << 4,
	RULESET_WATCH_OBJECTS = 1 << 5,
	RULESET_WATCH_ALL = (1 << 6) - 1,
};
struct ruleset_watch {
	unsigned objects; /* enum ruleset_watch_object */
	bool added, removed;
	unsigned print; /* enum print_flag */
	bool json;      /* a line is an object of libnftables-json(5) */
};
/* old or new may be NULL: none.  0 or -ENOMEM. */
int ruleset_diff(const struct ruleset *old, const struct ruleset *new,
		 const struct ruleset_watch *watch, struct text *out);

/* For the arena: the whole model as text, handles and counter slots included; and back.
 * The slots are claimed.  0, -EINVAL when the text is damaged (diagnostics in d). */
void ruleset_save(const struct ruleset *rs, struct text *out);
int ruleset_restore(const char *text, size_t len, struct counters *counters, struct diag *d,
		    struct ruleset **ret_rs);
/* The same of an earlier state of a ruleset that is there already: rules, objects and dynamic
 * sets that are in both go on in both; what has no slot any more counts anew.  Elements whose
 * state is in slots get slots of their own, of which counters begin with what those of the
 * other show. */
int ruleset_restore_beside(const char *text, size_t len, const struct ruleset *beside,
			   struct counters *counters, struct diag *d, struct ruleset **ret_rs);
/* Whether it is not quite what was saved: a set or a slot got another number. */
bool ruleset_renumbered(const struct ruleset *rs);
/* The same of one that is long replaced, beside the one in force: what is in both goes on, and
 * all else counts anew.  -ENOSPC as well, when there is no room for that. */
int ruleset_recall(const char *text, size_t len, const struct ruleset *present,
		   struct counters *counters, struct diag *d, struct ruleset **ret_rs);
/* Whether a and what b saves, of those lengths, are the same rules but for handles and what
 * they count. */
bool ruleset_saved_alike(const char *a, size_t a_len, const char *b, size_t b_len);
/* Whether the transaction that made rs changed elements of sets and nothing else. */
bool ruleset_elements_alone(const struct ruleset *rs);

/* What made rs of the ruleset that a transaction began with, as text that makes it again:
 * saved behind that one, it saves rs.  NULL when only the whole can be saved; rs' own.
 * ruleset_replay() makes *rs, the caller's reference, what it became.  0, -EINVAL when the text
 * is damaged (diagnostics in d), -ENOMEM: *rs is then of no use but to be given back. */
const char *ruleset_step(const struct ruleset *rs, size_t *ret_len);
int ruleset_replay(struct ruleset **rs, const char *text, size_t len, struct diag *d);

/* Give the timeout policies that have none yet their numbers: that of the former ruleset's
 * policy of the same table, name and protocol, so that flows keep theirs, or a new one.  Before
 * it is compiled.  0, or -EINVAL with an error said when there are too many. */
int ruleset_number(struct ruleset *rs, const struct ruleset *former, struct diag *d);

struct ruleset_size {
	unsigned tables, chains, rules;
};
struct ruleset_size ruleset_size(const struct ruleset *rs);

/* ---- programs and evaluation ---- */

struct program;

/* Holds a reference to the ruleset until program_free(). NULL when out of memory. */
struct program *program_compile(struct ruleset *rs);
void program_free(struct program *p);

enum verdict {
	VERDICT_NONE = 0, /* no chain said anything: go on */
	VERDICT_ACCEPT,
	VERDICT_DROP,
	VERDICT_REJECT,
};

enum verdict_by {
	BY_NONE = 0,
	BY_RULE,
	BY_POLICY,
	BY_REASON, /* not the ruleset: an enum reason */
};

struct reject_spec {
	bool tcp_reset;
	uint8_t icmp_type, icmp_code; /* of the packet's family */
};

/* What `log` says; strings belong to the program. */
struct log_spec {
	const char *prefix; /* may be NULL */
	uint8_t level;      /* syslog's 0..7, or 8 for audit; nft's default is warn, 4 */
	uint8_t flags;      /* enum log_flag */
	uint16_t group;     /* of use with LOG_HAS_GROUP */
	uint32_t snaplen, queue_threshold;
};
enum log_flag {
	LOG_TCP_SEQUENCE = 1 << 0,
	LOG_TCP_OPTIONS = 1 << 1,
	LOG_IP_OPTIONS = 1 << 2,
	LOG_SKUID = 1 << 3,
	LOG_ETHER = 1 << 4,
	LOG_HAS_GROUP = 1 << 5,
	LOG_HAS_SNAPLEN = 1 << 6,
	LOG_HAS_THRESHOLD = 1 << 7,
};

/* The states that a timeout policy has values for: POLICY_<ID>. */
enum policy_state {
	POLICY_NONE = 0,
#define POLICY(id, l4, name, seconds, timeout) POLICY_##id,
#include "ctfw/policy.def"
#undef POLICY
	POLICY_COUNT
};

/* An object of a table that rules give to flows: ct helper, ct timeout or ct expectation. */
struct ct_object {
	uint8_t l3;         /* enum l3 of the flows that it is for; L3_NONE: any */
	uint8_t l4;         /* their protocol */
	const char *helper; /* ct helper: "ftp"; the object's own */
	/* ct timeout */
	uint16_t number;                /* names the policy in flows; 1..RULESET_POLICY_NUMBERS */
	uint32_t seconds[POLICY_COUNT]; /* of the protocol's states */
	/* ct expectation */
	uint16_t dport; /* host byte order */
	uint8_t size;
	uint64_t timeout; /* ns */
};
#define RULESET_MAX_POLICIES 1023
/* Those that replace others need numbers beside theirs, which flows have still. */
#define RULESET_POLICY_NUMBERS (2 * RULESET_MAX_POLICIES)

/* What a rule does to the packet's flow, but for its mark: done by whoever evaluates. */
enum ct_action_kind {
	CT_ACTION_NONE = 0,
	CT_ACTION_NOTRACK,
	CT_ACTION_ZONE,   /* value; in which directions */
	CT_ACTION_LABEL,  /* label */
	CT_ACTION_EVENT,  /* value */
	CT_ACTION_HELPER, /* object */
	CT_ACTION_TIMEOUT,
	CT_ACTION_EXPECTATION,
};
struct ct_action {
	enum ct_action_kind kind;
	bool original, reply;
	uint32_t value;
	uint64_t label[2]; /* as in struct flow_ext */
	const struct ct_object *object;
};

/* What becomes of the rule (nf_tables' verdict registers). */
enum ct_acted {
	CT_ACTED = 1,    /* it goes on */
	CT_ACTED_BREAK,  /* it does not match */
	CT_ACTED_DROP,   /* it drops the packet */
	CT_ACTED_GONE,   /* of an element's statements, and no rule: the element is over */
};

struct eval;
struct hostview;

/* Statements that count the flow of one packet, at most. */
#define EVAL_COUNTED 8

enum trace_verdict {
	TRACE_NONE = 0,
	TRACE_CONTINUE,
	TRACE_ACCEPT,
	TRACE_DROP,
	TRACE_JUMP,
	TRACE_GOTO,
	TRACE_RETURN,
};
/* Something that a traced packet met: a rule that matched, or the policy at the end. */
struct eval_trace {
	enum hook hook;
	bool first;  /* of its base chain: the packet itself is to be told before */
	bool policy; /* and no rule */
	enum trace_verdict verdict;
	const char *family, *table, *chain; /* the program's strings */
	const char *target; /* JUMP and GOTO: that chain */
	uint64_t handle;    /* of the rule */
};

/* The packet's side of an evaluation; one a packet, through all its hooks. */
struct eval {
	struct packet *packet;    /* rules may change its bytes */
	const struct flow *flow;  /* NULL: every ct key but state fails to match */
	const struct flow_ext *ext; /* of the flow; NULL: it has no labels */
	uint32_t ct_state;        /* enum ct_state; NONE counts as invalid */
	uint32_t ct_dir;
	uint32_t ct_mark;         /* as rules see and set it; the caller writes it back */
	bool ct_mark_set;
	bool nftrace;             /* meta nftrace: its way is told to trace() */
	uint32_t mark;            /* meta mark */
	uint32_t priority;        /* meta priority */
	const struct hostview *host; /* NULL: nothing is known of it */
	uint64_t *random;         /* state of the worker's random numbers; NULL: none */
	uint8_t hop;              /* what TTL and hop limit are less than the packet says: 1
				   * where the kernel would have counted this host already */
	uint32_t iif, oif;        /* ifindex; 0: none at this hook */
	char iifname[16], oifname[16]; /* padded with zeroes; all zero: none */
	unsigned worker;
	struct instant now;
	/* Slots of `ct count` that count a flow which is not in the table yet: whoever
	 * evaluates calls program_settle() when there are any. */
	struct {
		uint32_t n, slot[EVAL_COUNTED];
	} counted;
	const char *helper; /* of the flow's master, 16 bytes padded with zeroes; NULL: none */
	/* A rule acts on the flow.  What it changes of this struct holds for the rest of the
	 * chain.  May be NULL. */
	enum ct_acted (*act)(struct eval *e, const struct ct_action *action);
	/* A log statement was met.  May be NULL. */
	void (*log)(struct eval *e, enum hook hook, const struct log_spec *spec);
	/* A NAT statement chooses the flow's mapping; false: the packet is dropped.  No other
	 * chain of type nat is asked then.  May be NULL. */
	bool (*nat)(struct eval *e, enum hook hook, const struct nat_request *request);
	bool mapped; /* one was met, in the latest evaluation */
	uint32_t trace_id; /* trace()'s own; 0 at the beginning */
	/* A packet with nftrace set met something.  NULL: nobody wants to know. */
	void (*trace)(struct eval *e, const struct eval_trace *trace);
	void *arg;
};

struct eval_result {
	enum verdict verdict;
	enum verdict_by by;
	uint32_t at; /* which rule or base chain: program_decider() names it */
	struct reject_spec reject;
};

/* The rule or base chain that decided; strings belong to the program. */
struct decider {
	const char *family, *table, *chain;
	uint64_t handle; /* of the rule; 0 with BY_POLICY */
};

/* For people: the rule as it is listed; false when there is none.  A packet's headers in the
 * words of rules, from its first bytes. */
bool ruleset_print_rule(const struct ruleset *rs, const char *family, const char *table,
			const char *chain, uint64_t handle, unsigned flags, struct text *out);
void ruleset_print_packet(const uint8_t *bytes, size_t len, unsigned flags, struct text *out);

/* Which of a hook's base chains. */
enum stage {
	STAGE_MAIN = 0,  /* behind conntrack, and before NAT where there is any */
	STAGE_EARLY = 1, /* in prerouting and output: below HOOK_PRIORITY_CONNTRACK */
	STAGE_NAT = 2,   /* those of type nat, which only packets that begin flows meet */
	STAGE_LATE = 3,  /* behind NAT */
	STAGE_COUNT
};

/* Evaluate base chains of a hook for the packet's family, in order.  *result says how it ended:
 * ACCEPT with the last rule that accepted or, where only policies did, the last of these; or
 * the DROP or REJECT that ended it.  It is untouched when no chain is hooked there.  Returns
 * result->verdict, or VERDICT_NONE when no chain was there. */
enum verdict program_eval(const struct program *p, enum hook hook, enum stage stage,
			  struct eval *e, struct eval_result *result);
/* The packet's flow is known: in the table, or NULL when it did not get there. */
void program_settle(const struct program *p, struct eval *e, const struct flow *flow);
/* Who it was, for people: names are not looked up for every packet. */
struct decider program_decider(const struct program *p, const struct eval_result *result);
/* Where chains of a family are: PROGRAM_HOOK(hook, stage) for each place where there is any,
 * PROGRAM_NAT where there is any chain of type nat, and PROGRAM_INTERFACES when some rule
 * looks at the eval's interfaces or logs them. */
unsigned program_hooks(const struct program *p, uint8_t family);
#define PROGRAM_HOOK(hook, stage) (1u << ((hook) * STAGE_COUNT + (stage)))
#define PROGRAM_HOOK_ANY(hook) (((1u << STAGE_COUNT) - 1) << ((hook) * STAGE_COUNT))
#define PROGRAM_INTERFACES 1u /* HOOK_NONE's */
#define PROGRAM_NAT	   2u
#define PROGRAM_LABELS	   (1u << 24) /* some rule looks at the eval's ext, */
#define PROGRAM_HELPERS	   (1u << 25) /* or at its helper, */
#define PROGRAM_IDS	   (1u << 26) /* or at the flow's id; */
#define PROGRAM_EXTENDS	   (1u << 27) /* or gives flows what needs extensions */

/* Call each with every ct timeout object of the ruleset. */
void program_each_timeout(const struct program *p,
			  void (*each)(void *arg, const struct ct_object *object), void *arg);

#endif
