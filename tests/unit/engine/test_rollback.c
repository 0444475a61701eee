/* test_rollback.c - rulesets that were in force before, and back to them. */
#include <errno.h>
#include <stdio.h>

#include "unit/engine/generations.h"

#define UNTIL (1060 * NSEC_PER_SEC)

static int back(struct bench *b, unsigned number, uint64_t until)
{
	struct generation_request request = { .until = until, .uid = 1000 };
	struct diag d = DIAG_INIT;
	int err = generation_rollback(b->generation, number, &request, b->now, &d);

	diag_fini(&d);
	return err;
}

static struct arena_note note_of(const struct bench *b, unsigned number)
{
	struct arena_note note;
	uint64_t bytes;

	generation_saved_note(b->generation, number, &note, &bytes);
	assert_true(bytes > 0);
	return note;
}

static void a_rollback_goes_to_the_ruleset_before_and_forth_again(void **state)
{
	struct bench *b = *state;
	char *first, *second, *now;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(generation_saved(b->generation), 1);
	assert_int_equal(back(b, 1, 0), -ENOENT);
	first = listed(b, PRINT_HANDLE);
	b->now.real += NSEC_PER_SEC;
	assert_int_equal(try(b, "add rule ip t f udp dport 99 accept\nadd chain ip t g", 0), 0);
	second = listed(b, PRINT_HANDLE);
	assert_int_equal(generation_saved(b->generation), 2);
	assert_int_equal(note_of(b, 0).cause, CAUSE_COMMAND);
	assert_string_equal(note_of(b, 0).what, "add rule ip t f udp dport 99 accept");
	assert_int_equal(note_of(b, 0).rules, 6);
	assert_int_equal(note_of(b, 0).at, b->now.real);
	assert_int_equal(note_of(b, 1).cause, CAUSE_RELOAD);
	assert_int_equal(note_of(b, 1).rules, 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(back(b, 1, 0), 0);
		now = listed(b, PRINT_HANDLE);
		assert_string_equal(now, i % 2 ? second : first);
		free(now);
		assert_int_equal(generation_saved(b->generation), 3 + i);
		assert_int_equal(note_of(b, 0).cause, CAUSE_ROLLBACK);
		assert_int_equal(note_of(b, 0).uid, 1000);
	}
	/* All of it is there for the next process. */
	well_restarted(b);
	assert_int_equal(generation_saved(b->generation), 7);
	assert_int_equal(back(b, 5, 0), 0);
	now = listed(b, PRINT_HANDLE);
	assert_string_equal(now, second);
	assert_int_equal(back(b, 8, 0), -ENOENT);
	assert_int_equal(back(b, 0, 0), -ENOENT);
	free(now);
	free(first);
	free(second);
}

static void what_is_in_both_goes_on_and_the_rest_counts_anew(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try(b, base, 0), 0);
	send_to(b, 53);
	send_to(b, 7);
	assert_int_equal(try(b, "delete rule ip t f handle 7; delete set ip t counted; ", 0),
			 -EINVAL);
	assert_int_equal(try(b, "delete rule ip t f handle 7; delete rule ip t f handle 8; "
				"add rule ip t f udp dport 98 counter", 0), 0);
	send_to(b, 53);
	send_to(b, 98);
	well_restarted(b);
	send_to(b, 98);
	assert_int_equal(back(b, 1, 0), 0);
	assert_has(b, "udp dport 53 counter packets 2 bytes 64 # handle 6", true);
	/* Where it counted another counts by now, or may have. */
	assert_has(b, "udp dport 7 counter packets 0 bytes 0 # handle 7", true);
	assert_has(b, "192.0.2.1 counter packets 2 bytes 64", true);
	assert_has(b, "packets 3 bytes 96\n", true); /* counter c */
	assert_has(b, "elements = { 53, 98 }", true);
	send_to(b, 7);
	assert_has(b, "udp dport 7 counter packets 1 bytes 32 # handle 7", true);
	/* Nor does a new rule get the handle of one that may come back. */
	assert_int_equal(try(b, "add rule ip t f udp dport 97 counter", 0), 0);
	assert_has(b, "udp dport 97 counter packets 0 bytes 0 # handle 12", true);
	assert_int_equal(back(b, 2, 0), 0);
	assert_has(b, "udp dport 98 counter packets 0 bytes 0 # handle 11", true);
	well_restarted(b);
	assert_has(b, "udp dport 98 counter packets 0 bytes 0 # handle 11", true);
	assert_has(b, "udp dport 53 counter packets 2 bytes 64 # handle 6", true);
}

static void changes_of_elements_alone_make_no_ruleset_of_their_own(void **state)
{
	struct bench *b = *state;
	char command[128];

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add chain ip t g", 0), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(command, sizeof(command),
			 "add element ip t plain { 198.51.100.%d }; "
			 "add element ip t counted { 198.51.100.%d }", i, i);
		assert_int_equal(try(b, command, 0), 0);
	}
	assert_int_equal(generation_saved(b->generation), 2);
	assert_string_equal(note_of(b, 0).what, "add chain ip t g");
	assert_int_equal(try(b, "add chain ip t h", 0), 0);
	assert_int_equal(try(b, "add element ip t plain { 192.0.2.77 }", 0), 0);
	/* They come back with the one that they were in. */
	assert_int_equal(back(b, 1, 0), 0);
	assert_has(b, "192.0.2.77", false);
	assert_has(b, "198.51.100.99", true);
	assert_int_equal(back(b, 1, 0), 0);
	assert_has(b, "192.0.2.77", true);
	assert_int_equal(back(b, 4, 0), 0);
	assert_has(b, "198.51.100.99", false);
}

