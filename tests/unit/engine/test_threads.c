/* Two workers on the same flows while everything that may change does: rules come and go, the
 * host's routes change, flows are listed, deleted, expired and counted.  Under
 * ThreadSanitizer this is the proof that a worker needs no lock that all share. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/generation.h"
#include "ctfw/rcu.h"
#include "unit/packets.h"
#include "unit/test.h"

#define WORKERS 2
#define FLOWS 16
#define ROUNDS 2000 /* changes by the control side */

struct shop {
	void *memory;
	struct arena arena;
	struct counters *counters;
	struct conntrack *ct;
	struct engine *engine;
	struct generation *generation;
	atomic_bool stop;
	_Atomic uint64_t mono;
	_Atomic uint64_t judged[WORKERS];
};

struct worker {
	struct shop *shop;
	unsigned index;
	pthread_t thread;
};

static const struct engine_port port = { .role = PORT_BOTH, .hooks = ENGINE_ALL_HOOKS };

static struct instant now_of(struct shop *s)
{
	uint64_t mono = atomic_fetch_add_explicit(&s->mono, 1000, memory_order_relaxed);

	return (struct instant){ mono, 1700000000 * NSEC_PER_SEC + mono };
}

/* Packet k of a flow's life, of either direction: each worker sends all of them. */
static void make(struct raw *r, unsigned flow, unsigned k)
{
	static _Thread_local struct raw whole;
	uint16_t sport = (uint16_t)(1000 + flow);

	switch (k % 9) {
	case 0:
		raw_tcp(r, "10.8.0.2", sport, "198.51.100.1", 80, TCP_SYN, 100, 0, 0);
		break;
	case 1:
		raw_tcp(r, "198.51.100.1", 80, "10.8.0.2", sport, TCP_SYN | TCP_ACK, 500, 101,
			0);
		break;
	case 2:
		raw_tcp(r, "10.8.0.2", sport, "198.51.100.1", 80, TCP_ACK, 101, 501, 10);
		break;
	case 3:
		raw_udp(r, "10.8.0.2", sport, "198.51.100.1", 53, 20);
		break;
	case 4:
		raw_udp(r, "198.51.100.1", 53, "10.8.0.2", sport, 20);
		break;
	case 5: /* a datagram, of which each worker sends what the other sends as well */
	case 6:
	case 7:
		raw_udp(&whole, "10.8.0.2", sport, "198.51.100.1", 53, 2992);
		raw_fragment(r, &whole, sport, (k % 9 - 5) * 1000u, (k % 9 - 4) * 1000u);
		break;
	default:
		raw_tcp(r, "10.8.0.2", sport, "198.51.100.1", 80, TCP_RST | TCP_ACK, 111, 501,
			0);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct shop *s = w->shop;
	struct raw *r = malloc(sizeof(*r));
	uint8_t reply[BUILD_MAX];
	unsigned k = w->index;

	rcu_register();
	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		struct engine_result result;
		const uint8_t *out;
		struct packet p;
		size_t len;

		make(r, k / 9 % FLOWS, k);
		k++;
		if (engine_prepare(s->engine, w->index, r->b, r->len, NULL, &p, NULL) !=
		    REASON_NONE)
			abort();
		engine_prefetch(s->engine, &p, 1, 0);
		engine_input(s->engine, w->index, &port, &p, now_of(s), reply, &result, NULL);
		if (result.action == ENGINE_NONE)
			abort();
		while (result.action == ENGINE_FRAGMENTS &&
		       engine_next(s->engine, w->index, &out, &len))
			continue;
		atomic_fetch_add_explicit(&s->judged[w->index], 1, memory_order_relaxed);
		rcu_quiescent();
	}
	rcu_unregister();
	free(r);
	return NULL;
}

static void command(struct shop *s, const char *text)
{
	struct ruleset_input input = { .name = "command", .text = text, .len = strlen(text) };
	struct text out = TEXT_INIT;
	struct diag d = DIAG_INIT;

	if (generation_apply(s->generation, &input, NULL, &d, &out) < 0)
		fail_msg("%s", text_str(&d.text));
	diag_fini(&d);
	text_fini(&out);
}

static struct hostview *host(unsigned i)
{
	const struct hostview_link links[] = {
		{ .index = 2, .mtu = 1500, .name = "eth0" },
		{ .index = 5, .mtu = 1420, .name = "wg0" },
	};
	struct hostview_route route = { .ifindex = i % 2 ? 2 : 5 };

	route.prefix.family = L3_IPV4;
	return hostview_new(links, 2, NULL, 0, &route, 1);
}

