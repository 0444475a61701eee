/* Fragments: put together, bounded in time and memory, and cut again.  Which of them fit
 * together is told by tests/scenarios/fragments.scn, and searched by tests/fuzz. */
#include <stdlib.h>

#include "ctfw/clock.h"
#include "ctfw/frag.h"
#include "unit/packets.h"
#include "unit/test.h"

#define SECONDS(n) ((n) * NSEC_PER_SEC)

static const struct siphash_key key = { 3, 5 };
static struct frag_table *table;
static struct frag_buffer buffer;
static struct raw whole, part;
static struct packet packet;
static struct frag_end end;
static uint64_t now = SECONDS(1000);

static void table_of(uint32_t memory)
{
	struct frag_options o;

	frag_options_default(&o);
	o.max_memory = memory;
	o.max_distance = 0;
	table = frag_table_new(&o, &key);
	assert_non_null(table);
}

static int set_up(void **state)
{
	(void)state;
	table_of(4u << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	frag_table_free(table);
	return 0;
}

static void make(bool ipv6, size_t data)
{
	raw_udp(&whole, ipv6 ? "fd08::2" : "10.8.0.2", 1000, ipv6 ? "fd08::9" : "10.8.0.9", 53,
		data - 8);
	for (size_t i = 8; i < data; i++)
		whole.b[raw_l4(&whole) + i] = (uint8_t)(i * 7 + i / 256);
	raw_fix_l4(&whole);
}

static enum frag_verdict collect(const struct virtio_net_hdr *vnet)
{
	assert_int_equal(packet_parse(part.b, part.len, vnet, &packet), REASON_NONE);
	return frag_collect(table, &packet, now, &buffer, &end);
}

static enum frag_verdict add(uint32_t id, size_t from, size_t to)
{
	raw_fragment(&part, &whole, id, from, to);
	return collect(NULL);
}

static struct frag_stats stats(void)
{
	struct frag_stats s;

	frag_stats(table, &s);
	return s;
}

static void expect_whole(void)
{
	size_t head = raw_l4(&whole);

	assert_int_equal(packet.len, whole.len);
	assert_int_equal(packet.flags, PACKET_PORTS | PACKET_L4_HEADER);
	assert_memory_equal(packet.data + head, whole.b + head, whole.len - head);
	assert_true(packet_checksum_ok(&packet));
	assert_int_equal(stats().datagrams, 0);
}

/* All orders of four. */
static void a_datagram_is_whole_whatever_the_order(void **state)
{
	static const size_t at[] = { 0, 1400, 1408, 2000, 3001 };

	(void)state;
	for (unsigned order = 0; order < 24; order++) {
		unsigned left[4] = { 0, 1, 2, 3 }, digits = order;

		for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
			make(ipv6, 3001);
			for (unsigned i = 0; i < 4; i++)
				left[i] = i;
			digits = order;
			for (unsigned n = 4; n > 0; digits /= n--) {
				unsigned pick = digits % n, k = left[pick];

				left[pick] = left[n - 1];
				assert_int_equal(add(order, at[k], at[k + 1]),
						 n > 1 ? FRAG_HELD : FRAG_WHOLE);
			}
			expect_whole();
			assert_int_equal(buffer.shape.fragments, 4);
		}
	}
}

