/* Tests of sequence numbers where a helper has made data longer or shorter: conntrack.md 3.12,
 * nf_conntrack_seqadj.c. */
#include "tracking.h"

#include "conntrack/record.h"
#include "conntrack/seqadj.h"
#include "conntrack/tcp.h"

#define AROUND 0xfffffff0u /* numbers run over there */

static int setup(void **state)
{
	return world_setup(state, 64);
}

/* ---- shifts ---- */

static struct flow flow;
static struct flow_ext ext;

static void begin(void)
{
	memset((void *)&flow, 0, sizeof(flow));
	memset((void *)&ext, 0, sizeof(ext));
}

static void shift(uint32_t seq, int32_t by)
{
	seqadj_shift(&flow, &ext, DIR_ORIGINAL, seq, by);
}

static uint32_t offset(uint32_t seq)
{
	return seqadj_offset(&ext.seqadj[DIR_ORIGINAL], seq);
}

static void what_is_behind_a_change_is_shifted(void **state)
{
	static const uint32_t bases[] = { 1000, AROUND };

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint32_t base = bases[i];

		begin();
		shift(base, 2);
		assert_true(flow.status & FLOW_SEQ_ADJ);
		assert_int_equal(offset(base - 1), 0);
		assert_int_equal(offset(base), 0); /* the segment itself */
		assert_int_equal(offset(base + 1), 2);
		assert_int_equal(offset(base + 100000), 2);
		shift(base + 20, 4);
		assert_int_equal(offset(base + 20), 2);
		assert_int_equal(offset(base + 21), 6);
		shift(base + 40, -7);
		assert_int_equal(offset(base + 40), 6);
		assert_int_equal(offset(base + 41), (uint32_t)-1);
	}
}

static void a_change_that_comes_again_counts_once(void **state)
{
	(void)state;
	begin();
	shift(1000, 2);
	shift(1000, 2);
	assert_int_equal(offset(1001), 2);
	/* Nor does an older one. */
	shift(1020, 4);
	shift(1000, 2);
	shift(1020, 4);
	assert_int_equal(offset(1020), 2);
	assert_int_equal(offset(1021), 6);
}

static void without_a_change_of_length_there_is_no_shift(void **state)
{
	(void)state;
	begin();
	shift(1000, 0);
	assert_int_equal(flow.status, 0);
	assert_int_equal(ext.seqadj[0].correction_pos, 0);
}

/* Both directions are shifted each for itself. */
static void directions_do_not_mix(void **state)
{
	(void)state;
	begin();
	shift(1000, 2);
	seqadj_shift(&flow, &ext, DIR_REPLY, 5000, -3);
	assert_int_equal(offset(1001), 2);
	assert_int_equal(seqadj_offset(&ext.seqadj[DIR_REPLY], 5000), 0);
	assert_int_equal(seqadj_offset(&ext.seqadj[DIR_REPLY], 5001), (uint32_t)-3);
}

/* ---- segments ---- */

static struct raw raw;
static struct packet segment;

/* A segment with these options, whose length is a multiple of four. */
static void make(uint8_t flags, uint32_t seq, uint32_t ack, const uint8_t *options, size_t len)
{
	raw_tcp(&raw, A4, 1000, B4, 21, flags, seq, ack, len + 10);
	raw.b[32] = (uint8_t)((5 + len / 4) << 4);
	if (len)
		memcpy(raw.b + 40, options, len);
	raw_fix_l4(&raw);
	assert_int_equal(packet_parse(raw.b, raw.len, NULL, &segment), REASON_NONE);
}

static uint32_t number(size_t off)
{
	return tcp_read32(raw.b + 20 + off);
}

static void expect_numbers(uint32_t seq, uint32_t ack)
{
	assert_int_equal(number(4), seq);
	assert_int_equal(number(8), ack);
	assert_true(packet_checksum_ok(&segment));
}

static void a_segment_is_renumbered_and_so_is_what_it_acknowledges(void **state)
{
	(void)state;
	begin();
	shift(1000, 2);
	seqadj_shift(&flow, &ext, DIR_REPLY, 5000, -3);
	make(TCP_ACK, 1000, 5000, NULL, 0);
	assert_true(seqadj_segment(ext.seqadj, DIR_ORIGINAL, &segment));
	expect_numbers(1000, 5000);
	/* Of the answerer's the opener has got three bytes less. */
	make(TCP_ACK, 1020, 5017, NULL, 0);
	assert_true(seqadj_segment(ext.seqadj, DIR_ORIGINAL, &segment));
	expect_numbers(1022, 5020);
	make(TCP_ACK, 5020, 1022, NULL, 0);
	assert_true(seqadj_segment(ext.seqadj, DIR_REPLY, &segment));
	expect_numbers(5017, 1020);
	make(TCP_ACK | TCP_FIN, 5020, 1000, NULL, 0);
	assert_true(seqadj_segment(ext.seqadj, DIR_REPLY, &segment));
	expect_numbers(5017, 1000);
	/* Without ACK there is nothing acknowledged. */
	make(TCP_RST, 1020, 5017, NULL, 0);
	assert_true(seqadj_segment(ext.seqadj, DIR_ORIGINAL, &segment));
	expect_numbers(1022, 5017);
}

