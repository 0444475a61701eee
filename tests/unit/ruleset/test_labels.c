/* test_labels.c - names of ct labels: each client has its own. */
#include <stdio.h>

#include "unit/ruleset/language.h"

static struct locale ours, theirs;

static int setup(void **state)
{
	(void)state;
	assert_true(label_names_add(&ours.labels, 0, "zero", 4));
	assert_true(label_names_add(&ours.labels, 1, "one", 3));
	assert_true(label_names_add(&ours.labels, 1, "uno", 3));
	assert_true(label_names_add(&ours.labels, 2, "eth0-in", 7));
	assert_true(label_names_add(&ours.labels, 9, "8name", 5));
	assert_true(label_names_add(&ours.labels, 127, "a,b", 3));
	assert_true(label_names_add(&theirs.labels, 1, "vpn", 3));
	return 0;
}

static char *with(struct ruleset **rs, const struct locale *locale, bool json, const char *text)
{
	struct ruleset_input input = { .text = text, .locale = locale, .json = json };
	char *out = NULL;

	apply_input(rs, &input, &out);
	return out;
}

static void expect(char *out, const char *want)
{
	if (!out || !strstr(out, want))
		fail_msg("no \"%s\" in:\n%s", want, out ? out : "");
	free(out);
}

/* What each of the listings says; json: on the right of the match, or as the value set. */
static void names_are_taken_and_shown_as_nft_has_them(void **state)
{
	static const struct {
		const char *rule, *named, *bare, *json;
	} rows[] = {
		{ "ct label zero", "ct label \"zero\"\n", "ct label 0\n", "\"zero\"" },
		{ "ct label 1", "ct label \"one\"\n", "ct label 1\n", "\"one\"" },
		{ "ct label uno", "ct label \"one\"\n", "ct label 1\n", "\"one\"" },
		{ "ct label eth0-in", "ct label \"eth0-in\"\n", "ct label 2\n",
		  "\"eth0-in\"" },
		{ "ct label \"8name\"", "ct label \"8name\"\n", "ct label 9\n", "\"8name\"" },
		{ "ct label \"a,b\"", "ct label \"a,b\"\n", "ct label 127\n", "\"a,b\"" },
		{ "ct label 100", "ct label 100\n", "ct label 100\n", "100" },
		{ "ct label one,zero", "ct label \"zero\",\"one\"\n", "ct label 0,1\n",
		  "[\"zero\", \"one\"]" },
		{ "ct label ! one", "ct label ! \"one\"\n", "ct label ! 1\n", "\"one\"" },
		{ "ct label != one,zero", "ct label != \"zero\" | \"one\"\n",
		  "ct label != 0 | 1\n", "{\"|\": [\"zero\", \"one\"]}" },
		{ "ct label & one == one", "ct label & \"one\" == \"one\"\n",
		  "ct label & 1 == 1\n", "\"one\"" },
		{ "ct label set one,3", "ct label set \"one\" | 3\n", "ct label set 1 | 3\n",
		  "{\"|\": [\"one\", 3]}" },
		{ "define L = uno; add rule t c ct label $L", "ct label \"one\"\n",
		  "ct label 1\n", "\"one\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool define = !strncmp(rows[i].rule, "define", 6);
		struct ruleset *rs = ruleset_new(NULL);
		char text[200];

		snprintf(text, sizeof(text), "add table t; add chain t c; %s%s",
			 define ? "" : "add rule t c ", rows[i].rule);
		free(with(&rs, &ours, false, text));
		expect(with(&rs, &ours, false, "list ruleset"), rows[i].named);
		expect(with(&rs, NULL, false, "list ruleset"), rows[i].bare);
		expect(with(&rs, &ours, true, "list ruleset"), rows[i].json);
		ruleset_unref(rs);
	}
}

/* A listing, loaded again by who made it, is the same; and so is its document. */
static void listings_with_names_are_fixpoints(void **state)
{
	static const char text[] = "table ip t {\n\tchain c {\n\t\tct label \"one\",\"8name\"\n"
				   "\t\tct label != \"zero\" | \"a,b\"\n"
				   "\t\tct label set \"eth0-in\" | 5\n\t}\n}\n";

	(void)state;
	for (unsigned json = 0; json < 2; json++) {
		struct ruleset *rs = ruleset_new(NULL), *again = ruleset_new(NULL);
		char *out;

		free(with(&rs, &ours, false, text));
		out = with(&rs, &ours, json, "list ruleset");
		free(with(&again, &ours, json, out));
		free(out);
		expect(with(&again, &ours, false, "list ruleset"), text);
		ruleset_unref(rs);
		ruleset_unref(again);
	}
}

static void every_client_has_its_own_names(void **state)
{
	struct ruleset *rs = ruleset_new(NULL);

	(void)state;
	free(with(&rs, &ours, false, "add table t; add chain t c; add rule t c ct label one"));
	expect(with(&rs, &theirs, false, "list ruleset"), "ct label \"vpn\"\n");
	expect(with(&rs, &theirs, false, "add rule t c ct label one"),
	       "\"one\" is no ct label: neither a number of 0 to 127 nor a name in "
	       "connlabel.conf");
	expect(with(&rs, NULL, false, "add rule t c ct label vpn"), "\"vpn\" is no ct label");
	ruleset_unref(rs);
}

/* What is kept through a restart holds numbers: the next filter need know no names. */
static void saved_are_numbers(void **state)
{
	struct ruleset *rs = ruleset_new(NULL);
	struct text saved = TEXT_INIT;

	(void)state;
	free(with(&rs, &ours, false, "add table t; add chain t c; add rule t c ct label uno"));
	ruleset_save(rs, &saved);
	assert_non_null(strstr(text_str(&saved), "ct label 1"));
	text_fini(&saved);
	ruleset_unref(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_taken_and_shown_as_nft_has_them),
		cmocka_unit_test(listings_with_names_are_fixpoints),
		cmocka_unit_test(every_client_has_its_own_names),
		cmocka_unit_test(saved_are_numbers),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
