/* set_private.h - what the files of set.h share.
 *
 * Keys are kept encoded: as numbers of one or more 64-bit words, the most significant first,
 * whose order is the one in which the kind of set is searched or listed. */
#ifndef CTFW_RULESET_SET_PRIVATE_H
#define CTFW_RULESET_SET_PRIVATE_H

#include <string.h>

#include "ruleset/set.h"

#define SET_WORDS_MAX (2 * SET_PARTS_MAX)
#define SET_FROM_NONE 0xff

/* How a key becomes words: byte i of the number, from its upper end, is byte from[i] of the
 * key, or zero. */
struct set_codec {
	uint16_t bytes; /* 4, or 8 for each word */
	uint8_t words;
	uint8_t from[SET_WORDS_MAX * 8];
};

void set_codec_init(struct set_codec *k, const struct set_shape *shape);
void set_encode(const struct set_codec *k, const uint8_t *key, uint64_t *ret_words);
void set_decode(const struct set_codec *k, const uint64_t *words, uint8_t *ret_key);

/* ---- what few elements have ---- */

/* Comment and slots: the same as long as the element is there. */
struct set_note {
	unsigned refs;
	char *comment;
	const struct set_slots *owner;
	unsigned n_slots; /* 0: it has none */
	uint32_t slots[];
};

struct set_meta {
	unsigned refs;
	uint64_t timeout, expires;
	struct set_note *note; /* NULL: none */
};

struct set_meta *set_meta_ref(struct set_meta *m);
void set_meta_unref(struct set_meta *m);
/* Instead of *meta one with another timeout.  False when out of memory. */
bool set_meta_retime(struct set_meta **meta, uint64_t timeout, uint64_t expires);

static inline bool set_meta_expired(const struct set_meta *m, uint64_t mono)
{
	return m && m->expires && m->expires <= mono;
}

/* Whether an element of the same key is the same one: comment and slots are. */
static inline bool set_meta_same(const struct set_meta *a, const struct set_meta *b)
{
	return (a ? a->note : NULL) == (b ? b->note : NULL);
}

static inline const uint32_t *set_meta_slots(const struct set_meta *m)
{
	return m && m->note && m->note->n_slots ? m->note->slots : NULL;
}

/* ---- batches ---- */

struct set_batch_item {
	uint64_t upper; /* first word of the key: what sorting looks at first */
	struct set_meta *meta;
	uint32_t index; /* in the batch */
	bool catch_all;
};

struct set_batch {
	struct set_shape shape;
	struct set_codec codec;
	enum set_op op;
	size_t stride;
	size_t n, cap;
	struct set_batch_item *item;
	uint8_t *bytes; /* for each index: key, end (of an interval), data */
};

static inline const uint64_t *set_batch_key(const struct set_batch *b,
					    const struct set_batch_item *item)
{
	return (const uint64_t *)(const void *)(b->bytes + item->index * b->stride);
}

static inline const uint64_t *set_batch_end(const struct set_batch *b,
					    const struct set_batch_item *item)
{
	return set_batch_key(b, item) + (b->shape.interval ? b->codec.words : 0);
}

static inline const uint8_t *set_batch_data(const struct set_batch *b,
					    const struct set_batch_item *item)
{
	return (const uint8_t *)(set_batch_end(b, item) + b->codec.words);
}

/* An element of a batch on its way into a content. */
struct set_item {
	const uint64_t *key, *end;
	const uint8_t *data;
	struct set_meta *meta; /* a reference, which goes to the content's element */
};

static inline struct set_item set_batch_get(const struct set_batch *b,
					    const struct set_batch_item *item)
{
	return (struct set_item){set_batch_key(b, item), set_batch_end(b, item),
				 set_batch_data(b, item), item->meta};
}

/* ---- contents ---- */

/* A run of sorted elements.  Columns: keys, ends (of intervals), data. */
struct set_chunk {
	unsigned refs;
	uint32_t n;
	struct set_meta **meta; /* NULL: no element here has any */
	_Alignas(8) uint8_t bytes[];
};

struct set_catch_all {
	bool there;
	struct set_meta *meta;
	uint8_t data[SET_DATA_MAX];
};

