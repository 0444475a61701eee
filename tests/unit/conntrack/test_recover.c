/* What a killed process leaves in the arena, and what becomes of it. */
#include "tracking.h"

#include <unistd.h>

#include "conntrack/record.h"

static int setup(void **state)
{
	return world_setup(state, 64);
}

/* Kill the process, start the next. */
static struct conntrack_recovery restart(struct world *w)
{
	conntrack_free(w->ct);
	world_open(w);
	return conntrack_recovery(w->ct);
}

static struct flow *record(struct world *w, uint32_t index)
{
	return (struct flow *)w->arena.flows + index;
}

/* Its identity was changed by somebody who knows how to sign it. */
static void sign(struct world *w, struct flow *f)
{
	const struct siphash_key key = { w->arena.header->key[0], w->arena.header->key[1] };

	f->check = record_check(&key, f);
}

static void expect(struct world *w, uint32_t kept, uint32_t torn, uint32_t damaged,
		   uint32_t expired)
{
	struct conntrack_recovery r = restart(w);

	assert_int_equal(r.kept, kept);
	assert_int_equal(r.torn, torn);
	assert_int_equal(r.damaged, damaged);
	assert_int_equal(r.expired, expired);
	assert_int_equal(flows(w), kept);
	assert_int_equal(alive(w), kept);
}

static void shake_hands(struct world *w)
{
	assert_int_equal(a_tcp(w, TCP_SYN, 100, 0), CT_STATE_NEW);
	assert_int_equal(b_tcp(w, TCP_SYN | TCP_ACK, 500, 101), CT_STATE_ESTABLISHED);
	assert_int_equal(a_tcp(w, TCP_ACK, 101, 501), CT_STATE_ESTABLISHED);
}

static void a_new_arena_holds_nothing(void **state)
{
	expect(*state, 0, 0, 0, 0);
}

static void flows_go_on_after_a_restart(void **state)
{
	struct world *w = *state;
	struct conntrack_stats s;
	struct the_one before, after;

	shake_hands(w);
	flow_set_mark(w->ref.flow, 7);
	before = only_flow(w);
	expect(w, 1, 0, 0, 0);
	after = only_flow(w);
	assert_memory_equal(&before.flow, &after.flow, sizeof(before.flow));
	conntrack_stats(w->ct, &s);
	assert_int_equal(s.peak, 1);
	assert_int_equal(s.by_kind[CT_TCP], 1);
	assert_int_equal(s.by_tcp_state[TCPS_ESTABLISHED], 1);
	/* Both directions are known, and ids go on. */
	assert_int_equal(b_tcp(w, TCP_ACK, 501, 101), CT_STATE_ESTABLISHED);
	assert_int_equal(a_tcp(w, TCP_ACK, 101, 501), CT_STATE_ESTABLISHED);
	assert_int_equal(a_udp(w), CT_STATE_NEW);
	assert_int_equal(w->ref.flow->id, before.flow.id + 1);
}

static void ids_go_on_behind_the_last_even_when_their_counter_is_lost(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		raw_udp(&w->raw, A4, (uint16_t)(i + 1), B4, 53, 8);
		pass(w);
	}
	atomic_store(&w->arena.header->next_flow_id, 1);
	expect(w, 3, 0, 0, 0);
	a_udp(w);
	assert_int_equal(w->ref.flow->id, 4);
	atomic_store(&w->arena.header->next_flow_id, 0);
	a_tcp(w, TCP_SYN, 1, 0);
	assert_int_equal(w->ref.flow->id, 1); /* 0 is no id */
}

