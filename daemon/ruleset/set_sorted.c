/* set_sorted.c - plain sets and sets of intervals: what may be added and deleted.
 *
 * Elements are disjoint and sorted (set_chunk.c).  A plain one is its own end. */
#include <errno.h>
#include <stdlib.h>

#include "ruleset/set_chunk.h"

/* Elements that a call of sorted_expire() looks at. */
#define EXPIRE_LOOKS 8192

static bool expired_at(const struct set_content *c, struct set_place p, uint64_t mono)
{
	return set_meta_expired(chunks_meta(c, p), mono);
}

static void show(const struct set_content *c, struct set_place p, struct set_element *ret)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX];

	chunks_load(c, p, key, end);
	set_show(c, key, end, set_data(c, c->chunk[p.chunk], p.at), chunks_meta(c, p), ret);
}

/* ---- additions ---- */

/* As chunks_seek(), but soon where elements are added in their order. */
static bool seek_from_end(const struct set_content *c, const uint64_t *x, struct set_place *ret)
{
	const struct set_chunk *last = c->n_chunks ? c->chunk[c->n_chunks - 1] : NULL;

	if (!last || !not_above(set_keys(last), c->codec.bytes, last->n - 1, x))
		return chunks_seek(c, x, ret);
	*ret = (struct set_place){ c->n_chunks - 1, last->n - 1 };
	return true;
}

/* Where the element is that an interval from key to end would meet: that before it when it
 * reaches to key, else the one behind when it begins by end.  What expired there is dropped.
 * 1 with *ret_place; 0: none, and *ret_place is where to insert; -ENOMEM. */
static int meet(struct set_content *c, const uint64_t *key, const uint64_t *end, uint64_t mono,
		struct set_place *ret_place)
{
	uint64_t at_key[SET_WORDS_MAX], at_end[SET_WORDS_MAX];
	unsigned words = c->codec.words;
	struct set_place p, here;
	bool before;

again:
	before = seek_from_end(c, key, &p);
	here = before ? (struct set_place){p.chunk, p.at + 1} : (struct set_place){0, 0};
	if (before) {
		chunks_load(c, p, at_key, at_end);
		if (set_compare(at_end, key, words) >= 0)
			goto found;
	} else {
		p = here;
	}
	if (before ? chunks_step(c, &p) : c->n_chunks > 0) {
		chunks_load(c, p, at_key, at_end);
		if (set_compare(at_key, end, words) <= 0)
			goto found;
	}
	*ret_place = here;
	return 0;
found:
	if (expired_at(c, p, mono)) {
		if (!chunks_remove(c, p))
			return -ENOMEM;
		goto again;
	}
	*ret_place = p;
	return 1;
}

static int add_new(struct set_content *c, struct set_place p, struct set_item *item,
		   struct set_error *ret_error)
{
	if (c->shape.size && c->n >= c->shape.size)
		return set_refuse(ret_error, SET_FULL);
	if (!chunks_insert(c, p, item))
		return -ENOMEM;
	item->meta = NULL;
	return 0;
}

static int add(struct set_content *c, struct set_item *item, enum set_op op, uint64_t mono,
	       struct set_error *ret_error)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX];
	struct set_chunk *ch;
	struct set_place p;
	int met = meet(c, item->key, item->end, mono, &p);

	if (met <= 0)
		return met ? met : add_new(c, p, item, ret_error);
	chunks_load(c, p, key, end);
	show(c, p, &ret_error->other);
	if (set_compare(key, item->key, c->codec.words) != 0 ||
	    set_compare(end, item->end, c->codec.words) != 0)
		return set_refuse(ret_error, SET_OVERLAPS);
	ch = chunks_own(c, p.chunk);
	if (!ch || (item->meta && !chunk_make_meta(c, ch)))
		return -ENOMEM;
	return set_meet(c, op, item->data, item->meta, set_data(c, ch, p.at),
			ch->meta ? &ch->meta[p.at] : &item->meta, ret_error);
}

/* The number before x > 0, and the one behind it; false when there is none in these words. */
static bool words_before(uint64_t *x, unsigned words)
{
	for (unsigned i = words; i-- > 0;) {
		if (x[i]--)
			return true;
	}
	return false;
}

static bool words_behind(uint64_t *x, unsigned words)
{
	for (unsigned i = words; i-- > 0;) {
		if (++x[i])
			return true;
	}
	return false;
}

/* Join with all that it overlaps or touches.  What lies in an element of old changes
 * nothing; else the new one's timeout and comment hold. */
