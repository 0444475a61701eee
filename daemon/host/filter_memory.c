/* filter_memory.c - the arena, and what is made of it before packets are looked at.
 *
 * What takes time is to look at the flows, and to read the ruleset.  Neither needs the other,
 * and packets wait for both: the flows are looked at by a thread of its own, which ends
 * before anything is done that needs them. */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctfw/expect.h"
#include "ctfw/set_dynamic.h"
#include "host/filter_private.h"
#include "host/log.h"

/* It may have stayed smaller than asked for. */
static void fit_options(struct conntrack_options *options, const struct arena *a)
{
	uint32_t most = conntrack_max_flows(a->header->flow_records);

	if (options->max_flows > most)
		options->max_flows = most;
}

static int map_arena(struct filter *f, struct diag *d)
{
	struct conntrack_options *options = &f->config->conntrack;
	struct rundir *rundir = f->start->rundir;
	const int former = rundir->arena_fd;
	/* Columns for as many workers as there may ever be, so that another number of them
	 * after a restart finds its counters and flows again; what is unused takes no memory.
	 */
	const struct arena_geometry geometry = {
		.flow_records = conntrack_records(options->max_flows),
		.workers = ARENA_MAX_WORKERS,
		.expect_records = conntrack_expect_records(options->expect_max),
		.element_records = f->config->daemon.max_elements,
	};
	/* What the daemon's start put off is not tried again while packets wait for the next
	 * filter. */
	int err = rundir_map_arena(rundir, &geometry, f->start->first, &f->arena,
				   &f->arena_fresh, d);

	if (err)
		return err;
	/* The next filter is to have it as well, so before anything is changed in it. */
	if (rundir->arena_fd != former)
		err = channel_send(f->start->channel, CHANNEL_ARENA, 0, NULL,
				   rundir->arena_fd);
	if (err) {
		diag_error(d, NULL, "the keeper does not answer: %s", strerror(-err));
		return err;
	}
	fit_options(options, &f->arena);
	arena_set_workers(&f->arena, f->arena_fresh, f->start->workers);
	return 0;
}

/* ---- flows ---- */

struct flows {
	struct filter *filter;
	pthread_t thread;
	bool apart; /* by that thread */
	int err;
};

static void *take_up_flows(void *arg)
{
	struct flows *flows = arg;
	struct filter *f = flows->filter;

	f->ct = conntrack_new(&f->arena, &f->config->conntrack, f->start->workers,
			      hostclock_now());
	flows->err = f->ct ? 0 : -errno;
	/* Between two daemons the host may have let pass what it liked. */
	if (f->ct && f->start->first)
		conntrack_relearn_windows(f->ct);
	return NULL;
}

static void begin_flows(struct flows *flows)
{
	flows->apart = !pthread_create(&flows->thread, NULL, take_up_flows, flows);
	if (!flows->apart)
		take_up_flows(flows);
}

static int end_flows(struct flows *flows)
{
	if (flows->apart)
		pthread_join(flows->thread, NULL);
	return flows->err;
}

/* ---- the ruleset ---- */

/* What rules are read into is so many times as much memory as their text. */
#define HEAP_TIMES	16
#define HEAP_LEAST_TEXT (64u << 10)
/* What the top of the heap has free is less than two of these, and each is less than what
 * malloc() would ask the system for by itself. */
#define HEAP_BLOCK	((size_t)96 << 10)

/* As glibc has both by itself. */
#define HEAP_PAD	(128 << 10)

/* The heap of this thread grows by pad bytes, which it keeps. */
static void grow_heap(size_t pad)
{
	volatile char *block[2];

	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_TOP_PAD, (int)pad);
	for (unsigned i = 0; i < 2; i++) {
		block[i] = malloc(HEAP_BLOCK);
		if (block[i])
			*block[i] = 0;
	}
	for (unsigned i = 0; i < 2; i++)
		free((void *)block[i]);
	/* Those of other threads shall not: what they have is large, and mostly empty. */
	mallopt(M_TOP_PAD, HEAP_PAD);
}

/* A new process has to be given each page that it touches, which took a quarter of the time that
 * rules take to be read.  Where the host has huge pages, these are fewer by five hundred times.
 * generation_settle() gives back what was not needed in the end. */
static void prepare_heap(const struct arena *arena)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	struct arena_note note;
	uintptr_t from, to;
	uint64_t text = 0;

	if (arena_saved(arena))
		arena_saved_note(arena, 0, &note, &text);
	if (text < HEAP_LEAST_TEXT || text > INT_MAX / HEAP_TIMES)
		return;
	from = (uintptr_t)sbrk(0);
	grow_heap(text * HEAP_TIMES);
	to = (uintptr_t)sbrk(0) & ~(page - 1);
	from = (from + page - 1) & ~(page - 1);
	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}

void filter_settle_heap(void)
{
	mallopt(M_TRIM_THRESHOLD, HEAP_PAD);
}

/* As far as it is read, with what its rules and sets count and hold. */
static int read_ruleset(struct filter *f)
{
	struct diag damaged = DIAG_INIT;

	f->counters = counters_new(&f->arena);
	if (f->counters)
		f->elements = set_elements_new(&f->arena, counters_states(f->counters),
					       f->start->workers, hostclock_mono());
	if (!f->elements)
		return -ENOMEM;
	counters_lend(f->counters, f->elements);
	f->generation = generation_read(f->counters, &f->arena, &damaged);
	if (damaged.errors)
		log_text(LEVEL_ERROR, text_str(&damaged.text));
	diag_fini(&damaged);
	return f->generation ? 0 : -ENOMEM;
}

int filter_take_up(struct filter *f, struct diag *d)
{
	struct engine_options options = {
		.workers = f->start->workers,
		.log_rate = f->config->log.rate,
		.reply_rate = f->config->daemon.reply_rate,
		.log = worker_log,
		.log_arg = f->workers,
		.fragments = &f->config->fragments,
	};
	struct flows flows = { .filter = f };
	int err, flows_err;

	err = map_arena(f, d);
	if (err)
		return err;
	prepare_heap(&f->arena);
	begin_flows(&flows);
	err = read_ruleset(f);
	flows_err = end_flows(&flows);
	err = err ? err : flows_err;
	if (!err) {
		f->engine = engine_new(f->ct, f->counters, &options);
		err = f->engine ? 0 : -errno;
	}
	if (err)
		diag_error(d, NULL, "cannot set up the flow table: %s", strerror(-err));
	return err;
}
