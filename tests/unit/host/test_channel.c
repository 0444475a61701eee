/* test_channel.c - what keeper and filter say to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/channel.h"

static int pair[2];
static struct channel_message m;

static int open_pair(void **state)
{
	(void)state;
	return channel_new(pair);
}

static int close_pair(void **state)
{
	(void)state;
	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	return 0;
}

static void a_message_arrives_with_its_text(void **state)
{
	int fd = 7;

	(void)state;
	assert_int_equal(channel_send(pair[0], CHANNEL_RELOADED, -EINVAL, "line 7", -1), 0);
	assert_int_equal(channel_send(pair[0], CHANNEL_STOP, 0, NULL, -1), 0);
	assert_int_equal(channel_receive(pair[1], &m, &fd), 0);
	assert_int_equal(m.kind, CHANNEL_RELOADED);
	assert_int_equal(m.err, -EINVAL);
	assert_string_equal(m.text, "line 7");
	assert_int_equal(fd, -1);
	assert_int_equal(channel_receive(pair[1], &m, &fd), 0);
	assert_int_equal(m.kind, CHANNEL_STOP);
	assert_string_equal(m.text, "");
	assert_int_equal(channel_receive(pair[1], &m, &fd), -EAGAIN);
}

static void a_descriptor_comes_along(void **state)
{
	int fd = -1, memfd = memfd_create("test", 0);
	char c = 0;

	(void)state;
	assert_int_equal(write(memfd, "x", 1), 1);
	assert_int_equal(channel_send(pair[0], CHANNEL_RELOAD, 3, "", memfd), 0);
	close(memfd);
	assert_int_equal(channel_receive(pair[1], &m, &fd), 0);
	assert_int_equal(m.err, 3);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &c, 1, 0), 1);
	assert_int_equal(c, 'x');
	close(fd);
}

static void a_text_too_long_is_cut(void **state)
{
	char *text = malloc(2 * CHANNEL_TEXT);
	int fd;

	(void)state;
	memset(text, 'a', 2 * CHANNEL_TEXT - 1);
	text[2 * CHANNEL_TEXT - 1] = '\0';
	assert_int_equal(channel_send(pair[0], CHANNEL_FAILED, -1, text, -1), 0);
	assert_int_equal(channel_receive(pair[1], &m, &fd), 0);
	assert_int_equal(strlen(m.text), CHANNEL_TEXT - 1);
	free(text);
}

static void what_is_no_message_is_refused(void **state)
{
	const uint32_t unknown[2] = { CHANNEL_KIND_COUNT, 0 }, none[2] = { 0, 0 };
	static char huge[sizeof(m) + 1] = { CHANNEL_STOP };
	int fd;

	(void)state;
	assert_int_equal(send(pair[0], unknown, sizeof(unknown), 0), sizeof(unknown));
	assert_int_equal(channel_receive(pair[1], &m, &fd), -EPROTO);
	assert_int_equal(send(pair[0], none, sizeof(none), 0), sizeof(none));
	assert_int_equal(channel_receive(pair[1], &m, &fd), -EPROTO);
	assert_int_equal(send(pair[0], "abc", 3, 0), 3);
	assert_int_equal(channel_receive(pair[1], &m, &fd), -EPROTO);
	assert_int_equal(send(pair[0], huge, sizeof(huge), 0), sizeof(huge));
	assert_int_equal(channel_receive(pair[1], &m, &fd), -EPROTO);
}

static void descriptors_that_nobody_asked_for_are_not_kept(void **state)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	uint32_t head[2] = { CHANNEL_HEARTBEAT, 0 };
	struct iovec iov = { head, sizeof(head) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control.bytes) };
	const int two[2] = { pair[0], pair[0] };
	int before = dup(pair[0]), after, fd = -1;

	(void)state;
	close(before);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(two));
	memcpy(CMSG_DATA(&control.header), two, sizeof(two));
	assert_int_equal(sendmsg(pair[0], &msg, 0), sizeof(head));
	assert_int_equal(channel_receive(pair[1], &m, &fd), -EPROTO);
	/* The lowest number that is free is as it was. */
	after = dup(pair[0]);
	close(after);
	assert_int_equal(after, before);
}

static void an_end_that_is_closed_is_told(void **state)
{
	int fd;

	(void)state;
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(channel_receive(pair[0], &m, &fd), -EPIPE);
	assert_true(channel_send(pair[0], CHANNEL_STOP, 0, NULL, -1) < 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_arrives_with_its_text),
		TEST(a_descriptor_comes_along),
		TEST(a_text_too_long_is_cut),
		TEST(what_is_no_message_is_refused),
		TEST(descriptors_that_nobody_asked_for_are_not_kept),
		TEST(an_end_that_is_closed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
