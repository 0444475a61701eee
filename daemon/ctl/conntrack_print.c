/* conntrack_print.c - flows and events as conntrack(8) prints them.
 *
 * Three forms: lines (flow_print_line() of the library), XML, and commands (-o save) that
 * make the flow again.  They are compared with the output of conntrack 1.4.7; where a member
 * of it means nothing here (secmark, portid), it is left out. */
#include "ctl/conntrack_print.h"
#include "ctl/connlabel.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include "ctfw/control.h"
#include "ctfw/expect.h"
#include "ctfw/hostclock.h"
#include "ctfw/text.h"

/* One flow, with what stands around it. */
struct entry {
	struct flow flow;
	enum conntrack_event event; /* 0: none */
	bool state, mark;           /* the event carries them */
	uint64_t time;              /* real ns: now, or when it happened */
	const json_t *object;       /* of the flow */
};

static const char *json_text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool has_word(const json_t *words, const char *word)
{
	const json_t *w;
	size_t i;

	json_array_foreach (words, i, w)
		if (json_is_string(w) && strcmp(json_string_value(w), word) == 0)
			return true;
	return false;
}

static uint64_t age(const struct entry *e)
{
	return e->time > e->flow.start ? (e->time - e->flow.start) / NSEC_PER_SEC : 0;
}

/* "Thu Nov 26 09:40:11 2026" */
static void date(uint64_t real, char buf[32])
{
	time_t t = (time_t)(real / NSEC_PER_SEC);
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(buf, 32, "%a %b %e %H:%M:%S %Y", &tm))
		strcpy(buf, "-");
}

/* ---- lines ---- */

/* Ages stand in lists, and in events of an end. */
static void times_print(const struct conntrack_printer *p, const struct entry *e,
			struct text *out)
{
	bool dates = p->output & OUTPUT_KTIMESTAMP;
	char start[32], stop[32];

	if ((e->event && e->event != EVENT_DESTROY) || (!dates && !p->timestamp))
		return;
	text_printf(out, "delta-time=%" PRIu64 " ", age(e));
	if (!dates)
		return;
	date(e->flow.start, start);
	text_printf(out, "[start=%s] ", start);
	if (e->event) {
		date(e->time, stop);
		text_printf(out, "[stop=%s] ", stop);
	}
}

static bool shows_counters(const struct conntrack_printer *p, const struct entry *e)
{
	return p->acct && (!e->event || e->event == EVENT_DESTROY);
}

/* When it happened; real time, ns. */
static void stamp_print(uint64_t time, struct text *out)
{
	text_printf(out, "[%" PRIu64 ".%06u]\t", (uint64_t)(time / NSEC_PER_SEC),
		    (unsigned)(time % NSEC_PER_SEC / 1000));
}

static void line_print(const struct conntrack_printer *p, const struct entry *e,
		       struct text *out)
{
	const char *helper = json_text(e->object, "helper");
	struct text times = TEXT_INIT, help = TEXT_INIT, labels = TEXT_INIT;
	struct flow_line how = {
		.flags = (p->output & OUTPUT_EXTENDED ? FLOW_LINE_EXTENDED : 0) |
			 (p->output & OUTPUT_ID ? FLOW_LINE_ID : 0) |
			 (shows_counters(p, e) ? FLOW_LINE_COUNTERS : 0) |
			 (e->event ? FLOW_LINE_EVENT : 0) | (e->state ? FLOW_LINE_STATE : 0) |
			 (e->mark ? FLOW_LINE_MARK : 0) |
			 (e->event == EVENT_DESTROY ? FLOW_LINE_EXPIRED : 0),
	};

	if (e->event && p->output & OUTPUT_TIMESTAMP)
		stamp_print(e->time, out);
	if (e->event)
		text_printf(out, "%9s ", e->event == EVENT_NEW	  ? "[NEW]" :
					  e->event == EVENT_UPDATE ? "[UPDATE]" :
								     "[DESTROY]");
	times_print(p, e, &times);
	if (helper)
		text_printf(&help, "helper=%s ", helper);
	how.times = text_str(&times);
	how.helper = text_str(&help);
	if (p->output & OUTPUT_LABELS)
		connlabel_print(json_object_get(e->object, "labels"), "labels=", ",", &labels);
	how.labels = text_str(&labels);
	flow_print_line(&e->flow, &how, out);
	text_fini(&times);
	text_fini(&help);
	text_fini(&labels);
}

