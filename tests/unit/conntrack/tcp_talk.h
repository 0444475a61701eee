/* tcp_talk.h - TCP connections for tests: segments of A and B in a line each, and what is to
 * become of them. */
#ifndef TESTS_CONNTRACK_TCP_TALK_H
#define TESTS_CONNTRACK_TCP_TALK_H

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

static inline int setup(void **state)
{
	return world_setup(state, 64);
}

static inline void loosely(struct world *w)
{
	w->options.tcp_loose = TCP_LOOSE_YES;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
}

static inline void expect_from(struct world *w, enum flow_dir dir, enum ct_state got,
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

static inline void expect_entry(struct world *w, enum tcp_state tcp, unsigned seconds,
				uint32_t status)
{
	const uint32_t shown = FLOW_SEEN_REPLY | FLOW_ASSURED;

	assert_string_equal(tcp_state_name(tcp_state_of_it(w)), tcp_state_name(tcp));
	assert_int_equal(seconds_left(w), seconds);
	assert_int_equal(status_of_it(w) & shown, status);
}

static inline void shake_hands(struct world *w)
{
	a(w, S, 100, 0, NEW);
	b(w, SA, 500, 101, EST);
	a(w, A, 101, 501, EST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

#endif
