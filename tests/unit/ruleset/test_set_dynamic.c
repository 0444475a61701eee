/* Dynamic sets: elements that packets add, their sizes and timeouts, and what a restart finds.
 */
#include <errno.h>

#include "ctfw/rcu.h"
#include "ruleset/set.h"
#include "unit/ruleset/set_arena.h"
#include "unit/test.h"
#include "unit/threads.h"

#define RECORDS 64
#define WORKERS 2

static const struct set_dynamic_spec plain = {.key_bytes = 4};

static int set_up(void **state)
{
	static struct set_arena a;

	rcu_register();
	set_arena_init(&a, RECORDS, WORKERS);
	*state = &a;
	return 0;
}

static int tear_down(void **state)
{
	set_arena_fini(*state);
	rcu_unregister();
	return 0;
}

static struct set_dynamic *set_of(struct set_arena *a, const struct set_dynamic_spec *spec)
{
	struct set_dynamic *s;

	assert_int_equal(set_elements_reserve(a->e), 0);
	assert_int_equal(set_dynamic_new(a->e, spec, &s), 0);
	return s;
}

static enum set_outcome add(struct set_dynamic *s, uint32_t x, uint64_t timeout, uint64_t mono)
{
	uint8_t key[4];
	struct set_value v = {.key = key_of(x, key), .timeout = timeout};
	struct set_record *r;

	return set_dynamic_add(s, 0, &v, mono, &r);
}

static enum set_outcome update(struct set_dynamic *s, uint32_t x, uint64_t timeout,
			       uint64_t mono)
{
	uint8_t key[4];
	struct set_value v = {.key = key_of(x, key), .timeout = timeout};
	struct set_record *r;

	return set_dynamic_update(s, 1, &v, mono, &r);
}

static struct set_record *find(struct set_dynamic *s, uint32_t x, uint64_t mono)
{
	uint8_t key[4];

	return set_dynamic_find(s, key_of(x, key), mono);
}

static bool delete (struct set_dynamic *s, uint32_t x, uint64_t mono)
{
	uint8_t key[4];

	return set_dynamic_delete(s, key_of(x, key), mono);
}

static struct set_elements_stats stats_of(const struct set_arena *a)
{
	struct set_elements_stats stats;

	set_elements_stats(a->e, &stats);
	return stats;
}

static void what_is_added_is_found_in_its_set_alone(void **state)
{
	struct set_dynamic *s = set_of(*state, &plain), *other = set_of(*state, &plain);

	assert_null(find(s, 1, 0));
	assert_int_equal(add(s, 1, 0, 0), SET_ADDED);
	assert_int_equal(add(s, 1, 0, 0), SET_FOUND);
	assert_non_null(find(s, 1, UINT64_MAX - 1));
	assert_null(find(other, 1, 0));
	assert_int_equal(set_dynamic_count(s), 1);
	assert_int_equal(set_dynamic_count(other), 0);
	assert_true(delete (s, 1, 0));
	assert_false(delete (s, 1, 0));
	assert_null(find(s, 1, 0));
	assert_int_equal(set_dynamic_count(s), 0);
	set_dynamic_unref(s);
	set_dynamic_unref(other);
}

static void data_and_state_are_those_it_was_added_with(void **state)
{
	const struct set_dynamic_spec spec = {.key_bytes = 4, .data_bytes = 6};
	const uint64_t words[SET_RECORD_STATE] = {11, 12, 13, 14};
	struct set_dynamic *s = set_of(*state, &spec);
	uint8_t key[4];
	struct set_value v = {
		.key = key_of(7, key), .data = (const uint8_t *)"abcdef", .state = words};
	struct set_record *r, *again;

	assert_int_equal(set_dynamic_add(s, 0, &v, 5, &r), SET_ADDED);
	assert_memory_equal(r->data, "abcdef\0", 7);
	for (int i = 0; i < SET_RECORD_STATE; i++)
		assert_int_equal(atomic_load(&r->state[i]), words[i]);
	v.data = (const uint8_t *)"ghijkl";
	assert_int_equal(set_dynamic_add(s, 0, &v, 5, &again), SET_FOUND);
	assert_ptr_equal(r, again);
	assert_memory_equal(r->data, "abcdef", 6);
	set_dynamic_unref(s);
}

