/* print_json_stateful.c - statements and objects that remember something as JSON.
 *
 * nft 1.0.6 writes the two forms of a quota and of a limit differently. */
#include "ruleset/print.h"
#include "ruleset/print_json.h"

static void out_true(struct text *out, const char *key)
{
	out_key(out, key);
	out_bool(out, true);
}

/* "val": 25, "val_unit": "mbytes" */
static void out_bytes(struct text *out, const char *key, const char *unit_key, uint64_t bytes)
{
	const char *unit = shown_bytes(&bytes);

	out_member_number(out, key, bytes);
	out_member(out, unit_key, unit);
}

static void print_counter(const struct rule *r, const struct stmt *s, unsigned flags,
			  struct text *out)
{
	struct counter c = shown_counter(r ? r->counters : NULL, &s->counter, flags);

	if (flags & PRINT_STATELESS) {
		out_word(out, "counter");
		return;
	}
	out_open_object(out, "counter");
	out_member_number(out, "packets", c.packets);
	out_member_number(out, "bytes", c.bytes);
	out_close_object(out);
}

static void print_limit(const struct limit_spec *l, struct text *out)
{
	uint64_t rate = l->rate, burst = l->burst;
	const char *rate_unit = l->bytes ? shown_bytes(&rate) : NULL;
	const char *burst_unit = l->bytes ? shown_bytes(&burst) : NULL;

	out_open_object(out, "limit");
	out_member_number(out, "rate", rate);
	out_member_number(out, "burst", burst);
	out_member(out, "per", shown_time(l->unit));
	if (l->over)
		out_true(out, "inv");
	if (l->bytes) {
		out_member(out, "rate_unit", rate_unit);
		out_member(out, "burst_unit", burst_unit);
	}
	out_close_object(out);
}

static void print_quota(const struct rule *r, const struct stmt *s, unsigned flags,
			struct text *out)
{
	uint64_t used = shown_used(r ? r->counters : NULL, &s->state, flags);

	out_open_object(out, "quota");
	out_bytes(out, "val", "val_unit", s->state.quota.bytes);
	if (s->state.quota.over)
		out_true(out, "inv");
	if (used && !(flags & PRINT_STATELESS))
		out_bytes(out, "used", "used_unit", used);
	out_close_object(out);
}

static void print_last(const struct rule *r, const struct stmt *s, unsigned flags,
		       struct text *out)
{
	uint64_t ms;

	if (!shown_last(r ? r->counters : NULL, &s->state, flags, &ms) ||
	    flags & PRINT_STATELESS) {
		out_word(out, "last");
		return;
	}
	out_open_object(out, "last");
	out_member_number(out, "used", ms);
	out_close_object(out);
}

static void print_connlimit(const struct connlimit_spec *c, struct text *out)
{
	out_open_object(out, "ct count");
	out_member_number(out, "val", c->flows);
	if (c->over)
		out_true(out, "inv");
	out_close_object(out);
}

void print_json_stateful(const struct rule *r, const struct stmt *s, unsigned flags,
			 struct text *out)
{
	switch (s->kind) {
	case STMT_COUNTER:
		print_counter(r, s, flags, out);
		break;
	case STMT_LIMIT:
		print_limit(&s->state.limit, out);
		break;
	case STMT_QUOTA:
		print_quota(r, s, flags, out);
		break;
	case STMT_LAST:
		print_last(r, s, flags, out);
		break;
	case STMT_CONNLIMIT:
		print_connlimit(&s->state.connlimit, out);
		break;
	default:
		break;
	}
}

/* ---- objects ---- */

static void print_limit_object(const struct limit_spec *l, struct text *out)
{
	uint64_t rate = l->rate, burst = l->burst;
	const char *rate_unit = l->bytes ? shown_bytes(&rate) : NULL;
	const char *burst_unit = l->bytes ? shown_bytes(&burst) : NULL;

	out_member_number(out, "rate", rate);
	out_member(out, "per", shown_time(l->unit));
	if (l->over)
		out_true(out, "inv");
	if (l->bytes)
		out_member(out, "rate_unit", rate_unit);
	if (burst)
		out_member_number(out, "burst", burst);
	if (burst && l->bytes)
		out_member(out, "burst_unit", burst_unit);
}

void print_json_stateful_object(const struct object *o, unsigned flags, struct text *out)
{
	struct counter c;

	switch (o->kind) {
	case KIND_COUNTER:
		c = shown_counter(o->counters, &o->state, flags);
		out_member_number(out, "packets", c.packets);
		out_member_number(out, "bytes", c.bytes);
		break;
	case KIND_QUOTA:
		out_member_number(out, "bytes", o->state.quota.bytes);
		out_member_number(out, "used", shown_used(o->counters, &o->state, flags));
		out_key(out, "inv");
		out_bool(out, o->state.quota.over);
		break;
	case KIND_LIMIT:
		print_limit_object(&o->state.limit, out);
		break;
	default:
		break;
	}
}
