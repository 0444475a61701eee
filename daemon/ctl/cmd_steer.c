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

json_t *steer_lines(const char *text)
{
	json_t *array = json_array();

	while (*text) {
		size_t n = strcspn(text, "\n");

		json_array_append_new(array, json_stringn(text, n));
		text += n + (text[n] == '\n');
	}
	return array;
}

static const struct verb {
	const char *name;
	int (*run)(struct ctl *ctl, const struct config *config, const struct steer_options *o);
	bool commands, json; /* options that it takes */
} verbs[] = {
	{ "show", steer_run_show, true, true },
	{ "check", steer_run_check, false, true },
	{ "off", steer_run_off, false, false },
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int read_options(struct ctl *ctl, const struct command *self,
			struct command_parser *parser, struct steer_options *o)
{
	int key;

	while ((key = command_next(ctl, self, parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG)
			return 1;
		if (key == OPT_CONFIG)
			o->config_file = parser->arg;
		else if (key == OPT_COMMANDS)
			o->commands = true;
		else
			o->json = true;
	}
	return 0;
}

/* NULL with the reason on ctl->err. */
static const struct verb *find_verb(struct ctl *ctl, int argc, char **argv)
{
	size_t i;

	for (i = 0; argc && i < N_VERBS; i++) {
		if (strcmp(verbs[i].name, argv[0]) == 0)
			break;
	}
	if (argc == 1 && i < N_VERBS)
		return &verbs[i];
	if (argc == 0)
		ctl_error(ctl, "steer: show, check or off, please");
	else if (i == N_VERBS)
		ctl_error(ctl, "steer: what is \"%s\"? It knows show, check and off", argv[0]);
	else
		ctl_error(ctl, "steer %s: unexpected \"%s\"", argv[0], argv[1]);
	return NULL;
}

static int steer_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct steer_options o = { .config_file = CONFIG_FILE };
	struct command_parser parser;
	struct diag d = DIAG_INIT;
	struct config *config;
	const struct verb *verb;
	int status;

	command_parser_init(&parser, argc, argv);
	if (read_options(ctl, self, &parser, &o))
		return 1;
	verb = find_verb(ctl, argc - parser.operand, argv + parser.operand);
	if (!verb)
		return 1;
	if (o.commands && !verb->commands)
		return ctl_error(ctl, "steer %s: --commands goes with show", verb->name);
	if (o.json && !verb->json)
		return ctl_error(ctl, "steer %s: --json goes with show and check", verb->name);
	if (o.commands && o.json)
		return ctl_error(ctl, "steer %s: --commands or --json, not both", verb->name);
	if (config_load_any(o.config_file, &d, &config))
		return steer_tell(ctl, &d);
	status = verb->run(ctl, config, &o);
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
