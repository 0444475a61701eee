/* set_arena.h - dynamic sets in tests: an arena for their elements alone. */
#ifndef UNIT_RULESET_SET_ARENA_H
#define UNIT_RULESET_SET_ARENA_H

#include <stdlib.h>
#include <string.h>

#include "ctfw/set_dynamic.h"

struct set_arena {
	struct arena arena;
	void *mem;
	struct set_elements *e;
};

static inline void set_arena_init(struct set_arena *a, uint32_t records, unsigned workers)
{
	static const uint8_t boot_id[16] = {1}, key[16] = {2};
	struct arena_geometry g = {
		.flow_records = 16, .workers = 1, .text_bytes = 1, .element_records = records};
	size_t size = arena_size(&g);

	a->mem = aligned_alloc(4096, size);
	memset(a->mem, 0, size);
	arena_format(a->mem, &g, boot_id, key, &a->arena);
	a->e = set_elements_new(&a->arena, NULL, workers, 0);
}

/* As the next process would. */
static inline void set_arena_restart(struct set_arena *a, unsigned workers, uint64_t mono)
{
	set_elements_free(a->e);
	a->e = set_elements_new(&a->arena, NULL, workers, mono);
}

static inline void set_arena_fini(struct set_arena *a)
{
	set_elements_free(a->e);
	free(a->mem);
}

/* A key of four bytes. */
static inline const uint8_t *key_of(uint32_t x, uint8_t key[4])
{
	memcpy(key, &x, 4);
	return key;
}

#endif
