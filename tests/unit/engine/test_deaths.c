/* test_deaths.c - a process that dies between any two stores to the arena's header.
 *
 * A child makes a change, and stops at each of its stores there, for which it has no right at
 * first.  Then its memory is copied, and taken up as by the next process: what that finds is
 * one of what was and what was to be, and nothing between them. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/engine/generations.h"

#define UNTIL (1060 * NSEC_PER_SEC)
#define LATER (1090 * NSEC_PER_SEC)
#define HEADER 4096
#define STEPS 1000 /* more than it takes to return from a handler */

struct change_test {
	void (*make)(struct bench *b);
	/* Whether the change has been made, by what the next process finds. */
	bool (*check)(const struct bench *b);
};

static void read_child(pid_t pid, void *at, void *ret, size_t len)
{
	const struct iovec local = { ret, len }, remote = { at, len };

	assert_int_equal(process_vm_readv(pid, &local, 1, &remote, 1, 0), len);
}

/* ---- in the child ---- */

static uint8_t *header;

static void set_writable(bool writable)
{
	if (mprotect(header, HEADER, writable ? PROT_READ | PROT_WRITE : PROT_READ) < 0)
		_exit(3);
}

static void on_store(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if ((uint8_t *)info->si_addr < header || (uint8_t *)info->si_addr >= header + HEADER)
		_exit(4);
	set_writable(true);
	raise(SIGSTOP);
}

/* The parent has seen the store. */
static void on_seen(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	set_writable(false);
}

static void __attribute__((noreturn)) child(struct bench *b, void (*make)(struct bench *b))
{
	struct sigaction store = { .sa_sigaction = on_store, .sa_flags = SA_SIGINFO };
	struct sigaction seen = { .sa_sigaction = on_seen, .sa_flags = SA_SIGINFO };

	header = b->memory;
	sigaction(SIGSEGV, &store, NULL);
	sigaction(SIGUSR1, &seen, NULL);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(2);
	raise(SIGSTOP);
	set_writable(false);
	make(b);
	_exit(0);
}

/* ---- and what watches it ---- */

/* On, by one instruction or to what stops it next.  Returns the signal that does, 0 when it has
 * ended. */
static int go_on(pid_t pid, bool one, int sig)
{
	int status;

	assert_int_equal(ptrace(one ? PTRACE_SINGLESTEP : PTRACE_CONT, pid, NULL,
				(void *)(intptr_t)sig), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status)) {
		assert_int_equal(WEXITSTATUS(status), 0);
		return 0;
	}
	assert_true(WIFSTOPPED(status));
	return WSTOPSIG(status);
}

/* Out of the handler and over the store.  Whether the header, which was as `last` says and is
 * so again then, has changed: it may say what it said before, and the child may come to its end
 * over it. */
static bool over_store(pid_t pid, void *memory, uint8_t last[HEADER], bool *ret_ended)
{
	static uint8_t now[HEADER];
	int sig;

	for (unsigned i = 0; i < STEPS; i++) {
		sig = go_on(pid, true, 0);
		*ret_ended = !sig;
		if (!sig)
			return false;
		if (sig != SIGTRAP)
			fail_msg("what is in the child's way?");
		read_child(pid, memory, now, HEADER);
		if (memcmp(last, now, HEADER) != 0) {
			memcpy(last, now, HEADER);
			return true;
		}
	}
	return false;
}

/* To behind the next store that changes the header.  False when there is none; *sig: what it is
 * to be told first. */
static bool next_store(pid_t pid, void *memory, uint8_t last[HEADER], int *sig)
{
	bool ended = false;

	while (!ended && (*sig = go_on(pid, false, *sig)) != 0) {
		if (*sig != SIGSTOP)
			continue;
		*sig = SIGUSR1;
		if (over_store(pid, memory, last, &ended))
			return true;
	}
	return false;
}

static pid_t start_child(struct bench *b, void (*make)(struct bench *b))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		child(b, make);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		skip(); /* who runs us is traced and may not, or forbids it */
	return pid;
}

/* Returns after how many stores nothing had been done yet. */
static unsigned die_everywhere(struct bench *b, const struct change_test *t)
{
	static uint8_t last[HEADER];
	const size_t size = b->arena.header->total;
	pid_t pid = start_child(b, t->make);
	unsigned before = 0, after = 0;
	int sig = 0;

	read_child(pid, b->memory, last, HEADER);
	while (next_store(pid, b->memory, last, &sig)) {
		read_child(pid, b->memory, b->memory, size);
		well_restarted(b);
		if (t->check(b))
			after++;
		else if (after)
			fail_msg("what was done is undone by a later death");
		else
			before++;
	}
	assert_true(after > 0);
	return before;
}

