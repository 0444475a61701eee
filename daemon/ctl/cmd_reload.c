/* cmd_reload.c - ctfwctl reload: what SIGHUP does, and its errors. */
#include <string.h>

#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/trial.h"

enum { OPT_CONFIRM = 256 };

/* Others may change by reloads what is captured, and each of those ends a filter. */
#define TRIES 20

static const struct command_option options[] = {
	{ OPT_CONFIRM, "confirm", "SECONDS",
	  "Read the ruleset alone, and undo it then unless \"confirm\" comes before" },
	{ 0, NULL, NULL, NULL },
};

/* A filter that ends for another one to take over has us ask that: who connects waits for it. */
static int call(struct ctl *ctl, const json_t *params, struct client_reply *ret_reply)
{
	struct client_reply r = { 0 };
	int tries = 0, err;

	do {
		struct client *c;

		client_reply_fini(&r);
		c = client_open(ctl);
		if (!c)
			return 1;
		err = client_send(c, "Reload", json_deep_copy(params), false) ||
		      client_receive(c, &r);
		client_close(c);
	} while (!err && r.error && strcmp(r.error, "org.ctfw.TryAgain") == 0 &&
		 ++tries < TRIES);
	if (!err && r.error) {
		client_explain(ctl, &r);
		client_reply_fini(&r);
		err = 1;
	}
	*ret_reply = r;
	return err;
}

static int reload_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct command_parser parser;
	struct client_reply r;
	json_t *params = NULL;
	unsigned confirm = 0;
	const char *message;
	int key, status;

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
	status = call(ctl, params, &r);
	json_decref(params);
	if (status)
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
