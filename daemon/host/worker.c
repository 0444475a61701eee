/* worker.c - from a TUN's queue through the engine and back. */
#include "host/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ctfw/hostclock.h"
#include "ctfw/rcu.h"
#include "host/log.h"

#define VNET sizeof(struct virtio_net_hdr)
/* Where a packet is read to: its IP header lies on 16 bytes, the virtio-net header before. */
#define ALIGN 16u
#define LEAD (ALIGN - VNET)
#define READ_MAX (VNET + PACKET_MAX)
/* The last packet of a batch begins below WORKER_BATCH_BYTES. */
#define BUFFER_BYTES (WORKER_BATCH_BYTES + ALIGN + READ_MAX + ALIGN)

/* How often a worker looks at its queues though nothing wakes it, and how often it says so. */
#define TICK_US 250000
#define STAMP_NS 10000000

_Static_assert(sizeof(struct virtio_net_hdr) == 10, "as TUNSETVNETHDRSZ says");

/* A reply is written with an empty virtio-net header: complete, and no super-packet. */
struct reply {
	uint8_t lead[LEAD];
	uint8_t vnet[VNET];
	uint8_t bytes[BUILD_MAX];
};

struct batch {
	unsigned n;
	struct packet packet[WORKER_BATCH];
};

/* ---- packets ---- */

/* The device is gone (somebody deleted it): its descriptor would wake us for ever. */
static void lose_port(struct worker *w, size_t port, int err)
{
	event_free(w->port_event[port]);
	w->port_event[port] = NULL;
	atomic_fetch_add_explicit(&w->ports_lost, 1, memory_order_relaxed);
	if (w->index == 0)
		log_say(LEVEL_ERROR, "the TUN %s is lost: %s; nothing passes it any more",
			w->shared->ports->port[port].tun.name, strerror(err));
}

/* Read and prepare what waits.  Returns how many packets were read; those that cannot be
 * judged are counted by the engine already and not in the batch. */
static unsigned fill(struct worker *w, size_t port, struct batch *b)
{
	const int fd = w->shared->ports->port[port].tun.queue[w->index];
	unsigned got = 0;
	size_t at = LEAD;

	b->n = 0;
	while (got < WORKER_BATCH && at < WORKER_BATCH_BYTES) {
		uint8_t *p = w->buffer + at;
		ssize_t n = read(fd, p, READ_MAX);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			/* Others than EBADFD concern one packet, which is gone. */
			if (errno == EBADFD)
				lose_port(w, port, errno);
			break;
		}
		got++;
		if ((size_t)n < VNET)
			n = VNET;
		if (engine_prepare(w->shared->engine, w->index, p + VNET, (size_t)n - VNET,
				   (const struct virtio_net_hdr *)p, &b->packet[b->n],
				   NULL) != REASON_NONE)
			continue;
		b->n++;
		at = ((at + (size_t)n + ALIGN - 1) & ~(size_t)(ALIGN - 1)) + LEAD;
	}
	return got;
}

