/* rundir.h - the runtime directory and what is in it: lock, arena, control socket.
 *
 *     ctfwd.lock       held by keeper and filter as long as one of them lives
 *     ctfwd.arena      flows, counters, ruleset: stays when the daemon ends
 *     ctfwd.arena.new  while that is turned into one of another size
 *     ctfwd.sock       the control socket (unless configured elsewhere)
 *
 * The keeper opens all of it while it may still be root, and gives it to the daemon's
 * user; the filter inherits the descriptors. */
#ifndef CTFW_HOST_RUNDIR_H
#define CTFW_HOST_RUNDIR_H

#include "ctfw/arena.h"
#include "ctfw/config.h"
#include "ctfw/diag.h"
#include "host/isolate.h"

#define RUNDIR_ARENA "ctfwd.arena"
#define RUNDIR_ARENA_NEW RUNDIR_ARENA ".new"

struct rundir {
	int dir_fd, lock_fd, arena_fd, listen_fd;
	char socket[CONFIG_PATH_MAX];
};

/* Make the directory if it is not there, take the lock (waiting a moment for a daemon
 * that is just dying), open the arena's file, bind the socket in the place of a stale one.
 * 0, or a negative errno with one line in d: -EBUSY when there is another ctfwd. */
int rundir_open(const struct config *c, const struct identity *id, struct rundir *ret_rundir,
		struct diag *d);
/* Only the lock, by whoever wants no daemon to start meanwhile; waiting a moment as above.  0 with
 * a descriptor, or with -1 when there is no such file, nor a daemon then; -EBUSY when there is
 * one, or another negative errno. */
int rundir_hold(const struct config *c, int *ret_fd);
/* Removes the socket. */
void rundir_close(struct rundir *r);

/* The filter's side: map the arena of that geometry.  What a former process left in one of
 * another size goes on, as far as it has room, in a new file, whose descriptor then takes the
 * place of the former; where that cannot be, which the log tells, or resize is false, it goes
 * on as it is, and the arena has other numbers of records than asked for.  A file that is no
 * arena of this boot and layout is made one anew.  *ret_fresh: nothing of a former process is in
 * it.  0, or a negative errno with a diagnostic; the mapping lasts as long as we. */
int rundir_map_arena(struct rundir *r, const struct arena_geometry *g, bool resize,
		     struct arena *ret_arena, bool *ret_fresh, struct diag *d);
/* The keeper's side: whether a descriptor that the filter gave is of the file that has the
 * arena's name now, to be read and written. */
bool rundir_is_arena(const struct rundir *r, int fd);

#endif