static void an_element_lives_as_long_as_its_timeout(void **state)
{
	struct set_dynamic *s = set_of(*state, &plain);

	assert_int_equal(add(s, 1, 100, 50), SET_ADDED);
	assert_non_null(find(s, 1, 149));
	assert_null(find(s, 1, 150));
	assert_int_equal(add(s, 1, 100, 149), SET_FOUND);
	assert_null(find(s, 1, 150));
	assert_int_equal(update(s, 1, 100, 149), SET_FOUND);
	assert_non_null(find(s, 1, 248));
	assert_null(find(s, 1, 249));
	/* What has expired is in nobody's way. */
	assert_int_equal(add(s, 1, 100, 300), SET_ADDED);
	assert_int_equal(set_dynamic_count(s), 1);
	assert_false(delete (s, 1, 400));
	set_dynamic_unref(s);
}

static void a_full_set_takes_no_more_and_counts_it(void **state)
{
	const struct set_dynamic_spec spec = {.key_bytes = 4, .size = 3};
	struct set_arena *a = *state;
	struct set_dynamic *s = set_of(a, &spec);

	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(add(s, i, 100, 0), SET_ADDED);
	assert_int_equal(add(s, 3, 100, 0), SET_NO_SIZE);
	assert_int_equal(update(s, 3, 100, 0), SET_NO_SIZE);
	assert_int_equal(update(s, 2, 200, 0), SET_FOUND);
	assert_int_equal(stats_of(a).set_full, 2);
	set_elements_housekeep(a->e, 0, 100);
	assert_int_equal(set_dynamic_count(s), 1);
	assert_int_equal(stats_of(a).expired, 2);
	assert_int_equal(add(s, 3, 100, 100), SET_ADDED);
	set_dynamic_unref(s);
}

static void records_are_shared_and_come_back(void **state)
{
	struct set_arena *a = *state;
	struct set_dynamic *s = set_of(a, &plain), *other = set_of(a, &plain);

	for (uint32_t round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < RECORDS; i++)
			assert_int_equal(add(i % 2 ? s : other, i, 0, 0), SET_ADDED);
		assert_int_equal(add(s, 1000, 0, 0), SET_NO_RECORD);
		assert_int_equal(stats_of(a).used, RECORDS);
		set_dynamic_flush(s);
		assert_int_equal(set_dynamic_count(s), 0);
		assert_int_equal(set_dynamic_count(other), RECORDS / 2);
		set_elements_housekeep(a->e, 1, 0);
		set_dynamic_flush(other);
		set_elements_housekeep(a->e, 1, 0);
	}
	assert_int_equal(stats_of(a).no_room, 5);
	assert_int_equal(stats_of(a).used, 0);
	set_dynamic_unref(s);
	set_dynamic_unref(other);
}

static void elements_of_a_set_that_went_are_swept_away(void **state)
{
	struct set_arena *a = *state;
	struct set_dynamic *s = set_of(a, &plain), *next;

	for (uint32_t i = 0; i < RECORDS; i++)
		add(s, i, 0, 0);
	set_dynamic_unref(s);
	next = set_of(a, &plain);
	assert_null(find(next, 1, 0));
	for (int i = 0; i < 4; i++)
		set_elements_housekeep(a->e, RECORDS / 4, 0);
	assert_int_equal(stats_of(a).used, 0);
	assert_int_equal(add(next, 1, 0, 0), SET_ADDED);
	set_dynamic_unref(next);
}

static void sets_end_where_their_numbers_do(void **state)
{
	struct set_arena *a = *state;
	static struct set_dynamic *s[SET_DYNAMIC_SETS];
	struct set_dynamic_spec long_key = {.key_bytes = 65}, none = {0};
	struct set_dynamic *one;

	assert_int_equal(set_dynamic_new(a->e, &long_key, &one), -E2BIG);
	assert_int_equal(set_dynamic_new(a->e, &none, &one), -E2BIG);
	for (unsigned i = 0; i < SET_DYNAMIC_SETS; i++)
		assert_int_equal(set_dynamic_new(a->e, &plain, &s[i]), 0);
	assert_int_equal(set_dynamic_new(a->e, &plain, &one), -EMFILE);
	set_dynamic_unref(s[77]);
	assert_int_equal(set_dynamic_new(a->e, &plain, &s[77]), 0);
	for (unsigned i = 0; i < SET_DYNAMIC_SETS; i++)
		set_dynamic_unref(s[i]);
}

