/* protocol.c - which protocols a rule has settled, and what its fields need.
 *
 * `tcp dport 22` in a table of ip becomes `meta l4proto tcp tcp dport 22`, and in a table of
 * inet `ip saddr 1.2.3.4` becomes `meta nfproto ipv4 ip saddr 1.2.3.4`, unless matches before
 * have settled the protocol; when they have settled on another one the rule is refused, since
 * it could never match (nft's payload dependencies). */
#include "ruleset/check.h"

#include <netinet/in.h>

void protocols_init(struct protocols *proto, enum family family)
{
	*proto = (struct protocols){ .family = family,
				     .l3 = PROTOCOLS_NONE,
				     .l4 = PROTOCOLS_NONE,
				     .message = PROTOCOLS_NONE };
	if (family == FAMILY_IP)
		proto->l3 = L3_IPV4;
	else if (family == FAMILY_IP6)
		proto->l3 = L3_IPV6;
}

static const char *l3_name(int l3)
{
	return l3 == L3_IPV4 ? "ip" : l3 == L3_IPV6 ? "ip6" : "neither ip nor ip6";
}

static const char *l4_name(int l4)
{
	const char *name = l4 == PROTOCOLS_OTHER ? NULL : symbol_name(&datatype_inet_proto,
								      (uint64_t)l4);

	return name ? name : "another protocol";
}

/* Those that nft has headers of: other numbers are one kind to it. */
static bool l4_known(uint64_t number)
{
	static const uint8_t known[] = { IPPROTO_ICMP, IPPROTO_IGMP,   IPPROTO_TCP,
					 IPPROTO_UDP,  IPPROTO_DCCP,   IPPROTO_ESP,
					 IPPROTO_AH,   IPPROTO_ICMPV6, IPPROTO_COMP,
					 IPPROTO_SCTP, IPPROTO_UDPLITE };

	for (size_t i = 0; i < sizeof(known); i++) {
		if (known[i] == number)
			return true;
	}
	return false;
}

/* ---- needs ---- */

/* A match on one number, put at a place of the rule. */
static bool add_match(struct checker *ck, size_t at, enum selector_id selector, uint64_t number)
{
	struct stmt s = { .kind = STMT_MATCH };
	struct span nowhere = { 0 };

	s.match.op = MATCH_EQ;
	s.match.left = expr_new(EXPR_SELECTOR, nowhere);
	s.match.right = expr_new(EXPR_VALUE, nowhere);
	if (!s.match.left || !s.match.right) {
		stmt_fini(&s);
		return check_oom(ck);
	}
	s.match.left->selector = selector;
	s.match.left->type = s.match.right->type = selectors[selector].type;
	s.match.right->value.num = number;
	protocols_learn(&ck->proto, &s);
	return stmts_insert(&ck->out, at, &s) || check_oom(ck);
}

static bool need_l3(struct checker *ck, size_t at, int l3, const struct span *span)
{
	if (ck->proto.l3 == PROTOCOLS_NONE)
		return add_match(ck, at, SELECTOR_META_NFPROTO, (uint64_t)l3);
	if (ck->proto.l3 == l3 && !ck->proto.l3_many)
		return true;
	diag_error(ck->d, span, "conflicting protocols: this needs %s, the rule is for %s",
		   l3_name(l3), ck->proto.l3_many ? "several" : l3_name(ck->proto.l3));
	return false;
}

static bool need_l4(struct checker *ck, size_t at, int l4, const struct span *span)
{
	if (ck->proto.l4 == PROTOCOLS_NONE)
		return add_match(ck, at, SELECTOR_META_L4PROTO, (uint64_t)l4);
	if (ck->proto.l4 == l4 && !ck->proto.l4_many)
		return true;
	diag_error(ck->d, span, "conflicting protocols: this needs %s, the rule is for %s",
		   l4_name(l4), ck->proto.l4_many ? "several" : l4_name(ck->proto.l4));
	return false;
}

/* ---- messages ---- */