/* What is acknowledged lies behind both changes, between them, and before. */
static void an_acknowledgement_knows_how_far_the_changes_reach(void **state)
{
	static const struct {
		uint32_t theirs, ours;
	} rows[] = {
		{ AROUND + 12, AROUND + 10 }, /* before the second, behind the first */
		{ AROUND + 22, AROUND + 20 }, /* all up to the second change */
		{ AROUND + 23, AROUND + 17 }, /* within what was changed */
		{ AROUND + 36, AROUND + 30 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		shift(AROUND, 2);
		shift(AROUND + 20, 4);
		make(TCP_ACK, 7, rows[i].theirs, NULL, 0);
		assert_true(seqadj_segment(ext.seqadj, DIR_REPLY, &segment));
		expect_numbers(7, rows[i].ours);
	}
}

/* Wherever the option lies, also at an odd place. */
static void sacked_blocks_are_numbered_back(void **state)
{
	(void)state;
	for (unsigned lead = 0; lead < 4; lead++) {
		uint8_t options[24];

		memset(options, 1, sizeof(options)); /* padding */
		options[lead] = 5;
		options[lead + 1] = 18;
		raw_put32(options + lead + 2, 1012);
		raw_put32(options + lead + 6, 1022);
		raw_put32(options + lead + 10, 990);
		raw_put32(options + lead + 14, 1000);
		begin();
		shift(1000, 2);
		make(TCP_ACK, 7, 990, options, sizeof(options));
		assert_true(seqadj_segment(ext.seqadj, DIR_REPLY, &segment));
		expect_numbers(7, 990);
		assert_int_equal(number(20 + lead + 2), 1010);
		assert_int_equal(number(20 + lead + 6), 1020);
		assert_int_equal(number(20 + lead + 10), 990);
		assert_int_equal(number(20 + lead + 14), 1000);
	}
}

static void options_that_cannot_be_read_end_the_segment(void **state)
{
	static const struct {
		uint8_t options[4];
		bool read;
	} rows[] = {
		{ { 1, 1, 1, 1 }, true },
		{ { 0, 5, 1, 1 }, true }, /* behind the end of the list lies nothing */
		{ { 4, 2, 3, 1 }, false }, /* longer than the header */
		{ { 1, 1, 1, 5 }, false }, /* no length */
		{ { 5, 1, 0, 0 }, false },
		{ { 5, 0, 0, 0 }, false },
		{ { 5, 2, 0, 0 }, true },
		{ { 5, 4, 0, 0 }, true }, /* no whole block */
		{ { 254, 4, 9, 9 }, true },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		shift(1000, 2);
		make(TCP_ACK, 7, 1010, rows[i].options, 4);
		assert_int_equal(seqadj_segment(ext.seqadj, DIR_REPLY, &segment), rows[i].read);
	}
}

static void a_super_packet_leaves_its_checksum_to_be_filled_in(void **state)
{
	const struct virtio_net_hdr v = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .hdr_len = 40,
					  .gso_size = 1000, .csum_start = 20,
					  .csum_offset = 16 };

	(void)state;
	begin();
	shift(1000, 2);
	raw_tcp(&raw, A4, 1000, B4, 21, TCP_ACK, 1010, 7, 9000);
	raw_put16(raw.b + 36, 0x1234);
	assert_int_equal(packet_parse(raw.b, raw.len, &v, &segment), REASON_NONE);
	assert_true(seqadj_segment(ext.seqadj, DIR_ORIGINAL, &segment));
	assert_int_equal(number(4), 1012);
	assert_int_equal(raw.b[36] << 8 | raw.b[37], 0x1234);
	assert_memory_equal(&segment.vnet, &v, sizeof(v));
}

/* ---- flows ---- */

static void shake_hands(struct world *w)
{
	a_tcp(w, TCP_SYN, 100, 0);
	b_tcp(w, TCP_SYN | TCP_ACK, 500, 101);
	assert_int_equal(a_tcp(w, TCP_ACK, 101, 501), CT_STATE_ESTABLISHED);
}

