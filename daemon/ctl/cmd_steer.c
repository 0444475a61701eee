/* cmd_steer.c - ctfwctl steer: how the host's traffic is led into ctfwd, and what leads it
 * around.
 *
 * Works from the configuration file and the kernel, so that it tells as much when no daemon
 * runs. */
#include <string.h>

#include "ctfw/config.h"
#include "ctl/commands.h"
#include "ctl/steer.h"

enum { OPT_CONFIG = 256, OPT_COMMANDS };

static const struct command_option options[] = {
	{ OPT_CONFIG, "config", "FILE", "The daemon's configuration; default " CONFIG_FILE },
	{ OPT_COMMANDS, "commands", NULL, "With show: as commands of ip(8) and tc(8)" },
	{ 'j', "json", NULL, "With show and check: as JSON" },
	{ 0, NULL, NULL, NULL },
};

int steer_tell(struct ctl *ctl, struct diag *d)
{
	fprintf(ctl->err, "%s", text_str(&d->text));
	diag_fini(d);
	return 1;
}

static const struct {
	const char *name;
	int (*run)(struct ctl *ctl, const struct config *config, const struct steer_options *o);
	bool commands, json; /* options that it takes */
} verbs[] = {
	{ "show", steer_run_show, true, true },
	{ "check", steer_run_check, false, true },
	{ "off", steer_run_off, false, false },
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
		else if (key == OPT_COMMANDS)
			o.commands = true;
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
	if ((o.commands && !verbs[i].commands) || (o.json && !verbs[i].json) ||
	    (o.commands && o.json))
		return ctl_error(ctl, "steer %s: %s", verb,
				 !o.commands || !o.json ? "that option is for others" :
							  "--commands or --json, not both");
	if (config_load(o.config_file, &d, &config))
		return steer_tell(ctl, &d);
	status = verbs[i].run(ctl, config, &o);
	config_free(config);
	diag_fini(&d);
	return status;
}

const struct command command_steer = {
	.name = "steer",
	.args = "show|check|off [OPTION]...",
	.help = "Show what leads traffic into ctfwd, look for what leads it around, or undo it",
	.options = options,
	.run = steer_run,
};
