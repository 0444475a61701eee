/* steer_off.c - takes all that is ours out of a host that no daemon steers, and what former
 * configurations left out of one that is about to be steered.
 *
 * What the configuration names goes, whoever put it in: a daemon that was killed, the guard,
 * a script.  What former configurations left is known by its marks: a rule that leads into a
 * table, with the end of our rules twenty behind it, of the same protocol.  Table and
 * priority of such a pair are taken for a [steer] section of its own.  Filters have marks of
 * their own, on whatever interface they are. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_private.h"

#define FORMER_MAX 64

struct former {
	struct config_steer v[FORMER_MAX];
	size_t n;
};

static bool ends_with(const struct view_rules *rules, const struct view_rule *lead)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		const struct view_rule *r = &rules->v[i];

		if (r->l3 == lead->l3 && !r->exotic && r->rule.action == FR_ACT_NOP &&
		    r->rule.protocol == lead->rule.protocol &&
		    r->rule.pref == lead->rule.pref + STEER_END - STEER_NETWORKS)
			return true;
	}
	return false;
}

static void remember(struct former *f, struct config_steer section)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (f->v[i].table == section.table && f->v[i].priority == section.priority &&
		    f->v[i].protocol == section.protocol)
			return;
	}
	if (f->n < FORMER_MAX)
		f->v[f->n++] = section;
}

static void find_former(const struct view_rules *rules, struct former *f)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		const struct view_rule *r = &rules->v[i];

		if (r->exotic || r->rule.action != FR_ACT_TO_TBL || !r->rule.to.len ||
		    r->rule.pref <= STEER_NETWORKS || !ends_with(rules, r))
			continue;
		remember(f, (struct config_steer){ .table = r->rule.table,
						   .priority = r->rule.pref - STEER_NETWORKS,
						   .protocol = r->rule.protocol });
	}
}

/* The way out lies open only when the last rule goes. */
static int drop_guard(struct steer *s)
{
	const struct view_rules *list = &s->view.rules;
	int err = 0;
	size_t i;

	for (i = 0; !err && i < list->n; i++) {
		const struct view_rule *r = &list->v[i];
		const struct plan_item item = { .kind = PLAN_RULE,
						.l3 = r->l3,
						.rule = r->rule };

		if (steer_rule_is_ours(s, r) &&
		    r->rule.pref == s->config->steer.priority + STEER_GUARD)
			err = steer_rule_take(s, &item);
	}
	return err == -ENOENT ? 0 : err;
}

/* What has another place than ours would lead what comes back from our TUNs into them again.
 * Rules at priority 0 are nobody's in particular: ours among them go as well, and come back. */
static int drop_one(struct steer *s, const struct config_steer *own, bool *guarded)
{
	static const struct plan none = { .v = NULL };
	const struct config_steer *c = &s->config->steer;
	int err = view_read(s);

	if (!err && (c->priority != own->priority || c->protocol != own->protocol)) {
		*guarded |= s->view.guarded;
		err = steer_rule_drop(s, &none);
		if (!err)
			err = drop_guard(s);
	}
	if (!err && !s->view.routes.v)
		err = steer_route_read(s, &s->view.routes);
	if (!err && c->table != own->table)
		err = steer_route_drop(s, &none, RTN_UNREACHABLE);
	return err;
}

int steer_drop_former(struct steer *s, bool *ret_dropped)
{
	const struct config *config = s->config;
	struct config variant = *config;
	struct former former = { .n = 0 };
	bool guarded = false;
	size_t i;
	int err = 0;

	remember(&former, config->steer);
	find_former(&s->view.rules, &former);
	*ret_dropped = former.n > 1;
	if (former.n == 1)
		return 0;
	s->config = &variant;
	for (i = 1; !err && i < former.n; i++) {
		variant.steer = former.v[i];
		err = drop_one(s, &config->steer, &guarded);
	}
	s->config = config;
	if (!err)
		err = view_read(s);
	if (!err && guarded && !s->view.guarded) {
		err = steer_guard_mark(s, true);
		if (!err)
			err = view_read(s);
	}
	return err;
}

static size_t count_filters(const struct view *v)
{
	size_t i, n = 0;

	for (i = 0; i < v->n_captures; i++)
		n += v->captures[i].ingress.n;
	return n;
}

/* A look that counts the table's routes too, when no rule leads there any more. */
static int look(struct steer *s)
{
	int err = view_read(s);

	if (!err && !s->view.routes.v)
		err = steer_route_read(s, &s->view.routes);
	return err;
}

/* Of one [steer] section. */
static int off_one(struct steer *s, struct steer_taken *taken)
{
	static const struct plan none = { .v = NULL };
	size_t i, rules, routes, filters;
	struct diag *d = s->d;
	int err, one;

	err = look(s);
	if (err)
		return err;
	/* One reason is enough: steer_off() tells it. */
	s->d = NULL;
	rules = s->view.rules.n;
	routes = s->view.routes.n;
	filters = count_filters(&s->view);

	for (i = 0; i < s->view.n_captures; i++) {
		if (s->view.captures[i].real.found)
			steer_tc_release(s, s->view.captures[i].real.link.index);
	}
	err = steer_tc_sweep(s);
	one = steer_route_drop(s, &none, RTN_UNICAST);
	err = err ? err : one;
	one = steer_rule_drop(s, &none);
	err = err ? err : one;
	one = drop_guard(s);
	err = err ? err : one;
	one = steer_route_drop(s, &none, RTN_UNREACHABLE);
	err = err ? err : one;

	s->d = d;
	one = look(s);
	if (!one) {
		taken->rules += (unsigned)(rules - s->view.rules.n);
		taken->routes += (unsigned)(routes - s->view.routes.n);
		taken->filters += (unsigned)(filters - count_filters(&s->view));
	}
	return err ? err : one;
}

int steer_off(const struct config *config, struct steer_taken *ret_taken, struct diag *d)
{
	struct steer s = { .config = config, .d = d };
	struct steer_taken taken = { 0 };
	struct config variant = *config;
	struct former former = { .n = 0 };
	unsigned errors = d->errors;
	size_t i;
	int err;

	err = netlink_open(&s.nl);
	if (err)
		return steer_fail(&s, err, "cannot speak to the kernel by rtnetlink");
	remember(&former, config->steer);
	err = view_read(&s);
	if (!err)
		find_former(&s.view.rules, &former);
	s.config = &variant;
	for (i = 0; !err && i < former.n; i++) {
		variant.steer = former.v[i];
		err = off_one(&s, &taken);
	}
	if (err && d->errors == errors)
		steer_fail(&s, err, "cannot take steering out");
	view_fini(&s.view);
	netlink_close(&s.nl);
	*ret_taken = taken;
	return err;
}
