/* Sets under many threads.  Dynamic ones: workers add, renew, find and delete the same few
 * elements while housekeeping sweeps and sets come and go.  Contents: workers look up in what
 * is in force while the next is made of it. */
#include <pthread.h>

#include "ctfw/rcu.h"
#include "unit/ruleset/set_arena.h"
#include "unit/ruleset/set_world.h"
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

/* ---- contents ---- */

#define PREFIXES 3000
#define SWAPS	 300

static _Atomic(struct set_content *) in_force;
static _Atomic bool done;

/* Every element is of ten numbers, of which the first is ten times the number in its data; the
 * even ones are always there. */
static void *look_up(void *arg)
{
	uint64_t seed = (uintptr_t)arg, looked = 0;

	rcu_register();
	while (!atomic_load_explicit(&done, memory_order_relaxed) || !looked) {
		const struct set_content *c = atomic_load(&in_force);

		for (int i = 0; i < 50; i++, looked++) {
			uint32_t x = dice(&seed, PREFIXES), got;
			struct set_hit hit;
			bool found = set_find_number(c, x * 10 + dice(&seed, 10), 0, &hit);

			ASSERT(found || x % 2);
			if (!found)
				continue;
			memcpy(&got, hit.data, sizeof(got));
			ASSERT(got == x);
		}
		rcu_quiescent();
	}
	rcu_unregister();
	return NULL;
}

static struct set_element tens(const struct set_shape *s, uint32_t x)
{
	struct set_element e = interval(s, x * 10, x * 10 + 9);

	memcpy(e.data, &x, sizeof(x));
	return e;
}

static void workers_see_one_content_or_the_next(void **state)
{
	static const struct set_shape shape = {.part = {{4, SET_ORDER_NETWORK}},
					       .n_parts = 1,
					       .interval = true,
					       .data_bytes = 4};
	struct set_content *c = content_of(&shape);
	pthread_t threads[WORKERS];
	bool there[PREFIXES] = {false};
	uint64_t seed = 5;

	(void)state;
	rcu_register();
	for (uint32_t x = 0; x < PREFIXES; x += 2)
		assert_int_equal(change(c, SET_ADD, tens(&shape, x)), SET_FINE);
	atomic_store(&in_force, c);
	for (uintptr_t i = 0; i < WORKERS; i++)
		ASSERT(!pthread_create(&threads[i], NULL, look_up, (void *)(i + 1)));
	for (unsigned swap = 0; swap < SWAPS; swap++) {
		struct set_content *next = set_content_own(set_content_ref(c));

		for (unsigned n = dice(&seed, 20); n > 0; n--) {
			uint32_t x = dice(&seed, PREFIXES / 2) * 2 + 1;

			assert_int_equal(change(next, there[x] ? SET_DELETE : SET_CREATE,
						tens(&shape, x)),
					 SET_FINE);
			there[x] = !there[x];
		}
		atomic_store(&in_force, next);
		rcu_wait();
		set_content_unref(c);
		c = next;
	}
	atomic_store(&done, true);
	rcu_offline();
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	rcu_online();
	set_content_unref(c);
	rcu_unregister();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads_keep_the_sets_whole),
		cmocka_unit_test(workers_see_one_content_or_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
