/* stats.c - numbers: what each worker counted, summed.
 *
 * Every worker writes its own counters with plain stores; whoever sums them sees each at
 * about the same time. */
#include <netinet/in.h>

#include "conntrack/private.h"

enum ct_kind stats_kind(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return CT_TCP;
	case IPPROTO_SCTP:
		return CT_SCTP;
	case IPPROTO_UDP:
		return CT_UDP;
	case IPPROTO_ICMP:
		return CT_ICMP;
	case IPPROTO_ICMPV6:
		return CT_ICMPV6;
	default:
		return CT_OTHER;
	}
}

const char *ct_kind_name(enum ct_kind kind)
{
	static const char *const names[CT_KIND_COUNT] = {
		[CT_KIND_NONE] = "none",
		[CT_TCP] = "tcp",
		[CT_UDP] = "udp",
		[CT_ICMP] = "icmp",
		[CT_ICMPV6] = "icmpv6",
		[CT_SCTP] = "sctp",
		[CT_OTHER] = "other",
	};

	return kind < CT_KIND_COUNT ? names[kind] : "none";
}

void stats_count_flow(struct ct_worker *w, const struct flow *f, int n)
{
	_Atomic uint32_t *state = stats_state(w, f, f->tuple[DIR_ORIGINAL].l4);

	tally_add32(&w->kinds[stats_kind(f->tuple[DIR_ORIGINAL].l4)], (uint32_t)n);
	if (state)
		tally_add32(state, (uint32_t)n);
}

static void add_tallies(const struct ct_worker *w, uint64_t sum[TALLY_COUNT])
{
	for (unsigned i = 0; i < TALLY_COUNT; i++)
		sum[i] += atomic_load_explicit(&w->tally[i], memory_order_relaxed);
}

static void add_flows(const struct ct_worker *w, struct conntrack_stats *s)
{
	for (unsigned i = 0; i < CT_KIND_COUNT; i++)
		s->by_kind[i] += atomic_load_explicit(&w->kinds[i], memory_order_relaxed);
	for (unsigned i = 0; i < TCPS_COUNT; i++)
		s->by_tcp_state[i] += atomic_load_explicit(&w->tcp_states[i],
							   memory_order_relaxed);
	for (unsigned i = 0; i < SCTPS_COUNT; i++)
		s->by_sctp_state[i] += atomic_load_explicit(&w->sctp_states[i],
							    memory_order_relaxed);
}

static void set_columns(const uint64_t sum[TALLY_COUNT], struct conntrack_stats *s)
{
	s->found = sum[TALLY_FOUND];
	s->invalid = sum[TALLY_INVALID];
	s->insert = sum[TALLY_INSERT];
	s->insert_failed = sum[TALLY_INSERT_FAILED];
	s->drop = sum[TALLY_DROP];
	s->early_drop = sum[TALLY_EARLY_DROP];
	s->error = sum[TALLY_ERROR];
	s->clash_resolve = sum[TALLY_CLASH_RESOLVE];
	s->chaintoolong = sum[TALLY_CHAIN_LONG];
	s->expired = sum[TALLY_EXPIRED];
	s->created = sum[TALLY_CREATED];
	s->reserve_used = sum[TALLY_RESERVE_USED];
	s->expect_new = sum[TALLY_EXPECT_NEW];
	s->expect_create = sum[TALLY_EXPECT_CREATE];
	s->expect_delete = sum[TALLY_EXPECT_DELETE];
}

void conntrack_stats(const struct conntrack *ct, struct conntrack_stats *ret_stats)
{
	struct conntrack_stats s = {
		.flows = atomic_load_explicit(&ct->flows, memory_order_relaxed),
		.expectations = atomic_load_explicit(&ct->expects.count, memory_order_relaxed),
		.expect_max = atomic_load_explicit(&ct->settings.expect_max,
						   memory_order_relaxed),
		.peak = atomic_load_explicit(&ct->peak, memory_order_relaxed),
		.reserved = atomic_load_explicit(&ct->settings.reserved,
						 memory_order_relaxed),
		.max = atomic_load_explicit(&ct->settings.max_flows, memory_order_relaxed),
	};
	uint64_t sum[TALLY_COUNT] = { 0 };

	for (unsigned i = 0; i <= ct->workers; i++) {
		add_tallies(&ct->worker[i], sum);
		add_flows(&ct->worker[i], &s);
	}
	set_columns(sum, &s);
	*ret_stats = s;
}

unsigned conntrack_workers(const struct conntrack *ct)
{
	return ct->workers;
}

void conntrack_worker_stats(const struct conntrack *ct, unsigned worker,
			    struct conntrack_stats *ret_stats)
{
	struct conntrack_stats s = { 0 };
	uint64_t sum[TALLY_COUNT] = { 0 };

	add_tallies(&ct->worker[worker], sum);
	set_columns(sum, &s);
	*ret_stats = s;
}
