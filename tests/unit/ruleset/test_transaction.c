/* test_transaction.c - commands to a new ruleset: all or none. */
#include <stdio.h>

#include "ruleset/model.h"
#include "unit/ruleset/language.h"

static const char zero[32];
static void *memory;
static struct arena arena;
static struct counters *counters;
static struct ruleset *rs;

static int setup(void **state)
{
	struct arena_geometry g = { .flow_records = 16, .workers = 1, .text_bytes = 4096 };

	(void)state;
	memory = aligned_alloc(4096, (arena_size(&g) + 4095) & ~4095ul);
	memset(memory, 0, arena_size(&g));
	arena_format(memory, &g, (const uint8_t *)zero, (const uint8_t *)zero, &arena);
	counters = counters_new(&arena);
	rs = ruleset_new(counters);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ruleset_unref(rs);
	counters_free(counters);
	free(memory);
	return 0;
}

/* Slots are handed out lowest first: how many are in use. */
static unsigned used_slots(void)
{
	static uint32_t slots[ARENA_COUNTERS];
	unsigned n = 0;

	while (n < ARENA_COUNTERS &&
	       (slots[n] = counter_alloc(counters, (struct counter){ 0 })) != COUNTER_NONE)
		n++;
	for (unsigned i = 0; i < n; i++)
		counter_release(counters, slots[i]);
	return ARENA_COUNTERS - n;
}

#define BASE "add table t; add chain t c; add rule t c accept; "

static void an_error_leaves_everything_as_it_was(void **state)
{
	struct ruleset *before;

	(void)state;
	assert_int_equal(apply(&rs, BASE), 0);
	before = rs;
	assert_refused(rs, "add rule t c counter; flush chain t c; add rule t c jump nosuch",
		       "there is no chain \"nosuch\"");
	assert_refused(rs, "flush ruleset; list ruleset; nonsense", "expected a command");
	assert_ptr_equal(rs, before);
	assert_lists(rs, PRINT_HANDLE,
		     "table ip t { # handle 1\n\tchain c { # handle 1\n\t\taccept # handle 2\n"
		     "\t}\n}\n");
}

static void the_old_ruleset_is_not_touched_by_what_follows_it(void **state)
{
	struct ruleset *old;

	(void)state;
	assert_int_equal(apply(&rs, BASE), 0);
	old = ruleset_ref(rs);
	assert_int_equal(apply(&rs, "add rule t c drop; add chain t d; rename chain t c e"), 0);
	assert_lists(old, 0, "table ip t {\n\tchain c {\n\t\taccept\n\t}\n}\n");
	assert_lists(rs, 0,
		     "table ip t {\n\tchain e {\n\t\taccept\n\t\tdrop\n\t}\n\n\tchain d "
		     "{\n\t}\n}\n");
	ruleset_unref(old);
}

static void what_is_not_changed_is_shared(void **state)
{
	struct ruleset *old;

	(void)state;
	assert_int_equal(apply(&rs, BASE "add chain t d; add table u"), 0);
	old = ruleset_ref(rs);
	assert_int_equal(apply(&rs, "add rule t d drop"), 0);
	assert_ptr_not_equal(rs->tables[0], old->tables[0]);
	assert_ptr_equal(rs->tables[1], old->tables[1]);
	assert_ptr_equal(rs->tables[0]->chains[0], old->tables[0]->chains[0]);
	assert_ptr_not_equal(rs->tables[0]->chains[1], old->tables[0]->chains[1]);
	ruleset_unref(old);
}

static void a_check_or_a_listing_changes_nothing(void **state)
{
	struct ruleset_input check = { .text = "flush ruleset; add table u; add chain u c; "
					       "add rule u c counter; list tables",
				       .check = true };
	struct ruleset *before;
	char *out;

	(void)state;
	assert_int_equal(apply(&rs, BASE), 0);
	before = rs;
	assert_int_equal(apply_input(&rs, &check, &out), 0);
	assert_string_equal(out, "table ip u\n");
	free(out);
	assert_int_equal(apply(&rs, "list ruleset"), 0);
	assert_ptr_equal(rs, before);
	assert_int_equal(used_slots(), 0);
}

