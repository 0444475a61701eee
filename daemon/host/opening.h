/* opening.h - opens what is fail-closed = no when there is no daemon any more. */
#ifndef CTFW_HOST_OPENING_H
#define CTFW_HOST_OPENING_H

#include "ctfw/config.h"

/* Open what the configuration exempts, unless a daemon runs in half a second, as one that systemd
 * starts in the place of another: the daemon's lock is held meanwhile, if there has been one, so
 * that none starts in between.  The log tells which.  0: it is open, there is nothing to open, or
 * a daemon runs; else a negative errno. */
int opening_open(const struct config *config);

#endif
