/* filter_trial.c - changes on trial: the clock that undoes them, and what the log says of it.
 *
 * Looked at by housekeeping, many times a second, so that there is no timer of its own which
 * could be forgotten when the end of a trial moves. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "host/filter_private.h"
#include "host/log.h"

#define RETRY_NS NSEC_PER_SEC

/* Seconds before the end at which the log counts down. */
static const uint64_t marks[] = { 3600, 1800, 600, 300, 120, 60, 30, 10, 5 };
#define N_MARKS (sizeof(marks) / sizeof(marks[0]))

/* "03:12:04", local time. */
static const char *clock_text(uint64_t real, char buf[static 16])
{
	time_t t = (time_t)(real / NSEC_PER_SEC);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(buf, 16, "%H:%M:%S", &tm))
		strcpy(buf, "?");
	return buf;
}

uint64_t filter_trial_left(const struct generation_trial *t, uint64_t mono)
{
	return t->until > mono ? (t->until - mono + NSEC_PER_SEC - 1) / NSEC_PER_SEC : 0;
}

/* The least mark at or above it; UINT64_MAX: there is none. */
static uint64_t mark_of(uint64_t left)
{
	uint64_t mark = UINT64_MAX;

	for (size_t i = 0; i < N_MARKS && marks[i] >= left; i++)
		mark = marks[i];
	return mark;
}

/* Once at each mark that is passed; where the end has moved it begins anew. */
static void count_down(struct filter *f, const struct generation_trial *t, uint64_t mono)
{
	uint64_t left = filter_trial_left(t, mono), mark = mark_of(left);
	char begun[16];

	if (f->trial_until == t->until && mark < f->trial_mark)
		log_say(LEVEL_WARNING,
			"what was changed since %s is undone in %" PRIu64
			" seconds unless \"ctfwctl confirm\" comes",
			clock_text(t->begun, begun), left);
	f->trial_until = t->until;
	f->trial_mark = mark;
}

static void tell_undone(const struct filter *f, const struct generation_trial *t)
{
	char begun[16];

	log_say(LEVEL_WARNING, "nobody confirmed: what was changed since %s is undone",
		clock_text(t->begun, begun));
	if (t->file)
		log_say(LEVEL_WARNING,
			"%s is as it was, and not what runs: a reload reads it again",
			f->config->daemon.ruleset);
}

/* Once, however often it is tried again. */
static void tell_failed(struct filter *f, const struct diag *d)
{
	struct generation_trial still;
	bool again = generation_trial(f->generation, &still);

	if (!f->trial_failed) {
		log_say(LEVEL_ERROR, "what is on trial cannot be undone%s:",
			again ? ", trying again each second" : "");
		log_text(LEVEL_ERROR, d->text.len ? text_str(&d->text) : "out of memory");
	}
	f->trial_failed = again;
}

static void undo(struct filter *f, const struct generation_trial *t, struct instant now)
{
	struct diag d = DIAG_INIT;

	if (generation_undo(f->generation, now, &d) == 0) {
		f->trial_failed = false;
		tell_undone(f, t);
		log_text(LEVEL_ERROR, text_str(&d.text));
	} else {
		f->trial_retry = now.mono + RETRY_NS;
		tell_failed(f, &d);
	}
	diag_fini(&d);
}

void filter_trial(struct filter *f)
{
	struct instant now = hostclock_now();
	struct generation_trial t;

	if (!generation_trial(f->generation, &t))
		return;
	count_down(f, &t, now.mono);
	if (now.mono >= t.until && now.mono >= f->trial_retry)
		undo(f, &t, now);
}

bool filter_trial_restored(struct filter *f)
{
	uint64_t mono = hostclock_mono();
	struct generation_trial t;
	char begun[16];

	if (!generation_trial(f->generation, &t))
		return false;
	log_say(LEVEL_WARNING, "what was changed since %s is still on trial",
		clock_text(t.begun, begun));
	filter_trial(f);
	return t.file || t.until > mono;
}

void filter_trial_file(const struct filter *f)
{
	struct generation_trial t;

	if (generation_trial(f->generation, &t))
		log_say(LEVEL_WARNING,
			"the ruleset file is on trial: undone in %" PRIu64
			" seconds unless \"ctfwctl confirm\" comes",
			filter_trial_left(&t, hostclock_mono()));
}

void filter_log(void *arg, const char *line)
{
	(void)arg;
	log_text(LEVEL_NOTICE, line);
}
