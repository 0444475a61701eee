/* hostclock.h - the host's clocks, read by those above the library, which reads none. */
#ifndef CTFW_HOSTCLOCK_H
#define CTFW_HOSTCLOCK_H

#include <time.h>

#include "ctfw/clock.h"

/* Nanoseconds. */
static inline uint64_t hostclock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static inline uint64_t hostclock_mono(void)
{
	return hostclock_ns(CLOCK_MONOTONIC);
}

static inline uint64_t hostclock_real(void)
{
	return hostclock_ns(CLOCK_REALTIME);
}

static inline struct instant hostclock_now(void)
{
	return (struct instant){ .mono = hostclock_mono(), .real = hostclock_real() };
}

#endif
