/* change_element.c - elements of named sets and maps: added, deleted, asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ruleset/transaction.h"

/* A slot for each statement of an element: its own, or what the set declares.  *ret_n: how many
 * slots; 0: it has no statements. */
static int give_slots(struct transaction *tx, const struct set *s, const struct item *item,
		      uint32_t slots[SET_SLOTS_MAX], unsigned *ret_n)
{
	const struct stmts *stmts = item->extra && item->extra->stmts.n ? &item->extra->stmts :
									&s->stmts;
	unsigned n = SLOTS_FIRST;
	int err = 0;

	*ret_n = 0;
	if (!stmts->n)
		return 0;
	err = variant_of(tx, s, stmts, &item->key->span, &slots[SLOTS_VARIANT]);
	if (err)
		return err;
	slot_home_hold(s->slots, slots);
	for (size_t i = 0; i < stmts->n; i++) {
		struct stateful state = stmts->v[i].state;

		slots[n] = COUNTER_NONE;
		if (s->slots->counters && !tx->input->check) {
			if (!stateful_give(s->slots->counters, stmt_state_kind(&stmts->v[i]),
					   &state))
				break;
			slots[n] = state.slot;
		}
		n++;
	}
	if (n < SLOTS_FIRST + stmts->n) {
		s->slots->slots.release(s->slots, slots, n);
		set_error(tx, &item->key->span, "there are no more counters or the like to give");
		return -ENOSPC;
	}
	*ret_n = n;
	return 0;
}

static void element_times(struct transaction *tx, const struct set *s, const struct item *item,
			  struct set_element *el)
{
	const uint64_t mono = tx->input->now.mono;
	const uint64_t timeout = element_timeout(s, item->extra);

	el->timeout = timeout * NSEC_PER_MSEC;
	el->expires = timeout ? mono + el->timeout : 0;
	if (!item->extra || !item->extra->expires)
		return;
	/* What was saved says when, not how long it has left. */
	el->expires = item->extra->expires * NSEC_PER_MSEC + (tx->verbatim ? 0 : mono);
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
		el.comment = item->extra ? item->extra->comment : NULL;
		err = give_slots(tx, s, item, slots, &el.n_slots);
		if (err)
			return err;
		el.slots = el.n_slots ? slots : NULL;
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
		return set_error(tx, span,
				 "the set is full: it has the size that was declared");
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

/* The set's content, which is nobody else's; NULL with *ret_err said. */
static struct set *own_content(struct transaction *tx, struct table *t, size_t at,
			       const struct span *span, int *ret_err)
{
	struct set *s;

	*ret_err = -EINVAL;
	if (!set_may_change(tx, t, at, span))
		return NULL;
	*ret_err = -ENOMEM;
	s = set_own(t, at);
	if (!s)
		return NULL;
	s->content = set_content_own(s->content);
	return s->content ? s : NULL;
}

int element_add_packed(struct transaction *tx, struct table *t, size_t at,
		       const struct span *span, struct set_batch *batch)
{
	struct set_error error;
	int err;
	struct set *s = own_content(tx, t, at, span, &err);

	if (!s)
		return err;
	/* They were read before all of the set was. */
	if (s->stmts.n || s->timeout || !set_batch_fits(batch, set_content_shape(s->content)))
		return set_error(tx, span, "these elements are not for this set");
	err = set_content_change(s->content, batch, tx->input->now.mono, &error);
	return err == -EINVAL ? set_error(tx, span, "elements of this set overlap, or are too many") :
				err;
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

	s = own_content(tx, t, at, &elements->span, &err);
	if (!s)
		return err;
	if (s->kind == DATA_VERDICTS || s->kind == DATA_OBJECTS)
		uses_forget(tx);
	protocols_init(&ck.proto, t->family);
	err = check_elements(&items, s, deleting, elements) ? 0 : ck.oom ? -ENOMEM : -EINVAL;
	if (!err)
		err = change_items(tx, t, s, op, &items);
	free(items.v);
	return err;
}

/* ---- get ---- */

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
