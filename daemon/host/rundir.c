/* rundir.c - the runtime directory: one daemon in it, and what outlives that one. */
#include "host/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctfw/conntrack.h"
#include "host/log.h"

#define BACKLOG 128
#define LOCK_TRIES 20
#define LOCK_WAIT_NS 50000000
#define PAGE 4096u

static const struct span nowhere = { NULL, 0, 0 };

static int fail(struct diag *d, int err, const char *what, const char *path)
{
	diag_error(d, &nowhere, "%s %s: %s", what, path, strerror(-err));
	return err;
}

/* A directory that is there is left as it is, whoever it belongs to. */
static int make_directory(const char *path, const struct identity *id, struct diag *d)
{
	if (mkdir(path, 0755) < 0) {
		if (errno == EEXIST)
			return 0;
		return fail(d, -errno, "cannot make the runtime directory", path);
	}
	if (id->change && chown(path, id->uid, id->gid) < 0)
		return fail(d, -errno, "cannot give away the runtime directory", path);
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
			return fail(d, -errno, "cannot lock", path);
		if (++tries < LOCK_TRIES) {
			nanosleep(&wait, NULL);
			continue;
		}
		n = pread(fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? n : 0] = '\0';
		pid[strcspn(pid, "\n")] = '\0';
		diag_error(d, &nowhere, "another ctfwd (process %s) is running in %s",
			   *pid ? pid : "unknown", path);
		return -EBUSY;
	}
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return fail(d, -errno, "cannot write", path);
	return 0;
}

/* ---- the control socket ---- */

