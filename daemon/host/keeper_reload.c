/* keeper_reload.c - another configuration, and other TUNs by it.
 *
 * The filter has the last word on a reload: it reads the ruleset, and puts all in force or
 * nothing.  The keeper's part comes before, in what may fail: the text, and new TUNs when
 * something else is captured.  What follows the filter's answer is steering, and the end of
 * TUNs that are of no use any more.
 *
 * Its queues a filter has from its birth.  So when TUNs come or go, another one takes its
 * place, as after a death, but in order: clients get their answers first, packets wait in
 * the queues for some milliseconds, and flows, counters of rules and ruleset go on.  That is
 * less than a second way to hand over descriptors would be, which is used once in a while and
 * had to be right at any moment in all threads. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctfw/hostclock.h"
#include "ctfw/regular.h"
#include "host/keeper_private.h"
#include "host/lastgood.h"
#include "host/log.h"
#include "host/notify.h"

#define RELOAD_FILE_MAX (1u << 20)
#define MEND_AGAIN (10 * 1000000000ULL)

/* What was prepared and is not in force closes again. */
void keeper_end_reload(struct keeper *k)
{
	if (k->reload_fd >= 0)
		close(k->reload_fd);
	k->reload_fd = -1;
	k->reloading = false;
	if (k->wanted_ports)
		ports_close_others(k->wanted_ports, &k->ports);
	free(k->wanted_ports);
	k->wanted_ports = NULL;
	config_free(k->wanted);
	k->wanted = NULL;
}

void keeper_reload_failed(struct keeper *k, const char *why)
{
	k->load.time = hostclock_real();
	k->load.reload = true;
	k->load.ok = false;
	strncpy(k->load.error, why, sizeof(k->load.error) - 1);
	/* One that died, or never answered, may have done it. */
	log_say(LEVEL_ERROR, k->filter && !k->replacing ?
				     "reload failed, everything stays as it was:" :
				     "it is not known whether the reload took place:");
	log_text(LEVEL_ERROR, why);
	keeper_end_reload(k);
	if (!k->stopping)
		notify_ready("The last reload failed");
}

/* It goes on with its heartbeats, so it has lost the message or its wits.  The next one takes
 * up the ruleset that is saved: the former, or the one that was put in force without a word. */
void keeper_reload_unanswered(struct keeper *k)
{
	char why[128];

	snprintf(why, sizeof(why),
		 "the filter has not answered for %u seconds, and another one takes over",
		 (unsigned)(keeper_answer_limit() / NSEC_PER_SEC));
	keeper_replace_filter(k, why);
	keeper_reload_failed(k, why);
}

/* ---- before ---- */

