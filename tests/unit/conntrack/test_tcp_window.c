/* Each step of the look at TCP's windows, with numbers on both sides of every edge, and every
 * edge at several places of the sequence space: it is a circle. */
#include "unit/test.h"

#include "conntrack/tcp.h"
#include "unit/packets.h"

#define A TCP_ACK
#define S TCP_SYN
#define SA (TCP_SYN | TCP_ACK)
#define R TCP_RST

#define WINDOW 8192
#define ACK_WINDOW 66000 /* MAXACKWINDOW */

/* Where A's numbers lie; B's lie `APART` behind. */
static const uint32_t origins[] = {
	1000000,	   0,	       1,	   UINT32_MAX, UINT32_MAX - 100,
	UINT32_MAX - 9000, 0x7fffffff, 0x80000000, 0x80000001, UINT32_MAX - 66000
};
#define APART 0x40000000u

struct bench {
	struct flow_tcp tcp;
	uint32_t a, b; /* the next number of each */
};

static struct segment segment(uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len,
			      uint16_t win)
{
	return (struct segment){
		.seq = seq,
		.ack = ack,
		.end = seq + len + !!(flags & TCP_SYN) + !!(flags & TCP_FIN),
		.win = win,
		.flags = flags,
		.index = flags & TCP_RST ? TCPI_RST :
			 flags & TCP_SYN ? (flags & TCP_ACK ? TCPI_SYNACK : TCPI_SYN) :
			 flags & TCP_FIN ? TCPI_FIN : TCPI_ACK,
	};
}

static enum track_verdict say(struct bench *n, enum flow_dir dir, uint8_t flags, uint32_t seq,
			      uint32_t ack, uint32_t len)
{
	struct segment s = segment(flags, seq, ack, len, WINDOW);

	return tcp_window(&n->tcp, dir, &s, false);
}

static enum track_verdict a(struct bench *n, int32_t seq, int32_t ack, uint32_t len)
{
	return say(n, DIR_ORIGINAL, A, n->a + (uint32_t)seq, n->b + (uint32_t)ack, len);
}

static enum track_verdict b(struct bench *n, int32_t seq, int32_t ack, uint32_t len)
{
	return say(n, DIR_REPLY, A, n->b + (uint32_t)seq, n->a + (uint32_t)ack, len);
}

/* After a handshake: both may send WINDOW bytes from their next number on. */
static struct bench established(uint32_t origin)
{
	struct bench n = { .a = origin, .b = origin + APART };
	struct segment syn = segment(S, n.a - 1, 0, 0, WINDOW);

	tcp_window_begin(&n.tcp, &syn);
	assert_int_equal(tcp_window(&n.tcp, DIR_ORIGINAL, &syn, false), TRACK_ACCEPT);
	n.tcp.state = TCPS_SYN_SENT;
	assert_int_equal(say(&n, DIR_REPLY, SA, n.b - 1, n.a, 0), TRACK_ACCEPT);
	n.tcp.state = TCPS_SYN_RECV;
	assert_int_equal(a(&n, 0, 0, 0), TRACK_ACCEPT);
	n.tcp.state = TCPS_ESTABLISHED;
	return n;
}

#define each_origin(n)                                                                         \
	for (size_t o_ = 0; o_ < sizeof(origins) / sizeof(origins[0]); o_++)                   \
		for (struct bench n = established(origins[o_]), *once_ = &n; once_;            \
		     once_ = NULL)

static void a_handshake_tells_what_each_may_send(void **state)
{
	(void)state;
	each_origin(n) {
		const struct flow_tcp_side *s = n.tcp.side;

		assert_int_equal(s[0].td_end, n.a);
		assert_int_equal(s[0].td_maxend, n.a + WINDOW);
		assert_int_equal(s[0].td_maxwin, WINDOW);
		assert_int_equal(s[0].td_maxack, n.b);
		assert_int_equal(s[0].flags, SIDE_MAXACK_SET);
		assert_int_equal(s[1].td_end, n.b);
		assert_int_equal(s[1].td_maxend, n.b + WINDOW);
		assert_int_equal(s[1].td_maxwin, WINDOW);
		assert_int_equal(s[1].td_maxack, n.a);
	}
}

