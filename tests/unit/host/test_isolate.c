/* test_isolate.c - what is left to keeper and filter, seen from inside a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/isolate.h"

/* A field of /proc/self/status, or of a thread's. */
static bool status_is(const char *field, const char *value)
{
	char line[256], *found = NULL;
	FILE *f = fopen("/proc/thread-self/status", "r");

	while (f && !found && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, field, strlen(field)) && line[strlen(field)] == ':')
			found = line + strlen(field) + 1;
	}
	if (f)
		fclose(f);
	if (!found)
		return false;
	found += strspn(found, " \t");
	found[strcspn(found, "\n")] = '\0';
	return !strcmp(found, value);
}

/* Run in a child; the line at which it failed, or 0. */
static int in_child(int (*body)(pid_t parent))
{
	pid_t parent = getpid(), child = fork();
	int status = 0;

	if (child == 0)
		_exit(body(parent));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Exit statuses have eight bits: count the expectations. */
#define EXPECT(what) \
	do { \
		n++; \
		if (!(what)) \
			return n; \
	} while (0)

static int filter_body(pid_t parent)
{
	int n = 0;

	EXPECT(isolate_filter(parent) == 0);
	EXPECT(status_is("CapEff", "0000000000000000"));
	EXPECT(status_is("CapPrm", "0000000000000000"));
	EXPECT(status_is("CapAmb", "0000000000000000"));
	EXPECT(status_is("NoNewPrivs", "1"));
	return 0;
}

static void a_filter_has_no_capability(void **state)
{
	(void)state;
	assert_int_equal(in_child(filter_body), 0);
}

static int orphan_body(pid_t parent)
{
	int n = 0;

	EXPECT(isolate_filter(parent + 1) == -ESRCH);
	return 0;
}

static void a_filter_without_its_keeper_does_not_start(void **state)
{
	(void)state;
	assert_int_equal(in_child(orphan_body), 0);
}

static pthread_barrier_t barrier;
static int thread_failed;

static void *other_thread(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	thread_failed = !status_is("Seccomp", "2");
	return NULL;
}

static int syscall_body(pid_t parent)
{
	static volatile char *fresh;
	pthread_t thread;
	char c;
	int n = 0, fd, readable, ends[2];

	EXPECT(isolate_filter(parent) == 0);
	EXPECT(pipe(ends) == 0);
	pthread_barrier_init(&barrier, NULL, 2);
	EXPECT(pthread_create(&thread, NULL, other_thread, NULL) == 0);
	pthread_barrier_wait(&barrier);
	EXPECT(isolate_syscalls() == 0);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	EXPECT(!thread_failed);
	EXPECT(status_is("Seccomp", "2"));
	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	EXPECT(fd >= 0 && read(fd, &c, 1) == 1 && close(fd) == 0);
	EXPECT(open("/dev/null", O_WRONLY) < 0 && errno == EPERM);
	EXPECT(open("/dev/null", O_RDWR) < 0 && errno == EPERM);
	EXPECT(open("/tmp/ctfw-test-isolate", O_RDONLY | O_CREAT, 0600) < 0 && errno == EPERM);
	EXPECT(socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EPERM);
	EXPECT(execl("/bin/true", "true", (char *)NULL) < 0 && errno == EPERM);
	EXPECT(unlink("/tmp/ctfw-test-isolate") < 0 && errno == EPERM);
	EXPECT(chdir("/") < 0 && errno == EPERM);
	EXPECT(syscall(SYS_tgkill, parent, parent, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_tgkill, getpid(), getpid(), 0) == 0);
	EXPECT(fcntl(ends[0], F_SETOWN, parent) < 0 && errno == EPERM);
	EXPECT(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	EXPECT(ioctl(ends[0], FIONREAD, &readable) == 0);
	EXPECT(ioctl(ends[0], TUNSETPERSIST, 1) < 0 && errno == EPERM);
	fresh = malloc(8 << 20); /* by mmap(2) */
	EXPECT(fresh);
	fresh[4 << 20] = 1;
	free((void *)fresh);
	return 0;
}

static void a_filter_may_read_files_and_little_else(void **state)
{
	(void)state;
	assert_int_equal(in_child(syscall_body), 0);
}

static int become_body(pid_t parent)
{
	const struct identity id = { 65534, 65534, true };
	struct diag d = DIAG_INIT;
	int n = 0;

	(void)parent;
	EXPECT(isolate_become(&id, &d) == 0);
	EXPECT(geteuid() == 65534 && getegid() == 65534 && getgroups(0, NULL) == 0);
	EXPECT(status_is("CapEff", "0000000000001000")); /* CAP_NET_ADMIN */
	EXPECT(status_is("CapPrm", "0000000000001000"));
	EXPECT(status_is("CapInh", "0000000000000000"));
	EXPECT(setuid(0) < 0);
	return 0;
}

static void a_keeper_has_one_capability(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(become_body), 0);
}

/* Descriptors that keeper and later filters have as well: nobody else gets them, and they
 * stay as they are. */
static int shared_body(pid_t parent)
{
	struct msghdr nothing = { 0 };
	int n = 0, pair[2];

	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
	EXPECT(isolate_filter(parent) == 0);
	EXPECT(isolate_syscalls() == 0);
	EXPECT(sendmsg(pair[0], &nothing, 0) < 0 && errno == EPERM);
	EXPECT(shutdown(pair[0], SHUT_RD) < 0 && errno == EPERM);
	EXPECT(fcntl(pair[0], F_SETFL, 0) < 0 && errno == EPERM);
	EXPECT(fcntl(pair[0], F_SETFL, O_NONBLOCK | O_ASYNC) < 0 && errno == EPERM);
	EXPECT(fcntl(pair[0], F_GETFL) == (O_RDWR | O_NONBLOCK));
	EXPECT(send(pair[0], "x", 1, 0) == 1);
	return 0;
}

static void what_a_filter_shares_it_neither_gives_away_nor_changes(void **state)
{
	(void)state;
	assert_int_equal(in_child(shared_body), 0);
}

static void a_user_who_does_not_exist_is_told(void **state)
{
	struct identity id;
	struct diag d = DIAG_INIT;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(isolate_identity("no-such-user", &id, &d),
			 -ENOTRECOVERABLE);
	assert_string_equal(
		text_str(&d.text),
		"the user \"no-such-user\" does not exist\n"
		"make it (useradd --system no-such-user), or set user in [daemon]\n");
	diag_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_has_no_capability),
		cmocka_unit_test(a_filter_without_its_keeper_does_not_start),
		cmocka_unit_test(a_filter_may_read_files_and_little_else),
		cmocka_unit_test(what_a_filter_shares_it_neither_gives_away_nor_changes),
		cmocka_unit_test(a_keeper_has_one_capability),
		cmocka_unit_test(a_user_who_does_not_exist_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
