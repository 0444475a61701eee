/* test_object.c - named objects of tables: what good/ and errors/ do not show. */
#include <stdio.h>

#include "ruleset/model.h"
#include "unit/ruleset/language.h"

static struct ruleset *rs;

static int setup(void **state)
{
	(void)state;
	rs = ruleset_new(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ruleset_unref(rs);
	return 0;
}

/* What a command lists. */
static void assert_command(const char *text, unsigned print, bool echo, const char *want)
{
	struct ruleset_input input = { .text = text, .print = print, .echo = echo };
	char *out = NULL;

	if (apply_input(&rs, &input, &out) != 0)
		fail_msg("refused: %s", out);
	assert_string_equal(out, want);
	free(out);
}

#define TIMEOUT(name, body) "add ct timeout ip t " name " { " body " ; }\n"

static void objects_come_and_go_by_name_and_handle(void **state)
{
	(void)state;
	assert_int_equal(apply(&rs, "add table t\n" TIMEOUT("a", "protocol tcp")
					    TIMEOUT("b", "protocol udp")
						    "add ct helper ip t a { type \"ftp\" "
						    "protocol tcp; }\n"),
			 0);
	assert_int_equal(rs->tables[0]->n_objects, 3);
	assert_refused(rs, "delete ct timeout ip t handle 3", "no ct timeout with this handle");
	assert_int_equal(apply(&rs, "delete ct timeout ip t handle 1"), 0);
	assert_lists(rs, PRINT_HANDLE,
		     "table ip t { # handle 1\n"
		     "\tct timeout b { # handle 2\n"
		     "\t\tprotocol udp\n"
		     "\t\tl3proto ip\n"
		     "\t\tpolicy = {  }\n"
		     "\t}\n"
		     "\n"
		     "\tct helper a { # handle 3\n"
		     "\t\ttype \"ftp\" protocol tcp\n"
		     "\t\tl3proto ip\n"
		     "\t}\n"
		     "}\n");
	assert_int_equal(apply(&rs, "destroy ct timeout ip t a; destroy ct timeout ip t b"), 0);
	assert_int_equal(rs->tables[0]->n_objects, 1);
	assert_refused(rs, "delete ct timeout ip t b", "no ct timeout \"b\"");
	/* What flushes rules keeps objects. */
	assert_int_equal(apply(&rs, "flush table t"), 0);
	assert_int_equal(rs->tables[0]->n_objects, 1);
}

static void an_object_goes_together_with_the_rule_that_names_it(void **state)
{
	(void)state;
	assert_int_equal(apply(&rs, "add table t\n" TIMEOUT(
					    "a", "protocol tcp") "add chain t c\nadd rule t c "
								 "ct timeout set \"a\"\n"),
			 0);
	assert_refused(rs, "delete ct timeout ip t a", "in use");
	assert_refused(rs,
		       "flush chain t c; delete ct timeout ip t a; add rule t c jump nowhere",
		       "no chain");
	assert_int_equal(rs->tables[0]->n_objects, 1);
	assert_int_equal(apply(&rs, "flush chain t c; delete ct timeout ip t a"), 0);
	assert_int_equal(rs->tables[0]->n_objects, 0);
}

static void a_rule_may_name_an_object_of_its_own_block_wherever_it_stands(void **state)
{
	(void)state;
	assert_int_equal(apply(&rs, "table t {\n"
				    "chain c { ct timeout set \"late\"\n }\n"
				    "ct timeout late { protocol tcp; }\n"
				    "}\n"),
			 0);
}

static void seconds_of_a_policy_may_be_written_as_a_time(void **state)
{
	(void)state;
	assert_int_equal(
		apply(&rs,
		      "add table t\n" TIMEOUT(
			      "a", "protocol tcp; policy = { close : 5s, established : 1h30m, "
				   "syn_sent : 7 }")),
		0);
	assert_command("list ct timeout ip t a", 0, false,
		       "table ip t {\n"
		       "\tct timeout a {\n"
		       "\t\tprotocol tcp\n"
		       "\t\tl3proto ip\n"
		       "\t\tpolicy = { syn_sent : 7, established : 5400, close : 5 }\n"
		       "\t}\n"
		       "}\n");
	assert_refused(rs, TIMEOUT("b", "protocol tcp; policy = { close : 5ms }"),
		       "a number of seconds");
	assert_refused(rs, TIMEOUT("b", "protocol tcp; policy = { close : 50d }"),
		       "at most 2147483");
}

static void a_kind_is_listed_by_itself(void **state)
{
	(void)state;
	assert_int_equal(apply(&rs,
			       "add table t; add table ip6 u; add table inet v\n" TIMEOUT(
				       "a", "protocol udp") "add ct helper inet v h { type "
							    "\"ftp\" protocol tcp; }\n"),
			 0);
	/* Tables that have other objects are shown empty, as nft does. */
	assert_command("list ct timeouts", 0, false,
		       "table ip t {\n\tct timeout a {\n\t\tprotocol udp\n\t\tl3proto ip\n"
		       "\t\tpolicy = {  }\n\t}\n}\ntable inet v {\n}\n");
	assert_command("list ct expectations table ip t", 0, false, "table ip t {\n}\n");
	assert_command("list ct expectation table t", 0, false, "table ip t {\n}\n");
	assert_command("list ct timeout table ip t", 0, false,
		       "table ip t {\n\tct timeout a {\n\t\tprotocol udp\n\t\tl3proto ip\n"
		       "\t\tpolicy = {  }\n\t}\n}\n");
	assert_command("list ct helpers inet", 0, false,
		       "table inet v {\n\tct helper h {\n\t\ttype \"ftp\" protocol tcp\n"
		       "\t\tl3proto inet\n\t}\n}\n");
	assert_command("list ct helpers table ip6 u", 0, false, "");
}

static void a_kind_is_deleted_by_name_only(void **state)
{
	(void)state;
	assert_refused(rs, "delete ct timeout table t\n", "is a keyword");
}

/* As nft -e -a -f shows them (1.0.6). */
static void what_was_added_is_echoed_in_a_line(void **state)
{
	(void)state;
	assert_command(
		"table inet z {\n"
		"ct helper a { type \"ftp\" protocol tcp; comment \"c1\"; }\n"
		"ct timeout a { protocol tcp; policy = { close : 5 }; }\n"
		"ct expectation e { protocol tcp; dport 9876; timeout 2m; size 12; "
		"l3proto ip; }\n"
		"}\n"
		"create ct helper inet z b { type \"ftp\" protocol tcp; }\n",
		PRINT_HANDLE, true,
		"add table inet z # handle 1\n"
		"add ct helper inet z a { # handle 1 comment \"c1\" type \"ftp\" protocol "
		"tcp; l3proto inet; } \n"
		"add ct timeout inet z a { # handle 2 protocol tcp; l3proto inet; policy = "
		"{ close : 5 }; } \n"
		"add ct expectation inet z e { # handle 3 protocol tcp; dport 9876; timeout "
		"2m; size 12; l3proto ip; } \n"
		"create ct helper inet z b { # handle 4 type \"ftp\" protocol tcp; l3proto "
		"inet; } \n");
}

/* ---- numbers of policies ---- */

static uint16_t number_of(const struct ruleset *of, const char *name)
{
	size_t at = object_find(of->tables[0], KIND_CT_TIMEOUT, name);

	assert_int_not_equal(at, MODEL_NONE);
	return of->tables[0]->objects[at]->ct.number;
}

static void give_numbers(struct ruleset *to, const struct ruleset *former)
{
	struct diag d = DIAG_INIT;

	assert_int_equal(ruleset_number(to, former, &d), 0);
	diag_fini(&d);
}

static void a_policy_keeps_its_number(void **state)
{
	(void)state;
	assert_int_equal(apply(&rs, "add table t\n" TIMEOUT("a", "protocol tcp")), 0);
	give_numbers(rs, NULL);
	assert_int_equal(number_of(rs, "a"), 1);
	assert_int_equal(apply(&rs, TIMEOUT("b", "protocol tcp")), 0);
	give_numbers(rs, NULL);
	assert_int_equal(number_of(rs, "a"), 1);
	assert_int_equal(number_of(rs, "b"), 2);
	assert_int_equal(apply(&rs, "delete ct timeout ip t a"), 0);
	give_numbers(rs, NULL);
	assert_int_equal(number_of(rs, "b"), 2);
}

static void the_same_policy_loaded_anew_has_the_number_of_the_former(void **state)
{
	struct ruleset *new = ruleset_new(NULL);

	(void)state;
	assert_int_equal(apply(&rs, "add table t\n" TIMEOUT("a", "protocol tcp")
					    TIMEOUT("b", "protocol tcp")
						    TIMEOUT("c", "protocol tcp")),
			 0);
	give_numbers(rs, NULL);
	assert_int_equal(apply(&new, "add table t\n" TIMEOUT("c", "protocol tcp") TIMEOUT(
					     "b", "protocol udp") TIMEOUT("d", "protocol tcp")),
			 0);
	give_numbers(new, rs);
	assert_int_equal(number_of(new, "c"), 3);
	/* Of another protocol, and new: flows may still have the numbers of those that go. */
	assert_int_equal(number_of(new, "b"), 4);
	assert_int_equal(number_of(new, "d"), 5);
	ruleset_unref(new);
}

static void there_are_so_many_policies_and_no_more(void **state)
{
	struct text many = TEXT_INIT;
	struct ruleset *new = ruleset_ref(rs);

	(void)state;
	text_puts(&many, "add table t\n");
	for (unsigned i = 0; i < RULESET_MAX_POLICIES; i++)
		text_printf(&many, "add ct timeout ip t p%u { protocol tcp; }\n", i);
	assert_int_equal(apply(&rs, text_str(&many)), 0);
	give_numbers(rs, NULL);
	assert_int_equal(number_of(rs, "p1022"), RULESET_MAX_POLICIES);
	assert_int_equal(apply(&rs, TIMEOUT("more", "protocol tcp")), -EINVAL);
	assert_int_equal(apply(&rs, TIMEOUT("p1", "protocol tcp")), 0); /* it is there */

	/* As many others at once in their place: flows have the former's still. */
	text_clear(&many);
	text_puts(&many, "add table t\n");
	for (unsigned i = 0; i < RULESET_MAX_POLICIES; i++)
		text_printf(&many, "add ct timeout ip t q%u { protocol tcp; }\n", i);
	assert_int_equal(apply(&new, text_str(&many)), 0);
	give_numbers(new, rs);
	assert_int_equal(number_of(new, "q1022"), RULESET_POLICY_NUMBERS);
	ruleset_unref(new);
	text_fini(&many);
}

/* ---- saved ---- */

static const char saved_rules[] =
	"table inet t {\n"
	"ct timeout a { protocol tcp; policy = { close : 5 }; comment \"x\"; }\n"
	"ct helper a { type \"ftp\" protocol tcp; }\n"
	"ct expectation e { protocol udp; dport 5; timeout 1s5ms; size 3; l3proto ip6; }\n"
	"ct timeout b { protocol udp; }\n"
	"chain c { ct timeout set \"a\" ct helper set \"a\" ct expectation set \"e\" notrack\n"
	"ct label set 1 | 127 ct event set new,0x800 ct zone set 5\n"
	"ct expiration 1500ms-2500ms ct label 1,127\n}\n"
	"}\n";

static int restore(const char *text, size_t len, struct ruleset **ret)
{
	struct diag d = DIAG_INIT;
	int err = ruleset_restore(text, len, NULL, &d, ret);

	assert_int_equal(err != 0, d.errors != 0);
	diag_fini(&d);
	return err;
}

static void what_was_saved_has_the_same_numbers(void **state)
{
	struct text saved = TEXT_INIT, again = TEXT_INIT;
	struct ruleset *back;

	(void)state;
	assert_int_equal(apply(&rs, "add table inet t\n"
				    "add ct timeout inet t gone { protocol tcp; }\n"),
			 0);
	give_numbers(rs, NULL);
	assert_int_equal(apply(&rs, saved_rules), 0);
	give_numbers(rs, NULL);
	assert_int_equal(apply(&rs, "delete ct timeout inet t gone"), 0);
	ruleset_save(rs, &saved);
	assert_int_equal(restore(text_str(&saved), saved.len, &back), 0);
	assert_int_equal(number_of(back, "a"), 2);
	assert_int_equal(number_of(back, "b"), 3);
	ruleset_save(back, &again);
	assert_string_equal(text_str(&again), text_str(&saved));
	ruleset_unref(back);
	text_fini(&saved);
	text_fini(&again);
}

static void damaged_numbers_are_refused(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "number 1\n", "number 2\n" },	   /* twice */
		{ "number 1\n", "number 2047\n" }, /* too high */
		{ "object 3 number 0", "object 3 number 5" }, /* no policy */
		{ "object 3", "object 999" },
		{ "objects 4", "objects 3" },
	};
	struct text saved = TEXT_INIT;

	(void)state;
	assert_int_equal(apply(&rs, saved_rules), 0);
	give_numbers(rs, NULL);
	ruleset_save(rs, &saved);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const char *at = strstr(text_str(&saved), changes[i].from);
		struct text bad = TEXT_INIT;
		struct ruleset *back;

		assert_non_null(at);
		text_append(&bad, text_str(&saved), (size_t)(at - text_str(&saved)));
		text_puts(&bad, changes[i].to);
		text_puts(&bad, at + strlen(changes[i].from));
		assert_int_equal(restore(text_str(&bad), bad.len, &back), -EINVAL);
		text_fini(&bad);
	}
	text_fini(&saved);
}

