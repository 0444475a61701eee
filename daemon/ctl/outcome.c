/* outcome.c - what became of a packet, as a line. */
#include "ctl/outcome.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

void outcome_time(uint64_t time, struct text *t)
{
	text_printf(t, "%llu.%06llu", time / NSEC_PER_SEC, time % NSEC_PER_SEC / 1000);
}

const char *outcome_verdict(const struct replay_outcome *o)
{
	switch (o->trace.verdict) {
	case VERDICT_NONE:
		return "hold";
	case VERDICT_DROP:
		return "drop";
	case VERDICT_REJECT:
		return "reject";
	default:
		return "accept";
	}
}

const char *outcome_by(const struct replay_outcome *o)
{
	switch (o->trace.by) {
	case BY_NONE:
		return "fragment";
	case BY_RULE:
		return "rule";
	case BY_REASON:
		return reason_name(o->trace.reason);
	default:
		return "policy"; /* that of no chain at all is to accept */
	}
}

const char *outcome_state(const struct replay_outcome *o)
{
	return ct_state_name(o->trace.ct_state ? o->trace.ct_state : CT_STATE_INVALID);
}

/* Where it was decided; "none" for a packet that came to no hook. */
static const char *outcome_hook(const struct replay_outcome *o)
{
	return hook_name(o->trace.hook);
}

static bool has_direction(const struct replay_outcome *o)
{
	return o->trace.ct_has_dir;
}

static const char *direction_name(uint8_t dir)
{
	return dir == DIR_REPLY ? "reply" : "original";
}

static void json_string(struct text *t, const char *s)
{
	text_putc(t, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_printf(t, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			text_printf(t, "\\u%04x", (unsigned char)*s);
		else
			text_putc(t, *s);
	}
	text_putc(t, '"');
}

static void json_pair(struct text *t, const char *key, const char *value)
{
	text_printf(t, ",\"%s\":", key);
	json_string(t, value);
}

static void json_flow(const struct flow *f, uint64_t mono, struct text *t)
{
	const char *comma = "";

	text_printf(t, ",\"flow\":{\"id\":%" PRIu32 ",\"protonum\":%u", f->id, f->tuple[0].l4);
	if (f->tuple[0].l4 == IPPROTO_TCP)
		json_pair(t, "tcp_state", tcp_state_name(f->proto.tcp.state));
	if (f->tuple[0].l4 == IPPROTO_SCTP)
		json_pair(t, "sctp_state", sctp_state_name(f->proto.sctp.state));
	text_printf(t, ",\"timeout\":%llu,\"status\":[",
		    flow_remaining(f, mono) / NSEC_PER_SEC);
	for (unsigned i = 0; i < 32; i++) {
		const char *name = flow_status_name(1u << i);

		if (!(f->status & 1u << i) || !name)
			continue;
		text_puts(t, comma);
		json_string(t, name);
		comma = ",";
	}
	text_puts(t, "]}");
}

void outcome_json(const struct replay_outcome *o, const struct outcome_place *at,
		  struct text *t)
{
	const struct engine_trace *trace = &o->trace;

	text_printf(t, "{\"packet\":%" PRIu64 ",\"time\":", at->number);
	outcome_time(at->time, t);
	json_pair(t, "hook", outcome_hook(o));
	text_printf(t, ",\"ct\":{\"state\":\"%s\"", outcome_state(o));
	if (has_direction(o))
		json_pair(t, "direction", direction_name(trace->ct_dir));
	text_putc(t, '}');
	json_pair(t, "verdict", outcome_verdict(o));
	json_pair(t, "by", outcome_by(o));
	if ((trace->by == BY_RULE || trace->by == BY_POLICY) && trace->chain) {
		json_pair(t, "family", trace->family);
		json_pair(t, "table", trace->table);
		json_pair(t, "chain", trace->chain);
		if (trace->by == BY_RULE)
			text_printf(t, ",\"handle\":%" PRIu64, trace->handle);
	}
	if (trace->has_flow)
		json_flow(&trace->flow, at->mono, t);
	text_putc(t, '}');
}

/* ---- text ---- */

static void text_flags(uint8_t flags, struct text *t)
{
	static const char letters[] = "FSRPAUEC"; /* by bit */
	bool any = false;

	text_putc(t, ' ');
	for (unsigned i = 0; i < 8; i++) {
		if (flags & 1u << i) {
			text_putc(t, letters[i]);
			any = true;
		}
	}
	if (!any)
		text_putc(t, '-');
}

static void text_endpoint(const struct packet *p, const union addr *addr, uint16_t port,
			  struct text *t)
{
	char buf[ADDR_TEXT];
	bool has_port = p->flags & PACKET_PORTS;

	addr_print(p->family, addr, buf);
	if (!has_port)
		text_puts(t, buf);
	else if (p->family == L3_IPV6)
		text_printf(t, "[%s]:%u", buf, ntohs(port));
	else
		text_printf(t, "%s:%u", buf, ntohs(port));
}

/* "tcp 10.0.1.2:1000 > 10.0.2.2:80 S" */
static void text_packet(const struct packet *p, struct text *t)
{
	if (p->family == L3_NONE) {
		text_printf(t, "%u byte%s", p->len, p->len == 1 ? "" : "s");
		return;
	}
	if (strcmp(l4proto_name(p->l4_proto), "unknown") == 0)
		text_printf(t, "proto %u ", p->l4_proto);
	else
		text_printf(t, "%s ", l4proto_name(p->l4_proto));
	text_endpoint(p, &p->saddr, p->sport, t);
	text_puts(t, " > ");
	text_endpoint(p, &p->daddr, p->dport, t);
	if (!(p->flags & PACKET_L4_HEADER))
		return;
	if (p->l4_proto == IPPROTO_TCP)
		text_flags(p->tcp_flags, t);
	else if (p->l4_proto == IPPROTO_ICMP || p->l4_proto == IPPROTO_ICMPV6)
		text_printf(t, " type %u code %u", p->icmp_type, p->icmp_code);
}

/* Fill up with blanks to a column; one at least. */
static void text_column(struct text *t, size_t column)
{
	do
		text_putc(t, ' ');
	while (t->len < column && !text_failed(t));
}

/*
 *      1  1700000000.000100  tcp 10.0.1.2:1000 > 10.0.2.2:80 S      forward  new   accept  ...
 */
void outcome_text(const struct replay_outcome *o, const struct outcome_place *at, size_t *width,
		  struct text *t)
{
	const struct engine_trace *trace = &o->trace;
	size_t start;

	text_printf(t, "%6" PRIu64 "  ", at->number);
	outcome_time(at->time, t);
	text_puts(t, "  ");
	start = t->len;
	text_packet(&o->packet, t);
	if (t->len - start > *width)
		*width = t->len - start;
	text_column(t, start + *width + 1);
	start = t->len;
	text_printf(t, "%-11s ", trace->hook ? outcome_hook(o) : "-");
	text_puts(t, outcome_state(o));
	if (has_direction(o))
		text_printf(t, "/%s", direction_name(trace->ct_dir));
	text_column(t, start + 33);
	text_printf(t, "%-6s  ", outcome_verdict(o));
	text_puts(t, outcome_by(o));
	if ((trace->by == BY_RULE || trace->by == BY_POLICY) && trace->chain) {
		text_printf(t, " %s %s %s", trace->family, trace->table, trace->chain);
		if (trace->by == BY_RULE)
			text_printf(t, " handle %" PRIu64, trace->handle);
	}
}
