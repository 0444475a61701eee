/* Many threads on few flows, so that they meet: workers, housekeeping that expires and
 * deletes, dumps.  Each test ends with numbers that come out only if nothing was lost, counted
 * twice or freed too early; built with ThreadSanitizer, every race is a failure as well.
 *
 * cmocka's assertions are the main thread's: others use ASSERT(). */
#include "tracking.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "conntrack/record.h"
#include "unit/threads.h"

#define WORKERS 3
#define MAX_FLOWS 8

struct shared {
	struct world w;
	_Atomic uint64_t clock;  /* ms since the world's beginning */
	_Atomic bool over;
	_Atomic unsigned running; /* workers */
	pthread_barrier_t barrier;
};

struct thread {
	struct shared *shared;
	unsigned number;
	unsigned rounds;
	uint64_t seed;
	uint64_t count;
	pthread_t id;
};

static struct instant now(struct shared *s)
{
	uint64_t ns = atomic_load(&s->clock) * NSEC_PER_MSEC;

	return (struct instant){ s->w.now.mono + ns, s->w.now.real + ns };
}

static struct raw *tcp(unsigned pair, bool back, uint8_t flags)
{
	struct raw *r = malloc(sizeof(*r));

	if (back)
		raw_tcp(r, B4, 80, A4, (uint16_t)(1000 + pair), flags, 500, 101, 0);
	else
		raw_tcp(r, A4, (uint16_t)(1000 + pair), B4, 80, flags, 100, 501, 0);
	return r;
}

static struct raw *udp(unsigned pair, bool back)
{
	struct raw *r = malloc(sizeof(*r));

	if (back)
		raw_udp(r, B4, 53, A4, (uint16_t)(1000 + pair), 8);
	else
		raw_udp(r, A4, (uint16_t)(1000 + pair), B4, 53, 8);
	return r;
}

/* A packet's whole way; the thread is online and not quiescent meanwhile. */
static enum reason pass_by(struct thread *t, struct raw *raw, struct ct_ref *ret_ref)
{
	struct conntrack *ct = t->shared->w.ct;
	struct instant at = now(t->shared);
	enum reason reason;
	struct packet p;

	ASSERT(packet_parse(raw->b, raw->len, NULL, &p) == REASON_NONE);
	reason = conntrack_in(ct, t->number, &p, ZONE_NONE, at, ret_ref);
	if (reason == REASON_NONE && dice(&t->seed, 8) == 0)
		sched_yield();
	if (reason == REASON_NONE)
		reason = conntrack_confirm(ct, t->number, &p, at, ret_ref);
	return reason;
}

static void start(struct shared *s, struct thread *t, unsigned number, unsigned rounds,
		  void *(*run)(void *))
{
	*t = (struct thread){ .shared = s, .number = number, .rounds = rounds,
			      .seed = 1000 + number };
	assert_int_equal(pthread_create(&t->id, NULL, run, t), 0);
}

static void shared_init(struct shared *s, unsigned workers)
{
	memset(s, 0, sizeof(*s));
	world_init(&s->w, MAX_FLOWS);
	conntrack_free(s->w.ct);
	s->w.ct = conntrack_new(&s->w.arena, &s->w.options, WORKERS, s->w.now);
	assert_non_null(s->w.ct);
	pthread_barrier_init(&s->barrier, NULL, workers);
	atomic_store(&s->running, workers);
	/* This thread waits for others, so it must not hold up their grace periods. */
	rcu_offline();
}

