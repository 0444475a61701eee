/* plan_elsewhere.c - captured networks that hold others of the host's.
 *
 * All that goes to a captured network is led to its interface, from the host as well.  Who is
 * on another link of the host, in a network that lies in a captured one, asks the host by that
 * link, and the answers go elsewhere: an operator who is logged in from there is shut out.  It
 * may be meant, with everything behind a VPN; so it is told, and before a start by ctfwd -t. */
#include "steer/steer_private.h"

static bool is_ours(const struct config *c, const struct view *v, uint32_t index)
{
	size_t i;

	for (i = 0; i < v->n_captures; i++) {
		if (index == v->captures[i].real.link.index ||
		    index == v->captures[i].in.link.index ||
		    index == v->captures[i].out.link.index)
			return true;
	}
	for (i = 0; i < c->n_tuns; i++) {
		if (index == v->tuns[i].link.index)
			return true;
	}
	return false;
}

/* An address alone has no neighbours, but where all the world is captured. */
static bool holds(const struct prefix *network, const struct view_address *a)
{
	return prefix_contains(network, a->l3, &a->addr) && network->len <= a->len &&
	       (a->len < addr_bits(a->l3) || !network->len);
}

/* The first of the host's addresses says it: there may be many. */
static void tell(const struct config *c, const struct view *v,
		 const struct config_capture *capture, const struct prefix *network,
		 struct text *out)
{
	char what[PREFIX_TEXT], who[ADDR_TEXT];
	size_t i;

	for (i = 0; i < v->addresses.n; i++) {
		const struct view_address *a = &v->addresses.v[i];

		if (!a->speaks || is_ours(c, v, a->index) || !holds(network, a))
			continue;
		text_printf(out,
			    "%s of [capture %s] holds the network of this host's address %s/%u on "
			    "another interface: whoever is there, or comes from there, is cut off "
			    "unless rules accept what the host sends them\n",
			    prefix_print(network, what), capture->ifname,
			    addr_print(a->l3, &a->addr, who), a->len);
		return;
	}
}

void plan_elsewhere(const struct config *c, const struct view *v, struct text *out)
{
	size_t i, k;

	for (i = 0; i < v->n_captures; i++) {
		for (k = 0; k < c->captures[i].networks.n; k++)
			tell(c, v, &c->captures[i], &c->captures[i].networks.p[k], out);
	}
}
