/* echo_json.c - what -e shows as JSON.
 *
 * Of commands in words: a document of what was added.  Of a document: that document, with the
 * handles of what it added, for programs look for these in the places of their own commands. */
#include <stdlib.h>
#include <string.h>

#include "ruleset/document.h"
#include "ruleset/parse_json.h"
#include "ruleset/print_json.h"
#include "ruleset/transaction.h"

/* ---- commands in words ---- */

static void open_verb(const struct echo *e, struct text *out)
{
	out_open(out, '{');
	out_key(out, e->op == COMMAND_CREATE ? "create" :
		     e->op == COMMAND_INSERT ? "insert" :
					       "add");
}

void echo_json_table(const struct echo *e, const struct table *t, struct text *out)
{
	open_verb(e, out);
	print_json_table(t, out);
	out_close(out, '}');
}

void echo_json_chain(const struct echo *e, const struct table *t, const struct chain *c,
		     struct text *out)
{
	open_verb(e, out);
	print_json_chain(t, c, out);
	out_close(out, '}');
}

void echo_json_flowtable(const struct echo *e, const struct table *t,
			 const struct flowtable *f, struct text *out)
{
	open_verb(e, out);
	print_json_flowtable(t, f, out);
	out_close(out, '}');
}

void echo_json_object(const struct transaction *tx, const struct echo *e, const struct table *t,
		      const struct object *o, struct text *out)
{
	open_verb(e, out);
	print_json_object(t, o, tx->input->print, out);
	out_close(out, '}');
}

void echo_json_rule(const struct transaction *tx, const struct echo *e, const struct table *t,
		    const struct chain *c, const struct rule *r, struct text *out)
{
	if (e->op == COMMAND_REPLACE) {
		out_open_object(out, "delete");
		out_key(out, "rule");
		out_open(out, '{');
		out_member(out, "family", family_name(t->family));
		out_member(out, "table", t->name);
		out_member(out, "chain", c->name);
		out_member_number(out, "handle", e->handle);
		out_close(out, '}');
		out_close_object(out);
	}
	open_verb(e, out);
	print_json_rule(t, c, r, tx->input->print, out);
	out_close(out, '}');
}

/* Elements are echoed beside the declaration of their set. */
void echo_json_set(const struct transaction *tx, const struct echo *e, const struct table *t,
		   const struct set *s, struct text *out)
{
	open_verb(e, out);
	if (e->kind == ECHO_SET) {
		print_json_set(t, s, tx->input->print | PRINT_TERSE, tx->rs->mono, out);
	} else {
		out_open_object(out, "element");
		out_member(out, "family", family_name(t->family));
		out_member(out, "table", t->name);
		out_member(out, "name", s->name);
		out_key(out, "elem");
		out_open(out, '{');
		out_key(out, "set");
		out_open(out, '[');
		out_verbatim(out, e->text, strlen(e->text));
		text_puts(out, "]}");
		out_close_object(out);
	}
	out_close(out, '}');
}

/* ---- documents ---- */

static void print_node(const struct document *doc, const struct node *n, struct text *out)
{
	switch (n->kind) {
	case NODE_OBJECT:
		out_open(out, '{');
		NODE_EACH(member, n) {
			out_key(out, member->key);
			print_node(doc, member, out);
		}
		out_close(out, '}');
		break;
	case NODE_ARRAY:
		out_open(out, '[');
		NODE_EACH(item, n)
			print_node(doc, item, out);
		out_close(out, ']');
		break;
	case NODE_STRING:
		out_string(out, n->s);
		break;
	case NODE_TRUE:
	case NODE_FALSE:
		out_bool(out, n->kind == NODE_TRUE);
		break;
	case NODE_INTEGER:
	case NODE_REAL:
		out_verbatim(out, doc->source->text + n->off, n->len);
		break;
	default:
		out_null(out);
	}
}

/* The object of a command, with its handle: where one is, or at its end. */
static void print_added(const struct document *doc, const struct node *o, uint64_t handle,
			 struct text *out)
{
	bool done = false;

	out_key(out, o->key);
	out_open(out, '{');
	NODE_EACH(member, o) {
		bool is_handle = !strcmp(member->key, "handle");

		out_key(out, member->key);
		if (is_handle)
			out_number(out, handle);
		else
			print_node(doc, member, out);
		done = done || is_handle;
	}
	if (!done)
		out_member_number(out, "handle", handle);
	out_close(out, '}');
}

static void print_command(const struct document *doc, const struct node *command,
			  uint64_t handle, struct text *out)
{
	const struct node *member = command + 1, *inner;

	/* What has no verb is the object itself. */
	inner = member->kind == NODE_OBJECT && member->size > 1 ? member + 1 : NULL;
	out_open(out, '{');
	if (inner && inner->kind == NODE_OBJECT && node_count(member) == 1) {
		out_key(out, member->key);
		out_open(out, '{');
		print_added(doc, inner, handle, out);
		out_close(out, '}');
	} else {
		print_added(doc, member, handle, out);
	}
	out_close(out, '}');
}

void echo_json_document(const struct transaction *tx, const struct json_feed *f,
			struct text *out)
{
	const struct node *commands = node_get(f->doc.nodes, "nftables");
	const struct echo **echoes = calloc(node_count(commands) + 1, sizeof(struct echo *));
	size_t place = 0;

	if (!echoes) {
		out->failed = true;
		return;
	}
	/* Elements have no handle. */
	for (size_t i = 0; i < tx->n_echoes; i++) {
		if (tx->echoes[i].kind != ECHO_ELEMENT)
			echoes[tx->echoes[i].command] = &tx->echoes[i];
	}
	NODE_EACH(command, commands) {
		const struct echo *e = echoes[++place];

		if (e)
			print_command(&f->doc, command, e->handle, out);
		else
			print_node(&f->doc, command, out);
	}
	free(echoes);
}
