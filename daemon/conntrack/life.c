/* life.c - how flows are found, and how they end.
 *
 * A flow ends when its time is up (met by a look-up, by housekeeping, or in the way of
 * another), by its protocol (a RST, a reopened connection), by early drop, or when somebody
 * deletes it.  Whoever sets DYING first removes it from the table; its record is retired, and
 * housekeeping hands it out again after a grace period.
 *
 * A flow that is over is dying before its numbers are taken out of the statistics, and its
 * word is locked for that: a packet that comes to it later sees DYING under the same lock
 * and looks again. */
#include <netinet/in.h>

#include "conntrack/helper.h"
#include "conntrack/private.h"
#include "conntrack/record.h"
#include "ctfw/rcu.h"

#define EARLY_DROP_BUCKETS 8 /* NF_CT_EVICTION_RANGE */

uint32_t life_new_id(struct conntrack *ct)
{
	uint32_t id;

	do {
		id = atomic_fetch_add_explicit(ct->next_id, 1, memory_order_relaxed);
	} while (id == 0);
	return id;
}

void conntrack_need_id(struct conntrack *ct, const struct ct_ref *ref)
{
	if (ref->flow && ref->unconfirmed && !ref->flow->id)
		ref->flow->id = life_new_id(ct);
}

static uint32_t status_of(const struct flow *f)
{
	return atomic_load_explicit(&f->status, memory_order_acquire);
}

static bool has_expired(const struct flow *f, uint64_t mono)
{
	return atomic_load_explicit(&f->expires, memory_order_relaxed) <= mono;
}

void life_bury(struct conntrack *ct, struct ct_worker *w, struct flow *f)
{
	uint32_t index = (uint32_t)(f - ct->table.records);
	struct event_ring *told;

	table_unlink(&ct->table, index);
	if (status_of(f) & FLOW_SNAT)
		sources_unlink(&ct->sources, &ct->key, &ct->table, index);
	event_catch_up(ct, w, f);
	/* Only such flows can have expected any. */
	if (status_of(f) & FLOW_HELPER) {
		expect_orphan(ct, w, index);
		helper_end(ct, w, f);
	}
	record_lock(f);
	stats_count_flow(w, f, -1);
	told = event_destroy(ct, w, f);
	record_unlock(f);
	event_commit(ct, told);
	table_retire(&ct->table, index);
	atomic_fetch_sub_explicit(&ct->flows, 1, memory_order_relaxed);
}

bool life_kill(struct conntrack *ct, struct ct_worker *w, struct flow *f)
{
	if (atomic_fetch_or_explicit(&f->status, FLOW_DYING, memory_order_acq_rel) & FLOW_DYING)
		return false;
	life_bury(ct, w, f);
	return true;
}

static bool expire(struct conntrack *ct, struct ct_worker *w, struct flow *f, uint64_t mono)
{
	if (!has_expired(f, mono))
		return false;
	if (life_kill(ct, w, f))
		tally(w, TALLY_EXPIRED);
	return true;
}

struct flow *life_find(struct conntrack *ct, struct ct_worker *w, const struct tuple *tuple,
		       uint32_t hash, uint64_t mono, enum flow_dir *ret_dir)
{
	const struct table *t = &ct->table;
	uint32_t ref = table_first(t, hash);

	for (; (ref = table_seek(t, ref, tuple, hash)) != 0; ref = table_next(t, ref)) {
		struct flow *f = table_flow(t, ref);

		if (status_of(f) & FLOW_DYING || expire(ct, w, f, mono))
			continue;
		*ret_dir = table_dir(ref);
		return f;
	}
	return NULL;
}

/* ---- early drop ---- */

/* Nobody but their like may drop these early. */
static bool is_spared(const struct conntrack *ct, const struct flow *f, bool favoured)
{
	return !favoured &&
	       atomic_load_explicit(&ct->settings.reserved, memory_order_relaxed) &&
	       reserve_is_for(&ct->settings, &f->tuple[DIR_ORIGINAL]);
}

static bool drop_bucket(struct conntrack *ct, struct ct_worker *w, uint32_t hash, bool favoured,
			uint64_t mono)
{
	const struct table *t = &ct->table;
	bool dropped = false;

	for (uint32_t ref = table_first(t, hash); ref; ref = table_next(t, ref)) {
		struct flow *f = table_flow(t, ref);
		uint32_t status = status_of(f);

		if (status & FLOW_DYING)
			continue;
		if (expire(ct, w, f, mono)) {
			dropped = true;
		} else if (!(status & FLOW_ASSURED) && !is_spared(ct, f, favoured) &&
			   life_kill(ct, w, f)) {
			tally(w, TALLY_EARLY_DROP);
			dropped = true;
		}
	}
	return dropped;
}

