/* parse_stateful.c - statements and objects that remember something: what stands behind the
 * words counter, limit, quota, last and ct count, and in their blocks. */
#include "ruleset/parse.h"

#include <stdio.h>
#include <string.h>

/* ---- units ---- */

static const struct {
	const char *word;
	unsigned shift;
} data_units[] = { { "bytes", 0 }, { "kbytes", 10 }, { "mbytes", 20 } };

static const struct {
	const char *word;
	uint32_t seconds;
} time_units[] = {
	{ "second", 1 }, { "minute", 60 }, { "hour", 3600 }, { "day", 86400 },
	{ "week", 604800 },
};

static bool is_word(const char *s, size_t len, const char *word)
{
	return !strncmp(s, word, len) && !word[len];
}

/* The number before it in bytes; max is the most that can be. */
static bool scale(struct parser *p, const struct span *at, const char *s, size_t len,
		  uint64_t max, uint64_t *number)
{
	for (size_t i = 0; i < sizeof(data_units) / sizeof(data_units[0]); i++) {
		if (!is_word(s, len, data_units[i].word))
			continue;
		if (*number > max >> data_units[i].shift) {
			diag_error(p->d, at, "this is too large: it can be %llu bytes at most",
				   (unsigned long long)max);
			return false;
		}
		*number <<= data_units[i].shift;
		return true;
	}
	diag_error(p->d, &p->t.span,
		   "expected \"bytes\", \"kbytes\" or \"mbytes\", found \"%.*s\"", (int)len, s);
	return false;
}

/* 25 mbytes */
static bool parse_bytes(struct parser *p, const char *what, uint64_t max, uint64_t *ret_bytes)
{
	struct span at = p->t.span;

	if (!parse_number(p, what, UINT64_MAX, ret_bytes))
		return false;
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "\"bytes\", \"kbytes\" or \"mbytes\"");
		return false;
	}
	if (!scale(p, &at, p->t.s, p->t.len, max, ret_bytes))
		return false;
	parse_advance(p);
	return true;
}

static bool time_unit(struct parser *p, const char *s, size_t len, uint32_t *ret_seconds)
{
	const char *words[sizeof(time_units) / sizeof(time_units[0]) + 1] = { NULL };
	const char *near;

	for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++) {
		if (is_word(s, len, time_units[i].word)) {
			*ret_seconds = time_units[i].seconds;
			return true;
		}
		words[i] = time_units[i].word;
	}
	diag_error(p->d, &p->t.span,
		   "expected \"second\", \"minute\", \"hour\", \"day\" or \"week\", found "
		   "\"%.*s\"",
		   (int)len, s);
	near = suggest(s, len, words);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	return false;
}

/* ---- limit ---- */

/* Behind the number: /second, kbytes/second (which is one word), or kbytes / second. */
static bool parse_rate_unit(struct parser *p, const struct span *at, struct limit_spec *l)
{
	const char *slash;
	size_t len;

	if (!token_is(&p->t, '/')) {
		if (p->t.kind != TOKEN_WORD) {
			parse_expected(p, "\"/second\", or a unit of bytes");
			return false;
		}
		if (parse_at_statement(p)) {
			parse_expected(p, "\"/second\", or a unit of bytes");
			return false;
		}
		slash = memchr(p->t.s, '/', p->t.len);
		len = slash ? (size_t)(slash - p->t.s) : p->t.len;
		l->bytes = true;
		if (!scale(p, at, p->t.s, len, INT64_MAX, &l->rate) ||
		    (slash && !time_unit(p, slash + 1, p->t.len - len - 1, &l->unit)))
			return false;
		parse_advance(p);
		if (slash)
			return true;
	}
	if (!parse_expect(p, '/', "\"/\""))
		return false;
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "a unit of time, such as second");
		return false;
	}
	if (!time_unit(p, p->t.s, p->t.len, &l->unit))
		return false;
	parse_advance(p);
	return true;
}

static bool parse_burst(struct parser *p, struct limit_spec *l)
{
	struct span at = p->t.span;
	uint64_t burst;

	if (l->bytes) {
		if (!parse_bytes(p, "a number of bytes", UINT32_MAX, &burst))
			return false;
	} else {
		if (!parse_number(p, "a number of packets", UINT32_MAX, &burst))
			return false;
		if (!parse_accept_word(p, "packets")) {
			parse_expected(p, "\"packets\"");
			return false;
		}
		if (!burst) {
			diag_error(p->d, &at, "with a burst of 0 packets nothing would pass");
			return false;
		}
	}
	l->burst = (uint32_t)burst;
	return true;
}

/* rate [over] N[ UNIT]/TIME [burst N UNIT]; the word rate was read. */
static bool parse_rate(struct parser *p, struct limit_spec *l)
{
	struct span at;

	*l = (struct limit_spec){ .over = parse_accept_word(p, "over") };
	at = p->t.span;
	if (!parse_number(p, "a rate", INT64_MAX, &l->rate))
		return false;
	if (!parse_rate_unit(p, &at, l))
		return false;
	if (!l->rate) {
		diag_error(p->d, &at, "a rate of 0 lets nothing pass");
		return false;
	}
	if (!l->bytes)
		l->burst = LIMIT_BURST_DEFAULT;
	return !parse_accept_word(p, "burst") || parse_burst(p, l);
}

