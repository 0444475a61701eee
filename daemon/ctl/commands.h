/* commands.h - every cmd_NAME.c's row. */
#ifndef CTFW_CTL_COMMANDS_H
#define CTFW_CTL_COMMANDS_H

#include "ctl/command.h"

extern const struct command command_help;

/* For the help of them all. */
void command_print_options(FILE *out, const struct command_option *options);

#endif
