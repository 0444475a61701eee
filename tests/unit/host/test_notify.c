/* test_notify.c - what systemd is told, heard at a socket in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/notify.h"

static int heard_fd;

static int setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[64];
	int len;

	(void)state;
	/* An abstract one: "@" stands for the NUL that it begins with. */
	len = snprintf(name, sizeof(name), "@ctfw-test-notify-%d", (int)getpid());
	memcpy(a.sun_path + 1, name + 1, (size_t)len - 1);
	heard_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (heard_fd < 0 ||
	    bind(heard_fd, (struct sockaddr *)&a,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)) < 0)
		return -1;
	return setenv("NOTIFY_SOCKET", name, 1);
}

static int teardown(void **state)
{
	(void)state;
	return close(heard_fd);
}

static const char *heard(void)
{
	static char buf[512];
	ssize_t n = recv(heard_fd, buf, sizeof(buf) - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void a_status_is_told(void **state)
{
	(void)state;
	notify_status("Filtering wg0");
	assert_string_equal(heard(), "STATUS=Filtering wg0");
	notify_ready("Filtering");
	assert_string_equal(heard(), "READY=1\nSTATUS=Filtering");
}

static void a_status_cannot_say_anything_else(void **state)
{
	(void)state;
	notify_status("well\nMAINPID=1\nSTOPPING=1");
	assert_string_equal(heard(), "STATUS=well");
	notify_ready("well\nMAINPID=1");
	assert_string_equal(heard(), "READY=1\nSTATUS=well");
}

static void without_systemd_no_stop_is_a_restart(void **state)
{
	(void)state;
	unsetenv("INVOCATION_ID");
	assert_false(notify_is_restart());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_status_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_status_cannot_say_anything_else, setup,
						teardown),
		cmocka_unit_test(without_systemd_no_stop_is_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
