/* Commands, their options and their help. */
#include "unit/ctl/run.h"

#include <stdio.h>

#include "ctl/options.h"

static void a_command_has_a_name_a_help_and_a_body(void **state)
{
	(void)state;
	for (const struct command *const *c = commands; *c; c++) {
		assert_non_null((*c)->name);
		assert_non_null((*c)->args);
		assert_non_null((*c)->help);
		assert_non_null((*c)->run);
		assert_ptr_equal(command_find((*c)->name), *c);
	}
	assert_null(command_find("no-such-command"));
}

static void no_option_of_a_command_is_given_twice(void **state)
{
	(void)state;
	for (const struct command *const *c = commands; *c; c++)
		for (const struct command_option *o = (*c)->options; o && o->key; o++)
			for (const struct command_option *p = o + 1; p->key; p++)
				assert_false(o->name && p->name &&
					     strcmp(o->name, p->name) == 0);
}

static void help_lists_every_command_and_every_option(void **state)
{
	(void)state;
	assert_int_equal(RUN("--help"), 0);
	for (const struct command *const *c = commands; *c; c++)
		assert_non_null(strstr(run_out, (*c)->name));
	for (const struct command_option *o = global_options; o->key; o++)
		if (o->help)
			assert_non_null(strstr(run_out, o->name));
	for (const struct command *const *c = commands; *c; c++) {
		assert_int_equal(RUN((char *)(*c)->name, "--help"), 0);
		assert_non_null(strstr(run_out, (*c)->args));
		assert_non_null(strstr(run_out, (*c)->help));
	}
}

static void wrong_options_are_named(void **state)
{
	(void)state;
	assert_int_equal(RUN("--bogus"), 1);
	assert_non_null(strstr(run_err, "option --bogus is not known"));
	assert_int_equal(RUN("-Q"), 1);
	assert_non_null(strstr(run_err, "option -Q is not known"));
	assert_int_equal(RUN("-f"), 1);
	assert_non_null(strstr(run_err, "option -f needs an argument"));
	assert_int_equal(RUN("--socket"), 1);
	assert_non_null(strstr(run_err, "option --socket needs an argument"));
	assert_int_equal(RUN("--check=1", "list", "ruleset"), 1);
	assert_non_null(strstr(run_err, "takes no argument"));
	assert_int_equal(RUN("-D", "x", "-f", "-"), 1);
	assert_non_null(strstr(run_err, "must be NAME=VALUE"));
	assert_string_equal(run_out, "");
}

static void help_is_had_wherever_it_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(RUN("status", "-j", "--help"), 0);
	expect(run_out, "Usage: ctfwctl status");
	assert_int_equal(RUN("steer", "show", "--help"), 0);
	expect(run_out, "Usage: ctfwctl steer");
	assert_int_equal(RUN("conntrack", "-L", "-p", "tcp", "--help"), 0);
	expect(run_out, "Usage: ctfwctl conntrack");
	assert_int_equal(RUN("confirm", "-h"), 0);
}

static void a_misspelt_word_is_told_from_commands_in_nft_s_grammar(void **state)
{
	static const char *const nft[] = {
		"add", "create", "insert", "replace", "delete", "destroy", "list", "flush",
		"rename", "reset", "get", "describe", "table", "chain", "rule", "flowtable",
		"set", "map", "element", "ct", "counter", "quota", "limit", "include", "define",
		"undefine", "redefine", "monitor", "import", "export", "ip", "ip6", "inet",
	};

	(void)state;
	assert_int_equal(RUN("statu"), 1);
	assert_string_equal(run_err, "ctfwctl: no command \"statu\": did you mean \"status\"?\n");
	assert_int_equal(RUN("conntrak", "-L", "-p", "tcp"), 1);
	expect(run_err, "did you mean \"conntrack\"?");
	assert_int_equal(RUN("stear", "check"), 1);
	expect(run_err, "did you mean \"steer\"?");
	assert_int_equal(RUN("help", "relaod"), 1);
	expect(run_err, "did you mean \"reload\"?");
	assert_int_equal(RUN("help", "add"), 1);
	expect(run_err, "ctfw-ruleset(5)");
	for (size_t i = 0; i < sizeof(nft) / sizeof(nft[0]); i++) {
		if (command_near(nft[i]))
			fail_msg("%s is taken for %s", nft[i], command_near(nft[i]));
	}
	assert_int_equal(RUN("-f", "/dev/null", "status"), 1);
	expect(run_err, "-f and a command (\"status\"): one of the two, please");
	/* A rule in a table of that name. */
	assert_int_equal(RUN("statu", "input", "accept"), 1);
	expect(run_err, "not running");
}

