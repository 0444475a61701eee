/* UDP and protocols without a tracker: conntrack.md 12.4, U01 to U04, U06, G02. */
#include "tracking.h"

#define NEW CT_STATE_NEW
#define EST CT_STATE_ESTABLISHED
#define INV CT_STATE_INVALID

static int setup(void **state)
{
	return world_setup(state, 64);
}

static void u01_a_stream_is_older_than_two_seconds_and_answered(void **state)
{
	struct world *w = *state;

	assert_int_equal(a_udp(w), NEW);
	assert_int_equal(seconds_left(w), 30);
	assert_false(status_of_it(w) & FLOW_SEEN_REPLY);
	assert_int_equal(b_udp(w), EST);
	assert_int_equal(w->ref.dir, DIR_REPLY);
	assert_int_equal(seconds_left(w), 30);
	wait_ms(w, 2000); /* not later than: no stream yet */
	assert_int_equal(a_udp(w), EST);
	assert_int_equal(seconds_left(w), 30);
	assert_false(status_of_it(w) & FLOW_ASSURED);
	wait_ms(w, 1);
	assert_int_equal(a_udp(w), EST);
	assert_int_equal(seconds_left(w), 120);
	assert_true(status_of_it(w) & FLOW_ASSURED);
}

static void u02_a_late_first_answer_is_no_stream_and_the_second_is(void **state)
{
	struct world *w = *state;

	a_udp(w);
	wait_ms(w, 2200);
	assert_int_equal(b_udp(w), EST);
	assert_int_equal(seconds_left(w), 30);
	assert_int_equal(b_udp(w), EST);
	assert_int_equal(seconds_left(w), 120);
	assert_true(status_of_it(w) & FLOW_ASSURED);
}

static void u03_unanswered_packets_stay_new_and_refresh(void **state)
{
	struct world *w = *state;

	assert_int_equal(a_udp(w), NEW);
	wait_ms(w, 3000);
	assert_int_equal(a_udp(w), NEW);
	assert_int_equal(seconds_left(w), 30);
	assert_int_equal(only_flow(w).flow.acct[DIR_ORIGINAL].packets, 2);
}

static void u04_lengths_must_be_right(void **state)
{
	struct world *w = *state;
	uint8_t *udp = w->raw.b + 20;

	for (size_t len = 0; len < 8; len++) {
		raw_udp(&w->raw, A4, 1, B4, 2, 0);
		w->raw.len = 20 + len;
		raw_put16(w->raw.b + 2, (uint16_t)w->raw.len);
		raw_fix_ipv4(&w->raw);
		assert_int_equal(pass(w), INV);
	}
	for (unsigned len = 0; len <= 17; len++) {
		raw_udp(&w->raw, A4, (uint16_t)(100 + len), B4, 2, 8);
		raw_put16(udp + 4, (uint16_t)len);
		raw_fix_l4(&w->raw);
		assert_int_equal(pass(w), len >= 8 && len <= 16 ? NEW : INV);
	}
}

static void ports_of_zero_are_legal(void **state)
{
	struct world *w = *state;

	raw_udp(&w->raw, A4, 0, B4, 0, 0);
	assert_int_equal(pass(w), NEW);
	raw_udp(&w->raw, B4, 0, A4, 0, 0);
	assert_int_equal(pass(w), EST);
	raw_udp(&w->raw, A6, 0, B6, 0, 0);
	assert_int_equal(pass(w), NEW);
}

static void u06_an_answer_that_comes_too_late_begins_a_flow(void **state)
{
	struct world *w = *state;

	w->options.timeout[TIMEOUT_UDP] = 1;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	assert_int_equal(a_udp(w), NEW);
	wait_ms(w, 1200);
	assert_int_equal(flows(w), 1); /* still there, as in the kernel */
	assert_int_equal(b_udp(w), NEW);
	assert_int_equal(only_flow(w).flow.tuple[DIR_ORIGINAL].sport, htons(53));
}

static void a_timeout_of_zero_makes_every_packet_new(void **state)
{
	struct world *w = *state;

	w->options.timeout[TIMEOUT_UDP] = 0;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a_udp(w), NEW);
		assert_int_equal(w->reason, REASON_NONE);
	}
	assert_int_equal(alive(w), 0);
}

