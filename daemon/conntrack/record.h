/* record.h - what only conntrack does to a flow: lock it, check its identity.
 *
 * The lock is the flow's word (flow.h).  It is held for the few dozen instructions in which a
 * packet changes the flow's state, so whoever waits spins, and lets others run when that
 * takes long: the owner may have been preempted.  While it is held no other lock is taken, but
 * for that of a bucket of calls (keymap.h). */
#ifndef CTFW_CONNTRACK_RECORD_H
#define CTFW_CONNTRACK_RECORD_H

#include <stdatomic.h>

#include "ctfw/flow.h"
#include "ctfw/siphash.h"
#include "ctfw/spin.h"

/* Nobody sees later stores before earlier ones.  ThreadSanitizer knows no fences; it does
 * not reorder either. */
static inline void store_fence(void)
{
#if !defined(__SANITIZE_THREAD__)
	atomic_thread_fence(memory_order_release);
#endif
}

static inline void record_lock(struct flow *f)
{
	uint32_t word = atomic_load_explicit(&f->word, memory_order_relaxed) & ~1u;
	unsigned rounds = 0;

	while (!atomic_compare_exchange_weak_explicit(&f->word, &word, word | 1,
						      memory_order_acquire,
						      memory_order_relaxed)) {
		if (word & 1)
			spin(&rounds);
		word &= ~1u;
	}
	store_fence();
}

static inline void record_unlock(struct flow *f)
{
	uint32_t word = atomic_load_explicit(&f->word, memory_order_relaxed);

	atomic_store_explicit(&f->word, word + 1, memory_order_release);
}

/* A copy, torn where others write: hold the word, or see afterwards whether it moved. */
void record_copy(const struct flow *from, struct flow *to);

/* The checksum of a flow's identity; never 0. */
uint32_t record_check(const struct siphash_key *key, const struct flow *f);

#endif