/* Bound I. */
static void the_windows_end_is_where_the_receiver_has_room_no_more(void **state)
{
	(void)state;
	each_origin(n) {
		struct bench before = n;

		assert_int_equal(a(&n, WINDOW, 0, 0), TRACK_ACCEPT);
		n = before;
		assert_int_equal(a(&n, WINDOW, 0, 100), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[0].td_end, n.a + WINDOW + 100);
		/* The receiver is known to take more than it said. */
		assert_int_equal(n.tcp.side[1].td_maxwin, WINDOW + 100);
	}
}

static void an_overshoot_by_less_than_a_window_is_left_to_the_receiver(void **state)
{
	(void)state;
	each_origin(n) {
		struct bench before = n;

		assert_int_equal(a(&n, WINDOW + 1, 0, 10), TRACK_IGNORE);
		/* What it answers must be in bounds. */
		assert_int_equal(n.tcp.side[0].td_end, n.a + WINDOW + 11);
		assert_true(n.tcp.side[0].flags & SIDE_DATA_UNACKNOWLEDGED);
		assert_int_equal(n.tcp.side[0].td_maxend, before.tcp.side[0].td_maxend);
		assert_int_equal(b(&n, 0, WINDOW + 11, 0), TRACK_ACCEPT);
		assert_false(n.tcp.side[0].flags & SIDE_DATA_UNACKNOWLEDGED);

		n = before;
		assert_int_equal(a(&n, 2 * WINDOW - 1, 0, 0), TRACK_IGNORE);
		n = before;
		assert_int_equal(a(&n, 2 * WINDOW, 0, 0), TRACK_INVALID);
		assert_memory_equal(&n.tcp, &before.tcp, sizeof(n.tcp));
		assert_int_equal(a(&n, WINDOW + 1, 0, WINDOW - 2), TRACK_IGNORE);
		n = before;
		assert_int_equal(a(&n, WINDOW + 1, 0, WINDOW - 1), TRACK_INVALID);
		/* What it acknowledges must be right, too. */
		assert_int_equal(a(&n, WINDOW + 1, 1, 0), TRACK_INVALID);
		assert_int_equal(a(&n, WINDOW + 1, -ACK_WINDOW - 1, 0), TRACK_INVALID);
		assert_int_equal(a(&n, WINDOW + 1, -ACK_WINDOW, 0), TRACK_IGNORE);
	}
}

/* Bound II. */
static void nothing_is_acknowledged_that_was_not_sent(void **state)
{
	(void)state;
	each_origin(n) {
		struct bench before = n;

		assert_int_equal(b(&n, 0, 1, 0), TRACK_INVALID);
		assert_int_equal(b(&n, 0, INT32_MAX, 0), TRACK_INVALID);
		assert_memory_equal(&n.tcp, &before.tcp, sizeof(n.tcp));
		assert_int_equal(a(&n, 0, 0, 100), TRACK_ACCEPT);
		assert_int_equal(b(&n, 0, 101, 0), TRACK_INVALID);
		assert_int_equal(b(&n, 0, 100, 0), TRACK_ACCEPT);
	}
}

/* Bound III. */
static void what_the_receiver_has_long_had_is_ignored(void **state)
{
	(void)state;
	each_origin(n) {
		struct bench before = n;

		assert_int_equal(a(&n, -WINDOW, 0, 0), TRACK_ACCEPT);
		assert_int_equal(a(&n, -WINDOW - 1, 0, 1), TRACK_ACCEPT);
		n = before;
		assert_int_equal(a(&n, -WINDOW - 1, 0, 0), TRACK_IGNORE);
		assert_int_equal(a(&n, -WINDOW - 100, 0, 99), TRACK_IGNORE);
		assert_memory_equal(&n.tcp, &before.tcp, sizeof(n.tcp));
	}
}

