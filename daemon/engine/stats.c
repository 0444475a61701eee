/* stats.c - the workers' counts, summed when somebody asks. */
#include <string.h>

#include "engine/private.h"

/* A struct of nothing but 64-bit counts can be summed as an array of them. */
_Static_assert(sizeof(struct engine_stats) % sizeof(uint64_t) == 0, "");

static void add(const struct engine_stats *from, struct engine_stats *to)
{
	const uint64_t *src = (const uint64_t *)from;
	uint64_t *dst = (uint64_t *)to;

	for (size_t i = 0; i < sizeof(*from) / sizeof(uint64_t); i++)
		dst[i] += __atomic_load_n(&src[i], __ATOMIC_RELAXED);
}

void engine_worker_stats(const struct engine *e, unsigned worker,
			 struct engine_stats *ret_stats)
{
	memset(ret_stats, 0, sizeof(*ret_stats));
	add(&e->worker[worker].stats, ret_stats);
}

void engine_stats(const struct engine *e, struct engine_stats *ret_stats)
{
	struct frag_stats fragments;

	memset(ret_stats, 0, sizeof(*ret_stats));
	for (unsigned i = 0; i < e->workers; i++)
		add(&e->worker[i].stats, ret_stats);
	frag_stats(e->fragments, &fragments);
	ret_stats->dropped[REASON_FRAGMENT_TIMEOUT] += fragments.timed_out;
	ret_stats->dropped[REASON_FRAGMENT_DISTANCE] += fragments.overtaken;
}

void engine_fragments(const struct engine *e, struct frag_stats *ret_stats)
{
	frag_stats(e->fragments, ret_stats);
}
