/* check_plan.c - whether all that steering puts into the host is there. */
#include <string.h>

#include "ctfw/plan.h"
#include "ctl/check.h"

/* Without its TUN nothing of a capture can be led anywhere. */
static bool lacks_tun(const struct plan *p, const struct config_capture *capture)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].kind == PLAN_TUN && p->v[i].capture == capture && !p->v[i].found)
			return true;
	}
	return false;
}

static void tell(struct checker *c, const struct plan_item *item)
{
	struct text words = TEXT_INIT, lines = TEXT_INIT;
	char *line, *rest;

	plan_words(item, &words);
	plan_commands(item, &lines);
	check_found(c, "%s: %s", plan_kind_name(item->kind), text_str(&words));
	if (item->kind == PLAN_TUN) {
		check_todo(c, "systemctl start ctfwd");
	} else {
		for (line = lines.s; line && *line; line = rest) {
			rest = line + strcspn(line, "\n");
			if (*rest)
				*rest++ = '\0';
			check_todo(c, "%s", line);
		}
	}
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

		if (!item->found && (item->kind == PLAN_TUN || item->closing ||
				     !lacks_tun(&p, item->capture)))
			tell(c, item);
	}
	plan_fini(&p);
	diag_fini(&d);
}
