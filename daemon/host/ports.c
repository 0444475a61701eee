/* ports.c - opens the TUNs that a configuration asks for. */
#include "host/ports.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/log.h"

static struct port *add(struct ports *ports, const char *name, const char *interface,
			enum port_role role, uint32_t room)
{
	struct port *p = &ports->port[ports->n++];

	*p = (struct port){ .role = role, .room = room };
	memcpy(p->tun.name, name, IFNAMSIZ);
	memcpy(p->interface, interface, IFNAMSIZ);
	return p;
}

/* All that there shall be, nothing of it open. */
static void list(const struct config *c, struct ports *ports)
{
	size_t i;

	ports->n = 0;
	for (i = 0; i < c->n_captures; i++) {
		const struct config_capture *cap = &c->captures[i];

		add(ports, cap->in_name, cap->ifname, PORT_IN, cap->txqueuelen)->capture = cap;
		add(ports, cap->out_name, cap->ifname, PORT_OUT, cap->txqueuelen)->capture =
			cap;
	}
	for (i = 0; i < c->n_tuns; i++) {
		const struct config_tun *t = &c->tuns[i];

		add(ports, t->ifname, t->interface, (enum port_role)t->role, t->txqueuelen)
			->section = t;
	}
}

/* What waits in a queue was led there for this role and interface, and for no other. */
static void queue_name(const struct port *p, unsigned queue, char ret_name[FDSTORE_NAME_MAX])
{
	snprintf(ret_name, FDSTORE_NAME_MAX, "%s/%u/%s/%s", port_role_name(p->role), queue,
		 p->tun.name, p->interface);
}

/* The descriptor that was stored for a queue, if there is one and it is what it should be. */
static int take_queue(const struct port *p, unsigned queue, struct fdstore *kept)
{
	char name[FDSTORE_NAME_MAX];
	int fd, err;

	queue_name(p, queue, name);
	while ((fd = fdstore_take(kept, name)) >= 0) {
		err = tun_check(fd, p->tun.name);
		if (!err)
			break;
		log_say(LEVEL_WARNING, "what was kept as queue %u of %s is of no use: %s", queue,
			p->tun.name, strerror(-err));
		fdstore_refuse(kept, fd);
	}
	return fd;
}

static int open_port(struct port *p, unsigned workers, const int kept[ARENA_MAX_WORKERS],
		     struct diag *d)
{
	char name[FDSTORE_NAME_MAX];
	unsigned i;
	int err;

	err = tun_open(p->tun.name, workers, kept, &p->tun, d);
	if (err)
		return err;
	log_say(LEVEL_DEBUG, "TUN %s has %u queues, offload 0x%x", p->tun.name,
		p->tun.n_queues, p->tun.offload);
	/* A [tun] of its own name is its own interface, which exists only now. */
	p->ifindex = if_nametoindex(p->interface);
	for (i = 0; i < workers; i++) {
		queue_name(p, i, name);
		if (kept[i] < 0)
			fdstore_put(name, p->tun.queue[i]);
	}
	return 0;
}

static void close_queues(const int queues[ARENA_MAX_WORKERS], unsigned n)
{
	while (n--) {
		if (queues[n] >= 0)
			close(queues[n]);
	}
}

int ports_open(const struct config *c, unsigned workers, struct fdstore *kept,
	       struct ports *ret_ports, struct diag *d)
{
	int queues[CONFIG_PORTS_MAX][ARENA_MAX_WORKERS];
	unsigned q, taken = 0;
	size_t i;
	int err = 0;

	list(c, ret_ports);
	/* All, before any is opened: a device of which others are held could not be made. */
	for (i = 0; i < ret_ports->n; i++) {
		for (q = 0; q < workers; q++) {
			queues[i][q] = kept ? take_queue(&ret_ports->port[i], q, kept) : -1;
			taken += queues[i][q] >= 0;
		}
	}
	if (kept)
		fdstore_settle(kept);
	if (taken)
		log_say(LEVEL_INFO, "taking over %u TUN queue%s of a former daemon", taken,
			taken == 1 ? "" : "s");
	for (i = 0; i < ret_ports->n; i++) {
		if (err)
			close_queues(queues[i], workers);
		else
			err = open_port(&ret_ports->port[i], workers, queues[i], d);
	}
	if (err)
		ports_close(ret_ports);
	return err;
}

/* ---- another configuration ---- */

