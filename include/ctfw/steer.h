/* steer.h - leads the traffic of captured interfaces through our TUNs and back.
 *
 * For [capture wg0] with networks N behind it, two TUNs stand in the way (the keeper has
 * made them before, see tun.h):
 *
 *                 tc redirects                         routed on: to the host, elsewhere
 *     wg0 =====> what enters wg0 ==> wg0-in  (ctfwd) wg0-in  ====>
 *     wg0 <==== what ctfwd passed <== wg0-out (ctfwd) wg0-out <==== what goes to N: rule, table
 *
 * Everything that we put into the host's stack:
 *
 *     link   wg0-in, wg0-out: no link-local address, rp_filter 0, accept_local 1, MTU, up
 *     tc     wg0 ingress: link-local and multicast pass, all other IP goes to wg0-in
 *     route  T: unreachable default, and unreachable N, both last in line
 *            T: default dev wg0-out; N dev wg0-out src the host's address in it
 *     rule   0     iif wg0 unreachable (before the local table; not where ARP is spoken)
 *            P     iif wg0-in goto P+40
 *            P+1   iif wg0-out goto P+40
 *            P+2   iif NAME goto P+40, for each [tun NAME] of role return
 *            P+10  iif wg0 unreachable
 *            P+20  to N lookup T
 *            P+40  nop
 *
 * T and P are [steer]'s table and priority, shared by all captures.  The rules are by name
 * and outlive the TUNs: while there is no ctfwd behind them, nothing passes.
 *
 * Life-cycle: steer_up() once, when the TUNs exist; steer_down() at an orderly stop, before
 * the TUNs are closed.  What a killed daemon left is taken over.  One thread; CAP_NET_ADMIN;
 * no file is opened. */
#ifndef CTFW_STEER_H
#define CTFW_STEER_H

#include "ctfw/config.h"
#include "ctfw/diag.h"

struct steer;

/* Put it all in, and set up the TUNs of [tun] sections too.  config must live as long.  0, or a negative errno with what
 * is wrong in d; then nothing of it stays, unless a killed daemon had left its steering:
 * that stays closed. */
int steer_up(const struct config *config, struct steer **ret_steer, struct diag *d);
/* Take it all out; until the last rule goes nothing passes unfiltered.  NULL is fine. */
void steer_down(struct steer *s);
/* Forget without touching the host: in a child that is not the keeper. */
void steer_free(struct steer *s);

/* What has been taken out. */
struct steer_taken {
	unsigned rules, routes;
	unsigned filters; /* of captured interfaces */
};
/* Take out of the host what any daemon has put in and left, by this configuration or another:
 * by whoever knows that none runs.  0, or a negative errno with what is wrong in d and some of
 * it still in. */
int steer_off(const struct config *config, struct steer_taken *ret_taken, struct diag *d);

#endif
