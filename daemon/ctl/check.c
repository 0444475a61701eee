/* check.c - the table of checks, what they report, and how they read files. */
#include "ctl/check.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CASES_MAX 20 /* of one check that are told */
#define PROCESSES_MAX 100000

const struct check checks[] = {
#define CHECK(id, name, severity, why) { name, SEVERITY_##severity, why, check_##id },
#include "ctl/check.def"
#undef CHECK
	{ NULL, SEVERITY_NONE, NULL, NULL },
};

const char *severity_name(enum severity s)
{
	static const char *const names[] = {
		[SEVERITY_NONE] = "none",
		[SEVERITY_NOTE] = "note",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};

	return names[s];
}

int checker_init(struct checker *c, const struct config *config, struct diag *d)
{
	int err;

	*c = (struct checker){ .config = config, .root = "" };
	err = netlink_open(&c->nl);
	if (!err)
		err = check_host_load(c);
	if (err) {
		diag_error(d, NULL, "cannot look at the host: %s", strerror(-err));
		checker_fini(c);
	}
	return err;
}

void checker_fini(struct checker *c)
{
	size_t i;

	for (i = 0; i < c->n_findings; i++) {
		text_fini(&c->findings[i].what);
		text_fini(&c->findings[i].todo);
	}
	free(c->findings);
	check_host_fini(&c->host);
	json_decref(c->kernel.rules);
	netlink_close(&c->nl);
	*c = (struct checker){ .root = "" };
}

unsigned checker_count(const struct checker *c, enum severity s)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < c->n_findings; i++)
		n += c->findings[i].severity == s;
	return n;
}

/* ---- reports ---- */

/* What others wrote may hold what moves a terminal's cursor. */
static void append(struct text *t, const char *fmt, va_list ap)
{
	size_t before = t->len;

	text_vprintf(t, fmt, ap);
	for (; !text_failed(t) && before < t->len; before++) {
		if (!isprint((unsigned char)t->s[before]))
			t->s[before] = '?';
	}
}

static struct finding *add(struct checker *c, enum severity severity)
{
	struct finding *v;

	if (c->n_current == CASES_MAX) {
		c->n_more++;
		return NULL;
	}
	v = reallocarray(c->findings, c->n_findings + 1, sizeof(*v));
	if (!v) {
		c->failed = true;
		return NULL;
	}
	c->findings = v;
	v += c->n_findings++;
	c->n_current++;
	*v = (struct finding){ c->current, severity, TEXT_INIT, TEXT_INIT };
	return v;
}

void check_found(struct checker *c, const char *fmt, ...)
{
	struct finding *f = add(c, c->current->severity);
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	append(&f->what, fmt, ap);
	va_end(ap);
	c->failed |= text_failed(&f->what);
}

void check_todo(struct checker *c, const char *fmt, ...)
{
	struct text *t;
	va_list ap;

	/* Of a case that was not kept. */
	if (!c->n_current || c->n_more)
		return;
	t = &c->findings[c->n_findings - 1].todo;
	if (t->len)
		text_putc(t, '\n');
	va_start(ap, fmt);
	append(t, fmt, ap);
	va_end(ap);
	c->failed |= text_failed(t);
}

void check_blind(struct checker *c, const char *fmt, ...)
{
	struct finding *f = add(c, SEVERITY_NOTE);
	va_list ap;

	if (!f)
		return;
	text_puts(&f->what, "not looked at: ");
	va_start(ap, fmt);
	append(&f->what, fmt, ap);
	va_end(ap);
	c->failed |= text_failed(&f->what);
}

static void tell_more(struct checker *c)
{
	unsigned more = c->n_more;

	c->n_current = c->n_more = 0;
	check_found(c, "%u more cases like these", more);
}

int checker_run(struct checker *c)
{
	for (c->current = checks; c->current->name; c->current++) {
		c->n_current = c->n_more = 0;
		c->current->run(c);
		if (c->n_more)
			tell_more(c);
	}
	return c->failed ? -ENOMEM : 0;
}

/* ---- files ---- */

