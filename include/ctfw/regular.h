/* regular.h - files that are nothing but files.
 *
 * A daemon that opened a FIFO would wait for whoever writes to it, for ever, and what comes out
 * of a device may never end. */
#ifndef CTFW_REGULAR_H
#define CTFW_REGULAR_H

/* Open one for reading; path: relative to the directory `dir`, or to ours with AT_FDCWD.  A
 * descriptor, or a negative errno: -EISDIR for a directory, -EMEDIUMTYPE for what else is none. */
int regular_open(int dir, const char *path);
/* strerror() of what came of that. */
const char *regular_error(int err);

#endif
