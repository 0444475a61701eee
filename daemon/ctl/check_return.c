/* check_return.c - TUNs of role return: what leads answers into them.
 *
 * Three things must agree: the ports that the rules masquerade to, those that a tc filter
 * redirects into the TUN, and those that the kernel gives to nobody.  The rules are the
 * ruleset file's; the filters are read from the kernel: u32 with mirred, as return-up makes
 * them (ADDRESS TRANSLATION in ctfwd.conf(5)).  A filter of another kind that redirects into
 * the TUN is taken to redirect all ports. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/rulefile.h"
#include "ctl/check.h"
#include "ctl/nftjson.h"

#define PORTS 65536
#define FILTERS_MAX 1024

struct ports {
	bool in[PORTS];
	bool any;
};

static void mark_range(struct ports *p, uint32_t from, uint32_t to)
{
	for (; from <= to && from < PORTS; from++)
		p->in[from] = p->any = true;
}

/* The first run of ports that are in a, or in b, and not in c.  b may be NULL. */
static bool find_run(const struct ports *a, const struct ports *b, const struct ports *c,
		     uint32_t *ret_from, uint32_t *ret_to)
{
	uint32_t i, from = PORTS;

	for (i = 0; i < PORTS; i++) {
		if ((a->in[i] || (b && b->in[i])) && !c->in[i]) {
			if (from == PORTS)
				from = i;
			*ret_to = i;
		} else if (from < PORTS) {
			break;
		}
	}
	*ret_from = from;
	return from < PORTS;
}

/* ---- redirected ---- */

struct redirect {
	uint32_t uplink, port; /* indices */
	struct ports *ports;
	unsigned n;
	bool found;
};

/* Whether one of the filter's actions sends packets to that interface. */
static bool goes_to(struct nlattr *actions, uint32_t index)
{
	struct nlattr *action, *tb[TCA_ACT_MAX + 1], *parms;
	int left;

	if (!actions)
		return false;
	nla_for_each_nested(action, actions, left)
	{
		const struct tc_mirred *m;

		if (nla_parse_nested(tb, TCA_ACT_MAX, action, NULL) < 0 || !tb[TCA_ACT_KIND] ||
		    nla_strcmp(tb[TCA_ACT_KIND], "mirred") || !tb[TCA_ACT_OPTIONS])
			continue;
		parms = nla_find(nla_data(tb[TCA_ACT_OPTIONS]), nla_len(tb[TCA_ACT_OPTIONS]),
				 TCA_MIRRED_PARMS);
		if (!parms || nla_len(parms) < (int)sizeof(*m))
			continue;
		m = nla_data(parms);
		if (m->ifindex == index && m->eaction == TCA_EGRESS_REDIR)
			return true;
	}
	return false;
}

/* A key that compares the protocol: IPv4's at byte 9, IPv6's next header at byte 6. */
static bool is_transport(const struct tc_u32_key *k)
{
	uint32_t mask = ntohl(k->mask), value = ntohl(k->val);

	if (k->off == 8 && mask == 0xff0000)
		value >>= 16;
	else if (k->off == 4 && mask == 0xff00)
		value >>= 8;
	else
		return false;
	return value == IPPROTO_TCP || value == IPPROTO_UDP;
}

/* One that compares the destination port: behind a header of 20 or 40 bytes, or of any. */
static bool is_port(const struct tc_u32_key *k)
{
	uint32_t mask = ntohl(k->mask);

	return mask && !(mask & ~0xffffu) &&
	       ((k->off == 20 && !k->offmask) || (k->off == 40 && !k->offmask) ||
		(k->off == 0 && k->offmask));
}

static void mark_u32(struct redirect *r, const struct tc_u32_sel *sel)
{
	const struct tc_u32_key *port = NULL;
	bool transport = false;
	uint32_t i;

	for (i = 0; i < sel->nkeys; i++) {
		transport |= is_transport(&sel->keys[i]);
		if (is_port(&sel->keys[i]))
			port = &sel->keys[i];
	}
	if (!transport)
		return;
	for (i = 0; i < PORTS; i++) {
		if (!port || (i & ntohl(port->mask)) == ntohl(port->val))
			r->ports->in[i] = r->ports->any = true;
	}
}

static void begin(void *arg)
{
	struct redirect *r = arg;

	memset(r->ports, 0, sizeof(*r->ports));
	r->found = false;
	r->n = 0;
}

