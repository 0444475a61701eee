/* check_route.c - ways around: rules, routes and interfaces that lead past a TUN. */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "ctl/check.h"

static const char *table_name(uint32_t table, char buf[16])
{
	if (table == RT_TABLE_MAIN)
		return "main";
	if (table == RT_TABLE_DEFAULT)
		return "default";
	snprintf(buf, 16, "%u", table);
	return buf;
}

static bool is_link_local(const struct prefix *p)
{
	static const struct prefix link_local = { L3_IPV6, 10, { { 0xfe, 0x80 } } };

	return prefix_overlaps(&link_local, p) && p->len >= link_local.len;
}

/* ---- networks that nobody named ---- */

/* Whether captured networks together hold all of a prefix. */
static bool is_captured(const struct checker *c, struct prefix p)
{
	bool part = false;
	size_t i, k;

	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_networks *n = &c->config->captures[i].networks;

		for (k = 0; k < n->n; k++) {
			if (prefix_covers(&n->p[k], &p))
				return true;
			part |= prefix_covers(&p, &n->p[k]);
		}
	}
	if (!part)
		return false;
	p.len++;
	if (!is_captured(c, p))
		return false;
	p.addr.b[(p.len - 1) / 8] |= (uint8_t)(0x80 >> (p.len - 1) % 8);
	return is_captured(c, p);
}

void check_uncovered(struct checker *c)
{
	char to[PREFIX_TEXT], table[16];
	size_t i;

	for (i = 0; i < c->host.n_routes; i++) {
		const struct check_route *r = &c->host.routes[i];
		const struct config_capture *cap =
			check_capture(c, check_link_name(c, r->oif));

		if (!cap || r->type != RTN_UNICAST || is_link_local(&r->to) ||
		    addr_is_multicast(r->to.family, &r->to.addr) || is_captured(c, r->to))
			continue;
		check_found(c, "%s is routed to %s (table %s), but is in none of its networks",
			    prefix_print(&r->to, to), cap->ifname,
			    table_name(r->table, table));
		check_todo(c, "# in %s, [capture %s]: add %s to networks", c->config->name,
			   cap->ifname, to);
	}
	if (c->host.unsteady)
		check_blind(c, "what changed of links, routes and rules meanwhile");
	if (c->host.cut)
		check_blind(c, "more routes than the first %zu", c->host.n_routes);
}

/* ---- networks that are elsewhere as well ---- */

static void overlap(struct checker *c, const struct config_capture *cap,
		    const struct prefix *network)
{
	char to[PREFIX_TEXT], in[PREFIX_TEXT];
	size_t i;

	for (i = 0; i < c->host.n_routes; i++) {
		const struct check_route *r = &c->host.routes[i];
		const char *oif = check_link_name(c, r->oif);

		if (r->table != RT_TABLE_MAIN || r->type != RTN_UNICAST || !r->oif ||
		    !prefix_covers(network, &r->to) || check_capture(c, oif) ||
		    check_is_port(c, oif))
			continue;
		check_found(c, "%s is routed to %s, but is part of %s behind %s",
			    prefix_print(&r->to, to), oif, prefix_print(network, in),
			    cap->ifname);
		check_todo(c, "# in %s, [capture %s]: name smaller networks than %s",
			   c->config->name, cap->ifname, in);
	}
}

void check_overlap(struct checker *c)
{
	size_t i, k;

	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];

		for (k = 0; k < cap->networks.n; k++)
			overlap(c, cap, &cap->networks.p[k]);
	}
}

/* ---- rules ---- */

/* Whether the rule's table knows a way to a network that is not by a TUN. */
static const struct check_route *way(const struct checker *c, const struct check_rule *rule,
				     const struct prefix *network)
{
	size_t i;

	for (i = 0; i < c->host.n_routes; i++) {
		const struct check_route *r = &c->host.routes[i];

		if (r->table == rule->table && r->type == RTN_UNICAST &&
		    r->to.len > rule->suppress && prefix_overlaps(&r->to, network) &&
		    (!rule->to.len || prefix_overlaps(&r->to, &rule->to)) &&
		    !check_is_port(c, check_link_name(c, r->oif)))
			return r;
	}
	return NULL;
}

static void tell_rule(struct checker *c, const struct check_rule *rule,
		      const struct prefix *network, const struct check_route *r)
{
	const char *v6 = rule->l3 == L3_IPV6 ? " -6" : "";
	uint32_t first = c->config->steer.priority;
	char to[PREFIX_TEXT], table[16];

	check_found(c, "the rule with priority %u (%s%s%stable %s) leads to %s by %s%s",
		    rule->pref, rule->limited ? "of some packets, " : "",
		    rule->iif[0] ? "from one interface, " : "",
		    rule->to.len ? "to some addresses, " : "", table_name(rule->table, table),
		    prefix_print(network, to), r->oif ? check_link_name(c, r->oif) : "others",
		    rule->l3 == L3_IPV6 ? " (IPv6)" : "");
	check_todo(c, "# see: ip%s rule show pref %u", v6, rule->pref);
	check_todo(c, "# delete it, and add it again with a priority above %u:", first + RULE_END);
	check_todo(c, "# ip%s rule add pref %u ...", v6, first + RULE_END + 10);
}