static void free_records_are_used_before_fresh_ones(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 4; i++) {
		raw_udp(&w->raw, A4, (uint16_t)(i + 1), B4, 53, 8);
		pass(w);
	}
	assert_true(conntrack_delete(w->ct, 1, 2));
	assert_true(conntrack_delete(w->ct, 2, 3));
	expect(w, 2, 0, 0, 0);
	a_udp(w);
	assert_ptr_equal(w->ref.flow, record(w, 1));
	raw_udp(&w->raw, A4, 7, B4, 53, 8);
	pass(w);
	assert_ptr_equal(w->ref.flow, record(w, 2));
	raw_udp(&w->raw, A4, 8, B4, 53, 8);
	pass(w);
	assert_ptr_equal(w->ref.flow, record(w, 4));
}

static void records_that_were_never_used_are_not_looked_at(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		raw_udp(&w->raw, A4, (uint16_t)(i + 1), B4, 53, 8);
		pass(w);
	}
	assert_int_equal(atomic_load(&w->arena.header->flows_fresh), 3);
	*record(w, 10) = *record(w, 0);
	expect(w, 3, 0, 0, 0);
	assert_int_equal(atomic_load(&w->arena.header->flows_fresh), 3);
	/* An earlier version did not say where these begin; and nobody has to believe it. */
	atomic_store(&w->arena.header->flows_fresh, 0);
	expect(w, 3, 0, 1, 0);
	atomic_store(&w->arena.header->flows_fresh, UINT32_MAX);
	expect(w, 3, 0, 0, 0);
	assert_int_equal(atomic_load(&w->arena.header->flows_fresh), 3);
	/* The next has one behind it. */
	raw_udp(&w->raw, A4, 9, B4, 53, 8);
	pass(w);
	assert_ptr_equal(w->ref.flow, record(w, 3));
	expect(w, 4, 0, 0, 0);
}

/* It would be waited for for ever. */
static void a_record_behind_a_wrong_mark_may_be_locked(void **state)
{
	struct world *w = *state;

	a_udp(w);
	expect(w, 1, 0, 0, 0);
	for (uint32_t i = 1; i < w->arena.header->flow_records; i++)
		atomic_store(&record(w, i)->word, 7);
	alarm(10);
	assert_int_equal(a_tcp(w, TCP_SYN, 100, 0), CT_STATE_NEW);
	alarm(0);
	assert_ptr_equal(w->ref.flow, record(w, 1));
	assert_int_equal(atomic_load(&record(w, 1)->word) & 1, 0);
}

static void an_expired_flow_is_dropped(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	a_udp(w);
	wait_ms(w, 30000);
	expect(w, 1, 0, 0, 1);
	expect(w, 1, 0, 0, 0);
}

static void a_torn_flow_is_kept_and_unlocked(void **state)
{
	struct world *w = *state;
	struct flow *f;

	shake_hands(w);
	f = w->ref.flow;
	f->proto.tcp.side[0] = (struct flow_tcp_side){ 1, 2, 3, 4, 5, 0xff, { 0 } };
	atomic_fetch_add(&f->word, 1);
	expect(w, 1, 1, 0, 0);
	/* Its windows are forgotten, and that its side began to close is not.  What was agreed
	 * on nobody knows any more, so that it is met with liberality (0x08). */
	assert_int_equal(f->proto.tcp.side[0].td_maxwin, 0);
	assert_int_equal(f->proto.tcp.side[0].td_end, 0);
	assert_int_equal(f->proto.tcp.side[0].flags, 0x04 | 0x02 | 0x08);
	assert_int_equal(f->proto.tcp.side[1].flags, 0x02 | 0x08);
	assert_int_equal(b_tcp(w, TCP_ACK, 501, 101), CT_STATE_ESTABLISHED);
	assert_int_equal(a_tcp(w, TCP_ACK, 3000000000, 77), CT_STATE_ESTABLISHED);
	assert_int_equal(b_tcp(w, TCP_ACK, 2000000000, 5), CT_STATE_ESTABLISHED);
	expect(w, 1, 0, 0, 0);
}

