/* list_json.c - list and reset as JSON: a document for each command, as nft's. */
#include <errno.h>
#include <inttypes.h>

#include "ruleset/print_json.h"
#include "ruleset/transaction.h"

static bool in_family(const struct command *c, const struct table *t)
{
	return c->family == FAMILY_NONE || c->family == t->family;
}

/* What a command shows of a table. */
static void list_of(struct transaction *tx, const struct command *c, const struct table *t,
		    unsigned flags)
{
	switch (c->object) {
	case OBJECT_RULESET:
	case OBJECT_TABLE:
		print_json_whole(t, flags, tx->rs->mono, &tx->out);
		break;
	case OBJECT_TABLES:
		print_json_table(t, &tx->out);
		break;
	case OBJECT_CHAINS:
		print_json_chains(t, &tx->out);
		break;
	case OBJECT_KIND:
		for (size_t i = 0; i < t->n_objects; i++) {
			if (t->objects[i]->kind == c->kind)
				print_json_object(t, t->objects[i], flags, &tx->out);
		}
		break;
	case OBJECT_FLOWTABLES:
		for (size_t i = 0; i < t->n_flowtables; i++)
			print_json_flowtable(t, t->flowtables[i], &tx->out);
		break;
	case OBJECT_SETS:
		for (size_t i = 0; i < t->n_sets; i++) {
			if (set_of_class(t->sets[i], c->which))
				print_json_set(t, t->sets[i], flags, tx->rs->mono, &tx->out);
		}
		break;
	default:
		break;
	}
}

/* One thing of a table. */
static int list_one(struct transaction *tx, const struct command *c, const struct table *t,
		    unsigned flags)
{
	const struct chain *chain;
	size_t at;

	if (c->object == OBJECT_NAMED) {
		at = object_named(tx, t, c);
		if (at == MODEL_NONE)
			return -EINVAL;
		print_json_object(t, t->objects[at], flags, &tx->out);
		return 0;
	}
	if (c->object == OBJECT_FLOWTABLE) {
		at = flowtable_named(tx, t, c);
		if (at == MODEL_NONE)
			return -EINVAL;
		print_json_flowtable(t, t->flowtables[at], &tx->out);
		return 0;
	}
	if (c->object == OBJECT_SET) {
		at = set_of_command(tx, t, c);
		if (at == MODEL_NONE)
			return -EINVAL;
		print_json_set(t, t->sets[at], flags, tx->rs->mono, &tx->out);
		return 0;
	}
	at = transaction_chain(tx, t, &c->chain);
	if (at == MODEL_NONE)
		return -EINVAL;
	chain = t->chains[at];
	if (c->object == OBJECT_RULE) {
		at = transaction_rule(tx, chain, c->place_number, &c->place_span);
		if (at == MODEL_NONE)
			return -EINVAL;
		print_json_rule(t, chain, chain->rules[at], flags, &tx->out);
		return 0;
	}
	print_json_chain(t, chain, &tx->out);
	print_json_rules(t, chain, flags, &tx->out);
	return 0;
}

static int list_in_table(struct transaction *tx, const struct command *c, unsigned flags)
{
	size_t at = transaction_table(tx, command_family(c), &c->table);
	const struct table *t = at == MODEL_NONE ? NULL : tx->rs->tables[at];

	if (!t)
		return -EINVAL;
	switch (c->object) {
	case OBJECT_CHAIN:
	case OBJECT_RULE:
	case OBJECT_NAMED:
	case OBJECT_FLOWTABLE:
	case OBJECT_SET:
		return list_one(tx, c, t, flags);
	default:
		list_of(tx, c, t, flags);
		return 0;
	}
}

int list_json(struct transaction *tx, const struct command *c, unsigned flags)
{
	int err = 0;

	/* nft has no form for these. */
	if (c->object == OBJECT_HOOKS)
		return list_hooks(tx, c->family);
	print_json_begin(&tx->out);
	if (c->table.kind != TOKEN_END) {
		err = list_in_table(tx, c, flags);
	} else {
		for (size_t i = 0; i < tx->rs->n_tables; i++) {
			if (in_family(c, tx->rs->tables[i]))
				list_of(tx, c, tx->rs->tables[i], flags);
		}
	}
	print_json_end(&tx->out);
	return err;
}
