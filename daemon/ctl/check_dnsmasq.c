/* check_dnsmasq.c - dnsmasq(8) that serves a captured interface by its name.
 *
 * Unless it binds to addresses, it listens to all and drops what came in by an interface that
 * it was not told; what clients send comes in by the in port.  Such a socket cannot be told
 * from others by what the kernel says of it, so the options are read where dnsmasq takes them
 * from: its command line, /etc/dnsmasq.conf or what --conf-file names in its place, and files
 * and directories that these name. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/check.h"

#define DEPTH_MAX 4   /* files named in files */
#define NAMES_MAX 64  /* interfaces */
#define FILES_MAX 256 /* of a directory */

struct server {
	struct checker *checker;
	long pid;
	char names[NAMES_MAX][IFNAMSIZ + 1]; /* with a '*' at the end, perhaps */
	size_t n;
	bool binds;     /* to addresses */
	bool has_file;  /* --conf-file: the usual one is not read */
	bool listens[NAMES_MAX]; /* at the host's address at that capture */
};

static void read_file(struct server *s, const char *path, int depth);

/* ---- options ---- */

static void add_name(struct server *s, const char *name)
{
	if (s->n < NAMES_MAX)
		snprintf(s->names[s->n++], sizeof(s->names[0]), "%s", name);
}

static void add_address(struct server *s, const char *text)
{
	const struct checker *c = s->checker;
	const struct check_address *a;
	const struct check_link *l;
	uint8_t family;
	union addr addr;
	size_t i;

	if (addr_parse(text, &family, &addr))
		return;
	for (i = 0; i < c->config->n_captures && i < NAMES_MAX; i++) {
		l = check_link_named(c, c->config->captures[i].ifname);
		for (a = NULL; l && (a = check_next_address(c, l->link.index, a));)
			s->listens[i] |= a->family == family &&
					 !memcmp(&a->addr, &addr, addr_bits(family) / 8);
	}
}

/* A list with commas, which is cut up. */
static void each_word(struct server *s, char *list,
		      void (*each)(struct server *s, const char *word))
{
	char *word, *rest;

	for (word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
		each(s, word);
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), len = strlen(end);

	return n >= len && !strcmp(name + n - len, end);
}

/* "DIRECTORY,.EXT,*.EXT": but those that end so, or only those. */
static bool is_read(const char *name, const char *endings)
{
	bool only = strstr(endings, ",*"), wanted = !only;
	char list[PATH_MAX], *word, *rest;

	if (name[0] == '.' || name[0] == '#' || ends_with(name, "~"))
		return false;
	snprintf(list, sizeof(list), "%s", endings);
	for (word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (word[0] == '*')
			wanted |= ends_with(name, word + 1);
		else if (ends_with(name, word))
			return false;
	}
	return wanted;
}

static void read_directory(struct server *s, const char *value, int depth)
{
	char folder[PATH_MAX], path[PATH_MAX];
	const char *endings = strchrnul(value, ',');
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%.*s", (int)(endings - value), value);
	snprintf(path, sizeof(path), "%s%s", s->checker->root, folder);
	dir = opendir(path);
	while (dir && (e = readdir(dir)) && n++ < FILES_MAX) {
		if (is_read(e->d_name, endings) &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) <
			    sizeof(path))
			read_file(s, path, depth);
	}
	if (dir)
		closedir(dir);
}

static const struct {
	const char *name;
	char letter;
} options[] = {
	{ "interface", 'i' },	   { "listen-address", 'a' }, { "bind-interfaces", 'z' },
	{ "conf-file", 'C' },	   { "conf-dir", '7' },
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

static void take(struct server *s, char letter, char *value, int depth)
{
	switch (letter) {
	case 'i':
		each_word(s, value, add_name);
		break;
	case 'a':
		each_word(s, value, add_address);
		break;
	case 'z':
		s->binds = true;
		break;
	case 'C':
		s->has_file |= depth == 0;
		if (depth < DEPTH_MAX)
			read_file(s, value, depth + 1);
		break;
	case '7':
		if (depth < DEPTH_MAX)
			read_directory(s, value, depth + 1);
		break;
	}
}

/* The letter of a long option, or 0. */
static char letter_of(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < N_OPTIONS; i++) {
		if (strlen(options[i].name) == len && !memcmp(options[i].name, name, len))
			return options[i].letter;
	}
	return 0;
}

