/* imply.c - what nft's listing does to the order of matches, and which it leaves out.
 *
 * nft joins comparisons of fields that lie side by side, such as both ports, into one, and
 * splits them again for the listing: they come out in the order of the header, and `tcp flags
 * syn` among them is `tcp flags == syn`, which is what the kernel is told.  And it leaves
 * out a match on a protocol when a later field implies it: `meta l4proto tcp tcp dport 22` is
 * listed as `tcp dport 22` (payload_dependency_kill()), unless a statement stands between the
 * two, which would then act on other packets as well.
 *
 * nft is not followed where its listing would be another rule: it joins fields across other
 * statements; it leaves out a protocol before `th` for which it has no header; before a
 * reset in inet it leaves out the family as well; behind `ct protocol` it leaves out the other
 * one of a packet; and before any field of a header it leaves out `ct l3proto`, which packets
 * without a flow have not. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/check.h"

static bool is_plain_value(const struct stmt *s)
{
	return s->match.left->kind == EXPR_SELECTOR && s->match.op == MATCH_EQ &&
	       s->match.right->kind == EXPR_VALUE;
}

/* ---- names ---- */

/* Behind `meta l4proto tcp` th is tcp. */
static void name_header(void *arg, struct expr *e)
{
	const uint64_t l4 = *(uint64_t *)arg;
	static const struct {
		enum selector_id th, tcp, udp, udplite, sctp, dccp;
	} ports[] = {
		{ SELECTOR_TH_SPORT, SELECTOR_TCP_SPORT, SELECTOR_UDP_SPORT,
		  SELECTOR_UDPLITE_SPORT, SELECTOR_SCTP_SPORT, SELECTOR_DCCP_SPORT },
		{ SELECTOR_TH_DPORT, SELECTOR_TCP_DPORT, SELECTOR_UDP_DPORT,
		  SELECTOR_UDPLITE_DPORT, SELECTOR_SCTP_DPORT, SELECTOR_DCCP_DPORT },
	};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		if (e->kind != EXPR_SELECTOR || e->selector != ports[i].th)
			continue;
		if (l4 == IPPROTO_TCP)
			e->selector = ports[i].tcp;
		else if (l4 == IPPROTO_UDP)
			e->selector = ports[i].udp;
		else if (l4 == IPPROTO_UDPLITE)
			e->selector = ports[i].udplite;
		else if (l4 == IPPROTO_SCTP)
			e->selector = ports[i].sctp;
		else if (l4 == IPPROTO_DCCP)
			e->selector = ports[i].dccp;
	}
}

static void name_headers(struct stmts *stmts)
{
	uint64_t l4 = 0;

	for (size_t i = 0; i < stmts->n; i++) {
		struct stmt *s = &stmts->v[i];

		if (s->kind == STMT_MATCH && is_plain_value(s) &&
		    (s->match.left->selector == SELECTOR_META_L4PROTO ||
		     s->match.left->selector == SELECTOR_IP_PROTOCOL ||
		     s->match.left->selector == SELECTOR_IP6_NEXTHDR))
			l4 = s->match.right->value.num;
		else
			stmt_walk(s, name_header, &l4);
	}
}

/* ---- order ---- */

/* A register of 32 bits: nft joins no further. */
#define JOIN_BITS 32

struct joined {
	size_t at;    /* the statement's place */
	size_t group; /* the place where it goes */
	enum match_op op;
	bool joined; /* it is not alone there */
	struct field field;
};

/* Fields that say nothing of their header's protocol. */
static bool is_anonymous(enum selector_id selector)
{
	return selector == SELECTOR_TH_SPORT || selector == SELECTOR_TH_DPORT ||
	       selector == SELECTOR_RAW;
}

static bool is_of_whole_bytes(const struct expr *left)
{
	struct field f = expr_field(left);

	return f.base != BASE_NONE && f.off % 8 == 0 && f.len % 8 == 0;
}

