/* config.c - ctfwd.conf: text to struct config.
 *
 * inih does the lines.  It does not tell where in a line something stands, cuts long lines
 * in two and passes over much in silence; so the lines are handed to it one by one
 * (next_line()), which is where sections are seen, and the handler finds key and value in
 * the line at hand again to point at them.
 *
 * All errors of a file are collected, since an operator would like to mend them at once. */
#include "ctfw/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_table.h"
#include "ctfw/regular.h"

#define FILE_MAX (1u << 20)

struct parser {
	struct config *config;
	struct source source;
	struct diag *d;
	uint32_t next;        /* offset of the next line */
	struct span line;     /* the line at hand, without its newline */
	enum config_section section;
	size_t index;         /* of a named section */
	struct span place[SECTION_COUNT][CONFIG_PORTS_MAX]; /* names of these */
	bool skip;            /* the section is wrong: its keys are passed over */
	const struct option_row *last; /* the option that a continuation line belongs to */
	/* What was set already, to find it twice: a bit a row for this section, a bit a
	 * section for those without names. */
	uint8_t *seen;
	unsigned seen_sections;
	int err;
};

/* ---- spans ---- */

static struct span span_at(const struct parser *p, const char *s, size_t len)
{
	return (struct span){ &p->source, (uint32_t)(s - p->source.text), (uint32_t)len };
}

static const char *line_text(const struct parser *p)
{
	return p->source.text + p->line.off;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Shrink to what lies between blanks. */
static struct span trimmed(const struct parser *p, struct span s)
{
	const char *text = p->source.text;

	while (s.len && is_space(text[s.off])) {
		s.off++;
		s.len--;
	}
	while (s.len && is_space(text[s.off + s.len - 1]))
		s.len--;
	return s;
}

/* A copy of the text in a span. */
static void span_text(const struct parser *p, struct span s, char *buf, size_t size)
{
	size_t len = s.len < size - 1 ? s.len : size - 1;

	memcpy(buf, p->source.text + s.off, len);
	buf[len] = '\0';
}

/* ---- sections ---- */

static void set_defaults(struct parser *p)
{
	void *base = section_struct(p->config, p->section, p->index);
	struct span nowhere = { &p->source, 0, 0 };
	size_t i;

	for (i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->section != p->section || !row->default_value[0])
			continue;
		config_value_parse(row->type, row->range, row->default_value, &nowhere, false,
				   (char *)base + row->offset, p->d);
	}
}

static void unknown_section(struct parser *p, struct span at, const char *name)
{
	const char *candidates[SECTION_COUNT + 1];
	const char *near;
	size_t n = 0;
	int s;

	for (s = SECTION_NONE + 1; s < SECTION_COUNT; s++)
		candidates[n++] = config_section_name((enum config_section)s);
	candidates[n] = NULL;
	diag_error(p->d, &at, "unknown section [%s]", name);
	near = suggest(name, strlen(name), candidates);
	if (near)
		diag_hint(p->d, "did you mean [%s]?", near);
	else
		diag_hint(
			p->d,
			"sections are daemon, capture IFACE, tun NAME, steer, conntrack, "
			"fragments, log");
}

static bool name_in_use(const struct config *c, enum config_section s, const char *name)
{
	size_t i;

	for (i = 0; s == SECTION_capture && i < c->n_captures; i++) {
		if (!strcmp(c->captures[i].ifname, name))
			return true;
	}
	for (i = 0; s == SECTION_tun && i < c->n_tuns; i++) {
		if (!strcmp(c->tuns[i].ifname, name))
			return true;
	}
	return false;
}

