/* TCP connections from beginning to end: conntrack.md 12.1 to 12.3, by their numbers there. */
#include "tracking.h"

#define S TCP_SYN
#define SA (TCP_SYN | TCP_ACK)
#define A TCP_ACK
#define FA (TCP_FIN | TCP_ACK)
#define R TCP_RST
#define RA (TCP_RST | TCP_ACK)

#define NEW CT_STATE_NEW
#define EST CT_STATE_ESTABLISHED
#define INV CT_STATE_INVALID

static int setup(void **state)
{
	return world_setup(state, 64);
}

static void loosely(struct world *w)
{
	w->options.tcp_loose = TCP_LOOSE_YES;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
}

static void expect_from(struct world *w, enum flow_dir dir, enum ct_state got,
			enum ct_state wanted)
{
	assert_int_equal(got, wanted);
	if (wanted != INV)
		assert_int_equal(w->ref.dir, dir);
}

#define a(w, flags, seq, ack, wanted)                                                         \
	expect_from(w, DIR_ORIGINAL, a_tcp(w, flags, seq, ack), wanted)
#define b(w, flags, seq, ack, wanted)                                                         \
	expect_from(w, DIR_REPLY, b_tcp(w, flags, seq, ack), wanted)

static void expect_entry(struct world *w, enum tcp_state tcp, unsigned seconds, uint32_t status)
{
	const uint32_t shown = FLOW_SEEN_REPLY | FLOW_ASSURED;

	assert_string_equal(tcp_state_name(tcp_state_of_it(w)), tcp_state_name(tcp));
	assert_int_equal(seconds_left(w), seconds);
	assert_int_equal(status_of_it(w) & shown, status);
}

static void shake_hands(struct world *w)
{
	a(w, S, 100, 0, NEW);
	b(w, SA, 500, 101, EST);
	a(w, A, 101, 501, EST);
}

static void close_in_order(struct world *w)
{
	shake_hands(w);
	a(w, FA, 101, 501, EST);
	b(w, A, 501, 102, EST);
	b(w, FA, 501, 102, EST);
	a(w, A, 102, 502, EST);
	expect_entry(w, TCPS_TIME_WAIT, 120, FLOW_SEEN_REPLY | FLOW_ASSURED);
}

static void t01_a_handshake_establishes(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	expect_entry(w, TCPS_SYN_SENT, 120, 0);
	b(w, SA, 500, 101, EST);
	expect_entry(w, TCPS_SYN_RECV, 60, FLOW_SEEN_REPLY);
	a(w, A, 101, 501, EST);
	expect_entry(w, TCPS_ESTABLISHED, 432000, FLOW_SEEN_REPLY | FLOW_ASSURED);
	assert_true(status_of_it(w) & FLOW_CONFIRMED);
}

static void t03_both_sides_close(void **state)
{
	struct world *w = *state;
	const uint32_t both = FLOW_SEEN_REPLY | FLOW_ASSURED;

	shake_hands(w);
	a(w, FA, 101, 501, EST);
	expect_entry(w, TCPS_FIN_WAIT, 120, both);
	b(w, A, 501, 102, EST);
	expect_entry(w, TCPS_CLOSE_WAIT, 60, both);
	b(w, FA, 501, 102, EST);
	expect_entry(w, TCPS_LAST_ACK, 30, both);
	a(w, A, 102, 502, EST);
	expect_entry(w, TCPS_TIME_WAIT, 120, both);
}

static void t04_a_fin_answered_by_a_fin(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	a(w, FA, 101, 501, EST);
	b(w, FA, 501, 102, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_LAST_ACK);
	a(w, A, 102, 502, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_TIME_WAIT);
}

static void t05_syn_in_time_wait_reopens_the_flow(void **state)
{
	struct world *w = *state;
	uint32_t id;

	close_in_order(w);
	id = only_flow(w).flow.id;
	a(w, S, 90000, 0, NEW);
	expect_entry(w, TCPS_SYN_SENT, 120, 0);
	assert_int_not_equal(only_flow(w).flow.id, id);
}

static void t06_syn_from_the_server_in_time_wait_begins_a_flow_of_its_own(void **state)
{
	struct world *w = *state;

	close_in_order(w);
	expect_from(w, DIR_ORIGINAL, b_tcp(w, S, 90000, 0), NEW);
	expect_entry(w, TCPS_SYN_SENT, 120, 0);
	assert_int_equal(only_flow(w).flow.tuple[DIR_ORIGINAL].sport, htons(80));
}

