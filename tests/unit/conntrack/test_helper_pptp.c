/* Tests of what tests/scenarios/helpers-pptp.scn cannot say of PPTP: connections that speak of the
 * same packets, restarts, and notes that are not to be believed. */
#include "tracking.h"

#include "conntrack/private.h"
#include "ctfw/helper.h"
#include "pptp_talk.h"

#define PORT 1723
#define PNS 23
#define PAC 77

static uint32_t seq[2];

static int setup(void **state)
{
	struct world *w;
	int err = world_setup(state, 64);

	w = *state;
	w->options.helpers = HELPER_BIT(HELPER_PPTP);
	assert_int_equal(conntrack_set_options(w->ct, &w->options), 0);
	return err;
}

static void say(struct world *w, uint16_t port, bool back, enum pptp_kind kind, uint16_t first,
		uint16_t second)
{
	uint8_t message[PPTP_LONGEST];
	size_t len = pptp_message(message, kind, first, second);

	if (back)
		raw_tcp(&w->raw, B4, PORT, A4, port, TCP_PSH | TCP_ACK, seq[1], seq[0], len);
	else
		raw_tcp(&w->raw, A4, port, B4, PORT, TCP_PSH | TCP_ACK, seq[0], seq[1], len);
	memcpy(w->raw.b + 40, message, len);
	raw_fix_l4(&w->raw);
	seq[back] += (uint32_t)len;
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	assert_int_equal(w->reason, REASON_NONE);
}

/* A session, and a call in it. */
static void call(struct world *w, uint16_t port, uint16_t pns, uint16_t pac)
{
	seq[0] = 101;
	seq[1] = 501;
	raw_tcp(&w->raw, A4, port, B4, PORT, TCP_SYN, 100, 0, 0);
	assert_int_equal(pass(w), CT_STATE_NEW);
	raw_tcp(&w->raw, B4, PORT, A4, port, TCP_SYN | TCP_ACK, 500, 101, 0);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	raw_tcp(&w->raw, A4, port, B4, PORT, TCP_ACK, 101, 501, 0);
	assert_int_equal(pass(w), CT_STATE_ESTABLISHED);
	say(w, port, false, PPTP_START, 0x100, 0);
	say(w, port, true, PPTP_STARTED, 0x100, 0);
	say(w, port, false, PPTP_CALL, pns, 1);
	say(w, port, true, PPTP_CALLED, pac, pns);
}

static enum ct_state gre_of_a(struct world *w, uint16_t id)
{
	raw_call(&w->raw, A4, B4, id);
	return pass(w);
}

static enum ct_state gre_of_b(struct world *w, uint16_t id)
{
	raw_call(&w->raw, B4, A4, id);
	return pass(w);
}

static unsigned mapped(const struct world *w)
{
	return atomic_load(&w->ct->keymap.count);
}

static void end_all(struct world *w)
{
	for (uint32_t i = 0; i < w->ct->table.n_records; i++) {
		if (atomic_load(&w->ct->table.records[i].status) & FLOW_CONFIRMED)
			conntrack_delete(w->ct, i, w->ct->table.records[i].id);
	}
}

static void nothing_is_mapped_once_all_flows_are_gone(void **state)
{
	struct world *w = *state;

	call(w, 1000, PNS, PAC);
	assert_int_equal(mapped(w), 2);
	assert_int_equal(gre_of_a(w, PAC), CT_STATE_RELATED);
	assert_int_equal(gre_of_b(w, PNS), CT_STATE_ESTABLISHED);
	end_all(w);
	assert_int_equal(mapped(w), 0);
	assert_int_equal(flows(w), 0);
	assert_int_equal(gre_of_a(w, PAC), CT_STATE_NEW);
}

