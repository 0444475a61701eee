/* conntrack.c - a packet meets its flow (nf_conntrack_in, conntrack.md 1.3).
 *
 *    1  a wrong checksum, or no transport header: invalid
 *    2  ICMP first: errors belong to the flow of what they quote, neighbour discovery is
 *       untracked
 *    3  tuple and look-up; without a flow, one begins
 *    4  the protocol's tracker judges
 *    5  timer, counters, status bits
 *
 * Life-cycle of a flow: it begins in the worker's own scratch, so that a packet which the
 * rules drop leaves nothing behind; conntrack_confirm() copies it into a record of the arena
 * and links it; life.c ends it.
 *
 * Locking: look-ups take none.  From step 4 on the flow's word is held, one atomic operation
 * for an established flow. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/helper.h"
#include "conntrack/private.h"
#include "conntrack/record.h"
#include "conntrack/seqadj.h"

#define MAX_FLOWS_DEFAULT 262144
#define MAX_FLOWS_LIMIT 16777216
#define EXPECT_MAX_DEFAULT 4096
#define EXPECT_MAX_LIMIT 65536
#define COLD_LIMIT 86400
#define RETRANS_LIMIT UINT8_MAX

/* A worker's scratch for packets.  Not touched before it is needed, so no memory before. */
#define SCRATCH_LEAD 16
#define SCRATCH_BYTES (65536 + CACHE_LINE)

_Static_assert(SCRATCH_BYTES >= SCRATCH_LEAD + PACKET_MAX, "the longest packet has room");
_Static_assert(sizeof(struct flow) == ARENA_FLOW_SIZE, "a record of the arena is a flow");

/* ---- options ---- */

void conntrack_options_default(struct conntrack_options *ret_options)
{
	*ret_options = (struct conntrack_options){
		.max_flows = MAX_FLOWS_DEFAULT,
		.tcp_loose = TCP_LOOSE_NO,
		.checksum = true,
		.reserve = { .n = 5, .percent = true },
		.tcp_loose_cold = 300,
		.tcp_max_retrans = 3,
		.expect_max = EXPECT_MAX_DEFAULT,
		.timeout = {
#define TIMEOUT(id, option, seconds, help) [TIMEOUT_##id] = seconds,
#include "ctfw/timeout.def"
#undef TIMEOUT
		},
	};
}

uint32_t conntrack_records(uint32_t max_flows)
{
	/* Spare ones for what was removed since the last grace period: with an eighth of the
	 * usual table, 300,000 removals a second are covered when housekeeping comes round
	 * ten times a second. */
	return max_flows + max_flows / 8 + 1024;
}

uint32_t conntrack_max_flows(uint32_t records)
{
	uint32_t spare = conntrack_records(0), flows;

	flows = records > spare ? (records - spare) / 9 * 8 : 0;
	while (flows < MAX_FLOWS_LIMIT && conntrack_records(flows + 1) <= records)
		flows++;
	return flows < MAX_FLOWS_LIMIT ? flows : MAX_FLOWS_LIMIT;
}

/* There may be fewer records than expect_max says: what finds none is refused. */
static bool options_are_valid(const struct conntrack_options *o, uint32_t records)
{
	if (o->max_flows < 1 || o->max_flows > MAX_FLOWS_LIMIT ||
	    conntrack_records(o->max_flows) > records || o->expect_max < 1 ||
	    o->expect_max > EXPECT_MAX_LIMIT || o->helpers & ~HELPERS_KNOWN ||
	    o->tcp_loose < TCP_LOOSE_NO || o->tcp_loose > TCP_LOOSE_COLD ||
	    o->tcp_loose_cold < 1 || o->tcp_loose_cold > COLD_LIMIT ||
	    o->tcp_max_retrans > RETRANS_LIMIT || o->reserve_for.n > CT_RESERVE_MAX)
		return false;
	for (unsigned i = 1; i < TIMEOUT_COUNT; i++) {
		if (o->timeout[i] > CT_TIMEOUT_MAX)
			return false;
	}
	return true;
}

