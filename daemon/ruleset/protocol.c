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
				     .l4 = PROTOCOLS_NONE };
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
	switch (l4) {
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		return "another protocol";
	}
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

bool protocols_need(struct checker *ck, enum selector_id selector, const struct span *at)
{
	const struct selector *s = &selectors[selector];

	if (s->l3)
		return need_l3(ck, ck->out.n, s->l3, at);
	if (!s->l4)
		return true;
	/* With nothing settled, ICMP means IPv4 and ICMPv6 means IPv6. */
	if (ck->proto.l3 == PROTOCOLS_NONE && ck->proto.l4 == PROTOCOLS_NONE &&
	    (s->l4 == IPPROTO_ICMP || s->l4 == IPPROTO_ICMPV6) &&
	    !need_l3(ck, ck->out.n, s->l4 == IPPROTO_ICMP ? L3_IPV4 : L3_IPV6, at))
		return false;
	return need_l4(ck, ck->out.n, s->l4, at);
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

static bool settle_port(struct checker *ck, const struct expr *e)
{
	if (ck->proto.l4 != PROTOCOLS_NONE && ck->proto.l4 != PROTOCOLS_OTHER)
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
	default:
		break;
	}
}

void protocols_learn(struct protocols *proto, const struct stmt *match)
{
	const struct expr *left = match->match.left, *right = match->match.right;
	bool many = false;

	if (left->kind != EXPR_SELECTOR || match->match.op != MATCH_EQ ||
	    left->type->class != VALUE_NUMBER)
		return;
	if (right->kind == EXPR_VALUE) {
		learn_number(proto, left->selector, right->value.num);
	} else if (right->kind == EXPR_SET && left->selector != SELECTOR_CT_L3PROTO) {
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
	if (left->selector == SELECTOR_META_NFPROTO)
		proto->l3_many = many;
	else if (left->selector == SELECTOR_META_L4PROTO ||
		 left->selector == SELECTOR_CT_PROTOCOL ||
		 left->selector == SELECTOR_IP_PROTOCOL ||
		 left->selector == SELECTOR_IP6_NEXTHDR)
		proto->l4_many = many;
}
