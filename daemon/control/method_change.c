/* method_change.c - CreateFlow and ConntrackStats.  (UpdateFlows is a walk: method_flows.c.) */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "control/flow_words.h"
#include "control/session.h"
#include "ctfw/rcu.h"

/* ---- CreateFlow ---- */

/* A flow as words, without what only a flow that lives has. */
static json_t *as_flow(const json_t *params)
{
	json_t *flow = json_copy((json_t *)params);

	if (!flow)
		return NULL;
	json_object_set_new(flow, "id", json_integer(1));
	json_object_set_new(flow, "start", json_integer(0));
	for (int dir = 0; dir < 2; dir++) {
		const char *name = dir == DIR_ORIGINAL ? "original" : "reply";
		json_t *side = json_copy(json_object_get(params, name));

		json_object_set_new(side, "packets", json_integer(0));
		json_object_set_new(side, "bytes", json_integer(0));
		json_object_set_new(flow, name, side);
	}
	if (!json_object_get(flow, "zone"))
		json_object_set_new(flow, "zone", json_integer(0));
	if (!json_object_get(flow, "mark"))
		json_object_set_new(flow, "mark", json_integer(0));
	if (!json_object_get(flow, "status"))
		json_object_set_new(flow, "status", json_array());
	return flow;
}

static int spec_decode(const json_t *params, struct flow_spec *ret_spec)
{
	json_t *object = as_flow(params);
	struct flow flow;
	int err = object ? control_flow_decode(object, &flow) : -ENOMEM;

	json_decref(object);
	if (err)
		return err;
	*ret_spec = (struct flow_spec){
		.tuple = { flow.tuple[0], flow.tuple[1] },
		.status = flow.status,
		.timeout = (uint32_t)(flow.expires / NSEC_PER_SEC),
		.mark = flow.mark,
	};
	if (flow.tuple[DIR_ORIGINAL].l4 == IPPROTO_TCP)
		ret_spec->state = flow.proto.tcp.state;
	if (flow.tuple[DIR_ORIGINAL].l4 == IPPROTO_SCTP) {
		ret_spec->state = flow.proto.sctp.state;
		memcpy(ret_spec->vtag, flow.proto.sctp.vtag, sizeof(ret_spec->vtag));
	}
	if (json_object_get(params, "labels") &&
	    !words_labels_decode(json_object_get(params, "labels"), ret_spec->label))
		return -EINVAL;
	return 0;
}

static void create_flow(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	struct flow_spec spec;
	int err = spec_decode(params, &spec);

	if (!err) {
		rcu_online();
		err = conntrack_create(ctx->conntrack, &spec, ctx->now(ctx->arg));
		rcu_offline();
	}
	switch (err) {
	case 0:
		session_reply(s, json_object());
		break;
	case -EINVAL:
		session_invalid(s, "flow");
		break;
	case -EEXIST:
		session_error(s, CONTROL_INTERFACE ".FlowExists", NULL);
		break;
	case -ENOMEM:
		session_failed(s, "out of memory");
		break;
	default:
		session_failed(s, "the flow table is full");
	}
}

/* ---- ConntrackStats ---- */

static json_t *stats_of(const struct conntrack *ct, unsigned worker)
{
	struct conntrack_stats c;

	conntrack_worker_stats(ct, worker, &c);
	return json_pack("{si sI sI sI sI sI sI sI sI sI}", "worker",
			 worker == conntrack_workers(ct) ? -1 : (int)worker, "found",
			 (json_int_t)c.found, "invalid", (json_int_t)c.invalid, "insert",
			 (json_int_t)c.insert, "insert_failed", (json_int_t)c.insert_failed,
			 "drop", (json_int_t)c.drop, "early_drop", (json_int_t)c.early_drop,
			 "error", (json_int_t)c.error, "clash_resolve",
			 (json_int_t)c.clash_resolve, "chaintoolong",
			 (json_int_t)c.chaintoolong);
}

static void stats(struct control_session *s, const json_t *params)
{
	const struct conntrack *ct = session_context(s)->conntrack;
	json_t *all = json_array();

	(void)params;
	for (unsigned i = 0; i <= conntrack_workers(ct); i++)
		json_array_append_new(all, stats_of(ct, i));
	session_reply(s, json_pack("{so}", "workers", all));
}

static const struct method_param create_params[] = {
	{ "family", 's', true },     { "protonum", 'i', true }, { "zone", 'i', false },
	{ "reply_zone", 'i', false }, { "original", 'o', true }, { "reply", 'o', true },
	{ "status", 'a', false },    { "tcp_state", 's', false }, { "timeout", 'i', true },
	{ "mark", 'i', false },	     { "labels", 'a', false },	{ "sctp_state", 's', false },
	{ NULL, 0, false },
};

const struct method change_methods[] = {
	{
		.name = CONTROL_INTERFACE ".CreateFlow",
		.change = true,
		.params = create_params,
		.call = create_flow,
	},
	{
		.name = CONTROL_INTERFACE ".ConntrackStats",
		.call = stats,
	},
	{ .name = NULL },
};
