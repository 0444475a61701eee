/* world.h - an engine in private memory, for benchmarks. */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include "ctfw/conntrack.h"
#include "ctfw/counter.h"
#include "ctfw/engine.h"

struct world {
	void *mem;
	size_t size;
	struct arena arena;
	struct conntrack *ct;
	struct counters *counters;
	struct ruleset *ruleset;
	struct engine *engine;
	struct engine_port in, out; /* wg0 with 10.0.0.0/8 behind it */
	struct instant now;
};

/* An engine of one worker for so many flows, with the rules of a file.  The calling thread
 * is the worker.  Ends the process when something is missing. */
void world_init(struct world *w, uint32_t max_flows, const char *rules);
void world_fini(struct world *w);

#endif