/* One more struct for a named section; zeroed. */
static int grow(struct config *c, enum config_section s, size_t *ret_index)
{
	if (s == SECTION_capture) {
		struct config_capture *grown =
			reallocarray(c->captures, c->n_captures + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(&grown[c->n_captures], 0, sizeof(*grown));
		c->captures = grown;
		*ret_index = c->n_captures++;
	} else {
		struct config_tun *grown = reallocarray(c->tuns, c->n_tuns + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(&grown[c->n_tuns], 0, sizeof(*grown));
		c->tuns = grown;
		*ret_index = c->n_tuns++;
	}
	return 0;
}

/* [capture IFACE] or [tun NAME]; at lies on the name. */
static bool begin_named(struct parser *p, enum config_section s, struct span at)
{
	char name[64], ifname[IFNAMSIZ];

	span_text(p, at, name, sizeof(name));
	if (!name[0]) {
		diag_error(p->d, &at, "[%s] needs the name of an interface: [%s %s]",
			   config_section_name(s), config_section_name(s),
			   s == SECTION_capture ? "wg0" : "ctfw0");
		return false;
	}
	if (config_value_parse(TYPE_IFACE, (struct config_range){ 0, 0 }, name, &at, false,
			       ifname, p->d) < 0)
		return false;
	if (name_in_use(p->config, s, ifname)) {
		diag_error(p->d, &at, "there are two sections [%s %s]", config_section_name(s),
			   ifname);
		return false;
	}
	if (p->config->n_captures * 2 + p->config->n_tuns + (s == SECTION_capture) >=
	    CONFIG_PORTS_MAX) {
		diag_error(p->d, &at, "more than %d TUNs; a [capture] has two",
			   CONFIG_PORTS_MAX);
		return false;
	}
	p->err = grow(p->config, s, &p->index);
	if (p->err < 0)
		return false;
	p->section = s;
	p->place[s][p->index] = at;
	set_defaults(p);
	if (s == SECTION_capture)
		memcpy(p->config->captures[p->index].ifname, ifname, IFNAMSIZ);
	else
		memcpy(p->config->tuns[p->index].ifname, ifname, IFNAMSIZ);
	return true;
}

static bool begin_plain(struct parser *p, enum config_section s, struct span at,
			struct span rest)
{
	if (rest.len) {
		diag_error(p->d, &rest, "[%s] takes no name", config_section_name(s));
		return false;
	}
	if (p->seen_sections & 1u << s) {
		diag_error(p->d, &at, "there are two sections [%s]", config_section_name(s));
		return false;
	}
	p->seen_sections |= 1u << s;
	p->section = s;
	p->index = 0;
	return true;
}

/* inside lies on what is between the brackets. */
static bool begin_section(struct parser *p, struct span inside)
{
	struct span word = inside, rest;
	char name[64];
	int s;

	word.len = 0;
	while (word.len < inside.len && !is_space(p->source.text[word.off + word.len]))
		word.len++;
	rest = trimmed(p,
		       (struct span){ &p->source, word.off + word.len, inside.len - word.len });
	span_text(p, word, name, sizeof(name));
	for (s = SECTION_NONE + 1; s < SECTION_COUNT; s++) {
		if (strcmp(config_section_name((enum config_section)s), name) != 0)
			continue;
		if (section_is_named((enum config_section)s))
			return begin_named(p, (enum config_section)s, rest);
		return begin_plain(p, (enum config_section)s, inside, rest);
	}
	unknown_section(p, word, name);
	return false;
}

/* A line that inih will take for a section. */
static void section_line(struct parser *p, struct span line)
{
	const char *s = p->source.text + line.off;
	const char *end = memchr(s, ']', line.len);
	struct span inside, rest;

	p->last = NULL;
	p->skip = true;
	memset(p->seen, 0, option_row_count);
	if (!end) {
		diag_error(p->d, &line, "there is no \"]\" behind the name of the section");
		return;
	}
	inside = trimmed(p, span_at(p, s + 1, (size_t)(end - s - 1)));
	rest = trimmed(p, span_at(p, end + 1, line.len - (size_t)(end - s) - 1));
	if (rest.len && p->source.text[rest.off] != ';' && p->source.text[rest.off] != '#') {
		diag_error(p->d, &rest, "nothing may stand behind a section's name");
		return;
	}
	p->skip = !begin_section(p, inside);
}

/* ---- keys and values ---- */

static void unknown_key(struct parser *p, struct span at, const char *key)
{
	const char *candidates[64], *near;
	size_t i, n = 0;
	int s;

	if (!at.len) {
		at = p->line;
		diag_error(p->d, &at, "there is no name in front of the \"=\"");
		return;
	}
	for (i = 0; i < option_row_count && n < 63; i++) {
		if (option_rows[i].section == p->section)
			candidates[n++] = option_rows[i].key;
	}
	candidates[n] = NULL;
	diag_error(p->d, &at, "unknown option \"%s\" in [%s]", key,
		   config_section_name(p->section));
	near = suggest(key, strlen(key), candidates);
	if (near)
		diag_hint(p->d, "did you mean \"%s\"?", near);
	for (s = SECTION_NONE + 1; !near && s < SECTION_COUNT; s++) {
		if (option_find((enum config_section)s, key))
			diag_hint(p->d, "\"%s\" belongs to [%s]", key,
				  config_section_name((enum config_section)s));
	}
}

/* Where the value stands in the line: behind the first "=" or ":", or for a further line
 * of a list at its beginning. */
static struct span value_span(const struct parser *p, bool more, const char *value)
{
	const char *line = line_text(p);
	size_t skip = 0, len = strlen(value);
	struct span s;

	if (!more)
		while (skip < p->line.len && line[skip] != '=' && line[skip] != ':')
			skip++;
	skip += !more;
	if (skip > p->line.len)
		skip = p->line.len;
	s = trimmed(p, span_at(p, line + skip, p->line.len - skip));
	if (s.len > len)
		s.len = (uint32_t)len;
	return s;
}

static void take(struct parser *p, const struct option_row *row, const char *text, bool more)
{
	void *member = (char *)section_struct(p->config, p->section, p->index) + row->offset;
	struct span at = value_span(p, more, text);
	char *value = strdup(text), *comment;
	int err;

	if (!value) {
		p->err = -ENOMEM;
		return;
	}
	/* inih leaves comments in continuation lines. */
	comment = more ? strstr(value, " ;") : NULL;
	if (comment) {
		*comment = '\0';
		at.len = (uint32_t)strlen(value);
	}
	err = config_value_parse(row->type, row->range, value, &at, more, member, p->d);
	free(value);
	if (err < 0 && err != -EINVAL)
		p->err = err;
	else if (err < 0 && strchr(text, '#'))
		diag_hint(p->d, "a comment behind a value begins with \" ;\"");
}

/* An indented line goes on with the value above it. */
static bool is_continuation(const struct parser *p, const char *key)
{
	return p->last && is_space(*line_text(p)) && !strncmp(key, p->last->key, strlen(key)) &&
	       strlen(key) >= (strlen(p->last->key) < 49 ? strlen(p->last->key) : 49);
}

static int handler(void *arg, const char *section, const char *key, const char *value)
{
	struct parser *p = arg;
	struct span at = trimmed(p, p->line);
	const struct option_row *row;

	(void)section;
	if (p->skip || p->err)
		return 1;
	if (is_continuation(p, key)) {
		if (config_value_is_list(p->last->type))
			take(p, p->last, value, true);
		else
			diag_error(
				p->d, &at,
				"an indented line goes on with the value of \"%s\", which has "
				"one word only",
				p->last->key);
		return 1;
	}
	at.len = (uint32_t)strlen(key);
	if (p->section == SECTION_NONE) {
		diag_error(p->d, &at, "\"%s\" stands before the first [section]", key);
		return 1;
	}
	row = option_find(p->section, key);
	if (!row) {
		p->last = NULL;
		unknown_key(p, at, key);
		return 1;
	}
	p->last = row;
	if (p->seen[row - option_rows]++)
		diag_error(p->d, &at, "\"%s\" is set twice", key);
	else
		take(p, row, value, false);
	return 1;
}

/* ---- lines ---- */

/* inih would stop at the first; the others matter as well. */
static bool is_statement(const struct parser *p, struct span line)
{
	const char *s = p->source.text + line.off;

	return memchr(s, '=', line.len) || memchr(s, ':', line.len);
}

/* Look at the line before inih does. */
static void see_line(struct parser *p)
{
	struct span line = trimmed(p, p->line);
	const char *s = p->source.text + line.off;
	bool indented = line.off > p->line.off;

	if (!line.len || *s == ';' || *s == '#' || (indented && p->last))
		return;
	if (*s == '[')
		section_line(p, line);
	else if (!is_statement(p, line) && !p->skip)
		diag_error(p->d, &line, "expected [section] or option = value");
}

/* inih's reader, as fgets().  What inih must not see becomes an empty line. */
static char *next_line(char *buf, int size, void *arg)
{
	struct parser *p = arg;
	const char *s = p->source.text + p->next, *end;
	size_t len, left = p->source.len - p->next;

	if (!left || p->err)
		return NULL;
	end = memchr(s, '\n', left);
	len = end ? (size_t)(end - s) : left;
	p->line = span_at(p, s, len);
	p->next += (uint32_t)len + (end != NULL);
	if (memchr(s, '\0', len)) {
		diag_error(p->d, &p->line, "there is a NUL byte in this line");
		len = 0;
	} else if (len + 2 > (size_t)size) {
		diag_error(p->d, &p->line, "this line is longer than %d bytes", size - 2);
		diag_hint(p->d, "a list may go on in the next line, which must be indented");
		len = 0;
	} else {
		see_line(p);
	}
	memcpy(buf, s, len);
	buf[len] = '\n';
	buf[len + 1] = '\0';
	return buf;
}

/* ---- the whole ---- */

static void derive_name(struct parser *p, size_t i, const char *suffix, const char *option,
			char *name)
{
	const char *ifname = p->config->captures[i].ifname;
	size_t len = strlen(ifname), more = strlen(suffix);

	if (name[0])
		return;
	if (len + more >= IFNAMSIZ) {
		diag_error(p->d, &p->place[SECTION_capture][i],
			   "\"%s%s\" is too long for the name of an interface", ifname, suffix);
		diag_hint(p->d, "set %s, to 15 characters at most", option);
		return;
	}
	memcpy(name, ifname, len);
	memcpy(name + len, suffix, more);
}

/* No two TUNs have one name, and none that of a captured interface. */
static void check_port_names(struct parser *p)
{
	const struct config *c = p->config;
	const char *names[CONFIG_PORTS_MAX];
	struct span at[CONFIG_PORTS_MAX];
	size_t i, j, n = 0;

	for (i = 0; i < c->n_captures; i++) {
		at[n] = p->place[SECTION_capture][i];
		names[n++] = c->captures[i].in_name;
		at[n] = p->place[SECTION_capture][i];
		names[n++] = c->captures[i].out_name;
	}
	for (i = 0; i < c->n_tuns; i++) {
		at[n] = p->place[SECTION_tun][i];
		names[n++] = c->tuns[i].ifname;
	}
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++) {
			/* None where a name was too long. */
			if (names[i][0] && !strcmp(names[i], names[j]))
				diag_error(p->d, &at[i], "two TUNs are called \"%s\"",
					   names[i]);
		}
		for (j = 0; j < c->n_captures; j++) {
			if (!strcmp(names[i], c->captures[j].ifname))
				diag_error(p->d, &at[i],
					   "a TUN cannot have the name of the captured "
					   "interface \"%s\"",
					   names[i]);
		}
	}
}

