/* worker.h - a thread that filters.
 *
 * Overview: each worker has a queue of every TUN.  It sleeps in an event loop of its own
 * until one of them has packets; then it serves all of them in turn, a batch each, until
 * nothing has come for `spin` microseconds.  A batch is read whole (64 packets or 256 KB),
 * then judged in order, then written: so that parsing and fetching of the next overlap with
 * the work on one.
 *
 * Life-cycle: worker_start() makes the thread, which waits; worker_go() lets it run, once
 * its rights are given up; worker_stop() ends it.
 *
 * A worker looks at its queues four times a second even when nothing wakes it.  So when it
 * finds that it has not for longer than max-wait, it was not there (killed, stopped, not run by
 * the machine), and what waits is too old to be of use: it is dropped, and counted.  When it
 * last looked outlives it in the arena.
 *
 * RCU: a worker is online from its wake-up to its sleep, and quiescent between batches: what
 * it finds through the engine or `view` it holds no longer than that. */
#ifndef CTFW_HOST_WORKER_H
#define CTFW_HOST_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctfw/engine.h"
#include "host/logring.h"
#include "host/ports.h"

struct event;
struct event_base;

#define WORKER_BATCH 64
#define WORKER_BATCH_BYTES (256u << 10)

/* What all workers share, set up before the first starts. */
struct worker_shared {
	struct engine *engine;
	const struct ports *ports;
	_Atomic(struct ports_view *) view; /* replaced at a reload; a grace period frees it */
	_Atomic uint64_t spin_ns;
	_Atomic uint64_t max_wait_ns;
	_Atomic uint64_t *read_at; /* of each worker, where it outlives us; see arena.h */
	bool first; /* queues that no former daemon left are new */
	int log_event; /* eventfd: a ring that was empty has a line */
	pthread_mutex_t lock; /* of go */
	pthread_cond_t cond;
	bool go;
};

struct worker {
	struct worker_shared *shared;
	unsigned index;
	pthread_t thread;
	struct event_base *base;
	struct event *stop_event;
	struct event *port_event[CONFIG_PORTS_MAX]; /* NULL: the port is lost */
	size_t n_ports;
	size_t first_port; /* who is served first, in turn */
	uint8_t *buffer;
	struct event *tick;
	uint64_t read_at; /* when the queues were last looked at, monotonic ns; 0 unknown */
	bool begun;
	struct logring ring;

	/* For the watchdog: it makes progress, or it sleeps. */
	_Atomic uint64_t progress;
	_Atomic bool asleep;
	_Atomic uint32_t ports_lost;
	_Atomic bool stopping;
	int stop_fd;

	/* The watchdog's own. */
	uint64_t last_progress;
};

/* What the configuration says of spin and max-wait. */
void worker_set_times(struct worker_shared *shared, const struct config_daemon *config);
/* 0 or a negative errno.  *w is zeroed before. */
int worker_start(struct worker *w, struct worker_shared *shared, unsigned index);
/* All of them. */
void worker_go(struct worker_shared *shared);
/* Ask it to end; worker_join() waits for that and frees what it has. */
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
/* engine_options.log, with the array of all workers as arg. */
void worker_log(void *arg, unsigned index, const struct engine_log *record);
/* Whether it got on since the last call, or had nothing to do. */
bool worker_alive(struct worker *w);

#endif
