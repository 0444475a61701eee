/* print_set.c - named sets and maps as nft lists them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/clock.h"
#include "ctfw/state.h"
#include "ruleset/key.h"
#include "ruleset/print.h"

/* ---- declarations ---- */

/* What differs between a block and the line of an echo. */
struct style {
	const char *indent, *end;
};

static void print_types(const struct key_type *type, const struct expr *written, bool typeof_,
			unsigned flags, struct text *out)
{
	if (typeof_)
		print_expr(written, flags, out);
	else
		key_type_print(type, out);
}

static void print_type(const struct set *s, unsigned flags, const struct style *st,
		       struct text *out)
{
	const bool typeof_ = s->key_typeof != NULL;

	text_printf(out, "%s%s ", st->indent, typeof_ ? "typeof" : "type");
	print_types(&s->key, s->key_typeof, typeof_, flags, out);
	switch (s->kind) {
	case DATA_VALUES:
		text_puts(out, s->data_interval ? " : interval " : " : ");
		print_types(&s->data, s->data_typeof, typeof_, flags, out);
		break;
	case DATA_VERDICTS:
		text_puts(out, " : verdict");
		break;
	case DATA_OBJECTS:
		text_printf(out, " : %s", object_kind_name(s->objects));
		break;
	case DATA_NONE:
		break;
	}
	text_puts(out, st->end);
}

static void print_set_flags(const struct set *s, const struct style *st, struct text *out)
{
	static const struct {
		unsigned flag;
		const char *word;
	} words[] = {
		{ SET_CONSTANT, "constant" },
		{ SET_DYNAMIC, "dynamic" },
		{ SET_INTERVAL, "interval" },
		{ SET_TIMEOUT, "timeout" },
	};
	unsigned flags = s->flags;
	const char *sep = "flags ";

	/* Alone it follows from the timeout. */
	if (s->timeout && !(flags & ~(unsigned)SET_TIMEOUT))
		flags = 0;
	if (!flags)
		return;
	text_puts(out, st->indent);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(flags & words[i].flag))
			continue;
		text_printf(out, "%s%s", sep, words[i].word);
		sep = ",";
	}
	text_puts(out, st->end);
}

void print_set_timeout(uint64_t ms, unsigned flags, struct text *out)
{
	if (flags & (PRINT_NUMERIC | PRINT_NUMERIC_TIME))
		text_printf(out, "%" PRIu64 "s", ms / 1000);
	else
		time_print(out, ms);
}

static void print_set_time(const char *word, uint64_t ms, unsigned flags,
			   const struct style *st, struct text *out)
{
	if (!ms)
		return;
	text_printf(out, "%s%s ", st->indent, word);
	print_set_timeout(ms, flags, out);
	text_puts(out, st->end);
}

static void print_declaration(const struct set *s, unsigned flags, const struct style *st,
			      struct text *out)
{
	print_type(s, flags, st, out);
	if (s->memory)
		text_printf(out, "%spolicy memory%s", st->indent, st->end);
	if (s->has_size)
		text_printf(out, "%ssize %" PRIu32 "%s", st->indent, s->size, st->end);
	print_set_flags(s, st, out);
	for (size_t i = 0; i < s->stmts.n; i++) {
		text_puts(out, i ? " " : st->indent);
		print_stmt(NULL, &s->stmts.v[i], flags | PRINT_STATELESS, out);
	}
	if (s->stmts.n)
		text_puts(out, st->end);
	if (s->auto_merge)
		text_printf(out, "%sauto-merge%s", st->indent, st->end);
	print_set_time("timeout", s->timeout, flags, st, out);
	print_set_time("gc-interval", s->gc_interval, flags, st, out);
	if (s->comment)
		text_printf(out, "%scomment \"%s\"%s", st->indent, s->comment, st->end);
}

/* ---- elements ---- */

struct expr *set_element_data(const struct table *t, const struct set *s,
			      const struct set_element *el)
{
	const struct span nowhere = { 0 };
	struct set_verdict v;
	uint64_t handle;
	const char *name;
	struct expr *e;
	size_t at;

	switch (s->kind) {
	case DATA_VERDICTS:
		e = expr_new(EXPR_VERDICT, nowhere);
		memcpy(&v, el->data, sizeof(v));
		if (!e)
			return NULL;
		e->verdict.verdict = (enum rule_verdict)v.verdict;
		at = v.chain ? chain_find_handle(t, v.chain) : MODEL_NONE;
		if (at != MODEL_NONE && !(e->verdict.chain = strdup(t->chains[at]->name))) {
			expr_free(e);
			return NULL;
		}
		return e;
	case DATA_OBJECTS:
		e = expr_new(EXPR_SYMBOL, nowhere);
		memcpy(&handle, el->data, sizeof(handle));
		at = object_find_handle(t, s->objects, handle);
		name = at == MODEL_NONE ? "" : t->objects[at]->name;
		if (e && !expr_set_symbol(e, name, strlen(name))) {
			expr_free(e);
			return NULL;
		}
		return e;
	case DATA_VALUES:
		return key_data_expr(&s->data, el->data, s->data_interval);
	case DATA_NONE:
		break;
	}
	return NULL;
}

static void print_data(const struct table *t, const struct set *s, const struct set_element *el,
		       unsigned flags, struct text *out)
{
	struct expr *data = set_element_data(t, s, el);

	if (!data)
		return;
	text_puts(out, " : ");
	if (data->kind == EXPR_SYMBOL)
		text_printf(out, "\"%s\"", data->symbol);
	else
		print_expr(data, flags, out);
	expr_free(data);
}

