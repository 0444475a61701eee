/* parse_set.c - named sets and maps: in commands, in a table's block, and their elements. */
#include "ruleset/key.h"
#include "ruleset/parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- types ---- */

/* Types of nft's of what no packet here has. */
static const char *why_no_type(const struct token *t)
{
	static const char link[] = "the packets of a TUN have no link-layer header";
	static const char local[] = "the packets here belong to no local socket";
	static const struct {
		const char *name, *why;
	} never[] = {
		{ "ether_addr", link }, { "ll_addr", link }, { "arp_op", link },
		{ "uid", local },	{ "gid", local },    { "cgroupsv2", local },
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (token_is_word(t, never[i].name))
			return never[i].why;
	}
	return NULL;
}

static bool unknown_type(struct parser *p)
{
	static const char *const of_maps[] = {"verdict", "counter", "quota", "limit", NULL};
	const char *names[DATATYPE_NAMES_MAX + 1];
	const char *near = NULL;

	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "a type, such as ipv4_addr");
		return false;
	}
	if (why_no_type(&p->t)) {
		diag_error(p->d, &p->t.span, "there is no type %.*s here: %s", (int)p->t.len,
			   p->t.s, why_no_type(&p->t));
		return false;
	}
	datatype_names(names);
	if (token_is_word(&p->t, "integer") || token_is_word(&p->t, "string")) {
		diag_error(p->d, &p->t.span,
			   "the type %.*s has no size of its own: write typeof "
			   "and a field",
			   (int)p->t.len, p->t.s);
		return false;
	}
	near = suggest(p->t.s, p->t.len, names);
	if (!near && p->last.source->text[p->last.off] == ':')
		near = suggest(p->t.s, p->t.len, of_maps);
	diag_error(p->d, &p->t.span, "unknown type \"%.*s\"", (int)p->t.len, p->t.s);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	return false;
}

/* ipv4_addr . inet_service */
static bool parse_types(struct parser *p, struct key_type *type)
{
	*type = (struct key_type){ .n = 0 };
	do {
		const struct datatype *dt =
			p->t.kind == TOKEN_WORD ? datatype_find(p->t.s, p->t.len) : NULL;

		/* nft's documents name it where its texts cannot. */
		if (!dt || (!p->json && token_is_word(&p->t, "string")))
			return unknown_type(p);
		if (!key_type_add(type, dt, false)) {
			diag_error(p->d, &p->t.span, "a concatenation has at most %d bytes",
				   SET_KEY_MAX);
			return false;
		}
		parse_advance(p);
	} while (parse_accept(p, '.'));
	return true;
}

/* Kinds of objects that a map may name. */
static bool parse_object_data(struct parser *p, struct set *s)
{
	if (!parse_object_data_kind(p, &s->objects))
		return false;
	s->kind = DATA_OBJECTS;
	return true;
}

static bool parse_data_type(struct parser *p, struct set *s)
{
	s->kind = DATA_VALUES;
	if (parse_accept_word(p, "verdict")) {
		s->kind = DATA_VERDICTS;
		return true;
	}
	if (parse_object_data(p, s))
		return true;
	s->data_interval = parse_accept_word(p, "interval");
	return parse_types(p, &s->data);
}

static bool data_belongs_to_maps(struct parser *p, const struct set_spec *spec)
{
	if (spec->map == token_is(&p->t, ':'))
		return true;
	if (spec->map)
		parse_expected(p, "\":\" and what the map's values are");
	else
		diag_error(p->d, &p->t.span, "a set has no values: this would be a map");
	return false;
}

static bool parse_type(struct parser *p, struct set_spec *spec)
{
	spec->type_span = p->t.span;
	if (!parse_types(p, &spec->set->key) || !data_belongs_to_maps(p, spec))
		return false;
	return !parse_accept(p, ':') || parse_data_type(p, spec->set);
}

