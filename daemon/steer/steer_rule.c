/* steer_rule.c - ip rules: what should be there, what is there, and the way between.
 *
 * Rules are kept as a list that is wanted and compared with what the kernel has, so that a
 * start on top of a killed daemon's leftovers changes nothing that is right already: its
 * backstops stand all the time.
 *
 * Ours are known by the protocol number and by their place: [steer] priority and the forty
 * behind it, and `iif X unreachable` at 0.  A number that nobody else has (above `static`)
 * is enough alone.
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

struct rule {
	uint8_t l3;
	uint8_t action; /* FR_ACT_... */
	uint32_t pref;
	char iif[IFNAMSIZ]; /* "": any */
	struct prefix to;   /* len 0: any */
	uint32_t table;     /* FR_ACT_TO_TBL */
	uint32_t target;    /* FR_ACT_GOTO */
};

/* One that the kernel has. */
struct seen {
	struct rule rule;
	uint8_t protocol;
	bool exotic; /* selects by what ours never do */
	struct nlmsghdr *msg;
};

struct rules {
	struct seen *v; /* in the kernel's order, IPv4 before IPv6 */
	size_t n, cap;
	bool failed;
	uint8_t l3; /* being dumped */
};

/* ---- bytes ---- */

static struct nl_msg *encode(const struct rule *r, int type, uint8_t protocol)
{
	struct fib_rule_hdr hdr = { .family = (uint8_t)netlink_family(r->l3),
				    .action = r->action,
				    .dst_len = r->to.len,
				    .table = RT_TABLE_UNSPEC };
	int flags = type == RTM_NEWRULE ? NLM_F_CREATE : 0;
	struct nl_msg *msg = netlink_message(type, flags, &hdr, sizeof(hdr));
	int err;

	if (!msg)
		return NULL;
	err = nla_put_u32(msg, FRA_PRIORITY, r->pref);
	err |= nla_put_u8(msg, FRA_PROTOCOL, protocol);
	if (r->iif[0])
		err |= nla_put_string(msg, FRA_IIFNAME, r->iif);
	if (r->to.len)
		err |= netlink_put_addr(msg, FRA_DST, r->l3, &r->to.addr);
	if (r->action == FR_ACT_TO_TBL)
		err |= nla_put_u32(msg, FRA_TABLE, r->table);
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
					  FRA_L3MDEV,  FRA_UID_RANGE,  FRA_IP_PROTO,
					  FRA_TUN_ID,  FRA_SPORT_RANGE, FRA_DPORT_RANGE };
	size_t i;

	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		/* Zero is how "any" may be written. */
		if (tb[attributes[i]] && (nla_len(tb[attributes[i]]) != 4 ||
					  nla_get_u32(tb[attributes[i]]) != 0))
			return true;
	}
	return hdr->src_len || hdr->tos || hdr->flags & FIB_RULE_INVERT;
}

static void decode(void *arg, const struct nlmsghdr *msg)
{
	struct rules *list = arg;
	const struct fib_rule_hdr *hdr = nlmsg_data(msg);
	struct nlattr *tb[FRA_MAX + 1];
	struct seen s = { .exotic = false };

	/* A kernel without IPv6 answers with its IPv4 rules. */
	if (msg->nlmsg_type != RTM_NEWRULE || netlink_l3(hdr->family) != list->l3 ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*hdr), tb, FRA_MAX, NULL) < 0)
		return;
	s.rule.l3 = list->l3;
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
	s.protocol = tb[FRA_PROTOCOL] ? nla_get_u8(tb[FRA_PROTOCOL]) : RTPROT_UNSPEC;
	s.exotic = selects_exotically(hdr, tb);

	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 32;
		struct seen *v = reallocarray(list->v, cap, sizeof(*v));

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

static void rules_clear(struct rules *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->v[i].msg);
	free(list->v);
	memset(list, 0, sizeof(*list));
}

static int rules_read(struct steer *s, struct rules *list)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };
	struct fib_rule_hdr hdr = { 0 };
	int err = 0, tries = 5;
	size_t i;

again:
	rules_clear(list);
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

/* ---- what is wanted ---- */

