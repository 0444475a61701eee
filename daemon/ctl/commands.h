/* commands.h - every cmd_NAME.c's row. */
#ifndef CTFW_CTL_COMMANDS_H
#define CTFW_CTL_COMMANDS_H

#include "ctl/command.h"

extern const struct command command_conntrack;
extern const struct command command_help;
extern const struct command command_reload;
extern const struct command command_replay;
extern const struct command command_status;

/* Any other word: a command in nft's grammar. */
struct options;
int nft_run(struct ctl *ctl, const struct options *o, int argc, char **argv);

/* For the help of them all. */
void command_print_options(FILE *out, const struct command_option *options);

#endif
