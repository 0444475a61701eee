/* helper.c - which helper a flow has, and what helpers have in common
 * (nf_conntrack_helper.c, conntrack.md 8.2). */
#include "conntrack/helper.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "conntrack/private.h"
#include "conntrack/record.h"

#define TCP_HEADER_WORD 4
#define UDP_HEADER 8

static const struct {
	const char *name;
	const struct helper *helper;
} kinds[HELPER_COUNT] = {
#define HELPER(id, symbol, name) [HELPER_##id] = { name, &helper_##symbol },
#include "ctfw/helper.def"
#undef HELPER
};

/* ---- names ---- */

const char *ct_helper_name(unsigned kind)
{
	return kind < HELPER_COUNT ? kinds[kind].name : NULL;
}

bool ct_helper_takes(enum ct_helper kind, uint8_t l4proto)
{
	uint8_t bit = l4proto == IPPROTO_TCP ? HELPER_TCP :
		      l4proto == IPPROTO_UDP ? HELPER_UDP : 0;

	return kind > HELPER_NONE && kind < HELPER_COUNT && kinds[kind].helper->l4 & bit;
}

bool ct_helper_knows(enum ct_helper kind, uint8_t l3)
{
	uint8_t bit = l3 == L3_IPV4 ? HELPER_IPV4 : l3 == L3_IPV6 ? HELPER_IPV6 : 0;

	return kind > HELPER_NONE && kind < HELPER_COUNT && kinds[kind].helper->l3 & bit;
}

enum ct_helper ct_helper_find(const char *name, uint8_t l4proto)
{
	for (enum ct_helper kind = HELPER_NONE + 1; kind < HELPER_COUNT; kind++) {
		if (strcmp(kinds[kind].name, name) == 0 && ct_helper_takes(kind, l4proto))
			return kind;
	}
	return HELPER_NONE;
}

const char *ct_helper_class_name(unsigned kind, unsigned class)
{
	const char *name = NULL;

	if (kind > HELPER_NONE && kind < HELPER_COUNT && class < HELPER_CLASSES)
		name = kinds[kind].helper->classes[class].name;
	return name ? name : "";
}

/* ---- assignment ---- */

static void give(struct flow *f, uint8_t kind)
{
	atomic_store_explicit(&f->helper, kind, memory_order_relaxed);
	atomic_fetch_or_explicit(&f->status, FLOW_HELPER, memory_order_relaxed);
}

static bool can_have(const struct conntrack *ct, const struct flow *f, uint8_t kind)
{
	const struct tuple *t = &f->tuple[DIR_ORIGINAL];

	return atomic_load_explicit(&ct->extensions, memory_order_relaxed) &&
	       ct_helper_takes(kind, t->l4) && ct_helper_knows(kind, t->l3);
}

bool conntrack_set_helper(struct conntrack *ct, unsigned worker, struct ct_ref *ref,
			  uint8_t kind)
{
	struct flow *f = ref->flow;

	(void)worker;
	if (!f || !ref->unconfirmed || !can_have(ct, f, kind) ||
	    atomic_load_explicit(&f->status, memory_order_relaxed) & FLOW_HELPER)
		return false;
	give(f, kind);
	return true;
}

void helper_assign(struct conntrack *ct, struct ct_worker *w)
{
	uint32_t wanted = atomic_load_explicit(&ct->settings.helpers, memory_order_relaxed);
	struct flow *f = &w->begun;

	if (!wanted || atomic_load_explicit(&f->helper, memory_order_relaxed))
		return;
	for (uint8_t kind = HELPER_NONE + 1; kind < HELPER_COUNT; kind++) {
		/* By the port of who really answers, whatever address was asked. */
		if (wanted & HELPER_BIT(kind) && can_have(ct, f, kind) &&
		    f->tuple[DIR_REPLY].sport == htons(kinds[kind].helper->port))
			give(f, kind);
	}
}

/* Whatever directions it is meant for, an expectation knows no difference. */
static uint16_t zone_of(const struct flow *f)
{
	return f->tuple[DIR_ORIGINAL].zone ? f->tuple[DIR_ORIGINAL].zone :
					     f->tuple[DIR_REPLY].zone;
}

/* Made under NAT, the expectation knows where the flow leads. */
static void begin(struct conntrack *ct, struct ct_worker *w, const struct expect *e)
{
	const struct helper *helper;
	struct help_follow f = {
		.ct = ct,
		.worker = w,
		.expect = e,
		.master = &ct->table.records[e->master],
	};

	if (e->helper == HELPER_NONE || e->helper >= HELPER_COUNT)
		return;
	helper = kinds[e->helper].helper;
	if (helper->arrive)
		helper->arrive(&f);
	if (addr_is_zero(&e->nat_addr))
		return;
	if (helper->follow)
		helper->follow(&f);
	else
		help_follow(&f);
}

