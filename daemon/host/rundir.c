/* rundir.c - the runtime directory: one daemon in it, and what outlives that one.  What is in
 * the arena's file is for rundir_arena.c. */
#include "host/rundir_private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCK "ctfwd.lock"
#define BACKLOG 128
#define LOCK_TRIES 20
#define LOCK_WAIT_NS 50000000

int rundir_fail(struct diag *d, int err, const char *what, const char *path)
{
	diag_error(d, NULL, "%s %s: %s", what, path, strerror(-err));
	return err;
}

/* A directory that is there is left as it is, whoever it belongs to. */
static int make_directory(const char *path, const struct identity *id, struct diag *d)
{
	if (mkdir(path, 0755) < 0) {
		if (errno == EEXIST)
			return 0;
		return rundir_fail(d, -errno, "cannot make the runtime directory", path);
	}
	if (id->change && chown(path, id->uid, id->gid) < 0)
		return rundir_fail(d, -errno, "cannot give away the runtime directory", path);
	return 0;
}

static bool is_ours(const struct stat *st, const struct identity *id)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1 &&
	       (!st->st_uid || st->st_uid == id->uid);
}

/* Whether somebody holds it.  It may be another daemon's, of another user. */
static bool is_locked(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return locked;
}

/* A file of the directory, ours to read and write.  What is no plain file of the daemon's
 * user is replaced: root must not write through what somebody else put there. */
static int open_file(int dir, const char *name, const struct identity *id)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	int fd, err = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !is_ours(&st, id)) {
		if (S_ISREG(st.st_mode) && is_locked(dir, name))
			return -EBUSY;
		if (unlinkat(dir, name, 0) < 0)
			return -errno;
	}
	fd = openat(dir, name, flags, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!is_ours(&st, id))
		err = -EPERM;
	/* Its key is secret, whatever its mode has become. */
	else if (st.st_mode & 077 && fchmod(fd, 0600) < 0)
		err = -errno;
	else if (id->change && fchown(fd, id->uid, id->gid) < 0)
		err = -errno;
	if (err < 0) {
		close(fd);
		return err;
	}
	return fd;
}

static int take_lock(int fd, const char *path, struct diag *d)
{
	const struct timespec wait = { 0, LOCK_WAIT_NS };
	char pid[16] = "";
	int tries = 0;
	ssize_t n;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return rundir_fail(d, -errno, "cannot lock", path);
		if (++tries < LOCK_TRIES) {
			nanosleep(&wait, NULL);
			continue;
		}
		n = pread(fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		diag_error(d, NULL, "another ctfwd (process %s) is running in %s",
			   *pid ? pid : "unknown", path);
		return -EBUSY;
	}
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return rundir_fail(d, -errno, "cannot write", path);
	return 0;
}

int rundir_hold(const struct config *c, int *ret_fd)
{
	const struct timespec wait = { 0, LOCK_WAIT_NS };
	char path[CONFIG_PATH_MAX + sizeof("/" LOCK)];
	int fd, tries = 0, err;

	snprintf(path, sizeof(path), "%s/" LOCK, c->daemon.runtime_directory);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return -errno;
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		err = errno == EWOULDBLOCK || errno == EINTR ? -EBUSY : -errno;
		if (err != -EBUSY || ++tries >= LOCK_TRIES) {
			close(fd);
			return err;
		}
		nanosleep(&wait, NULL);
	}
	*ret_fd = fd;
	return 0;
}

/* ---- the control socket ---- */

static int socket_group(const char *name, gid_t *ret_gid, struct diag *d)
{
	const struct group *g = getgrnam(name);

	if (!g) {
		diag_error(d, NULL, "the control-group \"%s\" does not exist", name);
		return -ENOENT;
	}
	*ret_gid = g->gr_gid;
	return 0;
}

