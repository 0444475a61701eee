/* keeper.c - the process that systemd starts: holds TUNs and steering, keeps a filter.
 *
 * Overview: the keeper opens what needs rights (runtime directory, TUNs), becomes the
 * daemon's user with CAP_NET_ADMIN, and forks a filter, which does everything that has to
 * do with strangers' bytes.  When the filter says that it filters, traffic is steered into
 * the TUNs; the queues are open all the while, so when a filter dies packets wait in them
 * for the next one, and flows and ruleset in the arena.
 *
 * It reads no packet, no ruleset and no message of a client.  From the filter it takes the
 * few kinds of channel.h.
 *
 * One thread, one poll(2); signals come through a descriptor, so nothing here is ever
 * interrupted.  A child is forked, not executed: what it must know, it has. */
#include "host/keeper.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctfw/hostclock.h"
#include "host/import.h"
#include "host/isolate.h"
#include "host/keeper_private.h"
#include "host/lastgood.h"
#include "host/log.h"
#include "host/notify.h"

/* Without a good heartbeat; sooner with a shorter watchdog. */
#define HANG_LIMIT (20 * NSEC_PER_SEC)
/* The same before CHANNEL_READY: a large table is scanned. */
#define START_HANG (60 * NSEC_PER_SEC)
/* From the fork to CHANNEL_READY, heartbeats or not.  TimeoutStartSec= of the unit is longer. */
#define START_LIMIT (300 * NSEC_PER_SEC)
/* How long a filter may be at work on one ruleset, in hang limits: 4 minutes.  Its heartbeats
 * go on meanwhile, and end then (pulse.h). */
#define WORK_HANGS 12
/* How long it may leave a reload unanswered, heartbeats or not: 5 minutes. */
#define ANSWER_HANGS 15
#define STOP_LIMIT (600 * NSEC_PER_MSEC)
#define SHORT_LIFE (10 * NSEC_PER_SEC) /* a filter that dies sooner is started less eagerly */
#define BACKOFF_FIRST (50 * NSEC_PER_MSEC)
#define BACKOFF_MAX (5 * NSEC_PER_SEC)
#define HEARTBEAT_MS 1000
#define MESSAGES_A_TURN 64 /* a filter that never ends talking does not keep us from others */

/* Of a start that failed: whether the next one would, too. */
static int exit_status(int err)
{
	return err == -ENOTRECOVERABLE ? EX_CONFIG : 1;
}

/* ---- the filter's life ---- */

static unsigned heartbeat_ms(void)
{
	uint64_t watchdog = notify_watchdog_interval() / 1000 / 4;

	return watchdog && watchdog < HEARTBEAT_MS ? (unsigned)watchdog + 1 : HEARTBEAT_MS;
}

/* We deal with a filter that hangs before systemd does with us. */
static uint64_t hang_limit(void)
{
	uint64_t limit = notify_watchdog_interval() * 1000 * 2 / 3;

	return limit && limit < HANG_LIMIT ? limit : HANG_LIMIT;
}

static unsigned work_ms(void)
{
	return (unsigned)(WORK_HANGS * hang_limit() / NSEC_PER_MSEC);
}

uint64_t keeper_answer_limit(void)
{
	return ANSWER_HANGS * hang_limit();
}

static void become_filter(struct keeper *k, int channel, pid_t keeper)
{
	struct filter_start start = {
		.config = k->config,
		.ports = &k->ports,
		.rundir = &k->rundir,
		.load = &k->load,
		.channel = channel,
		.keeper = keeper,
		.workers = k->workers,
		.heartbeat_ms = heartbeat_ms(),
		.work_ms = work_ms(),
		.first = !k->announced,
		.import_fd = k->import_fd,
		.restarts = k->restarts,
		.since = k->since,
	};

	/* Signals stay blocked: the keeper says when to stop, also when a terminal told all
	 * of us. */
	close(k->signals);
	tun_stock_close();
	steering_forget(k->steering);
	filter_run(&start);
}

