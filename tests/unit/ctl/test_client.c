/* ctfwctl against one who listens on the socket and is no ctfwd, or a strange one. */
#include "unit/ctl/run.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/ctfw-client-XXXXXX", path[64];
static pid_t child;

/* To so many calls, each of a connection, and then no more: the last one otherwise. */
static void answer(int listen_fd, const char *text, unsigned calls, const char *last)
{
	while (calls--) {
		int fd = accept(listen_fd, NULL, NULL);
		const char *reply = calls ? text : last;
		char byte = 1;

		while (byte && read(fd, &byte, 1) == 1)
			;
		if (write(fd, reply, strlen(reply) + 1) < 0)
			_exit(1);
		close(fd);
	}
	_exit(0);
}

static void listen_for(const char *text, unsigned calls, const char *last)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "%s/socket", dir);
	unlink(path);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	run_socket = path;
	child = fork();
	if (child == 0)
		answer(fd, text, calls, last);
	close(fd);
}

/* AGAINST(REPLY, WORDS...): the exit status of the words when that is the answer. */
static int ended(int status)
{
	waitpid(child, NULL, 0);
	return status;
}
#define AGAINST(reply, ...) (listen_for(NULL, 1, reply), ended(RUN(__VA_ARGS__)))

static void no_reply_is_no_success(void **state)
{
	(void)state;
	assert_int_equal(AGAINST("{}", "conntrack", "-F"), 1);
	expect(run_err, "is not ctfwd: the answer is no reply");
	assert_int_equal(AGAINST("{\"error\":5}", "conntrack", "-C"), 1);
	expect(run_err, "the answer is no reply");
	assert_int_equal(AGAINST("{\"parameters\":[]}", "status"), 1);
	expect(run_err, "the answer is no reply");
	assert_int_equal(AGAINST("[]", "conntrack", "-F"), 1);
	expect(run_err, "the answer is no JSON object");
	assert_int_equal(AGAINST("{\"parameters\":{}}", "conntrack", "-F"), 0);
}

static void controls_do_nothing_to_the_terminal(void **state)
{
	(void)state;
	assert_int_equal(AGAINST("{\"error\":\"org.ctfw.Failed\",\"parameters\":"
				 "{\"message\":\"a\\u001b[2Jb\\u009bc\\u007f\"}}",
				 "conntrack", "-F"), 1);
	assert_string_equal(run_err, "ctfwctl: a\\x1b[2Jb\\u009bc\\x7f\n");
	assert_int_equal(AGAINST("{\"error\":\"org.\\u001b\",\"parameters\":"
				 "{\"parameter\":\"\\u001bc\"}}", "conntrack", "-F"), 1);
	assert_string_equal(run_err, "ctfwctl: ctfwd says org.\\x1b: \\x1bc\n");
	/* Lines and what is beyond ASCII are text. */
	assert_int_equal(AGAINST("{\"error\":\"org.ctfw.RulesetError\",\"parameters\":"
				 "{\"message\":\"\xc3\xa4:\\n\\t^\"}}", "conntrack", "-F"), 1);
	assert_string_equal(run_err, "\xc3\xa4:\n\t^\n");
}

static void less_than_nothing_was_not_skipped(void **state)
{
	(void)state;
	assert_int_equal(AGAINST("{\"parameters\":{\"skipped\":-5,\"events\":[]}}",
				 "conntrack", "-E"), 0);
	assert_null(strstr(run_err, "skipped"));
	assert_int_equal(AGAINST("{\"parameters\":{\"skipped\":5,\"events\":[]}}",
				 "conntrack", "-E"), 0);
	expect(run_err, ": 5 events were skipped");
}

static void a_reload_asks_the_filter_that_takes_over(void **state)
{
	static const char again[] = "{\"error\":\"org.ctfw.TryAgain\",\"parameters\":{}}";

	(void)state;
	listen_for(again, 4, "{\"parameters\":{\"message\":\"reloaded\"}}");
	assert_int_equal(ended(RUN("reload")), 0);
	assert_string_equal(run_err, "reloaded\n");
	/* But not for ever. */
	listen_for(again, 20, again);
	assert_int_equal(ended(RUN("reload")), 1);
	expect(run_err, "one filter after the other takes over: try again");
	assert_int_equal(AGAINST("{\"error\":\"org.ctfw.ReloadFailed\",\"parameters\":"
				 "{\"message\":\"no\"}}", "reload"), 1);
	assert_string_equal(run_err, "no\n");
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	run_fini();
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_reply_is_no_success),
		cmocka_unit_test(controls_do_nothing_to_the_terminal),
		cmocka_unit_test(less_than_nothing_was_not_skipped),
		cmocka_unit_test(a_reload_asks_the_filter_that_takes_over),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
