/* Tests of reading strangers' text: each piece is in memory of exactly its size, so that a
 * sanitizer sees who reads on. */
#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "conntrack/scan.h"

/* The text as a cursor over a copy without a NUL. */
struct piece {
	uint8_t *bytes;
	struct cursor c;
};

static struct piece piece_of(const char *text)
{
	size_t len = strlen(text);
	struct piece p = { .bytes = malloc(len ? len : 1) };

	assert_non_null(p.bytes);
	memcpy(p.bytes, text, len);
	p.c = cursor_of(p.bytes, len);
	return p;
}

/* What is left of it must be this. */
static void left(struct piece *p, const char *text)
{
	assert_int_equal(cursor_left(&p->c), strlen(text));
	assert_memory_equal(p->c.p, text, strlen(text));
	free(p->bytes);
}

static void a_word_is_taken_whatever_its_letters_case(void **state)
{
	struct piece p = piece_of("pOrT 1");

	(void)state;
	assert_false(scan_word(&p.c, "PORTS"));
	assert_true(scan_word(&p.c, "PORT"));
	left(&p, " 1");
	p = piece_of("POR");
	assert_false(scan_word(&p.c, "PORT"));
	assert_true(scan_may_be(&p.c, "PORT"));
	assert_false(scan_may_be(&p.c, "PASV"));
	assert_true(scan_may_be(&p.c, "PO"));
	left(&p, "POR");
	/* Only letters have a case. */
	p = piece_of("{");
	assert_false(scan_word(&p.c, "["));
	left(&p, "{");
}

static void bytes_are_found_or_nothing_is_taken(void **state)
{
	struct piece p = piece_of("ab c");

	(void)state;
	assert_false(scan_byte(&p.c, 'b'));
	assert_false(scan_past(&p.c, 'x'));
	assert_true(scan_past(&p.c, ' '));
	assert_true(scan_byte(&p.c, 'c'));
	assert_false(scan_byte(&p.c, 'c'));
	assert_false(scan_past(&p.c, 'c'));
	assert_int_equal(scan_peek(&p.c), -1);
	left(&p, "");
	p = piece_of("\xff");
	assert_int_equal(scan_peek(&p.c), 0xff);
	assert_true(scan_byte(&p.c, '\xff'));
	left(&p, "");
}

static void letters_are_latin_1s(void **state)
{
	static const char letters[] = "azAZ\xc0\xff\xe9";
	static const char others[] = "@[`{09 \xd7\xf7\xbf\x80";

	(void)state;
	for (const char *c = letters; *c; c++)
		assert_true(scan_is_letter((uint8_t)*c));
	for (const char *c = others; *c; c++)
		assert_false(scan_is_letter((uint8_t)*c));
	assert_false(scan_is_letter(-1));
}

static void numbers_wrap_and_need_a_digit(void **state)
{
	static const struct {
		const char *text;
		bool is;
		uint32_t value;
		const char *left;
	} rows[] = {
		{ "12a", true, 12, "a" }, { "007", true, 7, "" }, { "", false, 0, "" },
		{ "-1", false, 0, "-1" }, { " 1", false, 0, " 1" },
		{ "4294967297", true, 1, "" }, { "4294967295", true, 4294967295, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct piece p = piece_of(rows[i].text);
		uint32_t value = 0;

		assert_int_equal(scan_number(&p.c, &value), rows[i].is);
		assert_int_equal(value, rows[i].value);
		left(&p, rows[i].left);
	}
}

static void ipv4_is_four_numbers_and_no_more(void **state)
{
	static const struct {
		const char *text, *left;
		bool is;
	} rows[] = {
		{ "10.0.1.2", "", true }, { "10.0.1.2:80", ":80", true },
		{ "10.0.1.2>", ">", true }, { "010.0.1.002 ", " ", true },
		{ "255.255.255.255x", "x", true }, { "10.0.1.2.", NULL, false },
		{ "10.0.1.2a", NULL, false }, { "10.0.1.256", NULL, false },
		{ "10.0.1", NULL, false }, { "10..1.2", NULL, false }, { "", NULL, false },
		{ "10.0.1.", NULL, false }, { "a.0.1.2", NULL, false },
		{ "4294967306.0.1.2", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct piece p = piece_of(rows[i].text);
		union addr addr = { 0 };

		assert_int_equal(scan_ipv4(&p.c, &addr), rows[i].is);
		assert_int_equal(addr.w[1] | addr.w[2] | addr.w[3], 0);
		left(&p, rows[i].is ? rows[i].left : rows[i].text);
	}
}

static void ipv6_ends_at_another_byte_or_at_the_one_that_is_told(void **state)
{
	static const struct {
		const char *text;
		char end;
		const char *left;
		bool is;
	} rows[] = {
		{ "fd00:1::2", '\0', "", true }, { "fd00:1::2]:80", ']', "]:80", true },
		{ "::1|", '|', "|", true }, { "::ffff:10.0.1.2 x", '\0', " x", true },
		{ "fd00::1a2", 'a', "a2", true }, { "fd00:1", '\0', NULL, false },
		{ "10.0.1.2", '\0', NULL, false }, { "", '\0', NULL, false },
		{ "0:0:0:0:0:0:0:0:0", '\0', NULL, false },
		{ "00000000000000000000000000000000000000000000000::1", '\0', NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct piece p = piece_of(rows[i].text);
		union addr addr;

		assert_int_equal(scan_ipv6(&p.c, rows[i].end, &addr), rows[i].is);
		left(&p, rows[i].is ? rows[i].left : rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_taken_whatever_its_letters_case),
		cmocka_unit_test(bytes_are_found_or_nothing_is_taken),
		cmocka_unit_test(letters_are_latin_1s),
		cmocka_unit_test(numbers_wrap_and_need_a_digit),
		cmocka_unit_test(ipv4_is_four_numbers_and_no_more),
		cmocka_unit_test(ipv6_ends_at_another_byte_or_at_the_one_that_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
