/* The flow table: confirm, clashes, expiry, room, deletion, walks, numbers. */
#include "tracking.h"

#define NEW CT_STATE_NEW
#define EST CT_STATE_ESTABLISHED
#define INV CT_STATE_INVALID

static int setup(void **state)
{
	return world_setup(state, 8);
}

static enum ct_state udp_from(struct world *w, uint16_t sport)
{
	raw_udp(&w->raw, A4, sport, B4, 53, 8);
	return pass(w);
}

static enum ct_state udp_back_to(struct world *w, uint16_t dport)
{
	raw_udp(&w->raw, B4, 53, A4, dport, 8);
	return pass(w);
}

static struct conntrack_stats stats(struct world *w)
{
	struct conntrack_stats s;

	conntrack_stats(w->ct, &s);
	return s;
}

static void make_assured(struct world *w, uint16_t sport)
{
	assert_int_equal(udp_from(w, sport), NEW);
	assert_int_equal(udp_back_to(w, sport), EST);
	wait_ms(w, 2001);
	assert_int_equal(udp_from(w, sport), EST);
	assert_true(atomic_load(&w->ref.flow->status) & FLOW_ASSURED);
}

/* ---- confirm ---- */

static void a_packet_that_is_dropped_leaves_no_flow(void **state)
{
	struct world *w = *state;

	raw_udp(&w->raw, A4, 1, B4, 53, 8);
	assert_int_equal(look_by(w, 0, &w->ref), NEW);
	assert_true(w->ref.unconfirmed);
	assert_int_equal(flow_remaining(w->ref.flow, w->now.mono), 0);
	assert_false(flow_snapshot(w->ref.flow, &(struct flow){ 0 }));
	assert_int_equal(flows(w), 0);
	assert_int_equal(look_by(w, 0, &w->ref), NEW);
	assert_int_equal(conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref), REASON_NONE);
	assert_false(w->ref.unconfirmed);
	assert_int_equal(flows(w), 1);
	assert_int_equal(look_by(w, 0, &w->ref), NEW);
	assert_false(w->ref.unconfirmed);
}

static void what_rules_set_on_the_first_packet_stays(void **state)
{
	struct world *w = *state;
	struct the_one one;

	raw_udp(&w->raw, A4, 1, B4, 53, 8);
	look_by(w, 0, &w->ref);
	flow_set_mark(w->ref.flow, 42);
	flow_set_route(w->ref.flow, DIR_REPLY, 99);
	assert_int_equal(conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref), REASON_NONE);
	one = only_flow(w);
	assert_int_equal(atomic_load(&one.flow.mark), 42);
	assert_int_equal(atomic_load(&one.flow.route[DIR_REPLY]), 99);
	assert_int_equal(one.flow.start, w->now.real);
	assert_int_equal(one.flow.id, 1);
	/* Nothing of it is left for the worker's next one. */
	udp_from(w, 2);
	assert_int_equal(atomic_load(&w->ref.flow->mark), 0);
	assert_int_equal(w->ref.flow->id, 2);
}

static void zones_are_worlds_apart(void **state)
{
	const struct ct_zone five = { 5, 5 };
	struct world *w = *state;
	struct ct_ref ref;

	udp_from(w, 1);
	packet_parse(w->raw.b, w->raw.len, NULL, &w->packet);
	conntrack_prefetch(w->ct, &w->packet, five);
	assert_int_equal(conntrack_in(w->ct, 0, &w->packet, five, w->now, &ref), REASON_NONE);
	assert_int_equal(ref.state, NEW);
	assert_true(ref.unconfirmed);
	assert_int_equal(conntrack_confirm(w->ct, 0, &w->packet, w->now, &ref), REASON_NONE);
	assert_int_equal(ref.flow->tuple[DIR_REPLY].zone, 5);
	assert_int_equal(flows(w), 2);
}

static void a_packet_to_itself_is_found_as_its_own_answer(void **state)
{
	struct world *w = *state;

	raw_udp(&w->raw, A4, 7, A4, 7, 8);
	assert_int_equal(pass(w), NEW);
	assert_int_equal(pass(w), EST);
	assert_int_equal(w->ref.dir, DIR_REPLY);
}

/* ---- clashes: two workers begin the same flow ---- */

static struct raw first, second;

