/* eval_state.c - statements that remember: limits, quotas, when last, how many flows.
 *
 * What they remember is in the arena, shared by all workers; see state.h and connlimit.h. */
#include "ruleset/connlimit.h"
#include "ruleset/program.h"

static enum ct_acted match_if(bool matches)
{
	return matches ? CT_ACTED : CT_ACTED_BREAK;
}

static bool within_limit(const struct program_state *ps, const struct eval *e)
{
	uint64_t cost = ps->rate ? limit_cost(ps->rate, ps->unit_ns, e->packet->len) : ps->cost;

	return state_limit(ps->word, ps->size, cost, e->now.mono);
}

static enum ct_acted judge_flows(const struct program_state *ps, enum connlimit_outcome outcome)
{
	switch (outcome) {
	case CONNLIMIT_WITHIN:
		return match_if(!ps->over);
	case CONNLIMIT_OVER:
		return match_if(ps->over);
	case CONNLIMIT_NO_MEMORY:
		return CT_ACTED_DROP;
	case CONNLIMIT_CLOSED:
		break;
	}
	return CT_ACTED_GONE;
}

enum ct_acted eval_element_flows(const struct program *p, const struct program_state *ps,
				 struct eval *e, struct set_record *r, unsigned word)
{
	return judge_flows(ps,
			   connlimit_count_element(counters_states(p->counters),
						   &r->state[word], r->check, e, ps->flows));
}

enum ct_acted eval_state(const struct program *p, const struct program_state *ps,
			 struct eval *e)
{
	switch (ps->kind) {
	case STATE_LIMIT:
		return match_if(within_limit(ps, e) != ps->over);
	case STATE_QUOTA:
		return match_if((state_quota_add(ps->word, e->packet->len) > ps->size) ==
				ps->over);
	case STATE_LAST:
		state_last_set(ps->word, e->now.mono);
		return CT_ACTED;
	case STATE_CONNLIMIT:
		return judge_flows(ps, connlimit_count(counters_states(p->counters), ps->slot,
						       e, ps->flows));
	case STATE_COUNTER: /* these are instructions of their own */
	case STATE_KIND_NONE:
		break;
	}
	return CT_ACTED;
}

void program_settle(const struct program *p, struct eval *e, const struct flow *flow)
{
	connlimit_settle(counters_states(p->counters), e, flow);
}
