/* private.h - what the engine's files share. */
#ifndef CTFW_ENGINE_PRIVATE_H
#define CTFW_ENGINE_PRIVATE_H

#include <stdatomic.h>

#include "ctfw/engine.h"
#include "ctfw/nat.h"

/* So many a second, at most a second's worth at once. */
struct bucket {
	uint64_t full_at; /* mono ns at which it is full again */
};

/* One worker's own; nobody else writes here. */
struct engine_worker {
	struct engine_stats stats; /* written by relaxed atomic stores, read by anyone */
	struct bucket log, reply;
	uint64_t random; /* state of the random numbers that rules ask for */
	/* The datagram put together last, and what of it is to be written. */
	struct fragment_work *fragments;
} __attribute__((aligned(128)));

struct fragment_work {
	struct frag_buffer whole;
	struct packet packet;
	struct frag_cut cut;
	uint64_t ids; /* of IPv6, given so far */
	_Alignas(16) uint8_t lead[16 - sizeof(struct virtio_net_hdr)];
	uint8_t vnet[sizeof(struct virtio_net_hdr)]; /* empty */
	uint8_t fragment[PACKET_MAX];
};

struct engine {
	struct conntrack *ct;
	struct frag_table *fragments;
	struct siphash_key id_key; /* of IPv6's identifications */
	struct counters *counters;
	_Atomic(struct program *) program;
	_Atomic(struct hostview *) hostview;
	_Atomic uint32_t log_rate, reply_rate; /* of each worker, a second */
	unsigned workers;
	/* nat_forget(): whether the host has changed since its walk began, and where that is. */
	bool moved, forgetting;
	uint32_t forget_at;
	void (*log)(void *arg, unsigned worker, const struct engine_log *record);
	void *log_arg;
	struct engine_worker *worker;
	_Atomic bool traced; /* somebody listens */
	unsigned trace_listeners;
	struct trace_ring *_Atomic traces; /* of each worker; NULL: nobody has listened yet */
};

/* One packet on its way: what the steps hand on to each other.  engine_input() sets each
 * member, `verdicts` apart. */
struct way {
	struct engine *engine;
	struct engine_worker *worker;
	const struct engine_port *port;
	const struct program *program;   /* NULL: accept everything */
	const struct hostview *hostview; /* NULL: nothing is known of the host */
	unsigned hooked; /* program_hooks() */
	struct packet *packet;
	struct instant now;
	enum hook hook; /* input, forward or output */
	struct ct_ref ct;
	/* What rules have said before conntrack: a zone, which then stands for the flow. */
	struct ct_zone zone;
	bool has_zone;
	struct eval eval;
	/* The verdict so far is decided; the other of the two takes the next one.  Copied, it
	 * would have to wait until its parts have reached the cache. */
	struct eval_result verdicts[2], *decided;
	enum hook decided_at;
	/* What it came in: 1, or as many fragments as were put together. */
	uint32_t packets;
	bool held;     /* it waits */
	bool together; /* packet is in worker->fragments */
	bool rewritten;  /* by NAT */
	bool redirected; /* to another destination than that for which it came by its port */
	bool given_back; /* the host's own on a port of role return */
	uint8_t *reply;
	struct engine_result *result;
};

/* What goes through the fragment table. */
#define FRAGMENTED (PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER)

/* Only this worker writes, others read: no read-modify-write is needed. */
static inline void count(uint64_t *at, uint64_t n)
{
	__atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* Take one token; false when there is none. */
bool bucket_take(struct bucket *b, uint32_t rate, uint64_t mono);

/* origin.c: step 3, by the port and the host's addresses.  Sets the hook. */
enum reason origin(struct way *way);
/* Fill in eval's interfaces, asking the host's routes once a flow. */
void origin_interfaces(struct way *way);

/* Whom the host hands a packet to, whose source it then chooses: of IPv4 the gateway, where there
 * is one; of IPv6 its receiver counts.  There is a hostview. */
union addr origin_next_hop(const struct way *way, const union addr *to);
/* On a port of role return, with the hook set: whether the packet is nobody's but the host's. */
bool origin_is_hosts_own(struct way *way);

/* fragment.c: step 2.  The packet, the datagram that it completes, or held. */
enum reason fragment_collect(struct way *way);
/* How a datagram that passes goes out. */
void fragment_emit(struct way *way);

/* After NAT has given the packet another destination: which hook it is for now. */
void origin_again(struct way *way);

/* nat.c: eval's nat, and NAT at one of its four hooks. */
bool nat_choose(struct eval *e, enum hook hook, const struct nat_request *request);
enum reason nat(struct way *way, enum hook hook);
/* End flows that speak as addresses which the host has no more: when it has changed all flows are
 * looked at, a slice at a time. */
void nat_forget(struct engine *e, struct instant now);
/* The packet as it came, for answers. */
void nat_undo(struct way *way);

/* engine.c: the base chains of a hook and stage; there are some. */
enum reason evaluate(struct way *way, enum hook hook, enum stage stage);

/* given.c: what rules do to flows (eval's act), and what some of them ask of flows beyond what
 * all do (GIVEN_ASKED). */
enum ct_acted given_act(struct eval *e, const struct ct_action *action);
void given_look(struct way *way);
#define GIVEN_ASKED (PROGRAM_LABELS | PROGRAM_HELPERS | PROGRAM_IDS)
/* The timeout policies of a program: put in force before it is; the others are forgotten
 * afterwards. */
struct policies {
	struct conntrack *ct;
	uint64_t numbers[CT_POLICY_WORDS];
};
void policies_define(struct policies *p, struct conntrack *ct, const struct program *program);

/* trace.c: eval's trace. */
void trace_packet(struct eval *e, const struct eval_trace *t);
void trace_free(struct engine *e);

/* limits.c: step 10, for packets that NAT has rewritten.  REASON_NONE, REASON_TTL or
 * REASON_TOO_BIG. */
enum reason limits(struct way *way);
/* Of the interface that the packet leaves by; 0: not known. */
uint32_t limits_mtu(struct way *way);

/* answer.c: what is sent to the sender of a packet that ends for REASON_REJECT or by step 10. */
void answer(struct way *way, enum reason reason);

#endif
