/* hostview.c - an immutable snapshot of the host's addresses, links and routes.
 *
 * Every packet asks whether its destination is the host's, and every flow once where its
 * route leads: both are questions of the longest matching prefix.  Prefixes never change
 * here, so they are laid out flat when the snapshot is made:
 *
 *     10.0.0.0/8 -> 2     10.1.0.0/16 -> 3
 *
 *     start   0.0.0.0   10.0.0.0   10.1.0.0   10.2.0.0   11.0.0.0
 *     value      0          2          3          2          0
 *
 * A look-up is then a binary search without a branch to mispredict: three steps for the
 * few addresses that a host has, twenty for all routes of the Internet, which need 16 MB.
 * Most addresses are not local at all, and a sieve tells so with two loads.
 *
 * Life-cycle: made by one thread, read by all, freed after a grace period. */
#include "ctfw/hostview.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* An address as a number, the first bit the highest.  IPv4 takes the upper 32 bits. */
struct key {
	uint64_t hi, lo;
};

/* Addresses from start[i] to below start[i + 1] have value[i].  start[0] is 0. */
struct flat4 {
	uint32_t *start;
	uint32_t *value;
	size_t n;
};

struct flat6 {
	struct key *start;
	uint32_t *value;
	size_t n;
};

struct flat {
	struct flat4 v4;
	struct flat6 v6;
};

/* What may have a value: a bit of whole addresses by hash, a bit of wider prefixes by first
 * byte.  Where neither is set, nothing is. */
struct sieve {
	uint64_t whole[8];
	uint64_t wide[4];
};

/* Indices of interfaces grow with each that is made; a host that made this many is rare. */
#define SLOTS_MAX 65536

struct hostview {
	uint32_t serial;
	struct sieve sieve; /* of local, both families */
	struct flat local;  /* enum hostview_kind, and the ifindex above LOCAL_SHIFT */
	struct flat routes; /* ifindex; with WAY: through a gateway, one of ways */
	struct way *ways;
	struct hostview_link *links; /* by index */
	size_t n_links;
	/* Which link an ifindex is, 1 and up, for those below n_slots; others are searched. */
	uint32_t *slots;
	size_t n_slots;
	struct hostview_addr *speakers; /* that may be a source, in the order given */
	size_t n_speakers;
};

#define LOCAL_SHIFT 4
#define LOCAL_KIND  ((1u << LOCAL_SHIFT) - 1)

/* A way through a gateway; indices of interfaces are never that high. */
struct way {
	union addr gateway;
	uint32_t ifindex;
};
#define WAY 0x80000000u

/* ---- prefixes, flattened ---- */

struct range {
	struct key first, last;
	uint32_t value;
	uint32_t rank; /* the lower one wins among equal prefixes */
	size_t order;  /* and then the one that was given first */
};

static int key_compare(struct key a, struct key b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

static struct key key_of(const union addr *a)
{
	struct key k = { 0, 0 };

	for (unsigned i = 0; i < 8; i++) {
		k.hi = k.hi << 8 | a->b[i];
		k.lo = k.lo << 8 | a->b[8 + i];
	}
	return k;
}

static struct range range_of(const struct prefix *p, uint32_t value, uint32_t rank,
			     size_t order)
{
	uint64_t hi = p->len >= 64 ? 0 : UINT64_MAX >> p->len;
	uint64_t lo = p->len <= 64  ? UINT64_MAX :
		      p->len >= 128 ? 0 :
				      UINT64_MAX >> (p->len - 64);
	struct key k = key_of(&p->addr);

	return (struct range){
		.first = { k.hi & ~hi, k.lo & ~lo },
		.last = { k.hi | hi, k.lo | lo },
		.value = value,
		.rank = rank,
		.order = order,
	};
}

/* By start, the wider one first: what contains another comes before it. */
static int range_compare(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int c = key_compare(x->first, y->first);

	if (c == 0)
		c = key_compare(y->last, x->last);
	if (c == 0)
		c = (x->rank > y->rank) - (x->rank < y->rank);
	if (c == 0)
		c = (x->order > y->order) - (x->order < y->order);
	return c;
}

static size_t drop_twins(struct range *r, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (kept && key_compare(r[i].first, r[kept - 1].first) == 0 &&
		    key_compare(r[i].last, r[kept - 1].last) == 0)
			continue;
		r[kept++] = r[i];
	}
	return kept;
}

