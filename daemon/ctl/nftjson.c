/* nftjson.c - rules as libnftables-json(5) has them, asked what they may be about. */
#include "ctl/nftjson.h"

#include <string.h>

#define DEPTH_MAX 8

/* ---- values ---- */

/* The last address of a prefix. */
static union addr last_of(const struct prefix *p)
{
	union addr a = p->addr;
	unsigned i;

	for (i = p->len; i < addr_bits(p->family); i++)
		a.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return a;
}

static enum part compare(uint8_t family, const union addr *from, const union addr *to,
			 const struct prefix *p)
{
	union addr last = last_of(p);

	if (family != p->family || memcmp(to, &p->addr, sizeof(*to)) < 0 ||
	    memcmp(from, &last, sizeof(last)) > 0)
		return PART_NONE;
	return memcmp(from, &p->addr, sizeof(*from)) <= 0 && memcmp(to, &last, sizeof(*to)) >= 0 ?
		       PART_ALL :
		       PART_SOME;
}

static enum part compare_prefix(const json_t *value, const struct prefix *p)
{
	const char *addr = json_string_value(json_object_get(value, "addr"));
	json_int_t len = json_integer_value(json_object_get(value, "len"));
	struct prefix q = { 0 };
	union addr last;

	if (!addr || addr_parse(addr, &q.family, &q.addr) || len < 0 ||
	    len > addr_bits(q.family))
		return PART_SOME;
	q.len = (uint8_t)len;
	last = last_of(&q);
	return compare(q.family, &q.addr, &last, p);
}

static enum part compare_range(const json_t *range, const struct prefix *p)
{
	const char *from = json_string_value(json_array_get(range, 0));
	const char *to = json_string_value(json_array_get(range, 1));
	uint8_t family, family2;
	union addr a, b;

	if (!from || !to || addr_parse(from, &family, &a) || addr_parse(to, &family2, &b))
		return PART_SOME;
	return compare(family, &a, &b, p);
}

/* Of a set or an element; false when the value is something else. */
static bool inside(const json_t *value, enum part (*each)(const json_t *value, const void *what,
							  int depth),
		   const void *what, int depth, enum part *ret_part)
{
	const json_t *set = json_object_get(value, "set"), *elem, *v;
	enum part most = PART_NONE, part;
	size_t i;

	if (depth > DEPTH_MAX)
		return false;
	elem = json_object_get(json_object_get(value, "elem"), "val");
	if (elem) {
		*ret_part = each(elem, what, depth + 1);
		return true;
	}
	if (json_is_array(value))
		set = value;
	if (!json_is_array(set))
		return false;
	json_array_foreach((json_t *)set, i, v)
	{
		part = each(v, what, depth + 1);
		if (part > most)
			most = part;
	}
	*ret_part = most;
	return true;
}

static enum part of_prefix(const json_t *value, const void *what, int depth)
{
	const struct prefix *p = what;
	const json_t *v;
	union addr a;
	uint8_t family;
	enum part part;

	if (inside(value, of_prefix, what, depth, &part))
		return part;
	if ((v = json_object_get(value, "prefix")))
		return compare_prefix(v, p);
	if ((v = json_object_get(value, "range")))
		return compare_range(v, p);
	if (json_is_string(value) && !addr_parse(json_string_value(value), &family, &a))
		return compare(family, &a, &a, p);
	return PART_SOME;
}

enum part nftjson_prefix(const json_t *value, const struct prefix *p)
{
	return of_prefix(value, p, 0);
}

static enum part of_name(const json_t *value, const void *what, int depth)
{
	const char *text = json_string_value(value), *name = what;
	enum part part;
	size_t len;

	if (inside(value, of_name, what, depth, &part))
		return part;
	if (!text || *text == '@')
		return PART_SOME;
	len = strlen(text);
	if (len && text[len - 1] == '*' && !strncmp(text, name, len - 1))
		return PART_ALL;
	return strcmp(text, name) ? PART_NONE : PART_ALL;
}

