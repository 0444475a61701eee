/* Sets of values: bitmaps, ranges, 128 bits; against what a plain search says. */
#include <stdlib.h>

#include "ruleset/lookup.h"
#include "unit/test.h"

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static bool within(const struct wide_range *r, size_t n, struct wide x)
{
	for (size_t i = 0; i < n; i++) {
		if (!wide_below(x, r[i].first) && !wide_below(r[i].last, x))
			return true;
	}
	return false;
}

static bool find(const struct lookup *l, unsigned bits, struct wide x)
{
	return bits > 32 ? lookup_find_wide(l, x) : lookup_find(l, (uint32_t)x.lo);
}

/* n random ranges of values of so many bits: the ends of each and their neighbours. */
static void check_random(unsigned bits, size_t n)
{
	uint64_t max = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
	struct wide_range *r = calloc(n + 1, sizeof(*r)), *work = calloc(n + 1, sizeof(*r));
	struct lookup *l;

	for (size_t i = 0; i < n; i++) {
		struct wide a = { bits > 64 ? next_random() % 4 : 0, next_random() & max };

		r[i].first = r[i].last = a;
		if (next_random() % 2)
			r[i].last.lo +=
				next_random() % (max - a.lo < 100 ? max - a.lo + 1 : 100);
		work[i] = r[i];
	}
	l = lookup_new(work, n, bits);
	assert_non_null(l);
	for (size_t i = 0; i < n; i++) {
		for (int d = -1; d <= 1; d++) {
			struct wide x = { r[i].first.hi, (r[i].first.lo + (uint64_t)d) & max };
			struct wide y = { r[i].last.hi, (r[i].last.lo + (uint64_t)d) & max };

			assert_int_equal(find(l, bits, x), within(r, n, x));
			assert_int_equal(find(l, bits, y), within(r, n, y));
		}
	}
	for (int i = 0; i < 1000; i++) {
		struct wide x = { bits > 64 ? next_random() % 4 : 0, next_random() & max };

		assert_int_equal(find(l, bits, x), within(r, n, x));
	}
	free(l);
	free(work);
	free(r);
}

static void random_sets_hold_what_was_put_in(void **state)
{
	static const unsigned widths[] = { 1, 8, 16, 32, 128 };

	(void)state;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		for (size_t n = 1; n < 300; n = n * 3 / 2 + 1)
			check_random(widths[i], n);
	}
}

static void an_empty_set_holds_nothing(void **state)
{
	static const unsigned widths[] = { 8, 16, 32, 128 };

	(void)state;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		struct lookup *l = lookup_new(NULL, 0, widths[i]);

		assert_false(find(l, widths[i], (struct wide){ 0, 0 }));
		assert_false(find(l, widths[i], (struct wide){ UINT64_MAX, UINT64_MAX }));
		free(l);
	}
}

static void what_overlaps_or_touches_becomes_one_range(void **state)
{
	struct wide_range r[] = {
		{ { 0, 30 }, { 0, 39 } }, { { 0, 10 }, { 0, 19 } }, { { 0, 20 }, { 0, 25 } },
		{ { 0, 12 }, { 0, 13 } }, { { 0, 27 }, { 0, 27 } },
	};
	struct lookup *l = lookup_new(r, 5, 32);

	(void)state;
	assert_int_equal(l->n, 3);
	assert_true(lookup_find(l, 25));
	assert_false(lookup_find(l, 26));
	assert_true(lookup_find(l, 27));
	assert_false(lookup_find(l, 28));
	free(l);
}

static void ranges_reach_to_the_ends_of_their_width(void **state)
{
	struct wide_range all[] = { { { 0, 0 }, { 0, UINT32_MAX } } };
	struct wide_range top[] = { { { UINT64_MAX, 5 }, { UINT64_MAX, UINT64_MAX } },
				    { { UINT64_MAX, 9 }, { UINT64_MAX, 9 } },
				    { { 0, UINT64_MAX }, { 1, 0 } } };
	struct lookup *l = lookup_new(all, 1, 32);

	(void)state;
	assert_true(lookup_find(l, 0));
	assert_true(lookup_find(l, UINT32_MAX));
	free(l);
	l = lookup_new(top, 3, 128);
	assert_int_equal(l->n, 2);
	assert_true(lookup_find_wide(l, (struct wide){ UINT64_MAX, UINT64_MAX }));
	assert_false(lookup_find_wide(l, (struct wide){ UINT64_MAX, 4 }));
	assert_true(lookup_find_wide(l, (struct wide){ 1, 0 }));
	assert_false(lookup_find_wide(l, (struct wide){ 1, 1 }));
	assert_false(lookup_find_wide(l, (struct wide){ 0, UINT64_MAX - 1 }));
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_sets_hold_what_was_put_in),
		cmocka_unit_test(an_empty_set_holds_nothing),
		cmocka_unit_test(what_overlaps_or_touches_becomes_one_range),
		cmocka_unit_test(ranges_reach_to_the_ends_of_their_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
