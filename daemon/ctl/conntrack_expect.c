/* conntrack_expect.c - ctfwctl conntrack -L, -F and -C expect. */
#include <string.h>

#include "ctfw/control.h"
#include "ctfw/expect.h"
#include "ctfw/text.h"
#include "ctl/client.h"
#include "ctl/conntrack_expect.h"

static bool is_wanted(const struct conntrack_request *r, const struct expect *e)
{
	if (r->what == 'C')
		return true;
	/* As conntrack(8): IPv4 unless another family is asked for. */
	return e->tuple.l3 == (r->filter.family ? r->filter.family : L3_IPV4) &&
	       (!r->filter.has_proto || e->tuple.l4 == r->filter.proto);
}

static int show(struct ctl *ctl, const struct conntrack_request *r, const json_t *list,
		json_int_t *count)
{
	const json_t *object;
	size_t i;

	json_array_foreach (list, i, object) {
		struct text line = TEXT_INIT;
		struct expect e;

		if (control_expect_decode(object, &e) < 0) {
			conntrack_say(ctl, "the daemon's answer makes no sense");
			return 1;
		}
		if (!is_wanted(r, &e))
			continue;
		++*count;
		if (r->what != 'L')
			continue;
		expect_print(&e, 0, &line);
		text_putc(&line, '\n');
		fputs(text_str(&line), ctl->out);
		text_fini(&line);
	}
	return 0;
}

static int stream(struct ctl *ctl, const struct conntrack_request *r, struct client *c,
		  json_int_t *count)
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
			status = show(ctl, r, json_object_get(reply.params, "expectations"),
				      count);
		}
		client_reply_fini(&reply);
	}
	return status;
}

static int list(struct ctl *ctl, const struct conntrack_request *r, json_int_t *count)
{
	struct client *c = client_open(ctl);
	int status = 1;

	if (!c)
		return 1;
	if (client_send(c, "ListExpectations", NULL, true) == 0)
		status = stream(ctl, r, c, count);
	client_close(c);
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

int conntrack_expectations(struct ctl *ctl, const struct conntrack_request *r)
{
	json_int_t count = 0;
	int status;

	if (r->what == 'F')
		return flush(ctl);
	status = list(ctl, r, &count);
	if (status)
		return status;
	if (r->what == 'C')
		fprintf(ctl->out, "%lld\n", (long long)count);
	else
		conntrack_say(ctl, "%lld expectations have been shown.", (long long)count);
	return 0;
}
