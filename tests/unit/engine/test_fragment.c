/* What the engine does with datagrams in fragments: it holds them, and judges them whole. */
#include "unit/engine/bench.h"

static enum engine_action send_part(struct bench *b, const struct engine_port *port,
				    const struct raw *whole, size_t from, size_t to,
				    struct engine_trace *trace)
{
	struct engine_result result;
	struct raw r;

	raw_fragment(&r, whole, 7, from, to);
	*trace = send_raw(b, port, &r, &result);
	return result.action;
}

static void a_fragment_waits_and_the_last_one_brings_all_of_them(void **state)
{
	struct bench *b = *state;
	struct engine_stats stats;
	struct engine_trace t;
	const uint8_t *out;
	struct raw whole;
	size_t len, n = 0;

	raw_udp(&whole, "10.8.0.2", 1000, "198.51.100.1", 53, 2992);
	assert_int_equal(send_part(b, &b->in, &whole, 1000, 2000, &t), ENGINE_HOLD);
	assert_int_equal(t.verdict, VERDICT_NONE);
	assert_int_equal(t.hook, HOOK_FORWARD);
	assert_int_equal(send_part(b, &b->in, &whole, 2000, 3000, &t), ENGINE_HOLD);
	assert_int_equal(send_part(b, &b->in, &whole, 0, 1000, &t), ENGINE_FRAGMENTS);
	assert_int_equal(t.verdict, VERDICT_ACCEPT);
	assert_int_equal(t.ct_state, CT_STATE_NEW);
	assert_int_equal(t.flow.acct[DIR_ORIGINAL].packets, 1);
	assert_int_equal(t.flow.acct[DIR_ORIGINAL].bytes, 3020);
	while (engine_next(b->engine, 0, &out, &len)) {
		static const uint8_t none[sizeof(struct virtio_net_hdr)];

		assert_int_equal(len, 1020);
		assert_memory_equal(out - sizeof(none), none, sizeof(none));
		assert_memory_equal(out + 20, whole.b + 20 + 1000 * n++, 1000);
	}
	assert_int_equal(n, 3);
	/* One of them could not be written. */
	engine_write_failed(b->engine, 0, 1020);
	engine_stats(b->engine, &stats);
	assert_int_equal(stats.packets_in, 3);
	assert_int_equal(stats.bytes_in, 3 * 1020);
	assert_int_equal(stats.packets_out, 2);
	assert_int_equal(stats.bytes_out, 2 * 1020);
	assert_int_equal(stats.dropped[REASON_WRITE], 1);
	assert_int_equal(stats.datagrams, 1);
	assert_int_equal(stats.hook_packets[HOOK_FORWARD], 1);
}

/* As a worker has them: all prepared before the first is judged. */
static void fragments_of_one_batch_do_not_disturb_what_comes_between(void **state)
{
	struct bench *b = *state;
	static struct raw whole, r[4];
	struct packet p[4];
	enum engine_action action[4];
	struct engine_result result;

	raw_udp(&whole, "10.8.0.2", 1000, "198.51.100.1", 53, 1992);
	raw_fragment(&r[0], &whole, 7, 0, 1000);
	raw_udp(&r[1], "10.8.0.2", 1001, "198.51.100.1", 53, 10);
	raw_fragment(&r[2], &whole, 7, 1000, 2000);
	raw_udp(&r[3], "10.8.0.2", 1000, "198.51.100.1", 53, 10);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(engine_prepare(b->engine, 0, r[i].b, r[i].len, NULL, &p[i],
						NULL), REASON_NONE);
	for (unsigned i = 0; i < 4; i++) {
		engine_prefetch(b->engine, p, 4, i);
		engine_input(b->engine, 0, &b->in, &p[i], b->now, reply, &result, NULL);
		action[i] = result.action;
	}
	rcu_quiescent();
	assert_int_equal(action[0], ENGINE_HOLD);
	assert_int_equal(action[1], ENGINE_PASS);
	assert_int_equal(action[2], ENGINE_FRAGMENTS);
	assert_int_equal(action[3], ENGINE_PASS);
	/* The datagram is what was judged, in the engine's memory. */
	assert_int_equal(p[2].len, whole.len);
	assert_ptr_equal(p[3].data, r[3].b);
}