/* A daemon with another runtime directory may have the same socket. */
static bool somebody_listens(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool listens;

	memcpy(addr.sun_path, path, strnlen(path, sizeof(addr.sun_path) - 1));
	/* EAGAIN: more wait for him than he has room for. */
	listens = fd >= 0 && (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ||
			      errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	return listens;
}

/* We have the lock, so a socket in the runtime directory is stale.  But another kind of file is
 * none of our business, nor is a socket elsewhere that is in use. */
static int unlink_stale(const char *path, struct diag *d)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : rundir_fail(d, -errno, "control-socket", path);
	if (!S_ISSOCK(st.st_mode)) {
		diag_error(d, NULL, "control-socket %s exists and is no socket", path);
		return -EEXIST;
	}
	if (somebody_listens(path)) {
		diag_error(d, NULL, "control-socket %s is in use by another process", path);
		return -EADDRINUSE;
	}
	if (unlink(path) < 0)
		return rundir_fail(d, -errno, "cannot remove the stale socket", path);
	return 0;
}

static int bind_socket(const char *path, struct diag *d)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		diag_error(d, NULL, "control-socket %s: a socket's path has at most %zu bytes",
			   path, sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return rundir_fail(d, -errno, "control-socket", path);
	mask = umask(0117);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (!err && listen(fd, BACKLOG) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return rundir_fail(d, err, "control-socket", path);
	}
	return fd;
}

static int open_socket(const struct config *c, const struct identity *id, struct diag *d)
{
	const char *path = c->daemon.control_socket;
	gid_t gid = id->gid;
	int fd, err;

	err = c->daemon.control_group[0] ? socket_group(c->daemon.control_group, &gid, d) : 0;
	if (!err)
		err = unlink_stale(path, d);
	if (err)
		return err;
	fd = bind_socket(path, d);
	if (fd < 0)
		return fd;
	if ((id->change || gid != id->gid) && lchown(path, id->uid, gid) < 0) {
		err = rundir_fail(d, -errno, "cannot give the control-socket to its group",
				  path);
		unlink(path);
		close(fd);
		return err;
	}
	return fd;
}

/* ---- the whole ---- */

int rundir_open(const struct config *c, const struct identity *id, struct rundir *ret_rundir,
		struct diag *d)
{
	const char *path = c->daemon.runtime_directory;
	struct rundir r = { -1, -1, -1, -1, "" };
	int err;

	err = make_directory(path, id, d);
	if (err)
		return err;
	r.dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.dir_fd < 0)
		return rundir_fail(d, -errno, "runtime-directory", path);
	err = r.lock_fd = open_file(r.dir_fd, LOCK, id);
	if (err == -EBUSY) {
		diag_error(d, NULL, "another ctfwd, of another user, is running in %s", path);
		goto out;
	}
	if (err < 0) {
		rundir_fail(d, err, "cannot make " LOCK " in the runtime directory", path);
		goto out;
	}
	err = take_lock(r.lock_fd, path, d);
	if (err < 0)
		goto out;
	/* Of a conversion that came to no end: its room is needed. */
	unlinkat(r.dir_fd, RUNDIR_ARENA_NEW, 0);
	err = r.arena_fd = open_file(r.dir_fd, RUNDIR_ARENA, id);
	if (err < 0) {
		rundir_fail(d, err, "cannot make " RUNDIR_ARENA " in the runtime directory",
			    path);
		goto out;
	}
	err = r.listen_fd = open_socket(c, id, d);
	if (err < 0)
		goto out;
	strcpy(r.socket, c->daemon.control_socket);
	*ret_rundir = r;
	err = 0;
out:
	if (err < 0) {
		if (r.arena_fd >= 0)
			close(r.arena_fd);
		if (r.lock_fd >= 0)
			close(r.lock_fd);
		close(r.dir_fd);
	}
	return err < 0 ? err : 0;
}

void rundir_close(struct rundir *r)
{
	unlink(r->socket);
	close(r->listen_fd);
	close(r->arena_fd);
	close(r->lock_fd);
	close(r->dir_fd);
}
