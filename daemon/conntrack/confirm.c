/* confirm.c - a flow enters the table (__nf_conntrack_confirm, conntrack.md 1.4 and 1.5).
 *
 * The record is written whole, identity and its checksum last, under an odd word: whoever
 * reads the arena, now or after a crash, sees it as before or as after.  Then both tuples are
 * linked, unless another worker was faster with one of them. */
#include <netinet/in.h>
#include <string.h>

#include "conntrack/helper.h"
#include "conntrack/private.h"
#include "conntrack/record.h"
#include "conntrack/seqadj.h"
#include "ctfw/nat.h"

static void write_record(struct conntrack *ct, struct ct_worker *w, struct flow *f,
			 struct instant now)
{
	const struct flow *from = &w->begun;
	const size_t identity = offsetof(struct flow, id);
	const size_t state = offsetof(struct flow, expires);

	record_lock(f);
	f->check = 0;
	memcpy((char *)f + identity, (const char *)from + identity,
	       offsetof(struct flow, route) - identity);
	f->id = from->id ? from->id : life_new_id(ct);
	f->start = now.real;
	for (int dir = 0; dir < 2; dir++)
		flow_set_route(f, dir,
			       atomic_load_explicit(&from->route[dir], memory_order_relaxed));
	atomic_store_explicit(&f->masquerade, nat_masqueraded(from), memory_order_relaxed);
	for (int i = 0; i < 2; i++)
		atomic_store_explicit(&f->source_ports[i],
				      atomic_load_explicit(&from->source_ports[i],
							   memory_order_relaxed),
				      memory_order_relaxed);
	/* Whoever walks over all records reads the status of this one at any time. */
	atomic_store_explicit(&f->status,
			      atomic_load_explicit(&from->status, memory_order_relaxed),
			      memory_order_relaxed);
	memcpy((char *)f + state, (const char *)from + state, sizeof(*f) - state);
	atomic_store_explicit(&f->expires, now.mono + w->begun_timeout, memory_order_relaxed);
	if (atomic_load_explicit(&from->extended, memory_order_relaxed))
		ext_confirm(ct, w, (uint32_t)(f - ct->table.records));
	store_fence();
	f->check = record_check(&ct->key, f);
	record_unlock(f);
}

/* A record within the limit, which conntrack_in() only looked at; FLOW_NONE: there is none. */
static uint32_t take_record(struct conntrack *ct, struct ct_worker *w)
{
	uint32_t max = atomic_load_explicit(&ct->settings.max_flows, memory_order_relaxed);
	uint32_t reserved = atomic_load_explicit(&ct->settings.reserved, memory_order_relaxed);
	uint32_t flows = atomic_fetch_add_explicit(&ct->flows, 1, memory_order_relaxed) + 1;
	uint32_t peak = atomic_load_explicit(&ct->peak, memory_order_relaxed);
	uint32_t index = FLOW_NONE;
	bool last_part = flows > settings_open(max, reserved);

	if (!last_part ||
	    (flows <= max && reserve_is_for(&ct->settings, &w->begun.tuple[DIR_ORIGINAL])))
		index = table_take(&ct->table);
	if (index == FLOW_NONE) {
		atomic_fetch_sub_explicit(&ct->flows, 1, memory_order_relaxed);
		return FLOW_NONE;
	}
	if (last_part)
		tally(w, TALLY_RESERVE_USED);
	while (flows > peak &&
	       !atomic_compare_exchange_weak_explicit(&ct->peak, &peak, flows,
						      memory_order_relaxed,
						      memory_order_relaxed))
		;
	return index;
}

static bool has_other_source(const struct flow *f)
{
	return atomic_load_explicit(&f->status, memory_order_relaxed) & FLOW_SNAT;
}

/* The record never was in the table, and must not be taken for a flow after a crash. */
static void give_back(struct conntrack *ct, struct flow *f)
{
	uint32_t index = (uint32_t)(f - ct->table.records);

	f->check = 0;
	if (has_other_source(f)) {
		sources_unlink(&ct->sources, &ct->key, &ct->table, index);
		table_retire(&ct->table, index); /* somebody may stand on it */
	} else {
		table_give_back(&ct->table, index);
	}
	atomic_fetch_sub_explicit(&ct->flows, 1, memory_order_relaxed);
}

/* ---- clashes ---- */

/* The winner is the same flow, or the same the other way round: the packet is its.  Where
 * tuples differ (NAT chose twice) the packet has lost. */
static bool join_winner(const struct conntrack *ct, struct ct_worker *w, struct flow *winner,
			struct ct_ref *ref)
{
	const struct flow *loser = &w->begun;
	enum flow_dir dir;

	if (tuple_equal(&winner->tuple[DIR_ORIGINAL], &loser->tuple[DIR_ORIGINAL]) &&
	    tuple_equal(&winner->tuple[DIR_REPLY], &loser->tuple[DIR_REPLY]))
		dir = DIR_ORIGINAL;
	else if (tuple_equal(&winner->tuple[DIR_ORIGINAL], &loser->tuple[DIR_REPLY]) &&
		 tuple_equal(&winner->tuple[DIR_REPLY], &loser->tuple[DIR_ORIGINAL]))
		dir = DIR_REPLY;
	else
		return false;

	record_lock(winner);
	winner->acct[dir].packets += loser->acct[DIR_ORIGINAL].packets;
	winner->acct[dir].bytes += loser->acct[DIR_ORIGINAL].bytes;
	if (dir == DIR_REPLY && !(atomic_fetch_or_explicit(&winner->status, FLOW_SEEN_REPLY,
							   memory_order_relaxed) &
				  FLOW_SEEN_REPLY))
		event_note(&ct->events, winner, CT_EVENT_REPLY);
	record_unlock(winner);
	*ref = (struct ct_ref){
		.flow = winner,
		.state = dir == DIR_REPLY ? CT_STATE_ESTABLISHED : ref->state,
		.dir = dir,
	};
	return true;
}

