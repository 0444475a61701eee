/* check_kernel.c - the kernel's own rules, as nft(8) lists them.
 *
 * Its listing has the rules of iptables-nft too.  It is asked for once, without the elements
 * of sets, of which there may be millions.  Rules of the old iptables are put behind it: see
 * check_legacy.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctfw/hostclock.h"
#include "ctl/check.h"
#include "ctl/check_legacy.h"

#define LISTING_MAX (64u << 20)
#define LISTING_SECONDS 10

static int start(char *const argv[], pid_t *ret_pid, int *ret_fd)
{
	posix_spawn_file_actions_t actions;
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	err = -posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (err)
		close(fds[0]);
	else
		*ret_fd = fds[0];
	return err;
}

/* Until its end.  -ETIMEDOUT, -EFBIG: too much of it. */
static int read_all(int fd, struct text *out)
{
	uint64_t end = hostclock_mono() + LISTING_SECONDS * NSEC_PER_SEC;
	char buf[65536];
	ssize_t n;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = hostclock_mono();

		if (now >= end || poll(&p, 1, (int)((end - now) / NSEC_PER_MSEC)) == 0)
			return -ETIMEDOUT;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return n < 0 ? -errno : text_failed(out) ? -ENOMEM : 0;
		if (out->len + (size_t)n > LISTING_MAX)
			return -EFBIG;
		text_append(out, buf, (size_t)n);
	}
}

/* What a program says.  -EPERM: it failed. */
static int listen_to(char *const argv[], struct text *out)
{
	pid_t pid;
	int fd = -1, err, status;

	err = start(argv, &pid, &fd);
	if (err)
		return err;
	err = read_all(fd, out);
	close(fd);
	if (err)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !err && status ? -EPERM : err;
}

static int list_ruleset(json_t **ret_json)
{
	char *argv[] = { "nft", "-j", "-t", "list", "ruleset", NULL };
	struct text out = TEXT_INIT;
	int err = listen_to(argv, &out);
	json_t *json = err ? NULL : json_loads(text_str(&out), 0, NULL);

	if (!err && !json)
		err = -EBADMSG;
	text_fini(&out);
	if (!err)
		*ret_json = json;
	return err;
}

/* ---- the old iptables ---- */

/* Whether it has that table here, or any for NULL; the kernel makes them when they are used. */
static bool has_legacy(struct checker *c, bool v6, const char *table)
{
	struct check_file f;
	bool found = false;
	char *name, *rest;

	if (!check_read(c, &f, "/proc/net/%s", v6 ? "ip6_tables_names" : "ip_tables_names"))
		return false;
	for (name = strtok_r(f.text, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
		found |= !table || !strcmp(name, table);
	check_file_fini(&f);
	return found;
}

static void read_legacy(struct checker *c, bool v6)
{
	char *argv[] = { v6 ? "ip6tables-legacy-save" : "iptables-legacy-save", NULL };
	struct text out = TEXT_INIT;

	if (has_legacy(c, v6, NULL) && !listen_to(argv, &out)) {
		if (!c->kernel.rules)
			c->kernel.rules = json_pack("{s:[]}", "nftables");
		check_legacy_read(text_str(&out), v6,
				  json_object_get(c->kernel.rules, "nftables"));
		c->kernel.legacy[v6] = true;
	}
	text_fini(&out);
}

const json_t *check_kernel_rules(struct checker *c)
{
	int err;

	if (c->kernel.asked)
		return c->kernel.rules;
	c->kernel.asked = true;
	err = list_ruleset(&c->kernel.rules);
	if (err == -ENOENT)
		check_blind(c, "the kernel's rules: there is no nft(8) to list them");
	else if (err == -EPERM && geteuid() != 0)
		check_blind(c, "the kernel's rules: only root may list them");
	else if (err == -EPERM)
		check_blind(c, "the kernel's rules: \"nft -j list ruleset\" fails");
	else if (err)
		check_blind(c, "the kernel's rules: nft(8): %s", strerror(-err));
	read_legacy(c, false);
	read_legacy(c, true);
	return c->kernel.rules;
}

void check_legacy(struct checker *c, const char *table)
{
	if ((c->kernel.legacy[false] || !has_legacy(c, false, table)) &&
	    (c->kernel.legacy[true] || !has_legacy(c, true, table)))
		return;
	check_blind(c, "rules of iptables-legacy in its table %s", table);
	check_todo(c, "# to see them: iptables-legacy-save -t %s; ip6tables-legacy-save -t %s",
		   table, table);
}
