/* engine.h - one packet, in strict order: the whole firewall as a function.
 *
 * Bytes, a clock reading, a ruleset and a view of the host go in; a verdict and perhaps
 * other bytes come out.  The daemon, replay, fuzzers, benchmarks and tests call the very
 * same functions.
 *
 * Threads: as in conntrack.h.  Workers call engine_input() and nothing else; programs and
 * hostviews are swapped by one other thread, and freed by it after a grace period. */
#ifndef CTFW_ENGINE_H
#define CTFW_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/arena.h"
#include "ctfw/build.h"
#include "ctfw/conntrack.h"
#include "ctfw/frag.h"
#include "ctfw/hook.h"
#include "ctfw/hostview.h"
#include "ctfw/ruleset.h"

/* What a port carries: the port says where a packet comes from, never its source address
 * alone. */
enum port_role {
	PORT_NONE = 0,
	PORT_IN,   /* what entered the captured interface: forward, or input */
	PORT_OUT,  /* what goes to the networks behind it: forward, or output */
	PORT_BOTH, /* a TUN routed by hand: addresses tell input, forward and output */
	/* What came to an address of the host's own and may answer a flow that NAT rewrites:
	 * forward, or input.  All else that is for the host is given back as it came: no chain
	 * sees it, and no flow begins. */
	PORT_RETURN,
};
const char *port_role_name(enum port_role role); /* "in", "out", "both", "return" */

struct engine_port {
	enum port_role role;
	uint32_t ifindex;      /* of the real interface; 0 when not known */
	/* What iifname (in, both, return) and oifname (out) show; zero-padded. */
	char ifname[IFNAMSIZ];
	bool spoof_check;      /* in: the source must be in networks, or routed back there */
	unsigned hooks;        /* 1 << HOOK_INPUT | ...: others are tracked and let through */
	const struct prefix *networks; /* behind the interface */
	size_t n_networks;
};
#define ENGINE_ALL_HOOKS (1u << HOOK_INPUT | 1u << HOOK_FORWARD | 1u << HOOK_OUTPUT)

/* A log statement that passed the limit: what logline_format() needs. */
struct engine_log {
	const struct packet *packet;
	enum hook hook;
	const struct log_spec *spec;
	const char *iifname, *oifname; /* "" for none */
	uint32_t mark;
	uint8_t hop; /* eval's: less by that than the packet's own TTL or hop limit */
};

struct engine_options {
	unsigned workers; /* 1..ARENA_MAX_WORKERS */
	uint32_t log_rate;   /* log lines a second, each worker its share; 0: none */
	uint32_t reply_rate; /* ICMP errors a second that reject may send, likewise */
	/* Called by workers; may be NULL. */
	void (*log)(void *arg, unsigned worker, const struct engine_log *record);
	void *log_arg;
	const struct frag_options *fragments; /* NULL: the defaults */
};

struct engine;

/* Borrows conntrack and counters (which may be NULL when no rule counts). */
struct engine *engine_new(struct conntrack *ct, struct counters *counters,
			  const struct engine_options *options);
/* Frees the program and the hostview in force too. */
void engine_free(struct engine *e);

/* Compile a ruleset, and see to what its program needs: its timeout policies get their numbers,
 * as ruleset_number() says, and extensions of flows their memory.  0, -ENOMEM, or -EINVAL with
 * an error said. */
int engine_compile(struct engine *e, struct ruleset *rs, const struct ruleset *former,
		   struct diag *d, struct program **ret_program);
/* Put another in force, take ownership, and free the former after a grace period (so the
 * caller waits for the workers, microseconds).  NULL program: accept everything. */
void engine_set_program(struct engine *e, struct program *p);
void engine_set_hostview(struct engine *e, struct hostview *hv);
void engine_set_rates(struct engine *e, uint32_t log_rate, uint32_t reply_rate);
/* What of it may change: frag.h. */
void engine_set_fragments(struct engine *e, const struct frag_options *options);
/* Give up what has waited too long for its other fragments, and after a new hostview end the
 * flows that were masqueraded as an address which it has no more.  The thread that swaps
 * programs, several times a second. */
void engine_housekeep(struct engine *e, struct instant now);

