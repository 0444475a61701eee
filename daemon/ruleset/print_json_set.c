/* print_json_set.c - named sets and maps as JSON. */
#include <string.h>

#include "ctfw/clock.h"
#include "ruleset/key.h"
#include "ruleset/print.h"
#include "ruleset/print_json.h"

/* ---- declarations ---- */

/* Whether a declaration can name all of it. */
static bool has_names(const struct key_type *type)
{
	for (unsigned i = 0; i < type->n; i++) {
		const char *name = type->part[i]->name;

		if (!datatype_find(name, strlen(name)))
			return false;
	}
	return true;
}

/* nft names types alone, also where there are none of that name, such as integers of some
 * width: what was written is shown for these. */
static void print_typeof(const struct expr *written, unsigned flags, struct text *out)
{
	out_open(out, '{');
	out_key(out, "typeof");
	print_json_expr(written, flags, out);
	out_close(out, '}');
}

static void print_key_type(const struct set *s, unsigned flags, struct text *out)
{
	out_key(out, "type");
	if (s->key_typeof && !has_names(&s->key)) {
		print_typeof(s->key_typeof, flags, out);
		return;
	}
	if (s->key.n > 1)
		out_open(out, '[');
	for (unsigned i = 0; i < s->key.n; i++)
		out_string(out, s->key.part[i]->name);
	if (s->key.n > 1)
		out_close(out, ']');
}

static void print_data_type(const struct set *s, unsigned flags, struct text *out)
{
	struct text t = TEXT_INIT;

	if (s->kind == DATA_NONE)
		return;
	out_key(out, "map");
	if (s->kind == DATA_VALUES && s->data_typeof && s->key_typeof &&
	    (!has_names(&s->data) || !has_names(&s->key))) {
		print_typeof(s->data_typeof, flags, out);
		return;
	}
	if (s->kind == DATA_VALUES) {
		text_puts(&t, s->data_interval ? "interval " : "");
		key_type_print(&s->data, &t);
	} else {
		text_puts(&t, s->kind == DATA_VERDICTS ? "verdict" :
							 object_kind_name(s->objects));
	}
	out_string(out, text_str(&t));
	text_fini(&t);
}

static void print_flags(unsigned flags, struct text *out)
{
	static const struct {
		unsigned flag;
		const char *word;
	} words[] = {
		{ SET_CONSTANT, "constant" },
		{ SET_INTERVAL, "interval" },
		{ SET_TIMEOUT, "timeout" },
		{ SET_DYNAMIC, "dynamic" },
	};

	if (!flags)
		return;
	out_key(out, "flags");
	out_open(out, '[');
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (flags & words[i].flag)
			out_string(out, words[i].word);
	}
	out_close(out, ']');
}

static void print_stmts(const struct set *s, unsigned flags, struct text *out)
{
	const struct rule none = { .refs = 1 };

	if (!s->stmts.n)
		return;
	out_key(out, "stmt");
	out_open(out, '[');
	for (size_t i = 0; i < s->stmts.n; i++)
		print_json_stmt(&none, &s->stmts.v[i], flags | PRINT_STATELESS, out);
	out_close(out, ']');
}

/* ---- elements ---- */

/* A statement as a member of its element. */
static void print_member(const struct set *s, const struct stmt *stmt, unsigned flags,
			 struct text *out)
{
	const struct rule r = { .refs = 1, .counters = s->slots->counters };
	struct text t = TEXT_IN(out->locale);

	print_json_stmt(&r, stmt, flags, &t);
	if (t.len > 2)
		out_verbatim(out, text_str(&t) + 1, t.len - 2);
	text_fini(&t);
}

static void print_key(const struct set *s, const struct shown_element *e, unsigned flags,
		      uint64_t mono, struct text *out)
{
	const struct set_element *el = &e->el;
	const bool timed = el->timeout && el->timeout != s->timeout * NSEC_PER_MSEC;
	struct expr *key = key_expr(&s->key, el);
	struct stmt stmts[SET_SLOTS_MAX];
	const size_t n = shown_stmts(s, e, mono, stmts);
	const bool plain = !el->comment && !el->expires && !n && !timed;

	if (!plain) {
		out_open_object(out, "elem");
		out_key(out, "val");
	}
	if (key)
		print_json_expr(key, flags, out);
	else
		out_null(out);
	expr_free(key);
	if (plain)
		return;
	if (timed)
		out_member_number(out, "timeout", el->timeout / NSEC_PER_SEC);
	if (el->expires)
		out_member_number(out, "expires",
				  el->expires > mono ? (el->expires - mono) / NSEC_PER_SEC : 0);
	if (el->comment)
		out_member(out, "comment", el->comment);
	for (size_t i = 0; i < n; i++)
		print_member(s, &stmts[i], flags, out);
	out_close_object(out);
}

static void print_shown(const struct table *t, const struct set *s,
			const struct shown_element *e, unsigned flags, uint64_t mono,
			struct text *out)
{
	struct expr *data = set_element_data(t, s, &e->el);

	if (!data) {
		print_key(s, e, flags, mono, out);
		return;
	}
	out_open(out, '[');
	print_key(s, e, flags, mono, out);
	if (data->kind == EXPR_SYMBOL)
		out_string(out, data->symbol);
	else
		print_json_expr(data, flags, out);
	out_close(out, ']');
	expr_free(data);
}

void print_json_element(const struct table *t, const struct set *s,
			const struct set_element *el, unsigned flags, uint64_t mono,
			struct text *out)
{
	print_shown(t, s, &(struct shown_element){ .el = *el }, flags, mono, out);
}

static void print_elements(const struct table *t, const struct set *s, unsigned flags,
			   uint64_t mono, struct text *out)
{
	struct shown_elements all;
	struct shown_element e;
	bool any = false;

	shown_begin(&all, s, flags, mono);
	while (shown_next(&all, &e)) {
		if (!any) {
			out_key(out, "elem");
			out_open(out, '[');
		}
		any = true;
		print_shown(t, s, &e, flags, mono, out);
	}
	if (any)
		out_close(out, ']');
	shown_fini(&all);
}

/* ---- the whole ---- */

void print_json_set(const struct table *t, const struct set *s, unsigned flags, uint64_t mono,
		    struct text *out)
{
	out_open_object(out, s->meter ? "meter" : s->kind ? "map" : "set");
	out_member(out, "family", family_name(t->family));
	out_member(out, "name", s->name);
	out_member(out, "table", t->name);
	print_key_type(s, flags, out);
	out_member_number(out, "handle", s->handle);
	if (s->comment)
		out_member(out, "comment", s->comment);
	print_data_type(s, flags, out);
	if (s->memory)
		out_member(out, "policy", "memory");
	if (s->has_size)
		out_member_number(out, "size", s->size);
	print_flags(s->flags, out);
	if (s->timeout)
		out_member_number(out, "timeout", s->timeout / 1000);
	if (s->gc_interval)
		out_member_number(out, "gc-interval", s->gc_interval / 1000);
	if (s->auto_merge) {
		out_key(out, "auto-merge");
		out_bool(out, true);
	}
	if (!(flags & PRINT_TERSE))
		print_elements(t, s, flags, mono, out);
	print_stmts(s, flags, out);
	out_close_object(out);
}
