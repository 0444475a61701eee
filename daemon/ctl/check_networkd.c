/* check_networkd.c - whether systemd-networkd runs here, and would delete what is ours.
 *
 * Its configuration is read as systemd(1) does: networkd.conf of the first directory that has
 * one, then what lies in networkd.conf.d of all of them, by name, one name from the first
 * directory only.  The last assignment counts. */
#include <dirent.h>
#include <limits.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/check.h"

#define DROP_INS_MAX 256

static const char *const dirs[] = { "/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
				    "/usr/lib/systemd" };
#define DIRS (sizeof(dirs) / sizeof(dirs[0]))

struct manage {
	bool rules, routes; /* foreign ones are managed, which is to say deleted */
};

static bool is_no(const char *value, size_t len)
{
	static const char *const words[] = { "0", "no", "n", "false", "f", "off" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) == len && !strncasecmp(value, words[i], len))
			return true;
	}
	return false;
}

/* Blanks at both ends of [*at, *at + *len) taken off. */
static void trim(const char **at, size_t *len)
{
	while (*len && strchr(" \t\r", **at)) {
		++*at;
		--*len;
	}
	while (*len && strchr(" \t\r", (*at)[*len - 1]))
		--*len;
}

static bool is_word(const char *at, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(at, word, len);
}

static void read_text(const char *text, struct manage *m)
{
	bool network = false;
	const char *line, *next;

	for (line = text; *line; line = *next ? next + 1 : next) {
		const char *key = line, *value;
		size_t key_len, value_len;

		next = strchrnul(line, '\n');
		key_len = (size_t)(next - line);
		trim(&key, &key_len);
		if (key_len && *key == '[')
			network = is_word(key, key_len, "[Network]");
		value = memchr(key, '=', key_len);
		if (!network || !value)
			continue;
		value_len = key_len - (size_t)(value + 1 - key);
		key_len = (size_t)(value++ - key);
		trim(&key, &key_len);
		trim(&value, &value_len);
		if (is_word(key, key_len, "ManageForeignRoutingPolicyRules"))
			m->rules = !is_no(value, value_len);
		else if (is_word(key, key_len, "ManageForeignRoutes"))
			m->routes = !is_no(value, value_len);
	}
}

/* ---- files ---- */

struct drop_in {
	char name[NAME_MAX + 1];
	size_t dir;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct drop_in *)a)->name, ((const struct drop_in *)b)->name);
}

static size_t list_drop_ins(const struct checker *c, struct drop_in *v)
{
	char path[PATH_MAX];
	struct dirent *e;
	size_t i, k, n = 0;

	for (i = 0; i < DIRS; i++) {
		DIR *dir;

		snprintf(path, sizeof(path), "%s%s/networkd.conf.d", c->root, dirs[i]);
		dir = opendir(path);
		while (dir && n < DROP_INS_MAX && (e = readdir(dir))) {
			size_t len = strlen(e->d_name);

			if (len < 6 || strcmp(e->d_name + len - 5, ".conf") != 0)
				continue;
			for (k = 0; k < n && strcmp(v[k].name, e->d_name) != 0; k++)
				;
			if (k < n)
				continue;
			snprintf(v[n].name, sizeof(v[n].name), "%s", e->d_name);
			v[n++].dir = i;
		}
		if (dir)
			closedir(dir);
	}
	qsort(v, n, sizeof(*v), by_name);
	return n;
}

static bool read_configuration(struct checker *c, struct manage *m)
{
	struct drop_in *v = calloc(DROP_INS_MAX, sizeof(*v));
	struct check_file f;
	size_t i, n;

	if (!v) {
		c->failed = true;
		return false;
	}
	for (i = 0; i < DIRS; i++) {
		if (check_read(c, &f, "%s/networkd.conf", dirs[i])) {
			read_text(f.text, m);
			check_file_fini(&f);
			break;
		}
	}
	n = list_drop_ins(c, v);
	for (i = 0; i < n; i++) {
		if (check_read(c, &f, "%s/networkd.conf.d/%s", dirs[v[i].dir], v[i].name)) {
			read_text(f.text, m);
			check_file_fini(&f);
		}
	}
	free(v);
	return true;
}

static bool is_networkd(struct checker *c, long pid, void *arg)
{
	struct check_file f;
	bool *found = arg;

	if (!check_read(c, &f, "/proc/%ld/comm", pid))
		return true;
	/* The kernel keeps 15 letters of it. */
	*found |= !strcmp(f.text, "systemd-network\n");
	check_file_fini(&f);
	return !*found;
}

void check_networkd(struct checker *c)
{
	struct manage m = { true, true };
	bool runs = false;

	/* Of protocol kernel it takes nothing for its own. */
	if (!c->config->n_captures || c->config->steer.protocol == RTPROT_KERNEL)
		return;
	check_each_process(c, is_networkd, &runs);
	if (!runs || !read_configuration(c, &m) || (!m.rules && !m.routes))
		return;
	check_found(c, "systemd-networkd runs, and deletes %s%s%s of protocol %u",
		    m.rules ? "rules" : "", m.rules && m.routes ? " and " : "",
		    m.routes ? "routes" : "", c->config->steer.protocol);
	check_todo(c, "# in %s, [steer]: protocol = kernel", c->config->name);
	check_todo(c, "# or:");
	check_todo(c, "mkdir -p /etc/systemd/networkd.conf.d");
	check_todo(c, "printf '[Network]\\nManageForeignRoutes=no\\n"
		      "ManageForeignRoutingPolicyRules=no\\n' "
		      ">/etc/systemd/networkd.conf.d/ctfw.conf");
	check_todo(c, "systemctl restart systemd-networkd");
}
