/* check_boot.c - whether captured interfaces are closed while the host boots.
 *
 * A unit is enabled when a link of its name is among what a target wants. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/check.h"

#define GUARD "ctfw-guard.service"

static bool exists(const struct checker *c, const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return (size_t)snprintf(path, sizeof(path), "%s%s/%s", c->root, folder, name) <
		       sizeof(path) &&
	       lstat(path, &st) == 0;
}

/* By any target of that directory. */
static bool is_wanted(const struct checker *c, const char *folder)
{
	char path[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", c->root, folder);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (len > 6 && !strcmp(e->d_name + len - 6, ".wants") &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) <
			    sizeof(path))
			found = exists(c, path, GUARD);
	}
	if (dir)
		closedir(dir);
	return found;
}

void check_boot(struct checker *c)
{
	static const char *const folders[] = { "/etc/systemd/system", "/run/systemd/system",
					       "/usr/local/lib/systemd/system",
					       "/usr/lib/systemd/system" };
	const struct config_capture *open = NULL;
	size_t i;

	for (i = 0; !open && i < c->config->n_captures; i++) {
		if (c->config->captures[i].fail_closed)
			open = &c->config->captures[i];
	}
	/* As sd_booted(3). */
	if (!open || !exists(c, "/run/systemd", "system"))
		return;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (is_wanted(c, folders[i]))
			return;
	}
	check_found(c, "%s is not enabled: %s is open at boot until ctfwd has started", GUARD,
		    open->ifname);
	check_todo(c, "systemctl enable %s", GUARD);
}
