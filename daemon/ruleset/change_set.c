/* change_set.c - named sets and maps: added, deleted, flushed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/state.h"
#include "ruleset/transaction.h"

/* ---- declarations ---- */

int set_error(struct transaction *tx, const struct span *span, const char *why)
{
	diag_error(tx->d, span, "%s", why);
	return -EINVAL;
}

/* The types of what was written with `typeof`: of each part by itself. */
static int settle_typeof(struct transaction *tx, const struct table *t, struct expr **written,
			 struct key_type *ret_type)
{
	struct checker ck = { .d = tx->d, .table = t, .apart = true };
	bool ok;

	protocols_init(&ck.proto, t->family);
	ok = check_key(&ck, written);
	stmts_fini(&ck.out);
	if (ok)
		*ret_type = key_type_of(*written);
	return ok ? 0 : ck.oom ? -ENOMEM : -EINVAL;
}

static int settle_types(struct transaction *tx, const struct table *t,
			const struct set_spec *spec)
{
	struct set *s = spec->set;
	int err = 0;

	if (!spec->type_span.source)
		return set_error(tx, &spec->name.span,
				 "this has no type: write type ipv4_addr; or typeof ip saddr;");
	if (s->key_typeof)
		err = settle_typeof(tx, t, &s->key_typeof, &s->key);
	if (!err && s->data_typeof)
		err = settle_typeof(tx, t, &s->data_typeof, &s->data);
	if (!err && s->data_interval && 2 * key_len(&s->data) > SET_DATA_MAX)
		err = set_error(tx, &spec->type_span,
				"these values are too long for intervals");
	return err;
}

static int check_set_stmts(struct transaction *tx, const struct set_spec *spec)
{
	const struct set *s = spec->set;

	return check_element_stmts(tx->d, &s->stmts, s->flags) ? 0 : -EINVAL;
}

static int check_set_spec(struct transaction *tx, const struct table *t,
			  const struct set_spec *spec)
{
	struct set *s = spec->set;
	int err = settle_types(tx, t, spec);

	if (err)
		return err;
	if (s->timeout)
		s->flags |= SET_TIMEOUT;
	if ((s->flags & SET_INTERVAL) && (s->flags & SET_DYNAMIC))
		return set_error(tx, &spec->name.span,
				 "packets cannot add elements to a set of intervals");
	if (s->auto_merge && !(s->flags & SET_INTERVAL))
		return set_error(tx, &spec->name.span,
				 "auto-merge is for sets with flags interval");
	if (s->gc_interval && !(s->flags & SET_TIMEOUT))
		return set_error(
			tx, &spec->name.span,
			"gc-interval is for sets whose elements expire: with a timeout, "
			"or with flags timeout");
	if ((s->flags & SET_CONSTANT) && (s->flags & (SET_DYNAMIC | SET_TIMEOUT)))
		return set_error(tx, &spec->name.span,
				 "a constant set has elements that neither come nor go");
	return check_set_stmts(tx, spec);
}

/* An empty content of that shape. */
static int give_content(struct transaction *tx, const struct set_spec *spec)
{
	struct set *s = spec->set;
	struct set_shape shape = key_shape(&s->key);
	const struct element_type type = set_element_type(s);
	int err;

	s->slots = slot_home_new(tx->rs->counters, &s->stmts);
	if (!s->slots)
		return -ENOMEM;
	shape.interval = (s->flags & SET_INTERVAL) != 0;
	shape.auto_merge = s->auto_merge;
	shape.data_bytes = (uint8_t)key_data_bytes(&type);
	shape.size = s->has_size ? s->size : 0;
	shape.slots = &s->slots->slots;
	err = set_content_new(&shape, &s->content);
	return err == -E2BIG ? set_error(tx, &spec->type_span,
					 "the keys of this set are too long for intervals") :
			       err;
}

