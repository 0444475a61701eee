/* TCP connections from beginning to end: conntrack.md 12.1 and 12.2, by their numbers there. */
#include "tcp_talk.h"

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
		TEST(every_state_has_its_own_timeout),
		TEST(a_rejected_flow_is_closing),
		TEST(states_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
