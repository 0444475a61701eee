/* change_block.c - blocks of rules: jump { ... } and goto { ... }.
 *
 * As in the kernel, a block is a chain that is bound to one rule: it comes with the rule, goes
 * with it, and no command can name it.  It stands among the table's chains, where whatever looks
 * at all rules finds it, under a name that those see who trace packets.  The rule holds it as
 * well: that is how it is listed.  It comes behind the chain of its rule, always. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/transaction.h"

/* As the kernel's are called. */
static struct chain *new_block(struct table *t)
{
	char name[32];
	struct chain *c;
	uint64_t n = t->last_handle + 1;

	do
		snprintf(name, sizeof(name), "__chain%" PRIu64, n++);
	while (chain_find(t, name) != MODEL_NONE);
	c = chain_new(name, strlen(name));
	if (!c)
		return NULL;
	c->bound = true;
	c->handle = ++t->last_handle;
	return table_add_chain(t, c) ? c : NULL;
}

int block_add(struct transaction *tx, const struct command *c, struct table *t,
	      struct rule_spec *spec)
{
	const struct command add = { .op = COMMAND_ADD, .table = c->table };
	struct chain *block;
	size_t at;
	int err = 0;

	if (!spec->has_block)
		return 0;
	block = new_block(t);
	if (!block)
		return -ENOMEM;
	at = t->n_chains - 1;
	for (size_t i = 0; i < spec->n_block && !err; i++)
		err = rule_add_to(tx, &add, t, at, &spec->block[i]);
	for (size_t i = 0; i < spec->stmts.n && !err; i++) {
		struct stmt *s = &spec->stmts.v[i];

		if (s->kind != STMT_VERDICT || s->verdict.chain ||
		    (s->verdict.verdict != RULE_JUMP && s->verdict.verdict != RULE_GOTO))
			continue;
		s->verdict.chain = strdup(block->name);
		s->verdict.block = chain_ref(block);
		err = s->verdict.chain ? 0 : -ENOMEM;
	}
	return err;
}

void rule_leaves(struct transaction *tx, struct table *t, const struct rule *r)
{
	const struct chain *block = rule_block(r);
	size_t at;

	uses_remove_rule(tx, t, r);
	if (!block)
		return;
	for (size_t i = 0; i < block->n_rules; i++)
		uses_remove_rule(tx, t, block->rules[i]);
	at = chain_find(t, block->name);
	if (at != MODEL_NONE)
		table_remove_chain(t, at);
}

/* Chains that were copied, for what their rules lead to has another name. */
int blocks_relink(struct table *t)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		for (size_t j = 0; j < t->chains[i]->n_rules; j++) {
			struct rule *r = t->chains[i]->rules[j], *copy;
			const struct chain *block = rule_block(r);
			struct chain *own;

			if (!block || t->chains[chain_find(t, block->name)] == block)
				continue;
			own = chain_own(t, i);
			copy = own ? rule_relinked(r, t) : NULL;
			if (!copy)
				return -ENOMEM;
			own->rules[j] = copy;
			rule_unref(r);
		}
	}
	return 0;
}
