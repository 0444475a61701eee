/* options.h - what stands before the command: the socket, and nft's own options. */
#ifndef CTFW_CTL_OPTIONS_H
#define CTFW_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/command.h"

#define OPTIONS_REPEAT_MAX 64

struct options {
	unsigned print;   /* enum print_flag */
	bool echo, check, interactive, json;
	unsigned confirm; /* seconds; 0: for good */
	const char *file; /* -f: a path, or "-" */
	const char *defines[OPTIONS_REPEAT_MAX];  /* -D: "name=value" */
	size_t n_defines;
	const char *includes[OPTIONS_REPEAT_MAX]; /* -I */
	size_t n_includes;
	const char *nft;  /* the first option that only nft's commands know, or NULL */
	bool help, version;
	int operand;      /* index of the command in argv */
};

extern const struct command_option global_options[];

/* 0, or -EINVAL with the reason on ctl->err.  --socket goes to ctl->socket. */
int options_parse(struct ctl *ctl, int argc, char **argv, struct options *ret_options);

#endif
