/* Tests of expectations by themselves: what may stand beside what, what is found, and what
 * goes when.  Rules' `ct expectation set` makes them here, and TFTP's helper. */
#include "tracking.h"

#include <stdio.h>

#include "conntrack/expect.h"
#include "ctfw/helper.h"

static int setup(void **state)
{
	struct world *w;

	world_setup(state, 64);
	w = *state;
	return conntrack_reserve_extensions(w->ct);
}

/* ---- words for tests ---- */

struct listed {
	unsigned n;
	uint32_t index;
	struct expect last;
};

static bool list_one(void *arg, uint32_t index, const struct expect *e)
{
	struct listed *l = arg;

	l->n++;
	l->index = index;
	memcpy((void *)&l->last, (const void *)e, sizeof(*e));
	return true;
}

static struct listed list(struct world *w)
{
	struct listed l = { 0 };
	uint32_t cursor = 0;

	conntrack_each_expectation(w->ct, &cursor, w->now, list_one, &l);
	return l;
}

/* A datagram as far as before confirm; what a test adds, and the rest of its way. */
static void begin(struct world *w, const char *from, uint16_t sport, const char *to,
		  uint16_t dport)
{
	raw_udp(&w->raw, from, sport, to, dport, 8);
	look_by(w, 0, &w->ref);
}

static enum reason finish(struct world *w)
{
	return conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref);
}

static const struct ct_expectation_spec tcp_9000 = {
	.l4proto = IPPROTO_TCP,
	.size = 2,
	.timeout = 60 * NSEC_PER_SEC,
};

static const struct ct_expectation_spec other_9000 = {
	.l4proto = IPPROTO_TCP,
	.size = 2,
	.dport = 0x2823, /* 9000 in network order */
	.timeout = 60 * NSEC_PER_SEC,
};

static int add(struct world *w, uint16_t dport)
{
	struct ct_expectation_spec spec = tcp_9000;

	spec.dport = htons(dport);
	return conntrack_add_expectation(w->ct, 0, &w->ref, &spec, w->now);
}

/* A's flow to B expects a connection from B to this port of A. */
static void expect_port(struct world *w, uint16_t sport, uint16_t dport)
{
	begin(w, A4, sport, B4, 53);
	assert_int_equal(add(w, dport), 0);
	assert_int_equal(finish(w), REASON_NONE);
}

static enum ct_state b_connects(struct world *w, uint16_t sport, uint16_t dport)
{
	raw_tcp(&w->raw, B4, sport, A4, dport, TCP_SYN, 1, 0, 0);
	return pass(w);
}

/* ---- tests ---- */

static void an_expected_connection_is_related_until_it_is_answered(void **state)
{
	struct world *w = *state;
	struct flow *child;

	begin(w, A4, 1000, B4, 53);
	flow_set_mark(w->ref.flow, 42);
	assert_int_equal(add(w, 9000), 0);
	assert_int_equal(finish(w), REASON_NONE);
	assert_int_equal(list(w).n, 1);

	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_RELATED);
	child = w->ref.flow;
	assert_true(child->status & FLOW_EXPECTED);
	assert_int_equal(child->mark, 42);
	assert_int_equal(list(w).n, 0);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_RELATED);
	raw_tcp(&w->raw, A4, 9000, B4, 20, TCP_SYN | TCP_ACK, 5, 2, 0);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	raw_tcp(&w->raw, B4, 20, A4, 9000, TCP_ACK, 2, 6, 0);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
}

static void it_is_used_up_by_the_first(void **state)
{
	struct world *w = *state;

	expect_port(w, 1000, 9000);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_RELATED);
	assert_int_equal(b_connects(w, 21, 9000), CT_STATE_NEW);
}

static void it_is_used_up_by_a_packet_that_the_rules_drop(void **state)
{
	struct world *w = *state;

	expect_port(w, 1000, 9000);
	raw_tcp(&w->raw, B4, 20, A4, 9000, TCP_SYN, 1, 0, 0);
	assert_int_equal(look_by(w, 0, &w->ref), CT_STATE_RELATED);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_NEW);
}