static bool read_regular(int fd, struct check_file *f)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return false;
	*f = (struct check_file){ .dev = st.st_dev, .ino = st.st_ino };
	/* Files of /proc have no size. */
	f->text = malloc(CHECK_FILE_MAX + 1);
	if (!f->text)
		return false;
	while (f->len < CHECK_FILE_MAX) {
		n = read(fd, f->text + f->len, CHECK_FILE_MAX - f->len);
		if (n < 0) {
			free(f->text);
			return false;
		}
		if (n == 0)
			break;
		f->len += (size_t)n;
	}
	f->text[f->len] = '\0';
	return true;
}

/* A pipe of others' choice must not hold us up, and a device may do something as soon as it
 * is opened: a watchdog's begins to count.  So the file is looked at first.  -1 otherwise. */
static int open_regular(const char *path)
{
	char same[32];
	struct stat st;
	int fd = -1, at = open(path, O_PATH | O_CLOEXEC);

	if (at < 0)
		return -1;
	snprintf(same, sizeof(same), "/proc/self/fd/%d", at);
	if (fstat(at, &st) == 0 && S_ISREG(st.st_mode))
		fd = open(same, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	close(at);
	return fd;
}

static bool read_file(const struct checker *c, struct check_file *ret_file, const char *fmt,
		      va_list ap)
{
	char path[PATH_MAX];
	struct check_file f;
	size_t n = strlen(c->root);
	bool good;
	int fd, len;

	if (n >= sizeof(path))
		return false;
	memcpy(path, c->root, n);
	len = vsnprintf(path + n, sizeof(path) - n, fmt, ap);
	if (len < 0 || (size_t)len >= sizeof(path) - n)
		return false;
	fd = open_regular(path);
	if (fd < 0)
		return false;
	good = read_regular(fd, &f);
	close(fd);
	if (good)
		*ret_file = f;
	return good;
}

bool check_read(const struct checker *c, struct check_file *ret_file, const char *fmt, ...)
{
	va_list ap;
	bool good;

	va_start(ap, fmt);
	good = read_file(c, ret_file, fmt, ap);
	va_end(ap);
	return good;
}

void check_file_fini(struct check_file *f)
{
	free(f->text);
	f->text = NULL;
}

bool check_sysctl(const struct checker *c, int *ret_value, const char *fmt, ...)
{
	char name[256], *end;
	struct check_file f;
	va_list ap;
	long value;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	if (!check_read(c, &f, "/proc/sys/net/%s", name))
		return false;
	value = strtol(f.text, &end, 10);
	if (end == f.text) {
		check_file_fini(&f);
		return false;
	}
	check_file_fini(&f);
	*ret_value = (int)value;
	return true;
}

/* ---- processes ---- */

/* Only root and its owner may ask for a process's namespace; who may not, looks at all. */
static bool is_elsewhere(const struct checker *c, const char *pid)
{
	char path[PATH_MAX];
	struct stat own, other;

	snprintf(path, sizeof(path), "%s/proc/self/ns/net", c->root);
	if (stat(path, &own))
		return false;
	snprintf(path, sizeof(path), "%s/proc/%.20s/ns/net", c->root, pid);
	return !stat(path, &other) && (own.st_ino != other.st_ino || own.st_dev != other.st_dev);
}

bool check_command_line(const struct checker *c, long pid, const char *program,
			struct check_file *ret_line)
{
	const char *slash;

	if (!check_read(c, ret_line, "/proc/%ld/cmdline", pid))
		return false;
	slash = strrchr(ret_line->text, '/');
	if (!strcmp(slash ? slash + 1 : ret_line->text, program))
		return true;
	check_file_fini(ret_line);
	return false;
}

void check_each_process(struct checker *c, bool (*each)(struct checker *c, long pid, void *arg),
			void *arg)
{
	char path[PATH_MAX], *end;
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;
	long pid;

	snprintf(path, sizeof(path), "%s/proc", c->root);
	dir = opendir(path);
	if (!dir) {
		check_blind(c, "processes: %s", strerror(errno));
		return;
	}
	while ((e = readdir(dir)) && n++ < PROCESSES_MAX) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		errno = 0;
		pid = strtol(e->d_name, &end, 10);
		if (*end || errno || is_elsewhere(c, e->d_name))
			continue;
		if (!each(c, pid, arg))
			break;
	}
	closedir(dir);
}
