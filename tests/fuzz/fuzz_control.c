/* fuzz_control.c - bytes of a client of the control socket.
 *
 * Input: a byte (bit 0: root's connection, bit 1: the daemon takes its time to reload, bit
 * 2: bytes come one by one), then what the client sends.  Every answer is a JSON object
 * and a NUL; the session ends or waits for more, and holds no more than its bound. */
#include "unit/control/fixture.h"

#include <string.h>

#include "fuzz.h"
#include "unit/packets.h"

static struct fixture fixture;

static void track(struct raw *raw)
{
	struct packet p;
	struct ct_ref ref;

	CHECK(packet_parse(raw->b, raw->len, NULL, &p) == REASON_NONE);
	if (conntrack_in(fixture.ct, 0, &p, (struct ct_zone){ 0, 0 }, fixture.now, &ref) ==
	    REASON_NONE)
		conntrack_confirm(fixture.ct, 0, &p, fixture.now, &ref);
}

/* The same flows and no rules for every input. */
static void set_up(void)
{
	static const char nothing[] = "flush ruleset";
	struct ruleset_input input = { .name = "x",
				       .text = nothing,
				       .len = sizeof(nothing) - 1 };
	static struct raw raw;
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;

	if (!fixture.engine)
		fixture_init(&fixture, 100);
	rcu_online();
	CHECK(generation_apply(fixture.generation, &input, NULL, &d, &out) == 0);
	raw_tcp(&raw, "10.0.1.2", 1000, "10.0.2.2", 22, TCP_SYN, 1, 0, 0);
	track(&raw);
	raw_udp(&raw, "fd00:1::2", 1000, "fd00:2::2", 53, 4);
	track(&raw);
	conntrack_housekeep(fixture.ct, 0, fixture.now);
	rcu_offline();
	text_fini(&out);
	diag_fini(&d);
}

static void check_answers(const struct text *out)
{
	const char *p = text_str(out), *end = p + out->len;

	while (p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		json_t *answer;

		CHECK(nul);
		answer = json_loads(p, 0, NULL);
		CHECK(json_is_object(answer));
		CHECK(json_object_get(answer, "parameters") ||
		      json_object_get(answer, "error"));
		json_decref(answer);
		p = nul + 1;
	}
}

static void finish_reload(void)
{
	void (*done)(void *arg, int err, const char *message) = fixture.reload_done;

	fixture.reload_done = NULL;
	if (done)
		done(fixture.reload_arg, 0, "later");
}

/* Until it wants to read or to end. */
static enum control_state run(struct control_session *s, bool change)
{
	enum control_state state;
	unsigned rounds = 0;

	do {
		struct text out = TEXT_INIT;

		state = control_session_run(s, &out);
		check_answers(&out);
		text_fini(&out);
		if (state == CONTROL_WAIT)
			finish_reload();
		CHECK(++rounds < 10000);
	} while (state == CONTROL_WRITE || state == CONTROL_WAIT);
	CHECK(control_session_partial(s) <=
	      (change ? CONTROL_MESSAGE_MAX : CONTROL_MESSAGE_MAX_READER));
	return state;
}

static void wake(void *arg)
{
	(void)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_session *s;
	enum control_state state = CONTROL_READ;
	bool change;

	if (!size)
		return 0;
	set_up();
	change = data[0] & 1;
	fixture.reload_waits = data[0] & 2;
	s = control_session_new(&fixture.ctx, change, wake, NULL);
	CHECK(s);
	for (size_t at = 1; at < size && state == CONTROL_READ;) {
		size_t taken = control_session_input(s, data + at, data[0] & 4 ? 1 : size - at);

		CHECK(taken <= size - at);
		at += taken;
		state = run(s, change);
		CHECK(taken || state == CONTROL_CLOSE);
	}
	control_session_free(s);
	finish_reload();
	return 0;
}
