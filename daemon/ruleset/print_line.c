/* print_line.c - commands that would make what is there, a line each, as nft's -e and monitor
 * write them. */
#include <inttypes.h>

#include "ruleset/print.h"

static void line_end(uint64_t handle, unsigned flags, struct text *out)
{
	if (flags & PRINT_HANDLE)
		text_printf(out, " # handle %" PRIu64, handle);
	text_putc(out, '\n');
}

void line_table(const char *verb, const struct table *t, unsigned table_flags, unsigned flags,
		struct text *out)
{
	text_printf(out, "%s table %s %s", verb, family_name(t->family), t->name);
	if (table_flags & TABLE_DORMANT)
		text_puts(out, " { flags dormant; }");
	line_end(t->handle, flags, out);
}

void line_chain(const char *verb, const struct table *t, const struct chain *c, unsigned flags,
		struct text *out)
{
	text_printf(out, "%s chain %s %s %s", verb, family_name(t->family), t->name, c->name);
	if (c->type != CHAIN_REGULAR) {
		text_printf(out, " { type %s hook %s priority ", chain_type_name(c->type),
			    hook_name(c->hook));
		print_priority(c->hook, c->priority, flags, out);
		text_printf(out, "; policy %s; }", c->drop ? "drop" : "accept");
	}
	line_end(c->handle, flags, out);
}

void line_object(const char *verb, const struct table *t, const struct object *o,
		 unsigned flags, struct text *out)
{
	text_printf(out, "%s %s %s %s %s ", verb, object_kind_name(o->kind),
		    family_name(t->family), t->name, o->name);
	print_object_line(o, flags, out);
	text_putc(out, '\n');
}

void line_set(const char *verb, const struct table *t, const struct set *s, unsigned flags,
	      struct text *out)
{
	text_printf(out, "%s %s %s %s %s ", verb, s->kind ? "map" : "set",
		    family_name(t->family), t->name, s->name);
	print_set_line(s, flags, out);
	text_putc(out, '\n');
}

void line_flowtable(const char *verb, const struct table *t, const struct flowtable *f,
		    unsigned flags, struct text *out)
{
	text_printf(out, "%s flowtable %s %s %s { ", verb, family_name(t->family), t->name,
		    f->name);
	print_flowtable_lines(f, flags, "", "; ", out);
	text_putc(out, '}');
	line_end(f->handle, flags, out);
}

void line_rule(const char *verb, const struct table *t, const struct chain *c, size_t at,
	       unsigned flags, struct text *out)
{
	text_printf(out, "%s rule %s %s %s ", verb, family_name(t->family), t->name, c->name);
	/* The kernel says where it is only when there are rules on both sides. */
	if (at > 0 && at + 1 < c->n_rules)
		text_printf(out, "handle %" PRIu64 " ", c->rules[at - 1]->handle);
	print_rule(c->rules[at], flags | PRINT_ONE_LINE, out);
	text_putc(out, '\n');
}

void line_delete(const char *what, const struct table *t, const char *name, struct text *out)
{
	text_printf(out, "delete %s %s %s %s\n", what, family_name(t->family), t->name, name);
}

void line_delete_rule(const struct table *t, const struct chain *c, uint64_t handle,
		      struct text *out)
{
	text_printf(out, "delete rule %s %s %s handle %" PRIu64 "\n", family_name(t->family),
		    t->name, c->name, handle);
}
