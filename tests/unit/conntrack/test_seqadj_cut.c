/* What is left of a shift of sequence numbers when the process dies within it, or somebody reads
 * it at that moment: a child makes it instruction by instruction, and after each its memory is
 * looked at. */
#include "tracking.h"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conntrack/seqadj.h"

#define NO_TRACE 77
#define STEPS_MAX 1000000

static struct shared {
	struct flow flow;
	struct flow_ext ext;
	_Atomic bool done; /* the child has returned from it */
} *shared;

static int setup(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	return shared == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(shared, sizeof(*shared));
}

/* A child that stops before it shifts. */
static pid_t begin_shift(uint32_t seq, int32_t by)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(NO_TRACE);
		raise(SIGSTOP);
		seqadj_shift(&shared->flow, &shared->ext, DIR_ORIGINAL, seq, by);
		atomic_store(&shared->done, true);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_TRACE)
		skip();
	assert_true(WIFSTOPPED(status));
	return child;
}

/* False: it is done. */
static bool step(pid_t child)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	if (!atomic_load(&shared->done))
		return true;
	assert_int_equal(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return false;
}

/* Numbers on all sides of the former change and of this one. */
#define PROBES 7
static void probe(uint32_t former, uint32_t seq, uint32_t ret_offset[PROBES])
{
	const uint32_t at[PROBES] = { former - 1000, former, former + 1, seq - 1, seq, seq + 1,
				      seq + 1000 };

	for (unsigned i = 0; i < PROBES; i++)
		ret_offset[i] = seqadj_offset(&shared->ext.seqadj[DIR_ORIGINAL], at[i]);
}

/* Each number's offset is the old one, and from some moment on the new one. */
static void look(const uint32_t now[PROBES], const uint32_t old[PROBES],
		 const uint32_t new[PROBES], bool moved[PROBES])
{
	for (unsigned i = 0; i < PROBES; i++) {
		if (now[i] != old[i])
			moved[i] = true;
		assert_int_equal(now[i], moved[i] ? new[i] : old[i]);
		/* Nobody would look otherwise. */
		if (now[i])
			assert_true(atomic_load(&shared->flow.status) & FLOW_SEQ_ADJ);
	}
}

/* How many states were seen, beside the first. */
static unsigned shift_step_by_step(uint32_t former, uint32_t seq, int32_t by)
{
	const struct flow_seqadj before = shared->ext.seqadj[DIR_ORIGINAL];
	uint32_t old[PROBES], new[PROBES], now[PROBES];
	struct flow_seqadj last = before;
	bool moved[PROBES] = { false };
	unsigned states = 0, steps = 0;
	pid_t child;

	/* What it is to become; the child begins from what there was. */
	probe(former, seq, old);
	seqadj_shift(&shared->flow, &shared->ext, DIR_ORIGINAL, seq, by);
	probe(former, seq, new);
	shared->ext.seqadj[DIR_ORIGINAL] = before;
	if (!before.offset_before && !before.offset_after)
		atomic_store(&shared->flow.status, 0);

	atomic_store(&shared->done, false);
	child = begin_shift(seq, by);
	while (step(child)) {
		assert_true(++steps < STEPS_MAX);
		probe(former, seq, now);
		look(now, old, new, moved);
		if (memcmp(&last, &shared->ext.seqadj[DIR_ORIGINAL], sizeof(last)) != 0)
			states++;
		last = shared->ext.seqadj[DIR_ORIGINAL];
	}
	probe(former, seq, now);
	assert_memory_equal(now, new, sizeof(new));
	return states;
}

static void at_each_moment_a_number_has_its_old_offset_or_its_new_one(void **state)
{
	static const uint32_t bases[] = { 1000000, 0xfffffff0u };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t base = bases[i];

		memset((void *)shared, 0, sizeof(*shared));
		assert_int_equal(shift_step_by_step(base - 500, base, 5), 2);
		assert_int_equal(shift_step_by_step(base, base + 20, 4), 3);
		assert_int_equal(shift_step_by_step(base + 20, base + 60, -12), 3);
		assert_int_equal(shift_step_by_step(base + 60, base + 61, 3), 3);
	}
}

static void what_comes_again_changes_nothing_at_any_moment(void **state)
{
	(void)state;
	memset((void *)shared, 0, sizeof(*shared));
	seqadj_shift(&shared->flow, &shared->ext, DIR_ORIGINAL, 1000, 5);
	assert_int_equal(shift_step_by_step(500, 1000, 5), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(at_each_moment_a_number_has_its_old_offset_or_its_new_one),
		TEST(what_comes_again_changes_nothing_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
