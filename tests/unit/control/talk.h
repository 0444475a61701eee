/* talk.h - a session for tests: what is said to it, and what it answers. */
#ifndef TESTS_CONTROL_TALK_H
#define TESTS_CONTROL_TALK_H

#include "unit/control/fixture.h"

static struct fixture f;
static struct control_session *session;
static bool may_change;
static unsigned wakes;
static struct text answer; /* what the session said, whole */
static enum control_state state;
static uint64_t serial;

static inline void wake(void *arg)
{
	(void)arg;
	wakes++;
}

static inline void begin(void)
{
	control_session_free(session);
	session = control_session_new(&f.ctx, may_change, wake, NULL);
	assert_non_null(session);
	text_clear(&answer);
	state = CONTROL_READ;
}

/* Run until it waits for something. */
static inline void run(void)
{
	for (int i = 0; i < 100000; i++) {
		struct text out = TEXT_INIT;

		state = control_session_run(session, &out);
		text_append(&answer, text_str(&out), out.len);
		text_fini(&out);
		if (state != CONTROL_WRITE)
			return;
	}
	fail_msg("the session never comes to an end");
}

/* Feed bytes as a socket would, in pieces. */
static inline void feed(const char *bytes, size_t len, size_t piece)
{
	size_t done = 0;

	while (done < len && state == CONTROL_READ) {
		size_t n = len - done < piece ? len - done : piece;
		size_t taken = control_session_input(session, bytes + done, n);

		assert_true(taken <= n);
		done += taken;
		run();
	}
}

/* The next reply, or NULL. */
static inline json_t *next(void)
{
	size_t len = text_str(&answer)[0] ? strlen(answer.s) : 0;
	json_t *reply;

	if (len == 0)
		return NULL;
	reply = json_loadb(answer.s, len, 0, NULL);
	assert_non_null(reply);
	assert_true(len < answer.len); /* the NUL is there */
	memmove(answer.s, answer.s + len + 1, answer.len - len - 1);
	answer.len -= len + 1;
	answer.s[answer.len] = '\0';
	return reply;
}

static inline void say(const char *message)
{
	feed(message, strlen(message) + 1, SIZE_MAX);
}

static inline json_t *call(const char *message)
{
	say(message);
	return next();
}

/* Changes of the ruleset since the test began. */
static inline unsigned changes(void)
{
	return (unsigned)(generation_serial(f.generation) - serial);
}

static inline void expect_error(const char *message, const char *name, const char *member,
				const char *value)
{
	json_t *reply = call(message);
	const json_t *params = json_object_get(reply, "parameters");

	assert_non_null(reply);
	assert_string_equal(json_string_value(json_object_get(reply, "error")), name);
	assert_true(json_is_object(params));
	if (member)
		assert_string_equal(json_string_value(json_object_get(params, member)), value);
	json_decref(reply);
	assert_int_equal(state, CONTROL_READ);
}

static inline const json_t *params_of(const json_t *reply)
{
	assert_non_null(reply);
	assert_null(json_object_get(reply, "error"));
	return json_object_get(reply, "parameters");
}

static inline int setup(void **unused)
{
	(void)unused;
	fixture_init(&f, 5000);
	serial = generation_serial(f.generation);
	may_change = true;
	wakes = 0;
	begin();
	return 0;
}

static inline int teardown(void **unused)
{
	(void)unused;
	control_session_free(session);
	session = NULL;
	text_fini(&answer);
	fixture_fini(&f);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
