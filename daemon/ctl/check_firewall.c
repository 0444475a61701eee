/* check_firewall.c - the kernel's own rules that name a captured interface and not its TUNs, and
 * those that look at the way back.
 *
 * What clients send comes in by the in port; what goes to them leaves by the out port, comes
 * in by it again and only then leaves by the interface.  So a rule of the host's firewall that
 * accepts what comes in by wg0 does so no more, and one that drops it neither; one that
 * accepts what leaves by wg0 has it die before, where the policy is to drop.  Whether that
 * was seen to is asked of each rule: it means the same for the interface and for the TUN, or
 * it does not. */
#include <string.h>

#include "ctl/check.h"
#include "ctl/check_firewall.h"
#include "ctl/check_legacy.h"
#include "ctl/nftjson.h"

/* "iifname" and "iif", or "oifname" and "oif": whether the rule is for the one interface, or for
 * all but that, and does not name the other. */
static bool differs(const json_t *rule, const char *key, const char *key2, const char *ifname,
		    const char *port)
{
	return nftjson_rule_names(rule, key, key2, ifname) == PART_ALL &&
	       nftjson_rule_names(rule, key, key2, port) == PART_NONE;
}

static bool lets_on(const json_t *rule)
{
	static const char *const verdicts[] = { "accept", "jump", "goto", "vmap" };
	const json_t *statement;
	size_t i, k;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		for (k = 0; k < sizeof(verdicts) / sizeof(verdicts[0]); k++) {
			if (json_object_get(statement, verdicts[k]))
				return true;
		}
	}
	return false;
}

static bool is_routed_family(const json_t *rule)
{
	const char *family = json_string_value(json_object_get(rule, "family"));

	return family &&
	       (!strcmp(family, "ip") || !strcmp(family, "ip6") || !strcmp(family, "inet"));
}

bool check_firewall_misses(const json_t *ruleset, const json_t *rule,
			   const struct config_capture *cap)
{
	const json_t *chain = nftjson_chain(ruleset, rule);
	const char *hook = json_string_value(json_object_get(chain, "hook"));

	/* What hides the way to clients is for one TUN by intention. */
	if (!is_routed_family(rule) || nftjson_hides(rule))
		return false;
	if (differs(rule, "iifname", "iif", cap->ifname, cap->in_name))
		return true;
	/* For what has come back. */
	if (nftjson_rule_names(rule, "iifname", "iif", cap->out_name) == PART_ALL)
		return false;
	/* Behind the routing all leaves by the interface too, later: it is dropped then. */
	return (!hook || strcmp(hook, "postrouting") != 0) && lets_on(rule) &&
	       differs(rule, "oifname", "oif", cap->ifname, cap->out_name);
}

static bool same_chain(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "family"), json_object_get(b, "family")) &&
	       json_equal(json_object_get(a, "table"), json_object_get(b, "table")) &&
	       json_equal(json_object_get(a, "chain"), json_object_get(b, "chain"));
}

static void tell(struct checker *c, const struct config_capture *cap, const json_t *rule,
		 unsigned n)
{
	const char *family = nftjson_word(rule, "family"), *table = nftjson_word(rule, "table"),
		   *chain = nftjson_word(rule, "chain");

	check_found(c, "%u rule%s of the kernel's (%s %s, chain %s) tell%s %s from its TUNs", n,
		    n == 1 ? "" : "s", family, table, chain, n == 1 ? "s" : "", cap->ifname);
	if (json_object_get(rule, "legacy"))
		check_todo(c, "# to see %s: %s -t %s -S %s", n == 1 ? "it" : "them",
			   check_legacy_program(rule), nftjson_word(rule, "legacy"), chain);
	else
		check_todo(c, "# to see %s: nft list chain %s %s %s", n == 1 ? "it" : "them",
			   family, table, chain);
	check_todo(c, "# beside %s, let %s name %s for what comes in from clients, and %s for",
		   cap->ifname, n == 1 ? "it" : "them", cap->in_name, cap->out_name);
	check_todo(c, "# what leaves for them; let on what comes in by %s: it has passed ctfwd",
		   cap->out_name);
}

