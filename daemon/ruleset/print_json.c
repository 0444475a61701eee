/* print_json.c - tables, chains, rules and whole documents as JSON; see print_json.h. */
#include "ruleset/print_json.h"

#include "ruleset/print.h"

/* The newest form of documents that is understood and written. */
#define SCHEMA_VERSION 1

void print_json_begin(struct text *out)
{
	text_puts(out, "{\"nftables\": [");
	out_open_object(out, "metainfo");
	out_member(out, "version", CTFW_VERSION);
	out_member(out, "release_name", "ctfw");
	out_member_number(out, "json_schema_version", SCHEMA_VERSION);
	out_close_object(out);
}

void print_json_end(struct text *out)
{
	text_puts(out, "]}\n");
}

void print_json_table(const struct table *t, struct text *out)
{
	out_open_object(out, "table");
	out_member(out, "family", family_name(t->family));
	out_member(out, "name", t->name);
	out_member_number(out, "handle", t->handle);
	if (t->flags & TABLE_DORMANT)
		out_member(out, "flags", "dormant");
	if (t->comment)
		out_member(out, "comment", t->comment);
	out_close_object(out);
}

static const char *const chain_type_names[] = {
	[CHAIN_REGULAR] = "",
	[CHAIN_FILTER] = "filter",
	[CHAIN_NAT] = "nat",
	[CHAIN_ROUTE] = "route",
};

void print_json_chain(const struct table *t, const struct chain *c, struct text *out)
{
	out_open_object(out, "chain");
	out_member(out, "family", family_name(t->family));
	out_member(out, "table", t->name);
	out_member(out, "name", c->name);
	out_member_number(out, "handle", c->handle);
	if (c->comment)
		out_member(out, "comment", c->comment);
	if (c->type != CHAIN_REGULAR) {
		out_member(out, "type", chain_type_names[c->type]);
		out_member(out, "hook", hook_name(c->hook));
		out_key(out, "prio");
		out_int(out, c->priority);
		out_member(out, "policy", c->drop ? "drop" : "accept");
	}
	out_close_object(out);
}

void print_json_rule(const struct table *t, const struct chain *c, const struct rule *r,
		     unsigned flags, struct text *out)
{
	out_open_object(out, "rule");
	out_member(out, "family", family_name(t->family));
	out_member(out, "table", t->name);
	out_member(out, "chain", c->name);
	out_member_number(out, "handle", r->handle);
	if (r->comment)
		out_member(out, "comment", r->comment);
	out_key(out, "expr");
	out_open(out, '[');
	for (size_t i = 0; i < r->n_stmts; i++) {
		const struct stmt *s = &r->stmts[i];

		if (s->kind != STMT_MATCH || !s->match.implied || flags & PRINT_IMPLIED)
			print_json_stmt(r, s, flags, out);
	}
	out_close(out, ']');
	out_close_object(out);
}

void print_json_rules(const struct table *t, const struct chain *c, unsigned flags,
		      struct text *out)
{
	for (size_t i = 0; i < c->n_rules; i++)
		print_json_rule(t, c, c->rules[i], flags, out);
}

void print_json_chains(const struct table *t, struct text *out)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		if (!t->chains[i]->bound)
			print_json_chain(t, t->chains[i], out);
	}
}

/* Rules come last, behind the chains that they lead to. */
void print_json_whole(const struct table *t, unsigned flags, uint64_t mono, struct text *out)
{
	print_json_table(t, out);
	for (size_t i = 0; i < t->n_objects; i++)
		print_json_object(t, t->objects[i], flags & ~(unsigned)PRINT_RESET, out);
	for (size_t i = 0; i < t->n_sets; i++) {
		/* A meter's rule shows it. */
		if (!t->sets[i]->meter)
			print_json_set(t, t->sets[i], flags, mono, out);
	}
	for (size_t i = 0; i < t->n_flowtables; i++)
		print_json_flowtable(t, t->flowtables[i], out);
	print_json_chains(t, out);
	for (size_t i = 0; i < t->n_chains; i++) {
		if (!t->chains[i]->bound)
			print_json_rules(t, t->chains[i], flags, out);
	}
}
