/* set_sorted.c - plain sets and sets of intervals: two levels of sorted columns.
 *
 *     first keys   10.0.0.0   10.7.0.0   172.16.0.0 ...      one array, searched first
 *     chunks           |          |          |
 *                +---------+ +---------+ +---------+
 *                | keys    | | keys    | | keys    |         some kilobytes each, shared by
 *                | ends    | | ends    | | ends    |         snapshots and copied by who
 *                | data    | | data    | | data    |         changes them
 *                +---------+ +---------+ +---------+
 *
 * A look-up searches two arrays that are next to each other in memory, without a branch that
 * depends on the key, and then looks at one end.  A change copies one chunk and the array
 * above.  Intervals are disjoint. */
#include <errno.h>
#include <stdlib.h>

#include "ruleset/set_private.h"

#define CHUNK_BYTES 8192
#define CHUNK_LEAST 32
#define CHUNK_MOST  1024
/* Elements that a call of sorted_expire() looks at. */
#define EXPIRE_LOOKS 8192

/* ---- columns ---- */

static inline void column_set(void *column, unsigned bytes, size_t i, const uint64_t *words)
{
	if (bytes == 4)
		((uint32_t *)column)[i] = (uint32_t)words[0];
	else
		memcpy((uint8_t *)column + i * bytes, words, bytes);
}

static inline void column_get(const void *column, unsigned bytes, size_t i, uint64_t *ret_words)
{
	if (bytes == 4)
		ret_words[0] = ((const uint32_t *)column)[i];
	else
		memcpy(ret_words, (const uint8_t *)column + i * bytes, bytes);
}

static void column_open(void *column, size_t bytes, size_t i, size_t n)
{
	uint8_t *at = (uint8_t *)column + i * bytes;

	memmove(at + bytes, at, (n - i) * bytes);
}

static void column_close(void *column, size_t bytes, size_t i, size_t n)
{
	uint8_t *at = (uint8_t *)column + i * bytes;

	memmove(at, at + bytes, (n - i - 1) * bytes);
}

/* Whether the key at i is not above x. */
static inline bool not_above(const void *column, unsigned bytes, size_t i, const uint64_t *x)
{
	const uint64_t *at = (const uint64_t *)column + i * (bytes / 8);

	switch (bytes) {
	case 4:
		return ((const uint32_t *)column)[i] <= (uint32_t)x[0];
	case 8:
		return at[0] <= x[0];
	case 16:
		return at[0] < x[0] || (at[0] == x[0] && at[1] <= x[1]);
	default:
		return set_compare(at, x, bytes / 8) <= 0;
	}
}

/* The last of n > 0 keys that is not above x, or the first one.  The next two that may be
 * looked at are fetched while this one is compared. */
static inline __attribute__((always_inline)) size_t search(const void *column, unsigned bytes,
							   size_t n, const uint64_t *x)
{
	const uint8_t *keys = column;
	size_t base = 0;

	while (n > 1) {
		size_t half = n / 2, quarter = (n - half) / 2;

		__builtin_prefetch(keys + (base + quarter) * bytes);
		__builtin_prefetch(keys + (base + half + quarter) * bytes);
		base += not_above(column, bytes, base + half, x) ? half : 0;
		n -= half;
	}
	return base;
}

static size_t column_search(const void *column, unsigned bytes, size_t n, const uint64_t *x)
{
	switch (bytes) {
	case 4:
		return search(column, 4, n, x);
	case 8:
		return search(column, 8, n, x);
	case 16:
		return search(column, 16, n, x);
	default:
		return search(column, bytes, n, x);
	}
}

/* ---- chunks ---- */

static size_t chunk_size(const struct set_content *c)
{
	return sizeof(struct set_chunk) + c->data + (size_t)c->cap * c->shape.data_bytes;
}

static struct set_chunk *chunk_new(const struct set_content *c)
{
	struct set_chunk *ch = malloc(chunk_size(c));

	if (ch) {
		ch->refs = 1;
		ch->n = 0;
		ch->meta = NULL;
	}
	return ch;
}

static void chunk_unref(struct set_chunk *ch)
{
	if (!ch || --ch->refs)
		return;
	for (size_t i = 0; ch->meta && i < ch->n; i++)
		set_meta_unref(ch->meta[i]);
	free(ch->meta);
	free(ch);
}

