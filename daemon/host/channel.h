/* channel.h - what keeper and filter say to each other.
 *
 * A socketpair of sequenced packets; each carries one struct channel_message, cut behind
 * its text, and at most one descriptor.  Neither believes more of the other than that:
 * the filter is where an attacker would be, and the keeper takes from it these few kinds
 * and text that it shows. */
#ifndef CTFW_HOST_CHANNEL_H
#define CTFW_HOST_CHANNEL_H

#include <stdint.h>

enum channel_kind {
	CHANNEL_NONE = 0,
	/* filter to keeper */
	CHANNEL_READY,          /* it filters; err -EALREADY: by the rules that a former one
				 * had, and the ruleset file was not read */
	CHANNEL_FAILED,         /* it could not start; text: why */
	CHANNEL_MISCONFIGURED,  /* the same: what is configured is wrong; text: why */
	CHANNEL_HEARTBEAT,      /* err 0: every worker makes progress; text: a status line, or
				 * "" while it works */
	CHANNEL_RELOAD_WANTED,  /* a client asks for it */
	CHANNEL_RELOADED,       /* err, and text: the error, or what needs a restart */
	CHANNEL_ARENA,          /* with a descriptor: the arena is another file now */
	/* keeper to filter */
	CHANNEL_RELOAD,         /* with a descriptor of the configuration's text; or err and
				 * text: it could not be read */
	CHANNEL_RELOAD_LAST,    /* the same; if it succeeds, another filter takes over */
	CHANNEL_STOP,           /* err and text: for clients that wait for a reload; -EAGAIN:
				 * another filter takes over, and may be asked */
	CHANNEL_STEERING,       /* text: Status' member steering */
	CHANNEL_KIND_COUNT
};

#define CHANNEL_TEXT 16384

struct channel_message {
	uint32_t kind; /* enum channel_kind */
	int32_t err;   /* 0 or a negative errno */
	char text[CHANNEL_TEXT]; /* NUL-terminated */
};

/* A pair of descriptors, close-on-exec, non-blocking. */
int channel_new(int ret_fd[2]);
/* text NULL: "".  fd -1: none.  0 or a negative errno; a longer text is cut. */
int channel_send(int channel, enum channel_kind kind, int err, const char *text, int fd);
/* 0, -EAGAIN when there is nothing, -EPIPE when the other end is gone, -EPROTO for what is
 * no message.  *ret_fd is -1 or a descriptor of the caller's. */
int channel_receive(int channel, struct channel_message *ret_message, int *ret_fd);

#endif
