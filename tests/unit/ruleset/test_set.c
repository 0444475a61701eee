/* Contents of sets: what may be added and deleted, what is found and listed. */
#include <errno.h>

#include "unit/ruleset/set_world.h"

static const struct set_shape ports = {.part = {{2, SET_ORDER_NETWORK}}, .n_parts = 1};
static const struct set_shape ranges = {
	.part = {{2, SET_ORDER_NETWORK}}, .n_parts = 1, .interval = true};
static const struct set_shape merging = {
	.part = {{2, SET_ORDER_NETWORK}}, .n_parts = 1, .interval = true, .auto_merge = true};
static const struct set_shape marks_of_ranges = {
	.part = {{2, SET_ORDER_NETWORK}}, .n_parts = 1, .interval = true, .data_bytes = 4};

static struct set_element with_data(struct set_element e, uint8_t data)
{
	e.data[0] = data;
	return e;
}

static bool finds(const struct set_content *c, uint64_t value, uint64_t mono)
{
	struct set_element e = number(set_content_shape(c), value);
	struct set_hit hit, again;
	bool found = set_find(c, e.key, mono, &hit);

	if (set_content_shape(c)->part[0].bytes <= 4)
		assert_int_equal(found, set_find_number(c, (uint32_t)value, mono, &again));
	assert_int_equal(found, set_find_wide(c, (struct wide){0, value}, mono, &again));
	return found;
}

/* ---- what nft allows ---- */

static void what_is_there_may_be_added_again_but_not_created(void **state)
{
	struct set_content *c = content_of(&ports);

	(void)state;
	assert_int_equal(change(c, SET_ADD, number(&ports, 1)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, number(&ports, 1)), SET_FINE);
	assert_int_equal(change(c, SET_CREATE, number(&ports, 1)), SET_EXISTS);
	assert_int_equal(change(c, SET_CREATE, number(&ports, 2)), SET_FINE);
	assert_int_equal(change(c, SET_DELETE, number(&ports, 3)), SET_ABSENT);
	assert_int_equal(change(c, SET_DELETE, number(&ports, 1)), SET_FINE);
	assert_string_equal(listed(c, 0), "2");
	assert_int_equal(set_content_count(c), 1);
	set_content_unref(c);
}

static void a_batch_may_name_an_element_twice(void **state)
{
	struct set_content *c = content_of(&ports);
	struct set_element two[] = {number(&ports, 9), number(&ports, 9)};
	struct set_error error;

	(void)state;
	assert_int_equal(change_all(c, SET_ADD, two, 2, 0, &error), SET_FINE);
	assert_int_equal(set_content_count(c), 1);
	assert_int_equal(change_all(c, SET_DELETE, two, 2, 0, &error), SET_ABSENT);
	assert_int_equal(error.index, 1);
	assert_int_equal(change_all(c, SET_CREATE, two, 2, 0, &error), SET_EXISTS);
	assert_int_equal(error.index, 1);
	set_content_unref(c);
}

static void the_same_key_with_other_data_is_refused(void **state)
{
	struct set_shape s = ports;
	struct set_content *c;

	(void)state;
	s.data_bytes = 4;
	c = content_of(&s);
	assert_int_equal(change(c, SET_ADD, with_data(number(&s, 10), 1)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, with_data(number(&s, 10), 1)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, with_data(number(&s, 10), 2)), SET_OTHER_DATA);
	assert_int_equal(change(c, SET_DELETE, with_data(number(&s, 10), 2)), SET_FINE);
	assert_int_equal(set_content_count(c), 0);
	set_content_unref(c);
}