static void clash(struct world *w, struct ct_ref ref[2], enum reason ret_reason[2])
{
	struct packet p[2];

	packet_parse(first.b, first.len, NULL, &p[0]);
	packet_parse(second.b, second.len, NULL, &p[1]);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(conntrack_in(w->ct, i, &p[i], ZONE_NONE, w->now, &ref[i]),
				 REASON_NONE);
		assert_int_equal(ref[i].state, NEW);
	}
	for (unsigned i = 0; i < 2; i++)
		ret_reason[i] = conntrack_confirm(w->ct, i, &p[i], w->now, &ref[i]);
}

static void x02_the_second_of_two_equal_udp_packets_joins_the_first(void **state)
{
	struct world *w = *state;
	enum reason reason[2];
	struct ct_ref ref[2];

	raw_udp(&first, A4, 1, B4, 53, 8);
	raw_udp(&second, A4, 1, B4, 53, 18);
	clash(w, ref, reason);
	assert_int_equal(reason[0], REASON_NONE);
	assert_int_equal(reason[1], REASON_NONE);
	assert_ptr_equal(ref[0].flow, ref[1].flow);
	assert_int_equal(ref[1].state, NEW);
	assert_false(ref[1].unconfirmed);
	assert_int_equal(ref[0].flow->acct[DIR_ORIGINAL].packets, 2);
	assert_int_equal(ref[0].flow->acct[DIR_ORIGINAL].bytes, 36 + 46);
	assert_int_equal(flows(w), 1);
	assert_int_equal(stats(w).clash_resolve, 1);
	assert_int_equal(stats(w).insert_failed, 0);
	assert_int_equal(stats(w).by_kind[CT_UDP], 1);
}

static void two_udp_packets_towards_each_other_are_one_flow(void **state)
{
	struct world *w = *state;
	enum reason reason[2];
	struct ct_ref ref[2];

	raw_udp(&first, A4, 1, B4, 53, 8);
	raw_udp(&second, B4, 53, A4, 1, 8);
	clash(w, ref, reason);
	assert_int_equal(reason[1], REASON_NONE);
	assert_ptr_equal(ref[0].flow, ref[1].flow);
	assert_int_equal(ref[1].state, EST);
	assert_int_equal(ref[1].dir, DIR_REPLY);
	assert_int_equal(ref[0].flow->acct[DIR_REPLY].packets, 1);
	assert_true(status_of_it(w) & FLOW_SEEN_REPLY);
}

static void a_clash_of_tcp_is_dropped(void **state)
{
	struct world *w = *state;
	enum reason reason[2];
	struct ct_ref ref[2];

	raw_tcp(&first, A4, 1, B4, 80, TCP_SYN, 1, 0, 0);
	raw_tcp(&second, A4, 1, B4, 80, TCP_SYN, 1, 0, 0);
	clash(w, ref, reason);
	assert_int_equal(reason[0], REASON_NONE);
	assert_int_equal(reason[1], REASON_CLASH);
	assert_int_equal(flows(w), 1);
	assert_int_equal(stats(w).insert_failed, 1);
	assert_int_equal(stats(w).drop, 1);
	assert_int_equal(stats(w).by_tcp_state[TCPS_SYN_SENT], 1);
	/* The loser's record is free again: there are not so many. */
	for (uint32_t i = 0; i < conntrack_records(8); i++) {
		struct the_one one = only_flow(w);

		assert_true(conntrack_delete(w->ct, one.index, one.flow.id));
		conntrack_housekeep(w->ct, 1, w->now);
		clash(w, ref, reason);
		assert_int_equal(reason[0], REASON_NONE);
		assert_int_equal(reason[1], REASON_CLASH);
	}
}

static void an_arena_tells_for_how_many_flows_it_is(void **state)
{
	(void)state;
	for (uint32_t flows = 1; flows <= 16777216; flows += 1 + flows / 9) {
		uint32_t records = conntrack_records(flows);

		assert_int_equal(conntrack_max_flows(records), flows);
		assert_int_equal(conntrack_max_flows(records - 1), flows - 1);
	}
	assert_int_equal(conntrack_max_flows(0), 0);
	assert_int_equal(conntrack_max_flows(UINT32_MAX), 16777216);
}

