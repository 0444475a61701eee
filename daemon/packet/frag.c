/* frag.c - the table of datagrams that wait for fragments.
 *
 *    buckets        datagrams (a fixed number)      pieces and chunks (as many)
 *    +-----+        +--------------------+          +-------+
 *    |   --+------->| key, what is known |--------->| piece |--> piece ...
 *    +-----+        | next               |          +-------+
 *    |     |        | older, newer       |          | data  |--> chunk ...
 *    +-----+        +--------------------+          +-------+
 *
 * Every datagram but the strangest has a piece, every piece a chunk: so there are as many of
 * each, made from max_memory at the start.  When none is left, a fragment is dropped
 * and what waits is left alone, as the kernel does above its high_thresh.
 *
 * Life-cycle of a fragment: its data are stored before any lock is taken; it is put to its
 * datagram, or given back.  Of a datagram: begun with its first fragment; unlinked when it
 * is whole, broken or too old, by whoever finds that, who then has it alone; its memory given
 * back.
 *
 * Locking: a stripe's lock covers the buckets of that stripe, the datagrams in them, and its
 * lists of them by age, one for each family since they live for different times.  No
 * two locks are held at once.  Lists of unused memory are stacks without a lock. */
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ctfw/spin.h"
#include "packet/frag_private.h"

#define STRIPES 256
#define SOURCES 4096 /* counters of fragments, by a hash of the source */

struct stripe {
	alignas(64) _Atomic uint32_t lock;
	uint32_t oldest[2], newest[2]; /* by family */
	_Atomic uint32_t datagrams, fragments; /* written under the lock, read by anyone */
	_Atomic uint64_t bytes;
};

struct frag_table {
	struct frag_store store;
	struct frag_pool queue_pool;
	struct frag_queue *queues;
	uint32_t *buckets;
	uint32_t mask; /* buckets - 1 */
	uint32_t units; /* chunks, pieces, datagrams */
	struct siphash_key key;
	_Atomic uint64_t timeout[2]; /* ns, by family */
	_Atomic uint32_t max_distance;
	_Atomic uint64_t timed_out, overtaken;
	struct stripe stripes[STRIPES];
	_Atomic uint32_t seen[SOURCES];
};

void frag_options_default(struct frag_options *ret_options)
{
	*ret_options = (struct frag_options){
		.max_memory = 4u << 20,
		.timeout = 30,
		.timeout_ipv6 = 60,
		.max_distance = 64,
	};
}

/* ---- memory ---- */

uint32_t frag_pool_take(struct frag_pool *pool, uint32_t n)
{
	uint64_t top = atomic_load_explicit(&pool->top, memory_order_acquire);

	for (;;) {
		uint32_t rest = (uint32_t)top, i;
		uint64_t again;

		for (i = 0; i < n && rest; i++)
			rest = atomic_load_explicit(&pool->next[rest - 1],
						    memory_order_relaxed);
		if (i < n) {
			/* True if nobody has changed what was walked. */
			again = atomic_load_explicit(&pool->top, memory_order_acquire);
			if (again == top)
				return 0;
			top = again;
			continue;
		}
		if (atomic_compare_exchange_weak_explicit(
			    &pool->top, &top, ((top >> 32) + 1) << 32 | rest,
			    memory_order_acq_rel, memory_order_acquire))
			return (uint32_t)top;
	}
}

void frag_pool_give(struct frag_pool *pool, uint32_t first, uint32_t last)
{
	uint64_t top = atomic_load_explicit(&pool->top, memory_order_relaxed);

	do
		atomic_store_explicit(&pool->next[last - 1], (uint32_t)top,
				      memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&pool->top, &top,
						      ((top >> 32) + 1) << 32 | first,
						      memory_order_acq_rel,
						      memory_order_relaxed));
}

static int pool_init(struct frag_pool *pool, uint32_t n)
{
	pool->next = malloc(n * sizeof(*pool->next));
	if (!pool->next)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		atomic_init(&pool->next[i], i + 1 < n ? i + 2 : 0);
	atomic_init(&pool->top, 1);
	return 0;
}

/* What a unit takes: its share of everything that there are as many of. */
static uint32_t units_of(uint32_t memory)
{
	return memory / (FRAG_CHUNK + sizeof(struct frag_piece) + sizeof(struct frag_queue) +
			 2 * sizeof(uint32_t) + sizeof(uint32_t));
}

/* ---- life-cycle ---- */

