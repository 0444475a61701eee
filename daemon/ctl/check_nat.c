/* check_nat.c - the kernel's NAT of captured networks.
 *
 * What comes out of an out port on its way to a client must be hidden from the kernel's
 * conntrack, by notrack or in a zone of its own; see ADDRESS TRANSLATION in ctfwd.conf(5). */
#include <string.h>

#include "ctl/check.h"
#include "ctl/check_legacy.h"
#include "ctl/check_nat.h"
#include "ctl/nftjson.h"

#define CONNTRACK_PRIORITY (-200)

static bool has_family(const json_t *rule, uint8_t l3)
{
	const char *family = json_string_value(json_object_get(rule, "family"));

	return family && (!strcmp(family, "inet") ||
			  !strcmp(family, l3 == L3_IPV4 ? "ip" : "ip6"));
}

static bool translates(const json_t *rule, const struct prefix *network)
{
	if (!nftjson_statement(rule, "masquerade") && !nftjson_statement(rule, "snat") &&
	    !nftjson_has_target(rule, "MASQUERADE") && !nftjson_has_target(rule, "SNAT"))
		return false;
	return has_family(rule, network->family) &&
	       nftjson_rule_prefix(rule, "saddr", network) != PART_NONE;
}

/* Before conntrack; of a chain that others jump to it is not known. */
static bool comes_first(const json_t *ruleset, const json_t *rule)
{
	const json_t *chain = nftjson_chain(ruleset, rule);
	const char *hook = json_string_value(json_object_get(chain, "hook"));

	return !hook || (!strcmp(hook, "prerouting") &&
			 json_integer_value(json_object_get(chain, "prio")) <
				 CONNTRACK_PRIORITY);
}

static bool hides_answers(const json_t *ruleset, const json_t *rule, const char *out_name,
			  const struct prefix *network)
{
	bool asked;

	if (!nftjson_hides(rule))
		return false;
	return has_family(rule, network->family) &&
	       nftjson_rule_meta(rule, "iifname", "iif", out_name, &asked) != PART_NONE &&
	       asked && nftjson_rule_prefix(rule, "daddr", network) == PART_ALL &&
	       comes_first(ruleset, rule);
}

const json_t *check_nat_find(const json_t *ruleset, const char *out_name,
			     const struct prefix *network)
{
	const json_t *rule, *found = NULL;
	size_t at = 0;

	while (!found && (rule = nftjson_next_rule(ruleset, &at))) {
		if (translates(rule, network))
			found = rule;
	}
	at = 0;
	while (found && (rule = nftjson_next_rule(ruleset, &at))) {
		if (hides_answers(ruleset, rule, out_name, network))
			return NULL;
	}
	return found;
}

bool check_nat_untracks(const json_t *ruleset, const char *out_name,
			const struct prefix *network)
{
	const json_t *rule;
	size_t at = 0;

	while ((rule = nftjson_next_rule(ruleset, &at))) {
		if (!nftjson_statement(rule, "mangle") &&
		    hides_answers(ruleset, rule, out_name, network))
			return true;
	}
	return false;
}

/* By the program that the rule is of: the two go together, but not every host has both. */
static void todo_hide(struct checker *c, const struct config_capture *cap,
		      const struct prefix *network, const json_t *rule, bool *made)
{
	char net[PREFIX_TEXT];

	prefix_print(network, net);
	if (json_object_get(rule, "legacy")) {
		check_todo(c, "%s -t raw -A PREROUTING -i %s -d %s -j CT --notrack",
			   check_legacy_program(rule), cap->out_name, net);
		return;
	}
	if (!*made) {
		check_todo(c, "nft add table inet ctfw-notrack");
		check_todo(c, "nft add chain inet ctfw-notrack raw "
			      "'{ type filter hook prerouting priority raw; }'");
	}
	*made = true;
	check_todo(c, "nft add rule inet ctfw-notrack raw iifname \"%s\" %s daddr %s notrack",
		   cap->out_name, network->family == L3_IPV4 ? "ip" : "ip6", net);
}

static void look_at(struct checker *c, const json_t *ruleset, const struct config_capture *cap)
{
	const json_t *rule, *first = NULL;
	char net[PREFIX_TEXT];
	bool made = false;
	size_t i;

	for (i = 0; i < cap->networks.n; i++) {
		const struct prefix *network = &cap->networks.p[i];

		rule = check_nat_find(ruleset, cap->out_name, network);
		if (!rule)
			continue;
		if (!first) {
			bool some = nftjson_rule_prefix(rule, "saddr", network) == PART_SOME;

			check_found(c, "the kernel %s addresses of %s (%s %s, chain %s), and "
				       "tracks what comes out of %s",
				    some ? "may translate" : "translates",
				    prefix_print(network, net), nftjson_word(rule, "family"),
				    nftjson_word(rule, "table"), nftjson_word(rule, "chain"),
				    cap->out_name);
		}
		first = rule;
		todo_hide(c, cap, network, rule, &made);
	}
	if (first)
		check_todo(c, "# and the same at each boot, by PostUp of wg-quick(8), say");
}

void check_masquerade(struct checker *c)
{
	const json_t *rules;
	size_t i;

	if (!c->config->n_captures)
		return;
	rules = check_kernel_rules(c);
	for (i = 0; rules && i < c->config->n_captures; i++)
		look_at(c, rules, &c->config->captures[i]);
	check_legacy(c, "nat");
}
