/* expect.c - expectations (nf_conntrack_expect.c, conntrack.md 8.1).  See expect.h for
 * structure, life-cycle and locking. */
#include "conntrack/expect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/private.h"
#include "conntrack/record.h"

#define IDENTITY_BEGIN offsetof(struct expect, id)
#define IDENTITY_END offsetof(struct expect, state)

_Static_assert(sizeof(struct expect) == ARENA_EXPECT_SIZE, "a record of the arena");
_Static_assert(offsetof(struct expect, check) == 0 && IDENTITY_BEGIN == 4, "check comes first");

uint32_t conntrack_expect_records(uint32_t expect_max)
{
	/* As many spare ones, for what was removed since the last grace period. */
	return 2 * expect_max + 64;
}

/* Of a bitmap of records. */
static uint32_t words(const struct expects *x)
{
	return (x->n_records + 63) / 64;
}

int expects_init(struct expects *x, const struct arena *arena, const struct siphash_key *key)
{
	uint32_t buckets = 16, n = arena->header->expect_records;

	while (buckets < n)
		buckets *= 2;
	x->records = (struct expect *)arena->expects;
	x->n_records = n;
	x->mask = buckets - 1;
	x->key = *key;
	x->heads = calloc(buckets, sizeof(*x->heads));
	x->next = calloc(n + 1, sizeof(*x->next));
	x->sibling = calloc(n + 1, sizeof(*x->sibling));
	x->masters = calloc(arena->header->flow_records, sizeof(*x->masters));
	x->made = calloc(arena->header->flow_records, sizeof(*x->made));
	x->unused = calloc(words(x) + 1, sizeof(*x->unused));
	x->retired = calloc(words(x) + 1, sizeof(*x->retired));
	x->waiting = calloc(words(x) + 1, sizeof(*x->waiting));
	if (x->heads && x->next && x->sibling && x->masters && x->made && x->unused &&
	    x->retired && x->waiting)
		return 0;
	expects_fini(x);
	return -ENOMEM;
}

void expects_fini(struct expects *x)
{
	free(x->heads);
	free(x->next);
	free(x->sibling);
	free(x->masters);
	free(x->made);
	free(x->unused);
	free(x->retired);
	free(x->waiting);
	memset((void *)x, 0, sizeof(*x));
}

/* ---- records ---- */

static void set_bit(_Atomic uint64_t *bits, uint32_t index)
{
	atomic_fetch_or_explicit(&bits[index / 64], UINT64_C(1) << index % 64,
				 memory_order_release);
}

static void put_unused(struct expects *x, uint32_t index)
{
	set_bit(x->unused, index);
	atomic_fetch_add_explicit(&x->n_unused, 1, memory_order_relaxed);
}

/* An unused record, or EXPECT_NONE. */
static uint32_t take(struct expects *x)
{
	for (uint32_t i = 0; i < words(x); i++) {
		uint64_t bits = atomic_load_explicit(&x->unused[i], memory_order_relaxed);

		while (bits) {
			uint64_t lowest = bits & -bits;

			if (!atomic_compare_exchange_weak_explicit(&x->unused[i], &bits,
								   bits & ~lowest,
								   memory_order_acquire,
								   memory_order_relaxed))
				continue;
			atomic_fetch_sub_explicit(&x->n_unused, 1, memory_order_relaxed);
			return i * 64 + (uint32_t)__builtin_ctzll(lowest);
		}
	}
	return EXPECT_NONE;
}

static uint32_t index_of(const struct expects *x, const struct expect *e)
{
	return (uint32_t)(e - x->records);
}

uint32_t expect_checksum(const struct siphash_key *key, const struct expect *e)
{
	uint32_t check = (uint32_t)siphash_bytes(key, (const uint8_t *)e + IDENTITY_BEGIN,
						 IDENTITY_END - IDENTITY_BEGIN);

	return check ? check : 1;
}

