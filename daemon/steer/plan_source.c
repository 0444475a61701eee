/* plan_source.c - closes what no rule is asked about.
 *
 * What is sent to 255.255.255.255 is the host's without a look at rules or routes
 * (ip_route_input_slow()).  Only its source is looked at, by asking for the way back to it as
 * if the host had something to send there; and whatever rp_filter is, a source to which that
 * finds a way of another kind than unicast is refused (__fib_validate_source()).  An
 * unreachable one does not do: that counts as none, which a filter that is off lets be.
 *
 * That way is asked for with 0.0.0.0 at this end, since 255.255.255.255 is no address to send
 * from.  So what the host looks up from there to a captured network is found in a table of its
 * own, as a group on lo: a client's packet is refused.  The host's own packets have a source,
 * or get it by such a lookup: a connection asks a second time then, and is told that there is
 * no route; a datagram of a socket that is bound to no address goes to lo and is dropped there,
 * as nobody's.  Were the network a broadcast address, the host would hear it.
 *
 * While the capture is led into its TUN another route stands before that, over which the rule
 * passes on to what leads there.  That one has the TUN and the captured interface as next hops,
 * and the kernel takes it out as soon as either is gone (fib_sync_down_dev()): one that is made
 * anew is closed, whoever is dead.  It is of the same type, in case that somebody puts the TUN
 * into another group.
 *
 * A network behind two captures is open while the first of them is that is up.  Who else is in a
 * network, as all are in 0.0.0.0/0, may send no broadcasts either while that is closed. */
#include <linux/rtnetlink.h>
#include <string.h>

#include "steer/steer_private.h"

#define LO_INDEX 1 /* in every network namespace (LOOPBACK_IFINDEX) */

uint32_t plan_source_table(const struct config_steer *c)
{
	return plan_own_table(c, STEER_CAPTURES_MAX);
}

/* What others have in the table would lead around us. */
static bool is_used(const struct steer *s)
{
	return !steer_route_foreign(s, plan_source_table(&s->config->steer));
}

void plan_source_warn(const struct steer *s, struct text *out)
{
	uint32_t table = plan_source_table(&s->config->steer);
	const struct config *c = s->config;
	bool any = false;
	size_t i, k;

	for (i = 0; i < c->n_captures; i++) {
		for (k = 0; k < c->captures[i].networks.n; k++)
			any |= c->captures[i].networks.p[k].family == L3_IPV4;
	}
	if (any && steer_route_foreign(s, table))
		text_printf(out,
			    "others have routes in routing table %u: what clients send to "
			    "255.255.255.255 may reach this host past the rules while a captured "
			    "interface is made anew\n",
			    table);
}

static void close_network(struct plan *p, const struct steer *s, const struct prefix *network)
{
	const struct config_steer *c = &s->config->steer;
	const struct config_capture *owner = plan_owner(s->config, network);
	struct plan_rule rule = { .action = FR_ACT_TO_TBL,
				  .pref = c->priority + STEER_SOURCES,
				  .iif = "lo",
				  .to = *network,
				  .table = plan_source_table(c),
				  .past = STEER_GROUP,
				  .sourceless = true };
	struct plan_item route = { .kind = PLAN_ROUTE,
				   .l3 = L3_IPV4,
				   .closing = true,
				   .capture = owner,
				   .dev = "lo",
				   .index = LO_INDEX,
				   .route = { .to = *network,
					      .type = RTN_MULTICAST,
					      .protocol = (uint8_t)c->protocol,
					      .table = rule.table,
					      .metric = STEER_LAST_METRIC } };

	if (plan_has_route(p, network, rule.table))
		return;
	route.found = steer_route_find(&s->view, &route);
	plan_push(p, &route);
	plan_rule(p, s, owner, L3_IPV4, NULL, rule);
}

/* Those for everything first, as with what leads into the TUNs. */
static void close_networks(struct plan *p, const struct steer *s, bool all)
{
	const struct config *c = s->config;
	size_t i, k;

	for (i = 0; i < c->n_captures; i++) {
		for (k = 0; k < c->captures[i].networks.n; k++) {
			const struct prefix *network = &c->captures[i].networks.p[k];

			if (network->family == L3_IPV4 && !network->len == all)
				close_network(p, s, network);
		}
	}
}

void plan_source_rules(struct plan *p, const struct steer *s)
{
	if (!is_used(s))
		return;
	close_networks(p, s, true);
	close_networks(p, s, false);
}

static bool is_open(const struct plan *p, const struct plan_route *way)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct plan_route *r = &p->v[i].route;

		if (p->v[i].kind == PLAN_ROUTE && r->with && r->to.len == way->to.len &&
		    addr_equal(&r->to.addr, &way->to.addr))
			return true;
	}
	return false;
}

void plan_source_ways(struct plan *p, const struct steer *s, size_t n)
{
	const struct config_capture *c = &s->config->captures[n];
	const struct view_capture *v = &s->view.captures[n];
	struct plan_item item = { .kind = PLAN_ROUTE,
				  .l3 = L3_IPV4,
				  .answers = true,
				  .capture = c,
				  .index = v->out.link.index,
				  .route = { .type = RTN_MULTICAST,
					     .with = v->real.link.index,
					     .protocol = (uint8_t)s->config->steer.protocol,
					     .table = plan_source_table(&s->config->steer),
					     .metric = STEER_OWN_METRIC } };
	size_t i;

	if (!is_used(s) || !view_is_up(&v->real))
		return;
	memcpy(item.dev, c->out_name, IFNAMSIZ);
	for (i = 0; i < c->networks.n; i++) {
		item.route.to = c->networks.p[i];
		if (item.route.to.family != L3_IPV4 || is_open(p, &item.route))
			continue;
		item.found = steer_route_find(&s->view, &item);
		plan_push(p, &item);
	}
}
