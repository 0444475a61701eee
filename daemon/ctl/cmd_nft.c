/* cmd_nft.c - commands in nft's grammar, from the command line, a file or standard input.
 *
 * The text goes to the daemon as it is.  Files that it includes are read here, with the
 * caller's own rights and relative to the caller's directory: the daemon names those that
 * it met, and is called again with them.  That goes on for as long as new ones appear. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctfw/control.h"
#include "ctl/client.h"
#include "ctl/commands.h"
#include "ctl/options.h"
#include "ctfw/hostlocale.h"
#include "ctl/trial.h"
#include "ctfw/rulefile.h"

#define DEFAULT_INCLUDE_DIR "/etc"

/* One Apply call, perhaps repeated. */
struct apply {
	struct ctl *ctl;
	const struct options *options;
	struct client *client;
	json_t *params;
	json_t *includes; /* in params */
	struct rulefile_path path;
	const char *dirs[OPTIONS_REPEAT_MAX + 1];
};

/* ---- the text ---- */

/* A JSON string, or NULL with the line that is not UTF-8 on ctl->err. */
static json_t *utf8_text(struct ctl *ctl, const char *name, const char *text, size_t len)
{
	json_t *string = json_stringn(text, len), *part;
	size_t line = 1, start = 0;

	if (string)
		return string;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && text[i] != '\n')
			continue;
		part = json_stringn(text + start, i - start);
		if (!part)
			break;
		json_decref(part);
		start = i + 1;
		line++;
	}
	ctl_error(ctl, "%s:%zu: this line is not UTF-8 text", name, line);
	return NULL;
}

static json_t *source(struct ctl *ctl, const char *name, const char *text, size_t len)
{
	json_t *string = utf8_text(ctl, name, text, len);

	return string ? json_pack("{so so}", "name", control_json_text(name, strlen(name)),
				  "text", string) :
			NULL;
}

/* ---- includes ---- */

struct gather {
	struct apply *apply;
	json_t *files;
	bool failed;
};

static void gather_found(void *arg, char *name, char *text, size_t len)
{
	struct gather *g = arg;
	json_t *file = g->failed ? NULL : source(g->apply->ctl, name, text, len);

	if (!file || json_array_append_new(g->files, file) < 0)
		g->failed = true;
	free(name);
	free(text);
}

static bool include_known(const struct apply *a, const char *pattern)
{
	json_t *include;
	size_t i;

	json_array_foreach (a->includes, i, include)
		if (strcmp(json_string_value(json_object_get(include, "pattern")), pattern) ==
		    0)
			return true;
	return false;
}

/* Read what an include statement means.  0, or -1 with the reason on ctl->err.  One that
 * does not exist is left to the daemon, which can say where it is asked for. */
static int include_add(struct apply *a, const char *pattern, const char *from)
{
	struct gather g = { .apply = a, .files = json_array() };
	int err = rulefile_include(&a->path, pattern, from, gather_found, &g);

	if (err && err != -ENOENT)
		ctl_error(a->ctl, "%s: include \"%s\": %s", from, pattern, strerror(-err));
	if ((err && err != -ENOENT) || g.failed) {
		json_decref(g.files);
		return -1;
	}
	json_array_append_new(a->includes,
			      json_pack("{ss so}", "pattern", pattern, "files", g.files));
	return 0;
}

/* All that the daemon asked for.  0, or -1 as above, also when nothing of it is new. */
static int includes_add(struct apply *a, const struct client_reply *r)
{
	json_t *need;
	size_t i, added = 0;

	json_array_foreach (json_object_get(r->params, "includes"), i, need) {
		const char *pattern = json_string_value(json_object_get(need, "pattern"));
		const char *from = json_string_value(json_object_get(need, "from"));

		if (!pattern || include_known(a, pattern))
			continue;
		if (include_add(a, pattern, from ? from : ""))
			return -1;
		added++;
	}
	if (added == 0) {
		ctl_error(a->ctl, "ctfwd asks for included files that it was given");
		return -1;
	}
	return 0;
}

/* ---- the call ---- */

json_t *print_names(unsigned flags)
{
	json_t *names = json_array();

	for (const struct control_print_flag *f = control_print_flags; f->name; f++)
		if (flags & f->flag)
			json_array_append_new(names, json_string(f->name));
	return names;
}

void locale_add(json_t *params)
{
	struct locale l;

	hostlocale_read(&l);
	control_locale_encode(&l, params);
}

static json_t *defines(struct ctl *ctl, const struct options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_defines; i++) {
		const char *d = o->defines[i], *equals = strchr(d, '=');
		json_t *define = json_pack("{ss% ss}", "name", d, (size_t)(equals - d), "value",
					   equals + 1);

		if (!define) {
			ctl_error(ctl, "-D %s: this is not UTF-8 text", d);
			json_decref(list);
			return NULL;
		}
		json_array_append_new(list, define);
	}
	return list;
}

static int apply_init(struct apply *a, struct ctl *ctl, const struct options *o)
{
	json_t *list = defines(ctl, o);

	if (!list)
		return -1;
	*a = (struct apply){ .ctl = ctl, .options = o, .includes = json_array() };
	a->dirs[a->path.n++] = DEFAULT_INCLUDE_DIR;
	for (size_t i = 0; i < o->n_includes; i++)
		a->dirs[a->path.n++] = o->includes[i];
	a->path.dirs = a->dirs;
	a->params =
		json_pack("{so so so sb sb sb}", "includes", a->includes, "defines", list,
			  "print", print_names(o->print), "echo", o->echo, "check", o->check,
			  "json", o->json);
	locale_add(a->params);
	/* Only then, so that an older daemon refuses it rather than to do it for good. */
	if (o->confirm && a->params)
		json_object_set_new(a->params, "confirm", json_integer(o->confirm));
	a->client = a->params ? client_open(ctl) : NULL;
	return a->client ? 0 : -1;
}

