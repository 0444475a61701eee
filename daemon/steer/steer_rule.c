/* steer_rule.c - ip rules: what should be there, what is there, and the way between.
 *
 * Rules are kept as a list that is wanted and compared with what the kernel has, so that a
 * start on top of a killed daemon's leftovers changes nothing that is right already: its
 * backstops stand all the time.
 *
 * Ours are known by the protocol number and by their place: [steer] priority and the forty
 * behind it, and `iif X unreachable` or `iif X lookup T'` at 0.  A number that nobody else has
 * (above `static`) is enough alone.
 *
 * The local table is looked up at priority 0, and what closes a captured interface's way to
 * the host must come before it.  The kernel appends among equals, so our rule lands behind:
 * then another `lookup local` goes behind it, and the first one out.  There is a local rule
 * at every moment, at its usual priority, and with the kernel's own protocol number, so
 * that it outlives us and systemd-networkd lets it be. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_private.h"

#define SOURCELESS 32 /* bits of 0.0.0.0 */

/* ---- bytes ---- */

static struct nl_msg *encode(const struct plan_rule *r, uint8_t l3, int type)
{
	struct fib_rule_hdr hdr = { .family = (uint8_t)netlink_family(l3),
				    .action = r->action,
				    .dst_len = r->to.len,
				    .src_len = r->sourceless ? SOURCELESS : 0,
				    .table = RT_TABLE_UNSPEC };
	int flags = type == RTM_NEWRULE ? NLM_F_CREATE : 0;
	struct nl_msg *msg = netlink_message(type, flags, &hdr, sizeof(hdr));
	int err;

	if (!msg)
		return NULL;
	err = nla_put_u32(msg, FRA_PRIORITY, r->pref);
	err |= nla_put_u8(msg, FRA_PROTOCOL, r->protocol);
	if (r->iif[0])
		err |= nla_put_string(msg, FRA_IIFNAME, r->iif);
	if (r->sourceless)
		err |= netlink_put_addr(msg, FRA_SRC, l3, &(union addr){ { 0 } });
	if (r->ip_proto)
		err |= nla_put_u8(msg, FRA_IP_PROTO, r->ip_proto);
	if (r->to.len)
		err |= netlink_put_addr(msg, FRA_DST, l3, &r->to.addr);
	if (r->action == FR_ACT_TO_TBL)
		err |= nla_put_u32(msg, FRA_TABLE, r->table);
	if (r->past)
		err |= nla_put_u32(msg, FRA_SUPPRESS_IFGROUP, r->past);
	if (r->action == FR_ACT_GOTO)
		err |= nla_put_u32(msg, FRA_GOTO, r->target);
	if (err) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static bool selects_exotically(const struct fib_rule_hdr *hdr, struct nlattr *const *tb)
{
	static const int attributes[] = { FRA_FWMARK,  FRA_FWMASK,     FRA_OIFNAME,
					  FRA_L3MDEV,  FRA_UID_RANGE,  FRA_TUN_ID,
					  FRA_SPORT_RANGE, FRA_DPORT_RANGE };
	size_t i;

	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		/* Zero is how "any" may be written. */
		if (tb[attributes[i]] && (nla_len(tb[attributes[i]]) != 4 ||
					  nla_get_u32(tb[attributes[i]]) != 0))
			return true;
	}
	return hdr->tos || hdr->flags & FIB_RULE_INVERT;
}

static bool is_sourceless(const struct fib_rule_hdr *hdr, struct nlattr *const *tb)
{
	union addr from = netlink_get_addr(tb[FRA_SRC]);

	return hdr->family == AF_INET && hdr->src_len == SOURCELESS && addr_is_zero(&from);
}

/* As fib_rule_requires_fldissect() has it: the host's own packets are known without. */
static bool dissects(const struct plan_rule *r, struct nlattr *const *tb)
{
	return strcmp(r->iif, "lo") != 0 &&
	       (r->ip_proto || tb[FRA_SPORT_RANGE] || tb[FRA_DPORT_RANGE]);
}

