/* flowtable.c - flowtables of tables: made, found, shown.
 *
 * A flowtable names devices whose kernel would pass a flow's packets on by itself.  Packets of
 * a TUN come here whatever it says, so that it is kept and shown, and changes nothing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/lex.h"
#include "ruleset/print.h"

struct flowtable *flowtable_new(const char *name, size_t len)
{
	struct flowtable *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->name = strndup(name, len);
	if (!f->name) {
		free(f);
		return NULL;
	}
	return f;
}

void flowtable_unref(struct flowtable *f)
{
	if (!f || --f->refs)
		return;
	free(f->name);
	free(f->devices);
	free(f);
}

bool flowtable_add_device(struct flowtable *f, const char *name, size_t len)
{
	char(*grown)[FLOWTABLE_DEVICE_LEN + 1] =
		realloc(f->devices, (f->n_devices + 1) * sizeof(*grown));

	if (!grown)
		return false;
	f->devices = grown;
	memcpy(grown[f->n_devices], name, len);
	grown[f->n_devices++][len] = '\0';
	return true;
}

struct flowtable *flowtable_copy(const struct flowtable *f)
{
	struct flowtable *n = flowtable_new(f->name, strlen(f->name));

	if (!n)
		return NULL;
	n->handle = f->handle;
	n->priority = f->priority;
	n->offload = f->offload;
	n->counter = f->counter;
	for (size_t i = 0; i < f->n_devices; i++) {
		if (!flowtable_add_device(n, f->devices[i], strlen(f->devices[i]))) {
			flowtable_unref(n);
			return NULL;
		}
	}
	return n;
}

size_t flowtable_find(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->n_flowtables; i++) {
		if (!strcmp(t->flowtables[i]->name, name))
			return i;
	}
	return MODEL_NONE;
}

bool table_add_flowtable(struct table *t, struct flowtable *f)
{
	if (!f || !model_grow(&t->flowtables, t->n_flowtables, &t->cap_flowtables)) {
		flowtable_unref(f);
		return false;
	}
	t->flowtables[t->n_flowtables++] = f;
	return true;
}

void table_remove_flowtable(struct table *t, size_t at)
{
	flowtable_unref(t->flowtables[at]);
	t->n_flowtables--;
	memmove(t->flowtables + at, t->flowtables + at + 1,
		(t->n_flowtables - at) * sizeof(struct flowtable *));
}

/* As nft 1.0.6 does; in quotes what is no word, which could not be read otherwise. */
static void print_device(const char *name, struct text *out)
{
	const char *quote = lex_one(name, strlen(name)).kind == TOKEN_WORD ? "" : "\"";

	text_printf(out, "%s%s%s", quote, name, quote);
}

void print_flowtable_lines(const struct flowtable *f, unsigned flags, const char *indent,
			   const char *end, struct text *out)
{
	text_printf(out, "%shook ingress priority ", indent);
	print_priority(PRIORITY_FLOWTABLE, f->priority, flags, out);
	text_puts(out, end);
	for (size_t i = 0; i < f->n_devices; i++) {
		text_printf(out, "%s%s", i ? ", " : indent, i ? "" : "devices = { ");
		print_device(f->devices[i], out);
	}
	if (f->n_devices)
		text_printf(out, " }%s", end);
	if (f->offload)
		text_printf(out, "%sflags offload%s", indent, end);
	if (f->counter)
		text_printf(out, "%scounter%s", indent, end);
}

void print_flowtable(const struct flowtable *f, unsigned flags, struct text *out)
{
	text_printf(out, "\tflowtable %s {", f->name);
	if (flags & PRINT_HANDLE)
		text_printf(out, " # handle %" PRIu64, f->handle);
	text_putc(out, '\n');
	print_flowtable_lines(f, flags, "\t\t", "\n", out);
	text_puts(out, "\t}\n");
}
