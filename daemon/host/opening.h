/* opening.h - opens what is fail-closed = no when there is no daemon any more. */
#ifndef CTFW_HOST_OPENING_H
#define CTFW_HOST_OPENING_H

#include "ctfw/config.h"

/* Open what the configuration exempts, unless a daemon runs, whose lock is held meanwhile, so
 * that none starts in between.  The log tells which.  0: it is open, or there is nothing to open;
 * else a negative errno, -EBUSY when a daemon runs. */
int opening_open(const struct config *config);

#endif
