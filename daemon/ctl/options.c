/* options.c - what stands before the command.
 *
 * nft's options mean what nft(8) says and come before the command, as with nft 1.0.6.
 * Those that ctfw cannot honour are known and refused with the reason, never ignored. */
#include "ctl/options.h"

#include <errno.h>
#include <string.h>

#include "ctfw/ruleset.h"
#include "ctl/trial.h"

enum { OPT_SOCKET = 256, OPT_CONFIRM };

const struct command_option global_options[] = {
	{ OPT_SOCKET, "socket", "PATH", "Control socket (or the environment's CTFW_SOCKET)" },
	{ 'f', "file", "FILE", "Read nft commands from FILE, or from standard input for -" },
	{ 'i', "interactive", NULL,
	  "Read nft commands from standard input, each line at once" },
	{ 'c', "check", NULL, "Check the commands, change nothing" },
	{ OPT_CONFIRM, "confirm", "SECONDS",
	  "Undo what is changed then, unless \"confirm\" comes before" },
	{ 'D', "define", "NAME=VALUE", "Define a variable (with -f)" },
	{ 'I', "includepath", "DIR", "Search included files here too; default /etc" },
	{ 'a', "handle", NULL, "Print handles" },
	{ 's', "stateless", NULL, "Leave counters and other state out" },
	{ 't', "terse", NULL, "Leave the elements of sets out" },
	{ 'S', "service", NULL, "Print ports as service names" },
	{ 'u', "guid", NULL, "Print user and group names" },
	{ 'n', "numeric", NULL, "Print everything as numbers" },
	{ 'y', "numeric-priority", NULL, "Print priorities as numbers" },
	{ 'p', "numeric-protocol", NULL, "Print protocols as numbers" },
	{ 'T', "numeric-time", NULL, "Print times as numbers" },
	{ 'e', "echo", NULL, "Print what was added, inserted or replaced" },
	{ 'j', "json", NULL, "Print as JSON, and read commands that are written so" },
	{ 'h', "help", NULL, "Show this help" },
	{ 'v', "version", NULL, "Show the version" },
	{ 'V', NULL, NULL, NULL },
	/* Known to nft, not to be had here. */
	{ 'N', "reversedns", NULL, NULL },
	{ 'o', "optimize", NULL, NULL },
	{ 'd', "debug", "LEVEL", NULL },
	{ 0, NULL, NULL, NULL },
};

static const struct command global = { .name = "", .args = "", .options = global_options };

static const struct {
	char key;
	unsigned flag;
} print_flags[] = {
	{ 'a', PRINT_HANDLE },       { 's', PRINT_STATELESS },     { 't', PRINT_TERSE },
	{ 'S', PRINT_SERVICE },      { 'u', PRINT_GUID },          { 'n', PRINT_NUMERIC },
	{ 'y', PRINT_NUMERIC_PRIO }, { 'p', PRINT_NUMERIC_PROTO }, { 'T', PRINT_NUMERIC_TIME },
};

static const struct {
	char key;
	const char *reason;
} refused[] = {
	{ 'N', "-N: addresses are always printed as numbers, no name server is asked" },
	{ 'o', "-o: ctfw does not rewrite rulesets" },
	{ 'd', "-d: there is no debugging output" },
};

static int push(struct ctl *ctl, const char **list, size_t *n, const char *value, char key)
{
	if (*n == OPTIONS_REPEAT_MAX) {
		ctl_error(ctl, "-%c: at most %d times", key, OPTIONS_REPEAT_MAX);
		return -EINVAL;
	}
	list[(*n)++] = value;
	return 0;
}

/* An option with its letter alone. */
static int take_letter(struct ctl *ctl, struct options *o, int key)
{
	for (size_t i = 0; i < sizeof(print_flags) / sizeof(print_flags[0]); i++)
		if (print_flags[i].key == key)
			o->print |= print_flags[i].flag;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].key == key) {
			ctl_error(ctl, "%s", refused[i].reason);
			return -EINVAL;
		}
	return 0;
}

static int take(struct ctl *ctl, struct options *o, int key, const char *arg)
{
	switch (key) {
	case OPT_SOCKET:
		ctl->socket = arg;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case 'v':
	case 'V':
		o->version = true;
		return 0;
	}
	for (const struct command_option *row = global_options; row->key; row++)
		if (row->key == key && !o->nft)
			o->nft = row->name;
	switch (key) {
	case OPT_CONFIRM:
		return trial_seconds(ctl, arg, &o->confirm);
	case 'f':
		o->file = arg;
		return 0;
	case 'i':
		o->interactive = true;
		return 0;
	case 'c':
		o->check = true;
		return 0;
	case 'e':
		o->echo = true;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'D':
		if (arg[0] == '=' || !strchr(arg, '=')) {
			ctl_error(ctl, "-D %s: must be NAME=VALUE", arg);
			return -EINVAL;
		}
		return push(ctl, o->defines, &o->n_defines, arg, 'D');
	case 'I':
		return push(ctl, o->includes, &o->n_includes, arg, 'I');
	}
	return take_letter(ctl, o, key);
}

int options_parse(struct ctl *ctl, int argc, char **argv, struct options *ret_options)
{
	struct command_parser parser;
	struct options o = { 0 };
	int key, err;

	command_parser_init(&parser, argc, argv);
	parser.stop_at_operand = true;
	while ((key = command_next(ctl, &global, &parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG)
			return -EINVAL;
		err = take(ctl, &o, key, parser.arg);
		if (err)
			return err;
	}
	o.operand = parser.operand;
	*ret_options = o;
	return 0;
}
