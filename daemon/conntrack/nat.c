/* nat.c - which tuple a flow's answers have, and packets rewritten by it (nf_nat_core.c,
 * conntrack.md 9.2 to 9.5 and 5.4). */
#include "ctfw/nat.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "conntrack/private.h"
#include "conntrack/record.h"
#include "ctfw/jhash.h"
#include "ctfw/translate.h"

#define ICMPV4_REDIRECT 5 /* RFC 792 */
#define ND_REDIRECT 137   /* RFC 4861 4.5 */
#define NAT_STATUS (FLOW_SNAT | FLOW_DNAT | FLOW_SNAT_DONE | FLOW_DNAT_DONE)

/* So many ports are tried at once; then half as many elsewhere, down to the least. */
#define TRIES_MAX 128u
#define TRIES_LEAST 16u
/* When so few are left, ports of closed connections are taken away. */
#define TRIES_LAST 32u

_Static_assert((int)NAT_MANIP_SRC == (int)TRANSLATE_SRC &&
		       (int)NAT_MANIP_DST == (int)TRANSLATE_DST,
	       "one is cast to the other");

/* What is being chosen, for the flow that w has begun. */
struct choice {
	struct conntrack *ct;
	struct ct_worker *w;
	const struct nat_range *range;
	enum nat_manip manip;
	uint64_t mono;
};

/* Nobody outside can foresee it; the same packets at the same times get the same. */
static uint32_t draw(const struct choice *c)
{
	return (uint32_t)siphash_pair(&c->ct->key, c->w->nat_draws++ << 8 | 'n', c->mono);
}

/* ---- what is free ---- */

/* The flow in the table that has the answer to such packets; the same flow begun twice is for
 * confirmation to sort out. */
static struct flow *holder(const struct choice *c, const struct tuple *t,
			   enum flow_dir *ret_dir)
{
	struct tuple answer;
	struct flow *f;

	if (tuple_invert(t, &answer) < 0)
		return NULL;
	f = life_find(c->ct, c->w, &answer, (uint32_t)tuple_hash(&c->ct->key, &answer), c->mono,
		      ret_dir);
	if (f && tuple_equal(&f->tuple[DIR_ORIGINAL], &c->w->begun.tuple[DIR_ORIGINAL]))
		return NULL;
	return f;
}

static bool is_taken(const struct choice *c, const struct tuple *t)
{
	enum flow_dir dir;

	return holder(c, t, &dir) != NULL;
}

/* What the flow has already stays its own also when the same flow came in from the other end
 * meanwhile: both become one when this one is confirmed (nf_nat_used_tuple_new). */
static bool is_taken_from_it(const struct choice *c, const struct tuple *t)
{
	const struct flow *own = &c->w->begun;
	enum flow_dir dir;
	const struct flow *f = holder(c, t, &dir);

	if (!f)
		return false;
	return !clash_is_allowed(t->l4) || nat_rewrites(own) || nat_rewrites(f) ||
	       !tuple_equal(&own->tuple[DIR_ORIGINAL], &f->tuple[DIR_REPLY]) ||
	       !tuple_equal(&own->tuple[DIR_REPLY], &f->tuple[DIR_ORIGINAL]);
}

/* A connection that is over gives its port to one that comes behind it (RFC 6191's rule of
 * sequence numbers; nf_nat_used_tuple_harder). */
static bool gives_way(const struct choice *c, const struct flow *f)
{
	const struct flow *own = &c->w->begun;
	struct flow held;

	if (own->tuple[DIR_ORIGINAL].l4 != IPPROTO_TCP ||
	    own->proto.tcp.state != TCPS_SYN_SENT || !flow_snapshot(f, &held))
		return false;
	if (!(held.status & FLOW_SNAT) || held.status & FLOW_FIXED_TIMEOUT ||
	    (held.proto.tcp.state != TCPS_TIME_WAIT && held.proto.tcp.state != TCPS_CLOSE))
		return false;
	return (int32_t)(own->proto.tcp.side[DIR_ORIGINAL].td_end -
			 held.proto.tcp.side[DIR_ORIGINAL].td_end) > 0;
}

static bool is_taken_at_last(const struct choice *c, const struct tuple *t)
{
	enum flow_dir dir;
	struct flow *f = holder(c, t, &dir);

	if (!f)
		return false;
	return dir != DIR_REPLY || !gives_way(c, f) || !life_kill(c->ct, c->w, f);
}

/* ---- ranges ---- */

static int compare_addr(const union addr *a, const union addr *b)
{
	return memcmp(a, b, sizeof(*a));
}

