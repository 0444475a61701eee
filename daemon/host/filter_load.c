/* filter_load.c - configuration and ruleset, at the start and at a reload.
 *
 * A reload is one step or nothing: what may fail comes first, the ruleset (all or nothing
 * by itself) last of it, and what follows cannot fail.  No flow is touched. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctfw/rcu.h"
#include "host/filter_private.h"
#include "host/log.h"
#include "host/rulesetfile.h"

#define CONFIG_MAX (1u << 20)

/* ---- ruleset ---- */

int filter_file_saved(void *arg, struct diag *d)
{
	const struct filter *f = arg;

	return rulesetfile_look(f->config->daemon.ruleset, d);
}

/* As after nft flush ruleset: right, and perhaps not meant, as with a file that was cut. */
static void tell_no_chains(const struct filter *f)
{
	if (f->start->ports->n && !ruleset_size(generation_ruleset(f->generation)).chains)
		log_say(LEVEL_WARNING, "%s has no chains: nothing is judged, all of it passes",
			f->config->daemon.ruleset);
}

int filter_load_ruleset(struct filter *f, struct diag *d)
{
	const struct generation_request why = { .cause = CAUSE_START, .uid = GENERATION_NOBODY };
	int err = rulesetfile_replace(f->generation, f->config->daemon.ruleset, &why, d);

	if (!err) {
		f->load.ruleset_loaded = hostclock_real();
		tell_no_chains(f);
	}
	/* Another time there may be room. */
	f->misconfigured = err && err != -ENOMEM && err != -ENOSPC;
	return err;
}

/* ---- reload ---- */

static int read_config(int fd, struct text *out)
{
	char buf[4096];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		text_append(out, buf, (size_t)n);
		at += n;
		if (at > (off_t)CONFIG_MAX)
			return -EFBIG;
	}
	if (n < 0)
		return -errno;
	return text_failed(out) ? -ENOMEM : 0;
}

static int parse_config(struct filter *f, int fd, struct diag *d, struct config **ret_config)
{
	struct text text = TEXT_INIT;
	int err = read_config(fd, &text);

	if (err)
		diag_error(d, NULL, "%s: %s", f->config->name, strerror(-err));
	else
		err = config_parse(f->config->name, text_str(&text), text.len, d, ret_config);
	text_fini(&text);
	return err;
}

static void set_view(struct filter *f, struct ports_view *view)
{
	struct ports_view *old = atomic_exchange(&f->shared.view, view);

	rcu_wait();
	free(old);
}

void filter_renew_view(struct filter *f)
{
	struct ports_view *view = ports_view_new(f->start->ports);

	if (view)
		set_view(f, view);
	else
		log_say(LEVEL_ERROR, "out of memory: the ports are as they were");
}

/* What follows from the options that may change. */
static void put_in_force(struct filter *f, struct ports_view *view)
{
	/* max-flows is as it was, everything else is in range, and there is memory. */
	conntrack_set_options(f->ct, &f->config->conntrack);
	engine_set_fragments(f->engine, &f->config->fragments);
	engine_set_rates(f->engine, f->config->log.rate, f->config->daemon.reply_rate);
	worker_set_times(&f->shared, &f->config->daemon);
	/* It shows the sections of f->config, which are what was wanted now. */
	ports_view_fill(f->start->ports, view);
	set_view(f, view);
}

/* The first of the clients that wait for this reload. */
static uint32_t who_asked(const struct filter *f, int serial)
{
	uint32_t uid = GENERATION_NOBODY;

	for (const struct reload_waiter *w = f->waiters; w; w = w->next) {
		if (w->serial <= serial)
			uid = w->uid;
	}
	return uid;
}

static int apply(struct filter *f, const struct config *wanted, uint32_t uid, struct diag *d,
		 struct text *restart)
{
	const struct generation_request why = { .cause = CAUSE_RELOAD, .uid = uid };
	struct ports_view *view = ports_view_new(f->start->ports);
	int err;

