/* recover.c - flows that a former process left in the arena.
 *
 * Its death may have come between any two instructions, and its memory may have been damaged:
 * nothing in a record is believed before it is checked.  What the checks find:
 *
 *    unused     no checksum, or an end that was not finished: silently free
 *    damaged    identity or an enum is wrong, or another flow has the tuple: dropped, counted
 *    expired    dropped, counted
 *    torn       the word was locked: a packet was changing the flow's state.  Kept; what it
 *               knew of sequence numbers is forgotten, to be learnt anew
 *
 * One thread, before any worker runs. */
#include <netinet/in.h>
#include <string.h>

#include "conntrack/helper.h"
#include "conntrack/private.h"
#include "conntrack/record.h"
#include "conntrack/tcp.h"
#include "ctfw/helper.h"

/* No timer runs longer than options allow. */
#define TIMER_MAX (CT_TIMEOUT_MAX * NSEC_PER_SEC)
#define STATUS_KNOWN                                                                          \
	(FLOW_EXPECTED | FLOW_SEEN_REPLY | FLOW_ASSURED | FLOW_CONFIRMED | FLOW_SNAT |        \
	 FLOW_DNAT | FLOW_SEQ_ADJ | FLOW_SNAT_DONE | FLOW_DNAT_DONE | FLOW_FIXED_TIMEOUT |    \
	 FLOW_HELPER)

enum found {
	FOUND_UNUSED = 1,
	FOUND_DAMAGED,
	FOUND_EXPIRED,
	FOUND_ALIVE,
};

uint32_t conntrack_count_records(const uint8_t *first, uint32_t n)
{
	const struct flow *f = (const struct flow *)(const void *)first;
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++)
		used += f[i].check != 0;
	return used;
}

static bool identity_is_sane(const struct conntrack *ct, const struct flow *f)
{
	return f->check == record_check(&ct->key, f) && f->id != 0 &&
	       tuples_are_sane(f->tuple) &&
	       (f->master == FLOW_NONE || f->master < ct->table.n_records);
}

static bool tcp_is_sane(const struct flow_tcp *tcp)
{
	return tcp->state > TCPS_NONE && tcp->state < TCPS_COUNT && tcp->last_dir <= DIR_REPLY;
}

static bool sctp_is_sane(const struct flow_sctp *sctp)
{
	return sctp->state > SCTPS_NONE && sctp->state < SCTPS_COUNT && sctp->init[0] <= 1 &&
	       sctp->init[1] <= 1 && sctp->heartbeat_dir <= DIR_REPLY &&
	       sctp->heartbeat_failed <= 1 && sctp->untagged[0] <= 1 && sctp->untagged[1] <= 1;
}

static bool gre_is_sane(const struct flow_gre *gre)
{
	return gre->timeout <= TIMER_MAX && gre->stream_timeout <= TIMER_MAX;
}

static bool proto_is_sane(const struct flow *f)
{
	switch (f->tuple[DIR_ORIGINAL].l4) {
	case IPPROTO_TCP:
		return tcp_is_sane(&f->proto.tcp);
	case IPPROTO_SCTP:
		return sctp_is_sane(&f->proto.sctp);
	case IPPROTO_GRE:
		return gre_is_sane(&f->proto.gre);
	default:
		return true;
	}
}

static enum found examine(const struct conntrack *ct, const struct flow *f, uint64_t mono)
{
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);
	uint64_t expires = atomic_load_explicit(&f->expires, memory_order_relaxed);

	if (!f->check)
		return FOUND_UNUSED;
	if (!identity_is_sane(ct, f))
		return FOUND_DAMAGED;
	if (!(status & FLOW_CONFIRMED) || status & FLOW_DYING)
		return FOUND_UNUSED;
	if (!proto_is_sane(f))
		return FOUND_DAMAGED;
	if (expires > mono && expires - mono > TIMER_MAX)
		return FOUND_DAMAGED;
	return expires > mono ? FOUND_ALIVE : FOUND_EXPIRED;
}

