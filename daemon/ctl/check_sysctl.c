/* check_sysctl.c - what is set below /proc/sys/net.
 *
 * In IPv4's conf, `all` and the device count together: rp_filter as the larger of both (a
 * strict `all` is what breaks things; steering gets along with a loose one),
 * accept_local, src_valid_mark and ignore_routes_with_linkdown when either is set. */
#include <string.h>

#include "ctl/check.h"

#define NAMED_MAX 8 /* interfaces that advice names */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* Values of rp_filter. */
enum { STRICT = 1, LOOSE = 2 };

/* Whether an interface of ours is there to be asked about. */
static bool exists(const struct checker *c, const char *port)
{
	return check_link_named(c, port) != NULL;
}

/* "net.ipv4.conf.wg0-in.NAME=VALUE" as sysctl(8) takes it: a dot in an interface's name wants
 * slashes around.  Others name interfaces, too, and may do so in words for the shell. */
static void todo_set(struct checker *c, const char *device, const char *name, int value)
{
	bool dotted = strchr(device, '.');
	const char *quote = device[strspn(device, PLAIN)] ? "'" : "";

	if (strchr(device, '\''))
		return;
	check_todo(c, dotted ? "sysctl -w %snet/ipv4/conf/%s/%s=%d%s" :
			       "sysctl -w %snet.ipv4.conf.%s.%s=%d%s",
		   quote, device, name, value, quote);
}

static void todo_last(struct checker *c)
{
	check_todo(c, "# and the same in /etc/sysctl.d, to outlast a reboot");
}

/* The others keep the check that `all` has given them. */
static void todo_rp_filter_of_others(struct checker *c, int all)
{
	unsigned named = 0;
	size_t i;

	for (i = 0; i < c->host.n_links; i++) {
		const char *name = c->host.links[i].link.name;
		int own;

		if (!strcmp(name, "lo") || check_is_port(c, name) ||
		    !check_sysctl(c, &own, "ipv4/conf/%s/rp_filter", name) || own >= all)
			continue;
		if (named++ < NAMED_MAX)
			todo_set(c, name, "rp_filter", all);
	}
	if (named > NAMED_MAX)
		check_todo(c, "# and so on for %u other interfaces", named - NAMED_MAX);
}

/* Who asks by ARP is looked at as well, and the way back to him is a TUN. */
static void strict_where_asked(struct checker *c, const char *name)
{
	const struct check_link *l = check_link_named(c, name);
	int value;

	if (!l || l->link.flags & IFF_NOARP ||
	    !check_sysctl(c, &value, "ipv4/conf/%s/rp_filter", name) || value != STRICT)
		return;
	check_found(c, "rp_filter of %s is 1: nobody's ARP is answered there", name);
	todo_set(c, name, "rp_filter", LOOSE);
}

void check_rp_filter(struct checker *c)
{
	int value, all = 0;
	const char *port;
	size_t i;

	if (check_sysctl(c, &all, "ipv4/conf/all/rp_filter") && all == STRICT) {
		check_found(c, "net.ipv4.conf.all.rp_filter is 1");
		todo_rp_filter_of_others(c, STRICT);
		todo_set(c, "all", "rp_filter", 0);
		todo_last(c);
	}
	for (i = 0; all != LOOSE && i < c->config->n_captures; i++)
		strict_where_asked(c, c->config->captures[i].ifname);
	for (i = 0; (port = check_port(c->config, i)); i++) {
		if (exists(c, port) &&
		    check_sysctl(c, &value, "ipv4/conf/%s/rp_filter", port) && value) {
			check_found(c, "rp_filter of the TUN %s is %d", port, value);
			todo_set(c, port, "rp_filter", 0);
		}
	}
}

/* What is asked for by ARP is looked up as what enters the interface: either the host's own
 * addresses are all that it finds, or a way into the TUN for any other. */
void check_proxy_arp(struct checker *c)
{
	int value, all = 0, rp_filter = 0;
	size_t i;

	check_sysctl(c, &all, "ipv4/conf/all/proxy_arp");
	check_sysctl(c, &rp_filter, "ipv4/conf/all/rp_filter");
	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];
		const struct check_link *l = check_link_named(c, cap->ifname);

		if (!l || l->link.flags & IFF_NOARP || !config_capture_has(cap, L3_IPV4) ||
		    !check_sysctl(c, &value, "ipv4/conf/%s/proxy_arp", cap->ifname) ||
		    (!value && !all))
			continue;
		check_found(c, "proxy_arp of %s is on, and it answers for %s", cap->ifname,
			    rp_filter == LOOSE ? "every address, those of other clients too" :
						 "no address but the host's own");
		check_todo(c, "# give clients a route by the host's address instead");
		if (all)
			todo_set(c, "all", "proxy_arp", 0);
		if (value)
			todo_set(c, cap->ifname, "proxy_arp", 0);
	}
}

