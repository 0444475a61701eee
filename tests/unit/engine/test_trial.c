/* test_trial.c - changes on trial: undone or confirmed, by this process or the next. */
#include <errno.h>
#include <stdio.h>

#include "base/arena_private.h"
#include "unit/engine/generations.h"

#define UNTIL (1060 * NSEC_PER_SEC)

static void what_is_on_trial_is_in_force_until_it_is_undone(void **state)
{
	struct bench *b = *state;
	struct generation_trial t;
	char *before, *after;

	assert_int_equal(try(b, base, 0), 0);
	assert_false(on_trial(b));
	before = listed(b, PRINT_HANDLE);
	assert_int_equal(try(b, "add rule ip t f udp dport 99 accept; "
				"add element ip t plain { 192.0.2.8 }; delete set ip t none", UNTIL),
			 -EINVAL);
	assert_false(on_trial(b));
	assert_int_equal(try(b, "add rule ip t f udp dport 99 accept; "
				"add element ip t plain { 192.0.2.8 }", UNTIL), 0);
	assert_true(generation_trial(b->generation, &t));
	assert_int_equal(t.until, UNTIL);
	assert_int_equal(t.begun, b->now.real);
	assert_false(t.file);
	assert_has(b, "udp dport 99", true);
	assert_has(b, "192.0.2.8", true);
	undo(b);
	assert_false(on_trial(b));
	after = listed(b, PRINT_HANDLE);
	assert_string_equal(after, before);
	assert_int_equal(generation_file_undone(b->generation), 0);
	undo(b); /* of nothing: nothing */
	free(before);
	free(after);
}

static void what_is_confirmed_stays(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add rule ip t f udp dport 99 accept", UNTIL), 0);
	generation_confirm(b->generation);
	assert_false(on_trial(b));
	undo(b);
	assert_has(b, "udp dport 99", true);
	well_restarted(b);
	assert_false(on_trial(b));
	assert_has(b, "udp dport 99", true);
}

static void an_undo_goes_back_to_before_the_first(void **state)
{
	struct bench *b = *state;
	struct generation_trial t;
	uint64_t first = b->now.real;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add rule ip t f udp dport 99", UNTIL), 0);
	b->now.real += NSEC_PER_SEC;
	assert_int_equal(try(b, "add rule ip t f udp dport 98", 0), 0);
	assert_true(generation_trial(b->generation, &t));
	assert_int_equal(t.until, UNTIL);
	/* Wrong ones change nothing of it. */
	assert_int_equal(try(b, "add rule ip t none udp dport 98", UNTIL + 7), -EINVAL);
	assert_true(generation_trial(b->generation, &t));
	assert_int_equal(t.until, UNTIL);
	assert_int_equal(try(b, "add rule ip t f udp dport 97", UNTIL + 1), 0);
	assert_true(generation_trial(b->generation, &t));
	assert_int_equal(t.until, UNTIL + 1);
	assert_int_equal(t.begun, first);
	undo(b);
	assert_has(b, "udp dport 97", false);
	assert_has(b, "udp dport 98", false);
	assert_has(b, "udp dport 99", false);
	assert_has(b, "udp dport 53", true);
}

static void counters_of_what_was_there_all_the_while_go_on(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try(b, base, 0), 0);
	send_to(b, 53);
	send_to(b, 7);
	/* One rule stays, the other is deleted. */
	assert_int_equal(try(b, "delete rule ip t f handle 7; flush set ip t plain", UNTIL), 0);
	assert_has(b, "udp dport 7 ", false);
	send_to(b, 53);
	send_to(b, 7);
	undo(b);
	assert_has(b, "udp dport 53 counter packets 2 bytes 64 # handle 6", true);
	assert_has(b, "udp dport 7 counter packets 1 bytes 32 # handle 7", true);
	assert_has(b, "192.0.2.7", true);
	assert_has(b, "192.0.2.1 counter packets 4 bytes 128", true);
	send_to(b, 7);
	assert_has(b, "udp dport 7 counter packets 2 bytes 64 # handle 7", true);
}

