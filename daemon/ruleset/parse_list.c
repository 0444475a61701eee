/* parse_list.c - list and reset. */
#include "ruleset/parse.h"

/* Lists of what no table has yet; nft shows them empty, some within their tables. */
static const char *const other_lists[] = {
	"sets",	  "maps",	"meters",    "counters", "quotas",
	"limits", "flowtables", "synproxys", "secmarks", NULL,
};

bool parse_list(struct parser *p, struct command *c)
{
	static const char *const words[] = { "ruleset", "tables", "table",
					     "chains",	"chain",  NULL };

	if (parse_accept_word(p, "table")) {
		c->object = OBJECT_TABLE;
		return parse_table_name(p, c);
	}
	if (parse_accept_word(p, "chain")) {
		c->object = OBJECT_CHAIN;
		return parse_chain_name(p, c);
	}
	if (token_is_word(&p->t, "ct"))
		return parse_list_objects(p, c);
	if (parse_accept_word(p, "ruleset"))
		c->object = OBJECT_RULESET;
	else if (parse_accept_word(p, "tables"))
		c->object = OBJECT_TABLES;
	else if (parse_accept_word(p, "chains"))
		c->object = OBJECT_CHAINS;
	if (c->object != OBJECT_NONE)
		return parse_family(p, c);
	for (size_t i = 0; other_lists[i]; i++) {
		if (!token_is_word(&p->t, other_lists[i]))
			continue;
		c->object = OBJECT_OTHERS;
		c->word = p->t.span;
		parse_advance(p);
		return parse_family(p, c);
	}
	return parse_unknown_object(
		p, c, "\"ruleset\", \"tables\", \"table\", \"chains\" or \"chain\"", words);
}

/* reset rules [FAMILY], reset rules table T, reset rules chain T C, reset rule T C handle N. */
bool parse_reset(struct parser *p, struct command *c)
{
	static const char *const words[] = { "rules", "rule", "counters", NULL };

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
	if (token_is_word(&p->t, "counters") || token_is_word(&p->t, "quotas")) {
		c->object = OBJECT_OTHERS;
		c->word = p->t.span;
		parse_advance(p);
		return parse_family(p, c);
	}
	return parse_unknown_object(p, c, "\"rules\", \"rule\" or \"counters\"", words);
}
