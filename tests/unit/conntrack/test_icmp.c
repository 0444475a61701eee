/* ICMP and ICMPv6: conntrack.md 12.4, I01 to I04, and 12.5, E01 to E05 and E08. */
#include "tracking.h"

#define NEW CT_STATE_NEW
#define EST CT_STATE_ESTABLISHED
#define REL CT_STATE_RELATED
#define INV CT_STATE_INVALID
#define UNT CT_STATE_UNTRACKED

static int setup(void **state)
{
	return world_setup(state, 2048);
}

static enum ct_state icmp(struct world *w, const char *src, const char *dst, unsigned type,
			  unsigned code, uint16_t id, uint16_t seq)
{
	raw_icmp(&w->raw, src, dst, (uint8_t)type, (uint8_t)code, id, seq, "abcdefgh", 8);
	return pass(w);
}

static void i01_requests_and_answers_are_flows_by_their_id(void **state)
{
	struct world *w = *state;

	assert_int_equal(icmp(w, A4, B4, 8, 0, 7, 1), NEW);
	assert_int_equal(seconds_left(w), 30);
	assert_int_equal(icmp(w, A4, B4, 8, 0, 7, 2), NEW);
	assert_int_equal(icmp(w, B4, A4, 0, 0, 8, 1), INV);
	assert_int_equal(icmp(w, B4, A4, 0, 3, 7, 1), INV);
	wait_ms(w, 4000);
	assert_int_equal(icmp(w, B4, A4, 0, 0, 7, 1), EST);
	assert_int_equal(w->ref.dir, DIR_REPLY);
	assert_int_equal(icmp(w, B4, A4, 0, 0, 7, 1), EST);
	assert_int_equal(seconds_left(w), 30);
	wait_ms(w, 4000);
	assert_int_equal(icmp(w, A4, B4, 8, 0, 7, 3), EST);
	assert_false(status_of_it(w) & FLOW_ASSURED);
	assert_int_equal(icmp(w, B4, A4, 8, 0, 7, 1), NEW);
	assert_int_equal(flows(w), 2);
}

static void i02_only_four_types_begin_a_flow(void **state)
{
	static const unsigned begin[] = { 8, 13, 15, 17 };
	struct world *w = *state;

	for (unsigned type = 0; type < 256; type++) {
		bool may = false;

		for (size_t i = 0; i < 4; i++)
			may |= begin[i] == type;
		assert_int_equal(icmp(w, A4, B4, type, 0, 7, 1), may ? NEW : INV);
	}
	assert_int_equal(flows(w), 4);
}

static void i03_short_messages_and_the_other_familys_are_invalid(void **state)
{
	struct world *w = *state;

	for (size_t len = 0; len < 8; len++) {
		raw_ip(&w->raw, A4, B4, IPPROTO_ICMP, "\x08\0\0\0\0\0\0\0", len);
		assert_int_equal(pass(w), INV);
		raw_ip(&w->raw, A6, B6, IPPROTO_ICMPV6, "\x80\0\0\0\0\0\0\0", len);
		assert_int_equal(pass(w), INV);
	}
	for (unsigned type = 0; type < 256; type++) {
		uint8_t header[8] = { (uint8_t)type };

		raw_ip(&w->raw, A4, B4, IPPROTO_ICMPV6, header, 8);
		raw_fix_l4(&w->raw);
		assert_int_equal(pass(w), INV);
		raw_ip(&w->raw, A6, B6, IPPROTO_ICMP, header, 8);
		raw_fix_l4(&w->raw);
		assert_int_equal(pass(w), INV);
	}
	assert_int_equal(flows(w), 0);
}

static void i04_every_type_of_icmpv6(void **state)
{
	struct world *w = *state;

	for (unsigned type = 0; type < 256; type++) {
		enum ct_state wanted = INV;

		if (type == 128 || type == 139)
			wanted = NEW;
		else if ((type >= 130 && type <= 136) || type == 143 || type == 151 ||
			 type == 152)
			wanted = UNT;
		assert_int_equal(icmp(w, A6, B6, type, 0, 7, 1), wanted);
		if (wanted != NEW)
			assert_null(w->ref.flow);
	}
	assert_int_equal(flows(w), 2);
	assert_int_equal(icmp(w, B6, A6, 129, 0, 7, 1), EST);
	assert_int_equal(icmp(w, B6, A6, 140, 0, 7, 1), EST);
	assert_int_equal(icmp(w, B6, A6, 129, 0, 8, 1), INV);
}

/* ---- errors ---- */

static struct raw sent; /* the packet that errors quote */

static enum ct_state error(struct world *w, const char *src, const char *dst, unsigned type,
			   unsigned code, size_t quoted)
{
	raw_icmp_error(&w->raw, src, dst, (uint8_t)type, (uint8_t)code, &sent, quoted);
	return pass(w);
}

