/* stmt_reset.c - `reset tcp option mptcp`: the option is overwritten with padding. */
#include "ruleset/stmt.h"

/* IANA's numbers; of two names the first is listed. */
static const struct symbol options[] = {
	{ "eol", 0 },	       { "nop", 1 },	   { "maxseg", 2 },    { "mss", 2 },
	{ "window", 3 },       { "sack-perm", 4 }, { "sack-permitted", 4 },
	{ "sack", 5 },	       { "sack0", 5 },	   { "sack1", 5 },     { "sack2", 5 },
	{ "sack3", 5 },	       { "timestamp", 8 }, { "echo", 8 },      { "md5sig", 19 },
	{ "mptcp", 30 },       { "fastopen", 34 }, { NULL, 0 },
};

const char *reset_option_name(uint8_t option)
{
	for (const struct symbol *o = options; o->name; o++) {
		if (o->value == option)
			return o->name;
	}
	return NULL;
}

static bool unknown_option(struct parser *p)
{
	const char *names[sizeof(options) / sizeof(options[0])], *near;
	size_t n = 0;

	for (; options[n].name; n++)
		names[n] = options[n].name;
	names[n] = NULL;
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "the name or number of a TCP option");
		return false;
	}
	diag_error(p->d, &p->t.span, "there is no TCP option \"%.*s\"", (int)p->t.len, p->t.s);
	near = suggest(p->t.s, p->t.len, names);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	return false;
}

bool reset_parse(struct parser *p, struct stmt *s)
{
	uint64_t number;

	s->kind = STMT_RESET_OPTION;
	if (!parse_accept_word(p, "tcp") || !parse_accept_word(p, "option")) {
		parse_expected(p, "\"tcp option\" and an option");
		return false;
	}
	if (p->t.kind == TOKEN_NUMBER) {
		if (!parse_number(p, "the number of a TCP option", UINT8_MAX, &number))
			return false;
		s->option = (uint8_t)number;
		return true;
	}
	for (const struct symbol *o = options; o->name; o++) {
		if (parse_accept_word(p, o->name)) {
			s->option = (uint8_t)o->value;
			return true;
		}
	}
	return unknown_option(p);
}

void reset_print(const struct stmt *s, struct text *out)
{
	const char *name = reset_option_name(s->option);

	text_puts(out, "reset tcp option ");
	if (name)
		text_puts(out, name);
	else
		text_printf(out, "%u", s->option);
}

void reset_compile(struct builder *b, const struct stmt *s)
{
	compile_emit(b, (struct insn){ .op = OP_RESET_OPTION, .a = b->rule, .b = s->option });
}
