/* model.c - the objects of a ruleset: made, shared, copied, freed.
 *
 * References are plain numbers: everything here belongs to one thread. */
#include "ruleset/model.h"

#include <stdlib.h>
#include <string.h>

const char *family_name(enum family f)
{
	switch (f) {
	case FAMILY_IP:
		return "ip";
	case FAMILY_IP6:
		return "ip6";
	case FAMILY_INET:
		return "inet";
	case FAMILY_NONE:
		break;
	}
	return "unknown";
}

bool model_grow(void *array, size_t n, size_t *cap)
{
	void ***v = array;
	size_t more = *cap ? *cap * 2 : 4;
	void **grown;

	if (n < *cap)
		return true;
	grown = realloc(*v, more * sizeof(void *));
	if (!grown)
		return false;
	*v = grown;
	*cap = more;
	return true;
}

/* ---- rules ---- */

struct rule *rule_new(void)
{
	struct rule *r = calloc(1, sizeof(*r));

	if (r)
		r->refs = 1;
	return r;
}

struct rule *rule_ref(struct rule *r)
{
	r->refs++;
	return r;
}

void rule_unref(struct rule *r)
{
	if (!r || --r->refs)
		return;
	for (size_t i = 0; i < r->n_stmts; i++) {
		struct stmt *s = &r->stmts[i];

		if (stmt_state_kind(s) && !r->origin)
			stateful_release(r->counters, stmt_state_kind(s), s->state.slot);
		stmt_fini(s);
	}
	rule_unref(r->origin);
	free(r->stmts);
	free(r->comment);
	free(r);
}

/* What a chain is called anew. */
struct renaming {
	const char *old, *name;
	bool failed;
};

static void rename_target(struct renaming *to, char **chain)
{
	char *copy;

	if (!*chain || strcmp(*chain, to->old))
		return;
	copy = strdup(to->name);
	if (!copy) {
		to->failed = true;
		return;
	}
	free(*chain);
	*chain = copy;
}

static void rename_in_expr(void *arg, struct expr *e)
{
	if (e->kind == EXPR_VERDICT)
		rename_target(arg, &e->verdict.chain);
}

struct rule *rule_renamed(struct rule *r, const char *old, const char *name)
{
	struct renaming to = { .old = old, .name = name };
	struct stmts stmts = { 0 };
	struct rule *copy = rule_new();

	if (!copy)
		return NULL;
	copy->family = r->family;
	copy->handle = r->handle;
	copy->counters = r->counters;
	copy->origin = rule_ref(r->origin ? r->origin : r);
	copy->comment = r->comment ? strdup(r->comment) : NULL;
	if ((r->comment && !copy->comment) || !stmts_clone(&stmts, r->stmts, r->n_stmts))
		goto failed;
	copy->stmts = stmts.v;
	copy->n_stmts = stmts.n;
	for (size_t i = 0; i < copy->n_stmts; i++) {
		if (copy->stmts[i].kind == STMT_VERDICT)
			rename_target(&to, &copy->stmts[i].verdict.chain);
		stmt_walk(&copy->stmts[i], rename_in_expr, &to);
	}
	if (!to.failed)
		return copy;
failed:
	rule_unref(copy);
	return NULL;
}

struct rule *rule_relinked(struct rule *r, const struct table *t)
{
	struct rule *copy = rule_renamed(r, "", "");

	for (size_t i = 0; copy && i < copy->n_stmts; i++) {
		struct stmt *s = &copy->stmts[i];

		if (s->kind != STMT_VERDICT || !s->verdict.block)
			continue;
		chain_unref(s->verdict.block);
		s->verdict.block = chain_ref(t->chains[chain_find(t, s->verdict.chain)]);
	}
	return copy;
}

struct chain *rule_block(const struct rule *r)
{
	for (size_t i = 0; i < r->n_stmts; i++) {
		if (r->stmts[i].kind == STMT_VERDICT && r->stmts[i].verdict.block)
			return r->stmts[i].verdict.block;
	}
	return NULL;
}