	if (!view) {
		diag_error(d, NULL, "out of memory");
		return -ENOMEM;
	}
	err = wanted->conntrack.helpers ? conntrack_reserve_extensions(f->ct) : 0;
	if (err)
		diag_error(d, NULL, "no memory for helpers' notes: %s", strerror(-err));
	else
		err = rulesetfile_replace(f->generation, wanted->daemon.ruleset, &why,
					  d);
	if (err) {
		free(view);
		return err;
	}
	filter_trial_file(f);
	tell_no_chains(f);
	if (config_adopt(f->config, wanted, restart) < 0)
		log_say(LEVEL_ERROR, "out of memory: the ruleset is new, the options are not");
	put_in_force(f, view);
	return 0;
}

static void answer(struct filter *f, int serial, int err, const char *message)
{
	struct reload_waiter **link = &f->waiters, *w;

	while ((w = *link)) {
		if (w->serial > serial) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		w->done(w->done_arg, err, message && *message ? message : NULL);
		free(w);
	}
}

static void record(struct filter *f, int err, const char *message)
{
	struct load *load = &f->load;

	load->time = hostclock_real();
	load->reload = true;
	load->ok = !err;
	load->error[0] = '\0';
	if (err)
		strncpy(load->error, message, sizeof(load->error) - 1);
	else
		load->config_loaded = load->ruleset_loaded = load->time;
}

void filter_reload(struct filter *f, const struct channel_message *m, int fd)
{
	struct text restart = TEXT_INIT, message = TEXT_INIT;
	struct config *wanted = NULL;
	struct diag d = DIAG_INIT;
	int err;

	if (fd < 0) {
		/* The keeper could not read it, and says why. */
		err = -EIO;
		text_puts(&message, m->text);
	} else {
		err = parse_config(f, fd, &d, &wanted);
		if (!err)
			err = apply(f, wanted, who_asked(f, m->err), &d, &restart);
		if (err)
			text_puts(&message, d.text.len ? text_str(&d.text) : strerror(-err));
		else if (restart.len)
			text_printf(&message, "changed only by a restart: %s",
				    text_str(&restart));
	}
	record(f, err, text_str(&message));
	/* Who asks once he has the answer shall not be told that we are stopping. */
	if (!err && m->kind == CHANNEL_RELOAD_LAST)
		control_server_hold(f->control);
	channel_send(f->start->channel, CHANNEL_RELOADED, err, text_str(&message), -1);
	answer(f, m->err, err, text_str(&message));
	config_free(wanted);
	diag_fini(&d);
	text_fini(&message);
	text_fini(&restart);
}

/* The ruleset alone: options that came with it would stay when it is undone. */
static void try_ruleset(struct filter *f, uint64_t until, uint32_t uid,
			void (*done)(void *done_arg, int err, const char *message),
			void *done_arg)
{
	const struct generation_request why = { .until = until, .cause = CAUSE_RELOAD,
						.uid = uid };
	struct diag d = DIAG_INIT;
	int err = rulesetfile_replace(f->generation, f->config->daemon.ruleset, &why, &d);

	if (err) {
		log_say(LEVEL_ERROR, "reload on trial failed, everything stays as it was:");
		log_text(LEVEL_ERROR, d.text.len ? text_str(&d.text) : strerror(-err));
	} else {
		filter_trial_file(f);
		tell_no_chains(f);
	}
	done(done_arg, err, err && d.text.len ? text_str(&d.text) : NULL);
	diag_fini(&d);
}

void filter_want_reload(void *arg, uint64_t until, uint32_t uid,
			void (*done)(void *done_arg, int err, const char *message),
			void *done_arg)
{
	struct filter *f = arg;
	struct reload_waiter *w;

	if (until) {
		try_ruleset(f, until, uid, done, done_arg);
		return;
	}
	if (f->ending) {
		done(done_arg, f->ending, "the daemon is stopping");
		return;
	}
	w = malloc(sizeof(*w));
	if (!w || channel_send(f->start->channel, CHANNEL_RELOAD_WANTED, f->reload_serial + 1,
			       NULL, -1) < 0) {
		free(w);
		done(done_arg, -EIO, "the keeper does not answer");
		return;
	}
	*w = (struct reload_waiter){ f->waiters, ++f->reload_serial, uid, done, done_arg };
	f->waiters = w;
}

void filter_drop_waiters(struct filter *f, int err, const char *why)
{
	answer(f, f->reload_serial, err, why);
}
