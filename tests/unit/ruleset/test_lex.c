/* test_lex.c - ruleset text to tokens. */
#include "ruleset/lex.h"

#include <errno.h>
#include <string.h>

#include "unit/test.h"

static struct lex lx;

static int setup(void **state)
{
	(void)state;
	lex_init(&lx);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lex_fini(&lx);
	return 0;
}

static void push(const char *text)
{
	assert_int_equal(lex_push(&lx, "t", text, strlen(text), NULL), 0);
}

static void expect(enum token_kind kind, const char *s)
{
	struct token t = lex_next(&lx);

	assert_int_equal(t.kind, kind);
	assert_int_equal(t.len, strlen(s));
	assert_memory_equal(t.s, s, t.len);
}

static void the_longest_reading_wins(void **state)
{
	(void)state;
	push("eth0.5-a/b 22 0x10 1.2.3.4 1.2.3 ::1 dead:beef::1 aa:bb:cc:dd:ee:ff eth* a\\* "
	     "10-20");
	expect(TOKEN_WORD, "eth0.5-a/b");
	expect(TOKEN_NUMBER, "22");
	expect(TOKEN_NUMBER, "0x10");
	expect(TOKEN_ADDR4, "1.2.3.4");
	expect(TOKEN_NUMBER, "1");
	expect(TOKEN_WORD, ".2.3");
	expect(TOKEN_ADDR6, "::1");
	expect(TOKEN_ADDR6, "dead:beef::1");
	expect(TOKEN_MAC, "aa:bb:cc:dd:ee:ff");
	expect(TOKEN_GLOB, "eth*");
	expect(TOKEN_GLOB, "a\\*");
	expect(TOKEN_NUMBER, "10");
	expect(TOKEN_PUNCT, "-");
	expect(TOKEN_NUMBER, "20");
	expect(TOKEN_END, "");
}

static void times_are_words(void **state)
{
	(void)state;
	push("30s 1d2h3m4s5ms 1h30m 5m 5ms 3m1h 10 12d::1 1sx");
	expect(TOKEN_WORD, "30s");
	expect(TOKEN_WORD, "1d2h3m4s5ms");
	expect(TOKEN_WORD, "1h30m");
	expect(TOKEN_WORD, "5m");
	expect(TOKEN_WORD, "5ms");
	expect(TOKEN_WORD, "3m");
	expect(TOKEN_WORD, "1h");
	expect(TOKEN_NUMBER, "10");
	expect(TOKEN_ADDR6, "12d::1");
	expect(TOKEN_WORD, "1s");
	expect(TOKEN_WORD, "x");
	expect(TOKEN_END, "");
}

static void what_begins_alike_is_told_by_what_follows(void **state)
{
	(void)state;
	push("1000/second 80-90 17:00 cafe:1 cafe cafe::1 face-b 1.2.3.4/8 1.2.3.4.5 1:: 8021q "
	     "8021ad.5 8021x 12ab .5 . : fe80::* fe80* ab\\* .x*");
	expect(TOKEN_NUMBER, "1000");
	expect(TOKEN_PUNCT, "/");
	expect(TOKEN_WORD, "second");
	expect(TOKEN_NUMBER, "80");
	expect(TOKEN_PUNCT, "-");
	expect(TOKEN_NUMBER, "90");
	expect(TOKEN_WORD, "17:00");
	expect(TOKEN_WORD, "cafe:1");
	expect(TOKEN_WORD, "cafe");
	expect(TOKEN_ADDR6, "cafe::1");
	expect(TOKEN_WORD, "face-b");
	expect(TOKEN_ADDR4, "1.2.3.4");
	expect(TOKEN_PUNCT, "/");
	expect(TOKEN_NUMBER, "8");
	expect(TOKEN_ADDR4, "1.2.3.4");
	expect(TOKEN_WORD, ".5");
	expect(TOKEN_ADDR6, "1::");
	expect(TOKEN_WORD, "8021q");
	expect(TOKEN_WORD, "8021ad");
	expect(TOKEN_WORD, ".5");
	expect(TOKEN_NUMBER, "8021");
	expect(TOKEN_WORD, "x");
	expect(TOKEN_NUMBER, "12");
	expect(TOKEN_WORD, "ab");
	expect(TOKEN_WORD, ".5");
	expect(TOKEN_PUNCT, ".");
	expect(TOKEN_PUNCT, ":");
	expect(TOKEN_ADDR6, "fe80::");
	expect(TOKEN_PUNCT, "*");
	expect(TOKEN_GLOB, "fe80*");
	expect(TOKEN_GLOB, "ab\\*");
	expect(TOKEN_GLOB, ".x*");
	expect(TOKEN_END, "");
}

