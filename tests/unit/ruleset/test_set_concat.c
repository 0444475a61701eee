/* Sets of concatenated intervals: what the kernel's pipapo takes and finds, and bounds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/ruleset/set_world.h"
#include "unit/threads.h"

static const struct set_shape services = {
	.part = {{4, SET_ORDER_NETWORK}, {2, SET_ORDER_NETWORK}},
	.n_parts = 2,
	.interval = true,
};

static struct set_element box(const struct set_shape *s, uint64_t from, uint64_t to,
			      uint64_t from2, uint64_t to2)
{
	struct set_element e = {0};

	put_number(s, 0, from, e.key);
	put_number(s, 0, to, e.end);
	put_number(s, 1, from2, e.key);
	put_number(s, 1, to2, e.end);
	return e;
}

/* "1-5.7 ...": what is listed. */
static const char *boxes(const struct set_content *c, uint64_t mono)
{
	static char text[4096];
	const struct set_shape *s = set_content_shape(c);
	struct set_cursor cursor = {0};
	struct set_element e;
	size_t at = 0;

	text[0] = '\0';
	while (set_content_next(c, &cursor, mono, &e)) {
		if (e.catch_all)
			at += (size_t)snprintf(text + at, sizeof(text) - at, " *");
		else
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u-%u.%u-%u",
					       at ? " " : "", (unsigned)number_of(s, 0, e.key),
					       (unsigned)number_of(s, 0, e.end),
					       (unsigned)number_of(s, 1, e.key),
					       (unsigned)number_of(s, 1, e.end));
	}
	return text;
}

static void an_element_must_not_begin_or_end_in_another(void **state)
{
	const struct set_shape *s = &services;
	struct set_content *c = content_of(s);
	struct set_element e;
	struct set_error error;

	(void)state;
	assert_int_equal(change(c, SET_ADD, box(s, 100, 199, 5, 8)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, box(s, 100, 199, 5, 8)), SET_FINE);
	assert_int_equal(change(c, SET_CREATE, box(s, 100, 199, 5, 8)), SET_EXISTS);
	assert_int_equal(change(c, SET_ADD, box(s, 101, 101, 6, 6)), SET_OVERLAPS);
	e = box(s, 50, 150, 1, 6);
	assert_int_equal(change_all(c, SET_ADD, &e, 1, 0, &error), SET_OVERLAPS);
	assert_int_equal(number_of(s, 0, error.other.key), 100);
	assert_int_equal(change(c, SET_ADD, box(s, 100, 199, 9, 10)), SET_FINE);
	/* Neither corner lies in one that is there. */
	assert_int_equal(change(c, SET_ADD, box(s, 150, 250, 1, 6)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, box(s, 50, 300, 1, 1000)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, box(s, 7, 7, 7, 7)), SET_FINE);
	assert_int_equal(change(c, SET_ADD, box(s, 4, 8, 7, 7)), SET_FINE);
	assert_string_equal(boxes(c, 0), "100-199.5-8 100-199.9-10 150-250.1-6 50-300.1-1000 "
					 "7-7.7-7 4-8.7-7");
	assert_int_equal(change(c, SET_DELETE, box(s, 101, 101, 6, 6)), SET_ABSENT);
	assert_int_equal(change(c, SET_DELETE, box(s, 100, 199, 5, 8)), SET_FINE);
	assert_int_equal(change(c, SET_DELETE, box(s, 100, 199, 5, 8)), SET_ABSENT);
	assert_string_equal(boxes(c, 0),
			    "100-199.9-10 150-250.1-6 50-300.1-1000 7-7.7-7 4-8.7-7");
	set_content_unref(c);
}

