/* eval_trace.c - which rules a packet meets; see eval_trace.h. */
#include "ruleset/eval_trace.h"

/* The first rule that begins at this instruction or behind it. */
static uint32_t first_from(const struct program *p, uint32_t at)
{
	uint32_t low = 0, high = p->n_rules;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (p->rules[middle].start < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void tell(struct tracing *t, struct eval_trace event, uint32_t chain)
{
	const struct program_chain *c = &t->prog->chains[chain];

	/* A rule may have ended it. */
	if (!t->e->nftrace)
		return;
	event.hook = t->hook;
	event.family = c->family;
	event.table = c->table;
	event.chain = c->name;
	event.first = !t->said;
	t->said = true;
	t->e->trace(t->e, &event);
}

static void tell_rule(struct tracing *t, uint32_t rule, enum trace_verdict verdict,
		      const char *target)
{
	const struct program_rule *r = &t->prog->rules[rule];

	tell(t,
	     (struct eval_trace){ .verdict = verdict, .handle = r->handle, .target = target },
	     r->chain);
}

/* The chain that begins here, or that the rule here belongs to. */
static const char *chain_at(const struct program *p, uint32_t at)
{
	for (uint32_t c = 0; c < p->n_chains; c++) {
		if (p->chains[c].start == at)
			return p->chains[c].name;
	}
	return NULL;
}

/* Rules without any instruction have matched when they are met. */
static void enter(struct tracing *t, const struct insn *i)
{
	const struct program *p = t->prog;
	uint32_t at = (uint32_t)(i - p->code), rule = first_from(p, at);

	t->rule = PROGRAM_NO_RULE;
	t->missed = false;
	for (; rule < p->n_rules && p->rules[rule].start == at; rule++) {
		if (p->rules[rule].end > at) {
			t->rule = rule;
			return;
		}
		if (!p->rules[rule].never)
			tell_rule(t, rule, TRACE_CONTINUE, NULL);
	}
}

void trace_begin(struct tracing *t, const struct insn *i, unsigned depth)
{
	uint32_t rule = i ? first_from(t->prog, (uint32_t)(i - t->prog->code) + 1) : 0;

	t->depth = depth;
	t->missed = t->said = false;
	t->rule = rule ? rule - 1 : PROGRAM_NO_RULE;
}

/* Out of the rule that it was in. */
static void leave(struct tracing *t, uint32_t at, unsigned depth)
{
	const struct program_rule *r = &t->prog->rules[t->rule];

	if (at == r->end) {
		if (!t->missed && !r->never)
			tell_rule(t, t->rule, TRACE_CONTINUE, NULL);
	} else {
		tell_rule(t, t->rule, depth > t->depth ? TRACE_JUMP : TRACE_GOTO,
			  chain_at(t->prog, at));
	}
	t->rule = PROGRAM_NO_RULE;
}

void trace_step(struct tracing *t, const struct insn *i, unsigned depth)
{
	uint32_t at = (uint32_t)(i - t->prog->code);
	const struct program_rule *r =
		t->rule == PROGRAM_NO_RULE ? NULL : &t->prog->rules[t->rule];

	if (r && (at < r->start || at >= r->end))
		leave(t, at, depth);
	if (t->rule == PROGRAM_NO_RULE)
		enter(t, i);
	t->depth = depth;
	/* It leads to where it came from, or to the policy. */
	if (i->op == OP_RETURN && t->rule != PROGRAM_NO_RULE) {
		tell_rule(t, t->rule, TRACE_RETURN, NULL);
		t->rule = PROGRAM_NO_RULE;
	}
}

void trace_end(struct tracing *t, const struct insn *i, const struct program_base *base)
{
	enum trace_verdict verdict;

	if (!i) {
		verdict = base->drop ? TRACE_DROP : TRACE_ACCEPT;
		tell(t, (struct eval_trace){ .policy = true, .verdict = verdict }, base->chain);
	} else if (t->rule != PROGRAM_NO_RULE) {
		verdict = i->op == OP_ACCEPT ? TRACE_ACCEPT : TRACE_DROP;
		tell_rule(t, t->rule, verdict, NULL);
	}
}
