/* list.c - commands that show something: list, reset.
 *
 * They see the ruleset as the commands before them in the same text left it. */
#include <errno.h>
#include <string.h>

#include "ruleset/transaction.h"

static bool in_family(const struct command *c, const struct table *t)
{
	return c->family == FAMILY_NONE || c->family == t->family;
}

static void open_table(const struct table *t, struct text *out)
{
	text_printf(out, "table %s %s {\n", family_name(t->family), t->name);
}

static void list_ruleset(struct transaction *tx, const struct command *c, unsigned flags)
{
	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		if (in_family(c, tx->rs->tables[i]))
			print_table(tx->rs->tables[i], flags, tx->rs->mono, &tx->out);
	}
}

static void list_tables(struct transaction *tx, const struct command *c)
{
	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		const struct table *t = tx->rs->tables[i];

		if (in_family(c, t))
			text_printf(&tx->out, "table %s %s\n", family_name(t->family), t->name);
	}
}

static void list_chains(struct transaction *tx, const struct command *c, unsigned flags)
{
	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		const struct table *t = tx->rs->tables[i];

		if (!in_family(c, t))
			continue;
		open_table(t, &tx->out);
		for (size_t j = 0; j < t->n_chains; j++) {
			if (t->chains[j]->bound)
				continue;
			print_chain_head(t->chains[j], flags, &tx->out);
			text_puts(&tx->out, "\t}\n");
		}
		text_puts(&tx->out, "}\n");
	}
}

/* list ct helpers: tables without any objects are left out, as nft does; what is reset is asked
 * for by its kind. */
static void list_kind(struct transaction *tx, const struct command *c, const struct table *t,
		      unsigned flags)
{
	bool any = c->op == COMMAND_LIST && t->n_objects;

	for (size_t i = 0; i < t->n_objects; i++)
		any = any || t->objects[i]->kind == c->kind;
	if (!any)
		return;
	open_table(t, &tx->out);
	for (size_t i = 0; i < t->n_objects; i++) {
		if (t->objects[i]->kind == c->kind)
			print_object(t->objects[i], flags, &tx->out);
	}
	text_puts(&tx->out, "}\n");
}

static int list_objects(struct transaction *tx, const struct command *c, unsigned flags)
{
	size_t at;

	if (c->table.kind == TOKEN_END) {
		for (size_t i = 0; i < tx->rs->n_tables; i++) {
			if (in_family(c, tx->rs->tables[i]))
				list_kind(tx, c, tx->rs->tables[i], flags);
		}
		return 0;
	}
	at = transaction_table(tx, command_family(c), &c->table);
	if (at == MODEL_NONE)
		return -EINVAL;
	list_kind(tx, c, tx->rs->tables[at], flags);
	return 0;
}

static void list_flowtables(struct transaction *tx, const struct command *c, unsigned flags)
{
	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		const struct table *t = tx->rs->tables[i];

		if (!in_family(c, t))
			continue;
		open_table(t, &tx->out);
		for (size_t j = 0; j < t->n_flowtables; j++)
			print_flowtable(t->flowtables[j], flags, &tx->out);
		text_puts(&tx->out, "}\n");
	}
}

/* Lists of objects that tables do not have: nft shows those tables that have any objects,
 * unless they are reset. */
static int list_others(struct transaction *tx, const struct command *c)
{
	size_t only = MODEL_NONE;

	if (c->table.kind != TOKEN_END) {
		only = transaction_table(tx, command_family(c), &c->table);
		if (only == MODEL_NONE)
			return -EINVAL;
	}
	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		if (!in_family(c, tx->rs->tables[i]) || (only != MODEL_NONE && only != i) ||
		    c->op != COMMAND_LIST || !tx->rs->tables[i]->n_objects)
			continue;
		open_table(tx->rs->tables[i], &tx->out);
		text_puts(&tx->out, "}\n");
	}
	return 0;
}

bool set_of_class(const struct set *s, enum set_class which)
{
	return s->meter ? which == METERS :
			  which != METERS && (s->kind != DATA_NONE) == (which == MAPS);
}

static void list_class(struct transaction *tx, const struct command *c, const struct table *t,
		       unsigned flags)
{
	open_table(t, &tx->out);
	for (size_t i = 0; i < t->n_sets; i++) {
		if (set_of_class(t->sets[i], c->which))
			print_set(t, t->sets[i], flags, tx->rs->mono, &tx->out);
	}
	text_puts(&tx->out, "}\n");
}

