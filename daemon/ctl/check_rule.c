/* check_rule.c - rules of others that do not lead to a captured network themselves: those before
 * ours that jump behind them, those that refuse, and those for what enters a captured
 * interface.
 *
 * Of the former, rules for packets that come in by a captured interface or a TUN are left out:
 * such packets are led into a TUN before any rule is asked, or are ours.  So is what refuses
 * packets of one interface: that is meant so. */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "ctl/check.h"

static bool is_before(const struct checker *c, const struct check_rule *r)
{
	return r->pref <= c->config->steer.priority + RULE_NETWORKS &&
	       !check_capture(c, r->iif) && !check_is_port(c, r->iif);
}

/* A captured network that the rule may be for; NULL when there is none. */
static const struct prefix *network_of(const struct checker *c, const struct check_rule *r)
{
	size_t i, k;

	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_networks *n = &c->config->captures[i].networks;

		for (k = 0; k < n->n; k++) {
			if (n->p[k].family == r->l3 &&
			    (!r->to.len || prefix_overlaps(&r->to, &n->p[k])))
				return &n->p[k];
		}
	}
	return NULL;
}

static const char *some(const struct check_rule *r)
{
	return r->limited ? "some packets" : r->iif[0] ? "what enters one interface" :
							  "packets";
}

static void todo_move(struct checker *c, const struct check_rule *r)
{
	const char *v6 = r->l3 == L3_IPV6 ? " -6" : "";
	uint32_t end = c->config->steer.priority + RULE_END;

	check_todo(c, "# see: ip%s rule show pref %u", v6, r->pref);
	check_todo(c, "# delete it, or add it again with a priority above %u:", end);
	check_todo(c, "# ip%s rule add pref %u ...", v6, end + 10);
}

/* Of a TUN that another configuration has. */
static bool is_of_steering(const struct checker *c, const struct check_rule *r)
{
	return r->iif[0] && r->protocol == c->config->steer.protocol &&
	       r->target == c->config->steer.priority + RULE_END;
}

void check_jump(struct checker *c)
{
	uint32_t ours = c->config->steer.priority + RULE_NETWORKS;
	char to[PREFIX_TEXT];
	size_t i;

	for (i = 0; i < c->host.n_rules; i++) {
		const struct check_rule *r = &c->host.rules[i];
		const struct prefix *network = network_of(c, r);

		if (r->action != FR_ACT_GOTO || !is_before(c, r) || r->target <= ours ||
		    !network || is_of_steering(c, r))
			continue;
		check_found(c, "the rule with priority %u goes on at %u for %s to %s, behind "
			       "ours at %u%s",
			    r->pref, r->target, some(r), prefix_print(network, to), ours,
			    r->l3 == L3_IPV6 ? " (IPv6)" : "");
		todo_move(c, r);
	}
}

/* ---- what refuses ---- */

static bool is_refusal(const struct check_rule *r)
{
	return r->action == FR_ACT_BLACKHOLE || r->action == FR_ACT_UNREACHABLE ||
	       r->action == FR_ACT_PROHIBIT;
}

/* A route of the rule's table that refuses what is for the network. */
static const struct check_route *refusing_route(const struct checker *c,
						const struct check_rule *rule,
						const struct prefix *network)
{
	size_t i;

	if (rule->action != FR_ACT_TO_TBL || rule->table == c->config->steer.table)
		return NULL;
	for (i = 0; i < c->host.n_routes; i++) {
		const struct check_route *r = &c->host.routes[i];

		if (r->table == rule->table && r->to.len > rule->suppress &&
		    (r->type == RTN_BLACKHOLE || r->type == RTN_UNREACHABLE ||
		     r->type == RTN_PROHIBIT) &&
		    prefix_overlaps(&r->to, network))
			return r;
	}
	return NULL;
}

void check_refusal(struct checker *c)
{
	char to[PREFIX_TEXT], by[PREFIX_TEXT];
	size_t i;

	for (i = 0; i < c->host.n_rules; i++) {
		const struct check_rule *r = &c->host.rules[i];
		const struct prefix *network = network_of(c, r);
		const struct check_route *route;

		if (!is_before(c, r) || r->iif[0] || !network)
			continue;
		route = refusing_route(c, r, network);
		if (route) {
			check_found(c, "the rule with priority %u finds a route of table %u "
				       "that refuses %s to %s",
				    r->pref, r->table, some(r), prefix_print(&route->to, by));
			check_todo(c, "# see: ip%s route show table %u %s",
				   r->l3 == L3_IPV6 ? " -6" : "", r->table, by);
		} else if (is_refusal(r)) {
			check_found(c, "the rule with priority %u refuses %s to %s%s", r->pref,
				    some(r), prefix_print(network, to),
				    r->l3 == L3_IPV6 ? " (IPv6)" : "");
		} else {
			continue;
		}
		todo_move(c, r);
	}
}

/* ---- what is for a captured interface ---- */

static bool is_known(const struct checker *c, uint8_t l3, const char *iif)
{
	size_t i;

	for (i = 0; i < c->host.n_rules; i++) {
		const struct check_rule *r = &c->host.rules[i];

		if (r->l3 == l3 && !strcmp(r->iif, iif) &&
		    r->protocol != c->config->steer.protocol)
			return true;
	}
	return false;
}

void check_iif(struct checker *c)
{
	uint32_t end = c->config->steer.priority + RULE_END;
	size_t i;

	for (i = 0; i < c->host.n_rules; i++) {
		const struct check_rule *r = &c->host.rules[i];
		const struct config_capture *cap = check_capture(c, r->iif);
		const char *v6 = r->l3 == L3_IPV6 ? " -6" : "";

		if (!cap || r->protocol == c->config->steer.protocol ||
		    is_known(c, r->l3, cap->in_name))
			continue;
		check_found(c, "the rule with priority %u is for what enters %s, but clients' "
			       "packets come in by %s%s",
			    r->pref, cap->ifname, cap->in_name,
			    r->l3 == L3_IPV6 ? " (IPv6)" : "");
		check_todo(c, "# see: ip%s rule show pref %u", v6, r->pref);
		check_todo(c, "# add one like it for %s, with a priority above %u:", cap->in_name,
			   end);
		check_todo(c, "# ip%s rule add pref %u iif %s ...", v6, end + 10, cap->in_name);
	}
}
