/* Many threads on few datagrams, as workers are: fragments are spread over them otherwise than
 * their flow.  Meanwhile one more gives up what is too old and looks at the numbers.  Each
 * fragment must end once: held and then gone with its datagram, dropped, or timed out; and of
 * all the memory nothing may be missing.  Built with ThreadSanitizer, every race is a
 * failure as well.
 *
 * cmocka's assertions are the main thread's: others use ASSERT(). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ctfw/clock.h"
#include "ctfw/frag.h"
#include "unit/packets.h"
#include "unit/test.h"
#include "unit/threads.h"

#define WORKERS 3
#define ROUNDS 6000
#define DATAGRAMS 4
#define PARTS 4

struct shared {
	struct frag_table *table;
	struct raw whole[DATAGRAMS];
	struct raw part[DATAGRAMS][PARTS];
	_Atomic uint64_t clock; /* ns */
	_Atomic unsigned running;
	pthread_barrier_t barrier;
};

struct thread {
	struct shared *shared;
	unsigned number;
	uint64_t seed;
	uint64_t sent, whole, ended; /* fragments; those of whole datagrams all together */
	pthread_t id;
};

/* The fragment's data are those of its datagram, wherever they lay. */
static void check_whole(const struct shared *s, unsigned d, const struct packet *p)
{
	const struct raw *whole = &s->whole[d];
	size_t head = raw_l4(whole);

	ASSERT(p->len == whole->len);
	ASSERT(memcmp(p->data + head, whole->b + head, whole->len - head) == 0);
}

static void send_one(struct thread *t, struct frag_buffer *buffer, unsigned d, unsigned k)
{
	struct shared *s = t->shared;
	uint64_t now = atomic_fetch_add_explicit(&s->clock, 1000, memory_order_relaxed);
	static _Thread_local struct raw copy;
	struct frag_end end;
	struct packet p;

	copy.len = s->part[d][k].len;
	memcpy(copy.b, s->part[d][k].b, copy.len);
	ASSERT(packet_parse(copy.b, copy.len, NULL, &p) == REASON_NONE);
	t->sent++;
	switch (frag_collect(s->table, &p, now, buffer, &end)) {
	case FRAG_HELD:
		return;
	case FRAG_WHOLE:
		check_whole(s, d, &p);
		t->whole += buffer->shape.fragments;
		return;
	case FRAG_ENDED:
		ASSERT(end.packets >= 1 && end.reason != REASON_NONE);
		t->ended += end.packets;
		return;
	case FRAG_AS_IS:
		break;
	}
	ASSERT(!"none of these goes on as it is");
}

static void *work(void *arg)
{
	struct thread *t = arg;
	struct frag_buffer *buffer = malloc(sizeof(*buffer));

	ASSERT(buffer);
	pthread_barrier_wait(&t->shared->barrier);
	for (unsigned i = 0; i < ROUNDS; i++)
		send_one(t, buffer, dice(&t->seed, DATAGRAMS), dice(&t->seed, PARTS));
	free(buffer);
	atomic_fetch_sub(&t->shared->running, 1);
	return NULL;
}

/* Each part of a datagram is sent by a thread of its own, and all at the same time. */
static void *work_together(void *arg)
{
	struct thread *t = arg;
	struct frag_buffer *buffer = malloc(sizeof(*buffer));

	ASSERT(buffer);
	for (unsigned i = 0; i < ROUNDS / 10; i++) {
		pthread_barrier_wait(&t->shared->barrier);
		send_one(t, buffer, i % DATAGRAMS, t->number);
		if (t->number == 0)
			send_one(t, buffer, i % DATAGRAMS, PARTS - 1);
	}
	free(buffer);
	return NULL;
}

static void make_parts(struct shared *s)
{
	static const size_t at[PARTS + 1] = { 0, 1000, 1008, 2200, 3003 };

	for (unsigned d = 0; d < DATAGRAMS; d++) {
		raw_udp(&s->whole[d], d & 1 ? "fd08::2" : "10.8.0.2", (uint16_t)(1000 + d),
			d & 1 ? "fd08::9" : "10.8.0.9", 53, 3003 - 8);
		for (unsigned i = 0; i < 3000; i++)
			s->whole[d].b[40 + i] = (uint8_t)(i * (d + 3));
		for (unsigned k = 0; k < PARTS; k++)
			raw_fragment(&s->part[d][k], &s->whole[d], d, at[k], at[k + 1]);
	}
}

