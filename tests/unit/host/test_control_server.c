/* The control socket under real clients, most of them hostile.  Server and clients share
 * one thread: the clients' sockets do not block, and the loop is turned by hand. */
#include "unit/control/fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/control_server.h"

static struct fixture f;
static struct event_base *base;
static struct control_server *server;
static int listen_fd;
static struct sockaddr_un address = { .sun_family = AF_UNIX };

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void turn_for(double seconds)
{
	double end = now() + seconds;

	while (now() < end) {
		turn();
		poll(NULL, 0, 1);
	}
}

/* Turn until something is so, which it must soon be. */
#define UNTIL(condition)                                                                       \
	for (double end_ = now() + 10; !(condition); turn_for(0.001))                          \
		assert_true(now() < end_)

/* The backlog is empty, and what was accepted has been looked at. */
static void settle(void)
{
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };

	while (poll(&p, 1, 0) > 0)
		turn();
	turn_for(0.02);
}

static void expect_connections(unsigned n)
{
	UNTIL(control_server_connections(server) == n);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	/* The backlog is full: the server must take some first. */
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		assert_int_equal(errno, EAGAIN);
		turn();
	}
	return fd;
}

static void say(int fd, const char *message)
{
	assert_int_equal(send(fd, message, strlen(message) + 1, MSG_NOSIGNAL),
			 strlen(message) + 1);
}

/* Read one reply of a server that works; NULL when it closed the connection.  What follows
 * the reply is lost. */
static char *hear(int fd, double patience)
{
	static char buf[1 << 20];
	size_t len = 0;
	double end = now() + patience;

	while (now() < end) {
		ssize_t n = recv(fd, buf + len, sizeof(buf) - len, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return NULL;
		if (n > 0) {
			len += (size_t)n;
			if (memchr(buf, '\0', len))
				return buf;
		}
		turn();
	}
	fail_msg("no answer in %g s", patience);
	return NULL;
}

/* The server let go of this connection. */
static bool gone(int fd)
{
	char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		;
	return n == 0 || errno != EAGAIN;
}

#define INFO "{\"method\":\"org.varlink.service.GetInfo\"}"
#define LIST "{\"method\":\"org.ctfw.ListFlows\",\"more\":true}"
#define DESCRIBE                                                                               \
	"{\"method\":\"org.varlink.service.GetInterfaceDescription\","                         \
	"\"parameters\":{\"interface\":\"org.ctfw\"}}"

/* Somebody with an honest question, while the others keep what they have. */
static void honest(void)
{
	int fd = dial();

	say(fd, INFO);
	assert_non_null(strstr(hear(fd, 5), "\"ctfwd\""));
	close(fd);
}

static void a_call_is_answered(void **state)
{
	(void)state;
	honest();
	expect_connections(0);
}

static void calls_sent_at_once_are_answered_in_order(void **state)
{
	int fd = dial();

	(void)state;
	for (int i = 0; i < 100; i++)
		say(fd, i % 2 ? "{\"method\":\"org.ctfw.Nope\"}" : INFO);
	shutdown(fd, SHUT_WR);
	for (int replies = 0; replies < 100;) {
		char buf[4096];
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		turn();
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] == '\0')
				replies++;
		assert_true(n != 0 || replies == 100);
	}
	expect_connections(0);
	assert_true(gone(fd));
	close(fd);
}

static void who_closes_his_side_still_gets_his_stream(void **state)
{
	int fd = dial();
	size_t total = 0;
	char buf[65536];
	ssize_t n;

	(void)state;
	fixture_flows(&f, 4000);
	say(fd, LIST);
	shutdown(fd, SHUT_WR);
	for (;;) {
		turn();
		n = recv(fd, buf, sizeof(buf), 0);
		if (n == 0)
			break;
		assert_true(n > 0 || errno == EAGAIN);
		if (n > 0) {
			total += (size_t)n;
			memmove(buf, buf + (n > 64 ? n - 64 : 0), 64);
		}
	}
	assert_true(total > 4000 * 200);
	assert_non_null(strstr(buf, "\"count\":4000")); /* the last reply got out */
	close(fd);
}