static void store_options(struct conntrack *ct, const struct conntrack_options *o)
{
	struct settings *s = &ct->settings;

	ct->cold = ct->recovery.kept ? 0 : o->tcp_loose_cold * NSEC_PER_SEC;
	atomic_store_explicit(&s->max_flows, o->max_flows, memory_order_relaxed);
	atomic_store_explicit(&s->acct, o->acct, memory_order_relaxed);
	atomic_store_explicit(&s->timestamp, o->timestamp, memory_order_relaxed);
	atomic_store_explicit(&s->tcp_loose, (uint8_t)o->tcp_loose, memory_order_relaxed);
	reserve_store(s, o);
	atomic_store_explicit(&s->checksum, o->checksum, memory_order_relaxed);
	atomic_store_explicit(&s->cold_until, ct->started + ct->cold, memory_order_relaxed);
	atomic_store_explicit(&s->be_liberal, o->tcp_be_liberal, memory_order_relaxed);
	atomic_store_explicit(&s->ignore_invalid_rst, o->tcp_ignore_invalid_rst,
			      memory_order_relaxed);
	atomic_store_explicit(&s->max_retrans, (uint8_t)o->tcp_max_retrans,
			      memory_order_relaxed);
	atomic_store_explicit(&s->helpers, o->helpers, memory_order_relaxed);
	atomic_store_explicit(&s->expect_max, o->expect_max, memory_order_relaxed);
	for (unsigned i = 1; i < TIMEOUT_COUNT; i++)
		atomic_store_explicit(&s->timeout[i], o->timeout[i] * NSEC_PER_SEC,
				      memory_order_relaxed);
}

int conntrack_set_options(struct conntrack *ct, const struct conntrack_options *options)
{
	int err = 0;

	if (!options_are_valid(options, ct->table.n_records))
		return -EINVAL;
	if (options->helpers)
		err = conntrack_reserve_extensions(ct);
	if (!err)
		store_options(ct, options);
	return err;
}

bool conntrack_shows_acct(const struct conntrack *ct)
{
	return atomic_load_explicit(&ct->settings.acct, memory_order_relaxed);
}

bool conntrack_shows_timestamp(const struct conntrack *ct)
{
	return atomic_load_explicit(&ct->settings.timestamp, memory_order_relaxed);
}

/* ---- life-cycle ---- */

static void *alloc_lines(size_t size)
{
	void *p;

	size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	p = aligned_alloc(CACHE_LINE, size);
	if (p)
		memset(p, 0, size);
	return p;
}

struct conntrack *conntrack_new(const struct arena *arena,
				const struct conntrack_options *options, unsigned workers,
				struct instant now)
{
	struct conntrack *ct;
	int err;

	if (workers < 1 || workers > ARENA_MAX_WORKERS ||
	    arena->header->flow_size != ARENA_FLOW_SIZE ||
	    !options_are_valid(options, arena->header->flow_records)) {
		errno = EINVAL;
		return NULL;
	}
	ct = alloc_lines(sizeof(*ct));
	if (!ct)
		return NULL;
	ct->worker = alloc_lines((workers + 1) * sizeof(*ct->worker));
	ct->scratch = aligned_alloc(CACHE_LINE, workers * (size_t)SCRATCH_BYTES);
	ct->key = (struct siphash_key){ arena->header->key[0], arena->header->key[1] };
	if (!ct->worker || !ct->scratch ||
	    table_init(&ct->table, arena, options->max_flows) < 0 ||
	    sources_init(&ct->sources, ct->table.n_records) < 0 ||
	    keymap_init(&ct->keymap, ct->table.n_records) < 0 ||
	    expects_init(&ct->expects, arena, &ct->key) < 0) {
		conntrack_free(ct);
		errno = ENOMEM;
		return NULL;
	}
	ct->workers = workers;
	for (unsigned i = 0; i < workers; i++)
		ct->worker[i].scratch = ct->scratch + i * (size_t)SCRATCH_BYTES + SCRATCH_LEAD;
	ct->arena = *arena;
	policy_init(ct);
	ct->next_id = &arena->header->next_flow_id;
	recover_flows(ct, now);
	expects_recover(ct, now);
	ct->started = now.mono;
	store_options(ct, options);
	err = options->helpers ? conntrack_reserve_extensions(ct) : 0;
	if (err) {
		conntrack_free(ct);
		errno = -err;
		return NULL;
	}
	return ct;
}

