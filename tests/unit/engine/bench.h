/* bench.h - an engine between two interfaces, for tests of a packet's way. */
#ifndef TESTS_ENGINE_BENCH_H
#define TESTS_ENGINE_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "ctfw/engine.h"
#include "ctfw/expect.h"
#include "ctfw/generation.h"
#include "ctfw/rcu.h"
#include "ctfw/set_dynamic.h"
#include "unit/packets.h"
#include "unit/test.h"

#define WG0 5
#define ETH0 2

/* A host 10.8.0.1 on wg0 (10.8.0.0/24 behind it) and 203.0.113.1 on eth0, which has the
 * default route. */
struct bench {
	void *memory;
	struct arena arena;
	struct counters *counters;
	struct set_elements *elements;
	struct conntrack *ct;
	struct engine *engine;
	struct generation *generation;
	struct prefix network[2];
	struct engine_port in, out, both;
	struct instant now;
	unsigned logged;
	char log[512];
};

static inline struct prefix prefix_of(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static inline struct hostview *host(void)
{
	const struct hostview_link links[] = {
		{ .index = ETH0, .mtu = 1500, .name = "eth0" },
		{ .index = WG0, .mtu = 1420, .name = "wg0" },
	};
	const struct hostview_addr addrs[] = {
		{ prefix_of("10.8.0.1"), WG0, HOSTVIEW_LOCAL, true, { 0 } },
		{ prefix_of("203.0.113.1"), ETH0, HOSTVIEW_LOCAL, true, { 0 } },
		{ prefix_of("fd08::1"), WG0, HOSTVIEW_LOCAL, true, { 0 } },
		{ prefix_of("10.8.0.255"), WG0, HOSTVIEW_BROADCAST, false, { 0 } },
	};
	const struct hostview_route routes[] = {
		{ .prefix = prefix_of("10.8.0.0/24"), .ifindex = WG0 },
		{ .prefix = prefix_of("fd08::/64"), .ifindex = WG0 },
		{ .prefix = prefix_of("0.0.0.0/0"), .ifindex = ETH0 },
		{ .prefix = prefix_of("::/0"), .ifindex = ETH0 },
	};
	struct hostview *hv = hostview_new(links, 2, addrs, 4, routes, 4);

	assert_non_null(hv);
	return hv;
}

static inline void log_line(void *arg, unsigned worker, const struct engine_log *record)
{
	struct bench *b = arg;

	assert_int_equal(worker, 0);
	b->logged++;
	logline_format(record, b->log, sizeof(b->log));
}

static inline int set_up(void **state)
{
	static const uint8_t id[16] = { 1 };
	struct bench *b = calloc(1, sizeof(*b));
	struct conntrack_options options;
	struct arena_geometry geometry = { .workers = 1, .text_bytes = 65536,
					   .element_records = 64 };
	struct engine_options engine = { .workers = 1, .log_rate = 3, .reply_rate = 2,
					 .log = log_line, .log_arg = b };
	struct diag d = DIAG_INIT;

	conntrack_options_default(&options);
	options.max_flows = 1024;
	options.expect_max = 64;
	geometry.flow_records = conntrack_records(options.max_flows);
	geometry.expect_records = conntrack_expect_records(options.expect_max);
	b->memory = aligned_alloc(4096, arena_size(&geometry));
	memset(b->memory, 0, arena_size(&geometry));
	arena_format(b->memory, &geometry, id, id, &b->arena);
	b->counters = counters_new(&b->arena);
	b->elements = set_elements_new(&b->arena, counters_states(b->counters), 1,
				       1000 * NSEC_PER_SEC);
	assert_non_null(b->elements);
	counters_lend(b->counters, b->elements);
	b->now = (struct instant){ 1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC };
	rcu_register();
	b->ct = conntrack_new(&b->arena, &options, 1, b->now);
	assert_non_null(b->ct);
	b->engine = engine_new(b->ct, b->counters, &engine);
	b->generation = generation_read(b->counters, &b->arena, &d);
	assert_non_null(b->generation);
	assert_int_equal(generation_start(b->generation, b->engine, &d, NULL), 0);
	engine_set_hostview(b->engine, host());
	b->network[0] = prefix_of("10.8.0.0/24");
	b->network[1] = prefix_of("fd08::/64");
	b->in = (struct engine_port){
		PORT_IN, WG0, "wg0", true, ENGINE_ALL_HOOKS, b->network, 2
	};
	b->out = b->in;
	b->out.role = PORT_OUT;
	b->both = (struct engine_port){ .role = PORT_BOTH, .hooks = ENGINE_ALL_HOOKS };
	*state = b;
	return 0;
}

static inline int tear_down(void **state)
{
	struct bench *b = *state;

	generation_free(b->generation);
	engine_free(b->engine);
	conntrack_free(b->ct);
	counters_free(b->counters);
	set_elements_free(b->elements);
	rcu_unregister();
	free(b->memory);
	free(b);
	return 0;
}

static inline void rules(struct bench *b, const char *text)
{
	struct ruleset_input input = { .name = "rules", .text = text, .len = strlen(text) };
	struct diag d = DIAG_INIT;
	int err = generation_replace(b->generation, &input, NULL, &d);

	if (err < 0)
		print_error("%s", text_str(&d.text));
	assert_int_equal(err, 0);
	diag_fini(&d);
}

static uint8_t reply[BUILD_MAX];

static inline struct engine_trace send_raw(struct bench *b, const struct engine_port *port,
					   struct raw *r, struct engine_result *ret_result)
{
	struct engine_trace trace;
	struct engine_result result = { 0 };
	struct packet p;

	if (engine_prepare(b->engine, 0, r->b, r->len, NULL, &p, &trace) == REASON_NONE)
		engine_input(b->engine, 0, port, &p, b->now, reply, &result, &trace);
	else
		result.action = ENGINE_DROP;
	if (ret_result)
		*ret_result = result;
	rcu_quiescent();
	return trace;
}

static inline struct engine_trace send_udp(struct bench *b, const struct engine_port *port,
					   const char *src, const char *dst)
{
	struct raw r;

	raw_udp(&r, src, 1000, dst, 53, 10);
	return send_raw(b, port, &r, NULL);
}

#define engine_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