/* list sets [FAMILY], list sets table [FAMILY] TABLE */
static int list_sets(struct transaction *tx, const struct command *c, unsigned flags)
{
	size_t at;

	if (c->table.kind != TOKEN_END) {
		at = transaction_table(tx, command_family(c), &c->table);
		if (at == MODEL_NONE)
			return -EINVAL;
		list_class(tx, c, tx->rs->tables[at], flags);
		return 0;
	}
	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		if (in_family(c, tx->rs->tables[i]))
			list_class(tx, c, tx->rs->tables[i], flags);
	}
	return 0;
}

size_t set_of_command(struct transaction *tx, const struct table *t, const struct command *c)
{
	size_t at = set_named(tx, t, c);

	if (at == MODEL_NONE || set_of_class(t->sets[at], c->which))
		return at;
	diag_error(tx->d, &c->name.span, "%s is a %s", t->sets[at]->name,
		   t->sets[at]->meter ? "meter" : t->sets[at]->kind ? "map" : "set");
	return MODEL_NONE;
}

static int list_set(struct transaction *tx, const struct command *c, const struct table *t,
		    unsigned flags)
{
	size_t at = set_of_command(tx, t, c);

	if (at == MODEL_NONE)
		return -EINVAL;
	open_table(t, &tx->out);
	print_set(t, t->sets[at], flags, tx->rs->mono, &tx->out);
	text_puts(&tx->out, "}\n");
	return 0;
}

/* A rule alone, as within its chain. */
static int list_rule(struct transaction *tx, const struct command *c, const struct table *t,
		     const struct chain *chain, unsigned flags)
{
	size_t at = transaction_rule(tx, chain, c->place_number, &c->place_span);

	if (at == MODEL_NONE)
		return -EINVAL;
	open_table(t, &tx->out);
	print_chain_head(chain, flags, &tx->out);
	text_puts(&tx->out, "\t\t");
	print_rule(chain->rules[at], flags, &tx->out);
	text_puts(&tx->out, "\n\t}\n}\n");
	return 0;
}

static int list_in_table(struct transaction *tx, const struct command *c, unsigned flags)
{
	size_t at = transaction_table(tx, command_family(c), &c->table);
	const struct table *t;

	if (at == MODEL_NONE)
		return -EINVAL;
	t = tx->rs->tables[at];
	if (c->object == OBJECT_TABLE) {
		print_table(t, flags, tx->rs->mono, &tx->out);
		return 0;
	}
	if (c->object == OBJECT_FLOWTABLE) {
		at = flowtable_named(tx, t, c);
		if (at == MODEL_NONE)
			return -EINVAL;
		open_table(t, &tx->out);
		print_flowtable(t->flowtables[at], flags, &tx->out);
		text_puts(&tx->out, "}\n");
		return 0;
	}
	if (c->object == OBJECT_SET)
		return list_set(tx, c, t, flags);
	if (c->object == OBJECT_NAMED) {
		at = object_named(tx, t, c);
		if (at == MODEL_NONE)
			return -EINVAL;
		open_table(t, &tx->out);
		print_object(t->objects[at], flags, &tx->out);
		text_puts(&tx->out, "}\n");
		return 0;
	}
	at = transaction_chain(tx, t, &c->chain);
	if (at == MODEL_NONE)
		return -EINVAL;
	if (c->object == OBJECT_RULE)
		return list_rule(tx, c, t, t->chains[at], flags);
	open_table(t, &tx->out);
	print_chain(t->chains[at], flags, &tx->out);
	text_puts(&tx->out, "}\n");
	return 0;
}

static int get_element(struct transaction *tx, struct command *c)
{
	size_t at = transaction_table(tx, command_family(c), &c->table);

	return at == MODEL_NONE ? -EINVAL : element_get(tx, c, at);
}

int list_apply(struct transaction *tx, struct command *c)
{
	unsigned flags = tx->input->print;

	/* A check changes nothing: it only shows. */
	if (c->op == COMMAND_RESET && !tx->input->check)
		flags |= PRINT_RESET;
	if (c->op == COMMAND_GET)
		return get_element(tx, c);
	if (tx->input->json)
		return list_json(tx, c, flags);
	switch (c->object) {
	case OBJECT_RULESET:
		list_ruleset(tx, c, flags);
		return 0;
	case OBJECT_TABLES:
		list_tables(tx, c);
		return 0;
	case OBJECT_CHAINS:
		list_chains(tx, c, flags);
		return 0;
	case OBJECT_KIND:
		return list_objects(tx, c, flags);
	case OBJECT_FLOWTABLES:
		list_flowtables(tx, c, flags);
		return 0;
	case OBJECT_SETS:
		return list_sets(tx, c, flags);
	case OBJECT_HOOKS:
		return list_hooks(tx, c->family);
	case OBJECT_OTHERS:
		return list_others(tx, c);
	default:
		return list_in_table(tx, c, flags);
	}
}
