/* test_fdstore.c - TUNs that systemd kept, in a network namespace of the test's own.  Needs
 * root.  The test is systemd: it hands descriptors over, and hears what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/ports.h"

#define FIRST 3     /* SD_LISTEN_FDS_START */
#define ASIDE 100   /* out of the way of those */
#define CONFIG "[tun x0]\nrole = in\n"

static int told_fd;
static struct ports ports;

/* ---- systemd's part ---- */

static int setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[64];
	int fd, len;

	(void)state;
	len = snprintf(name, sizeof(name), "@ctfw-test-fdstore-%d", (int)getpid());
	memcpy(a.sun_path + 1, name + 1, (size_t)len - 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	told_fd = fcntl(fd, F_DUPFD, ASIDE);
	close(fd);
	if (bind(told_fd, (struct sockaddr *)&a,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)) < 0)
		return -1;
	return setenv("NOTIFY_SOCKET", name, 1);
}

static int teardown(void **state)
{
	(void)state;
	return close(told_fd);
}

/* Everything since the last call, a line each; descriptors that came along are closed. */
static const char *told(void)
{
	static char all[4096];
	size_t len = 0;
	ssize_t n;

	all[0] = '\0';
	while ((n = recv(told_fd, all + len, sizeof(all) - len - 2, 0)) > 0) {
		len += (size_t)n;
		all[len++] = '\n';
		all[len] = '\0';
	}
	return all;
}

