/* set.h - the contents of sets and maps that only transactions change.
 *
 * A content is a snapshot: workers look things up in it without a lock, listings walk it, and
 * nobody changes it as long as somebody else holds it too.  A transaction makes it its own
 * (set_content_own(): a copy that shares nearly everything), changes it in place as often as
 * it likes, and drops it when it fails; whoever held the former one sees nothing of that.
 *
 *     plain and interval     sorted, in chunks of some kilobytes that snapshots share
 *     concatenated interval  in the order of addition, with an index for each part; of several
 *                            elements that cover a key the first that was added is found, as
 *                            in the kernel (nft_set_pipapo)
 *
 * Keys are bytes: the parts one after the other, each in network byte order (names as they
 * are) and followed by zeroes up to a multiple of four bytes.  The end of an interval is
 * included.  An interval of a concatenation has an end in each part.
 *
 * What few elements have (timeout, comment, slots) lies apart and costs nothing where there
 * is none: a million IPv4 prefixes take some 9 bytes each.
 *
 * All but set_find*() belongs to the ruleset's thread. */
#ifndef CTFW_RULESET_SET_H
#define CTFW_RULESET_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruleset/lookup.h"

#define SET_KEY_MAX   64
#define SET_DATA_MAX  64
#define SET_PARTS_MAX 16
#define SET_SLOTS_MAX 8

/* How nft sorts a part when it lists. */
enum set_order {
	SET_ORDER_NETWORK =
		1,	/* a number that nft keeps in network byte order: address, port */
	SET_ORDER_HOST, /* or in the host's: mark, ifindex, time */
	SET_ORDER_STRING,
};

struct set_part {
	uint8_t bytes; /* 1..64; of an interval 1..16 */
	uint8_t order; /* enum set_order */
};

/* Gives slots back when the last element that has them goes. */
struct set_slots {
	void (*release)(void *arg, const uint32_t *slots, unsigned n);
	void *arg;
};

struct set_shape {
	struct set_part part[SET_PARTS_MAX];
	uint8_t n_parts;
	bool interval;
	bool auto_merge;    /* intervals of one part without data join; else it is ignored */
	uint8_t data_bytes; /* of each element; 0: a set */
	uint32_t size;	    /* most elements, 0 any number; the catch-all does not count */
	const struct set_slots *slots; /* borrowed; may be NULL where no element has any */
};

/* Where part i begins; i == n_parts: the length of the key. */
size_t set_key_offset(const struct set_shape *s, unsigned i);

struct set_element {
	uint8_t key[SET_KEY_MAX];
	uint8_t end[SET_KEY_MAX]; /* of an interval; a single value is its own end */
	uint8_t data[SET_DATA_MAX];
	bool catch_all;	       /* "*": it has no key, and is found when nothing else is */
	uint64_t timeout;      /* ns; 0 none */
	uint64_t expires;      /* monotonic ns; 0 never */
	const char *comment;   /* NULL: none */
	const uint32_t *slots; /* n_slots of them, up to SET_SLOTS_MAX; or NULL */
	unsigned n_slots;
};

struct set_content; /* reference-counted */

/* An empty one.  0; -E2BIG: no set can have this shape; -ENOMEM. */
int set_content_new(const struct set_shape *shape, struct set_content **ret_content);
struct set_content *set_content_ref(struct set_content *c);
void set_content_unref(struct set_content *c);
/* c itself when nobody else holds it, else a copy that shares its elements.  Takes the
 * caller's reference over; NULL when out of memory (then it is given back). */
struct set_content *set_content_own(struct set_content *c);

const struct set_shape *set_content_shape(const struct set_content *c);
/* Elements, those that expired since they were last dropped included. */
size_t set_content_count(const struct set_content *c);

/* ---- changes ---- */

enum set_op {
	SET_ADD = 1, /* fine where the same is there: its timeout becomes that of the new one */
	SET_CREATE,  /* not fine */
	SET_DELETE,  /* data, timeout and so on do not count */
};

