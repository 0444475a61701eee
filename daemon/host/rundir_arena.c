/* rundir_arena.c - the arena's file: made, found again, or turned into one of another size.
 *
 * What a former process left is never written to before it is sure that it goes on as it is.
 * For another size a second file is filled beside it, ctfwd.arena.new, and takes its name when
 * it is whole: a death at any instant leaves the one or the other.  Where that cannot be, for
 * want of room as a rule, the size stays what it was. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctfw/conntrack.h"
#include "ctfw/expect.h"
#include "host/log.h"
#include "host/rundir_private.h"

#define PAGE 4096u

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
static int make_room(int fd, const struct arena_geometry *g)
{
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)arena_size(g)) < 0)
		return -errno;
	return -posix_fallocate(fd, 0, (off_t)arena_committed(g));
}

static long long mib_committed(const struct arena_geometry *g)
{
	return (long long)(arena_committed(g) >> 20) + 1;
}

/* The header comes last, and in one piece: until then it is no arena. */
static int write_header(int fd, const struct arena_header *h)
{
	uint8_t page[PAGE] = { 0 };

	memcpy(page, h, sizeof(*h));
	return pwrite(fd, page, sizeof(page), 0) == (ssize_t)sizeof(page) ? 0 : -ENOSPC;
}

/* ---- nothing goes on ---- */

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

static int start_empty(int fd, const struct arena_geometry *g, const uint8_t boot_id[16],
		       struct diag *d)
{
	struct arena_header h;
	uint8_t key[16];
	int err;

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return rundir_fail(d, -EIO, "cannot get random bytes for", RUNDIR_ARENA);
	err = make_room(fd, g);
	if (!err) {
		arena_make_header(g, boot_id, key, &h);
		err = write_header(fd, &h);
	}
	if (err != -ENOSPC && err != -ENOMEM)
		return err ? rundir_fail(d, err, "cannot allocate", "ctfwd.arena") : 0;
	diag_error(d, NULL,
		   "no room for the flow table: ctfwd.arena needs %lld MiB in the runtime "
		   "directory", mib_committed(g));
	diag_hint(d, "lower max-flows in [conntrack], or give the file system more room");
	return -ENOSPC;
}

/* ---- as it is ---- */

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

/* ---- of another size ---- */

/* No configuration asks for more: who says that he has it made it up. */
static bool is_possible(const struct arena_geometry *g)
{
	return g->flow_records <= conntrack_records(CONFIG_FLOWS_MAX) &&
	       g->expect_records <= conntrack_expect_records(CONFIG_EXPECT_MAX) &&
	       g->element_records <= CONFIG_ELEMENTS_MAX && g->text_bytes <= ARENA_TEXT_BYTES;
}

/* What there is, to be read alone.  Only where the file has data: to look into a hole would
 * have it filled, in a tmpfs. */
struct former {
	int fd;
	uint8_t *mem;
	size_t size; /* without what the file has behind it */
	struct arena_geometry geometry;
	uint8_t key[16];
};

static void former_fini(struct former *f)
{
	if (f->mem)
		munmap(f->mem, f->size);
	f->mem = NULL;
}

/* What it claims to be, by its first page. */
static int read_header(struct former *f, const uint8_t boot_id[16])
{
	_Alignas(PAGE) uint8_t page[PAGE];
	struct stat st;
	int err;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	if (pread(f->fd, page, PAGE, 0) != (ssize_t)PAGE)
		return -EINVAL;
	err = arena_geometry_of(page, (size_t)st.st_size, boot_id, &f->geometry, f->key);
	return err || is_possible(&f->geometry) ? err : -EINVAL;
}