/* Only comparisons of a whole field with one value are joined. */
static bool may_join(const struct stmt *s)
{
	return s->match.left->kind == EXPR_SELECTOR && s->match.right->kind == EXPR_VALUE &&
	       (s->match.op == MATCH_EQ || s->match.op == MATCH_NE ||
		s->match.op == MATCH_IMPLICIT) &&
	       is_of_whole_bytes(s->match.left) && !is_anonymous(s->match.left->selector);
}

static int by_header(const void *va, const void *vb)
{
	const struct joined *a = va, *b = vb;

	if (a->field.base != b->field.base)
		return a->field.base < b->field.base ? -1 : 1;
	if (a->field.off != b->field.off)
		return a->field.off < b->field.off ? -1 : 1;
	return a->at < b->at ? -1 : 1;
}

static int by_place(const void *va, const void *vb)
{
	const struct joined *a = va, *b = vb;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return by_header(va, vb);
}

/* Give those that lie side by side one place: that of the one that says which header follows,
 * or of the first in the header. */
static void join(struct joined *j, size_t n)
{
	size_t first = 0;
	struct field all;

	qsort(j, n, sizeof(*j), by_header);
	all = j[0].field;
	for (size_t i = 1; i < n; i++) {
		const struct field *f = &j[i].field;

		if (f->base != all.base || all.off + all.len != f->off ||
		    all.len + f->len > JOIN_BITS || j[i].op != j[first].op) {
			first = i;
			all = *f;
			continue;
		}
		j[first].joined = j[i].joined = true;
		all.len = (uint16_t)(all.len + f->len);
		if (f->key) {
			for (size_t k = first; k < i; k++)
				j[k].group = j[i].at;
		} else {
			j[i].group = j[first].group;
		}
	}
}

/* Sort n matches by where they go. */
static bool order_run(struct stmt *v, size_t n)
{
	struct joined *all = malloc(n * sizeof(*all)), *some = malloc(n * sizeof(*some));
	struct stmt *sorted = malloc(n * sizeof(*sorted));
	size_t joinable = 0;
	bool ok = all && some && sorted;

	if (!ok)
		goto out;
	for (size_t i = 0; i < n; i++) {
		all[i] = (struct joined){ .at = i, .group = i };
		if (may_join(&v[i])) {
			some[joinable] = all[i];
			some[joinable].op = v[i].match.op == MATCH_NE ? MATCH_NE : MATCH_EQ;
			some[joinable++].field = expr_field(v[i].match.left);
		}
	}
	if (joinable < 2)
		goto out;
	join(some, joinable);
	for (size_t i = 0; i < joinable; i++) {
		all[some[i].at] = some[i];
		if (some[i].joined)
			v[some[i].at].match.op = some[i].op;
	}
	qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0; i < n; i++)
		sorted[i] = v[all[i].at];
	memcpy(v, sorted, n * sizeof(*v));
out:
	free(all);
	free(some);
	free(sorted);
	return ok;
}

/* The family that a match on it asks for; FAMILY_NONE: not one of the two. */
static enum family family_asked(const struct stmt *dep)
{
	uint64_t n = dep->match.right->value.num;

	if (dep->match.left->selector == SELECTOR_META_NFPROTO)
		return n == FAMILY_IP ? FAMILY_IP : n == FAMILY_IP6 ? FAMILY_IP6 : FAMILY_NONE;
	return n == 0x0800 ? FAMILY_IP : n == 0x86dd ? FAMILY_IP6 : FAMILY_NONE;
}

/* In a table of ip all packets are: `meta protocol ip` is dropped, unless it is all there is at
 * the rule's end. */
static void drop_redundant(enum family family, struct stmts *stmts)
{
	size_t n = 0;

	for (size_t i = 0; i < stmts->n; i++) {
		struct stmt *s = &stmts->v[i];

		if (i + 1 < stmts->n && s->kind == STMT_MATCH && is_plain_value(s) &&
		    s->match.left->selector == SELECTOR_META_PROTOCOL &&
		    family_asked(s) == family)
			stmt_fini(s);
		else
			stmts->v[n++] = *s;
	}
	stmts->n = n;
}

