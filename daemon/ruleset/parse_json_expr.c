/* parse_json_expr.c - expressions of a JSON document; see parse_json.h. */
#include "ruleset/parse_json.h"

/* ---- verdicts ---- */

static const struct {
	const char *key;
	bool target;
} verdicts[] = {
	{ "accept", false }, { "drop", false }, { "continue", false },
	{ "return", false }, { "jump", true },	{ "goto", true },
};

bool feed_verdict(struct json_feed *f, const struct node *member)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (strcmp(verdicts[i].key, member->key) != 0)
			continue;
		return feed_key(f, member, verdicts[i].key) &&
		       (!verdicts[i].target || feed_name(f, member, "target"));
	}
	return false;
}

/* ---- what is made of others ---- */

/* All of an array, with something between. */
static bool feed_parts(struct json_feed *f, const struct node *n, int between)
{
	bool first = true;

	if (n->kind != NODE_ARRAY)
		return feed_part(f, n);
	NODE_EACH(part, n) {
		if (!first && !feed_punct(f, part, between))
			return false;
		if (!feed_part(f, part))
			return false;
		first = false;
	}
	return !first || feed_wrong(f, n, "there is nothing in this array");
}

static bool expr_concat(struct json_feed *f, const struct node *n)
{
	return feed_parts(f, n, '.');
}

static bool expr_set(struct json_feed *f, const struct node *n)
{
	return feed_elements(f, n);
}

static bool expr_map(struct json_feed *f, const struct node *n)
{
	const struct node *key = feed_need(f, n, "key"), *data = feed_need(f, n, "data");

	return key && data && feed_part(f, key) && feed_key(f, n, "map") && feed_part(f, data);
}

static bool expr_prefix(struct json_feed *f, const struct node *n)
{
	const struct node *addr = feed_need(f, n, "addr"), *len = feed_need(f, n, "len");

	return addr && len && feed_part(f, addr) && feed_punct(f, n, '/') &&
	       feed_number(f, len);
}

static bool expr_range(struct json_feed *f, const struct node *n)
{
	const struct node *lo = n + 1;

	if (n->kind != NODE_ARRAY || node_count(n) != 2)
		return feed_wrong(f, n, "a range is an array of two values");
	return feed_part(f, lo) && feed_punct(f, n, '-') && feed_part(f, node_next(lo));
}

static const struct {
	const char *key;
	int punct;
} operators[] = {
	{ "&", '&' },		{ "|", '|' },		{ "^", '^' },
	{ "<<", PUNCT_LSHIFT }, { ">>", PUNCT_RSHIFT },
};

static int find_operator(const char *key)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (!strcmp(operators[i].key, key))
			return operators[i].punct;
	}
	return 0;
}

/* Operations group from the left: the same one there needs no parentheses. */
static bool operation_parts(struct json_feed *f, const struct node *n, const char *key)
{
	const struct node *first = n + 1, *inner = node_get(first, key);

	if (n->kind != NODE_ARRAY || node_count(n) < 2)
		return feed_wrong(f, n, "an operation is an array of two expressions");
	if (inner ? !operation_parts(f, inner, key) : !feed_part(f, first))
		return false;
	for (const struct node *part = node_next(first); part < node_next(n);
	     part = node_next(part)) {
		if (!feed_punct(f, part, find_operator(key)) || !feed_part(f, part))
			return false;
	}
	return true;
}

static bool expr_operation(struct json_feed *f, const struct node *n)
{
	return operation_parts(f, n, n->key);
}

static bool expr_elem(struct json_feed *f, const struct node *n)
{
	const struct node *val = feed_need(f, n, "val"), *comment = node_get(n, "comment");

	if (!val || !feed_part(f, val))
		return false;
	NODE_EACH(member, n) {
		if (feed_stmt_known(member->key) && !feed_stmt_member(f, member))
			return false;
	}
	return feed_option(f, n, "timeout", "timeout", feed_seconds) &&
	       feed_option(f, n, "expires", "expires", feed_seconds) &&
	       (!comment || (feed_key(f, comment, "comment") && feed_string(f, comment)));
}

/* ---- fields ---- */

/* A member that says its part in words; none when it may be missing and is. */
static bool said(struct json_feed *f, const struct node *n, const char *key, bool must)
{
	const struct node *member = must ? feed_need(f, n, key) : node_get(n, key);

	return member ? feed_words(f, member) : !must;
}

/* @BASE,OFFSET,LENGTH */
static bool raw(struct json_feed *f, const struct node *n)
{
	const struct node *base = feed_need(f, n, "base"), *off = feed_need(f, n, "offset"),
			  *len = feed_need(f, n, "len");

	if (!base || !off || !len || !feed_punct(f, n, '@'))
		return false;
	return (base->kind == NODE_STRING ? feed_words(f, base) : feed_number(f, base)) &&
	       feed_punct(f, n, ',') && feed_number(f, off) && feed_punct(f, n, ',') &&
	       feed_number(f, len);
}

