/* check_legacy.c - rules of the old iptables, in the words of nft's listing.
 *
 * They are in no listing of nft's; iptables-legacy-save prints them.  What the checks ask of
 * rules is read from it and said as libnftables-json(5) would: interfaces, addresses and what
 * becomes of the packet.  Of other matches it is said that they are there, as the rule is not
 * for all packets then, and no more: they are not looked at in nft's rules either. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/check_legacy.h"

#define WORD_MAX 256
#define TABLE_OF " of iptables-legacy" /* behind the name of the table */

struct reader {
	json_t *rules; /* an array, as of nft's */
	const char *family; /* of rules, and of what their addresses are in */
	char table[64];
};

/* ---- lines ---- */

/* The next word of a line, without its quotes; false at its end. */
static bool next_word(const char **at, char ret_word[WORD_MAX])
{
	const char *s = *at + strspn(*at, " ");
	bool quoted = *s == '"';
	size_t n = 0;

	s += quoted;
	if (!*s)
		return false;
	for (; *s && *s != (quoted ? '"' : ' '); s++) {
		if (quoted && *s == '\\' && s[1])
			s++;
		if (n < WORD_MAX - 1)
			ret_word[n++] = *s;
	}
	ret_word[n] = '\0';
	*at = s + (quoted && *s);
	return true;
}

static const struct {
	const char *table, *chain, *hook;
	int priority;
} hooks[] = {
	{ "raw", "PREROUTING", "prerouting", -300 },
	{ "raw", "OUTPUT", "output", -300 },
	{ "mangle", "PREROUTING", "prerouting", -150 },
	{ "mangle", "INPUT", "input", -150 },
	{ "mangle", "FORWARD", "forward", -150 },
	{ "mangle", "OUTPUT", "output", -150 },
	{ "mangle", "POSTROUTING", "postrouting", -150 },
	{ "nat", "PREROUTING", "prerouting", -100 },
	{ "nat", "INPUT", "input", 100 },
	{ "nat", "OUTPUT", "output", -100 },
	{ "nat", "POSTROUTING", "postrouting", 100 },
	{ "filter", "INPUT", "input", 0 },
	{ "filter", "FORWARD", "forward", 0 },
	{ "filter", "OUTPUT", "output", 0 },
	{ "security", "INPUT", "input", 50 },
	{ "security", "FORWARD", "forward", 50 },
	{ "security", "OUTPUT", "output", 50 },
};

/* ":POSTROUTING ACCEPT [0:0]" */
static void read_chain(struct reader *r, const char *line)
{
	char name[WORD_MAX], policy[WORD_MAX], table[128];
	json_t *chain;
	size_t i;

	if (!next_word(&line, name) || !next_word(&line, policy))
		return;
	snprintf(table, sizeof(table), "%s" TABLE_OF, r->table);
	chain = json_pack("{s:s, s:s, s:s, s:s, s:s}", "family", r->family, "table", table, "name",
			  name, "legacy", r->table, "policy",
			  strcmp(policy, "DROP") ? "accept" : "drop");
	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		if (strcmp(hooks[i].table, r->table) || strcmp(hooks[i].chain, name))
			continue;
		json_object_set_new(chain, "hook", json_string(hooks[i].hook));
		json_object_set_new(chain, "prio", json_integer(hooks[i].priority));
	}
	json_array_append_new(r->rules, json_pack("{s:o}", "chain", chain));
}

/* ---- one rule ---- */

static json_t *match(bool turned, json_t *left, json_t *right)
{
	return json_pack("{s:{s:s, s:o, s:o}}", "match", "op", turned ? "!=" : "==", "left",
			 left, "right", right);
}

/* "wg+" is what nft calls "wg*". */
static json_t *interface(const char *key, bool turned, char *name)
{
	size_t len = strlen(name);

	if (len && name[len - 1] == '+')
		name[len - 1] = '*';
	return match(turned, json_pack("{s:{s:s}}", "meta", "key", key), json_string(name));
}

/* A mask that is no length is not understood: perhaps. */
static json_t *address(const struct reader *r, const char *field, bool turned, char *word)
{
	char *slash = strchr(word, '/'), *end = "";
	long len = !strcmp(r->family, "ip6") ? 128 : 32;
	json_t *right;

	if (slash) {
		*slash = '\0';
		len = strtol(slash + 1, &end, 10);
	}
	right = *end ? json_null() :
		       json_pack("{s:{s:s, s:I}}", "prefix", "addr", word, "len",
				 (json_int_t)len);
	return match(turned,
		     json_pack("{s:{s:s, s:s}}", "payload", "protocol", r->family, "field",
			       field),
		     right);
}

