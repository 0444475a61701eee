/* method_flows.c - ListFlows, CountFlows, DeleteFlows, UpdateFlows: walks over the flow table.
 *
 * A walk goes on by WALK_RECORDS records a run, so that a table of millions holds up
 * neither the other connections nor the daemon.  It sees each flow that lives from its
 * beginning to its end once; those that come or go meanwhile, perhaps. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/rcu.h"
#include "control/flow_words.h"
#include "control/session.h"

#define WALK_RECORDS 4096

enum walk_kind { WALK_NONE = 0, WALK_LIST, WALK_ZERO, WALK_COUNT, WALK_DELETE, WALK_UPDATE };

struct walk {
	enum walk_kind kind;
	struct flow_filter filter;
	struct flow_change change;
	bool print;      /* flows go into replies */
	uint32_t cursor;
	uint64_t count;
	/* this run's */
	struct conntrack *ct;
	struct instant now;
	struct text flows;
	unsigned n_flows;
};

/* What is to be done to one flow; false: it is gone.  On a copy, which is what is shown. */
static bool act(struct walk *w, uint32_t index, struct flow *copy)
{
	switch (w->kind) {
	case WALK_ZERO:
		return conntrack_zero(w->ct, index, copy->id, copy);
	case WALK_DELETE:
		return conntrack_delete(w->ct, index, copy->id);
	case WALK_UPDATE:
		return conntrack_update(w->ct, index, copy->id, &w->change, w->now, copy) == 0;
	default:
		return true;
	}
}

static bool walk_each(void *arg, uint32_t index, const struct flow *copy)
{
	struct walk *w = arg;
	struct flow shown;
	uint64_t labels[2];

	conntrack_labels(w->ct, index, copy, labels);
	if (!flow_matches(copy, &w->filter) || !labels_match(labels, &w->filter))
		return true;
	memcpy((void *)&shown, (const void *)copy, sizeof(shown));
	if (!act(w, index, &shown))
		return true;
	if (w->kind == WALK_UPDATE)
		conntrack_labels(w->ct, index, &shown, labels);
	w->count++;
	if (w->print) {
		text_puts(&w->flows, w->n_flows ? "," : "");
		control_flow_encode(&shown, labels, w->now.mono, &w->flows);
	}
	w->n_flows++;
	return w->kind == WALK_COUNT || w->n_flows < CONTROL_CHUNK_FLOWS;
}

/* One run's records.  True at the end of the table. */
static bool walk_run(struct walk *w, const struct control_context *ctx)
{
	bool end;

	text_clear(&w->flows);
	w->n_flows = 0;
	w->ct = ctx->conntrack;
	w->now = ctx->now(ctx->arg);
	rcu_online();
	end = conntrack_each(w->ct, &w->cursor, WALK_RECORDS, w->now, walk_each, w);
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
		text_puts(&reply, "],\"show\":");
		control_show_encode(w->ct, &reply);
		text_puts(&reply, end ? "," : "");
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

static struct walk *walk_begin(struct control_session *s, const json_t *params,
			       enum walk_kind kind)
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
		return w;
	}
	return NULL;
}

static void list_flows(struct control_session *s, const json_t *params)
{
	bool zero = json_is_true(json_object_get(params, "zero"));

	if (zero && !session_may_change(s))
		session_error(s, VARLINK ".PermissionDenied", NULL);
	else
		walk_begin(s, params, zero ? WALK_ZERO : WALK_LIST);
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

static int vtag_decode(const json_t *o, const char *name, enum flow_dir dir,
		       struct flow_change *c)
{
	uint64_t vtag = 0;
	int err = words_number(o, name, UINT32_MAX, &vtag);

	c->has_vtag[dir] = !err;
	c->vtag[dir] = htonl((uint32_t)vtag);
	return err == -EINVAL ? err : 0;
}

/* The member that is wrong, or NULL. */
static const char *change_decode(const json_t *o, struct flow_change *ret_change)
{
	const json_t *status = json_object_get(o, "status");
	const json_t *state = json_object_get(o, "tcp_state");
	const json_t *sctp = json_object_get(o, "sctp_state");
	const json_t *add = json_object_get(o, "label_add");
	const json_t *del = json_object_get(o, "label_del");
	struct flow_change c = { .mark_keep = UINT32_MAX };
	uint64_t gone[2] = { 0 };
	uint64_t keep = UINT32_MAX, flip = 0, timeout = 0;
	int has_keep = words_number(o, "mark_keep", UINT32_MAX, &keep);
	int has_flip = words_number(o, "mark_flip", UINT32_MAX, &flip);
	int has_timeout = words_number(o, "timeout", CT_TIMEOUT_MAX, &timeout);

	if (has_keep == -EINVAL || has_flip == -EINVAL)
		return "mark";
	if (has_timeout == -EINVAL)
		return "timeout";
	if (status && !json_is_null(status) && !words_status_decode(status, &c.set_status))
		return "status";
	if (state && !json_is_null(state) &&
	    !words_tcp_state_parse(json_string_value(state), &c.tcp_state))
		return "tcp_state";
	if (sctp && !json_is_null(sctp) &&
	    !words_sctp_state_parse(json_string_value(sctp), &c.sctp_state))
		return "sctp_state";
	if (vtag_decode(o, "orig_vtag", DIR_ORIGINAL, &c) ||
	    vtag_decode(o, "reply_vtag", DIR_REPLY, &c))
		return "vtag";
	if ((add && !json_is_null(add) && !words_labels_decode(add, c.label_set)) ||
	    (del && !json_is_null(del) && !words_labels_decode(del, gone)))
		return "labels";
	c.label_keep[0] = ~gone[0];
	c.label_keep[1] = ~gone[1];
	c.has_mark = !has_keep || !has_flip;
	c.mark_keep = (uint32_t)keep;
	c.mark_flip = (uint32_t)flip;
	c.has_timeout = !has_timeout;
	c.timeout = (uint32_t)timeout;
	if (c.set_status & ~(uint32_t)(FLOW_SEEN_REPLY | FLOW_ASSURED | FLOW_FIXED_TIMEOUT))
		return "status";
	*ret_change = c;
	return NULL;
}

static void update_flows(struct control_session *s, const json_t *params)
{
	struct flow_change change;
	const char *wrong = change_decode(json_object_get(params, "change"), &change);
	struct walk *w;

	if (wrong) {
		session_invalid(s, wrong);
		return;
	}
	w = walk_begin(s, params, WALK_UPDATE);
	if (w)
		w->change = change;
}

static const struct method_param filter_params[] = {
	{ "filter", 'o', false },
	{ NULL, 0, false },
};

static const struct method_param list_params[] = {
	{ "filter", 'o', false },
	{ "zero", 'b', false },
	{ NULL, 0, false },
};

static const struct method_param update_params[] = {
	{ "filter", 'o', false },
	{ "change", 'o', true },
	{ NULL, 0, false },
};

const struct method flow_methods[] = {
	{
		.name = CONTROL_INTERFACE ".ListFlows",
		.stream = true,
		.params = list_params,
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
	{
		.name = CONTROL_INTERFACE ".UpdateFlows",
		.change = true,
		.params = update_params,
		.call = update_flows,
	},
	{ .name = NULL },
};