/* Bound IV. */
static void an_acknowledgement_may_be_old_by_the_largest_window(void **state)
{
	(void)state;
	each_origin(n) {
		struct bench before = n;

		assert_int_equal(a(&n, 0, -ACK_WINDOW, 0), TRACK_ACCEPT);
		n = before;
		assert_int_equal(a(&n, 0, -ACK_WINDOW - 1, 0), TRACK_IGNORE);
		assert_memory_equal(&n.tcp, &before.tcp, sizeof(n.tcp));
		/* Or by the sender's own, where that is larger. */
		n.tcp.side[0].td_maxwin = 200000;
		assert_int_equal(a(&n, 0, -200000, 0), TRACK_ACCEPT);
		assert_int_equal(a(&n, 0, -200001, 0), TRACK_IGNORE);
	}
}

static void liberality_accepts_and_learns_nothing(void **state)
{
	(void)state;
	each_origin(n) {
		struct segment s = segment(A, n.a + 1000000, n.b + 5, 10, 1);
		struct bench before = n;

		assert_int_equal(tcp_window(&n.tcp, DIR_ORIGINAL, &s, true), TRACK_ACCEPT);
		assert_memory_equal(&n.tcp, &before.tcp, sizeof(n.tcp));
		/* Its sender's own liberality, not the receiver's. */
		n.tcp.side[1].flags |= SIDE_BE_LIBERAL;
		assert_int_equal(tcp_window(&n.tcp, DIR_ORIGINAL, &s, false), TRACK_INVALID);
		n.tcp.side[0].flags |= SIDE_BE_LIBERAL;
		assert_int_equal(tcp_window(&n.tcp, DIR_ORIGINAL, &s, false), TRACK_ACCEPT);
		/* An overshoot is remembered all the same. */
		s = segment(A, n.a + WINDOW + 1, n.b, 10, 1);
		assert_int_equal(tcp_window(&n.tcp, DIR_ORIGINAL, &s, true), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[0].td_end, n.a + WINDOW + 11);
		assert_int_equal(n.tcp.side[0].td_maxwin, WINDOW);
	}
}

/* ---- learning ---- */

static void data_is_unacknowledged_until_all_of_it_is(void **state)
{
	(void)state;
	each_origin(n) {
		assert_int_equal(a(&n, 0, 0, 100), TRACK_ACCEPT);
		assert_true(n.tcp.side[0].flags & SIDE_DATA_UNACKNOWLEDGED);
		assert_int_equal(b(&n, 0, 99, 0), TRACK_ACCEPT);
		assert_true(n.tcp.side[0].flags & SIDE_DATA_UNACKNOWLEDGED);
		assert_int_equal(b(&n, 0, 100, 0), TRACK_ACCEPT);
		assert_false(n.tcp.side[0].flags & SIDE_DATA_UNACKNOWLEDGED);
		assert_int_equal(n.tcp.side[1].td_maxack, n.a + 100);
		assert_int_equal(n.tcp.side[0].td_maxend, n.a + 100 + WINDOW);
		/* An older one takes nothing back. */
		assert_int_equal(b(&n, 0, 50, 0), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[1].td_maxack, n.a + 100);
		assert_int_equal(n.tcp.side[0].td_maxend, n.a + 100 + WINDOW);
	}
}

static void a_window_grows_with_its_scale_and_does_not_shrink(void **state)
{
	(void)state;
	each_origin(n) {
		struct segment s = segment(A, n.b, n.a, 0, UINT16_MAX);

		n.tcp.side[1].td_scale = 14;
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[1].td_maxwin, UINT16_MAX << 14);
		assert_int_equal(n.tcp.side[0].td_maxend, n.a + (UINT16_MAX << 14));
		s.win = 1;
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[1].td_maxwin, UINT16_MAX << 14);
		assert_int_equal(n.tcp.side[0].td_maxend, n.a + (UINT16_MAX << 14));
	}
}

