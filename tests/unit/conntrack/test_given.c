/* What rules give to flows: zones, timeout policies, labels, ids, events
 * (conntrack.md 1.7, 1.9, 4.8). */
#include "tracking.h"

#define NEW CT_STATE_NEW
#define EST CT_STATE_ESTABLISHED
#define REL CT_STATE_RELATED
#define INV CT_STATE_INVALID

static int setup(void **state)
{
	return world_setup(state, 64);
}

/* ---- zones ---- */

/* The packet in w->raw in a zone, to its end. */
static enum ct_state pass_in(struct world *w, uint16_t original, uint16_t reply)
{
	const struct ct_zone zone = { original, reply };

	assert_int_equal(packet_parse(w->raw.b, w->raw.len, NULL, &w->packet), REASON_NONE);
	conntrack_prefetch(w->ct, &w->packet, zone);
	assert_int_equal(conntrack_in(w->ct, 0, &w->packet, zone, w->now, &w->ref),
			 REASON_NONE);
	assert_int_equal(conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref), REASON_NONE);
	return w->ref.state;
}

static void question(struct world *w)
{
	raw_udp(&w->raw, A4, 1000, B4, 53, 8);
}

static void answer(struct world *w)
{
	raw_udp(&w->raw, B4, 53, A4, 1000, 8);
}

static void r05_an_answer_without_the_zone_is_another_flow(void **state)
{
	struct world *w = *state;

	question(w);
	assert_int_equal(pass_in(w, 5, 5), NEW);
	answer(w);
	assert_int_equal(pass_in(w, 0, 0), NEW);
	assert_int_equal(flows(w), 2);
	assert_int_equal(pass_in(w, 5, 5), EST);
	assert_int_equal(flows(w), 2);
}

static void a_zone_of_one_direction_is_asked_for_in_that_direction_only(void **state)
{
	struct world *w = *state;

	question(w);
	assert_int_equal(pass_in(w, 5, 0), NEW);
	assert_int_equal(w->ref.flow->tuple[DIR_ORIGINAL].zone, 5);
	assert_int_equal(w->ref.flow->tuple[DIR_REPLY].zone, 0);
	/* The reply's zone is the usual one: whoever says nothing finds it. */
	answer(w);
	assert_int_equal(pass_in(w, 0, 0), EST);
	assert_int_equal(w->ref.dir, DIR_REPLY);
	/* So does whoever gives a zone to the original direction: found by the other. */
	assert_int_equal(pass_in(w, 7, 0), EST);
	assert_int_equal(flows(w), 1);
	/* Its own direction has it in zone 5 alone. */
	question(w);
	assert_int_equal(pass_in(w, 5, 0), EST);
	assert_int_equal(w->ref.dir, DIR_ORIGINAL);
	assert_int_equal(pass_in(w, 0, 6), NEW);
	assert_int_equal(flows(w), 2);
}

static void the_zone_of_the_other_direction_does_not_find_the_tuple(void **state)
{
	struct world *w = *state;

	question(w);
	assert_int_equal(pass_in(w, 0, 6), NEW);
	assert_int_equal(w->ref.flow->tuple[DIR_REPLY].zone, 6);
	/* In zone 6 only as a reply: as an original packet of zones 6 and 0 it is new. */
	answer(w);
	packet_parse(w->raw.b, w->raw.len, NULL, &w->packet);
	conntrack_in(w->ct, 0, &w->packet, (struct ct_zone){ 6, 0 }, w->now, &w->ref);
	assert_int_equal(w->ref.state, NEW);
}

static void an_error_belongs_to_the_flow_of_its_zone(void **state)
{
	struct world *w = *state;
	struct raw sent;

	question(w);
	sent = w->raw;
	assert_int_equal(pass_in(w, 5, 5), NEW);
	raw_icmp_error(&w->raw, ROUTER4, A4, 3, 3, &sent, 28);
	assert_int_equal(pass_in(w, 0, 0), INV);
	assert_int_equal(pass_in(w, 5, 5), REL);
}

/* ---- timeout policies ---- */

static struct ct_policy policy_of(uint8_t l4)
{
	struct ct_policy p = { .l4 = l4 };

	for (unsigned i = 0; i < TIMEOUT_COUNT; i++)
		p.timeout[i] = CT_POLICY_UNSAID;
	return p;
}

static void define_tcp(struct world *w, uint16_t number)
{
	struct ct_policy p = policy_of(IPPROTO_TCP);

	p.first = p.timeout[TIMEOUT_TCP_SYN_SENT] = 7;
	p.timeout[TIMEOUT_TCP_ESTABLISHED] = 50;
	conntrack_define_policy(w->ct, number, &p);
}

/* As a rule does that the first packet meets. */
static enum ct_state begin_with(struct world *w, uint16_t policy)
{
	look_by(w, 0, &w->ref);
	conntrack_set_policy(w->ct, 0, &w->ref, policy);
	assert_int_equal(conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref), REASON_NONE);
	return w->ref.state;
}