enum part nftjson_name(const json_t *value, const char *name)
{
	return of_name(value, name, 0);
}

bool nftjson_range(const json_t *value, uint32_t *ret_from, uint32_t *ret_to)
{
	const json_t *range = json_object_get(value, "range");
	const json_t *from = range ? json_array_get(range, 0) : value;
	const json_t *to = range ? json_array_get(range, 1) : value;

	if (!json_is_integer(from) || !json_is_integer(to))
		return false;
	*ret_from = (uint32_t)json_integer_value(from);
	*ret_to = (uint32_t)json_integer_value(to);
	return true;
}

/* ---- rules ---- */

static enum part turned(const json_t *match, enum part part)
{
	const char *op = json_string_value(json_object_get(match, "op"));

	if (op && !strcmp(op, "!="))
		return part == PART_ALL ? PART_NONE : part == PART_NONE ? PART_ALL : PART_SOME;
	if (op && strcmp(op, "==") != 0 && strcmp(op, "in") != 0)
		return PART_SOME;
	return part;
}

static bool asks_field(const json_t *match, const char *field)
{
	const json_t *payload = json_object_get(json_object_get(match, "left"), "payload");
	const char *protocol = json_string_value(json_object_get(payload, "protocol"));
	const char *name = json_string_value(json_object_get(payload, "field"));

	return protocol && name && (!strcmp(protocol, "ip") || !strcmp(protocol, "ip6")) &&
	       !strcmp(name, field);
}

static bool asks_meta(const json_t *of, const char *key, const char *key2)
{
	const json_t *meta = json_object_get(of, "meta");
	const char *name = json_string_value(json_object_get(meta, "key"));

	return name && (!strcmp(name, key) || (key2 && !strcmp(name, key2)));
}

/* As one part of what is asked for: then perhaps. */
static bool asks_meta_among(const json_t *of, const char *key, const char *key2)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(of, "concat"), i, one)
	{
		if (asks_meta(one, key, key2))
			return true;
	}
	return false;
}

enum part nftjson_rule_prefix(const json_t *rule, const char *field, const struct prefix *p)
{
	const json_t *statement;
	enum part least = PART_ALL, part;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		const json_t *match = json_object_get(statement, "match");

		if (!asks_field(match, field))
			continue;
		part = turned(match, nftjson_prefix(json_object_get(match, "right"), p));
		if (part < least)
			least = part;
	}
	return least;
}

bool nftjson_rule_asks(const json_t *rule, const char *field)
{
	const json_t *statement;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		if (asks_field(json_object_get(statement, "match"), field))
			return true;
	}
	return false;
}

/* Of the keys of a verdict map, which goes on to some verdict for them. */
static enum part of_keys(const json_t *map, const char *name)
{
	const json_t *set = json_object_get(map, "set"), *pair;
	enum part most = PART_NONE, part;
	size_t i;

	if (!json_is_array(set))
		return PART_SOME;
	json_array_foreach((json_t *)set, i, pair)
	{
		part = nftjson_name(json_array_get(pair, 0), name);
		if (part > most)
			most = part;
	}
	return most;
}

/* How much of a name a statement's comparison names, whatever it makes of it; false when it
 * compares something else. */
static bool names(const json_t *statement, const char *key, const char *key2, const char *name,
		  enum part *ret_part)
{
	const json_t *match = json_object_get(statement, "match");
	const json_t *vmap = json_object_get(statement, "vmap");

	if (asks_meta(json_object_get(match, "left"), key, key2))
		*ret_part = nftjson_name(json_object_get(match, "right"), name);
	else if (asks_meta(json_object_get(vmap, "key"), key, key2))
		*ret_part = of_keys(json_object_get(vmap, "data"), name);
	else if (asks_meta_among(json_object_get(match, "left"), key, key2) ||
		 asks_meta_among(json_object_get(vmap, "key"), key, key2))
		*ret_part = PART_SOME;
	else
		return false;
	return true;
}

