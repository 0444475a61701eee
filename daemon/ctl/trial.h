/* trial.h - changes on trial: how long, and what is said of them. */
#ifndef CTFW_CTL_TRIAL_H
#define CTFW_CTL_TRIAL_H

#include <jansson.h>

#include "ctl/command.h"
#include "ctl/writer.h"

/* The argument of --confirm: 0, or -EINVAL with the reason on ctl->err. */
int trial_seconds(struct ctl *ctl, const char *arg, unsigned *ret_seconds);
/* When the first change of a Trial was made. */
const char *trial_begun(const json_t *trial, char buf[static UNIT_TEXT]);
/* What a reply's member `trial` means for who changed something, on ctl->err; NULL: nothing. */
void trial_tell(struct ctl *ctl, const json_t *trial);

#endif
