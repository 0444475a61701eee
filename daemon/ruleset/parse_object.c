/* parse_object.c - named objects of tables: in commands, in a table's block, line by line. */
#include "ruleset/parse.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ctfw/flow.h"

/* ---- kinds ---- */

static const struct {
	const char *text, *word, *plural;
	enum object_kind kind;
} kinds[] = {
#define OBJECT(id, text, word, plural) { text, word, plural, KIND_##id },
#include "ruleset/object.def"
#undef OBJECT
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* One of those that the word ct comes before. */
static bool of_ct(size_t i)
{
	return strcmp(kinds[i].text, kinds[i].word) != 0;
}

bool parse_at_object(const struct parser *p, bool many)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (!of_ct(i) && (token_is_word(&p->t, kinds[i].word) ||
				  (many && token_is_word(&p->t, kinds[i].plural))))
			return true;
	}
	return token_is_word(&p->t, "ct");
}

static bool parse_object_kind(struct parser *p, bool many, enum object_kind *ret_kind,
			      bool *ret_many)
{
	const char *words[2 * N_KINDS + 1];
	const bool ct = parse_accept_word(p, "ct");
	size_t n = 0;

	for (size_t i = 0; i < N_KINDS; i++) {
		if (of_ct(i) != ct)
			continue;
		*ret_kind = kinds[i].kind;
		*ret_many = false;
		if (parse_accept_word(p, kinds[i].word))
			return true;
		*ret_many = true;
		if (many && parse_accept_word(p, kinds[i].plural))
			return true;
		words[n++] = kinds[i].word;
		if (many)
			words[n++] = kinds[i].plural;
	}
	words[n] = NULL;
	return parse_unknown(p, "\"helper\", \"timeout\" or \"expectation\"", words);
}

bool parse_object_data_kind(struct parser *p, enum object_kind *ret_kind)
{
	bool many;

	return parse_at_object(p, false) && parse_object_kind(p, false, ret_kind, &many);
}

/* ---- lines of their blocks ---- */

static bool parse_l4(struct parser *p, struct object_spec *spec)
{
	static const char *const words[] = { "tcp", "udp", NULL };

	spec->l4_span = p->t.span;
	if (parse_accept_word(p, "tcp"))
		spec->object->ct.l4 = IPPROTO_TCP;
	else if (parse_accept_word(p, "udp"))
		spec->object->ct.l4 = IPPROTO_UDP;
	else
		return parse_unknown(p, "\"tcp\" or \"udp\"", words);
	return true;
}

static bool parse_l3(struct parser *p, struct object_spec *spec)
{
	static const char *const words[] = { "ip", "ip6", "inet", NULL };

	spec->l3_span = p->t.span;
	if (parse_accept_word(p, "ip"))
		spec->object->l3 = FAMILY_IP;
	else if (parse_accept_word(p, "ip6"))
		spec->object->l3 = FAMILY_IP6;
	else if (parse_accept_word(p, "inet"))
		spec->object->l3 = FAMILY_INET;
	else
		return parse_unknown(p, "\"ip\", \"ip6\" or \"inet\"", words);
	return true;
}

static bool parse_helper_type(struct parser *p, struct object_spec *spec)
{
	if (p->t.kind != TOKEN_STRING) {
		parse_expected(p, "the name of a helper in quotes");
		return false;
	}
	spec->type_span = p->t.span;
	free((char *)spec->object->ct.helper);
	spec->object->ct.helper = parse_string(p, "the name of a helper", 15);
	if (!spec->object->ct.helper)
		return false;
	if (parse_accept_word(p, "protocol"))
		return parse_l4(p, spec);
	parse_expected(p, "\"protocol\"");
	return false;
}

/* A number of seconds, or a time such as 1h30m. */
static bool parse_seconds(struct parser *p, uint32_t *ret_seconds)
{
	struct span at = p->t.span;
	uint64_t number;
	char text[32];

	if (p->t.kind != TOKEN_WORD) {
		if (!parse_number(p, "a timeout in seconds", CT_TIMEOUT_MAX, &number))
			return false;
		*ret_seconds = (uint32_t)number;
		return true;
	}
	snprintf(text, sizeof(text), "%.*s", (int)p->t.len, p->t.s);
	if (p->t.len >= sizeof(text) || time_parse(text, UINT32_MAX, &number) ||
	    number % 1000 || number / 1000 > CT_TIMEOUT_MAX) {
		diag_error(p->d, &at, "a timeout is a number of seconds, at most %u",
			   CT_TIMEOUT_MAX);
		return false;
	}
	parse_advance(p);
	*ret_seconds = (uint32_t)(number / 1000);
	return true;
}