/* A packet of 60 bytes meets the counter behind BASE. */
static void count_one(const struct ruleset *r)
{
	const struct rule *rule = r->tables[0]->chains[0]->rules[1];

	counter_add(counter_column(counters, 0) + rule->stmts[0].counter.slot, 1, 60);
}

static void a_counter_has_a_slot_as_long_as_its_rule_lives(void **state)
{
	struct ruleset *old;

	(void)state;
	assert_int_equal(apply(&rs, BASE "add rule t c counter packets 3 bytes 4"), 0);
	assert_int_equal(used_slots(), 1);
	count_one(rs);
	assert_lists(rs, 0,
		     "table ip t {\n\tchain c {\n\t\taccept\n"
		     "\t\tcounter packets 4 bytes 64\n\t}\n}\n");
	old = ruleset_ref(rs);
	assert_int_equal(apply(&rs, "flush chain t c"), 0);
	assert_int_equal(used_slots(), 1);
	ruleset_unref(old);
	assert_int_equal(used_slots(), 0);
}

static void a_renamed_chain_keeps_the_counters_of_rules_that_lead_there(void **state)
{
	struct ruleset *old;

	(void)state;
	assert_int_equal(apply(&rs, BASE "add chain t d; add rule t c counter jump d"), 0);
	count_one(rs);
	old = ruleset_ref(rs);
	assert_int_equal(apply(&rs, "rename chain t d e"), 0);
	ruleset_unref(old);
	assert_lists(rs, 0,
		     "table ip t {\n\tchain c {\n\t\taccept\n"
		     "\t\tcounter packets 1 bytes 60 jump e\n\t}\n\n\tchain e {\n\t}\n}\n");
	assert_int_equal(used_slots(), 1);
	assert_int_equal(apply(&rs, "flush ruleset"), 0);
	assert_int_equal(used_slots(), 0);
}

static void without_free_slots_nothing_is_loaded(void **state)
{
	unsigned taken = 0;

	(void)state;
	assert_int_equal(apply(&rs, BASE), 0);
	while (counter_alloc(counters, (struct counter){ 0 }) != COUNTER_NONE)
		taken++;
	for (uint32_t slot = 0; slot < 2; slot++)
		counter_release(counters, slot);
	assert_refused_by(-ENOSPC, rs, "add rule t c counter counter counter",
			  "no more counters");
	/* The two were given back. */
	assert_int_equal(apply(&rs, "add rule t c counter counter"), 0);
	assert_int_equal(used_slots(), taken);
}

static void a_reset_shows_what_was_and_begins_at_zero(void **state)
{
	struct ruleset_input reset = { .text = "reset rule t c handle 3" };
	struct ruleset_input check = { .text = "reset rules", .check = true };
	char *out;

	(void)state;
	assert_int_equal(apply(&rs, BASE "add rule t c counter packets 3 bytes 4"), 0);
	assert_int_equal(apply_input(&rs, &check, NULL), 0);
	assert_int_equal(apply_input(&rs, &reset, &out), 0);
	assert_string_equal(
		out, "table ip t {\n\tchain c {\n\t\tcounter packets 3 bytes 4\n\t}\n}\n");
	free(out);
	assert_lists(rs, 0,
		     "table ip t {\n\tchain c {\n\t\taccept\n"
		     "\t\tcounter packets 0 bytes 0\n\t}\n}\n");
}

static void listings_see_what_the_commands_before_them_did(void **state)
{
	struct ruleset_input input = {
		.text = "add table t; list tables; delete table t; "
			"list tables; add table ip6 u; list tables ip6"
	};
	char *out;

	(void)state;
	assert_int_equal(apply_input(&rs, &input, &out), 0);
	assert_string_equal(out, "table ip t\ntable ip6 u\n");
	free(out);
}

