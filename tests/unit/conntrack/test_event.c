/* Events (conntrack.md 7.4): which, when, and in what order. */
#include "tracking.h"

#include <pthread.h>
#include <sched.h>

#include "ctfw/event.h"

static unsigned wakes;

static void wake(void *arg)
{
	(void)arg;
	wakes++;
}

static void listen_up(struct world *w)
{
	world_init(w, 64);
	wakes = 0;
	conntrack_set_event_wake(w->ct, wake, NULL);
	assert_int_equal(conntrack_listen(w->ct), 0);
}

static struct ct_event next(struct world *w)
{
	struct ct_event e = { 0 };

	assert_true(conntrack_event(w->ct, &e));
	return e;
}

static void expect_bits(struct world *w, uint32_t bits)
{
	struct ct_event e = next(w);

	assert_int_equal(e.kind, CT_EVENT_FLOW);
	assert_int_equal(e.bits, bits);
	assert_int_equal(e.time.mono, w->now.mono);
	assert_int_equal(e.time.real, w->now.real);
}

static void expect_none(struct world *w)
{
	struct ct_event e;

	assert_false(conntrack_event(w->ct, &e));
	assert_int_equal(conntrack_events_skipped(w->ct), 0);
}

static void nobody_listens_and_nothing_is_told_later(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 64);
	a_udp(&w);
	flow_set_mark(w.ref.flow, 5);
	assert_int_equal(conntrack_listen(w.ct), 0);
	expect_none(&w);
	conntrack_unlisten(w.ct);
	a_udp(&w); /* forgets the mark */
	assert_int_equal(conntrack_listen(w.ct), 0);
	a_udp(&w);
	expect_none(&w);
	world_fini(&w);
}

static void a_tcp_flow_tells_its_life(void **state)
{
	struct world w;

	(void)state;
	listen_up(&w);
	a_tcp(&w, 0x02, 100, 0);
	expect_bits(&w, CT_EVENT_NEW | CT_EVENT_PROTOINFO);
	a_tcp(&w, 0x02, 100, 0); /* again: no news */
	expect_none(&w);
	b_tcp(&w, 0x12, 500, 101);
	expect_bits(&w, CT_EVENT_REPLY | CT_EVENT_PROTOINFO);
	a_tcp(&w, 0x10, 101, 501);
	expect_bits(&w, CT_EVENT_ASSURED | CT_EVENT_PROTOINFO);
	a_tcp(&w, 0x18, 101, 501);
	b_tcp(&w, 0x10, 501, 101);
	expect_none(&w);
	a_tcp(&w, 0x11, 101, 501);
	expect_bits(&w, CT_EVENT_PROTOINFO);
	wait_ms(&w, 200000);
	conntrack_housekeep(w.ct, 0, w.now);
	expect_bits(&w, CT_EVENT_DESTROY);
	expect_none(&w);
	world_fini(&w);
}

static void a_udp_flow_tells_its_life(void **state)
{
	struct world w;

	(void)state;
	listen_up(&w);
	a_udp(&w);
	expect_bits(&w, CT_EVENT_NEW);
	raw_udp(&w.raw, B4, 53, A4, 1000, 8);
	pass(&w);
	expect_bits(&w, CT_EVENT_REPLY);
	wait_ms(&w, 2500);
	a_udp(&w);
	expect_bits(&w, CT_EVENT_ASSURED);
	world_fini(&w);
}

/* The rules dropped the answer: its news waits for a packet that gets through. */
static void what_a_dropped_packet_changed_comes_with_the_next(void **state)
{
	struct world w;
	struct ct_ref ref;

	(void)state;
	listen_up(&w);
	a_tcp(&w, 0x02, 100, 0);
	expect_bits(&w, CT_EVENT_NEW | CT_EVENT_PROTOINFO);
	raw_tcp(&w.raw, B4, 80, A4, 1000, 0x12, 500, 101, 0);
	look_by(&w, 0, &ref);
	expect_none(&w);
	a_tcp(&w, 0x10, 101, 501);
	expect_bits(&w, CT_EVENT_REPLY | CT_EVENT_ASSURED | CT_EVENT_PROTOINFO);
	world_fini(&w);
}

static void a_first_packet_that_is_dropped_tells_nothing(void **state)
{
	struct world w;
	struct ct_ref ref;

	(void)state;
	listen_up(&w);
	raw_udp(&w.raw, A4, 1000, B4, 53, 8);
	look_by(&w, 0, &ref);
	expect_none(&w);
	world_fini(&w);
}

