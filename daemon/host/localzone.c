/* localzone.c - the time zone that this process is in, as a table of its changes.
 *
 * The C library tells what a zone differs by at one time only.  It is asked for every third
 * week, and closer where that has changed: summer times are longer, and so is what comes
 * between two of them in a month of fasting. */
#include "ctfw/localzone.h"

#include <time.h>

#define STEP (21 * 86400)
#define END  INT64_C(4102444800) /* 2100-01-01 */

static int32_t offset_at(int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	return localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

/* The first second of another offset than lo has; hi has another one. */
static int64_t first_other(int64_t lo, int64_t hi)
{
	int32_t was = offset_at(lo);

	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (offset_at(mid) == was)
			lo = mid;
		else
			hi = mid;
	}
	return hi;
}

void localzone_read(struct zone *ret_zone)
{
	int32_t offset;

	tzset(); /* it may be another one than when we began */
	*ret_zone = (struct zone){ .now = offset_at(time(NULL)), .before = offset_at(0) };
	offset = ret_zone->before;
	for (int64_t at = 0; at < END && ret_zone->n < ZONE_CHANGES_MAX; at += STEP) {
		if (offset_at(at + STEP) == offset)
			continue;
		offset = offset_at(at + STEP);
		ret_zone->changes[ret_zone->n++] =
			(struct zone_change){ first_other(at, at + STEP), offset };
	}
}
