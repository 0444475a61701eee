/* change.c - commands that change something: add, insert, replace, delete, flush, rename. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/site.h"
#include "ruleset/transaction.h"

/* ---- tables ---- */

static int add_table(struct transaction *tx, struct command *c, size_t *ret_at)
{
	enum family family = command_family(c);
	struct echo echo = { .kind = ECHO_TABLE, .op = c->op, .flags = c->table_flags };
	char *name = strndup(c->table.s, c->table.len);
	struct table *t;
	size_t at;

	if (!name)
		return -ENOMEM;
	at = table_find(tx->rs, family, name);
	free(name);
	if (at != MODEL_NONE) {
		if (c->op == COMMAND_CREATE) {
			diag_error(tx->d, &c->table.span, "the table exists already");
			return -EINVAL;
		}
		t = tx->rs->tables[at];
		/* As nft: without the flag, it is taken off. */
		if (t->flags != c->table_flags) {
			t = table_own(tx->rs, at);
			if (!t)
				return -ENOMEM;
			t->flags = c->table_flags;
		}
		*ret_at = at;
		return 0;
	}
	t = table_new(family, c->table.s, c->table.len);
	if (!ruleset_add_table(tx->rs, t))
		return -ENOMEM;
	t->handle = ++tx->rs->last_table_handle;
	t->flags = c->table_flags;
	t->comment = c->table_comment;
	c->table_comment = NULL;
	*ret_at = tx->rs->n_tables - 1;
	echo.table = t->handle;
	return transaction_echo(tx, &echo) ? 0 : -ENOMEM;
}

/* ---- chains ---- */

int transaction_priority(struct transaction *tx, const struct priority_spec *spec, unsigned hook,
			 int32_t *ret)
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
	if (!table_add_chain(t, c))
		return -ENOMEM;
	c->handle = ++t->last_handle;
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

static int add_chain(struct transaction *tx, struct table *t, struct chain_spec *spec,
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
	if (spec->has_policy && !spec->base && t->chains[at]->type == CHAIN_REGULAR)
		return policy_needs_hook(tx, spec);
	return update_chain(tx, t, at, spec, op);
}

/* ---- rules ---- */

/* A chain that a rule leads to is there and has no hook. */
static int check_target(struct transaction *tx, const struct table *t, const char *chain,
			const struct span *span)
{
	struct token name = {
		.kind = TOKEN_WORD, .s = chain, .len = strlen(chain), .span = *span
	};
	size_t at = transaction_chain(tx, t, &name);

	if (at == MODEL_NONE)
		return -EINVAL;
	if (t->chains[at]->type == CHAIN_REGULAR)
		return 0;
	diag_error(tx->d, span, "%s is a chain with a hook: rules cannot lead there", chain);
	return -EINVAL;
}

/* What is found in a rule's statements, and how that went. */
struct mentions {
	struct transaction *tx;
	const struct table *t;
	const struct rule_spec *spec;
	const struct token *table;
	int err;
};

static void mention(struct mentions *ms, const char *target, enum site_id site,
		    const struct span *span)
{
	struct mention m = { .span = *span,
			     .family = ms->t->family,
			     .table = *ms->table,
			     .chain = ms->spec->chain,
			     .site = site };

	if (ms->err)
		return;
	if (target) {
		ms->err = check_target(ms->tx, ms->t, target, span);
		if (ms->err)
			return;
		m.target = strdup(target);
		if (!m.target)
			ms->err = -ENOMEM;
	}
	if (!ms->err && !transaction_mention(ms->tx, &m))
		ms->err = -ENOMEM;
}

static void mention_expr(void *arg, struct expr *e)
{
	if (e->kind == EXPR_VERDICT && e->verdict.chain)
		mention(arg, e->verdict.chain, SITE_NONE, &e->span);
	else if (expr_site(e))
		mention(arg, NULL, expr_site(e), &e->span);
}

/* Check what a rule leads to; remember jumps and rejects for the end. */
static int check_mentions(struct transaction *tx, const struct table *t,
			  const struct rule_spec *spec, const struct token *table)
{
	struct mentions ms = { .tx = tx, .t = t, .spec = spec, .table = table };

	for (size_t i = 0; i < spec->stmts.n && !ms.err; i++) {
		struct stmt *s = &spec->stmts.v[i];

		if (s->kind == STMT_OBJECT && s->object.name &&
		    transaction_object(tx, t, s->object.kind, s->object.name, &s->span) ==
			    MODEL_NONE)
			return -EINVAL;
		if (stmt_site(s))
			mention(&ms, NULL, stmt_site(s), &s->span);
		else if (s->kind == STMT_VERDICT && s->verdict.chain)
			mention(&ms, s->verdict.chain, SITE_NONE, &s->span);
		stmt_walk(s, mention_expr, &ms);
	}
	return ms.err;
}

