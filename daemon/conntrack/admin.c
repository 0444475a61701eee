/* admin.c - what the control side does to flows: make one, change one, zero its counters
 * (nf_conntrack_netlink.c: ctnetlink_create_conntrack, ctnetlink_change_conntrack).
 *
 * A flow that is made enters the table as any other does; what it lacks, being made of words
 * and not of packets, it learns: a TCP flow's windows are liberal and not yet known, and an
 * SCTP flow's tags are those of the packets that come first, unless they were said.
 *
 * Listeners are told of all of a flow that was changed by words, as by ctnetlink, and not only
 * of what is another.  All of it by the thread of the control side. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "conntrack/private.h"
#include "conntrack/record.h"
#include "conntrack/tcp.h"

/* Bits that userspace may set, and may not take away again (conntrack.md 1.8). */
#define STATUS_SETTABLE (FLOW_SEEN_REPLY | FLOW_ASSURED | FLOW_FIXED_TIMEOUT)

static bool is_sane(const struct flow_spec *spec)
{
	uint8_t l4 = spec->tuple[DIR_ORIGINAL].l4;
	unsigned states = l4 == IPPROTO_TCP ? TCPS_COUNT : l4 == IPPROTO_SCTP ? SCTPS_COUNT : 0;

	return tuples_are_sane(spec->tuple) && spec->timeout <= CT_TIMEOUT_MAX &&
	       (spec->status & ~STATUS_SETTABLE) == 0 &&
	       (states ? spec->state > 0 && spec->state < states : spec->state == 0);
}

static void set_tag(struct flow_sctp *s, int dir, uint32_t vtag)
{
	s->vtag[dir] = vtag;
	s->untagged[dir] = vtag == 0;
}

/* What the protocol's tracker would have begun with. */
static void begin_protocol(const struct conntrack *ct, struct flow *f,
			   const struct flow_spec *spec)
{
	switch (f->tuple[DIR_ORIGINAL].l4) {
	case IPPROTO_TCP:
		f->proto.tcp.state = spec->state;
		f->proto.tcp.side[0].flags = f->proto.tcp.side[1].flags = SIDE_BE_LIBERAL;
		break;
	case IPPROTO_SCTP:
		f->proto.sctp.state = spec->state;
		for (int dir = 0; dir < 2; dir++)
			set_tag(&f->proto.sctp, dir, spec->vtag[dir]);
		break;
	case IPPROTO_GRE:
		f->proto.gre.timeout = settings_timeout(&ct->settings, TIMEOUT_GRE);
		f->proto.gre.stream_timeout =
			settings_timeout(&ct->settings, TIMEOUT_GRE_STREAM);
		break;
	}
}

/* Where there is no memory for labels, the flow has none. */
static void set_labels(struct conntrack *ct, const struct ct_ref *ref, const uint64_t label[2])
{
	if ((label[0] | label[1]) && conntrack_reserve_extensions(ct) == 0)
		conntrack_set_label(ct, ct->workers, ref, label);
}

int conntrack_create(struct conntrack *ct, const struct flow_spec *spec, struct instant now)
{
	struct ct_worker *w = &ct->worker[ct->workers];
	struct flow *f = &w->begun;
	struct ct_ref ref = { .flow = f, .state = CT_STATE_NEW, .unconfirmed = true };
	enum flow_dir dir;

	if (!is_sane(spec))
		return -EINVAL;
	worker_set_now(w, now);
	for (int d = 0; d < 2; d++) {
		uint32_t hash = (uint32_t)tuple_hash(&ct->key, &spec->tuple[d]);

		if (life_find(ct, w, &spec->tuple[d], hash, now.mono, &dir))
			return -EEXIST;
		if (d == DIR_ORIGINAL)
			w->begun_hash = hash;
	}
	memset((void *)f, 0, sizeof(*f));
	memcpy(f->tuple, spec->tuple, sizeof(f->tuple));
	f->master = FLOW_NONE;
	f->status = spec->status & STATUS_SETTABLE;
	f->mark = spec->mark;
	w->begun_timeout = spec->timeout * NSEC_PER_SEC;
	begin_protocol(ct, f, spec);
	set_labels(ct, &ref, spec->label);
	/* As ctnetlink tells of what userspace made. */
	event_note(&ct->events, f, CT_EVENT_PROTOINFO | CT_EVENT_MARK);
	switch (confirm_begun(ct, w, now, &ref)) {
	case REASON_NONE:
		tally(w, TALLY_INSERT);
		return 0;
	case REASON_CLASH:
		return -EEXIST;
	default:
		return -ENOSPC;
	}
}

