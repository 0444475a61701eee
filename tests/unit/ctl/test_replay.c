/* test_replay.c - the firewall in private memory. */
#include <errno.h>
#include <string.h>

#include "ctl/replay.h"
#include "unit/packets.h"
#include "unit/test.h"

static const char drop_web[] =
	"table ip t {\n"
	"	chain f {\n"
	"		type filter hook forward priority 0; policy accept;\n"
	"		tcp dport 80 drop\n"
	"		udp dport 53 reject\n"
	"	}\n"
	"}\n";

static struct replay *replay_of(uint32_t max_flows)
{
	struct replay_options o = { .key = "fifteen letters" };
	struct replay *r;

	conntrack_options_default(&o.conntrack);
	o.conntrack.max_flows = max_flows;
	assert_int_equal(replay_new(&o, &r), 0);
	return r;
}

static int load(struct replay *r, const char *text)
{
	const struct ruleset_input input = { .name = "test",
					     .text = text,
					     .len = strlen(text) };
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	int err = replay_apply(r, &input, &d, &out);

	diag_fini(&d);
	text_fini(&out);
	return err;
}

static struct replay_outcome udp(struct replay *r, uint16_t sport, uint16_t dport,
				 uint64_t time)
{
	static struct raw raw;
	struct replay_outcome o;

	raw_udp(&raw, "10.0.1.2", sport, "10.0.2.2", dport, 8);
	replay_packet(r, raw.b, raw.len, NULL, time, &o);
	return o;
}

static void a_packet_passes_as_it_is(void **state)
{
	struct replay *r = replay_of(16);
	struct replay_outcome o = udp(r, 1, 2, 5);

	(void)state;
	assert_int_equal(o.result.action, ENGINE_PASS);
	assert_int_equal(o.trace.ct_state, CT_STATE_NEW);
	assert_int_equal(o.out_len, 36);
	assert_ptr_equal(o.out, o.packet.data);
	replay_free(r);
}

static void rules_are_replaced_between_packets(void **state)
{
	struct replay *r = replay_of(16);

	(void)state;
	assert_int_equal(udp(r, 1, 53, 5).trace.verdict, VERDICT_ACCEPT);
	assert_int_equal(load(r, drop_web), 0);
	assert_int_equal(udp(r, 2, 53, 6).trace.verdict, VERDICT_REJECT);
	assert_int_equal(udp(r, 2, 54, 6).trace.verdict, VERDICT_ACCEPT);
	assert_int_equal(load(r, "flush ruleset"), 0);
	assert_int_equal(udp(r, 3, 53, 7).trace.verdict, VERDICT_ACCEPT);
	replay_free(r);
}

static void wrong_rules_leave_those_in_force(void **state)
{
	struct replay *r = replay_of(16);

	(void)state;
	assert_int_equal(load(r, drop_web), 0);
	assert_int_equal(load(r, "flush ruleset\nadd colour ip t"), -EINVAL);
	assert_int_equal(udp(r, 2, 53, 6).trace.verdict, VERDICT_REJECT);
	replay_free(r);
}

static void an_answer_is_what_is_emitted(void **state)
{
	struct replay *r = replay_of(16);
	struct replay_outcome o;

	(void)state;
	assert_int_equal(load(r, drop_web), 0);
	o = udp(r, 2, 53, 6);
	assert_int_equal(o.result.action, ENGINE_REPLY);
	assert_ptr_not_equal(o.out, o.packet.data);
	assert_int_equal(o.out[9], IPPROTO_ICMP);
	assert_int_equal(o.out_len, 20 + 8 + 36);
	replay_free(r);
}

static void time_never_runs_back(void **state)
{
	struct replay *r = replay_of(16);

	(void)state;
	udp(r, 1, 2, 100 * NSEC_PER_SEC);
	udp(r, 1, 3, 50 * NSEC_PER_SEC);
	assert_true(replay_time(r) == 100 * NSEC_PER_SEC);
	replay_advance(r, 1);
	assert_true(replay_time(r) == 100 * NSEC_PER_SEC);
	replay_advance(r, 101 * NSEC_PER_SEC);
	assert_true(replay_time(r) == 101 * NSEC_PER_SEC);
	replay_free(r);
}

static void flows_that_are_due_make_room_for_others(void **state)
{
	struct replay *r = replay_of(512);
	struct conntrack_stats stats;

	(void)state;
	/* Ten new flows a second that live for thirty: never more than 300 and some. */
	for (unsigned i = 0; i < 60000; i++) {
		struct replay_outcome o = udp(r, (uint16_t)(i % 60000 + 1), 2,
					      i * (NSEC_PER_SEC / 10));

		assert_int_equal(o.trace.verdict, VERDICT_ACCEPT);
		assert_int_equal(o.trace.ct_state, CT_STATE_NEW);
	}
	conntrack_stats(replay_conntrack(r), &stats);
	assert_int_equal(stats.created, 60000);
	assert_int_equal(stats.early_drop, 0);
	assert_true(stats.peak <= 320);
	replay_free(r);
}

static void a_jump_of_years_harms_nothing(void **state)
{
	struct replay *r = replay_of(16);

	(void)state;
	assert_int_equal(udp(r, 1, 2, 0).trace.verdict, VERDICT_ACCEPT);
	assert_int_equal(udp(r, 1, 2, UINT64_MAX / 2).trace.ct_state, CT_STATE_NEW);
	assert_int_equal(udp(r, 1, 2, UINT64_MAX / 2 + 1).trace.verdict, VERDICT_ACCEPT);
	replay_free(r);
}

static void options_out_of_range_are_refused(void **state)
{
	struct replay_options o = { .key = "fifteen letters" };
	struct replay *r = NULL;

	(void)state;
	conntrack_options_default(&o.conntrack);
	o.conntrack.max_flows = 0;
	assert_int_equal(replay_new(&o, &r), -EINVAL);
	assert_null(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_passes_as_it_is),
		cmocka_unit_test(rules_are_replaced_between_packets),
		cmocka_unit_test(wrong_rules_leave_those_in_force),
		cmocka_unit_test(an_answer_is_what_is_emitted),
		cmocka_unit_test(time_never_runs_back),
		cmocka_unit_test(flows_that_are_due_make_room_for_others),
		cmocka_unit_test(a_jump_of_years_harms_nothing),
		cmocka_unit_test(options_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
