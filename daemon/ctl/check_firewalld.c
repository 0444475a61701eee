/* check_firewalld.c - whether firewalld knows the TUNs of a captured interface.
 *
 * It judges packets by the zone of the interface that they come in by, and what it forwards by
 * that and the zone of the one that they leave by.  A TUN that nobody told it of is in the
 * default zone, which refuses most.  In the zone of the interface that it stands for it is
 * treated like that, provided that the zone lets on what comes in by one interface of it for
 * another: so does what goes to clients, by the out port and then by the interface.
 *
 * Its zones are read from its rules, as they are in force: table firewalld, whose chain
 * filter_INPUT_ZONES sends an interface's packets to filter_IN_ZONE. */
#include <stdio.h>
#include <string.h>

#include "ctl/check.h"
#include "ctl/check_firewall.h"
#include "ctl/nftjson.h"

#define ZONE_CHAIN "filter_IN_"
#define ZONE_MAX   32
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

bool check_firewalld_has(const json_t *rule)
{
	return !strcmp(nftjson_word(rule, "table"), "firewalld");
}

static bool in_chain(const json_t *rule, const char *chain)
{
	return check_firewalld_has(rule) && !strcmp(nftjson_word(rule, "chain"), chain);
}

/* The zone of an interface, or the default one for the name NULL; NULL when there is none, or
 * its name is none that firewalld would give. */
static const char *zone_of(const json_t *ruleset, const char *ifname)
{
	const json_t *rule;
	size_t at = 0;

	while ((rule = nftjson_next_rule(ruleset, &at))) {
		const char *to = nftjson_word(nftjson_statement(rule, "goto"), "target");
		const char *zone = to + strlen(ZONE_CHAIN);

		if (!in_chain(rule, "filter_INPUT_ZONES") ||
		    strncmp(to, ZONE_CHAIN, strlen(ZONE_CHAIN)) != 0)
			continue;
		if (ifname ? nftjson_rule_names(rule, "iifname", "iif", ifname) != PART_ALL :
			     json_array_size(json_object_get(rule, "expr")) != 1)
			continue;
		return strlen(zone) < ZONE_MAX && !zone[strspn(zone, PLAIN)] ? zone : NULL;
	}
	return NULL;
}

/* Whether a zone lets on what leaves by that interface: it accepts all, or within itself. */
static bool zone_lets_on(const json_t *ruleset, const char *zone, const char *ifname)
{
	char own[64], allow[64];
	const json_t *rule;
	size_t at = 0;

	snprintf(own, sizeof(own), "filter_FWD_%s", zone);
	snprintf(allow, sizeof(allow), "filter_FWD_%s_allow", zone);
	while ((rule = nftjson_next_rule(ruleset, &at))) {
		if (!nftjson_statement(rule, "accept"))
			continue;
		if (in_chain(rule, own) && json_array_size(json_object_get(rule, "expr")) == 1)
			return true;
		if (in_chain(rule, allow) &&
		    nftjson_rule_names(rule, "oifname", "oif", ifname) == PART_ALL)
			return true;
	}
	return false;
}

/* A policy from the zone of the out port to that of the interface. */
static bool policy_is_for(const json_t *ruleset, const struct config_capture *cap)
{
	const json_t *rule;
	size_t at = 0;

	while ((rule = nftjson_next_rule(ruleset, &at))) {
		if (check_firewalld_has(rule) &&
		    nftjson_rule_names(rule, "iifname", "iif", cap->out_name) == PART_ALL &&
		    nftjson_rule_names(rule, "oifname", "oif", cap->ifname) == PART_ALL)
			return true;
	}
	return false;
}

unsigned check_firewalld_misses(const json_t *ruleset, const struct config_capture *cap)
{
	const char *zone = zone_of(ruleset, cap->ifname), *fallback = zone_of(ruleset, NULL);
	const char *out = zone_of(ruleset, cap->out_name);
	unsigned missing = 0;

	/* It does not run, or its rules are not as we know them: see kernel-rule. */
	if (!fallback || (!zone && !strcmp(fallback, "trusted")))
		return 0;
	if (zone && !zone_of(ruleset, cap->in_name))
		missing |= FIREWALLD_IN;
	if (!out)
		missing |= FIREWALLD_OUT;
	if (!zone_lets_on(ruleset, out ? out : zone ? zone : "trusted", cap->ifname) &&
	    !policy_is_for(ruleset, cap) && (out || zone))
		missing |= FIREWALLD_FORWARD;
	return missing;
}

/* For what runs, and for the next start. */
static void todo(struct checker *c, const char *zone, const char *option, const char *value)
{
	check_todo(c, "firewall-cmd --zone=%s %s%s", zone, option, value);
	check_todo(c, "firewall-cmd --permanent --zone=%s %s%s", zone, option, value);
}

static void tell(struct checker *c, const json_t *ruleset, const struct config_capture *cap,
		 unsigned missing)
{
	const char *zone = zone_of(ruleset, cap->ifname), *out = zone_of(ruleset, cap->out_name);
	/* Without a zone of its own the interface is treated as others are, and so may be what
	 * comes in by the in port; what comes in by the out port has passed ctfwd. */
	const char *to = out ? out : zone ? zone : "trusted";
	bool both = missing & FIREWALLD_IN && missing & FIREWALLD_OUT;

	if (missing & (FIREWALLD_IN | FIREWALLD_OUT))
		check_found(c, "firewalld has %s in the zone %s, and %s%s%s in none",
			    zone ? cap->ifname : "other interfaces",
			    zone ? zone : zone_of(ruleset, NULL),
			    missing & FIREWALLD_IN ? cap->in_name : "", both ? " and " : "",
			    missing & FIREWALLD_OUT ? cap->out_name : "");
	else
		check_found(c, "firewalld's zone %s refuses what comes in by %s and leaves by %s",
			    to, cap->out_name, cap->ifname);
	if (missing & FIREWALLD_IN)
		todo(c, zone, "--add-interface=", cap->in_name);
	if (missing & FIREWALLD_OUT)
		todo(c, to, "--add-interface=", cap->out_name);
	if (missing & FIREWALLD_FORWARD) {
		check_todo(c, "# what comes in by an interface of the zone may leave by another:");
		todo(c, to, "--add-forward", "");
	}
}

void check_firewalld(struct checker *c)
{
	const json_t *rules;
	unsigned missing;
	size_t i;

	if (!c->config->n_captures)
		return;
	rules = check_kernel_rules(c);
	for (i = 0; rules && i < c->config->n_captures; i++) {
		missing = check_firewalld_misses(rules, &c->config->captures[i]);
		if (missing)
			tell(c, rules, &c->config->captures[i], missing);
	}
}
