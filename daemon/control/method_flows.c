/* method_flows.c - ListFlows, CountFlows, DeleteFlows: walks over the flow table.
 *
 * A walk goes on by WALK_RECORDS records a run, so that a table of millions holds up
 * neither the other connections nor the daemon.  It sees each flow that lives from its
 * beginning to its end once; those that come or go meanwhile, perhaps. */
#include <stdlib.h>
#include <string.h>

#include "ctfw/rcu.h"
#include "control/session.h"

#define WALK_RECORDS 4096

enum walk_kind { WALK_NONE = 0, WALK_LIST, WALK_COUNT, WALK_DELETE };

struct walk {
	enum walk_kind kind;
	struct flow_filter filter;
	bool print;      /* flows go into replies */
	uint32_t cursor;
	uint64_t count;
	/* this run's */
	uint64_t mono;
	struct text flows;
	unsigned n_flows;
	struct {
		uint32_t index, id;
	} doomed[CONTROL_CHUNK_FLOWS];
	unsigned n_doomed;
};

static bool walk_each(void *arg, uint32_t index, const struct flow *copy)
{
	struct walk *w = arg;

	if (!flow_matches(copy, &w->filter))
		return true;
	if (w->kind != WALK_DELETE)
		w->count++;
	if (w->print) {
		text_puts(&w->flows, w->n_flows ? "," : "");
		control_flow_encode(copy, w->mono, &w->flows);
	}
	w->n_flows++;
	if (w->kind == WALK_DELETE) {
		w->doomed[w->n_doomed].index = index;
		w->doomed[w->n_doomed++].id = copy->id;
	}
	return w->kind == WALK_COUNT || w->n_flows < CONTROL_CHUNK_FLOWS;
}

/* One run's records.  True at the end of the table. */
static bool walk_run(struct walk *w, const struct control_context *ctx)
{
	struct instant now = ctx->now(ctx->arg);
	bool end;

	text_clear(&w->flows);
	w->n_flows = w->n_doomed = 0;
	w->mono = now.mono;
	rcu_online();
	end = conntrack_each(ctx->conntrack, &w->cursor, WALK_RECORDS, now, walk_each, w);
	for (unsigned i = 0; i < w->n_doomed; i++)
		w->count +=
			conntrack_delete(ctx->conntrack, w->doomed[i].index, w->doomed[i].id);
	rcu_offline();
	return end;
}

static void walk_step(struct control_session *s, void *job)
{
	struct walk *w = job;
	struct text reply = TEXT_INIT;
	bool end = walk_run(w, session_context(s));

	if (!end && !(w->print && w->n_flows))
		return;
	text_putc(&reply, '{');
	if (w->kind != WALK_COUNT) {
		text_puts(&reply, "\"flows\":[");
		text_append(&reply, text_str(&w->flows), w->flows.len);
		text_puts(&reply, end ? "]," : "]");
	}
	if (end)
		text_printf(&reply, "\"count\":%llu", (unsigned long long)w->count);
	text_putc(&reply, '}');
	if (text_failed(&w->flows))
		reply.failed = true;
	session_reply_text(s, &reply, !end); /* the last one frees w */
	text_fini(&reply);
}

static void walk_free(void *job)
{
	struct walk *w = job;

	text_fini(&w->flows);
	free(w);
}

static void walk_begin(struct control_session *s, const json_t *params, enum walk_kind kind)
{
	const json_t *filter = json_object_get(params, "filter");
	struct walk *w = calloc(1, sizeof(*w));
	const char *member;

	if (!w) {
		session_failed(s, "out of memory");
	} else if (control_filter_decode(filter, &w->filter, &member)) {
		session_invalid(s, "filter");
		walk_free(w);
	} else {
		w->kind = kind;
		w->print = kind != WALK_COUNT && session_more(s);
		session_continue(s, walk_step, w, walk_free);
	}
}

static void list_flows(struct control_session *s, const json_t *params)
{
	walk_begin(s, params, WALK_LIST);
}

/* Of all, as `conntrack -C`: the table knows that number without a walk. */
static void count_flows(struct control_session *s, const json_t *params)
{
	struct conntrack_stats stats;

	if (json_object_size(json_object_get(params, "filter"))) {
		walk_begin(s, params, WALK_COUNT);
		return;
	}
	conntrack_stats(session_context(s)->conntrack, &stats);
	session_reply(s, json_pack("{sI}", "count", (json_int_t)stats.flows));
}

static void delete_flows(struct control_session *s, const json_t *params)
{
	walk_begin(s, params, WALK_DELETE);
}

static const struct method_param filter_params[] = {
	{ "filter", 'o', false },
	{ NULL, 0, false },
};

const struct method flow_methods[] = {
	{
		.name = CONTROL_INTERFACE ".ListFlows",
		.stream = true,
		.params = filter_params,
		.call = list_flows,
	},
	{
		.name = CONTROL_INTERFACE ".CountFlows",
		.params = filter_params,
		.call = count_flows,
	},
	{
		.name = CONTROL_INTERFACE ".DeleteFlows",
		.change = true,
		.params = filter_params,
		.call = delete_flows,
	},
	{ .name = NULL },
};
