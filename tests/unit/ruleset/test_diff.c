/* test_diff.c - what made one ruleset of another, as commands. */
#include "unit/ruleset/language.h"

static struct ruleset *rs;

static const struct ruleset_watch everything = { RULESET_WATCH_ALL, true, true, 0 };

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

static void who_watches_less_is_told_less(void **state)
{
	static const struct ruleset_watch came = { RULESET_WATCH_ALL, true, false, 0 };
	static const struct ruleset_watch gone = { RULESET_WATCH_ALL, false, true, 0 };
	static const struct ruleset_watch rules = { RULESET_WATCH_RULES, true, true,
						    PRINT_HANDLE };
	static const struct ruleset_watch chains = { RULESET_WATCH_CHAINS, true, true, 0 };

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
		TEST(who_watches_less_is_told_less),
		TEST(a_few_among_many_rules_are_found),
		TEST(from_nothing_and_to_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