static void intervals_must_not_overlap(void **state)
{
	static const uint16_t bad[][2] = {{15, 15}, {15, 25}, {5, 30},
					  {10, 15}, {20, 20}, {5, 10}};
	struct set_content *c = content_of(&ranges);
	struct set_error error;

	(void)state;
	assert_int_equal(change(c, SET_ADD, interval(&ranges, 10, 20)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, interval(&ranges, 10, 20)), SET_FINE);
	assert_int_equal(change(c, SET_CREATE, interval(&ranges, 10, 20)), SET_EXISTS);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct set_element e = interval(&ranges, bad[i][0], bad[i][1]);

		assert_int_equal(change_all(c, SET_ADD, &e, 1, 0, &error), SET_OVERLAPS);
		assert_int_equal(number_of(&ranges, 0, error.other.key), 10);
		assert_int_equal(number_of(&ranges, 0, error.other.end), 20);
	}
	assert_int_equal(change(c, SET_ADD, interval(&ranges, 21, 25)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, interval(&ranges, 5, 9)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, interval(&ranges, 65000, 65535)), SET_FINE);
	assert_string_equal(listed(c, 0), "5-9 10-20 21-25 65000-65535");
	assert_int_equal(change(c, SET_DELETE, interval(&ranges, 10, 15)), SET_ABSENT);
	assert_int_equal(change(c, SET_DELETE, number(&ranges, 15)), SET_ABSENT);
	assert_int_equal(change(c, SET_DELETE, interval(&ranges, 10, 20)), SET_FINE);
	assert_false(finds(c, 10, 0));
	assert_true(finds(c, 9, 0));
	assert_true(finds(c, 65535, 0));
	set_content_unref(c);
}

static void intervals_of_one_batch_that_conflict_are_named(void **state)
{
	struct set_element three[] = {interval(&ranges, 35, 50), interval(&ranges, 1, 2),
				      interval(&ranges, 30, 40)};
	struct set_element same[] = {interval(&ranges, 35, 50), interval(&ranges, 35, 50)};
	struct set_content *c = content_of(&ranges);
	struct set_error error;

	(void)state;
	assert_int_equal(change_all(c, SET_ADD, three, 3, 0, &error), SET_CONFLICTS);
	assert_int_equal(error.index, 2);
	assert_int_equal(error.with, 0);
	assert_int_equal(change_all(c, SET_ADD, same, 2, 0, &error), SET_FINE);
	set_content_unref(c);
}

static void an_interval_of_a_map_keeps_its_data(void **state)
{
	const struct set_shape *s = &marks_of_ranges;
	struct set_content *c = content_of(s);
	struct set_element e = number(s, 12);
	struct set_hit hit;

	(void)state;
	assert_int_equal(change(c, SET_ADD, with_data(interval(s, 10, 20), 1)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, with_data(interval(s, 10, 20), 2)), SET_OTHER_DATA);
	assert_int_equal(change(c, SET_ADD, with_data(interval(s, 30, 40), 2)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, with_data(interval(s, 1, 2), 3)), SET_FINE);
	assert_true(set_find(c, e.key, 0, &hit));
	assert_int_equal(hit.data[0], 1);
	set_content_unref(c);
}

static void intervals_join_and_split_with_auto_merge(void **state)
{
	struct set_element pair[] = {interval(&merging, 30, 40), interval(&merging, 35, 50)};
	struct set_content *c = content_of(&merging);
	struct set_error error;

	(void)state;
	assert_int_equal(change(c, SET_ADD, interval(&merging, 10, 20)), SET_FINE);
	assert_int_equal(change(c, SET_CREATE, interval(&merging, 10, 20)), SET_FINE);
	assert_int_equal(change(c, SET_CREATE, interval(&merging, 12, 13)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, interval(&merging, 21, 25)), SET_FINE);
	assert_int_equal(change_all(c, SET_ADD, pair, 2, 0, &error), SET_FINE);
	assert_string_equal(listed(c, 0), "10-25 30-50");
	assert_int_equal(change(c, SET_ADD, interval(&merging, 20, 60)), SET_FINE);
	assert_string_equal(listed(c, 0), "10-60");
	assert_int_equal(change(c, SET_DELETE, interval(&merging, 12, 15)), SET_FINE);
	assert_int_equal(change(c, SET_DELETE, number(&merging, 10)), SET_FINE);
	assert_int_equal(change(c, SET_DELETE, number(&merging, 60)), SET_FINE);
	assert_string_equal(listed(c, 0), "11 16-59");
	assert_int_equal(change(c, SET_DELETE, interval(&merging, 11, 16)), SET_ABSENT);
	assert_int_equal(change(c, SET_DELETE, interval(&merging, 50, 60)), SET_ABSENT);
	set_content_unref(c);
}