static void a_thousand_connections_shut_nobody_out(void **state)
{
	static int fds[1000];
	unsigned open = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		fds[i] = dial();
	settle();
	assert_int_equal(control_server_connections(server), 256);
	honest();
	for (int i = 0; i < 1000; i++) {
		open += !gone(fds[i]);
		close(fds[i]);
	}
	assert_true(open >= 250 && open <= 256);
	expect_connections(0);
}

static void a_thousand_half_messages_shut_nobody_out(void **state)
{
	static int fds[1000];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		fds[i] = dial();
		assert_int_equal(send(fds[i], INFO, 10, MSG_NOSIGNAL), 10);
		turn();
	}
	honest();
	assert_true(control_server_connections(server) <= 256);
	for (int i = 0; i < 1000; i++)
		close(fds[i]);
}

static void a_half_message_is_waited_for_only_so_long(void **state)
{
	struct control_limits limits = { 256, 1 << 20, 1, 600, 300 };
	int half, idle, slow;

	(void)state;
	control_server_set_limits(server, &limits);
	half = dial();
	idle = dial();
	slow = dial();
	turn();
	send(half, INFO, 10, MSG_NOSIGNAL);
	/* A byte now and then does not help. */
	for (int i = 0; i < 13; i++) {
		send(slow, "{", 1, MSG_NOSIGNAL);
		turn_for(0.1);
	}
	assert_true(gone(half));
	assert_true(gone(slow));
	assert_false(gone(idle));
	say(idle, INFO);
	assert_non_null(hear(idle, 5));
	close(half);
	close(slow);
	close(idle);
}

static void who_never_reads_costs_little_and_holds_nobody_up(void **state)
{
	int fd[20];

	(void)state;
	fixture_flows(&f, 20000);
	for (int i = 0; i < 20; i++) {
		fd[i] = dial();
		say(fd[i], LIST);
	}
	turn_for(0.3);
	honest();
	for (int i = 0; i < 20; i++)
		assert_false(recv(fd[i], &(char){ 0 }, 1, MSG_PEEK) == 0);
	for (int i = 0; i < 20; i++)
		close(fd[i]); /* in the middle of a stream */
	expect_connections(0);
	honest();
}

static void who_waits_for_an_answer_is_not_pushed_out(void **state)
{
	static int fds[300];
	int waiting = dial();

	(void)state;
	f.reload_waits = true;
	say(waiting, "{\"method\":\"org.ctfw.Reload\"}");
	UNTIL(f.reloads == 1);
	for (int i = 0; i < 300; i++)
		fds[i] = dial();
	settle();
	f.reload_done(f.reload_arg, 0, "done");
	assert_non_null(strstr(hear(waiting, 5), "done"));
	for (int i = 0; i < 300; i++)
		close(fds[i]);
	close(waiting);
}

static void a_call_one_way_is_done_though_the_caller_has_gone(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		int fd = dial();

		say(fd, "{\"method\":\"org.ctfw.Reload\",\"oneway\":true}");
		close(fd);
	}
	UNTIL(f.reloads == 10);
	expect_connections(0);
}