/* `port >= 1 port <= 5` side by side is the range 1-5. */
static bool is_range(const struct stmt *a, const struct stmt *b)
{
	const struct expr *lo = a->match.right, *hi = b->match.right;

	return a->kind == STMT_MATCH && b->kind == STMT_MATCH && a->match.op == MATCH_GE &&
	       b->match.op == MATCH_LE && a->match.left->kind == EXPR_SELECTOR &&
	       b->match.left->kind == EXPR_SELECTOR &&
	       expr_same(a->match.left, b->match.left) && !lo->type->bitmask &&
	       value_cmp(lo->type, &lo->value, &hi->value) <= 0;
}

static bool join_ranges(struct stmts *stmts)
{
	size_t n = 0;

	for (size_t i = 0; i < stmts->n; i++) {
		struct stmt *s = &stmts->v[i], *last = n ? &stmts->v[n - 1] : NULL;
		struct expr *range;

		if (!last || !is_range(last, s)) {
			stmts->v[n++] = *s;
			continue;
		}
		range = expr_new(EXPR_RANGE, (struct span){ 0 });
		if (!range) {
			memmove(stmts->v + n, s, (stmts->n - i) * sizeof(*s));
			stmts->n -= i - n;
			return false;
		}
		range->type = s->match.right->type;
		range->range.lo = last->match.right;
		range->range.hi = s->match.right;
		last->match.right = range;
		last->match.op = MATCH_EQ;
		s->match.right = NULL;
		stmt_fini(s);
	}
	stmts->n = n;
	return true;
}

bool imply_order(enum family family, struct stmts *stmts)
{
	if (!join_ranges(stmts))
		return false;
	drop_redundant(family, stmts);
	name_headers(stmts);
	for (size_t i = 0; i < stmts->n;) {
		size_t n = 0, fields_seen = 0;

		for (; i + n < stmts->n && stmts->v[i + n].kind == STMT_MATCH; n++)
			fields_seen += may_join(&stmts->v[i + n]);
		if (fields_seen > 1 && !order_run(stmts->v + i, n))
			return false;
		i += n ? n : 1;
	}
	return true;
}

/* ---- what is implied ---- */

struct implied {
	enum family family;
	struct stmt *dep[BASE_COUNT]; /* the last match on the protocol of that header */
	const struct stmt *of_flow; /* `ct protocol`: a packet's own may be another */
};

static void leave_out(struct implied *im, enum base base)
{
	im->dep[base]->match.implied = true;
	im->dep[base] = NULL;
}

/* The header that a field belongs to; BASE_NONE: none. */
static enum base header_of(const struct expr *selector)
{
	switch (selector->selector) {
	case SELECTOR_IP6_EXTHDR:
	case SELECTOR_IP_OPTION:
		return BASE_NETWORK;
	case SELECTOR_TCP_OPTION:
	case SELECTOR_TCP_OPTION_RAW:
		return BASE_TRANSPORT;
	default:
		return expr_field(selector).base;
	}
}

static bool is_payload(const struct stmt *s)
{
	return header_of(expr_bottom(s->match.left)) != BASE_NONE;
}

/* `ip protocol tcp tcp dport 22` also says ip, which matters where ip6 could be. */
static bool may_leave_out(const struct implied *im, enum base base)
{
	const struct stmt *dep = im->dep[base];

	if (base != BASE_TRANSPORT)
		return true;
	if (im->of_flow && im->of_flow->match.right->value.num != dep->match.right->value.num)
		return false;
	return im->family != FAMILY_INET || !is_payload(dep);
}

/* A field that one type of ICMP's messages has says that type. */
static void leave_out_message(struct implied *im, enum selector_id selector)
{
	uint8_t type;

	if (protocols_message(selector, &type) && im->dep[BASE_INNER] &&
	    im->dep[BASE_INNER]->match.right->value.num == type)
		leave_out(im, BASE_INNER);
}

static void mark_payload(struct implied *im, struct stmt *s)
{
	const struct expr *left = expr_bottom(s->match.left);
	enum selector_id selector = left->selector;
	struct field f = expr_field(left);
	enum base base = header_of(left);

	if (im->dep[base] && may_leave_out(im, base) && !is_anonymous(selector))
		leave_out(im, base);
	leave_out_message(im, selector);
	if (is_plain_value(s) && f.key)
		im->dep[f.base + 1] = s;
}

