/* set_world.h - sets in tests: shapes, elements from numbers, one change a call. */
#ifndef UNIT_RULESET_SET_WORLD_H
#define UNIT_RULESET_SET_WORLD_H

#include <stdio.h>
#include <string.h>

#include "ruleset/set.h"
#include "unit/test.h"

static inline struct set_content *content_of(const struct set_shape *shape)
{
	struct set_content *c;

	assert_int_equal(set_content_new(shape, &c), 0);
	return c;
}

static inline void put_number(const struct set_shape *s, unsigned part, uint64_t value,
			      uint8_t *key)
{
	uint8_t *at = key + set_key_offset(s, part);

	for (unsigned i = s->part[part].bytes; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

/* An interval of a set of one part. */
static inline struct set_element interval(const struct set_shape *s, uint64_t from, uint64_t to)
{
	struct set_element e = {0};

	put_number(s, 0, from, e.key);
	put_number(s, 0, to, e.end);
	return e;
}

static inline struct set_element number(const struct set_shape *s, uint64_t value)
{
	return interval(s, value, value);
}

static inline uint64_t number_of(const struct set_shape *s, unsigned part, const uint8_t *key)
{
	const uint8_t *at = key + set_key_offset(s, part);
	uint64_t value = 0;

	for (unsigned i = 0; i < s->part[part].bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* Why it was refused, SET_FINE otherwise. */
static inline enum set_problem change_all(struct set_content *c, enum set_op op,
					  const struct set_element *e, size_t n, uint64_t mono,
					  struct set_error *ret_error)
{
	struct set_batch *b = set_batch_new(set_content_shape(c), op);
	int err;

	assert_non_null(b);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(set_batch_put(b, &e[i]), 0);
	err = set_content_change(c, b, mono, ret_error);
	assert_int_equal(err, ret_error->why == SET_FINE ? 0 : -22);
	set_batch_free(b);
	return ret_error->why;
}

static inline enum set_problem change(struct set_content *c, enum set_op op,
				      struct set_element e)
{
	struct set_error error;

	return change_all(c, op, &e, 1, 0, &error);
}

/* "1 5-9 *": what is listed. */
static inline const char *listed(const struct set_content *c, uint64_t mono)
{
	static char text[4096];
	const struct set_shape *s = set_content_shape(c);
	struct set_cursor cursor = {0};
	struct set_element e;
	size_t at = 0;

	text[0] = '\0';
	while (set_content_next(c, &cursor, mono, &e)) {
		unsigned long long from = number_of(s, 0, e.key), to = number_of(s, 0, e.end);

		if (e.catch_all)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "* ");
		else if (from == to)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%llu ", from);
		else
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%llu-%llu ", from,
					       to);
		assert_true(at < sizeof(text));
	}
	if (at)
		text[at - 1] = '\0';
	return text;
}

#endif
