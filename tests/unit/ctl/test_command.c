/* Commands, their options and their help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/commands.h"
#include "ctl/options.h"

static char *out_text, *err_text;
static size_t out_len, err_len;

static int run(char **argv)
{
	struct ctl ctl = { .program = "ctfwctl", .socket = "/nonexistent/socket" };
	int argc = 0, status;

	free(out_text);
	free(err_text);
	ctl.out = open_memstream(&out_text, &out_len);
	ctl.err = open_memstream(&err_text, &err_len);
	while (argv[argc])
		argc++;
	status = ctl_main(&ctl, argc, argv);
	fclose(ctl.out);
	fclose(ctl.err);
	return status;
}
#define RUN(...) run((char *[]){ "ctfwctl", __VA_ARGS__, NULL })

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
				assert_false(o->name && p->name && strcmp(o->name, p->name) == 0);
}

static void help_lists_every_command_and_every_option(void **state)
{
	(void)state;
	assert_int_equal(RUN("--help"), 0);
	for (const struct command *const *c = commands; *c; c++)
		assert_non_null(strstr(out_text, (*c)->name));
	for (const struct command_option *o = global_options; o->key; o++)
		if (o->help)
			assert_non_null(strstr(out_text, o->name));
	for (const struct command *const *c = commands; *c; c++) {
		assert_int_equal(RUN((char *)(*c)->name, "--help"), 0);
		assert_non_null(strstr(out_text, (*c)->args));
		assert_non_null(strstr(out_text, (*c)->help));
	}
}

static void wrong_options_are_named(void **state)
{
	(void)state;
	assert_int_equal(RUN("--bogus"), 1);
	assert_non_null(strstr(err_text, "option --bogus is not known"));
	assert_int_equal(RUN("-Q"), 1);
	assert_non_null(strstr(err_text, "option -Q is not known"));
	assert_int_equal(RUN("-f"), 1);
	assert_non_null(strstr(err_text, "option -f needs an argument"));
	assert_int_equal(RUN("--socket"), 1);
	assert_non_null(strstr(err_text, "option --socket needs an argument"));
	assert_int_equal(RUN("--check=1", "list", "ruleset"), 1);
	assert_non_null(strstr(err_text, "takes no argument"));
	assert_int_equal(RUN("-D", "x", "-f", "-"), 1);
	assert_non_null(strstr(err_text, "must be NAME=VALUE"));
	assert_string_equal(out_text, "");
}

static void options_that_cannot_be_honoured_are_refused_with_a_reason(void **state)
{
	(void)state;
	assert_int_equal(RUN("-j", "list", "ruleset"), 1);
	assert_non_null(strstr(err_text, "JSON"));
	assert_int_equal(RUN("-N", "list", "ruleset"), 1);
	assert_int_equal(RUN("--optimize", "list", "ruleset"), 1);
	assert_int_equal(RUN("-d", "all", "list", "ruleset"), 1);
}

static void nft_options_are_refused_before_commands_of_ours(void **state)
{
	(void)state;
	assert_int_equal(RUN("-a", "help"), 1);
	assert_non_null(strstr(err_text, "--handle"));
}

static void version_names_the_program(void **state)
{
	(void)state;
	assert_int_equal(RUN("--version"), 0);
	assert_string_equal(out_text, "ctfwctl (ctfw) v" CTFW_VERSION "\n");
}

static void no_command_at_all_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(run((char *[]){ "ctfwctl", NULL }), 1);
	assert_non_null(strstr(err_text, "no command specified"));
}

static int teardown(void **state)
{
	(void)state;
	free(out_text);
	free(err_text);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_has_a_name_a_help_and_a_body),
		cmocka_unit_test(no_option_of_a_command_is_given_twice),
		cmocka_unit_test(help_lists_every_command_and_every_option),
		cmocka_unit_test(wrong_options_are_named),
		cmocka_unit_test(options_that_cannot_be_honoured_are_refused_with_a_reason),
		cmocka_unit_test(nft_options_are_refused_before_commands_of_ours),
		cmocka_unit_test(version_names_the_program),
		cmocka_unit_test(no_command_at_all_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
