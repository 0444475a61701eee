/* Tests of the reasons' table: every row has a name and a help, and none twice. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ctfw/reason.h"

static void every_reason_has_a_name_of_its_own_and_a_help(void **state)
{
	(void)state;
	for (int r = REASON_NONE; r < REASON_COUNT; r++) {
		const char *name = reason_name(r);

		assert_true(name[0] != '\0' && reason_help(r)[0] != '\0');
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		for (int other = REASON_NONE; other < r; other++)
			assert_string_not_equal(name, reason_name(other));
	}
}

static void a_number_that_is_no_reason_reads_as_none(void **state)
{
	(void)state;
	assert_string_equal(reason_name(REASON_NONE), "none");
	assert_string_equal(reason_name(REASON_COUNT), "none");
	assert_string_equal(reason_name((enum reason)-1), "none");
	assert_non_null(reason_help((enum reason)-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_name_of_its_own_and_a_help),
		cmocka_unit_test(a_number_that_is_no_reason_reads_as_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