static inline struct set_meta *chunk_meta(const struct set_chunk *ch, size_t i)
{
	return ch->meta ? ch->meta[i] : NULL;
}

/* Room for what few elements have. */
static bool chunk_make_meta(const struct set_content *c, struct set_chunk *ch)
{
	if (!ch->meta)
		ch->meta = calloc(c->cap, sizeof(*ch->meta));
	return ch->meta;
}

/* Append elements of another one.  Their metas are shared. */
static bool chunk_append(const struct set_content *c, struct set_chunk *to,
			 const struct set_chunk *from, size_t first, size_t n)
{
	size_t bytes = c->codec.bytes, data = c->shape.data_bytes;

	if (from->meta && !chunk_make_meta(c, to))
		return false;
	memcpy((uint8_t *)set_keys(to) + to->n * bytes,
	       (uint8_t *)set_keys(from) + first * bytes, n * bytes);
	if (c->shape.interval)
		memcpy((uint8_t *)set_ends(c, to) + to->n * bytes,
		       (uint8_t *)set_ends(c, from) + first * bytes, n * bytes);
	if (data)
		memcpy(set_data(c, to, to->n), set_data(c, from, first), n * data);
	for (size_t i = 0; from->meta && i < n; i++)
		to->meta[to->n + i] = set_meta_ref(from->meta[first + i]);
	to->n += (uint32_t)n;
	return true;
}

/* Only the first n elements stay. */
static void chunk_cut(struct set_chunk *ch, size_t n)
{
	for (size_t i = n; ch->meta && i < ch->n; i++) {
		set_meta_unref(ch->meta[i]);
		ch->meta[i] = NULL;
	}
	ch->n = (uint32_t)n;
}

/* The chunk at a place, to be changed; NULL when out of memory. */
static struct set_chunk *own(struct set_content *c, size_t at)
{
	struct set_chunk *ch = c->chunk[at], *copy;

	if (ch->refs == 1)
		return ch;
	copy = chunk_new(c);
	if (!copy || !chunk_append(c, copy, ch, 0, ch->n)) {
		chunk_unref(copy);
		return NULL;
	}
	chunk_unref(ch);
	return c->chunk[at] = copy;
}

/* ---- the array above ---- */

static void name_chunk(struct set_content *c, size_t at)
{
	uint64_t words[SET_WORDS_MAX];

	column_get(set_keys(c->chunk[at]), c->codec.bytes, 0, words);
	column_set(c->keys, c->codec.bytes, at, words);
}

/* Takes ch over, also on failure. */
static bool insert_chunk(struct set_content *c, size_t at, struct set_chunk *ch)
{
	if (c->n_chunks == c->cap_chunks) {
		size_t cap = c->cap_chunks ? c->cap_chunks * 2 : 4;
		void *chunks = realloc(c->chunk, cap * sizeof(*c->chunk)), *keys;

		if (chunks)
			c->chunk = chunks;
		keys = chunks ? realloc(c->keys, cap * c->codec.bytes) : NULL;
		if (!keys) {
			chunk_unref(ch);
			return false;
		}
		c->keys = keys;
		c->cap_chunks = cap;
	}
	column_open(c->keys, c->codec.bytes, at, c->n_chunks);
	column_open(c->chunk, sizeof(*c->chunk), at, c->n_chunks);
	c->chunk[at] = ch;
	c->n_chunks++;
	c->pass.chunk += at < c->pass.chunk;
	if (ch->n)
		name_chunk(c, at);
	return true;
}

static void remove_chunk(struct set_content *c, size_t at)
{
	chunk_unref(c->chunk[at]);
	column_close(c->keys, c->codec.bytes, at, c->n_chunks);
	column_close(c->chunk, sizeof(*c->chunk), at, c->n_chunks);
	c->n_chunks--;
	c->pass.chunk -= at < c->pass.chunk;
}

void sorted_init(struct set_content *c)
{
	size_t element = c->codec.bytes * (c->shape.interval ? 2u : 1u) + c->shape.data_bytes;
	size_t cap = CHUNK_BYTES / element;

	cap = cap < CHUNK_LEAST ? CHUNK_LEAST : cap > CHUNK_MOST ? CHUNK_MOST : cap;
	c->cap = (uint32_t)(cap & ~(size_t)1);
	c->ends = c->cap * c->codec.bytes;
	c->data = c->ends * (c->shape.interval ? 2 : 1);
}

