/* rulesetfile.c - reads the configured ruleset and hands it on. */
#include "host/rulesetfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctfw/hostclock.h"
#include "ctfw/hostlocale.h"
#include "ctfw/regular.h"
#include "ctfw/rulefile.h"

static const char *const include_dirs[] = { "/etc" };

/* A file and what it includes, as it is read: is it what was read before? */
struct reading {
	struct rulefile_path dirs;
	struct generation_file file;
	bool denied; /* a file that is included */
};

/* Whoever wants what an include finds. */
struct finding {
	struct reading *reading;
	void (*found)(void *found_arg, char *name, char *text, size_t len);
	void *found_arg;
};

static void add_text(struct reading *r, const char *text, size_t len)
{
	r->file.hash = rulefile_hash(r->file.hash, text, len);
}

static void found_include(void *arg, char *name, char *text, size_t len)
{
	const struct finding *f = arg;

	add_text(f->reading, name, strlen(name));
	add_text(f->reading, text, len);
	f->found(f->found_arg, name, text, len);
}

static int read_include(void *arg, const char *pattern, const char *from,
			void (*found)(void *found_arg, char *name, char *text, size_t len),
			void *found_arg)
{
	struct reading *r = arg;
	struct finding f = { r, found, found_arg };
	int err;

	/* Also where nothing is found: another time there may be something. */
	r->file.includes++;
	err = rulefile_include(&r->dirs, pattern, from, found_include, &f);
	r->denied |= err == -EACCES;
	return err;
}

/* Read it and let use() work on it.  ret_file may be NULL. */
static int with_file(const char *path, struct diag *d,
		     int (*use)(void *arg, const struct ruleset_input *input, struct diag *d),
		     void *arg, struct generation_file *ret_file)
{
	struct reading reading = { .dirs = { include_dirs, 1, true } };
	const struct ruleset_reader reader = { read_include, &reading };
	struct locale locale;
	struct ruleset_input input = { .name = path, .reader = &reader, .locale = &locale };
	unsigned before = d->errors;
	char *text;
	int err;

	input.now = hostclock_now();
	hostlocale_read(&locale);
	err = rulefile_read_regular(path, &text, &input.len);
	if (!err) {
		input.text = text;
		add_text(&reading, path, strlen(path));
		add_text(&reading, text, input.len);
		err = use(arg, &input, d);
		free(text);
	}
	if (err && d->errors == before)
		diag_error(d, NULL, "%s: %s", path, regular_error(err));
	if (err == -EACCES || reading.denied)
		diag_hint(d, "it is read by the user with the number %u, who may not",
			  (unsigned)geteuid());
	if (!err && ret_file)
		*ret_file = reading.file;
	return err;
}

struct replacement {
	struct generation *generation;
	struct generation_request request;
};

static int replace(void *arg, const struct ruleset_input *input, struct diag *d)
{
	const struct replacement *r = arg;

	return generation_replace(r->generation, input, &r->request, d);
}

int rulesetfile_replace(struct generation *g, const char *path,
			const struct generation_request *why, struct diag *d)
{
	struct replacement r = { g, *why };

	struct generation_file file;
	int err;

	r.request.what = path;
	err = with_file(path, d, replace, &r, &file);
	if (!err)
		generation_set_file(g, file);
	return err;
}

static int check(void *arg, const struct ruleset_input *input, struct diag *d)
{
	struct ruleset *empty = ruleset_new(NULL), *rs = NULL;
	struct program *program = NULL;
	struct text out = TEXT_INIT;
	int err;

	(void)arg;
	err = empty ? ruleset_apply(empty, input, d, &out, &rs) : -ENOMEM;
	if (!err) {
		program = program_compile(rs);
		err = program ? 0 : -ENOMEM;
	}
	program_free(program);
	ruleset_unref(rs);
	ruleset_unref(empty);
	text_fini(&out);
	return err;
}

int rulesetfile_check(const char *path, struct diag *d)
{
	return with_file(path, d, check, NULL, NULL);
}

/* The text alone says whether it is another. */
static int look(void *arg, const struct ruleset_input *input, struct diag *d)
{
	(void)arg;
	(void)input;
	(void)d;
	return 0;
}

bool rulesetfile_is_as_read(const struct generation *g, const char *path)
{
	const struct generation_file read = generation_file(g);
	struct generation_file file = { 0 };
	struct diag d = DIAG_INIT;
	int err = with_file(path, &d, read.includes ? check : look, NULL, &file);

	diag_fini(&d);
	return !err && read.hash && file.hash == read.hash;
}

int rulesetfile_look(const char *path, struct diag *d)
{
	return with_file(path, d, look, NULL, NULL);
}