/* The list of starts while it grows; never more than two a range, and the first. */
struct steps {
	struct key *start;
	uint32_t *value;
	size_t n;
};

static void step_add(struct steps *s, struct key start, uint32_t value)
{
	if (s->n && key_compare(s->start[s->n - 1], start) == 0)
		s->n--;
	if (s->n && s->value[s->n - 1] == value)
		return;
	s->start[s->n] = start;
	s->value[s->n++] = value;
}

static bool step_behind(struct key last, struct key *ret_start)
{
	if (last.hi == UINT64_MAX && last.lo == UINT64_MAX)
		return false;
	*ret_start = (struct key){ last.hi + (last.lo == UINT64_MAX), last.lo + 1 };
	return true;
}

/* Ranges nest or are apart, never overlap otherwise: `open` holds those around the
 * present one, at most one a prefix length. */
static void steps_fill(struct steps *s, const struct range *r, size_t n)
{
	const struct range *open[129];
	size_t depth = 0;
	struct key start = { 0, 0 };

	step_add(s, start, 0);
	for (size_t i = 0; i <= n; i++) {
		while (depth &&
		       (i == n || key_compare(open[depth - 1]->last, r[i].first) < 0)) {
			depth--;
			if (step_behind(open[depth]->last, &start))
				step_add(s, start, depth ? open[depth - 1]->value : 0);
		}
		if (i == n)
			break;
		step_add(s, r[i].first, r[i].value);
		open[depth++] = &r[i];
	}
}

/* Ranges of one family to a flat array.  False when out of memory. */
static bool flat_fill(struct flat *f, uint8_t family, struct range *r, size_t n)
{
	struct steps s = { 0 };

	/* qsort(NULL, 0) is undefined, and a host may lack a family. */
	if (n)
		qsort(r, n, sizeof(*r), range_compare);
	n = drop_twins(r, n);
	s.start = malloc((2 * n + 1) * sizeof(*s.start));
	s.value = malloc((2 * n + 1) * sizeof(*s.value));
	if (!s.start || !s.value)
		goto fail;
	steps_fill(&s, r, n);
	if (family == L3_IPV6) {
		f->v6 = (struct flat6){ s.start, s.value, s.n };
		return true;
	}
	f->v4.start = malloc(s.n * sizeof(*f->v4.start));
	if (!f->v4.start)
		goto fail;
	for (size_t i = 0; i < s.n; i++)
		f->v4.start[i] = (uint32_t)(s.start[i].hi >> 32);
	f->v4.value = s.value;
	f->v4.n = s.n;
	free(s.start);
	return true;
fail:
	free(s.start);
	free(s.value);
	return false;
}

static void flat_fini(struct flat *f)
{
	free(f->v4.start);
	free(f->v4.value);
	free(f->v6.start);
	free(f->v6.value);
}

static uint32_t flat_find4(const struct flat4 *f, uint32_t key)
{
	const uint32_t *at = f->start;

	for (size_t n = f->n; n > 1;) {
		size_t half = n / 2;

		at += at[half] <= key ? half : 0;
		n -= half;
	}
	return f->value[at - f->start];
}

static uint32_t flat_find6(const struct flat6 *f, struct key key)
{
	const struct key *at = f->start;

	for (size_t n = f->n; n > 1;) {
		size_t half = n / 2;
		struct key k = at[half];

		at += (k.hi < key.hi) | ((k.hi == key.hi) & (k.lo <= key.lo)) ? half : 0;
		n -= half;
	}
	return f->value[at - f->start];
}

