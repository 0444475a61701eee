/* conntrack_args.c - the command line of ctfwctl conntrack.
 *
 * Options, what they may be combined with, messages and exit status are those of conntrack
 * 1.4.7; values are read more strictly, so that a mistyped port is an error and not port 0. */
#include "ctl/conntrack_args.h"
#include "ctl/connlabel.h"
#include "ctl/ctvalue.h"

#include <getopt.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof(table[0]))

enum {
	OPT_SPECIAL = 256, /* those that hang on the protocol come first */
	OPT_SPORT = OPT_SPECIAL,
	OPT_DPORT,
	OPT_REPLY_SPORT,
	OPT_REPLY_DPORT,
	OPT_STATE,
	OPT_ICMP_TYPE,
	OPT_ICMP_CODE,
	OPT_ICMP_ID,
	OPT_SRCKEY,
	OPT_DSTKEY,
	OPT_REPLY_SRCKEY,
	OPT_REPLY_DSTKEY,
	OPT_SPECIAL_END,
	OPT_ALIAS_SRC,
	OPT_ALIAS_DST,
	OPT_ORIG_ZONE,
	OPT_REPLY_ZONE,
	OPT_MASK_SRC,
	OPT_MASK_DST,
	OPT_LABEL_ADD,
	OPT_LABEL_DEL,
	OPT_REFUSED,
};

const struct command_option conntrack_options_table[] = {
	{ 'L', "dump", NULL, "List the flows" },
	{ 'G', "get", NULL, "Show one flow" },
	{ 'D', "delete", NULL, "Delete those that match, and show them" },
	{ 'I', "create", NULL, "Make a flow" },
	{ 'A', "add", NULL, "Make a flow unless there is one" },
	{ 'U', "update", NULL, "Change those that match, and show them" },
	{ 'E', "event", NULL, "Show what happens, until interrupted" },
	{ 'F', "flush", NULL, "Delete all" },
	{ 'C', "count", NULL, "Print how many there are" },
	{ 'S', "stats", NULL, "Print what each worker counted" },
	{ 'R', "load-file", "FILE", "Do what the lines of FILE say (-: standard input)" },
	{ 's', "src", "ADDR[/LEN]", "Source of the original direction" },
	{ OPT_ALIAS_SRC, "orig-src", "ADDR[/LEN]", NULL },
	{ 'd', "dst", "ADDR[/LEN]", "Destination of the original direction" },
	{ OPT_ALIAS_DST, "orig-dst", "ADDR[/LEN]", NULL },
	{ 'r', "reply-src", "ADDR[/LEN]", "Source of the reply direction" },
	{ 'q', "reply-dst", "ADDR[/LEN]", "Destination of the reply direction" },
	{ OPT_MASK_SRC, "mask-src", "MASK", "Of --src" },
	{ OPT_MASK_DST, "mask-dst", "MASK", "Of --dst" },
	{ 'p', "protonum", "PROTO", "Protocol, by name or number" },
	{ 'p', "proto", "PROTO", NULL },
	{ 'f', "family", "PROTO", "ipv4 or ipv6" },
	{ 't', "timeout", "SECONDS", "Timeout (-I, -U)" },
	{ 'u', "status", "STATUS[,...]",
	  "ASSURED, SEEN_REPLY, UNREPLIED, FIXED_TIMEOUT, EXPECTED, UNSET" },
	{ 'm', "mark", "MARK[/MASK]", "Mark; of -U, what it becomes" },
	{ 'w', "zone", "ZONE", "Zone of both directions" },
	{ OPT_ORIG_ZONE, "orig-zone", "ZONE", "Zone of the original direction" },
	{ OPT_REPLY_ZONE, "reply-zone", "ZONE", "Zone of the reply direction" },
	{ 'l', "label", "LABEL[,...]", "Labels, by name or number" },
	{ OPT_LABEL_ADD, "label-add", "LABEL[,...]", "Labels to set (-I, -A, -U)" },
	{ OPT_LABEL_DEL, "label-del", "[LABEL,...]", "Labels to clear (-U): all, or these" },
	{ 'n', "src-nat", "[ADDR]", "Those with source NAT, to ADDR" },
	{ 'g', "dst-nat", "[ADDR]", "Those with destination NAT, to ADDR" },
	{ 'j', "any-nat", "[ADDR]", "Those with either, to ADDR" },
	{ OPT_SPORT, "sport", "PORT", "Source port (with -p)" },
	{ OPT_SPORT, "orig-port-src", "PORT", NULL },
	{ OPT_DPORT, "dport", "PORT", "Destination port (with -p)" },
	{ OPT_DPORT, "orig-port-dst", "PORT", NULL },
	{ OPT_REPLY_SPORT, "reply-port-src", "PORT", "Source port of the reply direction" },
	{ OPT_REPLY_DPORT, "reply-port-dst", "PORT", "Its destination port" },
	{ OPT_STATE, "state", "STATE", "State (with -p tcp or sctp)" },
	{ OPT_ICMP_TYPE, "icmp-type", "TYPE", "With -p icmp; --icmpv6-type likewise" },
	{ OPT_ICMP_TYPE, "icmpv6-type", "TYPE", NULL },
	{ OPT_ICMP_CODE, "icmp-code", "CODE", "Likewise" },
	{ OPT_ICMP_CODE, "icmpv6-code", "CODE", NULL },
	{ OPT_ICMP_ID, "icmp-id", "ID", "Likewise" },
	{ OPT_ICMP_ID, "icmpv6-id", "ID", NULL },
	{ OPT_SRCKEY, "srckey", "KEY", "Source key (with -p gre)" },
	{ OPT_SRCKEY, "orig-key-src", "KEY", NULL },
	{ OPT_DSTKEY, "dstkey", "KEY", "Destination key" },
	{ OPT_DSTKEY, "orig-key-dst", "KEY", NULL },
	{ OPT_REPLY_SRCKEY, "reply-key-src", "KEY", "Source key of the reply direction" },
	{ OPT_REPLY_DSTKEY, "reply-key-dst", "KEY", "Its destination key" },
	{ 'o', "output", "TYPE[,...]",
	  "extended, id, timestamp, ktimestamp, xml, save, labels, userspace" },
	{ 'e', "event-mask", "TYPE[,...]", "ALL, NEW, UPDATES, DESTROY (-E)" },
	{ 'b', "buffer-size", "BYTES", "Of -E; taken, and of no effect" },
	{ 'z', "zero", NULL, "Begin the counters anew (-L)" },
	/* Known to conntrack(8), not to be had here. */
	{ 'c', "secmark", "SECMARK", NULL },
	{ OPT_REFUSED, "orig-vtag", "TAG", NULL },
	{ OPT_REFUSED, "reply-vtag", "TAG", NULL },
	{ OPT_REFUSED, "role", "ROLE", NULL },
	{ 0, NULL, NULL, NULL },
};