enum part nftjson_rule_meta(const json_t *rule, const char *key, const char *key2,
			    const char *name, bool *ret_asked)
{
	const json_t *statement;
	enum part least = PART_ALL, part;
	size_t i;

	*ret_asked = false;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		if (!names(statement, key, key2, name, &part))
			continue;
		*ret_asked = true;
		part = turned(json_object_get(statement, "match"), part);
		if (part < least)
			least = part;
	}
	return least;
}

enum part nftjson_rule_names(const json_t *rule, const char *key, const char *key2,
			     const char *name)
{
	const json_t *statement;
	enum part most = PART_NONE, part;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		if (names(statement, key, key2, name, &part) && part > most)
			most = part;
	}
	return most;
}

static bool asks_state(const json_t *of)
{
	const char *key = json_string_value(
		json_object_get(json_object_get(of, "ct"), "key"));

	return key && !strcmp(key, "state");
}

static bool maps_to_accept(const json_t *map, const char *name)
{
	const json_t *pair;
	size_t i;

	json_array_foreach(json_object_get(map, "set"), i, pair)
	{
		if (json_object_get(json_array_get(pair, 1), "accept") &&
		    nftjson_name(json_array_get(pair, 0), name) == PART_ALL)
			return true;
	}
	return false;
}

bool nftjson_passes_state(const json_t *statement, const char *state)
{
	const json_t *match = json_object_get(statement, "match");
	const json_t *vmap = json_object_get(statement, "vmap");

	if (asks_state(json_object_get(match, "left")))
		return turned(match, nftjson_name(json_object_get(match, "right"), state)) ==
		       PART_ALL;
	return asks_state(json_object_get(vmap, "key")) &&
	       maps_to_accept(json_object_get(vmap, "data"), state);
}

const json_t *nftjson_statement(const json_t *rule, const char *name)
{
	const json_t *statement, *value;
	size_t i;

	json_array_foreach(json_object_get(rule, "expr"), i, statement)
	{
		value = json_object_get(statement, name);
		if (value)
			return value;
	}
	return NULL;
}

bool nftjson_has_target(const json_t *rule, const char *name)
{
	const json_t *xt = nftjson_statement(rule, "xt");
	const char *text = json_string_value(json_object_get(xt, "name"));

	return text && !strcmp(text, name);
}

bool nftjson_hides(const json_t *rule)
{
	const json_t *mangle = nftjson_statement(rule, "mangle");
	const json_t *ct = json_object_get(json_object_get(mangle, "key"), "ct");
	const char *key = json_string_value(json_object_get(ct, "key"));

	return nftjson_statement(rule, "notrack") || (key && !strcmp(key, "zone")) ||
	       nftjson_has_target(rule, "CT");
}

const char *nftjson_word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "?";
}

static bool same_word(const json_t *a, const char *key, const json_t *b, const char *key2)
{
	const char *s = json_string_value(json_object_get(a, key));
	const char *t = json_string_value(json_object_get(b, key2));

	return s && t && !strcmp(s, t);
}

const json_t *nftjson_chain(const json_t *ruleset, const json_t *rule)
{
	const json_t *object;
	size_t i;

	json_array_foreach(json_object_get(ruleset, "nftables"), i, object)
	{
		const json_t *chain = json_object_get(object, "chain");

		if (chain && same_word(chain, "family", rule, "family") &&
		    same_word(chain, "table", rule, "table") &&
		    same_word(chain, "name", rule, "chain"))
			return chain;
	}
	return NULL;
}

const json_t *nftjson_next_rule(const json_t *ruleset, size_t *at)
{
	const json_t *array = json_object_get(ruleset, "nftables"), *rule;

	while (*at < json_array_size(array)) {
		rule = json_object_get(json_array_get(array, (*at)++), "rule");
		if (rule)
			return rule;
	}
	return NULL;
}