static struct shared *share(uint32_t memory)
{
	const struct siphash_key key = { 1, 1 };
	struct shared *s = calloc(1, sizeof(*s));
	struct frag_options o;

	assert_non_null(s);
	frag_options_default(&o);
	o.max_memory = memory;
	s->table = frag_table_new(&o, &key);
	assert_non_null(s->table);
	atomic_init(&s->clock, 1000 * NSEC_PER_SEC);
	make_parts(s);
	return s;
}

/* What was sent is accounted for, and all memory is there: as much fits as at the start. */
static void expect_nothing_lost(struct shared *s, const struct thread *threads,
				uint64_t fits)
{
	uint64_t sent = 0, gone = 0, kept = 0;
	struct frag_buffer *buffer = malloc(sizeof(*buffer));
	struct frag_stats stats;
	struct frag_end end;

	for (unsigned i = 0; i < WORKERS; i++) {
		sent += threads[i].sent;
		gone += threads[i].whole + threads[i].ended;
	}
	frag_expire(s->table, UINT64_MAX);
	frag_stats(s->table, &stats);
	assert_int_equal(sent, gone + stats.timed_out + stats.overtaken);
	assert_int_equal(stats.fragments, 0);
	assert_int_equal(stats.datagrams, 0);
	assert_int_equal(stats.bytes, 0);
	for (;; kept++) {
		struct raw r = s->part[0][0];
		struct packet p;

		raw_put16(r.b + 4, (uint16_t)(100 + kept));
		raw_fix_ipv4(&r);
		assert_int_equal(packet_parse(r.b, r.len, NULL, &p), REASON_NONE);
		if (frag_collect(s->table, &p, 0, buffer, &end) != FRAG_HELD)
			break;
	}
	assert_int_equal(kept, fits);
	free(buffer);
}

static void many_threads_collect_the_same_datagrams_and_lose_nothing(void **state)
{
	struct shared *s = share(FRAG_MEMORY_MIN);
	struct thread threads[WORKERS] = { 0 };
	struct frag_options o;
	struct frag_stats stats;

	(void)state;
	frag_options_default(&o);
	frag_stats(s->table, &stats);
	atomic_init(&s->running, WORKERS);
	pthread_barrier_init(&s->barrier, NULL, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		threads[i] = (struct thread){ .shared = s, .number = i, .seed = i + 1 };
		assert_int_equal(pthread_create(&threads[i].id, NULL, work, &threads[i]), 0);
	}
	/* Some are too old every now and then: what comes late finds them so as well. */
	for (unsigned i = 0; atomic_load(&s->running); i++) {
		struct frag_stats seen;

		frag_stats(s->table, &seen);
		assert_true(seen.fragments <= stats.memory / 512);
		o.timeout = i % 2 ? 1 : 30;
		o.max_distance = i % 3 ? 64 : 2;
		frag_table_set_options(s->table, &o);
		if (i % 5 == 0)
			atomic_fetch_add(&s->clock, NSEC_PER_SEC);
		frag_expire(s->table, atomic_load(&s->clock));
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i].id, NULL);
	assert_true(threads[0].whole + threads[1].whole + threads[2].whole > 0);
	expect_nothing_lost(s, threads, stats.memory / 512 / 2);
	pthread_barrier_destroy(&s->barrier);
	frag_table_free(s->table);
	free(s);
}

static void fragments_that_come_at_the_same_moment_make_one_datagram(void **state)
{
	struct shared *s = share(FRAG_MEMORY_MIN);
	struct thread threads[WORKERS] = { 0 };
	struct frag_stats stats;
	uint64_t whole = 0;

	(void)state;
	frag_stats(s->table, &stats);
	pthread_barrier_init(&s->barrier, NULL, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		threads[i] = (struct thread){ .shared = s, .number = i };
		assert_int_equal(
			pthread_create(&threads[i].id, NULL, work_together, &threads[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i].id, NULL);
	for (unsigned i = 0; i < WORKERS; i++) {
		whole += threads[i].whole;
		assert_int_equal(threads[i].ended, 0);
	}
	assert_int_equal(whole, ROUNDS / 10 * PARTS);
	expect_nothing_lost(s, threads, stats.memory / 512 / 2);
	pthread_barrier_destroy(&s->barrier);
	frag_table_free(s->table);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads_collect_the_same_datagrams_and_lose_nothing),
		cmocka_unit_test(fragments_that_come_at_the_same_moment_make_one_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
