/* zone.c - local time. */
#include "ctfw/zone.h"

int32_t zone_offset(const struct zone *z, int64_t at)
{
	size_t lo = 0, hi = z ? z->n : 0;

	/* Behind the last change that is not later. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->changes[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? z->changes[lo - 1].offset : z ? z->before : 0;
}