static union addr *addr_at(struct tuple *t, enum nat_manip manip)
{
	return manip == NAT_MANIP_SRC ? &t->src : &t->dst;
}

static bool has_id(uint8_t l4)
{
	return l4 == IPPROTO_ICMP || l4 == IPPROTO_ICMPV6;
}

/* ICMP's id is the same both ways. */
static uint16_t *port_at(struct tuple *t, enum nat_manip manip)
{
	return manip == NAT_MANIP_SRC || has_id(t->l4) ? &t->sport : &t->dport;
}

static bool port_fits(const struct choice *c, struct tuple *t)
{
	uint16_t port = ntohs(*port_at(t, c->manip));

	return (!l4_has_ports(t->l4) && !has_id(t->l4) && t->l4 != IPPROTO_GRE) ||
	       (port >= c->range->min_port && port <= c->range->max_port);
}

/* Whether a source is one of those that are allowed (nf_in_range). */
static bool source_fits(const struct choice *c, struct tuple *t)
{
	const struct nat_range *r = c->range;

	if (r->flags & NAT_RANGE_ADDR && (compare_addr(&t->src, &r->min_addr) < 0 ||
					  compare_addr(&t->src, &r->max_addr) > 0))
		return false;
	return !(r->flags & NAT_RANGE_PORT) || port_fits(c, t);
}

/* ---- addresses ---- */

/* Of the network that was given, with the host's part that it has (nf_nat's netmap). */
static struct nat_range range_of_prefix(const struct nat_range *r, const union addr *addr)
{
	struct nat_range one = *r;

	one.flags &= (uint8_t)~NAT_RANGE_PREFIX;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t host = r->min_addr.w[i] ^ r->max_addr.w[i];

		one.min_addr.w[i] = (addr->w[i] & host) | (r->min_addr.w[i] & ~host);
	}
	one.max_addr = one.min_addr;
	return one;
}

/* One of several, by who speaks to whom: always the same, so that a client's flows come from
 * one address (find_best_ips_proto, bit for bit). */
static void spread_addr(const struct choice *c, struct tuple *t)
{
	const struct nat_range *r = c->range;
	bool persistent = r->flags & NAT_RANGE_PERSISTENT;
	unsigned last = t->l3 == L3_IPV4 ? 0 : 3;
	union addr *addr = addr_at(t, c->manip), src = t->src, dst = t->dst;
	uint32_t hash = jhash(src.b, sizeof(src), persistent ? 0 : dst.w[last] ^ t->zone);
	bool below = false; /* what was chosen so far is less than the range's end */

	for (unsigned i = 0; i <= last; i++) {
		uint32_t min = below ? 0 : ntohl(r->min_addr.w[i]);
		uint32_t n = below ? UINT32_MAX : ntohl(r->max_addr.w[i]) - min + 1;

		addr->w[i] = htonl(min + jhash_scale(hash, n));
		below = below || addr->w[i] != r->max_addr.w[i];
		/* Of a destination that is being mapped the part that is new by now. */
		if (!persistent)
			hash ^= c->manip == NAT_MANIP_DST ? addr->w[i] : dst.w[i];
	}
}

static void choose_addr(const struct choice *c, struct tuple *t)
{
	const struct nat_range *r = c->range;

	if (!(r->flags & NAT_RANGE_ADDR))
		return;
	if (addr_equal(&r->min_addr, &r->max_addr))
		*addr_at(t, c->manip) = r->min_addr;
	else
		spread_addr(c, t);
}

/* ---- ports ---- */

struct ports {
	uint32_t first, n;
};

/* Those of the class that the source's own is in: who may bind a low port expects one. */
static struct ports class_of(uint16_t port)
{
	if (port < 512)
		return (struct ports){ 1, 511 };
	if (port < 1024)
		return (struct ports){ 600, 1024 - 600 };
	return (struct ports){ 1024, 65536 - 1024 };
}

/* GRE's keys are call ids that a helper has read; other tunnels keep theirs, if any. */
static bool is_call(const struct choice *c, const struct tuple *t)
{
	return t->l4 == IPPROTO_GRE && c->w->begun.master != FLOW_NONE;
}

/* False: the port cannot become another. */
static bool ports_of(const struct choice *c, struct tuple *t, struct ports *ret)
{
	const struct nat_range *r = c->range;
	uint16_t lo = r->min_port, hi = r->max_port;

	if (!l4_has_ports(t->l4) && !has_id(t->l4) && !is_call(c, t))
		return false;
	if (r->flags & NAT_RANGE_PORT) {
		*ret = lo <= hi ? (struct ports){ lo, hi - lo + 1u } :
				  (struct ports){ hi, lo - hi + 1u };
		return true;
	}
	if (has_id(t->l4)) {
		*ret = (struct ports){ 0, 65536 };
		return true;
	}
	if (is_call(c, t)) {
		*ret = (struct ports){ 1, 65535 };
		return true;
	}
	if (c->manip == NAT_MANIP_DST)
		return false;
	*ret = class_of(ntohs(t->sport));
	return true;
}