static enum reason resolve(struct conntrack *ct, struct ct_worker *w, uint32_t clash,
			   struct ct_ref *ref)
{
	/* What userspace makes joins nobody. */
	if (w != &ct->worker[ct->workers] &&
	    clash_is_allowed(w->begun.tuple[DIR_ORIGINAL].l4) &&
	    join_winner(ct, w, table_flow(&ct->table, clash), ref)) {
		tally(w, TALLY_CLASH_RESOLVE);
		return REASON_NONE;
	}
	tally(w, TALLY_INSERT_FAILED);
	tally(w, TALLY_DROP);
	return REASON_CLASH;
}

/* ---- confirm ---- */

/* It did not come into the table after all, and takes along what it expected. */
static void undo(struct conntrack *ct, struct ct_worker *w, struct flow *f)
{
	if (w->n_pending)
		expect_orphan(ct, w, (uint32_t)(f - ct->table.records));
	stats_count_flow(w, f, -1);
	give_back(ct, f);
}

/* Link the record; what had expired under one of its tuples is removed on the way. */
static enum table_insert insert(struct conntrack *ct, struct ct_worker *w, uint32_t index,
				uint64_t mono, uint32_t *ret_clash)
{
	const struct flow *f = &ct->table.records[index];
	const uint32_t hash[2] = {
		w->begun_hash,
		(uint32_t)tuple_hash(&ct->key, &f->tuple[DIR_REPLY]),
	};
	uint32_t expired[2];
	enum table_insert result;

	result = table_insert(&ct->table, index, hash, mono, ret_clash, expired);
	for (int i = 0; i < 2; i++) {
		if (expired[i] == FLOW_NONE)
			continue;
		life_bury(ct, w, &ct->table.records[expired[i]]);
		tally(w, TALLY_EXPIRED);
	}
	return result;
}

static uint32_t events_at_birth(const struct flow *f)
{
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);

	return (status & FLOW_EXPECTED ? CT_EVENT_RELATED : CT_EVENT_NEW) |
	       (atomic_load_explicit(&f->helper, memory_order_relaxed) ? CT_EVENT_HELPER : 0);
}

/* Where NAT has found no port the flow cannot enter: a stranger who begins such flows must not
 * take a record for each until its grace period is over. */
static bool is_lost(struct conntrack *ct, struct ct_worker *w, uint64_t mono,
		    uint32_t *ret_clash)
{
	const struct tuple *reply = &w->begun.tuple[DIR_REPLY];
	enum flow_dir dir;
	const struct flow *f;

	if (!has_other_source(&w->begun))
		return false;
	f = life_find(ct, w, reply, (uint32_t)tuple_hash(&ct->key, reply), mono, &dir);
	if (f)
		*ret_clash = table_ref((uint32_t)(f - ct->table.records), dir);
	return f != NULL;
}

enum reason confirm_begun(struct conntrack *ct, struct ct_worker *w, struct instant now,
			  struct ct_ref *ref)
{
	enum table_insert result;
	uint32_t index, clash = 0;
	struct flow *f;

	if (is_lost(ct, w, now.mono, &clash))
		return resolve(ct, w, clash, ref);
	index = take_record(ct, w);
	if (index == FLOW_NONE) {
		tally(w, TALLY_DROP);
		return REASON_TABLE_FULL;
	}
	f = &ct->table.records[index];
	event_note(&ct->events, &w->begun, events_at_birth(&w->begun));
	write_record(ct, w, f, now);
	stats_count_flow(w, f, 1);
	/* Whoever finds it in the table may remove it at once. */
	if (has_other_source(f))
		sources_link(&ct->sources, &ct->key, &ct->table, index);
	if (!helper_expect_pending(ct, w, index)) {
		undo(ct, w, f);
		return REASON_HELPER;
	}
	result = insert(ct, w, index, now.mono, &clash);
	if (result == TABLE_INSERTED) {
		tally(w, TALLY_CREATED);
		ref->flow = f;
		ref->unconfirmed = false;
		event_confirm(ct, w, f);
		return REASON_NONE;
	}
	undo(ct, w, f);
	if (result == TABLE_CLASH)
		return resolve(ct, w, clash, ref);
	tally(w, TALLY_INSERT_FAILED);
	tally(w, TALLY_CHAIN_LONG);
	return REASON_CHAIN_LONG;
}

enum reason conntrack_help(struct conntrack *ct, unsigned worker, struct packet *p,
			   struct instant now, struct ct_ref *ref)
{
	struct ct_worker *w = &ct->worker[worker];
	enum reason reason;

	ref->helped = true;
	if (!ref->flow)
		return REASON_NONE;
	if (ref->unconfirmed)
		helper_assign(ct, w);
	reason = helper_read(ct, w, p, now, ref);
	return reason == REASON_NONE ? seqadj_packet(ct, worker, p, ref) : reason;
}

enum reason conntrack_confirm(struct conntrack *ct, unsigned worker, struct packet *p,
			      struct instant now, struct ct_ref *ref)
{
	struct ct_worker *w = &ct->worker[worker];
	enum reason reason;

	reason = ref->helped ? REASON_NONE : conntrack_help(ct, worker, p, now, ref);
	if (reason != REASON_NONE || !ref->flow)
		return reason;
	if (ref->unconfirmed)
		return confirm_begun(ct, w, now, ref);
	event_confirm(ct, w, ref->flow);
	return REASON_NONE;
}