void conntrack_set_start(struct conntrack *ct, struct instant now)
{
	ct->started = now.mono;
	atomic_store_explicit(&ct->settings.cold_until, ct->started + ct->cold,
			      memory_order_relaxed);
}

void conntrack_free(struct conntrack *ct)
{
	if (!ct)
		return;
	table_fini(&ct->table);
	sources_fini(&ct->sources);
	keymap_fini(&ct->keymap);
	events_fini(&ct->events, ct->workers + 1);
	expects_fini(&ct->expects);
	free(ct->scratch);
	free(ct->worker);
	free(ct);
}

struct siphash_key conntrack_key(const struct conntrack *ct)
{
	return ct->key;
}

struct conntrack_recovery conntrack_recovery(const struct conntrack *ct)
{
	return ct->recovery;
}

/* ---- a packet ---- */

static uint32_t hash_of(const struct conntrack *ct, struct packet *p, const struct tuple *tuple)
{
	if (!p->hash)
		p->hash = tuple_hash(&ct->key, tuple);
	return (uint32_t)p->hash;
}

void conntrack_prefetch(struct conntrack *ct, struct packet *p, struct ct_zone zone)
{
	struct tuple tuple;

	p->hash = 0;
	/* GRE's key may not be known yet. */
	if (p->l4_proto == IPPROTO_GRE || tuple_from_packet(p, zone.original, &tuple) < 0)
		return;
	__builtin_prefetch(&ct->table.heads[hash_of(ct, p, &tuple) & ct->table.mask]);
}

void conntrack_prefetch_link(struct conntrack *ct, const struct packet *p)
{
	uint32_t ref = p->hash ? table_first(&ct->table, (uint32_t)p->hash) : 0;

	if (ref)
		__builtin_prefetch(&ct->table.links[ref - 1]);
}

void conntrack_prefetch_flow(struct conntrack *ct, const struct packet *p)
{
	const struct flow *f;
	uint32_t ref;

	if (!p->hash)
		return;
	ref = table_first(&ct->table, (uint32_t)p->hash);
	while (ref && ct->table.links[ref - 1].hash != (uint32_t)p->hash)
		ref = table_next(&ct->table, ref);
	if (!ref)
		return;
	f = table_flow(&ct->table, ref);
	__builtin_prefetch(&f->tuple[table_dir(ref)]);
	__builtin_prefetch(&f->word, 1);
	__builtin_prefetch((const char *)&f->word + CACHE_LINE, 1);
}

static enum track_verdict track(struct track *t)
{
	switch (t->packet->l4_proto) {
	case IPPROTO_TCP:
		return tcp_track(t);
	case IPPROTO_UDP:
		return udp_track(t);
	case IPPROTO_UDPLITE:
		return udplite_track(t);
	case IPPROTO_ICMP:
		return icmp_track(t);
	case IPPROTO_ICMPV6:
		return icmpv6_track(t);
	case IPPROTO_SCTP:
		return sctp_track(t);
	case IPPROTO_GRE:
		return gre_track(t);
	default:
		return generic_track(t);
	}
}