static void default_socket(struct parser *p)
{
	struct config_daemon *daemon = &p->config->daemon;

	if (daemon->control_socket[0])
		return;
	if (strlen(daemon->runtime_directory) + sizeof("/ctfwd.sock") > CONFIG_PATH_MAX) {
		diag_error(p->d, NULL, "%s: the path of the runtime directory is too long",
			   p->source.name);
		return;
	}
	strcat(strcpy(daemon->control_socket, daemon->runtime_directory), "/ctfwd.sock");
}

/* What the host sends comes in by lo, for rules of routing. */
static void refuse_loopback(struct parser *p)
{
	size_t i;

	for (i = 0; i < p->config->n_captures; i++) {
		if (strcmp(p->config->captures[i].ifname, "lo") != 0)
			continue;
		diag_error(p->d, &p->place[SECTION_capture][i],
			   "lo cannot be captured: to close it would cut off the whole host");
	}
}

/* What follows from other options, and what only the whole can show. */
static void finish(struct parser *p)
{
	struct config *c = p->config;
	size_t i;

	default_socket(p);
	for (i = 0; i < c->n_captures; i++) {
		if (!c->captures[i].networks.n) {
			diag_error(p->d, &p->place[SECTION_capture][i],
				   "[capture %s] does not say which networks are behind it",
				   c->captures[i].ifname);
			diag_hint(p->d, "add a line such as: networks = 10.8.0.0/24 fd08::/64");
		}
		derive_name(p, i, "-in", "in-name", c->captures[i].in_name);
		derive_name(p, i, "-out", "out-name", c->captures[i].out_name);
	}
	for (i = 0; i < c->n_tuns; i++) {
		if (!c->tuns[i].interface[0])
			memcpy(c->tuns[i].interface, c->tuns[i].ifname, IFNAMSIZ);
	}
	check_port_names(p);
	refuse_loopback(p);
}