static void what_passed_while_nobody_looked_is_not_held_against_a_flow(void **state)
{
	struct world *w = *state;

	shake_hands(w);
	expect(w, 1, 0, 0, 0);
	assert_int_equal(a_tcp(w, TCP_ACK, 100000000, 501), CT_STATE_INVALID);
	conntrack_relearn_windows(w->ct);
	assert_int_equal(a_tcp(w, TCP_ACK, 100000000, 501), CT_STATE_ESTABLISHED);
	assert_int_equal(b_tcp(w, TCP_ACK, 501, 100000000), CT_STATE_ESTABLISHED);
}

static void what_a_handshake_agrees_on_is_not_forgotten(void **state)
{
	struct world *w = *state;

	assert_int_equal(a_tcp(w, TCP_SYN, 100, 0), CT_STATE_NEW);
	expect(w, 1, 0, 0, 0);
	conntrack_relearn_windows(w->ct);
	assert_int_equal(record(w, 0)->proto.tcp.side[0].td_end, 101);
	assert_int_equal(b_tcp(w, TCP_SYN | TCP_ACK, 500, 101), CT_STATE_ESTABLISHED);
}

static void a_scale_that_no_syn_can_have_said_is_forgotten(void **state)
{
	struct world *w = *state;
	struct flow *f;

	shake_hands(w);
	f = w->ref.flow;
	f->proto.tcp.last_wscale = 200;
	expect(w, 1, 0, 0, 0);
	assert_int_equal(f->proto.tcp.last_wscale, 0);
	f->proto.tcp.side[1].td_scale = 15;
	expect(w, 1, 0, 0, 0);
	assert_int_equal(f->proto.tcp.side[1].td_scale, 0);
}

static void status_bits_that_do_not_exist_are_cleared(void **state)
{
	struct world *w = *state;

	a_udp(w);
	b_udp(w);
	atomic_fetch_or(&w->ref.flow->status, 0xfffff800 & ~(uint32_t)FLOW_HELPER);
	expect(w, 1, 0, 0, 0);
	assert_int_equal(status_of_it(w), FLOW_CONFIRMED | FLOW_SEEN_REPLY);
}

static void a_flow_that_was_dying_or_not_yet_linked_is_gone(void **state)
{
	struct world *w = *state;

	a_udp(w);
	atomic_fetch_or(&w->ref.flow->status, FLOW_DYING);
	expect(w, 0, 0, 0, 0);
	a_udp(w);
	atomic_fetch_and(&w->ref.flow->status, ~(uint32_t)FLOW_CONFIRMED);
	expect(w, 0, 0, 0, 0);
	/* Half-written: the word locked, no checksum yet. */
	a_udp(w);
	w->ref.flow->check = 0;
	atomic_fetch_add(&w->ref.flow->word, 1);
	expect(w, 0, 0, 0, 0);
	assert_int_equal(a_udp(w), CT_STATE_NEW);
	assert_int_equal(w->reason, REASON_NONE);
	assert_int_equal(alive(w), 1);
}

static void every_byte_of_the_identity_is_checked(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < offsetof(struct flow, route); i++) {
		uint32_t kept = i % 2;

		if (kept)
			shake_hands(w);
		a_udp(w);
		((uint8_t *)w->ref.flow)[i] ^= 0x40;
		expect(w, kept, 0, 1, 0);
		/* The damaged one is free, the other goes on. */
		expect(w, kept, 0, 0, 0);
		assert_int_equal(a_udp(w), CT_STATE_NEW);
		conntrack_delete(w->ct, 0, record(w, 0)->id);
		conntrack_delete(w->ct, 1, record(w, 1)->id);
		expect(w, 0, 0, 0, 0);
	}
}