/* ---- XML ---- */

static void xml_l4(const struct tuple *t, struct text *out)
{
	unsigned sport = ntohs(t->sport), dport = ntohs(t->dport);

	text_printf(out, "<layer4 protonum=\"%u\" protoname=\"%s\">", t->l4,
		    l4proto_name(t->l4));
	switch (t->l4) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		text_printf(out, "<sport>%u</sport><dport>%u</dport>", sport, dport);
		break;
	case IPPROTO_GRE:
		text_printf(out, "<srckey>0x%x</srckey><dstkey>0x%x</dstkey>", sport, dport);
		break;
	}
	text_puts(out, "</layer4>");
}

static void xml_side(const struct conntrack_printer *p, const struct entry *e,
		     enum flow_dir dir, struct text *out)
{
	const struct tuple *t = &e->flow.tuple[dir];
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	text_printf(out,
		    "<meta direction=\"%s\"><layer3 protonum=\"%u\" protoname=\"%s\">"
		    "<src>%s</src><dst>%s</dst></layer3>",
		    dir == DIR_ORIGINAL ? "original" : "reply", t->l3,
		    t->l3 == L3_IPV4 ? "ipv4" : "ipv6", addr_print(t->l3, &t->src, src),
		    addr_print(t->l3, &t->dst, dst));
	xml_l4(t, out);
	if (t->zone && t->zone != e->flow.tuple[!dir].zone)
		text_printf(out, "<zone>%u</zone>", t->zone);
	if (shows_counters(p, e))
		text_printf(out,
			    "<counters><packets>%" PRIu64 "</packets><bytes>%" PRIu64
			    "</bytes></counters>",
			    e->flow.acct[dir].packets, e->flow.acct[dir].bytes);
	text_puts(out, "</meta>");
}

static void xml_times(const struct conntrack_printer *p, const struct entry *e,
		      struct text *out)
{
	if (e->event && e->event != EVENT_DESTROY)
		return;
	if (p->output & OUTPUT_KTIMESTAMP) {
		text_printf(out, "<timestamp><start>%" PRIu64 "</start>", e->flow.start);
		if (e->event)
			text_printf(out, "<stop>%" PRIu64 "</stop>", e->time);
		text_puts(out, "</timestamp>");
	}
	if (p->output & OUTPUT_KTIMESTAMP || p->timestamp)
		text_printf(out, "<deltatime>%" PRIu64 "</deltatime>", age(e));
}

static void xml_labels(const struct conntrack_printer *p, const struct entry *e,
		       struct text *out)
{
	struct text names = TEXT_INIT;

	if (!(p->output & OUTPUT_LABELS))
		return;
	connlabel_print(json_object_get(e->object, "labels"), "<label>", "</label><label>",
			&names);
	if (names.len)
		text_printf(out, "<labels>%s</label></labels>", text_str(&names));
	text_fini(&names);
}

static void xml_independent(const struct conntrack_printer *p, const struct entry *e,
			    struct text *out)
{
	const struct flow *f = &e->flow;
	const struct tuple *t = f->tuple;
	uint32_t status = f->status, mark = f->mark;
	uint64_t seconds = f->expires / NSEC_PER_SEC;

	text_puts(out, "<meta direction=\"independent\">");
	if (t->l4 == IPPROTO_TCP && (!e->event || e->state))
		text_printf(out, "<state>%s</state>", tcp_state_name(f->proto.tcp.state));
	if (t->l4 == IPPROTO_SCTP && (!e->event || e->state))
		text_printf(out, "<state>%s</state>", sctp_state_name(f->proto.sctp.state));
	if (seconds || e->event != EVENT_DESTROY)
		text_printf(out, "<timeout>%" PRIu64 "</timeout>", seconds);
	if (!e->event || mark || e->mark)
		text_printf(out, "<mark>%" PRIu32 "</mark>", mark);
	if (t[0].zone && t[0].zone == t[1].zone)
		text_printf(out, "<zone>%u</zone>", t[0].zone);
	if (!e->event)
		text_puts(out, "<use>1</use>");
	text_printf(out, "<id>%" PRIu32 "</id>", f->id);
	text_puts(out, status & FLOW_ASSURED ? "<assured/>" : "");
	text_puts(out, status & FLOW_SEEN_REPLY ? "" : "<unreplied/>");
	xml_times(p, e, out);
	xml_labels(p, e, out);
	text_puts(out, "</meta>");
}

