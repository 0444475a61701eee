/* check_nat.h - of check_nat.c, what a test asks it. */
#ifndef CTFW_CTL_CHECK_NAT_H
#define CTFW_CTL_CHECK_NAT_H

#include <jansson.h>

#include "ctfw/addr.h"

/* A rule of nft's listing that translates the source of what comes from a network while what
 * goes to it out of the TUN out_name is tracked; NULL when there is none. */
const json_t *check_nat_find(const json_t *ruleset, const char *out_name,
			     const struct prefix *network);

#endif
