/* tables.c - statements about what is in the tables of flows and of expectations. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/expect.h"
#include "expect.h"
#include "scenario.h"

struct table {
	uint64_t mono;
	uint32_t index[ROW_FLOWS], id[ROW_FLOWS];
	char *line[ROW_FLOWS];
	size_t n, listed;
};

static bool table_add(void *arg, uint32_t index, const struct flow *f)
{
	struct table *table = arg;
	struct text line = TEXT_INIT;

	if (table->listed < ROW_FLOWS) {
		expect_flow_print(f, table->mono, &line);
		table->index[table->listed] = index;
		table->id[table->listed] = f->id;
		table->line[table->listed++] = text_steal(&line);
	}
	table->n++;
	return true;
}

static void table_read(struct scenario *s, struct table *ret_table)
{
	const struct instant now = { .mono = s->time, .real = s->time };
	uint32_t cursor = 0;

	*ret_table = (struct table){ .mono = s->time };
	conntrack_each(replay_conntrack(s->replay), &cursor, 0, now, table_add, ret_table);
}

static void table_fini(struct table *table)
{
	for (size_t i = 0; i < table->listed; i++)
		free(table->line[i]);
}

/* flow WORDS: one entry at least is that */
int tables_flow(struct scenario *s, char **words, size_t n)
{
	struct table table;
	bool found = false;

	if (n == 0)
		return scenario_fail(s,
				     "flow WORDS of a line of conntrack -L is what is wanted");
	if (scenario_need_replay(s) < 0)
		return -1;
	table_read(s, &table);
	for (size_t i = 0; i < table.listed && !found; i++)
		found = table.line[i] && expect_line(words, n, table.line[i]);
	if (!found)
		scenario_fail(s, "no such entry among %zu:", table.n);
	for (size_t i = 0; i < table.listed && !found; i++)
		text_printf(&s->error, "\n    %s", table.line[i]);
	table_fini(&table);
	return found ? 0 : -1;
}

/* flows N */
int tables_flows(struct scenario *s, char **words, size_t n)
{
	struct table table;
	size_t want = n == 1 ? (size_t)strtoul(words[0], NULL, 10) : 0;

	if (n != 1)
		return scenario_fail(s, "flows NUMBER is what is wanted");
	if (scenario_need_replay(s) < 0)
		return -1;
	table_read(s, &table);
	if (table.n != want)
		scenario_fail(s, "there are %zu entries, not %zu:", table.n, want);
	for (size_t i = 0; i < table.listed && table.n != want; i++)
		text_printf(&s->error, "\n    %s", table.line[i]);
	table_fini(&table);
	return table.n == want ? 0 : -1;
}

/* ---- expectations ---- */

static bool expectation_add(void *arg, uint32_t index, const struct expect *e)
{
	struct table *table = arg;
	struct text line = TEXT_INIT;

	(void)index;
	if (table->listed < ROW_FLOWS) {
		expect_print(e, table->mono, &line);
		table->line[table->listed++] = text_steal(&line);
	}
	table->n++;
	return true;
}

static void expectations_read(struct scenario *s, struct table *ret_table)
{
	const struct instant now = { .mono = s->time, .real = s->time };

	uint32_t cursor = 0;

	*ret_table = (struct table){ .mono = s->time };
	conntrack_each_expectation(replay_conntrack(s->replay), &cursor, now, expectation_add,
				   ret_table);
}

/* Say what is wrong, and what there is. */
static int fail_table(struct scenario *s, const struct table *table, const char *what)
{
	scenario_fail(s, "%s, there are %zu:", what, table->n);
	for (size_t i = 0; i < table->listed; i++)
		text_printf(&s->error, "\n    %s", table->line[i]);
	return -1;
}

/* expect WORDS: this is expected */
int tables_expect(struct scenario *s, char **words, size_t n)
{
	struct table table;
	bool found = false;
	int err;

	if (n == 0)
		return scenario_fail(s,
				     "expect WORDS of a line of conntrack -L expect is wanted");
	if (scenario_need_replay(s) < 0)
		return -1;
	expectations_read(s, &table);
	for (size_t i = 0; i < table.listed && !found; i++)
		found = table.line[i] && expect_line(words, n, table.line[i]);
	err = found ? 0 : fail_table(s, &table, "no such expectation");
	table_fini(&table);
	return err;
}

/* expects N */
int tables_expects(struct scenario *s, char **words, size_t n)
{
	size_t want = n == 1 ? (size_t)strtoul(words[0], NULL, 10) : 0;
	struct table table;
	int err = 0;

	if (n != 1)
		return scenario_fail(s, "expects NUMBER is what is wanted");
	if (scenario_need_replay(s) < 0)
		return -1;
	expectations_read(s, &table);
	if (table.n != want)
		err = fail_table(s, &table, "not as many expectations");
	table_fini(&table);
	return err;
}

/* delete WORDS: all entries that are that (none: all) */
int tables_delete(struct scenario *s, char **words, size_t n)
{
	struct table table;
	size_t deleted = 0;

	if (scenario_need_replay(s) < 0)
		return -1;
	table_read(s, &table);
	for (size_t i = 0; i < table.listed; i++) {
		/* A deletion goes by what the words say, whatever flags the entry has. */
		char *all = table.line[i];
		bool wanted = true;

		for (size_t w = 0; w < n && all; w++)
			wanted = wanted && strstr(all, words[w]);
		if (wanted && conntrack_delete(replay_conntrack(s->replay), table.index[i],
					       table.id[i]))
			deleted++;
	}
	table_fini(&table);
	replay_advance(s->replay, s->time);
	return deleted ? 0 : scenario_fail(s, "nothing was there to be deleted");
}
