/* name_index.c - see name_index.h. */
#include "ruleset/name_index.h"

#include <stdlib.h>
#include <string.h>

uint32_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	while (*name)
		h = (h ^ (unsigned char)*name++) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

static void put(struct name_index *ix, struct name_entry entry)
{
	size_t i = entry.hash & (ix->size - 1);

	while (ix->v[i].handle)
		i = (i + 1) & (ix->size - 1);
	ix->v[i] = entry;
}

/* At most half full. */
static bool grow(struct name_index *ix)
{
	struct name_index more = { .size = ix->size ? 2 * ix->size : 8, .n = ix->n };

	if (2 * (ix->n + 1) <= ix->size)
		return true;
	more.v = calloc(more.size, sizeof(*more.v));
	if (!more.v)
		return false;
	for (size_t i = 0; i < ix->size; i++) {
		if (ix->v[i].handle)
			put(&more, ix->v[i]);
	}
	free(ix->v);
	*ix = more;
	return true;
}

bool name_index_put(struct name_index *ix, const char *name, uint64_t handle)
{
	if (!grow(ix))
		return false;
	put(ix, (struct name_entry){ .handle = handle, .hash = name_hash(name) });
	ix->n++;
	return true;
}

void name_index_remove(struct name_index *ix, const char *name, uint64_t handle)
{
	size_t mask = ix->size - 1, hole;

	if (!ix->size)
		return;
	hole = name_hash(name) & mask;
	while (ix->v[hole].handle && ix->v[hole].handle != handle)
		hole = (hole + 1) & mask;
	if (!ix->v[hole].handle)
		return;
	/* Whoever was pushed on by the one that goes comes back. */
	for (size_t i = (hole + 1) & mask; ix->v[i].handle; i = (i + 1) & mask) {
		if (((i - ix->v[i].hash) & mask) >= ((i - hole) & mask)) {
			ix->v[hole] = ix->v[i];
			hole = i;
		}
	}
	ix->v[hole].handle = 0;
	ix->n--;
}

uint64_t name_index_next(const struct name_index *ix, const char *name, size_t *at)
{
	uint32_t hash = name_hash(name);
	size_t mask = ix->size - 1;

	if (!ix->size)
		return 0;
	*at = (*at == SIZE_MAX ? hash : *at + 1) & mask;
	for (; ix->v[*at].handle; *at = (*at + 1) & mask) {
		if (ix->v[*at].hash == hash)
			return ix->v[*at].handle;
	}
	return 0;
}

bool name_index_copy(struct name_index *to, const struct name_index *from)
{
	*to = *from;
	to->v = malloc(from->size * sizeof(*to->v) + 1);
	if (!to->v)
		return false;
	if (from->size)
		memcpy(to->v, from->v, from->size * sizeof(*to->v));
	return true;
}

void name_index_fini(struct name_index *ix)
{
	free(ix->v);
	*ix = (struct name_index){ 0 };
}