/* One turn of the loop, and how long it kept the processor. */
static double turn_cost(void)
{
	struct timespec before, after;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	turn();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

/* They read as fast as the server can dump. */
static void a_hundred_dumps_keep_nobody_waiting(void **state)
{
	static char sink[1 << 18];
	double start = now(), worst = 0;
	int fd[100], caller = dial();

	(void)state;
	fixture_flows(&f, 20000);
	for (int i = 0; i < 100; i++)
		fd[i] = dial();
	turn_for(0.05);
	for (int i = 0; i < 100; i++)
		say(fd[i], LIST);
	while (now() < start + 1) {
		double cost = turn_cost();

		worst = cost > worst ? cost : worst;
		for (int i = 0; i < 100; i++)
			while (recv(fd[i], sink, sizeof(sink), 0) > 0)
				;
	}
	assert_true(worst < 0.05);
	say(caller, INFO);
	assert_non_null(hear(caller, 5));
	for (int i = 0; i < 100; i++)
		close(fd[i]);
	close(caller);
}

static void an_answer_is_kept_only_so_long(void **state)
{
	struct control_limits limits = { 256, 1 << 20, 60, 1, 300 };
	int fd;

	(void)state;
	fixture_flows(&f, 5000);
	control_server_set_limits(server, &limits);
	fd = dial();
	say(fd, LIST);
	expect_connections(0);
	close(fd);
}

static void unread_output_is_bounded_and_the_most_silent_pays(void **state)
{
	struct control_limits limits = { 256, 1 << 20, 60, 600, 300 };
	static int fds[60];

	(void)state;
	control_server_set_limits(server, &limits);
	fixture_flows(&f, 5000);
	for (int i = 0; i < 60; i++) {
		fds[i] = dial();
		say(fds[i], LIST);
		turn_for(0.02);
	}
	/* Each stops at 64 KB and a reply more; all together may hold a megabyte. */
	UNTIL(control_server_connections(server) < 20);
	settle();
	assert_true(control_server_connections(server) > 5);
	assert_true(gone(fds[0]));
	assert_false(gone(fds[59]));
	honest();
	for (int i = 0; i < 60; i++)
		close(fds[i]);
}

static void huge_and_senseless_messages_end_only_their_connection(void **state)
{
	static char garbage[1 << 16];
	int fd = dial();
	size_t sent = 0;
	double end = now() + 10;

	(void)state;
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 2654435761u >> 13);
	while (now() < end) {
		ssize_t n = send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_true(now() < end);
	assert_true(sent < 4u << 20); /* a NUL came soon, and no JSON before it */
	close(fd);
	honest();
}

/* ---- other users ---- */

/* In a child that is nobody: 0 when the socket does as it should. */
static int nobody(void)
{
	static char flood[CONTROL_MESSAGE_MAX_READER + 1000];
	char buf[65536];
	ssize_t n;
	int fd;

	if (setgid(65534) || setuid(65534))
		return 10;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return 11;
	send(fd, "{\"method\":\"org.ctfw.Reload\"}", 29, MSG_NOSIGNAL);
	n = recv(fd, buf, sizeof(buf), 0);
	if (n <= 0 || !strstr(buf, "org.varlink.service.PermissionDenied"))
		return 12;
	send(fd, "{\"method\":\"org.ctfw.Status\"}", 29, MSG_NOSIGNAL);
	n = recv(fd, buf, sizeof(buf), 0);
	if (n <= 0 || !strstr(buf, "\"filtering\":true"))
		return 13;
	memset(flood, ' ', sizeof(flood));
	send(fd, flood, sizeof(flood), MSG_NOSIGNAL);
	n = recv(fd, buf, sizeof(buf), 0);
	if (n <= 0 || !strstr(buf, "org.ctfw.MessageTooLong"))
		return 14;
	return recv(fd, buf, sizeof(buf), 0) == 0 ? 0 : 15;
}

static void another_user_may_look_and_not_change(void **state)
{
	pid_t child;
	int status = 0;

	(void)state;
	if (geteuid() != 0)
		skip();
	child = fork();
	if (child == 0)
		_exit(nobody());
	while (waitpid(child, &status, WNOHANG) == 0)
		turn_for(0.01);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(f.reloads, 0);
}

/* In a child that is nobody: take all places and keep them until told to go. */
static void hoard(int ready, int go)
{
	int n = 0;

	if (setgid(65534) || setuid(65534))
		_exit(10);
	for (; n < 400; n++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
			_exit(11);
	}
	if (write(ready, "x", 1) != 1 || read(go, &n, 1) != 1)
		_exit(12);
	_exit(0);
}

static void a_hoarder_pushes_out_his_own_connections_only(void **state)
{
	int ready[2], go[2], status = 0, first;
	pid_t child;
	char c;

	(void)state;
	if (geteuid() != 0)
		skip();
	first = dial();
	turn();
	assert_int_equal(pipe2(ready, O_NONBLOCK), 0);
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0)
		hoard(ready[1], go[0]);
	while (read(ready[0], &c, 1) != 1)
		turn_for(0.001);
	turn_for(0.05);
	/* Silent the longest of all, and alone of its user. */
	say(first, INFO);
	assert_non_null(hear(first, 5));
	assert_int_equal(write(go[1], "x", 1), 1);
	while (waitpid(child, &status, WNOHANG) == 0)
		turn_for(0.01);
	assert_int_equal(WEXITSTATUS(status), 0);
	close(first);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
}