static uint32_t load_be32(const uint8_t *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint32_t flat_find(const struct flat *f, uint8_t family, const union addr *addr)
{
	if (family == L3_IPV4)
		return flat_find4(&f->v4, load_be32(addr->b));
	return flat_find6(&f->v6, key_of(addr));
}

/* ---- the sieve ---- */

static unsigned sieve_bit(const union addr *a)
{
	return (unsigned)(((a->d[0] ^ a->d[1]) * 0x9e3779b97f4a7c15) >> 55);
}

static void sieve_add(struct sieve *s, const struct prefix *p)
{
	unsigned bit = sieve_bit(&p->addr), first = p->addr.b[0];
	unsigned last = p->len >= 8 ? first : first | 0xffu >> p->len;

	if (p->len == addr_bits(p->family)) {
		s->whole[bit / 64] |= 1ULL << bit % 64;
		return;
	}
	for (; first <= last; first++)
		s->wide[first / 64] |= 1ULL << first % 64;
}

static bool sieve_holds(const struct sieve *s, const union addr *a)
{
	unsigned bit = sieve_bit(a), first = a->b[0];

	return (s->whole[bit / 64] >> bit % 64 | s->wide[first / 64] >> first % 64) & 1;
}

/* ---- the snapshot ---- */

static uint32_t next_serial(void)
{
	/* A flow remembers which hostview told it its route, so no two may share a number.
	 * The one variable of the library that is not in anybody's context: a number that
	 * is unique in the process belongs to the process. */
	static _Atomic uint32_t serial;
	uint32_t s;

	do
		s = atomic_fetch_add_explicit(&serial, 1, memory_order_relaxed) + 1;
	while (s == 0);
	return s;
}

/* A malloc() that gives something for 0 bytes too. */
static void *alloc_array(size_t n, size_t size)
{
	return calloc(n ? n : 1, size);
}

static bool fill_local(struct hostview *hv, const struct hostview_addr *addrs, size_t n)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };
	struct range *r = alloc_array(n, sizeof(*r));
	bool ok = r != NULL;

	for (size_t i = 0; i < n; i++)
		sieve_add(&hv->sieve, &addrs[i].prefix);
	for (unsigned f = 0; ok && f < 2; f++) {
		size_t count = 0;

		for (size_t i = 0; i < n; i++) {
			if (addrs[i].prefix.family == families[f])
				r[count++] = range_of(&addrs[i].prefix,
						      addrs[i].kind | addrs[i].ifindex
									      << LOCAL_SHIFT,
						      addrs[i].kind, i);
		}
		ok = flat_fill(&hv->local, families[f], r, count);
	}
	free(r);
	return ok;
}

/* By gateway and interface, so that equal ones lie side by side. */
static int way_compare(const void *a, const void *b)
{
	const struct way *x = a, *y = b;
	int c = memcmp(&x->gateway, &y->gateway, sizeof(x->gateway));

	return c ? c : (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static bool fill_ways(struct hostview *hv, const struct hostview_route *routes, size_t n,
		      size_t *ret_n_ways)
{
	size_t n_ways = 0, kept = 0;

	hv->ways = alloc_array(n, sizeof(*hv->ways));
	if (!hv->ways)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!addr_is_zero(&routes[i].gateway))
			hv->ways[n_ways++] = (struct way){ routes[i].gateway,
							   routes[i].ifindex };
	}
	if (n_ways)
		qsort(hv->ways, n_ways, sizeof(*hv->ways), way_compare);
	for (size_t i = 0; i < n_ways; i++) {
		if (!kept || way_compare(&hv->ways[kept - 1], &hv->ways[i]))
			hv->ways[kept++] = hv->ways[i];
	}
	*ret_n_ways = kept;
	return true;
}

static uint32_t way_of(const struct hostview *hv, size_t n_ways, const struct hostview_route *r)
{
	struct way key = { r->gateway, r->ifindex };
	const struct way *w;

	if (addr_is_zero(&r->gateway))
		return r->ifindex;
	w = bsearch(&key, hv->ways, n_ways, sizeof(key), way_compare);
	return WAY | (uint32_t)(w - hv->ways);
}

