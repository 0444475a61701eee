/* steer.c - keeps the host as the plan says: puts in what is missing, takes out what is not
 * meant to be there, and all of it at the end.
 *
 * One function does a start, a later look and a change: the host is looked at, the plan
 * computed anew, and the difference made up.  What leads astray goes out first (a filter to
 * a TUN that is no more), what is missing goes in, in the plan's order, and what closes and
 * is not wanted goes last.  What has the host answer on an interface is taken out before its
 * filters are touched, and put in behind them: else it would let in whatever comes.
 *
 * A start that fails takes its own steering out again, so that a wrong configuration does
 * not cut a host off.  Where a killed daemon had left its own, it was closed before and
 * stays closed. */
#include "ctfw/steer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steer/steer_private.h"

int steer_fail(struct steer *s, int err, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	if (!s->d)
		return err;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	diag_error(s->d, NULL, "%s: %s%s%s%s", what, strerror(-err), s->nl.words[0] ? " (" : "",
		   s->nl.words, s->nl.words[0] ? ")" : "");
	s->nl.words[0] = '\0';
	if (err == -EPERM)
		diag_hint(s->d, "changing interfaces, routes and rules needs CAP_NET_ADMIN");
	return err;
}

/* ---- items ---- */

static int tun_put(struct steer *s, const struct plan_item *item)
{
	return steer_fail(s, -ENODEV, "cannot find the TUN %s", item->dev);
}

static int local_put(struct steer *s, const struct plan_item *item)
{
	return steer_local_put(s, item->l3);
}

/* take NULL: it goes with what it is on. */
static const struct {
	int (*put)(struct steer *s, const struct plan_item *item);
	int (*take)(struct steer *s, const struct plan_item *item);
} kinds[PLAN_KIND_COUNT] = {
	[PLAN_TUN] = { tun_put, NULL },
	[PLAN_LINK] = { steer_port_put, NULL },
	[PLAN_ADDRESS] = { steer_address_put, NULL },
	[PLAN_ROUTE] = { steer_route_put, steer_route_take },
	[PLAN_RULE] = { steer_rule_put, steer_rule_take },
	[PLAN_LOCAL] = { local_put, NULL },
	[PLAN_QDISC] = { steer_qdisc_put, NULL },
	[PLAN_FILTER] = { steer_filter_put, NULL },
};

/* ---- the way there ---- */

/* Whether it is the same in the host, not only of the same kind. */
static bool same(const struct plan_item *a, const struct plan_item *b)
{
	struct text ta = TEXT_INIT, tb = TEXT_INIT;
	bool equal;

	if (a->kind != b->kind || a->index != b->index ||
	    (a->kind == PLAN_FILTER && a->filter.to_index != b->filter.to_index) ||
	    (a->kind == PLAN_ROUTE && a->route.with != b->route.with))
		return false;
	plan_commands(a, &ta);
	plan_commands(b, &tb);
	equal = !strcmp(text_str(&ta), text_str(&tb));
	text_fini(&ta);
	text_fini(&tb);
	return equal;
}

/* It was there when the host was last looked at. */
static bool stood(const struct steer *s, const struct plan_item *item)
{
	size_t i;

	for (i = 0; i < s->plan.n; i++) {
		if (s->plan.v[i].found && same(&s->plan.v[i], item))
			return true;
	}
	return false;
}

static bool knew_tun(const struct steer *s, const struct plan_item *item)
{
	size_t i;

	for (i = 0; i < s->plan.n; i++) {
		const struct plan_item *former = &s->plan.v[i];

		if (former->kind == PLAN_TUN && former->found && former->index == item->index)
			return true;
	}
	return false;
}

static void count_lost(struct steer *s, const struct plan_item *item)
{
	/* It stands as it stood, but for a rule that is put in now. */
	if (item->kind == PLAN_LOCAL && steer_local_find(s, item->l3))
		return;
	if (item->withdrawn || (item->answers && s->moved))
		return;
	if (!stood(s, item))
		return;
	s->stats.restored[item->kind]++;
	s->n_restored++;
	if (!s->restored.len)
		plan_words(item, &s->restored);
}

/* Whether all that enters what is captured goes into its TUN. */
static bool is_led(const struct plan *p, const struct config_capture *c)
{
	size_t i, n = 0;

	for (i = 0; i < p->n; i++) {
		if (p->v[i].kind != PLAN_FILTER || p->v[i].capture != c)
			continue;
		if (!p->v[i].found)
			return false;
		n++;
	}
	return n > 0;
}

/* A redirect is missing, or leads to a TUN that is no more. */
static void withdraw_answers(struct steer *s, struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		struct plan_item *item = &p->v[i];

		if (!item->answers || !item->found || is_led(p, item->capture))
			continue;
		kinds[item->kind].take(s, item);
		item->found = false;
		item->withdrawn = true;
	}
}

/* All of it; the first that fails is told. */
static int put_missing(struct steer *s, struct plan *p)
{
	struct diag *d = s->d;
	int err, first_err = 0;
	size_t i;

	s->stats.missing = 0;
	for (i = 0; i < p->n; i++) {
		struct plan_item *item = &p->v[i];

		if (item->found || (item->once && knew_tun(s, item)))
			continue;
		if (item->answers && !is_led(p, item->capture)) {
			s->stats.missing++;
			continue;
		}
		count_lost(s, item);
		err = kinds[item->kind].put(s, item);
		item->found = !err;
		s->stats.missing += err != 0;
		if (err && !first_err) {
			first_err = err;
			s->d = NULL;
		}
	}
	s->d = d;
	return first_err;
}

