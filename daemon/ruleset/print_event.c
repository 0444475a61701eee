/* print_event.c - one change of a ruleset, as a line. */
#include "ruleset/print_event.h"

#include "ruleset/print.h"
#include "ruleset/print_json.h"

static const char *const verbs[] = {
	[EVENT_ADD] = "add", [EVENT_INSERT] = "insert", [EVENT_DELETE] = "delete",
};

static void open_json(const struct event_printer *p, enum event_verb verb)
{
	out_open(p->out, '{');
	out_key(p->out, verbs[verb]);
}

static void close_json(const struct event_printer *p)
{
	out_close(p->out, '}');
	text_putc(p->out, '\n');
}

void print_event_table(const struct event_printer *p, enum event_verb verb,
		       const struct table *t)
{
	if (p->json) {
		open_json(p, verb);
		print_json_table(t, p->out);
		close_json(p);
	} else if (verb == EVENT_DELETE) {
		line_table(verbs[verb], t, 0, p->flags, p->out);
	} else {
		line_table(verbs[verb], t, t->flags, p->flags, p->out);
	}
}

void print_event_chain(const struct event_printer *p, enum event_verb verb,
		       const struct table *t, const struct chain *c)
{
	if (p->json) {
		open_json(p, verb);
		print_json_chain(t, c, p->out);
		close_json(p);
	} else if (verb == EVENT_DELETE) {
		line_delete("chain", t, c->name, p->out);
	} else {
		line_chain(verbs[verb], t, c, p->flags, p->out);
	}
}

void print_event_object(const struct event_printer *p, enum event_verb verb,
			const struct table *t, const struct object *o)
{
	if (p->json) {
		open_json(p, verb);
		print_json_object(t, o, p->flags, p->out);
		close_json(p);
	} else if (verb == EVENT_DELETE) {
		line_delete(object_kind_name(o->kind), t, o->name, p->out);
	} else {
		line_object(verbs[verb], t, o, p->flags, p->out);
	}
}

void print_event_flowtable(const struct event_printer *p, enum event_verb verb,
			   const struct table *t, const struct flowtable *f)
{
	if (p->json) {
		open_json(p, verb);
		print_json_flowtable(t, f, p->out);
		close_json(p);
	} else if (verb == EVENT_DELETE) {
		line_delete("flowtable", t, f->name, p->out);
	} else {
		line_flowtable(verbs[verb], t, f, p->flags, p->out);
	}
}

void print_event_set(const struct event_printer *p, enum event_verb verb, const struct table *t,
	       const struct set *s)
{
	if (p->json) {
		open_json(p, verb);
		print_json_set(t, s, p->flags | PRINT_TERSE, p->mono, p->out);
		close_json(p);
	} else if (verb == EVENT_DELETE) {
		line_delete(s->kind ? "map" : "set", t, s->name, p->out);
	} else {
		line_set(verbs[verb], t, s, p->flags, p->out);
	}
}

void print_event_element(const struct event_printer *p, enum event_verb verb,
			 const struct table *t, const struct set *s,
			 const struct set_element *el)
{
	struct set_element bare = *el;

	bare.slots = NULL;
	if (!p->json) {
		text_printf(p->out, "%s element %s %s %s { ", verbs[verb],
			    family_name(t->family), t->name, s->name);
		print_element(t, s, &bare, p->flags, p->mono, p->out);
		text_puts(p->out, " }\n");
		return;
	}
	open_json(p, verb);
	out_open_object(p->out, "element");
	out_member(p->out, "family", family_name(t->family));
	out_member(p->out, "table", t->name);
	out_member(p->out, "name", s->name);
	out_key(p->out, "elem");
	out_open(p->out, '{');
	out_key(p->out, "set");
	out_open(p->out, '[');
	print_json_element(t, s, &bare, p->flags, p->mono, p->out);
	text_puts(p->out, "]}");
	out_close_object(p->out);
	close_json(p);
}

void print_event_rule(const struct event_printer *p, enum event_verb verb,
		      const struct table *t, const struct chain *c, size_t at)
{
	if (p->json) {
		open_json(p, verb);
		print_json_rule(t, c, c->rules[at], p->flags, p->out);
		close_json(p);
	} else {
		line_rule(verbs[verb], t, c, at, p->flags, p->out);
	}
}

void print_event_rule_gone(const struct event_printer *p, const struct table *t,
		     const struct chain *c, const struct rule *r)
{
	if (p->json) {
		open_json(p, EVENT_DELETE);
		print_json_rule(t, c, r, p->flags, p->out);
		close_json(p);
	} else {
		line_delete_rule(t, c, r->handle, p->out);
	}
}