/* What rules will see (conntrack.md 1.3-5). */
static uint8_t state_of(uint32_t status, enum flow_dir dir)
{
	if (dir == DIR_REPLY || status & FLOW_SEEN_REPLY)
		return CT_STATE_ESTABLISHED;
	return status & FLOW_EXPECTED ? CT_STATE_RELATED : CT_STATE_NEW;
}

static uint32_t events_of_status(uint32_t set)
{
	return (set & FLOW_SEEN_REPLY ? CT_EVENT_REPLY : 0) |
	       (set & FLOW_ASSURED ? CT_EVENT_ASSURED : 0);
}

/* Steps 4 and 5 for a flow that is in the table. */
static enum track_verdict go_on(struct conntrack *ct, struct ct_worker *w, struct flow *f,
				enum flow_dir dir, const struct packet *p, uint64_t mono,
				struct ct_ref *ret_ref)
{
	struct track t = {
		.settings = &ct->settings,
		.flow = f,
		.packet = p,
		.now = mono,
		.dir = dir,
	};
	enum track_verdict verdict;
	_Atomic uint32_t *before;
	uint32_t set, events = 0;

	record_lock(f);
	t.status = atomic_load_explicit(&f->status, memory_order_relaxed);
	if (t.status & FLOW_DYING) {
		record_unlock(f);
		return TRACK_AGAIN;
	}
	if (t.status & FLOW_SEQ_ADJ)
		t.ack_shift = seqadj_of_ack(ct, f, dir, p);
	before = stats_state(w, f, p->l4_proto);
	verdict = track(&t);
	if ((verdict == TRACK_ACCEPT || (verdict == TRACK_INVALID && t.timeout)) &&
	    !(t.status & FLOW_FIXED_TIMEOUT))
		atomic_store_explicit(&f->expires, mono + t.timeout, memory_order_relaxed);
	if (verdict == TRACK_ACCEPT || verdict == TRACK_KILL)
		account(f, dir, p);
	set = t.set_status;
	if (dir == DIR_REPLY && verdict != TRACK_INVALID && verdict != TRACK_AGAIN)
		set |= FLOW_SEEN_REPLY;
	if (set & ~t.status) {
		atomic_fetch_or_explicit(&f->status, set, memory_order_relaxed);
		events |= events_of_status(set & ~t.status);
	}
	if (stats_move(before, stats_state(w, f, p->l4_proto)))
		events |= CT_EVENT_PROTOINFO;
	event_note(&ct->events, f, events);
	record_unlock(f);

	if (verdict == TRACK_KILL || verdict == TRACK_AGAIN)
		life_kill(ct, w, f);
	ret_ref->flow = f;
	ret_ref->dir = dir;
	ret_ref->state = state_of(t.status, dir);
	return verdict;
}

/* Steps 4 and 5 for a packet that belongs to none. */
static enum track_verdict begin(struct conntrack *ct, struct ct_worker *w,
				const struct tuple *tuple, struct ct_zone zone,
				const struct packet *p, uint64_t mono, struct ct_ref *ret_ref)
{
	struct flow *f = &w->begun;
	struct track t = {
		.settings = &ct->settings,
		.flow = f,
		.packet = p,
		.now = mono,
		.dir = DIR_ORIGINAL,
		.begins = true,
	};

	memset((void *)f, 0, sizeof(*f));
	f->tuple[DIR_ORIGINAL] = *tuple;
	f->master = FLOW_NONE;
	w->n_pending = 0;
	if (tuple_invert(tuple, &f->tuple[DIR_REPLY]) < 0)
		return TRACK_INVALID;
	f->tuple[DIR_REPLY].zone = zone.reply;
	if (track(&t) != TRACK_ACCEPT)
		return TRACK_INVALID;
	account(f, DIR_ORIGINAL, p);
	if (stats_state(w, f, p->l4_proto))
		event_note(&ct->events, f, CT_EVENT_PROTOINFO);
	w->begun_timeout = t.timeout;
	w->begun_hash = (uint32_t)p->hash;
	ret_ref->flow = f;
	ret_ref->dir = DIR_ORIGINAL;
	ret_ref->state = CT_STATE_NEW;
	ret_ref->unconfirmed = true;
	return TRACK_ACCEPT;
}

