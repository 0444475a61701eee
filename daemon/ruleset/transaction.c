/* transaction.c - one attempt: parse, apply, check the whole, commit. */
#include "ruleset/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/parse.h"
#include "ruleset/parse_json.h"
#include "ruleset/print_json.h"

/* ---- arrays ---- */

static bool push(void *array, size_t *n, size_t *cap, size_t size, const void *item)
{
	char **v = array;

	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 16;
		char *grown = realloc(*v, more * size);

		if (!grown)
			return false;
		*v = grown;
		*cap = more;
	}
	memcpy(*v + *n * size, item, size);
	++*n;
	return true;
}

bool transaction_echo(struct transaction *tx, const struct echo *echo)
{
	if (!tx->input->echo)
		return true;
	if (!push(&tx->echoes, &tx->n_echoes, &tx->cap_echoes, sizeof(*echo), echo))
		return false;
	if (tx->json)
		tx->echoes[tx->n_echoes - 1].command = tx->json->command;
	return true;
}

bool transaction_mention(struct transaction *tx, const struct mention *m)
{
	if (push(&tx->mentions, &tx->n_mentions, &tx->cap_mentions, sizeof(*m), m))
		return true;
	free(m->target);
	return false;
}

static bool has_state(const struct rule *r)
{
	for (size_t i = 0; i < r->n_stmts; i++) {
		if (stmt_state_kind(&r->stmts[i]))
			return true;
	}
	return false;
}

bool transaction_fresh(struct transaction *tx, struct rule *r)
{
	if (!has_state(r))
		return true;
	if (!push(&tx->fresh, &tx->n_fresh, &tx->cap_fresh, sizeof(r), &r))
		return false;
	rule_ref(r);
	return true;
}

int transaction_element(struct transaction *tx, const struct table *t, const struct set *s,
			const struct set_element *el)
{
	struct echo echo = { .kind = ECHO_ELEMENT, .table = t->handle, .handle = s->handle };
	struct text text = TEXT_IN(tx->input->locale);

	if (!tx->input->echo)
		return 0;
	if (tx->input->json)
		print_json_element(t, s, el, tx->input->print, tx->input->now.mono, &text);
	else
		print_element(t, s, el, tx->input->print, tx->input->now.mono, &text);
	echo.text = text_steal(&text);
	if (echo.text && transaction_echo(tx, &echo))
		return 0;
	free(echo.text);
	return -ENOMEM;
}

bool transaction_fresh_object(struct transaction *tx, struct object *o)
{
	if (!object_state_kind(o->kind))
		return true;
	if (!push(&tx->fresh_objects, &tx->n_fresh_objects, &tx->cap_fresh_objects, sizeof(o),
		  &o))
		return false;
	object_ref(o);
	return true;
}

int transaction_later(struct transaction *tx, struct set_dynamic *set, const uint8_t *key,
		      size_t len)
{
	struct later later = { .set = set, .flush = !key };

	if (key)
		memcpy(later.key, key, len);
	if (!push(&tx->later, &tx->n_later, &tx->cap_later, sizeof(later), &later))
		return -ENOMEM;
	set_dynamic_ref(set);
	return 0;
}

static void do_later(struct transaction *tx)
{
	for (size_t i = 0; i < tx->n_later; i++) {
		if (tx->later[i].flush)
			set_dynamic_flush(tx->later[i].set);
		else
			set_dynamic_delete(tx->later[i].set, tx->later[i].key,
					   tx->input->now.mono);
	}
}

/* ---- look-ups ---- */

/* name is not NUL-terminated; names have at most 255 characters. */
static const char *name_text(const struct token *name, char buf[256])
{
	size_t len = name->len < 255 ? name->len : 255;

	memcpy(buf, name->s, len);
	buf[len] = '\0';
	return buf;
}