static void bytes_are_counted_with_the_ip_header(void **state)
{
	struct world *w = *state;
	struct the_one one;

	a_udp(w);
	b_udp(w);
	b_udp(w);
	one = only_flow(w);
	assert_int_equal(one.flow.acct[DIR_ORIGINAL].packets, 1);
	assert_int_equal(one.flow.acct[DIR_ORIGINAL].bytes, 36);
	assert_int_equal(one.flow.acct[DIR_REPLY].packets, 2);
	assert_int_equal(one.flow.acct[DIR_REPLY].bytes, 72);
}

static void ipv6_flows_are_tracked(void **state)
{
	struct world *w = *state;

	raw_udp(&w->raw, A6, 1000, B6, 53, 8);
	assert_int_equal(pass(w), NEW);
	raw_udp(&w->raw, B6, 53, A6, 1000, 8);
	assert_int_equal(pass(w), EST);
	assert_int_equal(only_flow(w).flow.acct[DIR_REPLY].bytes, 56);
}

static void g02_any_protocol_is_tracked_by_its_addresses(void **state)
{
	static const uint8_t protos[] = { 0, 2, 4, 50, 51, 33, 89, 253, 255 };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(protos); i++) {
		raw_ip(&w->raw, A4, B4, protos[i], "12345678", 8);
		assert_int_equal(pass(w), NEW);
		assert_int_equal(seconds_left(w), 600);
		wait_ms(w, 5000);
		raw_ip(&w->raw, B4, A4, protos[i], "12345678", 8);
		assert_int_equal(pass(w), EST);
		raw_ip(&w->raw, A4, B4, protos[i], "", 0);
		assert_int_equal(pass(w), EST);
		assert_int_equal(seconds_left(w), 600);
		assert_false(status_of_it(w) & FLOW_ASSURED);
		wait_ms(w, 600000);
		conntrack_housekeep(w->ct, 0, w->now);
		assert_int_equal(flows(w), 0);
	}
}

static void a_later_fragment_is_invalid(void **state)
{
	struct world *w = *state;

	raw_udp(&w->raw, A4, 1000, B4, 53, 8);
	raw_put16(w->raw.b + 6, 1);
	raw_fix_ipv4(&w->raw);
	assert_int_equal(pass(w), INV);
	assert_null(w->ref.flow);
	assert_int_equal(flows(w), 0);
}

/* By a packet whose virtio-net header is this. */
static enum ct_state pass_with(struct world *w, uint8_t vnet_flags, uint8_t packet_flags)
{
	const struct virtio_net_hdr vnet = {
		.flags = vnet_flags,
		.csum_start = 20,
		.csum_offset = 6,
	};

	assert_int_equal(packet_parse(w->raw.b, w->raw.len, &vnet, &w->packet), REASON_NONE);
	w->packet.flags |= packet_flags;
	conntrack_in(w->ct, 0, &w->packet, ZONE_NONE, w->now, &w->ref);
	return w->ref.state;
}

static void a_checksum_is_checked_unless_somebody_vouches_for_it(void **state)
{
	struct world *w = *state;
	struct conntrack_stats s;

	raw_udp(&w->raw, A4, 1000, B4, 53, 8);
	assert_int_equal(pass_with(w, 0, 0), NEW);
	w->raw.b[w->raw.len - 1] ^= 1;
	assert_int_equal(pass_with(w, 0, 0), INV);
	assert_null(w->ref.flow);
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.invalid, 1);
	assert_int_equal(pass_with(w, VIRTIO_NET_HDR_F_DATA_VALID, 0), NEW);
	assert_int_equal(pass_with(w, VIRTIO_NET_HDR_F_NEEDS_CSUM, 0), NEW);
	assert_int_equal(pass_with(w, 0, PACKET_OWN), NEW);
	raw_put16(w->raw.b + 26, 0); /* none */
	assert_int_equal(pass_with(w, 0, 0), NEW);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(u01_a_stream_is_older_than_two_seconds_and_answered),
		TEST(u02_a_late_first_answer_is_no_stream_and_the_second_is),
		TEST(u03_unanswered_packets_stay_new_and_refresh),
		TEST(u04_lengths_must_be_right),
		TEST(ports_of_zero_are_legal),
		TEST(u06_an_answer_that_comes_too_late_begins_a_flow),
		TEST(a_timeout_of_zero_makes_every_packet_new),
		TEST(bytes_are_counted_with_the_ip_header),
		TEST(ipv6_flows_are_tracked),
		TEST(g02_any_protocol_is_tracked_by_its_addresses),
		TEST(a_later_fragment_is_invalid),
		TEST(a_checksum_is_checked_unless_somebody_vouches_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
