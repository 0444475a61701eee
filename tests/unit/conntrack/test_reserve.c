/* The reserved part of the flow table: conntrack.md 12.8 X01, and who finds room beyond it. */
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

static enum ct_state ssh_from(struct world *w, uint16_t sport)
{
	raw_tcp(&w->raw, A4, sport, B4, 22, TCP_SYN, 1, 0, 0);
	return pass(w);
}

static void reserve_half_for_ssh(struct world *w)
{
	w->options.reserve = (struct ct_share){ .n = 4 };
	w->options.reserve_for.n = 1;
	assert_int_equal(ct_reserve_parse("tcp/22@" B4, &w->options.reserve_for.rule[0]), 0);
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	assert_int_equal(stats(w).reserved, 4);
}

static void x01_a_flood_takes_no_place_from_the_operators_flows(void **state)
{
	struct world *w = *state;

	reserve_half_for_ssh(w);
	for (uint16_t i = 1; i <= 4; i++)
		assert_int_equal(udp_from(w, i), NEW);
	for (uint16_t i = 1; i <= 4; i++)
		assert_int_equal(ssh_from(w, i), NEW);
	assert_int_equal(stats(w).reserve_used, 4);
	for (uint16_t i = 5; i < 2000; i++) {
		udp_from(w, i);
		if (i % 100 == 0)
			conntrack_housekeep(w->ct, 0, w->now);
	}
	assert_true(stats(w).drop > 0);
	assert_true(stats(w).early_drop > 0);
	for (uint16_t i = 1; i <= 4; i++) {
		raw_tcp(&w->raw, B4, 22, A4, i, TCP_SYN | TCP_ACK, 1, 2, 0);
		assert_int_equal(pass(w), EST);
	}
}

static void x01_the_operators_flows_make_room_for_their_like(void **state)
{
	struct world *w = *state;
	unsigned came = 0;

	reserve_half_for_ssh(w);
	for (uint16_t i = 1; i <= 8; i++)
		assert_int_equal(ssh_from(w, i), NEW);
	for (uint16_t i = 9; i < 500; i++) {
		came += ssh_from(w, i) == NEW;
		conntrack_housekeep(w->ct, 0, w->now);
	}
	assert_true(came > 100);
	assert_true(flows(w) <= 8);
}

static void a_reserved_part_is_never_more_than_half(void **state)
{
	struct world *w = *state;

	reserve_half_for_ssh(w);
	w->options.reserve.n = 7;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	assert_int_equal(stats(w).reserved, 4);
	w->options.reserve = (struct ct_share){ .n = 25, .percent = true };
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	assert_int_equal(stats(w).reserved, 2);
	w->options.reserve_for.n = 0;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	assert_int_equal(stats(w).reserved, 0);
}

/* Closing connections go under pressure though the table is never quite full. */
static void a_table_that_is_full_but_for_the_reserve_is_under_pressure(void **state)
{
	struct world *w = *state;

	reserve_half_for_ssh(w);
	for (uint16_t i = 1; i <= 3; i++)
		make_assured(w, i);
	a_tcp(w, TCP_SYN, 100, 0);
	b_tcp(w, TCP_SYN | TCP_ACK, 500, 101);
	a_tcp(w, TCP_ACK, 101, 501);
	a_tcp(w, TCP_FIN | TCP_ACK, 101, 501);
	udp_from(w, 100);
	assert_int_equal(w->reason, REASON_TABLE_FULL);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(flows(w), 3);
}

static void a_reserve_is_for_either_side_and_for_ports_of_who_is_called(void **state)
{
	static const struct {
		const char *rule;
		bool to_22, from_22, other_host, ipv6;
	} cases[] = {
		{ "10.0.1.0/24", true, true, true, false },
		{ B4, true, true, false, false },
		{ "tcp", true, true, true, true },
		{ "udp/22", false, false, false, false },
		{ "tcp/22", true, false, true, true },
		{ "tcp/20-30", true, false, true, true },
		{ "tcp/23-30", false, false, false, false },
		{ "tcp/22@10.0.9.9", false, false, true, false },
		{ "6/22@fd00::/16", false, false, false, true },
	};
	struct world *w = *state;

	reserve_half_for_ssh(w);
	for (uint16_t i = 1; i <= 4; i++)
		make_assured(w, i);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ct_reserve_parse(cases[i].rule,
						  &w->options.reserve_for.rule[0]), 0);
		assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
		raw_tcp(&w->raw, A4, 1000, B4, 22, TCP_SYN, 1, 0, 0);
		assert_int_equal(look_by(w, 0, &w->ref) == NEW, cases[i].to_22);
		raw_tcp(&w->raw, A4, 22, B4, 1000, TCP_SYN, 1, 0, 0);
		assert_int_equal(look_by(w, 0, &w->ref) == NEW, cases[i].from_22);
		raw_tcp(&w->raw, A4, 1000, ROUTER4, 22, TCP_SYN, 1, 0, 0);
		assert_int_equal(look_by(w, 0, &w->ref) == NEW, cases[i].other_host);
		raw_tcp(&w->raw, A6, 1000, B6, 22, TCP_SYN, 1, 0, 0);
		assert_int_equal(look_by(w, 0, &w->ref) == NEW, cases[i].ipv6);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(x01_a_flood_takes_no_place_from_the_operators_flows),
		TEST(x01_the_operators_flows_make_room_for_their_like),
		TEST(a_reserved_part_is_never_more_than_half),
		TEST(a_table_that_is_full_but_for_the_reserve_is_under_pressure),
		TEST(a_reserve_is_for_either_side_and_for_ports_of_who_is_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
