/* filter.c - the filter process: from the fork to its end.
 *
 * The order of the start matters.  First every right is given up that is not needed to go
 * on; then memory is set up from the arena, and the ruleset; then what listens to the
 * world; then the threads are made, which wait; then the system calls go as well, for all
 * threads at once; and only then packets are looked at.
 *
 * The main thread owns everything but the workers' own.  It is registered with RCU and
 * offline, but for the moments in which it looks at flows. */
#include "host/filter.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ctfw/event.h"
#include "ctfw/rcu.h"
#include "ctfw/set_dynamic.h"
#include "host/filter_private.h"
#include "host/hostsource.h"
#include "host/import.h"
#include "host/isolate.h"
#include "host/log.h"
#include "host/rulesetfile.h"

/* Every record is looked at once a second; sooner when the table is nearly full. */
#define TRACE_MS 20
#define HOUSEKEEP_MS 50
#define HOUSEKEEP_SLICES (1000 / HOUSEKEEP_MS)
#define PRESSURE_SLICES 4
#define EVENTS_US 2000

static struct instant now(void *arg)
{
	(void)arg;
	return hostclock_now();
}

/* ---- what the main thread does ---- */

static void on_drained(void *arg)
{
	struct filter *f = arg;

	event_base_loopbreak(f->base);
}

/* In order: clients hear what they are waiting for, if they listen. */
static void stop(struct filter *f, int err, const char *why)
{
	f->ending = err == -ESHUTDOWN ? err : -EAGAIN;
	filter_drop_waiters(f, err, why);
	control_server_drain(f->control, on_drained, f);
}

static void on_channel(evutil_socket_t fd, short what, void *arg)
{
	struct filter *f = arg;
	struct channel_message *m = malloc(sizeof(*m));
	int err, passed = -1;

	(void)what;
	while (m && (err = channel_receive(fd, m, &passed)) != -EAGAIN) {
		if (err == -EPIPE) {
			event_base_loopbreak(f->base);
			break;
		}
		if (!err && m->kind == CHANNEL_STOP)
			stop(f, m->err, m->text);
		if (!err && (m->kind == CHANNEL_RELOAD || m->kind == CHANNEL_RELOAD_LAST)) {
			pulse_work(f->pulse, "Reloading");
			filter_reload(f, m, passed);
			pulse_rest(f->pulse);
		}
		if (!err && m->kind == CHANNEL_STEERING)
			filter_set_steering(f, m->text);
		if (passed >= 0)
			close(passed);
		passed = -1;
	}
	free(m);
}

static void drain_ring(struct logring *ring)
{
	const struct logring_slot *slot;
	uint32_t dropped;

	while ((slot = logring_peek(ring))) {
		log_line((enum log_level)slot->level, slot->line, slot->len);
		logring_done(ring);
	}
	dropped = logring_dropped(ring);
	if (dropped)
		log_say(LEVEL_WARNING, "%" PRIu32 " lines of log statements were lost",
			dropped);
}

static void on_log(evutil_socket_t fd, short what, void *arg)
{
	struct filter *f = arg;
	uint64_t count;
	unsigned i;

	(void)what;
	/* Before the rings, so that no wake-up is lost. */
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_say(LEVEL_ERROR, "eventfd: %s", strerror(errno));
	for (i = 0; i < f->n_workers; i++)
		drain_ring(&f->workers[i].ring);
}

/* ---- events of flows ---- */

/* Called by workers. */
static void wake_reader(void *arg)
{
	struct filter *f = arg;
	uint64_t one = 1;

	if (write(f->events_fd, &one, sizeof(one)) < 0)
		return; /* it is full: he is being woken */
}

/* Take what there is.  While there is more, come back soon rather than at once: workers need
 * not wake anybody meanwhile, and others get their turn. */
static void collect_events(struct filter *f)
{
	const struct timeval soon = { 0, EVENTS_US };

	if (event_hub_collect(f->events))
		evtimer_add(f->events_timer, &soon);
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_say(LEVEL_ERROR, "eventfd: %s", strerror(errno));
	collect_events(arg);
}

static void on_events_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	collect_events(arg);
}

/* pulse_options.alive */
static bool workers_alive(void *arg)
{
	struct filter *f = arg;
	bool alive = true;
	unsigned i;

	for (i = 0; i < f->n_workers; i++)
		alive &= worker_alive(&f->workers[i]);
	return alive;
}

