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
		rule_leaves(tx, t, chain->rules[at]);
		r->handle = chain->rules[at]->handle;
		chain_remove_rule(chain, at);
	} else {
		r->handle = ++t->last_handle;
	}
	if (!chain_insert_rule(chain, at, r) || !transaction_fresh(tx, r))
		return -ENOMEM;
	uses_add_rule(tx, t, r);
	echo.handle = r->handle;
	/* The rules of a block are told of as a part of the rule that has it. */
	return chain->bound || transaction_echo(tx, &echo) ? 0 : -ENOMEM;
}

int rule_add_to(struct transaction *tx, const struct command *c, struct table *t, size_t at,
		struct rule_spec *spec)
{
	struct rule *r = NULL;
	struct chain *chain;
	int err = check_mentions(tx, t, spec, &c->table);

	if (!err)
		err = block_add(tx, c, t, spec);
	if (!err)
		err = meters_add(tx, t, spec);
	if (!err)
		err = dynsets_prepare(tx, t, spec);
	if (!err)
		err = rule_check(t->family, t, tx->input->locale, tx->verbatim, spec, tx->d,
				 &r);
	if (err)
		return err;
	err = set_wake(tx, t, r);
	chain = err ? NULL : chain_own(t, at);
	if (!err)
		err = chain ? put_rule(tx, c, t, chain, r) : -ENOMEM;
	rule_unref(r);
	return err;
}

static int add_rule(struct transaction *tx, const struct command *c, struct table *t,
		    struct rule_spec *spec)
{
	size_t at = transaction_chain(tx, t, &spec->chain);

	return at == MODEL_NONE ? -EINVAL : rule_add_to(tx, c, t, at, spec);
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
		err = chain_add(tx, t, &c->chains[i],
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
		there = chain_find_handle(tx->rs->tables[t], c->place_number) != MODEL_NONE;
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
	rule_leaves(tx, t, own->rules[at]);
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
	return c->object == OBJECT_CHAIN ? chain_delete(tx, c, table)
					 : delete_rule(tx, c, table);
}

/* ---- flush ---- */

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
		return t ? chain_flush(tx, t, chain) : -ENOMEM;
	}
	t = table_own(tx->rs, table);
	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_chains && !err; i++)
		err = chain_flush(tx, t, i);
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
		return chain_rename(tx, c);
	default:
		return 0;
	}
}