static void suggest_table(struct transaction *tx, enum family family, const char *name)
{
	enum { MOST = 256 };
	const char *names[MOST + 1];
	const char *near = NULL;
	size_t n = 0;

	for (size_t i = 0; i < tx->rs->n_tables && n < MOST; i++) {
		const struct table *t = tx->rs->tables[i];

		if (t->family == family)
			names[n++] = t->name;
		else if (!strcmp(t->name, name)) {
			diag_hint(tx->d, "there is one in the family %s",
				  family_name(t->family));
			return;
		}
	}
	names[n] = NULL;
	near = suggest(name, strlen(name), names);
	if (near)
		diag_hint(tx->d, "did you mean \"%s\"?", near);
}

size_t transaction_table(struct transaction *tx, enum family family, const struct token *name)
{
	char buf[256];
	size_t at = table_find(tx->rs, family, name_text(name, buf));

	if (at == MODEL_NONE) {
		diag_error(tx->d, &name->span, "there is no table \"%s\" in the family %s", buf,
			   family_name(family));
		suggest_table(tx, family, buf);
	}
	return at;
}

static void suggest_chain(struct transaction *tx, const struct table *t, const char *name)
{
	enum { MOST = 256 };
	const char *names[MOST + 1];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < t->n_chains && n < MOST; i++) {
		if (!t->chains[i]->bound)
			names[n++] = t->chains[i]->name;
	}
	names[n] = NULL;
	near = suggest(name, strlen(name), names);
	if (near)
		diag_hint(tx->d, "did you mean \"%s\"?", near);
}

size_t transaction_chain(struct transaction *tx, const struct table *t,
			 const struct token *name)
{
	char buf[256];
	size_t at = chain_find(t, name_text(name, buf));

	if (at != MODEL_NONE && t->chains[at]->bound)
		at = MODEL_NONE; /* only its rule leads there */
	if (at == MODEL_NONE) {
		diag_error(tx->d, &name->span, "there is no chain \"%s\" in table %s %s", buf,
			   family_name(t->family), t->name);
		suggest_chain(tx, t, buf);
	}
	return at;
}

size_t transaction_rule(struct transaction *tx, const struct chain *c, uint64_t handle,
			const struct span *at)
{
	size_t i = chain_find_rule(c, handle);

	if (i == MODEL_NONE)
		diag_error(tx->d, at, "there is no rule with handle %llu in chain %s",
			   (unsigned long long)handle, c->name);
	return i;
}

/* ---- the attempt ---- */

/* A listing may be a thousand times as long as the command, and there may be thousands of
 * them in a text. */
static bool has_listed_enough(const struct transaction *tx)
{
	return tx->input->listed_max && tx->out.len > tx->input->listed_max;
}

static int apply_command(struct transaction *tx, struct command *c)
{
	if (has_listed_enough(tx)) {
		diag_error(tx->d, &c->span, "this is too much to be listed at once");
		return -EFBIG;
	}
	if (c->op == COMMAND_LIST || c->op == COMMAND_RESET || c->op == COMMAND_GET)
		return list_apply(tx, c);
	if (c->op == COMMAND_DESCRIBE)
		return describe_apply(tx, c);
	tx->changed = true;
	tx->rules = tx->rules || c->object != OBJECT_ELEMENT;
	tx->whole = tx->whole || tx->rules;
	return change_apply(tx, c);
}

/* Once the text itself is wrong, nothing more is applied: what was skipped would make errors of
 * what follows it.  But each rule can still be looked at for itself. */
static int check_only(struct transaction *tx, struct command *c)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		struct rule *r = NULL;
		int err = rule_check(command_family(c), NULL, tx->input->locale, tx->verbatim,
				     &c->rules[i], tx->d, &r);

		rule_unref(r);
		if (err == -ENOMEM)
			return err;
	}
	return 0;
}

static int apply_all(struct transaction *tx, struct parser *p)
{
	bool parsed = true;
	int err;

	for (;;) {
		struct command c;

		err = parse_command(p, &c);
		if (err == -ENOMEM)
			return err;
		if (!err && c.op == COMMAND_NONE)
			return 0;
		parsed = parsed && !err;
		err = parsed ? apply_command(tx, &c) : check_only(tx, &c);
		command_fini(&c);
		if (err == -ENOMEM || err == -EFBIG)
			return err;
	}
}