static void on_heartbeat(evutil_socket_t fd, short what, void *arg)
{
	struct filter *f = arg;
	struct text line = TEXT_INIT;

	(void)fd;
	(void)what;
	filter_status_line(f, &line);
	pulse_beat(f->pulse, text_str(&line));
	text_fini(&line);
}

static void on_housekeep(evutil_socket_t fd, short what, void *arg)
{
	struct filter *f = arg;
	uint32_t records = conntrack_records(f->config->conntrack.max_flows);
	struct conntrack_stats stats;
	unsigned slices;

	(void)fd;
	(void)what;
	conntrack_stats(f->ct, &stats);
	slices = stats.flows > stats.max / 10 * 9 ? PRESSURE_SLICES : HOUSEKEEP_SLICES;
	rcu_online();
	conntrack_housekeep(f->ct, records / slices + 1, hostclock_now());
	set_elements_housekeep(f->elements,
			       f->config->daemon.max_elements / HOUSEKEEP_SLICES + 1,
			       hostclock_mono());
	engine_housekeep(f->engine, hostclock_now());
	rcu_offline();
	pulse_work(f->pulse, "Filtering, and the rules are worked on");
	generation_expire(f->generation, hostclock_mono());
	filter_trial(f);
	pulse_rest(f->pulse);
}

/* Addresses, links or routes have changed.  An interface made anew has another index. */
static void on_hostview(void *arg, struct hostview *hv)
{
	struct filter *f = arg;

	log_say(LEVEL_DEBUG, "addresses, links or routes have changed");
	if (ports_follow(f->start->ports, hv) && f->running)
		filter_renew_view(f);
	engine_set_hostview(f->engine, hv);
}

/* ---- the start ---- */

static int set_up_ruleset(struct filter *f, struct diag *d)
{
	struct diag damaged = DIAG_INIT;
	bool restored = false;
	int err = generation_start(f->generation, f->engine, &damaged, &restored);

	if (damaged.errors)
		log_text(LEVEL_ERROR, text_str(&damaged.text));
	diag_fini(&damaged);
	if (err) {
		diag_error(d, NULL, "cannot put a ruleset in force: %s", strerror(-err));
		return err;
	}
	if ((filter_trial_restored(f) || !f->start->first) && restored)
		return 0;
	if (restored && rulesetfile_is_as_read(f->generation, f->config->daemon.ruleset)) {
		log_say(LEVEL_INFO,
			"%s is as it was read last: the rules go on, with what was changed since",
			f->config->daemon.ruleset);
		return 0;
	}
	return filter_load_ruleset(f, d);
}

static struct event *timer(struct filter *f, unsigned ms,
			   void (*call)(evutil_socket_t fd, short what, void *arg))
{
	const struct timeval every = { ms / 1000, ms % 1000 * 1000 };
	struct event *e = event_new(f->base, -1, EV_PERSIST, call, f);

	if (e)
		event_add(e, &every);
	return e;
}

static struct event *reader(struct filter *f, int fd,
			    void (*call)(evutil_socket_t fd, short what, void *arg))
{
	struct event *e = event_new(f->base, fd, EV_READ | EV_PERSIST, call, f);

	if (e)
		event_add(e, NULL);
	return e;
}

/* The first view is there when this returns. */
static int set_up_hostview(struct filter *f, struct diag *d)
{
	const struct ports *ports = f->start->ports;
	char names[CONFIG_PORTS_MAX][IFNAMSIZ];
	struct hostsource_options options = {
		.table = f->config->steer.table,
		.ports = names,
		.n_ports = ports->n,
	};
	size_t i;
	int err;

	for (i = 0; i < ports->n; i++)
		memcpy(names[i], ports->port[i].tun.name, IFNAMSIZ);
	err = hostsource_new(f->base, &options, on_hostview, f, &f->hostsource);
	if (err)
		diag_error(d, NULL, "cannot see the host's addresses and routes: %s",
			   strerror(-err));
	return err;
}

/* ---- traced packets ---- */

static void on_trace(evutil_socket_t fd, short what, void *arg)
{
	struct filter *f = arg;

	(void)fd;
	(void)what;
	trace_hub_collect(f->traces);
}

/* Workers do not wake the reader: it looks as long as somebody wants to know. */
static void trace_active(void *arg, bool on)
{
	struct filter *f = arg;

	if (on)
		event_add(f->trace_event, &(struct timeval){ 0, TRACE_MS * 1000 });
	else
		event_del(f->trace_event);
}

