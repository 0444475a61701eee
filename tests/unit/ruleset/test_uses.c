/* test_uses.c - what rules and elements name stays, whatever a transaction did before; and names
 * are found while others come and go. */
#include <stdio.h>

#include "ruleset/model.h"
#include "unit/ruleset/language.h"

static const char base[] =
	"table ip t {\n"
	"counter used { }\ncounter free { }\nquota busy { over 1 bytes; }\n"
	"set used { type mark; elements = { 1 }; }\nset free { type mark; }\n"
	"map objects { type mark : counter; elements = { 1 : \"free\" }; }\n"
	"map verdicts { type mark : verdict; }\n"
	"chain used { }\nchain free { }\nchain third { }\n"
	"chain in { type filter hook input priority 0; meta mark @used counter name \"used\" "
	"jump used; }\n}\n";

/* Deletes something unused first, so that names have been counted by then. */
#define COUNTED "delete chain ip t third; add chain ip t third; "

static const struct {
	const char *text;
	const char *error; /* NULL: it is fine */
} rows[] = {
	{ COUNTED "delete chain ip t used", "is in use: the rule" },
	{ COUNTED "delete set ip t used", "is in use: the rule" },
	{ COUNTED "delete counter ip t used", "is in use: the rule" },
	{ COUNTED "delete counter ip t free", "an element of the map objects names it" },
	{ COUNTED "delete quota ip t busy", NULL },
	{ COUNTED "delete chain ip t free; delete set ip t free", NULL },
	{ COUNTED "add rule ip t in jump free; delete chain ip t free", "is in use" },
	{ COUNTED "add rule ip t in mark vmap { 7 : goto free }; delete chain ip t free",
	  "is in use" },
	{ COUNTED "insert rule ip t in mark @free; delete set ip t free", "is in use" },
	{ COUNTED "add rule ip t in counter name mark map { 2 : \"used\" }; "
		  "flush chain ip t used; flush chain ip t in; delete counter ip t used",
	  NULL },
	{ COUNTED "replace rule ip t in handle 12 jump free; delete chain ip t used", NULL },
	{ COUNTED "replace rule ip t in handle 12 jump free; delete chain ip t free",
	  "is in use" },
	{ COUNTED "delete rule ip t in handle 12; delete chain ip t used; "
		  "delete set ip t used; delete counter ip t used", NULL },
	{ COUNTED "flush chain ip t in; delete chain ip t used; delete set ip t used", NULL },
	{ COUNTED "delete chain ip t in; delete chain ip t used; delete set ip t used", NULL },
	{ COUNTED "add element ip t verdicts { 1 : jump free }; delete chain ip t free",
	  "an element of the map verdicts leads there" },
	{ COUNTED "add element ip t verdicts { 1 : jump free }; flush set ip t verdicts; "
		  "delete chain ip t free", NULL },
	{ COUNTED "add map ip t more { type mark : verdict; elements = { 1 : goto free }; }; "
		  "delete chain ip t free", "is in use" },
	{ COUNTED "rename chain ip t used named; delete chain ip t named", "is in use" },
	{ COUNTED "rename chain ip t used named; delete set ip t used", "is in use" },
	{ COUNTED "rename chain ip t used named; add chain ip t used; delete chain ip t used",
	  NULL },
	{ COUNTED "rename chain ip t used named; rename chain ip t named last; "
		  "delete rule ip t in handle 12; delete chain ip t last", NULL },
	{ COUNTED "rename chain ip t free named; add rule ip t in jump named; "
		  "rename chain ip t named free; delete chain ip t free", "is in use" },
	{ "add table ip6 t; add chain ip6 t used; add chain ip6 t free; delete chain ip6 t used; "
	  "delete chain ip t used", "is in use" },
	{ COUNTED "add chain ip t fourth { jump free; }; delete chain ip t free", "is in use" },
	{ COUNTED "delete table ip t; add table ip t; add chain ip t used; "
		  "delete chain ip t used", NULL },
};

static void what_is_named_stays_and_the_rest_may_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ruleset *rs = ruleset_new(NULL);
		struct ruleset_input input = { .text = rows[i].text };
		char *said;
		int err;

		assert_int_equal(apply(&rs, base), 0);
		err = apply_input(&rs, &input, &said);
		if (err ? !rows[i].error || !strstr(said, rows[i].error) : !!rows[i].error)
			fail_msg("%s: %s", rows[i].text, said);
		free(said);
		ruleset_unref(rs);
	}
}

static void names_are_found_while_others_come_and_go(void **state)
{
	enum { NAMES = 300, STEPS = 20000 };
	uint64_t handle[NAMES] = { 0 }, last = 0;
	struct name_index ix = { 0 }, copy;
	uint32_t seed = 1;
	size_t n = 0;

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (seed = seed * 1664525 + 1013904223) >> 16;
		char name[16];
		uint64_t found, got;
		size_t at = SIZE_MAX;

		i %= NAMES;
		snprintf(name, sizeof(name), "n%u", i);
		found = handle[i];
		while ((got = name_index_next(&ix, name, &at)) && got != found)
			;
		assert_true(got == found);
		if (found) {
			name_index_remove(&ix, name, found);
			handle[i] = 0;
			n--;
		} else {
			handle[i] = ++last;
			assert_true(name_index_put(&ix, name, last));
			n++;
		}
		assert_int_equal(ix.n, n);
	}
	assert_true(name_index_copy(&copy, &ix));
	for (unsigned i = 0; i < NAMES; i++) {
		size_t at = SIZE_MAX;
		char name[16];

		snprintf(name, sizeof(name), "n%u", i);
		assert_true(name_index_next(&copy, name, &at) == handle[i]);
		name_index_remove(&copy, name, handle[i]);
	}
	assert_int_equal(copy.n, 0);
	name_index_fini(&copy);
	name_index_fini(&ix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_named_stays_and_the_rest_may_go),
		cmocka_unit_test(names_are_found_while_others_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
