/* parse_command.c - commands: a verb, an object, where it is, and what it is. */
#include "ruleset/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void command_fini(struct command *c)
{
	for (size_t i = 0; i < c->n_chains; i++)
		free(c->chains[i].comment);
	for (size_t i = 0; i < c->n_objects; i++)
		object_unref(c->objects[i].object);
	for (size_t i = 0; i < c->n_rules; i++)
		rule_spec_fini(&c->rules[i]);
	free(c->chains);
	free(c->objects);
	free(c->rules);
	free(c->table_comment);
	*c = (struct command){ 0 };
}

/* ---- families and names ---- */

static const struct {
	const char *word;
	enum family family; /* FAMILY_NONE: why not */
	const char *why;
} families[] = {
	{ "ip", FAMILY_IP, NULL },
	{ "ip6", FAMILY_IP6, NULL },
	{ "inet", FAMILY_INET, NULL },
	{ "arp", FAMILY_NONE, "a TUN carries no ARP" },
	{ "bridge", FAMILY_NONE, "a TUN carries IP packets, not the frames of a bridge" },
	{ "netdev", FAMILY_NONE, "there are no devices to hook: packets come through TUNs" },
};

bool parse_family(struct parser *p, struct command *c)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (!token_is_word(&p->t, families[i].word))
			continue;
		if (families[i].family == FAMILY_NONE) {
			diag_error(p->d, &p->t.span, "the family %s is not supported: %s",
				   families[i].word, families[i].why);
			return false;
		}
		c->family = families[i].family;
		parse_advance(p);
		return true;
	}
	return true;
}

bool parse_table_name(struct parser *p, struct command *c)
{
	return parse_family(p, c) && parse_name(p, "the name of a table", &c->table);
}

static bool parse_chain_name(struct parser *p, struct command *c)
{
	return parse_table_name(p, c) && parse_name(p, "the name of a chain", &c->chain);
}

bool parse_handle(struct parser *p, struct command *c)
{
	struct span at = p->t.span;

	if (!parse_accept_word(p, "handle")) {
		parse_expected(p, "\"handle\" and a number");
		return false;
	}
	c->place = PLACE_HANDLE;
	if (!parse_number(p, "a handle", UINT64_MAX, &c->place_number))
		return false;
	c->place_span = span_join(at, p->last);
	return true;
}

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
	if (parse_accept_word(p, "comment")) {
		free(spec->comment);
		spec->comment = parse_comment(p);
		return spec->comment != NULL;
	}
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

/* To the end of what was wrong: a separator in this block or the brace that ends it.  The
 * brace ahead counts as closed already. */
static void recover(struct parser *p, unsigned level)
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
		if (!item(p, c, arg)) {
			ok = false;
			recover(p, level);
		} else if (!parse_at_separator(p)) {
			parse_expected(p, "\";\" or a new line");
			ok = false;
			recover(p, level);
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

static const char *const later_objects[] = {
	"set",	 "map",	    "flowtable", "counter", "quota", "limit",
	"meter", "secmark", "synproxy",	 "element", NULL,
};

static bool refuse_object(struct parser *p)
{
	for (size_t i = 0; later_objects[i]; i++) {
		if (!token_is_word(&p->t, later_objects[i]))
			continue;
		diag_error(p->d, &p->t.span, "\"%s\" is not supported by this version",
			   later_objects[i]);
		return true;
	}
	return false;
}

static bool parse_table_flags(struct parser *p, struct command *c)
{
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
			parse_expected(p, "\"dormant\"");
			return false;
		}
	} while (parse_accept(p, ','));
	return true;
}

static bool parse_table_item(struct parser *p, struct command *c, size_t arg)
{
	static const char *const words[] = { "chain",  "comment", "flags",
					     "define", "include", NULL };
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
	if (token_is_word(&p->t, "ct"))
		return parse_object_item(p, c);
	if (parse_accept_word(p, "flags"))
		return parse_table_flags(p, c);
	if (parse_accept_word(p, "comment")) {
		free(c->table_comment);
		c->table_comment = parse_comment(p);
		return c->table_comment != NULL;
	}
	if (refuse_object(p))
		return false;
	return parse_unknown(p, "\"chain\", \"comment\" or \"flags\"", words);
}

/* ---- add, create, insert, replace ---- */

static bool add_table(struct parser *p, struct command *c)
{
	c->object = OBJECT_TABLE;
	if (!parse_table_name(p, c))
		return false;
	if (token_is(&p->t, '{'))
		return parse_block(p, c, 0, parse_table_item);
	return true;
}

