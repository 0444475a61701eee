/* scenario.h - a scenario that runs, and what statements about tables (tables.c) need of it. */
#ifndef CTFW_SCENARIOS_SCENARIO_H
#define CTFW_SCENARIOS_SCENARIO_H

#include "ctl/hostspec.h"
#include "ctl/replay.h"
#include "row.h"

#define NETWORKS_MAX 8

struct line {
	char *text;
	unsigned number;
};

struct scenario {
	const char *file;
	const struct line *lines;
	size_t n_lines, at; /* at: of the statement that runs */

	struct row_context rows;
	struct replay_options options;
	struct frag_options fragments;
	struct hostspec host;
	struct replay *replay; /* made by the first statement that needs it */
	uint64_t time;
	struct engine_port port;
	struct prefix networks[NETWORKS_MAX];
	struct text error;
	bool dump;
};

/* Say what is wrong: -1. */
int scenario_fail(struct scenario *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The firewall, made by the first statement that needs it.  0, or -1. */
int scenario_need_replay(struct scenario *s);

/* Statements, of the words behind their own: 0, or -1 with the reason said.
 * flow WORDS: one entry at least is that.  flows N.  expect WORDS: this is expected.
 * expects N.  delete WORDS: all entries that are that (none: all). */
int tables_flow(struct scenario *s, char **words, size_t n);
int tables_flows(struct scenario *s, char **words, size_t n);
int tables_expect(struct scenario *s, char **words, size_t n);
int tables_expects(struct scenario *s, char **words, size_t n);
int tables_delete(struct scenario *s, char **words, size_t n);

#endif