static void keep_filter(void *arg, const struct nlmsghdr *msg)
{
	struct redirect *r = arg;
	const struct tcmsg *tcm = nlmsg_data(msg);
	struct nlattr *kind, *options, *tb[TCA_U32_MAX + 1];
	const struct tc_u32_sel *sel;

	if (msg->nlmsg_type != RTM_NEWTFILTER || (uint32_t)tcm->tcm_ifindex != r->uplink ||
	    r->n++ > FILTERS_MAX)
		return;
	kind = nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(*tcm), TCA_KIND);
	options = nlmsg_find_attr((struct nlmsghdr *)msg, sizeof(*tcm), TCA_OPTIONS);
	if (!kind || !options)
		return;
	if (nla_strcmp(kind, "u32") != 0) {
		/* Kinds differ in where their actions are: look into each attribute. */
		struct nlattr *a;
		int left;

		nla_for_each_nested(a, options, left)
		{
			if (goes_to(a, r->port)) {
				r->found = true;
				mark_range(r->ports, 0, PORTS - 1);
			}
		}
		return;
	}
	if (nla_parse_nested(tb, TCA_U32_MAX, options, NULL) < 0 || !tb[TCA_U32_SEL] ||
	    !goes_to(tb[TCA_U32_ACT], r->port))
		return;
	r->found = true;
	sel = nla_data(tb[TCA_U32_SEL]);
	if (nla_len(tb[TCA_U32_SEL]) >= (int)(sizeof(*sel) + sel->nkeys * sizeof(sel->keys[0])))
		mark_u32(r, sel);
}

static bool read_redirects(struct checker *c, struct redirect *r)
{
	int err = check_dump_filters(c, r->uplink, begin, keep_filter, r);

	if (err)
		check_blind(c, "tc filters: %s", strerror(-err));
	return r->found;
}

/* ---- masqueraded to ---- */

static json_t *list_rules(struct checker *c, bool tell)
{
	static const char *const include_dirs[] = { "/etc" };
	struct rulefile_path dirs = { include_dirs, 1, true };
	const struct ruleset_reader reader = { rulefile_include, &dirs };
	const char *path = c->config->daemon.ruleset;
	struct ruleset_input input = { .name = path, .reader = &reader };
	struct ruleset_input list = { .name = "<list>",
				      .text = "list ruleset",
				      .len = strlen("list ruleset"),
				      .print = PRINT_TERSE,
				      .json = true };
	struct ruleset *empty = ruleset_new(NULL), *rs = NULL, *same = NULL;
	struct text out = TEXT_INIT, none = TEXT_INIT;
	struct diag d = DIAG_INIT;
	json_t *json = NULL;
	char *text = NULL;
	int err;

	err = empty ? rulefile_read_regular(path, &text, &input.len) : -ENOMEM;
	input.text = text;
	if (!err)
		err = ruleset_apply(empty, &input, &d, &none, &rs);
	if (!err)
		err = ruleset_apply(rs, &list, &d, &out, &same);
	if (!err)
		json = json_loads(text_str(&out), 0, NULL);
	if (!json && tell)
		check_blind(c, "the rules in %s: %s", path,
			    err == -EINVAL || !err ? "they have errors" : strerror(-err));
	free(text);
	text_fini(&out);
	text_fini(&none);
	diag_fini(&d);
	ruleset_unref(same);
	ruleset_unref(rs);
	ruleset_unref(empty);
	return json;
}

/* Packets that have ports, by way of that interface. */
static bool has_ports_by(const json_t *rule, const char *interface)
{
	bool asked;

	if (nftjson_rule_meta(rule, "oifname", "oif", interface, &asked) == PART_NONE)
		return false;
	return nftjson_rule_meta(rule, "l4proto", NULL, "tcp", &asked) != PART_NONE ||
	       nftjson_rule_meta(rule, "l4proto", NULL, "udp", &asked) != PART_NONE;
}

/* An address that is nobody's is routed, not redirected. */
static bool is_own(const struct checker *c, const json_t *addr)
{
	size_t i;

	for (i = 0; i < c->host.n_addresses; i++) {
		const struct check_address *a = &c->host.addresses[i];
		const struct prefix p = { a->family, (uint8_t)addr_bits(a->family), a->addr };

		if (nftjson_prefix(addr, &p) != PART_NONE)
			return true;
	}
	return false;
}

/* Marks the ports of every rule, and reports those that leave the port open. */
static void read_masquerades(struct checker *c, const json_t *rules, const char *interface,
			     struct ports *ports, bool tell)
{
	const json_t *rule, *nat, *port;
	uint32_t from, to;
	size_t at = 0;

	while ((rule = nftjson_next_rule(rules, &at))) {
		nat = nftjson_statement(rule, "masquerade");
		if (!nat) {
			nat = nftjson_statement(rule, "snat");
			if (!nat || !is_own(c, json_object_get(nat, "addr")))
				continue;
		}
		if (!has_ports_by(rule, interface))
			continue;
		port = json_object_get(nat, "port");
		if (port && nftjson_range(port, &from, &to)) {
			mark_range(ports, from, to);
		} else if (!port && tell) {
			check_found(c, "a rule masquerades what leaves by %s to any port",
				    interface);
			check_todo(c, "# in %s: \"masquerade to :FROM-TO\", as redirected",
				   c->config->daemon.ruleset);
		}
	}
}

/* ---- the three of them ---- */

