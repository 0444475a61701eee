/* print.c - tables, chains and rules as nft lists them, to the byte. */
#include "ruleset/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- priorities ---- */

/* Where hook is set, the name is for that hook only. */
static const struct {
	const char *name;
	int32_t priority;
	enum hook hook;
} priorities[] = {
	{ "raw", -300, HOOK_NONE },	     { "mangle", -150, HOOK_NONE },
	{ "dstnat", -100, HOOK_PREROUTING }, { "filter", 0, HOOK_NONE },
	{ "security", 50, HOOK_NONE },	     { "srcnat", 100, HOOK_POSTROUTING },
};
#define N_PRIORITIES (sizeof(priorities) / sizeof(priorities[0]))

const char *const priority_names[] = { "raw",	   "mangle", "dstnat", "filter",
				       "security", "srcnat", NULL };

/* A number this near to a name is shown by it. */
#define PRIORITY_REACH 10

/* Whether a priority has this name at the hook. */
static bool named_at(size_t i, unsigned hook)
{
	if (hook == PRIORITY_FLOWTABLE)
		return !priorities[i].priority;
	return priorities[i].hook == HOOK_NONE || priorities[i].hook == hook;
}

bool priority_find(const char *name, unsigned hook, int32_t *ret_priority)
{
	for (size_t i = 0; i < N_PRIORITIES; i++) {
		if (strcmp(priorities[i].name, name))
			continue;
		if (!named_at(i, hook))
			return false;
		*ret_priority = priorities[i].priority;
		return true;
	}
	return false;
}

void print_priority(unsigned hook, int32_t priority, unsigned flags, struct text *out)
{
	for (size_t i = 0; i < N_PRIORITIES && !(flags & (PRINT_NUMERIC_PRIO | PRINT_NUMERIC));
	     i++) {
		int64_t off = (int64_t)priority - priorities[i].priority;

		if (off < -PRIORITY_REACH || off > PRIORITY_REACH)
			continue;
		if (!named_at(i, hook))
			break;
		text_puts(out, priorities[i].name);
		if (off)
			text_printf(out, " %c %d", off > 0 ? '+' : '-', abs((int)off));
		return;
	}
	text_printf(out, "%" PRId32, priority);
}

/* ---- blocks ---- */

static void print_handle(uint64_t handle, unsigned flags, struct text *out)
{
	if (flags & PRINT_HANDLE)
		text_printf(out, " # handle %" PRIu64, handle);
}

const char *chain_type_name(enum chain_type type)
{
	static const char *const names[] = {
		[CHAIN_REGULAR] = "",
		[CHAIN_FILTER] = "filter",
		[CHAIN_NAT] = "nat",
		[CHAIN_ROUTE] = "route",
	};

	return names[type];
}

void print_rule(const struct rule *r, unsigned flags, struct text *out)
{
	const char *sep = "";

	for (size_t i = 0; i < r->n_stmts; i++) {
		const struct stmt *s = &r->stmts[i];

		if (s->kind == STMT_MATCH && s->match.implied && !(flags & PRINT_IMPLIED))
			continue;
		text_puts(out, sep);
		print_stmt(r, s, flags, out);
		sep = " ";
	}
	if (r->comment)
		text_printf(out, " comment \"%s\"", r->comment);
	print_handle(r->handle, flags, out);
}

void print_chain_head(const struct chain *c, unsigned flags, struct text *out)
{
	text_printf(out, "\tchain %s {", c->name);
	print_handle(c->handle, flags, out);
	if (c->comment)
		text_printf(out, "\n\t\tcomment \"%s\"", c->comment);
	text_putc(out, '\n');
	if (c->type == CHAIN_REGULAR)
		return;
	text_printf(out, "\t\ttype %s hook %s priority ", chain_type_name(c->type),
		    hook_name(c->hook));
	print_priority(c->hook, c->priority, flags, out);
	text_printf(out, "; policy %s;\n", c->drop ? "drop" : "accept");
}

void print_chain(const struct chain *c, unsigned flags, struct text *out)
{
	print_chain_head(c, flags, out);
	for (size_t i = 0; i < c->n_rules; i++) {
		text_puts(out, "\t\t");
		print_rule(c->rules[i], flags, out);
		text_putc(out, '\n');
	}
	text_puts(out, "\t}\n");
}

void print_table(const struct table *t, unsigned flags, uint64_t mono, struct text *out)
{
	const char *between = "";

	text_printf(out, "table %s %s {", family_name(t->family), t->name);
	print_handle(t->handle, flags, out);
	text_putc(out, '\n');
	if (t->flags & TABLE_DORMANT) {
		text_puts(out, "\tflags dormant\n");
		between = "\n";
	}
	if (t->comment)
		text_printf(out, "\tcomment \"%s\"\n", t->comment);
	for (size_t i = 0; i < t->n_objects; i++) {
		text_puts(out, between);
		print_object(t->objects[i], flags & ~(unsigned)PRINT_RESET, out);
		between = "\n";
	}
	for (size_t i = 0; i < t->n_sets; i++) {
		/* A meter's rule shows it. */
		if (t->sets[i]->meter)
			continue;
		text_puts(out, between);
		print_set(t, t->sets[i], flags, mono, out);
		between = "\n";
	}
	for (size_t i = 0; i < t->n_flowtables; i++) {
		text_puts(out, between);
		print_flowtable(t->flowtables[i], flags, out);
		between = "\n";
	}
	for (size_t i = 0; i < t->n_chains; i++) {
		if (t->chains[i]->bound && !(flags & PRINT_SAVED))
			continue;
		text_puts(out, between);
		print_chain(t->chains[i], flags, out);
		between = "\n";
	}
	text_puts(out, "}\n");
}

void ruleset_print(const struct ruleset *rs, unsigned flags, struct text *out)
{
	for (size_t i = 0; i < rs->n_tables; i++)
		print_table(rs->tables[i], flags, flags & PRINT_SAVED ? 0 : rs->mono, out);
}
