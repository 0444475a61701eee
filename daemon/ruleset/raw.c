/* raw.c - raw payload that is nothing but fields of a known header.
 *
 * Nft lists it by their names (payload_expr_expand, payload_expr_trim): `@nh,8,8 5` is `ip dscp
 * lephb ip ecn ect1`, `@nh,8,8 & 3 == 1` is `ip ecn ect1`, and `@nh,96,16 0xa00` is `ip saddr
 * 10.0.0.0/16`.  Here they become what they are listed as, unless that would match something
 * else: of several fields one that differs is enough for a packet to differ, but nft lists that
 * each does. */
#include "ruleset/check.h"

#define PARTS_MAX 32

/* So many bits from so many below the highest, of a number of a type. */
struct run {
	unsigned from, len;
};

/* What of the payload is compared, where that is one run of bits; all others must be zero. */
static bool find_run(const struct expr *left, const struct expr *right, struct run *ret)
{
	const struct datatype *dt = right->type;
	const struct value *mask;
	struct value outside;
	unsigned from = 0, end;

	*ret = (struct run){ 0, dt->bits };
	if (left->kind == EXPR_SELECTOR)
		return true;
	if (left->kind != EXPR_AND || left->op.left->kind != EXPR_SELECTOR)
		return false;
	mask = &left->op.right->value;
	while (from < dt->bits && !value_has_flag(dt, mask, dt->bits - 1 - from))
		from++;
	for (end = from; end < dt->bits && value_has_flag(dt, mask, dt->bits - 1 - end);)
		end++;
	*ret = (struct run){ from, end - from };
	for (; end < dt->bits; end++) {
		if (value_has_flag(dt, mask, dt->bits - 1 - end))
			return false;
	}
	outside = value_op(dt, EXPR_AND, &right->value, mask);
	return ret->len && !value_cmp(dt, &outside, &right->value);
}

/* These bits as the upper ones of another type. */
static struct value take_bits(const struct datatype *from, const struct value *v,
			      struct run run, const struct datatype *to)
{
	struct value r = { 0 };

	for (unsigned i = 0; i < run.len; i++) {
		struct value bit;

		if (!value_has_flag(from, v, from->bits - 1 - run.from - i))
			continue;
		bit = value_flag(to, to->bits - 1 - i);
		r = value_op(to, EXPR_OR, &r, &bit);
	}
	return r;
}

/* field == value, or the upper bits of it. */
static bool make_match(struct checker *ck, enum selector_id field, struct run run,
		       const struct stmt *s, struct stmt *ret)
{
	const struct expr *right = s->match.right;
	const struct datatype *dt = selectors[field].type;
	struct value value = take_bits(right->type, &right->value, run, dt);

	*ret = (struct stmt){ .kind = STMT_MATCH, .span = s->span };
	ret->match.op = s->match.op;
	ret->match.left = expr_new(EXPR_SELECTOR, s->match.left->span);
	ret->match.right = expr_new(run.len < dt->bits ? EXPR_PREFIX : EXPR_VALUE, right->span);
	if (!ret->match.left || !ret->match.right) {
		stmt_fini(ret);
		return check_oom(ck);
	}
	ret->match.left->selector = field;
	ret->match.left->type = ret->match.right->type = dt;
	if (run.len < dt->bits) {
		ret->match.right->prefix.value = value;
		ret->match.right->prefix.len = (uint8_t)run.len;
	} else {
		ret->match.right->value = value;
	}
	return true;
}

struct part {
	enum selector_id field;
	struct run run;
};

/* The fields that the run consists of; 0: there is something else. */
static unsigned find_parts(const struct checker *ck, const struct field *f, struct run run,
			   struct part parts[PARTS_MAX])
{
	unsigned n = 0;

	for (unsigned len; run.len; run.from += len, run.len -= len) {
		struct field at = { .base = f->base, .off = f->off + run.from };
		const struct datatype *dt;
		enum selector_id field;

		at.len = (uint16_t)run.len;
		field = protocols_begins(&ck->proto, &at);
		if (!field || n == PARTS_MAX)
			return 0;
		dt = selectors[field].type;
		len = dt->bits < run.len ? dt->bits : run.len;
		/* A part of a field is a prefix, which only addresses have, in whole bytes. */
		if (len < dt->bits && (!dt->prefix || len % 8))
			return 0;
		parts[n++] = (struct part){ field, { run.from, len } };
	}
	return n;
}

bool raw_name(struct checker *ck, struct stmt *s)
{
	const struct expr *bottom = expr_bottom(s->match.left);
	struct part parts[PARTS_MAX];
	struct field f;
	struct stmt part;
	struct run run;
	unsigned n;

	if (ck->verbatim || bottom->kind != EXPR_SELECTOR || bottom->selector != SELECTOR_RAW ||
	    s->match.right->kind != EXPR_VALUE ||
	    (s->match.op != MATCH_EQ && s->match.op != MATCH_NE) ||
	    !find_run(s->match.left, s->match.right, &run))
		return true;
	f = expr_field(bottom);
	n = find_parts(ck, &f, run, parts);
	if (!n || (n > 1 && s->match.op == MATCH_NE))
		return true;
	for (unsigned i = 0; i + 1 < n; i++) {
		if (!make_match(ck, parts[i].field, parts[i].run, s, &part))
			return false;
		if (!check_named(ck, &part)) {
			stmt_fini(&part);
			return false;
		}
		if (!stmts_add(&ck->out, &part))
			return check_oom(ck);
	}
	if (!make_match(ck, parts[n - 1].field, parts[n - 1].run, s, &part))
		return false;
	stmt_fini(s);
	*s = part;
	return true;
}
