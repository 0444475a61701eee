/* expect.h - what a scenario says about a packet and about the table, compared with what
 * came out. */
#ifndef SCENARIOS_EXPECT_H
#define SCENARIOS_EXPECT_H

#include "ctfw/text.h"
#include "ctl/replay.h"
#include "row.h"

#define EXPECT_WORDS 64
#define EXPECT_OUT 64

/* What was emitted, in its order. */
struct expect_out {
	struct {
		uint8_t *bytes;
		size_t len;
	} packet[EXPECT_OUT];
	size_t n;
};
/* Copy it all; o->out is behind the last then.  0, or -1: there is too much. */
int expect_out_take(struct replay *r, struct replay_outcome *o, struct expect_out *ret_out);
void expect_out_fini(struct expect_out *out);

/* The words between "=>" and "|": state, verdict, and KEY=VALUE.  0; or -1 and in t what is
 * wrong, with the words or with the packet. */
int expect_outcome(char **words, size_t n, const struct replay_outcome *o,
		   const struct expect_out *out, struct row_context *rows, struct text *t);
/* The words behind "|": the packet's flow as it left it. */
int expect_entry(char **words, size_t n, const struct replay_outcome *o, uint64_t mono,
		 struct text *t);
/* A flow as a line of `conntrack -L`, and what was counted: packets=O,R bytes=O,R. */
void expect_flow_print(const struct flow *f, uint64_t mono, struct text *t);
/* Whether such a line is what the words say: they are found in it in this
 * order, and it has no [FLAG] but those among them. */
bool expect_line(char **words, size_t n, const char *line);
/* NAME=VALUE... of the counters of conntrack -S, and of flows, peak, created, expired. */
int expect_stats(char **words, size_t n, struct conntrack *ct, struct text *t);

#endif
