/* steer.c - keeps the host as the plan says: puts in what is missing, takes out what is not
 * meant to be there, and all of it at the end.
 *
 * One function does a start, a later look and a change: the host is looked at, the plan
 * computed anew, and the difference made up.  What leads astray goes out first (a filter to
 * a TUN that is no more), what is missing goes in, in the plan's order, and what closes and
 * is not wanted goes last.
 *
 * A start that fails takes its own steering out again, so that a wrong configuration does
 * not cut a host off.  Where a killed daemon had left its own, it was closed before and
 * stays closed. */
#include "ctfw/steer.h"

#include <errno.h>
#include <linux/rtnetlink.h>
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

static int put_missing(struct steer *s, const struct plan *p)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < p->n; i++) {
		if (!p->v[i].found)
			err = kinds[p->v[i].kind].put(s, &p->v[i]);
	}
	return err;
}

static int reconcile(struct steer *s)
{
	struct plan p = { .v = NULL };
	int err = plan_make(s, &p);

	if (err)
		return err;
	err = steer_filter_drop(s, &p);
	if (!err)
		err = steer_route_drop(s, &p, RTN_UNICAST);
	if (!err)
		err = put_missing(s, &p);
	if (!err)
		err = steer_route_drop(s, &p, RTN_UNREACHABLE);
	if (!err)
		err = steer_rule_drop(s, &p);
	plan_fini(&s->plan);
	s->plan = p;
	return err;
}

/* In reverse: the ways into the TUNs close, and the rules that close go last of all. */
static void take_out(struct steer *s)
{
	static const struct plan none = { .v = NULL };
	struct plan p = { .v = NULL };
	size_t i;

	s->d = NULL;
	if (view_read(s) || plan_make(s, &p))
		return;
	for (i = 0; i < s->view.n_captures; i++) {
		if (s->view.captures[i].real.found)
			steer_tc_release(s, s->view.captures[i].real.link.index);
	}
	for (i = p.n; i-- > 0;) {
		if (p.v[i].found && kinds[p.v[i].kind].take)
			kinds[p.v[i].kind].take(s, &p.v[i]);
	}
	/* What a former configuration left. */
	if (!view_read(s)) {
		steer_rule_drop(s, &none);
		steer_route_drop(s, &none, RTN_UNREACHABLE);
	}
	plan_fini(&p);
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
			return -EAFNOSUPPORT;
		}
	}
	return 0;
}

static int check_captured(struct steer *s)
{
	size_t i;

	for (i = 0; i < s->view.n_captures; i++) {
		const char *name = s->config->captures[i].ifname;

		if (s->view.captures[i].real.found)
			continue;
		diag_error(s->d, NULL, "[capture %s]: there is no interface %s", name, name);
		diag_hint(s->d, "bring the VPN up before ctfwd, or correct the name");
		return -ENODEV;
	}
	return 0;
}

/* Nothing is changed here: what would not work is refused before. */
static int check(struct steer *s)
{
	int err = check_ipv6(s);

	if (!err)
		err = check_captured(s);
	if (!err)
		err = steer_port_check_host(s);
	if (!err && s->config->n_captures)
		err = steer_route_check(s);
	return err;
}

static int put_in(struct steer *s)
{
	int err = 0;

	/* Before its rules: they are what keeps an interface shut. */
	if (s->view.took_over)
		err = steer_tc_sweep(s);
	if (!err)
		err = reconcile(s);
	if (err && !s->view.took_over)
		take_out(s);
	return err;
}

int steer_up(const struct config *config, struct steer **ret_steer, struct diag *d)
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
	if (err)
		steer_fail(s, err, "cannot speak to the kernel by rtnetlink");
	else
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
	*ret_steer = s;
	return 0;
}

void steer_down(struct steer *s)
{
	if (s && s->config->n_captures)
		take_out(s);
	steer_free(s);
}

void steer_free(struct steer *s)
{
	if (!s)
		return;
	netlink_close(&s->nl);
	view_fini(&s->view);
	plan_fini(&s->plan);
	free(s);
}