static void the_ends_of_the_number_line_join_and_split(void **state)
{
	static const uint8_t widths[] = {1, 2, 4, 8, 16};
	struct set_shape s = merging;

	(void)state;
	for (size_t i = 0; i < sizeof(widths); i++) {
		struct set_content *c;
		struct set_element e = {0};

		s.part[0].bytes = widths[i];
		c = content_of(&s);
		memset(e.end, 0xff, widths[i]);
		assert_int_equal(change(c, SET_ADD, e), SET_FINE);
		assert_int_equal(change(c, SET_ADD, e), SET_FINE);
		assert_int_equal(set_content_count(c), 1);
		memcpy(e.key, e.end, sizeof(e.key));
		assert_int_equal(change(c, SET_DELETE, e), SET_FINE);
		assert_int_equal(change(c, SET_DELETE, number(&s, 0)), SET_FINE);
		assert_int_equal(change(c, SET_ADD, e), SET_FINE);
		assert_int_equal(change(c, SET_ADD, number(&s, 0)), SET_FINE);
		assert_int_equal(set_content_count(c), 1);
		assert_int_equal(change(c, SET_DELETE, number(&s, 7)), SET_FINE);
		assert_int_equal(set_content_count(c), 2);
		set_content_unref(c);
	}
}

static void a_set_takes_no_more_than_its_size(void **state)
{
	struct set_shape s = merging;
	struct set_content *c;

	(void)state;
	s.size = 2;
	c = content_of(&s);
	assert_int_equal(change(c, SET_ADD, interval(&s, 1, 3)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, interval(&s, 7, 9)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, interval(&s, 20, 21)), SET_FULL);
	assert_int_equal(change(c, SET_ADD, interval(&s, 4, 6)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, interval(&s, 20, 21)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, interval(&s, 1, 9)), SET_FINE);
	set_content_unref(c);
}

static void the_catch_all_is_found_last_and_counts_for_no_size(void **state)
{
	struct set_element all = {.catch_all = true, .data = {7}};
	struct set_shape s = marks_of_ranges;
	struct set_content *c;
	struct set_element e;
	struct set_hit hit;

	(void)state;
	s.size = 1;
	c = content_of(&s);
	assert_int_equal(change(c, SET_ADD, all), SET_FINE);
	assert_int_equal(change(c, SET_ADD, all), SET_FINE);
	assert_int_equal(change(c, SET_CREATE, all), SET_EXISTS);
	assert_int_equal(change(c, SET_ADD, with_data(interval(&s, 3, 9), 2)), SET_FINE);
	assert_true(set_find_number(c, 5, 0, &hit));
	assert_int_equal(hit.data[0], 2);
	assert_true(set_find_number(c, 10, 0, &hit));
	assert_int_equal(hit.data[0], 7);
	assert_string_equal(listed(c, 0), "3-9 *");
	assert_true(set_content_get_catch_all(c, 0, &e));
	assert_int_equal(change(c, SET_DELETE, all), SET_FINE);
	assert_int_equal(change(c, SET_DELETE, all), SET_ABSENT);
	assert_false(set_find_number(c, 10, 0, &hit));
	set_content_unref(c);
}