/* Fields that only messages of some types have: of one, or of a request and its answer. */
static const struct {
	enum selector_id selector, type;
	uint8_t first, second;
	const char *name;
} messages[] = {
	{ SELECTOR_ICMP_ID, SELECTOR_ICMP_TYPE, 0, 8, "echo-request" },
	{ SELECTOR_ICMP_SEQUENCE, SELECTOR_ICMP_TYPE, 0, 8, "echo-request" },
	{ SELECTOR_ICMP_MTU, SELECTOR_ICMP_TYPE, 3, 3, "destination-unreachable" },
	{ SELECTOR_ICMP_GATEWAY, SELECTOR_ICMP_TYPE, 5, 5, "redirect" },
	{ SELECTOR_ICMPV6_ID, SELECTOR_ICMPV6_TYPE, 128, 129, "echo-request" },
	{ SELECTOR_ICMPV6_SEQUENCE, SELECTOR_ICMPV6_TYPE, 128, 129, "echo-request" },
	{ SELECTOR_ICMPV6_MTU, SELECTOR_ICMPV6_TYPE, 2, 2, "packet-too-big" },
	{ SELECTOR_ICMPV6_PPTR, SELECTOR_ICMPV6_TYPE, 4, 4, "parameter-problem" },
	{ SELECTOR_ICMPV6_MAX_DELAY, SELECTOR_ICMPV6_TYPE, 130, 130, "mld-listener-query" },
};

bool protocols_message(enum selector_id selector, uint8_t *ret_type)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].selector == selector &&
		    messages[i].first == messages[i].second) {
			*ret_type = messages[i].first;
			return true;
		}
	}
	return false;
}

/* A match on two numbers, at the rule's end. */
static bool add_pair(struct checker *ck, enum selector_id selector, uint8_t first,
		     uint8_t second)
{
	struct span nowhere = { 0 };
	struct expr *set = expr_new(EXPR_SET, nowhere);
	const uint8_t numbers[2] = { first, second };
	struct stmt *s;

	if (!add_match(ck, ck->out.n, selector, first))
		goto failed;
	s = &ck->out.v[ck->out.n - 1];
	for (unsigned i = 0; set && i < 2; i++) {
		struct expr *item = expr_clone(s->match.right);

		if (item)
			item->value.num = numbers[i];
		if (!expr_add(set, item))
			goto failed;
	}
	if (!set)
		goto failed;
	set->type = s->match.right->type;
	expr_free(s->match.right);
	s->match.right = set;
	return true;
failed:
	expr_free(set);
	return check_oom(ck);
}

static bool need_message(struct checker *ck, enum selector_id selector, const struct span *at)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		int type = ck->proto.message;

		if (messages[i].selector != selector)
			continue;
		if (type == messages[i].first || type == messages[i].second)
			return true;
		if (type != PROTOCOLS_NONE) {
			diag_error(ck->d, at,
				   "\"%s\" is a field of %s, the rule is for type %d",
				   selectors[selector].text, messages[i].name, type);
			return false;
		}
		if (messages[i].first == messages[i].second)
			return add_match(ck, ck->out.n, messages[i].type, messages[i].first);
		ck->proto.message = messages[i].second;
		return add_pair(ck, messages[i].type, messages[i].first, messages[i].second);
	}
	return true;
}

static bool need_headers(struct checker *ck, enum selector_id selector, const struct span *at)
{
	const struct selector *s = &selectors[selector];

	/* What options and extension headers need nft puts before all of the rule. */
	if (s->l3)
		return need_l3(ck,
			       selector == SELECTOR_IP_OPTION || selector == SELECTOR_IP6_EXTHDR
				       ? 0
				       : ck->out.n,
			       s->l3, at);
	if (!s->l4)
		return true;
	/* With nothing settled, ICMP and IGMP mean IPv4 and ICMPv6 means IPv6. */
	if (ck->proto.l3 == PROTOCOLS_NONE && ck->proto.l4 == PROTOCOLS_NONE &&
	    (s->l4 == IPPROTO_ICMP || s->l4 == IPPROTO_IGMP || s->l4 == IPPROTO_ICMPV6) &&
	    !need_l3(ck, ck->out.n, s->l4 == IPPROTO_ICMPV6 ? L3_IPV6 : L3_IPV4, at))
		return false;
	return need_l4(ck, ck->out.n, s->l4, at);
}

bool protocols_need(struct checker *ck, const struct expr *selector, const struct span *at)
{
	return need_headers(ck, selector->selector, at) &&
	       need_message(ck, selector->selector, at);
}

/* ---- names ---- */

/* Whether messages have the field of which it is not known that these are such: by its name the
 * rule would match none but them. */
static bool is_of_others(const struct protocols *proto, enum selector_id selector)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].selector == selector)
			return proto->message != messages[i].first &&
			       proto->message != messages[i].second;
	}
	return false;
}

static bool knows_l4(const struct protocols *proto)
{
	return proto->l4 != PROTOCOLS_NONE && proto->l4 != PROTOCOLS_OTHER && !proto->l4_many;
}

enum selector_id protocols_begins(const struct protocols *proto, const struct field *f)
{
	const bool known = f->base == BASE_NETWORK ? !proto->l3_many : knows_l4(proto);