static void a_mark_is_told_when_it_changes(void **state)
{
	struct world w;
	struct ct_ref ref;

	(void)state;
	listen_up(&w);
	raw_udp(&w.raw, A4, 1000, B4, 53, 8);
	look_by(&w, 0, &ref);
	flow_set_mark(ref.flow, 7);
	assert_int_equal(conntrack_confirm(w.ct, 0, &w.packet, w.now, &ref), REASON_NONE);
	expect_bits(&w, CT_EVENT_NEW | CT_EVENT_MARK);
	look_by(&w, 0, &ref);
	flow_set_mark(ref.flow, 7);
	conntrack_confirm(w.ct, 0, &w.packet, w.now, &ref);
	expect_none(&w);
	look_by(&w, 0, &ref);
	flow_set_mark(ref.flow, 8);
	conntrack_confirm(w.ct, 0, &w.packet, w.now, &ref);
	expect_bits(&w, CT_EVENT_MARK);
	world_fini(&w);
}

static void a_label_is_told_when_it_is_new(void **state)
{
	const uint64_t label[2] = { 4, 1 };
	struct ct_event e;
	struct world w;

	(void)state;
	listen_up(&w);
	assert_int_equal(conntrack_reserve_extensions(w.ct), 0);
	a_udp(&w);
	expect_bits(&w, CT_EVENT_NEW);
	conntrack_set_label(w.ct, 0, &w.ref, label);
	a_udp(&w);
	e = next(&w);
	assert_int_equal(e.bits, CT_EVENT_LABEL);
	assert_int_equal(e.label[0], 4);
	assert_int_equal(e.label[1], 1);
	conntrack_set_label(w.ct, 0, &w.ref, label);
	a_udp(&w);
	expect_none(&w);
	world_fini(&w);
}

static void what_a_rule_does_not_want_is_not_told(void **state)
{
	struct world w;

	(void)state;
	listen_up(&w);
	raw_udp(&w.raw, A4, 1000, B4, 53, 8);
	look_by(&w, 0, &w.ref);
	flow_set_events(w.ref.flow, CT_EVENT_REPLY);
	conntrack_confirm(w.ct, 0, &w.packet, w.now, &w.ref);
	expect_none(&w);
	/* With what is wanted comes all that there is. */
	raw_udp(&w.raw, B4, 53, A4, 1000, 8);
	look_by(&w, 0, &w.ref);
	flow_set_mark(w.ref.flow, 7);
	conntrack_confirm(w.ct, 0, &w.packet, w.now, &w.ref);
	expect_bits(&w, CT_EVENT_REPLY | CT_EVENT_MARK);
	flow_set_mark(w.ref.flow, 8);
	a_udp(&w);
	wait_ms(&w, 200000);
	conntrack_housekeep(w.ct, 0, w.now);
	expect_none(&w);
	world_fini(&w);
}

/* A RST to a SYN ends the flow at once; what is told is its last state. */
static void a_reset_flow_tells_of_its_end(void **state)
{
	struct world w;
	struct ct_event e;

	(void)state;
	listen_up(&w);
	a_tcp(&w, 0x02, 100, 0);
	expect_bits(&w, CT_EVENT_NEW | CT_EVENT_PROTOINFO);
	b_tcp(&w, 0x14, 0, 101);
	e = next(&w);
	assert_int_equal(e.bits, CT_EVENT_DESTROY);
	assert_int_equal(e.flow.proto.tcp.state, TCPS_CLOSE);
	assert_int_equal(e.flow.acct[DIR_REPLY].packets, 1);
	expect_none(&w);
	world_fini(&w);
}

static bool delete_it(void *arg, uint32_t index, const struct flow *copy)
{
	struct world *w = arg;

	assert_true(conntrack_delete(w->ct, index, copy->id));
	return true;
}

static void deletion_is_told_by_the_control_side(void **state)
{
	struct world w;
	uint32_t cursor = 0;

	(void)state;
	listen_up(&w);
	a_udp(&w);
	expect_bits(&w, CT_EVENT_NEW);
	wait_ms(&w, 1000);
	conntrack_each(w.ct, &cursor, 0, w.now, delete_it, &w);
	expect_bits(&w, CT_EVENT_DESTROY);
	expect_none(&w);
	world_fini(&w);
}

/* Where a worker stands that has inserted its flow and told nothing of it yet. */
static void untell(struct world *w)
{
	atomic_fetch_or(&w->ref.flow->events, CT_EVENT_NEW);
}

