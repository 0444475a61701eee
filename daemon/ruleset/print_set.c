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
		if (e)
			e->symbol = strdup(at == MODEL_NONE ? "" : t->objects[at]->name);
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

/* As if the statement began with what a record's words say; behind them is the next one's. */
static const _Atomic uint64_t *read_words(struct stmt *st, const _Atomic uint64_t *word,
					  uint64_t mono)
{
	uint64_t ago = 0;

	switch (st->kind) {
	case STMT_COUNTER:
		st->counter.initial = (struct counter){ .packets = word[0], .bytes = word[1] };
		return word + 2;
	case STMT_QUOTA:
		st->state.quota.used = state_quota_read(word);
		break;
	case STMT_LAST:
		st->state.last.used = state_last_ago(word, mono, &ago);
		st->state.last.ago = ago / NSEC_PER_MSEC;
		break;
	default:
		break;
	}
	return word + 1;
}

/* What its statements have counted. */
static void print_states(const struct set *s, const struct set_element *el,
			 const struct set_record *record, unsigned flags, uint64_t mono,
			 struct text *out)
{
	const _Atomic uint64_t *word = record ? record->state : NULL;
	const struct stmts *stmts = record ? set_stmts(s) : &s->stmts;

	if (record ? !record->stateful : !el->slots)
		return;
	for (size_t i = 0; i < stmts->n; i++) {
		struct stmt st = stmts->v[i];

		text_putc(out, ' ');
		if (record)
			word = read_words(&st, word, mono);
		print_state(&st, record ? NULL : s->slots->counters,
			    record ? STATE_NONE : el->slots[i], flags, out);
	}
}

static void print_one(const struct table *t, const struct set *s, const struct set_element *el,
		      const struct set_record *record, unsigned flags, uint64_t mono,
		      struct text *out)
{
	struct expr *key = key_expr(&s->key, el);

	if (key)
		print_expr(key, flags, out);
	expr_free(key);
	print_states(s, el, record, flags, mono, out);
	print_times(s, el, flags, mono, out);
	if (el->comment)
		text_printf(out, " comment \"%s\"", el->comment);
	print_data(t, s, el, flags, out);
}

void print_element(const struct table *t, const struct set *s, const struct set_element *el,
		   unsigned flags, uint64_t mono, struct text *out)
{
	print_one(t, s, el, NULL, flags, mono, out);
}

/* ---- what packets added ---- */

void set_record_show(const struct set *s, const struct set_record *record,
		     struct set_element *ret)
{
	const struct set_shape *shape = set_content_shape(s->content);

	*ret = (struct set_element){ .timeout = record->timeout, .expires = record->expires };
	memcpy(ret->key, record->key, set_key_offset(shape, shape->n_parts));
	memcpy(ret->end, ret->key, sizeof(ret->end));
	memcpy(ret->data, record->data, shape->data_bytes);
	if (ret->expires == SET_RECORD_NEVER)
		ret->expires = 0;
}

/* An element of a listing that has both kinds. */
struct shown {
	const struct set_record *record; /* NULL: a transaction added it */
	const uint32_t *slots;
};

struct merged {
	struct set_content *sorted; /* each element's slot is its place in v */
	struct shown *v;
	size_t n, cap;
};

static void keep_slots(void *arg, const uint32_t *slots, unsigned n)
{
	(void)arg;
	(void)slots;
	(void)n;
}

static bool merge_one(struct merged *m, struct set_batch *batch, struct set_element *el,
		      const struct set_record *record)
{
	uint32_t at = (uint32_t)m->n;

	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct shown *grown = realloc(m->v, cap * sizeof(*grown));

		if (!grown)
			return false;
		m->v = grown;
		m->cap = cap;
	}
	m->v[m->n++] = (struct shown){ .record = record, .slots = el->slots };
	el->slots = &at;
	return !set_batch_put(batch, el);
}

/* Workers go on adding: what is there now is shown. */
static bool merge_all(struct merged *m, const struct set *s, uint64_t mono,
		      struct set_batch *batch)
{
	struct set_cursor cursor = { 0 };
	const struct set_record *record;
	struct set_element el;
	uint32_t next = 0;

	while (set_content_next(s->content, &cursor, mono, &el)) {
		if (!merge_one(m, batch, &el, NULL))
			return false;
	}
	while ((record = set_dynamic_next(s->dynamic, &next, mono))) {
		struct set_element there;

		if (set_content_get(s->content, record->key, NULL, mono, &there))
			continue;
		set_record_show(s, record, &el);
		if (!merge_one(m, batch, &el, record))
			return false;
	}
	return true;
}

static bool merge(struct merged *m, const struct set *s, uint64_t mono)
{
	static const struct set_slots slots = { .release = keep_slots };
	struct set_shape shape = *set_content_shape(s->content);
	struct set_batch *batch;
	struct set_error error;
	bool ok;

	shape.size = 0;
	shape.n_slots = 1;
	shape.slots = &slots;
	batch = set_batch_new(&shape, SET_ADD);
	ok = batch && !set_content_new(&shape, &m->sorted) && merge_all(m, s, mono, batch) &&
	     !set_content_change(m->sorted, batch, mono, &error);
	set_batch_free(batch);
	return ok;
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

static void print_elements(const struct table *t, const struct set *s, unsigned flags,
			   uint64_t mono, struct text *out)
{
	const bool loadable = s->stmts.n || !s->given.n;
	const bool both = s->dynamic && !(flags & PRINT_SAVED) &&
			  (loadable || !(flags & PRINT_LOADABLE));
	const unsigned most = per_line(s);
	struct set_cursor cursor = { 0 };
	struct merged m = { .sorted = NULL };
	const struct set_content *content = s->content;
	struct set_element el;
	unsigned n = 0;

	if (both && merge(&m, s, mono))
		content = m.sorted;
	while (set_content_next(content, &cursor, mono, &el)) {
		const struct set_record *record = NULL;

		if (content == m.sorted) {
			record = m.v[*el.slots].record;
			el.slots = m.v[*el.slots].slots;
		}
		text_puts(out, !n	 ? "\t\telements = { " :
			       n % most ? ", " :
					  ",\n\t\t\t     ");
		print_one(t, s, &el, record, flags, mono, out);
		n++;
	}
	if (n)
		text_puts(out, " }\n");
	set_content_unref(m.sorted);
	free(m.v);
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

void print_set(const struct table *t, const struct set *s, unsigned flags, uint64_t mono,
	       struct text *out)
{
	open_set(s, flags, out);
	if (!(flags & PRINT_TERSE))
		print_elements(t, s, flags, mono, out);
	text_puts(out, "\t}\n");
}

void print_set_part(const struct table *t, const struct set *s, const struct shown_element *part,
		    size_t n, unsigned flags, uint64_t mono, struct text *out)
{
	const unsigned most = per_line(s);

	open_set(s, flags, out);
	for (size_t i = 0; i < n; i++) {
		text_puts(out, !i	 ? "\t\telements = { " :
			       i % most ? ", " :
					  ",\n\t\t\t     ");
		print_one(t, s, &part[i].el, part[i].record, flags, mono, out);
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