/* As the set had them when it was saved. */
static int give_variants(struct transaction *tx, const struct set_spec *spec)
{
	int err = 0;

	for (size_t i = 0; i < spec->n_variants && !err; i++) {
		const struct variant_spec *v = &spec->variants[i];

		err = !v->number || !check_own_stmts(tx->d, &v->stmts, spec->set) ?
			      -EINVAL :
			      variant_put(spec->set->slots, v->number, &v->stmts);
	}
	return err == -EINVAL ? set_error(tx, &spec->name.span,
					  "its elements cannot have such statements") :
				err;
}

static int new_set(struct transaction *tx, struct table *t, struct set_spec *spec,
		   enum command_op op)
{
	struct echo echo = { .kind = ECHO_SET, .op = op, .table = t->handle };
	struct set *s = spec->set;
	int err = give_content(tx, spec);

	if (!err)
		err = give_variants(tx, spec);
	if (err)
		return err;
	s->handle = echo.handle = ++t->last_handle;
	s->refs++;
	if (!table_add_set(t, s))
		return -ENOMEM;
	/* A meter is told of as a part of its rule. */
	return s->meter || transaction_echo(tx, &echo) ? 0 : -ENOMEM;
}

/* One that is there: its elements may become more, the rest must be the same. */
static int same_set(struct transaction *tx, const struct set *old, const struct set_spec *spec,
		    enum command_op op)
{
	const struct set *s = spec->set;

	if (op == COMMAND_CREATE)
		return set_error(tx, &spec->name.span, "the set exists already");
	if (old->kind != s->kind || !key_type_equal(&old->key, &s->key) ||
	    (s->kind == DATA_VALUES && !key_type_equal(&old->data, &s->data)) ||
	    (s->kind == DATA_OBJECTS && old->objects != s->objects) ||
	    old->flags != s->flags || old->timeout != s->timeout)
		return set_error(tx, &spec->name.span,
				 "the set exists already, with another type or other flags");
	return 0;
}

int set_add(struct transaction *tx, struct table *t, struct set_spec *spec, enum command_op op)
{
	size_t at = set_find_named(t, spec->set->name);
	int err = check_set_spec(tx, t, spec);

	if (!err)
		err = at == MODEL_NONE ? new_set(tx, t, spec, op) :
					 same_set(tx, t->sets[at], spec, op);
	return err;
}

int set_fill(struct transaction *tx, struct table *t, struct set_spec *spec)
{
	size_t at = set_find_named(t, spec->set->name);
	int err;

	if (!spec->elements || at == MODEL_NONE)
		return 0;
	if (spec->packed) {
		err = element_add_packed(tx, t, at, &spec->elements->span, spec->packed);
		if (err || !spec->elements->list.n)
			return err;
	}
	return element_change(tx, t, at, COMMAND_ADD, spec->elements);
}

/* ---- sets that packets change ---- */

/* Workers make lists of flows: they must have their memory before. */
static int reserve_lists(struct transaction *tx, const struct set *set,
			 const struct stmts *given)
{
	struct counters *counters = tx->rs->counters;

	if (!counters || (!stmts_count_flows(given) && !stmts_count_flows(&set->stmts)) ||
	    !states_reserve(counters_states(counters)))
		return 0;
	return set_error(tx, NULL, "there is no memory for what elements count");
}

int set_wake(struct transaction *tx, struct table *t, const struct rule *r)
{
	for (size_t i = 0; i < r->n_stmts; i++) {
		const struct stmt *s = &r->stmts[i];
		size_t at;
		struct set *set;
		int err;

		if (s->kind != STMT_DYNSET || tx->input->check)
			continue;
		at = set_find_named(t, s->dynset.set->symbol);
		if (at == MODEL_NONE)
			continue;
		err = reserve_lists(tx, t->sets[at], &s->dynset.stmts);
		if (err)
			return err;
		if (t->sets[at]->dynamic)
			continue;
		set = set_own(t, at);
		err = set ? set_make_dynamic(set, tx->rs->counters, 0) : -ENOMEM;
		if (err == -ENOMEM)
			return err;
		if (err)
			return set_error(tx, NULL, "there is no room for another set that "
						   "packets change");
	}
	return 0;
}