static void echo_shows_what_was_added_with_the_rule_before_it(void **state)
{
	struct ruleset_input input = {
		.text = "add table t { flags dormant; }; add chain t c; "
			"add chain t b { type filter hook input priority filter + 1; }; "
			"add rule t c accept; insert rule t c drop; add rule t c index 0 "
			"counter; "
			"replace rule t c handle 3 return",
		.echo = true,
		.print = PRINT_HANDLE
	};
	char *out;

	(void)state;
	assert_int_equal(apply_input(&rs, &input, &out), 0);
	assert_string_equal(out,
			    "add table ip t { flags dormant; } # handle 1\n"
			    "add chain ip t c # handle 1\n"
			    "add chain ip t b { type filter hook input priority filter + 1; "
			    "policy accept; } # handle 2\n"
			    "add rule ip t c return # handle 3\n"
			    "insert rule ip t c drop # handle 4\n"
			    "add rule ip t c handle 4 counter packets 0 bytes 0 # handle 5\n"
			    "delete rule ip t c handle 3\n"
			    "add rule ip t c return # handle 3\n");
	free(out);
}

static void many_chains_are_found_by_name_whatever_was_removed(void **state)
{
	char line[64];
	struct text text = TEXT_INIT;
	struct table *t;

	(void)state;
	text_puts(&text, "add table t\n");
	for (int i = 0; i < 300; i++)
		text_printf(&text, "add chain t c%d\n", i);
	for (int i = 0; i < 300; i += 3)
		text_printf(&text, "delete chain t c%d\n", i);
	assert_int_equal(apply(&rs, text_str(&text)), 0);
	text_fini(&text);
	t = rs->tables[0];
	assert_int_equal(t->n_chains, 200);
	for (int i = 0; i < 300; i++) {
		size_t at;

		snprintf(line, sizeof(line), "c%d", i);
		at = chain_find(t, line);
		assert_int_equal(at == MODEL_NONE, i % 3 == 0);
		if (at != MODEL_NONE)
			assert_string_equal(t->chains[at]->name, line);
	}
}

static void rules_are_found_by_handle_whatever_their_order(void **state)
{
	const struct chain *c;

	(void)state;
	assert_int_equal(apply(&rs, "add table t; add chain t c; add rule t c accept; "
				    "insert rule t c drop; add rule t c return; "
				    "insert rule t c index 1 continue"),
			 0);
	c = rs->tables[0]->chains[0];
	for (size_t i = 0; i < c->n_rules; i++)
		assert_int_equal(chain_find_rule(c, c->rules[i]->handle), i);
	assert_int_equal(chain_find_rule(c, 99), MODEL_NONE);
}

static void destroy_minds_nothing_that_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(apply(&rs, BASE "destroy table u; destroy chain t d; "
					 "destroy rule t c handle 9; destroy chain u d"),
			 0);
	assert_int_equal(
		apply(&rs, "destroy rule t c handle 2; destroy chain t c; destroy table t"), 0);
	assert_int_equal(ruleset_size(rs).tables, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(an_error_leaves_everything_as_it_was),
		TEST(the_old_ruleset_is_not_touched_by_what_follows_it),
		TEST(what_is_not_changed_is_shared),
		TEST(a_check_or_a_listing_changes_nothing),
		TEST(a_counter_has_a_slot_as_long_as_its_rule_lives),
		TEST(a_renamed_chain_keeps_the_counters_of_rules_that_lead_there),
		TEST(without_free_slots_nothing_is_loaded),
		TEST(a_reset_shows_what_was_and_begins_at_zero),
		TEST(listings_see_what_the_commands_before_them_did),
		TEST(echo_shows_what_was_added_with_the_rule_before_it),
		TEST(many_chains_are_found_by_name_whatever_was_removed),
		TEST(rules_are_found_by_handle_whatever_their_order),
		TEST(destroy_minds_nothing_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
