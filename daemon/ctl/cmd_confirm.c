/* cmd_confirm.c - ctfwctl confirm: changes that are on trial stay; and words about trials. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/control.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/trial.h"
#include "ctl/writer.h"

int trial_seconds(struct ctl *ctl, const char *arg, unsigned *ret_seconds)
{
	size_t digits = strspn(arg, "0123456789");
	unsigned long n = digits && digits < 9 && !arg[digits] ? strtoul(arg, NULL, 10) : 0;

	if (n < 1 || n > CONTROL_TRIAL_MAX) {
		ctl_error(ctl, "--confirm %s: must be seconds, 1 to %d", arg,
			  CONTROL_TRIAL_MAX);
		return -EINVAL;
	}
	*ret_seconds = (unsigned)n;
	return 0;
}

const char *trial_begun(const json_t *trial, char buf[static UNIT_TEXT])
{
	return unit_time(json_number_value(json_object_get(trial, "begun")), buf);
}

void trial_tell(struct ctl *ctl, const json_t *trial)
{
	char since[UNIT_TEXT];

	if (!json_is_object(trial))
		return;
	fprintf(ctl->err,
		"On trial: what was changed since %s is undone in %lld s, unless \"%s confirm\" "
		"comes before.\n",
		trial_begun(trial, since),
		(long long)json_integer_value(json_object_get(trial, "undone_in")),
		ctl->program);
}

static int confirm_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct client_reply r;
	char since[UNIT_TEXT];

	if (argc > 1)
		return ctl_error(ctl, "%s: unexpected \"%s\"", self->name, argv[1]);
	if (ctl_call(ctl, "Confirm", NULL, &r))
		return 1;
	fprintf(ctl->out, "What was changed since %s stays.\n", trial_begun(r.params, since));
	client_reply_fini(&r);
	return 0;
}

const struct command command_confirm = {
	.name = "confirm",
	.args = "",
	.help = "Keep the changes that are on trial",
	.run = confirm_run,
};
