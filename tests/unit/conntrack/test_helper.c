/* Tests of how flows get their helpers, and of the helpers' table.  What helpers read is in
 * tests/scenarios/helpers.scn. */
#include "tracking.h"

#include "conntrack/helper.h"

static int setup(void **state)
{
	return world_setup(state, 64);
}

static void begin(struct world *w, const char *from, const char *to, uint16_t dport)
{
	raw_tcp(&w->raw, from, 1000, to, dport, TCP_SYN, 1, 0, 0);
	look_by(w, 0, &w->ref);
}

static enum reason finish(struct world *w)
{
	return conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref);
}

static void every_helper_is_whole(void **state)
{
	(void)state;
	for (unsigned kind = HELPER_NONE + 1; kind < HELPER_COUNT; kind++) {
		const char *name = ct_helper_name(kind);
		bool tcp = ct_helper_takes(kind, IPPROTO_TCP);
		bool udp = ct_helper_takes(kind, IPPROTO_UDP);

		assert_non_null(name);
		assert_true(tcp || udp);
		assert_true(ct_helper_knows(kind, L3_IPV4) || ct_helper_knows(kind, L3_IPV6));
		assert_int_equal(ct_helper_find(name, IPPROTO_TCP), tcp ? kind : HELPER_NONE);
		assert_int_equal(ct_helper_find(name, IPPROTO_UDP), udp ? kind : HELPER_NONE);
		assert_int_equal(ct_helper_find(name, IPPROTO_SCTP), HELPER_NONE);
	}
	assert_null(ct_helper_name(HELPER_NONE));
	assert_null(ct_helper_name(HELPER_COUNT));
	assert_false(ct_helper_takes(HELPER_NONE, IPPROTO_TCP));
	assert_int_equal(ct_helper_find("smtp", IPPROTO_TCP), HELPER_NONE);
	assert_string_equal(ct_helper_class_name(HELPER_SIP, 0), "signalling");
	assert_string_equal(ct_helper_class_name(HELPER_FTP, 0), "");
	assert_string_equal(ct_helper_class_name(HELPER_COUNT, 9), "");
}

static void a_flow_gets_a_helper_once_and_before_it_is_confirmed(void **state)
{
	struct world *w = *state;

	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
	begin(w, A4, B4, 80);
	assert_false(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_TFTP)); /* UDP's */
	assert_false(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_NONE));
	assert_false(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_COUNT));
	assert_int_equal(atomic_load(&w->ref.flow->status) & FLOW_HELPER, 0);
	assert_true(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_FTP));
	assert_false(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_SIP));
	assert_int_equal(finish(w), REASON_NONE);
	assert_int_equal(w->ref.flow->helper, HELPER_FTP);
	assert_true(atomic_load(&w->ref.flow->status) & FLOW_HELPER);

	begin(w, A4, B4, 81);
	assert_int_equal(finish(w), REASON_NONE);
	begin(w, A4, B4, 81);
	assert_false(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_FTP));
	w->ref = (struct ct_ref){ .state = CT_STATE_INVALID };
	assert_false(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_FTP));
}

static void without_memory_for_notes_there_is_no_helper(void **state)
{
	struct world *w = *state;

	begin(w, A4, B4, 21);
	assert_false(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_FTP));
	w->options.helpers = HELPER_BIT(HELPER_FTP);
	/* The option brings it. */
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	assert_true(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_FTP));
}