void check_rules(struct checker *c)
{
	size_t i, k, m;

	for (i = 0; i < c->host.n_rules; i++) {
		const struct check_rule *rule = &c->host.rules[i];
		const struct check_route *r = NULL;

		if (rule->action != FR_ACT_TO_TBL ||
		    rule->pref > c->config->steer.priority + RULE_NETWORKS ||
		    rule->table == RT_TABLE_LOCAL || rule->table == c->config->steer.table ||
		    check_is_port(c, rule->iif) || check_capture(c, rule->iif))
			continue;
		/* One that leads to several networks is told once. */
		for (k = 0; !r && k < c->config->n_captures; k++) {
			const struct config_networks *n = &c->config->captures[k].networks;

			for (m = 0; !r && m < n->n; m++) {
				if (n->p[m].family != rule->l3 ||
				    (rule->to.len && !prefix_overlaps(&rule->to, &n->p[m])))
					continue;
				r = way(c, rule, &n->p[m]);
				if (r)
					tell_rule(c, rule, &n->p[m], r);
			}
		}
	}
}

/* The host's address in a captured network of that family. */
static const struct check_address *own_address(const struct checker *c, uint8_t l3)
{
	size_t i, k, m;

	for (i = 0; i < c->host.n_addresses; i++) {
		const struct check_address *a = &c->host.addresses[i];

		for (k = 0; a->family == l3 && k < c->config->n_captures; k++) {
			const struct config_networks *n = &c->config->captures[k].networks;

			for (m = 0; m < n->n; m++) {
				if (prefix_contains(&n->p[m], l3, &a->addr))
					return a;
			}
		}
	}
	return NULL;
}

static void local_of(struct checker *c, uint8_t l3)
{
	const struct check_address *own = own_address(c, l3);
	uint32_t ours = c->config->steer.priority + RULE_NETWORKS, pref = 0;
	const char *v6 = l3 == L3_IPV6 ? " -6" : "";
	char text[ADDR_TEXT];
	bool found = false;
	size_t i;

	for (i = 0; own && i < c->host.n_rules; i++) {
		const struct check_rule *r = &c->host.rules[i];

		if (r->l3 == l3 && r->action == FR_ACT_TO_TBL && r->table == RT_TABLE_LOCAL &&
		    !r->limited && !r->iif[0] && !r->to.len && (!found || r->pref < pref)) {
			pref = r->pref;
			found = true;
		}
	}
	if (!own || (found && pref < ours))
		return;
	if (!found) {
		check_found(c, "no rule looks into the local table: %s is not known as the "
			       "host's own",
			    addr_print(l3, &own->addr, text));
		check_todo(c, "ip%s rule add pref 0 lookup local", v6);
		return;
	}
	check_found(c, "the local table is asked at priority %u, behind %u: what is for %s is "
		       "sent to the network",
		    pref, ours, addr_print(l3, &own->addr, text));
	check_todo(c, "# in %s, [steer]: priority = %u", c->config->name, pref);
}

void check_local(struct checker *c)
{
	local_of(c, L3_IPV4);
	local_of(c, L3_IPV6);
}

/* ---- interfaces ---- */

static void enslaved(struct checker *c, const char *name)
{
	const struct check_link *l = check_link_named(c, name), *master;

	if (!l || !l->master)
		return;
	master = check_link_at(c, l->master);
	check_found(c, "%s belongs to %s%s%s", name, master ? master->link.name : "another",
		    master && master->link.kind[0] ? ", a " : "",
		    master ? master->link.kind : "");
	/* It may be what the VPN is made of: addresses and routes are the bridge's then. */
	if (master && !strcmp(master->link.kind, "bridge") && !check_is_port(c, name))
		check_todo(c, "# in %s: [capture %s] in the place of %s", c->config->name,
			   master->link.name, name);
	else
		check_todo(c, "ip link set %s nomaster", name);
}

void check_master(struct checker *c)
{
	const char *port;
	size_t i;

	for (i = 0; i < c->config->n_captures; i++)
		enslaved(c, c->config->captures[i].ifname);
	for (i = 0; (port = check_port(c->config, i)); i++)
		enslaved(c, port);
}

void check_mtu(struct checker *c)
{
	size_t i, k;

	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];
		const struct check_link *real = check_link_named(c, cap->ifname);
		const char *ports[] = { cap->in_name, cap->out_name };

		for (k = 0; real && k < 2; k++) {
			const struct check_link *port = check_link_named(c, ports[k]);

			/* The operator may have wanted a smaller one. */
			if (!port || port->link.mtu == real->link.mtu ||
			    (cap->mtu && cap->mtu < real->link.mtu))
				continue;
			check_found(c, "the TUN %s has the MTU %u, %s has %u", ports[k],
				    port->link.mtu, cap->ifname, real->link.mtu);
			check_todo(c, "ip link set %s mtu %u", ports[k], real->link.mtu);
		}
	}
}

void check_link_local(struct checker *c)
{
	size_t i, k;

	for (i = 0; i < c->config->n_captures; i++) {
		const struct check_link *l =
			check_link_named(c, c->config->captures[i].ifname);
		bool has = l && !(l->link.flags & IFF_NOARP);

		for (k = 0; l && k < c->host.n_addresses; k++) {
			const struct check_address *a = &c->host.addresses[k];
			const struct prefix p = { a->family, 128, a->addr };

			has |= a->index == l->link.index && a->family == L3_IPV6 &&
			       is_link_local(&p);
		}
		if (has)
			check_found(c, "what is for link-local and multicast addresses comes "
				       "in by %s unfiltered",
				    l->link.name);
	}
}
