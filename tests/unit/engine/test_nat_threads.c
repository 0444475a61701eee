/* Two workers hand out the ports of one range, and rewrite each other's answers.  No port may
 * be two flows' at once, whoever was faster; when the range has run out packets are dropped, and
 * when flows have gone there is room again. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/generation.h"
#include "ctfw/nat.h"
#include "ctfw/rcu.h"
#include "unit/packets.h"
#include "unit/test.h"

#define WORKERS 2
#define CLIENTS 400
#define FIRST_PORT 20000
#define PORTS 300 /* fewer than clients: they run out */
#define ROUNDS 400

struct shop {
	void *memory;
	struct arena arena;
	struct counters *counters;
	struct conntrack *ct;
	struct engine *engine;
	struct generation *generation;
	atomic_bool stop;
	_Atomic uint64_t mono;
	/* What each client was last seen as, network byte order; 0: never. */
	_Atomic uint16_t port_of[CLIENTS];
	_Atomic uint64_t mapped[WORKERS], refused[WORKERS], answered[WORKERS];
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

static void client_name(char name[32], unsigned client)
{
	snprintf(name, 32, "10.8.%u.%u", client / 200, 1 + client % 200);
}

/* True when it passed; *p is as it was emitted. */
static bool judge(struct worker *w, struct raw *r, struct packet *p)
{
	struct shop *s = w->shop;
	uint8_t reply[BUILD_MAX];
	struct engine_result result;

	if (engine_prepare(s->engine, w->index, r->b, r->len, NULL, p, NULL) != REASON_NONE)
		abort();
	engine_input(s->engine, w->index, &port, p, now_of(s), reply, &result, NULL);
	if (result.action == ENGINE_PASS && !packet_checksum_ok(p))
		abort();
	return result.action == ENGINE_PASS;
}

static void ask(struct worker *w, struct raw *r, unsigned client)
{
	struct shop *s = w->shop;
	char name[32];
	struct packet p;

	client_name(name, client);
	raw_udp(r, name, 5000, "198.51.100.1", 53, 20);
	if (!judge(w, r, &p)) {
		atomic_fetch_add(&s->refused[w->index], 1);
		return;
	}
	if (p.saddr.w[0] != inet_addr("192.0.2.1") || ntohs(p.sport) < FIRST_PORT ||
	    ntohs(p.sport) >= FIRST_PORT + PORTS)
		abort();
	atomic_store(&s->port_of[client], p.sport);
	atomic_fetch_add(&s->mapped[w->index], 1);
}

/* The answer comes to whoever has that port now: its client, or nobody any more. */
static void answer(struct worker *w, struct raw *r, unsigned client)
{
	struct shop *s = w->shop;
	uint16_t to = atomic_load(&s->port_of[client]);
	struct packet p;

	if (!to)
		return;
	raw_udp(r, "198.51.100.1", 53, "192.0.2.1", ntohs(to), 30);
	if (judge(w, r, &p) && p.daddr.w[0] != inet_addr("192.0.2.1")) {
		if (p.dport != htons(5000))
			abort();
		atomic_fetch_add(&s->answered[w->index], 1);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct raw *r = malloc(sizeof(*r));
	unsigned k = w->index;

	rcu_register();
	while (!atomic_load_explicit(&w->shop->stop, memory_order_relaxed)) {
		ask(w, r, k % CLIENTS);
		answer(w, r, (k + 7) % CLIENTS);
		k += 1 + w->index;
		rcu_quiescent();
	}
	rcu_unregister();
	free(r);
	return NULL;
}

struct seen {
	uint8_t flows[PORTS]; /* by port */
	unsigned n;
};

/* One that died while we walked may have been followed by another already: what is left
 * is looked at again by the caller, with the workers stopped. */
static bool note(void *arg, uint32_t index, const struct flow *copy)
{
	struct seen *seen = arg;
	unsigned at = (unsigned)ntohs(copy->tuple[DIR_REPLY].dport) - FIRST_PORT;

	(void)index;
	if (nat_rewrites(copy)) {
		assert_in_range(at, 0, PORTS - 1);
		assert_int_equal(seen->flows[at]++, 0);
		seen->n++;
	}
	return true;
}

struct deletion {
	struct conntrack *ct;
	unsigned n;
};

static bool delete_some(void *arg, uint32_t index, const struct flow *copy)
{
	struct deletion *d = arg;

	if (d->n++ % 3 == 0)
		conntrack_delete(d->ct, index, copy->id);
	return true;
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

static void open_shop(struct shop *s)
{
	static const uint8_t id[16] = { 3 };
	struct arena_geometry geometry = { .workers = WORKERS, .text_bytes = 1 << 20 };
	struct engine_options options = { .workers = WORKERS };
	struct conntrack_options ct;
	struct diag d = DIAG_INIT;

	conntrack_options_default(&ct);
	ct.max_flows = 2048;
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
	command(s, "table ip nat { chain post { type nat hook postrouting priority srcnat;"
		   " ip saddr 10.8.0.0/16 udp dport 53 snat to 192.0.2.1:20000-20299; }; }\n"
		   "table ip f { chain f { type filter hook forward priority 0;"
		   " ct state invalid drop; ct direction reply accept; ip saddr 10.8.0.0/16 accept;"
		   " drop; }; }\n");
}

static void close_shop(struct shop *s)
{
	generation_free(s->generation);
	engine_free(s->engine);
	conntrack_free(s->ct);
	counters_free(s->counters);
	free(s->memory);
}

static uint64_t both(_Atomic uint64_t counter[WORKERS])
{
	return atomic_load(&counter[0]) + atomic_load(&counter[1]);
}

static void no_port_is_two_flows(void **state)
{
	struct shop *s = calloc(1, sizeof(*s));
	struct worker workers[WORKERS];
	struct seen seen = { .n = 0 };
	uint32_t cursor = 0;

	(void)state;
	rcu_register();
	open_shop(s);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .shop = s, .index = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]),
				 0);
	}
	for (unsigned i = 0; i < ROUNDS || !both(s->refused) || !both(s->answered); i++) {
		struct deletion d = { .ct = s->ct };

		cursor = 0;
		if (i % 8 == 7)
			conntrack_each(s->ct, &cursor, 0, now_of(s), delete_some, &d);
		conntrack_housekeep(s->ct, 0, now_of(s));
		rcu_offline();
		sched_yield();
		rcu_online();
	}
	atomic_store(&s->stop, true);
	rcu_offline();
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	rcu_online();

	cursor = 0;
	conntrack_each(s->ct, &cursor, 0, now_of(s), note, &seen);
	assert_true(seen.n > 0);
	assert_true(both(s->mapped) > 0);
	close_shop(s);
	rcu_unregister();
	free(s);
}