static int merge(struct set_content *c, struct set_item *item, uint64_t mono,
		 struct set_error *ret_error)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX], from[SET_WORDS_MAX], to[SET_WORDS_MAX];
	uint64_t at_key[SET_WORDS_MAX], at_end[SET_WORDS_MAX];
	unsigned words = c->codec.words;
	struct set_item joined = {key, end, item->data, item->meta};
	struct set_place p;
	int met;

	memcpy(key, item->key, words * sizeof(*key));
	memcpy(end, item->end, words * sizeof(*end));
	for (;;) {
		memcpy(from, key, words * sizeof(*from));
		memcpy(to, end, words * sizeof(*to));
		if (!words_before(from, words))
			memset(from, 0, sizeof(from));
		if (!words_behind(to, words))
			memset(to, 0xff, sizeof(to));
		met = meet(c, from, to, mono, &p);
		if (met <= 0)
			break;
		chunks_load(c, p, at_key, at_end);
		if (set_compare(at_key, key, words) <= 0 &&
		    set_compare(at_end, end, words) >= 0)
			return 0;
		if (set_compare(at_key, key, words) < 0)
			memcpy(key, at_key, words * sizeof(*key));
		if (set_compare(at_end, end, words) > 0)
			memcpy(end, at_end, words * sizeof(*end));
		if (!chunks_remove(c, p))
			return -ENOMEM;
	}
	if (met == 0)
		met = add_new(c, p, &joined, ret_error);
	item->meta = joined.meta;
	return met;
}

/* ---- deletions ---- */

/* Without the middle of an interval, from key to end; what is left has all that it had. */
static bool cut(struct set_content *c, struct set_place p, const uint64_t *key,
		const uint64_t *end)
{
	uint64_t at_key[SET_WORDS_MAX], at_end[SET_WORDS_MAX], edge[SET_WORDS_MAX];
	unsigned words = c->codec.words, bytes = c->codec.bytes;
	struct set_chunk *ch = chunks_own(c, p.chunk);
	struct set_item right = {edge, at_end, NULL, NULL};
	bool low, high;

	if (!ch)
		return false;
	chunks_load(c, p, at_key, at_end);
	low = set_compare(at_key, key, words) < 0;
	high = set_compare(at_end, end, words) > 0;
	if (low) {
		memcpy(edge, key, words * sizeof(*edge));
		words_before(edge, words);
		column_set(set_ends(c, ch), bytes, p.at, edge);
	}
	if (!high)
		return true;
	memcpy(edge, end, words * sizeof(*edge));
	words_behind(edge, words);
	if (!low) {
		column_set(set_keys(ch), bytes, p.at, edge);
		if (p.at == 0)
			chunks_rename(c, p.chunk);
		return true;
	}
	right.meta = set_meta_ref(chunk_meta(ch, p.at));
	p.at++;
	if (chunks_insert(c, p, &right))
		return true;
	set_meta_unref(right.meta);
	return false;
}

static int delete (struct set_content *c, const struct set_item *item, uint64_t mono,
		   struct set_error *ret_error)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX];
	unsigned words = c->codec.words;
	int below, above, met;
	struct set_place p;
	bool done;

	met = meet(c, item->key, item->end, mono, &p);
	if (met < 0)
		return met;
	if (!met)
		return set_refuse(ret_error, SET_ABSENT);
	chunks_load(c, p, key, end);
	below = set_compare(item->key, key, words);
	above = set_compare(item->end, end, words);
	if (below == 0 && above == 0)
		done = chunks_remove(c, p);
	else if (set_merges(&c->shape) && below >= 0 && above <= 0)
		done = cut(c, p, item->key, item->end);
	else
		return set_refuse(ret_error, SET_ABSENT);
	return done ? 0 : -ENOMEM;
}

/* ---- batches ---- */

static int by_key(const void *x, const void *y, void *arg)
{
	const struct set_batch_item *a = x, *b = y;
	const struct set_batch *batch = arg;
	int by;

	if (a->upper != b->upper)
		return a->upper < b->upper ? -1 : 1;
	by = batch->codec.words == 1 ? 0
				     : set_compare(set_batch_key(batch, a),
						   set_batch_key(batch, b), batch->codec.words);
	return by ? by : a->index < b->index ? -1 : 1;
}

static void sort(struct set_batch *b)
{
	size_t i = 1;

	while (i < b->n && by_key(&b->item[i - 1], &b->item[i], b) < 0)
		i++;
	if (i < b->n)
		qsort_r(b->item, b->n, sizeof(*b->item), by_key, b);
}