static void another_address_port_or_protocol_is_not_expected(void **state)
{
	struct world *w = *state;

	expect_port(w, 1000, 9000);
	assert_int_equal(b_connects(w, 20, 9001), CT_STATE_NEW);
	raw_tcp(&w->raw, "10.0.2.3", 20, A4, 9000, TCP_SYN, 1, 0, 0);
	assert_int_equal(pass(w), CT_STATE_NEW);
	raw_tcp(&w->raw, B4, 20, "10.0.1.3", 9000, TCP_SYN, 1, 0, 0);
	assert_int_equal(pass(w), CT_STATE_NEW);
	raw_udp(&w->raw, B4, 20, A4, 9000, 4);
	assert_int_equal(pass(w), CT_STATE_NEW);
	assert_int_equal(list(w).n, 1);
}

static void nothing_is_expected_before_the_master_is_confirmed(void **state)
{
	struct world *w = *state;

	begin(w, A4, 1000, B4, 53);
	assert_int_equal(add(w, 9000), 0);
	assert_int_equal(list(w).n, 0);
	/* Dropped by the rules: the worker goes on with the next packet. */
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_NEW);
	assert_int_equal(list(w).n, 0);
}

static void only_a_flow_that_is_not_confirmed_may_add_one(void **state)
{
	struct world *w = *state;

	expect_port(w, 1000, 9000);
	begin(w, A4, 1000, B4, 53);
	assert_false(w->ref.unconfirmed);
	assert_int_equal(add(w, 9001), -ENOENT);
	w->ref = (struct ct_ref){ .state = CT_STATE_INVALID };
	assert_int_equal(add(w, 9001), -ENOENT);
}

static void a_flow_may_have_as_many_as_its_object_says(void **state)
{
	struct world *w = *state;

	begin(w, A4, 1000, B4, 53);
	assert_int_equal(add(w, 9000), 0);
	assert_int_equal(add(w, 9001), 0);
	assert_int_equal(add(w, 9002), -ENOENT);
	assert_int_equal(finish(w), REASON_NONE);
	assert_int_equal(list(w).n, 2);
}

static void another_family_than_the_flows_is_refused(void **state)
{
	struct world *w = *state;
	struct ct_expectation_spec spec = tcp_9000;

	spec.l3 = L3_IPV6;
	begin(w, A4, 1000, B4, 53);
	assert_int_equal(conntrack_add_expectation(w->ct, 0, &w->ref, &spec, w->now), -ENOENT);
	spec.l3 = L3_IPV4;
	assert_int_equal(conntrack_add_expectation(w->ct, 0, &w->ref, &spec, w->now), 0);
}

static void what_another_flow_expects_already_has_the_packet_dropped(void **state)
{
	struct world *w = *state;

	expect_port(w, 1000, 9000);
	begin(w, A4, 1001, B4, 53);
	assert_int_equal(add(w, 9001), 0);
	assert_int_equal(add(w, 9000), -EALREADY);
	/* What has expired stands in nobody's way. */
	wait_ms(w, 60000);
	assert_int_equal(add(w, 9000), 0);
}

static void who_is_faster_until_confirm_has_the_other_dropped(void **state)
{
	struct world *w = *state;
	struct ct_ref slow;

	begin(w, A4, 1001, B4, 53);
	assert_int_equal(add(w, 9001), 0);
	assert_int_equal(add(w, 9000), 0);
	slow = w->ref;
	/* By another worker. */
	raw_udp(&w->raw, A4, 1000, B4, 53, 8);
	look_by(w, 1, &w->ref);
	assert_int_equal(conntrack_add_expectation(w->ct, 1, &w->ref, &other_9000, w->now), 0);
	assert_int_equal(conntrack_confirm(w->ct, 1, &w->packet, w->now, &w->ref), REASON_NONE);
	w->ref = slow;
	assert_int_equal(finish(w), REASON_HELPER);
	/* It takes back what it had before. */
	assert_int_equal(list(w).n, 1);
	assert_int_equal(flows(w), 1);
	assert_int_equal(b_connects(w, 20, 9001), CT_STATE_NEW);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_RELATED);
}