static bool add_chain(struct parser *p, struct command *c)
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

static bool parse_rule_body(struct parser *p, struct command *c)
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

static bool add_rule(struct parser *p, struct command *c)
{
	c->object = OBJECT_RULE;
	return parse_chain_name(p, c) && parse_rule_body(p, c);
}

static bool unknown_object(struct parser *p, const struct command *c, const char *what,
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

static bool parse_add(struct parser *p, struct command *c)
{
	static const char *const words[] = { "table", "chain", "rule", NULL };

	if (parse_accept_word(p, "table"))
		return add_table(p, c);
	if (parse_accept_word(p, "chain"))
		return add_chain(p, c);
	if (token_is_word(&p->t, "ct"))
		return parse_add_object(p, c);
	if (c->op == COMMAND_ADD && parse_accept_word(p, "rule"))
		return add_rule(p, c);
	if (c->op != COMMAND_ADD)
		return unknown_object(p, c, "\"table\" or \"chain\"", words);
	if (refuse_object(p))
		return false;
	/* `add ip filter input accept`: the word rule may be left out, not mistyped. */
	if (p->t.kind != TOKEN_WORD || suggest(p->t.s, p->t.len, words))
		return unknown_object(p, c, "\"table\", \"chain\" or \"rule\"", words);
	return add_rule(p, c);
}

static bool parse_insert(struct parser *p, struct command *c)
{
	parse_accept_word(p, "rule");
	return add_rule(p, c);
}

/* ---- delete, destroy, flush, rename ---- */

static bool parse_delete(struct parser *p, struct command *c)
{
	static const char *const words[] = { "table", "chain", "rule", NULL };

	if (parse_accept_word(p, "table")) {
		c->object = OBJECT_TABLE;
		if (!parse_family(p, c))
			return false;
		if (token_is_word(&p->t, "handle"))
			return parse_handle(p, c);
		return parse_name(p, "the name of a table", &c->table);
	}
	if (parse_accept_word(p, "chain")) {
		c->object = OBJECT_CHAIN;
		if (!parse_table_name(p, c))
			return false;
		if (token_is_word(&p->t, "handle"))
			return parse_handle(p, c);
		return parse_name(p, "the name of a chain", &c->chain);
	}
	if (parse_accept_word(p, "rule")) {
		c->object = OBJECT_RULE;
		return parse_chain_name(p, c) && parse_handle(p, c);
	}
	if (token_is_word(&p->t, "ct"))
		return parse_object_name(p, c, false);
	return unknown_object(p, c, "\"table\", \"chain\" or \"rule\"", words);
}

static bool parse_flush(struct parser *p, struct command *c)
{
	static const char *const words[] = { "table", "chain", "ruleset", NULL };

	if (parse_accept_word(p, "table")) {
		c->object = OBJECT_TABLE;
		return parse_table_name(p, c);
	}
	if (parse_accept_word(p, "chain")) {
		c->object = OBJECT_CHAIN;
		return parse_chain_name(p, c);
	}
	if (parse_accept_word(p, "ruleset")) {
		c->object = OBJECT_RULESET;
		return parse_family(p, c);
	}
	return unknown_object(p, c, "\"table\", \"chain\" or \"ruleset\"", words);
}

static bool parse_rename(struct parser *p, struct command *c)
{
	static const char *const words[] = { "chain", NULL };

	if (!parse_accept_word(p, "chain"))
		return unknown_object(p, c, "\"chain\"", words);
	c->object = OBJECT_CHAIN;
	return parse_chain_name(p, c) &&
	       parse_name(p, "the new name of the chain", &c->new_name);
}

/* ---- list, reset ---- */

/* Lists of what no table has yet; nft shows them empty, some within their tables. */
static const char *const other_lists[] = {
	"sets",	  "maps",	"meters",    "counters", "quotas",
	"limits", "flowtables", "synproxys", "secmarks", NULL,
};

static bool parse_list(struct parser *p, struct command *c)
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
	return unknown_object(
		p, c, "\"ruleset\", \"tables\", \"table\", \"chains\" or \"chain\"", words);
}

/* reset rules [FAMILY], reset rules table T, reset rules chain T C, reset rule T C handle N. */
static bool parse_reset(struct parser *p, struct command *c)
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
	return unknown_object(p, c, "\"rules\", \"rule\" or \"counters\"", words);
}

/* ---- commands ---- */

