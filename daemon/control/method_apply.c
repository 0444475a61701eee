/* method_apply.c - Apply: commands in nft's language, as one transaction.
 *
 * The daemon opens no file for a client.  An `include` is answered from the files that
 * came with the call; one that is missing there fails the transaction and is named in
 * IncludeNeeded, so that the client, which may read its own files, calls again with it.
 *
 * Who may only look may list.  Such a text is let through by its form alone: words of
 * harmless characters, every command of it beginning with `list` or `describe`.  A call is
 * answered in one piece, so it is not to list the whole over and over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/trial.h"

#define DEFINES_MAX 1024

const struct control_print_flag control_print_flags[] = {
	{ "handle", PRINT_HANDLE },
	{ "stateless", PRINT_STATELESS },
	{ "numeric", PRINT_NUMERIC },
	{ "numeric-priority", PRINT_NUMERIC_PRIO },
	{ "numeric-protocol", PRINT_NUMERIC_PROTO },
	{ "numeric-time", PRINT_NUMERIC_TIME },
	{ "service", PRINT_SERVICE },
	{ "terse", PRINT_TERSE },
	{ "guid", PRINT_GUID },
	{ "loadable", PRINT_LOADABLE },
	{ NULL, 0 },
};

/* A call's parameters, and what its includes lacked. */
struct bundle {
	uint64_t until;         /* of the trial that it asks for */
	const json_t *includes; /* array of Include, or NULL */
	json_t *missing;        /* array of {pattern, from} */
	struct ruleset_define defines[DEFINES_MAX + 1];
	struct locale locale;
};

/* ---- includes ---- */

static bool has_wildcard(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

static const json_t *include_find(const struct bundle *b, const char *pattern)
{
	size_t i;
	json_t *include;

	json_array_foreach (b->includes, i, include)
		if (strcmp(json_string_value(json_object_get(include, "pattern")), pattern) ==
		    0)
			return json_object_get(include, "files");
	return NULL;
}

static int include_read(void *arg, const char *pattern, const char *from,
			void (*found)(void *found_arg, char *name, char *text, size_t len),
			void *found_arg)
{
	struct bundle *b = arg;
	const json_t *files = include_find(b, pattern);
	json_t *file, *need;
	size_t i;

	if (!files) {
		need = json_pack("{ss ss}", "pattern", pattern, "from", from ? from : "");
		if (!need)
			return -ENOMEM;
		json_array_append_new(b->missing, need);
		return -ENOENT;
	}
	if (json_array_size(files) == 0)
		return has_wildcard(pattern) ? 0 : -ENOENT;
	json_array_foreach (files, i, file) {
		const json_t *text = json_object_get(file, "text");
		char *name = strdup(json_string_value(json_object_get(file, "name")));
		char *copy = strdup(json_string_value(text));

		if (!name || !copy) {
			free(name);
			free(copy);
			return -ENOMEM;
		}
		found(found_arg, name, copy, json_string_length(text));
	}
	return 0;
}

/* ---- parameters ---- */

static bool is_source(const json_t *source)
{
	return json_is_string(json_object_get(source, "name")) &&
	       json_is_string(json_object_get(source, "text"));
}

static bool includes_valid(const json_t *includes)
{
	json_t *include, *file;
	size_t i, j;

	json_array_foreach (includes, i, include) {
		const json_t *files = json_object_get(include, "files");

		if (!json_is_string(json_object_get(include, "pattern")) ||
		    !json_is_array(files))
			return false;
		json_array_foreach (files, j, file)
			if (!is_source(file))
				return false;
	}
	return true;
}

static bool defines_decode(const json_t *defines, struct ruleset_define *out)
{
	json_t *define;
	size_t i;

	if (json_array_size(defines) > DEFINES_MAX)
		return false;
	json_array_foreach (defines, i, define) {
		out[i].name = json_string_value(json_object_get(define, "name"));
		out[i].value = json_string_value(json_object_get(define, "value"));
		if (!out[i].name || !out[i].value)
			return false;
	}
	return true;
}

bool control_print_decode(const json_t *names, unsigned *ret_flags)
{
	unsigned flags = 0;
	json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		const struct control_print_flag *f = control_print_flags;

		while (f->name && (!json_is_string(name) ||
				   strcmp(f->name, json_string_value(name)) != 0))
			f++;
		if (!f->name)
			return false;
		flags |= f->flag;
	}
	*ret_flags = flags;
	return true;
}

