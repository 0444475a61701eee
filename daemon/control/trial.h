/* trial.h - private to control/: changes on trial, in parameters, replies and the log. */
#ifndef CTFW_CONTROL_TRIAL_H
#define CTFW_CONTROL_TRIAL_H

#include "control/session.h"

/* Parameter `confirm`: when the trial that it asks for ends, monotonic ns; 0: it asks for none.
 * False: it is out of range. */
bool trial_decode(const struct control_context *ctx, const json_t *params, uint64_t *ret_until);
/* What is on trial, as the type Trial: a new reference, NULL when nothing is. */
json_t *trial_encode(const struct control_context *ctx);
/* Tell the log that a trial was asked for. */
void trial_log_begin(const struct control_context *ctx);

#endif