/* ---- a filter that is started again ---- */

static void a_mapping_outlives_the_filter(void **state)
{
	struct shop *s = calloc(1, sizeof(*s));
	struct worker w = { .shop = s };
	struct raw *r = malloc(sizeof(*r));
	struct conntrack_options ct;
	struct packet p;
	uint16_t first, other;

	(void)state;
	rcu_register();
	open_shop(s);
	ask(&w, r, 1);
	first = atomic_load(&s->port_of[1]);
	assert_int_not_equal(first, 0);

	/* What the arena has is all that the next one knows. */
	generation_free(s->generation);
	engine_free(s->engine);
	conntrack_free(s->ct);
	conntrack_options_default(&ct);
	ct.max_flows = 2048;
	s->ct = conntrack_new(&s->arena, &ct, WORKERS, now_of(s));
	s->engine = engine_new(s->ct, s->counters,
			       &(struct engine_options){ .workers = WORKERS });
	{
		struct diag d = DIAG_INIT;

		s->generation = generation_read(s->counters, &s->arena, &d);
		assert_non_null(s->generation);
		assert_int_equal(generation_start(s->generation, s->engine, &d, NULL), 0);
		diag_fini(&d);
	}
	ask(&w, r, 1);
	assert_int_equal(atomic_load(&s->port_of[1]), first);
	answer(&w, r, 1);
	assert_int_equal(both(s->answered), 1);
	/* Its source is known too: another destination sees the same port. */
	raw_udp(r, "10.8.0.2", 5000, "198.51.100.2", 53, 20);
	assert_true(judge(&w, r, &p));
	other = p.sport;
	assert_int_equal(other, first);
	close_shop(s);
	rcu_unregister();
	free(r);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_port_is_two_flows),
		cmocka_unit_test(a_mapping_outlives_the_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
