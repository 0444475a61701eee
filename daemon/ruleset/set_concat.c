/* set_concat.c - sets of concatenated intervals: elements in the order in which they came.
 *
 * As in the kernel, what is added must not begin or end in an element that is there, but may
 * otherwise overlap; and the first of several that cover a key is found.  Unlike there, an
 * element is deleted by itself alone, not by another that begins in it. */
#include "ruleset/set_concat.h"

#include <errno.h>
#include <stdlib.h>

#include "ctfw/jhash.h"

#define EXPIRE_LOOKS 8192

/* ---- elements by number ---- */

static size_t run_n(const struct concat *s)
{
	return s->run ? s->run->items.n : 0;
}

static size_t all_n(const struct concat *s)
{
	return run_n(s) + s->tail.n;
}

static const struct concat_items *items_of(const struct concat *s, size_t *id)
{
	if (*id < run_n(s))
		return &s->run->items;
	*id -= run_n(s);
	return &s->tail;
}

static const uint64_t *key_of(const struct set_content *c, size_t id)
{
	const struct concat_items *items = items_of(c->concat, &id);

	return concat_key(c, items, id);
}

static const uint8_t *data_of(const struct set_content *c, size_t id)
{
	const struct concat_items *items = items_of(c->concat, &id);

	return items->data + id * c->shape.data_bytes;
}

static struct set_meta *meta_of(const struct concat *s, size_t id)
{
	return s->meta ? s->meta[id] : NULL;
}

static bool is_alive(const struct concat *s, size_t id, uint64_t mono)
{
	if (id < run_n(s) && s->dead[id / 64] >> id % 64 & 1)
		return false;
	return !set_meta_expired(meta_of(s, id), mono);
}

/* What an element has to do with a key, or with an interval. */
enum want {
	WANT_KEY,  /* covers the key */
	WANT_BOTH, /* covers key and end */
	WANT_SAME, /* begins and ends there */
};

static bool covers(const uint64_t *at, unsigned words, const uint64_t *x)
{
	for (unsigned w = 0; w < words; w += 2) {
		if (set_compare(x + w, at + w, 2) < 0 ||
		    set_compare(x + w, at + words + w, 2) > 0)
			return false;
	}
	return true;
}

static bool matches(const struct set_content *c, size_t id, const uint64_t *key,
		    const uint64_t *end, enum want want)
{
	const uint64_t *at = key_of(c, id);
	unsigned words = c->codec.words;

	if (want == WANT_SAME)
		return !set_compare(at, key, words) && !set_compare(at + words, end, words);
	return covers(at, words, key) && (want == WANT_KEY || covers(at, words, end));
}

static size_t first_in_bitmaps(const struct set_content *c, const uint64_t *key,
			       const uint64_t *end, enum want want, uint64_t mono,
			       const struct concat_candidates *some)
{
	const struct concat_run *r = c->concat->run;

	for (size_t w = 0; w < r->words; w++) {
		uint64_t bits = some->bitmap[0][w];

		for (unsigned part = 1; part < r->n_parts; part++)
			bits &= some->bitmap[part][w];
		for (; bits; bits &= bits - 1) {
			size_t id = w * 64 + (size_t)__builtin_ctzll(bits);

			if (is_alive(c->concat, id, mono) && matches(c, id, key, end, want))
				return id;
		}
	}
	return CONCAT_NONE;
}

/* The first that matches; CONCAT_NONE. */
static size_t first(const struct set_content *c, const uint64_t *key, const uint64_t *end,
		    enum want want, uint64_t mono)
{
	const struct concat *s = c->concat;
	struct concat_candidates some;
	size_t id = CONCAT_NONE;

	if (s->run && concat_run_candidates(s->run, key, &some)) {
		for (size_t i = 0; some.list && i < some.n; i++) {
			if (is_alive(s, some.list[i], mono) &&
			    matches(c, some.list[i], key, end, want))
				return some.list[i];
		}
		if (!some.list)
			id = first_in_bitmaps(c, key, end, want, mono, &some);
		if (id != CONCAT_NONE)
			return id;
	}
	for (id = run_n(s); id < all_n(s); id++) {
		if (is_alive(s, id, mono) && matches(c, id, key, end, want))
			return id;
	}
	return CONCAT_NONE;
}

/* ---- life-cycle ---- */

static bool items_grow(const struct set_content *c, struct concat_items *items, size_t n)
{
	size_t cap = items->cap ? items->cap : 8;
	uint64_t *words;
	uint8_t *data;

	while (cap < items->n + n)
		cap *= 2;
	if (cap == items->cap)
		return true;
	words = realloc(items->words, cap * 2 * c->codec.words * sizeof(*words));
	if (!words)
		return false;
	items->words = words;
	data = realloc(items->data, cap * (c->shape.data_bytes + 1u));
	if (!data)
		return false;
	items->data = data;
	items->cap = cap;
	return true;
}

