/* policy.c - named timeout policies (nft_ct.c's ct timeout objects, conntrack.md 4.8).
 *
 * A flow names its policy by number, and the numbers mean the same in the next process: they
 * are saved with the ruleset.  What a number says is private memory, written by the control
 * side while workers read it, value by value.
 *
 * Life-cycle: defined before the program that gives it is in force; forgotten after the last
 * program that gave it is gone, and only then taken from the flows that have it: nobody can get
 * it meanwhile. */
#include "conntrack/private.h"
#include "conntrack/record.h"

static bool is_kept(const uint64_t *numbers, unsigned number)
{
	return numbers[number / 64] >> number % 64 & 1;
}

static void store(struct policy *p, const struct ct_policy *from)
{
	for (unsigned i = 0; i < TIMEOUT_COUNT; i++) {
		uint64_t ns = POLICY_UNSAID;

		if (from && from->timeout[i] != CT_POLICY_UNSAID)
			ns = from->timeout[i] * NSEC_PER_SEC;
		atomic_store_explicit(&p->timeout[i], ns, memory_order_relaxed);
	}
	atomic_store_explicit(&p->first, from ? from->first * NSEC_PER_SEC : 0,
			      memory_order_relaxed);
	atomic_store_explicit(&p->l4, from ? from->l4 : 0, memory_order_relaxed);
}

void policy_init(struct conntrack *ct)
{
	for (unsigned i = 0; i <= CT_POLICY_MAX; i++)
		store(&ct->policy[i], NULL);
	ct->settings.policy = ct->policy;
}

void conntrack_define_policy(struct conntrack *ct, uint16_t number,
			     const struct ct_policy *policy)
{
	if (number < 1 || number > CT_POLICY_MAX)
		return;
	store(&ct->policy[number], policy);
	ct->policies[number / 64] |= UINT64_C(1) << number % 64;
}

/* Take from the flows what is not kept. */
static void release(struct conntrack *ct, const uint64_t *numbers)
{
	uint32_t end = atomic_load_explicit(ct->table.fresh, memory_order_acquire);

	for (uint32_t i = 0; i < end; i++) {
		struct flow *f = &ct->table.records[i];
		uint16_t number = atomic_load_explicit(&f->policy, memory_order_relaxed);

		if (!number || (number <= CT_POLICY_MAX && is_kept(numbers, number)))
			continue;
		record_lock(f);
		/* The record may be another flow's by now. */
		if (atomic_load_explicit(&f->policy, memory_order_relaxed) == number)
			atomic_store_explicit(&f->policy, 0, memory_order_relaxed);
		record_unlock(f);
	}
}

void conntrack_keep_policies(struct conntrack *ct, const uint64_t numbers[CT_POLICY_WORDS])
{
	bool some = ct->policies_recovered;

	for (unsigned i = 1; i <= CT_POLICY_MAX; i++) {
		if (!is_kept(ct->policies, i) || is_kept(numbers, i))
			continue;
		store(&ct->policy[i], NULL);
		ct->policies[i / 64] &= ~(UINT64_C(1) << i % 64);
		some = true;
	}
	ct->policies_recovered = false;
	if (some)
		release(ct, numbers);
}

void conntrack_set_policy(struct conntrack *ct, unsigned worker, const struct ct_ref *ref,
			  uint16_t number)
{
	const struct policy *p = &ct->policy[number <= CT_POLICY_MAX ? number : 0];
	struct flow *f = ref->flow;

	if (!f || !ref->unconfirmed || f->tuple[DIR_ORIGINAL].l4 != p->l4)
		return;
	atomic_store_explicit(&f->policy, number, memory_order_relaxed);
	ct->worker[worker].begun_timeout =
		atomic_load_explicit(&p->first, memory_order_relaxed);
}
