/* zone.h - local time: what somebody's clocks differ from UTC by, over the years.
 *
 * The library asks no host for its time zone: who calls says what zone a text is written in and
 * read in.  NULL is UTC, everywhere. */
#ifndef CTFW_ZONE_H
#define CTFW_ZONE_H

#include <stddef.h>
#include <stdint.h>

#define ZONE_OFFSET_MAX 93599 /* seconds: what POSIX lets a zone differ by, 25:59:59 */
/* Enough for two changes in each year of two centuries, and what history adds to them. */
#define ZONE_CHANGES_MAX 1024

struct zone {
	int32_t now;	/* seconds east of UTC at present: times of the day are told by it */
	int32_t before; /* likewise, before the first change */
	size_t n;
	struct zone_change {
		int64_t at;	/* seconds since 1970, in UTC; ascending */
		int32_t offset; /* from then on */
	} changes[ZONE_CHANGES_MAX];
};

/* Seconds east of UTC at that time, in seconds since 1970. */
int32_t zone_offset(const struct zone *z, int64_t at);
/* At present. */
static inline int32_t zone_now(const struct zone *z)
{
	return z ? z->now : 0;
}

#endif
