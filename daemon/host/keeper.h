/* keeper.h - the process that systemd starts: holds TUNs and steering, keeps a filter. */
#ifndef CTFW_HOST_KEEPER_H
#define CTFW_HOST_KEEPER_H

#include "ctfw/config.h"

/* Run the daemon until it is told to stop.  Takes ownership of config.  Returns the exit
 * status: 0, or after a line that says why 1, or EX_CONFIG when the ruleset is wrong, or what
 * the host has does not go with the configuration: when the next start would fail as well. */
int keeper_run(struct config *config);

#endif