/* Whether `meta l4proto` says the family, too, as ICMP does. */
static bool l4_implies_family(const struct implied *im, const struct stmt *dep, uint64_t l4)
{
	enum family asked = family_asked(dep);

	if (im->family != FAMILY_INET)
		return false;
	if (l4 == IPPROTO_ICMP)
		return asked != FAMILY_IP6;
	if (l4 == IPPROTO_ICMPV6)
		return asked != FAMILY_IP;
	return false;
}

/* `ct original ip saddr` says the family, as long as nothing stands between. */
static bool is_flow_address(const struct stmt *s)
{
	const struct datatype *type = expr_bottom(s->match.left)->type;

	if (expr_selector(s->match.left) == SELECTOR_RT_IP_NEXTHOP ||
	    expr_selector(s->match.left) == SELECTOR_RT_IP6_NEXTHOP)
		return false;
	return type == &datatype_ipv4_addr || type == &datatype_ipv6_addr;
}

static void mark_meta(struct implied *im, struct stmt *s)
{
	uint64_t number = s->match.right->value.num;

	if (s->match.op == MATCH_EQ && is_flow_address(s) && im->dep[BASE_NETWORK] == s - 1 &&
	    (is_plain_value(s) || s->match.right->kind == EXPR_PREFIX))
		leave_out(im, BASE_NETWORK);
	if (!is_plain_value(s))
		return;
	switch (s->match.left->selector) {
	case SELECTOR_CT_PROTOCOL:
		im->of_flow = s;
		break;
	case SELECTOR_META_NFPROTO:
	case SELECTOR_META_PROTOCOL:
		im->dep[BASE_NETWORK] = s;
		break;
	case SELECTOR_META_L4PROTO:
		if (im->dep[BASE_NETWORK] &&
		    l4_implies_family(im, im->dep[BASE_NETWORK], number))
			leave_out(im, BASE_NETWORK);
		im->dep[BASE_TRANSPORT] = s;
		break;
	default:
		break;
	}
}

/* A reject says its family in inet; a reset says tcp where only one family is. */
static void mark_reject(struct implied *im, const struct stmt *s)
{
	if (im->family == FAMILY_INET) {
		if ((s->reject.with == REJECT_ICMP || s->reject.with == REJECT_ICMPV6) &&
		    im->dep[BASE_NETWORK])
			leave_out(im, BASE_NETWORK);
	} else if (s->reject.with == REJECT_TCP_RESET && im->dep[BASE_TRANSPORT]) {
		leave_out(im, BASE_TRANSPORT);
	}
}

/* A field that is looked up or used needs no match on its protocol in front of it. */
static void mark_field(void *arg, struct expr *e)
{
	struct implied *im = arg;
	enum base base;

	if (e->kind != EXPR_SELECTOR)
		return;
	leave_out_message(im, e->selector);
	base = header_of(e);
	if (base != BASE_NONE && im->dep[base] && may_leave_out(im, base) &&
	    e->selector != SELECTOR_TH_SPORT && e->selector != SELECTOR_TH_DPORT)
		leave_out(im, base);
}

void imply_mark(enum family family, struct stmts *stmts)
{
	struct implied im = { .family = family };

	for (size_t i = 0; i < stmts->n; i++) {
		struct stmt *s = &stmts->v[i];

		if (s->kind == STMT_MATCH && (s->match.left->kind == EXPR_CONCAT ||
					      expr_bottom(s->match.left)->arg.of)) {
			stmt_walk(s, mark_field, &im);
		} else if (s->kind == STMT_MATCH && is_payload(s)) {
			mark_payload(&im, s);
		} else if (s->kind == STMT_MATCH) {
			mark_meta(&im, s);
		} else {
			/* A port that NAT gives is another header's before it is listed. */
			if (s->kind == STMT_NAT)
				expr_walk(s->nat.addr, mark_field, &im);
			else
				stmt_walk(s, mark_field, &im);
			if (s->kind == STMT_REJECT)
				mark_reject(&im, s);
			memset(im.dep, 0, sizeof(im.dep));
		}
	}
}
