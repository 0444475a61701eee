/* echo.c - what -e shows: everything that was added, a line each, as nft's monitor writes it.
 *
 * A rule that has neighbours on both sides is shown with the handle of the one before it, as
 * the kernel tells it; so all is shown at the end, when the neighbours are known. */
#include <inttypes.h>

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

static void print_handle(const struct transaction *tx, uint64_t handle, struct text *out)
{
	if (tx->input->print & PRINT_HANDLE)
		text_printf(out, " # handle %" PRIu64, handle);
	text_putc(out, '\n');
}

static void echo_table(const struct transaction *tx, const struct echo *e,
		       const struct table *t, struct text *out)
{
	if (tx->input->json) {
		echo_json_table(e, t, out);
		return;
	}
	text_printf(out, "%s table %s %s", verb(e->op), family_name(t->family), t->name);
	if (e->flags & TABLE_DORMANT)
		text_puts(out, " { flags dormant; }");
	print_handle(tx, t->handle, out);
}

static void echo_chain(const struct transaction *tx, const struct echo *e,
		       const struct table *t, const struct chain *c, struct text *out)
{
	if (tx->input->json) {
		echo_json_chain(e, t, c, out);
		return;
	}
	text_printf(out, "%s chain %s %s %s", verb(e->op), family_name(t->family), t->name,
		    c->name);
	if (c->type != CHAIN_REGULAR) {
		text_printf(out, " { type filter hook %s priority ", hook_name(c->hook));
		print_priority(c->hook, c->priority, tx->input->print, out);
		text_printf(out, "; policy %s; }", c->drop ? "drop" : "accept");
	}
	print_handle(tx, c->handle, out);
}

static void echo_object(const struct transaction *tx, const struct echo *e,
			const struct table *t, struct text *out)
{
	for (size_t i = t->n_objects; i-- > 0;) {
		const struct object *o = t->objects[i];

		if (o->handle != e->handle)
			continue;
		if (tx->input->json) {
			echo_json_object(tx, e, t, o, out);
			return;
		}
		text_printf(out, "%s %s %s %s %s ", verb(e->op), object_kind_name(o->kind),
			    family_name(t->family), t->name, o->name);
		print_object_line(o, tx->input->print, out);
		text_putc(out, '\n');
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
	if (e->kind == ECHO_ELEMENT) {
		text_printf(out, "add element %s %s %s { %s }\n", family_name(t->family),
			    t->name, s->name, e->text);
		return;
	}
	text_printf(out, "%s %s %s %s %s ", verb(e->op), s->kind ? "map" : "set",
		    family_name(t->family), t->name, s->name);
	print_set_line(s, tx->input->print, out);
	text_putc(out, '\n');
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
	const struct chain *c = place->chain;
	size_t at = place->at;

	if (tx->input->json) {
		echo_json_rule(tx, e, t, c, c->rules[at], out);
		return;
	}
	if (e->op == COMMAND_REPLACE)
		text_printf(out, "delete rule %s %s %s handle %" PRIu64 "\n",
			    family_name(t->family), t->name, c->name, e->handle);
	text_printf(out, "%s rule %s %s %s ", verb(e->op), family_name(t->family), t->name,
		    c->name);
	if (at > 0 && at + 1 < c->n_rules)
		text_printf(out, "handle %" PRIu64 " ", c->rules[at - 1]->handle);
	print_rule(c->rules[at], tx->input->print, out);
	text_putc(out, '\n');
}

static void echo_all(const struct transaction *tx, struct text *out)
{
	struct place place = { .rs = tx->rs };

	for (size_t i = 0; i < tx->n_echoes; i++) {
		const struct echo *e = &tx->echoes[i];
		const struct table *t = find_table(tx->rs, e->table ? e->table : e->handle);
		const struct chain *c;

		if (!t)
			continue;
		if (e->kind == ECHO_TABLE) {
			echo_table(tx, e, t, out);
			continue;
		}
		if (e->kind == ECHO_OBJECT) {
			echo_object(tx, e, t, out);
			continue;
		}
		if (e->kind == ECHO_SET || e->kind == ECHO_ELEMENT) {
			echo_set(tx, e, t, out);
			continue;
		}
		c = find_chain(&place, t, e->kind == ECHO_CHAIN ? e->handle : e->chain);
		if (!c)
			continue;
		if (e->kind == ECHO_CHAIN)
			echo_chain(tx, e, t, c, out);
		else if (find_rule(&place, c, e->handle))
			echo_rule(tx, e, t, &place, out);
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