static void begin_tcp_with(struct world *w, uint16_t policy)
{
	raw_tcp(&w->raw, A4, 1000, B4, 80, TCP_SYN, 100, 0, 0);
	assert_int_equal(begin_with(w, policy), NEW);
}

static void t59_a_policy_replaces_what_it_names_and_nothing_else(void **state)
{
	struct world *w = *state;

	define_tcp(w, 3);
	begin_tcp_with(w, 3);
	assert_int_equal(seconds_left(w), 7);
	assert_int_equal(b_tcp(w, TCP_SYN | TCP_ACK, 500, 101), EST);
	assert_int_equal(seconds_left(w), 60);
	assert_int_equal(a_tcp(w, TCP_ACK, 101, 501), EST);
	assert_int_equal(seconds_left(w), 50);
}

static void the_first_timeout_is_the_policys_whatever_the_state(void **state)
{
	struct world *w = *state;

	w->options.tcp_loose = TCP_LOOSE_YES;
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	define_tcp(w, 3);
	raw_tcp(&w->raw, A4, 1000, B4, 80, TCP_ACK, 100, 1, 0);
	assert_int_equal(begin_with(w, 3), NEW);
	assert_int_equal(seconds_left(w), 7);
}

static void udp_under_a_policy_becomes_a_stream_as_ever(void **state)
{
	struct ct_policy p = policy_of(IPPROTO_UDP);
	struct world *w = *state;

	p.first = p.timeout[TIMEOUT_UDP] = 5;
	p.timeout[TIMEOUT_UDP_STREAM] = 40;
	conntrack_define_policy(w->ct, CT_POLICY_MAX, &p);
	question(w);
	assert_int_equal(begin_with(w, CT_POLICY_MAX), NEW);
	assert_int_equal(seconds_left(w), 5);
	b_udp(w);
	assert_int_equal(seconds_left(w), 5);
	wait_ms(w, 2001);
	a_udp(w);
	assert_int_equal(seconds_left(w), 40);
}

static void a_policy_of_another_protocol_is_not_given(void **state)
{
	struct world *w = *state;

	define_tcp(w, 3);
	question(w);
	assert_int_equal(begin_with(w, 3), NEW);
	assert_int_equal(seconds_left(w), 30);
	assert_int_equal(atomic_load(&w->ref.flow->policy), 0);
}

static void a_flow_of_the_table_gets_no_policy(void **state)
{
	struct world *w = *state;

	define_tcp(w, 3);
	begin_tcp_with(w, 0);
	raw_tcp(&w->raw, B4, 80, A4, 1000, TCP_SYN | TCP_ACK, 500, 101, 0);
	assert_int_equal(begin_with(w, 3), EST);
	assert_int_equal(seconds_left(w), 60);
	assert_int_equal(atomic_load(&w->ref.flow->policy), 0);
}

static void a_flow_whose_policy_goes_has_the_options_timeouts(void **state)
{
	const uint64_t four[CT_POLICY_WORDS] = { 1 << 4 };
	struct world *w = *state;

	define_tcp(w, 3);
	define_tcp(w, 4);
	begin_tcp_with(w, 3);
	conntrack_keep_policies(w->ct, four);
	assert_int_equal(only_flow(w).flow.policy, 0);
	/* Who gets the number next is no concern of the flow's. */
	define_tcp(w, 3);
	assert_int_equal(b_tcp(w, TCP_SYN | TCP_ACK, 500, 101), EST);
	assert_int_equal(a_tcp(w, TCP_ACK, 101, 501), EST);
	assert_int_equal(seconds_left(w), 432000);
}

static void a_policy_that_is_kept_stays(void **state)
{
	const uint64_t three[CT_POLICY_WORDS] = { 1 << 3 };
	struct world *w = *state;

	define_tcp(w, 3);
	begin_tcp_with(w, 3);
	conntrack_keep_policies(w->ct, three);
	assert_int_equal(only_flow(w).flow.policy, 3);
}

/* Kill the process, start the next. */
static void restart(struct world *w)
{
	conntrack_free(w->ct);
	world_open(w);
	assert_int_equal(conntrack_recovery(w->ct).kept, 1);
}

static void a_policy_is_found_again_by_its_number(void **state)
{
	const uint64_t three[CT_POLICY_WORDS] = { 1 << 3 };
	struct world *w = *state;

	define_tcp(w, 3);
	begin_tcp_with(w, 3);
	restart(w);
	define_tcp(w, 3);
	conntrack_keep_policies(w->ct, three);
	b_tcp(w, TCP_SYN | TCP_ACK, 500, 101);
	a_tcp(w, TCP_ACK, 101, 501);
	assert_int_equal(seconds_left(w), 50);
}

