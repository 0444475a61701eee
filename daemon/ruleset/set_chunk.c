/* set_chunk.c - two levels of sorted columns.
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
 * above. */
#include <stdlib.h>

#include "ruleset/set_chunk.h"

#define CHUNK_BYTES 8192
#define CHUNK_LEAST 32
#define CHUNK_MOST  1024

/* ---- columns ---- */

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

/* Room for what few elements have. */
bool chunk_make_meta(const struct set_content *c, struct set_chunk *ch)
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
struct set_chunk *chunks_own(struct set_content *c, size_t at)
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

void chunks_rename(struct set_content *c, size_t at)
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
		chunks_rename(c, at);
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

void chunks_init(struct set_content *c)
{
	size_t element = c->codec.bytes * (c->shape.interval ? 2u : 1u) + c->shape.data_bytes;
	size_t cap = CHUNK_BYTES / element;

	cap = cap < CHUNK_LEAST ? CHUNK_LEAST : cap > CHUNK_MOST ? CHUNK_MOST : cap;
	c->cap = (uint32_t)(cap & ~(size_t)1);
	c->ends = c->cap * c->codec.bytes;
	c->data = c->ends * (c->shape.interval ? 2 : 1);
}

bool chunks_copy(struct set_content *c, const struct set_content *from)
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

void chunks_fini(struct set_content *c)
{
	for (size_t i = 0; i < c->n_chunks; i++)
		chunk_unref(c->chunk[i]);
	free(c->chunk);
	free(c->keys);
}

/* ---- places ---- */

/* The last element whose key is not above x; false when all are. */
bool chunks_seek(const struct set_content *c, const uint64_t *x, struct set_place *ret)
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
bool chunks_step(const struct set_content *c, struct set_place *p)
{
	if (++p->at < c->chunk[p->chunk]->n)
		return true;
	p->at = 0;
	return ++p->chunk < c->n_chunks;
}

void chunks_load(const struct set_content *c, struct set_place p, uint64_t *ret_key,
		 uint64_t *ret_end)
{
	const struct set_chunk *ch = c->chunk[p.chunk];
	unsigned bytes = c->codec.bytes;

	column_get(set_keys(ch), bytes, p.at, ret_key);
	column_get(c->shape.interval ? set_ends(c, ch) : set_keys(ch), bytes, p.at, ret_end);
}

/* ---- one element in or out ---- */

/* A full chunk becomes two; where the new one goes behind all, the full one stays full: what
 * is added in order fills chunks to the end. */
static bool split(struct set_content *c, struct set_place *p)
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
bool chunks_insert(struct set_content *c, struct set_place p, const struct set_item *item)
{
	unsigned bytes = c->codec.bytes;
	struct set_chunk *ch;

	if (!c->n_chunks && ((ch = chunk_new(c)) == NULL || !insert_chunk(c, 0, ch)))
		return false;
	ch = chunks_own(c, p.chunk);
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
		chunks_rename(c, p.chunk);
	return true;
}

/* Two neighbours that are half empty together become one. */
static bool join(struct set_content *c, size_t at)
{
	struct set_chunk *ch;

	if (at + 1 >= c->n_chunks || c->chunk[at]->n + c->chunk[at + 1]->n > c->cap / 2)
		return true;
	ch = chunks_own(c, at);
	if (!ch || !chunk_append(c, ch, c->chunk[at + 1], 0, c->chunk[at + 1]->n))
		return false;
	/* Nor does a pass miss those that were to come next. */
	if (c->pass.chunk == at + 1)
		c->pass.chunk = at;
	remove_chunk(c, at + 1);
	return true;
}

bool chunks_remove(struct set_content *c, struct set_place p)
{
	struct set_chunk *ch = chunks_own(c, p.chunk);
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
		chunks_rename(c, p.chunk);
	return ch->n >= c->cap / 4 || join(c, p.chunk);
}
