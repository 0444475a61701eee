/* WatchTrace: many who watch do not hold the daemon up. */
#include "unit/control/fixture.h"

#include "control/trace_hub.h"

#define EARS 100
#define PACKETS 100

static struct fixture f;

struct ear {
	struct control_session *session;
	unsigned heard; /* lines */
	uint64_t skipped;
};

static void wake(void *arg)
{
	(void)arg;
}

static void hear(struct ear *e, const char *reply)
{
	json_t *message = json_loads(reply, 0, NULL);
	json_t *params = json_object_get(message, "parameters");
	const char *lines = json_string_value(json_object_get(params, "lines"));

	assert_non_null(lines);
	for (; (lines = strchr(lines, '\n')); lines++)
		e->heard++;
	e->skipped += (uint64_t)json_integer_value(json_object_get(params, "skipped"));
	json_decref(message);
}

static void run(struct ear *e)
{
	enum control_state state;

	do {
		struct text out = TEXT_INIT;

		state = control_session_run(e->session, &out);
		for (size_t at = 0; at < out.len; at += strlen(out.s + at) + 1)
			hear(e, out.s + at);
		text_fini(&out);
	} while (state == CONTROL_WRITE);
}

static void listen_to(struct ear *e)
{
	static const char message[] = "{\"method\":\"org.ctfw.WatchTrace\",\"more\":true}";

	*e = (struct ear){ control_session_new(&f.ctx, false, wake, NULL), 0, 0 };
	assert_int_equal(control_session_input(e->session, message, sizeof(message)),
			 sizeof(message));
	run(e);
}

static void apply(const char *text)
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

/* Three lines a packet: what it is, the rule, the policy. */
static void those_who_watch_share_what_is_written_in_a_turn(void **state)
{
	static struct ear ear[EARS];
	unsigned turns = 0;

	(void)state;
	apply("add table ip t\n"
	      "add chain ip t c { type filter hook prerouting priority -300; }\n"
	      "add rule ip t c meta nftrace set 1");
	for (unsigned i = 0; i < EARS; i++)
		listen_to(&ear[i]);
	fixture_flows(&f, PACKETS);
	trace_hub_collect(f.traces);
	run(&ear[0]);
	assert_in_range(ear[0].heard, 1, PACKETS / 2);
	while (ear[0].heard < 3 * PACKETS && turns++ < 1000) {
		trace_hub_collect(f.traces);
		run(&ear[0]);
	}
	for (unsigned i = 0; i < EARS; i++) {
		run(&ear[i]);
		assert_int_equal(ear[i].heard, 3 * PACKETS);
		assert_int_equal(ear[i].skipped, 0);
		control_session_free(ear[i].session);
	}
}

static int setup(void **state)
{
	(void)state;
	fixture_init(&f, 1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_fini(&f);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_who_watch_share_what_is_written_in_a_turn),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
