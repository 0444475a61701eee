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

/* ---- statements ---- */

void stmt_fini(struct stmt *s)
{
	switch (s->kind) {
	case STMT_MATCH:
		expr_free(s->match.left);
		expr_free(s->match.right);
		break;
	case STMT_VERDICT:
		free(s->verdict.chain);
		break;
	case STMT_LOG:
		free((char *)s->log.prefix);
		break;
	case STMT_SET_META:
	case STMT_SET_CT:
		expr_free(s->set.value);
		break;
	case STMT_OBJECT:
		free(s->object.name);
		break;
	case STMT_NONE:
	case STMT_REJECT:
	case STMT_COUNTER:
	case STMT_NOTRACK:
		break;
	}
	s->kind = STMT_NONE;
}

bool stmts_insert(struct stmts *s, size_t at, const struct stmt *stmt)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 4;
		struct stmt *grown = realloc(s->v, cap * sizeof(*grown));

		if (!grown) {
			struct stmt lost = *stmt;

			stmt_fini(&lost);
			return false;
		}
		s->v = grown;
		s->cap = cap;
	}
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = *stmt;
	s->n++;
	return true;
}

bool stmts_add(struct stmts *s, const struct stmt *stmt)
{
	return stmts_insert(s, s->n, stmt);
}

void stmts_fini(struct stmts *s)
{
	for (size_t i = 0; i < s->n; i++)
		stmt_fini(&s->v[i]);
	free(s->v);
	*s = (struct stmts){ 0 };
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

		if (s->kind == STMT_COUNTER && r->counters && !r->origin &&
		    s->counter.slot != COUNTER_NONE)
			counter_release(r->counters, s->counter.slot);
		stmt_fini(s);
	}
	rule_unref(r->origin);
	free(r->stmts);
	free(r->comment);
	free(r);
}

static bool clone_stmt(struct stmt *to, const struct stmt *from)
{
	*to = *from;
	switch (from->kind) {
	case STMT_MATCH:
		to->match.left = expr_clone(from->match.left);
		to->match.right = expr_clone(from->match.right);
		return to->match.left && to->match.right;
	case STMT_VERDICT:
		to->verdict.chain = from->verdict.chain ? strdup(from->verdict.chain) : NULL;
		return !from->verdict.chain || to->verdict.chain;
	case STMT_LOG:
		to->log.prefix = from->log.prefix ? strdup(from->log.prefix) : NULL;
		return !from->log.prefix || to->log.prefix;
	case STMT_SET_META:
	case STMT_SET_CT:
		to->set.value = expr_clone(from->set.value);
		return to->set.value != NULL;
	case STMT_OBJECT:
		to->object.name = strdup(from->object.name);
		return to->object.name != NULL;
	case STMT_NONE:
	case STMT_REJECT:
	case STMT_COUNTER:
	case STMT_NOTRACK:
		break;
	}
	return true;
}

struct rule *rule_renamed(struct rule *r, const char *chain)
{
	struct rule *copy = rule_new();
	struct stmt *last;

	if (!copy)
		return NULL;
	copy->family = r->family;
	copy->handle = r->handle;
	copy->counters = r->counters;
	copy->origin = rule_ref(r->origin ? r->origin : r);
	copy->comment = r->comment ? strdup(r->comment) : NULL;
	copy->stmts = calloc(r->n_stmts, sizeof(*copy->stmts));
	if (!copy->stmts || (r->comment && !copy->comment))
		goto failed;
	for (size_t i = 0; i < r->n_stmts; i++) {
		copy->n_stmts++;
		if (!clone_stmt(&copy->stmts[i], &r->stmts[i]))
			goto failed;
	}
	last = &copy->stmts[copy->n_stmts - 1];
	free(last->verdict.chain);
	last->verdict.chain = strdup(chain);
	if (last->verdict.chain)
		return copy;
failed:
	rule_unref(copy);
	return NULL;
}