/* The elements that one command names, in its order. */
struct set_batch;

/* NULL when out of memory.  The shape must be one that set_content_new() takes. */
struct set_batch *set_batch_new(const struct set_shape *shape, enum set_op op);
/* Copies e.  Its slots are the batch's from now on, also on failure: they go back when no
 * element comes of it.  0; -EINVAL: an end below its beginning; -ENOMEM. */
int set_batch_put(struct set_batch *b, const struct set_element *e);
void set_batch_free(struct set_batch *b);
/* Whether its elements can be those of a content of that shape. */
bool set_batch_fits(const struct set_batch *b, const struct set_shape *shape);

enum set_problem {
	SET_FINE = 0,
	SET_EXISTS,	/* create, and the same is there */
	SET_OTHER_DATA, /* the same key is there with other data */
	SET_OVERLAPS,	/* an interval with one that is there: in other */
	SET_CONFLICTS,	/* an interval with another of the batch: that of index with */
	SET_ABSENT,	/* delete, and it is not there */
	SET_FULL,	/* more than the size of the set */
	SET_COMPLEX,	/* concatenated intervals that overlap too much to be indexed */
};

struct set_error {
	enum set_problem why;
	size_t index, with;	  /* in the batch */
	struct set_element other; /* points into the content */
};

/* Change c, which must be the caller's own, and use the batch up.  Elements that expired by
 * `mono` are as if they were not there.  0; -EINVAL with *ret_error, or -ENOMEM: the content is
 * then changed in part. */
int set_content_change(struct set_content *c, struct set_batch *b, uint64_t mono,
		       struct set_error *ret_error);

/* Whether dropping what has expired would be worth a call of set_content_expire(). */
bool set_content_has_expired(const struct set_content *c, uint64_t mono);
/* Drop up to `most` elements that expired, from an own content, looking at no more than some
 * thousands.  How many went; -ENOMEM. */
int set_content_expire(struct set_content *c, uint64_t mono, unsigned most);

/* ---- listings ---- */

struct set_cursor {
	size_t chunk, at;
};

/* The next element that has not expired by `mono`, in the order in which nft lists them (the
 * catch-all is last); false at the end.  Begin with a zeroed cursor.  Pointers in the element
 * are the content's. */
bool set_content_next(const struct set_content *c, struct set_cursor *cursor, uint64_t mono,
		      struct set_element *ret_element);

/* Call each with every element of c that `other`, a content of the same shape, does not have as
 * it is here; those that have expired do not count.  What both share costs nothing, but for
 * concatenated intervals.  False when out of memory. */
bool set_content_missing(const struct set_content *c, const struct set_content *other,
			 uint64_t mono,
			 void (*each)(void *arg, const struct set_element *e), void *arg);

/* The element that covers everything from key to end (NULL: the key alone; `get element`). */
bool set_content_get(const struct set_content *c, const uint8_t *key, const uint8_t *end,
		     uint64_t mono, struct set_element *ret_element);
/* Likewise the catch-all. */
bool set_content_get_catch_all(const struct set_content *c, uint64_t mono,
			       struct set_element *ret_element);

/* ---- look-ups, by any thread ---- */

struct set_hit {
	const uint8_t *data;   /* of a map: data_bytes of them */
	const uint32_t *slots; /* or NULL */
};

bool set_find(const struct set_content *c, const uint8_t *key, uint64_t mono,
	      struct set_hit *ret_hit);
/* The same with a key of one part and up to four bytes, as a number in host order; and of up
 * to sixteen bytes. */
bool set_find_number(const struct set_content *c, uint32_t key, uint64_t mono,
		     struct set_hit *ret_hit);
bool set_find_wide(const struct set_content *c, struct wide key, uint64_t mono,
		   struct set_hit *ret_hit);

#endif