	for (unsigned id = 1; id < SELECTOR_COUNT && known; id++) {
		struct field other = selector_field(id);
		const struct selector *s = &selectors[id];

		if (other.base == f->base && other.off == f->off && !is_of_others(proto, id) &&
		    (other.len <= f->len || s->type->prefix) &&
		    (f->base == BASE_NETWORK ? s->l3 == proto->l3 : s->l4 == proto->l4))
			return id;
	}
	return SELECTOR_NONE;
}

/* The field of a known header that lies there. */
static enum selector_id find_field(const struct protocols *proto, const struct field *f)
{
	for (unsigned id = 1; id < SELECTOR_COUNT; id++) {
		struct field other = selector_field(id);
		const struct selector *s = &selectors[id];

		if (other.base != f->base || other.off != f->off || other.len != f->len ||
		    is_of_others(proto, id))
			continue;
		if (f->base == BASE_NETWORK ? s->l3 == proto->l3 && !proto->l3_many :
		    knows_l4(proto) ? s->l4 == proto->l4 :
				      id == SELECTOR_TH_SPORT || id == SELECTOR_TH_DPORT)
			return id;
	}
	return SELECTOR_NONE;
}

void protocols_name(const struct protocols *proto, struct expr *left)
{
	struct expr *e = left;
	struct field f;
	enum selector_id id;

	while (e->kind >= EXPR_AND)
		e = e->op.left;
	if (e->kind != EXPR_SELECTOR || e->selector != SELECTOR_RAW)
		return;
	f = expr_field(e);
	id = find_field(proto, &f);
	/* Numbers of more than 64 bits are no addresses. */
	if (!id || selectors[id].type == &datatype_ipv6_addr)
		return;
	*e = (struct expr){ .kind = EXPR_SELECTOR, .span = e->span };
	e->selector = id;
	e->type = selectors[id].type;
}

/* Before everything else: `log reject with tcp reset` must not log what it does not reject. */
bool protocols_need_tcp(struct checker *ck, const struct span *at)
{
	if (ck->proto.l4 != PROTOCOLS_NONE &&
	    (ck->proto.l4 != IPPROTO_TCP || ck->proto.l4_many)) {
		diag_error(ck->d, at, "only tcp can be reset, the rule is for %s",
			   ck->proto.l4_many ? "several protocols" : l4_name(ck->proto.l4));
		return false;
	}
	return need_l4(ck, 0, IPPROTO_TCP, at);
}

bool protocols_need_l3(struct checker *ck, enum l3 l3, const struct span *at)
{
	return need_l3(ck, 0, (int)l3, at);
}

/* ---- fields of flows ---- */

/* Those of both families by the one without. */
static const struct {
	enum selector_id any, ip, ip6;
} addresses[] = {
	{ SELECTOR_CT_ORIGINAL_SADDR, SELECTOR_CT_ORIGINAL_IP_SADDR,
	  SELECTOR_CT_ORIGINAL_IP6_SADDR },
	{ SELECTOR_CT_ORIGINAL_DADDR, SELECTOR_CT_ORIGINAL_IP_DADDR,
	  SELECTOR_CT_ORIGINAL_IP6_DADDR },
	{ SELECTOR_CT_REPLY_SADDR, SELECTOR_CT_REPLY_IP_SADDR, SELECTOR_CT_REPLY_IP6_SADDR },
	{ SELECTOR_CT_REPLY_DADDR, SELECTOR_CT_REPLY_IP_DADDR, SELECTOR_CT_REPLY_IP6_DADDR },
	{ SELECTOR_RT_NEXTHOP, SELECTOR_RT_IP_NEXTHOP, SELECTOR_RT_IP6_NEXTHOP },
};

static bool settle_address(struct checker *ck, struct expr *e, enum selector_id ip,
			   enum selector_id ip6)
{
	bool known = !ck->proto.l3_many &&
		     (ck->proto.l3 == L3_IPV4 || ck->proto.l3 == L3_IPV6);

	if (!known) {
		diag_error(ck->d, &e->span, "is this an address of ip or ip6?  Write \"%s\" or "
			   "\"%s\"", selectors[ip].text, selectors[ip6].text);
		return false;
	}
	e->selector = ck->proto.l3 == L3_IPV4 ? ip : ip6;
	e->type = selectors[e->selector].type;
	return true;
}

/* An address of another family than all packets of the table. */
static bool may_have(struct checker *ck, const struct expr *e, int l3)
{
	if (ck->proto.l3 == PROTOCOLS_NONE || ck->proto.l3 == l3)
		return true;
	diag_error(ck->d, &e->span, "conflicting protocols: this needs %s, the rule is for %s",
		   l3_name(l3), l3_name(ck->proto.l3));
	return false;
}