static void an_expired_flow_does_not_clash(void **state)
{
	struct world *w = *state;
	struct ct_ref ref;
	struct raw raw;

	/* Worker 1 begins it while there is none; when it confirms there is an expired one. */
	raw_udp(&w->raw, A4, 1, B4, 53, 8);
	memcpy(&raw, &w->raw, sizeof(raw));
	look_by(w, 1, &ref);
	assert_int_equal(udp_from(w, 1), NEW);
	wait_ms(w, 30000);
	assert_int_equal(conntrack_confirm(w->ct, 1, &w->packet, w->now, &ref), REASON_NONE);
	assert_int_equal(flows(w), 1);
	assert_int_equal(alive(w), 1);
	assert_int_equal(stats(w).expired, 1);
	assert_int_equal(udp_from(w, 1), NEW);
	assert_ptr_equal(w->ref.flow, ref.flow);
}

/* ---- expiry ---- */

static void expired_flows_are_reclaimed_by_housekeeping(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 1; i <= 4; i++)
		udp_from(w, i);
	wait_ms(w, 15000);
	for (uint16_t i = 1; i <= 2; i++)
		udp_from(w, i);
	wait_ms(w, 14999);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(flows(w), 4);
	wait_ms(w, 1);
	assert_int_equal(alive(w), 2);
	assert_int_equal(flows(w), 4);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(flows(w), 2);
	assert_int_equal(stats(w).expired, 2);
	assert_int_equal(stats(w).peak, 4);
}

static void housekeeping_in_small_steps_comes_round(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 1; i <= 7; i++)
		udp_from(w, i);
	wait_ms(w, 30000);
	for (int i = 0; i < 3; i++)
		conntrack_housekeep(w->ct, 2, w->now);
	assert_int_equal(flows(w), 1);
	conntrack_housekeep(w->ct, 2, w->now);
	assert_int_equal(flows(w), 0);
}

static void records_are_used_again_for_ever(void **state)
{
	struct world *w = *state;
	uint32_t n = conntrack_records(8) * 3;

	for (uint32_t i = 0; i < n; i++) {
		struct the_one one;

		assert_int_equal(udp_from(w, (uint16_t)(i % 60000 + 1)), NEW);
		assert_int_equal(w->reason, REASON_NONE);
		one = only_flow(w);
		assert_int_equal(one.flow.id, i + 1);
		assert_true(conntrack_delete(w->ct, one.index, one.flow.id));
		assert_false(conntrack_delete(w->ct, one.index, one.flow.id));
		if (i % 256 == 0)
			conntrack_housekeep(w->ct, 1, w->now);
	}
	assert_int_equal(stats(w).created, n);
	assert_int_equal(stats(w).by_kind[CT_UDP], 0);
}

/* ---- room ---- */

static void x01_early_drop_makes_room_at_the_cost_of_the_unassured(void **state)
{
	struct world *w = *state;
	unsigned refused = 0;

	for (uint16_t i = 1; i <= 8; i++)
		assert_int_equal(udp_from(w, i), NEW);
	assert_int_equal(stats(w).early_drop, 0);
	/* Eight buckets of 64 are looked at, so not each of these finds one to evict. */
	for (uint16_t i = 100; i < 200; i++) {
		udp_from(w, i);
		assert_true(flows(w) <= 8);
		if (w->reason == REASON_NONE)
			continue;
		assert_int_equal(w->reason, REASON_TABLE_FULL);
		assert_null(w->ref.flow);
		refused++;
	}
	/* One bucket alone would not do for most. */
	assert_true(refused < 50);
	assert_true(stats(w).early_drop >= 100 - refused);
	assert_int_equal(stats(w).drop, refused);
	assert_int_equal(stats(w).peak, 8);
}

static void assured_flows_are_not_dropped_early(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 1; i <= 8; i++)
		make_assured(w, i);
	for (uint16_t i = 100; i < 200; i++) {
		udp_from(w, i);
		assert_int_equal(w->reason, REASON_TABLE_FULL);
		if (i % 10 == 0)
			conntrack_housekeep(w->ct, 0, w->now);
	}
	assert_int_equal(flows(w), 8);
	assert_int_equal(stats(w).early_drop, 0);
	/* What is known goes on. */
	assert_int_equal(udp_back_to(w, 3), EST);
}

