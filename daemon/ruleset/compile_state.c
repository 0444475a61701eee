/* compile_state.c - what remembers something: statements of rules and of elements. */
#include <stdlib.h>

#include "ctfw/clock.h"
#include "ruleset/check.h"
#include "ruleset/compile.h"

struct program_state compile_state_of(enum state_kind kind, const struct stateful *s)
{
	struct program_state ps = { .kind = kind, .slot = s->slot };

	if (kind == STATE_LIMIT) {
		ps.over = s->limit.over;
		ps.rate = s->limit.bytes ? s->limit.rate : 0;
		ps.unit_ns = s->limit.unit * NSEC_PER_SEC;
		if (!limit_bucket(&s->limit, &ps.size, &ps.cost))
			abort(); /* check refuses it */
	} else if (kind == STATE_QUOTA) {
		ps.over = s->quota.over;
		ps.size = s->quota.bytes;
	} else if (kind == STATE_CONNLIMIT) {
		ps.over = s->connlimit.over;
		ps.flows = s->connlimit.flows;
	}
	return ps;
}

void compile_state(struct builder *b, enum state_kind kind, const struct stateful *s)
{
	struct program *p = b->program;
	struct program_state ps;

	/* Without an arena there is nothing to remember in: a check. */
	if (!p->counters || s->slot == STATE_NONE)
		return;
	if (kind == STATE_COUNTER) {
		compile_emit(b, (struct insn){ .op = OP_COUNT, .a = s->slot });
		return;
	}
	ps = compile_state_of(kind, s);
	ps.word = state_at(counters_states(p->counters), s->slot)->word;
	if (!compile_room_state(b))
		return;
	p->states[p->n_states] = ps;
	compile_emit(b, (struct insn){ .op = OP_STATE, .a = p->n_states++, .b = b->rule });
}

/* ---- elements ---- */

static struct program_states states_of(struct builder *b, const struct stmts *stmts)
{
	struct program *p = b->program;
	struct program_states states = { .first = p->n_states };

	for (size_t i = 0; i < stmts->n && compile_room_state(b); i++) {
		p->states[p->n_states++] =
			compile_state_of(stmt_state_kind(&stmts->v[i]), &stmts->v[i].state);
		states.n++;
	}
	return states;
}

struct program_variants compile_variants(struct builder *b, const struct set *set)
{
	struct program *p = b->program;
	const struct slot_home *home = set->slots;
	struct program_variants variants = { .first = p->n_variants };

	/* Where there are many another rule has them already. */
	for (uint32_t i = p->n_sets; home->n_variants > 1 && i-- > 0;) {
		if (p->sets[i].named && p->sets[i].named->slots == home)
			return p->sets[i].variants;
	}
	for (uint32_t i = p->n_dynsets; set->dynamic && i-- > 0;) {
		if (p->dynsets[i].set == set->dynamic)
			return p->dynsets[i].variants;
	}
	for (uint32_t i = 0; i < home->n_variants && compile_room_variant(b); i++) {
		p->variants[p->n_variants++] = states_of(b, &home->variants[i].stmts);
		variants.n++;
	}
	return variants;
}
