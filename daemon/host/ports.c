/* ports.c - opens the TUNs that a configuration asks for. */
#include "host/ports.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "host/log.h"

static const struct span nowhere = { NULL, 0, 0 };

static int add(struct ports *ports, const char *name, const char *interface,
	       enum port_role role, unsigned workers, struct diag *d)
{
	struct port *p = &ports->port[ports->n];
	int err;

	*p = (struct port){ .role = role };
	memcpy(p->interface, interface, IFNAMSIZ);
	err = tun_open(name, workers, &p->tun, d);
	if (err)
		return err;
	log_say(LEVEL_DEBUG, "made TUN %s with %u queues, offload 0x%x", name, p->tun.n_queues,
		p->tun.offload);
	/* A [tun] of its own name is its own interface, which exists only now. */
	p->ifindex = if_nametoindex(interface);
	ports->n++;
	return 0;
}

static int add_capture(struct ports *ports, const struct config_capture *c, unsigned workers,
		       struct diag *d)
{
	int err;

	if (!if_nametoindex(c->ifname)) {
		diag_error(d, &nowhere, "[capture %s]: there is no interface of that name",
			   c->ifname);
		return -ENODEV;
	}
	err = add(ports, c->in_name, c->ifname, PORT_IN, workers, d);
	if (err)
		return err;
	ports->port[ports->n - 1].capture = c;
	err = add(ports, c->out_name, c->ifname, PORT_OUT, workers, d);
	if (!err)
		ports->port[ports->n - 1].capture = c;
	return err;
}

int ports_open(const struct config *c, unsigned workers, struct ports *ret_ports,
	       struct diag *d)
{
	size_t i;
	int err = 0;

	ret_ports->n = 0;
	for (i = 0; !err && i < c->n_captures; i++)
		err = add_capture(ret_ports, &c->captures[i], workers, d);
	for (i = 0; !err && i < c->n_tuns; i++) {
		err = add(ret_ports, c->tuns[i].ifname, c->tuns[i].interface,
			  (enum port_role)c->tuns[i].role, workers, d);
		if (!err)
			ret_ports->port[ret_ports->n - 1].section = &c->tuns[i];
	}
	if (err)
		ports_close(ret_ports);
	return err;
}

void ports_close(struct ports *p)
{
	while (p->n)
		tun_close(&p->port[--p->n].tun);
}

static struct engine_port view(const struct port *p)
{
	const struct config_networks *networks =
		p->capture ? &p->capture->networks : &p->section->networks;
	struct engine_port e = {
		.role = p->role,
		.ifindex = p->ifindex,
		.spoof_check = p->capture ? p->capture->spoof_check : p->section->spoof_check,
		.hooks = p->capture ? p->capture->hooks : p->section->hooks,
		.networks = networks->p,
		.n_networks = networks->n,
	};

	memcpy(e.ifname, p->interface, IFNAMSIZ);
	return e;
}

bool ports_follow(struct ports *p, const struct hostview *hv)
{
	bool changed = false;
	size_t i;

	for (i = 0; i < p->n; i++) {
		struct port *port = &p->port[i];
		const struct hostview_link *real, *tun;

		real = hostview_link_by_name(hv, port->interface);
		tun = hostview_link_by_name(hv, port->tun.name);
		changed = changed || port->ifindex != (real ? real->index : 0);
		port->ifindex = real ? real->index : 0;
		port->mtu = tun ? tun->mtu : 0;
	}
	return changed;
}

void ports_view_fill(const struct ports *p, struct ports_view *v)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		v->port[i] = view(&p->port[i]);
	v->n = p->n;
}

struct ports_view *ports_view_new(const struct ports *p)
{
	struct ports_view *v = calloc(1, sizeof(*v) + p->n * sizeof(v->port[0]));

	if (v)
		ports_view_fill(p, v);
	return v;
}
