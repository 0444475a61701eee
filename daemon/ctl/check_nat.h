/* check_nat.h - of check_nat.c, what another check and a test ask it. */
#ifndef CTFW_CTL_CHECK_NAT_H
#define CTFW_CTL_CHECK_NAT_H

#include <jansson.h>
#include <stdbool.h>

#include "ctfw/addr.h"

/* A rule of nft's listing that translates the source of what comes from a network while what
 * goes to it out of the TUN out_name is tracked; NULL when there is none. */
const json_t *check_nat_find(const json_t *ruleset, const char *out_name,
			     const struct prefix *network);
/* Whether what comes out of that TUN for the network is not tracked at all; in a zone it is. */
bool check_nat_untracks(const json_t *ruleset, const char *out_name,
			const struct prefix *network);

#endif