static void write_record(struct conntrack *ct, struct expect *e, const struct expect *want,
			 uint32_t master)
{
	struct expects *x = &ct->expects;
	const struct flow *f = &ct->table.records[master];

	memcpy((char *)e + IDENTITY_BEGIN, (const char *)want + IDENTITY_BEGIN,
	       IDENTITY_END - IDENTITY_BEGIN);
	do {
		e->id = atomic_fetch_add_explicit(&x->next_id, 1, memory_order_relaxed);
	} while (e->id == 0);
	e->master = master;
	e->master_id = f->id;
	e->master_tuple = f->tuple[DIR_ORIGINAL];
	atomic_store_explicit(&e->flags, want->flags, memory_order_relaxed);
	atomic_store_explicit(&e->expires, want->expires, memory_order_relaxed);
	e->check = expect_checksum(&x->key, e);
}

static bool is_live(const struct expect *e)
{
	return atomic_load_explicit(&e->state, memory_order_acquire) == EXPECT_LIVE;
}

static bool has_expired(const struct expect *e, uint64_t mono)
{
	return atomic_load_explicit(&e->expires, memory_order_relaxed) <= mono;
}

/* Whoever gets true must remove it. */
static bool make_dead(struct expect *e)
{
	uint32_t state = EXPECT_LIVE;

	return atomic_compare_exchange_strong_explicit(&e->state, &state, EXPECT_DEAD,
						       memory_order_acq_rel,
						       memory_order_relaxed);
}

/* ---- lists ---- */

static uint32_t first(const _Atomic uint32_t *head)
{
	return atomic_load_explicit(head, memory_order_acquire) & ~TABLE_LOCK;
}

static uint32_t next_of(const struct expects *x, uint32_t at)
{
	return atomic_load_explicit(&x->next[at - 1], memory_order_acquire);
}

/* By what no expectation leaves open. */
static _Atomic uint32_t *bucket_of(const struct expects *x, const struct tuple *t)
{
	struct tuple key = *t;

	memset(&key.src, 0, sizeof(key.src));
	key.sport = 0;
	return &x->heads[(uint32_t)tuple_hash(&x->key, &key) & x->mask];
}

static void bucket_push(struct expects *x, _Atomic uint32_t *head, uint32_t index)
{
	atomic_store_explicit(&x->next[index], first(head), memory_order_relaxed);
	atomic_store_explicit(head, (index + 1) | TABLE_LOCK, memory_order_release);
}

static void bucket_remove(struct expects *x, _Atomic uint32_t *head, uint32_t index)
{
	uint32_t at = first(head), next = next_of(x, index + 1);

	if (at == index + 1) {
		atomic_store_explicit(head, next | TABLE_LOCK, memory_order_release);
		return;
	}
	while (next_of(x, at) != index + 1)
		at = next_of(x, at);
	atomic_store_explicit(&x->next[at - 1], next, memory_order_release);
}

static void sibling_push(struct expects *x, uint32_t master, uint32_t index)
{
	x->sibling[index] = first(&x->masters[master]);
	atomic_store_explicit(&x->masters[master], (index + 1) | TABLE_LOCK,
			      memory_order_relaxed);
}

static void sibling_remove(struct expects *x, uint32_t master, uint32_t index)
{
	uint32_t at = first(&x->masters[master]);

	if (at == index + 1) {
		atomic_store_explicit(&x->masters[master], x->sibling[index] | TABLE_LOCK,
				      memory_order_relaxed);
		return;
	}
	while (x->sibling[at - 1] != index + 1)
		at = x->sibling[at - 1];
	x->sibling[at - 1] = x->sibling[index];
}

/* The copy's state is that of the original when it was looked at. */
static void copy_record(const struct expect *e, struct expect *ret_copy)
{
	memcpy((void *)ret_copy, (const void *)e, IDENTITY_END);
	atomic_init(&ret_copy->state, atomic_load_explicit(&e->state, memory_order_relaxed));
	atomic_init(&ret_copy->flags, atomic_load_explicit(&e->flags, memory_order_relaxed));
	atomic_init(&ret_copy->expires,
		    atomic_load_explicit(&e->expires, memory_order_relaxed));
	memset(ret_copy->reserved, 0, sizeof(ret_copy->reserved));
}

static void tell(struct conntrack *ct, struct ct_worker *w, const struct expect *e,
		 enum ct_event_bit bit)
{
	struct expect copy;

