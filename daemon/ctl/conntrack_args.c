/* conntrack_args.c - the command line of ctfwctl conntrack: its options, one by one.
 *
 * Options, messages and exit status are those of conntrack 1.4.7; values are read more
 * strictly, so that a mistyped port is an error and not port 0. */
#include "ctl/connlabel.h"
#include "ctl/conntrack_options.h"
#include "ctl/ctvalue.h"

#include <getopt.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof(table[0]))

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
	{ 'n', "src-nat", "[ADDR[:PORT]]", "Those with source NAT, to that" },
	{ 'g', "dst-nat", "[ADDR[:PORT]]", "Those with destination NAT, to that" },
	{ 'j', "any-nat", "[ADDR[:PORT]]", "Those with either, to that" },
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
	{ OPT_ORIG_VTAG, "orig-vtag", "TAG", "Tag of the original direction (with -p sctp)" },
	{ OPT_REPLY_VTAG, "reply-vtag", "TAG", "Tag of the reply direction" },
	{ 'o', "output", "TYPE[,...]",
	  "extended, id, timestamp, ktimestamp, xml, save, labels, userspace" },
	{ 'e', "event-mask", "TYPE[,...]", "ALL, NEW, UPDATES, DESTROY (-E)" },
	{ 'b', "buffer-size", "BYTES", "Of -E; taken, and of no effect" },
	{ 'z', "zero", NULL, "Begin the counters anew (-L)" },
	/* Known to conntrack(8), not to be had here. */
	{ 'c', "secmark", "SECMARK", NULL },
	{ OPT_REFUSED, "role", "ROLE", NULL },
	{ 0, NULL, NULL, NULL },
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

int conntrack_wrong(struct ctl *ctl, const char *fmt, ...)
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

static int bad(struct ctl *ctl, const char *arg)
{
	return conntrack_wrong(ctl, "Bad parameter `%s'", arg);
}

/* ---- which options were given ---- */

const char *conntrack_option_name(int key)
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
		return conntrack_wrong(ctl, "Invalid IP address `%s'", arg);
	return 0;
}

static int take_nat(struct ctl *ctl, struct conntrack_request *r, int key, const char *arg)
{
	struct flow_filter *f = &r->filter;
	const char *port_text = "";
	struct prefix addr = { 0 };
	bool has_port = false;
	uint16_t port = 0;

	f->nat_all |= key == 'n' ? FLOW_SNAT : key == 'g' ? FLOW_DNAT : 0;
	f->nat |= key == 'j' ? FLOW_SNAT | FLOW_DNAT : 0;
	switch (arg ? ctvalue_end(arg, &addr, &port, &has_port, &port_text) : CTVALUE_RIGHT) {
	case CTVALUE_ADDR:
		return conntrack_wrong(ctl, "Invalid IP address `%s'", arg);
	case CTVALUE_PORT:
		return conntrack_wrong(ctl, "Invalid port `%s'", port_text);
	case CTVALUE_RIGHT:
		break;
	}
	if (arg && key != 'g') {
		f->snat_addr = addr;
		f->snat_port = port;
		f->has_snat_port = has_port;
	}
	if (arg && key != 'n') {
		f->dnat_addr = addr;
		f->dnat_port = port;
		f->has_dnat_port = has_port;
	}
	return 0;
}

static int take_zone(struct ctl *ctl, struct conntrack_request *r, int key, const char *arg)
{
	struct flow_filter *f = &r->filter;
	bool ok = key == 'w' ? ctvalue_zone(arg, &f->zone, &f->has_zone) :
		  key == OPT_ORIG_ZONE ? ctvalue_zone(arg, &f->orig_zone, &f->has_orig_zone) :
					 ctvalue_zone(arg, &f->reply_zone, &f->has_reply_zone);

	return ok ? 0 : conntrack_wrong(ctl, "`%s' is not a zone (0 to 65535)", arg);
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
	return ctvalue_list(arg, label_row, labels) ?
		       0 :
		       conntrack_wrong(ctl, "unknown label `%s'", arg);
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
		return f->family ? 0 : conntrack_wrong(ctl, "`%s' unsupported protocol", arg);
	case 'p':
		f->has_proto = ctvalue_proto(arg, &f->proto);
		return f->has_proto ? 0 :
				      conntrack_wrong(ctl, "`%s' unsupported protocol", arg);
	case 't':
		if (!ctvalue_number(arg, CT_TIMEOUT_MAX, &number))
			return conntrack_wrong(ctl, "`%s' is not a timeout (0 to %d)", arg,
					       CT_TIMEOUT_MAX);
		r->timeout = (uint32_t)number;
		return 0;
	case 'b':
		return ctvalue_number(arg, UINT32_MAX, &number) ? 0 : bad(ctl, arg);
	case 'u':
		return ctvalue_list(arg, status_row, r) ? 0 : bad(ctl, arg);
	case 'o':
		return ctvalue_list(arg, output_row, r) ? 0 : bad(ctl, arg);
	case 'e':
		return ctvalue_list(arg, event_row, r) ? 0 : bad(ctl, arg);
	case 'm':
		return ctvalue_mark(arg, f) ? 0 : conntrack_wrong(ctl, "`%s' is not a mark", arg);
	case 'z':
		r->zero = true;
		return 0;
	case 'c':
		return conntrack_wrong(ctl, "--secmark: flows have no security marks here");
	case OPT_REFUSED:
		return conntrack_wrong(ctl, "--role: roles cannot be chosen here");
	}
	if (key >= OPT_SPECIAL && key < OPT_SPECIAL_END)
		r->special[key - OPT_SPECIAL] = arg;
	return 0;
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
		if (conntrack_is_command(key)) {
			if (r->what)
				return conntrack_wrong(ctl, "Invalid commands combination");
			r->what = key;
			r->file = parser.arg;
			continue;
		}
		mark_given(r, key);
		status = take(ctl, r, key, &parser);
		if (status)
			return status;
	}
	return conntrack_check(ctl, r, argc - parser.operand, argv + parser.operand);
}
