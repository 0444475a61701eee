/* cmd_conntrack.c - ctfwctl conntrack: the flows, as conntrack(8) shows and changes them.
 *
 * Exit statuses are those of conntrack 1.4.7: 2 for a wrong command line, 1 for other
 * failures and for -D, -U and -G that found nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctfw/control.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/conntrack_expect.h"
#include "ctl/conntrack_print.h"
#include "ctl/connlabel.h"

static int run_request(struct ctl *ctl, const struct conntrack_request *r);

static void summary(struct ctl *ctl, json_int_t count, const char *what)
{
	conntrack_say(ctl, "%lld flow entries have been %s.", (long long)count, what);
}

/* ---- -L, -D, -U, -G: streams of flows ---- */

static json_t *change_of(const struct conntrack_request *r)
{
	const struct flow_filter *f = &r->filter;
	json_t *change = json_object(), *status = json_array();

	if (conntrack_given(r, 'm')) {
		/* As conntrack(8): the mask's bits are zeroed, then the value is XORed in. */
		json_object_set_new(change, "mark_keep", json_integer((uint32_t)~f->mark_mask));
		json_object_set_new(change, "mark_flip", json_integer(f->mark));
	}
	if (conntrack_given(r, 't'))
		json_object_set_new(change, "timeout", json_integer(r->timeout));
	for (unsigned bit = 0; bit < 32; bit++)
		if (r->status & 1u << bit)
			json_array_append_new(status, json_string(flow_status_name(1u << bit)));
	json_object_set_new(change, "status", status);
	if (f->has_state)
		json_object_set_new(change, "tcp_state",
				    json_string(tcp_state_name(f->tcp_state)));
	if (f->has_sctp_state)
		json_object_set_new(change, "sctp_state",
				    json_string(sctp_state_name(f->sctp_state)));
	if (r->has_vtag[DIR_ORIGINAL])
		json_object_set_new(change, "orig_vtag",
				    json_integer(r->vtag[DIR_ORIGINAL]));
	if (r->has_vtag[DIR_REPLY])
		json_object_set_new(change, "reply_vtag", json_integer(r->vtag[DIR_REPLY]));
	json_object_set_new(change, "label_add", connlabel_numbers(r->label_add));
	json_object_set_new(change, "label_del", connlabel_numbers(r->label_del));
	return change;
}

static bool changes_something(const struct conntrack_request *r)
{
	return conntrack_given(r, 'm') || conntrack_given(r, 't') || r->status ||
	       r->filter.has_state || r->filter.has_sctp_state ||
	       r->has_vtag[DIR_ORIGINAL] || r->has_vtag[DIR_REPLY] ||
	       (r->label_add[0] | r->label_add[1] | r->label_del[0] | r->label_del[1]);
}

/* The kernel looks one flow up by a tuple: what was not said of it is 0, its zone too. */
static void make_single(struct flow_filter *f)
{
	if (f->has_icmp_type)
		f->has_icmp_id = true;
	if (f->has_zone || f->has_orig_zone || f->has_reply_zone)
		return;
	if (f->src.family)
		f->has_orig_zone = true;
	else
		f->has_reply_zone = true;
}

static json_t *params_of(const struct conntrack_request *r)
{
	struct flow_filter filter = r->filter;
	json_t *params = json_object();

	if (r->what == 'U') {
		json_object_set_new(params, "change", change_of(r));
		/* These say what is to be, not what is. */
		filter.has_mark = filter.has_state = filter.has_sctp_state = false;
		filter.status = filter.status_clear = 0;
	}
	if (r->what == 'G')
		make_single(&filter);
	if (r->zero)
		json_object_set_new(params, "zero", json_true());
	json_object_set_new(params, "filter", control_filter_encode(&filter));
	return params;
}

struct listing {
	struct conntrack_printer printer;
	json_int_t count; /* told at the end */
};

static int print_reply(void *arg, const json_t *params)
{
	struct listing *l = arg;
	const json_t *flow;
	size_t i;
	int status = 0;

	conntrack_print_show(&l->printer, json_object_get(params, "show"));
	json_array_foreach (json_object_get(params, "flows"), i, flow) {
		status = conntrack_print_flow(&l->printer, flow);
		if (status)
			return status;
	}
	l->count = json_integer_value(json_object_get(params, "count"));
	return 0;
}

