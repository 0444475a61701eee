/* method_trace.c - WatchTrace: what packets with `meta nftrace set` meet, as a stream. */
#include <stdlib.h>

#include "control/session.h"
#include "control/trace_hub.h"

struct watch {
	struct trace_hub *hub;
	struct trace_listener listener;
};

static void watch_step(struct control_session *s, void *job)
{
	struct trace_listener *l = &((struct watch *)job)->listener;

	if (l->pending.len || l->skipped) {
		session_reply_lines(s, &l->pending, &l->skipped);
		return;
	}
	l->waits = true;
	session_pause(s);
}

static void watch_wake(void *arg)
{
	session_wake(arg);
}

static void watch_free(void *job)
{
	struct watch *w = job;

	trace_hub_unlisten(w->hub, &w->listener);
	free(w);
}

static void watch_trace(struct control_session *s, const json_t *params)
{
	struct text first = TEXT_INIT;
	struct watch *w = calloc(1, sizeof(*w));

	if (!session_more(s)) { /* called one way */
		free(w);
		session_reply(s, json_object());
		return;
	}
	if (!w) {
		session_failed(s, "out of memory");
		return;
	}
	w->hub = session_context(s)->traces;
	w->listener.wake = watch_wake;
	w->listener.arg = s;
	if (!control_print_decode(json_object_get(params, "print"), &w->listener.print)) {
		session_invalid(s, "print");
		free(w);
		return;
	}
	if (trace_hub_listen(w->hub, &w->listener)) {
		session_failed(s, "out of memory");
		free(w);
		return;
	}
	/* So that the client knows from when on it is told. */
	text_puts(&first, "{\"skipped\":0,\"lines\":\"\"}");
	session_continue(s, watch_step, w, watch_free);
	session_reply_text(s, &first, true);
	text_fini(&first);
}

static const struct method_param watch_params[] = {
	{ "print", 'a', false },
	{ NULL, 0, false },
};

const struct method trace_methods[] = {
	{
		.name = CONTROL_INTERFACE ".WatchTrace",
		.stream = true,
		.params = watch_params,
		.call = watch_trace,
	},
	{ .name = NULL },
};
