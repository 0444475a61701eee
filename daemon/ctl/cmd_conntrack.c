/* cmd_conntrack.c - ctfwctl conntrack: the flows, as conntrack(8) shows and deletes them.
 *
 * Options, lines, summaries and exit statuses are those of conntrack 1.4.7: 2 for a wrong
 * command line, 1 for other failures and for -D that found nothing to delete. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/conntrack.h"
#include "ctfw/control.h"
#include "ctl/client.h"
#include "ctl/commands.h"

#define STATUS_USAGE 2

enum {
	OPT_ALIAS_SRC = 256,
	OPT_ALIAS_DST,
	OPT_SPORT,
	OPT_DPORT,
	OPT_STATE,
};

static const struct command_option options[] = {
	{ 'L', "dump", NULL, "List the flows" },
	{ 'C', "count", NULL, "Print how many there are" },
	{ 'D', "delete", NULL, "Delete those that match, and show them" },
	{ 'F', "flush", NULL, "Delete all" },
	{ 'f', "family", "PROTO", "ipv4 or ipv6" },
	{ 'p', "protonum", "PROTO", "Protocol, by name or number" },
	{ 's', "src", "ADDR[/LEN]", "Source of the original direction" },
	{ OPT_ALIAS_SRC, "orig-src", "ADDR[/LEN]", NULL },
	{ 'd', "dst", "ADDR[/LEN]", "Destination of the original direction" },
	{ OPT_ALIAS_DST, "orig-dst", "ADDR[/LEN]", NULL },
	{ 'r', "reply-src", "ADDR[/LEN]", "Source of the reply direction" },
	{ 'q', "reply-dst", "ADDR[/LEN]", "Destination of the reply direction" },
	{ OPT_SPORT, "sport", "PORT", "Source port (with -p)" },
	{ OPT_SPORT, "orig-port-src", "PORT", NULL },
	{ OPT_DPORT, "dport", "PORT", "Destination port (with -p)" },
	{ OPT_DPORT, "orig-port-dst", "PORT", NULL },
	{ OPT_STATE, "state", "STATE", "TCP state (with -p tcp)" },
	{ 'u', "status", "STATUS[,...]",
	  "ASSURED, SEEN_REPLY, UNREPLIED, EXPECTED, CONFIRMED" },
	{ 'm', "mark", "MARK[/MASK]", "Mark" },
	{ 'w', "zone", "ZONE", "Zone" },
	{ 'o', "output", "TYPE[,...]", "extended, id" },
	{ 0, NULL, NULL, NULL },
};

/* What the command line asks for. */
struct request {
	int what;         /* 'L', 'C', 'D' or 'F' */
	const char *with; /* the first option that -C and -F do not take */
	struct flow_filter filter;
	const char *sport, *dport, *state; /* need a protocol that has them */
	bool extended, id;
};

static const struct {
	const char *name;
	uint32_t set, clear;
} statuses[] = {
	{ "ASSURED", FLOW_ASSURED, 0 },   { "SEEN_REPLY", FLOW_SEEN_REPLY, 0 },
	{ "UNREPLIED", 0, FLOW_SEEN_REPLY }, { "EXPECTED", FLOW_EXPECTED, 0 },
	{ "CONFIRMED", FLOW_CONFIRMED, 0 },
};

/* ---- values ---- */

/* A whole number in decimal, hexadecimal or octal, as conntrack(8) reads them. */
static bool parse_number(const char *text, uint64_t max, uint64_t *ret_value)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || errno || value > max)
		return false;
	*ret_value = value;
	return true;
}

