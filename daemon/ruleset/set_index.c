/* set_index.c - building the index of concatenated intervals, and asking it.  See
 * set_concat.h. */
#include <errno.h>
#include <stdlib.h>

#include "ruleset/set_concat.h"

/* ---- building ---- */

/* An element begins at a value, or is over there. */
struct event {
	uint64_t value[2];
	uint32_t element;
	bool over;
};

static int by_value(const void *x, const void *y)
{
	const struct event *a = x, *b = y;

	return set_compare(a->value, b->value, 2);
}

/* Which elements cover the present piece: a bit each, and a bit for each word of these that
 * has any. */
struct cover {
	uint64_t *bit, *any;
	size_t words;
	uint32_t n;
};

static bool cover_init(struct cover *cover, size_t elements)
{
	size_t words = (elements + 63) / 64;

	*cover = (struct cover){.words = words};
	cover->bit = calloc(words + (words + 63) / 64, sizeof(*cover->bit));
	cover->any = cover->bit ? cover->bit + words : NULL;
	return cover->bit;
}

static void cover_change(struct cover *cover, const struct event *event)
{
	size_t word = event->element / 64;

	cover->bit[word] ^= UINT64_C(1) << event->element % 64;
	if (cover->bit[word])
		cover->any[word / 64] |= UINT64_C(1) << word % 64;
	else
		cover->any[word / 64] &= ~(UINT64_C(1) << word % 64);
	cover->n += event->over ? UINT32_MAX : 1;
}

static void cover_list(const struct cover *cover, uint32_t *ret_list)
{
	for (size_t a = 0; a < (cover->words + 63) / 64; a++) {
		for (uint64_t any = cover->any[a]; any; any &= any - 1) {
			size_t word = a * 64 + (size_t)__builtin_ctzll(any);

			for (uint64_t bits = cover->bit[word]; bits; bits &= bits - 1)
				*ret_list++ =
					(uint32_t)(word * 64 + (size_t)__builtin_ctzll(bits));
		}
	}
}

/* Room for `more` items of a size; 0, -E2BIG, -ENOMEM. */
static int make_room(void *array, size_t n, size_t more, size_t *cap, size_t size)
{
	void **v = array, *grown;
	size_t want = *cap ? *cap : 64;

	if ((n + more) * size > CONCAT_COVER_BYTES)
		return -E2BIG;
	while (want < n + more)
		want *= 2;
	if (want == *cap)
		return 0;
	grown = realloc(*v, want * size);
	if (!grown)
		return -ENOMEM;
	*v = grown;
	*cap = want;
	return 0;
}

static int add_piece(struct concat_part *p, const uint64_t *from, const struct cover *cover)
{
	struct concat_piece *piece = &p->piece[p->n];
	int err = 0;

	if (p->wide)
		memcpy(p->from + 2 * p->n, from, 2 * sizeof(*from));
	else
		p->from[p->n] = from[1];
	p->n++;
	*piece = (struct concat_piece){.n = cover->n};
	if (!cover->n)
		return 0;
	if (cover->n <= CONCAT_LIST_MOST) {
		err = make_room(&p->lists, p->n_lists, cover->n, &p->cap_lists,
				sizeof(*p->lists));
		if (err)
			return err;
		cover_list(cover, p->lists + p->n_lists);
		piece->at = (uint32_t)p->n_lists;
		p->n_lists += cover->n;
		return 0;
	}
	err = make_room(&p->bitmaps, p->n_bitmaps, 1, &p->cap_bitmaps,
			cover->words * sizeof(*p->bitmaps));
	if (err)
		return err;
	memcpy(p->bitmaps + p->n_bitmaps * cover->words, cover->bit,
	       cover->words * sizeof(*cover->bit));
	piece->at = (uint32_t)p->n_bitmaps++;
	return 0;
}