/* typeof ip saddr . tcp dport : meta mark */
static bool parse_typeof(struct parser *p, struct set_spec *spec)
{
	struct set *s = spec->set;

	spec->type_span = p->t.span;
	expr_free(s->key_typeof);
	s->key_typeof = parse_left(p);
	if (!s->key_typeof || !data_belongs_to_maps(p, spec))
		return false;
	if (!parse_accept(p, ':'))
		return true;
	if (parse_accept_word(p, "verdict")) {
		s->kind = DATA_VERDICTS;
		return true;
	}
	if (parse_object_data(p, s))
		return true;
	s->kind = DATA_VALUES;
	s->data_interval = parse_accept_word(p, "interval");
	expr_free(s->data_typeof);
	s->data_typeof = parse_left(p);
	return s->data_typeof != NULL;
}

/* ---- the other lines ---- */

static bool parse_set_flags(struct parser *p, struct set_spec *spec)
{
	static const char *const words[] = { "constant", "interval", "timeout", "dynamic",
					     NULL };

	do {
		unsigned i = 0;

		while (words[i] && !parse_accept_word(p, words[i]))
			i++;
		if (!words[i])
			return parse_unknown(
				p, "\"constant\", \"interval\", \"timeout\" or \"dynamic\"",
				words);
		spec->set->flags |= 1u << i;
	} while (parse_accept(p, ','));
	return true;
}

static bool parse_set_timeout(struct parser *p, struct set_spec *spec)
{
	return parse_time(p, &spec->set->timeout);
}

static bool parse_gc_interval(struct parser *p, struct set_spec *spec)
{
	return parse_time(p, &spec->set->gc_interval);
}

static bool parse_set_size(struct parser *p, struct set_spec *spec)
{
	uint64_t size;

	if (!parse_number(p, "the number of elements", UINT32_MAX, &size))
		return false;
	spec->set->has_size = size != 0;
	spec->set->size = (uint32_t)size;
	return true;
}

static bool parse_set_policy(struct parser *p, struct set_spec *spec)
{
	static const char *const words[] = { "performance", "memory", NULL };

	spec->set->memory = token_is_word(&p->t, "memory");
	if (parse_accept_word(p, "memory") || parse_accept_word(p, "performance"))
		return true;
	return parse_unknown(p, "\"performance\" or \"memory\"", words);
}

static bool parse_auto_merge(struct parser *p, struct set_spec *spec)
{
	spec->set->auto_merge = p->ended = true;
	return true;
}

static bool parse_set_comment(struct parser *p, struct set_spec *spec)
{
	return parse_comment(p, &spec->set->comment);
}

/* At the { or the variable that has them. */
static struct expr *parse_element_list(struct parser *p)
{
	struct expr *e;

	if (token_is(&p->t, '{')) {
		struct token next = parse_peek(p);

		/* A variable or a document may have none. */
		if (!p->json && token_is(&next, '}')) {
			parse_advance(p);
			parse_expected(p, "an element");
			return NULL;
		}
		return parse_items(p);
	}
	if (!token_is(&p->t, '$')) {
		parse_expected(p, "\"{\" and the elements");
		return NULL;
	}
	e = parse_variable(p);
	if (!e || e->kind == EXPR_SET)
		return e;
	return parse_add_item(p, EXPR_SET, NULL, e);
}

static bool parse_elements(struct parser *p, struct set_spec *spec)
{
	if (!parse_expect(p, '=', "\"=\""))
		return false;
	expr_free(spec->elements);
	spec->elements = NULL;
	set_batch_free(spec->packed);
	spec->packed = NULL;
	if (!parse_packed_begin(p, spec))
		return false;
	spec->packed = p->packed.batch;
	spec->elements = parse_element_list(p);
	p->packed = (struct packed){ .batch = NULL };
	p->ended = true;
	return spec->elements != NULL;
}

static const struct {
	const char *word;
	bool (*parse)(struct parser *p, struct set_spec *spec);
} lines[] = {
	{ "type", parse_type },
	{ "typeof", parse_typeof },
	{ "flags", parse_set_flags },
	{ "timeout", parse_set_timeout },
	{ "gc-interval", parse_gc_interval },
	{ "size", parse_set_size },
	{ "policy", parse_set_policy },
	{ "auto-merge", parse_auto_merge },
	{ "comment", parse_set_comment },
	{ "elements", parse_elements },
};
#define N_LINES (sizeof(lines) / sizeof(lines[0]))

