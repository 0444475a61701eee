/* parse_list.c - list, reset and describe. */
#include "ruleset/parse.h"

/* Lists of many that have a word of their own. */
static const struct {
	const char *word;
	enum command_object object;
	bool of_table; /* as nft 1.0.6: some know `table [FAMILY] TABLE` */
} lists[] = {
	{ "ruleset", OBJECT_RULESET, false },
	{ "tables", OBJECT_TABLES, false },
	{ "chains", OBJECT_CHAINS, false },
	{ "flowtables", OBJECT_FLOWTABLES, false },
	{ "hooks", OBJECT_HOOKS, false },
	/* Of what no table has yet; nft shows them empty, some within their tables. */
	{ "synproxys", OBJECT_OTHERS, true },
	{ "secmarks", OBJECT_OTHERS, true },
};
#define N_LISTS (sizeof(lists) / sizeof(lists[0]))

/* [FAMILY], or where it may be: table [FAMILY] TABLE. */
static bool parse_scope(struct parser *p, struct command *c, bool of_table)
{
	if (of_table && parse_accept_word(p, "table"))
		return parse_table_name(p, c);
	return parse_family(p, c);
}

/* list hooks [FAMILY] [device NAME]: there are no devices to hook. */
static bool parse_hooks(struct parser *p, struct command *c)
{
	if (!parse_family(p, c) || !token_is_word(&p->t, "device"))
		return true;
	diag_error(p->d, &p->t.span, "no device has hooks here: packets come through TUNs");
	return false;
}

static bool parse_list_many(struct parser *p, struct command *c, size_t i)
{
	c->object = lists[i].object;
	c->word = p->t.span;
	parse_advance(p);
	if (c->object == OBJECT_HOOKS)
		return parse_hooks(p, c);
	return parse_scope(p, c, lists[i].of_table);
}

/* One word of each kind, of one and of many. */
static bool parse_class(struct parser *p, struct command *c, const char *const words[3])
{
	for (unsigned i = 0; i < 3; i++) {
		if (parse_accept_word(p, words[i])) {
			c->which = (enum set_class)i;
			return true;
		}
	}
	return false;
}

static bool parse_list_set(struct parser *p, struct command *c)
{
	static const char *const words[] = { "set", "map", "meter" };

	return parse_class(p, c, words);
}

static bool parse_list_sets(struct parser *p, struct command *c)
{
	static const char *const words[] = { "sets", "maps", "meters" };

	if (!parse_class(p, c, words))
		return false;
	c->object = OBJECT_SETS;
	return true;
}

bool parse_list(struct parser *p, struct command *c)
{
	static const char *const words[] = { "ruleset",	  "tables", "table",	 "chains",
					     "chain",	  "sets",   "maps",	 "meters",
					     "counters",  "quotas", "limits",	 "flowtables",
					     "counter",	  "quota",  "limit",	 "flowtable",
					     "hooks",	  "ct",	    "synproxys", "secmarks",
					     NULL };

	if (parse_accept_word(p, "table")) {
		c->object = OBJECT_TABLE;
		return parse_table_name(p, c);
	}
	if (parse_accept_word(p, "chain")) {
		c->object = OBJECT_CHAIN;
		return parse_chain_name(p, c);
	}
	if (parse_accept_word(p, "flowtable"))
		return parse_flowtable_command(p, c);
	if (parse_at_object(p, true))
		return parse_list_objects(p, c);
	if (parse_list_set(p, c))
		return parse_set_name(p, c);
	if (parse_list_sets(p, c))
		return parse_scope(p, c, c->which == SETS);
	for (size_t i = 0; i < N_LISTS; i++) {
		if (token_is_word(&p->t, lists[i].word))
			return parse_list_many(p, c, i);
	}
	return parse_unknown_object(
		p, c, "\"ruleset\", \"tables\", \"table\", \"chains\", \"chain\" or the like",
		words);
}

/* reset rules [FAMILY], reset rules table T, reset rules chain T C, reset rule T C handle N;
 * and counters and quotas as list has them. */
bool parse_reset(struct parser *p, struct command *c)
{
	static const char *const words[] = { "rules",    "rule",   "counters", "counter",
					     "quotas", "quota", NULL };

	if (parse_accept_word(p, "rule")) {
		c->object = OBJECT_RULE;
		return parse_chain_name(p, c) && parse_handle(p, c);
	}
	if (parse_accept_word(p, "rules")) {
		c->object = OBJECT_RULESET;
		if (parse_accept_word(p, "table")) {
			c->object = OBJECT_TABLE;
			return parse_table_name(p, c);
		}
		if (parse_accept_word(p, "chain")) {
			c->object = OBJECT_CHAIN;
			return parse_chain_name(p, c);
		}
		return parse_family(p, c);
	}
	if (token_is_word(&p->t, "counter") || token_is_word(&p->t, "counters") ||
	    token_is_word(&p->t, "quota") || token_is_word(&p->t, "quotas"))
		return parse_list_objects(p, c);
	return parse_unknown_object(p, c, "\"rules\", \"rule\", \"counters\" or \"quotas\"",
				    words);
}

static const struct datatype *find_type(const struct token *name)
{
	for (unsigned i = SELECTOR_NONE + 1; i < SELECTOR_COUNT; i++) {
		if (token_is_word(name, selectors[i].type->name))
			return selectors[i].type;
	}
	return name->kind == TOKEN_WORD ? datatype_find(name->s, name->len) : NULL;
}

/* What is both, a selector and a type, is the selector, as with nft: mark. */
bool parse_describe(struct parser *p, struct command *c)
{
	if (parse_at_separator(p)) {
		parse_expected(p, "a selector such as tcp dport, or the name of a type");
		return false;
	}
	if (!parse_at_selector(p)) {
		c->type = find_type(&p->t);
		if (c->type) {
			parse_advance(p);
			return true;
		}
	}
	c->describes = parse_operations(p, PARSE_LEFT);
	return c->describes != NULL;
}