static void t07_a_syn_that_reopens_and_is_dropped_leaves_nothing(void **state)
{
	struct world *w = *state;

	close_in_order(w);
	raw_tcp(&w->raw, A4, 1000, B4, 80, S, 90000, 0, 0);
	assert_int_equal(look_by(w, 0, &w->ref), NEW);
	/* No confirm: a rule said drop. */
	assert_int_equal(flows(w), 0);
}

static void t08_late_data_keeps_time_wait(void **state)
{
	struct world *w = *state;

	close_in_order(w);
	wait_ms(w, 5000);
	b(w, A, 501, 102, EST);
	expect_entry(w, TCPS_TIME_WAIT, 120, FLOW_SEEN_REPLY | FLOW_ASSURED);
}

static void t09_a_repeated_syn_does_not_refresh_its_timer(void **state)
{
	struct world *w = *state;
	struct the_one one;

	a(w, S, 100, 0, NEW);
	wait_ms(w, 2000);
	a(w, S, 100, 0, NEW);
	expect_entry(w, TCPS_SYN_SENT, 118, 0);
	one = only_flow(w);
	assert_int_equal(one.flow.acct[DIR_ORIGINAL].packets, 1);
	assert_int_equal(one.flow.acct[DIR_ORIGINAL].bytes, 40);
}

static void t15_to_t18_a_reset_of_an_unanswered_syn_deletes_the_flow(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, RA, 0, 101, EST);
	assert_int_equal(flows(w), 0);
	a(w, S, 100, 0, NEW);
	b(w, RA, 7777, 101, EST);
	assert_int_equal(flows(w), 0);
	a(w, S, 100, 0, NEW);
	b(w, R, 12345, 0, EST);
	assert_int_equal(flows(w), 0);
}

static void t19_its_own_reset_deletes_an_unanswered_flow(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	a(w, R, 101, 0, NEW);
	assert_int_equal(flows(w), 0);
}

static void t20_an_ack_as_answer_is_let_through_and_its_reset_closes(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, A, 9, 55555, EST);
	expect_entry(w, TCPS_SYN_SENT, 120, FLOW_SEEN_REPLY);
	a(w, R, 55555, 0, EST);
	expect_entry(w, TCPS_CLOSE, 10, FLOW_SEEN_REPLY);
	a(w, S, 200, 0, NEW);
	expect_entry(w, TCPS_SYN_SENT, 120, 0);
}

static void t21_to_t23_what_is_invalid_after_a_syn(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	a(w, A, 101, 1, INV);
	a(w, FA, 101, 1, INV);
	b(w, FA, 1, 101, INV);
	a(w, SA, 101, 1, INV);
	expect_entry(w, TCPS_SYN_SENT, 120, 0);
	assert_int_equal(only_flow(w).flow.acct[DIR_ORIGINAL].packets, 1);
}

static void t24_a_simultaneous_open_ends_with_the_reply_sides_ack(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, S, 500, 0, EST);
	expect_entry(w, TCPS_SYN_SENT2, 120, FLOW_SEEN_REPLY);
	a(w, SA, 100, 501, EST);
	expect_entry(w, TCPS_SYN_RECV, 60, FLOW_SEEN_REPLY);
	b(w, SA, 500, 101, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_SYN_RECV);
	b(w, A, 501, 101, EST);
	expect_entry(w, TCPS_ESTABLISHED, 432000, FLOW_SEEN_REPLY | FLOW_ASSURED);
}

static void t25_a_simultaneous_open_ends_with_the_openers_ack(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, S, 500, 0, EST);
	b(w, SA, 500, 101, EST);
	a(w, A, 101, 501, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_ESTABLISHED);
}

static void t26_an_ack_alone_does_not_end_a_simultaneous_open(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, S, 500, 0, EST);
	a(w, A, 101, 501, INV);
	b(w, A, 501, 101, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_SYN_SENT2);
}

static void t27_a_fin_before_the_handshakes_end_assures_nothing(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, SA, 500, 101, EST);
	b(w, FA, 501, 101, EST);
	expect_entry(w, TCPS_FIN_WAIT, 120, FLOW_SEEN_REPLY);
}

