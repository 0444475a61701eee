/* check_filter.c - tc filters of others, asked before those that redirect into a TUN.
 *
 * Filters of an ingress are asked in the order of their preferences, and the first that
 * decides is the last.  Without an action one decides by matching; with actions the last one
 * run says what becomes of the packet: only "continue" has the next filter asked, "pipe" at
 * the end lets it pass.  What was decided for is not redirected by us: it is where that
 * filter sent it, or meets the rules that close.
 *
 * Not told: what drops, since that is meant to; what leads into a TUN of ours; other chains
 * than the first, into which only a filter of that one leads.  A BPF program that decides by
 * itself, nobody can look into. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "ctfw/plan.h"
#include "ctl/check.h"

#define FILTERS_MAX 64

enum outcome {
	OUTCOME_NONE = 0,
	OUTCOME_CONTINUES, /* the next filter is asked */
	OUTCOME_DROPS,
	OUTCOME_PASSES, /* to the host */
	OUTCOME_REDIRECTS,
	OUTCOME_PROGRAM, /* as a program likes */
};

struct filter {
	char kind[IFNAMSIZ];
	uint32_t handle;
	unsigned pref, protocol;
	enum outcome outcome;
	uint32_t to; /* index; 0: none */
};

struct search {
	uint32_t index;
	unsigned first_pref; /* of ours */
	struct filter found[FILTERS_MAX];
	size_t n;
	bool more;
};

/* Which attribute of the options holds the actions; what is not here is not looked into. */
static const struct {
	const char *kind;
	int actions;
} kinds[] = {
	{ "u32", TCA_U32_ACT },     { "matchall", TCA_MATCHALL_ACT },
	{ "flower", TCA_FLOWER_ACT }, { "basic", TCA_BASIC_ACT },
	{ "fw", TCA_FW_ACT },       { "bpf", TCA_BPF_ACT },
};

/* Actions whose parameters begin with what all have (tc_gen), and in which attribute. */
static const struct {
	const char *kind;
	int parms;
} actions[] = {
	{ "gact", 2 }, { "mirred", TCA_MIRRED_PARMS }, { "skbedit", 2 }, { "pedit", 2 },
	{ "vlan", 2 }, { "tunnel_key", 2 }, { "bpf", 2 }, { "csum", 1 }, { "nat", 1 },
	{ "connmark", 1 }, { "ct", 1 },
};

static const char *protocol_name(unsigned protocol)
{
	return protocol == ETH_P_ALL ? "all" : protocol == ETH_P_IP ? "ip" : "ipv6";
}

/* As tc(8) takes it. */
static const char *print_handle(const struct filter *f, char buf[24])
{
	if (!strcmp(f->kind, "u32"))
		snprintf(buf, 24, "%x:%.0x:%x", f->handle >> 20, f->handle >> 12 & 0xff,
			 f->handle & 0xfff);
	else
		snprintf(buf, 24, "0x%x", f->handle);
	return buf;
}

/* ---- what a filter does ---- */

/* What one action says of a packet, TC_ACT_...; "pipe" of one that is not known. */
static int verdict_of(const struct nlattr *kind, struct nlattr *options, uint32_t *ret_to)
{
	struct tc_mirred mirred; /* begins as all do */
	struct nlattr *parms;
	size_t i;

	/* To what keeps to the rate it does nothing, unless told to. */
	if (!nla_strcmp(kind, "police")) {
		parms = nla_find(nla_data(options), nla_len(options), TCA_POLICE_RESULT);
		return parms ? (int)nla_get_u32(parms) : TC_ACT_OK;
	}
	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (nla_strcmp(kind, actions[i].kind) != 0)
			continue;
		parms = nla_find(nla_data(options), nla_len(options), actions[i].parms);
		memset(&mirred, 0, sizeof(mirred));
		if (!parms || nla_len(parms) < (int)offsetof(struct tc_mirred, eaction))
			break;
		nla_memcpy(&mirred, parms, sizeof(mirred));
		if (!strcmp(actions[i].kind, "mirred") && mirred.eaction == TCA_EGRESS_REDIR)
			*ret_to = mirred.ifindex;
		return mirred.action;
	}
	return TC_ACT_PIPE;
}

/* What they say together.  NULL: there are none. */
static enum outcome run_actions(struct nlattr *list, uint32_t *ret_to)
{
	struct nlattr *action, *tb[TCA_ACT_MAX + 1];
	int left, verdict = TC_ACT_OK;

	if (!list)
		return OUTCOME_PASSES;
	nla_for_each_nested(action, list, left)
	{
		if (nla_parse_nested(tb, TCA_ACT_MAX, action, NULL) < 0 || !tb[TCA_ACT_KIND] ||
		    !tb[TCA_ACT_OPTIONS])
			continue;
		verdict = verdict_of(tb[TCA_ACT_KIND], tb[TCA_ACT_OPTIONS], ret_to);
		if (verdict != TC_ACT_PIPE)
			break;
	}
	if (verdict == TC_ACT_UNSPEC)
		return OUTCOME_CONTINUES;
	if (verdict == TC_ACT_SHOT)
		return OUTCOME_DROPS;
	return *ret_to ? OUTCOME_REDIRECTS : OUTCOME_PASSES;
}