static void the_next_process_can_undo_what_this_one_began(void **state)
{
	struct bench *b = *state;
	struct generation_trial t;
	char *before, *after;

	assert_int_equal(try(b, base, 0), 0);
	before = listed(b, PRINT_HANDLE | PRINT_STATELESS);
	send_to(b, 53);
	send_to(b, 7);
	assert_int_equal(try(b, "add rule ip t f udp dport 99 counter; "
				"delete rule ip t f handle 7; delete element ip t plain { 192.0.2.7 }",
			     UNTIL), 0);
	for (int i = 0; i < 3; i++) {
		well_restarted(b);
		assert_true(generation_trial(b->generation, &t));
		assert_int_equal(t.until, UNTIL);
		assert_int_equal(t.begun, b->now.real);
		assert_false(t.file);
		assert_has(b, "udp dport 99", true);
		send_to(b, 53);
		send_to(b, 99);
	}
	/* No rule of both rulesets gets what the other counts. */
	assert_has(b, "udp dport 53 counter packets 4 bytes 128", true);
	assert_int_equal(try(b, "add rule ip t f udp dport 98 counter packets 5 bytes 6", 0), 0);
	undo(b);
	assert_has(b, "udp dport 53 counter packets 4 bytes 128", true);
	assert_has(b, "udp dport 7 counter packets 1 bytes 32", true);
	after = listed(b, PRINT_HANDLE | PRINT_STATELESS);
	assert_string_equal(after, before);
	send_to(b, 53);
	assert_has(b, "udp dport 53 counter packets 5 bytes 160", true);
	well_restarted(b);
	assert_false(on_trial(b));
	assert_has(b, "udp dport 53 counter packets 5 bytes 160", true);
	free(before);
	free(after);
}

static void what_packets_added_is_in_both(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "delete element ip t counted { 192.0.2.1 }", UNTIL), 0);
	send_to(b, 53);
	well_restarted(b);
	send_to(b, 54);
	assert_has(b, "elements = { 53, 54 }", true);
	assert_has(b, "packets 2 bytes 64\n", true); /* counter c */
	undo(b);
	assert_has(b, "elements = { 53, 54 }", true);
	assert_has(b, "packets 2 bytes 64\n", true);
	assert_has(b, "192.0.2.1 counter packets 0 bytes 0", true);
	well_restarted(b);
	assert_has(b, "elements = { 53, 54 }", true);
}

static void nothing_is_lost_by_restarts_and_trials_without_end(void **state)
{
	struct bench *b = *state;
	uint32_t slot;

	assert_int_equal(try(b, base, 0), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(try(b, "flush chain ip t f; add rule ip t f counter; "
					"add rule ip t f limit rate 1/second; "
					"add rule ip t f quota 5 bytes; add rule ip t f ct count 3",
				     UNTIL), 0);
		well_restarted(b);
		undo(b);
		assert_int_equal(try_file(b, base, UNTIL), 0);
		well_restarted(b);
		undo(b);
	}
	/* Slots are handed out from the lowest on. */
	slot = counter_alloc(b->counters, (struct counter){ 0 });
	assert_in_range(slot, 0, 20);
}

