/* steer.h - what ctfwctl steer does: a file for each of its words. */
#ifndef CTFW_CTL_STEER_H
#define CTFW_CTL_STEER_H

#include <jansson.h>

#include "ctfw/config.h"
#include "ctl/command.h"

struct steer_options {
	const char *config_file;
	bool json;
	bool commands; /* of show: as a script */
};

/* Each returns the exit status. */
int steer_run_show(struct ctl *ctl, const struct config *config, const struct steer_options *o);
int steer_run_check(struct ctl *ctl, const struct config *config, const struct steer_options *o);
int steer_run_off(struct ctl *ctl, const struct config *config, const struct steer_options *o);

/* What is wrong, on ctl->err; frees d and returns 1. */
int steer_tell(struct ctl *ctl, struct diag *d);

/* Lines of text as an array of strings. */
json_t *steer_lines(const char *text);

#endif
