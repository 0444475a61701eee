/* Contents of sets against a naive model: random changes, and many elements at once. */
#include <stdlib.h>

#include "unit/ruleset/set_world.h"
#include "unit/threads.h"

static const struct set_shape ports = {.part = {{2, SET_ORDER_NETWORK}}, .n_parts = 1};
static const struct set_shape ranges = {
	.part = {{2, SET_ORDER_NETWORK}}, .n_parts = 1, .interval = true};
static const struct set_shape merging = {
	.part = {{2, SET_ORDER_NETWORK}}, .n_parts = 1, .interval = true, .auto_merge = true};
static const struct set_shape marks_of_ranges = {
	.part = {{2, SET_ORDER_NETWORK}}, .n_parts = 1, .interval = true, .data_bytes = 4};

#define SPACE 1024

struct model {
	int id[SPACE]; /* of the interval that has this value; -1 none */
	uint8_t data[SPACE];
	unsigned n;
};

static bool model_is_free(const struct model *m, unsigned from, unsigned to)
{
	for (unsigned i = from; i <= to; i++) {
		if (m->id[i] >= 0)
			return false;
	}
	return true;
}

static void model_fill(struct model *m, unsigned from, unsigned to, int id, uint8_t data)
{
	for (unsigned i = from; i <= to; i++) {
		m->id[i] = id;
		m->data[i] = data;
	}
}

static bool model_is_one(const struct model *m, unsigned from, unsigned to, bool whole)
{
	for (unsigned i = from; i <= to; i++) {
		if (m->id[i] < 0 || m->id[i] != m->id[from])
			return false;
	}
	return !whole || ((from == 0 || m->id[from - 1] != m->id[from]) &&
			  (to == SPACE - 1 || m->id[to + 1] != m->id[from]));
}

/* What the set should say. */
static enum set_problem model_change(struct model *m, const struct set_shape *s, enum set_op op,
				     unsigned from, unsigned to, uint8_t data)
{
	static int id;
	bool merges = s->auto_merge;

	if (op == SET_DELETE) {
		if (!model_is_one(m, from, to, !merges))
			return SET_ABSENT;
		/* What is left to the right is another one. */
		for (unsigned i = to + 1; i < SPACE && m->id[i] == m->id[to]; i++)
			m->id[i] = -2;
		model_fill(m, from, to, -1, 0);
		id++;
		for (unsigned i = to + 1; i < SPACE && m->id[i] == -2; i++)
			m->id[i] = id;
		return SET_FINE;
	}
	if (merges) {
		model_fill(m, from, to, ++id, 0);
		while (from > 0 && m->id[from - 1] >= 0)
			m->id[--from] = id;
		while (to < SPACE - 1 && m->id[to + 1] >= 0)
			m->id[++to] = id;
		return SET_FINE;
	}
	if (model_is_one(m, from, to, true))
		return m->data[from] != data ? SET_OTHER_DATA
		       : op == SET_CREATE    ? SET_EXISTS
					     : SET_FINE;
	if (!model_is_free(m, from, to))
		return SET_OVERLAPS;
	model_fill(m, from, to, ++id, data);
	return SET_FINE;
}

static void check_model(const struct model *m, const struct set_content *c)
{
	const struct set_shape *s = set_content_shape(c);
	struct set_cursor cursor = {0};
	unsigned n = 0, listed_to = 0;
	struct set_element e;

	for (unsigned i = 0; i < SPACE; i++) {
		struct set_hit hit = {0};

		assert_int_equal(set_find_wide(c, (struct wide){0, i}, 0, &hit), m->id[i] >= 0);
		if (m->id[i] >= 0 && s->data_bytes)
			assert_int_equal(hit.data[0], m->data[i]);
		n += m->id[i] >= 0 && (i == 0 || m->id[i] != m->id[i - 1]);
	}
	assert_int_equal(set_content_count(c), n);
	while (set_content_next(c, &cursor, 0, &e)) {
		unsigned from = (unsigned)number_of(s, 0, e.key),
			 to = (unsigned)number_of(s, 0, e.end);

		assert_true(from >= listed_to && model_is_one(m, from, to, true));
		listed_to = to + 1;
		n--;
	}
	assert_int_equal(n, 0);
}

