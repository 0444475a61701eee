/* pulse.h - the filter's heartbeat: the keeper hears that it lives.
 *
 * The main thread beats from its loop, so that a beat speaks for that thread and, by alive(),
 * for every worker.  But it also works on rulesets, and one of a million elements keeps it from
 * its loop for seconds, on a slow machine for minutes, while the workers go on filtering.  It
 * says so before; then a thread of the pulse's own beats in its place, for the workers.  Only
 * so long: work that never ends is a hang.
 *
 * The thread is there from the start, since rulesets are loaded then as well.  It allocates
 * nothing and looks at no flow. */
#ifndef CTFW_HOST_PULSE_H
#define CTFW_HOST_PULSE_H

#include <stdbool.h>

struct pulse;

struct pulse_options {
	int channel;       /* the filter's end: CHANNEL_HEARTBEAT */
	unsigned beat_ms;  /* how often the keeper wants to hear one */
	unsigned work_ms;  /* how long one piece of work may take */
	/* Whether every worker makes progress; called by either thread, not by both at once. */
	bool (*alive)(void *arg);
	void *arg;
};

/* NULL when out of memory, or when there can be no thread. */
struct pulse *pulse_new(const struct pulse_options *options);
void pulse_free(struct pulse *p);

/* The main thread: a beat, with a line for people. */
void pulse_beat(struct pulse *p, const char *line);
/* It works on something that may take long, and is back from it.  what: for people, as
 * "Loading rules"; must live until then.  p NULL is fine for both. */
void pulse_work(struct pulse *p, const char *what);
void pulse_rest(struct pulse *p);

#endif
