/* parse_flowtable.c - flowtables: add flowtable ..., and a table's `flowtable NAME { ... }`. */
#include "ruleset/parse.h"

#include <string.h>

static const char *const line_words[] = { "hook", "devices", "flags", "counter", NULL };
#define LINES_WHAT "a line of the flowtable: hook, devices, flags or counter"

static struct flowtable_spec *new_flowtable(struct parser *p, struct command *c,
					    const struct token *name)
{
	struct flowtable_spec *grown = parse_grow(p, c->flowtables, c->n_flowtables,
						  &c->cap_flowtables, sizeof(*grown));
	struct flowtable_spec *spec;

	if (!grown)
		return NULL;
	c->flowtables = grown;
	spec = &grown[c->n_flowtables];
	*spec = (struct flowtable_spec){ .name = *name };
	spec->flowtable = flowtable_new(name->s, name->len);
	if (!spec->flowtable)
		return parse_oom(p);
	c->n_flowtables++;
	return spec;
}

static bool parse_flowtable_hook(struct parser *p, struct flowtable_spec *spec)
{
	static const char *const hooks[] = { "ingress", NULL };

	spec->hook_span = p->t.span;
	if (!parse_accept_word(p, "ingress"))
		return parse_unknown(p, "the hook of a flowtable: ingress", hooks);
	spec->has_hook = true;
	return parse_priority(p, &spec->priority);
}

static bool add_device(struct parser *p, struct flowtable *f, const char *name, size_t len,
		       const struct span *at)
{
	if (!len || len > FLOWTABLE_DEVICE_LEN) {
		diag_error(p->d, at, "the name of a device has 1 to %u bytes",
			   FLOWTABLE_DEVICE_LEN);
		return false;
	}
	for (size_t i = 0; i < f->n_devices; i++) {
		if (!strncmp(f->devices[i], name, len) && !f->devices[i][len]) {
			diag_error(p->d, at, "%.*s is among the devices already", (int)len,
				   name);
			return false;
		}
	}
	if (f->n_devices == FLOWTABLE_MAX_DEVICES) {
		diag_error(p->d, at, "a flowtable has at most %u devices",
			   FLOWTABLE_MAX_DEVICES);
		return false;
	}
	if (!flowtable_add_device(f, name, len))
		return parse_oom(p) != NULL;
	return true;
}

/* $name: a name, or a set of them. */
static bool add_variable(struct parser *p, struct flowtable *f)
{
	struct expr *e = parse_variable(p);
	bool set = e && e->kind == EXPR_SET;
	size_t n = set ? e->list.n : e != NULL;
	bool ok = e != NULL;

	for (size_t i = 0; i < n && ok; i++) {
		const struct expr *item = set ? e->list.item[i] : e;

		ok = item->kind == EXPR_SYMBOL;
		if (ok)
			ok = add_device(p, f, item->symbol, strlen(item->symbol), &e->span);
		else
			diag_error(p->d, &e->span, "this variable is no list of devices");
	}
	expr_free(e);
	return ok;
}

static bool parse_device(struct parser *p, struct flowtable *f)
{
	struct token t = p->t;

	if (token_is(&t, '$'))
		return add_variable(p, f);
	if (t.kind != TOKEN_WORD && t.kind != TOKEN_STRING) {
		parse_expected(p, "the name of a device");
		return false;
	}
	parse_advance(p);
	return add_device(p, f, t.s, t.len, &t.span);
}

static bool parse_devices(struct parser *p, struct flowtable *f)
{
	if (!parse_expect(p, '=', "\"=\""))
		return false;
	if (token_is(&p->t, '$'))
		return add_variable(p, f);
	if (!parse_expect(p, '{', "\"{\" and the names of devices"))
		return false;
	do {
		parse_skip_newlines(p);
		if (token_is(&p->t, '}'))
			break;
		if (!parse_device(p, f))
			return false;
		parse_skip_newlines(p);
	} while (parse_accept(p, ','));
	return parse_expect(p, '}', "\",\" or \"}\"");
}

static bool parse_line(struct parser *p, struct command *c, size_t at)
{
	static const char *const flags[] = { "offload", NULL };
	struct flowtable_spec *spec = &c->flowtables[at];
	bool ok;

	if (parse_common(p, &ok))
		return ok;
	if (parse_accept_word(p, "hook"))
		return parse_flowtable_hook(p, spec);
	if (parse_accept_word(p, "devices"))
		return parse_devices(p, spec->flowtable);
	if (parse_accept_word(p, "counter"))
		return spec->flowtable->counter = true;
	if (!parse_accept_word(p, "flags"))
		return parse_unknown(p, LINES_WHAT, line_words);
	if (!parse_accept_word(p, "offload"))
		return parse_unknown(p, "a flag of flowtables: offload", flags);
	return spec->flowtable->offload = true;
}

static bool parse_flowtable(struct parser *p, struct command *c, const struct token *name)
{
	if (!token_is(&p->t, '{')) {
		parse_expected(p, "\"{\"");
		return false;
	}
	return new_flowtable(p, c, name) &&
	       parse_block(p, c, c->n_flowtables - 1, parse_line);
}

bool parse_flowtable_item(struct parser *p, struct command *c)
{
	struct token name;

	return parse_name(p, "the name of a flowtable", &name) && parse_flowtable(p, c, &name);
}

/* add and its like have a block; delete may have one with devices, or a handle; list has the
 * name alone. */
bool parse_flowtable_command(struct parser *p, struct command *c)
{
	bool deletes = c->op == COMMAND_DELETE || c->op == COMMAND_DESTROY;

	c->object = OBJECT_FLOWTABLE;
	if (!parse_table_name(p, c))
		return false;
	if (deletes && token_is_word(&p->t, "handle"))
		return parse_handle(p, c);
	if (!parse_name(p, "the name of a flowtable", &c->name))
		return false;
	if (c->op == COMMAND_ADD || c->op == COMMAND_CREATE ||
	    (deletes && token_is(&p->t, '{')))
		return parse_flowtable(p, c, &c->name);
	return true;
}