static void parse_lines(struct parser *p)
{
	unsigned before = p->d->errors;
	int s, line;

	for (s = SECTION_NONE + 1; s < SECTION_COUNT; s++) {
		p->section = (enum config_section)s;
		if (!section_is_named(p->section))
			set_defaults(p);
	}
	p->section = SECTION_NONE;
	line = ini_parse_stream(next_line, p, handler, p);
	/* next_line() has said what is wrong with a line that inih refuses. */
	if (line > 0 && !p->err && p->d->errors == before)
		diag_error(p->d, NULL, "%s:%d: expected [section] or option = value",
			   p->source.name, line);
	else if (line < 0)
		p->err = -ENOMEM;
	if (!p->err && p->d->errors == before)
		finish(p);
}

int config_parse(const char *name, const char *text, size_t len, struct diag *d,
		 struct config **ret_config)
{
	struct parser p = { .d = d };
	unsigned before = d->errors;

	p.config = calloc(1, sizeof(*p.config));
	p.seen = calloc(option_row_count, 1);
	p.source.name = strdup(name);
	p.source.text = malloc(len + 1);
	p.source.len = len;
	if (!p.config || !p.seen || !p.source.name || !p.source.text) {
		p.err = -ENOMEM;
		goto out;
	}
	memcpy(p.source.text, text, len);
	p.source.text[len] = '\0';
	strncpy(p.config->name, name, sizeof(p.config->name) - 1);
	parse_lines(&p);
	if (!p.err && d->errors != before)
		p.err = -EINVAL;
out:
	free(p.source.name);
	free(p.source.text);
	free(p.seen);
	if (p.err)
		config_free(p.config);
	else
		*ret_config = p.config;
	return p.err;
}

