/* test_rundir.c - the runtime directory: lock, arena, socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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

static void a_daemon_of_another_user_is_seen_as_well(void **state)
{
	struct rundir first;

	(void)state;
	if (geteuid())
		skip();
	self = (struct identity){ 65534, 65534, true };
	opened(&first);
	self = (struct identity){ 1, 1, true };
	refused(-EBUSY, "another ctfwd, of another user, is running in ");
	rundir_close(&first);
	/* What it left is nobody's. */
	opened(&first);
	rundir_close(&first);
}

static void what_is_of_another_user_is_not_taken_over(void **state)
{
	char path[CONFIG_PATH_MAX + 16];
	struct rundir r;
	struct stat st;
	FILE *f;

	(void)state;
	if (geteuid())
		skip();
	mkdir(config->daemon.runtime_directory, 0777);
	snprintf(path, sizeof(path), "%s/ctfwd.arena", config->daemon.runtime_directory);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("his", f);
	fclose(f);
	assert_int_equal(chown(path, 65534, 65534), 0);
	opened(&r);
	assert_int_equal(fstat(r.arena_fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(st.st_uid, 0);
	rundir_close(&r);
}

static void the_arena_is_for_nobody_elses_eyes(void **state)
{
	struct rundir r;
	struct stat st;

	(void)state;
	opened(&r);
	assert_int_equal(fchmod(r.arena_fd, 0644), 0);
	rundir_close(&r);
	opened(&r);
	assert_int_equal(fstat(r.arena_fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	rundir_close(&r);
}

static void a_socket_that_somebody_listens_on_is_left_to_him(void **state)
{
	struct rundir first;
	struct stat st;

	(void)state;
	snprintf(config->daemon.control_socket, sizeof(config->daemon.control_socket),
		 "%s/common.sock", dir);
	opened(&first);
	strcat(config->daemon.runtime_directory, "2");
	refused(-EADDRINUSE, "common.sock is in use by another process");
	assert_int_equal(stat(first.socket, &st), 0);
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

static struct arena found(struct rundir *r, const struct arena_geometry *g, bool resize,
			  bool fresh)
{
	struct diag d = DIAG_INIT;
	struct arena a;
	bool is_fresh;

	if (rundir_map_arena(r, g, resize, &a, &is_fresh, &d) < 0)
		fail_msg("%s", text_str(&d.text));
	assert_int_equal(is_fresh, fresh);
	diag_fini(&d);
	return a;
}

static struct arena mapped(struct rundir *r, const struct arena_geometry *g, bool fresh)
{
	return found(r, g, true, fresh);
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

static void an_arena_that_is_damaged_starts_empty(void **state)
{
	struct rundir r;
	struct arena a;

	(void)state;
	opened(&r);
	a = mapped(&r, &small, true);
	a.flows[100] = 42;
	a.header->flow_records--;
	munmap(a.header, arena_size(&small));
	a = mapped(&r, &small, true);
	assert_int_equal(a.flows[100], 0);
	munmap(a.header, arena_size(&small));
	/* Of another size as well. */
	assert_int_equal(ftruncate(r.arena_fd, 5000), 0);
	a = mapped(&r, &small, true);
	munmap(a.header, arena_size(&small));
	rundir_close(&r);
}

static void an_arena_that_is_longer_than_it_says_is_cut(void **state)
{
	struct rundir r;
	struct arena a;

	(void)state;
	opened(&r);
	a = mapped(&r, &small, true);
	a.flows[100] = 42;
	munmap(a.header, arena_size(&small));
	assert_int_equal(ftruncate(r.arena_fd, (off_t)1 << 36), 0);
	a = mapped(&r, &small, false);
	assert_int_equal(a.flows[100], 42);
	assert_int_equal(lseek(r.arena_fd, 0, SEEK_END), arena_size(&small));
	munmap(a.header, arena_size(&small));
	rundir_close(&r);
}

/* A header that is right but for what it says, and nothing behind it but holes. */
static void forge(struct rundir *r, const struct arena_geometry *g)
{
	struct arena a = mapped(r, &small, true);
	struct arena_header h;

	arena_make_header(g, a.header->boot_id, (const uint8_t *)a.header->key, &h);
	munmap(a.header, arena_size(&small));
	assert_int_equal(ftruncate(r->arena_fd, 0), 0);
	assert_int_equal(ftruncate(r->arena_fd, (off_t)arena_size(g)), 0);
	assert_int_equal(pwrite(r->arena_fd, &h, sizeof(h), 0), sizeof(h));
}

/* It would take hours to look through, at each start. */
static void an_arena_larger_than_any_starts_empty(void **state)
{
	const struct arena_geometry huge = { .flow_records = UINT32_MAX, .workers = 1,
					     .text_bytes = 4096 };
	struct rundir r;
	struct arena a;

	(void)state;
	opened(&r);
	forge(&r, &huge);
	alarm(20);
	a = mapped(&r, &small, true);
	alarm(0);
	munmap(a.header, arena_size(&small));
	rundir_close(&r);
}

/* Whoever had the arena before may have written any geometry there: with some of them each filter
 * would die, one after the other. */
static void what_no_filter_could_run_with_does_not_stay(void **state)
{
	const struct arena_geometry g = { 2000, 4, 8192, 70, 7 },
				    bad[] = { { 2000, 3, 8192, 70, 7 },
					      { 1024, 4, 8192, 70, 7 },
					      { 2000, 4, 4096, 70, 7 } };
	char path[CONFIG_PATH_MAX + 32];
	struct rundir r;
	struct arena a;

	(void)state;
	snprintf(path, sizeof(path), "%s/ctfwd.arena.new", config->daemon.runtime_directory);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		opened(&r);
		forge(&r, &bad[i]);
		a = found(&r, &g, false, false);
		assert_int_equal(arena_size(&g), a.header->total);
		munmap(a.header, arena_size(&g));
		/* No file can be made in the place of that. */
		assert_int_equal(ftruncate(r.arena_fd, 0), 0);
		forge(&r, &bad[i]);
		assert_int_equal(mkdir(path, 0700), 0);
		a = found(&r, &g, i % 2, true);
		assert_int_equal(arena_size(&g), a.header->total);
		munmap(a.header, arena_size(&g));
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(ftruncate(r.arena_fd, 0), 0);
		rundir_close(&r);
	}
}

/* In a tmpfs that is full the process would be killed over it. */
static void holes_of_a_former_arena_are_not_filled(void **state)
{
	const struct arena_geometry hollow = { .flow_records = 1 << 20, .workers = 1,
					       .text_bytes = 4096 };
	struct rundir r;
	struct arena a;
	struct stat st;
	int former;

	(void)state;
	opened(&r);
	close(r.arena_fd);
	r.arena_fd = memfd_create("arena", MFD_CLOEXEC);
	forge(&r, &hollow);
	former = dup(r.arena_fd);
	a = mapped(&r, &small, false);
	assert_int_equal(fstat(former, &st), 0);
	assert_true(st.st_blocks < 1000);
	close(former);
	munmap(a.header, arena_size(&small));
	rundir_close(&r);
}

static void only_the_file_of_that_name_is_the_arena(void **state)
{
	char path[CONFIG_PATH_MAX + 32];
	int other = memfd_create("other", MFD_CLOEXEC), reader;
	struct rundir r;

	(void)state;
	opened(&r);
	snprintf(path, sizeof(path), "%s/" RUNDIR_ARENA, config->daemon.runtime_directory);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(rundir_is_arena(&r, r.arena_fd));
	assert_false(rundir_is_arena(&r, other));
	assert_false(rundir_is_arena(&r, r.lock_fd));
	assert_false(rundir_is_arena(&r, r.listen_fd));
	assert_false(rundir_is_arena(&r, reader));
	close(other);
	close(reader);
	rundir_close(&r);
}

/* Until its header is there, which comes last. */
static void an_arena_that_was_not_finished_starts_empty(void **state)
{
	struct rundir r;
	struct arena a;
	uint8_t page[4096] = { 0 };

	(void)state;
	opened(&r);
	a = mapped(&r, &small, true);
	a.flows[100] = 42;
	munmap(a.header, arena_size(&small));
	assert_int_equal(pwrite(r.arena_fd, page, sizeof(page), 0), sizeof(page));
	a = mapped(&r, &small, true);
	assert_int_equal(a.flows[100], 0);
	munmap(a.header, arena_size(&small));
	rundir_close(&r);
}

static void an_arena_of_another_layout_starts_empty(void **state)
{
	struct arena_geometry larger = small;
	struct rundir r;
	struct arena a;

	(void)state;
	larger.flow_records *= 2;
	opened(&r);
	for (uint32_t layout = 0; layout < ARENA_LAYOUT + 3; layout++) {
		if (layout == ARENA_LAYOUT)
			continue;
		a = mapped(&r, &small, true);
		a.flows[100] = 42;
		a.header->layout = layout;
		munmap(a.header, arena_size(&small));
		/* Whether its size is as it should be or not. */
		a = mapped(&r, layout % 2 ? &small : &larger, true);
		assert_int_equal(a.flows[100], 0);
		a.header->layout--;
		munmap(a.header, arena_size(layout % 2 ? &small : &larger));
	}
	rundir_close(&r);
}

/* Something in every area. */
static void fill(struct arena *a, const struct arena_geometry *g)
{
	for (uint32_t i = 0; i < g->flow_records; i++) {
		a->flows[i * ARENA_FLOW_SIZE + 3] = (uint8_t)(i + 1);
		a->exts[i * ARENA_EXT_SIZE + 5] = (uint8_t)(i + 2);
	}
	for (uint32_t i = 0; i < g->element_records; i++)
		a->elements[i * ARENA_ELEMENT_SIZE] = (uint8_t)(i + 3);
	for (uint32_t i = 0; i < g->expect_records; i++)
		a->expects[i * ARENA_EXPECT_SIZE] = (uint8_t)(i + 4);
	a->counters[7] = 1007;
	a->states[ARENA_STATES * ARENA_STATE_SIZE - 1] = 9;
	arena_save_text(a, ARENA_SAVE_NEW, "one", 3, NULL, NULL);
	arena_save_text(a, ARENA_SAVE_NEW, "two", 3, NULL, NULL);
	atomic_store(&a->header->next_flow_id, 77);
}

static uint32_t fewer(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void assert_taken_over(const struct arena *a, const struct arena_geometry *was,
			      const struct arena_geometry *g)
{
	const char *text;
	size_t len;

	for (uint32_t i = 0; i < g->flow_records; i++) {
		bool had = i < was->flow_records;

		assert_int_equal(a->flows[i * ARENA_FLOW_SIZE + 3],
				 had ? (uint8_t)(i + 1) : 0);
		assert_int_equal(a->exts[i * ARENA_EXT_SIZE + 5],
				 had ? (uint8_t)(i + 2) : 0);
	}
	for (uint32_t i = 0; i < fewer(was->element_records, g->element_records); i++)
		assert_int_equal(a->elements[i * ARENA_ELEMENT_SIZE], i + 3);
	for (uint32_t i = 0; i < fewer(was->expect_records, g->expect_records); i++)
		assert_int_equal(a->expects[i * ARENA_EXPECT_SIZE], i + 4);
	assert_int_equal(a->counters[7], 1007);
	assert_int_equal(a->states[ARENA_STATES * ARENA_STATE_SIZE - 1], 9);
	assert_int_equal(arena_saved(a), 2);
	assert_int_equal(arena_saved_text(a, 0, &text, &len), 0);
	assert_memory_equal(text, "two", 3);
	assert_int_equal(arena_saved_text(a, 1, &text, &len), 0);
	assert_memory_equal(text, "one", 3);
	assert_int_equal(atomic_load(&a->header->next_flow_id), 77);
}

static void what_has_room_in_an_arena_of_another_size_goes_on(void **state)
{
	const struct arena_geometry sizes[] = {
		small,
		{ 100, 1, 4096, 5, 7 },
		{ 33, 1, 4096, 2, 100 },
		{ 200, 1, 4096, 40, 3 },
	};
	struct rundir r;

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		const struct arena_geometry *was = &sizes[i / 4], *g = &sizes[i % 4];
		uint64_t key[2];
		struct arena a;

		if (was == g)
			continue;
		opened(&r);
		assert_int_equal(ftruncate(r.arena_fd, 0), 0);
		a = mapped(&r, was, true);
		fill(&a, was);
		memcpy(key, a.header->key, sizeof(key));
		munmap(a.header, arena_size(was));
		a = mapped(&r, g, false);
		assert_taken_over(&a, was, g);
		/* Checksums of identities go by it. */
		assert_memory_equal(key, a.header->key, sizeof(key));
		munmap(a.header, arena_size(g));
		a = mapped(&r, g, false);
		munmap(a.header, arena_size(g));
		rundir_close(&r);
	}
}

/* ---- deaths in a conversion, and what is in its way ---- */

static bool has_new(void)
{
	char path[CONFIG_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/ctfwd.arena.new", config->daemon.runtime_directory);
	return access(path, F_OK) == 0;
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	const struct timespec t = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	nanosleep(&t, NULL);
}

#define TO_THE_END UINT64_MAX

/* Another process begins to make the arena one of geometry g, and is killed after so long.
 * Returns how long that took, ns, or 0: it did not come to the end. */
static uint64_t convert_and_die(struct rundir *r, const struct arena_geometry *g, uint64_t ns)
{
	_Atomic uint64_t *took = mmap(NULL, sizeof(*took), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct diag d = DIAG_INIT;
	uint64_t began, ended;
	struct arena a;
	bool fresh;
	pid_t pid;

	assert_ptr_not_equal(took, MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		began = clock_ns();
		if (rundir_map_arena(r, g, true, &a, &fresh, &d) == 0)
			*took = clock_ns() - began;
		for (;;)
			pause();
	}
	if (ns != TO_THE_END)
		sleep_ns(ns);
	for (unsigned i = 0; ns == TO_THE_END && !*took && i < 10000; i++)
		sleep_ns(1000000);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ended = *took;
	munmap((void *)took, sizeof(*took));
	return ended;
}

#define MOMENTS 80

static void a_death_at_any_moment_of_a_conversion_loses_nothing(void **state)
{
	const struct arena_geometry was = { 2000, 1, 4096, 5, 7 }, g = { 40000, 1, 4096, 9, 8 };
	unsigned unfinished = 0, finished = 0;
	struct rundir r;
	struct arena a;
	uint64_t took, ended;

	(void)state;
	opened(&r);
	a = mapped(&r, &was, true);
	fill(&a, &was);
	munmap(a.header, arena_size(&was));
	rundir_close(&r);
	opened(&r);
	took = convert_and_die(&r, &g, TO_THE_END);
	assert_true(took > 0);
	rundir_close(&r);
	for (uint64_t i = 0; i < MOMENTS; i++) {
		/* There and back, so that each begins with the same. */
		opened(&r);
		assert_false(has_new());
		a = mapped(&r, &was, false);
		assert_taken_over(&a, &was, &was);
		munmap(a.header, arena_size(&was));
		rundir_close(&r);
		opened(&r);
		ended = convert_and_die(&r, &g,
					i + 1 < MOMENTS ? took * 2 * i / MOMENTS : TO_THE_END);
		finished += ended != 0;
		unfinished += !ended && has_new();
		/* The machine may have been busy before. */
		if (ended && ended < took)
			took = ended;
		rundir_close(&r);
		opened(&r);
		a = mapped(&r, &g, false);
		assert_taken_over(&a, &was, &g);
		munmap(a.header, arena_size(&g));
		rundir_close(&r);
	}
	assert_true(unfinished > 0);
	assert_true(finished > 0);
}

/* Who goes on with the descriptors that it had. */
static void a_death_in_a_conversion_is_made_good_by_the_next_process(void **state)
{
	const struct arena_geometry g = { 40000, 1, 4096, 5, 7 };
	struct rundir r;
	struct arena a;

	(void)state;
	opened(&r);
	a = mapped(&r, &small, true);
	fill(&a, &small);
	munmap(a.header, arena_size(&small));
	for (uint64_t i = 0; i < 10; i++)
		convert_and_die(&r, &g, 100000 * i);
	a = mapped(&r, &g, false);
	assert_taken_over(&a, &small, &g);
	assert_false(has_new());
	munmap(a.header, arena_size(&g));
	rundir_close(&r);
}

static void an_arena_that_has_no_room_to_grow_stays_as_it_is(void **state)
{
	const struct arena_geometry was = { 2000, 1, 4096, 5, 7 },
				    larger = { 100000, 1, 4096, 5, 7 };
	struct rlimit whole, limit;
	struct rundir r;
	struct arena a;

	(void)state;
	opened(&r);
	a = mapped(&r, &was, true);
	fill(&a, &was);
	munmap(a.header, arena_size(&was));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
	limit = (struct rlimit){ arena_size(&was), whole.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	a = mapped(&r, &larger, false);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &whole), 0);
	assert_int_equal(a.header->flow_records, was.flow_records);
	assert_taken_over(&a, &was, &was);
	assert_false(has_new());
	a.flows[3] = 99;
	munmap(a.header, arena_size(&was));
	/* With room it is done then, by whoever may take time for it. */
	a = found(&r, &larger, false, false);
	assert_int_equal(a.header->flow_records, was.flow_records);
	munmap(a.header, arena_size(&was));
	a = mapped(&r, &larger, false);
	assert_int_equal(a.header->flow_records, larger.flow_records);
	assert_int_equal(a.flows[3], 99);
	munmap(a.header, arena_size(&larger));
	rundir_close(&r);
}

static void a_converted_arena_is_for_nobody_elses_eyes(void **state)
{
	const struct arena_geometry larger = { 100, 1, 4096, 5, 7 };
	struct stat st, named;
	struct rundir r;
	struct arena a;

	(void)state;
	opened(&r);
	a = mapped(&r, &small, true);
	munmap(a.header, arena_size(&small));
	umask(0);
	a = mapped(&r, &larger, false);
	assert_int_equal(fstat(r.arena_fd, &st), 0);
	assert_int_equal(fstatat(r.dir_fd, "ctfwd.arena", &named, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_ino, named.st_ino);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(fcntl(r.arena_fd, F_GETFD) & FD_CLOEXEC);
	munmap(a.header, arena_size(&larger));
	rundir_close(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_directory_is_made_and_the_socket_removed),
		TEST(a_second_daemon_is_told_of_the_first),
		TEST(a_daemon_of_another_user_is_seen_as_well),
		TEST(what_is_of_another_user_is_not_taken_over),
		TEST(the_arena_is_for_nobody_elses_eyes),
		TEST(a_socket_that_somebody_listens_on_is_left_to_him),
		TEST(a_stale_socket_is_replaced),
		TEST(another_file_in_the_sockets_place_is_left_alone),
		TEST(a_link_in_the_arenas_place_is_not_followed),
		TEST(a_group_that_does_not_exist_is_told),
		TEST(a_directory_that_cannot_be_made_is_told),
		TEST(the_arena_is_found_again),
		TEST(an_arena_that_is_damaged_starts_empty),
		TEST(an_arena_that_is_longer_than_it_says_is_cut),
		TEST(an_arena_larger_than_any_starts_empty),
		TEST(what_no_filter_could_run_with_does_not_stay),
		TEST(holes_of_a_former_arena_are_not_filled),
		TEST(only_the_file_of_that_name_is_the_arena),
		TEST(an_arena_that_was_not_finished_starts_empty),
		TEST(an_arena_of_another_layout_starts_empty),
		TEST(what_has_room_in_an_arena_of_another_size_goes_on),
		TEST(a_death_at_any_moment_of_a_conversion_loses_nothing),
		TEST(a_death_in_a_conversion_is_made_good_by_the_next_process),
		TEST(an_arena_that_has_no_room_to_grow_stays_as_it_is),
		TEST(a_converted_arena_is_for_nobody_elses_eyes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