/* As a helper would: what A says at seq became longer. */
static void lengthen(struct world *w, uint32_t seq, int32_t by)
{
	struct flow_ext *own;

	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
	own = conntrack_ext_own(w->ct, 0, &w->ref);
	assert_non_null(own);
	record_lock(w->ref.flow);
	seqadj_shift(w->ref.flow, own, DIR_ORIGINAL, seq, by);
	record_unlock(w->ref.flow);
}

static uint32_t out(const struct world *w, size_t off)
{
	return tcp_read32(w->packet.data + 20 + off);
}

static void expect_shifted(struct world *w)
{
	/* Its window is known in A's numbers: what B acknowledges is all of the data. */
	raw_tcp(&w->raw, A4, 1000, B4, 80, TCP_ACK | TCP_PSH, 111, 501, 10);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	assert_int_equal(out(w, 4), 118);
	assert_int_equal(b_tcp(w, TCP_ACK, 501, 128), CT_STATE_ESTABLISHED);
	assert_int_equal(out(w, 8), 121);
	assert_true(packet_checksum_ok(&w->packet));
	assert_int_equal(b_tcp(w, TCP_ACK, 501, 129), CT_STATE_INVALID);
}

static void segments_of_a_flow_follow_what_its_helper_did(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	raw_tcp(&w->raw, A4, 1000, B4, 80, TCP_ACK | TCP_PSH, 101, 501, 10);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	lengthen(w, 101, 7);
	expect_shifted(w);
}

static void shifts_survive_a_restart(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	raw_tcp(&w->raw, A4, 1000, B4, 80, TCP_ACK | TCP_PSH, 101, 501, 10);
	pass(w);
	lengthen(w, 101, 7);
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(conntrack_recovery(w->ct).kept, 1);
	assert_true(status_of_it(w) & FLOW_SEQ_ADJ);
	expect_shifted(w);
}

static void a_shift_that_was_lost_is_not_asked_for(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	lengthen(w, 101, 7);
	atomic_store(&w->ref.flow->extended, 2);
	conntrack_free(w->ct);
	world_open(w);
	assert_false(status_of_it(w) & FLOW_SEQ_ADJ);
	assert_int_equal(a_tcp(w, TCP_ACK, 102, 501), CT_STATE_ESTABLISHED);
	assert_int_equal(out(w, 4), 102);
}

static void a_segment_with_bad_options_is_dropped_and_says_why(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	lengthen(w, 101, 7);
	raw_tcp(&w->raw, A4, 1000, B4, 80, TCP_ACK, 102, 501, 4);
	w->raw.b[32] = 6 << 4;
	memcpy(w->raw.b + 40, "\4\3\1\1", 4);
	w->raw.b[41] = 9;
	raw_fix_l4(&w->raw);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	assert_int_equal(w->reason, REASON_SEQ_ADJUST);
}

/* It is about a segment, and none itself. */
static void errors_about_the_flow_are_left_alone(void **state)
{
	struct world *w = *state;
	static struct raw inner;

	shake_hands(w);
	lengthen(w, 101, 7);
	raw_tcp(&inner, A4, 1000, B4, 80, TCP_ACK, 111, 501, 0);
	raw_icmp_error(&w->raw, ROUTER4, A4, 3, 1, &inner, inner.len);
	assert_int_equal(pass(w), CT_STATE_RELATED);
	assert_int_equal(w->reason, REASON_NONE);
	assert_memory_equal(w->packet.data, w->raw.b, w->raw.len);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_behind_a_change_is_shifted),
		cmocka_unit_test(a_change_that_comes_again_counts_once),
		cmocka_unit_test(without_a_change_of_length_there_is_no_shift),
		cmocka_unit_test(directions_do_not_mix),
		cmocka_unit_test(a_segment_is_renumbered_and_so_is_what_it_acknowledges),
		cmocka_unit_test(an_acknowledgement_knows_how_far_the_changes_reach),
		cmocka_unit_test(sacked_blocks_are_numbered_back),
		cmocka_unit_test(options_that_cannot_be_read_end_the_segment),
		cmocka_unit_test(a_super_packet_leaves_its_checksum_to_be_filled_in),
		test(segments_of_a_flow_follow_what_its_helper_did),
		test(shifts_survive_a_restart),
		test(a_shift_that_was_lost_is_not_asked_for),
		test(a_segment_with_bad_options_is_dropped_and_says_why),
		test(errors_about_the_flow_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