static void t28_after_its_own_reset_a_side_may_reopen(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, SA, 500, 101, EST);
	a(w, R, 101, 0, EST);
	expect_entry(w, TCPS_CLOSE, 10, FLOW_SEEN_REPLY);
	a(w, S, 300, 0, NEW);
}

static void t29_after_the_others_reset_only_its_answer_reopens(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, SA, 500, 101, EST);
	b(w, R, 501, 0, EST);
	expect_entry(w, TCPS_CLOSE, 10, FLOW_SEEN_REPLY);
	wait_ms(w, 3000);
	a(w, S, 300, 0, EST); /* ignored */
	expect_entry(w, TCPS_CLOSE, 7, FLOW_SEEN_REPLY);
	b(w, SA, 900, 300, EST); /* acknowledges another SYN: ignored as well */
	assert_int_equal(tcp_state_of_it(w), TCPS_CLOSE);
	a(w, S, 300, 0, EST);
	b(w, SA, 900, 301, EST);
	expect_entry(w, TCPS_SYN_RECV, 60, FLOW_SEEN_REPLY);
}

static void t30_repeated_handshakes_are_ignored(void **state)
{
	struct world *w = *state;

	a(w, S, 100, 0, NEW);
	b(w, SA, 500, 101, EST);
	wait_ms(w, 10000);
	b(w, SA, 500, 101, EST);
	a(w, S, 100, 0, EST);
	expect_entry(w, TCPS_SYN_RECV, 50, FLOW_SEEN_REPLY);
	a(w, SA, 100, 501, EST);
	expect_entry(w, TCPS_SYN_RECV, 60, FLOW_SEEN_REPLY);
}

static void t36_after_a_reset_its_sender_reopens(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	a(w, R, 101, 0, EST);
	expect_entry(w, TCPS_CLOSE, 10, FLOW_SEEN_REPLY | FLOW_ASSURED);
	a(w, S, 5000, 0, NEW);
	expect_entry(w, TCPS_SYN_SENT, 120, 0);
}

static void t37_a_new_connection_after_the_servers_reset_resynchronises(void **state)
{
	struct world *w = *state;
	const uint32_t both = FLOW_SEEN_REPLY | FLOW_ASSURED;

	shake_hands(w);
	b(w, R, 501, 0, EST);
	a(w, S, 5000, 0, EST);
	expect_entry(w, TCPS_CLOSE, 10, both);
	b(w, SA, 7000, 5001, EST);
	expect_entry(w, TCPS_SYN_RECV, 60, both);
	a(w, A, 5001, 7001, EST);
	expect_entry(w, TCPS_ESTABLISHED, 432000, both);
}

static void t39_a_syn_in_established_resynchronises_when_it_is_answered(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	a(w, S, 90000, 0, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_ESTABLISHED);
	b(w, SA, 7000, 90001, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_SYN_RECV);
	a(w, A, 90001, 7001, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_ESTABLISHED);
}

static void t40_a_reset_answers_an_ignored_syn(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	a(w, S, 90000, 0, EST);
	b(w, RA, 0, 90001, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_CLOSE);
}

static void t41_a_challenge_ack_does_not_end_last_ack(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	b(w, FA, 501, 101, EST);
	a(w, FA, 101, 502, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_LAST_ACK);
	a(w, S, 5000, 0, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_LAST_ACK);
	b(w, A, 502, 102, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_LAST_ACK);
	a(w, A, 102, 502, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_TIME_WAIT);
}

static void reach_last_ack(struct world *w)
{
	shake_hands(w);
	b(w, FA, 501, 101, EST);
	a(w, FA, 101, 502, EST);
	a(w, S, 5000, 0, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_LAST_ACK);
}

static void only_one_challenge_from_the_other_side_is_expected(void **state)
{
	struct world *w = *state;
	struct the_one one;

	reach_last_ack(w);
	b(w, A, 502, 102, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_LAST_ACK);
	b(w, A, 502, 102, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_TIME_WAIT);

	one = only_flow(w);
	assert_true(conntrack_delete(w->ct, one.index, one.flow.id));
	reach_last_ack(w);
	a(w, A, 102, 502, EST); /* its own ACK is no challenge */
	assert_int_equal(tcp_state_of_it(w), TCPS_TIME_WAIT);

	one = only_flow(w);
	assert_true(conntrack_delete(w->ct, one.index, one.flow.id));
	reach_last_ack(w);
	b(w, SA, 9, 9, EST); /* ignored; the last packet was no SYN now */
	a(w, A, 102, 502, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_TIME_WAIT);
}

