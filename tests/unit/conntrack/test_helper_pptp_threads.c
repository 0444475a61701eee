/* Many workers and a few PPTP connections: calls begin and end by one worker while others carry
 * them, end connections under way, and begin them anew.  Nothing is left of what is over; built
 * with ThreadSanitizer, every race is a failure as well. */
#include "tracking.h"

#include <pthread.h>

#include "conntrack/private.h"
#include "ctfw/helper.h"
#include "pptp_talk.h"
#include "unit/threads.h"

#define WORKERS 3
#define ROUNDS 6000
#define CLIENTS 3
#define CLIENT_PORT 1000

struct shared {
	struct world w;
	_Atomic uint32_t carried, done;
};

struct thread {
	struct shared *shared;
	unsigned number;
	uint64_t seed;
	pthread_t id;
};

static bool send_raw(struct thread *t, struct raw *raw, struct ct_ref *ref)
{
	struct world *w = &t->shared->w;
	struct packet p;

	ASSERT(packet_parse(raw->b, raw->len, NULL, &p) == REASON_NONE);
	return conntrack_in(w->ct, t->number, &p, ZONE_NONE, w->now, ref) == REASON_NONE &&
	       ref->flow &&
	       conntrack_confirm(w->ct, t->number, &p, w->now, ref) == REASON_NONE;
}

static void say(struct thread *t, uint16_t port, bool back, enum pptp_kind kind, uint16_t first,
		uint16_t second)
{
	uint8_t message[PPTP_LONGEST];
	size_t len = pptp_message(message, kind, first, second);
	struct ct_ref ref;
	struct raw raw;

	if (back)
		raw_tcp(&raw, B4, 1723, A4, port, TCP_PSH | TCP_ACK, 501, 101, len);
	else
		raw_tcp(&raw, A4, port, B4, 1723, TCP_PSH | TCP_ACK, 101, 501, len);
	memcpy(raw.b + 40, message, len);
	raw_fix_l4(&raw);
	send_raw(t, &raw, &ref);
}

/* All clients are of one address, and some choose the same ids. */
static void call(struct thread *t, uint16_t port)
{
	uint16_t pns = (uint16_t)(1 + port % 2);
	struct ct_ref ref;
	struct raw raw;

	raw_tcp(&raw, A4, port, B4, 1723, TCP_SYN, 100, 0, 0);
	send_raw(t, &raw, &ref);
	raw_tcp(&raw, B4, 1723, A4, port, TCP_SYN | TCP_ACK, 500, 101, 0);
	send_raw(t, &raw, &ref);
	raw_tcp(&raw, A4, port, B4, 1723, TCP_ACK, 101, 501, 0);
	send_raw(t, &raw, &ref);
	say(t, port, false, PPTP_START, 0x100, 0);
	say(t, port, true, PPTP_STARTED, 0x100, 0);
	say(t, port, false, PPTP_CALL, pns, 1);
	say(t, port, true, PPTP_CALLED, (uint16_t)(1 + dice(&t->seed, 3)), pns);
	if (dice(&t->seed, 3) == 0)
		say(t, port, true, PPTP_OVER, 1, 0);
}

static void carry(struct thread *t)
{
	struct ct_ref ref;
	struct raw raw;

	if (dice(&t->seed, 2))
		raw_call(&raw, A4, B4, (uint16_t)(1 + dice(&t->seed, 3)));
	else
		raw_call(&raw, B4, A4, (uint16_t)(1 + dice(&t->seed, 2)));
	if (send_raw(t, &raw, &ref) &&
	    atomic_load(&ref.flow->status) & FLOW_EXPECTED)
		atomic_fetch_add(&t->shared->carried, 1);
}

static void end_one(struct thread *t)
{
	struct world *w = &t->shared->w;
	uint32_t index = dice(&t->seed, 16);
	const struct flow *f = &w->ct->table.records[index];

	/* One that is over already may be another's new flow in the next moment. */
	if ((atomic_load(&f->status) & (FLOW_CONFIRMED | FLOW_DYING)) == FLOW_CONFIRMED)
		life_kill(w->ct, &w->ct->worker[t->number], &w->ct->table.records[index]);
}

static void *work(void *arg)
{
	struct thread *t = arg;

	rcu_register();
	for (unsigned n = 0; n < ROUNDS; n++) {
		switch (dice(&t->seed, 4)) {
		case 0:
			call(t, (uint16_t)(CLIENT_PORT + dice(&t->seed, CLIENTS)));
			break;
		case 1:
			end_one(t);
			break;
		default:
			carry(t);
		}
		rcu_quiescent();
	}
	rcu_unregister();
	atomic_fetch_add(&t->shared->done, 1);
	return NULL;
}

static void nothing_is_left_of_calls_that_workers_begin_carry_and_end_at_once(void **state)
{
	static struct shared s;
	struct thread threads[WORKERS];
	struct keymap *m;

	(void)state;
	world_init(&s.w, 1024);
	conntrack_free(s.w.ct);
	s.w.options.helpers = HELPER_BIT(HELPER_PPTP);
	s.w.options.tcp_be_liberal = true;
	s.w.ct = conntrack_new(&s.w.arena, &s.w.options, WORKERS, s.w.now);
	assert_non_null(s.w.ct);
	for (unsigned i = 0; i < WORKERS; i++) {
		threads[i] = (struct thread){ .shared = &s, .number = i, .seed = 5 + i };
		assert_int_equal(pthread_create(&threads[i].id, NULL, work, &threads[i]), 0);
	}
	while (atomic_load(&s.done) < WORKERS)
		conntrack_housekeep(s.w.ct, 0, s.w.now);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i].id, NULL);
	assert_true(atomic_load(&s.carried) > 0);

	for (uint32_t i = 0; i < s.w.ct->table.n_records; i++) {
		if (atomic_load(&s.w.ct->table.records[i].status) & FLOW_CONFIRMED)
			conntrack_delete(s.w.ct, i, s.w.ct->table.records[i].id);
	}
	m = &s.w.ct->keymap;
	assert_int_equal(atomic_load(&m->count), 0);
	for (uint32_t i = 0; i <= m->mask; i++)
		assert_int_equal(atomic_load(&m->heads[i]), 0);
	world_fini(&s.w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			nothing_is_left_of_calls_that_workers_begin_carry_and_end_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
