/* change_chain.c - chains: added, deleted, flushed, and called otherwise. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/site.h"
#include "ruleset/transaction.h"

/* ---- add ---- */

int transaction_priority(struct transaction *tx, const struct priority_spec *spec,
			 unsigned hook, int32_t *ret)
{
	int64_t sum = spec->number;
	int32_t base = 0;
	const char *near;

	if (*spec->name && !priority_find(spec->name, hook, &base)) {
		near = suggest(spec->name, strlen(spec->name), priority_names);
		if (hook == PRIORITY_FLOWTABLE) {
			diag_error(tx->d, &spec->span,
				   "the priority of a flowtable is a number or filter");
		} else if (near && !strcmp(near, spec->name)) {
			diag_error(tx->d, &spec->span,
				   "the priority %s is for the hook %s only", near,
				   !strcmp(near, "dstnat") ? "prerouting" : "postrouting");
		} else {
			diag_error(tx->d, &spec->span, "unknown priority \"%s\"", spec->name);
			if (near)
				diag_hint(tx->d, "did you mean \"%s\"?", near);
		}
		return -EINVAL;
	}
	sum += base;
	if (sum > INT32_MAX || sum < INT32_MIN) {
		diag_error(tx->d, &spec->span, "a priority is a number of 32 bits");
		return -EINVAL;
	}
	*ret = (int32_t)sum;
	return 0;
}

/* A chain that is there: its policy may change, the rest must be the same. */
static int update_chain(struct transaction *tx, struct table *t, size_t at,
			const struct chain_spec *spec, enum command_op op)
{
	struct chain *c = t->chains[at];
	struct echo echo = {
		.kind = ECHO_CHAIN, .op = op, .table = t->handle, .handle = c->handle
	};
	int32_t priority;
	int err;

	if (op == COMMAND_CREATE) {
		diag_error(tx->d, &spec->name.span, "the chain exists already");
		return -EINVAL;
	}
	if (spec->base && c->type == CHAIN_REGULAR) {
		diag_error(tx->d, &spec->name.span,
			   "the chain exists already, and has no hook: delete it first");
		return -EINVAL;
	}
	if (spec->base) {
		err = transaction_priority(tx, &spec->priority, spec->hook, &priority);
		if (err)
			return err;
		if (c->type != spec->type || c->hook != spec->hook || c->priority != priority) {
			diag_error(tx->d, &spec->name.span,
				   "the chain exists already, with another hook or priority");
			return -EINVAL;
		}
	}
	if (!transaction_echo(tx, &echo))
		return -ENOMEM;
	if (!spec->has_policy || c->drop == spec->drop)
		return 0;
	c = chain_own(t, at);
	if (!c)
		return -ENOMEM;
	c->drop = spec->drop;
	return 0;
}

static int policy_needs_hook(struct transaction *tx, const struct chain_spec *spec)
{
	diag_error(tx->d, &spec->policy_span, "only chains with a hook have a policy");
	return -EINVAL;
}

static int check_site(struct transaction *tx, const struct chain_spec *spec, int32_t priority)
{
	const char *why = chain_misplaced(spec->type, spec->hook, priority);

	if (!why)
		return 0;
	diag_error(tx->d, &spec->hook_span, "%s", why);
	return -EINVAL;
}

static int new_chain(struct transaction *tx, struct table *t, struct chain_spec *spec,
		     enum command_op op)
{
	struct echo echo = { .kind = ECHO_CHAIN, .op = op, .table = t->handle };
	int32_t priority = 0;
	struct chain *c;
	int err;

	if (!spec->base && spec->has_policy)
		return policy_needs_hook(tx, spec);
	if (spec->base) {
		err = transaction_priority(tx, &spec->priority, spec->hook, &priority);
		if (!err)
			err = check_site(tx, spec, priority);
		if (err)
			return err;
	}
	c = chain_new(spec->name.s, spec->name.len);
	if (c)
		c->handle = ++t->last_handle;
	if (!table_add_chain(t, c))
		return -ENOMEM;
	c->comment = spec->comment;
	spec->comment = NULL;
	if (spec->base) {
		c->type = spec->type;
		c->hook = spec->hook;
		c->priority = priority;
		c->drop = spec->drop;
		c->policy_shown = true;
		c->registered = ++tx->rs->last_registered;
	}
	echo.handle = c->handle;
	return transaction_echo(tx, &echo) ? 0 : -ENOMEM;
}

int chain_add(struct transaction *tx, struct table *t, struct chain_spec *spec,
	      enum command_op op)
{
	char *name = strndup(spec->name.s, spec->name.len);
	size_t at;

	if (!name)
		return -ENOMEM;
	at = chain_find(t, name);
	free(name);
	if (at == MODEL_NONE)
		return new_chain(tx, t, spec, op);
	if (t->chains[at]->bound) {
		diag_error(tx->d, &spec->name.span, "the block of a rule has this name");
		return -EINVAL;
	}
	if (spec->has_policy && !spec->base && t->chains[at]->type == CHAIN_REGULAR)
		return policy_needs_hook(tx, spec);
	return update_chain(tx, t, at, spec, op);
}

/* ---- delete ---- */

struct wanted {
	const char *name;
	bool found;
};

