/* set_snapshot.c - a dynamic set as contents, for listings: sorted as nft sorts them. */
#include <errno.h>

#include "ctfw/set_dynamic.h"
#include "ruleset/set_private.h"

static int put_records(const struct set_dynamic *from, uint64_t mono, struct set_batch *b)
{
	struct set_element e = {0};
	uint32_t cursor = 0, slot;
	struct set_record *r;
	int err = 0;

	e.slots = b->shape.n_slots ? &slot : NULL;
	while (!err && (r = set_dynamic_next(from, &cursor, mono)) != NULL) {
		uint64_t expires = atomic_load_explicit(&r->expires, memory_order_relaxed);

		/* It may have been taken out just now, and be free at the next sweep. */
		if (expires == SET_RECORD_GONE)
			continue;
		slot = cursor - 1;
		memcpy(e.key, r->key, sizeof(e.key));
		memcpy(e.end, r->key, sizeof(e.end));
		memcpy(e.data, r->data, sizeof(e.data));
		e.timeout = atomic_load_explicit(&r->timeout, memory_order_relaxed);
		e.expires = expires == SET_RECORD_NEVER ? 0 : expires;
		err = set_batch_put(b, &e);
	}
	return err;
}

static int try(const struct set_dynamic *from, struct set_content *c, uint64_t mono)
{
	struct set_batch *b = set_batch_new(set_content_shape(c), SET_ADD);
	struct set_error error;
	int err = b ? put_records(from, mono, b) : -ENOMEM;

	if (!err)
		err = set_content_change(c, b, mono, &error);
	set_batch_free(b);
	return err;
}

int set_content_of(const struct set_dynamic *from, const struct set_shape *shape, uint64_t mono,
		   struct set_content **ret_content)
{
	struct set_shape any = *shape;
	struct set_content *c;
	int err;

	any.size = 0;
	any.slots = NULL;
	/* An element that was deleted and added again meanwhile may be met twice, and then with
	 * other data. */
	do {
		err = set_content_new(&any, &c);
		if (err)
			return err;
		err = try(from, c, mono);
		if (err)
			set_content_unref(c);
	} while (err == -EINVAL);
	if (!err)
		*ret_content = c;
	return err;
}
