/* parse_json_stmt.c - statements of a JSON document; see parse_json.h. */
#include "ruleset/parse_json.h"

static bool is_true(const struct node *n)
{
	return n && n->kind == NODE_TRUE;
}

/* `over`, where it is inverted. */
static bool over(struct json_feed *f, const struct node *n)
{
	const struct node *inv = node_get(n, "inv");

	return !is_true(inv) || feed_key(f, inv, "over");
}

/* name "x", or by a map: name tcp dport map { ... }. */
static bool named(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "name") && feed_expr(f, n);
}

static bool is_name(const struct node *n)
{
	return n->kind == NODE_STRING || node_get(n, "map");
}

/* ---- matches ---- */

static const struct {
	const char *op;
	int punct; /* 0: nothing is written */
} match_ops[] = {
	{ "in", 0 },	    { "==", PUNCT_EQ }, { "!=", PUNCT_NE }, { "<", '<' },
	{ ">", '>' },	    { "<=", PUNCT_LE }, { ">=", PUNCT_GE }, { "!", '!' },
};
#define N_OPS (sizeof(match_ops) / sizeof(match_ops[0]))

static bool match_op(struct json_feed *f, const struct node *op)
{
	if (op->kind != NODE_STRING)
		return feed_expected(f, op, "a string");
	for (size_t i = 0; i < N_OPS; i++) {
		if (!strcmp(match_ops[i].op, op->s))
			return !match_ops[i].punct || feed_punct(f, op, match_ops[i].punct);
	}
	return feed_wrong(f, op, "unknown operator \"%.16s\": there are in, ==, !=, <, >, <= "
			  "and >=", op->s);
}

static bool stmt_match(struct json_feed *f, const struct node *n)
{
	const struct node *op = feed_need(f, n, "op"), *left, *right;

	left = op ? feed_need(f, n, "left") : NULL;
	right = left ? feed_need(f, n, "right") : NULL;
	return right && feed_expr(f, left) && match_op(f, op) && feed_expr(f, right);
}

static bool stmt_vmap(struct json_feed *f, const struct node *n)
{
	const struct node *key = feed_need(f, n, "key"), *data = feed_need(f, n, "data");

	return key && data && feed_part(f, key) && feed_key(f, n, "vmap") && feed_part(f, data);
}

static bool stmt_mangle(struct json_feed *f, const struct node *n)
{
	const struct node *key = feed_need(f, n, "key"), *value = feed_need(f, n, "value");

	return key && value && feed_expr(f, key) && feed_key(f, n, "set") &&
	       feed_expr(f, value);
}

/* ---- state ---- */

static bool stmt_counter(struct json_feed *f, const struct node *n)
{
	if (!feed_key(f, n, "counter"))
		return false;
	if (is_name(n))
		return named(f, n);
	return feed_option(f, n, "packets", "packets", feed_number) &&
	       feed_option(f, n, "bytes", "bytes", feed_number);
}

/* NUMBER UNIT, the unit bytes where none is said. */
static bool feed_amount(struct json_feed *f, const struct node *parent, const char *key,
			const char *unit_key)
{
	const struct node *n = feed_need(f, parent, key), *unit = node_get(parent, unit_key);

	return n && feed_number(f, n) &&
	       (unit ? feed_words(f, unit) : feed_word(f, n, "bytes"));
}

static bool stmt_quota(struct json_feed *f, const struct node *n)
{
	const struct node *used = node_get(n, "used");

	if (!feed_key(f, n, "quota"))
		return false;
	if (is_name(n))
		return named(f, n);
	return over(f, n) && feed_amount(f, n, "val", "val_unit") &&
	       (!used || (feed_key(f, used, "used") &&
			  feed_amount(f, n, "used", "used_unit")));
}

static bool stmt_limit(struct json_feed *f, const struct node *n)
{
	if (!feed_key(f, n, "limit"))
		return false;
	if (is_name(n))
		return named(f, n);
	return feed_rate(f, n);
}

static bool stmt_ct_count(struct json_feed *f, const struct node *n)
{
	const struct node *val = feed_need(f, n, "val");

	return val && feed_key(f, n, "ct") && feed_key(f, n, "count") && over(f, n) &&
	       feed_number(f, val);
}

