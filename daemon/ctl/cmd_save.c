/* cmd_save.c - ctfwctl save: what runs, into the file that the daemon starts with.
 *
 * The file is written by whoever runs this, not by the daemon: that can write nothing under
 * /etc, and shall not be able to. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctfw/control.h"
#include "ctfw/localzone.h"
#include "ctfw/rulefile.h"
#include "ctfw/ruleset.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/savefile.h"
#include "ctl/writer.h"

/* The ruleset is listed between two looks at its generation: so often until these agree. */
#define TRIES 5

static const struct command_option options[] = {
	{ 's', "stateless", NULL, "Leave counters and other state out" },
	{ 0, NULL, NULL, NULL },
};

struct save {
	struct ctl *ctl;
	struct client *client;
	bool stateless;
	json_int_t generation; /* of the listing */
	char *own;             /* the daemon's file, or NULL */
	char *listing;
};

/* Its generation, and the daemon's file.  0, or -1 with the reason on ctl->err. */
static int look(struct save *s, json_int_t *ret_generation)
{
	struct client_reply r;
	const json_t *ruleset;
	const char *path;
	int err = 0;

	if (client_call(s->client, "Status", NULL, &r))
		return -1;
	ruleset = json_object_get(r.params, "ruleset");
	path = json_string_value(json_object_get(ruleset, "path"));
	*ret_generation = json_integer_value(json_object_get(ruleset, "generation"));
	free(s->own);
	s->own = path ? strdup(path) : NULL;
	if (json_is_object(json_object_get(r.params, "trial"))) {
		ctl_error(s->ctl, "save: what runs is on trial: \"%s confirm\" or \"%s rollback\" "
				  "first", s->ctl->program, s->ctl->program);
		err = -1;
	}
	client_reply_fini(&r);
	return err;
}

/* Of the locale no more than this: names of labels may be others when the file is read. */
static void zone_add(json_t *params)
{
	struct locale l;

	localzone_read(&l.zone);
	l.labels.n = 0;
	control_locale_encode(&l, params);
}

static int list(struct save *s)
{
	const unsigned print = PRINT_LOADABLE | (s->stateless ? PRINT_STATELESS : 0);
	json_t *params = json_pack("{s{ss ss} so}", "source", "name", "<save>", "text",
				   "list ruleset", "print", print_names(print));
	struct client_reply r;
	const char *output;

	zone_add(params);
	if (client_call(s->client, "Apply", params, &r))
		return -1;
	output = json_string_value(json_object_get(r.params, "output"));
	free(s->listing);
	s->listing = strdup(output ? output : "");
	client_reply_fini(&r);
	return s->listing ? 0 : -1;
}

/* One state of the ruleset that is on no trial. */
static int take(struct save *s)
{
	json_int_t before, after = 0;

	for (int i = 0; i < TRIES; i++) {
		if (look(s, &before) || list(s) || look(s, &after))
			return -1;
		s->generation = after;
		if (before == after)
			return 0;
	}
	ctl_error(s->ctl, "save: the ruleset changes all the while");
	return -1;
}

static void compose(const struct save *s, struct text *out)
{
	char when[UNIT_TEXT];

	text_printf(out, "# Written by \"%s save\" of ctfw " CTFW_VERSION ", %s:\n"
			 "# the rules that ran then%s.\n"
			 "flush ruleset\n",
		    s->ctl->program, unit_time((double)time(NULL), when),
		    s->stateless ? ", without state" : "");
	text_puts(out, s->listing);
}

/* A file that a start could not load would be worse than none. */
static int check(struct save *s, const struct text *text)
{
	json_t *params = json_pack("{s{ss ss} sb}", "source", "name", "<save>", "text",
				   text_str(text), "check", 1);
	struct client_reply r;

	zone_add(params);
	if (client_call(s->client, "Apply", params, &r))
		return ctl_error(s->ctl, "save: what is listed could not be loaded: no file is "
					 "written");
	client_reply_fini(&r);
	return 0;
}

