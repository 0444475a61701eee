/* commands.h - every cmd_NAME.c's row. */
#ifndef CTFW_CTL_COMMANDS_H
#define CTFW_CTL_COMMANDS_H

#include <jansson.h>

#include "ctl/command.h"

extern const struct command command_confirm;
extern const struct command command_conntrack;
extern const struct command command_help;
extern const struct command command_reload;
extern const struct command command_replay;
extern const struct command command_rollback;
extern const struct command command_save;
extern const struct command command_status;
extern const struct command command_steer;

/* Any other word: a command in nft's grammar. */
struct options;
/* One of them that does not end: argv[0] begins with the word monitor. */
int monitor_run(struct ctl *ctl, const struct options *o, int argc, char **argv);
/* A value for the parameter `print` of the daemon's methods. */
json_t *print_names(unsigned flags);
/* Adds the parameters that tell the locale of this process. */
void locale_add(json_t *params);
int nft_run(struct ctl *ctl, const struct options *o, int argc, char **argv);

/* There is none of that name, nor is it one in nft's grammar; returns 1. */
int command_unknown(struct ctl *ctl, const char *name);
/* For the help of them all. */
void command_print_options(FILE *out, const struct command_option *options);

#endif