static void write_out(struct worker *w, int fd, const uint8_t *from, size_t len)
{
	ssize_t n;

	do
		n = write(fd, from, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		engine_write_failed(w->shared->engine, w->index, len - VNET);
}

static void write_fragments(struct worker *w, int fd)
{
	const uint8_t *bytes;
	size_t len;

	while (engine_next(w->shared->engine, w->index, &bytes, &len))
		write_out(w, fd, bytes - VNET, VNET + len);
}

static void judge(struct worker *w, size_t port, const struct ports_view *view, struct batch *b,
		  struct instant now)
{
	const int fd = w->shared->ports->port[port].tun.queue[w->index];
	_Alignas(ALIGN) struct reply reply = { 0 };
	struct engine_result result;
	unsigned i;

	for (i = 0; i < b->n; i++) {
		struct packet *p = &b->packet[i];

		engine_prefetch(w->shared->engine, b->packet, b->n, i);
		engine_input(w->shared->engine, w->index, &view->port[port], p, now,
			     reply.bytes, &result, NULL);
		if (result.action == ENGINE_PASS) {
			/* A rule may have made it another packet. */
			memcpy(p->data - VNET, &p->vnet, VNET);
			write_out(w, fd, p->data - VNET, VNET + p->len);
		} else if (result.action == ENGINE_REPLY) {
			write_out(w, fd, reply.vnet, VNET + result.reply_len);
		} else if (result.action == ENGINE_FRAGMENTS) {
			write_fragments(w, fd);
		}
	}
}

/* A batch of every port.  Returns how many packets there were. */
static unsigned serve_ports(struct worker *w, struct batch *b, uint64_t mono)
{
	const struct ports_view *view =
		atomic_load_explicit(&w->shared->view, memory_order_consume);
	struct instant now = { .mono = mono };
	unsigned got, all = 0;
	size_t i, port;

	for (i = 0; i < w->n_ports; i++) {
		port = w->first_port + i < w->n_ports ? w->first_port + i :
							w->first_port + i - w->n_ports;
		if (!w->port_event[port])
			continue;
		got = fill(w, port, b);
		if (!got)
			continue;
		if (!now.real)
			now.real = hostclock_real();
		judge(w, port, view, b, now);
		all += got;
	}
	if (++w->first_port >= w->n_ports)
		w->first_port = 0;
	return all;
}

/* ---- packets that waited too long ---- */

/* No more than may have waited: what comes meanwhile must not keep us here. */
static void drain_port(struct worker *w, size_t port, uint64_t waited)
{
	const struct port *p = &w->shared->ports->port[port];
	uint64_t packets = 0, bytes = 0;
	char since[32] = "an unknown time";
	ssize_t n;

	while (packets < p->room &&
	       (n = read(p->tun.queue[w->index], w->buffer, READ_MAX)) > 0) {
		packets++;
		bytes += (size_t)n > VNET ? (size_t)n - VNET : 0;
	}
	if (!packets)
		return;
	engine_waited(w->shared->engine, w->index, packets, bytes);
	if (w->read_at)
		snprintf(since, sizeof(since), "%llu ms", waited / NSEC_PER_MSEC);
	log_say(LEVEL_WARNING, "nobody had read %s for %s: %" PRIu64 " packet%s dropped",
		p->tun.name, since, packets, packets == 1 ? "" : "s");
}

/* Whether packets may have been there before the daemon was. */
static bool may_hold_old(const struct worker *w, size_t port)
{
	const struct tun *t = &w->shared->ports->port[port].tun;

	return w->begun || !w->shared->first || t->kept & (uint64_t)1 << w->index;
}

static void drain(struct worker *w, uint64_t waited)
{
	size_t i;

	for (i = 0; i < w->n_ports; i++) {
		if (w->port_event[i] && may_hold_old(w, i))
			drain_port(w, i, waited);
	}
}

/* We look at the queues now. */
static void note_reading(struct worker *w, uint64_t mono)
{
	_Atomic uint64_t *stamp = &w->shared->read_at[w->index];
	uint64_t waited = mono - w->read_at;

	if (waited > atomic_load_explicit(&w->shared->max_wait_ns, memory_order_relaxed))
		drain(w, waited);
	w->begun = true;
	w->read_at = mono;
	/* A line of memory that others write to as well: not at every turn. */
	if (mono - atomic_load_explicit(stamp, memory_order_relaxed) >= STAMP_NS)
		atomic_store_explicit(stamp, mono, memory_order_relaxed);
}

/* What a former worker left there: hostile, as all of the arena. */
static uint64_t read_before(const struct worker *w)
{
	uint64_t stamp = atomic_load(&w->shared->read_at[w->index]);

	return stamp <= hostclock_mono() ? stamp : 0;
}

/* ---- the loop ---- */

/* From a wake-up until nothing has come for a while. */
static void serve(struct worker *w, struct batch *b)
{
	const uint64_t spin = atomic_load_explicit(&w->shared->spin_ns, memory_order_relaxed);
	uint64_t mono, last = 0;

	atomic_store_explicit(&w->asleep, false, memory_order_relaxed);
	rcu_online();
	do {
		mono = hostclock_mono();
		note_reading(w, mono);
		if (serve_ports(w, b, mono) || !last)
			last = mono;
		atomic_fetch_add_explicit(&w->progress, 1, memory_order_relaxed);
		rcu_quiescent();
	} while (mono - last < spin &&
		 !atomic_load_explicit(&w->stopping, memory_order_relaxed));
	rcu_offline();
	atomic_store_explicit(&w->asleep, true, memory_order_relaxed);
}

/* ---- the thread ---- */

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void wait_for_go(struct worker_shared *s)
{
	pthread_mutex_lock(&s->lock);
	while (!s->go)
		pthread_cond_wait(&s->cond, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void *run(void *arg)
{
	const struct timeval tick = { 0, TICK_US };
	struct worker *w = arg;
	struct batch *b = malloc(sizeof(*b));

	wait_for_go(w->shared);
	rcu_register();
	rcu_offline();
	while (b && !atomic_load_explicit(&w->stopping, memory_order_acquire)) {
		serve(w, b);
		evtimer_add(w->tick, &tick);
		event_base_loop(w->base, EVLOOP_ONCE);
	}
	rcu_unregister();
	free(b);
	return NULL;
}

/* libevent tells us when to wake; which port it is does not matter. */
static int add_events(struct worker *w)
{
	size_t i;

	w->base = event_base_new();
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!w->base || w->stop_fd < 0)
		return -ENOMEM;
	w->stop_event = event_new(w->base, w->stop_fd, EV_READ | EV_PERSIST, on_wake, NULL);
	w->tick = evtimer_new(w->base, on_wake, NULL);
	if (!w->stop_event || event_add(w->stop_event, NULL) < 0 || !w->tick)
		return -ENOMEM;
	for (i = 0; i < w->n_ports; i++) {
		w->port_event[i] = event_new(w->base,
					     w->shared->ports->port[i].tun.queue[w->index],
					     EV_READ | EV_PERSIST, on_wake, NULL);
		if (!w->port_event[i] || event_add(w->port_event[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void fini(struct worker *w)
{
	size_t i;

	for (i = 0; i < w->n_ports; i++) {
		if (w->port_event[i])
			event_free(w->port_event[i]);
	}
	if (w->stop_event)
		event_free(w->stop_event);
	if (w->tick)
		event_free(w->tick);
	if (w->base)
		event_base_free(w->base);
	if (w->stop_fd >= 0)
		close(w->stop_fd);
	free(w->buffer);
}

void worker_set_times(struct worker_shared *shared, const struct config_daemon *config)
{
	atomic_store(&shared->spin_ns, (uint64_t)config->spin * 1000);
	atomic_store(&shared->max_wait_ns, (uint64_t)config->max_wait * NSEC_PER_MSEC);
}

int worker_start(struct worker *w, struct worker_shared *shared, unsigned index)
{
	char name[16];
	int err;

	w->shared = shared;
	w->index = index;
	w->n_ports = shared->ports->n;
	w->stop_fd = -1;
	w->read_at = read_before(w);
	atomic_store(&w->asleep, true);
	w->buffer = aligned_alloc(4096, (BUFFER_BYTES + 4095) & ~(size_t)4095);
	err = w->buffer ? add_events(w) : -ENOMEM;
	if (!err)
		err = -pthread_create(&w->thread, NULL, run, w);
	if (err) {
		fini(w);
		return err;
	}
	snprintf(name, sizeof(name), "worker %u", index);
	pthread_setname_np(w->thread, name);
	return 0;
}

void worker_go(struct worker_shared *shared)
{
	pthread_mutex_lock(&shared->lock);
	shared->go = true;
	pthread_cond_broadcast(&shared->cond);
	pthread_mutex_unlock(&shared->lock);
}

void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	atomic_store_explicit(&w->stopping, true, memory_order_release);
	/* Fails only when it is full, and then the worker is woken as well. */
	if (write(w->stop_fd, &one, sizeof(one)) < 0)
		return;
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
	fini(w);
}

bool worker_alive(struct worker *w)
{
	uint64_t progress = atomic_load_explicit(&w->progress, memory_order_relaxed);
	bool alive = progress != w->last_progress ||
		     atomic_load_explicit(&w->asleep, memory_order_relaxed);

	w->last_progress = progress;
	return alive;
}

/* ---- log statements ---- */

void worker_log(void *arg, unsigned index, const struct engine_log *record)
{
	struct worker *w = (struct worker *)arg + index;
	struct logring_slot *slot = logring_begin(&w->ring);
	uint64_t one = 1;
	int len;

	if (!slot)
		return;
	len = logline_format(record, slot->line, sizeof(slot->line));
	slot->len = (uint16_t)(len < 0 ? 0 : len < (int)sizeof(slot->line) ?
						len : (int)sizeof(slot->line) - 1);
	/* syslog has no level audit, which nft puts behind debug. */
	slot->level = record->spec->level > LEVEL_DEBUG ? LEVEL_NOTICE : record->spec->level;
	if (logring_commit(&w->ring) && write(w->shared->log_event, &one, sizeof(one)) < 0)
		return;
}