static void an_element_is_got_by_any_part_of_it(void **state)
{
	struct set_content *c = content_of(&ranges);
	struct set_element part = interval(&ranges, 12, 18), more = interval(&ranges, 12, 22),
			   e;

	(void)state;
	change(c, SET_ADD, interval(&ranges, 10, 20));
	change(c, SET_ADD, interval(&ranges, 21, 30));
	assert_true(set_content_get(c, part.key, NULL, 0, &e));
	assert_int_equal(number_of(&ranges, 0, e.end), 20);
	assert_true(set_content_get(c, part.key, part.end, 0, &e));
	assert_int_equal(number_of(&ranges, 0, e.key), 10);
	assert_false(set_content_get(c, more.key, more.end, 0, &e));
	set_content_unref(c);
}

static void an_end_below_its_beginning_is_refused(void **state)
{
	struct set_batch *b = set_batch_new(&ranges, SET_ADD);
	struct set_element e = interval(&ranges, 5, 4);

	(void)state;
	assert_int_equal(set_batch_put(b, &e), -EINVAL);
	set_batch_free(b);
}

static void shapes_that_no_set_has_are_refused(void **state)
{
	struct set_shape s = {.n_parts = 0};
	struct set_content *c;

	(void)state;
	assert_int_equal(set_content_new(&s, &c), -E2BIG);
	s = (struct set_shape){.part = {{40, SET_ORDER_STRING}, {25, SET_ORDER_STRING}},
			       .n_parts = 2};
	assert_int_equal(set_content_new(&s, &c), -E2BIG);
	s.part[1].bytes = 24;
	assert_int_equal(set_content_new(&s, &c), 0);
	set_content_unref(c);
	s = ports;
	s.data_bytes = SET_DATA_MAX + 1;
	assert_int_equal(set_content_new(&s, &c), -E2BIG);
}

/* ---- listings ---- */

/* nft sorts names as numbers in the host's byte order: by the last letter first. */
static void names_are_listed_as_nft_sorts_them(void **state)
{
	static const char *const names[] = {"b", "a", "ab", "eth10", "eth2"},
				 *const plain[] = {"a", "b", "ab", "eth2", "eth10"},
				 *const intervals[] = {"a", "ab", "b", "eth10", "eth2"};
	struct set_shape s = {.part = {{16, SET_ORDER_STRING}}, .n_parts = 1};

	(void)state;
	for (int is_interval = 0; is_interval < 2; is_interval++) {
		const char *const *sorted = is_interval ? intervals : plain;
		struct set_cursor cursor = {0};
		struct set_content *c;
		struct set_element e;

		s.interval = is_interval;
		c = content_of(&s);
		for (int i = 0; i < 5; i++) {
			struct wide w = {0, 0};
			struct set_hit hit;

			e = (struct set_element){0};
			strcpy((char *)e.key, names[i]);
			strcpy((char *)e.end, names[i]);
			for (int k = 0; k < 8; k++) {
				w.hi = w.hi << 8 | e.key[k];
				w.lo = w.lo << 8 | e.key[8 + k];
			}
			assert_false(set_find_wide(c, w, 0, &hit));
			assert_int_equal(change(c, SET_ADD, e), SET_FINE);
			assert_true(set_find_wide(c, w, 0, &hit));
		}
		for (int i = 0; i < 5; i++) {
			assert_true(set_content_next(c, &cursor, 0, &e));
			assert_string_equal((char *)e.key, sorted[i]);
		}
		set_content_unref(c);
	}
}