/* A line: "name", "name=value", with blanks anywhere, and a comment. */
static void take_line(struct server *s, char *line, int depth)
{
	static const char blanks[] = " \t\r";
	char *value, *end;
	size_t len;

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, blanks);
	len = strcspn(line, " \t\r=");
	value = line + len + strspn(line + len, " \t\r=");
	for (end = value + strlen(value); end > value && strchr(blanks, end[-1]);)
		*--end = '\0';
	take(s, letter_of(line, len), value, depth);
}

static void read_file(struct server *s, const char *path, int depth)
{
	struct check_file f;
	char *line, *rest;

	if (path[0] != '/' || !check_read(s->checker, &f, "%s", path))
		return;
	for (line = strtok_r(f.text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(s, line, depth);
	check_file_fini(&f);
}

static void read_arguments(struct server *s, const struct check_file *f)
{
	char *end = f->text + f->len, *at, *next, *value;
	char letter;

	for (at = f->text + strlen(f->text) + 1; at < end; at = next) {
		next = at + strlen(at) + 1;
		if (at[0] == '-' && at[1] == '-') {
			value = strchrnul(at, '=');
			letter = letter_of(at + 2, (size_t)(value - at) - 2);
			value += *value == '=';
		} else {
			letter = at[0] == '-' ? at[1] : '\0';
			value = letter ? at + 2 : at;
		}
		/* Behind it, as a word of its own. */
		if (!*value && letter && strchr("iaC7", letter) && next < end) {
			value = next;
			next += strlen(next) + 1;
		}
		take(s, letter, value, 0);
	}
}

/* ---- what follows ---- */

static bool is_named(const struct server *s, const char *ifname)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		const char *name = s->names[i];
		size_t len = strlen(name);

		if (len && name[len - 1] == '*' ? !strncmp(ifname, name, len - 1) :
						  !strcmp(ifname, name))
			return true;
	}
	return false;
}

static void tell(struct checker *c, const struct server *s, const struct config_capture *cap)
{
	const struct check_link *l = check_link_named(c, cap->ifname);
	const struct check_address *a = l ? check_next_address(c, l->link.index, NULL) : NULL;
	char addr[ADDR_TEXT];

	check_found(c, "dnsmasq (process %ld) has interface=%s, and answers nobody behind it",
		    s->pid, cap->ifname);
	check_todo(c, "# in its configuration, in the place of interface=%s: listen-address=%s",
		   cap->ifname, a ? addr_print(a->family, &a->addr, addr) : "ADDRESS");
	check_todo(c, "# or, without bind-dynamic, beside it: interface=%s", cap->in_name);
}

static bool look_at_process(struct checker *c, long pid, void *arg)
{
	struct server *s = arg;
	struct check_file f;
	size_t i;

	if (!check_command_line(c, pid, "dnsmasq", &f))
		return true;
	*s = (struct server){ .checker = c, .pid = pid };
	read_arguments(s, &f);
	check_file_fini(&f);
	if (!s->has_file)
		read_file(s, "/etc/dnsmasq.conf", 1);
	for (i = 0; !s->binds && i < c->config->n_captures; i++) {
		const struct config_capture *cap = &c->config->captures[i];

		if (is_named(s, cap->ifname) && !is_named(s, cap->in_name) &&
		    !(i < NAMES_MAX && s->listens[i]))
			tell(c, s, cap);
	}
	return true;
}

void check_dnsmasq(struct checker *c)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s) {
		c->failed = true;
		return;
	}
	check_each_process(c, look_at_process, s);
	free(s);
}
