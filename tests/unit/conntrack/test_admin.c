/* Flows made and changed by words. */
#include "tracking.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "ctfw/event.h"

static struct flow_spec spec(uint8_t l4, uint8_t state)
{
	struct flow_spec s = { .timeout = 300, .state = state };
	struct tuple *o = &s.tuple[DIR_ORIGINAL];
	uint8_t family;

	o->l3 = L3_IPV4;
	o->l4 = l4;
	assert_int_equal(addr_parse(A4, &family, &o->src), 0);
	assert_int_equal(addr_parse(B4, &family, &o->dst), 0);
	o->sport = htons(1000);
	o->dport = htons(l4 == IPPROTO_TCP ? 80 : 53);
	assert_int_equal(tuple_invert(o, &s.tuple[DIR_REPLY]), 0);
	return s;
}

static struct flow *record(struct world *w)
{
	return (struct flow *)w->arena.flows;
}

static void a_made_flow_is_met_by_packets(void **state)
{
	struct world w;
	struct flow_spec s = spec(IPPROTO_TCP, TCPS_ESTABLISHED);

	(void)state;
	world_init(&w, 64);
	s.status = FLOW_SEEN_REPLY | FLOW_ASSURED;
	assert_int_equal(conntrack_create(w.ct, &s, w.now), 0);
	/* Sequence numbers that nobody knew, either way, and on. */
	assert_int_equal(b_tcp(&w, 0x18, 7000000, 90000), CT_STATE_ESTABLISHED);
	assert_int_equal(a_tcp(&w, 0x18, 90000, 7000004), CT_STATE_ESTABLISHED);
	assert_int_equal(b_tcp(&w, 0x18, 7000004, 90004), CT_STATE_ESTABLISHED);
	assert_int_equal(record(&w)->proto.tcp.state, TCPS_ESTABLISHED);
	world_fini(&w);
}

static void there_is_one_flow_for_a_tuple(void **state)
{
	struct world w;
	struct flow_spec s = spec(IPPROTO_UDP, 0), back = s;
	struct conntrack_stats stats;

	(void)state;
	world_init(&w, 64);
	a_udp(&w);
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EEXIST);
	back.tuple[0] = s.tuple[1];
	back.tuple[1] = s.tuple[0];
	assert_int_equal(conntrack_create(w.ct, &back, w.now), -EEXIST);
	conntrack_stats(w.ct, &stats);
	assert_int_equal(stats.flows, 1);
	world_fini(&w);
}

static void what_is_no_flow_is_refused(void **state)
{
	struct world w;
	struct flow_spec s;

	(void)state;
	world_init(&w, 64);
	s = spec(IPPROTO_TCP, TCPS_NONE);
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EINVAL);
	s = spec(IPPROTO_TCP, TCPS_COUNT);
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EINVAL);
	s = spec(IPPROTO_UDP, 1);
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EINVAL);
	s = spec(IPPROTO_UDP, 0);
	s.status = FLOW_EXPECTED;
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EINVAL);
	s.status = FLOW_DYING;
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EINVAL);
	s = spec(IPPROTO_UDP, 0);
	s.timeout = 2147484;
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EINVAL);
	s = spec(IPPROTO_UDP, 0);
	s.tuple[DIR_REPLY].l4 = IPPROTO_TCP;
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EINVAL);
	s = spec(IPPROTO_UDP, 0);
	s.tuple[DIR_ORIGINAL].src.w[3] = 1;
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -EINVAL);
	world_fini(&w);
}

static void a_full_table_takes_no_more(void **state)
{
	struct world w;
	struct flow_spec s = spec(IPPROTO_UDP, 0);

	(void)state;
	world_init(&w, 1);
	a_udp(&w);
	s.tuple[DIR_ORIGINAL].sport = htons(1);
	s.tuple[DIR_REPLY].dport = htons(1);
	assert_int_equal(conntrack_create(w.ct, &s, w.now), -ENOSPC);
	world_fini(&w);
}

/* A process that dies and another that checks all that it finds. */
static void a_made_flow_survives_a_restart(void **state)
{
	struct world w;
	struct flow_spec s = spec(IPPROTO_SCTP, SCTPS_ESTABLISHED);

	(void)state;
	world_init(&w, 64);
	assert_int_equal(conntrack_create(w.ct, &s, w.now), 0);
	s = spec(IPPROTO_TCP, TCPS_SYN_SENT2);
	assert_int_equal(conntrack_create(w.ct, &s, w.now), 0);
	s = spec(IPPROTO_GRE, 0);
	s.tuple[0].sport = s.tuple[0].dport = s.tuple[1].sport = s.tuple[1].dport = 0;
	assert_int_equal(conntrack_create(w.ct, &s, w.now), 0);
	conntrack_free(w.ct);
	world_open(&w);
	assert_int_equal(conntrack_recovery(w.ct).kept, 3);
	assert_int_equal(conntrack_recovery(w.ct).damaged, 0);
	world_fini(&w);
}