static int spawn(struct keeper *k)
{
	pid_t self = getpid();
	int pair[2], err;

	err = channel_new(pair);
	if (err)
		return err;
	k->filter = fork();
	if (k->filter < 0) {
		err = -errno;
		k->filter = 0;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (k->filter == 0) {
		close(pair[0]);
		become_filter(k, pair[1], self);
	}
	close(pair[1]);
	log_say(LEVEL_DEBUG, "filter is process %d", (int)k->filter);
	k->channel = pair[0];
	k->filter_ready = false;
	/* Each counts its clients anew. */
	k->reload_serial = 0;
	k->filter_started = k->heartbeat = hostclock_mono();
	return 0;
}

static void start_filter(struct keeper *k)
{
	int err = spawn(k);

	if (!err)
		return;
	log_say(LEVEL_ERROR, "cannot start the filter: %s", strerror(-err));
	k->restart_at = hostclock_mono() + NSEC_PER_SEC;
	if (!k->announced) {
		k->status = 1;
		k->done = true;
	}
}

/* At once the first time, then with pauses that double. */
static uint64_t backoff(unsigned short_lives)
{
	uint64_t pause = BACKOFF_FIRST;

	if (short_lives < 2)
		return 0;
	while (short_lives-- > 2 && pause < BACKOFF_MAX)
		pause *= 2;
	return pause < BACKOFF_MAX ? pause : BACKOFF_MAX;
}

static void tell_death(const struct keeper *k, int wstatus)
{
	if (WIFSIGNALED(wstatus))
		log_say(LEVEL_ERROR,
			"the filter, process %d, was killed by signal %d (%s); starting "
			"another",
			(int)k->filter, WTERMSIG(wstatus), strsignal(WTERMSIG(wstatus)));
	else
		log_say(LEVEL_ERROR,
			"the filter, process %d, ended with status %d; starting another",
			(int)k->filter, WEXITSTATUS(wstatus));
}

static void filter_died(struct keeper *k, int wstatus)
{
	bool short_life = hostclock_mono() - k->filter_started < SHORT_LIFE;

	if (!k->stopping && !k->replacing && k->announced)
		tell_death(k, wstatus);
	if (k->channel >= 0)
		close(k->channel);
	k->channel = -1;
	k->filter = 0;
	k->died = hostclock_mono();
	k->filter_ready = false;
	if (k->reloading)
		keeper_reload_failed(k, k->stopping ? "the daemon stopped meanwhile" :
						      "the filter died over it");
	if (k->stopping) {
		k->done = true;
	} else if (!k->announced) {
		/* Why was said by CHANNEL_FAILED, unless it was killed. */
		if (WIFSIGNALED(wstatus))
			log_say(LEVEL_ERROR,
				"the filter was killed by signal %d (%s) while it started",
				WTERMSIG(wstatus), strsignal(WTERMSIG(wstatus)));
		k->status = k->failure;
		k->done = true;
	} else if (k->replacing) {
		k->replacing = false;
		k->status_line[0] = '\0';
		k->restart_at = hostclock_mono();
	} else {
		k->restarts++;
		k->status_line[0] = '\0';
		notify_status("The filter died, starting another");
		k->short_lives = short_life ? k->short_lives + 1 : 0;
		k->restart_at = hostclock_mono() + backoff(k->short_lives);
	}
}

/* ---- messages ---- */

static void tell_stop(const struct keeper *k)
{
	channel_send(k->channel, CHANNEL_STOP, -ESHUTDOWN, "the daemon is stopping", -1);
}

/* It filters: lead the traffic to it, and tell the world. */
static void announce(struct keeper *k, bool loaded)
{
	struct diag d = DIAG_INIT;
	int err = steering_up(k->config, &k->steering, &d);

	if (err) {
		log_text(LEVEL_ERROR, d.text.len ? text_str(&d.text) : strerror(-err));
		k->status = exit_status(err);
		k->stopping = true;
		k->kill_at = hostclock_mono() + STOP_LIMIT;
		tell_stop(k);
	} else {
		k->announced = true;
		k->since = hostclock_real();
		if (loaded)
			k->load.ruleset_loaded = k->since;
		notify_ready(k->ports.n ? "Filtering" : "Filtering nothing");
		lastgood_save(k->config->name);
		if (k->ports.n)
			log_say(LEVEL_NOTICE,
				"ctfwd " CTFW_VERSION " is filtering, with %u worker%s",
				k->workers, k->workers == 1 ? "" : "s");
		else
			log_say(LEVEL_WARNING,
				"ctfwd " CTFW_VERSION " is running and filters nothing:"
				" there is neither [capture] nor [tun]");
	}
	diag_fini(&d);
}

/* systemd and the log hear of it, and neither is the filter's to keep busy: one that comes much
 * sooner than it should is passed over. */
static void heartbeat(struct keeper *k, const struct channel_message *m)
{
	uint64_t t = hostclock_mono();

	if (t - k->heard < heartbeat_ms() * NSEC_PER_MSEC / 4)
		return;
	k->heard = t;
	if (m->err) {
		log_say(LEVEL_ERROR, "a worker makes no progress");
		return;
	}
	k->heartbeat = t;
	notify_watchdog();
	/* While it works on a ruleset it may have no line for us. */
	if (!k->reloading && m->text[0] && strcmp(k->status_line, m->text) != 0) {
		strcpy(k->status_line, m->text);
		notify_status(k->status_line);
	}
}

static void tell_steering(struct keeper *k)
{
	json_t *status = k->steering ? steering_status(k->steering) : NULL;
	char *text = status ? json_dumps(status, JSON_COMPACT) : NULL;

	if (text && k->channel >= 0)
		channel_send(k->channel, CHANNEL_STEERING, 0, text, -1);
	free(text);
	json_decref(status);
}

static void handle(struct keeper *k, const struct channel_message *m)
{
	switch (m->kind) {
	case CHANNEL_READY:
		if (k->filter_ready || k->replacing)
			break;
		if (k->announced)
			log_say(LEVEL_NOTICE, "filtering again after %u ms, process %d",
				(unsigned)((hostclock_mono() - k->died) / NSEC_PER_MSEC),
				(int)k->filter);
		k->filter_ready = true;
		k->heartbeat = hostclock_mono();
		if (!k->announced && !k->stopping)
			announce(k, !m->err);
		tell_steering(k);
		if (k->reload_wanted && !k->stopping)
			keeper_begin_reload(k);
		break;
	case CHANNEL_FAILED:
	case CHANNEL_MISCONFIGURED:
		if (k->filter_ready)
			break;
		k->failure = m->kind == CHANNEL_FAILED ? 1 : EX_CONFIG;
		log_text(LEVEL_ERROR, m->text);
		break;
	case CHANNEL_HEARTBEAT:
		heartbeat(k, m);
		break;
	case CHANNEL_RELOAD_WANTED:
		k->reload_serial = m->err;
		keeper_begin_reload(k);
		break;
	case CHANNEL_RELOADED:
		keeper_reload_answered(k, m);
		break;
	default:
		break;
	}
}

/* It answers who waits for it, and goes on filtering until then. */
void keeper_replace_filter(struct keeper *k, const char *why)
{
	if (!k->filter || k->replacing)
		return;
	k->replacing = true;
	k->filter_ready = false;
	k->kill_at = hostclock_mono() + STOP_LIMIT;
	if (why)
		channel_send(k->channel, CHANNEL_STOP, -ETIMEDOUT, why, -1);
	else
		channel_send(k->channel, CHANNEL_STOP, -EAGAIN, "another filter takes over", -1);
}

/* Its other end is closed: the filter is dying, and if not it shall. */
static void lose_channel(struct keeper *k)
{
	close(k->channel);
	k->channel = -1;
	k->filter_ready = false;
	if (k->filter)
		kill(k->filter, SIGKILL);
}

/* The one that a filter may have to give: while it starts, the arena that it converted.  The
 * next one cuts what it gets to size, and maps it: none that is another file, or somebody
 * else's as well. */
static int take_descriptor(struct keeper *k, int fd)
{
	if (k->message.kind != CHANNEL_ARENA || k->filter_ready ||
	    !rundir_is_arena(&k->rundir, fd)) {
		close(fd);
		return -EPROTO;
	}
	close(k->rundir.arena_fd);
	k->rundir.arena_fd = fd;
	return 0;
}

static void read_channel(struct keeper *k)
{
	int err = 0, fd = -1, n;

	for (n = 0; k->channel >= 0 && !err && n < MESSAGES_A_TURN; n++) {
		err = channel_receive(k->channel, &k->message, &fd);
		if (err)
			break;
		if (fd >= 0)
			err = take_descriptor(k, fd);
		if (!err)
			handle(k, &k->message);
	}
	if (err == -EPROTO)
		log_say(LEVEL_ERROR, "the filter says what no filter says; killing it");
	if (err && err != -EAGAIN)
		lose_channel(k);
}

/* ---- signals and time ---- */

/* At a restart it stays, as at a death: what passed by the filter meanwhile would be missing in
 * its flows.  Packets wait in the queues, which systemd keeps. */
static void leave_steering(struct keeper *k)
{
	char status[128];
	const char *what;

	if (k->announced && notify_is_restart()) {
		log_say(LEVEL_NOTICE, "stopping for a restart; nothing passes meanwhile");
		notify_status("Stopped for a restart, nothing passes meanwhile");
		steering_leave(k->steering);
	} else {
		log_say(LEVEL_NOTICE, "stopping");
		what = steering_down(k->steering);
		if (what)
			log_say(LEVEL_NOTICE, "%s", what);
		snprintf(status, sizeof(status), "Stopped%s%s", what ? ", " : "",
			 what ? what : "");
		notify_status(status);
	}
	k->steering = NULL;
}

static void stop(struct keeper *k)
{
	if (k->stopping)
		return;
	k->stopping = true;
	k->kill_at = hostclock_mono() + STOP_LIMIT;
	notify_stopping();
	leave_steering(k);
	if (k->filter)
		tell_stop(k);
	else
		k->done = true;
}

static void reap(struct keeper *k)
{
	int wstatus;

	/* What it said last comes before its death. */
	read_channel(k);
	if (k->filter && waitpid(k->filter, &wstatus, WNOHANG) == k->filter)
		filter_died(k, wstatus);
}

static void read_signals(struct keeper *k)
{
	struct signalfd_siginfo si;

	while (read(k->signals, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(k);
		else if (si.ssi_signo == SIGHUP && !k->stopping)
			keeper_begin_reload(k);
		else if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
			stop(k);
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When something is due though nothing happens. */
static uint64_t deadline(const struct keeper *k)
{
	if (k->stopping || (k->replacing && k->filter))
		return k->kill_at;
	if (!k->filter)
		return k->restart_at;
	if (!k->filter_ready)
		return earlier(k->heartbeat + START_HANG, k->filter_started + START_LIMIT);
	if (k->reloading)
		return earlier(k->heartbeat + hang_limit(), k->answer_by);
	return k->heartbeat + hang_limit();
}

static void on_deadline(struct keeper *k)
{
	if (!k->filter) {
		start_filter(k);
		return;
	}
	if (!k->stopping && k->filter_ready && hostclock_mono() < k->heartbeat + hang_limit()) {
		keeper_reload_unanswered(k);
		return;
	}
	if (!k->stopping && !k->replacing)
		log_say(LEVEL_ERROR, "the filter, process %d, hangs; killing it",
			(int)k->filter);
	kill(k->filter, SIGKILL);
	/* Once is enough; its death is reported. */
	k->heartbeat = k->filter_started = hostclock_mono();
	k->kill_at = hostclock_mono() + STOP_LIMIT;
}

static void look_after_steering(struct keeper *k, bool readable)
{
	if (!k->steering || (!readable && hostclock_mono() < steering_due(k->steering)))
		return;
	steering_turn(k->steering, readable, hostclock_mono());
	if (steering_lost_tun(k->steering) && k->filter_ready && !k->reloading &&
	    !k->stopping && hostclock_mono() >= k->mend_at)
		keeper_mend_ports(k);
	if (k->filter_ready && steering_has_news(k->steering))
		tell_steering(k);
}

static void loop(struct keeper *k)
{
	while (!k->done) {
		struct pollfd fds[3] = { { k->signals, POLLIN, 0 },
					 { k->channel, POLLIN, 0 },
					 { steering_fd(k->steering), POLLIN, 0 } };
		uint64_t at = earlier(deadline(k), steering_due(k->steering));
		uint64_t t = hostclock_mono(), left = at <= t ? 0 : at - t;
		int ms = left ? (int)(earlier(left, 3600 * NSEC_PER_SEC) / NSEC_PER_MSEC) + 1 : 0;

		/* Without a filter there is no heartbeat, but there is us: to be killed by the
		 * watchdog would not make the next one start sooner. */
		if (!k->filter_ready) {
			notify_watchdog();
			ms = ms < HEARTBEAT_MS ? ms : (int)heartbeat_ms();
		}

		if (poll(fds, 3, ms) < 0 && errno != EINTR) {
			log_say(LEVEL_ERROR, "poll: %s", strerror(errno));
			k->status = 1;
			return;
		}
		if (fds[1].revents)
			read_channel(k);
		if (fds[0].revents)
			read_signals(k);
		look_after_steering(k, fds[2].revents != 0);
		if (!k->done && hostclock_mono() >= deadline(k))
			on_deadline(k);
	}
}

/* ---- from start to end ---- */

static int open_signals(struct keeper *k, struct diag *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signals < 0) {
		diag_error(d, NULL, "cannot wait for signals: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

static unsigned cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* A queue of every TUN for every worker, and clients. */
static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Without it, connections that are open already may be cut: worth a word, not an end. */
static void import(struct keeper *k)
{
	int err = k->config->conntrack.import ? import_read(k->config, &k->import_fd) : 0;

	if (err)
		log_say(LEVEL_WARNING, "cannot read the kernel's conntrack entries: %s",
			strerror(-err));
}

/* Everything that may need root, then no more of it. */
static int set_up(struct keeper *k, struct diag *d)
{
	struct fdstore kept;
	int err;

	raise_limits();
	err = open_signals(k, d);
	if (!err)
		err = isolate_identity(k->config->daemon.user, &k->identity, d);
	if (err)
		return err;
	err = rundir_open(k->config, &k->identity, &k->rundir, d);
	if (err)
		return err;
	fdstore_receive(&kept);
	err = ports_open(k->config, k->workers, &kept, &k->ports, d);
	fdstore_fini(&kept);
	tun_stock();
	if (!err)
		err = isolate_become(&k->identity, d);
	if (tun_may_open())
		tun_stock_close();
	if (err) {
		ports_close(&k->ports);
		rundir_close(&k->rundir);
	}
	return err;
}

int keeper_run(struct config *config)
{
	struct keeper *k = calloc(1, sizeof(*k));
	struct diag d = DIAG_INIT;
	int status, err;

	if (!k) {
		log_say(LEVEL_ERROR, "out of memory");
		config_free(config);
		return 1;
	}
	k->config = config;
	k->workers = config_workers(config, cpus());
	k->signals = k->channel = k->reload_fd = k->import_fd = -1;
	k->load.time = k->load.config_loaded = hostclock_real();
	k->load.ok = true;
	k->failure = 1;
	err = set_up(k, &d);
	if (err < 0) {
		log_text(LEVEL_ERROR, text_str(&d.text));
		status = exit_status(err);
	} else {
		import(k);
		start_filter(k);
		/* A later filter finds saved flows. */
		if (k->import_fd >= 0)
			close(k->import_fd);
		k->import_fd = -1;
		loop(k);
		/* It is there still when we cannot go on, which is as if we had been killed. */
		steering_forget(k->steering);
		/* TUNs of a reload that came to no end, while it is known which are no others'. */
		keeper_end_reload(k);
		ports_close(&k->ports);
		rundir_close(&k->rundir);
		status = k->status;
	}
	if (k->signals >= 0)
		close(k->signals);
	diag_fini(&d);
	config_free(config);
	free(k);
	return status;
}