static uint32_t dice(uint32_t sides)
{
	static uint64_t seed = 1;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

#define SHORTEST 8190 /* fragments of 65515 bytes, 8 in each but the last */

/* Ascending, descending, every second, at random: no order may take long, or all of them
 * together would not be done in time. */
static void put_in_order(unsigned how, uint16_t order[SHORTEST])
{
	for (unsigned i = 0; i < SHORTEST; i++) {
		switch (how) {
		case 0:
			order[i] = (uint16_t)i;
			break;
		case 1:
			order[i] = (uint16_t)(SHORTEST - 1 - i);
			break;
		case 2:
			order[i] = (uint16_t)(i < SHORTEST / 2 ? 2 * i + 1 :
								 2 * (i - SHORTEST / 2));
			break;
		default:
			order[i] = (uint16_t)i;
			if (i) {
				unsigned k = dice(i);

				order[i] = order[k];
				order[k] = (uint16_t)i;
			}
		}
	}
}

static void the_longest_datagram_may_come_in_the_shortest_fragments(void **state)
{
	static uint16_t order[SHORTEST];
	static uint8_t out[PACKET_MAX];
	struct frag_cut cut;
	size_t len, n = 0;

	(void)state;
	frag_table_free(table);
	table_of(16u << 20);
	make(false, 65515);
	for (unsigned how = 0; how < 8; how++) {
		put_in_order(how, order);
		for (unsigned i = 0; i < SHORTEST; i++) {
			size_t at = order[i] * 8u, to = at + 8 < 65515 ? at + 8 : 65515;

			assert_int_equal(add(how, at, to),
					 i + 1 < SHORTEST ? FRAG_HELD : FRAG_WHOLE);
		}
		expect_whole();
	}
	frag_cut_begin(&buffer.shape, &packet, 0, &cut);
	while (frag_cut_next(&buffer.shape, &packet, &cut, out, &len))
		assert_int_equal(len, ++n < SHORTEST ? 28 : 23);
	assert_int_equal(n, SHORTEST);
}

static void datagrams_with_the_same_number_are_told_apart(void **state)
{
	static const char *const src[] = { "10.8.0.2", "10.8.0.3" };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		raw_udp(&whole, src[i], 1000, "10.8.0.9", 53, 92);
		assert_int_equal(add(7, 0, 48), FRAG_HELD);
	}
	raw_udp(&whole, src[1], 1000, "10.8.0.7", 53, 92);
	assert_int_equal(add(7, 48, 100), FRAG_HELD);
	raw_udp(&whole, src[1], 1000, "10.8.0.9", 53, 92);
	assert_int_equal(add(8, 48, 100), FRAG_HELD);
	assert_int_equal(add(7, 48, 100), FRAG_WHOLE);
	assert_int_equal(stats().datagrams, 3);
}

static void what_is_put_together_keeps_no_offset_and_the_right_lengths(void **state)
{
	(void)state;
	make(false, 3000);
	add(0x1234, 0, 1480);
	assert_int_equal(add(0x1234, 1480, 3000), FRAG_WHOLE);
	assert_int_equal(packet.data[2] << 8 | packet.data[3], 3020);
	assert_int_equal(packet.data[4] << 8 | packet.data[5], 0x1234);
	assert_int_equal(packet.data[6] << 8 | packet.data[7], 0);
	make(true, 3000);
	add(1, 0, 1448);
	assert_int_equal(add(1, 1448, 3000), FRAG_WHOLE);
	assert_int_equal(packet.data[6], IPPROTO_UDP);
	assert_int_equal(packet.data[4] << 8 | packet.data[5], 3000);
}

static enum frag_verdict add_df(size_t from, size_t to, bool df)
{
	raw_fragment(&part, &whole, 1, from, to);
	part.b[6] |= df ? 0x40 : 0;
	raw_fix_ipv4(&part);
	return collect(NULL);
}

static void the_whole_has_df_if_its_longest_fragment_had_it(void **state)
{
	(void)state;
	make(false, 3000);
	add_df(0, 1480, false);
	assert_int_equal(add_df(1480, 3000, true), FRAG_WHOLE);
	assert_int_equal(packet.data[6], 0x40);
	add_df(0, 1480, true);
	assert_int_equal(add_df(1480, 3000, false), FRAG_WHOLE);
	assert_int_equal(packet.data[6], 0);
}

static void the_virtio_net_header_vouches_only_if_it_does_for_all(void **state)
{
	const struct virtio_net_hdr valid = { .flags = VIRTIO_NET_HDR_F_DATA_VALID };

	(void)state;
	make(false, 3000);
	for (unsigned vouched = 0; vouched < 4; vouched++) {
		raw_fragment(&part, &whole, 1, 0, 1480);
		collect(vouched & 1 ? &valid : NULL);
		raw_fragment(&part, &whole, 1, 1480, 3000);
		assert_int_equal(collect(vouched & 2 ? &valid : NULL), FRAG_WHOLE);
		assert_int_equal(packet.vnet.flags, vouched == 3 ? valid.flags : 0);
	}
}

/* ---- bounds ---- */