static void the_option_goes_by_the_port_and_a_rule_comes_first(void **state)
{
	struct world *w = *state;

	w->options.helpers = HELPER_BIT(HELPER_FTP) | HELPER_BIT(HELPER_SIP);
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	begin(w, A4, B4, 21);
	assert_int_equal(finish(w), REASON_NONE);
	assert_int_equal(w->ref.flow->helper, HELPER_FTP);
	begin(w, A6, B6, 5060);
	assert_int_equal(finish(w), REASON_NONE);
	assert_int_equal(w->ref.flow->helper, HELPER_SIP);
	begin(w, A4, B4, 22);
	assert_int_equal(finish(w), REASON_NONE);
	assert_int_equal(w->ref.flow->helper, HELPER_NONE);
	/* UDP to FTP's port, and TFTP's, which is not wanted. */
	for (int i = 0; i < 2; i++) {
		raw_udp(&w->raw, A4, 1000, B4, i ? 69 : 21, 8);
		assert_int_equal(pass(w), CT_STATE_NEW);
		assert_int_equal(w->ref.flow->helper, HELPER_NONE);
	}
	begin(w, A4, "10.0.2.3", 21);
	assert_true(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_SIP));
	assert_int_equal(finish(w), REASON_NONE);
	assert_int_equal(w->ref.flow->helper, HELPER_SIP);
}

static void options_out_of_range_are_refused(void **state)
{
	struct world *w = *state;
	struct conntrack_options o = w->options;

	o.helpers = 1;
	assert_int_equal(conntrack_set_options(w->ct, &o), -EINVAL);
	o.helpers = HELPER_BIT(HELPER_COUNT);
	assert_int_equal(conntrack_set_options(w->ct, &o), -EINVAL);
	o = w->options;
	o.expect_max = 0;
	assert_int_equal(conntrack_set_options(w->ct, &o), -EINVAL);
	o.expect_max = 65537;
	assert_int_equal(conntrack_set_options(w->ct, &o), -EINVAL);
}

static void a_flows_helper_outlives_the_process_if_it_is_one(void **state)
{
	struct world *w = *state;
	struct flow *f;

	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
	begin(w, A4, B4, 80);
	assert_true(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_FTP));
	assert_int_equal(finish(w), REASON_NONE);
	f = w->ref.flow;
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(f->helper, HELPER_FTP);
	/* Its packets go on, read or not. */
	assert_int_equal(b_tcp(w, TCP_SYN | TCP_ACK, 5, 2), CT_STATE_ESTABLISHED);
	assert_int_equal(w->reason, REASON_NONE);

	f->helper = HELPER_TFTP; /* not TCP's */
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(f->helper, HELPER_NONE);
	f->helper = 200;
	f->master_helper = 200;
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(f->helper, HELPER_NONE);
	assert_int_equal(f->master_helper, HELPER_NONE);
	assert_int_equal(conntrack_recovery(w->ct).kept, 1);
}

static void say(struct world *w, const char *text, uint32_t seq)
{
	const size_t len = strlen(text);

	raw_tcp(&w->raw, A4, 1000, B4, 21, TCP_PSH | TCP_ACK, seq, 6, (unsigned)len);
	memcpy(w->raw.b + w->raw.len - len, text, len);
	raw_fix_l4(&w->raw);
	pass(w);
}

static void notes_that_were_damaged_do_no_harm(void **state)
{
	struct world *w = *state;
	struct flow_ext *ext;

	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
	begin(w, A4, B4, 21);
	assert_true(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_FTP));
	assert_int_equal(finish(w), REASON_NONE);
	raw_tcp(&w->raw, B4, 21, A4, 1000, TCP_SYN | TCP_ACK, 5, 2, 0);
	pass(w);
	say(w, "USER x\r\n", 2);
	assert_int_equal(w->reason, REASON_NONE);
	ext = (struct flow_ext *)w->arena.exts + (w->ref.flow - (struct flow *)w->arena.flows);
	memset(ext->helper, 0xff, sizeof(ext->helper));
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
	say(w, "PASS y\r\n", 10);
	assert_int_equal(w->ref.state, CT_STATE_ESTABLISHED);
	assert_int_equal(w->reason, REASON_NONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_helper_is_whole),
		TEST(a_flow_gets_a_helper_once_and_before_it_is_confirmed),
		TEST(without_memory_for_notes_there_is_no_helper),
		TEST(the_option_goes_by_the_port_and_a_rule_comes_first),
		TEST(options_out_of_range_are_refused),
		TEST(a_flows_helper_outlives_the_process_if_it_is_one),
		TEST(notes_that_were_damaged_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
