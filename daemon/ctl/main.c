/* main.c - ctfwctl from its arguments to its exit status. */
#include <string.h>

#include "ctl/commands.h"
#include "ctl/options.h"

/* --help wherever it stands, -h in the first place only: behind options it may be theirs. */
static bool asks_for_help(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "-h") == 0)
		return true;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

static bool has_option(const struct command *cmd, const char *name)
{
	for (const struct command_option *o = cmd->options; o && o->key; o++)
		if (o->name && strcmp(o->name, name) == 0)
			return true;
	return false;
}

static int run_command(struct ctl *ctl, const struct command *cmd, const struct options *o,
		       int argc, char **argv)
{
	if (o->nft && has_option(cmd, o->nft))
		return ctl_error(ctl, "option --%s goes behind %s: %s %s --%s", o->nft,
				 cmd->name, ctl->program, cmd->name, o->nft);
	if (o->nft)
		return ctl_error(ctl,
				 "option --%s is for commands in nft's grammar, not for %s",
				 o->nft, cmd->name);
	if (asks_for_help(argc, argv)) {
		command_print_help(ctl->out, ctl->program, cmd);
		return 0;
	}
	return cmd->run(ctl, cmd, argc, argv);
}

int ctl_main(struct ctl *ctl, int argc, char **argv)
{
	const struct command *cmd;
	struct options o;

	if (options_parse(ctl, argc, argv, &o))
		return 1;
	argc -= o.operand;
	argv += o.operand;
	if (o.version) {
		fprintf(ctl->out, "%s (ctfw) v%s\n", ctl->program, CTFW_VERSION);
		return 0;
	}
	if (o.help) {
		char *help[] = { "help", NULL };

		return command_help.run(ctl, &command_help, 1, help);
	}
	cmd = argc ? command_find(argv[0]) : NULL;
	if (cmd && !o.file)
		return run_command(ctl, cmd, &o, argc, argv);
	if (argc == 0 && !o.file && !o.interactive)
		return ctl_error(ctl, "no command specified (\"%s help\" lists them)",
				 ctl->program);
	return nft_run(ctl, &o, argc, argv);
}
