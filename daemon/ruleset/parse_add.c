/* parse_add.c - what add and its like bring: tables and chains with their blocks, rules. */
#include "ruleset/parse.h"

#include <stdlib.h>

/* ---- arrays ---- */

void *parse_grow(struct parser *p, void *v, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 4;
	void *grown;

	if (n < *cap)
		return v;
	grown = realloc(v, more * size);
	if (!grown)
		return parse_oom(p);
	*cap = more;
	return grown;
}

static struct chain_spec *new_chain(struct parser *p, struct command *c,
				    const struct token *name)
{
	struct chain_spec *grown =
		parse_grow(p, c->chains, c->n_chains, &c->cap_chains, sizeof(*grown));
	struct chain_spec *spec;

	if (!grown)
		return NULL;
	c->chains = grown;
	spec = &grown[c->n_chains++];
	*spec = (struct chain_spec){ .name = *name, .span = name->span };
	return spec;
}

/* One that went wrong is no rule. */
static bool parse_new_rule(struct parser *p, struct command *c, struct rule_spec *rule)
{
	if (!rule)
		return false;
	if (parse_rule(p, rule))
		return true;
	rule_spec_fini(rule);
	c->n_rules--;
	return false;
}

static struct rule_spec *new_rule(struct parser *p, struct command *c,
				  const struct token *chain)
{
	struct rule_spec *grown =
		parse_grow(p, c->rules, c->n_rules, &c->cap_rules, sizeof(*grown));
	struct rule_spec *spec;

	if (!grown)
		return NULL;
	c->rules = grown;
	spec = &grown[c->n_rules++];
	*spec = (struct rule_spec){ .chain = *chain };
	return spec;
}

/* ---- chains ---- */

static bool parse_chain_item(struct parser *p, struct command *c, size_t at)
{
	struct chain_spec *spec = &c->chains[at];
	struct rule_spec *rule;
	struct token name;
	bool ok;

	if (parse_common(p, &ok))
		return ok;
	if (parse_accept_word(p, "type"))
		return parse_chain_hook(p, spec);
	if (parse_accept_word(p, "policy"))
		return parse_chain_policy(p, spec);
	if (parse_accept_word(p, "comment"))
		return parse_comment(p, &spec->comment);
	if (token_is_word(&p->t, "flags") || token_is_word(&p->t, "devices")) {
		diag_error(p->d, &p->t.span,
			   "\"%.*s\" of chains is not supported by this version", (int)p->t.len,
			   p->t.s);
		return false;
	}
	name = spec->name;
	rule = new_rule(p, c, &name);
	return parse_new_rule(p, c, rule);
}

/* ---- blocks ---- */

void parse_recover(struct parser *p, unsigned level)
{
	while (p->t.kind != TOKEN_END && !(p->t.kind == TOKEN_NEWLINE && p->braces <= level) &&
	       !(token_is(&p->t, '}') && p->braces < level))
		parse_advance(p);
}

/* { item; item; }, each by item(); true when all were right. */
bool parse_block(struct parser *p, struct command *c, size_t arg,
			bool (*item)(struct parser *p, struct command *c, size_t arg))
{
	unsigned level;
	bool ok = true;

	if (!parse_enter(p))
		return false;
	level = p->braces;
	parse_advance(p); /* { */
	parse_open_scope(p);
	while (!p->oom) {
		parse_skip_newlines(p);
		if (p->t.kind == TOKEN_END || token_is(&p->t, '}'))
			break;
		p->ended = false;
		if (!item(p, c, arg)) {
			ok = false;
			parse_recover(p, level);
		} else if (!p->ended && !parse_at_separator(p)) {
			parse_expected(p, "\";\" or a new line");
			ok = false;
			parse_recover(p, level);
		}
	}
	parse_close_scope(p);
	parse_leave(p);
	/* The end within an inner block was said there. */
	if (p->oom || (!ok && p->t.kind == TOKEN_END))
		return false;
	return parse_expect(p, '}', "\"}\"") && ok;
}

static bool parse_chain_block(struct parser *p, struct command *c, size_t at)
{
	if (token_is(&p->t, '{'))
		return parse_block(p, c, at, parse_chain_item);
	return true;
}

static bool refuse_object(struct parser *p)
{
	static const struct {
		const char *word, *why;
	} never[] = {
		{ "secmark", "there are no security marks here: packets belong to no process" },
		{ "synproxy", "a TUN only sees packets: it cannot answer for a server" },
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (!token_is_word(&p->t, never[i].word))
			continue;
		diag_error(p->d, &p->t.span, "\"%s\" is not supported: %s", never[i].word,
			   never[i].why);
		return true;
	}
	return false;
}

static bool parse_table_flags(struct parser *p, struct command *c)
{
	static const char *const words[] = {"dormant", NULL};

	c->has_table_flags = true;
	do {
		if (parse_accept_word(p, "dormant")) {
			c->table_flags |= TABLE_DORMANT;
		} else if (token_is_word(&p->t, "owner")) {
			diag_error(p->d, &p->t.span,
				   "the flag owner is not supported: no process owns a table "
				   "here");
			return false;
		} else {
			return parse_unknown(p, "\"dormant\"", words);
		}
	} while (parse_accept(p, ','));
	return true;
}

