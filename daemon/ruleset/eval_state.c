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

static enum ct_acted count_flow(const struct program *p, const struct program_state *ps,
				struct eval *e)
{
	bool over;

	if (!connlimit_count(counters_states(p->counters), ps->slot, e, ps->flows, &over))
		return CT_ACTED_DROP;
	return match_if(over == ps->over);
}

enum ct_acted eval_state(const struct program *p, const struct program_state *ps, struct eval *e)
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
		return count_flow(p, ps, e);
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
