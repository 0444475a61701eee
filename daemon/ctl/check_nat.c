/* check_nat.c - the kernel's NAT of captured networks.
 *
 * Asked of nft(8), whose listing has the rules of iptables-nft too.  What comes out of an out
 * port on its way to a client must be hidden from the kernel's conntrack, by notrack or in a
 * zone of its own; see ADDRESS TRANSLATION in ctfwd.conf(5). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ctl/check.h"
#include "ctl/check_nat.h"
#include "ctl/nftjson.h"

#define LISTING_MAX (64u << 20)
#define LISTING_SECONDS 10
#define CONNTRACK_PRIORITY (-200)

/* ---- nft's listing ---- */

static int start_nft(pid_t *ret_pid, int *ret_fd)
{
	char *argv[] = { "nft", "-j", "-t", "list", "ruleset", NULL };
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

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until its end.  -ETIMEDOUT, -EFBIG: too much of it. */
static int read_all(int fd, struct text *out)
{
	long end = now_ms() + LISTING_SECONDS * 1000L;
	char buf[65536];
	ssize_t n;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long left = end - now_ms();

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -ETIMEDOUT;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return n < 0 ? -errno : text_failed(out) ? -ENOMEM : 0;
		if (out->len + (size_t)n > LISTING_MAX)
			return -EFBIG;
		text_append(out, buf, (size_t)n);
	}
}

static int list_ruleset(json_t **ret_json)
{
	struct text out = TEXT_INIT;
	json_t *json;
	pid_t pid;
	int fd = -1, err, status;

	err = start_nft(&pid, &fd);
	if (err)
		return err;
	err = read_all(fd, &out);
	close(fd);
	if (err)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!err && status)
		err = -EPERM;
	json = err ? NULL : json_loads(text_str(&out), 0, NULL);
	if (!err && !json)
		err = -EBADMSG;
	text_fini(&out);
	if (!err)
		*ret_json = json;
	return err;
}

/* ---- what it says ---- */

static bool has_family(const json_t *rule, uint8_t l3)
{
	const char *family = json_string_value(json_object_get(rule, "family"));

	return family && (!strcmp(family, "inet") ||
			  !strcmp(family, l3 == L3_IPV4 ? "ip" : "ip6"));
}

/* A target of iptables that nft has no words for. */
static bool has_target(const json_t *rule, const char *name)
{
	const json_t *xt = nftjson_statement(rule, "xt");
	const char *text = json_string_value(json_object_get(xt, "name"));

	return text && !strcmp(text, name);
}

static bool translates(const json_t *rule, const struct prefix *network)
{
	if (!nftjson_statement(rule, "masquerade") && !nftjson_statement(rule, "snat") &&
	    !has_target(rule, "MASQUERADE") && !has_target(rule, "SNAT"))
		return false;
	return has_family(rule, network->family) &&
	       nftjson_rule_prefix(rule, "saddr", network) != PART_NONE;
}

static bool sets_zone(const json_t *rule)
{
	const json_t *mangle = nftjson_statement(rule, "mangle");
	const json_t *ct = json_object_get(json_object_get(mangle, "key"), "ct");
	const char *key = json_string_value(json_object_get(ct, "key"));

	return key && !strcmp(key, "zone");
}

/* Before conntrack; of a chain that others jump to it is not known. */
static bool comes_first(const json_t *ruleset, const json_t *rule)
{
	const json_t *chain = nftjson_chain(ruleset, rule);
	const char *hook = json_string_value(json_object_get(chain, "hook"));

	return !hook || (!strcmp(hook, "prerouting") &&
			 json_integer_value(json_object_get(chain, "prio")) <
				 CONNTRACK_PRIORITY);
}

static bool hides(const json_t *ruleset, const json_t *rule, const char *out_name,
		  const struct prefix *network)
{
	bool asked;

	if (!nftjson_statement(rule, "notrack") && !sets_zone(rule) && !has_target(rule, "CT"))
		return false;
	return has_family(rule, network->family) &&
	       nftjson_rule_meta(rule, "iifname", "iif", out_name, &asked) != PART_NONE &&
	       asked && nftjson_rule_prefix(rule, "daddr", network) == PART_ALL &&
	       comes_first(ruleset, rule);
}

const json_t *check_nat_find(const json_t *ruleset, const char *out_name,
			     const struct prefix *network)
{
	const json_t *rule, *found = NULL;
	size_t at = 0;

	while (!found && (rule = nftjson_next_rule(ruleset, &at))) {
		if (translates(rule, network))
			found = rule;
	}
	at = 0;
	while (found && (rule = nftjson_next_rule(ruleset, &at))) {
		if (hides(ruleset, rule, out_name, network))
			return NULL;
	}
	return found;
}

static const char *word(const json_t *rule, const char *key)
{
	const char *text = json_string_value(json_object_get(rule, key));

	return text ? text : "?";
}

static void look_at(struct checker *c, const json_t *ruleset, const struct config_capture *cap)
{
	const json_t *rule, *first = NULL;
	char net[PREFIX_TEXT];
	size_t i;

	for (i = 0; i < cap->networks.n; i++) {
		const struct prefix *network = &cap->networks.p[i];

		rule = check_nat_find(ruleset, cap->out_name, network);
		if (!rule)
			continue;
		if (!first) {
			check_found(c, "the kernel translates addresses of %s (%s %s, chain %s), "
				       "and tracks what comes out of %s",
				    prefix_print(network, net), word(rule, "family"),
				    word(rule, "table"), word(rule, "chain"), cap->out_name);
			check_todo(c, "nft add table inet ctfw-notrack");
			check_todo(c, "nft add chain inet ctfw-notrack raw "
				      "'{ type filter hook prerouting priority raw; }'");
		}
		first = rule;
		check_todo(c, "nft add rule inet ctfw-notrack raw iifname \"%s\" %s daddr %s "
			      "notrack",
			   cap->out_name, network->family == L3_IPV4 ? "ip" : "ip6",
			   prefix_print(network, net));
	}
}

/* The old iptables' tables are in no listing of nft's. */
static bool has_legacy_nat(const struct checker *c)
{
	static const char *const lists[] = { "ip_tables_names", "ip6_tables_names" };
	struct check_file f;
	bool found = false;
	size_t i;

	for (i = 0; i < 2; i++) {
		if (check_read(c, &f, "/proc/net/%s", lists[i])) {
			found |= !strncmp(f.text, "nat\n", 4) || strstr(f.text, "\nnat\n");
			check_file_fini(&f);
		}
	}
	return found;
}

void check_masquerade(struct checker *c)
{
	json_t *ruleset = NULL;
	size_t i;
	int err;

	if (!c->config->n_captures)
		return;
	err = list_ruleset(&ruleset);
	if (err == -ENOENT)
		check_blind(c, "the kernel's NAT: there is no nft(8) to list it");
	else if (err == -EPERM)
		check_blind(c, "the kernel's NAT: only root may list it");
	else if (err)
		check_blind(c, "the kernel's NAT: nft(8): %s", strerror(-err));
	for (i = 0; ruleset && i < c->config->n_captures; i++)
		look_at(c, ruleset, &c->config->captures[i]);
	json_decref(ruleset);
	if (has_legacy_nat(c))
		check_blind(c, "the kernel's NAT by iptables-legacy");
}