static struct event *events_of(const struct set_content *c, const struct concat_items *items,
			       unsigned part, size_t *ret_n)
{
	struct event *events = malloc(2 * items->n * sizeof(*events));
	size_t n = 0;

	for (size_t i = 0; events && i < items->n; i++) {
		const uint64_t *key = concat_key(c, items, i) + 2 * part;
		const uint64_t *end = key + c->codec.words;

		events[n++] = (struct event){{key[0], key[1]}, (uint32_t)i, false};
		/* What reaches to the end of the numbers is never over. */
		if (~end[1])
			events[n++] = (struct event){{end[0], end[1] + 1}, (uint32_t)i, true};
		else if (~end[0])
			events[n++] = (struct event){{end[0] + 1, 0}, (uint32_t)i, true};
	}
	if (events)
		qsort(events, n, sizeof(*events), by_value);
	*ret_n = n;
	return events;
}

static int build_part(const struct set_content *c, const struct concat_items *items,
		      unsigned part, struct concat_part *p)
{
	size_t n = 0;
	struct event *events = events_of(c, items, part, &n);
	struct cover cover = {0};
	int err = events && cover_init(&cover, items->n) ? 0 : -ENOMEM;

	p->wide = c->shape.part[part].bytes > 7;
	p->from = malloc(n * (p->wide ? 2 : 1) * sizeof(*p->from));
	p->piece = malloc(n * sizeof(*p->piece));
	if (!p->from || !p->piece)
		err = -ENOMEM;
	for (size_t i = 0; i < n && !err;) {
		const uint64_t *from = events[i].value;

		do {
			cover_change(&cover, &events[i++]);
		} while (i < n && by_value(&events[i], &events[i - 1]) == 0);
		err = add_piece(p, from, &cover);
	}
	free(events);
	free(cover.bit);
	return err;
}

int concat_run_new(const struct set_content *c, struct concat_items *items,
		   struct concat_run **ret_run)
{
	struct concat_run *r =
		calloc(1, sizeof(*r) + c->shape.n_parts * sizeof(struct concat_part));
	int err = 0;

	if (!r)
		return -ENOMEM;
	r->refs = 1;
	r->n_parts = c->shape.n_parts;
	r->words = (items->n + 63) / 64;
	for (unsigned part = 0; part < r->n_parts && !err; part++)
		err = build_part(c, items, part, &r->part[part]);
	if (err) {
		concat_run_unref(r);
		return err;
	}
	r->items = *items;
	*items = (struct concat_items){0};
	*ret_run = r;
	return 0;
}

void concat_items_fini(struct concat_items *items)
{
	free(items->words);
	free(items->data);
}

void concat_run_unref(struct concat_run *r)
{
	if (!r || --r->refs)
		return;
	for (unsigned part = 0; part < r->n_parts; part++) {
		struct concat_part *p = &r->part[part];

		free(p->from);
		free(p->piece);
		free(p->lists);
		free(p->bitmaps);
	}
	concat_items_fini(&r->items);
	free(r);
}

/* ---- asking ---- */

/* The piece that x lies in; NULL: below all. */
static const struct concat_piece *find_piece(const struct concat_part *p, const uint64_t *x)
{
	size_t base = 0, n = p->n;

	if (p->wide) {
		while (n > 1) {
			size_t half = n / 2;

			base += set_compare(p->from + 2 * (base + half), x, 2) <= 0 ? half : 0;
			n -= half;
		}
		return set_compare(p->from + 2 * base, x, 2) <= 0 ? &p->piece[base] : NULL;
	}
	while (n > 1) {
		size_t half = n / 2;

		base += p->from[base + half] <= x[1] ? half : 0;
		n -= half;
	}
	return p->from[base] <= x[1] ? &p->piece[base] : NULL;
}

bool concat_run_candidates(const struct concat_run *r, const uint64_t *key,
			   struct concat_candidates *ret)
{
	ret->list = NULL;
	ret->n = SIZE_MAX;
	for (unsigned part = 0; part < r->n_parts; part++) {
		const struct concat_part *p = &r->part[part];
		const struct concat_piece *piece = find_piece(p, key + 2 * part);

		if (!piece || !piece->n)
			return false;
		if (piece->n > CONCAT_LIST_MOST) {
			ret->bitmap[part] = p->bitmaps + piece->at * r->words;
		} else if (piece->n < ret->n) {
			ret->list = p->lists + piece->at;
			ret->n = piece->n;
		}
	}
	return true;
}