/* There is room. */
static void items_add(const struct set_content *c, struct concat_items *items,
		      const uint64_t *key, const uint64_t *end, const uint8_t *data)
{
	size_t bytes = c->codec.words * sizeof(*key);
	uint64_t *to = items->words + items->n * 2 * c->codec.words;

	memcpy(to, key, bytes);
	memcpy(to + c->codec.words, end, bytes);
	memcpy(items->data + items->n * c->shape.data_bytes, data, c->shape.data_bytes);
	items->n++;
}

bool concat_init(struct set_content *c)
{
	c->concat = calloc(1, sizeof(*c->concat));
	return c->concat;
}

static void state_free(struct concat *s)
{
	for (size_t i = 0; s->meta && i < all_n(s); i++)
		set_meta_unref(s->meta[i]);
	free(s->meta);
	free(s->dead);
	concat_items_fini(&s->tail);
	concat_run_unref(s->run);
	free(s);
}

void concat_fini(struct set_content *c)
{
	state_free(c->concat);
}

/* Room for the meta of a run of n and a whole tail. */
static struct set_meta **meta_array(size_t n)
{
	return calloc(n + CONCAT_TAIL_MOST, sizeof(struct set_meta *));
}

static bool copy_parts(struct set_content *c, const struct concat *from)
{
	struct concat *s = c->concat;
	size_t words = from->run ? from->run->words : 0;

	if (!items_grow(c, &s->tail, from->tail.n))
		return false;
	for (size_t i = 0; i < from->tail.n; i++) {
		const uint64_t *key = concat_key(c, &from->tail, i);

		items_add(c, &s->tail, key, key + c->codec.words,
			  from->tail.data + i * c->shape.data_bytes);
	}
	if (words) {
		s->dead = malloc(words * sizeof(*s->dead));
		if (!s->dead)
			return false;
		memcpy(s->dead, from->dead, words * sizeof(*s->dead));
		s->n_dead = from->n_dead;
		s->run = from->run;
		s->run->refs++;
	}
	if (!from->meta)
		return true;
	s->meta = meta_array(run_n(s));
	for (size_t i = 0; s->meta && i < all_n(s); i++)
		s->meta[i] = set_meta_ref(from->meta[i]);
	return s->meta;
}

bool concat_copy(struct set_content *c, const struct set_content *from)
{
	if (!concat_init(c))
		return false;
	c->concat->expire_at = from->concat->expire_at;
	if (copy_parts(c, from->concat))
		return true;
	concat_fini(c);
	return false;
}

/* ---- changes ---- */

static void kill(struct set_content *c, size_t id)
{
	struct concat *s = c->concat;

	c->n--;
	if (s->meta) {
		set_meta_unref(s->meta[id]);
		s->meta[id] = NULL;
	}
	if (id < run_n(s)) {
		s->dead[id / 64] |= UINT64_C(1) << id % 64;
		s->n_dead++;
		return;
	}
	if (s->meta) {
		memmove(s->meta + id, s->meta + id + 1, (all_n(s) - id - 1) * sizeof(*s->meta));
		s->meta[all_n(s) - 1] = NULL;
	}
	id -= run_n(s);
	memmove(s->tail.words + id * 2 * c->codec.words,
		s->tail.words + (id + 1) * 2 * c->codec.words,
		(s->tail.n - id - 1) * 2 * c->codec.words * sizeof(uint64_t));
	memmove(s->tail.data + id * c->shape.data_bytes,
		s->tail.data + (id + 1) * c->shape.data_bytes,
		(s->tail.n - id - 1) * c->shape.data_bytes);
	s->tail.n--;
}

/* A new state in which the index has all that live by mono and then those of the batch. */
static int rebuild(struct set_content *c, struct set_batch *b, uint64_t mono)
{
	struct concat *old = c->concat, *s = calloc(1, sizeof(*s));
	struct concat_items items = {0};
	size_t n = c->n + (b ? b->n : 0), kept = 0;
	int err = 0;

	if (!s || !items_grow(c, &items, n) || !(s->meta = meta_array(n)))
		goto fail;
	for (size_t id = 0; id < all_n(old); id++) {
		const uint64_t *key = key_of(c, id);

		if (!is_alive(old, id, mono))
			continue;
		s->meta[items.n] = set_meta_ref(meta_of(old, id));
		items_add(c, &items, key, key + c->codec.words, data_of(c, id));
	}
	kept = items.n;
	for (size_t i = 0; b && i < b->n; i++) {
		struct set_batch_item *item = &b->item[i];

		s->meta[items.n] = item->meta;
		set_content_note_expiry(c, item->meta);
		item->meta = NULL;
		items_add(c, &items, set_batch_key(b, item), set_batch_end(b, item),
			  set_batch_data(b, item));
	}
	n = items.n;
	s->dead = calloc((n + 63) / 64 + 1, sizeof(*s->dead));
	err = !s->dead ? -ENOMEM : n ? concat_run_new(c, &items, &s->run) : 0;
	if (err)
		goto fail_late;
	state_free(old);
	concat_items_fini(&items);
	c->concat = s;
	c->n = kept;
	return 0;
fail:
	err = -ENOMEM;
fail_late:
	for (size_t i = 0; s && s->meta && i < items.n; i++)
		set_meta_unref(s->meta[i]);
	concat_items_fini(&items);
	if (s) {
		free(s->meta);
		free(s->dead);
	}
	free(s);
	return err;
}

