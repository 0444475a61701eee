/* set_concat.h - the index of concatenated intervals.
 *
 * Elements are boxes in as many dimensions as the key has parts.  For each part the numbers are
 * cut where any element begins or ends; each piece knows which elements cover it, as a list of
 * few or as a bitmap of all:
 *
 *     element 0   |---------|
 *     element 1        |---------|
 *     pieces      | 0  | 01 | 1  |      - covered by none: not here
 *
 * A key lies in one piece of each part.  Where one of these has a list, each element of it is
 * compared with the key; where all have bitmaps, the first bit that all have is the answer.
 * So a look-up costs some searches and either a few dozen comparisons or n/64 words a part,
 * whatever the elements are.  The memory is bounded: elements that overlap so much that it
 * would not do are refused.
 *
 * The index is built at once for all elements and never changed.  What came after it is
 * compared one by one, and what went is marked. */
#ifndef CTFW_RULESET_SET_CONCAT_H
#define CTFW_RULESET_SET_CONCAT_H

#include "ruleset/set_private.h"

/* Elements that no index has. */
#define CONCAT_TAIL_MOST   64
#define CONCAT_LIST_MOST   64
#define CONCAT_COVER_BYTES ((size_t)64 << 20) /* a part */
#define CONCAT_NONE	   SIZE_MAX

struct concat_items {
	uint64_t *words; /* of each: key, end */
	uint8_t *data;
	size_t n, cap;
};

struct concat_piece {
	uint32_t n;  /* elements that cover it */
	uint32_t at; /* in lists; with more than CONCAT_LIST_MOST: which bitmap */
};

struct concat_part {
	bool wide; /* from has two words a piece */
	size_t n;
	uint64_t *from; /* where each piece begins, sorted */
	struct concat_piece *piece;
	uint32_t *lists;
	uint64_t *bitmaps;
	size_t n_lists, cap_lists, n_bitmaps, cap_bitmaps;
};

struct concat_run {
	unsigned refs;
	struct concat_items items;
	size_t words; /* of a bitmap */
	unsigned n_parts;
	struct concat_part part[];
};

struct concat {
	struct concat_run *run; /* NULL: there is none yet */
	uint64_t *dead;		/* a bit for each element of the run; there when the run is */
	size_t n_dead;
	struct concat_items tail; /* they are numbered behind those of the run */
	struct set_meta **meta;	  /* of all these; NULL: nobody has any */
	size_t expire_at;
};

/* set_index.c: takes the items over when it succeeds.  0, -E2BIG, -ENOMEM. */
int concat_run_new(const struct set_content *c, struct concat_items *items,
		   struct concat_run **ret_run);
void concat_run_unref(struct concat_run *r);
void concat_items_fini(struct concat_items *items);

/* Elements of a run that may cover a key: the list of the piece that has the fewest, or the
 * bitmaps of all parts. */
struct concat_candidates {
	const uint32_t *list;
	size_t n;
	const uint64_t *bitmap[SET_PARTS_MAX]; /* when there is no list */
};
/* False when there are none. */
bool concat_run_candidates(const struct concat_run *r, const uint64_t *key,
			   struct concat_candidates *ret);

static inline const uint64_t *concat_key(const struct set_content *c,
					 const struct concat_items *items, size_t i)
{
	return items->words + i * 2 * c->codec.words;
}

#endif
