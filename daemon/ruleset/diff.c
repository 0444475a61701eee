/* diff.c - what makes one ruleset of another, as commands, for those who watch.
 *
 * Rulesets share what did not change, so that what is the same is mostly the same pointer, and
 * a small change of a large ruleset is found quickly.  Objects are the same one where their
 * handle is.  What went is told before what came: the lines, given as commands, do what was
 * done. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/print_event.h"
#include "ruleset/set.h"

struct diff {
	const struct ruleset_watch *watch;
	struct event_printer print;
	bool oom;
};

static bool tells(const struct diff *d, unsigned object, bool added)
{
	return d->watch->objects & object && (added ? d->watch->added : d->watch->removed);
}

/* ---- rules ---- */

/* The rules of a stretch, by handle: open addressing, 0 is free, an entry is a place plus 1. */
struct handles {
	uint32_t *slot;
	size_t size;
	struct rule *const *rules;
};

static size_t first_slot(const struct handles *h, uint64_t handle)
{
	return (size_t)(handle * 0x9e3779b97f4a7c15u >> 32) & (h->size - 1);
}

static bool handles_init(struct handles *h, struct rule *const *rules, size_t n)
{
	h->rules = rules;
	h->size = 16;
	while (h->size < 2 * n)
		h->size *= 2;
	h->slot = calloc(h->size, sizeof(*h->slot));
	for (size_t i = 0; h->slot && i < n; i++) {
		size_t at = first_slot(h, rules[i]->handle);

		while (h->slot[at])
			at = (at + 1) & (h->size - 1);
		h->slot[at] = (uint32_t)i + 1;
	}
	return h->slot;
}

static const struct rule *handles_find(const struct handles *h, uint64_t handle)
{
	size_t at = first_slot(h, handle);

	while (h->slot[at]) {
		const struct rule *r = h->rules[h->slot[at] - 1];

		if (r->handle == handle)
			return r;
		at = (at + 1) & (h->size - 1);
	}
	return NULL;
}

/* A copy that leads to the same chain under another name is no change. */
static bool is_same(const struct rule *r, const struct rule *other)
{
	return other && (r == other || r->origin == other || other->origin == r ||
			 (r->origin && r->origin == other->origin));
}

static void rule_gone(struct diff *d, const struct table *t, const struct chain *c,
		      const struct rule *r)
{
	if (tells(d, RULESET_WATCH_RULES, false))
		print_event_rule_gone(&d->print, t, c, r);
}

/* Before the first of the old rules, a new one was inserted. */
static void rule_new_here(struct diff *d, const struct table *t, const struct chain *c,
			  size_t at, bool before_old)
{
	if (tells(d, RULESET_WATCH_RULES, true))
		print_event_rule(&d->print, at == 0 && before_old ? EVENT_INSERT : EVENT_ADD, t,
				 c, at);
}

/* What differs lies between the rules that both begin with and those that both end with. */
static void diff_rules(struct diff *d, const struct table *t, const struct chain *old,
		       const struct chain *new)
{
	size_t first = 0, last = 0, n_old, n_new;
	struct handles was, is;

	while (first < old->n_rules && first < new->n_rules &&
	       is_same(old->rules[first], new->rules[first]))
		first++;
	while (last < old->n_rules - first && last < new->n_rules - first &&
	       is_same(old->rules[old->n_rules - 1 - last],
		       new->rules[new->n_rules - 1 - last]))
		last++;
	n_old = old->n_rules - first - last;
	n_new = new->n_rules - first - last;
	if (!handles_init(&was, old->rules + first, n_old)) {
		d->oom = true;
		return;
	}
	if (!handles_init(&is, new->rules + first, n_new)) {
		free(was.slot);
		d->oom = true;
		return;
	}
	for (size_t i = 0; i < n_old; i++) {
		if (!is_same(was.rules[i], handles_find(&is, was.rules[i]->handle)))
			rule_gone(d, t, new, was.rules[i]);
	}
	for (size_t i = 0; i < n_new; i++) {
		const struct rule *former = handles_find(&was, is.rules[i]->handle);

		/* One that was replaced is told as added, as nft has it. */
		if (!is_same(is.rules[i], former))
			rule_new_here(d, t, new, first + i, !former && (last || n_old));
	}
	free(was.slot);
	free(is.slot);
}

