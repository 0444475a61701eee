/* plan.c - what belongs into the host, from a configuration and a view of the host.
 *
 * In the order in which it goes in: the rules that close first, then the ways into the TUNs,
 * and last of all what lets the host answer ARP.  What passed freely until then passes
 * through ctfwd from then on, or not at all; never around it. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_private.h"

static const uint8_t families[] = { L3_IPV4, L3_IPV6 };

/* ---- view ---- */

void view_fini(struct view *v)
{
	size_t i;

	for (i = 0; v->captures && i < v->n_captures; i++)
		free(v->captures[i].ingress.v);
	free(v->captures);
	free(v->tuns);
	free(v->addresses.v);
	free(v->routes.v);
	steer_rule_clear(&v->rules);
	memset(v, 0, sizeof(*v));
}

/* Every kernel with IPv6 has rules for it; one without answers with those of IPv4. */
static int read_rules(struct steer *s)
{
	struct view *v = &s->view;
	int err = steer_rule_read(s, &v->rules);
	size_t i;

	for (i = 0; !err && i < v->rules.n; i++) {
		const struct view_rule *r = &v->rules.v[i];

		v->has_ipv6 |= r->l3 == L3_IPV6;
		if (!steer_rule_is_ours(s, r))
			continue;
		v->took_over = true;
		v->guarded |= r->rule.pref == s->config->steer.priority + STEER_GUARD;
	}
	return err;
}

static int read_capture(struct steer *s, const struct config_capture *c,
			struct view_capture *v)
{
	int err = steer_port_read(s, c->ifname, &v->real);

	if (!err)
		err = steer_port_read(s, c->in_name, &v->in);
	if (!err)
		err = steer_port_read(s, c->out_name, &v->out);
	return err;
}

int view_read(struct steer *s)
{
	const struct config *c = s->config;
	struct view *v = &s->view;
	size_t i;
	int err;

	view_fini(v);
	v->captures = calloc(c->n_captures + 1, sizeof(*v->captures));
	v->tuns = calloc(c->n_tuns + 1, sizeof(*v->tuns));
	if (!v->captures || !v->tuns)
		return steer_fail(s, -ENOMEM, "cannot steer");
	v->n_captures = c->n_captures;
	err = read_rules(s);
	if (!err)
		err = steer_port_read_all(s, &v->rp_filter);
	for (i = 0; !err && i < c->n_captures; i++)
		err = read_capture(s, &c->captures[i], &v->captures[i]);
	for (i = 0; !err && i < c->n_tuns; i++)
		err = steer_port_read(s, c->tuns[i].ifname, &v->tuns[i]);
	if (!err && c->n_captures)
		err = steer_tc_read(s);
	if (!err)
		err = steer_address_read(s, &v->addresses);
	/* Whose the table is does not matter when nothing is captured. */
	if (!err && (c->n_captures || v->took_over))
		err = steer_route_read(s, &v->routes);
	return err;
}

/* ---- plan ---- */

void plan_push(struct plan *p, const struct plan_item *item)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;
		struct plan_item *v = reallocarray(p->v, cap, sizeof(*v));

		if (!v) {
			p->failed = true;
			return;
		}
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = *item;
}

void plan_fini(struct plan *p)
{
	free(p->v);
	text_fini(&p->warnings);
	memset(p, 0, sizeof(*p));
}

static void plan_port(struct plan *p, const struct view *v, const struct config_capture *c,
		      const char *name, const struct view_link *l, struct plan_link want)
{
	struct plan_item item = { .kind = PLAN_TUN,
				  .capture = c,
				  .once = !c,
				  .index = l->link.index,
				  .found = l->found };

	memcpy(item.dev, name, IFNAMSIZ);
	plan_push(p, &item);
	item.kind = PLAN_LINK;
	item.link = want;
	item.found = steer_port_find(v, l, &want);
	plan_push(p, &item);
}

static bool has_ipv4(const struct view *v, uint32_t index)
{
	size_t i;

	for (i = 0; i < v->addresses.n; i++) {
		if (v->addresses.v[i].index == index && v->addresses.v[i].l3 == L3_IPV4)
			return true;
	}
	return false;
}

/* The kernel's loose look at sources refuses what comes in by an interface that has no IPv4
 * address at all and is not the way back: 192.0.0.8 is there for such (RFC 7600). */
static void plan_filler(struct plan *p, const struct view *v, const struct config_capture *c,
			const char *name, const struct view_link *l)
{
	struct plan_item item = { .kind = PLAN_ADDRESS,
				  .l3 = L3_IPV4,
				  .capture = c,
				  .index = l->link.index,
				  .found = has_ipv4(v, l->link.index),
				  .address = { 32, true, { { 192, 0, 0, 8 } } } };

	if (v->rp_filter != STEER_LOOSE)
		return;
	memcpy(item.dev, name, IFNAMSIZ);
	plan_push(p, &item);
}