static int list_flows(struct ctl *ctl, const struct conntrack_request *r, const char *method,
		      json_int_t *ret_count)
{
	struct listing l = { .printer = { .ctl = ctl, .output = r->output } };
	struct client *c = client_open(ctl);
	int status;

	if (!c)
		return 1;
	status = client_each(c, method, params_of(r), print_reply, &l);
	client_close(c);
	conntrack_print_end(&l.printer);
	*ret_count = l.count;
	return status;
}

static int list_or_change(struct ctl *ctl, const struct conntrack_request *r)
{
	static const struct {
		int what;
		const char *method, *done;
		bool must_find;
	} rows[] = {
		{ 'L', "ListFlows", "shown", false },
		{ 'D', "DeleteFlows", "deleted", true },
		{ 'U', "UpdateFlows", "updated", true },
	};
	json_int_t count = 0;
	size_t i = 0;
	int status;

	while (rows[i].what != r->what)
		i++;
	if (r->what == 'U' && !changes_something(r)) {
		summary(ctl, 0, "updated");
		return 1;
	}
	status = list_flows(ctl, r, rows[i].method, &count);
	if (status)
		return status;
	summary(ctl, count, rows[i].done);
	return rows[i].must_find && count == 0;
}

static int get(struct ctl *ctl, const struct conntrack_request *r)
{
	json_int_t count = 0;
	int status = list_flows(ctl, r, "ListFlows", &count);

	if (status)
		return status;
	if (!count) {
		conntrack_say(ctl, "Operation failed: such conntrack doesn't exist");
		return 1;
	}
	summary(ctl, count, "shown");
	return 0;
}

/* There is nobody on its way, and who has died is gone at once. */
static int list_none(struct ctl *ctl)
{
	summary(ctl, 0, "shown");
	return 0;
}

/* ---- -I, -A ---- */

