/* arena_private.h - what arena.c and arena_text.c share. */
#ifndef CTFW_BASE_ARENA_PRIVATE_H
#define CTFW_BASE_ARENA_PRIVATE_H

#include "ctfw/arena.h"
#include "ctfw/siphash.h"

/* For checks against accidents, not against an enemy: whoever may write the arena is us. */
extern const struct siphash_key arena_check_key;

/* Give pages memory: a file system without room says so here, by a negative errno, rather than
 * by a signal later. */
int arena_reserve(void *from, uint64_t bytes);

#endif