/* Where a rule goes: *ret_at is the place that it will have. */
static int rule_place(struct transaction *tx, const struct command *c,
		      const struct chain *chain, size_t *ret_at)
{
	size_t at;

	if (c->place == PLACE_NONE) {
		*ret_at = c->op == COMMAND_INSERT ? 0 : chain->n_rules;
		return 0;
	}
	if (c->place == PLACE_INDEX) {
		at = c->place_number;
		if (at >= chain->n_rules) {
			diag_error(tx->d, &c->place_span,
				   "chain %s has %zu rules: there is no index %zu", chain->name,
				   chain->n_rules, at);
			return -EINVAL;
		}
	} else {
		at = transaction_rule(tx, chain, c->place_number, &c->place_span);
		if (at == MODEL_NONE)
			return -EINVAL;
	}
	*ret_at = c->op == COMMAND_ADD ? at + 1 : at;
	return 0;
}

static int put_rule(struct transaction *tx, const struct command *c, struct table *t,
		    struct chain *chain, struct rule *r)
{
	struct echo echo = {
		.kind = ECHO_RULE, .op = c->op, .table = t->handle, .chain = chain->handle
	};
	size_t at;
	int err = rule_place(tx, c, chain, &at);

	if (err)
		return err;
	t->last_handle += rule_anonymous_sets(r);
	if (c->op == COMMAND_REPLACE) {
		r->handle = chain->rules[at]->handle;
		chain_remove_rule(chain, at);
	} else {
		r->handle = ++t->last_handle;
	}
	if (!chain_insert_rule(chain, at, r) || !transaction_fresh(tx, r))
		return -ENOMEM;
	echo.handle = r->handle;
	return transaction_echo(tx, &echo) ? 0 : -ENOMEM;
}

static int add_rule(struct transaction *tx, const struct command *c, struct table *t,
		    struct rule_spec *spec)
{
	size_t at = transaction_chain(tx, t, &spec->chain);
	struct rule *r = NULL;
	struct chain *chain;
	int err;

	if (at == MODEL_NONE)
		return -EINVAL;
	err = check_mentions(tx, t, spec, &c->table);
	if (!err)
		err = meters_add(tx, t, spec);
	if (!err)
		err = dynsets_prepare(tx, t, spec);
	if (!err)
		err = rule_check(t->family, t, tx->verbatim, spec, tx->d, &r);
	if (err)
		return err;
	err = set_wake(tx, t, r);
	chain = err ? NULL : chain_own(t, at);
	if (!err)
		err = chain ? put_rule(tx, c, t, chain, r) : -ENOMEM;
	rule_unref(r);
	return err;
}

/* ---- what add and its like bring ---- */

/* Rules of a block fail one by one, so that each error is shown. */
static int add_rules(struct transaction *tx, struct command *c, struct table *t)
{
	int worst = 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		int err = add_rule(tx, c, t, &c->rules[i]);

		if (err == -ENOMEM)
			return err;
		if (err)
			worst = err;
	}
	return worst;
}

/* Likewise. */
static int add_objects(struct transaction *tx, struct command *c, struct table *t)
{
	int worst = 0;

	for (size_t i = 0; i < c->n_objects; i++) {
		int err = object_add(tx, t, &c->objects[i],
				     c->object == OBJECT_NAMED ? c->op : COMMAND_ADD);

		if (err == -ENOMEM)
			return err;
		if (err)
			worst = err;
	}
	return worst;
}

static int add_flowtables(struct transaction *tx, struct command *c, struct table *t)
{
	int worst = 0;

	for (size_t i = 0; i < c->n_flowtables; i++) {
		int err = flowtable_add(tx, t, &c->flowtables[i],
					c->object == OBJECT_FLOWTABLE ? c->op : COMMAND_ADD);

		if (err == -ENOMEM)
			return err;
		if (err)
			worst = err;
	}
	return worst;
}

/* Likewise. */
static int add_sets(struct transaction *tx, struct command *c, struct table *t)
{
	int worst = 0;

	for (size_t i = 0; i < c->n_sets; i++) {
		int err = set_add(tx, t, &c->sets[i],
				  c->object == OBJECT_SET ? c->op : COMMAND_ADD);

		if (!err)
			err = set_fill(tx, t, &c->sets[i]);
		if (err == -ENOMEM)
			return err;
		if (err)
			worst = err;
	}
	return worst;
}

static int add_elements(struct transaction *tx, struct command *c, struct table *t)
{
	size_t at = set_named(tx, t, c);

	return at == MODEL_NONE ? -EINVAL : element_change(tx, t, at, c->op, c->elements);
}