/* The chains of ufw's own rules, those of users: ufw and ufw6, each with what is for the host
 * and what is forwarded. */
enum { UFW_NONE, UFW_INPUT = 1, UFW_FORWARD = 2 };

static unsigned ufw_chain(const json_t *rule)
{
	const char *chain = nftjson_word(rule, "chain");

	if (!strcmp(chain, "ufw-user-input") || !strcmp(chain, "ufw6-user-input"))
		return UFW_INPUT;
	return !strcmp(chain, "ufw-user-forward") || !strcmp(chain, "ufw6-user-forward") ?
		       UFW_FORWARD :
		       UFW_NONE;
}

/* What is accepted there has passed ctfwd, or is left to the reader. */
static void tell_ufw(struct checker *c, const struct config_capture *cap, unsigned chains)
{
	check_found(c, "rules of ufw tell %s from its TUNs", cap->ifname);
	check_todo(c, "ufw route allow in on %s out on %s", cap->out_name, cap->ifname);
	check_todo(c, "# for each rule \"on %s\" the same one \"in on %s\"; or, to leave it to "
		      "ctfwd:",
		   cap->ifname, cap->in_name);
	if (chains & UFW_INPUT)
		check_todo(c, "%sufw allow in on %s",
			   cap->hooks & 1u << HOOK_INPUT ? "" : "# (of hooks: input) ",
			   cap->in_name);
	if (chains & UFW_FORWARD)
		check_todo(c, "%sufw route allow in on %s",
			   cap->hooks & 1u << HOOK_FORWARD ? "" : "# (of hooks: forward) ",
			   cap->in_name);
}

/* Who names the TUNs in the same chain has seen to it. */
static bool is_seen_to(const json_t *ruleset, const json_t *rule,
		       const struct config_capture *cap)
{
	const json_t *other;
	size_t at = 0;

	while ((other = nftjson_next_rule(ruleset, &at))) {
		if (same_chain(other, rule) &&
		    (nftjson_rule_names(other, "iifname", "iif", cap->in_name) == PART_ALL ||
		     nftjson_rule_names(other, "oifname", "oif", cap->out_name) == PART_ALL))
			return true;
	}
	return false;
}

static void look_at(struct checker *c, const json_t *ruleset, const struct config_capture *cap)
{
	const json_t *rule, *last = NULL;
	unsigned n = 0, ufw = UFW_NONE;
	size_t at = 0;

	while ((rule = nftjson_next_rule(ruleset, &at))) {
		/* That is told of zones: see check_firewalld.c. */
		if (check_firewalld_has(rule) || !check_firewall_misses(ruleset, rule, cap) ||
		    is_seen_to(ruleset, rule, cap))
			continue;
		if (ufw_chain(rule)) {
			ufw |= ufw_chain(rule);
			continue;
		}
		/* Rules of one chain stand together in the listing. */
		if (last && !same_chain(last, rule)) {
			tell(c, cap, last, n);
			n = 0;
		}
		last = rule;
		n++;
	}
	if (last)
		tell(c, cap, last, n);
	if (ufw)
		tell_ufw(c, cap, ufw);
}

void check_firewall(struct checker *c)
{
	const json_t *rules;
	size_t i;

	if (!c->config->n_captures)
		return;
	rules = check_kernel_rules(c);
	for (i = 0; rules && i < c->config->n_captures; i++)
		look_at(c, rules, &c->config->captures[i]);
	check_legacy(c, "filter");
}

/* ---- the way back ---- */

static bool has_flag(const json_t *fib, const char *flag)
{
	const json_t *flags = json_object_get(fib, "flags"), *f;
	size_t i;

	json_array_foreach((json_t *)flags, i, f)
	{
		if (json_is_string(f) && !strcmp(json_string_value(f), flag))
			return true;
	}
	return false;
}

/* "fib saddr . iif oif missing", and then something else than accept; the match of iptables
 * has no more words than its name. */
