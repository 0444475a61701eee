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
 *     link   wg0-in, wg0-out: no link-local address, rp_filter 0, accept_local 1, MTU, up;
 *            wg0-out of a group of its own
 *     tc     wg0 ingress: link-local and multicast pass, all other IP goes to wg0-in;
 *            so do frames with a VLAN tag, where ARP is spoken, to be dropped
 *     route  T: unreachable default, and unreachable N, both last in line
 *            T: default dev wg0-out; N dev wg0-out src the host's address in it
 *     rule   0     iif wg0 unreachable (before the local table; not where ARP is spoken)
 *            0     iif wg0 lookup T' (in the place of that, where ARP is spoken; with
 *                  net.ipv4.conf.all.rp_filter = 2 everywhere in IPv4)
 *            P     iif wg0-in goto P+40
 *            P+1   iif wg0-out goto P+40
 *            P+2   iif NAME goto P+40, for each [tun NAME] of role return
 *            P+10  iif wg0 unreachable
 *            P+18  iif lo from 0.0.0.0 to N lookup S, past what leads to that group (IPv4)
 *            P+20  to N lookup T
 *            P+40  nop
 *
 *     route  T': unreachable default, last in line
 *            T': local A dev wg0, for each of the host's addresses that wg0 answers for;
 *                multicast ff00::/8 dev wg0; these two where ARP is spoken
 *            T': default dev wg0-in, with rp_filter = 2
 *            S:  multicast N dev lo, last in line
 *            S:  multicast N dev wg0-out, dev wg0
 *
 * T and P are [steer]'s table and priority, shared by all captures; T' is the n-th capture's
 * own, n behind T, and S the one 33 behind it.  The rules are by name and outlive the TUNs and
 * the interface: while there is no ctfwd behind them, nothing passes.  What leads into the TUNs
 * comes and goes with the interface.
 *
 * No rule is asked about what is sent to 255.255.255.255; S has its sources refused while wg0 is
 * not led, see plan_source.c.
 *
 * Who asks by ARP, or by a neighbour solicitation, for the host's address is answered only
 * when rules and routes make that address a local one: that is what T' is for.  Its routes go
 * with the interface, and are put in when what enters it is redirected again: one that was
 * made anew is closed, whoever is dead.  As long as they are there the redirect is all that
 * keeps what enters from the host itself: should others delete it, the routes are taken out
 * by the next look before it is put back.
 *
 * With rp_filter = 2 the kernel looks at sources, when it forwards, as if they came in by the
 * interface that their packets leave by.  What comes back from a TUN and leaves by wg0 is let
 * through when there is a way for that: the one into wg0-in, where what is not redirected goes
 * too.  And each of our TUNs has some IPv4 address: 192.0.0.8/32, which is nobody's.
 *
 * Life-cycle: steer_up() when the TUNs exist; then steer_heard() when steer_fd() is readable
 * and steer_look() when steer_due() says so; steer_down() at an orderly stop, before the TUNs
 * are closed.  What a killed daemon left is taken over.  One thread; CAP_NET_ADMIN; no file
 * is opened. */
#ifndef CTFW_STEER_H
#define CTFW_STEER_H

#include "ctfw/config.h"
#include "ctfw/diag.h"
#include "ctfw/plan.h"

struct steer;

/* Metrics that nobody else's routes have: of those that catch what has lost its TUN, behind all
 * others, and of the others in a capture's own table. */
#define STEER_LAST_METRIC 0xff002000u
#define STEER_OWN_METRIC 0xff001fffu
/* Of TUNs of role out, to be told from all other interfaces. */
#define STEER_GROUP 51187

/* Put it all in, and set up the TUNs of [tun] sections too.  config must live as long, and
 * changes only by steer_change().  An interface that is not there is waited for.  0, or a
 * negative errno with what is wrong in d; then nothing of it stays, unless a killed daemon
 * had left its steering: that stays closed.  -ENOTRECOVERABLE: to try again is of no use
 * before somebody has changed the configuration or the host. */
int steer_up(const struct config *config, struct steer **ret_steer, struct diag *d);
/* The configuration has other [capture] sections, and their TUNs exist: what is captured no
 * more is free.  0, or a negative errno with what is wrong in d; then the next look tries
 * again. */
int steer_change(struct steer *s, struct diag *d);
/* Take it all out; until the last rule goes nothing passes unfiltered.  Where the guard is
 * set, what closes stays, and *ret_guarded is true.  0, or a negative errno: all is left as it
 * is, and nothing passes, as after a death.  NULL is fine. */
int steer_down(struct steer *s, bool *ret_guarded);
/* Forget without touching the host: in a child that is not the keeper, and before a restart,
 * for the next one to take over. */
void steer_free(struct steer *s);

/* ---- keeping it there ---- */

/* What happened, for the log: lines with their newlines. */
struct steer_news {
	struct text notice, warning;
	bool changed; /* status tells something else now */
};

struct steer_stats {
	uint64_t restored[PLAN_KIND_COUNT]; /* deleted by others and put back */
	unsigned missing;                   /* what could not be put in at the last look */
	bool failing;                       /* that look failed */
	bool guarded;                       /* see steer_guard() */
	bool strict;                        /* all.rp_filter is 1: nothing comes back */
};

int steer_fd(const struct steer *s);
/* Hear what has changed; now: monotonic, nanoseconds. */
void steer_heard(struct steer *s, uint64_t now);
/* Monotonic: when to look next. */
uint64_t steer_due(const struct steer *s);
/* Put in what is missing, follow interfaces and addresses.  Texts are appended to. */
void steer_look(struct steer *s, struct steer_news *news);

const struct steer_stats *steer_stats(const struct steer *s);
/* Whether a captured interface is there, and up. */
bool steer_is_there(const struct steer *s, const char *ifname);
/* A TUN of ours was deleted. */
bool steer_lost_tun(const struct steer *s);
/* It was made anew, by who had made it before: counted as put back. */
void steer_made_tun(struct steer *s);

/* ---- without a daemon ---- */

/* Close what is to stay closed (fail-closed) by the names of the interfaces, which need not be
 * there, and set a mark by which a daemon leaves it so when it stops.  A daemon that runs goes
 * on.  0, or a negative errno with what is wrong in d. */
int steer_guard(const struct config *config, struct diag *d);
/* Take the mark away, and, unless a daemon has its TUNs, all the rest of ours too. */
int steer_guard_off(const struct config *config, struct diag *d);
/* What has been taken out. */
struct steer_taken {
	unsigned rules, routes;
	unsigned filters; /* of captured interfaces */
	bool guard;       /* what steer_guard() had set */
};
/* Take out of the host what any daemon has put in and left, by this configuration or another:
 * by whoever knows that none runs.  0, or a negative errno with what is wrong in d and some of
 * it still in. */
int steer_off(const struct config *config, struct steer_taken *ret_taken, struct diag *d);

/* Whether an interface is to be opened when the daemon dies, and do that. */
bool steer_opens(const struct config *config);
int steer_open_up(const struct config *config);

#endif
