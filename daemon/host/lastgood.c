/* lastgood.c - a copy of the configuration that was in force last. */
#include "host/lastgood.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctfw/regular.h"
#include "host/log.h"

#define NAME "ctfwd.conf"
#define NEW "ctfwd.conf.new"
#define COPY_MAX (1u << 20)

static const char *directory(void)
{
	const char *dir = getenv("STATE_DIRECTORY");

	/* More than one, with colons between: none of them is ours. */
	return dir && *dir == '/' && !strchr(dir, ':') ? dir : NULL;
}

static int read_all(int fd, struct text *out)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		text_append(out, buf, (size_t)n);
		if (out->len > COPY_MAX)
			return -EFBIG;
	}
	if (n < 0)
		return -errno;
	return text_failed(out) ? -ENOMEM : 0;
}

static int read_file(int dir, const char *path, struct text *out)
{
	int err, fd = regular_open(dir, path);

	if (fd < 0)
		return fd;
	err = read_all(fd, out);
	close(fd);
	return err;
}

/* Whole or not at all, also when the machine fails meanwhile. */
static int write_file(int dir, const struct text *t)
{
	int err = 0, fd;

	/* One that is there was never finished. */
	if (unlinkat(dir, NEW, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text_str(t), t->len) != (ssize_t)t->len)
		err = -ENOSPC;
	else if (fdatasync(fd) < 0)
		err = -errno;
	close(fd);
	if (!err && renameat(dir, NEW, dir, NAME) < 0)
		err = -errno;
	/* In a file system that is full it would be in the way. */
	if (err)
		unlinkat(dir, NEW, 0);
	return err;
}

/* It may have been edited since it was loaded. */
static bool is_right(const char *path, const struct text *t)
{
	struct config *c = NULL;
	struct diag d = DIAG_INIT;
	bool right = config_parse(path, text_str(t), t->len, &d, &c) == 0;

	config_free(c);
	diag_fini(&d);
	return right;
}

void lastgood_save(const char *path)
{
	struct text now = TEXT_INIT, before = TEXT_INIT;
	const char *name = directory();
	int err, dir;

	if (!name)
		return;
	dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = dir < 0 ? -errno : read_file(AT_FDCWD, path, &now);
	if (!err && is_right(path, &now) &&
	    (read_file(dir, NAME, &before) || strcmp(text_str(&before), text_str(&now)) != 0))
		err = write_file(dir, &now);
	if (err)
		log_say(LEVEL_WARNING,
			"cannot keep a copy of the configuration in %s: %s; all else goes on, and "
			"--guard may close by an older one",
			name, regular_error(err));
	if (dir >= 0)
		close(dir);
	text_fini(&now);
	text_fini(&before);
}

int lastgood_load(struct diag *d, struct config **ret_config)
{
	const char *dir = directory();
	char path[CONFIG_PATH_MAX];

	if (!dir || snprintf(path, sizeof(path), "%s/" NAME, dir) >= (int)sizeof(path) ||
	    access(path, F_OK) < 0)
		return -ENOENT;
	return config_load(path, d, ret_config);
}
