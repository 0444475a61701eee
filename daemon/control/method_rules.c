/* method_rules.c - WatchRuleset: what changes in the ruleset, as a stream without end. */
#include <stdlib.h>
#include <string.h>

#include "control/rule_hub.h"
#include "control/session.h"

struct watch {
	struct rule_hub *hub;
	struct rule_listener listener;
};

static const struct {
	const char *name;
	unsigned object;
} objects[] = {
	{ "tables", RULESET_WATCH_TABLES },	{ "chains", RULESET_WATCH_CHAINS },
	{ "rules", RULESET_WATCH_RULES },	{ "sets", RULESET_WATCH_SETS },
	{ "elements", RULESET_WATCH_ELEMENTS }, { "objects", RULESET_WATCH_OBJECTS },
};
#define N_OBJECTS (sizeof(objects) / sizeof(objects[0]))

/* 0 for what is no list of objects. */
static unsigned objects_decode(const json_t *names)
{
	unsigned wanted = 0;
	json_t *name;
	size_t i, j;

	if (!names || json_is_null(names))
		return RULESET_WATCH_ALL;
	json_array_foreach (names, i, name) {
		for (j = 0; j < N_OBJECTS; j++)
			if (json_is_string(name) &&
			    strcmp(json_string_value(name), objects[j].name) == 0)
				break;
		if (j == N_OBJECTS)
			return 0;
		wanted |= objects[j].object;
	}
	return wanted;
}

static bool kinds_decode(const json_t *names, struct ruleset_watch *w)
{
	json_t *name;
	size_t i;

	w->added = w->removed = !names || json_is_null(names);
	json_array_foreach (names, i, name) {
		if (!json_is_string(name))
			return false;
		if (strcmp(json_string_value(name), "new") == 0)
			w->added = true;
		else if (strcmp(json_string_value(name), "destroy") == 0)
			w->removed = true;
		else
			return false;
	}
	return w->added || w->removed;
}

void session_reply_lines(struct control_session *s, struct text *lines, uint64_t *skipped)
{
	struct text reply = TEXT_INIT;
	json_t *params = json_pack("{sI so}", "skipped", (json_int_t)*skipped, "lines",
				   control_json_text(text_str(lines), lines->len));
	char *json = params ? json_dumps(params, JSON_COMPACT) : NULL;

	text_puts(&reply, json ? json : "");
	reply.failed = reply.failed || !json;
	text_fini(lines);
	*lines = (struct text)TEXT_INIT;
	*skipped = 0;
	session_reply_text(s, &reply, true);
	text_fini(&reply);
	free(json);
	json_decref(params);
}

/* One run: one reply. */
static void watch_step(struct control_session *s, void *job)
{
	struct rule_listener *l = &((struct watch *)job)->listener;

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

	rule_hub_unlisten(w->hub, &w->listener);
	free(w);
}

static void watch_ruleset(struct control_session *s, const json_t *params)
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
	w->hub = session_context(s)->rules;
	w->listener.wake = watch_wake;
	w->listener.arg = s;
	w->listener.generations = json_is_true(json_object_get(params, "generations"));
	w->listener.watch.objects = objects_decode(json_object_get(params, "objects"));
	if (!w->listener.watch.objects)
		session_invalid(s, "objects");
	else if (!kinds_decode(json_object_get(params, "kinds"), &w->listener.watch))
		session_invalid(s, "kinds");
	else if (!control_print_decode(json_object_get(params, "print"),
				       &w->listener.watch.print))
		session_invalid(s, "print");
	else {
		rule_hub_listen(w->hub, &w->listener);
		/* So that the client knows from when on it is told. */
		text_puts(&first, "{\"skipped\":0,\"lines\":\"\"}");
		session_continue(s, watch_step, w, watch_free);
		session_reply_text(s, &first, true);
		text_fini(&first);
		return;
	}
	free(w);
}

static const struct method_param watch_params[] = {
	{ "objects", 'a', false }, { "kinds", 'a', false },	  { "print", 'a', false },
	{ "generations", 'b', false }, { NULL, 0, false },
};

const struct method rule_methods[] = {
	{
		.name = CONTROL_INTERFACE ".WatchRuleset",
		.stream = true,
		.params = watch_params,
		.call = watch_ruleset,
	},
	{ .name = NULL },
};
