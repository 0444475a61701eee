/* rulesetctl.c - the ruleset's language without a daemon: a test's tool.
 *
 *     rulesetctl [-acejnpstyST] [-D NAME=VALUE] {-f FILE | COMMAND} ...
 *
 * Applies the files and commands, one after the other, to one ruleset in memory and prints
 * what they list; errors go to stderr.  Options hold from where they stand on, -j until
 * --words.  --save prints
 * the saved form, --restore FILE takes it up.  Ends with 0, or 1 at the first error.
 *
 *     rulesetctl --batch
 *
 * is asked on stdin and answers on stdout, for tests of thousands of texts (batch.py):
 * "VERB OPTIONS LENGTH\n" and the text; "STATUS LENGTH LENGTH\n", what was printed and the
 * errors.  VERB is apply, save or restore; OPTIONS are letters as above, or "-".  Every ruleset
 * is compiled as well. */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctfw/hostlocale.h"
#include "ctfw/ruleset.h"

static char *read_file(const char *path, size_t *ret_len)
{
	FILE *f = !strcmp(path, "-") ? stdin : fopen(path, "r");
	struct text t = TEXT_INIT;
	char buf[65536];
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		text_append(&t, buf, n);
	if (f != stdin)
		fclose(f);
	*ret_len = t.len;
	return text_steal(&t);
}

/* Relative to the including file; patterns by glob(3). */
static int include(void *arg, const char *pattern, const char *from,
		   void (*found)(void *found_arg, char *name, char *text, size_t len),
		   void *found_arg)
{
	const char *slash = strrchr(from, '/');
	char path[PATH_MAX];
	glob_t g = { 0 };

	(void)arg;
	if (*pattern == '/' || !slash)
		snprintf(path, sizeof(path), "%s", pattern);
	else
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - from), from, pattern);
	if (glob(path, 0, NULL, &g))
		return strpbrk(pattern, "*?[") ? 0 : -ENOENT;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		size_t len;
		char *text = read_file(g.gl_pathv[i], &len);

		if (text)
			found(found_arg, strdup(g.gl_pathv[i]), text, len);
	}
	globfree(&g);
	return 0;
}

struct tool {
	struct ruleset *rs;
	struct ruleset_input input;
	struct locale locale;
	struct ruleset_define defines[16];
	unsigned n_defines;
};

static int apply_text(struct tool *t, const char *name, const char *text, size_t len,
		      struct diag *d, struct text *out)
{
	static const struct ruleset_reader reader = { .include = include };
	struct ruleset *new;
	int err;

	t->input.name = name;
	t->input.text = text;
	t->input.len = len;
	t->input.reader = &reader;
	t->input.defines = t->defines;
	err = ruleset_apply(t->rs, &t->input, d, out, &new);
	if (!err) {
		ruleset_unref(t->rs);
		t->rs = new;
	}
	return err;
}

static int apply(struct tool *t, const char *name, const char *text, size_t len)
{
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	int err = apply_text(t, name, text, len, &d, &out);

	fputs(text_str(&out), stdout);
	fputs(text_str(&d.text), stderr);
	if (err && !d.errors)
		fprintf(stderr, "%s\n", strerror(-err));
	text_fini(&out);
	diag_fini(&d);
	return err;
}

static int apply_file(struct tool *t, const char *path)
{
	size_t len = 0;
	char *text = read_file(path, &len);
	int err;

	if (!text) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -EINVAL;
	}
	err = apply(t, path, text, len);
	free(text);
	return err;
}

static int restore_text(struct tool *t, const char *text, size_t len, struct diag *d)
{
	struct ruleset *rs;
	int err = ruleset_restore(text, len, NULL, d, &rs);

	if (!err) {
		ruleset_unref(t->rs);
		t->rs = rs;
	}
	return err;
}

static int restore(struct tool *t, const char *path)
{
	struct diag d = DIAG_INIT;
	size_t len = 0;
	char *text = read_file(path, &len);
	int err = text ? restore_text(t, text, len, &d) : -errno;

	fputs(text_str(&d.text), stderr);
	diag_fini(&d);
	free(text);
	return err;
}

