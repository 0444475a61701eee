/* check_plan.c - whether all that steering puts into the host is there. */
#include <string.h>

#include "ctfw/plan.h"
#include "ctl/check.h"

/* Without its TUN nothing of a capture can be led anywhere, and whoever makes that puts in the
 * rest.  NULL: any capture. */
static bool lacks_tun(const struct plan *p, const struct config_capture *capture)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].kind == PLAN_TUN && !p->v[i].found &&
		    (capture ? p->v[i].capture == capture : p->v[i].capture != NULL))
			return true;
	}
	return false;
}

/* How much of what closes a capture is missing: with none of it missing nothing passes. */
static unsigned count_unclosed(const struct plan *p, const struct config_capture *capture)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < p->n; i++)
		n += p->v[i].closing && !p->v[i].found &&
		     (!p->v[i].capture || p->v[i].capture == capture);
	return n;
}

static void todo_start(struct checker *c, const struct plan *p,
		       const struct config_capture *capture)
{
	unsigned n = capture ? count_unclosed(p, capture) : 0;

	/* One that runs may not know of this capture yet. */
	check_todo(c, "systemctl reload-or-restart ctfwd");
	if (capture && !capture->fail_closed)
		check_todo(c, "# until then all of %s passes, as fail-closed = no has it",
			   capture->ifname);
	else if (n)
		check_todo(c, "# until then %s is OPEN: what would close it is missing, too "
			      "(%u of rules and routes)",
			   capture->ifname, n);
	else if (capture)
		check_todo(c, "# until then nothing of %s passes", capture->ifname);
}

/* The TUNs of a capture are told together, as the daemon makes them. */
static void tell_tun(struct checker *c, const struct plan *p, size_t at)
{
	const struct plan_item *item = &p->v[at], *other = NULL;
	const struct config_capture *capture = item->capture;
	struct text words = TEXT_INIT;
	size_t i;

	for (i = 0; capture && i < p->n; i++) {
		if (i != at && p->v[i].kind == PLAN_TUN && p->v[i].capture == capture &&
		    !p->v[i].found)
			other = &p->v[i];
	}
	if (other && other < item)
		return;
	plan_words(item, &words);
	check_found(c, "%s: %s%s%s", plan_kind_name(item->kind), text_str(&words),
		    other ? " and " : "", other ? other->dev : "");
	todo_start(c, p, capture);
	text_fini(&words);
}

static void tell(struct checker *c, const struct plan_item *item)
{
	struct text words = TEXT_INIT, lines = TEXT_INIT;
	char *line, *rest;

	plan_words(item, &words);
	plan_commands(item, &lines);
	check_found(c, "%s: %s", plan_kind_name(item->kind), text_str(&words));
	for (line = strtok_r(lines.s, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		check_todo(c, "%s", line);
	text_fini(&words);
	text_fini(&lines);
}

void check_missing(struct checker *c)
{
	struct diag d = DIAG_INIT;
	struct plan p;
	size_t i;

	if (plan_read(c->config, &p, &d)) {
		check_blind(c, "steering: %s", text_str(&d.text));
		diag_fini(&d);
		return;
	}
	for (i = 0; i < p.n; i++) {
		const struct plan_item *item = &p.v[i];

		if (item->found)
			continue;
		if (item->kind == PLAN_TUN)
			tell_tun(c, &p, i);
		else if (!lacks_tun(&p, item->capture))
			tell(c, item);
	}
	plan_fini(&p);
	diag_fini(&d);
}
