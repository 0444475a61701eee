/* eval_set.c - elements of sets: found, counted, added (nft_lookup_eval, nft_dynset_eval). */
#include <string.h>

#include "ruleset/program.h"

/* ---- what elements remember ---- */

/* Of an element that a packet added: its words, two a counter. */
static bool run_state(const struct stmts *stmts, const struct eval *e, struct set_record *r)
{
	_Atomic uint64_t *word = r->state;

	for (size_t i = 0; i < stmts->n; i++) {
		if (stmts->v[i].kind != STMT_COUNTER || word + 2 > r->state + SET_RECORD_STATE)
			continue;
		atomic_fetch_add_explicit(&word[0], 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&word[1], e->packet->len, memory_order_relaxed);
		word += 2;
	}
	return true;
}

/* Of one that a transaction added: its slots. */
static void run_slots(const struct program *p, const struct program_set *s,
		      const struct eval *e, const uint32_t *slots)
{
	for (size_t i = 0; i < s->named->stmts.n; i++)
		eval_count(p, slots[i], e);
}

/* ---- look-ups ---- */

bool eval_find(const struct program *p, const struct program_set *s, const struct eval *e,
	       const uint8_t *key, struct set_hit *ret_hit)
{
	struct set_record *r =
		s->dynamic ? set_dynamic_find(s->dynamic, key, e->now.mono) : NULL;

	if (r) {
		*ret_hit = (struct set_hit){ .data = r->data };
		return run_state(&s->named->stmts, e, r);
	}
	if (!set_find(s->content, key, e->now.mono, ret_hit))
		return false;
	if (ret_hit->slots && p->counters)
		run_slots(p, s, e, ret_hit->slots);
	return true;
}

/* ---- changes ---- */

bool eval_dynset(const struct program *p, const struct program_dynset *d, const struct eval *e,
		 const uint8_t *key, const uint8_t *data)
{
	const struct set_value value = {
		.key = key,
		.data = d->has_data ? data : NULL,
		.timeout = d->timeout,
	};
	const uint64_t mono = e->now.mono;
	struct set_record *r = NULL;
	enum set_outcome outcome;
	struct set_hit hit;

	(void)p;
	/* Nothing was lent for what packets add: a check, a replay without room. */
	if (!d->set)
		return false;
	if (d->op == DYNSET_DELETE) {
		set_dynamic_delete(d->set, key, mono);
		return true;
	}
	/* The operator's own stay as they are. */
	if (set_find(d->content, key, mono, &hit))
		return true;
	outcome = d->op == DYNSET_ADD ? set_dynamic_add(d->set, e->worker, &value, mono, &r) :
					set_dynamic_update(d->set, e->worker, &value, mono, &r);
	return (outcome == SET_ADDED || outcome == SET_FOUND) && run_state(d->stmts, e, r);
}
