/* rule_hub.c - changes of the ruleset on their way to those who watch.  See rule_hub.h. */
#include "control/rule_hub.h"

#include <inttypes.h>
#include <stdlib.h>

struct rule_hub {
	struct generation *generation;
	struct rule_listener *listeners;
};

/* One change for one listener; what does not fit is skipped as a whole.  Returns how many
 * bytes it was. */
static size_t tell(struct rule_hub *hub, struct rule_listener *l, const struct ruleset *old,
		   const struct ruleset *new, bool anew)
{
	struct text lines = TEXT_IN(&l->locale);
	size_t written;
	int err = 0;

	if (anew)
		err = ruleset_diff(old, NULL, &l->watch, &lines);
	if (!err)
		err = ruleset_diff(anew ? NULL : old, new, &l->watch, &lines);
	if (l->generations)
		text_printf(&lines, "# new generation %" PRIu64 "\n",
			    generation_serial(hub->generation));
	lines.failed = lines.failed || err;
	written = lines.len;
	lines_put(&l->queue, &lines, RULE_HUB_PENDING);
	return written;
}

static void on_change(void *arg, const struct ruleset *old, const struct ruleset *new,
		      bool anew)
{
	struct rule_hub *hub = arg;
	size_t written = 0;

	for (struct rule_listener *l = hub->listeners; l; l = l->next) {
		if (written < RULE_HUB_WRITTEN)
			written += tell(hub, l, old, new, anew);
		else
			l->queue.skipped++;
		lines_tell(&l->queue);
	}
}

struct rule_hub *rule_hub_new(struct generation *g)
{
	struct rule_hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return NULL;
	hub->generation = g;
	generation_watch(g, on_change, hub);
	return hub;
}

void rule_hub_free(struct rule_hub *hub)
{
	if (!hub)
		return;
	generation_watch(hub->generation, NULL, NULL);
	free(hub);
}

void rule_hub_listen(struct rule_hub *hub, struct rule_listener *l)
{
	l->next = hub->listeners;
	hub->listeners = l;
}

void rule_hub_unlisten(struct rule_hub *hub, struct rule_listener *l)
{
	struct rule_listener **link = &hub->listeners;

	while (*link && *link != l)
		link = &(*link)->next;
	if (*link)
		*link = l->next;
	lines_fini(&l->queue);
}
