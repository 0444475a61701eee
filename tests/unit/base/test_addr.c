/* Addresses and prefixes. */
#include <errno.h>

#include "ctfw/addr.h"
#include "unit/test.h"

static void addresses_print_as_they_were_written(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "10.8.0.1", "255.255.255.255", "::",
					     "::1", "fd08::2", "2001:db8::8:800:200c:417a" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		union addr a;
		uint8_t family;
		char buf[ADDR_TEXT];

		assert_int_equal(addr_parse(texts[i], &family, &a), 0);
		assert_string_equal(addr_print(family, &a, buf), texts[i]);
	}
}

static void what_is_no_address_is_refused_and_changes_nothing(void **state)
{
	static const char *const texts[] = { "", "10.8.0", "10.8.0.256", "fd08::g", "wg0",
					     "10.8.0.1 " };
	union addr a = { .w = { 7 } };
	uint8_t family = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(addr_parse(texts[i], &family, &a), -EINVAL);
	assert_int_equal(family, 99);
	assert_int_equal(a.w[0], 7);
}

static void prefixes_hold_their_addresses_to_the_bit(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} rows[] = {
		{ "10.8.0.0/24", "10.8.0.255", true },   { "10.8.0.0/24", "10.8.1.0", false },
		{ "10.8.0.0/23", "10.8.1.255", true },   { "10.8.0.0/23", "10.8.2.0", false },
		{ "0.0.0.0/0", "1.2.3.4", true },        { "0.0.0.0/0", "::", false },
		{ "10.8.0.1", "10.8.0.1", true },        { "10.8.0.1", "10.8.0.0", false },
		{ "fd08::/64", "fd08::ffff:1", true },   { "fd08::/64", "fd08:0:0:1::", false },
		{ "fd08::/63", "fd08:0:0:1::", true },   { "::/0", "::1", true },
		{ "128.0.0.0/1", "127.0.0.1", false },   { "128.0.0.0/1", "200.0.0.1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct prefix p;
		union addr a;
		uint8_t family;
		char buf[PREFIX_TEXT];

		assert_int_equal(prefix_parse(rows[i].prefix, &p), 0);
		assert_string_equal(prefix_print(&p, buf), rows[i].prefix);
		assert_int_equal(addr_parse(rows[i].addr, &family, &a), 0);
		assert_int_equal(prefix_contains(&p, family, &a), rows[i].inside);
	}
}

static void prefixes_with_host_bits_or_bad_lengths_are_refused(void **state)
{
	static const char *const texts[] = { "10.8.0.1/24", "10.8.0.0/33", "10.8.0.0/",
					     "10.8.0.0/-1",
					     "10.8.0.0/ 24", "fd08::/129", "fd08::1/64", "/24",
					     "10.8.0.0/24x" };
	struct prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(prefix_parse(texts[i], &p), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_print_as_they_were_written),
		cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
		cmocka_unit_test(prefixes_hold_their_addresses_to_the_bit),
		cmocka_unit_test(prefixes_with_host_bits_or_bad_lengths_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