/* Real time, ns. */
static void xml_when(uint64_t time, struct text *out)
{
	time_t t = (time_t)(time / NSEC_PER_SEC);
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return;
	text_printf(out,
		    "<when><hour>%d</hour><min>%02d</min><sec>%02d</sec><wday>%d</wday>"
		    "<day>%d</day><month>%d</month><year>%d</year></when>",
		    tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_wday + 1, tm.tm_mday,
		    tm.tm_mon + 1, 1900 + tm.tm_year);
}

static const char *xml_type(enum conntrack_event event)
{
	return event == EVENT_NEW     ? " type=\"new\"" :
	       event == EVENT_UPDATE  ? " type=\"update\"" :
	       event == EVENT_DESTROY ? " type=\"destroy\"" :
					"";
}

static void xml_print(const struct conntrack_printer *p, const struct entry *e,
		      struct text *out)
{
	text_printf(out, "<flow%s>", xml_type(e->event));
	xml_side(p, e, DIR_ORIGINAL, out);
	xml_side(p, e, DIR_REPLY, out);
	xml_independent(p, e, out);
	if (e->event && p->output & OUTPUT_TIMESTAMP)
		xml_when(e->time, out);
	text_puts(out, "</flow>");
}

/* ---- commands ---- */

static void save_status(uint32_t status, struct text *out)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = { { FLOW_SEEN_REPLY, "SEEN_REPLY" },
		      { FLOW_ASSURED, "ASSURED" },
		      { FLOW_FIXED_TIMEOUT, "FIXED_TIMEOUT" } };
	const char *comma = "";

	text_puts(out, " -u ");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(status & names[i].bit))
			continue;
		text_printf(out, "%s%s", comma, names[i].name);
		comma = ",";
	}
	if (!*comma)
		text_puts(out, "UNSET");
}

static void save_zones(const struct flow *f, struct text *out)
{
	uint16_t original = f->tuple[DIR_ORIGINAL].zone, reply = f->tuple[DIR_REPLY].zone;

	if (original && original == reply) {
		text_printf(out, " -w %u", original);
		return;
	}
	if (original)
		text_printf(out, " --orig-zone %u", original);
	if (reply)
		text_printf(out, " --reply-zone %u", reply);
}

static void save_l4(const struct flow *f, struct text *out)
{
	const struct tuple *o = &f->tuple[DIR_ORIGINAL], *r = &f->tuple[DIR_REPLY];
	const uint8_t *icmp = (const uint8_t *)&o->dport;

	switch (o->l4) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		text_printf(out,
			    " --sport %u --dport %u --reply-port-src %u --reply-port-dst %u",
			    ntohs(o->sport), ntohs(o->dport), ntohs(r->sport), ntohs(r->dport));
		break;
	case IPPROTO_ICMP:
		text_printf(out, " --icmp-type %u --icmp-code %u --icmp-id %u", icmp[0],
			    icmp[1], ntohs(o->sport));
		break;
	case IPPROTO_ICMPV6:
		text_printf(out, " --icmpv6-type %u --icmpv6-code %u --icmpv6-id %u", icmp[0],
			    icmp[1], ntohs(o->sport));
		break;
	case IPPROTO_GRE:
		text_printf(out,
			    " --srckey %u --dstkey %u --reply-key-src %u --reply-key-dst %u",
			    ntohs(o->sport), ntohs(o->dport), ntohs(r->sport), ntohs(r->dport));
		break;
	}
}