static void a_walk_sees_each_element_of_a_set_once(void **state)
{
	struct set_dynamic *s = set_of(*state, &plain), *other = set_of(*state, &plain);
	uint32_t cursor = 0, seen = 0;
	struct set_record *r;

	for (uint32_t i = 0; i < 20; i++) {
		add(s, i, i % 4 ? 0 : 100, 0);
		add(other, i, 0, 0);
	}
	while ((r = set_dynamic_next(s, &cursor, 100)) != NULL) {
		assert_int_not_equal(r->key[0] % 4, 0);
		seen |= 1u << r->key[0];
	}
	assert_int_equal(__builtin_popcount(seen), 15);
	set_dynamic_unref(s);
	set_dynamic_unref(other);
}

/* ---- restarts ---- */

static void elements_are_there_again_for_the_set_that_claims_them(void **state)
{
	struct set_arena *a = *state;
	struct set_dynamic *s = set_of(a, &plain), *gone = set_of(a, &plain);
	const struct set_dynamic_spec other = {.key_bytes = 6};
	uint32_t number = set_dynamic_number(s);

	for (uint32_t i = 0; i < 10; i++) {
		add(s, i, i < 5 ? 0 : 100, 0);
		add(gone, i, 0, 0);
	}
	set_dynamic_unref(s);
	set_dynamic_unref(gone);
	set_arena_restart(a, WORKERS, 100);
	assert_int_equal(stats_of(a).kept, 15);
	assert_int_equal(stats_of(a).lapsed, 5);
	assert_int_equal(set_dynamic_claim(a->e, number, &other, &s), -EINVAL);
	assert_int_equal(set_dynamic_claim(a->e, 5, &plain, &s), -EINVAL);
	assert_int_equal(set_dynamic_claim(a->e, number, &plain, &s), 0);
	assert_int_equal(set_dynamic_claim(a->e, number, &plain, &gone), -EINVAL);
	assert_int_equal(set_dynamic_count(s), 5);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(find(s, i, 100) != NULL, i < 5);
	set_elements_housekeep(a->e, 0, 100);
	assert_int_equal(stats_of(a).used, 15);
	set_elements_settle(a->e);
	set_elements_housekeep(a->e, 0, 100);
	assert_int_equal(stats_of(a).used, 5);
	gone = set_of(a, &plain);
	assert_true(set_dynamic_number(gone) > number);
	set_dynamic_unref(gone);
	set_dynamic_unref(s);
}

static void what_expires_unclaimed_is_not_counted_by_the_claim(void **state)
{
	struct set_arena *a = *state;
	struct set_dynamic *s = set_of(a, &plain);
	uint32_t number = set_dynamic_number(s);

	add(s, 1, 100, 0);
	add(s, 2, 200, 0);
	set_dynamic_unref(s);
	set_arena_restart(a, WORKERS, 50);
	set_elements_housekeep(a->e, 0, 100);
	assert_int_equal(set_dynamic_claim(a->e, number, &plain, &s), 0);
	assert_int_equal(set_dynamic_count(s), 1);
	set_dynamic_unref(s);
}

static void damaged_records_are_dropped_alone(void **state)
{
	struct set_arena *a = *state;
	struct set_dynamic *s = set_of(a, &plain);
	uint32_t number = set_dynamic_number(s);
	struct set_record *r = (struct set_record *)(void *)a->arena.elements;

	for (uint32_t i = 0; i < 8; i++)
		add(s, i, 1000, 0);
	set_dynamic_unref(s);
	r[0].key[1] ^= 1;
	r[1].check ^= 1;
	r[2].key_bytes = 200;
	r[3].set ^= 4;
	atomic_store(&r[4].expires, SET_RECORD_NEVER - 1);
	atomic_store(&r[5].timeout, UINT64_MAX);
	r[6] = r[7]; /* twice the same */
	set_arena_restart(a, WORKERS, 0);
	assert_int_equal(stats_of(a).damaged, 7);
	assert_int_equal(stats_of(a).kept, 1);
	assert_int_equal(set_dynamic_claim(a->e, number, &plain, &s), 0);
	assert_int_equal(set_dynamic_count(s), 1);
	assert_non_null(find(s, 7, 0));
	for (uint32_t i = 0; i < RECORDS - 1; i++)
		assert_int_equal(add(s, 100 + i, 0, 0), SET_ADDED);
	assert_int_equal(add(s, 1, 0, 0), SET_NO_RECORD);
	set_dynamic_unref(s);
}