void check_accept_local(struct checker *c)
{
	const char *port;
	int value;
	size_t i;

	if (check_sysctl(c, &value, "ipv4/conf/all/accept_local") && value)
		return;
	for (i = 0; (port = check_port(c->config, i)); i++) {
		if (exists(c, port) &&
		    check_sysctl(c, &value, "ipv4/conf/%s/accept_local", port) && !value) {
			check_found(c, "accept_local of the TUN %s is 0", port);
			todo_set(c, port, "accept_local", 1);
		}
	}
}

/* Of an interface with the device's rp_filter: where that is on, sources are looked at all the
 * same. */
static void local_sources(struct checker *c, const char *device, const char *filtered)
{
	int value, all = 0, rp_filter = 0;

	check_sysctl(c, &all, "ipv4/conf/all/rp_filter");
	check_sysctl(c, &rp_filter, "ipv4/conf/%s/rp_filter", filtered);
	if (all || rp_filter ||
	    !check_sysctl(c, &value, "ipv4/conf/%s/accept_local", device) || !value)
		return;
	check_found(c, "net.ipv4.conf.%s.accept_local is 1", device);
	todo_set(c, device, "accept_local", 0);
	todo_last(c);
}

/* Of what is captured, and of what is made anew: the TUNs have their own. */
void check_broadcast(struct checker *c)
{
	bool any = false;
	size_t i;

	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];

		if (!config_capture_has(cap, L3_IPV4))
			continue;
		any = true;
		if (exists(c, cap->ifname))
			local_sources(c, cap->ifname, cap->ifname);
	}
	if (any) {
		local_sources(c, "all", "default");
		local_sources(c, "default", "default");
	}
}

/* IPv4 asks the device that a packet came in by; IPv6 asks the host as a whole. */
void check_forwarding(struct checker *c)
{
	bool any[2] = { false, false };
	size_t i, k;
	int value;

	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];
		const char *ports[] = { cap->in_name, cap->out_name };

		if (!(cap->hooks & 1u << HOOK_FORWARD))
			continue;
		any[0] |= config_capture_has(cap, L3_IPV4);
		any[1] |= config_capture_has(cap, L3_IPV6);
		for (k = 0; k < 2 && config_capture_has(cap, L3_IPV4); k++) {
			if (exists(c, ports[k]) &&
			    check_sysctl(c, &value, "ipv4/conf/%s/forwarding", ports[k]) &&
			    !value && check_sysctl(c, &value, "ipv4/ip_forward") && value) {
				check_found(c, "IPv4 forwarding of the TUN %s is off",
					    ports[k]);
				todo_set(c, ports[k], "forwarding", 1);
			}
		}
	}
	if (any[0] && check_sysctl(c, &value, "ipv4/ip_forward") && !value) {
		check_found(c, "IPv4 forwarding is off, but forward is among the hooks");
		check_todo(c, "sysctl -w net.ipv4.ip_forward=1");
		todo_last(c);
	}
	if (any[1] && check_sysctl(c, &value, "ipv6/conf/all/forwarding") && !value) {
		check_found(c, "IPv6 forwarding is off, but forward is among the hooks");
		check_todo(c, "sysctl -w net.ipv6.conf.all.forwarding=1");
		todo_last(c);
	}
}

/* Where it is off, no route leads by the TUN either, and ctfwd ends at its start. */
static void ipv6_off_at(struct checker *c, const char *device, const char *whose)
{
	int value;

	if (!check_sysctl(c, &value, "ipv6/conf/%s/disable_ipv6", device) || !value)
		return;
	check_found(c, "IPv6 is off at %s, but %s has IPv6 networks", device, whose);
	check_todo(c, strchr(device, '.') ? "sysctl -w net/ipv6/conf/%s/disable_ipv6=0" :
					    "sysctl -w net.ipv6.conf.%s.disable_ipv6=0",
		   device);
	todo_last(c);
}

void check_ipv6_off(struct checker *c)
{
	size_t i, k;

	for (i = 0; i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];
		const char *names[] = { cap->ifname, cap->in_name, cap->out_name };
		bool all_there = true;

		for (k = 0; k < 3 && config_capture_has(cap, L3_IPV6); k++) {
			if (exists(c, names[k]))
				ipv6_off_at(c, names[k], cap->ifname);
			else
				all_there = false;
		}
		/* Of what is made anew. */
		if (!all_there)
			ipv6_off_at(c, "default", cap->ifname);
	}
}

/* One of the settings of which `all` is enough. */
static void either(struct checker *c, const char *name)
{
	const char *port;
	int value;
	size_t i;

	if (check_sysctl(c, &value, "ipv4/conf/all/%s", name) && value) {
		check_found(c, "net.ipv4.conf.all.%s is 1", name);
		return;
	}
	for (i = 0; (port = check_port(c->config, i)); i++) {
		if (exists(c, port) && check_sysctl(c, &value, "ipv4/conf/%s/%s", port, name) &&
		    value) {
			check_found(c, "%s of the TUN %s is 1", name, port);
			todo_set(c, port, name, 0);
		}
	}
}

void check_src_valid_mark(struct checker *c)
{
	either(c, "src_valid_mark");
}

void check_linkdown(struct checker *c)
{
	either(c, "ignore_routes_with_linkdown");
}
