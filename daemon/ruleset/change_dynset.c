/* change_dynset.c - statements that rules give to elements, of sets that declare none.
 *
 * In the kernel each element has those of the rule that added it.  Here all elements of a set
 * have the same, so that what packets added need not say it: rules that disagree are refused,
 * and with the last rule that gave others the new ones hold for all. */
#include <errno.h>
#include <stdlib.h>

#include "ruleset/transaction.h"

static int give(struct table *t, size_t at, const struct stmts *stmts)
{
	struct set *s = set_own(t, at);

	if (!s)
		return -ENOMEM;
	stmts_fini(&s->given);
	return stmts_clone(&s->given, stmts->v, stmts->n) ? 0 : -ENOMEM;
}

/* seen: whether a rule has given to this set. */
static int settle_stmt(struct transaction *tx, struct table *t, const struct rule *r,
		       const struct stmt *s, bool *seen)
{
	const struct stmts *stmts = &s->dynset.stmts;
	size_t at;

	if (s->kind != STMT_DYNSET || s->dynset.op == DYNSET_DELETE || !stmts->n)
		return 0;
	at = set_find_named(t, s->dynset.set->symbol);
	if (at == MODEL_NONE || t->sets[at]->stmts.n)
		return 0;
	if (!stmts_same_state(&t->sets[at]->given, stmts)) {
		if (seen[at]) {
			diag_error(tx->d, NULL,
				   "the rule with handle %llu gives the elements of %s other "
				   "statements than another rule does",
				   (unsigned long long)r->handle, t->sets[at]->name);
			return -EINVAL;
		}
		if (give(t, at, stmts))
			return -ENOMEM;
	}
	seen[at] = true;
	return 0;
}

static int settle_table(struct transaction *tx, struct table *t)
{
	bool *seen = calloc(t->n_sets + 1, sizeof(*seen));
	int err = seen ? 0 : -ENOMEM;

	for (size_t i = 0; i < t->n_chains && !err; i++) {
		const struct chain *c = t->chains[i];

		for (size_t j = 0; j < c->n_rules && !err; j++) {
			for (size_t k = 0; k < c->rules[j]->n_stmts && !err; k++)
				err = settle_stmt(tx, t, c->rules[j], &c->rules[j]->stmts[k],
						  seen);
		}
	}
	free(seen);
	return err;
}

int dynsets_settle(struct transaction *tx)
{
	int err = 0;

	/* Those that others share are as they were. */
	for (size_t i = 0; i < tx->rs->n_tables && !err; i++) {
		if (tx->rs->tables[i]->refs == 1 && tx->rs->tables[i]->n_sets)
			err = settle_table(tx, tx->rs->tables[i]);
	}
	return err;
}
