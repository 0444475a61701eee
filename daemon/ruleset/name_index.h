/* name_index.h - from the names of a table's chains, sets or objects to their handles.
 *
 * To handles, since these stay while places move: whatever is deleted, nothing else in the
 * index changes.  Names themselves are not kept: who looks one up compares it with that of each
 * handle that comes up, nearly always one. */
#ifndef CTFW_RULESET_NAME_INDEX_H
#define CTFW_RULESET_NAME_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_entry {
	uint64_t handle; /* 0: free */
	uint32_t hash;
};

struct name_index {
	struct name_entry *v; /* open addressing */
	size_t size;	      /* a power of two, or 0 */
	size_t n;
};

uint32_t name_hash(const char *name);

/* False when out of memory.  Two of one name (and of different kinds) are fine. */
bool name_index_put(struct name_index *ix, const char *name, uint64_t handle);
void name_index_remove(struct name_index *ix, const char *name, uint64_t handle);
/* The next handle that may have the name, 0 after the last; begin with *at SIZE_MAX. */
uint64_t name_index_next(const struct name_index *ix, const char *name, size_t *at);
bool name_index_copy(struct name_index *to, const struct name_index *from);
void name_index_fini(struct name_index *ix);

#endif