static bool stmt_last(struct json_feed *f, const struct node *n)
{
	const struct node *used = node_get(n, "used");

	if (!feed_key(f, n, "last"))
		return false;
	if (!used)
		return true;
	if (used->kind == NODE_STRING)
		return feed_key(f, used, "used") && feed_words(f, used);
	/* Milliseconds. */
	if (used->kind != NODE_INTEGER)
		return feed_expected(f, used, "a number");
	return feed_key(f, used, "used") &&
	       feed_made(f, used, "%llums", (unsigned long long)used->number);
}

/* ---- what is given to flows ---- */

/* ct helper set "x" */
static bool stmt_ct_object(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "ct") && feed_key(f, n, strchr(n->key, ' ') + 1) &&
	       feed_key(f, n, "set") && feed_expr(f, n);
}

static bool stmt_secmark(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "meta") && feed_key(f, n, "secmark") && feed_key(f, n, "set") &&
	       feed_expr(f, n);
}

/* ---- what ends a packet, or changes it ---- */

static bool stmt_reject(struct json_feed *f, const struct node *n)
{
	const struct node *type = node_get(n, "type"), *expr = node_get(n, "expr");

	if (!feed_key(f, n, "reject"))
		return false;
	if (!type)
		return true;
	if (!feed_key(f, n, "with") || !feed_words(f, type))
		return false;
	if (!expr)
		return true;
	return expr->kind == NODE_STRING ? feed_words(f, expr) : feed_number(f, expr);
}

static bool log_flag(struct json_feed *f, const struct node *n)
{
	return feed_word(f, n, "flags") && feed_words(f, n);
}

static bool log_flags(struct json_feed *f, const struct node *n)
{
	if (!n)
		return true;
	if (n->kind != NODE_ARRAY)
		return log_flag(f, n);
	NODE_EACH(flag, n) {
		if (!log_flag(f, flag))
			return false;
	}
	return true;
}

static bool stmt_log(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "log") && feed_option(f, n, "prefix", "prefix", feed_string) &&
	       feed_option(f, n, "group", "group", feed_number) &&
	       feed_option(f, n, "snaplen", "snaplen", feed_number) &&
	       feed_option(f, n, "queue-threshold", "queue-threshold", feed_number) &&
	       feed_option(f, n, "level", "level", feed_words) &&
	       log_flags(f, node_get(n, "flags"));
}

/* An IPv6 address in front of a port is in brackets, both ends of a range are. */
static bool nat_addr(struct json_feed *f, const struct node *n, bool port)
{
	const struct node *range = node_get(n, "range"), *lo = range ? range + 1 : NULL;

	if (port && n->kind == NODE_STRING && strchr(n->s, ':'))
		return feed_punct(f, n, '[') && feed_string(f, n) && feed_punct(f, n, ']');
	if (lo && range->kind == NODE_ARRAY && node_count(range) == 2)
		return nat_addr(f, lo, port) && feed_punct(f, n, '-') &&
		       nat_addr(f, node_next(lo), port);
	return feed_expr(f, n);
}

/* random,persistent; netmap is how nft says a prefix that type_flags names, too. */
static bool nat_flags(struct json_feed *f, const struct node *flags)
{
	bool first = true;

	if (flags->kind != NODE_ARRAY)
		return node_is(flags, "netmap") || feed_words(f, flags);
	NODE_EACH(flag, flags) {
		if (node_is(flag, "netmap"))
			continue;
		if ((!first && !feed_punct(f, flag, ',')) || !feed_words(f, flag))
			return false;
		first = false;
	}
	return true;
}

/* to ADDRESS:PORT random,persistent */
static bool nat_target(struct json_feed *f, const struct node *n)
{
	const struct node *addr = node_get(n, "addr"), *port = node_get(n, "port"),
			  *flags = node_get(n, "flags");

	if ((addr || port) && !feed_key(f, n, "to"))
		return false;
	if (addr && !nat_addr(f, addr, port != NULL))
		return false;
	if (port && (!feed_punct(f, port, ':') || !feed_expr(f, port)))
		return false;
	return !flags || nat_flags(f, flags);
}

