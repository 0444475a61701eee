/* hook.h - the five hooks, in the order in which a packet may meet them. */
#ifndef CTFW_HOOK_H
#define CTFW_HOOK_H

enum hook {
	HOOK_NONE = 0,
	HOOK_PREROUTING,
	HOOK_INPUT,
	HOOK_FORWARD,
	HOOK_OUTPUT,
	HOOK_POSTROUTING,
	HOOK_COUNT
};

/* "prerouting", ...; "none". */
const char *hook_name(enum hook h);
/* Chains with a priority below this run before conntrack (NF_IP_PRI_CONNTRACK). */
#define HOOK_PRIORITY_CONNTRACK (-200)
/* Where destinations are mapped, in prerouting and output, and sources, in input and
 * postrouting (NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC). */
#define HOOK_PRIORITY_DNAT (-100)
#define HOOK_PRIORITY_SNAT 100

#endif
