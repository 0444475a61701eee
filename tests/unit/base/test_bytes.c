/* Text, cursor and hash. */
#include <string.h>

#include "ctfw/cursor.h"
#include "ctfw/siphash.h"
#include "ctfw/text.h"
#include "unit/test.h"

static void text_grows_over_any_length(void **state)
{
	struct text t = TEXT_INIT;

	(void)state;
	assert_string_equal(text_str(&t), "");
	for (int i = 0; i < 10000; i++)
		text_printf(&t, "%d,", i % 10);
	assert_int_equal(t.len, 20000);
	assert_int_equal(strlen(text_str(&t)), 20000);
	text_clear(&t);
	assert_string_equal(text_str(&t), "");
	text_fini(&t);
}

static void a_cursor_that_failed_gives_zeroes_for_ever(void **state)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_be16(&c), 0x0203);
	assert_false(c.failed);
	assert_int_equal(cursor_be32(&c), 0x04050607);
	assert_int_equal(cursor_left(&c), 0);
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(c.failed);
	c = cursor_of(bytes, 3);
	assert_int_equal(cursor_be32(&c), 0);
	assert_true(c.failed);
	assert_int_equal(cursor_u8(&c), 0);
}

/* SipHash-1-3 of 00 01 02 ... under the key 00 01 .. 0f, from the authors' vectors as the
 * Rust and Python implementations check them. */
static void siphash_gives_words_and_bytes_the_same_hash(void **state)
{
	const struct siphash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint64_t words[5];
	uint8_t bytes[40];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	memcpy(words, bytes, sizeof(words));
	for (size_t n = 0; n <= 5; n++)
		assert_true(siphash_words(&key, words, n) == siphash_bytes(&key, bytes, 8 * n));
	assert_true(siphash_bytes(&key, bytes, 0) == 0xabac0158050fc4dcULL);
	assert_true(siphash_bytes(&key, bytes, 1) == 0xc9f49bf37d57ca93ULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows_over_any_length),
		cmocka_unit_test(a_cursor_that_failed_gives_zeroes_for_ever),
		cmocka_unit_test(siphash_gives_words_and_bytes_the_same_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