/* A set that the same text has made. */
static bool is_fresh(const struct transaction *tx, const struct table *t, const struct set *s)
{
	for (size_t i = 0; i < tx->old->n_tables; i++) {
		const struct table *was = tx->old->tables[i];

		for (size_t j = 0; j < was->n_sets && was->handle == t->handle; j++) {
			if (was->sets[j]->handle == s->handle)
				return false;
		}
	}
	return true;
}

/* As nft and the kernel have it: it has a size, and is dynamic if it is new. */
static int let_packets_change(struct transaction *tx, struct table *t, size_t at)
{
	struct set *s = t->sets[at];
	const bool becomes = !(s->flags & (SET_DYNAMIC | SET_INTERVAL)) && is_fresh(tx, t, s);

	if (tx->verbatim || (s->has_size && !becomes))
		return 0;
	s = set_own(t, at);
	if (!s)
		return -ENOMEM;
	s->flags |= becomes ? SET_DYNAMIC : 0;
	s->size = s->has_size ? s->size : SET_DYNAMIC_SIZE;
	s->has_size = true;
	if (s->dynamic)
		set_dynamic_resize(s->dynamic, s->size);
	return 0;
}

int dynsets_prepare(struct transaction *tx, struct table *t, const struct rule_spec *spec)
{
	int err = 0;

	for (size_t i = 0; i < spec->stmts.n && !err; i++) {
		const struct stmt *s = &spec->stmts.v[i];
		size_t at = s->kind == STMT_DYNSET && !s->dynset.meter ?
				    set_find_named(t, s->dynset.set->symbol) :
				    MODEL_NONE;

		if (at != MODEL_NONE)
			err = let_packets_change(tx, t, at);
	}
	return err;
}

/* ---- meters ---- */

static const struct rule *find_user(const struct table *t, const struct set *s,
				    const struct chain **ret_chain);

static int meter_add(struct transaction *tx, struct table *t, const struct stmt *m)
{
	const char *name = m->dynset.set->symbol;
	struct set_spec spec = {
		.name = { .kind = TOKEN_WORD, .s = name, .len = strlen(name),
			  .span = m->dynset.set->span },
		.type_span = m->dynset.key->span,
		.set = set_new(name, strlen(name)),
	};
	int err;

	if (!spec.set)
		return -ENOMEM;
	spec.set->meter = true;
	spec.set->flags = SET_DYNAMIC | (m->dynset.timeout ? SET_TIMEOUT : 0);
	spec.set->has_size = true;
	spec.set->size = m->dynset.size;
	spec.set->key_typeof = expr_clone(m->dynset.key);
	err = spec.set->key_typeof ? check_set_spec(tx, t, &spec) : -ENOMEM;
	if (!err && set_find_named(t, name) != MODEL_NONE)
		err = set_error(tx, &spec.name.span, "there is a set of this name already");
	/* What is declared is the types. */
	expr_free(spec.set->key_typeof);
	spec.set->key_typeof = NULL;
	if (!err)
		err = new_set(tx, t, &spec, COMMAND_ADD);
	/* The first, since no text tells a meter's. */
	if (!err)
		err = variant_put(spec.set->slots, 1, &m->dynset.stmts);
	set_unref(spec.set);
	return err;
}

int meters_add(struct transaction *tx, struct table *t, struct rule_spec *spec)
{
	int err = 0;

	for (size_t i = 0; i < spec->stmts.n && !err; i++) {
		if (spec->stmts.v[i].kind == STMT_DYNSET && spec->stmts.v[i].dynset.meter)
			err = meter_add(tx, t, &spec->stmts.v[i]);
	}
	return err;
}

int meters_sweep(struct transaction *tx)
{
	for (size_t i = 0; i < tx->rs->n_tables; i++) {
		struct table *t = tx->rs->tables[i];
		const struct chain *chain;

		/* Those that others share are as they were. */
		for (size_t j = t->refs > 1 ? 0 : t->n_sets; j-- > 0;) {
			if (t->sets[j]->meter && !find_user(t, t->sets[j], &chain))
				table_remove_set(t, j);
		}
	}
	return 0;
}

/* ---- names ---- */

