/* eval_trace.h - private to eval: which rules a packet meets, for those who trace it.
 *
 * The loop in eval.c is compiled twice.  The second one, for packets with the mark of
 * `meta nftrace set 1` while somebody watches, calls trace_step() before each instruction:
 * from the place alone it sees where rules end, and how. */
#ifndef CTFW_RULESET_EVAL_TRACE_H
#define CTFW_RULESET_EVAL_TRACE_H

#include "ruleset/program.h"

struct tracing {
	const struct program *prog;
	struct eval *e;
	enum hook hook;
	uint32_t rule;  /* that it is in, or PROGRAM_NO_RULE */
	unsigned depth; /* of jumps, at the last step */
	bool missed;    /* the rule did not match */
	bool said;      /* something of this base chain */
};

/* i: an instruction of the rule that it begins in; NULL: at the beginning of a chain. */
void trace_begin(struct tracing *t, const struct insn *i, unsigned depth);
void trace_step(struct tracing *t, const struct insn *i, unsigned depth);
/* The instruction that decided; NULL: the policy of base does. */
void trace_end(struct tracing *t, const struct insn *i, const struct program_base *base);

#endif