static void housekeeping_under_pressure_drops_tcp_that_is_closing(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 1; i <= 7; i++)
		make_assured(w, i);
	a_tcp(w, TCP_SYN, 100, 0);
	b_tcp(w, TCP_SYN | TCP_ACK, 500, 101);
	a_tcp(w, TCP_ACK, 101, 501);
	conntrack_housekeep(w->ct, 0, w->now);
	udp_from(w, 100);
	assert_int_equal(w->reason, REASON_TABLE_FULL);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(flows(w), 8);

	a_tcp(w, TCP_FIN | TCP_ACK, 101, 501);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(flows(w), 8); /* there was no pressure since */
	udp_from(w, 100);
	assert_int_equal(w->reason, REASON_TABLE_FULL);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(flows(w), 7);
	assert_int_equal(udp_from(w, 100), NEW);
	assert_int_equal(w->reason, REASON_NONE);
}

static void pressure_spares_all_when_there_is_room_again(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 1; i <= 8; i++)
		make_assured(w, i);
	udp_from(w, 100);
	assert_int_equal(w->reason, REASON_TABLE_FULL);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(conntrack_delete(w->ct, i, i + 1));
	udp_from(w, 100);
	assert_int_equal(w->reason, REASON_NONE);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(flows(w), 6);
}

static void every_closing_state_may_be_dropped_under_pressure(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 1; i <= 7; i++)
		make_assured(w, i);
	for (unsigned s = TCPS_SYN_SENT; s < TCPS_COUNT; s++) {
		bool closing = s >= TCPS_FIN_WAIT && s <= TCPS_CLOSE;
		struct flow *f;

		assert_int_equal(a_tcp(w, TCP_SYN, 100, 0), NEW);
		assert_int_equal(w->reason, REASON_NONE);
		f = w->ref.flow;
		b_tcp(w, TCP_SYN | TCP_ACK, 500, 101);
		a_tcp(w, TCP_ACK, 101, 501);
		f->proto.tcp.state = (uint8_t)s;
		udp_from(w, 100);
		assert_int_equal(w->reason, REASON_TABLE_FULL);
		conntrack_housekeep(w->ct, 0, w->now);
		assert_int_equal(flows(w), closing ? 7 : 8);
		if (!closing)
			assert_true(conntrack_delete(w->ct, 7, f->id));
		conntrack_housekeep(w->ct, 0, w->now);
	}
}

static void sctp_that_is_shutting_down_may_be_dropped_under_pressure(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 1; i <= 7; i++)
		make_assured(w, i);
	for (unsigned s = SCTPS_CLOSED; s < SCTPS_COUNT; s++) {
		bool closing = s >= SCTPS_SHUTDOWN_SENT && s <= SCTPS_SHUTDOWN_ACK_SENT;
		uint8_t heartbeat[16] = { 1, 1, 2, 2, 0, 0, 0, 9, 0, 0, 0, 0, 4, 0, 0, 4 };
		struct flow *f;

		w->options.checksum = false;
		assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
		raw_ip(&w->raw, A4, B4, 132, heartbeat, sizeof(heartbeat));
		assert_int_equal(pass(w), NEW);
		f = w->ref.flow;
		atomic_fetch_or(&f->status, FLOW_ASSURED);
		f->proto.sctp.state = (uint8_t)s;
		udp_from(w, 100);
		assert_int_equal(w->reason, REASON_TABLE_FULL);
		conntrack_housekeep(w->ct, 0, w->now);
		assert_int_equal(flows(w), closing ? 7 : 8);
		if (!closing)
			assert_true(conntrack_delete(w->ct, 7, f->id));
		conntrack_housekeep(w->ct, 0, w->now);
	}
}

static void a_chain_does_not_grow_for_ever(void **state)
{
	static struct world big;
	const uint32_t buckets = 512;
	unsigned n = 0;

	(void)state;
	world_init(&big, buckets / 2);
	for (unsigned port = 1; port < 65536; port++) {
		const struct siphash_key key = { big.arena.header->key[0],
						 big.arena.header->key[1] };
		struct tuple tuple;

		raw_udp(&big.raw, A4, (uint16_t)port, B4, 53, 8);
		packet_parse(big.raw.b, big.raw.len, NULL, &big.packet);
		assert_int_equal(tuple_from_packet(&big.packet, 0, &tuple), 0);
		if (tuple_hash(&key, &tuple) % buckets != 0)
			continue;
		pass(&big);
		if (big.reason != REASON_NONE)
			break;
		n++;
	}
	assert_int_equal(big.reason, REASON_CHAIN_LONG);
	/* The kernel's limits, less a few replies that fell into the same bucket. */
	assert_in_range(n, 45, 79);
	assert_int_equal(stats(&big).chaintoolong, 1);
	assert_int_equal(stats(&big).insert_failed, 1);
	assert_int_equal(flows(&big), n);
	world_fini(&big);
}