static void a_closed_window_may_be_probed_with_one_byte(void **state)
{
	(void)state;
	each_origin(n) {
		struct segment closed = segment(A, n.b, n.a + 100, 0, 0);

		/* What was offered is used up. */
		n.tcp.side[0].td_maxend = n.a + 100;
		assert_int_equal(a(&n, 0, 0, 100), TRACK_ACCEPT);
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &closed, false), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[0].td_maxend, n.a + 101);
		assert_int_equal(n.tcp.last_win, 0);
		assert_int_equal(a(&n, 101, 0, 0), TRACK_ACCEPT);
		assert_int_equal(a(&n, 102, 0, 0), TRACK_IGNORE);
	}
}

static void what_is_acknowledged_selectively_lies_in_the_window(void **state)
{
	(void)state;
	each_origin(n) {
		uint32_t left = n.a + 500, right = n.a + 1000;
		uint8_t block[12] = { 1, 1, 5, 10 };
		struct segment s = segment(A, n.b, n.a, 0, WINDOW);

		for (int i = 0; i < 4; i++) {
			block[4 + i] = (uint8_t)(left >> (24 - 8 * i));
			block[8 + i] = (uint8_t)(right >> (24 - 8 * i));
		}
		s.options = block;
		s.n_options = sizeof(block);
		n.tcp.side[0].flags |= SIDE_SACK_PERM;
		assert_int_equal(a(&n, 500, 0, 499), TRACK_ACCEPT);
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_INVALID);
		assert_int_equal(a(&n, 500, 0, 500), TRACK_ACCEPT);
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[0].td_maxend, right + WINDOW);
		assert_int_equal(n.tcp.side[1].td_maxwin, WINDOW + 1000);
		assert_int_equal(n.tcp.side[1].td_maxack, n.a);
		assert_true(n.tcp.side[0].flags & SIDE_DATA_UNACKNOWLEDGED);
		/* Not to one who did not permit it. */
		n.tcp.side[0].flags &= (uint8_t)~SIDE_SACK_PERM;
		n.tcp.side[0].td_end = n.a;
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_ACCEPT);
	}
}

static void repetitions_are_counted_until_something_differs(void **state)
{
	(void)state;
	each_origin(n) {
		struct segment s = segment(A, n.a, n.b, 0, WINDOW);

		assert_int_equal(n.tcp.retrans, 0);
		for (int i = 1; i < 4; i++) {
			assert_int_equal(a(&n, 0, 0, 0), TRACK_ACCEPT);
			assert_int_equal(n.tcp.retrans, i);
		}
		s.win++;
		assert_int_equal(tcp_window(&n.tcp, DIR_ORIGINAL, &s, false), TRACK_ACCEPT);
		assert_int_equal(n.tcp.retrans, 0);
		/* Only segments that are nothing but an ACK, with or without data. */
		s = segment(A | TCP_FIN, n.a, n.b, 0, WINDOW);
		assert_int_equal(tcp_window(&n.tcp, DIR_ORIGINAL, &s, false), TRACK_ACCEPT);
		assert_int_equal(tcp_window(&n.tcp, DIR_ORIGINAL, &s, false), TRACK_ACCEPT);
		assert_int_equal(n.tcp.retrans, 0);
	}
}

static void what_a_helper_has_added_is_taken_off(void **state)
{
	(void)state;
	each_origin(n) {
		/* It made A's data longer by 7 bytes, so that B acknowledges 7 more. */
		struct segment s = segment(A, n.b, n.a + 107, 0, WINDOW);

		assert_int_equal(a(&n, 0, 0, 100), TRACK_ACCEPT);
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_INVALID);
		s.shift = 7;
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[1].td_maxack, n.a + 100);
		assert_false(n.tcp.side[0].flags & SIDE_DATA_UNACKNOWLEDGED);
		s.shift = (uint32_t)-7; /* shorter */
		s.ack = n.a + 93;
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_ACCEPT);
		s.ack++;
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &s, false), TRACK_INVALID);
	}
}

