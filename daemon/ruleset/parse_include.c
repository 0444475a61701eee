/* parse_include.c - other texts in the place of `include`, and what may stand wherever a
 * statement may. */
#include "ruleset/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct found {
	struct file {
		char *name, *text;
		size_t len;
	} * files;
	size_t n;
	bool oom;
};

static void add_found(void *arg, char *name, char *text, size_t len)
{
	struct found *f = arg;
	struct file *grown = realloc(f->files, (f->n + 1) * sizeof(*grown));

	if (!grown) {
		free(name);
		free(text);
		f->oom = true;
		return;
	}
	f->files = grown;
	f->files[f->n++] = (struct file){ name, text, len };
}

static void include_failed(struct parser *p, const struct span *at, const char *pattern,
			   int err)
{
	switch (err) {
	case -ENOMEM:
		parse_oom(p);
		break;
	case -ENOENT:
		diag_error(p->d, at, "there is no file \"%s\" to include", pattern);
		break;
	case -EISDIR:
		diag_error(p->d, at, "\"%s\" is a directory", pattern);
		diag_hint(p->d, "its files are included by \"%s/*.nft\"", pattern);
		break;
	case -EMEDIUMTYPE:
		diag_error(p->d, at, "\"%s\" is no regular file", pattern);
		break;
	case -ELOOP:
		diag_error(p->d, at, "includes are nested deeper than %u levels", LEX_DEPTH);
		break;
	case -E2BIG:
		diag_error(p->d, at, "the included files are larger than %u MB together",
			   LEX_MAX_BYTES >> 20);
		break;
	default:
		diag_error(p->d, at, "cannot include \"%s\": %s", pattern, strerror(-err));
	}
}

/* The lexer reads the last pushed first. */
static int push_files(struct parser *p, struct found *f, const struct span *at)
{
	int err = 0;

	for (size_t i = f->n; i-- > 0;) {
		if (!err) {
			err = lex_push_owned(&p->lx, f->files[i].name, f->files[i].text,
					     f->files[i].len, at);
		} else {
			free(f->files[i].name);
			free(f->files[i].text);
		}
	}
	free(f->files);
	return err;
}

/* All at one level: each is read to its end, one after the other, so that many files of one
 * pattern are not many levels. */
static bool include(struct parser *p)
{
	struct found found = { 0 };
	struct token t = p->t;
	char *pattern;
	int err;

	if (t.kind != TOKEN_STRING) {
		parse_expected(p, "the name of a file in quotes");
		return false;
	}
	if (!p->reader) {
		diag_error(p->d, &t.span, "include is not possible here");
		return false;
	}
	pattern = strndup(t.s, t.len);
	if (!pattern) {
		parse_oom(p);
		return false;
	}
	parse_advance(p);
	if (!parse_at_separator(p)) {
		parse_expected(p, "the end of the include");
		free(pattern);
		return false;
	}
	err = p->reader->include(p->reader->arg, pattern, t.span.source->name, add_found,
				 &found);
	if (!err && found.oom)
		err = -ENOMEM;
	if (!err) {
		err = push_files(p, &found, &t.span);
	} else {
		for (size_t i = 0; i < found.n; i++) {
			free(found.files[i].name);
			free(found.files[i].text);
		}
		free(found.files);
	}
	if (err)
		include_failed(p, &t.span, pattern, err);
	free(pattern);
	return !err;
}

bool parse_common(struct parser *p, bool *ret_ok)
{
	if (parse_accept_word(p, "include"))
		*ret_ok = include(p);
	else if (parse_accept_word(p, "define"))
		*ret_ok = parse_define(p, false);
	else if (parse_accept_word(p, "redefine"))
		*ret_ok = parse_define(p, true);
	else if (parse_accept_word(p, "undefine"))
		*ret_ok = parse_undefine(p);
	else
		return false;
	return true;
}
