/* shown.c - elements as listings show them: those of transactions and those that packets added
 * in one order, each with its statements and what these remember. */
#include "ruleset/shown.h"

#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ruleset/print.h"

void set_record_show(const struct set *s, const struct set_record *record,
		     struct set_element *ret)
{
	const struct set_shape *shape = set_content_shape(s->content);

	*ret = (struct set_element){ .timeout = record->timeout, .expires = record->expires };
	memcpy(ret->key, record->key, set_key_offset(shape, shape->n_parts));
	memcpy(ret->end, ret->key, sizeof(ret->end));
	memcpy(ret->data, record->data, shape->data_bytes);
	if (ret->expires == SET_RECORD_NEVER)
		ret->expires = 0;
}

/* ---- both kinds ---- */

static void keep_slots(void *arg, const uint32_t *slots, unsigned n)
{
	(void)arg;
	(void)slots;
	(void)n;
}

static bool merge_one(struct shown_elements *m, struct set_batch *batch, struct set_element *el,
		      const struct set_record *record)
{
	uint32_t at = (uint32_t)m->n;

	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct shown_origin *grown = realloc(m->v, cap * sizeof(*grown));

		if (!grown)
			return false;
		m->v = grown;
		m->cap = cap;
	}
	m->v[m->n++] = (struct shown_origin){ record, el->slots, el->n_slots };
	el->slots = &at;
	el->n_slots = 1;
	return !set_batch_put(batch, el);
}

/* Whether an element that packets added can be loaded as it is listed: one with statements of
 * its own only where the set lets elements have them. */
static bool is_loadable(const struct set *s, const struct set_record *record)
{
	return s->stmts.n || s->flags & SET_DYNAMIC ||
	       !variant_stmts(s->slots, record->variant)->n;
}

/* Workers go on adding: what is there now is shown. */
static bool merge_all(struct shown_elements *m, bool loadable, struct set_batch *batch)
{
	const struct set *s = m->set;
	struct set_cursor cursor = { 0 };
	const struct set_record *record;
	struct set_element el;
	uint32_t next = 0;

	while (set_content_next(s->content, &cursor, m->mono, &el)) {
		if (!merge_one(m, batch, &el, NULL))
			return false;
	}
	while ((record = set_dynamic_next(s->dynamic, &next, m->mono))) {
		struct set_element there;

		if ((loadable && !is_loadable(s, record)) ||
		    set_content_get(s->content, record->key, NULL, m->mono, &there))
			continue;
		set_record_show(s, record, &el);
		if (!merge_one(m, batch, &el, record))
			return false;
	}
	return true;
}

static bool merge(struct shown_elements *m, bool loadable)
{
	static const struct set_slots slots = { .release = keep_slots };
	struct set_shape shape = *set_content_shape(m->set->content);
	struct set_batch *batch;
	struct set_error error;
	bool ok;

	shape.size = 0;
	shape.slots = &slots;
	batch = set_batch_new(&shape, SET_ADD);
	ok = batch && !set_content_new(&shape, &m->sorted) && merge_all(m, loadable, batch) &&
	     !set_content_change(m->sorted, batch, m->mono, &error);
	set_batch_free(batch);
	return ok;
}

void shown_begin(struct shown_elements *m, const struct set *s, unsigned flags, uint64_t mono)
{
	*m = (struct shown_elements){ .set = s, .mono = mono };
	if (!s->dynamic || flags & PRINT_SAVED || merge(m, flags & PRINT_LOADABLE))
		return;
	/* Without memory for that the one kind is better than none. */
	set_content_unref(m->sorted);
	m->sorted = NULL;
}

bool shown_next(struct shown_elements *m, struct shown_element *ret)
{
	const struct shown_origin *from;

	ret->record = NULL;
	if (!m->sorted)
		return set_content_next(m->set->content, &m->cursor, m->mono, &ret->el);
	if (!set_content_next(m->sorted, &m->cursor, m->mono, &ret->el))
		return false;
	from = &m->v[*ret->el.slots];
	ret->record = from->record;
	ret->el.slots = from->slots;
	ret->el.n_slots = from->n_slots;
	return true;
}

void shown_fini(struct shown_elements *m)
{
	set_content_unref(m->sorted);
	free(m->v);
}

/* ---- what they remember ---- */

/* As if the statement began with what a record's words say; so many of them. */
static unsigned read_words(struct stmt *st, const _Atomic uint64_t *word, uint64_t mono)
{
	uint64_t ago = 0;

	switch (st->kind) {
	case STMT_COUNTER:
		st->counter.initial = (struct counter){ .packets = word[0], .bytes = word[1] };
		return 2;
	case STMT_QUOTA:
		st->state.quota.used = state_quota_read(word);
		return 1;
	case STMT_LAST:
		st->state.last.used = state_last_ago(word, mono, &ago);
		st->state.last.ago = ago / NSEC_PER_MSEC;
		return 1;
	default:
		return 1;
	}
}

size_t shown_stmts(const struct set *s, const struct shown_element *e, uint64_t mono,
		   struct stmt ret[SET_SLOTS_MAX])
{
	const uint32_t variant = e->record   ? e->record->variant :
				 e->el.slots ? e->el.slots[SLOTS_VARIANT] :
					       VARIANT_NONE;
	const struct stmts *stmts = variant_stmts(s->slots, variant);
	unsigned word = 0;
	size_t n = 0;

	for (; n < stmts->n && n < SET_SLOTS_MAX; n++) {
		ret[n] = stmts->v[n];
		ret[n].state.slot = e->record ? STATE_NONE : e->el.slots[SLOTS_FIRST + n];
		if (e->record)
			word += read_words(&ret[n], &e->record->state[word], mono);
	}
	return n;
}
