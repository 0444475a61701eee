/* trace.c - records of traced packets, from workers to the thread that listens; see trace.h.
 *
 * The rings stay where they are until the engine goes: a worker may be writing while the last
 * listener leaves. */
#include "ctfw/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/private.h"

#define RING 512 /* a power of two */

struct trace_ring {
	_Atomic uint64_t head;	  /* the worker's: records written */
	_Atomic uint64_t skipped; /* the worker's */
	uint32_t packets;	  /* the worker's: named so far */
	_Atomic uint64_t tail;	  /* the reader's: records read */
	uint64_t said;		  /* the reader's: of skipped */
	struct trace_record records[RING];
} __attribute__((aligned(128)));

/* A number that does not look like the last packet's. */
static uint32_t name_packet(struct trace_ring *ring, unsigned worker)
{
	uint32_t id = (++ring->packets + (worker << 26)) * 2654435761u;

	return id ? id : 1;
}

static void copy_name(char to[TRACE_NAME], const char *name)
{
	size_t len = name ? strlen(name) : 0;

	len = len < TRACE_NAME ? len : TRACE_NAME - 1;
	memcpy(to, name ? name : "", len);
	to[len] = '\0';
}

static void fill_record(struct trace_record *r, const struct way *way,
			const struct eval_trace *t)
{
	const struct eval *e = &way->eval;
	const struct packet *p = way->packet;

	r->time = way->now;
	r->id = e->trace_id;
	r->mark = e->mark;
	r->l3 = p->family;
	r->first = t->first;
	r->policy = t->policy;
	r->verdict = t->verdict;
	r->handle = t->handle;
	memcpy(r->iifname, e->iifname, sizeof(r->iifname));
	memcpy(r->oifname, e->oifname, sizeof(r->oifname));
	r->family = t->family;
	copy_name(r->table, t->table);
	copy_name(r->chain, t->chain);
	copy_name(r->target, t->target);
	r->len = (uint16_t)(p->len < TRACE_BYTES ? p->len : TRACE_BYTES);
	memcpy(r->bytes, p->data, r->len);
}

void trace_packet(struct eval *e, const struct eval_trace *t)
{
	const struct way *way = e->arg;
	struct trace_ring *rings =
		atomic_load_explicit(&way->engine->traces, memory_order_acquire);
	struct trace_ring *ring = &rings[e->worker];
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (!e->trace_id)
		e->trace_id = name_packet(ring, e->worker);
	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == RING) {
		atomic_fetch_add_explicit(&ring->skipped, 1, memory_order_relaxed);
		return;
	}
	fill_record(&ring->records[head & (RING - 1)], way, t);
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

int engine_trace_listen(struct engine *e)
{
	struct trace_ring *rings = atomic_load(&e->traces);

	if (!rings) {
		rings = aligned_alloc(128, e->workers * sizeof(*rings));
		if (!rings)
			return -ENOMEM;
		memset(rings, 0, e->workers * sizeof(*rings));
		atomic_store_explicit(&e->traces, rings, memory_order_release);
	}
	if (!e->trace_listeners++) {
		/* What was left from the last time is nobody's. */
		for (unsigned i = 0; i < e->workers; i++)
			atomic_store(&rings[i].tail, atomic_load(&rings[i].head));
		engine_trace_skipped(e);
		atomic_store_explicit(&e->traced, true, memory_order_release);
	}
	return 0;
}

void engine_trace_unlisten(struct engine *e)
{
	if (!--e->trace_listeners)
		atomic_store(&e->traced, false);
}

bool engine_trace_next(struct engine *e, struct trace_record *ret_record)
{
	struct trace_ring *rings = atomic_load(&e->traces), *earliest = NULL;
	const struct trace_record *record = NULL;
	uint64_t tail;

	for (unsigned i = 0; rings && i < e->workers; i++) {
		const struct trace_record *r;

		tail = atomic_load_explicit(&rings[i].tail, memory_order_relaxed);
		if (tail == atomic_load_explicit(&rings[i].head, memory_order_acquire))
			continue;
		r = &rings[i].records[tail & (RING - 1)];
		if (!record || r->time.mono < record->time.mono) {
			record = r;
			earliest = &rings[i];
		}
	}
	if (!record)
		return false;
	*ret_record = *record;
	tail = atomic_load_explicit(&earliest->tail, memory_order_relaxed);
	atomic_store_explicit(&earliest->tail, tail + 1, memory_order_release);
	return true;
}

uint64_t engine_trace_skipped(struct engine *e)
{
	struct trace_ring *rings = atomic_load(&e->traces);
	uint64_t sum = 0;

	for (unsigned i = 0; rings && i < e->workers; i++) {
		uint64_t now = atomic_load_explicit(&rings[i].skipped, memory_order_relaxed);

		sum += now - rings[i].said;
		rings[i].said = now;
	}
	return sum;
}

void trace_free(struct engine *e)
{
	free(atomic_load(&e->traces));
}