static void a_policy_that_is_not_found_again_is_taken_away(void **state)
{
	const uint64_t none[CT_POLICY_WORDS] = { 0 };
	struct world *w = *state;

	define_tcp(w, 3);
	begin_tcp_with(w, 3);
	restart(w);
	conntrack_keep_policies(w->ct, none);
	assert_int_equal(only_flow(w).flow.policy, 0);
}

/* ---- labels ---- */

static void labels(struct world *w, uint64_t low, uint64_t high)
{
	struct the_one one = only_flow(w);
	uint64_t label[2];

	conntrack_labels(w->ct, one.index, &one.flow, label);
	assert_int_equal(label[0], low);
	assert_int_equal(label[1], high);
}

static void set_label(struct world *w, unsigned bit)
{
	uint64_t label[2] = { 0 };

	label[bit / 64] = UINT64_C(1) << bit % 64;
	conntrack_set_label(w->ct, 0, &w->ref, label);
}

static void labels_add_up_and_none_is_cleared(void **state)
{
	struct world *w = *state;

	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
	question(w);
	look_by(w, 0, &w->ref);
	assert_null(conntrack_ext(w->ct, 0, &w->ref));
	set_label(w, 5);
	assert_int_equal(conntrack_ext(w->ct, 0, &w->ref)->label[0], 1 << 5);
	conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref);
	labels(w, 1 << 5, 0);
	b_udp(w);
	set_label(w, 127);
	labels(w, 1 << 5, UINT64_C(1) << 63);
	assert_int_equal(conntrack_ext(w->ct, 0, &w->ref)->label[0], 1 << 5);
}

static void a_new_flow_has_none_of_the_labels_of_its_records_last(void **state)
{
	struct world *w = *state;
	struct the_one one;

	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
	a_udp(w);
	set_label(w, 5);
	one = only_flow(w);
	assert_true(conntrack_delete(w->ct, one.index, one.flow.id));
	conntrack_housekeep(w->ct, 0, w->now);
	a_udp(w);
	assert_int_equal(only_flow(w).index, one.index);
	labels(w, 0, 0);
	set_label(w, 6);
	labels(w, 1 << 6, 0);
}

static void labels_outlive_the_process(void **state)
{
	struct world *w = *state;

	assert_int_equal(conntrack_reserve_extensions(w->ct), 0);
	a_udp(w);
	set_label(w, 64);
	restart(w);
	labels(w, 0, 1);
}

static void without_memory_for_them_no_label_is_set(void **state)
{
	struct world *w = *state;

	a_udp(w);
	set_label(w, 5);
	labels(w, 0, 0);
}

/* ---- ids and events ---- */

static void a_flow_that_begins_has_an_id_once_it_is_asked_for(void **state)
{
	struct world *w = *state;
	uint32_t id;

	question(w);
	look_by(w, 0, &w->ref);
	assert_int_equal(w->ref.flow->id, 0);
	conntrack_need_id(w->ct, &w->ref);
	id = w->ref.flow->id;
	assert_int_not_equal(id, 0);
	conntrack_need_id(w->ct, &w->ref);
	assert_int_equal(w->ref.flow->id, id);
	conntrack_confirm(w->ct, 0, &w->packet, w->now, &w->ref);
	assert_int_equal(only_flow(w).flow.id, id);
	/* The next one's is another. */
	raw_udp(&w->raw, A4, 1001, B4, 53, 8);
	pass(w);
	assert_int_not_equal(w->ref.flow->id, id);
}

static void events_that_a_rule_did_not_name_are_off(void **state)
{
	struct world *w = *state;

	a_udp(w);
	assert_int_equal(atomic_load(&w->ref.flow->events_off), 0);
	flow_set_events(w->ref.flow, 0x5);
	assert_int_equal(only_flow(w).flow.events_off, 0xfffa);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(r05_an_answer_without_the_zone_is_another_flow),
		TEST(a_zone_of_one_direction_is_asked_for_in_that_direction_only),
		TEST(the_zone_of_the_other_direction_does_not_find_the_tuple),
		TEST(an_error_belongs_to_the_flow_of_its_zone),
		TEST(t59_a_policy_replaces_what_it_names_and_nothing_else),
		TEST(the_first_timeout_is_the_policys_whatever_the_state),
		TEST(udp_under_a_policy_becomes_a_stream_as_ever),
		TEST(a_policy_of_another_protocol_is_not_given),
		TEST(a_flow_of_the_table_gets_no_policy),
		TEST(a_flow_whose_policy_goes_has_the_options_timeouts),
		TEST(a_policy_that_is_kept_stays),
		TEST(a_policy_is_found_again_by_its_number),
		TEST(a_policy_that_is_not_found_again_is_taken_away),
		TEST(labels_add_up_and_none_is_cleared),
		TEST(a_new_flow_has_none_of_the_labels_of_its_records_last),
		TEST(labels_outlive_the_process),
		TEST(without_memory_for_them_no_label_is_set),
		TEST(a_flow_that_begins_has_an_id_once_it_is_asked_for),
		TEST(events_that_a_rule_did_not_name_are_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