static int apply_add(struct transaction *tx, struct command *c)
{
	struct table *t;
	size_t at;
	int err = 0;

	if (c->object == OBJECT_TABLE) {
		err = add_table(tx, c, &at);
		if (err)
			return err;
	} else {
		at = transaction_table(tx, command_family(c), &c->table);
		if (at == MODEL_NONE)
			return -EINVAL;
	}
	if (!c->n_chains && !c->n_objects && !c->n_flowtables && !c->n_sets && !c->n_rules &&
	    !c->elements)
		return 0;
	t = table_own(tx->rs, at);
	if (!t)
		return -ENOMEM;
	if (c->object == OBJECT_ELEMENT)
		return add_elements(tx, c, t);
	for (size_t i = 0; i < c->n_chains; i++) {
		err = add_chain(tx, t, &c->chains[i],
				c->object == OBJECT_CHAIN ? c->op : COMMAND_ADD);
		if (err)
			return err;
	}
	err = add_objects(tx, c, t);
	if (!err)
		err = add_sets(tx, c, t);
	if (!err)
		err = add_flowtables(tx, c, t);
	return err ? err : add_rules(tx, c, t);
}

/* ---- delete ---- */

static size_t table_by_handle(const struct ruleset *rs, enum family family, uint64_t handle)
{
	for (size_t i = 0; i < rs->n_tables; i++) {
		if (rs->tables[i]->family == family && rs->tables[i]->handle == handle)
			return i;
	}
	return MODEL_NONE;
}

static size_t chain_by_handle(const struct table *t, uint64_t handle)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		if (t->chains[i]->handle == handle)
			return i;
	}
	return MODEL_NONE;
}

/* destroy: whether what is named is there, errors aside. */
static bool exists(struct transaction *tx, const struct command *c)
{
	struct diag silent = DIAG_INIT;
	struct transaction quiet = *tx;
	size_t t, chain;
	bool there = false;

	quiet.d = &silent;
	if (c->object == OBJECT_TABLE && c->place == PLACE_HANDLE) {
		there = table_by_handle(tx->rs, command_family(c), c->place_number) !=
			MODEL_NONE;
		goto out;
	}
	t = transaction_table(&quiet, command_family(c), &c->table);
	if (t == MODEL_NONE || c->object == OBJECT_TABLE) {
		there = t != MODEL_NONE;
		goto out;
	}
	if (c->object == OBJECT_CHAIN && c->place == PLACE_HANDLE) {
		there = chain_by_handle(tx->rs->tables[t], c->place_number) != MODEL_NONE;
		goto out;
	}
	if (c->object == OBJECT_FLOWTABLE) {
		there = flowtable_named(&quiet, tx->rs->tables[t], c) != MODEL_NONE;
		goto out;
	}
	if (c->object == OBJECT_SET || c->object == OBJECT_ELEMENT) {
		there = set_named(&quiet, tx->rs->tables[t], c) != MODEL_NONE;
		goto out;
	}
	if (c->object == OBJECT_NAMED) {
		there = object_named(&quiet, tx->rs->tables[t], c) != MODEL_NONE;
		goto out;
	}
	chain = transaction_chain(&quiet, tx->rs->tables[t], &c->chain);
	there = chain != MODEL_NONE &&
		(c->object == OBJECT_CHAIN || chain_find_rule(tx->rs->tables[t]->chains[chain],
							      c->place_number) != MODEL_NONE);
out:
	diag_fini(&silent);
	return there;
}

static int delete_table(struct transaction *tx, const struct command *c)
{
	size_t at;

	if (c->place != PLACE_HANDLE) {
		at = transaction_table(tx, command_family(c), &c->table);
	} else {
		at = table_by_handle(tx->rs, command_family(c), c->place_number);
		if (at == MODEL_NONE)
			diag_error(tx->d, &c->place_span,
				   "there is no table with this handle in the family %s",
				   family_name(command_family(c)));
	}
	if (at == MODEL_NONE)
		return -EINVAL;
	ruleset_remove_table(tx->rs, at);
	return 0;
}

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

static int delete_chain(struct transaction *tx, const struct command *c, size_t table)
{
	const struct set *map;
	const struct chain *user;
	const struct rule *r;
	struct table *t = tx->rs->tables[table];
	const struct span *at = c->place == PLACE_HANDLE ? &c->place_span : &c->chain.span;
	size_t chain;

	if (c->place == PLACE_HANDLE) {
		chain = chain_by_handle(t, c->place_number);
		if (chain == MODEL_NONE)
			diag_error(tx->d, at, "there is no chain with this handle in table %s",
				   t->name);
	} else {
		chain = transaction_chain(tx, t, &c->chain);
	}
	if (chain == MODEL_NONE)
		return -EINVAL;
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
		diag_error(tx->d, at, "chain %s is in use: an element of the map %s leads there",
			   t->chains[chain]->name, map->name);
		return -EINVAL;
	}
	t = table_own(tx->rs, table);
	if (!t)
		return -ENOMEM;
	table_remove_chain(t, chain);
	return 0;
}