static bool unknown_line(struct parser *p)
{
	const char *words[N_LINES + 1];

	for (size_t i = 0; i < N_LINES; i++)
		words[i] = lines[i].word;
	words[N_LINES] = NULL;
	return parse_unknown(p, "a line of the set, such as type, flags or elements", words);
}

static bool parse_stmts(struct parser *p, struct stmts *stmts)
{
	struct stmt s;

	do {
		if (!parse_statement(p, &s)) {
			stmt_fini(&s);
			return false;
		}
		if (!stmts_add(stmts, &s))
			return parse_oom(p);
	} while (parse_at_stateful(p));
	return true;
}

/* variant NUMBER STATEMENTS, as they were saved. */
static bool parse_variant(struct parser *p, struct set_spec *spec)
{
	struct variant_spec *grown = parse_grow(p, spec->variants, spec->n_variants,
						&spec->cap_variants, sizeof(*grown));
	uint64_t number;

	if (!grown)
		return false;
	spec->variants = grown;
	if (!parse_number(p, "the number of the variant", SET_VARIANTS_MAX - 1, &number))
		return false;
	grown += spec->n_variants++;
	*grown = (struct variant_spec){ .number = (uint32_t)number };
	if (parse_at_stateful(p))
		return parse_stmts(p, &grown->stmts);
	parse_expected(p, "a statement");
	return false;
}

static bool parse_set_line(struct parser *p, struct command *c, size_t at)
{
	struct set_spec *spec = &c->sets[at];
	bool ok;

	if (parse_common(p, &ok))
		return ok;
	for (size_t i = 0; i < N_LINES; i++) {
		if (parse_accept_word(p, lines[i].word))
			return lines[i].parse(p, spec);
	}
	if (p->saved && parse_accept_word(p, "variant"))
		return parse_variant(p, spec);
	return parse_at_stateful(p) ? parse_stmts(p, &spec->set->stmts) : unknown_line(p);
}

/* ---- commands and tables ---- */

void set_spec_fini(struct set_spec *spec)
{
	set_unref(spec->set);
	expr_free(spec->elements);
	set_batch_free(spec->packed);
	for (size_t i = 0; i < spec->n_variants; i++)
		stmts_fini(&spec->variants[i].stmts);
	free(spec->variants);
}

static bool new_set(struct parser *p, struct command *c, const struct token *name, bool map)
{
	struct set_spec *grown =
		parse_grow(p, c->sets, c->n_sets, &c->cap_sets, sizeof(*grown));
	struct set_spec *spec;

	if (!grown)
		return false;
	c->sets = grown;
	spec = &grown[c->n_sets];
	*spec = (struct set_spec){ .name = *name, .map = map };
	spec->set = set_new(name->s, name->len);
	if (!spec->set)
		return parse_oom(p);
	c->n_sets++;
	return true;
}

static bool parse_set_block(struct parser *p, struct command *c, const struct token *name,
			    bool map)
{
	if (!token_is(&p->t, '{')) {
		parse_expected(p, "\"{\"");
		return false;
	}
	return new_set(p, c, name, map) && parse_block(p, c, c->n_sets - 1, parse_set_line);
}

bool parse_set_item(struct parser *p, struct command *c, bool map)
{
	struct token name;

	return parse_name(p, map ? "the name of a map" : "the name of a set", &name) &&
	       parse_set_block(p, c, &name, map);
}

bool parse_set_name(struct parser *p, struct command *c)
{
	c->object = OBJECT_SET;
	if (!parse_table_name(p, c))
		return false;
	if ((c->op == COMMAND_DELETE || c->op == COMMAND_DESTROY) &&
	    token_is_word(&p->t, "handle"))
		return parse_handle(p, c);
	return parse_name(p, "the name of a set", &c->name);
}

bool parse_add_set(struct parser *p, struct command *c, bool map)
{
	return parse_set_name(p, c) && parse_set_block(p, c, &c->name, map);
}

bool parse_element(struct parser *p, struct command *c)
{
	c->object = OBJECT_ELEMENT;
	if (!parse_table_name(p, c) || !parse_name(p, "the name of a set", &c->name))
		return false;
	c->elements = parse_element_list(p);
	return c->elements != NULL;
}
