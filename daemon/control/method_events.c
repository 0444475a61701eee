/* method_events.c - WatchFlows, WatchExpectations: what happens, as streams without end.
 *
 * Each reply carries the events that there are, up to CONTROL_CHUNK_FLOWS; when there is none
 * the session waits until the hub wakes it.  What was missed is told before what follows. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/event_hub.h"
#include "control/flow_words.h"
#include "control/session.h"
#include "ctfw/expect.h"

/* Events looked at in one run, matching or not. */
#define RUN_EVENTS 2000

enum watch_kind { WATCH_NEW = 1, WATCH_UPDATE = 2, WATCH_DESTROY = 4, WATCH_ALL = 7 };

static const struct {
	const char *name;
	unsigned kind;
} kinds[] = { { "new", WATCH_NEW }, { "update", WATCH_UPDATE }, { "destroy", WATCH_DESTROY } };

struct watch {
	struct event_hub *hub;
	struct listener listener;
	struct flow_filter filter;
	unsigned kinds;
	bool expectations; /* and not flows */
};

static unsigned kind_of(const struct ct_event *e)
{
	if (e->bits & CT_EVENT_DESTROY)
		return WATCH_DESTROY;
	return e->bits & (CT_EVENT_NEW | CT_EVENT_RELATED) ? WATCH_NEW : WATCH_UPDATE;
}

static const char *kind_name(unsigned kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "";
}

static const struct {
	const char *name;
	unsigned bit;
} changes[] = {
	{ "new", CT_EVENT_NEW },	   { "related", CT_EVENT_RELATED },
	{ "destroy", CT_EVENT_DESTROY },   { "reply", CT_EVENT_REPLY },
	{ "assured", CT_EVENT_ASSURED },   { "protoinfo", CT_EVENT_PROTOINFO },
	{ "helper", CT_EVENT_HELPER },	   { "mark", CT_EVENT_MARK },
	{ "label", CT_EVENT_LABEL },
};

static void flow_event_encode(const struct ct_event *e, struct text *t)
{
	const char *comma = "";

	text_puts(t, "\"changes\":[");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (!(e->bits & changes[i].bit))
			continue;
		text_printf(t, "%s\"%s\"", comma, changes[i].name);
		comma = ",";
	}
	text_puts(t, "],\"flow\":");
	control_flow_encode(&e->flow, e->label, e->time.mono, t);
}

static void event_encode(const struct ct_event *e, unsigned kind, struct text *t)
{
	text_printf(t, "{\"kind\":\"%s\",\"time\":%" PRIu64 ".%09u,", kind_name(kind),
		    (uint64_t)(e->time.real / NSEC_PER_SEC),
		    (unsigned)(e->time.real % NSEC_PER_SEC));
	if (e->kind == CT_EVENT_EXPECTATION) {
		struct expect expect;

		memcpy((void *)&expect, e->expect, sizeof(expect));
		text_puts(t, "\"expectation\":");
		control_expect_encode(&expect, e->time.mono, t);
	} else {
		flow_event_encode(e, t);
	}
	text_putc(t, '}');
}

static bool is_wanted(const struct watch *w, const struct ct_event *e, unsigned kind)
{
	if (w->expectations)
		return e->kind == CT_EVENT_EXPECTATION && kind & w->kinds;
	return e->kind == CT_EVENT_FLOW && kind & w->kinds &&
	       flow_matches(&e->flow, &w->filter) && labels_match(e->label, &w->filter);
}

/* One run: at most one reply. */
static void watch_step(struct control_session *s, void *job)
{
	struct watch *w = job;
	struct text events = TEXT_INIT, reply = TEXT_INIT;
	unsigned looked = 0, told = 0;
	uint64_t skipped = 0;

	while (looked < RUN_EVENTS && told < CONTROL_CHUNK_FLOWS) {
		const struct ct_event *e = hub_read(w->hub, &w->listener);
		unsigned kind;

		skipped += w->listener.missed;
		w->listener.missed = 0;
		if (!e) {
			session_pause(s);
			break;
		}
		looked++;
		kind = kind_of(e);
		if (e->kind == CT_EVENT_SKIPPED) {
			skipped += e->skipped;
		} else if (is_wanted(w, e, kind)) {
			text_puts(&events, told++ ? "," : "");
			event_encode(e, kind, &events);
		}
	}
	if (told || skipped) {
		text_printf(&reply, "{\"skipped\":%" PRIu64 ",\"show\":", skipped);
		control_show_encode(session_context(s)->conntrack, &reply);
		text_printf(&reply, ",\"events\":[%s]}", text_str(&events));
		if (text_failed(&events))
			reply.failed = true;
		session_reply_text(s, &reply, true);
	}
	text_fini(&events);
	text_fini(&reply);
}

static void watch_wake(void *arg)
{
	session_wake(arg);
}

static void watch_free(void *job)
{
	struct watch *w = job;

	hub_unlisten(w->hub, &w->listener);
	free(w);
}

/* 0 for what is no list of kinds. */
static unsigned kinds_decode(const json_t *names)
{
	unsigned wanted = 0;
	json_t *name;
	size_t i, j;

	if (!names || json_is_null(names))
		return WATCH_ALL;
	json_array_foreach (names, i, name) {
		for (j = 0; j < sizeof(kinds) / sizeof(kinds[0]); j++)
			if (json_is_string(name) &&
			    strcmp(json_string_value(name), kinds[j].name) == 0)
				break;
		if (j == sizeof(kinds) / sizeof(kinds[0]))
			return 0;
		wanted |= kinds[j].kind;
	}
	return wanted;
}

static void watch_begin(struct control_session *s, const json_t *params, bool expectations)
{
	const struct control_context *ctx = session_context(s);
	struct watch *w = calloc(1, sizeof(*w));
	struct text first = TEXT_INIT;
	const char *member;

	if (!session_more(s)) { /* called one way */
		free(w);
		session_reply(s, json_object());
		return;
	}
	if (!w) {
		session_failed(s, "out of memory");
		return;
	}
	w->hub = ctx->events;
	w->expectations = expectations;
	w->kinds = kinds_decode(json_object_get(params, "kinds"));
	if (!w->kinds)
		session_invalid(s, "kinds");
	else if (control_filter_decode(json_object_get(params, "filter"), &w->filter, &member))
		session_invalid(s, "filter");
	else if (hub_listen(w->hub, &w->listener, watch_wake, s))
		session_failed(s, "out of memory");
	else {
		/* So that the client knows from when on it is told. */
		text_puts(&first, "{\"skipped\":0,\"show\":[],\"events\":[]}");
		session_continue(s, watch_step, w, watch_free);
		session_reply_text(s, &first, true);
		text_fini(&first);
		return;
	}
	free(w);
}

static void watch_flows(struct control_session *s, const json_t *params)
{
	watch_begin(s, params, false);
}

static void watch_expectations(struct control_session *s, const json_t *params)
{
	watch_begin(s, params, true);
}

static const struct method_param expect_params[] = {
	{ "kinds", 'a', false },
	{ NULL, 0, false },
};

static const struct method_param watch_params[] = {
	{ "filter", 'o', false },
	{ "kinds", 'a', false },
	{ NULL, 0, false },
};

const struct method watch_methods[] = {
	{
		.name = CONTROL_INTERFACE ".WatchFlows",
		.stream = true,
		.params = watch_params,
		.call = watch_flows,
	},
	{
		.name = CONTROL_INTERFACE ".WatchExpectations",
		.stream = true,
		.params = expect_params,
		.call = watch_expectations,
	},
	{ .name = NULL },
};