static void show(const struct set_content *c, size_t id, struct set_element *ret)
{
	const uint64_t *key = key_of(c, id);

	set_show(c, key, key + c->codec.words, data_of(c, id), meta_of(c->concat, id), ret);
}

/* Whether what is to be added, as element `self` or none yet, may be: 0; 1 when the same is
 * there, which then has its timeout. */
static int check(struct set_content *c, enum set_op op, const struct set_item *item,
		 size_t self, uint64_t mono, struct set_error *ret_error)
{
	struct concat *s = c->concat;
	size_t id = first(c, item->key, item->end, WANT_KEY, mono);
	int err;

	if (id == self)
		id = first(c, item->end, item->end, WANT_KEY, mono);
	if (id == self)
		return 0;
	show(c, id, &ret_error->other);
	if (!matches(c, id, item->key, item->end, WANT_SAME))
		return set_refuse(ret_error, SET_OVERLAPS);
	if (!s->meta && !(s->meta = meta_array(run_n(s))))
		return -ENOMEM;
	err = set_meet(c, op, item->data, item->meta, data_of(c, id), &s->meta[id], ret_error);
	return err ? err : 1;
}

static int add(struct set_content *c, enum set_op op, struct set_item *item, uint64_t mono,
	       struct set_error *ret_error)
{
	struct concat *s = c->concat;
	int met = check(c, op, item, CONCAT_NONE, mono, ret_error);

	if (met)
		return met < 0 ? met : 0;
	if (c->shape.size && c->n >= c->shape.size)
		return set_refuse(ret_error, SET_FULL);
	if (!items_grow(c, &s->tail, 1) ||
	    (item->meta && !s->meta && !(s->meta = meta_array(run_n(s)))))
		return -ENOMEM;
	if (s->meta)
		s->meta[all_n(s)] = item->meta;
	set_content_note_expiry(c, item->meta);
	item->meta = NULL;
	items_add(c, &s->tail, item->key, item->end, item->data);
	c->n++;
	return 0;
}

static int delete (struct set_content *c, const struct set_item *item, uint64_t mono,
		   struct set_error *ret_error)
{
	size_t id = first(c, item->key, item->end, WANT_SAME, mono);

	if (id == CONCAT_NONE)
		return set_refuse(ret_error, SET_ABSENT);
	kill(c, id);
	return 0;
}

/* More than the tail takes: all are put into the index, and then each is looked at. */
static int add_many(struct set_content *c, struct set_batch *b, uint64_t mono,
		    struct set_error *ret_error)
{
	int err = rebuild(c, b, mono);
	size_t id = c->n;

	if (err == -E2BIG)
		return set_refuse(ret_error, SET_COMPLEX);
	for (size_t i = 0; i < b->n && !err; i++, id++) {
		struct set_item item = set_batch_get(b, &b->item[i]);
		int met;

		ret_error->index = b->item[i].index;
		item.meta = c->concat->meta[id];
		met = check(c, b->op, &item, id, mono, ret_error);
		if (met < 0)
			return met;
		c->n++;
		if (met)
			kill(c, id);
		else if (c->shape.size && c->n > c->shape.size)
			err = set_refuse(ret_error, SET_FULL);
	}
	return err;
}

/* An index that is mostly of the dead is made anew. */
static int tidy(struct set_content *c, uint64_t mono)
{
	const struct concat *s = c->concat;

	if (s->n_dead <= CONCAT_TAIL_MOST || s->n_dead < run_n(s) / 2)
		return 0;
	return rebuild(c, NULL, mono);
}

int concat_change(struct set_content *c, struct set_batch *b, uint64_t mono,
		  struct set_error *ret_error)
{
	int err = 0;

	if (b->op != SET_DELETE && c->concat->tail.n + b->n > CONCAT_TAIL_MOST)
		return add_many(c, b, mono, ret_error);
	for (size_t i = 0; i < b->n && !err; i++) {
		struct set_item item = set_batch_get(b, &b->item[i]);

		ret_error->index = b->item[i].index;
		err = b->op == SET_DELETE ? delete (c, &item, mono, ret_error)
					  : add(c, b->op, &item, mono, ret_error);
		b->item[i].meta = item.meta;
	}
	return err ? err : tidy(c, mono);
}

