/* ext.c - extensions of flows: what few of them need (struct flow_ext), labels among it.
 *
 * The record of a flow in the table is the one with its index; a flow that begins has the
 * worker's own, which conntrack_confirm() copies.  A record is cleared when its flow first
 * writes to it, not when a flow begins: flows without labels or helpers never touch theirs. */
#include <string.h>

#include "conntrack/private.h"
#include "conntrack/record.h"

int conntrack_reserve_extensions(struct conntrack *ct)
{
	int err;

	if (atomic_load_explicit(&ct->extensions, memory_order_relaxed))
		return 0;
	err = arena_reserve_extensions(&ct->arena);
	if (!err)
		atomic_store_explicit(&ct->extensions, true, memory_order_relaxed);
	return err;
}

static struct flow_ext *ext_at(const struct conntrack *ct, uint32_t index)
{
	return (struct flow_ext *)ct->arena.exts + index;
}

static struct flow_ext *ext_of(const struct conntrack *ct, unsigned worker,
			       const struct ct_ref *ref)
{
	return ref->unconfirmed ? &ct->worker[worker].begun_ext :
				  ext_at(ct, (uint32_t)(ref->flow - ct->table.records));
}

static bool is_extended(const struct flow *f)
{
	return atomic_load_explicit(&f->extended, memory_order_acquire);
}

const struct flow_ext *conntrack_ext(const struct conntrack *ct, unsigned worker,
				     const struct ct_ref *ref)
{
	return ref->flow && is_extended(ref->flow) ? ext_of(ct, worker, ref) : NULL;
}

struct flow_ext *conntrack_ext_own(struct conntrack *ct, unsigned worker,
				   const struct ct_ref *ref)
{
	struct flow_ext *ext;

	if (!ref->flow || !atomic_load_explicit(&ct->extensions, memory_order_relaxed))
		return NULL;
	ext = ext_of(ct, worker, ref);
	if (is_extended(ref->flow))
		return ext;
	/* Another worker may be about to do the same. */
	record_lock(ref->flow);
	if (!is_extended(ref->flow)) {
		memset((void *)ext, 0, sizeof(*ext));
		atomic_store_explicit(&ref->flow->extended, 1, memory_order_release);
	}
	record_unlock(ref->flow);
	return ext;
}

void ext_confirm(struct conntrack *ct, const struct ct_worker *w, uint32_t index)
{
	memcpy((void *)ext_at(ct, index), (const void *)&w->begun_ext, sizeof(struct flow_ext));
}

void conntrack_set_label(struct conntrack *ct, unsigned worker, const struct ct_ref *ref,
			 const uint64_t label[2])
{
	struct flow_ext *ext = conntrack_ext_own(ct, worker, ref);

	bool changed = false;

	for (int i = 0; ext && i < 2; i++) {
		if (label[i])
			changed |= (label[i] & ~atomic_fetch_or_explicit(
						       &ext->label[i], label[i],
						       memory_order_relaxed)) != 0;
	}
	if (changed)
		atomic_fetch_or_explicit(&ref->flow->events, CT_EVENT_LABEL,
					 memory_order_relaxed);
}

void conntrack_labels(const struct conntrack *ct, uint32_t index, const struct flow *copy,
		      uint64_t ret_label[2])
{
	for (int i = 0; i < 2; i++)
		ret_label[i] = is_extended(copy) ?
				       atomic_load_explicit(&ext_at(ct, index)->label[i],
							    memory_order_relaxed) :
				       0;
}
