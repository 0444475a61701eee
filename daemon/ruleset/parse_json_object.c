/* parse_json_object.c - what stands behind the name of what a JSON document adds; see
 * parse_json.h.  Each object becomes the block that declares it in words. */
#include "ruleset/parse_json.h"

/* One line of a block: `word value;` of a member that may be missing. */
static bool line(struct json_feed *f, const struct node *n, const char *key, const char *word,
		 bool (*value)(struct json_feed *f, const struct node *n))
{
	const struct node *member = node_get(n, key);

	return !member || (feed_option(f, n, key, word, value) && feed_end(f, member));
}

static bool comment(struct json_feed *f, const struct node *n)
{
	return line(f, n, "comment", "comment", feed_string);
}

static bool commas(struct json_feed *f, const struct node *n)
{
	return feed_flags(f, n, ',');
}

/* ---- tables and chains ---- */

static bool body_table(struct json_feed *f, const struct node *n)
{
	return line(f, n, "flags", "flags", commas) && comment(f, n);
}

/* A number, a name, or a name with a number as in words: "filter + 5". */
static bool priority(struct json_feed *f, const struct node *n)
{
	struct node plain = *n;
	const char *s = n->kind == NODE_STRING ? n->s : "", *number;
	size_t len = strcspn(s, " +-");

	plain.negative = false;
	if (n->kind == NODE_INTEGER)
		return (!n->negative || feed_punct(f, n, '-')) && feed_number(f, &plain);
	if (n->kind != NODE_STRING)
		return feed_expected(f, n, "a number");
	if (!len || len > 32 || !feed_made(f, n, "%.*s", (int)len, s))
		return len && len <= 32 ? false : feed_wrong(f, n, "this is no priority");
	s += len + strspn(s + len, " ");
	if (!*s)
		return true;
	number = s + 1 + strspn(s + 1, " ");
	plain = (struct node){ .kind = NODE_INTEGER, .off = n->off, .len = n->len };
	for (len = 0; number[len] >= '0' && number[len] <= '9' && len < 10; len++)
		plain.number = plain.number * 10 + (uint64_t)(number[len] - '0');
	if (!len || number[len] || (*s != '+' && *s != '-'))
		return feed_wrong(f, n, "this is no priority");
	return feed_punct(f, n, *s) && feed_number(f, &plain);
}

static bool body_chain(struct json_feed *f, const struct node *n)
{
	const struct node *type = node_get(n, "type"), *hook = node_get(n, "hook"),
			  *prio = node_get(n, "prio");

	if (type || hook || prio) {
		if (!feed_need(f, n, "type") || !feed_need(f, n, "hook") ||
		    !feed_need(f, n, "prio"))
			return false;
		if (!feed_key(f, type, "type") || !feed_words(f, type) ||
		    !feed_key(f, hook, "hook") || !feed_words(f, hook) ||
		    !feed_option(f, n, "dev", "device", feed_expr) ||
		    !feed_key(f, prio, "priority") || !priority(f, prio) ||
		    !feed_end(f, prio))
			return false;
	}
	return line(f, n, "policy", "policy", feed_words) && comment(f, n);
}

/* ---- sets and maps ---- */

/* "ipv4_addr . mark", an array of these, or { "typeof": expression }. */
static bool set_type(struct json_feed *f, const struct node *n)
{
	const struct node *of = node_get(n, "typeof");
	bool first = true;

	if (of)
		return feed_expr(f, of);
	if (n->kind == NODE_STRING) {
		bool interval = !strncmp(n->s, "interval ", 9);

		if (interval && !feed_word(f, n, "interval"))
			return false;
		for (const char *s = n->s + 9 * interval; *s;) {
			size_t len = strcspn(s, " .");

			if (!first && !feed_punct(f, n, '.'))
				return false;
			if (!len || lex_one(s, len).kind != TOKEN_WORD ||
			    !feed_made(f, n, "%.*s", (int)len, s))
				return feed_wrong(f, n, "\"%.64s\" is no type", n->s);
			s += len + strspn(s + len, " .");
			first = false;
		}
		return !first || feed_wrong(f, n, "\"\" is no type");
	}
	return feed_flags(f, n, '.');
}

static bool set_stmts(struct json_feed *f, const struct node *n)
{
	if (!n)
		return true;
	if (n->kind != NODE_ARRAY)
		return feed_stmt(f, n) && feed_end(f, n);
	NODE_EACH(stmt, n) {
		if (!feed_stmt(f, stmt))
			return false;
	}
	return feed_end(f, n);
}

static bool set_elements(struct json_feed *f, const struct node *n)
{
	const struct node *elem = node_get(n, "elem");

	if (!elem || (elem->kind == NODE_ARRAY && !node_count(elem)))
		return true;
	return feed_key(f, elem, "elements") && feed_punct(f, elem, '=') &&
	       feed_elements(f, elem) && feed_end(f, elem);
}