static void save_print(const struct entry *e, struct text *out)
{
	const struct flow *f = &e->flow;
	const struct tuple *o = &f->tuple[DIR_ORIGINAL], *r = &f->tuple[DIR_REPLY];
	char a[4][ADDR_TEXT];
	uint32_t mark = f->mark;

	text_printf(out, "-%c -t %" PRIu64, e->event == EVENT_UPDATE  ? 'U' :
					     e->event == EVENT_DESTROY ? 'D' : 'A',
		    (uint64_t)(f->expires / NSEC_PER_SEC));
	save_status(f->status, out);
	if (mark)
		text_printf(out, " -m %" PRIu32, mark);
	save_zones(f, out);
	text_printf(out, " -s %s -d %s -r %s -q %s -p ", addr_print(o->l3, &o->src, a[0]),
		    addr_print(o->l3, &o->dst, a[1]), addr_print(r->l3, &r->src, a[2]),
		    addr_print(r->l3, &r->dst, a[3]));
	if (strcmp(l4proto_name(o->l4), "unknown") == 0)
		text_printf(out, "%u", o->l4);
	else
		text_puts(out, l4proto_name(o->l4));
	save_l4(f, out);
	if (o->l4 == IPPROTO_TCP)
		text_printf(out, " --state %s", tcp_state_name(f->proto.tcp.state));
	else if (o->l4 == IPPROTO_SCTP)
		text_printf(out, " --state %s --orig-vtag %" PRIu32 " --reply-vtag %" PRIu32,
			    sctp_state_name(f->proto.sctp.state),
			    ntohl(f->proto.sctp.vtag[DIR_ORIGINAL]),
			    ntohl(f->proto.sctp.vtag[DIR_REPLY]));
}

/* ---- any of them ---- */

void conntrack_print_show(struct conntrack_printer *p, const json_t *show)
{
	p->acct = has_word(show, "acct");
	p->timestamp = has_word(show, "timestamp");
}

static void open_xml(struct conntrack_printer *p, const char *root)
{
	if (!p->root)
		fprintf(p->ctl->out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<%s>\n",
			root);
	p->root = root;
}

static int entry_print(struct conntrack_printer *p, struct entry *e, const json_t *flow)
{
	struct text out = TEXT_INIT;

	if (control_flow_decode(flow, &e->flow))
		return ctl_error(p->ctl, "ctfwd told of a flow that this ctfwctl does not "
					 "understand");
	e->object = flow;
	if (p->output & OUTPUT_SAVE) {
		save_print(e, &out);
	} else if (p->output & OUTPUT_XML) {
		open_xml(p, "conntrack");
		xml_print(p, e, &out);
	} else {
		line_print(p, e, &out);
	}
	text_putc(&out, '\n');
	fputs(text_str(&out), p->ctl->out);
	p->shown++;
	text_fini(&out);
	return 0;
}

int conntrack_print_flow(struct conntrack_printer *p, const json_t *flow)
{
	struct entry e = { .time = hostclock_real() };

	return entry_print(p, &e, flow);
}

/* To the microsecond, which is what is printed; real time, ns. */
static uint64_t time_of(const json_t *event)
{
	return (uint64_t)(json_number_value(json_object_get(event, "time")) * 1e6) * 1000;
}

int conntrack_print_event(struct conntrack_printer *p, const json_t *event)
{
	const char *kind = json_text(event, "kind");
	const json_t *changes = json_object_get(event, "changes");
	struct entry e = {
		.event = !kind			      ? EVENT_UPDATE :
			 strcmp(kind, "new") == 0     ? EVENT_NEW :
			 strcmp(kind, "destroy") == 0 ? EVENT_DESTROY :
							EVENT_UPDATE,
		.mark = has_word(changes, "mark"),
		.time = time_of(event),
	};

	e.state = e.event == EVENT_DESTROY || has_word(changes, "protoinfo");
	return entry_print(p, &e, json_object_get(event, "flow"));
}

/* ---- expectations ---- */

/* What is said of it and of its master, and which bits of it count. */
struct expect_part {
	const char *name;
	struct tuple tuple;
};

