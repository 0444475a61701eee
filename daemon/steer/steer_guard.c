/* steer_guard.c - what stays closed without a daemon, and what opens.
 *
 * The guard is what closes and nothing else, by the names of the interfaces: it can be there
 * before they are, as at boot.  A rule that does nothing is its mark, in the kernel like the
 * rest of it: a daemon that finds the mark leaves the host closed when it stops.
 *
 * While a daemon steers, what closes is its own: then the mark alone comes and goes. */
#include <string.h>

#include "steer/steer_private.h"

static bool stays_closed(const struct plan_item *item)
{
	return item->closing && (!item->capture || item->capture->fail_closed);
}

/* Of a whole plan, what closes for good; nothing when no interface is to stay closed. */
static void keep_closing(const struct config *c, struct plan *p)
{
	size_t i, n = 0;
	bool any = false;

	for (i = 0; i < c->n_captures; i++)
		any |= c->captures[i].fail_closed;
	for (i = 0; any && i < p->n; i++) {
		if (stays_closed(&p->v[i]))
			p->v[n++] = p->v[i];
	}
	p->n = n;
}

/* A daemon has TUNs, and whoever holds them for it. */
static bool is_steering(const struct steer *s)
{
	size_t i;

	for (i = 0; i < s->view.n_captures; i++) {
		if (s->view.captures[i].in.found || s->view.captures[i].out.found)
			return true;
	}
	return false;
}

static struct plan_item mark(const struct steer *s, uint8_t l3)
{
	return (struct plan_item){
		.kind = PLAN_RULE,
		.l3 = l3,
		.rule = { .action = FR_ACT_NOP,
			  .protocol = (uint8_t)s->config->steer.protocol,
			  .pref = s->config->steer.priority + STEER_GUARD },
	};
}

int steer_guard_mark(struct steer *s, bool put)
{
	static const uint8_t families[] = { L3_IPV4, L3_IPV6 };
	int err = 0;
	size_t i;

	for (i = 0; !err && i < sizeof(families); i++) {
		struct plan_item item = mark(s, families[i]);

		if (!view_has_family(&s->view, families[i]) || steer_rule_find(s, &item) == put)
			continue;
		err = put ? steer_rule_put(s, &item) : steer_rule_take(s, &item);
	}
	return err;
}

int steer_guard_put(struct steer *s, struct plan *ret_stays)
{
	int err = plan_make(s, true, ret_stays);
	size_t i;

	if (err)
		return err;
	keep_closing(s->config, ret_stays);
	for (i = 0; !err && i < ret_stays->n; i++) {
		if (!ret_stays->v[i].found)
			err = steer_put(s, &ret_stays->v[i]);
	}
	return err;
}

/* What a former configuration left, and what a daemon that was killed left open. */
static int drop_others(struct steer *s, const struct plan *stays)
{
	int err = view_read(s);

	if (!err)
		err = steer_rule_drop(s, stays);
	if (!err)
		err = steer_route_drop(s, stays, false);
	if (!err)
		err = steer_route_drop(s, stays, true);
	if (!err)
		err = steer_former_drop(s, stays);
	return err;
}

int steer_guard(const struct config *config, struct diag *d)
{
	struct plan stays = { .v = NULL };
	struct steer *s = NULL;
	int err = steer_open(config, &s, d);

	if (err)
		return err;
	err = view_read(s);
	/* A kernel without IPv6 lets none of it through. */
	if (!err && config->n_captures)
		err = steer_route_check(s);
	if (!err && !is_steering(s)) {
		err = steer_guard_put(s, &stays);
		if (!err)
			err = drop_others(s, &stays);
	}
	/* Even where nothing is captured as yet: what a daemon captures later is to stay closed
	 * when that stops. */
	if (!err)
		err = steer_guard_mark(s, true);
	plan_fini(&stays);
	steer_free(s);
	return err;
}

int steer_guard_off(const struct config *config, struct diag *d)
{
	static const struct plan none = { .v = NULL };
	struct steer *s = NULL;
	int err = steer_open(config, &s, d);

	if (err)
		return err;
	err = view_read(s);
	if (!err)
		err = steer_guard_mark(s, false);
	if (!err && !is_steering(s))
		err = steer_take_out(s, &none);
	steer_free(s);
	return err;
}

/* ---- fail-closed = no ---- */

bool steer_opens(const struct config *config)
{
	size_t i;

	for (i = 0; i < config->n_captures; i++) {
		if (!config->captures[i].fail_closed)
			return true;
	}
	return false;
}

int steer_open_up(const struct config *config)
{
	struct plan stays = { .v = NULL };
	struct steer *s = NULL;
	struct diag d = DIAG_INIT;
	int err = steer_open(config, &s, &d);

	if (!err)
		err = view_read(s);
	/* What stays closed loses its filters: the rules do without. */
	if (!err)
		err = steer_guard_put(s, &stays);
	if (!err)
		err = steer_take_out(s, &stays);
	plan_fini(&stays);
	steer_free(s);
	diag_fini(&d);
	return err;
}