static bool body_set(struct json_feed *f, const struct node *n)
{
	const struct node *type = feed_need(f, n, "type"), *map = node_get(n, "map"),
			  *merge = node_get(n, "auto-merge");

	if (!type || !feed_key(f, type, node_get(type, "typeof") ? "typeof" : "type") ||
	    !set_type(f, type))
		return false;
	if (map && (!feed_punct(f, map, ':') || !set_type(f, map)))
		return false;
	return feed_end(f, type) && line(f, n, "policy", "policy", feed_words) &&
	       line(f, n, "flags", "flags", commas) &&
	       line(f, n, "timeout", "timeout", feed_seconds) &&
	       line(f, n, "gc-interval", "gc-interval", feed_seconds) &&
	       line(f, n, "size", "size", feed_number) && set_stmts(f, node_get(n, "stmt")) &&
	       (!merge || merge->kind != NODE_TRUE ||
		(feed_key(f, merge, "auto-merge") && feed_end(f, merge))) &&
	       comment(f, n) && set_elements(f, n);
}

static bool body_map(struct json_feed *f, const struct node *n)
{
	return feed_need(f, n, "map") && body_set(f, n);
}

static bool devices(struct json_feed *f, const struct node *n)
{
	bool first = true;

	if (!feed_punct(f, n, '=') || !feed_punct(f, n, '{'))
		return false;
	if (n->kind != NODE_ARRAY)
		return feed_string(f, n) && feed_punct(f, n, '}');
	NODE_EACH(device, n) {
		if ((!first && !feed_punct(f, device, ',')) || !feed_string(f, device))
			return false;
		first = false;
	}
	return feed_punct(f, n, '}');
}

static bool body_flowtable(struct json_feed *f, const struct node *n)
{
	const struct node *hook = node_get(n, "hook"), *prio = node_get(n, "prio"),
			  *counter = node_get(n, "counter");

	if (hook || prio) {
		if (!feed_need(f, n, "hook") || !feed_need(f, n, "prio") ||
		    !feed_key(f, hook, "hook") || !feed_words(f, hook) ||
		    !feed_key(f, prio, "priority") || !priority(f, prio) ||
		    !feed_end(f, prio))
			return false;
	}
	return line(f, n, "dev", "devices", devices) && line(f, n, "flags", "flags", commas) &&
	       (!counter || counter->kind != NODE_TRUE ||
		(feed_key(f, counter, "counter") && feed_end(f, counter)));
}

/* ---- counters, quotas, limits ---- */

static bool body_counter(struct json_feed *f, const struct node *n)
{
	const struct node *packets = node_get(n, "packets"), *bytes = node_get(n, "bytes");

	if (packets || bytes) {
		if (!feed_option(f, n, "packets", "packets", feed_number) ||
		    !feed_option(f, n, "bytes", "bytes", feed_number) || !feed_end(f, n))
			return false;
	}
	return comment(f, n);
}

static bool inverted(struct json_feed *f, const struct node *n)
{
	const struct node *inv = node_get(n, "inv");

	return !inv || inv->kind != NODE_TRUE || feed_key(f, inv, "over");
}

static bool in_bytes(struct json_feed *f, const struct node *n)
{
	return feed_number(f, n) && feed_word(f, n, "bytes");
}

static bool body_quota(struct json_feed *f, const struct node *n)
{
	const struct node *bytes = feed_need(f, n, "bytes");

	return bytes && inverted(f, n) && in_bytes(f, bytes) &&
	       feed_option(f, n, "used", "used", in_bytes) && feed_end(f, n) && comment(f, n);
}

/* rate over 10/minute burst 3 packets, rate 10 kbytes/second burst 3 mbytes */
bool feed_rate(struct json_feed *f, const struct node *n)
{
	const struct node *rate = feed_need(f, n, "rate"), *unit = node_get(n, "rate_unit"),
			  *per = node_get(n, "per"), *burst = node_get(n, "burst"),
			  *burst_unit = node_get(n, "burst_unit");
	const char *time = per && per->kind == NODE_STRING ? per->s : "second";
	bool packets = !unit || node_is(unit, "packets");

	if (!rate || (per && per->kind != NODE_STRING && !feed_expected(f, per, "a string")) ||
	    (unit && unit->kind != NODE_STRING && !feed_expected(f, unit, "a string")))
		return false;
	if (!feed_key(f, rate, "rate") || !inverted(f, n) || !feed_number(f, rate))
		return false;
	if (packets ? !feed_punct(f, n, '/') || !feed_made(f, per ? per : n, "%.32s", time) :
		      !feed_made(f, unit, "%.32s/%.32s", unit->s, time))
		return false;
	/* 0 is none. */
	if (!burst || (burst->kind == NODE_INTEGER && !burst->number))
		return true;
	return feed_key(f, burst, "burst") && feed_number(f, burst) &&
	       (packets	   ? feed_word(f, burst, "packets") :
		burst_unit ? feed_words(f, burst_unit) :
			     feed_word(f, burst, "bytes"));
}