/* The state's name is looked up when the protocol is known. */
static bool parse_policy_state(struct parser *p, struct object_spec *spec)
{
	struct policy_value *v;

	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "the name of a state, such as established");
		return false;
	}
	if (spec->n_values == OBJECT_MAX_VALUES) {
		diag_error(p->d, &p->t.span, "more than %u states in one policy",
			   OBJECT_MAX_VALUES);
		return false;
	}
	v = &spec->values[spec->n_values++];
	v->state = p->t;
	parse_advance(p);
	return parse_expect(p, ':', "\":\"") && parse_seconds(p, &v->seconds);
}

static bool parse_policy(struct parser *p, struct object_spec *spec)
{
	if (!parse_expect(p, '=', "\"=\"") || !parse_expect(p, '{', "\"{\""))
		return false;
	/* Nothing but defaults is listed like this. */
	if (parse_accept(p, '}'))
		return true;
	do {
		if (!parse_policy_state(p, spec))
			return false;
	} while (parse_accept(p, ','));
	return parse_expect(p, '}', "\",\" or \"}\"");
}

static bool parse_expectation_timeout(struct parser *p, struct object_spec *spec)
{
	struct span at = p->t.span;
	uint64_t ms;
	char text[32];

	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "a time, such as 2m");
		return false;
	}
	snprintf(text, sizeof(text), "%.*s", (int)p->t.len, p->t.s);
	if (p->t.len >= sizeof(text) || time_parse(text, UINT32_MAX, &ms)) {
		diag_error(p->d, &at,
			   "this is no time, such as 2m or 1h30m, of at most 49 days");
		return false;
	}
	parse_advance(p);
	spec->object->ct.timeout = ms * NSEC_PER_MSEC;
	return true;
}

static bool parse_dport(struct parser *p, struct object_spec *spec)
{
	uint64_t number;

	if (!parse_number(p, "a port", UINT16_MAX, &number))
		return false;
	spec->object->ct.dport = (uint16_t)number;
	return true;
}

static bool parse_size(struct parser *p, struct object_spec *spec)
{
	uint64_t number;

	if (!parse_number(p, "the size", UINT8_MAX, &number))
		return false;
	spec->object->ct.size = (uint8_t)number;
	return true;
}

static bool parse_object_comment(struct parser *p, struct object_spec *spec)
{
	return parse_comment(p, &spec->object->comment);
}

#define OF_CT (1u << KIND_CT_HELPER | 1u << KIND_CT_TIMEOUT | 1u << KIND_CT_EXPECTATION)

/* The lines of an object's block, beside what parse_stateful_object() reads. */
static const struct {
	const char *word;
	unsigned kinds; /* 1 << enum object_kind */
	bool (*parse)(struct parser *p, struct object_spec *spec);
} lines[] = {
	{ "type", 1u << KIND_CT_HELPER, parse_helper_type },
	{ "protocol", 1u << KIND_CT_TIMEOUT | 1u << KIND_CT_EXPECTATION, parse_l4 },
	{ "l3proto", OF_CT, parse_l3 },
	{ "policy", 1u << KIND_CT_TIMEOUT, parse_policy },
	{ "dport", 1u << KIND_CT_EXPECTATION, parse_dport },
	{ "timeout", 1u << KIND_CT_EXPECTATION, parse_expectation_timeout },
	{ "size", 1u << KIND_CT_EXPECTATION, parse_size },
	{ "comment", ~0u, parse_object_comment },
};
#define N_LINES (sizeof(lines) / sizeof(lines[0]))

static bool unknown_line(struct parser *p, enum object_kind kind)
{
	struct text what = TEXT_INIT;
	const char *words[N_LINES + 1];
	size_t n = 0;

	text_printf(&what, "a line of the %s, one of", object_kind_name(kind));
	for (size_t i = 0; i < N_LINES; i++) {
		if (lines[i].kinds & 1u << kind) {
			text_printf(&what, "%s %s", n ? "," : "", lines[i].word);
			words[n++] = lines[i].word;
		}
	}
	words[n] = NULL;
	parse_unknown(p, text_str(&what), words);
	text_fini(&what);
	return false;
}

