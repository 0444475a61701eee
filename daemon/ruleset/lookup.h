/* lookup.h - is a value one of many?  What `{ 22, 80-90, 10.0.0.0/8 }` becomes.
 *
 * Built once from ranges, then only read.  Values of up to 16 bits become a bitmap when
 * there are more than a few of them (at most 8 KiB, of which a look-up touches one cache
 * line); others stay ranges, sorted, without overlaps, and are searched by halves. */
#ifndef CTFW_RULESET_LOOKUP_H
#define CTFW_RULESET_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number of 128 bits in host order: an IPv6 address, the sixteen bytes of an interface
 * name, or in lo alone anything shorter. */
struct wide {
	uint64_t hi, lo;
};

struct wide_range {
	struct wide first, last; /* both included */
};

struct lookup {
	uint32_t n;        /* ranges; of a bitmap: its bits */
	const uint64_t *bits; /* NULL: ranges */
	/* The first and the last values of the ranges, in the width of the value. */
	const uint32_t *first, *last;
	const struct wide *wide_first, *wide_last;
	uint64_t data[];
};

/* bits: width of the values, 1..32 or 128.  Sorts and merges the ranges in place.  NULL when
 * out of memory; free() frees it. */
struct lookup *lookup_new(struct wide_range *ranges, size_t n, unsigned bits);

static inline bool wide_below(struct wide x, struct wide y)
{
	return x.hi < y.hi || (x.hi == y.hi && x.lo < y.lo);
}

static inline bool lookup_find(const struct lookup *l, uint32_t x)
{
	uint32_t base = 0, n = l->n;

	if (l->bits)
		return x < n && l->bits[x / 64] >> x % 64 & 1;
	/* The last range that begins at or below x, without a branch that depends on x. */
	while (n > 1) {
		uint32_t half = n / 2;

		base += l->first[base + half] <= x ? half : 0;
		n -= half;
	}
	return l->first[base] <= x && x <= l->last[base];
}

static inline bool lookup_find_wide(const struct lookup *l, struct wide x)
{
	uint32_t base = 0, n = l->n;

	while (n > 1) {
		uint32_t half = n / 2;

		base += !wide_below(x, l->wide_first[base + half]) ? half : 0;
		n -= half;
	}
	return !wide_below(x, l->wide_first[base]) && !wide_below(l->wide_last[base], x);
}

#endif
