/* rulesetfile.h - the ruleset that the configuration names, as the daemon reads it. */
#ifndef CTFW_HOST_RULESETFILE_H
#define CTFW_HOST_RULESETFILE_H

#include "ctfw/diag.h"
#include "ctfw/generation.h"

/* Put the file in force, in the place of everything, as generation_replace() does; what of the
 * request does not count.  0, or a negative errno with diagnostics; then nothing has changed. */
int rulesetfile_replace(struct generation *g, const char *path,
			const struct generation_request *why, struct diag *d);
/* Whether the file and what it includes are as when they were last put in force. */
bool rulesetfile_is_as_read(const struct generation *g, const char *path);
/* Whether it can be read at all.  0, or a negative errno with diagnostics. */
int rulesetfile_look(const char *path, struct diag *d);
/* Whether that would do, without a daemon.  The same. */
int rulesetfile_check(const char *path, struct diag *d);

#endif
