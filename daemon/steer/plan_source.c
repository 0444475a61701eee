/* plan_source.c - closes what no rule is asked about.
 *
 * What is sent to 255.255.255.255 is the host's without a look at rules or routes
 * (ip_route_input_slow()).  Only its source is looked at, by asking for the way back to it as
 * if the host had something to send there; and whatever rp_filter is, a source to which that
 * finds a way of another kind than unicast is refused (__fib_validate_source()).  An
 * unreachable one does not do: that counts as none, which a filter that is off lets be.
 *
 * That way is asked for with 0.0.0.0 at this end, since 255.255.255.255 is no address to send
 * from.  So what the host looks up from there to a captured network is found in a table of the
 * capture's, as a group on lo: a client's packet is refused.  The host's own packets have a
 * source, or get it by such a lookup: a connection asks a second time then, and is told that
 * there is no route; a datagram of a socket that is bound to no address goes to lo and is
 * dropped there, as nobody's.  Were the network a broadcast address, the host would hear it.
 *
 * While the capture is led into its TUN another route stands before that, over which the rule
 * passes on to what leads there.  That one has the TUN and the captured interface as next hops,
 * and the kernel takes it out as soon as either is gone (fib_sync_down_dev()): one that is made
 * anew is closed, whoever is dead.  It is of the same type, in case that somebody puts the TUN
 * into another group.
 *
 * By which interface a packet came is not asked.  So where networks of two captures overlap, a
 * source in both may send while both are led, and while one of them is away the host would not
 * reach the other's clients: there, rules before that let pass what the host sends by TCP, UDP and
 * ICMP.  The look at sources has no protocol (fib4_rules_early_flow_dissect()), unless others'
 * rules have the kernel find it for every packet; then we do without.
 *
 * With lo down the kernel takes out what closes; a daemon that lives puts it back when lo is up.
 *
 * Who else is in a network, as all are in 0.0.0.0/0, may send no broadcasts either while that is
 * closed. */
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "steer/steer_private.h"

uint32_t plan_source_table(const struct config_steer *c, size_t n)
{
	return plan_own_table(c, STEER_CAPTURES_MAX + n);
}

/* What others have in the table would lead around us. */
static bool is_used(const struct steer *s, size_t n)
{
	return !steer_route_foreign(s, plan_source_table(&s->config->steer, n));
}

void plan_source_warn(const struct steer *s, struct text *out)
{
	const struct config *c = s->config;
	size_t i;

	for (i = 0; i < c->n_captures; i++) {
		if (!config_capture_has(&c->captures[i], L3_IPV4) || is_used(s, i))
			continue;
		text_printf(out,
			    "others have routes in routing table %u: what clients send to "
			    "255.255.255.255 may reach this host past the rules while %s is "
			    "made anew\n",
			    plan_source_table(&c->steer, i), c->captures[i].ifname);
	}
}

/* ---- what closes ---- */

static void close_network(struct plan *p, const struct steer *s, size_t n,
			  const struct prefix *network)
{
	const struct config_steer *c = &s->config->steer;
	const struct config_capture *capture = &s->config->captures[n];
	struct plan_rule rule = { .action = FR_ACT_TO_TBL,
				  .pref = c->priority + STEER_SOURCES,
				  .iif = "lo",
				  .to = *network,
				  .table = plan_source_table(c, n),
				  .past = STEER_GROUP,
				  .sourceless = true };
	struct plan_item route = { .kind = PLAN_ROUTE,
				   .l3 = L3_IPV4,
				   .closing = true,
				   .capture = capture,
				   .dev = "lo",
				   .index = STEER_LO_INDEX,
				   .route = { .to = *network,
					      .type = RTN_MULTICAST,
					      .protocol = (uint8_t)c->protocol,
					      .table = rule.table,
					      .metric = STEER_LAST_METRIC } };

	/* It may be named twice. */
	if (plan_has_route(p, network, rule.table))
		return;
	route.found = steer_route_find(&s->view, &route);
	plan_push(p, &route);
	plan_rule(p, s, capture, L3_IPV4, NULL, rule);
}

/* Those for everything first, as with what leads into the TUNs. */
static void close_networks(struct plan *p, const struct steer *s, bool all)
{
	const struct config *c = s->config;
	size_t i, k;

	for (i = 0; i < c->n_captures; i++) {
		for (k = 0; is_used(s, i) && k < c->captures[i].networks.n; k++) {
			const struct prefix *network = &c->captures[i].networks.p[k];

			if (network->family == L3_IPV4 && !network->len == all)
				close_network(p, s, i, network);
		}
	}
}

/* ---- what the host sends ---- */

static bool overlap(const struct config_capture *a, const struct config_capture *b)
{
	size_t i, k;

	for (i = 0; i < a->networks.n; i++) {
		for (k = 0; k < b->networks.n; k++) {
			if (a->networks.p[i].family == L3_IPV4 &&
			    prefix_overlaps(&a->networks.p[i], &b->networks.p[k]))
				return true;
		}
	}
	return false;
}

static bool any_overlap(const struct config *c)
{
	size_t i, k;

	for (i = 0; i < c->n_captures; i++) {
		for (k = 0; k < i; k++) {
			if (overlap(&c->captures[i], &c->captures[k]))
				return true;
		}
	}
	return false;
}

static bool any_dissects(const struct view_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		if (rules->v[i].l3 == L3_IPV4 && rules->v[i].dissects)
			return true;
	}
	return false;
}

static void exempt_own(struct plan *p, const struct steer *s)
{
	static const uint8_t protocols[] = { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP };
	uint32_t first = s->config->steer.priority;
	struct plan_rule rule = { .action = FR_ACT_GOTO,
				  .pref = first + STEER_OWN_SENDING,
				  .iif = "lo",
				  .sourceless = true,
				  .target = first + STEER_NETWORKS };
	size_t i;

	for (i = 0; i < sizeof(protocols); i++) {
		rule.ip_proto = protocols[i];
		plan_rule(p, s, NULL, L3_IPV4, NULL, rule);
	}
}

void plan_source_rules(struct plan *p, const struct steer *s)
{
	if (any_overlap(s->config) && !any_dissects(&s->view.rules))
		exempt_own(p, s);
	close_networks(p, s, true);
	close_networks(p, s, false);
}

/* ---- what opens ---- */

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
					     .table = plan_source_table(&s->config->steer, n),
					     .metric = STEER_OWN_METRIC } };
	size_t i;

	if (!is_used(s, n) || !view_is_up(&v->real))
		return;
	memcpy(item.dev, c->out_name, IFNAMSIZ);
	for (i = 0; i < c->networks.n; i++) {
		item.route.to = c->networks.p[i];
		if (item.route.to.family != L3_IPV4)
			continue;
		item.found = steer_route_find(&s->view, &item);
		plan_push(p, &item);
	}
}