static const struct port *find(const struct ports *ports, const char *tun)
{
	size_t i;

	for (i = 0; i < ports->n; i++) {
		if (!strcmp(ports->port[i].tun.name, tun))
			return &ports->port[i];
	}
	return NULL;
}

static void store(const struct port *p)
{
	char name[FDSTORE_NAME_MAX];
	unsigned i;

	for (i = 0; i < p->tun.n_queues; i++) {
		queue_name(p, i, name);
		fdstore_put(name, p->tun.queue[i]);
	}
}

static void forget(const struct port *p)
{
	char name[FDSTORE_NAME_MAX];
	unsigned i;

	for (i = 0; i < p->tun.n_queues; i++) {
		queue_name(p, i, name);
		fdstore_forget(name);
	}
}

static void keep(struct port *p, const struct port *former)
{
	p->tun = former->tun;
	p->ifindex = if_nametoindex(p->interface);
	p->mtu = former->mtu;
}

static bool same_queues(const struct port *a, const struct port *b)
{
	return a->tun.n_queues && b->tun.n_queues && a->tun.queue[0] == b->tun.queue[0];
}

/* What comes in by a TUN would be judged as another interface's until the next filter has
 * taken over. */
static int check_owners(const struct ports *from, const struct ports *ports, struct diag *d)
{
	size_t i;

	for (i = 0; i < ports->n; i++) {
		const struct port *p = &ports->port[i], *former = find(from, p->tun.name);

		if (!former ||
		    (former->role == p->role && !strcmp(former->interface, p->interface)))
			continue;
		diag_error(d, NULL, "the TUN %s is for what %s %s now", p->tun.name,
			   former->role == PORT_OUT ? "goes to" : "enters",
			   former->interface);
		diag_hint(d, "reload without it first, or restart");
		return -EBUSY;
	}
	return 0;
}

/* One that a [tun] section has, which goes only by a restart. */
static int check_names(const struct ports *ports, struct diag *d)
{
	size_t i;

	for (i = 0; i < ports->n; i++) {
		if (find(ports, ports->port[i].tun.name) == &ports->port[i])
			continue;
		diag_error(d, NULL, "[tun %s] has the name until a restart",
			   ports->port[i].tun.name);
		return -EEXIST;
	}
	return 0;
}

int ports_change(const struct ports *from, const struct config *c, unsigned workers,
		 struct ports *ret_ports, struct diag *d)
{
	int none[ARENA_MAX_WORKERS];
	size_t i;
	int err = 0;

	memset(none, -1, sizeof(none));
	if (2 * c->n_captures + c->n_tuns > CONFIG_PORTS_MAX) {
		diag_error(d, NULL,
			   "there may be %u TUNs, and [tun] sections go only by a restart",
			   CONFIG_PORTS_MAX);
		return -E2BIG;
	}
	list(c, ret_ports);
	err = check_names(ret_ports, d);
	if (!err)
		err = check_owners(from, ret_ports, d);
	if (err) {
		ret_ports->n = 0;
		return err;
	}
	for (i = 0; !err && i < ret_ports->n; i++) {
		struct port *p = &ret_ports->port[i];
		const struct port *former = find(from, p->tun.name);
		bool gone = former && tun_check(former->tun.queue[0], p->tun.name) < 0;

		if (former && !gone) {
			keep(p, former);
			continue;
		}
		if (former)
			forget(former);
		err = open_port(p, workers, none, d);
	}
	if (err)
		ports_close_others(ret_ports, from);
	return err;
}

void ports_close_others(struct ports *p, const struct ports *kept)
{
	const struct port *same;
	size_t i;

	for (i = 0; i < p->n; i++) {
		struct port *port = &p->port[i];

		same = find(kept, port->tun.name);
		if (same && same_queues(same, port))
			continue;
		/* One made anew has its name in the store already. */
		if (!same)
			forget(port);
		tun_close(&port->tun);
	}
	p->n = 0;
}

void ports_take_over(struct ports *p, struct ports *wanted)
{
	const struct port *former;
	size_t i;

	for (i = 0; i < wanted->n; i++) {
		const struct port *port = &wanted->port[i];

		former = find(p, port->tun.name);
		if (!former || !same_queues(former, port) ||
		    (port->role == former->role && !strcmp(port->interface, former->interface)))
			continue;
		/* The same queues for something else, as the store shall know. */
		forget(former);
		store(port);
	}
	ports_close_others(p, wanted);
	*p = *wanted;
	wanted->n = 0;
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
