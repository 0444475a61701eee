/* pulse.c - the filter's heartbeat; see pulse.h. */
#include "host/pulse.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctfw/hostclock.h"
#include "host/channel.h"

/* The line for people stays as it is while work takes no longer. */
#define TELL_AFTER NSEC_PER_SEC
#define LINE_BYTES 128

struct pulse {
	struct pulse_options options;
	pthread_t thread;
	pthread_mutex_t lock; /* of all that follows, and of alive() */
	pthread_cond_t cond;
	bool stopping;
	const char *what; /* NULL: the main thread is in its loop */
	uint64_t since;   /* monotonic ns: when the work began */
	uint64_t beaten;  /* the last beat */
};

static void beat(struct pulse *p, const char *line)
{
	const struct pulse_options *o = &p->options;

	channel_send(o->channel, CHANNEL_HEARTBEAT, o->alive(o->arg) ? 0 : -ETIMEDOUT, line, -1);
	p->beaten = hostclock_mono();
}

/* In the main thread's place, where that is away and may be. */
static void beat_for_main(struct pulse *p)
{
	uint64_t t = hostclock_mono(), worked = t - p->since;
	char line[LINE_BYTES] = "";

	if (!p->what || worked > p->options.work_ms * NSEC_PER_MSEC ||
	    t - p->beaten < p->options.beat_ms * NSEC_PER_MSEC)
		return;
	if (worked >= TELL_AFTER)
		snprintf(line, sizeof(line), "%s, for %u s", p->what,
			 (unsigned)(worked / NSEC_PER_SEC));
	beat(p, line);
}

static void *run(void *arg)
{
	struct pulse *p = arg;
	uint64_t at = hostclock_mono();

	pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		/* Twice as often as one is due: none comes late by more than half of that. */
		uint64_t next = at + p->options.beat_ms * NSEC_PER_MSEC / 2;
		const struct timespec until = { (time_t)(next / NSEC_PER_SEC),
					       (long)(next % NSEC_PER_SEC) };

		if (pthread_cond_timedwait(&p->cond, &p->lock, &until) != ETIMEDOUT)
			continue;
		beat_for_main(p);
		at = hostclock_mono();
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct pulse *pulse_new(const struct pulse_options *options)
{
	struct pulse *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;

	if (!p)
		return NULL;
	p->options = *options;
	p->beaten = hostclock_mono();
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->cond, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&p->thread, NULL, run, p)) {
		free(p);
		return NULL;
	}
	pthread_setname_np(p->thread, "pulse");
	return p;
}

void pulse_free(struct pulse *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_signal(&p->cond);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->cond);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void pulse_beat(struct pulse *p, const char *line)
{
	pthread_mutex_lock(&p->lock);
	beat(p, line);
	pthread_mutex_unlock(&p->lock);
}

static void set_work(struct pulse *p, const char *what)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->what = what;
	p->since = hostclock_mono();
	pthread_mutex_unlock(&p->lock);
}

void pulse_work(struct pulse *p, const char *what)
{
	set_work(p, what);
}

void pulse_rest(struct pulse *p)
{
	set_work(p, NULL);
}