static void suggest_set(struct transaction *tx, const struct table *t, const char *name)
{
	enum { MOST = 256 };
	const char *names[MOST + 1];
	const char *near;
	size_t n = 0;

	for (; n < t->n_sets && n < MOST; n++)
		names[n] = t->sets[n]->name;
	names[n] = NULL;
	near = suggest(name, strlen(name), names);
	if (near)
		diag_hint(tx->d, "did you mean \"%s\"?", near);
}

size_t set_named(struct transaction *tx, const struct table *t, const struct command *c)
{
	char name[256];
	size_t len = c->name.len < 255 ? c->name.len : 255, at;

	if (c->place == PLACE_HANDLE) {
		at = set_find_handle(t, c->place_number);
		if (at != MODEL_NONE)
			return at;
		diag_error(tx->d, &c->place_span,
			   "there is no set with this handle in table %s", t->name);
		return MODEL_NONE;
	}
	memcpy(name, c->name.s, len);
	name[len] = '\0';
	at = set_find_named(t, name);
	if (at == MODEL_NONE) {
		diag_error(tx->d, &c->name.span, "there is no set or map \"%s\" in table %s %s",
			   name, family_name(t->family), t->name);
		suggest_set(tx, t, name);
	}
	return at;
}

/* ---- delete ---- */

struct user {
	const char *name;
	bool found;
};

static void find_reference(void *arg, struct expr *e)
{
	struct user *u = arg;

	u->found = u->found || (e->kind == EXPR_SETREF && !strcmp(e->symbol, u->name));
}

/* A rule that names it; its chain in *ret_chain. */
static const struct rule *find_user(const struct table *t, const struct set *s,
				    const struct chain **ret_chain)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		for (size_t j = 0; j < t->chains[i]->n_rules; j++) {
			struct rule *r = t->chains[i]->rules[j];
			struct user u = { .name = s->name };

			for (size_t k = 0; k < r->n_stmts; k++)
				stmt_walk(&r->stmts[k], find_reference, &u);
			if (u.found) {
				*ret_chain = t->chains[i];
				return r;
			}
		}
	}
	return NULL;
}

int set_delete(struct transaction *tx, const struct command *c, size_t table)
{
	struct table *t = tx->rs->tables[table];
	const struct span *span = c->place == PLACE_HANDLE ? &c->place_span : &c->name.span;
	size_t at = set_named(tx, t, c);
	const struct chain *chain;
	const struct rule *user;

	if (at == MODEL_NONE)
		return -EINVAL;
	user = uses_may_name(tx, t, t->sets[at]->name) ? find_user(t, t->sets[at], &chain) :
							 NULL;
	if (user) {
		diag_error(tx->d, span,
			   "%s is in use: the rule with handle %llu of chain %s names it",
			   t->sets[at]->name, (unsigned long long)user->handle, chain->name);
		return -EINVAL;
	}
	t = table_own(tx->rs, table);
	if (!t)
		return -ENOMEM;
	table_remove_set(t, at);
	return 0;
}

/* What is in a constant set that rules look into is there to stay. */
bool set_may_change(struct transaction *tx, const struct table *t, size_t at,
		    const struct span *span)
{
	const struct chain *chain;

	if (!(t->sets[at]->flags & SET_CONSTANT) || tx->verbatim ||
	    !find_user(t, t->sets[at], &chain))
		return true;
	diag_error(tx->d, span, "the set is constant, and chain %s uses it", chain->name);
	return false;
}

int set_flush(struct transaction *tx, const struct command *c, size_t table)
{
	size_t at = set_named(tx, tx->rs->tables[table], c);
	struct set_content *empty = NULL;
	struct table *t;
	struct set *s;

	if (at == MODEL_NONE || !set_may_change(tx, tx->rs->tables[table], at, &c->name.span))
		return -EINVAL;
	t = table_own(tx->rs, table);
	s = t ? set_own(t, at) : NULL;
	if (!s || set_content_new(set_content_shape(s->content), &empty))
		return -ENOMEM;
	set_content_unref(s->content);
	s->content = empty;
	return s->dynamic ? transaction_later(tx, s->dynamic, NULL, 0) : 0;
}