static void wrong_options_are_told_with_the_right_ones(void **state)
{
	(void)state;
	assert_int_equal(RUN("status", "--socket", "/x"), 1);
	expect(run_err, "It goes before the command: ctfwctl --socket PATH status\n");
	assert_int_equal(RUN("status", "--jsn"), 1);
	expect(run_err, "option --jsn is not known\nDid you mean --json?\n");
	assert_int_equal(RUN("--jsno", "list", "ruleset"), 1);
	expect(run_err, "Did you mean --json?");
	assert_int_equal(RUN("-j", "status"), 1);
	expect(run_err, "option --json goes behind status: ctfwctl status --json\n");
	assert_int_equal(RUN("steer"), 1);
	expect(run_err, "steer: show, check or off, please");
	assert_int_equal(RUN("steer", "look"), 1);
	expect(run_err, "steer: what is \"look\"? It knows show, check and off");
	assert_int_equal(RUN("steer", "show", "check"), 1);
	expect(run_err, "steer show: unexpected \"check\"");
	assert_int_equal(RUN("steer", "check", "--commands"), 1);
	expect(run_err, "steer check: --commands goes with show");
	assert_int_equal(RUN("steer", "show", "-j", "--commands"), 1);
	expect(run_err, "--commands or --json, not both");
}

static void options_that_cannot_be_honoured_are_refused_with_a_reason(void **state)
{
	(void)state;
	assert_int_equal(RUN("-N", "list", "ruleset"), 1);
	assert_int_equal(RUN("--optimize", "list", "ruleset"), 1);
	assert_int_equal(RUN("-d", "all", "list", "ruleset"), 1);
}

static void nft_options_are_refused_before_commands_of_ours(void **state)
{
	(void)state;
	assert_int_equal(RUN("-a", "help"), 1);
	assert_non_null(strstr(run_err, "--handle"));
}

static void version_names_the_program(void **state)
{
	(void)state;
	assert_int_equal(RUN("--version"), 0);
	assert_string_equal(run_out, "ctfwctl (ctfw) v" CTFW_VERSION "\n");
}

static void no_command_at_all_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(run_words((char *[]){ "ctfwctl", NULL }), 1);
	assert_non_null(strstr(run_err, "no command specified"));
}

