/* opening.c - opens what is fail-closed = no when there is no daemon any more. */
#include "host/opening.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctfw/steer.h"
#include "host/log.h"
#include "host/rundir.h"

#define WAIT_NS 500000000

int opening_open(const struct config *config)
{
	const struct timespec moment = { 0, WAIT_NS };
	int lock = -1, err;

	if (!steer_opens(config))
		return 0;
	nanosleep(&moment, NULL);
	err = rundir_hold(config, &lock);
	if (err == -EBUSY) {
		log_say(LEVEL_NOTICE, "another ctfwd runs: nothing is opened");
		return 0;
	}
	/* Without the lock nobody knows whether one runs. */
	if (!err)
		err = steer_open_up(config);
	if (lock >= 0)
		close(lock);
	if (err)
		log_say(LEVEL_ERROR, "ctfwd is gone, and what is fail-closed = no cannot be "
			"opened: %s", strerror(-err));
	else
		log_say(LEVEL_WARNING, "ctfwd is gone: what is fail-closed = no passes "
			"unfiltered");
	return err;
}
