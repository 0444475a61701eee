/* check_openvpn.c - client-to-client, of OpenVPN servers that run and those that may.
 *
 * Options are where openvpn(8) takes them from: its command line, the file of --config, and
 * files that one names by `config`.  A server that is to run is one that has a file where
 * distributions start them from.  What is another interface's is none of our business. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/check.h"

#define DEPTH_MAX 4   /* files named in files */
#define FILES_MAX 256 /* in all */
#define WORDS 3       /* of a line: as many as we look at */
#define WORD_MAX 512

struct server {
	bool client_to_client;
	char where[PATH_MAX]; /* the option was found in */
	char folder[PATH_MAX]; /* what relative names are relative to, as the operator knows it */
	char device[IFNAMSIZ];
};

struct walk {
	struct {
		dev_t dev;
		ino_t ino;
	} seen[FILES_MAX];
	size_t n;
};

/* ---- options ---- */

static void read_file(struct checker *c, struct walk *w, const char *base, const char *path,
		      struct server *s, int depth);

static void option(struct checker *c, struct walk *w, const char *base, const char *where,
		   char words[WORDS][WORD_MAX], struct server *s, int depth)
{
	if (!strcmp(words[0], "client-to-client")) {
		s->client_to_client = true;
		snprintf(s->where, sizeof(s->where), "%s", where);
	} else if (!strcmp(words[0], "dev")) {
		snprintf(s->device, sizeof(s->device), "%.*s", IFNAMSIZ - 1, words[1]);
	} else if (!strcmp(words[0], "config") && depth < DEPTH_MAX) {
		read_file(c, w, base, words[1], s, depth + 1);
	}
}

/* The next word of a line, quotes taken off; a comment ends it. */
static const char *next_word(const char *at, const char *end, char word[WORD_MAX])
{
	char quote = '\0';
	size_t n = 0;

	while (at < end && isspace((unsigned char)*at))
		at++;
	if (at < end && (*at == '#' || *at == ';'))
		at = end;
	for (; at < end && (quote || !isspace((unsigned char)*at)); at++) {
		if (*at == quote || (!quote && (*at == '"' || *at == '\'')))
			quote = quote ? '\0' : *at;
		else if (n + 1 < WORD_MAX)
			word[n++] = *at;
	}
	word[n] = '\0';
	return at;
}

static void read_file(struct checker *c, struct walk *w, const char *base, const char *path,
		      struct server *s, int depth)
{
	char words[WORDS][WORD_MAX], name[PATH_MAX];
	struct check_file f;
	const char *line, *next, *end;
	bool absolute = path[0] == '/';
	size_t i;
	int n;

	n = snprintf(name, sizeof(name), "%s%s%s", absolute ? "" : s->folder,
		     absolute || !s->folder[0] ? "" : "/", path);
	if (n < 0 || (size_t)n >= sizeof(name))
		return;
	if (!check_read(c, &f, "%s%s%s", absolute ? "" : base, absolute ? "" : "/", path))
		return;
	if (w->n < FILES_MAX) {
		w->seen[w->n].dev = f.dev;
		w->seen[w->n++].ino = f.ino;
	}
	end = f.text + f.len;
	for (line = f.text; line < end; line = next + 1) {
		const char *at = line;

		next = memchr(line, '\n', (size_t)(end - line));
		if (!next)
			next = end;
		for (i = 0; i < WORDS; i++)
			at = next_word(at, next, words[i]);
		option(c, w, base, name, words, s, depth);
	}
	check_file_fini(&f);
}

/* ---- which of them matter ---- */

static bool may_be_captured(const struct checker *c, const char *device)
{
	size_t i;

	if (check_capture(c, device))
		return true;
	/* "tun" and "tun7" become what OpenVPN makes; "tun" is whichever is free. */
	for (i = 0; (!*device || !strcmp(device, "tun") || !strcmp(device, "tap")) &&
		    i < c->config->n_captures;
	     i++) {
		const struct check_link *l =
			check_link_named(c, c->config->captures[i].ifname);

		if (!l || !strcmp(l->link.kind, "tun") || !strncmp(l->link.kind, "ovpn", 4))
			return true;
	}
	return false;
}