	if (!event_wanted(&ct->events))
		return;
	copy_record(e, &copy);
	event_expect(ct, w, &copy, bit);
}

/* Remove one that this thread has made dead; the master's lock is held. */
static void bury_locked(struct conntrack *ct, struct ct_worker *w, struct expect *e)
{
	struct expects *x = &ct->expects;
	_Atomic uint32_t *head = bucket_of(x, &e->tuple);
	uint32_t index = index_of(x, e);

	sibling_remove(x, e->master, index);
	bucket_lock(head);
	bucket_remove(x, head, index);
	bucket_unlock(head);
	atomic_fetch_sub_explicit(&x->count, 1, memory_order_relaxed);
	tally(w, TALLY_EXPECT_DELETE);
	tell(ct, w, e, CT_EVENT_DESTROY);
	set_bit(x->retired, index);
}

static void bury(struct conntrack *ct, struct ct_worker *w, struct expect *e)
{
	_Atomic uint32_t *lock = &ct->expects.masters[e->master];

	bucket_lock(lock);
	bury_locked(ct, w, e);
	bucket_unlock(lock);
}

/* ---- comparing ---- */

static bool mask_equal(const struct expect *a, const struct expect *b)
{
	return a->sport_mask == b->sport_mask && addr_equal(&a->src_mask, &b->src_mask);
}

static bool destination_equal(const struct tuple *a, const struct tuple *b)
{
	return a->l4 == b->l4 && a->l3 == b->l3 && a->dport == b->dport && a->zone == b->zone &&
	       addr_equal(&a->dst, &b->dst);
}

static bool source_equal(const struct tuple *a, const struct tuple *b, const union addr *mask,
			 uint16_t port_mask)
{
	return (((a->src.d[0] ^ b->src.d[0]) & mask->d[0]) |
		((a->src.d[1] ^ b->src.d[1]) & mask->d[1]) |
		(unsigned)((a->sport ^ b->sport) & port_mask)) == 0;
}

bool expect_fits(const struct expect *e, const struct tuple *t)
{
	return destination_equal(&e->tuple, t) &&
	       source_equal(&e->tuple, t, &e->src_mask, e->sport_mask);
}

static bool is_equal(const struct expect *a, const struct expect *b)
{
	return tuple_equal(&a->tuple, &b->tuple) && mask_equal(a, b);
}

/* Some packet fits both. */
static bool clashes(const struct expect *a, const struct expect *b)
{
	const union addr both = { .d = { a->src_mask.d[0] & b->src_mask.d[0],
					 a->src_mask.d[1] & b->src_mask.d[1] } };

	return destination_equal(&a->tuple, &b->tuple) &&
	       source_equal(&a->tuple, &b->tuple, &both, a->sport_mask & b->sport_mask);
}

/* ---- insertion ---- */

/* What the master has already: an equal one to be replaced, or else, of a class that is
 * full, the oldest. */
static int find_victim(struct expects *x, uint32_t master, const struct expect *e,
		       unsigned class_max, struct expect **ret_victim)
{
	struct expect *oldest = NULL;
	unsigned n = 0;

	*ret_victim = NULL;
	for (uint32_t at = first(&x->masters[master]); at; at = x->sibling[at - 1]) {
		struct expect *old = &x->records[at - 1];

		if (!is_live(old))
			continue;
		if (is_equal(old, e)) {
			*ret_victim = old;
			return old->class == e->class ? 0 : -EALREADY;
		}
		if (old->class != e->class)
			continue;
		if (!oldest || (int32_t)(old->id - oldest->id) < 0)
			oldest = old;
		n++;
	}
	if (class_max && n >= class_max)
		*ret_victim = oldest;
	return 0;
}

/* Link it unless another, but for the one that it replaces, stands in its bucket's way. */
static int link_in_bucket(struct expects *x, uint32_t index, const struct expect *replaced,
			  const struct expect_terms *terms)
{
	struct expect *e = &x->records[index];
	_Atomic uint32_t *head = bucket_of(x, &e->tuple);
	int err = 0;

	bucket_lock(head);
	for (uint32_t at = first(head); at && !err; at = next_of(x, at)) {
		const struct expect *other = &x->records[at - 1];

		if (!is_live(other) || other == replaced || has_expired(other, terms->now))
			continue;
		if (terms->any_master && is_equal(other, e))
			err = -EALREADY;
		else if (clashes(other, e))
			err = -EBUSY;
	}
	if (!err) {
		atomic_store_explicit(&e->state, EXPECT_LIVE, memory_order_release);
		bucket_push(x, head, index);
	}
	bucket_unlock(head);
	return err;
}