static void decode(void *arg, const struct nlmsghdr *msg)
{
	struct view_rules *list = arg;
	const struct fib_rule_hdr *hdr = nlmsg_data(msg);
	struct nlattr *tb[FRA_MAX + 1];
	struct view_rule s = { .l3 = list->l3 };

	/* A kernel without IPv6 answers with its IPv4 rules. */
	if (msg->nlmsg_type != RTM_NEWRULE || netlink_l3(hdr->family) != list->l3 ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, FRA_MAX, NULL) < 0)
		return;
	s.rule.action = hdr->action;
	s.rule.pref = tb[FRA_PRIORITY] ? nla_get_u32(tb[FRA_PRIORITY]) : 0;
	if (tb[FRA_IIFNAME])
		nla_strlcpy(s.rule.iif, tb[FRA_IIFNAME], sizeof(s.rule.iif));
	if (hdr->dst_len) {
		s.rule.to.family = list->l3;
		s.rule.to.len = hdr->dst_len;
		s.rule.to.addr = netlink_get_addr(tb[FRA_DST]);
	}
	if (hdr->action == FR_ACT_TO_TBL)
		s.rule.table = tb[FRA_TABLE] ? nla_get_u32(tb[FRA_TABLE]) : hdr->table;
	if (tb[FRA_GOTO])
		s.rule.target = nla_get_u32(tb[FRA_GOTO]);
	s.rule.protocol = tb[FRA_PROTOCOL] ? nla_get_u8(tb[FRA_PROTOCOL]) : RTPROT_UNSPEC;
	if (tb[FRA_SUPPRESS_IFGROUP] && nla_get_u32(tb[FRA_SUPPRESS_IFGROUP]) != UINT32_MAX)
		s.rule.past = nla_get_u32(tb[FRA_SUPPRESS_IFGROUP]);
	s.rule.sourceless = is_sourceless(hdr, tb);
	s.rule.ip_proto = tb[FRA_IP_PROTO] ? nla_get_u8(tb[FRA_IP_PROTO]) : 0;
	s.dissects = dissects(&s.rule, tb);
	s.exotic = selects_exotically(hdr, tb) ||
		   (!s.rule.sourceless && (hdr->src_len || s.rule.ip_proto));
	s.detached = hdr->flags & FIB_RULE_IIF_DETACHED;

	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 32;
		struct view_rule *v = reallocarray(list->v, cap, sizeof(*v));

		if (!v) {
			list->failed = true;
			return;
		}
		list->v = v;
		list->cap = cap;
	}
	s.msg = malloc(msg->nlmsg_len);
	if (!s.msg) {
		list->failed = true;
		return;
	}
	memcpy(s.msg, msg, msg->nlmsg_len);
	list->v[list->n++] = s;
}

void steer_rule_clear(struct view_rules *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i].msg);
	free(list->v);
	memset(list, 0, sizeof(*list));
}

int steer_rule_read(struct steer *s, struct view_rules *list)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };
	struct fib_rule_hdr hdr = { 0 };
	int err = 0, tries = 5;
	size_t i;

again:
	steer_rule_clear(list);
	for (i = 0; !err && i < sizeof(families); i++) {
		list->l3 = families[i];
		hdr.family = (uint8_t)netlink_family(families[i]);
		err = netlink_dump(&s->nl, netlink_message(RTM_GETRULE, 0, &hdr, sizeof(hdr)),
				   decode, list);
		if (err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
			err = 0;
	}
	if (err == -EAGAIN && --tries) {
		err = 0;
		goto again;
	}
	if (!err && list->failed)
		err = -ENOMEM;
	if (err)
		steer_fail(s, err, "cannot list ip rules");
	return err;
}

/* ---- what is there, and whose ---- */

static bool same(const struct view_rule *have, const struct plan_item *item)
{
	const struct plan_rule *a = &have->rule, *b = &item->rule;

	return have->l3 == item->l3 && a->action == b->action && a->pref == b->pref &&
	       !strcmp(a->iif, b->iif) && a->sourceless == b->sourceless &&
	       a->ip_proto == b->ip_proto && a->to.len == b->to.len &&
	       addr_equal(&a->to.addr, &b->to.addr) && a->table == b->table &&
	       a->past == b->past && a->target == b->target && a->protocol == b->protocol;
}

/* The host's own rule that everything begins with. */
static bool is_local(const struct view_rule *r)
{
	return !r->exotic && r->rule.pref == 0 && r->rule.action == FR_ACT_TO_TBL &&
	       r->rule.table == RT_TABLE_LOCAL && !r->rule.iif[0] && !r->rule.to.len &&
	       !r->rule.sourceless;
}

bool steer_rule_is_ours(const struct steer *s, const struct view_rule *seen)
{
	const struct config_steer *c = &s->config->steer;
	const struct plan_rule *r = &seen->rule;

	if (r->protocol != c->protocol || seen->exotic || is_local(seen))
		return false;
	if (c->protocol > RTPROT_STATIC)
		return true;
	if (r->pref == 0)
		return r->iif[0] && !r->to.len &&
		       (r->action == FR_ACT_UNREACHABLE ||
			(r->action == FR_ACT_TO_TBL && plan_is_own_table(c, r->table)));
	return r->pref >= c->priority && r->pref <= c->priority + STEER_END;
}

