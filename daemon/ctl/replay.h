/* replay.h - the firewall in private memory: the daemon's engine without its host.
 *
 * One engine, one worker, one port of role both, rules and a view of the host from whoever
 * asks, and time as they say.  `ctfwctl replay` and the scenario tests feed it.
 *
 * Life-cycle: replay_new(), then rules and hostview as wanted (also between packets), then
 * packets; replay_free().  The thread that calls is the engine's worker, registered with
 * liburcu as long as the replay lives: one replay a thread at a time. */
#ifndef CTFW_CTL_REPLAY_H
#define CTFW_CTL_REPLAY_H

#include "ctfw/engine.h"

struct replay_options {
	struct conntrack_options conntrack;
	const struct frag_options *fragments; /* NULL: the defaults */
	uint8_t key[16]; /* of the flow table's hash: the same key, the same early drops */
	/* A log statement was met; may be NULL. */
	void (*log)(void *arg, const struct engine_log *record);
	void *log_arg;
};

/* What became of a packet. */
struct replay_outcome {
	struct packet packet; /* as far as it could be parsed */
	struct engine_trace trace;
	struct engine_result result;
	const uint8_t *out; /* what the engine emits: the packet or a reply; NULL: nothing */
	size_t out_len;     /* the first of several, see replay_more() */
};

struct replay;

/* 0, -ENOMEM, or -EINVAL: an option is out of range. */
int replay_new(const struct replay_options *options, struct replay **ret_replay);
void replay_free(struct replay *r);

/* Apply commands to the rules in force, all or none.  Errors as ruleset_apply()'s. */
int replay_apply(struct replay *r, const struct ruleset_input *input, struct diag *d,
		 struct text *out);
/* Takes ownership of hv. */
void replay_set_hostview(struct replay *r, struct hostview *hv);
/* Copied, its networks borrowed.  The first port is of role both, without a name. */
void replay_set_port(struct replay *r, const struct engine_port *port);

/* One packet at a time that is never before a former packet's: an earlier one counts as
 * the former's, since timers only run forward.  The outcome is good until the next call. */
void replay_packet(struct replay *r, uint8_t *data, size_t len,
		   const struct virtio_net_hdr *vnet, uint64_t time,
		   struct replay_outcome *ret_outcome);
/* A datagram in fragments is emitted as several packets: put the next one in the place of
 * o->out; false when there is none.  Before the next packet. */
bool replay_more(struct replay *r, struct replay_outcome *o);
/* Let time go on without a packet, and expire what is due. */
void replay_advance(struct replay *r, uint64_t time);

uint64_t replay_time(const struct replay *r);
struct engine *replay_engine(struct replay *r);
struct conntrack *replay_conntrack(struct replay *r);

#endif