/* Whether there is room for one flow more, if need be at the cost of others. */
static bool has_room(struct conntrack *ct, struct ct_worker *w, uint32_t hash, uint64_t mono)
{
	uint32_t max = atomic_load_explicit(&ct->settings.max_flows, memory_order_relaxed);
	uint32_t reserved = atomic_load_explicit(&ct->settings.reserved, memory_order_relaxed);
	uint32_t limit = settings_open(max, reserved);
	bool favoured;

	if (atomic_load_explicit(&ct->flows, memory_order_relaxed) < limit)
		return true;
	favoured = reserved && reserve_is_for(&ct->settings, &w->begun.tuple[DIR_ORIGINAL]);
	if (favoured)
		limit = max;
	if (atomic_load_explicit(&ct->flows, memory_order_relaxed) < limit)
		return true;
	/* With flows in the reserved part, others may have to go before there is room. */
	return life_early_drop(ct, w, hash, favoured, mono) &&
	       atomic_load_explicit(&ct->flows, memory_order_relaxed) < limit;
}

/* A flow that has begun takes its place, and the expectation that it fulfils.  Unlike in the
 * kernel an invalid packet makes no room, and uses no expectation up. */
static enum reason enter(struct conntrack *ct, struct ct_worker *w, uint32_t hash,
			 uint64_t mono, struct ct_ref *ret_ref)
{
	if (!has_room(ct, w, hash, mono)) {
		*ret_ref = (struct ct_ref){ .state = CT_STATE_INVALID };
		tally(w, TALLY_DROP);
		return REASON_TABLE_FULL;
	}
	if (expects_any(&ct->expects)) {
		helper_fulfil(ct, w, mono);
		ret_ref->state = state_of(atomic_load_explicit(&w->begun.status,
							       memory_order_relaxed),
					  DIR_ORIGINAL);
	}
	return REASON_NONE;
}

/* The flow that a tuple of this zone belongs to (nf_conntrack_find_get): in the original
 * direction by the zone of that direction, in which the tuple is; else by the other's. */
static struct flow *find(struct conntrack *ct, struct ct_worker *w, const struct tuple *tuple,
			 struct ct_zone zone, uint32_t hash, uint64_t mono,
			 enum flow_dir *ret_dir)
{
	struct flow *f = life_find(ct, w, tuple, hash, mono, ret_dir);
	struct tuple other = *tuple;

	if (__builtin_expect(zone.original == zone.reply, 1) ||
	    (f && *ret_dir == DIR_ORIGINAL))
		return f;
	other.zone = zone.reply;
	f = life_find(ct, w, &other, (uint32_t)tuple_hash(&ct->key, &other), mono, ret_dir);
	return f && *ret_dir == DIR_REPLY ? f : NULL;
}

/* An error is related to the flow of what it quotes if it goes to whoever sent that; it
 * changes nothing of the flow (conntrack.md 5.3). */
static void relate(struct conntrack *ct, struct ct_worker *w, const struct packet *p,
		   const struct tuple *sought, struct ct_zone zone, uint64_t mono,
		   struct ct_ref *ret_ref)
{
	uint32_t hash = (uint32_t)tuple_hash(&ct->key, sought);
	enum flow_dir dir = DIR_ORIGINAL;
	struct flow *f = find(ct, w, sought, zone, hash, mono, &dir);

	if (!f || !addr_equal(&p->daddr, &f->tuple[dir].dst)) {
		tally(w, TALLY_ERROR);
		return;
	}
	ret_ref->flow = f;
	ret_ref->dir = dir;
	ret_ref->state = CT_STATE_RELATED;
}

