/* method_expect.c - ListExpectations, DeleteExpectations.  There are never many: a run looks at
 * all, and tells as many as a reply carries. */
#include <stdlib.h>
#include <string.h>

#include "control/session.h"
#include "ctfw/expect.h"
#include "ctfw/rcu.h"

struct walk {
	uint32_t cursor;
	unsigned long count;
	/* this run's */
	uint64_t mono;
	struct text list;
	unsigned n;
};

static bool walk_each(void *arg, uint32_t index, const struct expect *copy)
{
	struct walk *w = arg;

	(void)index;
	text_puts(&w->list, w->n ? "," : "");
	control_expect_encode(copy, w->mono, &w->list);
	w->count++;
	return ++w->n < CONTROL_CHUNK_FLOWS;
}

static void walk_step(struct control_session *s, void *job)
{
	const struct control_context *ctx = session_context(s);
	struct instant now = ctx->now(ctx->arg);
	struct walk *w = job;
	struct text reply = TEXT_INIT;
	bool end;

	text_clear(&w->list);
	w->n = 0;
	w->mono = now.mono;
	rcu_online();
	end = conntrack_each_expectation(ctx->conntrack, &w->cursor, now, walk_each, w);
	rcu_offline();
	text_puts(&reply, "{\"expectations\":[");
	text_append(&reply, text_str(&w->list), w->list.len);
	text_puts(&reply, "]");
	if (end)
		text_printf(&reply, ",\"count\":%lu", w->count);
	text_puts(&reply, "}");
	if (text_failed(&w->list))
		reply.failed = true;
	session_reply_text(s, &reply, !end); /* the last one frees w */
	text_fini(&reply);
}

static void walk_free(void *job)
{
	struct walk *w = job;

	text_fini(&w->list);
	free(w);
}

static void list_expectations(struct control_session *s, const json_t *params)
{
	struct walk *w = calloc(1, sizeof(*w));

	(void)params;
	if (w)
		session_continue(s, walk_step, w, walk_free);
	else
		session_failed(s, "out of memory");
}

struct deletion {
	struct conntrack *ct;
	json_int_t id; /* 0: all */
	json_int_t count;
};

static bool delete_each(void *arg, uint32_t index, const struct expect *copy)
{
	struct deletion *d = arg;

	if (d->id == 0 || copy->id == d->id)
		d->count += conntrack_delete_expectation(d->ct, index, copy->id);
	return true;
}

static void delete_expectations(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	const json_t *id = json_object_get(params, "id");
	struct deletion d = { .ct = ctx->conntrack, .id = json_integer_value(id) };
	uint32_t cursor = 0;

	if (id && !json_is_null(id) && (d.id < 1 || d.id > UINT32_MAX)) {
		session_invalid(s, "id");
		return;
	}
	rcu_online();
	conntrack_each_expectation(d.ct, &cursor, ctx->now(ctx->arg), delete_each, &d);
	rcu_offline();
	session_reply(s, json_pack("{sI}", "count", d.count));
}

static const struct method_param delete_params[] = {
	{ "id", 'i', false },
	{ NULL, 0, false },
};

const struct method expect_methods[] = {
	{
		.name = CONTROL_INTERFACE ".ListExpectations",
		.stream = true,
		.call = list_expectations,
	},
	{
		.name = CONTROL_INTERFACE ".DeleteExpectations",
		.change = true,
		.params = delete_params,
		.call = delete_expectations,
	},
	{ .name = NULL },
};