static bool same(const struct rule *a, const struct rule *b)
{
	return a->l3 == b->l3 && a->action == b->action && a->pref == b->pref &&
	       !strcmp(a->iif, b->iif) && a->to.len == b->to.len &&
	       addr_equal(&a->to.addr, &b->to.addr) && a->table == b->table &&
	       a->target == b->target;
}

/* The host's own rule that everything begins with. */
static bool is_local(const struct seen *s)
{
	return !s->exotic && s->rule.pref == 0 && s->rule.action == FR_ACT_TO_TBL &&
	       s->rule.table == RT_TABLE_LOCAL && !s->rule.iif[0] && !s->rule.to.len;
}

static bool is_ours(const struct steer *s, const struct seen *seen)
{
	const struct rule *r = &seen->rule;

	if (seen->protocol != s->config.protocol || seen->exotic || is_local(seen))
		return false;
	if (s->config.protocol > RTPROT_STATIC)
		return true;
	if (r->pref == 0)
		return r->iif[0] && !r->to.len && r->action == FR_ACT_UNREACHABLE;
	return r->pref >= s->config.priority && r->pref <= s->config.priority + STEER_END;
}

struct wanted {
	struct rule *v;
	size_t n;
};

static void want(struct wanted *w, struct rule r, uint8_t l3)
{
	r.l3 = l3;
	w->v[w->n++] = r;
}

static void want_capture(const struct steer *s, const struct steer_capture *c, uint8_t l3,
			 struct wanted *w)
{
	uint32_t first = s->config.priority;
	struct rule close = { .action = FR_ACT_UNREACHABLE, .pref = first + STEER_BACKSTOP };
	struct rule past = { .action = FR_ACT_GOTO, .target = first + STEER_END };
	size_t i;

	memcpy(close.iif, c->config.ifname, IFNAMSIZ);
	want(w, close, l3);
	close.pref = 0;
	if (!c->speaks_arp)
		want(w, close, l3);

	past.pref = first + STEER_IN;
	memcpy(past.iif, c->config.in_name, IFNAMSIZ);
	want(w, past, l3);
	past.pref = first + STEER_OUT;
	memcpy(past.iif, c->config.out_name, IFNAMSIZ);
	want(w, past, l3);

	for (i = 0; i < c->config.networks.n; i++) {
		struct rule lead = { .action = FR_ACT_TO_TBL,
				     .pref = first + STEER_NETWORKS,
				     .to = c->config.networks.p[i],
				     .table = s->config.table };

		if (lead.to.family == l3)
			want(w, lead, l3);
	}
}

/* What comes back through it has been judged: it goes to the networks without their TUN. */
static void want_return(const struct steer *s, const char name[IFNAMSIZ], uint8_t l3,
			struct wanted *w)
{
	uint32_t first = s->config.priority;
	struct rule past = { .action = FR_ACT_GOTO,
			     .pref = first + STEER_RETURN,
			     .target = first + STEER_END };

	memcpy(past.iif, name, IFNAMSIZ);
	want(w, past, l3);
}

/* In the order in which they go in: what closes first. */
static int make_wanted(const struct steer *s, struct wanted *ret_wanted)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };
	struct rule end = { .action = FR_ACT_NOP, .pref = s->config.priority + STEER_END };
	struct wanted w = { NULL, 0 };
	size_t i, f, n = 2 + 2 * s->n_returns;

	for (i = 0; i < s->n_captures; i++)
		n += 8 + s->captures[i].config.networks.n;
	w.v = calloc(n, sizeof(*w.v));
	if (!w.v)
		return -ENOMEM;
	for (f = 0; f < sizeof(families); f++) {
		if (!steer_has_family(s, families[f]))
			continue;
		want(&w, end, families[f]);
		for (i = 0; i < s->n_captures; i++)
			want_capture(s, &s->captures[i], families[f], &w);
		for (i = 0; i < s->n_returns; i++)
			want_return(s, s->returns[i], families[f], &w);
	}
	*ret_wanted = w;
	return 0;
}

/* ---- the way there ---- */

static const char *family_name(uint8_t l3)
{
	return l3 == L3_IPV4 ? "IPv4" : "IPv6";
}

