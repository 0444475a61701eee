/* threads.h - for tests of many threads: what cmocka offers to its own thread alone, and dice
 * that fall the same way for the same seed. */
#ifndef UNIT_THREADS_H
#define UNIT_THREADS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ASSERT(condition)                                                                     \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);       \
			abort();                                                              \
		}                                                                             \
	} while (0)

/* 0 to sides - 1. */
static inline uint32_t dice(uint64_t *seed, uint32_t sides)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % sides;
}

#endif