static void apply_fini(struct apply *a)
{
	client_close(a->client);
	json_decref(a->params);
}

/* Exit status. */
static int apply_text(struct apply *a, const char *name, const char *text, size_t len)
{
	struct client_reply r;
	json_t *src = source(a->ctl, name, text, len);
	const char *output;
	int status = 1;

	if (!src)
		return 1;
	json_object_set_new(a->params, "source", src);
	json_array_clear(a->includes);
	for (;;) {
		if (client_send(a->client, "Apply", json_incref(a->params), false) ||
		    client_receive(a->client, &r))
			return 1;
		if (!r.error || strcmp(r.error, CONTROL_INTERFACE ".IncludeNeeded") != 0)
			break;
		if (includes_add(a, &r))
			goto out;
		client_reply_fini(&r);
	}
	if (r.error) {
		client_explain(a->ctl, &r);
		goto out;
	}
	output = json_string_value(json_object_get(r.params, "output"));
	fputs(output ? output : "", a->ctl->out);
	trial_tell(a->ctl, json_object_get(r.params, "trial"));
	if (a->options->confirm && !json_object_get(r.params, "trial"))
		fputs("Nothing was changed, and nothing is on trial for it.\n", a->ctl->err);
	status = 0;
out:
	client_reply_fini(&r);
	return status;
}

/* Each line at once, as nft -i. */
static int interactive(struct apply *a)
{
	bool person = isatty(STDIN_FILENO);
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	for (;;) {
		if (person)
			fputs("ctfw> ", a->ctl->out);
		fflush(a->ctl->out);
		len = getline(&line, &size, stdin);
		if (len < 0 || strcmp(line, "quit\n") == 0 || strcmp(line, "exit\n") == 0)
			break;
		apply_text(a, "<cli>", line, (size_t)len);
	}
	free(line);
	return 0;
}

static int from_file(struct apply *a, const char *path)
{
	const char *name = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
	char *text;
	size_t len;
	int err = rulefile_read(path, &text, &len);
	int status;

	if (err)
		return ctl_error(a->ctl, "cannot read \"%s\": %s", name, strerror(-err));
	status = apply_text(a, name, text, len);
	free(text);
	return status;
}

static int from_words(struct apply *a, int argc, char **argv)
{
	struct text t = TEXT_INIT;
	int status;

	for (int i = 0; i < argc; i++)
		text_printf(&t, "%s%s", i ? " " : "", argv[i]);
	if (text_failed(&t))
		status = ctl_error(a->ctl, "out of memory");
	else
		status = apply_text(a, "<cmdline>", text_str(&t), t.len);
	text_fini(&t);
	return status;
}

/* nft 1.0.6 takes no option behind the first word of a command, up to a brace. */
static const char *late_option(int argc, char **argv)
{
	for (int i = 0; i < argc && argv[i][0] != '{'; i++)
		if (argv[i][0] == '-')
			return argv[i];
	return NULL;
}

/* Whether the command's first word is that. */
static bool begins_with(const char *word, int argc, char **argv)
{
	size_t len = strlen(word);

	return argc && strncmp(argv[0], word, len) == 0 && strchr(" \t\n", argv[0][len]);
}

/* A word of ours with a letter wrong: no command in nft's grammar is of one word, or has
 * options behind it, and those of two words are like none of ours. */
static bool is_misspelt(int argc, char **argv)
{
	return argc && (argc <= 2 || late_option(argc, argv)) && command_near(argv[0]);
}

/* What makes no sense together. */
static int contradiction(struct ctl *ctl, const struct options *o, int argc, char **argv)
{
	const char *late = late_option(argc, argv);

	if (!o->file && !o->interactive && is_misspelt(argc, argv))
		return command_unknown(ctl, argv[0]);
	if (late)
		return ctl_error(ctl, "options must be specified before commands: %s", late);
	if (argc && (o->file || o->interactive))
		return ctl_error(ctl, "-%c and a command (\"%s\"): one of the two, please",
				 o->file ? 'f' : 'i', argv[0]);
	if (o->file && o->interactive)
		return ctl_error(ctl, "-f and -i: one of the two, please");
	if (o->n_defines && !o->file)
		return ctl_error(ctl, "-D/--define can only be used with -f/--file");
	if (o->confirm && (o->check || o->interactive))
		return ctl_error(ctl, "--confirm and -%c: one of the two, please",
				 o->check ? 'c' : 'i');
	if (o->confirm && begins_with("monitor", argc, argv))
		return ctl_error(ctl, "--confirm: monitor changes nothing");
	return 0;
}

int nft_run(struct ctl *ctl, const struct options *o, int argc, char **argv)
{
	struct apply a = { 0 };
	int status = 1;

	if (contradiction(ctl, o, argc, argv))
		return 1;
	if (begins_with("monitor", argc, argv))
		return monitor_run(ctl, o, argc, argv);
	if (apply_init(&a, ctl, o) == 0)
		status = o->interactive ? interactive(&a) :
			 o->file ? from_file(&a, o->file) : from_words(&a, argc, argv);
	apply_fini(&a);
	return status;
}
