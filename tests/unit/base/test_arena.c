/* The arena's header, its saved ruleset, and the counters in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/arena.h"
#include "ctfw/counter.h"
#include "unit/test.h"

static const uint8_t boot[16] = "this boot", other_boot[16] = "another boot",
		     key[16] = "secret";
static const struct arena_geometry geometry = {.flow_records = 100,
					       .workers = 3,
					       .text_bytes = 1,
					       .expect_records = 9,
					       .element_records = 5};

static void *mapped(struct arena *a)
{
	size_t size = arena_size(&geometry);
	void *mem = aligned_alloc(4096, size);

	assert_non_null(mem);
	memset(mem, 0, size);
	arena_format(mem, &geometry, boot, key, a);
	return mem;
}

static void what_was_formatted_is_attached_again(void **state)
{
	struct arena a, b;
	void *mem = mapped(&a);

	(void)state;
	assert_int_equal(arena_attach(mem, arena_size(&geometry), &geometry, boot, &b), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_equal(a.header->key, key, sizeof(key));
	free(mem);
}

static void another_boot_geometry_or_layout_is_told_apart(void **state)
{
	struct arena_geometry wider = geometry, longer = geometry, fewer = geometry,
			      without = geometry;
	struct arena a, b;
	void *mem = mapped(&a);
	size_t size = arena_size(&geometry);

	(void)state;
	wider.workers = 4;
	longer.flow_records = 101;
	fewer.expect_records = 8;
	without.element_records = 0;
	assert_int_equal(arena_attach(mem, size, &geometry, other_boot, &b), -ESTALE);
	assert_int_equal(arena_attach(mem, size, &wider, boot, &b), -E2BIG);
	assert_int_equal(arena_attach(mem, size, &longer, boot, &b), -E2BIG);
	assert_int_equal(arena_attach(mem, size, &fewer, boot, &b), -E2BIG);
	assert_int_equal(arena_attach(mem, size, &without, boot, &b), -E2BIG);
	assert_int_equal(arena_attach(mem, size - 1, &geometry, boot, &b), -E2BIG);
	a.header->layout++;
	assert_int_equal(arena_attach(mem, size, &geometry, boot, &b), -ESTALE);
	free(mem);
}

static void another_layout_is_told_whatever_its_fields_say(void **state)
{
	struct arena_geometry g;
	struct arena a;
	uint8_t *mem = mapped(&a), found[16];
	size_t size = arena_size(&geometry);

	(void)state;
	assert_int_equal(arena_geometry_of(mem, size, boot, &g, found), 0);
	assert_memory_equal(&g.flow_records, &geometry.flow_records, sizeof(g.flow_records));
	assert_memory_equal(found, key, sizeof(key));
	assert_int_equal(arena_geometry_of(mem, size, other_boot, &g, found), -ESTALE);
	a.header->workers = ARENA_MAX_WORKERS + 1;
	assert_int_equal(arena_geometry_of(mem, size, boot, &g, found), -EINVAL);
	/* In another layout something else may be there. */
	a.header->layout++;
	assert_int_equal(arena_geometry_of(mem, size, boot, &g, found), -ESTALE);
	assert_int_equal(arena_geometry_of(mem, 16, boot, &g, found), -EINVAL);
	free(mem);
}

static void a_damaged_header_is_refused_whichever_byte_it_is(void **state)
{
	struct arena a, b;
	uint8_t *mem = mapped(&a);
	size_t size = arena_size(&geometry),
	       immutable = offsetof(struct arena_header, next_flow_id);

	(void)state;
	for (size_t i = 0; i < immutable; i++) {
		mem[i] ^= 0x40;
		assert_int_not_equal(arena_attach(mem, size, &geometry, boot, &b), 0);
		mem[i] ^= 0x40;
	}
	assert_int_equal(arena_attach(mem, size, &geometry, boot, &b), 0);
	assert_int_equal(arena_attach(mem, 16, &geometry, boot, &b), -EINVAL);
	free(mem);
}

static void records_of_every_kind_lie_apart_and_within_the_arena(void **state)
{
	struct arena a;
	uint8_t *mem = mapped(&a);
	uint8_t *end = mem + arena_size(&geometry);

	(void)state;
	assert_true(a.flows >= mem + sizeof(struct arena_header));
	assert_true(a.expects >= a.flows + 100 * ARENA_FLOW_SIZE);
	assert_true((uint8_t *)a.counters >= a.expects + 9 * ARENA_EXPECT_SIZE);
	assert_true(a.text[2] >= a.text[1] + a.header->text_bytes);
	assert_true(a.exts >= (uint8_t *)a.text[ARENA_TEXTS - 1] + a.header->text_bytes);
	assert_true(a.elements >= a.exts + 100 * ARENA_EXT_SIZE);
	assert_true(a.elements + 5 * ARENA_ELEMENT_SIZE <= a.states);
	assert_true(a.states + ARENA_STATES * ARENA_STATE_SIZE <= end);
	assert_true(arena_committed(&geometry) <= (size_t)((uint8_t *)a.counters - mem));
	assert_int_equal(arena_reserve_extensions(&a), 0);
	assert_int_equal(arena_reserve_elements(&a), 0);
	free(mem);
}

