/* keymap.c - see keymap.h. */
#include "conntrack/keymap.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/private.h"

#define GRE_HEADER 8
#define GRE_VERSION_MASK 7

int keymap_init(struct keymap *m, uint32_t records)
{
	uint32_t buckets = 64;

	while (buckets < records)
		buckets *= 2;
	m->mask = buckets - 1;
	m->heads = calloc(buckets, sizeof(*m->heads));
	m->links = calloc(2 * (size_t)records, sizeof(*m->links));
	if (m->heads && m->links)
		return 0;
	keymap_fini(m);
	return -ENOMEM;
}

void keymap_fini(struct keymap *m)
{
	free(m->heads);
	free(m->links);
	m->heads = NULL;
	m->links = NULL;
}

/* By what is in the packet. */
static _Atomic uint32_t *bucket(const struct conntrack *ct, const struct tuple *t,
				uint16_t dst_key)
{
	struct tuple seen = { .src = t->src, .dst = t->dst, .dport = dst_key, .l3 = t->l3 };

	return &ct->keymap.heads[tuple_hash(&ct->key, &seen) & ct->keymap.mask];
}

static bool is_for(const struct conntrack *ct, uint32_t ref, const struct tuple *t,
		   uint16_t dst_key)
{
	const struct tuple *own = &table_flow(&ct->table, ref)->tuple[table_dir(ref)];

	return ct->keymap.links[ref - 1].keys.dst == dst_key &&
	       addr_equal(&own->src, &t->src) && addr_equal(&own->dst, &t->dst) &&
	       own->l3 == t->l3;
}

static uint32_t first(const _Atomic uint32_t *head)
{
	return atomic_load_explicit(head, memory_order_relaxed) & ~TABLE_LOCK;
}

/* The bucket is locked. */
static void take_out(struct keymap *m, _Atomic uint32_t *head, uint32_t ref)
{
	uint32_t next = m->links[ref - 1].next, at = first(head);

	m->links[ref - 1].linked = false;
	atomic_fetch_sub_explicit(&m->count, 1, memory_order_relaxed);
	if (at == ref) {
		atomic_store_explicit(head, next | TABLE_LOCK, memory_order_relaxed);
		return;
	}
	while (m->links[at - 1].next != ref)
		at = m->links[at - 1].next;
	m->links[at - 1].next = next;
}

static void put_in(struct keymap *m, _Atomic uint32_t *head, uint32_t ref,
		   struct keymap_keys keys)
{
	m->links[ref - 1] = (struct keymap_link){ first(head), keys, true };
	atomic_store_explicit(head, ref | TABLE_LOCK, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->count, 1, memory_order_relaxed);
}

/* The entry for such packets; 0: there is none.  The bucket is locked. */
static uint32_t find(const struct conntrack *ct, const _Atomic uint32_t *head,
		     const struct tuple *t, uint16_t dst_key)
{
	uint32_t at = first(head);

	while (at && !is_for(ct, at, t, dst_key))
		at = ct->keymap.links[at - 1].next;
	return at;
}

void keymap_add(struct conntrack *ct, uint32_t index, enum flow_dir dir,
		struct keymap_keys keys)
{
	struct keymap *m = &ct->keymap;
	const struct tuple *t = &ct->table.records[index].tuple[dir];
	_Atomic uint32_t *head = bucket(ct, t, keys.dst);
	uint32_t ref = table_ref(index, dir), other;

	bucket_lock(head);
	other = find(ct, head, t, keys.dst);
	if (other && other != ref)
		take_out(m, head, other);
	if (other != ref)
		put_in(m, head, ref, keys);
	bucket_unlock(head);
}

void keymap_remove(struct conntrack *ct, uint32_t index, enum flow_dir dir,
		   struct keymap_keys keys)
{
	_Atomic uint32_t *head = bucket(ct, &ct->table.records[index].tuple[dir], keys.dst);
	uint32_t ref = table_ref(index, dir);

	bucket_lock(head);
	if (ct->keymap.links[ref - 1].linked)
		take_out(&ct->keymap, head, ref);
	bucket_unlock(head);
}

static bool has_call_id(const struct packet *p)
{
	return p->l4_len >= GRE_HEADER && (p->data[p->l4_off + 1] & GRE_VERSION_MASK) == 1;
}

int keymap_gre_tuple(const struct conntrack *ct, const struct packet *p, uint16_t zone,
		     struct tuple *ret_tuple)
{
	int err = tuple_from_packet(p, zone, ret_tuple);
	_Atomic uint32_t *head;
	uint32_t ref;

	if (err || !has_call_id(p) ||
	    !atomic_load_explicit(&ct->keymap.count, memory_order_relaxed))
		return err;
	head = bucket(ct, ret_tuple, ret_tuple->dport);
	bucket_lock(head);
	ref = find(ct, head, ret_tuple, ret_tuple->dport);
	if (ref)
		ret_tuple->sport = ct->keymap.links[ref - 1].keys.src;
	bucket_unlock(head);
	return 0;
}
