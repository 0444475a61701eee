/* filter.h - the process that filters: engine, workers, control socket.
 *
 * The keeper forks it, so that it inherits configuration, descriptors and what there is to
 * know of the daemon's past (struct filter_start); it never returns. */
#ifndef CTFW_HOST_FILTER_H
#define CTFW_HOST_FILTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctfw/config.h"
#include "host/channel.h"
#include "host/ports.h"
#include "host/rundir.h"

/* The last attempt to load configuration and ruleset; times are real, nanoseconds. */
struct load {
	uint64_t time;
	bool reload; /* else at the start */
	bool ok;
	char error[CHANNEL_TEXT]; /* "" when ok */
	/* When what is in force was loaded. */
	uint64_t config_loaded, ruleset_loaded;
};

struct filter_start {
	struct config *config; /* in force; the filter's copy, by fork */
	struct ports *ports; /* the filter's copy, too */
	struct rundir *rundir; /* the filter's copy, too */
	const struct load *load;
	int channel;
	pid_t keeper;
	unsigned workers;
	unsigned heartbeat_ms;
	unsigned work_ms; /* how long it may be at work on one ruleset */
	/* The daemon has just been started: the ruleset is the configured file.  Else it goes
	 * on with what the arena holds, commands of clients included. */
	bool first;
	int import_fd;     /* of import_read(), or -1 */
	unsigned restarts; /* of the filter */
	uint64_t since;    /* real ns: when the daemon began to filter; 0 not yet */
};

void filter_run(const struct filter_start *start) __attribute__((noreturn));

#endif