bool protocols_written(struct checker *ck, const struct expr *e)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		if (expr_selector(e) != addresses[i].any)
			continue;
		/* As nft, which takes no flow's address so. */
		if (addresses[i].any == SELECTOR_RT_NEXTHOP && ck->proto.l3 != PROTOCOLS_NONE)
			return true;
		diag_error(ck->d, &e->span,
			   "what is looked up must say whether it is ip or ip6: "
			   "write \"%s\" or \"%s\"",
			   selectors[addresses[i].ip].text, selectors[addresses[i].ip6].text);
		return false;
	}
	return true;
}

static bool settle_port(struct checker *ck, const struct expr *e)
{
	if (ck->hashed || (ck->proto.l4 != PROTOCOLS_NONE && ck->proto.l4 != PROTOCOLS_OTHER))
		return true;
	diag_error(ck->d, &e->span,
		   "\"%s\" needs a protocol that is known: write \"ct protocol tcp\" before it",
		   selectors[e->selector].text);
	return false;
}

bool protocols_settle(struct checker *ck, struct expr *left)
{
	while (left->kind != EXPR_SELECTOR) {
		if (left->kind < EXPR_AND)
			return true;
		left = left->op.left;
	}
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		if (left->selector == addresses[i].any)
			return settle_address(ck, left, addresses[i].ip, addresses[i].ip6);
		if (left->selector == addresses[i].ip)
			return may_have(ck, left, L3_IPV4);
		if (left->selector == addresses[i].ip6)
			return may_have(ck, left, L3_IPV6);
	}
	switch (left->selector) {
	case SELECTOR_CT_ORIGINAL_PROTO_SRC:
	case SELECTOR_CT_ORIGINAL_PROTO_DST:
	case SELECTOR_CT_REPLY_PROTO_SRC:
	case SELECTOR_CT_REPLY_PROTO_DST:
		return settle_port(ck, left);
	default:
		return true;
	}
}

/* ---- what matches say ---- */

static void learn_number(struct protocols *proto, enum selector_id selector, uint64_t number)
{
	switch (selector) {
	case SELECTOR_META_NFPROTO:
		proto->l3 = (int)number;
		break;
	case SELECTOR_CT_L3PROTO:
		if (proto->l3 == PROTOCOLS_NONE)
			proto->l3 = (int)number;
		break;
	case SELECTOR_CT_PROTOCOL:
	case SELECTOR_META_L4PROTO:
		proto->l4 = l4_known(number) ? (int)number : PROTOCOLS_OTHER;
		break;
	case SELECTOR_IP_PROTOCOL:
	case SELECTOR_IP6_NEXTHDR:
		if (l4_known(number))
			proto->l4 = (int)number;
		break;
	case SELECTOR_ICMP_TYPE:
	case SELECTOR_ICMPV6_TYPE:
		proto->message = (int)number;
		break;
	default:
		break;
	}
}

void protocols_learn(struct protocols *proto, const struct stmt *match)
{
	const struct expr *left = match->match.left, *right = match->match.right;
	int before = proto->l4_of_flow ? PROTOCOLS_NONE : proto->l4;
	bool many = false;

	if (left->kind != EXPR_SELECTOR || match->match.op != MATCH_EQ ||
	    left->type->class != VALUE_NUMBER)
		return;
	if (right->kind == EXPR_VALUE) {
		learn_number(proto, left->selector, right->value.num);
	} else if (right->kind == EXPR_SET && left->selector != SELECTOR_CT_L3PROTO &&
		   left->selector != SELECTOR_CT_PROTOCOL) {
		for (size_t i = 0; i < right->list.n; i++) {
			if (right->list.item[i]->kind == EXPR_VALUE) {
				learn_number(proto, left->selector,
					     right->list.item[i]->value.num);
				many = many || i;
			}
		}
	} else {
		return;
	}
	switch (left->selector) {
	case SELECTOR_META_NFPROTO:
		proto->l3_many = many;
		break;
	case SELECTOR_CT_PROTOCOL:
		proto->l4_of_flow = true;
		break;
	case SELECTOR_META_L4PROTO:
	case SELECTOR_IP_PROTOCOL:
	case SELECTOR_IP6_NEXTHDR:
		proto->l4_of_flow = false;
		proto->l4_many = many || (before != PROTOCOLS_NONE &&
					  (proto->l4_many || proto->l4 != before));
		break;
	default:
		break;
	}
}