static bool parse_table_item(struct parser *p, struct command *c, size_t arg)
{
	static const char *const words[] = {"chain",	"set",	     "map",	"comment",
					    "flags",	"define",    "include", "counter",
					    "quota",	"limit",     "ct",	"undefine",
					    "redefine", "flowtable", NULL};
	struct token name;
	bool ok;

	(void)arg;
	if (parse_common(p, &ok))
		return ok;
	if (parse_accept_word(p, "chain")) {
		if (!parse_name(p, "the name of a chain", &name))
			return false;
		if (!token_is(&p->t, '{')) {
			parse_expected(p, "\"{\"");
			return false;
		}
		return new_chain(p, c, &name) && parse_chain_block(p, c, c->n_chains - 1);
	}
	if (parse_at_object(p, false))
		return parse_object_item(p, c);
	if (parse_accept_word(p, "flowtable"))
		return parse_flowtable_item(p, c);
	if (parse_accept_word(p, "set"))
		return parse_set_item(p, c, false);
	if (parse_accept_word(p, "map"))
		return parse_set_item(p, c, true);
	if (parse_accept_word(p, "flags"))
		return parse_table_flags(p, c);
	if (parse_accept_word(p, "comment"))
		return parse_comment(p, &c->table_comment);
	if (refuse_object(p))
		return false;
	return parse_unknown(p, "what tables have, such as \"chain\", \"set\" or \"map\"",
			     words);
}

/* ---- add, create, insert, replace ---- */

bool parse_add_table(struct parser *p, struct command *c)
{
	c->object = OBJECT_TABLE;
	if (!parse_table_name(p, c))
		return false;
	if (token_is(&p->t, '{'))
		return parse_block(p, c, 0, parse_table_item);
	return true;
}

bool parse_add_chain(struct parser *p, struct command *c)
{
	c->object = OBJECT_CHAIN;
	return parse_chain_name(p, c) && new_chain(p, c, &c->chain) &&
	       parse_chain_block(p, c, c->n_chains - 1);
}

/* Where a rule is put: handle N (or position N, its old name), or index N. */
static bool parse_place(struct parser *p, struct command *c)
{
	struct span at = p->t.span;
	uint64_t max = UINT64_MAX;

	if (parse_accept_word(p, "handle") || parse_accept_word(p, "position")) {
		c->place = PLACE_HANDLE;
	} else if (parse_accept_word(p, "index")) {
		c->place = PLACE_INDEX;
		max = UINT32_MAX;
	} else {
		return true;
	}
	if (!parse_number(p, "a position", max, &c->place_number))
		return false;
	c->place_span = span_join(at, p->last);
	return true;
}

bool parse_rule_body(struct parser *p, struct command *c)
{
	struct rule_spec *rule;

	if (c->op == COMMAND_REPLACE ? !parse_handle(p, c) : !parse_place(p, c))
		return false;
	if (parse_at_separator(p)) {
		parse_expected(p, "the statements of the rule");
		return false;
	}
	rule = new_rule(p, c, &c->chain);
	return parse_new_rule(p, c, rule);
}

bool parse_add_rule(struct parser *p, struct command *c)
{
	c->object = OBJECT_RULE;
	return parse_chain_name(p, c) && parse_rule_body(p, c);
}

bool parse_unknown_object(struct parser *p, const struct command *c, const char *what,
			   const char *const *words)
{
	const char *near = NULL;

	if (refuse_object(p))
		return false;
	if (p->t.kind == TOKEN_WORD)
		near = suggest(p->t.s, p->t.len, words);
	diag_error(p->d, &p->t.span, "%.*s what? Expected %s", (int)c->word.len,
		   c->word.source->text + c->word.off, what);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	return false;
}

bool parse_add(struct parser *p, struct command *c)
{
	static const char *const words[] = {"table", "chain",	"rule",	     "set",
					    "map",   "element", "flowtable", "counter",
					    "quota", "limit",	NULL};

	if (parse_accept_word(p, "table"))
		return parse_add_table(p, c);
	if (parse_accept_word(p, "chain"))
		return parse_add_chain(p, c);
	if (parse_at_object(p, false))
		return parse_add_object(p, c);
	if (parse_accept_word(p, "flowtable"))
		return parse_flowtable_command(p, c);
	if (parse_accept_word(p, "set"))
		return parse_add_set(p, c, false);
	if (parse_accept_word(p, "map"))
		return parse_add_set(p, c, true);
	if (parse_accept_word(p, "element"))
		return parse_element(p, c);
	if (c->op == COMMAND_ADD && parse_accept_word(p, "rule"))
		return parse_add_rule(p, c);
	if (c->op != COMMAND_ADD)
		return parse_unknown_object(p, c, "\"table\", \"chain\", \"set\" or the like",
					    words);
	if (refuse_object(p))
		return false;
	/* `add ip filter input accept`: the word rule may be left out, not mistyped. */
	if (!parse_at_family(p) &&
	    (p->t.kind != TOKEN_WORD || suggest(p->t.s, p->t.len, words)))
		return parse_unknown_object(p, c, "\"table\", \"chain\", \"rule\" or the like",
					    words);
	return parse_add_rule(p, c);
}

bool parse_insert(struct parser *p, struct command *c)
{
	static const char *const words[] = {"rule", NULL};

	/* `insert ip filter input accept`: the word may be left out. */
	if (!parse_accept_word(p, "rule") && !parse_at_family(p) && parse_at_keyword(p))
		return parse_unknown_object(p, c, "\"rule\"", words);
	return parse_add_rule(p, c);
}