static int set_up_events(struct filter *f, struct diag *d)
{
	f->base = event_base_new();
	f->shared.log_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!f->base || f->shared.log_event < 0 || f->events_fd < 0) {
		diag_error(d, NULL, "cannot wait for events: %s", strerror(errno));
		return -errno;
	}
	f->events = event_hub_new(f->ct);
	f->rules = rule_hub_new(f->generation);
	f->traces = trace_hub_new(f->engine, f->generation, trace_active, f);
	f->trace_event = event_new(f->base, -1, EV_PERSIST, on_trace, f);
	f->events_event = reader(f, f->events_fd, on_events);
	f->events_timer = evtimer_new(f->base, on_events_timer, f);
	conntrack_set_event_wake(f->ct, wake_reader, f);
	f->channel_event = reader(f, f->start->channel, on_channel);
	f->log_event = reader(f, f->shared.log_event, on_log);
	f->heartbeat_event = timer(f, f->start->heartbeat_ms, on_heartbeat);
	f->housekeep_event = timer(f, HOUSEKEEP_MS, on_housekeep);
	f->control_context = (struct control_context){
		.engine = f->engine,
		.conntrack = f->ct,
		.elements = f->elements,
		.generation = f->generation,
		.events = f->events,
		.rules = f->rules,
		.traces = f->traces,
		.workers = f->start->workers,
		.now = now,
		.status = filter_status,
		.reload = filter_want_reload,
		.saved = filter_file_saved,
		.log = filter_log,
		.arg = f,
	};
	f->control =
		control_server_new(f->base, f->start->rundir->listen_fd, &f->control_context);
	if (!f->events || !f->rules || !f->traces || !f->trace_event || !f->events_event ||
	    !f->events_timer || !f->channel_event || !f->log_event || !f->heartbeat_event ||
	    !f->housekeep_event || !f->control) {
		diag_error(d, NULL, "out of memory");
		return -ENOMEM;
	}
	control_server_set_pulse(f->control, f->pulse);
	return set_up_hostview(f, d);
}

static int set_up_workers(struct filter *f, struct diag *d)
{
	struct ports_view *view = ports_view_new(f->start->ports);
	int err = 0;

	f->shared.engine = f->engine;
	f->shared.ports = f->start->ports;
	f->shared.read_at = f->arena.header->read_at;
	f->shared.first = f->start->first;
	worker_set_times(&f->shared, &f->config->daemon);
	atomic_store(&f->shared.view, view);
	while (view && !err && f->n_workers < f->start->workers) {
		err = worker_start(&f->workers[f->n_workers], &f->shared, f->n_workers);
		f->n_workers += !err;
	}
	if (!view || err)
		diag_error(d, NULL, "cannot start the workers: %s",
			   strerror(view ? -err : ENOMEM));
	return view ? err : -ENOMEM;
}

/* Before any packet, so that none of theirs is taken for a stray one. */
static void import(struct filter *f)
{
	struct import_result result;
	int err;

	if (f->start->import_fd < 0)
		return;
	if (conntrack_recovery(f->ct).kept == 0) {
		rcu_online();
		err = import_load(f->start->import_fd, f->ct, hostclock_now(), &result);
		rcu_offline();
		if (err)
			log_say(LEVEL_WARNING, "the kernel's conntrack entries: %s",
				strerror(-err));
		log_say(LEVEL_INFO, "%" PRIu32 " flows taken over from the kernel, %" PRIu32
			" refused", result.taken, result.refused);
	}
	close(f->start->import_fd);
}

static int set_up_pulse(struct filter *f, struct diag *d)
{
	const struct pulse_options options = {
		.channel = f->start->channel,
		.beat_ms = f->start->heartbeat_ms,
		.work_ms = f->start->work_ms,
		.alive = workers_alive,
		.arg = f,
	};

	f->pulse = pulse_new(&options);
	if (!f->pulse)
		diag_error(d, NULL, "cannot have a heartbeat: out of memory, or of threads");
	return f->pulse ? 0 : -ENOMEM;
}

static int set_up(struct filter *f, struct diag *d)
{
	int err;

	err = isolate_filter(f->start->keeper);
	if (err) {
		diag_error(d, NULL, "cannot give up capabilities: %s", strerror(-err));
		return err;
	}
	err = set_up_pulse(f, d);
	if (err)
		return err;
	pulse_work(f->pulse, "Loading the rules");
	err = filter_take_up(f, d);
	if (!err)
		err = set_up_ruleset(f, d);
	if (!err)
		import(f);
	pulse_rest(f->pulse);
	if (!err)
		err = set_up_events(f, d);
	if (!err)
		err = set_up_workers(f, d);
	if (err)
		return err;
	err = isolate_syscalls();
	if (err)
		diag_error(d, NULL, "cannot limit system calls: %s", strerror(-err));
	return err;
}