/* nf_nat_l4proto_unique_tuple.  What was tried last stands, be it free or not. */
static void search_port(const struct choice *c, struct tuple *t)
{
	uint16_t *port = port_at(t, c->manip);
	uint32_t at = 0, tries;
	struct ports ports;

	if (!ports_of(c, t, &ports))
		return;
	if (c->manip == NAT_MANIP_SRC || c->range->flags & NAT_RANGE_RANDOM)
		at = draw(c) & 0xffff;
	tries = ports.n < TRIES_MAX ? ports.n : TRIES_MAX;
	for (;;) {
		for (uint32_t left = tries; left > 0; left--) {
			*port = htons((uint16_t)(ports.first + at++ % ports.n));
			if (left > TRIES_LAST ? !is_taken(c, t) : !is_taken_at_last(c, t))
				return;
		}
		if (tries >= ports.n || tries < TRIES_LEAST)
			return;
		tries /= 2;
		at = draw(c) & 0xffff;
	}
}

/* ---- the whole ---- */

/* The source by which another flow of the same one speaks. */
struct known {
	const struct choice *choice;
	struct tuple tuple; /* with that source */
};

static bool is_known(void *arg, const struct flow *f)
{
	struct known *k = arg;

	k->tuple.src = f->tuple[DIR_REPLY].dst;
	k->tuple.sport = has_id(k->tuple.l4) ? f->tuple[DIR_REPLY].sport :
					       f->tuple[DIR_REPLY].dport;
	return source_fits(k->choice, &k->tuple);
}

static bool same_as_before(const struct choice *c, const struct tuple *t, struct tuple *ret)
{
	struct known known = { .choice = c, .tuple = *t };

	if (!sources_find(&c->ct->sources, &c->ct->key, &c->ct->table,
			  &c->w->begun.tuple[DIR_ORIGINAL], c->mono, is_known, &known) ||
	    is_taken(c, &known.tuple))
		return false;
	*ret = known.tuple;
	return true;
}

/* get_unique_tuple: t, as the packets are now, becomes as they will be. */
static void choose(const struct choice *c, struct tuple *t)
{
	const struct nat_range *r = c->range;
	bool random = r->flags & NAT_RANGE_RANDOM;

	if (c->manip == NAT_MANIP_SRC && !random) {
		if (source_fits(c, t)) {
			if (!is_taken_from_it(c, t))
				return;
		} else if (same_as_before(c, t, t)) {
			return;
		}
	}
	choose_addr(c, t);
	if (!random) {
		if (!(r->flags & NAT_RANGE_PORT)) {
			if (!is_taken(c, t))
				return;
		} else if (port_fits(c, t) &&
			   (r->min_port == r->max_port || !is_taken(c, t))) {
			return; /* a single port is nothing to choose from */
		}
	}
	search_port(c, t);
}

/* Its helper must stay among these ports too: others may not even reach us. */
static void remember_ports(struct flow *f, const struct nat_range *r)
{
	uint16_t lo = r->min_port, hi = r->max_port;

	atomic_store_explicit(&f->source_ports[0], lo < hi ? lo : hi, memory_order_relaxed);
	atomic_store_explicit(&f->source_ports[1], lo < hi ? hi : lo, memory_order_relaxed);
}

void conntrack_nat_setup(struct conntrack *ct, unsigned worker, const struct ct_ref *ref,
			 enum nat_manip manip, const struct nat_range *range)
{
	struct ct_worker *w = &ct->worker[worker];
	struct flow *f = ref->flow;
	struct choice choice = {
		.ct = ct,
		.w = w,
		.range = range,
		.manip = manip,
		.mono = atomic_load_explicit(&w->mono, memory_order_relaxed),
	};
	uint32_t set = manip == NAT_MANIP_SRC ? FLOW_SNAT_DONE : FLOW_DNAT_DONE;
	struct tuple before, after;
	struct nat_range one;