/* Whether records run out: more than half of the spare ones wait for their grace period. */
static bool is_scarce(const struct expects *x)
{
	return atomic_load_explicit(&x->n_unused, memory_order_relaxed) < x->n_records / 4;
}

/* Where records run out, who made many of them goes without.  The master's lock is held.  A flow
 * whose record was another's in this period goes on counting where that one left off. */
static bool may_make(struct expects *x, uint32_t master)
{
	const uint32_t period = atomic_load_explicit(&x->period, memory_order_relaxed) << 8;
	uint32_t *made = &x->made[master];

	if ((*made & ~UINT32_C(0xff)) != period)
		*made = period;
	if ((*made & 0xff) == EXPECT_PERIOD_MAX)
		return !is_scarce(x);
	++*made;
	return true;
}

/* The master's lock is held and the record is written. */
static int insert_locked(struct conntrack *ct, struct ct_worker *w, uint32_t master,
			 uint32_t index, const struct expect_terms *terms)
{
	struct expects *x = &ct->expects;
	struct expect *e = &x->records[index], *victim;
	int err;

	if (atomic_load_explicit(&ct->table.records[master].status, memory_order_acquire) &
	    FLOW_DYING)
		return -ESHUTDOWN;
	if (!may_make(x, master))
		return -EMFILE;
	err = find_victim(x, master, e, terms->class_max, &victim);
	if (err)
		return err;
	if (atomic_fetch_add_explicit(&x->count, 1, memory_order_relaxed) >=
		    atomic_load_explicit(&ct->settings.expect_max, memory_order_relaxed) &&
	    !victim)
		err = -EMFILE;
	if (!err)
		err = link_in_bucket(x, index, victim && is_equal(victim, e) ? victim : NULL,
				     terms);
	if (err) {
		atomic_fetch_sub_explicit(&x->count, 1, memory_order_relaxed);
		return err;
	}
	sibling_push(x, master, index);
	tally(w, TALLY_EXPECT_CREATE);
	tell(ct, w, e, CT_EVENT_NEW);
	if (victim && make_dead(victim))
		bury_locked(ct, w, victim);
	return 0;
}

int expect_insert(struct conntrack *ct, struct ct_worker *w, uint32_t master,
		  const struct expect *want, const struct expect_terms *terms)
{
	struct expects *x = &ct->expects;
	uint32_t index = take(x);
	int err;

	if (index == EXPECT_NONE)
		return -EMFILE;
	write_record(ct, &x->records[index], want, master);
	bucket_lock(&x->masters[master]);
	err = insert_locked(ct, w, master, index, terms);
	bucket_unlock(&x->masters[master]);
	if (err) {
		/* Nobody has seen it. */
		x->records[index].check = 0;
		put_unused(x, index);
	}
	return err;
}

int expect_stands_alone(struct conntrack *ct, const struct expect *want, uint64_t mono)
{
	const struct expects *x = &ct->expects;

	if (atomic_load_explicit(&x->count, memory_order_relaxed) >=
	    atomic_load_explicit(&ct->settings.expect_max, memory_order_relaxed))
		return -EMFILE;
	for (uint32_t at = first(bucket_of(x, &want->tuple)); at; at = next_of(x, at)) {
		const struct expect *other = &x->records[at - 1];

		if (is_live(other) && !has_expired(other, mono) && clashes(other, want))
			return is_equal(other, want) ? -EALREADY : -EBUSY;
	}
	return 0;
}

/* ---- look-up ---- */

static bool is_ready(const struct expect *e, uint64_t mono)
{
	return is_live(e) && !has_expired(e, mono) &&
	       !(atomic_load_explicit(&e->flags, memory_order_acquire) & EXPECT_INACTIVE);
}