/* ---- tables ---- */

static void chain_gone(struct diff *d, const struct table *t, const struct chain *c)
{
	for (size_t i = 0; i < c->n_rules && !c->bound; i++)
		rule_gone(d, t, c, c->rules[i]);
}

static void chain_came(struct diff *d, const struct table *t, const struct chain *c)
{
	for (size_t i = 0; i < c->n_rules && !c->bound; i++)
		rule_new_here(d, t, c, i, false);
}

static const struct chain *find_chain(const struct table *t, const struct chain *like)
{
	size_t at = chain_find(t, like->name);

	if (at != MODEL_NONE && t->chains[at]->handle == like->handle)
		return t->chains[at];
	for (size_t i = 0; i < t->n_chains; i++) {
		if (t->chains[i]->handle == like->handle)
			return t->chains[i];
	}
	return NULL;
}

static bool has_object(const struct table *t, uint64_t handle)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		if (t->objects[i]->handle == handle)
			return true;
	}
	return false;
}

static const struct set *find_set(const struct table *t, const struct set *like)
{
	size_t at = set_find_named(t, like->name);

	return at != MODEL_NONE && t->sets[at]->handle == like->handle ? t->sets[at] : NULL;
}

static const struct flowtable *find_flowtable(const struct table *t, uint64_t handle)
{
	for (size_t i = 0; i < t->n_flowtables; i++) {
		if (t->flowtables[i]->handle == handle)
			return t->flowtables[i];
	}
	return NULL;
}

/* ---- elements ---- */

struct elements {
	const struct diff *diff;
	enum event_verb verb;
	const struct table *table;
	const struct set *set;
};

static void tell_element(void *arg, const struct set_element *el)
{
	const struct elements *e = arg;

	print_event_element(&e->diff->print, e->verb, e->table, e->set, el);
}

/* Those of a set that another, NULL for none, does not have. */
static void elements_apart(struct diff *d, enum event_verb verb, const struct table *t,
			   const struct set *s, const struct set *other)
{
	struct elements e = { d, verb, t, s };
	struct set_content *none = NULL;

	if (!tells(d, RULESET_WATCH_ELEMENTS, verb == EVENT_ADD) ||
	    (other && other->content == s->content))
		return;
	if (!other && set_content_new(set_content_shape(s->content), &none)) {
		d->oom = true;
		return;
	}
	if (!set_content_missing(s->content, other ? other->content : none, d->print.mono,
				 tell_element, &e))
		d->oom = true;
	set_content_unref(none);
}

/* The elements of sets that stay: those of one that goes are not told one by one. */
static void elements_lost(struct diff *d, const struct table *old, const struct table *new)
{
	for (size_t i = 0; i < old->n_sets; i++) {
		const struct set *s = old->sets[i], *now = find_set(new, s);

		if (now && now != s)
			elements_apart(d, EVENT_DELETE, old, s, now);
	}
}

static void elements_gained(struct diff *d, const struct table *old, const struct table *new)
{
	for (size_t i = 0; i < new->n_sets; i++) {
		const struct set *s = new->sets[i], *was = find_set(old, s);

		if (was != s)
			elements_apart(d, EVENT_ADD, new, s, was);
	}
}

