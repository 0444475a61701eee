/* nat_source.c - see nat_source.h. */
#include "conntrack/nat_source.h"

#include <errno.h>
#include <stdlib.h>

#define WALK_MAX 64

int sources_init(struct sources *s, uint32_t records)
{
	uint32_t buckets = 64;

	while (buckets < records)
		buckets *= 2;
	s->mask = buckets - 1;
	s->heads = calloc(buckets, sizeof(*s->heads));
	s->links = calloc(records, sizeof(*s->links));
	if (s->heads && s->links)
		return 0;
	sources_fini(s);
	return -ENOMEM;
}

void sources_fini(struct sources *s)
{
	free(s->heads);
	free(s->links);
	s->heads = NULL;
	s->links = NULL;
}

static _Atomic uint32_t *bucket(const struct sources *s, const struct siphash_key *key,
				const struct tuple *original)
{
	struct tuple source = *original;

	source.dst = (union addr){ 0 };
	source.dport = 0;
	return &s->heads[tuple_hash(key, &source) & s->mask];
}

void sources_link(struct sources *s, const struct siphash_key *key, const struct table *t,
		  uint32_t index)
{
	_Atomic uint32_t *head = bucket(s, key, &t->records[index].tuple[DIR_ORIGINAL]);
	uint32_t first;

	bucket_lock(head);
	first = atomic_load_explicit(head, memory_order_relaxed) & ~TABLE_LOCK;
	s->links[index].before = 0;
	atomic_store_explicit(&s->links[index].next, first, memory_order_relaxed);
	if (first)
		s->links[first - 1].before = index + 1;
	atomic_store_explicit(head, (index + 1) | TABLE_LOCK, memory_order_release);
	bucket_unlock(head);
}

void sources_unlink(struct sources *s, const struct siphash_key *key, const struct table *t,
		    uint32_t index)
{
	_Atomic uint32_t *head = bucket(s, key, &t->records[index].tuple[DIR_ORIGINAL]);
	uint32_t next, before;

	bucket_lock(head);
	next = atomic_load_explicit(&s->links[index].next, memory_order_relaxed);
	before = s->links[index].before;
	if (before)
		atomic_store_explicit(&s->links[before - 1].next, next, memory_order_release);
	else
		atomic_store_explicit(head, next | TABLE_LOCK, memory_order_release);
	if (next)
		s->links[next - 1].before = before;
	bucket_unlock(head);
}

static bool same_source(const struct tuple *a, const struct tuple *b)
{
	return addr_equal(&a->src, &b->src) && a->sport == b->sport && a->l4 == b->l4 &&
	       a->l3 == b->l3 && a->zone == b->zone;
}

const struct flow *sources_find(const struct sources *s, const struct siphash_key *key,
				const struct table *t, const struct tuple *original,
				uint64_t mono,
				bool (*fits)(void *arg, const struct flow *f), void *arg)
{
	uint32_t at = atomic_load_explicit(bucket(s, key, original), memory_order_acquire) &
		      ~TABLE_LOCK;

	for (unsigned n = 0; at && n < WALK_MAX; n++) {
		const struct flow *f = &t->records[at - 1];
		uint32_t status = atomic_load_explicit(&f->status, memory_order_acquire);

		if (status & FLOW_CONFIRMED && !(status & FLOW_DYING) &&
		    atomic_load_explicit(&f->expires, memory_order_relaxed) > mono &&
		    same_source(&f->tuple[DIR_ORIGINAL], original) && fits(arg, f))
			return f;
		at = atomic_load_explicit(&s->links[at - 1].next, memory_order_acquire);
	}
	return NULL;
}
