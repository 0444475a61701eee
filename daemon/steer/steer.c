/* steer.c - the order in which a host's traffic is led into the TUNs, and back out.
 *
 * Up: the rules that close come first, then the TUNs, then the ways into them.  What passed
 * freely until then passes through ctfwd from then on, or not at all; never around it.
 * Down: the ways into the TUNs close, and the rules that close go last of all.
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

bool steer_capture_has(const struct steer_capture *c, uint8_t l3)
{
	size_t i;

	for (i = 0; i < c->config.networks.n; i++) {
		if (c->config.networks.p[i].family == l3)
			return true;
	}
	return false;
}

static int check_ipv6(struct steer *s)
{
	size_t i;

	for (i = 0; i < s->n_captures && !s->has_ipv6; i++) {
		if (!steer_capture_has(&s->captures[i], L3_IPV6))
			continue;
		diag_error(s->d, NULL,
			   "[capture %s] has an IPv6 network, but this kernel has no IPv6",
			   s->captures[i].config.ifname);
		return -EAFNOSUPPORT;
	}
	return 0;
}

static int find_captured(struct steer *s, struct steer_capture *c)
{
	int err = netlink_find_link(&s->nl, c->config.ifname, &c->link);

	if (err == -ENODEV) {
		diag_error(s->d, NULL, "[capture %s]: there is no interface %s",
			   c->config.ifname, c->config.ifname);
		diag_hint(s->d, "bring the VPN up before ctfwd, or correct the name");
		return err;
	}
	if (err)
		return steer_fail(s, err, "cannot look at %s", c->config.ifname);
	c->speaks_arp = !(c->link.flags & IFF_NOARP);
	return 0;
}

/* Nothing is changed here: what would not work is refused before. */
static int look(struct steer *s)
{
	size_t i;
	int err;

	err = steer_rule_look(s);
	if (!err)
		err = check_ipv6(s);
	for (i = 0; !err && i < s->n_captures; i++)
		err = find_captured(s, &s->captures[i]);
	if (!err)
		err = steer_port_check_host(s);
	return err;
}

static int ports_up(struct steer *s, const struct config *config)
{
	static const struct config_addresses none = { NULL, 0 };
	uint32_t index;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < s->n_captures; i++) {
		struct steer_capture *c = &s->captures[i];
		uint32_t mtu = c->config.mtu ? c->config.mtu : c->link.mtu;

		err = steer_port_up(s, c->config.in_name, mtu, c->config.txqueuelen, &none,
				    &c->in_index);
		if (!err)
			err = steer_port_up(s, c->config.out_name, mtu, c->config.txqueuelen,
					    &none, &c->out_index);
	}
	for (i = 0; !err && i < config->n_tuns; i++) {
		const struct config_tun *t = &config->tuns[i];

		err = steer_port_up(s, t->ifname, t->mtu, t->txqueuelen, &t->addresses, &index);
	}
	return err;
}

static void steering_down(struct steer *s)
{
	size_t i;

	for (i = 0; i < s->n_captures; i++)
		steer_tc_down(s, &s->captures[i]);
	steer_rule_down(s);
	steer_route_down(s);
}

static int steering_up(struct steer *s)
{
	size_t i;
	int err = 0;

	/* Before its rules: they are what keeps an interface shut. */
	if (s->took_over)
		err = steer_tc_sweep(s);
	if (err || !s->n_captures) {
		if (!err && s->took_over)
			steering_down(s);
		return err;
	}
	err = steer_route_close(s);
	if (!err)
		err = steer_rule_up(s);
	if (!err)
		err = steer_route_open(s);
	for (i = 0; !err && i < s->n_captures; i++)
		err = steer_tc_up(s, &s->captures[i]);
	return err;
}

static int copy_sections(struct steer *s, const struct config *config)
{
	size_t i;

	s->config = config->steer;
	s->captures = calloc(config->n_captures + 1, sizeof(*s->captures));
	s->returns = calloc(config->n_tuns + 1, sizeof(*s->returns));
	if (!s->captures || !s->returns)
		return -ENOMEM;
	s->n_captures = config->n_captures;
	for (i = 0; i < s->n_captures; i++)
		s->captures[i].config = config->captures[i];
	for (i = 0; i < config->n_tuns; i++) {
		if (config->tuns[i].role == PORT_RETURN)
			memcpy(s->returns[s->n_returns++], config->tuns[i].ifname, IFNAMSIZ);
	}
	return 0;
}

int steer_up(const struct config *config, struct steer **ret_steer, struct diag *d)
{
	struct steer *s = calloc(1, sizeof(*s));
	size_t i;
	int err = -ENOMEM;

	if (s)
		err = copy_sections(s, config);
	if (err) {
		diag_error(d, NULL, "cannot steer: out of memory");
		goto out;
	}
	s->d = d;
	err = netlink_open(&s->nl);
	if (err) {
		steer_fail(s, err, "cannot speak to the kernel by rtnetlink");
		goto out;
	}
	err = look(s);
	/* The TUNs exist already, and nothing leads into them yet. */
	if (!err)
		err = ports_up(s, config);
	if (!err) {
		err = steering_up(s);
		if (err && !s->took_over) {
			s->d = NULL;
			steering_down(s);
		}
	}
out:
	if (err) {
		steer_free(s);
		return err;
	}
	for (i = 0; i < s->n_captures; i++)
		memset(&s->captures[i].config.networks, 0,
		       sizeof(s->captures[i].config.networks));
	s->d = NULL;
	*ret_steer = s;
	return 0;
}

void steer_down(struct steer *s)
{
	if (s && s->n_captures)
		steering_down(s);
	steer_free(s);
}

void steer_free(struct steer *s)
{
	if (!s)
		return;
	netlink_close(&s->nl);
	free(s->captures);
	free(s->returns);
	free(s);
}