struct set_content {
	unsigned refs;
	struct set_shape shape;
	struct set_codec codec;
	size_t n;
	uint64_t soonest; /* nothing expires before; 0: nothing does at all */
	struct set_catch_all catch_all;

	/* concatenated intervals; NULL: sorted */
	struct concat *concat;

	/* sorted */
	uint32_t cap;	   /* elements of a chunk */
	size_t ends, data; /* where these columns begin in a chunk */
	uint8_t *keys;	   /* the first key of each chunk */
	struct set_chunk **chunk;
	size_t n_chunks, cap_chunks;
	struct {
		size_t chunk;	  /* comes next */
		uint64_t soonest; /* of those that were looked at and stay */
	} pass;			  /* of dropping what has expired */
};

static inline bool set_merges(const struct set_shape *s)
{
	return s->interval && s->auto_merge && s->n_parts == 1 && !s->data_bytes;
}

static inline void *set_keys(const struct set_chunk *ch)
{
	return (void *)ch->bytes;
}

static inline void *set_ends(const struct set_content *c, const struct set_chunk *ch)
{
	return (uint8_t *)(void *)ch->bytes + c->ends;
}

static inline uint8_t *set_data(const struct set_content *c, const struct set_chunk *ch,
				size_t i)
{
	return (uint8_t *)(void *)ch->bytes + c->data + i * c->shape.data_bytes;
}

static inline int set_compare(const uint64_t *a, const uint64_t *b, unsigned words)
{
	for (unsigned i = 0; i < words; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return 0;
}

/* An element as others see it.  words: key and end; NULL: the catch-all. */
void set_show(const struct set_content *c, const uint64_t *key, const uint64_t *end,
	      const uint8_t *data, const struct set_meta *meta, struct set_element *ret);
/* c has an element that expires. */
void set_content_note_expiry(struct set_content *c, const struct set_meta *m);
int set_refuse(struct set_error *ret_error, enum set_problem why); /* -EINVAL */
/* An element is to be added that is there: as set_content_change(). */
int set_meet(struct set_content *c, enum set_op op, const uint8_t *data,
	     const struct set_meta *new, const uint8_t *old_data, struct set_meta **old,
	     struct set_error *ret_error);

/* set_chunk.c and set_sorted.c: plain sets, and intervals of one part */
void chunks_init(struct set_content *c);
bool chunks_copy(struct set_content *c, const struct set_content *from);
void chunks_fini(struct set_content *c);
int sorted_change(struct set_content *c, struct set_batch *b, uint64_t mono,
		  struct set_error *ret_error);
int sorted_expire(struct set_content *c, uint64_t mono, unsigned most);
bool sorted_next(const struct set_content *c, struct set_cursor *cursor, uint64_t mono,
		 struct set_element *ret_element);
bool sorted_get(const struct set_content *c, const uint64_t *key, const uint64_t *end,
		uint64_t mono, struct set_element *ret_element);
void sorted_missing(const struct set_content *c, const struct set_content *other, uint64_t mono,
		    void (*each)(void *arg, const struct set_element *e), void *arg);
bool sorted_find(const struct set_content *c, const uint64_t *key, uint64_t mono,
		 struct set_hit *ret_hit);

/* set_concat.c: the same for concatenated intervals */
bool concat_init(struct set_content *c);
bool concat_copy(struct set_content *c, const struct set_content *from);
void concat_fini(struct set_content *c);
int concat_change(struct set_content *c, struct set_batch *b, uint64_t mono,
		  struct set_error *ret_error);
int concat_expire(struct set_content *c, uint64_t mono, unsigned most);
bool concat_next(const struct set_content *c, struct set_cursor *cursor, uint64_t mono,
		 struct set_element *ret_element);
bool concat_get(const struct set_content *c, const uint64_t *key, const uint64_t *end,
		uint64_t mono, struct set_element *ret_element);
bool concat_missing(const struct set_content *c, const struct set_content *other, uint64_t mono,
		    void (*each)(void *arg, const struct set_element *e), void *arg);
bool concat_find(const struct set_content *c, const uint64_t *key, uint64_t mono,
		 struct set_hit *ret_hit);

#endif