static bool parse_object_line(struct parser *p, struct command *c, size_t at)
{
	struct object_spec *spec = &c->objects[at];
	bool ok;

	if (parse_common(p, &ok))
		return ok;
	/* nft wants no separator behind these. */
	p->ended = object_state_kind(spec->object->kind) || token_is_word(&p->t, "comment");
	for (size_t i = 0; i < N_LINES; i++) {
		if (lines[i].kinds & 1u << spec->object->kind &&
		    parse_accept_word(p, lines[i].word))
			return lines[i].parse(p, spec);
	}
	if (object_state_kind(spec->object->kind))
		return parse_stateful_object(p, spec);
	return unknown_line(p, spec->object->kind);
}

/* ---- commands and tables ---- */

static struct object_spec *new_object(struct parser *p, struct command *c,
				      enum object_kind kind, const struct token *name)
{
	struct object_spec *grown =
		parse_grow(p, c->objects, c->n_objects, &c->cap_objects, sizeof(*grown));
	struct object_spec *spec;

	if (!grown)
		return NULL;
	c->objects = grown;
	spec = &grown[c->n_objects];
	*spec = (struct object_spec){ .name = *name };
	spec->object = object_new(kind, name->s, name->len);
	if (!spec->object)
		return parse_oom(p);
	c->n_objects++;
	return spec;
}

/* Its block, which it must have. */
static bool parse_object(struct parser *p, struct command *c, enum object_kind kind,
			 const struct token *name)
{
	if (!token_is(&p->t, '{')) {
		parse_expected(p, "\"{\"");
		return false;
	}
	return new_object(p, c, kind, name) &&
	       parse_block(p, c, c->n_objects - 1, parse_object_line);
}

/* In commands counters, quotas and limits need none: add quota T NAME 25 mbytes. */
static bool parse_added_object(struct parser *p, struct command *c)
{
	struct object_spec *spec;

	if (!object_state_kind(c->kind) || token_is(&p->t, '{'))
		return parse_object(p, c, c->kind, &c->name);
	spec = new_object(p, c, c->kind, &c->name);
	if (!spec)
		return false;
	return (c->kind == KIND_COUNTER && parse_at_separator(p)) ||
	       parse_stateful_object(p, spec);
}

static const char *name_what(enum object_kind kind, char buf[48])
{
	snprintf(buf, 48, "the name of a %s", object_kind_name(kind));
	return buf;
}

bool parse_object_item(struct parser *p, struct command *c)
{
	enum object_kind kind;
	struct token name;
	char what[48];
	bool many;

	return parse_object_kind(p, false, &kind, &many) &&
	       parse_name(p, name_what(kind, what), &name) && parse_object(p, c, kind, &name);
}

/* Behind a verb: ct helper [FAMILY] TABLE NAME. */
bool parse_object_name(struct parser *p, struct command *c, bool many)
{
	char what[48];

	c->object = OBJECT_NAMED;
	if (!parse_object_kind(p, many, &c->kind, &many))
		return false;
	/* Kinds that nft has no plural for are singular: list ct timeout table T. */
	if (many || (c->op == COMMAND_LIST && !object_state_kind(c->kind) &&
		     token_is_word(&p->t, "table"))) {
		c->object = OBJECT_KIND;
		return true;
	}
	if (!parse_table_name(p, c))
		return false;
	/* By handle it is deleted only. */
	if ((c->op == COMMAND_DELETE || c->op == COMMAND_DESTROY) &&
	    token_is_word(&p->t, "handle"))
		return parse_handle(p, c);
	return parse_name(p, name_what(c->kind, what), &c->name);
}

bool parse_add_object(struct parser *p, struct command *c)
{
	return parse_object_name(p, c, false) && parse_added_object(p, c);
}

/* list ct helpers [FAMILY] [table [FAMILY] TABLE], list ct timeout table [FAMILY] TABLE; and
 * the same with counters, quotas, limits. */
bool parse_list_objects(struct parser *p, struct command *c)
{
	if (!parse_object_name(p, c, true))
		return false;
	if (c->object != OBJECT_KIND)
		return true;
	if (parse_accept_word(p, "table"))
		return parse_table_name(p, c);
	return parse_family(p, c);
}
