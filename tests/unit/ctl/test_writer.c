/* Columns and human units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ctl/writer.h"

static void columns_stand_under_each_other(void **state)
{
	struct columns c;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	columns_init(&c, "lrl");
	columns_row(&c, "rule", "7", "a rule");
	columns_row(&c, "policy", "12345", "");
	columns_row(&c, "x", "", "last");
	columns_print(&c, out, 2);
	fclose(out);
	assert_string_equal(text, "  rule        7  a rule\n"
				  "  policy  12345  \n"
				  "  x              last\n");
	free(text);
}

static void many_rows_are_kept(void **state)
{
	struct columns c;
	char *text = NULL, n[UNIT_TEXT];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	columns_init(&c, "r");
	for (unsigned i = 0; i < 1000; i++)
		columns_row(&c, unit_count(i, n));
	columns_print(&c, out, 0);
	fclose(out);
	assert_int_equal(len, 4000);
	free(text);
}

static void bytes_are_told_in_three_digits(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },           { 999, "999 B" },           { 1000, "1.0 kB" },
		{ 9949, "9.9 kB" },     { 9951, "10 kB" },          { 999499, "999 kB" },
		{ 999501, "1.0 MB" },   { 1234567890, "1.2 GB" },   { UINT64_MAX, "18 EB" },
	};
	char buf[UNIT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(unit_bytes(cases[i].bytes, buf), cases[i].text);
}

static void durations_are_told_in_two_units(void **state)
{
	char buf[UNIT_TEXT];

	(void)state;
	assert_string_equal(unit_duration(0, buf), "0 s");
	assert_string_equal(unit_duration(59, buf), "59 s");
	assert_string_equal(unit_duration(184, buf), "3 min 4 s");
	assert_string_equal(unit_duration(18360, buf), "5 h 6 min");
	assert_string_equal(unit_duration(7 * 86400 + 8 * 3600 + 59, buf), "7 d 8 h");
}

static void times_are_local_and_none_is_a_dash(void **state)
{
	char buf[UNIT_TEXT];

	(void)state;
	setenv("TZ", "UTC", 1);
	assert_string_equal(unit_time(1700000000.9, buf), "2023-11-14 22:13:20");
	assert_string_equal(unit_time(0, buf), "-");
	assert_string_equal(unit_time(-5, buf), "-");
	assert_string_equal(unit_time(1e300, buf), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_stand_under_each_other),
		cmocka_unit_test(many_rows_are_kept),
		cmocka_unit_test(bytes_are_told_in_three_digits),
		cmocka_unit_test(durations_are_told_in_two_units),
		cmocka_unit_test(times_are_local_and_none_is_a_dash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
