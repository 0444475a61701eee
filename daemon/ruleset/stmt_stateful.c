/* stmt_stateful.c - statements and objects that remember something: checked, printed. */
#include <inttypes.h>

#include "ctfw/clock.h"
#include "ruleset/check.h"
#include "ruleset/print.h"

enum state_kind stmt_state_kind(const struct stmt *s)
{
	switch (s->kind) {
	case STMT_COUNTER:
		return STATE_COUNTER;
	case STMT_LIMIT:
		return STATE_LIMIT;
	case STMT_QUOTA:
		return STATE_QUOTA;
	case STMT_LAST:
		return STATE_LAST;
	case STMT_CONNLIMIT:
		return STATE_CONNLIMIT;
	default:
		return STATE_KIND_NONE;
	}
}

enum state_kind object_state_kind(enum object_kind kind)
{
	switch (kind) {
	case KIND_COUNTER:
		return STATE_COUNTER;
	case KIND_LIMIT:
		return STATE_LIMIT;
	case KIND_QUOTA:
		return STATE_QUOTA;
	default:
		return STATE_KIND_NONE;
	}
}

bool stmt_same_state(const struct stmt *a, const struct stmt *b)
{
	const struct stateful *x = &a->state, *y = &b->state;

	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case STMT_LIMIT:
		return x->limit.rate == y->limit.rate && x->limit.burst == y->limit.burst &&
		       x->limit.unit == y->limit.unit && x->limit.bytes == y->limit.bytes &&
		       x->limit.over == y->limit.over;
	case STMT_QUOTA:
		return x->quota.bytes == y->quota.bytes && x->quota.over == y->quota.over;
	case STMT_CONNLIMIT:
		return x->connlimit.flows == y->connlimit.flows &&
		       x->connlimit.over == y->connlimit.over;
	default:
		return true;
	}
}

bool stmts_same_state(const struct stmts *a, const struct stmts *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		if (!stmt_same_state(&a->v[i], &b->v[i]))
			return false;
	}
	return a->n == b->n;
}

/* ---- check ---- */

static bool check_limit(struct diag *d, const struct span *at, const struct limit_spec *l)
{
	uint64_t size, packet;

	if (!l->rate) {
		diag_error(d, at, "this limit has no rate: write rate 10/second");
		return false;
	}
	if (limit_bucket(l, &size, &packet))
		return true;
	diag_error(d, at, "the burst is too large for a rate as low as this");
	return false;
}

static bool check_quota(struct diag *d, const struct span *at, const struct quota_spec *q)
{
	if (q->used <= q->bytes)
		return true;
	diag_error(d, at, "more of this quota is used than there is");
	return false;
}

bool stateful_check(struct diag *d, const struct span *at, enum state_kind kind,
		    const struct stateful *s)
{
	if (kind == STATE_LIMIT)
		return check_limit(d, at, &s->limit);
	if (kind == STATE_QUOTA)
		return check_quota(d, at, &s->quota);
	return true;
}

bool stmts_count_flows(const struct stmts *stmts)
{
	for (size_t i = 0; i < stmts->n; i++) {
		if (stmts->v[i].kind == STMT_CONNLIMIT)
			return true;
	}
	return false;
}

bool check_element_stmts(struct diag *d, const struct stmts *stmts, unsigned set_flags)
{
	unsigned words = 0;

	for (size_t i = 0; i < stmts->n; i++) {
		const struct stmt *s = &stmts->v[i];
		const enum state_kind kind = stmt_state_kind(s);

		if (!kind) {
			diag_error(d, &s->span, "elements have counters, limits, quotas, last "
						"and ct count: no other statements");
			return false;
		}
		/* As in the kernel (nft_set_elem_expr_alloc). */
		if (kind == STATE_CONNLIMIT && set_flags & SET_TIMEOUT) {
			diag_error(d, &s->span, "elements of a set with a timeout cannot count "
						"flows: such elements go when they have none");
			return false;
		}
		if (!stateful_check(d, &s->span, kind, &s->state))
			return false;
		words += kind == STATE_COUNTER ? 2 : 1;
		if (words > SET_RECORD_STATE) {
			diag_error(d, &s->span, "these are too many statements for an element");
			return false;
		}
	}
	return true;
}

/* Limits of packets and of bytes are different things to the kernel. */
static bool same_kind(const struct stmt *a, const struct stmt *b)
{
	return a->kind == b->kind &&
	       (a->kind != STMT_LIMIT || a->state.limit.bytes == b->state.limit.bytes);
}

bool check_own_stmts(struct diag *d, const struct stmts *stmts, const struct set *set)
{
	const struct stmts *declared = &set->stmts;

	if (declared->n && declared->n != stmts->n) {
		diag_error(d, &stmts->v[0].span,
			   "the set declares %zu statements for its elements: here are %zu",
			   declared->n, stmts->n);
		return false;
	}
	for (size_t i = 0; i < declared->n; i++) {
		if (same_kind(&stmts->v[i], &declared->v[i]))
			continue;
		diag_error(d, &stmts->v[i].span,
			   "the set declares another statement for its elements");
		return false;
	}
	return check_element_stmts(d, stmts, set->flags);
}

/* ---- print ---- */

