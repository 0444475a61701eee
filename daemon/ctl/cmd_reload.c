/* cmd_reload.c - ctfwctl reload: what SIGHUP does, and its errors. */
#include "ctl/client.h"
#include "ctl/commands.h"

static int reload_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct client_reply r;
	const char *message;

	if (argc > 1)
		return ctl_error(ctl, "%s: unexpected \"%s\"", self->name, argv[1]);
	if (ctl_call(ctl, "Reload", NULL, &r))
		return 1;
	message = json_string_value(json_object_get(r.params, "message"));
	if (message)
		fprintf(ctl->err, "%s\n", message);
	client_reply_fini(&r);
	return 0;
}

const struct command command_reload = {
	.name = "reload",
	.args = "",
	.help = "Read configuration and ruleset file again, as one step or not at all",
	.run = reload_run,
};