static void what_needs_the_daemon_says_that_it_is_not_running(void **state)
{
	static char *const lines[][6] = {
		{ "ctfwctl", "status" },
		{ "ctfwctl", "reload" },
		{ "ctfwctl", "conntrack", "-L" },
		{ "ctfwctl", "conntrack", "-F" },
		{ "ctfwctl", "conntrack", "-C" },
		{ "ctfwctl", "list", "ruleset" },
		{ "ctfwctl", "-f", "/dev/null" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(run_words((char **)lines[i]), 1);
		assert_string_equal(run_out, "");
		assert_string_equal(run_err,
				    "ctfwctl: ctfwd is not running (there is no socket "
				    "/nonexistent/socket)\n"
				    "Start it with \"systemctl start ctfwd\"; until then "
				    "\"ctfwctl steer check\" tells what passes.  Or name the "
				    "socket of another with --socket.\n");
	}
}

static void nft_options_behind_the_command_are_refused_as_nft_does(void **state)
{
	(void)state;
	assert_int_equal(RUN("list", "ruleset", "-a"), 1);
	expect(run_err, "options must be specified before commands: -a");
	assert_int_equal(RUN("list", "-a", "ruleset"), 1);
	expect(run_err, "options must be specified before commands");
	/* Behind a brace it is a number. */
	assert_int_equal(RUN("add", "chain", "ip", "t", "c", "{", "type", "filter", "hook",
			     "input", "priority", "-10", ";", "}"),
			 1);
	expect(run_err, "not running");
	assert_int_equal(RUN("-D", "x=1", "list", "ruleset"), 1);
	expect(run_err, "-D/--define can only be used with -f/--file");
	assert_int_equal(RUN("-f", "/dev/null", "list", "ruleset"), 1);
	expect(run_err, "one of the two");
}

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	assert_non_null(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	fclose(file);
	return text;
}

/* The option as mdoc writes it: a macro's argument, `Fl x' or `Fl Fl name'. */
static bool page_has(const char *page, const struct command_option *o)
{
	char text[80];
	const char *p = page;

	if (o->name)
		snprintf(text, sizeof(text), "Fl Fl %s", o->name);
	else
		snprintf(text, sizeof(text), "Fl %c", o->key);
	while ((p = strstr(p, text))) {
		p += strlen(text);
		if (*p == ' ' || *p == '\n')
			return true;
	}
	return false;
}

/* The part of the man page that tells of a command, up to the next heading. */
static char *page_section(const char *page, const char *name)
{
	char title[80];
	const char *begin;
	size_t len = 1;

	snprintf(title, sizeof(title), "\n.Ss %s\n", name);
	begin = strstr(page, title);
	if (!begin) {
		fail_msg("ctfwctl(8) has no section on %s", name);
		return NULL;
	}
	while (begin[len] && strncmp(begin + len, "\n.Ss ", 5) != 0 &&
	       strncmp(begin + len, "\n.Sh ", 5) != 0)
		len++;
	return strndup(begin, len);
}

static void the_man_page_names_every_command_and_option(void **state)
{
	char *page = slurp(TESTS_DIR "/../man/ctfwctl.8");

	(void)state;
	for (const struct command_option *o = global_options; o->key; o++)
		if (o->help && !page_has(page, o))
			fail_msg("ctfwctl(8) does not tell of --%s", o->name);
	for (const struct command *const *c = commands; *c; c++) {
		char *section = page_section(page, (*c)->name);

		for (const struct command_option *o = (*c)->options; o && o->key; o++)
			if (!page_has(section, o))
				fail_msg("ctfwctl(8) does not tell of %s --%s", (*c)->name,
					 o->name);
		free(section);
	}
	free(page);
}

static void completion_knows_every_command_and_option(void **state)
{
	char *script = slurp(TESTS_DIR "/../completion/ctfwctl.bash");
	char word[80];

	(void)state;
	for (const struct command *const *c = commands; *c; c++) {
		assert_non_null(strstr(strstr(script, "local commands="), (*c)->name));
		for (const struct command_option *o = (*c)->options; o && o->key; o++) {
			snprintf(word, sizeof(word), "--%s", o->name);
			if (!strstr(script, word))
				fail_msg("completion does not know %s %s", (*c)->name, word);
		}
	}
	for (const struct command_option *o = global_options; o->key; o++)
		if (o->help)
			assert_non_null(strstr(script, o->name));
	free(script);
}

static int teardown(void **state)
{
	(void)state;
	run_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_has_a_name_a_help_and_a_body),
		cmocka_unit_test(no_option_of_a_command_is_given_twice),
		cmocka_unit_test(help_lists_every_command_and_every_option),
		cmocka_unit_test(wrong_options_are_named),
		cmocka_unit_test(help_is_had_wherever_it_is_asked_for),
		cmocka_unit_test(a_misspelt_word_is_told_from_commands_in_nft_s_grammar),
		cmocka_unit_test(wrong_options_are_told_with_the_right_ones),
		cmocka_unit_test(options_that_cannot_be_honoured_are_refused_with_a_reason),
		cmocka_unit_test(nft_options_are_refused_before_commands_of_ours),
		cmocka_unit_test(version_names_the_program),
		cmocka_unit_test(no_command_at_all_is_an_error),
		cmocka_unit_test(what_needs_the_daemon_says_that_it_is_not_running),
		cmocka_unit_test(nft_options_behind_the_command_are_refused_as_nft_does),
		cmocka_unit_test(the_man_page_names_every_command_and_option),
		cmocka_unit_test(completion_knows_every_command_and_option),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
