/* method_trace.c - WatchTrace: what packets with `meta nftrace set` meet, as a stream. */
#include <stdlib.h>

#include "control/session.h"
#include "control/trace_hub.h"

struct watch {
	struct trace_listener listener; /* first, and its queue is first in it */
	struct trace_hub *hub;
};

static void watch_free(void *job)
{
	struct watch *w = job;

	trace_hub_unlisten(w->hub, &w->listener);
	free(w);
}

static void watch_trace(struct control_session *s, const json_t *params)
{
	struct watch *w = calloc(1, sizeof(*w));
	const char *wrong;

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
	if (!control_print_decode(json_object_get(params, "print"), &w->listener.print)) {
		session_invalid(s, "print");
		free(w);
		return;
	}
	wrong = control_locale_decode(params, &w->listener.locale);
	if (wrong) {
		session_invalid(s, wrong);
		free(w);
		return;
	}
	if (trace_hub_listen(w->hub, &w->listener)) {
		session_failed(s, "out of memory");
		free(w);
		return;
	}
	lines_stream(s, &w->listener.queue, watch_free);
}

static const struct method_param watch_params[] = {
	{ "print", 'a', false },
	{ "zone", 'o', false },
	{ "labels", 'a', false },
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
