/* JSON texts: what is read, what is refused, and where a value stands. */
#include <errno.h>
#include <stdio.h>

#include "ruleset/document.h"
#include "unit/test.h"

static struct source src;
static struct diag diag;
static struct document doc;

static int read_text(const char *text)
{
	diag_fini(&diag);
	document_fini(&doc);
	src = (struct source){ .name = "x", .text = (char *)text, .len = strlen(text) };
	return document_read(&doc, &src, &diag);
}

static void refused(const char *text, const char *why, uint32_t column)
{
	char at[16];

	assert_int_equal(read_text(text), -EINVAL);
	assert_non_null(strstr(text_str(&diag.text), why));
	snprintf(at, sizeof(at), "x:1:%u: ", column);
	assert_non_null(strstr(text_str(&diag.text), at));
}

static int finish(void **state)
{
	(void)state;
	diag_fini(&diag);
	document_fini(&doc);
	return 0;
}

static void members_and_items_are_found_in_their_order(void **state)
{
	const struct node *a;

	(void)state;
	assert_int_equal(
		read_text(" { \"a\" : [ 1, -2, \"x\", true,false , null ], \"b\":{} } "), 0);
	a = node_get(doc.nodes, "a");
	assert_int_equal(node_count(a), 6);
	assert_int_equal(a[1].number, 1);
	assert_true(a[2].negative && a[2].number == 2);
	assert_true(node_is(&a[3], "x"));
	assert_int_equal(a[4].kind, NODE_TRUE);
	assert_int_equal(a[5].kind, NODE_FALSE);
	assert_int_equal(a[6].kind, NODE_NULL);
	assert_string_equal(node_next(a)->key, "b");
	assert_int_equal(node_count(node_get(doc.nodes, "b")), 0);
	assert_null(node_get(doc.nodes, "c"));
	assert_null(node_get(a, "b"));
}

static void the_last_member_of_a_name_counts(void **state)
{
	(void)state;
	assert_int_equal(read_text("{\"a\": 1, \"a\": 2}"), 0);
	assert_int_equal(node_get(doc.nodes, "a")->number, 2);
}

static void escapes_become_their_characters(void **state)
{
	(void)state;
	assert_int_equal(
		read_text("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u00e9\\u20AC\\ud83d\\ude00\"]"),
		0);
	assert_string_equal(doc.nodes[1].s, "\"\\/\b\f\n\r\t");
	assert_string_equal(doc.nodes[2].s, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void strings_that_are_no_text_are_refused(void **state)
{
	(void)state;
	refused("[\"\\u0000\"]", "a NUL", 9);
	refused("[\"\\ud83d\"]", "surrogate", 9);
	refused("[\"\\ud83d\\u0041\"]", "surrogate", 15);
	refused("[\"\\x\"]", "no such escape", 4);
	refused("[\"\xff\"]", "UTF-8", 3);
	refused("[\"\xc0\x80\"]", "UTF-8", 3);
	refused("[\"a\tb\"]", "control character", 4);
	refused("[\"abc]", "closing quote", 2);
	refused("[\"abc\\\"]", "closing quote", 2);
}

static void numbers_keep_64_bits(void **state)
{
	(void)state;
	assert_int_equal(read_text("[9223372036854775807, -9223372036854775808, 1.5, 1e3, 0]"),
			 0);
	assert_int_equal(doc.nodes[1].kind, NODE_INTEGER);
	assert_int_equal(doc.nodes[1].number, INT64_MAX);
	assert_int_equal(doc.nodes[2].kind, NODE_INTEGER);
	assert_true(doc.nodes[2].negative);
	assert_int_equal(doc.nodes[2].number, (uint64_t)INT64_MAX + 1);
	assert_int_equal(doc.nodes[3].kind, NODE_REAL);
	assert_int_equal(doc.nodes[4].kind, NODE_REAL);
	assert_int_equal(doc.nodes[5].kind, NODE_INTEGER);
	refused("[01]", "leading zero", 2);
	refused("[-]", "digit", 3);
	refused("[1.]", "digit", 4);
	refused("[9223372036854775808]", "more than 64 bits", 2);
	refused("[-9223372036854775809]", "more than 64 bits", 3);
	refused("[18446744073709551616]", "more than 64 bits", 2);
}

static void what_is_no_json_is_refused_at_its_place(void **state)
{
	(void)state;
	refused("", "a value is expected", 1);
	refused("[1,]", "a value is expected", 4);
	refused("[1 2]", "\",\" or \"]\"", 4);
	refused("{\"a\" 1}", "\":\"", 6);
	refused("{a: 1}", "in quotes", 2);
	refused("[] []", "behind its end", 4);
	refused("[nul]", "a value is expected", 2);
}

static void depth_has_a_bound(void **state)
{
	char text[2 * DOCUMENT_DEPTH + 4];

	(void)state;
	memset(text, '[', DOCUMENT_DEPTH);
	memset(text + DOCUMENT_DEPTH, ']', DOCUMENT_DEPTH);
	text[2 * DOCUMENT_DEPTH] = '\0';
	assert_int_equal(read_text(text), 0);
	memset(text, '[', DOCUMENT_DEPTH + 1);
	memset(text + DOCUMENT_DEPTH + 1, ']', DOCUMENT_DEPTH + 1);
	text[2 * DOCUMENT_DEPTH + 2] = '\0';
	refused(text, "128 levels", DOCUMENT_DEPTH + 1);
}

static void a_place_has_a_path(void **state)
{
	static const struct {
		const char *at, *path;
	} rows[] = {
		{ "first", "nftables[0].add" }, { "second", "nftables[1].add.x[2]" },
		{ "third", "nftables[1].add.y" }, { "x\":", "nftables[1].add.x" },
	};
	static const char text[] =
		"{\"nftables\": [{\"add\": \"first\"}, {\"add\": {\"x\": [1, "
		"{\"z\": [\"a,]}\"]}, \"second\"], \"y\": \"third\"}}]}";

	(void)state;
	assert_int_equal(read_text(text), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text path = TEXT_INIT;

		document_path(&src, (uint32_t)(strstr(text, rows[i].at) - text), &path);
		assert_string_equal(text_str(&path), rows[i].path);
		text_fini(&path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(members_and_items_are_found_in_their_order, finish),
		cmocka_unit_test_teardown(the_last_member_of_a_name_counts, finish),
		cmocka_unit_test_teardown(escapes_become_their_characters, finish),
		cmocka_unit_test_teardown(strings_that_are_no_text_are_refused, finish),
		cmocka_unit_test_teardown(numbers_keep_64_bits, finish),
		cmocka_unit_test_teardown(what_is_no_json_is_refused_at_its_place, finish),
		cmocka_unit_test_teardown(depth_has_a_bound, finish),
		cmocka_unit_test_teardown(a_place_has_a_path, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
