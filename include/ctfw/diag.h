/* diag.h - what is wrong with a text, and where.
 *
 * A source is a named text: a file, a command line, an included file.  A span is a
 * run of bytes in it.  A diagnostic names the place, shows the line and draws
 * carets under the span:
 *
 *     ruleset.nft:7:31: unknown ct state "establish"
 *         ct state establish,related accept
 *                  ^^^^^^^^^
 *     did you mean "established"?
 *
 * Columns count from 1 in bytes; tabs stay tabs in the caret line, so that the
 * carets stand right. */
#ifndef CTFW_DIAG_H
#define CTFW_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctfw/text.h"

struct source {
	char *name; /* as the user knows it: a path, or "<cmdline>" */
	char *text; /* NUL-terminated, may hold NULs before its end */
	size_t len;
	/* Where this one was included from; NULL for the first. */
	const struct source *parent;
	uint32_t parent_off;
	/* Says in words where a byte of it belongs, for texts that lines do not part well, such
	 * as JSON; NULL: nothing is said. */
	void (*path)(const struct source *src, uint32_t off, struct text *out);
};

/* [off, off + len) of a source; len 0 points between two bytes, as at an end. */
struct span {
	const struct source *source; /* NULL: no place */
	uint32_t off;
	uint32_t len;
};

/* All diagnostics of one attempt, as text ready to be shown. */
struct diag {
	struct text text;
	unsigned errors;
};

#define DIAG_INIT { TEXT_INIT, 0 }
/* More than this many errors of one attempt are counted but not shown. */
#define DIAG_MAX_SHOWN 10

void diag_fini(struct diag *d);
/* An error at a place; NULL: no place.  The message has no newline and no full stop. */
void diag_error(struct diag *d, const struct span *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* One line more about the last error, e.g. did you mean "established"? */
void diag_hint(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Line and column of a byte, both from 1. */
void source_position(const struct source *src, uint32_t off, unsigned *ret_line,
		     unsigned *ret_column);
struct span span_join(struct span a, struct span b);

/* The candidate that a misspelt word most likely stands for, or NULL: one that begins with
 * it (four letters or more), else the nearest within two edits (insert, delete, replace,
 * swap) that are fewer than half of its letters.  candidates ends with NULL. */
const char *suggest(const char *word, size_t len, const char *const *candidates);

#endif