static void random_changes(struct set_shape s, uint64_t seed, unsigned longest)
{
	struct model model, kept_model;
	struct set_content *c = content_of(&s), *kept = NULL;

	memset(&model, 0xff, sizeof(model));
	for (unsigned round = 0; round < 6000; round++) {
		enum set_op op = dice(&seed, 5) < 3 ? SET_ADD : SET_DELETE;
		unsigned from = dice(&seed, SPACE), to = from + dice(&seed, longest);
		struct set_element e;
		uint8_t data = s.data_bytes ? (uint8_t)dice(&seed, 2) : 0;

		op = op == SET_ADD && dice(&seed, 8) == 0 ? SET_CREATE : op;
		to = to >= SPACE ? SPACE - 1 : to;
		e = interval(&s, from, to);
		e.data[0] = data;
		assert_int_equal(change(c, op, e),
				 model_change(&model, &s, op, from, to, data));
		if (round % 500 == 0) {
			if (kept)
				check_model(&kept_model, kept);
			set_content_unref(kept);
			kept = set_content_ref(c);
			kept_model = model;
			c = set_content_own(c);
		}
		if (round % 100 == 0)
			check_model(&model, c);
	}
	check_model(&model, c);
	set_content_unref(c);
	set_content_unref(kept);
}

static void random_changes_do_what_a_naive_model_does(void **state)
{
	struct set_shape wide = merging;

	(void)state;
	random_changes(ports, 1, 1);
	random_changes(ranges, 2, 8);
	random_changes(merging, 3, 8);
	random_changes(marks_of_ranges, 4, 5);
	wide.part[0].bytes = 8;
	wide.auto_merge = false;
	wide.data_bytes = 64;
	random_changes(wide, 5, 5);
	wide.part[0].bytes = 16;
	wide.data_bytes = 0;
	wide.auto_merge = true;
	random_changes(wide, 6, 5);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void a_large_batch_in_any_order_is_all_there(void **state)
{
	enum { N = 100000 };
	struct set_shape s = {.part = {{4, SET_ORDER_NETWORK}}, .n_parts = 1};
	struct set_content *c = content_of(&s), *copy;
	struct set_batch *b = set_batch_new(&s, SET_ADD);
	uint32_t *all = malloc(N * sizeof(*all));
	struct set_cursor cursor = {0};
	struct set_error error;
	struct set_element e;
	struct set_hit hit;
	uint64_t seed = 7;
	size_t distinct = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		all[i] = dice(&seed, UINT32_MAX);
		e = number(&s, all[i]);
		assert_int_equal(set_batch_put(b, &e), 0);
	}
	assert_int_equal(set_content_change(c, b, 0, &error), 0);
	qsort(all, N, sizeof(*all), by_number);
	for (size_t i = 0; i < N; i++) {
		if (i && all[i] == all[i - 1])
			continue;
		all[distinct++] = all[i];
	}
	for (size_t i = 0; i < distinct; i++) {
		assert_true(set_content_next(c, &cursor, 0, &e));
		assert_int_equal(number_of(&s, 0, e.key), all[i]);
		assert_true(set_find_number(c, all[i], 0, &hit));
		assert_false(set_find_number(c, all[i] + 1, 0, &hit) &&
			     (i + 1 == distinct || all[i + 1] != all[i] + 1));
	}
	assert_int_equal(set_content_count(c), distinct);
	copy = set_content_own(set_content_ref(c));
	for (size_t i = 0; i < distinct; i++)
		assert_int_equal(change(copy, SET_DELETE, number(&s, all[i])), SET_FINE);
	assert_int_equal(set_content_count(copy), 0);
	assert_int_equal(set_content_count(c), distinct);
	set_content_unref(copy);
	set_batch_free(b);
	set_content_unref(c);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes_do_what_a_naive_model_does),
		cmocka_unit_test(a_large_batch_in_any_order_is_all_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
