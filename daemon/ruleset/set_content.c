/* set_content.c - contents of sets: references, the catch-all, and what goes where.
 *
 * The catch-all element is no element of the others' structure: it is looked at when nothing
 * else was found. */
#include <errno.h>
#include <stdlib.h>

#include "ruleset/set_private.h"

static bool shape_is_possible(const struct set_shape *s)
{
	unsigned most = s->interval ? 16 : SET_KEY_MAX;

	if (!s->n_parts || s->n_parts > SET_PARTS_MAX || s->data_bytes > SET_DATA_MAX)
		return false;
	for (unsigned i = 0; i < s->n_parts; i++) {
		if (!s->part[i].bytes || s->part[i].bytes > most)
			return false;
	}
	return set_key_offset(s, s->n_parts) <= SET_KEY_MAX;
}

int set_content_new(const struct set_shape *shape, struct set_content **ret_content)
{
	struct set_content *c;

	if (!shape_is_possible(shape))
		return -E2BIG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->refs = 1;
	c->shape = *shape;
	set_codec_init(&c->codec, shape);
	if (shape->interval && shape->n_parts > 1) {
		if (!concat_init(c)) {
			free(c);
			return -ENOMEM;
		}
	} else {
		chunks_init(c);
	}
	*ret_content = c;
	return 0;
}

struct set_content *set_content_ref(struct set_content *c)
{
	c->refs++;
	return c;
}

void set_content_unref(struct set_content *c)
{
	if (!c || --c->refs)
		return;
	set_meta_unref(c->catch_all.meta);
	if (c->concat)
		concat_fini(c);
	else
		chunks_fini(c);
	free(c);
}

struct set_content *set_content_own(struct set_content *c)
{
	struct set_content *own;

	if (c->refs == 1)
		return c;
	own = malloc(sizeof(*own));
	if (own) {
		*own = *c;
		own->refs = 1;
		set_meta_ref(own->catch_all.meta);
		if (!(c->concat ? concat_copy(own, c) : chunks_copy(own, c))) {
			set_meta_unref(own->catch_all.meta);
			free(own);
			own = NULL;
		}
	}
	set_content_unref(c);
	return own;
}

const struct set_shape *set_content_shape(const struct set_content *c)
{
	return &c->shape;
}

size_t set_content_count(const struct set_content *c)
{
	return c->n + c->catch_all.there;
}

void set_content_note_expiry(struct set_content *c, const struct set_meta *m)
{
	if (!m || !m->expires)
		return;
	if (!c->soonest || m->expires < c->soonest)
		c->soonest = m->expires;
	if (!c->pass.soonest || m->expires < c->pass.soonest)
		c->pass.soonest = m->expires;
}

void set_show(const struct set_content *c, const uint64_t *key, const uint64_t *end,
	      const uint8_t *data, const struct set_meta *meta, struct set_element *ret)
{
	*ret = (struct set_element){.catch_all = !key};
	if (key)
		set_decode(&c->codec, key, ret->key);
	if (key && c->shape.interval)
		set_decode(&c->codec, end, ret->end);
	else
		memcpy(ret->end, ret->key, sizeof(ret->end));
	memcpy(ret->data, data, c->shape.data_bytes);
	if (!meta)
		return;
	ret->timeout = meta->timeout;
	ret->expires = meta->expires;
	ret->comment = meta->note ? meta->note->comment : NULL;
	ret->slots = set_meta_slots(meta);
	ret->n_slots = ret->slots ? meta->note->n_slots : 0;
}

/* ---- changes ---- */

int set_refuse(struct set_error *ret_error, enum set_problem why)
{
	ret_error->why = why;
	return -EINVAL;
}

int set_meet(struct set_content *c, enum set_op op, const uint8_t *data,
	     const struct set_meta *new, const uint8_t *old_data, struct set_meta **old,
	     struct set_error *ret_error)
{
	bool timed = new && (new->timeout || new->expires);

	if (memcmp(data, old_data, c->shape.data_bytes) != 0)
		return set_refuse(ret_error, SET_OTHER_DATA);
	if (op == SET_CREATE)
		return set_refuse(ret_error, SET_EXISTS);
	if (!timed && (!*old || (!(*old)->timeout && !(*old)->expires)))
		return 0;
	if (!set_meta_retime(old, timed ? new->timeout : 0, timed ? new->expires : 0))
		return -ENOMEM;
	set_content_note_expiry(c, *old);
	return 0;
}

static void catch_all_remove(struct set_content *c)
{
	set_meta_unref(c->catch_all.meta);
	c->catch_all = (struct set_catch_all){0};
}

static int catch_all_change(struct set_content *c, const struct set_batch *b,
			    struct set_batch_item *item, uint64_t mono,
			    struct set_error *ret_error)
{
	struct set_catch_all *all = &c->catch_all;

	ret_error->index = item->index;
	if (set_meta_expired(all->meta, mono))
		catch_all_remove(c);
	if (b->op == SET_DELETE) {
		if (!all->there)
			return set_refuse(ret_error, SET_ABSENT);
		catch_all_remove(c);
		return 0;
	}
	if (all->there)
		return set_meet(c, b->op, set_batch_data(b, item), item->meta, all->data,
				&all->meta, ret_error);
	all->there = true;
	all->meta = item->meta;
	item->meta = NULL;
	set_content_note_expiry(c, all->meta);
	memcpy(all->data, set_batch_data(b, item), c->shape.data_bytes);
	return 0;
}