int steer_reconcile(struct steer *s)
{
	struct plan p = { .v = NULL };
	int err = plan_make(s, false, &p);

	if (err)
		return err;
	withdraw_answers(s, &p);
	err = steer_route_drop(s, &p, false);
	if (!err)
		err = steer_filter_drop(s, &p);
	if (!err)
		err = put_missing(s, &p);
	if (!err)
		err = steer_route_drop(s, &p, true);
	if (!err)
		err = steer_rule_drop(s, &p);
	plan_fini(&s->plan);
	s->plan = p;
	return err;
}

/* In reverse: the ways into the TUNs close, and the rules that close go last of all.  What is
 * in stays is left alone.  0, or a negative errno: nothing was taken out. */
int steer_take_out(struct steer *s, const struct plan *stays)
{
	struct plan p = { .v = NULL };
	size_t i, k;
	int err;

	s->d = NULL;
	err = view_read(s);
	if (!err)
		err = plan_make(s, true, &p);
	if (err)
		return err;
	steer_route_drop(s, stays, false);
	for (i = 0; i < s->view.n_captures; i++) {
		if (s->view.captures[i].real.found)
			steer_tc_release(s, s->view.captures[i].real.link.index);
	}
	for (i = p.n; i-- > 0;) {
		for (k = 0; k < stays->n && !same(&stays->v[k], &p.v[i]); k++)
			;
		if (k == stays->n && p.v[i].found && kinds[p.v[i].kind].take)
			kinds[p.v[i].kind].take(s, &p.v[i]);
	}
	/* What a former configuration left. */
	if (!view_read(s)) {
		steer_rule_drop(s, stays);
		steer_route_drop(s, stays, true);
	}
	plan_fini(&p);
	return 0;
}

int steer_put(struct steer *s, const struct plan_item *item)
{
	return kinds[item->kind].put(s, item);
}

/* ---- from start to end ---- */

static int check_ipv6(struct steer *s)
{
	const struct config *c = s->config;
	size_t i, k;

	for (i = 0; i < c->n_captures && !s->view.has_ipv6; i++) {
		for (k = 0; k < c->captures[i].networks.n; k++) {
			if (c->captures[i].networks.p[k].family != L3_IPV6)
				continue;
			diag_error(s->d, NULL,
				   "[capture %s] has an IPv6 network, but this kernel has no "
				   "IPv6",
				   c->captures[i].ifname);
			return -ENOTRECOVERABLE;
		}
	}
	return 0;
}

/* Nothing is changed here: what would not work is refused before. */
static int check(struct steer *s)
{
	int err = check_ipv6(s);

	if (!err)
		err = steer_port_check_host(s);
	if (!err && s->config->n_captures)
		err = steer_former_check(s);
	if (!err && s->config->n_captures)
		err = steer_route_check(s);
	if (!err && s->config->n_captures)
		err = steer_route_check_own(s);
	return err;
}

static int put_in(struct steer *s)
{
	static const struct plan none = { .v = NULL };
	bool took_over = s->view.took_over;
	int err = 0;

	/* Before its rules: they are what keeps an interface shut. */
	if (took_over)
		err = steer_tc_sweep(s);
	if (!err)
		err = steer_former_guard(s);
	if (!err)
		err = steer_reconcile(s);
	if (!err)
		err = steer_former_drop(s, &s->plan);
	if (err && !took_over)
		steer_take_out(s, &none);
	return err;
}

int steer_open(const struct config *config, struct steer **ret_steer, struct diag *d)
{
	struct steer *s = calloc(1, sizeof(*s));
	int err;

	if (!s) {
		diag_error(d, NULL, "cannot steer: out of memory");
		return -ENOMEM;
	}
	s->config = config;
	s->d = d;
	err = netlink_open(&s->nl);
	if (err) {
		steer_fail(s, err, "cannot speak to the kernel by rtnetlink");
		steer_free(s);
		return err;
	}
	*ret_steer = s;
	return 0;
}

int steer_up(const struct config *config, struct steer **ret_steer, struct diag *d)
{
	struct steer *s = NULL;
	int err = steer_open(config, &s, d);

	if (err)
		return err;
	/* Before the first look, so that nothing is missed. */
	err = steer_watch_open(s);
	if (!err)
		err = view_read(s);
	if (!err)
		err = check(s);
	if (!err)
		err = put_in(s);
	if (err) {
		steer_free(s);
		return err;
	}
	s->d = NULL;
	s->due = 1; /* what is to be told is told by a look */
	*ret_steer = s;
	return 0;
}

int steer_change(struct steer *s, struct diag *d)
{
	int err;

	s->d = d;
	s->due = 1;
	err = view_read(s);
	if (!err)
		err = steer_tc_sweep(s);
	if (!err)
		err = steer_reconcile(s);
	s->d = NULL;
	return err;
}

int steer_down(struct steer *s, bool *ret_guarded)
{
	struct plan stays = { .v = NULL };
	int err = 0;

	*ret_guarded = false;
	if (s && s->config->n_captures) {
		s->d = NULL;
		err = view_read(s);
		if (!err && s->view.guarded) {
			err = steer_guard_put(s, &stays);
			*ret_guarded = !err;
		}
		/* Without all that closes, nothing may go that leads into a TUN: without
		 * a reader that closes as well. */
		if (!err)
			err = steer_take_out(s, &stays);
		plan_fini(&stays);
	}
	steer_free(s);
	return err;
}

void steer_free(struct steer *s)
{
	if (!s)
		return;
	steer_watch_close(s);
	netlink_close(&s->nl);
	view_fini(&s->view);
	plan_fini(&s->plan);
	text_fini(&s->restored);
	text_fini(&s->warnings);
	free(s);
}
