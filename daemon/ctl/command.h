/* command.h - ctfwctl's commands: a file each, a row each.
 *
 * A command lives in cmd_NAME.c: its usage, its options, its body.  The table in
 * command.c lists them.  A word that is no command of ours begins a command in nft's
 * grammar (cmd_nft.c).  Usage, help, option parsing, and the tests of man page and shell
 * completion all read these rows. */
#ifndef CTFW_CTL_COMMAND_H
#define CTFW_CTL_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

/* What every command gets; tests give it streams of their own. */
struct ctl {
	const char *program; /* as messages name it: "ctfwctl" */
	const char *socket;  /* path of the control socket */
	FILE *out, *err;
};

struct command_option {
	int key; /* the short option's letter, or 256 and above: long only; 0 ends a list */
	const char *name; /* the long option, or NULL */
	const char *arg;  /* what its argument is called; NULL: it takes none, [...]: it may */
	const char *help; /* NULL: another spelling, not shown in help */
};

struct command {
	const char *name;
	const char *args; /* usage behind the name, "" for none */
	const char *help; /* one line */
	const struct command_option *options; /* NULL: none */
	/* argv[0] is the command's own name.  Returns the exit status: 0, or 1 with the
	 * reason on ctl->err. */
	int (*run)(struct ctl *ctl, const struct command *self, int argc, char **argv);
};

/* All of them, NULL at the end, in the order of help. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);
/* The name of the one that a misspelt word may stand for, or NULL. */
const char *command_near(const char *name);

/* The options of argv, one a call, as getopt_long(3) would: operands may stand before
 * and between them, and are moved behind. */
struct command_parser {
	int argc;
	char **argv;
	const char *arg; /* of the option just returned */
	int operand;     /* at the end: index of the first operand in argv */
	bool stop_at_operand; /* what follows the first operand is not ours to read */
};
enum {
	COMMAND_END = 0,    /* no more options; parser->operand is set */
	COMMAND_WRONG = -1, /* said so on ctl->err: end with status 1 */
};
/* One parser at a time: libc keeps the position. */
void command_parser_init(struct command_parser *p, int argc, char **argv);
/* The next option's key, COMMAND_END or COMMAND_WRONG. */
int command_next(struct ctl *ctl, const struct command *cmd, struct command_parser *p);

/* Usage and options, for --help. */
void command_print_help(FILE *out, const char *program, const struct command *cmd);

/* "PROGRAM: message" and a newline on ctl->err; returns 1, so that a command can end with
 * it. */
int ctl_error(struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The whole program: options, the command, its exit status. */
int ctl_main(struct ctl *ctl, int argc, char **argv);

#endif