static void what_makes_no_difference_makes_no_ruleset_of_its_own(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 5; i++)
		assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(generation_saved(b->generation), 1);
	assert_int_equal(try(b, "list ruleset", 0), 0);
	assert_int_equal(generation_saved(b->generation), 1);
	/* But it does where elements were changed in between. */
	assert_int_equal(try(b, "add element ip t plain { 192.0.2.77 }", 0), 0);
	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(generation_saved(b->generation), 2);
}

static void ten_are_kept_and_fewer_where_they_are_large(void **state)
{
	struct bench *b = *state;
	struct text large = TEXT_INIT;

	for (int i = 0; i < 30; i++) {
		char command[64];

		snprintf(command, sizeof(command), "add table ip t%d", i);
		assert_int_equal(try(b, command, 0), 0);
	}
	assert_int_equal(generation_saved(b->generation), 1 + ARENA_FORMER);
	assert_string_equal(note_of(b, ARENA_FORMER).what, "add table ip t19");
	assert_int_equal(generation_crowded_out(b->generation), 0);
	assert_int_equal(back(b, ARENA_FORMER, 0), 0);
	assert_int_equal(ruleset_size(generation_ruleset(b->generation)).tables, 20);
	for (unsigned n = 0; text_printf(&large, "add chain ip t0 c%u\n", n), n < 800; n++)
		;
	assert_int_equal(try(b, text_str(&large), 0), 0);
	for (int i = 0; i < 5; i++) {
		char command[64];

		snprintf(command, sizeof(command), "add table ip u%d", i);
		assert_int_equal(try(b, command, 0), 0);
	}
	assert_true(generation_crowded_out(b->generation) > 0);
	assert_in_range(generation_saved(b->generation), 2, 4);
	assert_int_equal(back(b, 1, 0), 0);
	assert_has(b, "table ip u3", true);
	assert_has(b, "table ip u4", false);
	text_fini(&large);
}

static void a_rollback_may_be_on_trial_and_an_undo_leaves_no_trace(void **state)
{
	struct bench *b = *state;
	struct generation_trial t;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(try(b, "add table ip u", 0), 0);
	assert_int_equal(try(b, "add table ip v", 0), 0);
	assert_int_equal(back(b, 2, UNTIL), 0);
	assert_true(generation_trial(b->generation, &t));
	assert_int_equal(t.until, UNTIL);
	assert_has(b, "table ip u", false);
	assert_int_equal(try(b, "add table ip w", 0), 0);
	assert_int_equal(generation_saved(b->generation), 5);
	well_restarted(b);
	undo(b);
	assert_has(b, "table ip v", true);
	assert_has(b, "table ip w", false);
	assert_int_equal(generation_saved(b->generation), 3);
	assert_string_equal(note_of(b, 0).what, "add table ip v");
	assert_string_equal(note_of(b, 1).what, "add table ip u");
	well_restarted(b);
	assert_int_equal(back(b, 1, 0), 0);
	assert_has(b, "table ip u", true);
	assert_has(b, "table ip v", false);
	/* What is confirmed is kept as any other. */
	assert_int_equal(try(b, "add table ip x", UNTIL), 0);
	assert_int_equal(try(b, "add table ip y", 0), 0);
	generation_confirm(b->generation);
	assert_int_equal(back(b, 1, 0), 0);
	assert_has(b, "table ip x", true);
	assert_has(b, "table ip y", false);
}

static void going_back_behind_the_file_is_told(void **state)
{
	struct bench *b = *state;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(try_file(b, "table ip t { }", 0), 0);
	assert_int_equal(try(b, "add table ip u", 0), 0);
	assert_int_equal(back(b, 1, 0), 0);
	assert_int_equal(generation_file_undone(b->generation), 0);
	b->now.real += NSEC_PER_SEC;
	assert_int_equal(back(b, 3, UNTIL), 0);
	assert_int_equal(generation_file_undone(b->generation), b->now.real);
	well_restarted(b);
	assert_int_equal(generation_file_undone(b->generation), b->now.real);
	undo(b);
	assert_int_equal(generation_file_undone(b->generation), 0);
	assert_int_equal(back(b, 3, 0), 0);
	assert_int_equal(generation_file_undone(b->generation), b->now.real);
	assert_int_equal(back(b, 1, 0), 0);
	assert_int_equal(generation_file_undone(b->generation), 0);
}