static void when_memory_is_gone_fragments_are_dropped_and_what_waits_is_kept(void **state)
{
	uint32_t kept = 0;

	(void)state;
	frag_table_free(table);
	table_of(FRAG_MEMORY_MIN);
	make(false, 3000);
	while (add(kept, 0, 1480) == FRAG_HELD)
		kept++;
	assert_int_equal(end.reason, REASON_FRAGMENT_MEMORY);
	assert_int_equal(end.packets, 1);
	assert_int_equal(stats().fragments, kept);
	assert_int_equal(stats().datagrams, kept);
	assert_int_equal(stats().bytes, kept * 1480);
	/* Three blocks each, of what was promised. */
	assert_int_equal(stats().memory / 512 / 3, kept);
	/* One that is given up makes room for another. */
	now += SECONDS(30);
	frag_expire(table, now);
	assert_int_equal(stats().timed_out, kept);
	assert_int_equal(stats().fragments, 0);
	for (uint32_t i = 0; i < kept; i++)
		assert_int_equal(add(i, 0, 1480), FRAG_HELD);
	assert_int_equal(add(kept, 0, 1480), FRAG_ENDED);
}

static void each_family_has_its_time(void **state)
{
	(void)state;
	make(false, 3000);
	add(1, 0, 1480);
	make(true, 3000);
	add(1, 0, 1448);
	now += SECONDS(30) - 1;
	frag_expire(table, now);
	assert_int_equal(stats().fragments, 2);
	now++;
	frag_expire(table, now);
	assert_int_equal(stats().fragments, 1);
	now += SECONDS(30) - 1;
	frag_expire(table, now);
	assert_int_equal(stats().fragments, 1);
	now++;
	frag_expire(table, now);
	assert_int_equal(stats().fragments, 0);
	assert_int_equal(stats().timed_out, 2);
}

static void a_fragment_that_comes_too_late_begins_anew_without_housekeeping(void **state)
{
	(void)state;
	make(false, 3000);
	add(1, 0, 1480);
	now += SECONDS(30);
	assert_int_equal(add(1, 1480, 3000), FRAG_HELD);
	assert_int_equal(stats().timed_out, 1);
	assert_int_equal(stats().fragments, 1);
	assert_int_equal(add(1, 0, 1480), FRAG_WHOLE);
}

static void a_clock_that_is_a_little_behind_lets_nothing_expire(void **state)
{
	(void)state;
	make(false, 3000);
	add(1, 0, 1480);
	now -= SECONDS(1);
	frag_expire(table, now);
	assert_int_equal(add(1, 1480, 3000), FRAG_WHOLE);
	now += SECONDS(1);
}

static void a_new_timeout_is_for_those_that_wait_too(void **state)
{
	struct frag_options o;

	(void)state;
	frag_options_default(&o);
	make(false, 3000);
	add(1, 0, 1480);
	now += SECONDS(5);
	frag_expire(table, now);
	assert_int_equal(stats().fragments, 1);
	o.timeout = 5;
	frag_table_set_options(table, &o);
	frag_expire(table, now);
	assert_int_equal(stats().fragments, 0);
}

static void a_broken_datagram_takes_its_fragments_with_it(void **state)
{
	(void)state;
	make(false, 4000);
	add(1, 0, 1000);
	add(1, 2000, 3000);
	assert_int_equal(add(1, 992, 2000), FRAG_ENDED);
	assert_int_equal(end.reason, REASON_FRAGMENT_OVERLAP);
	assert_int_equal(end.packets, 3);
	assert_int_equal(stats().datagrams, 0);
}

static void an_ipv6_fragment_of_odd_length_goes_on_and_its_datagram_ends(void **state)
{
	(void)state;
	make(true, 4000);
	add(1, 0, 1000);
	add(1, 2000, 3000);
	raw_fragment(&part, &whole, 1, 1000, 2001);
	assert_int_equal(collect(NULL), FRAG_AS_IS);
	assert_int_equal(end.reason, REASON_FRAGMENT_LENGTH);
	assert_int_equal(end.packets, 2);
	assert_true(packet.flags & PACKET_LATER_FRAGMENT);
	assert_int_equal(stats().datagrams, 0);
}

/* ---- out again ---- */

static void collect_two(bool ipv6, size_t at)
{
	make(ipv6, 3000);
	add(1, 0, at);
	assert_int_equal(add(1, at, 3000), FRAG_WHOLE);
	expect_whole();
}

/* The lengths of what is cut; each a fragment of the same datagram. */
static void expect_cut(const size_t *lengths, size_t n)
{
	static uint8_t out[PACKET_MAX];
	struct frag_cut cut;
	struct packet p;
	size_t len;

	frag_cut_begin(&buffer.shape, &packet, 9, &cut);
	for (size_t i = 0; i < n; i++) {
		assert_true(frag_cut_next(&buffer.shape, &packet, &cut, out, &len));
		assert_int_equal(len, lengths[i]);
		assert_int_equal(packet_parse(out, len, NULL, &p), REASON_NONE);
		assert_int_equal(p.len, len);
		assert_true(p.flags & (PACKET_FRAGMENT | PACKET_FRAGMENT_HEADER));
	}
	assert_false(frag_cut_next(&buffer.shape, &packet, &cut, out, &len));
}