static bool gives_ipv4(const struct config_tun *t)
{
	size_t i;

	for (i = 0; i < t->addresses.n; i++) {
		if (t->addresses.p[i].family == L3_IPV4)
			return true;
	}
	return false;
}

static void plan_ports(struct plan *p, const struct config *c, const struct view *v)
{
	size_t i, k;

	for (i = 0; i < c->n_captures; i++) {
		const struct config_capture *section = &c->captures[i];
		const struct view_capture *seen = &v->captures[i];
		struct plan_link want = { section->mtu ? section->mtu : seen->real.link.mtu,
					  section->txqueuelen, 0 };

		plan_port(p, v, section, section->in_name, &seen->in, want);
		want.group = STEER_GROUP;
		plan_port(p, v, section, section->out_name, &seen->out, want);
		plan_filler(p, v, section, section->in_name, &seen->in);
		plan_filler(p, v, section, section->out_name, &seen->out);
	}
	for (i = 0; i < c->n_tuns; i++) {
		const struct config_tun *t = &c->tuns[i];
		struct plan_item item = { .kind = PLAN_ADDRESS,
					  .once = true,
					  .index = v->tuns[i].link.index };

		plan_port(p, v, NULL, t->ifname, &v->tuns[i],
			  (struct plan_link){ t->mtu, t->txqueuelen, 0 });
		memcpy(item.dev, t->ifname, IFNAMSIZ);
		for (k = 0; k < t->addresses.n; k++) {
			item.l3 = t->addresses.p[k].family;
			item.address.len = t->addresses.p[k].len;
			item.address.addr = t->addresses.p[k].addr;
			item.found = steer_address_find(v, &item);
			plan_push(p, &item);
		}
		if (!gives_ipv4(t))
			plan_filler(p, v, NULL, t->ifname, &v->tuns[i]);
	}
}

/* ---- routes ---- */

bool plan_has_route(const struct plan *p, const struct prefix *to, uint32_t table)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct plan_item *item = &p->v[i];

		if (item->kind == PLAN_ROUTE && item->l3 == to->family &&
		    item->route.table == table && item->route.to.len == to->len &&
		    addr_equal(&item->route.to.addr, &to->addr))
			return true;
	}
	return false;
}

/* A network may be behind two captures. */
static void plan_close(struct plan *p, const struct steer *s, const struct config_capture *c,
		       struct prefix to, uint32_t table)
{
	struct plan_item item = { .kind = PLAN_ROUTE,
				  .l3 = to.family,
				  .closing = true,
				  .capture = c,
				  .route = { .to = to,
					     .type = RTN_UNREACHABLE,
					     .protocol = (uint8_t)s->config->steer.protocol,
					     .table = table,
					     .metric = STEER_LAST_METRIC } };

	if (plan_has_route(p, &to, table))
		return;
	item.found = steer_route_find(&s->view, &item);
	plan_push(p, &item);
}

const struct config_capture *plan_owner(const struct config *c, const struct prefix *to)
{
	const struct config_capture *first = NULL;
	size_t i, k;

	for (i = 0; i < c->n_captures; i++) {
		const struct config_networks *n = &c->captures[i].networks;

		for (k = 0; k < n->n; k++) {
			if (n->p[k].family != to->family || n->p[k].len != to->len ||
			    !addr_equal(&n->p[k].addr, &to->addr))
				continue;
			if (c->captures[i].fail_closed)
				return &c->captures[i];
			if (!first)
				first = &c->captures[i];
		}
	}
	return first;
}

static void plan_closing_routes(struct plan *p, const struct steer *s, uint8_t l3, bool closed)
{
	const struct config *c = s->config;
	const struct prefix all = { .family = l3 };
	size_t i, k;

	plan_close(p, s, NULL, all, c->steer.table);
	for (i = 0; i < c->n_captures; i++) {
		if (!closed && plan_uses_own_table(s, i, l3))
			plan_close(p, s, &c->captures[i], all, plan_own_table(&c->steer, i));
	}
	for (i = 0; i < c->n_captures; i++) {
		const struct config_networks *n = &c->captures[i].networks;

		for (k = 0; k < n->n; k++) {
			if (n->p[k].family == l3)
				plan_close(p, s, plan_owner(c, &n->p[k]), n->p[k],
					   c->steer.table);
		}
	}
}

