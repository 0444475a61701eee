/* check.h - what passes by ctfwd, or breaks what it does, on this host.
 *
 * A check is a row of check.def and a function that looks at one thing and reports what it
 * finds: in words, and with the commands that mend it.  All that is looked at is the
 * kernel's (rtnetlink, sock_diag, /proc) and files; no daemon needs to run, and nothing is
 * changed.  Much of it is written by others, processes of any user among them: every read is
 * bounded, and what is shown of it is printable.
 *
 * One checker, one thread. */
#ifndef CTFW_CTL_CHECK_H
#define CTFW_CTL_CHECK_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctfw/config.h"
#include "ctfw/netlink.h"
#include "ctfw/text.h"

enum severity {
	SEVERITY_NONE = 0,
	SEVERITY_NOTE,
	SEVERITY_WARNING,
	SEVERITY_ERROR,
};
const char *severity_name(enum severity s);

struct checker;

struct check {
	const char *name;
	enum severity severity;
	const char *why;
	void (*run)(struct checker *c);
};
/* All of them, in the order in which they run; name NULL ends. */
extern const struct check checks[];

struct finding {
	const struct check *check;
	enum severity severity; /* the check's, or NOTE for what could not be looked at */
	struct text what; /* one line */
	struct text todo; /* lines: commands, or what to write where; empty: nothing */
};

/* ---- the host, as it was found ---- */

struct check_link {
	struct netlink_link link;
	uint32_t master; /* index; 0: none */
	uint32_t lower;  /* what it stands on, or its other end; 0: nothing of this host */
	bool xdp;        /* runs a program */
};

struct check_address {
	uint32_t index;
	uint8_t family, len; /* enum l3, prefix length */
	union addr addr;
};

/* Of a routing table other than local: those of captured interfaces, and those that overlap
 * a captured network. */
struct check_route {
	struct prefix to;
	uint32_t table;
	uint32_t oif; /* 0: none; where it has several, one such route for each */
	uint8_t type; /* RTN_... */
	uint8_t protocol;
};

/* Rules that steering puts in, counted from [steer] priority: see ctfw/steer.h. */
enum { RULE_NETWORKS = 20, RULE_END = 40 };

struct check_rule {
	uint8_t l3;
	uint8_t action; /* FR_ACT_... */
	uint8_t protocol;
	uint32_t pref;
	uint32_t table;
	uint32_t target; /* of FR_ACT_GOTO: a preference */
	int32_t suppress; /* prefix length up to which routes of the table do not count; -1 */
	char iif[IFNAMSIZ];
	struct prefix to; /* len 0: any */
	bool limited; /* by marks, ports, sources and the like */
	size_t place; /* in the kernel's order, of its family */
};

struct check_host {
	struct check_link *links;
	struct check_address *addresses;
	struct check_route *routes;
	struct check_rule *rules;
	size_t n_links, n_addresses, n_routes, n_rules;
	bool cut; /* there are more routes than we keep */
	bool unsteady; /* they changed all the while */
	uint8_t loading; /* enum l3: being dumped */
};

struct checker {
	const struct config *config;
	const char *root; /* before every path: "" but in tests */
	struct netlink nl;
	struct check_host host;
	struct {
		bool asked;
		bool legacy[2]; /* of IPv4, of IPv6: those of the old iptables are among them */
		json_t *rules;
	} kernel; /* see check_kernel_rules() */
	struct finding *findings;
	size_t n_findings;
	const struct check *current;
	unsigned n_current, n_more; /* findings of it: kept, and counted only */
	bool failed; /* out of memory */
};

/* Look at the host.  config is borrowed.  0, or a negative errno with what is wrong in d. */
int checker_init(struct checker *c, const struct config *config, struct diag *d);
void checker_fini(struct checker *c);
/* Run every check.  0, or -ENOMEM. */
int checker_run(struct checker *c);
unsigned checker_count(const struct checker *c, enum severity s);

/* Load c->host: check_facts.c. */
int check_host_load(struct checker *c);
void check_host_fini(struct check_host *h);
/* NULL when there is none. */
const struct check_link *check_link_named(const struct checker *c, const char *name);
const struct check_link *check_link_at(const struct checker *c, uint32_t index);
/* The interface's name, or "none". */
const char *check_link_name(const struct checker *c, uint32_t index);
/* What is for it goes by no TUN: multicast, and link-local of IPv6. */
bool check_stays_with_kernel(uint8_t l3, const union addr *a);
/* The interface's next address that is none of those; NULL begins, and ends. */
const struct check_address *check_next_address(const struct checker *c, uint32_t index,
					       const struct check_address *before);
/* The i-th TUN of the configuration: captures' in and out, then [tun] sections.  NULL behind
 * the last. */
const char *check_port(const struct config *config, size_t i);
bool check_is_port(const struct checker *c, const char *name);
/* The capture of that interface, or NULL. */
const struct config_capture *check_capture(const struct checker *c, const char *ifname);

/* A dump that is begun anew, a few times, when something changed meanwhile: begin() forgets
 * what each() was called with.  As netlink_dump(). */
int check_dump(struct netlink *nl, int type, const void *header, size_t len,
	       void (*begin)(void *arg), netlink_each *each, void *arg);
/* The same of tc filters at an interface's ingress; without any it is 0. */
int check_dump_filters(struct checker *c, uint32_t index, void (*begin)(void *arg),
		       netlink_each *each, void *arg);

/* ---- for the checks ---- */

/* Report a case of the current check, and then, line by line, what mends it.  Of many cases
 * the rest is counted. */
void check_found(struct checker *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void check_todo(struct checker *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The current check could not look: a note. */
void check_blind(struct checker *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define CHECK_FILE_MAX (1u << 20) /* bytes of one file that are read */

struct check_file {
	char *text; /* NUL-terminated; may hold NULs */
	size_t len;
	dev_t dev;
	ino_t ino;
};
/* A regular file, up to CHECK_FILE_MAX bytes of it.  False when it cannot be read. */
bool check_read(const struct checker *c, struct check_file *ret_file, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void check_file_fini(struct check_file *f);
/* A number below /proc/sys/net, whose path is as NAME/... with slashes. */
bool check_sysctl(const struct checker *c, int *ret_value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What nft(8) lists of this host's own rules, those of iptables-nft too, and behind it those of
 * the old iptables; asked for once.  NULL, and said so once, when it cannot be had. */
const json_t *check_kernel_rules(struct checker *c);
/* Say that rules of a table ("nat") of the old iptables were not looked at, if it has any here,
 * and they could not be had. */
void check_legacy(struct checker *c, const char *table);

/* Call each() for the processes of this network namespace, or those whose namespace is not
 * to be known, until it returns false. */
void check_each_process(struct checker *c, bool (*each)(struct checker *c, long pid, void *arg),
			void *arg);

/* The command line of a process that runs that program, its words each with a NUL behind; false
 * of others, and of those that may not be looked at. */
bool check_command_line(const struct checker *c, long pid, const char *program,
			struct check_file *ret_line);

#define CHECK(id, name, severity, why) void check_##id(struct checker *c);
#include "ctl/check.def"
#undef CHECK

#endif
