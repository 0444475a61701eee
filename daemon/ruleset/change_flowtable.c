/* change_flowtable.c - flowtables of tables: added, given devices, deleted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset/transaction.h"

static bool has_device(const struct flowtable *f, const char *name)
{
	for (size_t i = 0; i < f->n_devices; i++) {
		if (!strcmp(f->devices[i], name))
			return true;
	}
	return false;
}

/* One that is there gets the devices that it lacks; its hook and flags stay. */
static int update(struct transaction *tx, struct table *t, size_t at,
		  const struct flowtable_spec *spec, int32_t priority)
{
	const struct flowtable *more = spec->flowtable;
	struct flowtable *f = t->flowtables[at];

	if (spec->has_hook && priority != f->priority) {
		diag_error(tx->d, &spec->priority.span,
			   "the flowtable exists already, with another priority");
		return -EINVAL;
	}
	if (more->offload != f->offload || (more->counter && !f->counter)) {
		diag_error(tx->d, &spec->name.span,
			   "the flowtable exists already, with other flags");
		return -EINVAL;
	}
	f = flowtable_copy(f);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < more->n_devices; i++) {
		if (!has_device(f, more->devices[i]) &&
		    !flowtable_add_device(f, more->devices[i], strlen(more->devices[i]))) {
			flowtable_unref(f);
			return -ENOMEM;
		}
	}
	flowtable_unref(t->flowtables[at]);
	t->flowtables[at] = f;
	return 0;
}

int flowtable_add(struct transaction *tx, struct table *t, struct flowtable_spec *spec,
		  enum command_op op)
{
	struct flowtable *f = spec->flowtable;
	struct echo echo = { .kind = ECHO_FLOWTABLE, .op = op, .table = t->handle };
	size_t at = flowtable_find(t, f->name);
	int err = 0;

	if (spec->has_hook)
		err = transaction_priority(tx, &spec->priority, PRIORITY_FLOWTABLE,
					   &f->priority);
	if (err)
		return err;
	if (at != MODEL_NONE && op == COMMAND_CREATE) {
		diag_error(tx->d, &spec->name.span, "the flowtable exists already");
		return -EINVAL;
	}
	if (at != MODEL_NONE)
		return update(tx, t, at, spec, f->priority);
	if (!spec->has_hook) {
		diag_error(tx->d, &spec->name.span,
			   "this flowtable has no hook: write hook ingress priority filter;");
		return -EINVAL;
	}
	f->handle = echo.handle = ++t->last_handle;
	f->refs++;
	return table_add_flowtable(t, f) && transaction_echo(tx, &echo) ? 0 : -ENOMEM;
}

static bool is_named(const struct flowtable *f, const struct token *name)
{
	return strlen(f->name) == name->len && !strncmp(f->name, name->s, name->len);
}

size_t flowtable_named(struct transaction *tx, const struct table *t, const struct command *c)
{
	const char *names[256 + 1];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < t->n_flowtables; i++) {
		const struct flowtable *f = t->flowtables[i];

		if (c->place == PLACE_HANDLE ? f->handle == c->place_number :
					       is_named(f, &c->name))
			return i;
		if (n < 256)
			names[n++] = f->name;
	}
	names[n] = NULL;
	if (c->place == PLACE_HANDLE) {
		diag_error(tx->d, &c->place_span,
			   "there is no flowtable with this handle in table %s", t->name);
		return MODEL_NONE;
	}
	diag_error(tx->d, &c->name.span, "there is no flowtable \"%.*s\" in table %s %s",
		   (int)c->name.len, c->name.s, family_name(t->family), t->name);
	near = suggest(c->name.s, c->name.len, names);
	if (near)
		diag_hint(tx->d, "did you mean \"%s\"?", near);
	return MODEL_NONE;
}

/* Some of its devices: all of them are there. */
static int remove_devices(struct transaction *tx, struct table *t, size_t at,
			  const struct flowtable_spec *spec)
{
	struct flowtable *f = flowtable_copy(t->flowtables[at]);

	if (!f)
		return -ENOMEM;
	flowtable_unref(t->flowtables[at]);
	t->flowtables[at] = f;
	for (size_t i = 0; i < spec->flowtable->n_devices; i++) {
		const char *name = spec->flowtable->devices[i];
		size_t j = 0;

		while (j < f->n_devices && strcmp(f->devices[j], name))
			j++;
		if (j == f->n_devices) {
			diag_error(tx->d, &spec->name.span, "the flowtable has no device %s",
				   name);
			return -EINVAL;
		}
		f->n_devices--;
		memmove(f->devices + j, f->devices + j + 1,
			(f->n_devices - j) * sizeof(*f->devices));
	}
	return 0;
}

int flowtable_delete(struct transaction *tx, const struct command *c, size_t table)
{
	struct table *t = tx->rs->tables[table];
	size_t at = flowtable_named(tx, t, c);

	if (at == MODEL_NONE)
		return -EINVAL;
	t = table_own(tx->rs, table);
	if (!t)
		return -ENOMEM;
	if (c->n_flowtables)
		return remove_devices(tx, t, at, &c->flowtables[0]);
	table_remove_flowtable(t, at);
	return 0;
}