static void expect_xml_tuples(const struct expect *e, struct text *out)
{
	const struct expect_part parts[] = {
		{ "expected", e->tuple },
		{ "mask", expect_mask(e) },
		{ "master", e->master_tuple },
	};
	char src[ADDR_TEXT], dst[ADDR_TEXT];

	text_printf(out, "<layer3 protonum=\"%u\" protoname=\"%s\">", e->tuple.l3,
		    e->tuple.l3 == L3_IPV4 ? "ipv4" : "ipv6");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct tuple *t = &parts[i].tuple;

		text_printf(out, "<%s><src>%s</src><dst>%s</dst></%s>", parts[i].name,
			    addr_print(t->l3, &t->src, src), addr_print(t->l3, &t->dst, dst),
			    parts[i].name);
	}
	text_printf(out, "</layer3><layer4 protonum=\"%u\" protoname=\"%s\">", e->tuple.l4,
		    l4proto_name(e->tuple.l4));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct tuple *t = &parts[i].tuple;

		text_printf(out,
			    t->l4 == IPPROTO_GRE ?
				    "<%s><srckey>0x%x</srckey><dstkey>0x%x</dstkey></%s>" :
				    "<%s><sport>%u</sport><dport>%u</dport></%s>",
			    parts[i].name, ntohs(t->sport), ntohs(t->dport), parts[i].name);
	}
	text_puts(out, "</layer4>");
}

static void expect_xml(const struct conntrack_printer *p, uint64_t time,
		       enum conntrack_event event, const struct expect *e, struct text *out)
{
	const char *helper = ct_helper_name(e->helper);
	uint32_t flags = atomic_load_explicit(&e->flags, memory_order_relaxed);
	uint64_t expires = atomic_load_explicit(&e->expires, memory_order_relaxed);

	text_printf(out, "<flow%s>", xml_type(event));
	expect_xml_tuples(e, out);
	text_puts(out, "<meta>");
	if (helper)
		text_printf(out, "<helper-name>%s</helper-name>", helper);
	text_printf(out, "<timeout>%" PRIu64 "</timeout><class>%u</class>",
		    (uint64_t)(expires / NSEC_PER_SEC), e->class);
	if (e->tuple.zone)
		text_printf(out, "<zone>%u</zone>", e->tuple.zone);
	if (p->output & OUTPUT_TIMESTAMP)
		xml_when(time, out);
	text_puts(out, flags & EXPECT_PERMANENT ? "<permanent/>" : "");
	text_puts(out, flags & EXPECT_INACTIVE ? "<inactive/>" : "");
	text_puts(out, "</meta></flow>");
}

static void expect_line(const struct conntrack_printer *p, uint64_t time,
			enum conntrack_event event, const struct expect *e, struct text *out)
{
	if (p->output & OUTPUT_TIMESTAMP)
		stamp_print(time, out);
	if (event)
		text_puts(out, event == EVENT_NEW ? "    [NEW] " : "[DESTROY] ");
	expect_print(e, 0, out);
}

static void expect_show(struct conntrack_printer *p, uint64_t time, enum conntrack_event event,
			const struct expect *e)
{
	struct text out = TEXT_INIT;

	if (p->output & OUTPUT_XML) {
		open_xml(p, "expect");
		expect_xml(p, time, event, e, &out);
	} else {
		expect_line(p, time, event, e, &out);
	}
	text_putc(&out, '\n');
	fputs(text_str(&out), p->ctl->out);
	p->shown++;
	text_fini(&out);
}

void conntrack_print_expect(struct conntrack_printer *p, const struct expect *e)
{
	expect_show(p, hostclock_real(), 0, e);
}

int conntrack_print_expect_event(struct conntrack_printer *p, const json_t *event)
{
	const char *kind = json_text(event, "kind");
	bool fresh = kind && strcmp(kind, "new") == 0;
	struct expect e;

	if (control_expect_decode(json_object_get(event, "expectation"), &e))
		return ctl_error(p->ctl, "ctfwd told of an expectation that this ctfwctl does "
					 "not understand");
	expect_show(p, time_of(event), fresh ? EVENT_NEW : EVENT_DESTROY, &e);
	return 0;
}

void conntrack_print_end(struct conntrack_printer *p)
{
	if (p->root)
		fprintf(p->ctl->out, "</%s>\n", p->root);
	fflush(p->ctl->out);
}