static void a_damaged_one_changes_nothing_and_the_others_are_there(void **state)
{
	struct bench *b = *state;
	struct arena_note note;
	const char *text;
	uint64_t bytes;
	size_t len;

	assert_int_equal(try_file(b, base, 0), 0);
	assert_int_equal(try(b, "add table ip u", 0), 0);
	assert_int_equal(try(b, "add table ip v", 0), 0);
	assert_int_equal(arena_saved_text(&b->arena, 1, &text, &len), 0);
	((char *)(uintptr_t)text)[len / 2] ^= 1;
	well_restarted(b);
	assert_int_equal(back(b, 1, 0), -EINVAL);
	assert_has(b, "table ip v", true);
	assert_int_equal(back(b, 2, 0), 0);
	assert_has(b, "table ip u", false);
	/* Of an order that is none, what can be believed is. */
	atomic_fetch_or(&b->arena.header->rulesets, UINT64_C(15) << 8);
	assert_int_equal(generation_saved(b->generation), 2);
	arena_saved_note(&b->arena, 1, &note, &bytes);
	assert_string_equal(note.what, "add table ip v");
	well_restarted(b);
	assert_int_equal(back(b, 1, 0), 0);
	assert_has(b, "table ip v", true);
}

/* What cannot be read is neither forgotten nor replaced by what nobody has asked for: the next
 * process would take it for what was in force, and let everything pass. */
static void one_that_cannot_be_read_is_followed_by_no_empty_one(void **state)
{
	struct bench *b = *state;
	struct diag d;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "add table ip u", 1060 * NSEC_PER_SEC), 0);
	b->arena.text[0][0] ^= 1;
	b->arena.text[1][0] ^= 1;
	for (int i = 0; i < 3; i++) {
		d = restart(b);
		assert_false(restored);
		assert_non_null(strstr(text_str(&d.text), "the saved ruleset is damaged"));
		diag_fini(&d);
	}
	/* As if what was missing had been memory. */
	b->arena.text[0][0] ^= 1;
	b->arena.text[1][0] ^= 1;
	well_restarted(b);
	assert_true(restored);
	assert_has(b, "table ip u", true);
	assert_true(on_trial(b));
	assert_int_equal(generation_saved(b->generation), 2);
}

/* A process may die, or fail to start, between the two steps. */
static void what_was_read_and_not_put_in_force_is_there_for_the_next(void **state)
{
	struct bench *b = *state;
	struct set_elements *held;
	struct counters *counters;
	struct generation *g;
	struct diag d = DIAG_INIT;
	char *was, *now;

	assert_int_equal(try(b, base, 0), 0);
	send_to(b, 53);
	was = listed(b, PRINT_HANDLE);
	assert_int_equal(try(b, "add table ip u", UNTIL), 0);
	counters = counters_new(&b->arena);
	held = set_elements_new(&b->arena, counters_states(counters), 1, b->now.mono);
	counters_lend(counters, held);
	g = generation_read(counters, &b->arena, &d);
	assert_non_null(g);
	assert_string_equal(text_str(&d.text), "");
	generation_free(g);
	set_elements_free(held);
	counters_free(counters);
	well_restarted(b);
	assert_true(restored);
	assert_true(on_trial(b));
	undo(b);
	now = listed(b, PRINT_HANDLE);
	assert_string_equal(now, was);
	free(now);
	free(was);
	diag_fini(&d);
}

static void before_anything_is_loaded_nothing_is_saved(void **state)
{
	struct bench *b = *state;

	well_restarted(b);
	assert_false(restored);
	assert_int_equal(generation_saved(b->generation), 0);
	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(generation_saved(b->generation), 1);
}

static void nothing_is_lost_by_rollbacks_without_end(void **state)
{
	struct bench *b = *state;
	uint32_t slot;

	assert_int_equal(try(b, base, 0), 0);
	assert_int_equal(try(b, "flush chain ip t f; add rule ip t f counter; "
				"add rule ip t f limit rate 1/second; "
				"add rule ip t f quota 5 bytes; add rule ip t f ct count 3", 0), 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(back(b, 1, i % 3 ? 0 : UNTIL), 0);
		if (i % 10 == 0)
			well_restarted(b);
		if (i % 3 == 0)
			undo(b);
		send_to(b, 53);
	}
	/* Slots are handed out from the lowest on. */
	slot = counter_alloc(b->counters, (struct counter){ 0 });
	assert_in_range(slot, 0, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rollback_goes_to_the_ruleset_before_and_forth_again),
		TEST(what_is_in_both_goes_on_and_the_rest_counts_anew),
		TEST(changes_of_elements_alone_make_no_ruleset_of_their_own),
		TEST(what_makes_no_difference_makes_no_ruleset_of_its_own),
		TEST(ten_are_kept_and_fewer_where_they_are_large),
		TEST(a_rollback_may_be_on_trial_and_an_undo_leaves_no_trace),
		TEST(going_back_behind_the_file_is_told),
		TEST(a_damaged_one_changes_nothing_and_the_others_are_there),
		TEST(one_that_cannot_be_read_is_followed_by_no_empty_one),
		TEST(what_was_read_and_not_put_in_force_is_there_for_the_next),
		TEST(before_anything_is_loaded_nothing_is_saved),
		TEST(nothing_is_lost_by_rollbacks_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