struct frag_table *frag_table_new(const struct frag_options *options,
				  const struct siphash_key *key)
{
	struct frag_table *t = aligned_alloc(64, sizeof(*t));
	uint32_t buckets = STRIPES;

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->units = units_of(options->max_memory);
	while (buckets < t->units)
		buckets *= 2;
	t->mask = buckets - 1;
	/* The flow table's key, for other hashes than its own. */
	t->key.k0 = siphash_pair(key, 'f', 0);
	t->key.k1 = siphash_pair(key, 'f', 1);
	t->store.seed = (uint32_t)siphash_pair(key, 'f', 2);
	frag_table_set_options(t, options);
	/* Not touched before it is used. */
	t->store.chunks = malloc((size_t)t->units * sizeof(*t->store.chunks));
	t->store.pieces = malloc((size_t)t->units * sizeof(*t->store.pieces));
	t->queues = malloc((size_t)t->units * sizeof(*t->queues));
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	if (!t->store.chunks || !t->store.pieces || !t->queues || !t->buckets ||
	    pool_init(&t->store.pool, t->units) < 0 ||
	    pool_init(&t->queue_pool, t->units) < 0) {
		frag_table_free(t);
		return NULL;
	}
	return t;
}

void frag_table_free(struct frag_table *t)
{
	if (!t)
		return;
	free(t->store.pool.next);
	free(t->queue_pool.next);
	free(t->store.chunks);
	free(t->store.pieces);
	free(t->queues);
	free(t->buckets);
	free(t);
}

static unsigned family_index(uint8_t family)
{
	return family == L3_IPV6;
}

void frag_table_set_options(struct frag_table *t, const struct frag_options *options)
{
	atomic_store_explicit(&t->timeout[family_index(L3_IPV4)],
			      options->timeout * NSEC_PER_SEC, memory_order_relaxed);
	atomic_store_explicit(&t->timeout[family_index(L3_IPV6)],
			      options->timeout_ipv6 * NSEC_PER_SEC, memory_order_relaxed);
	atomic_store_explicit(&t->max_distance, options->max_distance, memory_order_relaxed);
}

/* ---- a stripe ---- */

static void stripe_lock(struct stripe *s)
{
	unsigned rounds = 0;

	while (atomic_exchange_explicit(&s->lock, 1, memory_order_acquire))
		spin(&rounds);
}

static void stripe_unlock(struct stripe *s)
{
	atomic_store_explicit(&s->lock, 0, memory_order_release);
}

static struct stripe *stripe_of(struct frag_table *t, uint32_t hash)
{
	return &t->stripes[hash % STRIPES];
}

static struct frag_queue *queue_at(const struct frag_table *t, uint32_t ref)
{
	return &t->queues[ref - 1];
}

/* Only who holds the stripe's lock writes. */
static void gauge(struct stripe *s, uint32_t datagrams, uint32_t fragments, uint64_t bytes)
{
	atomic_store_explicit(&s->datagrams, s->datagrams + datagrams, memory_order_relaxed);
	atomic_store_explicit(&s->fragments, s->fragments + fragments, memory_order_relaxed);
	atomic_store_explicit(&s->bytes, s->bytes + bytes, memory_order_relaxed);
}

static void age_append(struct frag_table *t, struct stripe *s, uint32_t ref)
{
	struct frag_queue *q = queue_at(t, ref);
	unsigned f = family_index(q->key.family);

	q->older = s->newest[f];
	q->newer = 0;
	if (q->older)
		queue_at(t, q->older)->newer = ref;
	else
		s->oldest[f] = ref;
	s->newest[f] = ref;
}

static void age_remove(struct frag_table *t, struct stripe *s, uint32_t ref)
{
	struct frag_queue *q = queue_at(t, ref);
	unsigned f = family_index(q->key.family);

	if (q->older)
		queue_at(t, q->older)->newer = q->newer;
	else
		s->oldest[f] = q->newer;
	if (q->newer)
		queue_at(t, q->newer)->older = q->older;
	else
		s->newest[f] = q->older;
}

/* The datagram is the caller's alone then. */
static void unlink_queue(struct frag_table *t, struct stripe *s, uint32_t ref)
{
	struct frag_queue *q = queue_at(t, ref);
	uint32_t *link = &t->buckets[q->hash & t->mask];

	while (*link != ref)
		link = &queue_at(t, *link)->next;
	*link = q->next;
	age_remove(t, s, ref);
	gauge(s, -1u, -q->n_pieces, -(uint64_t)q->meat);
}

static void free_queue(struct frag_table *t, uint32_t ref)
{
	frag_store_free(&t->store, queue_at(t, ref)->pieces);
	frag_pool_give(&t->queue_pool, ref, ref);
}