const char *shown_bytes(uint64_t *bytes)
{
	static const char *const units[] = { "bytes", "kbytes", "mbytes" };
	unsigned unit = 0;

	while (*bytes && !(*bytes % 1024) && unit < 2) {
		*bytes /= 1024;
		unit++;
	}
	return units[unit];
}

const char *shown_time(uint32_t seconds)
{
	return seconds == 1	? "second" :
	       seconds == 60	? "minute" :
	       seconds == 3600	? "hour" :
	       seconds == 86400 ? "day" :
				  "week";
}

struct counter shown_counter(struct counters *c, const struct stateful *s, unsigned flags)
{
	if (!c || s->slot == COUNTER_NONE || flags & PRINT_SAVED)
		return s->initial;
	return flags & PRINT_RESET ? counter_reset(c, s->slot) : counter_read(c, s->slot);
}

uint64_t shown_used(const struct counters *c, const struct stateful *s, unsigned flags)
{
	return quota_used(flags & PRINT_SAVED ? NULL : c, s, flags & PRINT_RESET);
}

bool shown_last(const struct counters *c, const struct stateful *s, unsigned flags,
		uint64_t *ret_ms)
{
	struct states *states = c && !(flags & PRINT_SAVED) ? counters_states(c) : NULL;
	const struct state *st = states ? state_at(states, s->slot) : NULL;
	uint64_t ago = s->last.ago * NSEC_PER_MSEC;
	bool used = st ? state_last_ago(st->word, states_now(states), &ago) : s->last.used;

	*ret_ms = ago / NSEC_PER_MSEC;
	return used;
}

static void print_bytes(uint64_t bytes, struct text *out)
{
	const char *unit = shown_bytes(&bytes);

	text_printf(out, "%" PRIu64 " %s", bytes, unit);
}

static void print_limit(const struct limit_spec *l, struct text *out)
{
	text_printf(out, "rate %s", l->over ? "over " : "");
	if (!l->bytes)
		text_printf(out, "%" PRIu64, l->rate);
	else
		print_bytes(l->rate, out);
	text_printf(out, "/%s", shown_time(l->unit));
	if (!l->bytes && l->burst != LIMIT_BURST_DEFAULT)
		text_printf(out, " burst %" PRIu32 " packets", l->burst);
	if (l->bytes && l->burst) {
		text_puts(out, " burst ");
		print_bytes(l->burst, out);
	}
}

static void print_counter(struct counters *c, const struct stateful *s, unsigned flags,
			  struct text *out)
{
	struct counter now = shown_counter(c, s, flags);

	text_printf(out, "packets %" PRIu64 " bytes %" PRIu64, now.packets, now.bytes);
}

static void print_quota(const struct counters *c, const struct stateful *s, unsigned flags,
			struct text *out)
{
	uint64_t used = shown_used(c, s, flags);

	text_puts(out, s->quota.over ? "over " : "");
	print_bytes(s->quota.bytes, out);
	if (!used || flags & PRINT_STATELESS)
		return;
	text_puts(out, " used ");
	print_bytes(used, out);
}

static void print_last(const struct counters *c, const struct stateful *s, unsigned flags,
		       struct text *out)
{
	uint64_t ms;

	text_puts(out, " used ");
	if (shown_last(c, s, flags, &ms))
		time_print(out, ms);
	else
		text_puts(out, "never");
}

/* What is saved says what the counter began with, mostly nothing; the count is in the arena. */
static bool counter_is_shown(const struct stateful *s, unsigned flags)
{
	return !(flags & PRINT_STATELESS) &&
	       (!(flags & PRINT_SAVED) || s->initial.packets || s->initial.bytes);
}

void print_state(const struct stmt *s, struct counters *counters, uint32_t slot,
		 unsigned flags, struct text *out)
{
	struct stateful state = s->state;

	state.slot = slot;
	switch (s->kind) {
	case STMT_COUNTER:
		text_puts(out, "counter");
		if (!counter_is_shown(&state, flags))
			break;
		text_putc(out, ' ');
		print_counter(counters, &state, flags, out);
		break;
	case STMT_LIMIT:
		text_puts(out, "limit ");
		print_limit(&state.limit, out);
		break;
	case STMT_QUOTA:
		text_puts(out, "quota ");
		print_quota(counters, &state, flags, out);
		break;
	case STMT_LAST:
		text_puts(out, "last");
		if (!(flags & PRINT_STATELESS))
			print_last(counters, &state, flags, out);
		break;
	case STMT_CONNLIMIT:
		text_printf(out, "ct count %s%" PRIu32, state.connlimit.over ? "over " : "",
			    state.connlimit.flows);
		break;
	default:
		break;
	}
}

void print_stateful(const struct rule *r, const struct stmt *s, unsigned flags,
		    struct text *out)
{
	print_state(s, r ? r->counters : NULL, s->state.slot, flags, out);
}

bool print_stateful_object(const struct object *o, unsigned flags, struct text *out)
{
	switch (o->kind) {
	case KIND_COUNTER:
		if (flags & PRINT_STATELESS)
			return false;
		print_counter(o->counters, &o->state, flags, out);
		return true;
	case KIND_LIMIT:
		print_limit(&o->state.limit, out);
		return true;
	case KIND_QUOTA:
		print_quota(o->counters, &o->state, flags, out);
		return true;
	default:
		return false;
	}
}