bool sorted_copy(struct set_content *c, const struct set_content *from)
{
	c->cap_chunks = from->n_chunks + 1;
	c->chunk = malloc(c->cap_chunks * sizeof(*c->chunk));
	c->keys = malloc(c->cap_chunks * c->codec.bytes);
	if (!c->chunk || !c->keys) {
		free(c->chunk);
		free(c->keys);
		return false;
	}
	if (!from->n_chunks)
		return true;
	memcpy(c->keys, from->keys, from->n_chunks * c->codec.bytes);
	for (size_t i = 0; i < from->n_chunks; i++) {
		c->chunk[i] = from->chunk[i];
		c->chunk[i]->refs++;
	}
	return true;
}

void sorted_fini(struct set_content *c)
{
	for (size_t i = 0; i < c->n_chunks; i++)
		chunk_unref(c->chunk[i]);
	free(c->chunk);
	free(c->keys);
}

size_t sorted_bytes(const struct set_content *c)
{
	size_t bytes = c->cap_chunks * (sizeof(*c->chunk) + c->codec.bytes);

	for (size_t i = 0; i < c->n_chunks; i++) {
		const struct set_chunk *ch = c->chunk[i];

		bytes += chunk_size(c) + (ch->meta ? c->cap * sizeof(*ch->meta) : 0);
		for (size_t k = 0; ch->meta && k < ch->n; k++)
			bytes += ch->meta[k] ? sizeof(*ch->meta[k]) : 0;
	}
	return bytes;
}

/* ---- places ---- */

struct place {
	size_t chunk, at;
};

/* The last element whose key is not above x; false when all are. */
static bool seek(const struct set_content *c, const uint64_t *x, struct place *ret)
{
	unsigned bytes = c->codec.bytes;
	const struct set_chunk *ch;

	if (!c->n_chunks)
		return false;
	ret->chunk = column_search(c->keys, bytes, c->n_chunks, x);
	ch = c->chunk[ret->chunk];
	ret->at = column_search(set_keys(ch), bytes, ch->n, x);
	return ret->at || not_above(set_keys(ch), bytes, 0, x);
}

/* The one behind it. */
static bool step(const struct set_content *c, struct place *p)
{
	if (++p->at < c->chunk[p->chunk]->n)
		return true;
	p->at = 0;
	return ++p->chunk < c->n_chunks;
}

static void load(const struct set_content *c, struct place p, uint64_t *ret_key,
		 uint64_t *ret_end)
{
	const struct set_chunk *ch = c->chunk[p.chunk];
	unsigned bytes = c->codec.bytes;

	column_get(set_keys(ch), bytes, p.at, ret_key);
	column_get(c->shape.interval ? set_ends(c, ch) : set_keys(ch), bytes, p.at, ret_end);
}

static struct set_meta *meta_at(const struct set_content *c, struct place p)
{
	return chunk_meta(c->chunk[p.chunk], p.at);
}

static bool expired_at(const struct set_content *c, struct place p, uint64_t mono)
{
	return set_meta_expired(meta_at(c, p), mono);
}

static void show(const struct set_content *c, struct place p, struct set_element *ret)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX];

	load(c, p, key, end);
	set_show(c, key, end, set_data(c, c->chunk[p.chunk], p.at), meta_at(c, p), ret);
}

/* ---- one element in or out ---- */

struct item {
	const uint64_t *key, *end;
	const uint8_t *data;
	struct set_meta *meta; /* a reference that goes to the element */
};

/* A full chunk becomes two; where the new one goes behind all, the full one stays full: what
 * is added in order fills chunks to the end. */
static bool split(struct set_content *c, struct place *p)
{
	struct set_chunk *ch = c->chunk[p->chunk], *right = chunk_new(c);
	size_t stay = p->at == ch->n ? ch->n : ch->n / 2;

	if (!right || !chunk_append(c, right, ch, stay, ch->n - stay)) {
		chunk_unref(right);
		return false;
	}
	chunk_cut(ch, stay);
	if (!insert_chunk(c, p->chunk + 1, right))
		return false;
	if (p->at >= stay) {
		p->chunk++;
		p->at -= stay;
	}
	return true;
}