static bool is_due(const struct frag_table *t, const struct frag_queue *q, uint64_t mono)
{
	uint64_t timeout = atomic_load_explicit(&t->timeout[family_index(q->key.family)],
						memory_order_relaxed);

	/* Clocks of two workers may differ by the time that a batch takes. */
	return mono >= q->begun && mono - q->begun >= timeout;
}

/* ---- expiry ---- */

static void time_out(struct frag_table *t, uint32_t ref)
{
	atomic_fetch_add_explicit(&t->timed_out, queue_at(t, ref)->n_pieces,
				  memory_order_relaxed);
	free_queue(t, ref);
}

/* The oldest of a stripe, if it is due; 0. */
static uint32_t take_due(struct frag_table *t, struct stripe *s, unsigned family, uint64_t mono)
{
	uint32_t ref;

	stripe_lock(s);
	ref = s->oldest[family];
	if (ref && is_due(t, queue_at(t, ref), mono))
		unlink_queue(t, s, ref);
	else
		ref = 0;
	stripe_unlock(s);
	return ref;
}

void frag_expire(struct frag_table *t, uint64_t mono)
{
	for (unsigned i = 0; i < STRIPES; i++) {
		struct stripe *s = &t->stripes[i];
		uint32_t ref;

		if (!atomic_load_explicit(&s->datagrams, memory_order_relaxed))
			continue;
		for (unsigned family = 0; family < 2; family++) {
			while ((ref = take_due(t, s, family, mono)))
				time_out(t, ref);
		}
	}
}

/* ---- a fragment ---- */

static uint32_t find(const struct frag_table *t, const struct frag_key *key, uint32_t hash)
{
	uint32_t ref = t->buckets[hash & t->mask];

	while (ref && (queue_at(t, ref)->hash != hash ||
		       memcmp(&queue_at(t, ref)->key, key, sizeof(*key)) != 0))
		ref = queue_at(t, ref)->next;
	return ref;
}

/* 0 when there is no memory. */
static uint32_t begin(struct frag_table *t, struct stripe *s, const struct frag_key *key,
		      uint32_t hash, uint64_t mono)
{
	uint32_t ref = frag_pool_take(&t->queue_pool, 1);
	struct frag_queue *q;

	if (!ref)
		return 0;
	q = queue_at(t, ref);
	*q = (struct frag_queue){
		.key = *key,
		.begun = mono,
		.hash = hash,
		.next = t->buckets[hash & t->mask],
	};
	t->buckets[hash & t->mask] = ref;
	age_append(t, s, ref);
	gauge(s, 1, 0, 0);
	return ref;
}

/* ip_frag_too_far(): with 16 bits of identification, what is overtaken by so many may be a
 * part of another datagram. */
static bool is_too_far(struct frag_table *t, struct frag_queue *q)
{
	uint32_t max = atomic_load_explicit(&t->max_distance, memory_order_relaxed);
	uint32_t source, before = q->seen;

	if (q->key.family != L3_IPV4 || max == 0)
		return false;
	source = (uint32_t)siphash_pair(&t->key, q->key.src.w[0], 0) % SOURCES;
	q->seen = atomic_fetch_add_explicit(&t->seen[source], 1, memory_order_relaxed) + 1;
	return q->pieces && q->seen - before > max;
}

/* Begin it anew; its fragments are the caller's to free. */
static uint32_t restart(struct frag_table *t, struct stripe *s, uint32_t ref, uint64_t mono)
{
	struct frag_queue *q = queue_at(t, ref);
	uint32_t pieces = q->pieces;

	atomic_fetch_add_explicit(&t->overtaken, q->n_pieces, memory_order_relaxed);
	gauge(s, 0, -q->n_pieces, -(uint64_t)q->meat);
	frag_queue_clear(q);
	age_remove(t, s, ref);
	q->begun = mono;
	age_append(t, s, ref);
	return pieces;
}

/* What became of it under the lock, and what is left to do without. */
struct work {
	enum frag_added added; /* 0: no memory for a datagram more */
	enum reason reason;
	uint32_t ref;   /* of the datagram, once it is the caller's alone */
	uint32_t packets; /* that it consists of */
	uint32_t due;   /* one that was too old, unlinked */
	uint32_t loose; /* pieces to free */
};

