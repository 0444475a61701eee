/* ear.h - connections that listen, for tests: what they asked for, and what they have heard.
 * All tests of a group have one engine. */
#ifndef TESTS_CONTROL_EAR_H
#define TESTS_CONTROL_EAR_H

#include "unit/control/fixture.h"

static struct fixture f;

struct ear {
	struct control_session *session;
	enum control_state state;
	unsigned wakes;
	struct text lines; /* of the ruleset, or a trace */
	unsigned events;   /* of flows */
	uint64_t skipped;
	json_t *last; /* reply */
};

static inline void ear_wake(void *arg)
{
	((struct ear *)arg)->wakes++;
}

static inline void hear(struct ear *e, const char *reply)
{
	const json_t *params;
	const char *lines;

	json_decref(e->last);
	e->last = json_loads(reply, 0, NULL);
	assert_non_null(e->last);
	params = json_object_get(e->last, "parameters");
	lines = json_string_value(json_object_get(params, "lines"));
	text_puts(&e->lines, lines ? lines : "");
	e->events += (unsigned)json_array_size(json_object_get(params, "events"));
	e->skipped += (uint64_t)json_integer_value(json_object_get(params, "skipped"));
}

/* Run as long as it has something to say. */
static inline void run(struct ear *e)
{
	do {
		struct text out = TEXT_INIT;

		e->state = control_session_run(e->session, &out);
		for (size_t at = 0; at < out.len; at += strlen(out.s + at) + 1)
			hear(e, out.s + at);
		text_fini(&out);
	} while (e->state == CONTROL_WRITE);
}

static inline void say(struct ear *e, const char *message)
{
	size_t len = strlen(message) + 1;

	*e = (struct ear){ .lines = TEXT_INIT };
	e->session = control_session_new(&f.ctx, false, ear_wake, e);
	assert_non_null(e->session);
	assert_int_equal(control_session_input(e->session, message, len), len);
	run(e);
}

/* `method` is one of org.ctfw. */
static inline void listen_to(struct ear *e, const char *method, const char *params)
{
	char message[512];

	snprintf(message, sizeof(message),
		 "{\"method\":\"org.ctfw.%s\",\"more\":true,\"parameters\":%s}", method,
		 params);
	say(e, message);
}

static inline void stop(struct ear *e)
{
	control_session_free(e->session);
	text_fini(&e->lines);
	json_decref(e->last);
}

static inline const char *error_of(const struct ear *e)
{
	const char *error = json_string_value(json_object_get(e->last, "error"));

	return error ? error : "none";
}

static inline void apply(const char *text)
{
	struct ruleset_input input = { .name = "t", .text = text, .len = strlen(text) };
	struct text out = TEXT_INIT;
	struct diag d = DIAG_INIT;

	rcu_online();
	assert_int_equal(generation_apply(f.generation, &input, NULL, &d, &out), 0);
	rcu_offline();
	text_fini(&out);
	diag_fini(&d);
}

static inline int setup(void **unused)
{
	(void)unused;
	fixture_init(&f, 10000);
	return 0;
}

static inline int teardown(void **unused)
{
	(void)unused;
	fixture_fini(&f);
	return 0;
}

#endif