static void a_file_on_trial_that_is_undone_differs_from_what_runs(void **state)
{
	struct bench *b = *state;
	struct generation_trial t;
	char *before, *after;

	assert_int_equal(try_file(b, base, 0), 0);
	send_to(b, 53);
	before = listed(b, PRINT_HANDLE);
	assert_int_equal(try_file(b, "table ip t { }", UNTIL), 0);
	assert_true(generation_trial(b->generation, &t));
	assert_true(t.file);
	assert_int_equal(generation_file_undone(b->generation), 0);
	b->now.real += NSEC_PER_SEC;
	undo(b);
	after = listed(b, PRINT_HANDLE);
	assert_string_equal(after, before);
	assert_int_equal(generation_file_undone(b->generation), b->now.real);
	well_restarted(b);
	assert_int_equal(generation_file_undone(b->generation), b->now.real);
	assert_int_equal(try(b, "add table ip u", 0), 0);
	assert_int_equal(generation_file_undone(b->generation), b->now.real);
	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(generation_file_undone(b->generation), 0);
	/* Or what runs is written to the file. */
	assert_int_equal(try_file(b, "table ip t { }", UNTIL), 0);
	undo(b);
	generation_file_saved(b->generation, generation_serial(b->generation) - 1);
	assert_int_equal(generation_file_undone(b->generation), b->now.real);
	generation_file_saved(b->generation, generation_serial(b->generation));
	well_restarted(b);
	assert_int_equal(generation_file_undone(b->generation), 0);
	free(before);
	free(after);
}

static void what_cannot_be_undone_is_told_and_stays(void **state)
{
	struct bench *b = *state;
	struct diag d;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add table ip u", UNTIL), 0);
	b->arena.text[ARENA_TEXTS - 1][0] ^= 1;
	d = restart(b);
	assert_non_null(strstr(text_str(&d.text), "on trial, and what was there before is damaged"));
	diag_fini(&d);
	assert_false(on_trial(b));
	assert_has(b, "table ip u", true);
	well_restarted(b);
	assert_has(b, "table ip u", true);
}

static void what_cannot_be_undone_is_not_said_to_be(void **state)
{
	struct bench *b = *state;
	struct diag d = DIAG_INIT;
	char *text = b->arena.text[ARENA_TEXTS - 1];
	struct arena_text *t = &b->arena.header->text[ARENA_TEXTS - 1];

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add table ip u", UNTIL), 0);
	/* Whole, by its checksum, but no ruleset. */
	memcpy(text, "nonsense", 8);
	t->len = 8;
	t->check = siphash_bytes(&arena_check_key, text, 8);
	restart_unsettled(b, &d);
	assert_true(on_trial(b));
	assert_int_equal(generation_undo(b->generation, b->now, &d), -EINVAL);
	assert_non_null(strstr(text_str(&d.text), "on trial, and what was there before is damaged"));
	diag_fini(&d);
	assert_false(on_trial(b));
	assert_has(b, "table ip u", true);
}

static void an_undo_needs_no_room(void **state)
{
	struct bench *b = *state;
	char *before, *after;
	struct diag d = DIAG_INIT;

	assert_int_equal(try(b, base, 0), 0);
	before = listed(b, PRINT_HANDLE);
	/* Elements alone, by which no former ruleset is kept whose room could be used. */
	assert_int_equal(try(b, "add element ip t plain { 192.0.2.8 }", UNTIL), 0);
	for (int again = 0; again < 2; again++) {
		set_room(b, false);
		assert_int_equal(generation_undo(b->generation, b->now, &d), 0);
		assert_non_null(strstr(text_str(&d.text), "file system is full"));
		assert_false(on_trial(b));
		after = listed(b, PRINT_HANDLE);
		assert_string_equal(after, before);
		free(after);
		assert_int_equal(try(b, "add element ip t plain { 192.0.2.9 }", 0), -ENOSPC);
		assert_int_equal(try(b, "add element ip t plain { 192.0.2.9 }", UNTIL), -ENOSPC);
		assert_has(b, "192.0.2.9", false);
		assert_false(on_trial(b));
		/* The next process undoes it again. */
		well_restarted(b);
		assert_true(on_trial(b));
		assert_has(b, "192.0.2.8", true);
		set_room(b, true);
	}
	free(before);
	diag_fini(&d);
}

