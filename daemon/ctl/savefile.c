/* savefile.c - a file put in the place of another, whole or not at all.
 *
 * The text goes into a new file beside it, to the disk, and is renamed.  All names are looked up
 * in the directory that was opened at first, and no link is followed there: whoever may write
 * in that directory cannot make us write elsewhere. */
#include "ctl/savefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_MODE 0644

/* The directory of a path, and *ret_name in it. */
static int open_directory(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	int fd;

	*ret_name = slash ? slash + 1 : path;
	if (!**ret_name)
		return -EISDIR;
	if (slash) {
		size_t len = slash == path ? 1 : (size_t)(slash - path);

		if (len >= sizeof(dir))
			return -ENAMETOOLONG;
		memcpy(dir, path, len);
		dir[len] = '\0';
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* 0: it may be replaced, and this is how it is; -ENOENT: there is none. */
static int look(int dir, const char *name, struct stat *ret_st, const char **ret_what)
{
	*ret_what = "look at it";
	if (fstatat(dir, name, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret_what = S_ISLNK(ret_st->st_mode) ? "it is a symbolic link: name what it leads to" :
		    !S_ISREG(ret_st->st_mode) ? "it is no plain file" :
						"it has other names (hard links)";
	return S_ISREG(ret_st->st_mode) && ret_st->st_nlink == 1 ? 0 : -EPERM;
}

/* A new file in that directory, for us alone at first. */
static int open_new(int dir, const char *name, char *new, size_t size)
{
	unsigned long long n = 0;
	int fd;

	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		return -EIO;
	if ((size_t)snprintf(new, size, ".%s.%016llx", name, n) >= size)
		return -ENAMETOOLONG;
	fd = openat(dir, new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* was NULL: there was none. */
static int give_away(int fd, const struct stat *was, const char **ret_what)
{
	mode_t mask = umask(0);
	struct stat st;

	umask(mask);
	*ret_what = "keep its owner";
	if (was && (fstat(fd, &st) < 0 ||
		    ((st.st_uid != was->st_uid || st.st_gid != was->st_gid) &&
		     fchown(fd, was->st_uid, was->st_gid) < 0)))
		return -errno;
	*ret_what = "keep its mode";
	return fchmod(fd, was ? was->st_mode & 07777 : NEW_MODE & ~mask) < 0 ? -errno : 0;
}

static int fill(int fd, const struct stat *was, const char *text, size_t len,
		const char **ret_what)
{
	int err;

	*ret_what = "write it";
	err = write_all(fd, text, len);
	if (!err)
		err = give_away(fd, was, ret_what);
	if (!err && fsync(fd) < 0) {
		*ret_what = "bring it to the disk";
		err = -errno;
	}
	return err;
}

/* In an open directory. */
static int replace(int dir, const char *name, const char *text, size_t len,
		   const char **ret_what)
{
	char new[NAME_MAX + 1];
	struct stat was;
	int fd, err = look(dir, name, &was, ret_what);
	bool there = !err;

	if (err && err != -ENOENT)
		return err;
	*ret_what = "make a file beside it";
	fd = open_new(dir, name, new, sizeof(new));
	if (fd < 0)
		return fd;
	err = fill(fd, there ? &was : NULL, text, len, ret_what);
	close(fd);
	if (!err && renameat(dir, new, dir, name) < 0) {
		*ret_what = "rename it";
		err = -errno;
	}
	if (err) {
		unlinkat(dir, new, 0);
		return err;
	}
	*ret_what = "bring its directory to the disk";
	return fsync(dir) < 0 ? -errno : 0;
}

int savefile_write(const char *path, const char *text, size_t len, const char **ret_what)
{
	const char *name;
	int dir, err;

	*ret_what = "open its directory";
	dir = open_directory(path, &name);
	if (dir < 0)
		return dir;
	err = replace(dir, name, text, len, ret_what);
	close(dir);
	return err;
}