/* Hand over these descriptors, which are ours no more. */
static void hand_over(const char *names, const int *fds, int n)
{
	char text[16];
	int i, aside[8];

	for (i = 0; i < n; i++) {
		aside[i] = fcntl(fds[i], F_DUPFD, ASIDE);
		close(fds[i]);
	}
	for (i = 0; i < n; i++) {
		assert_int_equal(dup2(aside[i], FIRST + i), FIRST + i);
		close(aside[i]);
	}
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%d", n);
	setenv("LISTEN_FDS", text, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static struct config *parse(const char *text)
{
	struct diag d = DIAG_INIT;
	struct config *c = NULL;

	if (config_parse("test", text, strlen(text), &d, &c) < 0)
		fail_msg("%s", text_str(&d.text));
	diag_fini(&d);
	return c;
}

static void open_with_store(const struct config *c, unsigned workers)
{
	struct fdstore kept;
	struct diag d = DIAG_INIT;

	fdstore_receive(&kept);
	if (ports_open(c, workers, &kept, &ports, &d) < 0)
		fail_msg("%s", text_str(&d.text));
	fdstore_fini(&kept);
	diag_fini(&d);
}

/* Queues as a former daemon would have left them. */
static void left_queues(const char *name, unsigned n, int *ret_fds)
{
	static struct tun t;
	struct diag d = DIAG_INIT;

	if (tun_open(name, n, NULL, &t, &d) < 0)
		fail_msg("%s", text_str(&d.text));
	memcpy(ret_fds, t.queue, n * sizeof(*ret_fds));
	diag_fini(&d);
}

static int left_queue(const char *name)
{
	int fd;

	left_queues(name, 1, &fd);
	return fd;
}

/* ---- the tests ---- */

static void new_queues_are_stored(void **state)
{
	struct config *c = parse(CONFIG);

	(void)state;
	open_with_store(c, 2);
	assert_string_equal(told(), "FDSTORE=1\nFDNAME=in/0/x0/x0\n"
				    "FDSTORE=1\nFDNAME=in/1/x0/x0\n");
	assert_int_equal(ports.port[0].tun.kept, 0);
	ports_close(&ports);
	config_free(c);
}

static void a_queue_that_was_kept_goes_on(void **state)
{
	struct config *c = parse(CONFIG);
	int fd = left_queue("x0");
	unsigned index = if_nametoindex("x0");

	(void)state;
	hand_over("in/0/x0/x0", &fd, 1);
	open_with_store(c, 1);
	assert_int_equal(ports.port[0].tun.queue[0], FIRST);
	assert_int_equal(ports.port[0].tun.kept, 1);
	assert_int_equal(if_nametoindex("x0"), index);
	assert_string_equal(told(), "");
	ports_close(&ports);
	config_free(c);
}

static void more_workers_get_the_queues_that_are_missing(void **state)
{
	struct config *c = parse(CONFIG);
	int fd = left_queue("x0");
	unsigned index = if_nametoindex("x0");

	(void)state;
	hand_over("in/0/x0/x0", &fd, 1);
	open_with_store(c, 3);
	assert_int_equal(ports.port[0].tun.n_queues, 3);
	assert_int_equal(ports.port[0].tun.kept, 1);
	assert_int_equal(if_nametoindex("x0"), index);
	assert_string_equal(told(), "FDSTORE=1\nFDNAME=in/1/x0/x0\n"
				    "FDSTORE=1\nFDNAME=in/2/x0/x0\n");
	ports_close(&ports);
	config_free(c);
}

static void with_fewer_workers_the_other_queues_close(void **state)
{
	struct config *c = parse(CONFIG);
	int fds[2];

	(void)state;
	left_queues("x0", 2, fds);
	hand_over("in/0/x0/x0:in/1/x0/x0", fds, 2);
	open_with_store(c, 1);
	assert_int_equal(ports.port[0].tun.n_queues, 1);
	assert_int_equal(ports.port[0].tun.kept, 1);
	assert_int_equal(fcntl(FIRST + 1, F_GETFD), -1);
	assert_non_null(strstr(told(), "FDSTOREREMOVE=1\nFDNAME=in/1/x0/x0\n"));
	ports_close(&ports);
	config_free(c);
}

static void another_role_or_interface_is_not_taken_over(void **state)
{
	struct config *c = parse("[tun x0]\nrole = out\ninterface = wg0\n");
	int fd = left_queue("x0");
	unsigned index = if_nametoindex("x0");

	(void)state;
	hand_over("in/0/x0/wg0", &fd, 1);
	open_with_store(c, 1);
	assert_int_equal(ports.port[0].tun.kept, 0);
	assert_int_not_equal(if_nametoindex("x0"), index);
	assert_non_null(strstr(told(), "FDSTOREREMOVE=1\nFDNAME=in/0/x0/wg0\n"));
	ports_close(&ports);
	config_free(c);
}

static void a_second_of_the_same_name_is_closed_and_the_first_stored_again(void **state)
{
	struct config *c = parse(CONFIG);
	int fds[2] = { left_queue("x0"), open("/dev/null", O_RDWR) };

	(void)state;
	hand_over("in/0/x0/x0:in/0/x0/x0", fds, 2);
	open_with_store(c, 1);
	assert_int_equal(ports.port[0].tun.kept, 1);
	assert_int_equal(fcntl(FIRST + 1, F_GETFD), -1);
	assert_non_null(strstr(told(), "FDSTOREREMOVE=1\nFDNAME=in/0/x0/x0\n"
				       "FDSTORE=1\nFDNAME=in/0/x0/x0\n"));
	ports_close(&ports);
	config_free(c);
}

static void a_liar_before_the_queue_is_passed_over(void **state)
{
	struct config *c = parse(CONFIG);
	int fds[2] = { open("/dev/null", O_RDWR), left_queue("x0") };

	(void)state;
	hand_over("in/0/x0/x0:in/0/x0/x0", fds, 2);
	open_with_store(c, 1);
	assert_int_equal(ports.port[0].tun.queue[0], FIRST + 1);
	ports_close(&ports);
	config_free(c);
}

/* A TUN whose flags are not those of tun_open(). */
static int other_tun(const char *name, short flags)
{
	struct ifreq r = { .ifr_flags = flags };
	int fd = open("/dev/net/tun", O_RDWR);

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	assert_int_equal(ioctl(fd, TUNSETIFF, &r), 0);
	return fd;
}

static void only_a_queue_of_ours_is_one(void **state)
{
	int fds[2], fd = left_queue("x0"), other;

	(void)state;
	assert_int_equal(tun_check(fd, "x0"), 0);
	assert_int_equal(tun_check(fd, "x1"), -ENODEV);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(tun_check(fds[0], "x0"), -ENOTTY);
	close(fds[0]);
	close(fds[1]);
	other = open("/dev/net/tun", O_RDWR);
	assert_int_equal(tun_check(other, "x0"), -EBADFD);
	close(other);
	other = other_tun("x2", IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE);
	assert_int_equal(tun_check(other, "x2"), -EINVAL);
	close(other);
	other = other_tun("x3", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
	assert_int_equal(tun_check(other, "x3"), -EINVAL);
	close(other);
	/* Gone under us. */
	assert_int_equal(system("ip link del x0"), 0);
	assert_int_equal(tun_check(fd, "x0"), -EBADFD);
	close(fd);
}

static void a_tun_of_another_network_namespace_is_none_of_ours(void **state)
{
	int fd = left_queue("x0");

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(tun_check(fd, "x0"), -EXDEV);
	close(fd);
}

static int own_namespace(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(new_queues_are_stored),
		TEST(a_queue_that_was_kept_goes_on),
		TEST(more_workers_get_the_queues_that_are_missing),
		TEST(with_fewer_workers_the_other_queues_close),
		TEST(another_role_or_interface_is_not_taken_over),
		TEST(a_second_of_the_same_name_is_closed_and_the_first_stored_again),
		TEST(a_liar_before_the_queue_is_passed_over),
		TEST(only_a_queue_of_ours_is_one),
		TEST(a_tun_of_another_network_namespace_is_none_of_ours),
	};

	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) < 0)
		return 77;
	return cmocka_run_group_tests(tests, own_namespace, NULL);
}
