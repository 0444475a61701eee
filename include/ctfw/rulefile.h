/* rulefile.h - ruleset files as programs read them: the file, and what it includes. */
#ifndef CTFW_RULEFILE_H
#define CTFW_RULEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/ruleset.h"

#define RULEFILE_MAX (64u << 20) /* bytes of one file: more is a mistake, or /dev/zero */

/* Directories to look into for an `include` that begins with neither "/" nor "./" nor
 * "../": the arg of rulefile_include(). */
struct rulefile_path {
	const char *const *dirs;
	size_t n;
	bool regular; /* what is no regular file is an error, -EMEDIUMTYPE */
};

/* A file's text, malloc'ed and NUL-terminated.  path: "-" is standard input.  0, or a
 * negative errno (-EFBIG: longer than RULEFILE_MAX). */
int rulefile_read(const char *path, char **ret_text, size_t *ret_len);
/* The same for whoever may not be kept waiting by a pipe: -EMEDIUMTYPE where path names no
 * regular file (regular.h), and "-" is a name like others. */
int rulefile_read_regular(const char *path, char **ret_text, size_t *ret_len);
/* By which a file is known again that was read before: of its path and its text, one after the
 * other, and likewise of each that it includes.  before: what came before, 0 for the first.
 * Never 0. */
uint64_t rulefile_hash(uint64_t before, const char *text, size_t len);
/* struct ruleset_reader's include: a file from the first directory that has it; of a
 * pattern with wildcards those of all directories, of each in alphabetical order and none
 * that begins with a dot (nft(8), INCLUDE FILES).  A directory that may not be looked into is
 * an error. */
int rulefile_include(void *arg, const char *pattern, const char *from,
		     void (*found)(void *found_arg, char *name, char *text, size_t len),
		     void *found_arg);

#endif
