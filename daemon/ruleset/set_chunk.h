/* set_chunk.h - two levels of sorted columns, and one element in or out.  See set_chunk.c. */
#ifndef CTFW_RULESET_SET_CHUNK_H
#define CTFW_RULESET_SET_CHUNK_H

#include "ruleset/set_private.h"

struct set_place {
	size_t chunk, at;
};

/* The last element whose key is not above x; false when all are. */
bool chunks_seek(const struct set_content *c, const uint64_t *x, struct set_place *ret);
/* The one behind it. */
bool chunks_step(const struct set_content *c, struct set_place *p);
void chunks_load(const struct set_content *c, struct set_place p, uint64_t *ret_key,
		 uint64_t *ret_end);

/* What follows changes an own content, and fails when out of memory only. */

/* In front of p, which may be one behind the end of a chunk.  Takes the item's meta over when
 * it succeeds. */
bool chunks_insert(struct set_content *c, struct set_place p, const struct set_item *item);
/* Places change by it. */
bool chunks_remove(struct set_content *c, struct set_place p);
/* The chunk at a place, to be changed. */
struct set_chunk *chunks_own(struct set_content *c, size_t at);
/* Its first key has changed. */
void chunks_rename(struct set_content *c, size_t at);
/* Room for what few elements have. */
bool chunk_make_meta(const struct set_content *c, struct set_chunk *ch);

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

static inline struct set_meta *chunk_meta(const struct set_chunk *ch, size_t i)
{
	return ch->meta ? ch->meta[i] : NULL;
}

static inline struct set_meta *chunks_meta(const struct set_content *c, struct set_place p)
{
	return chunk_meta(c->chunk[p.chunk], p.at);
}

#endif