static bool expr_payload(struct json_feed *f, const struct node *n)
{
	if (node_get(n, "base"))
		return raw(f, n);
	return said(f, n, "protocol", true) && said(f, n, "field", true);
}

static bool feed_digit(struct json_feed *f, const struct node *n, uint64_t digit)
{
	struct node number = { .kind = NODE_INTEGER, .off = n->off, .len = n->len };

	number.number = digit;
	return feed_number(f, &number);
}

/* "addr[1]", or the number in a member of its own. */
static bool exthdr_field(struct json_feed *f, const struct node *n)
{
	const struct node *field = feed_need(f, n, "field");
	size_t len;

	if (!field || field->kind != NODE_STRING || !strchr(field->s, '['))
		return field && feed_words(f, field);
	len = strcspn(field->s, "[");
	if (field->s[len + 1] < '0' || field->s[len + 1] > '9' ||
	    strcmp(field->s + len + 2, "]") != 0 || lex_one(field->s, len).kind != TOKEN_WORD)
		return feed_wrong(f, field, "this is not the name of a field");
	return feed_made(f, field, "%.*s", (int)len, field->s) && feed_punct(f, field, '[') &&
	       feed_digit(f, field, (uint64_t)(field->s[len + 1] - '0')) &&
	       feed_punct(f, field, ']');
}

static bool index_of(struct json_feed *f, const struct node *n)
{
	const struct node *offset = node_get(n, "offset");

	if (!offset)
		return true;
	return feed_punct(f, offset, '[') && feed_number(f, offset) &&
	       feed_punct(f, offset, ']');
}

static bool expr_exthdr(struct json_feed *f, const struct node *n)
{
	if (!node_get(n, "field"))
		return feed_key(f, n, "exthdr") && said(f, n, "name", true);
	return said(f, n, "name", true) && exthdr_field(f, n) && index_of(f, n);
}

static bool expr_option(struct json_feed *f, const struct node *n)
{
	const char *space = strchr(n->key, ' ');
	static const char *const words[] = { "tcp", "ip", "dccp", "sctp" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strncmp(words[i], n->key, (size_t)(space - n->key)) &&
		    !feed_key(f, n, words[i]))
			return false;
	}
	if (!feed_key(f, n, space + 1))
		return false;
	if (node_get(n, "base"))
		return raw(f, n);
	if (node_get(n, "type"))
		return feed_number(f, node_get(n, "type"));
	return said(f, n, "name", true) && said(f, n, "field", false);
}

static bool expr_meta(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "meta") && said(f, n, "key", true);
}

static bool expr_ct(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "ct") && said(f, n, "dir", false) &&
	       said(f, n, "family", false) && said(f, n, "key", true);
}

static bool expr_rt(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "rt") && said(f, n, "family", false) && said(f, n, "key", true);
}

static bool expr_socket(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "socket") && said(f, n, "key", true);
}

static bool expr_osf(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "osf") && feed_option(f, n, "ttl", "ttl", feed_words) &&
	       said(f, n, "key", true);
}

static bool expr_ipsec(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "ipsec") && said(f, n, "dir", true) &&
	       feed_option(f, n, "spnum", "spnum", feed_number) &&
	       said(f, n, "family", false) && said(f, n, "key", true);
}

static bool expr_fib(struct json_feed *f, const struct node *n)
{
	const struct node *flags = feed_need(f, n, "flags");

	return flags && feed_key(f, n, "fib") && feed_flags(f, flags, '.') &&
	       said(f, n, "result", true);
}

static bool expr_numgen(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "numgen") && said(f, n, "mode", true) &&
	       feed_need(f, n, "mod") && feed_option(f, n, "mod", "mod", feed_number) &&
	       feed_option(f, n, "offset", "offset", feed_number);
}

static bool expr_jhash(struct json_feed *f, const struct node *n)
{
	const struct node *of = feed_need(f, n, "expr");

	return of && feed_key(f, n, "jhash") && feed_part(f, of) && feed_need(f, n, "mod") &&
	       feed_option(f, n, "mod", "mod", feed_number) &&
	       feed_option(f, n, "seed", "seed", feed_number) &&
	       feed_option(f, n, "offset", "offset", feed_number);
}

static bool expr_symhash(struct json_feed *f, const struct node *n)
{
	return feed_key(f, n, "symhash") && feed_need(f, n, "mod") &&
	       feed_option(f, n, "mod", "mod", feed_number) &&
	       feed_option(f, n, "offset", "offset", feed_number);
}

/* ---- all of them ---- */

