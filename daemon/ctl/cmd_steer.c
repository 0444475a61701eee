/* cmd_steer.c - ctfwctl steer: how the host's traffic is led into ctfwd, and what leads it
 * around.
 *
 * Works from the configuration file and the kernel, so that it tells as much when no daemon
 * runs. */
#include <string.h>

#include "ctfw/config.h"
#include "ctl/check.h"
#include "ctl/check_print.h"
#include "ctl/commands.h"

enum { OPT_CONFIG = 256 };

static const struct command_option options[] = {
	{ OPT_CONFIG, "config", "FILE", "The daemon's configuration; default " CONFIG_FILE },
	{ 'j', "json", NULL, "As JSON" },
	{ 0, NULL, NULL, NULL },
};

struct steer_options {
	const char *config_file;
	bool json;
};

/* What is wrong, with our name before it. */
static int tell(struct ctl *ctl, struct diag *d)
{
	fprintf(ctl->err, "%s", text_str(&d->text));
	diag_fini(d);
	return 1;
}

/* ---- check ---- */

static int print_found(struct ctl *ctl, const struct checker *c, bool json)
{
	unsigned errors = checker_count(c, SEVERITY_ERROR);
	unsigned warnings = checker_count(c, SEVERITY_WARNING);
	unsigned notes = checker_count(c, SEVERITY_NOTE);
	json_t *all;

	if (json) {
		all = json_pack("{sI sI sI so}", "errors", (json_int_t)errors, "warnings",
				(json_int_t)warnings, "notes", (json_int_t)notes, "findings",
				check_json(c));
		if (!all)
			return ctl_error(ctl, "out of memory");
		json_dumpf(all, ctl->out, JSON_INDENT(2));
		fputc('\n', ctl->out);
		json_decref(all);
	} else {
		check_print(ctl->out, c);
		fputs("Found: ", ctl->out);
		check_print_counts(ctl->out, errors, warnings, notes);
		fputc('\n', ctl->out);
	}
	return errors ? 1 : 0;
}

static int steer_check(struct ctl *ctl, const struct config *config,
		       const struct steer_options *o)
{
	struct diag d = DIAG_INIT;
	struct checker c;
	int status;

	if (checker_init(&c, config, &d))
		return tell(ctl, &d);
	status = checker_run(&c) ? ctl_error(ctl, "out of memory") :
				   print_found(ctl, &c, o->json);
	checker_fini(&c);
	diag_fini(&d);
	return status;
}

/* ---- the command ---- */

static const struct {
	const char *name;
	int (*run)(struct ctl *ctl, const struct config *config, const struct steer_options *o);
} verbs[] = {
	{ "check", steer_check },
};

static int steer_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct steer_options o = { .config_file = CONFIG_FILE };
	struct command_parser parser;
	struct diag d = DIAG_INIT;
	struct config *config;
	const char *verb;
	size_t i;
	int key, status;

	command_parser_init(&parser, argc, argv);
	while ((key = command_next(ctl, self, &parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG)
			return 1;
		if (key == OPT_CONFIG)
			o.config_file = parser.arg;
		else
			o.json = true;
	}
	verb = parser.operand < argc ? argv[parser.operand] : NULL;
	for (i = 0; verb && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, verb) == 0)
			break;
	}
	if (!verb || i == sizeof(verbs) / sizeof(verbs[0]))
		return ctl_error(ctl, "steer: %s%s%s (try \"%s steer --help\")",
				 verb ? "what is \"" : "what shall be done?", verb ? verb : "",
				 verb ? "\"?" : "", ctl->program);
	if (parser.operand + 1 < argc)
		return ctl_error(ctl, "steer: unexpected \"%s\"", argv[parser.operand + 1]);
	if (config_load(o.config_file, &d, &config))
		return tell(ctl, &d);
	status = verbs[i].run(ctl, config, &o);
	config_free(config);
	diag_fini(&d);
	return status;
}

const struct command command_steer = {
	.name = "steer",
	.args = "check [OPTION]...",
	.help = "Look for what leads traffic around ctfwd, or breaks what it does",
	.options = options,
	.run = steer_run,
};
