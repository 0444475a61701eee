/* site.c - where statements and selectors may stand: in chains of which type, and at which
 * hooks (nft_fib_validate(), nft_rt_validate(), ...). */
#include "ruleset/site.h"

#include "ruleset/field.h"

#define AT(type, hook) SITE_BIT(CHAIN_##type, HOOK_##hook)
#define EVERY(hook)    (AT(FILTER, hook) | AT(NAT, hook) | AT(ROUTE, hook))

const struct site sites[SITE_COUNT] = {
	[SITE_REJECT] = { EVERY(PREROUTING) | EVERY(INPUT) | EVERY(FORWARD) | EVERY(OUTPUT),
			   "the packet has left already: it cannot be rejected in the hook "
			   "postrouting" },
	[SITE_SNAT] = { AT(NAT, POSTROUTING) | AT(NAT, INPUT),
			 "sources are translated in chains of type nat only, at the hooks "
			 "postrouting and input" },
	[SITE_DNAT] = { AT(NAT, PREROUTING) | AT(NAT, OUTPUT),
			 "destinations are translated in chains of type nat only, at the hooks "
			 "prerouting and output" },
	[SITE_MASQUERADE] = { AT(NAT, POSTROUTING),
			       "masquerade is for chains of type nat at the hook postrouting" },
	[SITE_FIB_ROUTE] = { EVERY(PREROUTING) | EVERY(INPUT) | EVERY(FORWARD),
			     "routes are looked up for packets that came in: at the hooks "
			     "prerouting, input and forward" },
	[SITE_FIB_IIF] = { EVERY(PREROUTING) | EVERY(INPUT) | EVERY(FORWARD),
			   "iif is of packets that came in: at the hooks prerouting, input and "
			   "forward" },
	[SITE_FIB_OIF] = { EVERY(FORWARD) | EVERY(OUTPUT) | EVERY(POSTROUTING),
			   "oif is of packets that go out: at the hooks forward, output and "
			   "postrouting" },
	[SITE_MTU] = { EVERY(FORWARD) | EVERY(OUTPUT) | EVERY(POSTROUTING),
		       "the route's MTU is of packets that go out: at the hooks forward, "
		       "output and postrouting" },
};

enum site_id expr_site(const struct expr *e)
{
	if (e->kind != EXPR_SELECTOR)
		return SITE_NONE;
	switch (e->selector) {
	case SELECTOR_FIB_OIF:
	case SELECTOR_FIB_OIFNAME:
		return SITE_FIB_ROUTE;
	case SELECTOR_FIB_TYPE:
		return e->arg.a & FIB_IIF   ? SITE_FIB_IIF
		       : e->arg.a & FIB_OIF ? SITE_FIB_OIF
					     : SITE_NONE;
	case SELECTOR_RT_MTU:
		return SITE_MTU;
	default:
		return SITE_NONE;
	}
}

enum site_id stmt_site(const struct stmt *s)
{
	static const enum site_id nat[] = {
		[NAT_SNAT] = SITE_SNAT,
		[NAT_DNAT] = SITE_DNAT,
		[NAT_MASQUERADE] = SITE_MASQUERADE,
		[NAT_REDIRECT] = SITE_DNAT,
	};

	if (s->kind == STMT_REJECT)
		return SITE_REJECT;
	return s->kind == STMT_NAT ? nat[s->nat.type] : SITE_NONE;
}

const char *chain_misplaced(enum chain_type type, enum hook hook, int32_t priority)
{
	if (type == CHAIN_ROUTE && hook != HOOK_OUTPUT)
		return "chains of type route are for the hook output: there a packet may be "
		       "routed anew";
	if (type == CHAIN_NAT && hook == HOOK_FORWARD)
		return "chains of type nat are not for the hook forward";
	if (type == CHAIN_NAT && priority <= HOOK_PRIORITY_CONNTRACK)
		return "chains of type nat run behind conntrack: their priority is above -200";
	return NULL;
}