static const struct {
	const char *word;
	enum command_op op;
	bool (*parse)(struct parser *p, struct command *c);
} verbs[] = {
	{ "add", COMMAND_ADD, parse_add },
	{ "create", COMMAND_CREATE, parse_add },
	{ "insert", COMMAND_INSERT, parse_insert },
	{ "replace", COMMAND_REPLACE, parse_insert },
	{ "delete", COMMAND_DELETE, parse_delete },
	{ "destroy", COMMAND_DESTROY, parse_delete },
	{ "list", COMMAND_LIST, parse_list },
	{ "flush", COMMAND_FLUSH, parse_flush },
	{ "rename", COMMAND_RENAME, parse_rename },
	{ "reset", COMMAND_RESET, parse_reset },
	/* The verb add may be left out. */
	{ "table", COMMAND_ADD, add_table },
	{ "chain", COMMAND_ADD, add_chain },
	{ "rule", COMMAND_ADD, add_rule },
	{ "ct", COMMAND_ADD, NULL }, /* at the word itself */
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static bool unknown_verb(struct parser *p)
{
	static const char *const later[] = { "get",	  "monitor", "describe", "import",
					     "export",	  "element", "set",	 "map",
					     "flowtable", "counter", "quota",	 "limit",
					     NULL };
	const char *words[N_VERBS + 1];
	const char *near;

	for (size_t i = 0; later[i]; i++) {
		if (token_is_word(&p->t, later[i])) {
			diag_error(p->d, &p->t.span, "\"%s\" is not supported by this version",
				   later[i]);
			return false;
		}
	}
	for (size_t i = 0; i < N_VERBS; i++)
		words[i] = verbs[i].word;
	words[N_VERBS] = NULL;
	near = p->t.kind == TOKEN_WORD ? suggest(p->t.s, p->t.len, words) : NULL;
	if (near) {
		diag_error(p->d, &p->t.span, "unknown command \"%.*s\"", (int)p->t.len, p->t.s);
		diag_hint(p->d, "did you mean \"%s\"?", near);
	} else {
		parse_expected(p, "a command, such as add, delete or list");
	}
	return false;
}

/* `filter input accept` or `ip filter input accept`: add rule, both words left out.  Told from
 * a mistyped command by what follows: two names. */
static bool parse_bare_rule(struct parser *p, struct command *c)
{
	struct token first = p->t;
	bool family = false;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		family = family || token_is_word(&first, families[i].word);
	if (family)
		return add_rule(p, c);
	c->object = OBJECT_RULE;
	if (first.kind != TOKEN_WORD)
		return unknown_verb(p);
	parse_advance(p);
	if (p->t.kind != TOKEN_WORD || token_is_word(&p->t, "table") ||
	    token_is_word(&p->t, "chain") || token_is_word(&p->t, "rule") ||
	    token_is_word(&p->t, "ruleset")) {
		p->t = first;
		return unknown_verb(p);
	}
	c->table = first;
	return parse_name(p, "the name of a chain", &c->chain) && parse_rule_body(p, c);
}

static bool parse_verb(struct parser *p, struct command *c)
{
	bool ok;

	c->word = p->t.span;
	if (parse_common(p, &ok))
		return ok;
	for (size_t i = 0; i < N_VERBS; i++) {
		if (!token_is_word(&p->t, verbs[i].word))
			continue;
		c->op = verbs[i].op;
		if (!verbs[i].parse)
			return parse_add_object(p, c);
		parse_advance(p);
		return verbs[i].parse(p, c);
	}
	c->op = COMMAND_ADD;
	return parse_bare_rule(p, c);
}

int parse_command(struct parser *p, struct command *ret_command)
{
	struct command c = { 0 };
	bool ok;

	do {
		parse_skip_newlines(p);
		p->braces = token_is(&p->t, '{');
		c.span = p->t.span;
		if (p->t.kind == TOKEN_END) {
			*ret_command = c;
			return 0;
		}
		ok = parse_verb(p, &c);
		if (ok && !parse_at_separator(p)) {
			parse_expected(p, "the end of the command: \";\" or a new line");
			ok = false;
		}
		c.span = span_join(c.span, p->last);
		/* A definition is no command of its own. */
	} while (ok && c.op == COMMAND_NONE);
	if (p->oom) {
		command_fini(&c);
		return -ENOMEM;
	}
	*ret_command = c;
	if (ok)
		return 0;
	recover(p, 0);
	return -EINVAL;
}
