/* steer_off.c - takes all that is ours out of a host that no daemon steers, and what former
 * configurations left out of one that is about to be steered.
 *
 * What the configuration names goes, whoever put it in: a daemon that was killed, the guard,
 * a script.  What former configurations left is known by its marks: a rule that leads into a
 * table, with the end of our rules twenty behind it, of the same protocol.  Table and
 * priority of such a pair are taken for a [steer] section of its own.  Filters have marks of
 * their own, on whatever interface they are.
 *
 * At another place than ours, what is left of one that runs no more would lead what comes back
 * from our TUNs into them again, or into a table that nobody keeps.  One whose TUNs are there
 * runs, and is left alone. */
#include <errno.h>
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

static bool is_our_tun(const struct config *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_captures; i++) {
		if (!strcmp(name, c->captures[i].in_name) ||
		    !strcmp(name, c->captures[i].out_name))
			return true;
	}
	for (i = 0; i < c->n_tuns; i++) {
		if (!strcmp(name, c->tuns[i].ifname))
			return true;
	}
	return false;
}

/* Its TUNs are there, and not ours now: another daemon has them. */
static bool is_alive(const struct steer *s, const struct config_steer *section)
{
	const struct view_rules *list = &s->view.rules;
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct view_rule *r = &list->v[i];

		if (r->rule.action == FR_ACT_GOTO && r->rule.protocol == section->protocol &&
		    r->rule.target == section->priority + STEER_END && !r->detached &&
		    !is_our_tun(s->config, r->rule.iif))
			return true;
	}
	return false;
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

/* Of the section in s->config.  Rules of both may lie among each other. */
static int drop_section(struct steer *s, const struct plan *stays)
{
	int err = view_read(s);

	if (!err)
		err = steer_rule_drop(s, stays);
	if (!err)
		err = drop_guard(s);
	if (!err && !s->view.routes.v)
		err = steer_route_read(s, &s->view.routes);
	if (!err)
		err = steer_route_drop(s, stays, false);
	if (!err)
		err = steer_route_drop(s, stays, true);
	return err;
}

/* But for ours, those of daemons that run, or of those that do not. */
static void find_others(const struct steer *s, bool alive, struct former *ret_others)
{
	struct former all = { .n = 0 };
	size_t i;

	remember(&all, s->config->steer);
	find_former(&s->view.rules, &all);
	for (i = 1; i < all.n; i++) {
		if (is_alive(s, &all.v[i]) == alive)
			remember(ret_others, all.v[i]);
	}
}

/* Two would take each other's for what others deleted, or put in. */
int steer_former_check(struct steer *s)
{
	struct former others = { .n = 0 };

	find_others(s, true, &others);
	if (!others.n)
		return 0;
	diag_error(s->d, NULL,
		   "another ctfwd leads traffic here: by rules from priority %u on, and table %u",
		   others.v[0].priority, others.v[0].table);
	diag_hint(s->d, "one can capture several interfaces: give it a [capture] section for each");
	return -EBUSY;
}

int steer_former_guard(struct steer *s)
{
	const struct view_rules *list = &s->view.rules;
	struct former dead = { .n = 0 };
	bool guarded = false;
	size_t i, k;

	find_others(s, false, &dead);
	for (i = 0; i < dead.n; i++) {
		for (k = 0; k < list->n; k++)
			guarded |= list->v[k].rule.action == FR_ACT_NOP &&
				   list->v[k].rule.pref == dead.v[i].priority + STEER_GUARD &&
				   list->v[k].rule.protocol == dead.v[i].protocol;
	}
	return guarded ? steer_guard_mark(s, true) : 0;
}

int steer_former_drop(struct steer *s, const struct plan *stays)
{
	const struct config *config = s->config;
	struct config variant = *config;
	struct former dead = { .n = 0 };
	int err = 0;
	size_t i;

	find_others(s, false, &dead);
	s->config = &variant;
	for (i = 0; !err && i < dead.n; i++) {
		variant.steer = dead.v[i];
		err = drop_section(s, stays);
	}
	s->config = config;
	return !err && dead.n ? view_read(s) : err;
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
	bool guarded;
	int err, one;

	err = look(s);
	if (err)
		return err;
	/* One reason is enough: steer_off() tells it. */
	s->d = NULL;
	rules = s->view.rules.n;
	routes = s->view.routes.n;
	filters = count_filters(&s->view);
	guarded = s->view.guarded;

	for (i = 0; i < s->view.n_captures; i++) {
		if (s->view.captures[i].real.found)
			steer_tc_release(s, s->view.captures[i].real.link.index);
	}
	err = steer_tc_sweep(s);
	one = steer_route_drop(s, &none, false);
	err = err ? err : one;
	one = steer_rule_drop(s, &none);
	err = err ? err : one;
	one = drop_guard(s);
	err = err ? err : one;
	one = steer_route_drop(s, &none, true);
	err = err ? err : one;

	s->d = d;
	one = look(s);
	if (!one) {
		taken->rules += (unsigned)(rules - s->view.rules.n);
		taken->routes += (unsigned)(routes - s->view.routes.n);
		taken->filters += (unsigned)(filters - count_filters(&s->view));
		taken->guard |= guarded && !s->view.guarded;
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