/* Which commands take an option, where not all of -L -G -D -I -A -U -E do. */
static const struct {
	int key;
	const char *commands;
} allowed[] = {
	{ 't', "IAU" },
	{ 'm', "LDIAUE" },
	{ 'z', "L" },
	{ 'e', "E" },
	{ 'b', "E" },
	{ 'n', "LDEU" },
	{ 'g', "LDEU" },
	{ 'j', "LDEU" },
	{ 'o', "LGDUE" },
	{ 'l', "LDUE" },
	{ OPT_LABEL_ADD, "IAU" },
	{ OPT_LABEL_DEL, "U" },
	{ OPT_MASK_SRC, "LDUE" },
	{ OPT_MASK_DST, "LDUE" },
};

static const struct {
	const char *name;
	uint32_t set, clear;
} statuses[] = {
	{ "ASSURED", FLOW_ASSURED, 0 },   { "SEEN_REPLY", FLOW_SEEN_REPLY, 0 },
	{ "UNREPLIED", 0, FLOW_SEEN_REPLY }, { "EXPECTED", FLOW_EXPECTED, 0 },
	{ "FIXED_TIMEOUT", FLOW_FIXED_TIMEOUT, 0 }, { "UNSET", 0, 0 },
};

static const struct {
	const char *name;
	unsigned flag;
} outputs[] = {
	{ "extended", OUTPUT_EXTENDED },     { "id", OUTPUT_ID },
	{ "timestamp", OUTPUT_TIMESTAMP },   { "ktimestamp", OUTPUT_KTIMESTAMP },
	{ "xml", OUTPUT_XML },		     { "save", OUTPUT_SAVE },
	{ "labels", OUTPUT_LABELS },	     { "userspace", OUTPUT_USERSPACE },
}, events[] = {
	{ "ALL", EVENT_ALL }, { "NEW", EVENT_NEW }, { "UPDATES", EVENT_UPDATE },
	{ "DESTROY", EVENT_DESTROY },
}, tables[] = {
	{ "conntrack", TABLE_CONNTRACK }, { "expect", TABLE_EXPECT }, { "dying", TABLE_DYING },
	{ "unconfirmed", TABLE_UNCONFIRMED },
};