/* In front of p, which may be one behind the end of a chunk. */
static bool insert(struct set_content *c, struct place p, const struct item *item)
{
	unsigned bytes = c->codec.bytes;
	struct set_chunk *ch;

	if (!c->n_chunks && ((ch = chunk_new(c)) == NULL || !insert_chunk(c, 0, ch)))
		return false;
	ch = own(c, p.chunk);
	if (!ch || (ch->n == c->cap && !split(c, &p)))
		return false;
	ch = c->chunk[p.chunk];
	if (item->meta && !chunk_make_meta(c, ch))
		return false;
	column_open(set_keys(ch), bytes, p.at, ch->n);
	column_set(set_keys(ch), bytes, p.at, item->key);
	if (c->shape.interval) {
		column_open(set_ends(c, ch), bytes, p.at, ch->n);
		column_set(set_ends(c, ch), bytes, p.at, item->end);
	}
	if (c->shape.data_bytes) {
		column_open(set_data(c, ch, 0), c->shape.data_bytes, p.at, ch->n);
		memcpy(set_data(c, ch, p.at), item->data, c->shape.data_bytes);
	}
	if (ch->meta) {
		column_open(ch->meta, sizeof(*ch->meta), p.at, ch->n);
		ch->meta[p.at] = item->meta;
	}
	ch->n++;
	c->n++;
	set_content_note_expiry(c, item->meta);
	if (p.at == 0)
		name_chunk(c, p.chunk);
	return true;
}

/* Two neighbours that are half empty together become one. */
static bool join(struct set_content *c, size_t at)
{
	struct set_chunk *ch;

	if (at + 1 >= c->n_chunks || c->chunk[at]->n + c->chunk[at + 1]->n > c->cap / 2)
		return true;
	ch = own(c, at);
	if (!ch || !chunk_append(c, ch, c->chunk[at + 1], 0, c->chunk[at + 1]->n))
		return false;
	/* Nor does a pass miss those that were to come next. */
	if (c->pass.chunk == at + 1)
		c->pass.chunk = at;
	remove_chunk(c, at + 1);
	return true;
}

static bool take_out(struct set_content *c, struct place p)
{
	struct set_chunk *ch = own(c, p.chunk);
	unsigned bytes = c->codec.bytes;

	if (!ch)
		return false;
	column_close(set_keys(ch), bytes, p.at, ch->n);
	if (c->shape.interval)
		column_close(set_ends(c, ch), bytes, p.at, ch->n);
	if (c->shape.data_bytes)
		column_close(set_data(c, ch, 0), c->shape.data_bytes, p.at, ch->n);
	if (ch->meta) {
		set_meta_unref(ch->meta[p.at]);
		column_close(ch->meta, sizeof(*ch->meta), p.at, ch->n);
		ch->meta[ch->n - 1] = NULL;
	}
	ch->n--;
	c->n--;
	if (!ch->n) {
		remove_chunk(c, p.chunk);
		return true;
	}
	if (p.at == 0)
		name_chunk(c, p.chunk);
	return ch->n >= c->cap / 4 || join(c, p.chunk);
}

/* ---- additions ---- */

/* Where the element is that an interval from key to end would meet: that before it when it
 * reaches to key, else the one behind when it begins by end.  What expired there is dropped.
 * 1 with *ret_place; 0: none, and *ret_place is where to insert; -ENOMEM. */
static int meet(struct set_content *c, const uint64_t *key, const uint64_t *end, uint64_t mono,
		struct place *ret_place)
{
	uint64_t at_key[SET_WORDS_MAX], at_end[SET_WORDS_MAX];
	unsigned words = c->codec.words;
	struct place p, here;
	bool before;

again:
	before = seek(c, key, &p);
	here = before ? (struct place){p.chunk, p.at + 1} : (struct place){0, 0};
	if (before) {
		load(c, p, at_key, at_end);
		if (set_compare(at_end, key, words) >= 0)
			goto found;
	} else {
		p = here;
	}
	if (before ? step(c, &p) : c->n_chunks > 0) {
		load(c, p, at_key, at_end);
		if (set_compare(at_key, end, words) <= 0)
			goto found;
	}
	*ret_place = here;
	return 0;
found:
	if (expired_at(c, p, mono)) {
		if (!take_out(c, p))
			return -ENOMEM;
		goto again;
	}
	*ret_place = p;
	return 1;
}

static int add_new(struct set_content *c, struct place p, struct item *item,
		   struct set_error *ret_error)
{
	if (c->shape.size && c->n >= c->shape.size)
		return set_refuse(ret_error, SET_FULL);
	if (!insert(c, p, item))
		return -ENOMEM;
	item->meta = NULL;
	return 0;
}