/* Nobody runs any more: every number must be right, and every record must come back. */
static void shared_fini(struct shared *s)
{
	struct world *w = &s->w;
	struct conntrack_stats stats;
	uint32_t sum = 0;

	rcu_online();
	w->now = now(s);
	conntrack_stats(w->ct, &stats);
	for (unsigned i = 0; i < CT_KIND_COUNT; i++)
		sum += stats.by_kind[i];
	assert_int_equal(sum, stats.flows);
	sum = 0;
	for (unsigned i = 0; i < TCPS_COUNT; i++)
		sum += stats.by_tcp_state[i];
	assert_int_equal(sum, stats.by_kind[CT_TCP]);
	assert_true(stats.peak <= MAX_FLOWS);

	wait_ms(w, 500000ull * 1000);
	conntrack_housekeep(w->ct, 0, w->now);
	conntrack_stats(w->ct, &stats);
	assert_int_equal(stats.flows, 0);
	for (unsigned i = 0; i < TCPS_COUNT; i++)
		assert_int_equal(stats.by_tcp_state[i], 0);
	for (uint32_t i = 0; i < 3 * conntrack_records(MAX_FLOWS); i++) {
		raw_udp(&w->raw, A4, (uint16_t)(i + 1), B4, 7, 8);
		assert_int_equal(pass(w), CT_STATE_NEW);
		assert_int_equal(w->reason, REASON_NONE);
		wait_ms(w, 30000);
		if (i % MAX_FLOWS == MAX_FLOWS - 1)
			conntrack_housekeep(w->ct, 0, w->now);
	}
	pthread_barrier_destroy(&s->barrier);
	world_fini(w);
}

/* ---- two workers, one flow ---- */

static void *send_one_direction(void *arg)
{
	struct thread *t = arg;
	struct raw *raw = t->number < 2 ? tcp(0, t->number == 1, TCP_ACK) : udp(1, false);
	struct ct_ref ref;

	rcu_register();
	for (unsigned i = 0; i < t->rounds; i++) {
		ASSERT(pass_by(t, raw, &ref) == REASON_NONE);
		t->count += ref.state == CT_STATE_ESTABLISHED;
		rcu_quiescent();
	}
	atomic_fetch_sub(&t->shared->running, 1);
	rcu_unregister();
	free(raw);
	return NULL;
}

/* Copies must be of one instant: all packets are 40 bytes long. */
static bool is_one_instant(void *arg, uint32_t index, const struct flow *copy)
{
	uint64_t size = copy->tuple[DIR_ORIGINAL].l4 == IPPROTO_TCP ? 40 : 36;
	struct tuple inverse;

	(void)index;
	for (int dir = 0; dir < 2; dir++)
		ASSERT(copy->acct[dir].bytes == size * copy->acct[dir].packets);
	ASSERT(tuple_invert(&copy->tuple[DIR_ORIGINAL], &inverse) == 0);
	ASSERT(tuple_equal(&inverse, &copy->tuple[DIR_REPLY]));
	ASSERT(copy->id != 0);
	++*(uint64_t *)arg;
	return true;
}

static void *dump(void *arg)
{
	struct thread *t = arg;
	struct shared *s = t->shared;

	rcu_register();
	while (!atomic_load(&s->over)) {
		struct conntrack_stats stats;
		uint32_t cursor = 0;

		while (!conntrack_each(s->w.ct, &cursor, 7, now(s), is_one_instant, &t->count))
			rcu_quiescent();
		conntrack_stats(s->w.ct, &stats);
		/* Each worker may count one in that it must then give up. */
		ASSERT(stats.flows <= MAX_FLOWS + WORKERS);
		rcu_quiescent();
		sched_yield();
	}
	rcu_unregister();
	return NULL;
}

/* Copies of the one flow, as fast as they come. */
static void *watch(void *arg)
{
	struct thread *t = arg;
	struct flow *f = (struct flow *)t->shared->w.arena.flows;

	while (!atomic_load(&t->shared->over)) {
		struct flow copy;

		ASSERT(flow_snapshot(f, &copy));
		is_one_instant(&t->count, 0, &copy);
	}
	return NULL;
}