/* The file's text in a memfd that nobody can change: the filter and we parse the same. */
static int config_text(const char *path, int *ret_fd)
{
	char buf[4096];
	size_t all = 0;
	ssize_t n = 0;
	int err = 0, fd, from = regular_open(AT_FDCWD, path);

	if (from < 0)
		return from;
	fd = memfd_create("ctfwd.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		err = -errno;
	while (!err && (n = read(from, buf, sizeof(buf))) > 0) {
		all += (size_t)n;
		if (write(fd, buf, (size_t)n) != n)
			err = -ENOSPC;
		else if (all > RELOAD_FILE_MAX)
			err = -EFBIG;
	}
	if (!err && n < 0)
		err = -errno;
	if (!err && fcntl(fd, F_ADD_SEALS,
			  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		err = -errno;
	close(from);
	if (err && fd >= 0)
		close(fd);
	else if (!err)
		*ret_fd = fd;
	return err;
}

/* What is wrong with it the filter tells, who reads the same. */
static struct config *parse(const struct keeper *k, int fd)
{
	struct config *wanted = NULL;
	struct diag d = DIAG_INIT;
	off_t len = lseek(fd, 0, SEEK_END);
	char *text = malloc((size_t)len + 1);

	if (text && pread(fd, text, (size_t)len, 0) == len &&
	    config_parse(k->config->name, text, (size_t)len, &d, &wanted))
		wanted = NULL;
	diag_fini(&d);
	free(text);
	return wanted;
}

/* [tun] sections stay as they are until a restart. */
static int prepare_ports(struct keeper *k, struct diag *d)
{
	struct config mixed = *k->config;
	int err;

	mixed.captures = k->wanted->captures;
	mixed.n_captures = k->wanted->n_captures;
	k->wanted_ports = calloc(1, sizeof(*k->wanted_ports));
	if (!k->wanted_ports) {
		diag_error(d, NULL, "out of memory");
		return -ENOMEM;
	}
	err = ports_change(&k->ports, &mixed, k->workers, k->wanted_ports, d);
	if (err) {
		free(k->wanted_ports);
		k->wanted_ports = NULL;
	}
	return err;
}

static int prepare(struct keeper *k, struct text *why)
{
	struct diag d = DIAG_INIT;
	int err = config_text(k->config->name, &k->reload_fd);

	if (err) {
		text_printf(why, "%s: %s", k->config->name, regular_error(err));
		return err;
	}
	k->wanted = parse(k, k->reload_fd);
	if (k->wanted && config_captures_differ(k->config, k->wanted))
		err = prepare_ports(k, &d);
	if (err)
		text_puts(why, d.text.len ? text_str(&d.text) : strerror(-err));
	diag_fini(&d);
	return err;
}

void keeper_begin_reload(struct keeper *k)
{
	struct text why = TEXT_INIT;
	int err;

	if (k->reloading || !k->filter_ready) {
		k->reload_wanted = true;
		return;
	}
	k->reload_wanted = false;
	k->reloading = true;
	k->answer_by = hostclock_mono() + keeper_answer_limit();
	notify_reloading();
	err = prepare(k, &why);
	err = channel_send(k->channel, k->wanted_ports ? CHANNEL_RELOAD_LAST : CHANNEL_RELOAD,
			   k->reload_serial, text_str(&why), err ? -1 : k->reload_fd);
	if (err)
		keeper_reload_failed(k, "the filter does not answer");
	text_fini(&why);
}

/* ---- after ---- */

/* What the filter has put in force counts for us as well, and for the next filter. */
static void adopt(struct keeper *k)
{
	struct text restart = TEXT_INIT;
	bool captures = k->wanted_ports != NULL;

	if (!k->wanted || config_adopt(k->config, k->wanted, &restart) < 0)
		log_say(LEVEL_ERROR,
			"out of memory: the keeper goes on with its former options");
	text_fini(&restart);
	if (captures)
		config_adopt_captures(k->config, k->wanted);
	/* Traffic into new TUNs waits for the filter that will read it.  What is captured no
	 * more is free before its TUNs close. */
	if (k->steering)
		steering_adopt(k->steering, captures);
	if (!captures)
		return;
	/* Filtering begins with the first port. */
	if (!k->ports.n)
		k->since = hostclock_real();
	ports_take_over(&k->ports, k->wanted_ports);
	free(k->wanted_ports);
	k->wanted_ports = NULL;
	log_say(LEVEL_NOTICE, "something else is captured now: another filter takes over");
	keeper_replace_filter(k, NULL);
}

void keeper_reload_answered(struct keeper *k, const struct channel_message *m)
{
	if (!k->reloading)
		return;
	if (m->err) {
		keeper_reload_failed(k, m->text);
	} else {
		k->load.time = hostclock_real();
		k->load.reload = k->load.ok = true;
		k->load.error[0] = '\0';
		k->load.config_loaded = k->load.ruleset_loaded = k->load.time;
		log_say(LEVEL_NOTICE, "reloaded %s and %s", k->config->name,
			(k->wanted ? k->wanted : k->config)->daemon.ruleset);
		if (m->text[0])
			log_text(LEVEL_WARNING, m->text);
		adopt(k);
		keeper_end_reload(k);
		notify_ready("Reloaded");
		lastgood_save(k->config->name);
	}
	k->status_line[0] = '\0';
	if (k->reload_wanted)
		keeper_begin_reload(k);
}

/* ---- TUNs that others deleted ---- */

void keeper_mend_ports(struct keeper *k)
{
	struct ports *ports = calloc(1, sizeof(*ports));
	struct diag d = DIAG_INIT;
	int err = ports ? ports_change(&k->ports, k->config, k->workers, ports, &d) : -ENOMEM;

	if (err) {
		log_say(LEVEL_ERROR, "others deleted a TUN, which cannot be made anew:");
		log_text(LEVEL_ERROR, d.text.len ? text_str(&d.text) : strerror(-err));
		k->mend_at = hostclock_mono() + MEND_AGAIN;
	} else {
		log_say(LEVEL_WARNING, "others deleted a TUN; it is made anew, and another "
				       "filter takes over");
		ports_take_over(&k->ports, ports);
		steering_made_tun(k->steering);
		keeper_replace_filter(k, NULL);
	}
	free(ports);
	diag_fini(&d);
}