/* A prefix of which bits behind its length may be set: they do not count. */
static bool parse_prefix(const char *text, struct prefix *ret_prefix)
{
	char addr[ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix p = { 0 };
	uint64_t bits;

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (addr_parse(addr, &p.family, &p.addr))
		return false;
	bits = addr_bits(p.family);
	if (slash && !parse_number(slash + 1, addr_bits(p.family), &bits))
		return false;
	p.len = (uint8_t)bits;
	for (unsigned bit = p.len; bit < addr_bits(p.family); bit++)
		p.addr.b[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	*ret_prefix = p;
	return true;
}

static bool parse_proto(const char *text, uint8_t *ret_proto)
{
	const struct protoent *entry;
	uint64_t number;

	/* conntrack's own names first: they are there without /etc/protocols. */
	for (unsigned proto = 0; proto < 256; proto++)
		if (strcmp(l4proto_name((uint8_t)proto), text) == 0 &&
		    strcmp(text, "unknown") != 0) {
			*ret_proto = (uint8_t)proto;
			return true;
		}
	if (parse_number(text, 255, &number)) {
		*ret_proto = (uint8_t)number;
		return true;
	}
	entry = getprotobyname(text);
	if (entry)
		*ret_proto = (uint8_t)entry->p_proto;
	return entry != NULL;
}

static bool parse_mark(const char *text, struct flow_filter *f)
{
	char value[24];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t mark, mask = UINT32_MAX;

	if (len >= sizeof(value))
		return false;
	memcpy(value, text, len);
	value[len] = '\0';
	if (!parse_number(value, UINT32_MAX, &mark) ||
	    (slash && !parse_number(slash + 1, UINT32_MAX, &mask)))
		return false;
	f->has_mark = true;
	f->mark = (uint32_t)mark;
	f->mark_mask = (uint32_t)mask;
	return true;
}

/* Words with commas between them; each is looked up by `row`. */
static bool parse_list(const char *text, bool (*row)(const char *word, size_t len, void *arg),
		       void *arg)
{
	for (const char *p = text;;) {
		size_t len = strcspn(p, ",");

		if (!row(p, len, arg))
			return false;
		if (!p[len])
			return true;
		p += len + 1;
	}
}

static bool status_row(const char *word, size_t len, void *arg)
{
	struct flow_filter *f = arg;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (strlen(statuses[i].name) == len &&
		    strncmp(statuses[i].name, word, len) == 0) {
			f->status |= statuses[i].set;
			f->status_clear |= statuses[i].clear;
			return true;
		}
	return false;
}

static bool output_row(const char *word, size_t len, void *arg)
{
	struct request *r = arg;

	if (len == 8 && strncmp(word, "extended", len) == 0)
		r->extended = true;
	else if (len == 2 && strncmp(word, "id", len) == 0)
		r->id = true;
	else
		return false;
	return true;
}

static bool parse_zone(const char *text, struct flow_filter *f)
{
	uint64_t zone;

	if (!parse_number(text, 65535, &zone))
		return false;
	f->zone = (uint16_t)zone;
	return f->has_zone = true;
}

static bool parse_family(const char *text, struct flow_filter *f)
{
	if (strcmp(text, "ipv4") == 0)
		f->family = L3_IPV4;
	else if (strcmp(text, "ipv6") == 0)
		f->family = L3_IPV6;
	else
		return false;
	return true;
}

/* ---- the command line ---- */

static int usage_error(struct ctl *ctl, const char *what, const char *value)
{
	ctl_error(ctl, "conntrack: %s \"%s\"", what, value);
	fprintf(ctl->err, "Try \"%s conntrack --help\".\n", ctl->program);
	return STATUS_USAGE;
}

/* One condition or output option.  What is wrong with its argument, or NULL. */
static const char *take(struct request *r, int key, const char *arg)
{
	struct flow_filter *f = &r->filter;

	switch (key) {
	case 'f':
		return parse_family(arg, f) ? NULL : "neither ipv4 nor ipv6:";
	case 'p':
		return (f->has_proto = parse_proto(arg, &f->proto)) ? NULL : "unknown protocol";
	case 's':
	case OPT_ALIAS_SRC:
		return parse_prefix(arg, &f->src) ? NULL : "not an address:";
	case 'd':
	case OPT_ALIAS_DST:
		return parse_prefix(arg, &f->dst) ? NULL : "not an address:";
	case 'r':
		return parse_prefix(arg, &f->reply_src) ? NULL : "not an address:";
	case 'q':
		return parse_prefix(arg, &f->reply_dst) ? NULL : "not an address:";
	case OPT_SPORT:
		r->sport = arg;
		return NULL;
	case OPT_DPORT:
		r->dport = arg;
		return NULL;
	case OPT_STATE:
		r->state = arg;
		return NULL;
	case 'u':
		return parse_list(arg, status_row, f) ? NULL : "unknown status";
	case 'm':
		return parse_mark(arg, f) ? NULL : "not a mark:";
	case 'w':
		return parse_zone(arg, f) ? NULL : "not a zone (0 to 65535):";
	case 'o':
		return parse_list(arg, output_row, r) ? NULL : "unknown output type";
	}
	return NULL;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP;
}

/* Options whose meaning hangs on the protocol, once that is known. */
static int take_protocol(struct ctl *ctl, struct request *r)
{
	struct flow_filter *f = &r->filter;
	uint64_t port;

	if ((r->sport || r->dport) && (!f->has_proto || !has_ports(f->proto)))
		return usage_error(
			ctl, "a port needs a protocol that has them (-p tcp, -p udp), not",
			f->has_proto ? l4proto_name(f->proto) : "any");
	if (r->sport && !parse_number(r->sport, 65535, &port))
		return usage_error(ctl, "not a port:", r->sport);
	if (r->sport) {
		f->sport = (uint16_t)port;
		f->has_sport = true;
	}
	if (r->dport && !parse_number(r->dport, 65535, &port))
		return usage_error(ctl, "not a port:", r->dport);
	if (r->dport) {
		f->dport = (uint16_t)port;
		f->has_dport = true;
	}
	if (!r->state)
		return 0;
	if (!f->has_proto || f->proto != IPPROTO_TCP)
		return usage_error(ctl, "--state needs -p tcp:", r->state);
	for (unsigned s = TCPS_NONE; s < TCPS_COUNT; s++)
		if (strcmp(tcp_state_name(s), r->state) == 0) {
			f->tcp_state = (uint8_t)s;
			f->has_state = true;
			return 0;
		}
	return usage_error(ctl, "unknown TCP state", r->state);
}

/* Addresses of one family; it becomes the filter's, as with conntrack(8). */
static int check_families(struct ctl *ctl, struct flow_filter *f)
{
	const struct prefix *all[] = { &f->src, &f->dst, &f->reply_src, &f->reply_dst };

	for (size_t i = 0; i < 4; i++) {
		if (all[i]->family == L3_NONE)
			continue;
		if (f->family == L3_NONE)
			f->family = all[i]->family;
		if (f->family != all[i]->family) {
			ctl_error(ctl, "conntrack: the addresses are not of one family");
			return STATUS_USAGE;
		}
	}
	return 0;
}

/* 0, or the exit status. */
static int check_request(struct ctl *ctl, struct request *r, int argc, char **argv)
{
	int status;

	if (!r->what) {
		ctl_error(ctl, "conntrack: one of -L, -C, -D and -F, please");
		return STATUS_USAGE;
	}
	if (argc > 1)
		return usage_error(ctl, "unexpected", argv[1]);
	if (argc == 1 && strcmp(argv[0], "conntrack") != 0)
		return usage_error(ctl, "there is no table", argv[0]);
	if ((r->what == 'C' || r->what == 'F') && r->with)
		return usage_error(ctl,
				   r->what == 'C' ? "-C takes no other option, and so not" :
						    "-F takes no other option, and so not",
				   r->with);
	status = take_protocol(ctl, r);
	return status ? status : check_families(ctl, &r->filter);
}

/* 0, or the exit status. */
static int parse_request(struct ctl *ctl, const struct command *self, int argc, char **argv,
			 struct request *r)
{
	struct command_parser parser;
	const char *wrong;
	int key;

	*r = (struct request){ .filter.mark_mask = UINT32_MAX };
	command_parser_init(&parser, argc, argv);
	while ((key = command_next(ctl, self, &parser)) != COMMAND_END) {
		if (key == COMMAND_WRONG)
			return STATUS_USAGE;
		if (key < 256 && strchr("LCDF", key)) {
			if (r->what) {
				ctl_error(ctl, "conntrack: only one of -L, -C, -D and -F");
				return STATUS_USAGE;
			}
			r->what = key;
			continue;
		}
		for (const struct command_option *o = options; o->key; o++)
			if (o->key == key && !r->with)
				r->with = o->name;
		wrong = take(r, key, parser.arg);
		if (wrong)
			return usage_error(ctl, wrong, parser.arg);
	}
	return check_request(ctl, r, argc - parser.operand, argv + parser.operand);
}

/* ---- the calls ---- */

static int print_flows(struct ctl *ctl, const struct request *r, const json_t *flows)
{
	struct text line = TEXT_INIT;
	struct flow flow;
	json_t *object;
	size_t i;
	int err = 0;

	json_array_foreach (flows, i, object) {
		if (control_flow_decode(object, &flow)) {
			err = ctl_error(ctl, "ctfwd told of a flow that this ctfwctl does not "
					     "understand");
			break;
		}
		text_clear(&line);
		flow_print(&flow, 0, r->extended, r->id, &line);
		fprintf(ctl->out, "%s\n", text_str(&line));
	}
	text_fini(&line);
	return err;
}

/* The reply's flows, and at the end how many there were. */
static int stream(struct ctl *ctl, struct client *c, const struct request *r,
		  json_int_t *ret_count)
{
	struct client_reply reply;
	bool more = true;
	int status = 0;

	while (more && !status) {
		if (client_receive(c, &reply))
			return 1;
		more = reply.continues;
		if (reply.error) {
			client_explain(ctl, &reply);
			status = 1;
		} else {
			status = print_flows(ctl, r, json_object_get(reply.params, "flows"));
			*ret_count = json_integer_value(json_object_get(reply.params, "count"));
		}
		client_reply_fini(&reply);
	}
	return status;
}

static int list_or_delete(struct ctl *ctl, const struct request *r)
{
	struct client *c = client_open(ctl);
	json_int_t count = 0;
	int status = 1;

	if (!c)
		return 1;
	if (client_send(c, r->what == 'D' ? "DeleteFlows" : "ListFlows",
			json_pack("{so}", "filter", control_filter_encode(&r->filter)),
			true) == 0)
		status = stream(ctl, c, r, &count);
	client_close(c);
	if (status)
		return status;
	fflush(ctl->out); /* the summary stands behind the lines, where both go to a terminal */
	fprintf(ctl->err, "%s v%s (ctfw): %lld flow entries have been %s.\n", ctl->program,
		CTFW_VERSION, (long long)count, r->what == 'D' ? "deleted" : "shown");
	return r->what == 'D' && count == 0;
}

static int count(struct ctl *ctl)
{
	struct client_reply reply;

	if (ctl_call(ctl, "CountFlows", NULL, &reply))
		return 1;
	fprintf(ctl->out, "%lld\n",
		(long long)json_integer_value(json_object_get(reply.params, "count")));
	client_reply_fini(&reply);
	return 0;
}

static int flush(struct ctl *ctl)
{
	struct client_reply reply;

	if (ctl_call(ctl, "DeleteFlows", NULL, &reply))
		return 1;
	client_reply_fini(&reply);
	fprintf(ctl->err, "%s v%s (ctfw): connection tracking table has been emptied.\n",
		ctl->program, CTFW_VERSION);
	return 0;
}

static int conntrack_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct request r;
	int status = parse_request(ctl, self, argc, argv, &r);

	if (status)
		return status;
	switch (r.what) {
	case 'C':
		return count(ctl);
	case 'F':
		return flush(ctl);
	default:
		return list_or_delete(ctl, &r);
	}
}

const struct command command_conntrack = {
	.name = "conntrack",
	.args = "-L|-C|-D|-F [conntrack] [OPTION...]",
	.help = "List, count and delete flows as conntrack(8) does",
	.options = options,
	.run = conntrack_run,
};