static void signed_nonsense_is_damaged_too(void **state)
{
	struct world *w = *state;
	struct flow *f;

#define NONSENSE(change)                                                                      \
	do {                                                                                  \
		shake_hands(w);                                                               \
		f = w->ref.flow;                                                              \
		change;                                                                       \
		sign(w, f);                                                                   \
		expect(w, 0, 0, 1, 0);                                                        \
	} while (0)

	NONSENSE(f->tuple[0].l3 = 9);
	NONSENSE(f->tuple[1].l3 = L3_IPV6);
	NONSENSE(f->tuple[1].l4 = 17);
	NONSENSE(f->tuple[0].src.b[15] = 1);
	NONSENSE(f->tuple[1].dst.b[4] = 1);
	NONSENSE(f->id = 0);
	NONSENSE(f->master = conntrack_records(64));
	NONSENSE(f->proto.tcp.state = 0);
	NONSENSE(f->proto.tcp.state = TCPS_COUNT);
	NONSENSE(f->proto.tcp.last_dir = 2);
	NONSENSE(f->expires = UINT64_MAX);
}

/* The same for protocols that keep something of their own. */
static void nonsense_of_sctp_and_gre_is_damaged_too(void **state)
{
	static const struct {
		uint8_t l4, off, value;
	} nonsense[] = {
		{ 132, offsetof(struct flow_sctp, state), 0 },
		{ 132, offsetof(struct flow_sctp, state), SCTPS_COUNT },
		{ 132, offsetof(struct flow_sctp, init), 2 },
		{ 132, offsetof(struct flow_sctp, init) + 1, 2 },
		{ 132, offsetof(struct flow_sctp, heartbeat_dir), 2 },
		{ 132, offsetof(struct flow_sctp, heartbeat_failed), 2 },
		{ 132, offsetof(struct flow_sctp, untagged), 2 },
		{ 132, offsetof(struct flow_sctp, untagged) + 1, 2 },
		{ 47, offsetof(struct flow_gre, timeout) + 7, 0x80 },
		{ 47, offsetof(struct flow_gre, stream_timeout) + 7, 0x80 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < 2 * (sizeof(nonsense) / sizeof(nonsense[0])); i++) {
		struct flow *f;

		shake_hands(w);
		f = w->ref.flow;
		f->tuple[0].l4 = f->tuple[1].l4 = nonsense[i / 2].l4;
		memset(&f->proto, 0, sizeof(f->proto));
		if (f->tuple[0].l4 == 132)
			f->proto.sctp.state = SCTPS_ESTABLISHED;
		if (i % 2)
			f->proto.bytes[nonsense[i / 2].off] = nonsense[i / 2].value;
		sign(w, f);
		expect(w, i % 2 == 0, 0, i % 2, 0);
		wait_ms(w, 500000 * 1000);
		conntrack_housekeep(w->ct, 0, w->now);
	}
}

static void a_twin_is_damaged(void **state)
{
	struct world *w = *state;
	struct flow *f, *twin = record(w, 5);

	shake_hands(w);
	f = w->ref.flow;
	memcpy((void *)twin, (void *)f, sizeof(*f));
	atomic_store(&w->arena.header->flows_fresh, 6);
	expect(w, 1, 0, 1, 0);
	assert_int_equal(only_flow(w).index, 0);
	/* One tuple in common is enough. */
	memcpy((void *)twin, (void *)f, sizeof(*f));
	twin->tuple[DIR_ORIGINAL].sport ^= 1;
	twin->id++;
	sign(w, twin);
	atomic_store(&w->arena.header->flows_fresh, 6);
	expect(w, 1, 0, 1, 0);
}

static uint64_t random64(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed ^ *seed >> 29;
}

/* Traffic over whatever was recovered from it. */
static void exercise(struct world *w)
{
	uint32_t cursor = 0;
	unsigned n = 0;

	for (uint16_t i = 0; i < 100; i++) {
		raw_udp(&w->raw, A4, i, B4, 53, 8);
		pass(w);
	}
	a_tcp(w, TCP_SYN, 1, 0);
	b_tcp(w, TCP_SYN | TCP_ACK, 1, 2);
	a_tcp(w, TCP_FIN | TCP_ACK, 1, 1);
	assert_true(conntrack_each(w->ct, &cursor, 0, w->now, count_one, &n));
	assert_int_equal(n, flows(w));
	conntrack_housekeep(w->ct, 0, w->now);
	wait_ms(w, 3000ull * 1000000);
	conntrack_housekeep(w->ct, 0, w->now);
	assert_int_equal(flows(w), 0);
}

static void arbitrary_bytes_do_no_harm(void **state)
{
	struct world *w = *state;
	uint64_t seed = 1;

	for (int round = 0; round < 200; round++) {
		struct conntrack_stats s;
		uint32_t records = conntrack_records(64);

		for (uint32_t i = 0; i < records; i++) {
			struct flow *f = record(w, i);
			uint64_t *words = (uint64_t *)f;
			uint64_t choice = random64(&seed) % 8;

			if (choice < 4) {
				for (size_t j = 0; j < sizeof(*f) / 8; j++)
					words[j] = random64(&seed);
			}
			/* Some pass the checksum, and some the next checks. */
			if (choice == 1 || choice == 2) {
				f->tuple[0].l3 = f->tuple[1].l3 = L3_IPV6;
				f->tuple[1].l4 = f->tuple[0].l4;
				f->master = FLOW_NONE;
				f->status = (uint32_t)random64(&seed) | FLOW_CONFIRMED;
				f->status &= ~(uint32_t)FLOW_DYING;
				f->expires = w->now.mono + random64(&seed) % (1ull << 41);
				if (choice == 2 && i % 2) {
					f->tuple[0].l4 = f->tuple[1].l4 = 132;
					f->proto.sctp.state %= SCTPS_COUNT + 1;
					f->proto.sctp.init[0] = f->proto.sctp.init[1] = 1;
					f->proto.sctp.heartbeat_dir %= 2;
					f->proto.sctp.heartbeat_failed %= 2;
				} else if (choice == 2) {
					f->tuple[0].l4 = f->tuple[1].l4 = 6;
					f->proto.tcp.state %= 11;
					f->proto.tcp.last_dir %= 2;
				}
				sign(w, f);
			}
		}
		/* All are looked at. */
		atomic_store(&w->arena.header->flows_fresh, random64(&seed) % 2 ? UINT32_MAX : 0);
		restart(w);
		conntrack_stats(w->ct, &s);
		assert_int_equal(s.by_kind[CT_TCP] + s.by_kind[CT_UDP] + s.by_kind[CT_ICMP] +
					 s.by_kind[CT_ICMPV6] + s.by_kind[CT_SCTP] +
					 s.by_kind[CT_OTHER],
				 s.flows);
		assert_true(s.flows > 100);
		exercise(w);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_arena_holds_nothing),
		TEST(flows_go_on_after_a_restart),
		TEST(ids_go_on_behind_the_last_even_when_their_counter_is_lost),
		TEST(free_records_are_used_before_fresh_ones),
		TEST(records_that_were_never_used_are_not_looked_at),
		TEST(a_record_behind_a_wrong_mark_may_be_locked),
		TEST(an_expired_flow_is_dropped),
		TEST(a_torn_flow_is_kept_and_unlocked),
		TEST(what_passed_while_nobody_looked_is_not_held_against_a_flow),
		TEST(what_a_handshake_agrees_on_is_not_forgotten),
		TEST(a_scale_that_no_syn_can_have_said_is_forgotten),
		TEST(status_bits_that_do_not_exist_are_cleared),
		TEST(a_flow_that_was_dying_or_not_yet_linked_is_gone),
		TEST(every_byte_of_the_identity_is_checked),
		TEST(signed_nonsense_is_damaged_too),
		TEST(nonsense_of_sctp_and_gre_is_damaged_too),
		TEST(a_twin_is_damaged),
		TEST(arbitrary_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
