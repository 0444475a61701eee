/* eval_set.c - elements of sets: found, counted, added (nft_lookup_eval, nft_dynset_eval). */
#include <string.h>

#include "ctfw/state.h"
#include "ruleset/program.h"

/* ---- what elements remember ----
 *
 * Each statement says whether the rule goes on (nft_set_elem_update_expr). */

static bool go_on(const struct program *p, struct program_state ps, _Atomic uint64_t *word,
		  struct eval *e)
{
	ps.word = word;
	return eval_state(p, &ps, e) == CT_ACTED;
}

/* Of an element that a packet added: its words, two of a counter. */
static bool run_words(const struct program *p, struct program_states states, struct eval *e,
		      struct set_record *r)
{
	_Atomic uint64_t *word = r->state;

	if (!r->stateful)
		return true;
	for (uint32_t i = states.first; i < states.first + states.n; i++) {
		if (p->states[i].kind == STATE_COUNTER) {
			atomic_fetch_add_explicit(word++, 1, memory_order_relaxed);
			atomic_fetch_add_explicit(word++, e->packet->len, memory_order_relaxed);
		} else if (!go_on(p, p->states[i], word++, e)) {
			return false;
		}
	}
	return true;
}

/* Of one that a transaction added: its slots. */
static bool run_slots(const struct program *p, struct program_states states, struct eval *e,
		      const uint32_t *slots)
{
	for (uint32_t i = 0; slots && p->counters && i < states.n; i++) {
		const struct program_state *ps = &p->states[states.first + i];

		if (slots[i] == STATE_NONE)
			continue;
		if (ps->kind == STATE_COUNTER)
			eval_count(p, slots[i], e);
		else if (!go_on(p, *ps, state_at(counters_states(p->counters), slots[i])->word,
				e))
			return false;
	}
	return true;
}

/* ---- look-ups ---- */

bool eval_find(const struct program *p, const struct program_set *s, struct eval *e,
	       const uint8_t *key, struct set_hit *ret_hit)
{
	struct set_record *r =
		s->dynamic ? set_dynamic_find(s->dynamic, key, e->now.mono) : NULL;

	if (r) {
		*ret_hit = (struct set_hit){ .data = r->data };
		return run_words(p, s->given, e, r);
	}
	return set_find(s->content, key, e->now.mono, ret_hit) &&
	       run_slots(p, s->stated, e, ret_hit->slots);
}

bool eval_lacks(const struct program_set *s, const struct eval *e, const uint8_t *key)
{
	struct set_hit hit;

	return !(s->dynamic && set_dynamic_find(s->dynamic, key, e->now.mono)) &&
	       !set_find(s->content, key, e->now.mono, &hit);
}

const struct program_object *eval_object(const struct program *p, const struct program_set *s,
					 struct eval *e, const uint8_t *key)
{
	const struct program_object *o = p->objects + s->first_object;
	uint32_t n = s->n_objects;
	struct set_hit hit;
	uint64_t handle;

	if (!n || !eval_find(p, s, e, key, &hit))
		return NULL;
	memcpy(&handle, hit.data, sizeof(handle));
	while (n > 1) {
		uint32_t half = n / 2;

		o += o[half].handle <= handle ? half : 0;
		n -= half;
	}
	return o->handle == handle ? o : NULL;
}

/* ---- changes ---- */

bool eval_dynset(const struct program *p, const struct program_dynset *d, struct eval *e,
		 const uint8_t *key, const uint8_t *data)
{
	const struct set_value value = {
		.key = key,
		.data = d->has_data ? data : NULL,
		.timeout = d->timeout,
		.stateful = d->given.n > 0,
	};
	const uint64_t mono = e->now.mono;
	struct set_record *r = NULL;
	enum set_outcome outcome;
	struct set_hit hit;

	/* Nothing was lent for what packets add: a check, a replay without room. */
	if (!d->set)
		return false;
	if (d->op == DYNSET_DELETE) {
		set_dynamic_delete(d->set, key, mono);
		return true;
	}
	/* The operator's own stay as they are. */
	if (set_find(d->content, key, mono, &hit))
		return run_slots(p, d->stated, e, hit.slots);
	outcome = d->op == DYNSET_ADD ? set_dynamic_add(d->set, e->worker, &value, mono, &r) :
					set_dynamic_update(d->set, e->worker, &value, mono, &r);
	return (outcome == SET_ADDED || outcome == SET_FOUND) && run_words(p, d->given, e, r);
}
