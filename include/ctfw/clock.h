/* clock.h - time as an argument.
 *
 * The engine reads no clock: whoever calls it says what time it is.  The daemon
 * reads both clocks once a wake-up, a replay takes them from its capture. */
#ifndef CTFW_CLOCK_H
#define CTFW_CLOCK_H

#include <stdint.h>

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

struct instant {
	uint64_t mono; /* nanoseconds of a clock that never jumps; 0 is a legal time */
	uint64_t real; /* nanoseconds since 1970-01-01 00:00 UTC */
};

#endif