static void it_ends_when_its_time_is_up(void **state)
{
	struct world *w = *state;
	struct conntrack_stats s;

	w->options.timeout[TIMEOUT_UDP] = 1000;
	conntrack_set_options(w->ct, &w->options);
	expect_port(w, 1000, 9000);
	wait_ms(w, 59999);
	assert_int_equal(list(w).n, 1);
	wait_ms(w, 1);
	assert_int_equal(list(w).n, 0);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_NEW);
	conntrack_housekeep(w->ct, 0, w->now);
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.expectations, 0);
	assert_int_equal(s.expect_create, 1);
	assert_int_equal(s.expect_delete, 1);
	assert_int_equal(s.expect_new, 0);
}

static void it_ends_with_its_master_and_children_live_on(void **state)
{
	struct world *w = *state;
	uint32_t index, id;

	begin(w, A4, 1000, B4, 53);
	assert_int_equal(add(w, 9000), 0);
	assert_int_equal(add(w, 9001), 0);
	assert_int_equal(finish(w), REASON_NONE);
	index = (uint32_t)(w->ref.flow - (struct flow *)w->arena.flows);
	id = w->ref.flow->id;
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_RELATED);
	assert_int_equal(list(w).n, 1);

	assert_true(conntrack_delete(w->ct, index, id));
	assert_int_equal(list(w).n, 0);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_RELATED);
	assert_int_equal(b_connects(w, 20, 9001), CT_STATE_NEW);
}

static void it_ends_with_a_master_that_expires(void **state)
{
	struct world *w = *state;

	expect_port(w, 1000, 9000);
	wait_ms(w, 30000);
	assert_int_equal(list(w).n, 1);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(list(w).n, 0);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_NEW);
}

static void it_can_be_deleted_by_index_and_id(void **state)
{
	struct world *w = *state;
	struct listed l;

	expect_port(w, 1000, 9000);
	l = list(w);
	assert_false(conntrack_delete_expectation(w->ct, l.index, l.last.id + 1));
	assert_false(conntrack_delete_expectation(w->ct, 1u << 20, l.last.id));
	assert_true(conntrack_delete_expectation(w->ct, l.index, l.last.id));
	assert_false(conntrack_delete_expectation(w->ct, l.index, l.last.id));
	assert_int_equal(list(w).n, 0);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_NEW);
}

static void there_are_no_more_than_the_option_says(void **state)
{
	struct world *w = *state;

	w->options.expect_max = 2;
	conntrack_set_options(w->ct, &w->options);
	expect_port(w, 1000, 9000);
	expect_port(w, 1001, 9001);
	begin(w, A4, 1002, B4, 53);
	assert_int_equal(add(w, 9002), -EMFILE);
	assert_int_equal(list(w).n, 2);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_RELATED);
	expect_port(w, 1002, 9002);
}

static void records_are_used_again_after_a_grace_period(void **state)
{
	struct world *w = *state;

	for (uint16_t i = 0; i < 1000; i++) {
		expect_port(w, (uint16_t)(1000 + i % 32), 9000);
		assert_int_equal(b_connects(w, (uint16_t)(2000 + i), 9000), CT_STATE_RELATED);
		wait_ms(w, 130000);
		conntrack_housekeep(w->ct, 0, w->now);
	}
	assert_int_equal(list(w).n, 0);
}

