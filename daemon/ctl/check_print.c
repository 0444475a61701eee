/* check_print.c - findings as text and as JSON. */
#include "ctl/check_print.h"

#include <string.h>

#include "ctl/steer.h"

#define WIDTH 79 /* of lines of text */

/* A sentence, broken at blanks. */
static void print_wrapped(FILE *out, const char *text, int indent)
{
	size_t room = WIDTH - (size_t)indent;

	while (*text) {
		size_t n = strlen(text);

		if (n > room) {
			n = room;
			while (n && text[n] != ' ')
				n--;
			if (!n)
				n = strcspn(text, " ");
		}
		fprintf(out, "%*s%.*s\n", indent, "", (int)n, text);
		text += n + strspn(text + n, " ");
	}
}

static void print_lines(FILE *out, const char *text, int indent)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		fprintf(out, "%*s%.*s\n", indent, "", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

/* Why it matters is said once for cases of one kind in a row. */
static void print_one(FILE *out, const struct finding *f, const struct finding *before)
{
	bool again = before && before->check == f->check && before->severity == f->severity;

	fprintf(out, "%s: %s: %s\n", severity_name(f->severity), f->check->name,
		text_str(&f->what));
	if (f->severity == f->check->severity && !again)
		print_wrapped(out, f->check->why, 4);
	if (f->todo.len) {
		fputs("    What to do:\n", out);
		print_lines(out, text_str(&f->todo), 8);
	}
}

void check_print(FILE *out, const struct checker *c)
{
	const struct finding *before = NULL;
	enum severity s;
	size_t i;

	for (s = SEVERITY_ERROR; s > SEVERITY_NONE; s--) {
		for (i = 0; i < c->n_findings; i++) {
			if (c->findings[i].severity != s)
				continue;
			print_one(out, &c->findings[i], before);
			before = &c->findings[i];
		}
	}
}

void check_print_counts(FILE *out, unsigned errors, unsigned warnings, unsigned notes)
{
	const struct {
		const char *name;
		unsigned n;
	} counts[] = { { "error", errors }, { "warning", warnings }, { "note", notes } };
	const char *separator = "";
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (!counts[i].n)
			continue;
		fprintf(out, "%s%u %s%s", separator, counts[i].n, counts[i].name,
			counts[i].n == 1 ? "" : "s");
		separator = ", ";
	}
	if (!*separator)
		fputs("nothing", out);
}

json_t *check_json(const struct checker *c)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < c->n_findings; i++) {
		const struct finding *f = &c->findings[i];

		if (json_array_append_new(array,
					  json_pack("{ss ss ss ss so}", "check", f->check->name,
						    "severity", severity_name(f->severity),
						    "what", text_str(&f->what), "why",
						    f->check->why, "do",
						    steer_lines(text_str(&f->todo))))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}
