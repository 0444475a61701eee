/* fixture.h - an engine in private memory, a clock that stands, and a daemon that answers,
 * for tests of the control side. */
#ifndef TESTS_CONTROL_FIXTURE_H
#define TESTS_CONTROL_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "ctfw/checksum.h"
#include "ctfw/control.h"
#include "ctfw/expect.h"
#include "ctfw/rcu.h"
#include "ctfw/set_dynamic.h"

struct fixture {
	void *memory;
	size_t memory_len;
	struct arena arena;
	struct conntrack *ct;
	struct counters *counters;
	struct hostview *view;
	struct engine *engine;
	struct generation *generation;
	struct event_hub *events;
	struct rule_hub *rules;
	struct trace_hub *traces;
	bool traced;
	struct instant now;
	struct control_context ctx;
	struct set_elements *elements;
	/* reload: what it answers, or that it waits */
	int reload_err;
	const char *reload_message;
	bool reload_waits;
	unsigned reloads;
	uint64_t reload_until;
	char logged[256]; /* the last line */
	unsigned saved;
	bool shut; /* what was saved may not be read */
	void (*reload_done)(void *arg, int err, const char *message);
	void *reload_arg;
};

static inline struct instant fixture_now(void *arg)
{
	return ((struct fixture *)arg)->now;
}

/* What host/ gives, every member of it. */
static inline json_t *fixture_status(void *arg)
{
	(void)arg;
	return json_pack("{sb sf s[{ss s[ss] s[sss] sb sb}] s[{ss ss ss si si s[ss]}]"
			 " s{ss sf} s{ss sf} s{sf ss sb sn} si si si}",
			 "filtering", 1, "since", 1700000000.0, "captures", "interface", "wg0",
			 "networks", "10.8.0.0/24", "fd08::/64", "hooks", "input", "forward",
			 "output", "fail_closed", 1, "spoof_check", 1, "ports", "name",
			 "wg0-in", "role", "in", "interface", "wg0", "mtu", 1420, "queues", 1,
			 "offload", "csum", "tso4", "config", "path", "/etc/ctfw/ctfwd.conf",
			 "loaded", 1700000000.0, "ruleset", "path", "/etc/ctfw/ruleset.nft",
			 "loaded", 1700000000.0, "last_load", "time", 1700000000.0, "cause",
			 "start", "ok", 1, "error", "keeper_pid", 11, "filter_pid", 12,
			 "restarts", 0);
}

static inline void fixture_reload(void *arg, uint64_t until, uint32_t uid,
				  void (*done)(void *done_arg, int err, const char *message),
				  void *done_arg)
{
	struct fixture *f = arg;

	(void)uid;
	f->reloads++;
	f->reload_until = until;
	if (!f->reload_waits) {
		done(done_arg, f->reload_err, f->reload_message);
		return;
	}
	f->reload_done = done;
	f->reload_arg = done_arg;
}

static inline int fixture_saved(void *arg, struct diag *d)
{
	struct fixture *f = arg;

	f->saved++;
	if (f->shut)
		diag_error(d, NULL, "/r.nft: Permission denied");
	return f->shut ? -EACCES : 0;
}

static inline void fixture_log(void *arg, const char *line)
{
	struct fixture *f = arg;

	snprintf(f->logged, sizeof(f->logged), "%s", line);
}

static inline void fixture_traced(void *arg, bool on)
{
	((struct fixture *)arg)->traced = on;
}

