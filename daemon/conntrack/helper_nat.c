/* helper_nat.c - helpers of flows whose addresses are rewritten (nf_nat_helper.c).
 *
 * What an end says of itself is true on its own side of NAT alone.  So its text becomes what
 * the other side must use, the expectation is of that, and remembers what was said: the flow
 * that comes is mapped to there. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "conntrack/helper.h"
#include "conntrack/private.h"
#include "conntrack/seqadj.h"
#include "conntrack/tcp.h"
#include "ctfw/mangle.h"

#define TRIES_MAX 128
/* Each moves and sums what is behind it: of a packet that is all addresses some are left. */
#define REWRITES_MAX 64

bool help_is_translated(const struct help_packet *h)
{
	return nat_rewrites(h->flow);
}

/* ---- text ---- */

bool help_rewrite(struct help_packet *h, size_t off, size_t old_len, const char *text,
		  size_t len)
{
	struct packet *p = h->packet;
	uint8_t *scratch = h->worker->scratch;

	if (h->rewritten++ == REWRITES_MAX)
		return false;
	/* In its own buffer others lie behind it. */
	if (p->data != scratch) {
		memcpy(scratch, p->data, p->len);
		p->data = scratch;
	}
	return packet_splice(p, (uint32_t)off, (uint32_t)old_len, text, (uint32_t)len,
			     PACKET_MAX) &&
	       help_find_payload(p, &h->payload);
}

uint32_t help_sequence(const struct help_packet *h)
{
	return tcp_read32(h->packet->data + h->packet->l4_off + 4);
}

void help_shift(struct help_packet *h, int32_t by)
{
	if (h->packet->l4_proto != IPPROTO_TCP)
		return;
	help_lock(h);
	seqadj_shift(h->flow, h->ext, h->dir, help_sequence(h), by);
	help_unlock(h);
}

/* ---- expectations ---- */

void help_translate(const struct help_packet *h, struct expect *e)
{
	e->nat_addr = help_mine(h)->src;
	e->nat_port = e->tuple.dport;
	e->tuple.dst = help_theirs(h)->dst;
}

uint32_t help_index(const struct help_packet *h)
{
	return (uint32_t)(h->flow - h->ct->table.records);
}

/* Before the flow is confirmed what it expects waits, and none of it is in the table. */
static const struct expect *find_waiting(const struct help_packet *h, const struct expect *e)
{
	for (unsigned i = 0; i < h->worker->n_pending; i++) {
		const struct expect *other = &h->worker->pending[i].expect;

		if (tuple_equal(&other->tuple, &e->tuple))
			return other;
	}
	return NULL;
}

int help_expect_port(struct help_packet *h, struct expect *e, uint16_t port)
{
	const struct expect *waiting;
	int err = 0;

	e->tuple.dport = htons(port);
	if (h->unconfirmed) {
		waiting = find_waiting(h, e);
		if (waiting)
			return waiting->class == e->class ? 0 : -EBUSY;
		err = expect_stands_alone(h->ct, e, h->now.mono);
	}
	if (!err)
		err = help_expect(h, e, false);
	/* To whoever must find a port, one that others have as well is taken. */
	return err == -EALREADY ? -EBUSY : err;
}

struct search {
	const struct expect *wanted;
	uint16_t port;
};

static enum expect_step look_for_same(void *arg, struct expect *e)
{
	struct search *s = arg;
	const struct expect *wanted = s->wanted;

	if (e->class != wanted->class || e->dir != wanted->dir ||
	    e->nat_port != wanted->nat_port || !addr_equal(&e->nat_addr, &wanted->nat_addr))
		return EXPECT_GO_ON;
	s->port = ntohs(e->tuple.dport);
	return EXPECT_STOP;
}

/* The port that was chosen when the same was said before; 0: it was not. */
static uint16_t port_of_before(struct help_packet *h, const struct expect *e)
{
	struct search s = { .wanted = e };

	if (!h->unconfirmed)
		expect_each_of(h->ct, h->worker, help_index(h), look_for_same, &s);
	return s.port;
}

/* Nobody outside can foresee it. */
static uint32_t help_draw(struct help_packet *h)
{
	return (uint32_t)siphash_pair(&h->ct->key, h->worker->nat_draws++ << 8 | 'h',
				      h->now.mono);
}