static void send_udp(struct world *w, const char *src, const char *dst)
{
	raw_udp(&sent, src, 1000, dst, 53, 100);
	memcpy(&w->raw, &sent, sizeof(sent));
	assert_int_equal(pass(w), NEW);
}

static void expect_related(struct world *w, enum ct_state got, enum flow_dir dir)
{
	assert_int_equal(got, REL);
	assert_non_null(w->ref.flow);
	assert_int_equal(w->ref.dir, dir);
	assert_int_equal(w->reason, REASON_NONE);
}

static void e01_errors_belong_to_the_flow_and_leave_it_alone(void **state)
{
	static const uint8_t types[][2] = { { 3, 3 }, { 11, 0 }, { 3, 4 }, { 4, 0 },
					    { 12, 0 }, { 5, 1 } };
	struct world *w = *state;
	struct the_one one;

	send_udp(w, A4, B4);
	wait_ms(w, 5000);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		expect_related(w, error(w, i ? ROUTER4 : B4, A4, types[i][0], types[i][1], 28),
			       DIR_REPLY);
	one = only_flow(w);
	assert_int_equal(seconds_left(w), 25);
	assert_false(status_of_it(w) & FLOW_SEEN_REPLY);
	assert_int_equal(one.flow.acct[DIR_REPLY].packets, 0);
	assert_int_equal(one.flow.acct[DIR_ORIGINAL].packets, 1);
}

static void e02_what_makes_an_error_invalid(void **state)
{
	struct world *w = *state;

	send_udp(w, A4, B4);
	/* to somebody else than who sent it */
	assert_int_equal(error(w, ROUTER4, "10.0.1.3", 3, 3, 28), INV);
	/* four bytes of ports are enough, three are not */
	expect_related(w, error(w, ROUTER4, A4, 3, 3, 24), DIR_REPLY);
	assert_int_equal(error(w, ROUTER4, A4, 3, 3, 23), INV);
	/* the IP header is not whole */
	assert_int_equal(error(w, ROUTER4, A4, 3, 3, 19), INV);
	assert_int_equal(error(w, ROUTER4, A4, 3, 3, 0), INV);
	/* its header's checksum is not looked at */
	sent.b[10] ^= 0xff;
	expect_related(w, error(w, ROUTER4, A4, 3, 3, 28), DIR_REPLY);
	/* a first fragment is known, a later one is not */
	raw_put16(sent.b + 6, 0x2000);
	expect_related(w, error(w, ROUTER4, A4, 3, 3, 28), DIR_REPLY);
	raw_put16(sent.b + 6, 0x2001);
	assert_int_equal(error(w, ROUTER4, A4, 3, 3, 28), INV);
	/* a packet that nobody sent */
	raw_udp(&sent, A4, 1001, B4, 53, 100);
	assert_int_equal(error(w, ROUTER4, A4, 3, 3, 28), INV);
}

static void e03_an_error_about_an_answer_goes_in_the_original_direction(void **state)
{
	struct world *w = *state;

	send_udp(w, A4, B4);
	raw_udp(&sent, B4, 53, A4, 1000, 100);
	expect_related(w, error(w, A4, B4, 3, 3, 28), DIR_ORIGINAL);
}

static void e04_errors_about_echo_tcp_and_other_errors(void **state)
{
	struct world *w = *state;
	struct raw first;

	raw_icmp(&sent, A4, B4, 8, 0, 7, 1, "abcdefgh", 8);
	memcpy(&w->raw, &sent, sizeof(sent));
	assert_int_equal(pass(w), NEW);
	expect_related(w, error(w, ROUTER4, A4, 11, 0, 28), DIR_REPLY);
	assert_int_equal(error(w, ROUTER4, A4, 11, 0, 27), INV);

	/* An error about that error. */
	raw_icmp_error(&first, ROUTER4, A4, 11, 0, &sent, 28);
	memcpy(&sent, &first, sizeof(first));
	assert_int_equal(error(w, A4, ROUTER4, 3, 3, 56), INV);

	raw_tcp(&sent, A4, 1000, B4, 80, TCP_SYN, 1, 0, 0);
	memcpy(&w->raw, &sent, sizeof(sent));
	assert_int_equal(pass(w), NEW);
	raw_put32(sent.b + 24, 0xdeadbeef); /* sequence numbers are not compared */
	expect_related(w, error(w, ROUTER4, A4, 3, 4, 28), DIR_REPLY);
}

static void e05_every_low_type_of_icmpv6_is_an_error(void **state)
{
	struct world *w = *state;

	send_udp(w, A6, B6);
	for (unsigned type = 0; type < 128; type++)
		expect_related(w, error(w, "fd00:9::9", A6, type, 0, 48), DIR_REPLY);
	assert_int_equal(error(w, "fd00:9::9", "fd00:1::3", 1, 0, 48), INV);
	assert_int_equal(error(w, "fd00:9::9", A6, 1, 0, 43), INV);
	memset(sent.b, 0xa5, 48);
	assert_int_equal(error(w, "fd00:9::9", A6, 1, 0, 48), INV);
}