void helper_fulfil(struct conntrack *ct, struct ct_worker *w, uint64_t mono)
{
	struct flow *f = &w->begun;
	struct tuple tuple = f->tuple[DIR_ORIGINAL];
	struct expect e;
	uint32_t mark;

	tuple.zone = zone_of(f);
	if (!expect_take(ct, w, &tuple, mono, &e))
		return;
	mark = atomic_load_explicit(&ct->table.records[e.master].mark, memory_order_relaxed);
	atomic_store_explicit(&f->mark, mark, memory_order_relaxed);
	atomic_fetch_or_explicit(&f->status, FLOW_EXPECTED, memory_order_relaxed);
	f->master = e.master;
	f->master_id = e.master_id;
	atomic_store_explicit(&f->master_helper, e.helper, memory_order_relaxed);
	if (e.assign && can_have(ct, f, e.assign))
		give(f, e.assign);
	begin(ct, w, &e);
	tally(w, TALLY_EXPECT_NEW);
}

/* ---- before and behind packets ---- */

/* The helper of a flow in the table that has written notes; NULL: there is none. */
static const struct helper *with_notes(const struct conntrack *ct, struct flow *f,
				       void **ret_notes)
{
	uint8_t kind = atomic_load_explicit(&f->helper, memory_order_relaxed);
	struct flow_ext *ext = (struct flow_ext *)ct->arena.exts + (f - ct->table.records);

	if (kind == HELPER_NONE || kind >= HELPER_COUNT ||
	    !atomic_load_explicit(&f->extended, memory_order_acquire))
		return NULL;
	*ret_notes = ext->helper;
	return kinds[kind].helper;
}

void helper_end(struct conntrack *ct, struct ct_worker *w, struct flow *f)
{
	void *notes;
	const struct helper *helper = with_notes(ct, f, &notes);

	if (helper && helper->end)
		helper->end(ct, w, f, notes);
}

void helper_recover(struct conntrack *ct, struct flow *f)
{
	void *notes;
	const struct helper *helper = with_notes(ct, f, &notes);

	if (helper && helper->recover)
		helper->recover(ct, f, notes);
}

/* ---- a packet ---- */

bool help_find_payload(const struct packet *p, struct cursor *ret_payload)
{
	const uint8_t *l4 = p->data + p->l4_off;
	uint32_t header = UDP_HEADER;

	if (!(p->flags & PACKET_L4_HEADER))
		return false;
	if (p->l4_proto == IPPROTO_TCP)
		header = (l4[12] >> 4) * TCP_HEADER_WORD;
	if (header > p->l4_len)
		return false;
	*ret_payload = cursor_of(l4 + header, p->l4_len - header);
	return true;
}

enum reason helper_read_packet(struct conntrack *ct, struct ct_worker *w,
			       struct packet *p, struct instant now,
			       const struct ct_ref *ref)
{
	uint8_t kind = atomic_load_explicit(&ref->flow->helper, memory_order_relaxed);
	struct help_packet h = {
		.ct = ct,
		.worker = w,
		.flow = ref->flow,
		.packet = p,
		.now = now,
		.kind = kind,
		.dir = ref->dir,
		.state = ref->state,
		.unconfirmed = ref->unconfirmed,
	};

	if (kind >= HELPER_COUNT)
		return REASON_NONE;
	/* What is about the flow rather than of it, ICMP errors, says nothing to a helper; but
	 * the kernel shows it those that go the way of the first packet. */
	if (p->l4_proto != ref->flow->tuple[DIR_ORIGINAL].l4) {
		if (kinds[kind].helper->error && ref->dir == DIR_ORIGINAL)
			kinds[kind].helper->error(&h);
		return REASON_NONE;
	}
	if (!help_find_payload(p, &h.payload))
		return REASON_NONE;
	/* A flow that is older than this process may have a helper without memory for notes. */
	h.ext = conntrack_ext_own(ct, (unsigned)(w - ct->worker), ref);
	if (!h.ext)
		return REASON_NONE;
	h.notes = h.ext->helper;
	return kinds[kind].helper->read(&h) == HELP_DROP ? REASON_HELPER : REASON_NONE;
}