bool help_source_ports(const struct help_packet *h, uint16_t *first, uint16_t *last)
{
	uint16_t lo, hi;

	/* Of the address that the flow's source was given, and no other. */
	if (h->dir != DIR_ORIGINAL)
		return false;
	lo = atomic_load_explicit(&h->flow->source_ports[0], memory_order_relaxed);
	hi = atomic_load_explicit(&h->flow->source_ports[1], memory_order_relaxed);
	if (!lo || lo > hi)
		return false;
	*first = lo;
	*last = hi;
	return true;
}

uint16_t help_any_port(struct help_packet *h, uint16_t first, uint16_t last)
{
	return (uint16_t)(first + help_draw(h) % (last - first + 1u));
}

bool help_expect_any_port(struct help_packet *h, struct expect *e)
{
	const uint16_t before = port_of_before(h, e);
	uint16_t wanted = ntohs(e->tuple.dport), first = wanted, last = UINT16_MAX;
	unsigned left;
	int err;

	/* Said again, it becomes the same again. */
	if (before && help_expect_port(h, e, before) == 0)
		return true;
	if (help_source_ports(h, &first, &last) && (wanted < first || wanted > last))
		wanted = help_any_port(h, first, last);
	err = help_expect_port(h, e, wanted);
	left = last - first < TRIES_MAX ? last - first : TRIES_MAX;
	while (err == -EBUSY && left--)
		err = help_expect_port(h, e, help_any_port(h, first, last));
	return err == 0;
}

static enum expect_step remove_same(void *arg, struct expect *e)
{
	const struct tuple *unwanted = arg;

	return tuple_equal(&e->tuple, unwanted) ? EXPECT_REMOVE : EXPECT_GO_ON;
}

void help_unexpect(struct help_packet *h, const struct expect *e)
{
	struct tuple unwanted = e->tuple;

	if (!h->unconfirmed)
		expect_each_of(h->ct, h->worker, help_index(h), remove_same, &unwanted);
	else if (find_waiting(h, e))
		h->worker->n_pending--; /* it was the last to be made */
}

bool help_tell(struct help_packet *h, const struct expect *e, size_t off, size_t old_len,
	       const char *text, size_t len)
{
	if (!help_rewrite(h, off, old_len, text, len)) {
		help_unexpect(h, e);
		return false;
	}
	help_shift(h, (int32_t)len - (int32_t)old_len);
	return true;
}

/* ---- what was expected comes ---- */

void help_map(struct help_follow *f, enum nat_manip manip, const union addr *addr,
	      uint16_t port)
{
	const struct ct_ref ref = { .flow = &f->worker->begun, .unconfirmed = true };
	const struct nat_range range = {
		.flags = (uint8_t)(NAT_RANGE_ADDR | (port ? NAT_RANGE_PORT : 0)),
		.min_port = ntohs(port),
		.max_port = ntohs(port),
		.min_addr = *addr,
		.max_addr = *addr,
	};

	conntrack_nat_setup(f->ct, (unsigned)(f->worker - f->ct->worker), &ref, manip, &range);
}

void help_map_source(struct help_follow *f)
{
	const struct ct_ref ref = { .flow = &f->worker->begun, .unconfirmed = true };
	const struct flow *master = f->master;
	enum flow_dir dir = f->expect->dir;
	struct nat_range range = {
		.flags = NAT_RANGE_ADDR,
		.min_addr = master->tuple[dir].dst,
		.max_addr = master->tuple[dir].dst,
	};

	range.min_port = atomic_load_explicit(&master->source_ports[0], memory_order_relaxed);
	range.max_port = atomic_load_explicit(&master->source_ports[1], memory_order_relaxed);
	if (dir == DIR_REPLY && range.min_port)
		range.flags |= NAT_RANGE_PORT;
	conntrack_nat_setup(f->ct, (unsigned)(f->worker - f->ct->worker), &ref, NAT_MANIP_SRC,
			    &range);
}

void help_follow(struct help_follow *f)
{
	const struct expect *e = f->expect;

	help_map_source(f);
	help_map(f, NAT_MANIP_DST, &e->nat_addr, e->nat_port);
}
