/* steer_private.h - the parts of steering: what each reads, finds, puts in and takes out.
 *
 * steer.c tells the order and keeps it that way; plan.c, plan_own.c and plan_source.c say what
 * belongs into the host; steer_port.c, steer_route.c, steer_rule.c and steer_tc.c each have their
 * kinds of items.
 * Functions that take a steer say what went wrong in s->d (unless it is NULL) and return a
 * negative errno. */
#ifndef CTFW_STEER_PRIVATE_H
#define CTFW_STEER_PRIVATE_H

#include <linux/fib_rules.h>

#include "ctfw/netlink.h"
#include "ctfw/plan.h"
#include "ctfw/steer.h"

/* Rules, counted from [steer] priority. */
enum steer_offset {
	STEER_IN = 0,
	STEER_OUT = 1,
	STEER_RETURN = 2,
	STEER_BACKSTOP = 10,
	STEER_OWN_SENDING = 17,
	STEER_SOURCES = 18,
	STEER_NETWORKS = 20,
	STEER_GUARD = 39, /* does nothing; says that what closes is to stay */
	STEER_END = 40,
};

#define STEER_LO_INDEX 1 /* in every network namespace (LOOPBACK_IFINDEX) */

/* ---- what is in the host ---- */

struct view_link {
	bool found;
	struct netlink_link link;
	uint32_t txqueuelen;
	uint32_t group;
	bool rp_filter, accept_local; /* not zero */
	bool link_local;              /* would make itself such an address */
};

struct view_rule {
	uint8_t l3;
	struct plan_rule rule;
	bool exotic;   /* selects by what ours never do */
	bool dissects; /* has the kernel look at the protocol for every packet that comes in */
	bool detached; /* there is no such interface */
	struct nlmsghdr *msg;
};

struct view_rules {
	struct view_rule *v; /* in the kernel's order, IPv4 before IPv6 */
	size_t n, cap;
	bool failed;
	uint8_t l3; /* being dumped */
};

/* Of our tables. */
struct view_route {
	uint8_t l3;
	struct plan_route route;
	uint32_t oif; /* of several, the first */
	uint8_t scope; /* of IPv4 */
};

struct view_routes {
	struct view_route *v;
	size_t n;
	bool failed;
	uint32_t table;
};

struct view_address {
	uint8_t l3;
	uint8_t len;
	union addr addr;
	uint32_t index;
	bool speaks; /* may be a source beyond its link */
};

struct view_addresses {
	struct view_address *v;
	size_t n;
	bool failed;
};

struct view_filter {
	uint32_t handle;
	uint32_t info; /* preference and protocol, as in tcm_info */
	bool u32;
	int match;         /* row that its keys are those of; -1: none */
	uint32_t to_index; /* redirects there; 0: does not */
};

struct view_filters {
	struct view_filter *v;
	size_t n;
	bool failed;
	uint32_t index, parent; /* being dumped */
};

struct view_capture {
	struct view_link real, in, out;
	bool qdisc; /* it has one that has an ingress */
	struct view_filters ingress;
	unsigned first_pref; /* of our filters */
};

struct view {
	bool has_ipv6;
	int rp_filter; /* net.ipv4.conf.all.rp_filter */
	bool took_over; /* there are rules of ours */
	bool guarded;
	struct view_rules rules;
	struct view_routes routes;
	struct view_addresses addresses;
	struct view_capture *captures; /* as many as the configuration has */
	struct view_link *tuns;
	size_t n_captures;
};

struct steer {
	struct netlink nl;
	const struct config *config;
	struct view view; /* when the host was last looked at */
	struct plan plan; /* by that view */
	uint32_t own[CONFIG_PORTS_MAX]; /* interfaces whose clsact we have made */
	size_t n_own;
	struct diag *d; /* NULL: nobody wants to know */