/* Whether a flag is in a list of them, or the only one. */
static bool has_flag(const struct node *flags, const char *word)
{
	if (!flags || flags->kind != NODE_ARRAY)
		return node_is(flags, word);
	NODE_EACH(flag, flags) {
		if (node_is(flag, word))
			return true;
	}
	return false;
}

static bool stmt_nat(struct json_feed *f, const struct node *n)
{
	const struct node *type = node_get(n, "type_flags");

	if (!feed_key(f, n, n->key) || !feed_family(f, n, false))
		return false;
	if (has_flag(type, "prefix") && !feed_key(f, type, "prefix"))
		return false;
	return nat_target(f, n);
}

static bool stmt_tproxy(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "tproxy") && feed_family(f, n, false) && nat_target(f, n);
}

static bool stmt_dup(struct json_feed *f, const struct node *n)
{
	const struct node *addr = feed_need(f, n, "addr");

	return addr && feed_key(f, n, "dup") && feed_key(f, addr, "to") && feed_expr(f, addr) &&
	       feed_option(f, n, "dev", "device", feed_expr);
}

static bool stmt_fwd(struct json_feed *f, const struct node *n)
{
	const struct node *dev = feed_need(f, n, "dev"), *addr = node_get(n, "addr");

	if (!dev || !feed_key(f, n, "fwd") || !feed_family(f, n, false) ||
	    !feed_key(f, n, "to"))
		return false;
	return addr ? feed_expr(f, addr) && feed_key(f, dev, "device") && feed_expr(f, dev) :
		      feed_expr(f, dev);
}

static bool stmt_queue(struct json_feed *f, const struct node *n)
{
	const struct node *flags = node_get(n, "flags");

	return feed_key(f, n, "queue") &&
	       (!flags || (feed_key(f, flags, "flags") && feed_flags(f, flags, ','))) &&
	       feed_option(f, n, "num", "to", feed_expr);
}

static bool stmt_synproxy(struct json_feed *f, const struct node *n)
{
	const struct node *flags = node_get(n, "flags");

	if (!feed_key(f, n, "synproxy"))
		return false;
	if (is_name(n))
		return named(f, n);
	if (!feed_option(f, n, "mss", "mss", feed_number) ||
	    !feed_option(f, n, "wscale", "wscale", feed_number))
		return false;
	if (!flags || flags->kind != NODE_ARRAY)
		return !flags || feed_words(f, flags);
	NODE_EACH(flag, flags) {
		if (!feed_words(f, flag))
			return false;
	}
	return true;
}

static bool stmt_reset(struct json_feed *f, const struct node *n)
{
	const struct node *option = node_get(n, "tcp option"),
			  *base = option ? node_get(option, "base") : NULL;

	if (!feed_key(f, n, "reset"))
		return false;
	/* One without a name. */
	if (base)
		return feed_word(f, option, "tcp") && feed_word(f, option, "option") &&
		       feed_number(f, base);
	return feed_expr(f, n);
}

static bool stmt_notrack(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "notrack");
}

/* ---- sets that packets change ---- */

/* "@name" */
static bool set_name(struct json_feed *f, const struct node *n)
{
	if (n->kind != NODE_STRING || *n->s != '@')
		return feed_wrong(f, n,
				  "expected the name of a set: a string that begins with @");
	return feed_expr(f, n);
}

/* Statements of an element, behind its key. */
static bool element_stmts(struct json_feed *f, const struct node *stmts)
{
	if (!stmts)
		return true;
	return stmts->kind == NODE_ARRAY ? feed_stmts(f, stmts) : feed_stmt(f, stmts);
}

/* add @s { key timeout 1m counter : data } */
static bool stmt_set(struct json_feed *f, const struct node *n)
{
	const struct node *op = feed_need(f, n, "op"), *elem = feed_need(f, n, "elem"),
			  *set = feed_need(f, n, n->key), *data = node_get(n, "data");

	return op && elem && set && feed_words(f, op) && set_name(f, set) &&
	       feed_punct(f, elem, '{') && feed_expr(f, elem) &&
	       element_stmts(f, node_get(n, "stmt")) &&
	       (!data || (feed_punct(f, data, ':') && feed_expr(f, data))) &&
	       feed_punct(f, elem, '}');
}