static bool fill_routes(struct hostview *hv, const struct hostview_route *routes, size_t n)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };
	struct range *r = alloc_array(n, sizeof(*r));
	size_t n_ways = 0;
	bool ok = r && fill_ways(hv, routes, n, &n_ways);

	for (unsigned f = 0; ok && f < 2; f++) {
		size_t count = 0;

		for (size_t i = 0; i < n; i++) {
			if (routes[i].prefix.family == families[f])
				r[count++] = range_of(&routes[i].prefix,
						      way_of(hv, n_ways, &routes[i]),
						      routes[i].metric, i);
		}
		ok = flat_fill(&hv->routes, families[f], r, count);
	}
	free(r);
	return ok;
}

/* Addresses that may speak: whole ones of the host's own, not loopback's. */
static bool fill_speakers(struct hostview *hv, const struct hostview_addr *addrs, size_t n)
{
	hv->speakers = alloc_array(n, sizeof(*hv->speakers));
	if (!hv->speakers)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct prefix *p = &addrs[i].prefix;

		if (addrs[i].primary && addrs[i].kind == HOSTVIEW_LOCAL &&
		    p->len == addr_bits(p->family) && !addr_is_loopback(p->family, &p->addr))
			hv->speakers[hv->n_speakers++] = addrs[i];
	}
	return true;
}

static int link_compare(const void *a, const void *b)
{
	const struct hostview_link *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static bool fill_links(struct hostview *hv, const struct hostview_link *links, size_t n)
{
	hv->links = alloc_array(n, sizeof(*hv->links));
	if (!hv->links)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct hostview_link *l = &hv->links[i];

		*l = links[i];
		memset(l->name, 0, sizeof(l->name));
		memcpy(l->name, links[i].name, strnlen(links[i].name, sizeof(l->name) - 1));
		memset(l->kind, 0, sizeof(l->kind));
		memcpy(l->kind, links[i].kind, strnlen(links[i].kind, sizeof(l->kind) - 1));
	}
	hv->n_links = n;
	qsort(hv->links, n, sizeof(*hv->links), link_compare);
	hv->n_slots = n && hv->links[n - 1].index < SLOTS_MAX ? hv->links[n - 1].index + 1u : 0;
	hv->slots = alloc_array(hv->n_slots, sizeof(*hv->slots));
	if (!hv->slots)
		return false;
	for (size_t i = 0; hv->n_slots && i < n; i++)
		hv->slots[hv->links[i].index] = (uint32_t)i + 1;
	return true;
}

struct hostview *hostview_new(const struct hostview_link *links, size_t n_links,
			      const struct hostview_addr *addrs, size_t n_addrs,
			      const struct hostview_route *routes, size_t n_routes)
{
	struct hostview *hv = calloc(1, sizeof(*hv));

	if (!hv)
		return NULL;
	hv->serial = next_serial();
	if (fill_links(hv, links, n_links) && fill_local(hv, addrs, n_addrs) &&
	    fill_routes(hv, routes, n_routes) && fill_speakers(hv, addrs, n_addrs))
		return hv;
	hostview_free(hv);
	return NULL;
}

void hostview_free(struct hostview *hv)
{
	if (!hv)
		return;
	flat_fini(&hv->local);
	flat_fini(&hv->routes);
	free(hv->links);
	free(hv->slots);
	free(hv->speakers);
	free(hv->ways);
	free(hv);
}

uint32_t hostview_serial(const struct hostview *hv)
{
	return hv->serial;
}

enum hostview_kind hostview_local(const struct hostview *hv, uint8_t family,
				  const union addr *addr)
{
	if (!sieve_holds(&hv->sieve, addr))
		return HOSTVIEW_NONE;
	return (enum hostview_kind)(flat_find(&hv->local, family, addr) & LOCAL_KIND);
}