static void concatenations_are_listed_as_nft_sorts_them(void **state)
{
	/* 11.0.0.1 . 256, 10.0.0.1 . 5, 10.0.0.2 . 5, 10.0.0.1 . 6, 9.0.0.1 . 70 with ports;
	 * the second parts as marks are in order. */
	static const uint32_t sorted[][2] = {
		{0x0b000001, 256}, {0x0a000001, 5},  {0x0a000002, 5},
		{0x0a000001, 6},   {0x09000001, 70},
	};
	static const uint32_t by_mark[][2] = {
		{0x0a000001, 5},  {0x0a000002, 5},   {0x0a000001, 6},
		{0x09000001, 70}, {0x0b000001, 256},
	};
	const struct set_shape shapes[] = {
		{.part = {{4, SET_ORDER_NETWORK}, {2, SET_ORDER_NETWORK}}, .n_parts = 2},
		{.part = {{4, SET_ORDER_NETWORK}, {4, SET_ORDER_HOST}}, .n_parts = 2},
	};

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct set_content *c = content_of(&shapes[k]);
		struct set_cursor cursor = {0};
		struct set_element e;

		for (int i = 0; i < 5; i++) {
			e = (struct set_element){0};
			put_number(&shapes[k], 0, sorted[i * 3 % 5][0], e.key);
			put_number(&shapes[k], 1, sorted[i * 3 % 5][1], e.key);
			assert_int_equal(change(c, SET_CREATE, e), SET_FINE);
		}
		for (int i = 0; i < 5; i++) {
			assert_true(set_content_next(c, &cursor, 0, &e));
			assert_int_equal(number_of(&shapes[k], 0, e.key),
					 k ? by_mark[i][0] : sorted[i][0]);
			assert_int_equal(number_of(&shapes[k], 1, e.key),
					 k ? by_mark[i][1] : sorted[i][1]);
		}
		set_content_unref(c);
	}
}

/* ---- timeouts, comments, slots ---- */

static struct set_element timed(const struct set_shape *s, uint64_t from, uint64_t to,
				uint64_t expires)
{
	struct set_element e = interval(s, from, to);

	e.timeout = expires;
	e.expires = expires;
	return e;
}

static void what_has_expired_is_as_if_it_were_not_there(void **state)
{
	struct set_content *c = content_of(&ranges);
	struct set_element e = interval(&ranges, 12, 30);
	struct set_error error;

	(void)state;
	change(c, SET_ADD, timed(&ranges, 10, 20, 100));
	change(c, SET_ADD, interval(&ranges, 40, 50));
	assert_true(finds(c, 15, 99));
	assert_false(finds(c, 15, 100));
	assert_string_equal(listed(c, 99), "10-20 40-50");
	assert_string_equal(listed(c, 100), "40-50");
	assert_int_equal(change_all(c, SET_ADD, &e, 1, 99, &error), SET_OVERLAPS);
	e = interval(&ranges, 10, 20);
	assert_int_equal(change_all(c, SET_DELETE, &e, 1, 100, &error), SET_ABSENT);
	e = interval(&ranges, 12, 30);
	assert_int_equal(change_all(c, SET_ADD, &e, 1, 100, &error), SET_FINE);
	assert_string_equal(listed(c, 0), "12-30 40-50");
	set_content_unref(c);
}

static void adding_again_renews_the_timeout_alone(void **state)
{
	struct set_content *c = content_of(&ports), *before;
	struct set_element e = timed(&ports, 1, 1, 100), got;

	(void)state;
	e.comment = "first";
	change(c, SET_ADD, e);
	before = set_content_ref(c);
	c = set_content_own(c);
	e = timed(&ports, 1, 1, 200);
	e.comment = "second";
	assert_int_equal(change(c, SET_ADD, e), SET_FINE);
	assert_true(set_content_get(c, e.key, NULL, 150, &got));
	assert_int_equal(got.expires, 200);
	assert_string_equal(got.comment, "first");
	assert_false(set_content_get(before, e.key, NULL, 150, &got));
	assert_int_equal(change(c, SET_ADD, number(&ports, 1)), SET_FINE);
	assert_true(set_content_get(c, e.key, NULL, 1000, &got));
	assert_int_equal(got.timeout, 0);
	assert_string_equal(got.comment, "first");
	set_content_unref(before);
	set_content_unref(c);
}