static bool stmt_meter(struct json_feed *f, const struct node *n)
{
	const struct node *key = feed_need(f, n, "key"), *stmt = feed_need(f, n, "stmt");

	return key && stmt && feed_key(f, n, "meter") && feed_name(f, n, "name") &&
	       feed_option(f, n, "size", "size", feed_number) && feed_punct(f, key, '{') &&
	       feed_expr(f, key) && element_stmts(f, stmt) && feed_punct(f, key, '}');
}

static bool stmt_flow(struct json_feed *f, const struct node *n)
{
	const struct node *op = feed_need(f, n, "op"), *table = feed_need(f, n, "flowtable");

	return op && table && feed_key(f, n, "flow") && feed_words(f, op) && set_name(f, table);
}

static bool stmt_xt(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "xt");
}

/* ---- all of them ---- */

static const struct {
	const char *key;
	bool (*feed)(struct json_feed *f, const struct node *n);
	bool stateful; /* may belong to an element or set */
} stmts[] = {
	{ "match", stmt_match, false },
	{ "accept", feed_verdict, false },
	{ "drop", feed_verdict, false },
	{ "continue", feed_verdict, false },
	{ "return", feed_verdict, false },
	{ "jump", feed_verdict, false },
	{ "goto", feed_verdict, false },
	{ "vmap", stmt_vmap, false },
	{ "counter", stmt_counter, true },
	{ "quota", stmt_quota, true },
	{ "limit", stmt_limit, true },
	{ "ct count", stmt_ct_count, true },
	{ "last", stmt_last, true },
	{ "mangle", stmt_mangle, false },
	{ "ct helper", stmt_ct_object, false },
	{ "ct timeout", stmt_ct_object, false },
	{ "ct expectation", stmt_ct_object, false },
	{ "secmark", stmt_secmark, false },
	{ "reject", stmt_reject, false },
	{ "log", stmt_log, false },
	{ "notrack", stmt_notrack, false },
	{ "snat", stmt_nat, false },
	{ "dnat", stmt_nat, false },
	{ "masquerade", stmt_nat, false },
	{ "redirect", stmt_nat, false },
	{ "tproxy", stmt_tproxy, false },
	{ "dup", stmt_dup, false },
	{ "fwd", stmt_fwd, false },
	{ "queue", stmt_queue, false },
	{ "synproxy", stmt_synproxy, false },
	{ "reset", stmt_reset, false },
	{ "set", stmt_set, false },
	{ "map", stmt_set, false },
	{ "meter", stmt_meter, false },
	{ "flow", stmt_flow, false },
	{ "xt", stmt_xt, false },
};
#define N_STMTS (sizeof(stmts) / sizeof(stmts[0]))

bool feed_stmt_known(const char *key)
{
	for (size_t i = 0; i < N_STMTS; i++) {
		if (!strcmp(stmts[i].key, key))
			return stmts[i].stateful;
	}
	return false;
}

bool feed_stmt_member(struct json_feed *f, const struct node *member)
{
	const char *words[N_STMTS + 1];

	for (size_t i = 0; i < N_STMTS; i++) {
		if (!strcmp(stmts[i].key, member->key))
			return stmts[i].feed(f, member);
		words[i] = stmts[i].key;
	}
	words[N_STMTS] = NULL;
	return feed_unknown(f, member, "statement", words);
}

bool feed_stmt(struct json_feed *f, const struct node *n)
{
	const struct node *member = feed_only(f, n, "a statement");

	return member && feed_stmt_member(f, member);
}

bool feed_stmts(struct json_feed *f, const struct node *array)
{
	if (array->kind != NODE_ARRAY)
		return feed_expected(f, array, "an array of statements");
	NODE_EACH(stmt, array) {
		if (!feed_stmt(f, stmt))
			return false;
	}
	return true;
}
