/* steer_off.c - ctfwctl steer off: the host as if there had never been a ctfwd.
 *
 * A daemon that runs would put everything back within a second, so there must be none; its
 * lock is held meanwhile, so that none starts in between. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "ctfw/steer.h"
#include "ctl/steer.h"

#define TRIES 20 /* of 50 ms: a filter dies a moment after its keeper */

/* The daemon's lock: a descriptor; -1: there is none, nor a daemon; -EWOULDBLOCK: it is
 * taken. */
static int take_lock(const struct config *config)
{
	char path[CONFIG_PATH_MAX + 16];
	struct timespec moment = { .tv_nsec = 50000000 };
	int fd, err, tries = TRIES;

	snprintf(path, sizeof(path), "%s/ctfwd.lock", config->daemon.runtime_directory);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	do {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		err = errno;
		if (err == EWOULDBLOCK)
			nanosleep(&moment, NULL);
	} while (err == EWOULDBLOCK && --tries);
	close(fd);
	return err == EWOULDBLOCK ? -EWOULDBLOCK : -1;
}

int steer_run_off(struct ctl *ctl, const struct config *config, const struct steer_options *o)
{
	struct steer_taken t = { 0 };
	struct diag d = DIAG_INIT;
	int lock = take_lock(config), err;

	(void)o;
	if (lock == -EWOULDBLOCK)
		return ctl_error(ctl, "ctfwd runs, and would put its steering back: stop it "
				      "first (systemctl stop ctfwd)");
	err = steer_off(config, &t, &d);
	if (lock >= 0)
		close(lock);
	if (err)
		return steer_tell(ctl, &d);
	if (t.rules || t.routes || t.filters)
		fprintf(ctl->out,
			"Taken out: %u rule%s, %u route%s, %u filter%s.  What was captured passes "
			"unfiltered now.\n",
			t.rules, t.rules == 1 ? "" : "s", t.routes, t.routes == 1 ? "" : "s",
			t.filters, t.filters == 1 ? "" : "s");
	else
		fputs("There was nothing to take out.\n", ctl->out);
	/* Its unit stays active, and to start that again does nothing. */
	if (t.guard)
		fputs("The guard's part is out, too: \"systemctl restart ctfw-guard\" closes "
		      "again, and until then\nan orderly stop of ctfwd opens.\n",
		      ctl->out);
	diag_fini(&d);
	return 0;
}
