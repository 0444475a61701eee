/* cmd_reload.c - ctfwctl reload: what SIGHUP does, and its errors. */
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/trial.h"

enum { OPT_CONFIRM = 256 };

static const struct command_option options[] = {
	{ OPT_CONFIRM, "confirm", "SECONDS",
	  "Read the ruleset alone, and undo it then unless \"confirm\" comes before" },
	{ 0, NULL, NULL, NULL },
};

static int reload_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct command_parser parser;
	struct client_reply r;
	json_t *params = NULL;
	unsigned confirm = 0;
	const char *message;
	int key;

	command_parser_init(&parser, argc, argv);
	while ((key = command_next(ctl, self, &parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG || trial_seconds(ctl, parser.arg, &confirm))
			return 1;
	}
	if (parser.operand < argc)
		return ctl_error(ctl, "%s: unexpected \"%s\"", self->name,
				 argv[parser.operand]);
	if (confirm)
		params = json_pack("{si}", "confirm", (int)confirm);
	if (ctl_call(ctl, "Reload", params, &r))
		return 1;
	message = json_string_value(json_object_get(r.params, "message"));
	if (message)
		fprintf(ctl->err, "%s\n", message);
	trial_tell(ctl, json_object_get(r.params, "trial"));
	client_reply_fini(&r);
	return 0;
}

const struct command command_reload = {
	.name = "reload",
	.args = "[--confirm SECONDS]",
	.help = "Read configuration and ruleset file again, as one step or not at all",
	.options = options,
	.run = reload_run,
};