static void changes_are_made_and_told(void **state)
{
	struct world w;
	struct flow copy;
	struct ct_event e;
	struct flow_change change = {
		.has_mark = true,
		.mark_keep = 0xff00,
		.mark_flip = 0x0101,
		.has_timeout = true,
		.timeout = 77,
		.set_status = FLOW_ASSURED | FLOW_FIXED_TIMEOUT,
		.label_keep = { UINT64_MAX, UINT64_MAX },
		.label_set = { 2, 4 },
	};
	uint64_t labels[2];

	(void)state;
	world_init(&w, 64);
	a_udp(&w);
	flow_set_mark(w.ref.flow, 0x1234);
	a_udp(&w);
	assert_int_equal(conntrack_listen(w.ct), 0);
	assert_int_equal(conntrack_update(w.ct, 0, record(&w)->id, &change, w.now, &copy), 0);
	assert_int_equal(copy.mark, 0x1301);
	assert_int_equal(flow_remaining(&copy, w.now.mono), 77 * NSEC_PER_SEC);
	assert_true(copy.status & FLOW_ASSURED);
	conntrack_labels(w.ct, 0, &copy, labels);
	assert_int_equal(labels[0], 2);
	assert_int_equal(labels[1], 4);
	assert_true(conntrack_event(w.ct, &e));
	assert_int_equal(e.bits, CT_EVENT_UPDATES);
	assert_false(conntrack_event(w.ct, &e));
	/* The timer is fixed. */
	wait_ms(&w, 10000);
	a_udp(&w);
	assert_int_equal(flow_remaining(record(&w), w.now.mono), 67 * NSEC_PER_SEC);

	change = (struct flow_change){ .set_status = FLOW_CONFIRMED | FLOW_DYING };
	assert_int_equal(conntrack_update(w.ct, 0, record(&w)->id, &change, w.now, &copy),
			 -EINVAL);
	change.set_status = 0;
	change.label_keep[0] = ~2ULL;
	change.label_keep[1] = UINT64_MAX;
	assert_int_equal(conntrack_update(w.ct, 0, record(&w)->id, &change, w.now, &copy), 0);
	conntrack_labels(w.ct, 0, &copy, labels);
	assert_int_equal(labels[0], 0);
	assert_int_equal(labels[1], 4);
	assert_int_equal(conntrack_update(w.ct, 0, record(&w)->id + 1, &change, w.now, &copy),
			 -ENOENT);
	assert_int_equal(conntrack_update(w.ct, 1 << 30, 1, &change, w.now, &copy), -ENOENT);
	world_fini(&w);
}

static void states_change_with_their_numbers(void **state)
{
	struct world w;
	struct flow copy;
	struct flow_change change = { .tcp_state = TCPS_CLOSE,
				      .label_keep = { UINT64_MAX, UINT64_MAX } };
	struct conntrack_stats stats;

	(void)state;
	world_init(&w, 64);
	a_tcp(&w, 0x02, 100, 0);
	assert_int_equal(conntrack_update(w.ct, 0, record(&w)->id, &change, w.now, &copy), 0);
	assert_int_equal(copy.proto.tcp.state, TCPS_CLOSE);
	conntrack_stats(w.ct, &stats);
	assert_int_equal(stats.by_tcp_state[TCPS_CLOSE], 1);
	assert_int_equal(stats.by_tcp_state[TCPS_SYN_SENT], 0);
	world_fini(&w);
}

static void counters_are_read_and_begin_anew(void **state)
{
	struct world w;
	struct flow copy;

	(void)state;
	world_init(&w, 64);
	a_udp(&w);
	a_udp(&w);
	assert_true(conntrack_zero(w.ct, 0, record(&w)->id, &copy));
	assert_int_equal(copy.acct[DIR_ORIGINAL].packets, 2);
	a_udp(&w);
	assert_true(conntrack_zero(w.ct, 0, record(&w)->id, &copy));
	assert_int_equal(copy.acct[DIR_ORIGINAL].packets, 1);
	assert_false(conntrack_zero(w.ct, 0, record(&w)->id + 1, &copy));
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_made_flow_is_met_by_packets),
		cmocka_unit_test(there_is_one_flow_for_a_tuple),
		cmocka_unit_test(what_is_no_flow_is_refused),
		cmocka_unit_test(a_full_table_takes_no_more),
		cmocka_unit_test(a_made_flow_survives_a_restart),
		cmocka_unit_test(changes_are_made_and_told),
		cmocka_unit_test(states_change_with_their_numbers),
		cmocka_unit_test(counters_are_read_and_begin_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
