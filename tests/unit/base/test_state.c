/* What limits, quotas and the like remember: slots, buckets, and many workers at one instant. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ctfw/state.h"
#include "unit/test.h"
#include "unit/threads.h"

#define THREADS 4
#define S NSEC_PER_SEC

static const struct arena_geometry geometry = { .flow_records = 8, .workers = THREADS,
						.text_bytes = 1 };
static void *memory;
static struct arena arena;
static struct states *states;

static int setup(void **state)
{
	static const uint8_t zero[16];
	size_t size = arena_size(&geometry);

	(void)state;
	memory = aligned_alloc(4096, size);
	memset(memory, 0, size);
	arena_format(memory, &geometry, zero, zero, &arena);
	states = states_new(&arena);
	return states ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	states_free(states);
	free(memory);
	return 0;
}

/* ---- slots ---- */

static void a_slot_is_given_once_and_comes_back_clean(void **state)
{
	uint32_t a = state_new(states), b = state_new(states);

	(void)state;
	assert_int_not_equal(a, b);
	state_quota_set(state_at(states, a)->word, 7);
	state_free(states, a);
	assert_int_equal(state_new(states), a);
	assert_int_equal(state_quota_read(state_at(states, a)->word), 0);
	assert_null(state_at(states, ARENA_STATES));
	assert_null(state_at(states, STATE_NONE));
	state_free(states, STATE_NONE);
}

static void a_claimed_slot_keeps_what_it_holds_and_is_not_given_again(void **state)
{
	struct states *next;

	(void)state;
	state_quota_set(state_at(states, 1)->word, 42);
	next = states_new(&arena);
	assert_int_equal(state_claim(next, 1), 0);
	assert_int_equal(state_claim(next, 1), -EINVAL);
	assert_int_equal(state_claim(next, ARENA_STATES), -EINVAL);
	assert_int_equal(state_quota_read(state_at(next, 1)->word), 42);
	assert_int_equal(state_new(next), 0);
	assert_int_equal(state_new(next), 2);
	states_free(next);
}

static void slots_run_out_for_workers_and_the_ruleset_alike(void **state)
{
	(void)state;
	assert_int_equal(states_reserve(states), 0);
	for (uint32_t i = 0; i < ARENA_STATES; i++)
		assert_int_not_equal(i % 2 ? state_take(states, i % THREADS) :
					     state_new(states), STATE_NONE);
	assert_int_equal(state_new(states), STATE_NONE);
	assert_int_equal(state_take(states, 1), STATE_NONE);
	state_give(states, 4711);
	assert_int_equal(state_take(states, 0), 4711);
	state_free(states, 4711);
	assert_int_equal(state_new(states), 4711);
}

/* ---- limits ---- */

static void a_new_bucket_is_full_and_refills_with_time(void **state)
{
	/* 2/second burst 3 packets. */
	const uint64_t cost = S / 2, size = 3 * cost;
	struct state *st = state_at(states, state_new(states));
	uint64_t now = 1000 * S;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(state_limit(st->word, size, cost, now));
	assert_false(state_limit(st->word, size, cost, now));
	now += cost - 1;
	assert_false(state_limit(st->word, size, cost, now));
	now++;
	assert_true(state_limit(st->word, size, cost, now));
	assert_false(state_limit(st->word, size, cost, now));
	/* However long it waits, it holds no more than it can. */
	now += 3600 * S;
	for (int i = 0; i < 3; i++)
		assert_true(state_limit(st->word, size, cost, now));
	assert_false(state_limit(st->word, size, cost, now));
}

static void a_bucket_smaller_than_the_cost_never_lets_anything_through(void **state)
{
	struct state *st = state_at(states, state_new(states));

	(void)state;
	assert_false(state_limit(st->word, 10, 11, 100));
	assert_false(state_limit(st->word, 10, 11, 1000 * S));
	assert_true(state_limit(st->word, 10, 0, 1000 * S));
	assert_true(state_limit(st->word, 10, 10, 1000 * S));
}

static void a_clock_behind_that_of_another_worker_finds_less_not_more(void **state)
{
	struct state *st = state_at(states, state_new(states));

	(void)state;
	assert_true(state_limit(st->word, 10, 10, 1000));
	assert_false(state_limit(st->word, 10, 10, 995));
	assert_false(state_limit(st->word, 10, 10, 1009));
	assert_true(state_limit(st->word, 10, 10, 1010));
}

static void a_time_that_cannot_be_is_a_full_bucket(void **state)
{
	static const uint64_t torn[] = { UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN, 1,
					 5000 * S };
	struct state *st = state_at(states, state_new(states));

	(void)state;
	for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		atomic_store(&st->word[0], torn[i]);
		assert_true(state_limit(st->word, S, S, 1000 * S));
		assert_false(state_limit(st->word, S, S, 1000 * S));
	}
}