static void a_count_of_used_records_beyond_all_is_not_believed(void **state)
{
	struct set_arena *a = *state;
	struct set_dynamic *s = set_of(a, &plain);

	add(s, 1, 0, 0);
	set_dynamic_unref(s);
	atomic_store(&a->arena.header->elements_fresh, UINT32_MAX);
	set_arena_restart(a, WORKERS, 0);
	assert_int_equal(stats_of(a).kept, 1);
	s = set_of(a, &plain);
	assert_int_equal(add(s, 1, 0, 0), SET_ADDED);
	set_dynamic_unref(s);
}

static void an_arena_without_records_takes_no_element(void **state)
{
	struct set_arena a;
	struct set_dynamic *s;

	(void)state;
	set_arena_init(&a, 0, 1);
	s = set_of(&a, &plain);
	assert_int_equal(add(s, 1, 0, 0), SET_NO_RECORD);
	set_elements_housekeep(a.e, 0, 0);
	set_dynamic_unref(s);
	set_arena_fini(&a);
}

/* ---- many, against a model ---- */

static void random_changes_do_what_a_naive_model_does(void **state)
{
	enum { KEYS = 60, SIZE = 30 };
	const struct set_dynamic_spec spec = {.key_bytes = 4, .size = SIZE};
	struct set_arena *a = *state;
	struct set_dynamic *s = set_of(a, &spec);
	uint64_t expires[KEYS] = {0}, seed = 3;

	for (uint64_t now = 1; now < 20000; now++) {
		uint32_t x = dice(&seed, KEYS);
		uint64_t timeout = dice(&seed, 3) ? 1 + dice(&seed, 60) : 0,
			 end = timeout ? now + timeout : UINT64_MAX;
		unsigned alive = 0;
		bool there = expires[x] > now, swept = false;
		enum set_outcome outcome = SET_ADDED;

		if (dice(&seed, 4) == 0) {
			set_elements_housekeep(a->e, 0, now);
			swept = true;
		}
		for (unsigned i = 0; i < KEYS; i++)
			alive += expires[i] > now;
		switch (dice(&seed, 3)) {
		case 0:
			assert_int_equal(delete (s, x, now), there);
			expires[x] = 0;
			continue;
		case 1:
			outcome = add(s, x, timeout, now);
			end = there ? expires[x] : end;
			break;
		case 2:
			outcome = update(s, x, timeout, now);
			break;
		}
		/* Until they are swept away those that expired take room. */
		if (there)
			assert_int_equal(outcome, SET_FOUND);
		else if (swept)
			assert_int_equal(outcome, alive < SIZE ? SET_ADDED : SET_NO_SIZE);
		if (outcome != SET_NO_SIZE)
			expires[x] = end;
		assert_int_equal(find(s, x, now) != NULL, expires[x] > now);
	}
	set_dynamic_unref(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_added_is_found_in_its_set_alone),
		TEST(data_and_state_are_those_it_was_added_with),
		TEST(an_element_lives_as_long_as_its_timeout),
		TEST(a_full_set_takes_no_more_and_counts_it),
		TEST(records_are_shared_and_come_back),
		TEST(elements_of_a_set_that_went_are_swept_away),
		TEST(sets_end_where_their_numbers_do),
		TEST(a_walk_sees_each_element_of_a_set_once),
		TEST(elements_are_there_again_for_the_set_that_claims_them),
		TEST(what_expires_unclaimed_is_not_counted_by_the_claim),
		TEST(damaged_records_are_dropped_alone),
		TEST(a_count_of_used_records_beyond_all_is_not_believed),
		TEST(an_arena_without_records_takes_no_element),
		TEST(random_changes_do_what_a_naive_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