static int read_all(int fd, struct text *out)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		text_append(out, buf, (size_t)n);
		if (out->len > FILE_MAX)
			return -EFBIG;
	}
	if (n < 0)
		return -errno;
	return text_failed(out) ? -ENOMEM : 0;
}

/* fd: of that file, or why there is none. */
static int load(const char *path, int fd, struct diag *d, struct config **ret_config)
{
	struct text text = TEXT_INIT;
	int err = fd < 0 ? fd : read_all(fd, &text);

	if (err < 0)
		diag_error(d, NULL, "%s: %s", path, regular_error(err));
	if (err == -EACCES)
		diag_hint(d, "it is read by the user with the number %u, who may not",
			  (unsigned)geteuid());
	if (!err)
		err = config_parse(path, text_str(&text), text.len, d, ret_config);
	if (fd >= 0)
		close(fd);
	text_fini(&text);
	return err;
}

int config_load(const char *path, struct diag *d, struct config **ret_config)
{
	return load(path, regular_open(AT_FDCWD, path), d, ret_config);
}

int config_load_any(const char *path, struct diag *d, struct config **ret_config)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return load(path, fd < 0 ? -errno : fd, d, ret_config);
}

/* Call fini for the members of one section. */
static void fini_section(struct config *c, enum config_section s, size_t index)
{
	size_t i;

	for (i = 0; i < option_row_count; i++) {
		if (option_rows[i].section == s)
			config_value_fini(option_rows[i].type,
					  (char *)section_struct(c, s, index) +
						  option_rows[i].offset);
	}
}

void config_free(struct config *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->n_captures; i++)
		fini_section(c, SECTION_capture, i);
	for (i = 0; i < c->n_tuns; i++)
		fini_section(c, SECTION_tun, i);
	free(c->captures);
	free(c->tuns);
	free(c);
}

bool config_capture_has(const struct config_capture *c, uint8_t l3)
{
	size_t i;

	for (i = 0; i < c->networks.n; i++) {
		if (c->networks.p[i].family == l3)
			return true;
	}
	return false;
}

unsigned config_workers(const struct config *c, unsigned cpus)
{
	unsigned n = c->daemon.workers;

	if (!n)
		n = cpus <= 4 ? 1 : cpus / 2;
	return n < 1 ? 1 : n > ARENA_MAX_WORKERS ? ARENA_MAX_WORKERS : n;
}