static void a_dropped_datagram_counts_all_its_fragments(void **state)
{
	struct bench *b = *state;
	struct engine_result result;
	struct engine_stats stats;
	struct engine_trace t;
	struct raw whole, r;

	rules(b, "table ip t { chain f { type filter hook forward priority 0;\n"
		 " udp dport 53 reject; }; }\n");
	raw_udp(&whole, "10.8.0.2", 1000, "198.51.100.1", 53, 1992);
	send_part(b, &b->in, &whole, 0, 1000, &t);
	raw_fragment(&r, &whole, 7, 1000, 2000);
	t = send_raw(b, &b->in, &r, &result);
	assert_int_equal(t.verdict, VERDICT_REJECT);
	assert_int_equal(result.action, ENGINE_REPLY);
	/* It quotes the whole. */
	assert_int_equal(reply[28 + 2] << 8 | reply[28 + 3], 2020);
	assert_int_equal(reply[28 + 6] << 8 | reply[28 + 7], 0);
	engine_stats(b->engine, &stats);
	assert_int_equal(stats.dropped[REASON_REJECT], 2);
	assert_int_equal(stats.packets_out, 1);
}

static bool leaves_with_df(struct bench *b, const struct engine_port *port, size_t size)
{
	struct engine_result result;
	struct raw whole, r;
	const uint8_t *out;
	bool df = false;
	size_t len;

	size -= 20;
	raw_udp(&whole, "10.8.0.2", 1000, "198.51.100.1", 53, 2 * size - 8);
	for (size_t i = 0; i < 2; i++) {
		raw_fragment(&r, &whole, 7, i * size, (i + 1) * size);
		r.b[6] |= 0x40;
		raw_fix_ipv4(&r);
		send_raw(b, port, &r, &result);
	}
	assert_int_equal(result.action, ENGINE_FRAGMENTS);
	while (engine_next(b->engine, 0, &out, &len))
		df = out[6] & 0x40;
	return df;
}

static void the_host_sees_df_where_it_must_refuse_the_datagram(void **state)
{
	struct bench *b = *state;

	/* eth0 carries 1500 bytes. */
	assert_false(leaves_with_df(b, &b->in, 1500));
	assert_true(leaves_with_df(b, &b->in, 1508));
	engine_set_hostview(b->engine, NULL);
	assert_false(leaves_with_df(b, &b->in, 1508));
}

static void an_atomic_fragment_passes_as_one_packet_without_its_header(void **state)
{
	static const uint8_t none[sizeof(struct virtio_net_hdr)];
	struct bench *b = *state;
	struct engine_result result;
	struct raw whole, r;
	struct packet p;

	raw_udp(&whole, "fd08::2", 1000, "2001:db8::1", 53, 92);
	raw_fragment(&r, &whole, 7, 0, 100);
	assert_int_equal(engine_prepare(b->engine, 0, r.b, r.len, NULL, &p, NULL), REASON_NONE);
	engine_input(b->engine, 0, &b->in, &p, b->now, reply, &result, NULL);
	assert_int_equal(result.action, ENGINE_PASS);
	assert_int_equal(p.len, whole.len);
	assert_memory_equal(p.data, whole.b, whole.len);
	assert_memory_equal(p.data - sizeof(none), none, sizeof(none));
	rcu_quiescent();
}

static void housekeeping_gives_up_what_is_never_whole(void **state)
{
	struct bench *b = *state;
	struct frag_options options;
	struct engine_stats stats;
	struct frag_stats waiting;
	struct engine_trace t;
	struct raw whole;

	raw_udp(&whole, "10.8.0.2", 1000, "198.51.100.1", 53, 2992);
	send_part(b, &b->in, &whole, 1000, 2000, &t);
	send_part(b, &b->in, &whole, 0, 1000, &t);
	frag_options_default(&options);
	options.timeout = 5;
	engine_set_fragments(b->engine, &options);
	b->now.mono += 5 * NSEC_PER_SEC - 1;
	engine_housekeep(b->engine, b->now);
	engine_fragments(b->engine, &waiting);
	assert_int_equal(waiting.fragments, 2);
	b->now.mono++;
	engine_housekeep(b->engine, b->now);
	engine_fragments(b->engine, &waiting);
	assert_int_equal(waiting.fragments, 0);
	engine_stats(b->engine, &stats);
	assert_int_equal(stats.dropped[REASON_FRAGMENT_TIMEOUT], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		engine_test(a_fragment_waits_and_the_last_one_brings_all_of_them),
		engine_test(fragments_of_one_batch_do_not_disturb_what_comes_between),
		engine_test(a_dropped_datagram_counts_all_its_fragments),
		engine_test(the_host_sees_df_where_it_must_refuse_the_datagram),
		engine_test(an_atomic_fragment_passes_as_one_packet_without_its_header),
		engine_test(housekeeping_gives_up_what_is_never_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