/* Mend what is not worth a flow's life. */
static void mend(struct flow *f, bool torn)
{
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);

	atomic_store_explicit(&f->status, status & STATUS_KNOWN, memory_order_relaxed);
	/* When it ends its status says whether a helper has to take something back. */
	if (!(status & FLOW_HELPER) ||
	    !ct_helper_takes(atomic_load_explicit(&f->helper, memory_order_relaxed),
			     f->tuple[DIR_ORIGINAL].l4))
		atomic_store_explicit(&f->helper, HELPER_NONE, memory_order_relaxed);
	if (atomic_load_explicit(&f->master_helper, memory_order_relaxed) >= HELPER_COUNT)
		atomic_store_explicit(&f->master_helper, HELPER_NONE, memory_order_relaxed);
	/* Serials of hostviews begin again with each process. */
	atomic_store_explicit(&f->route[DIR_ORIGINAL], 0, memory_order_relaxed);
	atomic_store_explicit(&f->route[DIR_REPLY], 0, memory_order_relaxed);
	atomic_fetch_and_explicit(&f->events, CT_EVENT_UPDATES, memory_order_relaxed);
	if (atomic_load_explicit(&f->extended, memory_order_relaxed) > 1)
		atomic_store_explicit(&f->extended, 0, memory_order_relaxed);
	/* By how much is written in an extension. */
	if (!atomic_load_explicit(&f->extended, memory_order_relaxed))
		atomic_fetch_and_explicit(&f->status, ~(uint32_t)FLOW_SEQ_ADJ,
					  memory_order_relaxed);
	if (f->tuple[DIR_ORIGINAL].l4 != IPPROTO_TCP)
		return;
	if (torn || f->proto.tcp.side[0].td_scale > TCP_SCALE_MAX ||
	    f->proto.tcp.side[1].td_scale > TCP_SCALE_MAX ||
	    f->proto.tcp.last_wscale > TCP_SCALE_MAX)
		tcp_window_forget(&f->proto.tcp);
}

static bool is_past_handshake(const struct flow *f)
{
	return f->tuple[DIR_ORIGINAL].l4 == IPPROTO_TCP &&
	       f->proto.tcp.state != TCPS_SYN_SENT && f->proto.tcp.state != TCPS_SYN_SENT2 &&
	       f->proto.tcp.state != TCPS_SYN_RECV;
}

void conntrack_relearn_windows(struct conntrack *ct)
{
	const struct table *t = &ct->table;
	uint32_t used = atomic_load_explicit(t->fresh, memory_order_relaxed);

	for (uint32_t i = 0; i < used; i++) {
		if (t->records[i].check && is_past_handshake(&t->records[i]))
			tcp_window_forget(&t->records[i].proto.tcp);
	}
}

/* ---- one record after the other, in three steps each ----
 *
 * Buckets lie at random: most of the time would be spent waiting for memory.  So a batch of
 * records is examined and hashed, then their chains are fetched, and then they are linked. */

#define BATCH 64
#define RECORDS_AHEAD 8

struct candidate {
	uint32_t index, hash[2];
	bool torn;
};

static void fetch_heads(const struct table *t, const struct candidate *c)
{
	__builtin_prefetch(&t->heads[c->hash[0] & t->mask], 1);
	__builtin_prefetch(&t->heads[c->hash[1] & t->mask], 1);
	__builtin_prefetch(&t->links[2 * (size_t)c->index], 1);
}

/* The links of a chain one after the other, since each says where the next is; few chains
 * have more than two. */
static void fetch_first(const struct table *t, const struct candidate *c)
{
	for (int dir = 0; dir < 2; dir++) {
		uint32_t ref = table_first(t, c->hash[dir]);

		if (ref)
			__builtin_prefetch(&t->links[ref - 1]);
	}
}

static void fetch_second(const struct table *t, const struct candidate *c)
{
	for (int dir = 0; dir < 2; dir++) {
		uint32_t ref = table_first(t, c->hash[dir]);

		if (ref && (ref = table_next(t, ref)) != 0)
			__builtin_prefetch(&t->links[ref - 1]);
	}
}

/* The hardware does not look behind the end of a page. */
static void fetch_record(const struct table *t, uint32_t index)
{
	if (index >= t->n_records)
		return;
	for (size_t line = 0; line < sizeof(struct flow); line += CACHE_LINE)
		__builtin_prefetch((const char *)&t->records[index] + line, 1);
}