/* ---- quota ---- */

/* [over|until] N UNIT [used N UNIT] */
static bool parse_quota_spec(struct parser *p, struct quota_spec *q)
{
	static const char *const words[] = {"over", "until", NULL};

	*q = (struct quota_spec){ .over = parse_accept_word(p, "over") };
	if (!q->over && !parse_accept_word(p, "until") && p->t.kind == TOKEN_WORD)
		return parse_unknown(p, "\"over\", \"until\" or a number of bytes", words);
	if (!parse_bytes(p, "a number of bytes", INT64_MAX, &q->bytes))
		return false;
	return !parse_accept_word(p, "used") ||
	       parse_bytes(p, "a number of bytes", INT64_MAX, &q->used);
}

/* ---- references: counter name "x" ---- */

static bool parse_reference(struct parser *p, struct stmt *s, enum object_kind kind)
{
	return parse_given(p, kind, s);
}

/* ---- statements ---- */

static void begin(struct stmt *s, enum stmt_kind kind)
{
	s->kind = kind;
	s->state.slot = STATE_NONE;
}

bool parse_counter(struct parser *p, struct stmt *s)
{
	if (parse_accept_word(p, "name"))
		return parse_reference(p, s, KIND_COUNTER);
	begin(s, STMT_COUNTER);
	for (;;) {
		if (parse_accept_word(p, "packets")) {
			if (!parse_number(p, "a number of packets", UINT64_MAX,
					  &s->counter.initial.packets))
				return false;
		} else if (parse_accept_word(p, "bytes")) {
			if (!parse_number(p, "a number of bytes", UINT64_MAX,
					  &s->counter.initial.bytes))
				return false;
		} else {
			return true;
		}
	}
}

bool parse_limit(struct parser *p, struct stmt *s)
{
	if (parse_accept_word(p, "name"))
		return parse_reference(p, s, KIND_LIMIT);
	begin(s, STMT_LIMIT);
	if (parse_accept_word(p, "rate"))
		return parse_rate(p, &s->state.limit);
	parse_expected(p, "\"rate\" or \"name\"");
	return false;
}

bool parse_quota(struct parser *p, struct stmt *s)
{
	if (parse_accept_word(p, "name"))
		return parse_reference(p, s, KIND_QUOTA);
	begin(s, STMT_QUOTA);
	return parse_quota_spec(p, &s->state.quota);
}

bool parse_last(struct parser *p, struct stmt *s)
{
	struct span at;
	char text[32];

	begin(s, STMT_LAST);
	if (!parse_accept_word(p, "used") || parse_accept_word(p, "never"))
		return true;
	at = p->t.span;
	if (p->t.kind != TOKEN_WORD) {
		parse_expected(p, "\"never\", or how long ago, such as 1h30m");
		return false;
	}
	snprintf(text, sizeof(text), "%.*s", (int)p->t.len, p->t.s);
	if (p->t.len >= sizeof(text) || time_parse(text, UINT32_MAX, &s->state.last.ago)) {
		diag_error(p->d, &at, "this is no time, such as 10s or 1h30m");
		return false;
	}
	s->state.last.used = true;
	parse_advance(p);
	return true;
}

bool parse_connlimit(struct parser *p, struct stmt *s)
{
	static const char *const words[] = {"over", NULL};
	uint64_t flows;

	begin(s, STMT_CONNLIMIT);
	s->state.connlimit.over = parse_accept_word(p, "over");
	if (!s->state.connlimit.over && p->t.kind == TOKEN_WORD)
		return parse_unknown(p, "\"over\" or a number of flows", words);
	if (!parse_number(p, "a number of flows", UINT32_MAX, &flows))
		return false;
	s->state.connlimit.flows = (uint32_t)flows;
	return true;
}

/* ---- objects ---- */

static bool parse_counter_object(struct parser *p, struct counter *c)
{
	static const char *const words[][2] = {{"packets", NULL}, {"bytes", NULL}};

	if (!parse_accept_word(p, "packets"))
		return parse_unknown(p, "\"packets\"", words[0]);
	if (!parse_number(p, "a number of packets", UINT64_MAX, &c->packets))
		return false;
	if (!parse_accept_word(p, "bytes"))
		return parse_unknown(p, "\"bytes\"", words[1]);
	return parse_number(p, "a number of bytes", UINT64_MAX, &c->bytes);
}

bool parse_stateful_object(struct parser *p, struct object_spec *spec)
{
	struct stateful *state = &spec->object->state;

	switch (spec->object->kind) {
	case KIND_COUNTER:
		return parse_counter_object(p, &state->initial);
	case KIND_QUOTA:
		return parse_quota_spec(p, &state->quota);
	case KIND_LIMIT:
		if (parse_accept_word(p, "rate"))
			return parse_rate(p, &state->limit);
		parse_expected(p, "\"rate\"");
		return false;
	default:
		return false;
	}
}