/* The n-th capture's.  Defaults of several stand behind each other; none is ever used for a
 * captured network, which has its own routes.  0 is no metric in IPv6.
 *
 * None while the interface is away or down: what comes back from the TUN would be routed
 * elsewhere then, by the host's default route perhaps. */
static void plan_open(struct plan *p, const struct steer *s, size_t n, uint8_t l3)
{
	const struct config_capture *c = &s->config->captures[n];
	const struct view_capture *v = &s->view.captures[n];
	struct plan_item item = { .kind = PLAN_ROUTE,
				  .l3 = l3,
				  .capture = c,
				  .index = v->out.link.index,
				  .route = { .to = { .family = l3 },
					     .type = RTN_UNICAST,
					     .protocol = (uint8_t)s->config->steer.protocol,
					     .table = s->config->steer.table,
					     .metric = (uint32_t)n + 1 } };
	size_t i;

	if (!view_is_up(&v->real) || !config_capture_has(c, l3))
		return;
	memcpy(item.dev, c->out_name, IFNAMSIZ);
	item.found = steer_route_find(&s->view, &item);
	plan_push(p, &item);
	for (i = 0; i < c->networks.n; i++) {
		item.route.to = c->networks.p[i];
		if (item.route.to.family != l3 || !item.route.to.len)
			continue;
		item.route.source = steer_address_source(&s->view, &item.route.to,
							 v->real.link.index);
		item.found = steer_route_find(&s->view, &item);
		plan_push(p, &item);
	}
}

/* ---- rules ---- */

static bool has_lookup(const struct plan *p, const struct plan_rule *r)
{
	size_t i;

	for (i = 0; r->action == FR_ACT_TO_TBL && i < p->n; i++) {
		const struct plan_item *item = &p->v[i];

		if (item->kind == PLAN_RULE && item->rule.action == FR_ACT_TO_TBL &&
		    item->rule.pref == r->pref && item->rule.to.len == r->to.len &&
		    item->rule.to.family == r->to.family &&
		    addr_equal(&item->rule.to.addr, &r->to.addr))
			return true;
	}
	return false;
}

void plan_rule(struct plan *p, const struct steer *s, const struct config_capture *c,
	       uint8_t l3, const char *iif, struct plan_rule rule)
{
	struct plan_item item = { .kind = PLAN_RULE,
				  .l3 = l3,
				  .closing = rule.action != FR_ACT_GOTO,
				  .capture = c,
				  .rule = rule };

	item.rule.protocol = (uint8_t)s->config->steer.protocol;
	if (iif)
		memcpy(item.rule.iif, iif, IFNAMSIZ);
	item.found = steer_rule_find(s, &item);
	plan_push(p, &item);
}

static void plan_capture_rules(struct plan *p, const struct steer *s, size_t n, uint8_t l3,
			       bool closed)
{
	const struct config_capture *c = &s->config->captures[n];
	uint32_t first = s->config->steer.priority;
	struct plan_rule close = { .action = FR_ACT_UNREACHABLE,
				   .pref = first + STEER_BACKSTOP };
	struct plan_rule past = { .action = FR_ACT_GOTO, .target = first + STEER_END };

	plan_rule(p, s, c, l3, c->ifname, close);
	/* What is for the host is closed before it is looked up as the host's own. */
	close.pref = 0;
	if (!closed && plan_uses_own_table(s, n, l3)) {
		close.action = FR_ACT_TO_TBL;
		close.table = plan_own_table(&s->config->steer, n);
	}
	plan_rule(p, s, c, l3, c->ifname, close);

	past.pref = first + STEER_IN;
	plan_rule(p, s, c, l3, c->in_name, past);
	past.pref = first + STEER_OUT;
	plan_rule(p, s, c, l3, c->out_name, past);
}

/* Those for everything first: ip(8) refuses a rule of which a narrower one is there. */
static void plan_lookups(struct plan *p, const struct steer *s, uint8_t l3, bool all)
{
	const struct config *c = s->config;
	size_t i, k;

	for (i = 0; i < c->n_captures; i++) {
		const struct config_networks *n = &c->captures[i].networks;

		for (k = 0; k < n->n; k++) {
			struct plan_rule lead = { .action = FR_ACT_TO_TBL,
						  .pref = c->steer.priority + STEER_NETWORKS,
						  .to = n->p[k],
						  .table = c->steer.table };

			if (lead.to.family == l3 && !lead.to.len == all &&
			    !has_lookup(p, &lead))
				plan_rule(p, s, plan_owner(c, &n->p[k]), l3, NULL, lead);
		}
	}
}

