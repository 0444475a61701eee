/* WatchTrace: many who watch do not hold the daemon up. */
#include "unit/control/ear.h"

#include "control/trace_hub.h"

#define EARS 100
#define PACKETS 100

static unsigned lines_of(const struct ear *e)
{
	unsigned n = 0;

	for (const char *at = text_str(&e->lines); (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

/* Three lines a packet: what it is, the rule, the policy. */
static void those_who_watch_share_what_is_written_in_a_turn(void **state)
{
	static struct ear ear[EARS];
	unsigned turns = 0;

	(void)state;
	apply("add table ip t\n"
	      "add chain ip t c { type filter hook prerouting priority -300; }\n"
	      "add rule ip t c meta nftrace set 1");
	for (unsigned i = 0; i < EARS; i++)
		listen_to(&ear[i], "WatchTrace", "{}");
	fixture_flows(&f, PACKETS);
	trace_hub_collect(f.traces);
	run(&ear[0]);
	assert_in_range(lines_of(&ear[0]), 1, PACKETS / 2);
	while (lines_of(&ear[0]) < 3 * PACKETS && turns++ < 1000) {
		trace_hub_collect(f.traces);
		run(&ear[0]);
	}
	for (unsigned i = 0; i < EARS; i++) {
		run(&ear[i]);
		assert_int_equal(lines_of(&ear[i]), 3 * PACKETS);
		assert_int_equal(ear[i].skipped, 0);
		stop(&ear[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_who_watch_share_what_is_written_in_a_turn),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