/* The name of a parameter that is wrong inside, or NULL. */
static const char *decode(const json_t *params, struct bundle *b, struct ruleset_input *input)
{
	const json_t *source = json_object_get(params, "source");
	const json_t *text = json_object_get(source, "text");
	const char *wrong;

	if (!is_source(source))
		return "source";
	b->includes = json_object_get(params, "includes");
	if (!includes_valid(b->includes))
		return "includes";
	if (!defines_decode(json_object_get(params, "defines"), b->defines))
		return "defines";
	if (!control_print_decode(json_object_get(params, "print"), &input->print))
		return "print";
	wrong = control_locale_decode(params, &b->locale);
	if (wrong)
		return wrong;
	input->locale = &b->locale;
	input->name = json_string_value(json_object_get(source, "name"));
	input->text = json_string_value(text);
	input->len = json_string_length(text);
	input->defines = b->defines;
	input->echo = json_is_true(json_object_get(params, "echo"));
	input->check = json_is_true(json_object_get(params, "check"));
	input->json = json_is_true(json_object_get(params, "json"));
	return NULL;
}

/* ---- rights ---- */

static bool begins_with_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) == 0 && strchr(" \t", text[len]);
}

/* Nothing but commands that show.  Every newline and semicolon counts as a separator and no
 * character is let through that could quote, continue, comment or refer, so that this
 * cannot understand a text other than the parser does. */
static bool only_lists(const char *text, size_t len)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_.-/ \t";
	const char *p = text, *end = text + len;

	if (strlen(text) != len)
		return false;
	while (p < end) {
		size_t piece = strspn(p, harmless), blank = strspn(p, " \t");

		if (p + piece < end && p[piece] != '\n' && p[piece] != ';')
			return false;
		if (blank < piece &&
		    !begins_with_word(p + blank, "list") &&
		    !begins_with_word(p + blank, "describe"))
			return false;
		p += piece + 1;
	}
	return true;
}

/* ---- the call ---- */

/* changed: and so it is on trial, when anything is. */
static void finish(struct control_session *s, int err, const struct bundle *b, bool changed,
		   const struct diag *d, const struct text *out)
{
	if (err == 0 && !text_failed(out))
		session_reply(s, json_pack("{so so*}", "output",
					   control_json_text(text_str(out), out->len), "trial",
					   changed ? trial_encode(session_context(s)) : NULL));
	else if (err == -EINVAL && json_array_size(b->missing))
		session_error(s, CONTROL_INTERFACE ".IncludeNeeded",
			      json_pack("{sO}", "includes", b->missing));
	else if (err == -EINVAL)
		session_error(s, CONTROL_INTERFACE ".RulesetError",
			      json_pack("{so}", "message",
					control_json_text(text_str(&d->text), d->text.len)));
	else
		session_failed(s, d->text.len ? text_str(&d->text) : "out of memory");
}

/* What is none has a name like "<cmdline>". */
static bool is_file(const struct ruleset_input *input)
{
	return input->name[0] != '<';
}

static void apply(struct control_session *s, const json_t *params)
{
	const struct control_context *ctx = session_context(s);
	struct bundle *b = calloc(1, sizeof(*b));
	struct ruleset_reader reader = { include_read, b };
	struct ruleset_input input = { .reader = &reader, .now = ctx->now(ctx->arg) };
	struct text out = TEXT_INIT;
	struct diag d = DIAG_INIT;
	uint64_t serial = generation_serial(ctx->generation);
	const char *wrong;
	bool changed;
	int err;

	if (!b || !(b->missing = json_array())) {
		session_failed(s, "out of memory");
		goto out;
	}
	wrong = trial_decode(ctx, params, &b->until) ? decode(params, b, &input) : "confirm";
	input.now = ctx->now(ctx->arg);
	if (wrong) {
		session_invalid(s, wrong);
		goto out;
	}
	if (!session_may_change(s) && !only_lists(input.text, input.len)) {
		session_error(s, VARLINK ".PermissionDenied", NULL);
		goto out;
	}
	if (!session_may_change(s))
		input.listed_max = CONTROL_LISTED_MAX_READER;
	err = generation_apply(ctx->generation, &input,
			       &(struct generation_request){
				       .until = b->until,
				       .cause = is_file(&input) ? CAUSE_FILE : CAUSE_COMMAND,
				       .uid = session_uid(s),
				       .what = is_file(&input) ? input.name : input.text,
			       },
			       &d, &out);
	changed = generation_serial(ctx->generation) != serial;
	if (changed && b->until)
		trial_log_begin(ctx);
	finish(s, err, b, changed, &d, &out);
out:
	if (b)
		json_decref(b->missing);
	free(b);
	diag_fini(&d);
	text_fini(&out);
}

static const struct method_param apply_params[] = {
	{ "source", 'o', true },  { "includes", 'a', false }, { "defines", 'a', false },
	{ "print", 'a', false },  { "echo", 'b', false },     { "check", 'b', false },
	{ "json", 'b', false },   { "zone", 'o', false },     { "labels", 'a', false },
	{ "confirm", 'i', false }, { NULL, 0, false },
};

const struct method apply_methods[] = {
	{ .name = CONTROL_INTERFACE ".Apply", .params = apply_params, .call = apply },
	{ .name = NULL },
};
