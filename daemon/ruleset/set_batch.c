/* set_batch.c - the elements that a command names, encoded and side by side. */
#include <errno.h>
#include <stdlib.h>

#include "ruleset/set_private.h"

/* ---- what few elements have ---- */

static void note_unref(struct set_note *note)
{
	if (!note || --note->refs)
		return;
	if (note->n_slots && note->owner)
		note->owner->release(note->owner->arg, note->slots, note->n_slots);
	free(note->comment);
	free(note);
}

struct set_meta *set_meta_ref(struct set_meta *m)
{
	if (m)
		m->refs++;
	return m;
}

void set_meta_unref(struct set_meta *m)
{
	if (!m || --m->refs)
		return;
	note_unref(m->note);
	free(m);
}

static struct set_note *note_new(const struct set_shape *s, const struct set_element *e)
{
	unsigned n = e->slots ? e->n_slots : 0;
	struct set_note *note = calloc(1, sizeof(*note) + n * sizeof(*note->slots));

	if (!note)
		return NULL;
	note->refs = 1;
	note->owner = s->slots;
	if (e->comment && !(note->comment = strdup(e->comment))) {
		free(note);
		return NULL;
	}
	note->n_slots = n;
	for (unsigned i = 0; i < n; i++)
		note->slots[i] = e->slots[i];
	return note;
}

/* NULL in *ret_meta: it needs none.  False when out of memory. */
static bool meta_new(const struct set_shape *s, const struct set_element *e,
		     struct set_meta **ret_meta)
{
	bool notes = e->comment || e->slots;
	struct set_meta *m;

	*ret_meta = NULL;
	if (!notes && !e->timeout && !e->expires)
		return true;
	m = calloc(1, sizeof(*m));
	if (!m)
		return false;
	*m = (struct set_meta){1, e->timeout, e->expires, NULL};
	if (notes && !(m->note = note_new(s, e))) {
		free(m);
		return false;
	}
	*ret_meta = m;
	return true;
}

bool set_meta_retime(struct set_meta **meta, uint64_t timeout, uint64_t expires)
{
	struct set_note *note = *meta ? (*meta)->note : NULL;
	struct set_meta *m = NULL;

	if (note || timeout || expires) {
		m = calloc(1, sizeof(*m));
		if (!m)
			return false;
		*m = (struct set_meta){1, timeout, expires, note};
		if (note)
			note->refs++;
	}
	set_meta_unref(*meta);
	*meta = m;
	return true;
}

/* ---- batches ---- */

struct set_batch *set_batch_new(const struct set_shape *shape, enum set_op op)
{
	struct set_batch *b = calloc(1, sizeof(*b));
	size_t stride;

	if (!b)
		return NULL;
	b->shape = *shape;
	b->op = op;
	set_codec_init(&b->codec, shape);
	stride = b->codec.words * sizeof(uint64_t) * (shape->interval ? 2 : 1);
	b->stride = (stride + shape->data_bytes + 7) & ~(size_t)7;
	return b;
}

void set_batch_free(struct set_batch *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		set_meta_unref(b->item[i].meta);
	free(b->item);
	free(b->bytes);
	free(b);
}

bool set_batch_fits(const struct set_batch *b, const struct set_shape *shape)
{
	const struct set_shape *own = &b->shape;
	bool fits = own->n_parts == shape->n_parts && own->interval == shape->interval &&
		    own->data_bytes == shape->data_bytes;

	for (unsigned i = 0; i < own->n_parts && fits; i++)
		fits = own->part[i].bytes == shape->part[i].bytes &&
		       own->part[i].order == shape->part[i].order;
	return fits;
}

static bool grow(struct set_batch *b)
{
	size_t cap = b->cap ? b->cap * 2 : 4;
	struct set_batch_item *item;
	uint8_t *bytes;

	if (b->n < b->cap)
		return true;
	if (cap > UINT32_MAX || !(item = realloc(b->item, cap * sizeof(*item))))
		return false;
	b->item = item;
	bytes = realloc(b->bytes, cap * b->stride);
	if (!bytes)
		return false;
	b->bytes = bytes;
	b->cap = cap;
	return true;
}

static bool ends_are_right(const struct set_batch *b, const uint64_t *key, const uint64_t *end)
{
	unsigned words = b->codec.words, each = b->shape.n_parts > 1 ? 2 : words;

	for (unsigned w = 0; w < words; w += each) {
		if (set_compare(key + w, end + w, each) > 0)
			return false;
	}
	return true;
}

static int put(struct set_batch *b, const struct set_element *e)
{
	struct set_batch_item item = {.index = (uint32_t)b->n, .catch_all = e->catch_all};
	uint64_t *key;

	if (!grow(b))
		return -ENOMEM;
	key = (uint64_t *)(void *)(b->bytes + b->n * b->stride);
	memset(key, 0, b->stride);
	if (!e->catch_all) {
		set_encode(&b->codec, e->key, key);
		item.upper = key[0];
	}
	if (!e->catch_all && b->shape.interval) {
		set_encode(&b->codec, e->end, key + b->codec.words);
		if (!ends_are_right(b, key, key + b->codec.words))
			return -EINVAL;
	}
	memcpy((void *)(uintptr_t)set_batch_data(b, &item), e->data, b->shape.data_bytes);
	if (!meta_new(&b->shape, e, &item.meta))
		return -ENOMEM;
	b->item[b->n++] = item;
	return 0;
}

int set_batch_put(struct set_batch *b, const struct set_element *e)
{
	int err = put(b, e);

	if (err && e->slots && b->shape.slots)
		b->shape.slots->release(b->shape.slots->arg, e->slots, e->n_slots);
	return err;
}