/* The client has lost its connection, and chooses its ids anew. */
static void of_two_calls_with_the_same_packets_the_newer_one_counts(void **state)
{
	struct world *w = *state;
	struct the_one old;

	call(w, 1000, PNS, PAC);
	old = only_flow(w);
	assert_int_equal(gre_of_a(w, PAC), CT_STATE_RELATED);
	call(w, 1001, PNS, PAC + 1);
	assert_int_equal(mapped(w), 3);
	assert_int_equal(gre_of_b(w, PNS), CT_STATE_RELATED);
	assert_int_equal(w->ref.flow->tuple[DIR_ORIGINAL].sport, htons(PAC + 1));
	assert_int_equal(gre_of_a(w, PAC + 1), CT_STATE_ESTABLISHED);
	/* The older one takes nothing of the newer one's along. */
	assert_true(conntrack_delete(w->ct, old.index, old.flow.id));
	assert_int_equal(mapped(w), 2);
	assert_int_equal(gre_of_b(w, PNS), CT_STATE_ESTABLISHED);
	assert_int_equal(gre_of_a(w, PAC + 1), CT_STATE_ESTABLISHED);
}

static void reopen(struct world *w)
{
	conntrack_free(w->ct);
	world_open(w);
}

static void a_call_outlives_the_process(void **state)
{
	struct world *w = *state;

	call(w, 1000, PNS, PAC);
	assert_int_equal(gre_of_a(w, PAC), CT_STATE_RELATED);
	reopen(w);
	assert_int_equal(mapped(w), 2);
	assert_int_equal(gre_of_b(w, PNS), CT_STATE_ESTABLISHED);
	assert_int_equal(gre_of_a(w, PAC), CT_STATE_ESTABLISHED);
	say(w, 1000, true, PPTP_OVER, PAC, 0);
	assert_int_equal(mapped(w), 0);
	assert_int_equal(flows(w), 1);
}

static void so_does_one_that_is_only_expected(void **state)
{
	struct world *w = *state;

	call(w, 1000, PNS, PAC);
	reopen(w);
	assert_int_equal(conntrack_recovery(w->ct).expectations, 2);
	assert_int_equal(gre_of_b(w, PNS), CT_STATE_RELATED);
	assert_int_equal(gre_of_a(w, PAC), CT_STATE_ESTABLISHED);
}

static void notes_may_hold_anything(void **state)
{
	struct world *w = *state;
	uint8_t *notes;

	for (unsigned byte = 0; byte < 256; byte += 5) {
		end_all(w);
		conntrack_housekeep(w->ct, 0, w->now);
		call(w, (uint16_t)(1000 + byte), PNS, PAC);
		notes = ((struct flow_ext *)w->arena.exts)[only_flow(w).index].helper;
		memset(notes, (int)byte, 24);
		reopen(w);
		say(w, (uint16_t)(1000 + byte), true, PPTP_CALLED, PAC, PNS);
		say(w, (uint16_t)(1000 + byte), true, PPTP_OVER, PAC, 0);
		assert_int_equal(mapped(w), 0);
	}
}

/* Who has no helper leaves nothing behind that it would have to take back. */
static void a_helper_that_the_status_does_not_tell_of_is_none(void **state)
{
	struct world *w = *state;
	struct the_one control;

	call(w, 1000, PNS, PAC);
	control = only_flow(w);
	atomic_fetch_and(&w->ct->table.records[control.index].status, ~(uint32_t)FLOW_HELPER);
	reopen(w);
	end_all(w);
	assert_int_equal(mapped(w), 0);
	/* The record is another connection's then, with a call of its own. */
	conntrack_housekeep(w->ct, 0, w->now);
	call(w, 1001, PNS + 1, PAC + 1);
	assert_int_equal(only_flow(w).index, control.index);
	assert_int_equal(mapped(w), 2);
	end_all(w);
	assert_int_equal(mapped(w), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(nothing_is_mapped_once_all_flows_are_gone),
		TEST(of_two_calls_with_the_same_packets_the_newer_one_counts),
		TEST(a_call_outlives_the_process),
		TEST(so_does_one_that_is_only_expected),
		TEST(notes_may_hold_anything),
		TEST(a_helper_that_the_status_does_not_tell_of_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