static void housekeeping_drops_what_expired_a_little_a_call(void **state)
{
	struct set_content *c = content_of(&ports);
	unsigned calls = 0;
	int gone = 0;

	(void)state;
	for (unsigned i = 0; i < 30000; i++)
		change(c, SET_ADD, timed(&ports, i, i, 100 + i % 3 * 100));
	assert_false(set_content_has_expired(c, 99));
	while (set_content_has_expired(c, 200)) {
		int now = set_content_expire(c, 200, 3000);

		assert_in_range(now, 0, 3000);
		gone += now;
		assert_in_range(++calls, 0, 40);
	}
	assert_int_equal(gone, 20000);
	assert_int_equal(set_content_count(c), 10000);
	assert_true(set_content_has_expired(c, 300));
	for (unsigned i = 0; i < 30000; i++)
		assert_int_equal(finds(c, i, 200), i % 3 == 2);
	set_content_unref(c);
}

static unsigned released[100];

static void release(void *arg, const uint32_t *slots, unsigned n)
{
	assert_ptr_equal(arg, released);
	for (unsigned i = 0; i < n; i++)
		released[slots[i]]++;
}

static void slots_go_back_once_with_the_last_who_has_them(void **state)
{
	static const struct set_slots slots = {release, released};
	struct set_shape s = merging;
	struct set_content *c, *before;
	struct set_element e;
	struct set_hit hit;
	uint32_t next = 0;

	(void)state;
	s.slots = &slots;
	c = content_of(&s);
	for (unsigned i = 0; i < 40; i++) {
		uint32_t own[2] = {next, next + 1};

		next += 2;
		e = interval(&s, i * 10, i * 10 + 5 + i % 2 * 5);
		e.slots = own;
		e.n_slots = 2;
		assert_int_equal(change(c, SET_ADD, e), SET_FINE);
	}
	assert_true(set_find_number(c, 5, 0, &hit));
	assert_int_equal(hit.slots[1], 1);
	before = set_content_ref(c);
	c = set_content_own(c);
	assert_int_equal(change(c, SET_DELETE, interval(&s, 2, 3)), SET_FINE);
	assert_int_equal(change(c, SET_DELETE, interval(&s, 0, 1)), SET_FINE);
	set_content_unref(before);
	assert_int_equal(released[0], 0);
	assert_int_equal(change(c, SET_DELETE, interval(&s, 4, 5)), SET_FINE);
	assert_int_equal(released[0], 1);
	set_content_unref(c);
	for (unsigned i = 0; i < next; i++)
		assert_int_equal(released[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_may_be_added_again_but_not_created),
		cmocka_unit_test(a_batch_may_name_an_element_twice),
		cmocka_unit_test(the_same_key_with_other_data_is_refused),
		cmocka_unit_test(intervals_must_not_overlap),
		cmocka_unit_test(intervals_of_one_batch_that_conflict_are_named),
		cmocka_unit_test(an_interval_of_a_map_keeps_its_data),
		cmocka_unit_test(intervals_join_and_split_with_auto_merge),
		cmocka_unit_test(the_ends_of_the_number_line_join_and_split),
		cmocka_unit_test(a_set_takes_no_more_than_its_size),
		cmocka_unit_test(the_catch_all_is_found_last_and_counts_for_no_size),
		cmocka_unit_test(an_element_is_got_by_any_part_of_it),
		cmocka_unit_test(an_end_below_its_beginning_is_refused),
		cmocka_unit_test(shapes_that_no_set_has_are_refused),
		cmocka_unit_test(names_are_listed_as_nft_sorts_them),
		cmocka_unit_test(concatenations_are_listed_as_nft_sorts_them),
		cmocka_unit_test(what_has_expired_is_as_if_it_were_not_there),
		cmocka_unit_test(adding_again_renews_the_timeout_alone),
		cmocka_unit_test(housekeeping_drops_what_expired_a_little_a_call),
		cmocka_unit_test(slots_go_back_once_with_the_last_who_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