static void the_tracker_hands_on_what_a_helper_has_added(void **state)
{
	static struct raw raw;
	struct settings settings = { .max_retrans = 3 };
	struct bench n = established(101);
	struct flow flow = { .proto.tcp = n.tcp };
	struct packet packet;
	struct track t = { .settings = &settings, .flow = &flow, .packet = &packet,
			   .status = FLOW_SEEN_REPLY, .dir = DIR_REPLY };

	(void)state;
	raw_tcp(&raw, "10.0.2.2", 80, "10.0.1.2", 1000, TCP_ACK, n.b, n.a + 7, 0);
	assert_int_equal(packet_parse(raw.b, raw.len, NULL, &packet), REASON_NONE);
	assert_int_equal(tcp_track(&t), TRACK_INVALID);
	t.ack_shift = 7;
	assert_int_equal(tcp_track(&t), TRACK_ACCEPT);
}

/* ---- first words ---- */

static void a_higher_syn_takes_the_place_of_the_one_before(void **state)
{
	(void)state;
	each_origin(n) {
		struct segment second = segment(S, n.b + 1000000, 0, 0, 2 * WINDOW);
		struct bench before;

		n.tcp.state = TCPS_SYN_SENT;
		before = n;
		assert_int_equal(say(&n, DIR_ORIGINAL, S, n.a, 0, 0), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[0].td_end, n.a + 1);
		assert_int_equal(n.tcp.side[0].td_maxend, n.a + 1);
		/* A lower one is judged like any other segment. */
		n = before;
		assert_int_equal(say(&n, DIR_ORIGINAL, S, n.a - 1, 0, 0), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[0].td_maxend, before.tcp.side[0].td_maxend);
		/* And any in an open connection. */
		n = before;
		n.tcp.state = TCPS_ESTABLISHED;
		assert_int_equal(say(&n, DIR_REPLY, SA, n.b + 1000, n.a, 0), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[1].td_maxend, before.tcp.side[1].td_maxend);
		/* From the other side it may be the second of a simultaneous open, of which
		 * nothing is left to be judged. */
		n = before;
		assert_int_equal(tcp_window(&n.tcp, DIR_REPLY, &second, false), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[1].td_end, n.b + 1000001);
		assert_int_equal(n.tcp.side[0].td_maxend, before.tcp.side[0].td_maxend);
	}
}

static void the_second_syn_of_a_simultaneous_open_offers_nothing_yet(void **state)
{
	struct segment first = segment(S, 100, 0, 0, WINDOW);
	struct segment second = segment(S, 500, 0, 0, 2 * WINDOW);
	struct flow_tcp tcp = { .state = TCPS_SYN_SENT };

	(void)state;
	tcp_window_begin(&tcp, &first);
	assert_int_equal(tcp_window(&tcp, DIR_REPLY, &second, false), TRACK_ACCEPT);
	assert_int_equal(tcp.side[1].td_maxwin, 2 * WINDOW);
	assert_int_equal(tcp.side[1].td_maxend, 501);
	assert_int_equal(tcp.side[0].td_maxend, 101);
}

static void a_window_of_nothing_is_a_window(void **state)
{
	struct segment syn = segment(S, 7, 0, 3, 0), ack = segment(A, 7, 100, 3, 0);
	struct flow_tcp tcp = { 0 };

	(void)state;
	tcp_window_begin(&tcp, &syn);
	assert_int_equal(tcp.side[0].td_maxwin, 1);
	assert_int_equal(tcp.side[0].td_end, 11);
	assert_int_equal(tcp.side[0].td_maxend, 11);
	assert_int_equal(tcp.side[0].flags, 0);
	tcp = (struct flow_tcp){ 0 };
	tcp_window_begin(&tcp, &ack);
	assert_int_equal(tcp.side[0].td_maxwin, 1);
	assert_int_equal(tcp.side[0].td_end, 10);
	assert_int_equal(tcp.side[0].td_maxend, 11);
	for (int i = 0; i < 2; i++)
		assert_int_equal(tcp.side[i].flags, SIDE_SACK_PERM | SIDE_BE_LIBERAL);
}

