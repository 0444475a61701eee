/* connlimit.c - lists of flows that are counted.
 *
 *     head --first--> [7 flows] <-> [7 flows] <-> [3 flows] <-> [none yet] <--end-- head
 *                                                  tail
 *
 * Flows fill the records from the first on without gaps: where one goes, the last one takes its
 * place.  Behind the tail there is room for the flows that wait to be confirmed, so that these
 * need no memory then.
 *
 * A record's index plus one says which is next; 0 is none. */
#include "ruleset/connlimit.h"

#include <netinet/in.h>

#include "ctfw/clock.h"
#include "ctfw/spin.h"

#define PER_RECORD 7
/* What a packet may cost: flows looked at to find its own, or those that are dead; when the
 * count is above the limit; flows that are taken out at once otherwise, as in the kernel. */
#define LOOK_FOR   256
#define LOOK_AT	   16
#define LOOK_OVER  256
#define TAKE_OUT   8

struct head {
	_Atomic uint32_t lock;
	uint32_t n;	  /* flows in the list */
	uint32_t pending; /* and flows that are not confirmed */
	uint32_t records;
	uint32_t first, tail, end;
	uint32_t fill;	  /* flows in the tail */
	uint32_t cursor, at; /* where dead ones are looked for */
	uint32_t looked;  /* when no dead one was found in all of it, ms */
	uint32_t owner;	  /* of an element: the check of its record */
	uint32_t closed;
	uint32_t reserved[3];
};
struct record {
	uint32_t prev, next;
	struct entry {
		uint32_t index, id;
	} flow[PER_RECORD];
};
_Static_assert(sizeof(struct head) == sizeof(struct state), "");
_Static_assert(sizeof(struct record) == sizeof(struct state), "");

static struct head *head_at(const struct states *s, uint32_t slot)
{
	return (struct head *)state_at(s, slot);
}

static struct record *record_at(const struct states *s, uint32_t link)
{
	return (struct record *)state_at(s, link - 1);
}

static void lock(struct head *h)
{
	unsigned rounds = 0;

	while (atomic_exchange_explicit(&h->lock, 1, memory_order_acquire))
		spin(&rounds);
}

static void unlock(struct head *h)
{
	atomic_store_explicit(&h->lock, 0, memory_order_release);
}

/* ---- flows ---- */

/* FLOW_NONE: it is in no table. */
static uint32_t flow_index(const struct states *s, const struct flow *f)
{
	const struct arena *a = states_arena(s);
	const struct flow *flows = (const struct flow *)a->flows;

	return f >= flows && f < flows + a->header->flow_records ? (uint32_t)(f - flows) :
								   FLOW_NONE;
}

/* Another worker may be writing the record: what is read then is a flow that ended or begins,
 * and counts as either. */
__attribute__((no_sanitize("thread"))) static bool
is_alive(const struct states *s, const struct entry *e, uint64_t now)
{
	const struct arena *a = states_arena(s);
	const struct flow *f = (const struct flow *)a->flows + e->index;
	uint32_t status;

	if (e->index >= a->header->flow_records || f->id != e->id || !f->check)
		return false;
	status = atomic_load_explicit(&f->status, memory_order_relaxed);
	if (!(status & FLOW_CONFIRMED) || status & FLOW_DYING || !flow_remaining(f, now))
		return false;
	return f->tuple[0].l4 != IPPROTO_TCP || (f->proto.tcp.state != TCPS_TIME_WAIT &&
						 f->proto.tcp.state != TCPS_CLOSE);
}

/* ---- the list; the head is locked ---- */

/* Room for one flow more than there are. */
static bool reserve(struct states *s, struct head *h, unsigned worker)
{
	uint32_t slot;

	if (h->n + h->pending < h->records * PER_RECORD)
		return true;
	slot = state_take(s, worker);
	if (slot == STATE_NONE)
		return false;
	record_at(s, slot + 1)->prev = h->end;
	if (h->end)
		record_at(s, h->end)->next = slot + 1;
	else
		h->first = h->tail = h->cursor = slot + 1;
	h->end = slot + 1;
	h->records++;
	return true;
}

static void push(const struct states *s, struct head *h, struct entry e)
{
	if (h->fill == PER_RECORD) {
		h->tail = record_at(s, h->tail)->next;
		h->fill = 0;
	}
	record_at(s, h->tail)->flow[h->fill++] = e;
	h->n++;
}

/* The last flow takes the place of one that goes; a record too many is given back. */
static void take_out(struct states *s, struct head *h, struct entry *e)
{
	uint32_t gone;

	*e = record_at(s, h->tail)->flow[--h->fill];
	h->n--;
	if (!h->fill && h->tail != h->first) {
		if (h->cursor == h->tail) {
			h->cursor = h->first;
			h->at = 0;
		}
		h->tail = record_at(s, h->tail)->prev;
		h->fill = PER_RECORD;
	}
	if (h->records * PER_RECORD < h->n + h->pending + 2 * PER_RECORD || h->end == h->tail)
		return;
	gone = h->end;
	h->end = record_at(s, gone)->prev;
	record_at(s, h->end)->next = 0;
	h->records--;
	state_give(s, gone - 1);
}