/* Links come first, the status next: in between, another worker finds the flow. */
static void who_finds_a_flow_unconfirmed_leaves_its_news_to_its_creator(void **state)
{
	struct world w;
	struct ct_ref ref;

	(void)state;
	listen_up(&w);
	a_udp(&w);
	expect_bits(&w, CT_EVENT_NEW);
	untell(&w);
	atomic_fetch_and(&w.ref.flow->status, ~(uint32_t)FLOW_CONFIRMED);
	raw_udp(&w.raw, B4, 53, A4, 1000, 8);
	look_by(&w, 1, &ref);
	flow_set_mark(ref.flow, 7);
	conntrack_confirm(w.ct, 1, &w.packet, w.now, &ref);
	expect_none(&w);
	atomic_fetch_or(&w.ref.flow->status, FLOW_CONFIRMED);
	conntrack_confirm(w.ct, 0, &w.packet, w.now, &w.ref);
	expect_bits(&w, CT_EVENT_NEW | CT_EVENT_REPLY | CT_EVENT_MARK);
	world_fini(&w);
}

static void who_ends_a_flow_before_it_was_told_of_tells_both(void **state)
{
	struct world w;
	struct the_one one;

	(void)state;
	listen_up(&w);
	a_udp(&w);
	expect_bits(&w, CT_EVENT_NEW);
	untell(&w);
	one = only_flow(&w);
	assert_true(conntrack_delete(w.ct, one.index, one.flow.id));
	expect_bits(&w, CT_EVENT_NEW);
	expect_bits(&w, CT_EVENT_DESTROY);
	conntrack_confirm(w.ct, 0, &w.packet, w.now, &w.ref);
	expect_none(&w);
	world_fini(&w);
}

/* A mark that waits for a packet is not worth an event of its own: the end has it too. */
static void what_waits_when_a_flow_ends_is_not_told(void **state)
{
	struct world w;
	struct the_one one;
	struct ct_event e;

	(void)state;
	listen_up(&w);
	a_udp(&w);
	expect_bits(&w, CT_EVENT_NEW);
	flow_set_mark(w.ref.flow, 7);
	one = only_flow(&w);
	assert_true(conntrack_delete(w.ct, one.index, one.flow.id));
	e = next(&w);
	assert_int_equal(e.bits, CT_EVENT_DESTROY);
	assert_int_equal(e.flow.mark, 7);
	conntrack_confirm(w.ct, 0, &w.packet, w.now, &w.ref);
	expect_none(&w);
	world_fini(&w);
}

/* The ring of a worker that nobody reads: it goes on, counts, and later ones get through. */
static void a_full_ring_skips_and_counts(void **state)
{
	struct world w;
	struct ct_event e;
	uint64_t told = 0, ticket = 0;

	(void)state;
	listen_up(&w);
	for (unsigned i = 0; i < 5000; i++) {
		a_udp(&w);
		flow_set_mark(w.ref.flow, i + 1);
	}
	while (conntrack_event(w.ct, &e)) {
		assert_int_equal(e.ticket, ticket++);
		told++;
	}
	assert_int_equal(told, 4096);
	assert_int_equal(conntrack_events_skipped(w.ct), 5000 - 4096);
	assert_int_equal(conntrack_events_skipped(w.ct), 0);
	a_udp(&w);
	expect_bits(&w, CT_EVENT_MARK);
	world_fini(&w);
}

static void the_reader_is_woken_once_while_it_rests(void **state)
{
	struct world w;

	(void)state;
	listen_up(&w);
	/* With the first listener too: what came meanwhile has woken nobody. */
	assert_int_equal(wakes, 1);
	a_udp(&w);
	assert_int_equal(wakes, 1);
	assert_false(conntrack_events_rest(w.ct));
	next(&w);
	assert_true(conntrack_events_rest(w.ct));
	flow_set_mark(w.ref.flow, 1);
	a_udp(&w);
	flow_set_mark(w.ref.flow, 2);
	a_udp(&w);
	assert_int_equal(wakes, 2);
	world_fini(&w);
}

/* ---- threads ---- */

#define FLOWS 8
#define ROUNDS 20000

struct shared {
	struct world w;
	_Atomic uint64_t clock; /* ms */
	_Atomic unsigned running;
	_Atomic unsigned wakes;
};

struct thread {
	struct shared *shared;
	unsigned number;
	pthread_t id;
};

static void count_wake(void *arg)
{
	struct shared *s = arg;

	atomic_fetch_add(&s->wakes, 1);
}

static struct instant clock_of(struct shared *s)
{
	uint64_t ns = atomic_load(&s->clock) * NSEC_PER_MSEC;

	return (struct instant){ s->w.now.mono + ns, s->w.now.real + ns };
}

