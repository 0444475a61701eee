/* plan_own.c - a capture's own table, in which what enters its interface is looked up.
 *
 * In the place of a rule that makes everything unreachable, where that would be too much: who
 * asks for the host's addresses on an interface that speaks ARP is to be answered, and where
 * rp_filter is loose what leaves by an interface needs a way that comes in by it.  The
 * unreachable default behind all of that is plan.c's, like others that close. */
#include <linux/rtnetlink.h>
#include <string.h>

#include "steer/steer_private.h"

/* ---- which, and when ---- */

/* 253 to 255 are the kernel's own, and above 4294967295 there is none. */
uint32_t plan_own_table(const struct config_steer *c, size_t n)
{
	uint32_t own = c->table + 1 + (uint32_t)n;

	if (c->table >= UINT32_MAX - 2 * STEER_CAPTURES_MAX)
		return c->table - 1 - (uint32_t)n;
	return c->table < RT_TABLE_DEFAULT && own >= RT_TABLE_DEFAULT ? own + 3 : own;
}

bool plan_is_own_table(const struct config_steer *c, uint32_t table)
{
	size_t n;

	for (n = 0; n < STEER_CAPTURES_MAX; n++) {
		if (table == plan_own_table(c, n))
			return true;
	}
	return false;
}

/* Whether ARP, or neighbour discovery, asks at an interface.  One that is not there, or down,
 * is asked nothing; and one that was made just now may yet be told to do without. */
static bool is_asked(const struct view_link *real)
{
	return view_is_up(real) && !(real->link.flags & IFF_NOARP);
}

/* For its loose look at the source of what goes out by an interface, the kernel asks for a way
 * as if that source's packets came in by it.  Any will do, but there has to be one. */
bool plan_needs_own_table(const struct steer *s, size_t n, uint8_t l3)
{
	return is_asked(&s->view.captures[n].real) ||
	       (l3 == L3_IPV4 && s->view.rp_filter == STEER_LOOSE);
}

/* Where others have routes in it the interface stays closed. */
bool plan_uses_own_table(const struct steer *s, size_t n, uint8_t l3)
{
	return plan_needs_own_table(s, n, l3) &&
	       !steer_route_foreign(s, plan_own_table(&s->config->steer, n));
}

/* ---- what is in it ---- */

/* Where the interface is asked for a way: into its TUN, as what is redirected.  It vanishes
 * with that. */
void plan_own_way_in(struct plan *p, const struct steer *s, size_t n)
{
	const struct config_capture *c = &s->config->captures[n];
	struct plan_item item = { .kind = PLAN_ROUTE,
				  .l3 = L3_IPV4,
				  .capture = c,
				  .index = s->view.captures[n].in.link.index,
				  .route = { .to = { .family = L3_IPV4 },
					     .type = RTN_UNICAST,
					     .protocol = (uint8_t)s->config->steer.protocol,
					     .table = plan_own_table(&s->config->steer, n),
					     .metric = STEER_OWN_METRIC } };

	if (s->view.rp_filter != STEER_LOOSE)
		return;
	memcpy(item.dev, c->in_name, IFNAMSIZ);
	item.found = steer_route_find(&s->view, &item);
	plan_push(p, &item);
}

/* What an interface answers for: the addresses that it has, and those of the host's others
 * that its neighbours take for theirs. */
static bool answers_for(const struct view *v, uint32_t index, const struct view_address *a)
{
	size_t i;

	if (a->index == index)
		return true;
	for (i = 0; a->speaks && i < v->addresses.n; i++) {
		const struct view_address *own = &v->addresses.v[i];
		const struct prefix on_link = { own->l3, own->len, own->addr };

		if (own->index == index && prefix_contains(&on_link, a->l3, &a->addr))
			return true;
	}
	return false;
}

static void answer(struct plan *p, const struct steer *s, size_t n, struct prefix to,
		   uint8_t type)
{
	struct plan_item item = { .kind = PLAN_ROUTE,
				  .l3 = to.family,
				  .answers = true,
				  .capture = &s->config->captures[n],
				  .index = s->view.captures[n].real.link.index,
				  .route = { .to = to,
					     .type = type,
					     .protocol = (uint8_t)s->config->steer.protocol,
					     .table = plan_own_table(&s->config->steer, n),
					     .metric = STEER_OWN_METRIC } };

	if (plan_has_route(p, &to, item.route.table))
		return;
	memcpy(item.dev, s->config->captures[n].ifname, IFNAMSIZ);
	item.found = steer_route_find(&s->view, &item);
	plan_push(p, &item);
}

/* IPv4's multicast asks no rules.  An interface may do without IPv6, and has no address of it
 * then. */
void plan_own_answers(struct plan *p, const struct steer *s, size_t n)
{
	static const struct prefix multicast = { L3_IPV6, 8, { { 0xff } } };
	const struct view_addresses *list = &s->view.addresses;
	uint32_t index = s->view.captures[n].real.link.index;
	size_t i;

	for (i = 0; is_asked(&s->view.captures[n].real) && i < list->n; i++) {
		const struct view_address *a = &list->v[i];
		const struct prefix to = { a->l3, a->l3 == L3_IPV4 ? 32 : 128, a->addr };

		if (!answers_for(&s->view, index, a))
			continue;
		answer(p, s, n, to, RTN_LOCAL);
		if (a->l3 == L3_IPV6 && a->index == index)
			answer(p, s, n, multicast, RTN_MULTICAST);
	}
}