static void an_answer_from_any_port_is_tftps_and_the_newest_request_counts(void **state)
{
	struct world *w = *state;
	struct listed l;

	for (int i = 0; i < 2; i++) {
		raw_udp(&w->raw, A4, 3000, B4, 69, 8);
		w->raw.b[raw_l4(&w->raw) + 8] = 0;
		w->raw.b[raw_l4(&w->raw) + 9] = 1;
		raw_fix_l4(&w->raw);
		look_by(w, 0, &w->ref);
		if (i == 0)
			assert_true(conntrack_set_helper(w->ct, 0, &w->ref, HELPER_TFTP));
		assert_int_equal(finish(w), REASON_NONE);
		l = list(w);
		assert_int_equal(l.n, 1);
		assert_int_equal(l.last.expires, w->now.mono + 300 * NSEC_PER_SEC);
		wait_ms(w, 1000);
	}
	raw_udp(&w->raw, B4, 40000, A4, 3000, 4);
	assert_int_equal(pass(w), CT_STATE_RELATED);
	assert_int_equal(w->ref.flow->master_helper, HELPER_TFTP);
	assert_int_equal(w->ref.flow->helper, HELPER_NONE);
}

static void a_line_reads_as_conntracks(void **state)
{
	struct world *w = *state;
	struct text t = TEXT_INIT;
	struct listed l;

	expect_port(w, 1000, 9000);
	l = list(w);
	expect_print(&l.last, w->now.mono, &t);
	assert_string_equal(text_str(&t),
			    "60 proto=6 src=10.0.2.2 dst=10.0.1.2 sport=0 dport=9000 "
			    "mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 "
			    "dport=65535 master-src=10.0.1.2 master-dst=10.0.2.2 sport=1000 "
			    "dport=53 class=0");
	text_fini(&t);
}

/* As the kernel does, which allocates first: the packet comes again, and then is related. */
static void a_full_table_does_not_use_an_expectation_up(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 2);
	assert_int_equal(conntrack_reserve_extensions(w.ct), 0);
	expect_port(&w, 1000, 9000);
	/* The master and another, both of which become streams, and are not dropped early. */
	for (int i = 0; i < 3; i++) {
		a_udp(&w);
		b_udp(&w);
		raw_udp(&w.raw, A4, 7, B4, 53, 8);
		pass(&w);
		raw_udp(&w.raw, B4, 53, A4, 7, 8);
		pass(&w);
		wait_ms(&w, 2500);
	}
	assert_int_equal(list(&w).n, 1);
	b_connects(&w, 20, 9000);
	assert_int_equal(w.reason, REASON_TABLE_FULL);
	assert_int_equal(list(&w).n, 1);
	world_fini(&w);
}

static void ask_for_a_file(struct world *w, const char *client)
{
	static const char request[] = "\0\1file\0octet";

	raw_udp(&w->raw, client, 1000, B4, 69, sizeof(request));
	memcpy(w->raw.b + w->raw.len - sizeof(request), request, sizeof(request));
	raw_fix_l4(&w->raw);
	pass(w);
}

/* Each request replaces the one before, whose record waits for its grace period. */
static void who_asks_again_and_again_does_so_at_nobodys_cost_but_his(void **state)
{
	struct world *w = *state;
	unsigned asked = 0;

	w->options.helpers = HELPER_BIT(HELPER_TFTP);
	w->options.expect_max = 64;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	do
		ask_for_a_file(w, A4);
	while (w->reason == REASON_NONE && ++asked < 10000);
	/* While there are enough he gets them; then he goes without, and others do not. */
	assert_int_equal(w->reason, REASON_HELPER);
	assert_true(asked > EXPECT_PERIOD_MAX);
	for (unsigned i = 0; i < 30; i++) {
		char client[16];

		snprintf(client, sizeof(client), "10.0.1.%u", 100 + i);
		ask_for_a_file(w, client);
		assert_int_equal(w->reason, REASON_NONE);
	}
	ask_for_a_file(w, A4);
	assert_int_equal(w->reason, REASON_HELPER);
	conntrack_housekeep(w->ct, 0, w->now);
	ask_for_a_file(w, A4);
	assert_int_equal(w->reason, REASON_NONE);
}