struct targets {
	void (*each)(void *arg, const char *chain);
	void *arg;
};

static void target_in_expr(void *arg, struct expr *e)
{
	const struct targets *t = arg;

	if (e->kind == EXPR_VERDICT && e->verdict.chain)
		t->each(t->arg, e->verdict.chain);
}

void stmt_each_target(const struct stmt *s, void (*each)(void *arg, const char *chain),
		      void *arg)
{
	struct targets t = { each, arg };

	if (s->kind == STMT_VERDICT && s->verdict.chain)
		each(arg, s->verdict.chain);
	stmt_walk((struct stmt *)s, target_in_expr, &t);
}

static void count_set(void *arg, struct expr *e)
{
	*(unsigned *)arg += e->kind == EXPR_SET;
}

unsigned rule_anonymous_sets(const struct rule *r)
{
	unsigned sets = 0;

	for (size_t i = 0; i < r->n_stmts; i++)
		stmt_walk(&r->stmts[i], count_set, &sets);
	return sets;
}

/* ---- chains ---- */

struct chain *chain_new(const char *name, size_t len)
{
	struct chain *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->refs = 1;
	c->name = strndup(name, len);
	if (!c->name) {
		free(c);
		return NULL;
	}
	return c;
}

struct chain *chain_ref(struct chain *c)
{
	if (c)
		c->refs++;
	return c;
}

void chain_unref(struct chain *c)
{
	if (!c || --c->refs)
		return;
	for (size_t i = 0; i < c->n_rules; i++)
		rule_unref(c->rules[i]);
	free(c->rules);
	free(c->name);
	free(c->comment);
	free(c);
}

bool chain_insert_rule(struct chain *c, size_t at, struct rule *r)
{
	if (!model_grow(&c->rules, c->n_rules, &c->cap_rules))
		return false;
	memmove(c->rules + at + 1, c->rules + at, (c->n_rules - at) * sizeof(struct rule *));
	c->rules[at] = rule_ref(r);
	c->n_rules++;
	return true;
}

void chain_remove_rule(struct chain *c, size_t at)
{
	rule_unref(c->rules[at]);
	c->n_rules--;
	memmove(c->rules + at, c->rules + at + 1, (c->n_rules - at) * sizeof(struct rule *));
}

size_t chain_find_rule(const struct chain *c, uint64_t handle)
{
	size_t lo = 0, hi = c->n_rules;

	/* Mostly they are in order, where nothing was inserted. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->rules[mid]->handle == handle)
			return mid;
		if (c->rules[mid]->handle < handle)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = 0; i < c->n_rules; i++) {
		if (c->rules[i]->handle == handle)
			return i;
	}
	return MODEL_NONE;
}

static struct chain *chain_copy(const struct chain *c)
{
	struct chain *n = malloc(sizeof(*n));

	if (!n)
		return NULL;
	*n = *c;
	n->refs = 1;
	n->cap_rules = c->n_rules;
	n->name = strdup(c->name);
	n->comment = c->comment ? strdup(c->comment) : NULL;
	n->rules = malloc(c->n_rules * sizeof(struct rule *) + 1);
	if (!n->name || (c->comment && !n->comment) || !n->rules) {
		n->n_rules = 0;
		chain_unref(n);
		return NULL;
	}
	for (size_t i = 0; i < c->n_rules; i++)
		n->rules[i] = rule_ref(c->rules[i]);
	return n;
}

/* ---- tables ---- */

size_t chain_find(const struct table *t, const char *name)
{
	size_t at = SIZE_MAX, place;
	uint64_t handle;

	while ((handle = name_index_next(&t->chain_index, name, &at))) {
		place = chain_find_handle(t, handle);
		if (place != MODEL_NONE && !strcmp(t->chains[place]->name, name))
			return place;
	}
	return MODEL_NONE;
}

bool table_reindex(struct table *t)
{
	bool ok = true;

	name_index_fini(&t->chain_index);
	name_index_fini(&t->set_index);
	name_index_fini(&t->object_index);
	for (size_t i = 0; ok && i < t->n_chains; i++)
		ok = name_index_put(&t->chain_index, t->chains[i]->name, t->chains[i]->handle);
	for (size_t i = 0; ok && i < t->n_sets; i++)
		ok = name_index_put(&t->set_index, t->sets[i]->name, t->sets[i]->handle);
	for (size_t i = 0; ok && i < t->n_objects; i++)
		ok = name_index_put(&t->object_index, t->objects[i]->name,
				    t->objects[i]->handle);
	return ok;
}

struct table *table_new(enum family family, const char *name, size_t len)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->refs = 1;
	t->family = family;
	t->name = strndup(name, len);
	if (!t->name) {
		free(t);
		return NULL;
	}
	return t;
}

