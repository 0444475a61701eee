/* change_dynset.c - which statements the elements of a set have.
 *
 * As in the kernel each element has those that it states itself, those of the rule that added
 * it, or what the set declares.  A set knows each different list of them by a number (struct
 * slot_home), of which there are so many: when they are used up the numbers that nobody has any
 * more are found and given again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/transaction.h"

/* ---- numbers that nobody has ---- */

/* By a rule that adds to the set. */
static void mark_rule(const struct rule *r, const struct set *s, bool *used)
{
	for (size_t i = 0; i < r->n_stmts; i++) {
		const struct stmt *st = &r->stmts[i];
		uint32_t number;

		if (st->kind != STMT_DYNSET || strcmp(st->dynset.set->symbol, s->name) != 0)
			continue;
		number = variant_find(s->slots, &st->dynset.stmts);
		if (number != VARIANT_NONE)
			used[number] = true;
	}
}

static void mark_table(const struct table *t, const struct set *s, bool *used)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		for (size_t j = 0; j < t->chains[i]->n_rules; j++)
			mark_rule(t->chains[i]->rules[j], s, used);
	}
}

/* The set's copy in a ruleset. */
static void mark_ruleset(const struct ruleset *rs, const struct slot_home *home, bool *used)
{
	for (size_t i = 0; i < rs->n_tables; i++) {
		const struct table *t = rs->tables[i];

		for (size_t j = 0; j < t->n_sets; j++) {
			if (t->sets[j]->slots == home)
				mark_table(t, t->sets[j], used);
		}
	}
}

/* What runs may add elements with the numbers of its rules at any time: those of the ruleset
 * before count as well, and those of one that an undo would put in force again. */
static void free_unused(struct transaction *tx, const struct set *s)
{
	struct slot_home *home = s->slots;
	bool used[SET_VARIANTS_MAX] = { true };
	const struct set_record *r;
	uint32_t cursor = 0;

	mark_ruleset(tx->old, home, used);
	mark_ruleset(tx->rs, home, used);
	if (tx->input->former)
		mark_ruleset(tx->input->former, home, used);
	while (s->dynamic && (r = set_dynamic_next(s->dynamic, &cursor, tx->input->now.mono)))
		used[r->variant % SET_VARIANTS_MAX] = true;
	for (uint32_t i = 0; i < home->n_variants; i++)
		home->variants[i].unused = !used[i] && !home->variants[i].held;
}

int variant_of(struct transaction *tx, const struct set *s, const struct stmts *stmts,
	       const struct span *at, uint32_t *ret_number)
{
	int err = variant_add(s->slots, stmts, ret_number);

	if (err == -ENOSPC) {
		free_unused(tx, s);
		err = variant_add(s->slots, stmts, ret_number);
	}
	if (err != -ENOSPC)
		return err;
	diag_error(tx->d, at,
		   "the elements of %s have too many different statements: at most %d", s->name,
		   SET_VARIANTS_MAX);
	return -EINVAL;
}

/* ---- rules ---- */

static int settle_rule(struct transaction *tx, const struct table *t, const struct rule *r)
{
	for (size_t i = 0; i < r->n_stmts; i++) {
		const struct stmt *s = &r->stmts[i];
		uint32_t number;
		size_t at;
		int err;

		if (s->kind != STMT_DYNSET || !s->dynset.stmts.n)
			continue;
		at = set_find_named(t, s->dynset.set->symbol);
		err = at == MODEL_NONE ? 0 :
					 variant_of(tx, t->sets[at], &s->dynset.stmts, NULL,
						    &number);
		if (err)
			return err;
	}
	return 0;
}

int dynsets_settle(struct transaction *tx)
{
	int err = 0;

	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		const struct table *t = tx->rs->tables[i];

		/* Those that others share are as they were. */
		if (t->refs > 1 || !t->n_sets)
			continue;
		for (size_t j = 0; j < t->n_chains; j++) {
			for (size_t k = 0; k < t->chains[j]->n_rules && !err; k++)
				err = settle_rule(tx, t, t->chains[j]->rules[k]);
		}
	}
	return err;
}