static void the_first_of_several_is_found(void **state)
{
	struct set_shape s = services;
	struct set_content *c;
	struct set_element e;
	struct set_hit hit;

	(void)state;
	s.data_bytes = 1;
	c = content_of(&s);
	e = box(&s, 150, 250, 1, 6);
	e.data[0] = 1;
	change(c, SET_ADD, e);
	e = box(&s, 50, 300, 1, 1000);
	e.data[0] = 2;
	change(c, SET_ADD, e);
	e = (struct set_element){.catch_all = true, .data = {3}};
	change(c, SET_ADD, e);
	e = box(&s, 200, 200, 5, 5);
	assert_true(set_find(c, e.key, 0, &hit));
	assert_int_equal(hit.data[0], 1);
	e = box(&s, 200, 200, 7, 7);
	assert_true(set_find(c, e.key, 0, &hit));
	assert_int_equal(hit.data[0], 2);
	e = box(&s, 400, 400, 7, 7);
	assert_true(set_find(c, e.key, 0, &hit));
	assert_int_equal(hit.data[0], 3);
	assert_string_equal(boxes(c, 0), "150-250.1-6 50-300.1-1000 *");
	set_content_unref(c);
}

static void timeouts_and_sizes_hold_for_concatenations_too(void **state)
{
	struct set_shape s = services;
	struct set_content *c, *before;
	struct set_element e[100], got;
	struct set_error error;
	int gone = 0;

	(void)state;
	s.size = 100;
	c = content_of(&s);
	for (unsigned i = 0; i < 100; i++) {
		e[i] = box(&s, i * 10, i * 10 + 9, i % 7, i % 7);
		e[i].timeout = e[i].expires = i % 2 ? 1000 : 0;
		e[i].comment = i % 4 ? NULL : "here";
	}
	assert_int_equal(change_all(c, SET_ADD, e, 100, 0, &error), SET_FINE);
	assert_int_equal(change(c, SET_ADD, box(&s, 5000, 5000, 1, 1)), SET_FULL);
	before = set_content_ref(c);
	c = set_content_own(c);
	e[1].expires = 2000;
	assert_int_equal(change_all(c, SET_ADD, &e[1], 1, 999, &error), SET_FINE);
	assert_true(set_content_get(c, e[1].key, e[1].end, 1999, &got));
	assert_false(set_content_get(before, e[1].key, e[1].end, 1999, &got));
	assert_true(set_content_get(before, e[4].key, NULL, 1999, &got));
	assert_string_equal(got.comment, "here");
	while (set_content_has_expired(c, 1500)) {
		int now = set_content_expire(c, 1500, 10);

		assert_in_range(now, 0, 10);
		gone += now;
	}
	assert_int_equal(gone, 49);
	assert_int_equal(set_content_count(c), 51);
	assert_int_equal(set_content_count(before), 100);
	set_content_unref(before);
	set_content_unref(c);
}

static void what_overlaps_without_bounds_is_refused(void **state)
{
	enum { N = 20000 };
	const struct set_shape *s = &services;
	struct set_content *c = content_of(s);
	struct set_batch *b = set_batch_new(s, SET_ADD);
	struct set_error error;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		struct set_element e = box(s, N - i, N + i, 0, 65535);

		assert_int_equal(set_batch_put(b, &e), 0);
	}
	assert_int_equal(set_content_change(c, b, 0, &error), -EINVAL);
	assert_int_equal(error.why, SET_COMPLEX);
	set_batch_free(b);
	set_content_unref(c);
}

/* ---- many, against a list ---- */

#define PARTS 3
#define SIDE  16

struct model {
	struct {
		unsigned from[PARTS], to[PARTS];
		uint8_t data;
	} box[4000];
	unsigned n;
};

static int model_find(const struct model *m, const unsigned *x)
{
	for (unsigned i = 0; i < m->n; i++) {
		unsigned part = 0;

		while (part < PARTS && x[part] >= m->box[i].from[part] &&
		       x[part] <= m->box[i].to[part])
			part++;
		if (part == PARTS)
			return (int)i;
	}
	return -1;
}

static bool model_same(const struct model *m, unsigned i, const unsigned *from,
		       const unsigned *to)
{
	return !memcmp(m->box[i].from, from, sizeof(m->box[i].from)) &&
	       !memcmp(m->box[i].to, to, sizeof(m->box[i].to));
}

static enum set_problem model_add(struct model *m, const unsigned *from, const unsigned *to,
				  uint8_t data)
{
	int at = model_find(m, from);

	if (at >= 0)
		return !model_same(m, (unsigned)at, from, to) ? SET_OVERLAPS
		       : m->box[at].data != data	      ? SET_OTHER_DATA
							      : SET_FINE;
	if (model_find(m, to) >= 0)
		return SET_OVERLAPS;
	memcpy(m->box[m->n].from, from, sizeof(m->box[0].from));
	memcpy(m->box[m->n].to, to, sizeof(m->box[0].to));
	m->box[m->n++].data = data;
	return SET_FINE;
}