static int add(struct steer *s, const struct rule *r)
{
	int err = netlink_call(&s->nl, encode(r, RTM_NEWRULE, s->config.protocol));

	if (err)
		steer_fail(s, err, "cannot add an %s rule with priority %u", family_name(r->l3),
			   r->pref);
	return err;
}

/* The kernel takes back what it listed. */
static int delete(struct steer *s, const struct seen *seen)
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
			   family_name(seen->rule.l3), seen->rule.pref);
		return err;
	}
	return 0;
}

static const struct seen *find(const struct rules *list, const struct steer *s,
			       const struct rule *r)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (is_ours(s, &list->v[i]) && same(&list->v[i].rule, r))
			return &list->v[i];
	}
	return NULL;
}

static bool is_wanted(const struct wanted *w, const struct rule *r)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		if (same(&w->v[i], r))
			return true;
	}
	return false;
}

/* Bring the local rule of a family behind ours at priority 0; see the head of this file. */
static int local_last(struct steer *s, const struct rules *list, uint8_t l3)
{
	const struct rule local = { .l3 = l3,
				    .action = FR_ACT_TO_TBL,
				    .table = RT_TABLE_LOCAL };
	size_t i, last_ours = 0, last_local = 0;
	bool ours = false, any_local = false, before = false;
	int err = 0;

	for (i = 0; i < list->n; i++) {
		const struct seen *seen = &list->v[i];

		if (seen->rule.l3 != l3 || seen->rule.pref != 0)
			continue;
		if (is_local(seen)) {
			last_local = i;
			any_local = true;
		} else if (is_ours(s, seen)) {
			last_ours = i;
			ours = true;
			before |= any_local;
		}
	}
	/* Nothing of ours, or others have moved the local rule away from 0 (Cilium, Istio). */
	if (!ours || !before)
		return 0;
	if (last_local < last_ours)
		err = netlink_call(&s->nl, encode(&local, RTM_NEWRULE, RTPROT_KERNEL));
	if (err)
		return steer_fail(s, err, "cannot add a second %s rule for the local table",
				  family_name(l3));
	for (i = 0; !err && i < last_ours; i++) {
		if (list->v[i].rule.l3 == l3 && is_local(&list->v[i]))
			err = delete(s, &list->v[i]);
	}
	return err;
}

/* Every kernel with IPv6 has rules for it; one without answers with those of IPv4. */
int steer_rule_look(struct steer *s)
{
	struct rules list = { NULL };
	size_t i;
	int err = rules_read(s, &list);

	for (i = 0; !err && i < list.n; i++) {
		s->has_ipv6 |= list.v[i].rule.l3 == L3_IPV6;
		s->took_over |= is_ours(s, &list.v[i]);
	}
	rules_clear(&list);
	return err;
}

int steer_rule_up(struct steer *s)
{
	struct rules list = { NULL };
	struct wanted w = { NULL, 0 };
	size_t i;
	int err;

	err = make_wanted(s, &w);
	if (err)
		return steer_fail(s, err, "cannot steer");
	err = rules_read(s, &list);
	if (err)
		goto out;
	for (i = 0; !err && i < w.n; i++) {
		if (!find(&list, s, &w.v[i]))
			err = add(s, &w.v[i]);
	}
	for (i = 0; !err && i < list.n; i++) {
		if (is_ours(s, &list.v[i]) && !is_wanted(&w, &list.v[i].rule))
			err = delete(s, &list.v[i]);
	}
	if (!err)
		err = rules_read(s, &list);
	if (!err)
		err = local_last(s, &list, L3_IPV4);
	if (!err)
		err = local_last(s, &list, L3_IPV6);
out:
	rules_clear(&list);
	free(w.v);
	return err;
}

/* The order in which rules go out: what closes goes last. */
static const uint8_t down_order[] = { FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_TO_TBL,
				      FR_ACT_UNREACHABLE };

void steer_rule_down(struct steer *s)
{
	struct rules list = { NULL };
	size_t i, step;

	if (rules_read(s, &list))
		return;
	for (step = 0; step < sizeof(down_order); step++) {
		for (i = 0; i < list.n; i++) {
			if (is_ours(s, &list.v[i]) && list.v[i].rule.action == down_order[step])
				delete(s, &list.v[i]);
		}
	}
	rules_clear(&list);
}
