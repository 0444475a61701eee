/* outcome.h - what became of a packet, as a line: JSON for programs, text for people. */
#ifndef CTFW_CTL_OUTCOME_H
#define CTFW_CTL_OUTCOME_H

#include "ctfw/text.h"
#include "ctl/replay.h"

struct outcome_place {
	uint64_t number; /* of the packet in its capture */
	uint64_t time;   /* its own, ns */
	uint64_t mono;   /* the replay's time, which timeouts count from, ns */
};

/* Seconds and microseconds, cut and not rounded: "1700000000.000100". */
void outcome_time(uint64_t time, struct text *t);
/* One object without a newline; keys and their order are those of ctfwctl(8). */
void outcome_json(const struct replay_outcome *o, const struct outcome_place *at,
		  struct text *t);
/* One line of columns without a newline.  width: of the column that says which packet it is;
 * it grows with a longer one, so that the lines behind that are aligned with it.  Start with
 * OUTCOME_WIDTH, what most IPv4 packets need. */
#define OUTCOME_WIDTH 48
void outcome_text(const struct replay_outcome *o, const struct outcome_place *at, size_t *width,
		  struct text *t);
/* "accept", "drop", "reject". */
const char *outcome_verdict(const struct replay_outcome *o);
/* "rule", "policy", or the name of a drop reason. */
const char *outcome_by(const struct replay_outcome *o);
/* "new", ..., as rules see it; a packet that no rule saw is invalid. */
const char *outcome_state(const struct replay_outcome *o);

#endif
