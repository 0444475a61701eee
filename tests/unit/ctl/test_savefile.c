/* A file is replaced whole or not at all, keeps what it had, and no link leads astray. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "ctl/savefile.h"

static char dir[64], path[128], other[128];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/ctfw-savefile.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/rules.nft", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	return 0;
}

/* Files that are left but for these two. */
static unsigned strangers(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		     strcmp(e->d_name, "rules.nft") && strcmp(e->d_name, "other");
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(strangers(), 0);
	rmdir(path);
	unlink(path);
	unlink(other);
	return rmdir(dir);
}

static void put(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(name, mode), 0);
}

static void assert_holds(const char *name, const char *want)
{
	char text[64] = "";
	FILE *file = fopen(name, "r");

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) == strlen(want));
	fclose(file);
	assert_string_equal(text, want);
}

static int write_it(const char *name, const char **ret_what)
{
	return savefile_write(name, "new\n", 4, ret_what);
}

static void a_new_file_is_as_the_umask_says(void **state)
{
	mode_t mask = umask(027);
	const char *what;
	struct stat st;

	(void)state;
	assert_int_equal(write_it(path, &what), 0);
	umask(mask);
	assert_holds(path, "new\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_file_that_is_there_keeps_its_mode_and_owner(void **state)
{
	const char *what;
	struct stat st, was;

	(void)state;
	put(path, "something longer than that\n", 0604);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 7, 8), 0);
	assert_int_equal(stat(path, &was), 0);
	assert_int_equal(write_it(path, &what), 0);
	assert_holds(path, "new\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, was.st_mode);
	assert_int_equal(st.st_uid, was.st_uid);
	assert_int_equal(st.st_gid, was.st_gid);
	assert_int_not_equal(st.st_ino, was.st_ino);
}

static void a_name_without_a_directory_is_in_this_one(void **state)
{
	char here[512];
	const char *what;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(write_it("rules.nft", &what), 0);
	assert_int_equal(chdir(here), 0);
	assert_holds(path, "new\n");
}

static void links_are_refused_and_lead_nowhere(void **state)
{
	const char *what;
	struct stat st;

	(void)state;
	put(other, "mine\n", 0600);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(write_it(path, &what), -EPERM);
	assert_string_equal(what, "it is a symbolic link: name what it leads to");
	assert_holds(other, "mine\n");
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* One that leads nowhere, too. */
	unlink(path);
	assert_int_equal(symlink("/nonexistent/x", path), 0);
	assert_int_equal(write_it(path, &what), -EPERM);
	unlink(path);
	assert_int_equal(link(other, path), 0);
	assert_int_equal(write_it(path, &what), -EPERM);
	assert_string_equal(what, "it has other names (hard links)");
	assert_holds(other, "mine\n");
}

static void what_is_no_plain_file_is_refused(void **state)
{
	const char *what;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(write_it(path, &what), -EPERM);
	assert_string_equal(what, "it is no plain file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(write_it(path, &what), -EPERM);
	assert_int_equal(write_it("/nonexistent/rules.nft", &what), -ENOENT);
	assert_string_equal(what, "open its directory");
	assert_int_equal(write_it("/tmp/", &what), -EISDIR);
	assert_int_equal(write_it("", &what), -EISDIR);
}

/* Where the file system is full, here by a limit, the old one stays. */
static void a_write_that_fails_leaves_the_old_file(void **state)
{
	const struct rlimit none = { 2, RLIM_INFINITY };
	struct rlimit was;
	const char *what;
	int err;

	(void)state;
	put(path, "old\n", 0600);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	setrlimit(RLIMIT_FSIZE, &none);
	err = write_it(path, &what);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(err, -EFBIG);
	assert_string_equal(what, "write it");
	assert_holds(path, "old\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_is_as_the_umask_says),
		TEST(a_file_that_is_there_keeps_its_mode_and_owner),
		TEST(a_name_without_a_directory_is_in_this_one),
		TEST(links_are_refused_and_lead_nowhere),
		TEST(what_is_no_plain_file_is_refused),
		TEST(a_write_that_fails_leaves_the_old_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