uint32_t hostview_local_index(const struct hostview *hv, uint8_t family,
			      const union addr *addr)
{
	return sieve_holds(&hv->sieve, addr) ?
		       flat_find(&hv->local, family, addr) >> LOCAL_SHIFT :
		       0;
}

uint32_t hostview_route(const struct hostview *hv, uint8_t family, const union addr *to)
{
	uint32_t way = flat_find(&hv->routes, family, to);

	return way & WAY ? hv->ways[way & ~WAY].ifindex : way;
}

union addr hostview_gateway(const struct hostview *hv, uint8_t family, const union addr *to)
{
	uint32_t way = flat_find(&hv->routes, family, to);

	return way & WAY ? hv->ways[way & ~WAY].gateway : (union addr){ 0 };
}

const struct hostview_link *hostview_link(const struct hostview *hv, uint32_t ifindex)
{
	const struct hostview_link *at = hv->links;

	if (ifindex < hv->n_slots)
		return hv->slots[ifindex] ? at + hv->slots[ifindex] - 1 : NULL;
	for (size_t n = hv->n_links; n > 1;) {
		size_t half = n / 2;

		at += at[half].index <= ifindex ? half : 0;
		n -= half;
	}
	return hv->n_links && at->index == ifindex ? at : NULL;
}

const struct hostview_link *hostview_link_by_name(const struct hostview *hv, const char *name)
{
	for (size_t i = 0; i < hv->n_links; i++) {
		if (strncmp(hv->links[i].name, name, sizeof(hv->links[i].name)) == 0)
			return &hv->links[i];
	}
	return NULL;
}

/* ---- who speaks ---- */

/* RFC 6724 2.1: addresses of the same label go together.  The longest first. */
static unsigned label_of(const union addr *a)
{
	static const struct {
		uint8_t bytes[4];
		uint8_t len; /* bits */
		uint8_t label;
	} rows[] = {
		{ { 0x20, 0x01, 0x00, 0x00 }, 32, 5 }, /* Teredo */
		{ { 0x20, 0x02 }, 16, 2 },             /* 6to4 */
		{ { 0x3f, 0xfe }, 16, 12 },
		{ { 0xfe, 0xc0 }, 10, 11 },
		{ { 0xfc }, 7, 13 }, /* unique local */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct prefix p = { .family = L3_IPV6, .len = rows[i].len };

		memcpy(p.addr.b, rows[i].bytes, sizeof(rows[i].bytes));
		if (prefix_contains(&p, L3_IPV6, a))
			return rows[i].label;
	}
	return 1;
}

static unsigned common_bits(const union addr *a, const union addr *b, unsigned most)
{
	unsigned n = 0;

	while (n < most && !((a->b[n / 8] ^ b->b[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

/* How well it suits; the first of equals is taken. */
static unsigned suits(const struct hostview_addr *a, const union addr *to)
{
	unsigned most = a->subnet.family ? a->subnet.len : 0;

	if (!to)
		return 0;
	if (a->prefix.family == L3_IPV4)
		return a->subnet.family && prefix_contains(&a->subnet, L3_IPV4, to);
	return (label_of(&a->prefix.addr) == label_of(to)) * 256u +
	       common_bits(&a->prefix.addr, to, most);
}

bool hostview_source(const struct hostview *hv, uint8_t family, uint32_t ifindex,
		     const union addr *to, union addr *ret_addr)
{
	const struct hostview_addr *best = NULL;
	unsigned best_suits = 0;

	for (size_t i = 0; i < hv->n_speakers; i++) {
		const struct hostview_addr *a = &hv->speakers[i];
		/* Those of another interface only where it has none. */
		unsigned n = suits(a, to) + (a->ifindex == ifindex) * 1024u;

		if (a->prefix.family != family || (best && n <= best_suits))
			continue;
		/* Of others IPv4 takes the first. */
		if (best && family == L3_IPV4 && a->ifindex != ifindex)
			continue;
		best = a;
		best_suits = n;
	}
	if (!best)
		return false;
	*ret_addr = best->prefix.addr;
	return true;
}
