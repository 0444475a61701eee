/* Status for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/status_text.h"

static char *text;

static void print(const char *json)
{
	json_t *status = json_loads(json, 0, NULL);
	size_t len;
	FILE *out;

	assert_non_null(status);
	free(text);
	out = open_memstream(&text, &len);
	status_print(out, status, 1700000100);
	fclose(out);
	json_decref(status);
}

static void expect(const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void what_filters_says_since_when(void **state)
{
	(void)state;
	print("{\"version\":\"1\",\"filtering\":true,\"since\":1700000000}");
	expect("ctfw 1: filtering since 2023-11-14 22:13:20 (1 min 40 s)\n");
}

static void what_does_not_filter_says_so_in_capitals(void **state)
{
	(void)state;
	print("{\"version\":\"1\",\"filtering\":false,\"since\":null}");
	expect("ctfw 1: NOT FILTERING\n");
	expect("nothing is filtered");
}

static void the_scope_names_interfaces_and_that_nothing_else_is_filtered(void **state)
{
	(void)state;
	print("{\"filtering\":true,\"captures\":[{\"interface\":\"wg0\",\"networks\":"
	      "[\"10.8.0.0/24\"],\"hooks\":[\"forward\"],\"fail_closed\":false,"
	      "\"spoof_check\":false}],\"ports\":[{\"name\":\"wg0-in\",\"role\":\"in\","
	      "\"interface\":\"wg0\"},{\"name\":\"tun7\",\"role\":\"both\","
	      "\"interface\":\"vpn\"}]}");
	expect("  wg0: to and from 10.8.0.0/24 (forward; fail-open)\n");
	expect("  vpn: what is routed through tun7\n");
	expect("  nothing else of this host\n");
}

static void what_is_waited_for_and_what_was_put_back_is_told(void **state)
{
	(void)state;
	print("{\"captures\":[{\"interface\":\"wg0\",\"fail_closed\":true}],\"ports\":[],"
	      "\"steering\":{\"waiting\":[\"wg0\"],\"restored\":{\"rule\":2,\"qdisc\":1,"
	      "\"link\":0},\"missing\":1,\"rp_filter\":true,\"guard\":true}}");
	expect("(no hook; fail-closed)\n"
	       "    NOT THERE, or down: nothing of it passes until it is up\n");
	expect("Put back   what others deleted: rule 2, qdisc 1\n"
	       "MISSING    1 things that lead traffic here: see \"ctfwctl steer check\"\n"
	       "RP_FILTER  net.ipv4.conf.all.rp_filter is 1: the kernel drops what has passed "
	       "here; see \"ctfwctl steer check\"\n"
	       "Guard      set: what is fail-closed stays so when the daemon stops\n");
	print("{\"steering\":{\"waiting\":[],\"restored\":{\"rule\":0},\"missing\":0,"
	      "\"guard\":false}}");
	assert_null(strstr(text, "Put back"));
	assert_null(strstr(text, "MISSING"));
	assert_null(strstr(text, "RP_FILTER"));
	assert_null(strstr(text, "Guard"));
}

static void what_is_on_trial_is_told_at_once(void **state)
{
	(void)state;
	print("{\"version\":\"1\",\"filtering\":true,\"since\":1700000000,\"trial\":"
	      "{\"begun\":1700000060,\"undone_in\":43,\"file\":false}}");
	expect("ctfw 1: filtering since 2023-11-14 22:13:20 (1 min 40 s)\n"
	       "ON TRIAL: all changes since 2023-11-14 22:14:20: undone in 43 s, unless "
	       "\"ctfwctl confirm\" comes before\n");
	print("{\"trial\":{\"begun\":1700000060,\"undone_in\":0,\"file\":true}}");
	expect("ON TRIAL: the ruleset file and all changes since 2023-11-14 22:14:20: undone in "
	       "0 s");
	print("{\"trial\":null}");
	assert_null(strstr(text, "ON TRIAL"));
}

static void a_file_that_is_not_what_runs_is_told(void **state)
{
	(void)state;
	print("{\"ruleset\":{\"path\":\"/r.nft\",\"loaded\":1700000000,"
	      "\"file_undone\":1700000060}}");
	expect("Ruleset    /r.nft, loaded 2023-11-14 22:13:20\n           NOT WHAT RUNS: what the "
	       "file held was undone 2023-11-14 22:14:20; a reload reads it again\n");
	print("{\"ruleset\":{\"path\":\"/r.nft\",\"file_undone\":null}}");
	assert_null(strstr(text, "NOT WHAT RUNS"));
}

static void a_file_that_was_not_read_is_told(void **state)
{
	(void)state;
	print("{\"ruleset\":{\"path\":\"/r.nft\",\"loaded\":null}}");
	expect("Ruleset    /r.nft, not read since the start: the rules of before it go on\n");
}

static void rules_that_judge_nothing_are_told(void **state)
{
	(void)state;
	print("{\"ruleset\":{\"path\":\"/r.nft\",\"tables\":1,\"chains\":0,\"rules\":0}}");
	expect("           NO CHAINS: nothing is judged, all of it passes\n");
	print("{\"ruleset\":{\"path\":\"/r.nft\",\"tables\":1,\"chains\":1,\"rules\":0}}");
	assert_null(strstr(text, "NO CHAINS"));
}

static void a_failed_load_is_told_with_its_lines(void **state)
{
	(void)state;
	print("{\"last_load\":{\"time\":1700000050,\"cause\":\"reload\",\"ok\":false,"
	      "\"error\":\"r.nft:1:5: unknown\\nadd tabel\\n    ^^^^^\\n\"}}");
	expect("Last load  2023-11-14 22:14:10 (reload): FAILED, what was in force before "
	       "still "
	       "is\n           r.nft:1:5: unknown\n           add tabel\n               "
	       "^^^^^\n");
}

static void drops_are_told_by_reason_with_their_meaning(void **state)
{
	(void)state;
	print("{\"drops_total\":12,\"drops\":{\"rule\":10,\"policy\":0,\"bad-version\":2,"
	      "\"from-the-future\":1}}");
	expect("Drops  12 packets\n");
	expect("  rule             10  a rule said drop\n");
	expect("  bad-version       2  first nibble");
	expect("  from-the-future   1  \n");
	assert_null(strstr(text, "policy"));
}

static void counts_of_nothing_are_none(void **state)
{
	(void)state;
	print("{\"flows\":{\"now\":0,\"peak\":3,\"max\":10,\"protocols\":{\"tcp\":0},"
	      "\"tcp_states\":{\"CLOSE\":2,\"SYN_SENT\":0,\"TIME_WAIT\":1}}}");
	expect("Flows  0 now, 3 peak, 10 max\n");
	expect("  protocols   none\n");
	expect("  TCP states  CLOSE 2, TIME_WAIT 1\n");
	assert_null(strstr(text, "SCTP"));
	assert_null(strstr(text, "reserved"));
	print("{\"flows\":{\"now\":2,\"max\":100,\"reserved\":5,\"reserve_used\":3}}");
	expect("  reserved    5 of max, by which 3 came in\n");
	print("{\"flows\":{\"now\":2,\"protocols\":{\"sctp\":2},"
	      "\"sctp_states\":{\"CLOSED\":2,\"ESTABLISHED\":0}}}");
	expect("  SCTP states CLOSED 2\n");
}

static void an_answer_without_members_is_printed_all_the_same(void **state)
{
	(void)state;
	print("{}");
	expect("NOT FILTERING");
	print("{\"captures\":7,\"flows\":[],\"drops\":\"x\",\"ports\":[1],\"workers\":{},"
	      "\"since\":\"x\",\"version\":1,\"ruleset\":7,\"last_load\":1}");
	expect("ctfw ?");
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	return 0;
}

static void fragments_that_wait_are_told(void **state)
{
	(void)state;
	print("{\"fragments\":{\"waiting\":3,\"datagrams\":2,\"bytes\":2960,"
	      "\"max_bytes\":3000000,\"put_together\":17}}");
	expect("Fragments  3 waiting, of 2 datagrams, 3.0 kB of 3.0 MB\n"
	       "  datagrams put together 17\n");
}

static void expectations_are_told_where_there_are_or_were_some(void **state)
{
	(void)state;
	print("{\"expectations\":{\"now\":2,\"max\":4096,\"created\":9,\"fulfilled\":6,"
	      "\"deleted\":7}}");
	expect("Expectations  2 now, 4096 max\n"
	       "  created 9, fulfilled 6, deleted 7\n");
	/* They go on from a former filter. */
	print("{\"expectations\":{\"now\":2,\"max\":4096,\"created\":0}}");
	expect("Expectations  2 now, 4096 max\n");
	print("{\"expectations\":{\"now\":0,\"max\":4096,\"created\":1}}");
	expect("Expectations  0 now, 4096 max\n");
	print("{\"expectations\":{\"now\":0,\"max\":4096,\"created\":0}}");
	assert_null(strstr(text, "Expectations"));
}

