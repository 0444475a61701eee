/* keeper_private.h - the parts of the keeper.
 *
 * keeper.c        life-cycle, the filter's life, main loop
 * keeper_reload.c another configuration, and other TUNs by it */
#ifndef CTFW_HOST_KEEPER_PRIVATE_H
#define CTFW_HOST_KEEPER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "host/channel.h"
#include "host/filter.h"
#include "host/isolate.h"
#include "host/keeper.h"
#include "host/ports.h"
#include "host/rundir.h"
#include "host/steering.h"

struct keeper {
	struct config *config; /* in force; its RESTART options as at the start */
	unsigned workers;
	struct identity identity;
	struct rundir rundir;
	struct ports ports;
	struct steering *steering;
	int signals; /* signalfd */
	int import_fd; /* what the kernel tracks, for the first filter; -1 */

	pid_t filter; /* 0: there is none */
	int channel;
	bool filter_ready;
	uint64_t filter_started, heartbeat; /* monotonic */
	uint64_t heard; /* a heartbeat, good or not */
	uint64_t died; /* the one before */
	uint64_t restart_at; /* while there is none */
	unsigned restarts, short_lives;

	bool announced; /* the daemon has begun to filter */
	uint64_t since; /* real: when */
	bool stopping;
	uint64_t kill_at;
	bool done;
	int status; /* exit status */
	int failure; /* the same, when the first filter does not start */

	struct load load;
	int reload_fd;       /* text of the configuration that the filter works on; -1 none */
	bool reloading;      /* the filter was told and has not answered */
	uint64_t answer_by;  /* when that is too long; monotonic */
	bool reload_wanted;  /* once more, after that */
	int reload_serial;   /* of the last client that asked */
	/* What the filter works on captures something else: the configuration, and its ports,
	 * which are open; NULL: it does not. */
	struct config *wanted;
	struct ports *wanted_ports;
	bool replacing;     /* the filter is to end, for another to take its place at once */
	uint64_t mend_at;   /* when to try again to make a TUN that was lost */
	char status_line[CHANNEL_TEXT]; /* as systemd was told */
	struct channel_message message;
};

/* How long a filter may leave a reload unanswered; ns. */
uint64_t keeper_answer_limit(void);
/* End the filter in order, and start another: with k->config and k->ports as they are then.
 * why: for clients that wait for a reload; NULL: they may ask the other one. */
void keeper_replace_filter(struct keeper *k, const char *why);

void keeper_begin_reload(struct keeper *k);
void keeper_reload_answered(struct keeper *k, const struct channel_message *m);
void keeper_reload_failed(struct keeper *k, const char *why);
/* Nor will it ever: a filter that heeds us not is replaced. */
void keeper_reload_unanswered(struct keeper *k);
void keeper_end_reload(struct keeper *k);
/* A TUN was deleted by others: make it anew. */
void keeper_mend_ports(struct keeper *k);

#endif