/* One that is yet to come will land behind the local rule. */
static void plan_local(struct plan *p, const struct steer *s, uint8_t l3)
{
	struct plan_item item = { .kind = PLAN_LOCAL, .l3 = l3, .closing = true };
	bool any = false;
	size_t i;

	item.found = steer_local_find(s, l3);
	for (i = 0; i < p->n; i++) {
		if (p->v[i].kind != PLAN_RULE || p->v[i].l3 != l3 || p->v[i].rule.pref)
			continue;
		any = true;
		item.found &= p->v[i].found;
	}
	if (any)
		plan_push(p, &item);
}

static void plan_rules(struct plan *p, const struct steer *s, uint8_t l3, bool closed)
{
	const struct config *c = s->config;
	uint32_t first = c->steer.priority;
	struct plan_rule end = { .action = FR_ACT_NOP, .pref = first + STEER_END };
	/* What comes back through it has been judged: it goes on without our TUNs. */
	struct plan_rule past = { .action = FR_ACT_GOTO,
				  .pref = first + STEER_RETURN,
				  .target = first + STEER_END };
	size_t i;

	plan_rule(p, s, NULL, l3, NULL, end);
	for (i = 0; i < c->n_captures; i++)
		plan_capture_rules(p, s, i, l3, closed);
	for (i = 0; i < c->n_tuns; i++) {
		if (c->tuns[i].role == PORT_RETURN)
			plan_rule(p, s, NULL, l3, c->tuns[i].ifname, past);
	}
	plan_local(p, s, l3);
	if (l3 == L3_IPV4)
		plan_source_rules(p, s);
	plan_lookups(p, s, l3, true);
	plan_lookups(p, s, l3, false);
}

/* ---- filters ---- */

static void plan_filters(struct plan *p, const struct steer *s, size_t n)
{
	const struct config_capture *c = &s->config->captures[n];
	const struct view_capture *v = &s->view.captures[n];
	struct plan_item item = { .kind = PLAN_QDISC,
				  .capture = c,
				  .index = v->real.link.index,
				  .found = v->qdisc };
	unsigned i;

	if (!v->real.found)
		return;
	memcpy(item.dev, c->ifname, IFNAMSIZ);
	plan_push(p, &item);
	item.kind = PLAN_FILTER;
	for (i = 0; i < STEER_MATCHES; i++) {
		const struct steer_match *m = &steer_matches[i];
		struct plan_filter filter = { .match = i, .pref = v->first_pref + m->pref };

		if (m->arp_only && v->real.link.flags & IFF_NOARP)
			continue;
		if (m->redirects) {
			memcpy(filter.to, c->in_name, IFNAMSIZ);
			filter.to_index = v->in.link.index;
		}
		item.filter = filter;
		item.found = steer_filter_find(v, &item);
		plan_push(p, &item);
	}
}

int plan_make(struct steer *s, bool closed, struct plan *ret_plan)
{
	struct plan p = { .v = NULL };
	size_t i, f;

	plan_ports(&p, s->config, &s->view);
	for (f = 0; s->config->n_captures && f < sizeof(families); f++) {
		if (!view_has_family(&s->view, families[f]))
			continue;
		plan_closing_routes(&p, s, families[f], closed);
		plan_rules(&p, s, families[f], closed);
	}
	for (i = 0; i < s->config->n_captures; i++) {
		for (f = 0; f < sizeof(families); f++) {
			if (view_has_family(&s->view, families[f]))
				plan_open(&p, s, i, families[f]);
		}
		if (!closed && plan_uses_own_table(s, i, L3_IPV4))
			plan_own_way_in(&p, s, i);
	}
	for (i = 0; i < s->config->n_captures; i++)
		plan_filters(&p, s, i);
	for (i = 0; !closed && i < s->config->n_captures; i++) {
		plan_source_ways(&p, s, i);
		if (plan_uses_own_table(s, i, L3_IPV4))
			plan_own_answers(&p, s, i);
	}
	if (p.failed) {
		plan_fini(&p);
		return steer_fail(s, -ENOMEM, "cannot steer");
	}
	*ret_plan = p;
	return 0;
}

void plan_warn(const struct steer *s, struct text *out)
{
	plan_elsewhere(s->config, &s->view, out);
	plan_source_warn(s, out);
}

int plan_read(const struct config *config, struct plan *ret_plan, struct diag *d)
{
	struct steer s = { .config = config, .d = d };
	int err = netlink_open(&s.nl);

	if (err)
		return steer_fail(&s, err, "cannot speak to the kernel by rtnetlink");
	err = view_read(&s);
	if (!err)
		err = plan_make(&s, false, ret_plan);
	if (!err)
		plan_warn(&s, &ret_plan->warnings);
	view_fini(&s.view);
	netlink_close(&s.nl);
	return err;
}
