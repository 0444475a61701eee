/* What zones differ from UTC by. */
#include <stdlib.h>
#include <time.h>

#include "ctfw/localzone.h"
#include "unit/test.h"

static void a_change_holds_from_its_second_on(void **state)
{
	static const struct zone z = {
		.now = 7200, .before = 3600, .n = 3,
		.changes = { { 1000, 7200 }, { 2000, 3600 }, { 3000, -1800 } },
	};

	(void)state;
	assert_int_equal(zone_offset(&z, -5), 3600);
	assert_int_equal(zone_offset(&z, 999), 3600);
	assert_int_equal(zone_offset(&z, 1000), 7200);
	assert_int_equal(zone_offset(&z, 1999), 7200);
	assert_int_equal(zone_offset(&z, 2000), 3600);
	assert_int_equal(zone_offset(&z, 3000), -1800);
	assert_int_equal(zone_offset(&z, INT64_MAX), -1800);
	assert_int_equal(zone_now(&z), 7200);
}

static void no_zone_is_utc(void **state)
{
	static const struct zone utc;

	(void)state;
	assert_int_equal(zone_offset(NULL, 1000), 0);
	assert_int_equal(zone_now(NULL), 0);
	assert_int_equal(zone_offset(&utc, 1000), 0);
}

static void the_zone_of_the_process_is_what_its_clock_says(void **state)
{
	static const char *const zones[] = { "UTC", "UTC-5:45", "CET-1CEST,M3.5.0,M10.5.0/3",
					     "NST3:30NDT,M3.2.0,M11.1.0", "Africa/Casablanca",
					     "Pacific/Apia", "Europe/London" };
	static struct zone z;

	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		setenv("TZ", zones[i], 1);
		localzone_read(&z);
		/* A step that meets every hour of the day. */
		for (time_t t = 0; t < 4102444800; t += 91 * 3599) {
			struct tm tm;

			assert_non_null(localtime_r(&t, &tm));
			assert_int_equal(zone_offset(&z, t), tm.tm_gmtoff);
		}
		for (size_t j = 0; j < z.n; j++) {
			time_t t = (time_t)z.changes[j].at - 1;
			struct tm tm;

			assert_non_null(localtime_r(&t, &tm));
			assert_int_equal(tm.tm_gmtoff, j ? z.changes[j - 1].offset : z.before);
		}
	}
	assert_true(z.n > 250); /* London's summers */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_holds_from_its_second_on),
		cmocka_unit_test(no_zone_is_utc),
		cmocka_unit_test(the_zone_of_the_process_is_what_its_clock_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
