/* stmt_dynset.c - statements that add elements to sets, renew or delete them:
 *
 *     add @set { key timeout 1m counter : data }
 *     update ..., delete ...
 *     set add key @set, as it was written once
 *     meter name size 100 { key limit rate 10/second }, which makes the set as well
 */
#include <stdlib.h>
#include <string.h>

#include "ruleset/check.h"
#include "ruleset/parse.h"
#include "ruleset/print.h"

static const char *const op_names[] = {
	[DYNSET_ADD] = "add",
	[DYNSET_UPDATE] = "update",
	[DYNSET_DELETE] = "delete",
};

/* ---- parse ---- */

/* What stands behind the key: times, then statements, of which a meter has one. */
static bool parse_attributes(struct parser *p, struct stmt *s)
{
	struct stmt inner;

	while (parse_accept_word(p, "timeout")) {
		if (!parse_time(p, &s->dynset.timeout))
			return false;
	}
	if (s->dynset.meter && !parse_at_stateful(p)) {
		parse_expected(p, "what the meter does, such as limit rate 10/second");
		return false;
	}
	while (parse_at_stateful(p) && !(s->dynset.meter && s->dynset.stmts.n)) {
		if (!parse_statement(p, &inner)) {
			stmt_fini(&inner);
			return false;
		}
		if (!stmts_add(&s->dynset.stmts, &inner))
			return parse_oom(p);
	}
	return true;
}

/* key attributes : data */
static bool parse_content(struct parser *p, struct stmt *s)
{
	s->dynset.key = parse_left(p);
	if (!s->dynset.key || !parse_attributes(p, s))
		return false;
	if (!parse_accept(p, ':'))
		return true;
	s->dynset.data = parse_value(p);
	return s->dynset.data != NULL;
}

static bool parse_braces(struct parser *p, struct stmt *s)
{
	static const char *const words[] = {"timeout", "counter", "limit",
					    "quota",   "last",	  NULL};

	return parse_expect(p, '{', "\"{\"") && parse_content(p, s) &&
	       (parse_accept(p, '}') || parse_unknown(p, "\"}\"", words));
}

static bool parse_reference(struct parser *p, struct stmt *s)
{
	if (!token_is(&p->t, '@')) {
		parse_expected(p, "\"@\" and the name of a set");
		return false;
	}
	s->dynset.set = parse_set_reference(p);
	return s->dynset.set != NULL;
}

static bool parse_dynset(struct parser *p, struct stmt *s, enum dynset_op op)
{
	s->kind = STMT_DYNSET;
	s->dynset.op = op;
	return parse_reference(p, s) && parse_braces(p, s);
}

bool parse_dynset_add(struct parser *p, struct stmt *s)
{
	return parse_dynset(p, s, DYNSET_ADD);
}

bool parse_dynset_update(struct parser *p, struct stmt *s)
{
	return parse_dynset(p, s, DYNSET_UPDATE);
}

bool parse_dynset_delete(struct parser *p, struct stmt *s)
{
	return parse_dynset(p, s, DYNSET_DELETE);
}

/* Behind the word set. */
bool parse_dynset_set(struct parser *p, struct stmt *s)
{
	s->kind = STMT_DYNSET;
	if (parse_accept_word(p, "add"))
		s->dynset.op = DYNSET_ADD;
	else if (parse_accept_word(p, "update"))
		s->dynset.op = DYNSET_UPDATE;
	else if (parse_accept_word(p, "delete"))
		s->dynset.op = DYNSET_DELETE;
	else {
		parse_expected(p, "\"add\", \"update\" or \"delete\"");
		return false;
	}
	return parse_content(p, s) && parse_reference(p, s);
}

bool parse_meter(struct parser *p, struct stmt *s)
{
	struct token name;
	uint64_t size = SET_DYNAMIC_SIZE;

	s->kind = STMT_DYNSET;
	s->dynset.op = DYNSET_UPDATE;
	s->dynset.meter = true;
	if (!parse_name(p, "the name of the meter", &name))
		return false;
	if (parse_accept_word(p, "size") &&
	    !parse_number(p, "the number of elements", UINT32_MAX, &size))
		return false;
	s->dynset.size = size ? (uint32_t)size : SET_DYNAMIC_SIZE;
	s->dynset.set = expr_new(EXPR_SETREF, name.span);
	if (!s->dynset.set || !expr_set_symbol(s->dynset.set, name.s, name.len))
		return parse_oom(p);
	return parse_braces(p, s);
}

