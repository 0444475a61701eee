/* reserve.c - the last part of the table, kept for the operator's own flows.
 *
 * Whoever can send packets can fill the table.  A share of it is therefore for flows that match
 * what the operator said (addresses, protocols, ports): they come in when others find the table
 * full, and others do not drop them early.
 *
 * Workers read what the control side changes at any time, word by word: in that instant a flow
 * may be judged by a mixture, which costs it no more than its place in a full table. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/private.h"

/* ---- how it is written ---- */

/* Decimal digits up to max and nothing else. */
static bool parse_number(const char *text, unsigned long max, uint16_t *ret_number)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	if (*end || n > max)
		return false;
	*ret_number = (uint16_t)n;
	return true;
}

static bool parse_proto(const char *name, uint8_t *ret_proto)
{
	uint16_t number;

	for (unsigned proto = 0; proto < 256; proto++) {
		const char *known = l4proto_name((uint8_t)proto);

		if (strcmp(known, "unknown") != 0 && strcmp(known, name) == 0) {
			*ret_proto = (uint8_t)proto;
			return true;
		}
	}
	if (!parse_number(name, 255, &number))
		return false;
	*ret_proto = (uint8_t)number;
	return true;
}

/* PROTOCOL[/PORT[-PORT]]; writes into its text. */
static bool parse_service(char *text, struct ct_reserve_rule *r)
{
	char *port = strchr(text, '/'), *last;

	if (port)
		*port++ = '\0';
	if (!parse_proto(text, &r->proto))
		return false;
	r->has_proto = true;
	if (!port)
		return true;
	last = strchr(port, '-');
	if (last)
		*last++ = '\0';
	return l4_has_ports(r->proto) && parse_number(port, 65535, &r->port) && r->port != 0 &&
	       parse_number(last ? last : port, 65535, &r->port_last) &&
	       r->port <= r->port_last;
}

int ct_reserve_parse(const char *text, struct ct_reserve_rule *ret_rule)
{
	struct ct_reserve_rule r;
	char copy[CT_RESERVE_TEXT], *at;

	memset(&r, 0, sizeof(r));
	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	at = strchr(copy, '@');
	if (at) {
		*at++ = '\0';
		if (prefix_parse(at, &r.prefix) < 0 || !parse_service(copy, &r))
			return -EINVAL;
	} else if (prefix_parse(copy, &r.prefix) < 0) {
		memset(&r, 0, sizeof(r));
		if (!parse_service(copy, &r))
			return -EINVAL;
	}
	*ret_rule = r;
	return 0;
}

/* ---- as workers read it ---- */

/* Of max_flows; never more than half of it, and nothing when it is for nobody. */
static uint32_t reserved_flows(const struct conntrack_options *o)
{
	uint64_t n = o->reserve.percent ? (uint64_t)o->max_flows * o->reserve.n / 100 :
					  o->reserve.n;

	if (o->reserve_for.n == 0)
		return 0;
	return n > o->max_flows / 2 ? o->max_flows / 2 : (uint32_t)n;
}

/*
 *   56     48     40      33 32          16          0
 *   +------+------+-------+--+-----------+-----------+
 *   |family| len  | proto |has| port     | port_last |
 *   +------+------+-------+--+-----------+-----------+
 */
static uint64_t pack(const struct ct_reserve_rule *r)
{
	return (uint64_t)r->prefix.family << 56 | (uint64_t)r->prefix.len << 48 |
	       (uint64_t)r->proto << 40 | (uint64_t)r->has_proto << 32 |
	       (uint64_t)r->port << 16 | r->port_last;
}

static void unpack(uint64_t word, struct ct_reserve_rule *r)
{
	r->prefix.family = (uint8_t)(word >> 56);
	r->prefix.len = (uint8_t)(word >> 48);
	r->proto = (uint8_t)(word >> 40);
	r->has_proto = word >> 32 & 1;
	r->port = (uint16_t)(word >> 16);
	r->port_last = (uint16_t)word;
}

void reserve_store(struct settings *s, const struct conntrack_options *o)
{
	for (unsigned i = 0; i < o->reserve_for.n; i++) {
		const struct ct_reserve_rule *r = &o->reserve_for.rule[i];

		atomic_store_explicit(&s->reserve_for[i][0], r->prefix.addr.d[0],
				      memory_order_relaxed);
		atomic_store_explicit(&s->reserve_for[i][1], r->prefix.addr.d[1],
				      memory_order_relaxed);
		atomic_store_explicit(&s->reserve_for[i][2], pack(r), memory_order_relaxed);
	}
	atomic_store_explicit(&s->reserve_rules, o->reserve_for.n, memory_order_relaxed);
	atomic_store_explicit(&s->reserved, reserved_flows(o), memory_order_relaxed);
}

static bool rule_matches(const struct ct_reserve_rule *r, const struct tuple *t)
{
	uint16_t dport = ntohs(t->dport);

	if (r->has_proto && r->proto != t->l4)
		return false;
	if (r->port_last && (dport < r->port || dport > r->port_last))
		return false;
	return r->prefix.family == L3_NONE || prefix_contains(&r->prefix, t->l3, &t->src) ||
	       prefix_contains(&r->prefix, t->l3, &t->dst);
}

bool reserve_is_for(const struct settings *s, const struct tuple *original)
{
	unsigned n = atomic_load_explicit(&s->reserve_rules, memory_order_relaxed);

	for (unsigned i = 0; i < n; i++) {
		struct ct_reserve_rule r;

		r.prefix.addr.d[0] = atomic_load_explicit(&s->reserve_for[i][0],
							  memory_order_relaxed);
		r.prefix.addr.d[1] = atomic_load_explicit(&s->reserve_for[i][1],
							  memory_order_relaxed);
		unpack(atomic_load_explicit(&s->reserve_for[i][2], memory_order_relaxed), &r);
		if (rule_matches(&r, original))
			return true;
	}
	return false;
}
