/* steer_private.h - the parts of steering: what each puts in, takes over and takes out.
 *
 * steer.c tells the order; steer_port.c sets up links, steer_route.c and steer_rule.c keep
 * routes and rules as they should be, steer_tc.c redirects.  Every function here says what
 * went wrong in s->d and returns a negative errno. */
#ifndef CTFW_STEER_PRIVATE_H
#define CTFW_STEER_PRIVATE_H

#include <linux/fib_rules.h>

#include "ctfw/netlink.h"
#include "ctfw/steer.h"

/* Metric of the routes that catch what has lost its TUN: behind all others. */
#define STEER_LAST_METRIC 0xff002000u
/* Rules, counted from [steer] priority. */
enum steer_offset {
	STEER_IN = 0,
	STEER_OUT = 1,
	STEER_RETURN = 2,
	STEER_BACKSTOP = 10,
	STEER_NETWORKS = 20,
	STEER_END = 40,
};

/* A captured interface, as it was found. */
struct steer_capture {
	struct config_capture config; /* without networks once steer_up() is done */
	struct netlink_link link;            /* the real interface */
	uint32_t in_index, out_index;        /* the TUNs */
	bool speaks_arp;
	bool own_qdisc;      /* clsact is ours: nobody had one before */
	unsigned first_pref; /* of our filters */
};

struct steer {
	struct netlink nl;
	struct config_steer config;
	struct steer_capture *captures;
	size_t n_captures;
	char (*returns)[IFNAMSIZ]; /* TUNs of role return */
	size_t n_returns;
	bool has_ipv6;     /* the kernel speaks it */
	bool took_over;    /* a killed daemon had left its steering */
	struct diag *d;    /* NULL after steer_up() */
};

/* "cannot WHAT: the kernel's reason", with advice where the reason calls for it. */
int steer_fail(struct steer *s, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static inline bool steer_has_family(const struct steer *s, uint8_t l3)
{
	return l3 == L3_IPV4 || s->has_ipv6;
}
/* Whether a network of that family is behind a captured interface. */
bool steer_capture_has(const struct steer_capture *c, uint8_t l3);

/* Links.  steer_port_up: addresses and networks may be none. */
int steer_port_check_host(struct steer *s);
int steer_port_up(struct steer *s, const char *name, uint32_t mtu, uint32_t txqueuelen,
		  const struct config_addresses *addresses, uint32_t *ret_index);

/* Routes: first those that close, then, with the TUNs up, those that lead into them. */
int steer_route_close(struct steer *s);
int steer_route_open(struct steer *s);
void steer_route_down(struct steer *s);

/* Rules.  steer_rule_look finds out has_ipv6 and took_over; steer_rule_up also takes out
 * what a former configuration left. */
int steer_rule_look(struct steer *s);
int steer_rule_up(struct steer *s);
void steer_rule_down(struct steer *s);

/* Filters of one captured interface. */
int steer_tc_up(struct steer *s, struct steer_capture *c);
void steer_tc_down(struct steer *s, struct steer_capture *c);
/* Take ours from interfaces that are captured no more. */
int steer_tc_sweep(struct steer *s);

#endif
