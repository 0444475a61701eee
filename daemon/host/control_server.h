/* control_server.h - the control socket: connections, their rights and their limits. */
#ifndef CTFW_HOST_CONTROL_SERVER_H
#define CTFW_HOST_CONTROL_SERVER_H

#include <stddef.h>

#include "ctfw/control.h"

struct event_base;
struct control_server;
struct pulse;

struct control_limits {
	unsigned connections; /* one more, and one must go: control_server.c says which */
	size_t output; /* bytes not yet read by peers, all connections together; likewise */
	unsigned message_seconds; /* from the first byte of a message to its last */
	unsigned stall_seconds;   /* an answer of which not a byte was read */
	unsigned drain_msec;      /* what answers under way get at an orderly end; the keeper
				   * waits for 600 ms */
};

/* Serve on a listening Unix stream socket, which is borrowed and made non-blocking.  SIGPIPE
 * must be ignored by then: a peer may go at any time.
 * Borrows base and ctx.  NULL when out of memory. */
struct control_server *control_server_new(struct event_base *base, int listen_fd,
					  const struct control_context *ctx);
void control_server_free(struct control_server *s);
/* For tests, which would wait for minutes otherwise: others than the defaults; of use before the
 * first connection. */
void control_server_set_limits(struct control_server *s, const struct control_limits *limits);
/* What is told that a client's command is worked on; borrowed. */
void control_server_set_pulse(struct control_server *s, struct pulse *pulse);
/* How many it holds, for tests: a peer sees of its own alone whether it is there. */
unsigned control_server_connections(const struct control_server *s);

/* Who connects from now on waits for the next process that serves the socket. */
void control_server_hold(struct control_server *s);
/* Orderly end: no more connections, nor calls but those that peers have made already, or make as
 * their first; done is called once, from the loop, when every answer has been read, or after
 * limits.drain_msec and some turns of the loop at the latest. */
void control_server_drain(struct control_server *s, void (*done)(void *arg), void *arg);

#endif