bool expect_take(struct conntrack *ct, struct ct_worker *w, const struct tuple *tuple,
		 uint64_t mono, struct expect *ret_copy)
{
	struct expects *x = &ct->expects;

	for (uint32_t at = first(bucket_of(x, tuple)); at; at = next_of(x, at)) {
		struct expect *e = &x->records[at - 1];
		const struct flow *master;
		uint32_t status;

		if (!is_ready(e, mono) || !expect_fits(e, tuple))
			continue;
		master = &ct->table.records[e->master];
		status = atomic_load_explicit(&master->status, memory_order_acquire);
		if ((status & (FLOW_CONFIRMED | FLOW_DYING)) != FLOW_CONFIRMED)
			continue;
		copy_record(e, ret_copy);
		if (ret_copy->flags & EXPECT_PERMANENT)
			return is_live(e);
		/* Of several workers one gets it. */
		if (!make_dead(e))
			continue;
		bury(ct, w, e);
		return true;
	}
	return false;
}

uint32_t expect_master(const struct conntrack *ct, const struct tuple *tuple, uint64_t mono)
{
	const struct expects *x = &ct->expects;

	for (uint32_t at = first(bucket_of(x, tuple)); at; at = next_of(x, at)) {
		const struct expect *e = &x->records[at - 1];

		if (is_ready(e, mono) && expect_fits(e, tuple))
			return e->master;
	}
	return FLOW_NONE;
}

bool expect_is_known(struct conntrack *ct, const struct tuple *tuple, uint32_t master,
		     const struct expect *like, uint64_t mono)
{
	const struct expects *x = &ct->expects;

	for (uint32_t at = first(bucket_of(x, tuple)); at; at = next_of(x, at)) {
		const struct expect *e = &x->records[at - 1];

		if (is_live(e) && !has_expired(e, mono) && expect_fits(e, tuple))
			return e->master != master && e->helper == like->helper &&
			       e->master_tuple.l4 == like->master_tuple.l4 &&
			       e->class == like->class;
	}
	return false;
}

/* ---- of one master ---- */

void expect_each_of(struct conntrack *ct, struct ct_worker *w, uint32_t master,
		    enum expect_step (*each)(void *arg, struct expect *e), void *arg)
{
	struct expects *x = &ct->expects;
	enum expect_step step = EXPECT_GO_ON;
	uint32_t next;

	bucket_lock(&x->masters[master]);
	for (uint32_t at = first(&x->masters[master]); at && step != EXPECT_STOP; at = next) {
		struct expect *e = &x->records[at - 1];

		next = x->sibling[at - 1];
		if (!is_live(e))
			continue;
		step = each(arg, e);
		if (step == EXPECT_REMOVE && make_dead(e))
			bury_locked(ct, w, e);
	}
	bucket_unlock(&x->masters[master]);
}

static enum expect_step remove_it(void *arg, struct expect *e)
{
	(void)arg;
	(void)e;
	return EXPECT_REMOVE;
}

void expect_orphan(struct conntrack *ct, struct ct_worker *w, uint32_t master)
{
	expect_each_of(ct, w, master, remove_it, NULL);
}

/* ---- housekeeping ---- */

void expects_expire(struct conntrack *ct, struct ct_worker *w, uint64_t mono)
{
	struct expects *x = &ct->expects;

	atomic_fetch_add_explicit(&x->period, 1, memory_order_relaxed);
	if (!expects_any(x))
		return;
	for (uint32_t i = 0; i < x->n_records; i++) {
		struct expect *e = &x->records[i];

		if (is_live(e) && has_expired(e, mono) && make_dead(e))
			bury(ct, w, e);
	}
}

bool expects_retired(struct expects *x)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < words(x); i++) {
		x->waiting[i] = atomic_load_explicit(&x->retired[i], memory_order_relaxed);
		if (x->waiting[i])
			x->waiting[i] = atomic_exchange_explicit(&x->retired[i], 0,
								 memory_order_acquire);
		any |= x->waiting[i];
	}
	return any != 0;
}

