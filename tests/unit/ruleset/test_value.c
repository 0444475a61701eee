/* test_value.c - types of values: text and arithmetic. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/datatype.h"
#include "unit/test.h"

static struct value parse(const struct datatype *dt, const char *text)
{
	const char *why = "";
	struct value v;

	assert_int_equal(value_parse(dt, NULL, text, &v, &why), 0);
	return v;
}

static void assert_prints(const struct datatype *dt, const char *text, unsigned flags,
			  const char *want)
{
	struct value v = parse(dt, text);
	struct text out = TEXT_INIT;

	value_print(&out, dt, &v, flags);
	assert_string_equal(text_str(&out), want);
	text_fini(&out);
}

static int refusal(const struct datatype *dt, const char *text)
{
	const char *why = NULL;
	struct value v;
	int err = value_parse(dt, NULL, text, &v, &why);

	assert_true(err != -EINVAL || why);
	return err;
}

static void every_name_of_every_selector_parses_and_prints_as_its_value(void **state)
{
	(void)state;
	for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
		const struct datatype *dt = selectors[id].type;

		assert_non_null(dt);
		assert_non_null(selectors[id].text);
		assert_true(selectors[id].depends >= DEPENDS_FLOW);
		for (const struct symbol *s = dt->symbols; s && s->name; s++) {
			struct value v = parse(dt, s->name);
			struct text out = TEXT_INIT;

			assert_true(v.num == s->value);
			value_print_whole(&out, dt, &v, PRINT_SERVICE);
			/* Aliases print as the first name, some in quotes. */
			if (!dt->quoted)
				assert_true(parse(dt, text_str(&out)).num == s->value);
			text_fini(&out);
		}
	}
}

static void names_are_for_reading_and_numbers_by_option(void **state)
{
	(void)state;
	assert_prints(&datatype_inet_proto, "TCP", 0, "tcp");
	assert_prints(&datatype_inet_proto, "icmpv6", 0, "ipv6-icmp");
	assert_prints(&datatype_inet_proto, "comp", 0, "ipcomp");
	assert_prints(&datatype_inet_proto, "tcp", PRINT_NUMERIC_PROTO, "6");
	assert_prints(&datatype_inet_proto, "tcp", PRINT_NUMERIC, "6");
	assert_prints(&datatype_inet_service, "ssh", 0, "22");
	assert_prints(&datatype_inet_service, "www", PRINT_SERVICE, "\"http\"");
	assert_prints(&datatype_ct_state, "0x2", 0, "established");
	assert_prints(&datatype_ct_state, "0x2", PRINT_NUMERIC, "0x2");
	assert_prints(&datatype_ct_state, "0x106", 0, "established | related | 0x100");
	assert_prints(&datatype_mark, "16", 0, "0x00000010");
	assert_prints(&datatype_ether_type, "vlan", 0, "8021q");
	assert_prints(&datatype_ether_type, "0x12", 0, "0x0012");
	assert_prints(&datatype_integer32, "0x10", 0, "16");
}

static void interface_names_have_wildcards_and_plain_asterisks(void **state)
{
	(void)state;
	assert_prints(&datatype_ifname, "eth0", 0, "\"eth0\"");
	assert_prints(&datatype_ifname, "eth*", 0, "\"eth*\"");
	assert_prints(&datatype_ifname, "eth\\*", 0, "\"eth\\*\"");
	assert_true(parse(&datatype_ifname, "eth*").str.wildcard);
	assert_false(parse(&datatype_ifname, "eth\\*").str.wildcard);
	assert_string_equal(parse(&datatype_ifname, "eth\\*").str.s, "eth*");
	assert_int_equal(refusal(&datatype_ifname, ""), -EINVAL);
	assert_int_equal(refusal(&datatype_ifname, "*"), -EINVAL);
	assert_int_equal(refusal(&datatype_ifname, "sixteen-letters-"), -ERANGE);
	assert_int_equal(refusal(&datatype_ifname, "fifteen-letters*"), -ERANGE);
	parse(&datatype_ifname, "fifteen-letters");
}

