/* test_hostlocale.c - connlabel.conf, well written and not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctfw/hostlocale.h"
#include "unit/test.h"

static struct label_names names;

static void load(const char *text, size_t len)
{
	char path[] = "/tmp/ctfw-labels-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	assert_true(hostlocale_labels(path, &names));
	unlink(path);
}

static void expect(unsigned label, const char *name)
{
	const char *found = label_names_of(&names, label);

	if (!found || strcmp(found, name) != 0)
		fail_msg("label %u is \"%s\", not \"%s\"", label, found ? found : "", name);
}

static void a_line_is_a_number_and_a_name(void **state)
{
	static const char text[] = "# comment\n\n0\tzero\n  1 one\r\n0x10 hex # comment\n1 uno\n"
				   "010 ten\n127 last";

	(void)state;
	load(text, sizeof(text) - 1);
	assert_int_equal(names.n, 6);
	expect(0, "zero");
	expect(1, "one"); /* its first name */
	expect(16, "hex");
	expect(10, "ten");
	expect(127, "last");
	assert_int_equal(label_names_find(&names, "uno", 3), 1);
	assert_int_equal(label_names_find(&names, "un", 2), -1);
	assert_null(label_names_of(&names, 2));
}

static void what_is_no_such_line_is_passed_over(void **state)
{
	static const char text[] = "bogus line\n5\n6 # six\n-1 minus\n128 over\n4294967296 over\n"
				   "99999999999999999999999999 over\n3 \"quoted\"\n4 12\n"
				   "7seven\n1\0one\n2 t\x01wo\n9 good\n";

	(void)state;
	load(text, sizeof(text) - 1);
	assert_int_equal(names.n, 1);
	expect(9, "good");
}

static void long_names_and_lines_are_passed_over_whole(void **state)
{
	char text[2000];
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text), "1 %063d\n2 x%062d\n3 x%063d\n# %0600d 4 four\n"
			     "5 five\n", 0, 0, 0, 0);
	load(text, n);
	assert_int_equal(names.n, 2);
	assert_int_equal(strlen(label_names_of(&names, 2)), LABEL_NAME_SIZE - 1);
	expect(5, "five");
}

static void there_is_an_end_to_what_is_read(void **state)
{
	struct label_names *n = &names;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		fprintf(f, "%u name-%u\n", i % LABELS, i);
	fclose(f);
	load(text, len);
	free(text);
	assert_int_equal(n->n, LABEL_NAMES_MAX);
	expect(127, "name-127");
}

static void without_a_file_there_are_no_names(void **state)
{
	(void)state;
	names.n = 3;
	assert_false(hostlocale_labels("/nonexistent/connlabel.conf", &names));
	assert_int_equal(names.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_number_and_a_name),
		cmocka_unit_test(what_is_no_such_line_is_passed_over),
		cmocka_unit_test(long_names_and_lines_are_passed_over_whole),
		cmocka_unit_test(there_is_an_end_to_what_is_read),
		cmocka_unit_test(without_a_file_there_are_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