static void numbers_are_read_as_strtoull_reads_them(void **state)
{
	(void)state;
	push("010 0xff 0 9999999999999999999 18446744073709551615 18446744073709551616");
	assert_int_equal(lex_next(&lx).number, 8);
	assert_int_equal(lex_next(&lx).number, 255);
	assert_int_equal(lex_next(&lx).number, 0);
	assert_true(lex_next(&lx).number == UINT64_C(9999999999999999999));
	assert_true(lex_next(&lx).number == UINT64_MAX);
	expect(TOKEN_WORD, "18446744073709551616");
}

static void lines_end_but_not_behind_a_backslash_or_in_a_comment(void **state)
{
	(void)state;
	push("a \\\n b # c ; d\n;e");
	expect(TOKEN_WORD, "a");
	expect(TOKEN_WORD, "b");
	expect(TOKEN_NEWLINE, "\n");
	expect(TOKEN_NEWLINE, ";");
	expect(TOKEN_WORD, "e");
	expect(TOKEN_END, "");
	expect(TOKEN_END, "");
}

static void operators_of_two_characters_are_one_token(void **state)
{
	static const int want[] = { PUNCT_EQ,	  PUNCT_NE, PUNCT_LE, PUNCT_GE, PUNCT_LSHIFT,
				    PUNCT_RSHIFT, '<',	    '=',      '!' };

	(void)state;
	push("==!=<=>=<<>>< = !");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct token t = lex_next(&lx);

		assert_int_equal(t.kind, TOKEN_PUNCT);
		assert_int_equal(t.punct, want[i]);
	}
}

static void a_string_without_its_end_is_bad(void **state)
{
	(void)state;
	push("\"a b\" \"c");
	expect(TOKEN_STRING, "a b");
	assert_int_equal(lex_next(&lx).kind, TOKEN_BAD);
}

static void an_included_text_is_read_before_its_parent_goes_on(void **state)
{
	struct token t;

	(void)state;
	push("a b");
	t = lex_next(&lx);
	assert_int_equal(lex_push(&lx, "u", "x", 1, &t.span), 0);
	expect(TOKEN_WORD, "x");
	expect(TOKEN_NEWLINE, "");
	expect(TOKEN_WORD, "b");
	expect(TOKEN_END, "");
}

static void includes_are_bounded_in_depth_even_at_the_end_of_files(void **state)
{
	struct token t;
	unsigned levels = 0;

	(void)state;
	push("a");
	t = lex_next(&lx);
	while (lex_push(&lx, "u", "a", 1, &t.span) == 0) {
		t = lex_next(&lx);
		lex_next(&lx); /* its end: the stack is as deep as before */
		levels++;
		assert_true(levels <= LEX_DEPTH);
	}
	assert_int_equal(levels, LEX_DEPTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(the_longest_reading_wins),
		TEST(times_are_words),
		TEST(what_begins_alike_is_told_by_what_follows),
		TEST(numbers_are_read_as_strtoull_reads_them),
		TEST(lines_end_but_not_behind_a_backslash_or_in_a_comment),
		TEST(operators_of_two_characters_are_one_token),
		TEST(a_string_without_its_end_is_bad),
		TEST(an_included_text_is_read_before_its_parent_goes_on),
		TEST(includes_are_bounded_in_depth_even_at_the_end_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