static bool has(const struct bench *b, const char *part)
{
	char *text = listed(b, 0);
	bool found = strstr(text, part) != NULL;

	free(text);
	return found;
}

static void make_undo(struct bench *b)
{
	b->now.real += NSEC_PER_SEC;
	undo(b);
}

static bool is_undone(const struct bench *b)
{
	struct generation_trial t;

	if (generation_trial(b->generation, &t)) {
		assert_true(has(b, "table ip tried"));
		assert_true(t.file);
		assert_int_equal(t.until, UNTIL);
		assert_int_equal(generation_file_undone(b->generation), 0);
		return false;
	}
	assert_false(has(b, "table ip tried"));
	assert_true(has(b, "table ip t "));
	assert_int_equal(generation_file_undone(b->generation), b->now.real + NSEC_PER_SEC);
	return true;
}

static void an_undo_and_the_end_of_its_trial_are_one(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(try_file(b, "table ip tried { }", UNTIL), 0);
	assert_true(die_everywhere(b, &(struct change_test){ make_undo, is_undone }));
}

static void make_rollback(struct bench *b)
{
	const struct generation_request request = { .uid = 1000 };
	struct diag d = DIAG_INIT;

	assert_int_equal(generation_rollback(b->generation, 1, &request, b->now, &d), 0);
	diag_fini(&d);
}

static bool is_rolled_back(const struct bench *b)
{
	bool back = !has(b, "table ip second");

	assert_false(on_trial(b));
	assert_int_equal(has(b, "table ip t "), back);
	assert_int_equal(generation_file_undone(b->generation), back ? b->now.real : 0);
	return back;
}

static void a_rollback_and_what_is_said_of_the_file_are_one(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(try_file(b, "table ip second { }", 0), 0);
	assert_true(die_everywhere(b, &(struct change_test){ make_rollback, is_rolled_back }));
}

static void make_reload(struct bench *b)
{
	assert_int_equal(try_file(b, "table ip second { }", LATER), 0);
}

static bool is_reloaded(const struct bench *b)
{
	struct generation_trial t;
	bool reloaded = has(b, "table ip second");

	assert_true(generation_trial(b->generation, &t));
	assert_int_equal(t.file, reloaded);
	assert_int_equal(t.until, reloaded ? LATER : UNTIL);
	assert_int_equal(t.begun, b->now.real);
	return reloaded;
}

static void a_file_and_that_it_is_on_trial_are_one(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(try(b, "add table ip u", UNTIL), 0);
	assert_true(die_everywhere(b, &(struct change_test){ make_reload, is_reloaded }));
}

static void make_trial(struct bench *b)
{
	assert_int_equal(try(b, "add table ip tried", UNTIL), 0);
}

/* One that was begun for nothing that is there as yet would undo nothing. */
static bool is_tried(const struct bench *b)
{
	struct generation_trial t;

	if (!has(b, "table ip tried"))
		return false;
	assert_true(generation_trial(b->generation, &t));
	assert_int_equal(t.until, UNTIL);
	return true;
}

static void no_change_is_there_before_its_trial(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_true(die_everywhere(b, &(struct change_test){ make_trial, is_tried }));
}

static void make_confirm(struct bench *b)
{
	generation_confirm(b->generation);
}

static bool is_confirmed(const struct bench *b)
{
	struct generation_trial t;

	assert_true(has(b, "table ip tried"));
	if (!generation_trial(b->generation, &t))
		return true;
	assert_true(t.file);
	assert_int_equal(t.begun, b->now.real);
	assert_int_equal(t.until, UNTIL);
	return false;
}

/* Nothing precedes the one store by which it is confirmed. */
static void what_is_confirmed_is_so_at_once(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(try_file(b, "table ip tried { }", UNTIL), 0);
	assert_false(die_everywhere(b, &(struct change_test){ make_confirm, is_confirmed }));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_undo_and_the_end_of_its_trial_are_one),
		TEST(a_rollback_and_what_is_said_of_the_file_are_one),
		TEST(a_file_and_that_it_is_on_trial_are_one),
		TEST(no_change_is_there_before_its_trial),
		TEST(what_is_confirmed_is_so_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
