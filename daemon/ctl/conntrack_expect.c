/* conntrack_expect.c - ctfwctl conntrack -L, -G, -D, -F and -C expect. */
#include <arpa/inet.h>
#include <string.h>

#include "ctfw/control.h"
#include "ctfw/expect.h"
#include "ctfw/text.h"
#include "ctl/client.h"
#include "ctl/conntrack_expect.h"
#include "ctl/conntrack_print.h"

/* What comes of a list. */
struct listing {
	const struct conntrack_request *r;
	struct conntrack_printer printer;
	struct tuple tuple; /* -G, -D: of a packet that it would fit */
	json_int_t count;
	uint32_t found; /* the last one's id */
};

static struct tuple tuple_of(const struct flow_filter *f)
{
	return (struct tuple){
		.l3 = f->family,
		.l4 = f->proto,
		.src = f->src.addr,
		.dst = f->dst.addr,
		.sport = htons(f->sport),
		.dport = htons(f->dport),
		.zone = f->zone,
	};
}

static bool is_wanted(const struct listing *l, const struct expect *e)
{
	switch (l->r->what) {
	case 'C':
		return true;
	case 'G': case 'D': /* the first that fits, as the kernel finds it */
		return l->count == 0 && expect_fits(e, &l->tuple);
	default: /* as conntrack(8): IPv4 unless another family is asked for */
		return e->tuple.l3 == (l->r->filter.family ? l->r->filter.family : L3_IPV4);
	}
}

static int show(void *arg, const json_t *params)
{
	struct listing *l = arg;
	const json_t *object;
	size_t i;

	json_array_foreach (json_object_get(params, "expectations"), i, object) {
		struct expect e;

		if (control_expect_decode(object, &e) < 0) {
			conntrack_say(l->printer.ctl, "the daemon's answer makes no sense");
			return 1;
		}
		if (!is_wanted(l, &e))
			continue;
		l->count++;
		l->found = e.id;
		if (strchr("LG", l->r->what))
			conntrack_print_expect(&l->printer, &e);
	}
	return 0;
}

static int list(struct ctl *ctl, struct listing *l)
{
	struct client *c = client_open(ctl);
	int status;

	if (!c)
		return 1;
	status = client_each(c, "ListExpectations", NULL, show, l);
	client_close(c);
	conntrack_print_end(&l->printer);
	return status;
}

static int flush(struct ctl *ctl)
{
	struct client_reply reply;

	if (ctl_call(ctl, "DeleteExpectations", NULL, &reply))
		return 1;
	client_reply_fini(&reply);
	conntrack_say(ctl, "expectation table has been emptied.");
	return 0;
}

/* By its number; it may have gone meanwhile. */
static int delete(struct ctl *ctl, uint32_t id, json_int_t *ret_count)
{
	struct client_reply reply;

	if (ctl_call(ctl, "DeleteExpectations", json_pack("{sI}", "id", (json_int_t)id),
		     &reply))
		return 1;
	*ret_count = json_integer_value(json_object_get(reply.params, "count"));
	client_reply_fini(&reply);
	return 0;
}

static int not_there(struct ctl *ctl)
{
	conntrack_say(ctl, "Operation failed: such expectation doesn't exist");
	return 1;
}

int conntrack_expectations(struct ctl *ctl, const struct conntrack_request *r)
{
	struct listing l = {
		.r = r,
		.printer = { .ctl = ctl, .output = r->output },
		.tuple = tuple_of(&r->filter),
	};
	int status;

	if (r->what == 'F')
		return flush(ctl);
	status = list(ctl, &l);
	if (!status && r->what == 'D' && l.count)
		status = delete(ctl, l.found, &l.count);
	if (status)
		return status;
	if (strchr("GD", r->what) && !l.count)
		return not_there(ctl);
	if (r->what == 'C')
		fprintf(ctl->out, "%lld\n", (long long)l.count);
	else
		conntrack_say(ctl, "%lld expectations have been %s.", (long long)l.count,
			      r->what == 'D' ? "deleted" : "shown");
	return 0;
}