/* Take dead flows out, so many at most, looking at so many.  Returns how many. */
static uint32_t sweep(struct states *s, struct head *h, uint64_t now, uint32_t look,
		      uint32_t most)
{
	uint32_t out = 0;

	for (; look && h->n && out < most; look--) {
		struct record *r;

		if (h->at >= (h->cursor == h->tail ? h->fill : PER_RECORD)) {
			h->cursor = h->cursor == h->tail ? h->first :
							   record_at(s, h->cursor)->next;
			h->at = 0;
		}
		r = record_at(s, h->cursor);
		if (is_alive(s, &r->flow[h->at], now)) {
			h->at++;
		} else {
			take_out(s, h, &r->flow[h->at]);
			out++;
		}
	}
	return out;
}

/* From the last one on, so many at most.  DONT_KNOW: there are more. */
enum found { FOUND_NOT = 0, FOUND, DONT_KNOW };
static enum found find(const struct states *s, const struct head *h, struct entry e,
		       uint32_t look)
{
	uint32_t fill = h->fill;

	for (uint32_t link = h->tail; link;
	     link = record_at(s, link)->prev, fill = PER_RECORD) {
		const struct record *r = record_at(s, link);

		for (uint32_t i = fill; i-- > 0;) {
			if (r->flow[i].index == e.index && r->flow[i].id == e.id)
				return FOUND;
			if (!--look)
				return DONT_KNOW;
		}
	}
	return FOUND_NOT;
}

/* Above the limit dead flows are looked for in earnest, but once in a millisecond when there
 * were none. */
static bool is_over(struct states *s, struct head *h, uint64_t now, uint32_t limit,
		    uint32_t more)
{
	uint32_t ms = (uint32_t)(now / NSEC_PER_MSEC) | 1;

	if (h->n + h->pending + more > limit && h->looked != ms &&
	    !sweep(s, h, now, LOOK_OVER, UINT32_MAX))
		h->looked = ms;
	return h->n + h->pending + more > limit;
}

/* ---- packets ---- */

static bool is_pending(const struct eval *e, uint32_t slot)
{
	for (unsigned i = 0; i < e->counted.n; i++) {
		if (e->counted.slot[i] == slot)
			return true;
	}
	return false;
}

/* A flow that is not in the table: it waits until that is known. */
static bool count_new(struct states *s, struct head *h, uint32_t slot, struct eval *e)
{
	if (is_pending(e, slot))
		return true;
	if (!reserve(s, h, e->worker))
		return false;
	h->pending++;
	e->counted.slot[e->counted.n++] = slot;
	return true;
}

/* One that is: where it is not found among as many as are looked at, it is taken to be among
 * the others, since it was new once. */
static bool count_known(struct states *s, struct head *h, struct entry entry, unsigned worker)
{
	if (find(s, h, entry, LOOK_FOR) != FOUND_NOT)
		return true;
	if (!reserve(s, h, worker))
		return false;
	push(s, h, entry);
	return true;
}

/* The head is locked. */
static enum connlimit_outcome count_locked(struct states *s, struct head *h, uint32_t slot,
					   struct eval *e, uint32_t limit)
{
	uint32_t index = e->flow ? flow_index(s, e->flow) : FLOW_NONE;
	/* What has no flow, or too many statements that count it, counts for this packet. */
	bool passing = !e->flow || (index == FLOW_NONE && e->counted.n == EVAL_COUNTED &&
				    !is_pending(e, slot));
	bool ok = true;

	if (h->closed)
		return CONNLIMIT_CLOSED;
	sweep(s, h, e->now.mono, LOOK_AT, TAKE_OUT);
	if (!passing)
		ok = index == FLOW_NONE ?
			     count_new(s, h, slot, e) :
			     count_known(s, h, (struct entry){ index, e->flow->id }, e->worker);
	if (!ok)
		return CONNLIMIT_NO_MEMORY;
	return is_over(s, h, e->now.mono, limit, passing) ? CONNLIMIT_OVER : CONNLIMIT_WITHIN;
}

enum connlimit_outcome connlimit_count(struct states *s, uint32_t slot, struct eval *e,
				       uint32_t limit)
{
	struct head *h = head_at(s, slot);
	enum connlimit_outcome outcome;

	if (!h)
		return CONNLIMIT_NO_MEMORY;
	lock(h);
	outcome = count_locked(s, h, slot, e, limit);
	unlock(h);
	return outcome;
}