static int socket_group(const char *name, gid_t *ret_gid, struct diag *d)
{
	const struct group *g = getgrnam(name);

	if (!g) {
		diag_error(d, &nowhere, "the control-group \"%s\" does not exist", name);
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

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
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
		return errno == ENOENT ? 0 : fail(d, -errno, "control-socket", path);
	if (!S_ISSOCK(st.st_mode)) {
		diag_error(d, &nowhere, "control-socket %s exists and is no socket", path);
		return -EEXIST;
	}
	if (somebody_listens(path)) {
		diag_error(d, &nowhere, "control-socket %s is in use by another process", path);
		return -EADDRINUSE;
	}
	return unlink(path) < 0 ? fail(d, -errno, "cannot remove the stale socket", path) : 0;
}

static int bind_socket(const char *path, struct diag *d)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		diag_error(d, &nowhere,
			   "control-socket %s: a socket's path has at most %zu bytes", path,
			   sizeof(addr.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(d, -errno, "control-socket", path);
	mask = umask(0117);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (!err && listen(fd, BACKLOG) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return fail(d, err, "control-socket", path);
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
		err = fail(d, -errno, "cannot give the control-socket to its group", path);
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
	struct rundir r = { -1, -1, -1, "" };
	int dir, err;

	err = make_directory(path, id, d);
	if (err)
		return err;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail(d, -errno, "runtime-directory", path);
	err = r.lock_fd = open_file(dir, "ctfwd.lock", id);
	if (err == -EBUSY) {
		diag_error(d, &nowhere, "another ctfwd, of another user, is running in %s", path);
		goto out;
	}
	if (err < 0) {
		fail(d, err, "cannot make ctfwd.lock in the runtime directory", path);
		goto out;
	}
	err = take_lock(r.lock_fd, path, d);
	if (err < 0)
		goto out;
	err = r.arena_fd = open_file(dir, "ctfwd.arena", id);
	if (err < 0) {
		fail(d, err, "cannot make ctfwd.arena in the runtime directory", path);
		goto out;
	}
	err = r.listen_fd = open_socket(c, id, d);
	if (err < 0)
		goto out;
	strcpy(r.socket, c->daemon.control_socket);
	*ret_rundir = r;
	err = 0;
out:
	close(dir);
	if (err < 0) {
		if (r.arena_fd >= 0)
			close(r.arena_fd);
		if (r.lock_fd >= 0)
			close(r.lock_fd);
	}
	return err < 0 ? err : 0;
}

void rundir_close(struct rundir *r)
{
	unlink(r->socket);
	close(r->listen_fd);
	close(r->arena_fd);
	close(r->lock_fd);
}

/* ---- the arena ---- */

/* The kernel's name for this boot: 36 characters of hexadecimal digits and hyphens. */
static int read_boot_id(uint8_t ret_id[16])
{
	char text[64] = "", hex[33];
	unsigned i, n = 0, byte;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	for (i = 0; got > 0 && i < (unsigned)got && n < 32; i++) {
		if (text[i] != '-' && text[i] != '\n')
			hex[n++] = text[i];
	}
	hex[n] = '\0';
	for (i = 0; i < 16; i++) {
		if (n != 32 || sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		ret_id[i] = (uint8_t)byte;
	}
	return 0;
}

/* Zero bytes again, and memory behind those that are written to whatever happens: a tmpfs
 * that is full would kill us later with SIGBUS. */
static int make_room(int fd, const struct arena_geometry *g, struct diag *d)
{
	const off_t size = (off_t)arena_size(g), committed = (off_t)arena_committed(g);
	int err;

	if (ftruncate(fd, 0) < 0 || ftruncate(fd, size) < 0)
		return fail(d, -errno, "cannot size", "ctfwd.arena");
	err = posix_fallocate(fd, 0, committed);
	if (err == ENOSPC || err == ENOMEM) {
		diag_error(
			d, &nowhere,
			"no room for the flow table: ctfwd.arena needs %lld MiB in the runtime "
			"directory",
			(long long)(committed >> 20) + 1);
		diag_hint(d,
			  "lower max-flows in [conntrack], or give the file system more room");
		return -ENOSPC;
	}
	return err ? fail(d, -err, "cannot allocate", "ctfwd.arena") : 0;
}

/* Why nothing of a former process goes on. */
static void tell_empty(int fd, int err)
{
	struct arena_header h;
	bool read = pread(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h);

	if (err == -ESTALE && read && h.layout != ARENA_LAYOUT)
		log_say(LEVEL_WARNING,
			"ctfwd.arena starts empty: another version of ctfwd wrote it (layout %u, "
			"this one has %u); its flows, up to %u, are forgotten",
			h.layout, ARENA_LAYOUT, h.flow_records);
	else if (err == -ESTALE)
		log_say(LEVEL_WARNING, "ctfwd.arena starts empty: it is of another boot");
	else
		log_say(LEVEL_WARNING, "ctfwd.arena starts empty: %s; its flows are forgotten",
			err == -EINVAL ? "it is damaged" : strerror(-err));
}

/* What a former process left: 0, or why it cannot be used. */
static int attach(int fd, const struct arena_geometry *g, const uint8_t boot_id[16],
		  struct arena *ret_arena)
{
	size_t size = arena_size(g);
	struct stat st;
	void *mem;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!st.st_size)
		return -ENODATA;
	if ((size_t)st.st_size != size)
		return -E2BIG; /* or no arena: who takes it over looks closer */
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	err = arena_attach(mem, size, g, boot_id, ret_arena);
	if (err)
		munmap(mem, size);
	return err;
}

/* ---- an arena of another size ----
 *
 * The file is the same one, so what is in it is set aside in memory: only what was ever written,
 * the rest are holes. */

struct aside {
	uint8_t *mem;
	size_t size;
	struct arena_geometry geometry;
	uint8_t key[16];
};

static int read_extent(int fd, uint8_t *mem, off_t from, off_t to)
{
	ssize_t n = 1;

	while (from < to && (n = pread(fd, mem + from, (size_t)(to - from), from)) > 0)
		from += n;
	return n < 0 ? -errno : from < to ? -EIO : 0;
}

static int read_extents(int fd, const struct aside *a)
{
	const off_t size = (off_t)a->size;
	off_t from = 0, to;
	int err = 0;

	while (!err && (from = lseek(fd, from, SEEK_DATA)) >= 0 && from < size) {
		to = lseek(fd, from, SEEK_HOLE);
		if (to < 0)
			return -errno;
		err = read_extent(fd, a->mem, from, to < size ? to : size);
		from = to;
	}
	return err || from >= 0 || errno == ENXIO ? err : -errno;
}

static void drop_aside(struct aside *a)
{
	if (a->mem)
		munmap(a->mem, a->size);
	a->mem = NULL;
}

/* 0, or why nothing of it can be taken over. */
static int set_aside(int fd, const uint8_t boot_id[16], struct aside *ret)
{
	struct stat st;
	int err;

	*ret = (struct aside){ 0 };
	if (fstat(fd, &st) < 0)
		return -errno;
	ret->size = (size_t)st.st_size;
	ret->mem = mmap(NULL, ret->size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ret->mem == MAP_FAILED) {
		ret->mem = NULL;
		return -errno;
	}
	err = read_extents(fd, ret);
	if (!err)
		err = arena_geometry_of(ret->mem, ret->size, boot_id, &ret->geometry, ret->key);
	if (err)
		drop_aside(ret);
	return err;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* A page at a time, so that what was a hole stays one.  Written rather than mapped: where the
 * file system is full that is an error and no signal.  0, or the first error. */
static int move_in(int fd, const struct aside *from, const struct arena_geometry *g)
{
	uint64_t at = PAGE, end = arena_size(&from->geometry), to, len;

	while (at < end) {
		bool moves = arena_moves(&from->geometry, g, at, &to, &len);

		if (moves && len > PAGE)
			len = PAGE;
		if (moves && !is_zero(from->mem + at, len) &&
		    pwrite(fd, from->mem + at, len, (off_t)to) != (ssize_t)len)
			return -ENOSPC;
		at += len;
	}
	return 0;
}

/* The header comes last, and in one piece: until then it is no arena. */
static int write_header(int fd, const struct arena_header *h)
{
	uint8_t page[PAGE] = { 0 };

	memcpy(page, h, sizeof(*h));
	return pwrite(fd, page, sizeof(page), 0) == (ssize_t)sizeof(page) ? 0 : -EIO;
}

/* As it was: less may be wanted at the next start. */
static void put_back(int fd, const struct aside *a)
{
	struct diag ignored = DIAG_INIT;

	if (make_room(fd, &a->geometry, &ignored) == 0 && move_in(fd, a, &a->geometry) == 0)
		write_header(fd, (const struct arena_header *)(const void *)a->mem);
	diag_fini(&ignored);
}

/* Those whose record has a number that there is no more. */
static uint32_t flows_behind(const struct aside *a, uint32_t records, const uint8_t boot_id[16])
{
	struct arena was;

	if (a->geometry.flow_records <= records ||
	    arena_attach(a->mem, a->size, &a->geometry, boot_id, &was))
		return 0;
	return conntrack_count_records(was.flows + (size_t)records * ARENA_FLOW_SIZE,
				       a->geometry.flow_records - records);
}

static int convert(int fd, const struct aside *a, const struct arena_geometry *g,
		   const uint8_t boot_id[16], struct diag *d)
{
	struct arena_header h;
	int err = make_room(fd, g, d);
	uint32_t lost;

	if (err) {
		put_back(fd, a);
		return err;
	}
	log_say(LEVEL_NOTICE, "max-flows, max-elements or the like has changed: what has room "
			      "in the new ctfwd.arena goes on");
	lost = flows_behind(a, g->flow_records, boot_id);
	if (lost)
		log_say(LEVEL_WARNING, "%" PRIu32 " flow%s no room in it", lost,
			lost == 1 ? " has" : "s have");
	if (move_in(fd, a, g))
		log_say(LEVEL_WARNING, "the file system of ctfwd.arena is full: not all of it "
				       "goes on");
	arena_make_header(g, boot_id, a->key, &h);
	arena_inherit(&h, a->mem);
	err = write_header(fd, &h);
	return err ? fail(d, err, "cannot write", "ctfwd.arena") : 0;
}

static int start_empty(int fd, const struct arena_geometry *g, const uint8_t boot_id[16],
		       struct diag *d)
{
	struct arena_header h;
	uint8_t key[16];
	int err;

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return fail(d, -EIO, "cannot get random bytes for", "ctfwd.arena");
	err = make_room(fd, g, d);
	if (err)
		return err;
	arena_make_header(g, boot_id, key, &h);
	err = write_header(fd, &h);
	return err ? fail(d, err, "cannot write", "ctfwd.arena") : 0;
}

int rundir_map_arena(int fd, const struct arena_geometry *g, struct arena *ret_arena,
		     bool *ret_fresh, struct diag *d)
{
	struct aside aside = { 0 };
	uint8_t boot_id[16];
	int err;

	err = read_boot_id(boot_id);
	if (err)
		return fail(d, err, "cannot read", "/proc/sys/kernel/random/boot_id");
	*ret_fresh = false;
	err = attach(fd, g, boot_id, ret_arena);
	if (!err)
		return 0;
	if (err == -E2BIG)
		err = set_aside(fd, boot_id, &aside);
	if (err && err != -ENODATA)
		tell_empty(fd, err);
	*ret_fresh = err != 0;
	err = err ? start_empty(fd, g, boot_id, d) : convert(fd, &aside, g, boot_id, d);
	drop_aside(&aside);
	if (err)
		return err;
	err = attach(fd, g, boot_id, ret_arena);
	return err ? fail(d, err, "cannot map", "ctfwd.arena") : 0;
}