void help_lock(struct help_packet *h)
{
	if (!h->unconfirmed)
		record_lock(h->flow);
}

void help_unlock(struct help_packet *h)
{
	if (!h->unconfirmed)
		record_unlock(h->flow);
}

void help_refresh(struct help_packet *h, uint32_t seconds)
{
	uint32_t status = atomic_load_explicit(&h->flow->status, memory_order_relaxed);

	if (status & FLOW_FIXED_TIMEOUT)
		return;
	if (h->unconfirmed)
		h->worker->begun_timeout = seconds * NSEC_PER_SEC;
	else
		atomic_store_explicit(&h->flow->expires, h->now.mono + seconds * NSEC_PER_SEC,
				      memory_order_relaxed);
}

/* ---- expectations ---- */

static void expectation_init(struct expect *e, const struct flow *f, uint8_t l3,
			     uint8_t l4proto, const union addr *from, const union addr *to,
			     uint16_t dport)
{
	memset((void *)e, 0, sizeof(*e));
	e->master_tuple = f->tuple[DIR_ORIGINAL];
	e->tuple.l3 = l3;
	e->tuple.l4 = l4proto;
	e->tuple.zone = zone_of(f);
	e->tuple.dst = *to;
	e->tuple.dport = dport;
	if (from) {
		e->tuple.src = *from;
		memset(&e->src_mask, 0xff, l3 == L3_IPV4 ? 4 : 16);
	}
}

struct expect help_expectation(const struct help_packet *h, unsigned class, uint8_t l4proto,
			       const union addr *from, const union addr *to, uint16_t dport)
{
	const struct helper_class *c = &kinds[h->kind].helper->classes[class];
	struct expect e;

	expectation_init(&e, h->flow, help_mine(h)->l3, l4proto, from, to, dport);
	e.class = (uint8_t)class;
	e.dir = h->dir;
	e.helper = h->kind;
	atomic_init(&e.expires, h->now.mono + c->timeout * NSEC_PER_SEC);
	return e;
}

static int add_pending(struct ct_worker *w, const struct expect *e,
		       const struct expect_terms *terms)
{
	struct pending *pending;

	if (w->n_pending == EXPECT_PENDING_MAX)
		return -EMFILE;
	pending = &w->pending[w->n_pending++];
	memcpy((void *)&pending->expect, (const void *)e, sizeof(*e));
	pending->terms = *terms;
	return 0;
}

int help_expect(struct help_packet *h, const struct expect *e, bool any_master)
{
	const struct expect_terms terms = {
		.now = h->now.mono,
		.class_max = kinds[h->kind].helper->classes[e->class].max,
		.any_master = any_master,
	};

	if (h->unconfirmed)
		return add_pending(h->worker, e, &terms);
	return expect_insert(h->ct, h->worker, (uint32_t)(h->flow - h->ct->table.records), e,
			     &terms);
}

bool helper_expect_pending(struct conntrack *ct, struct ct_worker *w, uint32_t index)
{
	for (unsigned i = 0; i < w->n_pending; i++) {
		const struct pending *pending = &w->pending[i];
		int err = expect_insert(ct, w, index, &pending->expect, &pending->terms);

		if (err && !(err == -EALREADY && pending->terms.any_master))
			return false;
	}
	return true;
}

int conntrack_add_expectation(struct conntrack *ct, unsigned worker, struct ct_ref *ref,
			      const struct ct_expectation_spec *spec, struct instant now)
{
	const struct expect_terms terms = { .now = now.mono, .class_max = spec->size };
	struct ct_worker *w = &ct->worker[worker];
	struct flow *f = ref->flow;
	const struct tuple *reply;
	struct expect e;
	int err;

	if (!f || !ref->unconfirmed || w->n_pending >= spec->size ||
	    w->n_pending == EXPECT_PENDING_RULES)
		return -ENOENT;
	reply = &f->tuple[DIR_REPLY];
	if (spec->l3 && spec->l3 != reply->l3)
		return -ENOENT;
	expectation_init(&e, f, reply->l3, spec->l4proto, &reply->src, &reply->dst,
			 spec->dport);
	atomic_init(&e.expires,
		    now.mono + (spec->timeout < EXPECT_TIMER_MAX ? spec->timeout :
								   EXPECT_TIMER_MAX));
	err = expect_stands_alone(ct, &e, now.mono);
	if (err)
		return err;
	err = add_pending(w, &e, &terms);
	if (err)
		return err;
	atomic_fetch_or_explicit(&f->status, FLOW_HELPER, memory_order_relaxed);
	return 0;
}
