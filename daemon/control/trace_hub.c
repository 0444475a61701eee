/* trace_hub.c - records of traced packets on their way to those who watch.  See trace_hub.h. */
#include "control/trace_hub.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ctfw/trace.h"

/* How often a record is written in one call, once for each listener, so that others get their
 * turn. */
#define RUN_WRITTEN 1000

struct trace_hub {
	struct engine *engine;
	struct generation *generation;
	void (*active)(void *arg, bool on);
	void *arg;
	struct trace_listener *listeners;
};

struct trace_hub *trace_hub_new(struct engine *e, struct generation *g,
				void (*active)(void *arg, bool on), void *arg)
{
	struct trace_hub *hub = calloc(1, sizeof(*hub));

	if (hub)
		*hub = (struct trace_hub){ e, g, active, arg, NULL };
	return hub;
}

void trace_hub_free(struct trace_hub *hub)
{
	free(hub);
}

int trace_hub_listen(struct trace_hub *hub, struct trace_listener *l)
{
	int err = engine_trace_listen(hub->engine);

	if (err)
		return err;
	l->next = hub->listeners;
	hub->listeners = l;
	if (!l->next)
		hub->active(hub->arg, true);
	return 0;
}

void trace_hub_unlisten(struct trace_hub *hub, struct trace_listener *l)
{
	struct trace_listener **link = &hub->listeners;

	while (*link && *link != l)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = l->next;
	engine_trace_unlisten(hub->engine);
	lines_fini(&l->queue);
	if (!hub->listeners)
		hub->active(hub->arg, false);
}

/* ---- lines, as nft monitor trace writes them ---- */

static void print_place(const struct trace_record *r, struct text *out)
{
	text_printf(out, "trace id %08" PRIx32 " %s %s %s ", r->id, r->family, r->table,
		    r->chain);
}

static void print_packet(const struct trace_record *r, unsigned print, struct text *out)
{
	print_place(r, out);
	text_puts(out, "packet: ");
	if (r->iifname[0])
		text_printf(out, "iif \"%.16s\" ", r->iifname);
	if (r->oifname[0])
		text_printf(out, "oif \"%.16s\" ", r->oifname);
	ruleset_print_packet(r->bytes, r->len, print, out);
	text_putc(out, '\n');
}

static const char *const verdicts[] = {
	[TRACE_NONE] = "none", [TRACE_CONTINUE] = "continue", [TRACE_ACCEPT] = "accept",
	[TRACE_DROP] = "drop", [TRACE_JUMP] = "jump",	      [TRACE_GOTO] = "goto",
	[TRACE_RETURN] = "return",
};

static void print_record(const struct trace_hub *hub, const struct trace_record *r,
			 unsigned print, struct text *out)
{
	if (r->first)
		print_packet(r, print, out);
	print_place(r, out);
	if (r->policy) {
		text_printf(out, "policy %s ", verdicts[r->verdict]);
		if (r->mark)
			text_printf(out, "meta mark 0x%08" PRIx32 " ", r->mark);
		text_putc(out, '\n');
		return;
	}
	text_puts(out, "rule ");
	/* It may be gone already. */
	if (!ruleset_print_rule(generation_ruleset(hub->generation), r->family, r->table,
				r->chain, r->handle, print, out))
		text_printf(out, "handle %" PRIu64, r->handle);
	text_printf(out, " (verdict %s%s%s)\n", verdicts[r->verdict], *r->target ? " " : "",
		    r->target);
}

/* Returns how many were told. */
static unsigned tell(const struct trace_hub *hub, const struct trace_record *r)
{
	unsigned n = 0;

	for (struct trace_listener *l = hub->listeners; l; l = l->next, n++) {
		struct text lines = TEXT_IN(&l->locale);

		print_record(hub, r, l->print, &lines);
		lines_put(&l->queue, &lines, TRACE_HUB_PENDING);
	}
	return n;
}

void trace_hub_collect(struct trace_hub *hub)
{
	struct trace_record r;
	unsigned written = 0;
	uint64_t skipped;

	while (hub->listeners && written < RUN_WRITTEN &&
	       engine_trace_next(hub->engine, &r))
		written += tell(hub, &r);
	skipped = engine_trace_skipped(hub->engine);
	for (struct trace_listener *l = hub->listeners, *next; l; l = next) {
		next = l->next;
		l->queue.skipped += skipped;
		lines_tell(&l->queue);
	}
}