static void what_was_undone_without_room_is_saved_later(void **state)
{
	struct bench *b = *state;
	struct diag d = DIAG_INIT;

	for (int change = 0; change < 2; change++) {
		assert_int_equal(try(b, "flush ruleset", 0), 0);
		assert_int_equal(try(b, base, 0), 0);
		assert_int_equal(try(b, "add element ip t plain { 192.0.2.8 }", UNTIL), 0);
		set_room(b, false);
		assert_int_equal(generation_undo(b->generation, b->now, &d), 0);
		set_room(b, true);
		b->now.mono += 20 * NSEC_PER_SEC;
		/* By the next change, or after a while. */
		if (change)
			assert_int_equal(try(b, "add element ip t plain { 192.0.2.9 }", 0), 0);
		else
			generation_expire(b->generation, b->now.mono);
		well_restarted(b);
		assert_false(on_trial(b));
		assert_has(b, "192.0.2.8", false);
		assert_has(b, "192.0.2.9", change);
		assert_has(b, "192.0.2.7", true);
	}
	diag_fini(&d);
}

/* What is saved of it may have become longer than it was. */
static void an_undo_that_is_too_large_to_be_kept_is_in_force(void **state)
{
	struct bench *b = *state;
	uint64_t *room = &b->arena.header->text_bytes, all = *room;
	struct diag d = DIAG_INIT;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add table ip u", UNTIL), 0);
	*room = 64;
	assert_int_equal(generation_undo(b->generation, b->now, &d), 0);
	assert_non_null(strstr(text_str(&d.text), "too large to be kept"));
	assert_false(on_trial(b));
	assert_has(b, "table ip u", false);
	assert_int_equal(try(b, "add table ip v", UNTIL), -ENOSPC);
	/* Not tried again and again: that takes time, and comes to the same. */
	*room = all;
	generation_expire(b->generation, b->now.mono + 20 * NSEC_PER_SEC);
	well_restarted(b);
	assert_true(on_trial(b));
	undo(b);
	assert_has(b, "table ip u", false);
	/* But a change saves all of it. */
	assert_int_equal(try(b, "add table ip u", UNTIL), 0);
	*room = 64;
	assert_int_equal(generation_undo(b->generation, b->now, &d), 0);
	*room = all;
	assert_int_equal(try(b, "add table ip v", 0), 0);
	well_restarted(b);
	assert_false(on_trial(b));
	assert_has(b, "table ip u", false);
	assert_has(b, "table ip v", true);
	diag_fini(&d);
}

/* No trial of what would be undone by the next process to something else. */
static void no_trial_begins_while_an_undo_is_not_saved(void **state)
{
	struct bench *b = *state;
	struct generation_trial t;
	struct diag d = DIAG_INIT;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add element ip t plain { 192.0.2.8 }", UNTIL), 0);
	set_room(b, false);
	assert_int_equal(generation_undo(b->generation, b->now, &d), 0);
	assert_int_equal(try(b, "add table ip u", UNTIL + 1), -ENOSPC);
	set_room(b, true);
	assert_int_equal(try(b, "add table ip u", UNTIL + 1), 0);
	well_restarted(b);
	assert_true(generation_trial(b->generation, &t));
	assert_int_equal(t.until, UNTIL + 1);
	undo(b);
	assert_has(b, "table ip u", false);
	assert_has(b, "192.0.2.8", false);
	well_restarted(b);
	assert_false(on_trial(b));
	diag_fini(&d);
}

static void what_is_too_large_to_be_kept_is_on_no_trial(void **state)
{
	struct bench *b = *state;
	struct text huge = TEXT_INIT;

	assert_int_equal(try(b, base, 0), 0);
	text_puts(&huge, "table ip big {\n");
	for (int i = 0; i < 4000; i++)
		text_printf(&huge, " chain c%d { }\n", i);
	text_puts(&huge, "}\n");
	assert_int_equal(try(b, text_str(&huge), UNTIL), -EFBIG);
	assert_false(on_trial(b));
	assert_has(b, "chain c0 ", false);
	well_restarted(b);
	assert_false(on_trial(b));
	text_fini(&huge);
}