/* Targets of iptables' own that the checks know by nft's names. */
static json_t *target(const char *name, bool untracks, bool zone)
{
	static const struct {
		const char *target, *statement;
	} known[] = {
		{ "ACCEPT", "accept" },	    { "DROP", "drop" },	   { "RETURN", "return" },
		{ "MASQUERADE", "masquerade" }, { "SNAT", "snat" }, { "NETMAP", "snat" },
		{ "NOTRACK", "notrack" },
	};
	static const char *const others[] = { "CT", "LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS",
					      "REJECT", "DNAT", "REDIRECT", "TOS", "DSCP" };
	size_t i;

	if (untracks)
		return json_pack("{s:n}", "notrack");
	if (zone)
		return json_pack("{s:{s:{s:{s:s}}}}", "mangle", "key", "ct", "key", "zone");
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(known[i].target, name))
			return json_pack("{s:n}", known[i].statement);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!strcmp(others[i], name))
			return json_pack("{s:{s:s, s:s}}", "xt", "type", "target", "name",
					 strcmp(name, "CT") ? name : "CT-helper");
	}
	return json_pack("{s:{s:s}}", "jump", "target", name);
}

/* The value of -m or -p. */
static json_t *other_match(const char *name)
{
	if (!strcmp(name, "comment"))
		return NULL;
	if (!strcmp(name, "rpfilter"))
		return json_pack("{s:{s:s, s:s}}", "xt", "type", "match", "name", name);
	return match(false, json_pack("{s:s}", "xt", name), json_null());
}

/* What an option compares, or NULL. */
static json_t *comparison(const struct reader *r, char option, bool turned, char *value)
{
	switch (option) {
	case 'i':
		return interface("iifname", turned, value);
	case 'o':
		return interface("oifname", turned, value);
	case 's':
		return address(r, "saddr", turned, value);
	case 'd':
		return address(r, "daddr", turned, value);
	case 'm':
	case 'p':
		return other_match(value);
	default:
		return NULL;
	}
}

static bool takes_value(const char *word)
{
	return *word == '-' && word[1] && strchr("iosdmpjg", word[1]) && !word[2];
}

/* "-s 10.8.0.0/24 ! -o eth0 -j MASQUERADE" */
static json_t *read_expr(const struct reader *r, const char *line)
{
	char word[WORD_MAX], value[WORD_MAX], to[WORD_MAX] = "";
	bool turned = false, untracks = false, zone = false;
	json_t *expr = json_array(), *one;

	while (next_word(&line, word)) {
		untracks |= !strcmp(word, "--notrack");
		zone |= !strcmp(word, "--zone");
		if (takes_value(word) && next_word(&line, value)) {
			one = comparison(r, word[1], turned, value);
			if (one)
				json_array_append_new(expr, one);
			if (word[1] == 'j' || word[1] == 'g')
				strcpy(to, value);
		}
		turned = !strcmp(word, "!");
	}
	if (*to)
		json_array_append_new(expr, target(to, untracks, zone));
	return expr;
}

static void read_rule(struct reader *r, const char *line)
{
	char chain[WORD_MAX], table[128];

	if (!next_word(&line, chain))
		return;
	snprintf(table, sizeof(table), "%s" TABLE_OF, r->table);
	json_array_append_new(r->rules,
			      json_pack("{s:{s:s, s:s, s:s, s:s, s:o}}", "rule", "family",
					r->family, "table", table, "chain", chain, "legacy",
					r->table, "expr", read_expr(r, line)));
}

void check_legacy_read(const char *text, bool v6, json_t *rules)
{
	struct reader r = { .rules = rules, .family = v6 ? "ip6" : "ip" };
	const char *end;

	for (; *text; text = *end ? end + 1 : end) {
		char *line;

		end = strchrnul(text, '\n');
		line = strndup(text, (size_t)(end - text));
		if (!line)
			return;
		if (*line == '*')
			snprintf(r.table, sizeof(r.table), "%s", line + 1);
		else if (*line == ':')
			read_chain(&r, line + 1);
		else if (!strncmp(line, "-A ", 3))
			read_rule(&r, line + 3);
		free(line);
	}
}

const char *check_legacy_program(const json_t *object)
{
	const char *family = json_string_value(json_object_get(object, "family"));

	return family && !strcmp(family, "ip6") ? "ip6tables-legacy" : "iptables-legacy";
}
