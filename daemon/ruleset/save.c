/* save.c - the whole model as text for the arena.  restore.c reads it.
 *
 * In front the numbers, a line each, in the order of the objects; behind an empty line the
 * ruleset as text, with the matches that listings leave out:
 *
 *     ctfw ruleset 4
 *     tables 1 last 3 registered 7
 *     table 3 last 9 chains 2 objects 1 sets 1 flowtables 0
 *     object 5 number 1
 *     object 6 slot 3
 *     chain 1 registered 7 rules 1
 *     rule 4 slots 1 12
 *     chain 2 registered 0 rules 0
 *     set 6 slots 2 13 14 dynamic 0
 *
 *     table ip filter {
 *     ...
 */
#include <inttypes.h>
#include <string.h>

#include "ruleset/save.h"
#include "ruleset/transaction.h"

bool save_has_slots(const struct set *s)
{
	return !s->meter && (s->stmts.n || s->slots->n_variants > 1);
}

static void save_rule(const struct rule *r, struct text *out)
{
	unsigned slots = 0;

	for (size_t i = 0; i < r->n_stmts; i++)
		slots += stmt_state_kind(&r->stmts[i]) != STATE_KIND_NONE;
	text_printf(out, "rule %" PRIu64 " slots %u", r->handle, slots);
	for (size_t i = 0; i < r->n_stmts; i++) {
		if (stmt_state_kind(&r->stmts[i]))
			text_printf(out, " %" PRIu32, r->stmts[i].state.slot);
	}
	text_putc(out, '\n');
}

size_t save_count_slots(const struct set *s)
{
	struct set_cursor cursor = { 0 };
	struct set_element el;
	size_t n = 0;

	while (save_has_slots(s) && set_content_next(s->content, &cursor, 0, &el))
		n += el.n_slots ? el.n_slots - SLOTS_FIRST : 0;
	return n;
}

/* The slots of its elements in the order of the listing. */
static void save_set(const struct set *s, struct text *out)
{
	const size_t slots = save_count_slots(s);
	struct set_cursor cursor = { 0 };
	struct set_element el;

	text_printf(out, "set %" PRIu64 " slots %zu", s->handle, slots);
	while (slots && set_content_next(s->content, &cursor, 0, &el)) {
		for (unsigned i = SLOTS_FIRST; i < el.n_slots; i++)
			text_printf(out, " %" PRIu32, el.slots[i]);
	}
	text_printf(out, " dynamic %" PRIu32 "\n",
		    s->dynamic ? set_dynamic_number(s->dynamic) + 1 : 0);
}

/* Meters are made by their rules, behind the other sets. */
static void save_meters(const struct table *t, const struct rule *r, struct text *out)
{
	for (size_t i = 0; i < r->n_stmts; i++) {
		const struct stmt *s = &r->stmts[i];

		if (s->kind == STMT_DYNSET && s->dynset.meter)
			save_set(t->sets[set_find_named(t, s->dynset.set->symbol)], out);
	}
}

static void save_object(const struct object *o, struct text *out)
{
	text_printf(out, "object %" PRIu64, o->handle);
	if (object_state_kind(o->kind))
		text_printf(out, " slot %" PRIu32 "\n", o->state.slot);
	else
		text_printf(out, " number %u\n", o->ct.number);
}

static void save_table(const struct table *t, struct text *out)
{
	text_printf(out,
		    "table %" PRIu64 " last %" PRIu64
		    " chains %zu objects %zu sets %zu flowtables %zu\n",
		    t->handle, t->last_handle, t->n_chains, t->n_objects, t->n_sets,
		    t->n_flowtables);
	for (size_t i = 0; i < t->n_objects; i++)
		save_object(t->objects[i], out);
	for (size_t i = 0; i < t->n_flowtables; i++)
		text_printf(out, "flowtable %" PRIu64 "\n", t->flowtables[i]->handle);
	for (size_t i = 0; i < t->n_chains; i++) {
		const struct chain *c = t->chains[i];

		text_printf(out, "%s %" PRIu64 " registered %" PRIu64 " rules %zu\n",
			    c->bound ? "block" : "chain", c->handle, c->registered, c->n_rules);
		for (size_t j = 0; j < c->n_rules; j++)
			save_rule(c->rules[j], out);
	}
	for (size_t i = 0; i < t->n_sets; i++) {
		if (!t->sets[i]->meter)
			save_set(t->sets[i], out);
	}
	for (size_t i = 0; i < t->n_chains; i++) {
		for (size_t j = 0; j < t->chains[i]->n_rules; j++)
			save_meters(t, t->chains[i]->rules[j], out);
	}
}

void ruleset_save(const struct ruleset *rs, struct text *out)
{
	text_printf(out, "ctfw ruleset %d\n", SAVE_VERSION);
	text_printf(out, "tables %zu last %" PRIu64 " registered %" PRIu64 "\n", rs->n_tables,
		    rs->last_table_handle, rs->last_registered);
	for (size_t i = 0; i < rs->n_tables; i++)
		save_table(rs->tables[i], out);
	text_putc(out, '\n');
	ruleset_print(rs,
		      PRINT_IMPLIED | PRINT_SAVED | PRINT_NUMERIC_PRIO | PRINT_NUMERIC_PROTO,
		      out);
}

bool ruleset_saved_alike(const char *a, size_t a_len, const char *b, size_t b_len)
{
	const char *a_rules = memmem(a, a_len, "\n\n", 2);
	const char *b_rules = memmem(b, b_len, "\n\n", 2);
	size_t len = a_rules ? (size_t)(a + a_len - a_rules) : 0;

	return a_rules && b_rules && len == (size_t)(b + b_len - b_rules) &&
	       memcmp(a_rules, b_rules, len) == 0;
}
