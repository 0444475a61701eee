/* channel.c - messages between keeper and filter. */
#include "host/channel.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD offsetof(struct channel_message, text)

int channel_new(int ret_fd[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fd) < 0)
		return -errno;
	return 0;
}

int channel_send(int channel, enum channel_kind kind, int err, const char *text, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct channel_message m = { .kind = kind, .err = err };
	struct iovec iov = { &m, HEAD };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	if (text) {
		strncpy(m.text, text, CHANNEL_TEXT - 1);
		iov.iov_len += strlen(m.text);
	}
	if (fd >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
		n = sendmsg(channel, &msg, MSG_NOSIGNAL);
	} else { /* a filter may not call the other (syscalls.def) */
		n = send(channel, &m, iov.iov_len, MSG_NOSIGNAL);
	}
	return n < 0 ? -errno : 0;
}

/* The descriptor that came along; the kernel was given room for one and closes others. */
static int descriptor(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len >= CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int channel_receive(int channel, struct channel_message *ret_message, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { ret_message, sizeof(*ret_message) - 1 };
	/* Not CMSG_SPACE(): its padding would take a second descriptor, for nobody to close. */
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t n;
	int fd;

	do
		n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	fd = descriptor(&msg);
	if (n == 0 || (size_t)n < HEAD || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    ret_message->kind == CHANNEL_NONE || ret_message->kind >= CHANNEL_KIND_COUNT) {
		if (fd >= 0)
			close(fd);
		return n == 0 ? -EPIPE : -EPROTO;
	}
	ret_message->text[(size_t)n - HEAD] = '\0';
	*ret_fd = fd;
	return 0;
}