static void want_target(void *arg, const char *chain)
{
	struct wanted *w = arg;

	w->found = w->found || !strcmp(chain, w->name);
}

static bool leads_to(const struct rule *r, const char *name)
{
	struct wanted w = { .name = name };

	for (size_t i = 0; i < r->n_stmts; i++)
		stmt_each_target(&r->stmts[i], want_target, &w);
	return w.found;
}

/* A rule of another chain that leads to this one; its chain in *ret_chain. */
static const struct rule *find_jump(const struct table *t, const char *name,
				    const struct chain **ret_chain)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		const struct chain *c = t->chains[i];

		for (size_t j = 0; j < c->n_rules && strcmp(c->name, name); j++) {
			if (leads_to(c->rules[j], name)) {
				*ret_chain = c;
				return c->rules[j];
			}
		}
	}
	return NULL;
}

struct wanted_handle {
	uint64_t handle;
	bool found;
};

static void want_handle(void *arg, uint64_t chain)
{
	struct wanted_handle *w = arg;

	w->found = w->found || chain == w->handle;
}

/* A verdict map that leads to the chain. */
static const struct set *find_map(const struct table *t, uint64_t chain)
{
	for (size_t i = 0; i < t->n_sets; i++) {
		struct wanted_handle w = { .handle = chain };

		set_each_target(t->sets[i], want_handle, &w);
		if (w.found)
			return t->sets[i];
	}
	return NULL;
}

static int remove_chain(struct transaction *tx, size_t table, size_t at)
{
	struct table *t = table_own(tx->rs, table);

	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < t->chains[at]->n_rules; i++)
		rule_leaves(tx, t, t->chains[at]->rules[i]);
	table_remove_chain(t, at);
	return 0;
}

int chain_delete(struct transaction *tx, const struct command *c, size_t table)
{
	const struct set *map;
	const struct chain *user;
	const struct rule *r;
	struct table *t = tx->rs->tables[table];
	const struct span *at = c->place == PLACE_HANDLE ? &c->place_span : &c->chain.span;
	size_t chain;

	if (c->place == PLACE_HANDLE) {
		chain = chain_find_handle(t, c->place_number);
		if (chain == MODEL_NONE)
			diag_error(tx->d, at, "there is no chain with this handle in table %s",
				   t->name);
	} else {
		chain = transaction_chain(tx, t, &c->chain);
	}
	if (chain == MODEL_NONE)
		return -EINVAL;
	if (!uses_may_name(tx, t, t->chains[chain]->name))
		return remove_chain(tx, table, chain);
	r = find_jump(t, t->chains[chain]->name, &user);
	if (r) {
		diag_error(
			tx->d, at,
			"chain %s is in use: the rule with handle %llu of chain %s leads there",
			t->chains[chain]->name, (unsigned long long)r->handle, user->name);
		return -EINVAL;
	}
	map = find_map(t, t->chains[chain]->handle);
	if (map) {
		diag_error(tx->d, at,
			   "chain %s is in use: an element of the map %s leads there",
			   t->chains[chain]->name, map->name);
		return -EINVAL;
	}
	return remove_chain(tx, table, chain);
}

/* ---- flush ---- */

int chain_flush(struct transaction *tx, struct table *t, size_t at)
{
	struct chain *c;

	if (!t->chains[at]->n_rules)
		return 0;
	c = chain_own(t, at);
	if (!c)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_rules; i++) {
		rule_leaves(tx, t, c->rules[i]);
		rule_unref(c->rules[i]);
	}
	c->n_rules = 0;
	return 0;
}

/* ---- rename ---- */

/* Rules that lead to the chain are shared with other rulesets, where it keeps its name. */
static int rename_jumps(struct table *t, const char *old, const char *name)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		for (size_t j = 0; j < t->chains[i]->n_rules; j++) {
			struct rule *r = t->chains[i]->rules[j], *copy;
			struct chain *own;

			if (!leads_to(r, old))
				continue;
			own = chain_own(t, i);
			copy = own ? rule_renamed(r, old, name) : NULL;
			if (!copy)
				return -ENOMEM;
			own->rules[j] = copy;
			rule_unref(r);
		}
	}
	return blocks_relink(t);
}

int chain_rename(struct transaction *tx, const struct command *c)
{
	size_t table = transaction_table(tx, command_family(c), &c->table), chain;
	struct table *t;
	char *old, *name;
	int err = -ENOMEM;
	bool used;

	if (table == MODEL_NONE)
		return -EINVAL;
	chain = transaction_chain(tx, tx->rs->tables[table], &c->chain);
	if (chain == MODEL_NONE)
		return -EINVAL;
	t = table_own(tx->rs, table);
	name = strndup(c->new_name.s, c->new_name.len);
	old = strndup(c->chain.s, c->chain.len);
	if (!t || !name || !old)
		goto out;
	if (chain_find(t, name) != MODEL_NONE) {
		diag_error(tx->d, &c->new_name.span, "a chain of this name exists already");
		err = -EINVAL;
		goto out;
	}
	used = uses_may_name(tx, t, old);
	if (!table_rename_chain(t, chain, c->new_name.s, c->new_name.len))
		goto out;
	uses_rename(tx, t, old, name);
	err = used ? rename_jumps(t, old, name) : 0;
out:
	free(name);
	free(old);
	return err;
}