static inline void fixture_init(struct fixture *f, uint32_t max_flows)
{
	struct conntrack_options options;
	struct arena_geometry geometry = { .workers = 1, .text_bytes = 1 << 20 };
	static const uint8_t zeroes[16];
	struct engine_options engine_options = { .workers = 1 };
	struct hostview_link link = { .index = 3, .mtu = 1500, .name = "wg0" };
	struct diag d = DIAG_INIT;

	*f = (struct fixture){ .now = { 1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC } };
	rcu_register();
	conntrack_options_default(&options);
	options.max_flows = max_flows;
	geometry.flow_records = conntrack_records(max_flows);
	geometry.expect_records = conntrack_expect_records(options.expect_max);
	f->memory_len = arena_size(&geometry);
	f->memory = mmap(NULL, f->memory_len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(f->memory != MAP_FAILED);
	arena_format(f->memory, &geometry, zeroes, zeroes, &f->arena);
	f->ct = conntrack_new(&f->arena, &options, 1, f->now);
	f->counters = counters_new(&f->arena);
	f->elements = set_elements_new(&f->arena, counters_states(f->counters), 1, f->now.mono);
	f->engine = engine_new(f->ct, f->counters, &engine_options);
	f->view = hostview_new(&link, 1, NULL, 0, NULL, 0);
	assert_true(f->ct && f->counters && f->elements && f->engine && f->view);
	engine_set_hostview(f->engine, f->view);
	f->generation = generation_read(f->counters, &f->arena, &d);
	assert_non_null(f->generation);
	assert_int_equal(generation_start(f->generation, f->engine, &d, NULL), 0);
	diag_fini(&d);
	f->events = event_hub_new(f->ct);
	f->rules = rule_hub_new(f->generation);
	f->traces = trace_hub_new(f->engine, f->generation, fixture_traced, f);
	assert_true(f->events && f->rules && f->traces);
	f->ctx = (struct control_context){
		.engine = f->engine,
		.conntrack = f->ct,
		.elements = f->elements,
		.generation = f->generation,
		.events = f->events,
		.rules = f->rules,
		.traces = f->traces,
		.workers = 1,
		.now = fixture_now,
		.status = fixture_status,
		.reload = fixture_reload,
		.saved = fixture_saved,
		.log = fixture_log,
		.arg = f,
	};
	rcu_offline();
}

static inline void fixture_fini(struct fixture *f)
{
	rcu_online();
	trace_hub_free(f->traces);
	rule_hub_free(f->rules);
	generation_free(f->generation);
	engine_free(f->engine);
	counters_free(f->counters);
	set_elements_free(f->elements);
	event_hub_free(f->events);
	conntrack_free(f->ct);
	munmap(f->memory, f->memory_len);
	rcu_unregister();
}

/* A UDP packet of 10.A.B.C, A.B.C being n, from port 1000 to 192.0.2.1:53: a flow. */
static inline void fixture_flow(struct fixture *f, uint32_t n)
{
	static uint8_t reply[BUILD_MAX];
	uint8_t p[32] = { 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0 };
	struct engine_port port = { .role = PORT_BOTH, .hooks = ENGINE_ALL_HOOKS };
	uint32_t src = htonl(0x0a000000 | n), dst = htonl(0xc0000201);
	uint16_t ports[4] = { htons(1000), htons(53), htons(12), 0 }, check;
	struct engine_result result;
	struct packet packet;
	uint32_t sum = 0;

	memcpy(p + 12, &src, 4);
	memcpy(p + 16, &dst, 4);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	check = htons((uint16_t) ~((sum & 0xffff) + (sum >> 16)));
	memcpy(p + 10, &check, 2);
	memcpy(p + 20, ports, 8);
	assert_int_equal(engine_prepare(f->engine, 0, p, sizeof(p), NULL, &packet, NULL),
			 REASON_NONE);
	engine_input(f->engine, 0, &port, &packet, f->now, reply, &result, NULL);
	assert_int_equal(result.action, ENGINE_PASS);
}

static inline void fixture_flows(struct fixture *f, uint32_t n)
{
	rcu_online();
	for (uint32_t i = 1; i <= n; i++)
		fixture_flow(f, i);
	rcu_quiescent();
	rcu_offline();
}

static inline uint32_t fixture_count(const struct fixture *f)
{
	struct conntrack_stats stats;

	conntrack_stats(f->ct, &stats);
	return stats.flows;
}

#endif
