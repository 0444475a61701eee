/* variant.c - the statements that the elements of one set have, where they do not all have the
 * same: each different list of them once, and a number for it. */
#include <errno.h>
#include <stdlib.h>

#include "ruleset/model.h"

const struct stmts *variant_stmts(const struct slot_home *h, uint32_t number)
{
	static const struct stmts none;

	return h && number < h->n_variants ? &h->variants[number].stmts : &none;
}

uint32_t variant_find(const struct slot_home *h, const struct stmts *stmts)
{
	for (uint32_t i = 0; i < h->n_variants; i++) {
		if (!h->variants[i].unused && stmts_same_state(&h->variants[i].stmts, stmts))
			return i;
	}
	return VARIANT_NONE;
}

/* What they say, without what the first that has them begins with. */
static bool copy(struct stmts *to, const struct stmts *stmts)
{
	if (!stmts_clone(to, stmts->v, stmts->n))
		return false;
	for (size_t i = 0; i < to->n; i++) {
		struct stateful *s = &to->v[i].state;

		s->slot = STATE_NONE;
		if (to->v[i].kind == STMT_COUNTER)
			s->initial = (struct counter){ 0 };
		else if (to->v[i].kind == STMT_QUOTA)
			s->quota.used = 0;
		else if (to->v[i].kind == STMT_LAST)
			s->last.used = false;
	}
	return true;
}

int variant_put(struct slot_home *h, uint32_t number, const struct stmts *stmts)
{
	struct variant *grown;
	struct stmts new = { 0 };

	if (number >= SET_VARIANTS_MAX)
		return -ENOSPC;
	if (!copy(&new, stmts))
		return -ENOMEM;
	if (number >= h->n_variants) {
		grown = realloc(h->variants, (number + 1) * sizeof(*grown));
		if (!grown) {
			stmts_fini(&new);
			return -ENOMEM;
		}
		h->variants = grown;
		while (h->n_variants <= number)
			grown[h->n_variants++] = (struct variant){ .unused = true };
	}
	stmts_fini(&h->variants[number].stmts);
	h->variants[number].stmts = new;
	h->variants[number].unused = false;
	return 0;
}

int variant_add(struct slot_home *h, const struct stmts *stmts, uint32_t *ret_number)
{
	uint32_t at = variant_find(h, stmts);
	int err = 0;

	if (at == VARIANT_NONE) {
		for (at = 0; at < h->n_variants && !h->variants[at].unused; at++)
			;
		err = variant_put(h, at, stmts);
	}
	if (!err)
		*ret_number = at;
	return err;
}

bool variants_merge(struct slot_home *h, const struct slot_home *from,
		    uint32_t ret_numbers[SET_VARIANTS_MAX])
{
	if (!stmts_same_state(&h->variants[0].stmts, &from->variants[0].stmts))
		return false;
	for (uint32_t i = 0; i < from->n_variants; i++) {
		if (!from->variants[i].unused &&
		    variant_add(h, &from->variants[i].stmts, &ret_numbers[i]))
			return false;
	}
	return true;
}

bool variants_count_flows(const struct slot_home *h)
{
	for (uint32_t i = 0; i < h->n_variants; i++) {
		if (stmts_count_flows(&h->variants[i].stmts))
			return true;
	}
	return false;
}