static void any_damage_is_refused_or_harmless(void **state)
{
	struct text saved = TEXT_INIT;
	struct ruleset *back;
	char *copy;

	(void)state;
	assert_int_equal(apply(&rs, saved_rules), 0);
	give_numbers(rs, NULL);
	ruleset_save(rs, &saved);
	copy = malloc(saved.len + 1);
	for (size_t i = 0; i < saved.len; i++) {
		for (const char *byte = "9 \nx{\""; *byte; byte++) {
			memcpy(copy, text_str(&saved), saved.len + 1);
			copy[i] = *byte;
			if (restore(copy, saved.len, &back) == 0)
				ruleset_unref(back);
		}
		if (restore(text_str(&saved), i, &back) == 0)
			ruleset_unref(back);
	}
	free(copy);
	text_fini(&saved);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(objects_come_and_go_by_name_and_handle),
		TEST(an_object_goes_together_with_the_rule_that_names_it),
		TEST(a_rule_may_name_an_object_of_its_own_block_wherever_it_stands),
		TEST(seconds_of_a_policy_may_be_written_as_a_time),
		TEST(a_kind_is_listed_by_itself),
		TEST(a_kind_is_deleted_by_name_only),
		TEST(what_was_added_is_echoed_in_a_line),
		TEST(a_policy_keeps_its_number),
		TEST(the_same_policy_loaded_anew_has_the_number_of_the_former),
		TEST(there_are_so_many_policies_and_no_more),
		TEST(what_was_saved_has_the_same_numbers),
		TEST(damaged_numbers_are_refused),
		TEST(any_damage_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
