/* uses.c - whether anything in a table may name a chain, a set or an object.
 *
 * Whoever deletes a chain or gives it another name has to look into all rules of its table;
 * whoever does so with ten thousand of them in one transaction would look ten thousand times.
 * So each name that rules and elements mention is counted once, when first somebody asks, and
 * what the transaction adds and takes away from then on is counted along.
 *
 * Names are kept as hashes alone, whatever they are the names of: a count of 0 says that
 * nobody names it, and any other that it is worth looking. */
#include <stdlib.h>
#include <string.h>

#include "ruleset/transaction.h"

static struct use *place_of(const struct uses *u, uint32_t hash)
{
	size_t i = hash & (u->size - 1);

	while (u->v[i].there && u->v[i].hash != hash)
		i = (i + 1) & (u->size - 1);
	return &u->v[i];
}

/* At most half full. */
static bool grow(struct uses *u)
{
	struct uses more = *u;

	if (2 * (u->n + 1) <= u->size)
		return true;
	more.size = u->size ? 2 * u->size : 64;
	more.v = calloc(more.size, sizeof(*more.v));
	if (!more.v)
		return false;
	for (size_t i = 0; i < u->size; i++) {
		if (u->v[i].there)
			*place_of(&more, u->v[i].hash) = u->v[i];
	}
	free(u->v);
	*u = more;
	return true;
}

static void count(struct uses *u, const char *name, int by)
{
	uint32_t hash = name_hash(name);
	struct use *use;

	if (u->failed || !grow(u)) {
		u->failed = true;
		return;
	}
	use = place_of(u, hash);
	u->n += !use->there;
	use->there = true;
	use->hash = hash;
	use->n += by;
}

/* ---- what rules and elements name ---- */

struct counting {
	struct uses *uses;
	const struct table *t;
	int by;
};

static void count_chain(void *arg, const char *chain)
{
	const struct counting *c = arg;

	count(c->uses, chain, c->by);
}

static void count_expr(void *arg, struct expr *e)
{
	const struct counting *c = arg;

	/* Of sets, and of objects that are the data of maps. */
	if (e->kind == EXPR_SETREF || e->kind == EXPR_SYMBOL)
		count(c->uses, e->symbol, c->by);
}

static void count_rule(struct counting *c, const struct rule *r)
{
	for (size_t i = 0; i < r->n_stmts; i++) {
		struct stmt *s = &r->stmts[i];

		stmt_each_target(s, count_chain, c);
		stmt_walk(s, count_expr, c);
		if (s->kind == STMT_OBJECT && s->object.name)
			count(c->uses, s->object.name, c->by);
	}
}

static void count_target(void *arg, uint64_t chain)
{
	const struct counting *c = arg;
	size_t at = chain_find_handle(c->t, chain);

	if (at != MODEL_NONE)
		count(c->uses, c->t->chains[at]->name, 1);
}

static void count_objects(struct counting *c, const struct set *s)
{
	struct set_cursor cursor = { 0 };
	struct set_element el;
	uint64_t handle;
	size_t at;

	while (set_content_next(s->content, &cursor, 0, &el)) {
		memcpy(&handle, el.data, sizeof(handle));
		at = object_find_handle(c->t, s->objects, handle);
		if (at != MODEL_NONE)
			count(c->uses, c->t->objects[at]->name, 1);
	}
}

static void count_all(struct uses *u, const struct table *t)
{
	struct counting c = { .uses = u, .t = t, .by = 1 };

	for (size_t i = 0; i < t->n_chains; i++) {
		for (size_t j = 0; j < t->chains[i]->n_rules; j++)
			count_rule(&c, t->chains[i]->rules[j]);
	}
	for (size_t i = 0; i < t->n_sets; i++) {
		set_each_target(t->sets[i], count_target, &c);
		if (t->sets[i]->kind == DATA_OBJECTS)
			count_objects(&c, t->sets[i]);
	}
}

/* ---- for transactions ---- */

void uses_forget(struct transaction *tx)
{
	free(tx->uses.v);
	tx->uses = (struct uses){ 0 };
}

bool uses_may_name(struct transaction *tx, const struct table *t, const char *name)
{
	struct uses *u = &tx->uses;

	if (u->table != t->handle) {
		uses_forget(tx);
		u->table = t->handle;
		count_all(u, t);
	}
	return u->failed || (u->size && place_of(u, name_hash(name))->n);
}

static void note(struct transaction *tx, const struct table *t, const struct rule *r, int by)
{
	struct counting c = { .uses = &tx->uses, .t = t, .by = by };

	if (tx->uses.table == t->handle)
		count_rule(&c, r);
}

void uses_add_rule(struct transaction *tx, const struct table *t, const struct rule *r)
{
	note(tx, t, r, 1);
}

void uses_remove_rule(struct transaction *tx, const struct table *t, const struct rule *r)
{
	note(tx, t, r, -1);
}

void uses_rename(struct transaction *tx, const struct table *t, const char *old,
		 const char *name)
{
	struct uses *u = &tx->uses;
	int n = u->size ? place_of(u, name_hash(old))->n : 0;

	if (u->table != t->handle || !n)
		return;
	/* The old one may be that of a set as well, and keeps what it has. */
	count(u, name, n);
}