static void two_workers_on_one_flow_lose_no_packet(void **state)
{
	enum { ROUNDS = 50000 };
	static struct shared s;
	struct thread worker[2], dumper, watcher;
	struct flow *f;

	(void)state;
	shared_init(&s, 2);
	a_tcp(&s.w, TCP_SYN, 100, 0);
	f = s.w.ref.flow;
	b_tcp(&s.w, TCP_SYN | TCP_ACK, 500, 101);
	a_tcp(&s.w, TCP_ACK, 101, 501);
	start(&s, &dumper, WORKERS, 0, dump);
	start(&s, &watcher, WORKERS, 0, watch);
	for (unsigned i = 0; i < 2; i++)
		start(&s, &worker[i], i, ROUNDS, send_one_direction);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(worker[i].id, NULL);
		assert_int_equal(worker[i].count, ROUNDS);
	}
	atomic_store(&s.over, true);
	pthread_join(dumper.id, NULL);
	pthread_join(watcher.id, NULL);
	assert_int_equal(f->acct[DIR_ORIGINAL].packets, ROUNDS + 2);
	assert_int_equal(f->acct[DIR_REPLY].packets, ROUNDS + 1);
	assert_int_equal(f->acct[DIR_REPLY].bytes, 40 * (ROUNDS + 1));
	assert_true(dumper.count > 0);
	assert_true(watcher.count > 0);
	shared_fini(&s);
}

/* ---- meetings that are arranged ---- */

static void a_moment(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
}

static void *copy_once(void *arg)
{
	struct thread *t = arg;
	struct flow copy;

	ASSERT(flow_snapshot((struct flow *)t->shared->w.arena.flows, &copy));
	t->count = copy.acct[DIR_ORIGINAL].bytes - copy.acct[DIR_ORIGINAL].packets;
	return NULL;
}

static void a_copy_waits_for_whoever_writes(void **state)
{
	static struct shared s;
	struct thread reader;
	struct flow *f;

	(void)state;
	shared_init(&s, 1);
	a_udp(&s.w);
	f = s.w.ref.flow;
	record_lock(f);
	f->acct[DIR_ORIGINAL].packets = 1000;
	start(&s, &reader, 0, 0, copy_once);
	a_moment();
	f->acct[DIR_ORIGINAL].bytes = 36000;
	record_unlock(f);
	pthread_join(reader.id, NULL);
	assert_int_equal(reader.count, 35000);
	shared_fini(&s);
}

static void *send_once(void *arg)
{
	struct thread *t = arg;
	struct raw *raw = udp(0, false);
	struct ct_ref ref;

	rcu_register();
	ASSERT(pass_by(t, raw, &ref) == REASON_NONE);
	t->count = ref.state;
	rcu_unregister();
	free(raw);
	return NULL;
}

static void a_flow_that_ends_while_a_packet_waits_for_it_is_not_used(void **state)
{
	static struct shared s;
	struct thread worker;
	struct conntrack_stats stats;
	struct flow *f;

	(void)state;
	shared_init(&s, 1);
	assert_int_equal(a_udp(&s.w), CT_STATE_NEW);
	f = s.w.ref.flow;
	raw_udp(&s.w.raw, A4, 1000, B4, 53, 8);
	record_lock(f);
	start(&s, &worker, 0, 0, send_once);
	a_moment();
	atomic_fetch_or(&f->status, FLOW_DYING);
	record_unlock(f);
	pthread_join(worker.id, NULL);
	assert_int_equal(worker.count, CT_STATE_NEW);
	assert_int_equal(f->acct[DIR_ORIGINAL].packets, 1);
	conntrack_stats(s.w.ct, &stats);
	assert_int_equal(stats.created, 2);
	/* Whoever marked it would now remove it. */
	atomic_fetch_and(&f->status, ~(uint32_t)FLOW_DYING);
	rcu_online();
	assert_true(conntrack_delete(s.w.ct, 0, f->id));
	rcu_offline();
	shared_fini(&s);
}

static void *reclaim(void *arg)
{
	struct thread *t = arg;

	rcu_register();
	conntrack_housekeep(t->shared->w.ct, 0, now(t->shared));
	atomic_store(&t->shared->over, true);
	rcu_unregister();
	return NULL;
}