static int add(struct set_content *c, struct item *item, enum set_op op, uint64_t mono,
	       struct set_error *ret_error)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX];
	struct set_chunk *ch;
	struct place p;
	int met = meet(c, item->key, item->end, mono, &p);

	if (met <= 0)
		return met ? met : add_new(c, p, item, ret_error);
	load(c, p, key, end);
	show(c, p, &ret_error->other);
	if (set_compare(key, item->key, c->codec.words) != 0 ||
	    set_compare(end, item->end, c->codec.words) != 0)
		return set_refuse(ret_error, SET_OVERLAPS);
	ch = own(c, p.chunk);
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
static int merge(struct set_content *c, struct item *item, uint64_t mono,
		 struct set_error *ret_error)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX], from[SET_WORDS_MAX], to[SET_WORDS_MAX];
	uint64_t at_key[SET_WORDS_MAX], at_end[SET_WORDS_MAX];
	unsigned words = c->codec.words;
	struct item joined = {key, end, item->data, item->meta};
	struct place p;
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
		load(c, p, at_key, at_end);
		if (set_compare(at_key, key, words) <= 0 &&
		    set_compare(at_end, end, words) >= 0)
			return 0;
		if (set_compare(at_key, key, words) < 0)
			memcpy(key, at_key, words * sizeof(*key));
		if (set_compare(at_end, end, words) > 0)
			memcpy(end, at_end, words * sizeof(*end));
		if (!take_out(c, p))
			return -ENOMEM;
	}
	if (met == 0)
		met = add_new(c, p, &joined, ret_error);
	item->meta = joined.meta;
	return met;
}

/* ---- deletions ---- */

/* Without the middle of an interval, from key to end; what is left has all that it had. */
static bool cut(struct set_content *c, struct place p, const uint64_t *key, const uint64_t *end)
{
	uint64_t at_key[SET_WORDS_MAX], at_end[SET_WORDS_MAX], edge[SET_WORDS_MAX];
	unsigned words = c->codec.words, bytes = c->codec.bytes;
	struct set_chunk *ch = own(c, p.chunk);
	struct item right = {edge, at_end, NULL, NULL};
	bool low, high;

	if (!ch)
		return false;
	load(c, p, at_key, at_end);
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
			name_chunk(c, p.chunk);
		return true;
	}
	right.meta = set_meta_ref(chunk_meta(ch, p.at));
	p.at++;
	if (insert(c, p, &right))
		return true;
	set_meta_unref(right.meta);
	return false;
}

static int delete (struct set_content *c, const struct item *item, uint64_t mono,
		   struct set_error *ret_error)
{
	uint64_t key[SET_WORDS_MAX], end[SET_WORDS_MAX];
	unsigned words = c->codec.words;
	int below, above, met;
	struct place p;
	bool done;

	met = meet(c, item->key, item->end, mono, &p);
	if (met < 0)
		return met;
	if (!met)
		return set_refuse(ret_error, SET_ABSENT);
	load(c, p, key, end);
	below = set_compare(item->key, key, words);
	above = set_compare(item->end, end, words);
	if (below == 0 && above == 0)
		done = take_out(c, p);
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
		struct item item = {set_batch_key(b, from), set_batch_end(b, from),
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
	struct place p = {c->pass.chunk, 0};
	int gone = 0;

	while (p.chunk == c->pass.chunk && p.chunk < c->n_chunks &&
	       p.at < c->chunk[p.chunk]->n) {
		size_t left = c->chunk[p.chunk]->n;
		struct set_meta *m = meta_at(c, p);

		if (!set_meta_expired(m, mono) || gone == (int)most) {
			if (m && m->expires &&
			    (!c->pass.soonest || m->expires < c->pass.soonest))
				c->pass.soonest = m->expires;
			p.at++;
			continue;
		}
		if (!take_out(c, p))
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
		struct place p = {cursor->chunk, cursor->at};

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

bool sorted_get(const struct set_content *c, const uint64_t *key, const uint64_t *end,
		uint64_t mono, struct set_element *ret_element)
{
	uint64_t at_key[SET_WORDS_MAX], at_end[SET_WORDS_MAX];
	unsigned words = c->codec.words;
	struct place p;

	if (!seek(c, key, &p) || expired_at(c, p, mono))
		return false;
	load(c, p, at_key, at_end);
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
	struct place p;

	if (!seek(c, key, &p))
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