/* The flow's word is held. */
static void change_mark(struct flow *f, uint32_t keep, uint32_t flip)
{
	uint32_t before = atomic_load_explicit(&f->mark, memory_order_relaxed);

	atomic_store_explicit(&f->mark, (before & keep) ^ flip, memory_order_relaxed);
}

static void change_state(struct ct_worker *w, struct flow *f, const struct flow_change *change)
{
	_Atomic uint32_t *before = stats_state(w, f, f->tuple[DIR_ORIGINAL].l4);

	if (f->tuple[DIR_ORIGINAL].l4 == IPPROTO_TCP && change->tcp_state)
		f->proto.tcp.state = change->tcp_state;
	if (f->tuple[DIR_ORIGINAL].l4 == IPPROTO_SCTP && change->sctp_state)
		f->proto.sctp.state = change->sctp_state;
	for (int dir = 0; dir < 2; dir++) {
		if (f->tuple[DIR_ORIGINAL].l4 == IPPROTO_SCTP && change->has_vtag[dir])
			set_tag(&f->proto.sctp, dir, change->vtag[dir]);
	}
	stats_move(before, stats_state(w, f, f->tuple[DIR_ORIGINAL].l4));
}

/* The extension takes the flow's word itself. */
static void change_labels(struct conntrack *ct, struct flow *f,
			  const struct flow_change *change)
{
	const struct ct_ref ref = { .flow = f };
	struct flow_ext *ext;

	if (conntrack_ext(ct, ct->workers, &ref) &&
	    (~change->label_keep[0] | ~change->label_keep[1])) {
		ext = conntrack_ext_own(ct, ct->workers, &ref);
		for (int i = 0; ext && i < 2; i++)
			if (atomic_fetch_and_explicit(&ext->label[i], change->label_keep[i],
						      memory_order_relaxed) &
			    ~change->label_keep[i])
				atomic_fetch_or_explicit(&f->events, CT_EVENT_LABEL,
							 memory_order_relaxed);
	}
	set_labels(ct, &ref, change->label_set);
}

int conntrack_update(struct conntrack *ct, uint32_t index, uint32_t id,
		     const struct flow_change *change, struct instant now,
		     struct flow *ret_copy)
{
	struct ct_worker *w = &ct->worker[ct->workers];
	struct flow *f;

	if (change->set_status & ~STATUS_SETTABLE || change->timeout > CT_TIMEOUT_MAX ||
	    change->tcp_state >= TCPS_COUNT || change->sctp_state >= SCTPS_COUNT)
		return -EINVAL;
	if (index >= ct->table.n_records)
		return -ENOENT;
	f = &ct->table.records[index];
	worker_set_now(w, now);
	record_lock(f);
	if ((atomic_load_explicit(&f->status, memory_order_relaxed) &
	     (FLOW_CONFIRMED | FLOW_DYING)) != FLOW_CONFIRMED || f->id != id) {
		record_unlock(f);
		return -ENOENT;
	}
	atomic_fetch_or_explicit(&f->status, change->set_status, memory_order_relaxed);
	if (change->has_mark)
		change_mark(f, change->mark_keep, change->mark_flip);
	if (change->has_timeout)
		atomic_store_explicit(&f->expires, now.mono + change->timeout * NSEC_PER_SEC,
				      memory_order_relaxed);
	change_state(w, f, change);
	event_note(&ct->events, f, CT_EVENT_UPDATES);
	record_unlock(f);
	change_labels(ct, f, change);
	record_copy(f, ret_copy);
	event_confirm(ct, w, f);
	return 0;
}

bool conntrack_zero(struct conntrack *ct, uint32_t index, uint32_t id, struct flow *copy)
{
	struct flow *f = index < ct->table.n_records ? &ct->table.records[index] : NULL;
	bool found;

	if (!f)
		return false;
	record_lock(f);
	found = f->id == id && (atomic_load_explicit(&f->status, memory_order_relaxed) &
				(FLOW_CONFIRMED | FLOW_DYING)) == FLOW_CONFIRMED;
	if (found) {
		memcpy(copy->acct, f->acct, sizeof(copy->acct));
		memset(f->acct, 0, sizeof(f->acct));
	}
	record_unlock(f);
	return found;
}