void connlimit_settle(struct states *s, struct eval *e, const struct flow *f)
{
	uint32_t index = f ? flow_index(s, f) : FLOW_NONE;

	for (unsigned i = 0; i < e->counted.n; i++) {
		struct head *h = head_at(s, e->counted.slot[i]);

		lock(h);
		h->pending--;
		/* Two packets that began the same flow at the same time count it once: then it
		 * is among the last ones. */
		if (index != FLOW_NONE &&
		    find(s, h, (struct entry){ index, f->id }, 2 * PER_RECORD) != FOUND)
			push(s, h, (struct entry){ index, f->id });
		unlock(h);
	}
	e->counted.n = 0;
}

uint32_t connlimit_flows(const struct states *s, uint32_t slot)
{
	const struct head *h = head_at(s, slot);

	return h->n + h->pending;
}

/* ---- the ruleset's thread ---- */

uint32_t connlimit_new(struct states *s)
{
	return states_reserve(s) < 0 ? STATE_NONE : state_new(s);
}

/* Whatever the list says, records are its own as far as nobody else has them, and flows as many
 * as these hold. */
bool connlimit_claim(struct states *s, uint32_t slot)
{
	struct head *h = head_at(s, slot), was;
	uint32_t link, prev = 0;

	if (!h || state_claim(s, slot) < 0)
		return false;
	if (states_reserve(s) < 0) {
		state_free(s, slot);
		return false;
	}
	was = *h;
	*h = (struct head){ .first = was.first, .owner = was.owner };
	for (link = was.first; link && !state_claim(s, link - 1);
	     link = record_at(s, link)->next) {
		struct record *r = record_at(s, link);
		uint32_t left = was.n - h->n;

		r->prev = prev;
		if (prev)
			record_at(s, prev)->next = link;
		if (left || !h->tail) {
			h->tail = link;
			h->fill = left < PER_RECORD ? left : PER_RECORD;
			h->n += h->fill;
		}
		h->records++;
		prev = link;
	}
	if (prev)
		record_at(s, prev)->next = 0;
	else
		h->first = 0;
	h->end = prev;
	h->cursor = h->first;
	return true;
}

void connlimit_free(struct states *s, uint32_t slot)
{
	struct head *h = head_at(s, slot);

	for (uint32_t link = h->first, next; link; link = next) {
		next = record_at(s, link)->next;
		state_free(s, link - 1);
	}
	state_free(s, slot);
}

/* ---- elements ----
 *
 * The word is 0, the slot plus one, or CLOSED: no list was made, and none will be. */

#define CLOSED UINT64_MAX

/* What the word is with a list; STATE_NONE plus one: there is no memory for it. */
static uint64_t make_list(struct states *s, _Atomic uint64_t *word, uint32_t owner,
			  unsigned worker)
{
	uint32_t slot = state_take(s, worker);
	uint64_t is = 0;

	if (slot == STATE_NONE)
		return STATE_NONE + 1ull;
	head_at(s, slot)->owner = owner;
	if (atomic_compare_exchange_strong_explicit(word, &is, slot + 1ull,
						    memory_order_acq_rel, memory_order_acquire))
		return slot + 1ull;
	state_give(s, slot);
	return is;
}

enum connlimit_outcome connlimit_count_element(struct states *s, _Atomic uint64_t *word,
					       uint32_t owner, struct eval *e, uint32_t limit)
{
	uint64_t is = atomic_load_explicit(word, memory_order_acquire);

	if (!is)
		is = make_list(s, word, owner, e->worker);
	return is == CLOSED ? CONNLIMIT_CLOSED :
			      connlimit_count(s, (uint32_t)(is - 1), e, limit);
}

bool connlimit_close(struct states *s, _Atomic uint64_t *word, uint64_t mono)
{
	uint64_t is = 0;
	struct head *h;

	/* Who has just added the element finds that it is closed, and adds another. */
	if (atomic_compare_exchange_strong_explicit(word, &is, CLOSED, memory_order_acq_rel,
						    memory_order_acquire))
		return true;
	h = is == CLOSED ? NULL : head_at(s, (uint32_t)(is - 1));
	if (!h)
		return true;
	lock(h);
	sweep(s, h, mono, LOOK_OVER, UINT32_MAX);
	h->closed = !h->n && !h->pending;
	unlock(h);
	return h->closed;
}

void connlimit_take_up(struct states *s, _Atomic uint64_t *word, uint32_t owner)
{
	uint64_t is = atomic_load_explicit(word, memory_order_relaxed);
	struct head *h = is && is <= STATE_NONE ? head_at(s, (uint32_t)(is - 1)) : NULL;

	if (!h || h->owner != owner || !connlimit_claim(s, (uint32_t)(is - 1)))
		atomic_store_explicit(word, 0, memory_order_relaxed);
}

void connlimit_give_up(struct states *s, _Atomic uint64_t *word)
{
	uint64_t is = atomic_exchange_explicit(word, 0, memory_order_relaxed);

	if (is && is != CLOSED && head_at(s, (uint32_t)(is - 1)))
		connlimit_free(s, (uint32_t)(is - 1));
}
