/* test_logring.c - lines from a worker to the main thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/logring.h"

static struct logring *ring;

static int make(void **state)
{
	(void)state;
	ring = aligned_alloc(64, sizeof(*ring));
	memset(ring, 0, sizeof(*ring));
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	free(ring);
	return 0;
}

static bool put(unsigned n)
{
	struct logring_slot *slot = logring_begin(ring);

	if (!slot)
		return false;
	slot->len = (uint16_t)snprintf(slot->line, sizeof(slot->line), "%u", n);
	logring_commit(ring);
	return true;
}

static void lines_come_out_in_order(void **state)
{
	unsigned i, round;

	(void)state;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 100; i++)
			assert_true(put(i));
		for (i = 0; i < 100; i++) {
			assert_non_null(logring_peek(ring));
			assert_int_equal(atoi(logring_peek(ring)->line), i);
			logring_done(ring);
		}
		assert_null(logring_peek(ring));
	}
}

static void a_full_ring_drops_and_counts(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < LOGRING_SLOTS; i++)
		assert_true(put(i));
	assert_false(put(i));
	assert_false(put(i));
	assert_int_equal(logring_dropped(ring), 2);
	assert_int_equal(logring_dropped(ring), 0);
	logring_done(ring);
	assert_true(put(i));
}

static void only_the_first_line_wakes_the_reader(void **state)
{
	(void)state;
	assert_non_null(logring_begin(ring));
	assert_true(logring_commit(ring));
	assert_non_null(logring_begin(ring));
	assert_false(logring_commit(ring));
	logring_done(ring);
	logring_done(ring);
	assert_non_null(logring_begin(ring));
	assert_true(logring_commit(ring));
}

#define LINES 20000

static void *writer(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < LINES;)
		i += put(i);
	return NULL;
}

static void nothing_is_lost_between_two_threads(void **state)
{
	const struct logring_slot *slot;
	pthread_t thread;
	unsigned i = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, writer, NULL), 0);
	while (i < LINES) {
		slot = logring_peek(ring);
		if (!slot)
			continue;
		if ((unsigned)atoi(slot->line) != i)
			fail_msg("line %u in the place of %u", (unsigned)atoi(slot->line), i);
		logring_done(ring);
		i++;
	}
	pthread_join(thread, NULL);
	assert_null(logring_peek(ring));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_come_out_in_order),
		TEST(a_full_ring_drops_and_counts),
		TEST(only_the_first_line_wakes_the_reader),
		TEST(nothing_is_lost_between_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
