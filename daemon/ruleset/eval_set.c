/* eval_set.c - elements of sets: found, counted, added (nft_lookup_eval, nft_dynset_eval). */
#include <string.h>

#include "ctfw/state.h"
#include "ruleset/program.h"

/* ---- what elements remember ----
 *
 * Each statement says whether the rule goes on (nft_set_elem_update_expr). */

static enum ct_acted run_word(const struct program *p, struct program_state ps,
			      struct eval *e, struct set_record *r, unsigned word)
{
	/* What a former process left may be anything. */
	if (set_record_has_list(r, word) != (ps.kind == STATE_CONNLIMIT))
		return CT_ACTED;
	switch (ps.kind) {
	case STATE_COUNTER:
		atomic_fetch_add_explicit(&r->state[word], 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&r->state[word + 1], e->packet->len,
					  memory_order_relaxed);
		return CT_ACTED;
	case STATE_CONNLIMIT:
		return eval_element_flows(p, &ps, e, r, word);
	default:
		ps.word = &r->state[word];
		return eval_state(p, &ps, e);
	}
}

/* The statements of an element; none where a later program has added it, with such as this one
 * does not know. */
static struct program_states states_of(const struct program *p,
				       struct program_variants variants, uint32_t variant)
{
	return variant < variants.n ? p->variants[variants.first + variant] :
				      (struct program_states){ 0 };
}

/* Of an element that a packet added: its words, two of a counter. */
static enum ct_acted run_words(const struct program *p, struct program_variants variants,
			       struct eval *e, struct set_record *r)
{
	const struct program_states states = states_of(p, variants, r->variant);
	enum ct_acted acted = CT_ACTED;
	unsigned word = 0;

	for (uint32_t i = 0; i < states.n && acted == CT_ACTED; i++) {
		const struct program_state *ps = &p->states[states.first + i];

		acted = run_word(p, *ps, e, r, word);
		word += ps->kind == STATE_COUNTER ? 2 : 1;
	}
	return acted;
}

/* Of one that a transaction added: its slots. */
static enum ct_acted run_slots(const struct program *p, struct program_variants variants,
			       struct eval *e, const uint32_t *slots)
{
	enum ct_acted acted = CT_ACTED;
	struct program_states states;

	if (!slots || !p->counters)
		return CT_ACTED;
	states = states_of(p, variants, slots[SLOTS_VARIANT]);
	for (uint32_t i = 0; i < states.n && acted == CT_ACTED; i++) {
		struct program_state ps = p->states[states.first + i];
		const uint32_t slot = slots[SLOTS_FIRST + i];

		if (slot == STATE_NONE)
			continue;
		if (ps.kind == STATE_COUNTER) {
			eval_count(p, slot, e);
			continue;
		}
		ps.slot = slot;
		ps.word = state_at(counters_states(p->counters), slot)->word;
		acted = eval_state(p, &ps, e);
	}
	return acted;
}

/* ---- look-ups ---- */

bool eval_find(const struct program *p, const struct program_set *s, struct eval *e,
	       const uint8_t *key, struct set_hit *ret_hit)
{
	struct set_record *r =
		s->dynamic ? set_dynamic_find(s->dynamic, key, e->now.mono) : NULL;

	if (r) {
		*ret_hit = (struct set_hit){ .data = r->data };
		return run_words(p, s->variants, e, r) == CT_ACTED;
	}
	return set_find(s->content, key, e->now.mono, ret_hit) &&
	       run_slots(p, s->variants, e, ret_hit->slots) == CT_ACTED;
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

/* Housekeeping closes an element's empty list, and then the element: who comes in between adds
 * the next one.  Nobody can come too late that often. */
#define ATTEMPTS 4

static enum ct_acted add_element(const struct program *p, const struct program_dynset *d,
				 struct eval *e, const struct set_value *value)
{
	const uint64_t mono = e->now.mono;
	enum ct_acted acted = CT_ACTED_GONE;

	for (unsigned i = 0; i < ATTEMPTS && acted == CT_ACTED_GONE; i++) {
		struct set_record *r = NULL;
		enum set_outcome outcome =
			d->op == DYNSET_ADD ?
				set_dynamic_add(d->set, e->worker, value, mono, &r) :
				set_dynamic_update(d->set, e->worker, value, mono, &r);

		if (outcome != SET_ADDED && outcome != SET_FOUND)
			return CT_ACTED_BREAK;
		acted = run_words(p, d->variants, e, r);
		if (acted == CT_ACTED_GONE)
			set_dynamic_end(d->set, r);
	}
	return acted == CT_ACTED_GONE ? CT_ACTED_BREAK : acted;
}

enum ct_acted eval_dynset(const struct program *p, const struct program_dynset *d,
			  struct eval *e, const uint8_t *key, const uint8_t *data)
{
	const struct set_value value = {
		.key = key,
		.data = d->has_data ? data : NULL,
		.timeout = d->timeout,
		.variant = d->variant,
		.lists = d->lists,
	};
	struct set_hit hit;

	/* Nothing was lent for what packets add: a check, a replay without room. */
	if (!d->set)
		return CT_ACTED_BREAK;
	if (d->op == DYNSET_DELETE) {
		set_dynamic_delete(d->set, key, e->now.mono);
		return CT_ACTED;
	}
	/* The operator's own stay as they are. */
	if (set_find(d->content, key, e->now.mono, &hit))
		return run_slots(p, d->variants, e, hit.slots);
	return add_element(p, d, e, &value);
}
