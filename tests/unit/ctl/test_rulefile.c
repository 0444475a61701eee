/* test_rulefile.c - ruleset files and what they include. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctfw/rulefile.h"
#include "unit/test.h"

#define NOBODY 65534

static char dir[] = "/tmp/ctfw-rulefile-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Names and texts that an include found, one after the other. */
static void note(void *arg, char *name, char *text, size_t len)
{
	struct text *t = arg;

	text_printf(t, "%s=%s;", strrchr(name, '/') + 1, text);
	assert_int_equal(len, strlen(text));
	free(name);
	free(text);
}

static int include(const char *pattern, struct text *t)
{
	const char *dirs[] = { "/nonexistent", dir };
	struct rulefile_path path = { .dirs = dirs, .n = 2 };

	text_clear(t);
	return rulefile_include(&path, pattern, "x", note, t);
}

static void a_file_is_read_whole(void **state)
{
	char path[128], *text;
	size_t len;

	(void)state;
	write_file("a.nft", "table ip a");
	snprintf(path, sizeof(path), "%s/a.nft", dir);
	assert_int_equal(rulefile_read(path, &text, &len), 0);
	assert_string_equal(text, "table ip a");
	assert_int_equal(len, 10);
	free(text);
	write_file("empty", "");
	snprintf(path, sizeof(path), "%s/empty", dir);
	assert_int_equal(rulefile_read(path, &text, &len), 0);
	assert_string_equal(text, "");
	free(text);
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	char *text;
	size_t len;

	(void)state;
	assert_int_equal(rulefile_read("/nonexistent/a", &text, &len), -ENOENT);
	assert_int_equal(rulefile_read(dir, &text, &len), -EISDIR);
	assert_int_equal(rulefile_read("/dev/zero", &text, &len), -EFBIG);
}

/* Nobody writes to it: who waited would wait for ever. */
static void who_may_not_wait_reads_regular_files_alone(void **state)
{
	struct rulefile_path path = { .regular = true };
	char fifo[128], socket_path[128], *text;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct text t = TEXT_INIT;
	size_t len;
	int fd;

	(void)state;
	snprintf(fifo, sizeof(fifo), "%s/fifo.nft", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(rulefile_read_regular(fifo, &text, &len), -EMEDIUMTYPE);
	assert_int_equal(rulefile_include(&path, fifo, "x", note, &t), -EMEDIUMTYPE);
	snprintf(fifo, sizeof(fifo), "%s/fifo*", dir);
	assert_int_equal(rulefile_include(&path, fifo, "x", note, &t), -EMEDIUMTYPE);
	assert_int_equal(rulefile_read_regular("/dev/null", &text, &len), -EMEDIUMTYPE);
	assert_int_equal(rulefile_read_regular(dir, &text, &len), -EISDIR);
	assert_int_equal(rulefile_read_regular("/nonexistent/a", &text, &len), -ENOENT);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", dir);
	strcpy(addr.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(rulefile_read_regular(socket_path, &text, &len), -EMEDIUMTYPE);
	/* A link to a file is one. */
	write_file("whole.nft", "table ip a");
	snprintf(fifo, sizeof(fifo), "%s/link.nft", dir);
	assert_int_equal(symlink("whole.nft", fifo), 0);
	assert_int_equal(rulefile_read_regular(fifo, &text, &len), 0);
	assert_string_equal(text, "table ip a");
	free(text);
	text_fini(&t);
}

/* As nft does, of what somebody is about to write. */
static void who_may_wait_reads_a_pipe_to_its_end(void **state)
{
	char path[64], *text;
	size_t len;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "table ip a", 10), 10);
	close(pipes[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", pipes[0]);
	assert_int_equal(rulefile_read(path, &text, &len), 0);
	assert_string_equal(text, "table ip a");
	free(text);
	close(pipes[0]);
}

static void includes_come_in_alphabetical_order_without_dot_files(void **state)
{
	struct text t = TEXT_INIT;
	char path[128];

	(void)state;
	write_file("b.inc", "B");
	write_file("a.inc", "A");
	write_file(".c.inc", "C");
	snprintf(path, sizeof(path), "%s/d.inc", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(include("*.inc", &t), 0);
	assert_string_equal(text_str(&t), "a.inc=A;b.inc=B;");
	snprintf(path, sizeof(path), "%s/b.inc", dir);
	assert_int_equal(include(path, &t), 0);
	assert_string_equal(text_str(&t), "b.inc=B;");
	text_fini(&t);
}

static void directories_are_searched_as_nft_searches_them(void **state)
{
	struct text t = TEXT_INIT;
	char sub[128];
	const char *dirs[] = { dir, sub };
	struct rulefile_path path = { .dirs = dirs, .n = 2 };

	(void)state;
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	write_file("a.two", "first");
	write_file("sub/a.two", "second");
	write_file("sub/b.two", "B");
	/* Of a name the first one, */
	assert_int_equal(rulefile_include(&path, "a.two", "x", note, &t), 0);
	assert_string_equal(text_str(&t), "a.two=first;");
	text_clear(&t);
	assert_int_equal(rulefile_include(&path, "b.two", "x", note, &t), 0);
	assert_string_equal(text_str(&t), "b.two=B;");
	text_clear(&t);
	/* of a wildcard all, the last directory's first. */
	assert_int_equal(rulefile_include(&path, "*.two", "x", note, &t), 0);
	assert_string_equal(text_str(&t), "a.two=second;b.two=B;a.two=first;");
	text_fini(&t);
}

static void a_missing_include_is_an_error_unless_it_has_a_wildcard(void **state)
{
	struct text t = TEXT_INIT;

	(void)state;
	assert_int_equal(include("missing.inc", &t), -ENOENT);
	assert_int_equal(include("missing*.inc", &t), 0);
	/* ./ is the working directory, not the search path. */
	write_file("here.inc", "H");
	assert_int_equal(include("./here.inc", &t), -ENOENT);
	assert_int_equal(include(dir, &t), -EISDIR);
	text_fini(&t);
}

/* Rules that nobody finds missing would be the worst of it. */
static void a_directory_that_may_not_be_read_is_no_empty_one(void **state)
{
	struct text t = TEXT_INIT;
	char sub[128], path[160];

	(void)state;
	snprintf(sub, sizeof(sub), "%s/shut", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	write_file("shut/a.inc", "A");
	assert_int_equal(include("shut/*.inc", &t), 0);
	assert_string_equal(text_str(&t), "a.inc=A;");
	assert_int_equal(chmod(sub, 0), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
	assert_int_equal(include("shut/*.inc", &t), -EACCES);
	snprintf(path, sizeof(path), "%s/*.inc", sub);
	assert_int_equal(include(path, &t), -EACCES);
	snprintf(path, sizeof(path), "%s/a.inc", sub);
	assert_int_equal(include(path, &t), -EACCES);
	assert_int_equal(include("shut/none/*.inc", &t), -EACCES);
	assert_int_equal(include("/nonexistent/shut/*.inc", &t), 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(sub, 0700), 0);
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(a_file_that_cannot_be_read_says_why),
		cmocka_unit_test(who_may_not_wait_reads_regular_files_alone),
		cmocka_unit_test(who_may_wait_reads_a_pipe_to_its_end),
		cmocka_unit_test(includes_come_in_alphabetical_order_without_dot_files),
		cmocka_unit_test(directories_are_searched_as_nft_searches_them),
		cmocka_unit_test(a_missing_include_is_an_error_unless_it_has_a_wildcard),
		cmocka_unit_test(a_directory_that_may_not_be_read_is_no_empty_one),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
