/* test_diff.c - what made one ruleset of another, as commands. */
#include <stdio.h>

#include "unit/ruleset/language.h"

static struct ruleset *rs;

static const struct ruleset_watch everything = { .objects = RULESET_WATCH_ALL,
						 .added = true, .removed = true };

/* What the commands change, as told to who watches. */
static void assert_told_to(const struct ruleset_watch *watch, const char *commands,
			   const char *want)
{
	struct ruleset *old = ruleset_ref(rs);
	struct text out = TEXT_INIT;

	assert_int_equal(apply(&rs, commands), 0);
	assert_int_equal(ruleset_diff(old, rs, watch, &out), 0);
	assert_string_equal(text_str(&out), want);
	text_fini(&out);
	ruleset_unref(old);
}

static void assert_told(const char *commands, const char *want)
{
	assert_told_to(&everything, commands, want);
}

static int setup(void **state)
{
	(void)state;
	rs = ruleset_new(NULL);
	assert_int_equal(apply(&rs, "table ip t {\n"
				    " chain c { type filter hook input priority 5; }\n"
				    " chain d { counter\n drop\n log\n }\n"
				    "}\n"),
			 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ruleset_unref(rs);
	return 0;
}

static void what_comes_is_told_as_it_could_be_added(void **state)
{
	(void)state;
	assert_told("add table ip6 u { flags dormant; }",
		    "add table ip6 u { flags dormant; }\n");
	assert_told("add chain ip t e { type filter hook output priority raw; policy drop; }",
		    "add chain ip t e { type filter hook output priority raw; policy drop; }\n");
	assert_told("add ct helper ip t h { type \"ftp\" protocol tcp; }",
		    "add ct helper ip t h { type \"ftp\" protocol tcp; l3proto ip; } \n");
	assert_told("add flowtable ip t f { hook ingress priority 0; devices = { a, b }; }",
		    "add flowtable ip t f { hook ingress priority filter; devices = { a, b }; "
		    "}\n");
	assert_told("add flowtable ip t f { devices = { c }; }",
		    "add flowtable ip t f { hook ingress priority filter; "
		    "devices = { a, b, c }; }\n");
}

static void a_rule_is_told_with_its_place(void **state)
{
	(void)state;
	assert_told("add rule t d accept", "add rule ip t d accept\n");
	assert_told("insert rule t d accept", "insert rule ip t d accept\n");
	assert_told("add rule t d handle 3 accept", "add rule ip t d handle 3 accept\n");
	assert_told("add rule t c tcp dport 1; add rule t c tcp dport 2",
		    "add rule ip t c tcp dport 1\nadd rule ip t c tcp dport 2\n");
}

static void a_replaced_rule_goes_and_comes(void **state)
{
	(void)state;
	assert_told("replace rule t d handle 4 accept",
		    "delete rule ip t d handle 4\nadd rule ip t d handle 3 accept\n");
}

static void what_goes_is_told_from_the_inside_out(void **state)
{
	(void)state;
	assert_told("delete rule t d handle 4", "delete rule ip t d handle 4\n");
	assert_told("flush chain t d",
		    "delete rule ip t d handle 3\ndelete rule ip t d handle 5\n");
	assert_told("add rule t d accept; add ct helper t h { type \"ftp\" protocol tcp; }; "
		    "add flowtable t f { hook ingress priority 0; }",
		    "add ct helper ip t h { type \"ftp\" protocol tcp; l3proto ip; } \n"
		    "add flowtable ip t f { hook ingress priority filter; }\n"
		    "add rule ip t d accept\n");
	assert_told("flush ruleset", "delete rule ip t d handle 6\n"
				     "delete ct helper ip t h\n"
				     "delete flowtable ip t f\n"
				     "delete chain ip t c\n"
				     "delete chain ip t d\n"
				     "delete table ip t\n");
}

static void what_stays_is_not_told(void **state)
{
	(void)state;
	assert_told("add table ip t; add chain ip t d", "");
	assert_told("list ruleset", "");
	assert_told("delete rule t d handle 3; add rule t d continue; delete rule t d handle 6",
		    "delete rule ip t d handle 3\n");
	assert_told("add table x; delete table x", "");
}

static void a_new_name_or_policy_is_told_and_jumps_are_the_same(void **state)
{
	(void)state;
	assert_told("add rule t c jump d", "add rule ip t c jump d\n");
	assert_told("rename chain t d e", "add chain ip t e\n");
	assert_told("add chain t c { policy drop; }",
		    "add chain ip t c { type filter hook input priority filter + 5; policy "
		    "drop; }\n");
	assert_told("add table t { flags dormant; }", "add table ip t { flags dormant; }\n");
}

static void a_block_is_told_with_its_rule(void **state)
{
	(void)state;
	assert_told("add rule t c tcp dport 7 jump { counter; jump d; }",
		    "add rule ip t c tcp dport 7 jump { counter packets 0 bytes 0; jump d; }\n");
	assert_told("rename chain t d e", "add chain ip t e\n");
	assert_told("flush chain t c", "delete rule ip t c handle 9\n");
}

static void who_watches_less_is_told_less(void **state)
{
	static const struct ruleset_watch came = { .objects = RULESET_WATCH_ALL, .added = true };
	static const struct ruleset_watch gone = { .objects = RULESET_WATCH_ALL,
						   .removed = true };
	static const struct ruleset_watch rules = { .objects = RULESET_WATCH_RULES,
						    .added = true, .removed = true,
						    .print = PRINT_HANDLE };
	static const struct ruleset_watch chains = { .objects = RULESET_WATCH_CHAINS,
						     .added = true, .removed = true };

	(void)state;
	assert_told_to(&came, "replace rule t d handle 3 accept", "add rule ip t d accept\n");
	assert_told_to(&gone, "replace rule t d handle 3 drop",
		       "delete rule ip t d handle 3\n");
	assert_told_to(&rules, "add chain t x; add rule t x drop",
		       "add rule ip t x drop # handle 7\n");
	assert_told_to(&chains, "delete rule t x handle 7; delete chain t x",
		       "delete chain ip t x\n");
}

static void a_few_among_many_rules_are_found(void **state)
{
	struct text many = TEXT_INIT, want = TEXT_INIT;

	(void)state;
	text_puts(&many, "add chain t m\n");
	for (unsigned i = 0; i < 2000; i++)
		text_printf(&many, "add rule t m tcp dport %u\n", i + 1);
	assert_int_equal(apply(&rs, text_str(&many)), 0);
	text_fini(&many);
	text_puts(&want, "delete rule ip t m handle 107\ndelete rule ip t m handle 1007\n");
	text_puts(&want, "add rule ip t m handle 506 drop\nadd rule ip t m accept\n");
	assert_told("delete rule t m handle 107; delete rule t m handle 1007; "
		    "add rule t m handle 506 drop; add rule t m accept",
		    text_str(&want));
	text_fini(&want);
}

static void elements_are_told_one_by_one(void **state)
{
	static const struct ruleset_watch sets = { .objects = RULESET_WATCH_SETS, .added = true,
						   .removed = true };

	(void)state;
	assert_told("add set t s { type ipv4_addr; flags interval; counter; "
		    "elements = { 10.0.0.1, 10.1.0.0/16 comment \"x\" }; }",
		    "add set ip t s { type ipv4_addr; flags interval; counter; } \n"
		    "add element ip t s { 10.0.0.1 }\n"
		    "add element ip t s { 10.1.0.0/16 comment \"x\" }\n");
	assert_told("add element t s { 10.0.0.1, 10.0.0.3-10.0.0.9 }; "
		    "delete element t s { 10.1.0.0/16 }",
		    "delete element ip t s { 10.1.0.0/16 comment \"x\" }\n"
		    "add element ip t s { 10.0.0.3-10.0.0.9 }\n");
	assert_told_to(&sets, "add element t s { 10.0.0.2 }", "");
	assert_told("flush set t s", "delete element ip t s { 10.0.0.1 }\n"
				     "delete element ip t s { 10.0.0.2 }\n"
				     "delete element ip t s { 10.0.0.3-10.0.0.9 }\n");
	/* Those of a set that goes as a whole are not told. */
	assert_told("add element t s { 10.0.0.1 }; delete set t s; add set t s { type mark; }",
		    "delete set ip t s\nadd set ip t s { type mark; } \n");
}

static void elements_of_every_kind_are_told(void **state)
{
	(void)state;
	assert_told("add map t m { type ipv4_addr : verdict; elements = { 10.0.0.1 : jump d, "
		    "* : drop }; }",
		    "add map ip t m { type ipv4_addr : verdict; } \n"
		    "add element ip t m { 10.0.0.1 : jump d }\n"
		    "add element ip t m { * : drop }\n");
	/* What leads to a chain goes before it, and comes behind it. */
	assert_told("add chain t n; add element t m { 10.0.0.2 : goto n }; "
		    "delete element t m { 10.0.0.1, * }; flush chain t d; delete chain t d",
		    "delete rule ip t d handle 3\ndelete rule ip t d handle 4\n"
		    "delete rule ip t d handle 5\n"
		    "delete element ip t m { 10.0.0.1 : jump d }\n"
		    "delete element ip t m { * : drop }\ndelete chain ip t d\n"
		    "add chain ip t n\nadd element ip t m { 10.0.0.2 : goto n }\n");
	assert_told("add set t c { type ipv4_addr . inet_service; flags interval; elements = { "
		    "10.0.0.0/8 . 1-9, 10.0.0.0/9 . 10, 10.2.0.0/16 . 11 }; }",
		    "add set ip t c { type ipv4_addr . inet_service; flags interval; } \n"
		    "add element ip t c { 10.0.0.0/8 . 1-9 }\n"
		    "add element ip t c { 10.0.0.0/9 . 10 }\n"
		    "add element ip t c { 10.2.0.0/16 . 11 }\n");
	assert_told("delete element t c { 10.0.0.0/9 . 10 }; add element t c { 1.0.0.0/8 . 10 }",
		    "delete element ip t c { 10.0.0.0/9 . 10 }\n"
		    "add element ip t c { 1.0.0.0/8 . 10 }\n");
	assert_told("add map t v { type mark : ipv4_addr; elements = { 1 : 1.1.1.1 }; }",
		    "add map ip t v { type mark : ipv4_addr; } \n"
		    "add element ip t v { 0x00000001 : 1.1.1.1 }\n");
	assert_told("delete element t v { 1 }; add element t v { 1 : 2.2.2.2 }",
		    "delete element ip t v { 0x00000001 : 1.1.1.1 }\n"
		    "add element ip t v { 0x00000001 : 2.2.2.2 }\n");
}

static void a_few_among_many_elements_are_found(void **state)
{
	struct text text = TEXT_INIT;

	(void)state;
	text_puts(&text, "add set t many { type mark; }; add element t many { 0");
	for (unsigned i = 2; i < 40000; i += 2)
		text_printf(&text, ", %u", i);
	text_puts(&text, " }");
	assert_int_equal(apply(&rs, text_str(&text)), 0);
	text_fini(&text);
	/* In chunks that both have, at their seams, and in new ones. */
	for (unsigned i = 1; i < 40000; i += 1237) {
		char command[80], line[80];

		snprintf(command, sizeof(command), "%s element t many { %u }",
			 i % 2 ? "add" : "delete", i);
		snprintf(line, sizeof(line), "%s element ip t many { 0x%08x }\n",
			 i % 2 ? "add" : "delete", i);
		assert_told(command, line);
	}
}

static void programs_are_told_objects(void **state)
{
	static const struct ruleset_watch json = { .objects = RULESET_WATCH_ALL, .added = true,
						   .removed = true, .json = true };

	(void)state;
	assert_told_to(&json,
		       "add set t s { type ipv4_addr; elements = { 10.0.0.1 }; }; "
		       "insert rule t d accept",
		       "{\"add\": {\"set\": {\"family\": \"ip\", \"name\": \"s\", \"table\": "
		       "\"t\", \"type\": \"ipv4_addr\", \"handle\": 6}}}\n"
		       "{\"add\": {\"element\": {\"family\": \"ip\", \"table\": \"t\", "
		       "\"name\": \"s\", \"elem\": {\"set\": [\"10.0.0.1\"]}}}}\n"
		       "{\"insert\": {\"rule\": {\"family\": \"ip\", \"table\": \"t\", "
		       "\"chain\": \"d\", \"handle\": 7, \"expr\": [{\"accept\": null}]}}}\n");
	assert_told_to(&json, "delete rule t d handle 7",
		       "{\"delete\": {\"rule\": {\"family\": \"ip\", \"table\": \"t\", "
		       "\"chain\": \"d\", \"handle\": 7, \"expr\": [{\"accept\": null}]}}}\n");
	assert_told_to(&json, "delete chain t c",
		       "{\"delete\": {\"chain\": {\"family\": \"ip\", \"table\": \"t\", "
		       "\"name\": \"c\", \"handle\": 1, \"type\": \"filter\", \"hook\": "
		       "\"input\", \"prio\": 5, \"policy\": \"accept\"}}}\n");
}

static void from_nothing_and_to_nothing(void **state)
{
	struct text out = TEXT_INIT;

	(void)state;
	assert_int_equal(ruleset_diff(NULL, rs, &everything, &out), 0);
	assert_int_equal(ruleset_diff(rs, NULL, &everything, &out), 0);
	assert_string_equal(text_str(&out),
			    "add table ip t\n"
			    "add chain ip t c { type filter hook input priority filter + 5; "
			    "policy accept; }\n"
			    "add chain ip t d\n"
			    "add rule ip t d counter packets 0 bytes 0\n"
			    "add rule ip t d handle 3 drop\n"
			    "add rule ip t d log\n"
			    "delete rule ip t d handle 3\n"
			    "delete rule ip t d handle 4\n"
			    "delete rule ip t d handle 5\n"
			    "delete chain ip t c\n"
			    "delete chain ip t d\n"
			    "delete table ip t\n");
	text_fini(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_comes_is_told_as_it_could_be_added),
		TEST(a_rule_is_told_with_its_place),
		TEST(a_replaced_rule_goes_and_comes),
		TEST(what_goes_is_told_from_the_inside_out),
		TEST(what_stays_is_not_told),
		TEST(a_new_name_or_policy_is_told_and_jumps_are_the_same),
		TEST(a_block_is_told_with_its_rule),
		TEST(who_watches_less_is_told_less),
		TEST(a_few_among_many_rules_are_found),
		TEST(elements_are_told_one_by_one),
		TEST(elements_of_every_kind_are_told),
		TEST(a_few_among_many_elements_are_found),
		TEST(programs_are_told_objects),
		TEST(from_nothing_and_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