static void only_the_answer_to_an_ignored_syn_resynchronises(void **state)
{
	struct world *w = *state;
	struct flow *f;

	shake_hands(w);
	a(w, S, 90000, 0, EST);
	a(w, A, 101, 501, EST); /* goes on: the SYN was nothing */
	b(w, SA, 7000, 90001, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_ESTABLISHED);
	/* Not to its own SYN. */
	f = w->ref.flow;
	f->proto.tcp.state = TCPS_TIME_WAIT;
	b(w, S, 90000, 0, EST);
	b(w, SA, 7000, 90001, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_TIME_WAIT);
}

static void the_data_of_an_ignored_syn_may_be_acknowledged(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	raw_tcp(&w->raw, A4, 1000, B4, 80, S, 90000, 0, 10);
	assert_int_equal(pass(w), EST);
	b(w, SA, 7000, 90011, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_SYN_RECV);
}

static void a_resynchronised_flow_has_not_been_closed(void **state)
{
	struct world *w = *state;

	for (int closer = 0; closer < 2; closer++) {
		struct the_one one;

		shake_hands(w);
		if (closer)
			b(w, FA, 501, 101, EST);
		else
			a(w, FA, 101, 501, EST);
		assert_int_equal(tcp_state_of_it(w), TCPS_FIN_WAIT);
		a(w, S, 90000, 0, EST);
		b(w, SA, 7000, 90001, EST);
		b(w, R, 7001, 0, EST);
		assert_int_equal(tcp_state_of_it(w), TCPS_CLOSE);
		a(w, S, 95000, 0, EST); /* does not reopen */
		one = only_flow(w);
		assert_true(conntrack_delete(w->ct, one.index, one.flow.id));
	}
}

static void t56_the_table_goes_by_the_flows_direction(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	a(w, FA, 101, 501, EST);
	a(w, A, 102, 501, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_CLOSE_WAIT);
}

static void t57_a_repeated_fin_counts_as_the_second(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	a(w, FA, 101, 501, EST);
	a(w, FA, 101, 501, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_LAST_ACK);
}

static void t58_a_flow_closed_by_fin_and_reset_reopens_for_either_side(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	a(w, FA, 101, 501, EST);
	b(w, R, 1, 0, EST);
	assert_int_equal(tcp_state_of_it(w), TCPS_CLOSE);
	a(w, S, 5000, 0, NEW);
	expect_entry(w, TCPS_SYN_SENT, 120, 0);
}

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

static void every_state_has_its_own_timeout(void **state)
{
	struct world *w = *state;

	for (int i = TIMEOUT_TCP_SYN_SENT; i <= TIMEOUT_TCP_CLOSE; i++)
		w->options.timeout[i] = 1000 + (uint32_t)i;
	/* At most so long before an ACK tells a window, and while a FIN is not acknowledged. */
	w->options.timeout[TIMEOUT_TCP_MAX_RETRANS] = 2000;
	w->options.timeout[TIMEOUT_TCP_UNACKNOWLEDGED] = 2000;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	a(w, S, 100, 0, NEW);
	assert_int_equal(seconds_left(w), 1000 + TIMEOUT_TCP_SYN_SENT);
	b(w, SA, 500, 101, EST);
	assert_int_equal(seconds_left(w), 1000 + TIMEOUT_TCP_SYN_RECV);
	a(w, A, 101, 501, EST);
	assert_int_equal(seconds_left(w), 1000 + TIMEOUT_TCP_ESTABLISHED);
	a(w, FA, 101, 501, EST);
	assert_int_equal(seconds_left(w), 1000 + TIMEOUT_TCP_FIN_WAIT);
	b(w, A, 501, 102, EST);
	assert_int_equal(seconds_left(w), 1000 + TIMEOUT_TCP_CLOSE_WAIT);
	b(w, FA, 501, 102, EST);
	assert_int_equal(seconds_left(w), 1000 + TIMEOUT_TCP_LAST_ACK);
	a(w, A, 102, 502, EST);
	assert_int_equal(seconds_left(w), 1000 + TIMEOUT_TCP_TIME_WAIT);
	a(w, R, 102, 0, EST);
	assert_int_equal(seconds_left(w), 1000 + TIMEOUT_TCP_CLOSE);
}

