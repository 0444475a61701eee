/* fdstore.h - descriptors that systemd keeps while there is no daemon (sd_notify(3)).
 *
 * What was stored comes back under its name to the next process that systemd starts for the
 * unit, whether the former one was restarted or killed.  Everything that is not wanted any
 * more must be told to be forgotten, or it stays open.
 *
 * Life-cycle: fdstore_receive() at the start, fdstore_take() what the configuration has a use
 * for, fdstore_settle() for the rest, fdstore_fini(); fdstore_put() and fdstore_forget()
 * whenever something is made or unmade.  Without systemd nothing comes, and nothing is kept. */
#ifndef CTFW_HOST_FDSTORE_H
#define CTFW_HOST_FDSTORE_H

#include <stddef.h>

/* As systemd takes them: printable ASCII without a colon; NUL included. */
#define FDSTORE_NAME_MAX 256

enum fdstore_state {
	FDSTORE_NONE = 0,
	FDSTORE_WAITING,
	FDSTORE_TAKEN,
	FDSTORE_REFUSED,
};

struct fdstore_entry {
	char name[FDSTORE_NAME_MAX];
	int fd;
	enum fdstore_state state;
};

struct fdstore {
	struct fdstore_entry *entry;
	size_t n;
};

/* What was stored by a former process; close-on-exec.  Out of memory: nothing. */
void fdstore_receive(struct fdstore *ret_store);
/* The next descriptor of that name that waits, the caller's from now on, or -1. */
int fdstore_take(struct fdstore *s, const char *name);
/* What was taken is not what its name says: the store's again, and of no use. */
void fdstore_refuse(struct fdstore *s, int fd);
/* Close and forget what nobody took, and wait until systemd has closed it as well: what it
 * held open is free then. */
void fdstore_settle(struct fdstore *s);
/* Nothing is closed: what was not settled stays with systemd for the next process. */
void fdstore_fini(struct fdstore *s);

void fdstore_put(const char *name, int fd);
void fdstore_forget(const char *name);

#endif