static int delete_rule(struct transaction *tx, const struct command *c, size_t table)
{
	struct table *t = tx->rs->tables[table];
	size_t chain = transaction_chain(tx, t, &c->chain), at;
	struct chain *own;

	if (chain == MODEL_NONE)
		return -EINVAL;
	at = transaction_rule(tx, t->chains[chain], c->place_number, &c->place_span);
	if (at == MODEL_NONE)
		return -EINVAL;
	t = table_own(tx->rs, table);
	own = t ? chain_own(t, chain) : NULL;
	if (!own)
		return -ENOMEM;
	chain_remove_rule(own, at);
	return 0;
}

static int delete_elements(struct transaction *tx, const struct command *c, size_t table)
{
	size_t at = set_named(tx, tx->rs->tables[table], c);
	struct table *t;

	if (at == MODEL_NONE)
		return -EINVAL;
	t = table_own(tx->rs, table);
	return t ? element_change(tx, t, at, c->op, c->elements) : -ENOMEM;
}

static int apply_delete(struct transaction *tx, const struct command *c)
{
	size_t table;

	if (c->op == COMMAND_DESTROY && !exists(tx, c))
		return 0;
	if (c->object == OBJECT_TABLE)
		return delete_table(tx, c);
	table = transaction_table(tx, command_family(c), &c->table);
	if (table == MODEL_NONE)
		return -EINVAL;
	if (c->object == OBJECT_FLOWTABLE)
		return flowtable_delete(tx, c, table);
	if (c->object == OBJECT_NAMED)
		return object_delete(tx, c, table);
	if (c->object == OBJECT_SET)
		return set_delete(tx, c, table);
	if (c->object == OBJECT_ELEMENT)
		return delete_elements(tx, c, table);
	return c->object == OBJECT_CHAIN ? delete_chain(tx, c, table)
					 : delete_rule(tx, c, table);
}

/* ---- flush ---- */

static int flush_chain(struct table *t, size_t at)
{
	struct chain *c;

	if (!t->chains[at]->n_rules)
		return 0;
	c = chain_own(t, at);
	if (!c)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_rules; i++)
		rule_unref(c->rules[i]);
	c->n_rules = 0;
	return 0;
}

static int flush_ruleset(struct transaction *tx, enum family family)
{
	for (size_t i = tx->rs->n_tables; i-- > 0;) {
		if (family == FAMILY_NONE || tx->rs->tables[i]->family == family)
			ruleset_remove_table(tx->rs, i);
	}
	return 0;
}

static int apply_flush(struct transaction *tx, const struct command *c)
{
	size_t table, chain;
	struct table *t;
	int err = 0;

	if (c->object == OBJECT_RULESET)
		return flush_ruleset(tx, c->family);
	table = transaction_table(tx, command_family(c), &c->table);
	if (table == MODEL_NONE)
		return -EINVAL;
	if (c->object == OBJECT_SET)
		return set_flush(tx, c, table);
	if (c->object == OBJECT_CHAIN) {
		chain = transaction_chain(tx, tx->rs->tables[table], &c->chain);
		if (chain == MODEL_NONE)
			return -EINVAL;
		t = table_own(tx->rs, table);
		return t ? flush_chain(t, chain) : -ENOMEM;
	}
	t = table_own(tx->rs, table);
	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_chains && !err; i++)
		err = flush_chain(t, i);
	return err;
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
	return 0;
}

static int apply_rename(struct transaction *tx, const struct command *c)
{
	size_t table = transaction_table(tx, command_family(c), &c->table), chain;
	struct table *t;
	char *old, *name;
	int err = -ENOMEM;

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
	if (table_rename_chain(t, chain, c->new_name.s, c->new_name.len))
		err = rename_jumps(t, old, name);
out:
	free(name);
	free(old);
	return err;
}

int change_apply(struct transaction *tx, struct command *c)
{
	switch (c->op) {
	case COMMAND_ADD:
	case COMMAND_CREATE:
	case COMMAND_INSERT:
	case COMMAND_REPLACE:
		return apply_add(tx, c);
	case COMMAND_DELETE:
	case COMMAND_DESTROY:
		return apply_delete(tx, c);
	case COMMAND_FLUSH:
		return apply_flush(tx, c);
	case COMMAND_RENAME:
		return apply_rename(tx, c);
	default:
		return 0;
	}
}
