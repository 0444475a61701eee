/* test_dates.c - times of the day and dates, written and listed in the zones of clients. */
#include <stdio.h>

#include "unit/ruleset/language.h"

/* Two hours east, from March 2026 to October one more. */
static const struct locale east = {
	.zone = { .now = 7200, .before = 7200, .n = 2,
		  .changes = { { 1774746000, 10800 }, { 1792890000, 7200 } } },
};
static const struct locale west = { .zone = { .now = -18000, .before = -18000 } };

static char *with(struct ruleset **rs, const struct locale *locale, const char *text)
{
	struct ruleset_input input = { .text = text, .locale = locale };
	char *out = NULL;

	apply_input(rs, &input, &out);
	return out;
}

/* The rule as one zone writes it, and as the others list it. */
static void every_client_has_its_own_local_time(void **state)
{
	static const struct {
		const char *rule, *east, *utc, *west;
	} rows[] = {
		{ "meta hour \"17:00\"", NULL, "meta hour \"15:00\"", "meta hour \"10:00\"" },
		{ "meta hour \"01:00:30\"", NULL, "meta hour \"23:00:30\"",
		  "meta hour \"18:00:30\"" },
		/* Numbers are UTC's. */
		{ "meta hour 0", "meta hour \"02:00\"", "meta hour \"00:00\"",
		  "meta hour \"19:00\"" },
		{ "meta hour 17h30m", "meta hour \"17:30\"", "meta hour \"15:30\"",
		  "meta hour \"10:30\"" },
		/* Over midnight in UTC: what is not between the ends. */
		{ "meta hour \"01:00\"-\"04:00\"", "meta hour != \"04:00\"-\"01:00\"",
		  "meta hour != \"02:00\"-\"23:00\"", "meta hour != \"21:00\"-\"18:00\"" },
		{ "meta hour != \"01:00\"-\"04:00\"", "meta hour \"04:00\"-\"01:00\"",
		  "meta hour \"02:00\"-\"23:00\"", "meta hour \"21:00\"-\"18:00\"" },
		{ "meta time < \"2026-01-01\"", "meta time < \"2026-01-01 00:00:00\"",
		  "meta time < \"2025-12-31 22:00:00\"",
		  "meta time < \"2025-12-31 17:00:00\"" },
		{ "meta time \"2026-07-01 12:00\"", "meta time \"2026-07-01 12:00:00\"",
		  "meta time \"2026-07-01 09:00:00\"", "meta time \"2026-07-01 04:00:00\"" },
		{ "meta time 0", "meta time \"1970-01-01 02:00:00\"",
		  "meta time \"1970-01-01 00:00:00\"", "meta time \"1969-12-31 19:00:00\"" },
		/* Days are not turned: nft has it so. */
		{ "meta day \"Monday\"", NULL, "meta day \"Monday\"", "meta day \"Monday\"" },
	};
	const struct locale *const zones[] = { &east, NULL, &west };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const want[] = { rows[i].east ? rows[i].east : rows[i].rule,
					     rows[i].utc, rows[i].west };
		struct ruleset *rs = ruleset_new(NULL);
		char text[200];

		snprintf(text, sizeof(text), "add table t; add chain t c; add rule t c %s",
			 rows[i].rule);
		free(with(&rs, &east, text));
		for (size_t j = 0; j < 3; j++) {
			char *listed = with(&rs, zones[j], "list ruleset");

			snprintf(text, sizeof(text), "\t\t%s\n", want[j]);
			if (!strstr(listed, text))
				fail_msg("%s lists as %s, not %s", rows[i].rule, listed, text);
			free(listed);
		}
		ruleset_unref(rs);
	}
}

static void elements_and_documents_are_in_local_time_too(void **state)
{
	struct ruleset_input json = { .text = "list set t s", .locale = &west, .json = true };
	struct ruleset_input echo = { .text = "add element t s { \"05:00\" }", .locale = &east,
				      .echo = true };
	struct ruleset *rs = ruleset_new(NULL);
	char *out;

	(void)state;
	free(with(&rs, &east, "add table t; add set t s { type hour; }"));
	free(with(&rs, &east, "add element t s { \"12:00\" }"));
	out = with(&rs, &west, "get element t s { \"05:00\" }");
	assert_non_null(strstr(out, "{ \"05:00\" }"));
	free(out);
	assert_int_equal(apply_input(&rs, &json, &out), 0);
	assert_non_null(strstr(out, "\"elem\": [\"05:00\"]"));
	free(out);
	assert_int_equal(apply_input(&rs, &echo, &out), 0);
	assert_string_equal(out, "add element ip t s { \"05:00\" }\n");
	free(out);
	free(with(&rs, NULL, "delete element t s { \"10:00\" }"));
	out = with(&rs, &east, "list set t s");
	assert_null(strstr(out, "12:00"));
	free(out);
	ruleset_unref(rs);
}

static void what_is_saved_is_in_utc(void **state)
{
	struct ruleset *rs = ruleset_new(NULL), *back;
	struct text saved = TEXT_INIT;
	struct diag d = DIAG_INIT;
	char *out;

	(void)state;
	free(with(&rs, &east, "table t { set s { type hour; elements = { \"01:00\" } }\n"
			      "chain c { meta hour \"01:00\"-\"04:00\"; }\n}"));
	ruleset_save(rs, &saved);
	ruleset_unref(rs);
	assert_int_equal(ruleset_restore(saved.s, saved.len, NULL, &d, &back), 0);
	out = with(&back, &east, "list ruleset");
	assert_non_null(strstr(out, "meta hour != \"04:00\"-\"01:00\""));
	assert_non_null(strstr(out, "elements = { \"01:00\" }"));
	free(out);
	/* A step from there on as well. */
	free(with(&back, &east, "add element t s { \"03:00\" }"));
	assert_non_null(strstr(ruleset_step(back, &(size_t){ 0 }), "\"01:00\""));
	ruleset_unref(back);
	text_fini(&saved);
	diag_fini(&d);
}

static void hours_that_cannot_be_kept_are_refused(void **state)
{
	static const char *const wrong[] = {
		/* Over midnight in a set, as nft has it. */
		"add rule t c meta hour { \"01:00\"-\"04:00\" }",
		"add rule t c meta hour \"24:00\"",
		"add rule t c meta hour 5d",
		"add rule t c meta time \"1970-01-01 01:59:59\"",
	};
	struct ruleset *rs = ruleset_new(NULL);

	(void)state;
	free(with(&rs, &east, "add table t; add chain t c"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ruleset_input input = { .text = wrong[i], .locale = &east };

		assert_int_equal(apply_input(&rs, &input, NULL), -EINVAL);
	}
	ruleset_unref(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_client_has_its_own_local_time),
		cmocka_unit_test(elements_and_documents_are_in_local_time_too),
		cmocka_unit_test(what_is_saved_is_in_utc),
		cmocka_unit_test(hours_that_cannot_be_kept_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
