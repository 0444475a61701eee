/* rulesetfile.c - reads the configured ruleset and hands it on. */
#include "host/rulesetfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctfw/clock.h"
#include "ctfw/hostlocale.h"
#include "ctfw/rulefile.h"

static const char *const include_dirs[] = { "/etc" };

/* Read it and let use() work on it. */
static int with_file(const char *path, struct diag *d,
		     int (*use)(void *arg, const struct ruleset_input *input, struct diag *d),
		     void *arg)
{
	struct rulefile_path dirs = { include_dirs, 1 };
	const struct ruleset_reader reader = { rulefile_include, &dirs };
	struct locale locale;
	struct ruleset_input input = { .name = path, .reader = &reader, .locale = &locale };
	unsigned before = d->errors;
	struct timespec now, real;
	char *text;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock_gettime(CLOCK_REALTIME, &real);
	input.now = (struct instant){
		.mono = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec,
		.real = (uint64_t)real.tv_sec * NSEC_PER_SEC + (uint64_t)real.tv_nsec,
	};
	hostlocale_read(&locale);
	err = rulefile_read(path, &text, &input.len);
	if (!err) {
		input.text = text;
		err = use(arg, &input, d);
		free(text);
	}
	if (err && d->errors == before)
		diag_error(d, NULL, "%s: %s", path, strerror(-err));
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

	r.request.what = path;
	return with_file(path, d, replace, &r);
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
	return with_file(path, d, check, NULL);
}