static void e08_an_error_without_a_flow_is_invalid(void **state)
{
	struct world *w = *state;
	struct conntrack_stats s;

	raw_udp(&sent, A4, 1000, B4, 53, 100);
	assert_int_equal(error(w, ROUTER4, A4, 3, 3, 28), INV);
	assert_null(w->ref.flow);
	assert_int_equal(flows(w), 0);
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.error, 1);
	assert_int_equal(s.invalid, 0);
}

static void types_that_do_not_exist_count_as_errors(void **state)
{
	struct world *w = *state;
	struct conntrack_stats s;

	icmp(w, A4, B4, 19, 0, 7, 1);
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.error, 1);
	icmp(w, A4, B4, 18, 0, 7, 1);
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.error, 1);
	assert_int_equal(s.invalid, 1);
}

static void an_error_about_an_expired_flow_is_invalid(void **state)
{
	struct world *w = *state;

	send_udp(w, A4, B4);
	wait_ms(w, 30000);
	assert_int_equal(error(w, ROUTER4, A4, 3, 3, 28), INV);
}

/* A redirect for `sent`, as RFC 4861 4.5 draws it. */
static enum ct_state redirect(struct world *w, const char *src, uint8_t hops, uint8_t code,
			      uint8_t option, uint8_t option_len)
{
	uint8_t body[32 + 8 + 56] = { 0 };

	body[32] = option;
	body[33] = option_len;
	memcpy(body + 40, sent.b, 56);
	raw_icmp(&w->raw, src, A6, 137, code, 0, 0, body, sizeof(body));
	w->raw.b[7] = hops;
	return pass(w);
}

static void a_redirect_must_be_a_proper_one(void **state)
{
	struct world *w = *state;

	send_udp(w, A6, B6);
	expect_related(w, redirect(w, "fe80::1", 255, 0, 4, 8), DIR_REPLY);
	assert_int_equal(redirect(w, "fe80::1", 254, 0, 4, 8), INV);
	assert_int_equal(redirect(w, "fd00::1", 255, 0, 4, 8), INV);
	assert_int_equal(redirect(w, "fe80::1", 255, 1, 4, 8), INV);
	assert_int_equal(redirect(w, "fe80::1", 255, 0, 2, 8), INV);
	assert_int_equal(redirect(w, "fe80::1", 255, 0, 4, 0), INV);
	for (size_t len = 0; len < 8 + 40 + 4; len++) {
		raw_icmp(&w->raw, "fe80::1", A6, 137, 0, 0, 0, NULL, len);
		w->raw.b[7] = 255;
		assert_int_equal(pass(w), INV);
	}
}

/* As a bit that the wire flipped in the packet's last byte. */
static enum ct_state pass_damaged(struct world *w)
{
	w->raw.b[w->raw.len - 1] ^= 1;
	return pass(w);
}

static void a_message_with_a_wrong_checksum_is_invalid(void **state)
{
	struct world *w = *state;
	struct conntrack_stats s;

	raw_icmp(&w->raw, A4, B4, 8, 0, 7, 1, "abcdefgh", 8);
	assert_int_equal(pass_damaged(w), INV);
	raw_icmp(&w->raw, A6, B6, 128, 0, 7, 1, "abcdefgh", 8);
	assert_int_equal(pass_damaged(w), INV);
	/* This comes before neighbour discovery's exemption. */
	raw_icmp(&w->raw, A6, B6, 135, 0, 0, 0, "abcdefghabcdefgh", 16);
	assert_int_equal(pass_damaged(w), INV);
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.flows, 0);
	assert_int_equal(s.error, 3);
	assert_int_equal(s.invalid, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(i01_requests_and_answers_are_flows_by_their_id),
		TEST(i02_only_four_types_begin_a_flow),
		TEST(i03_short_messages_and_the_other_familys_are_invalid),
		TEST(i04_every_type_of_icmpv6),
		TEST(e01_errors_belong_to_the_flow_and_leave_it_alone),
		TEST(e02_what_makes_an_error_invalid),
		TEST(e03_an_error_about_an_answer_goes_in_the_original_direction),
		TEST(e04_errors_about_echo_tcp_and_other_errors),
		TEST(e05_every_low_type_of_icmpv6_is_an_error),
		TEST(e08_an_error_without_a_flow_is_invalid),
		TEST(types_that_do_not_exist_count_as_errors),
		TEST(an_error_about_an_expired_flow_is_invalid),
		TEST(a_message_with_a_wrong_checksum_is_invalid),
		TEST(a_redirect_must_be_a_proper_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
