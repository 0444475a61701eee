/* test_lastgood.c - the copy of the configuration in force last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/lastgood.h"

#define RIGHT "[capture wg0]\nnetworks = 10.8.0.0/24\n"
#define WRONG "[capture wg0]\nnetwroks = 10.8.0.0/24\n"

static char dir[] = "/tmp/ctfw-lastgood.XXXXXX";
static char config[64], copy[64], new[64];

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static const char *get(const char *path)
{
	static char text[256];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return text;
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(config, sizeof(config), "%s/config", dir);
	snprintf(copy, sizeof(copy), "%s/ctfwd.conf", dir);
	snprintf(new, sizeof(new), "%s/ctfwd.conf.new", dir);
	put(config, RIGHT);
	return setenv("STATE_DIRECTORY", dir, 1);
}

static int teardown(void **state)
{
	(void)state;
	unlink(config);
	unlink(copy);
	unlink(new);
	return rmdir(dir);
}

static void what_is_right_is_copied_and_comes_back(void **state)
{
	struct diag d = DIAG_INIT;
	struct config *c = NULL;

	(void)state;
	lastgood_save(config);
	assert_string_equal(get(copy), RIGHT);
	assert_int_equal(access(new, F_OK), -1);
	assert_int_equal(lastgood_load(&d, &c), 0);
	assert_int_equal(c->n_captures, 1);
	assert_string_equal(c->captures[0].ifname, "wg0");
	config_free(c);
	diag_fini(&d);
}

static void what_is_wrong_leaves_the_copy(void **state)
{
	(void)state;
	lastgood_save(config);
	put(config, WRONG);
	lastgood_save(config);
	assert_string_equal(get(copy), RIGHT);
}

static void the_same_again_is_not_written(void **state)
{
	struct stat before, after;

	(void)state;
	lastgood_save(config);
	assert_int_equal(stat(copy, &before), 0);
	lastgood_save(config);
	assert_int_equal(stat(copy, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	put(config, RIGHT "mtu = 1400\n");
	lastgood_save(config);
	assert_string_equal(get(copy), RIGHT "mtu = 1400\n");
}

static void nothing_is_written_through_a_link(void **state)
{
	char other[80];

	(void)state;
	snprintf(other, sizeof(other), "%s/other", dir);
	put(other, "other");
	assert_int_equal(symlink(other, new), 0);
	lastgood_save(config);
	assert_string_equal(get(other), "other");
	assert_string_equal(get(copy), RIGHT);
	unlink(copy);
	assert_int_equal(link(other, new), 0);
	lastgood_save(config);
	assert_string_equal(get(other), "other");
	assert_string_equal(get(copy), RIGHT);
	unlink(other);
}

static void whatever_was_left_in_its_place_is_replaced(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(new, 0600), 0);
	alarm(20); /* to wait for a reader would be for ever */
	lastgood_save(config);
	alarm(0);
	assert_string_equal(get(copy), RIGHT);
}

static void without_a_directory_there_is_no_copy(void **state)
{
	struct diag d = DIAG_INIT;
	struct config *c = NULL;

	(void)state;
	assert_int_equal(lastgood_load(&d, &c), -ENOENT);
	setenv("STATE_DIRECTORY", "/nowhere:/elsewhere", 1);
	lastgood_save(config);
	assert_int_equal(lastgood_load(&d, &c), -ENOENT);
	unsetenv("STATE_DIRECTORY");
	lastgood_save(config);
	assert_int_equal(lastgood_load(&d, &c), -ENOENT);
	assert_string_equal(get(copy), "");
	diag_fini(&d);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_right_is_copied_and_comes_back),
		TEST(what_is_wrong_leaves_the_copy),
		TEST(the_same_again_is_not_written),
		TEST(nothing_is_written_through_a_link),
		TEST(whatever_was_left_in_its_place_is_replaced),
		TEST(without_a_directory_there_is_no_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
