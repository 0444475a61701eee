/* steering.c - the keeper's part in steering; see steering.h.
 *
 * Where an interface has fail-closed = no, somebody must open it when the keeper was killed:
 * the filter has no rights to, and the redirect to a TUN that is gone drops.  This is the
 * opener, a child that does nothing but wait for the keeper's end of a pipe to close, and then
 * for a moment: when it is killed as well, as by systemd, which starts another daemon, nothing
 * shall have passed by that one. */
#include "host/steering.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctfw/control.h"
#include "ctfw/steer.h"
#include "host/log.h"
#include "host/opening.h"

struct steering {
	const struct config *config;
	struct steer *steer;
	bool news;
	pid_t opener; /* 0: none is needed */
	int lifeline; /* its end is closed by the kernel when we die; -1 */
};

/* ---- the opener ---- */

/* Signals are blocked, as the keeper's are: who ends us all by SIGTERM wants it to work. */
static void __attribute__((noreturn)) opener_run(const struct config *config, int lifeline)
{
	char byte;

	prctl(PR_SET_NAME, "ctfwd-opener");
	/* TUNs, locks and sockets are not to live on by us. */
	if (lifeline > 3)
		close_range(3, (unsigned)lifeline - 1, 0);
	close_range((unsigned)lifeline + 1, ~0u, 0);
	while (read(lifeline, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(opening_open(config) ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void opener_start(struct steering *s)
{
	int pair[2];

	if (!steer_opens(s->config))
		return;
	if (pipe2(pair, O_CLOEXEC) < 0) {
		log_say(LEVEL_ERROR, "nobody will open what is fail-closed = no: %s",
			strerror(errno));
		return;
	}
	s->opener = fork();
	if (s->opener == 0) {
		close(pair[1]);
		opener_run(s->config, pair[0]);
	}
	close(pair[0]);
	s->lifeline = pair[1];
	if (s->opener < 0) {
		log_say(LEVEL_ERROR, "nobody will open what is fail-closed = no: %s",
			strerror(errno));
		s->opener = 0;
	}
}

static void opener_stop(struct steering *s)
{
	if (s->opener) {
		kill(s->opener, SIGKILL);
		waitpid(s->opener, NULL, 0);
	}
	s->opener = 0;
	if (s->lifeline >= 0)
		close(s->lifeline);
	s->lifeline = -1;
}

static void opener_check(struct steering *s)
{
	if (!s->opener || waitpid(s->opener, NULL, WNOHANG) != s->opener)
		return;
	s->opener = 0;
	opener_stop(s);
	opener_start(s);
}

/* ---- from start to end ---- */

int steering_up(const struct config *config, struct steering **ret_steering, struct diag *d)
{
	struct steering *s = calloc(1, sizeof(*s));
	int err;

	if (!s) {
		diag_error(d, NULL, "cannot steer: out of memory");
		return -ENOMEM;
	}
	s->config = config;
	s->news = true;
	s->lifeline = -1;
	err = steer_up(config, &s->steer, d);
	if (err) {
		free(s);
		return err;
	}
	opener_start(s);
	*ret_steering = s;
	return 0;
}

void steering_adopt(struct steering *s, bool captures)
{
	struct diag d = DIAG_INIT;
	int err = captures ? steer_change(s->steer, &d) : 0;

	if (err)
		log_text(LEVEL_ERROR, d.text.len ? text_str(&d.text) : strerror(-err));
	diag_fini(&d);
	s->news = true;
	opener_stop(s);
	opener_start(s);
}

bool steering_lost_tun(const struct steering *s)
{
	return s && steer_lost_tun(s->steer);
}

void steering_made_tun(struct steering *s)
{
	steer_made_tun(s->steer);
	s->news = true;
}

/* What the guard keeps closed. */
static const char *guarded_words(const struct config *c)
{
	size_t exempt = 0, i;

	for (i = 0; i < c->n_captures; i++)
		exempt += !c->captures[i].fail_closed;
	if (exempt == c->n_captures)
		return "what was captured passes unfiltered";
	return exempt ? "what is not fail-closed = no stays closed by the guard" :
			"what was captured stays closed by the guard";
}

const char *steering_down(struct steering *s)
{
	const struct config *config;
	bool guarded, opens;
	int err;

	if (!s)
		return NULL;
	config = s->config;
	opens = s->opener != 0;
	err = steer_down(s->steer, &guarded);
	s->steer = NULL;
	if (err)
		steering_forget(s);
	else
		steering_leave(s);
	if (!config->n_captures)
		return NULL;
	if (err) {
		log_say(LEVEL_ERROR, "cannot take out what leads traffic here, which stays: %s",
			strerror(-err));
		return opens ? "what is not fail-closed = no stays closed" :
			       "what was captured stays closed";
	}
	return guarded ? guarded_words(config) : "what was captured passes unfiltered";
}

void steering_leave(struct steering *s)
{
	if (s) {
		opener_stop(s);
		steer_free(s->steer);
	}
	free(s);
}

void steering_forget(struct steering *s)
{
	if (s) {
		if (s->lifeline >= 0)
			close(s->lifeline);
		steer_free(s->steer);
	}
	free(s);
}

int steering_fd(const struct steering *s)
{
	return s ? steer_fd(s->steer) : -1;
}

uint64_t steering_due(const struct steering *s)
{
	return s ? steer_due(s->steer) : UINT64_MAX;
}

void steering_turn(struct steering *s, bool readable, uint64_t now)
{
	struct steer_news news = { .notice = TEXT_INIT, .warning = TEXT_INIT };

	if (readable)
		steer_heard(s->steer, now);
	if (now < steer_due(s->steer))
		return;
	steer_look(s->steer, &news);
	opener_check(s);
	if (news.notice.len)
		log_text(LEVEL_NOTICE, text_str(&news.notice));
	if (news.warning.len)
		log_text(LEVEL_WARNING, text_str(&news.warning));
	s->news |= news.changed;
	text_fini(&news.notice);
	text_fini(&news.warning);
}

bool steering_has_news(struct steering *s)
{
	bool news = s && s->news;

	if (s)
		s->news = false;
	return news;
}

json_t *steering_status(const struct steering *s)
{
	const struct steer_stats *stats = steer_stats(s->steer);
	json_t *waiting = json_array(), *restored = json_object();
	unsigned k;
	size_t i;

	for (i = 0; i < s->config->n_captures; i++) {
		const char *name = s->config->captures[i].ifname;

		if (!steer_is_there(s->steer, name))
			json_array_append_new(waiting, control_json_text(name, strlen(name)));
	}
	for (k = PLAN_NONE + 1; k < PLAN_KIND_COUNT; k++)
		json_object_set_new(restored, plan_kind_name((enum plan_kind)k),
				    json_integer((json_int_t)stats->restored[k]));
	return json_pack("{so so si sb sb}", "waiting", waiting, "restored", restored,
			 "missing", (int)stats->missing, "rp_filter", stats->strict, "guard",
			 stats->guarded);
}