/* What is in `old` and no longer in `new`: rules, then what they name, then chains. */
static void table_lost(struct diff *d, const struct table *old, const struct table *new)
{
	for (size_t i = 0; i < old->n_chains; i++) {
		const struct chain *c = old->chains[i], *now = find_chain(new, c);

		if (!now)
			chain_gone(d, old, c);
	}
	elements_lost(d, old, new);
	for (size_t i = 0; i < old->n_objects; i++) {
		const struct object *o = old->objects[i];

		if (tells(d, RULESET_WATCH_OBJECTS, false) && !has_object(new, o->handle))
			print_event_object(&d->print, EVENT_DELETE, old, o);
	}
	for (size_t i = 0; i < old->n_sets; i++) {
		const struct set *s = old->sets[i];

		if (tells(d, RULESET_WATCH_SETS, false) && !find_set(new, s))
			print_event_set(&d->print, EVENT_DELETE, old, s);
	}
	for (size_t i = 0; i < old->n_flowtables; i++) {
		const struct flowtable *f = old->flowtables[i];

		if (tells(d, RULESET_WATCH_OBJECTS, false) && !find_flowtable(new, f->handle))
			print_event_flowtable(&d->print, EVENT_DELETE, old, f);
	}
	for (size_t i = 0; i < old->n_chains; i++) {
		const struct chain *c = old->chains[i];

		if (tells(d, RULESET_WATCH_CHAINS, false) && !c->bound && !find_chain(new, c))
			print_event_chain(&d->print, EVENT_DELETE, old, c);
	}
}

/* What is new in `new`: chains before elements and rules, which may lead there. */
static void table_gained(struct diff *d, const struct table *old, const struct table *new)
{
	for (size_t i = 0; i < new->n_objects; i++) {
		if (tells(d, RULESET_WATCH_OBJECTS, true) &&
		    !has_object(old, new->objects[i]->handle))
			print_event_object(&d->print, EVENT_ADD, new, new->objects[i]);
	}
	for (size_t i = 0; i < new->n_sets; i++) {
		if (tells(d, RULESET_WATCH_SETS, true) && !find_set(old, new->sets[i]))
			print_event_set(&d->print, EVENT_ADD, new, new->sets[i]);
	}
	for (size_t i = 0; i < new->n_flowtables; i++) {
		const struct flowtable *f = new->flowtables[i];

		if (tells(d, RULESET_WATCH_OBJECTS, true) &&
		    find_flowtable(old, f->handle) != f)
			print_event_flowtable(&d->print, EVENT_ADD, new, f);
	}
	for (size_t i = 0; i < new->n_chains; i++) {
		const struct chain *c = new->chains[i], *was = find_chain(old, c);

		if (tells(d, RULESET_WATCH_CHAINS, true) && !c->bound &&
		    (!was || c->drop != was->drop || strcmp(c->name, was->name)))
			print_event_chain(&d->print, EVENT_ADD, new, c);
	}
	elements_gained(d, old, new);
	for (size_t i = 0; i < new->n_chains; i++) {
		const struct chain *c = new->chains[i], *was = find_chain(old, c);

		if (!was)
			chain_came(d, new, c);
		else if (was != c && !c->bound)
			diff_rules(d, new, was, c);
	}
}

static const struct table *find_table(const struct ruleset *rs, const struct table *like)
{
	for (size_t i = 0; i < rs->n_tables; i++) {
		if (rs->tables[i]->handle == like->handle)
			return rs->tables[i];
	}
	return NULL;
}

int ruleset_diff(const struct ruleset *old, const struct ruleset *new,
		 const struct ruleset_watch *watch, struct text *out)
{
	static const struct ruleset none = { .refs = 1 };
	struct diff d = { .watch = watch,
			  .print = { .flags = watch->print, .json = watch->json,
				     .mono = new ? new->mono : old ? old->mono : 0,
				     .out = out } };

	old = old ? old : &none;
	new = new ? new : &none;
	for (size_t i = 0; i < old->n_tables; i++) {
		const struct table *t = old->tables[i], *now = find_table(new, t);
		const struct table nothing = { .family = t->family, .name = t->name };

		if (t == now)
			continue;
		table_lost(&d, t, now ? now : &nothing);
		if (!now && tells(&d, RULESET_WATCH_TABLES, false))
			print_event_table(&d.print, EVENT_DELETE, t);
	}
	for (size_t i = 0; i < new->n_tables; i++) {
		const struct table *t = new->tables[i], *was = find_table(old, t);
		const struct table nothing = { .family = t->family, .name = t->name };

		if (t == was)
			continue;
		if ((!was || was->flags != t->flags) && tells(&d, RULESET_WATCH_TABLES, true))
			print_event_table(&d.print, EVENT_ADD, t);
		table_gained(&d, was ? was : &nothing, t);
	}
	return d.oom || text_failed(out) ? -ENOMEM : 0;
}
