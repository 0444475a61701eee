/* cmd_help.c - ctfwctl help [COMMAND]. */
#include "ctl/commands.h"
#include "ctl/options.h"

static void print_all(FILE *out, const char *program)
{
	fprintf(out,
		"Usage: %s [--socket PATH] COMMAND [ARGUMENT...]\n"
		"       %s [OPTION...] NFT-COMMAND...\n"
		"       %s [OPTION...] -f FILE\n"
		"\nCommands:\n",
		program, program, program);
	for (const struct command *const *c = commands; *c; c++)
		fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->help);
	fprintf(out,
		"Any other word begins a command in nft's own grammar: add, list, flush, ...\n"
		"\nOptions (before an nft command):\n");
	command_print_options(out, global_options);
	fprintf(out, "\nMore: %s help COMMAND, ctfwctl(8), nft(8).\n", program);
}

int command_unknown(struct ctl *ctl, const char *name)
{
	const char *near = command_near(name);

	if (near)
		return ctl_error(ctl, "no command \"%s\": did you mean \"%s\"?", name, near);
	return ctl_error(ctl,
			 "no command \"%s\" (\"%s help\" lists them; those in nft's grammar "
			 "are in ctfw-ruleset(5))",
			 name, ctl->program);
}

static int help_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	const struct command *cmd;

	if (argc > 2)
		return ctl_error(ctl, "%s: one command at a time", self->name);
	if (argc == 1) {
		print_all(ctl->out, ctl->program);
		return 0;
	}
	cmd = command_find(argv[1]);
	if (!cmd)
		return command_unknown(ctl, argv[1]);
	command_print_help(ctl->out, ctl->program, cmd);
	return 0;
}

const struct command command_help = {
	.name = "help",
	.args = "[COMMAND]",
	.help = "Show the commands, or the usage of one",
	.run = help_run,
};