static bool body_limit(struct json_feed *f, const struct node *n)
{
	return feed_rate(f, n) && feed_end(f, n) && comment(f, n);
}

/* ---- what is given to flows ---- */

static bool body_helper(struct json_feed *f, const struct node *n)
{
	const struct node *type = feed_need(f, n, "type");

	return type && feed_key(f, type, "type") && feed_string(f, type) &&
	       feed_need(f, n, "protocol") && line(f, n, "protocol", "protocol", feed_words) &&
	       line(f, n, "l3proto", "l3proto", feed_words) && comment(f, n);
}

/* { established : 10, close : 3 } */
static bool policy(struct json_feed *f, const struct node *n)
{
	bool first = true;

	if (n->kind == NODE_NULL)
		return feed_punct(f, n, '=') && feed_punct(f, n, '{') && feed_punct(f, n, '}');
	if (n->kind != NODE_OBJECT)
		return feed_expected(f, n, "an object of states and seconds");
	if (!feed_punct(f, n, '=') || !feed_punct(f, n, '{'))
		return false;
	NODE_EACH(state, n) {
		if (!first && !feed_punct(f, state, ','))
			return false;
		if (lex_one(state->key, strlen(state->key)).kind != TOKEN_WORD)
			return feed_wrong(f, state, "this is not the name of a state");
		if (!feed_key(f, state, state->key) || !feed_punct(f, state, ':') ||
		    !feed_number(f, state))
			return false;
		first = false;
	}
	return feed_punct(f, n, '}');
}

static bool body_timeout(struct json_feed *f, const struct node *n)
{
	return line(f, n, "protocol", "protocol", feed_words) &&
	       line(f, n, "l3proto", "l3proto", feed_words) &&
	       line(f, n, "policy", "policy", policy) && comment(f, n);
}

static bool milliseconds(struct json_feed *f, const struct node *n)
{
	if (n->kind != NODE_INTEGER || n->negative)
		return feed_expected(f, n, "a number of milliseconds");
	return feed_made(f, n, "%llums", (unsigned long long)n->number);
}

static bool body_expectation(struct json_feed *f, const struct node *n)
{
	return line(f, n, "protocol", "protocol", feed_words) &&
	       line(f, n, "dport", "dport", feed_number) &&
	       line(f, n, "timeout", "timeout", milliseconds) &&
	       line(f, n, "size", "size", feed_number) &&
	       line(f, n, "l3proto", "l3proto", feed_words) && comment(f, n);
}

static bool synproxy_flags(struct json_feed *f, const struct node *n)
{
	if (!n)
		return true;
	if (n->kind != NODE_ARRAY)
		return feed_words(f, n) && feed_end(f, n);
	NODE_EACH(flag, n) {
		if (!feed_words(f, flag))
			return false;
	}
	return feed_end(f, n);
}

static bool body_synproxy(struct json_feed *f, const struct node *n)
{
	return line(f, n, "mss", "mss", feed_number) &&
	       line(f, n, "wscale", "wscale", feed_number) &&
	       synproxy_flags(f, node_get(n, "flags")) && comment(f, n);
}

static bool body_secmark(struct json_feed *f, const struct node *n)
{
	const struct node *context = feed_need(f, n, "context");

	return context && feed_string(f, context) && feed_end(f, n) && comment(f, n);
}

/* ---- all of them ---- */

static const struct {
	const char *object;
	bool (*feed)(struct json_feed *f, const struct node *n);
	bool always; /* also where nothing is in the block */
} bodies[] = {
	{ "table", body_table, false },
	{ "chain", body_chain, false },
	{ "set", body_set, true },
	{ "map", body_map, true },
	{ "flowtable", body_flowtable, true },
	{ "counter", body_counter, false },
	{ "quota", body_quota, true },
	{ "limit", body_limit, true },
	{ "ct helper", body_helper, true },
	{ "ct timeout", body_timeout, true },
	{ "ct expectation", body_expectation, true },
	{ "synproxy", body_synproxy, true },
	{ "secmark", body_secmark, true },
};

bool feed_body(struct json_feed *f, const char *object, const struct node *n)
{
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		size_t before;

		if (strcmp(bodies[i].object, object) != 0)
			continue;
		if (!feed_punct(f, n, '{'))
			return false;
		before = f->n;
		if (!bodies[i].feed(f, n))
			return false;
		if (f->n > before || bodies[i].always)
			return feed_punct(f, n, '}');
		f->n--; /* nothing to say */
		return true;
	}
	return true;
}