static void a_record_is_not_reused_while_somebody_may_look_at_it(void **state)
{
	static struct shared s;
	struct thread keeper;
	struct flow *f;

	(void)state;
	shared_init(&s, 1);
	rcu_online();
	a_udp(&s.w);
	f = s.w.ref.flow;
	assert_true(conntrack_delete(s.w.ct, 0, f->id));
	start(&s, &keeper, WORKERS, 0, reclaim);
	a_moment();
	assert_false(atomic_load(&s.over));
	assert_int_not_equal(f->check, 0);
	rcu_offline();
	pthread_join(keeper.id, NULL);
	assert_int_equal(f->check, 0);
	shared_fini(&s);
}

/* ---- the same flow begun twice ---- */

static void *begin_together(void *arg)
{
	struct thread *t = arg;
	struct shared *s = t->shared;
	struct raw *raw = udp(0, t->number == 1 && t->rounds % 2);

	rcu_register();
	for (unsigned i = 0; i < t->rounds; i++) {
		struct instant at = now(s);
		struct ct_ref ref;
		struct packet p;

		ASSERT(packet_parse(raw->b, raw->len, NULL, &p) == REASON_NONE);
		rcu_offline();
		pthread_barrier_wait(&s->barrier);
		rcu_online();
		ASSERT(conntrack_in(s->w.ct, t->number, &p, ZONE_NONE, at, &ref) ==
		       REASON_NONE);
		ASSERT(conntrack_confirm(s->w.ct, t->number, &p, at, &ref) == REASON_NONE);
		ASSERT(ref.flow && !ref.unconfirmed);
		rcu_offline();
		/* One of them looks at what became of it, and lets it expire. */
		if (pthread_barrier_wait(&s->barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
			struct conntrack_stats stats;

			conntrack_stats(s->w.ct, &stats);
			ASSERT(stats.flows == 1);
			ASSERT(ref.flow->acct[DIR_ORIGINAL].packets +
				       ref.flow->acct[DIR_REPLY].packets == 2);
			atomic_fetch_add(&s->clock, 30000);
			rcu_online();
			conntrack_housekeep(s->w.ct, 0, now(s));
			rcu_offline();
		}
		pthread_barrier_wait(&s->barrier);
		rcu_online();
	}
	rcu_unregister();
	free(raw);
	return NULL;
}

static void one_flow_begun_by_two_workers_is_one_flow(void **state)
{
	static struct shared s;
	struct thread worker[2];

	(void)state;
	/* An even number of rounds: the same packet twice.  Odd: towards each other. */
	for (unsigned rounds = 400; rounds < 402; rounds++) {
		struct conntrack_stats stats;

		shared_init(&s, 2);
		for (unsigned i = 0; i < 2; i++)
			start(&s, &worker[i], i, rounds, begin_together);
		for (unsigned i = 0; i < 2; i++)
			pthread_join(worker[i].id, NULL);
		conntrack_stats(s.w.ct, &stats);
		assert_int_equal(stats.created, rounds);
		shared_fini(&s);
	}
}

/* ---- everything at once ---- */

enum { PAIRS = 6, KINDS = 14 };

static void *churn(void *arg)
{
	static const uint8_t flags[] = { TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK,
					 TCP_FIN | TCP_ACK, TCP_RST };
	struct thread *t = arg;
	struct raw *raw[PAIRS][KINDS];

	for (unsigned pair = 0; pair < PAIRS; pair++) {
		for (unsigned i = 0; i < 10; i++)
			raw[pair][i] = tcp(pair, i & 1, flags[i / 2]);
		for (unsigned i = 10; i < KINDS; i++)
			raw[pair][i] = udp(pair, i & 1);
	}
	rcu_register();
	for (unsigned i = 0; i < t->rounds; i++) {
		struct ct_ref ref;
		struct raw *packet = raw[dice(&t->seed, PAIRS)][dice(&t->seed, KINDS)];
		enum reason reason = pass_by(t, packet, &ref);

		ASSERT(reason == REASON_NONE || reason == REASON_CLASH ||
		       reason == REASON_TABLE_FULL);
		if (reason == REASON_NONE && ref.flow) {
			struct flow copy;

			ASSERT(!ref.unconfirmed);
			flow_set_mark(ref.flow, t->number);
			if (dice(&t->seed, 16) == 0)
				conntrack_set_closing(t->shared->w.ct, t->number, ref.flow,
						      now(t->shared));
			if (flow_snapshot(ref.flow, &copy))
				t->count++;
		}
		if (dice(&t->seed, 4) == 0)
			rcu_quiescent();
		if (dice(&t->seed, 64) == 0) {
			rcu_offline();
			sched_yield();
			rcu_online();
		}
	}
	rcu_unregister();
	for (unsigned pair = 0; pair < PAIRS; pair++) {
		for (unsigned i = 0; i < KINDS; i++)
			free(raw[pair][i]);
	}
	atomic_fetch_sub(&t->shared->running, 1);
	return NULL;
}

struct victims {
	struct thread *thread;
	unsigned n;
	struct {
		uint32_t index, id;
	} flow[MAX_FLOWS + WORKERS];
};

static bool choose(void *arg, uint32_t index, const struct flow *copy)
{
	struct victims *v = arg;

	if (dice(&v->thread->seed, 4) == 0 && v->n < MAX_FLOWS) {
		v->flow[v->n].index = index;
		v->flow[v->n++].id = copy->id;
	}
	return true;
}

/* The control side: time goes on, flows expire and are deleted, records are reclaimed. */
static void *keep_house(void *arg)
{
	struct thread *t = arg;
	struct shared *s = t->shared;

	rcu_register();
	while (atomic_load(&s->running)) {
		struct victims victims = { .thread = t };
		uint32_t cursor = 0;

		atomic_fetch_add(&s->clock, dice(&t->seed, dice(&t->seed, 3) ? 100 : 40000));
		conntrack_each(s->w.ct, &cursor, 0, now(s), choose, &victims);
		for (unsigned i = 0; i < victims.n && dice(&t->seed, 3); i++)
			t->count += conntrack_delete(s->w.ct, victims.flow[i].index,
						     victims.flow[i].id);
		conntrack_housekeep(s->w.ct, dice(&t->seed, 20), now(s));
		rcu_quiescent();
		sched_yield();
	}
	rcu_unregister();
	return NULL;
}

static void workers_expiry_deletion_and_dump_at_once(void **state)
{
	enum { ROUNDS = 50000 };
	static struct shared s;
	struct thread worker[WORKERS], dumper, keeper;
	struct conntrack_stats stats;

	(void)state;
	shared_init(&s, WORKERS);
	start(&s, &dumper, WORKERS, 0, dump);
	start(&s, &keeper, WORKERS, 0, keep_house);
	for (unsigned i = 0; i < WORKERS; i++)
		start(&s, &worker[i], i, ROUNDS, churn);
	for (unsigned i = 0; i < WORKERS; i++) {
		pthread_join(worker[i].id, NULL);
		assert_true(worker[i].count > 0);
	}
	pthread_join(keeper.id, NULL);
	atomic_store(&s.over, true);
	pthread_join(dumper.id, NULL);
	conntrack_stats(s.w.ct, &stats);
	/* It all happened. */
	assert_true(keeper.count > 0);
	assert_true(dumper.count > 0);
	assert_true(stats.created > 100);
	assert_true(stats.expired > 10);
	assert_true(stats.early_drop > 10);
	shared_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_workers_on_one_flow_lose_no_packet),
		cmocka_unit_test(a_copy_waits_for_whoever_writes),
		cmocka_unit_test(a_flow_that_ends_while_a_packet_waits_for_it_is_not_used),
		cmocka_unit_test(a_record_is_not_reused_while_somebody_may_look_at_it),
		cmocka_unit_test(one_flow_begun_by_two_workers_is_one_flow),
		cmocka_unit_test(workers_expiry_deletion_and_dump_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
