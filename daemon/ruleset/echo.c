/* echo.c - what -e shows: everything that was added, a line each, as nft's monitor writes it.
 *
 * A rule that has neighbours on both sides is shown with the handle of the one before it, as
 * the kernel tells it; so all is shown at the end, when the neighbours are known. */
#include "ruleset/transaction.h"

struct place {
	const struct ruleset *rs;
	/* Where the last rule was: the next one mostly follows it. */
	const struct chain *chain;
	size_t at;
};

static const struct table *find_table(const struct ruleset *rs, uint64_t handle)
{
	for (size_t i = rs->n_tables; i-- > 0;) {
		if (rs->tables[i]->handle == handle)
			return rs->tables[i];
	}
	return NULL;
}

static const struct chain *find_chain(const struct place *place, const struct table *t,
				      uint64_t handle)
{
	for (size_t i = t->n_chains; i-- > 0;) {
		if (place->chain == t->chains[i] && place->chain->handle == handle)
			return place->chain;
		if (t->chains[i]->handle == handle)
			return t->chains[i];
	}
	return NULL;
}

static const char *verb(enum command_op op)
{
	return op == COMMAND_CREATE ? "create" : op == COMMAND_INSERT ? "insert" : "add";
}

static void echo_object(const struct transaction *tx, const struct echo *e,
			const struct table *t, struct text *out)
{
	for (size_t i = t->n_objects; i-- > 0;) {
		if (t->objects[i]->handle != e->handle)
			continue;
		if (tx->input->json)
			echo_json_object(tx, e, t, t->objects[i], out);
		else
			line_object(verb(e->op), t, t->objects[i], tx->input->print, out);
		return;
	}
}

static void echo_flowtable(const struct transaction *tx, const struct echo *e,
			   const struct table *t, struct text *out)
{
	for (size_t i = t->n_flowtables; i-- > 0;) {
		if (t->flowtables[i]->handle != e->handle)
			continue;
		if (tx->input->json)
			echo_json_flowtable(e, t, t->flowtables[i], out);
		else
			line_flowtable(verb(e->op), t, t->flowtables[i], tx->input->print, out);
		return;
	}
}

static const struct set *find_set(const struct table *t, uint64_t handle)
{
	for (size_t i = t->n_sets; i-- > 0;) {
		if (t->sets[i]->handle == handle)
			return t->sets[i];
	}
	return NULL;
}

static void echo_set(const struct transaction *tx, const struct echo *e, const struct table *t,
		     struct text *out)
{
	const struct set *s = find_set(t, e->handle);

	if (!s)
		return;
	if (tx->input->json) {
		echo_json_set(tx, e, t, s, out);
		return;
	}
	if (e->kind == ECHO_ELEMENT) {
		text_printf(out, "add element %s %s %s { %s }\n", family_name(t->family),
			    t->name, s->name, e->text);
		return;
	}
	line_set(verb(e->op), t, s, tx->input->print, out);
}

/* The place of the rule, looked for from where the last one was. */
static bool find_rule(struct place *place, const struct chain *c, uint64_t handle)
{
	size_t start = place->chain == c ? place->at : 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		size_t at = (start + i) % c->n_rules;

		if (c->rules[at]->handle == handle) {
			place->chain = c;
			place->at = at;
			return true;
		}
	}
	return false;
}

static void echo_rule(const struct transaction *tx, const struct echo *e, const struct table *t,
		      struct place *place, struct text *out)
{
	if (tx->input->json) {
		echo_json_rule(tx, e, t, place->chain, place->chain->rules[place->at], out);
		return;
	}
	if (e->op == COMMAND_REPLACE)
		line_delete_rule(t, place->chain, e->handle, out);
	line_rule(verb(e->op), t, place->chain, place->at, tx->input->print, out);
}

static void echo_in_table(const struct transaction *tx, const struct echo *e,
			  const struct table *t, struct place *place, struct text *out)
{
	const struct chain *c = find_chain(place, t,
					   e->kind == ECHO_CHAIN ? e->handle : e->chain);

	if (!c)
		return;
	if (e->kind == ECHO_CHAIN && tx->input->json)
		echo_json_chain(e, t, c, out);
	else if (e->kind == ECHO_CHAIN)
		line_chain(verb(e->op), t, c, tx->input->print, out);
	else if (find_rule(place, c, e->handle))
		echo_rule(tx, e, t, place, out);
}

static void echo_all(const struct transaction *tx, struct text *out)
{
	struct place place = { .rs = tx->rs };

	for (size_t i = 0; i < tx->n_echoes; i++) {
		const struct echo *e = &tx->echoes[i];
		const struct table *t = find_table(tx->rs, e->table ? e->table : e->handle);

		if (!t)
			continue;
		switch (e->kind) {
		case ECHO_TABLE:
			if (tx->input->json)
				echo_json_table(e, t, out);
			else
				line_table(verb(e->op), t, e->flags, tx->input->print, out);
			break;
		case ECHO_OBJECT:
			echo_object(tx, e, t, out);
			break;
		case ECHO_FLOWTABLE:
			echo_flowtable(tx, e, t, out);
			break;
		case ECHO_SET:
		case ECHO_ELEMENT:
			echo_set(tx, e, t, out);
			break;
		case ECHO_CHAIN:
		case ECHO_RULE:
			echo_in_table(tx, e, t, &place, out);
			break;
		}
	}
}

void echo_print(const struct transaction *tx, struct text *out)
{
	if (!tx->input->json) {
		echo_all(tx, out);
		return;
	}
	if (!tx->n_echoes && !tx->json)
		return;
	text_puts(out, "{\"nftables\": [");
	if (tx->json)
		echo_json_document(tx, tx->json, out);
	else
		echo_all(tx, out);
	text_puts(out, "]}\n");
}