/* What is sorted must not overlap, unless it is the same. */
static int find_conflict(const struct set_batch *b, struct set_error *ret_error)
{
	unsigned words = b->codec.words;
	const struct set_batch_item *wide = b->item;

	for (size_t i = 1; i < b->n; i++) {
		const struct set_batch_item *item = &b->item[i];
		const uint64_t *key = set_batch_key(b, item), *end = set_batch_end(b, item);

		if (set_compare(key, set_batch_end(b, wide), words) > 0) {
			wide = item;
			continue;
		}
		if (!set_compare(key, set_batch_key(b, wide), words) &&
		    !set_compare(end, set_batch_end(b, wide), words))
			continue;
		ret_error->index = item->index > wide->index ? item->index : wide->index;
		ret_error->with = item->index < wide->index ? item->index : wide->index;
		return set_refuse(ret_error, SET_CONFLICTS);
	}
	return 0;
}

/* Join what is sorted; the lowest one's timeout and comment hold. */
static void join_batch(struct set_batch *b)
{
	unsigned words = b->codec.words;
	uint64_t behind[SET_WORDS_MAX];
	size_t n = 0;

	for (size_t i = 1; i < b->n; i++) {
		struct set_batch_item *item = &b->item[i];
		uint64_t *end = (uint64_t *)(uintptr_t)set_batch_end(b, &b->item[n]);

		memcpy(behind, end, words * sizeof(*end));
		if (words_behind(behind, words) &&
		    set_compare(set_batch_key(b, item), behind, words) > 0) {
			b->item[++n] = *item;
			continue;
		}
		if (set_compare(set_batch_end(b, item), end, words) > 0)
			memcpy(end, set_batch_end(b, item), words * sizeof(*end));
		set_meta_unref(item->meta);
	}
	b->n = b->n ? n + 1 : 0;
}

static int prepare(struct set_batch *b, struct set_error *ret_error)
{
	if (b->op == SET_DELETE)
		return 0;
	sort(b);
	if (set_merges(&b->shape))
		join_batch(b);
	else if (b->shape.interval)
		return find_conflict(b, ret_error);
	return 0;
}

int sorted_change(struct set_content *c, struct set_batch *b, uint64_t mono,
		  struct set_error *ret_error)
{
	int err = prepare(b, ret_error);

	for (size_t i = 0; i < b->n && !err; i++) {
		struct set_batch_item *from = &b->item[i];
		struct set_item item = {set_batch_key(b, from), set_batch_end(b, from),
					set_batch_data(b, from), from->meta};

		ret_error->index = from->index;
		if (b->op == SET_DELETE)
			err = delete (c, &item, mono, ret_error);
		else if (set_merges(&c->shape))
			err = merge(c, &item, mono, ret_error);
		else
			err = add(c, &item, b->op, mono, ret_error);
		from->meta = item.meta;
	}
	return err;
}

/* ---- expiry ---- */

/* Those of one chunk. */
static int expire_chunk(struct set_content *c, uint64_t mono, unsigned most)
{
	struct set_place p = {c->pass.chunk, 0};
	int gone = 0;

	while (p.chunk == c->pass.chunk && p.chunk < c->n_chunks &&
	       p.at < c->chunk[p.chunk]->n) {
		size_t left = c->chunk[p.chunk]->n;
		struct set_meta *m = chunks_meta(c, p);

		if (!set_meta_expired(m, mono) || gone == (int)most) {
			if (m && m->expires &&
			    (!c->pass.soonest || m->expires < c->pass.soonest))
				c->pass.soonest = m->expires;
			p.at++;
			continue;
		}
		if (!chunks_remove(c, p))
			return -ENOMEM;
		gone++;
		/* That was the last of it, and another chunk is in its place. */
		if (left == 1)
			return gone;
	}
	if (gone < (int)most)
		c->pass.chunk++;
	return gone;
}

int sorted_expire(struct set_content *c, uint64_t mono, unsigned most)
{
	size_t looks = 0;
	int gone = 0, now;

	while (c->pass.chunk < c->n_chunks && looks < EXPIRE_LOOKS && gone < (int)most) {
		const struct set_chunk *ch = c->chunk[c->pass.chunk];

		looks += ch->meta ? ch->n : 1;
		if (!ch->meta) {
			c->pass.chunk++;
			continue;
		}
		now = expire_chunk(c, mono, most - (unsigned)gone);
		if (now < 0)
			return now;
		gone += now;
	}
	if (c->pass.chunk >= c->n_chunks) {
		c->soonest = c->pass.soonest;
		set_content_note_expiry(c, c->catch_all.meta);
		c->pass.chunk = 0;
		c->pass.soonest = 0;
	}
	return gone;
}

