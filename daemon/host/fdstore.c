/* fdstore.c - descriptors that systemd keeps while there is no daemon. */
#include "host/fdstore.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "host/log.h"
#include "host/notify.h"

/* Longer than systemd needs when it is well. */
#define SETTLE_US 1000000

static void free_names(char **names, int n)
{
	while (names && n > 0)
		free(names[--n]);
	free(names);
}

void fdstore_receive(struct fdstore *ret_store)
{
	char **names = NULL;
	int i, n = sd_listen_fds_with_names(1, &names);

	*ret_store = (struct fdstore){ NULL, 0 };
	if (n <= 0)
		return;
	ret_store->entry = calloc((size_t)n, sizeof(*ret_store->entry));
	if (!ret_store->entry)
		log_say(LEVEL_ERROR, "out of memory: what systemd kept is not used");
	for (i = 0; ret_store->entry && i < n; i++) {
		struct fdstore_entry *e = &ret_store->entry[ret_store->n++];

		e->fd = SD_LISTEN_FDS_START + i;
		e->state = FDSTORE_WAITING;
		strncpy(e->name, names[i], sizeof(e->name) - 1);
	}
	free_names(names, n);
}

int fdstore_take(struct fdstore *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		struct fdstore_entry *e = &s->entry[i];

		if (e->state != FDSTORE_WAITING || strcmp(e->name, name) != 0)
			continue;
		e->state = FDSTORE_TAKEN;
		return e->fd;
	}
	return -1;
}

void fdstore_refuse(struct fdstore *s, int fd)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->entry[i].fd == fd)
			s->entry[i].state = FDSTORE_REFUSED;
	}
}

/* systemd forgets all of a name at once: what was taken under it is stored again. */
static void drop(struct fdstore *s, size_t which)
{
	const char *name = s->entry[which].name;
	size_t i;

	log_say(LEVEL_DEBUG, "no use for \"%s\", which systemd kept", name);
	close(s->entry[which].fd);
	fdstore_forget(name);
	for (i = 0; i < s->n; i++) {
		if (s->entry[i].state == FDSTORE_TAKEN &&
		    strcmp(s->entry[i].name, name) == 0)
			fdstore_put(name, s->entry[i].fd);
	}
}

void fdstore_settle(struct fdstore *s)
{
	bool dropped = false;
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (s->entry[i].state == FDSTORE_TAKEN)
			continue;
		drop(s, i);
		dropped = true;
	}
	if (dropped)
		notify_barrier(SETTLE_US);
}

void fdstore_fini(struct fdstore *s)
{
	free(s->entry);
	*s = (struct fdstore){ NULL, 0 };
}

void fdstore_put(const char *name, int fd)
{
	notify_store(name, fd);
}

void fdstore_forget(const char *name)
{
	notify_forget(name);
}