/* ---- the end ---- */

static void drained(void *arg)
{
	++*(unsigned *)arg;
}

static void an_orderly_end_answers_what_is_under_way(void **state)
{
	unsigned done = 0;
	int reload = dial(), idle = dial();
	char *reply;

	(void)state;
	say(idle, INFO);
	assert_non_null(hear(idle, 5));
	f.reload_waits = true;
	say(reload, "{\"method\":\"org.ctfw.Reload\"}");
	UNTIL(f.reloads == 1);
	settle();
	control_server_drain(server, drained, &done);
	UNTIL(gone(idle));
	assert_int_equal(done, 0);
	f.reload_done(f.reload_arg, 0, "it stops anyway");
	reply = hear(reload, 5);
	assert_non_null(strstr(reply, "it stops anyway"));
	UNTIL(done == 1);
	assert_true(gone(reload));
	close(reload);
	close(idle);
}

/* Its peer cannot know whether it was read, nor then whether to ask again. */
static void an_orderly_end_answers_what_was_not_read_yet(void **state)
{
	unsigned done = 0;
	int fd = dial(), late = dial(), idle = dial();

	(void)state;
	say(idle, INFO);
	assert_non_null(hear(idle, 5));
	settle();
	say(fd, INFO);
	control_server_drain(server, drained, &done);
	/* It had connected, and was not fast enough. */
	turn_for(0.02);
	say(late, INFO);
	assert_non_null(hear(late, 5));
	assert_non_null(hear(fd, 5));
	UNTIL(done == 1);
	assert_true(gone(fd));
	assert_true(gone(late));
	assert_true(gone(idle));
	close(fd);
	close(late);
	close(idle);
}

/* By now: the loop of a filter does not turn after its end. */
static bool is_answered(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) == 1;
}

/* The end of a reload that took long, in the callback of which the end is asked for. */
static void end_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	poll(NULL, 0, 400);
	f.reload_done(f.reload_arg, 0, "it took long");
	control_server_drain(server, drained, arg);
}

static void an_orderly_end_behind_long_work_answers_all_the_same(void **state)
{
	unsigned done = 0;
	int fd = dial();

	(void)state;
	f.reload_waits = true;
	say(fd, "{\"method\":\"org.ctfw.Reload\"}");
	UNTIL(f.reloads == 1);
	event_base_once(base, -1, EV_TIMEOUT, end_late, &done, NULL);
	UNTIL(done == 1);
	assert_true(is_answered(fd));
	close(fd);
}

static void an_orderly_end_without_a_processor_answers_all_the_same(void **state)
{
	unsigned done = 0;
	int asks = dial(), waits = dial();

	(void)state;
	f.reload_waits = true;
	say(waits, "{\"method\":\"org.ctfw.Reload\"}");
	UNTIL(f.reloads == 1);
	settle();
	say(asks, INFO);
	f.reload_done(f.reload_arg, 0, "reloaded");
	control_server_drain(server, drained, &done);
	poll(NULL, 0, 400);
	UNTIL(done == 1);
	assert_true(is_answered(waits));
	assert_true(is_answered(asks));
	close(waits);
	close(asks);
}

static void an_orderly_end_waits_for_nobody_forever(void **state)
{
	unsigned done = 0;
	double start = now();
	int fd = dial();

	(void)state;
	fixture_flows(&f, 5000);
	say(fd, LIST);
	turn_for(0.05);
	control_server_drain(server, drained, &done);
	while (!done && now() < start + 20)
		turn_for(0.01);
	assert_int_equal(done, 1);
	assert_true(now() - start > 0.25 && now() - start < 10);
	close(fd);
}

static void an_orderly_end_without_clients_comes_at_once(void **state)
{
	unsigned done = 0;

	(void)state;
	control_server_drain(server, drained, &done);
	UNTIL(done == 1);
}

