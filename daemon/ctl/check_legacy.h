/* check_legacy.h - rules of the old iptables, in the words of nft's listing. */
#ifndef CTFW_CTL_CHECK_LEGACY_H
#define CTFW_CTL_CHECK_LEGACY_H

#include <jansson.h>
#include <stdbool.h>

/* Append what iptables-legacy-save prints to an array "nftables": chains and rules, with a
 * member "legacy", the name of their table. */
void check_legacy_read(const char *text, bool v6, json_t *rules);
/* The program that changes such a chain or rule. */
const char *check_legacy_program(const json_t *object);

#endif
