/* model_set.c - named sets and maps of tables: made, found, copied, freed. */
#include "ruleset/model.h"

#include <stdlib.h>
#include <string.h>

static void release_slots(void *arg, const uint32_t *slots, unsigned n)
{
	struct slot_home *home = arg;
	const struct stmts *stmts = variant_stmts(home, slots[SLOTS_VARIANT]);

	for (unsigned i = SLOTS_FIRST; i < n && i - SLOTS_FIRST < stmts->n; i++) {
		if (home->counters && slots[i] != COUNTER_NONE)
			stateful_release(home->counters,
					 stmt_state_kind(&stmts->v[i - SLOTS_FIRST]), slots[i]);
	}
	home->variants[slots[SLOTS_VARIANT]].held--;
}

void slot_home_hold(struct slot_home *h, const uint32_t *slots)
{
	h->variants[slots[SLOTS_VARIANT]].held++;
}

static void slot_home_unref(struct slot_home *h)
{
	if (!h || --h->refs)
		return;
	for (uint32_t i = 0; i < h->n_variants; i++)
		stmts_fini(&h->variants[i].stmts);
	free(h->variants);
	free(h);
}

void set_share_slots(struct set *s, struct slot_home *home)
{
	home->refs++;
	slot_home_unref(s->slots);
	s->slots = home;
}

struct slot_home *slot_home_new(struct counters *counters, const struct stmts *declared)
{
	struct slot_home *home = malloc(sizeof(*home));

	if (!home)
		return NULL;
	*home = (struct slot_home){
		.slots = { .release = release_slots, .arg = home },
		.counters = counters,
		.refs = 1,
	};
	if (!variant_put(home, 0, declared))
		return home;
	slot_home_unref(home);
	return NULL;
}

struct set *set_new(const char *name, size_t len)
{
	struct set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->name = strndup(name, len);
	if (!s->name) {
		free(s);
		return NULL;
	}
	return s;
}

void set_unref(struct set *s)
{
	if (!s || --s->refs)
		return;
	set_content_unref(s->content);
	if (s->dynamic)
		set_dynamic_unref(s->dynamic);
	slot_home_unref(s->slots);
	stmts_fini(&s->stmts);
	expr_free(s->key_typeof);
	expr_free(s->data_typeof);
	free(s->comment);
	free(s->name);
	free(s);
}

uint64_t element_timeout(const struct set *s, const struct element_extra *extra)
{
	return extra && extra->timeout ? extra->timeout : s->timeout;
}

bool set_is_dynamic(const struct set *s)
{
	return !(s->flags & (SET_INTERVAL | SET_CONSTANT)) && s->kind <= DATA_VALUES;
}

int set_make_dynamic(struct set *s, struct counters *counters, uint32_t number)
{
	struct set_elements *elements = counters ? counters_elements(counters) : NULL;
	const struct set_shape *shape = set_content_shape(s->content);
	const struct set_dynamic_spec spec = {
		.key_bytes = (uint8_t)set_key_offset(shape, shape->n_parts),
		.data_bytes = shape->data_bytes,
		.size = s->has_size ? s->size : 0,
	};
	int err;

	if (!elements || !set_is_dynamic(s))
		return 0;
	err = set_elements_reserve(elements);
	if (err)
		return err;
	return number ? set_dynamic_claim(elements, number - 1, &spec, &s->dynamic) :
			set_dynamic_new(elements, &spec, &s->dynamic);
}

size_t set_find_handle(const struct table *t, uint64_t handle)
{
	size_t lo = 0, hi = t->n_sets;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->sets[mid]->handle == handle)
			return mid;
		if (t->sets[mid]->handle < handle)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* What was saved has meters behind the other sets. */
	for (size_t i = 0; i < t->n_sets; i++) {
		if (t->sets[i]->handle == handle)
			return i;
	}
	return MODEL_NONE;
}

size_t set_find_named(const struct table *t, const char *name)
{
	size_t at = SIZE_MAX, place;
	uint64_t handle;

	while ((handle = name_index_next(&t->set_index, name, &at))) {
		place = set_find_handle(t, handle);
		if (place != MODEL_NONE && !strcmp(t->sets[place]->name, name))
			return place;
	}
	return MODEL_NONE;
}

bool table_add_set(struct table *t, struct set *s)
{
	if (!s || !model_grow(&t->sets, t->n_sets, &t->cap_sets) ||
	    !name_index_put(&t->set_index, s->name, s->handle)) {
		set_unref(s);
		return false;
	}
	t->sets[t->n_sets++] = s;
	return true;
}

void table_remove_set(struct table *t, size_t at)
{
	name_index_remove(&t->set_index, t->sets[at]->name, t->sets[at]->handle);
	set_unref(t->sets[at]);
	t->n_sets--;
	memmove(t->sets + at, t->sets + at + 1, (t->n_sets - at) * sizeof(struct set *));
}

static struct set *set_copy(const struct set *s)
{
	struct set *n = malloc(sizeof(*n));

	if (!n)
		return NULL;
	*n = *s;
	n->refs = 1;
	n->content = set_content_ref(s->content);
	n->slots->refs++;
	if (n->dynamic)
		set_dynamic_ref(n->dynamic);
	n->name = strdup(s->name);
	n->comment = s->comment ? strdup(s->comment) : NULL;
	n->key_typeof = s->key_typeof ? expr_clone(s->key_typeof) : NULL;
	n->data_typeof = s->data_typeof ? expr_clone(s->data_typeof) : NULL;
	if (stmts_clone(&n->stmts, s->stmts.v, s->stmts.n) && n->name &&
	    (!s->comment || n->comment) && (!s->key_typeof || n->key_typeof) &&
	    (!s->data_typeof || n->data_typeof))
		return n;
	set_unref(n);
	return NULL;
}

struct set *set_own(struct table *t, size_t at)
{
	struct set *s = t->sets[at], *copy;

	if (s->refs == 1)
		return s;
	copy = set_copy(s);
	if (!copy)
		return NULL;
	set_unref(s);
	t->sets[at] = copy;
	return copy;
}

size_t chain_find_handle(const struct table *t, uint64_t handle)
{
	size_t lo = 0, hi = t->n_chains;

	/* The later added, the higher. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->chains[mid]->handle == handle)
			return mid;
		if (t->chains[mid]->handle < handle)
			lo = mid + 1;
		else
			hi = mid;
	}
	return MODEL_NONE;
}

size_t object_find_handle(const struct table *t, enum object_kind kind, uint64_t handle)
{
	size_t lo = 0, hi = t->n_objects;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->objects[mid]->handle == handle)
			return t->objects[mid]->kind == kind ? mid : MODEL_NONE;
		if (t->objects[mid]->handle < handle)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* What was saved has them in the order of a listing. */
	for (size_t i = 0; i < t->n_objects; i++) {
		if (t->objects[i]->kind == kind && t->objects[i]->handle == handle)
			return i;
	}
	return MODEL_NONE;
}

void set_each_target(const struct set *s, void (*each)(void *arg, uint64_t chain), void *arg)
{
	struct set_cursor cursor = { 0 };
	struct set_element el;
	struct set_verdict v;

	while (s->kind == DATA_VERDICTS && set_content_next(s->content, &cursor, 0, &el)) {
		memcpy(&v, el.data, sizeof(v));
		if (v.chain)
			each(arg, v.chain);
	}
}
