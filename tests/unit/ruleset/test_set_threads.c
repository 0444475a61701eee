/* Dynamic sets under many threads: workers add, renew, find and delete the same few elements
 * while housekeeping sweeps and sets come and go. */
#include <pthread.h>

#include "ctfw/rcu.h"
#include "unit/ruleset/set_arena.h"
#include "unit/test.h"
#include "unit/threads.h"

#define WORKERS 4
#define RECORDS 256
#define KEYS	64
#define SIZE	40
#define ROUNDS	40000

static struct set_arena a;
static struct set_dynamic *shared;
static _Atomic uint64_t clock_now = 1;
static _Atomic unsigned working;
static _Atomic uint64_t outcomes[SET_NO_RECORD + 1];

static void step(struct set_dynamic *s, unsigned worker, uint64_t *seed)
{
	uint64_t now = atomic_fetch_add(&clock_now, 1);
	uint32_t x = dice(seed, KEYS);
	uint8_t key[4], data[4];
	struct set_value v = {.key = key_of(x, key),
			      .data = key_of(~x, data),
			      .timeout = dice(seed, 2) ? 1 + dice(seed, 300) : 0};
	struct set_record *r = NULL;
	enum set_outcome outcome;

	switch (dice(seed, 4)) {
	case 0:
		set_dynamic_delete(s, key, now);
		return;
	case 1:
		r = set_dynamic_find(s, key, now);
		if (r)
			ASSERT(!memcmp(r->key, key, 4) && !memcmp(r->data, data, 4));
		return;
	case 2:
		outcome = set_dynamic_add(s, worker, &v, now, &r);
		break;
	default:
		outcome = set_dynamic_update(s, worker, &v, now, &r);
		break;
	}
	atomic_fetch_add(&outcomes[outcome], 1);
	ASSERT((outcome <= SET_FOUND) == (r != NULL));
	if (!r)
		return;
	ASSERT(!memcmp(r->key, key, 4) && !memcmp(r->data, data, 4));
	atomic_fetch_add_explicit(&r->state[0], 1, memory_order_relaxed);
}

static void *work(void *arg)
{
	unsigned worker = (unsigned)(uintptr_t)arg;
	uint64_t seed = worker + 1;

	rcu_register();
	for (unsigned i = 0; i < ROUNDS; i++) {
		step(shared, worker, &seed);
		rcu_quiescent();
	}
	rcu_unregister();
	atomic_fetch_sub(&working, 1);
	return NULL;
}

/* What the main thread does meanwhile: sweep, and sets that only it uses. */
static void keep_house(void)
{
	const struct set_dynamic_spec spec = {.key_bytes = 4, .data_bytes = 4};
	uint64_t seed = 99;

	while (atomic_load(&working)) {
		struct set_dynamic *s;

		ASSERT(set_dynamic_new(a.e, &spec, &s) == 0);
		for (unsigned i = 0; i < 20; i++)
			step(s, WORKERS, &seed);
		if (dice(&seed, 2))
			set_dynamic_flush(s);
		set_dynamic_unref(s);
		set_elements_housekeep(a.e, 1 + dice(&seed, 100), atomic_load(&clock_now));
		if (dice(&seed, 50) == 0)
			set_dynamic_flush(shared);
	}
}

static void many_threads_keep_the_sets_whole(void **state)
{
	const struct set_dynamic_spec spec = {.key_bytes = 4, .data_bytes = 4, .size = SIZE};
	struct set_elements_stats stats;
	pthread_t threads[WORKERS];
	uint32_t cursor = 0, n = 0;

	(void)state;
	rcu_register();
	set_arena_init(&a, RECORDS, WORKERS);
	ASSERT(set_elements_reserve(a.e) == 0 && set_dynamic_new(a.e, &spec, &shared) == 0);
	atomic_store(&working, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		ASSERT(!pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i));
	keep_house();
	rcu_offline();
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	rcu_online();
	for (int i = 0; i < 3; i++)
		set_elements_housekeep(a.e, 0, atomic_load(&clock_now));
	while (set_dynamic_next(shared, &cursor, atomic_load(&clock_now)))
		n++;
	assert_int_equal(n, set_dynamic_count(shared));
	set_elements_stats(a.e, &stats);
	assert_int_equal(stats.used, n);
	assert_in_range(n, 0, SIZE);
	for (int i = SET_ADDED; i <= SET_NO_SIZE; i++)
		assert_true(atomic_load(&outcomes[i]) > 0);
	set_dynamic_unref(shared);
	set_elements_housekeep(a.e, 0, 0);
	set_elements_stats(a.e, &stats);
	assert_int_equal(stats.used, 0);
	set_arena_fini(&a);
	rcu_unregister();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads_keep_the_sets_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