/* A u32 that does not end the search leads to another of its tables, or is one. */
static bool u32_ends(struct nlattr *options)
{
	struct nlattr *sel = nla_find(nla_data(options), nla_len(options), TCA_U32_SEL);

	return sel && nla_len(sel) >= (int)sizeof(struct tc_u32_sel) &&
	       ((const struct tc_u32_sel *)nla_data(sel))->flags & TC_U32_TERMINAL;
}

static bool is_direct_program(struct nlattr *options)
{
	struct nlattr *flags = nla_find(nla_data(options), nla_len(options), TCA_BPF_FLAGS);

	return flags && nla_get_u32(flags) & TCA_BPF_FLAG_ACT_DIRECT;
}

static enum outcome outcome_of(const char *kind, struct nlattr *options, uint32_t *ret_to)
{
	size_t i;

	if (!strcmp(kind, "u32") && !u32_ends(options))
		return OUTCOME_CONTINUES;
	if (!strcmp(kind, "bpf") && is_direct_program(options))
		return OUTCOME_PROGRAM;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kind, kinds[i].kind))
			return run_actions(nla_find(nla_data(options), nla_len(options),
						    kinds[i].actions),
					   ret_to);
	}
	return OUTCOME_CONTINUES;
}

/* ---- those before ours ---- */

static void begin(void *arg)
{
	struct search *s = arg;

	s->n = 0;
	s->more = false;
}

static void keep_filter(void *arg, const struct nlmsghdr *msg)
{
	struct search *s = arg;
	const struct tcmsg *tcm = nlmsg_data(msg);
	struct nlattr *tb[TCA_MAX + 1];
	struct filter f = { .handle = tcm->tcm_handle };

	if (msg->nlmsg_type != RTM_NEWTFILTER || (uint32_t)tcm->tcm_ifindex != s->index ||
	    nlmsg_parse((struct nlmsghdr *)msg, sizeof(*tcm), tb, TCA_MAX, NULL) < 0 ||
	    !tb[TCA_KIND] || !tb[TCA_OPTIONS] ||
	    (tb[TCA_CHAIN] && nla_get_u32(tb[TCA_CHAIN])))
		return;
	f.pref = TC_H_MAJ(tcm->tcm_info) >> 16;
	f.protocol = ntohs((uint16_t)TC_H_MIN(tcm->tcm_info));
	if (f.pref >= s->first_pref || (f.protocol != ETH_P_ALL && f.protocol != ETH_P_IP &&
					f.protocol != ETH_P_IPV6))
		return;
	nla_strlcpy(f.kind, tb[TCA_KIND], sizeof(f.kind));
	f.outcome = outcome_of(f.kind, tb[TCA_OPTIONS], &f.to);
	if (f.outcome == OUTCOME_CONTINUES || f.outcome == OUTCOME_DROPS)
		return;
	if (s->n == FILTERS_MAX) {
		s->more = true;
		return;
	}
	s->found[s->n++] = f;
}

static void tell(struct checker *c, const struct config_capture *cap, const struct search *s,
		 const struct filter *f)
{
	const char *protocol = protocol_name(f->protocol);
	char handle[24];

	print_handle(f, handle);
	if (f->outcome == OUTCOME_PROGRAM) {
		check_blind(c, "what the BPF program of preference %u decides of what enters %s",
			    f->pref, cap->ifname);
		check_todo(c, "tc filter show dev %s ingress pref %u", cap->ifname, f->pref);
		return;
	}
	check_found(c, "a %s filter of %s (preference %u, protocol %s) is asked before ours, "
		       "from %u on, and %s%s what it matches",
		    f->kind, cap->ifname, f->pref, protocol, s->first_pref,
		    f->outcome == OUTCOME_REDIRECTS ? "redirects to " : "keeps from ",
		    f->outcome == OUTCOME_REDIRECTS ? check_link_name(c, f->to) : cap->in_name);
	check_todo(c, "# to see it: tc filter show dev %s ingress pref %u", cap->ifname, f->pref);
	check_todo(c, "# where it is needed: let its last action be \"continue\"; or else:");
	check_todo(c, "tc filter del dev %s ingress pref %u protocol %s handle %s %s",
		   cap->ifname, f->pref, protocol, handle, f->kind);
}

static void look(struct checker *c, const struct config_capture *cap, struct search *s)
{
	int err = check_dump_filters(c, s->index, begin, keep_filter, s);
	size_t i;

	if (err)
		check_blind(c, "tc filters of %s: %s", cap->ifname, strerror(-err));
	for (i = 0; i < s->n; i++) {
		if (!check_is_port(c, check_link_name(c, s->found[i].to)))
			tell(c, cap, s, &s->found[i]);
	}
	if (s->more)
		check_blind(c, "more tc filters of %s than %u", cap->ifname, FILTERS_MAX);
}

void check_filter(struct checker *c)
{
	struct diag d = DIAG_INIT;
	struct search s;
	struct plan p;
	size_t i;

	if (plan_read(c->config, &p, &d)) {
		check_blind(c, "tc filters: %s", text_str(&d.text));
		diag_fini(&d);
		return;
	}
	for (i = 0; i < p.n; i++) {
		const struct plan_item *item = &p.v[i];

		/* The first one: they stand in the plan as they are asked. */
		if (item->kind != PLAN_FILTER ||
		    (i && p.v[i - 1].kind == PLAN_FILTER && p.v[i - 1].index == item->index))
			continue;
		s.index = item->index;
		s.first_pref = item->filter.pref;
		look(c, item->capture, &s);
	}
	plan_fini(&p);
	diag_fini(&d);
}