static void a_flow_that_somebody_is_removing_stands_in_nobodys_way(void **state)
{
	struct world *w = *state;
	struct flow *dying;

	assert_int_equal(udp_from(w, 1), NEW);
	dying = w->ref.flow;
	assert_int_equal(udp_back_to(w, 1), EST);
	atomic_fetch_or(&dying->status, FLOW_DYING);
	assert_int_equal(udp_from(w, 1), NEW);
	assert_int_equal(w->reason, REASON_NONE);
	assert_ptr_not_equal(w->ref.flow, dying);
	assert_int_equal(alive(w), 1);
}

static void invalid_packets_evict_nothing(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 1; i <= 8; i++)
		udp_from(w, i);
	for (uint16_t i = 1; i <= 100; i++) {
		raw_tcp(&w->raw, A4, i, B4, 80, TCP_ACK, 1, 1, 0);
		assert_int_equal(pass(w), INV);
		assert_int_equal(w->reason, REASON_NONE);
	}
	assert_int_equal(flows(w), 8);
	assert_int_equal(stats(w).invalid, 100);
}

static void max_flows_changes_at_run_time(void **state)
{
	struct world *w = *state;

	w->options.max_flows = 2;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	for (uint16_t i = 1; i <= 2; i++)
		make_assured(w, i);
	udp_from(w, 9);
	assert_int_equal(w->reason, REASON_TABLE_FULL);
	w->options.max_flows = 3;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	udp_from(w, 9);
	assert_int_equal(w->reason, REASON_NONE);
	w->options.max_flows = 1000000;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), -EINVAL);
	w->options.max_flows = 0;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), -EINVAL);
	w->options.max_flows = 3;
	w->options.timeout[TIMEOUT_UDP] = 2147484;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), -EINVAL);
	w->options.timeout[TIMEOUT_UDP] = 30;
	w->options.tcp_loose = 0;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), -EINVAL);
	w->options.tcp_loose = TCP_LOOSE_COLD;
	w->options.tcp_loose_cold = 0;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), -EINVAL);
	w->options.tcp_loose_cold = 300;
	w->options.tcp_max_retrans = 256;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), -EINVAL);
	assert_int_equal(stats(w).max, 3);
}

static void wrong_parameters_make_no_conntrack(void **state)
{
	struct world *w = *state;
	struct conntrack_options o = w->options;

	assert_null(conntrack_new(&w->arena, &o, 0, w->now));
	assert_null(conntrack_new(&w->arena, &o, ARENA_MAX_WORKERS + 1, w->now));
	o.max_flows = 16777217;
	assert_null(conntrack_new(&w->arena, &o, 1, w->now));
	o.max_flows = 100000; /* more than the arena has records for */
	assert_null(conntrack_new(&w->arena, &o, 1, w->now));
	assert_int_equal(errno, EINVAL);
}

/* ---- walks ---- */

static bool stop_at_second(void *arg, uint32_t index, const struct flow *copy)
{
	(void)index;
	(void)copy;
	return ++*(unsigned *)arg % 2 != 0;
}

static void a_walk_stops_and_goes_on(void **state)
{
	struct world *w = *state;
	uint32_t cursor = 0;
	unsigned n = 0;

	for (uint16_t i = 1; i <= 5; i++)
		udp_from(w, i);
	assert_false(conntrack_each(w->ct, &cursor, 0, w->now, stop_at_second, &n));
	assert_int_equal(n, 2);
	assert_false(conntrack_each(w->ct, &cursor, 0, w->now, stop_at_second, &n));
	assert_int_equal(n, 4);
	assert_true(conntrack_each(w->ct, &cursor, 0, w->now, stop_at_second, &n));
	assert_int_equal(n, 5);

	cursor = n = 0;
	assert_false(conntrack_each(w->ct, &cursor, 3, w->now, count_one, &n));
	assert_int_equal(n, 3);
	assert_true(conntrack_each(w->ct, &cursor, 3, w->now, count_one, &n));
	assert_int_equal(n, 5);
	assert_true(conntrack_each(w->ct, &cursor, 3, w->now, count_one, &n));
	assert_int_equal(n, 5);
}

