/* cmd_rollback.c - ctfwctl rollback: back to what was in force before. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/arena.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/trial.h"
#include "ctl/writer.h"

enum { OPT_CONFIRM = 256 };

static const struct command_option options[] = {
	{ 'l', "list", NULL, "Show the rulesets that are kept" },
	{ 'j', "json", NULL, "With --list: as JSON" },
	{ OPT_CONFIRM, "confirm", "SECONDS",
	  "Return from there then unless \"confirm\" comes before" },
	{ 0, NULL, NULL, NULL },
};

struct rollback {
	bool list, json;
	unsigned confirm, number; /* 0: not given */
};

/* ---- --list ---- */

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static const char *user_name(const json_t *uid, char buf[static UNIT_TEXT])
{
	const struct passwd *pw;

	if (!json_is_integer(uid))
		return "-";
	pw = getpwuid((uid_t)json_integer_value(uid));
	snprintf(buf, UNIT_TEXT, "%lld", (long long)json_integer_value(uid));
	return pw ? pw->pw_name : buf;
}

static void row(struct columns *c, const json_t *ruleset)
{
	char number[UNIT_TEXT], since[UNIT_TEXT], size[UNIT_TEXT], rules[UNIT_TEXT],
		user[UNIT_TEXT];

	snprintf(number, sizeof(number), "%lld",
		 (long long)json_integer_value(json_object_get(ruleset, "number")));
	unit_bytes((uint64_t)json_integer_value(json_object_get(ruleset, "bytes")), size);
	unit_count((uint64_t)json_integer_value(json_object_get(ruleset, "rules")), rules);
	columns_row(c, number,
		    unit_time(json_number_value(json_object_get(ruleset, "since")), since),
		    text_of(ruleset, "cause"), user_name(json_object_get(ruleset, "uid"), user),
		    size, rules, text_of(ruleset, "what"));
}

static void print_list(struct ctl *ctl, const json_t *reply)
{
	json_int_t crowded = json_integer_value(json_object_get(reply, "crowded_out"));
	const json_t *rulesets = json_object_get(reply, "rulesets");
	struct columns c;
	char room[UNIT_TEXT];
	json_t *ruleset;
	size_t i;

	columns_init(&c, "rlllrrl");
	columns_row(&c, "", "in force since", "by", "who", "size", "rules", "");
	json_array_foreach (rulesets, i, ruleset)
		row(&c, ruleset);
	columns_print(&c, ctl->out, 0);
	columns_fini(&c);
	fprintf(ctl->out,
		"Number 0 is in force; up to %lld before it are kept, together at most %s.\n",
		(long long)json_integer_value(json_object_get(reply, "kept")),
		unit_bytes((uint64_t)json_integer_value(json_object_get(reply, "room")), room));
	if (crowded)
		fprintf(ctl->out, "%lld went for want of room before they were too old.\n",
			(long long)crowded);
}

static int list(struct ctl *ctl, bool json)
{
	struct client_reply r;

	if (ctl_call(ctl, "Rulesets", NULL, &r))
		return 1;
	if (json) {
		json_dumpf(r.params, ctl->out, JSON_INDENT(2) | JSON_REAL_PRECISION(16));
		fputc('\n', ctl->out);
	} else {
		print_list(ctl, r.params);
	}
	client_reply_fini(&r);
	return 0;
}

/* ---- back ---- */

static int back(struct ctl *ctl, const struct rollback *b)
{
	json_t *params = json_object();
	const json_t *undone, *ruleset;
	struct client_reply r;
	char since[UNIT_TEXT];

	if (b->number)
		json_object_set_new(params, "number", json_integer(b->number));
	if (b->confirm)
		json_object_set_new(params, "confirm", json_integer(b->confirm));
	if (ctl_call(ctl, "Rollback", params, &r))
		return 1;
	undone = json_object_get(r.params, "undone");
	ruleset = json_object_get(r.params, "ruleset");
	if (json_is_object(undone))
		fprintf(ctl->out, "What was changed since %s is undone.\n",
			trial_begun(undone, since));
	else
		fprintf(ctl->out,
			"What was in force since %s is in force again (%s: %s), of "
			"%" JSON_INTEGER_FORMAT " rules.\n",
			unit_time(json_number_value(json_object_get(ruleset, "since")), since),
			text_of(ruleset, "cause"), text_of(ruleset, "what"),
			json_integer_value(json_object_get(ruleset, "rules")));
	if (json_is_true(json_object_get(r.params, "file")))
		fputs("The ruleset file is as it was, and not what runs.\n", ctl->out);
	trial_tell(ctl, json_object_get(r.params, "trial"));
	client_reply_fini(&r);
	return 0;
}

static int read_number(struct ctl *ctl, const char *arg, unsigned *ret_number)
{
	size_t digits = strspn(arg, "0123456789");
	unsigned long n = digits && digits < 9 && !arg[digits] ? strtoul(arg, NULL, 10) : 0;

	if (n < 1 || n > ARENA_FORMER)
		return ctl_error(ctl, "rollback: \"%s\" is no ruleset before this: 1 to %d", arg,
				 ARENA_FORMER);
	*ret_number = (unsigned)n;
	return 0;
}

static int read_options(struct ctl *ctl, const struct command *self, int argc, char **argv,
			struct rollback *b)
{
	struct command_parser parser;
	int key;

	command_parser_init(&parser, argc, argv);
	while ((key = command_next(ctl, self, &parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG ||
		    (key == OPT_CONFIRM && trial_seconds(ctl, parser.arg, &b->confirm)))
			return 1;
		b->list = b->list || key == 'l';
		b->json = b->json || key == 'j';
	}
	if (parser.operand + 1 < argc)
		return ctl_error(ctl, "%s: unexpected \"%s\"", self->name,
				 argv[parser.operand + 1]);
	if (parser.operand < argc && read_number(ctl, argv[parser.operand], &b->number))
		return 1;
	if (b->list && (b->number || b->confirm))
		return ctl_error(ctl, "rollback: --list goes with nothing but --json");
	if (b->json && !b->list)
		return ctl_error(ctl, "rollback: --json goes with --list");
	return 0;
}

static int rollback_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct rollback b = { .list = false };

	if (read_options(ctl, self, argc, argv, &b))
		return 1;
	return b.list ? list(ctl, b.json) : back(ctl, &b);
}

const struct command command_rollback = {
	.name = "rollback",
	.args = "[--list [--json]] [--confirm SECONDS] [NUMBER]",
	.help = "Undo what is on trial, or go back to the ruleset before",
	.options = options,
	.run = rollback_run,
};