static enum set_problem model_delete(struct model *m, const unsigned *from, const unsigned *to)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (!model_same(m, i, from, to))
			continue;
		memmove(&m->box[i], &m->box[i + 1], (m->n - i - 1) * sizeof(m->box[0]));
		m->n--;
		return SET_FINE;
	}
	return SET_ABSENT;
}

static struct set_element element_of(const struct set_shape *s, const unsigned *from,
				     const unsigned *to, uint8_t data)
{
	struct set_element e = {.data = {data}};

	for (unsigned part = 0; part < PARTS; part++) {
		put_number(s, part, from[part], e.key);
		put_number(s, part, to[part], e.end);
	}
	return e;
}

static void check_model(const struct model *m, const struct set_content *c)
{
	const struct set_shape *s = set_content_shape(c);
	struct set_cursor cursor = {0};
	struct set_element e;
	struct set_hit hit;
	unsigned x[PARTS], n = 0;

	for (x[0] = 0; x[0] < SIDE; x[0]++) {
		for (x[1] = 0; x[1] < SIDE; x[1]++) {
			for (x[2] = 0; x[2] < SIDE; x[2]++) {
				int at = model_find(m, x);

				e = element_of(s, x, x, 0);
				assert_int_equal(set_find(c, e.key, 0, &hit), at >= 0);
				if (at >= 0)
					assert_int_equal(hit.data[0], m->box[at].data);
			}
		}
	}
	while (set_content_next(c, &cursor, 0, &e)) {
		struct set_element want =
			element_of(s, m->box[n].from, m->box[n].to, m->box[n].data);

		assert_memory_equal(e.key, want.key, sizeof(e.key));
		assert_memory_equal(e.end, want.end, sizeof(e.end));
		n++;
	}
	assert_int_equal(n, m->n);
	assert_int_equal(n, set_content_count(c));
}

static void draw(uint64_t *seed, unsigned width, unsigned *from, unsigned *to)
{
	for (unsigned part = 0; part < PARTS; part++) {
		from[part] = dice(seed, SIDE);
		to[part] = from[part] + dice(seed, width);
		to[part] = to[part] < SIDE ? to[part] : SIDE - 1;
	}
}

/* A batch of what the model takes, of up to `most` elements. */
static void add_some(struct model *m, struct set_content *c, uint64_t *seed, unsigned most,
		     unsigned width)
{
	struct set_batch *b = set_batch_new(set_content_shape(c), SET_ADD);
	unsigned n = 1 + dice(seed, most), from[PARTS], to[PARTS];
	struct set_error error;

	for (unsigned i = 0; i < n; i++) {
		uint8_t data = (uint8_t)dice(seed, 2);
		struct set_element e;
		enum set_problem why;

		draw(seed, width, from, to);
		why = model_add(m, from, to, data);
		e = element_of(set_content_shape(c), from, to, data);
		if (why != SET_FINE && n > 1)
			continue;
		if (n == 1)
			assert_int_equal(change(c, SET_ADD, e), why);
		else
			assert_int_equal(set_batch_put(b, &e), 0);
	}
	assert_int_equal(set_content_change(c, b, 0, &error), 0);
	set_batch_free(b);
}

static void delete_one(struct model *m, struct set_content *c, uint64_t *seed, unsigned width)
{
	unsigned from[PARTS], to[PARTS];

	draw(seed, width, from, to);
	if (m->n && dice(seed, 4)) {
		unsigned i = dice(seed, m->n);

		memcpy(from, m->box[i].from, sizeof(from));
		memcpy(to, m->box[i].to, sizeof(to));
	}
	assert_int_equal(change(c, SET_DELETE, element_of(set_content_shape(c), from, to, 0)),
			 model_delete(m, from, to));
}