/* Make flows and delete all there are: two events each. */
static void churn(unsigned flows)
{
	static const char all[] = "{\"method\":\"org.ctfw.DeleteFlows\"}";
	struct control_session *s = control_session_new(&f.ctx, true, NULL, NULL);
	struct text out = TEXT_INIT;

	fixture_flows(&f, flows);
	control_session_input(s, all, sizeof(all));
	while (control_session_run(s, &out) == CONTROL_WRITE)
		;
	text_fini(&out);
	control_session_free(s);
	rcu_online();
	conntrack_housekeep(f.ct, 0, f.now);
	rcu_offline();
	while (event_hub_collect(f.events))
		;
}

/* Whether one of the answers that wait for a peer says that something was skipped. */
static bool hears_of_a_skip(int fd)
{
	static char buf[65536];
	bool skip = false;

	for (double quiet = now() + 0.3; now() < quiet && !skip; turn()) {
		ssize_t n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

		if (n <= 0)
			continue;
		quiet = now() + 0.3;
		buf[n] = '\0';
		for (const char *at = buf; at < buf + n && !skip; at += strlen(at) + 1) {
			const char *said = strstr(at, "\"skipped\":");

			skip = said && said[10] >= '1' && said[10] <= '9';
		}
	}
	return skip;
}

static void who_watches_and_does_not_read_costs_little_and_is_told(void **state)
{
	struct control_limits limits = { 256, 1 << 20, 60, 600, 300 };
	int other, watcher;

	(void)state;
	control_server_set_limits(server, &limits);
	fixture_flows(&f, 5000);
	other = dial();
	say(other, LIST);
	turn_for(0.05);
	churn(0); /* else the first news would be much at once, which is another case */
	watcher = dial();
	say(watcher, "{\"method\":\"org.ctfw.WatchFlows\",\"more\":true}");
	turn_for(0.05);
	/* Few at a time, so that each time he is told all there is: 25 MB. */
	for (unsigned round = 0; round < 400; round++) {
		churn(60);
		for (unsigned i = 0; i < 4; i++)
			turn();
	}
	/* Had they been kept for him, the other would have had to go, who read nothing either. */
	assert_int_equal(control_server_connections(server), 2);
	assert_true(hears_of_a_skip(watcher));
	close(watcher);
	close(other);
}

static int setup(void **state)
{
	(void)state;
	fixture_init(&f, 20000);
	base = event_base_new();
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/ctfw-test-%d.sock",
		 (int)getpid());
	unlink(address.sun_path);
	listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0666), 0);
	assert_int_equal(listen(listen_fd, 128), 0);
	server = control_server_new(base, listen_fd, &f.ctx);
	assert_non_null(server);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	control_server_free(server);
	event_base_free(base);
	close(listen_fd);
	unlink(address.sun_path);
	fixture_fini(&f);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_is_answered),
		TEST(calls_sent_at_once_are_answered_in_order),
		TEST(who_closes_his_side_still_gets_his_stream),
		TEST(a_thousand_connections_shut_nobody_out),
		TEST(a_thousand_half_messages_shut_nobody_out),
		TEST(a_half_message_is_waited_for_only_so_long),
		TEST(who_never_reads_costs_little_and_holds_nobody_up),
		TEST(who_waits_for_an_answer_is_not_pushed_out),
		TEST(a_call_one_way_is_done_though_the_caller_has_gone),
		TEST(a_hundred_dumps_keep_nobody_waiting),
		TEST(an_answer_is_kept_only_so_long),
		TEST(unread_output_is_bounded_and_the_most_silent_pays),
		TEST(huge_and_senseless_messages_end_only_their_connection),
		TEST(another_user_may_look_and_not_change),
		TEST(a_hoarder_pushes_out_his_own_connections_only),
		TEST(who_watches_and_does_not_read_costs_little_and_is_told),
		TEST(an_orderly_end_answers_what_is_under_way),
		TEST(an_orderly_end_answers_what_was_not_read_yet),
		TEST(an_orderly_end_behind_long_work_answers_all_the_same),
		TEST(an_orderly_end_without_a_processor_answers_all_the_same),
		TEST(an_orderly_end_waits_for_nobody_forever),
		TEST(an_orderly_end_without_clients_comes_at_once),
	};
	struct rlimit files = { 4096, 4096 };

	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
