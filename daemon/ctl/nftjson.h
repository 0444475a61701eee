/* nftjson.h - what a rule of libnftables-json(5) may be about.
 *
 * Of nft's listing and of our own.  What is not understood counts as "perhaps": a named set,
 * a map, a concatenation. */
#ifndef CTFW_CTL_NFTJSON_H
#define CTFW_CTL_NFTJSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctfw/addr.h"

enum part {
	PART_NONE = 0, /* nothing of it */
	PART_SOME,     /* or it is not known */
	PART_ALL,
};

/* How much of a prefix, or of a name, a value names: a set, range or prefix perhaps. */
enum part nftjson_prefix(const json_t *value, const struct prefix *p);
enum part nftjson_name(const json_t *value, const char *name);

/* How much of the packets whose address in `field` ("saddr", "daddr") is in p passes the
 * rule's comparisons of that field; other comparisons are not looked at. */
enum part nftjson_rule_prefix(const json_t *rule, const char *field, const struct prefix *p);
/* Whether it compares that field at all. */
bool nftjson_rule_asks(const json_t *rule, const char *field);
/* How much of a name passes its comparisons of a word of meta, or its look-ups of it in a verdict
 * map (key and key2 are spellings of it, as "oifname" and "oif"), some where that is a part of a
 * concatenation; ret_asked says whether the rule asks for it at all. */
enum part nftjson_rule_meta(const json_t *rule, const char *key, const char *key2,
			    const char *name, bool *ret_asked);
/* How much of a name such comparisons name, in whatever way: != as well as ==. */
enum part nftjson_rule_names(const json_t *rule, const char *key, const char *key2,
			     const char *name);
/* Whether a statement has packets of a ct state pass: a comparison of it, or a verdict map of it
 * that accepts them.  False where it is about something else. */
bool nftjson_passes_state(const json_t *statement, const char *state);
/* The statement of that name in a rule: its value, or NULL. */
const json_t *nftjson_statement(const json_t *rule, const char *name);
/* A target of iptables that nft has no words for. */
bool nftjson_has_target(const json_t *rule, const char *name);
/* Whether the rule has packets untracked, or tracked in a zone. */
bool nftjson_hides(const json_t *rule);

/* A member that is a string, for people: "?" when it is none. */
const char *nftjson_word(const json_t *object, const char *key);
/* Numbers of a range; false when it is neither a number nor a range of numbers. */
bool nftjson_range(const json_t *value, uint32_t *ret_from, uint32_t *ret_to);

/* The chain that a rule is in, or NULL. */
const json_t *nftjson_chain(const json_t *ruleset, const json_t *rule);
/* The next rule behind index *at of the array "nftables"; NULL when there is none. */
const json_t *nftjson_next_rule(const json_t *ruleset, size_t *at);

#endif