/* ---- messages ---- */

void conntrack_say(struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	fflush(ctl->out); /* what is said stands behind what was shown */
	fprintf(ctl->err, "%s v%s (ctfw): ", ctl->program, CTFW_VERSION);
	va_start(ap, fmt);
	vfprintf(ctl->err, fmt, ap);
	va_end(ap);
	fputc('\n', ctl->err);
}

static int wrong(struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int wrong(struct ctl *ctl, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conntrack_say(ctl, "%s", text);
	fprintf(ctl->err, "Try `%s conntrack --help' for more information.\n", ctl->program);
	return CONNTRACK_USAGE;
}

/* ---- which options were given ---- */

static const char *name_of(int key)
{
	for (const struct command_option *o = conntrack_options_table; o->key; o++)
		if (o->key == key)
			return o->name;
	return "";
}

static void mark_given(struct conntrack_request *r, int key)
{
	if (key == OPT_ALIAS_SRC)
		key = 's';
	if (key == OPT_ALIAS_DST)
		key = 'd';
	for (size_t i = 0; conntrack_options_table[i].key; i++)
		if (conntrack_options_table[i].key == key) {
			r->given[i / 64] |= 1ULL << i % 64;
			return;
		}
}

bool conntrack_given(const struct conntrack_request *r, int key)
{
	for (size_t i = 0; conntrack_options_table[i].key; i++)
		if (conntrack_options_table[i].key == key)
			return r->given[i / 64] >> i % 64 & 1;
	return false;
}

/* ---- lists of words ---- */

static bool status_row(const char *word, size_t len, void *arg)
{
	struct conntrack_request *r = arg;

	for (size_t i = 0; i < COUNT(statuses); i++)
		if (ctvalue_is_word(statuses[i].name, word, len)) {
			r->status |= statuses[i].set;
			r->filter.status |= statuses[i].set;
			r->filter.status_clear |= statuses[i].clear;
			return true;
		}
	return false;
}

static bool output_row(const char *word, size_t len, void *arg)
{
	struct conntrack_request *r = arg;

	for (size_t i = 0; i < COUNT(outputs); i++)
		if (ctvalue_is_word(outputs[i].name, word, len)) {
			r->output |= outputs[i].flag;
			return true;
		}
	return false;
}

static bool event_row(const char *word, size_t len, void *arg)
{
	struct conntrack_request *r = arg;

	for (size_t i = 0; i < COUNT(events); i++)
		if (ctvalue_is_word(events[i].name, word, len)) {
			r->events |= events[i].flag;
			return true;
		}
	return false;
}

/* ---- single options ---- */

/* An argument that may be left out stands in the same word, or in the next one unless that
 * is an option. */
static const char *optional(const struct command_parser *p)
{
	if (p->arg)
		return p->arg;
	if (optind < p->argc && p->argv[optind][0] != '-')
		return p->argv[optind++];
	return NULL;
}

static int take_address(struct ctl *ctl, struct conntrack_request *r, int key, const char *arg)
{
	struct flow_filter *f = &r->filter;
	struct prefix *p = key == 's' || key == OPT_ALIAS_SRC ? &f->src :
			   key == 'd' || key == OPT_ALIAS_DST ? &f->dst :
			   key == 'r'			      ? &f->reply_src :
								&f->reply_dst;

	if (!ctvalue_prefix(arg, p))
		return wrong(ctl, "Invalid IP address `%s'", arg);
	return 0;
}

static int take_nat(struct ctl *ctl, struct conntrack_request *r, int key, const char *arg)
{
	r->filter.nat |= key == 'n' ? FLOW_SNAT :
			 key == 'g' ? FLOW_DNAT :
				      FLOW_SNAT | FLOW_DNAT;
	if (arg && !ctvalue_prefix(arg, &r->filter.nat_addr))
		return wrong(ctl, "Invalid IP address `%s'", arg);
	return 0;
}

static int take_zone(struct ctl *ctl, struct conntrack_request *r, int key, const char *arg)
{
	struct flow_filter *f = &r->filter;
	bool ok = key == 'w' ? ctvalue_zone(arg, &f->zone, &f->has_zone) :
		  key == OPT_ORIG_ZONE ? ctvalue_zone(arg, &f->orig_zone, &f->has_orig_zone) :
					 ctvalue_zone(arg, &f->reply_zone, &f->has_reply_zone);

	return ok ? 0 : wrong(ctl, "`%s' is not a zone (0 to 65535)", arg);
}

static bool label_row(const char *word, size_t len, void *arg)
{
	return connlabel_parse(word, len, arg);
}

static int take_labels(struct ctl *ctl, struct conntrack_request *r, int key, const char *arg)
{
	uint64_t *labels = key == 'l'		? r->filter.label :
			   key == OPT_LABEL_ADD ? r->label_add :
						  r->label_del;

	if (!arg) {
		labels[0] = labels[1] = UINT64_MAX;
		return 0;
	}
	return ctvalue_list(arg, label_row, labels) ? 0 : wrong(ctl, "unknown label `%s'", arg);
}

/* One condition or output option.  0, or the exit status. */
static int take(struct ctl *ctl, struct conntrack_request *r, int key,
		const struct command_parser *parser)
{
	const char *arg = parser->arg;
	struct flow_filter *f = &r->filter;
	uint64_t number;

	switch (key) {
	case 's': case OPT_ALIAS_SRC: case 'd': case OPT_ALIAS_DST: case 'r': case 'q':
		return take_address(ctl, r, key, arg);
	case OPT_MASK_SRC:
	case OPT_MASK_DST:
		r->mask[key == OPT_MASK_DST] = arg;
		return 0;
	case 'n': case 'g': case 'j':
		return take_nat(ctl, r, key, optional(parser));
	case 'w': case OPT_ORIG_ZONE: case OPT_REPLY_ZONE:
		return take_zone(ctl, r, key, arg);
	case 'l': case OPT_LABEL_ADD:
		return take_labels(ctl, r, key, arg);
	case OPT_LABEL_DEL:
		return take_labels(ctl, r, key, optional(parser));
	case 'f':
		f->family = strcmp(arg, "ipv4") == 0 ? L3_IPV4 :
			    strcmp(arg, "ipv6") == 0 ? L3_IPV6 : L3_NONE;
		return f->family ? 0 : wrong(ctl, "`%s' unsupported protocol", arg);
	case 'p':
		f->has_proto = ctvalue_proto(arg, &f->proto);
		return f->has_proto ? 0 : wrong(ctl, "`%s' unsupported protocol", arg);
	case 't':
		if (!ctvalue_number(arg, CT_TIMEOUT_MAX, &number))
			return wrong(ctl, "`%s' is not a timeout (0 to %d)", arg,
				     CT_TIMEOUT_MAX);
		r->timeout = (uint32_t)number;
		return 0;
	case 'b':
		return ctvalue_number(arg, UINT32_MAX, &number) ?
			       0 :
			       wrong(ctl, "Bad parameter `%s'", arg);
	case 'u':
		return ctvalue_list(arg, status_row, r) ? 0 :
							  wrong(ctl, "Bad parameter `%s'", arg);
	case 'o':
		return ctvalue_list(arg, output_row, r) ? 0 :
							  wrong(ctl, "Bad parameter `%s'", arg);
	case 'e':
		return ctvalue_list(arg, event_row, r) ? 0 :
							 wrong(ctl, "Bad parameter `%s'", arg);
	case 'm':
		return ctvalue_mark(arg, f) ? 0 : wrong(ctl, "`%s' is not a mark", arg);
	case 'z':
		r->zero = true;
		return 0;
	case 'c':
		return wrong(ctl, "--secmark: flows have no security marks here");
	case OPT_REFUSED:
		return wrong(ctl, "verification tags and roles cannot be chosen here");
	}
	if (key >= OPT_SPECIAL && key < OPT_SPECIAL_END)
		r->special[key - OPT_SPECIAL] = arg;
	return 0;
}

/* ---- what hangs on the protocol ---- */

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

static bool is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool is_gre(uint8_t proto)
{
	return proto == IPPROTO_GRE;
}

static bool has_state(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_SCTP;
}

static const struct special {
	bool (*fits)(uint8_t proto);
	uint32_t max;
	size_t member, flag, width;
} specials[OPT_SPECIAL_END - OPT_SPECIAL] = {
#define SPECIAL(key, fits, max, name)                                                         \
	[key - OPT_SPECIAL] = { fits, max, offsetof(struct flow_filter, name),                \
				offsetof(struct flow_filter, has_##name),                     \
				sizeof(((struct flow_filter *)0)->name) }
	SPECIAL(OPT_SPORT, has_ports, 65535, sport),
	SPECIAL(OPT_DPORT, has_ports, 65535, dport),
	SPECIAL(OPT_REPLY_SPORT, has_ports, 65535, reply_sport),
	SPECIAL(OPT_REPLY_DPORT, has_ports, 65535, reply_dport),
	SPECIAL(OPT_ICMP_TYPE, is_icmp, 255, icmp_type),
	SPECIAL(OPT_ICMP_CODE, is_icmp, 255, icmp_code),
	SPECIAL(OPT_ICMP_ID, is_icmp, 65535, icmp_id),
	SPECIAL(OPT_SRCKEY, is_gre, 65535, sport),
	SPECIAL(OPT_DSTKEY, is_gre, 65535, dport),
	SPECIAL(OPT_REPLY_SRCKEY, is_gre, 65535, reply_sport),
	SPECIAL(OPT_REPLY_DSTKEY, is_gre, 65535, reply_dport),
	[OPT_STATE - OPT_SPECIAL] = { has_state, 0, 0, 0, 0 },
};

static int take_state(struct ctl *ctl, struct flow_filter *f, const char *arg)
{
	for (unsigned s = SCTPS_NONE; f->proto == IPPROTO_SCTP && s < SCTPS_COUNT; s++)
		if (strcmp(sctp_state_name(s), arg) == 0) {
			f->sctp_state = (uint8_t)s;
			f->has_sctp_state = true;
			return 0;
		}
	if (f->proto == IPPROTO_SCTP)
		return wrong(ctl, "unknown SCTP state `%s'", arg);
	for (unsigned s = TCPS_NONE; s < TCPS_COUNT; s++)
		if (strcmp(tcp_state_name(s), arg) == 0) {
			f->tcp_state = (uint8_t)s;
			f->has_state = true;
			return 0;
		}
	/* What older tools call the state of both sides' SYNs. */
	if (strcmp(arg, "LISTEN") == 0) {
		f->tcp_state = TCPS_SYN_SENT2;
		f->has_state = true;
		return 0;
	}
	return wrong(ctl, "unknown TCP state `%s'", arg);
}

/* Once the protocol is known. */
static int take_specials(struct ctl *ctl, struct conntrack_request *r)
{
	struct flow_filter *f = &r->filter;

	for (int i = 0; i < OPT_SPECIAL_END - OPT_SPECIAL; i++) {
		const struct special *special = &specials[i];
		const char *arg = r->special[i];
		uint64_t value;

		if (!arg)
			continue;
		if (!f->has_proto || !special->fits(f->proto))
			return wrong(ctl, "unknown option `--%s'%s", name_of(OPT_SPECIAL + i),
				     f->has_proto ? " for this protocol" : " without -p");
		if (i == OPT_STATE - OPT_SPECIAL) {
			int status = take_state(ctl, f, arg);

			if (status)
				return status;
			continue;
		}
		if (!ctvalue_number(arg, special->max, &value))
			return wrong(ctl, "Bad parameter `%s'", arg);
		if (special->width == 1)
			*((uint8_t *)f + special->member) = (uint8_t)value;
		else
			*(uint16_t *)((char *)f + special->member) = (uint16_t)value;
		*((bool *)((char *)f + special->flag)) = true;
	}
	return 0;
}

/* ---- the whole of it ---- */

/* Addresses of one family; it becomes the filter's, as with conntrack(8). */
static int check_families(struct ctl *ctl, struct flow_filter *f)
{
	const struct prefix *all[] = { &f->src, &f->dst, &f->reply_src, &f->reply_dst,
				       &f->nat_addr };

	for (size_t i = 0; i < COUNT(all); i++) {
		if (all[i]->family == L3_NONE)
			continue;
		if (f->family == L3_NONE)
			f->family = all[i]->family;
		if (f->family != all[i]->family)
			return wrong(ctl, "mismatched address family");
	}
	return 0;
}

/* Wherever --mask-src and --mask-dst stood. */
static int take_masks(struct ctl *ctl, struct conntrack_request *r)
{
	static const char *const names[] = { "src", "dst" };
	struct prefix *all[] = { &r->filter.src, &r->filter.dst };

	for (size_t i = 0; i < COUNT(all); i++) {
		if (!r->mask[i])
			continue;
		if (!all[i]->family)
			return wrong(ctl, "Can't use --mask-%s without --%s", names[i],
				     names[i]);
		if (!ctvalue_mask(r->mask[i], all[i]))
			return wrong(ctl, "Invalid mask `%s'", r->mask[i]);
	}
	return 0;
}

static bool is_action(int key)
{
	return key < 256 && strchr("LGDIAUEFCSR", key);
}

static bool takes(int action, int key)
{
	if (strchr("FCSR", action))
		return action == 'F' && key == 'f';
	for (size_t i = 0; i < COUNT(allowed); i++)
		if (allowed[i].key == key)
			return strchr(allowed[i].commands, action);
	return true;
}

/* The same for expectations. */
static bool expect_takes(int action, int key)
{
	if (action == 'L')
		return key == 'f' || key == 'o';
	if (action == 'E')
		return key == 'e' || key == 'b' || key == 'o';
	if (action == 'F')
		return false;
	return key < OPT_SPECIAL ? strchr("psdrqfw", key) != NULL :
				   key < OPT_SPECIAL_END && key != OPT_STATE;
}

static int check_options(struct ctl *ctl, const struct conntrack_request *r)
{
	for (const struct command_option *o = conntrack_options_table; o->key; o++)
		if (!is_action(o->key) && conntrack_given(r, o->key) &&
		    (!takes(r->what, o->key) ||
		     (r->table == TABLE_EXPECT && !expect_takes(r->what, o->key))))
			return wrong(ctl, "Illegal option `--%s' with this command",
				     name_of(o->key));
	if (r->table == TABLE_EXPECT && r->output & OUTPUT_XML)
		return wrong(ctl, "-o xml: expectations are not written as XML");
	if (r->output & OUTPUT_SAVE && r->output & ~(unsigned)OUTPUT_SAVE) {
		conntrack_say(ctl, "cannot combine save output with any other output type, use "
				   "-o save only");
		return 1;
	}
	return 0;
}

static int need(struct ctl *ctl, const char *name)
{
	return wrong(ctl, "You need to supply the `--%s' option for this command", name);
}

/* What -G and -D expect cannot do without: conntrack(8) wants the ports of the reply too, and
 * looks at none of them. */
static int check_expect_needs(struct ctl *ctl, const struct flow_filter *f)
{
	if (!f->src.family)
		return need(ctl, "src");
	if (!f->dst.family)
		return need(ctl, "dst");
	if (!f->has_proto)
		return need(ctl, "protonum");
	if (has_ports(f->proto) && !f->has_sport)
		return need(ctl, "sport");
	return !has_ports(f->proto) || f->has_dport ? 0 : need(ctl, "dport");
}

/* What -G, -I and -A cannot do without. */
static int check_needs(struct ctl *ctl, const struct conntrack_request *r)
{
	const struct flow_filter *f = &r->filter;

	if (r->table == TABLE_EXPECT)
		return strchr("GD", r->what) ? check_expect_needs(ctl, f) : 0;
	if (strchr("LDE", r->what) && conntrack_given(r, 'u') && !f->status &&
	    !f->status_clear) {
		conntrack_say(ctl, "Operation failed: invalid parameters");
		return 1;
	}
	if (strchr("IAU", r->what) &&
	    ((f->has_state && f->tcp_state == TCPS_NONE) ||
	     (f->has_sctp_state && f->sctp_state == SCTPS_NONE)))
		return wrong(ctl, "a flow cannot be put into the state NONE");
	if (!strchr("GIA", r->what) || r->table != TABLE_CONNTRACK)
		return 0;
	if (!f->has_proto)
		return need(ctl, "protonum");
	if (!f->src.family && !f->reply_dst.family)
		return need(ctl, "orig-src");
	if (!f->dst.family && !f->reply_src.family)
		return need(ctl, "orig-dst");
	if (has_ports(f->proto) && !f->has_sport && !f->has_reply_dport)
		return need(ctl, "orig-port-src");
	if (has_ports(f->proto) && !f->has_dport && !f->has_reply_sport)
		return need(ctl, "orig-port-dst");
	if (is_icmp(f->proto) && !f->has_icmp_type)
		return need(ctl, "icmp-type");
	if (is_icmp(f->proto) && !f->has_icmp_code)
		return need(ctl, "icmp-code");
	if (is_gre(f->proto) && !(f->has_sport && f->has_dport) &&
	    !(f->has_reply_sport && f->has_reply_dport))
		return wrong(ctl, "you have to specify `--srckey' and `--dstkey'");
	if (r->what == 'G')
		return 0;
	if (has_state(f->proto) && !f->has_state && !f->has_sctp_state)
		return need(ctl, "state");
	return conntrack_given(r, 't') ? 0 : need(ctl, "timeout");
}

static bool is_part(const struct prefix *p)
{
	return p->family && p->len < addr_bits(p->family);
}

/* Where one flow or expectation is meant, its addresses are whole. */
static int check_whole(struct ctl *ctl, const struct conntrack_request *r)
{
	const struct flow_filter *f = &r->filter;

	if (!strchr(r->table == TABLE_EXPECT ? "GD" : "GIA", r->what))
		return 0;
	if (is_part(&f->src))
		return wrong(ctl, "Illegal option `--mask-src' with this command");
	if (is_part(&f->dst))
		return wrong(ctl, "Illegal option `--mask-dst' with this command");
	if (is_part(&f->reply_src))
		return wrong(ctl, "CIDR notation unavailable for `--reply-src'");
	return is_part(&f->reply_dst) ?
		       wrong(ctl, "CIDR notation unavailable for `--reply-dst'") : 0;
}

static int take_table(struct ctl *ctl, struct conntrack_request *r, int argc, char **argv)
{
	r->table = TABLE_CONNTRACK;
	if (argc > 1)
		return wrong(ctl, "unexpected `%s'", argv[1]);
	for (size_t i = 0; argc && i <= COUNT(tables); i++) {
		if (i == COUNT(tables))
			return wrong(ctl, "unknown type `%s'", argv[0]);
		if (*argv[0] && strncmp(tables[i].name, argv[0], strlen(argv[0])) == 0) {
			r->table = (enum conntrack_table)tables[i].flag;
			break;
		}
	}
	if (r->table > TABLE_EXPECT && r->what != 'L')
		return wrong(ctl,
			     "Can't do that command with tables `dying' and `unconfirmed'");
	if (r->table == TABLE_EXPECT && !strchr("LGDEFC", r->what))
		return wrong(ctl, "Can't do --%s on expectations%s", name_of(r->what),
			     strchr("IAU", r->what) ? ": helpers and rules make them" : "");
	return 0;
}

static int check(struct ctl *ctl, struct conntrack_request *r, int argc, char **argv)
{
	int status;

	if (!r->what)
		return wrong(ctl,
			     "one of -L, -G, -D, -I, -A, -U, -E, -F, -C, -S and -R, please");
	status = take_table(ctl, r, argc, argv);
	if (!status)
		status = check_options(ctl, r);
	if (!status)
		status = take_specials(ctl, r);
	if (!status)
		status = take_masks(ctl, r);
	if (!status)
		status = check_families(ctl, &r->filter);
	if (!status)
		status = check_whole(ctl, r);
	if (!status)
		status = check_needs(ctl, r);
	if (!r->events)
		r->events = EVENT_ALL;
	return status;
}

int conntrack_args_parse(struct ctl *ctl, const struct command *self, int argc, char **argv,
			 struct conntrack_request *ret_request)
{
	struct conntrack_request *r = ret_request;
	struct command_parser parser;
	int key, status;

	*r = (struct conntrack_request){ .filter.mark_mask = UINT32_MAX };
	command_parser_init(&parser, argc, argv);
	while ((key = command_next(ctl, self, &parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG)
			return CONNTRACK_USAGE;
		if (is_action(key)) {
			if (r->what)
				return wrong(ctl, "Invalid commands combination");
			r->what = key;
			r->file = parser.arg;
			continue;
		}
		mark_given(r, key);
		status = take(ctl, r, key, &parser);
		if (status)
			return status;
	}
	return check(ctl, r, argc - parser.operand, argv + parser.operand);
}