void expects_reuse(struct expects *x)
{
	for (uint32_t i = 0; i < words(x); i++) {
		for (uint64_t left = x->waiting[i]; left; left &= left - 1) {
			uint32_t index = i * 64 + (uint32_t)__builtin_ctzll(left);

			x->records[index].check = 0;
			atomic_store_explicit(&x->records[index].state, EXPECT_UNUSED,
					      memory_order_relaxed);
			put_unused(x, index);
		}
	}
}

/* ---- the control side ---- */

bool conntrack_each_expectation(struct conntrack *ct, uint32_t *cursor, struct instant now,
				bool (*each)(void *arg, uint32_t index,
					     const struct expect *copy),
				void *arg)
{
	const struct expects *x = &ct->expects;

	if (!expects_any(x))
		*cursor = x->n_records;
	while (*cursor < x->n_records) {
		uint32_t index = (*cursor)++;
		struct expect copy;

		if (!is_live(&x->records[index]) || has_expired(&x->records[index], now.mono))
			continue;
		copy_record(&x->records[index], &copy);
		if (!each(arg, index, &copy))
			break;
	}
	return *cursor >= x->n_records;
}

bool conntrack_delete_expectation(struct conntrack *ct, uint32_t index, uint32_t id)
{
	struct expect *e;

	if (index >= ct->expects.n_records)
		return false;
	e = &ct->expects.records[index];
	if (!is_live(e) || e->id != id || !make_dead(e))
		return false;
	bury(ct, &ct->worker[ct->workers], e);
	return true;
}

/* ---- recovery ---- */

/* Whether the flow that it names is there and would take it along when it ends. */
static bool master_is_there(const struct conntrack *ct, const struct expect *e)
{
	const struct flow *f = &ct->table.records[e->master];
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);

	return f->check && f->id == e->master_id && status & FLOW_CONFIRMED &&
	       status & FLOW_HELPER;
}

static bool is_sane(const struct conntrack *ct, const struct expect *e, struct instant now)
{
	const struct tuple *t = &e->tuple;
	uint32_t flags = atomic_load_explicit(&e->flags, memory_order_relaxed);
	uint64_t expires = atomic_load_explicit(&e->expires, memory_order_relaxed);

	return e->check == expect_checksum(&ct->expects.key, e) && e->id != 0 &&
	       (t->l3 == L3_IPV4 || t->l3 == L3_IPV6) && e->class < HELPER_CLASSES &&
	       e->dir <= DIR_REPLY && e->helper < HELPER_COUNT && e->assign < HELPER_COUNT &&
	       e->master < ct->table.n_records && master_is_there(ct, e) &&
	       !(flags & ~(uint32_t)(EXPECT_PERMANENT | EXPECT_INACTIVE)) &&
	       expires > now.mono && expires - now.mono <= EXPECT_TIMER_MAX;
}

static bool recover_one(struct conntrack *ct, uint32_t index, struct instant now)
{
	struct expects *x = &ct->expects;
	struct expect *e = &x->records[index];
	const struct expect_terms terms = { .now = now.mono };
	bool taken = atomic_load_explicit(&e->state, memory_order_relaxed) == EXPECT_LIVE;

	if (!taken || !is_sane(ct, e, now))
		return false;
	bucket_lock(&x->masters[e->master]);
	taken = link_in_bucket(x, index, NULL, &terms) == 0;
	if (taken) {
		sibling_push(x, e->master, index);
		atomic_fetch_add_explicit(&x->count, 1, memory_order_relaxed);
	}
	bucket_unlock(&x->masters[e->master]);
	return taken;
}

void expects_recover(struct conntrack *ct, struct instant now)
{
	struct expects *x = &ct->expects;
	uint32_t next_id = 1;

	for (uint32_t i = 0; i < x->n_records; i++) {
		struct expect *e = &x->records[i];

		if (recover_one(ct, i, now)) {
			ct->recovery.expectations++;
			if ((int32_t)(e->id - next_id) >= 0)
				next_id = e->id + 1;
			continue;
		}
		if (e->check)
			e->check = 0;
		if (atomic_load_explicit(&e->state, memory_order_relaxed))
			atomic_store_explicit(&e->state, EXPECT_UNUSED, memory_order_relaxed);
		put_unused(x, i);
	}
	atomic_store_explicit(&x->next_id, next_id, memory_order_relaxed);
}
