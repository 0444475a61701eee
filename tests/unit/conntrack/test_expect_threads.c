/* Many workers and few expectations, so that they meet: who fulfils one, who makes it anew, who
 * ends its master, and housekeeping.  Numbers at the end come out only if each expectation was
 * made once and ended once; built with ThreadSanitizer, every race is a failure as well.
 *
 * cmocka's assertions are the main thread's: others use ASSERT(). */
#include "tracking.h"

#include <pthread.h>
#include <sched.h>

#include "ctfw/expect.h"
#include "unit/threads.h"

#define WORKERS 3
#define MAX_FLOWS 256
#define ROUNDS 1500
#define CLIENTS 4

struct shared {
	struct world w;
	_Atomic uint64_t clock; /* ms */
	_Atomic uint32_t related;
	_Atomic bool over;
	pthread_barrier_t barrier;
};

struct thread {
	struct shared *shared;
	unsigned number;
	uint64_t seed;
	pthread_t id;
};

static struct instant now(struct shared *s)
{
	uint64_t ns = atomic_load(&s->clock) * NSEC_PER_MSEC;

	return (struct instant){ s->w.now.mono + ns, s->w.now.real + ns };
}

static uint8_t pass_by(struct thread *t, struct raw *raw)
{
	struct conntrack *ct = t->shared->w.ct;
	struct instant at = now(t->shared);
	struct ct_ref ref;
	struct packet p;

	ASSERT(packet_parse(raw->b, raw->len, NULL, &p) == REASON_NONE);
	if (conntrack_in(ct, t->number, &p, ZONE_NONE, at, &ref) != REASON_NONE)
		return CT_STATE_INVALID;
	if (dice(&t->seed, 4) == 0)
		sched_yield();
	conntrack_confirm(ct, t->number, &p, at, &ref);
	return ref.state;
}

/* Client n asks the server for a file. */
static void ask(struct thread *t, unsigned n)
{
	struct raw raw;

	raw_udp(&raw, A4, (uint16_t)(3000 + n), B4, 69, 8);
	raw.b[raw_l4(&raw) + 8] = 0;
	raw.b[raw_l4(&raw) + 9] = 1;
	raw_fix_l4(&raw);
	pass_by(t, &raw);
}

/* The server answers from one of its ports; counts when it was expected and began a flow. */
static void answer(struct thread *t, unsigned n, uint16_t port)
{
	struct raw raw;

	raw_udp(&raw, B4, port, A4, (uint16_t)(3000 + n), 8);
	if (pass_by(t, &raw) == CT_STATE_RELATED)
		atomic_fetch_add(&t->shared->related, 1);
}

static void *run(struct shared *s, struct thread *threads, unsigned n, void *(*what)(void *))
{
	rcu_offline();
	for (unsigned i = 0; i < n; i++) {
		threads[i] = (struct thread){ .shared = s, .number = i, .seed = 77 + i };
		assert_int_equal(pthread_create(&threads[i].id, NULL, what, &threads[i]), 0);
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i].id, NULL);
	rcu_online();
	return NULL;
}

static void shared_init(struct shared *s, unsigned threads)
{
	memset(s, 0, sizeof(*s));
	world_init(&s->w, MAX_FLOWS);
	conntrack_free(s->w.ct);
	s->w.options.helpers = HELPER_BIT(HELPER_TFTP);
	s->w.ct = conntrack_new(&s->w.arena, &s->w.options, WORKERS, s->w.now);
	assert_non_null(s->w.ct);
	pthread_barrier_init(&s->barrier, NULL, threads);
}

/* Nobody runs any more, and a day has passed: all has ended, once. */
static void shared_fini(struct shared *s)
{
	struct conntrack_stats stats;

	s->w.now = now(s);
	wait_ms(&s->w, 86400ull * 1000);
	conntrack_housekeep(s->w.ct, 0, s->w.now);
	conntrack_stats(s->w.ct, &stats);
	assert_int_equal(stats.flows, 0);
	assert_int_equal(stats.expectations, 0);
	assert_int_equal(stats.expect_create, stats.expect_delete);
	pthread_barrier_destroy(&s->barrier);
	world_fini(&s->w);
}