/* The catch-alls of the batch out of the others' way. */
static int take_catch_alls(struct set_content *c, struct set_batch *b, uint64_t mono,
			   struct set_error *ret_error)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct set_batch_item *item = &b->item[i];

		if (!item->catch_all) {
			b->item[kept++] = *item;
			continue;
		}
		if (!err)
			err = catch_all_change(c, b, item, mono, ret_error);
		set_meta_unref(item->meta);
	}
	b->n = kept;
	return err;
}

int set_content_change(struct set_content *c, struct set_batch *b, uint64_t mono,
		       struct set_error *ret_error)
{
	int err;

	*ret_error = (struct set_error){.why = SET_FINE};
	err = take_catch_alls(c, b, mono, ret_error);
	if (err)
		return err;
	return c->concat ? concat_change(c, b, mono, ret_error)
			 : sorted_change(c, b, mono, ret_error);
}

bool set_content_has_expired(const struct set_content *c, uint64_t mono)
{
	return c->soonest && c->soonest <= mono;
}

int set_content_expire(struct set_content *c, uint64_t mono, unsigned most)
{
	int gone = 0, more;

	if (most && set_meta_expired(c->catch_all.meta, mono)) {
		catch_all_remove(c);
		gone++;
		most--;
	}
	more = c->concat ? concat_expire(c, mono, most) : sorted_expire(c, mono, most);
	return more < 0 ? more : gone + more;
}

/* ---- listings ---- */

bool set_content_next(const struct set_content *c, struct set_cursor *cursor, uint64_t mono,
		      struct set_element *ret_element)
{
	if (cursor->chunk == SIZE_MAX)
		return false;
	if (c->concat ? concat_next(c, cursor, mono, ret_element)
		      : sorted_next(c, cursor, mono, ret_element))
		return true;
	cursor->chunk = SIZE_MAX;
	return set_content_get_catch_all(c, mono, ret_element);
}

bool set_content_missing(const struct set_content *c, const struct set_content *other,
			 uint64_t mono,
			 void (*each)(void *arg, const struct set_element *e), void *arg)
{
	struct set_element el;
	bool ok = true;

	if (c == other)
		return true;
	if (c->concat)
		ok = concat_missing(c, other, mono, each, arg);
	else
		sorted_missing(c, other, mono, each, arg);
	if (set_content_get_catch_all(c, mono, &el) &&
	    (!other->catch_all.there || set_meta_expired(other->catch_all.meta, mono) ||
	     !set_meta_same(c->catch_all.meta, other->catch_all.meta) ||
	     memcmp(c->catch_all.data, other->catch_all.data, c->shape.data_bytes)))
		each(arg, &el);
	return ok;
}

bool set_content_get(const struct set_content *c, const uint8_t *key, const uint8_t *end,
		     uint64_t mono, struct set_element *ret_element)
{
	uint64_t first[SET_WORDS_MAX], last[SET_WORDS_MAX];

	set_encode(&c->codec, key, first);
	set_encode(&c->codec, end ? end : key, last);
	return c->concat ? concat_get(c, first, last, mono, ret_element)
			 : sorted_get(c, first, last, mono, ret_element);
}

bool set_content_get_catch_all(const struct set_content *c, uint64_t mono,
			       struct set_element *ret_element)
{
	const struct set_catch_all *all = &c->catch_all;

	if (!all->there || set_meta_expired(all->meta, mono))
		return false;
	set_show(c, NULL, NULL, all->data, all->meta, ret_element);
	return true;
}

/* ---- look-ups ---- */

static bool find_catch_all(const struct set_content *c, uint64_t mono, struct set_hit *ret_hit)
{
	const struct set_catch_all *all = &c->catch_all;

	if (!all->there || set_meta_expired(all->meta, mono))
		return false;
	*ret_hit = (struct set_hit){all->data, set_meta_slots(all->meta)};
	return true;
}

static bool find(const struct set_content *c, const uint64_t *key, uint64_t mono,
		 struct set_hit *ret_hit)
{
	if (c->concat ? concat_find(c, key, mono, ret_hit) : sorted_find(c, key, mono, ret_hit))
		return true;
	return find_catch_all(c, mono, ret_hit);
}

bool set_find(const struct set_content *c, const uint8_t *key, uint64_t mono,
	      struct set_hit *ret_hit)
{
	uint64_t words[SET_WORDS_MAX];

	set_encode(&c->codec, key, words);
	return find(c, words, mono, ret_hit);
}

bool set_find_number(const struct set_content *c, uint32_t key, uint64_t mono,
		     struct set_hit *ret_hit)
{
	uint64_t word = key;

	return find(c, &word, mono, ret_hit);
}

bool set_find_wide(const struct set_content *c, struct wide key, uint64_t mono,
		   struct set_hit *ret_hit)
{
	uint64_t words[2] = {key.hi, key.lo};

	if (c->codec.words == 1)
		return find(c, &key.lo, mono, ret_hit);
	if (!c->shape.interval && c->shape.part[0].order == SET_ORDER_STRING) {
		words[0] = __builtin_bswap64(key.lo);
		words[1] = __builtin_bswap64(key.hi);
	}
	return find(c, words, mono, ret_hit);
}