static bool wants_way_back(const json_t *rule)
{
	const json_t *statement;
	size_t i;

	if (nftjson_statement(rule, "accept"))
		return false;
	if (nftjson_has_target(rule, "rpfilter"))
		return true;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		const json_t *match = json_object_get(statement, "match");
		const json_t *fib = json_object_get(json_object_get(match, "left"), "fib");
		const json_t *right = json_object_get(match, "right");

		if (has_flag(fib, "saddr") && has_flag(fib, "iif") &&
		    !strcmp(nftjson_word(match, "op"), "==") &&
		    (json_is_false(right) ||
		     (json_is_integer(right) && !json_integer_value(right))))
			return true;
	}
	return false;
}

static bool is_for_networks(const json_t *rule, const struct config_capture *cap)
{
	bool asked;

	return (config_capture_has(cap, L3_IPV4) && strcmp(nftjson_word(rule, "family"), "ip6") &&
		nftjson_rule_meta(rule, "nfproto", NULL, "ipv4", &asked) != PART_NONE) ||
	       (config_capture_has(cap, L3_IPV6) && strcmp(nftjson_word(rule, "family"), "ip") &&
		nftjson_rule_meta(rule, "nfproto", NULL, "ipv6", &asked) != PART_NONE);
}

/* A rule of iifname alone that accepts what comes in by that. */
static bool exempts(const json_t *rule, const char *ifname)
{
	bool asked;

	return nftjson_statement(rule, "accept") &&
	       json_array_size(json_object_get(rule, "expr")) == 2 &&
	       nftjson_rule_meta(rule, "iifname", "iif", ifname, &asked) == PART_ALL && asked;
}

const json_t *check_firewall_way_back(const json_t *ruleset, const struct config_capture *cap)
{
	const char *ports[] = { cap->in_name, cap->out_name };
	const json_t *rule, *before = NULL;
	bool exempt[2] = { false, false }, asked;
	size_t at = 0, i;

	while ((rule = nftjson_next_rule(ruleset, &at))) {
		bool new_chain = !before || !same_chain(before, rule);

		before = rule;
		for (i = 0; i < 2; i++) {
			exempt[i] = (exempt[i] && !new_chain) || exempts(rule, ports[i]);
			if (!exempt[i] && wants_way_back(rule) && is_for_networks(rule, cap) &&
			    nftjson_rule_meta(rule, "iifname", "iif", ports[i], &asked) !=
				    PART_NONE)
				return rule;
		}
	}
	return NULL;
}

void check_kernel_rp(struct checker *c)
{
	const json_t *rules, *rule;
	size_t i;

	if (!c->config->n_captures)
		return;
	rules = check_kernel_rules(c);
	for (i = 0; rules && i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];
		const char *family, *table, *chain;

		rule = check_firewall_way_back(rules, cap);
		if (!rule)
			continue;
		family = nftjson_word(rule, "family");
		table = nftjson_word(rule, "table");
		chain = nftjson_word(rule, "chain");
		check_found(c,
			    "a rule of the kernel's (%s %s, chain %s) wants what comes by %s or "
			    "%s routed back there",
			    family, table, chain, cap->in_name, cap->out_name);
		if (check_firewalld_has(rule)) {
			check_todo(c, "sed -i 's/^IPv6_rpfilter=.*/IPv6_rpfilter=no/' "
				      "/etc/firewalld/firewalld.conf");
			check_todo(c, "firewall-cmd --reload");
			continue;
		}
		if (json_object_get(rule, "legacy")) {
			for (size_t k = 0; k < 2; k++)
				check_todo(c, "%s -t %s -I %s -i %s -j ACCEPT",
					   check_legacy_program(rule),
					   nftjson_word(rule, "legacy"), chain,
					   k ? cap->out_name : cap->in_name);
			continue;
		}
		check_todo(c, "nft insert rule %s %s %s iifname '{ \"%s\", \"%s\" }' accept",
			   family, table, chain, cap->in_name, cap->out_name);
	}
}
