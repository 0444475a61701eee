/* test_step.c - changes of elements, told as steps, make the same ruleset again. */
#include <stdio.h>

#include "ctfw/clock.h"
#include "ruleset/model.h"
#include "unit/ruleset/language.h"

#define S     NSEC_PER_SEC
#define STEPS 600

static uint64_t now = 1000 * S;
static struct ruleset *rs;   /* in force */
static struct ruleset *copy; /* what was saved, and each step */
static uint32_t seed;

static unsigned random_below(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static const char base[] =
	"table ip t {\n"
	"chain a { }\nchain b { }\n"
	"set plain { type ipv4_addr; }\n"
	"set full { type ipv4_addr; size 5; flags timeout; }\n"
	"set merged { type ipv4_addr; flags interval; auto-merge; }\n"
	"set apart { type inet_service; flags interval, timeout; timeout 9s; }\n"
	"set pairs { type ipv4_addr . inet_service; flags interval; }\n"
	"set names { type ifname; }\n"
	"map data { type ipv4_addr : mark; flags timeout; }\n"
	"map verdicts { type inet_service : verdict; }\n"
	"counter one { }\n"
	"map objects { type ipv4_addr : counter; }\n"
	"set counted { type ipv4_addr; counter; }\n}\n";

static struct ruleset *saved_and_back(const struct ruleset *from)
{
	struct text saved = TEXT_INIT;
	struct ruleset *back = NULL;
	struct diag d = DIAG_INIT;

	ruleset_save(from, &saved);
	assert_int_equal(ruleset_restore(text_str(&saved), saved.len, NULL, &d, &back), 0);
	text_fini(&saved);
	diag_fini(&d);
	return back;
}

static int begin(void **state)
{
	(void)state;
	rs = ruleset_new(NULL);
	assert_int_equal(apply(&rs, base), 0);
	copy = saved_and_back(rs);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ruleset_unref(rs);
	ruleset_unref(copy);
	return 0;
}

static int change(const char *text)
{
	struct ruleset_input input = { .text = text, .now = { .mono = now } };

	return apply_input(&rs, &input, NULL);
}

static const char *step_of(size_t *ret_len)
{
	return ruleset_step(rs, ret_len);
}

static void replay_step(void)
{
	struct diag d = DIAG_INIT;
	size_t len;
	const char *step = step_of(&len);

	assert_non_null(step);
	if (ruleset_replay(&copy, step, len, &d))
		fail_msg("%s%s", step, text_str(&d.text));
	diag_fini(&d);
}

/* With what has expired dropped, which is no change. */
static char *listed(struct ruleset *from)
{
	struct ruleset_input input = { .text = "list ruleset", .now = { .mono = now },
				       .print = PRINT_HANDLE };
	char *text;

	assert_int_equal(apply_input(&from, &input, &text), 0);
	return text;
}

static void assert_same(void)
{
	char *is = listed(copy), *should = listed(rs);

	assert_string_equal(is, should);
	free(is);
	free(should);
}

static void print_random_element(bool gone, FILE *out)
{
	static const struct {
		const char *set;
		bool times;
	} sets[] = {
		{ "plain", false }, { "full", true },  { "merged", false },
		{ "apart", true },  { "pairs", false }, { "names", false },
		{ "data", true },   { "verdicts", false }, { "objects", false },
	};
	unsigned k = random_below(sizeof(sets) / sizeof(sets[0])), n = random_below(40);

	fprintf(out, "%s element ip t %s { ", gone ? "delete" : "add", sets[k].set);
	switch (k) {
	case 2:
		fprintf(out, "10.0.%u.0/%u", n % 4 * 4, 22 + n % 3);
		break;
	case 3:
		fprintf(out, "%u-%u", n * 10, n * 10 + random_below(2) * 9);
		break;
	case 4:
		fprintf(out, "10.0.0.%u-10.0.0.%u . %u", n, n + 2, n % 7);
		break;
	case 5:
		fprintf(out, "\"wg%u\"", n);
		break;
	case 7:
		fprintf(out, "%u", n);
		break;
	default:
		fprintf(out, "10.0.0.%u", k == 1 ? n % 9 : n);
	}
	if (sets[k].times && !gone && n % 3)
		fprintf(out, " timeout %us", 1 + random_below(8));
	if (!gone && n % 5 == 0)
		fprintf(out, " comment \"a \\ %u\"", n);
	if (!gone && k >= 6)
		fprintf(out, " : %s", k == 6 ? "7" : k == 8 ? "\"one\"" :
				      n % 3 ? "jump b" : "goto a");
	fputs(" }\n", out);
}

static void steps_make_again_what_random_changes_made(void **state)
{
	unsigned done = 0;

	(void)state;
	for (seed = 1; done < STEPS && seed; now += random_below(2) * S) {
		char text[4096];
		FILE *out = fmemopen(text, sizeof(text), "w");

		for (unsigned i = 1 + random_below(3); i; i--)
			print_random_element(random_below(3) == 0, out);
		fclose(out);
		/* Many are refused: what is there, or is not. */
		if (change(text))
			continue;
		replay_step();
		assert_same();
		done++;
		/* The daemon does so now and then. */
		if (done % 50 == 0) {
			struct ruleset *next;

			assert_int_equal(ruleset_expire(rs, now, &next), 0);
			ruleset_unref(rs);
			rs = next;
		}
	}
}

static void what_was_asked_for_twice_or_not_there_is_no_step_to_fail(void **state)
{
	(void)state;
	assert_int_equal(change("add element ip t plain { 192.0.2.1 }"), 0);
	replay_step();
	assert_int_equal(change("add element ip t plain { 192.0.2.1, 192.0.2.1 }"), 0);
	replay_step();
	assert_int_equal(change("create element ip t plain { 192.0.2.2 }"), 0);
	replay_step();
	assert_int_equal(change("destroy element ip t plain { 192.0.2.1, 192.0.2.2 }"), 0);
	replay_step();
	assert_int_equal(change("add element ip t merged { 0.0.0.0/0 }; "
				"delete element ip t merged { 10.0.0.0/8 }"), 0);
	replay_step();
	assert_same();
}

static void assert_no_step(const char *text)
{
	size_t len;

	assert_int_equal(change(text), 0);
	assert_null(step_of(&len));
}

static void what_is_not_elements_alone_has_no_step(void **state)
{
	struct text many = TEXT_INIT;

	(void)state;
	assert_no_step("add table ip u");
	assert_no_step("add element ip t plain { 198.51.100.1 }; add rule ip t a accept");
	assert_no_step("add rule ip t a accept; add element ip t plain { 198.51.100.2 }");
	assert_no_step("flush set ip t plain");
	assert_no_step("add set ip t more { type mark; elements = { 1 }; }");
	/* Its slots are numbers that only the whole says. */
	assert_no_step("add element ip t counted { 198.51.100.1 }");
	/* Nothing becomes of it, and nothing in braces is an error. */
	assert_no_step("destroy element ip t plain { 198.51.100.9 }");
	text_puts(&many, "add element ip t plain { ");
	for (unsigned i = 0; i < 3000; i++)
		text_printf(&many, "10.9.%u.%u, ", i / 250, i % 250);
	text_puts(&many, "}");
	assert_no_step(text_str(&many));
	text_fini(&many);
}

/* What damaged text may make of it is for nobody to say, but it is said or harmless. */
static void try_damaged(const char *text, size_t len)
{
	struct ruleset *victim = saved_and_back(rs);
	struct diag d = DIAG_INIT;

	if (ruleset_replay(&victim, text, len, &d))
		assert_true(d.errors > 0);
	free(listed(victim));
	ruleset_unref(victim);
	diag_fini(&d);
}

static void damaged_steps_are_refused_or_harmless(void **state)
{
	size_t len;
	char *text;

	(void)state;
	assert_int_equal(change("add element ip t data { 192.0.2.1 timeout 5s : 3 }; delete "
				"element ip t data { 192.0.2.1 }; "
				"add element ip t verdicts { 9 : goto a }"), 0);
	assert_non_null(step_of(&len));
	text = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		try_damaged(step_of(&len), i);
	for (size_t i = 0; i < len * 8; i++) {
		memcpy(text, step_of(&len), len + 1);
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		try_damaged(text, len);
	}
	free(text);
	try_damaged("at 18446744073709551616\n", 24);
	try_damaged("at 1\nadd element ip t absent { 1 }\n", 35);
	try_damaged("at 1\ndelete table ip t\n", 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(steps_make_again_what_random_changes_made,
						begin, end),
		cmocka_unit_test_setup_teardown(
			what_was_asked_for_twice_or_not_there_is_no_step_to_fail, begin, end),
		cmocka_unit_test_setup_teardown(what_is_not_elements_alone_has_no_step, begin,
						end),
		cmocka_unit_test_setup_teardown(damaged_steps_are_refused_or_harmless, begin,
						end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
