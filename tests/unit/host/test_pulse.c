/* test_pulse.c - the filter's heartbeat, by the main thread and in its place. */
#include "unit/test.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/channel.h"
#include "host/pulse.h"

#define BEAT_MS 20
#define WORK_MS 60000
#define SHORT_MS 300
/* Until a beat is there, however busy the machine; and none comes for so long. */
#define PATIENCE_MS 5000
#define SILENCE_MS 200

static int pair[2];
static struct channel_message m;
static bool all_alive;
static struct pulse *p;

static bool alive(void *arg)
{
	return *(bool *)arg;
}

static int set_up(void **state)
{
	const struct pulse_options options = { .beat_ms = BEAT_MS, .work_ms = WORK_MS,
					       .alive = alive, .arg = &all_alive };
	struct pulse_options o = options;

	(void)state;
	if (channel_new(pair))
		return -1;
	o.channel = pair[0];
	all_alive = true;
	p = pulse_new(&o);
	return p ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pulse_free(p);
	close(pair[0]);
	close(pair[1]);
	return 0;
}

/* Whether the keeper hears one. */
static bool hear(int ms)
{
	struct pollfd fd = { .fd = pair[1], .events = POLLIN };
	int none;

	return poll(&fd, 1, ms) == 1 && channel_receive(pair[1], &m, &none) == 0 &&
	       m.kind == CHANNEL_HEARTBEAT;
}

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void the_main_thread_beats_with_a_line(void **state)
{
	(void)state;
	pulse_beat(p, "Filtering 3 flows");
	assert_true(hear(PATIENCE_MS));
	assert_int_equal(m.err, 0);
	assert_string_equal(m.text, "Filtering 3 flows");
}

static void a_main_thread_that_hangs_is_silent(void **state)
{
	(void)state;
	assert_false(hear(SILENCE_MS));
	pulse_work(p, "Working");
	pulse_rest(p);
	while (hear(0))
		;
	assert_false(hear(SILENCE_MS));
}

static void while_it_works_beats_go_on(void **state)
{
	(void)state;
	pulse_work(p, "Working");
	for (int i = 0; i < 4; i++) {
		assert_true(hear(PATIENCE_MS));
		assert_int_equal(m.err, 0);
		assert_string_equal(m.text, "");
	}
}

static void work_that_never_ends_is_a_hang(void **state)
{
	const struct pulse_options o = { .channel = pair[0], .beat_ms = BEAT_MS,
					 .work_ms = SHORT_MS, .alive = alive, .arg = &all_alive };
	struct pulse *other = pulse_new(&o);

	(void)state;
	assert_non_null(other);
	pulse_work(other, "Working");
	wait_ms(SHORT_MS + BEAT_MS);
	while (hear(0))
		;
	assert_false(hear(SILENCE_MS));
	/* The next piece has its own time. */
	do {
		pulse_rest(other);
		pulse_work(other, "Working");
	} while (!hear(SILENCE_MS));
	pulse_free(other);
}

static void a_worker_that_hangs_meanwhile_is_told(void **state)
{
	(void)state;
	pulse_work(p, "Working");
	assert_true(hear(PATIENCE_MS));
	pulse_rest(p);
	while (hear(0))
		;
	all_alive = false;
	pulse_work(p, "Working");
	assert_true(hear(PATIENCE_MS));
	assert_int_equal(m.err, -ETIMEDOUT);
}

static void work_that_takes_long_is_told_to_people(void **state)
{
	const struct pulse_options o = { .channel = pair[0], .beat_ms = BEAT_MS,
					 .work_ms = WORK_MS, .alive = alive, .arg = &all_alive };
	struct pulse *other = pulse_new(&o);

	(void)state;
	assert_non_null(other);
	pulse_work(other, "Loading the rules");
	do
		assert_true(hear(PATIENCE_MS));
	while (!m.text[0]);
	assert_int_equal(strncmp(m.text, "Loading the rules, for ", 23), 0);
	pulse_free(other);
}

static void to_work_without_one_is_fine(void **state)
{
	(void)state;
	pulse_work(NULL, "Working");
	pulse_rest(NULL);
	pulse_free(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_main_thread_beats_with_a_line),
		TEST(a_main_thread_that_hangs_is_silent),
		TEST(while_it_works_beats_go_on),
		TEST(work_that_never_ends_is_a_hang),
		TEST(a_worker_that_hangs_meanwhile_is_told),
		TEST(work_that_takes_long_is_told_to_people),
		TEST(to_work_without_one_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
