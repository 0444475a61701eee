/* rulefile.c - ruleset files as programs read them. */
#include "ctfw/rulefile.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctfw/regular.h"
#include "ctfw/siphash.h"

static int read_all(int fd, struct text *t)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text_append(t, buf, (size_t)n);
		if (t->len > RULEFILE_MAX)
			return -EFBIG;
	}
	return text_failed(t) ? -ENOMEM : 0;
}

static int read_file(int fd, char **ret_text, size_t *ret_len)
{
	struct text t = TEXT_INIT;
	int err = read_all(fd, &t);

	if (!err) {
		text_append(&t, "", 0); /* an empty file is a text too */
		*ret_len = t.len;
		*ret_text = text_steal(&t);
		err = *ret_text ? 0 : -ENOMEM;
	}
	text_fini(&t);
	return err;
}

int rulefile_read(const char *path, char **ret_text, size_t *ret_len)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : read_file(fd, ret_text, ret_len);

	if (fd >= 0 && !standard)
		close(fd);
	return err;
}

int rulefile_read_regular(const char *path, char **ret_text, size_t *ret_len)
{
	int fd = regular_open(AT_FDCWD, path);
	int err = fd < 0 ? fd : read_file(fd, ret_text, ret_len);

	if (fd >= 0)
		close(fd);
	return err;
}

static bool has_wildcard(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

/* A directory that is not there holds nothing; of one that cannot be looked into nobody knows
 * what rules would be missing. */
static int cannot_look(const char *path, int err)
{
	(void)path;
	errno = err;
	return err != ENOENT && err != ENOTDIR;
}

/* Why a name without wildcards gave no file. */
static int why_none(const char *name)
{
	struct stat st;

	if (stat(name, &st) == 0)
		return S_ISDIR(st.st_mode) ? -EISDIR : 0;
	return errno != ENOENT && errno != ENOTDIR ? -errno : 0;
}

uint64_t rulefile_hash(uint64_t before, const char *text, size_t len)
{
	static const struct siphash_key key = { 0x66696c6568617368, 0x0123456789abcdef };
	const uint64_t both[2] = { before, siphash_bytes(&key, text, len) };

	return siphash_bytes(&key, both, sizeof(both)) | 1;
}

/* Files of one pattern: how many, or a negative errno. */
static int include_glob(const char *pattern, bool regular,
			void (*found)(void *found_arg, char *name, char *text, size_t len),
			void *found_arg)
{
	glob_t g = { 0 };
	int n = 0;

	switch (glob(pattern, 0, cannot_look, &g)) {
	case 0:
	case GLOB_NOMATCH:
		break;
	case GLOB_NOSPACE:
		return -ENOMEM;
	default:
		n = errno ? -errno : -EIO;
	}
	for (size_t i = 0; i < g.gl_pathc && n >= 0; i++) {
		struct stat st;
		char *name, *text;
		size_t len;
		int err;

		/* A wildcard may match directories: nft takes no notice of them. */
		if (stat(g.gl_pathv[i], &st) == 0 && S_ISDIR(st.st_mode))
			continue;
		err = (regular ? rulefile_read_regular : rulefile_read)(g.gl_pathv[i], &text,
									&len);
		if (err < 0) {
			n = err;
			break;
		}
		name = strdup(g.gl_pathv[i]);
		if (!name) {
			free(text);
			n = -ENOMEM;
			break;
		}
		found(found_arg, name, text, len);
		n++;
	}
	globfree(&g);
	return n || has_wildcard(pattern) ? n : why_none(pattern);
}

static bool is_searched(const char *pattern)
{
	return *pattern != '/' && strncmp(pattern, "./", 2) != 0 &&
	       strncmp(pattern, "../", 3) != 0;
}

int rulefile_include(void *arg, const char *pattern, const char *from,
		     void (*found)(void *found_arg, char *name, char *text, size_t len),
		     void *found_arg)
{
	const struct rulefile_path *path = arg;
	bool wildcard = has_wildcard(pattern);
	int n = 0;

	(void)from;
	if (!is_searched(pattern)) {
		n = include_glob(pattern, path->regular, found, found_arg);
	} else {
		/* As nft 1.0.6: of a name the first directory's, of a wildcard all that
		 * match, the last directory's first. */
		for (size_t i = 0; i < path->n && (n == 0 || (n > 0 && wildcard)); i++) {
			const char *dir = path->dirs[wildcard ? path->n - 1 - i : i];
			struct text full = TEXT_INIT;

			text_printf(&full, "%s/%s", dir, pattern);
			n = text_failed(&full) ?
				    -ENOMEM :
				    include_glob(text_str(&full), path->regular, found,
						 found_arg);
			text_fini(&full);
		}
	}
	if (n < 0)
		return n;
	return n || wildcard ? 0 : -ENOENT;
}
