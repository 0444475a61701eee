/* change_set.c - named sets and maps: added, deleted, and what is in them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ruleset/transaction.h"

/* ---- declarations ---- */

static int set_error(struct transaction *tx, const struct span *span, const char *why)
{
	diag_error(tx->d, span, "%s", why);
	return -EINVAL;
}

/* The types of what was written with `typeof`. */
static int settle_typeof(struct transaction *tx, const struct table *t, struct expr **written,
			 struct key_type *ret_type)
{
	struct checker ck = { .d = tx->d, .table = t };
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

	return check_element_stmts(tx->d, &s->stmts) ? 0 : -EINVAL;
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
	/* nft's own, where none is named. */
	if (s->flags & SET_DYNAMIC && !s->has_size) {
		s->has_size = true;
		s->size = SET_DYNAMIC_SIZE;
	}
	if ((s->flags & SET_INTERVAL) && (s->flags & SET_DYNAMIC))
		return set_error(tx, &spec->name.span,
				 "packets cannot add elements to a set of intervals");
	if (s->auto_merge && !(s->flags & SET_INTERVAL))
		return set_error(tx, &spec->name.span,
				 "auto-merge is for sets with flags interval");
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
	return transaction_echo(tx, &echo) ? 0 : -ENOMEM;
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
		if (at == MODEL_NONE || t->sets[at]->dynamic)
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
	spec.set->flags = SET_DYNAMIC | (m->dynset.has_timeout ? SET_TIMEOUT : 0);
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
		for (size_t i = 0; i < t->n_sets; i++) {
			if (t->sets[i]->handle == c->place_number)
				return i;
		}
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
	user = find_user(t, t->sets[at], &chain);
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

int set_flush(struct transaction *tx, const struct command *c, size_t table)
{
	size_t at = set_named(tx, tx->rs->tables[table], c);
	struct set_content *empty = NULL;
	struct table *t;
	struct set *s;

	if (at == MODEL_NONE)
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
	uint64_t timeout = s->timeout;

	if (item->more && item->more->has_timeout)
		timeout = item->more->timeout;
	el->timeout = timeout * NSEC_PER_MSEC;
	el->expires = timeout ? mono + el->timeout : 0;
	if (!item->more || !item->more->has_expires)
		return;
	/* What was saved says when, not how long it has left. */
	el->expires = item->more->expires * NSEC_PER_MSEC + (tx->verbatim ? 0 : mono);
}

/* One that packets have added is not in the content: it goes when all is well. */
static int delete_dynamic(struct transaction *tx, const struct set *s,
			  const struct set_element *el, bool *ret_there)
{
	const struct set_shape *shape = set_content_shape(s->content);
	const uint64_t mono = tx->input->now.mono;
	struct set_element there;

	*ret_there = s->dynamic && !el->catch_all &&
		     set_dynamic_find(s->dynamic, el->key, mono) &&
		     !set_content_get(s->content, el->key, NULL, mono, &there);
	if (!*ret_there)
		return 0;
	return transaction_later(tx, s->dynamic, el->key,
				 set_key_offset(shape, shape->n_parts));
}

static int put_item(struct transaction *tx, const struct table *t, const struct set *s,
		    const struct item *item, bool add, struct set_batch *batch)
{
	const struct element_type type = set_element_type(s);
	uint32_t slots[SET_SLOTS_MAX];
	struct set_element el;
	int err;

	key_element(&type, t, item->e, &el);
	if (!add) {
		bool there;

		err = delete_dynamic(tx, s, &el, &there);
		if (err || there)
			return err;
	}
	if (add) {
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
			enum command_op op, const struct items *items)
{
	const enum set_op set_op = op == COMMAND_ADD	? SET_ADD :
				   op == COMMAND_CREATE ? SET_CREATE :
							  SET_DELETE;
	struct set_batch *batch = set_batch_new(set_content_shape(s->content), set_op);
	struct set_error error;
	int err = batch ? 0 : -ENOMEM;

	for (size_t i = 0; i < items->n && !err; i++)
		err = put_item(tx, t, s, &items->v[i], set_op != SET_DELETE, batch);
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
	struct checker ck = { .d = tx->d, .table = t, .verbatim = tx->verbatim };
	struct items items = { .ck = &ck };
	struct set *s = set_own(t, at);
	int err;

	if (!s)
		return -ENOMEM;
	s->content = set_content_own(s->content);
	if (!s->content)
		return -ENOMEM;
	protocols_init(&ck.proto, t->family);
	err = check_elements(&items, s, deleting, elements) ? 0 : ck.oom ? -ENOMEM : -EINVAL;
	if (!err)
		err = change_items(tx, t, s, op, &items);
	free(items.v);
	return err;
}

static int get_items(struct transaction *tx, const struct command *c, const struct table *t,
		     const struct set *s, const struct items *items)
{
	const struct element_type type = set_element_type(s);
	const uint64_t mono = tx->input->now.mono;
	struct set_element *found = calloc(items->n + 1, sizeof(*found)), el;
	int err = 0;

	(void)c;
	if (!found)
		return -ENOMEM;
	for (size_t i = 0; i < items->n && !err; i++) {
		bool there;

		key_element(&type, t, items->v[i].e, &el);
		there = el.catch_all ?
				set_content_get_catch_all(s->content, mono, &found[i]) :
				set_content_get(s->content, el.key, el.end, mono, &found[i]);
		if (!there)
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
	struct checker ck = { .d = tx->d, .table = t };
	struct items items = { .ck = &ck };
	size_t at = set_named(tx, t, c);
	int err;

	if (at == MODEL_NONE)
		return -EINVAL;
	err = check_elements(&items, t->sets[at], true, c->elements) ? 0 :
	      ck.oom						     ? -ENOMEM :
								       -EINVAL;
	if (!err)
		err = get_items(tx, c, t, t->sets[at], &items);
	free(items.v);
	return err;
}
