/* Diagnostics: the picture, positions, suggestions. */
#include <string.h>

#include "ctfw/diag.h"
#include "unit/test.h"

static struct source source_of(const char *name, const char *text)
{
	return (struct source){
		.name = (char *)name, .text = (char *)text, .len = strlen(text),
	};
}

static void an_error_shows_place_line_and_carets(void **state)
{
	struct source src =
		source_of("r.nft", "table ip t {\n\tct state establish accept\n}\n");
	struct diag d = DIAG_INIT;
	struct span at = { &src, 23, 9 };

	(void)state;
	diag_error(&d, &at, "unknown ct state \"%.*s\"", 9, src.text + at.off);
	diag_hint(&d, "did you mean \"established\"?");
	assert_string_equal(text_str(&d.text),
			    "r.nft:2:11: unknown ct state \"establish\"\n"
			    "    \tct state establish accept\n"
			    "    \t         ^^^^^^^^^\n"
			    "did you mean \"established\"?\n");
	assert_int_equal(d.errors, 1);
	diag_fini(&d);
}

static void an_error_at_the_end_points_behind_the_last_byte(void **state)
{
	struct source src = source_of("x", "add rule");
	struct diag d = DIAG_INIT;
	struct span at = { &src, 8, 0 };

	(void)state;
	diag_error(&d, &at, "expected a table");
	assert_string_equal(text_str(&d.text), "x:1:9: expected a table\n"
					       "    add rule\n"
					       "            ^\n");
	diag_fini(&d);
}

static void carets_stay_on_the_first_line_of_a_long_span(void **state)
{
	struct source src = source_of("x", "ab\ncd\n");
	struct diag d = DIAG_INIT;
	struct span at = { &src, 1, 4 };

	(void)state;
	diag_error(&d, &at, "no");
	assert_string_equal(text_str(&d.text), "x:1:2: no\n    ab\n     ^\n");
	diag_fini(&d);
}

static void bytes_that_are_not_printable_never_reach_the_terminal(void **state)
{
	struct source src = source_of("x", "a\033[31mb");
	struct diag d = DIAG_INIT;
	struct span at = { &src, 0, 1 };

	(void)state;
	diag_error(&d, &at, "no");
	assert_null(strchr(text_str(&d.text), '\033'));
	diag_fini(&d);
}

static void only_the_first_errors_are_shown_and_all_are_counted(void **state)
{
	struct diag d = DIAG_INIT;
	unsigned lines = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		diag_error(&d, NULL, "error");
	for (const char *p = text_str(&d.text); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, DIAG_MAX_SHOWN);
	assert_int_equal(d.errors, 100);
	diag_fini(&d);
}

static void an_included_file_names_who_included_it(void **state)
{
	struct source outer = source_of("outer", "x\ninclude \"inner\"\n");
	struct source inner = source_of("inner", "bad\n");
	struct diag d = DIAG_INIT;
	struct span at = { &inner, 0, 3 };

	(void)state;
	inner.parent = &outer;
	inner.parent_off = 2;
	diag_error(&d, &at, "no");
	assert_string_equal(text_str(&d.text), "included from outer:2:1:\n"
					       "inner:1:1: no\n    bad\n    ^^^\n");
	diag_fini(&d);
}

static void misspelt_words_find_their_neighbours(void **state)
{
	static const char *const words[] = { "established", "related",	 "new",
					     "invalid",	    "untracked", NULL };
	static const struct {
		const char *word, *meant;
	} rows[] = {
		{ "establish", "established" }, { "esatblished", "established" },
		{ "relatd", "related" },        { "realted", "related" },
		{ "nwe", "new" },               { "invalide", "invalid" },
		{ "accept", NULL },             { "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *s = suggest(rows[i].word, strlen(rows[i].word), words);

		if (rows[i].meant) {
			assert_non_null(s);
			assert_string_equal(s, rows[i].meant);
		} else {
			assert_null(s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_shows_place_line_and_carets),
		cmocka_unit_test(an_error_at_the_end_points_behind_the_last_byte),
		cmocka_unit_test(carets_stay_on_the_first_line_of_a_long_span),
		cmocka_unit_test(bytes_that_are_not_printable_never_reach_the_terminal),
		cmocka_unit_test(only_the_first_errors_are_shown_and_all_are_counted),
		cmocka_unit_test(an_included_file_names_who_included_it),
		cmocka_unit_test(misspelt_words_find_their_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