/* ---- watchers ---- */

static struct {
	unsigned n;
	bool anew;
} seen;

static void on_change(void *arg, const struct ruleset *old, const struct ruleset *new, bool anew)
{
	(void)arg;
	assert_ptr_not_equal(old, new);
	seen.n++;
	seen.anew = anew;
}

static void an_undo_is_a_change_for_those_who_watch(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try_file(b, base, 0), 0);
	generation_watch(b->generation, on_change, NULL);
	seen.n = 0;
	assert_int_equal(try(b, "add table ip u", UNTIL), 0);
	undo(b);
	assert_int_equal(seen.n, 2);
	assert_false(seen.anew);
	assert_int_equal(try_file(b, base, UNTIL), 0);
	assert_true(seen.anew);
	seen.anew = false;
	undo(b);
	assert_int_equal(seen.n, 4);
	assert_true(seen.anew);
	generation_confirm(b->generation);
	assert_int_equal(seen.n, 4);
}

/* A set tells different lists of statements by 1024 numbers, and gives those again that nobody
 * has: what an undo goes back to has some. */
static void an_undo_has_the_statements_of_its_rules_still(void **state)
{
	struct bench *b = *state;
	char text[200];

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add set ip t many { type inet_service; flags dynamic; }; "
				"add chain ip t g; "
				"add rule ip t g add @many { udp dport limit rate 7/hour }", 0), 0);
	assert_int_equal(try(b, "flush chain ip t g", UNTIL), 0);
	for (unsigned i = 0; i < 1200; i++) {
		snprintf(text, sizeof(text), "add element ip t many { 1 limit rate %u/day }; "
			 "delete element ip t many { 1 }", i + 1);
		assert_int_equal(try(b, text, 0), 0);
	}
	undo(b);
	assert_has(b, "add @many { udp dport limit rate 7/hour", true);
	well_restarted(b);
	assert_has(b, "add @many { udp dport limit rate 7/hour", true);
}

/* The next process reads both: what packets add has its statements whichever is in force. */
static void what_packets_add_on_trial_keeps_its_statements(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add table ip u", UNTIL), 0);
	well_restarted(b);
	assert_int_equal(try(b, "insert rule ip t f add @seen { udp dport counter }", 0), 0);
	send_to(b, 99);
	assert_has(b, "99 counter packets 1 bytes 32", true);
	undo(b);
	assert_has(b, "99 counter packets 1 bytes 32", true);
	/* Others get another number. */
	assert_int_equal(try(b, "insert rule ip t f add @seen { udp dport quota 99 bytes }", 0), 0);
	send_to(b, 98);
	assert_has(b, "98 quota 99 bytes used 32 bytes", true);
	assert_has(b, "99 counter packets 1 bytes 32", true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_on_trial_is_in_force_until_it_is_undone),
		TEST(what_is_confirmed_stays),
		TEST(an_undo_goes_back_to_before_the_first),
		TEST(counters_of_what_was_there_all_the_while_go_on),
		TEST(the_next_process_can_undo_what_this_one_began),
		TEST(what_packets_added_is_in_both),
		TEST(nothing_is_lost_by_restarts_and_trials_without_end),
		TEST(a_file_on_trial_that_is_undone_differs_from_what_runs),
		TEST(what_cannot_be_undone_is_told_and_stays),
		TEST(what_cannot_be_undone_is_not_said_to_be),
		TEST(an_undo_needs_no_room),
		TEST(what_was_undone_without_room_is_saved_later),
		TEST(an_undo_that_is_too_large_to_be_kept_is_in_force),
		TEST(no_trial_begins_while_an_undo_is_not_saved),
		TEST(what_is_too_large_to_be_kept_is_on_no_trial),
		TEST(an_undo_is_a_change_for_those_who_watch),
		TEST(an_undo_has_the_statements_of_its_rules_still),
		TEST(what_packets_add_on_trial_keeps_its_statements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
