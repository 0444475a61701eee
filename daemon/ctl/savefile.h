/* savefile.h - a file put in the place of another, whole or not at all. */
#ifndef CTFW_CTL_SAVEFILE_H
#define CTFW_CTL_SAVEFILE_H

#include <stddef.h>

/* Write text to path so that a reader, or a machine that loses its power, finds the file of
 * before or this one.  A file that is there keeps its mode and its owner; a new one is readable
 * by all, as far as the umask lets it.  What is there must be a plain file that has no other
 * name: links are refused, not followed, with -EPERM and in *ret_what a sentence that begins
 * with "it ".  0, or another negative errno and in *ret_what what could not be done. */
int savefile_write(const char *path, const char *text, size_t len, const char **ret_what);

#endif
