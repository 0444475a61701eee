/* change_set.c - named sets and maps: added, deleted, and what is in them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ctfw/state.h"
#include "ruleset/transaction.h"

/* ---- declarations ---- */

static int set_error(struct transaction *tx, const struct span *span, const char *why)
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
		err = set_error(tx, &spec->type_span, "these values are too long for intervals");
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

	s->slots = slot_home_new(tx->rs->counters);
	if (!s->slots)
		return -ENOMEM;
	for (size_t i = 0; i < s->stmts.n; i++)
		s->slots->kind[i] = stmt_state_kind(&s->stmts.v[i]);
	shape.interval = (s->flags & SET_INTERVAL) != 0;
	shape.auto_merge = s->auto_merge;
	shape.data_bytes = (uint8_t)key_data_bytes(&type);
	shape.size = s->has_size ? s->size : 0;
	shape.n_slots = (uint8_t)s->stmts.n;
	shape.slots = &s->slots->slots;
	err = set_content_new(&shape, &s->content);
	return err == -E2BIG ? set_error(tx, &spec->type_span,
					 "the keys of this set are too long for intervals") :
			       err;
}

static int new_set(struct transaction *tx, struct table *t, struct set_spec *spec,
		   enum command_op op)
{
	struct echo echo = { .kind = ECHO_SET, .op = op, .table = t->handle };
	struct set *s = spec->set;
	int err = give_content(tx, spec);

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

	if (!spec->elements || at == MODEL_NONE)
		return 0;
	return element_change(tx, t, at, COMMAND_ADD, spec->elements);
}

/* ---- sets that packets change ---- */

/* Workers make lists of flows: they must have their memory before. */
static int reserve_lists(struct transaction *tx, const struct set *set, const struct stmts *given)
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
		diag_error(tx->d, &c->place_span, "there is no set with this handle in table %s",
			   t->name);
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
static bool may_change(struct transaction *tx, const struct table *t, size_t at,
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

	if (at == MODEL_NONE || !may_change(tx, tx->rs->tables[table], at, &c->name.span))
		return -EINVAL;
	t = table_own(tx->rs, table);
	s = t ? set_own(t, at) : NULL;
	if (!s || set_content_new(set_content_shape(s->content), &empty))
		return -ENOMEM;
	set_content_unref(s->content);
	s->content = empty;
	return s->dynamic ? transaction_later(tx, s->dynamic, NULL, 0) : 0;
}

/* ---- elements ---- */

/* A slot for each statement of an element; those that it states itself come first to show. */
static int give_slots(struct transaction *tx, const struct set *s, const struct item *item,
		      uint32_t slots[SET_SLOTS_MAX])
{
	for (size_t i = 0; i < s->stmts.n; i++) {
		const struct stmt *own = item->more && i < item->more->stmts.n ?
						 &item->more->stmts.v[i] :
						 &s->stmts.v[i];
		struct stateful state;

		slots[i] = COUNTER_NONE;
		if (!s->slots->counters || tx->input->check)
			continue;
		state = own->state;
		if (!stateful_give(s->slots->counters, s->slots->kind[i], &state)) {
			while (i-- > 0)
				stateful_release(s->slots->counters, s->slots->kind[i],
						 slots[i]);
			return set_error(tx, &item->key->span,
					 "there are no more counters or the like to give");
		}
		slots[i] = state.slot;
	}
	return 0;
}

static void element_times(struct transaction *tx, const struct set *s, const struct item *item,
			  struct set_element *el)
{
	const uint64_t mono = tx->input->now.mono;
	const uint64_t timeout = element_timeout(s, item->more);

	el->timeout = timeout * NSEC_PER_MSEC;
	el->expires = timeout ? mono + el->timeout : 0;
	if (!item->more || !item->more->expires)
		return;
	/* What was saved says when, not how long it has left. */
	el->expires = item->more->expires * NSEC_PER_MSEC + (tx->verbatim ? 0 : mono);
}

static bool is_in_content(const struct set *s, const struct set_element *el, uint64_t mono)
{
	struct set_element there;

	return el->catch_all ? set_content_get_catch_all(s->content, mono, &there) :
			       set_content_get(s->content, el->key, el->end, mono, &there);
}

/* One that packets have added is not in the content: it goes when all is well. */
static int delete_dynamic(struct transaction *tx, const struct set *s,
			  const struct set_element *el, bool *ret_there)
{
	const struct set_shape *shape = set_content_shape(s->content);
	const uint64_t mono = tx->input->now.mono;

	/* What was saved says nothing of them. */
	*ret_there = s->dynamic && !el->catch_all && !tx->verbatim &&
		     set_dynamic_find(s->dynamic, el->key, mono);
	if (!*ret_there)
		return 0;
	return transaction_later(tx, s->dynamic, el->key,
				 set_key_offset(shape, shape->n_parts));
}

/* The operator's takes the place of one that packets have added. */
static int replace_dynamic(struct transaction *tx, const struct set *s, enum command_op op,
			   const struct item *item, const struct set_element *el)
{
	bool there;
	int err = delete_dynamic(tx, s, el, &there);

	if (!err && there && op == COMMAND_CREATE)
		err = set_error(tx, &item->key->span, "this element exists already");
	return err;
}

