/* command.c - the table of commands, their options and their help. */
#include "ctl/command.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "ctfw/diag.h"
#include "ctl/commands.h"
#include "ctl/options.h"

#define OPTIONS_MAX 96

const struct command *const commands[] = {
	&command_status,
	&command_conntrack,
	&command_reload,
	&command_confirm,
	&command_rollback,
	&command_save,
	&command_steer,
	&command_replay,
	&command_help,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

const char *command_near(const char *name)
{
	/* nft's verbs, which stand for themselves: replace is no replay. */
	static const char *const verbs[] = { "add",	"create", "insert",  "replace",
					     "delete",	"destroy", "list",   "flush",
					     "rename",	"reset",  "get",     "describe",
					     "monitor" };
	enum { N_VERBS = sizeof(verbs) / sizeof(verbs[0]) };
	const char *names[sizeof(commands) / sizeof(commands[0]) + N_VERBS];
	const char *near;
	size_t n = N_VERBS;

	memcpy(names, verbs, sizeof(verbs));
	for (const struct command *const *c = commands; *c; c++)
		names[n++] = (*c)->name;
	names[n] = NULL;
	near = suggest(name, strlen(name), names);
	return near && command_find(near) ? near : NULL;
}

int ctl_error(struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	fprintf(ctl->err, "%s: ", ctl->program);
	va_start(ap, fmt);
	vfprintf(ctl->err, fmt, ap);
	va_end(ap);
	fputc('\n', ctl->err);
	return 1;
}

void command_parser_init(struct command_parser *p, int argc, char **argv)
{
	*p = (struct command_parser){ .argc = argc, .argv = argv };
	optind = 0; /* glibc: begin anew */
}

/* What would be right in the place of a long option that the command does not know. */
static void suggest_option(struct ctl *ctl, const struct command *cmd, const char *word)
{
	const char *names[OPTIONS_MAX + 1], *name = word + 2, *near;
	size_t len = strcspn(name, "="), n = 0;

	if (*cmd->name && len == strlen("socket") && strncmp(name, "socket", len) == 0) {
		fprintf(ctl->err, "It goes before the command: %s --socket PATH %s\n",
			ctl->program, cmd->name);
		return;
	}
	for (const struct command_option *o = cmd->options; o && o->key; o++)
		if (o->name && o->help && n < OPTIONS_MAX)
			names[n++] = o->name;
	names[n] = NULL;
	near = suggest(name, len, names);
	if (near)
		fprintf(ctl->err, "Did you mean --%s?\n", near);
}

/* Say why getopt_long() returned '?' or ':'. */
static int parser_wrong(struct ctl *ctl, const struct command *cmd, struct command_parser *p,
			int result)
{
	const char *word = optind > 0 && optind <= p->argc ? p->argv[optind - 1] : "";
	bool is_long = strncmp(word, "--", 2) == 0;
	char letter[3] = { '-', (char)optopt, '\0' };
	const char *what;

	if (result == ':')
		what = "needs an argument";
	else if (is_long && optopt)
		what = "takes no argument";
	else
		what = "is not known";
	ctl_error(ctl, "%s%soption %s %s", cmd->name, *cmd->name ? ": " : "",
		  is_long ? word : letter, what);
	if (is_long && result == '?' && !optopt)
		suggest_option(ctl, cmd, word);
	fprintf(ctl->err, "Try \"%s%s%s --help\".\n", ctl->program, *cmd->name ? " " : "",
		cmd->name);
	return COMMAND_WRONG;
}

/* How many colons getopt() wants, too. */
static int has_arg(const struct command_option *o)
{
	static_assert(no_argument == 0 && required_argument == 1 && optional_argument == 2,
		      "colons");
	return !o->arg ? no_argument : *o->arg == '[' ? optional_argument : required_argument;
}

int command_next(struct ctl *ctl, const struct command *cmd, struct command_parser *p)
{
	struct option longs[OPTIONS_MAX + 1] = { 0 };
	char shorts[3 * OPTIONS_MAX + 3] = "";
	size_t n_longs = 0, n_shorts = 0;
	int result;

	if (p->stop_at_operand)
		shorts[n_shorts++] = '+';
	shorts[n_shorts++] = ':'; /* tell a missing argument from an unknown option */
	for (const struct command_option *o = cmd->options; o && o->key; o++) {
		if (o->name && n_longs < OPTIONS_MAX)
			longs[n_longs++] = (struct option){
				o->name, has_arg(o), NULL, o->key
			};
		if (o->key < 256 && n_shorts + 4 < sizeof(shorts)) {
			shorts[n_shorts++] = (char)o->key;
			for (int i = 0; i < has_arg(o); i++)
				shorts[n_shorts++] = ':';
		}
	}
	shorts[n_shorts] = '\0';
	opterr = 0;
	result = getopt_long(p->argc, p->argv, shorts, longs, NULL);
	p->operand = optind;
	if (result == -1)
		return COMMAND_END;
	if (result == '?' || result == ':')
		return parser_wrong(ctl, cmd, p, result);
	p->arg = optarg;
	return result;
}

void command_print_options(FILE *out, const struct command_option *options)
{
	for (const struct command_option *o = options; o && o->key; o++) {
		char text[80];
		int n = 0;

		if (!o->help)
			continue;
		if (o->key < 256)
			n = snprintf(text, sizeof(text), "-%c%s", o->key, o->name ? ", " : "");
		if (o->name)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%s--%s",
				      o->key < 256 ? "" : "    ", o->name);
		if (o->arg)
			snprintf(text + n, sizeof(text) - (size_t)n, " %s", o->arg);
		fprintf(out, "  %-28s %s\n", text, o->help);
	}
}

void command_print_help(FILE *out, const char *program, const struct command *cmd)
{
	fprintf(out, "Usage: %s %s%s%s\n%s.\n", program, cmd->name, *cmd->args ? " " : "",
		cmd->args, cmd->help);
	if (cmd->options) {
		fputs("\nOptions:\n", out);
		command_print_options(out, cmd->options);
	}
}
