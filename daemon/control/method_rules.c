/* method_rules.c - WatchRuleset: what changes in the ruleset, as a stream without end. */
#include <stdlib.h>
#include <string.h>

#include "control/rule_hub.h"
#include "control/session.h"

struct watch {
	struct rule_listener listener; /* first, and its queue is first in it */
	struct rule_hub *hub;
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

static void watch_free(void *job)
{
	struct watch *w = job;

	rule_hub_unlisten(w->hub, &w->listener);
	free(w);
}

static void watch_ruleset(struct control_session *s, const json_t *params)
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
	w->hub = session_context(s)->rules;
	w->listener.generations = json_is_true(json_object_get(params, "generations"));
	w->listener.watch.json = json_is_true(json_object_get(params, "json"));
	w->listener.watch.objects = objects_decode(json_object_get(params, "objects"));
	if (!w->listener.watch.objects)
		session_invalid(s, "objects");
	else if (!kinds_decode(json_object_get(params, "kinds"), &w->listener.watch))
		session_invalid(s, "kinds");
	else if (!control_print_decode(json_object_get(params, "print"),
				       &w->listener.watch.print))
		session_invalid(s, "print");
	else if ((wrong = control_locale_decode(params, &w->listener.locale)))
		session_invalid(s, wrong);
	else {
		rule_hub_listen(w->hub, &w->listener);
		lines_stream(s, &w->listener.queue, watch_free);
		return;
	}
	free(w);
}

static const struct method_param watch_params[] = {
	{ "objects", 'a', false }, { "kinds", 'a', false },	  { "print", 'a', false },
	{ "generations", 'b', false }, { "zone", 'o', false }, { "json", 'b', false },
	{ "labels", 'a', false }, { NULL, 0, false },
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