unsigned rule_anonymous_sets(const struct rule *r)
{
	unsigned sets = 0;

	for (size_t i = 0; i < r->n_stmts; i++)
		sets += r->stmts[i].kind == STMT_MATCH &&
			r->stmts[i].match.right->kind == EXPR_SET;
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

static size_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	while (*name)
		h = (h ^ (unsigned char)*name++) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

static void index_put(struct table *t, size_t at)
{
	size_t i = name_hash(t->chains[at]->name) & (t->n_index - 1);

	while (t->index[i])
		i = (i + 1) & (t->n_index - 1);
	t->index[i] = (uint32_t)at + 1;
}

/* Anew, for at least n chains. */
static bool index_build(struct table *t, size_t n)
{
	size_t size = 8;
	uint32_t *index;

	while (size < 2 * n)
		size *= 2;
	index = calloc(size, sizeof(*index));
	if (!index)
		return false;
	free(t->index);
	t->index = index;
	t->n_index = size;
	for (size_t i = 0; i < t->n_chains; i++)
		index_put(t, i);
	return true;
}

size_t chain_find(const struct table *t, const char *name)
{
	if (!t->n_index)
		return MODEL_NONE;
	for (size_t i = name_hash(name) & (t->n_index - 1); t->index[i];
	     i = (i + 1) & (t->n_index - 1)) {
		if (!strcmp(t->chains[t->index[i] - 1]->name, name))
			return t->index[i] - 1;
	}
	return MODEL_NONE;
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
	free(t->objects);
	free(t->flowtables);
	free(t->chains);
	free(t->index);
	free(t->name);
	free(t->comment);
	free(t);
}

bool table_add_chain(struct table *t, struct chain *c)
{
	if (!c || !model_grow(&t->chains, t->n_chains, &t->cap_chains))
		goto failed;
	if (2 * (t->n_chains + 1) > t->n_index && !index_build(t, t->n_chains + 1))
		goto failed;
	t->chains[t->n_chains++] = c;
	index_put(t, t->n_chains - 1);
	return true;
failed:
	chain_unref(c);
	return false;
}

/* The places of all later chains change; the index is as large as it was. */
static void index_refill(struct table *t)
{
	memset(t->index, 0, t->n_index * sizeof(*t->index));
	for (size_t i = 0; i < t->n_chains; i++)
		index_put(t, i);
}

void table_remove_chain(struct table *t, size_t at)
{
	chain_unref(t->chains[at]);
	t->n_chains--;
	memmove(t->chains + at, t->chains + at + 1,
		(t->n_chains - at) * sizeof(struct chain *));
	index_refill(t);
}

bool table_rename_chain(struct table *t, size_t at, const char *name, size_t len)
{
	struct chain *c = chain_own(t, at);
	char *copy = strndup(name, len);

	if (!c || !copy) {
		free(copy);
		return false;
	}
	free(c->name);
	c->name = copy;
	index_refill(t);
	return true;
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

	if (!n)
		return NULL;
	*n = *t;
	n->refs = 1;
	n->cap_chains = t->n_chains;
	n->name = strdup(t->name);
	n->comment = t->comment ? strdup(t->comment) : NULL;
	n->chains = malloc(t->n_chains * sizeof(struct chain *) + 1);
	n->index = malloc(t->n_index * sizeof(*n->index) + 1);
	n->cap_objects = t->n_objects;
	n->objects = malloc(t->n_objects * sizeof(struct object *) + 1);
	n->cap_flowtables = t->n_flowtables;
	n->flowtables = malloc(t->n_flowtables * sizeof(struct flowtable *) + 1);
	if (!n->name || (t->comment && !n->comment) || !n->chains || !n->index ||
	    !n->objects || !n->flowtables) {
		n->n_chains = n->n_objects = n->n_flowtables = 0;
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
	if (t->n_index)
		memcpy(n->index, t->index, t->n_index * sizeof(*n->index));
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
	free(rs);
}

struct ruleset *ruleset_copy(const struct ruleset *rs)
{
	struct ruleset *n = malloc(sizeof(*n));

	if (!n)
		return NULL;
	*n = *rs;
	n->refs = 1;
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