static int write_out(struct save *s, const char *path, const struct text *text)
{
	const char *what;
	int err;

	if (strcmp(path, "-") == 0) {
		fwrite(text_str(text), 1, text->len, s->ctl->out);
		return 0;
	}
	err = savefile_write(path, text_str(text), text->len, &what);
	if (err == -EPERM && strncmp(what, "it ", 3) == 0)
		return ctl_error(s->ctl, "save: %s is left alone: %s", path, what);
	if (err)
		return ctl_error(s->ctl, "save: %s: cannot %s: %s", path, what, strerror(-err));
	return 0;
}

/* The file is written, whatever the daemon says. */
static int refused(struct save *s, const struct client_reply *r)
{
	if (strcmp(r->error, "org.varlink.service.MethodNotFound") == 0) {
		ctl_error(s->ctl, "save: it is written, but the ctfwd that runs is older and "
				  "cannot be told: its next start loads the file");
		return 0;
	}
	client_explain(s->ctl, r);
	return ctl_error(s->ctl, "save: it is written, but ctfwd was not told: its next start "
				 "loads the file, and counts anew");
}

static int note(struct save *s, const char *digits, struct client_reply *ret_reply)
{
	json_t *params = json_pack("{sI ss*}", "generation", s->generation, "hash", digits);

	return client_send(s->client, "NoteSaved", params, false) ||
	       client_receive(s->client, ret_reply);
}

/* An older ctfwd is told of no hash, and reads the file instead. */
static bool knows_no_hash(const struct client_reply *r)
{
	const char *param = json_string_value(json_object_get(r->params, "parameter"));

	return r->error && strcmp(r->error, "org.varlink.service.InvalidParameter") == 0 &&
	       param && strcmp(param, "hash") == 0;
}

/* The daemon's file holds what runs, as far as nothing has changed since. */
static int tell(struct save *s, const struct text *text)
{
	uint64_t hash = rulefile_hash(0, s->own, strlen(s->own));
	struct client_reply r;
	char digits[17];
	const char *why;
	int status;

	hash = rulefile_hash(hash, text_str(text), text->len);
	snprintf(digits, sizeof(digits), "%016" PRIx64, hash);
	if (note(s, digits, &r))
		return 1;
	if (knows_no_hash(&r)) {
		client_reply_fini(&r);
		if (note(s, NULL, &r))
			return 1;
	}
	why = json_string_value(json_object_get(r.params, "unreadable"));
	status = r.error ? refused(s, &r) : why ? 1 : 0;
	if (why)
		ctl_error(s->ctl, "save: it is written, but ctfwd could not start with it:\n%s",
			  why);
	client_reply_fini(&r);
	return status;
}

static int save(struct save *s, const char *file)
{
	struct text text = TEXT_INIT;
	int status;

	if (take(s))
		return 1;
	if (!file && !s->own)
		return ctl_error(s->ctl, "save: ctfwd tells of no ruleset file");
	compose(s, &text);
	status = text_failed(&text) ? ctl_error(s->ctl, "out of memory") :
				      check(s, &text);
	if (!status)
		status = write_out(s, file ? file : s->own, &text);
	if (!status && !file)
		status = tell(s, &text);
	text_fini(&text);
	return status;
}

static int save_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct save s = { .ctl = ctl };
	struct command_parser parser;
	int key, status = 1;

	command_parser_init(&parser, argc, argv);
	while ((key = command_next(ctl, self, &parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG)
			return 1;
		s.stateless = true;
	}
	if (parser.operand + 1 < argc)
		return ctl_error(ctl, "%s: unexpected \"%s\"", self->name,
				 argv[parser.operand + 1]);
	s.client = client_open(ctl);
	if (s.client)
		status = save(&s, parser.operand < argc ? argv[parser.operand] : NULL);
	client_close(s.client);
	free(s.own);
	free(s.listing);
	return status;
}

const struct command command_save = {
	.name = "save",
	.args = "[-s] [FILE]",
	.help = "Write what runs to the ruleset file, or to FILE",
	.options = options,
	.run = save_run,
};