/* Both ways of the same few flows, so that the workers meet on each. */
static void *work(void *arg)
{
	struct thread *t = arg;
	struct shared *s = t->shared;

	rcu_register();
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint16_t port = (uint16_t)(1000 + i * 7 / 3 % FLOWS);
		struct raw raw;
		struct packet p;
		struct ct_ref ref;

		if (t->number == 0)
			raw_udp(&raw, A4, port, B4, 53, 8);
		else
			raw_udp(&raw, B4, 53, A4, port, 8);
		if (packet_parse(raw.b, raw.len, NULL, &p) != REASON_NONE)
			abort();
		if (conntrack_in(s->w.ct, t->number, &p, ZONE_NONE, clock_of(s), &ref) ==
		    REASON_NONE) {
			if (i % 16 == 0 && ref.flow)
				flow_set_mark(ref.flow, i);
			conntrack_confirm(s->w.ct, t->number, &p, clock_of(s), &ref);
		}
		rcu_quiescent();
		/* Now and then long enough for all of them to expire. */
		atomic_fetch_add(&s->clock, i % 256 == 0 ? 200000 : 100);
		if (i % 64 == 0)
			sched_yield();
	}
	rcu_unregister();
	atomic_fetch_sub(&s->running, 1);
	return NULL;
}

/* What the reader knows of a flow from what it was told. */
struct known {
	uint32_t id;
	bool alive;
};

static void learn(struct known *known, unsigned *n, const struct ct_event *e)
{
	unsigned i;

	for (i = *n; i > 0 && known[i - 1].id != e->flow.id; i--)
		;
	i = i ? i - 1 : *n;
	if (e->bits & CT_EVENT_NEW) {
		assert_int_equal(i, *n);
		assert_true(*n < ROUNDS * 2);
		known[(*n)++] = (struct known){ e->flow.id, true };
		return;
	}
	/* Nothing is told of a flow before its beginning or behind its end. */
	assert_true(i < *n);
	assert_true(known[i].alive);
	if (e->bits & CT_EVENT_DESTROY)
		known[i].alive = false;
}

static void events_of_many_workers_stand_in_the_order_they_happened_in(void **state)
{
	static struct known known[ROUNDS * 2];
	struct shared s = { 0 };
	struct thread worker[2];
	struct ct_event e;
	uint64_t ticket = 0;
	unsigned n = 0;
	bool over;

	(void)state;
	world_init(&s.w, 64);
	conntrack_set_event_wake(s.w.ct, count_wake, &s);
	assert_int_equal(conntrack_listen(s.w.ct), 0);
	atomic_store(&s.running, 2);
	for (unsigned i = 0; i < 2; i++) {
		worker[i] = (struct thread){ .shared = &s, .number = i };
		assert_int_equal(pthread_create(&worker[i].id, NULL, work, &worker[i]), 0);
	}
	do {
		over = atomic_load(&s.running) == 0;
		conntrack_housekeep(s.w.ct, 0, clock_of(&s));
		while (conntrack_event(s.w.ct, &e)) {
			assert_int_equal(e.ticket, ticket++);
			learn(known, &n, &e);
		}
		conntrack_events_rest(s.w.ct);
		rcu_quiescent();
	} while (!over);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(worker[i].id, NULL);
	assert_int_equal(conntrack_events_skipped(s.w.ct), 0);
	assert_true(n > 100);
	assert_true(atomic_load(&s.wakes) > 0);
	world_fini(&s.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_listens_and_nothing_is_told_later),
		cmocka_unit_test(a_tcp_flow_tells_its_life),
		cmocka_unit_test(a_udp_flow_tells_its_life),
		cmocka_unit_test(what_a_dropped_packet_changed_comes_with_the_next),
		cmocka_unit_test(a_first_packet_that_is_dropped_tells_nothing),
		cmocka_unit_test(a_mark_is_told_when_it_changes),
		cmocka_unit_test(a_label_is_told_when_it_is_new),
		cmocka_unit_test(what_a_rule_does_not_want_is_not_told),
		cmocka_unit_test(a_reset_flow_tells_of_its_end),
		cmocka_unit_test(deletion_is_told_by_the_control_side),
		cmocka_unit_test(who_finds_a_flow_unconfirmed_leaves_its_news_to_its_creator),
		cmocka_unit_test(who_ends_a_flow_before_it_was_told_of_tells_both),
		cmocka_unit_test(what_waits_when_a_flow_ends_is_not_told),
		cmocka_unit_test(a_full_ring_skips_and_counts),
		cmocka_unit_test(the_reader_is_woken_once_while_it_rests),
		cmocka_unit_test(events_of_many_workers_stand_in_the_order_they_happened_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