enum engine_action {
	ENGINE_NONE = 0,
	ENGINE_DROP,
	/* Write the packet back as it is now, p->len bytes: it lies in its buffer, or in one of
	 * the engine's if it was put together or made longer.  p->vnet is the virtio-net header
	 * that goes with it, and there is room for that before it. */
	ENGINE_PASS,
	ENGINE_REPLY, /* write the reply in its place, to the same port */
	ENGINE_HOLD,  /* a fragment that waits for others: it was copied, write nothing */
	/* The last fragment that a datagram was missing: write what engine_next() gives. */
	ENGINE_FRAGMENTS,
};

struct engine_result {
	enum engine_action action;
	enum reason reason; /* of a drop; REASON_REJECT with a reply, or where none is due */
	uint32_t reply_len; /* bytes in the reply buffer */
};

/* What happened to one packet, for people; strings as long as the program. */
struct engine_trace {
	enum hook hook; /* where it was decided: input, forward or output once that is known */
	uint8_t ct_state; /* enum ct_state, as the filter hooks see it; NONE: never tracked */
	uint8_t ct_dir;
	bool ct_has_dir;
	enum verdict verdict; /* ACCEPT, DROP, REJECT, or NONE for a fragment that waits */
	enum verdict_by by;
	enum reason reason;   /* with BY_REASON */
	const char *family, *table, *chain; /* with BY_RULE and BY_POLICY; NULL: no chain */
	uint64_t handle;
	bool has_flow; /* the entry as the packet left it */
	struct flow flow;
};

/* First half: parse (step 1) and fetch what the second will need.  REASON_NONE, or why the
 * packet is dropped: it is counted then, and engine_input() must not be called.  trace may
 * be NULL. */
enum reason engine_prepare(struct engine *e, unsigned worker, uint8_t *data, size_t len,
			   const struct virtio_net_hdr *vnet, struct packet *ret_packet,
			   struct engine_trace *trace);
/* Between the halves, before packet i of a batch of n is judged: fetch what those some places
 * behind it will need.  Optional. */
void engine_prefetch(struct engine *e, const struct packet *p, unsigned n, unsigned i);
/* Second half: steps 2 to 11.  reply: BUILD_MAX bytes of the caller's.  trace may be NULL.
 * *p becomes what was judged: with the last missing fragment that is the datagram, which is
 * the engine's and good until this worker's next call. */
void engine_input(struct engine *e, unsigned worker, const struct engine_port *port,
		  struct packet *p, struct instant now, uint8_t *reply,
		  struct engine_result *ret_result, struct engine_trace *trace);
/* After ENGINE_FRAGMENTS: the next packet to write, an empty virtio-net header in the bytes
 * before it, good until this worker's next call; or false: that was all. */
bool engine_next(struct engine *e, unsigned worker, const uint8_t **ret_packet,
		 size_t *ret_len);
/* The caller could not write what it was told to: an IP packet of len bytes. */
void engine_write_failed(struct engine *e, unsigned worker, size_t len);
/* So many packets were not even looked at: REASON_WAITED. */
void engine_waited(struct engine *e, unsigned worker, uint64_t packets, uint64_t bytes);

struct engine_stats {
	uint64_t packets_in, bytes_in;
	uint64_t packets_out, bytes_out; /* passed and replies */
	uint64_t hook_packets[HOOK_COUNT]; /* input, forward, output */
	uint64_t dropped[REASON_COUNT];
	uint64_t replies;
	uint64_t super_packets;
	uint64_t given_back; /* by ports of role return: the host's own; also in packets_out */
	uint64_t log_suppressed;
	/* Datagrams that were put together, the fragments that those came in which passed, and
	 * what these left in. */
	uint64_t datagrams, fragments_passed, fragments_out;
};
/* A packet that comes is passed, dropped, or waits; each is counted once, a datagram's
 * fragments all with it.  The sum of all workers, or one worker's (0..workers-1): what ran
 * out of time is nobody's. */
void engine_stats(const struct engine *e, struct engine_stats *ret_stats);
void engine_worker_stats(const struct engine *e, unsigned worker,
			 struct engine_stats *ret_stats);
/* The fragments that wait. */
void engine_fragments(const struct engine *e, struct frag_stats *ret_stats);

/* The kernel's packet line: "prefix IN=wg0 OUT=eth0 SRC=... DST=... LEN=... PROTO=TCP ...".
 * Returns the length as snprintf would. */
int logline_format(const struct engine_log *record, char *buf, size_t size);

#endif