static void a_deleted_flow_is_gone_at_once(void **state)
{
	struct world *w = *state;
	struct the_one one;

	udp_from(w, 1);
	one = only_flow(w);
	assert_false(conntrack_delete(w->ct, one.index, one.flow.id + 1));
	assert_false(conntrack_delete(w->ct, 1000000, one.flow.id));
	assert_true(conntrack_delete(w->ct, one.index, one.flow.id));
	assert_int_equal(flows(w), 0);
	assert_int_equal(alive(w), 0);
	assert_false(flow_snapshot(w->ref.flow, &one.flow));
	assert_int_equal(udp_back_to(w, 1), NEW);
}

static void a_full_table_of_many_is_found_again(void **state)
{
	static struct world big;

	(void)state;
	world_init(&big, 20000);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(udp_from(&big, (uint16_t)(i + 1)), NEW);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(udp_back_to(&big, (uint16_t)(i + 1)), EST);
	assert_int_equal(alive(&big), 20000);
	wait_ms(&big, 30000);
	conntrack_housekeep(big.ct, 0, big.now);
	assert_int_equal(flows(&big), 0);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(udp_back_to(&big, (uint16_t)(i + 1)), NEW);
	world_fini(&big);
}

/* ---- numbers ---- */

static void every_worker_counts_for_itself(void **state)
{
	struct world *w = *state;
	struct conntrack_stats of_first, of_second;
	struct ct_ref ref;

	udp_from(w, 1);
	raw_udp(&w->raw, A4, 2, B4, 53, 8);
	look_by(w, 1, &ref);
	assert_int_equal(conntrack_confirm(w->ct, 1, &w->packet, w->now, &ref), REASON_NONE);
	raw_tcp(&w->raw, A4, 2, B4, 80, TCP_ACK, 1, 1, 0);
	look_by(w, 1, &ref);
	assert_int_equal(conntrack_workers(w->ct), 2);
	conntrack_worker_stats(w->ct, 0, &of_first);
	conntrack_worker_stats(w->ct, 1, &of_second);
	assert_int_equal(of_first.created, 1);
	assert_int_equal(of_first.invalid, 0);
	assert_int_equal(of_second.created, 1);
	assert_int_equal(of_second.invalid, 1);
	assert_int_equal(of_second.flows, 0);
	assert_int_equal(stats(w).created, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_that_is_dropped_leaves_no_flow),
		TEST(what_rules_set_on_the_first_packet_stays),
		TEST(zones_are_worlds_apart),
		TEST(a_packet_to_itself_is_found_as_its_own_answer),
		TEST(x02_the_second_of_two_equal_udp_packets_joins_the_first),
		TEST(two_udp_packets_towards_each_other_are_one_flow),
		TEST(a_clash_of_tcp_is_dropped),
		cmocka_unit_test(an_arena_tells_for_how_many_flows_it_is),
		TEST(an_expired_flow_does_not_clash),
		TEST(expired_flows_are_reclaimed_by_housekeeping),
		TEST(housekeeping_in_small_steps_comes_round),
		TEST(records_are_used_again_for_ever),
		TEST(x01_early_drop_makes_room_at_the_cost_of_the_unassured),
		TEST(assured_flows_are_not_dropped_early),
		TEST(housekeeping_under_pressure_drops_tcp_that_is_closing),
		TEST(pressure_spares_all_when_there_is_room_again),
		TEST(every_closing_state_may_be_dropped_under_pressure),
		TEST(sctp_that_is_shutting_down_may_be_dropped_under_pressure),
		TEST(a_flow_that_somebody_is_removing_stands_in_nobodys_way),
		cmocka_unit_test(a_chain_does_not_grow_for_ever),
		TEST(invalid_packets_evict_nothing),
		TEST(max_flows_changes_at_run_time),
		TEST(wrong_parameters_make_no_conntrack),
		TEST(a_walk_stops_and_goes_on),
		TEST(a_deleted_flow_is_gone_at_once),
		cmocka_unit_test(a_full_table_of_many_is_found_again),
		TEST(every_worker_counts_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