int concat_expire(struct set_content *c, uint64_t mono, unsigned most)
{
	struct concat *s = c->concat;
	int gone = 0, err;

	for (unsigned looks = 0; looks < EXPIRE_LOOKS && s->meta && s->expire_at < all_n(s);
	     looks++) {
		const struct set_meta *m = s->meta[s->expire_at];
		bool in_tail = s->expire_at >= run_n(s);

		if (set_meta_expired(m, mono)) {
			if (gone == (int)most)
				return gone;
			kill(c, s->expire_at);
			gone++;
			s->expire_at += !in_tail;
			continue;
		}
		if (m && m->expires && (!c->pass.soonest || m->expires < c->pass.soonest))
			c->pass.soonest = m->expires;
		s->expire_at++;
	}
	if (s->meta && s->expire_at < all_n(s))
		return gone;
	s->expire_at = 0;
	c->soonest = c->pass.soonest;
	c->pass.soonest = 0;
	set_content_note_expiry(c, c->catch_all.meta);
	c->pass.soonest = 0;
	err = tidy(c, mono);
	return err ? err : gone;
}

/* ---- reading ---- */

bool concat_next(const struct set_content *c, struct set_cursor *cursor, uint64_t mono,
		 struct set_element *ret_element)
{
	while (cursor->at < all_n(c->concat)) {
		size_t id = cursor->at++;

		if (!is_alive(c->concat, id, mono))
			continue;
		show(c, id, ret_element);
		return true;
	}
	return false;
}

/* Elements by key and end: open addressing, 0 is free, an entry is an id plus 1. */
struct ids {
	const struct set_content *c;
	uint32_t *slot;
	size_t size;
};

static size_t ids_place(const struct ids *ids, const struct set_element *el)
{
	uint32_t hash = jhash(el->key, sizeof(el->key), 0);

	return jhash(el->end, sizeof(el->end), hash) & (ids->size - 1);
}

static bool ids_init(struct ids *ids, const struct set_content *c, uint64_t mono)
{
	size_t n = all_n(c->concat);
	struct set_element el;

	*ids = (struct ids){ .c = c, .size = 16 };
	while (ids->size < 2 * n)
		ids->size *= 2;
	ids->slot = calloc(ids->size, sizeof(*ids->slot));
	for (size_t id = 0; ids->slot && id < n; id++) {
		size_t at;

		if (!is_alive(c->concat, id, mono))
			continue;
		show(c, id, &el);
		at = ids_place(ids, &el);
		while (ids->slot[at])
			at = (at + 1) & (ids->size - 1);
		ids->slot[at] = (uint32_t)id + 1;
	}
	return ids->slot;
}

static bool ids_have(const struct ids *ids, const struct set_element *el)
{
	const struct set_shape *shape = &ids->c->shape;
	struct set_element there;

	for (size_t at = ids_place(ids, el); ids->slot[at]; at = (at + 1) & (ids->size - 1)) {
		show(ids->c, ids->slot[at] - 1, &there);
		if (!memcmp(there.key, el->key, sizeof(el->key)) &&
		    !memcmp(there.end, el->end, sizeof(el->end)))
			return !memcmp(there.data, el->data, shape->data_bytes) &&
			       there.comment == el->comment && there.slots == el->slots;
	}
	return false;
}

bool concat_missing(const struct set_content *c, const struct set_content *other, uint64_t mono,
		    void (*each)(void *arg, const struct set_element *e), void *arg)
{
	struct set_element el;
	struct ids ids;

	if (!ids_init(&ids, other, mono))
		return false;
	for (size_t id = 0; id < all_n(c->concat); id++) {
		if (!is_alive(c->concat, id, mono))
			continue;
		show(c, id, &el);
		if (!ids_have(&ids, &el))
			each(arg, &el);
	}
	free(ids.slot);
	return true;
}

bool concat_get(const struct set_content *c, const uint64_t *key, const uint64_t *end,
		uint64_t mono, struct set_element *ret_element)
{
	size_t id = first(c, key, end, WANT_BOTH, mono);

	if (id == CONCAT_NONE)
		return false;
	show(c, id, ret_element);
	return true;
}

bool concat_find(const struct set_content *c, const uint64_t *key, uint64_t mono,
		 struct set_hit *ret_hit)
{
	size_t id = first(c, key, key, WANT_KEY, mono);

	if (id == CONCAT_NONE)
		return false;
	*ret_hit = (struct set_hit){data_of(c, id), set_meta_slots(meta_of(c->concat, id))};
	return true;
}