static const struct {
	const char *key;
	bool (*feed)(struct json_feed *f, const struct node *n);
} exprs[] = {
	{ "concat", expr_concat },
	{ "set", expr_set },
	{ "map", expr_map },
	{ "prefix", expr_prefix },
	{ "range", expr_range },
	{ "payload", expr_payload },
	{ "exthdr", expr_exthdr },
	{ "tcp option", expr_option },
	{ "ip option", expr_option },
	{ "dccp option", expr_option },
	{ "sctp chunk", expr_option },
	{ "meta", expr_meta },
	{ "ct", expr_ct },
	{ "rt", expr_rt },
	{ "socket", expr_socket },
	{ "osf", expr_osf },
	{ "ipsec", expr_ipsec },
	{ "fib", expr_fib },
	{ "numgen", expr_numgen },
	{ "jhash", expr_jhash },
	{ "symhash", expr_symhash },
	{ "elem", expr_elem },
	{ "&", expr_operation },
	{ "|", expr_operation },
	{ "^", expr_operation },
	{ "<<", expr_operation },
	{ ">>", expr_operation },
	{ "accept", feed_verdict },
	{ "drop", feed_verdict },
	{ "continue", feed_verdict },
	{ "return", feed_verdict },
	{ "jump", feed_verdict },
	{ "goto", feed_verdict },
};
#define N_EXPRS (sizeof(exprs) / sizeof(exprs[0]))

static bool feed_object(struct json_feed *f, const struct node *n)
{
	const struct node *member = feed_only(f, n, "an expression");
	const char *words[N_EXPRS + 1];

	if (!member)
		return false;
	for (size_t i = 0; i < N_EXPRS; i++) {
		if (!strcmp(exprs[i].key, member->key))
			return exprs[i].feed(f, member);
		words[i] = exprs[i].key;
	}
	words[N_EXPRS] = NULL;
	return feed_unknown(f, member, "expression", words);
}

/* "@name" is a set, "*" what is in no other element, all else a constant. */
static bool feed_symbol(struct json_feed *f, const struct node *n)
{
	if (!strcmp(n->s, "*"))
		return feed_punct(f, n, '*');
	if (*n->s != '@')
		return feed_string(f, n);
	if (lex_one(n->s + 1, strlen(n->s + 1)).kind != TOKEN_WORD)
		return feed_wrong(f, n, "\"%.64s\" is not the name of a set", n->s);
	return feed_punct(f, n, '@') && feed_word(f, n, n->s + 1);
}

/* What does not fit a signed number of 64 bits is written as a negative one. */
static bool feed_value(struct json_feed *f, const struct node *n)
{
	struct node whole = *n;

	if (n->negative)
		whole.number = -n->number;
	whole.negative = false;
	return feed_number(f, &whole);
}

static bool feed_simple(struct json_feed *f, const struct node *n)
{
	switch (n->kind) {
	case NODE_STRING:
		return feed_symbol(f, n);
	case NODE_INTEGER:
		return feed_value(f, n);
	case NODE_TRUE:
		return feed_word(f, n, "exists");
	case NODE_FALSE:
		return feed_word(f, n, "missing");
	case NODE_OBJECT:
		return feed_object(f, n);
	default:
		return feed_expected(f, n, "an expression");
	}
}

bool feed_expr(struct json_feed *f, const struct node *n)
{
	return n->kind == NODE_ARRAY ? feed_parts(f, n, ',') : feed_simple(f, n);
}

static bool is_operation(const struct node *n)
{
	return n->kind == NODE_ARRAY ||
	       (n->kind == NODE_OBJECT && n->size > 1 && find_operator(n[1].key));
}

/* Flags in a list are or'ed. */
bool feed_part(struct json_feed *f, const struct node *n)
{
	if (!is_operation(n))
		return feed_simple(f, n);
	return feed_punct(f, n, '(') &&
	       (n->kind == NODE_ARRAY ? feed_parts(f, n, '|') : feed_simple(f, n)) &&
	       feed_punct(f, n, ')');
}

/* ---- elements ---- */

/* One, or a pair of key and data. */
static bool feed_element(struct json_feed *f, const struct node *n)
{
	const struct node *key = n + 1;

	if (n->kind != NODE_ARRAY)
		return feed_expr(f, n);
	if (node_count(n) != 2)
		return feed_wrong(f, n,
				  "an element of a map is an array of a key and its data");
	return feed_part(f, key) && feed_punct(f, n, ':') && feed_part(f, node_next(key));
}

bool feed_elements(struct json_feed *f, const struct node *n)
{
	bool first = true;

	/* An echo shows them like this. */
	if (node_get(n, "set") && node_count(n) == 1)
		n = node_get(n, "set");
	if (!feed_punct(f, n, '{'))
		return false;
	if (n->kind != NODE_ARRAY)
		return feed_element(f, n) && feed_punct(f, n, '}');
	NODE_EACH(element, n) {
		if (!first && !feed_punct(f, element, ','))
			return false;
		if (!feed_element(f, element))
			return false;
		first = false;
	}
	return feed_punct(f, n, '}');
}
