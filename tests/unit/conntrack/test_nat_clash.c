/* Tests of two workers that begin a flow from both of its ends at once, where there are rules of
 * NAT that say nothing about it: conntrack.md 9.2. */
#include "tracking.h"

#include "ctfw/nat.h"

static int setup(void **state)
{
	return world_setup(state, 64);
}

static void bind_to_nothing(struct world *w, unsigned worker, const struct ct_ref *ref)
{
	static const struct nat_range as_it_is = { .flags = 0 };

	conntrack_nat_setup(w->ct, worker, ref, NAT_MANIP_DST, &as_it_is);
	conntrack_nat_setup(w->ct, worker, ref, NAT_MANIP_SRC, &as_it_is);
}

/* Both are looked up before the first is confirmed.  What becomes of the second. */
static enum reason meet(struct world *w, struct raw raw[2], struct ct_ref ret_ref[2])
{
	enum reason reason = REASON_NONE;
	struct packet p[2];

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(packet_parse(raw[i].b, raw[i].len, NULL, &p[i]), REASON_NONE);
		assert_int_equal(conntrack_in(w->ct, i, &p[i], ZONE_NONE, w->now, &ret_ref[i]),
				 REASON_NONE);
		assert_int_equal(ret_ref[i].state, CT_STATE_NEW);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(reason, REASON_NONE);
		bind_to_nothing(w, i, &ret_ref[i]);
		reason = conntrack_confirm(w->ct, i, &p[i], w->now, &ret_ref[i]);
	}
	return reason;
}

/* The second finds its answer's tuple taken by the first, and keeps its port all the same. */
static void datagrams_towards_each_other_are_one_flow(void **state)
{
	static struct raw raw[2];
	struct world *w = *state;
	struct conntrack_stats s;
	struct ct_ref ref[2];

	raw_udp(&raw[0], A4, 1000, B4, 2000, 8);
	raw_udp(&raw[1], B4, 2000, A4, 1000, 8);
	assert_int_equal(meet(w, raw, ref), REASON_NONE);
	assert_ptr_equal(ref[0].flow, ref[1].flow);
	assert_int_equal(ref[1].dir, DIR_REPLY);
	assert_false(nat_rewrites(ref[0].flow));
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.flows, 1);
	assert_int_equal(s.clash_resolve, 1);
}

/* TCP's do not become one; another port does not help who begins what is another's answer. */
static void of_tcp_the_second_has_lost(void **state)
{
	static struct raw raw[2];
	struct world *w = *state;
	struct ct_ref ref[2];

	raw_tcp(&raw[0], A4, 1000, B4, 2000, TCP_SYN, 1, 0, 0);
	raw_tcp(&raw[1], B4, 2000, A4, 1000, TCP_SYN, 1, 0, 0);
	assert_int_equal(meet(w, raw, ref), REASON_CLASH);
	assert_int_equal(flows(w), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(datagrams_towards_each_other_are_one_flow),
		TEST(of_tcp_the_second_has_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