	if (!ref->unconfirmed || nat_is_done(f, manip) ||
	    tuple_invert(&f->tuple[DIR_REPLY], &before) < 0)
		return;
	after = before;
	if (range->flags & NAT_RANGE_PREFIX) {
		one = range_of_prefix(range, addr_at(&after, manip));
		choice.range = &one;
	}
	choose(&choice, &after);
	if (!tuple_equal(&before, &after) && tuple_invert(&after, &f->tuple[DIR_REPLY]) == 0) {
		set |= manip == NAT_MANIP_SRC ? FLOW_SNAT : FLOW_DNAT;
		flow_set_route(f, DIR_REPLY, 0); /* it leads elsewhere now */
	}
	if (manip == NAT_MANIP_SRC && range->flags & NAT_RANGE_PORT)
		remember_ports(f, range);
	atomic_fetch_or_explicit(&f->status, set, memory_order_relaxed);
}

void conntrack_nat_masquerade(const struct ct_ref *ref, uint32_t ifindex)
{
	if (ref->unconfirmed)
		atomic_store_explicit(&ref->flow->masquerade, ifindex, memory_order_relaxed);
}

void conntrack_nat_end(struct conntrack *ct, unsigned worker, const struct ct_ref *ref)
{
	if (!ref->unconfirmed)
		life_kill(ct, &ct->worker[worker], ref->flow);
}

/* ---- packets ---- */

/* Which of both mappings changes this side of packets of this direction: an answer's source is
 * what the destination was mapped to. */
static uint32_t mapping_of(enum nat_manip manip, enum flow_dir dir)
{
	return (manip == NAT_MANIP_SRC) == (dir == DIR_ORIGINAL) ? FLOW_SNAT : FLOW_DNAT;
}

static bool is_redirect(const struct packet *p)
{
	return p->l4_proto == (p->family == L3_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
	       p->flags & PACKET_L4_HEADER &&
	       p->icmp_type == (p->family == L3_IPV4 ? ICMPV4_REDIRECT : ND_REDIRECT);
}

bool conntrack_nat_is_error(const struct ct_ref *ref, const struct packet *p)
{
	return ref->state == CT_STATE_RELATED && (packet_is_icmp_error(p) || is_redirect(p));
}

static struct translation side_of(const struct tuple *t, enum nat_manip manip)
{
	return (struct translation){
		.addr = manip == NAT_MANIP_SRC ? t->src : t->dst,
		.id = manip == NAT_MANIP_SRC || has_id(t->l4) ? t->sport : t->dport,
	};
}

bool conntrack_nat_packet(const struct ct_ref *ref, enum nat_manip manip, struct packet *p)
{
	const struct flow *f = ref->flow;
	uint32_t status = atomic_load_explicit(&f->status, memory_order_relaxed);
	bool error = conntrack_nat_is_error(ref, p);
	struct translation to;

	/* Asked once more whatever options say: a new one must not make it right. */
	if (error && !packet_checksum_ok(p))
		return false;
	/* A redirect tells of a neighbour, which the other side of NAT does not have. */
	if (error && is_redirect(p))
		return (status & NAT_STATUS) == (FLOW_SNAT_DONE | FLOW_DNAT_DONE);
	if (!(status & mapping_of(manip, ref->dir)))
		return true;
	/* What the other direction has as its destination is this one's source. */
	to = side_of(&f->tuple[!ref->dir], (enum nat_manip)!manip);
	return error ? packet_translate_error(p, (enum translate_side)manip, &to) :
		       packet_translate(p, (enum translate_side)manip, &to);
}

void conntrack_nat_undo(const struct ct_ref *ref, struct packet *p)
{
	const struct tuple *sent = &ref->flow->tuple[ref->dir];

	if (conntrack_nat_is_error(ref, p))
		return; /* errors are not answered */
	for (enum nat_manip manip = NAT_MANIP_SRC; manip <= NAT_MANIP_DST; manip++) {
		struct translation to = side_of(sent, manip);

		packet_translate(p, (enum translate_side)manip, &to);
	}
}

/* ---- addresses that go ---- */

struct forgetting {
	struct conntrack *ct;
	bool (*there)(void *arg, uint32_t ifindex, uint8_t family, const union addr *addr);
	void *arg;
};

static bool forget_one(void *arg, uint32_t index, const struct flow *copy)
{
	const struct forgetting *f = arg;
	uint32_t ifindex = nat_masqueraded(copy);
	const struct tuple *reply = &copy->tuple[DIR_REPLY];

	if (ifindex && !f->there(f->arg, ifindex, reply->l3, &reply->dst))
		conntrack_delete(f->ct, index, copy->id);
	return true;
}

bool conntrack_nat_forget(struct conntrack *ct, uint32_t *cursor, uint32_t records,
			  bool (*there)(void *arg, uint32_t ifindex, uint8_t family,
					const union addr *addr),
			  void *arg, struct instant now)
{
	struct forgetting forgetting = { ct, there, arg };

	return conntrack_each(ct, cursor, records, now, forget_one, &forgetting);
}
