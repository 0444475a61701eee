/* check_firewall.h - of check_firewall.c, what a test asks it. */
#ifndef CTFW_CTL_CHECK_FIREWALL_H
#define CTFW_CTL_CHECK_FIREWALL_H

#include <jansson.h>
#include <stdbool.h>

#include "ctfw/config.h"

/* Whether a rule of nft's listing is for packets of the captured interface, but not for the
 * same packets when they come in by its in port or leave by its out port. */
bool check_firewall_misses(const json_t *ruleset, const json_t *rule,
			   const struct config_capture *cap);
/* The first rule that drops what comes by a TUN of the capture since its source is not routed
 * back there; NULL when there is none. */
const json_t *check_firewall_way_back(const json_t *ruleset, const struct config_capture *cap);

#endif