/* ---- recovery ---- */

static void reopen(struct world *w)
{
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
}

static void expectations_outlive_the_process(void **state)
{
	struct world *w = *state;

	expect_port(w, 1000, 9000);
	expect_port(w, 1001, 9001);
	reopen(w);
	assert_int_equal(conntrack_recovery(w->ct).expectations, 2);
	assert_int_equal(b_connects(w, 20, 9000), CT_STATE_RELATED);
	assert_int_equal(w->ref.flow->master_id, 1);
	/* Its id is not given again, and it still ends with its master. */
	expect_port(w, 1002, 9002);
	assert_int_not_equal(list(w).last.id, 2);
	wait_ms(w, 31000);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(list(w).n, 0);
}

static struct expect *record(struct world *w)
{
	return (struct expect *)w->arena.expects + list(w).index;
}

static void a_damaged_expectation_is_dropped_alone(void **state)
{
	static const size_t at[] = {
		offsetof(struct expect, check), offsetof(struct expect, id),
		offsetof(struct expect, tuple), offsetof(struct expect, class),
		offsetof(struct expect, helper), offsetof(struct expect, master),
		offsetof(struct expect, master_id), offsetof(struct expect, flags),
		offsetof(struct expect, state), offsetof(struct expect, expires) + 7,
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		expect_port(w, 1000, 9000);
		((uint8_t *)record(w))[at[i]] ^= 0x84;
		reopen(w);
		assert_int_equal(conntrack_recovery(w->ct).expectations, 0);
		assert_int_equal(conntrack_recovery(w->ct).kept, 1);
		assert_int_equal(list(w).n, 0);
		wait_ms(w, 31000);
		conntrack_housekeep(w->ct, 0, w->now);
	}
}

static void an_expectation_without_its_master_is_dropped(void **state)
{
	struct world *w = *state;

	expect_port(w, 1000, 9000);
	((struct flow *)w->arena.flows)[record(w)->master].id++;
	reopen(w);
	assert_int_equal(conntrack_recovery(w->ct).expectations, 0);
}

static void of_twins_one_goes_on(void **state)
{
	struct world *w = *state;
	struct expect *e;

	expect_port(w, 1000, 9000);
	e = record(w);
	memcpy((void *)(e + 1), (void *)e, sizeof(*e));
	reopen(w);
	assert_int_equal(conntrack_recovery(w->ct).expectations, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_expected_connection_is_related_until_it_is_answered),
		TEST(it_is_used_up_by_the_first),
		TEST(it_is_used_up_by_a_packet_that_the_rules_drop),
		TEST(another_address_port_or_protocol_is_not_expected),
		TEST(nothing_is_expected_before_the_master_is_confirmed),
		TEST(only_a_flow_that_is_not_confirmed_may_add_one),
		TEST(a_flow_may_have_as_many_as_its_object_says),
		TEST(another_family_than_the_flows_is_refused),
		TEST(what_another_flow_expects_already_has_the_packet_dropped),
		TEST(who_is_faster_until_confirm_has_the_other_dropped),
		TEST(who_asks_again_and_again_does_so_at_nobodys_cost_but_his),
		TEST(it_ends_when_its_time_is_up),
		TEST(it_ends_with_its_master_and_children_live_on),
		TEST(it_ends_with_a_master_that_expires),
		TEST(it_can_be_deleted_by_index_and_id),
		TEST(there_are_no_more_than_the_option_says),
		TEST(records_are_used_again_after_a_grace_period),
		TEST(an_answer_from_any_port_is_tftps_and_the_newest_request_counts),
		TEST(a_line_reads_as_conntracks),
		cmocka_unit_test(a_full_table_does_not_use_an_expectation_up),
		TEST(expectations_outlive_the_process),
		TEST(a_damaged_expectation_is_dropped_alone),
		TEST(an_expectation_without_its_master_is_dropped),
		TEST(of_twins_one_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
