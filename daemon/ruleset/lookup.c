/* lookup.c - building what lookup.h searches. */
#include "ruleset/lookup.h"

#include <stdlib.h>

/* So many ranges are searched as fast as a bitmap is read. */
#define BITMAP_FROM 5

static int range_compare(const void *a, const void *b)
{
	const struct wide_range *x = a, *y = b;

	return wide_below(y->first, x->first) - wide_below(x->first, y->first);
}

/* The number behind w; false when there is none. */
static bool wide_next(struct wide w, struct wide *ret_next)
{
	w.lo++;
	if (!w.lo && !++w.hi)
		return false;
	*ret_next = w;
	return true;
}

/* Sort, and join what overlaps or touches. */
static size_t merge(struct wide_range *r, size_t n)
{
	size_t out = 0;

	if (!n)
		return 0;
	qsort(r, n, sizeof(*r), range_compare);
	for (size_t i = 1; i < n; i++) {
		struct wide after;

		if (wide_next(r[out].last, &after) && wide_below(after, r[i].first))
			r[++out] = r[i];
		else if (wide_below(r[out].last, r[i].last))
			r[out].last = r[i].last;
	}
	return out + 1;
}

static struct lookup *bitmap_new(const struct wide_range *r, size_t n, unsigned bits)
{
	size_t size = (size_t)1 << bits;
	size_t words = (size + 63) / 64;
	struct lookup *l = calloc(1, sizeof(*l) + words * sizeof(uint64_t));

	if (!l)
		return NULL;
	l->n = (uint32_t)size;
	l->bits = l->data;
	for (size_t i = 0; i < n; i++) {
		for (uint64_t x = r[i].first.lo; x <= r[i].last.lo && x < size; x++)
			l->data[x / 64] |= (uint64_t)1 << x % 64;
	}
	return l;
}

static struct lookup *ranges_new(const struct wide_range *r, size_t n)
{
	struct lookup *l = calloc(1, sizeof(*l) + n * 2 * sizeof(uint32_t));
	uint32_t *first, *last;

	if (!l)
		return NULL;
	first = (uint32_t *)l->data;
	last = first + n;
	for (size_t i = 0; i < n; i++) {
		first[i] = (uint32_t)r[i].first.lo;
		last[i] = (uint32_t)r[i].last.lo;
	}
	l->n = (uint32_t)n;
	l->first = first;
	l->last = last;
	return l;
}

static struct lookup *wide_new(const struct wide_range *r, size_t n)
{
	struct lookup *l = calloc(1, sizeof(*l) + n * 2 * sizeof(struct wide));
	struct wide *first, *last;

	if (!l)
		return NULL;
	first = (struct wide *)l->data;
	last = first + n;
	for (size_t i = 0; i < n; i++) {
		first[i] = r[i].first;
		last[i] = r[i].last;
	}
	l->n = (uint32_t)n;
	l->wide_first = first;
	l->wide_last = last;
	return l;
}

struct lookup *lookup_new(struct wide_range *ranges, size_t n, unsigned bits)
{
	/* What is in no range at all is in an impossible one. */
	struct wide_range none = { .first = { UINT64_MAX, UINT64_MAX } };

	n = merge(ranges, n);
	if (!n) {
		none.first.lo = bits > 32 ? UINT64_MAX : UINT32_MAX;
		ranges = &none;
		n = 1;
	}
	if (bits > 32)
		return wide_new(ranges, n);
	if (bits <= 16 && n >= BITMAP_FROM)
		return bitmap_new(ranges, n, bits);
	return ranges_new(ranges, n);
}
