/* isolate.h - from root to almost nothing, in stages.
 *
 * 1. The daemon starts as root, or as somebody with CAP_NET_ADMIN, or as anybody when it
 *    has no TUN to make.
 * 2. The keeper becomes the daemon's user and keeps CAP_NET_ADMIN alone:
 *    isolate_become(), once what only root may do is done.
 * 3. The filter, forked from the keeper, gives up that as well and can never get anything
 *    back; it dies with the keeper: isolate_filter().
 * 4. When the filter has opened what it needs and made its threads, it may call no more
 *    than what is in syscalls.def: isolate_syscalls(), for all of its threads. */
#ifndef CTFW_HOST_ISOLATE_H
#define CTFW_HOST_ISOLATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "ctfw/diag.h"

/* Who the daemon runs as. */
struct identity {
	uid_t uid;
	gid_t gid;
	bool change; /* we are root and are to become that user */
};

/* Look the user up when we are root; otherwise it is who we are.  0, or with a diagnostic
 * that says what to do -ENOTRECOVERABLE when there is no such user, or -ENOENT when that is
 * not to be known now. */
int isolate_identity(const char *user, struct identity *ret_identity, struct diag *d);
/* Stage 2.  0 or a negative errno, with a diagnostic. */
int isolate_become(const struct identity *id, struct diag *d);
/* Before all stages, and to come back from: files are opened with that user's rights, or with
 * root's again.  0 or a negative errno. */
int isolate_look_as(const struct identity *id);
int isolate_look_as_root(void);
/* Stage 3.  keeper: our parent, whose death is ours.  0 or a negative errno. */
int isolate_filter(pid_t keeper);
/* Stage 4.  0 or a negative errno. */
int isolate_syscalls(void);

#endif