static int no_slots(struct transaction *tx, enum state_kind kind)
{
	if (kind == STATE_COUNTER)
		diag_error(tx->d, NULL,
			   "there are no more counters to give: too many rules count, or "
			   "the runtime directory is full");
	else
		diag_error(tx->d, NULL, "there is no room for what limits and their like "
					"remember: there are too many of them, or the "
					"runtime directory is full");
	return -ENOSPC;
}

/* A slot for everything that remembers something in new rules and objects. */
static int give_slots(struct transaction *tx)
{
	struct counters *counters = tx->rs->counters;

	for (size_t i = 0; i < tx->n_fresh; i++) {
		struct rule *r = tx->fresh[i];

		r->counters = counters;
		for (size_t j = 0; j < r->n_stmts; j++) {
			struct stmt *s = &r->stmts[j];
			enum state_kind kind = stmt_state_kind(s);

			if (kind && !stateful_give(counters, kind, &s->state))
				return no_slots(tx, kind);
		}
	}
	for (size_t i = 0; i < tx->n_fresh_objects; i++) {
		struct object *o = tx->fresh_objects[i];
		enum state_kind kind = object_state_kind(o->kind);

		o->counters = counters;
		if (!stateful_give(counters, kind, &o->state))
			return no_slots(tx, kind);
	}
	return 0;
}

static void transaction_fini(struct transaction *tx)
{
	for (size_t i = 0; i < tx->n_fresh; i++)
		rule_unref(tx->fresh[i]);
	for (size_t i = 0; i < tx->n_mentions; i++)
		free(tx->mentions[i].target);
	for (size_t i = 0; i < tx->n_echoes; i++)
		free(tx->echoes[i].text);
	for (size_t i = 0; i < tx->n_fresh_objects; i++)
		object_unref(tx->fresh_objects[i]);
	for (size_t i = 0; i < tx->n_later; i++)
		set_dynamic_unref(tx->later[i].set);
	free(tx->later);
	free(tx->fresh);
	free(tx->fresh_objects);
	free(tx->mentions);
	free(tx->echoes);
	text_fini(&tx->out);
	text_fini(&tx->step);
	uses_forget(tx);
	ruleset_unref(tx->rs);
}

static int run(struct transaction *tx, struct parser *p)
{
	int err = apply_all(tx, p);

	if (!err && tx->d->errors)
		err = -EINVAL;
	if (!err)
		err = meters_sweep(tx);
	if (!err)
		err = dynsets_settle(tx);
	if (!err)
		err = graph_check(tx);
	if (!err && tx->rs->counters && !tx->input->check)
		err = give_slots(tx);
	return err;
}

int transaction_apply(struct ruleset *old, const struct ruleset_input *input, bool verbatim,
		      struct diag *d, struct text *out, struct ruleset **ret_new)
{
	struct transaction tx = { .input = input, .d = d, .old = old, .verbatim = verbatim,
				  .out = TEXT_IN(input->locale) };
	struct ruleset *new;
	struct parser p;
	int err = parse_init(&p, input, d);

	p.saved = verbatim;
	if (old->counters)
		states_set_now(counters_states(old->counters), input->now.mono);
	tx.rs = err ? NULL : ruleset_copy(old);
	if (!err && !tx.rs)
		err = -ENOMEM;
	tx.json = err ? NULL : p.json;
	if (!err)
		tx.rs->mono = input->now.mono;
	if (!err)
		err = run(&tx, &p);
	if (err)
		goto out;
	if (input->echo && !input->check)
		echo_print(&tx, &tx.out);
	text_append(out, text_str(&tx.out), tx.out.len);
	if (text_failed(&tx.out) || text_failed(out)) {
		err = -ENOMEM;
		goto out;
	}
	if (!input->check)
		do_later(&tx);
	new = tx.changed && !input->check ? tx.rs : old;
	if (new == tx.rs && !verbatim)
		step_take(&tx);
	*ret_new = ruleset_ref(new);
out:
	parse_fini(&p);
	transaction_fini(&tx);
	return err;
}

int ruleset_apply(struct ruleset *old, const struct ruleset_input *input, struct diag *d,
		  struct text *out, struct ruleset **ret_new)
{
	return transaction_apply(old, input, false, d, out, ret_new);
}