/* ---- check ---- */

static bool refuse(struct checker *ck, const struct span *at, const char *why)
{
	diag_error(ck->d, at, "%s", why);
	return false;
}

static bool check_set_kind(struct checker *ck, const struct stmt *s, const struct set *set)
{
	const struct span *at = &s->dynset.set->span;

	if (set->flags & (SET_INTERVAL | SET_CONSTANT))
		return refuse(ck, at,
			      "packets cannot change a set of intervals, nor a constant "
			      "one");
	if (set->kind == DATA_VERDICTS || set->kind == DATA_OBJECTS)
		return refuse(ck, at, "packets add values to maps, no verdicts or objects");
	if (s->dynset.timeout && !(set->flags & SET_TIMEOUT))
		return refuse(ck, at, "the elements of this set do not expire: it has no flag "
				      "timeout");
	if ((set->kind == DATA_VALUES) != (s->dynset.data != NULL))
		return refuse(ck, &s->dynset.key->span,
			      set->kind == DATA_VALUES ?
				      "this is a map: write \":\" and the value behind the "
				      "key" :
				      "this is a set, not a map: no \":\" here");
	return true;
}

/* The value that goes into a map: a constant, or a field of the packet. */
static bool check_dynset_data(struct checker *ck, const struct set *set, struct expr **data)
{
	struct key_type type;

	if (!*data)
		return true;
	if (!expr_selector((*data)->kind == EXPR_CONCAT ? (*data)->list.item[0] : *data))
		return check_typed(ck, &set->data, data);
	if (!check_key(ck, data))
		return false;
	type = key_type_of(*data);
	if (key_type_takes(&set->data, &type))
		return true;
	return refuse(ck, &(*data)->span, "this is of another type than the map's values");
}

bool check_dynset(struct checker *ck, struct stmt *s)
{
	const struct set *set;
	struct key_type type;
	size_t at;

	if (!check_key(ck, &s->dynset.key))
		return false;
	if (!ck->table)
		return true;
	at = set_find_named(ck->table, s->dynset.set->symbol);
	if (at == MODEL_NONE)
		return check_no_set(ck, s->dynset.set);
	set = ck->table->sets[at];
	type = key_type_of(s->dynset.key);
	if (!key_type_takes(&set->key, &type))
		return refuse(ck, &s->dynset.key->span,
			      "this is of another type than the keys of the set");
	s->dynset.declared = set->stmts.n > 0;
	return check_set_kind(ck, s, set) && check_dynset_data(ck, set, &s->dynset.data) &&
	       (!s->dynset.stmts.n || check_own_stmts(ck->d, &s->dynset.stmts, set));
}

/* ---- print ---- */

/* As nft has it: where the set declares statements the kernel tells none of the rule's. */
bool dynset_shows_stmts(const struct stmt *s, unsigned flags)
{
	return s->dynset.stmts.n &&
	       (!s->dynset.declared || flags & (PRINT_SAVED | PRINT_LOADABLE));
}

void print_dynset(const struct rule *r, const struct stmt *s, unsigned flags, struct text *out)
{
	if (s->dynset.meter)
		text_printf(out, "meter %s size %u { ", s->dynset.set->symbol, s->dynset.size);
	else
		text_printf(out, "%s @%s { ", op_names[s->dynset.op], s->dynset.set->symbol);
	print_expr(s->dynset.key, flags, out);
	if (s->dynset.timeout) {
		text_puts(out, " timeout ");
		print_set_timeout(s->dynset.timeout, flags, out);
	}
	for (size_t i = 0; i < s->dynset.stmts.n && dynset_shows_stmts(s, flags); i++) {
		text_putc(out, ' ');
		print_stmt(r, &s->dynset.stmts.v[i], flags | PRINT_STATELESS, out);
	}
	if (s->dynset.data) {
		text_puts(out, " : ");
		print_expr(s->dynset.data, flags, out);
	}
	text_puts(out, " }");
}
