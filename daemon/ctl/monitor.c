/* monitor.c - monitor [new|destroy] [OBJECTS]: what changes in the ruleset, a command a line;
 * monitor trace: what traced packets meet.  Both as `nft monitor` writes them, until a signal
 * comes. */
#include <errno.h>
#include <string.h>

#include "ctfw/control.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/options.h"

/* ---- what is asked for ---- */

struct wanted {
	json_t *params;
	bool kind, objects; /* named */
	bool trace;
};

/* nft's words for what is watched, and what they mean here. */
static const struct {
	const char *word;
	const char *objects[4];
} scopes[] = {
	{ "tables", { "tables" } },
	{ "chains", { "chains" } },
	{ "rules", { "rules" } },
	{ "sets", { "sets" } },
	{ "elements", { "elements" } },
	/* All of them, and no lines in between. */
	{ "ruleset", { NULL } },
};
#define N_SCOPES (sizeof(scopes) / sizeof(scopes[0]))

static int take_scope(struct wanted *w, const char *word)
{
	size_t i = 0;
	json_t *list;

	while (i < N_SCOPES && strcmp(scopes[i].word, word) != 0)
		i++;
	if (i == N_SCOPES)
		return -EINVAL;
	w->objects = true;
	if (!scopes[i].objects[0])
		return 0;
	list = json_array();
	for (size_t j = 0; scopes[i].objects[j]; j++)
		json_array_append_new(list, json_string(scopes[i].objects[j]));
	json_object_set_new(w->params, "objects", list);
	return 0;
}

static int take_word(struct ctl *ctl, struct wanted *w, const char *word)
{
	static const char *const words[] = { "new",    "trace",	"destroy",  "tables",  "chains",
					     "rules",  "sets",	"elements", "ruleset", NULL };
	const char *near = suggest(word, strlen(word), words);

	if (!w->kind && !w->objects && !w->trace && strcmp(word, "trace") == 0) {
		w->trace = true;
		return 0;
	}
	if (!w->kind && !w->objects && !w->trace &&
	    (strcmp(word, "new") == 0 || strcmp(word, "destroy") == 0)) {
		w->kind = true;
		json_object_set_new(w->params, "kinds", json_pack("[s]", word));
		return 0;
	}
	if (!w->objects && !w->trace && take_scope(w, word) == 0)
		return 0;
	return ctl_error(ctl,
			 "monitor [trace|[new|destroy] [tables|chains|rules|sets|elements|"
			 "ruleset]]: "
			 "\"%s\"%s%s%s",
			 word, near ? ": did you mean \"" : "", near ? near : "",
			 near ? "\"?" : "");
}

/* The words of all arguments, the first of which was monitor. */
static int take_words(struct ctl *ctl, struct wanted *w, int argc, char **argv)
{
	bool first = true;
	char *rest, *word;

	for (int i = 0; i < argc; i++) {
		for (word = strtok_r(argv[i], " \t\n;", &rest); word;
		     word = strtok_r(NULL, " \t\n;", &rest)) {
			if (!first && take_word(ctl, w, word))
				return -1;
			first = false;
		}
	}
	return 0;
}

/* ---- what is told ---- */

static int print_lines(void *arg, const json_t *params)
{
	struct ctl *ctl = arg;
	json_int_t skipped = json_integer_value(json_object_get(params, "skipped"));
	const char *lines = json_string_value(json_object_get(params, "lines"));

	if (skipped)
		ctl_error(ctl,
			  "%lld were skipped: they were too many or too large, or were read "
			  "too slowly",
			  (long long)skipped);
	fputs(lines ? lines : "", ctl->out);
	fflush(ctl->out);
	return ferror(ctl->out) ? 1 : 0;
}

int monitor_run(struct ctl *ctl, const struct options *o, int argc, char **argv)
{
	struct wanted w = { .params = json_pack("{so}", "print", print_names(o->print)) };
	struct client *c;
	int status;

	locale_add(w.params);
	if (take_words(ctl, &w, argc, argv) || !(c = client_open(ctl))) {
		json_decref(w.params);
		return 1;
	}
	if (!w.trace) {
		json_object_set_new(w.params, "json", json_boolean(o->json));
		/* As nft: not beside JSON. */
		json_object_set_new(w.params, "generations",
				    json_boolean(!w.kind && !w.objects && !o->json));
	}
	client_catch_signals(c);
	status = client_each(c, w.trace ? "WatchTrace" : "WatchRuleset", w.params, print_lines,
			     ctl);
	if (client_stopped(c))
		status = 0;
	client_ignore_signals();
	client_close(c);
	return status;
}