/* What packets need not wait for. */
static void settle(struct filter *f)
{
	struct diag d = DIAG_INIT;

	pulse_work(f->pulse, "Filtering, and former rules are read");
	generation_settle(f->generation, &d);
	filter_settle_heap();
	/* The rulesets have claimed their sets; elements of others may go. */
	set_elements_settle(f->elements);
	pulse_rest(f->pulse);
	if (d.errors)
		log_text(LEVEL_ERROR, text_str(&d.text));
	diag_fini(&d);
}

/* What the operator should know of the flows that were there. */
static void tell_recovery(const struct filter *f)
{
	struct conntrack_recovery r = conntrack_recovery(f->ct);
	struct text line = TEXT_INIT;

	if (f->arena_fresh)
		return;
	text_printf(&line, "%" PRIu32 " flow%s", r.kept, r.kept == 1 ? " goes on" : "s go on");
	if (r.torn)
		text_printf(&line, ", %" PRIu32 " of them torn", r.torn);
	if (r.expired)
		text_printf(&line, "; %" PRIu32 " had expired", r.expired);
	if (r.damaged)
		text_printf(&line, "; %" PRIu32 " damaged and left out", r.damaged);
	log_say(r.damaged ? LEVEL_WARNING : LEVEL_INFO, "%s", text_str(&line));
	text_fini(&line);
	if (r.expectations)
		log_say(LEVEL_INFO, "%" PRIu32 " expectations go on", r.expectations);
}

/* ---- the end ---- */

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

/* From the last made to the first; what was never made is NULL. */
static void tear_down(struct filter *f)
{
	unsigned i;

	pulse_free(f->pulse);
	for (i = 0; i < f->n_workers; i++)
		worker_stop(&f->workers[i]);
	worker_go(&f->shared);
	for (i = 0; i < f->n_workers; i++) {
		worker_join(&f->workers[i]);
		drain_ring(&f->workers[i].ring);
	}
	filter_drop_waiters(f, -ESHUTDOWN, "the filter ends");
	control_server_free(f->control);
	hostsource_free(f->hostsource);
	free_event(f->channel_event);
	free_event(f->log_event);
	free_event(f->events_event);
	free_event(f->events_timer);
	free_event(f->trace_event);
	free_event(f->heartbeat_event);
	free_event(f->housekeep_event);
	if (f->base)
		event_base_free(f->base);
	trace_hub_free(f->traces);
	rule_hub_free(f->rules);
	generation_free(f->generation);
	engine_free(f->engine);
	event_hub_free(f->events);
	conntrack_free(f->ct);
	counters_free(f->counters);
	set_elements_free(f->elements);
	free(atomic_load(&f->shared.view));
	json_decref(f->steering);
	free(f->workers);
}

void filter_run(const struct filter_start *start)
{
	struct filter *f = calloc(1, sizeof(*f));
	struct diag d = DIAG_INIT;
	int err = -ENOMEM;

	prctl(PR_SET_NAME, "ctfwd-filter");
	rcu_register();
	rcu_offline();
	if (f) {
		f->start = start;
		f->config = start->config;
		f->load = *start->load;
		f->shared.log_event = f->events_fd = -1;
		pthread_mutex_init(&f->shared.lock, NULL);
		pthread_cond_init(&f->shared.cond, NULL);
		f->workers = aligned_alloc(64, start->workers * sizeof(*f->workers));
	}
	if (f && f->workers) {
		memset(f->workers, 0, start->workers * sizeof(*f->workers));
		err = set_up(f, &d);
	} else {
		diag_error(&d, NULL, "out of memory");
	}
	if (err) {
		channel_send(start->channel,
			     f && f->misconfigured ? CHANNEL_MISCONFIGURED : CHANNEL_FAILED, err,
			     text_str(&d.text), -1);
	} else {
		f->running = true;
		f->since = start->since ? start->since : hostclock_real();
		worker_go(&f->shared);
		tell_recovery(f);
		channel_send(start->channel, CHANNEL_READY,
			     f->load.ruleset_loaded ? 0 : -EALREADY, NULL, -1);
		settle(f);
		event_base_dispatch(f->base);
	}
	if (f)
		tear_down(f);
	free(f);
	diag_fini(&d);
	rcu_unregister();
	exit(err ? EXIT_FAILURE : EXIT_SUCCESS);
}