static void a_rejected_flow_is_closing(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	conntrack_set_closing(w->ct, 0, w->ref.flow, w->now);
	expect_entry(w, TCPS_CLOSE, 10, FLOW_SEEN_REPLY | FLOW_ASSURED);
	/* Again: the timer goes on. */
	wait_ms(w, 4000);
	conntrack_set_closing(w->ct, 0, w->ref.flow, w->now);
	expect_entry(w, TCPS_CLOSE, 6, FLOW_SEEN_REPLY | FLOW_ASSURED);
}

static void states_are_counted(void **state)
{
	struct world *w = *state;
	struct conntrack_stats s;

	shake_hands(w);
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.by_kind[CT_TCP], 1);
	for (unsigned i = 0; i < TCPS_COUNT; i++)
		assert_int_equal(s.by_tcp_state[i], i == TCPS_ESTABLISHED);
	conntrack_set_closing(w->ct, 1, w->ref.flow, w->now);
	conntrack_stats(w->ct, &s);
	for (unsigned i = 0; i < TCPS_COUNT; i++)
		assert_int_equal(s.by_tcp_state[i], i == TCPS_CLOSE);
	wait_ms(w, 10000);
	conntrack_housekeep(w->ct, 0, w->now);
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.by_kind[CT_TCP], 0);
	assert_int_equal(s.by_tcp_state[TCPS_CLOSE], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(t01_a_handshake_establishes),
		TEST(t03_both_sides_close),
		TEST(t04_a_fin_answered_by_a_fin),
		TEST(t05_syn_in_time_wait_reopens_the_flow),
		TEST(t06_syn_from_the_server_in_time_wait_begins_a_flow_of_its_own),
		TEST(t07_a_syn_that_reopens_and_is_dropped_leaves_nothing),
		TEST(t08_late_data_keeps_time_wait),
		TEST(t09_a_repeated_syn_does_not_refresh_its_timer),
		TEST(t15_to_t18_a_reset_of_an_unanswered_syn_deletes_the_flow),
		TEST(t19_its_own_reset_deletes_an_unanswered_flow),
		TEST(t20_an_ack_as_answer_is_let_through_and_its_reset_closes),
		TEST(t21_to_t23_what_is_invalid_after_a_syn),
		TEST(t24_a_simultaneous_open_ends_with_the_reply_sides_ack),
		TEST(t25_a_simultaneous_open_ends_with_the_openers_ack),
		TEST(t26_an_ack_alone_does_not_end_a_simultaneous_open),
		TEST(t27_a_fin_before_the_handshakes_end_assures_nothing),
		TEST(t28_after_its_own_reset_a_side_may_reopen),
		TEST(t29_after_the_others_reset_only_its_answer_reopens),
		TEST(t30_repeated_handshakes_are_ignored),
		TEST(t36_after_a_reset_its_sender_reopens),
		TEST(t37_a_new_connection_after_the_servers_reset_resynchronises),
		TEST(t39_a_syn_in_established_resynchronises_when_it_is_answered),
		TEST(t40_a_reset_answers_an_ignored_syn),
		TEST(t41_a_challenge_ack_does_not_end_last_ack),
		TEST(only_one_challenge_from_the_other_side_is_expected),
		TEST(only_the_answer_to_an_ignored_syn_resynchronises),
		TEST(the_data_of_an_ignored_syn_may_be_acknowledged),
		TEST(a_resynchronised_flow_has_not_been_closed),
		TEST(t56_the_table_goes_by_the_flows_direction),
		TEST(t57_a_repeated_fin_counts_as_the_second),
		TEST(t58_a_flow_closed_by_fin_and_reset_reopens_for_either_side),
		TEST(t60_a_flow_picked_up_is_assured_after_three_packets),
		TEST(a_short_timeout_is_not_prolonged_by_a_pick_up),
		TEST(t62_what_cannot_begin_a_flow),
		TEST(t63_mid_stream_segments_are_invalid_by_default),
		TEST(a_cold_start_picks_up_for_a_while),
		TEST(a_start_that_finds_flows_is_not_cold),
		TEST(the_start_may_be_told_later),
		TEST(t64_to_t66_what_follows_a_pick_up),
		TEST(t67_a_deleted_flow_is_picked_up_by_whoever_speaks_first),
		TEST(every_state_has_its_own_timeout),
		TEST(a_rejected_flow_is_closing),
		TEST(states_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