static int save(const struct tool *t)
{
	struct text out = TEXT_INIT;

	ruleset_save(t->rs, &out);
	fwrite(text_str(&out), 1, out.len, stdout);
	text_fini(&out);
	return 0;
}

static void option(struct tool *t, char letter)
{
	static const struct {
		char letter;
		unsigned flag;
	} flags[] = {
		{ 'a', PRINT_HANDLE },	      { 's', PRINT_STATELESS },
		{ 'n', PRINT_NUMERIC },	      { 'y', PRINT_NUMERIC_PRIO },
		{ 'p', PRINT_NUMERIC_PROTO }, { 'S', PRINT_SERVICE },
		{ 't', PRINT_TERSE },	      { 'T', PRINT_NUMERIC_TIME },
	};

	t->input.echo = t->input.echo || letter == 'e';
	t->input.check = t->input.check || letter == 'c';
	t->input.json = t->input.json || letter == 'j';
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (flags[i].letter == letter)
			t->input.print |= flags[i].flag;
	}
}

static void define(struct tool *t, char *arg)
{
	char *eq = strchr(arg, '=');

	if (!eq || t->n_defines + 1 >= sizeof(t->defines) / sizeof(t->defines[0]))
		return;
	*eq = '\0';
	t->defines[t->n_defines++] = (struct ruleset_define){ arg, eq + 1 };
}

/* One question of a batch.  False: there is no answer, the tool fails. */
static bool answer(struct tool *t, const char *verb, const char *text, size_t len)
{
	struct diag d = DIAG_INIT;
	struct text out = TEXT_INIT;
	struct program *program;
	int err = 0;

	if (!strcmp(verb, "apply"))
		err = apply_text(t, "<batch>", text, len, &d, &out);
	else if (!strcmp(verb, "restore"))
		err = restore_text(t, text, len, &d);
	else if (!strcmp(verb, "save"))
		ruleset_save(t->rs, &out);
	else
		return false;
	printf("%d %zu %zu\n", err, out.len, d.text.len);
	fwrite(text_str(&out), 1, out.len, stdout);
	fwrite(text_str(&d.text), 1, d.text.len, stdout);
	fflush(stdout);
	text_fini(&out);
	diag_fini(&d);
	program = program_compile(t->rs);
	program_free(program);
	return program != NULL;
}

static int batch(struct tool *t)
{
	char verb[16], options[16];
	size_t len;

	while (scanf("%15s %15s %zu", verb, options, &len) == 3 && getchar() == '\n') {
		char *text = malloc(len + 1);
		bool good;

		t->input.print = 0;
		t->input.echo = t->input.check = t->input.json = false;
		for (const char *o = options; *o; o++)
			option(t, *o);
		good = text && fread(text, 1, len, stdin) == len && answer(t, verb, text, len);
		free(text);
		if (!good)
			return -EINVAL;
	}
	return feof(stdin) ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct tool t = { .rs = ruleset_new(NULL) };
	int err = t.rs ? 0 : -ENOMEM;

	hostlocale_read(&t.locale);
	t.input.locale = &t.locale;
	for (int i = 1; i < argc && !err; i++) {
		if (!strcmp(argv[i], "-f") && i + 1 < argc)
			err = apply_file(&t, argv[++i]);
		else if (!strcmp(argv[i], "--restore") && i + 1 < argc)
			err = restore(&t, argv[++i]);
		else if (!strcmp(argv[i], "--save"))
			err = save(&t);
		else if (!strcmp(argv[i], "--words"))
			t.input.json = false;
		else if (!strcmp(argv[i], "--batch"))
			err = batch(&t);
		else if (!strcmp(argv[i], "-D") && i + 1 < argc)
			define(&t, argv[++i]);
		else if (*argv[i] == '-')
			for (const char *o = argv[i] + 1; *o; o++)
				option(&t, *o);
		else
			err = apply(&t, "<cmdline>", argv[i], strlen(argv[i]));
	}
	ruleset_unref(t.rs);
	return err ? 1 : 0;
}
