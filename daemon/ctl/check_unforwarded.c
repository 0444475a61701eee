/* check_unforwarded.c - whether the kernel forwards to a captured interface what has passed ctfwd.
 *
 * What goes to a client comes in by the out port and leaves by the interface: also what the host
 * itself sent, and answers, which no rule for established connections may know any more, since
 * NAT wants them untracked there.  A chain that forwards nothing that no rule accepts needs a
 * rule for these.  Whether one is for them is asked of interfaces, addresses and ct states
 * alone. */
#include <string.h>

#include "ctl/check.h"
#include "ctl/check_firewall.h"
#include "ctl/check_legacy.h"
#include "ctl/check_nat.h"
#include "ctl/nftjson.h"

static bool same_table(const json_t *a, const json_t *b)
{
	return !strcmp(nftjson_word(a, "family"), nftjson_word(b, "family")) &&
	       !strcmp(nftjson_word(a, "table"), nftjson_word(b, "table"));
}

static bool is_for(const json_t *chain, uint8_t l3)
{
	const char *family = nftjson_word(chain, "family");

	return !strcmp(family, "inet") || !strcmp(family, l3 == L3_IPV4 ? "ip" : "ip6");
}

/* It drops what no rule accepts. */
static bool is_shut(const json_t *chain)
{
	return !strcmp(nftjson_word(chain, "hook"), "forward") &&
	       !strcmp(nftjson_word(chain, "policy"), "drop");
}

/* The ct states that packets have there, NULL at the end. */
static const char *const tracked[] = { "new", "established", "related", NULL };
static const char *const untracked[] = { "untracked", NULL };

/* A statement that every one of them gets by, or is accepted by. */
static bool lets_all_by(const json_t *statement, const char *const states[])
{
	static const char *const plain[] = { "accept", "counter", "log" };
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (json_object_get(statement, plain[i]))
			return true;
	}
	for (i = 0; states[i]; i++) {
		if (!nftjson_passes_state(statement, states[i]))
			return false;
	}
	return true;
}

/* The chain itself accepts all that comes so far.  Of one that it may jump to that says nothing:
 * ufw has such for what the host sends. */
static bool accepts_all(const json_t *chain, const json_t *rule, const char *const states[])
{
	const json_t *statement;
	size_t i;

	if (strcmp(nftjson_word(rule, "chain"), nftjson_word(chain, "name")) != 0 ||
	    (!nftjson_statement(rule, "accept") && !nftjson_statement(rule, "vmap")))
		return false;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		if (!lets_all_by(statement, states))
			return false;
	}
	return true;
}

/* Whether a rule may be what lets on those for a network: by an interface or an address, or all. */
static bool may_let_on(const json_t *chain, const json_t *rule, const struct config_capture *cap,
		       const struct prefix *network, const char *const states[])
{
	static const char *const verdicts[] = { "accept", "jump", "goto", "vmap" };
	bool lets_on = false, in, out, addressed;
	enum part by_in, by_out;
	size_t i;

	for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		lets_on |= nftjson_statement(rule, verdicts[i]) != NULL;
	if (!lets_on)
		return false;
	by_in = nftjson_rule_meta(rule, "iifname", "iif", cap->out_name, &in);
	by_out = nftjson_rule_meta(rule, "oifname", "oif", cap->ifname, &out);
	addressed = nftjson_rule_asks(rule, "daddr");
	if (by_in == PART_NONE || by_out == PART_NONE ||
	    nftjson_rule_prefix(rule, "daddr", network) == PART_NONE)
		return false;
	return in || out || addressed || accepts_all(chain, rule, states);
}

/* Or it is told of another thing that is wrong there: see check_firewall.c. */
static bool is_seen_to(const json_t *ruleset, const json_t *chain,
		       const struct config_capture *cap, const struct prefix *network)
{
	const char *const *states =
		check_nat_untracks(ruleset, cap->out_name, network) ? untracked : tracked;
	const json_t *rule;
	size_t at = 0;

	while ((rule = nftjson_next_rule(ruleset, &at))) {
		if (same_table(rule, chain) && (may_let_on(chain, rule, cap, network, states) ||
						check_firewall_misses(ruleset, rule, cap)))
			return true;
	}
	return false;
}

static bool lets_all_on(const json_t *ruleset, const json_t *chain,
			const struct config_capture *cap)
{
	size_t i;

	for (i = 0; i < cap->networks.n; i++) {
		const struct prefix *network = &cap->networks.p[i];

		if (is_for(chain, network->family) && !is_seen_to(ruleset, chain, cap, network))
			return false;
	}
	return true;
}

static bool is_of_ufw(const json_t *ruleset, const json_t *chain)
{
	const json_t *rule;
	size_t at = 0;

	while ((rule = nftjson_next_rule(ruleset, &at))) {
		if (same_table(rule, chain) &&
		    !strncmp(nftjson_word(nftjson_statement(rule, "jump"), "target"), "ufw", 3))
			return true;
	}
	return false;
}

static void tell(struct checker *c, const json_t *ruleset, const json_t *chain,
		 const struct config_capture *cap)
{
	const char *family = nftjson_word(chain, "family"), *table = nftjson_word(chain, "table"),
		   *name = nftjson_word(chain, "name");

	check_found(c, "the kernel forwards what a rule accepts (%s %s, chain %s), and none is for "
		       "what comes in by %s and leaves by %s",
		    family, table, name, cap->out_name, cap->ifname);
	if (is_of_ufw(ruleset, chain))
		check_todo(c, "ufw route allow in on %s out on %s", cap->out_name, cap->ifname);
	else if (json_object_get(chain, "legacy"))
		check_todo(c, "%s -I %s -i %s -o %s -j ACCEPT", check_legacy_program(chain), name,
			   cap->out_name, cap->ifname);
	else
		check_todo(c, "nft insert rule %s %s %s iifname \"%s\" oifname \"%s\" accept",
			   family, table, name, cap->out_name, cap->ifname);
	check_todo(c, "# it has passed ctfwd; and the same for the next boot");
}

void check_unforwarded(struct checker *c)
{
	const json_t *rules, *object;
	size_t i, k;

	if (!c->config->n_captures)
		return;
	rules = check_kernel_rules(c);
	json_array_foreach(json_object_get(rules, "nftables"), k, object)
	{
		const json_t *chain = json_object_get(object, "chain");

		for (i = 0; chain && i < c->config->n_captures; i++) {
			const struct config_capture *cap = &c->config->captures[i];

			if (is_shut(chain) && !lets_all_on(rules, chain, cap))
				tell(c, rules, chain, cap);
		}
	}
}