static void random_changes(struct set_shape s, uint64_t seed, unsigned width, unsigned least)
{
	static struct model m, kept_model;
	struct set_content *c = content_of(&s), *kept = set_content_ref(c);

	unsigned most = 0;

	m.n = kept_model.n = 0;
	for (unsigned round = 0; round < 400; round++) {
		if (round % 20 == 0) {
			check_model(&kept_model, kept);
			set_content_unref(kept);
			kept = set_content_ref(c);
			kept_model = m;
			c = set_content_own(c);
			check_model(&m, c);
		}
		if (dice(&seed, 3))
			add_some(&m, c, &seed, dice(&seed, 6) ? 3 : 200, width);
		most = m.n > most ? m.n : most;
		for (unsigned i = dice(&seed, round % 40 == 39 ? 400 : 12); i > 0; i--)
			delete_one(&m, c, &seed, width);
	}
	check_model(&m, c);
	assert_in_range(most, least, 4000);
	set_content_unref(kept);
	set_content_unref(c);
}

static void random_changes_do_what_a_naive_model_does(void **state)
{
	struct set_shape s = {.part = {{4, SET_ORDER_NETWORK},
				       {2, SET_ORDER_NETWORK},
				       {1, SET_ORDER_NETWORK}},
			      .n_parts = PARTS,
			      .interval = true,
			      .data_bytes = 1};

	(void)state;
	random_changes(s, 1, 1, 64);
	random_changes(s, 2, 4, 64);
	random_changes(s, 3, SIDE / 2, 10);
	s.part[0].bytes = 16;
	s.part[1].bytes = 8;
	random_changes(s, 4, 3, 64);
}

/* All elements cover every number of the first two parts: only bitmaps help. */
static void elements_that_differ_in_one_part_alone_are_told_apart(void **state)
{
	enum { N = 5000 };
	struct set_shape s = services;
	struct set_content *c;
	struct set_batch *b;
	struct set_error error;
	struct set_hit hit;

	(void)state;
	s.part[2] = (struct set_part){4, SET_ORDER_HOST};
	s.n_parts = 3;
	s.data_bytes = 2;
	c = content_of(&s);
	b = set_batch_new(&s, SET_ADD);
	for (unsigned i = 0; i < N; i++) {
		/* Every number of the last part is covered by a hundred. */
		struct set_element e = box(&s, 100, 200, i % N, 65535);

		put_number(&s, 2, i, e.key);
		put_number(&s, 2, i + 100, e.end);
		e.data[0] = (uint8_t)i;
		e.data[1] = (uint8_t)(i >> 8);
		assert_int_equal(set_batch_put(b, &e), 0);
	}
	/* Begins with the largest, so that none begins or ends in one before it. */
	assert_int_equal(set_content_change(c, b, 0, &error), -EINVAL);
	assert_int_equal(error.why, SET_OVERLAPS);
	set_batch_free(b);
	set_content_unref(c);
	c = content_of(&s);
	b = set_batch_new(&s, SET_ADD);
	for (unsigned i = 0; i < N; i++) {
		struct set_element e = box(&s, N - i, N + i, 0, 65535);

		put_number(&s, 2, i, e.key);
		put_number(&s, 2, i + 100, e.end);
		e.data[0] = (uint8_t)i;
		e.data[1] = (uint8_t)(i >> 8);
		assert_int_equal(set_batch_put(b, &e), 0);
	}
	assert_int_equal(set_content_change(c, b, 0, &error), 0);
	for (unsigned i = 0; i < N; i += 7) {
		struct set_element e = box(&s, N, N, 80, 80);

		put_number(&s, 2, i, e.key);
		assert_true(set_find(c, e.key, 0, &hit));
		assert_int_equal(hit.data[0] | hit.data[1] << 8, i < 100 ? 0 : i - 100);
	}
	set_batch_free(b);
	set_content_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_element_must_not_begin_or_end_in_another),
		cmocka_unit_test(the_first_of_several_is_found),
		cmocka_unit_test(timeouts_and_sizes_hold_for_concatenations_too),
		cmocka_unit_test(what_overlaps_without_bounds_is_refused),
		cmocka_unit_test(random_changes_do_what_a_naive_model_does),
		cmocka_unit_test(elements_that_differ_in_one_part_alone_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