/* ---- quotas and times ---- */

static void a_quota_counts_and_is_reset_without_loss(void **state)
{
	struct state *st = state_at(states, state_new(states));

	(void)state;
	state_quota_set(st->word, 5);
	assert_int_equal(state_quota_add(st->word, 10), 15);
	assert_int_equal(state_quota_reset(st->word), 15);
	assert_int_equal(state_quota_add(st->word, 1), 1);
}

static void the_last_time_is_known_to_the_millisecond(void **state)
{
	struct state *st = state_at(states, state_new(states));
	uint64_t ago = 77;

	(void)state;
	assert_false(state_last_ago(st->word, 5 * S, &ago));
	state_last_set(st->word, 0);
	assert_true(state_last_ago(st->word, 5 * S, &ago));
	assert_int_equal(ago, 5 * S);
	state_last_set(st->word, 4 * S + 900000);
	assert_true(state_last_ago(st->word, 5 * S, &ago));
	assert_int_equal(ago, S);
	atomic_store(&st->word[0], UINT64_MAX);
	assert_true(state_last_ago(st->word, 5 * S, &ago));
	assert_int_equal(ago, 0);
}

/* ---- many workers ---- */

#define ROUNDS	200
#define BURST	1000
#define ASKED	2000 /* by each, at one instant */
#define SLOTS	500

struct shared {
	struct state *bucket, *quota;
	pthread_barrier_t barrier;
	_Atomic uint32_t passed;
};

static void *ask(void *arg)
{
	struct shared *s = arg;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		uint32_t passed = 0;

		pthread_barrier_wait(&s->barrier);
		for (unsigned i = 0; i < ASKED; i++) {
			passed += state_limit(s->bucket->word, BURST * 1000, 1000, round * S);
			state_quota_add(s->quota->word, 3);
		}
		atomic_fetch_add(&s->passed, passed);
		pthread_barrier_wait(&s->barrier);
		ASSERT(atomic_load(&s->passed) == BURST * round);
	}
	return NULL;
}

static void as_many_pass_as_the_bucket_holds_whoever_asks_at_one_instant(void **state)
{
	struct shared s = { .bucket = state_at(states, state_new(states)),
			    .quota = state_at(states, state_new(states)) };
	pthread_t thread[THREADS];

	(void)state;
	pthread_barrier_init(&s.barrier, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, ask, &s), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&s.barrier);
	assert_int_equal(s.passed, BURST * ROUNDS);
	assert_int_equal(state_quota_read(s.quota->word), 3ul * ASKED * THREADS * ROUNDS);
}

struct taker {
	unsigned worker;
	uint32_t slot[SLOTS];
};

static void *take(void *arg)
{
	struct taker *t = arg;

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < SLOTS; i++) {
			struct state *st;

			t->slot[i] = state_take(states, t->worker);
			ASSERT(t->slot[i] != STATE_NONE);
			st = state_at(states, t->slot[i]);
			ASSERT(state_quota_read(st->word) == 0);
			state_quota_set(st->word, t->worker + 1);
		}
		for (unsigned i = 0; i < SLOTS; i++) {
			ASSERT(state_quota_read(state_at(states, t->slot[i])->word) == t->worker + 1);
			state_give(states, t->slot[i]);
		}
	}
	return NULL;
}

static void workers_never_take_the_same_slot(void **state)
{
	struct taker taker[THREADS];
	pthread_t thread[THREADS];

	(void)state;
	/* All begin where only one worker would. */
	assert_int_equal(states_reserve(states), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		for (uint32_t slot = 0; slot < ARENA_STATES / THREADS - SLOTS; slot++)
			assert_int_equal(state_claim(states, i * (ARENA_STATES / THREADS) +
							     slot), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		taker[i].worker = i;
		assert_int_equal(pthread_create(&thread[i], NULL, take, &taker[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_slot_is_given_once_and_comes_back_clean),
		TEST(a_claimed_slot_keeps_what_it_holds_and_is_not_given_again),
		TEST(slots_run_out_for_workers_and_the_ruleset_alike),
		TEST(a_new_bucket_is_full_and_refills_with_time),
		TEST(a_bucket_smaller_than_the_cost_never_lets_anything_through),
		TEST(a_clock_behind_that_of_another_worker_finds_less_not_more),
		TEST(a_time_that_cannot_be_is_a_full_bucket),
		TEST(a_quota_counts_and_is_reset_without_loss),
		TEST(the_last_time_is_known_to_the_millisecond),
		TEST(as_many_pass_as_the_bucket_holds_whoever_asks_at_one_instant),
		TEST(workers_never_take_the_same_slot),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
