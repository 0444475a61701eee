/* cmd_status.c - ctfwctl status: is it filtering, what, and is it well. */
#include <stdlib.h>
#include <time.h>

#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/status_text.h"

static const struct command_option options[] = {
	{ 'j', "json", NULL, "As JSON, under the names of org.ctfw.Status" },
	{ 0, NULL, NULL, NULL },
};

static int status_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct command_parser parser;
	struct client_reply r;
	bool json = false;
	int key;

	command_parser_init(&parser, argc, argv);
	while ((key = command_next(ctl, self, &parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG)
			return 1;
		json = true;
	}
	if (parser.operand < argc)
		return ctl_error(ctl, "%s: unexpected \"%s\"", self->name,
				 argv[parser.operand]);
	if (ctl_call(ctl, "Status", NULL, &r))
		return 1;
	if (json) {
		json_dumpf(r.params, ctl->out, JSON_INDENT(2) | JSON_REAL_PRECISION(16));
		fputc('\n', ctl->out);
	} else {
		status_print(ctl->out, r.params, (double)time(NULL));
	}
	client_reply_fini(&r);
	return 0;
}

const struct command command_status = {
	.name = "status",
	.args = "[-j]",
	.help = "Show whether it is filtering, what, and whether it is well",
	.options = options,
	.run = status_run,
};