static bool take(void *arg, uint32_t index, const struct flow *copy)
{
	uint32_t *last = arg;

	last[0] = index;
	last[1] = copy->id;
	return true;
}

/* One change of everything that the control side may change. */
static void disturb(struct shop *s, unsigned i)
{
	uint32_t cursor = 0, last[2] = { FLOW_NONE, 0 };
	struct conntrack_stats ct_stats;
	struct engine_stats stats;

	if (i % 3 == 0)
		command(s, "flush chain ip t f\n"
			   "add rule ip t f ct state established,related counter accept\n"
			   "add rule ip t f iifname \"wg0\" ct mark set 7 counter accept\n"
			   "add rule ip t f udp dport 53 reject\n");
	else if (i % 3 == 1)
		command(s, "add rule ip t f tcp dport 80 counter log prefix \"x\" accept\n"
			   "list ruleset\n");
	engine_set_hostview(s->engine, host(i));
	conntrack_each(s->ct, &cursor, 0, now_of(s), take, last);
	if (last[0] != FLOW_NONE && i % 4 == 0)
		conntrack_delete(s->ct, last[0], last[1]);
	if (i % 16 == 0)
		atomic_fetch_add(&s->mono, 3600 * NSEC_PER_SEC);
	conntrack_housekeep(s->ct, 0, now_of(s));
	engine_housekeep(s->engine, now_of(s));
	engine_stats(s->engine, &stats);
	conntrack_stats(s->ct, &ct_stats);
	assert_true(stats.packets_out <= stats.packets_in);
	rcu_quiescent();
}

static void log_nothing(void *arg, unsigned worker, const struct engine_log *record)
{
	char line[256];

	(void)arg;
	(void)worker;
	logline_format(record, line, sizeof(line));
}

static void open_shop(struct shop *s)
{
	static const uint8_t id[16] = { 3 };
	struct arena_geometry geometry = { .workers = WORKERS, .text_bytes = 1 << 20 };
	struct engine_options options = { .workers = WORKERS, .log_rate = 1000000,
					  .reply_rate = 1000000, .log = log_nothing,
					  .log_arg = s };
	struct conntrack_options ct;
	struct diag d = DIAG_INIT;

	conntrack_options_default(&ct);
	ct.max_flows = 64;
	geometry.flow_records = conntrack_records(ct.max_flows);
	s->memory = aligned_alloc(4096, arena_size(&geometry));
	assert_non_null(s->memory);
	memset(s->memory, 0, arena_size(&geometry));
	arena_format(s->memory, &geometry, id, id, &s->arena);
	atomic_init(&s->mono, NSEC_PER_SEC);
	s->counters = counters_new(&s->arena);
	s->ct = conntrack_new(&s->arena, &ct, WORKERS, now_of(s));
	s->engine = engine_new(s->ct, s->counters, &options);
	s->generation = generation_read(s->counters, &s->arena, &d);
	assert_non_null(s->generation);
	assert_int_equal(generation_start(s->generation, s->engine, &d, NULL), 0);
	diag_fini(&d);
	command(s, "table ip t { chain f { type filter hook forward priority 0; }; }\n");
}

static void two_workers_judge_while_everything_changes_under_them(void **state)
{
	struct shop *s = calloc(1, sizeof(*s));
	struct worker workers[WORKERS];
	struct conntrack_stats stats;

	(void)state;
	rcu_register();
	open_shop(s);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .shop = s, .index = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]),
				 0);
	}
	for (unsigned i = 0; i < ROUNDS; i++)
		disturb(s, i);
	/* Both have been at it, however slow the machine. */
	rcu_offline();
	while (!atomic_load(&s->judged[0]) || !atomic_load(&s->judged[1]))
		sched_yield();
	atomic_store(&s->stop, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	rcu_online();

	/* What is left is consistent: when all has expired, nothing is. */
	atomic_fetch_add(&s->mono, 1000000 * NSEC_PER_SEC);
	conntrack_housekeep(s->ct, 0, now_of(s));
	conntrack_stats(s->ct, &stats);
	assert_int_equal(stats.flows, 0);
	for (unsigned i = 0; i < CT_KIND_COUNT; i++)
		assert_int_equal(stats.by_kind[i], 0);
	for (unsigned i = 0; i < TCPS_COUNT; i++)
		assert_int_equal(stats.by_tcp_state[i], 0);
	generation_free(s->generation);
	engine_free(s->engine);
	conntrack_free(s->ct);
	counters_free(s->counters);
	free(s->memory);
	rcu_unregister();
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_workers_judge_while_everything_changes_under_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