static void columns_of_workers_that_never_were_are_not_read(void **state)
{
	struct arena a;
	void *mem = mapped(&a);
	struct counters *c;
	struct counter *strange;

	(void)state;
	arena_set_workers(&a, true, 1);
	strange = (struct counter *)(void *)a.counters + 2 * ARENA_COUNTERS;
	strange->packets = 7;
	c = counters_new(&a);
	assert_int_equal(counter_read(c, 0).packets, 0);
	counters_free(c);
	/* There are more at the next start, and fewer at the one after that. */
	arena_set_workers(&a, false, 2);
	arena_set_workers(&a, false, 1);
	c = counters_new(&a);
	assert_int_equal(counter_read(c, 0).packets, 7);
	counters_free(c);
	/* What cannot be is no limit. */
	a.header->workers_used = 100;
	c = counters_new(&a);
	assert_int_equal(counter_read(c, 0).packets, 7);
	counters_free(c);
	free(mem);
}

static void saving_a_ruleset_leaves_the_former_until_the_switch(void **state)
{
	struct arena a;
	void *mem = mapped(&a);
	const char *text;
	size_t len;

	(void)state;
	assert_int_equal(arena_saved_text(&a, 0, &text, &len), -ENOENT);
	assert_int_equal(arena_save_text(&a, ARENA_SAVE_NEW, "one", 3, NULL, NULL), 0);
	assert_int_equal(arena_save_text(&a, ARENA_SAVE_NEW, "second", 6, NULL, NULL), 0);
	assert_int_equal(arena_saved_text(&a, 0, &text, &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(text, "second", 6);
	/* A crash in the middle of a third: the second is whole still. */
	a.text[0][0] = 'X';
	assert_int_equal(arena_saved_text(&a, 0, &text, &len), 0);
	assert_memory_equal(text, "second", 6);
	a.text[1][0] = 'X';
	assert_int_equal(arena_saved_text(&a, 0, &text, &len), -EINVAL);
	assert_int_equal(
		arena_save_text(&a, ARENA_SAVE_NEW, "", a.header->text_bytes + 1, NULL, NULL), -EFBIG);
	free(mem);
}

static void a_former_ruleset_is_kept_beside_the_others(void **state)
{
	struct arena a;
	void *mem = mapped(&a);
	const char *text;
	size_t len;

	(void)state;
	assert_int_equal(arena_save_text(&a, ARENA_SAVE_NEW, "one", 3, NULL, NULL), 0);
	assert_int_equal(arena_save_former(&a, "former", 6), 0);
	assert_int_equal(arena_save_text(&a, ARENA_SAVE_NEW, "two", 3, NULL, NULL), 0);
	assert_int_equal(arena_save_text(&a, ARENA_SAVE_NEW, "three", 5, NULL, NULL), 0);
	assert_int_equal(arena_former_text(&a, &text, &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(text, "former", 6);
	assert_int_equal(arena_save_former(&a, "", a.header->text_bytes + 1), -EFBIG);
	assert_int_equal(arena_former_text(&a, &text, &len), 0);
	a.text[ARENA_TEXTS - 1][5] = 'X';
	assert_int_equal(arena_former_text(&a, &text, &len), -EINVAL);
	a.header->text[ARENA_TEXTS - 1].len = a.header->text_bytes + 1;
	assert_int_equal(arena_former_text(&a, &text, &len), -EINVAL);
	free(mem);
}

/* The next change must be this one. */
static void assert_change(const struct arena *a, size_t *at, const char *want)
{
	const char *text;
	size_t len;

	assert_int_equal(arena_saved_change(a, 0, at, &text, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(text, want, len);
}

static void changes_lie_behind_the_ruleset_that_they_change(void **state)
{
	struct arena a;
	void *mem = mapped(&a);
	const char *text;
	size_t len, at = 0;

	(void)state;
	assert_int_equal(arena_save_change(&a, "x", 1), -ENOENT);
	assert_int_equal(arena_saved_change(&a, 0, &at, &text, &len), -ENOENT);
	assert_int_equal(arena_save_text(&a, ARENA_SAVE_NEW, "one", 3, NULL, NULL), 0);
	assert_int_equal(arena_saved_change(&a, 0, &at, &text, &len), -ENOENT);
	assert_int_equal(arena_save_change(&a, "first", 5), 0);
	assert_int_equal(arena_save_change(&a, "", 0), 0);
	assert_int_equal(arena_save_change(&a, "the third", 9), 0);
	assert_change(&a, &at, "first");
	assert_change(&a, &at, "");
	assert_change(&a, &at, "the third");
	assert_int_equal(arena_saved_change(&a, 0, &at, &text, &len), -ENOENT);
	assert_int_equal(arena_saved_text(&a, 0, &text, &len), 0);
	assert_int_equal(len, 3);
	/* Another ruleset has none, and nor has the next in the place of this one. */
	at = 0;
	assert_int_equal(arena_save_text(&a, ARENA_SAVE_NEW, "two", 3, NULL, NULL), 0);
	assert_int_equal(arena_saved_change(&a, 0, &at, &text, &len), -ENOENT);
	assert_int_equal(arena_save_text(&a, ARENA_SAVE_NEW, "three", 5, NULL, NULL), 0);
	assert_int_equal(arena_saved_change(&a, 0, &at, &text, &len), -ENOENT);
	/* There is a page for text and changes. */
	while (arena_save_change(&a, "and more of them", 16) == 0)
		at++;
	assert_int_equal(at, (4096 - 8) / 32);
	assert_int_equal(arena_save_change(&a, "", a.header->text_bytes + 1), -ENOSPC);
	free(mem);
}

static void a_damaged_change_is_refused_whichever_byte_it_is(void **state)
{
	struct arena a;
	void *mem = mapped(&a);
	const char *text;
	size_t len, at;

	(void)state;
	arena_save_text(&a, ARENA_SAVE_NEW, "ruleset.", 8, NULL, NULL);
	arena_save_change(&a, "eight...", 8);
	for (unsigned i = 8; i < 8 + 24; i++) {
		a.text[0][i] ^= 0x20;
		at = 0;
		assert_int_equal(arena_saved_change(&a, 0, &at, &text, &len), -EINVAL);
		a.text[0][i] ^= 0x20;
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		a.header->text[0].changes = 24 ^ UINT64_C(1) << bit;
		at = 0;
		while (arena_saved_change(&a, 0, &at, &text, &len) == 0)
			assert_true(text + len <= a.text[0] + 4096);
	}
	free(mem);
}

static void counters_are_summed_over_workers_and_reset_without_loss(void **state)
{
	struct arena a;
	void *mem = mapped(&a);
	struct counters *c = counters_new(&a);
	uint32_t slot = counter_alloc(c, (struct counter){5, 500});
	struct counter seen;

	(void)state;
	for (unsigned w = 0; w < 3; w++)
		counter_add(counter_column(c, w) + slot, 1, 10);
	seen = counter_read(c, slot);
	assert_int_equal(seen.packets, 8);
	assert_int_equal(seen.bytes, 530);
	seen = counter_reset(c, slot);
	assert_int_equal(seen.packets, 8);
	counter_add(counter_column(c, 1) + slot, 2, 20);
	seen = counter_read(c, slot);
	assert_int_equal(seen.packets, 2);
	assert_int_equal(seen.bytes, 20);
	counters_free(c);
	free(mem);
}

static void a_slot_used_again_starts_from_its_own_value(void **state)
{
	struct arena a;
	void *mem = mapped(&a);
	struct counters *c = counters_new(&a);
	uint32_t slot = counter_alloc(c, (struct counter){0});

	(void)state;
	counter_add(counter_column(c, 0) + slot, 1000, 1000);
	counter_release(c, slot);
	assert_int_equal(counter_alloc(c, (struct counter){1, 2}), slot);
	assert_int_equal(counter_read(c, slot).packets, 1);
	assert_int_equal(counter_read(c, slot).bytes, 2);
	counters_free(c);
	free(mem);
}

static void slots_run_out_and_a_claimed_one_is_not_given_twice(void **state)
{
	struct arena a;
	void *mem = mapped(&a);
	struct counters *c = counters_new(&a);

	(void)state;
	assert_int_equal(counter_claim(c, 1), 0);
	assert_int_equal(counter_claim(c, 1), -EINVAL);
	assert_int_equal(counter_claim(c, ARENA_COUNTERS), -EINVAL);
	assert_int_equal(counter_alloc(c, (struct counter){0}), 0);
	for (uint32_t i = 2; i < ARENA_COUNTERS; i++)
		assert_int_equal(counter_alloc(c, (struct counter){0}), i);
	assert_int_equal(counter_alloc(c, (struct counter){0}), COUNTER_NONE);
	counter_release(c, 77);
	assert_int_equal(counter_alloc(c, (struct counter){0}), 77);
	counters_free(c);
	free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_formatted_is_attached_again),
		cmocka_unit_test(another_boot_geometry_or_layout_is_told_apart),
		cmocka_unit_test(another_layout_is_told_whatever_its_fields_say),
		cmocka_unit_test(a_damaged_header_is_refused_whichever_byte_it_is),
		cmocka_unit_test(records_of_every_kind_lie_apart_and_within_the_arena),
		cmocka_unit_test(columns_of_workers_that_never_were_are_not_read),
		cmocka_unit_test(saving_a_ruleset_leaves_the_former_until_the_switch),
		cmocka_unit_test(a_former_ruleset_is_kept_beside_the_others),
		cmocka_unit_test(changes_lie_behind_the_ruleset_that_they_change),
		cmocka_unit_test(a_damaged_change_is_refused_whichever_byte_it_is),
		cmocka_unit_test(counters_are_summed_over_workers_and_reset_without_loss),
		cmocka_unit_test(a_slot_used_again_starts_from_its_own_value),
		cmocka_unit_test(slots_run_out_and_a_claimed_one_is_not_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