static void print_times(const struct set *s, const struct set_element *el, unsigned flags,
			uint64_t mono, struct text *out)
{
	if (el->timeout && el->timeout != s->timeout * NSEC_PER_MSEC) {
		text_puts(out, " timeout ");
		print_set_timeout(el->timeout / NSEC_PER_MSEC, flags, out);
	}
	if (!el->expires || (flags & PRINT_STATELESS && !(flags & PRINT_SAVED)))
		return;
	text_puts(out, " expires ");
	if (flags & PRINT_SAVED)
		text_printf(out, "%" PRIu64 "ms", (uint64_t)(el->expires / NSEC_PER_MSEC));
	else
		print_set_timeout(el->expires > mono ? (el->expires - mono) / NSEC_PER_MSEC : 0,
			      flags, out);
}

/* What its statements have counted. */
static void print_states(const struct set *s, const struct shown_element *e, unsigned flags,
			 uint64_t mono, struct text *out)
{
	struct stmt stmts[SET_SLOTS_MAX];
	size_t n = shown_stmts(s, e, mono, stmts);

	for (size_t i = 0; i < n; i++) {
		text_putc(out, ' ');
		print_state(&stmts[i], s->slots->counters, stmts[i].state.slot, flags, out);
	}
}

static void print_shown(const struct table *t, const struct set *s,
			const struct shown_element *e, unsigned flags, uint64_t mono,
			struct text *out)
{
	const struct set_element *el = &e->el;
	struct expr *key = key_expr(&s->key, el);

	if (key)
		print_expr(key, flags, out);
	expr_free(key);
	print_states(s, e, flags, mono, out);
	print_times(s, el, flags, mono, out);
	if (el->comment)
		text_printf(out, " comment \"%s\"", el->comment);
	print_data(t, s, el, flags, out);
}

void print_element(const struct table *t, const struct set *s, const struct set_element *el,
		   unsigned flags, uint64_t mono, struct text *out)
{
	print_shown(t, s, &(struct shown_element){ .el = *el }, flags, mono, out);
}

/* How many elements nft puts on a line: it depends on the type, where it is not one. */
static unsigned per_line(const struct set *s)
{
	static const struct {
		const char *type;
		unsigned n;
	} rows[] = {
		{ "inet_service", 5 }, { "inet_proto", 5 }, { "nf_proto", 5 },
		{ "mark", 5 },	       { "tcp_flag", 5 },   { "integer", 5 },
		{ "ct_dir", 5 },       { "ct_status", 5 },  { "ipv4_addr", 2 },
		{ "ct_state", 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && s->key.n == 1; i++) {
		if (!strcmp(rows[i].type, s->key.part[0]->name))
			return rows[i].n;
	}
	return 1;
}

/* Before element n. */
static void print_between(unsigned n, unsigned most, struct text *out)
{
	text_puts(out, !n	? "\t\telements = { " :
		       n % most ? ", " :
				  ",\n\t\t\t     ");
}

static void print_elements(const struct table *t, const struct set *s, unsigned flags,
			   uint64_t mono, struct text *out)
{
	const unsigned most = per_line(s);
	struct shown_elements all;
	struct shown_element e;
	unsigned n = 0;

	shown_begin(&all, s, flags, mono);
	while (shown_next(&all, &e)) {
		print_between(n++, most, out);
		print_shown(t, s, &e, flags, mono, out);
	}
	if (n)
		text_puts(out, " }\n");
	shown_fini(&all);
}

static void open_set(const struct set *s, unsigned flags, struct text *out)
{
	static const struct style block = { "\t\t", "\n" };

	text_printf(out, "\t%s %s {", s->meter ? "meter" : s->kind ? "map" : "set", s->name);
	if (flags & PRINT_HANDLE)
		text_printf(out, " # handle %" PRIu64, s->handle);
	text_putc(out, '\n');
	print_declaration(s, flags, &block, out);
}

/* So that what is in records of the arena, and in slots, means the same again. */
static void print_variants(const struct set *s, struct text *out)
{
	for (uint32_t i = 1; i < s->slots->n_variants; i++) {
		const struct stmts *stmts = &s->slots->variants[i].stmts;

		if (s->slots->variants[i].unused)
			continue;
		text_printf(out, "\t\tvariant %" PRIu32, i);
		for (size_t j = 0; j < stmts->n; j++) {
			text_putc(out, ' ');
			print_stmt(NULL, &stmts->v[j], PRINT_STATELESS, out);
		}
		text_putc(out, '\n');
	}
}

void print_set(const struct table *t, const struct set *s, unsigned flags, uint64_t mono,
	       struct text *out)
{
	open_set(s, flags, out);
	if (flags & PRINT_SAVED)
		print_variants(s, out);
	if (!(flags & PRINT_TERSE))
		print_elements(t, s, flags, mono, out);
	text_puts(out, "\t}\n");
}

void print_set_part(const struct table *t, const struct set *s,
		    const struct shown_element *part, size_t n, unsigned flags, uint64_t mono,
		    struct text *out)
{
	const unsigned most = per_line(s);

	open_set(s, flags, out);
	for (size_t i = 0; i < n; i++) {
		print_between((unsigned)i, most, out);
		print_shown(t, s, &part[i], flags, mono, out);
	}
	text_puts(out, n ? " }\n\t}\n" : "\t}\n");
}

void print_set_line(const struct set *s, unsigned flags, struct text *out)
{
	static const struct style line = { "", "; " };

	text_puts(out, "{ ");
	if (flags & PRINT_HANDLE)
		text_printf(out, "# handle %" PRIu64 " ", s->handle);
	print_declaration(s, flags, &line, out);
	text_puts(out, "} ");
}
