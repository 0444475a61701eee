/* control.h - the control socket's protocol, without its socket.
 *
 * Varlink: JSON objects, each ended by a NUL byte (varlink.org).  A session takes bytes
 * in and gives bytes out; who owns the socket moves them.  Streams ("more") are produced
 * piece by piece, as fast as the peer reads.
 *
 * One thread.  Bytes are a stranger's: a message is at most CONTROL_MESSAGE_MAX long, and
 * what a session holds is bounded whatever its peer does. */
#ifndef CTFW_CONTROL_H
#define CTFW_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ctfw/engine.h"
#include "ctfw/generation.h"

#define CONTROL_INTERFACE "org.ctfw"
#define CONTROL_MESSAGE_MAX (64u << 20) /* a ruleset file is one message */
/* Of those who may only look. */
#define CONTROL_MESSAGE_MAX_READER (64u << 10)

/* What the methods work on. */
struct control_context {
	struct engine *engine;
	struct conntrack *conntrack;
	struct generation *generation;
	struct instant (*now)(void *arg);
	/* The daemon's own part of Status: an object (new reference). */
	json_t *(*status)(void *arg);
	/* Reload configuration and ruleset, then call done once (perhaps before returning):
	 * err 0, or a negative errno with a message for people. */
	void (*reload)(void *arg, void (*done)(void *done_arg, int err, const char *message),
		       void *done_arg);
	void *arg;
};

#endif