void table_unref(struct table *t)
{
	if (!t || --t->refs)
		return;
	for (size_t i = 0; i < t->n_chains; i++)
		chain_unref(t->chains[i]);
	for (size_t i = 0; i < t->n_objects; i++)
		object_unref(t->objects[i]);
	for (size_t i = 0; i < t->n_flowtables; i++)
		flowtable_unref(t->flowtables[i]);
	for (size_t i = 0; i < t->n_sets; i++)
		set_unref(t->sets[i]);
	free(t->objects);
	free(t->sets);
	free(t->flowtables);
	free(t->chains);
	name_index_fini(&t->chain_index);
	name_index_fini(&t->set_index);
	name_index_fini(&t->object_index);
	free(t->name);
	free(t->comment);
	free(t);
}

bool table_add_chain(struct table *t, struct chain *c)
{
	if (!c || !model_grow(&t->chains, t->n_chains, &t->cap_chains) ||
	    !name_index_put(&t->chain_index, c->name, c->handle)) {
		chain_unref(c);
		return false;
	}
	t->chains[t->n_chains++] = c;
	return true;
}

void table_remove_chain(struct table *t, size_t at)
{
	name_index_remove(&t->chain_index, t->chains[at]->name, t->chains[at]->handle);
	chain_unref(t->chains[at]);
	t->n_chains--;
	memmove(t->chains + at, t->chains + at + 1,
		(t->n_chains - at) * sizeof(struct chain *));
}

bool table_rename_chain(struct table *t, size_t at, const char *name, size_t len)
{
	struct chain *c = chain_own(t, at);
	char *copy = strndup(name, len);

	if (!c || !copy) {
		free(copy);
		return false;
	}
	name_index_remove(&t->chain_index, c->name, c->handle);
	free(c->name);
	c->name = copy;
	return name_index_put(&t->chain_index, copy, c->handle);
}

struct chain *chain_own(struct table *t, size_t at)
{
	struct chain *c = t->chains[at], *copy;

	if (c->refs == 1)
		return c;
	copy = chain_copy(c);
	if (!copy)
		return NULL;
	chain_unref(c);
	t->chains[at] = copy;
	return copy;
}

static struct table *table_copy(const struct table *t)
{
	struct table *n = malloc(sizeof(*n));
	bool indexed;

