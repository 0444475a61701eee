/* check_firewall.h - of check_firewall.c and check_firewalld.c, what they and a test ask. */
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

/* Whether a rule is one of firewalld, which writes all of its table anew at each reload. */
bool check_firewalld_has(const json_t *rule);
/* What firewalld, if it runs, was not told of a capture: a set of these. */
enum {
	FIREWALLD_IN = 1,      /* a zone of the in port */
	FIREWALLD_OUT = 2,     /* a zone of the out port */
	FIREWALLD_FORWARD = 4, /* to let on what comes by the out port */
};
unsigned check_firewalld_misses(const json_t *ruleset, const struct config_capture *cap);

#endif
