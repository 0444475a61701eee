/* plan.h - what steering puts into the host, item by item.
 *
 * A plan is computed from a configuration and from what of the host it depends on: whether a
 * captured interface is there and speaks ARP, indexes, the host's addresses in the networks.
 * Its items stand in the order in which they go in; they come out in reverse.  Each can be
 * found in the kernel, told in words, and printed as the commands of ip(8) and tc(8) that
 * would do the same.
 *
 * An interface that is not there has no index, and what needs one is not in the plan: it
 * comes with the interface.  What closes is by name and always there. */
#ifndef CTFW_PLAN_H
#define CTFW_PLAN_H

#include "ctfw/config.h"
#include "ctfw/diag.h"
#include "ctfw/text.h"

enum plan_kind {
	PLAN_NONE = 0,
	PLAN_TUN,     /* a TUN of ours; the daemon makes it */
	PLAN_LINK,    /* its settings */
	PLAN_ADDRESS, /* on it */
	PLAN_ROUTE,
	PLAN_RULE,
	PLAN_LOCAL, /* the host's own rule for its addresses stands behind ours */
	PLAN_QDISC,
	PLAN_FILTER,
	PLAN_KIND_COUNT
};
/* "tun", "link", "address", "route", "rule", "local", "qdisc", "filter". */
const char *plan_kind_name(enum plan_kind k);

struct plan_link {
	uint32_t mtu; /* 0: as it is */
	uint32_t txqueuelen;
	uint32_t group; /* 0: as it is */
};

struct plan_address {
	uint8_t len;
	bool silent; /* the host never speaks by it, and any other will do as well */
	union addr addr;
};

struct plan_route {
	struct prefix to;
	uint8_t type; /* RTN_UNREACHABLE; else RTN_..., on the item's dev */
	uint32_t with; /* index of the captured interface: a second next hop; 0: none */
	uint8_t protocol;
	uint32_t table;
	uint32_t metric;
	union addr source; /* zero: none */
};

struct plan_rule {
	uint8_t action; /* FR_ACT_... */
	uint8_t protocol;
	uint32_t pref;
	char iif[IFNAMSIZ]; /* "": any */
	bool sourceless;    /* from 0.0.0.0 alone, not from any */
	uint8_t ip_proto;   /* IPPROTO_...; 0: any */
	struct prefix to;   /* len 0: any */
	uint32_t table;     /* FR_ACT_TO_TBL */
	uint32_t past;      /* passes over routes by interfaces of this group; 0: over none */
	uint32_t target;    /* FR_ACT_GOTO */
};

struct plan_filter {
	unsigned match; /* row of the table in steer_tc.c */
	unsigned pref;
	char to[IFNAMSIZ]; /* redirects there; "": lets pass */
	uint32_t to_index;
};

struct plan_item {
	enum plan_kind kind;
	uint8_t l3;   /* of addresses, routes and rules */
	bool closing; /* holds without the daemon and without the interface */
	bool once;    /* of a [tun]: the operator's from then on */
	bool answers; /* goes in only when what enters the capture is redirected */
	bool withdrawn; /* taken out by us, to be put in again */
	bool found;   /* was in the kernel when the plan was made */
	const struct config_capture *capture; /* NULL: of all of them, or of a [tun] */
	char dev[IFNAMSIZ];                   /* what it is on, or leads to; "" none */
	uint32_t index;                       /* of that; 0: it is not there */
	union {
		struct plan_link link;
		struct plan_address address;
		struct plan_route route;
		struct plan_rule rule;
		struct plan_filter filter;
	};
};

struct plan {
	struct plan_item *v;
	size_t n, cap;
	bool failed; /* out of memory */
	struct text warnings; /* by plan_read(): lines about what the operator may not mean */
};

/* Look at the host and compute what belongs into it.  Needs no privileges and changes
 * nothing.  Items point into config.  0, or a negative errno with what is wrong in d. */
int plan_read(const struct config *config, struct plan *ret_plan, struct diag *d);
void plan_fini(struct plan *p);

/* One line without a newline: "what enters wg0 goes to wg0-in (IPv4)". */
void plan_words(const struct plan_item *item, struct text *out);
/* Lines of commands that would put it in, each with its newline. */
void plan_commands(const struct plan_item *item, struct text *out);
/* All of it as a script for sh(1), told in its comments. */
void plan_script(const struct plan *p, struct text *out);

#endif