/* ---- one expectation, and everybody fits ---- */

static void *fulfil(void *arg)
{
	struct thread *t = arg;

	rcu_register();
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (t->number == 0)
			ask(t, 0);
		/* Nobody may hold up a grace period while it waits. */
		rcu_offline();
		pthread_barrier_wait(&t->shared->barrier);
		rcu_online();
		answer(t, 0, (uint16_t)(1000 + t->number * ROUNDS + round));
		rcu_offline();
		pthread_barrier_wait(&t->shared->barrier);
		rcu_online();
		if (t->number != 0)
			continue;
		ASSERT(atomic_exchange(&t->shared->related, 0) == 1);
		atomic_fetch_add(&t->shared->clock, 40000);
		conntrack_housekeep(t->shared->w.ct, 0, now(t->shared));
	}
	rcu_unregister();
	return NULL;
}

static void of_several_workers_one_fulfils_an_expectation(void **state)
{
	struct thread threads[WORKERS];
	struct conntrack_stats stats;
	struct shared s;

	(void)state;
	shared_init(&s, WORKERS);
	run(&s, threads, WORKERS, fulfil);
	conntrack_stats(s.w.ct, &stats);
	assert_int_equal(stats.expect_create, ROUNDS);
	assert_int_equal(stats.expect_new, ROUNDS);
	shared_fini(&s);
}

/* ---- everything at once ---- */

static bool doom(void *arg, uint32_t index, const struct flow *f)
{
	struct thread *t = arg;

	if (dice(&t->seed, 3) == 0)
		conntrack_delete(t->shared->w.ct, index, f->id);
	return true;
}

static bool look(void *arg, uint32_t index, const struct expect *e)
{
	struct thread *t = arg;

	ASSERT(e->helper == HELPER_TFTP && e->class == 0 && e->tuple.l4 == IPPROTO_UDP);
	if (dice(&t->seed, 4) == 0)
		conntrack_delete_expectation(t->shared->w.ct, index, e->id);
	return true;
}

/* The control side: time, deletions, dumps, expiry. */
static void disturb(struct thread *t)
{
	struct conntrack *ct = t->shared->w.ct;
	uint32_t cursor = 0;

	while (!atomic_load(&t->shared->over)) {
		atomic_fetch_add(&t->shared->clock, dice(&t->seed, 400));
		cursor = 0;
		conntrack_each_expectation(ct, &cursor, now(t->shared), look, t);
		cursor = 0;
		if (dice(&t->seed, 4) == 0)
			conntrack_each(ct, &cursor, 0, now(t->shared), doom, t);
		rcu_quiescent();
		conntrack_housekeep(ct, 0, now(t->shared));
		sched_yield();
	}
}

static void *chaos(void *arg)
{
	struct thread *t = arg;

	rcu_register();
	if (t->number == WORKERS) {
		disturb(t);
	} else {
		for (unsigned i = 0; i < 20 * ROUNDS; i++) {
			if (dice(&t->seed, 3))
				ask(t, dice(&t->seed, CLIENTS));
			else
				answer(t, dice(&t->seed, CLIENTS),
			       (uint16_t)(1000 + dice(&t->seed, 20)));
			rcu_quiescent();
		}
		atomic_store(&t->shared->over, true);
	}
	rcu_unregister();
	return NULL;
}

static void nothing_is_lost_when_all_happens_at_once(void **state)
{
	struct thread threads[WORKERS + 1];
	struct conntrack_stats stats;
	struct shared s;

	(void)state;
	shared_init(&s, WORKERS);
	run(&s, threads, WORKERS + 1, chaos);
	conntrack_stats(s.w.ct, &stats);
	/* It did happen. */
	assert_true(stats.expect_create > 100);
	assert_true(stats.expect_new > 10);
	assert_true(stats.expect_new <= stats.expect_delete);
	assert_true(stats.expectations <= CLIENTS);
	shared_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_several_workers_one_fulfils_an_expectation),
		cmocka_unit_test(nothing_is_lost_when_all_happens_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