static void todo(struct checker *c, const struct server *s)
{
	check_todo(c, "# take client-to-client out of %s and restart OpenVPN: clients then reach "
		      "each other by way of the host, if the rules let them",
		   s->where);
}

static bool look_at_process(struct checker *c, long pid, void *arg)
{
	struct server s = { .client_to_client = false };
	char words[WORDS][WORD_MAX], base[64], where[64], link[PATH_MAX];
	struct check_file f;
	const char *at, *end;
	ssize_t n;

	if (!check_command_line(c, pid, "openvpn", &f))
		return true;
	snprintf(link, sizeof(link), "%s/proc/%ld/cwd", c->root, pid);
	n = readlink(link, s.folder, sizeof(s.folder) - 1);
	s.folder[n > 0 ? n : 0] = '\0';
	if (n < 0 && errno == EACCES)
		check_blind(c, "what files OpenVPN (process %ld) reads: %s", pid,
			    strerror(errno));
	snprintf(base, sizeof(base), "/proc/%ld/cwd", pid);
	snprintf(where, sizeof(where), "the command line of process %ld", pid);
	end = f.text + f.len;
	at = f.text + strlen(f.text) + 1;
	/* A file alone is short for --config. */
	if (at < end && *at != '-' && at + strlen(at) + 1 >= end)
		read_file(c, arg, base, at, &s, 0);
	for (; at < end; at += strlen(at) + 1) {
		const char *value = at + strlen(at) + 1;

		if (at[0] != '-' || at[1] != '-')
			continue;
		snprintf(words[0], WORD_MAX, "%s", at + 2);
		snprintf(words[1], WORD_MAX, "%s", value < end ? value : "");
		words[2][0] = '\0';
		option(c, arg, base, where, words, &s, 0);
	}
	check_file_fini(&f);
	if (s.client_to_client && may_be_captured(c, s.device)) {
		check_found(c, "OpenVPN (process %ld) has client-to-client, in %s", pid, s.where);
		todo(c, &s);
	}
	return true;
}

static bool was_seen(const struct walk *w, const struct check_file *f)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		if (w->seen[i].dev == f->dev && w->seen[i].ino == f->ino)
			return true;
	}
	return false;
}

/* What only root may read is not "nothing there". */
static bool is_shut(const struct checker *c, const char *path)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s%s", c->root, path);
	return access(name, R_OK) != 0 && errno == EACCES;
}

static void look_into(struct checker *c, struct walk *w, const char *folder)
{
	char path[PATH_MAX];
	struct check_file f;
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", c->root, folder);
	dir = opendir(path);
	if (!dir && errno == EACCES)
		check_blind(c, "servers that may run: %s: %s", folder, strerror(errno));
	while (dir && (e = readdir(dir)) && n++ < FILES_MAX) {
		struct server s = { .client_to_client = false };
		size_t len = strlen(e->d_name);
		bool seen;

		if (len < 6 || strcmp(e->d_name + len - 5, ".conf") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (is_shut(c, path))
			check_blind(c, "servers that may run: %s: %s", path, strerror(EACCES));
		if (!check_read(c, &f, "%s", path))
			continue;
		seen = was_seen(w, &f);
		check_file_fini(&f);
		if (seen)
			continue;
		snprintf(s.folder, sizeof(s.folder), "%s", folder);
		read_file(c, w, folder, path, &s, 0);
		if (s.client_to_client && may_be_captured(c, s.device)) {
			check_found(c, "%s, of an OpenVPN that does not run, has "
				       "client-to-client",
				    s.where);
			todo(c, &s);
		}
	}
	if (dir)
		closedir(dir);
}

void check_openvpn(struct checker *c)
{
	struct walk *w = calloc(1, sizeof(*w));

	if (!w) {
		c->failed = true;
		return;
	}
	check_each_process(c, look_at_process, w);
	look_into(c, w, "/etc/openvpn");
	look_into(c, w, "/etc/openvpn/server");
	free(w);
}