static void elements_of_sets_are_told_where_there_are_or_were_some(void **state)
{
	(void)state;
	print("{\"elements\":{\"now\":2,\"max\":4096,\"added\":9,\"expired\":6}}");
	expect("Elements of dynamic sets  2 now, 4096 max\n"
	       "  added 9, expired 6\n");
	print("{\"elements\":{\"now\":0,\"max\":64,\"added\":9,\"expired\":6,\"set_full\":3,"
	      "\"no_room\":1}}");
	expect("  added 9, expired 6, refused 3 by a set's size, 1 by max-elements\n");
	print("{\"elements\":{\"now\":0,\"max\":4096,\"added\":0}}");
	assert_null(strstr(text, "Elements"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_filters_says_since_when),
		cmocka_unit_test(what_does_not_filter_says_so_in_capitals),
		cmocka_unit_test(the_scope_names_interfaces_and_that_nothing_else_is_filtered),
		cmocka_unit_test(what_is_waited_for_and_what_was_put_back_is_told),
		cmocka_unit_test(what_is_on_trial_is_told_at_once),
		cmocka_unit_test(a_file_that_is_not_what_runs_is_told),
		cmocka_unit_test(a_file_that_was_not_read_is_told),
		cmocka_unit_test(rules_that_judge_nothing_are_told),
		cmocka_unit_test(a_failed_load_is_told_with_its_lines),
		cmocka_unit_test(drops_are_told_by_reason_with_their_meaning),
		cmocka_unit_test(counts_of_nothing_are_none),
		cmocka_unit_test(fragments_that_wait_are_told),
		cmocka_unit_test(expectations_are_told_where_there_are_or_were_some),
		cmocka_unit_test(elements_of_sets_are_told_where_there_are_or_were_some),
		cmocka_unit_test(an_answer_without_members_is_printed_all_the_same),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, teardown);
}