	if (!n)
		return NULL;
	*n = *t;
	n->refs = 1;
	n->cap_chains = t->n_chains;
	n->name = strdup(t->name);
	n->comment = t->comment ? strdup(t->comment) : NULL;
	n->chains = malloc(t->n_chains * sizeof(struct chain *) + 1);
	n->cap_objects = t->n_objects;
	n->objects = malloc(t->n_objects * sizeof(struct object *) + 1);
	n->cap_flowtables = t->n_flowtables;
	n->flowtables = malloc(t->n_flowtables * sizeof(struct flowtable *) + 1);
	n->cap_sets = t->n_sets;
	n->sets = malloc(t->n_sets * sizeof(struct set *) + 1);
	indexed = name_index_copy(&n->chain_index, &t->chain_index);
	indexed = name_index_copy(&n->set_index, &t->set_index) && indexed;
	indexed = name_index_copy(&n->object_index, &t->object_index) && indexed;
	if (!n->name || (t->comment && !n->comment) || !n->chains || !indexed || !n->objects ||
	    !n->flowtables || !n->sets) {
		n->n_chains = n->n_objects = n->n_flowtables = n->n_sets = 0;
		table_unref(n);
		return NULL;
	}
	for (size_t i = 0; i < t->n_objects; i++) {
		n->objects[i] = t->objects[i];
		n->objects[i]->refs++;
	}
	for (size_t i = 0; i < t->n_flowtables; i++) {
		n->flowtables[i] = t->flowtables[i];
		n->flowtables[i]->refs++;
	}
	for (size_t i = 0; i < t->n_sets; i++) {
		n->sets[i] = t->sets[i];
		n->sets[i]->refs++;
	}
	for (size_t i = 0; i < t->n_chains; i++) {
		n->chains[i] = t->chains[i];
		n->chains[i]->refs++;
	}
	return n;
}

/* ---- rulesets ---- */

struct ruleset *ruleset_new(struct counters *counters)
{
	struct ruleset *rs = calloc(1, sizeof(*rs));

	if (rs) {
		rs->refs = 1;
		rs->counters = counters;
	}
	return rs;
}

struct ruleset *ruleset_ref(struct ruleset *rs)
{
	rs->refs++;
	return rs;
}

void ruleset_unref(struct ruleset *rs)
{
	if (!rs || --rs->refs)
		return;
	for (size_t i = 0; i < rs->n_tables; i++)
		table_unref(rs->tables[i]);
	free(rs->tables);
	free(rs->step);
	free(rs);
}

struct ruleset *ruleset_copy(const struct ruleset *rs)
{
	struct ruleset *n = malloc(sizeof(*n));

	if (!n)
		return NULL;
	*n = *rs;
	n->refs = 1;
	n->step = NULL;
	n->elements_alone = false;
	n->cap_tables = rs->n_tables;
	n->tables = malloc(rs->n_tables * sizeof(struct table *) + 1);
	if (!n->tables) {
		free(n);
		return NULL;
	}
	for (size_t i = 0; i < rs->n_tables; i++) {
		n->tables[i] = rs->tables[i];
		n->tables[i]->refs++;
	}
	return n;
}

bool ruleset_add_table(struct ruleset *rs, struct table *t)
{
	if (!t || !model_grow(&rs->tables, rs->n_tables, &rs->cap_tables)) {
		table_unref(t);
		return false;
	}
	rs->tables[rs->n_tables++] = t;
	return true;
}

void ruleset_remove_table(struct ruleset *rs, size_t at)
{
	table_unref(rs->tables[at]);
	rs->n_tables--;
	memmove(rs->tables + at, rs->tables + at + 1,
		(rs->n_tables - at) * sizeof(struct table *));
}

size_t table_find(const struct ruleset *rs, enum family family, const char *name)
{
	for (size_t i = 0; i < rs->n_tables; i++) {
		if (rs->tables[i]->family == family && !strcmp(rs->tables[i]->name, name))
			return i;
	}
	return MODEL_NONE;
}

struct table *table_own(struct ruleset *rs, size_t at)
{
	struct table *t = rs->tables[at], *copy;

	if (t->refs == 1)
		return t;
	copy = table_copy(t);
	if (!copy)
		return NULL;
	table_unref(t);
	rs->tables[at] = copy;
	return copy;
}

struct ruleset_size ruleset_size(const struct ruleset *rs)
{
	struct ruleset_size s = { .tables = (unsigned)rs->n_tables };

	for (size_t i = 0; i < rs->n_tables; i++) {
		s.chains += (unsigned)rs->tables[i]->n_chains;
		for (size_t j = 0; j < rs->tables[i]->n_chains; j++)
			s.rules += (unsigned)rs->tables[i]->chains[j]->n_rules;
	}
	return s;
}