static void add_locked(struct frag_table *t, struct stripe *s, const struct frag *f,
		       uint32_t hash, uint32_t piece, uint64_t mono, struct work *work)
{
	struct frag_queue *q;
	uint32_t ref = find(t, &f->key, hash);

	if (ref && is_due(t, queue_at(t, ref), mono)) {
		unlink_queue(t, s, ref);
		work->due = ref;
		ref = 0;
	}
	if (!ref)
		ref = begin(t, s, &f->key, hash, mono);
	if (!ref)
		return;
	q = queue_at(t, ref);
	if (is_too_far(t, q))
		work->loose = restart(t, s, ref, mono);
	work->added = frag_queue_add(&t->store, q, f, piece, &work->reason);
	if (work->added == ADDED_HELD || work->added == ADDED_WHOLE)
		gauge(s, 0, 1, f->len);
	if (work->added == ADDED_HELD || work->added == ADDED_REFUSED)
		return;
	unlink_queue(t, s, ref);
	work->ref = ref;
	work->packets = q->n_pieces;
}

static enum frag_verdict finish(struct frag_table *t, const struct work *work, uint32_t piece,
				struct packet *p, struct frag_buffer *buffer,
				struct frag_end *end)
{
	uint32_t n = work->packets;
	bool kept = work->added == ADDED_HELD || work->added == ADDED_WHOLE;

	if (piece && !kept)
		frag_store_free(&t->store, piece);
	switch (work->added) {
	case ADDED_HELD:
		return FRAG_HELD;
	case ADDED_WHOLE:
		end->reason = frag_queue_join(&t->store, queue_at(t, work->ref), buffer, p);
		free_queue(t, work->ref);
		if (end->reason == REASON_NONE)
			return FRAG_WHOLE;
		end->packets = n;
		return FRAG_ENDED;
	case ADDED_BROKEN:
		free_queue(t, work->ref);
		*end = (struct frag_end){ n ? work->reason : REASON_NONE, n };
		return FRAG_AS_IS;
	case ADDED_KILLED:
		free_queue(t, work->ref);
		*end = (struct frag_end){ work->reason, n + 1 };
		return FRAG_ENDED;
	case ADDED_REFUSED:
		*end = (struct frag_end){ work->reason, 1 };
		return FRAG_ENDED;
	}
	*end = (struct frag_end){ REASON_FRAGMENT_MEMORY, 1 };
	return FRAG_ENDED;
}

enum frag_verdict frag_collect(struct frag_table *t, struct packet *p, uint64_t mono,
			       struct frag_buffer *buffer, struct frag_end *ret_end)
{
	enum reason reason = REASON_NONE;
	struct work work = { 0 };
	struct stripe *s;
	struct frag f;
	uint32_t hash, piece = 0;
	enum frag_verdict verdict = frag_read(p, &f, &reason);

	*ret_end = (struct frag_end){ reason, reason != REASON_NONE };
	if (verdict != FRAG_HELD)
		return verdict;
	if (f.len) {
		piece = frag_store_put(&t->store, &f);
		if (!piece) {
			*ret_end = (struct frag_end){ REASON_FRAGMENT_MEMORY, 1 };
			return FRAG_ENDED;
		}
	}
	hash = (uint32_t)siphash_bytes(&t->key, &f.key, sizeof(f.key));
	s = stripe_of(t, hash);
	stripe_lock(s);
	add_locked(t, s, &f, hash, piece, mono, &work);
	stripe_unlock(s);
	if (work.due)
		time_out(t, work.due);
	if (work.loose)
		frag_store_free(&t->store, work.loose);
	return finish(t, &work, piece, p, buffer, ret_end);
}

bool frag_is_awaited(struct frag_table *t, const struct packet *p)
{
	enum reason reason;
	struct stripe *s;
	struct frag f;
	uint32_t hash;
	bool found;

	if (frag_read(p, &f, &reason) != FRAG_HELD)
		return false;
	hash = (uint32_t)siphash_bytes(&t->key, &f.key, sizeof(f.key));
	s = stripe_of(t, hash);
	stripe_lock(s);
	found = find(t, &f.key, hash) != 0;
	stripe_unlock(s);
	return found;
}

/* ---- what there is ---- */

void frag_stats(const struct frag_table *t, struct frag_stats *ret_stats)
{
	*ret_stats = (struct frag_stats){
		.memory = (uint64_t)t->units * FRAG_CHUNK,
		.timed_out = atomic_load_explicit(&t->timed_out, memory_order_relaxed),
		.overtaken = atomic_load_explicit(&t->overtaken, memory_order_relaxed),
	};
	for (unsigned i = 0; i < STRIPES; i++) {
		const struct stripe *s = &t->stripes[i];

		ret_stats->datagrams +=
			atomic_load_explicit(&s->datagrams, memory_order_relaxed);
		ret_stats->fragments +=
			atomic_load_explicit(&s->fragments, memory_order_relaxed);
		ret_stats->bytes += atomic_load_explicit(&s->bytes, memory_order_relaxed);
	}
}
