/* parse_command.c - commands: a verb, an object, where it is, and what it is. */
#include "ruleset/parse.h"

#include <errno.h>
#include <stdlib.h>

#include "ruleset/parse_json.h"

void command_fini(struct command *c)
{
	for (size_t i = 0; i < c->n_chains; i++)
		free(c->chains[i].comment);
	for (size_t i = 0; i < c->n_objects; i++)
		object_unref(c->objects[i].object);
	for (size_t i = 0; i < c->n_flowtables; i++)
		flowtable_unref(c->flowtables[i].flowtable);
	for (size_t i = 0; i < c->n_rules; i++)
		rule_spec_fini(&c->rules[i]);
	for (size_t i = 0; i < c->n_sets; i++)
		set_spec_fini(&c->sets[i]);
	expr_free(c->elements);
	free(c->chains);
	free(c->objects);
	free(c->flowtables);
	free(c->sets);
	free(c->rules);
	free(c->table_comment);
	expr_free(c->describes);
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

bool parse_at_family(const struct parser *p)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (token_is_word(&p->t, families[i].word))
			return true;
	}
	return false;
}

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

bool parse_chain_name(struct parser *p, struct command *c)
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

/* ---- delete, destroy, flush, rename ---- */

static bool parse_delete(struct parser *p, struct command *c)
{
	static const char *const words[] = {"table", "chain",	"rule",	     "set",
					    "map",   "element", "flowtable", "counter",
					    "quota", "limit",	NULL};

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
	if (parse_accept_word(p, "flowtable"))
		return parse_flowtable_command(p, c);
	if (parse_at_object(p, false))
		return parse_object_name(p, c, false);
	if (parse_accept_word(p, "element"))
		return parse_element(p, c);
	if (parse_accept_word(p, "set") || parse_accept_word(p, "map"))
		return parse_set_name(p, c);
	return parse_unknown_object(p, c, "\"table\", \"chain\", \"rule\" or the like", words);
}

static bool parse_flush(struct parser *p, struct command *c)
{
	static const char *const words[] = {"table", "chain", "ruleset", "set",
					    "map",   "meter", NULL};

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
	if (parse_accept_word(p, "set") || parse_accept_word(p, "map") ||
	    parse_accept_word(p, "meter"))
		return parse_set_name(p, c);
	return parse_unknown_object(
		p, c, "\"table\", \"chain\", \"set\", \"map\" or \"ruleset\"", words);
}

static bool parse_rename(struct parser *p, struct command *c)
{
	static const char *const words[] = { "chain", NULL };

	if (!parse_accept_word(p, "chain"))
		return parse_unknown_object(p, c, "\"chain\"", words);
	c->object = OBJECT_CHAIN;
	return parse_chain_name(p, c) &&
	       parse_name(p, "the new name of the chain", &c->new_name);
}

static bool parse_get(struct parser *p, struct command *c)
{
	static const char *const words[] = { "element", NULL };

	if (!parse_accept_word(p, "element"))
		return parse_unknown_object(p, c, "\"element\"", words);
	return parse_element(p, c);
}

static bool parse_bare_set(struct parser *p, struct command *c)
{
	return parse_add_set(p, c, false);
}

static bool parse_bare_map(struct parser *p, struct command *c)
{
	return parse_add_set(p, c, true);
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
	{ "get", COMMAND_GET, parse_get },
	{ "describe", COMMAND_DESCRIBE, parse_describe },
	/* The verb add may be left out. */
	{ "table", COMMAND_ADD, parse_add_table },
	{ "chain", COMMAND_ADD, parse_add_chain },
	{ "rule", COMMAND_ADD, parse_add_rule },
	{ "flowtable", COMMAND_ADD, parse_flowtable_command },
	{ "set", COMMAND_ADD, parse_bare_set },
	{ "map", COMMAND_ADD, parse_bare_map },
	{ "element", COMMAND_ADD, parse_element },
	{ "ct", COMMAND_ADD, NULL }, /* at the word itself */
	{ "counter", COMMAND_ADD, NULL },
	{ "quota", COMMAND_ADD, NULL },
	{ "limit", COMMAND_ADD, NULL },
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static bool unknown_verb(struct parser *p)
{
	static const struct {
		const char *word, *why;
	} elsewhere[] = {
		{"monitor", "monitor stands alone: ctfwctl monitor, outside of files"},
		{"import", "there is no import: ctfwctl -j -f FILE reads JSON"},
		{"export", "there is no export: ctfwctl -j list ruleset writes JSON"},
	};
	static const char *const scripts[] = {"include", "define", "undefine", "redefine",
					      "monitor"};
	enum { N_SCRIPTS = sizeof(scripts) / sizeof(scripts[0]) };
	const char *words[N_VERBS + N_SCRIPTS + 1];
	const char *near;

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (token_is_word(&p->t, elsewhere[i].word)) {
			diag_error(p->d, &p->t.span, "%s", elsewhere[i].why);
			return false;
		}
	}
	for (size_t i = 0; i < N_VERBS; i++)
		words[i] = verbs[i].word;
	for (size_t i = 0; i < N_SCRIPTS; i++)
		words[N_VERBS + i] = scripts[i];
	words[N_VERBS + N_SCRIPTS] = NULL;
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
	struct token first = p->t, behind;

	if (parse_at_family(p))
		return parse_add_rule(p, c);
	c->object = OBJECT_RULE;
	if (first.kind != TOKEN_WORD || parse_at_keyword(p))
		return unknown_verb(p);
	parse_advance(p);
	behind = parse_peek(p);
	if (p->t.kind != TOKEN_WORD || parse_at_keyword(p) || token_is(&behind, '=')) {
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

/* `list ruleset inett`, `add table inet6 x`: the word may have been to be a family. */
static void hint_family(struct parser *p, const struct command *c)
{
	const char *words[sizeof(families) / sizeof(families[0]) + 1] = {NULL};
	const struct token *t = c->table.kind ? &c->table : &p->t;
	const char *near;

	if (c->family != FAMILY_NONE || t->kind != TOKEN_WORD ||
	    t->span.off + t->span.len < p->last.off)
		return;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		words[i] = families[i].word;
	near = suggest(t->s, t->len, words);
	if (near)
		diag_hint(p->d, "\"%.*s\" is no family: did you mean \"%s\"?", (int)t->len,
			  t->s, near);
}

/* Whether a command of a JSON document before this one could not be made, which is said. */
static bool json_failed(struct parser *p)
{
	bool failed = p->json && p->json->failed;

	if (failed)
		p->json->failed = false;
	return failed;
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
			return p->oom || (p->json && p->json->oom) ? -ENOMEM : 0;
		}
		ok = parse_verb(p, &c);
		if (ok && !parse_at_separator(p)) {
			parse_expected(p, "the end of the command: \";\" or a new line");
			hint_family(p, &c);
			ok = false;
		}
		c.span = span_join(c.span, p->last);
		/* A definition is no command of its own. */
	} while (ok && c.op == COMMAND_NONE);
	if (p->oom || (p->json && p->json->oom)) {
		command_fini(&c);
		return -ENOMEM;
	}
	*ret_command = c;
	if (!ok)
		parse_recover(p, 0);
	return ok && !json_failed(p) ? 0 : -EINVAL;
}
