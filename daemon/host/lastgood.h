/* lastgood.h - a copy of the configuration that was in force last.
 *
 * A guard at boot can close only what a configuration names.  Were that of the operator wrong,
 * because of a slip in whatever line, nothing would be closed; so what the last daemon
 * filtered is.
 *
 * The copy is ctfwd.conf in the directory that systemd names in STATE_DIRECTORY; without that
 * there is none. */
#ifndef CTFW_HOST_LASTGOOD_H
#define CTFW_HOST_LASTGOOD_H

#include "ctfw/config.h"

/* The daemon filters by what is in this file now.  What cannot be copied is logged. */
void lastgood_save(const char *path);
/* As config_load(); -ENOENT without diagnostics when there is no copy. */
int lastgood_load(struct diag *d, struct config **ret_config);

#endif
