/* filter_private.h - the parts of the filter process.
 *
 * filter.c      life-cycle, main loop, heartbeat (pulse.h), log lines, housekeeping
 * filter_memory.c the arena, and what is made of it before packets are looked at
 * filter_load.c configuration and ruleset: at the start, and again
 * filter_trial.c changes on trial, until they are confirmed or undone
 * filter_status.c what Status and the status line say */
#ifndef CTFW_HOST_FILTER_PRIVATE_H
#define CTFW_HOST_FILTER_PRIVATE_H

#include <jansson.h>

#include "ctfw/control.h"
#include "ctfw/hostclock.h"
#include "host/control_server.h"
#include "host/filter.h"
#include "host/pulse.h"
#include "host/worker.h"

struct event;
struct event_base;
struct hostsource;

/* A client that waits for a reload: for the one with this serial or a later one. */
struct reload_waiter {
	struct reload_waiter *next;
	int serial;
	uint32_t uid; /* who asked */
	void (*done)(void *done_arg, int err, const char *message);
	void *done_arg;
};

struct filter {
	const struct filter_start *start;
	struct config *config;
	struct load load;
	struct pulse *pulse;

	struct arena arena;
	bool arena_fresh;
	bool misconfigured; /* the start failed over the ruleset file */
	struct counters *counters;
	struct set_elements *elements;
	struct conntrack *ct;
	struct engine *engine;
	struct generation *generation;
	struct event_hub *events;
	struct rule_hub *rules;
	struct trace_hub *traces;
	struct event *trace_event;
	int events_fd; /* eventfd: the hub has something to collect */

	struct event_base *base;
	struct event *channel_event, *log_event, *events_event, *events_timer,
		*heartbeat_event, *housekeep_event;
	struct hostsource *hostsource;
	struct control_context control_context;
	struct control_server *control;

	struct worker_shared shared;
	struct worker *workers;
	unsigned n_workers; /* started */
	bool running;       /* they filter */
	uint64_t since;     /* real ns: when this process began to */

	/* Of what is on trial: its end and the mark of the countdown as last seen; when an undo
	 * that failed is tried again.  Monotonic ns. */
	uint64_t trial_until, trial_mark, trial_retry;
	bool trial_failed; /* the log has told of that */

	json_t *steering; /* as the keeper told last; NULL: not yet */

	struct reload_waiter *waiters;
	int reload_serial;
	int ending; /* 0, or what who asks for a reload is told: -ESHUTDOWN, -EAGAIN */
};

/* Map the arena, and take up what it has: flows, counters and elements are there, the ruleset
 * is read but not in force.  0, or a negative errno with diagnostics. */
int filter_take_up(struct filter *f, struct diag *d);
/* The rest is read: the heap grows as everybody's. */
void filter_settle_heap(void);
/* The configured ruleset file, at the start.  0, or a negative errno with diagnostics. */
int filter_load_ruleset(struct filter *f, struct diag *d);
/* CHANNEL_RELOAD or CHANNEL_RELOAD_LAST has come, with a descriptor of the text (or -1 and
 * why). */
void filter_reload(struct filter *f, const struct channel_message *m, int fd);
/* control_context.reload; done's err -EAGAIN: the next filter may be asked. */
void filter_want_reload(void *arg, uint64_t until, uint32_t uid,
			void (*done)(void *done_arg, int err, const char *message),
			void *done_arg);
/* Tell them why there will be none of this filter. */
void filter_drop_waiters(struct filter *f, int err, const char *why);
/* control_context.saved. */
int filter_file_saved(void *arg, struct diag *d);
/* The ports have changed: tell the workers. */
void filter_renew_view(struct filter *f);

/* Count down, and undo when it is time.  Many times a second. */
void filter_trial(struct filter *f);
/* At the start, before any packet: what a former process left on trial, which is undone when
 * its time is over.  Whether what is then in force must stay, whatever the ruleset file holds:
 * the trial goes on, or that file was on trial. */
bool filter_trial_restored(struct filter *f);
/* The ruleset file was put in force: the log tells when that is on trial. */
void filter_trial_file(const struct filter *f);
/* Whole seconds, begun ones too. */
uint64_t filter_trial_left(const struct generation_trial *t, uint64_t mono);
/* control_context.log. */
void filter_log(void *arg, const char *line);

/* CHANNEL_STEERING has come. */
void filter_set_steering(struct filter *f, const char *text);
/* control_context.status. */
json_t *filter_status(void *arg);
/* One line for people. */
void filter_status_line(struct filter *f, struct text *out);

#endif