bool steer_rule_find(const struct steer *s, const struct plan_item *item)
{
	const struct view_rules *list = &s->view.rules;
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (steer_rule_is_ours(s, &list->v[i]) && same(&list->v[i], item))
			return true;
	}
	return false;
}

/* ---- the way there ---- */

static const char *family_name(uint8_t l3)
{
	return l3 == L3_IPV4 ? "IPv4" : "IPv6";
}

int steer_rule_put(struct steer *s, const struct plan_item *item)
{
	int err = netlink_call(&s->nl, encode(&item->rule, item->l3, RTM_NEWRULE));

	if (err)
		steer_fail(s, err, "cannot add an %s rule with priority %u",
			   family_name(item->l3), item->rule.pref);
	return err;
}

int steer_rule_take(struct steer *s, const struct plan_item *item)
{
	return netlink_call(&s->nl, encode(&item->rule, item->l3, RTM_DELRULE));
}

/* The kernel takes back what it listed. */
static int delete(struct steer *s, const struct view_rule *seen)
{
	struct fib_rule_hdr hdr;
	struct nl_msg *msg;
	int err, len = nlmsg_attrlen(seen->msg, sizeof(hdr));

	memcpy(&hdr, nlmsg_data(seen->msg), sizeof(hdr));
	msg = netlink_message(RTM_DELRULE, 0, &hdr, sizeof(hdr));
	if (msg && nlmsg_append(msg, nlmsg_attrdata(seen->msg, sizeof(hdr)), (size_t)len,
				NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = netlink_call(&s->nl, msg);
	if (err && err != -ENOENT) {
		steer_fail(s, err, "cannot delete an %s rule with priority %u",
			   family_name(seen->l3), seen->rule.pref);
		return err;
	}
	return 0;
}

static bool is_wanted(const struct plan *p, const struct view_rule *r)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].kind == PLAN_RULE && same(r, &p->v[i]))
			return true;
	}
	return false;
}

/* The guard's mark is the guard's. */
int steer_rule_drop(struct steer *s, const struct plan *p)
{
	const struct view_rules *list = &s->view.rules;
	int err, first_err = 0;
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct view_rule *r = &list->v[i];

		if (!steer_rule_is_ours(s, r) || is_wanted(p, r) ||
		    r->rule.pref == s->config->steer.priority + STEER_GUARD)
			continue;
		err = delete(s, r);
		if (err && !first_err)
			first_err = err;
	}
	return first_err;
}

/* ---- the local table's rule ---- */

/* Where rules of a family at priority 0 stand, as places in the list plus 1; 0: nowhere. */
struct places {
	size_t last_ours, first_local, last_local;
};

static struct places find_places(const struct steer *s, const struct view_rules *list,
				 uint8_t l3)
{
	struct places p = { 0 };
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct view_rule *r = &list->v[i];

		if (r->l3 != l3 || r->rule.pref != 0)
			continue;
		if (is_local(r)) {
			p.last_local = i + 1;
			if (!p.first_local)
				p.first_local = i + 1;
		} else if (steer_rule_is_ours(s, r)) {
			p.last_ours = i + 1;
		}
	}
	return p;
}

/* Nothing of ours comes behind a local rule; others may have moved that away from 0 (Cilium,
 * Istio). */
static bool is_behind(const struct places *p)
{
	return !p->last_ours || !p->first_local || p->first_local > p->last_ours;
}

bool steer_local_find(const struct steer *s, uint8_t l3)
{
	struct places p = find_places(s, &s->view.rules, l3);

	return p.last_ours && is_behind(&p);
}

int steer_local_put(struct steer *s, uint8_t l3)
{
	const struct plan_rule local = { .action = FR_ACT_TO_TBL,
					 .table = RT_TABLE_LOCAL,
					 .protocol = RTPROT_KERNEL };
	struct view_rules list = { NULL };
	struct places p;
	size_t i;
	int err = steer_rule_read(s, &list);

	if (err)
		return err;
	p = find_places(s, &list, l3);
	if (is_behind(&p))
		goto out;
	if (p.last_local < p.last_ours)
		err = netlink_call(&s->nl, encode(&local, l3, RTM_NEWRULE));
	if (err)
		steer_fail(s, err, "cannot add a second %s rule for the local table",
			   family_name(l3));
	for (i = 0; !err && i + 1 < p.last_ours; i++) {
		if (list.v[i].l3 == l3 && is_local(&list.v[i]))
			err = delete(s, &list.v[i]);
	}
out:
	steer_rule_clear(&list);
	return err;
}