static void discard(struct conntrack *ct, struct flow *f, enum found found)
{
	ct->recovery.damaged += found == FOUND_DAMAGED;
	ct->recovery.expired += found == FOUND_EXPIRED;
	if (f->check)
		f->check = 0;
	if (atomic_load_explicit(&f->status, memory_order_relaxed))
		atomic_store_explicit(&f->status, 0, memory_order_relaxed);
}

/* True with *ret_candidate when the record's flow goes on, if its tuples are free. */
static bool consider(struct conntrack *ct, uint32_t index, uint64_t mono,
		     struct candidate *ret_candidate)
{
	struct flow *f = &ct->table.records[index];
	uint32_t word = atomic_load_explicit(&f->word, memory_order_relaxed);
	bool torn = word & 1;
	enum found found = examine(ct, f, mono);

	if (torn)
		atomic_store_explicit(&f->word, word + 1, memory_order_relaxed);
	if (found != FOUND_ALIVE) {
		discard(ct, f, found);
		return false;
	}
	mend(f, torn);
	*ret_candidate = (struct candidate){
		.index = index,
		.hash = { (uint32_t)tuple_hash(&ct->key, &f->tuple[DIR_ORIGINAL]),
			  (uint32_t)tuple_hash(&ct->key, &f->tuple[DIR_REPLY]) },
		.torn = torn,
	};
	return true;
}

static void take_back(struct conntrack *ct, const struct candidate *c, uint64_t mono)
{
	struct flow *f = &ct->table.records[c->index];
	uint32_t clash, expired[2];

	if (table_insert(&ct->table, c->index, c->hash, mono, &clash, expired) !=
	    TABLE_INSERTED) {
		discard(ct, f, FOUND_DAMAGED);
		return;
	}
	if (atomic_load_explicit(&f->status, memory_order_relaxed) & FLOW_SNAT)
		sources_link(&ct->sources, &ct->key, &ct->table, c->index);
	helper_recover(ct, f);
	ct->recovery.kept++;
	ct->recovery.torn += c->torn;
	if (atomic_load_explicit(&f->policy, memory_order_relaxed))
		ct->policies_recovered = true;
	stats_count_flow(&ct->worker[ct->workers], f, 1);
	/* Ids go on behind the last one; they may wrap. */
	if ((int32_t)(f->id - atomic_load_explicit(ct->next_id, memory_order_relaxed)) >= 0)
		atomic_store_explicit(ct->next_id, f->id + 1, memory_order_relaxed);
}

static void recover_batch(struct conntrack *ct, uint32_t from, uint32_t to, uint64_t mono)
{
	struct candidate c[BATCH];
	unsigned n = 0;

	for (uint32_t i = from; i < to; i++) {
		fetch_record(&ct->table, i + RECORDS_AHEAD);
		if (consider(ct, i, mono, &c[n]))
			fetch_heads(&ct->table, &c[n++]);
	}
	for (unsigned i = 0; i < n; i++)
		fetch_first(&ct->table, &c[i]);
	for (unsigned i = 0; i < n; i++)
		fetch_second(&ct->table, &c[i]);
	for (unsigned i = 0; i < n; i++)
		take_back(ct, &c[i], mono);
}

void recover_flows(struct conntrack *ct, struct instant now)
{
	struct table *t = &ct->table;
	uint32_t all = atomic_load_explicit(t->fresh, memory_order_relaxed), used = 0;

	if (!all || all > t->n_records)
		all = t->n_records;
	for (uint32_t i = 0; i < all; i += BATCH) {
		uint32_t end = all - i < BATCH ? all : i + BATCH;

		recover_batch(ct, i, end, now.mono);
		for (uint32_t k = i; k < end; k++) {
			if (t->records[k].check)
				used = k + 1;
		}
	}
	atomic_store_explicit(t->fresh, used, memory_order_relaxed);
	/* The lowest index is taken first. */
	for (uint32_t i = ct->recovery.kept < used ? used : 0; i-- > 0;) {
		if (!t->records[i].check)
			table_give_back(t, i);
	}
	atomic_store_explicit(&ct->flows, ct->recovery.kept, memory_order_relaxed);
	atomic_store_explicit(&ct->peak, ct->recovery.kept, memory_order_relaxed);
}
