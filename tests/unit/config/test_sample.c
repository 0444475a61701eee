/* test_sample.c - the sample file is what the table of options makes it.
 *
 * In the tree it has the directories of an installation as CMake's variables.
 * `unit-config-sample --print > conf/ctfwd.conf.in` writes it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctfw/config.h"
#include "ctfw/rulefile.h"

/* The sample with variables in the place of directories. */
static void sample_in(struct text *out)
{
	static const char *const dirs[][2] = {
		{ " = " CTFW_SYSCONFDIR "/ctfw", " = @CMAKE_INSTALL_FULL_SYSCONFDIR@/ctfw" },
		{ " = " CTFW_RUNSTATEDIR "/ctfw", " = @CMAKE_INSTALL_FULL_RUNSTATEDIR@/ctfw" },
	};
	struct text sample = TEXT_INIT;
	const char *s;
	size_t i;

	config_sample(&sample);
	for (s = text_str(&sample); *s;) {
		for (i = 0; i < 2 && strncmp(s, dirs[i][0], strlen(dirs[i][0])) != 0;)
			i++;
		if (i < 2) {
			text_puts(out, dirs[i][1]);
			s += strlen(dirs[i][0]);
		} else {
			text_putc(out, *s++);
		}
	}
	text_fini(&sample);
}

static void the_sample_file_is_up_to_date(void **state)
{
	struct text sample = TEXT_INIT;
	size_t len;
	char *file;

	(void)state;
	sample_in(&sample);
	assert_int_equal(rulefile_read(TESTS_DIR "/../conf/ctfwd.conf.in", &file, &len), 0);
	if (strcmp(file, text_str(&sample)) != 0)
		fail_msg("write it anew: unit-config-sample --print > conf/ctfwd.conf.in");
	free(file);
	text_fini(&sample);
}

static void the_sample_file_parses(void **state)
{
	struct text sample = TEXT_INIT;
	struct diag d = DIAG_INIT;
	struct config *c = NULL;

	(void)state;
	config_sample(&sample);
	assert_int_equal(config_parse("sample", text_str(&sample), sample.len, &d, &c), 0);
	assert_int_equal(c->n_captures + c->n_tuns, 0);
	config_free(c);
	diag_fini(&d);
	text_fini(&sample);
}

/* Every line that is commented out is right as well, where it has a value. */
static void the_sample_file_parses_without_its_comment_signs(void **state)
{
	struct text sample = TEXT_INIT, bare = TEXT_INIT;
	struct diag d = DIAG_INIT;
	struct config *c = NULL;
	char *line, *rest;

	(void)state;
	config_sample(&sample);
	for (line = strtok_r(sample.s, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] == '#' && line[1] != ' ' && line[1] &&
		    line[strlen(line) - 1] != '=')
			line++;
		text_printf(&bare, "%s\n", line);
		if (!strcmp(line, "[capture wg0]"))
			text_puts(&bare, "networks = 10.8.0.0/24\n");
	}
	if (config_parse("sample", text_str(&bare), bare.len, &d, &c) < 0)
		fail_msg("%s", text_str(&d.text));
	assert_int_equal(c->n_captures, 1);
	assert_int_equal(c->n_tuns, 1);
	config_free(c);
	diag_fini(&d);
	text_fini(&bare);
	text_fini(&sample);
}

static void every_option_has_a_range_and_a_help(void **state)
{
	struct config_option o;
	char range[128];
	size_t i;

	(void)state;
	for (i = 0; config_option(i, range, &o); i++) {
		assert_true(*o.key && *o.range && *o.help);
		assert_true(*config_section_name(o.section));
	}
	assert_true(i > 30);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_file_is_up_to_date),
		cmocka_unit_test(the_sample_file_parses),
		cmocka_unit_test(the_sample_file_parses_without_its_comment_signs),
		cmocka_unit_test(every_option_has_a_range_and_a_help),
	};
	struct text sample = TEXT_INIT;

	if (argc > 1 && !strcmp(argv[1], "--print")) {
		sample_in(&sample);
		fputs(text_str(&sample), stdout);
		text_fini(&sample);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
