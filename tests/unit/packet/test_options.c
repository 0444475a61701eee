/* Tests of hop-by-hop options, the only ones that every host on the way looks at. */
#include "unit/packet/view.h"

/* One hop-by-hop header of 8 * (1 + extra) bytes that holds these options, filled up with
 * Pad1, before a UDP header. */
static enum reason parse_options(uint8_t extra, const uint8_t *options, size_t len)
{
	struct packet p;

	ip6_begin(&m, IPPROTO_HOPOPTS);
	PUT(&m, IPPROTO_UDP, extra);
	put(&m, options, len);
	put_zeroes(&m, 6 + 8 * (size_t)extra - len);
	put_udp(&m, 0);
	ip6_seal(&m);
	return parse(&p);
}

#define OPTIONS(extra, ...)                                                                    \
	parse_options(extra, (const uint8_t[]){ __VA_ARGS__ },                                 \
		      sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void padding_is_accepted_up_to_seven_bytes(void **state)
{
	(void)state;
	assert_int_equal(OPTIONS(0, 0), REASON_NONE);
	assert_int_equal(OPTIONS(0, 1, 4, 0, 0, 0, 0), REASON_NONE);
	/* Six of Pad1 before an option, and PadN of seven behind. */
	assert_int_equal(OPTIONS(1, 0, 0, 0, 0, 5, 2, 0, 0, 1, 4, 0, 0, 0, 0), REASON_NONE);
	/* Eight. */
	assert_int_equal(OPTIONS(1, 5, 2, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0),
			 REASON_HOP_OPTIONS);
	assert_int_equal(OPTIONS(1, 1, 12, 0, 0), REASON_HOP_OPTIONS);
	/* Pad1 only: fourteen bytes. */
	assert_int_equal(OPTIONS(1, 0), REASON_HOP_OPTIONS);
}

static void padding_must_be_zero(void **state)
{
	(void)state;
	assert_int_equal(OPTIONS(0, 1, 4, 0, 0, 7, 0), REASON_HOP_OPTIONS);
}

static void the_upper_two_bits_of_an_unknown_option_decide(void **state)
{
	(void)state;
	for (unsigned type = 2; type < 256; type++) {
		uint8_t option[6] = { (uint8_t)type, 4 };
		enum reason want = type < 0x40 ? REASON_NONE : REASON_HOP_OPTIONS;

		/* Those that the kernel knows have tests of their own. */
		if (type == 5 || type == 7 || type == 0x31)
			continue;
		assert_int_equal(parse_options(0, option, 6), want);
	}
}

static void a_router_alert_has_two_bytes(void **state)
{
	(void)state;
	assert_int_equal(OPTIONS(0, 5, 2, 0, 0, 1, 0), REASON_NONE);
	assert_int_equal(OPTIONS(0, 5, 3, 0, 0, 0, 0), REASON_HOP_OPTIONS);
}

static void a_jumbo_option_is_refused(void **state)
{
	struct packet p;

	(void)state;
	assert_int_equal(OPTIONS(0, 0xc2, 4, 0, 1, 0, 0), REASON_HOP_OPTIONS);
	ip6_begin(&m, IPPROTO_HOPOPTS);
	PUT(&m, IPPROTO_UDP, 0, 0xc2, 4, 0, 1, 0, 0);
	put_udp(&m, 0);
	assert_int_equal(parse(&p), REASON_HOP_OPTIONS);
}

static void a_calipso_option_must_hold_what_it_says(void **state)
{
	(void)state;
	assert_int_equal(OPTIONS(1, 7, 8, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 0, 0), REASON_NONE);
	assert_int_equal(OPTIONS(1, 7, 8, 0, 0, 0, 1, 1, 0, 0, 0, 1, 2, 0, 0),
			 REASON_HOP_OPTIONS);
	assert_int_equal(OPTIONS(0, 7, 4, 0, 0, 0, 0), REASON_HOP_OPTIONS);
}

static void an_ioam_option_must_be_aligned(void **state)
{
	(void)state;
	assert_int_equal(OPTIONS(1, 1, 0, 0x31, 6, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0), REASON_NONE);
	assert_int_equal(OPTIONS(0, 0x31, 4, 0, 0, 0, 0), REASON_HOP_OPTIONS);
}

static void more_than_eight_options_are_refused(void **state)
{
	uint8_t options[22] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 9; i++)
		options[2 * i] = 0x1e;
	assert_int_equal(parse_options(2, options, 16), REASON_NONE);
	assert_int_equal(parse_options(2, options, 18), REASON_HOP_OPTIONS);
}

static void options_must_lie_in_their_header(void **state)
{
	struct packet p;

	(void)state;
	assert_int_equal(OPTIONS(0, 0x1e, 5, 0, 0, 0, 0), REASON_HOP_OPTIONS);
	assert_int_equal(OPTIONS(0, 0x1e, 3, 0, 0, 0, 0x1e), REASON_HOP_OPTIONS);
	/* The header itself behind the end. */
	ip6_begin(&m, IPPROTO_HOPOPTS);
	PUT(&m, IPPROTO_UDP, 1, 0, 0, 0, 0, 0, 0);
	ip6_seal(&m);
	assert_int_equal(parse(&p), REASON_HOP_OPTIONS);
	m.len -= 4;
	ip6_seal(&m);
	assert_int_equal(parse(&p), REASON_HOP_OPTIONS);
}

static void options_are_looked_at_only_in_the_first_header(void **state)
{
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_DSTOPTS);
	PUT(&m, IPPROTO_HOPOPTS, 0, 0xff, 9, 0, 0, 0, 0);
	PUT(&m, IPPROTO_UDP, 0, 0xff, 9, 0, 0, 0, 0);
	put_udp(&m, 0);
	ip6_seal(&m);
	p = parsed();
	assert_int_equal(p.l4_off, 56);
}

static void a_payload_length_of_zero_before_options_takes_all_bytes(void **state)
{
	struct packet p;

	(void)state;
	ip6_begin(&m, IPPROTO_HOPOPTS);
	PUT(&m, IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0);
	put_udp(&m, 5);
	p = parsed();
	assert_int_equal(p.len, 61);
	assert_int_equal(p.l4_len, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_is_accepted_up_to_seven_bytes),
		cmocka_unit_test(padding_must_be_zero),
		cmocka_unit_test(the_upper_two_bits_of_an_unknown_option_decide),
		cmocka_unit_test(a_router_alert_has_two_bytes),
		cmocka_unit_test(a_jumbo_option_is_refused),
		cmocka_unit_test(a_calipso_option_must_hold_what_it_says),
		cmocka_unit_test(an_ioam_option_must_be_aligned),
		cmocka_unit_test(more_than_eight_options_are_refused),
		cmocka_unit_test(options_must_lie_in_their_header),
		cmocka_unit_test(options_are_looked_at_only_in_the_first_header),
		cmocka_unit_test(a_payload_length_of_zero_before_options_takes_all_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