static void what_is_no_value_is_refused_with_a_reason(void **state)
{
	(void)state;
	assert_int_equal(refusal(&datatype_inet_service, "65536"), -ERANGE);
	assert_int_equal(refusal(&datatype_inet_service, "nosuch"), -ENOENT);
	assert_int_equal(refusal(&datatype_integer8, "256"), -ERANGE);
	assert_int_equal(refusal(&datatype_integer8, "-1"), -ENOENT);
	assert_int_equal(refusal(&datatype_integer32, "99999999999999999999"), -ENOENT);
	assert_int_equal(refusal(&datatype_ipv4_addr, "::1"), -EINVAL);
	assert_int_equal(refusal(&datatype_ipv4_addr, "1.2.3"), -EINVAL);
	assert_int_equal(refusal(&datatype_ipv4_addr, "4294967296"), -ERANGE);
	assert_int_equal(refusal(&datatype_ipv6_addr, "1.2.3.4"), -EINVAL);
}

static void masks_of_upper_bits_have_a_length(void **state)
{
	static const struct datatype *const types[] = { &datatype_integer8, &datatype_mark,
							&datatype_ipv4_addr,
							&datatype_ipv6_addr };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (unsigned len = 0; len <= types[i]->bits; len++) {
			struct value mask = value_mask(types[i], len);

			assert_int_equal(value_mask_len(types[i], &mask), len);
			assert_int_equal(value_is_zero(types[i], &mask), len == 0);
			assert_int_equal(value_is_ones(types[i], &mask), len == types[i]->bits);
		}
	}
	assert_int_equal(value_mask_len(&datatype_mark, &(struct value){ .num = 5 }), -1);
}

static void the_next_value_carries_and_ends(void **state)
{
	struct value v = parse(&datatype_ipv4_addr, "10.0.255.255"), n;

	(void)state;
	assert_true(value_next(&datatype_ipv4_addr, &v, &n));
	v = parse(&datatype_ipv4_addr, "10.1.0.0");
	assert_int_equal(value_cmp(&datatype_ipv4_addr, &n, &v), 0);
	v = parse(&datatype_ipv4_addr, "255.255.255.255");
	assert_false(value_next(&datatype_ipv4_addr, &v, &n));
	v = parse(&datatype_ipv6_addr, "::ffff:ffff:ffff:ffff");
	assert_true(value_next(&datatype_ipv6_addr, &v, &n));
	v = parse(&datatype_ipv6_addr, "0:0:0:1::");
	assert_int_equal(value_cmp(&datatype_ipv6_addr, &n, &v), 0);
	assert_false(value_next(&datatype_integer8, &(struct value){ .num = 255 }, &n));
}

static void operations_are_cut_to_the_width(void **state)
{
	struct value a = { .num = 0x81 }, b = { .num = 1 };

	(void)state;
	assert_int_equal(value_op(&datatype_integer8, EXPR_LSHIFT, &a, &b).num, 0x02);
	assert_int_equal(value_op(&datatype_integer8, EXPR_RSHIFT, &a, &b).num, 0x40);
	assert_int_equal(value_op(&datatype_integer8, EXPR_XOR, &a, &b).num, 0x80);
	b.num = 64;
	assert_int_equal(value_op(&datatype_mark, EXPR_LSHIFT, &a, &b).num, 0);
}

static void a_wildcard_covers_what_begins_with_it(void **state)
{
	struct value eth = parse(&datatype_ifname, "eth*"), e = parse(&datatype_ifname, "e*"),
		     eth0 = parse(&datatype_ifname, "eth0"),
		     wg = parse(&datatype_ifname, "wg0");

	(void)state;
	assert_true(value_str_covers(&eth, &eth0));
	assert_true(value_str_covers(&e, &eth));
	assert_true(value_str_covers(&eth0, &eth0));
	assert_false(value_str_covers(&eth, &e));
	assert_false(value_str_covers(&eth, &wg));
	assert_false(value_str_covers(&eth0, &eth));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_of_every_selector_parses_and_prints_as_its_value),
		cmocka_unit_test(names_are_for_reading_and_numbers_by_option),
		cmocka_unit_test(interface_names_have_wildcards_and_plain_asterisks),
		cmocka_unit_test(what_is_no_value_is_refused_with_a_reason),
		cmocka_unit_test(masks_of_upper_bits_have_a_length),
		cmocka_unit_test(the_next_value_carries_and_ends),
		cmocka_unit_test(operations_are_cut_to_the_width),
		cmocka_unit_test(a_wildcard_covers_what_begins_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
