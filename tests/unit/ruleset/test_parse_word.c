/* test_parse_word.c - what a word may begin, of which the last answers are kept. */
#include <stdlib.h>
#include <string.h>

#include "ruleset/parse.h"
#include "unit/test.h"

static struct parser p;

static int setup(void **state)
{
	const struct ruleset_input input = { .name = "t", .text = "" };
	static struct diag d;

	(void)state;
	return parse_init(&p, &input, &d);
}

static int teardown(void **state)
{
	(void)state;
	parse_fini(&p);
	return 0;
}

static struct token word(const char *s, size_t len)
{
	return (struct token){ .kind = TOKEN_WORD, .s = s, .len = len };
}

/* A selector is found by its words, however many others were asked for meanwhile. */
static void each_selector_is_found_by_its_words_again_and_again(void **state)
{
	unsigned found = 0;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
			const char *text = selectors[id].text, *space = strchr(text, ' ');
			struct token first, second;

			/* Of two words alone, and not those that only listings write. */
			if (!space || strchr(space + 1, ' '))
				continue;
			first = word(text, (size_t)(space - text));
			second = word(space + 1, strlen(space + 1));
			if (!strncmp(text, "meta ", 5))
				assert_int_equal(parse_word(&p, &second)->meta, id);
			else
				assert_string_equal(
					selectors[parse_find_selector(&p, &first, &second)].text,
					text);
			assert_true(parse_word(&p, &first)->selector);
			assert_true(parse_selector_known(&first));
			found++;
		}
	}
	assert_true(found > 3 * 100);
}

static void words_are_what_they_are_whoever_has_their_place(void **state)
{
	static const struct {
		const char *s;
		bool selector, statement, ends_value;
		enum rule_verdict verdict;
	} words[] = {
		{ "accept", false, false, true, RULE_ACCEPT },
		{ "goto", false, false, true, RULE_GOTO },
		{ "counter", false, true, true, RULE_NONE },
		{ "snat", false, true, false, RULE_NONE },
		{ "queue", false, true, true, RULE_NONE },
		{ "comment", false, false, true, RULE_NONE },
		{ "iifname", true, false, false, RULE_NONE },
		{ "ip", true, false, false, RULE_NONE },
		{ "rt", true, false, false, RULE_NONE },
		{ "vlan", true, false, false, RULE_NONE },
		{ "nothing", false, false, false, RULE_NONE },
		{ "i", false, false, false, RULE_NONE },
		{ "a-name-that-is-longer-than-any-word-of-the-language", false, false, false,
		  RULE_NONE },
	};

	(void)state;
	for (unsigned round = 0; round < 10000; round++) {
		char other[8] = { (char)('a' + round % 26), (char)('a' + round / 26 % 26),
				  (char)('a' + round / 676 % 26) };
		const struct token t = word(other, 1 + round % 3);
		size_t i = round % (sizeof(words) / sizeof(words[0]));
		const struct token known = word(words[i].s, strlen(words[i].s));
		const struct word *w;

		parse_word(&p, &t);
		w = parse_word(&p, &known);
		assert_int_equal(w->selector, words[i].selector);
		assert_int_equal(w->statement != 0, words[i].statement);
		assert_int_equal(w->ends_value, words[i].ends_value);
		assert_int_equal(w->verdict, words[i].verdict);
	}
}

/* Which would be taken for nothing. */
static void no_word_of_the_language_is_too_long_to_be_kept(void **state)
{
	const char *words[PARSE_STATEMENTS_MAX];

	(void)state;
	for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
		const char *text = selectors[id].text;

		assert_true(strcspn(text, " ") <= sizeof(p.words[0].text));
		if (!strncmp(text, "meta ", 5))
			assert_true(strlen(text + 5) <= sizeof(p.words[0].text));
	}
	for (size_t n = parse_statement_words(words); n-- > 0;)
		assert_true(strlen(words[n]) <= sizeof(p.words[0].text));
}

static void what_is_no_word_begins_nothing(void **state)
{
	const struct token number = { .kind = TOKEN_NUMBER, .s = "1", .len = 1 };
	const struct token text = { .kind = TOKEN_STRING, .s = "accept", .len = 6 };
	const struct token empty = { .kind = TOKEN_WORD, .s = "", .len = 0 };

	(void)state;
	assert_int_equal(parse_word(&p, &number)->selector, false);
	assert_int_equal(parse_word(&p, &text)->verdict, RULE_NONE);
	assert_int_equal(parse_word(&p, &empty)->len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_selector_is_found_by_its_words_again_and_again),
		TEST(words_are_what_they_are_whoever_has_their_place),
		TEST(no_word_of_the_language_is_too_long_to_be_kept),
		TEST(what_is_no_word_begins_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