static void what_came_in_two_goes_out_in_the_same_two(void **state)
{
	(void)state;
	collect_two(false, 1480);
	assert_true(frag_is_cut(&buffer.shape, &packet));
	expect_cut((const size_t[]){ 1500, 1540 }, 2);
	collect_two(true, 1400);
	assert_true(frag_is_cut(&buffer.shape, &packet));
	expect_cut((const size_t[]){ 1448, 1648 }, 2);
}

static void what_has_grown_is_cut_by_its_longest(void **state)
{
	(void)state;
	collect_two(false, 2000);
	memset(packet.data + packet.len, 'x', 1100);
	packet.len += 1100;
	raw_put16(packet.data + 2, (uint16_t)packet.len);
	expect_cut((const size_t[]){ 2020, 2020, 120 }, 3);
	collect_two(true, 2000);
	memset(packet.data + packet.len, 'x', 1100);
	packet.len += 1100;
	raw_put16(packet.data + 4, (uint16_t)(packet.len - 40));
	expect_cut((const size_t[]){ 2048, 2048, 148 }, 3);
}

static void an_ipv6_datagram_that_has_grown_may_use_the_smallest_mtu(void **state)
{
	(void)state;
	make(true, 1000);
	add(1, 0, 504);
	assert_int_equal(add(1, 504, 1000), FRAG_WHOLE);
	packet.len += 8;
	raw_put16(packet.data + 4, (uint16_t)(packet.len - 40));
	expect_cut((const size_t[]){ 48 + 1008 }, 1);
}

static void what_has_grown_around_an_atomic_fragment_is_cut_too(void **state)
{
	static uint8_t out[PACKET_MAX];
	struct frag_cut cut;
	size_t len, all = 0;

	(void)state;
	make(true, 1232);
	assert_int_equal(add(1, 0, 1232), FRAG_WHOLE);
	assert_false(frag_is_cut(&buffer.shape, &packet));
	packet.len += 40;
	assert_true(frag_is_cut(&buffer.shape, &packet));
	frag_cut_begin(&buffer.shape, &packet, 9, &cut);
	while (frag_cut_next(&buffer.shape, &packet, &cut, out, &len))
		all += len - 48;
	assert_int_equal(all, 1272);
}

static void an_ipv6_datagram_that_fits_into_its_longest_fragment_goes_whole(void **state)
{
	(void)state;
	collect_two(true, 2992);
	assert_false(frag_is_cut(&buffer.shape, &packet));
	collect_two(true, 2984);
	assert_true(frag_is_cut(&buffer.shape, &packet));
	collect_two(false, 2992);
	assert_true(frag_is_cut(&buffer.shape, &packet));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_datagram_is_whole_whatever_the_order),
		TEST(the_longest_datagram_may_come_in_the_shortest_fragments),
		TEST(datagrams_with_the_same_number_are_told_apart),
		TEST(what_is_put_together_keeps_no_offset_and_the_right_lengths),
		TEST(the_whole_has_df_if_its_longest_fragment_had_it),
		TEST(the_virtio_net_header_vouches_only_if_it_does_for_all),
		TEST(when_memory_is_gone_fragments_are_dropped_and_what_waits_is_kept),
		TEST(each_family_has_its_time),
		TEST(a_fragment_that_comes_too_late_begins_anew_without_housekeeping),
		TEST(a_clock_that_is_a_little_behind_lets_nothing_expire),
		TEST(a_new_timeout_is_for_those_that_wait_too),
		TEST(a_broken_datagram_takes_its_fragments_with_it),
		TEST(an_ipv6_fragment_of_odd_length_goes_on_and_its_datagram_ends),
		TEST(what_came_in_two_goes_out_in_the_same_two),
		TEST(what_has_grown_is_cut_by_its_longest),
		TEST(an_ipv6_datagram_that_has_grown_may_use_the_smallest_mtu),
		TEST(what_has_grown_around_an_atomic_fragment_is_cut_too),
		TEST(an_ipv6_datagram_that_fits_into_its_longest_fragment_goes_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