static void a_side_met_midway_is_believed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		struct bench n = { .a = origins[i], .b = origins[i] + APART };

		/* Nothing is known of either. */
		n.tcp.state = TCPS_ESTABLISHED;
		n.tcp.side[0].td_scale = 2;
		assert_int_equal(a(&n, 0, 0, 10), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[0].td_end, n.a + 10);
		assert_int_equal(n.tcp.side[0].td_maxwin, WINDOW << 2);
		assert_int_equal(n.tcp.side[0].td_maxend, n.a + 10 + (WINDOW << 2));
		assert_int_equal(n.tcp.side[1].td_maxwin, 0);
		assert_int_equal(n.tcp.side[1].td_end, n.b);
		/* It may be anywhere below what the other acknowledged. */
		assert_int_equal(b(&n, -3, 10, 0), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[1].td_end, n.b - 3);
		assert_int_equal(n.tcp.side[1].td_maxwin, WINDOW);
	}
}

static void the_answer_to_a_keep_alive_is_the_next_number(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		struct bench n = { .a = origins[i], .b = origins[i] + APART };

		n.tcp.state = TCPS_ESTABLISHED;
		assert_int_equal(a(&n, -1, 0, 0), TRACK_ACCEPT);
		assert_int_equal(b(&n, 0, 0, 0), TRACK_ACCEPT);
		assert_int_equal(n.tcp.side[0].td_end, n.a);
		/* By one alone. */
		n.tcp.side[1].td_maxwin = 0;
		assert_int_equal(b(&n, 0, 2, 0), TRACK_INVALID);
	}
}

static void a_scale_counts_when_both_have_one(void **state)
{
	static const uint8_t seven[4] = { 3, 3, 7, 0 };
	static const struct {
		bool original, reply;
	} rows[] = { { true, true }, { true, false }, { false, true }, { false, false } };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct segment syn = segment(S, 1, 0, 0, WINDOW);
		struct segment answer = segment(SA, 1, 2, 0, WINDOW);
		struct flow_tcp tcp = { .state = TCPS_SYN_SENT };
		int want = i == 0 ? 7 : 0;

		syn.options = answer.options = seven;
		syn.n_options = rows[i].original ? 4 : 0;
		answer.n_options = rows[i].reply ? 4 : 0;
		tcp_window_begin(&tcp, &syn);
		assert_int_equal(tcp_window(&tcp, DIR_REPLY, &answer, false), TRACK_ACCEPT);
		assert_int_equal(tcp.side[0].td_scale, want);
		assert_int_equal(tcp.side[1].td_scale, want);
	}
}

/* ---- amends ---- */

static void a_reset_may_leave_its_numbers_empty(void **state)
{
	(void)state;
	each_origin(n) {
		struct bench before = n;

		/* Its ack, whether the flag says so or not. */
		assert_int_equal(say(&n, DIR_REPLY, R, n.b, 0x12345678, 0), TRACK_ACCEPT);
		assert_int_equal(say(&n, DIR_REPLY, R | A, n.b, 0, 0), TRACK_ACCEPT);
		if (n.a != UINT32_MAX)
			assert_int_equal(say(&n, DIR_REPLY, R | A, n.b, n.a + 1, 0),
					 TRACK_INVALID);
		/* Its number only where there was nothing but a SYN. */
		n = before;
		n.tcp.state = TCPS_SYN_SENT;
		assert_int_equal(say(&n, DIR_REPLY, R, 0, 0, 0), TRACK_ACCEPT);
		n = before;
		if (0 - n.b > 2 * WINDOW && n.b > WINDOW)
			assert_int_not_equal(say(&n, DIR_REPLY, R, 0, 0, 0), TRACK_ACCEPT);
	}
}

