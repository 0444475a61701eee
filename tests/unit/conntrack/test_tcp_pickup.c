/* Flows of TCP that are picked up in their middle: conntrack.md 12.3, by their numbers there;
 * and when they are. */
#include "tcp_talk.h"

static void t60_a_flow_picked_up_is_assured_after_three_packets(void **state)
{
	struct world *w = *state;

	loosely(w);
	a(w, A, 1000, 2000, NEW);
	expect_entry(w, TCPS_ESTABLISHED, 300, 0);
	b(w, A, 2000, 1000, EST);
	a(w, A, 1000, 2000, EST);
	expect_entry(w, TCPS_ESTABLISHED, 432000, FLOW_SEEN_REPLY | FLOW_ASSURED);
}

static void a_short_timeout_is_not_prolonged_by_a_pick_up(void **state)
{
	struct world *w = *state;

	w->options.timeout[TIMEOUT_TCP_ESTABLISHED] = 100;
	loosely(w);
	a(w, A, 1000, 2000, NEW);
	assert_int_equal(seconds_left(w), 100);
}

static void t62_what_cannot_begin_a_flow(void **state)
{
	static const uint8_t flags[] = { FA, SA, R, RA };
	struct world *w = *state;

	loosely(w);
	for (size_t i = 0; i < sizeof(flags); i++)
		a(w, flags[i], 1, 1, INV);
	assert_int_equal(flows(w), 0);
}

static void t63_mid_stream_segments_are_invalid_by_default(void **state)
{
	struct world *w = *state;

	a(w, A, 1, 1, INV);
	a(w, A | TCP_PSH, 1, 1, INV);
	assert_int_equal(flows(w), 0);
}

static void pick_up_when_cold(struct world *w, enum ct_state wanted)
{
	expect_from(w, DIR_ORIGINAL, a_tcp(w, A, 1000, 2000), wanted);
	if (wanted == NEW)
		a(w, R, 1000, 0, NEW);
	assert_int_equal(flows(w), 0);
}

static void a_cold_start_picks_up_for_a_while(void **state)
{
	struct world *w = *state;

	w->options.tcp_loose = TCP_LOOSE_COLD;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	pick_up_when_cold(w, NEW);
	wait_ms(w, 299999);
	pick_up_when_cold(w, NEW);
	wait_ms(w, 1);
	pick_up_when_cold(w, INV);
	/* How long counts from the start, whenever it is said. */
	w->options.tcp_loose_cold = 301;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	pick_up_when_cold(w, NEW);
	wait_ms(w, 1000);
	pick_up_when_cold(w, INV);
}

static void a_start_that_finds_flows_is_not_cold(void **state)
{
	struct world *w = *state;

	w->options.tcp_loose = TCP_LOOSE_COLD;
	a(w, S, 100, 0, NEW);
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(conntrack_recovery(w->ct).kept, 1);
	raw_tcp(&w->raw, A4, 1001, B4, 80, A, 1, 1, 0);
	assert_int_equal(pass(w), INV);
	wait_ms(w, 120000); /* what is found has expired */
	conntrack_free(w->ct);
	world_open(w);
	pick_up_when_cold(w, NEW);
}

static void the_start_may_be_told_later(void **state)
{
	struct world *w = *state;

	w->options.tcp_loose = TCP_LOOSE_COLD;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	wait_ms(w, 1000000);
	pick_up_when_cold(w, INV);
	conntrack_set_start(w->ct, w->now);
	pick_up_when_cold(w, NEW);
}

static void t64_to_t66_what_follows_a_pick_up(void **state)
{
	struct world *w = *state;

	loosely(w);
	a(w, A, 1, 1, NEW);
	a(w, FA, 1, 1, NEW);
	expect_entry(w, TCPS_FIN_WAIT, 120, 0);
	b(w, A, 1, 2, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_CLOSE_WAIT);
	a(w, R, 1, 0, EST);
	a(w, S, 7, 0, NEW); /* reopened: it had been closed in order */
	a(w, R, 8, 0, NEW);
	assert_int_equal(flows(w), 0);

	a(w, A, 1, 1, NEW);
	a(w, R, 1, 0, NEW);
	assert_int_equal(flows(w), 0);
	a(w, A, 1, 1, NEW);
	b(w, R, 1, 0, EST);
	assert_int_equal(flows(w), 0);
	a(w, A, 1, 1, NEW);
	a(w, S, 1, 0, NEW); /* ignored */
	expect_entry(w, TCPS_ESTABLISHED, 300, 0);
}

static void t67_a_deleted_flow_is_picked_up_by_whoever_speaks_first(void **state)
{
	struct world *w = *state;
	struct the_one one;

	loosely(w);
	shake_hands(w);
	one = only_flow(w);
	assert_true(conntrack_delete(w->ct, one.index, one.flow.id));
	expect_from(w, DIR_ORIGINAL, b_tcp(w, A, 501, 101), NEW);
	expect_entry(w, TCPS_ESTABLISHED, 300, 0);
	assert_int_equal(only_flow(w).flow.tuple[DIR_ORIGINAL].sport, htons(80));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(t60_a_flow_picked_up_is_assured_after_three_packets),
		TEST(a_short_timeout_is_not_prolonged_by_a_pick_up),
		TEST(t62_what_cannot_begin_a_flow),
		TEST(t63_mid_stream_segments_are_invalid_by_default),
		TEST(a_cold_start_picks_up_for_a_while),
		TEST(a_start_that_finds_flows_is_not_cold),
		TEST(the_start_may_be_told_later),
		TEST(t64_to_t66_what_follows_a_pick_up),
		TEST(t67_a_deleted_flow_is_picked_up_by_whoever_speaks_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