/* 1: there is nothing to do to the content. */
static int put_item(struct transaction *tx, const struct table *t, const struct set *s,
		    const struct item *item, enum command_op op, struct set_batch *batch)
{
	const struct element_type type = set_element_type(s);
	const uint64_t mono = tx->input->now.mono;
	uint32_t slots[SET_SLOTS_MAX];
	struct set_element el;
	int err;

	key_element(&type, t, item->e, &el);
	if (op == COMMAND_DELETE || op == COMMAND_DESTROY) {
		bool dynamic;

		err = delete_dynamic(tx, s, &el, &dynamic);
		if (err)
			return err;
		if ((dynamic || op == COMMAND_DESTROY) && !is_in_content(s, &el, mono))
			return 1;
	} else {
		err = replace_dynamic(tx, s, op, item, &el);
		if (err)
			return err;
		element_times(tx, s, item, &el);
		el.comment = item->more ? item->more->comment : NULL;
		if (s->stmts.n) {
			err = give_slots(tx, s, item, slots);
			if (err)
				return err;
			el.slots = slots;
		}
		err = transaction_element(tx, t, s, &el);
		if (err)
			return err;
	}
	step_element(tx, t, s, op, &el);
	return set_batch_put(batch, &el);
}

static int element_error(struct transaction *tx, const struct items *items,
			 const struct set_error *error)
{
	const struct span *span = &items->v[error->index].key->span;

	switch (error->why) {
	case SET_EXISTS:
		return set_error(tx, span, "this element exists already");
	case SET_OTHER_DATA:
		return set_error(tx, span, "this element exists already, for something else");
	case SET_OVERLAPS:
		return set_error(tx, span, "this overlaps with an element that is there");
	case SET_CONFLICTS:
		return set_error(tx, &items->v[error->with].key->span,
				 "this overlaps with another element");
	case SET_ABSENT:
		return set_error(tx, span, "there is no such element");
	case SET_FULL:
		return set_error(tx, span, "the set is full: it has the size that was declared");
	default:
		return set_error(tx, span,
				 "intervals of concatenations overlap too much here");
	}
}

static int change_items(struct transaction *tx, const struct table *t, struct set *s,
			enum command_op op, struct items *items)
{
	const enum set_op set_op = op == COMMAND_ADD	? SET_ADD :
				   op == COMMAND_CREATE ? SET_CREATE :
							  SET_DELETE;
	struct set_batch *batch = set_batch_new(set_content_shape(s->content), set_op);
	struct set_error error;
	int err = batch ? 0 : -ENOMEM;

	step_begin(tx, t, s, op);
	for (size_t i = 0; i < items->n && err >= 0;) {
		err = put_item(tx, t, s, &items->v[i], op, batch);
		if (err <= 0) {
			i++;
			continue;
		}
		/* The batch knows them by number. */
		memmove(items->v + i, items->v + i + 1, (--items->n - i) * sizeof(*items->v));
		err = 0;
	}
	step_end(tx);
	if (!err) {
		err = set_content_change(s->content, batch, tx->input->now.mono, &error);
		if (err == -EINVAL)
			element_error(tx, items, &error);
	}
	set_batch_free(batch);
	return err;
}

int element_change(struct transaction *tx, struct table *t, size_t at, enum command_op op,
		   struct expr *elements)
{
	const bool deleting = op == COMMAND_DELETE || op == COMMAND_DESTROY;
	struct checker ck = { .d = tx->d, .table = t, .locale = tx->input->locale,
			      .verbatim = tx->verbatim };
	struct items items = { .ck = &ck };
	struct set *s;
	int err;

	if (!may_change(tx, t, at, &elements->span))
		return -EINVAL;
	s = set_own(t, at);
	if (!s)
		return -ENOMEM;
	s->content = set_content_own(s->content);
	if (!s->content)
		return -ENOMEM;
	if (s->kind == DATA_VERDICTS || s->kind == DATA_OBJECTS)
		uses_forget(tx);
	protocols_init(&ck.proto, t->family);
	err = check_elements(&items, s, deleting, elements) ? 0 : ck.oom ? -ENOMEM : -EINVAL;
	if (!err)
		err = change_items(tx, t, s, op, &items);
	free(items.v);
	return err;
}

static bool get_element(const struct set *s, const struct set_element *wanted, uint64_t mono,
			struct shown_element *ret)
{
	if (wanted->catch_all)
		return set_content_get_catch_all(s->content, mono, &ret->el);
	if (set_content_get(s->content, wanted->key, wanted->end, mono, &ret->el))
		return true;
	ret->record = s->dynamic ? set_dynamic_find(s->dynamic, wanted->key, mono) : NULL;
	if (!ret->record)
		return false;
	set_record_show(s, ret->record, &ret->el);
	return true;
}

static int get_items(struct transaction *tx, const struct table *t, const struct set *s,
		     const struct items *items)
{
	const struct element_type type = set_element_type(s);
	const uint64_t mono = tx->input->now.mono;
	struct shown_element *found = calloc(items->n + 1, sizeof(*found));
	struct set_element el;
	int err = 0;

	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < items->n && !err; i++) {
		key_element(&type, t, items->v[i].e, &el);
		if (!get_element(s, &el, mono, &found[i]))
			err = set_error(tx, &items->v[i].key->span, "there is no such element");
	}
	if (!err) {
		text_printf(&tx->out, "table %s %s {\n", family_name(t->family), t->name);
		print_set_part(t, s, found, items->n, tx->input->print, mono, &tx->out);
		text_puts(&tx->out, "}\n");
	}
	free(found);
	return err;
}

int element_get(struct transaction *tx, struct command *c, size_t table)
{
	const struct table *t = tx->rs->tables[table];
	struct checker ck = { .d = tx->d, .table = t, .locale = tx->input->locale };
	struct items items = { .ck = &ck };
	size_t at = set_named(tx, t, c);
	int err;

	if (at == MODEL_NONE)
		return -EINVAL;
	err = check_elements(&items, t->sets[at], true, c->elements) ? 0 :
	      ck.oom						     ? -ENOMEM :
								       -EINVAL;
	if (!err)
		err = get_items(tx, t, t->sets[at], &items);
	free(items.v);
	return err;
}
