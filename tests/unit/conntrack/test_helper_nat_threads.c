/* Many workers and one FTP connection behind NAT: one rewrites what the client says and shifts its
 * numbers, while others number acknowledgements back, and lead data connections to the client.
 * What goes out is right; built with ThreadSanitizer, every race is a failure as well. */
#include "tracking.h"

#include <pthread.h>
#include <stdio.h>

#include "ctfw/helper.h"
#include "ctfw/nat.h"
#include "unit/threads.h"

#define WORKERS 3
#define ROUNDS 4000
#define NATTED "203.0.113.199"
#define CLIENT_PORT 1000

struct shared {
	struct world w;
	_Atomic uint32_t seq; /* the client's next */
	_Atomic uint32_t rewritten, related, done;
};

struct thread {
	struct shared *shared;
	unsigned number;
	uint64_t seed;
	pthread_t id;
};

/* As the engine's hooks do; the packet lies in its own bytes or in the worker's. */
static bool through(struct world *w, unsigned worker, struct raw *raw, struct packet *p,
		    struct ct_ref *ref)
{
	struct nat_range range = { .flags = NAT_RANGE_ADDR };
	uint8_t family;

	ASSERT(packet_parse(raw->b, raw->len, NULL, p) == REASON_NONE);
	if (conntrack_in(w->ct, worker, p, ZONE_NONE, w->now, ref) != REASON_NONE || !ref->flow)
		return false;
	if (ref->unconfirmed && raw->b[14] == 1) { /* the client's network */
		ASSERT(addr_parse(NATTED, &family, &range.min_addr) == 0);
		range.max_addr = range.min_addr;
		conntrack_nat_setup(w->ct, worker, ref, NAT_MANIP_SRC, &range);
	}
	ASSERT(conntrack_nat_packet(ref, NAT_MANIP_DST, p));
	ASSERT(conntrack_nat_packet(ref, NAT_MANIP_SRC, p));
	if (conntrack_confirm(w->ct, worker, p, w->now, ref) != REASON_NONE)
		return false;
	ASSERT(packet_checksum_ok(p));
	return true;
}

/* A line of its own, whose port makes it longer or shorter. */
static void say_port(struct thread *t)
{
	struct raw raw;
	struct packet p;
	struct ct_ref ref;
	char text[64];
	unsigned port = 1024 + dice(&t->seed, 60000);
	int len = snprintf(text, sizeof(text), "PORT 10,0,1,2,%u,%u\r\n", port >> 8, port & 255);

	raw_tcp(&raw, A4, CLIENT_PORT, B4, 21, TCP_ACK | TCP_PSH,
		atomic_fetch_add(&t->shared->seq, (uint32_t)len), 501, (size_t)len);
	memcpy(raw.b + 40, text, (size_t)len);
	raw_fix_l4(&raw);
	/* While records run out it is dropped, and the client would say it again. */
	if (through(&t->shared->w, t->number, &raw, &p, &ref) && p.data != raw.b) {
		ASSERT(memcmp(p.data + 40, "PORT 203,0,113,199,", 19) == 0);
		ASSERT(p.data[p.len - 1] == '\n');
		atomic_fetch_add(&t->shared->rewritten, 1);
	}
}

static void acknowledge(struct thread *t)
{
	uint32_t ack = atomic_load(&t->shared->seq) - dice(&t->seed, 200);
	struct raw raw;
	struct packet p;
	struct ct_ref ref;

	raw_tcp(&raw, B4, 21, NATTED, CLIENT_PORT, TCP_ACK, 501, ack, 0);
	if (through(&t->shared->w, t->number, &raw, &p, &ref))
		ASSERT(p.dport == htons(CLIENT_PORT));
}

struct found {
	bool any;
	uint16_t told, said;
};

static bool take_ports(void *arg, uint32_t index, const struct expect *e)
{
	(void)index;
	*(struct found *)arg = (struct found){ true, e->tuple.dport, e->nat_port };
	return false;
}

/* To where the client was just said to listen, if it still does. */
static void connect_back(struct thread *t)
{
	struct world *w = &t->shared->w;
	struct found found = { 0 };
	uint32_t cursor = 0;
	struct raw raw;
	struct packet p;
	struct ct_ref ref;

	conntrack_each_expectation(w->ct, &cursor, w->now, take_ports, &found);
	if (!found.any)
		return;
	raw_tcp(&raw, B4, (uint16_t)(20000 + dice(&t->seed, 40000)), NATTED, ntohs(found.told),
		TCP_SYN, 7, 0, 0);
	if (!through(w, t->number, &raw, &p, &ref) || ref.state != CT_STATE_RELATED)
		return;
	ASSERT(p.dport == found.said);
	ASSERT(p.daddr.b[0] == 10);
	atomic_fetch_add(&t->shared->related, 1);
}

static void *work(void *arg)
{
	struct thread *t = arg;

	rcu_register();
	for (unsigned n = 0; n < ROUNDS; n++) {
		switch (dice(&t->seed, 3)) {
		case 0:
			/* One end's segments come by one queue. */
			if (t->number == 0)
				say_port(t);
			break;
		case 1:
			acknowledge(t);
			break;
		default:
			connect_back(t);
		}
		rcu_quiescent();
	}
	rcu_unregister();
	atomic_fetch_add(&t->shared->done, 1);
	return NULL;
}

static void begin(struct shared *s)
{
	struct raw raw;
	struct packet p;
	struct ct_ref ref;

	raw_tcp(&raw, A4, CLIENT_PORT, B4, 21, TCP_SYN, 100, 0, 0);
	assert_true(through(&s->w, 0, &raw, &p, &ref));
	raw_tcp(&raw, B4, 21, NATTED, CLIENT_PORT, TCP_SYN | TCP_ACK, 500, 101, 0);
	assert_true(through(&s->w, 0, &raw, &p, &ref));
	raw_tcp(&raw, A4, CLIENT_PORT, B4, 21, TCP_ACK, 101, 501, 6);
	memcpy(raw.b + 40, "NOOP\r\n", 6);
	raw_fix_l4(&raw);
	assert_true(through(&s->w, 0, &raw, &p, &ref));
	atomic_store(&s->seq, 107);
}

static void a_connection_is_rewritten_by_one_and_numbered_back_by_others(void **state)
{
	static struct shared s;
	struct thread threads[WORKERS];

	(void)state;
	world_init(&s.w, 16384);
	conntrack_free(s.w.ct);
	s.w.options.helpers = HELPER_BIT(HELPER_FTP);
	s.w.options.tcp_be_liberal = true; /* what is acknowledged is anything */
	s.w.ct = conntrack_new(&s.w.arena, &s.w.options, WORKERS, s.w.now);
	assert_non_null(s.w.ct);
	begin(&s);
	for (unsigned i = 0; i < WORKERS; i++) {
		threads[i] = (struct thread){ .shared = &s, .number = i, .seed = 5 + i };
		assert_int_equal(pthread_create(&threads[i].id, NULL, work, &threads[i]), 0);
	}
	/* What was expected before gives its record back. */
	while (atomic_load(&s.done) < WORKERS)
		conntrack_housekeep(s.w.ct, 0, s.w.now);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i].id, NULL);
	assert_true(atomic_load(&s.rewritten) > 0);
	assert_true(atomic_load(&s.related) > 0);
	world_fini(&s.w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_rewritten_by_one_and_numbered_back_by_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