/* 0, or why nothing of it can be taken over. */
static int former_init(struct former *ret, int fd, const uint8_t boot_id[16])
{
	int err;
	void *mem;

	*ret = (struct former){ .fd = fd };
	err = read_header(ret, boot_id);
	if (err)
		return err;
	ret->size = arena_size(&ret->geometry);
	mem = mmap(NULL, ret->size, PROT_READ, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	ret->mem = mem;
	return 0;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* A page at a time, so that what is all zeros becomes a hole.  Written rather than mapped:
 * where the file system is full that is an error and no signal. */
static int move_extent(const struct former *from, uint64_t at, uint64_t end, int fd,
		       const struct arena_geometry *g)
{
	uint64_t to, len;

	while (at < end) {
		bool moves = arena_moves(&from->geometry, g, at, &to, &len);

		if (len > end - at)
			len = end - at;
		if (moves && len > PAGE - at % PAGE)
			len = PAGE - at % PAGE;
		if (moves && !is_zero(from->mem + at, len) &&
		    pwrite(fd, from->mem + at, len, (off_t)to) != (ssize_t)len)
			return -ENOSPC;
		at += len;
	}
	return 0;
}

/* All but the header. */
static int move_in(const struct former *from, int fd, const struct arena_geometry *g)
{
	const off_t size = (off_t)arena_size(&from->geometry);
	off_t at = PAGE, end;
	int err = 0;

	while (!err && (at = lseek(from->fd, at, SEEK_DATA)) >= 0 && at < size) {
		end = lseek(from->fd, at, SEEK_HOLE);
		if (end < 0)
			return -errno;
		err = move_extent(from, (uint64_t)at, (uint64_t)(end < size ? end : size), fd,
				  g);
		at = end;
	}
	return err || at >= 0 || errno == ENXIO ? err : -errno;
}

/* Those whose record has a number that there is no more. */
static uint32_t flows_behind(const struct former *f, uint32_t records,
			     const uint8_t boot_id[16])
{
	struct arena was;
	off_t at, end, to;
	uint32_t n = 0;

	if (f->geometry.flow_records <= records ||
	    arena_attach(f->mem, f->size, &f->geometry, boot_id, &was))
		return 0;
	at = (was.flows - f->mem) + (off_t)records * ARENA_FLOW_SIZE;
	end = (was.flows - f->mem) + (off_t)f->geometry.flow_records * ARENA_FLOW_SIZE;
	while (at < end && (at = lseek(f->fd, at, SEEK_DATA)) >= 0 && at < end &&
	       (to = lseek(f->fd, at, SEEK_HOLE)) >= 0) {
		to = to < end ? to : end;
		n += conntrack_count_records(f->mem + at,
					     (uint32_t)((to - at) / ARENA_FLOW_SIZE));
		at = to;
	}
	return n;
}

/* A file that is ours alone: whatever had that name was never finished. */
static int open_new(int dir)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd;

	if (unlinkat(dir, RUNDIR_ARENA_NEW, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, RUNDIR_ARENA_NEW, flags, 0600);
	return fd < 0 ? -errno : fd;
}

static int fill(int fd, const struct former *from, const struct arena_geometry *g,
		const uint8_t boot_id[16])
{
	struct arena_header h;
	int err = make_room(fd, g);

	if (!err)
		err = move_in(from, fd, g);
	if (err)
		return err;
	arena_make_header(g, boot_id, from->key, &h);
	arena_inherit(&h, from->mem);
	return write_header(fd, &h);
}

/* Into a second file, which takes the place of the first.  0, or why all is as it was. */
static int convert(struct rundir *r, const struct former *from, const struct arena_geometry *g,
		   const uint8_t boot_id[16])
{
	uint32_t lost = flows_behind(from, g->flow_records, boot_id);
	int fd = open_new(r->dir_fd), err;

	if (fd < 0)
		return fd;
	err = fill(fd, from, g, boot_id);
	if (!err && renameat(r->dir_fd, RUNDIR_ARENA_NEW, r->dir_fd, RUNDIR_ARENA) < 0)
		err = -errno;
	if (err) {
		unlinkat(r->dir_fd, RUNDIR_ARENA_NEW, 0);
		close(fd);
		return err;
	}
	log_say(LEVEL_NOTICE, "max-flows, max-elements or the like has changed: what has room "
			      "in the new ctfwd.arena goes on");
	if (lost)
		log_say(LEVEL_WARNING, "%" PRIu32 " flow%s no room in it", lost,
			lost == 1 ? " has" : "s have");
	close(r->arena_fd);
	r->arena_fd = fd;
	return 0;
}

static void tell_kept(int err, const struct arena_geometry *g)
{
	if (err == -ENOSPC || err == -ENOMEM)
		log_say(LEVEL_WARNING,
			"max-flows, max-elements or the like has changed, which is put off: while "
			"ctfwd.arena is converted there must be room for another one, of %lld MiB "
			"and what rulesets take, in the runtime directory", mib_committed(g));
	else
		log_say(LEVEL_WARNING,
			"max-flows, max-elements or the like has changed, which is put off: "
			"ctfwd.arena cannot be converted: %s", strerror(-err));
}

/* Another configuration of this daemon has made it, or could have: of what has columns for fewer
 * workers, say, nobody can make use as it is. */
static bool may_stay(const struct arena_geometry *was, const struct arena_geometry *g)
{
	return was->workers == g->workers && conntrack_max_flows(was->flow_records) > 0 &&
	       was->text_bytes == (g->text_bytes ? g->text_bytes : ARENA_TEXT_BYTES);
}

/* 0, also when the size stays what it was; or why nothing of it can be taken over. */
static int take_over(struct rundir *r, const struct arena_geometry *g, bool resize,
		     const uint8_t boot_id[16], struct arena *ret_arena)
{
	struct former former;
	int err = former_init(&former, r->arena_fd, boot_id);
	bool stays = !err && may_stay(&former.geometry, g);

	if (err)
		return err;
	err = resize || !stays ? convert(r, &former, g, boot_id) : -EALREADY;
	if (err && !stays) {
		err = -EINVAL;
	} else if (err) {
		if (resize)
			tell_kept(err, g);
		g = &former.geometry;
		/* It may be longer than it says; and were there no memory behind it, nobody had
		 * made it. */
		err = ftruncate(r->arena_fd, (off_t)arena_size(g)) < 0 ? -errno : 0;
		if (!err && posix_fallocate(r->arena_fd, 0, (off_t)arena_committed(g)))
			err = -EINVAL;
	}
	if (!err)
		err = attach(r->arena_fd, g, boot_id, ret_arena);
	former_fini(&former);
	return err;
}

bool rundir_is_arena(const struct rundir *r, int fd)
{
	struct stat there, st;

	return fstatat(r->dir_fd, RUNDIR_ARENA, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == there.st_dev &&
	       st.st_ino == there.st_ino && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

/* The file itself is at fault, rather than what we lack. */
static bool is_of_no_use(int err)
{
	return err == -ENODATA || err == -EINVAL || err == -ESTALE;
}

int rundir_map_arena(struct rundir *r, const struct arena_geometry *g, bool resize,
		     struct arena *ret_arena, bool *ret_fresh, struct diag *d)
{
	uint8_t boot_id[16];
	bool fresh = false;
	int err = read_boot_id(boot_id);

	if (err)
		return rundir_fail(d, err, "cannot read", "/proc/sys/kernel/random/boot_id");
	err = attach(r->arena_fd, g, boot_id, ret_arena);
	if (err == -E2BIG)
		err = take_over(r, g, resize, boot_id, ret_arena);
	if (is_of_no_use(err)) {
		if (err != -ENODATA)
			tell_empty(r->arena_fd, err);
		fresh = true;
		err = start_empty(r->arena_fd, g, boot_id, d);
		if (err)
			return err;
		err = attach(r->arena_fd, g, boot_id, ret_arena);
	}
	if (err)
		return rundir_fail(d, err, "cannot map", RUNDIR_ARENA);
	*ret_fresh = fresh;
	return 0;
}