static uint16_t icmp_word(const struct flow_filter *f)
{
	const uint8_t bytes[2] = { f->icmp_type, f->icmp_code };
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* What was not said of one direction follows from the other.  False: it cannot. */
static bool tuples_of(const struct flow_filter *f, struct tuple t[2])
{
	struct tuple *o = &t[DIR_ORIGINAL], *r = &t[DIR_REPLY];
	bool icmp = f->has_icmp_type || f->has_icmp_id;

	memset(t, 0, 2 * sizeof(*t));
	o->l3 = f->family;
	o->l4 = f->proto;
	o->src = f->src.family ? f->src.addr : f->reply_dst.addr;
	o->dst = f->dst.family ? f->dst.addr : f->reply_src.addr;
	o->sport = icmp ? htons(f->icmp_id) : htons(f->has_sport ? f->sport : f->reply_dport);
	o->dport = icmp ? icmp_word(f) : htons(f->has_dport ? f->dport : f->reply_sport);
	o->zone = f->has_orig_zone ? f->orig_zone : f->has_reply_zone ? 0 : f->zone;
	if (tuple_invert(o, r) < 0)
		return false;
	if (f->reply_src.family)
		r->src = f->reply_src.addr;
	if (f->reply_dst.family)
		r->dst = f->reply_dst.addr;
	if (f->has_reply_sport)
		r->sport = htons(f->reply_sport);
	if (f->has_reply_dport)
		r->dport = htons(f->reply_dport);
	r->zone = f->has_reply_zone ? f->reply_zone : f->has_orig_zone ? 0 : f->zone;
	return true;
}

static json_t *flow_of(const struct conntrack_request *r)
{
	struct flow flow = { .master = FLOW_NONE, .status = r->status, .mark = r->filter.mark };
	struct text text = TEXT_INIT;
	json_t *object;

	if (!tuples_of(&r->filter, flow.tuple))
		return NULL;
	flow.expires = r->timeout * NSEC_PER_SEC;
	if (r->filter.has_state)
		flow.proto.tcp.state = r->filter.tcp_state;
	if (r->filter.has_sctp_state)
		flow.proto.sctp.state = r->filter.sctp_state;
	for (int dir = 0; dir < 2 && r->filter.proto == IPPROTO_SCTP; dir++)
		flow.proto.sctp.vtag[dir] = htonl(r->vtag[dir]);
	control_flow_encode(&flow, r->label_add, 0, &text);
	object = json_loads(text_str(&text), 0, NULL);
	text_fini(&text);
	json_object_del(object, "id");
	json_object_del(object, "start");
	return object;
}

static int create(struct ctl *ctl, const struct conntrack_request *r)
{
	struct client *c;
	struct client_reply reply;
	json_t *flow = flow_of(r);
	bool exists;
	int status = 1;

	if (!flow) {
		conntrack_say(ctl, "Operation failed: invalid parameters");
		return 1;
	}
	c = client_open(ctl);
	if (!c) {
		json_decref(flow);
		return 1;
	}
	if (client_send(c, "CreateFlow", flow, false) == 0 && client_receive(c, &reply) == 0) {
		exists = reply.error && strcmp(reply.error, "org.ctfw.FlowExists") == 0;
		if (exists && r->what == 'I')
			conntrack_say(ctl, "Operation failed: Such conntrack exists, try -U to "
					   "update");
		else if (reply.error && !exists)
			client_explain(ctl, &reply);
		else
			status = 0;
		if (!status)
			summary(ctl, !exists, r->what == 'A' ? "added" : "created");
		client_reply_fini(&reply);
	}
	client_close(c);
	return status;
}

/* ---- -E ---- */

/* At once, and then no more than once a second. */
static void say_skipped(struct conntrack_printer *p, bool at_once)
{
	long second = (long)time(NULL);

	if (!p->skipped || (second == p->said && !at_once))
		return;
	conntrack_say(p->ctl,
		      "%lld events were skipped: too many came at once, or they were read "
		      "too slowly",
		      (long long)p->skipped);
	p->skipped = 0;
	p->said = second;
}

struct watch {
	struct conntrack_printer printer;
	bool expectations;
};

static int print_events(void *arg, const json_t *params)
{
	struct watch *w = arg;
	struct conntrack_printer *p = &w->printer;
	const json_t *event;
	json_int_t skipped = json_integer_value(json_object_get(params, "skipped"));
	size_t i;

	conntrack_print_show(p, json_object_get(params, "show"));
	if (skipped > 0 && skipped <= INT64_MAX - p->skipped)
		p->skipped += skipped;
	say_skipped(p, false);
	json_array_foreach (json_object_get(params, "events"), i, event) {
		if (w->expectations ? conntrack_print_expect_event(p, event) :
				      conntrack_print_event(p, event))
			return 1;
	}
	fflush(p->ctl->out);
	return ferror(p->ctl->out) ? 1 : 0;
}

static json_t *kinds_of(unsigned events)
{
	json_t *kinds = json_array();

	if (events & EVENT_NEW)
		json_array_append_new(kinds, json_string("new"));
	if (events & EVENT_UPDATE)
		json_array_append_new(kinds, json_string("update"));
	if (events & EVENT_DESTROY)
		json_array_append_new(kinds, json_string("destroy"));
	return kinds;
}

static int watch(struct ctl *ctl, const struct conntrack_request *r)
{
	struct watch w = {
		.printer = { .ctl = ctl, .output = r->output },
		.expectations = r->table == TABLE_EXPECT,
	};
	struct client *c = client_open(ctl);
	json_t *params;
	int status;

	if (!c)
		return 1;
	client_catch_signals(c);
	params = json_pack("{so}", "kinds", kinds_of(r->events));
	if (!w.expectations)
		json_object_set_new(params, "filter", control_filter_encode(&r->filter));
	status = client_each(c, w.expectations ? "WatchExpectations" : "WatchFlows", params,
			     print_events, &w);
	if (client_stopped(c))
		status = 0;
	conntrack_print_end(&w.printer);
	say_skipped(&w.printer, true);
	conntrack_say(ctl, "%lld %s events have been shown.", (long long)w.printer.shown,
		      w.expectations ? "expectation" : "flow");
	client_ignore_signals();
	client_close(c);
	return status;
}

/* ---- -C, -S, -F ---- */

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

/* A worker stands for a CPU.  What the control side did counts with the first. */
static int stats(struct ctl *ctl)
{
	static const char *const names[] = { "found", "invalid", "insert", "insert_failed",
					     "drop", "early_drop", "error", "search_restart",
					     "clash_resolve", "chaintoolong" };
	struct client_reply reply;
	const json_t *all, *worker, *control;
	size_t i;

	if (ctl_call(ctl, "ConntrackStats", NULL, &reply))
		return 1;
	all = json_object_get(reply.params, "workers");
	control = json_array_get(all, json_array_size(all) - 1);
	json_array_foreach (all, i, worker) {
		if (worker == control)
			break;
		fprintf(ctl->out, "cpu=%-4zu\t", i);
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
			json_int_t n = json_integer_value(json_object_get(worker, names[j]));

			if (i == 0)
				n += json_integer_value(json_object_get(control, names[j]));
			fprintf(ctl->out, "%s=%lld ", names[j], (long long)n);
		}
		fputc('\n', ctl->out);
	}
	client_reply_fini(&reply);
	return 0;
}