static void read_reserved(const struct checker *c, struct ports *p, struct check_file *f)
{
	const char *at;
	unsigned from, to;
	int n;

	if (!check_read(c, f, "/proc/sys/net/ipv4/ip_local_reserved_ports"))
		return;
	f->text[strcspn(f->text, "\n")] = '\0';
	for (at = f->text; sscanf(at, "%u%n", &from, &n) == 1; at += n) {
		to = from;
		at += n;
		n = 0;
		if (*at == '-' && sscanf(at, "-%u%n", &to, &n) != 1)
			return;
		mark_range(p, from, to);
		if (at[n] == ',')
			n++;
	}
}

struct three {
	struct ports wanted, redirected, reserved;
	uint32_t own_from, own_to; /* of the host's, for connections of its own */
	struct check_file reserved_text; /* text NULL: not readable */
	bool has_redirect, has_port;
};

/* The host takes ports for itself from some range only: none behind it needs to be reserved. */
static void read_own(const struct checker *c, struct three *three)
{
	struct check_file f;
	uint32_t from, to;

	three->own_from = 0;
	three->own_to = PORTS - 1;
	if (!check_read(c, &f, "/proc/sys/net/ipv4/ip_local_port_range"))
		return;
	if (sscanf(f.text, "%u %u", &from, &to) == 2 && from <= to && to < PORTS) {
		three->own_from = from;
		three->own_to = to;
		if (from)
			mark_range(&three->reserved, 0, from - 1);
		mark_range(&three->reserved, to + 1, PORTS - 1);
	}
	check_file_fini(&f);
}

static void read_three(struct checker *c, const struct config_tun *t, bool tell,
		       struct three *ret)
{
	const struct check_link *port = check_link_named(c, t->ifname);
	const struct check_link *uplink = check_link_named(c, t->interface);
	struct redirect r = { .ports = &ret->redirected };
	json_t *rules = list_rules(c, tell);

	if (port && uplink) {
		ret->has_port = true;
		r.port = port->link.index;
		r.uplink = uplink->link.index;
		ret->has_redirect = read_redirects(c, &r);
	}
	read_masquerades(c, rules, t->interface, &ret->wanted, tell);
	json_decref(rules);
	read_reserved(c, &ret->reserved, &ret->reserved_text);
	read_own(c, ret);
}

static void each_return(struct checker *c, bool tell,
			void (*look)(struct checker *c, const struct config_tun *t,
				     const struct three *three))
{
	size_t i;

	for (i = 0; i < c->config->n_tuns; i++) {
		const struct config_tun *t = &c->config->tuns[i];
		struct three *three;

		if (t->role != PORT_RETURN)
			continue;
		three = calloc(1, sizeof(*three));
		if (!three) {
			c->failed = true;
			return;
		}
		read_three(c, t, tell, three);
		look(c, t, three);
		check_file_fini(&three->reserved_text);
		free(three);
	}
}

static void reserved(struct checker *c, const struct config_tun *t, const struct three *three)
{
	const char *known = three->reserved_text.text;
	uint32_t from, to;

	if (!known || !find_run(&three->redirected, &three->wanted, &three->reserved, &from, &to))
		return;
	check_found(c, "ports %u to %u of %s are led into %s, but the host may use them itself",
		    from, to, t->interface, t->ifname);
	if (from <= three->own_from && to >= three->own_to) {
		check_todo(c, "# that is all that the host has: redirect fewer, as return-up does");
		return;
	}
	check_todo(c, "sysctl -w net.ipv4.ip_local_reserved_ports=%s%s%u-%u", known,
		   *known ? "," : "", from, to);
}

/* Those to which ctfwd may masquerade there. */
static void print_addresses(const struct checker *c, const char *ifname, struct text *out)
{
	const struct check_link *l = check_link_named(c, ifname);
	const struct check_address *a = NULL;
	char addr[ADDR_TEXT];

	while (l && (a = check_next_address(c, l->link.index, a)))
		text_printf(out, " %s", addr_print(a->family, &a->addr, addr));
}

static void redirect(struct checker *c, const struct config_tun *t, const struct three *three)
{
	struct text addresses = TEXT_INIT;

	if (three->has_redirect || !three->has_port)
		return;
	print_addresses(c, t->interface, &addresses);
	check_found(c, "nothing is redirected from %s into %s", t->interface, t->ifname);
	check_todo(c, "# return-up is among the examples of the documentation, in nat:");
	check_todo(c, "return-up %s %s%s", t->ifname, t->interface,
		   addresses.len ? text_str(&addresses) : " ADDRESS...");
	text_fini(&addresses);
}

static void range(struct checker *c, const struct config_tun *t, const struct three *three)
{
	uint32_t from, to;

	if (!three->has_redirect ||
	    !find_run(&three->wanted, NULL, &three->redirected, &from, &to))
		return;
	check_found(c, "rules masquerade to ports %u to %u, which are not redirected from %s "
		       "into %s",
		    from, to, t->interface, t->ifname);
	check_todo(c, "# in %s: masquerade to the ports that return-up redirects",
		   c->config->daemon.ruleset);
}

void check_reserved(struct checker *c)
{
	each_return(c, false, reserved);
}

void check_redirect(struct checker *c)
{
	each_return(c, false, redirect);
}

void check_range(struct checker *c)
{
	each_return(c, true, range);
}
