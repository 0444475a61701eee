/* nat_await.c - which packets flows that NAT rewrites wait for: asked of what comes to an
 * address that is the host's own as well, before anything is begun for it. */
#include <netinet/in.h>

#include "conntrack/expect.h"
#include "conntrack/private.h"
#include "conntrack/track.h"
#include "ctfw/nat.h"

static struct flow *find(struct conntrack *ct, struct ct_worker *w, const struct tuple *t,
			 uint64_t mono, enum flow_dir *ret_dir)
{
	struct flow *f = life_find(ct, w, t, (uint32_t)tuple_hash(&ct->key, t), mono, ret_dir);

	return f && nat_rewrites(f) ? f : NULL;
}

/* Whether packets of this direction get another destination: answers to what speaks by the
 * host's address, and those of a flow that its helper has led in. */
static bool is_led_on(const struct flow *f, enum flow_dir dir)
{
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);

	return status & (dir == DIR_REPLY ? FLOW_SNAT : FLOW_DNAT);
}

/* What a helper of such a flow expects comes back by its address too. */
static bool is_expected(const struct conntrack *ct, const struct tuple *t, uint64_t mono)
{
	uint32_t master = expects_any(&ct->expects) ? expect_master(ct, t, mono) : FLOW_NONE;

	return master != FLOW_NONE && nat_rewrites(&ct->table.records[master]);
}

bool conntrack_nat_awaits(struct conntrack *ct, unsigned worker, const struct packet *p,
			  struct instant now)
{
	struct ct_worker *w = &ct->worker[worker];
	enum icmp_class class = ICMP_CLASS_ORDINARY;
	const struct flow *f;
	enum flow_dir dir;
	struct tuple tuple;

	worker_set_now(w, now);
	if (is_icmp(p))
		class = icmp_classify(ct, p, 0, &tuple);
	if (class == ICMP_CLASS_ERROR) {
		f = find(ct, w, &tuple, now.mono, &dir);
		return f && addr_equal(&p->daddr, &f->tuple[dir].dst);
	}
	if (class != ICMP_CLASS_ORDINARY || keymap_tuple(ct, p, 0, &tuple) < 0)
		return false;
	f = find(ct, w, &tuple, now.mono, &dir);
	return f ? is_led_on(f, dir) : is_expected(ct, &tuple, now.mono);
}