static int flush(struct ctl *ctl, const struct conntrack_request *r)
{
	struct client_reply reply;

	if (ctl_call(ctl, "DeleteFlows", r->filter.family ? params_of(r) : NULL, &reply))
		return 1;
	client_reply_fini(&reply);
	conntrack_say(ctl, "connection tracking table has been emptied.");
	return 0;
}

/* ---- -R ---- */

#define LINE_WORDS 64

/* A line's words; it is cut up. */
static int split(char *line, char **words)
{
	char *rest = NULL;
	int n = 1;

	for (char *w = strtok_r(line, " \t\r\n", &rest); w && n < LINE_WORDS;
	     w = strtok_r(NULL, " \t\r\n", &rest))
		words[n++] = w;
	words[n] = NULL;
	return n;
}

static int load_line(struct ctl *ctl, char *line, unsigned number, const char *file)
{
	char *words[LINE_WORDS + 1] = { (char *)"conntrack" };
	int n = split(line, words), status;
	struct conntrack_request r;

	if (n == 1 || words[1][0] == '#')
		return 0;
	status = conntrack_args_parse(ctl, &command_conntrack, n, words, &r);
	if (!status && !strchr("IAUD", r.what)) {
		conntrack_say(ctl, "only -I, -A, -U and -D stand in files");
		status = CONNTRACK_USAGE;
	}
	if (!status)
		status = run_request(ctl, &r);
	if (status)
		conntrack_say(ctl, "%s:%u: this line failed", file, number);
	return status;
}

/* Line by line, and all of them: the first failure is the status. */
static int load(struct ctl *ctl, const struct conntrack_request *r)
{
	bool from_stdin = strcmp(r->file, "-") == 0;
	FILE *file = from_stdin ? stdin : fopen(r->file, "re");
	char *line = NULL;
	size_t room = 0;
	unsigned number = 0;
	int status = 0;

	if (!file) {
		conntrack_say(ctl, "Failed to open file %s for reading: %s", r->file,
			      strerror(errno));
		return CONNTRACK_USAGE;
	}
	while (getline(&line, &room, file) >= 0) {
		int failed = load_line(ctl, line, ++number, r->file);

		if (!status)
			status = failed;
	}
	if (ferror(file)) {
		conntrack_say(ctl, "cannot read %s: %s", r->file, strerror(errno));
		status = status ? status : 1;
	}
	free(line);
	if (!from_stdin)
		fclose(file);
	return status;
}

/* ---- the command ---- */

static int run_request(struct ctl *ctl, const struct conntrack_request *r)
{
	if (r->table == TABLE_EXPECT && r->what != 'E')
		return conntrack_expectations(ctl, r);
	switch (r->what) {
	case 'C':
		return count(ctl);
	case 'F':
		return flush(ctl, r);
	case 'S':
		return stats(ctl);
	case 'G':
		return get(ctl, r);
	case 'I':
	case 'A':
		return create(ctl, r);
	case 'E':
		return watch(ctl, r);
	case 'R':
		return load(ctl, r);
	default:
		return r->table == TABLE_CONNTRACK ? list_or_change(ctl, r) : list_none(ctl);
	}
}

static int conntrack_run(struct ctl *ctl, const struct command *self, int argc, char **argv)
{
	struct conntrack_request r;
	int status = conntrack_args_parse(ctl, self, argc, argv, &r);

	return status ? status : run_request(ctl, &r);
}

const struct command command_conntrack = {
	.name = "conntrack",
	.args = "-L|-G|-D|-I|-A|-U|-E|-F|-C|-S|-R [TABLE] [OPTION...]",
	.help = "Show, watch and change flows as conntrack(8) does",
	.options = conntrack_options_table,
	.run = conntrack_run,
};
