/* test_rundir.c - the runtime directory: lock, arena, socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/rundir.h"

static char dir[] = "/tmp/ctfw-rundir-XXXXXX";
static struct config *config;
static struct identity self;

static int make(void **state)
{
	struct text t = TEXT_INIT;
	struct diag d = DIAG_INIT;
	int err;

	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	self = (struct identity){ geteuid(), getegid(), false };
	text_printf(&t, "[daemon]\nruntime-directory = %s/run\n", dir);
	err = config_parse("test", text_str(&t), t.len, &d, &config);
	text_fini(&t);
	diag_fini(&d);
	return err;
}

static int unmake(void **state)
{
	char command[128];

	(void)state;
	config_free(config);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? 0 : -1;
}

static void opened(struct rundir *r)
{
	struct diag d = DIAG_INIT;

	if (rundir_open(config, &self, r, &d) < 0)
		fail_msg("%s", text_str(&d.text));
	diag_fini(&d);
}

static void refused(int err, const char *said)
{
	struct diag d = DIAG_INIT;
	struct rundir r;

	assert_int_equal(rundir_open(config, &self, &r, &d), err);
	if (!strstr(text_str(&d.text), said))
		fail_msg("expected \"%s\" in: %s", said, text_str(&d.text));
	assert_int_equal(d.errors, 1);
	diag_fini(&d);
}

static void the_directory_is_made_and_the_socket_removed(void **state)
{
	struct stat st;
	struct rundir r;

	(void)state;
	opened(&r);
	assert_int_equal(stat(config->daemon.control_socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	rundir_close(&r);
	assert_int_equal(stat(config->daemon.control_socket, &st), -1);
	assert_int_equal(stat(config->daemon.runtime_directory, &st), 0);
}

static void a_second_daemon_is_told_of_the_first(void **state)
{
	struct rundir first;

	(void)state;
	opened(&first);
	refused(-EBUSY, "another ctfwd (process ");
	rundir_close(&first);
	opened(&first);
	rundir_close(&first);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct rundir r;
	struct stat st;

	(void)state;
	opened(&r);
	/* As after a kill: the socket stays. */
	close(r.listen_fd);
	close(r.arena_fd);
	close(r.lock_fd);
	assert_int_equal(stat(config->daemon.control_socket, &st), 0);
	opened(&r);
	rundir_close(&r);
}

static void another_file_in_the_sockets_place_is_left_alone(void **state)
{
	FILE *f;

	(void)state;
	mkdir(config->daemon.runtime_directory, 0755);
	f = fopen(config->daemon.control_socket, "w");
	assert_non_null(f);
	fclose(f);
	refused(-EEXIST, "exists and is no socket");
}

static void a_link_in_the_arenas_place_is_not_followed(void **state)
{
	char link[CONFIG_PATH_MAX + 16], victim[64];
	struct rundir r;
	struct stat st;
	FILE *f;

	(void)state;
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	f = fopen(victim, "w");
	assert_non_null(f);
	fputs("precious", f);
	fclose(f);
	mkdir(config->daemon.runtime_directory, 0755);
	snprintf(link, sizeof(link), "%s/ctfwd.arena", config->daemon.runtime_directory);
	assert_int_equal(symlink(victim, link), 0);
	opened(&r);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 8);
	rundir_close(&r);
}

static void a_group_that_does_not_exist_is_told(void **state)
{
	(void)state;
	strcpy(config->daemon.control_group, "no-such-group");
	refused(-ENOENT, "the control-group \"no-such-group\" does not exist");
}

static void a_directory_that_cannot_be_made_is_told(void **state)
{
	(void)state;
	strcpy(config->daemon.runtime_directory, "/proc/nothing");
	refused(-ENOENT, "cannot make the runtime directory /proc/nothing: No such file");
}

/* ---- the arena ---- */

static const struct arena_geometry small = { .flow_records = 64,
					     .workers = 1,
					     .text_bytes = 4096 };

static struct arena mapped(struct rundir *r, const struct arena_geometry *g, bool fresh)
{
	struct diag d = DIAG_INIT;
	struct arena a;
	bool is_fresh;

	if (rundir_map_arena(r->arena_fd, g, &a, &is_fresh, &d) < 0)
		fail_msg("%s", text_str(&d.text));
	assert_int_equal(is_fresh, fresh);
	diag_fini(&d);
	return a;
}

static void the_arena_is_found_again(void **state)
{
	struct rundir r;
	struct arena a;

	(void)state;
	opened(&r);
	a = mapped(&r, &small, true);
	a.flows[100] = 42;
	munmap(a.header, arena_size(&small));
	rundir_close(&r);
	opened(&r);
	a = mapped(&r, &small, false);
	assert_int_equal(a.flows[100], 42);
	munmap(a.header, arena_size(&small));
	rundir_close(&r);
}

static void an_arena_of_another_size_or_damaged_starts_empty(void **state)
{
	struct arena_geometry larger = small;
	struct rundir r;
	struct arena a;

	(void)state;
	opened(&r);
	a = mapped(&r, &small, true);
	a.flows[100] = 42;
	munmap(a.header, arena_size(&small));
	larger.flow_records *= 2;
	a = mapped(&r, &larger, true);
	assert_int_equal(a.flows[100], 0);
	a.flows[100] = 42;
	a.header->flow_records--;
	munmap(a.header, arena_size(&larger));
	a = mapped(&r, &larger, true);
	assert_int_equal(a.flows[100], 0);
	munmap(a.header, arena_size(&larger));
	rundir_close(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_directory_is_made_and_the_socket_removed),
		TEST(a_second_daemon_is_told_of_the_first),
		TEST(a_stale_socket_is_replaced),
		TEST(another_file_in_the_sockets_place_is_left_alone),
		TEST(a_link_in_the_arenas_place_is_not_followed),
		TEST(a_group_that_does_not_exist_is_told),
		TEST(a_directory_that_cannot_be_made_is_told),
		TEST(the_arena_is_found_again),
		TEST(an_arena_of_another_size_or_damaged_starts_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