/* ---- reading ---- */

bool sorted_next(const struct set_content *c, struct set_cursor *cursor, uint64_t mono,
		 struct set_element *ret_element)
{
	while (cursor->chunk < c->n_chunks) {
		struct set_place p = {cursor->chunk, cursor->at};

		if (++cursor->at >= c->chunk[cursor->chunk]->n) {
			cursor->at = 0;
			cursor->chunk++;
		}
		if (expired_at(c, p, mono))
			continue;
		show(c, p, ret_element);
		return true;
	}
	return false;
}

/* Whether the elements of the same key there are the same. */
static bool is_same(const struct set_content *c, struct set_place p,
		    const struct set_content *other, struct set_place q, uint64_t mono)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX], other_end[SET_WORDS_MAX];

	chunks_load(c, p, key, end);
	chunks_load(other, q, key, other_end);
	return !expired_at(other, q, mono) && !set_compare(end, other_end, c->codec.words) &&
	       !memcmp(set_data(c, c->chunk[p.chunk], p.at),
		       set_data(other, other->chunk[q.chunk], q.at), c->shape.data_bytes) &&
	       set_meta_same(chunks_meta(c, p), chunks_meta(other, q));
}

static int order(const struct set_content *c, struct set_place p,
		 const struct set_content *other, struct set_place q)
{
	uint64_t key[SET_WORDS_MAX], other_key[SET_WORDS_MAX], end[SET_WORDS_MAX];

	chunks_load(c, p, key, end);
	chunks_load(other, q, other_key, end);
	return set_compare(key, other_key, c->codec.words);
}

void sorted_missing(const struct set_content *c, const struct set_content *other, uint64_t mono,
		    void (*each)(void *arg, const struct set_element *e), void *arg)
{
	struct set_place p = {0}, q = {0};
	struct set_element el;

	while (p.chunk < c->n_chunks) {
		bool end = q.chunk >= other->n_chunks;
		int before;

		/* Both come to a chunk that they share at once: it begins with the same key. */
		if (!end && !p.at && !q.at && c->chunk[p.chunk] == other->chunk[q.chunk]) {
			p.chunk++;
			q.chunk++;
			continue;
		}
		before = end ? -1 : order(c, p, other, q);
		if (before > 0) {
			chunks_step(other, &q);
			continue;
		}
		if (!expired_at(c, p, mono) && (before || !is_same(c, p, other, q, mono))) {
			show(c, p, &el);
			each(arg, &el);
		}
		chunks_step(c, &p);
		if (!before)
			chunks_step(other, &q);
	}
}

bool sorted_get(const struct set_content *c, const uint64_t *key, const uint64_t *end,
		uint64_t mono, struct set_element *ret_element)
{
	uint64_t at_key[SET_WORDS_MAX], at_end[SET_WORDS_MAX];
	unsigned words = c->codec.words;
	struct set_place p;

	if (!chunks_seek(c, key, &p) || expired_at(c, p, mono))
		return false;
	chunks_load(c, p, at_key, at_end);
	if (set_compare(at_end, key, words) < 0 || set_compare(at_end, end, words) < 0)
		return false;
	show(c, p, ret_element);
	return true;
}

/* Whether x is not above the end at i. */
static inline bool not_below(const void *column, unsigned bytes, size_t i, const uint64_t *x)
{
	const uint64_t *at = (const uint64_t *)column + i * (bytes / 8);

	if (bytes == 4)
		return ((const uint32_t *)column)[i] >= (uint32_t)x[0];
	return set_compare(at, x, bytes / 8) >= 0;
}

bool sorted_find(const struct set_content *c, const uint64_t *key, uint64_t mono,
		 struct set_hit *ret_hit)
{
	const struct set_chunk *ch;
	const struct set_meta *m;
	struct set_place p;

	if (!chunks_seek(c, key, &p))
		return false;
	ch = c->chunk[p.chunk];
	if (!not_below(c->shape.interval ? set_ends(c, ch) : set_keys(ch), c->codec.bytes, p.at,
		       key))
		return false;
	m = chunk_meta(ch, p.at);
	if (set_meta_expired(m, mono))
		return false;
	*ret_hit = (struct set_hit){set_data(c, ch, p.at), set_meta_slots(m)};
	return true;
}