/* Step 2; false: go on as with any other packet. */
static bool handle_icmp(struct conntrack *ct, struct ct_worker *w, const struct packet *p,
			struct ct_zone zone, uint64_t mono, struct ct_ref *ret_ref)
{
	struct tuple sought;

	switch (icmp_classify(ct, p, zone.original, &sought)) {
	case ICMP_CLASS_INVALID:
		tally(w, TALLY_ERROR);
		return true;
	case ICMP_CLASS_UNTRACKED:
		ret_ref->state = CT_STATE_UNTRACKED;
		return true;
	case ICMP_CLASS_ERROR:
		relate(ct, w, p, &sought, zone, mono, ret_ref);
		return true;
	default:
		return false;
	}
}

/* Its receiver will drop it, so it must not move a flow's state.  As the kernel asks in
 * prerouting only (conntrack.md 3.1, 4.1, 5.1), the host's own are believed. */
static bool is_damaged(const struct conntrack *ct, const struct packet *p)
{
	return !(p->flags & PACKET_OWN) &&
	       atomic_load_explicit(&ct->settings.checksum, memory_order_relaxed) &&
	       !packet_checksum_ok(p);
}

enum reason conntrack_in(struct conntrack *ct, unsigned worker, struct packet *p,
			 struct ct_zone zone, struct instant now, struct ct_ref *ret_ref)
{
	struct ct_worker *w = &ct->worker[worker];
	enum track_verdict verdict;
	struct tuple tuple;
	uint32_t hash;

	*ret_ref = (struct ct_ref){ .state = CT_STATE_INVALID };
	worker_set_now(w, now);
	if (is_damaged(ct, p)) {
		tally(w, is_icmp(p) ? TALLY_ERROR : TALLY_INVALID);
		return REASON_NONE;
	}
	if (is_icmp(p) && handle_icmp(ct, w, p, zone, now.mono, ret_ref))
		return REASON_NONE;
	if (keymap_tuple(ct, p, zone.original, &tuple) < 0) {
		tally(w, TALLY_INVALID);
		return REASON_NONE;
	}
	hash = hash_of(ct, p, &tuple);
	do {
		enum flow_dir dir;
		struct flow *f = find(ct, w, &tuple, zone, hash, now.mono, &dir);

		verdict = f ? go_on(ct, w, f, dir, p, now.mono, ret_ref) :
			      begin(ct, w, &tuple, zone, p, now.mono, ret_ref);
	} while (verdict == TRACK_AGAIN);

	if (verdict == TRACK_INVALID) {
		*ret_ref = (struct ct_ref){ .state = CT_STATE_INVALID };
		tally(w, TALLY_INVALID);
	} else if (ret_ref->unconfirmed) {
		return enter(ct, w, hash, now.mono, ret_ref);
	}
	return REASON_NONE;
}

/* ---- from outside ---- */

void conntrack_set_closing(struct conntrack *ct, unsigned worker, struct flow *f,
			   struct instant now)
{
	struct ct_worker *w = &ct->worker[worker];
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);
	uint8_t before;

	if (f->tuple[DIR_ORIGINAL].l4 != IPPROTO_TCP || !(status & FLOW_CONFIRMED))
		return;
	record_lock(f);
	before = f->proto.tcp.state;
	if (before != TCPS_CLOSE &&
	    !(atomic_load_explicit(&f->status, memory_order_relaxed) & FLOW_DYING)) {
		f->proto.tcp.state = TCPS_CLOSE;
		tally_add32(&w->tcp_states[before], -1u);
		tally_add32(&w->tcp_states[TCPS_CLOSE], 1);
		if (!(status & FLOW_FIXED_TIMEOUT))
			atomic_store_explicit(&f->expires,
					      now.mono + flow_timeout(&ct->settings, f,
								      TIMEOUT_TCP_CLOSE),
					      memory_order_relaxed);
	}
	record_unlock(f);
}
