/* tracking.h - conntrack for tests: an arena of its own, a virtual clock, packets by the
 * names A (who begins) and B (who answers). */
#ifndef TESTS_CONNTRACK_TRACKING_H
#define TESTS_CONNTRACK_TRACKING_H

#include "unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ctfw/conntrack.h"
#include "ctfw/expect.h"
#include "ctfw/rcu.h"
#include "ctfw/text.h"
#include "unit/packets.h"

#define A4 "10.0.1.2"
#define B4 "10.0.2.2"
#define A6 "fd00:1::2"
#define B6 "fd00:2::2"
#define ROUTER4 "10.0.9.9"

#define ZONE_NONE ((struct ct_zone){ 0, 0 })

struct world {
	void *mem;
	size_t size;
	struct arena arena;
	struct conntrack_options options;
	struct conntrack *ct;
	struct instant now;
	struct ct_ref ref;   /* of the last packet */
	enum reason reason;  /* its end */
	struct raw raw;      /* the last packet */
	struct packet packet;
	uint8_t *bytes;      /* its bytes, no byte more: a sanitizer sees who reads on */
};

static inline void world_open(struct world *w)
{
	w->ct = conntrack_new(&w->arena, &w->options, 2, w->now);
	assert_non_null(w->ct);
}

static inline void world_init(struct world *w, uint32_t max_flows)
{
	struct arena_geometry g = {
		.flow_records = conntrack_records(max_flows),
		.workers = 2,
		.text_bytes = 4096,
		.expect_records = conntrack_expect_records(64),
	};
	static const uint8_t boot_id[16] = { 1 }, key[16] = { 2 };
	size_t size = arena_size(&g);

	memset(w, 0, sizeof(*w));
	w->size = size;
	w->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->mem, MAP_FAILED);
	arena_format(w->mem, &g, boot_id, key, &w->arena);
	conntrack_options_default(&w->options);
	w->options.max_flows = max_flows;
	w->now = (struct instant){ 1000 * NSEC_PER_SEC, 1700000000 * NSEC_PER_SEC };
	rcu_register();
	world_open(w);
}

static inline void world_fini(struct world *w)
{
	conntrack_free(w->ct);
	free(w->bytes);
	munmap(w->mem, w->size);
	rcu_unregister();
}

/* Time goes on. */
static inline void wait_ms(struct world *w, uint64_t ms)
{
	w->now.mono += ms * NSEC_PER_MSEC;
	w->now.real += ms * NSEC_PER_MSEC;
}

/* The packet in w->raw as worker `worker` sees it, up to before confirm. */
static inline enum ct_state look_by(struct world *w, unsigned worker, struct ct_ref *ret_ref)
{
	free(w->bytes);
	w->bytes = malloc(w->raw.len);
	assert_non_null(w->bytes);
	memcpy(w->bytes, w->raw.b, w->raw.len);
	assert_int_equal(packet_parse(w->bytes, w->raw.len, NULL, &w->packet), REASON_NONE);
	conntrack_prefetch(w->ct, &w->packet, ZONE_NONE);
	conntrack_prefetch_flow(w->ct, &w->packet);
	w->reason = conntrack_in(w->ct, worker, &w->packet, ZONE_NONE, w->now, ret_ref);
	return ret_ref->state;
}

/* The whole way of the packet in w->raw. */
static inline enum ct_state pass(struct world *w)
{
	look_by(w, 0, &w->ref);
	if (w->reason == REASON_NONE)
		w->reason = conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref);
	return w->ref.state;
}

static inline enum ct_state a_tcp(struct world *w, uint8_t flags, uint32_t seq, uint32_t ack)
{
	raw_tcp(&w->raw, A4, 1000, B4, 80, flags, seq, ack, 0);
	return pass(w);
}

static inline enum ct_state b_tcp(struct world *w, uint8_t flags, uint32_t seq, uint32_t ack)
{
	raw_tcp(&w->raw, B4, 80, A4, 1000, flags, seq, ack, 0);
	return pass(w);
}

static inline enum ct_state a_udp(struct world *w)
{
	raw_udp(&w->raw, A4, 1000, B4, 53, 8);
	return pass(w);
}

static inline enum ct_state b_udp(struct world *w)
{
	raw_udp(&w->raw, B4, 53, A4, 1000, 8);
	return pass(w);
}

static inline uint32_t flows(const struct world *w)
{
	struct conntrack_stats s;

	conntrack_stats(w->ct, &s);
	return s.flows;
}

static inline bool count_one(void *arg, uint32_t index, const struct flow *copy)
{
	(void)index;
	(void)copy;
	++*(unsigned *)arg;
	return true;
}

/* Flows that are alive, by a walk. */
static inline unsigned alive(struct world *w)
{
	uint32_t cursor = 0;
	unsigned n = 0;

	conntrack_each(w->ct, &cursor, 0, w->now, count_one, &n);
	return n;
}

struct the_one {
	bool found;
	uint32_t index;
	struct flow flow;
};

static inline bool take_one(void *arg, uint32_t index, const struct flow *copy)
{
	struct the_one *one = arg;

	assert_false(one->found);
	one->found = true;
	one->index = index;
	memcpy((void *)&one->flow, (const void *)copy, sizeof(*copy));
	return true;
}

/* The only flow there is. */
static inline struct the_one only_flow(struct world *w)
{
	struct the_one one = { 0 };
	uint32_t cursor = 0;

	assert_true(conntrack_each(w->ct, &cursor, 0, w->now, take_one, &one));
	assert_true(one.found);
	return one;
}

static inline unsigned seconds_left(struct world *w)
{
	struct the_one one = only_flow(w);

	return (unsigned)(flow_remaining(&one.flow, w->now.mono) / NSEC_PER_SEC);
}

static inline uint32_t status_of_it(struct world *w)
{
	struct the_one one = only_flow(w);

	return atomic_load(&one.flow.status);
}

static inline unsigned tcp_state_of_it(struct world *w)
{
	return only_flow(w).flow.proto.tcp.state;
}

/* For cmocka: a world as the state of a test. */
static inline int world_setup(void **state, uint32_t max_flows)
{
	static struct world w;

	world_init(&w, max_flows);
	*state = &w;
	return 0;
}

static inline int world_teardown(void **state)
{
	world_fini(*state);
	return 0;
}

#endif