bool life_early_drop(struct conntrack *ct, struct ct_worker *w, uint32_t hash, bool favoured,
		     uint64_t mono)
{
	/* All of the first bucket that has any (conntrack.md 7.1-4). */
	for (uint32_t i = 0; i < EARLY_DROP_BUCKETS; i++) {
		if (drop_bucket(ct, w, hash + i, favoured, mono))
			return true;
	}
	atomic_store_explicit(&ct->pressed, favoured ? PRESSED_RESERVE : PRESSED,
			      memory_order_relaxed);
	return false;
}

/* What may go although it is assured, when the table is full: TCP and SCTP that are closing. */
static bool is_spare(const struct flow *f)
{
	struct flow copy;

	if (!(status_of(f) & FLOW_ASSURED))
		return true;
	if (!flow_snapshot(f, &copy))
		return false;
	switch (f->tuple[DIR_ORIGINAL].l4) {
	case IPPROTO_TCP:
		return copy.proto.tcp.state >= TCPS_FIN_WAIT &&
		       copy.proto.tcp.state <= TCPS_CLOSE;
	case IPPROTO_SCTP:
		return copy.proto.sctp.state >= SCTPS_SHUTDOWN_SENT &&
		       copy.proto.sctp.state <= SCTPS_SHUTDOWN_ACK_SENT;
	default:
		return false;
	}
}

static bool is_nearly_full(const struct conntrack *ct)
{
	uint64_t max = atomic_load_explicit(&ct->settings.max_flows, memory_order_relaxed) -
		       atomic_load_explicit(&ct->settings.reserved, memory_order_relaxed);

	return atomic_load_explicit(&ct->flows, memory_order_relaxed) >= max * 95 / 100;
}

/* ---- the control side ---- */

bool conntrack_each(struct conntrack *ct, uint32_t *cursor, uint32_t records,
		    struct instant now,
		    bool (*each)(void *arg, uint32_t index, const struct flow *copy), void *arg)
{
	uint32_t all = atomic_load_explicit(ct->table.fresh, memory_order_acquire);
	uint32_t index = *cursor, end = all;

	worker_set_now(&ct->worker[ct->workers], now);
	if (records && index < all && all - index > records)
		end = index + records;
	while (index < end) {
		const struct flow *f = &ct->table.records[index++];
		struct flow copy;

		if (!(status_of(f) & FLOW_CONFIRMED) || !flow_snapshot(f, &copy) ||
		    has_expired(&copy, now.mono))
			continue;
		if (!each(arg, index - 1, &copy))
			break;
	}
	*cursor = index;
	return index >= all;
}

bool conntrack_delete(struct conntrack *ct, uint32_t index, uint32_t id)
{
	struct flow copy;

	/* The record is not handed out again behind our back: this thread is online. */
	if (index >= ct->table.n_records ||
	    !flow_snapshot(&ct->table.records[index], &copy) || copy.id != id)
		return false;
	return life_kill(ct, &ct->worker[ct->workers], &ct->table.records[index]);
}

/* Look at the next records: how many, and whether some of the living must go. */
static void sweep(struct conntrack *ct, uint32_t records, uint64_t mono)
{
	struct ct_worker *w = &ct->worker[ct->workers];
	uint32_t end = atomic_load_explicit(ct->table.fresh, memory_order_relaxed);
	uint8_t pressed = atomic_exchange_explicit(&ct->pressed, PRESSED_NOT,
						   memory_order_relaxed);

	if (records == 0 || records > end)
		records = end;
	for (; records; records--) {
		struct flow *f;

		if (ct->cursor >= end)
			ct->cursor = 0;
		f = &ct->table.records[ct->cursor++];
		if ((status_of(f) & (FLOW_CONFIRMED | FLOW_DYING)) != FLOW_CONFIRMED)
			continue;
		if (expire(ct, w, f, mono))
			continue;
		if (pressed && is_nearly_full(ct) && is_spare(f) &&
		    !is_spared(ct, f, pressed == PRESSED_RESERVE) && life_kill(ct, w, f))
			tally(w, TALLY_EARLY_DROP);
	}
}

/* Nobody looks at these any more: mark them free in the arena, and hand them out again. */
static void reuse(struct table *t, uint32_t chain)
{
	for (uint32_t at = chain; at;
	     at = atomic_load_explicit(&t->next[at - 1], memory_order_relaxed)) {
		struct flow *f = &t->records[at - 1];

		f->check = 0;
		atomic_store_explicit(&f->status, 0, memory_order_release);
	}
	table_reuse(t, chain);
}

void conntrack_housekeep(struct conntrack *ct, uint32_t records, struct instant now)
{
	bool expectations;
	uint32_t retired;

	worker_set_now(&ct->worker[ct->workers], now);
	sweep(ct, records, now.mono);
	expects_expire(ct, &ct->worker[ct->workers], now.mono);
	retired = table_retired(&ct->table);
	expectations = expects_retired(&ct->expects);
	if (!retired && !expectations)
		return;
	rcu_wait();
	reuse(&ct->table, retired);
	if (expectations)
		expects_reuse(&ct->expects);
}