	/* steer_watch.c; times are monotonic, in nanoseconds */
	struct nl_sock *watch;
	uint64_t due;        /* when to look; 0: when it is time for the slow look */
	uint64_t looked;     /* when the host was last looked at */
	uint64_t not_before; /* of the next look */
	uint64_t pause;      /* between two looks that find something to mend */
	uint64_t warned;     /* when what was put back was last told */
	struct steer_stats stats;
	unsigned n_restored;  /* since that was told */
	struct text restored; /* words for the first of them */
	struct text warnings; /* that were told last */
	bool reverse_path;    /* net.ipv4.conf.all.rp_filter was strict, and was told */
	bool moved; /* interfaces or addresses have changed since: routes went with them */
	struct known {
		char name[IFNAMSIZ];
		uint32_t index; /* 0: away */
		bool up;
	} known[CONFIG_PORTS_MAX];
	size_t n_known;
};

/* "cannot WHAT: the kernel's reason", with advice where the reason calls for it. */
int steer_fail(struct steer *s, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* All of it, anew.  The former view is freed. */
int view_read(struct steer *s);
void view_fini(struct view *v);
/* The plan for s->config by s->view.  closed: as if no interface was there.  0 or -ENOMEM. */
int plan_make(struct steer *s, bool closed, struct plan *ret_plan);

static inline bool view_has_family(const struct view *v, uint8_t l3)
{
	return l3 == L3_IPV4 || v->has_ipv6;
}
/* There, and up. */
static inline bool view_is_up(const struct view_link *l)
{
	return l->found && l->link.flags & IFF_UP;
}

/* Lines about what the operator may not mean. */
void plan_warn(const struct steer *s, struct text *out);
/* For each captured network in which the host has others. */
void plan_elsewhere(const struct config *c, const struct view *v, struct text *out);
/* Without memory the plan has failed, which plan_make() says. */
void plan_push(struct plan *p, const struct plan_item *item);
bool plan_has_route(const struct plan *p, const struct prefix *to, uint32_t table);
/* Whose a network is that is behind several: of those, one that is to stay closed. */
const struct config_capture *plan_owner(const struct config *c, const struct prefix *to);
void plan_rule(struct plan *p, const struct steer *s, const struct config_capture *c,
	       uint8_t l3, const char *iif, struct plan_rule rule);

/* ---- the captures' own tables: plan_own.c ---- */

/* The n-th capture's; those from STEER_CAPTURES_MAX on, as many again, are for sources. */
#define STEER_CAPTURES_MAX (CONFIG_PORTS_MAX / 2)
uint32_t plan_own_table(const struct config_steer *c, size_t n);
bool plan_is_own_table(const struct config_steer *c, uint32_t table);
/* Whether what enters the n-th captured interface is to be looked up there; and whether it is:
 * what others have in the table would lead around us. */
bool plan_needs_own_table(const struct steer *s, size_t n, uint8_t l3);
bool plan_uses_own_table(const struct steer *s, size_t n, uint8_t l3);
/* What is in it: the way into the TUN, and what has the host answer. */
void plan_own_way_in(struct plan *p, const struct steer *s, size_t n);
void plan_own_answers(struct plan *p, const struct steer *s, size_t n);

/* ---- the look at sources: plan_source.c ---- */

/* The n-th capture's. */
uint32_t plan_source_table(const struct config_steer *c, size_t n);
/* What closes. */
void plan_source_rules(struct plan *p, const struct steer *s);
/* A line for each that cannot be. */
void plan_source_warn(const struct steer *s, struct text *out);
/* What has it open for the n-th capture, as long as that is led into its TUN. */
void plan_source_ways(struct plan *p, const struct steer *s, size_t n);

/* ---- order: steer.c ---- */

/* Without a view and without a watch. */
int steer_open(const struct config *config, struct steer **ret_steer, struct diag *d);
/* Make up the difference between s->view and the plan, which is s->plan afterwards. */
int steer_reconcile(struct steer *s);
int steer_take_out(struct steer *s, const struct plan *stays);
int steer_put(struct steer *s, const struct plan_item *item);

/* ---- news: steer_watch.c ---- */

int steer_watch_open(struct steer *s);
void steer_watch_close(struct steer *s);

/* ---- what stays closed: steer_guard.c ---- */

/* The mark: put in, or taken out. */
int steer_guard_mark(struct steer *s, bool put);
/* Put in what closes, and tell what that is. */
int steer_guard_put(struct steer *s, struct plan *ret_stays);

/* ---- what is left of others: steer_off.c ---- */

/* A daemon, or the guard, of another [steer] section has left things here and runs no more:
 * its guard's mark goes on as ours; and the rest goes, but for what stays. */
int steer_former_guard(struct steer *s);
int steer_former_drop(struct steer *s, const struct plan *stays);
/* -EBUSY: one of another section runs. */
int steer_former_check(struct steer *s);

/* ---- links: steer_port.c ---- */

/* Values of rp_filter. */
enum { STEER_STRICT = 1, STEER_LOOSE = 2 };
/* net.ipv4.conf.all.rp_filter; stays as it was when the kernel does not say. */
int steer_port_read_all(struct steer *s, int *ret_rp_filter);
int steer_port_check_host(struct steer *s);
int steer_port_read(struct steer *s, const char *name, struct view_link *ret_link);
bool steer_port_find(const struct view *v, const struct view_link *l,
		     const struct plan_link *want);
int steer_port_put(struct steer *s, const struct plan_item *item);

int steer_address_read(struct steer *s, struct view_addresses *ret_addresses);
bool steer_address_find(const struct view *v, const struct plan_item *item);
int steer_address_put(struct steer *s, const struct plan_item *item);
/* The host's address to speak with to a network; zero: none. */
union addr steer_address_source(const struct view *v, const struct prefix *network,
				uint32_t captured);

/* ---- routes: steer_route.c ---- */

int steer_route_read(struct steer *s, struct view_routes *ret_routes);
/* -ENOTRECOVERABLE: the table is somebody else's. */
int steer_route_check(struct steer *s);
/* The same for the captures' own tables, of those that are needed now. */
int steer_route_check_own(struct steer *s);
/* Whether others have routes in a table. */
bool steer_route_foreign(const struct steer *s, uint32_t table);
bool steer_route_find(const struct view *v, const struct plan_item *item);
int steer_route_put(struct steer *s, const struct plan_item *item);
int steer_route_take(struct steer *s, const struct plan_item *item);
/* Those of ours that are not in the plan: what closes, or what leads anywhere. */
int steer_route_drop(struct steer *s, const struct plan *p, bool closing);

/* ---- rules: steer_rule.c ---- */

int steer_rule_read(struct steer *s, struct view_rules *ret_rules);
void steer_rule_clear(struct view_rules *rules);
bool steer_rule_is_ours(const struct steer *s, const struct view_rule *r);
bool steer_rule_find(const struct steer *s, const struct plan_item *item);
int steer_rule_put(struct steer *s, const struct plan_item *item);
int steer_rule_take(struct steer *s, const struct plan_item *item);
int steer_rule_drop(struct steer *s, const struct plan *p);
bool steer_local_find(const struct steer *s, uint8_t l3);
int steer_local_put(struct steer *s, uint8_t l3);

/* ---- filters: steer_tc.c ---- */

#define STEER_MATCHES 12
struct steer_match {
	uint16_t protocol; /* ETH_P_... */
	uint32_t value, mask;
	int offset; /* of 32 bits from the network header's start */
	uint32_t value2, mask2;
	int offset2;
	unsigned pref; /* counted from the first */
	int node;
	bool arp_only;
	bool redirects;
	const char *words;
};
extern const struct steer_match steer_matches[STEER_MATCHES];

/* qdisc, ingress and first_pref of each capture; their links must have been read. */
int steer_tc_read(struct steer *s);
bool steer_filter_find(const struct view_capture *c, const struct plan_item *item);
int steer_qdisc_put(struct steer *s, const struct plan_item *item);
int steer_filter_put(struct steer *s, const struct plan_item *item);
/* Filters of ours that are not in the plan. */
int steer_filter_drop(struct steer *s, const struct plan *p);
/* Filters of ours and, when it is ours too, the qdisc. */
void steer_tc_release(struct steer *s, uint32_t index);
/* The same for all interfaces that are not captured. */
int steer_tc_sweep(struct steer *s);

#endif