/* ---- from outside ---- */

static void a_forgotten_flow_accepts_and_keeps_who_closed(void **state)
{
	(void)state;
	each_origin(n) {
		n.tcp.side[1].flags |= SIDE_CLOSE_INIT | SIDE_WINDOW_SCALE;
		tcp_window_forget(&n.tcp);
		assert_int_equal(n.tcp.side[0].flags, SIDE_SACK_PERM | SIDE_BE_LIBERAL);
		assert_int_equal(n.tcp.side[1].flags,
				 SIDE_SACK_PERM | SIDE_BE_LIBERAL | SIDE_CLOSE_INIT);
		assert_int_equal(a(&n, 123456789, 987654321, 10), TRACK_ACCEPT);
		assert_int_equal(b(&n, 1, 1, 1), TRACK_ACCEPT);
	}
}

static void an_answer_to_a_noted_syn_begins_again_with_both(void **state)
{
	(void)state;
	each_origin(n) {
		n.tcp.last_end = n.a + 5000001;
		n.tcp.last_win = 0;
		n.tcp.last_wscale = 9;
		n.tcp.last_flags = SIDE_WINDOW_SCALE | LAST_EXPECT_CHALLENGE;
		n.tcp.side[1].flags |= SIDE_BE_LIBERAL | SIDE_CLOSE_INIT;
		tcp_window_resync(&n.tcp, DIR_REPLY);
		assert_int_equal(n.tcp.side[0].td_end, n.a + 5000001);
		assert_int_equal(n.tcp.side[0].td_maxend, n.a + 5000001);
		assert_int_equal(n.tcp.side[0].td_maxwin, 1);
		assert_int_equal(n.tcp.side[0].td_scale, 9);
		assert_int_equal(n.tcp.side[0].flags, SIDE_WINDOW_SCALE);
		assert_int_equal(n.tcp.side[1].td_maxwin, 0);
		assert_int_equal(n.tcp.side[1].flags, SIDE_BE_LIBERAL);
		assert_int_equal(n.tcp.last_flags, SIDE_WINDOW_SCALE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_tells_what_each_may_send),
		cmocka_unit_test(the_windows_end_is_where_the_receiver_has_room_no_more),
		cmocka_unit_test(an_overshoot_by_less_than_a_window_is_left_to_the_receiver),
		cmocka_unit_test(nothing_is_acknowledged_that_was_not_sent),
		cmocka_unit_test(what_the_receiver_has_long_had_is_ignored),
		cmocka_unit_test(an_acknowledgement_may_be_old_by_the_largest_window),
		cmocka_unit_test(liberality_accepts_and_learns_nothing),
		cmocka_unit_test(data_is_unacknowledged_until_all_of_it_is),
		cmocka_unit_test(a_window_grows_with_its_scale_and_does_not_shrink),
		cmocka_unit_test(a_closed_window_may_be_probed_with_one_byte),
		cmocka_unit_test(what_is_acknowledged_selectively_lies_in_the_window),
		cmocka_unit_test(repetitions_are_counted_until_something_differs),
		cmocka_unit_test(what_a_helper_has_added_is_taken_off),
		cmocka_unit_test(the_tracker_hands_on_what_a_helper_has_added),
		cmocka_unit_test(a_higher_syn_takes_the_place_of_the_one_before),
		cmocka_unit_test(the_second_syn_of_a_simultaneous_open_offers_nothing_yet),
		cmocka_unit_test(a_window_of_nothing_is_a_window),
		cmocka_unit_test(a_side_met_midway_is_believed),
		cmocka_unit_test(the_answer_to_a_keep_alive_is_the_next_number),
		cmocka_unit_test(a_scale_counts_when_both_have_one),
		cmocka_unit_test(a_reset_may_leave_its_numbers_empty),
		cmocka_unit_test(a_forgotten_flow_accepts_and_keeps_who_closed),
		cmocka_unit_test(an_answer_to_a_noted_syn_begins_again_with_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
